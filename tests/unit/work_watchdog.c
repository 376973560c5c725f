/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog: off unless asked for, counts what takes too long, tells a routine what it has left.
 */
#include "work_hold.h"

#include <dhp/call.h>

#include "work.h"

#define MS 1000000u
#define HOUR_NS 3600000000000u

static struct dhp_engine *make_watched(uint64_t run_ns, uint64_t sequence_ns)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 1, .initial_count = 1 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .watchdog_run_ns = run_ns,
		.watchdog_sequence_ns = sequence_ns };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

struct worker {
	struct dhp_dpc dpc;
	bool until_asked; /* goes on until it is told to yield, otherwise for 3 ms */
	uint64_t yielded_at_first;
	uint64_t status, refused;
	struct dhp_watchdog before, after;
};

static void work_on(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct worker *worker = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	worker->yielded_at_first = dhp_dpc_should_yield();
	worker->refused = (uint64_t)(int64_t)dhp_dpc_watchdog_read(NULL);
	worker->status = (uint64_t)(int64_t)dhp_dpc_watchdog_read(&worker->before);
	if (worker->until_asked)
		while (!dhp_dpc_should_yield())
			continue;
	else
		sleep_us(3000);
	(void)dhp_dpc_watchdog_read(&worker->after);
}

/* All in one batch. */
static void run(struct dhp_engine *engine, struct worker *workers, uint32_t count, bool threaded)
{
	struct hold hold;

	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < count; i++) {
		assert_ok(threaded ? dhp_dpc_init_threaded(&workers[i].dpc, engine, work_on, &workers[i])
				   : dhp_dpc_init(&workers[i].dpc, engine, work_on, &workers[i]));
		assert_ok(dhp_dpc_insert(&workers[i].dpc, NULL, NULL));
	}
	hold_release(&hold);
	flush(engine);
}

static void it_is_off_unless_asked_for_S675_S672(void **state)
{
	struct dhp_engine *engine = make_watched(0, 0);
	struct worker worker = { .until_asked = false };

	(void)state;
	run(engine, &worker, 1, false);
	assert_int_equal(stats_of(engine, 0).long_run_count, 0);
	assert_int_equal(stats_of(engine, 0).longest_run_ns, 0);
	assert_int_equal(worker.status, DHP_OK);
	assert_int_equal(worker.after.run_limit_ns, 0);
	assert_int_equal(worker.after.sequence_limit_ns, 0);
	assert_int_equal(worker.yielded_at_first, 0);
	end_engine(engine);
}

static void a_long_run_is_counted_and_goes_on_S671_S675(void **state)
{
	struct dhp_engine *engine = make_watched(MS, 0);
	struct worker workers[2] = { { .until_asked = false } };
	struct dhp_processor_stats stats;

	(void)state;
	run(engine, workers, 2, false);
	stats = stats_of(engine, 0);
	assert_true(stats.long_run_count >= 2); /* the one that holds may be long too */
	assert_true(stats.longest_run_ns >= 3 * MS);
	assert_int_equal(stats.long_sequence_count, 0);
	assert_int_equal(workers[1].after.run_left_ns, 0);
	end_engine(engine);
}

static void within_the_limits_nothing_is_counted_S671(void **state)
{
	struct dhp_engine *engine = make_watched(HOUR_NS, HOUR_NS);
	struct worker worker = { .until_asked = false };

	(void)state;
	run(engine, &worker, 1, false);
	assert_int_equal(stats_of(engine, 0).long_run_count, 0);
	assert_int_equal(stats_of(engine, 0).long_sequence_count, 0);
	assert_true(stats_of(engine, 0).longest_run_ns >= 3 * MS);
	assert_int_equal(worker.yielded_at_first, 0); /* S-673 */
	end_engine(engine);
}

