/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h - benchmarks in C, over Google Benchmark.
 *
 * Problem   the library's loop is a C++ template. Seen from C it would be one opaque call for each iteration, which
 *           costs about a nanosecond: four times what a slot read costs.
 * Idea      the shim hands the whole iteration count to C at once, and the loop is C's own:
 *
 *		static void add(struct bench *bench, const void *argument)
 *		{
 *			uint64_t i;
 *
 *			(set up)
 *			for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
 *				(what is timed)
 *			(tear down)
 *		}
 *
 *           The clock starts in bench_begin and stops in the last bench_next, which gives false. So the loop may not
 *           be left by break or return. empty/ours shows what it costs: nothing.
 * Names     group/variant[/range]: the report divides each variant of a group by the one called "floor". "floor_..." are
 *           other floors, "ours" and "ours_..." are ours, all others are rivals.
 * Not       a second benchmark library: no statistics, no options of its own.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run of one benchmark. Belongs to the shim. */
struct bench;

typedef void bench_routine(struct bench *bench, const void *argument);

enum bench_clock {
	BENCH_CLOCK_THREAD = 0, /* CPU time of the thread: for what one thread does alone */
	BENCH_CLOCK_WALL = 1,   /* for what other threads take part in */
	BENCH_CLOCK_MANUAL = 2  /* the sum of bench_time_add */
};

/* Zero means the default in every field but the first two. Copied, but for argument. */
struct bench_spec {
	const char *name;       /* group/variant */
	bench_routine *routine;
	const void *argument;
	const int64_t *ranges;  /* one benchmark for each value; NULL: one, without a value */
	size_t range_count;
	int threads;            /* thread 0 sets up before its loop and tears down after it; 1 */
	enum bench_clock clock;
	int64_t iterations;     /* fixed count; 0: the library finds it */
};

void bench_register(const struct bench_spec *spec);
/* Fixed counts of iterations are divided by this, down to 8. Before anything is registered. */
void bench_quicken(int64_t by);

/* The loop; see above. After bench_skip, bench_begin and bench_next end it at once. */
uint64_t bench_begin(struct bench *bench);
bool bench_next(struct bench *bench);

int64_t bench_range(const struct bench *bench);
int bench_thread(const struct bench *bench);

/* An iteration does so many things: the report divides by it. */
void bench_items(struct bench *bench, uint64_t count);
/* A number of one's own. A name that ends in _ns, or in @near or @far (place.h), gets a row in the report. */
void bench_counter(struct bench *bench, const char *name, double value);
void bench_label(struct bench *bench, const char *text);
/* This benchmark cannot run here, or failed. Before the loop or in it. */
void bench_skip(struct bench *bench, const char *reason);
/* With BENCH_CLOCK_MANUAL, once an iteration. */
void bench_time_add(struct bench *bench, uint64_t ns);

/* A line about the whole run, for the report. Before bench_run. */
void bench_context(const char *key, const char *value);

/* What the library's own KeepRunning costs from C, for empty/ours_call. */
bool bench_next_one(struct bench *bench);

/* Parse the library's options, run everything registered, return the exit status. */
int bench_run(int argc, char **argv);

/* The compiler must have made this value. It may go on knowing everything else, as it would in a program. */
#define bench_keep(value) __asm__ __volatile__("" : : "r"(value))
/* The compiler must have stored what it was told to store. */
#define bench_stored() __asm__ __volatile__("" : : : "memory")

/* Eight times, so that the loop itself is an eighth of a cycle. */
#define BENCH_UNROLLED 8u
#define BENCH_UNROLL(statement)                                                                                        \
	do {                                                                                                           \
		statement;                                                                                             \
		statement;                                                                                             \
		statement;                                                                                             \
		statement;                                                                                             \
		statement;                                                                                             \
		statement;                                                                                             \
		statement;                                                                                             \
		statement;                                                                                             \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif
