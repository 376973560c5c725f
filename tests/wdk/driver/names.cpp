// SPDX-License-Identifier: BSD-2-Clause
//
// A driver in C++, and the values of every name in that language. Headers of the library's come after ours on purpose:
// no macro of ours may upset them.
#include "../values.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "hot_add.h"

struct _DEVICE_OBJECT {
	KDPC Dpc;
};

namespace {

PROCESSOR_CALLBACK_FUNCTION Changed;
KDEFERRED_ROUTINE Deferred;
DRIVER_NOTIFICATION_CALLBACK_ROUTINE Arrived;

struct Driver {
	KDPC Dpc;
	ULONG Starts;
	ULONG Completes;
	LONG volatile Runs;
	LONG volatile Arrivals;
};

VOID Changed(PVOID Context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT Change, PNTSTATUS)
{
	Driver *Me = static_cast<Driver *>(Context);

	if (Change->State == KeProcessorAddStartNotify)
		Me->Starts++;
	if (Change->State == KeProcessorAddCompleteNotify)
		Me->Completes++;
}

VOID Deferred(struct _KDPC *, PVOID Context, PVOID, PVOID)
{
	InterlockedIncrement(&static_cast<Driver *>(Context)->Runs);
}

IO_DPC_ROUTINE ForDevice;
CALLBACK_FUNCTION Called;

VOID ForDevice(PKDPC, PDEVICE_OBJECT, PIRP, PVOID Context)
{
	InterlockedIncrement(static_cast<LONG volatile *>(Context));
}

VOID Called(PVOID Context, PVOID Argument1, PVOID)
{
	*static_cast<PVOID *>(Context) = Argument1;
}

int NewerNames()
{
	_DEVICE_OBJECT Device;
	PCALLBACK_OBJECT Object = nullptr;
	OBJECT_ATTRIBUTES Attributes;
	PVOID Heard = nullptr;
	LONG volatile Runs = 0;
	BOOL State = FALSE;

	InitializeObjectAttributes(&Attributes, nullptr, 0, nullptr, nullptr);
	if (!NT_SUCCESS(ExCreateCallback(&Object, &Attributes, TRUE, TRUE)))
		return 11;
	PVOID Handle = ExRegisterCallback(Object, Called, &Heard);
	ExNotifyCallback(Object, &Device, nullptr);
	ExUnregisterCallback(Handle);
	ObDereferenceObject(Object);
	if (Heard != &Device)
		return 12;
	IoInitializeDpcRequest(&Device, ForDevice);
	IoRequestDpc(&Device, nullptr, const_cast<LONG *>(&Runs));
	KeFlushQueuedDpcs();
	if (InterlockedDecrement(&Runs) != 0)
		return 13;
	if (QueryMemoryResourceNotification(nullptr, &State) || GetLastError() != ERROR_INVALID_HANDLE)
		return 14;
	HANDLE Low = CreateMemoryResourceNotification(LowMemoryResourceNotification);
	if (Low != nullptr && (!QueryMemoryResourceNotification(Low, &State) || !NT_SUCCESS(ZwClose(Low))))
		return 15;
	return 0;
}

NTSTATUS Arrived(PVOID Structure, PVOID Context)
{
	PDEVICE_INTERFACE_CHANGE_NOTIFICATION Notification = static_cast<PDEVICE_INTERFACE_CHANGE_NOTIFICATION>(Structure);

	if (IsEqualGUID(Notification->Event, GUID_DEVICE_INTERFACE_ARRIVAL))
		InterlockedIncrement(&static_cast<Driver *>(Context)->Arrivals);
	return STATUS_SUCCESS;
}

struct __declspec(align(64)) Aligned {
	char Byte;
};
C_ASSERT(alignof(Aligned) == 64);

} // namespace

int NamesInCxx(void)
{
	Driver Me = {};
	GUID Class = GUID_DEVICE_PROCESSOR;
	PVOID Entry = nullptr;
	uint64_t Stamp = 0;
	KIRQL Old;

	PVOID Handle = KeRegisterProcessorChangeCallback(Changed, &Me, KE_PROCESSOR_CHANGE_ADD_EXISTING);
	if (Handle == nullptr)
		return 1;
	if (!NT_SUCCESS(IoRegisterPlugPlayNotification(EventCategoryDeviceInterfaceChange,
						       PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES, &Class,
						       nullptr, Arrived, &Me, &Entry)))
		return 2;
	KeInitializeDpc(&Me.Dpc, Deferred, &Me);
	if (!KeInsertQueueDpc(&Me.Dpc, nullptr, nullptr))
		return 3;
	KeFlushQueuedDpcs();
	KeRaiseIrql(DISPATCH_LEVEL, &Old);
	KeLowerIrql(Old);
	MemoryBarrier();

	KTIMER Timer;
	LARGE_INTEGER Due;
	KeInitializeTimerEx(&Timer, SynchronizationTimer);
	Due.QuadPart = -10;
	KeSetTimer(&Timer, Due, nullptr);
	if (KeWaitForSingleObject(&Timer, Executive, KernelMode, FALSE, nullptr) != STATUS_SUCCESS)
		return 6;
	EX_RUNDOWN_REF Ref;
	ExInitializeRundownProtection(&Ref);
	ExWaitForRundownProtectionRelease(&Ref);
	if (ExAcquireRundownProtection(&Ref))
		return 7;
	GROUP_AFFINITY Affinity = {}, Previous;
	Affinity.Mask = AFFINITY_MASK(0);
	KeSetSystemGroupAffinityThread(&Affinity, &Previous);
	KeRevertToUserGroupAffinityThread(&Previous);
	ULONG Length = 0;
	if (KeQueryLogicalProcessorRelationship(nullptr, RelationGroup, nullptr, &Length) != STATUS_INFO_LENGTH_MISMATCH)
		return 8;
	if (!IsEqualGUID(&Class, &GUID_DEVICE_PROCESSOR))
		return 9;
	(void)KeQueryUnbiasedInterruptTimePrecise(&Stamp);
	IoUnregisterPlugPlayNotificationEx(Entry);
	KeDeregisterProcessorChangeCallback(Handle);

	const int Newer = NewerNames();
	if (Newer != 0)
		return Newer;
	const ULONG Count = KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS);
	if (std::min(Me.Starts, Me.Completes) != Count || std::max<LONG>(InterlockedIncrement(&Me.Runs) - 1, 0) != 1)
		return 4;
	return static_cast<ULONG>(InterlockedIncrement(&Me.Arrivals) - 1) == Count ? 0 : 5;
}
