/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * count.c - adding to a per-processor counter, and to many in turn, as a driver with its statistics does.
 *
 * The floor is one add in a hand-written restartable sequence on a static array; of many, on arrays that begin a line apart.
 * "plain" is an add to memory that nobody else touches, and "atomic" what a locked instruction costs even when nobody else is there.
 */
#include <dhp.h>
#include <stdatomic.h>
#include <unistd.h>

#include "all.h"
#include "bench.h"
#include "engines.h"
#include "rseq.h"

static void ours(struct bench *bench, const void *argument)
{
	struct dhp_engine *engine = engine_of_machine(bench, DHP_ENGINE_NO_WORKERS, 0);
	struct dhp_counter *counter = NULL;
	enum dhp_status status;
	uint64_t i;

	(void)argument;
	if (engine == NULL)
		return;
	bench_items(bench, BENCH_UNROLLED);
	status = dhp_counter_create(engine, &counter);
	if (dhp_failed(status))
		bench_skip(bench, dhp_status_text(status));
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		BENCH_UNROLL(dhp_counter_add(counter, 1));
	dhp_counter_destroy(counter);
	engine_end(bench, engine);
}

static void by_rseq(struct bench *bench, const void *argument)
{
	(void)argument;
	bench_items(bench, BENCH_UNROLLED);
#if FLOOR_RSEQ_ADD
	if (floor_rseq_works()) {
		uint64_t i;

		for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			BENCH_UNROLL(floor_rseq_add(floor_cells, 1));
		/* slot.c chains through these cells and wants zeroes */
		for (i = 0; i < FLOOR_CPUS; i++)
			floor_cells[i].value = 0;
		return;
	}
#endif
	bench_skip(bench, "no restartable sequences here");
}

static void plain(struct bench *bench, const void *argument)
{
	static struct floor_cell cell;
	uint64_t i;

	(void)argument;
	bench_items(bench, BENCH_UNROLLED);
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		BENCH_UNROLL(cell.value++; bench_stored());
}

static void locked(struct bench *bench, const void *argument)
{
	static _Alignas(128) atomic_ullong cell;
	uint64_t i;

	(void)argument;
	bench_items(bench, BENCH_UNROLLED);
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		BENCH_UNROLL(atomic_fetch_add_explicit(&cell, 1, memory_order_relaxed));
}

/* ---- many ---- */

#define MANY 32u
#define FEW_CPUS 64

static void ours_many(struct bench *bench, const void *argument)
{
	struct dhp_engine *engine = engine_of_machine(bench, DHP_ENGINE_NO_WORKERS, 0);
	struct dhp_counter *counters[MANY] = {NULL};
	uint64_t i;

	(void)argument;
	if (engine == NULL)
		return;
	bench_items(bench, MANY);
	for (unsigned k = 0; k < MANY; k++)
		if (dhp_failed(dhp_counter_create(engine, &counters[k])))
			bench_skip(bench, "no memory");
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		for (unsigned k = 0; k < MANY; k++)
			dhp_counter_add(counters[k], 1);
	for (unsigned k = 0; k < MANY; k++)
		dhp_counter_destroy(counters[k]);
	engine_end(bench, engine);
}

static void many_by_rseq(struct bench *bench, const void *argument)
{
	(void)argument;
	bench_items(bench, MANY);
#if FLOOR_RSEQ_ADD
	if (floor_rseq_works() && sysconf(_SC_NPROCESSORS_CONF) <= FEW_CPUS) {
		static struct floor_cell cells[MANY][FEW_CPUS + 1];
		uint64_t i;

		for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			for (unsigned k = 0; k < MANY; k++)
				floor_rseq_add(cells[k], 1);
		return;
	}
#endif
	bench_skip(bench, "no restartable sequences here, or too many CPUs");
}

static void many_locked(struct bench *bench, const void *argument)
{
	static struct {
		_Alignas(128) atomic_ullong value;
	} cells[MANY];
	uint64_t i;

	(void)argument;
	bench_items(bench, MANY);
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		for (unsigned k = 0; k < MANY; k++)
			atomic_fetch_add_explicit(&cells[k].value, 1, memory_order_relaxed);
}

void group_count(void)
{
	bench_register(&(struct bench_spec){.name = "counter_add/ours", .routine = ours});
	bench_register(&(struct bench_spec){.name = "counter_add/floor", .routine = by_rseq});
	bench_register(&(struct bench_spec){.name = "counter_add/plain", .routine = plain});
	bench_register(&(struct bench_spec){.name = "counter_add/atomic", .routine = locked});
	bench_register(&(struct bench_spec){.name = "counter_many/ours", .routine = ours_many});
	bench_register(&(struct bench_spec){.name = "counter_many/floor", .routine = many_by_rseq});
	bench_register(&(struct bench_spec){.name = "counter_many/atomic", .routine = many_locked});
}
