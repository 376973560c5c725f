/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods: what was unlinked stays usable until every section that could have it has ended, and is then freed.
 */
#include "support.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "epoch.h"
#include "parts.h"

static uint32_t record_count(struct dhp_engine *engine)
{
	uint32_t count = 0;

	for (struct dhp_reader *at = at_load_acquire_ptr(&engine->epoch->readers); at != NULL; at = at->next)
		count++;
	return count;
}

/* ---- a section holds a grace period up ---- */

struct waiter {
	struct dhp_engine *engine;
	uint64_t begun, ended;
	struct dhp_reader *reader;
};

static void *wait_for_grace(void *argument)
{
	struct waiter *waiter = argument;

	poke(&waiter->begun, 1);
	if (dhp_epoch_synchronize(waiter->engine) == DHP_OK)
		poke(&waiter->ended, 1);
	return NULL;
}

static void open_section_holds_a_grace_period_up(void **state)
{
	struct waiter waiter = { .engine = make_sim_of(4, 2) };
	struct dhp_reader *reader = NULL, *other = NULL;
	struct helper helper;

	(void)state;
	assert_ok(dhp_reader_join(waiter.engine, &reader));
	assert_ok(dhp_reader_join(waiter.engine, &other)); /* outside: it holds nothing up */
	dhp_epoch_enter(reader);
	helper_start(&helper, wait_for_grace, &waiter);
	assert_true(wait_for_count(&waiter.begun, 1));
	for (int i = 0; i < 50; i++) {
		sleep_us(100);
		assert_true(peek(&waiter.ended) == 0);
	}
	dhp_epoch_exit(reader);
	assert_true(wait_for_count(&waiter.ended, 1));
	helper_join(&helper);
	assert_ok(dhp_reader_leave(reader));
	assert_ok(dhp_reader_leave(other));
	end_engine(waiter.engine);
}

static void outermost_of_nested_sections_counts(void **state)
{
	struct waiter waiter = { .engine = make_sim_of(4, 2) };
	struct dhp_reader *reader = NULL;
	struct helper helper;

	(void)state;
	assert_ok(dhp_reader_join(waiter.engine, &reader));
	for (int i = 0; i < 5; i++)
		dhp_epoch_enter(reader);
	helper_start(&helper, wait_for_grace, &waiter);
	assert_true(wait_for_count(&waiter.begun, 1));
	for (int i = 0; i < 4; i++) {
		dhp_epoch_exit(reader);
		sleep_us(500);
		assert_true(peek(&waiter.ended) == 0);
	}
	dhp_epoch_enter(reader); /* nested again: announces nothing new */
	dhp_epoch_exit(reader);
	sleep_us(500);
	assert_true(peek(&waiter.ended) == 0);
	dhp_epoch_exit(reader);
	assert_true(wait_for_count(&waiter.ended, 1));
	helper_join(&helper);
	assert_ok(dhp_reader_leave(reader));
	end_engine(waiter.engine);
}

/* A section that begins after the period began does not hold it up: the waiter is not starved. */
static void later_sections_do_not_hold_a_grace_period_up(void **state)
{
	struct waiter waiter = { .engine = make_sim_of(2, 1) };
	struct dhp_reader *first = NULL, *second = NULL;
	struct helper helper;

	(void)state;
	assert_ok(dhp_reader_join(waiter.engine, &first));
	assert_ok(dhp_reader_join(waiter.engine, &second));
	dhp_epoch_enter(first);
	helper_start(&helper, wait_for_grace, &waiter);
	assert_true(wait_for_count(&waiter.begun, 1));
	/* The waiter has raised the number once the second reader's announcement is a later one. */
	while (at_load_relaxed_u64(&waiter.engine->epoch->now) < 2)
		sleep_us(50);
	dhp_epoch_enter(second);
	dhp_epoch_exit(first);
	assert_true(wait_for_count(&waiter.ended, 1));
	dhp_epoch_exit(second);
	helper_join(&helper);
	assert_ok(dhp_reader_leave(first));
	assert_ok(dhp_reader_leave(second));
	end_engine(waiter.engine);
}

