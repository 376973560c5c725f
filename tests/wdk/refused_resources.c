/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system refuses memory or a thread: each routine says so, nothing was done, and the next attempt succeeds.
 *
 * The linker puts the functions below between the library and the system.
 */
#include "bound.h"

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

/* Refuse the n-th call from now; 0: none. */
static uint64_t allocations_left, threads_left;

static bool is_the_last(uint64_t *left)
{
	uint64_t now = peek(left);

	if (now != 0)
		poke(left, now - 1);
	return now == 1;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return is_the_last(&allocations_left) ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	return is_the_last(&threads_left) ? 11 : __real_pthread_create(thread, attributes, run, argument); /* EAGAIN */
}

static uint64_t calls;
static PROCESSOR_CALLBACK_FUNCTION count_change;
static DRIVER_NOTIFICATION_CALLBACK_ROUTINE count_arrival;
static KSTART_ROUTINE count_thread;
static IO_WORKITEM_ROUTINE count_item;

static VOID count_change(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	(void)context;
	(void)change;
	(void)status;
	(void)bump(&calls);
}

static NTSTATUS count_arrival(PVOID structure, PVOID context)
{
	(void)structure;
	(void)context;
	(void)bump(&calls);
	return STATUS_SUCCESS;
}

static VOID count_thread(PVOID context)
{
	(void)context;
	(void)bump(&calls);
}

static VOID count_item(PDEVICE_OBJECT device, PVOID context)
{
	(void)device;
	(void)bump(&calls);
	(void)KeSetEvent(context, IO_NO_INCREMENT, FALSE);
}

static void no_memory_for_a_registration_S109(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	PVOID handle;

	(void)state;
	poke(&calls, 0);
	for (uint64_t n = 1; n <= 2; n++) {
		poke(&allocations_left, n);
		assert_null(KeRegisterProcessorChangeCallback(count_change, NULL, KE_PROCESSOR_CHANGE_ADD_EXISTING));
		assert_int_equal(peek(&allocations_left), 0);
	}
	assert_int_equal(peek(&calls), 0);
	handle = KeRegisterProcessorChangeCallback(count_change, NULL, KE_PROCESSOR_CHANGE_ADD_EXISTING);
	assert_non_null(handle);
	KeDeregisterProcessorChangeCallback(handle);
	unbind_sim(engine);
}

static void no_memory_for_an_entry_S212(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	GUID class = GUID_DEVICE_PROCESSOR;
	PVOID entry = NULL;

	(void)state;
	poke(&calls, 0);
	for (uint64_t n = 1; n <= 2; n++) {
		poke(&allocations_left, n);
		assert_int_equal(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 1, &class, NULL,
								count_arrival, NULL, &entry),
				 STATUS_INSUFFICIENT_RESOURCES);
	}
	assert_null(entry);
	assert_int_equal(peek(&calls), 0);
	unbind_sim(engine);
}

static void no_memory_for_blocks_and_items(void **state)
{
	(void)state;
	poke(&allocations_left, 1);
	assert_null(ExAllocatePoolWithTag(NonPagedPool, 10, 1));
	poke(&allocations_left, 1);
	assert_null(IoAllocateWorkItem(NULL));
}

static void no_memory_for_the_other_objects(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	LOOKASIDE_LIST_EX list;
	PAFFINITY_TOKEN token = NULL;
	UNICODE_STRING name;
	HANDLE handle = NULL;

	(void)state;
	RtlInitUnicodeString(&name, L"\\KernelObjects\\LowMemoryCondition");
	poke(&allocations_left, 1);
	assert_int_equal(PsAllocateAffinityToken(&token), STATUS_INSUFFICIENT_RESOURCES);
	assert_null(token);
	for (uint64_t n = 1; n <= 3; n++) { /* handle, object, native handle */
		poke(&allocations_left, n);
		assert_null(IoCreateNotificationEvent(&name, &handle));
		assert_int_equal(peek(&allocations_left), 0);
	}
	for (uint64_t n = 1; n <= 3; n++) {
		poke(&allocations_left, n);
		assert_null(CreateMemoryResourceNotification(LowMemoryResourceNotification));
		assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	}
	assert_null(handle);
	for (uint64_t n = 1; n <= 2; n++) {
		poke(&allocations_left, n);
		assert_int_equal(ExInitializeLookasideListEx(&list, NULL, NULL, PagedPool, 0, 64, 1, 0),
				 STATUS_INSUFFICIENT_RESOURCES);
		poke(&allocations_left, n);
		assert_null(ExAllocateCacheAwareRundownProtection(NonPagedPool, 1));
		assert_int_equal(peek(&allocations_left), 0);
	}
	unbind_sim(engine); /* nothing is in use */
}

