/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work and arrivals: what is aimed at a processor before it is up, waiting for it, and the section a routine is in.
 */
#include "work_hold.h"

/* What the callback of a test does, and what it saw. */
struct arriving {
	struct dhp_engine *engine;
	struct tick tick;
	struct tick second;
	enum dhp_status set, inserted, flushed, flushed_in_second;
	uint64_t runs_in_start;
	uint64_t runs_in_second; /* when Complete or Failure came */
	uint64_t ran;            /* the wait in Complete ended */
	uint64_t ran_at;
	uint32_t index;
	bool veto;
	bool wait_in_complete;
	bool hang_in_start;
	uint64_t in_start;
	uint64_t go_on;
};

static void start(struct arriving *me, const struct dhp_processor_change *change, enum dhp_status *status)
{
	me->index = change->index;
	me->set = dhp_dpc_set_target(&me->tick.dpc, change->index);
	me->inserted = dhp_dpc_insert(&me->tick.dpc, NULL, NULL);
	(void)dhp_dpc_set_target(&me->second.dpc, change->index);
	(void)dhp_dpc_set_importance(&me->second.dpc, DHP_IMPORTANCE_HIGH);
	(void)dhp_dpc_insert(&me->second.dpc, NULL, NULL);
	me->flushed = dhp_dpc_flush(me->engine);
	(void)bump(&me->in_start);
	while (me->hang_in_start && peek(&me->go_on) == 0)
		sleep_us(100);
	sleep_us(2000); /* it must not run, however long this takes */
	me->runs_in_start = peek(&me->tick.runs) + peek(&me->second.runs);
	if (me->veto)
		*status = DHP_NO_MEMORY;
}

static void work_in_callbacks(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct arriving *me = context;

	if (change->state == DHP_CHANGE_START) {
		start(me, change, status);
		return;
	}
	me->runs_in_second = peek(&me->tick.runs);
	me->flushed_in_second = dhp_dpc_flush(me->engine);
	if (change->state == DHP_CHANGE_COMPLETE && me->wait_in_complete) {
		struct tick *tick = &me->second;
		uint64_t before = peek(&tick->runs);

		me->set = dhp_dpc_set_target(&tick->dpc, change->index);
		me->inserted = dhp_dpc_insert(&tick->dpc, NULL, NULL);
		me->ran = wait_for_count(&tick->runs, before + 1);
		me->ran_at = peek(&tick->index);
	}
}

static struct dhp_engine *begin(struct arriving *me, struct dhp_notify **registration)
{
	struct dhp_engine *engine = make_sim_of(6, 2);

	memset(me, 0, sizeof(*me));
	me->engine = engine;
	tick_init(&me->tick, engine, DHP_NO_INDEX);
	tick_init(&me->second, engine, DHP_NO_INDEX);
	assert_ok(dhp_notify_register(engine, work_in_callbacks, me, 0, registration));
	return engine;
}

static void finish(struct dhp_engine *engine, struct dhp_notify *registration)
{
	dhp_notify_unregister(registration);
	end_engine(engine);
}

static void work_aimed_in_start_runs_there_after_the_bring_up_S155_S012(void **state)
{
	struct dhp_notify *registration;
	struct arriving me;
	struct dhp_engine *engine = begin(&me, &registration);

	(void)state;
	assert_ok(add_position(engine, 2));
	assert_ok(me.set);
	assert_ok(me.inserted);
	assert_int_equal(me.runs_in_start, 0);
	flush(engine);
	assert_int_equal(me.tick.runs, 1);
	assert_int_equal(peek(&me.tick.index), 2);
	assert_int_equal(me.second.runs, 1);
	assert_int_equal(peek(&me.second.index), 2);
	finish(engine, registration);
}

static void flush_in_start_is_refused_S156(void **state)
{
	struct dhp_notify *registration;
	struct arriving me;
	struct dhp_engine *engine = begin(&me, &registration);

	(void)state;
	assert_ok(add_position(engine, 2));
	assert_status(me.flushed, DHP_IN_CALLBACK);
	assert_ok(me.flushed_in_second); /* in Complete there is nothing to wait for that cannot end */
	finish(engine, registration);
}

