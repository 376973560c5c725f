/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public questions about the set of processors, on simulated ones. The clause is the suffix of each test's name.
 */
#include "support.h"

#include "picture.h"

static const uint8_t three_and_five[] = { 3, 5 };
static const uint8_t five_and_three[] = { 5, 3 };

static struct dhp_engine *make_unequal(uint32_t maximum, uint32_t initial)
{
	const struct sim_setup setup = {
		.maximum = maximum, .initial = initial, .group_sizes = three_and_five, .group_size_count = 2
	};

	return make_sim(&setup);
}

/* ---- counts ---- */

static void four_counts_are_kept_apart_S503(void **state)
{
	struct dhp_engine *engine = make_sim_of(16, 3);
	struct dhp_counts counts = counts_of(engine);

	(void)state;
	assert_int_equal(counts.maximum, 16);
	assert_int_equal(counts.present, 3);
	assert_int_equal(counts.active, 3);
	assert_int_equal(counts.usable, 3);
	assert_int_equal(counts.groups_maximum, 1);
	assert_int_equal(counts.groups_active, 1);
	add_positions(engine, 3, 16);
	counts = counts_of(engine);
	assert_int_equal(counts.maximum, 16);
	assert_int_equal(counts.present, 16);
	assert_int_equal(counts.active, 16);
	assert_int_equal(counts.usable, 16);
	end_engine(engine);
}

static void one_processor_by_default_S008(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 0);

	(void)state;
	assert_int_equal(counts_of(engine).maximum, 1);
	assert_int_equal(active_count(engine), 1);
	assert_ok(dhp_engine_rescan(engine));
	assert_consistent(engine);
	end_engine(engine);
}

static void generation_grows_with_each_arrival_and_not_otherwise_S509(void **state)
{
	struct dhp_engine *engine = make_sim_of(32, 2);
	uint64_t before = counts_of(engine).generation;

	(void)state;
	assert_true(before > 0);
	for (uint32_t position = 2; position < 32; position++) {
		add_positions(engine, position, position + 1);
		assert_true(counts_of(engine).generation > before);
		before = counts_of(engine).generation;
		assert_ok(dhp_engine_rescan(engine));
		assert_status(add_position(engine, position), DHP_ALREADY_THERE);
		assert_true(counts_of(engine).generation == before);
	}
	end_engine(engine);
}

/* A group comes into use with its first processor, and stays. */
static void groups_come_into_use_one_by_one_S005(void **state)
{
	/* positions: group 0 has 0-2, group 1 has 3-7, group 2 has 8-10, group 3 has 11 */
	struct dhp_engine *engine = make_unequal(12, 1);

	(void)state;
	assert_int_equal(counts_of(engine).groups_maximum, 4);
	assert_int_equal(counts_of(engine).groups_active, 1);
	add_positions(engine, 8, 9);
	assert_int_equal(counts_of(engine).groups_active, 2);
	add_positions(engine, 3, 5);
	assert_int_equal(counts_of(engine).groups_active, 3);
	add_positions(engine, 1, 2);
	assert_int_equal(counts_of(engine).groups_active, 3);
	add_positions(engine, 11, 12);
	assert_int_equal(counts_of(engine).groups_active, 4);
	assert_consistent(engine);
	end_engine(engine);
}

/* ---- mappings ---- */

static void mappings_agree_both_ways_in_unequal_groups_S536(void **state)
{
	static const struct dhp_number expected[] = {
		{ 0, 0, 0 }, { 0, 1, 0 }, { 0, 2, 0 }, { 1, 0, 0 }, { 1, 1, 0 }, { 1, 2, 0 },
		{ 1, 3, 0 }, { 1, 4, 0 }, { 2, 0, 0 }, { 2, 1, 0 }, { 2, 2, 0 }, { 3, 0, 0 },
	};
	struct dhp_engine *engine = make_unequal(12, 12);

	(void)state;
	for (uint32_t index = 0; index < LENGTH(expected); index++) {
		struct dhp_processor processor;
		uint32_t back = DHP_NO_INDEX;

		assert_ok(dhp_processor_at(engine, index, &processor));
		assert_memory_equal(&processor.number, &expected[index], sizeof(expected[index]));
		assert_ok(dhp_index_of_number(engine, expected[index], &back));
		assert_int_equal(back, index);
	}
	assert_true(dhp_active_mask(engine, 0) == 0x7);
	assert_true(dhp_active_mask(engine, 1) == 0x1f);
	assert_true(dhp_active_mask(engine, 2) == 0x7);
	assert_true(dhp_active_mask(engine, 3) == 0x1);
	assert_consistent(engine);
	end_engine(engine);
}

