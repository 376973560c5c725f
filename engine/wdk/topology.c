/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * topology.c - which processors share a core, a package or a node.
 *
 * Problem   the answer has a length that only the answer tells, and no memory may be taken for it.
 * Idea      the processors are walked by index, and each that is the first of its kind gives a record. A record is written
 *           if it fits; its length is counted in any case. What a processor says of itself never changes, and indices are
 *           dense: the number of processors, taken once, is all it takes for a consistent view.
 * Progress  O(n^2) with n processors.
 */
#include <dhp/partition.h>

#include "binding.h"

#define GROUPS_LIMIT DHP_PROCESSORS_LIMIT

struct view {
	struct dhp_engine *engine;
	uint32_t count;          /* processors */
	uint32_t groups_maximum;
	uint8_t *buffer;
	uint32_t room;           /* bytes of it */
	uint32_t length;         /* bytes needed so far */
};

typedef bool related_fn(const struct dhp_processor *a, const struct dhp_processor *b);

static struct dhp_processor row_of(const struct view *view, uint32_t index)
{
	struct dhp_processor row = { .index = index };

	(void)dhp_processor_at(view->engine, index, &row);
	return row;
}

static bool same_package(const struct dhp_processor *a, const struct dhp_processor *b)
{
	return a->index == b->index || (a->package == b->package && a->package != DHP_UNKNOWN);
}

static bool same_core(const struct dhp_processor *a, const struct dhp_processor *b)
{
	return a->index == b->index || (same_package(a, b) && a->core == b->core && a->core != DHP_UNKNOWN);
}

static bool same_node(const struct dhp_processor *a, const struct dhp_processor *b)
{
	return a->node == b->node;
}

static bool same_node_and_group(const struct dhp_processor *a, const struct dhp_processor *b)
{
	return a->node == b->node && a->number.group == b->number.group;
}

static bool is_first(const struct view *view, const struct dhp_processor *row, related_fn *related)
{
	for (uint32_t i = 0; i < row->index; i++) {
		struct dhp_processor other = row_of(view, i);

		if (related(row, &other))
			return false;
	}
	return true;
}

/* ---- groups of what is related ---- */

struct groups {
	uint64_t seen[GROUPS_LIMIT / 64];
	uint32_t groups_count;
	uint32_t processors_count;
};

static bool has_group(const struct groups *groups, uint32_t group)
{
	return (groups->seen[group / 64] >> group % 64 & 1) != 0;
}

static void find_groups(const struct view *view, const struct dhp_processor *row, related_fn *related,
			struct groups *out_groups)
{
	*out_groups = (struct groups){ .groups_count = 0 };
	for (uint32_t i = 0; i < view->count; i++) {
		struct dhp_processor other = row_of(view, i);
		uint32_t group = other.number.group;

		if (!related(row, &other))
			continue;
		out_groups->processors_count++;
		out_groups->groups_count += !has_group(out_groups, group);
		out_groups->seen[group / 64] |= (uint64_t)1 << group % 64;
	}
}

static KAFFINITY mask_in(const struct view *view, const struct dhp_processor *row, related_fn *related, uint32_t group)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i < view->count; i++) {
		struct dhp_processor other = row_of(view, i);

		if (other.number.group == group && related(row, &other))
			mask |= (uint64_t)1 << other.number.number;
	}
	return (KAFFINITY)mask;
}

static void write_masks(const struct view *view, const struct dhp_processor *row, related_fn *related,
			const struct groups *groups, GROUP_AFFINITY *masks)
{
	for (uint32_t group = 0; group < view->groups_maximum; group++)
		if (has_group(groups, group))
			*masks++ = (GROUP_AFFINITY){ .Mask = mask_in(view, row, related, group), .Group = (USHORT)group };
}

/* ---- records ---- */

#define HEAD offsetof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX, Processor)

/* NULL: it does not fit, and is counted only. */
static PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX begin(struct view *view, LOGICAL_PROCESSOR_RELATIONSHIP relation,
						      size_t bytes)
{
	PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record = NULL;

	if (view->buffer != NULL && view->length + bytes <= view->room) {
		record = (void *)(view->buffer + view->length);
		__builtin_memset(record, 0, bytes);
		record->Relationship = relation;
		record->Size = (ULONG)bytes;
	}
	view->length += (uint32_t)bytes;
	return record;
}

