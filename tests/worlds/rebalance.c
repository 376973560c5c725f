/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rebalance.c - who asks for a rebalance and waits finds that one has begun since and ended, whoever else asks, and also when a
 * device comes or goes meanwhile; each device hears the requests of the table, in its order (thread.c, round.c, device.c).
 *
 * With both threads, whole. The context of a device is freed as soon as it is gone: a driver that is called afterwards uses
 * freed memory.
 */
#include "rebalance.h"

#include "shop.h"

#define DEVICES 2u

struct driver {
	struct at_u32 state;   /* 0 started, 1 asked, 2 stopped */
	struct at_u32 queries; /* rebalances that it has seen begin */
	struct at_u32 starts;
	struct dhp_device *device;
};

static struct {
	struct shop *shop;
	struct dhpi_rebalance *rebalance;
	struct driver *drivers[DEVICES];
} plant;

static uint32_t value(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: worlds are sequentially consistent */
}

static void count(struct at_u32 *word)
{
	(void)at_fetch_add_relaxed_u32(word, 1); /* relaxed: likewise */
}

static void step(struct driver *driver, uint32_t from, uint32_t to)
{
	FIBRE_DEMAND(value(&driver->state) == from);
	at_store_relaxed_u32(&driver->state, to); /* relaxed: likewise */
}

static enum dhp_status on_query(void *context, const struct dhp_device_call *call)
{
	struct driver *driver = context;

	(void)call;
	step(driver, 0, 1);
	count(&driver->queries);
	return DHP_OK;
}

static enum dhp_status on_stop(void *context, const struct dhp_device_call *call)
{
	(void)call;
	step(context, 1, 2);
	return DHP_OK;
}

static enum dhp_status on_start(void *context, const struct dhp_device_call *call)
{
	struct driver *driver = context;

	(void)call;
	step(driver, 2, 0);
	count(&driver->starts);
	return DHP_OK;
}

static enum dhp_status on_cancel(void *context, const struct dhp_device_call *call)
{
	(void)call;
	step(context, 1, 0);
	return DHP_OK;
}

static void come(void *argument)
{
	struct driver *driver = argument;
	const struct dhp_driver routines = { .query_stop = on_query, .stop = on_stop, .start = on_start,
					      .cancel_stop = on_cancel, .context = driver };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &routines, .driver_count = 1 };

	FIBRE_DEMAND(dhp_device_register(&plant.shop->engine, &options, &driver->device) == DHP_OK);
}

static void go(void *argument)
{
	struct driver **driver = argument;

	FIBRE_DEMAND(dhp_device_unregister((*driver)->device) == DHP_OK);
	FIBRE_DEMAND(value(&(*driver)->state) == 0);
	port_free(*driver, sizeof(**driver));
	*driver = NULL;
}

static void open(uint32_t devices)
{
	plant.shop = port_alloc(sizeof(*plant.shop));
	shop_open_base(plant.shop);
	shop_add_row(plant.shop, 0);
	shop_publish(plant.shop, 0);
	plant.rebalance = port_alloc(sizeof(*plant.rebalance));
	dhpi_rebalance_init(plant.rebalance, &plant.shop->set, &plant.shop->serial);
	plant.shop->engine.rebalance = plant.rebalance;
	fibre_ignore(&plant.rebalance->runs, 11 * sizeof(struct at_u64));
	for (uint32_t i = 0; i < DEVICES; i++)
		plant.drivers[i] = port_alloc(sizeof(*plant.drivers[i]));
	for (uint32_t i = 0; i < devices; i++)
		come(plant.drivers[i]);
}

static void close(void)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		if (plant.drivers[i] != NULL)
			go(&plant.drivers[i]);
	dhpi_rebalance_fini(plant.rebalance);
	port_free(plant.rebalance, sizeof(*plant.rebalance));
	shop_close_base(plant.shop);
}