static void index_is_not_number_in_group_S166(void **state)
{
	struct dhp_engine *engine = make_sim_of(65, 65);
	struct dhp_processor processor;

	(void)state;
	assert_ok(dhp_processor_at(engine, 64, &processor));
	assert_int_equal(processor.index, 64);
	assert_int_equal(processor.number.group, 1);
	assert_int_equal(processor.number.number, 0);
	assert_true(dhp_active_mask(engine, 0) == UINT64_MAX);
	assert_consistent(engine);
	end_engine(engine);
}

static void indices_follow_order_of_arrival_S530(void **state)
{
	struct dhp_engine *engine = make_unequal(12, 1);
	struct dhp_processor processor;

	(void)state;
	add_positions(engine, 4, 6); /* group 1 first */
	add_positions(engine, 1, 2); /* then group 0 again */
	assert_ok(dhp_processor_at(engine, 3, &processor));
	assert_int_equal(processor.number.group, 0);
	assert_int_equal(processor.number.number, 1);
	assert_int_equal(processor.cpu, dhp_sim_cpu(engine, 1));
	assert_true(dhp_active_mask(engine, 1) == 0x6); /* a gap at number 0: S-517 */
	assert_consistent(engine);
	add_positions(engine, 11, 12);
	assert_ok(dhp_processor_at(engine, 3, &processor));
	assert_int_equal(processor.cpu, dhp_sim_cpu(engine, 1)); /* it never moves */
	end_engine(engine);
}

/* Exactly 0 to A-1 are valid; each is another processor. */
static void assert_dense(struct dhp_engine *engine, uint32_t active)
{
	bool seen[40] = { false };

	assert_int_equal(active_count(engine), active);
	for (uint32_t index = 0; index < active; index++) {
		struct dhp_processor processor;
		uint32_t position = 0;

		assert_ok(dhp_processor_at(engine, index, &processor));
		assert_int_equal(processor.index, index);
		while (dhp_sim_cpu(engine, position) != processor.cpu)
			position++;
		assert_true(position < 40 && !seen[position]);
		seen[position] = true;
	}
	for (uint32_t index = active; index <= 41; index++) {
		struct dhp_processor processor;

		assert_status(dhp_processor_at(engine, index, &processor), DHP_BAD_INDEX);
	}
}

/* Whatever the order of arrival, and whoever fails in between. */
static void indices_are_dense_S529(void **state)
{
	const struct sim_setup setup = { .maximum = 40, .initial = 1, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 6, .seed = 5, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);

	(void)state;
	for (uint32_t i = 1; i < 40; i++) {
		uint32_t position = i * 27 % 40;
		enum dhp_step step = (enum dhp_step)(i % 4);

		assert_dense(engine, i);
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, position), step, DHP_INJECTED));
		assert_status(add_position(engine, position), DHP_INJECTED);
		assert_dense(engine, i);
		add_positions(engine, position, position + 1);
	}
	assert_dense(engine, 40);
	end_engine(engine);
}

static void cpu_ids_may_have_gaps_S517(void **state)
{
	const struct sim_setup setup = { .maximum = 100,
		.initial = 50,
		.group_sizes = five_and_three,
		.group_size_count = 2,
		.gap = 9,
		.seed = 77 };
	struct dhp_engine *engine = make_sim(&setup);
	uint32_t gaps = 0;

	(void)state;
	for (uint32_t position = 1; position < 100; position++) {
		uint32_t step = dhp_sim_cpu(engine, position) - dhp_sim_cpu(engine, position - 1);

		assert_true(step >= 1 && step <= 10);
		gaps += step > 1;
	}
	assert_true(gaps > 10);
	add_positions(engine, 50, 100);
	assert_consistent(engine);
	end_engine(engine);
}

static void nodes_are_dealt_out_in_blocks(void **state)
{
	const struct sim_setup setup = { .maximum = 10, .initial = 10, .nodes = 3 };
	struct dhp_engine *engine = make_sim(&setup);
	uint32_t last = 0;

	(void)state;
	for (uint32_t index = 0; index < 10; index++) {
		struct dhp_processor processor;

		assert_ok(dhp_processor_at(engine, index, &processor));
		assert_true(processor.node >= last && processor.node < 3);
		last = processor.node;
	}
	assert_int_equal(last, 2);
	end_engine(engine);
}

/* ---- the reserved byte ---- */

struct reserved {
	uint64_t told, wrong;
};