static void in_complete_work_for_the_newcomer_can_be_waited_for_S157(void **state)
{
	struct dhp_notify *registration;
	struct arriving me;
	struct dhp_engine *engine = begin(&me, &registration);

	(void)state;
	me.wait_in_complete = true;
	for (uint32_t position = 2; position < 6; position++) {
		assert_ok(add_position(engine, position));
		assert_ok(me.set);
		assert_ok(me.inserted);
		assert_int_equal(me.ran, 1);
		assert_int_equal(me.ran_at, position);
	}
	finish(engine, registration);
}

/* The add fails after Start: by this registrant's veto, or at the bring-up. */
static void fail_after_start(bool veto)
{
	struct dhp_notify *registration;
	struct arriving me;
	struct dhp_engine *engine = begin(&me, &registration);

	me.veto = veto;
	for (uint64_t attempt = 1; attempt <= 3; attempt++) {
		if (!veto)
			assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), DHP_STEP_BRING_UP, DHP_INJECTED));
		assert_status(add_position(engine, 2), veto ? DHP_NO_MEMORY : DHP_INJECTED);
		assert_ok(me.inserted);
		assert_int_equal(me.runs_in_start, 2 * (attempt - 1));
		flush(engine);
		assert_int_equal(me.tick.runs, attempt); /* once, elsewhere */
		assert_int_equal(me.second.runs, attempt);
		assert_true(peek(&me.tick.index) < 2);
		assert_true(peek(&me.second.index) < 2);
	}
	/* The target it was given does not exist: it runs all the same. */
	tick_insert(&me.tick);
	flush(engine);
	assert_int_equal(me.tick.runs, 4);
	me.veto = false;
	assert_ok(add_position(engine, 3));
	flush(engine);
	assert_int_equal(me.tick.runs, 5);
	assert_int_equal(peek(&me.tick.index), 2);
	finish(engine, registration);
}

static void work_aimed_in_start_runs_elsewhere_once_after_a_veto_S155_S654(void **state)
{
	(void)state;
	fail_after_start(true);
}

static void work_aimed_in_start_runs_elsewhere_once_after_a_failed_bring_up_S155_S654(void **state)
{
	(void)state;
	fail_after_start(false);
}

/* ---- flush against an open transaction ---- */

struct pair {
	struct arriving *me;
	uint64_t begun, done, runs_at_return;
	enum dhp_status status;
};

static void *add_third(void *argument)
{
	struct pair *pair = argument;

	pair->status = add_position(pair->me->engine, 2);
	(void)bump(&pair->done);
	return NULL;
}

static void *flush_all(void *argument)
{
	struct pair *pair = argument;

	(void)bump(&pair->begun);
	pair->status = dhp_dpc_flush(pair->me->engine);
	pair->runs_at_return = peek(&pair->me->tick.runs);
	(void)bump(&pair->done);
	return NULL;
}

static void flush_during_a_transaction(bool fails)
{
	struct dhp_notify *registration;
	struct arriving me;
	struct dhp_engine *engine = begin(&me, &registration);
	struct pair adder = { .me = &me }, flusher = { .me = &me };
	struct helper helpers[2];

	me.hang_in_start = true;
	if (fails)
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	helper_start(&helpers[0], add_third, &adder);
	assert_true(wait_for_count(&me.in_start, 1));
	helper_start(&helpers[1], flush_all, &flusher);
	assert_true(wait_for_count(&flusher.begun, 1));
	sleep_us(20000);
	assert_int_equal(peek(&flusher.done), 0);
	poke(&me.go_on, 1);
	helper_join(&helpers[0]);
	helper_join(&helpers[1]);
	assert_status(adder.status, fails ? DHP_NO_THREAD : DHP_OK);
	assert_ok(flusher.status);
	assert_int_equal(flusher.runs_at_return, 1);
	assert_int_equal(me.tick.runs, 1);
	finish(engine, registration);
}

static void flush_waits_for_the_end_of_an_open_transaction_S654(void **state)
{
	(void)state;
	flush_during_a_transaction(false);
}

static void flush_waits_for_the_end_of_a_transaction_that_fails_S654(void **state)
{
	(void)state;
	flush_during_a_transaction(true);
}

/* ---- threads insert to an index whose processor comes, or fails to come, at the same time ---- */

struct late {
	struct gate *gate;
	struct tick *ticks;
	uint32_t count;
	uint64_t over;
	uint64_t queued;
	uint64_t wrong;
};

