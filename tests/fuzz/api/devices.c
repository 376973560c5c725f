/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that arrivals stop and start: a driver hears only what the table of states allows, each rebalance ends as its drivers
 * said, a feed has processors exactly while its device is not stopped, and requests wait exactly while it is, or is asked to.
 */
#include <dhp/rebalance.h>

#include "world.h"

#define DEVICES 2u
#define REQUESTS 2u

enum deed { AGREES, REFUSES, WANTS_OTHER, START_FAILS, STOP_FAILS, DEEDS };

/* Completed in its routine. */
struct io {
	struct dhp_request request; /* first */
	bool waiting;
	uint64_t begun, gone; /* by any thread */
};

static struct device {
	struct dhp_device *device;
	struct dhp_hold *hold; /* may outlive the device */
	bool has_hold;         /* the device has it */
	bool is_closed;        /* a device that had it was removed */
	struct io ios[REQUESTS];
	struct dhp_feed *feed;
	struct dhp_feed_options feed_options;
	uint64_t feed_least[MODEL_PROCESSORS]; /* by group: what it had at its creation */
	bool feed_disabled;
	struct dhp_driver driver;
	enum deed deed;
	bool nothing_to_move;
	bool started_again;          /* since the last rebalance by call; by the thread of rebalances */
	enum dhp_device_state heard; /* of the driver: by the thread of rebalances */
	bool calls_end;              /* it has been told that it is removed */
} devices[DEVICES];

/* What was configured, and what its hook has heard since. */
static struct {
	bool abandons, is_heard;
	uint64_t runs_before;   /* of the engine, at that time */
	uint64_t began, ended;  /* by the thread of rebalances */
} rebalances;

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
	device->started_again = true;
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

static enum dhp_device_state state_of(const struct device *device)
{
	enum dhp_device_state state = DHP_DEVICE_REMOVED;

	SAYS(dhp_device_state_read(device->device, &state), DHP_OK);
	MUST(state == device->heard);
	return state;
}

static bool is_holding(const struct device *device)
{
	return hold_is_paused() || (device->has_hold && (is_pending(state_of(device)) || state_of(device) == DHP_DEVICE_STOPPED));
}

/* What waited and may begin has begun, or is over with its device. */
static void check_requests(struct device *device)
{
	device->is_closed = device->is_closed || (device->has_hold && state_of(device) == DHP_DEVICE_REMOVED);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		struct io *io = &device->ios[i];
		uint64_t begun = __atomic_load_n(&io->begun, __ATOMIC_SEQ_CST), gone = __atomic_load_n(&io->gone, __ATOMIC_SEQ_CST);

		MUST(begun + gone <= 1 && (io->waiting || begun + gone == 0));
		if (!io->waiting)
			continue;
		if (device->is_closed)
			MUST(begun + gone == 1); /* it may have begun before */
		else
			MUST(gone == 0 && (is_holding(device) || begun == 1));
		io->waiting = begun + gone == 0;
		io->begun = io->gone = 0;
	}
}

static struct dhp_rebalance_stats stats_now(void)
{
	struct dhp_rebalance_stats stats;

	SAYS(dhp_rebalance_stats_read(world.engine, &stats), DHP_OK);
	return stats;
}

static void settle(void)
{
	SAYS(dhp_rebalance_drain(world.engine), DHP_OK);
	MUST(rebalances.began == rebalances.ended && stats_now().run_count <= stats_now().requested_count);
	MUST(!rebalances.is_heard || rebalances.ended == stats_now().run_count - rebalances.runs_before);
	for (uint32_t i = 0; i < DEVICES; i++)
		if (devices[i].hold != NULL)
			check_requests(&devices[i]);
}

/* ---- requests ---- */

static void io_routine(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct io *io = (struct io *)(void *)request;

	(void)context;
	MUST(status == DHP_OK || status == DHP_DEVICE_GONE);
	if (status == DHP_OK)
		SAYS(dhp_request_complete(request), DHP_OK);
	(void)__atomic_fetch_add(status == DHP_OK ? &io->begun : &io->gone, 1, __ATOMIC_SEQ_CST);
}

