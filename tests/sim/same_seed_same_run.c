/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same seed gives the same run: processors, script, failures, and every step in its order. Another seed differs.
 */
#include "support.h"

#define MAXIMUM 60u
#define STEPS 4096u

static const uint8_t three_and_five[] = { 3, 5 };

struct step {
	uint32_t kind, cpu, index;
	enum dhp_status status;
	char name[12];
};

struct run {
	struct step steps[STEPS];
	uint32_t count;
	struct dhp_processor rows[MAXIMUM];
	struct dhp_sim_event events[2 * MAXIMUM];
	uint32_t events_count, added;
};

static void keep_step(void *context, const struct dhp_trace_event *event)
{
	struct run *run = context;
	struct step *step = &run->steps[run->count++ % STEPS];

	step->kind = event->kind;
	step->cpu = event->cpu;
	step->index = event->index;
	step->status = event->status;
	(void)snprintf(step->name, sizeof(step->name), "%s", event->step);
}


static void play(struct run *run, uint64_t seed, uint32_t fail_one_in)
{
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = 2, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 30, .seed = seed, .trace = keep_step, .trace_context = run };
	struct dhp_engine *engine;

	memset(run, 0, sizeof(*run));
	engine = make_sim(&setup);
	assert_ok(dhp_sim_script(engine, 100, fail_one_in, run->events, LENGTH(run->events), &run->events_count));
	assert_ok(dhp_sim_play(engine, run->events, run->events_count, &run->added));
	assert_int_equal(run->added, MAXIMUM - 2);
	assert_true(run->count < STEPS);
	for (uint32_t index = 0; index < MAXIMUM; index++)
		assert_ok(dhp_processor_at(engine, index, &run->rows[index]));
	end_engine(engine);
}

static bool same_events(const struct run *a, const struct run *b)
{
	if (a->events_count != b->events_count)
		return false;
	for (uint32_t i = 0; i < a->events_count; i++)
		if (a->events[i].position != b->events[i].position || a->events[i].delay_us != b->events[i].delay_us ||
		    a->events[i].fails != b->events[i].fails ||
		    (a->events[i].fails && a->events[i].failing_step != b->events[i].failing_step))
			return false;
	return true;
}

static bool same_steps(const struct run *a, const struct run *b)
{
	return a->count == b->count && memcmp(a->steps, b->steps, sizeof(a->steps[0]) * a->count) == 0;
}

static struct run first, second;

static void same_seed_gives_the_same_run(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		play(&first, seed, 3);
		play(&second, seed, 3);
		assert_true(same_events(&first, &second));
		assert_true(same_steps(&first, &second));
		assert_memory_equal(first.rows, second.rows, sizeof(first.rows));
	}
}

static void another_seed_gives_another_run(void **state)
{
	(void)state;
	play(&first, 1, 3);
	play(&second, 2, 3);
	assert_false(same_events(&first, &second));
	assert_false(same_steps(&first, &second));
	assert_memory_not_equal(first.rows, second.rows, sizeof(first.rows));
}

/* Each processor that has not arrived comes up once, and each failing attempt is before the one that succeeds. */
static void script_is_complete(void **state)
{
	uint32_t failures = 0, steps_seen = 0;

	(void)state;
	play(&first, 5, 2);
	for (uint32_t position = 2; position < MAXIMUM; position++) {
		uint32_t successes = 0;

		for (uint32_t i = 0; i < first.events_count; i++) {
			const struct dhp_sim_event *event = &first.events[i];

			if (event->position != position)
				continue;
			assert_true(event->delay_us <= 100);
			assert_int_equal(successes, 0);
			successes += !event->fails;
			failures += event->fails;
			steps_seen |= event->fails ? 1u << event->failing_step : 0;
		}
		assert_int_equal(successes, 1);
	}
	assert_int_equal(first.events_count, MAXIMUM - 2 + failures);
	assert_true(failures > 10 && failures < 50); /* about one in two of 58 */
	assert_int_equal(steps_seen, 0xf);
}

static void script_without_failures_has_none(void **state)
{
	(void)state;
	play(&first, 5, 0);
	assert_int_equal(first.events_count, MAXIMUM - 2);
	for (uint32_t i = 0; i < first.events_count; i++)
		assert_false(first.events[i].fails);
	play(&first, 5, 1);
	assert_int_equal(first.events_count, 2 * (MAXIMUM - 2)); /* each fails once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_gives_the_same_run),
		cmocka_unit_test(another_seed_gives_another_run),
		cmocka_unit_test(script_is_complete),
		cmocka_unit_test(script_without_failures_has_none),
	};

	return cmocka_run_group_tests_name("same_seed_same_run", tests, NULL, NULL);
}
