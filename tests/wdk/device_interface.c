/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The asynchronous channel by its Windows names. Delivery is in a thread of the library: what it wrote is read after a
 * drain.
 */
#include "bound.h"

struct listener {
	uint64_t calls;
	uint64_t processors; /* with a whole record: version, size, arrival, class, link */
	WCHAR links[16][64]; /* by call */
	NTSTATUS result;
	PVOID entry;         /* unregistered in the next call, if set */
};

static DRIVER_NOTIFICATION_CALLBACK_ROUTINE on_interface;

static NTSTATUS on_interface(PVOID structure, PVOID context)
{
	const DEVICE_INTERFACE_CHANGE_NOTIFICATION *record = structure;
	struct listener *listener = context;
	const UNICODE_STRING *link = record->SymbolicLinkName;
	uint64_t at = bump(&listener->calls) % 16;

	if (record->Version == 1 && record->Size == sizeof(*record) &&
	    IsEqualGUID(&record->Event, &GUID_DEVICE_INTERFACE_ARRIVAL) &&
	    IsEqualGUID(&record->InterfaceClassGuid, &GUID_DEVICE_PROCESSOR) && link->Length > 0 &&
	    link->MaximumLength >= link->Length && link->Length < sizeof(listener->links[0]))
		(void)bump(&listener->processors);
	memcpy(listener->links[at], link->Buffer, link->Length);
	if (listener->entry != NULL)
		(void)IoUnregisterPlugPlayNotificationEx(listener->entry);
	listener->entry = NULL;
	return listener->result;
}

static NTSTATUS listen_for(struct listener *listener, GUID class, ULONG flags, PVOID *entry)
{
	return IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, flags, &class, NULL, on_interface, listener,
					      entry);
}

static void arrivals_after_registration_S201_S202_S208_S221_S222_S229_S237(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct listener listener = { .calls = 0 };
	PVOID entry = NULL;

	(void)state;
	assert_int_equal(listen_for(&listener, GUID_DEVICE_PROCESSOR, 0, &entry), STATUS_SUCCESS);
	assert_non_null(entry);
	assert_int_equal(peek(&listener.calls), 0);
	add_positions(engine, 2, 5);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&listener.calls), 3);
	assert_int_equal(peek(&listener.processors), 3);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(entry), STATUS_SUCCESS);
	add_positions(engine, 5, 6);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&listener.calls), 3);
	unbind_sim(engine);
}

static void existing_interfaces_are_reported_with_the_same_links_S206_S211_S225(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct listener one = { .calls = 0 }, two = { .calls = 0 };
	PVOID entries[2];
	const ULONG existing = PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES;

	(void)state;
	assert_int_equal(listen_for(&one, GUID_DEVICE_PROCESSOR, existing, &entries[0]), STATUS_SUCCESS);
	assert_int_equal(peek(&one.calls), 2);
	assert_int_equal(peek(&one.processors), 2);
	assert_int_equal(listen_for(&two, GUID_DEVICE_PROCESSOR, existing, &entries[1]), STATUS_SUCCESS);
	assert_memory_equal(one.links[0], two.links[0], sizeof(one.links[0]));
	assert_memory_equal(one.links[1], two.links[1], sizeof(one.links[0]));
	assert_memory_not_equal(one.links[0], one.links[1], sizeof(one.links[0]));
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(IoUnregisterPlugPlayNotificationEx(entries[i]), STATUS_SUCCESS);
	unbind_sim(engine);
}

struct modules {
	uint64_t calls, wrong;
};

static DRIVER_NOTIFICATION_CALLBACK_ROUTINE on_module;

static NTSTATUS on_module(PVOID structure, PVOID context)
{
	const DEVICE_INTERFACE_CHANGE_NOTIFICATION *record = structure;
	struct modules *modules = context;

	if (!IsEqualGUID(&record->Event, &GUID_DEVICE_INTERFACE_ARRIVAL) ||
	    !IsEqualGUID(&record->InterfaceClassGuid, &GUID_DEVICE_MEMORY) || record->SymbolicLinkName->Length == 0)
		(void)bump(&modules->wrong);
	(void)bump(&modules->calls);
	return STATUS_SUCCESS;
}

/* The platform offers a processor's interface under the one class and a module's under the other: nobody else does. */
static void memory_has_a_class_of_its_own_S202_S203_S204_S206(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct modules modules = { .calls = 0 };
	struct listener listener = { .calls = 0 };
	PVOID entries[2];

	(void)state;
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
							PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES,
							&GUID_DEVICE_MEMORY, NULL, on_module, &modules, &entries[0]),
			 STATUS_SUCCESS);
	assert_int_equal(peek(&modules.calls), 1); /* the module of the start */
	assert_int_equal(listen_for(&listener, GUID_DEVICE_PROCESSOR, 0, &entries[1]), STATUS_SUCCESS);
	assert_ok(dhp_sim_memory_add(engine, 1u << 30, 0));
	assert_ok(dhp_sim_memory_add(engine, 1u << 30, 0));
	add_positions(engine, 2, 5);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&modules.calls), 3);
	assert_int_equal(peek(&modules.wrong), 0);
	assert_int_equal(peek(&listener.processors), 3);
	assert_int_equal(peek(&listener.calls), 3);
	assert_int_equal(IoUnregisterPlugPlayNotification(entries[0]), STATUS_SUCCESS);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(entries[1]), STATUS_SUCCESS);
	unbind_sim(engine);
}

