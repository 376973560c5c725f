/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wdk.h - the names that Windows drivers use for all this, so that their hot-add code compiles unchanged and runs here.
 *
 * A process is bound to an engine by dhp_wdk_bind before its "driver entry": Windows has one partition and its routines
 * take no handle to it. Routines keep the contract of the native call that they stand for, and the documented one; where
 * a text below says little, that is because the documentation says it. Levels are modelled: DISPATCH_LEVEL is a DPC
 * routine or whoever raised itself (S-040).
 *
 * What the header asks of a driver: 64-bit pointers, a wchar_t of four bytes (no -fshort-wchar), and nothing else. It includes only
 * headers of the compiler and of this library: a driver may have an "assert.h" of its own. KeNumberProcessors is left
 * undeclared: the documentation forbids its use, and eight bits with a fixed view cannot follow an arrival (S-507).
 *
 * Left out: interrupts (IoConnectInterruptEx and what belongs to it, IRQ_DEVICE_POLICY), as a process has none, the forms of
 * an application's registration (RegisterDeviceNotification, WM_DEVICECHANGE, CM_Register_Notification), as a driver has no use
 * for them, and IoRegisterDeviceInterface: the only interfaces are those of processors and memory. Stop codes are numbers only.
 */
#ifndef DHP_WDK_H
#define DHP_WDK_H

#include <dhp/base.h>
#include <dhp/rundown.h>
#include <dhp/timer.h>
#include <dhp/work.h>

#if UINTPTR_MAX < 0xffffffffffffffff
#error "dhp/wdk.h is for 64-bit programs: its layouts are those of 64-bit Windows"
#endif

struct dhp_engine;

/* ---- base types: 64-bit types are those of stdint.h, LONG has 32 bits everywhere ---- */

#ifndef VOID
#define VOID void
#endif
typedef void *PVOID;
typedef void *HANDLE;
typedef HANDLE *PHANDLE;
typedef char CHAR;
typedef char *PCHAR;
typedef const char *PCSTR;
typedef signed char CCHAR;
typedef uint8_t UCHAR;
typedef uint8_t *PUCHAR;
typedef UCHAR BOOLEAN;
typedef BOOLEAN *PBOOLEAN;
typedef int BOOL;
typedef BOOL *PBOOL;
typedef uint32_t LOGICAL;
typedef int16_t SHORT;
typedef uint16_t USHORT;
typedef uint16_t *PUSHORT;
typedef int32_t LONG;
typedef int32_t *PLONG;
typedef uint32_t ULONG;
typedef uint32_t *PULONG;
typedef int32_t INT32;
typedef uint32_t UINT32;
typedef int64_t LONGLONG;
typedef int64_t LONG64;
typedef int64_t *PLONG64;
typedef int64_t INT64;
typedef uint64_t ULONGLONG;
typedef uint64_t ULONG64;
typedef uint64_t *PULONG64;
typedef uint64_t UINT64;
typedef intptr_t LONG_PTR;
typedef uintptr_t ULONG_PTR;
typedef uintptr_t SIZE_T;
typedef SIZE_T *PSIZE_T;
typedef intptr_t SSIZE_T;
typedef wchar_t WCHAR;
typedef wchar_t *PWCHAR;
typedef wchar_t *PWSTR;
typedef const wchar_t *PCWSTR;
typedef LONG NTSTATUS;
typedef NTSTATUS *PNTSTATUS;
typedef UCHAR KIRQL;
typedef KIRQL *PKIRQL;
typedef LONG KPRIORITY;
typedef ULONG ACCESS_MASK;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif
#ifndef MAXINT64
#define MAXINT64 INT64_MAX
#endif

