/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.h - time: monotonic nanoseconds for measuring, the wall clock for people.
 *
 * The monotonic clock is the same in every process of the machine and the one that libdhp stamps with.
 */
#ifndef TOOL_CLOCK_H
#define TOOL_CLOCK_H

#include <stdint.h>

#define NS_PER_S  1000000000u
#define NS_PER_MS 1000000u
#define NS_PER_US 1000u

struct wall_text {
	char s[40];
};

uint64_t clock_now_ns(void);
void clock_sleep_until(uint64_t at_ns);

/* ISO 8601, UTC, to the millisecond. */
struct wall_text clock_wall(void);

static inline double seconds_of_ns(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

static inline uint64_t ns_of_seconds(double seconds)
{
	return (uint64_t)(seconds * (double)NS_PER_S);
}

#endif
