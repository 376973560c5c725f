/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One call on all processors: together, each once, one caller after the other, newcomers only when they are up.
 */
#include "work_hold.h"

#include <dhp/call.h>

#include "death.h"

struct meeting {
	struct dhp_engine *engine;
	uint64_t expected; /* each waits for so many; 0: for nobody */
	uint64_t come;
	uint64_t alone;    /* waited in vain */
	uint64_t seen[64]; /* by index */
	uint64_t level;
};

static bool all_have_come(void *context)
{
	const struct meeting *meeting = context;

	return peek(&meeting->come) >= meeting->expected;
}

static uintptr_t meet(void *argument)
{
	struct meeting *meeting = argument;
	uint32_t here = dhp_index_here(meeting->engine);

	(void)bump(&meeting->seen[here]);
	(void)bump(&meeting->come);
	poke(&meeting->level, dhp_level());
	if (!wait_until(all_have_come, meeting))
		(void)bump(&meeting->alone);
	return here + 100;
}

static void assert_met(const struct meeting *meeting, uint32_t count)
{
	assert_int_equal(meeting->come, count);
	assert_int_equal(meeting->alone, 0);
	for (uint32_t index = 0; index < 64; index++)
		assert_int_equal(meeting->seen[index], index < count);
}

static void every_processor_runs_it_once_and_together_S710_S711(void **state)
{
	struct dhp_engine *engine = make_sim_of(5, 5);

	(void)state;
	for (uint32_t round = 0; round < 50; round++) {
		struct meeting meeting = { .engine = engine, .expected = 5 };
		uintptr_t result = 0;

		assert_ok(dhp_call_all(engine, meet, &meeting, &result));
		assert_met(&meeting, 5);
		assert_int_equal(result, 100); /* this thread is nowhere: index 0 */
		assert_int_equal(meeting.level, DHP_DISPATCH);
	}
	end_engine(engine);
}

static void the_result_is_that_of_the_callers_processor_S712(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);

	(void)state;
	for (uint32_t index = 0; index < 4; index++) {
		struct meeting meeting = { .engine = engine, .expected = 4 };
		uintptr_t result = 0;

		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, index)));
		assert_ok(dhp_call_all(engine, meet, &meeting, &result));
		assert_int_equal(result, 100 + index);
		assert_ok(dhp_call_all(engine, meet, &meeting, NULL));
	}
	dhp_sim_exit();
	end_engine(engine);
}

/* ---- nobody runs it before all have come ---- */

struct calling {
	struct meeting meeting;
	uint64_t status;
	uint64_t over;
};

static void *call(void *argument)
{
	struct calling *calling = argument;

	calling->status = (uint64_t)(int64_t)dhp_call_all(calling->meeting.engine, meet, &calling->meeting, NULL);
	(void)bump(&calling->over);
	return NULL;
}

static void nobody_runs_it_before_the_last_has_come_S711(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct calling calling = { .meeting = { .engine = engine } };
	struct helper helper;
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 1);
	helper_start(&helper, call, &calling);
	sleep_us(5000);
	assert_int_equal(peek(&calling.meeting.come), 0);
	hold_release(&hold);
	helper_join(&helper);
	assert_int_equal(calling.status, DHP_OK);
	assert_met(&calling.meeting, 3);
	end_engine(engine);
}

static void a_processor_that_comes_before_the_barrier_opens_takes_part_S715(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct calling calling = { .meeting = { .engine = engine } };
	struct helper helper;
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	helper_start(&helper, call, &calling);
	sleep_us(2000); /* it waits for index 0, with two invited */
	add_positions(engine, 2, 4);
	hold_release(&hold);
	helper_join(&helper);
	assert_met(&calling.meeting, 4);
	end_engine(engine);
}

struct starting {
	struct meeting meeting;
	uint64_t status;
};

static void call_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct starting *starting = context;

	(void)status;
	if (change->state == DHP_CHANGE_START)
		starting->status = (uint64_t)(int64_t)dhp_call_all(starting->meeting.engine, meet, &starting->meeting,
								   NULL);
}

static void a_processor_in_an_open_transaction_takes_no_part_S715(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct starting starting = { .meeting = { .engine = engine, .expected = 2 } };
	struct dhp_notify *registration;

	(void)state;
	assert_ok(dhp_notify_register(engine, call_in_start, &starting, 0, &registration));
	assert_ok(add_position(engine, 2));
	dhp_notify_unregister(registration);
	assert_int_equal(starting.status, DHP_OK);
	assert_met(&starting.meeting, 2);
	end_engine(engine);
}

/* ---- what it may not do ---- */

struct restricted {
	struct dhp_engine *engine;
	uint64_t level[4];
	uint64_t sums[4]; /* memory that is there already, each processor its own */
	uint64_t refused;
};

