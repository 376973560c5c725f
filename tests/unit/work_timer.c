/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: never early, once or again and again, on either clock, replaced, cancelled, freed by their own routines.
 */
#include "work_hold.h"

#include <stdlib.h>
#include <time.h>

#include <dhp/timer.h>

#include "death.h"
#include "work.h"

#define MS 1000000u
#define HOUR_NS 3600000000000u

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A clock that goes when the test says so. */
static uint64_t fake_wall(void *context)
{
	return peek(context);
}

struct alarm {
	struct dhp_timer timer;
	struct tick tick;
	uint64_t ran_at;
};

static void note_time(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct alarm *alarm = context;

	poke(&alarm->ran_at, now_ns());
	tick_routine(dpc, &alarm->tick, argument_1, argument_2);
}

static void alarm_init(struct alarm *alarm, struct dhp_engine *engine)
{
	memset(alarm, 0, sizeof(*alarm));
	tick_init(&alarm->tick, engine, DHP_NO_INDEX);
	assert_ok(dhp_dpc_init(&alarm->tick.dpc, engine, note_time, alarm));
	assert_ok(dhp_timer_init(&alarm->timer, engine));
}

static struct dhp_timer_setting after(struct alarm *alarm, uint64_t ns)
{
	return (struct dhp_timer_setting){ .size = sizeof(struct dhp_timer_setting), .due_ns = ns, .dpc = &alarm->tick.dpc };
}

static void set(struct alarm *alarm, struct dhp_timer_setting setting, enum dhp_status expected)
{
	assert_status(dhp_timer_set(&alarm->timer, &setting), expected);
}

static void a_relative_timer_runs_once_and_never_early_S690_S680_S682(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct alarm alarm;

	(void)state;
	for (uint64_t i = 1; i <= 5; i++) {
		uint64_t before;

		alarm_init(&alarm, engine);
		before = now_ns();
		set(&alarm, after(&alarm, i * MS), DHP_OK);
		assert_true(wait_for_count(&alarm.tick.runs, 1));
		flush(engine);
		assert_true(peek(&alarm.ran_at) >= before + i * MS);
		assert_int_equal(peek(&alarm.tick.runs), 1);
		assert_false(dhp_timer_is_set(&alarm.timer));
		assert_true(dhp_timer_has_expired(&alarm.timer));
		assert_status(dhp_timer_cancel(&alarm.timer), DHP_NOT_SET); /* S-686 */
	}
	end_engine(engine);
}

/* The thread wakes for one while the next is nearly due. */
static void none_of_many_close_together_is_early_S690(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	static struct alarm alarms[40];
	uint64_t due[40];

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		alarm_init(&alarms[i], engine);
		due[i] = now_ns() + 2 * MS + i * 150000;
		set(&alarms[i], after(&alarms[i], 2 * MS + i * 150000), DHP_OK);
	}
	for (uint32_t i = 0; i < 40; i++) {
		assert_true(wait_for_count(&alarms[i].tick.runs, 1));
		assert_true(peek(&alarms[i].ran_at) >= due[i]);
	}
	flush(engine);
	end_engine(engine);
}

static void what_is_due_expires_at_once_S680(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	set(&alarm, after(&alarm, 0), DHP_OK);
	assert_true(dhp_timer_has_expired(&alarm.timer)); /* before anybody else had a turn */
	flush(engine);
	assert_int_equal(alarm.tick.runs, 1);
	setting = after(&alarm, 1);
	setting.absolute = true; /* 1970 */
	set(&alarm, setting, DHP_OK);
	flush(engine);
	assert_int_equal(alarm.tick.runs, 2);
	end_engine(engine);
}

