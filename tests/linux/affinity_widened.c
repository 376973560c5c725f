/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another process widens, narrows and widens again the affinity of a process that has an engine.
 */
#include "child.h"

#include <sched.h>
#include <unistd.h>

#define CPUS 8u
#define POOL 64u

struct cpus {
	uint32_t ids[CPUS];
	uint32_t count;
};

/* Words shared with the child. */
enum { STAGE, TOLD };

static void need_two_cpus(struct cpus *cpus)
{
	cpus->count = usable_cpus(cpus->ids, CPUS);
	if (cpus->count >= 2)
		return;
	print_message("this process may use one cpu only\n");
	skip();
}

/* ---- the child ---- */

struct newcomer {
	struct dhp_engine *engine;
	uint64_t starts, completes, failures, wrong;
	uint64_t aimed_runs, elsewhere;
	uint64_t veto; /* the next Start is refused */
	uint32_t last_cpu, last_index;
	struct dhp_dpc in_start[CPUS], in_complete[CPUS]; /* by index: several may come at one look */
};

static struct dhp_engine *make_machine(uint32_t flags, int32_t watch_thread)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = flags, .poll_interval_ms = 5,
		.watch_thread = watch_thread };
	struct dhp_engine *engine = NULL;

	require_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static void run_on(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct newcomer *newcomer = context;
	uint32_t cpu = (uint32_t)(uintptr_t)argument_1, index = (uint32_t)(uintptr_t)argument_2;

	(void)dpc;
	if (sched_getcpu() != (int)cpu || dhp_index_here(newcomer->engine) != index)
		(void)bump(&newcomer->elsewhere);
	(void)bump(&newcomer->aimed_runs);
}

static void aim(struct newcomer *newcomer, struct dhp_dpc *dpc, const struct dhp_processor_change *change)
{
	if (dhp_dpc_init(dpc, newcomer->engine, run_on, newcomer) != DHP_OK ||
	    dhp_dpc_set_target(dpc, change->index) != DHP_OK ||
	    dhp_dpc_insert(dpc, (void *)(uintptr_t)change->cpu, (void *)(uintptr_t)change->index) != DHP_OK)
		(void)bump(&newcomer->wrong);
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct newcomer *newcomer = context;

	if (change->state == DHP_CHANGE_START) {
		if (peek(&newcomer->starts) != peek(&newcomer->completes) + peek(&newcomer->failures))
			(void)bump(&newcomer->wrong);
		newcomer->last_cpu = change->cpu;
		newcomer->last_index = change->index;
		if (peek(&newcomer->veto) != 0)
			*status = DHP_VETOED;
		else
			aim(newcomer, &newcomer->in_start[change->index], change); /* S-155 */
		poke(&newcomer->veto, 0);
		(void)bump(&newcomer->starts);
		return;
	}
	if (change->cpu != newcomer->last_cpu || change->index != newcomer->last_index)
		(void)bump(&newcomer->wrong);
	if (change->state == DHP_CHANGE_COMPLETE)
		aim(newcomer, &newcomer->in_complete[change->index], change);
	(void)bump(change->state == DHP_CHANGE_COMPLETE ? &newcomer->completes : &newcomer->failures);
}

static struct dhp_counts counts_in_child(struct dhp_engine *engine)
{
	struct dhp_counts counts = { .active = 0 };

	require_ok(dhp_counts_read(engine, &counts));
	return counts;
}

struct usable_wait {
	struct dhp_engine *engine;
	uint32_t usable;
};

static bool has_usable(void *context)
{
	const struct usable_wait *wait = context;

	return counts_in_child(wait->engine).usable == wait->usable;
}

static void wait_for_usable(struct dhp_engine *engine, uint32_t usable)
{
	struct usable_wait wait = { .engine = engine, .usable = usable };

	require(wait_until(has_usable, &wait));
}

static void wait_for_word(const uint64_t *word, uint64_t at_least)
{
	require(wait_for_count(word, at_least));
}

static void wait_for_arrivals(struct newcomer *newcomer, uint64_t completes)
{
	require(wait_for_count(&newcomer->completes, completes));
	require_ok(dhp_dpc_flush(newcomer->engine));
}

/* Work flows all the time, and none is lost while processors arrive. */
struct flow {
	struct dhp_dpc dpcs[POOL];
	uint64_t runs, inserted;
	uint64_t stop;
	struct dhp_engine *engine;
};

