/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may be called at dispatch level, called from a thread, from a thread that holds a spin lock, from a DPC routine and from a
 * threaded one (S-042): it works alike, asks the system for no memory, and does not sleep; not even while a processor is being
 * added, an arrival delivered, or a device asked to stop, each of which is held up in the middle.
 */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include <dhp/change.h>
#include <dhp/hold.h>
#include <dhp/lookaside.h>
#include <dhp/memory.h>
#include <dhp/rebalance.h>
#include <dhp/rundown.h>
#include <dhp/timer.h>

/* ---- the test stands between the engine and the system ---- */

static _Thread_local bool watched; /* this thread is inside a call that must not block */
static uint64_t asked_for_memory, slept;

static void note(uint64_t *counter)
{
	if (watched)
		(void)bump(counter);
}

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __real_ppoll(struct pollfd *files, nfds_t count, const struct timespec *wait, const sigset_t *signals);
int __wrap_ppoll(struct pollfd *files, nfds_t count, const struct timespec *wait, const sigset_t *signals);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	note(&asked_for_memory);
	return __real_aligned_alloc(alignment, bytes);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
	note(&asked_for_memory);
	return __real_mmap(address, bytes, protection, flags, file, offset);
}

int __wrap_madvise(void *address, size_t bytes, int advice)
{
	note(&asked_for_memory);
	return __real_madvise(address, bytes, advice);
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	note(&slept);
	return __real_pthread_mutex_lock(mutex);
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	note(&slept);
	return __real_nanosleep(wanted, left);
}

int __wrap_ppoll(struct pollfd *files, nfds_t count, const struct timespec *wait, const sigset_t *signals)
{
	note(&slept);
	return __real_ppoll(files, count, wait, signals);
}

/* A wake is allowed, a wait is not. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_futex && (b & FUTEX_CMD_MASK) != FUTEX_WAKE)
		note(&slept);
	return __real_syscall(number, a, b, c, d, e, f);
}

/* ---- what the calls need ---- */

enum lane_kind { THREAD, RAISED, ROUTINE, THREADED, LANES };

struct lane {
	struct ground *ground;
	struct dhp_engine *engine;
	enum dhp_level level; /* that its calls are made at */
	struct dhp_reader *reader;
	struct dhp_deferred deferred;
	struct dhp_request request, held;
	struct dhp_hold *hold;
	uint64_t begun;
	struct dhp_rundown rundown, over; /* the second of each has been waited for */
	struct dhp_rundown_percpu *rundown_percpu, *over_percpu;
	void *rundown_memory, *over_memory;
	struct dhp_timer timer;
	struct dhp_dpc dpc, vehicle;
	void *block;
	uint64_t failed; /* number of the first call that went wrong, plus one */
	uint64_t runs, other_runs;
};

struct ground {
	struct dhp_engine *engine;
	struct dhp_percpu *array;
	struct dhp_counter *counter;
	struct dhp_lookaside *list;
	struct dhp_memory_event *event;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_rundown_percpu *rundown;
	struct lane lanes[LANES];
	/* somebody who is in the middle of something, and stays there */
	uint64_t holds_up, inside;
};

static struct dhp_counts counts_now(struct lane *me)
{
	struct dhp_counts counts = { .active = 0 };

	return dhp_counts_read(me->engine, &counts) == DHP_OK ? counts : (struct dhp_counts){ .active = 0 };
}

static struct dhp_processor row_now(struct lane *me)
{
	struct dhp_processor row = { .index = DHP_NO_INDEX };

	return dhp_processor_at(me->engine, 1, &row) == DHP_OK ? row : (struct dhp_processor){ .index = DHP_NO_INDEX };
}

static uint32_t index_of(enum dhp_status (*ask)(struct lane *me, uint32_t *out_index), struct lane *me)
{
	uint32_t index = DHP_NO_INDEX;

	return ask(me, &index) == DHP_OK ? index : DHP_NO_INDEX;
}

