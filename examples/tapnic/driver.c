/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c - what the driver registers for, and what it does when a processor or memory comes.
 *
 *   synchronous    Start: queues and buffers for the newcomer, or a veto. Failure: they go. Complete: it has come for good
 *   asynchronous   the newcomer gets its share of the flows, and a rebalance is asked for
 *   change         a processor that may not be used lends its queues to the others, and gets them back
 *   rebalance      the library holds requests from QUERY_STOP to START; START lets the new queues in
 *   memory         rings shrink when memory is short, and grow when there is plenty or a module has come
 *
 * The lock guards the list of channels against the threads in which these come. DPCs never take it: what they need of a queue
 * is the queue.
 */
#include <string.h>

#include "tapnic.h"

/* ---- a channel: the queues of one processor ---- */

static void channel_close(struct nic *nic, struct channel *channel)
{
	for (uint32_t port = 0; port < nic->port_count; port++)
		queue_close(channel->queues[port]);
}

static enum dhp_status channel_fill(struct nic *nic, struct channel *channel)
{
	for (uint32_t port = 0; port < nic->port_count; port++) {
		enum dhp_status status = queue_open(nic, port, channel->processor, &channel->queues[port]);

		if (status != DHP_OK)
			return status;
		if (!steering_attach(&nic->steering, channel->queues[port]->descriptor))
			say("port %s takes no steering program", nic->ports[port].name);
	}
	if (nic->port_count == 2) {
		channel->queues[0]->peer = channel->queues[1];
		channel->queues[1]->peer = channel->queues[0];
	}
	return DHP_OK;
}

static enum dhp_status channel_open(struct nic *nic, uint32_t processor)
{
	struct channel channel = { .processor = processor };
	enum dhp_status status;

	if (nic->channel_count == nic->queue_limit) {
		say("no queue for processor %u: the limit is %u", processor, nic->queue_limit);
		return DHP_TOO_MANY;
	}
	status = channel_fill(nic, &channel);
	if (status != DHP_OK) {
		say("no queue for processor %u: %s", processor, dhp_status_text(status));
		channel_close(nic, &channel);
		return status;
	}
	nic->channels[nic->channel_count++] = channel;
	return DHP_OK;
}

static struct channel *channel_of(struct nic *nic, uint32_t processor)
{
	for (uint32_t i = 0; i < nic->channel_count; i++)
		if (nic->channels[i].processor == processor)
			return &nic->channels[i];
	return NULL;
}

static void channel_remove(struct nic *nic, uint32_t processor)
{
	struct channel *channel = channel_of(nic, processor);

	if (channel == NULL) /* who has refused hears of it too */
		return;
	channel_close(nic, channel);
	nic->channel_count--;
	memmove(channel, channel + 1, (size_t)(nic->channels + nic->channel_count - channel) * sizeof(*channel));
}

/* ---- synchronous: a processor is about to come ---- */

/* One that was here before us, and can do without queues of its own as long as others have some. */
static bool is_here_already(struct nic *nic, uint32_t processor)
{
	struct dhp_counts counts;

	return dhp_counts_read(nic->engine, &counts) == DHP_OK && processor < counts.active;
}

static enum dhp_status on_start(struct nic *nic, uint32_t processor)
{
	enum dhp_status status = channel_open(nic, processor);

	if (status == DHP_OK || nic->channel_count == 0 || !is_here_already(nic, processor))
		return status;
	say("going on with %u", nic->channel_count);
	return DHP_OK;
}

static void on_processor(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	struct nic *nic = context;
	struct channel *channel;

	(void)pthread_mutex_lock(&nic->lock);
	switch (change->state) {
	case DHP_CHANGE_START:
		*veto = on_start(nic, change->index);
		break;
	case DHP_CHANGE_COMPLETE:
		channel = channel_of(nic, change->index);
		if (channel != NULL)
			channel->complete = true;
		break;
	case DHP_CHANGE_FAILURE:
		say("processor %u does not come: %s", change->index, dhp_status_text(change->status));
		channel_remove(nic, change->index);
		break;
	}
	(void)pthread_mutex_unlock(&nic->lock);
}

/* ---- asynchronous: it has come ---- */

/* Returns from which channel on; channel_count: none. */
static uint32_t steer_newcomers(struct nic *nic)
{
	uint32_t first = 0;

	while (first < nic->channel_count && nic->channels[first].steered)
		first++;
	for (uint32_t i = first; i < nic->channel_count && nic->channels[i].complete; i++)
		steering_move(&nic->steering, i, i + 1);
	return first;
}

static bool share_flows(struct nic *nic)
{
	uint32_t first, end;

	(void)pthread_mutex_lock(&nic->lock);
	first = end = steer_newcomers(nic);
	while (end < nic->channel_count && nic->channels[end].complete)
		end++;
	(void)pthread_mutex_unlock(&nic->lock);
	if (first == end)
		return false;
	steering_wait(); /* not under the lock, which a Start or START may want */
	(void)pthread_mutex_lock(&nic->lock);
	for (uint32_t i = first; i < end; i++)
		nic->channels[i].steered = true;
	(void)pthread_mutex_unlock(&nic->lock);
	return true;
}

