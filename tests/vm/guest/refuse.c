/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refuse.c - stands between the library and the C library (--wrap, see CMakeLists.txt): a thread whose attributes pin it to
 * that CPU is not created, with the error that the kernel gives for a CPU outside the cpuset.
 */
#include "refuse.h"
#include "say.h"

#include <dhp.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

static atomic_uint refused_cpu = DHP_NO_CPU;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

static bool pins_to(const pthread_attr_t *attributes, uint32_t cpu)
{
	cpu_set_t affinity;

	return attributes != NULL && cpu < CPU_SETSIZE && pthread_attr_getaffinity_np(attributes, sizeof(affinity), &affinity) == 0 &&
	       CPU_COUNT(&affinity) == 1 && CPU_ISSET(cpu, &affinity);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	uint32_t cpu = atomic_load(&refused_cpu);

	if (!pins_to(attributes, cpu))
		return __real_pthread_create(thread, attributes, run, argument);
	say(now_ns(), "refused cpu=%" PRIu32, cpu);
	return EINVAL;
}

void refuse_pins_to(uint32_t cpu)
{
	atomic_store(&refused_cpu, cpu);
}
