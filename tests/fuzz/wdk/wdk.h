/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wdk.h - a program of calls under their Windows names, by one thread; a table of operations for each part of them.
 */
#ifndef TESTS_FUZZ_WDK_H
#define TESTS_FUZZ_WDK_H

#include "../fuzz.h"

#include <dhp.h>
#include <dhp/wdk.h>

/* How the engine was built: at 2 and above misuse that a check names ends the process, so it is left out. */
#ifndef DHP_CHECKS
#define DHP_CHECKS 1
#endif
#define MISUSE_HAS_A_STATUS (DHP_CHECKS < 2)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROCESSORS 6u

struct program {
	const uint8_t *at, *end;
	struct dhp_engine *engine;
	uint32_t active; /* as the model has it */
};

extern struct program program;

/* What there is still to read, then zeros. */
static inline uint32_t take(void)
{
	return program.at < program.end ? *program.at++ : 0;
}

static inline uint32_t take_below(uint32_t limit)
{
	return take() % limit;
}

struct part {
	const char *name;
	void (*const *operations)(void);
	uint32_t count;
	void (*begin)(void);
	void (*end)(void); /* everything is given back */
};

extern const struct part processors_part, objects_part, work_part, memory_part, listeners_part;

/* listeners.c: a processor has come. */
void listeners_arrived(void);

#endif
