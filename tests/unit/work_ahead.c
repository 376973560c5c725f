/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers that are made before their processors arrive: they are used, replaced, kept for the next when an arrival fails, and
 * given back.
 */
#include "ahead.h"

static struct dhp_engine *begin(uint32_t maximum, uint32_t ready)
{
	const struct sim_setup setup = { .maximum = maximum, .initial = 1, .ready_ahead = ready };

	return make_sim(&setup);
}

static void nobody_waits_where_nobody_was_asked_for(void **state)
{
	struct dhp_engine *engine = begin(4, 0);

	(void)state;
	add_positions(engine, 1, 3);
	assert_int_equal(engine_stats(engine).ready_count, 0);
	assert_int_equal(engine_stats(engine).ready_used_count, 0);
	end_engine(engine);
}

static void an_arrival_uses_the_thread_that_waits_and_another_is_made(void **state)
{
	struct dhp_engine *engine = begin(8, 1);
	struct who who;

	(void)state;
	for (uint32_t index = 1; index < 7; index++) {
		uint32_t thread;

		assert_true(wait_for_ready(engine, 1));
		thread = next_ready(engine);
		add_positions(engine, index, index + 1);
		assert_int_equal(worker_of(engine, index, &who), thread);
		assert_int_equal(engine_stats(engine).ready_used_count, index);
	}
	end_engine(engine);
}

/* Who asks in the middle of an arrival may count the newcomer as absent. */
static void no_more_wait_than_can_arrive(void **state)
{
	struct dhp_engine *engine = begin(4, 100);

	(void)state;
	assert_true(wait_for_ready(engine, 3));
	add_positions(engine, 1, 4);
	assert_int_equal(engine_stats(engine).ready_used_count, 3);
	assert_in_range(engine_stats(engine).ready_count, 0, 2);
	end_engine(engine);
}

static void refuse(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	uint64_t *vetoes = context;

	if (change->state == DHP_CHANGE_START && peek(vetoes) != 0) {
		poke(vetoes, peek(vetoes) - 1);
		*status = DHP_VETOED;
	}
}

static void a_veto_leaves_it_to_the_next(void **state)
{
	struct dhp_engine *engine = begin(4, 1);
	struct dhp_notify *notify;
	uint64_t vetoes = 1;
	uint32_t thread;
	struct who who;

	(void)state;
	assert_ok(dhp_notify_register(engine, refuse, &vetoes, 0, &notify));
	assert_true(wait_for_ready(engine, 1));
	thread = next_ready(engine);
	assert_status(add_position(engine, 1), DHP_VETOED);
	assert_int_equal(next_ready(engine), thread);
	assert_int_equal(engine_stats(engine).ready_used_count, 0);
	add_positions(engine, 2, 3);
	assert_int_equal(worker_of(engine, 1, &who), thread);
	assert_ok(dhp_notify_unregister(notify));
	end_engine(engine);
}

static void a_failure_at_any_step_leaves_it_to_the_next_S147(void **state)
{
	struct dhp_engine *engine = begin(4, 1);
	uint32_t thread, cpu = dhp_sim_cpu(engine, 1);
	struct who who;

	(void)state;
	assert_true(wait_for_ready(engine, 1));
	thread = next_ready(engine);
	for (uint32_t step = DHP_STEP_RESERVE; step <= DHP_STEP_BRING_UP; step++) {
		assert_ok(dhp_sim_fail(engine, cpu, (enum dhp_step)step, DHP_INJECTED));
		assert_status(dhp_sim_add(engine, cpu), DHP_INJECTED);
		assert_int_equal(engine_stats(engine).ready_count, 1);
		assert_int_equal(next_ready(engine), thread);
	}
	assert_ok(dhp_sim_add(engine, cpu));
	assert_int_equal(worker_of(engine, 1, &who), thread);
	end_engine(engine);
}

/* Some of them find one, the others do not wait for it. */
static void a_burst_is_longer_than_what_waits(void **state)
{
	struct dhp_engine *engine = begin(32, 2);
	struct who who;

	(void)state;
	assert_true(wait_for_ready(engine, 2));
	add_positions(engine, 1, 30);
	assert_int_equal(active_count(engine), 30);
	assert_in_range(engine_stats(engine).ready_used_count, 2, 29);
	for (uint32_t index = 0; index < 30; index++)
		assert_int_not_equal(worker_of(engine, index, &who), 0);
	assert_true(wait_for_ready(engine, 2));
	end_engine(engine);
}

/* The timer thread may be making them at that moment. */
static void an_engine_ends_at_any_moment(void **state)
{
	struct budget budget = budget_begin();

	(void)state;
	for (uint32_t i = 0; i < TIMES(100) && (i == 0 || budget_left(&budget)); i++) {
		struct dhp_engine *engine = begin(16, 8);

		if (i % 4 != 0)
			add_positions(engine, 1, 1 + i % 4);
		if (i % 2 != 0)
			assert_true(wait_for_ready(engine, 8));
		end_engine(engine);
	}
}

static void nobody_waits_without_workers(void **state)
{
	const struct sim_setup setup = { .maximum = 4, .flags = DHP_ENGINE_NO_WORKERS, .ready_ahead = 2 };
	struct dhp_engine *engine = make_sim(&setup);

	(void)state;
	add_positions(engine, 1, 3);
	assert_int_equal(engine_stats(engine).ready_count, 0);
	end_engine(engine);
}

/* ---- objects run while their processors arrive ---- */

#define OBJECTS 64u

struct flow {
	struct dhp_dpc dpcs[OBJECTS];
	struct dhp_engine *engine;
	uint64_t inserted, runs, stop;
};

static void flow_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct flow *flow = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&flow->runs);
}

static void *flow_insert(void *argument)
{
	struct flow *flow = argument;

	while (peek(&flow->stop) == 0)
		for (uint32_t i = 0; i < OBJECTS; i++)
			if (dhp_dpc_insert(&flow->dpcs[i], NULL, NULL) == DHP_OK)
				(void)bump(&flow->inserted);
	return NULL;
}

static void nothing_is_lost_while_they_begin(void **state)
{
	static struct flow flow;
	struct helper helper;

	(void)state;
	memset(&flow, 0, sizeof(flow));
	flow.engine = begin(32, 3);
	for (uint32_t i = 0; i < OBJECTS; i++)
		assert_ok(dhp_dpc_init(&flow.dpcs[i], flow.engine, flow_run, &flow));
	helper_start(&helper, flow_insert, &flow);
	add_positions(flow.engine, 1, 32);
	poke(&flow.stop, 1);
	helper_join(&helper);
	assert_ok(dhp_dpc_flush(flow.engine));
	assert_true(peek(&flow.runs) == peek(&flow.inserted));
	end_engine(flow.engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_where_nobody_was_asked_for),
		cmocka_unit_test(an_arrival_uses_the_thread_that_waits_and_another_is_made),
		cmocka_unit_test(no_more_wait_than_can_arrive),
		cmocka_unit_test(a_veto_leaves_it_to_the_next),
		cmocka_unit_test(a_failure_at_any_step_leaves_it_to_the_next_S147),
		cmocka_unit_test(a_burst_is_longer_than_what_waits),
		cmocka_unit_test(an_engine_ends_at_any_moment),
		cmocka_unit_test(nobody_waits_without_workers),
		cmocka_unit_test(nothing_is_lost_while_they_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
