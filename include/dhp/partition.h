/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partition.h - which processors there are.
 *
 * Five counts that are never mixed up (A and M in the clauses are active and maximum):
 *   maximum  could ever be; constant (S-503)
 *   present  the platform has it, maybe off
 *   online   present, and switched on; in a simulation every one that is present
 *   active   in service: has a queue, a worker and a slot in every array; never decreases (S-004)
 *   usable   active, and this process may run there now (affinity, cpuset)
 * A processor has an index, dense, in order of arrival, never moving (S-529, S-530); a number, (group, number in
 * the group); and a cpu, the platform's own id, which may have gaps.
 */
#ifndef DHP_PARTITION_H
#define DHP_PARTITION_H

#include <dhp/base.h>

struct dhp_engine;

#define DHP_UNKNOWN UINT32_MAX

struct dhp_processor {
	uint32_t index;
	uint32_t cpu;
	struct dhp_number number;
	uint32_t node;    /* NUMA node */
	uint32_t package; /* DHP_UNKNOWN when the platform does not say */
	uint32_t core;    /* likewise; unique within the package */
	uint32_t thread;  /* likewise; number among those online that share the core when it was read: 0, 1 ... */
};

struct dhp_counts {
	uint64_t generation; /* grows with every change of the set */
	uint32_t maximum;
	uint32_t present;
	uint32_t active;
	uint32_t usable;
	uint32_t groups_maximum;
	uint32_t groups_active;
	uint32_t online;
	uint32_t quota; /* the system gives us no more time than so many processors have, rounded up; 0: no limit */
};

/*
 * A consistent view: everything in it was true at one moment (S-509). The caller supplies the two arrays, one
 * 64-bit mask a group, bit n for number n; either may be NULL when it is not wanted.
 */
struct dhp_snapshot {
	struct dhp_counts counts;
	uint32_t masks_capacity; /* in: length of the arrays */
	uint32_t masks_count;    /* out: groups_maximum, the length needed */
	uint64_t *active_masks;
	uint64_t *usable_masks;
};

DHP_BEGIN_DECLS

/*
 * dhp_counts_read - all counts and the generation, taken together.
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free: repeats only when the set changed meanwhile
 * Orders    a caller that reads active = n finds processors 0 to n-1 complete [set-publish]
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_counts_read(struct dhp_engine *engine, struct dhp_counts *out_counts);

/*
 * dhp_snapshot_take - counts, generation and the masks of all groups, taken together (S-509).
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free, as dhp_counts_read
 * Orders    as dhp_counts_read
 * Lifetime  a copy, in the caller's arrays
 * Returns   DHP_OK; DHP_TOO_SMALL with only masks_count stored; DHP_BAD_ENGINE, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_snapshot_take(struct dhp_engine *engine, struct dhp_snapshot *snapshot);

/*
 * dhp_processor_at - the processor with this index.
 *
 * Inside Start the index of the processor being added is valid already (S-154). The platform may not know yet how a newcomer
 * is wired: then package, core and thread are DHP_UNKNOWN until it does, and the generation grows.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    as dhp_counts_read
 * Lifetime  a copy; what it says never changes, but for what was unknown
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_INDEX (S-527), DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_processor_at(struct dhp_engine *engine, uint32_t index, struct dhp_processor *out_processor);

/*
 * dhp_index_of_number, dhp_index_of_cpu - the inverse mappings.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    as dhp_counts_read
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_NUMBER (S-528) or DHP_BAD_CPU, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_index_of_number(struct dhp_engine *engine, struct dhp_number number, uint32_t *out_index);
DHP_API enum dhp_status dhp_index_of_cpu(struct dhp_engine *engine, uint32_t cpu, uint32_t *out_index);

/*
 * dhp_index_here - the processor on which the caller runs.
 *
 * Stable in a DPC (see dhp_percpu_here) and in a pinned thread, otherwise a hint (S-532). On a processor that is not announced, and in a
 * thread that belongs to no simulated processor, the answer is index 0 (S-035, S-619).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   the index; DHP_NO_INDEX for a bad engine
 */
DHP_API uint32_t dhp_index_here(struct dhp_engine *engine);

/*
 * dhp_active_mask - the mask of active processors of one group.
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free, as dhp_counts_read
 * Orders    as dhp_counts_read
 * Lifetime  a copy
 * Returns   the mask; 0 for a group that does not exist or has nobody (S-516)
 */
DHP_API uint64_t dhp_active_mask(struct dhp_engine *engine, uint32_t group);

/*
 * dhp_active_count - how many processors of a group, or of all (DHP_ALL_GROUPS), are active; and the mask, taken together.
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free, as dhp_counts_read
 * Orders    as dhp_counts_read
 * Lifetime  a copy
 * Returns   the count; 0 for a group that does not exist (S-502). *out_mask, which may be NULL, becomes the group's mask of
 *           the same moment (S-501), 0 for all groups.
 */
DHP_API uint32_t dhp_active_count(struct dhp_engine *engine, uint32_t group, uint64_t *out_mask);

/*
 * dhp_maximum_count - how many processors a group, or all (DHP_ALL_GROUPS), could ever have. Constant (S-503).
 *
 * Which group a processor joins that is still to come may be open: the sum over the groups can exceed the number for all
 * (S-504), and the number for all may never be reached (S-505).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  constant
 * Returns   the count; 0 for a group that does not exist
 */
DHP_API uint32_t dhp_maximum_count(struct dhp_engine *engine, uint32_t group);

/*
 * dhp_old_group - the group that is meant by those who know of one group only (S-534).
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free, as dhp_counts_read
 * Orders    as dhp_counts_read
 * Lifetime  -
 * Returns   0; with DHP_ENGINE_LAST_GROUP the last group that has an active processor (S-558)
 */
DHP_API uint32_t dhp_old_group(struct dhp_engine *engine);

/*
 * dhp_node_active_count - how many processors of a NUMA node, in one group or all, are active (S-556).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    as dhp_counts_read
 * Lifetime  a copy
 * Returns   the count; 0 for a node or group that does not exist. *out_mask, which may be NULL, becomes their mask in that
 *           group, 0 for all groups.
 */
DHP_API uint32_t dhp_node_active_count(struct dhp_engine *engine, uint32_t node, uint32_t group, uint64_t *out_mask);

/*
 * dhp_node_maximum_count - how many processors a NUMA node could ever have, as far as the platform says (S-557).
 *
 * Level     passive: the platform is asked
 * Blocks    for that
 * Progress  blocking
 * Orders    nothing
 * Lifetime  -
 * Returns   the count; 0 for a node that does not exist
 */
DHP_API uint32_t dhp_node_maximum_count(struct dhp_engine *engine, uint32_t node);

DHP_END_DECLS

#endif