static void tell_of_processors(struct view *view, const struct dhp_processor *row, related_fn *related,
			       LOGICAL_PROCESSOR_RELATIONSHIP relation)
{
	PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record;
	struct groups groups;

	find_groups(view, row, related, &groups);
	record = begin(view, relation, HEAD + offsetof(PROCESSOR_RELATIONSHIP, GroupMask) +
					       groups.groups_count * sizeof(GROUP_AFFINITY));
	if (record == NULL)
		return;
	if (relation == RelationProcessorCore && groups.processors_count > 1)
		record->Processor.Flags = LTP_PC_SMT;
	record->Processor.GroupCount = (USHORT)groups.groups_count;
	write_masks(view, row, related, &groups, record->Processor.GroupMask);
}

static void tell_of_node(struct view *view, const struct dhp_processor *row, related_fn *related)
{
	PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record;
	struct groups groups;

	find_groups(view, row, related, &groups);
	record = begin(view, RelationNumaNode, HEAD + offsetof(NUMA_NODE_RELATIONSHIP, GroupMasks) +
						       groups.groups_count * sizeof(GROUP_AFFINITY));
	if (record == NULL)
		return;
	record->NumaNode.NodeNumber = row->node;
	record->NumaNode.GroupCount = (USHORT)groups.groups_count;
	write_masks(view, row, related, &groups, record->NumaNode.GroupMasks);
}

static KAFFINITY group_mask(const struct view *view, uint32_t group)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i < view->count; i++) {
		struct dhp_processor row = row_of(view, i);

		mask |= row.number.group == group ? (uint64_t)1 << row.number.number : 0;
	}
	return (KAFFINITY)mask;
}

/* A group is found by its place: one that has nobody yet, before one that has, takes its place too. */
static void tell_of_groups(struct view *view)
{
	PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX record;
	uint32_t count = 0;

	for (uint32_t i = 0; i < view->count; i++) {
		uint32_t group = row_of(view, i).number.group;

		count = group >= count ? group + 1 : count;
	}
	record = begin(view, RelationGroup,
		       HEAD + offsetof(GROUP_RELATIONSHIP, GroupInfo) + count * sizeof(PROCESSOR_GROUP_INFO));
	if (record == NULL)
		return;
	record->Group.MaximumGroupCount = (USHORT)view->groups_maximum;
	record->Group.ActiveGroupCount = (USHORT)count;
	for (uint32_t group = 0; group < count; group++) {
		KAFFINITY mask = group_mask(view, group);

		record->Group.GroupInfo[group] = (PROCESSOR_GROUP_INFO){
			.MaximumProcessorCount = (UCHAR)dhp_maximum_count(view->engine, group),
			.ActiveProcessorCount = (UCHAR)dhpi_count_bits(mask),
			.ActiveProcessorMask = mask,
		};
	}
}

/* ---- the question ---- */

/* alone: of this processor only, and then a node is that of its own group. */
static void tell_of(struct view *view, const struct dhp_processor *row, LOGICAL_PROCESSOR_RELATIONSHIP relation, bool alone)
{
	if (relation == RelationProcessorCore && (alone || is_first(view, row, same_core)))
		tell_of_processors(view, row, same_core, relation);
	if (relation == RelationProcessorPackage && (alone || is_first(view, row, same_package)))
		tell_of_processors(view, row, same_package, relation);
	if (relation == RelationNumaNode && (alone || is_first(view, row, same_node)))
		tell_of_node(view, row, same_node_and_group);
	if (relation == RelationNumaNodeEx && (alone || is_first(view, row, same_node)))
		tell_of_node(view, row, same_node);
}

/* alone: NULL for all. */
static void tell_of_each(struct view *view, const struct dhp_processor *alone, LOGICAL_PROCESSOR_RELATIONSHIP relation)
{
	if (alone != NULL)
		tell_of(view, alone, relation, true);
	for (uint32_t i = 0; alone == NULL && i < view->count; i++) {
		struct dhp_processor row = row_of(view, i);

		tell_of(view, &row, relation, false);
	}
}

static NTSTATUS answer(struct view *view, const struct dhp_processor *alone, LOGICAL_PROCESSOR_RELATIONSHIP relation)
{
	switch (relation) {
	case RelationProcessorCore:
	case RelationProcessorPackage:
	case RelationNumaNode:
	case RelationNumaNodeEx:
		tell_of_each(view, alone, relation);
		return STATUS_SUCCESS;
	case RelationGroup:
		tell_of_groups(view);
		return STATUS_SUCCESS;
	case RelationAll:
		tell_of_each(view, alone, RelationProcessorCore);
		tell_of_each(view, alone, RelationNumaNodeEx);
		tell_of_each(view, alone, RelationProcessorPackage);
		tell_of_groups(view);
		return STATUS_SUCCESS;
	case RelationCache:
	case RelationProcessorDie:
	case RelationProcessorModule:
		return STATUS_NOT_SUPPORTED;
	}
	return STATUS_INVALID_PARAMETER;
}

