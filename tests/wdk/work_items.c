/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work items: passive level, in order of their queue, many at a time, free when their routine starts.
 */
#include "bound.h"

struct task {
	PIO_WORKITEM item;
	KEVENT done;
	PVOID object;
	PIO_WORKITEM given;
	KIRQL level;
	uint64_t left; /* how often it queues itself again */
	KEVENT *waits_for;
};

static IO_WORKITEM_ROUTINE run_task;
static IO_WORKITEM_ROUTINE_EX run_task_ex;
static IO_WORKITEM_ROUTINE free_and_tell;
static IO_WORKITEM_ROUTINE wait_then_tell;

static VOID run_task(PDEVICE_OBJECT device, PVOID context)
{
	struct task *task = context;

	task->object = device;
	task->level = KeGetCurrentIrql();
	if (task->left > 0) {
		task->left--;
		IoQueueWorkItem(task->item, run_task, DelayedWorkQueue, task);
		return;
	}
	(void)KeSetEvent(&task->done, IO_NO_INCREMENT, FALSE);
}

static VOID run_task_ex(PVOID object, PVOID context, PIO_WORKITEM item)
{
	struct task *task = context;

	task->object = object;
	task->given = item;
	(void)KeSetEvent(&task->done, IO_NO_INCREMENT, FALSE);
}

static VOID free_and_tell(PDEVICE_OBJECT device, PVOID context)
{
	struct task *task = context;

	(void)device;
	IoFreeWorkItem(task->item);
	(void)KeSetEvent(&task->done, IO_NO_INCREMENT, FALSE);
}

static VOID wait_then_tell(PDEVICE_OBJECT device, PVOID context)
{
	struct task *task = context;

	(void)device;
	if (task->waits_for != NULL)
		(void)KeWaitForSingleObject(task->waits_for, Executive, KernelMode, FALSE, NULL);
	(void)KeSetEvent(&task->done, IO_NO_INCREMENT, FALSE);
}