typedef union _LARGE_INTEGER {
	__extension__ struct {
		uint32_t LowPart;
		int32_t HighPart;
	};
	struct {
		uint32_t LowPart;
		int32_t HighPart;
	} u;
	int64_t QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef LARGE_INTEGER PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef struct _GUID {
	uint32_t Data1;
	uint16_t Data2;
	uint16_t Data3;
	uint8_t Data4[8];
} GUID, *LPGUID;
typedef const GUID *LPCGUID;

typedef struct _LIST_ENTRY {
	struct _LIST_ENTRY *Flink;
	struct _LIST_ENTRY *Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
	struct _SINGLE_LIST_ENTRY *Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

/* Lengths are in bytes, without the terminator. */
typedef struct _UNICODE_STRING {
	USHORT Length;
	USHORT MaximumLength;
	PWCHAR Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;

/* ---- decoration ---- */

#define IN
#define OUT
#define OPTIONAL
#define NTAPI
#define _In_
#define _In_opt_
#define _Out_
#define _Out_opt_
#define _Inout_
#define _Inout_opt_
#define _In_z_
#define _Must_inspect_result_
#define _Use_decl_annotations_
#define _Function_class_(t)
#define _IRQL_requires_(n)
#define _IRQL_requires_max_(n)
#define _IRQL_requires_min_(n)
#define _IRQL_requires_same_
#define _When_(a, b)
#define _Ret_range_(a, b)
#define _Ret_writes_maybenull_(n)
#define _Frees_ptr_opt_
#define _Writable_elements_(n)
#define __drv_allocatesMem(t)
#define _Acquires_exclusive_lock_(l)
#define _Releases_exclusive_lock_(l)
#define _Acquires_shared_lock_(l)
#define _Releases_shared_lock_(l)

/* Without "static": drivers write that themselves. */
#define FORCEINLINE inline __attribute__((always_inline))
#ifndef __forceinline
#define __forceinline FORCEINLINE
#endif

#ifndef __declspec
#define __declspec(x) dhp_wdk_declspec_##x
#endif
#define dhp_wdk_declspec_align(n) __attribute__((aligned(n)))
#define dhp_wdk_declspec_dllexport __attribute__((visibility("default")))
#define dhp_wdk_declspec_noreturn __attribute__((noreturn))

#define UNREFERENCED_PARAMETER(p) ((void)(p))
#define CONTAINING_RECORD(address, type, field) ((type *)((ULONG_PTR)(address) - offsetof(type, field)))

#ifdef __cplusplus
#define C_ASSERT(e) static_assert((e), #e)
#else
#define C_ASSERT(e) _Static_assert((e), #e)
#endif

#define DHP_WDK_TEXT_2(x) #x
#define DHP_WDK_TEXT(x) DHP_WDK_TEXT_2(x)
#define DHP_WDK_HERE __FILE__ ":" DHP_WDK_TEXT(__LINE__)

#ifndef ASSERT
#define ASSERT(e) ((e) ? (void)0 : dhp_wdk_assert_failed(DHP_WDK_HERE, #e))
#endif
/* Brings its own semicolon. */
#define PAGED_CODE() dhp_wdk_paged_code(DHP_WDK_HERE);

#ifndef __cplusplus
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#endif
#ifndef max
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#endif

C_ASSERT(sizeof(L"") == 4); /* -fshort-wchar makes strings that the library cannot read */

/* ---- status codes ---- */

#define NT_SUCCESS(s) ((NTSTATUS)(s) >= 0)
#define STATUS_SUCCESS ((NTSTATUS)0x00000000)
#define STATUS_TIMEOUT ((NTSTATUS)0x00000102)
#define STATUS_PENDING ((NTSTATUS)0x00000103)
#define STATUS_RESOURCE_REQUIREMENTS_CHANGED ((NTSTATUS)0x00000119)
#define STATUS_OBJECT_NAME_EXISTS ((NTSTATUS)0x40000000)
#define STATUS_BUFFER_OVERFLOW ((NTSTATUS)0x80000005)
#define STATUS_DEVICE_BUSY ((NTSTATUS)0x80000011)
#define STATUS_NO_WORK_DONE ((NTSTATUS)0x80000032)
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001)
#define STATUS_INFO_LENGTH_MISMATCH ((NTSTATUS)0xC0000004)
#define STATUS_INVALID_HANDLE ((NTSTATUS)0xC0000008)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_NO_SUCH_DEVICE ((NTSTATUS)0xC000000E)
#define STATUS_NO_MEMORY ((NTSTATUS)0xC0000017)
#define STATUS_BUFFER_TOO_SMALL ((NTSTATUS)0xC0000023)
#define STATUS_OBJECT_TYPE_MISMATCH ((NTSTATUS)0xC0000024)
#define STATUS_OBJECT_NAME_NOT_FOUND ((NTSTATUS)0xC0000034)
#define STATUS_OBJECT_PATH_SYNTAX_BAD ((NTSTATUS)0xC000003B)
#define STATUS_DELETE_PENDING ((NTSTATUS)0xC0000056)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define STATUS_DEVICE_NOT_READY ((NTSTATUS)0xC00000A3)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#define STATUS_INVALID_PARAMETER_4 ((NTSTATUS)0xC00000F2)
#define STATUS_INVALID_PARAMETER_5 ((NTSTATUS)0xC00000F3)
#define STATUS_CANCELLED ((NTSTATUS)0xC0000120)
#define STATUS_INVALID_DEVICE_STATE ((NTSTATUS)0xC0000184)
#define STATUS_IO_DEVICE_ERROR ((NTSTATUS)0xC0000185)
#define STATUS_OBJECTID_EXISTS ((NTSTATUS)0xC000022B)

/* Stop codes: what a system would stop with. Nothing here does. */
#define TIMER_OR_DPC_INVALID 0x000000C7u
#define DYNAMIC_ADD_PROCESSOR_MISMATCH 0x00000130u
#define DPC_WATCHDOG_VIOLATION 0x00000133u
#define PROCESSOR_START_TIMEOUT 0x000001DFu

/* What GetLastError gives. */
#define ERROR_INVALID_HANDLE 6u
#define ERROR_NOT_READY 21u
#define ERROR_BAD_COMMAND 22u
#define ERROR_NOT_SUPPORTED 50u
#define ERROR_INVALID_PARAMETER 87u
#define ERROR_NO_SYSTEM_RESOURCES 1450u

/* ---- processors ---- */

typedef ULONG_PTR KAFFINITY;
typedef KAFFINITY *PKAFFINITY;

typedef struct _PROCESSOR_NUMBER {
	USHORT Group;
	UCHAR Number;
	UCHAR Reserved;
} PROCESSOR_NUMBER, *PPROCESSOR_NUMBER;

typedef struct _GROUP_AFFINITY {
	KAFFINITY Mask;
	USHORT Group;
	USHORT Reserved[3];
} GROUP_AFFINITY, *PGROUP_AFFINITY;

/* Count: groups described; Size: groups there is room for. */
#define DHP_WDK_GROUPS 32
typedef struct _KAFFINITY_EX {
	USHORT Count;
	USHORT Size;
	ULONG Reserved;
	__extension__ union {
		ULONG_PTR Bitmap[1];
		ULONG_PTR StaticBitmap[DHP_WDK_GROUPS];
	};
} KAFFINITY_EX, *PKAFFINITY_EX;

#define ALL_PROCESSOR_GROUPS 0xffff
#define INVALID_PROCESSOR_INDEX 0xffffffff
#define AFFINITY_MASK(n) ((KAFFINITY)1 << (n))

typedef struct _PAFFINITY_TOKEN *PAFFINITY_TOKEN;

/* ---- relations of processors ---- */

typedef enum _LOGICAL_PROCESSOR_RELATIONSHIP {
	RelationProcessorCore = 0,
	RelationNumaNode,
	RelationCache,
	RelationProcessorPackage,
	RelationGroup,
	RelationProcessorDie,
	RelationNumaNodeEx,
	RelationProcessorModule,
	RelationAll = 0xffff
} LOGICAL_PROCESSOR_RELATIONSHIP;

#define LTP_PC_SMT 0x1
#define ANYSIZE_ARRAY 1

typedef struct _PROCESSOR_RELATIONSHIP {
	UCHAR Flags;
	UCHAR EfficiencyClass;
	UCHAR Reserved[20];
	USHORT GroupCount;
	GROUP_AFFINITY GroupMask[ANYSIZE_ARRAY];
} PROCESSOR_RELATIONSHIP, *PPROCESSOR_RELATIONSHIP;

typedef struct _NUMA_NODE_RELATIONSHIP {
	ULONG NodeNumber;
	UCHAR Reserved[18];
	USHORT GroupCount;
	__extension__ union {
		GROUP_AFFINITY GroupMask;
		GROUP_AFFINITY GroupMasks[ANYSIZE_ARRAY];
	};
} NUMA_NODE_RELATIONSHIP, *PNUMA_NODE_RELATIONSHIP;

typedef enum _PROCESSOR_CACHE_TYPE { CacheUnified = 0, CacheInstruction, CacheData, CacheTrace } PROCESSOR_CACHE_TYPE;

typedef struct _CACHE_RELATIONSHIP {
	UCHAR Level;
	UCHAR Associativity;
	USHORT LineSize;
	ULONG CacheSize;
	PROCESSOR_CACHE_TYPE Type;
	UCHAR Reserved[18];
	USHORT GroupCount;
	__extension__ union {
		GROUP_AFFINITY GroupMask;
		GROUP_AFFINITY GroupMasks[ANYSIZE_ARRAY];
	};
} CACHE_RELATIONSHIP, *PCACHE_RELATIONSHIP;

typedef struct _PROCESSOR_GROUP_INFO {
	UCHAR MaximumProcessorCount;
	UCHAR ActiveProcessorCount;
	UCHAR Reserved[38];
	KAFFINITY ActiveProcessorMask;
} PROCESSOR_GROUP_INFO, *PPROCESSOR_GROUP_INFO;

typedef struct _GROUP_RELATIONSHIP {
	USHORT MaximumGroupCount;
	USHORT ActiveGroupCount;
	UCHAR Reserved[20];
	PROCESSOR_GROUP_INFO GroupInfo[ANYSIZE_ARRAY];
} GROUP_RELATIONSHIP, *PGROUP_RELATIONSHIP;

typedef struct _SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX {
	LOGICAL_PROCESSOR_RELATIONSHIP Relationship;
	ULONG Size;
	__extension__ union {
		PROCESSOR_RELATIONSHIP Processor;
		NUMA_NODE_RELATIONSHIP NumaNode;
		CACHE_RELATIONSHIP Cache;
		GROUP_RELATIONSHIP Group;
	};
} SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX, *PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX;

/* ---- synchronous notification ---- */

typedef enum {
	KeProcessorAddStartNotify = 0,
	KeProcessorAddCompleteNotify,
	KeProcessorAddFailureNotify
} KE_PROCESSOR_CHANGE_NOTIFY_STATE;

/* S-165. NtNumber is the system-wide index (S-166). */
typedef struct _KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT {
	KE_PROCESSOR_CHANGE_NOTIFY_STATE State;
	ULONG NtNumber;
	NTSTATUS Status;
	PROCESSOR_NUMBER ProcNumber;
} KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, *PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT;
typedef PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT PKE_PROCESSOR_CHANGE_NOTIFICATION_CONTEXT; /* a slip that is in use */

typedef VOID PROCESSOR_CALLBACK_FUNCTION(PVOID CallbackContext, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT ChangeContext,
					 PNTSTATUS OperationStatus);
typedef PROCESSOR_CALLBACK_FUNCTION *PPROCESSOR_CALLBACK_FUNCTION;

#define KE_PROCESSOR_CHANGE_ADD_EXISTING 1

/* ---- the newer notification: the set of available processors has changed, in either direction ---- */

typedef struct _KPROCESS *PEPROCESS;
typedef VOID PS_AVAILABLE_CPUS_CHANGE_CALLBACK(PVOID Context, ULONG64 SequenceNumber);
typedef struct _PS_AVAILABLE_CPUS_CHANGE *PS_AVAILABLE_CPUS_CHANGE_REGISTRATION;

/* ---- device-interface notification ---- */

#define DHP_WDK_GUID(name, a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                           \
	static const GUID name __attribute__((unused)) = { a, b, c, { d0, d1, d2, d3, d4, d5, d6, d7 } }

DHP_WDK_GUID(GUID_DEVICE_PROCESSOR, 0x97fadb10, 0x4e33, 0x40ae, 0x35, 0x9c, 0x8b, 0xef, 0x02, 0x9d, 0xbd, 0xd0);
DHP_WDK_GUID(GUID_DEVICE_MEMORY, 0x3fd0f03d, 0x92e0, 0x45fb, 0xb7, 0x5c, 0x5e, 0xd8, 0xff, 0xb0, 0x10, 0x21);
DHP_WDK_GUID(GUID_DEVICE_INTERFACE_ARRIVAL, 0xcb3a4004, 0x46f0, 0x11d0, 0xb0, 0x8f, 0x00, 0x60, 0x97, 0x13, 0x05, 0x3f);
DHP_WDK_GUID(GUID_DEVICE_INTERFACE_REMOVAL, 0xcb3a4005, 0x46f0, 0x11d0, 0xb0, 0x8f, 0x00, 0x60, 0x97, 0x13, 0x05, 0x3f);

typedef enum _IO_NOTIFICATION_EVENT_CATEGORY {
	EventCategoryReserved = 0,
	EventCategoryHardwareProfileChange,
	EventCategoryDeviceInterfaceChange,
	EventCategoryTargetDeviceChange
} IO_NOTIFICATION_EVENT_CATEGORY;

#define PNPNOTIFY_DEVICE_INTERFACE_INCLUDE_EXISTING_INTERFACES 1

typedef NTSTATUS DRIVER_NOTIFICATION_CALLBACK_ROUTINE(PVOID NotificationStructure, PVOID Context);
typedef DRIVER_NOTIFICATION_CALLBACK_ROUTINE *PDRIVER_NOTIFICATION_CALLBACK_ROUTINE;

typedef struct _DEVICE_INTERFACE_CHANGE_NOTIFICATION {
	USHORT Version;
	USHORT Size;
	GUID Event;
	GUID InterfaceClassGuid;
	PUNICODE_STRING SymbolicLinkName;
} DEVICE_INTERFACE_CHANGE_NOTIFICATION, *PDEVICE_INTERFACE_CHANGE_NOTIFICATION;

typedef struct _DRIVER_OBJECT DRIVER_OBJECT, *PDRIVER_OBJECT;
typedef struct _DEVICE_OBJECT DEVICE_OBJECT, *PDEVICE_OBJECT;
typedef NTSTATUS DRIVER_INITIALIZE(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath);
typedef VOID DRIVER_UNLOAD(PDRIVER_OBJECT DriverObject);
typedef DRIVER_INITIALIZE *PDRIVER_INITIALIZE;
typedef DRIVER_UNLOAD *PDRIVER_UNLOAD;

/* Ours to give, the program's to make: what a driver entry fills in. */
struct _DRIVER_OBJECT {
	PDEVICE_OBJECT DeviceObject;
	PDRIVER_UNLOAD DriverUnload;
};

/* ---- DPCs: the object is the native one, under its Windows name ---- */

#define _KDPC dhp_dpc
typedef struct _KDPC KDPC, *PKDPC, *PRKDPC;

typedef VOID KDEFERRED_ROUTINE(struct _KDPC *Dpc, PVOID DeferredContext, PVOID SystemArgument1,
			       PVOID SystemArgument2);
typedef KDEFERRED_ROUTINE *PKDEFERRED_ROUTINE;

/* The DPC of a device object. DEVICE_OBJECT is the program's to define: with a KDPC that is called Dpc, for these. */
typedef struct _IRP *PIRP;
typedef VOID IO_DPC_ROUTINE(PKDPC Dpc, PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context);
typedef IO_DPC_ROUTINE *PIO_DPC_ROUTINE;

#define IoInitializeDpcRequest(device, routine)                                                               \
	KeInitializeDpc(&(device)->Dpc, (PKDEFERRED_ROUTINE)(routine), (device))
#define IoRequestDpc(device, irp, context) ((void)KeInsertQueueDpc(&(device)->Dpc, (irp), (context)))

typedef ULONG_PTR KIPI_BROADCAST_WORKER(ULONG_PTR Argument);
typedef KIPI_BROADCAST_WORKER *PKIPI_BROADCAST_WORKER;

/* Limits and what is left of them in microseconds; a limit of 0: not watched (S-672). */
typedef struct _KDPC_WATCHDOG_INFORMATION {
	ULONG DpcTimeLimit;
	ULONG DpcTimeCount;
	ULONG DpcWatchdogLimit;
	ULONG DpcWatchdogCount;
	ULONG Reserved;
} KDPC_WATCHDOG_INFORMATION, *PKDPC_WATCHDOG_INFORMATION;

typedef enum _KDPC_IMPORTANCE {
	LowImportance = 0,
	MediumImportance,
	HighImportance,
	MediumHighImportance
} KDPC_IMPORTANCE;

/* ---- levels, threads, waitable objects ---- */

#define PASSIVE_LEVEL 0
#define APC_LEVEL 1
#define DISPATCH_LEVEL 2
#define IPI_LEVEL 14

typedef struct _KTHREAD *PKTHREAD;
#define LOW_REALTIME_PRIORITY 16

typedef VOID KSTART_ROUTINE(PVOID StartContext);
typedef KSTART_ROUTINE *PKSTART_ROUTINE;
#define THREAD_ALL_ACCESS 0x1FFFFF

typedef enum _EVENT_TYPE { NotificationEvent = 0, SynchronizationEvent } EVENT_TYPE;
typedef enum _TIMER_TYPE { NotificationTimer = 0, SynchronizationTimer } TIMER_TYPE;
typedef enum _KWAIT_REASON { Executive = 0 } KWAIT_REASON;
typedef enum _MODE { KernelMode = 0, UserMode } MODE;
typedef CCHAR KPROCESSOR_MODE;

#define IO_NO_INCREMENT 0
#define EVENT_ALL_ACCESS 0x1F0003

/* Opaque. */
typedef struct _KEVENT {
	uint64_t opaque[2];
} KEVENT, *PKEVENT, *PRKEVENT;
typedef struct _KSEMAPHORE {
	uint64_t opaque[2];
} KSEMAPHORE, *PKSEMAPHORE, *PRKSEMAPHORE;
typedef struct _KTIMER {
	uint64_t opaque[2];
	struct dhp_timer timer;
} KTIMER, *PKTIMER, *PRKTIMER;

/* ---- locks, run-down references, pool, lookaside lists ---- */

typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
typedef struct _EX_PUSH_LOCK {
	ULONG_PTR Value;
} EX_PUSH_LOCK, *PEX_PUSH_LOCK;

typedef struct _EX_RUNDOWN_REF {
	__extension__ union {
		ULONG_PTR Count;
		PVOID Ptr;
		struct dhp_rundown Rundown;
	};
} EX_RUNDOWN_REF, *PEX_RUNDOWN_REF;
typedef struct _EX_RUNDOWN_REF_CACHE_AWARE EX_RUNDOWN_REF_CACHE_AWARE, *PEX_RUNDOWN_REF_CACHE_AWARE;

typedef enum _POOL_TYPE { NonPagedPool = 0, PagedPool = 1, NonPagedPoolNx = 512 } POOL_TYPE;

#define EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL 0x00000001
#define EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE 0x00000002

typedef struct _LOOKASIDE_LIST_EX LOOKASIDE_LIST_EX, *PLOOKASIDE_LIST_EX;
typedef PVOID ALLOCATE_FUNCTION_EX(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, PLOOKASIDE_LIST_EX Lookaside);
typedef ALLOCATE_FUNCTION_EX *PALLOCATE_FUNCTION_EX;
typedef VOID FREE_FUNCTION_EX(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside);
typedef FREE_FUNCTION_EX *PFREE_FUNCTION_EX;

/* Opaque. */
struct _LOOKASIDE_LIST_EX {
	PVOID List;
	PALLOCATE_FUNCTION_EX Allocate;
	PFREE_FUNCTION_EX Free;
	POOL_TYPE Type;
	ULONG Tag;
};

#define RtlZeroMemory(p, n) ((void)__builtin_memset((p), 0, (n)))
#define RtlCopyMemory(to, from, n) ((void)__builtin_memcpy((to), (from), (n)))

#define FAST_FAIL_LEGACY_GS_VIOLATION 0
#define FAST_FAIL_STACK_COOKIE_CHECK_FAILURE 2
#define FAST_FAIL_CORRUPT_LIST_ENTRY 3
#define FAST_FAIL_INCORRECT_STACK 4
#define FAST_FAIL_INVALID_ARG 5
#define FAST_FAIL_GS_COOKIE_INIT 6
#define FAST_FAIL_FATAL_APP_EXIT 7
#define FAST_FAIL_RANGE_CHECK_FAILURE 8
#define FAST_FAIL_INVALID_REFERENCE_COUNT 14
#define __fastfail(n) dhp_wdk_fast_fail((ULONG)(n))

/* ---- objects with handles, work items, rebalance ---- */

typedef struct _OBJECT_TYPE *POBJECT_TYPE;
typedef struct _OBJECT_TYPE OBJECT_TYPE;
typedef struct _OBJECT_HANDLE_INFORMATION OBJECT_HANDLE_INFORMATION, *POBJECT_HANDLE_INFORMATION;

typedef struct _OBJECT_ATTRIBUTES {
	ULONG Length;
	HANDLE RootDirectory;
	PUNICODE_STRING ObjectName;
	ULONG Attributes;
	PVOID SecurityDescriptor;
	PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;

#define OBJ_PERMANENT 0x00000010
#define OBJ_CASE_INSENSITIVE 0x00000040
#define OBJ_KERNEL_HANDLE 0x00000200

#define InitializeObjectAttributes(p, name, attributes, root, security)                                       \
	do {                                                                                                  \
		(p)->Length = (ULONG)sizeof(OBJECT_ATTRIBUTES);                                               \
		(p)->RootDirectory = (root);                                                                  \
		(p)->Attributes = (attributes);                                                               \
		(p)->ObjectName = (name);                                                                     \
		(p)->SecurityDescriptor = (security);                                                         \
		(p)->SecurityQualityOfService = NULL;                                                         \
	} while (0)

/* Used as *ExEventObjectType. Not variables: the library exports none. */
#define ExEventObjectType (dhp_wdk_object_type(0))
#define PsThreadType (dhp_wdk_object_type(1))

/* "\\Callback\\ProcessorAdd" exists: its arguments are the change record and a pointer to the status (S-811). */
typedef struct _CALLBACK_OBJECT *PCALLBACK_OBJECT;
typedef VOID CALLBACK_FUNCTION(PVOID CallbackContext, PVOID Argument1, PVOID Argument2);
typedef CALLBACK_FUNCTION *PCALLBACK_FUNCTION;

typedef enum _MEMORY_RESOURCE_NOTIFICATION_TYPE {
	LowMemoryResourceNotification = 0,
	HighMemoryResourceNotification
} MEMORY_RESOURCE_NOTIFICATION_TYPE;

typedef struct _IO_WORKITEM IO_WORKITEM, *PIO_WORKITEM;
typedef enum _WORK_QUEUE_TYPE { CriticalWorkQueue = 0, DelayedWorkQueue } WORK_QUEUE_TYPE;
typedef VOID IO_WORKITEM_ROUTINE(PDEVICE_OBJECT DeviceObject, PVOID Context);
typedef IO_WORKITEM_ROUTINE *PIO_WORKITEM_ROUTINE;
typedef VOID IO_WORKITEM_ROUTINE_EX(PVOID IoObject, PVOID Context, PIO_WORKITEM IoWorkItem);
typedef IO_WORKITEM_ROUTINE_EX *PIO_WORKITEM_ROUTINE_EX;

#define DPFLTR_IHVDRIVER_ID 77
#define DPFLTR_DEFAULT_ID 101
#define DPFLTR_ERROR_LEVEL 0
#define DPFLTR_WARNING_LEVEL 1
#define DPFLTR_TRACE_LEVEL 2
#define DPFLTR_INFO_LEVEL 3

#define IRP_MN_START_DEVICE 0x00
#define IRP_MN_REMOVE_DEVICE 0x02
#define IRP_MN_STOP_DEVICE 0x04
#define IRP_MN_QUERY_STOP_DEVICE 0x05
#define IRP_MN_CANCEL_STOP_DEVICE 0x06
#define IRP_MN_FILTER_RESOURCE_REQUIREMENTS 0x0D
#define IRP_MN_DEVICE_USAGE_NOTIFICATION 0x16
#define IRP_MN_SURPRISE_REMOVAL 0x17

typedef struct _DEVPROPKEY {
	GUID fmtid;
	ULONG pid;
} DEVPROPKEY;
static const DEVPROPKEY DEVPKEY_Device_DHP_Rebalance_Policy __attribute__((unused)) = {
	{ 0x540b947e, 0x8b40, 0x45bc, { 0xa8, 0xa2, 0x6a, 0x0b, 0x89, 0x4c, 0xbd, 0xa2 } }, 2
};
static const DEVPROPKEY DEVPKEY_DeviceClass_DHPRebalanceOptOut __attribute__((unused)) = {
	{ 0xd14d3ef3, 0x66cf, 0x4ba2, { 0x9d, 0x38, 0x0d, 0xdb, 0x37, 0xab, 0x47, 0x01 } }, 2
};

DHP_BEGIN_DECLS

/*
 * dhp_wdk_bind - from now on the routines of this header mean this engine.
 *
 * The binding is the one process-wide variable of the library, on purpose: the names below belong to an interface
 * that has one partition and hands out no handle to it.
 *
 * Level     passive
 * Blocks    until a thread is created
 * Progress  blocking
 * Orders    what the caller did before is visible to routines called afterwards [wdk-bind]
 * Lifetime  until dhp_wdk_unbind, which must come before dhp_engine_destroy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_IN_USE (an engine is bound), DHP_NO_THREAD, DHP_NO_MEMORY, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_wdk_bind(struct dhp_engine *engine);

/*
 * dhp_wdk_unbind - the end of the binding, after the "driver unload".
 *
 * Level     passive, not from a callback or a work item
 * Blocks    for threads that are about to end, and for deliveries that were on their way
 * Progress  blocking
 * Orders    every work item, thread and callback happens before the return
 * Lifetime  no other thread may use the routines from the call on
 * Returns   DHP_OK; DHP_BAD_ENGINE: none is bound; DHP_IN_USE: a registration, a running thread, an open handle, a
 *           reference to an object, a queued or running work item, a lookaside list, an allocated run-down reference or
 *           an affinity token remains; DHP_IN_CALLBACK: nothing has changed; DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_wdk_unbind(void);

/*
 * dhp_wdk_status - the NTSTATUS that stands for a status of the library; a registrant's own NTSTATUS comes back unchanged.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   below zero exactly if the status is a failure (S-043)
 */
DHP_API NTSTATUS dhp_wdk_status(enum dhp_status status);

/* What the macros above stand for: the first two end the process, the third does in a checked build above APC_LEVEL. */
DHP_API void dhp_wdk_assert_failed(const char *where, const char *what) __attribute__((noreturn));
DHP_API void dhp_wdk_fast_fail(ULONG code) __attribute__((noreturn));
DHP_API void dhp_wdk_paged_code(const char *where);
DHP_API POBJECT_TYPE *dhp_wdk_object_type(ULONG which);

/*
 * Counts, masks and numbers. Without an engine the answers are 0 and INVALID_PROCESSOR_INDEX.
 *
 * The older ones are about the group of dhp_old_group (S-534). The maxima of the groups can add up to more than that of all
 * (S-504).
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free
 * Orders    as dhp_counts_read
 * Lifetime  copies
 * Returns   0 for a group that does not exist (S-502, S-516); STATUS_INVALID_PARAMETER for a bad index or a NULL pointer
 *           (S-527), INVALID_PROCESSOR_INDEX for a bad number (S-528)
 */
DHP_API ULONG KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors);
DHP_API ULONG KeQueryActiveProcessorCountEx(USHORT GroupNumber);
DHP_API ULONG KeQueryMaximumProcessorCount(void);
DHP_API ULONG KeQueryMaximumProcessorCountEx(USHORT GroupNumber);
DHP_API KAFFINITY KeQueryActiveProcessors(void);
DHP_API KAFFINITY KeQueryGroupAffinity(USHORT GroupNumber);
DHP_API USHORT KeQueryActiveGroupCount(void);
DHP_API USHORT KeQueryMaximumGroupCount(void);
DHP_API ULONG KeGetCurrentProcessorNumber(void);
DHP_API ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber);
DHP_API ULONG KeGetCurrentProcessorIndex(void);
DHP_API NTSTATUS KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber);
DHP_API ULONG KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber);

