/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ages.c - how many grace periods old is what readers see? A piece is published, unlinked, and then goes through one grace
 * period after another; its age says how many, with one for the unlinking. Who reads in a section sees age 0, or 1 if it was
 * unlinked meanwhile. Older means that a grace period has ended while the section was open; how much older is the histogram.
 * (The method of the Linux kernel's rcutorture.)
 *
 * Pieces are used again and freed at the end only, so that a reader too late reads no freed memory and no tool is needed.
 */
#include <sched.h>
#include <stdlib.h>

#include "world.h"

#define PIECES 64u
#define PLACES 4u
#define OLDEST (TALLY_AGES - 1)

struct piece {
	struct dhp_deferred deferred; /* first: see grow_older */
	struct world *world;
	atomic_uint age;
	atomic_bool taken;
};

struct ages {
	struct piece pieces[PIECES];
	_Atomic(struct piece *) places[PLACES];
};

static void grow_older(struct dhp_deferred *deferred)
{
	struct piece *piece = (struct piece *)(void *)deferred;
	uint32_t age = atomic_fetch_add_explicit(&piece->age, 1, memory_order_relaxed) + 1;

	stalls_welcome();
	if (age < OLDEST)
		went_well(piece->world, dhp_epoch_defer(piece->world->engine, deferred, grow_older));
	else
		atomic_store_explicit(&piece->taken, false, memory_order_release);
}

/* NULL: all are on their way. */
static struct piece *take_piece(struct ages *ages)
{
	uint32_t i;

	for (i = 0; i < PIECES; i++)
		if (!atomic_load_explicit(&ages->pieces[i].taken, memory_order_relaxed) &&
		    !atomic_exchange_explicit(&ages->pieces[i].taken, true, memory_order_acquire))
			return &ages->pieces[i];
	return NULL;
}

/* One step by waiting, the others by being called back. */
static void let_age(struct world *world, struct piece *piece, bool waits)
{
	atomic_store_explicit(&piece->age, 1, memory_order_relaxed);
#if SEED_BUG == 4
	atomic_store_explicit(&piece->age, 3, memory_order_relaxed);
#endif
	if (waits && went_well(world, dhp_epoch_synchronize(world->engine))) {
		atomic_fetch_add_explicit(&piece->age, 1, memory_order_relaxed);
		deed(world, DEED_SYNCHRONIZED);
	}
	went_well(world, dhp_epoch_defer(world->engine, &piece->deferred, grow_older));
}

static void publish(struct world *world, struct dice *dice)
{
	struct ages *ages = world->ages;

	while (!stopping(world)) {
		struct piece *piece = take_piece(ages), *old;

		if (piece != NULL) {
			atomic_store_explicit(&piece->age, 0, memory_order_relaxed);
			old = atomic_exchange_explicit(&ages->places[dice_below(dice, PLACES)], piece, memory_order_acq_rel);
			if (old != NULL)
				let_age(world, old, dice_one_in(dice, 4));
		}
		if (piece == NULL || dice_one_in(dice, 4))
			sleep_us(dice_below(dice, 200));
	}
}

/* In a section: take a piece, let time pass, and see how old it has become. */
static void look(struct world *world, uint64_t random, uint32_t turns, bool sleeps)
{
	struct piece *piece = atomic_load_explicit(&world->ages->places[random % PLACES], memory_order_acquire);
	uint32_t age;

	while (turns-- > 0)
		__asm__ __volatile__("" ::: "memory");
	if (sleeps)
		sleep_us((uint32_t)(random >> 40) % 2000);
	if (piece == NULL)
		return;
	age = atomic_load_explicit(&piece->age, memory_order_relaxed);
	atomic_fetch_add_explicit(&world->tally->ages[age < OLDEST ? age : OLDEST], 1, memory_order_relaxed);
	tally_check(world->tally, RULE_AGE, age <= 1, age, 1);
}

void ages_glance(struct world *world, uint64_t random)
{
	look(world, random >> 4, (uint32_t)(random >> 16) % 128, false);
}

static void read_ages(struct world *world, struct dice *dice)
{
	struct dhp_reader *reader;

	while (!stopping(world)) {
		uint32_t sections = dice_between(dice, 1, 400);

		if (!went_well(world, dhp_reader_join(world->engine, &reader)))
			continue;
		while (sections-- > 0 && !stopping(world)) {
			dhp_epoch_enter(reader);
			look(world, dice_roll(dice), dice_below(dice, 2000), dice_one_in(dice, 64));
			dhp_epoch_exit(reader);
			deed(world, DEED_SECTIONS);
			if (dice_one_in(dice, 16))
				sched_yield();
		}
		went_well(world, dhp_reader_leave(reader));
	}
}

static void begin(struct world *world)
{
	uint32_t i;

	world->ages = take(sizeof(*world->ages));
	for (i = 0; i < PIECES; i++)
		world->ages->pieces[i].world = world;
}

static void end(struct world *world)
{
	uint32_t i;

	for (i = 0; i <= OLDEST; i++) /* each defers again */
		went_well(world, dhp_epoch_drain(world->engine));
	free(world->ages);
}

const struct part part_ages = {
	.name = "ages", .group = GROUP_EPOCHS, .begin = begin, .acts = {publish, read_ages}, .end = end};
