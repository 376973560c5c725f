/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.h - how much memory there is, and two conditions that a thread can wait for: it is short, it is plentiful.
 *
 * An event is the level of one condition of one engine: signalled as long as the condition holds, for everybody (S-302,
 * S-314). Low: available memory is at or below one threshold. High: at or above another. Between the two neither holds,
 * and never both (S-304): whoever sizes buffers by them keeps his use constant there.
 *
 * It is a hint that memory may have come, no more: any release of memory can raise High, and a module need not (S-307).
 * To hear of modules register for DHP_CLASS_MEMORY (notify.h), ask dhp_memory_read anew each time, and take enlarging
 * for optional: nothing of the library grows by itself with memory (S-315, S-745, S-746). Neither order nor number of
 * events and arrivals match (S-319). Processors have no event of this kind (S-308).
 */
#ifndef DHP_MEMORY_H
#define DHP_MEMORY_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_memory_event;

/* The nine conditions that have a name (S-301). Only the first two have a source so far. */
enum dhp_memory_condition {
	DHP_MEMORY_LOW = 0,  /* the first two have the numbers of S-312 */
	DHP_MEMORY_HIGH = 1,
	DHP_MEMORY_LOW_PAGED_POOL = 2,
	DHP_MEMORY_HIGH_PAGED_POOL = 3,
	DHP_MEMORY_LOW_NONPAGED_POOL = 4,
	DHP_MEMORY_HIGH_NONPAGED_POOL = 5,
	DHP_MEMORY_LOW_COMMIT = 6, /* the use of commit is low: the good case (S-305) */
	DHP_MEMORY_HIGH_COMMIT = 7,
	DHP_MEMORY_MAXIMUM_COMMIT = 8
};

/* All of it was true at one moment. */
struct dhp_memory_info {
	uint64_t total_bytes;     /* of the machine; in a control group with less, its limit */
	uint64_t available_bytes; /* without swapping; at most the total; of the group's limit what is left */
	uint64_t low_bytes;       /* Low holds at or below (S-317); constant */
	uint64_t high_bytes;      /* High holds at or above; constant, not below low_bytes (S-316) */
	uint64_t generation;      /* grows when a module comes, the total changes or a condition changes */
	uint32_t modules_count;   /* that have come, those of the start included */
	bool low;
	bool high;
	uint16_t reserved;        /* zero */
};

#define DHP_MEMORY_FOREVER UINT64_MAX

DHP_BEGIN_DECLS

/*
 * dhp_memory_read - how much memory there is now.
 *
 * On a machine the numbers are those of the last look (poll_interval_ms), which dhp_engine_rescan makes at once.
 *
 * Level     passive or dispatch
 * Blocks    for a few instructions under a spin lock
 * Progress  blocking
 * Orders    at the call for an arrival its module is counted (S-745)
 * Lifetime  a copy
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_RESULT; DHP_NOT_SUPPORTED while the backend does not say
 */
DHP_API enum dhp_status dhp_memory_read(struct dhp_engine *engine, struct dhp_memory_info *out_info);

/*
 * dhp_memory_event_open, dhp_memory_event_open_condition - a handle to the event of a condition, by its documented name,
 * such as "LowMemoryCondition" or "\KernelObjects\LowMemoryCondition", or by number.
 *
 * A name is taken to the letter, and one that is not among the nine is refused: it never makes an event (S-309). The
 * handle can be waited for and asked, and cannot set or clear the condition (S-310).
 *
 * Level     passive
 * Blocks    for a few instructions
 * Progress  blocking
 * Orders    nothing
 * Lifetime  until dhp_memory_event_close; the engine cannot be destroyed before
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_NAME, DHP_BAD_CONDITION, DHP_BAD_RESULT; DHP_NOT_SUPPORTED: the condition is
 *           known and this backend has no source for it; DHP_NO_MEMORY, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_memory_event_open(struct dhp_engine *engine, const char *name,
					      struct dhp_memory_event **out_event);
DHP_API enum dhp_status dhp_memory_event_open_condition(struct dhp_engine *engine, enum dhp_memory_condition condition,
							struct dhp_memory_event **out_event);

/*
 * dhp_memory_event_close - give the handle back, and its descriptor with it. NULL is accepted.
 *
 * Level     passive
 * Blocks    for a few instructions
 * Progress  blocking
 * Orders    nothing
 * Lifetime  no other thread may use the handle from the call on
 * Returns   DHP_OK; DHP_BAD_OBJECT; DHP_IN_USE while a thread waits, DHP_WRONG_LEVEL, and then it stays open
 */
DHP_API enum dhp_status dhp_memory_event_close(struct dhp_memory_event *event);

/*
 * dhp_memory_event_wait - sleep until the condition holds, or so long at most.
 *
 * Returns at once when it holds already. When it comes to hold every waiter is released, even if it has ceased to hold
 * before a waiter runs (S-302). timeout_ns: 0 does not wait (S-311); DHP_MEMORY_FOREVER waits without a limit. It needs
 * a thread of its own, it is no callback (S-306); with a limit of 0 it may be called anywhere.
 *
 * Level     passive; dispatch too with a limit of 0
 * Blocks    until then
 * Progress  blocking
 * Orders    what made the condition hold happens before the return [memory-level]
 * Lifetime  the handle stays open
 * Returns   DHP_OK; DHP_TIMED_OUT, which is no failure; DHP_BAD_OBJECT, DHP_WRONG_LEVEL, DHP_IN_CALLBACK: a synchronous
 *           callback would keep the change from being seen
 */
DHP_API enum dhp_status dhp_memory_event_wait(struct dhp_memory_event *event, uint64_t timeout_ns);

/*
 * dhp_memory_event_query - does the condition hold now?
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    if it does, what made it hold happens before the return [memory-level]
 * Lifetime  the handle stays open
 * Returns   DHP_OK; DHP_BAD_OBJECT, DHP_BAD_RESULT (S-313)
 */
DHP_API enum dhp_status dhp_memory_event_query(struct dhp_memory_event *event, bool *out_signalled);

/*
 * dhp_memory_event_descriptor - a file descriptor that is readable while the condition holds.
 *
 * For poll, select and epoll (level-triggered). It cannot be read or written, so nobody takes the level from others.
 * Each handle has one of its own, made at the first call. It shows the level of the moment, not what happened between two
 * looks.
 *
 * Level     passive
 * Blocks    for a few instructions
 * Progress  blocking
 * Orders    nothing by itself: query after poll
 * Lifetime  belongs to the handle, which closes it
 * Returns   DHP_OK; DHP_BAD_OBJECT, DHP_BAD_RESULT; DHP_NO_DESCRIPTOR: the system refused one; DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_memory_event_descriptor(struct dhp_memory_event *event, int *out_descriptor);

/*
 * dhp_memory_condition_name - the documented name of a condition, without the folder.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  the text is constant
 * Returns   NULL for a number that is no condition
 */
DHP_API const char *dhp_memory_condition_name(enum dhp_memory_condition condition);

DHP_END_DECLS

#endif