/*
 * KeQueryLogicalProcessorRelationship - which processors share a core, a package or a node, and the groups (S-555).
 *
 * One record for each core, package or node, or for that of one processor only; one for all groups. Cores and packages of
 * which the platform says nothing have one processor each. A node's first processor says which is its primary group: the only
 * one in a record for RelationNumaNode, unless a processor is asked about; RelationNumaNodeEx and RelationAll tell of all
 * groups. Nothing is known of caches, dies and modules.
 *
 * Level     passive, dispatch
 * Blocks    never
 * Progress  lock-free
 * Orders    as dhp_counts_read
 * Lifetime  a copy; all processors in it were active at the call
 * Returns   STATUS_SUCCESS; STATUS_INFO_LENGTH_MISMATCH with the length needed in *Length, also without a buffer;
 *           STATUS_INVALID_PARAMETER: no such processor or relation; STATUS_NOT_SUPPORTED; STATUS_DEVICE_NOT_READY
 */
DHP_API NTSTATUS KeQueryLogicalProcessorRelationship(PPROCESSOR_NUMBER ProcessorNumber,
						     LOGICAL_PROCESSOR_RELATIONSHIP RelationshipType,
						     PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX Information,
						     PULONG Length);

/*
 * NUMA nodes - the first knows of the primary group of a node only, the second of all its groups (S-556).
 *
 * Level     any but signal; KeQueryNodeMaximumProcessorCount passive
 * Blocks    as dhp_node_active_count and dhp_node_maximum_count
 * Progress  as those
 * Orders    as those
 * Lifetime  copies
 * Returns   0 for a node that does not exist; STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_BUFFER_TOO_SMALL with the
 *           number needed
 */
