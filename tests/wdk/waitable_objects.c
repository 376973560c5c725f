/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events, semaphores, system threads, and waiting for them.
 */
#include "bound.h"

static NTSTATUS wait_for(PVOID object, LONG64 units)
{
	LARGE_INTEGER timeout;

	timeout.QuadPart = units;
	return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &timeout);
}

static void a_notification_event_stays_set(void **state)
{
	KEVENT event;

	(void)state;
	KeInitializeEvent(&event, NotificationEvent, FALSE);
	assert_int_equal(KeReadStateEvent(&event), 0);
	assert_int_equal(wait_for(&event, 0), STATUS_TIMEOUT);
	assert_int_equal(wait_for(&event, -10000), STATUS_TIMEOUT);
	assert_int_equal(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 0);
	assert_int_equal(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 1);
	assert_int_equal(wait_for(&event, 0), STATUS_SUCCESS);
	assert_int_equal(wait_for(&event, -10000), STATUS_SUCCESS);
	assert_int_equal(KeReadStateEvent(&event), 1);
	KeClearEvent(&event);
	assert_int_equal(wait_for(&event, 0), STATUS_TIMEOUT);
}

static void a_synchronization_event_lets_one_go(void **state)
{
	KEVENT event;

	(void)state;
	KeInitializeEvent(&event, SynchronizationEvent, TRUE);
	assert_int_equal(KeReadStateEvent(&event), 1);
	assert_int_equal(wait_for(&event, 0), STATUS_SUCCESS);
	assert_int_equal(wait_for(&event, 0), STATUS_TIMEOUT);
	assert_int_equal(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 0);
	assert_int_equal(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
}

static void a_semaphore_counts_to_its_limit(void **state)
{
	KSEMAPHORE semaphore;

	(void)state;
	KeInitializeSemaphore(&semaphore, 1, 3);
	assert_int_equal(KeReadStateSemaphore(&semaphore), 1);
	assert_int_equal(KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 2, FALSE), 1);
	assert_int_equal(KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 1, FALSE), 3); /* beyond the limit */
	assert_int_equal(KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 0, FALSE), 3);
	assert_int_equal(KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, -1, FALSE), 3);
	assert_int_equal(KeReadStateSemaphore(&semaphore), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(wait_for(&semaphore, 0), STATUS_SUCCESS);
	assert_int_equal(wait_for(&semaphore, 0), STATUS_TIMEOUT);
	assert_int_equal(KeReadStateSemaphore(&semaphore), 0);
}