static void idle_workers_hold_nothing_up(void **state)
{
	struct dhp_engine *engine = make_sim_of(32, 32);
	struct dhp_engine_stats stats;

	(void)state;
	for (int i = 0; i < TIMES(200); i++)
		assert_ok(dhp_epoch_synchronize(engine));
	assert_ok(dhp_engine_stats_read(engine, &stats));
	assert_true(stats.grace_periods_count >= (uint64_t)TIMES(200));
	end_engine(engine);
}

/* ---- DPCs are sections ---- */

struct long_run {
	struct waiter waiter;
	uint64_t running, go_on, left;
};

static void run_until_told(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct long_run *run = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&run->running, 1);
	while (peek(&run->go_on) == 0)
		continue;
	poke(&run->left, 1);
}

static void dpc_holds_a_grace_period_up(void **state)
{
	struct long_run run = { .waiter = { .engine = make_sim_of(4, 3) } };
	struct helper helper;
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_dpc_init(&dpc, run.waiter.engine, run_until_told, &run));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_true(wait_for_count(&run.running, 1));
	helper_start(&helper, wait_for_grace, &run.waiter);
	assert_true(wait_for_count(&run.waiter.begun, 1));
	for (int i = 0; i < 50; i++) {
		sleep_us(100);
		assert_true(peek(&run.waiter.ended) == 0);
	}
	poke(&run.go_on, 1);
	assert_true(wait_for_count(&run.waiter.ended, 1));
	assert_true(peek(&run.left) == 1);
	helper_join(&helper);
	end_engine(run.waiter.engine);
}

static void begin_run(struct long_run *run, struct dhp_dpc *dpc, struct dhp_engine *engine)
{
	run->waiter.engine = engine;
	assert_ok(dhp_dpc_init(dpc, engine, run_until_told, run));
	assert_ok(dhp_dpc_insert(dpc, NULL, NULL));
}

/* The second and the third are taken off the inbox together. */
static void grace_period_waits_for_no_dpc_that_began_later(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct long_run runs[3] = { { .running = 0 } };
	struct dhp_dpc dpcs[3];
	struct helper helper;
	uint64_t before;

	(void)state;
	begin_run(&runs[0], &dpcs[0], engine);
	assert_true(wait_for_count(&runs[0].running, 1));
	begin_run(&runs[1], &dpcs[1], engine);
	begin_run(&runs[2], &dpcs[2], engine);
	poke(&runs[0].go_on, 1);
	assert_true(wait_for_count(&runs[1].running, 1));
	before = at_load_relaxed_u64(&engine->epoch->now);
	helper_start(&helper, wait_for_grace, &runs[1].waiter);
	while (at_load_relaxed_u64(&engine->epoch->now) == before)
		sleep_us(50);
	poke(&runs[1].go_on, 1);
	assert_true(wait_for_count(&runs[2].running, 1));
	assert_true(wait_for_count(&runs[1].waiter.ended, 1));
	assert_true(peek(&runs[2].left) == 0);
	poke(&runs[2].go_on, 1);
	helper_join(&helper);
	end_engine(engine);
}

/* Each waits for the sections that were open when it began, and for no other grace period. */
static void two_grace_periods_go_on_at_once(void **state)
{
	struct waiter waiters[2] = { { .engine = make_sim_of(2, 1) } };
	struct dhp_engine *engine = waiters[0].engine;
	struct dhp_reader *first = NULL, *second = NULL;
	struct helper helpers[2];

	(void)state;
	waiters[1].engine = engine;
	assert_ok(dhp_reader_join(engine, &first));
	assert_ok(dhp_reader_join(engine, &second));
	dhp_epoch_enter(first);
	helper_start(&helpers[0], wait_for_grace, &waiters[0]);
	while (at_load_relaxed_u64(&engine->epoch->now) < 2)
		sleep_us(50);
	dhp_epoch_enter(second);
	helper_start(&helpers[1], wait_for_grace, &waiters[1]);
	while (at_load_relaxed_u64(&engine->epoch->now) < 3) /* the second does not queue up behind the first */
		sleep_us(50);
	dhp_epoch_exit(first);
	assert_true(wait_for_count(&waiters[0].ended, 1));
	assert_true(peek(&waiters[1].ended) == 0);
	dhp_epoch_exit(second);
	assert_true(wait_for_count(&waiters[1].ended, 1));
	helper_join(&helpers[0]);
	helper_join(&helpers[1]);
	assert_ok(dhp_reader_leave(first));
	assert_ok(dhp_reader_leave(second));
	end_engine(engine);
}

