/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.c - reading clocks and sleeping until a moment.
 *
 * Sleeping is until a moment, not for a length: a schedule of arrivals then has no drift.
 */
#define _GNU_SOURCE
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void clock_sleep_until(uint64_t at_ns)
{
	struct timespec at = {.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

struct wall_text clock_wall(void)
{
	struct wall_text text;
	struct timespec now;
	struct tm parts;
	char date[24];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text.s, sizeof(text.s), "%s.%03uZ", date, (unsigned)((uint64_t)now.tv_nsec / NS_PER_MS) % 1000u);
	return text;
}