static void flow_on(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct flow *flow = context;

	(void)argument_1;
	(void)argument_2;
	(void)bump(&flow->runs);
	if (peek(&flow->stop) == 0 && dhp_dpc_insert(dpc, NULL, NULL) == DHP_OK)
		(void)bump(&flow->inserted);
}

static void start_flow(struct flow *flow, struct dhp_engine *engine)
{
	memset(flow, 0, sizeof(*flow));
	flow->engine = engine;
	for (uint32_t i = 0; i < POOL; i++) {
		require_ok(dhp_dpc_init(&flow->dpcs[i], engine, flow_on, flow));
		require_ok(dhp_dpc_insert(&flow->dpcs[i], NULL, NULL));
		(void)bump(&flow->inserted);
	}
}

static void stop_flow(struct flow *flow)
{
	poke(&flow->stop, 1);
	require_ok(dhp_dpc_flush(flow->engine));
	require_ok(dhp_dpc_flush(flow->engine)); /* those that inserted themselves once more */
	require(peek(&flow->runs) == peek(&flow->inserted));
}

static void live_through_changes(uint64_t *words, void *argument)
{
	static struct newcomer newcomer;
	static struct flow flow;
	const struct cpus *cpus = argument;
	struct dhp_notify *notify = NULL;
	struct dhp_counts counts;
	struct dhp_processor processor;
	uint64_t generation;

	require(confine(0, cpus->ids, 1));
	newcomer.engine = make_machine(0, 0);
	counts = counts_in_child(newcomer.engine);
	require(counts.active == 1 && counts.usable == 1 && counts.maximum >= cpus->count);
	require_ok(dhp_processor_at(newcomer.engine, 0, &processor));
	require(processor.cpu == cpus->ids[0]);
	require_ok(dhp_notify_register(newcomer.engine, hear, &newcomer, 0, &notify));
	start_flow(&flow, newcomer.engine);
	generation = counts.generation;

	poke(&words[STAGE], 1); /* widened now */
	wait_for_arrivals(&newcomer, cpus->count - 1);
	counts = counts_in_child(newcomer.engine);
	require(counts.active == cpus->count && counts.usable == cpus->count && counts.generation > generation);
	generation = counts.generation;

	poke(&words[STAGE], 2); /* narrowed now: S-006 */
	wait_for_usable(newcomer.engine, 1);
	counts = counts_in_child(newcomer.engine);
	require(counts.active == cpus->count && counts.generation > generation);
	generation = counts.generation;

	poke(&words[STAGE], 3); /* widened again */
	wait_for_usable(newcomer.engine, cpus->count);
	counts = counts_in_child(newcomer.engine);
	require(counts.active == cpus->count && counts.generation > generation);
	require(peek(&newcomer.starts) == cpus->count - 1 && peek(&newcomer.completes) == cpus->count - 1);
	require(peek(&newcomer.failures) == 0 && peek(&newcomer.wrong) == 0);
	require(peek(&newcomer.aimed_runs) == 2 * (cpus->count - 1) && peek(&newcomer.elsewhere) == 0);
	stop_flow(&flow);
	dhp_notify_unregister(notify);
	require_ok(dhp_engine_destroy(newcomer.engine));
}

static void widened_narrowed_and_widened_from_outside_S006_S011_S013(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	need_two_cpus(&cpus);
	child_start(&child, live_through_changes, &cpus);
	if (child_reached(&child, STAGE, 1))
		assert_true(confine(child.pid, cpus.ids, cpus.count));
	if (child_reached(&child, STAGE, 2))
		assert_true(confine(child.pid, cpus.ids, 1));
	if (child_reached(&child, STAGE, 3))
		assert_true(confine(child.pid, cpus.ids, cpus.count));
	child_end(&child);
}

/* ---- a processor that was refused is left alone until somebody asks ---- */

static uint64_t rescans(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	require_ok(dhp_engine_stats_read(engine, &stats));
	return stats.rescans_count;
}