/* ---- the point of it all: objects that are replaced and freed under readers ---- */

#define READERS 3u
#define INTACT 0x600DC0DEu

struct object {
	struct dhp_deferred deferred;
	uint32_t words[16];
};

struct swap {
	struct dhp_engine *engine;
	struct object *current; /* atomic, release and acquire */
	struct gate gate;
	uint64_t stop, torn, reads;
};

static uint64_t freed;

/* Freed in a thread of the library: by the plain allocator, since cmocka's is for one thread. */
static struct object *make_object(void)
{
	struct object *object = calloc(1, sizeof(*object));

	assert_non_null(object);
	for (size_t i = 0; i < LENGTH(object->words); i++)
		object->words[i] = INTACT;
	return object;
}

static void spoil(struct object *object)
{
	for (size_t i = 0; i < LENGTH(object->words); i++)
		object->words[i] = 0xDEAD;
}

static void read_current(struct swap *swap)
{
	const struct object *object = __atomic_load_n(&swap->current, __ATOMIC_ACQUIRE);

	for (size_t i = 0; i < LENGTH(object->words); i++)
		if (object->words[i] != INTACT)
			(void)bump(&swap->torn);
	(void)bump(&swap->reads);
}

static void *keep_reading(void *argument)
{
	struct swap *swap = argument;
	struct dhp_reader *reader = NULL;

	if (dhp_reader_join(swap->engine, &reader) != DHP_OK) {
		(void)bump(&swap->torn);
		return NULL;
	}
	gate_pass(&swap->gate);
	for (uint32_t i = 1; peek(&swap->stop) == 0; i++) {
		dhp_epoch_enter(reader);
		read_current(swap);
		dhp_epoch_exit(reader);
		/* There are more threads than processors: be preempted outside a section now and then. */
		if (i % 64 == 0)
			(void)sched_yield();
	}
	(void)dhp_reader_leave(reader);
	return NULL;
}

static void read_in_dpc(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct swap *swap = context;

	(void)argument_1;
	(void)argument_2;
	read_current(swap);
	if (peek(&swap->stop) == 0)
		(void)dhp_dpc_insert(dpc, NULL, NULL);
}

static void start_readers(struct swap *swap, struct helper *helpers, struct dhp_dpc *dpcs)
{
	memset(swap, 0, sizeof(*swap));
	swap->engine = make_sim_of(4, 2);
	swap->current = make_object();
	gate_init(&swap->gate, READERS + 1);
	for (uint32_t i = 0; i < READERS; i++)
		helper_start(&helpers[i], keep_reading, swap);
	for (uint32_t i = 0; i < 2; i++) {
		assert_ok(dhp_dpc_init(&dpcs[i], swap->engine, read_in_dpc, swap));
		assert_ok(dhp_dpc_insert(&dpcs[i], NULL, NULL));
	}
	gate_pass(&swap->gate);
}

static void stop_readers(struct swap *swap, struct helper *helpers)
{
	assert_true(wait_for_count(&swap->reads, 1));
	poke(&swap->stop, 1);
	for (uint32_t i = 0; i < READERS; i++)
		helper_join(&helpers[i]);
	assert_ok(dhp_dpc_flush(swap->engine));
	assert_ok(dhp_dpc_flush(swap->engine)); /* those that inserted themselves once more */
	assert_true(peek(&swap->torn) == 0);
}

