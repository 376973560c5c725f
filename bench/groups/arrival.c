/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrival.c - what the arrival of a processor costs, on the simulator: from the call to the first routine that runs on
 * the newcomer.
 *
 * One iteration is one processor. The time is a mean, in which a few iterations that the scheduler kept waiting weigh
 * more than all others; run_ns is the median of the same, add_ns that of the call alone, step_..._ns that of each step as
 * the trace hook saw it. The range is the number of arrays that have to grow.
 * "ours_ahead" finds a worker that was made before.
 * The floor does by hand what cannot be left out: memory for as many slots, touched, and a thread with a stack of the
 * same size, until it runs; "floor_pinned" is the same with the thread pinned before it starts, as a worker on a real
 * processor is. A simulated processor's worker is not pinned, so the plain one is the floor.
 */
#include <dhp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "all.h"
#include "bench.h"
#include "engines.h"
#include "steps.h"
#include "threads.h"

#define ITERATIONS 256
#define PROCESSORS 64u /* then a new partition, outside the measured time */
#define ARRAYS_LIMIT 16u
#define SLOT_BYTES 64u
#define STACK_BYTES 262144u /* what an engine gives its workers by default */

struct partition {
	struct dhp_engine *engine;
	struct dhp_percpu *arrays[ARRAYS_LIMIT];
	uint32_t arrays_count;
	uint32_t added; /* beside the first */
	uint32_t ready_ahead;
};

static atomic_bool first_ran;

static void ran(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	atomic_store_explicit(&first_ran, true, memory_order_release);
}

/* Spinning would take a processor from the newcomer where there are only two. */
static void wait_first(void)
{
	while (!atomic_load_explicit(&first_ran, memory_order_acquire))
		sched_yield();
}

static void partition_end(struct bench *bench, struct partition *partition)
{
	uint32_t i;

	if (partition->engine == NULL)
		return;
	for (i = 0; i < partition->arrays_count; i++)
		dhp_percpu_destroy(partition->arrays[i]);
	engine_end(bench, partition->engine);
	partition->engine = NULL;
}

static enum dhp_status partition_begin(struct partition *partition, uint32_t arrays_count, struct steps *steps)
{
	struct dhp_sim_options sim = {.size = sizeof(sim), .maximum_count = PROCESSORS};
	struct dhp_engine_options options = {
		.size = sizeof(options), .sim = &sim, .trace = steps_trace, .trace_context = steps,
		.ready_ahead = partition->ready_ahead};
	struct dhp_percpu_options array = {.size = sizeof(array), .slot_bytes = SLOT_BYTES};
	enum dhp_status status;

	partition->arrays_count = partition->added = 0;
	steps->off = true;
	status = dhp_engine_create(&options, &partition->engine);
	while (status == DHP_OK && partition->arrays_count < arrays_count) {
		status = dhp_percpu_create(partition->engine, &array, &partition->arrays[partition->arrays_count]);
		if (status == DHP_OK)
			partition->arrays_count++;
	}
	steps->off = false;
	return status;
}

/* Not measured: the worker that the arrival will find is made, and sleeps. */
static void wait_ready(const struct partition *partition)
{
	struct dhp_engine_stats stats = {.ready_count = 0};

	while (stats.ready_count < partition->ready_ahead &&
	       dhp_engine_stats_read(partition->engine, &stats) == DHP_OK)
		sched_yield();
	if (partition->ready_ahead != 0)
		usleep(500);
}

/* out_add_ns: the call alone; out_total_ns: until the first routine runs on the newcomer. */
static enum dhp_status add_one(struct partition *partition, uint64_t *out_add_ns, uint64_t *out_total_ns)
{
	uint32_t index = partition->added + 1;
	uint32_t cpu = dhp_sim_cpu(partition->engine, index);
	struct dhp_dpc dpc;
	enum dhp_status status;
	uint64_t begin;

