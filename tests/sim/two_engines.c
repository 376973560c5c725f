/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Engines in one process know nothing of each other: two simulated ones grow at once, and the machine's beside them.
 */
#include "support.h"

#include "picture.h"

#define MAXIMUM 60u

static const uint8_t three_and_five[] = { 3, 5 };

struct side {
	struct dhp_engine *engine;
	struct gate *gate;
	uint64_t seed;
	uint64_t wrong, heard, runs;
	struct dhp_notify *notify;
};

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct side *side = context;

	(void)status;
	if (change->state == DHP_CHANGE_COMPLETE)
		(void)bump(&side->heard);
}

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct side *side = context;

	(void)dpc;
	(void)argument_2;
	if (dhp_index_here(side->engine) != (uint32_t)(uintptr_t)argument_1)
		(void)bump(&side->wrong);
	(void)bump(&side->runs);
}

static void aim_and_insert(struct side *side, struct dhp_dpc *dpc, uint32_t index)
{
	if (dhp_dpc_init(dpc, side->engine, routine, side) != DHP_OK || dhp_dpc_set_target(dpc, index) != DHP_OK ||
	    dhp_dpc_insert(dpc, (void *)(uintptr_t)index, NULL) != DHP_OK)
		(void)bump(&side->wrong);
}

static void *grow(void *argument)
{
	struct side *side = argument;
	struct dhp_dpc dpcs[MAXIMUM];

	gate_pass(side->gate);
	for (uint32_t position = 1; position < MAXIMUM; position++) {
		if (add_position(side->engine, position) != DHP_OK)
			(void)bump(&side->wrong);
		aim_and_insert(side, &dpcs[position], position);
	}
	if (dhp_dpc_flush(side->engine) != DHP_OK)
		(void)bump(&side->wrong);
	return NULL;
}

static void engines_side_by_side_know_nothing_of_each_other(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine) };
	struct dhp_engine *real = NULL;
	struct dhp_counts before;

	(void)state;
	assert_ok(dhp_engine_create(&machine, &real));
	before = counts_of(real);
	for (uint64_t round = 0; round < TIMES(10u); round++) {
		struct gate gate;
		struct side sides[2] = { { .gate = &gate, .seed = round }, { .gate = &gate, .seed = round + 100 } };
		struct helper helpers[2];

		gate_init(&gate, 2);
		for (size_t i = 0; i < 2; i++) {
			struct sim_setup setup = { .maximum = MAXIMUM, .initial = 1, .gap = 5, .seed = sides[i].seed,
				.group_sizes = i == 0 ? three_and_five : NULL, .group_size_count = i == 0 ? 2 : 0 };

			sides[i].engine = make_sim(&setup);
			assert_ok(dhp_notify_register(sides[i].engine, hear, &sides[i], 0, &sides[i].notify));
		}
		for (size_t i = 0; i < 2; i++)
			helper_start(&helpers[i], grow, &sides[i]);
		for (size_t i = 0; i < 2; i++)
			helper_join(&helpers[i]);
		for (size_t i = 0; i < 2; i++) {
			assert_true(peek(&sides[i].wrong) == 0);
			assert_true(peek(&sides[i].heard) == MAXIMUM - 1);
			assert_true(peek(&sides[i].runs) == MAXIMUM - 1);
			assert_consistent(sides[i].engine);
			dhp_notify_unregister(sides[i].notify);
			end_engine(sides[i].engine);
		}
	}
	assert_int_equal(counts_of(real).active, before.active);
	end_engine(real);
}

static void engines_end_in_any_order(void **state)
{
	struct dhp_engine *engines[4];

	(void)state;
	for (size_t i = 0; i < LENGTH(engines); i++)
		engines[i] = make_sim_of(8, (uint32_t)i + 1);
	end_engine(engines[1]);
	end_engine(engines[3]);
	add_positions(engines[0], 1, 8);
	end_engine(engines[0]);
	add_positions(engines[2], 3, 8);
	assert_consistent(engines[2]);
	end_engine(engines[2]);
}

/* Made and ended over and over: nothing is left that would add up. */
static void engines_come_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < TIMES(200); i++) {
		struct dhp_engine *engine = make_sim_of(16, 4);

		add_positions(engine, 4, 8);
		end_engine(engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_side_by_side_know_nothing_of_each_other),
		cmocka_unit_test(engines_end_in_any_order),
		cmocka_unit_test(engines_come_and_go),
	};

	return cmocka_run_group_tests_name("two_engines", tests, NULL, NULL);
}