static void on_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct nic *nic = context;

	if (arrival->event == DHP_EVENT_ARRIVAL && share_flows(nic))
		(void)dhp_rebalance_request(nic->engine);
}

/* ---- change: which processors may be used ---- */

static bool is_usable(const struct nic *nic, uint32_t processor)
{
	struct dhp_processor at;

	return dhp_processor_at(nic->engine, processor, &at) == DHP_OK &&
	       (nic->usable_masks[at.number.group] >> at.number.number & 1) != 0;
}

/* The queues of processors that are away go round those that are not. */
static void lend_queues(struct nic *nic, uint32_t active)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < nic->channel_count; i++) {
		uint32_t target = nic->channels[i].processor;

		for (uint32_t tried = 0; !is_usable(nic, target) && tried < active; tried++)
			target = next++ % active;
		for (uint32_t port = 0; port < nic->port_count; port++)
			atomic_store_explicit(&nic->channels[i].queues[port]->target, target, memory_order_relaxed); /* a hint */
	}
}

static void on_change(void *context, uint64_t generation)
{
	struct nic *nic = context;
	struct dhp_snapshot now = { .masks_capacity = DHP_PROCESSORS_LIMIT };

	(void)generation;
	(void)pthread_mutex_lock(&nic->lock);
	now.usable_masks = nic->usable_masks;
	if (dhp_snapshot_take(nic->engine, &now) == DHP_OK)
		lend_queues(nic, now.counts.active);
	(void)pthread_mutex_unlock(&nic->lock);
}

/* ---- rebalance: the library has stopped us ---- */

/* In the order of their numbers: a flow that has moved is then past every queue it was in (I1 and I3 of tapnic.h). */
static void empty_queues(struct nic *nic, uint32_t end)
{
	dhp_epoch_enter(nic->reader); /* as a DPC is: handling a frame reads the table */
	for (uint32_t i = 0; i < end; i++)
		for (uint32_t port = 0; port < nic->port_count; port++)
			queue_drain(nic->channels[i].queues[port]);
	dhp_epoch_exit(nic->reader);
}

static void poll_newcomers(struct nic *nic)
{
	uint32_t first = 0, end;

	while (first < nic->channel_count && nic->channels[first].polled)
		first++;
	for (end = first; end < nic->channel_count && nic->channels[end].steered;)
		end++;
	if (first == end)
		return;
	empty_queues(nic, end);
	for (uint32_t i = first; i < end; i++) {
		for (uint32_t port = 0; port < nic->port_count; port++)
			if (!poller_add(&nic->poller, nic->channels[i].queues[port]))
				say("port %s: a queue cannot be polled", nic->ports[port].name);
		nic->channels[i].polled = true;
	}
	say("queues in use: %u", end);
}

static enum dhp_status start(void *context, const struct dhp_device_call *call)
{
	struct nic *nic = context;

	(void)call;
	(void)pthread_mutex_lock(&nic->lock);
	poll_newcomers(nic);
	(void)pthread_mutex_unlock(&nic->lock);
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

/* Idle queues too give their buffers back: each runs once. One that is masked runs anyway, and one that is held will. */
static void run_queues(struct nic *nic)
{
	(void)pthread_mutex_lock(&nic->lock);
	for (uint32_t i = 0; i < nic->channel_count && nic->channels[i].polled; i++)
		for (uint32_t port = 0; port < nic->port_count; port++)
			(void)dhp_request_submit(&nic->channels[i].queues[port]->request);
	(void)pthread_mutex_unlock(&nic->lock);
	(void)dhp_dpc_flush(nic->engine);
}

void nic_memory_changed(struct nic *nic, bool more)
{
	struct dhp_memory_info info;
	uint32_t now = atomic_load(&nic->ring_wanted), wanted;

	if (dhp_memory_read(nic->engine, &info) != DHP_OK)
		return;
	wanted = ring_for(&info, now, more);
	if (wanted == now)
		return;
	atomic_store(&nic->ring_wanted, wanted);
	run_queues(nic);
	if (wanted < now)
		(void)dhp_lookaside_flush(nic->buffers);
	say("memory is %s: %u buffers a queue", info.low ? "short" : "plentiful", wanted);
}

static void on_module(void *context, const struct dhp_arrival *arrival)
{
	if (arrival->event == DHP_EVENT_ARRIVAL)
		nic_memory_changed(context, true);
}

static void watch_memory(struct nic *nic)
{
	if (dhp_memory_event_open_condition(nic->engine, DHP_MEMORY_LOW, &nic->low) != DHP_OK ||
	    dhp_memory_event_open_condition(nic->engine, DHP_MEMORY_HIGH, &nic->high) != DHP_OK ||
	    !poller_add_memory(&nic->poller, nic->low) || !poller_add_memory(&nic->poller, nic->high))
		say("this system does not say when memory is short: %u buffers a queue", RING_START);
}

/* ---- up and down ---- */

static enum dhp_status create_parts(struct nic *nic)
{
	const struct dhp_lookaside_options buffers = { .size = sizeof(buffers), .block_bytes = BUFFER_BYTES };
	enum dhp_status status = dhp_lookaside_create(nic->engine, &buffers, &nic->buffers);

