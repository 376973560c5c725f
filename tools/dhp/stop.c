/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stop.c - waiting for the signals that mean "stop".
 *
 * The signals are blocked in every thread and taken by the main one with sigtimedwait. So no handler runs in the
 * middle of anything, and one place decides what stopping means.
 */
#define _GNU_SOURCE
#include "stop.h"
#include "clock.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

static void stop_mask(int how)
{
	sigset_t set;

	stop_signals(&set);
	pthread_sigmask(how, &set, NULL);
}

void stop_prepare(void)
{
	stop_hold_back();
}

void stop_let_through(void)
{
	stop_mask(SIG_UNBLOCK);
}

void stop_hold_back(void)
{
	stop_mask(SIG_BLOCK);
}

bool stop_wait_until(uint64_t at_ns)
{
	sigset_t set;

	stop_signals(&set);
	for (;;) {
		uint64_t now = clock_now_ns();
		uint64_t left = at_ns > now ? at_ns - now : 0;
		struct timespec time = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};

		if (sigtimedwait(&set, NULL, &time) > 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}
