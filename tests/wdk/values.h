/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * values.h - what the names are worth, said at compile time, in C and in C++.
 */
#ifndef TESTS_WDK_VALUES_H
#define TESTS_WDK_VALUES_H

#include <dhp/wdk.h>

#ifdef __cplusplus
#include <type_traits>
#define SAME(a, b) C_ASSERT((std::is_same<a, b>::value))
#else
#define SAME(a, b) C_ASSERT(_Generic((a *)0, b *: 1, default: 0))
#endif

/* exact widths; the 64-bit types are those of stdint.h */
SAME(LONG64, int64_t);
SAME(LONGLONG, int64_t);
SAME(INT64, int64_t);
SAME(ULONG64, uint64_t);
SAME(ULONGLONG, uint64_t);
SAME(UINT64, uint64_t);
SAME(WCHAR, wchar_t);
SAME(NTSTATUS, LONG);
SAME(KIRQL, UCHAR);
SAME(KPRIORITY, LONG);
SAME(ACCESS_MASK, ULONG);
SAME(PVOID, void *);
SAME(HANDLE, void *);
SAME(CCHAR, signed char);
C_ASSERT(sizeof(CHAR) == 1 && sizeof(UCHAR) == 1 && sizeof(BOOLEAN) == 1);
C_ASSERT(sizeof(SHORT) == 2 && sizeof(USHORT) == 2);
C_ASSERT(sizeof(LONG) == 4 && sizeof(ULONG) == 4 && sizeof(INT32) == 4 && sizeof(UINT32) == 4);
C_ASSERT(sizeof(LONG_PTR) == sizeof(void *) && sizeof(ULONG_PTR) == sizeof(void *));
C_ASSERT(sizeof(SIZE_T) == sizeof(void *) && sizeof(SSIZE_T) == sizeof(void *));
C_ASSERT((LONG)-1 < 0 && (ULONG)-1 > 0 && (CCHAR)-1 < 0 && (SSIZE_T)-1 < 0 && (SIZE_T)-1 > 0);
C_ASSERT(TRUE == 1 && FALSE == 0 && MAXINT64 == INT64_MAX);

/* layouts */
C_ASSERT(sizeof(LARGE_INTEGER) == 8 && sizeof(PHYSICAL_ADDRESS) == 8);
C_ASSERT(offsetof(LARGE_INTEGER, HighPart) == 4 && offsetof(LARGE_INTEGER, u.HighPart) == 4);
C_ASSERT(sizeof(GUID) == 16 && offsetof(GUID, Data4) == 8);
C_ASSERT(offsetof(LIST_ENTRY, Flink) == 0 && offsetof(LIST_ENTRY, Blink) == sizeof(void *));
C_ASSERT(offsetof(UNICODE_STRING, MaximumLength) == 2 && offsetof(UNICODE_STRING, Buffer) == sizeof(void *));
C_ASSERT(sizeof(PROCESSOR_NUMBER) == 4 && offsetof(PROCESSOR_NUMBER, Number) == 2); /* S-535 */
C_ASSERT(offsetof(PROCESSOR_NUMBER, Reserved) == 3);
C_ASSERT(sizeof(KAFFINITY) == sizeof(void *)); /* S-519 */
C_ASSERT(offsetof(GROUP_AFFINITY, Group) == sizeof(KAFFINITY)); /* S-520 */
C_ASSERT(offsetof(GROUP_AFFINITY, Reserved) == sizeof(KAFFINITY) + 2 && sizeof(GROUP_AFFINITY) == sizeof(KAFFINITY) + 8);
/* S-165 */
C_ASSERT(sizeof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT) == 16);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, State) == 0);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, NtNumber) == 4);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, Status) == 8);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, ProcNumber) == 12);
/* S-221 */
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, Version) == 0);
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, Size) == 2);
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, Event) == 4);
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, InterfaceClassGuid) == 20);
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, SymbolicLinkName) == 40);

