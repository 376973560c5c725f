/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping and waking: an idle worker sleeps, is woken by who needs it and by nobody else, and no wake-up is lost.
 */
#include "work_hold.h"

/* ---- idle workers sleep ---- */

struct parking {
	struct dhp_engine *engine;
	uint32_t index;
	uint64_t more_than;
};

static bool has_parked(void *context)
{
	const struct parking *parking = context;
	struct dhp_processor_stats stats = { .park_count = 0 };

	(void)dhp_processor_stats_read(parking->engine, parking->index, &stats);
	return stats.park_count > parking->more_than;
}

static void wait_until_parked(struct dhp_engine *engine, uint32_t index, uint64_t more_than)
{
	struct parking parking = { .engine = engine, .index = index, .more_than = more_than };

	assert_true(wait_until(has_parked, &parking));
}

static void an_idle_worker_sleeps_and_sleeps_again_after_work(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct tick tick;

	(void)state;
	for (uint32_t index = 0; index < 3; index++) {
		tick_init(&tick, engine, index);
		for (uint32_t i = 0; i < 5; i++) {
			uint64_t before;

			wait_until_parked(engine, index, 0);
			before = stats_of(engine, index).park_count;
			tick_insert(&tick);
			wait_until_parked(engine, index, before);
			assert_int_equal(peek(&tick.runs), i + 1);
		}
		flush(engine);
	}
	end_engine(engine);
}

/* ---- a wake-up is made once, and only for who sleeps ---- */

static void who_inserts_to_a_busy_worker_makes_no_system_call(void **state)
{
	static struct tick ticks[500];
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;
	uint64_t before;

	(void)state;
	for (uint32_t i = 0; i < LENGTH(ticks); i++)
		tick_init(&ticks[i], engine, i % 2 == 0 ? 0 : DHP_NO_INDEX);
	hold_processor(&hold, engine, 0);
	before = wakes_of(engine);
	for (uint32_t i = 0; i < LENGTH(ticks); i++)
		tick_insert(&ticks[i]);
	assert_int_equal(wakes_of(engine), before);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(wakes_of(engine), before);
	end_engine(engine);
}

static void targeted_work_behind_a_long_routine_wakes_nobody_else(void **state)
{
	static struct tick ticks[200];
	struct dhp_engine *engine = make_sim_spinning(3, 3, 1);
	struct hold hold;
	uint64_t before;

	(void)state;
	for (uint32_t i = 0; i < LENGTH(ticks); i++)
		tick_init(&ticks[i], engine, 0);
	hold_processor(&hold, engine, 0);
	before = wakes_of(engine);
	for (uint32_t i = 0; i < LENGTH(ticks); i++)
		tick_insert(&ticks[i]);
	assert_int_equal(wakes_of(engine), before);
	hold_release(&hold);
	flush(engine);
	end_engine(engine);
}

static void there_are_no_more_wakes_than_sleeps(void **state)
{
	static struct tick ticks[64];
	struct dhp_engine *engine = make_sim_spinning(3, 3, 1);
	uint64_t parks = 0, inserts = 0;

	(void)state;
	for (uint32_t i = 0; i < LENGTH(ticks); i++)
		tick_init(&ticks[i], engine, i % 2 == 0 ? i % 3 : DHP_NO_INDEX);
	for (uint32_t round = 0; round < TIMES(200); round++) {
		for (uint32_t i = 0; i < LENGTH(ticks); i++)
			inserts += dhp_dpc_insert(&ticks[i].dpc, NULL, NULL) == DHP_OK;
		flush(engine);
	}
	for (uint32_t index = 0; index < 3; index++)
		parks += stats_of(engine, index).park_count;
	assert_true(wakes_of(engine) <= parks);
	assert_int_equal(ticks_run(ticks, LENGTH(ticks)), inserts);
	end_engine(engine);
}

/* ---- no wake-up is lost ---- */

static void pause_for(uint64_t turns)
{
	while (turns-- > 0)
		__asm__ volatile("" ::: "memory");
}

struct ball {
	struct dhp_dpc dpc;
	struct ball *other;
	uint64_t hits;
	uint64_t limit;
	uint64_t dice;
	uint64_t refused;
};

static void hit_back(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct ball *ball = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	pause_for(roll(&ball->dice) % 3000);
	if (bump(&ball->hits) + 1 < peek(&ball->limit) && dhp_dpc_insert(&ball->other->dpc, NULL, NULL) != DHP_OK)
		(void)bump(&ball->refused);
}

static void play(struct dhp_engine *engine, uint32_t one, uint32_t two, uint32_t times)
{
	const struct budget budget = budget_begin();
	static struct ball balls[2];

	memset(balls, 0, sizeof(balls));
	for (uint32_t i = 0; i < 2; i++) {
		balls[i].other = &balls[1 - i];
		balls[i].limit = times;
		balls[i].dice = i + 1;
		assert_ok(dhp_dpc_init(&balls[i].dpc, engine, hit_back, &balls[i]));
		assert_ok(dhp_dpc_set_target(&balls[i].dpc, i == 0 ? one : two));
		/* Medium would wait for a tick. */
		assert_ok(dhp_dpc_set_importance(&balls[i].dpc, DHP_IMPORTANCE_MEDIUM_HIGH));
	}
	assert_ok(dhp_dpc_insert(&balls[0].dpc, NULL, NULL));
	for (uint64_t hits = 0; hits < times && budget_left(&budget); hits = peek(&balls[0].hits))
		assert_true(wait_for_count(&balls[0].hits, hits + 1));
	for (uint32_t i = 0; i < 2; i++)
		poke(&balls[i].limit, 0);
	flush(engine);
	assert_int_equal(balls[0].refused + balls[1].refused, 0);
	end_engine(engine);
}

