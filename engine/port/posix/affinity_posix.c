/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity_posix.c - on which cpus the calling thread may run.
 *
 * The bare calls, unlike the C library's, work with any number of cpus. The kernel leaves out of a mask what the cpuset
 * does not have, refuses one of which nothing is left, and has moved the thread when the call returns.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "port.h"

/* Large and hardly ever used: not among the variables that are at a constant distance. */
static _Thread_local struct port_pin pin;

struct port_pin *port_pin(void)
{
	return &pin;
}

bool port_affinity_read(struct port_affinity *out_affinity)
{
	struct port_affinity read = { { 0 } };

	if (syscall(SYS_sched_getaffinity, 0, sizeof(read), &read) <= 0)
		return false;
	*out_affinity = read;
	return true;
}

bool port_affinity_write(const struct port_affinity *affinity)
{
	return syscall(SYS_sched_setaffinity, 0, sizeof(*affinity), affinity) == 0;
}
