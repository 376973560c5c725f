/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flush: what it waits for, and what it does not.
 */
#include "work_hold.h"

#include <signal.h>
#include <stdlib.h>

/* ---- plain memory: a race detector sees whether the flush orders the routines ---- */

struct plain {
	struct dhp_dpc dpc;
	uint64_t runs;
};

static void count_plainly(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct plain *plain = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	plain->runs++;
}

static void all_that_was_queued_before_has_run_S648(void **state)
{
	struct dhp_engine *engine = make_sim_of(5, 4);
	const struct budget budget = budget_begin();
	struct plain objects[120];

	(void)state;
	memset(objects, 0, sizeof(objects));
	for (uint32_t i = 0; i < LENGTH(objects); i++) {
		assert_ok(dhp_dpc_init(&objects[i].dpc, engine, count_plainly, &objects[i]));
		assert_ok(dhp_dpc_set_importance(&objects[i].dpc, (enum dhp_importance)(i % 4)));
		if (i % 5 != 4)
			assert_ok(dhp_dpc_set_target(&objects[i].dpc, i % 5));
	}
	for (uint64_t round = 1; round <= TIMES(400) && budget_left(&budget); round++) {
		for (uint32_t i = 0; i < LENGTH(objects); i++)
			assert_ok(dhp_dpc_insert(&objects[i].dpc, NULL, NULL));
		flush(engine);
		for (uint32_t i = 0; i < LENGTH(objects); i++)
			assert_int_equal(objects[i].runs, round);
	}
	end_engine(engine);
}

static void a_flush_of_nothing_returns_S648(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		flush(engine);
	end_engine(engine);
}

/* ---- what is in the way ---- */

struct flusher {
	struct dhp_engine *engine;
	struct hold *hold;
	uint64_t begun;
	uint64_t returned;
	uint64_t left_before; /* the hold had been left when flush returned */
	enum dhp_status status;
};

static void *flush_now(void *argument)
{
	struct flusher *flusher = argument;

	(void)bump(&flusher->begun);
	flusher->status = dhp_dpc_flush(flusher->engine);
	flusher->left_before = flusher->hold != NULL ? peek(&flusher->hold->left) : 0;
	(void)bump(&flusher->returned);
	return NULL;
}

static void start_flusher(struct helper *helper, struct flusher *flusher, struct dhp_engine *engine, struct hold *hold)
{
	*flusher = (struct flusher){ .engine = engine, .hold = hold, .status = DHP_BAD_ENGINE };
	helper_start(helper, flush_now, flusher);
	assert_true(wait_for_count(&flusher->begun, 1));
	sleep_us(20000); /* it cannot return now, however long this takes */
}

static void a_routine_that_runs_is_waited_for_S650(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct flusher flusher;
	struct helper helper;
	struct hold hold;

	(void)state;
	hold_processor(&hold, engine, 1);
	start_flusher(&helper, &flusher, engine, &hold);
	assert_int_equal(peek(&flusher.returned), 0);
	hold_release(&hold);
	helper_join(&helper);
	assert_ok(flusher.status);
	assert_int_equal(flusher.left_before, 1);
	end_engine(engine);
}

/* As slow as the slowest processor, whatever the caller queued; who does not call it has nothing to do with it. */
static void a_flush_may_take_long_and_holds_up_nobody_else_S651(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 2);
	struct flusher flusher;
	struct helper helper;
	struct hold hold;
	struct tick ticks[4];
	const struct budget budget = budget_begin();

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		tick_init(&ticks[i], engine, 0);
		assert_ok(dhp_dpc_set_importance(&ticks[i].dpc, (enum dhp_importance)i));
	}
	hold_processor(&hold, engine, 1);
	start_flusher(&helper, &flusher, engine, &hold);
	for (uint64_t round = 1; round <= TIMES(200) && budget_left(&budget); round++) {
		for (uint32_t i = 0; i < 4; i++)
			tick_insert(&ticks[i]);
		for (uint32_t i = 0; i < 4; i++)
			assert_true(wait_for_count(&ticks[i].runs, round));
	}
	assert_status(dhp_dpc_remove(&ticks[0].dpc), DHP_NOT_QUEUED);
	add_positions(engine, 2, 3);
	assert_int_equal(peek(&flusher.returned), 0);
	hold_release(&hold);
	helper_join(&helper);
	assert_ok(flusher.status);
	assert_int_equal(flusher.left_before, 1);
	end_engine(engine);
}

