/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that is meant for a processor which this process may not use for a while.
 */
#include "work_hold.h"

#include <dhp/call.h>

#include "queue.h"

#define COUNT 40u /* more than a batch */

static uint64_t diverted_of(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	assert_ok(dhp_engine_stats_read(engine, &stats));
	return stats.diverted_count;
}

static void set_usable(struct dhp_engine *engine, uint32_t index, bool usable)
{
	struct dhp_processor processor;

	assert_ok(dhp_processor_at(engine, index, &processor));
	assert_ok(dhp_sim_set_usable(engine, processor.cpu, usable));
}

/* ---- aimed at it while it is away ---- */

static void run_where(struct dhp_engine *engine, struct tick *tick, uint32_t expected)
{
	uint64_t before = peek(&tick->runs);

	tick_insert(tick);
	flush(engine);
	assert_int_equal(peek(&tick->runs), before + 1);
	assert_int_equal(peek(&tick->index), expected);
}

static void work_for_a_processor_that_is_away_runs_elsewhere_and_is_counted_S641(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct tick ticks[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		tick_init(&ticks[i], engine, 2);
		assert_ok(dhp_dpc_set_importance(&ticks[i].dpc, (enum dhp_importance)i));
	}
	for (uint32_t i = 0; i < 4; i++)
		run_where(engine, &ticks[i], 2);
	assert_int_equal(diverted_of(engine), 0);
	set_usable(engine, 2, false);
	for (uint32_t i = 0; i < 4; i++)
		run_where(engine, &ticks[i], 3);
	assert_int_equal(diverted_of(engine), 4);
	set_usable(engine, 3, false);
	set_usable(engine, 0, false);
	for (uint32_t i = 0; i < 4; i++)
		run_where(engine, &ticks[i], 1);
	assert_int_equal(diverted_of(engine), 8);
	set_usable(engine, 2, true); /* the target is still what it was: S-640 */
	for (uint32_t i = 0; i < 4; i++)
		run_where(engine, &ticks[i], 2);
	assert_int_equal(diverted_of(engine), 8);
	end_engine(engine);
}

static void threaded_work_goes_elsewhere_too_S641(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 1);
	assert_ok(dhp_dpc_init_threaded(&tick.dpc, engine, tick_routine, &tick));
	assert_ok(dhp_dpc_set_target(&tick.dpc, 1));
	set_usable(engine, 1, false);
	run_where(engine, &tick, 0);
	assert_int_equal(diverted_of(engine), 1);
	end_engine(engine);
}

/* ---- queued before it went ---- */

static uint32_t log_names[COUNT + 8];
static uint64_t log_count;

struct named {
	struct tick tick;
	uint32_t name;
};

static void note(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct named *named = context;

	log_names[bump(&log_count) % LENGTH(log_names)] = named->name;
	tick_routine(dpc, &named->tick, argument_1, argument_2);
}

static void insert_named(struct named *named, struct dhp_engine *engine, uint32_t name, enum dhp_importance importance,
			 bool threaded)
{
	named->name = name;
	tick_init(&named->tick, engine, 1);
	assert_ok(threaded ? dhp_dpc_init_threaded(&named->tick.dpc, engine, note, named)
			   : dhp_dpc_init(&named->tick.dpc, engine, note, named));
	assert_ok(dhp_dpc_set_importance(&named->tick.dpc, importance));
	assert_ok(dhp_dpc_set_target(&named->tick.dpc, 1));
	tick_insert(&named->tick);
}

/* Index 1 is busy, and stays so; everything that waits there moves to index 0 and keeps its order. */
static void what_waits_when_a_processor_goes_runs_elsewhere_in_its_order_S641_S006(void **state)
{
	static const struct {
		enum dhp_importance importance;
		bool threaded;
	} kinds[] = { { DHP_IMPORTANCE_MEDIUM, false }, { DHP_IMPORTANCE_HIGH, false }, { DHP_IMPORTANCE_MEDIUM, true },
		      { DHP_IMPORTANCE_LOW, false },    { DHP_IMPORTANCE_HIGH, false }, { DHP_IMPORTANCE_HIGH, true } };
	static const uint32_t expected[] = { 4, 1, 0, 3, 5, 2 };
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold holds[2];
	struct named named[6];

	(void)state;
	for (uint32_t drained = 0; drained < 2; drained++) {
		poke(&log_count, 0);
		hold_processor(&holds[0], engine, 0);
		hold_processor(&holds[1], engine, 1);
		for (uint32_t i = 0; i < 6; i++)
			insert_named(&named[i], engine, i, kinds[i].importance, kinds[i].threaded);
		if (drained == 1) { /* a removal empties the inbox into the lists */
			struct named other;

			insert_named(&other, engine, 9, DHP_IMPORTANCE_LOW, false);
			assert_ok(dhp_dpc_remove(&other.tick.dpc));
		}
		set_usable(engine, 1, false);
		assert_int_equal(diverted_of(engine), 6 * (drained + 1));
		hold_release(&holds[0]);
		assert_true(wait_for_count(&log_count, 6)); /* index 1 is still busy */
		hold_release(&holds[1]);
		flush(engine);
		assert_int_equal(log_count, 6);
		for (uint32_t i = 0; i < 6; i++) {
			assert_int_equal(log_names[i], expected[i]);
			assert_int_equal(peek(&named[i].tick.index), 0);
		}
		set_usable(engine, 1, true);
	}
	end_engine(engine);
}

