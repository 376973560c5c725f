/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nodes.c - counts and masks by group and by NUMA node.
 *
 * Rows of active processors never change, so a walk over them is a snapshot of those that were active at its start.
 */
#include "partition.h"

/* ---- groups ---- */

uint32_t dhp_active_count(struct dhp_engine *engine, uint32_t group, uint64_t *out_mask)
{
	uint64_t mask = 0;
	uint32_t count = 0;

	if (engine != NULL && group == DHP_ALL_GROUPS) {
		count = dhpi_set_active(engine->set);
	} else if (engine != NULL) {
		mask = dhpi_set_active_mask(engine->set, group);
		count = dhpi_count_bits(mask);
	}
	if (out_mask != NULL)
		*out_mask = mask;
	return count;
}

uint32_t dhp_maximum_count(struct dhp_engine *engine, uint32_t group)
{
	const struct dhpi_partition *partition;
	uint32_t room;

	if (engine == NULL)
		return 0;
	if (group == DHP_ALL_GROUPS)
		return engine->set->maximum;
	if (group >= engine->set->groups_maximum)
		return 0;
	partition = engine->partition;
	room = partition->backend->group_size(partition->state, group);
	return room < engine->set->maximum ? room : engine->set->maximum;
}

uint32_t dhp_old_group(struct dhp_engine *engine)
{
	uint32_t last = 0;

	if (engine == NULL || !engine->partition->last_group)
		return 0;
	for (uint32_t group = 0; group < engine->set->groups_maximum; group++)
		if (dhpi_set_active_mask(engine->set, group) != 0)
			last = group;
	return last;
}

/* ---- nodes ---- */

uint32_t dhp_node_active_count(struct dhp_engine *engine, uint32_t node, uint32_t group, uint64_t *out_mask)
{
	uint32_t active = engine != NULL ? dhpi_set_active(engine->set) : 0, count = 0;
	uint64_t mask = 0;

	for (uint32_t index = 0; index < active; index++) {
		const struct dhp_processor *row = dhpi_set_row(engine->set, index);

		if (row->node != node || (group != DHP_ALL_GROUPS && row->number.group != group))
			continue;
		count++;
		mask |= 1ull << row->number.number;
	}
	if (out_mask != NULL)
		*out_mask = group != DHP_ALL_GROUPS ? mask : 0;
	return count;
}

uint32_t dhp_node_maximum_count(struct dhp_engine *engine, uint32_t node)
{
	const struct dhpi_partition *partition = engine != NULL ? engine->partition : NULL;
	uint32_t limit = engine != NULL ? engine->set->cpu_limit : 0, count = 0;

	for (uint32_t cpu = 0; cpu < limit; cpu++) {
		struct dhp_processor processor;

		if (partition->backend->describe(partition->state, cpu, &processor) == DHP_OK)
			count += processor.node == node;
	}
	return limit != 0 && count > engine->set->maximum ? engine->set->maximum : count;
}