static void a_setting_replaces_the_earlier_one_S681(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	uint64_t wall = 100 * HOUR_NS;
	struct tick other;
	struct alarm alarm;
	struct dhp_timer_setting setting;

	(void)state;
	dhpi_timers_use_wall(&engine->work->timers, fake_wall, &wall);
	alarm_init(&alarm, engine);
	tick_init(&other, engine, 0);
	setting = after(&alarm, wall + MS);
	setting.absolute = true;
	setting.dpc = &other.dpc;
	set(&alarm, setting, DHP_OK);
	set(&alarm, after(&alarm, HOUR_NS), DHP_REPLACED);
	poke(&wall, 200 * HOUR_NS);
	dhpi_timers_wall_was_set(&engine->work->timers);
	sleep_us(5000);
	assert_int_equal(peek(&other.runs), 0);
	assert_true(dhp_timer_is_set(&alarm.timer));
	assert_ok(dhp_timer_cancel(&alarm.timer)); /* S-686 */
	assert_false(dhp_timer_is_set(&alarm.timer));
	assert_false(dhp_timer_has_expired(&alarm.timer));
	flush(engine);
	assert_int_equal(peek(&alarm.tick.runs), 0);
	/* What replaces it comes true. */
	setting = after(&alarm, HOUR_NS);
	setting.dpc = &other.dpc;
	set(&alarm, setting, DHP_OK);
	set(&alarm, after(&alarm, MS), DHP_REPLACED);
	assert_true(wait_for_count(&alarm.tick.runs, 1));
	assert_false(dhp_timer_is_set(&alarm.timer));
	flush(engine);
	assert_int_equal(peek(&other.runs), 0);
	end_engine(engine);
}

/* What the earlier setting has queued is not taken back: it may still run. */
static void a_replaced_setting_does_not_withdraw_its_dpc_S681(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm alarm;
	struct hold hold;

	(void)state;
	alarm_init(&alarm, engine);
	hold_processor(&hold, engine, 0);
	setting = after(&alarm, 0);
	setting.period_ms = 3600000;
	set(&alarm, setting, DHP_OK); /* expires at once: queued */
	set(&alarm, after(&alarm, HOUR_NS), DHP_REPLACED);
	assert_false(dhp_timer_has_expired(&alarm.timer));
	hold_release(&hold);
	flush(engine);
	assert_int_equal(peek(&alarm.tick.runs), 1);
	assert_ok(dhp_timer_cancel(&alarm.timer));
	end_engine(engine);
}

/* Zero is one shot; otherwise each expiry is a whole number of milliseconds after the first that was due. */
static void a_period_is_in_milliseconds_S682_S690(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm alarm;

	(void)state;
	for (uint64_t runs = 2; runs <= 4; runs++) {
		uint64_t before;

		alarm_init(&alarm, engine);
		setting = after(&alarm, MS);
		setting.period_ms = 3;
		before = now_ns();
		set(&alarm, setting, DHP_OK);
		assert_true(wait_for_count(&alarm.tick.runs, runs));
		assert_true(now_ns() >= before + MS + (runs - 1) * 3 * MS);
		assert_ok(dhp_timer_cancel(&alarm.timer));
		flush(engine);
	}
	end_engine(engine);
}

static void meet_the_next_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct alarm *alarm = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&alarm->tick.runs);
	if (!wait_for_count(&alarm->tick.runs, 2))
		(void)bump(&alarm->ran_at); /* it was alone */
}

/* The first run goes on while the timer expires again. */
static void a_periodic_timers_routine_may_run_twice_at_once_S684(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct dhp_timer_setting setting;
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	assert_ok(dhp_dpc_init(&alarm.tick.dpc, engine, meet_the_next_run, &alarm));
	setting = after(&alarm, 0);
	setting.period_ms = 1;
	set(&alarm, setting, DHP_OK);
	assert_true(wait_for_count(&alarm.tick.runs, 2));
	assert_ok(dhp_timer_cancel(&alarm.timer));
	flush(engine);
	assert_int_equal(alarm.ran_at, 0);
	end_engine(engine);
}

static void a_periodic_timer_runs_until_it_is_cancelled_S684_S686(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct dhp_timer_setting setting;
	struct alarm alarm;
	uint64_t runs;

	(void)state;
	alarm_init(&alarm, engine);
	setting = after(&alarm, 0);
	setting.period_ms = 1;
	set(&alarm, setting, DHP_OK);
	assert_true(wait_for_count(&alarm.tick.runs, 5));
	assert_true(dhp_timer_is_set(&alarm.timer));
	assert_true(dhp_timer_has_expired(&alarm.timer));
	assert_ok(dhp_timer_cancel(&alarm.timer));
	flush(engine);
	runs = peek(&alarm.tick.runs);
	sleep_us(5000);
	assert_int_equal(peek(&alarm.tick.runs), runs);
	end_engine(engine);
}

