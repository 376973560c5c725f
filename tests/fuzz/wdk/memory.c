/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pool, lookaside lists, run-down references, named events: what is there is nobody else's, and all goes back.
 */
#include "wdk.h"

#define BLOCKS 4u
#define TAG 0x74736574u
#define BYTES 48u

static unsigned char *pool[BLOCKS], *listed[BLOCKS];
static LOOKASIDE_LIST_EX list;
static bool has_list;

static struct {
	EX_RUNDOWN_REF plain;
	PEX_RUNDOWN_REF_CACHE_AWARE aware; /* NULL: none */
	uint32_t references[2];
	bool begun[2];
} rundown;

static HANDLE named;

/* ---- blocks ---- */

static void mark(unsigned char *block, uint32_t at)
{
	memset(block, (int)at + 1, BYTES);
}

static void check(const unsigned char *block, uint32_t at)
{
	for (uint32_t i = 0; i < BYTES; i++)
		MUST(block[i] == at + 1);
}

static void pool_drop(uint32_t at)
{
	if (pool[at] == NULL)
		return;
	check(pool[at], at);
	if (at % 2 == 0)
		ExFreePoolWithTag(pool[at], TAG);
	else
		ExFreePool(pool[at]);
	pool[at] = NULL;
}

static void use_pool(void)
{
	uint32_t at = take_below(BLOCKS);

	pool_drop(at);
	if (take_below(2) != 0)
		return;
	pool[at] = at % 2 == 0 ? ExAllocatePoolWithTag(NonPagedPoolNx, BYTES, TAG) : ExAllocatePoolZero(NonPagedPoolNx, BYTES, TAG);
	MUST(pool[at] != NULL);
	for (uint32_t i = 0; at % 2 != 0 && i < BYTES; i++)
		MUST(pool[at][i] == 0);
	mark(pool[at], at);
}

static void list_make(void)
{
	if (!has_list)
		MUST(ExInitializeLookasideListEx(&list, NULL, NULL, NonPagedPoolNx, 0, BYTES, TAG, 0) == STATUS_SUCCESS);
	has_list = true;
}

static void list_use(void)
{
	uint32_t at = take_below(BLOCKS);

	if (!has_list)
		return;
	if (listed[at] == NULL) {
		listed[at] = ExAllocateFromLookasideListEx(&list);
		MUST(listed[at] != NULL);
		mark(listed[at], at);
		return;
	}
	check(listed[at], at);
	ExFreeToLookasideListEx(&list, listed[at]);
	listed[at] = NULL;
}

static void list_gone(void)
{
	if (!has_list)
		return;
	for (uint32_t at = 0; at < BLOCKS; at++)
		if (listed[at] != NULL)
			ExFreeToLookasideListEx(&list, listed[at]);
	memset(listed, 0, sizeof(listed));
	ExFlushLookasideListEx(&list);
	ExDeleteLookasideListEx(&list);
	has_list = false;
}

/* ---- run-down ---- */

static void make_aware(void)
{
	if (rundown.aware != NULL)
		return;
	rundown.aware = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, TAG);
	MUST(rundown.aware != NULL && ExSizeOfRundownProtectionCacheAware() > 0);
	rundown.references[1] = 0;
	rundown.begun[1] = false;
}

static void acquire(void)
{
	uint32_t at = take_below(2), count = 1 + take_below(3);
	BOOLEAN given;

	if (at == 1 && rundown.aware == NULL)
		return;
	if (at == 0)
		given = count == 1 ? ExAcquireRundownProtection(&rundown.plain) : ExAcquireRundownProtectionEx(&rundown.plain, count);
	else
		given = count == 1 ? ExAcquireRundownProtectionCacheAware(rundown.aware) :
			ExAcquireRundownProtectionCacheAwareEx(rundown.aware, count);
	MUST((given != FALSE) == !rundown.begun[at]);
	rundown.references[at] += given ? count : 0;
}

