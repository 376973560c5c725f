/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity.c - CPU masks as lists.
 *
 * The kernel refuses to fill a mask smaller than its own, and its own may be larger than the fixed cpu_set_t. Ours
 * always holds every cpu id that the library accepts: 8 KiB.
 */
#define _GNU_SOURCE
#include "affinity.h"

#include <dhp/base.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

uint32_t *affinity_read(uint32_t *out_count)
{
	size_t bytes = CPU_ALLOC_SIZE(DHP_CPU_LIMIT);
	cpu_set_t *set = CPU_ALLOC(DHP_CPU_LIMIT);
	uint32_t *cpus = calloc(DHP_CPU_LIMIT, sizeof(*cpus));
	uint32_t cpu;

	*out_count = 0;
	if (!set || !cpus || sched_getaffinity(0, bytes, set) != 0) {
		CPU_FREE(set);
		free(cpus);
		return NULL;
	}
	for (cpu = 0; cpu < DHP_CPU_LIMIT; cpu++)
		if (CPU_ISSET_S(cpu, bytes, set))
			cpus[(*out_count)++] = cpu;
	CPU_FREE(set);
	return cpus;
}

int affinity_write(pid_t pid, const uint32_t *cpus, uint32_t count)
{
	size_t bytes = CPU_ALLOC_SIZE(DHP_CPU_LIMIT);
	cpu_set_t *set = CPU_ALLOC(DHP_CPU_LIMIT);
	uint32_t at;
	int error;

	if (!set)
		return ENOMEM;
	CPU_ZERO_S(bytes, set);
	for (at = 0; at < count; at++)
		CPU_SET_S(cpus[at], bytes, set);
	error = sched_setaffinity(pid, bytes, set) == 0 ? 0 : errno;
	CPU_FREE(set);
	return error;
}
