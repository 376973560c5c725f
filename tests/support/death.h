/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * death.h - what a checked build does about a mistake of the client: it says which clause and where, and ends the process.
 */
#ifndef TESTS_DEATH_H
#define TESTS_DEATH_H

#include "support.h"

/* The function that has the call; it may not be inlined. */
#define DEATH_SITE(function) ((uintptr_t)&(function))

/*
 * Asserts. In a child `mistake` is called; the process has to be stopped with a message that names the clause, as "S-604",
 * and the place of the call, inside the function at `site` (0: wherever). Call it before this process has threads.
 */
void assert_stopped(void (*mistake)(void *argument), void *argument, const char *clause, uintptr_t site);

struct misuse {
	int level; /* of the check: builds with fewer go on */
	void (*make)(void);
	const char *text; /* of the check */
};

/* Asserts. Each of them whose check this build has ends in it. */
void assert_each_stopped(const struct misuse *mistakes, size_t count);

#endif
