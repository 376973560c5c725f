/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes on the machine: threads that are shoved from cpu to cpu in the middle of a push, lanes that are left while somebody
 * pushes. This file is compiled twice, the second time with a delay before the store that commits a push, and run with and
 * without the kernel's restartable sequences.
 */
#include "machine.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <dhp/lanes.h>

#define PUSHERS 3u
#define ENOUGH_LOOKS 10000000u

#ifdef PUSH_IS_DELAYED
#define EACH 20000u
#define ROUNDS 500u
#else
#define EACH 500000u
#define ROUNDS 3000u
#endif

struct item {
	uint64_t runs;
	uint64_t pushed; /* by its pusher only */
};

struct race {
	struct dhp_engine *engine;
	struct dhp_lanes *lanes;
	struct item items[PUSHERS + 1];
	struct gate gate;
	uint64_t ran, next, done, wrong;
};

static void run_items(void *context, void *const *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		(void)bump(&((struct item *)items[i])->runs);
		(void)bump(&((struct race *)context)->ran);
	}
}

static void make_lanes(struct race *race, uint32_t capacity)
{
	const struct dhp_lanes_options options = {
		.size = sizeof(options), .routine = run_items, .context = race, .capacity = capacity
	};

	assert_ok(dhp_lanes_create(race->engine, &options, &race->lanes));
	print_message("restartable sequences: %s\n", race->lanes->restartable ? "yes" : "no");
}

static void open_race(struct race *race, uint32_t capacity)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH, .spin_ns = 1 };

	memset(race, 0, sizeof(*race));
	assert_ok(dhp_engine_create(&options, &race->engine));
	make_lanes(race, capacity);
}

static void close_race(struct race *race)
{
	assert_ok(dhp_lanes_destroy(race->lanes));
	end_engine(race->engine);
}

/* ---- one thread ---- */

static uint64_t nap; /* of the worker that holds the lane */

static void run_slowly(void *context, void *const *items, uint32_t count)
{
	while (peek(&nap) != 0)
		sleep_us(20);
	run_items(context, items, count);
}

/* The thread stays on one cpu, so its lane is one. */
static void a_full_lane_takes_nothing_and_loses_nothing(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };
	struct race race = { .ran = 0 };
	const struct dhp_lanes_options options = {
		.size = sizeof(options), .routine = run_slowly, .context = &race, .capacity = 4
	};
	cpu_set_t before;

	(void)state;
	assert_ok(dhp_engine_create(&machine, &race.engine));
	assert_ok(dhp_lanes_create(race.engine, &options, &race.lanes));
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	go_to_cpu(largest_cpu(&before));
	for (uint32_t round = 1; round <= 9; round++) {
		poke(&nap, 1);
		for (uint32_t i = 0; i < 4; i++)
			assert_ok(dhp_lanes_push(race.lanes, &race.items[0]));
		assert_status(dhp_lanes_push(race.lanes, &race.items[1]), DHP_FULL);
		poke(&nap, 0);
		assert_ok(dhp_lanes_flush(race.lanes));
		assert_int_equal(peek(&race.items[0].runs), 5 * round - 1);
		assert_ok(dhp_lanes_push(race.lanes, &race.items[0]));
		assert_ok(dhp_lanes_flush(race.lanes));
	}
	assert_int_equal(peek(&race.items[1].runs), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	close_race(&race);
}

/* It comes too late for the last look, and has to ring, again and again. */
static void a_lane_that_was_left_is_looked_at_again(void **state)
{
	struct race race;
	uint64_t dice = 5;

	(void)state;
	open_race(&race, 2);
	for (uint32_t i = 1; i <= TIMES(ROUNDS); i++) {
		while (dhp_lanes_push(race.lanes, &race.items[0]) != DHP_OK)
			sleep_us(1);
		if (roll(&dice) % 4 != 0)
			assert_true(wait_for_count(&race.ran, i));
		if (roll(&dice) % 16 == 0)
			sleep_us((uint32_t)(roll(&dice) % 100));
	}
	assert_ok(dhp_lanes_flush(race.lanes));
	assert_int_equal(peek(&race.items[0].runs), TIMES(ROUNDS));
	close_race(&race);
}

