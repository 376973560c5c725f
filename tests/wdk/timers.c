/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers by their Windows names: with a DPC, with waiters, once and again, on either clock.
 */
#include "bound.h"

#include <time.h>

#define SECOND 10000000
#define HOUR (3600ll * SECOND)

static LARGE_INTEGER units(LONG64 quad)
{
	LARGE_INTEGER time;

	time.QuadPart = quad;
	return time;
}

static LONG64 system_time(void)
{
	LARGE_INTEGER now;

	KeQuerySystemTime(&now);
	return now.QuadPart;
}

static NTSTATUS wait_for(PVOID object, LONG64 quad)
{
	LARGE_INTEGER timeout = units(quad);

	return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &timeout);
}

struct alarm {
	KTIMER timer;
	KDPC dpc;
	uint64_t runs, at; /* at: interrupt time of the last run */
};

static KDEFERRED_ROUTINE note_run;

static VOID note_run(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct alarm *alarm = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&alarm->at, KeQueryInterruptTime());
	(void)bump(&alarm->runs);
}

static void alarm_init(struct alarm *alarm, TIMER_TYPE type)
{
	memset(alarm, 0, sizeof(*alarm));
	KeInitializeTimerEx(&alarm->timer, type);
	KeInitializeDpc(&alarm->dpc, note_run, alarm);
}

static void a_relative_timer_is_waited_for_and_queues_its_dpc_S680_S690(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct alarm alarm;
	ULONGLONG before;

	(void)state;
	alarm_init(&alarm, NotificationTimer);
	assert_int_equal(KeReadStateTimer(&alarm.timer), FALSE);
	assert_int_equal(wait_for(&alarm.timer, 0), STATUS_TIMEOUT);
	before = KeQueryInterruptTime();
	assert_int_equal(KeSetTimer(&alarm.timer, units(-30000), &alarm.dpc), FALSE);
	assert_int_equal(KeWaitForSingleObject(&alarm.timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_true(KeQueryInterruptTime() - before >= 30000);
	assert_int_equal(KeReadStateTimer(&alarm.timer), TRUE);
	KeFlushQueuedDpcs(); /* who waited finds it queued */
	assert_int_equal(peek(&alarm.runs), 1);
	assert_true(peek(&alarm.at) - before >= 30000);
	assert_int_equal(wait_for(&alarm.timer, -1), STATUS_SUCCESS); /* it stays so */
	assert_int_equal(KeSetTimer(&alarm.timer, units(-HOUR), NULL), FALSE);
	assert_int_equal(KeReadStateTimer(&alarm.timer), FALSE); /* until it is set */
	assert_int_equal(wait_for(&alarm.timer, -10000), STATUS_TIMEOUT);
	assert_int_equal(KeCancelTimer(&alarm.timer), TRUE);
	unbind_sim(engine);
}

static void zero_and_past_expire_at_once_S680(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct alarm alarm;
	KIRQL old;

	(void)state;
	alarm_init(&alarm, NotificationTimer);
	KeRaiseIrql(DISPATCH_LEVEL, &old); /* at or below */
	assert_int_equal(KeSetTimer(&alarm.timer, units(0), &alarm.dpc), FALSE);
	assert_int_equal(KeReadStateTimer(&alarm.timer), TRUE);
	assert_int_equal(wait_for(&alarm.timer, 0), STATUS_SUCCESS);
	assert_int_equal(KeSetTimer(&alarm.timer, units(1), NULL), FALSE); /* 1601 */
	assert_int_equal(KeReadStateTimer(&alarm.timer), TRUE);
	assert_int_equal(KeSetTimer(&alarm.timer, units(system_time() - SECOND), NULL), FALSE);
	assert_int_equal(KeReadStateTimer(&alarm.timer), TRUE);
	KeLowerIrql(old);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&alarm.runs), 1);
	unbind_sim(engine);
}

