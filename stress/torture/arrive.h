/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrive.h - where the processors of a round come from.
 */
#ifndef TORTURE_ARRIVE_H
#define TORTURE_ARRIVE_H

#include "world.h"

struct arrivals {
	/* Once, before there is any thread. Ends the program with status 3 when this cannot run here. */
	void (*prepare)(void);
	/* Makes world->engine and sets world->maximum. */
	void (*create)(struct world *world, struct dice *dice);
	/* In the main thread, while the actors act, for about world->milliseconds. */
	void (*play)(struct world *world, struct dice *dice);
	/* When nobody refuses any more: whoever has not arrived does. */
	void (*finish)(struct world *world);
	/* The engine is gone. */
	void (*over)(struct world *world);
};

extern const struct arrivals arrivals_simulated, arrivals_of_machine;

#endif
