/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that arrivals stop and start: a driver hears only what the table of states allows, each rebalance ends as its drivers
 * said, and a feed has processors exactly while its device is not stopped.
 */
#include <dhp/rebalance.h>

#include "world.h"

#define DEVICES 2u

enum deed { AGREES, REFUSES, WANTS_OTHER, START_FAILS, STOP_FAILS, DEEDS };

static struct device {
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_driver driver;
	enum deed deed;
	bool nothing_to_move;
	enum dhp_device_state heard; /* of the driver: by the thread of rebalances */
	bool calls_end;              /* it has been told that it is removed */
} devices[DEVICES];

/* ---- a driver ---- */

static bool is_pending(enum dhp_device_state state)
{
	return state == DHP_DEVICE_STOP_PENDING || state == DHP_DEVICE_NOT_STARTED_PENDING;
}

static enum dhp_status on_query(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	MUST(!device->calls_end && (device->heard == DHP_DEVICE_STARTED || device->heard == DHP_DEVICE_NOT_STARTED));
	MUST(call->request == DHP_REQUEST_QUERY_STOP && call->state == device->heard);
	device->heard = device->heard == DHP_DEVICE_STARTED ? DHP_DEVICE_STOP_PENDING : DHP_DEVICE_NOT_STARTED_PENDING;
	if (device->deed == WANTS_OTHER)
		return DHP_REQUIREMENTS_CHANGED;
	return device->deed == REFUSES ? DHP_VETOED : DHP_OK;
}

static enum dhp_status on_stop(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	MUST(!device->calls_end && is_pending(device->heard) && call->state == device->heard && device->deed != REFUSES);
	device->heard = DHP_DEVICE_STOPPED;
	return device->deed == STOP_FAILS ? DHP_INJECTED : DHP_OK; /* which changes nothing (S-418) */
}

static enum dhp_status on_start(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	MUST(!device->calls_end && (device->heard == DHP_DEVICE_STOPPED || device->heard == DHP_DEVICE_NOT_STARTED));
	MUST(call->active_count >= 1 && call->active_count <= MODEL_PROCESSORS);
	if (device->deed == START_FAILS)
		return DHP_INJECTED;
	device->heard = DHP_DEVICE_STARTED;
	return DHP_OK;
}

static enum dhp_status on_cancel(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	(void)call;
	MUST(!device->calls_end && device->heard != DHP_DEVICE_STOPPED);
	if (is_pending(device->heard))
		device->heard = device->heard == DHP_DEVICE_STOP_PENDING ? DHP_DEVICE_STARTED : DHP_DEVICE_NOT_STARTED;
	return DHP_OK;
}

static enum dhp_status on_removal(void *context, const struct dhp_device_call *call)
{
	struct device *device = context;

	(void)call;
	MUST(!device->calls_end);
	device->calls_end = true;
	device->heard = DHP_DEVICE_REMOVED;
	return DHP_OK;
}

static void on_requirements(void *context, struct dhp_device *handle, struct dhp_requirements *requirements)
{
	struct device *device = context;

	MUST(handle == device->device && device->deed == WANTS_OTHER && is_pending(device->heard));
	requirements->nothing_to_move = !requirements->nothing_to_move;
}

/* ---- calls ---- */

static void settle(void)
{
	SAYS(dhp_rebalance_drain(world.engine), DHP_OK);
}

static enum dhp_device_state state_of(const struct device *device)
{
	enum dhp_device_state state = DHP_DEVICE_REMOVED;

	SAYS(dhp_device_state_read(device->device, &state), DHP_OK);
	MUST(state == device->heard);
	return state;
}

static void create(void)
{
	struct device *device = &devices[take_below(DEVICES)];
	uint32_t how = take();
	struct dhp_device_options options = { .size = sizeof(options), .policy = (int32_t)(how >> 3 & 3), .drivers = &device->driver,
		.driver_count = 1, .setup_class = how >> 5 & 1, .nothing_to_move = (how >> 6 & 1) != 0,
		.boot_configured = how >> 7 != 0 };

	if (device->device != NULL || device->feed != NULL)
		return;
	*device = (struct device){ .deed = (enum deed)(how % DEEDS), .nothing_to_move = options.nothing_to_move,
		.heard = options.boot_configured ? DHP_DEVICE_NOT_STARTED : DHP_DEVICE_STARTED,
		.driver = { on_query, on_stop, on_start, on_cancel, on_removal, on_requirements, device } };
	options.driver_count = 0;
	SAYS(dhp_device_register(world.engine, &options, &device->device), DHP_BAD_OPTIONS);
	options.driver_count = 1;
	SAYS(dhp_device_register(world.engine, &options, &device->device), DHP_OK);
}

/* The table of states, once more; and what the driver says. */
static enum dhp_status expected_send(const struct device *device, enum dhp_device_state state, uint32_t request)
{
	bool can = false;