DHP_API USHORT KeQueryHighestNodeNumber(void);
DHP_API VOID KeQueryNodeActiveAffinity(USHORT NodeNumber, PGROUP_AFFINITY Affinity, PUSHORT Count);
DHP_API NTSTATUS KeQueryNodeActiveAffinity2(USHORT NodeNumber, PGROUP_AFFINITY GroupAffinities,
					    USHORT GroupAffinitiesCount, PUSHORT GroupAffinitiesRequired);
DHP_API ULONG KeQueryNodeActiveProcessorCount(USHORT NodeNumber);
DHP_API USHORT KeQueryNodeMaximumProcessorCount(USHORT NodeNumber);

/*
 * Affinity of the calling thread - as dhp_thread_mask_set, dhp_thread_affinity_set, dhp_thread_affinities_set and what
 * reverts them.
 *
 * Level     passive
 * Blocks    as the native calls
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until the revert, before dhp_wdk_unbind; a token until PsFreeAffinityToken
 * Returns   the mask before, 0 if it was the user's or nothing was changed; a zero mask in *PreviousAffinity likewise.
 *           STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_STATE,
 *           STATUS_DEVICE_NOT_READY
 */
DHP_API VOID KeSetSystemAffinityThread(KAFFINITY Affinity);
DHP_API VOID KeRevertToUserAffinityThread(void);
DHP_API KAFFINITY KeSetSystemAffinityThreadEx(KAFFINITY Affinity);
DHP_API VOID KeRevertToUserAffinityThreadEx(KAFFINITY Affinity);
DHP_API VOID KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity, PGROUP_AFFINITY PreviousAffinity);
DHP_API VOID KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity);
DHP_API NTSTATUS PsAllocateAffinityToken(PAFFINITY_TOKEN *AffinityToken);
DHP_API VOID PsFreeAffinityToken(PAFFINITY_TOKEN AffinityToken);
DHP_API NTSTATUS PsSetSystemMultipleGroupAffinityThread(PGROUP_AFFINITY GroupAffinities, USHORT GroupCount,
							PAFFINITY_TOKEN AffinityToken);
