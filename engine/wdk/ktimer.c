/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ktimer.c - timers under their Windows names: the native object behind a head that says what waiting has to do.
 */
#include "binding.h"

_Static_assert(sizeof(struct dhpi_waitable) == offsetof(KTIMER, timer), "the head of a timer is what waiting takes");

VOID KeInitializeTimerEx(PKTIMER Timer, TIMER_TYPE Type)
{
	enum dhp_status status = dhp_timer_init(&Timer->timer, dhpi_wdk_engine());

	DHPI_CHECK(2, !dhp_failed(status), "a timer needs memory and a bound engine");
	(void)status; /* one that was not initialised is refused by every other call */
	dhpi_waitable_init((struct dhpi_waitable *)(void *)Timer,
			   Type == SynchronizationTimer ? DHPI_WAIT_TIMER_TAKEN : DHPI_WAIT_TIMER, 0);
}

VOID KeInitializeTimer(PKTIMER Timer)
{
	KeInitializeTimerEx(Timer, NotificationTimer);
}

/* S-680. */
BOOLEAN KeSetCoalescableTimer(PKTIMER Timer, LARGE_INTEGER DueTime, ULONG Period, ULONG TolerableDelay, PKDPC Dpc)
{
	bool absolute = DueTime.QuadPart > 0;
	const struct dhp_timer_setting setting = {
		.size = sizeof(setting),
		.absolute = absolute,
		.due_ns = absolute ? dhpi_wall_ns_of(DueTime.QuadPart) : dhpi_relative_ns_of(DueTime.QuadPart),
		.period_ms = Period,
		.tolerance_ms = TolerableDelay,
		.dpc = Dpc,
	};
	enum dhp_status status = dhp_timer_set(&Timer->timer, &setting);

	DHPI_CHECK(2, status != DHP_BAD_OBJECT && status != DHP_BAD_OPTIONS, "a timer and its DPC are initialised");
	return status == DHP_REPLACED;
}

BOOLEAN KeSetTimerEx(PKTIMER Timer, LARGE_INTEGER DueTime, LONG Period, PKDPC Dpc)
{
	DHPI_CHECK(2, Period >= 0, "S-682: a period is not below zero");
	return KeSetCoalescableTimer(Timer, DueTime, Period > 0 ? (ULONG)Period : 0, 0, Dpc);
}

BOOLEAN KeSetTimer(PKTIMER Timer, LARGE_INTEGER DueTime, PKDPC Dpc)
{
	return KeSetTimerEx(Timer, DueTime, 0, Dpc);
}

BOOLEAN KeCancelTimer(PKTIMER Timer)
{
	return dhp_timer_cancel(&Timer->timer) == DHP_OK;
}

BOOLEAN KeReadStateTimer(PKTIMER Timer)
{
	return dhp_timer_has_expired(&Timer->timer);
}

enum dhp_status dhpi_timer_wait(struct dhpi_waitable *object, uint64_t limit_ns)
{
	PKTIMER timer = (PKTIMER)(void *)object;

	return dhp_timer_wait(&timer->timer, object->kind == DHPI_WAIT_TIMER_TAKEN, limit_ns);
}
