/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unregistration at every moment, and what a callback may not do.
 */
#include "notify_log.h"

#include <stdlib.h>

#define LISTENERS 3u

static struct registrant listeners[LISTENERS];

static struct dhp_engine *begin(uint32_t maximum)
{
	struct dhp_engine *engine = make_sim_of(maximum, 2);

	forget_calls();
	for (uint32_t i = 0; i < LISTENERS; i++) {
		listeners[i] = registrant_of(i, engine);
		assert_ok(join_list(&listeners[i], 0));
	}
	return engine;
}

static void finish(struct dhp_engine *engine)
{
	for (uint32_t i = 0; i < LISTENERS; i++)
		leave_list(&listeners[i]);
	end_engine(engine);
}

static uint32_t calls_of(uint32_t who)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < calls_count; i++)
		count += calls[i].who == who;
	return count;
}

static void no_handle_is_accepted_S189(void **state)
{
	(void)state;
	dhp_notify_unregister(NULL);
	dhp_arrival_unregister(NULL);
	dhp_arrival_unregister_nowait(NULL);
}

static void unregistering_makes_no_calls_for_what_was_reported_before_S188(void **state)
{
	struct dhp_engine *engine = begin(6);

	(void)state;
	add_positions(engine, 2, 4);
	forget_calls();
	leave_list(&listeners[1]);
	assert_int_equal(calls_count, 0);
	add_positions(engine, 4, 5);
	assert_int_equal(calls_count, 4);
	assert_int_equal(calls_of(1), 0);
	finish(engine);
}

/* ---- between Start and the second call ---- */

static void leave_from_another(struct registrant *me, const struct dhp_processor_change *change)
{
	if (change->state == DHP_CHANGE_START && me->other != NULL)
		leave_list(me->other);
	me->other = NULL;
}

static void unregistered_between_start_and_the_second_call_it_hears_no_more_S187_S186(void **state)
{
	struct dhp_engine *engine = begin(6);

	(void)state;
	listeners[2].also = leave_from_another;
	listeners[2].other = &listeners[0]; /* whose Start was */
	assert_ok(add_position(engine, 2));
	assert_int_equal(calls_count, 5);
	assert_int_equal(calls_of(0), 1);
	finish(engine);
}

static void unregistered_before_its_turn_it_is_skipped_at_once_S186_S181(void **state)
{
	struct dhp_engine *engine = begin(6);

	(void)state;
	listeners[0].also = leave_from_another;
	listeners[0].other = &listeners[1]; /* the next one */
	assert_ok(add_position(engine, 2));
	assert_int_equal(calls_count, 4);
	assert_int_equal(calls_of(1), 0);
	assert_call(0, 0, DHP_CHANGE_START, 2);
	assert_call(1, 2, DHP_CHANGE_START, 2);
	assert_call(2, 0, DHP_CHANGE_COMPLETE, 2);
	assert_call(3, 2, DHP_CHANGE_COMPLETE, 2);
	finish(engine);
}

static void the_last_one_unregistered_before_its_turn_is_skipped_S186(void **state)
{
	struct dhp_engine *engine = begin(6);

	(void)state;
	listeners[1].also = leave_from_another;
	listeners[1].other = &listeners[2];
	assert_ok(add_position(engine, 2));
	assert_int_equal(calls_count, 4);
	assert_int_equal(calls_of(2), 0);
	finish(engine);
}

/* ---- from its own callback ---- */

static enum dhp_change_state leave_at;

static void leave_myself(struct registrant *me, const struct dhp_processor_change *change)
{
	if (change->state == leave_at && me->handle != NULL)
		leave_list(me);
}

static void leave_in_own_call(enum dhp_change_state in, uint32_t who, uint32_t expected, bool fails)
{
	struct dhp_engine *engine = begin(6);

	leave_at = in;
	listeners[who].also = leave_myself;
	if (fails)
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 2), fails ? DHP_INJECTED : DHP_OK);
	assert_int_equal(calls_of(who), expected);
	assert_int_equal(calls_count, 4 + expected);
	assert_ok(add_position(engine, 3)); /* that call was the last one */
	assert_int_equal(calls_of(who), expected);
	finish(engine);
}

static void from_its_own_callback_it_does_not_wait_and_that_call_is_the_last_S185_S187(void **state)
{
	(void)state;
	for (uint32_t who = 0; who < LISTENERS; who++) {
		leave_in_own_call(DHP_CHANGE_START, who, 1, false);
		leave_in_own_call(DHP_CHANGE_COMPLETE, who, 2, false);
		leave_in_own_call(DHP_CHANGE_FAILURE, who, 2, true);
	}
}

