/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run-down protection whose references are counted per processor, while processors arrive.
 */
#include "support.h"

#include <stdlib.h>

#include <dhp/rundown.h>

#include "death.h"

#define MAXIMUM 48u
#define HOLDERS 3u

/* Each story with a copy of the library's memory and with one in the caller's. */
struct place {
	struct dhp_engine *engine;
	struct dhp_rundown_percpu *rundown;
	void *memory;
};

static struct place place_make(struct dhp_engine *engine, bool own_memory)
{
	struct place place = { .engine = engine };
	size_t bytes = dhp_rundown_percpu_bytes(engine);

	if (!own_memory) {
		assert_ok(dhp_rundown_percpu_create(engine, &place.rundown));
		return place;
	}
	place.memory = aligned_alloc(DHP_LINE_PAIR_BYTES, bytes);
	assert_non_null(place.memory);
	memset(place.memory, 0xA5, bytes);
	assert_ok(dhp_rundown_percpu_init(engine, place.memory, bytes, &place.rundown));
	return place;
}

static void place_end(struct place *place)
{
	if (place->memory == NULL)
		assert_ok(dhp_rundown_percpu_destroy(place->rundown));
	free(place->memory);
	end_engine(place->engine);
}

static void bad_input_is_refused_S728(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	size_t bytes = dhp_rundown_percpu_bytes(engine);
	unsigned char *memory = aligned_alloc(DHP_LINE_PAIR_BYTES, bytes);
	struct dhp_rundown_percpu *rundown = NULL;

	(void)state;
	assert_non_null(memory);
	assert_int_equal(dhp_rundown_percpu_bytes(NULL), 0);
	assert_status(dhp_rundown_percpu_create(NULL, &rundown), DHP_BAD_ENGINE);
	assert_status(dhp_rundown_percpu_create(NULL, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_rundown_percpu_create(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_rundown_percpu_init(NULL, memory, bytes, &rundown), DHP_BAD_ENGINE);
	assert_status(dhp_rundown_percpu_init(engine, NULL, bytes, &rundown), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_percpu_init(engine, memory + 8, bytes, &rundown), DHP_BAD_ALIGNMENT);
	assert_status(dhp_rundown_percpu_init(engine, memory, bytes - 1, &rundown), DHP_BAD_SIZE);
	assert_status(dhp_rundown_percpu_init(engine, memory, bytes, NULL), DHP_BAD_RESULT);
	assert_null(rundown);
	assert_status(dhp_rundown_percpu_acquire(NULL, 1), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_percpu_release(NULL, 1), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_percpu_wait(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_percpu_completed(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_percpu_reinit(NULL), DHP_BAD_OBJECT);
	assert_ok(dhp_rundown_percpu_destroy(NULL));
	assert_ok(dhp_rundown_percpu_init(engine, memory, bytes, &rundown));
	assert_status(dhp_rundown_percpu_acquire(rundown, 0), DHP_BAD_COUNT);
	assert_status(dhp_rundown_percpu_acquire(rundown, DHP_RUNDOWN_COUNT_LIMIT + 1), DHP_BAD_COUNT);
	assert_status(dhp_rundown_percpu_release(rundown, 0), DHP_BAD_COUNT);
	assert_status(dhp_rundown_percpu_destroy(rundown), DHP_BAD_OBJECT);
	free(memory);
	end_engine(engine);
}

static void size_grows_with_the_maximum_S728(void **state)
{
	struct dhp_engine *small = make_sim_of(1, 1), *large = make_sim_of(200, 1);

	(void)state;
	assert_true(dhp_rundown_percpu_bytes(small) > 0);
	assert_true(dhp_rundown_percpu_bytes(large) >= dhp_rundown_percpu_bytes(small) + 199 * sizeof(uint64_t));
	end_engine(small);
	end_engine(large);
}

static void same_rules_as_one_word(bool own_memory)
{
	struct place place = place_make(make_sim_of(4, 2), own_memory);
	struct dhp_rundown_percpu *rundown = place.rundown;

	assert_ok(dhp_rundown_percpu_acquire(rundown, 3));
	if (!own_memory)
		assert_status(dhp_rundown_percpu_destroy(rundown), DHP_IN_USE);
	assert_ok(dhp_rundown_percpu_release(rundown, 1));
	assert_ok(dhp_rundown_percpu_release(rundown, 2));
#if DHP_CHECKS < 2
	assert_status(dhp_rundown_percpu_completed(rundown), DHP_NOT_RUN_DOWN);
	assert_status(dhp_rundown_percpu_reinit(rundown), DHP_NOT_RUN_DOWN);
#endif
	assert_ok(dhp_rundown_percpu_wait(rundown));
	assert_status(dhp_rundown_percpu_acquire(rundown, 1), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_percpu_wait(rundown));
	assert_ok(dhp_rundown_percpu_completed(rundown));
	assert_status(dhp_rundown_percpu_acquire(rundown, 1), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_percpu_reinit(rundown));
	assert_ok(dhp_rundown_percpu_acquire(rundown, 1));
	assert_ok(dhp_rundown_percpu_release(rundown, 1));
	place_end(&place);
}

static void same_rules_as_one_word_S728(void **state)
{
	(void)state;
	same_rules_as_one_word(false);
	same_rules_as_one_word(true);
}

/* ---- the owner waits; references cross processors, also to one that has just arrived ---- */

struct wait_scene {
	struct dhp_rundown_percpu *rundown;
	uint64_t returned, wrong;
};

static void *wait_for_it(void *argument)
{
	struct wait_scene *scene = argument;

	if (dhp_rundown_percpu_wait(scene->rundown) != DHP_OK)
		(void)bump(&scene->wrong);
	(void)bump(&scene->returned);
	return NULL;
}

static bool refuses(void *context)
{
	struct wait_scene *scene = context;

	if (dhp_rundown_percpu_acquire(scene->rundown, 1) == DHP_RUN_DOWN)
		return true;
	(void)dhp_rundown_percpu_release(scene->rundown, 1);
	return false;
}

static void stand_on(struct dhp_engine *engine, uint32_t position)
{
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
}

static void wait_covers_a_newcomer(bool own_memory)
{
	struct place place = place_make(make_sim_of(8, 2), own_memory);
	struct wait_scene scene = { .rundown = place.rundown };
	struct helper waiter;

	stand_on(place.engine, 0);
	assert_ok(dhp_rundown_percpu_acquire(place.rundown, 4));
	stand_on(place.engine, 1);
	assert_ok(dhp_rundown_percpu_release(place.rundown, 1));
	helper_start(&waiter, wait_for_it, &scene);
	assert_true(wait_until(refuses, &scene));
	add_positions(place.engine, 2, 8);
	stand_on(place.engine, 5);
	assert_status(dhp_rundown_percpu_acquire(place.rundown, 1), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_percpu_release(place.rundown, 2));
	sleep_us(5000);
	assert_int_equal(peek(&scene.returned), 0);
	dhp_sim_exit(); /* on no processor: the fallback slot */
	assert_ok(dhp_rundown_percpu_release(place.rundown, 1));
	helper_join(&waiter);
	assert_int_equal(peek(&scene.wrong), 0);
	assert_ok(dhp_rundown_percpu_reinit(place.rundown));
	stand_on(place.engine, 7);
	assert_ok(dhp_rundown_percpu_acquire(place.rundown, 1));
	dhp_sim_exit();
	assert_ok(dhp_rundown_percpu_release(place.rundown, 1));
	place_end(&place);
}

static void a_wait_that_overlaps_an_add_covers_the_new_slot_S728_S729(void **state)
{
	(void)state;
	wait_covers_a_newcomer(false);
	wait_covers_a_newcomer(true);
}

/* ---- a release without an acquire is noticed by the wait ---- */

static __attribute__((noinline)) void give_back_too_much(void *argument)
{
	struct dhp_engine *engine = NULL;
	struct dhp_rundown_percpu *rundown = NULL;

	(void)argument;
	if (try_sim(&(struct sim_setup){ .maximum = 2 }, &engine) != DHP_OK ||
	    dhp_rundown_percpu_create(engine, &rundown) != DHP_OK)
		return;
	(void)dhp_rundown_percpu_release(rundown, 1);
	(void)dhp_rundown_percpu_wait(rundown);
}

static void more_back_than_taken_stops_the_wait_S723(void **state)
{
	(void)state;
	assert_stopped(give_back_too_much, NULL, "S-723", DEATH_SITE(give_back_too_much));
}

/* ---- race ---- */

struct race {
	struct dhp_engine *engine;
	struct dhp_rundown_percpu *rundown;
	struct gate gate;
	uint64_t stop, given, wrong, seeds;
	uint64_t gone; /* plain on purpose: written by the owner after the wait, read by holders */
};

static void move_to(struct race *race, uint64_t *dice)
{
	if (dhp_sim_enter(race->engine, dhp_sim_cpu(race->engine, (uint32_t)(roll(dice) % MAXIMUM))) != DHP_OK)
		(void)bump(&race->wrong);
}

static void *hold_here_and_there(void *argument)
{
	struct race *race = argument;
	uint64_t dice = 77 + bump(&race->seeds);

	gate_pass(&race->gate);
	while (peek(&race->stop) == 0) {
		uint32_t count = 1 + (uint32_t)(roll(&dice) % 4);

		move_to(race, &dice);
		if (dhp_rundown_percpu_acquire(race->rundown, count) != DHP_OK)
			continue;
		if (race->gone != 0)
			(void)bump(&race->wrong);
		(void)bump(&race->given);
		for (; count > 0; count--) {
			move_to(race, &dice);
			if (dhp_rundown_percpu_release(race->rundown, 1) != DHP_OK)
				(void)bump(&race->wrong);
		}
	}
	dhp_sim_exit();
	return NULL;
}

static void *arrivals(void *argument)
{
	struct race *race = argument;

	gate_pass(&race->gate);
	for (uint32_t position = 1; position < MAXIMUM; position++) {
		if (add_position(race->engine, position) != DHP_OK)
			(void)bump(&race->wrong);
		sleep_us(1000);
	}
	return NULL;
}

static void references_are_exact(bool own_memory)
{
	struct place place = place_make(make_sim_of(MAXIMUM, 1), own_memory);
	struct race race = { .engine = place.engine, .rundown = place.rundown };
	struct helper holders[HOLDERS], adder;

	gate_init(&race.gate, HOLDERS + 2);
	for (uint32_t i = 0; i < HOLDERS; i++)
		helper_start(&holders[i], hold_here_and_there, &race);
	helper_start(&adder, arrivals, &race);
	gate_pass(&race.gate);
	while (active_count(place.engine) < MAXIMUM) {
		uint64_t given = peek(&race.given);

		assert_ok(dhp_rundown_percpu_wait(place.rundown));
		race.gone = 1;
		assert_ok(dhp_rundown_percpu_completed(place.rundown));
		race.gone = 0;
		assert_ok(dhp_rundown_percpu_reinit(place.rundown));
		assert_true(wait_for_count(&race.given, given + 1));
	}
	poke(&race.stop, 1);
	for (uint32_t i = 0; i < HOLDERS; i++)
		helper_join(&holders[i]);
	helper_join(&adder);
	assert_int_equal(peek(&race.wrong), 0);
	assert_ok(dhp_rundown_percpu_wait(place.rundown));
	place_end(&place);
}

static void no_reference_is_lost_or_counted_twice_during_arrivals_S729(void **state)
{
	(void)state;
	references_are_exact(false);
	references_are_exact(true);
}

/* ---- this machine: the threads are where the kernel puts them ---- */

static void *hold_wherever_it_is(void *argument)
{
	struct race *race = argument;

	gate_pass(&race->gate);
	while (peek(&race->stop) == 0) {
		if (dhp_rundown_percpu_acquire(race->rundown, 2) != DHP_OK)
			continue;
		if (race->gone != 0)
			(void)bump(&race->wrong);
		(void)bump(&race->given);
		if (dhp_rundown_percpu_release(race->rundown, 1) != DHP_OK ||
		    dhp_rundown_percpu_release(race->rundown, 1) != DHP_OK)
			(void)bump(&race->wrong);
	}
	return NULL;
}

static void exact_on_this_machine(bool own_memory)
{
	struct race race = { .engine = NULL };
	struct helper holders[HOLDERS];
	struct place place;

	assert_ok(dhp_engine_create(NULL, &race.engine));
	place = place_make(race.engine, own_memory);
	race.rundown = place.rundown;
	gate_init(&race.gate, HOLDERS + 1);
	for (uint32_t i = 0; i < HOLDERS; i++)
		helper_start(&holders[i], hold_wherever_it_is, &race);
	gate_pass(&race.gate);
	for (uint32_t round = 0; round < TIMES(100); round++) {
		uint64_t given = peek(&race.given);

		assert_ok(dhp_rundown_percpu_wait(place.rundown));
		race.gone = 1;
		assert_ok(dhp_rundown_percpu_completed(place.rundown));
		race.gone = 0;
		assert_ok(dhp_rundown_percpu_reinit(place.rundown));
		assert_true(wait_for_count(&race.given, given + 1));
	}
	poke(&race.stop, 1);
	for (uint32_t i = 0; i < HOLDERS; i++)
		helper_join(&holders[i]);
	assert_int_equal(peek(&race.wrong), 0);
	assert_ok(dhp_rundown_percpu_wait(place.rundown));
	place_end(&place);
}

static void references_are_exact_on_this_machine_S728(void **state)
{
	(void)state;
	exact_on_this_machine(false);
	exact_on_this_machine(true);
}

/* ---- levels ---- */

static void use_in_a_routine(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct wait_scene *scene = context;

	(void)dpc, (void)a, (void)b;
	if (dhp_rundown_percpu_acquire(scene->rundown, 1) != DHP_OK ||
	    dhp_rundown_percpu_release(scene->rundown, 1) != DHP_OK)
		(void)bump(&scene->wrong);
#if DHP_CHECKS < 2
	if (dhp_rundown_percpu_wait(scene->rundown) != DHP_WRONG_LEVEL)
		(void)bump(&scene->wrong);
#endif
	(void)bump(&scene->returned);
}

static void routines_acquire_but_do_not_wait_S728(void **state)
{
	struct place place = place_make(make_sim_of(2, 2), false);
	struct wait_scene scene = { .rundown = place.rundown };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_dpc_init(&dpc, place.engine, use_in_a_routine, &scene));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(place.engine));
	assert_int_equal(peek(&scene.returned), 1);
	assert_int_equal(peek(&scene.wrong), 0);
	assert_ok(dhp_rundown_percpu_acquire(place.rundown, 1));
	assert_ok(dhp_rundown_percpu_release(place.rundown, 1));
	place_end(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(more_back_than_taken_stops_the_wait_S723),
		cmocka_unit_test(bad_input_is_refused_S728),
		cmocka_unit_test(size_grows_with_the_maximum_S728),
		cmocka_unit_test(same_rules_as_one_word_S728),
		cmocka_unit_test(a_wait_that_overlaps_an_add_covers_the_new_slot_S728_S729),
		cmocka_unit_test(no_reference_is_lost_or_counted_twice_during_arrivals_S729),
		cmocka_unit_test(references_are_exact_on_this_machine_S728),
		cmocka_unit_test(routines_acquire_but_do_not_wait_S728),
	};

	return cmocka_run_group_tests_name("rundown_percpu", tests, NULL, NULL);
}
