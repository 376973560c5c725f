/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The events of memory conditions by their names: created, opened, referred to, waited for, and nobody's to set.
 */
#include "bound.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* One module of 1 GiB; low at 100 MiB and high at 200 MiB. */
static struct dhp_engine *bind_memory(void)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 8 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .low_memory_mib = 100,
		.high_memory_mib = 200 };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_wdk_bind(engine));
	return engine;
}

static void set_free(struct dhp_engine *engine, uint64_t bytes)
{
	assert_ok(dhp_sim_memory_set(engine, GIB, bytes));
}

static NTSTATUS look_at(PVOID object)
{
	LARGE_INTEGER no_time = { .QuadPart = 0 };

	return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &no_time);
}

static PKEVENT create(PCWSTR name, HANDLE *handle)
{
	UNICODE_STRING text;

	RtlInitUnicodeString(&text, name);
	return IoCreateNotificationEvent(&text, handle);
}

static NTSTATUS open(PCWSTR name, ULONG attributes, HANDLE *handle)
{
	OBJECT_ATTRIBUTES description;
	UNICODE_STRING text;

	RtlInitUnicodeString(&text, name);
	InitializeObjectAttributes(&description, &text, attributes, NULL, NULL);
	return ZwOpenEvent(handle, EVENT_ALL_ACCESS, &description);
}

static void levels_follow_free_memory_S302_S303_S304_S311(void **state)
{
	struct dhp_engine *engine = bind_memory();
	HANDLE handles[2] = { NULL, NULL };
	PKEVENT low = create(L"\\KernelObjects\\LowMemoryCondition", &handles[0]);
	PKEVENT high = create(L"\\KernelObjects\\HighMemoryCondition", &handles[1]);

	(void)state;
	assert_non_null(low);
	assert_non_null(high);
	for (uint64_t mib = 0; mib <= 300; mib += 50) {
		set_free(engine, mib * MIB);
		assert_int_equal(KeReadStateEvent(low), mib <= 100);
		assert_int_equal(KeReadStateEvent(high), mib >= 200);
		assert_int_equal(look_at(low), mib <= 100 ? STATUS_SUCCESS : STATUS_TIMEOUT);
		assert_int_equal(look_at(low), mib <= 100 ? STATUS_SUCCESS : STATUS_TIMEOUT); /* a look takes nothing */
		assert_int_equal(look_at(high), mib >= 200 ? STATUS_SUCCESS : STATUS_TIMEOUT);
	}
	assert_int_equal(KeWaitForSingleObject(high, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2; i++) {
		assert_status(dhp_wdk_unbind(), DHP_IN_USE);
		assert_int_equal(ZwClose(handles[i]), STATUS_SUCCESS);
		assert_int_equal(ZwClose(handles[i]), STATUS_INVALID_HANDLE);
	}
	unbind_sim(engine);
}

struct waiter {
	PKEVENT event;
	uint64_t begun, let_go;
};

static void *wait_for_memory(void *argument)
{
	struct waiter *waiter = argument;
	LARGE_INTEGER a_minute = { .QuadPart = -600000000 };

	(void)bump(&waiter->begun);
	if (KeWaitForSingleObject(waiter->event, Executive, KernelMode, FALSE, &a_minute) == STATUS_SUCCESS)
		(void)bump(&waiter->let_go);
	return NULL;
}

static void a_waiter_is_let_go_when_memory_comes_S302_S306_S307(void **state)
{
	struct dhp_engine *engine = bind_memory();
	struct waiter waiter = { .begun = 0 };
	struct helper helper;
	HANDLE handle;

	(void)state;
	set_free(engine, 150 * MIB);
	waiter.event = create(L"\\KernelObjects\\HighMemoryCondition", &handle);
	assert_non_null(waiter.event);
	helper_start(&helper, wait_for_memory, &waiter);
	assert_true(wait_for_count(&waiter.begun, 1));
	assert_ok(dhp_sim_memory_add(engine, GIB, 0)); /* a module, hot-added */
	helper_join(&helper);
	assert_int_equal(peek(&waiter.let_go), 1);
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	unbind_sim(engine);
}

static void opened_by_name_and_referred_to_by_handle_S301(void **state)
{
	struct dhp_engine *engine = bind_memory();
	HANDLE handle = NULL;
	PKEVENT event = NULL;
	PVOID thread = NULL;

	(void)state;
	set_free(engine, 50 * MIB);
	assert_int_equal(open(L"\\KernelObjects\\LowMemoryCondition", OBJ_KERNEL_HANDLE, &handle), STATUS_SUCCESS);
	assert_int_equal(ObReferenceObjectByHandle(handle, EVENT_ALL_ACCESS, *PsThreadType, KernelMode, &thread, NULL),
			 STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(ObReferenceObjectByHandle(handle, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, &event, NULL),
			 STATUS_SUCCESS);
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	assert_int_equal(look_at(event), STATUS_SUCCESS); /* the reference keeps it */
	set_free(engine, 150 * MIB);
	assert_int_equal(look_at(event), STATUS_TIMEOUT);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE);
	ObDereferenceObject(event);
	assert_int_equal(open(L"\\kernelobjects\\LOW1", OBJ_CASE_INSENSITIVE, &handle), STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(open(L"\\kernelobjects\\LOWMEMORYCONDITION", OBJ_CASE_INSENSITIVE, &handle), STATUS_SUCCESS);
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	unbind_sim(engine);
}

static void dereference_in_a_dpc(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	ObDereferenceObject(context);
}

/* Its native handle is closed later, by who comes next at passive level. */
static void the_last_reference_may_go_in_a_dpc(void **state)
{
	struct dhp_engine *engine = bind_memory();
	PKEVENT events[2] = { NULL, NULL };
	HANDLE handle = NULL;
	KDPC dpc;
	KIRQL old;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(open(L"\\KernelObjects\\LowMemoryCondition", 0, &handle), STATUS_SUCCESS);
		assert_int_equal(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &events[i], NULL), STATUS_SUCCESS);
		assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	}
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	ObDereferenceObject(events[0]);
	KeLowerIrql(old);
	KeInitializeDpc(&dpc, dereference_in_a_dpc, events[1]);
	assert_true(KeInsertQueueDpc(&dpc, NULL, NULL));
	KeFlushQueuedDpcs();
	unbind_sim(engine); /* nothing is open: the engine could not end otherwise */
}

