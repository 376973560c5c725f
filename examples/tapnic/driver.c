/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - what the driver registers for, and what it does when a processor or memory comes.
 *
 *   synchronous    Start: a queue with buffers for the newcomer, or a veto. Failure: it goes. Complete: it has come for good
 *   asynchronous   the newcomer gets its share of the flows, and a rebalance is asked for
 *   rebalance      the library holds requests from QUERY_STOP to START; START lets the new queue in
 *   memory         rings shrink when memory is short, and grow when there is plenty or a module has come
 *
 * The channels come in threads of their own, at the same time. None waits for another, and no lock is needed: each moves one of
 * the counts of tapnic.h, and what is below a count does not change.
 */
#include "tapnic.h"

/* ---- synchronous: a processor is about to come ---- */

static enum dhp_status open_queue(struct nic *nic, uint32_t processor)
{
	enum dhp_status status = DHP_TOO_MANY;

	if (nic->opened == nic->queue_limit) {
		say("no queue for processor %u: the limit is %u", processor, nic->queue_limit);
		return status;
	}
	status = queue_open(nic, processor, &nic->queues[nic->opened]);
	if (status == DHP_OK)
		nic->opened++;
	else
		say("no queue for processor %u: %s", processor, dhp_status_text(status));
	return status;
}

/* A newcomer without a queue may not come. One that was here before us can do without, as long as others have some. */
static enum dhp_status on_start(struct nic *nic, uint32_t processor)
{
	enum dhp_status status = open_queue(nic, processor);

	if (status == DHP_OK || nic->opened == 0 || processor >= dhp_active_count(nic->engine, DHP_ALL_GROUPS, NULL))
		return status;
	say("going on with %u", nic->opened);
	return DHP_OK;
}

static bool is_of(const struct nic *nic, uint32_t queue, uint32_t processor)
{
	return queue < nic->opened && nic->queues[queue]->processor == processor;
}

static void on_processor(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	struct nic *nic = context;

	switch (change->state) {
	case DHP_CHANGE_START:
		*veto = on_start(nic, change->index);
		break;
	case DHP_CHANGE_COMPLETE:
		if (is_of(nic, nic->here, change->index))
			nic->here++;
		break;
	case DHP_CHANGE_FAILURE:
		say("processor %u does not come: %s", change->index, dhp_status_text(change->status));
		if (nic->opened > 0 && is_of(nic, nic->opened - 1, change->index)) /* who has refused hears of it too */
			queue_close(nic->queues[--nic->opened]);
		break;
	}
}

/* ---- asynchronous: it has come ---- */

static void on_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct nic *nic = context;
	uint32_t here = nic->here;

	if (arrival->event != DHP_EVENT_ARRIVAL || nic->steered == here) /* more of them may have come than were told of yet */
		return;
	for (uint32_t i = nic->steered; i < here; i++)
		steering_move(&nic->steering, i, i + 1);
	steering_wait();
	nic->steered = here;
	(void)dhp_rebalance_request(nic->engine);
}

/* ---- rebalance: the library has stopped us ---- */

/* In the order of their numbers: a flow that has moved is then past every queue it was in (I1 and I3 of tapnic.h). */
static void empty_queues(struct nic *nic, uint32_t end)
{
	dhp_epoch_enter(nic->reader); /* as a DPC is: handling a frame reads the table */
	for (uint32_t i = 0; i < end; i++)
		queue_drain(nic->queues[i]);
	dhp_epoch_exit(nic->reader);
}

static enum dhp_status start(void *context, const struct dhp_device_call *call)
{
	struct nic *nic = context;
	uint32_t first = nic->used, end = nic->steered;

	(void)call;
	if (first == end)
		return DHP_OK;
	nic->used = end; /* who fits the rings now runs these queues later, or has been heard of when they are emptied */
	empty_queues(nic, end);
	for (uint32_t i = first; i < end; i++)
		for (uint32_t port = 0; port < nic->port_count; port++)
			line_unmask(&nic->interrupts, &nic->queues[i]->lines[port]);
	say("queues in use: %u", end);
	return DHP_OK;
}

/* The stop came to nothing, and newcomers may still wait for theirs: ask again. */
static enum dhp_status cancel_stop(void *context, const struct dhp_device_call *call)
{
	const struct nic *nic = context;

	(void)call;
	return dhp_rebalance_request(nic->engine);
}

/* ---- memory ---- */

static uint32_t ring_for(const struct dhp_memory_info *info, uint32_t now, bool more)
{
	if (info->low)
		return RING_LEAST;
	if (info->high)
		return RING_LIMIT;
	return more && now < RING_LIMIT ? now * 2 : now; /* between the two use stays as it is */
}

/* Idle queues too give their buffers back: each runs once. One that is busy does so at its next run, which it has not begun. */
static void run_queues(struct nic *nic)
{
	(void)dhp_dpc_flush(nic->engine); /* who runs now may have fitted its ring already */
	for (uint32_t i = 0; i < nic->used; i++)
		(void)dhp_request_submit(&nic->queues[i]->request);
	(void)dhp_dpc_flush(nic->engine);
}

static void fit_rings(struct nic *nic, bool more)
{
	struct dhp_memory_info info;
	uint32_t now = nic->ring_wanted, wanted;

	do {
		if (dhp_memory_read(nic->engine, &info) != DHP_OK)
			return;
		wanted = ring_for(&info, now, more);
		if (wanted == now)
			return;
	} while (!atomic_compare_exchange_strong(&nic->ring_wanted, &now, wanted)); /* the other memory channel knows better */
	run_queues(nic);
	if (wanted < now)
		(void)dhp_lookaside_flush(nic->buffers);
	say("memory is %s: %u buffers a queue", info.low ? "short" : "plentiful", wanted);
}