/* status codes: numbers, and the type */
#define IS_STATUS(name, value) C_ASSERT((uint32_t)(name) == (value) && sizeof(name) == sizeof(NTSTATUS))
IS_STATUS(STATUS_SUCCESS, 0u);
IS_STATUS(STATUS_TIMEOUT, 0x102u);
IS_STATUS(STATUS_OBJECT_NAME_EXISTS, 0x40000000u);
IS_STATUS(STATUS_BUFFER_OVERFLOW, 0x80000005u);
IS_STATUS(STATUS_UNSUCCESSFUL, 0xC0000001u);
IS_STATUS(STATUS_INVALID_PARAMETER, 0xC000000Du);
IS_STATUS(STATUS_NO_MEMORY, 0xC0000017u);
IS_STATUS(STATUS_OBJECT_NAME_NOT_FOUND, 0xC0000034u);
IS_STATUS(STATUS_INSUFFICIENT_RESOURCES, 0xC000009Au);
IS_STATUS(STATUS_DEVICE_NOT_READY, 0xC00000A3u);
IS_STATUS(STATUS_INVALID_DEVICE_STATE, 0xC0000184u);
IS_STATUS(STATUS_OBJECTID_EXISTS, 0xC000022Bu);
IS_STATUS(STATUS_PENDING, 0x103u);
IS_STATUS(STATUS_RESOURCE_REQUIREMENTS_CHANGED, 0x119u);
IS_STATUS(STATUS_DEVICE_BUSY, 0x80000011u);
IS_STATUS(STATUS_NO_WORK_DONE, 0x80000032u); /* S-805 */
IS_STATUS(STATUS_INFO_LENGTH_MISMATCH, 0xC0000004u); /* S-555 */
IS_STATUS(STATUS_INVALID_HANDLE, 0xC0000008u);
IS_STATUS(STATUS_NO_SUCH_DEVICE, 0xC000000Eu);
IS_STATUS(STATUS_BUFFER_TOO_SMALL, 0xC0000023u);
IS_STATUS(STATUS_OBJECT_TYPE_MISMATCH, 0xC0000024u);
IS_STATUS(STATUS_DELETE_PENDING, 0xC0000056u);
IS_STATUS(STATUS_OBJECT_PATH_SYNTAX_BAD, 0xC000003Bu);
IS_STATUS(STATUS_NOT_SUPPORTED, 0xC00000BBu);
IS_STATUS(STATUS_INVALID_PARAMETER_4, 0xC00000F2u); /* S-703 */
IS_STATUS(STATUS_INVALID_PARAMETER_5, 0xC00000F3u);
IS_STATUS(STATUS_CANCELLED, 0xC0000120u);
IS_STATUS(STATUS_IO_DEVICE_ERROR, 0xC0000185u);
/* S-043 */
C_ASSERT(NT_SUCCESS(STATUS_SUCCESS) && NT_SUCCESS(STATUS_TIMEOUT) && NT_SUCCESS(0x40000000));
C_ASSERT(!NT_SUCCESS(STATUS_BUFFER_OVERFLOW) && !NT_SUCCESS(STATUS_UNSUCCESSFUL) && !NT_SUCCESS(0xC0000001));

