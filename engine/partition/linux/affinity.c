/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity.c - on which processors may a thread of ours run? The answer has affinity and cpuset in it.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "linux.h"

#define WORD_BITS (8u * (uint32_t)sizeof(unsigned long))
#define WORDS ((DHP_CPU_LIMIT + WORD_BITS - 1) / WORD_BITS)

bool dhpi_affinity_read(int32_t thread, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	unsigned long words[WORDS];
	/* The bare call, unlike the C library's, tells how much it wrote. */
	long bytes = syscall(SYS_sched_getaffinity, thread, sizeof(words), words);

	*out_list = (struct dhpi_cpulist){ 0, 0 };
	if (bytes <= 0)
		return false;
	for (uint32_t word = 0; word < (uint32_t)bytes / sizeof(words[0]); word++) {
		for (unsigned long left = words[word]; left != 0; left &= left - 1) {
			uint32_t cpu = word * WORD_BITS + (uint32_t)__builtin_ctzl(left);

			dhpi_cpus_add(cpus, cpu);
			out_list->count++;
			out_list->limit = cpu + 1;
		}
	}
	return true;
}
