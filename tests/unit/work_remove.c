/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removal: from every place an object can be in, against the worker, against thieves; and what is free afterwards is free.
 */
#include "work_hold.h"

#include <sched.h>
#include <stdlib.h>

#include "queue.h"

static uint32_t place_of(struct tick *tick)
{
	return at_load_relaxed_u32(&dhpi_dpc(&tick->dpc)->place);
}

static void assert_place(struct tick *tick, enum dhpi_place_kind kind, uint32_t cpu)
{
	assert_int_equal(dhpi_place_kind(place_of(tick)), kind);
	assert_int_equal(dhpi_place_cpu(place_of(tick)), cpu);
}

static void assert_removed(struct tick *tick)
{
	assert_ok(dhp_dpc_remove(&tick->dpc));
	assert_status(dhp_dpc_remove(&tick->dpc), DHP_NOT_QUEUED);
	memset(tick, 0xff, sizeof(*tick)); /* it is its owner's again: this must disturb nobody */
}

/* ---- one place after another ---- */

/* One processor: another that has nothing to do would look into this queue, and take what is in its inbox to its lists. */
static void an_object_is_removed_from_the_inbox_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct tick ticks[3];
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < 3; i++) {
		tick_init(&ticks[i], engine, 0);
		tick_insert(&ticks[i]);
	}
	assert_place(&ticks[1], DHPI_PLACE_INBOX, 0);
	assert_removed(&ticks[1]);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(ticks[0].runs, 1);
	assert_int_equal(ticks[2].runs, 1);
	assert_int_equal(ticks[1].runs, UINT64_MAX); /* nobody counted there */
	assert_int_equal(stats_of(engine, 0).removed_count, 1);
	end_engine(engine);
}

static void an_object_is_removed_from_the_list_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct tick ticks[6];
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < 6; i++) {
		tick_init(&ticks[i], engine, i % 2 == 0 ? 0 : DHP_NO_INDEX);
		tick_insert(&ticks[i]);
	}
	assert_removed(&ticks[0]); /* this removal empties the inbox */
	for (uint32_t i = 1; i < 5; i++) {
		assert_place(&ticks[i], DHPI_PLACE_PENDING, 0);
		assert_removed(&ticks[i]);
	}
	hold_release(&hold);
	flush(engine);
	assert_int_equal(ticks[5].runs, 1);
	assert_int_equal(stats_of(engine, 0).run_count, 2);
	end_engine(engine);
}

static void an_object_is_removed_from_the_window_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold first, second;
	struct tick ticks[5];

	(void)state;
	hold_processor(&first, engine, 0);
	hold_insert(&second, engine, 0, DHP_IMPORTANCE_MEDIUM);
	for (uint32_t i = 0; i < 5; i++) {
		tick_init(&ticks[i], engine, i % 2 == 0 ? 0 : DHP_NO_INDEX);
		tick_insert(&ticks[i]);
	}
	hold_release(&first);
	hold_wait(&second);
	for (uint32_t i = 1; i < 5; i++) {
		assert_place(&ticks[i], DHPI_PLACE_WINDOW, 0);
		assert_removed(&ticks[i]);
	}
	hold_release(&second);
	flush(engine);
	assert_int_equal(ticks[0].runs, 1);
	assert_int_equal(stats_of(engine, 0).run_count, 3);
	end_engine(engine);
}

static void a_high_object_is_removed_from_inbox_and_list_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct tick ticks[4];
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < 4; i++) {
		tick_init(&ticks[i], engine, 0);
		assert_ok(dhp_dpc_set_importance(&ticks[i].dpc, DHP_IMPORTANCE_HIGH));
		tick_insert(&ticks[i]);
	}
	assert_place(&ticks[2], DHPI_PLACE_INBOX, 0);
	assert_removed(&ticks[2]);
	assert_place(&ticks[0], DHPI_PLACE_PENDING, 0);
	assert_removed(&ticks[0]);
	assert_removed(&ticks[3]);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(ticks[1].runs, 1);
	assert_int_equal(stats_of(engine, 0).run_count, 2);
	end_engine(engine);
}

