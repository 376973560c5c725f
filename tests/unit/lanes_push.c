/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain items on simulated processors: each runs once, in order, one call at a time for each lane; a full lane says so; lanes come
 * with processors, and go on without them.
 */
#include "work_hold.h"

#include <signal.h>
#include <stdlib.h>

#include <dhp/lanes.h>

#define BATCH 64u /* of lanes.c, without sequences */
#define MANY 1000u

struct item {
	uint64_t runs;
	uint64_t place; /* in the order of runs */
	uint64_t index; /* where it ran */
};

/* The context of the routine. */
struct bench {
	struct dhp_engine *engine;
	struct dhp_lanes *lanes;
	struct item *items;
	uint64_t ran, calls, largest;
	uint64_t inside, overlaps; /* only where one lane is used */
	uint64_t again;            /* items that the routine pushes once more */
};

static void run_items(void *context, void *const *items, uint32_t count)
{
	struct bench *bench = context;

	if (bump(&bench->inside) != 0)
		(void)bump(&bench->overlaps);
	(void)bump(&bench->calls);
	if (count > peek(&bench->largest))
		poke(&bench->largest, count);
	for (uint32_t i = 0; i < count; i++) {
		struct item *item = items[i];

		poke(&item->place, bump(&bench->ran));
		poke(&item->index, dhp_index_here(bench->engine));
		(void)bump(&item->runs);
		if (peek(&bench->again) != 0) {
			poke(&bench->again, peek(&bench->again) - 1);
			if (dhp_lanes_push(bench->lanes, item) != DHP_OK)
				(void)bump(&bench->overlaps);
		}
	}
	(void)__atomic_fetch_sub(&bench->inside, 1, __ATOMIC_RELAXED);
}

static struct dhp_lanes_options options_of(struct bench *bench, uint32_t capacity)
{
	return (struct dhp_lanes_options){
		.size = sizeof(struct dhp_lanes_options), .routine = run_items, .context = bench, .capacity = capacity
	};
}

static void open_bench(struct bench *bench, struct dhp_engine *engine, uint32_t capacity, uint32_t items)
{
	struct dhp_lanes_options options = options_of(bench, capacity);

	memset(bench, 0, sizeof(*bench));
	bench->engine = engine;
	bench->items = calloc(items, sizeof(*bench->items));
	assert_non_null(bench->items);
	assert_ok(dhp_lanes_create(engine, &options, &bench->lanes));
}

static void close_bench(struct bench *bench)
{
	assert_ok(dhp_lanes_destroy(bench->lanes));
	free(bench->items);
}

static void push(struct bench *bench, uint32_t which)
{
	assert_ok(dhp_lanes_push(bench->lanes, &bench->items[which]));
}

static void push_first(struct bench *bench, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		push(bench, i);
}

static void go_to(struct dhp_engine *engine, uint32_t index)
{
	struct dhp_processor processor;

	assert_ok(dhp_processor_at(engine, index, &processor));
	assert_ok(dhp_sim_enter(engine, processor.cpu));
}

static void hold_all(struct hold *holds, struct dhp_engine *engine, uint32_t count)
{
	for (uint32_t index = 0; index < count; index++)
		hold_processor(&holds[index], engine, index);
}

/* ---- on one processor ---- */

static void items_of_one_processor_run_once_and_in_order(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 0, MANY);
	go_to(engine, 1);
	push_first(&bench, MANY);
	assert_ok(dhp_lanes_flush(bench.lanes));
	assert_int_equal(peek(&bench.ran), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(bench.items[i].runs, 1);
		assert_int_equal(bench.items[i].place, i);
	}
	assert_int_equal(peek(&bench.overlaps), 0);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

