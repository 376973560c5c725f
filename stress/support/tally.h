/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tally.h - what was done and which rules were broken, counted. A torture that stops at the first fault shows one fault;
 * one that counts shows their pattern. Everything is a relaxed atomic: it may be used from a DPC and from a signal
 * handler, and orders nothing, so that it hides no race.
 */
#ifndef STRESS_TALLY_H
#define STRESS_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Rules: name, and what it says. */
#define TALLY_RULES(X)                                                                                                 \
	X(LOST, "lost", "each insertion that gave DHP_OK is run or removed")                                           \
	X(DOUBLED, "doubled", "and only once")                                                                         \
	X(FLUSHED, "flushed", "after a flush everything inserted before it has run")                                   \
	X(HANDED, "handed-over", "a routine sees what its inserter wrote, a flush what the routine wrote")             \
	X(TARGET, "target", "a DPC with a target runs there, or was counted as sent elsewhere; at dispatch level")     \
	X(PLACE, "place", "a routine runs on the cpu of its processor, unless somebody took cpus away")                \
	X(BEFORE_START, "before-bring-up", "nothing runs on a processor that has not come up")                         \
	X(SLOT_MOVED, "slot-moved", "a slot never moves")                                                              \
	X(SLOT_WRONG, "slot-wrong", "a slot is constructed, zeroed before, and that of its processor")                 \
	X(SLOT_COUNT, "slot-count", "each slot that was constructed is destructed once")                               \
	X(SUM, "counter-sum", "a counter's sum is exact at the end")                                                   \
	X(RECLAIMED, "reclaimed-early", "nothing is reclaimed while a reader can see it")                              \
	X(RECLAIM_ORDER, "reclaim-order", "callbacks of one thread run in the order of its calls")                     \
	X(RECLAIM_LOST, "reclaim-lost", "everything deferred is reclaimed once")                                       \
	X(PAIRED, "paired", "no Complete or Failure without Start, one for each Start")                                \
	X(LATE_CALL, "late-call", "no call after unregister has returned, none in progress at its return")             \
	X(OVERLAP, "overlap", "no two notification callbacks at the same time")                                        \
	X(START_ORDER, "start-order", "Start offers the next free index, registrants in order of registration")        \
	X(REPLAY, "replay", "a replay reports every processor once, a vetoed one 2F+1 calls and no registration")      \
	X(HEARD, "arrivals-heard", "an asynchronous registrant hears of each processor once or twice")                 \
	X(ACTIVE_DROPPED, "active-dropped", "the active count and the generation never decrease")                      \
	X(SNAPSHOT, "snapshot", "counts and masks of a snapshot agree")                                                \
	X(ARRIVED, "arrived", "every processor that nothing refuses arrives, and is usable again at the end")          \
	X(STATUS, "status", "no call gives a status that its contract does not name")                                  \
	X(HUNG, "hung", "every blocking call returns")                                                                 \
	X(REMOVED_RAN, "removed-ran", "nothing runs after a removal has said that it will not")                        \
	X(ORDER, "order", "High runs newest first, the tail oldest first")                                             \
	X(AGE, "age", "no reader sees what a whole grace period has passed over")                                      \
	X(BLOCK, "block", "a block of a lookaside list has one owner, and none is lost")                               \
	X(RUNDOWN, "run-down", "nothing is run down while a reference is out")                                         \
	X(TIMER, "timer", "a timer expires as often as it was set and not cancelled, and never early")                 \
	X(CALL, "call", "a call runs once on every active processor, at its end all of it has")                        \
	X(DEVICE, "device", "a driver hears the requests of the table, in its order")                                  \
	X(REQUEST, "request", "a request begins or is cancelled once, in order, never on a stopped device")            \
	X(FEED, "feed", "a feed picks processors that it has")                                                         \
	X(CHANGE, "change", "generations only grow, and the last one is told")                                         \
	X(MEMORY, "memory", "conditions follow the numbers, each module is told once or twice")                        \
	X(RECORD, "record", "a recording opens, and plays to the same processors")                                    \
	X(ITEM, "item", "an item that a lane took runs once, before the lanes are gone; one that it refused never")    \
	X(LANE_ORDER, "lane-order", "who stays on a processor has the items run in the order of its pushes")

