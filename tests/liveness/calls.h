/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.h - every call of the library that claims never to wait for another thread, made in a world in which two threads
 * meet at everything they can: one of them will be stopped.
 *
 * The names are those of the contracts' claims: tests/api/liveness_claims.py compares.
 */
#ifndef TESTS_CALLS_H
#define TESTS_CALLS_H

#include "support.h"

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

/* What they share. */
struct world {
	struct dhp_engine *engine;
	uint32_t workers;
	struct dhp_percpu *array;
	struct dhp_counter *counter;
	struct dhp_notify *notify;
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_lookaside *list;
	struct dhp_lanes *lanes;
	uint64_t items_run, items_pushed;
	struct dhp_rundown rundown;
	struct dhp_rundown_percpu *rundown_percpu;
	struct dhp_memory_event *event;
	struct dhp_dpc dpc;
	uint64_t dpc_runs;
	struct tape *tape;
	struct windows *windows; /* an event for which somebody waits, a semaphore */
};

#define ACTOR_DPCS 8u
#define ACTOR_DEFERRED 4096u
#define ACTOR_SPARES 32u

/* What is a thread's own. */
struct actor {
	struct world *world;
	struct dhp_dpc dpcs[ACTOR_DPCS]; /* to each processor, of each kind */
	uint64_t runs;
	uint64_t inserted;
	struct dhp_reader *reader;
	struct dhp_reader *spares[ACTOR_SPARES]; /* to be left */
	uint32_t spares_left;
	struct actors_deferred {
		struct dhp_deferred deferred;
		uint64_t waits; /* 1: it is the library's */
	} deferred[ACTOR_DEFERRED];
	uint64_t deferred_next;
	struct dhp_request request;
	struct dhp_rundown rundown;
	struct dhp_rundown_percpu *rundown_percpu, *rundown_done;
	void *memory;
	struct dhp_timer timer;
	uint64_t sink;
};

enum claim { LOCK_FREE, WAIT_FREE };

/*
 * What the claim leaves out: the C library's memory, requests while their queue holds, and the kernel's clock, which is read
 * again when the kernel has written it meanwhile.
 */
enum needs { NOTHING, MEMORY, NO_HOLD, CLOCK };

struct call {
	const char *names;
	enum claim claim;
	enum needs needs;
	void (*make)(struct actor *actor);
};

extern const struct call calls[];
extern const uint32_t calls_count;

/* All assert. */
void world_make(struct world *world, uint32_t maximum, uint32_t workers);
void world_end(struct world *world);
void actor_make(struct actor *actor, struct world *world);
void actor_end(struct actor *actor);

#endif
