/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An object by itself: what it starts with, what may be set, what is refused.
 */
#include "work_hold.h"

#include "death.h"

/* ---- what a routine was given ---- */

struct given {
	struct dhp_dpc dpc;
	uint64_t runs;
	struct dhp_dpc *object;
	void *context;
	void *arguments[2];
	enum dhp_level level;
};

static void note_given(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct given *given = context;

	given->object = dpc;
	given->context = context;
	given->arguments[0] = argument_1;
	given->arguments[1] = argument_2;
	given->level = dhp_level();
	given->runs++;
}

static void the_routine_gets_object_context_and_both_arguments_S605(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct given given = { .runs = 0 };
	int a, b;

	(void)state;
	assert_ok(dhp_dpc_init(&given.dpc, engine, note_given, &given));
	assert_ok(dhp_dpc_insert(&given.dpc, &a, &b));
	flush(engine);
	assert_int_equal(given.runs, 1);
	assert_ptr_equal(given.object, &given.dpc);
	assert_ptr_equal(given.context, &given);
	assert_ptr_equal(given.arguments[0], &a);
	assert_ptr_equal(given.arguments[1], &b);
	end_engine(engine);
}

static void the_routine_runs_at_dispatch_level_and_the_thread_does_not_S617_S040(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct given given = { .level = DHP_PASSIVE };

	(void)state;
	assert_int_equal(dhp_level(), DHP_PASSIVE);
	assert_ok(dhp_dpc_init(&given.dpc, engine, note_given, &given));
	assert_ok(dhp_dpc_insert(&given.dpc, NULL, NULL));
	flush(engine);
	assert_int_equal(given.level, DHP_DISPATCH);
	assert_int_equal(dhp_level(), DHP_PASSIVE);
	end_engine(engine);
}

static void the_importance_values_are_those_of_the_header_S627(void **state)
{
	(void)state;
	assert_int_equal(DHP_IMPORTANCE_LOW, 0);
	assert_int_equal(DHP_IMPORTANCE_MEDIUM, 1);
	assert_int_equal(DHP_IMPORTANCE_HIGH, 2);
	assert_int_equal(DHP_IMPORTANCE_MEDIUM_HIGH, 3);
	assert_int_equal(sizeof(struct dhp_dpc), 96);
}

static void an_object_that_was_never_inserted_is_not_queued_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, DHP_NO_INDEX);
	assert_status(dhp_dpc_remove(&tick.dpc), DHP_NOT_QUEUED);
	flush(engine);
	assert_int_equal(tick.runs, 0);
	end_engine(engine);
}

/* ---- where it runs ---- */

static void without_target_it_may_run_elsewhere_and_with_one_it_does_not_S602_S618(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold hold;
	struct tick free_one, aimed;

	(void)state;
	tick_init(&free_one, engine, DHP_NO_INDEX);
	tick_init(&aimed, engine, 0);
	hold_processor(&hold, engine, 0);
	tick_insert(&aimed);
	tick_insert(&free_one); /* this thread stands nowhere: queue 0 (S-619), which is held */
	assert_true(wait_for_count(&free_one.runs, 1));
	assert_int_equal(peek(&free_one.index), 1);
	assert_int_equal(peek(&aimed.runs), 0);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(aimed.runs, 1);
	assert_int_equal(peek(&aimed.index), 0);
	end_engine(engine);
}

static void a_target_stays_over_runs_until_it_is_changed_S640(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 3);
	for (uint64_t i = 1; i <= 20; i++) {
		tick_insert(&tick);
		flush(engine);
		assert_int_equal(tick.runs, i);
		assert_int_equal(peek(&tick.index), 3);
	}
	assert_ok(dhp_dpc_set_target(&tick.dpc, 1));
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(peek(&tick.index), 1);
	end_engine(engine);
}

static void initialising_again_takes_the_target_and_the_importance_away_S640_S602(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold hold;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 0);
	assert_ok(dhp_dpc_set_importance(&tick.dpc, DHP_IMPORTANCE_HIGH));
	tick_init(&tick, engine, DHP_NO_INDEX);
	hold_processor(&hold, engine, 0);
	tick_insert(&tick);
	/* High work never moves here, aimed work neither: that it runs shows that it is neither. */
	assert_true(wait_for_count(&tick.runs, 1));
	assert_int_equal(peek(&tick.index), 1);
	hold_release(&hold);
	flush(engine);
	end_engine(engine);
}