static void names_that_are_none_make_nothing_S309(void **state)
{
	static const PCWSTR wrong[] = { L"", L"LowMemoryCondition", L"\\KernelObjects\\", L"\\KernelObjects\\LowMemory",
		L"\\KernelObjects\\LowMemoryConditionX", L"\\KernelObjects\\lowMemoryCondition", L"\\BaseNamedObjects\\Mine",
		L"\\KernelObjects\\LowMemoryConditio\u043d" };
	struct dhp_engine *engine = bind_memory();
	HANDLE handle = NULL;

	(void)state;
	for (size_t i = 0; i < LENGTH(wrong); i++) {
		assert_null(create(wrong[i], &handle));
		assert_int_equal(open(wrong[i], 0, &handle), STATUS_OBJECT_NAME_NOT_FOUND);
	}
	assert_null(handle);
	unbind_sim(engine); /* nothing is in use */
}

static void conditions_without_a_source_say_so_S301(void **state)
{
	static const PCWSTR names[] = { L"\\KernelObjects\\LowPagedPoolCondition", L"\\KernelObjects\\HighPagedPoolCondition",
		L"\\KernelObjects\\LowNonPagedPoolCondition", L"\\KernelObjects\\HighNonPagedPoolCondition",
		L"\\KernelObjects\\LowCommitCondition", L"\\KernelObjects\\HighCommitCondition",
		L"\\KernelObjects\\MaximumCommitCondition" };
	struct dhp_engine *engine = bind_memory();
	HANDLE handle = NULL;

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		assert_int_equal(open(names[i], 0, &handle), STATUS_NOT_SUPPORTED);
		assert_null(create(names[i], &handle));
	}
	unbind_sim(engine);
}

static void bad_arguments_are_refused(void **state)
{
	struct dhp_engine *engine = bind_memory();
	UNICODE_STRING text, empty = { .Length = 0 };
	OBJECT_ATTRIBUTES description;
	HANDLE handle = NULL;
	PKEVENT event;

	(void)state;
	RtlInitUnicodeString(&text, L"\\KernelObjects\\LowMemoryCondition");
	assert_null(IoCreateNotificationEvent(NULL, &handle));
	assert_null(IoCreateNotificationEvent(&text, NULL));
	assert_null(IoCreateNotificationEvent(&empty, &handle));
	assert_int_equal(ZwOpenEvent(&handle, 0, NULL), STATUS_INVALID_PARAMETER);
	InitializeObjectAttributes(&description, &text, 0, engine, NULL); /* relative to something */
	assert_int_equal(ZwOpenEvent(&handle, 0, &description), STATUS_INVALID_PARAMETER);
	InitializeObjectAttributes(&description, NULL, 0, NULL, NULL);
	assert_int_equal(ZwOpenEvent(&handle, 0, &description), STATUS_INVALID_PARAMETER);
	event = create(L"\\KernelObjects\\LowMemoryCondition", &handle);
	assert_non_null(event);
#if DHP_CHECKS < 2
	{
		KIRQL old;

		set_free(engine, 150 * MIB);
		assert_int_equal(KeSetEvent(event, IO_NO_INCREMENT, FALSE), 0);
		assert_int_equal(KeSetEvent(event, IO_NO_INCREMENT, FALSE), 0); /* S-310 */
		assert_int_equal(KeReadStateEvent(event), 0);
		set_free(engine, 50 * MIB);
		KeClearEvent(event);
		assert_int_equal(KeReadStateEvent(event), 1);
		KeRaiseIrql(DISPATCH_LEVEL, &old);
		assert_int_equal(open(L"\\KernelObjects\\LowMemoryCondition", 0, &handle), STATUS_INVALID_DEVICE_STATE);
		KeLowerIrql(old);
	}
#endif
	assert_int_equal(ZwClose(handle), STATUS_SUCCESS);
	unbind_sim(engine);
	assert_int_equal(open(L"\\KernelObjects\\LowMemoryCondition", 0, &handle), STATUS_DEVICE_NOT_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_follow_free_memory_S302_S303_S304_S311),
		cmocka_unit_test(a_waiter_is_let_go_when_memory_comes_S302_S306_S307),
		cmocka_unit_test(opened_by_name_and_referred_to_by_handle_S301),
		cmocka_unit_test(the_last_reference_may_go_in_a_dpc),
		cmocka_unit_test(names_that_are_none_make_nothing_S309),
		cmocka_unit_test(conditions_without_a_source_say_so_S301),
		cmocka_unit_test(bad_arguments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
