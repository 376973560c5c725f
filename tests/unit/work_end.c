/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of an engine with work in it, and calls that a routine may not make.
 */
#include "work_hold.h"

#include "death.h"

/* ---- destroy ---- */

static void *release_later(void *argument)
{
	sleep_us(5000);
	hold_release(argument);
	return NULL;
}

static void destroy_runs_all_that_is_queued(void **state)
{
	static struct tick ticks[300];

	(void)state;
	for (uint32_t round = 0; round < TIMES(20); round++) {
		struct dhp_engine *engine = make_sim_of(4, 3);
		struct helper helper;
		struct hold hold;

		for (uint32_t i = 0; i < LENGTH(ticks); i++) {
			tick_init(&ticks[i], engine, i % 4 == 3 ? DHP_NO_INDEX : i % 3);
			assert_ok(dhp_dpc_set_importance(&ticks[i].dpc, (enum dhp_importance)(i / 4 % 4)));
		}
		hold_processor(&hold, engine, round % 3);
		for (uint32_t i = 0; i < LENGTH(ticks); i++)
			tick_insert(&ticks[i]);
		helper_start(&helper, release_later, &hold);
		end_engine(engine);
		helper_join(&helper);
		assert_int_equal(hold.left, 1);
		for (uint32_t i = 0; i < LENGTH(ticks); i++)
			assert_int_equal(ticks[i].runs, 1);
	}
}

static void destroy_of_nothing_is_accepted(void **state)
{
	(void)state;
	assert_ok(dhp_engine_destroy(NULL));
}

struct until_closed {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	struct tick victims[2]; /* one here, one elsewhere */
	uint64_t queued[2];
	uint64_t entered;
	enum dhp_status last[2];
	enum dhp_status removed[2];
};

static void insert_until_closed(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct until_closed *me = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&me->entered);
	do {
		for (int i = 0; i < 2; i++) {
			me->last[i] = dhp_dpc_insert(&me->victims[i].dpc, NULL, NULL);
			me->queued[i] += me->last[i] == DHP_OK;
		}
	} while (me->last[0] != DHP_CLOSED || me->last[1] != DHP_CLOSED);
	/* Once closed it stays so; what was taken before still runs. */
	for (int i = 0; i < 2; i++)
		if (dhp_dpc_remove(&me->victims[i].dpc) == DHP_OK)
			me->queued[i]--;
	for (int i = 0; i < 2; i++) {
		me->last[i] = dhp_dpc_insert(&me->victims[i].dpc, NULL, NULL);
		me->removed[i] = dhp_dpc_remove(&me->victims[i].dpc);
	}
}

static void a_routine_that_inserts_during_destroy_is_told_closed_and_keeps_its_object(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(40); round++) {
		struct dhp_engine *engine = make_sim_of(2, 2);
		static struct until_closed me;

		memset(&me, 0, sizeof(me));
		me.engine = engine;
		tick_init(&me.victims[0], engine, 0);
		tick_init(&me.victims[1], engine, 1);
		assert_ok(dhp_dpc_init(&me.dpc, engine, insert_until_closed, &me));
		assert_ok(dhp_dpc_set_target(&me.dpc, 0));
		assert_ok(dhp_dpc_insert(&me.dpc, NULL, NULL));
		assert_true(wait_for_count(&me.entered, 1));
		end_engine(engine);
		for (uint32_t i = 0; i < 2; i++) {
			assert_status(me.last[i], DHP_CLOSED);
			assert_status(me.removed[i], DHP_NOT_QUEUED);
			assert_int_equal(me.victims[i].runs, me.queued[i]);
		}
	}
}

struct self {
	struct dhp_dpc dpc;
	uint64_t runs;
	uint64_t queued;
	uint64_t closed;
};

static void insert_myself(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct self *self = context;
	enum dhp_status status;

	(void)argument_1;
	(void)argument_2;
	(void)bump(&self->runs);
	status = dhp_dpc_insert(dpc, NULL, NULL);
	(void)bump(status == DHP_OK ? &self->queued : &self->closed);
}

static void a_dpc_that_inserts_itself_again_ends_with_its_engine(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(40); round++) {
		struct dhp_engine *engine = make_sim_of(3, 3);
		struct self selves[3];

		memset(selves, 0, sizeof(selves));
		for (uint32_t i = 0; i < 3; i++) {
			assert_ok(dhp_dpc_init(&selves[i].dpc, engine, insert_myself, &selves[i]));
			if (i > 0)
				assert_ok(dhp_dpc_set_target(&selves[i].dpc, i));
			if (i == 2)
				assert_ok(dhp_dpc_set_importance(&selves[i].dpc, DHP_IMPORTANCE_HIGH));
			assert_ok(dhp_dpc_insert(&selves[i].dpc, NULL, NULL));
		}
		for (uint32_t i = 0; i < 3; i++)
			assert_true(wait_for_count(&selves[i].runs, 3));
		end_engine(engine);
		for (uint32_t i = 0; i < 3; i++) {
			assert_int_equal(selves[i].closed, 1);
			assert_int_equal(selves[i].runs, selves[i].queued + 1);
		}
	}
}

