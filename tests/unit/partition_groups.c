/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts by group and by node, and the group that old callers see.
 */
#include "support.h"

static const uint8_t three_and_five[] = { 3, 5 };

/* Positions 0-2, 3-7, 8-10 and 11 are groups 0 to 3; nodes are blocks of four. */
static struct dhp_engine *make_twelve(uint32_t initial, uint32_t flags)
{
	const struct sim_setup setup = { .maximum = 12, .initial = initial, .group_sizes = three_and_five,
		.group_size_count = 2, .nodes = 3, .flags = flags };

	return make_sim(&setup);
}

static void active_counts_by_group_and_for_all_S501_S502_S506_S508(void **state)
{
	struct dhp_engine *engine = make_twelve(2, 0);
	uint64_t mask = 77;

	(void)state;
	assert_int_equal(dhp_active_count(engine, 0, &mask), 2);
	assert_int_equal(mask, 3);
	assert_int_equal(dhp_active_count(engine, 0, NULL), 2);
	assert_int_equal(dhp_active_count(engine, 1, &mask), 0);
	assert_int_equal(mask, 0);
	add_positions(engine, 4, 5); /* a gap: number 1 of group 1, number 0 is absent */
	add_positions(engine, 6, 7);
	assert_int_equal(dhp_active_count(engine, 1, &mask), 2);
	assert_int_equal(mask, 0xA);
	mask = 77;
	assert_int_equal(dhp_active_count(engine, DHP_ALL_GROUPS, &mask), 4);
	assert_int_equal(mask, 0);
	assert_int_equal(dhp_active_count(engine, 4, &mask), 0);
	assert_int_equal(dhp_active_count(engine, 0xFFFE, NULL), 0);
	assert_int_equal(dhp_active_count(NULL, DHP_ALL_GROUPS, &mask), 0);
	end_engine(engine);
}

static void maxima_are_constant_and_their_sum_may_exceed_the_maximum_S503_S504_S505_S506(void **state)
{
	static const uint32_t room[] = { 3, 5, 3, 5 };
	struct dhp_engine *engine = make_twelve(1, 0);

	(void)state;
	for (uint32_t position = 1;; position++) {
		struct dhp_counts counts = counts_of(engine);

		for (uint32_t group = 0; group < LENGTH(room); group++) {
			assert_int_equal(dhp_maximum_count(engine, group), room[group]);
			assert_true(dhp_active_count(engine, group, NULL) <= room[group]);
		}
		assert_int_equal(dhp_maximum_count(engine, DHP_ALL_GROUPS), 12); /* 3 + 5 + 3 + 5 is more */
		assert_int_equal(counts.groups_maximum, 4);
		if (position == 12)
			break;
		add_positions(engine, position, position + 1);
	}
	assert_int_equal(dhp_maximum_count(engine, 4), 0);
	assert_int_equal(dhp_maximum_count(NULL, 0), 0);
	end_engine(engine);
}

static void one_group_has_room_for_no_more_than_the_maximum_S503(void **state)
{
	struct dhp_engine *engine = make_sim_of(6, 1);

	(void)state;
	assert_int_equal(dhp_maximum_count(engine, 0), 6);
	assert_int_equal(dhp_maximum_count(engine, DHP_ALL_GROUPS), 6);
	end_engine(engine);
}

/* ---- how groups are formed, and filled ---- */

static struct dhp_engine *make_idle(const struct sim_setup *setup)
{
	struct sim_setup idle = *setup;

	idle.flags |= DHP_ENGINE_NO_WORKERS;
	return make_sim(&idle);
}

static void a_mask_is_64_bits_and_a_group_no_larger_S519(void **state)
{
	const struct sim_setup setup = { .maximum = 66, .initial = 66 };
	const struct dhp_number beyond = { .group = 0, .number = 64 };
	struct dhp_engine *engine = make_idle(&setup);
	uint64_t active[2] = { 0 }, usable[2] = { 0 };
	struct dhp_snapshot snapshot = { .masks_capacity = 2, .active_masks = active, .usable_masks = usable };
	struct dhp_processor processor;
	uint32_t index = 7;

	(void)state;
	assert_int_equal(sizeof(dhp_active_mask(engine, 0)), 8);
	assert_int_equal(dhp_maximum_count(engine, 0), 64);
	assert_int_equal(dhp_active_count(engine, 0, NULL), 64);
	assert_int_equal(dhp_active_count(engine, 1, NULL), 2);
	assert_true(dhp_active_mask(engine, 0) == UINT64_MAX);
	assert_true(dhp_active_mask(engine, 1) == 3);
	assert_ok(dhp_snapshot_take(engine, &snapshot));
	assert_true(active[0] == UINT64_MAX && usable[0] == UINT64_MAX && active[1] == 3 && usable[1] == 3);
	for (uint32_t i = 0; i < 66; i++) {
		assert_ok(dhp_processor_at(engine, i, &processor));
		assert_true(processor.number.number < 64);
	}
	assert_status(dhp_index_of_number(engine, beyond, &index), DHP_BAD_NUMBER);
	assert_int_equal(index, 7);
	end_engine(engine);
}