static void readers_never_see_what_was_freed_after_synchronize(void **state)
{
	static struct swap swap;
	struct helper helpers[READERS];
	struct dhp_dpc dpcs[2];

	(void)state;
	start_readers(&swap, helpers, dpcs);
	for (int i = 0; i < TIMES(200); i++) {
		struct object *old = swap.current;

		__atomic_store_n(&swap.current, make_object(), __ATOMIC_RELEASE);
		assert_ok(dhp_epoch_synchronize(swap.engine));
		spoil(old);
		free(old);
	}
	stop_readers(&swap, helpers);
	free(swap.current);
	end_engine(swap.engine);
}

static void free_object(struct dhp_deferred *deferred)
{
	struct object *object = (struct object *)deferred;

	spoil(object);
	free(object);
	(void)bump(&freed);
}

static void readers_never_see_what_was_deferred(void **state)
{
	static struct swap swap;
	struct helper helpers[READERS];
	struct dhp_dpc dpcs[2];
	uint64_t swaps = TIMES(50000u);

	(void)state;
	poke(&freed, 0);
	start_readers(&swap, helpers, dpcs);
	for (uint64_t i = 0; i < swaps; i++) {
		struct object *old = swap.current;

		__atomic_store_n(&swap.current, make_object(), __ATOMIC_RELEASE);
		assert_ok(dhp_epoch_defer(swap.engine, &old->deferred, free_object));
		if (i % 1024 == 0)
			assert_ok(dhp_epoch_drain(swap.engine));
	}
	stop_readers(&swap, helpers);
	assert_ok(dhp_epoch_drain(swap.engine));
	assert_true(peek(&freed) == swaps);
	free(swap.current);
	end_engine(swap.engine);
}

/* ---- deferring ---- */

struct numbered {
	struct dhp_deferred deferred;
	struct dhp_engine *engine;
	uint32_t number;
	uint32_t again; /* how often to defer itself once more */
};

static struct {
	uint64_t count;
	uint64_t out_of_order;
	uint32_t last;
	uint64_t wrong_status;
} reclaimed; /* who reclaims writes; the main thread reads after a drain */

static uint64_t plain_count;

static void note_number(struct dhp_deferred *deferred)
{
	struct numbered *numbered = (struct numbered *)deferred;

	if (reclaimed.count > 0 && numbered->number != reclaimed.last + 1)
		reclaimed.out_of_order++;
	reclaimed.last = numbered->number;
	reclaimed.count++;
}

static void callbacks_of_one_thread_come_in_its_order(void **state)
{
	static struct numbered numbered[5000];
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_engine_stats stats;

	(void)state;
	memset(&reclaimed, 0, sizeof(reclaimed));
	for (uint32_t i = 0; i < LENGTH(numbered); i++) {
		numbered[i].number = i;
		assert_ok(dhp_epoch_defer(engine, &numbered[i].deferred, note_number));
		if (i % 500 == 0)
			sleep_us(100); /* so that it is more than one batch */
	}
	assert_ok(dhp_epoch_drain(engine));
	assert_true(reclaimed.count == LENGTH(numbered));
	assert_true(reclaimed.out_of_order == 0);
	assert_ok(dhp_engine_stats_read(engine, &stats));
	assert_true(stats.reclaimed_count == LENGTH(numbered));
	end_engine(engine);
}

static uint64_t failed_drains;

/* Whoever runs a round: one after the other, or the plain count would be raced for. */
static void *drain_until_done(void *context)
{
	while (peek(&plain_count) == 0)
		if (dhp_failed(dhp_epoch_drain(context)))
			(void)bump(&failed_drains);
	return NULL;
}

static void callbacks_come_in_order_while_others_drain(void **state)
{
	static struct numbered numbered[5000];
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct helper drainers[2];

	(void)state;
	memset(&reclaimed, 0, sizeof(reclaimed));
	poke(&plain_count, 0);
	for (uint32_t i = 0; i < LENGTH(drainers); i++)
		helper_start(&drainers[i], drain_until_done, engine);
	for (uint32_t i = 0; i < LENGTH(numbered); i++) {
		numbered[i].number = i;
		assert_ok(dhp_epoch_defer(engine, &numbered[i].deferred, note_number));
		if (i % 100 == 0)
			sched_yield();
	}
	assert_ok(dhp_epoch_drain(engine));
	assert_true(reclaimed.count == LENGTH(numbered));
	assert_true(reclaimed.out_of_order == 0);
	poke(&plain_count, 1);
	for (uint32_t i = 0; i < LENGTH(drainers); i++)
		helper_join(&drainers[i]);
	assert_true(peek(&failed_drains) == 0);
	end_engine(engine);
}

