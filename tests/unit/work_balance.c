/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Balance: work without target goes where somebody is free; work with a target stays.
 */
#include "work_hold.h"

#include "queue.h"

#define COUNT 60u

static uint32_t place_kind(struct tick *tick)
{
	return (uint32_t)dhpi_place_kind(at_load_relaxed_u32(&dhpi_dpc(&tick->dpc)->place));
}

static void init_all(struct tick *ticks, uint32_t count, struct dhp_engine *engine, uint32_t index)
{
	for (uint32_t i = 0; i < count; i++)
		tick_init(&ticks[i], engine, index);
}

static void insert_all(struct tick *ticks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		tick_insert(&ticks[i]);
}

static void work_behind_a_long_routine_runs_elsewhere_and_targeted_work_stays_S620(void **state)
{
	static struct tick aimed[COUNT], movable[COUNT];
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct hold hold;

	(void)state;
	init_all(aimed, COUNT, engine, 0);
	init_all(movable, COUNT, engine, DHP_NO_INDEX);
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		tick_insert(&aimed[i]);
		tick_insert(&movable[i]);
	}
	assert_true(wait_for_ticks(movable, COUNT, COUNT));
	assert_int_equal(ticks_run(aimed, COUNT), 0);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_not_equal(peek(&movable[i].index), 0);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(ticks_run(aimed, COUNT), COUNT);
	assert_int_equal(ticks_run(movable, COUNT), COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(peek(&aimed[i].index), 0);
	assert_int_equal(stats_of(engine, 1).stolen_count + stats_of(engine, 2).stolen_count, COUNT);
	assert_int_equal(stats_of(engine, 0).stolen_count, 0);
	assert_int_equal(stats_of(engine, 0).run_count, COUNT + 1);
	end_engine(engine);
}

static void work_is_taken_over_from_the_list_S620(void **state)
{
	static struct tick movable[20];
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold holds[2];
	struct tick aimed;

	(void)state;
	init_all(movable, 20, engine, DHP_NO_INDEX);
	tick_init(&aimed, engine, 0);
	hold_processor(&holds[0], engine, 0);
	hold_processor(&holds[1], engine, 1);
	insert_all(movable, 20);
	tick_insert(&aimed);
	assert_ok(dhp_dpc_remove(&aimed.dpc)); /* this empties the inbox into the lists */
	assert_int_equal(place_kind(&movable[0]), DHPI_PLACE_PENDING);
	hold_release(&holds[1]);
	assert_true(wait_for_ticks(movable, 20, 20));
	hold_release(&holds[0]);
	flush(engine);
	assert_int_equal(stats_of(engine, 1).stolen_count, 20);
	end_engine(engine);
}

static void work_is_taken_over_from_the_window_S620(void **state)
{
	static struct tick movable[20], aimed[5];
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold holds[2], second;

	(void)state;
	init_all(movable, 20, engine, DHP_NO_INDEX);
	init_all(aimed, 5, engine, 0);
	hold_processor(&holds[1], engine, 1);
	hold_processor(&holds[0], engine, 0);
	hold_insert(&second, engine, 0, DHP_IMPORTANCE_MEDIUM);
	insert_all(aimed, 5);
	insert_all(movable, 20);
	hold_release(&holds[0]);
	hold_wait(&second); /* the first of its batch; the others are in the window */
	assert_int_equal(place_kind(&movable[0]), DHPI_PLACE_WINDOW);
	assert_int_equal(place_kind(&aimed[0]), DHPI_PLACE_WINDOW);
	hold_release(&holds[1]);
	assert_true(wait_for_ticks(movable, 20, 20));
	assert_int_equal(ticks_run(aimed, 5), 0);
	hold_release(&second);
	flush(engine);
	assert_int_equal(ticks_run(movable, 20), 20);
	assert_int_equal(ticks_run(aimed, 5), 5);
	assert_int_equal(stats_of(engine, 1).stolen_count, 20);
	end_engine(engine);
}