static enum dhp_status by_number(struct lane *me, uint32_t *out_index)
{
	return dhp_index_of_number(me->engine, row_now(me).number, out_index);
}

static enum dhp_status by_cpu(struct lane *me, uint32_t *out_index)
{
	return dhp_index_of_cpu(me->engine, row_now(me).cpu, out_index);
}

static bool snapshot(struct lane *me, bool change)
{
	uint64_t masks[4];
	struct dhp_snapshot snapshot = { .masks_capacity = 4, .active_masks = masks };

	if (change)
		return dhp_change_query(me->engine, NULL, &snapshot) == DHP_OK;
	return dhp_snapshot_take(me->engine, &snapshot) == DHP_OK && snapshot.counts.active >= 2;
}

static void reclaim(struct dhp_deferred *deferred)
{
	(void)deferred;
}

static void begin_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct lane *me = context;

	if (status == DHP_OK && dhp_request_complete(request) == DHP_OK)
		(void)bump(&me->begun);
}

/* One passes, one is held and cancelled, one is held and begins with the end. */
static bool requests(struct lane *me)
{
	uint64_t before = peek(&me->begun);
	struct dhp_hold_stats stats;

	return dhp_request_init(&me->request, me->hold, 0) == DHP_OK &&
	       dhp_request_init(&me->held, me->hold, 0) == DHP_OK && dhp_request_submit(&me->request) == DHP_OK &&
	       dhp_hold_begin(me->hold) == DHP_OK && dhp_request_submit(&me->request) == DHP_HELD &&
	       dhp_request_submit(&me->held) == DHP_HELD && dhp_request_cancel(&me->held) == DHP_OK &&
	       dhp_hold_stats_read(me->hold, &stats) == DHP_OK && stats.waiting_count == 1 &&
	       dhp_hold_end(me->hold) == DHP_OK && peek(&me->begun) == before + 2;
}

static bool blocks(struct lane *me)
{
	struct dhp_lookaside_counts counts;

	dhp_lookaside_free(me->ground->list, me->block);
	me->block = dhp_lookaside_allocate(me->ground->list);
	return me->block != NULL && dhp_lookaside_counts_read(me->ground->list, &counts) == DHP_OK && counts.made > 0 &&
	       dhp_lookaside_flush(me->ground->list) == DHP_OK;
}

static bool memory(struct lane *me)
{
	struct dhp_memory_info info;
	bool signalled = false;

	return dhp_memory_read(me->engine, &info) == DHP_OK && info.high &&
	       dhp_memory_event_wait(me->ground->event, 0) == DHP_OK &&
	       dhp_memory_event_query(me->ground->event, &signalled) == DHP_OK && signalled &&
	       strcmp(dhp_memory_condition_name(DHP_MEMORY_HIGH), "HighMemoryCondition") == 0;
}

static bool stats(struct lane *me)
{
	struct dhp_processor_stats processor;
	struct dhp_engine_stats engine;
	struct dhp_rebalance_stats rebalance;

	return dhp_processor_stats_read(me->engine, 1, &processor) == DHP_OK &&
	       dhp_engine_stats_read(me->engine, &engine) == DHP_OK && engine.arrivals_count >= 2 &&
	       dhp_rebalance_stats_read(me->engine, &rebalance) == DHP_OK;
}

static bool counts(struct lane *me)
{
	uint64_t mask = 0;

	return counts_now(me).active >= 2 && dhp_active_count(me->engine, 0, &mask) >= 2 && (mask & 3) == 3 &&
	       (dhp_active_mask(me->engine, 0) & 3) == 3 && dhp_maximum_count(me->engine, DHP_ALL_GROUPS) == 8 &&
	       dhp_old_group(me->engine) == 0 && dhp_node_active_count(me->engine, 0, DHP_ALL_GROUPS, NULL) >= 2;
}

static void visit(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)slot;
	(void)processor;
	++*(uint32_t *)context;
}

