/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter.h - a counter with a cell for every processor and an exact sum.
 *
 * On x86-64 with restartable sequences an add is a plain load and store: if the thread is interrupted between reading its
 * cpu and the store, the kernel sends it back to the start. Elsewhere it is a relaxed atomic add on the caller's own
 * line. A cell is never taken away, so no count is ever lost.
 */
#ifndef DHP_COUNTER_H
#define DHP_COUNTER_H

#include <dhp/base.h>
#include <dhp/percpu.h>

struct dhp_engine;

/* A counter is an array whose slots are 64-bit cells, DHP_CELL_BYTES apart. */
#define DHP_CELL_BYTES 128u

struct dhp_counter {
	struct dhp_percpu cells;
};

DHP_BEGIN_DECLS

/*
 * dhp_counter_create - a counter that stands at zero.
 *
 * Level     passive, not from a notification callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    -
 * Lifetime  until dhp_counter_destroy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_RESULT, DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_counter_create(struct dhp_engine *engine, struct dhp_counter **out_counter);

/*
 * dhp_counter_destroy - as dhp_percpu_destroy. NULL is accepted.
 *
 * Level     passive, not from a notification callback, not in a section
 * Blocks    for a grace period, and while a processor arrives
 * Progress  blocking
 * Orders    as dhp_percpu_destroy
 * Lifetime  the counter is gone at the return
 * Returns   DHP_OK, DHP_IN_CALLBACK, DHP_IN_SECTION, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_counter_destroy(struct dhp_counter *counter);

/*
 * dhp_counter_sum - the sum of all cells.
 *
 * Exact when no add runs at the same time; otherwise it contains every add that happened before the call, and may
 * contain adds that run meanwhile. Wraps modulo 2^64.
 *
 * Level     any
 * Blocks    never
 * Progress  lock-free, as dhp_percpu_each
 * Orders    nothing: statistics only
 * Lifetime  -
 * Returns   the sum
 */
DHP_API uint64_t dhp_counter_sum(const struct dhp_counter *counter);

/* The rare half of dhp_counter_add. Same contract. */
DHP_API void dhp_counter_add_slow(struct dhp_counter *counter, uint64_t amount);

/*
 * Of that, the cell to which the caller may add atomically. Pure: it changes nothing, so that the compiler need not read the
 * counter's constants again for the next add.
 */
DHP_API uint64_t *dhp_counter_cell_slow(const struct dhp_counter *counter) __attribute__((pure));

/*
 * dhp_counter_add - add to the cell of the processor on which the caller runs.
 *
 * Level     any, signal handlers too
 * Blocks    never
 * Progress  lock-free: repeats only when the thread was interrupted in the middle
 * Orders    nothing
 * Lifetime  -
 * Returns   nothing; cannot fail
 */
static inline void dhp_counter_add(struct dhp_counter *counter, uint64_t amount)
{
#ifdef DHP_INLINE_ASM
	const struct dhp_percpu *cells = &counter->cells;

	/*
	 * The store is the commit; a load and a store of their own at a plain address are forwarded best. That a cell changes is
	 * not said: nothing that the compiler sees reads cells, and it would read the counter's constants again for each add.
	 */
	if (__builtin_expect(cells->restartable != 0, 1)) {
		__asm__ __volatile__ goto(
			DHP_SECTION_BEGIN("%%rax")
			"movzwl %%fs:(%[word]), %%eax\n\t"
			"movzbl (%[announced],%%rax), %%ecx\n\t"
			"shlq $7, %%rax\n\t"
			"addq %[base], %%rax\n\t"
			"testl %%ecx, %%ecx\n\t"
			"je 6f\n\t"
			"movq (%%rax), %%rcx\n\t"
			"addq %[amount], %%rcx\n\t"
			"movq %%rcx, (%%rax)\n\t"
			DHP_SECTION_END
			".pushsection __rseq_failure, \"ax?\"\n\t"
			"6: " DHP_SECTION_CLEAR "jmp %l[rare]\n\t"
			".popsection\n\t"
			:
			: [word] "r"(cells->cpu_word), [announced] "r"(cells->announced), [base] "r"(cells->base),
			  [amount] "er"(amount)
			: "rax", "rcx", "cc"
			: rare);
		return;
	}
rare:
	__asm__ __volatile__("lock addq %1, (%0)" : : "r"(dhp_counter_cell_slow(counter)), "er"(amount) : "cc");
#else
	dhp_counter_add_slow(counter, amount);
#endif
}

DHP_END_DECLS

#endif
