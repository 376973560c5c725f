/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoch.h - when may something that was taken away be freed?
 *
 * A section is a time in which a thread may use what it found through a shared pointer. A grace period is a time in
 * which every section that was open at its start has ended. A DPC routine is always inside a section, for two
 * loads; any other thread becomes a reader and brackets its use. Reads take no lock. Growth of arrays needs none
 * of this: only what goes away does.
 */
#ifndef DHP_EPOCH_H
#define DHP_EPOCH_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_reader;

/* Embed one in each object to be freed later. Belongs to the library from dhp_epoch_defer until the callback. */
struct dhp_deferred {
	struct dhp_deferred *next;
	void (*reclaim)(struct dhp_deferred *deferred);
};

/*
 * Frees the object; it may block and may defer again.
 *
 * Level     passive, in a thread of the library or in one that drains; one callback of an engine at a time
 */
typedef void dhp_reclaim(struct dhp_deferred *deferred);

DHP_BEGIN_DECLS

/*
 * dhp_reader_join - make the calling thread a reader.
 *
 * One reader a thread and engine; a reader may be handed to another thread while it is in no section.
 *
 * Level     passive
 * Blocks    for an allocation, unless a record of a reader that left can be used again
 * Progress  lock-free but for the allocation
 * Orders    -
 * Lifetime  until dhp_reader_leave
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_reader_join(struct dhp_engine *engine, struct dhp_reader **out_reader);

/*
 * dhp_reader_leave - stop being a reader. NULL is accepted.
 *
 * Level     passive
 * Blocks    never
 * Progress  wait-free
 * Orders    the reader's sections happen before the end of a later grace period
 * Lifetime  the reader may not be used again
 * Returns   DHP_OK; DHP_IN_SECTION when a section is open
 */
DHP_API enum dhp_status dhp_reader_leave(struct dhp_reader *reader);

/*
 * dhp_epoch_enter - open a section. Sections nest; the outermost counts.
 *
 * Level     passive, dispatch (where it is not needed: a DPC routine is in a section)
 * Blocks    never
 * Progress  wait-free
 * Orders    either the reader sees what was unlinked, or the grace period waits for the reader [epoch-enter]
 * Lifetime  what was found inside may be used until dhp_epoch_exit
 * Returns   nothing; cannot fail
 */
DHP_API void dhp_epoch_enter(struct dhp_reader *reader);

/*
 * dhp_epoch_exit - close the section that was opened last.
 *
 * Level     passive, dispatch
 * Blocks    never
 * Progress  wait-free
 * Orders    the section's accesses happen before the end of the grace period [epoch-exit]
 * Lifetime  -
 * Returns   nothing; cannot fail
 */
DHP_API void dhp_epoch_exit(struct dhp_reader *reader);

/*
 * dhp_epoch_synchronize - wait for a grace period.
 *
 * Level     passive; not in a section of the calling thread: it would wait for itself
 * Blocks    until every section that was open at the call, and every DPC routine, has ended. Idle processors and
 *           readers outside sections do not hold it up.
 * Progress  blocking
 * Orders    the sections that were open happen before the return [epoch-exit]
 * Lifetime  what was unlinked before the call may be freed after the return
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_WRONG_LEVEL, DHP_IN_SECTION
 */
DHP_API enum dhp_status dhp_epoch_synchronize(struct dhp_engine *engine);

/*
 * dhp_epoch_defer - call back after a grace period.
 *
 * Callbacks of one thread run in the order of its calls. Memory in waiting is what callers have deferred and nothing
 * else: the library allocates nothing.
 *
 * Level     any, signal handlers too
 * Blocks    never
 * Progress  lock-free
 * Orders    what was unlinked before the call is out of every section's reach when reclaim runs
 * Lifetime  the object belongs to the library until reclaim gets it
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_OBJECT, DHP_BAD_CALLBACK
 */
DHP_API enum dhp_status dhp_epoch_defer(struct dhp_engine *engine, struct dhp_deferred *deferred,
					dhp_reclaim *reclaim);

/*
 * dhp_epoch_drain - wait until everything deferred before the call has been reclaimed.
 *
 * What no other thread is at is reclaimed by the caller: whoever defers a lot and drains has its memory back at its own
 * processor. A callback must not need a lock that the caller holds; in a notification callback it counts as part of that one.
 *
 * Level     passive; not in a section, not from a reclaim callback
 * Blocks    for a grace period and for the callbacks
 * Progress  blocking
 * Orders    those callbacks happen before the return
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_WRONG_LEVEL, DHP_IN_SECTION, DHP_IN_CALLBACK
 */
DHP_API enum dhp_status dhp_epoch_drain(struct dhp_engine *engine);

DHP_END_DECLS

#endif
