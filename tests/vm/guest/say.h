/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.h - one line for each event, written by a thread of its own: a serial line is slow, and who reports must not wait.
 *
 * A line is "! TIME WORDS", the time in nanoseconds of the monotonic clock, taken when the event happened.
 */
#ifndef VM_SAY_H
#define VM_SAY_H

#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void say_begin(void);
void say(uint64_t time_ns, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Everything said before has been written at the return. */
void say_end(void);

#endif
