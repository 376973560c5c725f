/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which processors share a core, a package, a node, a group.
 *
 * A simulated processor is a core of its own, and its node is its package: 12 processors in groups of 3 and 5 on two nodes,
 * node 0 has the positions 0-5, that is numbers 0-2 of group 0 and 0-2 of group 1.
 */
#include "bound.h"

#include <dhp/record.h>

static const uint8_t three_and_five[] = { 3, 5 };

static struct dhp_engine *bind_nodes(uint32_t initial)
{
	const struct sim_setup setup = { .maximum = 12, .initial = initial, .group_sizes = three_and_five,
		.group_size_count = 2, .nodes = 2 };

	return bind_sim(&setup);
}

typedef SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX RECORD;

static uint64_t memory[1024];

/* Asks for the length, then with one byte too few, then with as much as is needed. Gives the first record. */
static RECORD *ask(PPROCESSOR_NUMBER number, LOGICAL_PROCESSOR_RELATIONSHIP relation, ULONG *out_length)
{
	RECORD *records = (RECORD *)(void *)memory;
	ULONG needed = 0, length;

	assert_int_equal(KeQueryLogicalProcessorRelationship(number, relation, NULL, &needed), STATUS_INFO_LENGTH_MISMATCH);
	assert_true(needed > 0 && needed <= sizeof(memory));
	memset(memory, 0xa5, sizeof(memory));
	length = needed - 1;
	assert_int_equal(KeQueryLogicalProcessorRelationship(number, relation, records, &length), STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(length, needed);
	assert_int_equal(((UCHAR *)memory)[needed - 1], 0xa5); /* beyond what was said to be there */
	memset(memory, 0xa5, sizeof(memory));
	length = 0;
	assert_int_equal(KeQueryLogicalProcessorRelationship(number, relation, records, &length), STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(length, needed);
	assert_int_equal(((UCHAR *)memory)[0], 0xa5);
	assert_int_equal(KeQueryLogicalProcessorRelationship(number, relation, records, &length), STATUS_SUCCESS);
	assert_int_equal(length, needed);
	assert_int_equal(((UCHAR *)memory)[needed], 0xa5); /* no byte more */
	*out_length = length;
	return records;
}

static RECORD *after(RECORD *record)
{
	return (RECORD *)(void *)((UCHAR *)record + record->Size);
}

static bool is_mask(const GROUP_AFFINITY *affinity, USHORT group, KAFFINITY mask)
{
	return affinity->Group == group && affinity->Mask == mask && affinity->Reserved[0] == 0;
}

static void a_short_buffer_tells_the_length_needed_S555(void **state)
{
	struct dhp_engine *engine = bind_nodes(4);
	ULONG length, before;
	KIRQL old;

	(void)state;
	(void)ask(NULL, RelationProcessorCore, &before);
	assert_int_equal(before, 4 * (8 + sizeof(PROCESSOR_RELATIONSHIP)));
	KeRaiseIrql(DISPATCH_LEVEL, &old); /* at or below */
	(void)ask(NULL, RelationAll, &length);
	KeLowerIrql(old);
	add_positions(engine, 4, 12);
	length = before; /* what was enough is not any more */
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, RelationProcessorCore, (RECORD *)(void *)memory, &length),
			 STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(length, 12 * (8 + sizeof(PROCESSOR_RELATIONSHIP)));
	unbind_sim(engine);
}

static void each_processor_is_a_core_S555(void **state)
{
	struct dhp_engine *engine = bind_nodes(5);
	RECORD *record;
	ULONG length;

	(void)state;
	record = ask(NULL, RelationProcessorCore, &length);
	for (uint32_t index = 0; index < 5; index++, record = after(record)) {
		PROCESSOR_NUMBER number;

		assert_int_equal(KeGetProcessorNumberFromIndex(index, &number), STATUS_SUCCESS);
		assert_int_equal(record->Relationship, RelationProcessorCore);
		assert_int_equal(record->Size, 8 + sizeof(PROCESSOR_RELATIONSHIP));
		assert_int_equal(record->Processor.Flags, 0);
		assert_int_equal(record->Processor.GroupCount, 1);
		assert_true(is_mask(&record->Processor.GroupMask[0], number.Group, AFFINITY_MASK(number.Number)));
	}
	unbind_sim(engine);
}

/*
 * As a machine wrote it down: packages 0 and 1, two threads in each core of the first; core 0 of the other is another core, and so
 * is one of which the package or the core is not known.
 */
static const char two_threads_in_a_core[] = "dhp-record 1\n1 engine maximum 8\n"
	"1 engine processor 0 0 0 64 0 0 0 0\n1 engine processor 1 0 1 64 0 0 0 1\n"
	"1 engine processor 2 0 2 64 0 0 1 0\n1 engine processor 3 0 3 64 0 0 1 1\n"
	"1 engine processor 4 0 4 64 0 1 0 0\n1 engine processor 5 0 5 64 0 1 - -\n"
	"1 engine processor 6 0 6 64 0 1 - -\n1 engine processor 7 0 7 64 0 - 0 0\n1 engine active 0-7\n"
	"1 engine begin 0 1 0\n2 engine end 0\n";

static void threads_of_a_core_are_in_one_record_S555(void **state)
{
	static const KAFFINITY masks[] = { 3, 12, 16, 32, 64, 128 };
	struct dhp_sim_options sim = { .size = sizeof(sim) };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };
	struct dhp_replay *replay;
	struct dhp_engine *engine;
	RECORD *record;
	ULONG length;

	(void)state;
	assert_ok(dhp_replay_open(two_threads_in_a_core, strlen(two_threads_in_a_core), &replay, NULL));
	sim.replay = replay;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_wdk_bind(engine));
	record = ask(NULL, RelationProcessorCore, &length);
	assert_int_equal(length, LENGTH(masks) * (8 + sizeof(PROCESSOR_RELATIONSHIP)));
	for (uint32_t core = 0; core < LENGTH(masks); core++, record = after(record)) {
		assert_int_equal(record->Processor.Flags, core < 2 ? LTP_PC_SMT : 0);
		assert_true(is_mask(&record->Processor.GroupMask[0], 0, masks[core]));
	}
	unbind_sim(engine);
	assert_ok(dhp_replay_close(replay));
}