static struct {
	pthread_t drainer;
	uint32_t here, wrong_status;
} own; /* the drainer's callbacks */

static void try_what_is_refused(struct dhp_deferred *deferred)
{
	struct numbered *numbered = (struct numbered *)deferred;

	if (!pthread_equal(pthread_self(), own.drainer))
		return;
	own.here++;
	if (dhp_epoch_drain(numbered->engine) != DHP_IN_CALLBACK || dhp_engine_destroy(numbered->engine) != DHP_IN_CALLBACK)
		own.wrong_status++;
	if (dhp_epoch_synchronize(numbered->engine) != DHP_OK)
		own.wrong_status++;
}

static void who_drains_reclaims(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct numbered numbered = { .engine = engine };

	(void)state;
	memset(&own, 0, sizeof(own));
	own.drainer = pthread_self();
	for (uint32_t i = 0; i < 100000 && own.here < 10; i++) {
		assert_ok(dhp_epoch_defer(engine, &numbered.deferred, try_what_is_refused));
		assert_ok(dhp_epoch_drain(engine));
	}
	assert_true(own.here == 10);
	assert_true(own.wrong_status == 0);
	end_engine(engine);
}

static void drain_of_nothing_returns(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);

	(void)state;
	for (int i = 0; i < TIMES(100); i++)
		assert_ok(dhp_epoch_drain(engine));
	end_engine(engine);
}

static void deferred_waits_for_an_open_section(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct numbered numbered = { .number = 1 };
	struct dhp_engine_stats stats;
	struct dhp_reader *reader = NULL;

	(void)state;
	memset(&reclaimed, 0, sizeof(reclaimed));
	assert_ok(dhp_reader_join(engine, &reader));
	dhp_epoch_enter(reader);
	assert_ok(dhp_epoch_defer(engine, &numbered.deferred, note_number));
	for (int i = 0; i < 30; i++) {
		sleep_us(200);
		assert_ok(dhp_engine_stats_read(engine, &stats));
		assert_true(stats.reclaimed_count == 0);
	}
	dhp_epoch_exit(reader);
	assert_ok(dhp_epoch_drain(engine));
	assert_true(reclaimed.count == 1);
	assert_ok(dhp_reader_leave(reader));
	end_engine(engine);
}

static void defer_again(struct dhp_deferred *deferred)
{
	struct numbered *numbered = (struct numbered *)deferred;

	reclaimed.count++;
	if (dhp_epoch_drain(numbered->engine) != DHP_IN_CALLBACK)
		reclaimed.wrong_status++;
	if (dhp_level() != DHP_PASSIVE)
		reclaimed.wrong_status++;
	if (numbered->again-- > 0 && dhp_epoch_defer(numbered->engine, deferred, defer_again) != DHP_OK)
		reclaimed.wrong_status++;
}

static bool all_deferred_again(void *context)
{
	struct dhp_engine_stats stats = { .reclaimed_count = 0 };

	(void)dhp_engine_stats_read(context, &stats);
	return stats.reclaimed_count >= 21;
}

static void reclaim_may_defer_again(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct numbered numbered = { .engine = engine, .again = 20 };

	(void)state;
	memset(&reclaimed, 0, sizeof(reclaimed));
	assert_ok(dhp_epoch_defer(engine, &numbered.deferred, defer_again));
	assert_true(wait_until(all_deferred_again, engine));
	assert_ok(dhp_epoch_drain(engine));
	assert_true(reclaimed.count == 21);
	assert_true(reclaimed.wrong_status == 0);
	end_engine(engine);
}