	if (request == DHP_REQUEST_QUERY_STOP)
		can = state == DHP_DEVICE_STARTED || state == DHP_DEVICE_NOT_STARTED;
	else if (request == DHP_REQUEST_STOP)
		can = is_pending(state);
	else if (request == DHP_REQUEST_START)
		can = state == DHP_DEVICE_STOPPED || state == DHP_DEVICE_NOT_STARTED;
	else if (request == DHP_REQUEST_CANCEL_STOP)
		can = state != DHP_DEVICE_STOPPED && state != DHP_DEVICE_REMOVED;
	else if (request == DHP_REQUEST_SURPRISE_REMOVAL)
		can = state == DHP_DEVICE_STOPPED;
	else
		return DHP_BAD_REQUEST;
	if (!can)
		return DHP_INVALID_STATE;
	if (request == DHP_REQUEST_QUERY_STOP && device->deed == REFUSES)
		return DHP_VETOED;
	return request == DHP_REQUEST_START && device->deed == START_FAILS ? DHP_INJECTED : DHP_OK;
}

static void send(void)
{
	static const uint32_t all[] = { DHP_REQUEST_START, DHP_REQUEST_STOP, DHP_REQUEST_QUERY_STOP, DHP_REQUEST_CANCEL_STOP,
		DHP_REQUEST_SURPRISE_REMOVAL, 0x18 };
	struct device *device = &devices[take_below(DEVICES)];
	uint32_t request = all[take_below(COUNT(all))];
	enum dhp_status expected;

	if (device->device == NULL) {
		SAYS(dhp_device_send(NULL, (enum dhp_device_request)request), DHP_BAD_OBJECT);
		return;
	}
	settle();
	expected = expected_send(device, state_of(device), request);
	SAYS(dhp_device_send(device->device, (enum dhp_device_request)request), expected);
	(void)state_of(device);
}

static void set_policy(void)
{
	struct device *device = &devices[take_below(DEVICES)];

	SAYS(dhp_device_set_policy(device->device, (int32_t)take_below(4)), device->device != NULL ? DHP_OK : DHP_BAD_OBJECT);
}

/* After a rebalance by call every device has taken part (S-407). */
static enum dhp_device_state expected_after(const struct device *device, enum dhp_device_state state)
{
	bool moves = device->nothing_to_move == (device->deed == WANTS_OTHER);

	if (state != DHP_DEVICE_STARTED && state != DHP_DEVICE_NOT_STARTED)
		return state; /* in the middle of what the program does with it */
	if (device->deed == REFUSES || !moves)
		return state;
	return device->deed == START_FAILS ? DHP_DEVICE_REMOVED : DHP_DEVICE_STARTED;
}

static void rebalance(void)
{
	enum dhp_device_state before[DEVICES];

	settle();
	for (uint32_t i = 0; i < DEVICES; i++)
		before[i] = devices[i].device != NULL ? state_of(&devices[i]) : DHP_DEVICE_REMOVED;
	SAYS(dhp_rebalance_request(world.engine), DHP_OK);
	settle();
	for (uint32_t i = 0; i < DEVICES; i++)
		if (devices[i].device != NULL && !is_pending(before[i]) && before[i] != DHP_DEVICE_STOPPED)
			MUST(state_of(&devices[i]) == expected_after(&devices[i], before[i]));
}

static void feed_create(void)
{
	struct device *device = &devices[take_below(DEVICES)];

	if (device->feed == NULL)
		SAYS(dhp_feed_create(world.engine, device->device, NULL, &device->feed), DHP_OK);
}

static void feed_pick(void)
{
	struct device *device = &devices[take_below(DEVICES)];
	uint32_t index = DHP_NO_INDEX;
	bool is_attached = true;

	settle();
	if (device->feed == NULL) {
		SAYS(dhp_feed_pick(NULL, &index), DHP_BAD_OBJECT);
		return;
	}
	if (device->device != NULL)
		is_attached = state_of(device) != DHP_DEVICE_STOPPED && state_of(device) != DHP_DEVICE_REMOVED;
	SAYS(dhp_feed_pick(device->feed, &index), is_attached ? DHP_OK : DHP_DETACHED);
	MUST(!is_attached || index < world.model.active);
}

static void feed_destroy(void)
{
	struct device *device = &devices[take_below(DEVICES)];

	SAYS(dhp_feed_destroy(device->feed), DHP_OK);
	device->feed = NULL;
}

static void destroy_at(uint32_t at)
{
	struct device *device = &devices[at];

	SAYS(dhp_device_unregister(device->device), device->device != NULL && device->feed != NULL ? DHP_IN_USE : DHP_OK);
	if (device->feed == NULL)
		device->device = NULL;
}

static void destroy(void)
{
	destroy_at(take_below(DEVICES));
}

/* ---- the part ---- */

static void begin(void)
{
	memset(devices, 0, sizeof(devices));
}

static void check(void)
{
}

static bool holds_engine(void)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		if (devices[i].device != NULL || devices[i].feed != NULL)
			return true;
	return false;
}

static void end(void)
{
	for (uint32_t i = 0; i < DEVICES; i++) {
		SAYS(dhp_feed_destroy(devices[i].feed), DHP_OK);
		devices[i].feed = NULL;
		destroy_at(i);
	}
}

static const struct operation operations[] = {
	{ "device create", create, false }, { "device create", create, false }, { "device send", send, false },
	{ "device send", send, false }, { "device policy", set_policy, false }, { "rebalance", rebalance, false },
	{ "feed create", feed_create, false }, { "feed pick", feed_pick, false }, { "feed destroy", feed_destroy, false },
	{ "device destroy", destroy, false },
};

const struct part devices_part = { operations, COUNT(operations), begin, check, holds_engine, end };
