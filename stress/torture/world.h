/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - what the parts of torture share: one round, and what a part has to offer.
 *
 * A round makes an engine, lets every part prepare itself, runs actors (threads of the parts) while processors arrive,
 * stops them, lets every part check what must hold, and destroys the engine. An index is never given back, so a long run
 * is many rounds.
 */
#ifndef TORTURE_WORLD_H
#define TORTURE_WORLD_H

#include <dhp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dice.h"
#include "gate.h"
#include "options.h"
#include "tally.h"

/*
 * SEED_BUG plants a fault in the torture itself, to see that it is found: 1 a routine runs twice for one insertion, 2 an
 * object is reclaimed without a grace period, 3 a data race that only ThreadSanitizer can see, 4 a grace period
 * that is over before it has begun. What is broken in the engine
 * instead, and which rule says so, is in tests/mutants/stress.txt.
 */
#ifndef SEED_BUG
#define SEED_BUG 0
#endif

/* What parts keep for a round; each is defined in the part's own file. */
struct pool;      /* work.c */
struct heap;      /* heap.c */
struct slots;     /* slots.c */
struct links;     /* links.c */
struct hearers;   /* hearers.c */
struct listeners; /* listeners.c */
struct ages;      /* ages.c */
struct blocks;    /* blocks.c */
struct rundowns;  /* rundowns.c */
struct changes;   /* changes.c */
struct modules;   /* modules.c */
struct lanes;     /* lanes.c */

struct world {
	const struct options *options; /* constant */
	struct tally *tally;
	uint64_t seed;                 /* of the round */
	struct dhp_engine *engine;
	uint32_t maximum;              /* most processors that this round can have */
	uint32_t milliseconds;         /* how long it lasts at least */
	bool shrinks;                  /* processors leave and come back */
	struct gate gate;
	atomic_bool stop;              /* actors return soon */
	atomic_bool calm;              /* nobody vetoes or fails any more */
	atomic_bool bare;              /* arrays and counters are gone: routines only count */
	struct dhp_counter *counter;
	atomic_ullong counted;         /* what its sum must be */
	atomic_ullong elsewhere;       /* routines that did not run on their target */
	uint64_t quiet;                /* by how much the generation exceeds the active count while processors only arrive */
	atomic_ullong displaced;       /* routines that did not run on the cpu of their processor */
	struct pool *pool;
	struct heap *heap;
	struct slots *slots;
	struct links *links;
	struct hearers *hearers;
	struct listeners *listeners;
	struct ages *ages;
	struct blocks *blocks;
	struct rundowns *rundowns;
	struct changes *changes;
	struct modules *modules;
	struct lanes *lanes;
};

typedef void act(struct world *world, struct dice *dice);

#define PART_ACTS 3u

/*
 * begin: before the actors. end: when they are gone. leave: right before the engine is destroyed. after: it is gone.
 * NULL: nothing to do.
 */
struct part {
	const char *name;
	enum group group; /* GROUPS: of every program */
	void (*begin)(struct world *world);
	act *acts[PART_ACTS];
	void (*end)(struct world *world);
	void (*leave)(struct world *world);
	void (*after)(struct world *world);
};

extern const struct part part_work, part_batch, part_heap, part_alarm, part_slots, part_links, part_hearers, part_listeners,
	part_watch, part_adder, part_pins, part_stalls, part_refusals, part_ages, part_order, part_timers, part_calls,
	part_blocks, part_sums, part_rundowns, part_devices, part_changes, part_modules, part_records, part_lanes;

static inline bool stopping(struct world *world)
{
	return atomic_load_explicit(&world->stop, memory_order_relaxed);
}

static inline bool calm(struct world *world)
{
	return atomic_load_explicit(&world->calm, memory_order_relaxed);
}

static inline void deed(struct world *world, enum deed deed)
{
	tally_add(world->tally, deed, 1);
}

/* Memory, or the end of the program with status 3. */
void *take(size_t bytes);

/* status is DHP_OK; or it says that there was no memory, and some was refused; or the rule "status" is broken. */
bool went_well(struct world *world, enum dhp_status status);

/* refusals.c: a failure that this torture has brought about. A part that counts such failures counts it here. */
bool is_excused(struct world *world, enum dhp_status status);
void refusals_end(void);
/* Something may just be refused, also by an engine of somebody's own. */
bool refusals_happen(void);

/* stalls.c: from now on the calling thread may be stopped in the middle of anything. */
void stalls_welcome(void);

void sleep_us(uint32_t us);
uint64_t now_ns(void);
uint64_t now_ms(void);

/* An index that is active now. */
uint32_t any_index(struct world *world, struct dice *dice);

/* Add to the round's counter and to what its sum must be. Any level. */
void count(struct world *world, uint64_t amount);

/* What every routine looks at but its level: its processor (target, or DHP_NO_INDEX), its slot, what it can reach. */
void routine_checks(struct world *world, uint32_t target, uint64_t random);

/* By how much the generation exceeds the number of processors: grows when one leaves or comes back, not when one arrives. */
uint64_t departures(struct world *world);

/* Before the actors, and at the end of a round, when nothing runs: where the routines were. */
void placement_begins(struct world *world);
void placement_checks(struct world *world);

/* slots.c: look at the arrays from a DPC, or from a section. */
void slots_glance(struct world *world, uint64_t random);
/* links.c: follow a shared pointer from a DPC, or from a section; take one away from a signal handler. */
void links_glance(struct world *world, uint64_t random);
void links_unlink(struct world *world, uint64_t random);
/* ages.c, blocks.c, rundowns.c: likewise, from a DPC or a section; the last also from a signal handler. */
void ages_glance(struct world *world, uint64_t random);
void blocks_glance(struct world *world, uint64_t random);
void rundowns_glance(struct world *world, uint64_t random);
/* lanes.c: push an item now and then, at any level. */
void lanes_glance(struct world *world, uint64_t random);
/* work.c: insert one of the shared objects, at any level; remove one, not from a signal handler. */
void pool_insert(struct world *world, uint64_t random);
void pool_remove(struct world *world, uint64_t random);

#endif