static void a_routine_gets_what_waits_many_at_a_time(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct bench bench;
	struct hold hold;

	(void)state;
	open_bench(&bench, engine, 0, MANY);
	go_to(engine, 0);
	hold_all(&hold, engine, 1);
	push_first(&bench, MANY);
	assert_int_equal(peek(&bench.calls), 0);
	hold_release(&hold);
	assert_ok(dhp_lanes_flush(bench.lanes));
	assert_int_equal(peek(&bench.calls), (MANY + BATCH - 1) / BATCH);
	assert_int_equal(peek(&bench.largest), BATCH);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

static void a_full_lane_takes_nothing_and_loses_nothing(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct bench bench;
	struct hold hold;

	(void)state;
	open_bench(&bench, engine, 5, 9); /* rounded up to eight */
	go_to(engine, 0);
	for (uint32_t round = 1; round <= 5; round++) { /* the ring's beginning is where it was, and in its middle */
		hold_all(&hold, engine, 1);
		push_first(&bench, 8);
		assert_status(dhp_lanes_push(bench.lanes, &bench.items[8]), DHP_FULL);
		assert_status(dhp_lanes_push(bench.lanes, &bench.items[8]), DHP_FULL);
		hold_release(&hold);
		assert_ok(dhp_lanes_flush(bench.lanes));
		push(&bench, 0);
		assert_ok(dhp_lanes_flush(bench.lanes));
		for (uint32_t i = 1; i < 8; i++)
			assert_int_equal(bench.items[i].runs, round);
		assert_int_equal(bench.items[0].runs, 2 * round);
	}
	assert_int_equal(bench.items[8].runs, 0);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

/* A lane is left when nothing comes, so the next push has to ring; and again. */
static void a_lane_that_was_left_is_looked_at_again(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	uint64_t dice = 7;
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 2, 1);
	go_to(engine, 0);
	for (uint32_t i = 1; i <= TIMES(5000); i++) {
		push(&bench, 0);
		assert_true(wait_for_count(&bench.ran, i));
		if (roll(&dice) % 64 == 0)
			sleep_us((uint32_t)(roll(&dice) % 200));
	}
	assert_int_equal(peek(&bench.overlaps), 0);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

/* One worker: with two, what the routine pushed to its own processor's lane may begin before the routine has returned. */
static void a_routine_may_push(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 4, 1);
	poke(&bench.again, MANY);
	push(&bench, 0);
	assert_true(wait_for_count(&bench.ran, MANY + 1));
	assert_int_equal(peek(&bench.overlaps), 0);
	close_bench(&bench);
	end_engine(engine);
}

static void push_from_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct bench *bench = context;

	(void)dpc;
	(void)argument_2;
	if (dhp_lanes_push(bench->lanes, argument_1) != DHP_OK)
		(void)bump(&bench->overlaps);
}

static void a_DPC_may_push(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct bench bench;
	struct dhp_dpc dpc;

	(void)state;
	open_bench(&bench, engine, 0, 1);
	assert_ok(dhp_dpc_init(&dpc, engine, push_from_routine, &bench));
	assert_ok(dhp_dpc_set_target(&dpc, 1));
	assert_ok(dhp_dpc_insert(&dpc, &bench.items[0], NULL));
	flush(engine);
	assert_ok(dhp_lanes_flush(bench.lanes));
	assert_int_equal(peek(&bench.items[0].runs), 1);
	assert_int_equal(peek(&bench.overlaps), 0);
	close_bench(&bench);
	end_engine(engine);
}

/* ---- signal handlers ---- */

static struct bench *handlers_bench;
static uint64_t handled, refused;

static void push_in_handler(int number)
{
	(void)number;
	if (dhp_lanes_push(handlers_bench->lanes, handlers_bench->items) == DHP_OK)
		(void)bump(&handled);
	else
		(void)bump(&refused);
}

static void a_signal_handler_may_push_in_the_middle_of_a_push(void **state)
{
	const struct sigaction action = { .sa_handler = push_in_handler };
	struct dhp_engine *engine = make_sim_of(2, 2);
	uint64_t pushed = 0;
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 64, 2);
	handlers_bench = &bench;
	poke(&handled, 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	go_to(engine, 1);
	for (uint32_t i = 0; i < TIMES(20000); i++) {
		if (i % 8 == 0)
			assert_int_equal(pthread_kill(pthread_self(), SIGUSR1), 0);
		pushed += dhp_lanes_push(bench.lanes, &bench.items[1]) == DHP_OK;
	}
	assert_ok(dhp_lanes_flush(bench.lanes));
	assert_true(peek(&handled) > 0);
	assert_int_equal(bench.items[0].runs, peek(&handled));
	assert_int_equal(bench.items[1].runs, pushed);
	assert_int_equal(peek(&bench.overlaps), 0);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

/* ---- processors that come, and that are not usable ---- */

static void who_is_on_no_announced_processor_pushes_too_S035(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 4, 2);
	push(&bench, 0); /* on none */
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 2)));
	push(&bench, 1);
	assert_ok(dhp_lanes_flush(bench.lanes));
	assert_int_equal(bench.items[0].runs, 1);
	assert_int_equal(bench.items[1].runs, 1);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