/* ---- destroy refuses while something would point into the engine; and the engine goes on ---- */

static void no_callback(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)change;
	(void)status;
}

static void no_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	(void)arrival;
}

static void assert_in_use_and_alive(struct dhp_engine *engine)
{
	static uint32_t turn;
	struct tick tick;

	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	tick_init(&tick, engine, turn++ % 2);
	tick_insert(&tick);
	flush(engine);
	assert_int_equal(tick.runs, 1);
}

static void destroy_is_refused_while_somebody_uses_the_engine_and_the_engine_goes_on(void **state)
{
	const struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = 8 };
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct dhp_arrival_notify *arrival;
	struct dhp_notify *notify;
	struct dhp_percpu *array;
	struct dhp_reader *reader;

	(void)state;
	assert_ok(dhp_notify_register(engine, no_callback, NULL, 0, &notify));
	assert_in_use_and_alive(engine);
	dhp_notify_unregister(notify);
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, no_arrival, NULL, 0, &arrival));
	assert_in_use_and_alive(engine);
	dhp_arrival_unregister(arrival);
	assert_ok(dhp_percpu_create(engine, &slots, &array));
	assert_in_use_and_alive(engine);
	assert_ok(dhp_percpu_destroy(array));
	assert_ok(dhp_reader_join(engine, &reader));
	assert_in_use_and_alive(engine);
	assert_ok(dhp_reader_leave(reader));
	add_positions(engine, 2, 3);
	end_engine(engine);
}

/* ---- calls of passive level, from a routine ---- */

struct wrong_level {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	uint32_t which;
	enum dhp_status status;
	uint64_t ran;
};

enum { CALLS = 10 };

static __attribute__((noinline)) enum dhp_status call_of_passive_level(struct dhp_engine *engine, uint32_t which)
{
	struct dhp_engine *other = NULL;
	struct dhp_notify *notify = NULL;
	struct dhp_arrival_notify *arrival = NULL;
	struct dhp_reader *reader = NULL;

	switch (which) {
	case 0:
		return dhp_dpc_flush(engine); /* S-652 */
	case 1:
		return dhp_engine_destroy(engine);
	case 2:
		return dhp_engine_rescan(engine);
	case 3:
		return dhp_engine_create(NULL, &other);
	case 4:
		return dhp_sim_add(engine, dhp_sim_cpu(engine, 1));
	case 5:
		return dhp_notify_register(engine, no_callback, NULL, 0, &notify);
	case 6:
		return dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, no_arrival, NULL, 0, &arrival);
	case 7:
		return dhp_arrival_drain(engine);
	case 8:
		return dhp_reader_join(engine, &reader);
	default:
		return dhp_epoch_drain(engine);
	}
}

static void make_the_call(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct wrong_level *me = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	me->status = call_of_passive_level(me->engine, me->which);
	(void)bump(&me->ran);
}

static enum dhp_status call_from_a_routine(uint32_t which)
{
	struct dhp_engine *engine = make_sim_of(3, 1);
	struct wrong_level me = { .engine = engine, .which = which, .status = DHP_OK };

	assert_ok(dhp_dpc_init(&me.dpc, engine, make_the_call, &me));
	assert_ok(dhp_dpc_insert(&me.dpc, NULL, NULL));
	assert_true(wait_for_count(&me.ran, 1));
	flush(engine);
	assert_int_equal(active_count(engine), 1); /* without side effects */
	end_engine(engine);                        /* nothing was registered */
	return me.status;
}

#if DHP_CHECKS >= 2

static void call_this_from_a_routine(void *which)
{
	(void)call_from_a_routine(*(const uint32_t *)which);
}

static void a_call_of_passive_level_from_a_routine_stops_a_checked_build_S041_S652(void **state)
{
	(void)state;
	for (uint32_t which = 0; which < CALLS; which++)
		assert_stopped(call_this_from_a_routine, &which, "S-041", DEATH_SITE(call_of_passive_level));
}

#else

static void a_call_of_passive_level_from_a_routine_is_refused_without_effect_S041_S652(void **state)
{
	(void)state;
	for (uint32_t which = 0; which < CALLS; which++)
		assert_status(call_from_a_routine(which), DHP_WRONG_LEVEL);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(a_call_of_passive_level_from_a_routine_stops_a_checked_build_S041_S652),
#else
		cmocka_unit_test(a_call_of_passive_level_from_a_routine_is_refused_without_effect_S041_S652),
#endif
		cmocka_unit_test(destroy_runs_all_that_is_queued),
		cmocka_unit_test(destroy_of_nothing_is_accepted),
		cmocka_unit_test(a_routine_that_inserts_during_destroy_is_told_closed_and_keeps_its_object),
		cmocka_unit_test(a_dpc_that_inserts_itself_again_ends_with_its_engine),
		cmocka_unit_test(destroy_is_refused_while_somebody_uses_the_engine_and_the_engine_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