static void wait_for_task(struct task *task)
{
	assert_int_equal(KeWaitForSingleObject(&task->done, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
}

static bool unbound(void *context)
{
	(void)context;
	return dhp_wdk_unbind() == DHP_OK;
}

/* An item that has told still has to come back. */
static void end(struct dhp_engine *engine)
{
	assert_true(wait_until(unbound, NULL));
	end_engine(engine);
}

static void an_item_runs_at_passive_level_with_its_device(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct task task = { .left = 50 };
	PDEVICE_OBJECT device = (PDEVICE_OBJECT)(void *)&task;

	(void)state;
	KeInitializeEvent(&task.done, NotificationEvent, FALSE);
	task.item = IoAllocateWorkItem(device);
	assert_non_null(task.item);
	IoQueueWorkItem(task.item, run_task, CriticalWorkQueue, &task);
	wait_for_task(&task);
	assert_ptr_equal(task.object, device);
	assert_int_equal(task.level, PASSIVE_LEVEL);
	assert_int_equal(task.left, 0);
	IoFreeWorkItem(task.item);
	IoFreeWorkItem(NULL);
	end(engine);
}

static void an_item_in_the_drivers_memory(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct task task = { .left = 0 };

	(void)state;
	KeInitializeEvent(&task.done, NotificationEvent, FALSE);
	task.item = ExAllocatePoolWithTag(NonPagedPoolNx, IoSizeofWorkItem(), 0x4974656d);
	assert_non_null(task.item);
	IoInitializeWorkItem(&task, task.item);
	IoQueueWorkItemEx(task.item, run_task_ex, DelayedWorkQueue, &task);
	wait_for_task(&task);
	assert_ptr_equal(task.object, &task);
	assert_ptr_equal(task.given, task.item);
	IoUninitializeWorkItem(task.item);
	ExFreePoolWithTag(task.item, 0x4974656d);
	end(engine);
}

static void an_item_may_free_itself(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);

	(void)state;
	for (int i = 0; i < TIMES(500); i++) {
		struct task task = { .item = IoAllocateWorkItem(NULL) };

		KeInitializeEvent(&task.done, NotificationEvent, FALSE);
		IoQueueWorkItem(task.item, free_and_tell, DelayedWorkQueue, &task);
		wait_for_task(&task);
	}
	end(engine);
}

static void items_that_wait_for_later_ones_do_not_block_them(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct task tasks[10];

	(void)state;
	memset(tasks, 0, sizeof(tasks));
	for (uint32_t i = 0; i < 10; i++) {
		KeInitializeEvent(&tasks[i].done, NotificationEvent, FALSE);
		tasks[i].item = IoAllocateWorkItem(NULL);
		tasks[i].waits_for = i < 9 ? &tasks[i + 1].done : NULL;
	}
	for (uint32_t i = 0; i < 10; i++)
		IoQueueWorkItem(tasks[i].item, wait_then_tell, i % 2 == 0 ? CriticalWorkQueue : DelayedWorkQueue,
				&tasks[i]);
	for (uint32_t i = 0; i < 10; i++)
		wait_for_task(&tasks[i]);
	for (uint32_t i = 0; i < 10; i++)
		IoFreeWorkItem(tasks[i].item);
	end(engine);
}

static KDEFERRED_ROUTINE queue_from_dpc;

static VOID queue_from_dpc(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct task *task = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	IoQueueWorkItem(task->item, run_task, DelayedWorkQueue, task);
}

static void a_dpc_hands_long_work_to_an_item_S670(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	struct task task = { .item = IoAllocateWorkItem(NULL), .level = 9 };
	KDPC dpc;

	(void)state;
	KeInitializeEvent(&task.done, NotificationEvent, FALSE);
	KeInitializeDpc(&dpc, queue_from_dpc, &task);
	assert_int_equal(KeInsertQueueDpc(&dpc, NULL, NULL), TRUE);
	wait_for_task(&task);
	assert_int_equal(task.level, PASSIVE_LEVEL);
	KeFlushQueuedDpcs();
	IoFreeWorkItem(task.item);
	end(engine);
}

/* ---- a DPC for another processor, and an item for what is left near the limit ---- */

struct long_work {
	struct task task;
	KDPC dpc;
	ULONG index;
	uint64_t left, ended;
};

static KDEFERRED_ROUTINE work_until_the_limit;
static IO_WORKITEM_ROUTINE do_the_rest;

static VOID work_until_the_limit(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct long_work *work = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	work->index = KeGetCurrentProcessorIndex();
	while (!dhp_dpc_should_yield())
		work->left--;
	IoQueueWorkItem(work->task.item, do_the_rest, DelayedWorkQueue, work);
	(void)bump(&work->ended);
}

static VOID do_the_rest(PDEVICE_OBJECT device, PVOID context)
{
	struct long_work *work = context;

	(void)device;
	work->task.level = KeGetCurrentIrql();
	work->left = 0;
	(void)KeSetEvent(&work->task.done, IO_NO_INCREMENT, FALSE);
}

static bool sleeps(void *context)
{
	struct dhp_processor_stats stats;

	return dhp_processor_stats_read(context, 1, &stats) == DHP_OK && stats.park_count > 0;
}

/* The tick is an hour: with less than MediumHigh a processor that sleeps would go on sleeping. */
static void long_work_for_another_processor_goes_on_in_an_item_S674(void **state)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 2, .initial_count = 2 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .spin_ns = 1,
		.tick_us = 3600000000u, .watchdog_run_ns = 4000000 };
	PROCESSOR_NUMBER other = { .Group = 0, .Number = 1 };
	struct long_work work = { .task = { .level = 9 }, .left = UINT64_MAX };
	struct dhp_engine *engine = NULL;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_wdk_bind(engine));
	assert_true(wait_until(sleeps, engine));
	work.task.item = IoAllocateWorkItem(NULL);
	KeInitializeEvent(&work.task.done, NotificationEvent, FALSE);
	KeInitializeDpc(&work.dpc, work_until_the_limit, &work);
	KeSetImportanceDpc(&work.dpc, MediumHighImportance);
	assert_int_equal(KeSetTargetProcessorDpcEx(&work.dpc, &other), STATUS_SUCCESS);
	assert_int_equal(KeInsertQueueDpc(&work.dpc, NULL, NULL), TRUE);
	assert_true(wait_for_count(&work.ended, 1)); /* a flush would not wait for the tick either */
	wait_for_task(&work.task);
	KeFlushQueuedDpcs();
	assert_int_equal(work.index, 1);
	assert_int_equal(work.left, 0);
	assert_int_equal(work.task.level, PASSIVE_LEVEL);
	IoFreeWorkItem(work.task.item);
	end(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_runs_at_passive_level_with_its_device),
		cmocka_unit_test(an_item_in_the_drivers_memory),
		cmocka_unit_test(an_item_may_free_itself),
		cmocka_unit_test(items_that_wait_for_later_ones_do_not_block_them),
		cmocka_unit_test(a_dpc_hands_long_work_to_an_item_S670),
		cmocka_unit_test(long_work_for_another_processor_goes_on_in_an_item_S674),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
