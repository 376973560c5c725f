/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * points.h - a scenario, run once for each call in it that can fail, in each way in which that can fail.
 *
 * What every point must show: the call of the library succeeds, because it can do without, or it fails and everything is as it
 * was: the set of processors, what registrants heard (each Start has its second call), slots, objects, address space, threads,
 * descriptors. Then the same call succeeds; the engine works; its end leaves nothing.
 */
#ifndef TESTS_POINTS_H
#define TESTS_POINTS_H

#include "refuse.h"

#include <dhp/change.h>
#include <dhp/hold.h>
#include <dhp/lanes.h>
#include <dhp/lookaside.h>
#include <dhp/memory.h>
#include <dhp/rebalance.h>
#include <dhp/record.h>
#include <dhp/rundown.h>
#include <dhp/thread.h>
#include <dhp/timer.h>

#include "tree.h"

#define STAGE_OBJECTS 8u

struct stage {
	struct dhp_engine *engine; /* NULL: none yet, or none at all */
	void *object;              /* of the act */
	void *others[STAGE_OBJECTS];
	struct tree tree;

	/* told by callbacks */
	uint64_t starts, seconds;
	uint64_t arrivals, changes, runs;
	bool vetoer_untold;      /* who refuses Start gets no second call */
	int64_t slots;  /* constructed and not destructed */
	int64_t blocks; /* likewise, of a lookaside list */
};

enum point_flags {
	/* What a failed attempt made is kept for the next (an epoch's record), or what the first success made (threads). */
	POINT_KEEPS = 1u << 0,
	/* The act changes the world before it asks: there is no picture to compare. */
	POINT_MOVES = 1u << 1,
	/* It cannot fail. */
	POINT_MUST_SUCCEED = 1u << 2,
	/* Calls of other threads, and calls that wait, are refused too. */
	POINT_OTHERS = 1u << 3,
	/* Only those: the calls of this thread are the test's. */
	POINT_OTHERS_ONLY = 1u << 4,
	/* A checked build keeps what is given back until the engine's end, so as to know a handle that is gone. */
	POINT_LEAVES = 1u << 5,
	/* A control thread works all the time: what it has open for a moment counts only when the engine is gone. */
	POINT_LIVES = 1u << 6
};

struct scenario {
	const char *name; /* the public function: its contract has to list each status */
	void (*set)(struct stage *stage);
	enum dhp_status (*act)(struct stage *stage);
	void (*undo)(struct stage *stage); /* NULL: nothing to undo */
	void (*clear)(struct stage *stage);
	uint32_t flags; /* enum point_flags */
};

/* Asserts. */
void points_run(const struct scenario *scenario);
/* A test of one scenario, its initial state. */
void points_test(void **state);
int points_where(void **state);
#define points_of(scenario) { (scenario)->name, points_test, NULL, points_where, (void *)(uintptr_t)(scenario) }

bool points_open(const char *path, bool with_every_error);
void points_close(void);

/* ---- worlds ---- */

/* All assert; what makes something gives its status. */
void no_world(struct stage *stage);
void clear_nothing(struct stage *stage);
void small_sim(struct stage *stage);
void end_world(struct stage *stage);
/* With two registrants, an array, a counter, and whoever hears later. */
void full_sim(struct stage *stage);
void furnish(struct stage *stage); /* the engine that there is */
void end_full(struct stage *stage);

/* A lookaside list of the library's blocks, as the object of the act. */
enum dhp_status make_list(struct stage *stage);
void list_gone(struct stage *stage);
void end_list(struct stage *stage); /* and the world */

enum dhp_status make_array(struct stage *stage, struct dhp_percpu **out_array);
enum dhp_status make_registration(struct stage *stage, uint32_t flags, struct dhp_notify **out_registration);
enum dhp_status make_arrival_registration(struct stage *stage, struct dhp_arrival_notify **out_registration);
enum dhp_status make_change_registration(struct stage *stage, struct dhp_change_notify **out_registration);
enum dhp_status make_hold(struct stage *stage, struct dhp_hold **out_hold);
enum dhp_status make_device(struct stage *stage, struct dhp_hold *hold, struct dhp_device **out_device);

#endif