static void two_processors_that_wake_each_other_lose_no_wake_up(void **state)
{
	(void)state;
	play(make_sim_spinning(2, 2, 1), 0, 1, TIMES(30000));
	play(make_sim_spinning(2, 2, 2000), 0, 1, TIMES(30000));
}

static void two_real_processors_that_wake_each_other_lose_no_wake_up(void **state)
{
	struct dhp_engine *engine = make_real(1);

	(void)state;
	play(engine, 0, active_count(engine) - 1, TIMES(30000));
}

/* true: it ran. Spins first, so that the next insert comes at any moment of the worker's way to sleep. */
static bool wait_spinning(const uint64_t *counter, uint64_t at_least)
{
	for (uint32_t i = 0; i < 20000; i++)
		if (peek(counter) >= at_least)
			return true;
	return wait_for_count(counter, at_least);
}

static void an_insert_at_any_moment_of_falling_asleep_is_run(void **state)
{
	const struct budget budget = budget_begin();
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	uint64_t dice = 4;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 1);
	assert_ok(dhp_dpc_set_importance(&tick.dpc, DHP_IMPORTANCE_MEDIUM_HIGH));
	for (uint64_t i = 1; i <= TIMES(40000) && budget_left(&budget); i++) {
		if (i % 1000 == 0)
			assert_ok(dhp_dpc_set_importance(&tick.dpc, i % 2000 == 0 ? DHP_IMPORTANCE_HIGH
										  : DHP_IMPORTANCE_MEDIUM_HIGH));
		tick_insert(&tick);
		assert_true(wait_spinning(&tick.runs, i));
		pause_for(roll(&dice) % 6000);
	}
	flush(engine);
	end_engine(engine);
}

/* The inserter's processor is busy: a thief has to be woken, at any moment of its falling asleep. */
static void a_thief_is_woken_at_any_moment_of_falling_asleep_S620(void **state)
{
	const struct budget budget = budget_begin();
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	uint64_t dice = 8, rounds = 0;
	struct hold hold;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, DHP_NO_INDEX);
	hold_processor(&hold, engine, 0);
	while (rounds < TIMES(20000) && budget_left(&budget)) {
		tick_insert(&tick);
		assert_true(wait_spinning(&tick.runs, ++rounds));
		pause_for(roll(&dice) % 6000);
	}
	hold_release(&hold);
	flush(engine);
	assert_int_equal(stats_of(engine, 1).stolen_count, rounds);
	end_engine(engine);
}

/* Somebody else empties the inbox into the lists just when the thief looks for the last time. */
struct disturber {
	struct tick *tick;
	uint64_t over;
	uint64_t wrong;
};

static void *insert_and_remove(void *argument)
{
	struct disturber *disturber = argument;

	while (peek(&disturber->over) == 0) {
		disturber->wrong += dhp_dpc_insert(&disturber->tick->dpc, NULL, NULL) != DHP_OK;
		disturber->wrong += dhp_dpc_remove(&disturber->tick->dpc) != DHP_OK;
	}
	return NULL;
}

static void a_thief_is_woken_while_a_removal_empties_the_inbox_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	const struct budget budget = budget_begin();
	struct disturber disturber = { .over = 0 };
	struct helper helper;
	uint64_t dice = 6;
	struct tick tick, other;
	struct hold hold;
	bool ran = true;

	(void)state;
	tick_init(&tick, engine, DHP_NO_INDEX);
	tick_init(&other, engine, 0);
	disturber.tick = &other;
	hold_processor(&hold, engine, 0);
	helper_start(&helper, insert_and_remove, &disturber);
	for (uint64_t i = 1; ran && i <= TIMES(20000) && budget_left(&budget); i++) {
		tick_insert(&tick);
		ran = wait_spinning(&tick.runs, i);
		pause_for(roll(&dice) % 3000);
	}
	poke(&disturber.over, 1);
	helper_join(&helper);
	hold_release(&hold);
	flush(engine);
	assert_true(ran);
	assert_int_equal(disturber.wrong, 0);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_worker_sleeps_and_sleeps_again_after_work),
		cmocka_unit_test(who_inserts_to_a_busy_worker_makes_no_system_call),
		cmocka_unit_test(targeted_work_behind_a_long_routine_wakes_nobody_else),
		cmocka_unit_test(there_are_no_more_wakes_than_sleeps),
		cmocka_unit_test(two_processors_that_wake_each_other_lose_no_wake_up),
		cmocka_unit_test(two_real_processors_that_wake_each_other_lose_no_wake_up),
		cmocka_unit_test(an_insert_at_any_moment_of_falling_asleep_is_run),
		cmocka_unit_test(a_thief_is_woken_at_any_moment_of_falling_asleep_S620),
		cmocka_unit_test(a_thief_is_woken_while_a_removal_empties_the_inbox_S620),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
