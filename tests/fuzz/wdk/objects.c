/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread waits for, its level, and locks: all by one thread, so every state is known, and each wait ends at once.
 */
#include "wdk.h"

#define OBJECTS 3u

static LARGE_INTEGER at_once, far = { .QuadPart = -INT64_C(1000000000000) };

static struct {
	KEVENT event;
	EVENT_TYPE type;
	bool ready, set;
} events[OBJECTS];

static struct {
	KSEMAPHORE semaphore;
	LONG now, limit; /* 0: not ready */
} semaphores[OBJECTS];

static struct {
	KTIMER timer;
	bool ready, set;
} timers[OBJECTS];

static NTSTATUS wait_for(PVOID object)
{
	return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &at_once);
}

/* ---- events ---- */

static void event_make(void)
{
	uint32_t at = take_below(OBJECTS), how = take();

	events[at].type = (how & 1) != 0 ? SynchronizationEvent : NotificationEvent;
	events[at].set = (how & 2) != 0;
	events[at].ready = true;
	KeInitializeEvent(&events[at].event, events[at].type, events[at].set);
}

static void event_set(void)
{
	uint32_t at = take_below(OBJECTS);

	if (!events[at].ready)
		return;
	MUST((KeReadStateEvent(&events[at].event) != 0) == events[at].set);
	MUST((KeSetEvent(&events[at].event, IO_NO_INCREMENT, FALSE) != 0) == events[at].set);
	events[at].set = true;
	if ((take() & 1) == 0)
		return;
	KeClearEvent(&events[at].event);
	events[at].set = false;
}

static void event_wait(void)
{
	uint32_t at = take_below(OBJECTS);

	if (!events[at].ready)
		return;
	MUST(wait_for(&events[at].event) == (events[at].set ? STATUS_SUCCESS : STATUS_TIMEOUT));
	events[at].set = events[at].set && events[at].type == NotificationEvent;
	MUST((KeReadStateEvent(&events[at].event) != 0) == events[at].set);
}

/* ---- semaphores ---- */

static void semaphore_make(void)
{
	uint32_t at = take_below(OBJECTS);

	semaphores[at].limit = 1 + (LONG)take_below(4);
	semaphores[at].now = (LONG)take_below((uint32_t)semaphores[at].limit + 1);
	KeInitializeSemaphore(&semaphores[at].semaphore, semaphores[at].now, semaphores[at].limit);
}

static void semaphore_release(void)
{
	uint32_t at = take_below(OBJECTS);
	LONG by = (LONG)take_below(4);

	if (semaphores[at].limit == 0)
		return;
	MUST(KeReleaseSemaphore(&semaphores[at].semaphore, IO_NO_INCREMENT, by, FALSE) == semaphores[at].now);
	semaphores[at].now += by <= semaphores[at].limit - semaphores[at].now ? by : 0; /* beyond the limit: nothing is changed */
	MUST(KeReadStateSemaphore(&semaphores[at].semaphore) == semaphores[at].now);
}

static void semaphore_wait(void)
{
	uint32_t at = take_below(OBJECTS);

	if (semaphores[at].limit == 0)
		return;
	MUST(wait_for(&semaphores[at].semaphore) == (semaphores[at].now > 0 ? STATUS_SUCCESS : STATUS_TIMEOUT));
	semaphores[at].now -= semaphores[at].now > 0;
}

/* ---- timers that are far ---- */

static void timer_cancel_at(uint32_t at)
{
	if (!timers[at].ready)
		return;
	MUST((KeCancelTimer(&timers[at].timer) != FALSE) == timers[at].set);
	timers[at].set = false;
}

static void timer_make(void)
{
	uint32_t at = take_below(OBJECTS);

	timer_cancel_at(at);
	timers[at].ready = true;
	if (take_below(2) != 0)
		KeInitializeTimerEx(&timers[at].timer, SynchronizationTimer);
	else
		KeInitializeTimer(&timers[at].timer);
}

