/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.h - the extension channel: the set of usable processors has changed, in either direction.
 *
 * The channels of notify.h tell of arrivals only, because there a processor never goes away. This one also tells of a
 * processor that goes offline or comes back, and of affinity or cpuset changes (S-006, S-804). It carries the generation of
 * the set, a number that grows with every change; several changes may be merged into one call, and there is at least one
 * call after the last change (S-808). Nobody can refuse.
 *
 * An active processor that becomes unusable stays counted as active, keeps its index, its slots and its queue, and nothing
 * is sent on the other channels, then or when it comes back. Work that is meant for it runs on a usable one (S-641).
 */
#ifndef DHP_CHANGE_H
#define DHP_CHANGE_H

#include <dhp/base.h>
#include <dhp/partition.h>

struct dhp_engine;
struct dhp_change_notify;

/*
 * The set is at this generation now, or further. Be brief, and ask for the set itself (S-803).
 *
 * Level     passive, in the notification thread; in the registering thread when that registers late
 */
typedef void dhp_change_callback(void *context, uint64_t generation);

DHP_BEGIN_DECLS

/*
 * dhp_change_register - be told when the set has changed (S-801).
 *
 * last_seen: the generation that the caller knows, from an earlier query; if the set is past it the callback is called
 * before the return, so that nothing is lost between query and registration (S-802). NULL: from now on.
 *
 * Level     passive, not from a callback of dhp_notify_register
 * Blocks    while a delivery of this or the asynchronous channel runs
 * Progress  blocking
 * Orders    a change that the caller does not know is told [change-post]
 * Lifetime  until dhp_change_unregister; context must live as long
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_CALLBACK, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_change_register(struct dhp_engine *engine, dhp_change_callback *callback, void *context,
					    const uint64_t *last_seen, struct dhp_change_notify **out_registration);

/*
 * dhp_change_unregister - after the return no call runs (S-806). NULL is accepted.
 *
 * Inside its own callback it does not wait; that call is the last.
 *
 * Level     passive
 * Blocks    until a running call has returned
 * Progress  blocking
 * Orders    every call happens before the return
 * Lifetime  the handle is gone at the return, but after the two statuses that follow
 * Returns   DHP_OK, DHP_WRONG_LEVEL, DHP_IN_CALLBACK; DHP_BAD_OBJECT: as dhp_notify_unregister
 */
DHP_API enum dhp_status dhp_change_unregister(struct dhp_change_notify *registration);

/*
 * dhp_change_query - the set, unless it is the one the caller has seen (S-805).
 *
 * last_seen may be NULL: the set in any case. The generation to give next time is in the snapshot's counts.
 *
 * Level     any but signal
 * Blocks    never
 * Progress  lock-free, as dhp_snapshot_take
 * Orders    as dhp_snapshot_take
 * Lifetime  a copy, in the caller's arrays
 * Returns   DHP_OK; DHP_UNCHANGED, and then nothing was written; DHP_TOO_SMALL with only masks_count stored;
 *           DHP_BAD_ENGINE, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_change_query(struct dhp_engine *engine, const uint64_t *last_seen,
					 struct dhp_snapshot *snapshot);

DHP_END_DECLS

#endif
