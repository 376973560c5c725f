/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DPCs by their Windows names. Work is held back by a DPC that waits, so that what is queued stays queued.
 */
#include "bound.h"

struct job {
	KDPC dpc;
	uint64_t runs;
	PVOID arguments[2];
	PVOID object;
	ULONG index;
	KIRQL level;
	struct job *self;
};

static KDEFERRED_ROUTINE do_job;
static KDEFERRED_ROUTINE hold_processor;

static VOID do_job(PKDPC dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct job *job = context;

	job->arguments[0] = argument_1;
	job->arguments[1] = argument_2;
	job->object = dpc;
	job->index = KeGetCurrentProcessorIndex();
	job->level = KeGetCurrentIrql();
	job->self = CONTAINING_RECORD(dpc, struct job, dpc);
	(void)bump(&job->runs);
}

static uint64_t holds, lets_go;

static VOID hold_processor(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&holds);
	while (peek(&lets_go) == 0)
		YieldProcessor();
}

static KDPC holder;

/* Processor 0 does nothing else from here to let_go. */
static void hold(void)
{
	PROCESSOR_NUMBER zero = { .Group = 0 };

	poke(&holds, 0);
	poke(&lets_go, 0);
	KeInitializeDpc(&holder, hold_processor, NULL);
	assert_int_equal(KeSetTargetProcessorDpcEx(&holder, &zero), STATUS_SUCCESS);
	assert_int_equal(KeInsertQueueDpc(&holder, NULL, NULL), TRUE);
	assert_true(wait_for_count(&holds, 1));
}

static void let_go(void)
{
	poke(&lets_go, 1);
	KeFlushQueuedDpcs();
}

static void runs_at_dispatch_with_its_arguments_S601_S602_S605_S610_S617_S648(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	struct job job = { .runs = 0 };

	(void)state;
	KeInitializeDpc(&job.dpc, do_job, &job);
	assert_int_equal(KeInsertQueueDpc(&job.dpc, &holds, &lets_go), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&job.runs), 1);
	assert_ptr_equal(job.arguments[0], &holds);
	assert_ptr_equal(job.arguments[1], &lets_go);
	assert_ptr_equal(job.object, &job.dpc);
	assert_ptr_equal(job.self, &job);
	assert_int_equal(job.level, DISPATCH_LEVEL);
	assert_int_equal(job.index, 0);
	unbind_sim(engine);
}

static void queued_twice_is_queued_once_with_the_first_arguments_S610_S611_S614(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	struct job job = { .runs = 0 };

	(void)state;
	KeInitializeDpc(&job.dpc, do_job, &job);
	hold();
	assert_int_equal(KeInsertQueueDpc(&job.dpc, &job, NULL), TRUE);
	assert_int_equal(KeInsertQueueDpc(&job.dpc, NULL, &job), FALSE);
	let_go();
	assert_int_equal(peek(&job.runs), 1);
	assert_ptr_equal(job.arguments[0], &job);
	assert_null(job.arguments[1]);
	unbind_sim(engine);
}

static void removed_it_does_not_run_S645_S647(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	struct job job = { .runs = 0 };

	(void)state;
	KeInitializeDpc(&job.dpc, do_job, &job);
	assert_int_equal(KeRemoveQueueDpc(&job.dpc), FALSE);
	hold();
	assert_int_equal(KeInsertQueueDpc(&job.dpc, NULL, NULL), TRUE);
	assert_int_equal(KeRemoveQueueDpc(&job.dpc), TRUE);
	assert_int_equal(KeRemoveQueueDpc(&job.dpc), FALSE);
	let_go();
	assert_int_equal(peek(&job.runs), 0);
	unbind_sim(engine);
}