/* A batch that has begun, and what is behind it. */
static void what_is_left_of_a_batch_runs_elsewhere_S641(void **state)
{
	static struct named named[COUNT];
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold holds[2], second;

	(void)state;
	poke(&log_count, 0);
	hold_processor(&holds[0], engine, 0);
	hold_processor(&holds[1], engine, 1);
	hold_insert(&second, engine, 1, DHP_IMPORTANCE_MEDIUM);
	for (uint32_t i = 0; i < COUNT; i++)
		insert_named(&named[i], engine, i, DHP_IMPORTANCE_MEDIUM, false);
	hold_release(&holds[1]);
	hold_wait(&second);
	set_usable(engine, 1, false);
	assert_int_equal(diverted_of(engine), COUNT);
	hold_release(&holds[0]);
	assert_true(wait_for_count(&log_count, COUNT));
	hold_release(&second);
	flush(engine);
	assert_int_equal(log_count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(log_names[i], i);
	end_engine(engine);
}

static void what_has_moved_is_removed_and_flushed_where_it_is_S641(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct named removed, left;
	struct hold holds[3];

	(void)state;
	poke(&log_count, 0);
	for (uint32_t i = 0; i < 3; i++)
		hold_processor(&holds[i], engine, i);
	insert_named(&removed, engine, 1, DHP_IMPORTANCE_HIGH, false);
	insert_named(&left, engine, 2, DHP_IMPORTANCE_MEDIUM, false);
	set_usable(engine, 1, false);
	set_usable(engine, 2, false); /* on to index 0 */
	assert_int_equal(diverted_of(engine), 4);
	assert_ok(dhp_dpc_remove(&removed.tick.dpc));
	assert_status(dhp_dpc_remove(&removed.tick.dpc), DHP_NOT_QUEUED);
	assert_status(dhp_dpc_insert(&left.tick.dpc, NULL, NULL), DHP_ALREADY_QUEUED);
	for (uint32_t i = 0; i < 3; i++)
		hold_release(&holds[i]);
	flush(engine);
	assert_int_equal(removed.tick.runs, 0);
	assert_int_equal(left.tick.runs, 1);
	assert_int_equal(peek(&left.tick.index), 0);
	end_engine(engine);
}

/* ---- it takes nothing over while it is away, and does when it is back ---- */

static bool sleeps(void *context)
{
	const struct dhpi_queue *queue = context;

	return at_load_relaxed_u32(&queue->asleep) != 0;
}

static void a_processor_that_is_away_takes_no_share_until_it_is_back_S641_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	struct tick ticks[6], its_own;
	struct hold hold;

	(void)state;
	tick_init(&its_own, engine, DHP_NO_INDEX);
	for (uint32_t i = 0; i < 6; i++)
		tick_init(&ticks[i], engine, DHP_NO_INDEX);
	for (uint64_t round = 1; round <= 20; round++) {
		uint64_t steals = stats_of(engine, 1).steal_count;

		set_usable(engine, 1, false);
		assert_true(wait_until(sleeps, dhpi_queue_of_index(engine->work, 1))); /* its last theft is over */
		hold_processor(&hold, engine, 0);
		for (uint32_t i = 0; i < 6; i++)
			tick_insert(&ticks[i]); /* this thread is nowhere: index 0 */
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
		tick_insert(&its_own); /* what comes to it all the same it runs, and then it looks around */
		dhp_sim_exit();
		assert_true(wait_for_count(&its_own.runs, round));
		sleep_us(2000); /* they must not run, however long this takes */
		assert_int_equal(ticks_run(ticks, 6), 6 * (round - 1));
		set_usable(engine, 1, true);
		assert_true(wait_for_ticks(ticks, 6, 6 * round)); /* index 0 is still busy */
		hold_release(&hold);
		flush(engine);
		assert_true(stats_of(engine, 1).steal_count > steals);
	}
	end_engine(engine);
}