static void an_absolute_timer_follows_the_wall_clock_S680_S691(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	LONG64 due = system_time() + 50000;
	KTIMER timer;

	(void)state;
	KeInitializeTimer(&timer);
	assert_int_equal(KeSetTimer(&timer, units(due), NULL), FALSE);
	assert_int_equal(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_true(system_time() >= due);
	assert_int_equal(KeSetTimer(&timer, units(MAXINT64), NULL), FALSE); /* the year 30828 */
	assert_int_equal(KeReadStateTimer(&timer), FALSE);
	assert_int_equal(KeCancelTimer(&timer), TRUE);
	unbind_sim(engine);
}

static void the_system_time_counts_from_1601(void **state)
{
	struct timespec now;
	LONG64 before, after;

	(void)state;
	before = system_time();
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	after = system_time();
	assert_true((LONG64)now.tv_sec + 11644473600 >= before / SECOND);
	assert_true((LONG64)now.tv_sec + 11644473600 <= after / SECOND);
}

static void a_setting_replaces_and_a_cancel_ends_it_S681_S686(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct alarm alarm, other;

	(void)state;
	alarm_init(&alarm, NotificationTimer);
	alarm_init(&other, NotificationTimer);
	assert_int_equal(KeCancelTimer(&alarm.timer), FALSE); /* never set */
	assert_int_equal(KeSetTimer(&alarm.timer, units(-HOUR), &alarm.dpc), FALSE);
	assert_int_equal(KeSetTimer(&alarm.timer, units(-HOUR), &alarm.dpc), TRUE);
	assert_int_equal(KeSetTimer(&alarm.timer, units(-1), &other.dpc), TRUE); /* with another DPC */
	assert_true(wait_for_count(&other.runs, 1));
	assert_int_equal(peek(&alarm.runs), 0);
	assert_int_equal(KeCancelTimer(&alarm.timer), FALSE); /* it has expired */
	assert_int_equal(KeSetTimer(&alarm.timer, units(-HOUR), &alarm.dpc), FALSE);
	assert_int_equal(KeCancelTimer(&alarm.timer), TRUE);
	assert_int_equal(KeCancelTimer(&alarm.timer), FALSE);
	assert_int_equal(KeRemoveQueueDpc(&alarm.dpc), FALSE);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&alarm.runs), 0);
	unbind_sim(engine);
}

static void a_periodic_timer_lets_one_go_each_time_S682_S684_S686(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, SynchronizationTimer);
	assert_int_equal(KeSetTimerEx(&alarm.timer, units(-10000), 1, &alarm.dpc), FALSE);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(KeWaitForSingleObject(&alarm.timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_true(wait_for_count(&alarm.runs, 3));
	assert_int_equal(KeCancelTimer(&alarm.timer), TRUE); /* always */
	(void)wait_for(&alarm.timer, 0); /* what has expired since */
	assert_int_equal(KeReadStateTimer(&alarm.timer), FALSE);
	assert_int_equal(wait_for(&alarm.timer, -20000), STATUS_TIMEOUT);
	(void)KeRemoveQueueDpc(&alarm.dpc); /* S-653: cancel, remove, flush, free */
	KeFlushQueuedDpcs();
	unbind_sim(engine);
}

static void a_period_of_zero_is_one_shot_and_a_synchronization_timer_is_taken_S682(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, SynchronizationTimer);
	assert_int_equal(KeSetTimerEx(&alarm.timer, units(0), 0, &alarm.dpc), FALSE);
	assert_int_equal(wait_for(&alarm.timer, 0), STATUS_SUCCESS);
	assert_int_equal(wait_for(&alarm.timer, 0), STATUS_TIMEOUT);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&alarm.runs), 1);
	assert_int_equal(KeCancelTimer(&alarm.timer), FALSE);
	unbind_sim(engine);
}

static void a_tolerance_is_no_excuse_for_being_early_S685(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	struct alarm alarm;
	ULONGLONG before;

	(void)state;
	alarm_init(&alarm, NotificationTimer);
	before = KeQueryInterruptTime();
	assert_int_equal(KeSetCoalescableTimer(&alarm.timer, units(-20000), 0, 5, &alarm.dpc), FALSE);
	assert_int_equal(KeSetCoalescableTimer(&alarm.timer, units(-20000), 0, 5, &alarm.dpc), TRUE);
	assert_int_equal(KeWaitForSingleObject(&alarm.timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_true(KeQueryInterruptTime() - before >= 20000);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&alarm.runs), 1);
	unbind_sim(engine);
}

