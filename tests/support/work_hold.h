/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work_hold.h - what the tests of work share: a DPC that keeps its processor busy, those that count and note, a real engine.
 */
#ifndef TESTS_WORK_HOLD_H
#define TESTS_WORK_HOLD_H

#include "support.h"

/* ---- keeps its processor until it is let go ---- */

struct hold {
	struct dhp_dpc dpc;
	uint64_t entered;
	uint64_t released;
	uint64_t left;
	uint64_t index; /* where it runs */
	struct dhp_engine *engine;
};

static inline void hold_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct hold *hold = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&hold->index, dhp_index_here(hold->engine));
	(void)bump(&hold->entered);
	while (peek(&hold->released) == 0)
		sleep_us(20);
	(void)bump(&hold->left);
}

/* index: DHP_NO_INDEX for no target. */
static inline void hold_init(struct hold *hold, struct dhp_engine *engine, uint32_t index, enum dhp_importance importance)
{
	memset(hold, 0, sizeof(*hold));
	hold->engine = engine;
	assert_ok(dhp_dpc_init(&hold->dpc, engine, hold_routine, hold));
	assert_ok(dhp_dpc_set_importance(&hold->dpc, importance));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&hold->dpc, index));
}

static inline void hold_insert(struct hold *hold, struct dhp_engine *engine, uint32_t index, enum dhp_importance importance)
{
	hold_init(hold, engine, index, importance);
	assert_ok(dhp_dpc_insert(&hold->dpc, NULL, NULL));
}

static inline void hold_wait(struct hold *hold)
{
	assert_true(wait_for_count(&hold->entered, 1));
}

/* From the return on this processor runs nothing else. */
static inline void hold_processor(struct hold *hold, struct dhp_engine *engine, uint32_t index)
{
	hold_insert(hold, engine, index, DHP_IMPORTANCE_MEDIUM);
	hold_wait(hold);
}

static inline void hold_release(struct hold *hold)
{
	poke(&hold->released, 1);
}

/* ---- counts its runs, and notes where the last one was ---- */

struct tick {
	struct dhp_dpc dpc;
	uint64_t runs;
	uint64_t index;
	struct dhp_engine *engine;
};

static inline void tick_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct tick *tick = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&tick->index, dhp_index_here(tick->engine));
	(void)bump(&tick->runs);
}

static inline void tick_init(struct tick *tick, struct dhp_engine *engine, uint32_t index)
{
	memset(tick, 0, sizeof(*tick));
	tick->engine = engine;
	assert_ok(dhp_dpc_init(&tick->dpc, engine, tick_routine, tick));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&tick->dpc, index));
}

static inline void tick_insert(struct tick *tick)
{
	assert_ok(dhp_dpc_insert(&tick->dpc, NULL, NULL));
}

static inline uint64_t ticks_run(const struct tick *ticks, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += peek(&ticks[i].runs);
	return sum;
}

struct ticks_wait {
	const struct tick *ticks;
	uint32_t count;
	uint64_t at_least;
};

static inline bool ticks_reached(void *context)
{
	const struct ticks_wait *wait = context;

	return ticks_run(wait->ticks, wait->count) >= wait->at_least;
}

/* Together they have run so often. */
static inline bool wait_for_ticks(const struct tick *ticks, uint32_t count, uint64_t at_least)
{
	struct ticks_wait wait = { .ticks = ticks, .count = count, .at_least = at_least };

	return wait_until(ticks_reached, &wait);
}

/* ---- engines ---- */

static inline struct dhp_engine *make_sim_spinning(uint32_t maximum, uint32_t initial, uint32_t spin_ns)
{
	const struct sim_setup setup = { .maximum = maximum, .initial = initial, .spin_ns = spin_ns };

	return make_sim(&setup);
}

/* The machine's processors, as they are now. */
static inline struct dhp_engine *make_real(uint32_t spin_ns)
{
	const struct dhp_engine_options options = {
		.size = sizeof(options),
		.flags = DHP_ENGINE_NO_WATCH,
		.spin_ns = spin_ns,
	};
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static inline void flush(struct dhp_engine *engine)
{
	assert_ok(dhp_dpc_flush(engine));
}

static inline struct dhp_processor_stats stats_of(struct dhp_engine *engine, uint32_t index)
{
	struct dhp_processor_stats stats;

	assert_ok(dhp_processor_stats_read(engine, index, &stats));
	return stats;
}

static inline uint64_t wakes_of(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	assert_ok(dhp_engine_stats_read(engine, &stats));
	return stats.wakes_count;
}

/* ---- what its routine was given; read when it has been flushed ---- */

struct noted {
	struct dhp_dpc dpc;
	uint64_t runs;
	uintptr_t arguments[2];
};

static inline void note_arguments(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct noted *noted = context;

	(void)dpc;
	noted->arguments[0] = (uintptr_t)argument_1;
	noted->arguments[1] = (uintptr_t)argument_2;
	noted->runs++;
}

/* ---- inserts that left a worker asleep ---- */

static inline uint64_t deferred_of(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	assert_ok(dhp_engine_stats_read(engine, &stats));
	return stats.deferred_wakes_count;
}

#endif