	for (uint32_t i = 0; i < FRAME_FATES && status == DHP_OK; i++)
		status = dhp_counter_create(nic->engine, &nic->fates[i]);
	if (status != DHP_OK || (status = dhp_counter_create(nic->engine, &nic->switched)) != DHP_OK ||
	    (status = dhp_counter_create(nic->engine, &nic->filtered)) != DHP_OK ||
	    (status = dhp_counter_create(nic->engine, &nic->unsent)) != DHP_OK ||
	    (status = table_create(nic->engine, &nic->table)) != DHP_OK ||
	    (status = dhp_reader_join(nic->engine, &nic->reader)) != DHP_OK)
		return status;
	return dhp_hold_create(nic->engine, queue_begin, nic, &nic->hold);
}

/* Network devices take part in rebalances only if they say so. */
static enum dhp_status register_device(struct nic *nic)
{
	const struct dhp_driver driver = { .start = start, .cancel_stop = cancel_stop, .context = nic };
	const struct dhp_device_options options = { .size = sizeof(options), .setup_class = DHP_SETUP_NETWORK,
		.policy = DHP_POLICY_IN, .drivers = &driver, .driver_count = 1, .hold = nic->hold };

	return dhp_device_register(nic->engine, &options, &nic->device);
}

static enum dhp_status register_callbacks(struct nic *nic)
{
	static const uint64_t nothing_seen = 0;
	enum dhp_status status;

	if ((status = register_device(nic)) != DHP_OK ||
	    (status = dhp_notify_register(nic->engine, on_processor, nic, DHP_NOTIFY_EXISTING, &nic->processors)) != DHP_OK ||
	    (status = dhp_arrival_register(nic->engine, DHP_CLASS_PROCESSOR, on_arrival, nic, DHP_NOTIFY_EXISTING,
					   &nic->arrivals)) != DHP_OK ||
	    (status = dhp_arrival_register(nic->engine, DHP_CLASS_MEMORY, on_module, nic, 0, &nic->modules)) != DHP_OK ||
	    (status = dhp_change_register(nic->engine, on_change, nic, &nothing_seen, &nic->changes)) != DHP_OK)
		return status;
	return dhp_rebalance_drain(nic->engine); /* that of the processors that were here: their queues are in use now */
}

enum dhp_status nic_start(struct nic *nic, struct dhp_engine *engine)
{
	enum dhp_status status;

	nic->engine = engine;
	(void)pthread_mutex_init(&nic->lock, NULL);
	atomic_init(&nic->ring_wanted, RING_START);
	steering_create(&nic->steering);
	if (!poller_start(&nic->poller, nic)) {
		steering_destroy(&nic->steering);
		return DHP_NO_THREAD;
	}
	status = create_parts(nic);
	if (status == DHP_OK)
		status = register_callbacks(nic);
	if (status != DHP_OK)
		nic_stop(nic);
	else
		watch_memory(nic);
	return status;
}

/* No callback comes any more; then nothing is submitted; then nothing runs. */
static void fall_silent(struct nic *nic)
{
	(void)dhp_change_unregister(nic->changes);
	(void)dhp_arrival_unregister(nic->modules);
	(void)dhp_arrival_unregister(nic->arrivals);
	(void)dhp_notify_unregister(nic->processors);
	(void)dhp_device_unregister(nic->device);
	poller_stop(&nic->poller);
	if (nic->hold == NULL)
		return;
	(void)dhp_hold_begin(nic->hold);
	(void)dhp_hold_wait(nic->hold, 0);
	(void)dhp_dpc_flush(nic->engine); /* a routine that has completed its request may be about to submit it again */
	for (uint32_t i = 0; i < nic->channel_count; i++)
		for (uint32_t port = 0; port < nic->port_count; port++)
			(void)dhp_request_cancel(&nic->channels[i].queues[port]->request);
	(void)dhp_hold_end(nic->hold);
}

void nic_stop(struct nic *nic)
{
	fall_silent(nic);
	poller_close(&nic->poller);
	for (uint32_t i = 0; i < nic->channel_count; i++)
		channel_close(nic, &nic->channels[i]);
	(void)dhp_memory_event_close(nic->low);
	(void)dhp_memory_event_close(nic->high);
	(void)dhp_hold_destroy(nic->hold);
	(void)dhp_reader_leave(nic->reader);
	table_destroy(nic->table);
	(void)dhp_lookaside_destroy(nic->buffers);
	for (uint32_t i = 0; i < FRAME_FATES; i++)
		(void)dhp_counter_destroy(nic->fates[i]);
	(void)dhp_counter_destroy(nic->switched);
	(void)dhp_counter_destroy(nic->filtered);
	(void)dhp_counter_destroy(nic->unsent);
	steering_destroy(&nic->steering);
	(void)pthread_mutex_destroy(&nic->lock);
}
