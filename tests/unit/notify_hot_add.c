/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One processor arrives: Start to all, then Complete or Failure to all; who may say no, and what the others hear of it.
 */
#include "notify_log.h"

#define LISTENERS 4u

static struct registrant listeners[LISTENERS];

static struct dhp_engine *begin(void)
{
	static const uint8_t sizes[] = { 3, 2 };
	const struct sim_setup setup = {
		.maximum = 12, .initial = 3, .group_sizes = sizes, .group_size_count = 2, .gap = 2, .seed = 9,
	};
	struct dhp_engine *engine = make_sim(&setup);

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

/* Start to all in order of registration, then `second` to all in the same order; nothing else. */
static void assert_transaction(enum dhp_change_state second, uint32_t index, enum dhp_status reason)
{
	assert_int_equal(calls_count, 2 * LISTENERS);
	for (uint32_t i = 0; i < LISTENERS; i++) {
		assert_call(i, i, DHP_CHANGE_START, index);
		assert_ok(calls[i].change.status);
		assert_call(LISTENERS + i, i, second, index);
		assert_status(calls[LISTENERS + i].change.status, reason);
		assert_status(calls[LISTENERS + i].on_entry, reason); /* S-174 */
	}
}

static void each_gets_start_and_complete_phase_after_phase_in_order_S145_S146_S150_S192(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	assert_ok(add_position(engine, 5));
	assert_transaction(DHP_CHANGE_COMPLETE, 3, DHP_OK);
	forget_calls();
	assert_ok(add_position(engine, 3)); /* S-152: the next index, whatever the position */
	assert_transaction(DHP_CHANGE_COMPLETE, 4, DHP_OK);
	finish(engine);
}

static void the_newcomer_counts_from_complete_on_S152_S153(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	assert_ok(add_position(engine, 3));
	for (uint32_t i = 0; i < LISTENERS; i++) {
		assert_int_equal(calls[i].active, 3);
		assert_int_equal(calls[LISTENERS + i].active, 4);
	}
	finish(engine);
}

/* In the mode of two threads the second calls come in another one. */
static void all_calls_come_in_the_thread_that_adds_S158_S159(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	assert_ok(add_position(engine, 3));
	assert_int_equal(calls_count, 2 * LISTENERS);
	for (uint32_t i = 0; i < calls_count; i++) {
		const bool elsewhere = test_mode() == DHP_ENGINE_TWO_THREADS && i >= LISTENERS;

		assert_int_equal(pthread_equal(calls[i].thread, pthread_self()) != 0, !elsewhere);
	}
	finish(engine);
}

/* ---- the mappings inside Start ---- */

static enum dhp_status mapped[3];

static void map(struct registrant *me, const struct dhp_processor_change *change)
{
	struct dhp_processor processor;
	uint32_t index = DHP_NO_INDEX;

	mapped[change->state] = DHP_BAD_RESULT;
	if (dhp_processor_at(me->engine, change->index, &processor) != DHP_OK || processor.cpu != change->cpu ||
	    memcmp(&processor.number, &change->number, sizeof(change->number)) != 0)
		return;
	if (dhp_index_of_number(me->engine, change->number, &index) != DHP_OK || index != change->index)
		return;
	mapped[change->state] = DHP_OK;
}

static void the_mappings_work_in_every_call_S154_S167(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	listeners[1].also = map;
	assert_ok(add_position(engine, 7));
	assert_ok(mapped[DHP_CHANGE_START]);
	assert_ok(mapped[DHP_CHANGE_COMPLETE]);
	assert_int_equal(calls[0].change.number.group, 2); /* positions 0-2, 3-4, 5-7 */
	assert_int_equal(calls[0].change.number.number, 2);
	assert_int_equal(calls[0].change.index, 3); /* S-166: neither of the two */
	assert_int_equal(calls[0].change.cpu, dhp_sim_cpu(engine, 7));
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 8), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 8), DHP_INJECTED);
	assert_ok(mapped[DHP_CHANGE_FAILURE]);
	finish(engine);
}

static void the_state_values_are_those_of_the_header_S165(void **state)
{
	(void)state;
	assert_int_equal(DHP_CHANGE_START, 0);
	assert_int_equal(DHP_CHANGE_COMPLETE, 1);
	assert_int_equal(DHP_CHANGE_FAILURE, 2);
}

/* ---- failures ---- */