DHP_API VOID PsRevertToUserMultipleGroupAffinityThread(PAFFINITY_TOKEN AffinityToken);

/*
 * KeRegisterProcessorChangeCallback, KeDeregisterProcessorChangeCallback - as dhp_notify_register and _unregister.
 *
 * Undefined flags are ignored (S-106). A failing NTSTATUS that a callback stores in Start reaches every registrant's
 * Failure unchanged (S-179).
 *
 * Level     passive
 * Blocks    as the native calls
 * Progress  blocking
 * Orders    as the native calls
 * Lifetime  the handle until deregistration; NULL is accepted there (S-189)
 * Returns   the handle; NULL: no callback, no memory, no engine, from a callback, or a veto in the replay (S-132)
 */
DHP_API PVOID KeRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION CallbackFunction, PVOID CallbackContext,
						ULONG Flags);
DHP_API VOID KeDeregisterProcessorChangeCallback(PVOID CallbackHandle);

/*
 * The newer notification - as dhp_change_... (S-801 to S-808). There is one process: its routines are those of the system.
 *
 * Level     as the native calls
 * Blocks    as the native calls
 * Progress  as the native calls
 * Orders    as the native calls
 * Lifetime  as the native calls
 * Returns   STATUS_SUCCESS; STATUS_NO_WORK_DONE: the set is the one observed, nothing was written; STATUS_BUFFER_TOO_SMALL;
 *           STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY, STATUS_INVALID_DEVICE_STATE
 */
DHP_API NTSTATUS PsRegisterSystemAvailableCpusChangeNotification(PS_AVAILABLE_CPUS_CHANGE_CALLBACK *Callback,
								 PVOID Context, PULONG64 ObservedSequenceNumber,
								 PS_AVAILABLE_CPUS_CHANGE_REGISTRATION *RegistrationHandle);
DHP_API NTSTATUS PsRegisterProcessAvailableCpusChangeNotification(
	PEPROCESS Process, PS_AVAILABLE_CPUS_CHANGE_CALLBACK *Callback, PVOID Context, PULONG64 ObservedSequenceNumber,
	PS_AVAILABLE_CPUS_CHANGE_REGISTRATION *RegistrationHandle);
DHP_API VOID PsUnregisterAvailableCpusChangeNotification(PS_AVAILABLE_CPUS_CHANGE_REGISTRATION RegistrationHandle);
DHP_API NTSTATUS PsQuerySystemAvailableCpus(PKAFFINITY_EX Affinity, PULONG64 ObservedSequenceNumber,
					    PULONG64 SequenceNumber);
DHP_API NTSTATUS PsQueryProcessAvailableCpus(PEPROCESS Process, PKAFFINITY_EX Affinity, PULONG64 ObservedSequenceNumber,
					     PULONG64 SequenceNumber);
DHP_API NTSTATUS PsQuerySystemAvailableCpusCount(PULONG AvailableCpuCount, PULONG64 SequenceNumber);
DHP_API NTSTATUS PsQueryProcessAvailableCpusCount(PEPROCESS Process, PULONG AvailableCpuCount, PULONG64 SequenceNumber);
DHP_API PEPROCESS PsGetCurrentProcess(void);

/*
 * IoRegisterPlugPlayNotification and the two ways to unregister - as dhp_arrival_register and its two.
 *
 * A class that is neither processor nor memory is accepted, and nothing of it ever arrives. What a callback returns is
 * ignored (S-226).
 *
 * Level     passive
 * Blocks    as the native calls
 * Progress  blocking
 * Orders    as the native calls
 * Lifetime  after IoUnregisterPlugPlayNotification the callback may still be called; its entry goes with the binding
 * Returns   STATUS_SUCCESS; STATUS_INVALID_PARAMETER (S-213); STATUS_NOT_SUPPORTED: another category (S-212);
 *           STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY, STATUS_INVALID_DEVICE_STATE. To unregister an entry again
 *           while it is there gives STATUS_INVALID_PARAMETER and does no harm (S-246); from a thread for which the callback
 *           waits, STATUS_INVALID_DEVICE_STATE (S-243)
 */