/* S-410: one that begins after this and has ended at the return of the drain. */
static void ask_and_drain(void *argument)
{
	const struct driver *driver = argument;
	uint32_t before = value(&driver->queries), started;

	FIBRE_DEMAND(dhp_rebalance_request(&plant.shop->engine) == DHP_OK);
	FIBRE_DEMAND(dhp_rebalance_drain(&plant.shop->engine) == DHP_OK);
	started = value(&driver->starts);
	FIBRE_DEMAND(value(&driver->queries) > before && started > before);
}

/* As an arrival does, which does not wait. */
static void ask(void *nothing)
{
	(void)nothing;
	dhpi_rebalance_post(plant.rebalance, true);
}

/* With no device there may be nothing to do. */
static void ask_and_drain_anyhow(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_rebalance_request(&plant.shop->engine) == DHP_OK);
	FIBRE_DEMAND(dhp_rebalance_drain(&plant.shop->engine) == DHP_OK);
}

static void send_query_and_cancel(void *argument)
{
	struct driver *driver = argument;
	enum dhp_status status = dhp_device_send(driver->device, DHP_REQUEST_QUERY_STOP);

	FIBRE_DEMAND(status == DHP_OK);
	FIBRE_DEMAND(value(&driver->state) == 1);
	FIBRE_DEMAND(dhp_device_send(driver->device, DHP_REQUEST_CANCEL_STOP) == DHP_OK);
	FIBRE_DEMAND(value(&driver->state) == 0);
}

static void one_asks(void)
{
	open(1);
	TOGETHER({ "asker", ask_and_drain, plant.drivers[0] }, { "arrival", ask, NULL });
	close();
}

static void two_ask(void)
{
	open(1);
	TOGETHER({ "asker", ask_and_drain, plant.drivers[0] }, { "asker", ask_and_drain, plant.drivers[0] });
	close();
}

static void device_comes(void)
{
	open(1);
	TOGETHER({ "asker", ask_and_drain, plant.drivers[0] }, { "client", come, plant.drivers[1] });
	close();
}

static void first_device_comes(void)
{
	open(0);
	TOGETHER({ "asker", ask_and_drain_anyhow, NULL }, { "client", come, plant.drivers[0] });
	close();
}

static void device_goes(void)
{
	open(2);
	TOGETHER({ "asker", ask_and_drain, plant.drivers[0] }, { "client", go, &plant.drivers[1] });
	close();
}

static void two_senders(void)
{
	open(2);
	TOGETHER({ "sender", send_query_and_cancel, plant.drivers[0] }, { "sender", send_query_and_cancel, plant.drivers[1] });
	close();
}

const struct world worlds[] = {
	{ .name = "a_drain_meets_an_arrival", .run = one_asks, .runs = 500, .long_runs = 5000 },
	{ .name = "a_drain_interrupted_once_meets_an_arrival", .run = one_asks,
	  .strategy = BOUNDED, .bound = 1, .runs = 1000, .long_runs = 300000 },
	{ .name = "a_drain_meets_an_arrival_by_priorities", .run = one_asks,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 10000 },
	{ .name = "two_drains_are_each_covered", .run = two_ask, .runs = 500, .long_runs = 5000 },
	{ .name = "two_drains_are_covered_by_priorities", .run = two_ask,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 10000 },
	{ .name = "a_drain_meets_a_new_device", .run = device_comes,
	  .strategy = BOUNDED, .bound = 1, .runs = 1000, .long_runs = 100000 },
	{ .name = "a_drain_meets_the_first_device", .run = first_device_comes, .runs = 1000, .long_runs = 50000 },
	{ .name = "a_device_that_is_gone_is_not_asked", .run = device_goes,
	  .strategy = BOUNDED, .bound = 1, .runs = 1000, .long_runs = 100000 },
	{ .name = "two_senders_take_turns", .run = two_senders, .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 10000 },
	{ .name = NULL },
};
