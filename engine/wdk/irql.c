/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * irql.c - the level of the calling thread, and locks.
 *
 * A spin lock is a word of zeros; its holder may lose the processor here, as it could not in a kernel, so who waits gives
 * way after a while. A push lock is a word too: bit 0 held exclusively, bit 1 somebody wants it so, and the rest counts
 * its shared holders.
 *
 * I1        while bit 1 is set no shared holder is admitted: a stream of readers does not starve a writer. Who takes the
 *           lock exclusively clears the bit; others who want it are woken by the release and set it again.
 */
#include "binding.h"

_Static_assert(sizeof(ULONG_PTR) == sizeof(struct at_u64), "a lock is one word");

/* ---- levels ---- */

KIRQL KeGetCurrentIrql(void)
{
	return (KIRQL)dhp_level();
}

/* S-040: higher levels are not modelled; they count as the highest that is. */
KIRQL KfRaiseIrql(KIRQL NewIrql)
{
	return (KIRQL)dhp_level_raise(NewIrql < DISPATCH_LEVEL ? (enum dhp_level)NewIrql : DHP_DISPATCH);
}

VOID KeRaiseIrql(KIRQL NewIrql, PKIRQL OldIrql)
{
	*OldIrql = KfRaiseIrql(NewIrql);
}

KIRQL KeRaiseIrqlToDpcLevel(void)
{
	return KfRaiseIrql(DISPATCH_LEVEL);
}

VOID KeLowerIrql(KIRQL NewIrql)
{
	dhp_level_lower(NewIrql < DISPATCH_LEVEL ? (enum dhp_level)NewIrql : DHP_DISPATCH);
}

/* There are no asynchronous procedure calls to be held off. */
VOID KeEnterCriticalRegion(void)
{
}

VOID KeLeaveCriticalRegion(void)
{
}

/* ---- spin locks ---- */

#define SPINS_BEFORE_GIVING_WAY 100u

static struct at_u64 *word_of(ULONG_PTR *lock)
{
	return (struct at_u64 *)lock;
}

VOID KeInitializeSpinLock(PKSPIN_LOCK SpinLock)
{
	at_init_u64(word_of(SpinLock), 0);
}

VOID KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
	for (uint32_t spins = 0; at_exchange_acquire_u64(word_of(SpinLock), 1) != 0; spins++) { /* [wdk-spin] acquire */
		if (spins < SPINS_BEFORE_GIVING_WAY)
			port_relax();
		else
			port_yield();
	}
}

VOID KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
	at_store_release_u64(word_of(SpinLock), 0); /* [wdk-spin] release */
}

KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
	KIRQL before = KeRaiseIrqlToDpcLevel();

	KeAcquireSpinLockAtDpcLevel(SpinLock);
	return before;
}

VOID KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
	KeReleaseSpinLockFromDpcLevel(SpinLock);
	KeLowerIrql(NewIrql);
}

/* ---- push locks ---- */

#define HELD ((uint64_t)1)
#define WANTED ((uint64_t)2)
#define ONE_SHARED ((uint64_t)4)

static bool take_exclusive(void *lock)
{
	struct at_u64 *word = lock;
	uint64_t value = at_load_relaxed_u64(word); /* relaxed: confirmed by the exchange */

	for (;;) {
		uint64_t wanted = (value & ~WANTED) == 0 ? HELD : value | WANTED;

		if (at_cas_acquire_u64(word, &value, wanted)) /* [wdk-push] acquire */
			return wanted == HELD;
	}
}

static bool take_shared(void *lock)
{
	struct at_u64 *word = lock;
	uint64_t value = at_load_relaxed_u64(word); /* relaxed: confirmed by the exchange */

	while ((value & (HELD | WANTED)) == 0) /* I1 */
		if (at_cas_acquire_u64(word, &value, value + ONE_SHARED)) /* [wdk-push] acquire */
			return true;
	return false;
}

VOID ExInitializePushLock(PEX_PUSH_LOCK PushLock)
{
	at_init_u64(word_of(&PushLock->Value), 0);
}

VOID ExAcquirePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
	DHPI_CHECK(2, !dhpi_in_routine(), "S-041, S-661: a push lock in a DPC, or at dispatch level");
	(void)dhpi_park(word_of(&PushLock->Value), take_exclusive, DHPI_NO_LIMIT);
}

VOID ExAcquirePushLockShared(PEX_PUSH_LOCK PushLock)
{
	DHPI_CHECK(2, !dhpi_in_routine(), "S-041, S-661: a push lock in a DPC, or at dispatch level");
	(void)dhpi_park(word_of(&PushLock->Value), take_shared, DHPI_NO_LIMIT);
}

/* Bit 1 stays: who wants the lock comes before new shared holders. */
VOID ExReleasePushLockExclusive(PEX_PUSH_LOCK PushLock)
{
	struct at_u64 *word = word_of(&PushLock->Value);

	(void)at_fetch_sub_acq_rel_u64(word, HELD); /* [wdk-push] release */
	dhpi_unpark(word);
}

VOID ExReleasePushLockShared(PEX_PUSH_LOCK PushLock)
{
	struct at_u64 *word = word_of(&PushLock->Value);

	(void)at_fetch_sub_acq_rel_u64(word, ONE_SHARED); /* [wdk-push] release */
	dhpi_unpark(word);
}
