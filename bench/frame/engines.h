/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engines.h - the engines that benchmarks run on.
 */
#ifndef BENCH_ENGINES_H
#define BENCH_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

struct dhp_engine;

/*
 * The machine, without watching it: nothing may arrive in the middle, and a benchmark that pins its thread must not
 * look like a change. spin_ns is how long an idle worker stays awake. Skips the benchmark and gives NULL on failure.
 */
struct dhp_engine *engine_of_machine(struct bench *bench, uint32_t flags, uint32_t spin_ns);

/* Destroys it; a refusal is the benchmark's error. */
void engine_end(struct bench *bench, struct dhp_engine *engine);

#endif