static void a_high_routine_that_runs_is_waited_for_S650(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct flusher flusher;
	struct helper helper;
	struct hold hold;

	(void)state;
	hold_insert(&hold, engine, 0, DHP_IMPORTANCE_HIGH);
	hold_wait(&hold);
	start_flusher(&helper, &flusher, engine, &hold);
	assert_int_equal(peek(&flusher.returned), 0);
	hold_release(&hold);
	helper_join(&helper);
	assert_int_equal(flusher.left_before, 1);
	end_engine(engine);
}

/* It counts where it was inserted, and runs elsewhere. */
static void a_routine_that_runs_where_it_was_taken_to_is_waited_for_S648_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct flusher flusher;
	struct hold hold, moved;
	struct helper helper;

	(void)state;
	hold_processor(&hold, engine, 0);
	hold_insert(&moved, engine, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM);
	hold_wait(&moved);
	assert_int_equal(peek(&moved.index), 1);
	hold_release(&hold); /* its home has nothing left */
	start_flusher(&helper, &flusher, engine, &moved);
	assert_int_equal(peek(&flusher.returned), 0);
	hold_release(&moved);
	helper_join(&helper);
	assert_int_equal(flusher.left_before, 1);
	end_engine(engine);
}

/* What comes during the call may wait for ever: the call does not wait for it. */
static void what_comes_later_is_not_waited_for_S649(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold before, after;
	struct flusher flusher;
	struct helper helper;

	(void)state;
	hold_processor(&before, engine, 0);
	start_flusher(&helper, &flusher, engine, &before);
	hold_insert(&after, engine, 1, DHP_IMPORTANCE_MEDIUM);
	hold_wait(&after);
	hold_release(&before);
	assert_true(wait_for_count(&flusher.returned, 1));
	assert_int_equal(peek(&after.left), 0);
	hold_release(&after);
	helper_join(&helper);
	flush(engine);
	end_engine(engine);
}

/* ---- a DPC that never ends to come ---- */

struct eternal {
	struct dhp_dpc dpc;
	uint64_t runs;
	uint64_t over;
	uint64_t refused;
};

static void insert_myself(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct eternal *eternal = context;

	(void)argument_1;
	(void)argument_2;
	(void)bump(&eternal->runs);
	if (peek(&eternal->over) == 0 && dhp_dpc_insert(dpc, NULL, NULL) != DHP_OK)
		(void)bump(&eternal->refused);
}

enum beside { NOTHING, ORDINARY, THREADED };

static void flush_beside(uint32_t processors, uint32_t index, enum dhp_importance importance, enum beside beside)
{
	struct dhp_engine *engine = make_sim_of(processors, processors);
	struct eternal eternal = { .runs = 0 };
	struct flusher flusher;
	struct helper helper;
	struct hold hold;
	struct tick tick;
	bool returned;

	tick_init(&tick, engine, 0);
	if (beside == THREADED) {
		assert_ok(dhp_dpc_init_threaded(&tick.dpc, engine, tick_routine, &tick));
		assert_ok(dhp_dpc_set_target(&tick.dpc, 0));
	}
	assert_ok(dhp_dpc_init(&eternal.dpc, engine, insert_myself, &eternal));
	assert_ok(dhp_dpc_set_importance(&eternal.dpc, importance));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&eternal.dpc, index));
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert(&eternal.dpc, NULL, NULL));
	if (beside != NOTHING)
		tick_insert(&tick);
	hold_release(&hold);
	assert_true(wait_for_count(&eternal.runs, 100));
	for (uint32_t i = 0; i < 3; i++) {
		flusher = (struct flusher){ .engine = engine, .status = DHP_BAD_ENGINE };
		helper_start(&helper, flush_now, &flusher);
		returned = wait_for_count(&flusher.returned, 1);
		if (!returned)
			poke(&eternal.over, 1);
		helper_join(&helper);
		assert_true(returned);
		assert_ok(flusher.status);
	}
	assert_true(wait_for_count(&eternal.runs, peek(&eternal.runs) + 10)); /* it still goes on */
	assert_int_equal(tick.runs, beside != NOTHING ? 1 : 0);
	poke(&eternal.over, 1);
	flush(engine);
	flush(engine);
	assert_int_equal(eternal.refused, 0);
	end_engine(engine);
}

static void a_dpc_that_inserts_itself_again_does_not_hold_a_flush_S649(void **state)
{
	(void)state;
	flush_beside(1, 0, DHP_IMPORTANCE_MEDIUM, ORDINARY);
	flush_beside(3, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM, ORDINARY);
}

static void a_high_dpc_that_inserts_itself_again_does_not_hold_a_flush_S649(void **state)
{
	(void)state;
	flush_beside(2, 0, DHP_IMPORTANCE_HIGH, NOTHING);
}

