/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity.h - on which CPUs a process may run.
 */
#ifndef TOOL_AFFINITY_H
#define TOOL_AFFINITY_H

#include <stdint.h>
#include <sys/types.h>

/* The CPUs allowed to the calling thread, ascending; free with free(). NULL with errno set. */
uint32_t *affinity_read(uint32_t *out_count);

/* Let this process (0: the calling thread) run on these CPUs and no others: 0, or an errno. */
int affinity_write(pid_t pid, const uint32_t *cpus, uint32_t count);

#endif
