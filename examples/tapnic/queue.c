/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - the queue of one processor: a request while it has frames, and a DPC that handles some of them at a time.
 *
 *   interrupt -> request submitted -> begins -> DPC -> frames -> completed, and submitted again: there may be more
 *                      |                                      -> completed, and unmasked: it is empty
 *                      +-> held while the device is stopped
 *
 * Each run handles no more than the ring has buffers, so that other DPCs get their turn; and since the rest is a new request, a
 * device that is to be stopped is quiet soon, however many frames come.
 *
 * The DPC is aimed at the queue's processor. While that is away the library runs it on another one, and there is nothing to do
 * here: it is still one DPC, and its data are the queue's and not the processor's (I2 of tapnic.h).
 */
#include <stdlib.h>
#include <unistd.h>

#include "tapnic.h"

#define DRAIN_RUNS 4096u /* at RING_LEAST frames more than the kernel keeps (the length of the interface, 1000 by default) */

/* ---- frames ---- */

static void send_frame(struct queue *queue, uint32_t port, const uint8_t *frame, size_t bytes)
{
	if (!device_write(queue->lines[port].descriptor, frame, bytes))
		dhp_counter_add(queue->nic->counters[COUNT_UNSENT], 1);
}

static void switch_frame(struct queue *queue, uint32_t port, const uint8_t *frame, size_t bytes)
{
	struct nic *nic = queue->nic;

	table_learn(nic->table, frame + FRAME_MAC_BYTES, port);
	if (nic->port_count == 1 || table_port(nic->table, frame) == port) {
		dhp_counter_add(nic->counters[COUNT_FILTERED], 1);
		return;
	}
	dhp_counter_add(nic->counters[COUNT_SWITCHED], 1);
	send_frame(queue, !port, frame, bytes);
}

static void handle_frame(struct queue *queue, uint32_t port, uint8_t *frame, size_t bytes)
{
	enum frame_fate fate = frame_handle(&queue->nic->address, frame, &bytes);

	dhp_counter_add(queue->nic->counters[fate], 1);
	if (fate == FRAME_ANSWERED)
		send_frame(queue, port, frame, bytes);
	else if (fate == FRAME_FOR_OTHERS)
		switch_frame(queue, port, frame, bytes);
}

/* ---- the ring ---- */

/* Memory is short, or there is plenty: give buffers back, or post more. */
static void fit_ring(struct queue *queue)
{
	uint32_t wanted = queue->nic->ring_wanted;

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
static bool receive(struct queue *queue, uint32_t port)
{
	enum read_result result;
	uint32_t n = 0;

	if (queue->is_gone[port])
		return false;
	do
		result = device_read(queue->lines[port].descriptor, queue->ring[n], &queue->lengths[n]);
	while (result == READ_FRAME && ++n < queue->ring_length);
	for (uint32_t i = 0; i < n; i++)
		handle_frame(queue, port, queue->ring[i], queue->lengths[i]);
	(void)atomic_fetch_add_explicit(&queue->frames_count[port], n, memory_order_relaxed);
	queue->is_gone[port] = result == READ_GONE;
	if (result == READ_GONE)
		say("port %s: the interface is gone", queue->nic->ports[port].name);
	return result == READ_FRAME;
}

static bool receive_some(struct queue *queue)
{
	bool more = false;

	fit_ring(queue);
	for (uint32_t port = 0; port < queue->nic->port_count; port++)
		more |= receive(queue, port);
	return more;
}

void queue_drain(struct queue *queue)
{
	for (uint32_t runs = 0; runs < DRAIN_RUNS && receive_some(queue); runs++)
		continue;
}

/* ---- interrupt, request, DPC ---- */

static void on_interrupt(void *context)
{
	struct queue *queue = context;

	(void)dhp_request_submit(&queue->request); /* it may be submitted already, by the other port's interrupt */
}

void queue_begin(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct queue *queue = (struct queue *)(void *)((char *)request - offsetof(struct queue, request));

	(void)context;
	if (!dhp_failed(status) && dhp_failed(dhp_dpc_insert(&queue->dpc, NULL, NULL)))
		(void)dhp_request_complete(request);
}

/* After the completion somebody else may handle the queue: what is needed then is read before. */
static void run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct queue *queue = context;
	struct nic *nic = queue->nic;
	bool more = receive_some(queue), is_masked[PORTS_LIMIT];

	(void)dpc, (void)argument_1, (void)argument_2;
	for (uint32_t port = 0; port < PORTS_LIMIT; port++)
		is_masked[port] = port >= nic->port_count || queue->is_gone[port];
	atomic_store_explicit(&queue->handled_at, dhp_index_here(nic->engine), memory_order_relaxed); /* statistics */
	(void)dhp_request_complete(&queue->request);
	if (more)
		(void)dhp_request_submit(&queue->request);
	for (uint32_t port = 0; port < PORTS_LIMIT && !more; port++)
		if (!is_masked[port])
			line_unmask(&nic->interrupts, &queue->lines[port]);
}

/* ---- up and down ---- */

/* All that can fail is done here, in Start, which can still refuse; the line stays masked. */
static enum dhp_status open_ports(struct queue *queue)
{
	struct nic *nic = queue->nic;

	for (uint32_t port = 0; port < nic->port_count; port++) {
		struct line *line = &queue->lines[port];
		enum dhp_status status = device_open(&nic->ports[port], &line->descriptor);

		if (status != DHP_OK)
			return status;
		if (!steering_attach(&nic->steering, line->descriptor))
			say("port %s takes no steering program", nic->ports[port].name);
		if (!line_connect(&nic->interrupts, line))
			return DHP_NO_DESCRIPTOR;
	}
	return DHP_OK;
}

static enum dhp_status prepare(struct queue *queue)
{
	enum dhp_status status;

	if ((status = dhp_request_init(&queue->request, queue->nic->hold, 0)) != DHP_OK ||
	    (status = dhp_dpc_init(&queue->dpc, queue->nic->engine, run, queue)) != DHP_OK ||
	    (status = dhp_dpc_set_target(&queue->dpc, queue->processor)) != DHP_OK) /* in Start the newcomer is one already */
		return status;
	fit_ring(queue);
	return queue->ring_length < RING_LEAST ? DHP_NO_MEMORY : open_ports(queue);
}

enum dhp_status queue_open(struct nic *nic, uint32_t processor, struct queue **out_queue)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	enum dhp_status status;

	if (queue == NULL)
		return DHP_NO_MEMORY;
	queue->nic = nic;
	queue->processor = processor;
	queue->handled_at = processor;
	for (uint32_t port = 0; port < PORTS_LIMIT; port++)
		queue->lines[port] = (struct line){ .descriptor = -1, .routine = on_interrupt, .context = queue };
	status = prepare(queue);
	if (status == DHP_OK)
		*out_queue = queue;
	else
		queue_close(queue);
	return status;
}

void queue_close(struct queue *queue)
{
	if (queue == NULL)
		return;
	for (uint32_t port = 0; port < PORTS_LIMIT; port++)
		if (queue->lines[port].descriptor >= 0)
			(void)close(queue->lines[port].descriptor);
	while (queue->ring_length > 0)
		dhp_lookaside_free(queue->nic->buffers, queue->ring[--queue->ring_length]);
	free(queue);
}
