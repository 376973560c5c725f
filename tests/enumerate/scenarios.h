/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenarios.h - what is done with the library, and undone.
 */
#ifndef TESTS_SCENARIOS_H
#define TESTS_SCENARIOS_H

#include "points.h"

struct scenarios {
	const struct scenario *list;
	uint32_t count;
};

extern const struct scenarios engine_scenarios;  /* engines, and arrivals */
extern const struct scenarios object_scenarios;  /* what is made in an engine */
extern const struct scenarios machine_scenarios; /* the same where the kernel is asked */
extern const struct scenarios wdk_scenarios;

/* Before there is any other thread. */
void scenarios_prepare(void);

#define SCENARIOS(name, list) const struct scenarios name = { (list), (uint32_t)LENGTH(list) }

#endif
