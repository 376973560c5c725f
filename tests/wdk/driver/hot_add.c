/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver that keeps one structure for each processor and has it ready before the processor runs anything.
 */
#define DRIVER_INCLUDES_ITS_ASSERT
#include <dhp/wdk.h>

#include "assert.h"
#include "hot_add.h"

#define TAG 'dAtH'

typedef struct _PER_PROCESSOR {
	KDPC Dpc;
	LONG64 Requests;
	ULONG Index;
} PER_PROCESSOR, *PPER_PROCESSOR;

typedef struct _EXTENSION {
	PVOID Registration;
	NTSTATUS CallbackStatus;
	ULONG Maximum;
	ULONG Ready;     /* structures in service */
	ULONG Growths;   /* structures made for processors that came later */
	BOOLEAN Started;
	BOOLEAN Refuse;
	EX_PUSH_LOCK Lock;
	PPER_PROCESSOR *Processors; /* one pointer for each processor that could ever be */
} EXTENSION;

static EXTENSION Extension;

DRIVER_INITIALIZE HotAddDriverEntry;
static DRIVER_UNLOAD HotAddUnload;
static PROCESSOR_CALLBACK_FUNCTION ProcessorChange;
static KDEFERRED_ROUTINE RequestDpc;

static FORCEINLINE PPER_PROCESSOR
StructureOf(_In_ ULONG Index)
{
	ASSERT(Index < Extension.Maximum);
	return Extension.Processors[Index];
}

_Use_decl_annotations_
static VOID
RequestDpc(struct _KDPC *Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
	PPER_PROCESSOR Processor = (PPER_PROCESSOR)DeferredContext;

	UNREFERENCED_PARAMETER(SystemArgument1);
	UNREFERENCED_PARAMETER(SystemArgument2);
	ASSERT(CONTAINING_RECORD(Dpc, PER_PROCESSOR, Dpc) == Processor);
	ASSERT(KeGetCurrentIrql() == DISPATCH_LEVEL);
	if (KeGetCurrentProcessorNumberEx(NULL) == Processor->Index)
		InterlockedIncrement64(&Processor->Requests);
}

static NTSTATUS
MakeStructure(_In_ ULONG Index, _In_ PPROCESSOR_NUMBER Number)
{
	PPER_PROCESSOR Processor;
	NTSTATUS Status;

	PAGED_CODE()

	if (Index >= Extension.Maximum) {
		return STATUS_INVALID_PARAMETER;
	}
	Processor = (PPER_PROCESSOR)ExAllocatePoolWithTag(NonPagedPool, sizeof(*Processor), TAG);
	if (Processor == NULL) {
		return STATUS_INSUFFICIENT_RESOURCES;
	}
	RtlZeroMemory(Processor, sizeof(*Processor));
	Processor->Index = Index;
	KeInitializeDpc(&Processor->Dpc, RequestDpc, Processor);
	Status = KeSetTargetProcessorDpcEx(&Processor->Dpc, Number);
	if (!NT_SUCCESS(Status)) {
		ExFreePoolWithTag(Processor, TAG);
		return Status;
	}
	Extension.Processors[Index] = Processor;
	return STATUS_SUCCESS;
}

static VOID
FreeStructure(_In_ ULONG Index)
{
	if (Extension.Processors[Index] != NULL) {
		ExFreePoolWithTag(Extension.Processors[Index], TAG);
		Extension.Processors[Index] = NULL;
	}
}

_Use_decl_annotations_
static VOID
ProcessorChange(PVOID CallbackContext, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT ChangeContext, PNTSTATUS OperationStatus)
{
	EXTENSION *Driver = (EXTENSION *)CallbackContext;
	NTSTATUS Status;

	switch (ChangeContext->State) {
	case KeProcessorAddStartNotify:
		Status = Driver->Refuse ? STATUS_NO_MEMORY
					: MakeStructure(ChangeContext->NtNumber, &ChangeContext->ProcNumber);
		if (!NT_SUCCESS(Status)) {
			Driver->CallbackStatus = Status;
			*OperationStatus = Status;
		} else if (Driver->Started) {
			Driver->Growths++;
		}
		break;
	case KeProcessorAddCompleteNotify:
		KeEnterCriticalRegion();
		ExAcquirePushLockExclusive(&Driver->Lock);
		Driver->Ready = max(Driver->Ready, ChangeContext->NtNumber + 1);
		ExReleasePushLockExclusive(&Driver->Lock);
		KeLeaveCriticalRegion();
		break;
	case KeProcessorAddFailureNotify:
		FreeStructure(ChangeContext->NtNumber);
		break;
	default:
		ASSERT(FALSE);
		break;
	}
}

NTSTATUS
HotAddDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
	UNREFERENCED_PARAMETER(RegistryPath);

	DriverObject->DriverUnload = HotAddUnload;
	RtlZeroMemory(&Extension, sizeof(Extension));
	ExInitializePushLock(&Extension.Lock);
	Extension.Maximum = KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS);
	Extension.Processors = (PPER_PROCESSOR *)ExAllocatePoolZero(NonPagedPoolNx,
								   Extension.Maximum * sizeof(PPER_PROCESSOR), TAG);
	if (Extension.Processors == NULL) {
		return STATUS_INSUFFICIENT_RESOURCES;
	}
#if defined(KE_PROCESSOR_CHANGE_ADD_EXISTING)
	Extension.Registration = KeRegisterProcessorChangeCallback(ProcessorChange, &Extension,
								   KE_PROCESSOR_CHANGE_ADD_EXISTING);
#endif
	if (Extension.Registration == NULL) {
		ExFreePoolWithTag(Extension.Processors, TAG);
		return Extension.CallbackStatus;
	}
	Extension.Started = TRUE;
	return STATUS_SUCCESS;
}

static VOID
HotAddUnload(PDRIVER_OBJECT DriverObject)
{
	ULONG Index;

	UNREFERENCED_PARAMETER(DriverObject);
	KeDeregisterProcessorChangeCallback(Extension.Registration);
	KeFlushQueuedDpcs();
	for (Index = 0; Index < Extension.Maximum; Index++) {
		FreeStructure(Index);
	}
	ExFreePoolWithTag(Extension.Processors, TAG);
}

ULONG HotAddCapacity(void) { return Extension.Maximum; }
ULONG HotAddGrowths(void) { return Extension.Growths; }
LONG64 HotAddRequests(ULONG Index) { return ReadAcquire64(&StructureOf(Index)->Requests); }
VOID HotAddRefuse(BOOLEAN Refuse) { Extension.Refuse = Refuse; }

ULONG HotAddReady(void)
{
	ULONG Ready;

	ExAcquirePushLockShared(&Extension.Lock);
	Ready = Extension.Ready;
	ExReleasePushLockShared(&Extension.Lock);
	return Ready;
}

/* One request on each processor that there is. */
VOID HotAddRequestAll(void)
{
	ULONG Index;

	for (Index = 0; Index < KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS); Index++) {
		(void)KeInsertQueueDpc(&StructureOf(Index)->Dpc, NULL, NULL);
	}
}
