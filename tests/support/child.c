/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 64u
#define FAILURE_STATUS 17

void require_at(bool condition, const char *what, const char *file, int line)
{
	if (condition)
		return;
	(void)fprintf(stderr, "child: %s:%d: not satisfied: %s\n", file, line, what);
	(void)fflush(NULL);
	_exit(FAILURE_STATUS);
}

void child_start(struct child *child, void (*run)(uint64_t *words, void *argument), void *argument)
{
	child->words = mmap(NULL, WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(child->words != MAP_FAILED);
	(void)fflush(NULL);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid > 0)
		return;
	run(child->words, argument);
	(void)fflush(NULL);
	_exit(0);
}

void child_end(struct child *child)
{
	int status = -1;

	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(munmap(child->words, WORDS * sizeof(uint64_t)), 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status %#x", (unsigned)status);
}

struct progress {
	struct child *child;
	uint32_t word;
	uint64_t at_least;
	bool ended;
};

static bool come_or_gone(void *context)
{
	struct progress *progress = context;
	siginfo_t info = { .si_pid = 0 };

	if (peek(&progress->child->words[progress->word]) >= progress->at_least)
		return true;
	/* Looked at, not reaped. */
	progress->ended = waitid(P_PID, (id_t)progress->child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			  info.si_pid != 0;
	return progress->ended;
}

bool child_reached(struct child *child, uint32_t word, uint64_t at_least)
{
	struct progress progress = { .child = child, .word = word, .at_least = at_least };

	return wait_until(come_or_gone, &progress) && !progress.ended;
}

uint32_t usable_cpus(uint32_t *cpus, uint32_t capacity)
{
	uint32_t count = 0;
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE && count < capacity; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[count++] = cpu;
	assert_true(count > 0);
	return count;
}

bool confine(pid_t thread, const uint32_t *cpus, uint32_t count)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (uint32_t i = 0; i < count; i++)
		CPU_SET(cpus[i], &set);
	return sched_setaffinity(thread, sizeof(set), &set) == 0;
}
