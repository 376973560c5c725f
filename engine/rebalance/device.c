/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device.c - one device: the table of its states, and how a request goes through its stack.
 *
 * Idea      a request is looked up in one table; what is not there is refused and no driver hears of it (S-438, S-439). QUERY_STOP
 *           and STOP go down the stack, START and CANCEL_STOP up (S-416).
 *
 *           Where the queue comes in:
 *             QUERY_STOP   it holds before the drivers are asked, so that a driver that agreed is quiet soon; or, for devices
 *                          that hold in STOP, it holds what could block a stop (S-441, S-449)
 *             STOP         nothing in flight any more, then the drivers, then the feeds are detached (S-442, S-463, S-455)
 *             START        the feeds are attached to the set of now, then the drivers, last the held requests begin (S-444)
 *             CANCEL_STOP  the drivers, last the held requests begin
 *
 *           A device that does not get quiet in time is not sent STOP, which must not fail, and stays stop-pending: the state from
 *           which CANCEL_STOP leads back.
 *
 * I1        all here runs in the rebalance thread, under `running`.
 * I2        feeds are attached in every state but Stopped and Removed.
 */
#include "rebalance.h"

#define STATES 6u

/* By state, then request: the state after success; NOT: refused. */
enum { NOT = -1 };

struct row {
	int query_stop, stop, start, cancel_stop, surprise_removal;
};

static const struct row table[STATES] = {
	[DHP_DEVICE_STARTED] = {
		.query_stop = DHP_DEVICE_STOP_PENDING, .stop = NOT, .start = NOT,
		.cancel_stop = DHP_DEVICE_STARTED, /* S-426 */
		.surprise_removal = NOT,
	},
	[DHP_DEVICE_STOP_PENDING] = {
		.query_stop = NOT, /* S-439 */
		.stop = DHP_DEVICE_STOPPED, .start = NOT, .cancel_stop = DHP_DEVICE_STARTED, .surprise_removal = NOT,
	},
	[DHP_DEVICE_STOPPED] = {
		.query_stop = NOT, .stop = NOT, .start = DHP_DEVICE_STARTED, .cancel_stop = NOT,
		.surprise_removal = DHP_DEVICE_REMOVED,
	},
	[DHP_DEVICE_REMOVED] = {
		.query_stop = NOT, .stop = NOT, .start = NOT, .cancel_stop = NOT, .surprise_removal = NOT,
	},
	[DHP_DEVICE_NOT_STARTED] = { /* S-427 */
		.query_stop = DHP_DEVICE_NOT_STARTED_PENDING, .stop = NOT, .start = DHP_DEVICE_STARTED,
		.cancel_stop = DHP_DEVICE_NOT_STARTED, .surprise_removal = NOT,
	},
	[DHP_DEVICE_NOT_STARTED_PENDING] = {
		.query_stop = NOT, .stop = DHP_DEVICE_STOPPED, .start = NOT, .cancel_stop = DHP_DEVICE_NOT_STARTED,
		.surprise_removal = NOT,
	},
};

static int after(enum dhp_device_state state, enum dhp_device_request request)
{
	switch (request) {
	case DHP_REQUEST_START:
		return table[state].start;
	case DHP_REQUEST_STOP:
		return table[state].stop;
	case DHP_REQUEST_QUERY_STOP:
		return table[state].query_stop;
	case DHP_REQUEST_CANCEL_STOP:
		return table[state].cancel_stop;
	case DHP_REQUEST_SURPRISE_REMOVAL:
		return table[state].surprise_removal;
	}
	return NOT;
}

static dhp_driver_routine *routine_of(const struct dhp_driver *driver, enum dhp_device_request request)
{
	switch (request) {
	case DHP_REQUEST_START:
		return driver->start;
	case DHP_REQUEST_STOP:
		return driver->stop;
	case DHP_REQUEST_QUERY_STOP:
		return driver->query_stop;
	case DHP_REQUEST_CANCEL_STOP:
		return driver->cancel_stop;
	case DHP_REQUEST_SURPRISE_REMOVAL:
		return driver->surprise_removal;
	}
	return NULL;
}

enum dhp_device_state dhpi_device_state(const struct dhp_device *device)
{
	return (enum dhp_device_state)at_load_relaxed_u32(&device->state); /* relaxed: own store, or a hint */
}

bool dhpi_device_attached(const struct dhp_device *device)
{
	enum dhp_device_state state = dhpi_device_state(device);

	return state != DHP_DEVICE_STOPPED && state != DHP_DEVICE_REMOVED;
}

