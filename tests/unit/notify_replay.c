/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registration, and what it reports of the processors that are there already.
 */
#include "notify_log.h"

#define PROCESSORS 5u

static struct dhp_engine *begin(void)
{
	static const uint8_t sizes[] = { 2, 3 };
	const struct sim_setup setup = {
		.maximum = 10, .initial = PROCESSORS, .group_sizes = sizes, .group_size_count = 2, .gap = 3, .seed = 5,
	};

	forget_calls();
	return make_sim(&setup);
}

/* ---- arguments ---- */

static void bad_arguments_are_named_and_nobody_is_called_S101_S108(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);
	struct dhp_notify *handle = NULL;

	(void)state;
	assert_status(dhp_notify_register(NULL, write_down, &me, 1, &handle), DHP_BAD_ENGINE);
	assert_status(dhp_notify_register(engine, NULL, &me, 1, &handle), DHP_BAD_CALLBACK);
	assert_status(dhp_notify_register(engine, write_down, &me, 1, NULL), DHP_BAD_RESULT);
	/* The mirrored entry point ignores bits it does not know (S-106); the native one refuses them. */
	assert_status(dhp_notify_register(engine, write_down, &me, 2, &handle), DHP_BAD_FLAGS);
	assert_status(dhp_notify_register(engine, write_down, &me, 3, &handle), DHP_BAD_FLAGS);
	assert_status(dhp_notify_register(engine, write_down, &me, 0x80000001u, &handle), DHP_BAD_FLAGS);
	assert_null(handle);
	assert_int_equal(calls_count, 0);
	assert_int_equal(DHP_NOTIFY_EXISTING, 1); /* S-105 */
	add_positions(engine, PROCESSORS, PROCESSORS + 1);
	assert_int_equal(calls_count, 0);
	end_engine(engine);
}

static uint64_t null_calls;
static uint64_t other_calls;

static void count_null(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)change;
	(void)status;
	if (context == NULL)
		null_calls++;
	else
		other_calls++;
}

static void the_context_is_passed_on_and_may_be_null_S101(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_notify *handle;

	(void)state;
	null_calls = other_calls = 0;
	assert_ok(dhp_notify_register(engine, count_null, NULL, DHP_NOTIFY_EXISTING, &handle));
	assert_non_null(handle); /* S-103 */
	assert_int_equal(null_calls, 2 * PROCESSORS);
	assert_int_equal(other_calls, 0);
	dhp_notify_unregister(handle);
	end_engine(engine);
}

/* ---- without and with the flag ---- */

static void without_the_flag_existing_processors_are_never_reported_S107_S113(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	assert_ok(join_list(&me, 0));
	assert_int_equal(calls_count, 0);
	add_positions(engine, PROCESSORS, PROCESSORS + 2);
	assert_int_equal(calls_count, 4);
	for (uint32_t i = 0; i < 2; i++) {
		assert_call(2 * i, 1, DHP_CHANGE_START, PROCESSORS + i);
		assert_call(2 * i + 1, 1, DHP_CHANGE_COMPLETE, PROCESSORS + i);
	}
	leave_list(&me);
	add_positions(engine, PROCESSORS + 2, PROCESSORS + 3);
	assert_int_equal(calls_count, 4);
	end_engine(engine);
}

static void the_replay_is_all_starts_then_all_completes_ascending_S120_to_S125(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	assert_int_equal(calls_count, 2 * PROCESSORS);
	for (uint32_t i = 0; i < PROCESSORS; i++) {
		assert_call(i, 1, DHP_CHANGE_START, i);
		assert_call(PROCESSORS + i, 1, DHP_CHANGE_COMPLETE, i);
	}
	for (uint32_t i = 0; i < calls_count; i++)
		assert_true(pthread_equal(calls[i].thread, pthread_self())); /* S-158 */
	leave_list(&me);
	end_engine(engine);
}

static void the_records_of_a_replay_agree_with_the_mappings_S127_S135(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	for (uint32_t i = 0; i < calls_count; i++) {
		const struct dhp_processor_change *change = &calls[i].change;
		struct dhp_processor processor;
		uint32_t index;

		assert_ok(dhp_processor_at(engine, change->index, &processor));
		assert_int_equal(change->cpu, processor.cpu);
		assert_memory_equal(&change->number, &processor.number, sizeof(processor.number));
		assert_ok(dhp_index_of_number(engine, change->number, &index));
		assert_int_equal(index, change->index);
		assert_ok(change->status);
		assert_ok(calls[i].on_entry);
	}
	leave_list(&me);
	end_engine(engine);
}

static void a_replay_goes_to_the_new_registrant_only_S126(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant first = registrant_of(1, engine), second = registrant_of(2, engine);

	(void)state;
	assert_ok(join_list(&first, 0));
	assert_ok(join_list(&second, DHP_NOTIFY_EXISTING));
	assert_int_equal(calls_count, 2 * PROCESSORS);
	for (uint32_t i = 0; i < calls_count; i++)
		assert_int_equal(calls[i].who, 2);
	leave_list(&first);
	leave_list(&second);
	end_engine(engine);
}

