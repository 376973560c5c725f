/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threaded DPCs: at passive level, after ordinary ones, in a queue of their own; all else is as for ordinary ones.
 */
#include "work_hold.h"

#include <time.h>

#include <dhp/thread.h>

#include "death.h"
#include "queue.h"

static uint32_t log_names[64];
static uint32_t log_count;

struct named {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	uint32_t name;
	uint64_t level, flushed, yields;
	uint64_t runs;
};

static void note(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct named *named = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	named->level = dhp_level();
	log_names[log_count++] = named->name;
	(void)bump(&named->runs);
}

static void prepare(struct named *named, struct dhp_engine *engine, uint32_t name, bool threaded,
		    enum dhp_importance importance)
{
	memset(named, 0, sizeof(*named));
	named->name = name;
	named->engine = engine;
	assert_ok(threaded ? dhp_dpc_init_threaded(&named->dpc, engine, note, named)
			   : dhp_dpc_init(&named->dpc, engine, note, named));
	assert_ok(dhp_dpc_set_importance(&named->dpc, importance));
	assert_ok(dhp_dpc_set_target(&named->dpc, 0));
}

static void run_all(struct dhp_engine *engine, struct named *named, uint32_t count)
{
	struct hold hold;

	log_count = 0;
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < count; i++)
		assert_ok(dhp_dpc_insert(&named[i].dpc, NULL, NULL));
	hold_release(&hold);
	flush(engine);
	assert_int_equal(log_count, count); /* S-655 */
}

static void a_threaded_dpc_runs_at_passive_level_S660(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct named named[2];

	(void)state;
	prepare(&named[0], engine, 1, true, DHP_IMPORTANCE_MEDIUM);
	prepare(&named[1], engine, 2, false, DHP_IMPORTANCE_MEDIUM);
	run_all(engine, named, 2);
	assert_int_equal(named[0].level, DHP_PASSIVE);
	assert_int_equal(named[1].level, DHP_DISPATCH);
	end_engine(engine);
}

static void take_a_lock(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	enum dhp_level before = dhp_level_raise(DHP_DISPATCH);

	dhp_level_lower(before);
	note(dpc, context, argument_1, argument_2);
}

/* What an ordinary one raised to and lowered to on the same worker is nothing to a threaded one. */
static void a_lock_taken_by_others_leaves_no_level_behind_S660_S040(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct named named[2];

	(void)state;
	prepare(&named[0], engine, 1, false, DHP_IMPORTANCE_MEDIUM);
	assert_ok(dhp_dpc_init(&named[0].dpc, engine, take_a_lock, &named[0]));
	prepare(&named[1], engine, 2, true, DHP_IMPORTANCE_MEDIUM);
	run_all(engine, named, 2);
	assert_int_equal(named[0].level, DHP_DISPATCH);
	assert_int_equal(named[1].level, DHP_PASSIVE);
	end_engine(engine);
}

static void without_threaded_dpcs_they_are_ordinary_ones_S660(void **state)
{
	const struct sim_setup setup = { .maximum = 1, .initial = 1, .flags = DHP_ENGINE_NO_THREADED_DPCS };
	struct dhp_engine *engine = make_sim(&setup);
	struct named named[2];

	(void)state;
	prepare(&named[0], engine, 1, true, DHP_IMPORTANCE_MEDIUM);
	prepare(&named[1], engine, 2, false, DHP_IMPORTANCE_MEDIUM);
	run_all(engine, named, 2);
	assert_int_equal(named[0].level, DHP_DISPATCH);
	assert_int_equal(log_names[0], 1);
	end_engine(engine);
}

static void ordinary_dpcs_run_before_threaded_ones_in_their_own_order_S662_S664_S632(void **state)
{
	static const uint32_t expected[] = { 12, 10, 11, 4, 3, 1, 2 };
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct named named[7];

	(void)state;
	prepare(&named[0], engine, 1, true, DHP_IMPORTANCE_MEDIUM);
	prepare(&named[1], engine, 2, true, DHP_IMPORTANCE_LOW);
	prepare(&named[2], engine, 3, true, DHP_IMPORTANCE_HIGH);
	prepare(&named[3], engine, 10, false, DHP_IMPORTANCE_LOW);
	prepare(&named[4], engine, 4, true, DHP_IMPORTANCE_HIGH);
	prepare(&named[5], engine, 11, false, DHP_IMPORTANCE_MEDIUM);
	prepare(&named[6], engine, 12, false, DHP_IMPORTANCE_HIGH);
	run_all(engine, named, 7);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(log_names[i], expected[i]);
	end_engine(engine);
}

/* It inserts an ordinary one; the next threaded one waits for that. */
static void insert_other(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct named *named = context;

	note(dpc, context, argument_1, argument_2);
	(void)dhp_dpc_insert(argument_1, NULL, NULL);
	named->flushed = (uint64_t)(int64_t)dhp_dpc_flush(named->engine);
}