/* ---- the stack ---- */

static enum dhp_status call(struct dhp_device *device, uint32_t at, const struct dhp_device_call *what)
{
	const struct dhp_driver *driver = &device->drivers[at];
	dhp_driver_routine *routine = routine_of(driver, what->request);
	enum dhp_status status;

	if (routine == NULL)
		return DHP_OK;
	dhpi_call_begins(device, at, what->request);
	status = routine(driver->context, what);
	dhpi_call_ends(device, status);
	return status;
}

static struct dhp_device_call describe(struct dhp_device *device, enum dhp_device_request request)
{
	struct dhp_counts counts;

	dhpi_set_counts(device->rebalance->set, &counts);
	return (struct dhp_device_call){
		.device = device,
		.request = request,
		.state = dhpi_device_state(device),
		.active_count = counts.active,
		.generation = counts.generation,
	};
}

/* Top down, until one does not agree. */
static enum dhp_status ask(struct dhp_device *device)
{
	const struct dhp_device_call what = describe(device, DHP_REQUEST_QUERY_STOP);

	device->requirements_changed = false;
	for (uint32_t at = 0; at < device->driver_count; at++) {
		enum dhp_status status = call(device, at, &what);

		if (status == DHP_REQUIREMENTS_CHANGED)
			device->requirements_changed = true;
		else if (status != DHP_OK)
			return status;
	}
	return DHP_OK;
}

/* Bottom up, until one fails. */
DHPI_WRAPS("a count that runs down goes past zero once")
static enum dhp_status start(struct dhp_device *device)
{
	const struct dhp_device_call what = describe(device, DHP_REQUEST_START);

	for (uint32_t at = device->driver_count; at-- > 0;) {
		enum dhp_status status = call(device, at, &what);

		if (dhp_failed(status))
			return status;
	}
	return DHP_OK;
}

/* To all, in the direction of the request; it cannot fail. */
static void tell(struct dhp_device *device, enum dhp_device_request request)
{
	const struct dhp_device_call what = describe(device, request);

	for (uint32_t i = 0; i < device->driver_count; i++) {
		uint32_t at = request == DHP_REQUEST_CANCEL_STOP ? device->driver_count - 1 - i : i;
		enum dhp_status status = call(device, at, &what);

		if (!dhp_failed(status))
			continue;
		at_bump_u64(&device->rebalance->broken);
		dhpi_report(device->rebalance, (struct dhp_rebalance_event){
			.kind = DHP_REBALANCE_BROKEN, .device = device, .driver = at, .request = request, .status = status });
	}
}

/* ---- the queue and the feeds ---- */

static void hold(struct dhp_device *device)
{
	if (device->hold == NULL || device->holding)
		return;
	device->holding = true;
	device->holding_since_ns = port_now_ns();
	dhpi_hold_begin(device->hold);
}

static void hold_in_query(struct dhp_device *device)
{
	if (device->hold == NULL)
		return;
	if (!device->hold_in_stop) {
		hold(device);
		return;
	}
	device->pending = true;
	dhpi_hold_pend(device->hold);
}

static void report_hold(struct dhp_device *device)
{
	struct dhpi_rebalance *rebalance = device->rebalance;
	uint64_t held_ns = port_now_ns() - device->holding_since_ns; /* the queue may hold on, for a pause */

	if (held_ns > at_load_relaxed_u64(&rebalance->longest_hold_ns)) /* relaxed: own store */
		at_store_relaxed_u64(&rebalance->longest_hold_ns, held_ns); /* relaxed: statistics only */
	dhpi_report(rebalance, (struct dhp_rebalance_event){
		.kind = DHP_REBALANCE_HELD, .device = device, .ns = held_ns });
}

void dhpi_device_let_go(struct dhp_device *device)
{
	if (device->pending)
		dhpi_hold_pend_end(device->hold);
	device->pending = false;
	if (!device->holding)
		return;
	device->holding = false;
	dhpi_hold_end(device->hold);
	report_hold(device);
}

static enum dhp_status get_quiet(struct dhp_device *device)
{
	struct dhpi_rebalance *rebalance = device->rebalance;
	enum dhp_status status;

	if (device->hold == NULL)
		return DHP_OK;
	hold(device);
	status = dhpi_hold_wait(device->hold, rebalance->options.stop_limit_ns);
	if (dhp_failed(status)) {
		at_bump_u64(&rebalance->not_quiet);
		dhpi_report(rebalance, (struct dhp_rebalance_event){ .kind = DHP_REBALANCE_NOT_QUIET, .device = device,
			.request = DHP_REQUEST_STOP, .status = status });
	}
	return status;
}

