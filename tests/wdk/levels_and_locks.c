/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Levels are values of the calling thread; spin locks raise them; push locks have one exclusive or many shared holders.
 */
#include "bound.h"

static void raised_and_lowered_S040(void **state)
{
	KIRQL old = 9;

	(void)state;
	assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
	assert_int_equal(dhp_level(), DHP_PASSIVE);
	KeRaiseIrql(APC_LEVEL, &old);
	assert_int_equal(old, PASSIVE_LEVEL);
	assert_int_equal(KeGetCurrentIrql(), APC_LEVEL);
	assert_int_equal(dhp_level(), DHP_APC);
	assert_int_equal(KfRaiseIrql(DISPATCH_LEVEL), APC_LEVEL);
	assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
	assert_int_equal(KeRaiseIrqlToDpcLevel(), DISPATCH_LEVEL);
	assert_int_equal(dhp_level_raise(DHP_APC), DHP_DISPATCH); /* not a way down */
	assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
	KeLowerIrql(DISPATCH_LEVEL);
	assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
	KeLowerIrql(APC_LEVEL);
	assert_int_equal(KeGetCurrentIrql(), APC_LEVEL);
	KeLowerIrql(old);
	assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
	assert_int_equal(KfRaiseIrql(12), PASSIVE_LEVEL); /* higher ones are not modelled */
	assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
	KeLowerIrql(PASSIVE_LEVEL);
	KeEnterCriticalRegion();
	assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
	KeLeaveCriticalRegion();
	assert_int_equal(KeShouldYieldProcessor(), FALSE);
}

static void the_apc_level_is_passive_for_the_library_S198(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	KIRQL old;

	(void)state;
	KeRaiseIrql(APC_LEVEL, &old);
	PAGED_CODE()
	KeFlushQueuedDpcs();
	assert_ok(dhp_dpc_flush(engine));
	KeLowerIrql(old);
	unbind_sim(engine);
}

#if DHP_CHECKS < 2
static void a_raised_thread_is_at_dispatch_for_the_library_S041(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	KIRQL old = KeRaiseIrqlToDpcLevel();

	(void)state;
	assert_status(dhp_dpc_flush(engine), DHP_WRONG_LEVEL);
	assert_status(dhp_wdk_unbind(), DHP_WRONG_LEVEL);
	KeLowerIrql(old);
	assert_ok(dhp_dpc_flush(engine));
	unbind_sim(engine);
}
#endif

static uint64_t level_sum;
static KDEFERRED_ROUTINE lock_in_dpc;

static VOID lock_in_dpc(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	KIRQL old;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	KeAcquireSpinLock((PKSPIN_LOCK)context, &old);
	KeReleaseSpinLock(context, old);
	poke(&level_sum, 10u * old + KeGetCurrentIrql());
}

static void a_spin_lock_raises_its_holder_S040(void **state)
{
	struct dhp_engine *engine = bind_sim_of(2, 1);
	KSPIN_LOCK lock;
	KIRQL old;
	KDPC dpc;

	(void)state;
	KeInitializeSpinLock(&lock);
	KeAcquireSpinLock(&lock, &old);
	assert_int_equal(old, PASSIVE_LEVEL);
	assert_int_equal(KeGetCurrentIrql(), DISPATCH_LEVEL);
	KeReleaseSpinLock(&lock, old);
	assert_int_equal(KeGetCurrentIrql(), PASSIVE_LEVEL);
	KeInitializeDpc(&dpc, lock_in_dpc, &lock); /* a DPC stays one */
	assert_int_equal(KeInsertQueueDpc(&dpc, NULL, NULL), TRUE);
	KeFlushQueuedDpcs();
	assert_int_equal(peek(&level_sum), 22);
	unbind_sim(engine);
}

/* ---- exclusion: plain memory under the lock, so that a race detector and a lost update both tell ---- */

#define THREADS 4

static struct {
	struct gate gate;
	KSPIN_LOCK spin;
	EX_PUSH_LOCK push;
	uint64_t plain, twin;
	uint64_t torn;
	uint64_t shared_now, shared_most;
} shared;

static void *count_under_spin_lock(void *argument)
{
	(void)argument;
	gate_pass(&shared.gate);
	for (int i = 0; i < TIMES(20000); i++) {
		KIRQL old = KeAcquireSpinLockRaiseToDpc(&shared.spin);

		shared.plain++;
		KeReleaseSpinLock(&shared.spin, old);
	}
	return NULL;
}

