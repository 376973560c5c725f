/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenarios_wdk.c - the Windows names, each of whose routines says in its own way that something was refused.
 */
#include "scenarios.h"

#include <dhp/wdk.h>

static enum dhp_status of_status(NTSTATUS status)
{
	return status >= 0 ? DHP_OK : status == STATUS_INSUFFICIENT_RESOURCES ? DHP_NO_MEMORY : DHP_INVALID_STATE;
}

static enum dhp_status of_pointer(const void *p)
{
	return p != NULL ? DHP_OK : DHP_NO_MEMORY;
}

static enum dhp_status bind_engine(struct stage *stage)
{
	return dhp_wdk_bind(stage->engine);
}

static void unbind(struct stage *stage)
{
	(void)stage;
	assert_ok(dhp_wdk_unbind());
}

static void bound(struct stage *stage)
{
	small_sim(stage);
	assert_ok(dhp_wdk_bind(stage->engine));
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

static void end_bound(struct stage *stage)
{
	assert_true(wait_until(unbound, NULL)); /* what an item's worker holds goes soon */
	end_world(stage);
}

/* ---- who hears ---- */

static PROCESSOR_CALLBACK_FUNCTION hear_change;
static DRIVER_NOTIFICATION_CALLBACK_ROUTINE hear_arrival;
static CALLBACK_FUNCTION hear_call;

static VOID hear_change(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	struct stage *stage = context;

	if (change->State == KeProcessorAddStartNotify && dhp_failed(callback_status()))
		*status = STATUS_INSUFFICIENT_RESOURCES;
	else /* in a replay a veto is followed by Failure for those before it (S-128) */
		(void)bump(change->State == KeProcessorAddStartNotify ? &stage->starts : &stage->seconds);
}

static NTSTATUS hear_arrival(PVOID structure, PVOID context)
{
	(void)structure;
	(void)bump(&((struct stage *)context)->arrivals);
	return STATUS_SUCCESS;
}

static VOID hear_call(PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)argument_1;
	(void)argument_2;
	(void)bump(&((struct stage *)context)->changes);
}

static enum dhp_status change_callback(struct stage *stage)
{
	stage->object = KeRegisterProcessorChangeCallback(hear_change, stage, KE_PROCESSOR_CHANGE_ADD_EXISTING);
	return of_pointer(stage->object);
}

static void change_callback_gone(struct stage *stage)
{
	KeDeregisterProcessorChangeCallback(stage->object);
}

static enum dhp_status plug_play(struct stage *stage)
{
	GUID class = GUID_DEVICE_PROCESSOR;

	return of_status(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
							PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES, &class,
							NULL, hear_arrival, stage, &stage->object));
}

static void plug_play_gone(struct stage *stage)
{
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(stage->object), STATUS_SUCCESS);
}

static enum dhp_status callback_object(struct stage *stage)
{
	PCALLBACK_OBJECT object = NULL;
	OBJECT_ATTRIBUTES attributes;
	UNICODE_STRING name;
	enum dhp_status status;

	RtlInitUnicodeString(&name, L"\\Callback\\ProcessorAdd");
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	status = of_status(ExCreateCallback(&object, &attributes, FALSE, TRUE));
	if (dhp_failed(status))
		return status;
	stage->object = ExRegisterCallback(object, hear_call, stage);
	ObDereferenceObject(object);
	return of_pointer(stage->object);
}

static void callback_object_gone(struct stage *stage)
{
	ExUnregisterCallback(stage->object);
}

/* ---- objects ---- */

static enum dhp_status named_event(struct stage *stage)
{
	UNICODE_STRING name;
	HANDLE handle = NULL;

	RtlInitUnicodeString(&name, L"\\KernelObjects\\LowMemoryCondition");
	stage->object = IoCreateNotificationEvent(&name, &handle) != NULL ? handle : NULL;
	return of_pointer(stage->object);
}

static enum dhp_status memory_resource(struct stage *stage)
{
	stage->object = CreateMemoryResourceNotification(LowMemoryResourceNotification);
	return of_pointer(stage->object);
}

