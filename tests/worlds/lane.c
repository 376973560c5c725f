/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lane.c - one lane without sequences: each item that was taken runs once, and nobody who pushes while the lane is left is
 * forgotten (edges lane-push, lane-room, lane-watch).
 *
 * The DPC is a flag, queued once, and who runs it sleeps until it is; a lane is left at its first look in vain. A forgotten item
 * ends in a state in which nobody can go on.
 */
#include <dhp/work.h>

#include "world.h"

static enum dhp_status queue_it(struct dhp_dpc *dpc, void *argument_1, void *argument_2);

#define dhp_dpc_insert queue_it
#include "lanes.c"

#define ITEMS 3u

struct bed {
	struct lanes lanes;
	struct lane lane;
	struct port_event event;
	struct at_u32 queued, ran;
	struct at_u32 runs[ITEMS]; /* of each item, which is the address of its own count */
	struct at_u32 places[ITEMS];
	uint32_t expected;
};

static struct bed *bed;

static enum dhp_status queue_it(struct dhp_dpc *dpc, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	FIBRE_DEMAND(at_exchange_acq_rel_u32(&bed->queued, 1) == 0); /* I2 */
	(void)port_event_signal(&bed->event);
	return DHP_OK;
}

static uint32_t ran(void)
{
	return at_load_relaxed_u32(&bed->ran); /* relaxed: worlds are seq_cst */
}

static void work(void *nothing)
{
	(void)nothing;
	while (ran() != bed->expected) {
		uint32_t ticket = port_event_ticket(&bed->event);

		if (at_exchange_acq_rel_u32(&bed->queued, 0) != 0)
			run_lane(&bed->lane.dpc, &bed->lane, NULL, NULL);
		else
			port_event_wait(&bed->event, ticket, 0);
	}
}

static void routine(void *context, void *const *items, uint32_t count)
{
	(void)context;
	for (uint32_t i = 0; i < count; i++) {
		struct at_u32 *runs = items[i];

		FIBRE_DEMAND(at_fetch_add_relaxed_u32(runs, 1) == 0); /* relaxed: worlds are seq_cst */
		at_store_relaxed_u32(&bed->places[runs - bed->runs], ran()); /* relaxed: likewise */
		(void)at_fetch_add_relaxed_u32(&bed->ran, 1); /* relaxed: likewise */
	}
}

static void open(uint32_t items, uint32_t capacity)
{
	bed = port_alloc(sizeof(*bed));
	bed->expected = items;
	port_event_init(&bed->event);
	bed->lanes.patience = 1;
	bed->lanes.options = (struct dhp_lanes_options){ .routine = routine, .capacity = capacity };
	bed->lane.cells = port_alloc(cells_bytes(&bed->lanes));
	init_lane(&bed->lane, &bed->lanes);
}

static void close(void)
{
	FIBRE_DEMAND(ran() == bed->expected);
	port_free(bed->lane.cells, cells_bytes(&bed->lanes));
	port_free(bed, sizeof(*bed));
}

static void push(void *which)
{
	while (push_shared(&bed->lane, &bed->runs[(uintptr_t)which]) == DHP_FULL)
		port_relax();
}

static void push_two(void *first)
{
	push(first);
	push((void *)((uintptr_t)first + 1));
}

static void *item(uintptr_t number)
{
	return (void *)number;
}

static void one_pusher(void)
{
	open(2, 2);
	TOGETHER({ "worker", work, NULL }, { "pusher", push_two, item(0) });
	/* relaxed: likewise */
	FIBRE_DEMAND(at_load_relaxed_u32(&bed->places[0]) == 0 && at_load_relaxed_u32(&bed->places[1]) == 1);
	close();
}

static void two_pushers(void)
{
	open(2, 2);
	TOGETHER({ "worker", work, NULL }, { "pusher", push, item(0) }, { "pusher", push, item(1) });
	close();
}

static void too_many(void)
{
	open(3, 2);
	TOGETHER({ "worker", work, NULL }, { "pusher", push_two, item(0) }, { "pusher", push, item(2) });
	close();
}

const struct world worlds[] = {
	{ .name = "who_pushes_while_the_lane_is_left_is_heard", .run = one_pusher },
	{ .name = "two_push_while_the_lane_is_left", .run = two_pushers },
	{ .name = "a_lane_that_is_full_forgets_nobody", .run = too_many, .runs = 2000, .long_runs = 200000 },
	{ .name = NULL },
};
