/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenarios_engine.c - simulated engines, and processors that arrive in them.
 */
#include "scenarios.h"

#include "ahead.h"

/* ---- an engine from nothing to nothing ---- */

static const uint8_t groups[] = { 3, 2 };

static enum dhp_status create(struct stage *stage)
{
	const struct sim_setup setup = { .maximum = 7, .initial = 5, .group_sizes = groups, .group_size_count = 2, .gap = 3,
		.nodes = 2 };

	return try_sim(&setup, &stage->engine);
}

static enum dhp_status destroy(struct stage *stage)
{
	enum dhp_status status = dhp_engine_destroy(stage->engine);

	if (!dhp_failed(status))
		stage->engine = NULL;
	return status;
}

/* ---- one processor ---- */

static enum dhp_status add(struct stage *stage)
{
	return add_position(stage->engine, 2);
}

static void watched_sim(struct stage *stage)
{
	const struct sim_setup setup = { .maximum = 6, .initial = 2, .flags = DHP_ENGINE_TWO_THREADS };

	stage->engine = make_sim(&setup);
	assert_ok(make_registration(stage, 0, (struct dhp_notify **)&stage->others[0]));
}

static void end_watched(struct stage *stage)
{
	assert_ok(dhp_notify_unregister(stage->others[0]));
	end_world(stage);
}

/* ---- a burst, in which one is refused and comes again ---- */

static enum dhp_status add_burst(struct stage *stage)
{
	enum dhp_status first = DHP_OK;
	uint32_t before = active_count(stage->engine);

	for (uint32_t position = 2; position < 6; position++) {
		enum dhp_status status = add_position(stage->engine, position);

		if (dhp_failed(status) && !dhp_failed(first))
			first = status;
	}
	if (!dhp_failed(first))
		return first;
	for (uint32_t position = 2; position < 6; position++)
		(void)add_position(stage->engine, position);
	return active_count(stage->engine) == before + 4 ? DHP_OK : first;
}

static enum dhp_status play(struct stage *stage)
{
	static const struct dhp_sim_event events[] = { { .position = 2 }, { .position = 3 }, { .position = 4 },
		{ .position = 5 }, { .position = 2 }, { .position = 3 }, { .position = 4 }, { .position = 5 } };
	enum dhp_status status = dhp_sim_play(stage->engine, events, LENGTH(events), NULL);

	return dhp_failed(status) || active_count(stage->engine) == 6 ? status : DHP_TOO_SMALL;
}

/* ---- steps ---- */

static enum dhp_status add_with_each_step(struct stage *stage)
{
	uint32_t cpu = dhp_sim_cpu(stage->engine, 2);

	for (uint32_t step = DHP_STEP_RESERVE; step <= DHP_STEP_BRING_UP; step++) {
		enum dhp_status status = dhp_sim_fail(stage->engine, cpu, (enum dhp_step)step, DHP_INJECTED);

		if (dhp_failed(status))
			return status;
		status = dhp_sim_add(stage->engine, cpu);
		if (status != DHP_INJECTED)
			return status;
		if (active_count(stage->engine) != 2)
			return DHP_TOO_MANY;
	}
	return dhp_sim_add(stage->engine, cpu);
}

/* ---- a worker that waits, and the next one, which another thread makes ---- */

static void with_one_ready(struct stage *stage)
{
	const struct sim_setup setup = { .maximum = 6, .initial = 2, .ready_ahead = 1 };

	stage->engine = make_sim(&setup);
	assert_true(wait_for_ready(stage->engine, 1));
}

static bool ready_or_refused(void *context)
{
	struct ready_wait wait = { .engine = context, .count = 1 };

	return is_ready(&wait) || refuse_fired();
}

static enum dhp_status add_and_wait(struct stage *stage)
{
	enum dhp_status status = add_position(stage->engine, 2);

	if (!dhp_failed(status))
		assert_true(wait_until(ready_or_refused, stage->engine));
	return status;
}

/* ---- memory ---- */

static enum dhp_status add_memory(struct stage *stage)
{
	return dhp_sim_memory_add(stage->engine, 1 << 20, 0);
}

static const struct scenario list[] = {
	{ "dhp_engine_create", no_world, create, end_world, clear_nothing, 0 },
	{ "dhp_engine_destroy", small_sim, destroy, NULL, clear_nothing, POINT_MUST_SUCCEED | POINT_OTHERS },
	{ "dhp_sim_add", full_sim, add, NULL, end_full, POINT_KEEPS | POINT_OTHERS },
	{ "dhp_sim_add", watched_sim, add, NULL, end_watched, POINT_KEEPS },
	{ "burst", full_sim, add_burst, NULL, end_full, POINT_KEEPS | POINT_MOVES },
	{ "steps", full_sim, add_with_each_step, NULL, end_full, POINT_KEEPS },
	{ "script", full_sim, play, NULL, end_full, POINT_KEEPS },
	{ "refill", with_one_ready, add_and_wait, NULL, end_world, POINT_KEEPS | POINT_OTHERS },
	{ "dhp_sim_memory_add", small_sim, add_memory, NULL, end_world, POINT_KEEPS },
};

SCENARIOS(engine_scenarios, list);