static bool slots(struct lane *me)
{
	const struct dhp_percpu *array = me->ground->array;
	uint32_t visited = 0;

	return dhp_percpu_at(array, 1) != NULL && dhp_percpu_at(array, 7) == NULL && dhp_percpu_here(array) != NULL &&
	       dhp_percpu_fallback(array) != NULL && dhp_percpu_each(array, visit, &visited, NULL) == DHP_OK &&
	       visited >= 3;
}

static bool count(struct lane *me)
{
	uint64_t before = dhp_counter_sum(me->ground->counter);

	dhp_counter_add(me->ground->counter, 1);
	return dhp_counter_sum(me->ground->counter) > before;
}

static bool section(struct lane *me)
{
	dhp_epoch_enter(me->reader);
	dhp_epoch_exit(me->reader);
	return dhp_epoch_defer(me->engine, &me->deferred, reclaim) == DHP_OK;
}

static bool device(struct lane *me)
{
	enum dhp_device_state device_state;
	uint32_t index = DHP_NO_INDEX;
	struct ground *ground = me->ground;

	return dhp_device_state_read(ground->device, &device_state) == DHP_OK &&
	       dhp_device_set_policy(ground->device, DHP_POLICY_IN) == DHP_OK &&
	       dhp_setup_class_set(me->engine, 5, DHP_OPT_OUT_FALSE) == DHP_OK &&
	       dhp_feed_enable(ground->feed, true) == DHP_OK && dhp_feed_pick(ground->feed, &index) == DHP_OK &&
	       (dhp_feed_mask(ground->feed, 0) >> index & 1) == 1;
}

static bool rundown(struct lane *me)
{
	return dhp_rundown_init(&me->rundown) == DHP_OK && dhp_rundown_acquire(&me->rundown, 2) == DHP_OK &&
	       dhp_rundown_release(&me->rundown, 2) == DHP_OK &&
	       dhp_rundown_acquire(&me->over, 1) == DHP_RUN_DOWN && dhp_rundown_completed(&me->over) == DHP_OK &&
	       dhp_rundown_reinit(&me->over) == DHP_OK;
}

static bool rundown_percpu(struct lane *me)
{
	size_t bytes = dhp_rundown_percpu_bytes(me->engine);

	return dhp_rundown_percpu_init(me->engine, me->rundown_memory, bytes, &me->rundown_percpu) == DHP_OK &&
	       dhp_rundown_percpu_acquire(me->rundown_percpu, 2) == DHP_OK &&
	       dhp_rundown_percpu_release(me->rundown_percpu, 2) == DHP_OK &&
	       dhp_rundown_percpu_acquire(me->over_percpu, 1) == DHP_RUN_DOWN &&
	       dhp_rundown_percpu_completed(me->over_percpu) == DHP_OK &&
	       dhp_rundown_percpu_reinit(me->over_percpu) == DHP_OK;
}

static bool timer(struct lane *me)
{
	const struct dhp_timer_setting setting = { .size = sizeof(setting), .due_ns = (uint64_t)3600 * 1000000000u };

	return dhp_timer_init(&me->timer, me->engine) == DHP_OK && dhp_timer_set(&me->timer, &setting) == DHP_OK &&
	       dhp_timer_is_set(&me->timer) && dhp_timer_set(&me->timer, &setting) == DHP_REPLACED &&
	       dhp_timer_cancel(&me->timer) == DHP_OK && !dhp_timer_has_expired(&me->timer);
}

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(context);
}

/* Whether it has begun before it is removed depends on the lane; that it works does not. */
static bool dpcs(struct lane *me)
{
	enum dhp_status status;

	if (dhp_dpc_init(&me->dpc, me->engine, count_run, &me->other_runs) != DHP_OK ||
	    dhp_dpc_set_importance(&me->dpc, DHP_IMPORTANCE_MEDIUM_HIGH) != DHP_OK ||
	    dhp_dpc_set_target(&me->dpc, 1) != DHP_OK || dhp_dpc_insert(&me->dpc, NULL, NULL) != DHP_OK)
		return false;
	status = dhp_dpc_remove(&me->dpc);
	return (status == DHP_OK || status == DHP_NOT_QUEUED) && !dhp_dpc_should_yield();
}

