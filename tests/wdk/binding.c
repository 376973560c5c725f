/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process is bound to one engine, and not for longer than something of the engine is in use.
 */
#include "bound.h"

static PROCESSOR_CALLBACK_FUNCTION ignore_change;
static KDEFERRED_ROUTINE ignore_dpc;
static KSTART_ROUTINE wait_for_event;
static IO_WORKITEM_ROUTINE unbind_here;

static VOID ignore_change(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	(void)context;
	(void)change;
	(void)status;
}

static VOID ignore_dpc(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
}

static VOID wait_for_event(PVOID context)
{
	(void)KeWaitForSingleObject(context, Executive, KernelMode, FALSE, NULL);
}

static void bound_once_and_unbound_once(void **state)
{
	struct dhp_engine *one = make_sim_of(4, 1), *two = make_sim_of(4, 2);

	(void)state;
	assert_status(dhp_wdk_bind(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_wdk_unbind(), DHP_BAD_ENGINE);
	assert_ok(dhp_wdk_bind(one));
	assert_status(dhp_wdk_bind(two), DHP_IN_USE);
	assert_int_equal(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS), 1);
	assert_ok(dhp_wdk_unbind());
	assert_status(dhp_wdk_unbind(), DHP_BAD_ENGINE);
	assert_ok(dhp_wdk_bind(two));
	assert_int_equal(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS), 2);
	assert_ok(dhp_wdk_unbind());
	end_engine(one);
	end_engine(two);
}

static void without_an_engine_every_routine_says_so(void **state)
{
	GUID class = GUID_DEVICE_PROCESSOR, other = GUID_DEVICE_INTERFACE_ARRIVAL;
	PROCESSOR_NUMBER number = { .Group = 0 };
	KAFFINITY mask = 1;
	HANDLE thread;
	PVOID entry;
#if DHP_CHECKS < 2
	KDPC dpc = { .opaque = { 0 } };
#endif

	(void)state;
	assert_int_equal(KeQueryActiveProcessorCount(&mask), 0);
	assert_int_equal(mask, 0);
	assert_int_equal(KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS), 0);
	assert_int_equal(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS), 0);
	assert_int_equal(KeQueryMaximumProcessorCount(), 0);
	assert_int_equal(KeQueryActiveGroupCount(), 0);
	assert_int_equal(KeGetCurrentProcessorNumber(), 0);
	assert_int_equal(KeGetCurrentProcessorNumberEx(NULL), INVALID_PROCESSOR_INDEX);
	assert_int_equal(KeGetProcessorIndexFromNumber(&number), INVALID_PROCESSOR_INDEX);
	assert_int_equal(KeGetProcessorNumberFromIndex(0, &number), STATUS_DEVICE_NOT_READY);
	assert_null(KeRegisterProcessorChangeCallback(ignore_change, NULL, 0));
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, &class, NULL,
							(PDRIVER_NOTIFICATION_CALLBACK_ROUTINE)(void *)&class, NULL,
							&entry),
			 STATUS_DEVICE_NOT_READY);
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, &other, NULL,
							(PDRIVER_NOTIFICATION_CALLBACK_ROUTINE)(void *)&class, NULL,
							&entry),
			 STATUS_DEVICE_NOT_READY);
	assert_int_equal(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, wait_for_event, NULL),
			 STATUS_DEVICE_NOT_READY);
	KeFlushQueuedDpcs();
#if DHP_CHECKS < 2
	KeInitializeDpc(&dpc, ignore_dpc, NULL);
	assert_int_equal(KeInsertQueueDpc(&dpc, NULL, NULL), FALSE);
#else
	(void)ignore_dpc;
#endif
}

static void what_is_in_use_keeps_the_binding(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	PVOID registration = KeRegisterProcessorChangeCallback(ignore_change, NULL, 0);
	PVOID object;
	HANDLE handle;
	KEVENT go;

	(void)state;
	assert_non_null(registration);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE);
	KeDeregisterProcessorChangeCallback(registration);

	KeInitializeEvent(&go, NotificationEvent, FALSE);
	assert_int_equal(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, wait_for_event, &go),
			 STATUS_SUCCESS);
	assert_int_equal(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &object, NULL),
			 STATUS_SUCCESS);
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE); /* the thread runs */
	(void)KeSetEvent(&go, IO_NO_INCREMENT, FALSE);
	assert_int_equal(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE); /* a reference to it */
	ObDereferenceObject(object);
	unbind_sim(engine);
}

static enum dhp_status result_in_item;

static VOID unbind_here(PDEVICE_OBJECT device, PVOID context)
{
	(void)device;
	result_in_item = dhp_wdk_unbind();
	(void)KeSetEvent(context, IO_NO_INCREMENT, FALSE);
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

static void a_work_item_does_not_end_the_binding_it_runs_in(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	PIO_WORKITEM item = IoAllocateWorkItem(NULL);
	KEVENT done;

	(void)state;
	assert_non_null(item);
	KeInitializeEvent(&done, NotificationEvent, FALSE);
	IoQueueWorkItem(item, unbind_here, DelayedWorkQueue, &done);
	assert_int_equal(KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	assert_status(result_in_item, DHP_IN_USE);
	IoFreeWorkItem(item);
	assert_true(wait_until(unbound, NULL)); /* the item's thread counts until it has come back */
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_engine_every_routine_says_so),
		cmocka_unit_test(bound_once_and_unbound_once),
		cmocka_unit_test(what_is_in_use_keeps_the_binding),
		cmocka_unit_test(a_work_item_does_not_end_the_binding_it_runs_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