static void a_veto_stands_though_the_vetoer_unregisters_in_the_same_call_S185_S175(void **state)
{
	struct dhp_engine *engine = begin(6);

	(void)state;
	leave_at = DHP_CHANGE_START;
	listeners[1].also = leave_myself;
	listeners[1].veto_at = 2;
	assert_status(add_position(engine, 2), DHP_NO_MEMORY);
	assert_int_equal(calls_of(1), 1);
	assert_int_equal(active_count(engine), 2);
	finish(engine);
}

/* ---- from another thread, while the call runs ---- */

struct slow {
	uint64_t entered;
	uint64_t go_on;
	uint64_t left;
	uint64_t left_before; /* the call had returned when unregister did */
	uint64_t returned;
	uint64_t begun;
	struct dhp_notify *handle;
	struct dhp_engine *engine;
	enum dhp_status status;
};

static void call_slowly(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct slow *slow = context;

	(void)change;
	(void)status;
	(void)bump(&slow->entered);
	while (peek(&slow->go_on) == 0)
		sleep_us(50);
	(void)bump(&slow->left);
}

static void *add_one(void *argument)
{
	struct slow *slow = argument;

	slow->status = add_position(slow->engine, 2);
	return NULL;
}

static void *unregister_it(void *argument)
{
	struct slow *slow = argument;

	(void)bump(&slow->begun);
	dhp_notify_unregister(slow->handle);
	slow->left_before = peek(&slow->left);
	(void)bump(&slow->returned);
	return NULL;
}

static void unregister_waits_for_a_call_in_another_thread_S184(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct slow slow = { .engine = engine };
	struct helper helpers[2];

	(void)state;
	assert_ok(dhp_notify_register(engine, call_slowly, &slow, 0, &slow.handle));
	helper_start(&helpers[0], add_one, &slow);
	assert_true(wait_for_count(&slow.entered, 1));
	helper_start(&helpers[1], unregister_it, &slow);
	assert_true(wait_for_count(&slow.begun, 1));
	sleep_us(20000);
	assert_int_equal(peek(&slow.returned), 0); /* it cannot have returned, however long this takes */
	poke(&slow.go_on, 1);
	helper_join(&helpers[0]);
	helper_join(&helpers[1]);
	assert_ok(slow.status);
	assert_int_equal(slow.left_before, 1);
	assert_int_equal(slow.entered, 1); /* Complete is lost: S-187 */
	end_engine(engine);
}

/* ---- under load: the context is freed as soon as unregister has returned ---- */

struct counted {
	uint64_t calls;
	uint64_t inside;
	uint64_t together; /* two calls at once: S-199 */
};

static void count_call(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct counted *counted = context;

	(void)change;
	(void)status;
	counted->together += bump(&counted->inside) != 0;
	counted->calls++;
	(void)__atomic_fetch_sub(&counted->inside, 1, __ATOMIC_RELAXED);
}

struct comer {
	struct dhp_engine *engine;
	struct gate *gate;
	uint64_t over;
	uint64_t times;
	uint64_t wrong;
	uint64_t together;
};

static void *come_and_go(void *argument)
{
	struct comer *comer = argument;

	gate_pass(comer->gate);
	for (uint32_t i = 0; peek(&comer->over) == 0; i++) {
		struct counted *counted = calloc(1, sizeof(*counted));
		struct dhp_notify *handle = NULL;

		if (counted == NULL)
			break;
		comer->wrong += dhp_notify_register(comer->engine, count_call, counted, i & 1, &handle) != DHP_OK;
		dhp_notify_unregister(handle);
		comer->together += counted->together;
		memset(counted, 0xff, sizeof(*counted));
		free(counted);
		(void)bump(&comer->times);
	}
	return NULL;
}

static void contexts_are_freed_right_after_unregister_while_processors_come_S184_S194_S199(void **state)
{
	enum { MOST = 120 };
	struct dhp_engine *engine = make_sim_of(MOST, 1);
	struct helper helpers[2];
	struct comer comers[2];
	struct gate gate;

	(void)state;
	gate_init(&gate, 3);
	for (uint32_t i = 0; i < 2; i++) {
		comers[i] = (struct comer){ .engine = engine, .gate = &gate };
		helper_start(&helpers[i], come_and_go, &comers[i]);
	}
	gate_pass(&gate);
	for (uint32_t i = 0; i < 2; i++)
		assert_true(wait_for_count(&comers[i].times, 1)); /* a loaded machine may start one late */
	for (uint32_t position = 1; position < MOST; position++) {
		if (position % 3 == 0) {
			assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, position), DHP_STEP_BRING_UP, DHP_INJECTED));
			assert_status(add_position(engine, position), DHP_INJECTED);
		}
		assert_ok(add_position(engine, position));
	}
	for (uint32_t i = 0; i < 2; i++) {
		poke(&comers[i].over, 1);
		helper_join(&helpers[i]);
		assert_int_equal(comers[i].wrong, 0);
		assert_int_equal(comers[i].together, 0);
	}
	end_engine(engine);
}