/* Others wait behind it, and the flush waits for them. */
static void a_high_dpc_that_inserts_itself_again_does_not_starve_the_others_S649(void **state)
{
	(void)state;
	flush_beside(1, 0, DHP_IMPORTANCE_HIGH, ORDINARY);
}

/* Ordinary ones come first (S-662), but not for ever. */
static void a_dpc_that_inserts_itself_again_does_not_starve_threaded_ones_S649_S655(void **state)
{
	(void)state;
	flush_beside(1, 0, DHP_IMPORTANCE_MEDIUM, THREADED);
	flush_beside(1, 0, DHP_IMPORTANCE_HIGH, THREADED);
}

/* ---- many at once ---- */

struct rounds {
	struct dhp_engine *engine;
	struct gate *gate;
	struct plain objects[16];
	uint32_t times;
	uint64_t missed;
	uint64_t wrong;
};

/* Own objects only: after the own flush all of them have run, whatever flushes others do meanwhile. */
static void *insert_and_flush(void *argument)
{
	struct rounds *rounds = argument;
	const struct budget budget = budget_begin();

	gate_pass(rounds->gate);
	for (uint64_t round = 1; round <= rounds->times && budget_left(&budget); round++) {
		for (uint32_t i = 0; i < LENGTH(rounds->objects); i++)
			rounds->wrong += dhp_dpc_insert(&rounds->objects[i].dpc, NULL, NULL) != DHP_OK;
		rounds->wrong += dhp_dpc_flush(rounds->engine) != DHP_OK;
		for (uint32_t i = 0; i < LENGTH(rounds->objects); i++)
			rounds->missed += rounds->objects[i].runs != round;
	}
	return NULL;
}

static void threads_flush_at_once_and_each_finds_its_own_done_S648(void **state)
{
	static struct rounds rounds[3];
	struct dhp_engine *engine = make_sim_of(3, 3);
	struct helper helpers[3];
	struct gate gate;

	(void)state;
	gate_init(&gate, 3);
	for (uint32_t row = 0; row < 3; row++) {
		memset(&rounds[row], 0, sizeof(rounds[row]));
		rounds[row].engine = engine;
		rounds[row].gate = &gate;
		rounds[row].times = TIMES(3000);
		for (uint32_t i = 0; i < LENGTH(rounds[row].objects); i++) {
			struct plain *plain = &rounds[row].objects[i];

			assert_ok(dhp_dpc_init(&plain->dpc, engine, count_plainly, plain));
			if (i % 4 != 3)
				assert_ok(dhp_dpc_set_target(&plain->dpc, i % 3));
		}
		helper_start(&helpers[row], insert_and_flush, &rounds[row]);
	}
	for (uint32_t row = 0; row < 3; row++)
		helper_join(&helpers[row]);
	for (uint32_t row = 0; row < 3; row++) {
		assert_int_equal(rounds[row].wrong, 0);
		assert_int_equal(rounds[row].missed, 0);
	}
	end_engine(engine);
}

/* ---- an inserter that is stopped in the middle of its insert, while somebody flushes ---- */

struct interrupted {
	struct dhp_engine *engine;
	struct tick slow;
	uint64_t stop;      /* the main thread wants the inserter to stand still */
	uint64_t stopped;   /* it stands still, or cannot */
	uint64_t flushing;  /* it must not stand still: it may hold what a flush needs */
	uint64_t was_stopped;
	uint64_t missed;
	uint64_t wrong;
	uint64_t over;
};

static struct interrupted interrupted;

static void take_a_while(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	for (uint32_t i = 0; i < 20000; i++)
		__asm__ volatile("" ::: "memory");
	tick_routine(dpc, context, argument_1, argument_2);
}

static void stand_still(int signal_number)
{
	(void)signal_number;
	if (peek(&interrupted.flushing) == 0) {
		poke(&interrupted.was_stopped, 1);
		poke(&interrupted.stopped, 1);
		/* Not for ever: the flush may wait for what the interrupted insert has yet to wake. */
		for (uint32_t i = 0; i < 50 && peek(&interrupted.stop) != 0; i++)
			sleep_us(1);
	} else {
		poke(&interrupted.stopped, 1);
	}
}

