/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * habits.h - eight habits by which a driver breaks when a processor arrives, each in a broken and in a right version.
 *
 * docs/driver-guide.md shows the lines between the marks "broken" and "right" of each file and says what to learn from them;
 * main.c runs all of them through ten arrivals, and tests/sim/eight_habits.c asserts how each ends.
 *
 *   1 sizing.c       how much there is of something follows the count at load
 *   2 walking.c      a loop over the bits of a mask
 *   3 assigning.c    a bit of a mask says whose a resource is
 *   4 structures.c   a structure for each processor, made at load
 *   5 current.c      an array indexed by the processor that runs
 *   6 placing.c      a DPC aimed at a processor
 *   7 rebalance.c    a device that cannot be stopped
 *   8 balancing.c    turns over a count that was kept
 */
#ifndef HABITS_H
#define HABITS_H

#include <dhp.h>

#define MOST 64u /* processors in these simulations */

struct driver {
	bool (*load)(void);
	void (*work)(void);       /* some for each processor that is active; ends with dhp_dpc_flush */
	uint32_t (*served)(void); /* on how many processors it was done as it should */
	void (*unload)(void);     /* also after a load that failed */
};

struct habit {
	const char *name;
	const char *symptom; /* of those that are not served */
	struct driver broken, right;
};

extern const struct habit sizing, walking, assigning, structures, current, placing, rebalance, balancing;
extern const struct driver balancing_in_turn; /* the second best */

/* ---- common.c ---- */

extern struct dhp_engine *engine; /* the one that all drivers are for */

/* A DPC on each active processor. They have run after dhp_dpc_flush. */
void on_each_processor(void (*routine)(uint32_t index));

/* Work was done on this processor as it should; on how many since the last clear. */
void served_at(uint32_t index);
uint32_t served_count(void);
void served_clear(void);

/* Stands for the access that would end the system, or destroy memory of others: counts it, so that the driver can skip it. */
bool crashes(bool certain);
uint32_t crashes_count(void); /* since the last clear */

#endif
