/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slot.c - reading the slot of the processor one runs on.
 *
 * slot_read     independent reads, as many as the processor can overlap
 * slot_apart    the same, but the compiler may keep nothing between two reads
 * slot_chain    each read's address needs the value of the one before: what a program waits for its own slot
 *
 * The floor is the rseq cpu id and a static array. What "ours" adds is the look whether the processor is announced,
 * which the processor overlaps with the rest, and a base address that is read instead of linked in.
 */
#include <dhp.h>

#include "all.h"
#include "bench.h"
#include "engines.h"
#include "rseq.h"

struct floor_cell floor_cells[FLOOR_CPUS];

#define TURNS 64u /* of the inner loop: what does not change stays in registers, for floor and ours alike */
#define LOOP(body)                                                                                                     \
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)                                         \
		for (unsigned turn = TURNS; turn > 0; turn--)                                                          \
			BENCH_UNROLL(body)

/* Reads, given an array. The loops are compiled once for each kind of read. */
typedef void read_loop(struct bench *bench, const struct dhp_percpu *array);

static void read_ours(struct bench *bench, const struct dhp_percpu *array)
{
	LOOP(bench_keep(*(const uint64_t *)dhp_percpu_here(array)));
}

/* As a function that reads once would: everything is loaded again. */
static void apart_ours(struct bench *bench, const struct dhp_percpu *array)
{
	LOOP(bench_stored(); bench_keep(*(const uint64_t *)dhp_percpu_here(array)));
}

static void chain_ours(struct bench *bench, const struct dhp_percpu *array)
{
	uint64_t value = 0; /* every cell holds zero, which the compiler cannot know */

	LOOP(value = *(const uint64_t *)((const char *)dhp_percpu_here(array) + value);
	     __asm__ __volatile__("" : "+r"(value)));
}

/* How it would be with a call: what dhp_percpu_at costs, for whoever holds the index already. */
static void read_at(struct bench *bench, const struct dhp_percpu *array)
{
	LOOP(bench_keep(*(const uint64_t *)dhp_percpu_at(array, 0)));
}

static void on_array(struct bench *bench, const void *argument)
{
	read_loop *const *loop = argument;
	struct dhp_percpu_options options = {.size = sizeof(options), .slot_bytes = sizeof(uint64_t)};
	struct dhp_engine *engine = engine_of_machine(bench, DHP_ENGINE_NO_WORKERS, 0);
	struct dhp_percpu *array = NULL;
	enum dhp_status status;

	if (engine == NULL)
		return;
	bench_items(bench, BENCH_UNROLLED * TURNS);
	status = dhp_percpu_create(engine, &options, &array);
	if (dhp_failed(status))
		bench_skip(bench, dhp_status_text(status));
	else
		(*loop)(bench, array);
	dhp_percpu_destroy(array);
	engine_end(bench, engine);
}

static void floor_begins(struct bench *bench)
{
	bench_items(bench, BENCH_UNROLLED * TURNS);
	if (!floor_rseq_works())
		bench_skip(bench, "no restartable sequences here");
}

static void read_floor(struct bench *bench, const void *argument)
{
	(void)argument;
	floor_begins(bench);
	LOOP(bench_keep(floor_cells[floor_cpu()].value));
}

static void apart_floor(struct bench *bench, const void *argument)
{
	(void)argument;
	floor_begins(bench);
	LOOP(bench_stored(); bench_keep(floor_cells[floor_cpu()].value));
}

static void chain_floor(struct bench *bench, const void *argument)
{
	uint64_t value = 0;

	(void)argument;
	floor_begins(bench);
	LOOP(value = *(const uint64_t *)((const char *)&floor_cells[floor_cpu()] + value);
	     __asm__ __volatile__("" : "+r"(value)));
}

void group_slot(void)
{
	static read_loop *const ours = read_ours, *const apart = apart_ours, *const chained = chain_ours, *const at = read_at;

	bench_register(&(struct bench_spec){.name = "slot_read/ours", .routine = on_array, .argument = &ours});
	bench_register(&(struct bench_spec){.name = "slot_read/ours_at", .routine = on_array, .argument = &at});
	bench_register(&(struct bench_spec){.name = "slot_read/floor", .routine = read_floor});
	bench_register(&(struct bench_spec){.name = "slot_apart/ours", .routine = on_array, .argument = &apart});
	bench_register(&(struct bench_spec){.name = "slot_apart/floor", .routine = apart_floor});
	bench_register(&(struct bench_spec){.name = "slot_chain/ours", .routine = on_array, .argument = &chained});
	bench_register(&(struct bench_spec){.name = "slot_chain/floor", .routine = chain_floor});
}
