/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * processors.c - counts, masks and numbers.
 *
 * The older routines know one group only (S-534): group 0, unless a test wants the last one (S-558).
 */
#include <dhp/partition.h>

#include "binding.h"

static USHORT old_group(void)
{
	return (USHORT)dhp_old_group(dhpi_wdk_engine());
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
	return KeQueryGroupAffinity(old_group());
}

ULONG KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
	uint64_t mask = 0;
	ULONG count = dhp_active_count(dhpi_wdk_engine(), old_group(), &mask);

	if (ActiveProcessors != NULL)
		*ActiveProcessors = (KAFFINITY)mask;
	return count;
}

ULONG KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
	return dhp_active_count(dhpi_wdk_engine(), GroupNumber, NULL);
}

ULONG KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
	return dhp_maximum_count(dhpi_wdk_engine(), GroupNumber);
}

ULONG KeQueryMaximumProcessorCount(void)
{
	return KeQueryMaximumProcessorCountEx(old_group());
}

USHORT KeQueryActiveGroupCount(void)
{
	return (USHORT)counts().groups_active;
}

USHORT KeQueryMaximumGroupCount(void)
{
	return (USHORT)counts().groups_maximum;
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

/* S-533: in the one group the number; elsewhere something below its count, which two processors may share. */
ULONG KeGetCurrentProcessorNumber(void)
{
	PROCESSOR_NUMBER number = { .Group = 0 };
	ULONG index = KeGetCurrentProcessorNumberEx(&number);
	ULONG count = KeQueryActiveProcessorCount(NULL);

	if (number.Group == old_group() || count == 0)
		return number.Number;
	return index % count;
}
