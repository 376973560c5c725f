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
	bool at_once;            /* likewise: as a batch */
	atomic_uint high_ran, tail_ran;
	uint32_t high_places[MEMBERS], tail_places[MEMBERS];
	bool at_home;
};

/* argument_1 is the sequence. */
static void high_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct sequence *sequence = argument_1;

	(void)dpc, (void)argument_2;
	object_ran(object);
	sequence->high_places[object - sequence->high] =
		atomic_fetch_add_explicit(&sequence->high_ran, 1, memory_order_relaxed);
}

static void tail_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct sequence *sequence = argument_1;

	(void)dpc, (void)argument_2;
	object_ran(object);
	sequence->tail_places[object - sequence->tail] =
		atomic_fetch_add_explicit(&sequence->tail_ran, 1, memory_order_relaxed);
}

static void conduct(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct sequence *sequence = context;
	struct object *members[2 * MEMBERS];
	uint32_t i;

	(void)dpc, (void)argument_1, (void)argument_2;
	object_ran(&sequence->conductor);
	sequence->at_home = dhp_index_here(sequence->conductor.world->engine) == sequence->conductor.target;
	for (i = 0; i < sequence->count; i++) {
		members[2 * i] = &sequence->high[i];
		members[2 * i + 1] = &sequence->tail[i];
	}
	if (sequence->at_once)
		object_insert_idle(members, 2 * sequence->count, (uintptr_t)sequence);
	for (i = 0; i < 2 * sequence->count && !sequence->at_once; i++)
		object_insert(members[i], (uintptr_t)sequence);
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
	sequence->at_once = dice_one_in(dice, 2);
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