static struct dhp_engine_stats totals(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats = { .timer_lost_count = 0 };

	(void)dhp_engine_stats_read(engine, &stats);
	return stats;
}

static bool expired_often(void *context)
{
	return totals(context).timer_expiries_count >= 5;
}

static void an_expiry_is_lost_while_the_dpc_is_queued_S683(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm alarm;
	struct hold hold;

	(void)state;
	alarm_init(&alarm, engine);
	hold_processor(&hold, engine, 0);
	setting = after(&alarm, 0);
	setting.period_ms = 1;
	set(&alarm, setting, DHP_OK);
	assert_true(wait_until(expired_often, engine));
	assert_ok(dhp_timer_cancel(&alarm.timer));
	/* All but the first; a period that went by unseen is lost without an expiry. */
	assert_true(totals(engine).timer_lost_count >= totals(engine).timer_expiries_count - 1);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(peek(&alarm.tick.runs), 1); /* what was queued is not withdrawn: S-686 */
	end_engine(engine);
}

static void a_timer_goes_to_the_target_of_its_dpc_S693_S639(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	for (uint32_t index = 0; index < 3; index++) {
		assert_ok(dhp_dpc_set_target(&alarm.tick.dpc, index));
		set(&alarm, after(&alarm, MS), DHP_OK);
		assert_true(wait_for_count(&alarm.tick.runs, index + 1));
		flush(engine);
		assert_int_equal(peek(&alarm.tick.index), index);
	}
	end_engine(engine);
}

/* Changed while the timer is set, the target may be the old or the new one; it runs once all the same. */
static void a_target_changed_while_the_timer_is_set_may_come_too_late_S639(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	for (uint32_t round = 1; round <= 6; round++) {
		uint32_t old = round % 3, new = (round + 1) % 3;

		assert_ok(dhp_dpc_set_target(&alarm.tick.dpc, old));
		set(&alarm, after(&alarm, MS), DHP_OK);
		assert_ok(dhp_dpc_set_target(&alarm.tick.dpc, new));
		assert_true(wait_for_count(&alarm.tick.runs, round));
		flush(engine);
		assert_int_equal(alarm.tick.runs, round);
		assert_true(peek(&alarm.tick.index) == old || peek(&alarm.tick.index) == new);
	}
	end_engine(engine);
}

/* ---- what a timer's run is given ---- */

struct given {
	struct dhp_dpc dpc;
	struct dhp_timer timer;
	uint64_t runs;
	void *arguments[2];
};

static void note_given(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct given *given = context;

	(void)dpc;
	given->arguments[0] = argument_1;
	given->arguments[1] = argument_2;
	(void)bump(&given->runs);
}

static void given_init(struct given *given, struct dhp_engine *engine)
{
	memset(given, 0, sizeof(*given));
	assert_ok(dhp_dpc_init(&given->dpc, engine, note_given, given));
	assert_ok(dhp_dpc_set_target(&given->dpc, 0));
	assert_ok(dhp_timer_init(&given->timer, engine));
}

static enum dhp_status expire_after(struct given *given, uint64_t ns)
{
	const struct dhp_timer_setting setting = { .size = sizeof(setting), .due_ns = ns, .dpc = &given->dpc };

	return dhp_timer_set(&given->timer, &setting);
}

static void assert_ran(struct given *given, uint64_t runs, void *argument_1, void *argument_2)
{
	assert_true(wait_for_count(&given->runs, runs));
	assert_int_equal(given->runs, runs);
	assert_ptr_equal(given->arguments[0], argument_1);
	assert_ptr_equal(given->arguments[1], argument_2);
}

