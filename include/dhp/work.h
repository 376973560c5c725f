/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work.h - deferred procedure calls (DPCs): work that is handed to a processor.
 *
 * A DPC is an object of the caller. It is queued at most once (S-611); its routine runs at dispatch level on the
 * worker of the processor whose queue it is in. A DPC with a target runs there and nowhere else, unless this process may
 * not use that processor for the time being: then it runs on another one, which is counted (S-641). One without is
 * queued where it was inserted and may be taken over by a processor that has nothing to do, so that a processor
 * that arrives has its share at once (S-620). High DPCs are not taken over: they run next where they are; nor is
 * the one object that a routine inserts where nothing else waits sure to be taken over before that routine returns.
 *
 * Which calls may meet on one object:
 *
 *             insert   remove   flush    routine   init, set_...
 *  insert     free     free     free     free      no
 *  remove              free     free     free      no
 *  flush                        free     free      free
 *  routine                               free(1)   no
 *
 *  (1) an object inserted again while its routine runs may run on a second processor at the same time (S-612).
 */
#ifndef DHP_WORK_H
#define DHP_WORK_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_dpc;

/* S-605. Level: dispatch; it may neither block nor allocate (S-617). The object is idle again and may be freed. */
typedef void dhp_dpc_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2);

/* S-627: numeric order is not priority order. */
enum dhp_importance {
	DHP_IMPORTANCE_LOW = 0,        /* at the tail; a sleeping processor may be left asleep for a tick */
	DHP_IMPORTANCE_MEDIUM = 1,     /* at the tail; the same, from another processor only; the default (S-602) */
	DHP_IMPORTANCE_HIGH = 2,       /* at the head: the newest High runs first (S-628) */
	DHP_IMPORTANCE_MEDIUM_HIGH = 3 /* at the tail (S-629) */
};

/* Opaque; 96 bytes, aligned to a pointer. */
struct dhp_dpc {
	uint64_t opaque[12];
};

/* What the watchdog allows a routine, and how much is left. A limit of 0: not watched. */
struct dhp_watchdog {
	uint64_t run_limit_ns;
	uint64_t run_left_ns;
	uint64_t sequence_limit_ns;
	uint64_t sequence_left_ns;
};

DHP_BEGIN_DECLS

/*
 * dhp_dpc_init - prepare an object: medium importance, no target (S-602).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the memory is the caller's and must stay until the object is neither queued nor running (S-606)
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_OBJECT (NULL or misaligned), DHP_BAD_CALLBACK (S-603). A checked build
 *           stops when the object is queued (S-604).
 */
DHP_API enum dhp_status dhp_dpc_init(struct dhp_dpc *dpc, struct dhp_engine *engine, dhp_dpc_routine *routine,
				     void *context);

/*
 * dhp_dpc_init_threaded - prepare an object whose routine runs at passive level (S-660).
 *
 * The worker of its processor runs it when no ordinary DPC waits there (S-662), or after many batches of those; it runs in a
 * queue of its own, High ones at the head, others at the tail (S-632), and everything else is as for ordinary DPCs. The routine obeys the rules of dispatch
 * level all the same, and calls for passive level are refused in it (S-661): an engine with DHP_ENGINE_NO_THREADED_DPCS runs
 * it as an ordinary one.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  as dhp_dpc_init
 * Returns   as dhp_dpc_init
 */
DHP_API enum dhp_status dhp_dpc_init_threaded(struct dhp_dpc *dpc, struct dhp_engine *engine, dhp_dpc_routine *routine,
					      void *context);

/*
 * dhp_dpc_set_importance - for the next insertion; an instance in the queue is not affected (S-626).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_IMPORTANCE
 */
DHP_API enum dhp_status dhp_dpc_set_importance(struct dhp_dpc *dpc, enum dhp_importance importance);

/*
 * dhp_dpc_set_target - run on the processor with this index, from the next insertion on (S-637, S-640).
 *
 * The processor must be active; inside Start the one being added counts as well, and what is inserted there runs
 * after its bring-up (S-155). On failure the object is unchanged (S-635). While the processor is not usable (change.h) the
 * library chooses another one, and dhp_engine_stats counts it (S-641): so who keeps one processor's data by running there
 * alone has to guard them as well.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_INDEX
 */
DHP_API enum dhp_status dhp_dpc_set_target(struct dhp_dpc *dpc, uint32_t index);

