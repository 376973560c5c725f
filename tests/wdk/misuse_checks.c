/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistakes with the Windows names: each ends a checked build by the check that names it. tests/api/checks.py sees to it that no
 * check of the library is without such a test.
 */
#include "bound.h"

#include "death.h"

static const WCHAR own_name[] = L"\\Callback\\DhpMisuse", processors_name[] = L"\\Callback\\ProcessorAdd",
	event_name[] = L"\\KernelObjects\\LowMemoryCondition";

static KIRQL raise(void)
{
	KIRQL before;

	(void)bind_sim_of(2, 1);
	KeRaiseIrql(DISPATCH_LEVEL, &before);
	return before;
}

static VOID nothing(PVOID context)
{
	(void)context;
}

static VOID item(PDEVICE_OBJECT device, PVOID context)
{
	(void)device, (void)context;
}

static VOID deferred(struct _KDPC *dpc, PVOID context, PVOID first, PVOID second)
{
	(void)dpc, (void)context, (void)first, (void)second;
}

static VOID heard(PVOID context, PVOID first, PVOID second)
{
	(void)context, (void)first, (void)second;
}

/* ---- memory, objects, items ---- */

static void free_with_another_tag(void)
{
	ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 16, 0x61616161u), 0x62626262u);
}

static void dereference_too_often(void)
{
	UNICODE_STRING name;
	OBJECT_ATTRIBUTES attributes;
	PCALLBACK_OBJECT object;

	RtlInitUnicodeString(&name, own_name);
	(void)bind_sim_of(2, 1);
	InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT, NULL, NULL);
	(void)ExCreateCallback(&object, &attributes, TRUE, TRUE);
	for (int i = 0; i < 4; i++)
		ObDereferenceObject(object);
}

static PIO_WORKITEM make_item(void)
{
	static struct dhp_engine *engine; /* of this child */

	if (engine == NULL)
		engine = bind_sim_of(2, 1);
	return IoAllocateWorkItem(NULL);
}

static void queue_without_a_routine(void)
{
	IoQueueWorkItem(make_item(), NULL, DelayedWorkQueue, NULL);
}

static uint64_t may_go;

static VOID wait_inside(PDEVICE_OBJECT device, PVOID context)
{
	(void)device, (void)context;
	while (peek(&may_go) == 0)
		sleep_us(50);
}

/* Every thread of the pool is busy, so that what is queued stays queued. */
static PIO_WORKITEM queued_item(void)
{
	PIO_WORKITEM last = NULL;

	for (int i = 0; i < 40; i++) {
		last = make_item();
		IoQueueWorkItem(last, wait_inside, DelayedWorkQueue, NULL);
	}
	return last;
}

static void queue_twice(void)
{
	IoQueueWorkItem(queued_item(), item, DelayedWorkQueue, NULL);
}

static void free_a_queued_item(void)
{
	IoFreeWorkItem(queued_item());
}

/* ---- levels ---- */

static void create_a_thread_in_a_dpc(void)
{
	HANDLE handle;

	(void)raise();
	(void)PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, nothing, NULL);
}

static void wait_in_a_dpc(void)
{
	KEVENT event;

	KeInitializeEvent(&event, NotificationEvent, FALSE);
	(void)raise();
	(void)KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
}

static void open_a_callback_in_a_dpc(void)
{
	UNICODE_STRING name;
	OBJECT_ATTRIBUTES attributes;
	PCALLBACK_OBJECT object;

	RtlInitUnicodeString(&name, own_name);
	InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
	(void)raise();
	(void)ExCreateCallback(&object, &attributes, TRUE, TRUE);
}

static PCALLBACK_OBJECT processors(void)
{
	UNICODE_STRING name;
	OBJECT_ATTRIBUTES attributes;
	PCALLBACK_OBJECT object = NULL;

	RtlInitUnicodeString(&name, processors_name);
	InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
	(void)bind_sim_of(2, 1);
	(void)ExCreateCallback(&object, &attributes, FALSE, TRUE);
	return object;
}

static void register_in_a_dpc(void)
{
	PCALLBACK_OBJECT object = processors();
	KIRQL before;

	KeRaiseIrql(DISPATCH_LEVEL, &before);
	(void)ExRegisterCallback(object, heard, NULL);
}

static void unregister_in_a_dpc(void)
{
	PVOID registration = ExRegisterCallback(processors(), heard, NULL);
	KIRQL before;

	KeRaiseIrql(DISPATCH_LEVEL, &before);
	ExUnregisterCallback(registration);
}

static void notify_the_system_s_object(void)
{
	ExNotifyCallback(processors(), NULL, NULL);
}

static void lock_in_a_dpc(void)
{
	EX_PUSH_LOCK lock;

	ExInitializePushLock(&lock);
	(void)raise();
	ExAcquirePushLockExclusive(&lock);
}

static void open_an_event_in_a_dpc(void)
{
	UNICODE_STRING name;
	HANDLE handle;

	RtlInitUnicodeString(&name, event_name);
	(void)raise();
	(void)IoCreateNotificationEvent(&name, &handle);
}

