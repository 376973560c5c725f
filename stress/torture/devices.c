/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devices.c - each thread has a device with two drivers, a queue of requests and a feed. Rebalances come with arrivals and by
 * request, drivers refuse to stop now and then, somebody pauses everything. Requests of one thread begin in its order, never
 * while the device is stopped, and each begins or is cancelled once.
 *
 * A device's drivers hear one request at a time: what they keep is plain memory. After unregistration it is the thread's.
 */
#include <stdlib.h>

#include "world.h"

#define REQUESTS 24u

struct device;

struct request {
	struct dhp_request request; /* first */
	struct device *device;
	struct dhp_dpc dpc;         /* completes it */
	uint64_t number;            /* among those of the device; the thread, while it is idle */
	atomic_uint begun, cancelled;
	atomic_bool idle;
};

struct device {
	struct world *world;
	struct dice dice;          /* drivers only */
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct request requests[REQUESTS];
	atomic_bool stopped;       /* from STOP to START */
	atomic_uint in_flight;
	atomic_ullong last_begun;  /* its number */
	uint64_t submitted;        /* numbers given */
	enum dhp_device_state state; /* as its upper driver knows it; drivers only */
};

/* ---- requests ---- */

static void complete(struct request *request)
{
	struct device *device = request->device;
	struct world *world = device->world;

	atomic_fetch_sub_explicit(&device->in_flight, 1, memory_order_relaxed);
	went_well(world, dhp_request_complete(&request->request));
	atomic_store_explicit(&request->idle, true, memory_order_release);
}

static void complete_later(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct request *request = context;

	(void)dpc, (void)argument_1, (void)argument_2;
	stalls_welcome();
	complete(request);
}

/* Here, or in a DPC on a processor that the feed has. */
static void work_on(struct request *request)
{
	struct device *device = request->device;
	struct world *world = device->world;
	uint32_t index = DHP_NO_INDEX;
	enum dhp_status status = dhp_feed_pick(device->feed, &index);

	if (status == DHP_OK) {
		struct dhp_counts counts = {.active = 0};

		went_well(world, dhp_counts_read(world->engine, &counts));
		tally_check(world->tally, RULE_FEED, index < counts.active, index, counts.active);
		went_well(world, dhp_dpc_init(&request->dpc, world->engine, complete_later, request));
		went_well(world, dhp_dpc_set_target(&request->dpc, index));
		if (dhp_dpc_insert(&request->dpc, NULL, NULL) == DHP_OK)
			return;
	}
	tally_check(world->tally, RULE_FEED, status == DHP_OK || status == DHP_DETACHED, (uint64_t)(int64_t)status, 0);
	complete(request);
}

static void begin_request(struct dhp_request *dhp_request, void *context, enum dhp_status status)
{
	struct request *request = (struct request *)(void *)dhp_request;
	struct device *device = context;
	struct tally *tally = device->world->tally;
	uint64_t before;

	if (status != DHP_OK) {
		tally_equal(tally, RULE_REQUEST, (uint64_t)(int64_t)status, (uint64_t)(int64_t)DHP_CANCELLED);
		atomic_fetch_add_explicit(&request->cancelled, 1, memory_order_relaxed);
		atomic_store_explicit(&request->idle, true, memory_order_release);
		return;
	}
	tally_check(tally, RULE_REQUEST, !atomic_load_explicit(&device->stopped, memory_order_relaxed), request->number, 0);
	before = atomic_exchange_explicit(&device->last_begun, request->number, memory_order_relaxed);
	tally_check(tally, RULE_REQUEST, before < request->number, before, request->number);
	atomic_fetch_add_explicit(&request->begun, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->in_flight, 1, memory_order_relaxed);
	work_on(request);
}

/* It is idle: everything about the earlier use is known. */
static void submit(struct device *device, struct dice *dice, struct request *request)
{
	struct world *world = device->world;
	enum dhp_status status;

	tally_equal(world->tally, RULE_REQUEST,
		    atomic_load_explicit(&request->begun, memory_order_relaxed) +
			    atomic_load_explicit(&request->cancelled, memory_order_relaxed),
		    request->number != 0);
	atomic_store_explicit(&request->begun, 0, memory_order_relaxed);
	atomic_store_explicit(&request->cancelled, 0, memory_order_relaxed);
	atomic_store_explicit(&request->idle, false, memory_order_relaxed);
	request->number = ++device->submitted;
	status = dhp_request_submit(&request->request);
	deed(world, DEED_REQUESTS);
	if (status != DHP_HELD) {
		went_well(world, status);
		return;
	}
	deed(world, DEED_HELD);
	if (dice_one_in(dice, 8)) {
		status = dhp_request_cancel(&request->request);
		tally_check(world->tally, RULE_STATUS, status == DHP_OK || status == DHP_NOT_HELD, (uint64_t)(int64_t)status, 0);
	}
}

/* ---- drivers ---- */

static void go_on(struct device *device, enum dhp_device_state state, enum dhp_device_state next)
{
	tally_equal(device->world->tally, RULE_DEVICE, device->state, state);
	device->state = next;
}

