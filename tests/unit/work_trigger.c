/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a sleeping processor is woken: at once, when some more waits for it, or when a tick is over.
 *
 * The tick is an hour where nothing is to run for its sake.
 */
#include "work_hold.h"

#include "queue.h"

#define HOUR_US 3600000000u

static struct dhp_engine *make_ticking(uint32_t processors, uint32_t tick_us)
{
	const struct dhp_sim_options sim = {
		.size = sizeof(sim), .maximum_count = processors, .initial_count = processors
	};
	const struct dhp_engine_options options = {
		.size = sizeof(options), .spin_ns = 1, .sim = &sim, .tick_us = tick_us
	};
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

/* ---- every worker sleeps ---- */

static bool all_sleep(void *context)
{
	struct dhp_engine *engine = context;

	for (uint32_t index = 0; index < active_count(engine); index++)
		if (at_load_relaxed_u32(&dhpi_queue_of_index(engine->work, index)->asleep) == 0)
			return false;
	return true;
}

static uint64_t parks_of(struct dhp_engine *engine)
{
	uint64_t parks = 0;

	for (uint32_t index = 0; index < active_count(engine); index++)
		parks += stats_of(engine, index).park_count;
	return parks;
}

/* And go on sleeping: the last of several wake-ups may still be on its way. */
static void wait_until_all_sleep(struct dhp_engine *engine)
{
	uint64_t parks;

	do {
		assert_true(wait_until(all_sleep, engine));
		parks = parks_of(engine);
		sleep_us(10000);
	} while (!all_sleep(engine) || parks_of(engine) != parks);
}

/* From the main thread, which is where index 0 is. */
static void insert_one(struct dhp_engine *engine, struct tick *tick, uint32_t index, enum dhp_importance importance,
		       bool threaded)
{
	tick_init(tick, engine, index);
	if (threaded)
		assert_ok(dhp_dpc_init_threaded(&tick->dpc, engine, tick_routine, tick));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&tick->dpc, index));
	assert_ok(dhp_dpc_set_importance(&tick->dpc, importance));
	tick_insert(tick);
}

static void assert_waits(enum dhp_importance importance, uint32_t index)
{
	struct dhp_engine *engine = make_ticking(2, HOUR_US);
	struct tick tick;

	wait_until_all_sleep(engine);
	insert_one(engine, &tick, index, importance, false);
	sleep_us(4000);
	assert_int_equal(peek(&tick.runs), 0);
	assert_int_equal(deferred_of(engine), 1);
	assert_int_equal(wakes_of(engine), 0);
	flush(engine); /* does not wait for the tick */
	assert_int_equal(peek(&tick.runs), 1);
	end_engine(engine);
}

static void low_waits_here_and_elsewhere_medium_elsewhere_S625(void **state)
{
	(void)state;
	assert_waits(DHP_IMPORTANCE_LOW, 0);
	assert_waits(DHP_IMPORTANCE_LOW, DHP_NO_INDEX);
	assert_waits(DHP_IMPORTANCE_LOW, 1);
	assert_waits(DHP_IMPORTANCE_MEDIUM, 1);
}

static void assert_at_once(enum dhp_importance importance, uint32_t index, bool threaded)
{
	struct dhp_engine *engine = make_ticking(2, HOUR_US);
	struct tick tick;

	wait_until_all_sleep(engine);
	insert_one(engine, &tick, index, importance, threaded);
	assert_true(wait_for_count(&tick.runs, 1));
	assert_int_equal(deferred_of(engine), 0);
	flush(engine);
	end_engine(engine);
}

static void the_others_are_processed_at_once_S625(void **state)
{
	(void)state;
	assert_at_once(DHP_IMPORTANCE_MEDIUM, 0, false);
	assert_at_once(DHP_IMPORTANCE_MEDIUM, DHP_NO_INDEX, false);
	for (uint32_t index = 0; index < 2; index++) {
		assert_at_once(DHP_IMPORTANCE_MEDIUM_HIGH, index, false);
		assert_at_once(DHP_IMPORTANCE_HIGH, index, false);
	}
}

static void importance_says_nothing_about_when_a_threaded_dpc_runs_S632(void **state)
{
	(void)state;
	for (uint32_t importance = 0; importance <= 3; importance++)
		assert_at_once((enum dhp_importance)importance, 1, true);
}

static void the_fourth_that_waits_wakes_the_processor_S630(void **state)
{
	struct dhp_engine *engine = make_ticking(2, HOUR_US);
	struct tick ticks[4];

	(void)state;
	for (uint32_t round = 1; round <= 3; round++) {
		wait_until_all_sleep(engine);
		for (uint32_t i = 0; i < 3; i++)
			insert_one(engine, &ticks[i], 1, i % 2 == 0 ? DHP_IMPORTANCE_MEDIUM : DHP_IMPORTANCE_LOW, false);
		sleep_us(2000);
		assert_int_equal(ticks_run(ticks, 3), 0);
		insert_one(engine, &ticks[3], 1, DHP_IMPORTANCE_MEDIUM, false);
		assert_true(wait_for_ticks(ticks, 4, 4));
		assert_int_equal(deferred_of(engine), 3 * round);
		flush(engine);
	}
	end_engine(engine);
}

/* What does not wait takes those along that do. */
static void one_that_is_processed_at_once_takes_the_waiting_along_S625(void **state)
{
	struct dhp_engine *engine = make_ticking(2, HOUR_US);
	struct tick low, urgent;

	(void)state;
	wait_until_all_sleep(engine);
	insert_one(engine, &low, 1, DHP_IMPORTANCE_LOW, false);
	insert_one(engine, &urgent, 1, DHP_IMPORTANCE_MEDIUM_HIGH, false);
	assert_true(wait_for_count(&low.runs, 1));
	assert_true(wait_for_count(&urgent.runs, 1));
	flush(engine);
	end_engine(engine);
}