static void a_long_sequence_is_counted_once_S671(void **state)
{
	struct dhp_engine *engine = make_watched(0, 8 * MS);
	struct worker workers[8];

	(void)state;
	memset(workers, 0, sizeof(workers));
	run(engine, workers, 8, false);
	/* The holder's batch and the workers' follow each other without a rest. */
	assert_int_equal(stats_of(engine, 0).long_sequence_count, 1);
	assert_int_equal(stats_of(engine, 0).long_run_count, 0);
	assert_true(workers[1].before.sequence_left_ns <= 5 * MS); /* the first took three */
	assert_int_equal(workers[7].after.sequence_left_ns, 0);
	end_engine(engine);
}

/* Without a holder, which would be at dispatch level. */
static void threaded_runs_have_the_run_limit_and_no_sequence_S671_S661(void **state)
{
	struct dhp_engine *engine = make_watched(MS, MS);
	struct worker workers[3];

	(void)state;
	memset(workers, 0, sizeof(workers));
	for (uint32_t i = 0; i < 3; i++) {
		assert_ok(dhp_dpc_init_threaded(&workers[i].dpc, engine, work_on, &workers[i]));
		assert_ok(dhp_dpc_insert(&workers[i].dpc, NULL, NULL));
	}
	flush(engine);
	assert_int_equal(stats_of(engine, 0).long_run_count, 3);
	assert_int_equal(stats_of(engine, 0).long_sequence_count, 0);
	assert_int_equal(workers[2].after.sequence_left_ns, MS);
	assert_int_equal(workers[2].status, DHP_OK);
	end_engine(engine);
}

static void a_routine_is_told_to_yield_near_a_limit_S673(void **state)
{
	static const uint64_t limits[2][2] = { { 4 * MS, 0 }, { 0, 4 * MS } };

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct dhp_engine *engine = make_watched(limits[i][0], limits[i][1]);
		struct worker worker = { .until_asked = true };
		const struct dhp_watchdog *after = &worker.after;

		run(engine, &worker, 1, false);
		assert_true(i == 0 ? after->run_left_ns <= MS : after->sequence_left_ns <= MS);
		assert_int_equal(after->run_limit_ns, limits[i][0]);
		assert_int_equal(after->sequence_limit_ns, limits[i][1]);
		end_engine(engine);
	}
}

/* Raised, a thread may ask, and learns that it has no limit. */
static void at_dispatch_level_there_is_an_answer_S672(void **state)
{
	struct dhp_watchdog watchdog = { .run_limit_ns = 7, .sequence_left_ns = 7 };
	enum dhp_level before = dhp_level_raise(DHP_DISPATCH);
	enum dhp_status status = dhp_dpc_watchdog_read(&watchdog);
	bool yield = dhp_dpc_should_yield();

	(void)state;
	dhp_level_lower(before);
	assert_ok(status);
	assert_false(yield);
	assert_int_equal(watchdog.run_limit_ns, 0);
	assert_int_equal(watchdog.run_left_ns, 0);
	assert_int_equal(watchdog.sequence_limit_ns, 0);
	assert_int_equal(watchdog.sequence_left_ns, 0);
	assert_status(dhp_dpc_watchdog_read(&watchdog), DHP_NOT_IN_DPC);
}

/* The one that took long is the one that has it in its counters. */
static void each_processor_has_its_own_counters_S675(void **state)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 2, .initial_count = 2 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .watchdog_run_ns = MS };
	struct dhp_engine *engine = NULL;
	struct worker worker = { .until_asked = false };

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_dpc_init(&worker.dpc, engine, work_on, &worker));
	assert_ok(dhp_dpc_set_target(&worker.dpc, 1));
	for (uint32_t i = 1; i <= 2; i++) {
		assert_ok(dhp_dpc_insert(&worker.dpc, NULL, NULL));
		flush(engine);
		assert_int_equal(stats_of(engine, 0).long_run_count, 0);
		assert_int_equal(stats_of(engine, 0).longest_run_ns, 0);
		assert_int_equal(stats_of(engine, 1).long_run_count, i);
		assert_true(stats_of(engine, 1).longest_run_ns >= 3 * MS);
	}
	end_engine(engine);
}

