/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timer.h - a DPC that is inserted when a time has come.
 *
 * Relative times follow the monotonic clock, absolute ones the wall clock and its changes (S-691). A timer never expires
 * early (S-690). One DPC serves a timer or direct inserts, not both: its routine could not tell them apart (S-687).
 * The DPC goes to its target, otherwise to a processor of the engine's choice (S-693), and its processing is requested at
 * once, whatever its importance.
 *
 * To free a periodic timer: cancel it, then remove and flush its DPC (S-653, S-692). A one-shot timer may be freed by the
 * routine that it started (S-689).
 */
#ifndef DHP_TIMER_H
#define DHP_TIMER_H

#include <dhp/base.h>
#include <dhp/work.h>

struct dhp_engine;

/* Opaque; 96 bytes, aligned to a pointer. */
struct dhp_timer {
	uint64_t opaque[12];
};

/* Zero means: relative, at once, once, exactly, no DPC. */
struct dhp_timer_setting {
	size_t size;           /* sizeof(struct dhp_timer_setting) */
	bool absolute;         /* due_ns is wall-clock time since 1970; otherwise from now */
	uint64_t due_ns;       /* zero or past: expires at once (S-680) */
	uint32_t period_ms;    /* 0: one shot (S-682) */
	uint32_t tolerance_ms; /* first expiry in [due, due + tolerance], later ones likewise (S-685) */
	struct dhp_dpc *dpc;   /* inserted at each expiry, with arguments NULL (S-688); NULL: only the state tells */
};

#define DHP_TIMER_FOREVER UINT64_MAX

DHP_BEGIN_DECLS

/*
 * dhp_timer_init - prepare a timer: not set, not expired.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the memory is the caller's and must stay as long as the timer is set
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_OBJECT (NULL or misaligned)
 */
DHP_API enum dhp_status dhp_timer_init(struct dhp_timer *timer, struct dhp_engine *engine);

/*
 * dhp_timer_set - set a timer, in place of an earlier setting if there is one (S-681).
 *
 * When it expires it counts as expired, and the DPC is inserted; if that is still queued the expiry is lost (S-683). A
 * periodic timer is then set again, one period after the time that was due, so its routine may run on two processors at a
 * time (S-684). Periods that have gone by altogether are lost too. While the timer is set neither target nor importance of
 * the DPC should change: the next run may follow the old or the new one (S-639).
 *
 * Level     passive, dispatch
 * Blocks    a few instructions on another call for a timer of this engine
 * Progress  blocking in that sense; O(log n) with n timers set
 * Orders    what the caller wrote before is visible to the routine [spin], [dpc-push]
 * Lifetime  timer and DPC are in use until the timer has expired (one shot) or is cancelled, and the DPC has run
 * Returns   DHP_OK; DHP_REPLACED: it was set, and that setting will not expire any more, though a DPC that it has queued
 *           may still run; DHP_BAD_OBJECT; DHP_BAD_OPTIONS (also: the DPC is not one of this engine); DHP_CLOSED;
 *           DHP_NOT_SUPPORTED: the engine has no workers
 */
DHP_API enum dhp_status dhp_timer_set(struct dhp_timer *timer, const struct dhp_timer_setting *setting);

/*
 * dhp_timer_cancel - the timer does not expire any more.
 *
 * A DPC that it has queued is not withdrawn, one that runs goes on: remove it, and flush before freeing (S-686).
 *
 * Level     passive, dispatch
 * Blocks    as dhp_timer_set
 * Progress  as dhp_timer_set
 * Orders    -
 * Lifetime  after the return the library does not touch the timer
 * Returns   DHP_OK: it was set, as a periodic one always is; DHP_NOT_SET: it was never set, has expired or was cancelled;
 *           DHP_BAD_OBJECT
 */
DHP_API enum dhp_status dhp_timer_cancel(struct dhp_timer *timer);

/*
 * dhp_timer_is_set - whether the timer will expire.
 * dhp_timer_has_expired - whether it has expired since it was last set; a cancellation changes nothing about that.
 *
 * Level     passive, dispatch
 * Blocks    as dhp_timer_set
 * Progress  as dhp_timer_set
 * Orders    -
 * Lifetime  -
 * Returns   false for what is no timer
 */
DHP_API bool dhp_timer_is_set(struct dhp_timer *timer);
DHP_API bool dhp_timer_has_expired(struct dhp_timer *timer);

/*
 * dhp_timer_wait - sleep until the timer has expired since it was last set, or so long at most.
 *
 * Returns at once if it has. take: whoever is let go takes the expiry with him, so that one waiter goes for each, and
 * the timer counts as not expired again; otherwise all go. A cancelled timer lets nobody go. timeout_ns: 0 does not wait,
 * DHP_TIMER_FOREVER waits without a limit.
 *
 * Level     passive; dispatch too with a limit of 0
 * Blocks    until then
 * Progress  blocking
 * Orders    what came before the setting, and the insertion of the DPC, happen before the return [spin]
 * Lifetime  the waiter may free a one-shot timer after the return; the engine may not be destroyed before it
 * Returns   DHP_OK; DHP_TIMED_OUT, which is no failure; DHP_BAD_OBJECT, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_timer_wait(struct dhp_timer *timer, bool take, uint64_t timeout_ns);

DHP_END_DECLS

#endif