static void there_are_as_few_groups_as_possible_S525(void **state)
{
	static const uint32_t maxima[] = { 1, 2, 63, 64, 65, 128, 129, DHP_PROCESSORS_LIMIT };

	(void)state;
	for (uint32_t i = 0; i < LENGTH(maxima); i++) {
		const struct sim_setup setup = { .maximum = maxima[i], .initial = 1 };
		struct dhp_engine *engine = make_idle(&setup);

		assert_int_equal(counts_of(engine).groups_maximum, (maxima[i] + 63) / 64);
		end_engine(engine);
	}
}

/* 40 processors at the start, 70 to come: group 0 is not full, and what it will be is settled. */
static void groups_are_formed_at_the_start_with_room_for_those_to_come_S525(void **state)
{
	const struct sim_setup setup = { .maximum = 110, .initial = 40 };
	struct dhp_engine *engine = make_idle(&setup);

	(void)state;
	assert_int_equal(dhp_active_count(engine, 0, NULL), 40);
	assert_int_equal(counts_of(engine).groups_active, 1);
	for (uint32_t position = 40;; position++) {
		struct dhp_counts counts = counts_of(engine);

		assert_int_equal(counts.groups_maximum, 2);
		assert_int_equal(dhp_maximum_count(engine, 0), 64);
		assert_true(dhp_maximum_count(engine, 1) >= 46);
		if (position == 110)
			break;
		add_positions(engine, position, position + 1);
	}
	assert_int_equal(dhp_active_count(engine, 0, NULL), 64);
	assert_int_equal(dhp_active_count(engine, 1, NULL), 46);
	end_engine(engine);
}

static void shuffle(uint32_t *positions, uint32_t count)
{
	uint64_t dice = 41;

	for (uint32_t i = 0; i < count; i++)
		positions[i] = i + 1;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = (uint32_t)(roll(&dice) % i), kept = positions[i - 1];

		positions[i - 1] = positions[other];
		positions[other] = kept;
	}
}

static void take_masks(struct dhp_engine *engine, uint64_t *masks)
{
	for (uint32_t group = 0; group < 4; group++)
		masks[group] = dhp_active_mask(engine, group);
}

/* The group that has one processor more than before; asserts that there is one, and nobody has moved. */
static uint32_t group_that_grew(const uint64_t *before, const uint64_t *after)
{
	uint32_t grew = 4;

	for (uint32_t group = 0; group < 4; group++) {
		if (before[group] == after[group])
			continue;
		assert_int_equal(grew, 4);
		assert_true((before[group] & ~after[group]) == 0);
		assert_int_equal(__builtin_popcountll(before[group] ^ after[group]), 1);
		grew = group;
	}
	assert_true(grew < 4);
	return grew;
}

static void a_newcomer_goes_where_there_is_room_or_opens_an_empty_group_S526(void **state)
{
	struct dhp_engine *engine = make_twelve(1, DHP_ENGINE_NO_WORKERS);
	uint32_t positions[11], opened = 1;

	(void)state;
	shuffle(positions, 11);
	for (uint32_t i = 0; i < 11; i++) {
		uint64_t before[4], after[4];
		uint32_t group;

		take_masks(engine, before);
		add_positions(engine, positions[i], positions[i] + 1);
		take_masks(engine, after);
		group = group_that_grew(before, after);
		assert_true((uint32_t)__builtin_popcountll(before[group]) < dhp_maximum_count(engine, group));
		opened += before[group] == 0;
		assert_int_equal(counts_of(engine).groups_active, opened); /* S-005 */
	}
	assert_int_equal(opened, 4);
	end_engine(engine);
}

static void count_and_mask_are_taken_together(struct dhp_engine *engine, uint64_t *wrong)
{
	uint64_t mask = 0;
	uint32_t count = dhp_active_count(engine, 1, &mask);

	if (count != (uint32_t)__builtin_popcountll(mask))
		(void)bump(wrong);
}

struct watch {
	struct dhp_engine *engine;
	uint64_t stop, wrong, looks;
};

static void *watch_counts(void *argument)
{
	struct watch *watch = argument;
	uint32_t before = 0;

	while (peek(&watch->stop) == 0) {
		uint32_t now = dhp_active_count(watch->engine, DHP_ALL_GROUPS, NULL);

		if (now < before || now > dhp_maximum_count(watch->engine, DHP_ALL_GROUPS))
			(void)bump(&watch->wrong);
		before = now;
		count_and_mask_are_taken_together(watch->engine, &watch->wrong);
		(void)bump(&watch->looks);
	}
	return NULL;
}

