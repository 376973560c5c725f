/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steps.h - how long each step of an arrival takes, by the engine's trace hook: samples of enter-to-leave for each step
 * name, and their median as a counter step_<name>_ns.
 */
#ifndef BENCH_STEPS_H
#define BENCH_STEPS_H

#include <dhp/observe.h>
#include <stdint.h>

#include "bench.h"

#define STEP_KINDS 16u
#define STEP_SAMPLES 1024u

struct steps {
	bool off; /* what happens now is not measured: the first processor of an engine */
	uint32_t kinds;
	struct step {
		const char *name; /* the engine's text, constant */
		uint64_t entered_ns;
		uint32_t count;
		uint64_t samples_ns[STEP_SAMPLES];
	} step[STEP_KINDS];
};

/* A dhp_trace_hook; context is a struct steps. */
void steps_trace(void *context, const struct dhp_trace_event *event);

void steps_report(struct steps *steps, struct bench *bench);

/* Sorts. */
uint64_t median_ns(uint64_t *samples, uint32_t count);

#endif