/* A client relies on nothing; here they are NULL, and never what an earlier run was given. */
static void a_timers_run_is_given_no_arguments_S688(void **state)
{
	static const uint64_t dues[] = { 0, MS };
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct given given;
	int old;

	(void)state;
	given_init(&given, engine);
	for (uint64_t i = 0; i < LENGTH(dues); i++) {
		assert_ok(dhp_dpc_insert(&given.dpc, &old, &given));
		flush(engine);
		assert_ran(&given, 2 * i + 1, &old, &given);
		assert_ok(expire_after(&given, dues[i]));
		assert_true(wait_for_count(&given.runs, 2 * i + 2));
		flush(engine);
		assert_ran(&given, 2 * i + 2, NULL, NULL);
	}
	end_engine(engine);
}

/* The two merge: one run, with the arguments of whichever came first, and nothing says which that was. */
static void one_object_for_a_timer_and_inserts_cannot_tell_them_apart_S687(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct given given;
	struct hold hold;
	int mine;

	(void)state;
	given_init(&given, engine);
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert(&given.dpc, &mine, &mine));
	assert_ok(expire_after(&given, 0));
	assert_int_equal(totals(engine).timer_lost_count, 1);
	hold_release(&hold);
	flush(engine);
	assert_ran(&given, 1, &mine, &mine);
	hold_processor(&hold, engine, 0);
	assert_ok(expire_after(&given, 0));
	assert_status(dhp_dpc_insert(&given.dpc, &mine, &mine), DHP_ALREADY_QUEUED);
	hold_release(&hold);
	flush(engine);
	assert_ran(&given, 2, NULL, NULL);
	end_engine(engine);
}

/* An object for each: nothing is lost, and each routine knows why it runs. */
static void an_object_for_a_timer_and_one_for_inserts_do_not_meet_S687(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct given by_timer, by_hand;
	struct hold hold;
	int mine;

	(void)state;
	given_init(&by_timer, engine);
	given_init(&by_hand, engine);
	for (uint64_t round = 1; round <= 2; round++) {
		hold_processor(&hold, engine, 0);
		if (round == 1)
			assert_ok(dhp_dpc_insert(&by_hand.dpc, &mine, &mine));
		assert_ok(expire_after(&by_timer, 0));
		if (round == 2)
			assert_ok(dhp_dpc_insert(&by_hand.dpc, &mine, &mine));
		hold_release(&hold);
		flush(engine);
		assert_ran(&by_timer, round, NULL, NULL);
		assert_ran(&by_hand, round, &mine, &mine);
	}
	assert_int_equal(totals(engine).timer_lost_count, 0);
	end_engine(engine);
}

/* ---- tolerance ---- */

/* The window of the one is open for an hour: it takes the wake-up of the other. */
static void timers_with_tolerance_share_an_expiry_and_are_not_early_S685(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm tolerant, exact;
	uint64_t before;

	(void)state;
	alarm_init(&tolerant, engine);
	alarm_init(&exact, engine);
	before = now_ns();
	setting = after(&tolerant, 2 * MS);
	setting.tolerance_ms = 3600000;
	set(&tolerant, setting, DHP_OK);
	set(&exact, after(&exact, 8 * MS), DHP_OK);
	assert_true(wait_for_count(&exact.tick.runs, 1));
	assert_true(wait_for_count(&tolerant.tick.runs, 1));
	assert_true(peek(&tolerant.ran_at) >= before + 2 * MS);
	assert_true(peek(&exact.ran_at) >= before + 8 * MS);
	flush(engine);
	end_engine(engine);
}

/* What the thread sleeps for is the end of the window; zero is no window. */
static void a_tolerance_moves_the_latest_time_and_not_the_earliest_S685(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	for (uint32_t tolerance = 0; tolerance <= 64; tolerance += 32) {
		const struct dhpi_timer *inside = (const struct dhpi_timer *)(const void *)&alarm.timer;
		uint64_t before = now_ns();

		setting = after(&alarm, HOUR_NS);
		setting.tolerance_ms = tolerance;
		set(&alarm, setting, DHP_OK);
		assert_true(inside->due_ns >= before + HOUR_NS);
		assert_int_equal(inside->node.key - inside->due_ns, (uint64_t)tolerance * MS);
		assert_ptr_equal(engine->work->timers.heaps[DHPI_MONOTONIC].root, &inside->node);
		assert_ok(dhp_timer_cancel(&alarm.timer));
	}
	end_engine(engine);
}

