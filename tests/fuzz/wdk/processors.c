/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors: they arrive, or a callback refuses them; counts, numbers, groups and nodes agree; the thread is confined and let go.
 */
#include "wdk.h"

static struct {
	PVOID handle;
	bool refuses;
	uint32_t starts, seconds;
} callback;

static VOID on_change(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
	MUST(context == &callback);
	MUST(change->NtNumber <= program.active);
	if (change->State != KeProcessorAddStartNotify) {
		callback.seconds++;
		return;
	}
	callback.starts++;
	if (callback.refuses)
		*status = STATUS_UNSUCCESSFUL;
}

/* One by one: the next position that is not there. */
static void add(void)
{
	bool refused = callback.handle != NULL && callback.refuses;
	enum dhp_status status = dhp_sim_add(program.engine, dhp_sim_cpu(program.engine, program.active));

	if (program.active == PROCESSORS)
		MUST(status == DHP_BAD_CPU);
	else
		MUST((status == DHP_OK) == !refused && dhp_failed(status) == refused);
	program.active += status == DHP_OK;
	if (status == DHP_OK)
		listeners_arrived();
	MUST(callback.starts == callback.seconds);
}

static void let_go(void)
{
	if (callback.handle != NULL)
		KeDeregisterProcessorChangeCallback(callback.handle);
	callback.handle = NULL;
}

static void listen(void)
{
	uint32_t how = take();

	let_go();
	callback.refuses = (how & 1) != 0;
	callback.starts = callback.seconds = 0;
	callback.handle = KeRegisterProcessorChangeCallback(on_change, &callback, how >> 1 & 1);
	/* With those that are there: refused, it is not registered. */
	MUST((callback.handle != NULL) == !((how & 1) != 0 && (how & 2) != 0));
	MUST((how & 2) == 0 || callback.handle == NULL || callback.starts == program.active);
	callback.starts = callback.seconds = 0;
}

static void count(void)
{
	uint32_t sum = 0, of_nodes = 0, most = 0;
	KAFFINITY mask = 0;

	for (USHORT group = 0; group < KeQueryMaximumGroupCount(); group++) {
		MUST(KeQueryActiveProcessorCountEx(group) == (ULONG)__builtin_popcountll(KeQueryGroupAffinity(group)));
		MUST(KeQueryMaximumProcessorCountEx(group) >= KeQueryActiveProcessorCountEx(group));
		sum += KeQueryActiveProcessorCountEx(group);
	}
	MUST(sum == program.active && KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS) == sum);
	MUST(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS) == PROCESSORS && KeQueryMaximumProcessorCount() <= PROCESSORS);
	MUST(KeQueryActiveProcessorCount(&mask) == KeQueryActiveProcessorCountEx(0) && mask == KeQueryActiveProcessors());
	MUST(KeQueryActiveGroupCount() >= 1 && KeQueryActiveGroupCount() <= KeQueryMaximumGroupCount());
	for (USHORT node = 0; node <= KeQueryHighestNodeNumber(); node++) {
		of_nodes += KeQueryNodeActiveProcessorCount(node);
		most += KeQueryNodeMaximumProcessorCount(node);
	}
	MUST(of_nodes == sum && most <= PROCESSORS); /* a node without a processor is not counted yet */
}

static void number(void)
{
	ULONG index = take_below(PROCESSORS + 2);
	PROCESSOR_NUMBER full = { .Group = 99 }, here;
	NTSTATUS status = KeGetProcessorNumberFromIndex(index, &full);

	MUST(status == (index < program.active ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER));
	if (NT_SUCCESS(status))
		MUST(KeGetProcessorIndexFromNumber(&full) == index);
	full.Reserved = 1;
	MUST(KeGetProcessorIndexFromNumber(&full) == INVALID_PROCESSOR_INDEX);
	index = KeGetCurrentProcessorNumberEx(&here);
	MUST(index < program.active && KeGetProcessorIndexFromNumber(&here) == index && KeGetCurrentProcessorIndex() == index);
}

