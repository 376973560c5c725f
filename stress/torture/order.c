/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * order.c - the order in which one processor runs what waits for it. A routine inserts High objects and others, all for its
 * own processor, which is busy with that routine: so all of them wait when it returns. Of its High ones the newest must run
 * first, of the others the oldest, whatever else comes in between (S-628, S-629).
 *
 * That holds as long as the processor is there: whoever leaves hands over what waits, while more is inserted. So a sequence
 * during which one has left or come back is not looked at.
 */
#include <stdlib.h>

#include "object.h"

#define MEMBERS 12u

struct sequence {
	struct object conductor;
	struct object high[MEMBERS], tail[MEMBERS];
	uint32_t count;          /* conductor's choice */
	atomic_uint high_ran, tail_ran;
	uint32_t high_places[MEMBERS], tail_places[MEMBERS];
	bool at_home;
};

/* argument_1 is the member's number, argument_2 its object. */
static void high_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct sequence *sequence = (struct sequence *)(void *)(object - (uintptr_t)argument_1 - 1);

	(void)dpc, (void)argument_2;
	object_ran(object);
	sequence->high_places[(uintptr_t)argument_1] =
		atomic_fetch_add_explicit(&sequence->high_ran, 1, memory_order_relaxed);
}

static void tail_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct sequence *sequence = (struct sequence *)(void *)(object - (uintptr_t)argument_1 - 1 - MEMBERS);

	(void)dpc, (void)argument_2;
	object_ran(object);
	sequence->tail_places[(uintptr_t)argument_1] =
		atomic_fetch_add_explicit(&sequence->tail_ran, 1, memory_order_relaxed);
}

static void conduct(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct sequence *sequence = context;
	uint32_t i;

	(void)dpc, (void)argument_1, (void)argument_2;
	object_ran(&sequence->conductor);
	sequence->at_home = dhp_index_here(sequence->conductor.world->engine) == sequence->conductor.target;
	for (i = 0; i < sequence->count; i++) {
		object_insert(&sequence->high[i], i);
		object_insert(&sequence->tail[i], i);
	}
}

static void prepare(struct world *world, struct dice *dice, struct sequence *sequence)
{
	static const enum dhp_importance at_tail[] = {DHP_IMPORTANCE_LOW, DHP_IMPORTANCE_MEDIUM, DHP_IMPORTANCE_MEDIUM_HIGH};
	uint32_t i, target = any_index(world, dice);

	object_prepare(&sequence->conductor, world, conduct, target, DHP_IMPORTANCE_MEDIUM);
	for (i = 0; i < MEMBERS; i++) {
		object_prepare(&sequence->high[i], world, high_routine, target, DHP_IMPORTANCE_HIGH);
		object_prepare(&sequence->tail[i], world, tail_routine, target, at_tail[dice_below(dice, 3)]);
	}
	sequence->count = dice_between(dice, 2, MEMBERS);
	atomic_store_explicit(&sequence->high_ran, 0, memory_order_relaxed);
	atomic_store_explicit(&sequence->tail_ran, 0, memory_order_relaxed);
}

/* After a flush, or two: what the conductor inserts the first need not wait for. */
static void check(struct world *world, const struct sequence *sequence)
{
	uint32_t i;

	deed(world, DEED_ORDERED);
	for (i = 0; i < sequence->count; i++) {
		tally_equal(world->tally, RULE_ORDER, sequence->high_places[i], sequence->count - 1 - i);
		tally_equal(world->tally, RULE_ORDER, sequence->tail_places[i], i);
	}
}

static void keep_order(struct world *world, struct dice *dice)
{
	struct sequence *sequence = take(sizeof(*sequence));
	uint32_t i;

	while (!stopping(world)) {
		uint64_t before = departures(world);

		prepare(world, dice, sequence);
		object_insert(&sequence->conductor, 0);
		if (!went_well(world, dhp_dpc_flush(world->engine)) || !went_well(world, dhp_dpc_flush(world->engine)))
			break;
		object_balance(&sequence->conductor);
		for (i = 0; i < MEMBERS; i++) {
			object_balance(&sequence->high[i]);
			object_balance(&sequence->tail[i]);
		}
		if (sequence->at_home && departures(world) == before)
			check(world, sequence);
		sleep_us(dice_below(dice, 1000));
	}
	free(sequence);
}

const struct part part_order = {.name = "order", .group = GROUP_WORK, .acts = {keep_order}};