static void a_processor_that_arrives_takes_its_share_at_once_S620(void **state)
{
	static struct tick movable[40], aimed[3];
	struct dhp_engine *engine = make_sim_of(3, 1);
	struct hold hold;

	(void)state;
	init_all(movable, 40, engine, DHP_NO_INDEX);
	init_all(aimed, 3, engine, 0);
	hold_processor(&hold, engine, 0);
	insert_all(movable, 40);
	insert_all(aimed, 3);
	assert_int_equal(ticks_run(movable, 40), 0);
	add_positions(engine, 1, 2);
	assert_true(wait_for_ticks(movable, 40, 40));
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(peek(&movable[i].index), 1);
	assert_int_equal(ticks_run(aimed, 3), 0);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(ticks_run(aimed, 3), 3);
	end_engine(engine);
}

/* Each item that blocks keeps a processor: all processors have one in the end, and nothing waits while one is free. */
static void spread_long_items(uint32_t processors, uint32_t spin_ns, uint32_t rounds)
{
	struct dhp_engine *engine = make_sim_spinning(processors, processors, spin_ns);
	static struct hold holds[8];
	uint64_t dice = processors;

	for (uint32_t round = 0; round < rounds; round++) {
		uint32_t seen = 0;

		for (uint32_t i = 0; i < processors; i++) {
			hold_insert(&holds[i], engine, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM);
			for (uint64_t turns = roll(&dice) % 4 * 1000; turns > 0; turns--)
				__asm__ volatile("" ::: "memory");
		}
		for (uint32_t i = 0; i < processors; i++) {
			hold_wait(&holds[i]);
			seen |= 1u << peek(&holds[i].index);
		}
		assert_int_equal(seen, (1u << processors) - 1);
		for (uint32_t i = 0; i < processors; i++)
			hold_release(&holds[i]);
		flush(engine);
	}
	end_engine(engine);
}

static void long_items_spread_until_each_processor_has_one_S620(void **state)
{
	(void)state;
	spread_long_items(3, 1, TIMES(1500));
	spread_long_items(6, 1, TIMES(500));
	spread_long_items(4, 20000, TIMES(1000));
}

/* ---- nothing waits while somebody sleeps ---- */

/* Woken to take over work, but somebody aims work at it first: it must pass on what it was woken for. */
static void a_thief_that_gets_work_of_its_own_passes_the_search_on_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(3, 3, 1);
	static struct hold holds[2];
	static struct tick tick;

	(void)state;
	for (uint32_t round = 0; round < TIMES(100); round++) {
		bool ran;

		tick_init(&tick, engine, DHP_NO_INDEX);
		hold_processor(&holds[0], engine, 0);
		sleep_us(500); /* the others sleep */
		tick_insert(&tick);
		hold_insert(&holds[1], engine, 1, DHP_IMPORTANCE_MEDIUM);
		hold_wait(&holds[1]);
		ran = wait_for_count(&tick.runs, 1);
		hold_release(&holds[0]);
		hold_release(&holds[1]);
		flush(engine);
		assert_true(ran);
	}
	end_engine(engine);
}

/* They come in one batch: the worker sleeps while they are inserted. */
static void work_behind_a_windowful_of_targeted_work_is_shared_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	static struct tick aimed[DHPI_WINDOW];
	static struct hold hold;
	static struct tick tick;

	(void)state;
	for (uint32_t round = 0; round < TIMES(100); round++) {
		bool ran;

		init_all(aimed, DHPI_WINDOW, engine, 0);
		tick_init(&tick, engine, DHP_NO_INDEX);
		sleep_us(500);
		hold_insert(&hold, engine, 0, DHP_IMPORTANCE_MEDIUM);
		insert_all(aimed, DHPI_WINDOW);
		tick_insert(&tick);
		hold_wait(&hold);
		ran = wait_for_count(&tick.runs, 1);
		hold_release(&hold);
		flush(engine);
		assert_true(ran);
	}
	end_engine(engine);
}

static void work_behind_a_long_high_routine_is_shared_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	static struct hold hold;
	static struct tick tick;

	(void)state;
	for (uint32_t round = 0; round < TIMES(100); round++) {
		bool ran;

		tick_init(&tick, engine, DHP_NO_INDEX);
		sleep_us(500);
		hold_insert(&hold, engine, 0, DHP_IMPORTANCE_HIGH);
		tick_insert(&tick);
		hold_wait(&hold);
		ran = wait_for_count(&tick.runs, 1);
		hold_release(&hold);
		flush(engine);
		assert_true(ran);
	}
	end_engine(engine);
}

