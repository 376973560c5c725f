/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown.h - run-down protection: references that keep an object, until its owner wants it gone.
 *
 * A holder acquires a reference and gives it back. The owner waits once: from then on no reference is given, and when
 * the last one is back the object may go. It is not exclusion: there may be many holders at once (S-727). A holder
 * keeps the owner waiting, so it should not be suspended.
 *
 * Two forms: one word, for anything; and counts kept per processor, for an object that every processor uses at once. A
 * reference of the second form may be given back on another processor, and none is lost or counted twice while
 * processors arrive (S-728, S-729).
 *
 *             acquire  release  wait   completed  reinit
 *  acquire    free     free     free   free       -
 *  release             free     free   -          -
 *  wait                         free   -          -         -: the caller sees to it that they do not meet
 */
#ifndef DHP_RUNDOWN_H
#define DHP_RUNDOWN_H

#include <dhp/base.h>

struct dhp_engine;

/* One word of the caller's memory, aligned to its size on 32-bit machines too. Opaque. */
struct dhp_rundown {
	uint64_t opaque;
} __attribute__((aligned(8)));

/* Counts per processor. */
struct dhp_rundown_percpu;

/* Most references that one call takes or gives back. */
#define DHP_RUNDOWN_COUNT_LIMIT ((uint32_t)1 << 30)

DHP_BEGIN_DECLS

/*
 * dhp_rundown_init - no reference, not run down (S-720).
 *
 * Level     passive, dispatch
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing: the caller publishes the object
 * Lifetime  the memory is the caller's; nothing needs to be undone
 * Returns   DHP_OK, DHP_BAD_OBJECT (NULL or misaligned)
 */
DHP_API enum dhp_status dhp_rundown_init(struct dhp_rundown *rundown);

/*
 * dhp_rundown_acquire - take `count` references, all or none (S-721, S-722).
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free
 * Orders    what the last dhp_rundown_reinit came after [rundown-again]
 * Lifetime  the object stays until as many were given back
 * Returns   DHP_OK; DHP_RUN_DOWN once run-down has begun; DHP_BAD_OBJECT; DHP_BAD_COUNT for zero, more than
 *           DHP_RUNDOWN_COUNT_LIMIT, or when so many are out that the word could not hold more
 */
DHP_API enum dhp_status dhp_rundown_acquire(struct dhp_rundown *rundown, uint32_t count);

/*
 * dhp_rundown_release - give back `count` references (S-723).
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free
 * Orders    what the holder did happens before the return of the wait [rundown-last]
 * Lifetime  the object may be gone at the return
 * Returns   DHP_OK, DHP_BAD_OBJECT; DHP_BAD_COUNT for zero or more than are out: a defect of the caller, at which checked
 *           builds stop
 */
DHP_API enum dhp_status dhp_rundown_release(struct dhp_rundown *rundown, uint32_t count);

/*
 * dhp_rundown_wait - begin run-down, and wait for the last reference (S-724).
 *
 * From its start no acquire succeeds. After run-down has finished it does nothing. Several threads may wait.
 *
 * Level     passive
 * Blocks    until every reference was given back
 * Progress  blocking
 * Orders    what the holders did happens before the return [rundown-last]
 * Lifetime  the object may go after the return
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rundown_wait(struct dhp_rundown *rundown);

/*
 * dhp_rundown_completed - after the wait: mark it as finished (S-725).
 *
 * Later waits return at once, acquires go on failing.
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free
 * Orders    nothing
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_NOT_RUN_DOWN
 */
DHP_API enum dhp_status dhp_rundown_completed(struct dhp_rundown *rundown);

/*
 * dhp_rundown_reinit - usable again (S-726).
 *
 * Every wait has returned before.
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free
 * Orders    what came before it happens before an acquire that succeeds because of it [rundown-again]
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_NOT_RUN_DOWN
 */
DHP_API enum dhp_status dhp_rundown_reinit(struct dhp_rundown *rundown);

/* ---- counts kept per processor ---- */

/*
 * dhp_rundown_percpu_create - no reference, not run down; memory of the library's.
 *
 * Level     passive, not from a notification callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    -
 * Lifetime  until dhp_rundown_percpu_destroy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rundown_percpu_create(struct dhp_engine *engine, struct dhp_rundown_percpu **out_rundown);

/*
 * dhp_rundown_percpu_destroy - release what dhp_rundown_percpu_create made. NULL is accepted.
 *
 * Level     passive, not from a notification callback, not in a section
 * Blocks    for a grace period, and while a processor arrives
 * Progress  blocking
 * Orders    as dhp_percpu_destroy
 * Lifetime  gone at the return
 * Returns   DHP_OK; DHP_IN_USE while references are out; DHP_BAD_OBJECT for one in the caller's memory;
 *           DHP_IN_CALLBACK, DHP_IN_SECTION, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rundown_percpu_destroy(struct dhp_rundown_percpu *rundown);

/*
 * dhp_rundown_percpu_bytes - the memory that dhp_rundown_percpu_init wants: a count for every processor there could be.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  constant
 * Returns   the size; 0 for a bad engine
 */
DHP_API size_t dhp_rundown_percpu_bytes(struct dhp_engine *engine);

/*
 * dhp_rundown_percpu_init - no reference, not run down; in the caller's memory.
 *
 * Level     passive, dispatch
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing: the caller publishes the object
 * Lifetime  the memory is the caller's, aligned to DHP_LINE_PAIR_BYTES; nothing needs to be undone. It may not be used
 *           after the engine is gone.
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_OBJECT (NULL), DHP_BAD_ALIGNMENT, DHP_BAD_SIZE (less than
 *           dhp_rundown_percpu_bytes), DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_rundown_percpu_init(struct dhp_engine *engine, void *memory, size_t bytes,
						struct dhp_rundown_percpu **out_rundown);

/*
 * dhp_rundown_percpu_acquire - as dhp_rundown_acquire.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    either the wait sees the reference or the caller sees that run-down has begun [rundown-begin]
 * Lifetime  as dhp_rundown_acquire
 * Returns   DHP_OK, DHP_RUN_DOWN, DHP_BAD_OBJECT, DHP_BAD_COUNT for zero or more than DHP_RUNDOWN_COUNT_LIMIT
 */
DHP_API enum dhp_status dhp_rundown_percpu_acquire(struct dhp_rundown_percpu *rundown, uint32_t count);

/*
 * dhp_rundown_percpu_release - as dhp_rundown_release, on any processor.
 *
 * That more come back than were taken is noticed by the wait only, where checked builds stop.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    as dhp_rundown_release
 * Lifetime  as dhp_rundown_release
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_COUNT
 */
DHP_API enum dhp_status dhp_rundown_percpu_release(struct dhp_rundown_percpu *rundown, uint32_t count);

/*
 * dhp_rundown_percpu_wait - as dhp_rundown_wait. It covers processors that arrive meanwhile (S-729).
 *
 * Level     passive
 * Blocks    until every reference was given back
 * Progress  blocking
 * Orders    as dhp_rundown_wait
 * Lifetime  as dhp_rundown_wait
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_rundown_percpu_wait(struct dhp_rundown_percpu *rundown);

/*
 * dhp_rundown_percpu_completed, dhp_rundown_percpu_reinit - as those of the other form.
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free
 * Orders    as those of the other form
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_NOT_RUN_DOWN
 */
DHP_API enum dhp_status dhp_rundown_percpu_completed(struct dhp_rundown_percpu *rundown);
DHP_API enum dhp_status dhp_rundown_percpu_reinit(struct dhp_rundown_percpu *rundown);

DHP_END_DECLS

#endif