/* false: no engine. */
static bool look(struct view *view)
{
	struct dhp_counts counts;

	view->engine = dhpi_wdk_engine();
	if (dhp_failed(dhp_counts_read(view->engine, &counts)))
		return false;
	view->count = counts.active;
	view->groups_maximum = counts.groups_maximum;
	return true;
}

NTSTATUS KeQueryLogicalProcessorRelationship(PPROCESSOR_NUMBER ProcessorNumber,
					     LOGICAL_PROCESSOR_RELATIONSHIP RelationshipType,
					     PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX Information, PULONG Length)
{
	struct view view = { .buffer = (void *)Information };
	struct dhp_processor alone;
	NTSTATUS status;

	if (Length == NULL)
		return STATUS_INVALID_PARAMETER;
	if (!look(&view))
		return dhp_wdk_status(DHP_BAD_ENGINE);
	if (ProcessorNumber != NULL) {
		uint32_t index = KeGetProcessorIndexFromNumber(ProcessorNumber);

		if (index >= view.count)
			return STATUS_INVALID_PARAMETER;
		alone = row_of(&view, index);
	}
	view.room = *Length;
	status = answer(&view, ProcessorNumber != NULL ? &alone : NULL, RelationshipType);
	if (!NT_SUCCESS(status))
		return status;
	*Length = view.length;
	return view.buffer != NULL && view.length <= view.room ? STATUS_SUCCESS : STATUS_INFO_LENGTH_MISMATCH;
}

/* ---- nodes ---- */

/* The node's first processor; false: there is none. */
static bool first_of_node(const struct view *view, uint32_t node, struct dhp_processor *out_row)
{
	for (uint32_t i = 0; i < view->count; i++) {
		*out_row = row_of(view, i);
		if (out_row->node == node)
			return true;
	}
	return false;
}

USHORT KeQueryHighestNodeNumber(void)
{
	struct view view = { .count = 0 };
	uint32_t highest = 0;

	(void)look(&view);
	for (uint32_t i = 0; i < view.count; i++) {
		uint32_t node = row_of(&view, i).node;

		highest = node > highest ? node : highest;
	}
	return (USHORT)highest;
}

VOID KeQueryNodeActiveAffinity(USHORT NodeNumber, PGROUP_AFFINITY Affinity, PUSHORT Count)
{
	struct view view = { .count = 0 };
	struct dhp_processor row;
	uint32_t count = 0, group = 0;
	uint64_t mask = 0;

	if (look(&view) && first_of_node(&view, NodeNumber, &row)) {
		group = row.number.group;
		count = dhp_node_active_count(view.engine, NodeNumber, group, &mask);
	}
	if (Affinity != NULL)
		*Affinity = (GROUP_AFFINITY){ .Mask = (KAFFINITY)mask, .Group = (USHORT)group };
	if (Count != NULL)
		*Count = (USHORT)count;
}

NTSTATUS KeQueryNodeActiveAffinity2(USHORT NodeNumber, PGROUP_AFFINITY GroupAffinities, USHORT GroupAffinitiesCount,
				    PUSHORT GroupAffinitiesRequired)
{
	struct view view = { .count = 0 };
	struct dhp_processor row;
	struct groups groups;

	if (GroupAffinitiesRequired == NULL)
		return STATUS_INVALID_PARAMETER;
	if (!look(&view))
		return dhp_wdk_status(DHP_BAD_ENGINE);
	if (!first_of_node(&view, NodeNumber, &row))
		return STATUS_INVALID_PARAMETER;
	find_groups(&view, &row, same_node, &groups);
	*GroupAffinitiesRequired = (USHORT)groups.groups_count;
	if (GroupAffinities == NULL || GroupAffinitiesCount < groups.groups_count)
		return STATUS_BUFFER_TOO_SMALL;
	write_masks(&view, &row, same_node, &groups, GroupAffinities);
	return STATUS_SUCCESS;
}

ULONG KeQueryNodeActiveProcessorCount(USHORT NodeNumber)
{
	return dhp_node_active_count(dhpi_wdk_engine(), NodeNumber, DHP_ALL_GROUPS, NULL);
}

USHORT KeQueryNodeMaximumProcessorCount(USHORT NodeNumber)
{
	return (USHORT)dhp_node_maximum_count(dhpi_wdk_engine(), NodeNumber);
}
