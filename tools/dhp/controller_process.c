/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * controller_process.c - a process beside ours that widens our affinity.
 *
 * Problem   the demo must show a change that comes from outside, and the forked process may not run on the one CPU to
 *           which the demo confines itself: it would disturb what it measures.
 * Idea      fork first, while there is one thread and all CPUs are allowed; the child waits at a pipe for the start
 *           time and then needs nothing from its parent but its process id. When the parent ends, for whatever reason,
 *           the kernel ends the child too.
 */
#define _GNU_SOURCE
#include "controller_process.h"
#include "affinity.h"
#include "clock.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void controller_widen(struct controller *controller, pid_t parent, uint64_t start_ns)
{
	const struct plan *plan = controller->plan;
	uint32_t at;

	for (at = 1; at < plan->count; at++) {
		struct controller_change *change = &controller->changes[at - 1];

		clock_sleep_until(start_ns + at * plan->step_ns);
		atomic_store(&change->at_ns, clock_now_ns());
		atomic_store(&change->error, affinity_write(parent, plan->cpus, at + 1));
	}
}

static void controller_child(struct controller *controller, pid_t parent, int pipe_end)
{
	uint64_t start_ns;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && read(pipe_end, &start_ns, sizeof(start_ns)) == sizeof(start_ns))
		controller_widen(controller, parent, start_ns);
	_exit(0);
}

int controller_fork(struct controller *controller, const struct plan *plan)
{
	pid_t parent = getpid();
	int ends[2];

	if (controller_share(controller, plan) != TOOL_FINE)
		return TOOL_FAILED;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return say_failed("cannot make a pipe to the controller: %s", strerror(errno));
	controller->pid = fork();
	if (controller->pid == 0) {
		close(ends[1]);
		controller_child(controller, parent, ends[0]);
	}
	close(ends[0]);
	if (controller->pid < 0) {
		close(ends[1]);
		controller->pid = 0;
		return say_failed("cannot start the controller: %s", strerror(errno));
	}
	controller->start_pipe = ends[1];
	return TOOL_FINE;
}

int controller_begin(struct controller *controller, uint64_t start_ns)
{
	if (write(controller->start_pipe, &start_ns, sizeof(start_ns)) == sizeof(start_ns))
		return TOOL_FINE;
	return say_failed("the controller does not answer: %s", strerror(errno));
}

void controller_end_process(struct controller *controller)
{
	if (!controller->pid)
		return;
	close(controller->start_pipe);
	kill(controller->pid, SIGKILL);
	waitpid(controller->pid, NULL, 0);
	controller->pid = 0;
}