static void refuse_once(uint64_t *words, void *argument)
{
	static struct newcomer newcomer;
	const struct cpus *cpus = argument;
	struct dhp_notify *notify = NULL;
	uint64_t looks;

	require(confine(0, cpus->ids, 1));
	newcomer.engine = make_machine(0, 0);
	require_ok(dhp_notify_register(newcomer.engine, hear, &newcomer, 0, &notify));
	poke(&newcomer.veto, 1);
	poke(&words[STAGE], 1);
	wait_for_word(&newcomer.failures, 1);
	looks = rescans(newcomer.engine);
	while (rescans(newcomer.engine) < looks + 5)
		sleep_us(1000);
	require(peek(&newcomer.starts) == 1);
	require(counts_in_child(newcomer.engine).active == 1);
	poke(&newcomer.veto, 1);
	require(dhp_engine_rescan(newcomer.engine) == DHP_VETOED);
	require(peek(&newcomer.failures) == 2);
	require_ok(dhp_engine_rescan(newcomer.engine));
	require(peek(&newcomer.completes) == 1);
	require_ok(dhp_dpc_flush(newcomer.engine));
	require(peek(&newcomer.elsewhere) == 0 && peek(&newcomer.wrong) == 0);
	dhp_notify_unregister(notify);
	require_ok(dhp_engine_destroy(newcomer.engine));
}

static void refused_processor_is_tried_again_when_asked_S182(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	need_two_cpus(&cpus);
	child_start(&child, refuse_once, &cpus);
	if (child_reached(&child, STAGE, 1))
		assert_true(confine(child.pid, cpus.ids, 2));
	child_end(&child);
}

/* ---- one that goes and comes back is tried again by itself ---- */

static void refuse_and_see_it_again(uint64_t *words, void *argument)
{
	static struct newcomer newcomer;
	const struct cpus *cpus = argument;
	struct dhp_notify *notify = NULL;
	uint64_t looks;

	require(confine(0, cpus->ids, 1));
	newcomer.engine = make_machine(0, 0);
	require_ok(dhp_notify_register(newcomer.engine, hear, &newcomer, 0, &notify));
	poke(&newcomer.veto, 1);
	poke(&words[STAGE], 1);
	wait_for_word(&newcomer.failures, 1);
	poke(&words[STAGE], 2);
	wait_for_word(&words[TOLD], 2);
	looks = rescans(newcomer.engine);
	while (rescans(newcomer.engine) < looks + 2)
		sleep_us(1000);
	poke(&words[STAGE], 3);
	wait_for_arrivals(&newcomer, 1);
	require(peek(&newcomer.starts) == 2);
	dhp_notify_unregister(notify);
	require_ok(dhp_engine_destroy(newcomer.engine));
}

static void refused_processor_that_comes_anew_is_tried_again(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	need_two_cpus(&cpus);
	child_start(&child, refuse_and_see_it_again, &cpus);
	if (child_reached(&child, STAGE, 1))
		assert_true(confine(child.pid, cpus.ids, 2));
	if (child_reached(&child, STAGE, 2))
		assert_true(confine(child.pid, cpus.ids, 1));
	poke(&child.words[TOLD], 2);
	if (child_reached(&child, STAGE, 3))
		assert_true(confine(child.pid, cpus.ids, 2));
	child_end(&child);
}

/* ---- without watching, only a look finds it ---- */

static void look_when_asked(uint64_t *words, void *argument)
{
	static struct newcomer newcomer;
	const struct cpus *cpus = argument;
	struct dhp_notify *notify = NULL;

	(void)words;
	require(confine(0, cpus->ids, 1));
	newcomer.engine = make_machine(DHP_ENGINE_NO_WATCH, 0);
	require_ok(dhp_notify_register(newcomer.engine, hear, &newcomer, 0, &notify));
	require(confine(0, cpus->ids, 2));
	require(counts_in_child(newcomer.engine).active == 1);
	require_ok(dhp_engine_rescan(newcomer.engine));
	require(counts_in_child(newcomer.engine).active == 2);
	require(peek(&newcomer.completes) == 1);
	require_ok(dhp_engine_rescan(newcomer.engine));
	require(peek(&newcomer.starts) == 1);
	require_ok(dhp_dpc_flush(newcomer.engine));
	require(peek(&newcomer.aimed_runs) == 2 && peek(&newcomer.elsewhere) == 0);
	dhp_notify_unregister(notify);
	require_ok(dhp_engine_destroy(newcomer.engine));
}

static void without_watching_only_a_rescan_finds_it(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	need_two_cpus(&cpus);
	child_start(&child, look_when_asked, &cpus);
	child_end(&child);
}

/* ---- another thread than the main one is watched ---- */

struct watched {
	uint64_t id, end;
};

static void *be_watched(void *argument)
{
	struct watched *watched = argument;

	poke(&watched->id, (uint64_t)gettid());
	while (peek(&watched->end) == 0)
		sleep_us(1000);
	return NULL;
}

