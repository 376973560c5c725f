/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two conditions of memory as applications get them.
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

static NTSTATUS look_at(HANDLE handle)
{
	LARGE_INTEGER no_time = { .QuadPart = 0 };

	return ZwWaitForSingleObject(handle, FALSE, &no_time);
}

static VOID do_nothing(PVOID context)
{
	(void)context;
}

static void a_handle_for_each_type_and_none_for_another_S312(void **state)
{
	struct dhp_engine *engine = bind_memory();
	HANDLE handles[2];
	PVOID object = NULL;

	(void)state;
	handles[0] = CreateMemoryResourceNotification((MEMORY_RESOURCE_NOTIFICATION_TYPE)0);
	handles[1] = CreateMemoryResourceNotification((MEMORY_RESOURCE_NOTIFICATION_TYPE)1);
	assert_non_null(handles[0]);
	assert_non_null(handles[1]);
	for (uint64_t mib = 50; mib <= 250; mib += 100) {
		assert_ok(dhp_sim_memory_set(engine, GIB, mib * MIB));
		assert_int_equal(look_at(handles[0]), mib <= 100 ? STATUS_SUCCESS : STATUS_TIMEOUT);
		assert_int_equal(look_at(handles[1]), mib >= 200 ? STATUS_SUCCESS : STATUS_TIMEOUT);
	}
	assert_int_equal(ZwWaitForSingleObject(handles[1], FALSE, NULL), STATUS_SUCCESS);
	assert_int_equal(ObReferenceObjectByHandle(handles[1], 0, *ExEventObjectType, KernelMode, &object, NULL),
			 STATUS_SUCCESS);
	assert_int_equal(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	ObDereferenceObject(object);
	assert_null(CreateMemoryResourceNotification((MEMORY_RESOURCE_NOTIFICATION_TYPE)2)); /* a name it has, no type */
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	for (uint32_t i = 0; i < 2; i++) {
		assert_status(dhp_wdk_unbind(), DHP_IN_USE);
		assert_int_equal(ZwClose(handles[i]), STATUS_SUCCESS);
		assert_int_equal(look_at(handles[i]), STATUS_INVALID_HANDLE);
	}
	unbind_sim(engine);
	assert_null(CreateMemoryResourceNotification(LowMemoryResourceNotification));
	assert_int_equal(GetLastError(), ERROR_NOT_READY);
}

static void the_state_is_read_without_waiting_S313(void **state)
{
	struct dhp_engine *engine = bind_memory();
	HANDLE low = CreateMemoryResourceNotification(LowMemoryResourceNotification);
	HANDLE high = CreateMemoryResourceNotification(HighMemoryResourceNotification);
	HANDLE thread = NULL;
	BOOL holds = 7;

	(void)state;
	for (uint64_t mib = 50; mib <= 250; mib += 100) {
		assert_ok(dhp_sim_memory_set(engine, GIB, mib * MIB));
		assert_true(QueryMemoryResourceNotification(low, &holds));
		assert_int_equal(holds, mib <= 100);
		assert_true(QueryMemoryResourceNotification(high, &holds));
		assert_int_equal(holds, mib >= 200);
	}
	holds = 7;
	assert_false(QueryMemoryResourceNotification(low, NULL));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_false(QueryMemoryResourceNotification(NULL, &holds));
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	assert_int_equal(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, do_nothing, NULL), STATUS_SUCCESS);
	assert_int_equal(ZwWaitForSingleObject(thread, FALSE, NULL), STATUS_SUCCESS);
	assert_false(QueryMemoryResourceNotification(thread, &holds));
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
	assert_int_equal(ZwClose(thread), STATUS_SUCCESS);
	assert_int_equal(ZwClose(low), STATUS_SUCCESS);
	assert_int_equal(ZwClose(high), STATUS_SUCCESS);
	assert_false(QueryMemoryResourceNotification(low, &holds));
	assert_int_equal(holds, 7);
	unbind_sim(engine);
}

#if DHP_CHECKS < 2
static void it_is_for_passive_level_S041(void **state)
{
	struct dhp_engine *engine = bind_memory();
	KIRQL old;

	(void)state;
	KeRaiseIrql(DISPATCH_LEVEL, &old);
	assert_null(CreateMemoryResourceNotification(LowMemoryResourceNotification));
	KeLowerIrql(old);
	assert_int_equal(GetLastError(), ERROR_BAD_COMMAND);
	unbind_sim(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handle_for_each_type_and_none_for_another_S312),
		cmocka_unit_test(the_state_is_read_without_waiting_S313),
#if DHP_CHECKS < 2
		cmocka_unit_test(it_is_for_passive_level_S041),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