static void what_cannot_be_waited_for_is_refused(void **state)
{
	KEVENT event = { .opaque = { 0 } };

	(void)state;
	assert_int_equal(wait_for(NULL, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(wait_for(&event, 0), STATUS_INVALID_PARAMETER);
	KeInitializeEvent(&event, NotificationEvent, TRUE);
	assert_int_equal(wait_for(&event, 1), STATUS_SUCCESS);
}

static LONG64 system_time(void)
{
	LARGE_INTEGER now;

	KeQuerySystemTime(&now);
	return now.QuadPart;
}

/* A time-out above zero is a time of the wall clock. */
static void an_absolute_time_out_ends_the_wait(void **state)
{
	LONG64 until = system_time() + 20000;
	KSEMAPHORE semaphore;
	KEVENT event;

	(void)state;
	KeInitializeEvent(&event, NotificationEvent, FALSE);
	KeInitializeSemaphore(&semaphore, 1, 1);
	assert_int_equal(wait_for(&event, 1), STATUS_TIMEOUT); /* 1601 */
	assert_int_equal(wait_for(&event, system_time() - 1), STATUS_TIMEOUT);
	assert_int_equal(wait_for(&event, until), STATUS_TIMEOUT);
	assert_true(system_time() >= until);
	assert_int_equal(wait_for(&semaphore, 1), STATUS_SUCCESS); /* a look, however long ago the time was */
	(void)KeSetEvent(&event, IO_NO_INCREMENT, FALSE);
	assert_int_equal(wait_for(&event, MAXINT64), STATUS_SUCCESS);
}

static void *set_after_a_while(void *argument)
{
	sleep_us(150000); /* longer than the clock goes unwatched */
	(void)KeSetEvent(argument, IO_NO_INCREMENT, FALSE);
	return NULL;
}

static void an_absolute_wait_is_ended_by_the_event(void **state)
{
	struct helper helper;
	KEVENT event;

	(void)state;
	KeInitializeEvent(&event, SynchronizationEvent, FALSE);
	helper_start(&helper, set_after_a_while, &event);
	assert_int_equal(wait_for(&event, system_time() + 600000000), STATUS_SUCCESS);
	helper_join(&helper);
}

static void at_dispatch_level_one_may_look_and_not_wait_S617(void **state)
{
	KEVENT event;
	KIRQL old;

	(void)state;
	KeInitializeEvent(&event, NotificationEvent, FALSE);
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	assert_int_equal(wait_for(&event, 0), STATUS_TIMEOUT);
#if DHP_CHECKS < 2
	assert_int_equal(wait_for(&event, -1), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL),
			 STATUS_INVALID_DEVICE_STATE);
#endif
	assert_int_equal(KeSetEvent(&event, IO_NO_INCREMENT, FALSE), 0);
	assert_int_equal(wait_for(&event, 0), STATUS_SUCCESS);
	KeLowerIrql(old);
}

/* ---- the waiter owns the event: once let go it is gone ---- */

static uint64_t rounds_done;
static KEVENT *volatile event_of_waiter;
static KSEMAPHORE offered;

static void *set_what_is_offered(void *argument)
{
	(void)argument;
	for (int i = 0; i < TIMES(5000); i++) {
		(void)KeWaitForSingleObject(&offered, Executive, KernelMode, FALSE, NULL);
		(void)KeSetEvent(event_of_waiter, IO_NO_INCREMENT, FALSE);
		(void)bump(&rounds_done);
	}
	return NULL;
}

/* A memory checker sees a setter that still touches the event. */
static void the_event_may_go_as_soon_as_the_waiter_is_let_go(void **state)
{
	struct helper helper;

	(void)state;
	KeInitializeSemaphore(&offered, 0, 1);
	helper_start(&helper, set_what_is_offered, NULL);
	for (int i = 0; i < TIMES(5000); i++) {
		KEVENT *event = malloc(sizeof(*event));

		KeInitializeEvent(event, NotificationEvent, FALSE);
		event_of_waiter = event;
		(void)KeReleaseSemaphore(&offered, IO_NO_INCREMENT, 1, FALSE);
		assert_int_equal(KeWaitForSingleObject(event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
		free(event);
	}
	helper_join(&helper);
	assert_int_equal(peek(&rounds_done), TIMES(5000));
}

/* ---- many waiters: as many go as were let go ---- */

static KSEMAPHORE turnstile;
static KEVENT opened;
static uint64_t passed;

static void *pass_turnstile(void *argument)
{
	(void)argument;
	(void)KeWaitForSingleObject(&opened, Executive, KernelMode, FALSE, NULL);
	for (int i = 0; i < TIMES(2000); i++) {
		(void)KeWaitForSingleObject(&turnstile, Executive, KernelMode, FALSE, NULL);
		(void)bump(&passed);
	}
	return NULL;
}

static void each_release_lets_one_waiter_go(void **state)
{
	struct helper helpers[4];
	LONG limit = 4 * TIMES(2000);

	(void)state;
	KeInitializeSemaphore(&turnstile, 0, limit + 1);
	KeInitializeEvent(&opened, NotificationEvent, FALSE);
	for (uint32_t i = 0; i < 4; i++)
		helper_start(&helpers[i], pass_turnstile, NULL);
	(void)KeSetEvent(&opened, IO_NO_INCREMENT, FALSE); /* wakes all */
	for (LONG i = 0; i < limit; i++)
		(void)KeReleaseSemaphore(&turnstile, IO_NO_INCREMENT, 1, FALSE);
	for (uint32_t i = 0; i < 4; i++)
		helper_join(&helpers[i]);
	assert_int_equal(peek(&passed), limit);
	assert_int_equal(KeReadStateSemaphore(&turnstile), 0);
}

/* ---- system threads ---- */

struct worker {
	KEVENT go;
	PKTHREAD me;
	KPRIORITY before, after;
	KIRQL level;
	uint64_t plain; /* ordered by the wait for the end */
};

static KSTART_ROUTINE work;

static VOID work(PVOID context)
{
	struct worker *worker = context;

	worker->me = KeGetCurrentThread();
	worker->level = KeGetCurrentIrql();
	worker->before = KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
	worker->after = KeSetPriorityThread(KeGetCurrentThread(), LOW_REALTIME_PRIORITY);
	(void)KeWaitForSingleObject(&worker->go, Executive, KernelMode, FALSE, NULL);
	worker->plain = 42;
}

static void a_system_thread_is_waited_for_by_its_object(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct worker worker = { .plain = 0 };
	struct _KTHREAD *thread = NULL;
	HANDLE handle = NULL;

	(void)state;
	KeInitializeEvent(&worker.go, NotificationEvent, FALSE);
	assert_int_equal(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, work, &worker),
			 STATUS_SUCCESS);
	assert_int_equal(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &thread, NULL),
			 STATUS_SUCCESS);
	assert_int_equal(wait_for(thread, 0), STATUS_TIMEOUT);
	(void)KeSetEvent(&worker.go, IO_NO_INCREMENT, FALSE);
	assert_int_equal(KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_int_equal(worker.plain, 42);
	assert_ptr_equal(worker.me, thread);
	assert_int_equal(worker.level, PASSIVE_LEVEL);
	assert_int_equal(worker.before, 8);
	assert_int_equal(worker.after, LOW_REALTIME_PRIORITY);
	assert_int_equal(KeSetPriorityThread(thread, 3), LOW_REALTIME_PRIORITY);
	assert_int_equal(wait_for(thread, 0), STATUS_SUCCESS); /* it stays signalled */
	ObDereferenceObject(thread);
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	assert_int_equal(ZwClose(handle), STATUS_INVALID_HANDLE);
	unbind_sim(engine);
}

static void handles_of_other_kinds_are_refused(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct worker worker = { .plain = 0 };
	PVOID object = NULL;
	HANDLE handle = NULL;

	(void)state;
	KeInitializeEvent(&worker.go, NotificationEvent, TRUE);
	assert_int_equal(PsCreateSystemThread(NULL, 0, NULL, NULL, NULL, work, &worker), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, NULL, &worker), STATUS_INVALID_PARAMETER);
	assert_null(handle);
	assert_int_equal(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, work, &worker), STATUS_SUCCESS);
	assert_ptr_not_equal(*PsThreadType, *ExEventObjectType);
	assert_int_equal(ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &object, NULL),
			 STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(ObReferenceObjectByHandle(&worker, 0, NULL, KernelMode, &object, NULL), STATUS_INVALID_HANDLE);
	assert_int_equal(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, NULL, NULL), STATUS_INVALID_PARAMETER);
	assert_null(object);
	assert_int_equal(ZwClose(NULL), STATUS_INVALID_HANDLE);
	assert_int_equal(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &object, NULL), STATUS_SUCCESS);
	assert_int_equal(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	ObDereferenceObject(object);
	ObDereferenceObject(NULL);
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	unbind_sim(engine);
}