/* The thief's window holds what it took over: the object is found there. */
static void an_object_that_moved_is_removed_where_it_is_S645_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold holds[2], carried;
	struct tick ticks[9];
	uint32_t moved = 0;

	(void)state;
	hold_processor(&holds[0], engine, 0);
	hold_processor(&holds[1], engine, 1);
	hold_insert(&carried, engine, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM);
	for (uint32_t i = 0; i < 9; i++) {
		tick_init(&ticks[i], engine, DHP_NO_INDEX);
		tick_insert(&ticks[i]);
	}
	hold_release(&holds[1]);
	hold_wait(&carried); /* processor 1 took it over, and others with it, which now wait behind it */
	for (uint32_t i = 0; i < 9; i++) {
		if (dhpi_place_cpu(place_of(&ticks[i])) == 1) {
			assert_place(&ticks[i], DHPI_PLACE_WINDOW, 1);
			moved++;
		}
		assert_removed(&ticks[i]);
	}
	assert_true(moved > 0);
	hold_release(&carried);
	hold_release(&holds[0]);
	flush(engine);
	assert_int_equal(stats_of(engine, 0).run_count + stats_of(engine, 1).run_count, 3);
	end_engine(engine);
}

/* ---- what is not queued ---- */

static void a_running_object_is_not_queued_and_removal_does_not_wait_S645_S646(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	assert_status(dhp_dpc_remove(&hold.dpc), DHP_NOT_QUEUED);
	assert_int_equal(peek(&hold.left), 0); /* it returned, and the routine has not */
	hold_release(&hold);
	flush(engine);
	assert_status(dhp_dpc_remove(&hold.dpc), DHP_NOT_QUEUED);
	end_engine(engine);
}

static void an_object_queued_while_it_runs_is_removed_and_the_run_goes_on_S612_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert(&hold.dpc, NULL, NULL));
	assert_ok(dhp_dpc_remove(&hold.dpc));
	assert_int_equal(peek(&hold.left), 0);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(hold.entered, 1);
	assert_int_equal(hold.left, 1);
	end_engine(engine);
}

static void a_removed_object_can_be_inserted_again_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold hold;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 0);
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < 50; i++) {
		tick_insert(&tick);
		assert_status(dhp_dpc_insert(&tick.dpc, NULL, NULL), DHP_ALREADY_QUEUED);
		assert_ok(dhp_dpc_remove(&tick.dpc));
	}
	tick_insert(&tick);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(tick.runs, 1);
	end_engine(engine);
}

/*
 * Between the moment at which the worker takes an object and the start of its routine, the object is neither queued nor
 * idle. The worker is held, so this thread may do its part.
 */
static void an_object_in_the_workers_hand_is_not_queued_S645_S647(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, 0);
	struct dhpi_dpc *taken;
	enum dhp_status removed;
	struct hold hold;
	struct tick tick;

	(void)state;
	tick_init(&tick, engine, 0);
	assert_ok(dhp_dpc_set_importance(&tick.dpc, DHP_IMPORTANCE_HIGH));
	hold_processor(&hold, engine, 0);
	tick_insert(&tick);
	taken = dhpi_queue_take_high(queue);
	assert_ptr_equal(taken, dhpi_dpc(&tick.dpc));
	removed = dhp_dpc_remove(&tick.dpc);
	/* As after its run, so that the engine can end. */
	if (removed == DHP_NOT_QUEUED)
		dhpi_queue_done_elsewhere(taken->home, taken->phase);
	hold_release(&hold);
	flush(engine);
	end_engine(engine);
	assert_status(removed, DHP_NOT_QUEUED);
}

struct remover_routine {
	struct dhp_dpc dpc;
	struct tick *victim;
	enum dhp_status status;
};

