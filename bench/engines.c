/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engines.c - see engines.h.
 */
#define _GNU_SOURCE
#include <dhp.h>
#include <sched.h>
#include <time.h>

#include "engines.h"

static cpu_set_t everywhere; /* the benchmark thread's affinity before pin_to_first; that thread only */

uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct dhp_engine *engine_of_machine(struct bench *bench, uint32_t flags, uint32_t spin_ns)
{
	struct dhp_engine_options options = {
		.size = sizeof(options), .flags = flags | DHP_ENGINE_NO_WATCH, .spin_ns = spin_ns};
	struct dhp_engine *engine = NULL;
	enum dhp_status status = dhp_engine_create(&options, &engine);

	if (dhp_failed(status)) {
		bench_skip(bench, dhp_status_text(status));
		return NULL;
	}
	return engine;
}

void engine_end(struct bench *bench, struct dhp_engine *engine)
{
	enum dhp_status status = dhp_engine_destroy(engine);

	if (dhp_failed(status))
		bench_skip(bench, dhp_status_text(status));
}

bool pin_to_first(struct bench *bench, struct dhp_engine *engine)
{
	struct dhp_processor first;
	struct dhp_counts counts;
	cpu_set_t set;

	if (dhp_failed(dhp_counts_read(engine, &counts)) || counts.active < 2) {
		bench_skip(bench, "needs two CPUs that this process may use");
		return false;
	}
	CPU_ZERO(&set);
	if (dhp_failed(dhp_processor_at(engine, 0, &first)) || first.cpu >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(everywhere), &everywhere) != 0) {
		bench_skip(bench, "cannot find the first CPU");
		return false;
	}
	CPU_SET(first.cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		bench_skip(bench, "cannot pin the benchmark's thread");
		return false;
	}
	return true;
}

void unpin(void)
{
	sched_setaffinity(0, sizeof(everywhere), &everywhere);
}