/* numbers */
C_ASSERT(ALL_PROCESSOR_GROUPS == 0xffff && INVALID_PROCESSOR_INDEX == 0xffffffff);
C_ASSERT(AFFINITY_MASK(63) == (KAFFINITY)1 << 63);
C_ASSERT(KeProcessorAddStartNotify == 0 && KeProcessorAddCompleteNotify == 1 && KeProcessorAddFailureNotify == 2);
#if !defined(KE_PROCESSOR_CHANGE_ADD_EXISTING) || KE_PROCESSOR_CHANGE_ADD_EXISTING != 1
#error "S-105: a macro, as drivers ask whether it is defined"
#endif
C_ASSERT(EventCategoryReserved == 0 && EventCategoryHardwareProfileChange == 1);
C_ASSERT(EventCategoryDeviceInterfaceChange == 2 && EventCategoryTargetDeviceChange == 3);
C_ASSERT(PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES == 1);
/* S-627 */
C_ASSERT(LowImportance == 0 && MediumImportance == 1 && HighImportance == 2 && MediumHighImportance == 3);
C_ASSERT(PASSIVE_LEVEL == 0 && APC_LEVEL == 1 && DISPATCH_LEVEL == 2);
C_ASSERT(LOW_REALTIME_PRIORITY == 16 && THREAD_ALL_ACCESS == 0x1FFFFF);
C_ASSERT(NotificationEvent == 0 && SynchronizationEvent == 1 && Executive == 0 && KernelMode == 0);
C_ASSERT(IO_NO_INCREMENT == 0 && EVENT_ALL_ACCESS == 0x1F0003);
C_ASSERT(NonPagedPool == 0 && PagedPool == 1 && NonPagedPoolNx == 512);
C_ASSERT(OBJ_KERNEL_HANDLE == 0x200 && OBJ_CASE_INSENSITIVE == 0x40 && OBJ_PERMANENT == 0x10);
C_ASSERT(CriticalWorkQueue == 0 && DelayedWorkQueue == 1);
/* S-415 */
C_ASSERT(IRP_MN_START_DEVICE == 0 && IRP_MN_STOP_DEVICE == 4 && IRP_MN_QUERY_STOP_DEVICE == 5);
C_ASSERT(IRP_MN_CANCEL_STOP_DEVICE == 6);
C_ASSERT(IRP_MN_REMOVE_DEVICE == 2 && IRP_MN_FILTER_RESOURCE_REQUIREMENTS == 0x0d);
C_ASSERT(IRP_MN_DEVICE_USAGE_NOTIFICATION == 0x16 && IRP_MN_SURPRISE_REMOVAL == 0x17);
C_ASSERT(NotificationTimer == 0 && SynchronizationTimer == 1);
C_ASSERT(EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL == 1 && EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE == 2);

/* relations of processors */
C_ASSERT(RelationProcessorCore == 0 && RelationNumaNode == 1 && RelationCache == 2 && RelationProcessorPackage == 3);
C_ASSERT(RelationGroup == 4 && RelationProcessorDie == 5 && RelationNumaNodeEx == 6 && RelationProcessorModule == 7);
C_ASSERT(RelationAll == 0xffff && LTP_PC_SMT == 1);
C_ASSERT(offsetof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX, Size) == 4);
C_ASSERT(offsetof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX, Processor) == 8);
C_ASSERT(offsetof(PROCESSOR_RELATIONSHIP, GroupCount) == 22 && offsetof(PROCESSOR_RELATIONSHIP, GroupMask) == 24);
C_ASSERT(offsetof(NUMA_NODE_RELATIONSHIP, GroupCount) == 22 && offsetof(NUMA_NODE_RELATIONSHIP, GroupMask) == 24);
C_ASSERT(offsetof(CACHE_RELATIONSHIP, CacheSize) == 4 && offsetof(CACHE_RELATIONSHIP, GroupMask) == 32);
C_ASSERT(offsetof(GROUP_RELATIONSHIP, GroupInfo) == 24);
C_ASSERT(offsetof(PROCESSOR_GROUP_INFO, ActiveProcessorMask) == 40 && sizeof(PROCESSOR_GROUP_INFO) == 48);
C_ASSERT(sizeof(KDPC_WATCHDOG_INFORMATION) == 20);
C_ASSERT(sizeof(EX_RUNDOWN_REF) == sizeof(PVOID));

/* stop codes */
C_ASSERT(DPC_WATCHDOG_VIOLATION == 0x133 && DYNAMIC_ADD_PROCESSOR_MISMATCH == 0x130);
C_ASSERT(PROCESSOR_START_TIMEOUT == 0x1df && TIMER_OR_DPC_INVALID == 0xc7);
/* S-312 */
C_ASSERT(LowMemoryResourceNotification == 0 && HighMemoryResourceNotification == 1 && sizeof(BOOL) == 4);
C_ASSERT(ERROR_INVALID_HANDLE == 6 && ERROR_NOT_READY == 21 && ERROR_BAD_COMMAND == 22 && ERROR_NOT_SUPPORTED == 50);
C_ASSERT(ERROR_INVALID_PARAMETER == 87 && ERROR_NO_SYSTEM_RESOURCES == 1450);

#endif