static uint64_t threads_ran;
static KSTART_ROUTINE run_briefly;

static VOID run_briefly(PVOID context)
{
	(void)context;
	(void)bump(&threads_ran);
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

/* A leak checker sees what is not freed. */
static void threads_nobody_waits_for_are_freed_all_the_same(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	HANDLE handle;

	(void)state;
	for (int i = 0; i < TIMES(200); i++) {
		assert_int_equal(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, run_briefly, NULL), STATUS_SUCCESS);
		assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	}
	assert_true(wait_until(unbound, NULL));
	assert_int_equal(peek(&threads_ran), TIMES(200));
	end_engine(engine);
}

static void any_thread_is_somebody(void **state)
{
	PKTHREAD me = KeGetCurrentThread();
	struct worker stranger = { .plain = 0 };

	(void)state;
	assert_non_null(me);
	assert_ptr_equal(KeGetCurrentThread(), me);
	assert_int_equal(KeSetPriorityThread(me, LOW_REALTIME_PRIORITY), 8);
	assert_int_equal(KeSetPriorityThread(me, 8), LOW_REALTIME_PRIORITY);
	assert_int_equal(KeSetPriorityThread((PKTHREAD)(void *)&stranger, 3), 8);
}

static void time_goes_forward(void **state)
{
	ULONGLONG one = KeQueryInterruptTime(), two, three;
	LARGE_INTEGER ticks;
	uint64_t stamp = 0;

	(void)state;
	two = KeQueryUnbiasedInterruptTimePrecise(&stamp);
	three = KeQueryUnbiasedInterruptTimePrecise(NULL);
	KeQueryTickCount(&ticks);
	assert_true(one > 0 && one <= two && two <= three);
	assert_int_equal(stamp / 100, two);
	assert_true(ticks.QuadPart >= (int64_t)(two / 156250));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_notification_event_stays_set),
		cmocka_unit_test(a_synchronization_event_lets_one_go),
		cmocka_unit_test(a_semaphore_counts_to_its_limit),
		cmocka_unit_test(what_cannot_be_waited_for_is_refused),
		cmocka_unit_test(an_absolute_time_out_ends_the_wait),
		cmocka_unit_test(an_absolute_wait_is_ended_by_the_event),
		cmocka_unit_test(at_dispatch_level_one_may_look_and_not_wait_S617),
		cmocka_unit_test(the_event_may_go_as_soon_as_the_waiter_is_let_go),
		cmocka_unit_test(each_release_lets_one_waiter_go),
		cmocka_unit_test(a_system_thread_is_waited_for_by_its_object),
		cmocka_unit_test(handles_of_other_kinds_are_refused),
		cmocka_unit_test(threads_nobody_waits_for_are_freed_all_the_same),
		cmocka_unit_test(any_thread_is_somebody),
		cmocka_unit_test(time_goes_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
