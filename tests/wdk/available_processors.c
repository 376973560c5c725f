/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The newer notification by its Windows names: the set of available processors, and its changes in either direction.
 */
#include "bound.h"

static const uint8_t sizes[] = { 3, 5 };
static const struct sim_setup groups = { .maximum = 16, .initial = 2, .group_sizes = sizes, .group_size_count = 2 };

struct hearer {
	uint64_t calls, last;
};

static PS_AVAILABLE_CPUS_CHANGE_CALLBACK hear;

static VOID hear(PVOID context, ULONG64 number)
{
	struct hearer *hearer = context;

	poke(&hearer->last, number);
	(void)bump(&hearer->calls);
}

static ULONG64 number_now(void)
{
	ULONG64 number = 0;
	ULONG count;

	assert_int_equal(PsQuerySystemAvailableCpusCount(&count, &number), STATUS_SUCCESS);
	return number;
}

static bool has_heard(void *context)
{
	return peek(&((struct hearer *)context)->last) == number_now();
}

static void changes_in_both_directions_are_told_S801_S802_S803_S804_S806_S808(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	struct hearer now = { .calls = 0 }, late = { .calls = 0 };
	PS_AVAILABLE_CPUS_CHANGE_REGISTRATION handles[2];
	ULONG64 number = number_now();

	(void)state;
	assert_int_equal(PsRegisterSystemAvailableCpusChangeNotification(hear, &now, NULL, &handles[0]), STATUS_SUCCESS);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE);
	assert_int_equal(peek(&now.calls), 0);
	add_positions(engine, 2, 4);
	assert_true(wait_until(has_heard, &now));
	/* Who knows an earlier set is told at once. */
	assert_int_equal(PsRegisterProcessAvailableCpusChangeNotification(PsGetCurrentProcess(), hear, &late, &number,
									  &handles[1]),
			 STATUS_SUCCESS);
	assert_int_equal(peek(&late.last), number_now());
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), false));
	assert_true(wait_until(has_heard, &now));
	assert_true(wait_until(has_heard, &late));
	PsUnregisterAvailableCpusChangeNotification(handles[0]);
	PsUnregisterAvailableCpusChangeNotification(handles[1]);
	PsUnregisterAvailableCpusChangeNotification(NULL);
	number = peek(&now.last);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), true));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&now.last), number); /* nothing after the return */
	unbind_sim(engine);
}

static void the_set_is_written_unless_it_was_seen_S805_S807(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	KAFFINITY_EX affinity = { .Size = DHP_WDK_GROUPS };
	ULONG64 number = 0, again = 7;
	ULONG count = 0;

	(void)state;
	assert_int_equal(PsQuerySystemAvailableCpus(&affinity, NULL, &number), STATUS_SUCCESS);
	assert_int_equal(number, number_now());
	assert_int_equal(affinity.Count, 4);
	assert_int_equal(affinity.Bitmap[0], 3);
	affinity.Bitmap[0] = 77;
	assert_int_equal(PsQuerySystemAvailableCpus(&affinity, &number, &again), STATUS_NO_WORK_DONE);
	assert_int_equal(affinity.Bitmap[0], 77);
	assert_int_equal(again, 7);
	add_positions(engine, 2, 5);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 0), false));
	assert_int_equal(PsQueryProcessAvailableCpus(PsGetCurrentProcess(), &affinity, &number, &again), STATUS_SUCCESS);
	assert_true(again > number);
	assert_int_equal(affinity.StaticBitmap[0], 6);
	assert_int_equal(affinity.StaticBitmap[1], 3);
	assert_int_equal(PsQueryProcessAvailableCpusCount(PsGetCurrentProcess(), &count, &number), STATUS_SUCCESS);
	assert_int_equal(count, 4);
	assert_int_equal(number, again);
	affinity.Size = 3;
	affinity.Count = 9;
	assert_int_equal(PsQuerySystemAvailableCpus(&affinity, NULL, &number), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(affinity.Count, 9);
	unbind_sim(engine);
}

static void bad_arguments_are_refused_S805(void **state)
{
	struct dhp_engine *engine = bind_sim(&groups);
	KAFFINITY_EX affinity = { .Size = DHP_WDK_GROUPS };
	PS_AVAILABLE_CPUS_CHANGE_REGISTRATION handle;
	ULONG64 number;
	ULONG count;

	(void)state;
	assert_int_equal(PsQuerySystemAvailableCpus(NULL, NULL, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsQuerySystemAvailableCpus(&affinity, NULL, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsQuerySystemAvailableCpusCount(NULL, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsQuerySystemAvailableCpusCount(&count, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsRegisterSystemAvailableCpusChangeNotification(NULL, NULL, NULL, &handle), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsRegisterSystemAvailableCpusChangeNotification(hear, NULL, NULL, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsQueryProcessAvailableCpus(NULL, &affinity, NULL, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsQueryProcessAvailableCpusCount(NULL, &count, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsRegisterProcessAvailableCpusChangeNotification(NULL, hear, NULL, NULL, &handle),
			 STATUS_INVALID_PARAMETER);
	unbind_sim(engine);
	assert_int_equal(PsQuerySystemAvailableCpus(&affinity, NULL, &number), STATUS_DEVICE_NOT_READY);
	assert_int_equal(PsQuerySystemAvailableCpusCount(&count, &number), STATUS_DEVICE_NOT_READY);
	assert_int_equal(PsRegisterSystemAvailableCpusChangeNotification(hear, NULL, NULL, &handle), STATUS_DEVICE_NOT_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_in_both_directions_are_told_S801_S802_S803_S804_S806_S808),
		cmocka_unit_test(the_set_is_written_unless_it_was_seen_S805_S807),
		cmocka_unit_test(bad_arguments_are_refused_S805),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