/* One object; when a flush went past an insert of it, the inserter's own flush has to wait for it all the same. */
static void *insert_and_flush_when_stopped(void *argument)
{
	struct interrupted *me = argument;

	for (uint64_t round = 1; peek(&me->over) == 0; round++) {
		me->wrong += dhp_dpc_insert(&me->slow.dpc, NULL, NULL) != DHP_OK;
		if (peek(&me->was_stopped) != 0) {
			poke(&me->flushing, 1);
			me->wrong += dhp_dpc_flush(me->engine) != DHP_OK;
			if (peek(&me->slow.runs) < round)
				(void)bump(&me->missed);
			poke(&me->was_stopped, 0);
			poke(&me->flushing, 0);
		}
		while (peek(&me->slow.runs) < round && peek(&me->over) == 0)
			__asm__ volatile("" ::: "memory");
	}
	return NULL;
}

static void an_insert_that_a_flush_went_past_is_waited_for_by_the_next_flush_S648(void **state)
{
	const struct sigaction action = { .sa_handler = stand_still, .sa_flags = SA_RESTART };
	struct dhp_engine *engine = make_sim_spinning(2, 2, 100000);
	struct interrupted *me = &interrupted;
	const struct budget budget = budget_begin();
	struct sigaction before;
	pthread_t thread;

	(void)state;
	memset(me, 0, sizeof(*me));
	me->engine = engine;
	tick_init(&me->slow, engine, 1);
	assert_ok(dhp_dpc_init(&me->slow.dpc, engine, take_a_while, &me->slow));
	assert_ok(dhp_dpc_set_target(&me->slow.dpc, 1));
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	assert_int_equal(pthread_create(&thread, NULL, insert_and_flush_when_stopped, me), 0);
	for (uint32_t i = TIMES(8000); i > 0 && peek(&me->missed) == 0 && budget_left(&budget); i--) {
		poke(&me->stopped, 0);
		poke(&me->stop, 1);
		assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
		while (peek(&me->stopped) == 0)
			sleep_us(1);
		flush(engine);
		poke(&me->stop, 0);
		sleep_us((i * 7) % 40);
	}
	poke(&me->over, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
	flush(engine);
	assert_int_equal(me->wrong, 0);
	assert_int_equal(me->missed, 0);
	end_engine(engine);
}

/* ---- S-653: stop the sources, remove, flush, free ---- */

static void after_removal_and_flush_all_may_be_freed_S653(void **state)
{
	enum { COUNT = 40 };
	struct dhp_engine *engine = make_sim_of(3, 3);
	const struct budget budget = budget_begin();

	(void)state;
	for (uint32_t round = 0; round < TIMES(800) && budget_left(&budget); round++) {
		struct tick *ticks = malloc(COUNT * sizeof(*ticks));
		uint64_t removed = 0;

		assert_non_null(ticks);
		for (uint32_t i = 0; i < COUNT; i++) {
			tick_init(&ticks[i], engine, i % 4 == 3 ? DHP_NO_INDEX : i % 4);
			if (i % 7 == 0)
				assert_ok(dhp_dpc_set_importance(&ticks[i].dpc, DHP_IMPORTANCE_HIGH));
		}
		for (uint32_t i = 0; i < COUNT; i++)
			tick_insert(&ticks[i]);
		for (uint32_t i = 0; i < COUNT; i++)
			removed += dhp_dpc_remove(&ticks[i].dpc) == DHP_OK;
		flush(engine);
		assert_int_equal(ticks_run(ticks, COUNT) + removed, COUNT);
		memset(ticks, 0xff, COUNT * sizeof(*ticks));
		free(ticks);
	}
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_was_queued_before_has_run_S648),
		cmocka_unit_test(a_flush_of_nothing_returns_S648),
		cmocka_unit_test(a_routine_that_runs_is_waited_for_S650),
		cmocka_unit_test(a_flush_may_take_long_and_holds_up_nobody_else_S651),
		cmocka_unit_test(a_high_routine_that_runs_is_waited_for_S650),
		cmocka_unit_test(a_routine_that_runs_where_it_was_taken_to_is_waited_for_S648_S620),
		cmocka_unit_test(what_comes_later_is_not_waited_for_S649),
		cmocka_unit_test(a_dpc_that_inserts_itself_again_does_not_hold_a_flush_S649),
		cmocka_unit_test(a_high_dpc_that_inserts_itself_again_does_not_hold_a_flush_S649),
		cmocka_unit_test(a_high_dpc_that_inserts_itself_again_does_not_starve_the_others_S649),
		cmocka_unit_test(a_dpc_that_inserts_itself_again_does_not_starve_threaded_ones_S649_S655),
		cmocka_unit_test(threads_flush_at_once_and_each_finds_its_own_done_S648),
		cmocka_unit_test(an_insert_that_a_flush_went_past_is_waited_for_by_the_next_flush_S648),
		cmocka_unit_test(after_removal_and_flush_all_may_be_freed_S653),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