static void look_at_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct reserved *reserved = context;

	(void)status;
	reserved->told++;
	reserved->wrong += change->number.reserved != 0;
}

static void the_reserved_byte_is_zero_S535(void **state)
{
	struct dhp_engine *engine = make_unequal(12, 5);
	struct reserved reserved = { .told = 0 };
	struct dhp_notify *notify;
	struct dhp_processor processor;
	uint32_t index = 77;

	(void)state;
	assert_ok(dhp_notify_register(engine, look_at_change, &reserved, 0, &notify));
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 5), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 5), DHP_INJECTED); /* Failure has a number too */
	add_positions(engine, 5, 12);
	assert_int_equal(reserved.told, 2 + 7 * 2);
	assert_int_equal(reserved.wrong, 0);
	for (uint32_t i = 0; i < 12; i++) {
		memset(&processor, 0xee, sizeof(processor));
		assert_ok(dhp_processor_at(engine, i, &processor));
		assert_int_equal(processor.number.reserved, 0);
		for (uint32_t bit = 0; bit < 8; bit++) {
			struct dhp_number bad = processor.number;

			bad.reserved = (uint8_t)(1u << bit);
			assert_status(dhp_index_of_number(engine, bad, &index), DHP_BAD_NUMBER);
		}
	}
	assert_int_equal(index, 77);
	dhp_notify_unregister(notify);
	end_engine(engine);
}

/* ---- what does not exist ---- */

static void what_does_not_exist_has_no_index_S527_S528(void **state)
{
	static const struct dhp_number wrong[] = {
		{ 0, 3, 0 },     /* not in this group */
		{ 0, 63, 0 },    /* likewise */
		{ 0, 64, 0 },    /* in no group */
		{ 0, 255, 0 },   /* likewise */
		{ 1, 4, 0 },     /* not active yet */
		{ 2, 0, 0 },     /* group without anybody */
		{ 4, 0, 0 },     /* no such group */
		{ 65535, 0, 0 }, /* likewise */
		{ 0, 0, 1 },     /* S-535: the reserved byte */
	};
	struct dhp_engine *engine = make_unequal(12, 7);
	uint32_t index = 12345;
	struct dhp_processor processor;

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++)
		assert_status(dhp_index_of_number(engine, wrong[i], &index), DHP_BAD_NUMBER);
	assert_status(dhp_index_of_cpu(engine, 7, &index), DHP_BAD_CPU);
	assert_status(dhp_index_of_cpu(engine, 12, &index), DHP_BAD_CPU);
	assert_status(dhp_index_of_cpu(engine, 65535, &index), DHP_BAD_CPU);
	assert_status(dhp_index_of_cpu(engine, 65536, &index), DHP_BAD_CPU);
	assert_status(dhp_index_of_cpu(engine, UINT32_MAX, &index), DHP_BAD_CPU);
	assert_int_equal(index, 12345);
	memset(&processor, 0x5a, sizeof(processor));
	assert_status(dhp_processor_at(engine, 7, &processor), DHP_BAD_INDEX);
	assert_status(dhp_processor_at(engine, 12, &processor), DHP_BAD_INDEX);
	assert_status(dhp_processor_at(engine, DHP_NO_INDEX, &processor), DHP_BAD_INDEX);
	assert_int_equal(processor.index, 0x5a5a5a5a);
	end_engine(engine);
}

static void mask_of_no_group_is_empty_S516(void **state)
{
	struct dhp_engine *engine = make_unequal(12, 1);

	(void)state;
	assert_true(dhp_active_mask(engine, 1) == 0);
	assert_true(dhp_active_mask(engine, 4) == 0);
	assert_true(dhp_active_mask(engine, DHP_ALL_GROUPS) == 0);
	assert_true(dhp_active_mask(engine, UINT32_MAX) == 0);
	assert_true(dhp_active_mask(NULL, 0) == 0);
	end_engine(engine);
}

/* ---- snapshots ---- */

static void snapshot_into_short_arrays_tells_the_length(void **state)
{
	struct dhp_engine *engine = make_unequal(12, 12);
	uint64_t active[4] = { 1, 2, 3, 4 }, usable[4] = { 0 };
	struct dhp_snapshot snapshot = { .masks_capacity = 3, .active_masks = active, .usable_masks = usable };

	(void)state;
	snapshot.counts.active = 99;
	assert_status(dhp_snapshot_take(engine, &snapshot), DHP_TOO_SMALL);
	assert_int_equal(snapshot.masks_count, 4);
	assert_int_equal(snapshot.counts.active, 99);
	assert_true(active[0] == 1 && active[3] == 4);
	snapshot.masks_capacity = 0;
	snapshot.active_masks = NULL;
	assert_status(dhp_snapshot_take(engine, &snapshot), DHP_TOO_SMALL);
	snapshot.masks_capacity = snapshot.masks_count;
	assert_ok(dhp_snapshot_take(engine, &snapshot));
	assert_int_equal(snapshot.counts.active, 12);
	assert_true(usable[1] == 0x1f);
	assert_true(active[0] == 1);
	end_engine(engine);
}