static void *read_and_write_under_push_lock(void *argument)
{
	bool writes = argument != NULL;

	gate_pass(&shared.gate);
	for (int i = 0; i < TIMES(20000); i++) {
		if (writes) {
			ExAcquirePushLockExclusive(&shared.push);
			shared.plain++;
			shared.twin++;
			ExReleasePushLockExclusive(&shared.push);
		} else {
			ExAcquirePushLockShared(&shared.push);
			if (shared.plain != shared.twin)
				(void)bump(&shared.torn);
			ExReleasePushLockShared(&shared.push);
		}
	}
	return NULL;
}

static void run_threads(void *(*run)(void *), uint32_t writers)
{
	struct helper helpers[THREADS];

	memset(&shared, 0, sizeof(shared));
	KeInitializeSpinLock(&shared.spin);
	ExInitializePushLock(&shared.push);
	gate_init(&shared.gate, THREADS);
	for (uint32_t i = 0; i < THREADS; i++)
		helper_start(&helpers[i], run, i < writers ? &shared : NULL);
	for (uint32_t i = 0; i < THREADS; i++)
		helper_join(&helpers[i]);
}

static void a_spin_lock_excludes(void **state)
{
	(void)state;
	run_threads(count_under_spin_lock, THREADS);
	assert_int_equal(shared.plain, THREADS * TIMES(20000));
}

static void a_push_lock_excludes_writers_and_readers(void **state)
{
	(void)state;
	run_threads(read_and_write_under_push_lock, 2);
	assert_int_equal(shared.plain, 2 * TIMES(20000));
	assert_int_equal(shared.torn, 0);
	run_threads(read_and_write_under_push_lock, THREADS);
	assert_int_equal(shared.plain, THREADS * TIMES(20000));
}

/* Each waits, holding it, until all do: only shared holders at one time can pass. */
static void *hold_together(void *argument)
{
	(void)argument;
	ExAcquirePushLockShared(&shared.push);
	gate_pass(&shared.gate);
	ExReleasePushLockShared(&shared.push);
	return NULL;
}

static void shared_holders_hold_it_together(void **state)
{
	(void)state;
	run_threads(hold_together, 0);
	ExAcquirePushLockExclusive(&shared.push); /* all have let go */
	ExReleasePushLockExclusive(&shared.push);
}

static uint64_t reader_done;

static void *read_once(void *argument)
{
	(void)argument;
	ExAcquirePushLockShared(&shared.push);
	ExReleasePushLockShared(&shared.push);
	(void)bump(&reader_done);
	return NULL;
}

static void *write_once(void *argument)
{
	(void)argument;
	ExAcquirePushLockExclusive(&shared.push);
	shared.plain = peek(&reader_done);
	ExReleasePushLockExclusive(&shared.push);
	return NULL;
}

static bool somebody_wants_it(void *context)
{
	(void)context;
	return (__atomic_load_n(&shared.push.Value, __ATOMIC_RELAXED) & 2) != 0;
}

static void a_waiting_writer_comes_before_new_readers(void **state)
{
	struct helper writer, reader;

	(void)state;
	memset(&shared, 0, sizeof(shared));
	ExInitializePushLock(&shared.push);
	ExAcquirePushLockShared(&shared.push);
	helper_start(&writer, write_once, NULL);
	assert_true(wait_until(somebody_wants_it, NULL));
	helper_start(&reader, read_once, NULL);
	sleep_us(20000);
	assert_int_equal(peek(&reader_done), 0);
	ExReleasePushLockShared(&shared.push);
	helper_join(&writer);
	helper_join(&reader);
	assert_int_equal(shared.plain, 0);
	assert_int_equal(peek(&reader_done), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raised_and_lowered_S040),
		cmocka_unit_test(the_apc_level_is_passive_for_the_library_S198),
#if DHP_CHECKS < 2
		cmocka_unit_test(a_raised_thread_is_at_dispatch_for_the_library_S041),
#endif
		cmocka_unit_test(a_spin_lock_raises_its_holder_S040),
		cmocka_unit_test(a_spin_lock_excludes),
		cmocka_unit_test(a_push_lock_excludes_writers_and_readers),
		cmocka_unit_test(shared_holders_hold_it_together),
		cmocka_unit_test(a_waiting_writer_comes_before_new_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