static void the_same_callback_and_context_may_register_twice_S110(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);
	struct dhp_notify *first, *second;

	(void)state;
	assert_ok(dhp_notify_register(engine, write_down, &me, 0, &first));
	assert_ok(dhp_notify_register(engine, write_down, &me, 0, &second));
	assert_ptr_not_equal(first, second);
	add_positions(engine, PROCESSORS, PROCESSORS + 1);
	assert_int_equal(calls_count, 4);
	dhp_notify_unregister(first);
	add_positions(engine, PROCESSORS + 1, PROCESSORS + 2);
	assert_int_equal(calls_count, 6);
	dhp_notify_unregister(second);
	end_engine(engine);
}

/* ---- a veto in the replay ---- */

static void veto_replay_at(uint32_t position)
{
	struct dhp_engine *engine = begin();
	struct registrant first = registrant_of(1, engine), me = registrant_of(2, engine);
	struct dhp_counts before = counts_of(engine), after;

	assert_ok(join_list(&first, 0));
	me.veto_at = position;
	me.veto = DHP_TOO_SMALL; /* any failing value comes back as it is */
	assert_status(join_list(&me, DHP_NOTIFY_EXISTING), DHP_TOO_SMALL); /* S-132 */
	assert_null(me.handle);
	assert_int_equal(calls_count, 2 * position + 1); /* S-131 */
	for (uint32_t i = 0; i <= position; i++)
		assert_call(i, 2, DHP_CHANGE_START, i); /* S-128 */
	for (uint32_t i = 0; i < position; i++) {
		const struct logged *call = &calls[position + 1 + i];

		assert_call(position + 1 + i, 2, DHP_CHANGE_FAILURE, i); /* S-129, S-130 */
		assert_status(call->on_entry, DHP_TOO_SMALL);            /* S-135 */
		assert_status(call->change.status, DHP_TOO_SMALL);
	}
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before)); /* S-133 */
	/* It is not on the list; the other one is. */
	forget_calls();
	add_positions(engine, PROCESSORS, PROCESSORS + 1);
	assert_int_equal(calls_count, 2);
	assert_call(0, 1, DHP_CHANGE_START, PROCESSORS);
	leave_list(&first);
	end_engine(engine);
}

static void a_veto_in_the_replay_gives_2F_plus_1_calls_and_no_registration_S128_to_S135(void **state)
{
	(void)state;
	veto_replay_at(0);
	veto_replay_at(1);
	veto_replay_at(PROCESSORS / 2);
	veto_replay_at(PROCESSORS - 1);
}

static void after_a_vetoed_replay_the_same_client_can_register_S132(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	me.veto_at = 1;
	assert_status(join_list(&me, DHP_NOTIFY_EXISTING), DHP_NO_MEMORY);
	me.veto_at = DHP_NO_INDEX;
	forget_calls();
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	assert_int_equal(calls_count, 2 * PROCESSORS);
	leave_list(&me);
	end_engine(engine);
}

static void a_failing_value_in_a_complete_refuses_nothing_S136_S137(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	me.stores_later = true;
	me.stored = DHP_NO_MEMORY;
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	assert_int_equal(calls_count, 2 * PROCESSORS);
	for (uint32_t i = 0; i < calls_count; i++)
		assert_ok(calls[i].on_entry); /* success again before every call */
	leave_list(&me);
	end_engine(engine);
}

static void a_value_above_zero_in_the_replay_is_no_veto_S173(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	me.stores_in_start = true;
	me.stored = DHP_ALREADY_QUEUED;
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	assert_int_equal(calls_count, 2 * PROCESSORS);
	leave_list(&me);
	end_engine(engine);
}

static void a_scribbling_callback_disturbs_no_later_call_of_the_replay_S169(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);

	(void)state;
	me.scribbles = true;
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	for (uint32_t i = 0; i < PROCESSORS; i++) {
		assert_call(i, 1, DHP_CHANGE_START, i);
		assert_call(PROCESSORS + i, 1, DHP_CHANGE_COMPLETE, i);
	}
	leave_list(&me);
	end_engine(engine);
}

/* ---- against processors that arrive ---- */

struct book {
	uint32_t starts[64];
	uint32_t seconds[64];
};

static void keep_book(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct book *book = context;

	(void)status;
	if (change->state == DHP_CHANGE_START)
		book->starts[change->index]++;
	else
		book->seconds[change->index]++;
}

struct adder {
	struct dhp_engine *engine;
	struct gate *gate;
	uint64_t failed;
};

static void *add_all(void *argument)
{
	struct adder *adder = argument;

	gate_pass(adder->gate);
	for (uint32_t position = 1; position < 48; position++) {
		adder->failed += add_position(adder->engine, position) != DHP_OK;
		sleep_us(position % 3 * 10);
	}
	return NULL;
}