static void *insert_to_those_that_come(void *argument)
{
	struct late *late = argument;

	gate_pass(late->gate);
	for (uint64_t i = 0; peek(&late->over) == 0; i++) {
		struct tick *tick = &late->ticks[i % late->count];
		enum dhp_status status = dhp_dpc_insert(&tick->dpc, NULL, NULL);

		late->queued += status == DHP_OK;
		late->wrong += dhp_failed(status);
	}
	return NULL;
}

static void aim_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct tick *ticks = context;

	(void)status;
	if (change->state == DHP_CHANGE_START)
		for (uint32_t i = 0; i < 8; i++)
			(void)dhp_dpc_set_target(&ticks[i].dpc, change->index);
}

static void inserts_that_race_with_failing_arrivals_all_run_S155_S654(void **state)
{
	static struct tick ticks[8];
	struct dhp_engine *engine = make_sim_of(64, 2);
	struct late late = { .ticks = ticks, .count = 8 };
	struct dhp_notify *registration;
	struct helper helper;
	struct gate gate;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		tick_init(&ticks[i], engine, 1);
	assert_ok(dhp_notify_register(engine, aim_in_start, ticks, 0, &registration));
	gate_init(&gate, 2);
	late.gate = &gate;
	helper_start(&helper, insert_to_those_that_come, &late);
	gate_pass(&gate);
	for (uint32_t i = 0; i < TIMES(600); i++) {
		uint32_t position = 2 + i / 30 % 62;

		if (i % 30 != 29)
			assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, position), DHP_STEP_BRING_UP, DHP_INJECTED));
		assert_status(add_position(engine, position), i % 30 != 29 ? DHP_INJECTED : DHP_OK);
	}
	poke(&late.over, 1);
	helper_join(&helper);
	flush(engine);
	assert_int_equal(late.wrong, 0);
	assert_int_equal(ticks_run(ticks, 8), late.queued);
	dhp_notify_unregister(registration);
	end_engine(engine);
}

/* ---- a routine is inside an epoch section ---- */

struct object {
	struct dhp_deferred deferred;
	struct hold *hold;
	uint64_t left_before; /* the routine had returned when the object was reclaimed */
	uint64_t reclaimed;
};

static void reclaim_object(struct dhp_deferred *deferred)
{
	struct object *object = (struct object *)(void *)((char *)deferred - offsetof(struct object, deferred));

	object->left_before = peek(&object->hold->left);
	(void)bump(&object->reclaimed);
}

static void what_a_routine_may_hold_is_reclaimed_after_it_returned(void **state)
{
	static const enum dhp_importance importances[] = { DHP_IMPORTANCE_MEDIUM, DHP_IMPORTANCE_HIGH };
	struct dhp_engine *engine = make_sim_of(2, 2);

	(void)state;
	for (size_t i = 0; i < LENGTH(importances); i++) {
		struct hold hold;
		struct object object = { .hold = &hold };

		hold_insert(&hold, engine, 1, importances[i]);
		hold_wait(&hold);
		assert_ok(dhp_epoch_defer(engine, &object.deferred, reclaim_object));
		sleep_us(20000);
		assert_int_equal(peek(&object.reclaimed), 0);
		hold_release(&hold);
		assert_ok(dhp_epoch_drain(engine));
		assert_int_equal(object.reclaimed, 1);
		assert_int_equal(object.left_before, 1);
		flush(engine);
	}
	end_engine(engine);
}

static void an_idle_processor_does_not_hold_a_grace_period_back(void **state)
{
	struct dhp_engine *engine = make_sim_of(6, 4);

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		assert_ok(dhp_epoch_synchronize(engine));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_aimed_in_start_runs_there_after_the_bring_up_S155_S012),
		cmocka_unit_test(flush_in_start_is_refused_S156),
		cmocka_unit_test(in_complete_work_for_the_newcomer_can_be_waited_for_S157),
		cmocka_unit_test(work_aimed_in_start_runs_elsewhere_once_after_a_veto_S155_S654),
		cmocka_unit_test(work_aimed_in_start_runs_elsewhere_once_after_a_failed_bring_up_S155_S654),
		cmocka_unit_test(flush_waits_for_the_end_of_an_open_transaction_S654),
		cmocka_unit_test(flush_waits_for_the_end_of_a_transaction_that_fails_S654),
		cmocka_unit_test(inserts_that_race_with_failing_arrivals_all_run_S155_S654),
		cmocka_unit_test(what_a_routine_may_hold_is_reclaimed_after_it_returned),
		cmocka_unit_test(an_idle_processor_does_not_hold_a_grace_period_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
