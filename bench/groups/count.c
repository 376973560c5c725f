/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * count.c - adding to a per-processor counter.
 *
 * The floor is one add in a hand-written restartable sequence on a static array. "plain" is an add to memory that nobody
 * else touches, and "atomic" what a locked instruction costs even when nobody else is there.
 */
#include <dhp.h>
#include <stdatomic.h>

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
			BENCH_UNROLL(floor_rseq_add(1));
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

void group_count(void)
{
	bench_register(&(struct bench_spec){.name = "counter_add/ours", .routine = ours});
	bench_register(&(struct bench_spec){.name = "counter_add/floor", .routine = by_rseq});
	bench_register(&(struct bench_spec){.name = "counter_add/plain", .routine = plain});
	bench_register(&(struct bench_spec){.name = "counter_add/atomic", .routine = locked});
}
