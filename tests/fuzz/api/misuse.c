/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that are refused: with nothing where something is needed, from a synchronous callback, from a routine.
 */
#include <dhp/rebalance.h>

#include "world.h"

static void never(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context, (void)change, (void)status;
	MUST(false);
}

static void never_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)context, (void)arrival;
	MUST(false);
}

static void never_change(void *context, uint64_t generation)
{
	(void)context, (void)generation;
	MUST(false);
}

static void never_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)request, (void)context, (void)status;
	MUST(false);
}

static void never_items(void *context, void *const *items, uint32_t count)
{
	(void)context, (void)items, (void)count;
	MUST(false);
}

static void never_source(const struct dhp_source *source, void *context)
{
	(void)source, (void)context;
	MUST(false);
}

/* ---- calls that block, or change the set ---- */

static void refuse_all(enum dhp_status expected)
{
	const struct dhp_percpu_options array = { .size = sizeof(array), .slot_bytes = 8 };
	const struct dhp_lookaside_options list = { .size = sizeof(list), .block_bytes = 8 };
	const struct dhp_lanes_options lanes = { .size = sizeof(lanes), .routine = never_items };
	struct dhp_engine *engine = world.engine;
	void *none = NULL;
	uint32_t count;

	SAYS(dhp_engine_destroy(engine), expected);
	SAYS(dhp_engine_rescan(engine), expected);
	SAYS(dhp_sim_add(engine, cpu_of(0)), expected);
	SAYS(dhp_sim_fail(engine, cpu_of(0), DHP_STEP_START, DHP_INJECTED), expected);
	SAYS(dhp_sim_set_usable(engine, cpu_of(0), false), expected);
	SAYS(dhp_sim_script(engine, 0, 0, NULL, 0, &count), expected);
	SAYS(dhp_sim_play(engine, NULL, 0, NULL), expected);
	SAYS(dhp_sim_arrivals_hold(engine, true), expected);
	SAYS(dhp_sim_memory_set(engine, 1, 1), expected);
	SAYS(dhp_sim_memory_add(engine, 1, 0), expected);
	SAYS(dhp_sim_memory_fail(engine, DHP_INJECTED), expected);
	SAYS(dhp_notify_register(engine, never, NULL, 1, (struct dhp_notify **)&none), expected);
	SAYS(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, never_arrival, NULL, 1, (struct dhp_arrival_notify **)&none),
	     expected);
	SAYS(dhp_arrival_drain(engine), expected);
	SAYS(dhp_change_register(engine, never_change, NULL, NULL, (struct dhp_change_notify **)&none), expected);
	SAYS(dhp_percpu_create(engine, &array, (struct dhp_percpu **)&none), expected);
	SAYS(dhp_counter_create(engine, (struct dhp_counter **)&none), expected);
	SAYS(dhp_lookaside_create(engine, &list, (struct dhp_lookaside **)&none), expected);
	SAYS(dhp_lanes_create(engine, &lanes, (struct dhp_lanes **)&none),
	     has_workers() || expected != DHP_IN_CALLBACK ? expected : DHP_NOT_SUPPORTED);
	SAYS(dhp_rundown_percpu_create(engine, (struct dhp_rundown_percpu **)&none), expected);
	SAYS(dhp_hold_create(engine, never_request, NULL, (struct dhp_hold **)&none), expected);
	SAYS(dhp_pause_all(engine, 1), expected);
	SAYS(dhp_resume_all(engine), expected);
	SAYS(dhp_feed_create(engine, NULL, NULL, (struct dhp_feed **)&none), expected);
	SAYS(dhp_rebalance_drain(engine), expected);
	SAYS(dhp_rebalance_configure(engine, NULL), expected);
	MUST(none == NULL);
}

void refuse_in_callback(void)
{
	refuse_all(DHP_IN_CALLBACK);
}

/* With more checks the process would end at the first. */
void refuse_in_routine(void)
{
	struct dhp_affinity all = { .mask = 1 };
	void *none = NULL;

	if (!MISUSE_HAS_A_STATUS)
		return;
	refuse_all(DHP_WRONG_LEVEL);
	SAYS(dhp_dpc_flush(world.engine), DHP_WRONG_LEVEL);
	SAYS(dhp_engine_create(NULL, &world.engine), DHP_WRONG_LEVEL);
	SAYS(dhp_epoch_synchronize(world.engine), DHP_WRONG_LEVEL);
	SAYS(dhp_epoch_drain(world.engine), DHP_WRONG_LEVEL);
	SAYS(dhp_reader_join(world.engine, (struct dhp_reader **)&none), DHP_WRONG_LEVEL);
	SAYS(dhp_thread_affinity_set(world.engine, &all, NULL), DHP_WRONG_LEVEL);
	SAYS(dhp_affinity_token_create(world.engine, (struct dhp_affinity_token **)&none), DHP_WRONG_LEVEL);
	SAYS(dhp_sources(world.engine, never_source, NULL), DHP_WRONG_LEVEL);
	SAYS(dhp_sim_enter(world.engine, cpu_of(0)), DHP_WRONG_LEVEL);
	SAYS(dhp_rebalance_request(world.engine), DHP_WRONG_LEVEL);
	SAYS(dhp_memory_event_open_condition(world.engine, DHP_MEMORY_LOW, (struct dhp_memory_event **)&none), DHP_WRONG_LEVEL);
	MUST(none == NULL);
}

/* ---- nothing where something is needed ---- */

