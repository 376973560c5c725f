/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every status has a name of its own and a sentence; everything else has none. S-043: below zero is failure.
 */
#include "support.h"

static const enum dhp_status all[] = {
	DHP_OK, DHP_ALREADY_QUEUED, DHP_NOT_QUEUED, DHP_BAD_ENGINE, DHP_BAD_OPTIONS, DHP_BAD_OBJECT,
	DHP_BAD_CALLBACK, DHP_BAD_FLAGS, DHP_BAD_INDEX, DHP_BAD_NUMBER, DHP_BAD_CPU, DHP_BAD_SIZE, DHP_BAD_ALIGNMENT,
	DHP_BAD_RESULT, DHP_BAD_IMPORTANCE, DHP_BAD_CLASS, DHP_BAD_STEP, DHP_BAD_GROUPS, DHP_BAD_PATH, DHP_NO_MEMORY,
	DHP_NO_THREAD, DHP_NO_AFFINITY, DHP_NO_PROCESSOR, DHP_ALREADY_THERE, DHP_TOO_MANY, DHP_TOO_SMALL, DHP_VETOED,
	DHP_CLOSED, DHP_WRONG_LEVEL, DHP_IN_CALLBACK, DHP_IN_SECTION, DHP_IN_USE, DHP_NOT_SUPPORTED, DHP_CANNOT_READ,
	DHP_INJECTED,
	DHP_TIMED_OUT, DHP_BAD_NAME, DHP_BAD_CONDITION, DHP_BAD_NODE, DHP_NO_DESCRIPTOR,
	DHP_HELD, DHP_REQUIREMENTS_CHANGED, DHP_NOT_HELD, DHP_INVALID_STATE, DHP_CANCELLED, DHP_DEVICE_GONE, DHP_NOT_QUIET,
	DHP_DETACHED, DHP_BAD_REQUEST, DHP_BAD_POLICY,
	DHP_REPLACED, DHP_NOT_SET, DHP_NOT_IN_DPC,
	DHP_UNCHANGED, DHP_NO_EFFECT, DHP_BAD_GROUP, DHP_BAD_MASK, DHP_BAD_COUNT, DHP_BAD_DEPTH, DHP_RUN_DOWN,
	DHP_NOT_RUN_DOWN, DHP_ENDED, DHP_AT_END, DHP_BAD_RECORD, DHP_CANNOT_WRITE, DHP_FULL,
};

static bool is_known(int value)
{
	for (size_t i = 0; i < LENGTH(all); i++)
		if ((int)all[i] == value)
			return true;
	return false;
}

static void every_status_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	assert_string_equal(dhp_status_name(DHP_BAD_INDEX), "DHP_BAD_INDEX");
	for (size_t i = 0; i < LENGTH(all); i++) {
		const char *text = dhp_status_text(all[i]);

		assert_memory_equal(dhp_status_name(all[i]), "DHP_", 4);
		assert_string_not_equal(dhp_status_name(all[i]), "DHP_?");
		assert_true(strlen(text) > 0);
		for (size_t other = 0; other < i; other++) {
			assert_string_not_equal(dhp_status_name(all[i]), dhp_status_name(all[other]));
			assert_string_not_equal(text, dhp_status_text(all[other]));
		}
	}
}

static void unknown_values_have_the_unknown_name(void **state)
{
	(void)state;
	for (int value = -1000; value < 1000; value++) {
		if (is_known(value))
			continue;
		assert_string_equal(dhp_status_name((enum dhp_status)value), "DHP_?");
		assert_non_null(dhp_status_text((enum dhp_status)value));
	}
	assert_string_equal(dhp_status_name((enum dhp_status)INT32_MIN), "DHP_?");
	assert_string_equal(dhp_status_name((enum dhp_status)INT32_MAX), "DHP_?");
}

static void failure_is_below_zero_S043(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(all); i++)
		assert_int_equal(dhp_failed(all[i]), all[i] < 0);
	assert_false(dhp_failed(DHP_OK));
	assert_false(dhp_failed(DHP_ALREADY_QUEUED));
	assert_true(dhp_failed(DHP_VETOED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_a_name_and_a_sentence),
		cmocka_unit_test(unknown_values_have_the_unknown_name),
		cmocka_unit_test(failure_is_below_zero_S043),
	};

	return cmocka_run_group_tests_name("status_names", tests, NULL, NULL);
}
