/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - contestants that hand pointers from one thread to another: plain queues, which neither have threads of their
 * own nor know what they carry.
 *
 * A contestant fills in struct queue_ops and calls bench_queue with it once. Its loops stand in its own file, so that a
 * burst costs one indirect call and not one for each item. Groups:
 *
 *   plain_queue     one producer, one consumer on another processor that looks for items, and after a short batch waits
 *                   a little before it looks again: who looks all the time takes lines away from the producer, and each
 *                   of these queues is slower then. time: push to run, for one item of a burst; push: what the producer
 *                   paid.
 *   two_producers   two of them push at the same time, each on its own processor, and nobody takes meanwhile: push.
 *
 * The items lie scattered and were last touched by their consumer, as in a program that uses them again and again.
 */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#define QUEUE_ALIGNED alignas(128)
#else
#define QUEUE_ALIGNED _Alignas(128)
#endif

#define QUEUE_BURST 4096u
#define QUEUE_PRODUCERS 2u

struct queue_item {
	QUEUE_ALIGNED void *room[6]; /* the contestant's, for its links; NULL at first */
	uint64_t runs;
};

/* The task. The consumer calls it for each item. */
static inline void queue_item_run(struct queue_item *item)
{
	item->runs++;
}

struct queue_ops {
	/* For so many items at once, and so many producers; NULL: it cannot, or no memory. */
	void *(*create)(size_t capacity, unsigned producers);
	void (*destroy)(void *queue);
	/* All of them, in this order. There is room. */
	void (*push)(void *queue, unsigned producer, struct queue_item *const *items, size_t count);
	/* Run all that is there; how many: 0 if nothing. */
	size_t (*take)(void *queue);
	unsigned producers; /* how many may push at the same time: 1 or QUEUE_PRODUCERS */
};

/* ops: constant, for ever. */
void bench_queue(const char *variant, const struct queue_ops *ops);

#ifdef __cplusplus
}
#endif

#endif