static void of_no_engine(void)
{
	struct dhp_processor row;
	struct dhp_snapshot snapshot = { .masks_capacity = 0 };
	struct dhp_counts counts;
	uint32_t index;

	SAYS(dhp_engine_destroy(NULL), DHP_OK);
	SAYS(dhp_engine_create(NULL, NULL), DHP_BAD_RESULT);
	SAYS(dhp_engine_rescan(NULL), DHP_BAD_ENGINE);
	SAYS(dhp_sim_add(NULL, 0), DHP_BAD_ENGINE);
	SAYS(dhp_sim_set_usable(NULL, 0, true), DHP_BAD_ENGINE);
	SAYS(dhp_processor_at(NULL, 0, &row), DHP_BAD_ENGINE);
	SAYS(dhp_counts_read(NULL, &counts), DHP_BAD_ENGINE);
	SAYS(dhp_snapshot_take(NULL, &snapshot), DHP_BAD_ENGINE);
	SAYS(dhp_index_of_cpu(NULL, 0, &index), DHP_BAD_ENGINE);
	SAYS(dhp_dpc_flush(NULL), DHP_BAD_ENGINE);
	SAYS(dhp_pause_all(NULL, 1), DHP_BAD_ENGINE);
	SAYS(dhp_rebalance_request(NULL), DHP_BAD_ENGINE);
	SAYS(dhp_epoch_synchronize(NULL), DHP_BAD_ENGINE);
	MUST(dhp_index_here(NULL) == DHP_NO_INDEX && dhp_active_mask(NULL, 0) == 0 && dhp_sim_cpu(NULL, 0) == DHP_NO_CPU);
	MUST(!dhp_call_meet(NULL) && !dhp_call_meet(world.engine));
}

static void of_no_object(void)
{
	uint64_t misaligned[16] = { 0 };
	struct dhp_dpc *dpc = (struct dhp_dpc *)(void *)((char *)misaligned + 1);
	struct dhp_watchdog watchdog;
	struct dhp_processor row;
	uint64_t due_ns;

	SAYS(dhp_dpc_insert(NULL, NULL, NULL), DHP_BAD_OBJECT);
	SAYS(dhp_dpc_insert(dpc, NULL, NULL), DHP_BAD_OBJECT);
	SAYS(dhp_dpc_insert_batch(&dpc, 1, NULL, NULL, NULL), DHP_BAD_OBJECT);
	SAYS(dhp_dpc_insert_batch(NULL, 1, NULL, NULL, NULL), DHP_BAD_OBJECT);
	SAYS(dhp_dpc_remove(dpc), DHP_BAD_OBJECT);
	SAYS(dhp_timer_cancel(NULL), DHP_BAD_OBJECT);
	SAYS(dhp_request_submit(NULL), DHP_BAD_OBJECT);
	SAYS(dhp_processor_at(world.engine, 0, NULL), DHP_BAD_RESULT);
	SAYS(dhp_processor_at(world.engine, DHP_NO_INDEX, &row), DHP_BAD_INDEX);
	SAYS(dhp_snapshot_take(world.engine, NULL), DHP_BAD_RESULT);
	SAYS(dhp_notify_register(world.engine, NULL, NULL, 0, NULL), DHP_BAD_CALLBACK);
	SAYS(dhp_notify_register(world.engine, never, NULL, 0, NULL), DHP_BAD_RESULT);
	SAYS(dhp_arrival_register(world.engine, DHP_CLASS_MEMORY, NULL, NULL, 0, NULL), DHP_BAD_CALLBACK);
	SAYS(dhp_change_register(world.engine, NULL, NULL, NULL, NULL), DHP_BAD_CALLBACK);
	SAYS(dhp_call_all(world.engine, NULL, NULL, NULL), DHP_BAD_CALLBACK);
	SAYS(dhp_dpc_watchdog_read(&watchdog), DHP_NOT_IN_DPC);
	SAYS(dhp_dpc_watchdog_read(NULL), DHP_BAD_RESULT);
	SAYS(dhp_replay_next(world.engine, &due_ns), DHP_NOT_SUPPORTED);
	SAYS(dhp_replay_step(world.engine), DHP_NOT_SUPPORTED);
	SAYS(dhp_replay_run(world.engine, DHP_REPLAY_AT_ONCE), DHP_NOT_SUPPORTED);
	MUST(!dhp_dpc_should_yield() && dhp_level() == DHP_PASSIVE);
	MUST(dhp_status_name((enum dhp_status)(int)(0u - take()))[0] == 'D');
	MUST(dhp_status_text((enum dhp_status)(int)(0u - take()))[0] != '\0');
}

/* As the holder of a spin lock: what is for passive level is refused, or checked. */
static void at_dispatch_level(void)
{
	enum dhp_level before = dhp_level_raise(DHP_DISPATCH);

	MUST(before == DHP_PASSIVE && dhp_level() == DHP_DISPATCH);
	refuse_in_routine();
	dhp_level_lower(before);
	MUST(dhp_level() == DHP_PASSIVE);
}

/* ---- the part ---- */

static void nothing(void)
{
}

static bool holds_engine(void)
{
	return false;
}

static const struct operation operations[] = {
	{ "of no engine", of_no_engine, false }, { "of no object", of_no_object, false },
	{ "at dispatch level", at_dispatch_level, false },
};

const struct part misuse_part = { operations, COUNT(operations), nothing, nothing, holds_engine, nothing };