static void counts_only_grow_and_agree_with_their_mask_during_adds_S501_S506(void **state)
{
	struct watch watch = { .engine = make_twelve(1, 0) };
	struct helper helper;

	(void)state;
	helper_start(&helper, watch_counts, &watch);
	for (uint32_t position = 1; position < 12; position++) {
		uint64_t looks = peek(&watch.looks);

		add_positions(watch.engine, position, position + 1);
		assert_true(wait_for_count(&watch.looks, looks + 10));
	}
	poke(&watch.stop, 1);
	helper_join(&helper);
	assert_int_equal(watch.wrong, 0);
	end_engine(watch.engine);
}

static void groups_can_be_made_small_and_old_callers_see_the_last_S558(void **state)
{
	struct dhp_engine *engine = make_twelve(1, 0);

	(void)state;
	assert_int_equal(dhp_old_group(NULL), 0);
	add_positions(engine, 8, 9);
	assert_int_equal(dhp_old_group(engine), 0);
	end_engine(engine);
	engine = make_twelve(1, DHP_ENGINE_LAST_GROUP);
	assert_int_equal(dhp_old_group(engine), 0);
	add_positions(engine, 8, 9);
	assert_int_equal(dhp_old_group(engine), 2);
	add_positions(engine, 3, 4);
	assert_int_equal(dhp_old_group(engine), 2);
	add_positions(engine, 11, 12);
	assert_int_equal(dhp_old_group(engine), 3);
	end_engine(engine);
}

/* Powers of two from 1 to 64, by the option that works with every backend. */
static void the_group_limit_makes_small_groups_S558(void **state)
{
	(void)state;
	for (uint32_t limit = 1; limit <= 64; limit *= 2) {
		const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 64, .initial_count = 64 };
		const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .group_limit = limit,
			.flags = DHP_ENGINE_NO_WORKERS };
		struct dhp_engine *engine = NULL;

		assert_ok(dhp_engine_create(&options, &engine));
		assert_int_equal(counts_of(engine).groups_maximum, 64 / limit);
		assert_int_equal(dhp_maximum_count(engine, 64 / limit - 1), limit);
		assert_int_equal(dhp_active_count(engine, 64 / limit - 1, NULL), limit);
		end_engine(engine);
	}
}

static void nodes_have_counts_and_masks_and_room_for_newcomers_S556_S557(void **state)
{
	struct dhp_engine *engine = make_twelve(5, 0); /* node 0: positions 0-3, node 1: 4-7 */
	uint64_t mask = 77;

	(void)state;
	assert_int_equal(dhp_node_active_count(engine, 0, 0, &mask), 3);
	assert_int_equal(mask, 7);
	assert_int_equal(dhp_node_active_count(engine, 0, 1, &mask), 1);
	assert_int_equal(mask, 1);
	assert_int_equal(dhp_node_active_count(engine, 0, DHP_ALL_GROUPS, &mask), 4);
	assert_int_equal(mask, 0);
	assert_int_equal(dhp_node_active_count(engine, 1, 1, &mask), 1);
	assert_int_equal(mask, 2);
	assert_int_equal(dhp_node_active_count(engine, 2, DHP_ALL_GROUPS, NULL), 0);
	assert_int_equal(dhp_node_active_count(engine, 3, 0, &mask), 0);
	assert_int_equal(mask, 0);
	for (uint32_t node = 0; node < 3; node++)
		assert_int_equal(dhp_node_maximum_count(engine, node), 4);
	assert_int_equal(dhp_node_maximum_count(engine, 3), 0);
	assert_int_equal(dhp_node_maximum_count(NULL, 0), 0);
	assert_int_equal(dhp_node_active_count(NULL, 0, 0, &mask), 0);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(active_counts_by_group_and_for_all_S501_S502_S506_S508),
		cmocka_unit_test(maxima_are_constant_and_their_sum_may_exceed_the_maximum_S503_S504_S505_S506),
		cmocka_unit_test(one_group_has_room_for_no_more_than_the_maximum_S503),
		cmocka_unit_test(a_mask_is_64_bits_and_a_group_no_larger_S519),
		cmocka_unit_test(there_are_as_few_groups_as_possible_S525),
		cmocka_unit_test(groups_are_formed_at_the_start_with_room_for_those_to_come_S525),
		cmocka_unit_test(a_newcomer_goes_where_there_is_room_or_opens_an_empty_group_S526),
		cmocka_unit_test(counts_only_grow_and_agree_with_their_mask_during_adds_S501_S506),
		cmocka_unit_test(groups_can_be_made_small_and_old_callers_see_the_last_S558),
		cmocka_unit_test(the_group_limit_makes_small_groups_S558),
		cmocka_unit_test(nodes_have_counts_and_masks_and_room_for_newcomers_S556_S557),
	};

	return cmocka_run_group_tests_name("partition_groups", tests, NULL, NULL);
}