static void a_package_over_two_groups_S555(void **state)
{
	struct dhp_engine *engine = bind_nodes(12);
	PROCESSOR_NUMBER number = { .Group = 1, .Number = 4 };
	const GROUP_AFFINITY *masks;
	RECORD *record;
	ULONG length;

	(void)state;
	record = ask(NULL, RelationProcessorPackage, &length);
	assert_int_equal(record->Relationship, RelationProcessorPackage);
	assert_int_equal(record->Processor.GroupCount, 2);
	assert_int_equal(record->Size, 8 + sizeof(PROCESSOR_RELATIONSHIP) + sizeof(GROUP_AFFINITY));
	assert_true(is_mask(&record->Processor.GroupMask[0], 0, 7));
	assert_true(is_mask(&record->Processor.GroupMask[1], 1, 7));
	record = after(record);
	masks = record->Processor.GroupMask; /* more than the type declares */
	assert_int_equal(record->Processor.GroupCount, 3); /* numbers 3 and 4 of group 1, group 2 and one of group 3 */
	assert_true(is_mask(&masks[0], 1, 0x18));
	assert_true(is_mask(&masks[1], 2, 7));
	assert_true(is_mask(&masks[2], 3, 1));
	assert_ptr_equal(after(record), (UCHAR *)memory + length);

	record = ask(&number, RelationProcessorPackage, &length); /* of one processor only */
	assert_int_equal(record->Size, length);
	assert_true(is_mask(&record->Processor.GroupMask[0], 1, 0x18));
	unbind_sim(engine);
}