/* ---- under load: every item once, whoever runs it ---- */

#define ITEMS 400u

struct load {
	struct gate *gate;
	struct tick *ticks;
	uint32_t first;
	uint64_t wrong;
};

static void work_a_little(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct tick *tick = context;

	for (uint32_t i = 0; i < 300 + (uint32_t)((uintptr_t)tick >> 6) % 7 * 500; i++)
		__asm__ volatile("" ::: "memory");
	tick_routine(dpc, context, argument_1, argument_2);
}

static void *insert_a_third(void *argument)
{
	struct load *load = argument;

	gate_pass(load->gate);
	for (uint32_t i = load->first; i < ITEMS; i += 3)
		load->wrong += dhp_dpc_insert(&load->ticks[i].dpc, NULL, NULL) != DHP_OK;
	return NULL;
}

static void load_engine(struct dhp_engine *engine, uint32_t rounds, uint32_t arrive_at)
{
	static struct tick ticks[ITEMS];
	struct load loads[3];
	struct helper helpers[3];
	struct gate gate;
	uint32_t next = arrive_at;

	for (uint32_t i = 0; i < ITEMS; i++) {
		tick_init(&ticks[i], engine, DHP_NO_INDEX);
		assert_ok(dhp_dpc_init(&ticks[i].dpc, engine, work_a_little, &ticks[i]));
		if (i % 4 == 0)
			assert_ok(dhp_dpc_set_target(&ticks[i].dpc, 0));
	}
	for (uint64_t round = 1; round <= rounds; round++) {
		gate_init(&gate, 4);
		for (uint32_t i = 0; i < 3; i++) {
			loads[i] = (struct load){ .gate = &gate, .ticks = ticks, .first = i };
			helper_start(&helpers[i], insert_a_third, &loads[i]);
		}
		gate_pass(&gate);
		if (next != 0 && next < counts_of(engine).maximum)
			assert_ok(add_position(engine, next++));
		for (uint32_t i = 0; i < 3; i++) {
			helper_join(&helpers[i]);
			assert_int_equal(loads[i].wrong, 0);
		}
		flush(engine);
		for (uint32_t i = 0; i < ITEMS; i++) {
			assert_int_equal(ticks[i].runs, round);
			if (i % 4 == 0)
				assert_int_equal(peek(&ticks[i].index), 0);
		}
	}
	end_engine(engine);
}

static void under_load_every_item_runs_once_and_targeted_ones_at_home_S620_S611(void **state)
{
	(void)state;
	load_engine(make_sim_of(4, 4), TIMES(300), 0);
}

static void under_load_while_processors_arrive_every_item_runs_once_S620_S611(void **state)
{
	(void)state;
	load_engine(make_sim_of(24, 1), TIMES(100) + 23, 1);
}

static void under_load_on_real_processors_every_item_runs_once_S620_S611(void **state)
{
	(void)state;
	load_engine(make_real(0), TIMES(300), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_behind_a_long_routine_runs_elsewhere_and_targeted_work_stays_S620),
		cmocka_unit_test(work_is_taken_over_from_the_list_S620),
		cmocka_unit_test(work_is_taken_over_from_the_window_S620),
		cmocka_unit_test(a_processor_that_arrives_takes_its_share_at_once_S620),
		cmocka_unit_test(long_items_spread_until_each_processor_has_one_S620),
		cmocka_unit_test(a_thief_that_gets_work_of_its_own_passes_the_search_on_S620),
		cmocka_unit_test(work_behind_a_windowful_of_targeted_work_is_shared_S620),
		cmocka_unit_test(work_behind_a_long_high_routine_is_shared_S620),
		cmocka_unit_test(under_load_every_item_runs_once_and_targeted_ones_at_home_S620_S611),
		cmocka_unit_test(under_load_while_processors_arrive_every_item_runs_once_S620_S611),
		cmocka_unit_test(under_load_on_real_processors_every_item_runs_once_S620_S611),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