/* ---- what a callback may not do ---- */

static enum dhp_status refused[3][5];

static void no_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	(void)arrival;
}

static void try_everything(struct registrant *me, const struct dhp_processor_change *change)
{
	enum dhp_status *results = refused[change->state];
	struct registrant another = registrant_of(99, me->engine);
	struct dhp_arrival_notify *arrival = NULL;

	results[0] = dhp_notify_register(me->engine, write_down, &another, DHP_NOTIFY_EXISTING, &another.handle);
	results[1] = add_position(me->engine, 5);
	results[2] = dhp_engine_rescan(me->engine);
	results[3] = dhp_engine_destroy(me->engine);
	results[4] = dhp_arrival_register(me->engine, DHP_CLASS_PROCESSOR, no_arrival, NULL, 1, &arrival);
}

static void assert_all_refused(enum dhp_change_state at)
{
	for (uint32_t i = 0; i < 5; i++)
		assert_status(refused[at][i], DHP_IN_CALLBACK);
}

static void a_callback_may_neither_register_nor_add_nor_destroy_S193_S196(void **state)
{
	struct dhp_engine *engine = begin(8);
	struct registrant late = registrant_of(7, engine);

	(void)state;
	memset(refused, 0, sizeof(refused));
	listeners[1].also = try_everything;
	assert_ok(add_position(engine, 2));
	assert_all_refused(DHP_CHANGE_START);
	assert_all_refused(DHP_CHANGE_COMPLETE);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 3), DHP_INJECTED);
	assert_all_refused(DHP_CHANGE_FAILURE);
	/* And in a replay. */
	memset(refused, 0, sizeof(refused));
	late.also = try_everything;
	assert_ok(join_list(&late, DHP_NOTIFY_EXISTING));
	assert_all_refused(DHP_CHANGE_START);
	assert_all_refused(DHP_CHANGE_COMPLETE);
	assert_int_equal(calls_of(99), 0);
	assert_int_equal(active_count(engine), 3);
	leave_list(&late);
	finish(engine);
}

/* ---- a callback may block: S-195 ---- */

struct lazy {
	struct dhp_dpc dpc;
	uint64_t runs;
	uint64_t waited;
	struct dhp_engine *engine;
};

static void count_lazy(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct lazy *lazy = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&lazy->runs);
}

static void wait_for_work_of_others(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct lazy *lazy = context;
	uint64_t before = peek(&lazy->runs);
	void *memory = malloc(1000);

	(void)change;
	(void)status;
	if (dhp_dpc_insert(&lazy->dpc, NULL, NULL) == DHP_OK)
		lazy->waited += wait_for_count(&lazy->runs, before + 1);
	free(memory);
}

static void a_callback_may_allocate_and_wait_for_the_others_S195_S020(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct lazy lazy = { .engine = engine };
	struct dhp_notify *handle;

	(void)state;
	assert_ok(dhp_dpc_init(&lazy.dpc, engine, count_lazy, &lazy));
	assert_ok(dhp_dpc_set_target(&lazy.dpc, 1));
	assert_ok(dhp_notify_register(engine, wait_for_work_of_others, &lazy, DHP_NOTIFY_EXISTING, &handle));
	add_positions(engine, 2, 4);
	assert_int_equal(lazy.waited, 8);
	dhp_notify_unregister(handle);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_handle_is_accepted_S189),
		cmocka_unit_test(unregistering_makes_no_calls_for_what_was_reported_before_S188),
		cmocka_unit_test(unregistered_between_start_and_the_second_call_it_hears_no_more_S187_S186),
		cmocka_unit_test(unregistered_before_its_turn_it_is_skipped_at_once_S186_S181),
		cmocka_unit_test(the_last_one_unregistered_before_its_turn_is_skipped_S186),
		cmocka_unit_test(from_its_own_callback_it_does_not_wait_and_that_call_is_the_last_S185_S187),
		cmocka_unit_test(a_veto_stands_though_the_vetoer_unregisters_in_the_same_call_S185_S175),
		cmocka_unit_test(unregister_waits_for_a_call_in_another_thread_S184),
		cmocka_unit_test(contexts_are_freed_right_after_unregister_while_processors_come_S184_S194_S199),
		cmocka_unit_test(a_callback_may_neither_register_nor_add_nor_destroy_S193_S196),
		cmocka_unit_test(a_callback_may_allocate_and_wait_for_the_others_S195_S020),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