/* What was taken stays what it was; what is taken later has one bit more. */
static void a_mask_is_a_snapshot_S518(void **state)
{
	struct dhp_engine *engine = make_unequal(12, 1);
	uint64_t was[2][4] = { { 1 } }, now[2][4];
	struct dhp_snapshot before = { .masks_capacity = 4, .active_masks = was[0], .usable_masks = was[1] };

	(void)state;
	assert_ok(dhp_snapshot_take(engine, &before));
	for (uint32_t position = 11; position > 0; position--) {
		struct dhp_snapshot after = { .masks_capacity = 4, .active_masks = now[0], .usable_masks = now[1] };
		uint64_t kept[4], one = dhp_active_mask(engine, 0);
		struct dhp_processor newcomer;

		memcpy(kept, was[0], sizeof(kept));
		add_positions(engine, position, position + 1);
		assert_memory_equal(was[0], kept, sizeof(kept));
		assert_memory_equal(was[1], kept, sizeof(kept));
		assert_true(one == kept[0]);
		assert_ok(dhp_processor_at(engine, active_count(engine) - 1, &newcomer));
		kept[newcomer.number.group] |= 1ull << newcomer.number.number;
		assert_ok(dhp_snapshot_take(engine, &after));
		assert_memory_equal(now[0], kept, sizeof(kept));
		assert_memory_equal(now[1], kept, sizeof(kept));
		assert_int_equal(after.counts.active, before.counts.active + 1);
		assert_true(dhp_active_mask(engine, newcomer.number.group) == kept[newcomer.number.group]);
		memcpy(was, now, sizeof(was));
		before.counts = after.counts;
	}
	end_engine(engine);
}

static void snapshot_without_arrays_gives_counts(void **state)
{
	struct dhp_engine *engine = make_unequal(12, 6);
	struct dhp_snapshot snapshot = { .masks_capacity = 0 };
	struct dhp_counts counts = counts_of(engine);

	(void)state;
	assert_ok(dhp_snapshot_take(engine, &snapshot));
	assert_int_equal(snapshot.masks_count, 4);
	assert_memory_equal(&snapshot.counts, &counts, sizeof(counts));
	end_engine(engine);
}

/* ---- inside the callbacks ---- */

struct witness {
	struct dhp_engine *engine;
	struct dhp_counts before;
	uint64_t mask_before;
	uint32_t starts, completes, faults;
};

static void expect(struct witness *witness, bool condition)
{
	witness->faults += !condition;
}

static void look_around(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct witness *witness = context;
	struct dhp_counts counts;
	struct dhp_processor processor = { .index = 0 };
	uint32_t by_number = DHP_NO_INDEX, by_cpu = DHP_NO_INDEX;
	uint64_t mask = dhp_active_mask(witness->engine, change->number.group);
	uint64_t bit = 1ull << change->number.number;

	(void)status;
	expect(witness, dhp_counts_read(witness->engine, &counts) == DHP_OK);
	expect(witness, dhp_processor_at(witness->engine, change->index, &processor) == DHP_OK);
	expect(witness, dhp_index_of_number(witness->engine, change->number, &by_number) == DHP_OK);
	expect(witness, dhp_index_of_cpu(witness->engine, change->cpu, &by_cpu) == DHP_OK);
	expect(witness, by_number == change->index && by_cpu == change->index);
	expect(witness, processor.index == change->index && processor.cpu == change->cpu);
	expect(witness, memcmp(&processor.number, &change->number, sizeof(processor.number)) == 0);
	expect(witness, dhp_processor_at(witness->engine, change->index + 1, &processor) == DHP_BAD_INDEX);
	if (change->state == DHP_CHANGE_START) {
		witness->starts++;
		expect(witness, change->index == witness->before.active); /* S-152 */
		expect(witness, memcmp(&counts, &witness->before, sizeof(counts)) == 0);
		expect(witness, (mask & bit) == 0);
	} else {
		witness->completes++;
		expect(witness, counts.active == witness->before.active + 1);
		expect(witness, counts.generation > witness->before.generation);
		expect(witness, (mask & bit) != 0);
		witness->before = counts;
	}
}

