/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.h - plain items: pointers that are queued where they are pushed, and given to one routine many at a time.
 *
 * For work that needs no object of its own (work.h): no claim, no removal, no importance. Each processor has a lane, a ring of
 * pointers; who pushes never meets who pushes on another processor, and makes no locked operation. A lane is emptied by a DPC
 * without target (S-620): it runs where the items were pushed, or where there is nothing to do, and a processor that arrives
 * has a lane and takes over the lanes of others. Or all lanes have one target.
 *
 * One lane's items run in order, and one call of the routine at a time. Between lanes there is no order: a thread that is moved
 * to another processor between two pushes may see the second item run first, or at the same time.
 *
 * A lane that falls idle while another processor empties it costs one membarrier, which interrupts those on which the process
 * runs; where the system refuses that later, the lane is looked at for good. For the watchdog a call is one routine.
 */
#ifndef DHP_LANES_H
#define DHP_LANES_H

#include <dhp/base.h>
#include <dhp/percpu.h>

struct dhp_engine;

/*
 * Runs `count` items, one or more, in the order in which they were pushed. The array is the library's and ends with the call.
 *
 * Level     dispatch: as a DPC routine it may neither block nor allocate (S-617)
 */
typedef void dhp_lanes_routine(void *context, void *const *items, uint32_t count);

enum dhp_lanes_flags {
	/* All lanes are emptied by the processor with the index `target`, as DPCs with a target are (S-641). */
	DHP_LANES_AIMED = 1u << 0
};

#define DHP_LANES_CAPACITY_DEFAULT 4096u
#define DHP_LANES_CAPACITY_LIMIT 65536u

/* Zero means the default in every field but the first two. */
struct dhp_lanes_options {
	size_t size; /* sizeof(struct dhp_lanes_options) */
	dhp_lanes_routine *routine;
	void *context;
	uint32_t capacity; /* so many items fit into each lane, or more: it is rounded up to a power of two */
	uint32_t flags;    /* enum dhp_lanes_flags */
	uint32_t target;   /* an active processor; only with DHP_LANES_AIMED */
};

/*
 * What the inline half needs, and nothing else, is public. Constant from creation to destruction. Do not write it; use the
 * functions.
 *
 * A lane is 256 bytes, one for each cpu id:
 *
 *	0  tail   so many items were ever pushed; written last by who pushes
 *	8  cells  of them
 *	16 mask   of an index of a cell
 *	24 limit  tail may not go beyond; 0: not by a sequence
 *	32 watch  odd: the lane is being looked at, or will be; even: who pushes has to ring
 */
struct dhp_lanes {
	unsigned char *lanes; /* of cpu 0; two in front, for the word's -1 and -2, take nothing by a sequence */
	intptr_t cpu_word;    /* as in struct dhp_percpu; where rseq sections do not work, a word of our own that is always -1 */
	uint32_t restartable; /* lanes are pushed to in rseq sections, each on its own processor only */
};

DHP_BEGIN_DECLS

/*
 * dhp_lanes_create - a lane for every processor, present and to come. A processor whose lane finds no memory does not arrive.
 *
 * Level     passive, not from a notification callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    -
 * Lifetime  until dhp_lanes_destroy; context must live as long
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_OPTIONS, DHP_BAD_CALLBACK, DHP_BAD_COUNT (a capacity beyond the limit),
 *           DHP_BAD_FLAGS (an undefined bit, or a target without DHP_LANES_AIMED), DHP_BAD_INDEX (the target is not active),
 *           DHP_BAD_RESULT; DHP_NOT_SUPPORTED: the engine has no workers; DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_lanes_create(struct dhp_engine *engine, const struct dhp_lanes_options *options,
					 struct dhp_lanes **out_lanes);

/*
 * dhp_lanes_destroy - run what is left, then release the lanes. NULL is accepted.
 *
 * Nobody may push any more, the routine included, and every dhp_lanes_push has returned: that an item has run does not say
 * so of its push, which may be about to wake somebody.
 *
 * Level     passive, not from a notification callback, not in a section
 * Blocks    until all that was pushed has run, for a grace period, and while a processor arrives
 * Progress  blocking
 * Orders    all calls of the routine happen before the return [lane-room]
 * Lifetime  the lanes are gone at the return
 * Returns   DHP_OK, DHP_IN_CALLBACK, DHP_IN_SECTION, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_lanes_destroy(struct dhp_lanes *lanes);

/*
 * dhp_lanes_flush - wait until every item pushed before the call has run.
 *
 * Nothing is promised for what is pushed meanwhile.
 *
 * Level     passive
 * Blocks    until then
 * Progress  blocking
 * Orders    those calls of the routine happen before the return [lane-room]
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_lanes_flush(struct dhp_lanes *lanes);

/* The rare half of dhp_lanes_push: nothing was pushed yet. Same contract. */
DHP_API enum dhp_status dhp_lanes_push_slow(struct dhp_lanes *lanes, void *item);

