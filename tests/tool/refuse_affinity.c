/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refuse_affinity.c - loaded in front of the C library: a system that refuses to change affinities.
 *
 * REFUSE_AFFINITY=self refuses a process's own, =parent refuses a child its parent's; everything else goes through.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool refused(pid_t pid)
{
	const char *mode = getenv("REFUSE_AFFINITY");

	if (!mode)
		return false;
	return strcmp(mode, "self") == 0 ? pid == 0 : pid == getppid();
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	if (!refused(pid))
		return (int)syscall(SYS_sched_setaffinity, pid, size, set);
	errno = EPERM;
	return -1;
}