static bool threaded_object(struct lane *me)
{
	struct dhp_dpc dpc;

	return dhp_dpc_init_threaded(&dpc, me->engine, count_run, &me->other_runs) == DHP_OK &&
	       dhp_dpc_remove(&dpc) == DHP_NOT_QUEUED;
}

static bool texts(struct lane *me)
{
	(void)me;
	return strcmp(dhp_status_name(DHP_OK), "DHP_OK") == 0 && dhp_status_text(DHP_OK)[0] != '\0';
}

static bool levels(struct lane *me)
{
	enum dhp_level level = dhp_level();
	enum dhp_level before = dhp_level_raise(DHP_DISPATCH);

	dhp_level_lower(before);
	return level == me->level && before == me->level && dhp_level() == me->level;
}

static bool mappings(struct lane *me)
{
	return row_now(me).index == 1 && index_of(by_number, me) == 1 && index_of(by_cpu, me) == 1 &&
	       dhp_sim_cpu(me->engine, 1) == row_now(me).cpu && dhp_sim_position(me->engine, row_now(me).number) == 1 &&
	       dhp_index_here(me->engine) < 2;
}

static bool snapshots(struct lane *me)
{
	return snapshot(me, false) && snapshot(me, true);
}

static bool (*const calls[])(struct lane *me) = { texts, levels, mappings, snapshots, counts, slots, count, section, requests,
	blocks, memory, stats, device, rundown, rundown_percpu, timer, threaded_object, dpcs };

/* ---- the lanes ---- */

static void run_lane(struct lane *me)
{
	watched = true;
	for (uint32_t i = 0; i < LENGTH(calls); i++)
		if (!calls[i](me) && peek(&me->failed) == 0)
			poke(&me->failed, i + 1);
	watched = false;
	(void)bump(&me->runs);
}

static void ride(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	run_lane(context);
}

/* false: it came to no end. Nobody flushes here: a flush may wait. */
static bool run_by_dpc(struct lane *me, bool threaded)
{
	uint64_t *runs = &me->ground->lanes[threaded ? THREADED : ROUTINE].runs;
	uint64_t before = peek(runs);

	if ((threaded ? dhp_dpc_init_threaded : dhp_dpc_init)(&me->vehicle, me->engine, ride, me) != DHP_OK ||
	    dhp_dpc_set_target(&me->vehicle, 0) != DHP_OK ||
	    dhp_dpc_set_importance(&me->vehicle, DHP_IMPORTANCE_MEDIUM_HIGH) != DHP_OK ||
	    dhp_dpc_insert(&me->vehicle, NULL, NULL) != DHP_OK)
		return false;
	return wait_for_count(runs, before + 1);
}

static void assert_lanes(struct ground *ground)
{
	assert_int_equal(peek(&asked_for_memory), 0);
	assert_int_equal(peek(&slept), 0);
	for (uint32_t kind = 0; kind < LANES; kind++)
		if (peek(&ground->lanes[kind].failed) != 0)
			fail_msg("lane %u, call %u", kind, (uint32_t)peek(&ground->lanes[kind].failed) - 1);
}

static void run_all_lanes(struct ground *ground)
{
	enum dhp_level before;

	for (uint32_t kind = 0; kind < LANES; kind++) {
		assert_ok(dhp_rundown_wait(&ground->lanes[kind].over));
		assert_ok(dhp_rundown_percpu_wait(ground->lanes[kind].over_percpu));
	}
	run_lane(&ground->lanes[THREAD]);
	before = dhp_level_raise(DHP_DISPATCH);
	run_lane(&ground->lanes[RAISED]);
	dhp_level_lower(before);
	assert_true(run_by_dpc(&ground->lanes[ROUTINE], false));
	assert_true(run_by_dpc(&ground->lanes[THREADED], true));
	assert_lanes(ground);
}