static void node(void)
{
	USHORT at = (USHORT)take_below(4), places = 99, more = 99;
	GROUP_AFFINITY one, several[4];
	NTSTATUS status;
	ULONG sum = 0;

	KeQueryNodeActiveAffinity(at, &one, &places);
	MUST(__builtin_popcountll(one.Mask) <= (int)KeQueryNodeActiveProcessorCount(at));
	status = KeQueryNodeActiveAffinity2(at, several, (USHORT)COUNT(several), &more);
	if (!NT_SUCCESS(status))
		return;
	for (USHORT i = 0; i < more; i++)
		sum += (ULONG)__builtin_popcountll(several[i].Mask);
	MUST(sum == KeQueryNodeActiveProcessorCount(at));
}

static void confine(void)
{
	GROUP_AFFINITY wanted = { .Mask = take(), .Group = (USHORT)take_below(3) }, previous = { .Mask = 99 };
	bool works = (wanted.Mask & KeQueryGroupAffinity(wanted.Group)) != 0;
	PROCESSOR_NUMBER here;

	KeSetSystemGroupAffinityThread(&wanted, &previous);
	MUST(previous.Mask == 0);
	(void)KeGetCurrentProcessorNumberEx(&here);
	MUST(!works || (here.Group == wanted.Group && (wanted.Mask >> here.Number & 1) != 0));
	KeRevertToUserGroupAffinityThread(&previous);
	wanted.Mask &= KeQueryActiveProcessors();
	MUST(KeSetSystemAffinityThreadEx(wanted.Mask) == 0);
	MUST(KeSetSystemAffinityThreadEx(1) == (wanted.Mask != 0 ? wanted.Mask : 0));
	KeRevertToUserAffinityThread();
	KeSetSystemAffinityThread(1);
	KeRevertToUserAffinityThreadEx(0);
}

static void confine_to_groups(void)
{
	GROUP_AFFINITY wanted[2] = { { .Mask = take(), .Group = 0 }, { .Mask = take(), .Group = 1 } };
	bool works = ((wanted[0].Mask & KeQueryGroupAffinity(0)) | (wanted[1].Mask & KeQueryGroupAffinity(1))) != 0;
	USHORT count = KeQueryMaximumGroupCount() < 2 ? 1 : 2;
	PAFFINITY_TOKEN token;

	if (count == 1)
		works = (wanted[0].Mask & KeQueryGroupAffinity(0)) != 0;
	MUST(PsAllocateAffinityToken(&token) == STATUS_SUCCESS);
	MUST(NT_SUCCESS(PsSetSystemMultipleGroupAffinityThread(wanted, count, token)) == works);
	PsRevertToUserMultipleGroupAffinityThread(token);
	PsFreeAffinityToken(token);
	MUST(KeGetCurrentProcessorNumber() < PROCESSORS);
}

static void relations(void)
{
	ULONG length = 0, short_by_one;
	char *room;

	MUST(KeQueryLogicalProcessorRelationship(NULL, RelationGroup, NULL, &length) == STATUS_INFO_LENGTH_MISMATCH && length > 0);
	room = malloc(length);
	MUST(room != NULL);
	short_by_one = length - 1;
	MUST(KeQueryLogicalProcessorRelationship(NULL, RelationGroup, (PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX)(void *)room,
						 &short_by_one) == STATUS_INFO_LENGTH_MISMATCH);
	MUST(short_by_one == length);
	MUST(KeQueryLogicalProcessorRelationship(NULL, RelationGroup, (PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX)(void *)room,
						 &length) == STATUS_SUCCESS);
	MUST(((PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX)(void *)room)->Group.ActiveGroupCount == KeQueryActiveGroupCount());
	free(room);
}

static void begin(void)
{
	memset(&callback, 0, sizeof(callback));
}

static void (*const operations[])(void) = { add, add, listen, let_go, count, number, node, confine,
	confine_to_groups, relations };

const struct part processors_part = { "processors", operations, COUNT(operations), begin, let_go };
