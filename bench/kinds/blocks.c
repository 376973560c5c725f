/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.c - see blocks.h.
 *
 * block_remote hands batches over through a ring of a few cells, each full or empty: the batch's pointers are all that
 * the two threads share beside the blocks. So neither gets far ahead, as in a program whose queue is bounded.
 */
#include "blocks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "place.h"
#include "threads.h"

#define PAIRS 64u
#define BURSTS 64
#define BATCHES 64u /* a burst */
#define CELLS 4u
#define STOP UINT64_MAX

static void pairs(struct bench *bench, const void *argument)
{
	const struct blocks_ops *ops = argument;
	void *blocks = ops->create();

	bench_items(bench, PAIRS);
	if (blocks == NULL)
		bench_skip(bench, "it cannot be made here");
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		ops->pair(blocks, PAIRS);
	if (blocks != NULL)
		ops->destroy(blocks);
}

static void batches(struct bench *bench, const void *argument)
{
	const struct blocks_ops *ops = argument;
	void *blocks = ops->create(), *in_hand[BLOCK_BATCH];

	bench_items(bench, BLOCK_BATCH);
	if (blocks == NULL)
		bench_skip(bench, "it cannot be made here");
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		ops->take(blocks, in_hand, BLOCK_BATCH);
		ops->give(blocks, in_hand, BLOCK_BATCH);
	}
	if (blocks != NULL)
		ops->destroy(blocks);
}

/* ---- freed on the other processor ---- */

struct cell {
	_Alignas(128) atomic_uint full;
	void *blocks[BLOCK_BATCH];
};

struct remote {
	const struct blocks_ops *ops;
	void *blocks;
	struct court *court;
	struct cell cells[CELLS];
	_Alignas(128) atomic_ullong burst; /* the number of the burst that begins, or STOP */
	_Alignas(128) atomic_ullong done;
};

static struct samples time_of;

static void wait_until(const atomic_uint *full, unsigned wanted)
{
	while (atomic_load_explicit(full, memory_order_acquire) != wanted)
		relax();
}

static void *free_all(void *argument)
{
	struct remote *remote = argument;
	uint64_t seen = 0, next;

	if (remote->ops->join != NULL)
		remote->ops->join(remote->blocks);
	for (;; atomic_store_explicit(&remote->done, seen, memory_order_release)) {
		while ((next = atomic_load_explicit(&remote->burst, memory_order_acquire)) == seen)
			relax();
		if (next == STOP)
			break;
		seen = next;
		court_return(remote->court);
		for (unsigned batch = 0; batch < BATCHES; batch++) {
			struct cell *cell = &remote->cells[batch % CELLS];

			wait_until(&cell->full, 1);
			remote->ops->give(remote->blocks, cell->blocks, BLOCK_BATCH);
			atomic_store_explicit(&cell->full, 0, memory_order_release);
		}
	}
	if (remote->ops->leave != NULL)
		remote->ops->leave(remote->blocks);
	return NULL;
}

static void one_burst(struct remote *remote, uint64_t number)
{
	enum place place;
	uint64_t begin;

	atomic_store_explicit(&remote->burst, number, memory_order_release);
	place = court_play(remote->court, NULL);
	begin = now_ns();
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		struct cell *cell = &remote->cells[batch % CELLS];

		wait_until(&cell->full, 0);
		remote->ops->take(remote->blocks, cell->blocks, BLOCK_BATCH);
		atomic_store_explicit(&cell->full, 1, memory_order_release);
	}
	while (atomic_load_explicit(&remote->done, memory_order_acquire) != number)
		relax();
	samples_add(&time_of, place, (double)(now_ns() - begin) / (BATCHES * BLOCK_BATCH));
}

static void elsewhere(struct bench *bench, const void *argument)
{
	static struct remote remote;
	uint64_t number = 0;
	pthread_t other;

	if (!threads_need_two(bench))
		return;
	threads_pin(WHERE_ANYWHERE); /* an engine has the processors that its maker may use */
	remote = (struct remote){.ops = argument, .court = court_make()};
	remote.blocks = remote.ops->create();
	threads_pin(WHERE_SECOND);
	if (remote.court == NULL || remote.blocks == NULL || pthread_create(&other, NULL, free_all, &remote) != 0) {
		bench_skip(bench, "it cannot be made here");
	} else {
		threads_pin(WHERE_FIRST);
		one_burst(&remote, ++number); /* memory is touched, caches are warm */
		samples_reset(&time_of);
		for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			one_burst(&remote, ++number);
		samples_report(&time_of, bench, "time");
		atomic_store_explicit(&remote.burst, STOP, memory_order_release);
		pthread_join(other, NULL);
	}
	if (remote.blocks != NULL)
		remote.ops->destroy(remote.blocks);
	threads_pin(WHERE_ANYWHERE);
	court_free(remote.court);
}

void bench_blocks(const char *variant, const struct blocks_ops *ops)
{
	struct bench_spec spec = {.argument = ops};
	char name[96];

	spec.name = name;
	snprintf(name, sizeof(name), "block_pair/%s", variant);
	spec.routine = pairs;
	bench_register(&spec);
	snprintf(name, sizeof(name), "block_batch/%s", variant);
	spec.routine = batches;
	bench_register(&spec);
	if (!ops->one_thread)
		bench_blocks_remote(variant, ops);
}

void bench_blocks_remote(const char *variant, const struct blocks_ops *ops)
{
	struct bench_spec spec = {
		.routine = elsewhere, .argument = ops, .clock = BENCH_CLOCK_WALL, .iterations = BURSTS};
	char name[96];

	spec.name = name;
	snprintf(name, sizeof(name), "block_remote/%s", variant);
	bench_register(&spec);
}
