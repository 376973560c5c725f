/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed.c - who picks from a feed that is attached anew finds members that are complete.
 *
 * Edges: feed-attach
 */
#include "model.h"

#include "rebalance/feed.c"

static struct world {
	struct dhpi_set set;
	struct dhpi_rebalance rebalance;
	struct dhp_feed *feed;
	struct dhp_processor rows[2];
} *world;

const struct dhp_processor *dhpi_set_row(const struct dhpi_set *set, uint32_t index)
{
	return index < dhpi_set_active(set) ? &world->rows[index] : NULL;
}

uint64_t dhpi_set_usable_mask(const struct dhpi_set *set, uint32_t group)
{
	(void)set, (void)group;
	return ~0ull;
}

static void before(void)
{
	world = model_alloc(sizeof(*world));
	world->set.maximum = 2;
	at_init_u32(&world->set.active, 2);
	world->rebalance.set = &world->set;
	world->feed = feed_alloc(&world->rebalance, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		world->rows[i] = (struct dhp_processor){ .index = i, .number = { .number = (uint8_t)i }, .node = i };
		at_init_u32(&world->feed->members[i], 77); /* not a processor */
	}
}

static void attach_and_again(void)
{
	world->feed->options.policy = DHP_FEED_ALL_CLOSE;
	world->feed->options.node = 1;
	dhpi_feed_attach(world->feed);
	dhpi_feed_detach(world->feed);
}

static void pick(void)
{
	uint32_t index;

	if (dhp_feed_pick(world->feed, &index) == DHP_OK)
		MODEL_ASSERT(index == 1);
}

static void mask(void)
{
	uint64_t found = dhp_feed_mask(world->feed, 0);

	MODEL_ASSERT(found == 0 || found == 2);
}

const struct model_world model_worlds[] = {
	{ "pick", before, { attach_and_again, pick }, NULL, 1 },
	{ "mask", before, { attach_and_again, mask }, NULL, 1 },
	{ .name = NULL },
};