static void remove_another(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct remover_routine *remover = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	remover->status = dhp_dpc_remove(&remover->victim->dpc);
}

/* Its own batch too: the victim is in a later cell of the window that is being run. */
static void a_routine_removes_another_object_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct remover_routine remover;
	struct hold hold;
	struct tick tick;

	(void)state;
	hold_processor(&hold, engine, 0);
	tick_init(&tick, engine, 0);
	remover.victim = &tick;
	remover.status = DHP_BAD_ENGINE;
	assert_ok(dhp_dpc_init(&remover.dpc, engine, remove_another, &remover));
	assert_ok(dhp_dpc_insert(&remover.dpc, NULL, NULL));
	tick_insert(&tick);
	hold_release(&hold);
	flush(engine);
	assert_ok(remover.status);
	assert_int_equal(tick.runs, 0);
	end_engine(engine);
}

/* ---- S-647: for each insertion exactly one of removal and run ---- */

#define RACERS 12u

struct race {
	struct tick ticks[RACERS];
	uint64_t inserted[RACERS];
	uint64_t removed[RACERS];
	uint64_t wrong;
	uint32_t times;
	struct gate gate;
};

struct racer {
	struct race *race;
	uint64_t dice;
};

static void *insert_at_random(void *argument)
{
	struct racer *me = argument;
	struct race *race = me->race;

	gate_pass(&race->gate);
	for (uint32_t i = 0; i < race->times; i++) {
		uint32_t which = (uint32_t)(roll(&me->dice) % RACERS);
		enum dhp_status status = dhp_dpc_insert(&race->ticks[which].dpc, NULL, NULL);

		if (status == DHP_OK)
			(void)bump(&race->inserted[which]);
		else if (status != DHP_ALREADY_QUEUED)
			(void)bump(&race->wrong);
	}
	return NULL;
}

static void pause_for(uint64_t turns)
{
	while (turns-- > 0)
		__asm__ volatile("" ::: "memory");
}

static void *remove_at_random(void *argument)
{
	struct racer *me = argument;
	struct race *race = me->race;

	gate_pass(&race->gate);
	for (uint32_t i = 0; i < race->times; i++) {
		uint32_t which = (uint32_t)(roll(&me->dice) % RACERS);
		enum dhp_status status = dhp_dpc_remove(&race->ticks[which].dpc);

		if (status == DHP_OK)
			(void)bump(&race->removed[which]);
		else if (status != DHP_NOT_QUEUED)
			(void)bump(&race->wrong);
	}
	return NULL;
}

/* What the objects of a race are: aimed, free, High; by their number. */
enum mixture { TAIL_ONLY, HIGH_ONLY, MIXED };

static void prepare_race(struct race *race, struct dhp_engine *engine, enum mixture mixture)
{
	uint32_t active = active_count(engine);

	memset(race, 0, sizeof(*race));
	race->times = TIMES(1000000);
	gate_init(&race->gate, 4);
	for (uint32_t i = 0; i < RACERS; i++) {
		bool high = mixture == HIGH_ONLY || (mixture == MIXED && i % 3 == 0);

		tick_init(&race->ticks[i], engine, i % 2 == 0 ? i / 2 % active : DHP_NO_INDEX);
		assert_ok(dhp_dpc_set_importance(&race->ticks[i].dpc,
						 high ? DHP_IMPORTANCE_HIGH : DHP_IMPORTANCE_MEDIUM));
	}
}

static void run_race(struct dhp_engine *engine, enum mixture mixture)
{
	static struct race race;
	struct racer racers[4];
	struct helper helpers[4];
	uint64_t removed = 0, stats = 0;

	prepare_race(&race, engine, mixture);
	for (uint32_t i = 0; i < 4; i++) {
		racers[i] = (struct racer){ .race = &race, .dice = i + 11 };
		helper_start(&helpers[i], i < 2 ? insert_at_random : remove_at_random, &racers[i]);
	}
	for (uint32_t i = 0; i < 4; i++)
		helper_join(&helpers[i]);
	flush(engine);
	assert_int_equal(race.wrong, 0);
	for (uint32_t i = 0; i < RACERS; i++) {
		assert_int_equal(race.removed[i] + race.ticks[i].runs, race.inserted[i]);
		removed += race.removed[i];
		assert_status(dhp_dpc_remove(&race.ticks[i].dpc), DHP_NOT_QUEUED);
	}
	for (uint32_t index = 0; index < active_count(engine); index++)
		stats += stats_of(engine, index).removed_count;
	assert_int_equal(stats, removed);
	end_engine(engine);
}

