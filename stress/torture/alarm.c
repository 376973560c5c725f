/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alarm.c - a signal handler that uses everything a signal handler may use: it inserts, counts, and takes shared objects
 * away. Its timer interrupts one thread of ours, which does the same things itself, so that the handler meets them half
 * done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define INTERVAL_NS 200000
#define ALARM_SIGNAL SIGUSR1

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Atomic(struct world *) current; /* what a handler works on; NULL: nothing */

static void handler(int number)
{
	struct world *world = atomic_load_explicit(&current, memory_order_acquire);
	int saved = errno;
	static atomic_ullong rolls;
	uint64_t random;

	(void)number;
	if (world != NULL) {
		random = dice_mix(world->seed + atomic_fetch_add_explicit(&rolls, 1, memory_order_relaxed));
		deed(world, DEED_SIGNALS);
		pool_insert(world, random);
		count(world, 1);
		if (random % 16 == 0)
			links_unlink(world, random);
		rundowns_glance(world, random);
		lanes_glance(world, random);
	}
	errno = saved;
}

static bool start_timer(timer_t *timer)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = ALARM_SIGNAL};
	struct itimerspec interval = {{0, INTERVAL_NS}, {0, INTERVAL_NS}};

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, timer) != 0)
		return false;
	timer_settime(*timer, 0, &interval, NULL);
	return true;
}

/* One thread at a time has the timer; further ones do the rest. */
static void be_interrupted(struct world *world, struct dice *dice)
{
	static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;
	bool mine = pthread_mutex_trylock(&alone) == 0, timed = false;
	timer_t timer;

	if (mine) {
		atomic_store_explicit(&current, world, memory_order_release);
		timed = start_timer(&timer);
	}
	while (!stopping(world)) {
		pool_insert(world, dice_roll(dice));
		count(world, 1);
		if (dice_one_in(dice, 4))
			pool_remove(world, dice_roll(dice)); /* holds a lock of the queue, which the handler must not need */
		if (dice_one_in(dice, 16))
			links_unlink(world, dice_roll(dice));
		if (dice_one_in(dice, 64))
			sleep_us(dice_below(dice, 400));
	}
	if (timed)
		timer_delete(timer);
	if (mine) {
		atomic_store_explicit(&current, NULL, memory_order_release);
		pthread_mutex_unlock(&alone);
	}
}

static void begin(struct world *world)
{
	struct sigaction action = {.sa_flags = SA_RESTART};

	(void)world;
	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	sigaction(ALARM_SIGNAL, &action, NULL);
}

const struct part part_alarm = {.name = "alarm", .group = GROUP_WORK, .begin = begin, .acts = {be_interrupted}};
