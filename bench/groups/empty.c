/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * empty.c - what the loop costs: empty/ours is bench.h's, empty/ours_call asks the library before each iteration, empty/floor
 * is a loop that the library does not know of.
 */
#include "all.h"
#include "bench.h"

#define TURNS 1024u

static void loop(struct bench *bench, const void *argument)
{
	uint64_t i;

	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		bench_keep(argument);
}

static void call(struct bench *bench, const void *argument)
{
	while (bench_next_one(bench))
		bench_keep(argument);
}

static void by_hand(struct bench *bench, const void *argument)
{
	uint64_t i, turn;

	bench_items(bench, TURNS);
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		for (turn = TURNS; turn > 0; turn--)
			bench_keep(argument);
}

void group_empty(void)
{
	bench_register(&(struct bench_spec){.name = "empty/ours", .routine = loop});
	bench_register(&(struct bench_spec){.name = "empty/ours_call", .routine = call});
	bench_register(&(struct bench_spec){.name = "empty/floor", .routine = by_hand});
}