static void a_newcomer_takes_what_waits_elsewhere_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct bench bench;
	struct hold hold;

	(void)state;
	open_bench(&bench, engine, 0, MANY);
	go_to(engine, 0);
	hold_all(&hold, engine, 1);
	push_first(&bench, MANY);
	add_positions(engine, 1, 2);
	assert_ok(dhp_lanes_flush(bench.lanes)); /* its processor is still held */
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(bench.items[i].index, 1);
	hold_release(&hold);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

static void aimed_items_run_at_their_target_only_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 3);
	struct dhp_lanes_options options;
	struct bench bench = { .engine = engine };
	struct hold hold;

	(void)state;
	bench.items = calloc(30, sizeof(*bench.items));
	options = options_of(&bench, 0);
	options.flags = DHP_LANES_AIMED;
	options.target = 2;
	assert_non_null(bench.items);
	assert_ok(dhp_lanes_create(engine, &options, &bench.lanes));
	add_positions(engine, 3, 4); /* its lane too */
	for (uint32_t i = 0; i < 30; i++) {
		go_to(engine, i % 4);
		push(&bench, i);
	}
	assert_ok(dhp_lanes_flush(bench.lanes));
	for (uint32_t i = 0; i < 30; i++)
		assert_int_equal(bench.items[i].index, 2);
	hold_processor(&hold, engine, 2);
	push(&bench, 0);
	sleep_us(2000); /* the others have nothing to do */
	assert_int_equal(peek(&bench.ran), 30);
	hold_release(&hold);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

static void a_lane_of_a_processor_that_is_away_is_emptied_elsewhere_S641(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct dhp_processor processor;
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 0, 3);
	assert_ok(dhp_processor_at(engine, 1, &processor));
	go_to(engine, 1);
	push(&bench, 0);
	assert_ok(dhp_sim_set_usable(engine, processor.cpu, false));
	push(&bench, 1);
	assert_ok(dhp_lanes_flush(bench.lanes));
	assert_ok(dhp_sim_set_usable(engine, processor.cpu, true));
	push(&bench, 2);
	assert_ok(dhp_lanes_flush(bench.lanes));
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(bench.items[i].runs, 1);
	dhp_sim_exit();
	close_bench(&bench);
	end_engine(engine);
}

/* ---- many who push ---- */

#define PUSHERS 4u
#define EACH 20000u

struct crowd {
	struct bench *bench;
	struct gate gate;
	uint64_t next, pushed;
	bool one_lane;
};

static void *push_and_wander(void *argument)
{
	struct crowd *crowd = argument;
	uint64_t who = bump(&crowd->next), dice = who + 1;

	gate_pass(&crowd->gate);
	for (uint32_t i = 0; i < TIMES(EACH); i++) {
		if (i % 64 == 0)
			(void)dhp_sim_enter(crowd->bench->engine,
					    dhp_sim_cpu(crowd->bench->engine, crowd->one_lane ? 1 : (uint32_t)(roll(&dice) % 8)));
		while (dhp_lanes_push(crowd->bench->lanes, &crowd->bench->items[who]) == DHP_FULL)
			sleep_us(1);
		(void)bump(&crowd->pushed);
	}
	dhp_sim_exit();
	return NULL;
}

static void crowd_pushes(struct bench *bench, uint32_t arrive, bool one_lane)
{
	struct crowd crowd = { .bench = bench, .one_lane = one_lane };
	struct helper helpers[PUSHERS];
	uint64_t sum = 0;

	gate_init(&crowd.gate, PUSHERS);
	for (uint32_t i = 0; i < PUSHERS; i++)
		helper_start(&helpers[i], push_and_wander, &crowd);
	for (uint32_t i = 0; i < arrive; i++) {
		(void)wait_for_count(&crowd.pushed, (i + 1) * (uint64_t)(PUSHERS * TIMES(EACH) / 8));
		add_positions(bench->engine, 2 + i, 3 + i);
	}
	for (uint32_t i = 0; i < PUSHERS; i++)
		helper_join(&helpers[i]);
	assert_ok(dhp_lanes_flush(bench->lanes));
	for (uint32_t i = 0; i < PUSHERS; i++)
		sum += peek(&bench->items[i].runs);
	assert_int_equal(sum, PUSHERS * TIMES(EACH));
	assert_int_equal(peek(&bench->ran), sum);
}

