/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - the least that handing a pointer to another processor can cost: see lanes.h. The consumer is polite.
 */
#include "lanes.h"

#include <stdbool.h>
#include <stdlib.h>

#include "all.h"
#include "queue.h"
#include "threads.h"

void lanes_free(struct lanes *lanes)
{
	if (lanes == NULL)
		return;
	for (unsigned i = 0; i < lanes->count; i++)
		free(lanes->lane[i].cells);
	free(lanes);
}

struct lanes *lanes_make(size_t capacity, unsigned count)
{
	struct lanes *lanes = aligned_alloc(128, sizeof(*lanes) + count * sizeof(struct lane));
	bool made = lanes != NULL;

	if (!made)
		return NULL;
	lanes->count = count;
	for (unsigned i = 0; i < count; i++) {
		struct lane *lane = &lanes->lane[i];

		atomic_init(&lane->tail, 0);
		lane->head = 0;
		lane->mask = capacity - 1;
		lane->cells = calloc(capacity, sizeof(*lane->cells));
		made = made && lane->cells != NULL;
	}
	if (made)
		return lanes;
	lanes_free(lanes);
	return NULL;
}

struct lanes *lanes_make_here(size_t capacity)
{
	unsigned count = 1 + threads_cpu(WHERE_SECOND);

	return floor_rseq_works() && count <= LANES ? lanes_make(capacity, count) : NULL;
}

/* ---- among the plain queues ---- */

static void *make_spsc(size_t capacity, unsigned producers)
{
	return lanes_make(capacity, producers);
}

static void *make_here(size_t capacity, unsigned producers)
{
	(void)producers;
	return lanes_make_here(capacity);
}

static void destroy(void *queue)
{
	lanes_free(queue);
}

static void push_spsc(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	struct lane *lane = &((struct lanes *)queue)->lane[producer];

	for (size_t i = 0; i < count; i++)
		lanes_append(lane, items[i]);
}

static void push_here(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	(void)producer;
	for (size_t i = 0; i < count; i++)
		lanes_append_here((struct lanes *)queue, items[i]);
}

static size_t take(void *queue)
{
	struct lanes *lanes = queue;

	return LANES_TAKE(lanes, queue_item_run);
}

void floor_lanes(void)
{
	static const struct queue_ops here = {make_here, destroy, push_here, take, QUEUE_PRODUCERS};
	static const struct queue_ops spsc = {make_spsc, destroy, push_spsc, take, QUEUE_PRODUCERS};

	bench_queue("floor", &here);
	bench_queue("floor_spsc", &spsc);
}
