/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * links.c - shared pointers whose objects are swapped under readers and reclaimed after a grace period.
 *
 * An object's payload is plain memory, and reclaiming overwrites it: whoever can still see it then is found by
 * ThreadSanitizer, by AddressSanitizer, and by the torture itself, because a reader looks twice in one section.
 */
#include <pthread.h>
#include <stdlib.h>

#include "world.h"

#define CELLS 8u
#define UPDATERS 256u
#define WAITING_LIMIT 20000u

#define ALIVE 0x11fe11feu
#define RECLAIMED 0xdeaddeadu

/* Of one thread that defers. */
struct updater {
	atomic_ullong deferred;
	atomic_ullong reclaimed;
};

struct link {
	struct dhp_deferred deferred; /* first: see reclaim */
	struct world *world;
	struct updater *updater;      /* who deferred it; NULL: a signal handler or the thread under it */
	uint64_t order;               /* among its updater's */
	uint64_t serial;              /* payload: readers look at these two */
	uint32_t magic;
};

struct links {
	_Atomic(struct link *) cells[CELLS];
	struct updater updaters[UPDATERS];
	atomic_uint updaters_count;
	atomic_ullong serials, deferred, reclaimed;
};

static void reclaim(struct dhp_deferred *deferred)
{
	struct link *link = (struct link *)(void *)deferred;
	struct world *world = link->world;
	struct updater *updater = link->updater;

	stalls_welcome();
	tally_equal(world->tally, RULE_RECLAIM_LOST, link->magic, ALIVE);
	if (updater != NULL)
		tally_equal(world->tally, RULE_RECLAIM_ORDER,
			    atomic_fetch_add_explicit(&updater->reclaimed, 1, memory_order_relaxed), link->order);
	link->magic = RECLAIMED;
	link->serial = ~link->serial;
	atomic_fetch_add_explicit(&world->links->reclaimed, 1, memory_order_relaxed);
	deed(world, DEED_RECLAIMED);
	free(link);
}

static struct link *link_make(struct world *world)
{
	struct link *link = take(sizeof(*link));

	link->world = world;
	link->serial = atomic_fetch_add_explicit(&world->links->serials, 1, memory_order_relaxed);
	link->magic = ALIVE;
	return link;
}

static void defer(struct world *world, struct link *link, struct updater *updater)
{
#if SEED_BUG == 2
	bool early = link->serial % 8 == 0;

	if (early)
		updater = NULL; /* the one fault that is planted is not one of order too */
#endif
	link->updater = updater;
	if (updater != NULL)
		link->order = atomic_fetch_add_explicit(&updater->deferred, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&world->links->deferred, 1, memory_order_relaxed);
	deed(world, DEED_DEFERRED);
#if SEED_BUG == 2
	if (early) {
		reclaim(&link->deferred);
		return;
	}
#endif
	went_well(world, dhp_epoch_defer(world->engine, &link->deferred, reclaim));
}

void links_unlink(struct world *world, uint64_t random)
{
	struct link *link =
		atomic_exchange_explicit(&world->links->cells[random % CELLS], NULL, memory_order_acq_rel);

	if (link != NULL)
		defer(world, link, NULL);
}

void links_glance(struct world *world, uint64_t random)
{
	struct link *link = atomic_load_explicit(&world->links->cells[(random >> 8) % CELLS], memory_order_acquire);
	uint64_t serial;
	uint32_t turns = (uint32_t)(random >> 16) % 64;

	if (link == NULL)
		return;
	serial = link->serial;
#if SEED_BUG == 2
	if (turns == 0)
		(void)sched_yield(); /* where the processors are busy otherwise it has a turn now */
#endif
	while (turns-- > 0)
		__asm__ __volatile__("" ::: "memory"); /* give the reclaimer time */
	tally_equal(world->tally, RULE_RECLAIMED, link->magic, ALIVE);
	tally_equal(world->tally, RULE_RECLAIMED, link->serial, serial);
}

static void update(struct world *world, struct dice *dice)
{
	struct links *links = world->links;
	uint32_t mine = atomic_fetch_add_explicit(&links->updaters_count, 1, memory_order_relaxed);
	struct updater *updater = mine < UPDATERS ? &links->updaters[mine] : NULL;

	while (!stopping(world)) {
		struct link *old = atomic_exchange_explicit(&links->cells[dice_below(dice, CELLS)], link_make(world),
							    memory_order_acq_rel);

		if (old != NULL && dice_one_in(dice, 64)) {
			went_well(world, dhp_epoch_synchronize(world->engine));
			deed(world, DEED_SYNCHRONIZED);
			old->magic = RECLAIMED;
			old->serial = ~old->serial;
			free(old);
		} else if (old != NULL) {
			defer(world, old, updater);
		}
		if (atomic_load_explicit(&links->deferred, memory_order_relaxed) -
			    atomic_load_explicit(&links->reclaimed, memory_order_relaxed) > WAITING_LIMIT)
			went_well(world, dhp_epoch_drain(world->engine));
		if (dice_one_in(dice, 16))
			sleep_us(dice_below(dice, 100));
	}
}

static void read_nested(struct world *world, struct dice *dice, struct dhp_reader *reader, uint32_t depth)
{
	dhp_epoch_enter(reader);
	links_glance(world, dice_roll(dice));
	if (depth > 0)
		read_nested(world, dice, reader, depth - 1);
	if (dice_one_in(dice, 256))
		sched_yield();
	links_glance(world, dice_roll(dice));
	dhp_epoch_exit(reader);
}

static void read_links(struct world *world, struct dice *dice)
{
	struct dhp_reader *reader;

	while (!stopping(world)) {
		uint32_t sections = dice_between(dice, 1, 400);

		if (!went_well(world, dhp_reader_join(world->engine, &reader)))
			continue;
		while (sections-- > 0 && !stopping(world)) {
			read_nested(world, dice, reader, dice_below(dice, 3));
			deed(world, DEED_SECTIONS);
		}
		if (dice_one_in(dice, 16)) {
			dhp_epoch_enter(reader);
			tally_equal(world->tally, RULE_STATUS, (uint64_t)(int64_t)dhp_reader_leave(reader),
				    (uint64_t)(int64_t)DHP_IN_SECTION);
			dhp_epoch_exit(reader);
		}
		went_well(world, dhp_reader_leave(reader));
		deed(world, DEED_JOINS);
		sleep_us(dice_below(dice, 200));
	}
}

static void begin(struct world *world)
{
	uint32_t i;

	world->links = take(sizeof(*world->links));
	for (i = 0; i < CELLS; i++)
		atomic_init(&world->links->cells[i], link_make(world));
}

static void end(struct world *world)
{
	struct links *links = world->links;
	uint32_t i;

	for (i = 0; i < CELLS; i++)
		links_unlink(world, i);
	went_well(world, dhp_epoch_drain(world->engine));
	tally_equal(world->tally, RULE_RECLAIM_LOST, atomic_load_explicit(&links->reclaimed, memory_order_relaxed),
		    atomic_load_explicit(&links->deferred, memory_order_relaxed));
	free(links);
}

const struct part part_links = {.name = "links", .group = GROUP_EPOCHS, .begin = begin, .acts = {update, read_links}, .end = end};
