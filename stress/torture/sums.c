/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sums.c - counters that come and go. What their thread and its DPCs have added, wherever they ran, is the sum.
 */
#include <stdlib.h>

#include "object.h"

#define ADDERS 8u

struct adder {
	struct object object;
	struct dhp_counter *counter;
};

static void add(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct adder *adder = (struct adder *)(void *)object;

	(void)dpc, (void)argument_2;
	object_ran(object);
	dhp_counter_add(adder->counter, (uintptr_t)argument_1);
	routine_checks(object->world, object->target, (uintptr_t)argument_1);
}

/* What was added in all. */
static uint64_t use(struct world *world, struct dice *dice, struct adder *adders, struct dhp_counter *counter)
{
	uint64_t sum = 0;
	uint32_t i, times;

	for (i = 0; i < ADDERS; i++) {
		uint64_t amount = dice_roll(dice) >> 8;

		adders[i].counter = counter;
		object_prepare(&adders[i].object, world, add, dice_one_in(dice, 2) ? any_index(world, dice) : DHP_NO_INDEX,
			       (enum dhp_importance)dice_below(dice, 4));
		if (object_insert(&adders[i].object, amount))
			sum += amount;
	}
	for (times = dice_below(dice, 1000); times > 0; times--) {
		dhp_counter_add(counter, times);
		sum += times;
	}
	return sum;
}

static void come_and_go(struct world *world, struct dice *dice)
{
	struct adder *adders = take(ADDERS * sizeof(*adders));

	while (!stopping(world)) {
		struct dhp_counter *counter;
		uint64_t sum;

		if (!went_well(world, dhp_counter_create(world->engine, &counter)))
			continue;
		deed(world, DEED_COUNTERS);
		sum = use(world, dice, adders, counter);
		if (went_well(world, dhp_dpc_flush(world->engine)))
			tally_equal(world->tally, RULE_SUM, dhp_counter_sum(counter), sum);
		went_well(world, dhp_counter_destroy(counter));
		sleep_us(dice_below(dice, 500));
	}
	free(adders);
}

const struct part part_sums = {.name = "sums", .group = GROUP_ARRAYS, .acts = {come_and_go}};
