/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - a driver as it is written for Windows: no line knows of this library but the first include.
 *
 * It keeps a request counter for each processor. A processor that is to be added gets its counter before it runs
 * anything, and is refused when there is no memory for one; what Plug and Play tells afterwards is only printed.
 */
#include <dhp/wdk.h>

#include "driver.h"

#define COUNTER_TAG 'tnuC'

typedef struct _COUNTER {
	KDPC Dpc;
	LONG Requests;
} COUNTER, *PCOUNTER;

static PCOUNTER *Counters; /* as many pointers as there could ever be processors */
static PVOID ChangeRegistration;
static PVOID ProcessorEntry;
static PVOID MemoryEntry;

static KDEFERRED_ROUTINE CountRequest;
static PROCESSOR_CALLBACK_FUNCTION ProcessorChange;
static DRIVER_NOTIFICATION_CALLBACK_ROUTINE HardwareCame;
static DRIVER_UNLOAD DriverUnload;

_Use_decl_annotations_
static VOID
CountRequest(struct _KDPC *Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
	PCOUNTER Counter = (PCOUNTER)DeferredContext;

	UNREFERENCED_PARAMETER(Dpc);
	UNREFERENCED_PARAMETER(SystemArgument1);
	UNREFERENCED_PARAMETER(SystemArgument2);
	InterlockedIncrement(&Counter->Requests);
}

static NTSTATUS
MakeCounter(ULONG Index, PPROCESSOR_NUMBER Number)
{
	PCOUNTER Counter = (PCOUNTER)ExAllocatePoolZero(NonPagedPoolNx, sizeof(COUNTER), COUNTER_TAG);

	if (Counter == NULL) {
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	KeInitializeDpc(&Counter->Dpc, CountRequest, Counter);
	(VOID)KeSetTargetProcessorDpcEx(&Counter->Dpc, Number);
	Counters[Index] = Counter;
	return STATUS_SUCCESS;
}

_Use_decl_annotations_
static VOID
ProcessorChange(PVOID CallbackContext, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT ChangeContext, PNTSTATUS OperationStatus)
{
	ULONG Index = ChangeContext->NtNumber;
	NTSTATUS Status;

	UNREFERENCED_PARAMETER(CallbackContext);
	switch (ChangeContext->State) {
	case KeProcessorAddStartNotify:
		Status = MakeCounter(Index, &ChangeContext->ProcNumber);
		if (!NT_SUCCESS(Status)) {
			*OperationStatus = Status;
		}
		break;
	case KeProcessorAddCompleteNotify:
		DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, "processor %u of group %u is in service\n",
			   ChangeContext->ProcNumber.Number, ChangeContext->ProcNumber.Group);
		break;
	case KeProcessorAddFailureNotify:
		if (Counters[Index] != NULL) {
			ExFreePoolWithTag(Counters[Index], COUNTER_TAG);
			Counters[Index] = NULL;
		}
		break;
	}
}

_Use_decl_annotations_
static NTSTATUS
HardwareCame(PVOID NotificationStructure, PVOID Context)
{
	PDEVICE_INTERFACE_CHANGE_NOTIFICATION Notification = (PDEVICE_INTERFACE_CHANGE_NOTIFICATION)NotificationStructure;

	UNREFERENCED_PARAMETER(Context);
	if (IsEqualGUID(&Notification->Event, &GUID_DEVICE_INTERFACE_ARRIVAL)) {
		DbgPrintEx(DPFLTR_IHVDRIVER_ID, DPFLTR_INFO_LEVEL, "a %s has arrived\n",
			   IsEqualGUID(&Notification->InterfaceClassGuid, &GUID_DEVICE_MEMORY) ? "memory module"
											      : "processor");
	}
	return STATUS_SUCCESS;
}

static NTSTATUS
RegisterAll(PDRIVER_OBJECT DriverObject)
{
	NTSTATUS Status;

	ChangeRegistration = KeRegisterProcessorChangeCallback(ProcessorChange, NULL, KE_PROCESSOR_CHANGE_ADD_EXISTING);
	if (ChangeRegistration == NULL) {
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	Status = IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, (PVOID)&GUID_DEVICE_PROCESSOR,
						DriverObject, HardwareCame, NULL, &ProcessorEntry);
	if (!NT_SUCCESS(Status)) {
		KeDeregisterProcessorChangeCallback(ChangeRegistration);
		return Status;
	}
	Status = IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange, 0, (PVOID)&GUID_DEVICE_MEMORY,
						DriverObject, HardwareCame, NULL, &MemoryEntry);
	if (!NT_SUCCESS(Status)) {
		(VOID)IoUnregisterPlugPlayNotificationEx(ProcessorEntry);
		KeDeregisterProcessorChangeCallback(ChangeRegistration);
	}
	return Status;
}

static VOID
FreeCounters(VOID)
{
	ULONG Index;

	for (Index = 0; Index < KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS); Index++) {
		if (Counters[Index] != NULL) {
			ExFreePoolWithTag(Counters[Index], COUNTER_TAG);
		}
	}
	ExFreePoolWithTag(Counters, COUNTER_TAG);
}

NTSTATUS
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
	NTSTATUS Status;

	UNREFERENCED_PARAMETER(RegistryPath);
	DriverObject->DriverUnload = DriverUnload;
	Counters = (PCOUNTER *)ExAllocatePoolZero(
		NonPagedPoolNx, KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS) * sizeof(PCOUNTER), COUNTER_TAG);
	if (Counters == NULL) {
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	Status = RegisterAll(DriverObject);
	if (!NT_SUCCESS(Status)) {
		FreeCounters();
	}
	return Status;
}

_Use_decl_annotations_
static VOID
DriverUnload(PDRIVER_OBJECT DriverObject)
{
	UNREFERENCED_PARAMETER(DriverObject);
	(VOID)IoUnregisterPlugPlayNotificationEx(MemoryEntry);
	(VOID)IoUnregisterPlugPlayNotificationEx(ProcessorEntry);
	KeDeregisterProcessorChangeCallback(ChangeRegistration);
	KeFlushQueuedDpcs();
	FreeCounters();
}

/* What a request from outside comes to: one DPC on each processor that there is. */
VOID
DriverRequest(VOID)
{
	ULONG Index;

	for (Index = 0; Index < KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS); Index++) {
		(VOID)KeInsertQueueDpc(&Counters[Index]->Dpc, NULL, NULL);
	}
}

LONG
DriverRequests(ULONG Index)
{
	return Counters[Index]->Requests;
}