static void each_insertion_is_removed_or_runs_S647(void **state)
{
	(void)state;
	run_race(make_sim_of(3, 3), TAIL_ONLY);
}

static void each_high_insertion_is_removed_or_runs_S647(void **state)
{
	(void)state;
	run_race(make_sim_of(2, 2), HIGH_ONLY);
}

static void each_insertion_of_any_kind_is_removed_or_runs_S647(void **state)
{
	(void)state;
	run_race(make_sim_spinning(4, 4, 1), MIXED);
}

static void each_insertion_on_real_processors_is_removed_or_runs_S647(void **state)
{
	(void)state;
	run_race(make_real(0), MIXED);
}

/* One object, one inserter and remover: the removal comes while the worker takes the object in hand. */
static void remove_while_the_worker_takes_it(enum dhp_importance importance)
{
	struct dhp_engine *engine = make_sim_spinning(1, 1, 100000);
	uint64_t dice = 3, queued = 0, removed = 0;
	struct tick tick;

	tick_init(&tick, engine, 0);
	assert_ok(dhp_dpc_set_importance(&tick.dpc, importance));
	for (uint32_t i = 0; i < TIMES(400000); i++) {
		queued += dhp_dpc_insert(&tick.dpc, NULL, NULL) == DHP_OK;
		pause_for(roll(&dice) % 400);
		removed += dhp_dpc_remove(&tick.dpc) == DHP_OK;
	}
	flush(engine);
	assert_int_equal(tick.runs + removed, queued);
	assert_true(tick.runs > 0);
	end_engine(engine);
}

static void an_object_that_is_just_being_taken_is_removed_or_runs_S647(void **state)
{
	(void)state;
	remove_while_the_worker_takes_it(DHP_IMPORTANCE_MEDIUM);
}

static void a_high_object_that_is_just_being_taken_is_removed_or_runs_S647(void **state)
{
	(void)state;
	remove_while_the_worker_takes_it(DHP_IMPORTANCE_HIGH);
}

/* ---- after a removal the memory is free at once ---- */

enum { BATCH = 12 };

struct brief {
	struct dhp_dpc dpc;
	uint64_t filler[4];
};

static uint64_t ran[BATCH];

static void say_ran(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_2;
	/* release: the owner frees the object when it has read this */
	(void)__atomic_fetch_add((uint64_t *)argument_1, 1, __ATOMIC_RELEASE);
}

static struct brief *make_and_insert(struct dhp_engine *engine, enum dhp_importance importance, uint32_t index,
				     uint64_t *counter)
{
	struct brief *brief = malloc(sizeof(*brief));

	assert_non_null(brief);
	poke(counter, 0);
	assert_ok(dhp_dpc_init(&brief->dpc, engine, say_ran, NULL));
	assert_ok(dhp_dpc_set_importance(&brief->dpc, importance));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&brief->dpc, index));
	assert_ok(dhp_dpc_insert(&brief->dpc, counter, NULL));
	return brief;
}

/* Poisoned, then freed, while its neighbours are still in the queue. true: it was removed, and did not run. */
static bool take_off_and_free(struct brief *brief, const uint64_t *counter)
{
	bool off = dhp_dpc_remove(&brief->dpc) == DHP_OK;

	while (!off && __atomic_load_n(counter, __ATOMIC_ACQUIRE) == 0)
		(void)sched_yield();
	memset(brief, 0xff, sizeof(*brief));
	free(brief);
	return off;
}