static void nothing_is_lost_while_processors_arrive_S035_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(8, 2);
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 64, PUSHERS);
	crowd_pushes(&bench, 6, false);
	for (uint32_t i = 0; i < PUSHERS; i++)
		assert_int_equal(bench.items[i].runs, TIMES(EACH));
	close_bench(&bench);
	end_engine(engine);
}

static void one_lane_takes_from_all_and_runs_one_call_at_a_time(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 8, PUSHERS);
	crowd_pushes(&bench, 0, true);
	for (uint32_t i = 0; i < PUSHERS; i++)
		assert_int_equal(bench.items[i].runs, TIMES(EACH));
	assert_int_equal(peek(&bench.overlaps), 0);
	close_bench(&bench);
	end_engine(engine);
}

/* ---- the end, and what is refused ---- */

static void destruction_runs_what_is_left(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct bench bench;

	(void)state;
	for (uint32_t round = 0; round < TIMES(200); round++) {
		open_bench(&bench, engine, 0, 100);
		push_first(&bench, 100);
		assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
		assert_ok(dhp_lanes_destroy(bench.lanes));
		assert_int_equal(bench.ran, 100);
		free(bench.items);
	}
	assert_ok(dhp_lanes_destroy(NULL));
	end_engine(engine);
}

static void each_bad_argument_is_named(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lanes_options good, bad;
	struct dhp_lanes *lanes = NULL;
	struct bench bench = { .engine = engine };

	(void)state;
	good = bad = options_of(&bench, DHP_LANES_CAPACITY_LIMIT);
	assert_status(dhp_lanes_create(NULL, &good, &lanes), DHP_BAD_ENGINE);
	assert_status(dhp_lanes_create(engine, NULL, &lanes), DHP_BAD_OPTIONS);
	bad.size--;
	assert_status(dhp_lanes_create(engine, &bad, &lanes), DHP_BAD_OPTIONS);
	bad = good;
	bad.routine = NULL;
	assert_status(dhp_lanes_create(engine, &bad, &lanes), DHP_BAD_CALLBACK);
	bad = good;
	bad.capacity++;
	assert_status(dhp_lanes_create(engine, &bad, &lanes), DHP_BAD_COUNT);
	bad = good;
	bad.flags = 2;
	assert_status(dhp_lanes_create(engine, &bad, &lanes), DHP_BAD_FLAGS);
	bad.flags = 0;
	bad.target = 1;
	assert_status(dhp_lanes_create(engine, &bad, &lanes), DHP_BAD_FLAGS);
	bad.flags = DHP_LANES_AIMED;
	assert_status(dhp_lanes_create(engine, &bad, &lanes), DHP_BAD_INDEX);
	assert_status(dhp_lanes_create(engine, &good, NULL), DHP_BAD_RESULT);
	assert_null(lanes);
	assert_ok(dhp_lanes_create(engine, &good, &lanes));
	assert_status(dhp_lanes_push(NULL, &bench), DHP_BAD_OBJECT);
	assert_status(dhp_lanes_push(lanes, NULL), DHP_BAD_OBJECT);
	assert_status(dhp_lanes_push(lanes, (char *)&bench + 1), DHP_BAD_OBJECT);
	assert_status(dhp_lanes_flush(NULL), DHP_BAD_OBJECT);
	assert_ok(dhp_lanes_flush(lanes));
	assert_int_equal(peek(&bench.ran), 0);
	assert_ok(dhp_lanes_destroy(lanes));
	end_engine(engine); /* nothing remained */
}

