/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rseq.h - the least that "my processor's slot" and "add to it" can cost: the cpu id from the area that the C
 * library registered with the kernel, and a static array. No growth, no fallback slot, no check.
 */
#ifndef BENCH_FLOOR_RSEQ_H
#define BENCH_FLOOR_RSEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/rseq.h>

#define FLOOR_CPUS 4096u

struct floor_cell {
	_Alignas(128) uint64_t value;
};

extern struct floor_cell floor_cells[FLOOR_CPUS];

static inline uint32_t floor_cpu(void)
{
	ptrdiff_t word = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id);
	uint32_t cpu;

#if defined(__x86_64__)
	__asm__ __volatile__("movl %%fs:(%1), %0" : "=r"(cpu) : "r"(word));
#else
	cpu = *(const volatile uint32_t *)((const char *)__builtin_thread_pointer() + word);
#endif
	return cpu;
}

/* The kernel keeps the id up to date, and it fits the array. */
static inline bool floor_rseq_works(void)
{
	return __rseq_size > 0 && floor_cpu() < FLOOR_CPUS;
}

#if defined(__x86_64__)
#define FLOOR_RSEQ_ADD 1

/* One plain add inside a restartable sequence, cells by cpu; section layout as in linux tools/testing/selftests/rseq. */
static inline void floor_rseq_add(struct floor_cell *cells, uint64_t amount)
{
	ptrdiff_t section = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, rseq_cs);
	ptrdiff_t word = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id);

	for (;;) {
		uint32_t cpu = floor_cpu();

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
			"addq %[amount], (%[cell])\n\t"
			"3:\n\t"
			".pushsection __rseq_failure, \"ax\"\n\t"
			".byte 0x0f, 0xb9, 0x3d\n\t"
			".long 0x53053053\n\t"
			"4: jmp %l[again]\n\t"
			".popsection\n\t"
			:
			: [cpu] "r"(cpu), [word] "r"(word), [section] "r"(section), [amount] "r"(amount),
			  [cell] "r"(&cells[cpu].value)
			: "rax", "memory", "cc"
			: again);
		return;
again:;
	}
}
#else
#define FLOOR_RSEQ_ADD 0
#endif

#endif