static void remove_and_free(struct dhp_engine *engine, enum dhp_importance importance, uint32_t index)
{
	uint64_t dice = 5, removed = 0, runs = 0;
	uint32_t rounds = TIMES(6000);

	for (uint32_t round = 0; round < rounds; round++) {
		struct brief *objects[BATCH];
		uint32_t first = (uint32_t)(roll(&dice) % BATCH);

		for (uint32_t i = 0; i < BATCH; i++)
			objects[i] = make_and_insert(engine, importance, index, &ran[i]);
		for (uint32_t i = 0; i < BATCH; i++) {
			uint32_t at = (first + i * 5) % BATCH; /* each once */

			pause_for(roll(&dice) % 200);
			removed += take_off_and_free(objects[at], &ran[at]);
		}
		if (round % 8 == 0)
			flush(engine);
		for (uint32_t i = 0; i < BATCH; i++)
			runs += peek(&ran[i]);
	}
	flush(engine);
	assert_int_equal(runs + removed, (uint64_t)rounds * BATCH);
	assert_true(removed > 0);
	end_engine(engine);
}

static void an_aimed_object_may_be_freed_right_after_its_removal_S645(void **state)
{
	(void)state;
	remove_and_free(make_sim_spinning(1, 1, 50000), DHP_IMPORTANCE_MEDIUM, 0);
}

static void an_object_that_others_may_steal_may_be_freed_right_after_its_removal_S645(void **state)
{
	(void)state;
	remove_and_free(make_sim_of(3, 3), DHP_IMPORTANCE_MEDIUM, DHP_NO_INDEX);
}

static void a_high_object_may_be_freed_right_after_its_removal_S645(void **state)
{
	(void)state;
	remove_and_free(make_sim_spinning(2, 2, 50000), DHP_IMPORTANCE_HIGH, 1);
}

static void an_object_on_real_processors_may_be_freed_right_after_its_removal_S645(void **state)
{
	(void)state;
	remove_and_free(make_real(0), DHP_IMPORTANCE_LOW, DHP_NO_INDEX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_removed_from_the_inbox_S645),
		cmocka_unit_test(an_object_is_removed_from_the_list_S645),
		cmocka_unit_test(an_object_is_removed_from_the_window_S645),
		cmocka_unit_test(a_high_object_is_removed_from_inbox_and_list_S645),
		cmocka_unit_test(an_object_that_moved_is_removed_where_it_is_S645_S620),
		cmocka_unit_test(a_running_object_is_not_queued_and_removal_does_not_wait_S645_S646),
		cmocka_unit_test(an_object_queued_while_it_runs_is_removed_and_the_run_goes_on_S612_S645),
		cmocka_unit_test(a_removed_object_can_be_inserted_again_S645),
		cmocka_unit_test(an_object_in_the_workers_hand_is_not_queued_S645_S647),
		cmocka_unit_test(a_routine_removes_another_object_S645),
		cmocka_unit_test(each_insertion_is_removed_or_runs_S647),
		cmocka_unit_test(each_high_insertion_is_removed_or_runs_S647),
		cmocka_unit_test(each_insertion_of_any_kind_is_removed_or_runs_S647),
		cmocka_unit_test(each_insertion_on_real_processors_is_removed_or_runs_S647),
		cmocka_unit_test(an_object_that_is_just_being_taken_is_removed_or_runs_S647),
		cmocka_unit_test(a_high_object_that_is_just_being_taken_is_removed_or_runs_S647),
		cmocka_unit_test(an_aimed_object_may_be_freed_right_after_its_removal_S645),
		cmocka_unit_test(an_object_that_others_may_steal_may_be_freed_right_after_its_removal_S645),
		cmocka_unit_test(a_high_object_may_be_freed_right_after_its_removal_S645),
		cmocka_unit_test(an_object_on_real_processors_may_be_freed_right_after_its_removal_S645),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
