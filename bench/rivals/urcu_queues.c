/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * urcu_queues.c - liburcu's wait-free queue and stack: push, take all at once.
 */
#include <stdlib.h>
#include <urcu/wfcqueue.h>
#include <urcu/wfstack.h>

#include "all.h"
#include "queue.h"

struct pair {
	_Alignas(128) struct cds_wfcq_tail tail;
	_Alignas(128) struct cds_wfcq_head head;
};

static void *make_queue(size_t capacity, unsigned producers)
{
	struct pair *pair = aligned_alloc(128, sizeof(*pair));

	(void)capacity;
	(void)producers;
	if (pair != NULL)
		cds_wfcq_init(&pair->head, &pair->tail);
	return pair;
}

static void free_queue(void *queue)
{
	struct pair *pair = queue;

	cds_wfcq_destroy(&pair->head, &pair->tail);
	free(pair);
}

static void push_queue(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	struct pair *pair = queue;

	(void)producer;
	for (size_t i = 0; i < count; i++) {
		struct cds_wfcq_node *node = (struct cds_wfcq_node *)(void *)items[i]->room;

		cds_wfcq_node_init(node);
		cds_wfcq_enqueue(&pair->head, &pair->tail, node);
	}
}

static size_t take_queue(void *queue)
{
	struct cds_wfcq_node *node, *next;
	struct __cds_wfcq_head head;
	struct cds_wfcq_tail tail;
	struct pair *pair = queue;
	size_t count = 0;

	__cds_wfcq_init(&head, &tail);
	if (__cds_wfcq_splice_blocking(&head, &tail, &pair->head, &pair->tail) == CDS_WFCQ_RET_SRC_EMPTY)
		return 0;
	__cds_wfcq_for_each_blocking_safe (&head, &tail, node, next) {
		queue_item_run((struct queue_item *)(void *)node);
		count++;
	}
	return count;
}

static void *make_stack(size_t capacity, unsigned producers)
{
	struct cds_wfs_stack *stack = aligned_alloc(128, 256);

	(void)capacity;
	(void)producers;
	if (stack != NULL)
		cds_wfs_init(stack);
	return stack;
}

static void free_stack(void *queue)
{
	cds_wfs_destroy(queue);
	free(queue);
}

static void push_stack(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	(void)producer;
	for (size_t i = 0; i < count; i++) {
		struct cds_wfs_node *node = (struct cds_wfs_node *)(void *)items[i]->room;

		cds_wfs_node_init(node);
		cds_wfs_push((struct cds_wfs_stack *)queue, node);
	}
}

static size_t take_stack(void *queue)
{
	struct cds_wfs_head *head = __cds_wfs_pop_all((struct cds_wfs_stack *)queue);
	struct cds_wfs_node *node, *next;
	size_t count = 0;

	if (head == NULL)
		return 0;
	cds_wfs_for_each_blocking_safe (head, node, next) {
		queue_item_run((struct queue_item *)(void *)node);
		count++;
	}
	return count;
}

void rival_urcu_queues(void)
{
	static const struct queue_ops queue = {make_queue, free_queue, push_queue, take_queue, QUEUE_PRODUCERS};
	static const struct queue_ops stack = {make_stack, free_stack, push_stack, take_stack, QUEUE_PRODUCERS};

	_Static_assert(sizeof(struct cds_wfs_stack) <= 256, "");
	bench_queue("urcu_wfcqueue", &queue);
	bench_queue("urcu_wfstack", &stack);
}
