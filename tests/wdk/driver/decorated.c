/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver's routines as the newer headers decorate them: every decoration, and the types that are seldom met, in the places
 * where they stand in drivers.
 */
#include <dhp/wdk.h>

#include "hot_add.h"

typedef struct _ENTRY {
	SINGLE_LIST_ENTRY Link;
	UCHAR Name[8];
} ENTRY, *PENTRY;

typedef struct _DEVICE_OBJECT {
	PDRIVER_OBJECT DriverObject;
	ENTRY First;
	PSINGLE_LIST_ENTRY Head;
	KSPIN_LOCK Lock;
	EX_PUSH_LOCK Push;
	KDPC Dpc;
	PIO_WORKITEM Item;
	KEVENT Done;
	LONG volatile Runs;
} DECORATED;

static DEVICE_OBJECT Device;

static __forceinline VOID
PushEntry(_Inout_ PSINGLE_LIST_ENTRY *Head, _Inout_ PSINGLE_LIST_ENTRY Link)
{
	Link->Next = *Head;
	*Head = Link;
}

_IRQL_requires_max_(DISPATCH_LEVEL)
_IRQL_requires_same_
_Must_inspect_result_
_Ret_range_(0, 8)
static ULONG NTAPI
CopyName(_Out_ PUCHAR To, _In_z_ PCHAR From, _Inout_opt_ PKAFFINITY Mask, _In_opt_ LPGUID Class)
{
	ULONG Length = 0;

	while (Length < 7 && From[Length] != '\0') {
		To[Length] = (UCHAR)From[Length];
		Length++;
	}
	To[Length] = 0;
	if (Mask != NULL) {
		*Mask |= AFFINITY_MASK(Length);
	}
	if (Class != NULL && !IsEqualGUID(Class, &GUID_DEVICE_MEMORY)) {
		Length = 0;
	}
	return Length;
}

_Acquires_exclusive_lock_(&Device.Push)
static VOID
Lock(VOID)
{
	ExAcquirePushLockExclusive(&Device.Push);
}

_Releases_exclusive_lock_(&Device.Push)
static VOID
Unlock(VOID)
{
	ExReleasePushLockExclusive(&Device.Push);
}

_Acquires_shared_lock_(&Device.Push)
static VOID
LockShared(VOID)
{
	ExAcquirePushLockShared(&Device.Push);
}

_Releases_shared_lock_(&Device.Push)
static VOID
UnlockShared(VOID)
{
	ExReleasePushLockShared(&Device.Push);
}

_When_((PoolType & PagedPool) != 0, _IRQL_requires_max_(APC_LEVEL))
_Ret_writes_maybenull_(Count)
__drv_allocatesMem(Mem)
static PWSTR
AllocateText(_In_ POOL_TYPE PoolType, _In_ SIZE_T Count)
{
	return (PWSTR)ExAllocatePoolZero(PoolType, Count * sizeof(WCHAR), 'txeT');
}

static VOID
FreeText(_Frees_ptr_opt_ _Writable_elements_(Count) PWCHAR Text)
{
	if (Text != NULL) {
		ExFreePoolWithTag(Text, 'txeT');
	}
}

/* A DPC is at DISPATCH_LEVEL already: the forms that do not raise. */
_Function_class_(KDEFERRED_ROUTINE)
_IRQL_requires_min_(DISPATCH_LEVEL)
_IRQL_requires_(DISPATCH_LEVEL)
static VOID
DecoratedDpc(PRKDPC Dpc, PVOID Context, PVOID Argument1, PVOID Argument2)
{
	PDEVICE_OBJECT Object = (PDEVICE_OBJECT)Context;

	UNREFERENCED_PARAMETER(Dpc);
	UNREFERENCED_PARAMETER(Argument1);
	UNREFERENCED_PARAMETER(Argument2);
	KeAcquireSpinLockAtDpcLevel(&Object->Lock);
	Object->Runs++;
	KeReleaseSpinLockFromDpcLevel(&Object->Lock);
}

static VOID
DecoratedItem(PVOID IoObject, PVOID Context, PIO_WORKITEM IoWorkItem)
{
	PDEVICE_OBJECT Object = (PDEVICE_OBJECT)IoObject;
	KIRQL Old;

	PAGED_CODE()

	if (IoWorkItem == Object->Item && Context == Object) {
		KeAcquireSpinLock(&Object->Lock, &Old);
		Object->Runs++;
		KeReleaseSpinLock(&Object->Lock, Old);
	}
	KeSetEvent(&Object->Done, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS
Close(IN PHANDLE Handle OPTIONAL)
{
	return Handle == NULL ? STATUS_INVALID_PARAMETER : ZwClose(*Handle);
}

/* The size of an IO_WORKITEM is asked for: IO_WORKITEM itself is opaque. */
static IO_WORKITEM *
MakeItem(VOID)
{
	PIO_WORKITEM Item = (PIO_WORKITEM)ExAllocatePoolZero(NonPagedPoolNx, IoSizeofWorkItem(), 'metI');

	if (Item != NULL) {
		IoInitializeWorkItem(&Device, Item);
	}
	return Item;
}

int Decorated(void)
{
	IO_NOTIFICATION_EVENT_CATEGORY Category = EventCategoryDeviceInterfaceChange;
	KAFFINITY Mask = 0;
	GUID Class = GUID_DEVICE_MEMORY;
	CHAR Name[] = "memory";
	HANDLE Handle = &Device;
	PVOID Entry;
	PWSTR Text;

	RtlZeroMemory(&Device, sizeof(Device));
	PushEntry(&Device.Head, &Device.First.Link);
	if (CONTAINING_RECORD(Device.Head, ENTRY, Link) != &Device.First) {
		return 1;
	}
	if (CopyName(Device.First.Name, Name, &Mask, &Class) != 6 || Mask != AFFINITY_MASK(6)) {
		return 2;
	}
	ExInitializePushLock(&Device.Push);
	Lock();
	Unlock();
	LockShared();
	UnlockShared();
	Text = AllocateText(PagedPool, 16);
	if (Text == NULL || Text[15] != 0) {
		return 3;
	}
	FreeText(Text);
	FreeText(NULL);

	KeInitializeSpinLock(&Device.Lock);
	KeInitializeEvent(&Device.Done, NotificationEvent, FALSE);
	KeInitializeDpc(&Device.Dpc, DecoratedDpc, &Device);
	KeInsertQueueDpc(&Device.Dpc, NULL, NULL);
	KeFlushQueuedDpcs();
	Device.Item = MakeItem();
	if (Device.Item == NULL) {
		return 4;
	}
	IoQueueWorkItemEx(Device.Item, DecoratedItem, DelayedWorkQueue, &Device);
	KeWaitForSingleObject(&Device.Done, Executive, KernelMode, FALSE, NULL);
	IoUninitializeWorkItem(Device.Item);
	ExFreePoolWithTag(Device.Item, 'metI');
	if (Device.Runs != 2) {
		return 5;
	}
	if (Close(NULL) != STATUS_INVALID_PARAMETER || Close(&Handle) != STATUS_INVALID_HANDLE) {
		return 6;
	}
	if (IoRegisterPlugPlayNotification(Category, 0, &Class, NULL, NULL, NULL, &Entry) != STATUS_INVALID_PARAMETER) {
		return 7;
	}
	return 0;
}
