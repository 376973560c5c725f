/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts, masks and numbers by their Windows names, on groups of three and five.
 */
#include "bound.h"

static const uint8_t sizes[] = { 3, 5 };
static const struct sim_setup groups = { .maximum = 16, .initial = 2, .group_sizes = sizes, .group_size_count = 2 };

static void counts_of_groups_and_of_all_S501_S502_S503_S506(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	KAFFINITY mask = 0;

	(void)state;
	assert_int_equal(KeQueryActiveProcessorCount(&mask), 2);
	assert_int_equal(mask, 3);
	assert_int_equal(KeQueryActiveProcessorCount(NULL), 2);
	assert_int_equal(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS), 2);
	assert_int_equal(KeQueryActiveGroupCount(), 1);
	assert_int_equal(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS), 16);
	add_positions(engine, 2, 6); /* one more in group 0, three in group 1 */
	assert_int_equal(KeQueryActiveProcessorCount(&mask), 3);
	assert_int_equal(mask, 7);
	assert_int_equal(KeQueryActiveProcessorCountEx(0), 3);
	assert_int_equal(KeQueryActiveProcessorCountEx(1), 3);
	assert_int_equal(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS), 6);
	assert_int_equal(KeQueryActiveProcessorCountEx(77), 0);
	assert_int_equal(KeQueryActiveGroupCount(), 2);
	assert_int_equal(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS), 16);
	assert_int_equal(KeQueryMaximumProcessorCountEx(77), 0);
	unbind_sim(engine);
}

static void maxima_of_groups_are_exact_and_constant_S503_S504_S506(void **state)
{
	static const ULONG maxima[] = { 3, 5, 3, 5, 0 };
	struct dhp_engine *engine = bind_sim(&groups);

	(void)state;
	for (uint32_t active = 2; active <= 16; active += 14) {
		assert_int_equal(KeQueryMaximumProcessorCount(), 3);
		for (USHORT group = 0; group < 5; group++)
			assert_int_equal(KeQueryMaximumProcessorCountEx(group), maxima[group]);
		assert_int_equal(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS), 16);
		assert_int_equal(KeQueryMaximumGroupCount(), 4);
		if (active == 2)
			add_positions(engine, 2, 16);
	}
	unbind_sim(engine);
}

/*
 * The header leaves the old variable undeclared, as the documentation forbids it. A driver that has one of its own is where
 * the clause says: eight bits, and the view of one moment.
 */
static UCHAR KeNumberProcessors;

static void the_old_variable_has_eight_bits_and_a_fixed_view_S507(void **state)
{
	struct dhp_engine *engine = bind_sim_of(300, 2);
	KAFFINITY mask;

	(void)state;
	KeNumberProcessors = (UCHAR)KeQueryActiveProcessorCount(NULL); /* at the driver entry */
	assert_int_equal(KeNumberProcessors, 2);
	add_positions(engine, 2, 300);
	assert_int_equal(KeNumberProcessors, 2); /* it follows nothing... */
	assert_int_equal(KeQueryActiveProcessorCount(&mask), 64); /* ...and its replacement does */
	assert_int_equal(mask, UINT64_MAX);
	assert_int_equal(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS), 300);
	KeNumberProcessors = (UCHAR)KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS);
	assert_int_equal(KeNumberProcessors, 300 - 256); /* nor could it */
	unbind_sim(engine);
}

/* A test setting: whoever knows of one group only is shown the last one. */
static void the_older_calls_can_be_shown_the_last_group_S534_S558(void **state)
{
	struct sim_setup setup = groups;
	struct dhp_engine *engine;
	KAFFINITY mask;

	(void)state;
	setup.flags = DHP_ENGINE_LAST_GROUP;
	engine = bind_sim(&setup);
	assert_int_equal(KeQueryActiveProcessorCount(&mask), 2);
	assert_ok(add_position(engine, 4)); /* (1, 1) */
	assert_int_equal(KeQueryActiveProcessorCount(&mask), 1);
	assert_int_equal(mask, 2);
	assert_int_equal(KeQueryActiveProcessors(), 2);
	assert_int_equal(KeQueryMaximumProcessorCount(), 5);
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 4)));
	assert_int_equal(KeGetCurrentProcessorNumber(), 1);
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
	assert_int_equal(KeGetCurrentProcessorNumber(), 0); /* of another group: below the count */
	dhp_sim_exit();
	assert_int_equal(KeQueryActiveProcessorCountEx(0), 2); /* the newer ones see all */
	unbind_sim(engine);
}

