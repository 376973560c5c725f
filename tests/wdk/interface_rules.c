/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The asynchronous channel by its Windows names: what clients are told to do and not to do, and the state of interfaces.
 */
#include "bound.h"

#include "death.h"

#define MIB ((uint64_t)1 << 20)

struct listener {
	PVOID entry;
	uint64_t calls;
	uint64_t memory;          /* calls for a memory module */
	uint64_t strange;         /* another context, no record, another level, or a class that is neither */
	uint64_t here;            /* calls in the thread that registers */
	PKTHREAD registrant;
	WCHAR link[64];           /* the last one, copied */
	USHORT link_bytes;
	void (*also)(struct listener *listener);
	PIO_WORKITEM item;
	KEVENT done;
	HANDLE thread;
	PVOID thread_object;
	NTSTATUS results[4];
	struct dhp_engine *engine;
	uint64_t begun, go_on, left, too_early;
};

static DRIVER_NOTIFICATION_CALLBACK_ROUTINE on_interface;

static NTSTATUS on_interface(PVOID structure, PVOID context)
{
	const DEVICE_INTERFACE_CHANGE_NOTIFICATION *record = structure;
	struct listener *listener = context;
	bool memory = IsEqualGUID(&record->InterfaceClassGuid, &GUID_DEVICE_MEMORY);

	listener->memory += memory;
	listener->strange += KeGetCurrentIrql() != PASSIVE_LEVEL || record->Version != 1 ||
			     (!memory && !IsEqualGUID(&record->InterfaceClassGuid, &GUID_DEVICE_PROCESSOR));
	listener->here += KeGetCurrentThread() == listener->registrant;
	listener->link_bytes = record->SymbolicLinkName->Length;
	memcpy(listener->link, record->SymbolicLinkName->Buffer, listener->link_bytes);
	(void)bump(&listener->calls);
	if (listener->also != NULL)
		listener->also(listener);
	(void)bump(&listener->left);
	return STATUS_SUCCESS;
}

static NTSTATUS listen_for(struct listener *listener, const GUID *class, ULONG flags)
{
	listener->registrant = KeGetCurrentThread();
	return IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, flags, (PVOID)(uintptr_t)class, NULL,
					      on_interface, listener, &listener->entry);
}

static void stop_listening(struct listener *listener)
{
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(listener->entry), STATUS_SUCCESS);
}

static void drain(struct dhp_engine *engine)
{
	assert_ok(dhp_arrival_drain(engine));
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

/* An item that has told still has to come back. */
static void unbind_after_item(struct dhp_engine *engine)
{
	assert_true(wait_until(unbound, NULL));
	end_engine(engine);
}

/* ---- a callback that waits for a thread which unregisters it: S-243 ---- */

static KSTART_ROUTINE unregister_in_thread;

static VOID unregister_in_thread(PVOID context)
{
	struct listener *listener = context;

	listener->results[1] = IoUnregisterPlugPlayNotificationEx(listener->entry);
}

static void wait_for_thread(struct listener *listener)
{
	listener->also = NULL;
	listener->results[0] = PsCreateSystemThread(&listener->thread, 0, NULL, NULL, NULL, unregister_in_thread, listener);
	if (!NT_SUCCESS(listener->results[0]))
		return;
	(void)ObReferenceObjectByHandle(listener->thread, 0, *PsThreadType, KernelMode, &listener->thread_object, NULL);
	(void)bump(&listener->begun);
	(void)wait_for_count(&listener->go_on, 1);
	listener->results[2] = KeWaitForSingleObject(listener->thread_object, Executive, KernelMode, FALSE, NULL);
	ObDereferenceObject(listener->thread_object);
	listener->results[3] = ZwClose(listener->thread);
}

static void wait_for_who_unregisters(void *argument)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .also = wait_for_thread };

	(void)argument;
	assert_int_equal(listen_for(&listener, &GUID_DEVICE_PROCESSOR, 0), STATUS_SUCCESS);
	add_positions(engine, 1, 2);
	assert_true(wait_for_count(&listener.begun, 1));
	sleep_us(20000);             /* by now the thread is about to remove it, */
	add_positions(engine, 2, 3); /* but does not in the end, so this one is for it too */
	(void)bump(&listener.go_on);
	drain(engine);
	assert_int_equal(listener.results[0], STATUS_SUCCESS);
	assert_int_equal(listener.results[1], STATUS_INVALID_DEVICE_STATE); /* in place of waiting for ever */
	assert_int_equal(listener.results[2], STATUS_SUCCESS);
	assert_int_equal(listener.results[3], STATUS_SUCCESS);
	add_positions(engine, 3, 4);
	drain(engine);
	assert_int_equal(peek(&listener.calls), 3); /* it is still registered */
	stop_listening(&listener);
	unbind_sim(engine);
}

