/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dpdk.c - DPDK's ring, of one or of many producers, with one consumer that takes bursts. It lies in plain memory: nothing of
 * the library's environment is started.
 */
#include <rte_ring.h>
#include <stdlib.h>

#include "all.h"
#include "queue.h"

#define TAKEN 32u

static void *make(size_t capacity, unsigned flags)
{
	unsigned cells = (unsigned)(2 * capacity);
	struct rte_ring *ring = aligned_alloc(128, ((size_t)rte_ring_get_memsize(cells) + 127) & ~(size_t)127);

	if (ring != NULL && rte_ring_init(ring, "bench", cells, flags) != 0) {
		free(ring);
		return NULL;
	}
	return ring;
}

static void *make_single(size_t capacity, unsigned producers)
{
	(void)producers;
	return make(capacity, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void *make_many(size_t capacity, unsigned producers)
{
	(void)producers;
	return make(capacity, RING_F_SC_DEQ);
}

static void push(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	(void)producer;
	for (size_t i = 0; i < count; i++)
		rte_ring_enqueue(queue, items[i]);
}

static size_t take(void *queue)
{
	void *items[TAKEN];
	size_t count = 0;
	unsigned taken;

	do {
		taken = rte_ring_sc_dequeue_burst(queue, items, TAKEN, NULL);
		for (unsigned i = 0; i < taken; i++)
			queue_item_run(items[i]);
		count += taken;
	} while (taken == TAKEN);
	return count;
}

void rival_dpdk(void)
{
	static const struct queue_ops single = {make_single, free, push, take, 1};
	static const struct queue_ops many = {make_many, free, push, take, QUEUE_PRODUCERS};

	bench_queue("dpdk_ring_sp", &single);
	bench_queue("dpdk_ring_mp", &many);
}
