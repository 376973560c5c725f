/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A test chooses when the asynchronous channel speaks.
 */
#include "support.h"

#include <dhp/change.h>

struct listener {
	struct dhp_engine *engine;
	struct dhp_arrival_notify *handle;
	uint64_t count;
	char names[8][48];
	bool holds; /* in its first call */
	enum dhp_status held;
};

static void listen(void *context, const struct dhp_arrival *arrival)
{
	struct listener *me = context;
	uint64_t at = peek(&me->count);

	(void)snprintf(me->names[at % 8], sizeof(me->names[0]), "%s", arrival->name);
	if (me->holds)
		me->held = dhp_sim_arrivals_hold(me->engine, true);
	me->holds = false;
	(void)bump(&me->count);
}

static void join_list(struct listener *me, struct dhp_engine *engine, uint32_t flags)
{
	*me = (struct listener){ .engine = engine };
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, listen, me, flags, &me->handle));
}

static struct dhp_engine *begin(void)
{
	return make_sim_of(8, 1);
}

static void hear(void *context, uint64_t generation)
{
	poke(context, generation);
}

static void held_arrivals_come_later_and_in_order_S757(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_change_notify *change;
	struct listener me, late;
	uint64_t generation = 0;

	(void)state;
	join_list(&me, engine, 0);
	assert_ok(dhp_change_register(engine, hear, &generation, NULL, &change));
	assert_ok(dhp_sim_arrivals_hold(engine, true));
	assert_ok(dhp_sim_arrivals_hold(engine, true)); /* not counted */
	add_positions(engine, 1, 5);
	/* The same thread serves the other channel, and goes on. */
	assert_true(wait_for_count(&generation, counts_of(engine).generation));
	assert_int_equal(peek(&me.count), 0);
	join_list(&late, engine, 0);
	assert_ok(dhp_sim_arrivals_hold(engine, false));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(me.count, 4);
	assert_int_equal(late.count, 0); /* S-208: they came before it */
	for (uint32_t i = 0; i < 4; i++) {
		char name[48];

		(void)snprintf(name, sizeof(name), "processor-%u", dhp_sim_cpu(engine, i + 1));
		assert_string_equal(me.names[i], name);
	}
	assert_ok(dhp_change_unregister(change));
	assert_ok(dhp_arrival_unregister(me.handle));
	assert_ok(dhp_arrival_unregister(late.handle));
	end_engine(engine);
}

static void a_hold_in_an_arrival_begins_after_it_S757(void **state)
{
	struct dhp_engine *engine = begin();
	struct listener me, after;
	uint64_t generation = 0;
	struct dhp_change_notify *change;

	(void)state;
	join_list(&me, engine, 0);
	join_list(&after, engine, 0);
	assert_ok(dhp_change_register(engine, hear, &generation, NULL, &change));
	me.holds = true;
	add_positions(engine, 1, 2);
	assert_ok(dhp_arrival_drain(engine));
	assert_ok(me.held);
	assert_int_equal(after.count, 1); /* of the same arrival */
	add_positions(engine, 2, 4);
	assert_true(wait_for_count(&generation, counts_of(engine).generation));
	assert_int_equal(peek(&me.count), 1);
	assert_ok(dhp_sim_arrivals_hold(engine, false));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(me.count, 3);
	assert_int_equal(after.count, 3);
	assert_ok(dhp_change_unregister(change));
	assert_ok(dhp_arrival_unregister(me.handle));
	assert_ok(dhp_arrival_unregister(after.handle));
	end_engine(engine);
}

static void an_engine_ends_while_arrivals_are_held(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	assert_ok(dhp_sim_arrivals_hold(engine, true));
	add_positions(engine, 1, 8);
	end_engine(engine);
}

static void one_that_comes_while_another_is_away_is_online(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_counts counts;

	(void)state;
	add_positions(engine, 1, 2);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), false));
	add_positions(engine, 2, 3);
	counts = counts_of(engine);
	assert_int_equal(counts.present, 3);
	assert_int_equal(counts.online, 3);
	assert_int_equal(counts.usable, 2);
	end_engine(engine);
}

static void hold_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct listener *me = context;

	(void)status;
	if (change->state == DHP_CHANGE_START)
		me->held = dhp_sim_arrivals_hold(me->engine, true);
}

#if DHP_CHECKS < 2 /* a checked build stops */
static void hold_in_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct listener *me = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	me->held = dhp_sim_arrivals_hold(me->engine, true);
}

static void from_a_routine_it_is_refused_S041(void **state)
{
	struct dhp_engine *engine = begin();
	struct listener me = { .engine = engine };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_dpc_init(&dpc, engine, hold_in_routine, &me));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	assert_status(me.held, DHP_WRONG_LEVEL);
	add_positions(engine, 1, 2);
	assert_ok(dhp_arrival_drain(engine)); /* nothing was held */
	end_engine(engine);
}
#endif

static void bad_input_is_refused(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };
	struct dhp_engine *engine = begin(), *real = NULL;
	struct listener me = { .engine = engine };
	struct dhp_notify *notify;

	(void)state;
	assert_status(dhp_sim_arrivals_hold(NULL, true), DHP_BAD_ENGINE);
	assert_ok(dhp_engine_create(&machine, &real));
	assert_status(dhp_sim_arrivals_hold(real, true), DHP_NOT_SUPPORTED);
	end_engine(real);
	assert_ok(dhp_notify_register(engine, hold_in_start, &me, 0, &notify));
	add_positions(engine, 1, 2);
	assert_status(me.held, DHP_IN_CALLBACK);
	assert_ok(dhp_notify_unregister(notify));
	assert_ok(dhp_arrival_drain(engine)); /* nothing was held */
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_arrivals_come_later_and_in_order_S757),
		cmocka_unit_test(a_hold_in_an_arrival_begins_after_it_S757),
		cmocka_unit_test(an_engine_ends_while_arrivals_are_held),
		cmocka_unit_test(one_that_comes_while_another_is_away_is_online),
		cmocka_unit_test(bad_input_is_refused),
#if DHP_CHECKS < 2
		cmocka_unit_test(from_a_routine_it_is_refused_S041),
#endif
	};

	return cmocka_run_group_tests_name("sim_arrivals", tests, NULL, NULL);
}
