/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck.c - Concurrency Kit's rings, fifo and stack.
 */
#include <ck_fifo.h>
#include <ck_ring.h>
#include <ck_stack.h>
#include <stdbool.h>
#include <stdlib.h>

#include "all.h"
#include "queue.h"

/* ---- rings: of one and of many producers ---- */

struct ring {
	ck_ring_t ring;
	ck_ring_buffer_t cells[];
};

static void *make_ring(size_t capacity, unsigned producers)
{
	size_t cells = 2 * capacity; /* a ring keeps one free */
	struct ring *ring = aligned_alloc(128, (sizeof(*ring) + cells * sizeof(ring->cells[0]) + 127) & ~(size_t)127);

	(void)producers;
	if (ring != NULL)
		ck_ring_init(&ring->ring, (unsigned)cells);
	return ring;
}

static void push_spsc(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	struct ring *ring = queue;

	(void)producer;
	for (size_t i = 0; i < count; i++)
		ck_ring_enqueue_spsc(&ring->ring, ring->cells, items[i]);
}

static size_t take_spsc(void *queue)
{
	struct ring *ring = queue;
	struct queue_item *item;
	size_t count = 0;

	for (; ck_ring_dequeue_spsc(&ring->ring, ring->cells, &item); count++)
		queue_item_run(item);
	return count;
}

static void push_mpsc(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	struct ring *ring = queue;

	(void)producer;
	for (size_t i = 0; i < count; i++)
		ck_ring_enqueue_mpsc(&ring->ring, ring->cells, items[i]);
}

static size_t take_mpsc(void *queue)
{
	struct ring *ring = queue;
	struct queue_item *item;
	size_t count = 0;

	for (; ck_ring_dequeue_mpsc(&ring->ring, ring->cells, &item); count++)
		queue_item_run(item);
	return count;
}

/* ---- the stack: push, take all ---- */

static void *make_stack(size_t capacity, unsigned producers)
{
	ck_stack_t *stack = aligned_alloc(128, 128);

	(void)capacity;
	(void)producers;
	if (stack != NULL)
		ck_stack_init(stack);
	return stack;
}

static void push_stack(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	(void)producer;
	for (size_t i = 0; i < count; i++)
		ck_stack_push_upmc(queue, (ck_stack_entry_t *)(void *)items[i]->room);
}

static size_t take_stack(void *queue)
{
	ck_stack_entry_t *at = ck_stack_batch_pop_upmc(queue), *next;
	size_t count = 0;

	for (; at != NULL; at = next, count++) {
		next = at->next;
		queue_item_run((struct queue_item *)(void *)at);
	}
	return count;
}

/* ---- the fifo ---- */

struct fifo {
	_Alignas(128) ck_fifo_mpmc_t fifo;
	_Alignas(128) ck_fifo_mpmc_entry_t stub;
};

static void *make_fifo(size_t capacity, unsigned producers)
{
	struct fifo *fifo = aligned_alloc(128, sizeof(*fifo));

	(void)capacity;
	(void)producers;
	if (fifo != NULL)
		ck_fifo_mpmc_init(&fifo->fifo, &fifo->stub);
	return fifo;
}

/* An entry that was taken is free for the next item: it goes round with the items, in room[5]. */
static void push_fifo(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	struct fifo *fifo = queue;

	(void)producer;
	for (size_t i = 0; i < count; i++) {
		struct queue_item *item = items[i];
		ck_fifo_mpmc_entry_t *entry = item->room[5];

		ck_fifo_mpmc_enqueue(&fifo->fifo, entry != NULL ? entry : (ck_fifo_mpmc_entry_t *)(void *)item->room,
				     item);
	}
}

static size_t take_fifo(void *queue)
{
	struct fifo *fifo = queue;
	ck_fifo_mpmc_entry_t *garbage;
	struct queue_item *item;
	size_t count = 0;

	for (; ck_fifo_mpmc_dequeue(&fifo->fifo, &item, &garbage); count++) {
		item->room[5] = garbage;
		queue_item_run(item);
	}
	return count;
}

void rival_ck(void)
{
	static const struct queue_ops spsc = {make_ring, free, push_spsc, take_spsc, 1};
	static const struct queue_ops mpsc = {make_ring, free, push_mpsc, take_mpsc, QUEUE_PRODUCERS};
	static const struct queue_ops stack = {make_stack, free, push_stack, take_stack, QUEUE_PRODUCERS};
	static const struct queue_ops fifo = {make_fifo, free, push_fifo, take_fifo, QUEUE_PRODUCERS};

	bench_queue("ck_ring_spsc", &spsc);
	bench_queue("ck_ring_mpsc", &mpsc);
	bench_queue("ck_stack", &stack);
	bench_queue("ck_fifo", &fifo);
}
