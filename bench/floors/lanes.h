/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.h - rings of pointers, one for each source, to one consumer: no producer meets another, and no locked operation.
 *
 * lanes_append_here has a ring for each producing CPU and appends in a restartable sequence: any thread may push.
 * lanes_append has a ring for each producer, which belongs to it.
 * Not: order between sources, a limit (who pushes knows that there is room), sleeping.
 */
#ifndef BENCH_LANES_H
#define BENCH_LANES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "rseq.h"

#define LANES 64u /* CPUs that may push */

struct lane {
	_Alignas(128) atomic_ullong tail; /* producer */
	void **cells;
	uint64_t mask;
	_Alignas(128) uint64_t head; /* consumer */
};

struct lanes {
	unsigned count;
	struct lane lane[];
};

/* capacity: a power of two. NULL: no memory. */
struct lanes *lanes_make(size_t capacity, unsigned count);
/* For lanes_append_here; NULL also: no restartable sequences, or too many CPUs. */
struct lanes *lanes_make_here(size_t capacity);
void lanes_free(struct lanes *lanes);

static inline void lanes_append(struct lane *lane, void *item)
{
	uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);

	lane->cells[tail & lane->mask] = item;
	atomic_store_explicit(&lane->tail, tail + 1, memory_order_release);
}

/* Runs what is there, run(item); gives how many. */
#define LANES_TAKE(lanes, run)                                                                                         \
	__extension__({                                                                                                \
		size_t taken_ = 0;                                                                                     \
		for (unsigned lane_ = 0; lane_ < (lanes)->count; lane_++) {                                            \
			struct lane *at_ = &(lanes)->lane[lane_];                                                      \
			uint64_t tail_ = atomic_load_explicit(&at_->tail, memory_order_acquire);                       \
			taken_ += (size_t)(tail_ - at_->head);                                                         \
			for (; at_->head != tail_; at_->head++)                                                        \
				run(at_->cells[at_->head & at_->mask]);                                                \
		}                                                                                                      \
		taken_;                                                                                                \
	})

/* ThreadSanitizer does not look into assembly; where a thread is pinned, its CPU's lane is its own anyhow. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

/* As floor_rseq_add; the last store, that of the tail, makes it visible. */
static inline void lanes_append_here(struct lanes *lanes, void *item)
{
	ptrdiff_t section = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, rseq_cs);
	ptrdiff_t word = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id);

	for (;;) {
		uint32_t cpu = floor_cpu();
		struct lane *lane = &lanes->lane[cpu];

		__asm__ __volatile__ goto(
			".pushsection __rseq_cs, \"aw\"\n\t"
			".balign 32\n\t"
			"1: .long 0, 0\n\t"
			".quad 2f, 3f - 2f, 4f\n\t"
			".popsection\n\t"
			"leaq 1b(%%rip), %%rax\n\t"
			"movq %%rax, %%fs:(%[section])\n\t"
			"2: cmpl %[cpu], %%fs:(%[word])\n\t"
			"jnz %l[again]\n\t"
			"movq (%[tail]), %%rax\n\t"
			"movq %%rax, %%rcx\n\t"
			"andq %[mask], %%rcx\n\t"
			"movq %[item], (%[cells], %%rcx, 8)\n\t"
			"incq %%rax\n\t"
			"movq %%rax, (%[tail])\n\t"
			"3:\n\t"
			".pushsection __rseq_failure, \"ax\"\n\t"
			".byte 0x0f, 0xb9, 0x3d\n\t"
			".long 0x53053053\n\t"
			"4: jmp %l[again]\n\t"
			".popsection\n\t"
			:
			: [cpu] "r"(cpu), [word] "r"(word), [section] "r"(section), [tail] "r"(&lane->tail),
			  [cells] "r"(lane->cells), [mask] "r"(lane->mask), [item] "r"(item)
			: "rax", "rcx", "memory", "cc"
			: again);
		return;
again:;
	}
}

#else
#define lanes_append_here(lanes, item) lanes_append(&(lanes)->lane[floor_cpu()], item)
#endif

#endif
