/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins.c - threads that are kept on a processor for a while, with a system affinity inside now and then. Whether the
 * processor can be had changes all the time.
 */
#include <stdlib.h>

#include "world.h"

#define ANNOUNCED_WITHIN_MS 20000u /* who announces may have been stopped */

static const struct dhp_affinity users = {.mask = 0};

static bool is_refusal(enum dhp_status status)
{
	return status == DHP_NO_AFFINITY;
}

static void go_elsewhere(struct world *world, struct dice *dice)
{
	struct dhp_processor processor;
	struct dhp_affinity wanted = {.mask = 0};
	enum dhp_status status;

	if (!went_well(world, dhp_processor_at(world->engine, any_index(world, dice), &processor)))
		return;
	wanted.group = processor.number.group;
	wanted.mask = 1ull << processor.number.number;
	status = dhp_thread_affinity_set(world->engine, &wanted, NULL);
	if (is_refusal(status) || !went_well(world, status))
		return;
	sleep_us(dice_below(dice, 500));
	went_well(world, dhp_thread_affinity_revert(world->engine, &users));
}

/* A newcomer is counted first and announced then; in between a thread that is kept there has the fallback's index (S-035). */
static uint32_t index_here(struct world *world, uint32_t wanted)
{
	for (uint32_t waits = 0; waits < ANNOUNCED_WITHIN_MS && dhp_index_here(world->engine) != wanted; waits++)
		sleep_us(1000);
	return dhp_index_here(world->engine);
}

/* On simulated processors nobody moves a thread. */
static void check(struct world *world, struct dhp_pin *pin, uint32_t index)
{
	struct dhp_pin_state state = {.index = DHP_NO_INDEX};

	if (!went_well(world, dhp_pin_read(world->engine, pin, &state)))
		return;
	tally_equal(world->tally, RULE_PLACE, state.index, index);
	tally_check(world->tally, RULE_STATUS, state.status == DHP_OK || is_refusal(state.status),
		    (uint64_t)(int64_t)state.status, 0);
	if (world->options->simulated)
		tally_equal(world->tally, RULE_PLACE, index_here(world, index), index);
}

static void be_kept(struct world *world, struct dice *dice)
{
	struct dhp_pin pin;

	while (!stopping(world)) {
		uint32_t index = any_index(world, dice);
		enum dhp_status status = dhp_pin_keep(world->engine, &pin, index);

		if (!is_refusal(status) && went_well(world, status)) {
			deed(world, DEED_KEPT);
			check(world, &pin, index);
			pool_insert(world, dice_roll(dice));
			if (dice_one_in(dice, 4))
				go_elsewhere(world, dice);
			sleep_us(dice_below(dice, 3000));
			check(world, &pin, index);
			went_well(world, dhp_pin_drop(world->engine, &pin));
		}
		sleep_us(dice_below(dice, 300));
	}
}

const struct part part_pins = {.name = "pins", .group = GROUP_WORK, .acts = {be_kept}};