static void release_at(uint32_t at)
{
	uint32_t count = rundown.references[at];

	if (count == 0)
		return;
	if (at == 0) {
		ExReleaseRundownProtection(&rundown.plain);
		if (count > 1)
			ExReleaseRundownProtectionEx(&rundown.plain, count - 1);
	} else {
		ExReleaseRundownProtectionCacheAware(rundown.aware);
		if (count > 1)
			ExReleaseRundownProtectionCacheAwareEx(rundown.aware, count - 1);
	}
	rundown.references[at] = 0;
}

static void release(void)
{
	release_at(take_below(2));
}

static void run_down(void)
{
	uint32_t at = take_below(2);

	if (rundown.references[at] != 0 || (at == 1 && rundown.aware == NULL))
		return;
	if (at == 0)
		ExWaitForRundownProtectionRelease(&rundown.plain);
	else
		ExWaitForRundownProtectionReleaseCacheAware(rundown.aware);
	rundown.begun[at] = true;
}

static void again(void)
{
	uint32_t at = take_below(2);

	if (!rundown.begun[at])
		return;
	if (at == 0) {
		ExRundownCompleted(&rundown.plain);
		ExReInitializeRundownProtection(&rundown.plain);
	} else {
		ExRundownCompletedCacheAware(rundown.aware);
		ExReInitializeRundownProtectionCacheAware(rundown.aware);
	}
	rundown.begun[at] = false;
}

/* ---- named events ---- */

static void open_event(void)
{
	OBJECT_ATTRIBUTES description;
	UNICODE_STRING name;
	PKEVENT event;

	if (named != NULL)
		return;
	MUST(CreateMemoryResourceNotification((MEMORY_RESOURCE_NOTIFICATION_TYPE)2) == NULL);
	MUST(GetLastError() == ERROR_INVALID_PARAMETER);
	RtlInitUnicodeString(&name, L"\\KernelObjects\\Nothing");
	MUST(IoCreateNotificationEvent(&name, &named) == NULL && named == NULL);
	RtlInitUnicodeString(&name, L"\\KernelObjects\\LowMemoryCondition");
	if (take_below(3) == 0) {
		named = CreateMemoryResourceNotification(LowMemoryResourceNotification);
		MUST(named != NULL);
		return;
	}
	if (take_below(2) != 0) {
		InitializeObjectAttributes(&description, &name, 0, NULL, NULL);
		MUST(ZwOpenEvent(&named, EVENT_ALL_ACCESS, &description) == STATUS_SUCCESS && named != NULL);
		return;
	}
	event = IoCreateNotificationEvent(&name, &named);
	MUST(event != NULL && named != NULL && KeReadStateEvent(event) == 0);
}

static void ask_event(void)
{
	LARGE_INTEGER at_once = { .QuadPart = 0 };
	PVOID object = NULL;
	BOOL low = TRUE;

	if (named == NULL)
		return;
	MUST(ZwWaitForSingleObject(named, FALSE, &at_once) == STATUS_TIMEOUT);
	MUST(QueryMemoryResourceNotification(named, &low) && !low);
	MUST(ObReferenceObjectByHandle(named, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, &object, NULL) == STATUS_SUCCESS);
	ObDereferenceObject(object);
	MUST(ObReferenceObjectByHandle(named, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &object, NULL) ==
	     STATUS_OBJECT_TYPE_MISMATCH);
}

static void close_event(void)
{
	MUST(ZwClose(named) == (named != NULL ? STATUS_SUCCESS : STATUS_INVALID_HANDLE));
	named = NULL;
}

/* ---- the part ---- */

static void begin(void)
{
	memset(&rundown, 0, sizeof(rundown));
	ExInitializeRundownProtection(&rundown.plain);
	named = NULL;
}

static void end(void)
{
	for (uint32_t at = 0; at < BLOCKS; at++)
		pool_drop(at);
	list_gone();
	release_at(0);
	release_at(1);
	if (rundown.aware != NULL)
		ExFreeCacheAwareRundownProtection(rundown.aware);
	if (named != NULL)
		close_event();
}

static void (*const operations[])(void) = { use_pool, use_pool, list_make, list_use, list_use, list_use, list_gone, make_aware,
	acquire, acquire, release, run_down, again, open_event, ask_event, close_event };

const struct part memory_part = { "memory", operations, COUNT(operations), begin, end };