DHP_API NTSTATUS IoRegisterPlugPlayNotification(IO_NOTIFICATION_EVENT_CATEGORY EventCategory, ULONG EventCategoryFlags,
						PVOID EventCategoryData, PDRIVER_OBJECT DriverObject,
						PDRIVER_NOTIFICATION_CALLBACK_ROUTINE CallbackRoutine, PVOID Context,
						PVOID *NotificationEntry);
/* Drivers pass the address of a constant GUID. */
#define IoRegisterPlugPlayNotification(category, flags, data, driver, routine, context, entry)                \
	(IoRegisterPlugPlayNotification)(category, flags, (PVOID)(ULONG_PTR)(data), driver, routine, context, entry)
DHP_API NTSTATUS IoUnregisterPlugPlayNotification(PVOID NotificationEntry);
DHP_API NTSTATUS IoUnregisterPlugPlayNotificationEx(PVOID NotificationEntry);

/*
 * IoSetDeviceInterfaceState - the interfaces of processors and memory modules, which the partition enables when they come.
 *
 * It makes no event. A device that has come is enabled for good: disabling it is not supported (S-235).
 *
 * Level     passive, not from a callback of KeRegisterProcessorChangeCallback
 * Blocks    for deliveries in progress
 * Progress  blocking
 * Orders    nothing
 * Lifetime  -
 * Returns   STATUS_OBJECT_NAME_EXISTS, which is no failure: it is enabled already; STATUS_OBJECT_NAME_NOT_FOUND: none that came
 *           has this link (S-233); STATUS_NOT_SUPPORTED, STATUS_INVALID_PARAMETER; STATUS_INSUFFICIENT_RESOURCES,
 *           STATUS_DEVICE_NOT_READY, STATUS_INVALID_DEVICE_STATE
 */
DHP_API NTSTATUS IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable);

/*
 * DPCs - as dhp_dpc_...: the object is the same. A threaded one runs at PASSIVE_LEVEL (S-660).
 *
 * Level     any; KeFlushQueuedDpcs passive (S-652)
 * Blocks    KeFlushQueuedDpcs only
 * Progress  as the native calls
 * Orders    as the native calls
 * Lifetime  as the native calls
 * Returns   TRUE: queued, or taken off; FALSE: neither. KeSetTargetProcessorDpcEx: STATUS_INVALID_PARAMETER for a number
 *           without a processor, and the object is unchanged (S-635); the older one says nothing of it (S-636)
 */
DHP_API VOID KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext);
DHP_API VOID KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext);
DHP_API BOOLEAN KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2);
DHP_API BOOLEAN KeRemoveQueueDpc(PRKDPC Dpc);
DHP_API VOID KeFlushQueuedDpcs(void);
DHP_API VOID KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number);
DHP_API NTSTATUS KeSetTargetProcessorDpcEx(PRKDPC Dpc, PPROCESSOR_NUMBER ProcNumber);
DHP_API VOID KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance);

/*
 * In a DPC: how much of its time is left, and whether it should return soon - as dhp_dpc_watchdog_read and
 * dhp_dpc_should_yield.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  a copy
 * Returns   STATUS_SUCCESS in a DPC or at DISPATCH_LEVEL, where without a DPC nothing is watched; otherwise
 *           STATUS_UNSUCCESSFUL (S-672); STATUS_INVALID_PARAMETER without a record. Nonzero: yes
 */
DHP_API NTSTATUS KeQueryDpcWatchdogInformation(PKDPC_WATCHDOG_INFORMATION WatchdogInformation);
DHP_API BOOLEAN KeShouldYieldProcessor(void);
DHP_API LOGICAL KeIsExecutingDpc(void);

/*
 * One function on all processors together - as dhp_call_all (S-710); DISPATCH_LEVEL is the highest that is modelled.
 *
 * Routines of KeGenericCallDpc come to the same KeSignalCallDpcSynchronize calls, and each ends with KeSignalCallDpcDone;
 * what they hand to the two are their system arguments 2 and 1.
 *
 * Level     passive; the two signals inside such a routine
 * Blocks    until every processor has run it; KeSignalCallDpcSynchronize until every processor has come there
 * Progress  blocking
 * Orders    as dhp_call_all and dhp_call_meet
 * Lifetime  Context is used until the return
 * Returns   what the function returned on the caller's processor, 0 if it was not called; TRUE to one of those that meet
 */
DHP_API ULONG_PTR KeIpiGenericCall(PKIPI_BROADCAST_WORKER BroadcastFunction, ULONG_PTR Context);
DHP_API VOID KeGenericCallDpc(PKDEFERRED_ROUTINE Routine, PVOID Context);
DHP_API VOID KeSignalCallDpcDone(PVOID SystemArgument1);
DHP_API LOGICAL KeSignalCallDpcSynchronize(PVOID SystemArgument2);

/*
 * Levels.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  of the calling thread; who raises lowers to what was before
 * Returns   the level, or the one before
 */
DHP_API KIRQL KeGetCurrentIrql(void);
DHP_API VOID KeRaiseIrql(KIRQL NewIrql, PKIRQL OldIrql);
DHP_API KIRQL KfRaiseIrql(KIRQL NewIrql);
DHP_API KIRQL KeRaiseIrqlToDpcLevel(void);
DHP_API VOID KeLowerIrql(KIRQL NewIrql);
DHP_API VOID KeEnterCriticalRegion(void);
DHP_API VOID KeLeaveCriticalRegion(void);

/*
 * Threads. A system thread ends when its routine returns. The priority is remembered and returned; the system's own
 * scheduling does not follow it.
 *
 * Level     passive; KeGetCurrentThread any
 * Blocks    for the creation of a thread
 * Progress  blocking
 * Orders    what was done before the creation is visible to the routine, what the routine did to who waited for its end
 * Lifetime  the handle until ZwClose
 * Returns   STATUS_SUCCESS, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY,
 *           STATUS_INVALID_DEVICE_STATE; the priority before, 8 to begin with
 */
DHP_API PKTHREAD KeGetCurrentThread(void);
DHP_API KPRIORITY KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority);
DHP_API NTSTATUS PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
				      HANDLE ProcessHandle, PVOID ClientId, PKSTART_ROUTINE StartRoutine,
				      PVOID StartContext);

/*
 * Time since the machine started, in 100 ns; in ticks of 15.625 ms. KeQuerySystemTime: that of the wall clock, in 100 ns since
 * 1601, as absolute times are given.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   the time
 */
DHP_API ULONGLONG KeQueryInterruptTime(void);
DHP_API ULONGLONG KeQueryUnbiasedInterruptTimePrecise(PULONG64 QpcTimeStamp);
DHP_API VOID KeQueryTickCount(PLARGE_INTEGER CurrentCount);
DHP_API VOID KeQuerySystemTime(PLARGE_INTEGER CurrentTime);

/*
 * Events, semaphores and waiting: for them, timers, threads and named events.
 *
 * A release beyond the limit changes nothing. A waiter that was let go may free the object at once: who set it does not
 * touch it any more. A time-out below zero counts from now; one above is a time of the wall clock, and the wait follows its
 * changes within a tenth of a second.
 *
 * Level     any; KeWaitForSingleObject passive, or with a time-out of zero (S-617)
 * Blocks    KeWaitForSingleObject: until the object is signalled or the time is over
 * Progress  wait-free; KeReleaseSemaphore lock-free; KeWaitForSingleObject blocking
 * Orders    what was done before the object was set is visible to who waited for it [wdk-signal]
 * Lifetime  the caller's memory
 * Returns   the state before; STATUS_SUCCESS, STATUS_TIMEOUT, STATUS_INVALID_PARAMETER: no object of these kinds;
 *           STATUS_INVALID_DEVICE_STATE
 */
DHP_API VOID KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State);
DHP_API LONG KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait);
DHP_API VOID KeClearEvent(PRKEVENT Event);
DHP_API LONG KeReadStateEvent(PRKEVENT Event);
DHP_API VOID KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit);
DHP_API LONG KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait);
DHP_API LONG KeReadStateSemaphore(PRKSEMAPHORE Semaphore);
DHP_API NTSTATUS KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode,
				       BOOLEAN Alertable, PLARGE_INTEGER Timeout);