static void mappings_work_in_start_but_nothing_is_counted_S152_S153_S154(void **state)
{
	struct dhp_engine *engine = make_unequal(40, 1);
	struct witness witness = { .engine = engine, .before = counts_of(engine) };
	struct dhp_notify *registration = NULL;

	(void)state;
	assert_ok(dhp_notify_register(engine, look_around, &witness, 0, &registration));
	add_positions(engine, 20, 40);
	add_positions(engine, 1, 20);
	assert_int_equal(witness.starts, 39);
	assert_int_equal(witness.completes, 39);
	assert_int_equal(witness.faults, 0);
	dhp_notify_unregister(registration);
	assert_consistent(engine);
	end_engine(engine);
}

/* ---- who am I ---- */

static void unknown_thread_counts_as_index_zero_S035_S619(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);

	(void)state;
	assert_int_equal(dhp_index_here(engine), 0);
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 3)));
	assert_int_equal(dhp_index_here(engine), 0); /* not announced */
	add_positions(engine, 3, 4);
	assert_int_equal(dhp_index_here(engine), 2);
	dhp_sim_exit();
	assert_int_equal(dhp_index_here(engine), 0);
	assert_int_equal(dhp_index_here(NULL), DHP_NO_INDEX);
	end_engine(engine);
}

static void level_is_passive_in_an_ordinary_thread_S040(void **state)
{
	(void)state;
	assert_int_equal(dhp_level(), DHP_PASSIVE);
}

/* ---- statistics ---- */

static void arrivals_and_failures_are_counted(void **state)
{
	struct dhp_engine *engine = make_sim_of(6, 2);
	struct dhp_engine_stats stats;
	struct dhp_processor_stats one;

	(void)state;
	add_positions(engine, 2, 4);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 4), DHP_STEP_PREPARE, DHP_NO_MEMORY));
	assert_status(add_position(engine, 4), DHP_NO_MEMORY);
	assert_ok(dhp_engine_stats_read(engine, &stats));
	assert_true(stats.arrivals_count == 4);
	assert_true(stats.arrivals_failed_count == 1);
	assert_true(stats.uevents_count == 0 && stats.uevents_refused_count == 0);
	assert_ok(dhp_processor_stats_read(engine, 3, &one));
	assert_true(one.run_count == 0 && one.first_run_ns == 0);
	assert_status(dhp_processor_stats_read(engine, 4, &one), DHP_BAD_INDEX);
	end_engine(engine);
}

static void count_source(const struct dhp_source *source, void *context)
{
	uint32_t *seen = context;

	*seen += source->works && strcmp(source->name, "script") == 0 && source->detail != NULL;
}

static void simulated_source_is_the_script(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	uint32_t seen = 0;

	(void)state;
	assert_ok(dhp_sources(engine, count_source, &seen));
	assert_int_equal(seen, 1);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_counts_are_kept_apart_S503),
		cmocka_unit_test(one_processor_by_default_S008),
		cmocka_unit_test(generation_grows_with_each_arrival_and_not_otherwise_S509),
		cmocka_unit_test(groups_come_into_use_one_by_one_S005),
		cmocka_unit_test(mappings_agree_both_ways_in_unequal_groups_S536),
		cmocka_unit_test(index_is_not_number_in_group_S166),
		cmocka_unit_test(indices_follow_order_of_arrival_S530),
		cmocka_unit_test(indices_are_dense_S529),
		cmocka_unit_test(the_reserved_byte_is_zero_S535),
		cmocka_unit_test(a_mask_is_a_snapshot_S518),
		cmocka_unit_test(cpu_ids_may_have_gaps_S517),
		cmocka_unit_test(nodes_are_dealt_out_in_blocks),
		cmocka_unit_test(what_does_not_exist_has_no_index_S527_S528),
		cmocka_unit_test(mask_of_no_group_is_empty_S516),
		cmocka_unit_test(snapshot_into_short_arrays_tells_the_length),
		cmocka_unit_test(snapshot_without_arrays_gives_counts),
		cmocka_unit_test(mappings_work_in_start_but_nothing_is_counted_S152_S153_S154),
		cmocka_unit_test(unknown_thread_counts_as_index_zero_S035_S619),
		cmocka_unit_test(level_is_passive_in_an_ordinary_thread_S040),
		cmocka_unit_test(arrivals_and_failures_are_counted),
		cmocka_unit_test(simulated_source_is_the_script),
	};

	return cmocka_run_group_tests_name("partition_queries", tests, NULL, NULL);
}
