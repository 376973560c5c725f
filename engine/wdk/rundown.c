/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown.c - run-down protection under its Windows names, in one word and with a count for each processor.
 */
#include "binding.h"

_Static_assert(sizeof(EX_RUNDOWN_REF) == sizeof(struct dhp_rundown), "one word");

/* ---- one word ---- */

VOID ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
	(void)dhp_rundown_init(&RunRef->Rundown);
}

BOOLEAN ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
	return dhp_rundown_acquire(&RunRef->Rundown, Count) == DHP_OK;
}

BOOLEAN ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
	return ExAcquireRundownProtectionEx(RunRef, 1);
}

VOID ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
	(void)dhp_rundown_release(&RunRef->Rundown, Count);
}

VOID ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
	ExReleaseRundownProtectionEx(RunRef, 1);
}

VOID ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
	(void)dhp_rundown_wait(&RunRef->Rundown);
}

VOID ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
	(void)dhp_rundown_completed(&RunRef->Rundown);
}

VOID ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
	(void)dhp_rundown_reinit(&RunRef->Rundown);
}

/* ---- cache-aware ---- */

/* In the caller's memory the counts follow, aligned. */
struct _EX_RUNDOWN_REF_CACHE_AWARE {
	struct dhp_rundown_percpu *native; /* NULL: there was no engine; nothing is given */
};

#define ALIGNMENT ((uintptr_t)DHP_LINE_PAIR_BYTES)

PEX_RUNDOWN_REF_CACHE_AWARE ExAllocateCacheAwareRundownProtection(POOL_TYPE PoolType, ULONG PoolTag)
{
	PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocatePoolZero(PoolType, sizeof(*ref), PoolTag);

	if (ref == NULL)
		return NULL;
	if (dhp_failed(dhp_rundown_percpu_create(dhpi_wdk_engine(), &ref->native))) {
		ExFreePool(ref);
		return NULL;
	}
	dhpi_wdk_hold();
	return ref;
}

VOID ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
	if (RunRefCacheAware == NULL || dhp_failed(dhp_rundown_percpu_destroy(RunRefCacheAware->native)))
		return;
	ExFreePool(RunRefCacheAware);
	dhpi_wdk_release();
}

SIZE_T ExSizeOfRundownProtectionCacheAware(void)
{
	size_t bytes = dhp_rundown_percpu_bytes(dhpi_wdk_engine());

	return bytes != 0 ? sizeof(struct _EX_RUNDOWN_REF_CACHE_AWARE) + ALIGNMENT - 1 + bytes : 0;
}

VOID ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, SIZE_T RunRefSize)
{
	uintptr_t start = ((uintptr_t)(RunRefCacheAware + 1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	size_t before = start - (uintptr_t)RunRefCacheAware;
	enum dhp_status status = DHP_BAD_SIZE;

	RunRefCacheAware->native = NULL;
	if (RunRefSize > before)
		status = dhp_rundown_percpu_init(dhpi_wdk_engine(), (void *)start, RunRefSize - before,
						 &RunRefCacheAware->native);
	DHPI_CHECK(2, !dhp_failed(status), "memory as large as ExSizeOfRundownProtectionCacheAware says, and an engine");
	(void)status;
}

BOOLEAN ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, ULONG Count)
{
	return dhp_rundown_percpu_acquire(RunRefCacheAware->native, Count) == DHP_OK;
}

BOOLEAN ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
	return ExAcquireRundownProtectionCacheAwareEx(RunRefCacheAware, 1);
}

VOID ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, ULONG Count)
{
	(void)dhp_rundown_percpu_release(RunRefCacheAware->native, Count);
}

VOID ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
	ExReleaseRundownProtectionCacheAwareEx(RunRefCacheAware, 1);
}

VOID ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
	(void)dhp_rundown_percpu_wait(RunRefCacheAware->native);
}

VOID ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
	(void)dhp_rundown_percpu_completed(RunRefCacheAware->native);
}

VOID ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
	(void)dhp_rundown_percpu_reinit(RunRefCacheAware->native);
}
