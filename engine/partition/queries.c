/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queries.c - the public questions about the set of processors: arguments checked here, answered by sync/set.c.
 */
#include "partition.h"

enum dhp_status dhp_counts_read(struct dhp_engine *engine, struct dhp_counts *out_counts)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_counts == NULL)
		return DHP_BAD_RESULT;
	dhpi_set_counts(engine->set, out_counts);
	return DHP_OK;
}

enum dhp_status dhp_snapshot_take(struct dhp_engine *engine, struct dhp_snapshot *snapshot)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (snapshot == NULL)
		return DHP_BAD_RESULT;
	return dhpi_set_snapshot(engine->set, snapshot);
}

enum dhp_status dhp_processor_at(struct dhp_engine *engine, uint32_t index, struct dhp_processor *out_processor)
{
	struct dhp_processor row;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_processor == NULL)
		return DHP_BAD_RESULT;
	if (!dhpi_set_read(engine->set, index, &row))
		return DHP_BAD_INDEX;
	*out_processor = row;
	return DHP_OK;
}

static enum dhp_status give_index(uint32_t index, uint32_t *out_index, enum dhp_status otherwise)
{
	if (index == DHP_NO_INDEX)
		return otherwise;
	*out_index = index;
	return DHP_OK;
}

enum dhp_status dhp_index_of_number(struct dhp_engine *engine, struct dhp_number number, uint32_t *out_index)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_index == NULL)
		return DHP_BAD_RESULT;
	return give_index(dhpi_set_index_of_number(engine->set, number), out_index, DHP_BAD_NUMBER);
}

enum dhp_status dhp_index_of_cpu(struct dhp_engine *engine, uint32_t cpu, uint32_t *out_index)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_index == NULL)
		return DHP_BAD_RESULT;
	return give_index(dhpi_set_index_of_cpu(engine->set, cpu), out_index, DHP_BAD_CPU);
}

uint32_t dhp_index_here(struct dhp_engine *engine)
{
	return engine != NULL ? dhpi_work_index_here(engine->work) : DHP_NO_INDEX;
}

uint64_t dhp_active_mask(struct dhp_engine *engine, uint32_t group)
{
	return engine != NULL ? dhpi_set_active_mask(engine->set, group) : 0;
}

enum dhp_level dhp_level(void)
{
	return dhpi_level_get(port_self());
}

enum dhp_level dhp_level_raise(enum dhp_level level)
{
	struct port_self *self = port_self();
	enum dhp_level before = dhpi_level_get(self);

	if (level > before)
		dhpi_level_set(self, level);
	return before;
}

void dhp_level_lower(enum dhp_level level)
{
	DHPI_CHECK(2, level <= dhpi_level_get(port_self()), "S-040: lowered to a higher level");
	dhpi_level_set(port_self(), level);
}

enum dhp_status dhp_processor_stats_read(struct dhp_engine *engine, uint32_t index,
					 struct dhp_processor_stats *out_stats)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_stats == NULL)
		return DHP_BAD_RESULT;
	return dhpi_work_stats(engine->work, index, out_stats);
}

enum dhp_status dhp_engine_stats_read(struct dhp_engine *engine, struct dhp_engine_stats *out_stats)
{
	const struct dhpi_partition *partition;
	struct dhpi_source_counts sources;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_stats == NULL)
		return DHP_BAD_RESULT;
	partition = engine->partition;
	partition->backend->counts(partition->state, &sources);
	*out_stats = (struct dhp_engine_stats){ /* relaxed: statistics only */
		.arrivals_count = at_load_relaxed_u64(&partition->arrivals),
		.arrivals_failed_count = at_load_relaxed_u64(&partition->failures),
		.wakes_count = at_load_relaxed_u64(&engine->work->wakes),
		.rescans_count = at_load_relaxed_u64(&partition->rescans),
		.uevents_count = sources.uevents,
		.uevents_refused_count = sources.refused,
		.grace_periods_count = at_load_relaxed_u64(&engine->epoch->now) - 1,
		.reclaimed_count = at_load_relaxed_u64(&engine->epoch->reclaimed),
		.callbacks_count = at_load_relaxed_u64(&engine->notify->callbacks),
		.longest_callback_ns = at_load_relaxed_u64(&engine->notify->longest_callback_ns),
		.deferred_wakes_count = at_load_relaxed_u64(&engine->work->deferred_wakes),
		.timer_expiries_count = at_load_relaxed_u64(&engine->work->timers.expiries),
		.timer_lost_count = at_load_relaxed_u64(&engine->work->timers.lost),
		.diverted_count = at_load_relaxed_u64(&engine->work->diverted),
		.ready_count = at_load_relaxed_u32(&engine->work->ahead.count),
		.ready_used_count = at_load_relaxed_u64(&engine->work->ahead.used),
	};
	return DHP_OK;
}
