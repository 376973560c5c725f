/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver in the shape of the driver guide's examples: one callback for each of the three notifications, the types and the
 * registration calls as printed there (among them the slip in the context's type and the addresses of constant GUIDs), and
 * something done where the guide leaves it open.
 */
#include <dhp/wdk.h>

#include "hot_add.h"

#define GUIDE_TAG 'diuG'
#define GUIDE_PROCESSORS 64

VOID
  GuideProcessorChange(
    IN PVOID CallbackContext,
    IN PKE_PROCESSOR_CHANGE_NOTIFICATION_CONTEXT ChangeContext,
    IN PNTSTATUS OperationStatus
    );

NTSTATUS
  GuideProcessorArrival(
    IN PVOID NotificationStructure,
    IN PVOID Context
    );

NTSTATUS
  GuideMemoryArrival(
    IN PVOID NotificationStructure,
    IN PVOID Context
    );

PVOID GuideRegistration;
PVOID GuideProcessorEntry;
PVOID GuideMemoryEntry;
NTSTATUS GuideCallbackStatus = STATUS_SUCCESS;

/* What the driver has sized by the processors it knows of, and by the memory. */
static PVOID PerProcessor[GUIDE_PROCESSORS];
static ULONG volatile Shares;
static ULONG volatile Arrived;
static ULONG volatile BufferSize;
static ULONG Limit = GUIDE_PROCESSORS;

VOID
  GuideProcessorChange(
    IN PVOID CallbackContext,
    IN PKE_PROCESSOR_CHANGE_NOTIFICATION_CONTEXT ChangeContext,
    IN PNTSTATUS OperationStatus
    )
{
  PNTSTATUS CallbackStatus = (PNTSTATUS)CallbackContext;
  ULONG Index = ChangeContext->NtNumber;
  KAFFINITY ActiveProcessors;

  switch (ChangeContext->State)
  {
    case KeProcessorAddStartNotify:
      if (Index < Limit)
      {
        PerProcessor[Index] = ExAllocatePoolWithTag(NonPagedPool, 128, GUIDE_TAG);
      }
      if (Index >= Limit || PerProcessor[Index] == NULL)
      {
        // Both the system and whoever registered are told
        *OperationStatus = STATUS_INSUFFICIENT_RESOURCES;
        *CallbackStatus = STATUS_INSUFFICIENT_RESOURCES;
      }
      break;

    case KeProcessorAddCompleteNotify:
      Shares = KeQueryActiveProcessorCount(&ActiveProcessors);
      break;

    case KeProcessorAddFailureNotify:
      if (Index < GUIDE_PROCESSORS && PerProcessor[Index] != NULL)
      {
        ExFreePoolWithTag(PerProcessor[Index], GUIDE_TAG);
        PerProcessor[Index] = NULL;
      }
      break;
  }
}

NTSTATUS
  GuideProcessorArrival(
    IN PVOID NotificationStructure,
    IN PVOID Context
    )
{
  PDEVICE_INTERFACE_CHANGE_NOTIFICATION Notification;
  KAFFINITY ActiveProcessors;

  Notification =
    (PDEVICE_INTERFACE_CHANGE_NOTIFICATION)
      NotificationStructure;

  if (IsEqualGUID(
        &Notification->Event,
        &GUID_DEVICE_INTERFACE_ARRIVAL
        ))
  {
    Arrived =
      KeQueryActiveProcessorCount(
        &ActiveProcessors
        );
  }

  return STATUS_SUCCESS;
}

NTSTATUS
  GuideMemoryArrival(
    IN PVOID NotificationStructure,
    IN PVOID Context
    )
{
  PDEVICE_INTERFACE_CHANGE_NOTIFICATION Notification;

  Notification =
    (PDEVICE_INTERFACE_CHANGE_NOTIFICATION)
      NotificationStructure;

  if (IsEqualGUID(
        &Notification->Event,
        &GUID_DEVICE_INTERFACE_ARRIVAL
        ))
  {
    BufferSize *= 2;
  }

  return STATUS_SUCCESS;
}

NTSTATUS  GuideDriverEntry(
    PDRIVER_OBJECT DriverObject,
    PUNICODE_STRING RegistryPath
    )
{
  NTSTATUS Status;

  UNREFERENCED_PARAMETER(RegistryPath);
  DriverObject->DriverUnload = GuideUnload;
  BufferSize = 4096;
  GuideCallbackStatus = STATUS_SUCCESS;

  GuideRegistration =
    KeRegisterProcessorChangeCallback(
      GuideProcessorChange,
      &GuideCallbackStatus,
      KE_PROCESSOR_CHANGE_ADD_EXISTING
      );
  if (GuideRegistration == NULL)
  {
    if (GuideCallbackStatus != STATUS_SUCCESS)
    {
      return GuideCallbackStatus;
    }
    else
    {
      return STATUS_UNSUCCESSFUL;
    }
  }

  Status =
    IoRegisterPlugPlayNotification(
      EventCategoryDeviceInterfaceChange,
      0,
      &GUID_DEVICE_PROCESSOR,
      DriverObject,
      GuideProcessorArrival,
      NULL,
      &GuideProcessorEntry
      );
  if (!NT_SUCCESS(Status))
  {
    return Status;
  }
  return
    IoRegisterPlugPlayNotification(
      EventCategoryDeviceInterfaceChange,
      0,
      &GUID_DEVICE_MEMORY,
      DriverObject,
      GuideMemoryArrival,
      NULL,
      &GuideMemoryEntry
      );
}

VOID
  GuideUnload(
    IN PDRIVER_OBJECT DriverObject
    )
{
  ULONG i;

  UNREFERENCED_PARAMETER(DriverObject);
  IoUnregisterPlugPlayNotification(
    GuideProcessorEntry
    );
  IoUnregisterPlugPlayNotification(
    GuideMemoryEntry
    );
  KeDeregisterProcessorChangeCallback(
    GuideRegistration
    );
  for (i = 0; i < GUIDE_PROCESSORS; i++)
  {
    if (PerProcessor[i] != NULL)
    {
      ExFreePoolWithTag(PerProcessor[i], GUIDE_TAG);
      PerProcessor[i] = NULL;
    }
  }
}

VOID GuideSetLimit(ULONG Count) { Limit = Count; }
ULONG GuideShares(VOID) { return ReadULongNoFence(&Shares); }
ULONG GuideArrived(VOID) { return ReadULongNoFence(&Arrived); }
ULONG GuideBufferSize(VOID) { return ReadULongNoFence(&BufferSize); }