static void a_class_of_another_kind_never_arrives_S203(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	struct listener listener = { .calls = 0 };
	PVOID entry;

	(void)state;
	assert_int_equal(listen_for(&listener, GUID_DEVICE_INTERFACE_REMOVAL, 1, &entry), STATUS_SUCCESS);
	add_positions(engine, 2, 4);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&listener.calls), 0);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(entry), STATUS_SUCCESS);
	assert_int_equal(listen_for(&listener, GUID_DEVICE_INTERFACE_REMOVAL, 0, &entry), STATUS_SUCCESS);
	assert_int_equal(IoUnregisterPlugPlayNotification(entry), STATUS_SUCCESS);
	unbind_sim(engine);
}

static void bad_arguments_have_their_codes_S212_S213(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 2);
	GUID class = GUID_DEVICE_PROCESSOR;
	PVOID entry = &class;

	(void)state;
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryTargetDeviceChange, 0, &class, NULL, on_interface, NULL,
							&entry),
			 STATUS_NOT_SUPPORTED);
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryHardwareProfileChange, 0, NULL, NULL, on_interface,
							NULL, &entry),
			 STATUS_NOT_SUPPORTED);
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, NULL, NULL, on_interface,
							NULL, &entry),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, &class, NULL, NULL, NULL,
							&entry),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, &class, NULL, on_interface,
							NULL, NULL),
			 STATUS_INVALID_PARAMETER);
	assert_ptr_equal(entry, &class);
	assert_int_equal(IoUnregisterPlugPlayNotification(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(NULL), STATUS_INVALID_PARAMETER);
	unbind_sim(engine);
}

static void what_a_callback_returns_is_ignored_S226(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener fails = { .result = STATUS_UNSUCCESSFUL }, after = { .calls = 0 };
	PVOID entries[2];

	(void)state;
	assert_int_equal(listen_for(&fails, GUID_DEVICE_PROCESSOR, 1, &entries[0]), STATUS_SUCCESS);
	assert_int_equal(listen_for(&after, GUID_DEVICE_PROCESSOR, 0, &entries[1]), STATUS_SUCCESS);
	add_positions(engine, 1, 3);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&fails.calls), 3);
	assert_int_equal(peek(&after.calls), 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(IoUnregisterPlugPlayNotificationEx(entries[i]), STATUS_SUCCESS);
	unbind_sim(engine);
}

/* The context goes right after the call; a memory checker sees who still uses it. */
static void the_waiting_form_lets_the_context_go_S241_S244_S245(void **state)
{
	struct dhp_engine *engine = bind_sim_of(200, 1);

	(void)state;
	for (uint32_t position = 1; position < (uint32_t)TIMES(100); position++) {
		struct listener *listener = calloc(1, sizeof(*listener));
		PVOID entry;

		assert_int_equal(listen_for(listener, GUID_DEVICE_PROCESSOR, 0, &entry), STATUS_SUCCESS);
		add_positions(engine, position, position + 1);
		assert_int_equal(IoUnregisterPlugPlayNotificationEx(entry), STATUS_SUCCESS);
		free(listener);
	}
	unbind_sim(engine);
}

static void the_other_form_needs_the_context_until_a_drain_S240(void **state)
{
	struct dhp_engine *engine = bind_sim_of(200, 1);
	static struct listener listeners[100];

	(void)state;
	for (uint32_t position = 1; position < (uint32_t)TIMES(100); position++) {
		PVOID entry;

		assert_int_equal(listen_for(&listeners[position], GUID_DEVICE_PROCESSOR, 0, &entry), STATUS_SUCCESS);
		add_positions(engine, position, position + 1);
		assert_int_equal(IoUnregisterPlugPlayNotification(entry), STATUS_SUCCESS);
	}
	unbind_sim(engine);
}

/* ---- a callback that is held in the middle ---- */

static uint64_t entered, may_leave, unregistered;
static DRIVER_NOTIFICATION_CALLBACK_ROUTINE stay_inside;

static NTSTATUS stay_inside(PVOID structure, PVOID context)
{
	(void)structure;
	(void)context;
	(void)bump(&entered);
	while (peek(&may_leave) == 0)
		sleep_us(100);
	return STATUS_SUCCESS;
}

