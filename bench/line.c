/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * line.c - how far two processors are from each other just now: one cache line, to and fro.
 *
 * Under a hypervisor this changes by a factor of five while a program runs, and with it everything that hands work over.
 * A spread here explains a spread there.
 */
#define _GNU_SOURCE
#include <dhp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "all.h"
#include "bench.h"
#include "engines.h"

#define STOP UINT64_MAX

static _Alignas(128) atomic_ullong ball; /* odd: the other side has it */

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void *return_ball(void *argument)
{
	const struct dhp_processor *processor = argument;
	unsigned long long value;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while ((value = atomic_load_explicit(&ball, memory_order_acquire)) != STOP) {
		if (value % 2 == 1)
			atomic_store_explicit(&ball, value + 1, memory_order_release);
		else
			relax();
	}
	return NULL;
}

static void play(struct bench *bench)
{
	unsigned long long value = 0;
	uint64_t i;

	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		atomic_store_explicit(&ball, value + 1, memory_order_release);
		value += 2;
		while (atomic_load_explicit(&ball, memory_order_acquire) != value)
			relax();
	}
}

static void there_and_back(struct bench *bench, const void *argument)
{
	struct dhp_engine *engine = engine_of_machine(bench, DHP_ENGINE_NO_WORKERS, 0);
	struct dhp_processor second;
	pthread_t thread;

	(void)argument;
	if (engine == NULL)
		return;
	bench_items(bench, 2); /* ways */
	if (pin_to_first(bench, engine)) {
		atomic_store_explicit(&ball, 0, memory_order_relaxed);
		if (dhp_failed(dhp_processor_at(engine, 1, &second)) || second.cpu >= CPU_SETSIZE ||
		    pthread_create(&thread, NULL, return_ball, &second) != 0) {
			bench_skip(bench, "no thread");
		} else {
			play(bench);
			atomic_store_explicit(&ball, STOP, memory_order_release);
			pthread_join(thread, NULL);
		}
		unpin();
	}
	engine_end(bench, engine);
}

void bench_line(void)
{
	bench_register(&(struct bench_spec){
		.name = "line_one_way/floor", .routine = there_and_back, .clock = BENCH_CLOCK_WALL});
}
