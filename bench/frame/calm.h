/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calm.h - whether the machine belonged to us while something was measured.
 *
 * A burst that others interrupt still has a median; but what was measured beside a busy neighbour has to say so. Each
 * run gets the counters wall_ms (times the CPUs), busy_ms (of all CPUs, with what a hypervisor stole) and own_ms (this
 * process): the report adds them up over the repetitions, since the system counts in ticks of some milliseconds.
 */
#ifndef BENCH_CALM_H
#define BENCH_CALM_H

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#endif

struct calm {
	double wall_ms, busy_ms, own_ms;
};

void calm_now(struct calm *calm);
void calm_report(const struct calm *before, struct bench *bench);

/* What makes this machine a bad place to measure on, in words; an empty text: nothing seen. */
void calm_warnings(char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