static void destruction_reclaims_everything(void **state)
{
	static struct numbered numbered[1000];
	static struct numbered again;

	(void)state;
	for (int round = 0; round < TIMES(40); round++) {
		struct dhp_engine *engine = make_sim_of(4, 2);

		memset(&reclaimed, 0, sizeof(reclaimed));
		again = (struct numbered){ .engine = engine, .again = 5 };
		for (uint32_t i = 0; i < LENGTH(numbered); i++) {
			numbered[i].number = i;
			assert_ok(dhp_epoch_defer(engine, &numbered[i].deferred, note_number));
		}
		assert_ok(dhp_epoch_defer(engine, &again.deferred, defer_again));
		end_engine(engine);
		assert_true(reclaimed.count == LENGTH(numbered) + 6);
		assert_true(reclaimed.wrong_status == 0);
	}
}

/* ---- from a DPC, and from a signal handler ---- */

struct source {
	struct dhp_engine *engine;
	struct numbered *pool;
	uint64_t next, limit;
	uint64_t wrong;
};

static struct source *source_of_handler;
static void count_plain(struct dhp_deferred *deferred)
{
	(void)deferred;
	(void)bump(&plain_count);
}

static void defer_next(struct source *source)
{
	uint64_t i = bump(&source->next);

	if (i < source->limit && dhp_epoch_defer(source->engine, &source->pool[i].deferred, count_plain) != DHP_OK)
		(void)bump(&source->wrong);
}

static void defer_in_handler(int signal)
{
	int saved = errno;

	(void)signal;
	defer_next(source_of_handler);
	errno = saved;
}

static void defer_in_dpc(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct source *source = context;

	(void)argument_1;
	(void)argument_2;
	defer_next(source);
	if (peek(&source->next) < source->limit)
		(void)dhp_dpc_insert(dpc, NULL, NULL);
}

static void defer_from_threads_dpcs_and_signal_handlers(void **state)
{
	static struct numbered pool[20000];
	const struct sigaction action = { .sa_handler = defer_in_handler, .sa_flags = SA_RESTART };
	struct source source = { .engine = make_sim_of(4, 2), .pool = pool, .limit = TIMES(LENGTH(pool)) };
	struct sigaction before;
	struct dhp_dpc dpc;
	uint32_t raised = 0;

	(void)state;
	source_of_handler = &source;
	poke(&plain_count, 0);
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	assert_ok(dhp_dpc_init(&dpc, source.engine, defer_in_dpc, &source));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	while (peek(&source.next) < source.limit) {
		defer_next(&source);
		if (raised++ % 4 == 0)
			assert_int_equal(raise(SIGUSR1), 0);
	}
	assert_ok(dhp_dpc_flush(source.engine));
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
	assert_ok(dhp_epoch_drain(source.engine));
	assert_true(peek(&plain_count) == source.limit);
	assert_true(peek(&source.wrong) == 0);
	end_engine(source.engine);
}

/* ---- records ---- */

struct churn {
	struct dhp_engine *engine;
	uint64_t wrong;
};

static void *join_and_leave(void *argument)
{
	struct churn *churn = argument;
	struct dhp_reader *reader = NULL;

	if (dhp_reader_join(churn->engine, &reader) != DHP_OK) {
		(void)bump(&churn->wrong);
		return NULL;
	}
	dhp_epoch_enter(reader);
	dhp_epoch_exit(reader);
	if (dhp_reader_leave(reader) != DHP_OK)
		(void)bump(&churn->wrong);
	return NULL;
}

static void records_of_readers_that_left_are_used_again(void **state)
{
	struct churn churn = { .engine = make_sim_of(4, 2) };
	uint32_t before = record_count(churn.engine);

	(void)state;
	for (int round = 0; round < TIMES(300); round++) {
		struct helper helpers[4];

		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_start(&helpers[i], join_and_leave, &churn);
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_join(&helpers[i]);
	}
	assert_true(peek(&churn.wrong) == 0);
	assert_true(record_count(churn.engine) <= before + 4);
	end_engine(churn.engine);
}