static void open_a_condition_in_a_dpc(void)
{
	(void)raise();
	(void)CreateMemoryResourceNotification(LowMemoryResourceNotification);
}

static void run_pageable_code_in_a_dpc(void)
{
	(void)raise();
	PAGED_CODE()
}

static void bind_in_a_dpc(void)
{
	struct dhp_engine *engine = make_sim_of(2, 1);

	(void)dhp_level_raise(DHP_DISPATCH);
	(void)dhp_wdk_bind(engine);
}

static void unbind_in_a_dpc(void)
{
	(void)raise();
	(void)dhp_wdk_unbind();
}

/* ---- objects that were not prepared ---- */

static void set_a_named_event(void)
{
	UNICODE_STRING name;
	HANDLE handle;

	RtlInitUnicodeString(&name, event_name);
	(void)bind_sim_of(2, 1);
	(void)KeSetEvent(IoCreateNotificationEvent(&name, &handle), 0, FALSE);
}

static void count_beyond_the_limit(void)
{
	KSEMAPHORE semaphore;

	KeInitializeSemaphore(&semaphore, 3, 2);
}

static void timer_without_an_engine(void)
{
	KTIMER timer;

	KeInitializeTimer(&timer);
}

static void set_what_is_no_timer(void)
{
	KTIMER timer;

	memset(&timer, 0, sizeof(timer));
	(void)bind_sim_of(2, 1);
	(void)KeSetTimer(&timer, (LARGE_INTEGER){ .QuadPart = -1 }, NULL);
}

static void period_below_zero(void)
{
	KTIMER timer;

	(void)bind_sim_of(2, 1);
	KeInitializeTimer(&timer);
	(void)KeSetTimerEx(&timer, (LARGE_INTEGER){ .QuadPart = -1 }, -1, NULL);
}

static void dpc_without_an_engine(void)
{
	KDPC dpc;

	KeInitializeDpc(&dpc, deferred, NULL);
}

static void routine_that_does_not_say_it_is_done(void)
{
	(void)bind_sim_of(2, 1);
	KeGenericCallDpc(deferred, NULL);
}

static void run_down_in_too_little_memory(void)
{
	static uint64_t memory[512];

	(void)bind_sim_of(2, 1);
	ExInitializeRundownProtectionCacheAware((PEX_RUNDOWN_REF_CACHE_AWARE)(PVOID)memory, 40);
}

/* ---- all of them ---- */

static const struct misuse mistakes[] = {
	{ 1, queue_without_a_routine, "a work item needs a routine" },
	{ 1, free_a_queued_item, "a queued work item may not go" },
	{ 1, dereference_too_often, "one dereference for each reference" },
	{ 2, free_with_another_tag, "a pool block is freed with its tag" },
	{ 2, queue_twice, "a work item is queued once" },
	{ 2, create_a_thread_in_a_dpc, "S-041: a thread is created at passive level" },
	{ 2, wait_in_a_dpc, "S-617: a wait in a DPC, or at dispatch level" },
	{ 2, open_a_callback_in_a_dpc, "S-041: a callback object is opened at passive level" },
	{ 2, register_in_a_dpc, "S-041: a callback is registered below dispatch level" },
	{ 2, unregister_in_a_dpc, "S-041: a callback is unregistered below dispatch level" },
	{ 2, notify_the_system_s_object, "S-813: nobody but the system notifies its objects" },
	{ 2, lock_in_a_dpc, "S-041, S-661: a push lock in a DPC, or at dispatch level" },
	{ 2, open_an_event_in_a_dpc, "S-041: an event is opened at passive level" },
	{ 2, open_a_condition_in_a_dpc, "S-041: an event is opened at passive level" },
	{ 2, run_pageable_code_in_a_dpc, "S-041: pageable code at dispatch level" },
	{ 2, bind_in_a_dpc, "S-041: a call for passive level, from a DPC" },
	{ 2, unbind_in_a_dpc, "S-041: a call for passive level, from a DPC" },
	{ 2, set_a_named_event, "S-310: a named event is neither set nor cleared" },
	{ 2, count_beyond_the_limit, "a count from 0 to the limit" },
	{ 2, timer_without_an_engine, "a timer needs memory and a bound engine" },
	{ 2, set_what_is_no_timer, "a timer and its DPC are initialised" },
	{ 2, period_below_zero, "S-682: a period is not below zero" },
	{ 2, dpc_without_an_engine, "S-603: a routine, an object and a bound engine" },
	{ 2, routine_that_does_not_say_it_is_done, "each routine of KeGenericCallDpc calls KeSignalCallDpcDone once" },
	{ 2, run_down_in_too_little_memory, "memory as large as ExSizeOfRundownProtectionCacheAware says, and an engine" },
};

static void each_mistake_ends_in_the_check_that_names_it(void **state)
{
	(void)state;
	assert_each_stopped(mistakes, LENGTH(mistakes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_ends_in_the_check_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