static void the_budget_is_for_dpcs_only_S672(void **state)
{
	struct dhp_engine *engine = make_watched(HOUR_NS, 0);
	struct dhp_watchdog watchdog = { .run_limit_ns = 7 };
	struct worker worker = { .until_asked = false };

	(void)state;
	assert_status(dhp_dpc_watchdog_read(&watchdog), DHP_NOT_IN_DPC);
	assert_int_equal(watchdog.run_limit_ns, 7);
	assert_status(dhp_dpc_watchdog_read(NULL), DHP_BAD_RESULT);
	assert_false(dhp_dpc_should_yield());
	run(engine, &worker, 1, false);
	assert_int_equal((int64_t)worker.refused, DHP_BAD_RESULT);
	assert_int_equal(worker.status, DHP_OK);
	assert_int_equal(worker.before.run_limit_ns, HOUR_NS);
	assert_true(worker.after.run_left_ns < worker.before.run_left_ns);
	end_engine(engine);
}

static uint64_t asked_in_reclaim;

/* A thread of the engine's that is no worker, and holds a lock. */
static void ask_in_reclaim(struct dhp_deferred *deferred)
{
	enum dhp_level before = dhp_level_raise(DHP_DISPATCH);
	struct dhp_watchdog watchdog;

	(void)deferred;
	if (!dhp_dpc_should_yield() && dhp_dpc_watchdog_read(&watchdog) == DHP_OK && watchdog.run_limit_ns == 0)
		poke(&asked_in_reclaim, 1);
	dhp_level_lower(before);
}

static void a_reclaim_that_holds_a_lock_is_no_dpc_S672_S673(void **state)
{
	struct dhp_engine *engine = make_watched(HOUR_NS, HOUR_NS);
	struct dhp_deferred deferred;

	(void)state;
	poke(&asked_in_reclaim, 0);
	assert_ok(dhp_epoch_defer(engine, &deferred, ask_in_reclaim));
	assert_ok(dhp_epoch_drain(engine));
	assert_int_equal(peek(&asked_in_reclaim), 1);
	end_engine(engine);
}

/* ---- a call on all processors waits for the last of them: that is no long run of the others ---- */

static uintptr_t call_nothing(void *argument)
{
	(void)argument;
	return 0;
}

static void *call_all(void *argument)
{
	(void)dhp_call_all(argument, call_nothing, NULL, NULL);
	return NULL;
}

static bool is_busy_elsewhere(void *context)
{
	return at_load_relaxed_u32(&((struct dhp_engine *)context)->work->call.arrived) == 1;
}

static void waiting_for_the_others_in_a_call_is_no_run_S671(void **state)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 2, .initial_count = 2 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .watchdog_run_ns = MS,
		.watchdog_sequence_ns = MS };
	struct dhp_engine *engine = NULL;
	struct helper helper;
	struct hold hold;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	hold_processor(&hold, engine, 0);
	helper_start(&helper, call_all, engine);
	assert_true(wait_until(is_busy_elsewhere, engine));
	sleep_us(3000);
	hold_release(&hold);
	helper_join(&helper);
	flush(engine);
	assert_int_equal(stats_of(engine, 0).long_run_count, 1);
	assert_int_equal(stats_of(engine, 1).long_run_count, 0);
	assert_int_equal(stats_of(engine, 1).long_sequence_count, 0);
	assert_int_equal(stats_of(engine, 1).longest_run_ns, 0);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_off_unless_asked_for_S675_S672),
		cmocka_unit_test(a_long_run_is_counted_and_goes_on_S671_S675),
		cmocka_unit_test(within_the_limits_nothing_is_counted_S671),
		cmocka_unit_test(a_long_sequence_is_counted_once_S671),
		cmocka_unit_test(threaded_runs_have_the_run_limit_and_no_sequence_S671_S661),
		cmocka_unit_test(a_routine_is_told_to_yield_near_a_limit_S673),
		cmocka_unit_test(at_dispatch_level_there_is_an_answer_S672),
		cmocka_unit_test(waiting_for_the_others_in_a_call_is_no_run_S671),
		cmocka_unit_test(each_processor_has_its_own_counters_S675),
		cmocka_unit_test(the_budget_is_for_dpcs_only_S672),
		cmocka_unit_test(a_reclaim_that_holds_a_lock_is_no_dpc_S672_S673),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