static void targets_by_number_in_any_group_S635_S637_S640(void **state)
{
	static const uint8_t sizes[] = { 2, 2 };
	const struct sim_setup setup = { .maximum = 4, .initial = 4, .group_sizes = sizes, .group_size_count = 2 };
	struct dhp_engine *engine = bind_sim(&setup);
	PROCESSOR_NUMBER number = { .Group = 1, .Number = 1 };
	struct job job = { .runs = 0 };

	(void)state;
	KeInitializeDpc(&job.dpc, do_job, &job);
	assert_int_equal(KeSetTargetProcessorDpcEx(&job.dpc, &number), STATUS_SUCCESS);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(KeInsertQueueDpc(&job.dpc, NULL, NULL), TRUE);
		KeFlushQueuedDpcs();
		assert_int_equal(job.index, 3);
	}
	number.Number = 2;
	assert_int_equal(KeSetTargetProcessorDpcEx(&job.dpc, &number), STATUS_INVALID_PARAMETER);
	number = (PROCESSOR_NUMBER){ .Group = 7 };
	assert_int_equal(KeSetTargetProcessorDpcEx(&job.dpc, &number), STATUS_INVALID_PARAMETER);
	assert_int_equal(KeSetTargetProcessorDpcEx(&job.dpc, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(KeInsertQueueDpc(&job.dpc, NULL, NULL), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(job.index, 3); /* unchanged */
	unbind_sim(engine);
}

static void the_old_target_is_of_group_0_and_silent_S534_S636(void **state)
{
	static const uint8_t sizes[] = { 2, 2 };
	const struct sim_setup setup = { .maximum = 4, .initial = 4, .group_sizes = sizes, .group_size_count = 2 };
	struct dhp_engine *engine = bind_sim(&setup);
	struct job job = { .runs = 0 };

	(void)state;
	KeInitializeDpc(&job.dpc, do_job, &job);
	KeSetTargetProcessorDpc(&job.dpc, 1);
	assert_int_equal(KeInsertQueueDpc(&job.dpc, NULL, NULL), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(job.index, 1);
	KeSetTargetProcessorDpc(&job.dpc, 2);
	KeSetTargetProcessorDpc(&job.dpc, -1);
	assert_int_equal(KeInsertQueueDpc(&job.dpc, NULL, NULL), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(job.index, 1);
	unbind_sim(engine);
}

static char order[8];
static uint64_t order_count;
static KDEFERRED_ROUTINE note_name;

static VOID note_name(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	order[bump(&order_count) % sizeof(order)] = *(const char *)context;
}

static void importance_decides_the_place_S625_S626_S627_S628_S629(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	static char names[] = "123ML";
	KDPC_IMPORTANCE importances[] = { HighImportance, HighImportance, HighImportance, MediumHighImportance,
					  LowImportance };
	const uint32_t sequence[] = { 0, 1, 3, 4, 2 };
	KDPC dpcs[5];

	(void)state;
	memset(order, 0, sizeof(order));
	poke(&order_count, 0);
	hold();
	for (uint32_t i = 0; i < 5; i++) {
		KeInitializeDpc(&dpcs[i], note_name, &names[i]);
		KeSetTargetProcessorDpc(&dpcs[i], 0);
		KeSetImportanceDpc(&dpcs[i], importances[i]);
		KeSetImportanceDpc(&dpcs[i], (KDPC_IMPORTANCE)9); /* ignored */
	}
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(KeInsertQueueDpc(&dpcs[sequence[i]], NULL, NULL), TRUE);
	let_go();
	assert_string_equal(order, "321ML");
	unbind_sim(engine);
}

#if DHP_CHECKS < 2
static void without_a_routine_it_is_never_queued_S603(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	KDPC dpc = { .opaque = { 0 } };

	(void)state;
	KeInitializeDpc(&dpc, NULL, NULL);
	assert_int_equal(KeInsertQueueDpc(&dpc, NULL, NULL), FALSE);
	assert_int_equal(KeRemoveQueueDpc(&dpc), FALSE);
	assert_int_equal(KeInsertQueueDpc(NULL, NULL, NULL), FALSE);
	unbind_sim(engine);
}

static uint64_t flushes;
static KDEFERRED_ROUTINE flush_here;

static VOID flush_here(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	KeFlushQueuedDpcs();
	(void)bump(&flushes);
}

static void a_flush_in_a_dpc_does_nothing_S652(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 1);
	KDPC dpc;

	(void)state;
	KeInitializeDpc(&dpc, flush_here, NULL);
	assert_int_equal(KeInsertQueueDpc(&dpc, NULL, NULL), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&flushes), 1);
	unbind_sim(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_at_dispatch_with_its_arguments_S601_S602_S605_S610_S617_S648),
		cmocka_unit_test(queued_twice_is_queued_once_with_the_first_arguments_S610_S611_S614),
		cmocka_unit_test(removed_it_does_not_run_S645_S647),
		cmocka_unit_test(targets_by_number_in_any_group_S635_S637_S640),
		cmocka_unit_test(the_old_target_is_of_group_0_and_silent_S534_S636),
		cmocka_unit_test(importance_decides_the_place_S625_S626_S627_S628_S629),
#if DHP_CHECKS < 2
		cmocka_unit_test(without_a_routine_it_is_never_queued_S603),
		cmocka_unit_test(a_flush_in_a_dpc_does_nothing_S652),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
