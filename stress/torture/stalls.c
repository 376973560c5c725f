/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stalls.c - threads that are stopped in the middle of anything, for milliseconds: an inserter before its push, a thief with
 * a lock, a reader in its section, a worker between two instructions. Nobody else may have to wait for them but where a contract
 * says so; everything that is counted must come out as before.
 *
 * A signal does it. Threads of the engine take none, so each of them says that it is welcome when it comes through code of ours.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define STALL_SIGNAL SIGUSR2
#define STALL_LIMIT_US 4000u

static _Atomic(struct tally *) current; /* lasts longer than any thread; NULL: nobody is stopped yet */
static _Thread_local bool welcome, of_engine;

static void stand_still(int number)
{
	struct tally *tally = atomic_load_explicit(&current, memory_order_acquire);
	struct timespec time = {0, 1000};
	static atomic_ullong rolls;
	int saved = errno;

	(void)number;
	if (tally != NULL) {
		uint64_t random = dice_mix(atomic_fetch_add_explicit(&rolls, 1, memory_order_relaxed));

		tally_add(tally, DEED_STALLED, 1);
		if (of_engine)
			tally_add(tally, DEED_STALLED_WORKERS, 1);
		time.tv_nsec = (long)(random % (STALL_LIMIT_US * 1000u));
		nanosleep(&time, NULL);
	}
	errno = saved;
}

void stalls_welcome(void)
{
	sigset_t set, before;

	if (welcome)
		return;
	welcome = true;
	sigemptyset(&set);
	sigaddset(&set, STALL_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, &before);
	of_engine = sigismember(&before, STALL_SIGNAL) == 1;
}

/* One of the process's threads, none more likely than another; 0: none. */
static pid_t some_thread(struct dice *dice)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	pid_t chosen = 0;
	uint32_t seen = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && dice_one_in(dice, ++seen))
			chosen = (pid_t)strtol(entry->d_name, NULL, 10);
	if (folder != NULL)
		closedir(folder);
	return chosen;
}

/* Who has ended meanwhile gets nothing. */
static void stop_others(struct world *world, struct dice *dice)
{
	pid_t process = getpid(), self = (pid_t)syscall(SYS_gettid), thread;

	while (!stopping(world)) {
		uint32_t burst = dice_between(dice, 1, 4);

		while (burst-- > 0 && (thread = some_thread(dice)) != 0)
			if (thread != self && thread != process)
				syscall(SYS_tgkill, process, thread, STALL_SIGNAL);
		sleep_us(dice_below(dice, 3000));
	}
}

static void begin(struct world *world)
{
	struct sigaction action = {.sa_flags = SA_RESTART};

	action.sa_handler = stand_still;
	sigemptyset(&action.sa_mask);
	sigaction(STALL_SIGNAL, &action, NULL);
	atomic_store_explicit(&current, world->tally, memory_order_release);
}

const struct part part_stalls = {.name = "stalls", .group = GROUPS, .begin = begin, .acts = {stop_others}};
