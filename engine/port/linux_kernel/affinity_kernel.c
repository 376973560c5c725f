/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity_kernel.c - the calling thread's affinity.
 */
#include <linux/cpumask.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "port.h"

bool port_affinity_read(struct port_affinity *out_affinity)
{
	unsigned int cpu;

	*out_affinity = (struct port_affinity){ { 0 } };
	for_each_cpu(cpu, current->cpus_ptr) {
		if (cpu >= PORT_AFFINITY_CPUS)
			return false;
		out_affinity->words[cpu / 64] |= 1ull << cpu % 64;
	}
	return true;
}

bool port_affinity_write(const struct port_affinity *affinity)
{
	cpumask_var_t mask;
	bool done;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return false;
	for (unsigned int cpu = 0; cpu < nr_cpu_ids && cpu < PORT_AFFINITY_CPUS; cpu++)
		if (affinity->words[cpu / 64] >> cpu % 64 & 1)
			cpumask_set_cpu(cpu, mask);
	done = set_cpus_allowed_ptr(current, mask) == 0;
	free_cpumask_var(mask);
	return done;
}