/* The lower one is asked only if the upper one has agreed; a refusal is followed by CANCEL_STOP for those who agreed. */
static enum dhp_status query_stop(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	stalls_welcome();
	tally_equal(device->world->tally, RULE_DEVICE, call->state, DHP_DEVICE_STARTED);
	tally_check(device->world->tally, RULE_DEVICE, !atomic_load_explicit(&device->stopped, memory_order_relaxed), 1, 0);
	return !calm(device->world) && dice_one_in(&device->dice, 8) ? DHP_VETOED : DHP_OK;
}

static enum dhp_status stop(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	(void)call;
	go_on(device, DHP_DEVICE_STARTED, DHP_DEVICE_STOPPED);
	tally_equal(device->world->tally, RULE_REQUEST, atomic_load_explicit(&device->in_flight, memory_order_relaxed), 0);
	atomic_store_explicit(&device->stopped, true, memory_order_relaxed);
	if (dice_one_in(&device->dice, 4))
		sleep_us(dice_below(&device->dice, 1000));
	return DHP_OK;
}

static enum dhp_status start(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;
	struct dhp_counts counts = {.active = 0};

	go_on(device, DHP_DEVICE_STOPPED, DHP_DEVICE_STARTED);
	went_well(device->world, dhp_counts_read(device->world->engine, &counts));
	tally_check(device->world->tally, RULE_FEED, call->active_count != 0 && call->active_count <= counts.active,
		    call->active_count, counts.active);
	atomic_store_explicit(&device->stopped, false, memory_order_relaxed);
	deed(device->world, DEED_MOVED);
	return DHP_OK;
}

static enum dhp_status cancel_stop(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	(void)call;
	tally_check(device->world->tally, RULE_DEVICE, !atomic_load_explicit(&device->stopped, memory_order_relaxed), 1, 0);
	return DHP_OK;
}

/* ---- a device's life ---- */

static bool open_device(struct device *device, struct dice *dice)
{
	const struct dhp_driver drivers[] = {
		{.query_stop = query_stop, .stop = stop, .start = start, .cancel_stop = cancel_stop, .context = device},
		{.query_stop = query_stop, .context = device},
	};
	struct dhp_device_options options = {.size = sizeof(options), .drivers = drivers, .driver_count = 2};
	struct world *world = device->world;
	uint32_t i;

	options.policy = DHP_POLICY_IN;
	options.hold_in_stop = dice_one_in(dice, 2);
	if (!went_well(world, dhp_hold_create(world->engine, begin_request, device, &device->hold)))
		return false;
	for (i = 0; i < REQUESTS; i++) {
		device->requests[i].device = device;
		atomic_init(&device->requests[i].idle, true);
		went_well(world, dhp_request_init(&device->requests[i].request, device->hold, 0));
	}
	options.hold = device->hold;
	if (!went_well(world, dhp_device_register(world->engine, &options, &device->device)))
		return false;
	return went_well(world, dhp_feed_create(world->engine, device->device, NULL, &device->feed));
}

static void await_idle(struct request *request)
{
	while (!atomic_load_explicit(&request->idle, memory_order_acquire))
		sleep_us(100);
}

static void close_device(struct device *device)
{
	struct world *world = device->world;
	uint32_t i;

	for (i = 0; i < REQUESTS && device->feed != NULL; i++)
		await_idle(&device->requests[i]);
	went_well(world, dhp_feed_destroy(device->feed));
	went_well(world, dhp_device_unregister(device->device));
	went_well(world, dhp_dpc_flush(world->engine)); /* who completed the last may be in its routine still */
	while (device->hold != NULL && dhp_hold_destroy(device->hold) == DHP_IN_USE)
		sleep_us(500); /* somebody pauses everything */
}

static void use_device(struct device *device, struct dice *dice)
{
	struct world *world = device->world;
	uint32_t turns = dice_between(dice, 100, 3000);

	while (turns-- > 0 && !stopping(world)) {
		struct request *request = &device->requests[dice_below(dice, REQUESTS)];

		if (atomic_load_explicit(&request->idle, memory_order_acquire))
			submit(device, dice, request);
		if (dice_one_in(dice, 200))
			went_well(world, dhp_rebalance_request(world->engine));
		if (dice_one_in(dice, 1000))
			went_well(world, dhp_rebalance_drain(world->engine));
		if (dice_one_in(dice, 16))
			sleep_us(dice_below(dice, 100));
	}
}

static void run_devices(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		struct device *device = take(sizeof(*device));

		device->world = world;
		device->dice = dice_make(dice_roll(dice), 0);
		device->state = DHP_DEVICE_STARTED;
		if (open_device(device, dice))
			use_device(device, dice);
		close_device(device);
		free(device);
	}
}

/* One at a time: another's pause is in the way. */
static void pause_all(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		enum dhp_status status = dhp_pause_all(world->engine, dice_one_in(dice, 2) ? 0 : dice_below(dice, 1000000));

		if (status == DHP_OK) {
			deed(world, DEED_PAUSES);
			sleep_us(dice_below(dice, 2000));
			went_well(world, dhp_resume_all(world->engine));
		} else if (status != DHP_NOT_QUIET && status != DHP_INVALID_STATE) {
			went_well(world, status);
		}
		sleep_us(dice_below(dice, 20000));
	}
}

const struct part part_devices = {.name = "devices", .group = GROUP_DEVICES, .acts = {run_devices, pause_all}};