static void masks_of_groups_with_gaps_S515_S516_S517(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);

	(void)state;
	assert_int_equal(KeQueryActiveProcessors(), 3);
	assert_int_equal(KeQueryGroupAffinity(1), 0);
	assert_ok(add_position(engine, 3)); /* numbers 0 and 2 of group 1 */
	assert_ok(add_position(engine, 5));
	assert_int_equal(KeQueryGroupAffinity(1), 5);
	assert_int_equal(KeQueryGroupAffinity(0), 3);
	assert_int_equal(KeQueryGroupAffinity(500), 0);
	assert_int_equal(KeQueryGroupAffinity(ALL_PROCESSOR_GROUPS), 0);
	unbind_sim(engine);
}

static void index_and_number_are_inverse_S527_S528_S530_S531_S536(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	PROCESSOR_NUMBER number = { .Group = 9, .Number = 9, .Reserved = 9 };

	(void)state;
	assert_ok(add_position(engine, 4)); /* index 2 is (1, 1) ... */
	assert_ok(add_position(engine, 2)); /* ... and index 3 is (0, 2) */
	assert_int_equal(KeGetProcessorNumberFromIndex(2, &number), STATUS_SUCCESS);
	assert_int_equal(number.Group, 1);
	assert_int_equal(number.Number, 1);
	assert_int_equal(number.Reserved, 0);
	assert_int_equal(KeGetProcessorIndexFromNumber(&number), 2);
	assert_int_equal(KeGetProcessorNumberFromIndex(3, &number), STATUS_SUCCESS);
	assert_int_equal(number.Group, 0);
	assert_int_equal(number.Number, 2);
	assert_int_equal(KeGetProcessorIndexFromNumber(&number), 3);

	assert_int_equal(KeGetProcessorNumberFromIndex(4, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(KeGetProcessorNumberFromIndex(INVALID_PROCESSOR_INDEX, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(number.Number, 2); /* not written */
	assert_int_equal(KeGetProcessorNumberFromIndex(0, NULL), STATUS_INVALID_PARAMETER);
	number.Reserved = 1;
	assert_int_equal(KeGetProcessorIndexFromNumber(&number), INVALID_PROCESSOR_INDEX);
	number = (PROCESSOR_NUMBER){ .Group = 1, .Number = 4 }; /* not come yet */
	assert_int_equal(KeGetProcessorIndexFromNumber(&number), INVALID_PROCESSOR_INDEX);
	number = (PROCESSOR_NUMBER){ .Group = 0xffff };
	assert_int_equal(KeGetProcessorIndexFromNumber(&number), INVALID_PROCESSOR_INDEX);
	assert_int_equal(KeGetProcessorIndexFromNumber(NULL), INVALID_PROCESSOR_INDEX);
	unbind_sim(engine);
}

static void the_current_processor_has_index_and_number_S532(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	PROCESSOR_NUMBER number = { .Reserved = 7 };

	(void)state;
	assert_ok(add_position(engine, 4));
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 4)));
	assert_int_equal(KeGetCurrentProcessorIndex(), 2);
	assert_int_equal(KeGetCurrentProcessorNumberEx(NULL), 2);
	assert_int_equal(KeGetCurrentProcessorNumberEx(&number), 2);
	assert_int_equal(number.Group, 1);
	assert_int_equal(number.Number, 1);
	assert_int_equal(number.Reserved, 0);
	dhp_sim_exit();
	unbind_sim(engine);
}

static void the_old_number_stays_below_the_count_of_group_0_S533_S534(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);

	(void)state;
	add_positions(engine, 2, 16);
	for (uint32_t position = 0; position < 16; position++) {
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
		assert_true(KeGetCurrentProcessorNumber() < KeQueryActiveProcessorCount(NULL));
		if (position < 3) /* group 0 */
			assert_int_equal(KeGetCurrentProcessorNumber(), position);
		dhp_sim_exit();
	}
	unbind_sim(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_groups_and_of_all_S501_S502_S503_S506),
		cmocka_unit_test(maxima_of_groups_are_exact_and_constant_S503_S504_S506),
		cmocka_unit_test(the_old_variable_has_eight_bits_and_a_fixed_view_S507),
		cmocka_unit_test(the_older_calls_can_be_shown_the_last_group_S534_S558),
		cmocka_unit_test(masks_of_groups_with_gaps_S515_S516_S517),
		cmocka_unit_test(index_and_number_are_inverse_S527_S528_S530_S531_S536),
		cmocka_unit_test(the_current_processor_has_index_and_number_S532),
		cmocka_unit_test(the_old_number_stays_below_the_count_of_group_0_S533_S534),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