static VOID count_call(PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)context;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&calls);
}

static void no_memory_for_callback_objects_S814(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	PCALLBACK_OBJECT object = NULL;
	OBJECT_ATTRIBUTES attributes;
	UNICODE_STRING name;

	(void)state;
	RtlInitUnicodeString(&name, L"\\Callback\\ProcessorAdd");
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	poke(&allocations_left, 1);
	assert_int_equal(ExCreateCallback(&object, &attributes, FALSE, TRUE), STATUS_INSUFFICIENT_RESOURCES);
	assert_null(object);
	assert_int_equal(ExCreateCallback(&object, &attributes, FALSE, TRUE), STATUS_SUCCESS);
	for (uint64_t n = 1; n <= 3; n++) { /* ours, that of the other name, the native one */
		poke(&allocations_left, n);
		assert_null(ExRegisterCallback(object, count_call, NULL));
		assert_int_equal(peek(&allocations_left), 0);
	}
	ObDereferenceObject(object);
	unbind_sim(engine); /* nothing is in use */
}

static void no_memory_or_thread_for_a_thread(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	HANDLE handle = NULL;

	(void)state;
	poke(&calls, 0);
	for (uint64_t n = 1; n <= 2; n++) {
		poke(&allocations_left, n);
		assert_int_equal(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, count_thread, NULL),
				 STATUS_INSUFFICIENT_RESOURCES);
	}
	poke(&threads_left, 1);
	assert_int_equal(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, count_thread, NULL),
			 STATUS_INSUFFICIENT_RESOURCES);
	assert_null(handle);
	assert_int_equal(peek(&calls), 0);
	unbind_sim(engine); /* nothing is in use */
}

static void no_thread_no_binding(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);

	(void)state;
	poke(&threads_left, 1);
	assert_status(dhp_wdk_bind(engine), DHP_NO_THREAD);
	assert_status(dhp_wdk_unbind(), DHP_BAD_ENGINE);
	assert_ok(dhp_wdk_bind(engine));
	assert_ok(dhp_wdk_unbind());
	end_engine(engine);
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

/* The worker that takes an item cannot get another one: the item runs all the same, and so does the next. */
static void no_thread_for_another_worker(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	PIO_WORKITEM item = IoAllocateWorkItem(NULL);

	(void)state;
	poke(&calls, 0);
	for (uint64_t n = 0; n < 3; n++) {
		KEVENT done;

		KeInitializeEvent(&done, NotificationEvent, FALSE);
		poke(&threads_left, n == 0 ? 1 : 0);
		IoQueueWorkItem(item, count_item, DelayedWorkQueue, &done);
		assert_int_equal(KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
	}
	assert_int_equal(peek(&calls), 3);
	IoFreeWorkItem(item);
	assert_true(wait_until(unbound, NULL));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_for_a_registration_S109),
		cmocka_unit_test(no_memory_for_an_entry_S212),
		cmocka_unit_test(no_memory_for_blocks_and_items),
		cmocka_unit_test(no_memory_for_the_other_objects),
		cmocka_unit_test(no_memory_for_callback_objects_S814),
		cmocka_unit_test(no_memory_or_thread_for_a_thread),
		cmocka_unit_test(no_thread_no_binding),
		cmocka_unit_test(no_thread_for_another_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