static void submit(void)
{
	struct device *device = &devices[take_below(DEVICES)];
	struct io *io = &device->ios[take_below(REQUESTS)];
	enum dhp_status expected = DHP_OK;

	settle();
	if (device->hold == NULL)
		return;
	if (io->waiting)
		expected = DHP_IN_USE;
	else if (device->is_closed)
		expected = DHP_DEVICE_GONE;
	else if (is_holding(device))
		expected = DHP_HELD;
	SAYS(dhp_request_submit(&io->request), expected);
	MUST(io->begun == (expected == DHP_OK));
	io->begun = 0;
	io->waiting = io->waiting || expected == DHP_HELD;
}

static void queue_create(void)
{
	struct device *device = &devices[take_below(DEVICES)];

	if (device->hold != NULL)
		return;
	SAYS(dhp_hold_create(world.engine, io_routine, device, &device->hold), DHP_OK);
	device->has_hold = device->is_closed = false;
	for (uint32_t i = 0; i < REQUESTS; i++) {
		device->ios[i] = (struct io){ .waiting = false };
		SAYS(dhp_request_init(&device->ios[i].request, device->hold, 0), DHP_OK);
	}
}

static void queue_destroy_at(struct device *device)
{
	bool is_used;

	settle();
	is_used = device->has_hold || (!device->is_closed && hold_is_paused());
	SAYS(dhp_hold_destroy(device->hold), device->hold != NULL && is_used ? DHP_IN_USE : DHP_OK);
	if (is_used)
		return;
	device->hold = NULL;
	device->is_closed = false;
}

static void queue_destroy(void)
{
	queue_destroy_at(&devices[take_below(DEVICES)]);
}

/* ---- devices ---- */

/* A queue that another device has, or NULL. */
static struct dhp_hold *other_hold(const struct device *device)
{
	const struct device *other = &devices[(uint32_t)(device - devices + 1) % DEVICES];

