/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * processors.c - counts, masks and numbers.
 *
 * The older routines know group 0 only (S-534). A count that goes with a mask is counted from that very mask, so that
 * both are of one moment (S-501).
 */
#include <dhp/partition.h>

#include "binding.h"

#define GROUP_SIZE 64u

static uint32_t bits(uint64_t mask)
{
	return (uint32_t)__builtin_popcountll(mask);
}

/* All zero without an engine. */
static struct dhp_counts counts(void)
{
	struct dhp_counts counts = { .active = 0 };

	(void)dhp_counts_read(dhpi_wdk_engine(), &counts);
	return counts;
}

KAFFINITY KeQueryGroupAffinity(USHORT GroupNumber)
{
	return (KAFFINITY)dhp_active_mask(dhpi_wdk_engine(), GroupNumber);
}

KAFFINITY KeQueryActiveProcessors(void)
{
	return KeQueryGroupAffinity(0);
}

ULONG KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
	KAFFINITY mask = KeQueryGroupAffinity(0);

	if (ActiveProcessors != NULL)
		*ActiveProcessors = mask;
	return bits(mask);
}

ULONG KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
	return GroupNumber == ALL_PROCESSOR_GROUPS ? counts().active : bits(KeQueryGroupAffinity(GroupNumber));
}

/* S-504: a bound; which group a later processor joins is open. */
ULONG KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
	struct dhp_counts all = counts();

	if (GroupNumber == ALL_PROCESSOR_GROUPS)
		return all.maximum;
	if (GroupNumber >= all.groups_maximum)
		return 0;
	return all.maximum < GROUP_SIZE ? all.maximum : GROUP_SIZE;
}

ULONG KeQueryMaximumProcessorCount(void)
{
	return KeQueryMaximumProcessorCountEx(0);
}

USHORT KeQueryActiveGroupCount(void)
{
	return (USHORT)counts().groups_active;
}

ULONG KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber)
{
	uint32_t index = INVALID_PROCESSOR_INDEX;

	if (ProcNumber != NULL)
		(void)dhp_index_of_number(dhpi_wdk_engine(),
					  (struct dhp_number){ .group = ProcNumber->Group,
							       .number = ProcNumber->Number,
							       .reserved = ProcNumber->Reserved },
					  &index);
	return index;
}

NTSTATUS KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber)
{
	struct dhp_processor processor;
	enum dhp_status status;

	if (ProcNumber == NULL)
		return STATUS_INVALID_PARAMETER;
	status = dhp_processor_at(dhpi_wdk_engine(), ProcIndex, &processor);
	if (dhp_failed(status))
		return dhp_wdk_status(status);
	*ProcNumber = (PROCESSOR_NUMBER){ .Group = processor.number.group, .Number = processor.number.number };
	return STATUS_SUCCESS;
}

ULONG KeGetCurrentProcessorIndex(void)
{
	return dhp_index_here(dhpi_wdk_engine());
}

ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber)
{
	ULONG index = KeGetCurrentProcessorIndex();

	if (ProcNumber != NULL && !NT_SUCCESS(KeGetProcessorNumberFromIndex(index, ProcNumber)))
		*ProcNumber = (PROCESSOR_NUMBER){ .Group = 0 };
	return index;
}

/* S-533: in group 0 the number; elsewhere something below the count of group 0, which two processors may share. */
ULONG KeGetCurrentProcessorNumber(void)
{
	PROCESSOR_NUMBER number;
	ULONG index = KeGetCurrentProcessorNumberEx(&number);
	ULONG count = KeQueryActiveProcessorCount(NULL);

	if (number.Group == 0 || count == 0)
		return number.Number;
	return index % count;
}