static void each_feed(struct dhp_device *device, void (*visit)(struct dhp_feed *feed))
{
	for (struct dhpi_link *at = device->feeds.next; at != &device->feeds; at = at->next)
		visit(DHPI_CONTAINER(at, struct dhp_feed, link));
}

/* ---- requests ---- */

static enum dhp_status send_query(struct dhp_device *device)
{
	enum dhp_status status;

	hold_in_query(device);
	status = ask(device);
	if (status == DHP_OK)
		return status;
	at_bump_u64(&device->rebalance->refused);
	dhpi_report(device->rebalance, (struct dhp_rebalance_event){ .kind = DHP_REBALANCE_REFUSED, .device = device,
		.request = DHP_REQUEST_QUERY_STOP, .status = status });
	return status > DHP_OK ? DHP_VETOED : status;
}

static enum dhp_status send_stop(struct dhp_device *device)
{
	enum dhp_status status = get_quiet(device);

	if (dhp_failed(status))
		return status;
	tell(device, DHP_REQUEST_STOP);
	each_feed(device, dhpi_feed_detach);
	return DHP_OK;
}

static void send_removal(struct dhp_device *device)
{
	tell(device, DHP_REQUEST_SURPRISE_REMOVAL);
	hold(device);
	if (device->hold != NULL)
		dhpi_hold_close(device->hold);
	at_bump_u64(&device->rebalance->removed);
}

static enum dhp_status send_start(struct dhp_device *device)
{
	enum dhp_status status;

	each_feed(device, dhpi_feed_attach);
	status = start(device);
	if (!dhp_failed(status))
		return status;
	each_feed(device, dhpi_feed_detach);
	return status;
}

static enum dhp_status deliver(struct dhp_device *device, enum dhp_device_request request)
{
	switch (request) {
	case DHP_REQUEST_QUERY_STOP:
		return send_query(device);
	case DHP_REQUEST_STOP:
		return send_stop(device);
	case DHP_REQUEST_START:
		return send_start(device);
	case DHP_REQUEST_CANCEL_STOP:
		tell(device, request);
		at_bump_u64(&device->rebalance->cancelled);
		return DHP_OK;
	case DHP_REQUEST_SURPRISE_REMOVAL:
		send_removal(device);
		return DHP_OK;
	}
	return DHP_BAD_REQUEST;
}

/* The request is in the table. */
static enum dhp_status send(struct dhp_device *device, enum dhp_device_request request)
{
	int next = after(dhpi_device_state(device), request);
	enum dhp_status status = deliver(device, request);

	if (status != DHP_OK)
		return status;
	at_store_relaxed_u32(&device->state, (uint32_t)next); /* relaxed: one writer; others take a hint */
	if (request == DHP_REQUEST_START || request == DHP_REQUEST_CANCEL_STOP)
		dhpi_device_let_go(device); /* S-444: the last step */
	return DHP_OK;
}

static void remove_device(struct dhp_device *device)
{
	at_store_relaxed_u32(&device->state, DHP_DEVICE_STOPPED); /* relaxed: likewise */
	(void)send(device, DHP_REQUEST_SURPRISE_REMOVAL);
}

enum dhp_status dhpi_device_send(struct dhp_device *device, enum dhp_device_request request)
{
	enum dhp_status status;

	if (after(dhpi_device_state(device), request) == NOT)
		return DHP_INVALID_STATE;
	if (request == DHP_REQUEST_STOP)
		(void)dhpi_device_ask_requirements(device); /* S-423: no later than now */
	status = send(device, request);
	if (status == DHP_OK)
		return status;
	if (request == DHP_REQUEST_QUERY_STOP)
		(void)send(device, DHP_REQUEST_CANCEL_STOP); /* S-421: those above the one that refused are stop-pending */
	else if (request == DHP_REQUEST_START)
		remove_device(device); /* S-430 */
	return status;
}

bool dhpi_device_ask_requirements(struct dhp_device *device)
{
	struct dhp_requirements requirements = { .nothing_to_move = device->nothing_to_move };

	for (uint32_t at = 0; at < device->driver_count && device->requirements_changed; at++) {
		const struct dhp_driver *driver = &device->drivers[at];

		if (driver->requirements != NULL)
			driver->requirements(driver->context, device, &requirements);
	}
	device->requirements_changed = false;
	return !requirements.nothing_to_move;
}