/* Low or High has begun. */
static void on_condition(void *context)
{
	fit_rings(context, false);
}

static void on_module(void *context, const struct dhp_arrival *arrival)
{
	if (arrival->event == DHP_EVENT_ARRIVAL)
		fit_rings(context, true);
}

static bool watch(struct nic *nic, enum dhp_memory_condition condition)
{
	struct line *line = &nic->condition_lines[condition];

	*line = (struct line){ .is_edge = true, .routine = on_condition, .context = nic };
	return dhp_memory_event_open_condition(nic->engine, condition, &nic->conditions[condition]) == DHP_OK &&
	       dhp_memory_event_descriptor(nic->conditions[condition], &line->descriptor) == DHP_OK &&
	       line_connect(&nic->interrupts, line);
}

/* ---- up and down ---- */

static enum dhp_status create_parts(struct nic *nic)
{
	const struct dhp_lookaside_options buffers = { .size = sizeof(buffers), .block_bytes = BUFFER_BYTES };
	enum dhp_status status = dhp_lookaside_create(nic->engine, &buffers, &nic->buffers);

	for (uint32_t i = 0; i < COUNTERS && status == DHP_OK; i++)
		status = dhp_counter_create(nic->engine, &nic->counters[i]);
	if (status != DHP_OK || (status = table_create(nic->engine, &nic->table)) != DHP_OK ||
	    (status = dhp_reader_join(nic->engine, &nic->reader)) != DHP_OK)
		return status;
	return dhp_hold_create(nic->engine, queue_begin, nic, &nic->hold);
}

/* A network device is not stopped by each arrival unless it says so (S-405). This one asks, once its flows are ready. */
static enum dhp_status register_device(struct nic *nic)
{
	const struct dhp_driver driver = { .start = start, .cancel_stop = cancel_stop, .context = nic };
	const struct dhp_device_options options = { .size = sizeof(options), .setup_class = DHP_SETUP_NETWORK,
		.drivers = &driver, .driver_count = 1, .hold = nic->hold };

	return dhp_device_register(nic->engine, &options, &nic->device);
}

/* Processors that are here already come on each channel too, before it is registered. */
static enum dhp_status register_for_all(struct nic *nic)
{
	enum dhp_status status;

	if ((status = register_device(nic)) != DHP_OK ||
	    (status = dhp_notify_register(nic->engine, on_processor, nic, DHP_NOTIFY_EXISTING, &nic->processors)) != DHP_OK ||
	    (status = dhp_arrival_register(nic->engine, DHP_CLASS_PROCESSOR, on_arrival, nic, DHP_NOTIFY_EXISTING,
					   &nic->arrivals)) != DHP_OK ||
	    (status = dhp_arrival_register(nic->engine, DHP_CLASS_MEMORY, on_module, nic, 0, &nic->modules)) != DHP_OK)
		return status;
	if (!watch(nic, DHP_MEMORY_LOW) || !watch(nic, DHP_MEMORY_HIGH))
		say("this system does not say when memory is short: %u buffers a queue", RING_START);
	return dhp_rebalance_drain(nic->engine); /* the queues of those that are here are in use now */
}

enum dhp_status nic_start(struct nic *nic, struct dhp_engine *engine)
{
	enum dhp_status status;

	nic->engine = engine;
	nic->ring_wanted = RING_START;
	steering_create(&nic->steering);
	if (!interrupts_start(&nic->interrupts)) {
		steering_destroy(&nic->steering);
		return DHP_NO_THREAD;
	}
	status = create_parts(nic);
	if (status == DHP_OK)
		status = register_for_all(nic);
	if (status != DHP_OK)
		nic_stop(nic);
	return status;
}

/* No channel moves a count any more; then nobody submits; then nothing runs. */
static void fall_silent(struct nic *nic)
{
	(void)dhp_arrival_unregister(nic->modules);
	(void)dhp_arrival_unregister(nic->arrivals);
	(void)dhp_notify_unregister(nic->processors);
	(void)dhp_device_unregister(nic->device);
	interrupts_stop(&nic->interrupts);
	if (nic->hold == NULL)
		return;
	(void)dhp_hold_begin(nic->hold);
	(void)dhp_hold_wait(nic->hold, 0);
	(void)dhp_dpc_flush(nic->engine); /* a routine that has completed its request may be about to submit it again */
	for (uint32_t i = 0; i < nic->opened; i++)
		(void)dhp_request_cancel(&nic->queues[i]->request);
	(void)dhp_hold_end(nic->hold);
}

void nic_stop(struct nic *nic)
{
	fall_silent(nic);
	interrupts_close(&nic->interrupts);
	while (nic->opened > 0)
		queue_close(nic->queues[--nic->opened]);
	(void)dhp_memory_event_close(nic->conditions[DHP_MEMORY_LOW]);
	(void)dhp_memory_event_close(nic->conditions[DHP_MEMORY_HIGH]);
	(void)dhp_hold_destroy(nic->hold);
	(void)dhp_reader_leave(nic->reader);
	table_destroy(nic->table);
	(void)dhp_lookaside_destroy(nic->buffers);
	for (uint32_t i = 0; i < COUNTERS; i++)
		(void)dhp_counter_destroy(nic->counters[i]);
	steering_destroy(&nic->steering);
}
