/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - how far the processors of two threads are from each other just now: near or far.
 *
 * Problem   under a hypervisor two processors move about the host: a line crosses in 50 ns for some seconds, then in 250.
 *           A median over both means nothing.
 * Idea      before each burst the two threads that take part play one cache line to and fro: this shows that both run,
 *           and how far apart they are. What the burst took is filed under that.
 *
 *	struct samples time;			(static: it is large)
 *	place = court_play(&court);		(while the other thread is in court_return)
 *	... the burst ...
 *	samples_add(&time, place, ns);
 *	...
 *	samples_report(&time, bench, "time");	(in the end: counters time@near, time@far, time_bursts@near, ...)
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#endif

enum place {
	PLACE_NEAR = 0,
	PLACE_FAR = 1,
	PLACE_LOST = 2, /* one of the two did not run: the burst is not counted */
	PLACES = 3
};

struct court;

/* Both sides exactly once for each game. The player says what it saw; out_ns may be NULL: one way. */
enum place court_play(struct court *court, double *out_ns);
void court_return(struct court *court);

struct court *court_make(void);
void court_free(struct court *court);

#define SAMPLES_LIMIT 8192u

struct samples {
	size_t count[PLACES];
	double ns[PLACES][SAMPLES_LIMIT];
};

void samples_reset(struct samples *samples);
void samples_add(struct samples *samples, enum place place, double ns);

/* The median as counter metric@place, and how many there were; nothing for a place without samples. Sorts. */
void samples_report(struct samples *samples, struct bench *bench, const char *metric);
/* Another quantile, as counter metric_p99@place and the like; percent is 99 or 99.9. */
void samples_report_tail(struct samples *samples, struct bench *bench, const char *metric, double percent);

#ifdef __cplusplus
}
#endif

#endif