/* No allocation, no lock, no wait: what a function needs was made before. */
static uintptr_t obey(void *argument)
{
	struct restricted *restricted = argument;
	uint32_t here = dhp_index_here(restricted->engine);

	restricted->level[here] = dhp_level();
	restricted->sums[here] += here + 1;
	return 0;
}

static void a_function_that_neither_allocates_nor_locks_does_its_work_S713(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct restricted restricted = { .engine = engine };

	(void)state;
	for (uint32_t round = 1; round <= 20; round++) {
		assert_ok(dhp_call_all(engine, obey, &restricted, NULL));
		for (uint32_t index = 0; index < 4; index++) {
			assert_int_equal(restricted.sums[index], round * (index + 1));
			assert_int_equal(restricted.level[index], DHP_DISPATCH);
		}
	}
	end_engine(engine);
}

/* Allocates, waits for a lock, waits for others. */
enum { MISTAKES = 6 };

static __attribute__((noinline)) enum dhp_status make_a_mistake(struct dhp_engine *engine, uint32_t which)
{
	const struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = 8 };
	struct restricted nothing = { .engine = engine };
	struct dhp_percpu *array = NULL;
	struct dhp_counter *counter = NULL;
	struct dhp_reader *reader = NULL;

	switch (which) {
	case 0:
		return dhp_percpu_create(engine, &slots, &array);
	case 1:
		return dhp_counter_create(engine, &counter);
	case 2:
		return dhp_reader_join(engine, &reader);
	case 3:
		return dhp_call_all(engine, obey, &nothing, NULL);
	case 4:
		return dhp_epoch_synchronize(engine);
	default:
		return dhp_dpc_flush(engine);
	}
}

#if DHP_CHECKS >= 2

static uint32_t mistake_to_make;

static uintptr_t make_one(void *argument)
{
	return make_a_mistake(argument, mistake_to_make) == DHP_WRONG_LEVEL;
}

static void call_a_mistake(void *which)
{
	struct dhp_engine *engine = make_sim_of(2, 2);

	mistake_to_make = *(const uint32_t *)which;
	(void)dhp_call_all(engine, make_one, engine, NULL);
}

static void what_allocates_or_waits_stops_a_checked_build_S713(void **state)
{
	(void)state;
	for (uint32_t which = 0; which < MISTAKES; which++)
		assert_stopped(call_a_mistake, &which, "S-041", DEATH_SITE(make_a_mistake));
}

#else

static uintptr_t make_all(void *argument)
{
	struct restricted *restricted = argument;

	for (uint32_t which = 0; which < MISTAKES; which++)
		if (make_a_mistake(restricted->engine, which) == DHP_WRONG_LEVEL)
			(void)bump(&restricted->refused);
	return 0;
}

static void what_allocates_or_waits_is_refused_on_every_processor_S713(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct restricted restricted = { .engine = engine };

	(void)state;
	assert_ok(dhp_call_all(engine, make_all, &restricted, NULL));
	assert_int_equal(restricted.refused, 4 * MISTAKES);
	end_engine(engine); /* nothing was made */
}

#endif

/* ---- several callers ---- */

struct caller {
	struct dhp_engine *engine;
	uint64_t *owner; /* which call runs; 0: none */
	uint64_t name;
	uint64_t inside, mixed, refused;
};

static uintptr_t be_alone(void *argument)
{
	struct caller *caller = argument;
	uint64_t nobody = 0;

	if (!__atomic_compare_exchange_n(caller->owner, &nobody, caller->name, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
	    nobody != caller->name)
		(void)bump(&caller->mixed);
	/* The last one of this call leaves the place to the next. */
	if (bump(&caller->inside) % 3 == 2)
		poke(caller->owner, 0);
	return 0;
}

static void *keep_calling(void *argument)
{
	struct caller *caller = argument;

	for (uint32_t i = 0; i < TIMES(300); i++)
		caller->refused += dhp_call_all(caller->engine, be_alone, caller, NULL) != DHP_OK;
	return NULL;
}

static void concurrent_callers_take_turns_S714(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct caller callers[3];
	struct helper helpers[3];
	uint64_t owner = 0;

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		callers[i] = (struct caller){ .engine = engine, .owner = &owner, .name = i + 1 };
		helper_start(&helpers[i], keep_calling, &callers[i]);
	}
	for (uint32_t i = 0; i < 3; i++) {
		helper_join(&helpers[i]);
		assert_int_equal(callers[i].mixed + callers[i].refused, 0);
		assert_int_equal(callers[i].inside, 3 * (uint64_t)TIMES(300));
	}
	end_engine(engine);
}

/* ---- bad input ---- */

/* ---- meetings ---- */

#define MEETINGS 20u