/* ---- many waiters ---- */

#define WAITERS 4u

static KTIMER shared;
static uint64_t let_go;

static void *wait_for_shared(void *argument)
{
	(void)argument;
	if (KeWaitForSingleObject(&shared, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS)
		(void)bump(&let_go);
	return NULL;
}

static void a_notification_timer_lets_all_go_and_the_other_one_by_one(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);

	(void)state;
	for (uint32_t type = 0; type < 2; type++) {
		struct helper helpers[WAITERS];

		poke(&let_go, 0);
		KeInitializeTimerEx(&shared, type == 0 ? NotificationTimer : SynchronizationTimer);
		for (uint32_t i = 0; i < WAITERS; i++)
			helper_start(&helpers[i], wait_for_shared, NULL);
		for (uint32_t i = 0; i < (type == 0 ? 1 : WAITERS); i++) {
			(void)KeSetTimer(&shared, units(-10000), NULL);
			assert_true(wait_for_count(&let_go, type == 0 ? WAITERS : i + 1));
			assert_int_equal(peek(&let_go), type == 0 ? WAITERS : i + 1);
		}
		for (uint32_t i = 0; i < WAITERS; i++)
			helper_join(&helpers[i]);
	}
	unbind_sim(engine);
}

/* The waiter's stack is the timer's memory: nobody touches it after the return. */
static void a_waiter_may_own_the_timer(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);

	(void)state;
	for (int i = 0; i < TIMES(500); i++) {
		KTIMER *timer = malloc(sizeof(*timer));

		assert_non_null(timer);
		KeInitializeTimer(timer);
		(void)KeSetTimer(timer, units(-100), NULL);
		assert_int_equal(KeWaitForSingleObject(timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
		memset(timer, 0xa5, sizeof(*timer));
		free(timer);
	}
	unbind_sim(engine);
}

#if DHP_CHECKS < 2
static void what_is_no_timer_is_refused(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	KTIMER timer;
	KDPC dpc;
	KIRQL old;

	(void)state;
	memset(&timer, 0, sizeof(timer));
	memset(&dpc, 0, sizeof(dpc));
	assert_int_equal(KeSetTimer(&timer, units(0), NULL), FALSE);
	assert_int_equal(KeReadStateTimer(&timer), FALSE);
	assert_int_equal(KeCancelTimer(&timer), FALSE);
	assert_int_equal(wait_for(&timer, 0), STATUS_INVALID_PARAMETER);
	KeInitializeTimer(&timer);
	assert_int_equal(KeSetTimer(&timer, units(0), &dpc), FALSE); /* a DPC that was not initialised */
	assert_int_equal(KeReadStateTimer(&timer), FALSE);
	(void)KeSetTimerEx(&timer, units(-10000), -5, NULL); /* a period below zero is none */
	assert_int_equal(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_int_equal(KeCancelTimer(&timer), FALSE);
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	assert_int_equal(wait_for(&timer, -1), STATUS_INVALID_DEVICE_STATE);
	KeLowerIrql(old);
	unbind_sim(engine);
	KeInitializeTimer(&timer); /* no engine */
	assert_int_equal(KeSetTimer(&timer, units(0), NULL), FALSE);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_relative_timer_is_waited_for_and_queues_its_dpc_S680_S690),
		cmocka_unit_test(zero_and_past_expire_at_once_S680),
		cmocka_unit_test(an_absolute_timer_follows_the_wall_clock_S680_S691),
		cmocka_unit_test(the_system_time_counts_from_1601),
		cmocka_unit_test(a_setting_replaces_and_a_cancel_ends_it_S681_S686),
		cmocka_unit_test(a_periodic_timer_lets_one_go_each_time_S682_S684_S686),
		cmocka_unit_test(a_period_of_zero_is_one_shot_and_a_synchronization_timer_is_taken_S682),
		cmocka_unit_test(a_tolerance_is_no_excuse_for_being_early_S685),
		cmocka_unit_test(a_notification_timer_lets_all_go_and_the_other_one_by_one),
		cmocka_unit_test(a_waiter_may_own_the_timer),
#if DHP_CHECKS < 2
		cmocka_unit_test(what_is_no_timer_is_refused),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