static void hold_in_callback(struct dhp_engine *engine, PVOID *entry)
{
	GUID class = GUID_DEVICE_PROCESSOR;

	poke(&entered, 0);
	poke(&may_leave, 0);
	poke(&unregistered, 0);
	assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, &class, NULL, stay_inside,
							NULL, entry),
			 STATUS_SUCCESS);
	add_positions(engine, 1, 2);
	assert_true(wait_for_count(&entered, 1));
}

static void *unregister_waiting(void *entry)
{
	(void)IoUnregisterPlugPlayNotificationEx(entry);
	(void)bump(&unregistered);
	return NULL;
}

static void the_waiting_form_waits_for_a_call_in_progress_S241(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	struct helper helper;
	PVOID entry;

	(void)state;
	hold_in_callback(engine, &entry);
	helper_start(&helper, unregister_waiting, entry);
	sleep_us(20000);
	assert_int_equal(peek(&unregistered), 0);
	poke(&may_leave, 1);
	helper_join(&helper);
	unbind_sim(engine);
}

static void the_other_form_does_not_wait_for_it_S240(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	PVOID entry;

	(void)state;
	hold_in_callback(engine, &entry);
	assert_int_equal(IoUnregisterPlugPlayNotification(entry), STATUS_SUCCESS); /* or it would wait for ever */
	poke(&may_leave, 1);
	unbind_sim(engine);
}

static void unbind_at_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status;
	if (change->state == DHP_CHANGE_START)
		*(enum dhp_status *)context = dhp_wdk_unbind();
}

/* A delivery still reads what was unregistered, and nobody can wait for it there. */
static void the_binding_does_not_end_in_a_callback_S240(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	struct dhp_notify *registration;
	enum dhp_status result = DHP_OK;
	PVOID entry;

	(void)state;
	hold_in_callback(engine, &entry);
	assert_int_equal(IoUnregisterPlugPlayNotification(entry), STATUS_SUCCESS);
	assert_ok(dhp_notify_register(engine, unbind_at_start, &result, 0, &registration));
	add_positions(engine, 2, 3);
	assert_status(result, DHP_IN_CALLBACK);
	assert_status(dhp_wdk_bind(engine), DHP_IN_USE);
	assert_int_equal(KeQueryActiveProcessorCount(NULL), 3);
	assert_ok(dhp_notify_unregister(registration));
	poke(&may_leave, 1);
	unbind_sim(engine);
}

static void unregistered_in_its_own_callback_S242(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .calls = 0 };

	(void)state;
	assert_int_equal(listen_for(&listener, GUID_DEVICE_PROCESSOR, 0, &listener.entry), STATUS_SUCCESS);
	add_positions(engine, 1, 4);
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&listener.calls), 1);
	unbind_sim(engine);
}

#if DHP_CHECKS < 2
static void at_dispatch_level_nothing_is_registered_S041_S201(void **state)
{
	struct dhp_engine *engine = bind_sim_of(8, 1);
	struct listener listener = { .calls = 0 };
	PVOID entry;
	KIRQL old;

	(void)state;
	assert_int_equal(listen_for(&listener, GUID_DEVICE_PROCESSOR, 0, &entry), STATUS_SUCCESS);
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	assert_int_equal(listen_for(&listener, GUID_DEVICE_PROCESSOR, 0, &listener.entry), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(IoUnregisterPlugPlayNotification(entry), STATUS_INVALID_DEVICE_STATE);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(entry), STATUS_INVALID_DEVICE_STATE);
	KeLowerIrql(old);
	assert_null(listener.entry);
	assert_int_equal(IoUnregisterPlugPlayNotificationEx(entry), STATUS_SUCCESS);
	unbind_sim(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrivals_after_registration_S201_S202_S208_S221_S222_S229_S237),
		cmocka_unit_test(existing_interfaces_are_reported_with_the_same_links_S206_S211_S225),
		cmocka_unit_test(memory_has_a_class_of_its_own_S202_S203_S204_S206),
		cmocka_unit_test(a_class_of_another_kind_never_arrives_S203),
		cmocka_unit_test(bad_arguments_have_their_codes_S212_S213),
		cmocka_unit_test(what_a_callback_returns_is_ignored_S226),
		cmocka_unit_test(the_waiting_form_lets_the_context_go_S241_S244_S245),
		cmocka_unit_test(the_other_form_needs_the_context_until_a_drain_S240),
		cmocka_unit_test(the_waiting_form_waits_for_a_call_in_progress_S241),
		cmocka_unit_test(the_other_form_does_not_wait_for_it_S240),
		cmocka_unit_test(the_binding_does_not_end_in_a_callback_S240),
		cmocka_unit_test(unregistered_in_its_own_callback_S242),
#if DHP_CHECKS < 2
		cmocka_unit_test(at_dispatch_level_nothing_is_registered_S041_S201),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