	return other->has_hold ? other->hold : NULL;
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
	settle();
	device->deed = (enum deed)(how % DEEDS);
	device->nothing_to_move = options.nothing_to_move;
	device->heard = options.boot_configured ? DHP_DEVICE_NOT_STARTED : DHP_DEVICE_STARTED;
	device->calls_end = false;
	device->driver = (struct dhp_driver){ on_query, on_stop, on_start, on_cancel, on_removal, on_requirements, device };
	options.driver_count = 0;
	SAYS(dhp_device_register(world.engine, &options, &device->device), DHP_BAD_OPTIONS);
	options.driver_count = 1;
	options.hold = other_hold(device);
	if (options.hold != NULL)
		SAYS(dhp_device_register(world.engine, &options, &device->device), DHP_IN_USE);
	options.hold = device->hold;
	if (device->is_closed)
		SAYS(dhp_device_register(world.engine, &options, &device->device), DHP_IN_USE);
	if (device->is_closed)
		options.hold = NULL;
	SAYS(dhp_device_register(world.engine, &options, &device->device), DHP_OK);
	device->has_hold = options.hold != NULL;
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

static bool can_take_part(enum dhp_device_state state)
{
	return state == DHP_DEVICE_STARTED || state == DHP_DEVICE_NOT_STARTED; /* else the program is in the middle of something */
}

/* In a rebalance by call every device takes part (S-407). */
static bool is_stopped(const struct device *device, bool is_abandoned)
{
	return device->deed != REFUSES && !is_abandoned && device->nothing_to_move == (device->deed == WANTS_OTHER);
}

static enum dhp_device_state expected_after(const struct device *device, enum dhp_device_state state, bool is_abandoned)
{
	if (!is_stopped(device, is_abandoned))
		return state;
	return device->deed == START_FAILS ? DHP_DEVICE_REMOVED : DHP_DEVICE_STARTED;
}

static void check_rebalanced(const struct device *device, enum dhp_device_state before, bool is_abandoned)
{
	MUST(state_of(device) == expected_after(device, before, is_abandoned));
	MUST(device->started_again == (is_stopped(device, is_abandoned) && device->deed != START_FAILS));
}

static void rebalance(void)
{
	enum dhp_device_state before[DEVICES];
	struct dhp_rebalance_stats stats;
	uint64_t moved = 0, refused = 0;

	settle();
	stats = stats_now();
	for (uint32_t i = 0; i < DEVICES; i++) {
		before[i] = devices[i].device != NULL ? state_of(&devices[i]) : DHP_DEVICE_REMOVED;
		refused += can_take_part(before[i]) && devices[i].deed == REFUSES;
		devices[i].started_again = false;
	}
	SAYS(dhp_rebalance_request(world.engine), DHP_OK);
	settle();
	for (uint32_t i = 0; i < DEVICES; i++) {
		if (!can_take_part(before[i]))
			continue;
		check_rebalanced(&devices[i], before[i], rebalances.abandons && refused > 0);
		moved += devices[i].started_again;
	}
	MUST(stats_now().moved_count == stats.moved_count + moved && stats_now().refused_count == stats.refused_count + refused);
}

/* ---- how rebalances go ---- */

static void hook(void *context, const struct dhp_rebalance_event *event)
{
	MUST(context == &rebalances);
	rebalances.began += event->kind == DHP_REBALANCE_BEGAN;
	rebalances.ended += event->kind == DHP_REBALANCE_ENDED;
	MUST(rebalances.began - rebalances.ended <= 1);
}

static void configure(void)
{
	uint32_t how = take();
	struct dhp_rebalance_options options = { .size = sizeof(options), .abandon_on_refusal = (how & 1) != 0,
		.hook = (how & 2) != 0 ? hook : NULL, .context = &rebalances, .stop_limit_ns = UINT64_C(1) << (how >> 3) };
	bool defaults = (how & 4) != 0;

	settle();
	SAYS(dhp_rebalance_configure(world.engine, defaults ? NULL : &options), DHP_OK);
	rebalances.abandons = !defaults && options.abandon_on_refusal;
	rebalances.is_heard = !defaults && options.hook != NULL;
	rebalances.runs_before = stats_now().run_count;
	rebalances.began = rebalances.ended = 0;
	options.size--;
	SAYS(dhp_rebalance_configure(world.engine, &options), DHP_BAD_OPTIONS);
	SAYS(dhp_rebalance_configure(NULL, NULL), DHP_BAD_ENGINE);
	SAYS(dhp_rebalance_stats_read(world.engine, NULL), DHP_BAD_RESULT);
}

/* It decides about rebalances by arrival, and those have nothing here that depends on it. */
static void set_class(void)
{
	uint32_t setup_class = take_below(DHP_SETUP_CLASSES + 2), opt_out = take_below(5);

	SAYS(dhp_setup_class_set(world.engine, setup_class, (enum dhp_opt_out)opt_out),
	     setup_class >= DHP_SETUP_CLASSES ? DHP_BAD_CLASS : opt_out > DHP_OPT_OUT_TRUE ? DHP_BAD_POLICY : DHP_OK);
}

/* ---- feeds ---- */

static void feed_create(void)
{
	struct device *device = &devices[take_below(DEVICES)];
	uint32_t how = take();
	const struct dhp_feed_options options = { .size = sizeof(options), .policy = (enum dhp_feed_policy)(how % 7),
		.node = how >> 3 & 1, .one_group = (how >> 4 & 1) != 0, .group = (uint16_t)(how >> 5 & 1), .mask = how >> 4 };
	uint64_t least[MODEL_PROCESSORS];
	enum dhp_status expected = DHP_OK;

	if (device->feed != NULL)
		return;
	settle();
	if (options.policy > DHP_FEED_SPREAD)
		expected = DHP_BAD_OPTIONS;
	else if (feed_set(&options, least) == 0)
		expected = DHP_NO_PROCESSOR;
	SAYS(dhp_feed_create(world.engine, device->device, &options, &device->feed), expected);
	MUST((device->feed != NULL) == (expected == DHP_OK));
	device->feed_options = options;
	device->feed_disabled = false;
	memcpy(device->feed_least, least, sizeof(least));
}

/* The rebalances are over. S-467: who is not started again keeps what it had, and that is some of what there is now. */
static bool is_attached(const struct device *device)
{
	if (device->device == NULL)
		return true;
	return state_of(device) != DHP_DEVICE_STOPPED && state_of(device) != DHP_DEVICE_REMOVED;
}

static void check_feed(const struct device *device)
{
	bool one = device->feed_options.policy == DHP_FEED_ONE_CLOSE, attached = is_attached(device);
	uint64_t most[MODEL_PROCESSORS];
	uint32_t count = 0, could = feed_set(&device->feed_options, most);

	for (uint32_t group = 0; group < MODEL_PROCESSORS; group++) {
		uint64_t mask = dhp_feed_mask(device->feed, group);

		MUST((mask & ~most[group]) == 0);
		MUST(one || !attached || (device->feed_least[group] & ~mask) == 0);
		count += (uint32_t)__builtin_popcountll(mask);
	}
	MUST(attached ? count >= 1 && count <= (one ? 1 : could) : count == 0);
}

static void feed_pick(void)
{
	struct device *device = &devices[take_below(DEVICES)];
	uint32_t index = DHP_NO_INDEX;
	struct dhp_processor row;
	bool can;

	settle();
	if (device->feed == NULL) {
		SAYS(dhp_feed_pick(NULL, &index), DHP_BAD_OBJECT);
		MUST(dhp_feed_mask(NULL, 0) == 0);
		return;
	}
	check_feed(device);
	can = is_attached(device) && !device->feed_disabled;
	SAYS(dhp_feed_pick(device->feed, NULL), DHP_BAD_RESULT);
	SAYS(dhp_feed_pick(device->feed, &index), can ? DHP_OK : DHP_DETACHED);
	if (!can)
		return;
	SAYS(dhp_processor_at(world.engine, index, &row), DHP_OK);
	MUST((dhp_feed_mask(device->feed, row.number.group) >> row.number.number & 1) != 0);
}

static void feed_enable(void)
{
	struct device *device = &devices[take_below(DEVICES)];
	bool enabled = take_below(2) != 0;

	SAYS(dhp_feed_enable(device->feed, enabled), device->feed != NULL ? DHP_OK : DHP_BAD_OBJECT);
	device->feed_disabled = !enabled;
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

	settle();
	SAYS(dhp_device_unregister(device->device), device->device != NULL && device->feed != NULL ? DHP_IN_USE : DHP_OK);
	if (device->feed != NULL)
		return;
	device->device = NULL;
	device->has_hold = false;
	settle();
}

static void destroy(void)
{
	destroy_at(take_below(DEVICES));
}

/* ---- the part ---- */

static void begin(void)
{
	memset(devices, 0, sizeof(devices));
	memset(&rebalances, 0, sizeof(rebalances));
}

static void check(void)
{
}

static bool holds_engine(void)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		if (devices[i].device != NULL || devices[i].feed != NULL || devices[i].hold != NULL)
			return true;
	return false;
}

static void end(void)
{
	for (uint32_t i = 0; i < DEVICES; i++) {
		SAYS(dhp_feed_destroy(devices[i].feed), DHP_OK);
		devices[i].feed = NULL;
		destroy_at(i);
		queue_destroy_at(&devices[i]);
		MUST(devices[i].hold == NULL);
	}
}

static const struct operation operations[] = {
	{ "device create", create, false }, { "device create", create, false }, { "device send", send, false },
	{ "device send", send, false }, { "device policy", set_policy, false }, { "rebalance", rebalance, false },
	{ "feed create", feed_create, false }, { "feed pick", feed_pick, false }, { "feed destroy", feed_destroy, false },
	{ "device destroy", destroy, false }, { "queue create", queue_create, false }, { "queue destroy", queue_destroy, false },
	{ "io submit", submit, false }, { "io submit", submit, false }, { "configure", configure, false },
	{ "set class", set_class, false }, { "feed enable", feed_enable, false },
};

const struct part devices_part = { operations, COUNT(operations), begin, check, holds_engine, end };
