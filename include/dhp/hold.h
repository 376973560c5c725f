/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.h - requests that wait while their device is stopped: one flag and one queue (S-440).
 *
 * A request is an object of the caller. Submitted, it begins at once, in the caller's thread, and counts as in flight until
 * it is completed; or, while the queue holds, it waits, and begins in order when the hold ends. Nothing overtakes: what is
 * submitted while the held ones begin joins the tail (S-446). Several may want the same queue to hold, a rebalance and a
 * pause, say: it holds until the last of them has ended.
 *
 *             submit   complete   cancel   begin, end, wait
 *  submit     free     free(1)    free     free
 *  complete            free       free(2)  free
 *  cancel                         free     free
 *
 *  (1) of one request: only after it has begun      (2) of one request: the memory must outlive the cancel
 */
#ifndef DHP_HOLD_H
#define DHP_HOLD_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_hold;

/* Opaque; 48 bytes, aligned to a pointer. */
struct dhp_request {
	uint64_t opaque[6];
};

enum dhp_request_flags {
	/* A PnP or power request: never held, and not counted as in flight (S-443). */
	DHP_REQUEST_NEVER_HELD = 1u << 0,
	/* What could make a stop impossible: held from QUERY_STOP on, also where the rest is held from STOP on (S-449). */
	DHP_REQUEST_BLOCKS_STOP = 1u << 1
};

/*
 * DHP_OK: the request begins; sooner or later dhp_request_complete is called for it, here or elsewhere. Otherwise it is over
 * without having begun: DHP_CANCELLED (S-447) or DHP_DEVICE_GONE. The object is then idle and may be freed. What becomes of a
 * request is told to nobody else: it cannot change the result of START or CANCEL_STOP (S-445).
 *
 * Level     that of who submits, cancels or ends the hold
 */
typedef void dhp_request_routine(struct dhp_request *request, void *context, enum dhp_status status);

struct dhp_hold_stats {
	uint64_t holds_count;     /* times the flag was set */
	uint64_t held_count;      /* requests that waited */
	uint64_t cancelled_count; /* of those, cancelled */
	uint64_t last_hold_ns;    /* length of the last hold that has ended (S-451) */
	uint64_t longest_hold_ns;
	uint64_t holding_since_ns; /* monotonic clock; 0: it does not hold */
	uint32_t waiting_count;    /* held now */
	uint32_t in_flight_count;  /* begun and not completed */
};

DHP_BEGIN_DECLS

/*
 * dhp_hold_create - a queue that passes everything through. Made while the engine is paused, it holds until the resume.
 *
 * Level     passive, neither from a request routine called by dhp_resume_all nor from a synchronous callback (notify.h)
 * Blocks    while the engine is being paused or resumed
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until dhp_hold_destroy; context must live as long
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_CALLBACK, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_hold_create(struct dhp_engine *engine, dhp_request_routine *routine, void *context,
					struct dhp_hold **out_hold);

/*
 * dhp_hold_destroy - NULL is accepted.
 *
 * Level     passive, neither from a request routine called by dhp_resume_all nor from a synchronous callback (notify.h)
 * Blocks    while the engine is being paused or resumed
 * Progress  blocking
 * Orders    what completed requests did happens before the return [hold-quiet]
 * Lifetime  the queue is gone after DHP_OK; idle requests of it must not be submitted any more
 * Returns   DHP_OK; DHP_IN_USE: requests wait or are in flight, somebody holds it, or a device has it; DHP_IN_CALLBACK,
 *           DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_hold_destroy(struct dhp_hold *hold);

/*
 * dhp_request_init - prepare an object for one queue.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the memory is the caller's and must stay until the request is idle again
 * Returns   DHP_OK, DHP_BAD_OBJECT (NULL, misaligned, or no queue), DHP_BAD_FLAGS
 */
DHP_API enum dhp_status dhp_request_init(struct dhp_request *request, struct dhp_hold *hold, uint32_t flags);

/*
 * dhp_request_submit - begin the request now, or when the hold ends.
 *
 * Level     any but signal
 * Blocks    never on a routine of others; a few instructions on another use of the queue while it holds
 * Progress  lock-free while nothing is held: one compare and exchange, and one at the completion
 * Orders    all that was held, and what ended the hold, happens before a request that passes after it [hold-pass]
 * Lifetime  the object is in use until its completion, or until its routine got a failing status
 * Returns   DHP_OK: it has begun, the routine was called; DHP_HELD: it waits, the routine will be called;
 *           DHP_BAD_OBJECT; DHP_IN_USE: it was submitted and is not over; DHP_DEVICE_GONE: the device failed to start again
 */