/* ---- the wall clock ---- */

static void an_absolute_timer_follows_the_wall_clock_S691(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct alarm absolute, relative;
	uint64_t wall = 100 * HOUR_NS;

	(void)state;
	dhpi_timers_use_wall(&engine->work->timers, fake_wall, &wall);
	alarm_init(&absolute, engine);
	alarm_init(&relative, engine);
	setting = after(&absolute, wall + 2 * MS);
	setting.absolute = true;
	set(&absolute, setting, DHP_OK);
	set(&relative, after(&relative, HOUR_NS), DHP_OK);
	sleep_us(5000);
	assert_int_equal(peek(&absolute.tick.runs), 0); /* that clock stands */
	poke(&wall, 99 * HOUR_NS);
	dhpi_timers_wall_was_set(&engine->work->timers);
	sleep_us(2000);
	assert_int_equal(peek(&absolute.tick.runs), 0);
	poke(&wall, 200 * HOUR_NS);
	dhpi_timers_wall_was_set(&engine->work->timers);
	assert_true(wait_for_count(&absolute.tick.runs, 1));
	assert_int_equal(peek(&relative.tick.runs), 0); /* a relative one does not follow */
	assert_ok(dhp_timer_cancel(&relative.timer));
	flush(engine);
	end_engine(engine);
}

/* What was due before it was set, or before the clock was, has missed no period. */
static void no_period_is_missed_before_the_first_expiry_S684(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_timer_setting setting;
	struct dhp_engine_stats stats;
	uint64_t wall = 100 * HOUR_NS;
	struct alarm past, jumped;

	(void)state;
	dhpi_timers_use_wall(&engine->work->timers, fake_wall, &wall);
	alarm_init(&past, engine);
	alarm_init(&jumped, engine);
	setting = after(&past, HOUR_NS);
	setting.absolute = true;
	setting.period_ms = 1;
	set(&past, setting, DHP_OK);
	assert_true(wait_for_count(&past.tick.runs, 3));
	assert_ok(dhp_timer_cancel(&past.timer));
	setting = after(&jumped, wall + 1);
	setting.absolute = true;
	setting.period_ms = 1;
	set(&jumped, setting, DHP_OK);
	poke(&wall, 200 * HOUR_NS);
	dhpi_timers_wall_was_set(&engine->work->timers);
	assert_true(wait_for_count(&jumped.tick.runs, 3));
	assert_ok(dhp_timer_cancel(&jumped.timer));
	flush(engine);
	assert_ok(dhp_engine_stats_read(engine, &stats));
	assert_true(stats.timer_lost_count < 3600000); /* an hour of periods */
	end_engine(engine);
}

/* ---- lifetime ---- */

#if DHP_CHECKS >= 2
static volatile enum dhp_status initialised;

__attribute__((noinline)) static void initialise_again(struct alarm *alarm, struct dhp_engine *engine)
{
	initialised = dhp_timer_init(&alarm->timer, engine);
	(void)initialised;
}

static void initialise_while_set(void *argument)
{
	struct dhp_engine *engine = NULL;
	struct alarm alarm;

	(void)argument;
	if (try_sim(&(struct sim_setup){ .maximum = 1, .initial = 1 }, &engine) != DHP_OK)
		return;
	alarm_init(&alarm, engine);
	set(&alarm, after(&alarm, HOUR_NS), DHP_OK);
	initialise_again(&alarm, engine);
}

static void initialising_a_timer_that_is_set_stops_a_checked_build_S604(void **state)
{
	(void)state;
	assert_stopped(initialise_while_set, NULL, "S-604", DEATH_SITE(initialise_again));
}
#endif

static uint64_t freed;

static void free_alarm(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	memset(context, 0xee, sizeof(struct alarm));
	free(context);
	(void)bump(&freed);
}

static void a_one_shot_timer_may_be_freed_in_its_routine_S689(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	uint64_t dice = 5;

	(void)state;
	freed = 0;
	for (uint32_t i = 0; i < 200; i++) {
		struct alarm *alarm = calloc(1, sizeof(*alarm));

		assert_non_null(alarm);
		alarm_init(alarm, engine);
		assert_ok(dhp_dpc_init(&alarm->tick.dpc, engine, free_alarm, alarm));
		set(alarm, after(alarm, roll(&dice) % (2 * MS)), DHP_OK);
	}
	assert_true(wait_for_count(&freed, 200));
	flush(engine);
	end_engine(engine);
}

