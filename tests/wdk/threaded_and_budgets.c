/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threaded DPCs, and what a routine may know of its time.
 */
#include "bound.h"

struct seen {
	KDPC dpc;
	KEVENT event;
	uint64_t runs, executing, irql, irql_raised, irql_locked, irql_after, looked, waited, status;
	uint64_t yielded_at_first, yielded_at_last;
	KDPC_WATCHDOG_INFORMATION first, last;
};

static KDEFERRED_ROUTINE look_around;

static VOID look_around(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	static KSPIN_LOCK lock;
	struct seen *seen = context;
	LARGE_INTEGER no_time = { .QuadPart = 0 };
	KIRQL old;

	(void)dpc;
	(void)argument_2;
	poke(&seen->executing, KeIsExecutingDpc());
	poke(&seen->irql, KeGetCurrentIrql());
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	poke(&seen->irql_raised, KeGetCurrentIrql());
	KeLowerIrql(old);
	KeAcquireSpinLock(&lock, &old);
	poke(&seen->irql_locked, KeGetCurrentIrql());
	KeReleaseSpinLock(&lock, old);
	poke(&seen->irql_after, KeGetCurrentIrql());
	poke(&seen->looked, (uint64_t)KeWaitForSingleObject(&seen->event, Executive, KernelMode, FALSE, &no_time));
#if DHP_CHECKS < 2
	poke(&seen->waited, (uint32_t)KeWaitForSingleObject(&seen->event, Executive, KernelMode, FALSE, NULL));
#endif
	poke(&seen->yielded_at_first, KeShouldYieldProcessor());
	poke(&seen->status, (uint32_t)KeQueryDpcWatchdogInformation(&seen->first));
	while (argument_1 != NULL && !KeShouldYieldProcessor())
		continue;
	(void)KeQueryDpcWatchdogInformation(&seen->last);
	poke(&seen->yielded_at_last, KeShouldYieldProcessor());
	(void)bump(&seen->runs);
}

static void run(struct seen *seen, bool threaded, bool until_asked)
{
	memset(seen, 0, sizeof(*seen));
	KeInitializeEvent(&seen->event, NotificationEvent, FALSE);
	if (threaded)
		KeInitializeThreadedDpc(&seen->dpc, look_around, seen);
	else
		KeInitializeDpc(&seen->dpc, look_around, seen);
	assert_int_equal(KeInsertQueueDpc(&seen->dpc, until_asked ? seen : NULL, NULL), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&seen->runs), 1);
	assert_int_equal(peek(&seen->executing), TRUE);
	assert_int_equal(peek(&seen->irql_raised), DISPATCH_LEVEL);
	assert_int_equal(peek(&seen->irql_locked), DISPATCH_LEVEL);
	assert_int_equal(peek(&seen->irql_after), peek(&seen->irql));
	assert_int_equal(peek(&seen->looked), STATUS_TIMEOUT);
#if DHP_CHECKS < 2
	assert_int_equal(peek(&seen->waited), (uint32_t)STATUS_INVALID_DEVICE_STATE); /* S-661: the rules of dispatch level */
#endif
}

static void a_threaded_dpc_runs_at_passive_level_S660_S661(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct seen seen;

	(void)state;
	run(&seen, true, false);
	assert_int_equal(peek(&seen.irql), PASSIVE_LEVEL);
	run(&seen, false, false);
	assert_int_equal(peek(&seen.irql), DISPATCH_LEVEL);
	unbind_sim(engine);
}

static void switched_off_it_is_an_ordinary_one_S660(void **state)
{
	const struct sim_setup setup = { .maximum = 4, .initial = 2, .flags = DHP_ENGINE_NO_THREADED_DPCS };
	struct dhp_engine *engine = bind_sim(&setup);
	struct seen seen;

	(void)state;
	run(&seen, true, false);
	assert_int_equal(peek(&seen.irql), DISPATCH_LEVEL);
	unbind_sim(engine);
}

static struct dhp_engine *bind_watched(void)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 1, .initial_count = 1 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .watchdog_run_ns = 2000500,
		.watchdog_sequence_ns = 3600000000000 };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_wdk_bind(engine));
	return engine;
}

static void a_routine_knows_its_budget_and_when_to_yield_S672_S673(void **state)
{
	struct dhp_engine *engine = bind_watched();
	struct seen seen;

	(void)state;
	for (uint32_t threaded = 0; threaded < 2; threaded++) {
		run(&seen, threaded != 0, true);
		assert_int_equal(peek(&seen.status), STATUS_SUCCESS);
		assert_int_equal(seen.first.DpcTimeLimit, 2001); /* microseconds, upwards */
		assert_int_equal(seen.first.DpcWatchdogLimit, 3600000000u);
		assert_true(seen.first.DpcTimeCount <= 2001 && seen.first.DpcWatchdogCount <= 3600000000u);
		assert_true(seen.last.DpcTimeCount <= 501); /* the last quarter */
		assert_true(seen.last.DpcTimeCount <= seen.first.DpcTimeCount);
		assert_int_equal(seen.first.Reserved, 0);
		assert_int_equal(peek(&seen.yielded_at_last), TRUE);
	}
	unbind_sim(engine);
}

static void without_a_watchdog_nothing_is_limited_S672_S675(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	KDPC_WATCHDOG_INFORMATION information = { .DpcTimeLimit = 7, .DpcWatchdogCount = 7 };
	struct seen seen;
	KIRQL old;

	(void)state;
	run(&seen, false, false);
	assert_int_equal(peek(&seen.status), STATUS_SUCCESS);
	assert_int_equal(seen.first.DpcTimeLimit, 0);
	assert_int_equal(seen.first.DpcWatchdogLimit, 0);
	assert_int_equal(peek(&seen.yielded_at_first), FALSE);

	assert_int_equal(KeQueryDpcWatchdogInformation(&information), STATUS_UNSUCCESSFUL); /* not in a DPC */
	assert_int_equal(information.DpcTimeLimit, 7);
	assert_int_equal(KeQueryDpcWatchdogInformation(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(KeShouldYieldProcessor(), FALSE);
	assert_int_equal(KeIsExecutingDpc(), FALSE);
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	assert_int_equal(KeQueryDpcWatchdogInformation(&information), STATUS_SUCCESS); /* at DISPATCH_LEVEL it may be asked */
	assert_int_equal(information.DpcTimeLimit, 0);
	assert_int_equal(information.DpcWatchdogCount, 0);
	assert_int_equal(KeIsExecutingDpc(), FALSE);
	KeLowerIrql(old);
	unbind_sim(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_threaded_dpc_runs_at_passive_level_S660_S661),
		cmocka_unit_test(switched_off_it_is_an_ordinary_one_S660),
		cmocka_unit_test(a_routine_knows_its_budget_and_when_to_yield_S672_S673),
		cmocka_unit_test(without_a_watchdog_nothing_is_limited_S672_S675),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