/*
 * dhp_dpc_insert - queue the object.
 *
 * Whether processing is requested at once depends on importance and queue: at once for High and MediumHigh, for Medium on
 * the caller's own processor, and for threaded DPCs; otherwise a sleeping worker is left asleep until four of these wait for
 * it or a tick is over (S-625, S-630, S-631). A worker that does not sleep sees all of them in their turn.
 *
 * Level     any, signal handlers too (S-610)
 * Blocks    never; wakes the worker by one system call if it sleeps
 * Progress  lock-free
 * Orders    what the caller wrote before is visible to the routine [dpc-push]; after DHP_ALREADY_QUEUED it is
 *           visible to the run that takes the queued instance (S-616) [dpc-claim]
 * Lifetime  the object is in use until it is removed or its routine starts
 * Returns   DHP_OK: queued by this call; DHP_ALREADY_QUEUED: it was queued, the arguments are dropped;
 *           DHP_BAD_OBJECT; DHP_CLOSED: the engine is being destroyed; DHP_NOT_SUPPORTED: it has no workers
 */
DHP_API enum dhp_status dhp_dpc_insert(struct dhp_dpc *dpc, void *argument_1, void *argument_2);

/*
 * dhp_dpc_insert_batch - queue several objects, in this order, all with the same arguments.
 *
 * As dhp_dpc_insert for one after another, but those next to each other that go the same way (engine, target, importance,
 * kind) are pushed together, up to 64 at once: the queue's line moves once for all of them, and its worker fetches some while
 * it runs others. An object that is queued already is passed over.
 *
 * Level     any, signal handlers too
 * Blocks    never; one system call for each worker that has to be woken
 * Progress  lock-free
 * Orders    as dhp_dpc_insert, for each object; they keep their order among themselves (S-629)
 * Lifetime  each object as for dhp_dpc_insert; the array during the call
 * Returns   DHP_OK. Otherwise it ends at the first object that is refused, and those before are queued: DHP_BAD_OBJECT (or
 *           the array is NULL, and the count is not 0), DHP_CLOSED, DHP_NOT_SUPPORTED, as dhp_dpc_insert. In each case
 *           *out_inserted, which may be NULL, is how many this call queued.
 */
DHP_API enum dhp_status dhp_dpc_insert_batch(struct dhp_dpc *const *dpcs, size_t count, void *argument_1, void *argument_2,
					     size_t *out_inserted);

/*
 * dhp_dpc_remove - take the object off its queue.
 *
 * For each insertion exactly one happens: this call gives DHP_OK, or the routine runs (S-647). Does not wait for a
 * routine that runs (S-646).
 *
 * Level     passive, dispatch
 * Blocks    never on a routine; a few instructions on another removal or a refill of the same queue
 * Progress  blocking in that sense
 * Orders    -
 * Lifetime  after DHP_OK the library does not touch the object any more: it may be freed, unless an earlier run of it
 *           is still going on (S-612)
 * Returns   DHP_OK; DHP_NOT_QUEUED: idle, running or finished (S-645); DHP_BAD_OBJECT
 */
DHP_API enum dhp_status dhp_dpc_remove(struct dhp_dpc *dpc);

/*
 * dhp_dpc_flush - wait until every DPC queued before the call, on any processor, has run to its end (S-648).
 *
 * Includes routines that run at the time of the call (S-650). Nothing is promised for what is inserted meanwhile; a DPC
 * that inserts itself again does not keep the call from returning (S-649).
 *
 * Level     passive (S-652)
 * Blocks    until then
 * Progress  blocking
 * Orders    those routines happen before the return [dpc-done]
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_WRONG_LEVEL, DHP_IN_CALLBACK (in Start it could wait for the caller, S-156)
 */
DHP_API enum dhp_status dhp_dpc_flush(struct dhp_engine *engine);

/*
 * dhp_dpc_watchdog_read - how much of its time budgets the routine that calls has left (S-672).
 *
 * A thread that raised its level is not watched: its limits are 0.
 *
 * Level     dispatch, and inside a threaded DPC
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_RESULT, DHP_NOT_IN_DPC
 */
DHP_API enum dhp_status dhp_dpc_watchdog_read(struct dhp_watchdog *out_watchdog);

/*
 * dhp_dpc_should_yield - whether the routine should return soon, and insert itself again for the rest (S-673).
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   true when less than a quarter of a budget is left; false without a watchdog, and outside of DPCs
 */
DHP_API bool dhp_dpc_should_yield(void);

DHP_END_DECLS

#endif