static void a_node_has_a_primary_group_and_all_its_groups_S555_S556(void **state)
{
	struct dhp_engine *engine = bind_nodes(12);
	PROCESSOR_NUMBER number = { .Group = 1, .Number = 2 };
	RECORD *record;
	ULONG length;

	(void)state;
	record = ask(NULL, RelationNumaNode, &length);
	for (ULONG node = 0; node < 2; node++, record = after(record)) {
		assert_int_equal(record->Relationship, RelationNumaNode);
		assert_int_equal(record->NumaNode.NodeNumber, node);
		assert_int_equal(record->NumaNode.GroupCount, 1);
		assert_true(is_mask(&record->NumaNode.GroupMask, node == 0 ? 0 : 1, node == 0 ? 7 : 0x18));
	}
	record = ask(&number, RelationNumaNode, &length); /* that of the processor's group */
	assert_int_equal(record->NumaNode.NodeNumber, 0);
	assert_int_equal(record->Size, length);
	assert_true(is_mask(&record->NumaNode.GroupMask, 1, 7));
	record = ask(NULL, RelationNumaNodeEx, &length);
	assert_int_equal(record->Relationship, RelationNumaNode);
	assert_int_equal(record->NumaNode.GroupCount, 2);
	assert_true(is_mask(&record->NumaNode.GroupMasks[1], 1, 7));
	assert_int_equal(after(record)->NumaNode.GroupCount, 3);
	unbind_sim(engine);
}

static void groups_are_found_by_their_place_S555(void **state)
{
	struct dhp_engine *engine = bind_nodes(1);
	RECORD *record;
	ULONG length;

	(void)state;
	record = ask(NULL, RelationGroup, &length);
	assert_int_equal(record->Size, length);
	assert_int_equal(record->Group.ActiveGroupCount, 1);
	assert_int_equal(record->Group.MaximumGroupCount, KeQueryMaximumGroupCount());
	assert_ok(add_position(engine, 8)); /* group 2, when group 1 has nobody */
	record = ask(NULL, RelationGroup, &length);
	assert_int_equal(record->Group.ActiveGroupCount, 3);
	for (USHORT group = 0; group < 3; group++) {
		const PROCESSOR_GROUP_INFO *info = &record->Group.GroupInfo[group];

		assert_int_equal(info->ActiveProcessorCount, KeQueryActiveProcessorCountEx(group));
		assert_int_equal(info->MaximumProcessorCount, KeQueryMaximumProcessorCountEx(group));
		assert_int_equal(info->ActiveProcessorMask, KeQueryGroupAffinity(group));
	}
	unbind_sim(engine);
}

static void all_relations_in_one_answer_S555(void **state)
{
	struct dhp_engine *engine = bind_nodes(12);
	uint32_t seen[RelationGroup + 1] = { 0 };
	RECORD *record;
	ULONG length;

	(void)state;
	record = ask(NULL, RelationAll, &length);
	for (; (UCHAR *)record < (UCHAR *)memory + length; record = after(record))
		seen[record->Relationship]++;
	assert_int_equal(seen[RelationProcessorCore], 12);
	assert_int_equal(seen[RelationNumaNode], 2);
	assert_int_equal(seen[RelationProcessorPackage], 2);
	assert_int_equal(seen[RelationGroup], 1);
	assert_int_equal(seen[RelationCache], 0);
	unbind_sim(engine);
}

