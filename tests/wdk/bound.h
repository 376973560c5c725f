/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bound.h - a simulated engine to which this process is bound.
 */
#ifndef TESTS_WDK_BOUND_H
#define TESTS_WDK_BOUND_H

#include "support.h"

#include <stdlib.h>

#include <dhp/wdk.h>

static inline struct dhp_engine *bind_sim(const struct sim_setup *setup)
{
	struct dhp_engine *engine = make_sim(setup);

	assert_ok(dhp_wdk_bind(engine));
	return engine;
}

static inline struct dhp_engine *bind_sim_of(uint32_t maximum, uint32_t initial)
{
	const struct sim_setup setup = { .maximum = maximum, .initial = initial };

	return bind_sim(&setup);
}

static inline void unbind_sim(struct dhp_engine *engine)
{
	assert_ok(dhp_wdk_unbind());
	end_engine(engine);
}

#endif