static void an_ordinary_dpc_comes_between_two_threaded_ones_S662(void **state)
{
	static const uint32_t expected[] = { 1, 9, 2 };
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct named first, second, ordinary;
	struct hold hold;

	(void)state;
#if DHP_CHECKS >= 2
	skip(); /* the flush inside would stop the program */
#endif
	log_count = 0;
	prepare(&first, engine, 1, true, DHP_IMPORTANCE_MEDIUM);
	assert_ok(dhp_dpc_init_threaded(&first.dpc, engine, insert_other, &first));
	prepare(&second, engine, 2, true, DHP_IMPORTANCE_MEDIUM);
	prepare(&ordinary, engine, 9, false, DHP_IMPORTANCE_LOW);
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert(&first.dpc, &ordinary.dpc, NULL));
	assert_ok(dhp_dpc_insert(&second.dpc, NULL, NULL));
	hold_release(&hold);
	assert_true(wait_for_count(&second.runs, 1));
	flush(engine);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(log_names[i], expected[i]);
	assert_int_equal((int64_t)first.flushed, DHP_WRONG_LEVEL); /* S-661, S-652 */
	end_engine(engine);
}

static void a_threaded_dpc_is_queued_once_and_can_be_removed_S664_S655(void **state)
{
	static const enum dhp_importance importances[] = { DHP_IMPORTANCE_MEDIUM, DHP_IMPORTANCE_HIGH };
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct named named;
	struct hold hold;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		prepare(&named, engine, 1, true, importances[i]);
		hold_processor(&hold, engine, 0);
		assert_ok(dhp_dpc_insert(&named.dpc, NULL, NULL));
		assert_status(dhp_dpc_insert(&named.dpc, NULL, NULL), DHP_ALREADY_QUEUED);
		assert_ok(dhp_dpc_remove(&named.dpc));
		assert_status(dhp_dpc_remove(&named.dpc), DHP_NOT_QUEUED);
		hold_release(&hold);
		flush(engine);
		assert_int_equal(named.runs, 0);
	}
	end_engine(engine);
}

/* One processor is busy: those without target go to the other, those with a target stay. */
static void threaded_dpcs_have_targets_and_are_shared_S664(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct tick aimed, loose[5];
	struct hold hold;

	(void)state;
	tick_init(&aimed, engine, 0);
	assert_ok(dhp_dpc_init_threaded(&aimed.dpc, engine, tick_routine, &aimed));
	assert_ok(dhp_dpc_set_target(&aimed.dpc, 0));
	hold_processor(&hold, engine, 0);
	tick_insert(&aimed);
	for (uint32_t i = 0; i < 5; i++) {
		tick_init(&loose[i], engine, DHP_NO_INDEX);
		assert_ok(dhp_dpc_init_threaded(&loose[i].dpc, engine, tick_routine, &loose[i]));
		tick_insert(&loose[i]);
	}
	assert_true(wait_for_ticks(loose, 5, 5));
	assert_int_equal(peek(&aimed.runs), 0);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(aimed.runs, 1);
	assert_int_equal(peek(&aimed.index), 0);
	end_engine(engine);
}

/* ---- other threads ---- */

struct preempted {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	uint64_t entered, preempted, in_vain;
	uint64_t level;
	enum dhp_status pinned;
};

static uint64_t now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* It gives the processor to nobody by itself. */
static void spin_until_preempted(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct preempted *me = context;
	uint64_t limit = now_s() + 60;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	me->level = dhp_level();
	(void)bump(&me->entered);
	while (peek(&me->preempted) == 0)
		if (now_s() > limit) {
			(void)bump(&me->in_vain);
			return;
		}
}

/* On the same processor. */
static void *preempt(void *argument)
{
	struct dhp_affinity there, previous;
	struct preempted *me = argument;
	struct dhp_processor processor;

	if (!wait_for_count(&me->entered, 1) || dhp_processor_at(me->engine, 0, &processor) != DHP_OK)
		return NULL;
	there = (struct dhp_affinity){ .mask = 1ull << processor.number.number, .group = processor.number.group };
	me->pinned = dhp_thread_affinity_set(me->engine, &there, &previous);
	if (me->pinned != DHP_OK)
		return NULL;
	(void)bump(&me->preempted);
	(void)dhp_thread_affinity_revert(me->engine, &previous);
	return NULL;
}

static void another_thread_may_preempt_a_threaded_dpc_S663(void **state)
{
	struct dhp_engine *engine = make_real(1);
	struct preempted me = { .engine = engine, .pinned = DHP_BAD_ENGINE, .level = DHP_DISPATCH };
	struct helper helper;

	(void)state;
	assert_ok(dhp_dpc_init_threaded(&me.dpc, engine, spin_until_preempted, &me));
	assert_ok(dhp_dpc_set_target(&me.dpc, 0));
	helper_start(&helper, preempt, &me);
	assert_ok(dhp_dpc_insert(&me.dpc, NULL, NULL));
	helper_join(&helper);
	poke(&me.preempted, 1);
	flush(engine);
	assert_ok(me.pinned);
	assert_int_equal(me.in_vain, 0);
	assert_int_equal(me.level, DHP_PASSIVE);
	end_engine(engine);
}