#if DHP_CHECKS >= 2

static void wait_for_a_thread_that_unregisters_stops_a_checked_build_S243(void **state)
{
	(void)state;
	assert_stopped(wait_for_who_unregisters, NULL, "S-243", DEATH_SITE(unregister_in_thread));
}

#else

static void a_thread_for_which_the_callback_waits_is_told_S243(void **state)
{
	(void)state;
	wait_for_who_unregisters(NULL);
}

#endif

/* A work item is waited for by way of an event: that nobody but the item will set it, only the client knows. */

static IO_WORKITEM_ROUTINE unregister_in_item;

static VOID unregister_in_item(PDEVICE_OBJECT device, PVOID context)
{
	struct listener *listener = context;

	(void)device;
	(void)bump(&listener->begun);
	listener->results[0] = IoUnregisterPlugPlayNotificationEx(listener->entry);
	if (peek(&listener->left) == 0)
		(void)bump(&listener->too_early);
	(void)KeSetEvent(&listener->done, IO_NO_INCREMENT, FALSE);
}

static void wait_for_item_a_while(struct listener *listener)
{
	LARGE_INTEGER limit = { .QuadPart = -200000 }; /* 20 ms */

	IoQueueWorkItem(listener->item, unregister_in_item, DelayedWorkQueue, listener);
	(void)wait_for_count(&listener->begun, 1);
	listener->results[1] = KeWaitForSingleObject(&listener->done, Executive, KernelMode, FALSE, &limit);
}

static void removal_in_an_item_ends_after_the_callback_and_not_before_S243(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .also = wait_for_item_a_while };

	(void)state;
	listener.item = IoAllocateWorkItem(NULL);
	assert_non_null(listener.item);
	KeInitializeEvent(&listener.done, NotificationEvent, FALSE);
	assert_int_equal(listen_for(&listener, &GUID_DEVICE_PROCESSOR, 0), STATUS_SUCCESS);
	add_positions(engine, 1, 3);
	assert_int_equal(KeWaitForSingleObject(&listener.done, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	drain(engine);
	assert_int_equal(listener.results[1], STATUS_TIMEOUT); /* without limit it would wait still */
	assert_int_equal(listener.results[0], STATUS_SUCCESS);
	assert_int_equal(listener.too_early, 0);
	assert_int_equal(peek(&listener.calls), 1);
	IoFreeWorkItem(listener.item);
	unbind_after_item(engine);
}

/* ---- an entry that is unregistered twice: S-246 ---- */

static __attribute__((noinline)) void unregister_twice(void *argument)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener twice = { .calls = 0 }, other = { .calls = 0 };

	(void)argument;
	assert_int_equal(listen_for(&twice, &GUID_DEVICE_PROCESSOR, 0), STATUS_SUCCESS);
	assert_int_equal(listen_for(&other, &GUID_DEVICE_PROCESSOR, 0), STATUS_SUCCESS);
	/* The memory lives: by this form, until the binding ends. */
	assert_int_equal(IoUnregisterPlugPlayNotification(twice.entry), STATUS_SUCCESS);
	assert_int_equal(IoUnregisterPlugPlayNotification(twice.entry), STATUS_INVALID_PARAMETER);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(twice.entry), STATUS_INVALID_PARAMETER);
	add_positions(engine, 1, 3);
	drain(engine);
	assert_int_equal(peek(&twice.calls), 0);
	assert_int_equal(peek(&other.calls), 2);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE); /* the other one's hold was not given back for it */
	stop_listening(&other);
	unbind_sim(engine);
}

#if DHP_CHECKS >= 2

static __attribute__((noinline)) void unregister_twice_waiting(void *argument)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener twice = { .calls = 0 };

	(void)argument;
	assert_int_equal(listen_for(&twice, &GUID_DEVICE_PROCESSOR, 0), STATUS_SUCCESS);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(twice.entry), STATUS_SUCCESS);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(twice.entry), STATUS_INVALID_PARAMETER);
	unbind_sim(engine);
}

static void second_removal_stops_a_checked_build_S246(void **state)
{
	(void)state;
	assert_stopped(unregister_twice, NULL, "S-246", DEATH_SITE(unregister_twice));
	assert_stopped(unregister_twice_waiting, NULL, "S-246", DEATH_SITE(unregister_twice_waiting));
}

#else

static void second_removal_is_noticed_and_harmless_S246(void **state)
{
	(void)state;
	unregister_twice(NULL);
}

#endif

