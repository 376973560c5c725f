/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - one queue of one processor: a request while it has frames, and a DPC that handles some of them at a time.
 *
 *   readable -> request submitted -> begins -> DPC -> frames -> completed, and submitted again: there may be more
 *                     |                                      -> completed, and unmasked: it is empty
 *                     +-> held while the device is stopped
 *
 * Each run handles no more than the ring has buffers, so that other DPCs get their turn; and since the rest is a new request, a
 * device that is to be stopped is quiet soon, however many frames come.
 *
 * The processor of a queue may go: then its DPC has another target for a while. It is still one DPC, inserted by the last step of
 * its own run, so that frames of a queue are handled one after another wherever that is (I2 of tapnic.h).
 */
#include <stdlib.h>
#include <unistd.h>

#include "tapnic.h"

/* More frames than the kernel keeps in a queue (the length of the interface, 1000 by default). */
#define DRAIN_LIMIT 65536u

static void count(struct dhp_counter *counter)
{
	dhp_counter_add(counter, 1);
}

static void send_frame(struct queue *queue, const uint8_t *frame, size_t bytes)
{
	if (!device_write(queue->descriptor, frame, bytes))
		count(queue->nic->unsent);
}

static void switch_frame(struct queue *queue, const uint8_t *frame, size_t bytes)
{
	struct nic *nic = queue->nic;

	table_learn(nic->table, frame + FRAME_MAC_BYTES, queue->port);
	if (queue->peer == NULL || table_port(nic->table, frame) == queue->port) {
		count(nic->filtered);
		return;
	}
	count(nic->switched);
	send_frame(queue->peer, frame, bytes);
}

static void handle_frame(struct queue *queue, uint8_t *frame, size_t bytes)
{
	enum frame_fate fate = frame_handle(&queue->nic->address, frame, &bytes);

	count(queue->nic->fates[fate]);
	if (fate == FRAME_ANSWERED)
		send_frame(queue, frame, bytes);
	else if (fate == FRAME_FOR_OTHERS)
		switch_frame(queue, frame, bytes);
}

/* Memory is short, or there is plenty: give buffers back, or post more. */
static void fit_ring(struct queue *queue)
{
	uint32_t wanted = atomic_load_explicit(&queue->nic->ring_wanted, memory_order_relaxed); /* a hint */

	while (queue->ring_length > wanted)
		dhp_lookaside_free(queue->nic->buffers, queue->ring[--queue->ring_length]);
	while (queue->ring_length < wanted) {
		uint8_t *buffer = dhp_lookaside_allocate(queue->nic->buffers);

		if (buffer == NULL)
			return;
		queue->ring[queue->ring_length++] = buffer;
	}
}

/* As many frames as there are buffers, at most. Returns whether there may be more. */
static bool handle_some(struct queue *queue, uint32_t *out_count, enum read_result *out_result)
{
	uint32_t n = 0;

	fit_ring(queue);
	do
		*out_result = device_read(queue->descriptor, queue->ring[n], &queue->lengths[n]);
	while (*out_result == READ_FRAME && ++n < queue->ring_length);
	for (uint32_t i = 0; i < n; i++)
		handle_frame(queue, queue->ring[i], queue->lengths[i]);
	(void)atomic_fetch_add_explicit(&queue->frames_count, n, memory_order_relaxed);
	*out_count = n;
	return *out_result == READ_FRAME;
}

static void queue_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct queue *queue = context;
	enum read_result result;
	uint32_t n;
	bool more = handle_some(queue, &n, &result);

	(void)dpc, (void)argument_1, (void)argument_2;
	(void)dhp_request_complete(&queue->request);
	if (more)
		(void)dhp_request_submit(&queue->request); /* the last step: it may run elsewhere from here on */
	else if (result == READ_EMPTY)
		poller_again(&queue->nic->poller, queue); /* likewise */
	else
		say("port %s: the interface is gone", queue->nic->ports[queue->port].name);
}

void queue_begin(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct queue *queue = (struct queue *)(void *)((char *)request - offsetof(struct queue, request));
	uint32_t target = atomic_load_explicit(&queue->target, memory_order_relaxed); /* any of its values is good */

	(void)context;
	if (dhp_failed(status))
		return;
	if (target != queue->present_target && dhp_dpc_set_target(&queue->dpc, target) == DHP_OK)
		queue->present_target = target;
	if (dhp_failed(dhp_dpc_insert(&queue->dpc, NULL, NULL)))
		(void)dhp_request_complete(request);
}

void queue_drain(struct queue *queue)
{
	enum read_result result;
	uint32_t total = 0, n;

	while (handle_some(queue, &n, &result) && total < DRAIN_LIMIT)
		total += n;
}

static enum dhp_status prepare(struct queue *queue)
{
	enum dhp_status status = dhp_request_init(&queue->request, queue->nic->hold, 0);

	if (status == DHP_OK)
		status = dhp_dpc_init(&queue->dpc, queue->nic->engine, queue_run, queue);
	if (status != DHP_OK)
		return status;
	fit_ring(queue);
	if (queue->ring_length < RING_LEAST)
		return DHP_NO_MEMORY;
	return device_open(&queue->nic->ports[queue->port], &queue->descriptor);
}

enum dhp_status queue_open(struct nic *nic, uint32_t port, uint32_t processor, struct queue **out_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	enum dhp_status status;

	if (queue == NULL)
		return DHP_NO_MEMORY;
	queue->nic = nic;
	queue->port = port;
	queue->processor = processor;
	queue->descriptor = -1;
	queue->present_target = DHP_NO_INDEX;
	atomic_init(&queue->target, processor);
	status = prepare(queue);
	if (status != DHP_OK) {
		queue_close(queue);
		return status;
	}
	*out_queue = queue;
	return DHP_OK;
}

void queue_close(struct queue *queue)
{
	if (queue == NULL)
		return;
	if (queue->descriptor >= 0)
		(void)close(queue->descriptor);
	while (queue->ring_length > 0)
		dhp_lookaside_free(queue->nic->buffers, queue->ring[--queue->ring_length]);
	free(queue);
}
