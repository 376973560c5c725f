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

static void maxima_of_groups_bound_their_counts_S503_S504(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	ULONG before = KeQueryMaximumProcessorCount();

	(void)state;
	assert_int_equal(before, KeQueryMaximumProcessorCountEx(0));
	add_positions(engine, 2, 16);
	for (USHORT group = 0; group < 4; group++) {
		assert_true(KeQueryMaximumProcessorCountEx(group) >= KeQueryActiveProcessorCountEx(group));
		assert_true(KeQueryMaximumProcessorCountEx(group) <= 64);
	}
	assert_int_equal(KeQueryMaximumProcessorCount(), before);
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
		cmocka_unit_test(maxima_of_groups_bound_their_counts_S503_S504),
		cmocka_unit_test(masks_of_groups_with_gaps_S515_S516_S517),
		cmocka_unit_test(index_and_number_are_inverse_S527_S528_S530_S531_S536),
		cmocka_unit_test(the_current_processor_has_index_and_number_S532),
		cmocka_unit_test(the_old_number_stays_below_the_count_of_group_0_S533_S534),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