static void watch_another_thread(uint64_t *words, void *argument)
{
	static struct newcomer newcomer;
	static struct watched watched;
	const struct cpus *cpus = argument;
	struct dhp_notify *notify = NULL;
	pthread_t thread;

	require(confine(0, cpus->ids, 1));
	require(pthread_create(&thread, NULL, be_watched, &watched) == 0);
	wait_for_word(&watched.id, 1);
	newcomer.engine = make_machine(0, (int32_t)peek(&watched.id));
	require_ok(dhp_notify_register(newcomer.engine, hear, &newcomer, 0, &notify));
	poke(&words[TOLD], peek(&watched.id));
	poke(&words[STAGE], 1);
	wait_for_arrivals(&newcomer, 1);
	require(peek(&newcomer.elsewhere) == 0 && peek(&newcomer.wrong) == 0);
	dhp_notify_unregister(notify);
	require_ok(dhp_engine_destroy(newcomer.engine));
	poke(&watched.end, 1);
	require(pthread_join(thread, NULL) == 0);
}

static void another_thread_may_be_watched(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	need_two_cpus(&cpus);
	child_start(&child, watch_another_thread, &cpus);
	if (child_reached(&child, STAGE, 1))
		assert_true(confine((pid_t)peek(&child.words[TOLD]), cpus.ids, 2));
	child_end(&child);
}

/* ---- one cpu is enough ---- */

static void live_on_one_cpu(uint64_t *words, void *argument)
{
	static struct flow flow;
	const struct cpus *cpus = argument;
	struct dhp_engine *engine;
	struct dhp_counter *counter = NULL;

	(void)words;
	require(confine(0, &cpus->ids[cpus->count - 1], 1));
	engine = make_machine(0, 0);
	require(counts_in_child(engine).active == 1);
	start_flow(&flow, engine);
	require_ok(dhp_counter_create(engine, &counter));
	for (int i = 0; i < 1000; i++)
		dhp_counter_add(counter, 1);
	require(dhp_counter_sum(counter) == 1000);
	require_ok(dhp_epoch_synchronize(engine));
	require_ok(dhp_counter_destroy(counter));
	stop_flow(&flow);
	require_ok(dhp_engine_destroy(engine));
}

static void one_cpu_is_enough_S008(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	cpus.count = usable_cpus(cpus.ids, CPUS);
	child_start(&child, live_on_one_cpu, &cpus);
	child_end(&child);
}

/* ---- the slot of a pinned thread, and of one on a processor that has not arrived ---- */

static void stand_on_each_cpu(uint64_t *words, void *argument)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	const struct cpus *cpus = argument;
	struct dhp_engine *engine;
	struct dhp_percpu *array = NULL;

	(void)words;
	require(confine(0, cpus->ids, 1));
	engine = make_machine(DHP_ENGINE_NO_WATCH, 0);
	require_ok(dhp_percpu_create(engine, &options, &array));
	require(dhp_percpu_here(array) == dhp_percpu_at(array, 0));
	require(dhp_percpu_here_slow(array) == dhp_percpu_at(array, 0));
	require(confine(0, &cpus->ids[1], 1));
	require(dhp_percpu_here(array) == dhp_percpu_fallback(array));
	require(dhp_index_here(engine) == 0);
	require_ok(dhp_engine_rescan(engine));
	require(dhp_percpu_here(array) == dhp_percpu_at(array, 1));
	require(dhp_percpu_here_slow(array) == dhp_percpu_at(array, 1));
	require(dhp_index_here(engine) == 1);
	require(confine(0, cpus->ids, 1));
	require(dhp_percpu_here(array) == dhp_percpu_at(array, 0));
	require_ok(dhp_percpu_destroy(array));
	require_ok(dhp_engine_destroy(engine));
}

static void pinned_thread_has_the_slot_of_its_cpu_S035(void **state)
{
	struct cpus cpus;
	struct child child;

	(void)state;
	need_two_cpus(&cpus);
	child_start(&child, stand_on_each_cpu, &cpus);
	child_end(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widened_narrowed_and_widened_from_outside_S006_S011_S013),
		cmocka_unit_test(refused_processor_is_tried_again_when_asked_S182),
		cmocka_unit_test(refused_processor_that_comes_anew_is_tried_again),
		cmocka_unit_test(without_watching_only_a_rescan_finds_it),
		cmocka_unit_test(another_thread_may_be_watched),
		cmocka_unit_test(one_cpu_is_enough_S008),
		cmocka_unit_test(pinned_thread_has_the_slot_of_its_cpu_S035),
	};

	return cmocka_run_group_tests_name("affinity_widened", tests, NULL, NULL);
}