/* ---- what a registration keeps ---- */

static void each_registration_keeps_its_driver_S205(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	struct listener listeners[3] = { { .calls = 0 }, { .calls = 0 }, { .calls = 0 } };
	const GUID *classes[3] = { &GUID_DEVICE_PROCESSOR, &GUID_DEVICE_MEMORY, &GUID_DEVICE_INTERFACE_REMOVAL };
	DRIVER_OBJECT driver = { .DeviceObject = NULL };

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0,
								(PVOID)(uintptr_t)classes[i], &driver, on_interface,
								&listeners[i], &listeners[i].entry),
				 STATUS_SUCCESS);
	/* What is refused keeps nothing. */
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, NULL, &driver, on_interface, NULL,
							&listeners[0].entry),
			 STATUS_NOT_SUPPORTED);
	for (uint32_t i = 0; i < 3; i++) {
		assert_status(dhp_wdk_unbind(), DHP_IN_USE); /* its code would go */
		if (i == 1)
			assert_int_equal(IoUnregisterPlugPlayNotification(listeners[i].entry), STATUS_SUCCESS);
		else
			stop_listening(&listeners[i]);
	}
	unbind_sim(engine);
}

static void class_is_copied_S209(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .calls = 0 };
	static GUID class;

	(void)state;
	class = GUID_DEVICE_PROCESSOR;
	assert_int_equal(listen_for(&listener, &class, 0), STATUS_SUCCESS);
	class = GUID_DEVICE_MEMORY;
	add_positions(engine, 1, 3);
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	drain(engine);
	assert_int_equal(peek(&listener.calls), 2);
	assert_int_equal(listener.memory, 0);
	assert_int_equal(listener.strange, 0);
	stop_listening(&listener);
	unbind_sim(engine);
}

/* ---- how a callback is called ---- */

static void callback_gets_record_and_context_at_passive_level_in_any_thread_S220(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 3);
	struct listener two[2] = { { .calls = 0 }, { .calls = 0 } };
	KIRQL old;

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(listen_for(&two[i], i == 0 ? &GUID_DEVICE_PROCESSOR : &GUID_DEVICE_MEMORY, 1),
				 STATUS_SUCCESS);
	assert_int_equal(two[0].here, 3); /* the replay */
	add_positions(engine, 3, 5);
	KeRaiseIrql(APC_LEVEL, &old); /* the level of who adds is not that of the callback */
	assert_ok(add_position(engine, 5));
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	drain(engine);
	KeLowerIrql(old);
	assert_int_equal(peek(&two[0].calls), 6); /* each has its own context */
	assert_int_equal(peek(&two[1].calls), 2);
	assert_int_equal(two[1].memory, 2);
	assert_int_equal(two[0].here, 3); /* other calls come in a thread of the library */
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(two[i].strange, 0);
		stop_listening(&two[i]);
	}
	unbind_sim(engine);
}

static void link_is_copied_for_later_S224(void **state)
{
	static const WCHAR expected[] = L"\\??\\memory-1";
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .calls = 0 };
	UNICODE_STRING link;

	(void)state;
	assert_int_equal(listen_for(&listener, &GUID_DEVICE_MEMORY, 0), STATUS_SUCCESS);
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	drain(engine);
	stop_listening(&listener);
	assert_int_equal(listener.link_bytes, sizeof(expected) - sizeof(WCHAR));
	assert_memory_equal(listener.link, expected, listener.link_bytes);
	link = (UNICODE_STRING){ .Length = listener.link_bytes, .MaximumLength = sizeof(listener.link),
		.Buffer = listener.link };
	assert_int_equal(IoSetDeviceInterfaceState(&link, TRUE), STATUS_OBJECT_NAME_EXISTS); /* it still means that device */
	unbind_sim(engine);
}

/* ---- work that is not for a callback: S-227 ---- */

static IO_WORKITEM_ROUTINE do_the_work;

static VOID do_the_work(PDEVICE_OBJECT device, PVOID context)
{
	struct listener *listener = context, other = { .calls = 0 };

	(void)device;
	listener->results[0] = listen_for(&other, &GUID_DEVICE_PROCESSOR, 1);
	listener->results[1] = dhp_wdk_status(add_position(listener->engine, 2)); /* produces an event */
	listener->results[2] = dhp_wdk_status(dhp_arrival_drain(listener->engine)); /* waits for a device */
	listener->results[3] = IoUnregisterPlugPlayNotificationEx(other.entry);
	IoFreeWorkItem(listener->item);
	(void)KeSetEvent(&listener->done, IO_NO_INCREMENT, FALSE);
}