static void a_target_set_while_queued_counts_for_the_next_insertion_S637(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold hold;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 0);
	hold_processor(&hold, engine, 0);
	tick_insert(&tick);
	assert_ok(dhp_dpc_set_target(&tick.dpc, 1));
	hold_release(&hold);
	flush(engine);
	assert_int_equal(peek(&tick.index), 0);
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(peek(&tick.index), 1);
	assert_int_equal(tick.runs, 2);
	end_engine(engine);
}

static void a_refused_target_leaves_the_old_one_S635_S638(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 1);
	assert_status(dhp_dpc_set_target(&tick.dpc, 2), DHP_BAD_INDEX); /* possible, but not active */
	assert_status(dhp_dpc_set_target(&tick.dpc, 4), DHP_BAD_INDEX);
	assert_status(dhp_dpc_set_target(&tick.dpc, DHP_NO_INDEX), DHP_BAD_INDEX);
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(peek(&tick.index), 1);
	add_positions(engine, 2, 3);
	assert_ok(dhp_dpc_set_target(&tick.dpc, 2));
	assert_status(dhp_dpc_set_target(&tick.dpc, 3), DHP_BAD_INDEX);
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(peek(&tick.index), 2);
	end_engine(engine);
}

/* ---- initialising again ---- */

#if DHP_CHECKS >= 2

struct mistake {
	struct dhp_engine *engine;
	struct tick tick;
	bool threaded;
};

static __attribute__((noinline)) void initialise_while_queued(struct mistake *mistake)
{
	struct dhp_dpc *dpc = &mistake->tick.dpc;

	if (mistake->threaded)
		assert_ok(dhp_dpc_init_threaded(dpc, mistake->engine, tick_routine, &mistake->tick));
	else
		assert_ok(dhp_dpc_init(dpc, mistake->engine, tick_routine, &mistake->tick));
	assert_int_equal(mistake->tick.runs, 0);
}

static void initialise_a_queued_object(void *threaded)
{
	struct mistake mistake = { .engine = make_sim_of(1, 1), .threaded = *(const bool *)threaded };
	struct hold hold;

	tick_init(&mistake.tick, mistake.engine, 0);
	hold_processor(&hold, mistake.engine, 0);
	tick_insert(&mistake.tick);
	initialise_while_queued(&mistake);
}

static void initialising_a_queued_object_stops_a_checked_build_S604(void **state)
{
	bool threaded = false;

	(void)state;
	assert_stopped(initialise_a_queued_object, &threaded, "S-604", DEATH_SITE(initialise_while_queued));
	threaded = true;
	assert_stopped(initialise_a_queued_object, &threaded, "S-604", DEATH_SITE(initialise_while_queued));
}

#endif

static void initialise_myself(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct tick *tick = context;

	(void)argument_1;
	(void)argument_2;
	if (dhp_dpc_init(dpc, tick->engine, tick_routine, tick) == DHP_OK)
		(void)bump(&tick->runs);
}

/* Never inserted, run, removed or running: it is not queued, and a checked build has nothing to say. */
static void an_object_that_is_not_queued_may_be_initialised_again_S604(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold hold;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 1);
	assert_ok(dhp_dpc_init(&tick.dpc, engine, tick_routine, &tick));
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(tick.runs, 1);
	assert_ok(dhp_dpc_init(&tick.dpc, engine, tick_routine, &tick));
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_set_target(&tick.dpc, 0));
	tick_insert(&tick);
	assert_ok(dhp_dpc_remove(&tick.dpc));
	assert_ok(dhp_dpc_init(&tick.dpc, engine, initialise_myself, &tick));
	hold_release(&hold);
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(tick.runs, 2);
	tick_insert(&tick); /* with the routine that the routine gave it */
	flush(engine);
	assert_int_equal(tick.runs, 3);
	end_engine(engine);
}

/* ---- bad input ---- */