/*
 * Who pushed to a lane at which nobody looks is stopped before it rings: here it does not, so who flushes has to. Then it goes
 * on, and rings for a watch that is over (I3): nothing comes of it.
 */
static void a_flush_rings_for_who_is_stopped_after_its_push(void **state)
{
	struct race race;
	cpu_set_t before;
	uint64_t pushed = 0;

	(void)state;
	open_race(&race, 4);
	if (!race.lanes->restartable) {
		close_race(&race);
		skip();
	}
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	go_to_cpu(largest_cpu(&before));
	for (uint32_t round = 0; round < 50; round++) {
		void *lane = NULL;
		uint64_t watch;

		do {
			watch = dhp_lanes_append_here(race.lanes, &race.items[0], &lane);
			if (watch != 0)
				pushed++;
			else /* the lane is not open yet, or full, if nobody ran meanwhile */
				(void)dhp_lanes_push_slow(race.lanes, &race.items[1]);
			sleep_us(50);
		} while (watch == 0 || (watch & 1) != 0); /* odd: somebody looks still */
		assert_ok(dhp_lanes_flush(race.lanes));
		assert_int_equal(peek(&race.items[0].runs), pushed);
		sleep_us(500); /* nobody looks any more, probably; nor does the lane's DPC run when the next push comes */
		assert_ok(dhp_lanes_ring(lane, watch));
		sleep_us(500);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	close_race(&race);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * false: it was never run, in ten seconds and many looks: a machine may stand still for longer. Looks all the time: a sleep
 * would be longer than the time at which the lane is left.
 */
static bool wait_for_runs(struct race *race, uint64_t runs)
{
	uint64_t end = now_ns() + 10000000000u;

	for (uint32_t looks = 0; peek(&race->ran) != runs; looks++)
		if (now_ns() > end && looks > ENOUGH_LOOKS)
			return false;
	return true;
}

/* The lane is looked at again some time after who waits for the item has seen that it ran. */
static void run_and_linger(void *context, void *const *items, uint32_t count)
{
	static uint64_t dice = 11; /* of the one worker that runs aimed items */
	uint64_t end = now_ns() + roll(&dice) % 1000;

	run_items(context, items, count);
	while (now_ns() < end)
		continue;
}

/* From another processor, when nothing has come for a while: each push comes about when that happens, and is the last. */
static void who_pushes_while_the_lane_is_left_is_heard(void **state)
{
	struct dhp_lanes_options options = { .size = sizeof(options), .routine = run_and_linger, .flags = DHP_LANES_AIMED };
	struct race race = { .ran = 0 };
	cpu_set_t before, others;
	uint64_t dice = 3;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2)
		skip();
	open_race(&race, 2);
	assert_ok(dhp_lanes_destroy(race.lanes));
	options.context = &race;
	assert_ok(dhp_index_of_cpu(race.engine, largest_cpu(&before), &options.target));
	others = before;
	CPU_CLR(largest_cpu(&before), &others);
	go_to_cpu(largest_cpu(&others));
	assert_ok(dhp_lanes_create(race.engine, &options, &race.lanes));
	for (uint64_t i = 1; i <= TIMES(2 * ROUNDS); i++) {
		uint64_t end;

		assert_ok(dhp_lanes_push(race.lanes, &race.items[0]));
		assert_true(wait_for_runs(&race, i));
		end = now_ns() + roll(&dice) % (roll(&dice) % 2 == 0 ? 400 : 40000); /* the first look in vain, and the last */
		while (now_ns() < end)
			continue;
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	close_race(&race);
}

/* ---- a processor of which the machine's files do not speak ---- */

static void on_a_processor_that_is_not_announced_items_run_too_S035(void **state)
{
	struct race race = { .ran = 0 };
	struct tree tree;
	cpu_set_t before;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (largest_cpu(&before) == 0 || !CPU_ISSET(0, &before))
		skip();
	race.engine = make_machine_of_cpu_0(&tree, 0);
	make_lanes(&race, 4);
	go_to_cpu(largest_cpu(&before));
	for (uint32_t i = 0; i < 100; i++) {
		while (dhp_lanes_push(race.lanes, &race.items[0]) != DHP_OK)
			sleep_us(1);
	}
	assert_ok(dhp_lanes_flush(race.lanes));
	assert_int_equal(peek(&race.items[0].runs), 100);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	close_race(&race);
	tree_remove(&tree);
}

/* ---- a thread for which the kernel keeps no word ---- */

static void *push_without_sequences(void *argument)
{
	struct race *race = argument;

	if (race->lanes->restartable && !end_sequences())
		(void)bump(&race->wrong);
	for (uint32_t i = 0; i < 100; i++)
		while (dhp_lanes_push(race->lanes, &race->items[0]) != DHP_OK)
			sleep_us(1);
	return NULL;
}

static void a_thread_without_sequences_pushes_too_S035(void **state)
{
	struct helper pusher;
	struct race race;

	(void)state;
	open_race(&race, 16);
	helper_start(&pusher, push_without_sequences, &race);
	helper_join(&pusher);
	assert_ok(dhp_lanes_flush(race.lanes));
	assert_int_equal(peek(&race.wrong), 0);
	assert_int_equal(peek(&race.items[0].runs), 100);
	close_race(&race);
}

/* ---- threads that are moved, and a signal handler ---- */

static struct race *handlers_race;

/* The main thread's item: only its handler pushes it. */
static void push_in_handler(int number)
{
	struct item *item = &handlers_race->items[PUSHERS];

	(void)number;
	if (dhp_lanes_push(handlers_race->lanes, item) == DHP_OK)
		(void)bump(&item->pushed);
}

static void *push_many(void *argument)
{
	struct race *race = argument;
	struct item *item = &race->items[bump(&race->next)];
	uint64_t dice = (uint64_t)(item - race->items) + 1;

	gate_pass(&race->gate);
	while (peek(&item->pushed) < TIMES(EACH)) {
		if (dhp_lanes_push(race->lanes, item) != DHP_OK)
			sleep_us(1);
		else if (bump(&item->pushed) % 256 == 0 && roll(&dice) % 4 == 0)
			sleep_us((uint32_t)(roll(&dice) % 40)); /* long enough for a lane to be left */
	}
	(void)bump(&race->done);
	return NULL;
}

static void no_item_is_lost_while_threads_are_moved_and_interrupted(void **state)
{
	const struct sigaction action = { .sa_handler = push_in_handler, .sa_flags = SA_RESTART };
	struct helper pushers[PUSHERS];
	uint64_t dice = 99;
	cpu_set_t all;
	struct race race;

	(void)state;
	open_race(&race, 256);
	handlers_race = &race;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	gate_init(&race.gate, PUSHERS + 1);
	for (uint32_t i = 0; i < PUSHERS; i++)
		helper_start(&pushers[i], push_many, &race);
	gate_pass(&race.gate);
	while (peek(&race.done) < PUSHERS) {
		uint64_t which = roll(&dice) % PUSHERS;

		move_thread(pushers[which].thread, &all, &dice);
		(void)pthread_kill(pushers[which].thread, SIGUSR1);
		sleep_us(50);
	}
	for (uint32_t i = 0; i < PUSHERS; i++)
		helper_join(&pushers[i]);
	assert_ok(dhp_lanes_flush(race.lanes));
	for (uint32_t i = 0; i <= PUSHERS; i++)
		assert_int_equal(peek(&race.items[i].runs), peek(&race.items[i].pushed));
	assert_true(peek(&race.items[PUSHERS].pushed) > 0);
	close_race(&race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_lane_takes_nothing_and_loses_nothing),
		cmocka_unit_test(a_lane_that_was_left_is_looked_at_again),
		cmocka_unit_test(a_flush_rings_for_who_is_stopped_after_its_push),
		cmocka_unit_test(who_pushes_while_the_lane_is_left_is_heard),
		cmocka_unit_test(on_a_processor_that_is_not_announced_items_run_too_S035),
		cmocka_unit_test(a_thread_without_sequences_pushes_too_S035),
		cmocka_unit_test(no_item_is_lost_while_threads_are_moved_and_interrupted),
	};

	return cmocka_run_group_tests_name("lanes_machine", tests, NULL, NULL);
}
