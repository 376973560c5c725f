/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * available.c - the newer notification: the native extension channel under its Windows names. Callback and registration have
 * the native types, so nothing stands between.
 */
#include <dhp/change.h>

#include "binding.h"

_Static_assert(sizeof(ULONG_PTR) == sizeof(uint64_t), "a mask of either kind");

NTSTATUS PsRegisterSystemAvailableCpusChangeNotification(PS_AVAILABLE_CPUS_CHANGE_CALLBACK *Callback, PVOID Context,
							 PULONG64 ObservedSequenceNumber,
							 PS_AVAILABLE_CPUS_CHANGE_REGISTRATION *RegistrationHandle)
{
	struct dhp_change_notify *registration = NULL;
	enum dhp_status status;

	if (RegistrationHandle == NULL)
		return STATUS_INVALID_PARAMETER;
	status = dhp_change_register(dhpi_wdk_engine(), Callback, Context, ObservedSequenceNumber, &registration);
	if (dhp_failed(status))
		return dhp_wdk_status(status);
	*RegistrationHandle = (PS_AVAILABLE_CPUS_CHANGE_REGISTRATION)registration;
	dhpi_wdk_hold();
	return STATUS_SUCCESS;
}

VOID PsUnregisterAvailableCpusChangeNotification(PS_AVAILABLE_CPUS_CHANGE_REGISTRATION RegistrationHandle)
{
	struct dhp_change_notify *registration = (struct dhp_change_notify *)RegistrationHandle;

	if (registration != NULL && !dhp_failed(dhp_change_unregister(registration)))
		dhpi_wdk_release();
}

NTSTATUS PsQuerySystemAvailableCpus(PKAFFINITY_EX Affinity, PULONG64 ObservedSequenceNumber, PULONG64 SequenceNumber)
{
	struct dhp_snapshot snapshot = { .masks_count = 0 };
	enum dhp_status status;

	if (Affinity == NULL || SequenceNumber == NULL)
		return STATUS_INVALID_PARAMETER;
	snapshot.masks_capacity = Affinity->Size;
	snapshot.usable_masks = (uint64_t *)(void *)Affinity->StaticBitmap;
	status = dhp_change_query(dhpi_wdk_engine(), ObservedSequenceNumber, &snapshot);
	if (status == DHP_UNCHANGED)
		return STATUS_NO_WORK_DONE;
	if (status == DHP_TOO_SMALL)
		return STATUS_BUFFER_TOO_SMALL;
	if (dhp_failed(status))
		return dhp_wdk_status(status);
	Affinity->Count = (USHORT)snapshot.masks_count;
	*SequenceNumber = snapshot.counts.generation;
	return STATUS_SUCCESS;
}

NTSTATUS PsQuerySystemAvailableCpusCount(PULONG AvailableCpuCount, PULONG64 SequenceNumber)
{
	struct dhp_counts counts;
	enum dhp_status status;

	if (AvailableCpuCount == NULL || SequenceNumber == NULL)
		return STATUS_INVALID_PARAMETER;
	status = dhp_counts_read(dhpi_wdk_engine(), &counts);
	if (dhp_failed(status))
		return dhp_wdk_status(status);
	*AvailableCpuCount = counts.usable;
	*SequenceNumber = counts.generation;
	return STATUS_SUCCESS;
}

/* ---- of a process: there is this one (S-807) ---- */

PEPROCESS PsGetCurrentProcess(void)
{
	static char process;

	return (PEPROCESS)(void *)&process;
}

NTSTATUS PsRegisterProcessAvailableCpusChangeNotification(PEPROCESS Process, PS_AVAILABLE_CPUS_CHANGE_CALLBACK *Callback,
							  PVOID Context, PULONG64 ObservedSequenceNumber,
							  PS_AVAILABLE_CPUS_CHANGE_REGISTRATION *RegistrationHandle)
{
	if (Process != PsGetCurrentProcess())
		return STATUS_INVALID_PARAMETER;
	return PsRegisterSystemAvailableCpusChangeNotification(Callback, Context, ObservedSequenceNumber,
							       RegistrationHandle);
}

NTSTATUS PsQueryProcessAvailableCpus(PEPROCESS Process, PKAFFINITY_EX Affinity, PULONG64 ObservedSequenceNumber,
				     PULONG64 SequenceNumber)
{
	if (Process != PsGetCurrentProcess())
		return STATUS_INVALID_PARAMETER;
	return PsQuerySystemAvailableCpus(Affinity, ObservedSequenceNumber, SequenceNumber);
}

NTSTATUS PsQueryProcessAvailableCpusCount(PEPROCESS Process, PULONG AvailableCpuCount, PULONG64 SequenceNumber)
{
	if (Process != PsGetCurrentProcess())
		return STATUS_INVALID_PARAMETER;
	return PsQuerySystemAvailableCpusCount(AvailableCpuCount, SequenceNumber);
}