static void failed_arrivals_leave_no_records_behind_S182(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	uint32_t before;

	(void)state;
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, 2), DHP_NO_THREAD);
	before = record_count(engine);
	for (int i = 0; i < 20; i++) {
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), (enum dhp_step)(i % 4), DHP_NO_THREAD));
		assert_status(add_position(engine, 2), DHP_NO_THREAD);
	}
	assert_int_equal(record_count(engine), before);
	end_engine(engine);
}

static void *use_foreign_reader(void *argument)
{
	struct waiter *waiter = argument;

	dhp_epoch_enter(waiter->reader);
	poke(&waiter->begun, 1);
	dhp_epoch_exit(waiter->reader);
	return NULL;
}

static void reader_may_be_handed_to_another_thread(void **state)
{
	struct waiter waiter = { .engine = make_sim_of(2, 1) };
	struct helper helper;

	(void)state;
	assert_ok(dhp_reader_join(waiter.engine, &waiter.reader));
	dhp_epoch_enter(waiter.reader);
	dhp_epoch_exit(waiter.reader);
	helper_start(&helper, use_foreign_reader, &waiter);
	helper_join(&helper);
	assert_ok(dhp_epoch_synchronize(waiter.engine));
	dhp_epoch_enter(waiter.reader);
	assert_status(dhp_epoch_synchronize(waiter.engine), DHP_IN_SECTION);
	dhp_epoch_exit(waiter.reader);
	assert_ok(dhp_reader_leave(waiter.reader));
	end_engine(waiter.engine);
}

/* Several threads that synchronize at once, with readers that come and go. */
static void *synchronize_often(void *argument)
{
	struct swap *swap = argument;

	gate_pass(&swap->gate);
	for (int i = 0; i < TIMES(40); i++)
		if (dhp_epoch_synchronize(swap->engine) != DHP_OK)
			(void)bump(&swap->torn);
	return NULL;
}

static void threads_may_synchronize_at_once(void **state)
{
	static struct swap swap;
	struct helper readers[READERS], waiters[3];
	struct dhp_dpc dpcs[2];

	(void)state;
	start_readers(&swap, readers, dpcs);
	for (size_t i = 0; i < LENGTH(waiters); i++)
		helper_start(&waiters[i], synchronize_often, &swap);
	for (size_t i = 0; i < LENGTH(waiters); i++)
		helper_join(&waiters[i]);
	stop_readers(&swap, readers);
	free(swap.current);
	end_engine(swap.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_section_holds_a_grace_period_up),
		cmocka_unit_test(outermost_of_nested_sections_counts),
		cmocka_unit_test(later_sections_do_not_hold_a_grace_period_up),
		cmocka_unit_test(idle_workers_hold_nothing_up),
		cmocka_unit_test(dpc_holds_a_grace_period_up),
		cmocka_unit_test(grace_period_waits_for_no_dpc_that_began_later),
		cmocka_unit_test(two_grace_periods_go_on_at_once),
		cmocka_unit_test(readers_never_see_what_was_freed_after_synchronize),
		cmocka_unit_test(readers_never_see_what_was_deferred),
		cmocka_unit_test(callbacks_of_one_thread_come_in_its_order),
		cmocka_unit_test(callbacks_come_in_order_while_others_drain),
		cmocka_unit_test(who_drains_reclaims),
		cmocka_unit_test(drain_of_nothing_returns),
		cmocka_unit_test(deferred_waits_for_an_open_section),
		cmocka_unit_test(reclaim_may_defer_again),
		cmocka_unit_test(destruction_reclaims_everything),
		cmocka_unit_test(defer_from_threads_dpcs_and_signal_handlers),
		cmocka_unit_test(records_of_readers_that_left_are_used_again),
		cmocka_unit_test(failed_arrivals_leave_no_records_behind_S182),
		cmocka_unit_test(reader_may_be_handed_to_another_thread),
		cmocka_unit_test(threads_may_synchronize_at_once),
	};

	return cmocka_run_group_tests_name("epoch_sections", tests, NULL, NULL);
}
