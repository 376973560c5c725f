/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two callbacks in the older style, with IN and OUT and the misspelt type that is in circulation.
 */
#include <dhp/wdk.h>

#include "hot_add.h"

#define EXAMPLE_TAG 'lpxE'

typedef struct _EXAMPLE_CONTEXT {
	NTSTATUS CallbackStatus;
	ULONG Processors;
	LONG volatile Arrivals;
	PVOID Buffers[64];
} EXAMPLE_CONTEXT, *PEXAMPLE_CONTEXT;

static EXAMPLE_CONTEXT Context;
static PVOID CallbackHandle;
static PVOID NotificationEntry;

VOID
  ExampleProcessorCallback(
    IN PVOID CallbackContext,
    IN PKE_PROCESSOR_CHANGE_NOTIFICATION_CONTEXT ChangeContext,
    IN OUT PNTSTATUS OperationStatus
    );

NTSTATUS
  ExampleInterfaceCallback(
    IN PVOID NotificationStructure,
    IN PVOID CallbackContext
    );

VOID
  ExampleProcessorCallback(
    IN PVOID CallbackContext,
    IN PKE_PROCESSOR_CHANGE_NOTIFICATION_CONTEXT ChangeContext,
    IN OUT PNTSTATUS OperationStatus
    )
{
    PEXAMPLE_CONTEXT Example = (PEXAMPLE_CONTEXT)CallbackContext;
    ULONG Number = ChangeContext->NtNumber;

    switch (ChangeContext->State)
    {
        case KeProcessorAddStartNotify:
            // Get ready for the processor, before anything runs on it
            Example->Buffers[Number % 64] = ExAllocatePoolWithTag(NonPagedPool, 256, EXAMPLE_TAG);
            if (Example->Buffers[Number % 64] == NULL)
            {
                Example->CallbackStatus = STATUS_INSUFFICIENT_RESOURCES;
                *OperationStatus = Example->CallbackStatus;
            }
            break;

        case KeProcessorAddCompleteNotify:
            Example->Processors += 1;
            break;

        case KeProcessorAddFailureNotify:
            if (Example->Buffers[Number % 64] != NULL)
            {
                ExFreePoolWithTag(Example->Buffers[Number % 64], EXAMPLE_TAG);
                Example->Buffers[Number % 64] = NULL;
            }
            break;
    }
}

NTSTATUS
  ExampleInterfaceCallback(
    IN PVOID NotificationStructure,
    IN PVOID CallbackContext
    )
{
    PDEVICE_INTERFACE_CHANGE_NOTIFICATION Notification;
    PEXAMPLE_CONTEXT Example = (PEXAMPLE_CONTEXT)CallbackContext;

    Notification = (PDEVICE_INTERFACE_CHANGE_NOTIFICATION)NotificationStructure;
    if (IsEqualGUID(&Notification->InterfaceClassGuid, &GUID_DEVICE_PROCESSOR) &&
        IsEqualGUID(&Notification->Event, &GUID_DEVICE_INTERFACE_ARRIVAL))
    {
        InterlockedIncrement(&Example->Arrivals);
    }
    return STATUS_SUCCESS;
}

NTSTATUS OldStyleStart(OUT PULONG Seen OPTIONAL)
{
    NTSTATUS Status;

    RtlZeroMemory(&Context, sizeof(Context));
    CallbackHandle = KeRegisterProcessorChangeCallback(
        ExampleProcessorCallback, &Context, KE_PROCESSOR_CHANGE_ADD_EXISTING);
    if (CallbackHandle == NULL)
    {
        return Context.CallbackStatus;
    }
    Status = IoRegisterPlugPlayNotification(
        EventCategoryDeviceInterfaceChange,
        0,
        (PVOID)&GUID_DEVICE_PROCESSOR,
        NULL,
        ExampleInterfaceCallback,
        (PVOID)&Context,
        &NotificationEntry);
    if (Seen != NULL)
    {
        *Seen = Context.Processors;
    }
    return Status;
}

VOID OldStyleStop(VOID)
{
    ULONG i;

    IoUnregisterPlugPlayNotificationEx(NotificationEntry);
    KeDeregisterProcessorChangeCallback(CallbackHandle);
    for (i = 0; i < 64; i++)
    {
        if (Context.Buffers[i] != NULL)
        {
            ExFreePoolWithTag(Context.Buffers[i], EXAMPLE_TAG);
        }
    }
}

ULONG OldStyleProcessors(void)
{
    return Context.Processors;
}

LONG OldStyleArrivals(void)
{
    return InterlockedIncrement(&Context.Arrivals) - 1;
}
