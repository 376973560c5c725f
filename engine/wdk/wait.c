/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait.c - events, semaphores, and waiting: for them, and for timers and named events, which the engine keeps.
 *
 * Problem   a waiter often owns the object, on its stack: it may be gone the moment its state says "signalled". So who
 *           signals may not touch it after that store, and cannot wake by way of it.
 * Idea      waiters sleep in one of a few places chosen by the object's address. To signal is to store the state and then
 *           to count up the place, for which the address as a number is enough.
 * I1        after the store of the state the setter uses the address only as a number.
 * I2        a waiter takes the place's ticket, then looks at the state, then sleeps: a signal in between changes the count.
 *           Objects that share a place wake each other's waiters, who look again.
 */
#include "binding.h"

_Static_assert(sizeof(struct dhpi_waitable) == sizeof(KEVENT), "an event is what waiting takes");
_Static_assert(sizeof(struct dhpi_waitable) == sizeof(KSEMAPHORE), "so is a semaphore");

/* ---- places to sleep ---- */

#define PLACES 64u

static struct place {
	DHPI_OWN_LINES struct port_event event; /* of zeros: no signal so far */
} places[PLACES];

static struct port_event *place_of(const void *object)
{
	uintptr_t address = (uintptr_t)object;

	return &places[(address >> 4 ^ address >> 12) % PLACES].event;
}

void dhpi_unpark(const void *object)
{
	(void)port_event_signal(place_of(object));
}

bool dhpi_park(void *object, bool (*attempt)(void *object), uint64_t limit_ns)
{
	struct port_event *place = place_of(object);
	uint64_t began_ns = port_now_ns();

	for (;;) {
		uint32_t ticket = port_event_ticket(place);
		uint64_t passed_ns;

		if (attempt(object)) /* I2 */
			return true;
		passed_ns = port_now_ns() - began_ns;
		if (passed_ns >= limit_ns)
			return false;
		port_event_wait(place, ticket, limit_ns == DHPI_NO_LIMIT ? 0 : limit_ns - passed_ns);
	}
}

/* ---- what can be waited for ---- */

static struct dhpi_waitable *waitable_of(void *object)
{
	return object;
}

void dhpi_waitable_init(struct dhpi_waitable *object, enum dhpi_waitable_kind kind, uint32_t state)
{
	object->kind = kind;
	object->limit = 1;
	object->unused = 0;
	at_init_u32(&object->state, state);
}

uint32_t dhpi_waitable_set(struct dhpi_waitable *object, uint32_t state)
{
	/* [wdk-signal] release; [wdk-signal] acquire: what the setter before did */
	uint32_t before = at_exchange_acq_rel_u32(&object->state, state);

	if (state != 0 && before == 0)
		dhpi_unpark(object); /* I1 */
	return before;
}

static bool signalled(void *object)
{
	return at_load_acquire_u32(&waitable_of(object)->state) != 0; /* [wdk-signal] acquire */
}

static bool take_one(void *object)
{
	struct at_u32 *state = &waitable_of(object)->state;
	uint32_t count = at_load_relaxed_u32(state); /* relaxed: confirmed by the exchange */

	while (count != 0)
		if (at_cas_acquire_u32(state, &count, count - 1)) /* [wdk-signal] acquire */
			return true;
	return false;
}

/* ---- events ---- */

VOID KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
	dhpi_waitable_init(waitable_of(Event),
			   Type == SynchronizationEvent ? DHPI_WAIT_SYNCHRONIZATION : DHPI_WAIT_NOTIFICATION,
			   State != FALSE);
}

/* S-310: the condition says when a named event is set, nobody else. */
static bool is_a_condition(const struct dhpi_waitable *object)
{
	DHPI_CHECK(2, object->kind != DHPI_WAIT_MEMORY, "S-310: a named event is neither set nor cleared");
	return object->kind == DHPI_WAIT_MEMORY;
}

LONG KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
	(void)Increment;
	(void)Wait;
	if (is_a_condition(waitable_of(Event)))
		return KeReadStateEvent(Event);
	return (LONG)dhpi_waitable_set(waitable_of(Event), 1);
}

VOID KeClearEvent(PRKEVENT Event)
{
	if (!is_a_condition(waitable_of(Event)))
		(void)dhpi_waitable_set(waitable_of(Event), 0);
}

LONG KeReadStateEvent(PRKEVENT Event)
{
	const struct dhpi_waitable *object = waitable_of(Event);

	return object->kind == DHPI_WAIT_MEMORY ? dhpi_named_signalled(object) : signalled(Event);
}

/* ---- semaphores ---- */

VOID KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
	struct dhpi_waitable *object = waitable_of(Semaphore);

	DHPI_CHECK(2, Count >= 0 && Limit > 0 && Count <= Limit, "a count from 0 to the limit");
	dhpi_waitable_init(object, DHPI_WAIT_SEMAPHORE, (uint32_t)Count);
	object->limit = (uint32_t)Limit;
}

LONG KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait)
{
	struct dhpi_waitable *object = waitable_of(Semaphore);
	uint32_t count = at_load_relaxed_u32(&object->state); /* relaxed: confirmed by the exchange */
	uint32_t limit = object->limit;

	(void)Increment;
	(void)Wait;
	do {
		if (Adjustment <= 0 || (uint32_t)Adjustment > limit - count)
			return (LONG)count; /* beyond the limit: nothing is changed */
	} while (!at_cas_acq_rel_u32(&object->state, &count, count + (uint32_t)Adjustment)); /* [wdk-signal] release */
	dhpi_unpark(object); /* I1 */
	return (LONG)count;
}