static void set_again(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct alarm *alarm = context;
	const struct dhp_timer_setting setting = after(alarm, 100000);

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	if (bump(&alarm->tick.runs) < 20)
		(void)dhp_timer_set(&alarm->timer, &setting);
}

static void a_routine_may_set_its_timer_S680(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	assert_ok(dhp_dpc_init(&alarm.tick.dpc, engine, set_again, &alarm));
	set(&alarm, after(&alarm, 100000), DHP_OK);
	assert_true(wait_for_count(&alarm.tick.runs, 21));
	flush(engine);
	end_engine(engine);
}

static void an_engine_with_timers_set_is_not_destroyed_S692(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct alarm alarm;

	(void)state;
	alarm_init(&alarm, engine);
	set(&alarm, after(&alarm, HOUR_NS), DHP_OK);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_timer_cancel(&alarm.timer));
	end_engine(engine);
}

/* ---- waiting ---- */

struct sleeper {
	struct dhp_timer *timer;
	bool take;
	uint64_t let_go;
};

static void *sleep_on(void *argument)
{
	struct sleeper *sleeper = argument;

	if (dhp_timer_wait(sleeper->timer, sleeper->take, DHP_TIMER_FOREVER) == DHP_OK)
		(void)bump(&sleeper->let_go);
	return NULL;
}

static void waiters_are_let_go_all_or_one_by_one(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct helper helpers[3];

	(void)state;
	for (uint32_t take = 0; take < 2; take++) {
		struct sleeper sleeper = { .take = take != 0 };
		struct alarm alarm;

		alarm_init(&alarm, engine);
		sleeper.timer = &alarm.timer;
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_start(&helpers[i], sleep_on, &sleeper);
		for (uint64_t i = 1; i <= (take != 0 ? 3 : 1); i++) {
			set(&alarm, after(&alarm, i == 2 ? 0 : MS), DHP_OK); /* by the thread, or by who sets it */
			assert_true(wait_for_count(&sleeper.let_go, take != 0 ? i : 3));
			assert_int_equal(peek(&sleeper.let_go), take != 0 ? i : 3);
			assert_int_equal(dhp_timer_has_expired(&alarm.timer), take == 0);
		}
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_join(&helpers[i]);
		assert_ok(dhp_dpc_flush(engine));
	}
	end_engine(engine);
}

static void a_wait_ends_in_time_and_a_cancelled_timer_lets_nobody_go(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct alarm alarm;
	uint64_t before;

	(void)state;
	alarm_init(&alarm, engine);
	assert_status(dhp_timer_wait(&alarm.timer, false, 0), DHP_TIMED_OUT);
	set(&alarm, after(&alarm, HOUR_NS), DHP_OK);
	before = now_ns();
	assert_status(dhp_timer_wait(&alarm.timer, true, 2 * MS), DHP_TIMED_OUT);
	assert_true(now_ns() - before >= 2 * MS);
	assert_ok(dhp_timer_cancel(&alarm.timer));
	assert_status(dhp_timer_wait(&alarm.timer, true, MS), DHP_TIMED_OUT);
	set(&alarm, after(&alarm, MS), DHP_OK);
	assert_ok(dhp_timer_wait(&alarm.timer, false, HOUR_NS));
	assert_ok(dhp_dpc_flush(engine)); /* the insertion came before the return */
	assert_int_not_equal(peek(&alarm.ran_at), 0);
	assert_ok(dhp_timer_wait(&alarm.timer, true, 0));
	assert_status(dhp_timer_wait(&alarm.timer, true, 0), DHP_TIMED_OUT);
	assert_status(dhp_timer_wait(NULL, false, 0), DHP_BAD_OBJECT);
#if DHP_CHECKS < 2
	(void)dhp_level_raise(DHP_DISPATCH);
	assert_status(dhp_timer_wait(&alarm.timer, false, 1), DHP_WRONG_LEVEL);
	assert_status(dhp_timer_wait(&alarm.timer, false, 0), DHP_TIMED_OUT);
	dhp_level_lower(DHP_PASSIVE);
#endif
	end_engine(engine);
}

