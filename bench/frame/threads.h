/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads.h - where threads run, and what they do while they wait.
 *
 * The benchmark's thread runs on the first CPU that this process may use, who takes what it hands over on the second. A
 * contestant that makes threads makes them while its maker is confined to where they shall run: they inherit that.
 */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#endif

enum where {
	WHERE_ANYWHERE = 0, /* as when the program began */
	WHERE_FIRST = 1,
	WHERE_SECOND = 2,
	WHERE_BOTH = 3 /* the first or the second */
};

/* The calling thread; false: refused, or there is no such CPU. threads_note is for main, before all else. */
void threads_note(void);
bool threads_pin(enum where where);
/* Skips the benchmark when there are fewer than two CPUs. */
bool threads_need_two(struct bench *bench);

unsigned threads_cpus(void);               /* that this process may use */
uint32_t threads_cpu(enum where where);    /* the number of the first or the second */

static inline uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

/* Stays on the CPU so long. */
static inline void spin_ns(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (now_ns() < end)
		relax();
}

#ifdef __cplusplus
}
#endif

#endif