static void an_engine_without_workers_has_no_lanes(void **state)
{
	const struct sim_setup setup = { .initial = 1, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);
	struct bench bench = { .engine = engine };
	struct dhp_lanes_options options = options_of(&bench, 0);
	struct dhp_lanes *lanes = NULL;

	(void)state;
	assert_status(dhp_lanes_create(engine, &options, &lanes), DHP_NOT_SUPPORTED);
	assert_null(lanes);
	end_engine(engine);
}

struct intruder {
	struct bench *bench;
	enum dhp_status created, flushed, destroyed;
};

static void misuse(struct intruder *intruder)
{
	struct dhp_lanes_options options = options_of(intruder->bench, 0);
	struct dhp_lanes *lanes = NULL;

	intruder->created = dhp_lanes_create(intruder->bench->engine, &options, &lanes);
	intruder->flushed = dhp_lanes_flush(intruder->bench->lanes);
	intruder->destroyed = dhp_lanes_destroy(intruder->bench->lanes);
}

static void misuse_in_callback(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	(void)change;
	(void)veto;
	misuse(context);
}

static void a_callback_neither_makes_nor_destroys_lanes(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct intruder intruder;
	struct dhp_notify *registration;
	struct dhp_reader *reader;
	struct bench bench;

	(void)state;
	open_bench(&bench, engine, 0, 1);
	intruder.bench = &bench;
	assert_ok(dhp_notify_register(engine, misuse_in_callback, &intruder, DHP_NOTIFY_EXISTING, &registration));
	assert_ok(dhp_notify_unregister(registration));
	assert_status(intruder.created, DHP_IN_CALLBACK);
	assert_status(intruder.flushed, DHP_OK);
	assert_status(intruder.destroyed, DHP_IN_CALLBACK);
	assert_ok(dhp_reader_join(engine, &reader));
	dhp_epoch_enter(reader);
	assert_status(dhp_lanes_destroy(bench.lanes), DHP_IN_SECTION);
	dhp_epoch_exit(reader);
	assert_ok(dhp_reader_leave(reader));
	close_bench(&bench);
	end_engine(engine);
}

#if DHP_CHECKS < 2 /* otherwise it stops */
static void misuse_in_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	misuse(context);
}

static void a_routine_neither_makes_nor_destroys_nor_waits_S041(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct intruder intruder;
	struct bench bench;
	struct dhp_dpc dpc;

	(void)state;
	open_bench(&bench, engine, 0, 1);
	intruder.bench = &bench;
	assert_ok(dhp_dpc_init(&dpc, engine, misuse_in_routine, &intruder));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	flush(engine);
	assert_status(intruder.created, DHP_WRONG_LEVEL);
	assert_status(intruder.flushed, DHP_WRONG_LEVEL);
	assert_status(intruder.destroyed, DHP_WRONG_LEVEL);
	close_bench(&bench);
	end_engine(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_of_one_processor_run_once_and_in_order),
		cmocka_unit_test(a_routine_gets_what_waits_many_at_a_time),
		cmocka_unit_test(a_full_lane_takes_nothing_and_loses_nothing),
		cmocka_unit_test(a_lane_that_was_left_is_looked_at_again),
		cmocka_unit_test(a_routine_may_push),
		cmocka_unit_test(a_DPC_may_push),
		cmocka_unit_test(a_signal_handler_may_push_in_the_middle_of_a_push),
		cmocka_unit_test(who_is_on_no_announced_processor_pushes_too_S035),
		cmocka_unit_test(a_newcomer_takes_what_waits_elsewhere_S620),
		cmocka_unit_test(aimed_items_run_at_their_target_only_S620),
		cmocka_unit_test(a_lane_of_a_processor_that_is_away_is_emptied_elsewhere_S641),
		cmocka_unit_test(nothing_is_lost_while_processors_arrive_S035_S620),
		cmocka_unit_test(one_lane_takes_from_all_and_runs_one_call_at_a_time),
		cmocka_unit_test(destruction_runs_what_is_left),
		cmocka_unit_test(each_bad_argument_is_named),
		cmocka_unit_test(an_engine_without_workers_has_no_lanes),
		cmocka_unit_test(a_callback_neither_makes_nor_destroys_lanes),
#if DHP_CHECKS < 2
		cmocka_unit_test(a_routine_neither_makes_nor_destroys_nor_waits_S041),
#endif
	};

	return cmocka_run_group_tests_name("lanes_push", tests, NULL, NULL);
}