/* ---- making and unmaking ---- */

/* Blocks of the caller's: fit for every level. */
static unsigned char pool[64][64] __attribute__((aligned(16)));
static uint64_t pool_used;

static void *take_block(size_t bytes, void *context)
{
	uint64_t at = bump(&pool_used);

	(void)bytes;
	(void)context;
	return at < LENGTH(pool) ? pool[at] : NULL;
}

static void drop_block(void *block, size_t bytes, void *context)
{
	(void)block;
	(void)bytes;
	(void)context;
}

static void stay_inside(struct ground *ground)
{
	if (peek(&ground->holds_up) == 0)
		return;
	poke(&ground->inside, 1);
	while (peek(&ground->holds_up) != 0)
		sleep_us(50);
}

static void in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status;
	if (change->state == DHP_CHANGE_START)
		stay_inside(context);
}

static void in_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	stay_inside(context);
}

static enum dhp_status in_query(void *context, const struct dhp_device_call *call)
{
	(void)call;
	stay_inside(context);
	return DHP_OK;
}

static void make_lane(struct ground *ground, uint32_t kind)
{
	struct lane *me = &ground->lanes[kind];
	size_t bytes = dhp_rundown_percpu_bytes(ground->engine);

	me->ground = ground;
	me->engine = ground->engine;
	me->level = kind == RAISED || kind == ROUTINE ? DHP_DISPATCH : DHP_PASSIVE;
	assert_ok(dhp_reader_join(ground->engine, &me->reader));
	assert_ok(dhp_hold_create(ground->engine, begin_request, me, &me->hold));
	me->rundown_memory = aligned_alloc(DHP_LINE_PAIR_BYTES, bytes);
	me->over_memory = aligned_alloc(DHP_LINE_PAIR_BYTES, bytes);
	assert_true(me->rundown_memory != NULL && me->over_memory != NULL);
	assert_ok(dhp_rundown_init(&me->over));
	assert_ok(dhp_rundown_percpu_init(ground->engine, me->over_memory, bytes, &me->over_percpu));
	me->block = dhp_lookaside_allocate(ground->list);
	assert_non_null(me->block);
}

static void make_ground(struct ground *ground)
{
	const struct dhp_percpu_options slot = { .size = sizeof(slot), .slot_bytes = 8 };
	const struct dhp_lookaside_options list = { .size = sizeof(list), .block_bytes = 64, .allocate = take_block,
		.free = drop_block };
	const struct dhp_driver driver = { .query_stop = in_query, .context = ground };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	memset(ground, 0, sizeof(*ground));
	poke(&pool_used, 0);
	poke(&asked_for_memory, 0);
	poke(&slept, 0);
	ground->engine = make_sim_of(8, 2);
	assert_ok(dhp_arrival_drain(ground->engine));
	assert_ok(dhp_percpu_create(ground->engine, &slot, &ground->array));
	assert_ok(dhp_counter_create(ground->engine, &ground->counter));
	assert_ok(dhp_lookaside_create(ground->engine, &list, &ground->list));
	assert_ok(dhp_memory_event_open_condition(ground->engine, DHP_MEMORY_HIGH, &ground->event));
	assert_ok(dhp_device_register(ground->engine, &options, &ground->device));
	assert_ok(dhp_feed_create(ground->engine, ground->device, NULL, &ground->feed));
	for (uint32_t kind = 0; kind < LANES; kind++)
		make_lane(ground, kind);
}

