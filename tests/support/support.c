/* SPDX-License-Identifier: BSD-2-Clause */
#include "support.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define LIMIT_S 60
#define LIMIT_LOOKS 50000u
#define BUDGET_S 20u

void check_status(enum dhp_status actual, enum dhp_status expected, const char *what, const char *file, int line)
{
	if (actual == expected)
		return;
	print_error("%s gave %s (%d), expected %s\n", what, dhp_status_name(actual), (int)actual,
		    dhp_status_name(expected));
	_fail(file, line);
}

/* ---- simulated engines ---- */

uint32_t test_mode(void)
{
	const char *mode = getenv("DHP_TEST_MODE");

	if (mode == NULL)
		return 0;
	if (strcmp(mode, "two-threads") == 0)
		return DHP_ENGINE_TWO_THREADS;
	assert_string_equal(mode, "vetoer-excluded");
	return DHP_ENGINE_VETOER_EXCLUDED;
}

enum dhp_status try_sim(const struct sim_setup *setup, struct dhp_engine **out_engine)
{
	const struct dhp_sim_options sim = {
		.size = sizeof(sim),
		.maximum_count = setup->maximum != 0 ? setup->maximum : 8,
		.initial_count = setup->initial,
		.node_count = setup->nodes,
		.group_sizes = setup->group_sizes,
		.group_size_count = setup->group_size_count,
		.cpu_gap = setup->gap,
		.seed = setup->seed,
	};
	const struct dhp_engine_options options = {
		.size = sizeof(options),
		.flags = setup->flags | test_mode(),
		.spin_ns = setup->spin_ns,
		.sim = &sim,
		.trace = setup->trace,
		.trace_context = setup->trace_context,
		.ready_ahead = setup->ready_ahead,
	};

	return dhp_engine_create(&options, out_engine);
}

struct dhp_engine *make_sim(const struct sim_setup *setup)
{
	struct dhp_engine *engine = NULL;

	assert_ok(try_sim(setup, &engine));
	assert_non_null(engine);
	return engine;
}

struct dhp_engine *make_sim_of(uint32_t maximum, uint32_t initial)
{
	const struct sim_setup setup = { .maximum = maximum, .initial = initial };

	return make_sim(&setup);
}

void end_engine(struct dhp_engine *engine)
{
	assert_ok(dhp_engine_destroy(engine));
}

enum dhp_status add_position(struct dhp_engine *engine, uint32_t position)
{
	return dhp_sim_add(engine, dhp_sim_cpu(engine, position));
}

void add_positions(struct dhp_engine *engine, uint32_t first, uint32_t last)
{
	for (uint32_t position = first; position < last; position++)
		assert_ok(add_position(engine, position));
}

struct dhp_counts counts_of(struct dhp_engine *engine)
{
	struct dhp_counts counts;

	assert_ok(dhp_counts_read(engine, &counts));
	return counts;
}

uint32_t active_count(struct dhp_engine *engine)
{
	struct dhp_counts counts = { .active = 0 };

	(void)dhp_counts_read(engine, &counts);
	return counts.active;
}

/* ---- threads ---- */

void gate_init(struct gate *gate, uint32_t expected)
{
	gate->expected = expected;
	poke(&gate->come, 0);
}

/* Yields: there may be more threads than processors. */
void gate_pass(struct gate *gate)
{
	(void)bump(&gate->come);
	while (peek(&gate->come) < gate->expected)
		(void)sched_yield();
}

void helper_start(struct helper *helper, void *(*run)(void *argument), void *argument)
{
	helper->run = run;
	helper->argument = argument;
	assert_int_equal(pthread_create(&helper->thread, NULL, run, argument), 0);
}

void helper_join(struct helper *helper)
{
	assert_int_equal(pthread_join(helper->thread, NULL), 0);
}

/* ---- waiting ---- */

void sleep_us(uint32_t us)
{
	const struct timespec t = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };

	(void)nanosleep(&t, NULL);
}

static time_t seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

struct budget budget_begin(void)
{
	return (struct budget){ .end_s = (uint64_t)seconds() + BUDGET_S };
}

bool budget_left(const struct budget *budget)
{
	return (uint64_t)seconds() <= budget->end_s;
}

bool wait_until(bool (*condition)(void *context), void *context)
{
	time_t end = seconds() + LIMIT_S;

	for (uint32_t looks = 0; !condition(context); looks++) {
		if (seconds() > end && looks > LIMIT_LOOKS)
			return false;
		sleep_us(200);
	}
	return true;
}

struct count_wait {
	const uint64_t *counter;
	uint64_t at_least;
};

static bool reached(void *context)
{
	const struct count_wait *wait = context;

	return peek(wait->counter) >= wait->at_least;
}

bool wait_for_count(const uint64_t *counter, uint64_t at_least)
{
	struct count_wait wait = { .counter = counter, .at_least = at_least };

	return wait_until(reached, &wait);
}
