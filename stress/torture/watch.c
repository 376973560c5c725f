/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - look at the partition all the time: nothing ever decreases, what a snapshot says agrees with itself, and the
 * mappings between index, number and cpu are each other's inverse.
 */
#include <stdlib.h>

#include "world.h"

static uint32_t ones(uint64_t mask)
{
	return (uint32_t)__builtin_popcountll(mask);
}

static void check_counts(struct world *world, const struct dhp_counts *counts, const struct dhp_counts *before)
{
	struct tally *tally = world->tally;

	tally_check(tally, RULE_ACTIVE_DROPPED, counts->active >= before->active, counts->active, before->active);
	tally_check(tally, RULE_ACTIVE_DROPPED, counts->generation >= before->generation, counts->generation,
		    before->generation);
	tally_check(tally, RULE_SNAPSHOT,
		    counts->generation != before->generation || counts->active == before->active, counts->active,
		    before->active);
	tally_check(tally, RULE_SNAPSHOT, counts->active <= counts->maximum, counts->active, counts->maximum);
	tally_check(tally, RULE_SNAPSHOT, counts->usable <= counts->active, counts->usable, counts->active);
	tally_check(tally, RULE_SNAPSHOT, counts->groups_active <= counts->groups_maximum, counts->groups_active,
		    counts->groups_maximum);
}

static void check_masks(struct world *world, const struct dhp_snapshot *snapshot)
{
	uint32_t active = 0, usable = 0, groups = 0, group;

	for (group = 0; group < snapshot->masks_count; group++) {
		active += ones(snapshot->active_masks[group]);
		usable += ones(snapshot->usable_masks[group]);
		groups += snapshot->active_masks[group] != 0;
		tally_equal(world->tally, RULE_SNAPSHOT, snapshot->usable_masks[group] & ~snapshot->active_masks[group],
			    0);
		/* taken later, so it may only have gained */
		tally_equal(world->tally, RULE_SNAPSHOT,
			    snapshot->active_masks[group] & ~dhp_active_mask(world->engine, group), 0);
	}
	tally_equal(world->tally, RULE_SNAPSHOT, active, snapshot->counts.active);
	tally_equal(world->tally, RULE_SNAPSHOT, usable, snapshot->counts.usable);
	tally_equal(world->tally, RULE_SNAPSHOT, groups, snapshot->counts.groups_active);
}

/* One mask by itself, twice: what was there stays there. */
static void check_mask_alone(struct world *world, uint32_t group)
{
	uint64_t first = dhp_active_mask(world->engine, group), second = dhp_active_mask(world->engine, group);

	tally_equal(world->tally, RULE_ACTIVE_DROPPED, first & ~second, 0);
}

static void check_mapping(struct world *world, uint32_t index)
{
	struct dhp_processor processor;
	uint32_t by_number = DHP_NO_INDEX, by_cpu = DHP_NO_INDEX;

	if (!went_well(world, dhp_processor_at(world->engine, index, &processor)))
		return;
	went_well(world, dhp_index_of_number(world->engine, processor.number, &by_number));
	went_well(world, dhp_index_of_cpu(world->engine, processor.cpu, &by_cpu));
	tally_equal(world->tally, RULE_SNAPSHOT, processor.index, index);
	tally_equal(world->tally, RULE_SNAPSHOT, by_number, index);
	tally_equal(world->tally, RULE_SNAPSHOT, by_cpu, index);
}

static void watch(struct world *world, struct dice *dice)
{
	struct dhp_snapshot snapshot = {.masks_capacity = 0};
	struct dhp_counts before = {.generation = 0};

	/* without arrays the call tells how long they must be */
	went_well(world, dhp_snapshot_take(world->engine, &snapshot));
	snapshot.masks_capacity = snapshot.masks_count;
	snapshot.active_masks = take(snapshot.masks_capacity * sizeof(uint64_t));
	snapshot.usable_masks = take(snapshot.masks_capacity * sizeof(uint64_t));
	while (!stopping(world)) {
		if (went_well(world, dhp_snapshot_take(world->engine, &snapshot))) {
			check_counts(world, &snapshot.counts, &before);
			check_masks(world, &snapshot);
			check_mask_alone(world, dice_below(dice, snapshot.masks_count));
			check_mapping(world, dice_below(dice, snapshot.counts.active));
			before = snapshot.counts;
		}
		deed(world, DEED_SNAPSHOTS);
		if (dice_one_in(dice, 8))
			sleep_us(dice_below(dice, 100));
	}
	free(snapshot.active_masks);
	free(snapshot.usable_masks);
}

const struct part part_watch = {.name = "watch", .group = GROUPS, .acts = {watch}};
