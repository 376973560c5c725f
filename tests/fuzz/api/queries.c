/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an engine says of itself: nodes and maxima, counters, sources.
 */
#include "world.h"

static uint64_t last_runs[MODEL_PROCESSORS];

void queries_begin(void)
{
	memset(last_runs, 0, sizeof(last_runs));
}

static uint64_t mask_of_node(uint32_t node, uint32_t group)
{
	uint64_t mask = 0;

	for (uint32_t index = 0; index < world.model.active; index++) {
		struct dhp_processor row;

		SAYS(dhp_processor_at(world.engine, index, &row), DHP_OK);
		if (row.node == node && row.number.group == group)
			mask |= UINT64_C(1) << row.number.number;
	}
	return mask;
}

/* A node has a place in any group, also one of those without a processor. */
static uint32_t check_node(uint32_t node)
{
	uint32_t sum = 0;
	uint64_t mask = 99;

	for (uint32_t group = 0; group <= world.model.groups; group++) {
		uint32_t count = dhp_node_active_count(world.engine, node, group, &mask);

		MUST(mask == mask_of_node(node, group) && count == (uint32_t)__builtin_popcountll(mask));
		sum += count;
	}
	MUST(dhp_node_active_count(world.engine, node, DHP_ALL_GROUPS, NULL) == sum);
	MUST(dhp_node_maximum_count(world.engine, node) >= sum);
	return sum;
}

void queries_nodes(void)
{
	uint32_t active = 0, maximum = 0;

	for (uint32_t node = 0; node < world.model.nodes; node++) {
		active += check_node(node);
		maximum += dhp_node_maximum_count(world.engine, node);
	}
	MUST(active == world.model.active && maximum == world.model.maximum);
	MUST(check_node(world.model.nodes) == 0 && dhp_node_maximum_count(world.engine, world.model.nodes) == 0);
	MUST(dhp_node_maximum_count(NULL, 0) == 0 && dhp_node_active_count(NULL, 0, 0, NULL) == 0);
}

void queries_maxima(void)
{
	uint32_t sum = 0;

	for (uint32_t group = 0; group < world.model.groups; group++) {
		MUST(dhp_maximum_count(world.engine, group) >= dhp_active_count(world.engine, group, NULL));
		sum += dhp_maximum_count(world.engine, group);
	}
	MUST(dhp_maximum_count(world.engine, DHP_ALL_GROUPS) == world.model.maximum && sum >= world.model.maximum);
	MUST(dhp_maximum_count(world.engine, world.model.groups) == 0 && dhp_maximum_count(NULL, 0) == 0);
}

void queries_stats(void)
{
	struct dhp_engine_stats stats;

	SAYS(dhp_engine_stats_read(world.engine, NULL), DHP_BAD_RESULT);
	SAYS(dhp_engine_stats_read(world.engine, &stats), DHP_OK);
	MUST(stats.arrivals_count == world.model.active && stats.arrivals_failed_count == world.model.failed);
	MUST(stats.ready_count == 0 && stats.ready_used_count == 0 && stats.uevents_count == 0);
	for (uint32_t index = 0; index < world.model.active; index++) {
		struct dhp_processor_stats here;

		SAYS(dhp_processor_stats_read(world.engine, index, &here), DHP_OK);
		MUST(here.run_count >= last_runs[index] && here.pin_refused_count == 0);
		last_runs[index] = here.run_count;
	}
	SAYS(dhp_processor_stats_read(world.engine, world.model.active, NULL), DHP_BAD_RESULT);
}

static void count_source(const struct dhp_source *source, void *context)
{
	MUST(source->name != NULL && source->detail != NULL && source->blind != NULL && source->root != NULL);
	++*(uint32_t *)context;
}

void queries_sources(void)
{
	uint32_t count = 0;

	SAYS(dhp_sources(world.engine, NULL, &count), DHP_BAD_CALLBACK);
	SAYS(dhp_sources(NULL, count_source, &count), DHP_BAD_ENGINE);
	SAYS(dhp_sources(world.engine, count_source, &count), DHP_OK);
	MUST(count != 0);
}