	wait_ready(partition);
	begin = now_ns();
	status = dhp_sim_add(partition->engine, cpu);
	if (status != DHP_OK)
		return status;
	*out_add_ns = now_ns() - begin;
	partition->added++;
	atomic_store_explicit(&first_ran, false, memory_order_relaxed);
	status = dhp_dpc_init(&dpc, partition->engine, ran, NULL);
	if (status == DHP_OK)
		status = dhp_dpc_set_target(&dpc, index);
	if (status == DHP_OK) /* at once, also where the worker sleeps already (S-630) */
		status = dhp_dpc_set_importance(&dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
	if (status == DHP_OK)
		status = dhp_dpc_insert(&dpc, NULL, NULL);
	if (status != DHP_OK)
		return status;
	wait_first();
	*out_total_ns = now_ns() - begin;
	/* the object is on this stack: its routine must have ended, not only begun */
	return dhp_dpc_flush(partition->engine);
}

/* argument: not NULL for a worker that is made ahead */
static void ours(struct bench *bench, const void *argument)
{
	struct steps *steps = calloc(1, sizeof(*steps));
	struct partition partition = {.ready_ahead = argument != NULL};
	uint64_t i, add_ns[ITERATIONS], run_ns[ITERATIONS];
	enum dhp_status status = DHP_OK;
	uint32_t count = 0;

	if (steps == NULL)
		bench_skip(bench, "no memory");
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		if (status != DHP_OK)
			continue; /* the loop may not be left */
		if (partition.engine == NULL || partition.added + 1 == PROCESSORS) {
			partition_end(bench, &partition);
			status = partition_begin(&partition, (uint32_t)bench_range(bench), steps);
		}
		if (status == DHP_OK)
			status = add_one(&partition, &add_ns[count % ITERATIONS], &run_ns[count % ITERATIONS]);
		if (status == DHP_OK)
			bench_time_add(bench, run_ns[count++ % ITERATIONS]);
	}
	if (status != DHP_OK)
		bench_skip(bench, dhp_status_text(status));
	count = count < ITERATIONS ? count : ITERATIONS;
	bench_counter(bench, "add_ns", (double)median_ns(add_ns, count));
	bench_counter(bench, "run_ns", (double)median_ns(run_ns, count));
	if (steps != NULL)
		steps_report(steps, bench);
	partition_end(bench, &partition);
	free(steps);
}

/* The floor's newcomers: they run once, then wait for the end like parked workers. */
struct floor_worker {
	pthread_t thread;
	unsigned char *memory;
	size_t bytes;
};

static sem_t floor_end;

static void *newcomer(void *argument)
{
	(void)argument;
	atomic_store_explicit(&first_ran, true, memory_order_release);
	while (sem_wait(&floor_end) != 0)
		;
	return NULL;
}

static bool floor_add(struct floor_worker *worker, size_t pages, uint32_t cpu)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	pthread_attr_t attributes;
	cpu_set_t set;
	bool made;

	worker->bytes = pages * page;
	worker->memory =
		mmap(NULL, worker->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (worker->memory == MAP_FAILED)
		return false;
	for (i = 0; i < pages; i++)
		worker->memory[i * page] = 1;
	atomic_store_explicit(&first_ran, false, memory_order_relaxed);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (cpu != DHP_NO_CPU) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
	}
	made = pthread_create(&worker->thread, &attributes, newcomer, NULL) == 0;
	pthread_attr_destroy(&attributes);
	if (!made) {
		munmap(worker->memory, worker->bytes);
		return false;
	}
	wait_first();
	return true;
}

static void floor_sweep(struct floor_worker *workers, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		sem_post(&floor_end);
	for (i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		munmap(workers[i].memory, workers[i].bytes);
	}
}

/* Another cpu than the caller's, if there is one. */
static uint32_t other_cpu(void)
{
	uint32_t cpu, here = (uint32_t)sched_getcpu();
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return DHP_NO_CPU;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (cpu != here && CPU_ISSET(cpu, &set))
			return cpu;
	return DHP_NO_CPU;
}

/* argument: not NULL for a pinned thread */
static void by_hand(struct bench *bench, const void *argument)
{
	size_t pages = 1 + (size_t)bench_range(bench); /* one for the queue, one for each array's slot */
	struct floor_worker workers[PROCESSORS];
	uint64_t i, begin, run_ns[ITERATIONS];
	uint32_t count = 0, samples = 0;
	bool works = true;

	sem_init(&floor_end, 0, 0);
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		uint32_t cpu = argument != NULL ? other_cpu() : DHP_NO_CPU;

		if (count == PROCESSORS) {
			floor_sweep(workers, count);
			count = 0;
		}
		begin = now_ns();
		works = works && floor_add(&workers[count], pages, cpu);
		if (works) {
			run_ns[samples % ITERATIONS] = now_ns() - begin;
			bench_time_add(bench, run_ns[samples++ % ITERATIONS]);
			count++;
		}
	}
	if (!works)
		bench_skip(bench, "no memory or no thread");
	bench_counter(bench, "run_ns", (double)median_ns(run_ns, samples < ITERATIONS ? samples : ITERATIONS));
	floor_sweep(workers, count);
	sem_destroy(&floor_end);
}

void group_arrival(void)
{
	static const int64_t arrays[] = {0, ARRAYS_LIMIT};
	static const bool special = true;
	struct bench_spec spec = {
		.ranges = arrays, .range_count = 2, .clock = BENCH_CLOCK_MANUAL, .iterations = ITERATIONS};

	spec.name = "arrival/ours";
	spec.routine = ours;
	bench_register(&spec);
	spec.name = "arrival/ours_ahead";
	spec.argument = &special;
	bench_register(&spec);
	spec.argument = NULL;
	spec.name = "arrival/floor";
	spec.routine = by_hand;
	bench_register(&spec);
	spec.name = "arrival/floor_pinned";
	spec.argument = &special;
	bench_register(&spec);
}