static void bad_timers_and_settings_are_refused(void **state)
{
	const struct sim_setup lazy = { .maximum = 1, .initial = 1, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim_of(1, 1), *other = make_sim(&lazy);
	struct dhp_timer_setting setting;
	struct dhp_timer nothing;
	struct alarm alarm, foreign;

	(void)state;
	memset(&nothing, 0, sizeof(nothing));
	alarm_init(&alarm, engine);
	alarm_init(&foreign, other);
	setting = after(&alarm, 0);
	assert_status(dhp_timer_init(&nothing, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_timer_init(NULL, engine), DHP_BAD_OBJECT);
	assert_status(dhp_timer_set(&nothing, &setting), DHP_BAD_OBJECT);
	assert_status(dhp_timer_set(NULL, &setting), DHP_BAD_OBJECT);
	assert_status(dhp_timer_cancel(&nothing), DHP_BAD_OBJECT);
	assert_status(dhp_timer_cancel(&alarm.timer), DHP_NOT_SET);
	assert_false(dhp_timer_is_set(&nothing) || dhp_timer_has_expired(NULL));
	assert_status(dhp_timer_set(&alarm.timer, NULL), DHP_BAD_OPTIONS);
	setting.size--;
	assert_status(dhp_timer_set(&alarm.timer, &setting), DHP_BAD_OPTIONS);
	setting = after(&foreign, 0);
	assert_status(dhp_timer_set(&alarm.timer, &setting), DHP_BAD_OPTIONS);
	assert_status(dhp_timer_set(&foreign.timer, &setting), DHP_NOT_SUPPORTED);
	end_engine(other);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		cmocka_unit_test(initialising_a_timer_that_is_set_stops_a_checked_build_S604),
#endif
		cmocka_unit_test(a_periodic_timer_runs_until_it_is_cancelled_S684_S686),
		cmocka_unit_test(a_relative_timer_runs_once_and_never_early_S690_S680_S682),
		cmocka_unit_test(none_of_many_close_together_is_early_S690),
		cmocka_unit_test(what_is_due_expires_at_once_S680),
		cmocka_unit_test(a_setting_replaces_the_earlier_one_S681),
		cmocka_unit_test(a_replaced_setting_does_not_withdraw_its_dpc_S681),
		cmocka_unit_test(a_period_is_in_milliseconds_S682_S690),
		cmocka_unit_test(a_periodic_timers_routine_may_run_twice_at_once_S684),
		cmocka_unit_test(an_expiry_is_lost_while_the_dpc_is_queued_S683),
		cmocka_unit_test(a_timer_goes_to_the_target_of_its_dpc_S693_S639),
		cmocka_unit_test(a_target_changed_while_the_timer_is_set_may_come_too_late_S639),
		cmocka_unit_test(a_timers_run_is_given_no_arguments_S688),
		cmocka_unit_test(one_object_for_a_timer_and_inserts_cannot_tell_them_apart_S687),
		cmocka_unit_test(an_object_for_a_timer_and_one_for_inserts_do_not_meet_S687),
		cmocka_unit_test(timers_with_tolerance_share_an_expiry_and_are_not_early_S685),
		cmocka_unit_test(a_tolerance_moves_the_latest_time_and_not_the_earliest_S685),
		cmocka_unit_test(an_absolute_timer_follows_the_wall_clock_S691),
		cmocka_unit_test(no_period_is_missed_before_the_first_expiry_S684),
		cmocka_unit_test(a_one_shot_timer_may_be_freed_in_its_routine_S689),
		cmocka_unit_test(a_routine_may_set_its_timer_S680),
		cmocka_unit_test(an_engine_with_timers_set_is_not_destroyed_S692),
		cmocka_unit_test(waiters_are_let_go_all_or_one_by_one),
		cmocka_unit_test(a_wait_ends_in_time_and_a_cancelled_timer_lets_nobody_go),
		cmocka_unit_test(bad_timers_and_settings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