struct meetings {
	struct dhp_engine *engine;
	uint64_t expected, too_early;
	uint64_t come[MEETINGS], last[MEETINGS];
	int plain[MEETINGS][8]; /* written before a meeting, read after it */
};

static uintptr_t meet_often(void *argument)
{
	struct meetings *meetings = argument;
	uint32_t here = dhp_index_here(meetings->engine);

	for (uint32_t i = 0; i < MEETINGS; i++) {
		int sum = 0;

		meetings->plain[i][here] = 1;
		(void)bump(&meetings->come[i]);
		if (dhp_call_meet(meetings->engine))
			(void)bump(&meetings->last[i]);
		for (uint64_t other = 0; other < meetings->expected; other++)
			sum += meetings->plain[i][other];
		if (peek(&meetings->come[i]) != meetings->expected || (uint64_t)sum != meetings->expected)
			(void)bump(&meetings->too_early);
	}
	return 0;
}

static void nobody_leaves_a_meeting_before_all_have_come(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);

	(void)state;
	for (uint32_t count = 1; count <= 4; count++) {
		if (count > 1)
			add_positions(engine, count - 1, count);
		for (uint32_t round = 0; round < 5; round++) {
			struct meetings meetings = { .engine = engine, .expected = count };

			assert_ok(dhp_call_all(engine, meet_often, &meetings, NULL));
			assert_int_equal(meetings.too_early, 0);
			for (uint32_t i = 0; i < MEETINGS; i++)
				assert_int_equal(meetings.last[i], 1); /* one of them is the last */
		}
	}
	assert_false(dhp_call_meet(engine)); /* not inside a call: nobody is waited for */
	assert_false(dhp_call_meet(NULL));
	end_engine(engine);
}

struct lonely {
	struct dhp_engine *engine;
	uint64_t ran, met;
};

static void try_to_meet(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct lonely *lonely = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	if (dhp_call_meet(lonely->engine))
		(void)bump(&lonely->met);
	(void)bump(&lonely->ran);
}

static uintptr_t nothing(void *argument)
{
	(void)argument;
	return 0;
}

static uintptr_t meet_elsewhere(void *argument)
{
	struct lonely *other = argument;

	if (dhp_call_meet(other->engine))
		(void)bump(&other->met);
	(void)bump(&other->ran);
	return 0;
}

static void who_is_in_no_call_meets_nobody(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2), *other_engine = make_sim_of(2, 1);
	struct lonely lonely = { .engine = engine }, other = { .engine = other_engine };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_dpc_init(&dpc, engine, try_to_meet, &lonely));
	for (uint64_t round = 0; round < 2; round++) { /* before the first call, and after it */
		assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
		assert_ok(dhp_dpc_flush(engine));
		assert_int_equal(peek(&lonely.ran), round + 1);
		assert_ok(dhp_call_all(engine, nothing, NULL, NULL));
	}
	assert_int_equal(peek(&lonely.met), 0);
	assert_ok(dhp_call_all(engine, meet_elsewhere, &other, NULL));
	assert_int_equal(peek(&other.ran), 2);
	assert_int_equal(peek(&other.met), 0);
	end_engine(other_engine);
	end_engine(engine);
}

static void bad_calls_are_refused(void **state)
{
	const struct sim_setup lazy = { .maximum = 1, .initial = 1, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&lazy);
	struct meeting meeting = { .engine = engine };
	uintptr_t result = 7;

	(void)state;
	assert_status(dhp_call_all(NULL, meet, &meeting, &result), DHP_BAD_ENGINE);
	assert_status(dhp_call_all(engine, NULL, &meeting, &result), DHP_BAD_CALLBACK);
	assert_status(dhp_call_all(engine, meet, &meeting, &result), DHP_NOT_SUPPORTED);
	assert_int_equal(result, 7);
	assert_int_equal(meeting.come, 0);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(what_allocates_or_waits_stops_a_checked_build_S713),
#else
		cmocka_unit_test(what_allocates_or_waits_is_refused_on_every_processor_S713),
#endif
		cmocka_unit_test(a_function_that_neither_allocates_nor_locks_does_its_work_S713),
		cmocka_unit_test(every_processor_runs_it_once_and_together_S710_S711),
		cmocka_unit_test(the_result_is_that_of_the_callers_processor_S712),
		cmocka_unit_test(nobody_runs_it_before_the_last_has_come_S711),
		cmocka_unit_test(a_processor_that_comes_before_the_barrier_opens_takes_part_S715),
		cmocka_unit_test(a_processor_in_an_open_transaction_takes_no_part_S715),
		cmocka_unit_test(concurrent_callers_take_turns_S714),
		cmocka_unit_test(nobody_leaves_a_meeting_before_all_have_come),
		cmocka_unit_test(who_is_in_no_call_meets_nobody),
		cmocka_unit_test(bad_calls_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
