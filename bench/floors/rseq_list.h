/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rseq_list.h - the least that a block of one's own processor can cost: a linked list for each cpu, popped and pushed in
 * hand-written restartable sequences. No limit, no growth, no flush, no blocks of others.
 */
#ifndef BENCH_FLOOR_RSEQ_LIST_H
#define BENCH_FLOOR_RSEQ_LIST_H

#include "rseq.h"

#if FLOOR_RSEQ_ADD
#define FLOOR_RSEQ_LIST 1

struct floor_block {
	struct floor_block *next;
};

struct floor_head {
	_Alignas(128) struct floor_block *first;
};

#define FLOOR_SECTION(body)                                                                                            \
	".pushsection __rseq_cs, \"aw\"\n\t"                                                                           \
	".balign 32\n\t"                                                                                               \
	"1: .long 0, 0\n\t"                                                                                            \
	".quad 2f, 3f - 2f, 4f\n\t"                                                                                    \
	".popsection\n\t"                                                                                              \
	"5: leaq 1b(%%rip), %[head]\n\t"                                                                               \
	"movq %[head], %%fs:4(%[word])\n\t"                                                                            \
	"2: movl %%fs:(%[word]), %k[head]\n\t"                                                                         \
	"shlq $7, %[head]\n\t"                                                                                         \
	"addq %[heads], %[head]\n\t" body "3:\n\t"                                                                     \
	".pushsection __rseq_failure, \"ax\"\n\t"                                                                      \
	".byte 0x0f, 0xb9, 0x3d\n\t"                                                                                   \
	".long 0x53053053\n\t"                                                                                         \
	"4: jmp 5b\n\t"                                                                                                \
	".popsection\n\t"

static inline struct floor_block *floor_list_pop(struct floor_head *heads)
{
	ptrdiff_t word = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id);
	struct floor_block *block;
	uint64_t head, next;

	__asm__ __volatile__(FLOOR_SECTION("movq (%[head]), %[block]\n\t"
					   "testq %[block], %[block]\n\t"
					   "je 3f\n\t"
					   "movq (%[block]), %[next]\n\t"
					   "movq %[next], (%[head])\n\t")
			     : [head] "=&r"(head), [block] "=&r"(block), [next] "=&r"(next)
			     : [word] "r"(word), [heads] "r"(heads)
			     : "memory", "cc");
	return block;
}

static inline void floor_list_push(struct floor_head *heads, struct floor_block *block)
{
	ptrdiff_t word = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id);
	uint64_t head, next;

	__asm__ __volatile__(FLOOR_SECTION("movq (%[head]), %[next]\n\t"
					   "movq %[next], (%[block])\n\t"
					   "movq %[block], (%[head])\n\t")
			     : [head] "=&r"(head), [next] "=&r"(next)
			     : [word] "r"(word), [heads] "r"(heads), [block] "r"(block)
			     : "memory", "cc");
}
#else
#define FLOOR_RSEQ_LIST 0
#endif

#endif