/* Index 0 is busy all the time, and of the others one at least is usable: its worker has to hear of each object. */

struct toggler {
	struct dhp_engine *engine;
	uint64_t over, turns;
};

static void *toggle(void *argument)
{
	struct toggler *me = argument;
	uint32_t cpus[3] = { 0, dhp_sim_cpu(me->engine, 1), dhp_sim_cpu(me->engine, 2) };

	for (uint32_t away = 1; peek(&me->over) == 0; away = 3 - away) {
		(void)dhp_sim_set_usable(me->engine, cpus[away], false);
		(void)dhp_sim_set_usable(me->engine, cpus[away], true);
		(void)bump(&me->turns);
	}
	return NULL;
}

static void no_thief_is_missed_while_others_come_and_go_S641_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(3, 3, 1);
	struct toggler toggler = { .engine = engine };
	struct helper helper;
	struct hold hold;
	struct tick tick;
	uint64_t runs = 0;

	(void)state;
	tick_init(&tick, engine, DHP_NO_INDEX);
	hold_processor(&hold, engine, 0);
	helper_start(&helper, toggle, &toggler);
	while (runs < TIMES(5000) || peek(&toggler.turns) < TIMES(1000)) {
		tick_insert(&tick); /* this thread is nowhere: index 0 */
		assert_true(wait_for_count(&tick.runs, ++runs));
	}
	poke(&toggler.over, 1);
	helper_join(&helper);
	hold_release(&hold);
	flush(engine);
	end_engine(engine);
}

/* It was woken as a thief and went before it looked: the object waits, and index 2 sleeps. */
static void who_was_woken_and_went_hands_on_S641_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(3, 3, 1);
	struct dhpi_queue *gone = dhpi_queue_of_index(engine->work, 1);
	struct tick tick, its_own;
	struct hold hold;

	(void)state;
	tick_init(&tick, engine, DHP_NO_INDEX);
	tick_init(&its_own, engine, DHP_NO_INDEX);
	set_usable(engine, 1, false);
	hold_processor(&hold, engine, 0);
	for (uint64_t runs = 1; runs <= 20; runs++) {
		assert_true(wait_until(sleeps, gone));
		assert_true(wait_until(sleeps, dhpi_queue_of_index(engine->work, 2)));
		at_store_seq_cst_u32(&engine->work->searching, 1);
		tick_insert(&tick); /* this thread is nowhere: index 0 */
		if (runs % 2 == 0) { /* the search has been ended by another meanwhile */
			at_store_seq_cst_u32(&engine->work->searching, 0);
			dhpi_worker_wake(gone);
		} else { /* it has work of its own now */
			assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
			tick_insert(&its_own);
			dhp_sim_exit();
		}
		assert_true(wait_for_count(&tick.runs, runs));
		assert_int_equal(peek(&tick.index), 2);
	}
	hold_release(&hold);
	flush(engine);
	end_engine(engine);
}

static bool nobody_is_idle(void *context)
{
	return at_load_relaxed_u32(&((struct dhp_engine *)context)->work->idle_count) == 0;
}

static void who_is_away_is_not_counted_as_idle_S641(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, 1);
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	assert_true(wait_until(sleeps, queue));
	set_usable(engine, 1, false); /* it was asleep already */
	assert_true(wait_until(nobody_is_idle, engine));
	assert_true(wait_until(sleeps, queue));
	assert_true(nobody_is_idle(engine));
	set_usable(engine, 1, true);
	assert_true(wait_until(sleeps, queue));
	assert_false(nobody_is_idle(engine));
	hold_release(&hold);
	end_engine(engine);
}

/* ---- a call on all processors is for those that are away too: they are active ---- */

struct visit {
	struct dhp_engine *engine;
	uint64_t seen[4];
};

static uintptr_t visit(void *argument)
{
	struct visit *here = argument;

	(void)bump(&here->seen[dhp_index_here(here->engine)]);
	return 0;
}

struct visitor {
	struct visit visit;
	uint64_t begun, status;
};

static void *call_all(void *argument)
{
	struct visitor *visitor = argument;

	(void)bump(&visitor->begun);
	visitor->status = (uint64_t)(int64_t)dhp_call_all(visitor->visit.engine, visit, &visitor->visit, NULL);
	return NULL;
}

