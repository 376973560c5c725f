/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One function on all processors together, in the two ways that Windows has.
 */
#include "bound.h"

#define MOST 8u
#define ROUNDS 5u

static uint64_t runs, by_index[MOST];
static KIPI_BROADCAST_WORKER broadcast;

static ULONG_PTR broadcast(ULONG_PTR argument)
{
	ULONG index = KeGetCurrentProcessorIndex();

	(void)bump(&runs);
	(void)bump(&by_index[index % MOST]);
	return KeGetCurrentIrql() == DISPATCH_LEVEL ? argument + index : 0;
}

static void a_broadcast_runs_on_each_and_gives_the_callers_result_S710_S712(void **state)
{
	struct dhp_engine *engine = bind_sim_of(MOST, 2);

	(void)state;
	memset(by_index, 0, sizeof(by_index));
	poke(&runs, 0);
	assert_int_equal(KeIpiGenericCall(broadcast, 100), 100);
	assert_int_equal(peek(&runs), 2);
	add_positions(engine, 2, MOST);
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 5)));
	assert_int_equal(KeIpiGenericCall(broadcast, 1000), 1005);
	dhp_sim_exit();
	assert_int_equal(peek(&runs), 2 + MOST);
	for (uint32_t index = 0; index < MOST; index++)
		assert_int_equal(by_index[index], index < 2 ? 2 : 1);
	assert_int_equal(KeIpiGenericCall(NULL, 0), 0);
	unbind_sim(engine);
	assert_int_equal(KeIpiGenericCall(broadcast, 1), 0); /* no engine */
	assert_int_equal(peek(&runs), 2 + MOST);
}

struct generic {
	uint64_t come[ROUNDS], alone, leaders[ROUNDS], ended, wrong_level, wrong_context;
	uint32_t expected;
};

static KDEFERRED_ROUTINE meet_often;

/* All have come to a round before anybody is past it, and one of them is told so. */
static VOID meet_often(struct _KDPC *dpc, PVOID context, PVOID argument_1, PVOID argument_2)
{
	struct generic *generic = context;

	if (dpc == NULL || argument_1 == NULL || argument_2 == NULL)
		(void)bump(&generic->wrong_context);
	if (KeGetCurrentIrql() != DISPATCH_LEVEL)
		(void)bump(&generic->wrong_level);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		(void)bump(&generic->come[round]);
		if (KeSignalCallDpcSynchronize(argument_2))
			(void)bump(&generic->leaders[round]);
		if (peek(&generic->come[round]) != generic->expected)
			(void)bump(&generic->alone);
	}
	(void)bump(&generic->ended);
	KeSignalCallDpcDone(argument_1);
}

static void assert_generic(uint32_t count)
{
	struct generic generic = { .expected = count };

	KeGenericCallDpc(meet_often, &generic);
	assert_int_equal(generic.ended, count);
	assert_int_equal(generic.alone, 0);
	assert_int_equal(generic.wrong_level, 0);
	assert_int_equal(generic.wrong_context, 0);
	for (uint32_t round = 0; round < ROUNDS; round++)
		assert_int_equal(generic.leaders[round], 1);
}

static void routines_of_a_generic_call_meet_as_often_as_they_like(void **state)
{
	struct dhp_engine *engine = bind_sim_of(MOST, 1);

	(void)state;
	assert_generic(1);
	for (uint32_t position = 1; position < MOST; position++) {
		add_positions(engine, position, position + 1);
		assert_generic(position + 1);
	}
	unbind_sim(engine);
}

static void *call_in_turn(void *argument)
{
	for (int i = 0; i < TIMES(100); i++) {
		struct generic generic = { .expected = 3 };

		KeGenericCallDpc(meet_often, &generic);
		if (generic.ended != 3 || generic.alone != 0)
			(void)bump(argument);
	}
	return NULL;
}

static void concurrent_calls_of_both_kinds_take_turns_S714(void **state)
{
	struct dhp_engine *engine = bind_sim_of(3, 3);
	struct helper helpers[2];
	uint64_t wrong = 0;

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		helper_start(&helpers[i], call_in_turn, &wrong);
	for (int i = 0; i < TIMES(100); i++)
		assert_int_equal(KeIpiGenericCall(broadcast, 50), 50);
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&helpers[i]);
	assert_int_equal(peek(&wrong), 0);
	unbind_sim(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broadcast_runs_on_each_and_gives_the_callers_result_S710_S712),
		cmocka_unit_test(routines_of_a_generic_call_meet_as_often_as_they_like),
		cmocka_unit_test(concurrent_calls_of_both_kinds_take_turns_S714),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