static void when_the_bring_up_fails_all_hear_failure_with_the_reason_S147_S179_S174(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_counts before = counts_of(engine), after;

	(void)state;
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, 3), DHP_NO_THREAD);
	assert_transaction(DHP_CHANGE_FAILURE, 3, DHP_NO_THREAD);
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	/* S-160, S-182: the same index is offered again, afresh. */
	forget_calls();
	assert_ok(add_position(engine, 3));
	assert_transaction(DHP_CHANGE_COMPLETE, 3, DHP_OK);
	finish(engine);
}

static void a_step_that_fails_before_start_is_heard_by_nobody_S181(void **state)
{
	static const enum dhp_step steps[] = { DHP_STEP_RESERVE, DHP_STEP_PREPARE, DHP_STEP_START };
	struct dhp_engine *engine = begin();

	(void)state;
	for (size_t i = 0; i < LENGTH(steps); i++) {
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), steps[i], DHP_INJECTED));
		assert_status(add_position(engine, 3), DHP_INJECTED);
		assert_int_equal(calls_count, 0);
	}
	finish(engine);
}

static void adds_that_cannot_begin_are_heard_by_nobody_S161(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	assert_status(dhp_sim_add(engine, dhp_sim_cpu(engine, 0)), DHP_ALREADY_THERE);
	assert_status(dhp_sim_add(engine, 60000), DHP_BAD_CPU);
	assert_int_equal(calls_count, 0);
	finish(engine);
}

/* ---- vetoes ---- */

static void a_veto_by_anyone_is_heard_by_all_the_vetoer_too_S175_S176_S178_S179(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	for (uint32_t vetoer = 0; vetoer < LISTENERS; vetoer++) {
		struct dhp_counts before = counts_of(engine), after;

		forget_calls();
		listeners[vetoer].veto_at = 3;
		listeners[vetoer].veto = DHP_TOO_SMALL;
		assert_status(add_position(engine, 4), DHP_TOO_SMALL);
		assert_transaction(DHP_CHANGE_FAILURE, 3, DHP_TOO_SMALL);
		for (uint32_t i = 0; i < LISTENERS; i++) /* later ones see the veto on entry */
			assert_status(calls[i].on_entry, i > vetoer ? DHP_TOO_SMALL : DHP_OK);
		after = counts_of(engine);
		assert_memory_equal(&before, &after, sizeof(before));
		listeners[vetoer].veto_at = DHP_NO_INDEX;
	}
	forget_calls();
	assert_ok(add_position(engine, 4)); /* S-182 */
	assert_transaction(DHP_CHANGE_COMPLETE, 3, DHP_OK);
	finish(engine);
}

static void the_first_veto_wins_over_a_second_S177(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	listeners[1].veto_at = 3;
	listeners[1].veto = DHP_TOO_SMALL;
	listeners[2].veto_at = 3;
	listeners[2].veto = DHP_NO_MEMORY;
	assert_status(add_position(engine, 3), DHP_TOO_SMALL);
	assert_transaction(DHP_CHANGE_FAILURE, 3, DHP_TOO_SMALL);
	assert_status(calls[3].on_entry, DHP_TOO_SMALL);
	finish(engine);
}

static void a_veto_is_not_taken_back_by_a_later_success_S177(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	listeners[0].veto_at = 3;
	listeners[0].veto = DHP_NO_MEMORY;
	listeners[2].stores_in_start = true;
	listeners[2].stored = DHP_OK;
	assert_status(add_position(engine, 3), DHP_NO_MEMORY);
	assert_transaction(DHP_CHANGE_FAILURE, 3, DHP_NO_MEMORY);
	assert_status(calls[3].on_entry, DHP_NO_MEMORY); /* also after the reset */
	finish(engine);
}

static void a_value_above_zero_is_no_veto_S173(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	for (uint32_t i = 0; i < LISTENERS; i++) {
		listeners[i].stores_in_start = true;
		listeners[i].stored = i % 2 == 0 ? DHP_ALREADY_QUEUED : DHP_NOT_QUEUED;
	}
	assert_ok(add_position(engine, 3));
	assert_transaction(DHP_CHANGE_COMPLETE, 3, DHP_OK);
	for (uint32_t i = 0; i < LISTENERS; i++)
		assert_ok(calls[i].on_entry);
	finish(engine);
}