static void a_call_on_all_runs_where_it_is_meant_to_S641_S710(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct visitor visitor = { .visit = { .engine = engine } };
	struct helper helper;
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 1);
	helper_start(&helper, call_all, &visitor);
	assert_true(wait_for_count(&visitor.begun, 1));
	sleep_us(5000); /* it waits in the queue of index 1 */
	set_usable(engine, 1, false);
	hold_release(&hold);
	helper_join(&helper);
	assert_int_equal(visitor.status, DHP_OK);
	assert_ok(dhp_call_all(engine, visit, &visitor.visit, NULL));
	for (uint32_t index = 0; index < 3; index++)
		assert_int_equal(visitor.visit.seen[index], 2);
	assert_int_equal(diverted_of(engine), 0);
	end_engine(engine);
}

/* ---- processors come and go while work for them is inserted ---- */

struct inserter {
	struct gate *gate;
	struct tick ticks[8];
	uint64_t over, queued, taken, wrong;
};

static void *insert_all_the_time(void *argument)
{
	struct inserter *me = argument;
	uint64_t dice = 7;

	gate_pass(me->gate);
	while (peek(&me->over) == 0) {
		struct tick *tick = &me->ticks[roll(&dice) % LENGTH(me->ticks)];
		enum dhp_status status = dhp_dpc_insert(&tick->dpc, NULL, NULL);

		me->queued += status == DHP_OK;
		me->wrong += dhp_failed(status);
		if (roll(&dice) % 8 == 0)
			me->taken += dhp_dpc_remove(&tick->dpc) == DHP_OK;
	}
	return NULL;
}

static void every_insertion_runs_once_while_processors_come_and_go_S641(void **state)
{
	static struct inserter inserters[2];
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct helper helpers[2];
	uint64_t dice = 3;
	struct gate gate;

	(void)state;
	gate_init(&gate, 3);
	for (uint32_t k = 0; k < 2; k++) {
		inserters[k] = (struct inserter){ .gate = &gate };
		for (uint32_t i = 0; i < LENGTH(inserters[k].ticks); i++) {
			struct tick *tick = &inserters[k].ticks[i];

			tick_init(tick, engine, i % 4);
			if (i == 7)
				assert_ok(dhp_dpc_init_threaded(&tick->dpc, engine, tick_routine, tick));
			assert_ok(dhp_dpc_set_target(&tick->dpc, i % 4));
			assert_ok(dhp_dpc_set_importance(&tick->dpc, (enum dhp_importance)(i / 2)));
		}
		helper_start(&helpers[k], insert_all_the_time, &inserters[k]);
	}
	gate_pass(&gate);
	for (uint32_t i = 0; i < TIMES(20000) || diverted_of(engine) < 100; i++) { /* the inserters may be slow to start */
		uint32_t index = 1 + (uint32_t)(roll(&dice) % 3);

		set_usable(engine, index, roll(&dice) % 2 == 0);
		if (i % 64 == 0)
			flush(engine);
	}
	for (uint32_t k = 0; k < 2; k++)
		poke(&inserters[k].over, 1);
	for (uint32_t k = 0; k < 2; k++)
		helper_join(&helpers[k]);
	flush(engine);
	for (uint32_t k = 0; k < 2; k++) {
		assert_int_equal(inserters[k].wrong, 0);
		assert_int_equal(ticks_run(inserters[k].ticks, 8) + inserters[k].taken, inserters[k].queued);
	}
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_for_a_processor_that_is_away_runs_elsewhere_and_is_counted_S641),
		cmocka_unit_test(threaded_work_goes_elsewhere_too_S641),
		cmocka_unit_test(what_waits_when_a_processor_goes_runs_elsewhere_in_its_order_S641_S006),
		cmocka_unit_test(what_is_left_of_a_batch_runs_elsewhere_S641),
		cmocka_unit_test(what_has_moved_is_removed_and_flushed_where_it_is_S641),
		cmocka_unit_test(a_processor_that_is_away_takes_no_share_until_it_is_back_S641_S620),
		cmocka_unit_test(who_was_woken_and_went_hands_on_S641_S620),
		cmocka_unit_test(who_is_away_is_not_counted_as_idle_S641),
		cmocka_unit_test(no_thief_is_missed_while_others_come_and_go_S641_S620),
		cmocka_unit_test(a_call_on_all_runs_where_it_is_meant_to_S641_S710),
		cmocka_unit_test(every_insertion_runs_once_while_processors_come_and_go_S641),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
