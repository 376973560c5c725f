/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work.c - a pool of objects that everybody fights for: threads, other DPCs and a signal handler insert the same objects,
 * others remove them. A routine inserts another object, or its own, with a chance that lets chains die out.
 *
 * At the end the engine is destroyed with work queued: all of it must have run afterwards.
 */
#include <stdlib.h>

#include "object.h"

#define OBJECTS 48u
#define LEFT_OVER 32u

struct pool {
	struct object objects[OBJECTS];
	struct object left_over[LEFT_OVER];
};

static void shared_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	uint64_t random = dice_mix((uint64_t)(uintptr_t)argument_1);

#if SEED_BUG == 3
	static uint64_t unguarded;

	unguarded++;
#endif
	object_ran(object);
	tally_check(object->world->tally, RULE_HANDED, dpc == &object->dpc && argument_2 == object, 0, 0);
	routine_checks(object->world, object->target, random);
	if (random % 8 == 0)
		pool_insert(object->world, random);
	if (random % 64 == 1)
		object_insert(object, random);
}

void pool_insert(struct world *world, uint64_t random)
{
	object_insert(&world->pool->objects[(random >> 32) % OBJECTS], random);
}

void pool_remove(struct world *world, uint64_t random)
{
	object_remove(&world->pool->objects[(random >> 32) % OBJECTS]);
}

static void submit(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		uint32_t burst = dice_between(dice, 1, 32);

		while (burst-- > 0)
			pool_insert(world, dice_roll(dice));
		count(world, 1);
		if (dice_one_in(dice, 4))
			sleep_us(dice_below(dice, 300));
	}
}

static void withdraw(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		uint32_t burst = dice_between(dice, 1, 16);

		while (burst-- > 0)
			pool_remove(world, dice_roll(dice));
		if (dice_one_in(dice, 2))
			sleep_us(dice_below(dice, 200));
	}
}

static void begin(struct world *world)
{
	struct dice dice = dice_make(world->seed, 1000);
	struct pool *pool = world->pool = take(sizeof(*pool));
	uint32_t i;

	for (i = 0; i < OBJECTS; i++)
		object_prepare(&pool->objects[i], world, shared_routine,
			       i % 3 == 0 ? any_index(world, &dice) : DHP_NO_INDEX, (enum dhp_importance)(i % 4));
}

/* Chains die out, so a few flushes find the pool at rest. */
static void settle(struct world *world)
{
	uint64_t before, now = 0;

	do {
		before = now;
		went_well(world, dhp_dpc_flush(world->engine));
		now = atomic_load_explicit(&world->tally->deeds[DEED_RAN], memory_order_relaxed);
	} while (now != before);
}

static void end(struct world *world)
{
	struct pool *pool = world->pool;
	uint32_t i;

	settle(world);
	for (i = 0; i < OBJECTS; i++)
		object_balance(&pool->objects[i]);
	atomic_store_explicit(&world->bare, true, memory_order_release);
}

static void leave(struct world *world)
{
	struct dice dice = dice_make(world->seed, 1001);
	struct pool *pool = world->pool;
	uint32_t i;

	for (i = 0; i < LEFT_OVER; i++) {
		object_prepare(&pool->left_over[i], world, shared_routine,
			       i % 2 == 0 ? any_index(world, &dice) : DHP_NO_INDEX, (enum dhp_importance)(i % 4));
		object_insert(&pool->left_over[i], i * 8u);
	}
}

static void after(struct world *world)
{
	struct pool *pool = world->pool;
	uint32_t i;

	for (i = 0; i < OBJECTS; i++)
		object_balance(&pool->objects[i]);
	for (i = 0; i < LEFT_OVER; i++)
		object_balance(&pool->left_over[i]);
	free(pool);
}

const struct part part_work = {
	.name = "work", .group = GROUP_WORK, .begin = begin, .acts = {submit, withdraw}, .end = end, .leave = leave, .after = after};
