/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rebalance.c - a device whose requests are finished on processors that its feed names, each in turn.
 */
#include "habits.h"

struct transfer {
	struct dhp_request request; /* first: the queue hands out this pointer */
	struct dhp_dpc dpc;
};

static struct dhp_hold *hold;
static struct dhp_device *device;
static struct dhp_feed *feed;

/* ---- broken ---- */

static enum dhp_status refuse(void *context, const struct dhp_device_call *call)
{
	(void)context, (void)call;
	return DHP_NOT_SUPPORTED; /* "I cannot be stopped" */
}

static const struct dhp_driver driver_broken = { .query_stop = refuse };

/* ---- right ---- */

static uint32_t processors; /* that may get our work */

static enum dhp_status start(void *context, const struct dhp_device_call *call)
{
	(void)context;
	processors = call->active_count; /* may be another number than last time */
	return DHP_OK;
}

static const struct dhp_driver driver_right = { .start = start }; /* and agrees to be stopped: requests wait in `hold` */

/* A request may go to the hardware: now, or after the restart. */
static void begin(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct transfer *transfer = (struct transfer *)(void *)request;
	uint32_t index = 0;

	(void)context;
	if (dhp_failed(status))
		return; /* cancelled, or the device is gone: it is over */
	if (dhp_feed_pick(feed, &index) != DHP_OK || dhp_dpc_set_target(&transfer->dpc, index) != DHP_OK ||
	    dhp_dpc_insert(&transfer->dpc, NULL, NULL) != DHP_OK)
		(void)dhp_request_complete(request);
}

/* ---- around both ---- */

static struct transfer transfers[2 * MOST];

static void finish(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct transfer *transfer = context;

	(void)dpc, (void)a, (void)b;
	served_at(dhp_index_here(engine));
	(void)dhp_request_complete(&transfer->request);
}

static bool load(const struct dhp_driver *driver)
{
	struct dhp_device_options options = { .size = sizeof(options), .drivers = driver, .driver_count = 1 };

	processors = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);
	if (dhp_hold_create(engine, begin, NULL, &hold) != DHP_OK)
		return false;
	options.hold = hold;
	if (dhp_device_register(engine, &options, &device) != DHP_OK ||
	    dhp_feed_create(engine, device, NULL, &feed) != DHP_OK)
		return false;
	for (uint32_t i = 0; i < 2 * MOST; i++)
		if (dhp_request_init(&transfers[i].request, hold, 0) != DHP_OK ||
		    dhp_dpc_init(&transfers[i].dpc, engine, finish, &transfers[i]) != DHP_OK)
			return false;
	return true;
}

static bool load_broken(void)
{
	return load(&driver_broken);
}

static bool load_right(void)
{
	return load(&driver_right);
}

static void work(void)
{
	uint32_t count = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);

	for (uint32_t i = 0; i < 2 * count; i++)
		(void)dhp_request_submit(&transfers[i].request);
}

static uint32_t served_right(void)
{
	return processors == served_count() ? processors : 0;
}

static void unload(void)
{
	(void)dhp_feed_destroy(feed);
	(void)dhp_device_unregister(device);
	(void)dhp_hold_destroy(hold);
	feed = NULL;
	device = NULL;
	hold = NULL;
}

const struct habit rebalance = {
	"rebalance", "the others get no work",
	{ load_broken, work, served_count, unload },
	{ load_right, work, served_right, unload },
};