DHP_API enum dhp_status dhp_request_submit(struct dhp_request *request);

/*
 * dhp_request_complete - a request that has begun is over. Also from inside its routine.
 *
 * Level     any but signal
 * Blocks    as dhp_request_submit; wakes by one system call who waits for quiet
 * Progress  lock-free while nothing is held
 * Orders    what the caller did before is visible to who waits for quiet [hold-quiet]
 * Lifetime  the object is idle from the call on
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_INVALID_STATE (it has not begun)
 */
DHP_API enum dhp_status dhp_request_complete(struct dhp_request *request);

/*
 * dhp_request_cancel - take a held request out; the order of the others is unchanged (S-447).
 *
 * For each held request exactly one happens: it begins, or its routine gets DHP_CANCELLED, before this call returns.
 *
 * Level     any but signal
 * Blocks    a few instructions on another use of the queue
 * Progress  blocking in that sense
 * Orders    nothing
 * Lifetime  after DHP_OK the object is idle
 * Returns   DHP_OK; DHP_NOT_HELD: idle, begun or over; DHP_BAD_OBJECT
 */
DHP_API enum dhp_status dhp_request_cancel(struct dhp_request *request);

/*
 * dhp_hold_begin - from now on requests are held. Counted: as many ends as begins.
 *
 * Level     any but signal
 * Blocks    a few instructions on another use of the queue
 * Progress  blocking in that sense
 * Orders    nothing: requests may be in flight, see dhp_hold_wait
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT
 */
DHP_API enum dhp_status dhp_hold_begin(struct dhp_hold *hold);

/*
 * dhp_hold_wait - wait until nothing is in flight (S-442, S-448).
 *
 * Level     passive
 * Blocks    until then, or limit_ns (0: no limit)
 * Progress  blocking
 * Orders    what the requests did happens before the return [hold-quiet]
 * Lifetime  -
 * Returns   DHP_OK; DHP_NOT_QUIET: the limit has passed; DHP_INVALID_STATE: it does not hold; DHP_BAD_OBJECT,
 *           DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_hold_wait(struct dhp_hold *hold, uint64_t limit_ns);

/*
 * dhp_hold_end - held requests begin, in order, in the calling thread; then new ones pass again (S-444, S-446).
 *
 * If another thread is doing so already it goes on, and this call returns. It ends what dhp_hold_begin began; what a pause or
 * a device holds goes on.
 *
 * Level     any but signal
 * Blocks    for the routines of the held requests
 * Progress  blocking in that sense
 * Orders    what the caller did before is visible to every request that begins [hold-pass]
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_INVALID_STATE (as many ends as begins so far)
 */
DHP_API enum dhp_status dhp_hold_end(struct dhp_hold *hold);

/*
 * dhp_hold_stats_read - what was held, and for how long (S-451).
 *
 * Level     any but signal
 * Blocks    a few instructions on another use of the queue
 * Progress  blocking in that sense
 * Orders    nothing: statistics only
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_hold_stats_read(struct dhp_hold *hold, struct dhp_hold_stats *out_stats);

/*
 * dhp_pause_all - every queue of the engine holds, and nothing is in flight: the machine could be exchanged (S-740).
 *
 * Nobody is asked, so nobody can refuse (S-736). Processors, indices and numbers stay as they are, and no synchronous
 * notification is sent (S-739).
 *
 * Level     passive, neither from a request routine called by dhp_resume_all nor from a synchronous callback (notify.h)
 * Blocks    until nothing is in flight, or limit_ns in all (0: no limit)
 * Progress  blocking
 * Orders    what the requests did happens before the return [hold-quiet]
 * Lifetime  until dhp_resume_all
 * Returns   DHP_OK; DHP_NOT_QUIET: the limit has passed, and everything goes on as before; DHP_INVALID_STATE: paused already;
 *           DHP_BAD_ENGINE, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_pause_all(struct dhp_engine *engine, uint64_t limit_ns);

/*
 * dhp_resume_all - held requests begin in order, queue after queue, and new ones pass again (S-737).
 *
 * Level     passive, neither from a request routine called by dhp_resume_all nor from a synchronous callback (notify.h)
 * Blocks    for the routines of the held requests
 * Progress  blocking
 * Orders    as dhp_hold_end
 * Lifetime  -
 * Returns   DHP_OK, DHP_INVALID_STATE (not paused), DHP_BAD_ENGINE, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_resume_all(struct dhp_engine *engine);

DHP_END_DECLS

#endif