/*
 * Timers - as dhp_timer_...; waited for with KeWaitForSingleObject.
 *
 * A due time below zero counts from now, one above is a time of the wall clock, both in 100 ns (S-680); periods and delays are
 * in milliseconds. A synchronization timer lets one waiter go at each expiry, a notification timer all until it is set again.
 *
 * Level     any but signal
 * Blocks    as the native calls
 * Progress  as the native calls
 * Orders    as the native calls
 * Lifetime  as the native calls: cancel, remove, flush, free (S-653)
 * Returns   whether it was set before; KeReadStateTimer: whether it has expired
 */
DHP_API VOID KeInitializeTimer(PKTIMER Timer);
DHP_API VOID KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type);
DHP_API BOOLEAN KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc);
DHP_API BOOLEAN KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc);
DHP_API BOOLEAN KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, ULONG TolerableDelay, PKDPC Dpc);
DHP_API BOOLEAN KeCancelTimer(PKTIMER Timer);
DHP_API BOOLEAN KeReadStateTimer(PKTIMER Timer);

/*
 * Locks. A spin lock raises its holder to DISPATCH_LEVEL; a push lock has one exclusive or many shared holders.
 *
 * Level     spin locks any, push locks passive
 * Blocks    while somebody else holds it
 * Progress  blocking
 * Orders    what a holder did is visible to the next [wdk-spin] [wdk-push]
 * Lifetime  the caller's memory, of zeros once initialised
 * Returns   the level before
 */
DHP_API VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock);
DHP_API KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock);
DHP_API VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql);
DHP_API VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock);
DHP_API VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock);
DHP_API VOID ExInitializePushLock(PEX_PUSH_LOCK PushLock);
DHP_API VOID ExAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock);
DHP_API VOID ExReleasePushLockExclusive(PEX_PUSH_LOCK PushLock);
DHP_API VOID ExAcquirePushLockShared(PEX_PUSH_LOCK PushLock);
DHP_API VOID ExReleasePushLockShared(PEX_PUSH_LOCK PushLock);

#define KeAcquireSpinLock(lock, old) ((void)(*(old) = KeAcquireSpinLockRaiseToDpc(lock)))

/*
 * Pool: all of it is resident, aligned to 16 bytes, zeroed.
 *
 * Level     any but signal
 * Blocks    no longer than the C library's allocator
 * Progress  blocking in that sense
 * Orders    nothing
 * Lifetime  until it is freed, once, with the tag it was allocated with
 * Returns   NULL: there is no memory
 */
DHP_API PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
DHP_API PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag);
DHP_API VOID ExFreePoolWithTag(PVOID P, ULONG Tag);
DHP_API VOID ExFreePool(PVOID P);

/*
 * Run-down protection - as dhp_rundown_... and, cache-aware, dhp_rundown_percpu_....
 *
 * ExInitializeRundownProtectionCacheAware takes memory of ExSizeOfRundownProtectionCacheAware bytes.
 *
 * Level     as the native calls
 * Blocks    the waits
 * Progress  as the native calls
 * Orders    as the native calls
 * Lifetime  as the native calls; an allocated one until ExFreeCacheAwareRundownProtection
 * Returns   FALSE once run-down has begun (S-721); NULL: no memory; 0 bytes without an engine
 */
DHP_API VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef);
DHP_API BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef);
DHP_API BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count);
DHP_API VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef);
DHP_API VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count);
DHP_API VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef);
DHP_API VOID ExRundownCompleted(PEX_RUNDOWN_REF RunRef);
DHP_API VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef);

DHP_API PEX_RUNDOWN_REF_CACHE_AWARE ExAllocateCacheAwareRundownProtection(POOL_TYPE PoolType, ULONG PoolTag);
DHP_API VOID ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
DHP_API SIZE_T ExSizeOfRundownProtectionCacheAware(void);
DHP_API VOID ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, SIZE_T RunRefSize);
DHP_API BOOLEAN ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
DHP_API BOOLEAN ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, ULONG Count);
DHP_API VOID ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
DHP_API VOID ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, ULONG Count);
DHP_API VOID ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
DHP_API VOID ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);
DHP_API VOID ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware);

/*
 * Lookaside lists - as dhp_lookaside_.... Without routines of the caller's, blocks come from and go to the pool.
 *
 * Level     as the native calls
 * Blocks    as the native calls
 * Progress  as the native calls
 * Orders    as the native calls
 * Lifetime  until ExDeleteLookasideListEx
 * Returns   STATUS_SUCCESS; STATUS_INVALID_PARAMETER_4: not a pool type, STATUS_INVALID_PARAMETER_5: not the flags (S-703);
 *           STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY, STATUS_INVALID_DEVICE_STATE.
 *           NULL: there is no memory
 */
DHP_API NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate,
					     PFREE_FUNCTION_EX Free, POOL_TYPE PoolType, ULONG Flags, SIZE_T Size,
					     ULONG Tag, USHORT Depth);
DHP_API VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);
DHP_API VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);
DHP_API PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside);
DHP_API VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry);

/*
 * Named events: the memory conditions, "\KernelObjects\\LowMemoryCondition" and the like, as dhp_memory_event_open.
 *
 * A name that is not among the nine is refused, where Windows would make an event that is always signalled (S-309). Such an
 * event can be waited for and read; setting and clearing do nothing (S-310).
 *
 * Level     passive
 * Blocks    as the native call
 * Progress  blocking
 * Orders    as the native call
 * Lifetime  the event until ZwClose of the handle, or longer by a reference
 * Returns   NULL; STATUS_SUCCESS, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED: the condition
 *           has no source here; STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY, STATUS_INVALID_DEVICE_STATE
 */
DHP_API PKEVENT IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle);
DHP_API NTSTATUS ZwOpenEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes);

/*
 * The two conditions of memory as applications get them: a handle to wait for and to close with ZwClose (S-312, S-313).
 *
 * Level     passive; GetLastError any
 * Blocks    as dhp_memory_event_open
 * Progress  blocking
 * Orders    as dhp_memory_event_query
 * Lifetime  the handle until ZwClose
 * Returns   NULL or FALSE, and GetLastError says why to the same thread: ERROR_INVALID_PARAMETER: another type, or no place
 *           for the state; ERROR_INVALID_HANDLE, ERROR_NOT_SUPPORTED, ERROR_NOT_READY: no engine; ERROR_BAD_COMMAND: the
 *           level; ERROR_NO_SYSTEM_RESOURCES
 */
DHP_API HANDLE CreateMemoryResourceNotification(MEMORY_RESOURCE_NOTIFICATION_TYPE NotificationType);
DHP_API BOOL QueryMemoryResourceNotification(HANDLE ResourceNotificationHandle, PBOOL ResourceState);
DHP_API ULONG dhp_wdk_last_error(void);

/* Not exported by this name: other libraries have it, too. */
#define GetLastError() dhp_wdk_last_error()

/*
 * Callback objects - "\\Callback\\ProcessorAdd" is that of the system, and always there: who registers with it is on the one
 * list of dhp_notify_register, without replay (S-811, S-816). Any other is made by who asks for it with Create.
 *
 * Only ASCII letters have two cases. AllowMultipleCallbacks counts when an object is made. A permanent object stays until
 * the end of the binding.
 *
 * Level     passive; ExNotifyCallback any but signal, and its routines run at that level
 * Blocks    ExUnregisterCallback for calls in progress, but not for one it is called from (S-815)
 * Progress  blocking
 * Orders    all calls happen before the return of ExUnregisterCallback [wdk-spin] [notify-drain]
 * Lifetime  the object until ObDereferenceObject for each ExCreateCallback, and while somebody is registered
 * Returns   STATUS_SUCCESS; STATUS_OBJECT_NAME_NOT_FOUND: it is not there and not to be made; STATUS_UNSUCCESSFUL: nor has it
 *           a name; STATUS_OBJECT_PATH_SYNTAX_BAD: a name without a leading backslash; STATUS_INVALID_PARAMETER,
 *           STATUS_INSUFFICIENT_RESOURCES, STATUS_DEVICE_NOT_READY, STATUS_INVALID_DEVICE_STATE. The handle; NULL: the object
 *           allows one and has it (S-814), no object, routine or memory, or the level
 */