static void end_ground(struct ground *ground)
{
	assert_ok(dhp_dpc_flush(ground->engine));
	assert_ok(dhp_epoch_drain(ground->engine));
	for (uint32_t kind = 0; kind < LANES; kind++) {
		struct lane *me = &ground->lanes[kind];

		dhp_lookaside_free(ground->list, me->block);
		assert_ok(dhp_reader_leave(me->reader));
		assert_ok(dhp_hold_destroy(me->hold));
		free(me->rundown_memory);
		free(me->over_memory);
	}
	assert_ok(dhp_feed_destroy(ground->feed));
	assert_ok(dhp_device_unregister(ground->device));
	assert_ok(dhp_memory_event_close(ground->event));
	assert_ok(dhp_lookaside_destroy(ground->list));
	assert_ok(dhp_counter_destroy(ground->counter));
	assert_ok(dhp_percpu_destroy(ground->array));
	end_engine(ground->engine);
}

/* ---- the stories ---- */

static struct ground ground;

static void what_dispatch_may_call_works_alike_in_threads_and_dpcs_S042(void **state)
{
	(void)state;
	make_ground(&ground);
	for (uint32_t i = 0; i < 5; i++) {
		run_all_lanes(&ground);
		assert_ok(dhp_dpc_flush(ground.engine)); /* the objects are used again */
		assert_ok(dhp_epoch_drain(ground.engine));
	}
	end_ground(&ground);
}

static void *cause(void *argument)
{
	struct ground *on = argument;

	(void)add_position(on->engine, 2);
	return NULL;
}

/* Everything is done while somebody is inside a callback, with whatever the library holds meanwhile. */
static void run_while_inside(struct ground *on)
{
	struct helper helper;

	poke(&on->holds_up, 1);
	helper_start(&helper, cause, on);
	assert_true(wait_for_count(&on->inside, 1));
	run_all_lanes(on);
	poke(&on->holds_up, 0);
	helper_join(&helper);
	assert_ok(dhp_arrival_drain(on->engine));
	assert_ok(dhp_rebalance_drain(on->engine));
	assert_int_equal(active_count(on->engine), 3);
}

static void also_while_a_processor_is_being_added_S042(void **state)
{
	struct dhp_notify *notify;

	(void)state;
	make_ground(&ground);
	assert_ok(dhp_notify_register(ground.engine, in_start, &ground, 0, &notify));
	run_while_inside(&ground);
	assert_ok(dhp_notify_unregister(notify));
	end_ground(&ground);
}

static void also_while_an_arrival_is_delivered_S042(void **state)
{
	struct dhp_arrival_notify *arrival;

	(void)state;
	make_ground(&ground);
	assert_ok(dhp_device_set_policy(ground.device, DHP_POLICY_OUT));
	assert_ok(dhp_arrival_register(ground.engine, DHP_CLASS_PROCESSOR, in_arrival, &ground, 0, &arrival));
	run_while_inside(&ground);
	assert_ok(dhp_arrival_unregister(arrival));
	end_ground(&ground);
}

static void also_while_a_device_is_asked_to_stop_S042(void **state)
{
	(void)state;
	make_ground(&ground);
	run_while_inside(&ground);
	end_ground(&ground);
}

/* The other half: what is for passive level only would be noticed here. */
static void the_watch_notices_who_allocates_or_sleeps(void **state)
{
	struct dhp_counter *counter = NULL;

	(void)state;
	make_ground(&ground);
	watched = true;
	(void)dhp_counter_create(ground.engine, &counter);
	watched = false;
	assert_true(peek(&asked_for_memory) > 0 && peek(&slept) > 0);
	poke(&slept, 0);
	watched = true;
	(void)dhp_arrival_drain(ground.engine);
	(void)dhp_dpc_flush(ground.engine);
	watched = false;
	assert_true(peek(&slept) > 0);
	assert_ok(dhp_counter_destroy(counter));
	end_ground(&ground);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_dispatch_may_call_works_alike_in_threads_and_dpcs_S042),
		cmocka_unit_test(also_while_a_processor_is_being_added_S042),
		cmocka_unit_test(also_while_an_arrival_is_delivered_S042),
		cmocka_unit_test(also_while_a_device_is_asked_to_stop_S042),
		cmocka_unit_test(the_watch_notices_who_allocates_or_sleeps),
	};

	return cmocka_run_group_tests_name("dispatch_routines", tests, NULL, NULL);
}
