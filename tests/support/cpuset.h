/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpuset.h - a container for a child: a cpuset that is widened and narrowed from outside.
 */
#ifndef TESTS_CPUSET_H
#define TESTS_CPUSET_H

#include "support.h"

#include <sys/types.h>

struct cpuset {
	char path[512];
	bool second_version;
};

/* A cgroup of the first kind, or of the second, with this cpu only. false: none can be made here. */
bool cpuset_make(struct cpuset *set, uint32_t cpu);
/* false: not permitted. */
bool cpuset_enter(const struct cpuset *set, pid_t process);
bool cpuset_write(const struct cpuset *set, const uint32_t *cpus, uint32_t count);
/* Asserts. Who was in it has ended. */
void cpuset_remove(struct cpuset *set);

#endif