static void what_waits_runs_when_the_tick_is_over_S631(void **state)
{
	struct dhp_engine *engine = make_ticking(3, 2000);
	struct tick ticks[3];

	(void)state;
	for (uint32_t round = 0; round < 5; round++) {
		wait_until_all_sleep(engine);
		for (uint32_t index = 0; index < 3; index++)
			insert_one(engine, &ticks[index], index, DHP_IMPORTANCE_LOW, false);
		assert_true(wait_for_ticks(ticks, 3, 3));
		flush(engine);
		for (uint32_t index = 0; index < 3; index++)
			assert_int_equal(peek(&ticks[index].index), index);
	}
	assert_true(deferred_of(engine) > 0);
	end_engine(engine);
}

static void a_removal_does_not_make_the_others_wait_for_ever_S631(void **state)
{
	struct dhp_engine *engine = make_ticking(2, 1000);
	struct tick one, two;

	(void)state;
	for (uint32_t i = 0; i < TIMES(300); i++) {
		enum dhp_status status;

		insert_one(engine, &one, 1, DHP_IMPORTANCE_LOW, false);
		insert_one(engine, &two, 1, DHP_IMPORTANCE_MEDIUM, false);
		status = dhp_dpc_remove(&one.dpc);
		assert_true(status == DHP_OK || status == DHP_NOT_QUEUED);
		assert_true(wait_for_count(&two.runs, 1));
		flush(engine);
	}
	end_engine(engine);
}

/* Several processors, any moment of falling asleep and of the tick: nothing is forgotten. */
static void nothing_that_waits_is_forgotten_S631(void **state)
{
	struct dhp_engine *engine = make_ticking(3, 100);
	struct tick ticks[6];
	uint64_t dice = 11;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		tick_init(&ticks[i], engine, i % 3);
		assert_ok(dhp_dpc_set_importance(&ticks[i].dpc, i < 3 ? DHP_IMPORTANCE_LOW : DHP_IMPORTANCE_MEDIUM));
	}
	for (uint32_t round = 1; round <= TIMES(3000); round++) {
		uint32_t i = (uint32_t)(roll(&dice) % 6);
		uint64_t before = peek(&ticks[i].runs);

		tick_insert(&ticks[i]);
		assert_true(wait_for_count(&ticks[i].runs, before + 1));
	}
	flush(engine);
	end_engine(engine);
}

/* ---- an insert that read the phase before a flush turned it ---- */

struct flusher {
	struct dhp_engine *engine;
	uint32_t gate; /* before */
	enum dhp_status status;
};

static void *flush_all(void *argument)
{
	struct flusher *flusher = argument;

	flusher->status = dhp_dpc_flush(flusher->engine);
	return NULL;
}

static bool gate_was_turned(void *context)
{
	const struct flusher *flusher = context;

	return at_load_acquire_u32(&flusher->engine->work->gate) != flusher->gate;
}

static void a_flush_does_not_leave_a_straggler_to_the_tick_S631_S648(void **state)
{
	struct dhp_engine *engine = make_ticking(2, HOUR_US);
	struct flusher flusher = { .engine = engine, .gate = at_load_relaxed_u32(&engine->work->gate) };
	struct tick straggler, other;
	struct helper helper;
	struct hold hold;

	(void)state;
	wait_until_all_sleep(engine);
	hold_processor(&hold, engine, 0);
	helper_start(&helper, flush_all, &flusher);
	assert_true(wait_until(gate_was_turned, &flusher));
	sleep_us(5000); /* it has been at index 1, and waits for index 0 */
	at_store_release_u32(&engine->work->gate, flusher.gate);
	insert_one(engine, &straggler, 1, DHP_IMPORTANCE_LOW, false);
	at_store_release_u32(&engine->work->gate, flusher.gate ^ DHPI_GATE_PHASE);
	insert_one(engine, &other, 1, DHP_IMPORTANCE_LOW, false);
	assert_ok(dhp_dpc_remove(&other.dpc)); /* this empties the inbox into the lists: the straggler is counted */
	hold_release(&hold);
	assert_true(wait_for_count(&straggler.runs, 1));
	helper_join(&helper);
	assert_ok(flusher.status);
	end_engine(engine);
}

static void an_engine_that_ends_runs_what_waits_S631(void **state)
{
	struct dhp_engine *engine = make_ticking(2, HOUR_US);
	struct tick tick;

	(void)state;
	wait_until_all_sleep(engine);
	insert_one(engine, &tick, 1, DHP_IMPORTANCE_LOW, false);
	end_engine(engine);
	assert_int_equal(peek(&tick.runs), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_waits_here_and_elsewhere_medium_elsewhere_S625),
		cmocka_unit_test(the_others_are_processed_at_once_S625),
		cmocka_unit_test(importance_says_nothing_about_when_a_threaded_dpc_runs_S632),
		cmocka_unit_test(the_fourth_that_waits_wakes_the_processor_S630),
		cmocka_unit_test(one_that_is_processed_at_once_takes_the_waiting_along_S625),
		cmocka_unit_test(what_waits_runs_when_the_tick_is_over_S631),
		cmocka_unit_test(a_removal_does_not_make_the_others_wait_for_ever_S631),
		cmocka_unit_test(nothing_that_waits_is_forgotten_S631),
		cmocka_unit_test(a_flush_does_not_leave_a_straggler_to_the_tick_S631_S648),
		cmocka_unit_test(an_engine_that_ends_runs_what_waits_S631),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
