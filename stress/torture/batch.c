/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.c - objects of one thread: insert some, remove some, flush, and then everything must be accounted for. After the
 * flush nothing of them runs, so they are made ready again with other targets, importances and payloads.
 *
 * payload and echo are plain memory. Insertion must carry the one to the routine, the flush must carry the other back;
 * ThreadSanitizer looks at both.
 */
#include <stdlib.h>

#include "object.h"

#define OBJECTS 16u

struct parcel {
	struct object object;
	uint64_t payload; /* the thread, before the insertion */
	uint64_t echo;    /* the routine of a parcel that is inserted once; the thread after the flush */
	bool once;
	atomic_bool taken_back; /* a removal of the only insertion has succeeded */
};

static void parcel_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct parcel *parcel = (struct parcel *)(void *)object;

	(void)dpc;
	(void)argument_2;
	object_ran(object);
	tally_check(object->world->tally, RULE_REMOVED_RAN,
		    !atomic_load_explicit(&parcel->taken_back, memory_order_relaxed), 1, 0);
	tally_equal(object->world->tally, RULE_HANDED, parcel->payload, (uint64_t)(uintptr_t)argument_1);
	if (parcel->once)
		parcel->echo = parcel->payload;
	routine_checks(object->world, object->target, parcel->payload);
}

static void make_ready(struct world *world, struct dice *dice, struct parcel *parcel)
{
	uint32_t target = dice_one_in(dice, 3) ? DHP_NO_INDEX : any_index(world, dice);

	enum dhp_importance importance = (enum dhp_importance)dice_below(dice, 4);

	object_prepare(&parcel->object, world, parcel_routine, target, importance);
	if (dice_one_in(dice, 4))
		object_make_threaded(&parcel->object, parcel_routine, importance);
	parcel->payload = dice_roll(dice);
	parcel->echo = ~parcel->payload;
	parcel->once = !dice_one_in(dice, 4);
	atomic_store_explicit(&parcel->taken_back, false, memory_order_relaxed);
}

/* Returns whether it will run for certain. */
static bool send(struct dice *dice, struct parcel *parcel)
{
	bool removed = false;

	object_insert(&parcel->object, parcel->payload);
	if (!parcel->once)
		object_insert(&parcel->object, parcel->payload);
	if (dice_one_in(dice, 4))
		removed = object_remove(&parcel->object);
	if (removed && parcel->once)
		atomic_store_explicit(&parcel->taken_back, true, memory_order_relaxed);
	return !removed;
}

static void deliver(struct world *world, struct dice *dice, struct parcel *parcels, uint32_t sent)
{
	bool runs[OBJECTS];
	uint32_t i;

	for (i = 0; i < sent; i++) {
		make_ready(world, dice, &parcels[i]);
		runs[i] = send(dice, &parcels[i]);
	}
	if (!went_well(world, dhp_dpc_flush(world->engine)))
		return;
	deed(world, DEED_FLUSHES);
	for (i = 0; i < sent; i++) {
		struct object *object = &parcels[i].object;
		uint64_t ran = atomic_load_explicit(&object->ran, memory_order_relaxed) +
			       atomic_load_explicit(&object->removed, memory_order_relaxed);

		tally_equal(world->tally, RULE_FLUSHED, ran,
			    atomic_load_explicit(&object->inserted, memory_order_relaxed));
		object_balance(object);
		if (parcels[i].once && !runs[i])
			tally_equal(world->tally, RULE_REMOVED_RAN, parcels[i].echo, ~parcels[i].payload);
		if (parcels[i].once && runs[i])
			tally_equal(world->tally, RULE_HANDED, parcels[i].echo, parcels[i].payload);
	}
}

static void batch(struct world *world, struct dice *dice)
{
	struct parcel *parcels = take(OBJECTS * sizeof(*parcels));

	while (!stopping(world)) {
		deliver(world, dice, parcels, dice_between(dice, 1, OBJECTS));
		if (dice_one_in(dice, 4))
			sleep_us(dice_below(dice, 300));
	}
	free(parcels);
}

const struct part part_batch = {.name = "batch", .group = GROUP_WORK, .acts = {batch}};
