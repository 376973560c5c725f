/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed.c - who picks gets a processor that is a member, while the device is stopped, a processor arrives and the device is started
 * with it (edge feed-attach); or is told that the feed is detached.
 */
#define SHOP_QUEUES 3u
#include "rebalance.h"

#include "shop.h"

/* Processor 0 is none of its own: a member that was not stored yet would be it. */
#define CHOSEN ((uint64_t)6)
#define FIRST ((uint64_t)2) /* of those, before the arrival */

static struct {
	struct shop *shop;
	struct dhpi_rebalance *rebalance;
	struct dhp_feed *feed;
	struct at_u32 *picked; /* how often, by index */
} farm;

static void open(uint32_t processors)
{
	const struct dhp_feed_options options = { .size = sizeof(options), .policy = DHP_FEED_CHOSEN, .mask = CHOSEN };

	farm.shop = port_alloc(sizeof(*farm.shop));
	shop_open_base(farm.shop);
	for (uint32_t index = 0; index < processors; index++) {
		shop_add_row(farm.shop, index);
		shop_publish(farm.shop, index);
	}
	farm.rebalance = port_alloc(sizeof(*farm.rebalance));
	dhpi_rebalance_init(farm.rebalance, &farm.shop->set, &farm.shop->serial);
	farm.shop->engine.rebalance = farm.rebalance;
	farm.picked = port_alloc(SHOP_QUEUES * sizeof(*farm.picked));
	FIBRE_DEMAND(dhp_feed_create(&farm.shop->engine, NULL, &options, &farm.feed) == DHP_OK);
}

static void close(void)
{
	FIBRE_DEMAND(dhp_feed_destroy(farm.feed) == DHP_OK);
	dhpi_rebalance_fini(farm.rebalance);
	port_free(farm.picked, SHOP_QUEUES * sizeof(*farm.picked));
	port_free(farm.rebalance, sizeof(*farm.rebalance));
	shop_close_base(farm.shop);
}

static void pick(void *nothing)
{
	uint32_t index = DHP_NO_INDEX;
	enum dhp_status status = dhp_feed_pick(farm.feed, &index);

	(void)nothing;
	FIBRE_DEMAND(status == DHP_OK || status == DHP_DETACHED);
	if (status != DHP_OK)
		return;
	FIBRE_DEMAND(index < dhpi_set_active(&farm.shop->set) && (CHOSEN >> index & 1) != 0);
	(void)at_fetch_add_relaxed_u32(&farm.picked[index], 1); /* relaxed: looked at when all have ended */
}

static void pick_twice(void *nothing)
{
	pick(nothing);
	pick(nothing);
}

static void look(void *nothing)
{
	uint64_t mask = dhp_feed_mask(farm.feed, 0);

	(void)nothing;
	FIBRE_DEMAND(mask == 0 || mask == FIRST || mask == CHOSEN);
}

/* What a device does with its feeds, in the order of device.c, with an arrival in between. */
static void stop_and_start(void *nothing)
{
	uint32_t index;

	(void)nothing;
	port_mutex_lock(&farm.rebalance->running);
	dhpi_feed_detach(farm.feed);
	FIBRE_DEMAND(dhp_feed_pick(farm.feed, &index) == DHP_DETACHED && dhp_feed_mask(farm.feed, 0) == 0);
	shop_add_row(farm.shop, 2);
	shop_publish(farm.shop, 2);
	dhpi_feed_attach(farm.feed);
	port_mutex_unlock(&farm.rebalance->running);
	FIBRE_DEMAND(dhp_feed_mask(farm.feed, 0) == CHOSEN);
}

/* S-641: the next member that is usable, once everybody can know. */
static void lose_one(void *nothing)
{
	uint32_t index;

	(void)nothing;
	dhpi_set_usable(&farm.shop->set, 1, false);
	FIBRE_DEMAND(dhp_feed_pick(farm.feed, &index) == DHP_OK && index == 2);
}

static void picked_meanwhile(void)
{
	open(2);
	TOGETHER({ "device", stop_and_start, NULL }, { "picker", pick_twice, NULL });
	close();
}

static void looked_at_meanwhile(void)
{
	open(2);
	TOGETHER({ "device", stop_and_start, NULL }, { "reader", look, NULL });
	close();
}

static void both_meanwhile(void)
{
	open(2);
	TOGETHER({ "device", stop_and_start, NULL }, { "picker", pick, NULL }, { "reader", look, NULL });
	close();
}

static void two_pickers(void)
{
	open(3);
	TOGETHER({ "picker", pick, NULL }, { "picker", pick, NULL });
	FIBRE_DEMAND(at_load_relaxed_u32(&farm.picked[1]) == 1); /* relaxed: all have ended */
	FIBRE_DEMAND(at_load_relaxed_u32(&farm.picked[2]) == 1);
	close();
}

static void one_goes_away(void)
{
	open(3);
	TOGETHER({ "partition", lose_one, NULL }, { "picker", pick_twice, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "a_pick_meets_a_stop_an_arrival_and_a_start", .run = picked_meanwhile },
	{ .name = "a_mask_meets_a_stop_an_arrival_and_a_start", .run = looked_at_meanwhile },
	{ .name = "a_pick_and_a_mask_meet_a_stop_and_a_start", .run = both_meanwhile },
	{ .name = "two_picks_go_to_two_processors", .run = two_pickers },
	{ .name = "a_pick_passes_over_who_is_not_usable", .run = one_goes_away },
	{ .name = NULL },
};
