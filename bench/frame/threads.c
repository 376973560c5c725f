/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads.c - see threads.h.
 */
#include "threads.h"

#include <sched.h>

static cpu_set_t everywhere; /* written once, before there are threads */
static uint32_t first, second;

void threads_note(void)
{
	uint32_t cpu, found = 0;

	CPU_ZERO(&everywhere);
	sched_getaffinity(0, sizeof(everywhere), &everywhere);
	for (cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (!CPU_ISSET(cpu, &everywhere))
			continue;
		if (found++ == 0)
			first = second = cpu;
		else
			second = cpu;
	}
}

unsigned threads_cpus(void)
{
	return (unsigned)CPU_COUNT(&everywhere);
}

uint32_t threads_cpu(enum where where)
{
	return where == WHERE_SECOND ? second : first;
}

bool threads_pin(enum where where)
{
	cpu_set_t set = everywhere;

	if (where != WHERE_ANYWHERE) {
		CPU_ZERO(&set);
		if (where != WHERE_SECOND)
			CPU_SET(first, &set);
		if (where != WHERE_FIRST)
			CPU_SET(second, &set);
	}
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

bool threads_need_two(struct bench *bench)
{
	if (threads_cpus() >= 2)
		return true;
	bench_skip(bench, "needs two CPUs that this process may use");
	return false;
}