static void hand_over(struct listener *listener)
{
	listener->also = NULL;
	listener->item = IoAllocateWorkItem((PDEVICE_OBJECT)(void *)listener);
	if (listener->item != NULL)
		IoQueueWorkItem(listener->item, do_the_work, DelayedWorkQueue, listener);
}

static void callback_hands_its_work_to_a_work_item_S227(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .also = hand_over, .engine = engine };

	(void)state;
	KeInitializeEvent(&listener.done, NotificationEvent, FALSE);
	assert_int_equal(listen_for(&listener, &GUID_DEVICE_PROCESSOR, 0), STATUS_SUCCESS);
	add_positions(engine, 1, 2);
	assert_int_equal(KeWaitForSingleObject(&listener.done, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	drain(engine);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(listener.results[i], STATUS_SUCCESS);
	assert_int_equal(peek(&listener.calls), 2);
	stop_listening(&listener);
	unbind_after_item(engine);
}

/* ---- the state of an interface: S-233 ---- */

static NTSTATUS set_state(PCWSTR text, BOOLEAN enable)
{
	UNICODE_STRING link;

	RtlInitUnicodeString(&link, text);
	return IoSetDeviceInterfaceState(&link, enable);
}

static void interface_is_enabled_once_and_by_its_device_S233(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct listener two[2] = { { .calls = 0 }, { .calls = 0 } };
	UNICODE_STRING empty = { .Length = 0, .Buffer = NULL };

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(listen_for(&two[i], i == 0 ? &GUID_DEVICE_PROCESSOR : &GUID_DEVICE_MEMORY, 0),
				 STATUS_SUCCESS);
	assert_true(NT_SUCCESS(STATUS_OBJECT_NAME_EXISTS)); /* it informs */
	assert_int_equal(set_state(L"\\??\\processor-0", TRUE), STATUS_OBJECT_NAME_EXISTS);
	assert_int_equal(set_state(L"\\??\\memory-0", TRUE), STATUS_OBJECT_NAME_EXISTS);
	/* Not enabled: it has not come, or is none. */
	assert_int_equal(set_state(L"\\??\\processor-3", FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(set_state(L"\\??\\processor-3", TRUE), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(set_state(L"\\??\\memory-1", FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(set_state(L"\\??\\processor-", FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(set_state(L"processor-0", FALSE), STATUS_OBJECT_NAME_NOT_FOUND);
	drain(engine);
	assert_int_equal(peek(&two[0].calls) + peek(&two[1].calls), 0);
	add_positions(engine, 2, 4);
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	assert_int_equal(set_state(L"\\??\\processor-3", TRUE), STATUS_OBJECT_NAME_EXISTS);
	assert_int_equal(set_state(L"\\??\\memory-1", TRUE), STATUS_OBJECT_NAME_EXISTS);
	/* One that has come does not go (S-235). */
	assert_int_equal(set_state(L"\\??\\processor-3", FALSE), STATUS_NOT_SUPPORTED);
	assert_int_equal(set_state(L"\\??\\processor-3", TRUE), STATUS_OBJECT_NAME_EXISTS);
	drain(engine);
	assert_int_equal(peek(&two[0].calls), 2);
	assert_int_equal(peek(&two[1].calls), 1);
	assert_int_equal(IoSetDeviceInterfaceState(NULL, TRUE), STATUS_INVALID_PARAMETER);
	assert_int_equal(IoSetDeviceInterfaceState(&empty, TRUE), STATUS_INVALID_PARAMETER);
	for (uint32_t i = 0; i < 2; i++)
		stop_listening(&two[i]);
	unbind_sim(engine);
	assert_int_equal(set_state(L"\\??\\processor-0", TRUE), STATUS_DEVICE_NOT_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(wait_for_a_thread_that_unregisters_stops_a_checked_build_S243),
		cmocka_unit_test(second_removal_stops_a_checked_build_S246),
#endif
		cmocka_unit_test(each_registration_keeps_its_driver_S205),
		cmocka_unit_test(class_is_copied_S209),
		cmocka_unit_test(callback_gets_record_and_context_at_passive_level_in_any_thread_S220),
		cmocka_unit_test(link_is_copied_for_later_S224),
		cmocka_unit_test(callback_hands_its_work_to_a_work_item_S227),
		cmocka_unit_test(interface_is_enabled_once_and_by_its_device_S233),
		cmocka_unit_test(removal_in_an_item_ends_after_the_callback_and_not_before_S243),
#if DHP_CHECKS < 2
		cmocka_unit_test(second_removal_is_noticed_and_harmless_S246),
		cmocka_unit_test(a_thread_for_which_the_callback_waits_is_told_S243),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