static void bad_threaded_objects_are_refused_S660(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_dpc dpc;

	(void)state;
	assert_status(dhp_dpc_init_threaded(&dpc, NULL, note, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_dpc_init_threaded(NULL, engine, note, NULL), DHP_BAD_OBJECT);
	assert_status(dhp_dpc_init_threaded(&dpc, engine, NULL, NULL), DHP_BAD_CALLBACK);
	end_engine(engine);
}

/* ---- a routine that does not go back to its level ---- */

struct leveller {
	struct dhp_dpc dpc;
	enum dhp_level leaves, found; /* leaves: the level at which it returns; DHP_APC: raised from below */
	bool threaded;
};

static void leave_level(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct leveller *leveller = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	leveller->found = dhp_level();
	if (leveller->leaves < leveller->found)
		dhp_level_lower(leveller->leaves);
	else
		(void)dhp_level_raise(leveller->leaves);
}

/* One after the other, in one batch if they are ordinary. */
static void run_levellers(struct dhp_engine *engine, struct leveller *levellers, uint32_t count)
{
	struct hold hold;

	hold_insert(&hold, engine, 0, DHP_IMPORTANCE_MEDIUM);
	(void)wait_for_count(&hold.entered, 1);
	for (uint32_t i = 0; i < count; i++) {
		(void)(levellers[i].threaded ? dhp_dpc_init_threaded(&levellers[i].dpc, engine, leave_level, &levellers[i])
					     : dhp_dpc_init(&levellers[i].dpc, engine, leave_level, &levellers[i]));
		(void)dhp_dpc_insert(&levellers[i].dpc, NULL, NULL);
	}
	hold_release(&hold);
	(void)dhp_dpc_flush(engine);
}

#if DHP_CHECKS < 2
static void each_routine_begins_at_its_level_whatever_the_one_before_did_S617_S660(void **state)
{
	static const struct {
		enum dhp_level leaves[3], found;
		bool threaded;
	} stories[] = {
		{ { DHP_PASSIVE, DHP_APC, DHP_DISPATCH }, DHP_DISPATCH, false },
		{ { DHP_DISPATCH, DHP_APC, DHP_PASSIVE }, DHP_PASSIVE, true },
	};
	struct dhp_engine *engine = make_sim_of(1, 1);

	(void)state;
	for (uint32_t k = 0; k < LENGTH(stories); k++) {
		struct leveller levellers[3];

		for (uint32_t i = 0; i < 3; i++)
			levellers[i] = (struct leveller){ .leaves = stories[k].leaves[i], .threaded = stories[k].threaded };
		run_levellers(engine, levellers, 3);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(levellers[i].found, stories[k].found);
	}
	end_engine(engine);
}
#else
static void leave_a_level(void *argument)
{
	struct leveller leveller = { .leaves = *(const enum dhp_level *)argument };
	struct dhp_engine *engine = NULL;

	leveller.threaded = leveller.leaves == DHP_DISPATCH;
	if (try_sim(&(struct sim_setup){ .maximum = 1, .initial = 1 }, &engine) == DHP_OK)
		run_levellers(engine, &leveller, 1);
}

static void a_routine_that_leaves_another_level_stops_a_checked_build_S617(void **state)
{
	enum dhp_level level = DHP_PASSIVE;

	(void)state;
	assert_stopped(leave_a_level, &level, "S-617", 0); /* the routine has returned: no caller names it */
	level = DHP_DISPATCH;
	assert_stopped(leave_a_level, &level, "S-617", 0); /* the routine has returned: no caller names it */
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS < 2
		cmocka_unit_test(each_routine_begins_at_its_level_whatever_the_one_before_did_S617_S660),
#else
		cmocka_unit_test(a_routine_that_leaves_another_level_stops_a_checked_build_S617),
#endif
		cmocka_unit_test(a_threaded_dpc_runs_at_passive_level_S660),
		cmocka_unit_test(a_lock_taken_by_others_leaves_no_level_behind_S660_S040),
		cmocka_unit_test(without_threaded_dpcs_they_are_ordinary_ones_S660),
		cmocka_unit_test(ordinary_dpcs_run_before_threaded_ones_in_their_own_order_S662_S664_S632),
		cmocka_unit_test(an_ordinary_dpc_comes_between_two_threaded_ones_S662),
		cmocka_unit_test(a_threaded_dpc_is_queued_once_and_can_be_removed_S664_S655),
		cmocka_unit_test(threaded_dpcs_have_targets_and_are_shared_S664),
		cmocka_unit_test(another_thread_may_preempt_a_threaded_dpc_S663),
		cmocka_unit_test(bad_threaded_objects_are_refused_S660),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