static void a_value_stored_in_complete_or_failure_has_no_effect_S180_S136(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	listeners[1].stores_later = true;
	listeners[1].stored = DHP_NO_MEMORY;
	assert_ok(add_position(engine, 3));
	assert_transaction(DHP_CHANGE_COMPLETE, 3, DHP_OK);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 4), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	forget_calls();
	listeners[1].stored = DHP_OK;
	assert_status(add_position(engine, 4), DHP_NO_THREAD);
	assert_transaction(DHP_CHANGE_FAILURE, 4, DHP_NO_THREAD);
	finish(engine);
}

static void a_scribbling_callback_disturbs_nobody_S169(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_number number;

	(void)state;
	listeners[0].scribbles = true;
	listeners[2].scribbles = true;
	assert_ok(add_position(engine, 3));
	assert_transaction(DHP_CHANGE_COMPLETE, 3, DHP_OK);
	number = calls[0].change.number;
	for (uint32_t i = 0; i < calls_count; i++) {
		assert_memory_equal(&calls[i].change.number, &number, sizeof(number));
		assert_int_equal(calls[i].change.cpu, dhp_sim_cpu(engine, 3));
	}
	forget_calls();
	assert_ok(add_position(engine, 4));
	assert_transaction(DHP_CHANGE_COMPLETE, 4, DHP_OK);
	finish(engine);
}

/* ---- several processors at once ---- */

struct adder {
	struct dhp_engine *engine;
	struct gate *gate;
	uint32_t first;
	uint64_t failed;
};

static void *add_every_third(void *argument)
{
	struct adder *adder = argument;

	gate_pass(adder->gate);
	for (uint32_t position = adder->first; position < 12; position += 3)
		adder->failed += add_position(adder->engine, position) != DHP_OK;
	return NULL;
}

static void linger(struct registrant *me, const struct dhp_processor_change *change)
{
	(void)me;
	(void)change;
	sleep_us(50);
}

/* S-199 too: the log is plain memory, and a race detector watches it. */
static void transactions_do_not_mix_when_threads_add_at_once_S149_S150_S199(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(40); round++) {
		struct dhp_engine *engine = begin();
		struct helper helpers[3];
		struct adder adders[3];
		struct gate gate;

		listeners[1].also = linger;
		gate_init(&gate, 3);
		for (uint32_t i = 0; i < 3; i++) {
			adders[i] = (struct adder){ .engine = engine, .gate = &gate, .first = 3 + i };
			helper_start(&helpers[i], add_every_third, &adders[i]);
		}
		for (uint32_t i = 0; i < 3; i++) {
			helper_join(&helpers[i]);
			assert_int_equal(adders[i].failed, 0);
		}
		assert_int_equal(calls_count, 9 * 2 * LISTENERS);
		for (uint32_t i = 0; i < calls_count; i++) {
			uint32_t at = i % (2 * LISTENERS);

			assert_call(i, at % LISTENERS, at < LISTENERS ? DHP_CHANGE_START : DHP_CHANGE_COMPLETE,
				    3 + i / (2 * LISTENERS));
		}
		finish(engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_start_and_complete_phase_after_phase_in_order_S145_S146_S150_S192),
		cmocka_unit_test(the_newcomer_counts_from_complete_on_S152_S153),
		cmocka_unit_test(all_calls_come_in_the_thread_that_adds_S158_S159),
		cmocka_unit_test(the_mappings_work_in_every_call_S154_S167),
		cmocka_unit_test(the_state_values_are_those_of_the_header_S165),
		cmocka_unit_test(when_the_bring_up_fails_all_hear_failure_with_the_reason_S147_S179_S174),
		cmocka_unit_test(a_step_that_fails_before_start_is_heard_by_nobody_S181),
		cmocka_unit_test(adds_that_cannot_begin_are_heard_by_nobody_S161),
		cmocka_unit_test(a_veto_by_anyone_is_heard_by_all_the_vetoer_too_S175_S176_S178_S179),
		cmocka_unit_test(the_first_veto_wins_over_a_second_S177),
		cmocka_unit_test(a_veto_is_not_taken_back_by_a_later_success_S177),
		cmocka_unit_test(a_value_above_zero_is_no_veto_S173),
		cmocka_unit_test(a_value_stored_in_complete_or_failure_has_no_effect_S180_S136),
		cmocka_unit_test(a_scribbling_callback_disturbs_nobody_S169),
		cmocka_unit_test(transactions_do_not_mix_when_threads_add_at_once_S149_S150_S199),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