/* The other one: it was pushed to this lane, at which nobody looked. For dhp_lanes_push; gives DHP_OK. */
DHP_API enum dhp_status dhp_lanes_ring(void *lane, uint64_t watch);

/*
 * Pushes to the lane of this processor, if there is room and sequences work; `watch` of that moment, or 0: nothing was pushed.
 * Not the public call: dhp_lanes_push is. All that the cpu word can say leads to a lane, and zeros have no room. That `watch`
 * is read in the sequence matters: who makes it even aborts sequences, and then looks at the tail.
 */
static inline uint64_t dhp_lanes_append_here(const struct dhp_lanes *lanes, void *item, void **out_lane)
{
#ifdef DHP_INLINE_ASM
	uint64_t tail, cell, watch;
	unsigned char *at;

	__asm__ __volatile__(DHP_SECTION_BEGIN("%[at]")
			     "movslq %%fs:(%[word]), %[at]\n\t"
			     "shlq $8, %[at]\n\t"
			     "addq %[lanes], %[at]\n\t"
			     "movq (%[at]), %[tail]\n\t"
			     "cmpq 24(%[at]), %[tail]\n\t"
			     "jae 6f\n\t"
			     "movq 16(%[at]), %[cell]\n\t"
			     "movq 8(%[at]), %[watch]\n\t"
			     "andq %[tail], %[cell]\n\t"
			     "movq %[item], (%[watch],%[cell],8)\n\t"
			     "movq 32(%[at]), %[watch]\n\t"
			     "incq %[tail]\n\t"
			     "movq %[tail], (%[at])\n\t" DHP_SECTION_END
			     ".pushsection __rseq_failure, \"ax?\"\n\t"
			     "6: xorl %k[watch], %k[watch]\n\t"
			     "jmp 3b\n\t"
			     ".popsection\n\t"
			     : [at] "=&r"(at), [tail] "=&r"(tail), [cell] "=&r"(cell), [watch] "=&r"(watch)
			     : [word] "r"(lanes->cpu_word), [lanes] "r"(lanes->lanes), [item] "r"(item)
			     : "memory", "cc");
	*out_lane = at;
	return watch;
#else
	(void)lanes, (void)item, (void)out_lane;
	return 0;
#endif
}

/*
 * dhp_lanes_push - queue a pointer on the processor on which the caller runs.
 *
 * From a thread on a processor that is not announced yet it goes to a lane that belongs to none (S-035), which is emptied as
 * the others are.
 *
 * Level     any, signal handlers too
 * Blocks    never; wakes a worker by one system call if nobody looks at the lane and that one sleeps
 * Progress  lock-free; but an item waits for one who is stopped in the middle of waking the worker
 * Orders    what the caller wrote before is visible to the routine [lane-push]
 * Lifetime  the item is the library's until the routine has it; what it points to is not looked at
 * Returns   DHP_OK; DHP_FULL: this processor's lane has no room, and the item was not taken; DHP_BAD_OBJECT: lanes is NULL, or
 *           item is NULL or odd: it has to be a pointer to something with an even address
 */
static inline enum dhp_status dhp_lanes_push(struct dhp_lanes *lanes, void *item)
{
	if (__builtin_expect(lanes != NULL && item != NULL && ((uintptr_t)item & 1) == 0, 1)) {
		void *lane = NULL;
		uint64_t watch = dhp_lanes_append_here(lanes, item, &lane);

		if (__builtin_expect((watch & 1) != 0, 1))
			return DHP_OK;
		if (watch != 0)
			return dhp_lanes_ring(lane, watch);
	}
	return dhp_lanes_push_slow(lanes, item);
}

DHP_END_DECLS

#endif