DHP_API NTSTATUS ExCreateCallback(PCALLBACK_OBJECT *CallbackObject, POBJECT_ATTRIBUTES ObjectAttributes, BOOLEAN Create,
				  BOOLEAN AllowMultipleCallbacks);
DHP_API PVOID ExRegisterCallback(PCALLBACK_OBJECT CallbackObject, PCALLBACK_FUNCTION CallbackFunction,
				 PVOID CallbackContext);
DHP_API VOID ExUnregisterCallback(PVOID CbRegistration);
DHP_API VOID ExNotifyCallback(PVOID CallbackObject, PVOID Argument1, PVOID Argument2);

/*
 * Objects with handles: the threads of PsCreateSystemThread and named events. ZwWaitForSingleObject: as KeWaitForSingleObject.
 *
 * Level     passive; ObDereferenceObject any but signal
 * Blocks    for a thread that is about to end
 * Progress  blocking
 * Orders    nothing
 * Lifetime  an object lives while a handle or a reference to it does
 * Returns   STATUS_SUCCESS, STATUS_INVALID_HANDLE, STATUS_OBJECT_TYPE_MISMATCH, STATUS_INVALID_PARAMETER
 */
DHP_API NTSTATUS ZwClose(HANDLE Handle);
DHP_API NTSTATUS ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout);
DHP_API NTSTATUS ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
					   KPROCESSOR_MODE AccessMode, PVOID *Object,
					   POBJECT_HANDLE_INFORMATION HandleInformation);
DHP_API VOID ObDereferenceObject(PVOID Object);

/* Drivers pass the address of a typed pointer. */
#define ObReferenceObjectByHandle(handle, access, type, mode, object, information)                            \
	(ObReferenceObjectByHandle)(handle, access, type, mode, (PVOID *)(object), information)

/*
 * Work items: a routine that runs at passive level in a thread of the library.
 *
 * Level     queueing any but signal; allocating and freeing passive
 * Blocks    never; a routine that waits for another item does not keep it from running, up to 16 of them
 * Progress  lock-free but for a few instructions under a spin lock
 * Orders    what was done before it was queued is visible to the routine [wdk-spin]
 * Lifetime  the item is the caller's again when its routine starts: it may free it or queue it again there
 * Returns   NULL: no memory
 */
DHP_API ULONG IoSizeofWorkItem(void);
DHP_API VOID IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem);
DHP_API VOID IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem);
DHP_API VOID IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine,
			       WORK_QUEUE_TYPE QueueType, PVOID Context);
DHP_API PIO_WORKITEM IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject);
DHP_API VOID IoFreeWorkItem(PIO_WORKITEM IoWorkItem);
DHP_API VOID IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine, WORK_QUEUE_TYPE QueueType,
			     PVOID Context);

/*
 * RtlInitUnicodeString - describe a text; NULL gives an empty one.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the text stays the caller's
 * Returns   nothing; a text that does not fit is described up to its first 65532 bytes
 */
DHP_API VOID RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString);

/*
 * DbgPrintEx - a line to the standard error, cut at 511 bytes.
 *
 * Formats are those of Windows: l is 32 bits, ll and I64 are 64, I is pointer-sized, %ws and %S take wide characters,
 * %wZ a UNICODE_STRING. There is no floating point.
 *
 * Level     any
 * Blocks    for the system call
 * Progress  -
 * Orders    nothing
 * Lifetime  -
 * Returns   STATUS_SUCCESS
 */
DHP_API ULONG DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...);

/* ---- small things, in place ---- */

#ifdef __cplusplus
extern "C++" {
static inline bool IsEqualGUID(const GUID &a, const GUID &b)
{
	return __builtin_memcmp(&a, &b, sizeof(GUID)) == 0;
}

static inline bool IsEqualGUID(const GUID *a, const GUID *b)
{
	return __builtin_memcmp(a, b, sizeof(GUID)) == 0;
}
}
#else
#define IsEqualGUID(a, b) (__builtin_memcmp((a), (b), sizeof(GUID)) == 0)
#endif

/* ThreadSanitizer knows no fences, and a compiler says so where one is. */
static inline void MemoryBarrier(void)
{
#ifdef __SANITIZE_THREAD__
	LONG nothing = 0;

	(void)__atomic_exchange_n(&nothing, 0, __ATOMIC_SEQ_CST);
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline void KeMemoryBarrier(void)
{
	MemoryBarrier();
}

static inline void YieldProcessor(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

static inline LONG InterlockedIncrement(LONG volatile *p)
{
	return __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST);
}

static inline LONG InterlockedDecrement(LONG volatile *p)
{
	return __atomic_sub_fetch(p, 1, __ATOMIC_SEQ_CST);
}

static inline LONG64 InterlockedIncrement64(LONG64 volatile *p)
{
	return __atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST);
}

static inline LONG64 InterlockedIncrementNoFence64(LONG64 volatile *p)
{
	return __atomic_add_fetch(p, 1, __ATOMIC_RELAXED);
}

static inline LONG64 InterlockedDecrementRelease64(LONG64 volatile *p)
{
	return __atomic_sub_fetch(p, 1, __ATOMIC_RELEASE);
}

static inline PVOID InterlockedExchangePointer(PVOID volatile *p, PVOID v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline CHAR InterlockedExchange8(CHAR volatile *p, CHAR v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline CHAR InterlockedAndRelease8(CHAR volatile *p, CHAR v)
{
	return __atomic_fetch_and(p, v, __ATOMIC_RELEASE);
}

static inline ULONG ReadULongNoFence(ULONG const volatile *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline LONG64 ReadAcquire64(LONG64 const volatile *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void WritePointerRelease(PVOID volatile *p, PVOID v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

#define PrefetchForWrite(p) __builtin_prefetch((const void *)(ULONG_PTR)(p), 1)

static inline void InitializeListHead(PLIST_ENTRY head)
{
	head->Flink = head->Blink = head;
}

static inline BOOLEAN IsListEmpty(const LIST_ENTRY *head)
{
	return head->Flink == head;
}

/* TRUE: the list is empty now. */
static inline BOOLEAN RemoveEntryList(PLIST_ENTRY entry)
{
	entry->Blink->Flink = entry->Flink;
	entry->Flink->Blink = entry->Blink;
	return entry->Flink == entry->Blink;
}

/* The head itself when the list is empty. */
static inline PLIST_ENTRY RemoveHeadList(PLIST_ENTRY head)
{
	PLIST_ENTRY entry = head->Flink;

	(void)RemoveEntryList(entry);
	return entry;
}

static inline void InsertTailList(PLIST_ENTRY head, PLIST_ENTRY entry)
{
	entry->Flink = head;
	entry->Blink = head->Blink;
	head->Blink->Flink = entry;
	head->Blink = entry;
}

static inline void InsertHeadList(PLIST_ENTRY head, PLIST_ENTRY entry)
{
	entry->Blink = head;
	entry->Flink = head->Flink;
	head->Flink->Blink = entry;
	head->Flink = entry;
}

DHP_END_DECLS

C_ASSERT(sizeof(LARGE_INTEGER) == 8);
C_ASSERT(sizeof(GUID) == 16);
C_ASSERT(sizeof(PROCESSOR_NUMBER) == 4);
C_ASSERT(sizeof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT) == 16);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, NtNumber) == 4);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, Status) == 8);
C_ASSERT(offsetof(KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT, ProcNumber) == 12);
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, Event) == 4);
C_ASSERT(offsetof(DEVICE_INTERFACE_CHANGE_NOTIFICATION, InterfaceClassGuid) == 20);
C_ASSERT(sizeof(EX_RUNDOWN_REF) == sizeof(PVOID));
C_ASSERT(sizeof(PROCESSOR_RELATIONSHIP) == 24 + sizeof(GROUP_AFFINITY));
C_ASSERT(sizeof(NUMA_NODE_RELATIONSHIP) == 24 + sizeof(GROUP_AFFINITY));
C_ASSERT(sizeof(PROCESSOR_GROUP_INFO) == 40 + sizeof(KAFFINITY));
C_ASSERT(offsetof(GROUP_RELATIONSHIP, GroupInfo) == 24);
C_ASSERT(offsetof(SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX, Processor) == 8);

#endif