static void what_is_unknown_is_refused_S555(void **state)
{
	struct dhp_engine *engine = bind_nodes(2);
	PROCESSOR_NUMBER number = { .Group = 0, .Number = 2 }; /* not there yet */
	RECORD *record = (RECORD *)(void *)memory;
	ULONG length = sizeof(memory);

	(void)state;
	assert_int_equal(KeQueryLogicalProcessorRelationship(&number, RelationProcessorCore, record, &length),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, RelationProcessorCore, record, NULL),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, (LOGICAL_PROCESSOR_RELATIONSHIP)99, record, &length),
			 STATUS_INVALID_PARAMETER);
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, RelationCache, record, &length), STATUS_NOT_SUPPORTED);
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, RelationProcessorDie, record, &length), STATUS_NOT_SUPPORTED);
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, RelationProcessorModule, record, &length),
			 STATUS_NOT_SUPPORTED);
	assert_int_equal(length, sizeof(memory));
	unbind_sim(engine);
	assert_int_equal(KeQueryLogicalProcessorRelationship(NULL, RelationAll, record, &length), STATUS_DEVICE_NOT_READY);
}

static void nodes_by_their_older_and_newer_calls_S556_S557(void **state)
{
	struct dhp_engine *engine = bind_nodes(6);
	GROUP_AFFINITY affinity = { .Mask = 9 }, affinities[4];
	USHORT count = 9, needed = 9;

	(void)state;
	assert_int_equal(KeQueryHighestNodeNumber(), 0);
	KeQueryNodeActiveAffinity(0, &affinity, &count);
	assert_true(is_mask(&affinity, 0, 7)); /* the primary group only */
	assert_int_equal(count, 3);
	KeQueryNodeActiveAffinity(0, NULL, NULL);
	assert_int_equal(KeQueryNodeActiveAffinity2(0, affinities, 1, &needed), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(needed, 2);
	assert_int_equal(KeQueryNodeActiveAffinity2(0, NULL, 0, &needed), STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(KeQueryNodeActiveAffinity2(0, affinities, 4, &needed), STATUS_SUCCESS);
	assert_int_equal(needed, 2);
	assert_true(is_mask(&affinities[0], 0, 7) && is_mask(&affinities[1], 1, 7));
	assert_int_equal(KeQueryNodeActiveProcessorCount(0), 6);
	assert_int_equal(KeQueryNodeMaximumProcessorCount(0), 6);

	assert_int_equal(KeQueryNodeActiveProcessorCount(1), 0); /* nobody yet */
	assert_int_equal(KeQueryNodeMaximumProcessorCount(1), 6); /* what may come is counted */
	KeQueryNodeActiveAffinity(1, &affinity, &count);
	assert_true(is_mask(&affinity, 0, 0));
	assert_int_equal(count, 0);
	assert_int_equal(KeQueryNodeActiveAffinity2(1, affinities, 4, &needed), STATUS_INVALID_PARAMETER);
	assert_int_equal(KeQueryNodeActiveAffinity2(0, affinities, 4, NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(KeQueryNodeActiveProcessorCount(77), 0);
	assert_int_equal(KeQueryNodeMaximumProcessorCount(77), 0);
	add_positions(engine, 6, 7);
	assert_int_equal(KeQueryHighestNodeNumber(), 1);
	KeQueryNodeActiveAffinity(1, &affinity, &count);
	assert_true(is_mask(&affinity, 1, 8));
	unbind_sim(engine);
	assert_int_equal(KeQueryNodeActiveAffinity2(0, affinities, 4, &needed), STATUS_DEVICE_NOT_READY);
	assert_int_equal(KeQueryHighestNodeNumber(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_buffer_tells_the_length_needed_S555),
		cmocka_unit_test(each_processor_is_a_core_S555),
		cmocka_unit_test(threads_of_a_core_are_in_one_record_S555),
		cmocka_unit_test(a_package_over_two_groups_S555),
		cmocka_unit_test(a_node_has_a_primary_group_and_all_its_groups_S555_S556),
		cmocka_unit_test(groups_are_found_by_their_place_S555),
		cmocka_unit_test(all_relations_in_one_answer_S555),
		cmocka_unit_test(what_is_unknown_is_refused_S555),
		cmocka_unit_test(nodes_by_their_older_and_newer_calls_S556_S557),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
