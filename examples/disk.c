/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk.c - a device whose requests are spread over the processors, and which has itself stopped and started when one arrives.
 *
 * Its requests go through a holding queue: while the device is stopped they wait there, in order, and none is lost. Where a
 * request runs is taken from a feed, whose processors change only while the device is stopped. Prints what happened; the
 * status is 1 when a request was lost or done twice.
 */
#include <dhp.h>

#include <stdio.h>
#include <string.h>

#define REQUESTS 2000u
#define PROCESSORS 4u

struct transfer {
	struct dhp_request request; /* first: the queue hands out this pointer */
	struct dhp_dpc dpc;
	uint32_t times_done; /* by one routine at a time: no request is begun twice */
};

static struct disk {
	struct dhp_engine *engine;
	struct dhp_hold *hold;
	struct dhp_feed *feed;
	struct dhp_device *device;
	struct dhp_counter *done;
} disk;

static struct transfer transfers[REQUESTS];

/* On the processor that the feed chose: the hardware has finished. */
static void finish(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct transfer *transfer = context;

	(void)dpc, (void)a, (void)b;
	transfer->times_done++;
	dhp_counter_add(disk.done, 1);
	(void)dhp_request_complete(&transfer->request);
}

/* A request may go to the hardware; it does so from here when it was not held, and from a thread of the engine otherwise. */
static void begin(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct transfer *transfer = (struct transfer *)(void *)request;
	uint32_t index = 0;

	(void)context;
	if (dhp_failed(status) || dhp_feed_pick(disk.feed, &index) != DHP_OK) {
		(void)dhp_request_complete(request);
		return;
	}
	(void)dhp_dpc_set_target(&transfer->dpc, index);
	(void)dhp_dpc_insert(&transfer->dpc, NULL, NULL);
}

static enum dhp_status stop(void *context, const struct dhp_device_call *call)
{
	(void)context, (void)call;
	(void)printf("stopped: requests wait\n");
	return DHP_OK;
}

static enum dhp_status start(void *context, const struct dhp_device_call *call)
{
	(void)context;
	(void)printf("started with %u processors\n", call->active_count);
	return DHP_OK;
}

static bool make_disk(struct dhp_engine *engine)
{
	static const struct dhp_driver driver = { .stop = stop, .start = start };
	const struct dhp_feed_options feed = { .size = sizeof(feed) };
	struct dhp_device_options device = { .size = sizeof(device), .drivers = &driver, .driver_count = 1 };

	disk.engine = engine;
	if (dhp_counter_create(engine, &disk.done) != DHP_OK ||
	    dhp_hold_create(engine, begin, NULL, &disk.hold) != DHP_OK)
		return false;
	device.hold = disk.hold;
	if (dhp_device_register(engine, &device, &disk.device) != DHP_OK ||
	    dhp_feed_create(engine, disk.device, &feed, &disk.feed) != DHP_OK)
		return false;
	for (uint32_t i = 0; i < REQUESTS; i++)
		if (dhp_request_init(&transfers[i].request, disk.hold, 0) != DHP_OK ||
		    dhp_dpc_init(&transfers[i].dpc, engine, finish, &transfers[i]) != DHP_OK)
			return false;
	return true;
}

static void free_disk(void)
{
	(void)dhp_feed_destroy(disk.feed);
	(void)dhp_device_unregister(disk.device);
	(void)dhp_hold_destroy(disk.hold);
	(void)dhp_counter_destroy(disk.done);
}

/* A processor arrives after each quarter of the requests. */
static void send_requests(void)
{
	for (uint32_t i = 0; i < REQUESTS; i++) {
		(void)dhp_request_submit(&transfers[i].request);
		if (i % (REQUESTS / PROCESSORS) == REQUESTS / PROCESSORS - 1)
			(void)dhp_sim_add(disk.engine, dhp_sim_cpu(disk.engine, 1 + i / (REQUESTS / PROCESSORS)));
	}
	(void)dhp_rebalance_drain(disk.engine);
	(void)dhp_dpc_flush(disk.engine);
}

static uint32_t done_once(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < REQUESTS; i++)
		count += transfers[i].times_done == 1;
	return count;
}

int main(void)
{
	const struct dhp_sim_options simulated = { .size = sizeof(simulated), .maximum_count = PROCESSORS + 1 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &simulated };
	struct dhp_engine *engine;
	bool right;

	if (dhp_engine_create(&options, &engine) != DHP_OK)
		return 1;
	(void)dhp_rebalance_drain(engine); /* that of the first processor */
	if (!make_disk(engine))
		return 1;
	send_requests();
	right = done_once() == REQUESTS && dhp_counter_sum(disk.done) == REQUESTS;
	(void)printf("%u of %u requests done once\n", done_once(), REQUESTS);
	free_disk();
	return dhp_engine_destroy(engine) == DHP_OK && right ? 0 : 1;
}