/* Deeds: what was done at all. A zero here means that a rule was not tried. */
#define TALLY_DEEDS(X)                                                                                                 \
	X(ROUNDS, "rounds")                                                                                            \
	X(ARRIVALS, "processors added")                                                                                \
	X(ARRIVALS_FAILED, "arrivals refused or made to fail")                                                         \
	X(INSERTED, "insertions")                                                                                      \
	X(ALREADY, "insertions of what was queued")                                                                    \
	X(CLOSED, "insertions into a closing engine")                                                                  \
	X(RAN, "routines run")                                                                                         \
	X(REMOVED, "removals")                                                                                         \
	X(REMOVED_NOT, "removals of what was not queued")                                                              \
	X(FLUSHES, "flushes")                                                                                          \
	X(SIGNALS, "signals handled")                                                                                  \
	X(EARLY, "insertions for a processor that is being added")                                                     \
	X(ARRAYS, "arrays created")                                                                                    \
	X(ARRAYS_REFUSED, "arrays refused by a constructor")                                                           \
	X(SLOTS_READ, "slots read")                                                                                    \
	X(SECTIONS, "sections")                                                                                        \
	X(JOINS, "readers that came and went")                                                                         \
	X(DEFERRED, "objects deferred")                                                                                \
	X(RECLAIMED, "objects reclaimed")                                                                              \
	X(SYNCHRONIZED, "grace periods waited for")                                                                    \
	X(REGISTERED, "synchronous registrations")                                                                     \
	X(REGISTER_VETOED, "registrations that vetoed their replay")                                                   \
	X(UNREGISTERED_INSIDE, "registrations ended inside a callback")                                                \
	X(VETOED, "arrivals vetoed by a registrant")                                                                   \
	X(CHANGES, "synchronous calls heard")                                                                          \
	X(LISTENED, "asynchronous registrations")                                                                      \
	X(EVENTS, "asynchronous events heard")                                                                         \
	X(SNAPSHOTS, "snapshots")                                                                                      \
	X(LEFT, "times that processors left")                                                                          \
	X(ELSEWHERE, "routines run elsewhere than aimed")                                                              \
	X(KEPT, "threads kept on a processor")                                                                         \
	X(STALLED, "threads stopped in the middle")                                                                    \
	X(STALLED_WORKERS, "of those, of the engine")                                                                  \
	X(REFUSED, "allocations and threads refused")                                                                  \
	X(EXCUSED, "calls that gave up for that reason")                                                               \
	X(ORDERED, "sequences whose order was looked at")                                                              \
	X(THREADED, "threaded routines run")                                                                           \
	X(BLOCKS, "blocks handed out")                                                                                 \
	X(COUNTERS, "counters that came and went")                                                                     \
	X(RUN_DOWNS, "run-downs")                                                                                      \
	X(TIMERS, "timers set")                                                                                        \
	X(EXPIRED, "expiries")                                                                                         \
	X(CALLS, "calls on all processors")                                                                            \
	X(MOVED, "devices stopped and started")                                                                        \
	X(REQUESTS, "requests submitted")                                                                              \
	X(HELD, "of those, held")                                                                                      \
	X(PAUSES, "pauses of everything")                                                                              \
	X(TOLD, "changes of the set told")                                                                             \
	X(MEMORY, "changes of the memory")                                                                             \
	X(RECORDED, "recordings played")                                                                               \
	X(ITEMS, "plain items run")                                                                                    \
	X(ITEMS_REFUSED, "plain items for which a lane had no room")                                                   \
	X(LANES, "lanes that came and went")

enum rule {
#define X(name, word, text) RULE_##name,
	TALLY_RULES(X)
#undef X
	RULES_COUNT
};

enum deed {
#define X(name, text) DEED_##name,
	TALLY_DEEDS(X)
#undef X
	DEEDS_COUNT
};

/* What readers have seen of an object that goes through one grace period after another: how many are over (ages.c). */
#define TALLY_AGES 10u

struct tally {
	atomic_ullong ages[TALLY_AGES];
	atomic_ullong deeds[DEEDS_COUNT];
	struct {
		atomic_ullong checked;
		atomic_ullong broken;
		atomic_ullong seen;   /* at the first break */
		atomic_ullong wanted;
	} rules[RULES_COUNT];
};

static inline void tally_add(struct tally *tally, enum deed deed, uint64_t count)
{
	atomic_fetch_add_explicit(&tally->deeds[deed], count, memory_order_relaxed);
}

/* Give holds back; a break keeps the first pair of values. */
bool tally_check(struct tally *tally, enum rule rule, bool holds, uint64_t seen, uint64_t wanted);

/* seen == wanted */
static inline bool tally_equal(struct tally *tally, enum rule rule, uint64_t seen, uint64_t wanted)
{
	return tally_check(tally, rule, seen == wanted, seen, wanted);
}

uint64_t tally_broken(const struct tally *tally);
/* Grows while anything goes on. */
uint64_t tally_progress(const struct tally *tally);
void tally_print(const struct tally *tally, FILE *file);

#endif