static void timer_set(void)
{
	uint32_t at = take_below(OBJECTS), how = take_below(3);
	BOOLEAN before;

	if (!timers[at].ready)
		return;
	before = how == 0 ? KeSetTimer(&timers[at].timer, far, NULL) : how == 1 ? KeSetTimerEx(&timers[at].timer, far, 10, NULL) :
		 KeSetCoalescableTimer(&timers[at].timer, far, 10, 5, NULL);
	MUST((before != FALSE) == timers[at].set);
	timers[at].set = true;
	MUST(!KeReadStateTimer(&timers[at].timer) && wait_for(&timers[at].timer) == STATUS_TIMEOUT);
}

static void timer_cancel(void)
{
	timer_cancel_at(take_below(OBJECTS));
}

/* ---- levels and locks ---- */

static void levels(void)
{
	KSPIN_LOCK spin, inner;
	KDPC_WATCHDOG_INFORMATION watchdog;
	KIRQL before = PASSIVE_LEVEL, locked;

	KeInitializeSpinLock(&spin);
	KeInitializeSpinLock(&inner);
	KeRaiseIrql((KIRQL)take_below(3), &before);
	MUST(before == PASSIVE_LEVEL && !KeIsExecutingDpc());
	locked = KeAcquireSpinLockRaiseToDpc(&spin);
	MUST(KeGetCurrentIrql() == DISPATCH_LEVEL);
	KeAcquireSpinLockAtDpcLevel(&inner);
	MUST(KeRaiseIrqlToDpcLevel() == DISPATCH_LEVEL && !KeShouldYieldProcessor());
	KeLowerIrql(DISPATCH_LEVEL);
	KeReleaseSpinLockFromDpcLevel(&inner);
	KeReleaseSpinLock(&spin, locked);
	MUST(KeGetCurrentIrql() == locked);
	KeLowerIrql(before);
	MUST(KfRaiseIrql(APC_LEVEL) == PASSIVE_LEVEL && KeGetCurrentIrql() == APC_LEVEL);
	KeLowerIrql(PASSIVE_LEVEL);
	MUST(KeGetCurrentIrql() == PASSIVE_LEVEL && KeQueryDpcWatchdogInformation(&watchdog) == STATUS_UNSUCCESSFUL);
}

static void push_lock(void)
{
	EX_PUSH_LOCK lock;

	ExInitializePushLock(&lock);
	KeEnterCriticalRegion();
	ExAcquirePushLockExclusive(&lock);
	ExReleasePushLockExclusive(&lock);
	ExAcquirePushLockShared(&lock);
	ExAcquirePushLockShared(&lock);
	ExReleasePushLockShared(&lock);
	ExReleasePushLockShared(&lock);
	KeLeaveCriticalRegion();
}

static void times(void)
{
	ULONGLONG now = KeQueryInterruptTime();
	LARGE_INTEGER ticks, wall;
	ULONG64 stamp;

	MUST(KeQueryUnbiasedInterruptTimePrecise(&stamp) >= now);
	KeQueryTickCount(&ticks);
	KeQuerySystemTime(&wall);
	MUST(ticks.QuadPart > 0 && wall.QuadPart > 0);
}

static void begin(void)
{
	memset(events, 0, sizeof(events));
	memset(semaphores, 0, sizeof(semaphores));
	memset(timers, 0, sizeof(timers));
}

static void end(void)
{
	for (uint32_t at = 0; at < OBJECTS; at++)
		timer_cancel_at(at);
}

static void (*const operations[])(void) = { event_make, event_set, event_set, event_wait, event_wait, semaphore_make,
	semaphore_release, semaphore_release, semaphore_wait, timer_make, timer_set, timer_cancel, levels, push_lock, times };

const struct part objects_part = { "objects", operations, COUNT(operations), begin, end };