LONG KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
	return (LONG)at_load_acquire_u32(&waitable_of(Semaphore)->state); /* [wdk-signal] acquire */
}

/* ---- waiting ---- */

static enum dhp_status park(struct dhpi_waitable *object, bool (*attempt)(void *object), uint64_t limit_ns)
{
	return dhpi_park(object, attempt, limit_ns) ? DHP_OK : DHP_TIMED_OUT;
}

/* Without limit it does not go on before that thread ends, and whoever asks is told so. */
static enum dhp_status park_for_thread(struct dhpi_waitable *object, uint64_t limit_ns)
{
	struct at_ptr *waits_for = &port_self()->waits_for;
	enum dhp_status status;

	if (limit_ns == DHPI_NO_LIMIT)
		at_store_relaxed_ptr(waits_for, object); /* relaxed: a hint, looked at again (S-243) */
	status = park(object, signalled, limit_ns);
	at_store_relaxed_ptr(waits_for, NULL); /* relaxed: likewise; the object is still referred to */
	return status;
}

static enum dhp_status wait_for(struct dhpi_waitable *object, uint64_t limit_ns)
{
	switch ((enum dhpi_waitable_kind)object->kind) {
	case DHPI_WAIT_NOTIFICATION:
		return park(object, signalled, limit_ns);
	case DHPI_WAIT_THREAD:
		return park_for_thread(object, limit_ns);
	case DHPI_WAIT_SYNCHRONIZATION:
	case DHPI_WAIT_SEMAPHORE:
		return park(object, take_one, limit_ns);
	case DHPI_WAIT_TIMER:
	case DHPI_WAIT_TIMER_TAKEN:
		return dhpi_timer_wait(object, limit_ns);
	case DHPI_WAIT_MEMORY:
		return dhpi_named_wait(object, limit_ns);
	case DHPI_WAIT_NEVER:
		break;
	}
	return DHP_BAD_OBJECT;
}

#define LOOK_AT_CLOCK_NS 100000000u

/* Until the wall clock says so, whatever is done to it: in pieces. */
static enum dhp_status wait_until(struct dhpi_waitable *object, uint64_t wall_ns)
{
	for (;;) {
		uint64_t now_ns = port_wall_ns(), left_ns = wall_ns > now_ns ? wall_ns - now_ns : 0;
		enum dhp_status status = wait_for(object, left_ns < LOOK_AT_CLOCK_NS ? left_ns : LOOK_AT_CLOCK_NS);

		if (status != DHP_TIMED_OUT || left_ns == 0)
			return status;
	}
}

static enum dhp_status wait_as_told(struct dhpi_waitable *object, const LARGE_INTEGER *timeout)
{
	if (timeout == NULL)
		return wait_for(object, DHPI_NO_LIMIT);
	if (timeout->QuadPart > 0)
		return wait_until(object, dhpi_wall_ns_of(timeout->QuadPart));
	return wait_for(object, dhpi_relative_ns_of(timeout->QuadPart));
}

NTSTATUS KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable,
			       PLARGE_INTEGER Timeout)
{
	enum dhp_status status;

	(void)WaitReason;
	(void)WaitMode;
	(void)Alertable;
	if (Object == NULL)
		return STATUS_INVALID_PARAMETER;
	if (dhpi_in_routine() && (Timeout == NULL || Timeout->QuadPart != 0)) {
		DHPI_CHECK(2, !dhpi_in_routine(), "S-617: a wait in a DPC, or at dispatch level");
		return dhp_wdk_status(DHP_WRONG_LEVEL);
	}
	status = wait_as_told(Object, Timeout);
	return status == DHP_BAD_OBJECT ? STATUS_INVALID_PARAMETER : dhp_wdk_status(status);
}

/* ---- time ---- */

#define TICK_NS 15625000u

ULONGLONG KeQueryInterruptTime(void)
{
	return port_now_ns() / 100;
}

ULONGLONG KeQueryUnbiasedInterruptTimePrecise(PULONG64 QpcTimeStamp)
{
	uint64_t now_ns = port_now_ns();

	if (QpcTimeStamp != NULL)
		*QpcTimeStamp = now_ns;
	return now_ns / 100;
}

VOID KeQueryTickCount(PLARGE_INTEGER CurrentCount)
{
	CurrentCount->QuadPart = (int64_t)(port_now_ns() / TICK_NS);
}

VOID KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
	CurrentTime->QuadPart = (int64_t)(port_wall_ns() / 100 + DHPI_WALL_EPOCH);
}

static uint64_t units_to_ns(uint64_t units)
{
	return units < UINT64_MAX / 100 ? units * 100 : UINT64_MAX;
}

uint64_t dhpi_wall_ns_of(int64_t system_time)
{
	uint64_t units = (uint64_t)system_time;

	return units > DHPI_WALL_EPOCH ? units_to_ns(units - DHPI_WALL_EPOCH) : 0;
}

DHPI_WRAPS("the negative of a number, also of the smallest")
uint64_t dhpi_relative_ns_of(int64_t system_time)
{
	return units_to_ns(0 - (uint64_t)system_time);
}