static void bad_input_to_init_is_named_and_changes_nothing(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_dpc two[2];
	struct dhp_dpc before;
	struct dhp_dpc *misaligned = (struct dhp_dpc *)(void *)((char *)two + 1);

	(void)state;
	memset(two, 0x5a, sizeof(two));
	memset(&before, 0x5a, sizeof(before));
	assert_status(dhp_dpc_init(&two[0], NULL, tick_routine, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_dpc_init(NULL, engine, tick_routine, NULL), DHP_BAD_OBJECT);
	assert_status(dhp_dpc_init(misaligned, engine, tick_routine, NULL), DHP_BAD_OBJECT);
	assert_status(dhp_dpc_init(&two[0], engine, NULL, NULL), DHP_BAD_CALLBACK); /* S-603 */
	assert_memory_equal(&two[0], &before, sizeof(before));
	assert_memory_equal(&two[1], &before, sizeof(before));
	end_engine(engine);
}

static void what_is_no_object_is_refused_everywhere(void **state)
{
	static struct dhp_dpc zeros;
	struct dhp_dpc two[2];
	struct dhp_dpc *const no_objects[] = { NULL, (struct dhp_dpc *)(void *)((char *)two + 4), &zeros };

	(void)state;
	memset(two, 0, sizeof(two));
	for (size_t i = 0; i < LENGTH(no_objects); i++) {
		assert_status(dhp_dpc_set_importance(no_objects[i], DHP_IMPORTANCE_LOW), DHP_BAD_OBJECT);
		assert_status(dhp_dpc_set_target(no_objects[i], 0), DHP_BAD_OBJECT);
		assert_status(dhp_dpc_insert(no_objects[i], NULL, NULL), DHP_BAD_OBJECT);
		assert_status(dhp_dpc_remove(no_objects[i]), DHP_BAD_OBJECT);
	}
	assert_status(dhp_dpc_flush(NULL), DHP_BAD_ENGINE);
}

static void a_bad_importance_is_refused_and_the_old_one_stays(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;
	struct tick high, medium;

	(void)state;
	tick_init(&high, engine, 0);
	tick_init(&medium, engine, 0);
	assert_ok(dhp_dpc_set_importance(&high.dpc, DHP_IMPORTANCE_HIGH));
	assert_status(dhp_dpc_set_importance(&high.dpc, (enum dhp_importance)4), DHP_BAD_IMPORTANCE);
	assert_status(dhp_dpc_set_importance(&high.dpc, (enum dhp_importance)UINT32_MAX), DHP_BAD_IMPORTANCE);
	hold_processor(&hold, engine, 0);
	tick_insert(&medium);
	tick_insert(&high);
	hold_release(&hold);
	assert_true(wait_for_count(&medium.runs, 1));
	assert_int_equal(peek(&high.runs), 1); /* so it ran before */
	flush(engine);
	end_engine(engine);
}

static void an_engine_without_workers_takes_no_work(void **state)
{
	const struct sim_setup setup = { .initial = 2, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 1);
	assert_status(dhp_dpc_insert(&tick.dpc, NULL, NULL), DHP_NOT_SUPPORTED);
	assert_status(dhp_dpc_insert(&tick.dpc, NULL, NULL), DHP_NOT_SUPPORTED); /* not "already queued" */
	assert_status(dhp_dpc_remove(&tick.dpc), DHP_NOT_QUEUED);
	add_positions(engine, 2, 4);
	flush(engine);
	assert_int_equal(tick.runs, 0);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(initialising_a_queued_object_stops_a_checked_build_S604),
#endif
		cmocka_unit_test(the_routine_gets_object_context_and_both_arguments_S605),
		cmocka_unit_test(the_routine_runs_at_dispatch_level_and_the_thread_does_not_S617_S040),
		cmocka_unit_test(the_importance_values_are_those_of_the_header_S627),
		cmocka_unit_test(an_object_that_was_never_inserted_is_not_queued_S645),
		cmocka_unit_test(without_target_it_may_run_elsewhere_and_with_one_it_does_not_S602_S618),
		cmocka_unit_test(a_target_stays_over_runs_until_it_is_changed_S640),
		cmocka_unit_test(initialising_again_takes_the_target_and_the_importance_away_S640_S602),
		cmocka_unit_test(a_target_set_while_queued_counts_for_the_next_insertion_S637),
		cmocka_unit_test(a_refused_target_leaves_the_old_one_S635_S638),
		cmocka_unit_test(an_object_that_is_not_queued_may_be_initialised_again_S604),
		cmocka_unit_test(bad_input_to_init_is_named_and_changes_nothing),
		cmocka_unit_test(what_is_no_object_is_refused_everywhere),
		cmocka_unit_test(a_bad_importance_is_refused_and_the_old_one_stays),
		cmocka_unit_test(an_engine_without_workers_takes_no_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