/* Each processor by the replay or by its own transaction: never twice, never not at all. */
static void registration_is_atomic_against_arrivals_S138_S139(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(40); round++) {
		static struct book books[40];
		struct dhp_engine *engine = make_sim_of(48, 1);
		struct dhp_notify *handles[40];
		struct helper helper;
		struct gate gate;
		struct adder adder = { .engine = engine, .gate = &gate };

		memset(books, 0, sizeof(books));
		gate_init(&gate, 2);
		helper_start(&helper, add_all, &adder);
		gate_pass(&gate);
		for (uint32_t i = 0; i < 40; i++)
			assert_ok(dhp_notify_register(engine, keep_book, &books[i], i % 4 == 3 ? 0 : DHP_NOTIFY_EXISTING,
						      &handles[i]));
		helper_join(&helper);
		assert_int_equal(adder.failed, 0);
		for (uint32_t i = 0; i < 40; i++) {
			for (uint32_t index = 0; index < 48; index++) {
				assert_int_equal(books[i].starts[index], books[i].seconds[index]);
				if (i % 4 != 3)
					assert_int_equal(books[i].starts[index], 1);
				else
					assert_true(books[i].starts[index] <= 1);
			}
			dhp_notify_unregister(handles[i]);
		}
		end_engine(engine);
	}
}

struct late {
	struct dhp_engine *engine;
	struct dhp_notify *handle;
	uint32_t flags;
	struct book book;
	uint64_t begun, done, failed;
};

static void *register_late(void *argument)
{
	struct late *late = argument;

	(void)bump(&late->begun);
	if (dhp_notify_register(late->engine, keep_book, &late->book, late->flags, &late->handle) != DHP_OK)
		(void)bump(&late->failed);
	(void)bump(&late->done);
	return NULL;
}

static uint64_t in_call, let_go;

static void hold_up(struct registrant *me, const struct dhp_processor_change *change)
{
	(void)me;
	(void)change;
	(void)bump(&in_call);
	while (peek(&let_go) == 0)
		sleep_us(50);
}

static void *add_next(void *argument)
{
	struct adder *adder = argument;

	adder->failed += add_position(adder->engine, PROCESSORS) != DHP_OK;
	return NULL;
}

/* One without the flag and one with it, while Start of a transaction is held up. */
static void registration_waits_for_the_end_of_a_transaction_S139_S138(void **state)
{
	struct dhp_engine *engine = begin();
	struct registrant me = registrant_of(1, engine);
	struct adder adder = { .engine = engine };
	struct late late[] = { { .engine = engine, .flags = 0 }, { .engine = engine, .flags = DHP_NOTIFY_EXISTING } };
	struct helper helpers[3];

	(void)state;
	poke(&in_call, 0);
	poke(&let_go, 0);
	me.also = hold_up;
	assert_ok(join_list(&me, 0));
	helper_start(&helpers[2], add_next, &adder);
	assert_true(wait_for_count(&in_call, 1));
	for (uint32_t i = 0; i < 2; i++) {
		helper_start(&helpers[i], register_late, &late[i]);
		assert_true(wait_for_count(&late[i].begun, 1));
	}
	sleep_us(20000);
	assert_int_equal(peek(&late[0].done) + peek(&late[1].done), 0); /* it cannot have, however long this takes */
	poke(&let_go, 1);
	for (uint32_t i = 0; i < 3; i++)
		helper_join(&helpers[i]);
	assert_int_equal(adder.failed + late[0].failed + late[1].failed, 0);
	for (uint32_t index = 0; index <= PROCESSORS; index++) {
		assert_int_equal(late[0].book.starts[index] + late[0].book.seconds[index], 0); /* nothing of this one either */
		assert_int_equal(late[1].book.starts[index], 1);
		assert_int_equal(late[1].book.seconds[index], 1);
	}
	assert_ok(add_position(engine, PROCESSORS + 1));
	assert_int_equal(late[0].book.starts[PROCESSORS + 1] + late[0].book.seconds[PROCESSORS + 1], 2);
	for (uint32_t i = 0; i < 2; i++)
		dhp_notify_unregister(late[i].handle);
	leave_list(&me);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_arguments_are_named_and_nobody_is_called_S101_S108),
		cmocka_unit_test(the_context_is_passed_on_and_may_be_null_S101),
		cmocka_unit_test(without_the_flag_existing_processors_are_never_reported_S107_S113),
		cmocka_unit_test(the_replay_is_all_starts_then_all_completes_ascending_S120_to_S125),
		cmocka_unit_test(the_records_of_a_replay_agree_with_the_mappings_S127_S135),
		cmocka_unit_test(a_replay_goes_to_the_new_registrant_only_S126),
		cmocka_unit_test(the_same_callback_and_context_may_register_twice_S110),
		cmocka_unit_test(a_veto_in_the_replay_gives_2F_plus_1_calls_and_no_registration_S128_to_S135),
		cmocka_unit_test(after_a_vetoed_replay_the_same_client_can_register_S132),
		cmocka_unit_test(a_failing_value_in_a_complete_refuses_nothing_S136_S137),
		cmocka_unit_test(a_value_above_zero_in_the_replay_is_no_veto_S173),
		cmocka_unit_test(a_scribbling_callback_disturbs_no_later_call_of_the_replay_S169),
		cmocka_unit_test(registration_is_atomic_against_arrivals_S138_S139),
		cmocka_unit_test(registration_waits_for_the_end_of_a_transaction_S139_S138),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