static void handle_gone(struct stage *stage)
{
	assert_int_equal(ZwClose(stage->object), STATUS_SUCCESS);
}

static KSTART_ROUTINE run_thread;
static VOID run_thread(PVOID context)
{
	(void)bump(&((struct stage *)context)->runs);
}

static enum dhp_status thread(struct stage *stage)
{
	HANDLE handle = NULL;
	enum dhp_status status = of_status(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, run_thread, stage));

	if (dhp_failed(status))
		return status;
	status = of_status(ZwWaitForSingleObject(handle, FALSE, NULL));
	(void)ZwClose(handle);
	return status;
}

static enum dhp_status token(struct stage *stage)
{
	return of_status(PsAllocateAffinityToken((PAFFINITY_TOKEN *)&stage->object));
}

static void token_gone(struct stage *stage)
{
	PsFreeAffinityToken(stage->object);
}

static LOOKASIDE_LIST_EX blocks;

static enum dhp_status lookaside(struct stage *stage)
{
	(void)stage;
	return of_status(ExInitializeLookasideListEx(&blocks, NULL, NULL, PagedPool, 0, 64, 1, 0));
}

static void lookaside_gone(struct stage *stage)
{
	(void)stage;
	ExDeleteLookasideListEx(&blocks);
}

static enum dhp_status rundown(struct stage *stage)
{
	stage->object = ExAllocateCacheAwareRundownProtection(NonPagedPool, 1);
	return of_pointer(stage->object);
}

static void rundown_gone(struct stage *stage)
{
	ExFreeCacheAwareRundownProtection(stage->object);
}

static enum dhp_status pool(struct stage *stage)
{
	stage->object = ExAllocatePoolWithTag(NonPagedPool, 10, 1);
	return of_pointer(stage->object);
}

static void pool_gone(struct stage *stage)
{
	ExFreePool(stage->object);
}

static IO_WORKITEM_ROUTINE run_item;
static VOID run_item(PDEVICE_OBJECT device, PVOID context)
{
	(void)device;
	(void)KeSetEvent(context, IO_NO_INCREMENT, FALSE);
}

static enum dhp_status items(struct stage *stage)
{
	(void)stage;
	for (uint32_t i = 0; i < 3; i++) {
		PIO_WORKITEM item = IoAllocateWorkItem(NULL);
		KEVENT done;

		if (item == NULL)
			return DHP_NO_MEMORY;
		KeInitializeEvent(&done, NotificationEvent, FALSE);
		IoQueueWorkItem(item, run_item, DelayedWorkQueue, &done);
		(void)KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
		IoFreeWorkItem(item);
	}
	return DHP_OK;
}

static enum dhp_status print(struct stage *stage)
{
	(void)stage;
	DbgPrintEx(0, 0, "");
	return DHP_OK;
}

static const struct scenario list[] = {
	{ "dhp_wdk_bind", small_sim, bind_engine, unbind, end_world, 0 },
	{ "wdk", bound, change_callback, change_callback_gone, end_bound, POINT_LEAVES },
	{ "wdk", bound, plug_play, plug_play_gone, end_bound, POINT_LEAVES },
	{ "wdk", bound, callback_object, callback_object_gone, end_bound, POINT_KEEPS },
	{ "wdk", bound, named_event, handle_gone, end_bound, 0 },
	{ "wdk", bound, memory_resource, handle_gone, end_bound, 0 },
	{ "wdk", bound, thread, NULL, end_bound, POINT_KEEPS | POINT_OTHERS },
	{ "wdk", bound, token, token_gone, end_bound, 0 },
	{ "wdk", bound, lookaside, lookaside_gone, end_bound, 0 },
	{ "wdk", bound, rundown, rundown_gone, end_bound, 0 },
	{ "wdk", bound, pool, pool_gone, end_bound, 0 },
	{ "wdk", bound, print, NULL, end_bound, POINT_MUST_SUCCEED },
	{ "wdk", bound, items, NULL, end_bound, POINT_KEEPS | POINT_OTHERS },
};

SCENARIOS(wdk_scenarios, list);
