/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - one lane without sequences: each item runs once, with what its pusher wrote, one call at a time; nobody who pushes when
 * the lane is left is forgotten.
 *
 * The DPC is a flag: queued once, taken by one of the workers. A lane is left at its first look in vain. A flush is that of
 * flush.c: it turns the phase, and waits for what was inserted in the old one.
 *
 * Edges: lane-push lane-room lane-watch lane-end
 */
#include "model.h"

#include "work/lanes.c"

#define ITEMS 3

struct item {
	uint32_t payload; /* its pusher's */
	uint32_t place;   /* the routine's */
};

static struct world {
	struct lanes lanes;
	struct lane *lane;
	struct item *items[ITEMS];
	struct port_event event;
	struct at_u32 queued, ran, pushed, gone;
	struct at_u32 phase, counted[2], done[2]; /* of the DPC; `queued` is one more than its phase */
	uint32_t count;    /* the routine's: how many it has run */
	uint32_t expected;
	bool refused;      /* there was no room, once or more */
} *world;

/* ---- the DPC ---- */

enum dhp_status dhp_dpc_init(struct dhp_dpc *dpc, struct dhp_engine *engine, dhp_dpc_routine *routine, void *context)
{
	(void)dpc;
	(void)engine;
	(void)routine;
	(void)context;
	return DHP_OK;
}

enum dhp_status dhp_dpc_set_importance(struct dhp_dpc *dpc, enum dhp_importance importance)
{
	(void)dpc;
	(void)importance;
	return DHP_OK;
}

enum dhp_status dhp_dpc_insert(struct dhp_dpc *dpc, void *argument_1, void *argument_2)
{
	uint32_t phase;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	phase = at_load_acquire_u32(&world->phase);
	(void)at_fetch_add_relaxed_u32(&world->counted[phase], 1);
	MODEL_ASSERT(at_exchange_acq_rel_u32(&world->queued, phase + 1) == 0); /* I2 */
	(void)port_event_signal(&world->event);
	return DHP_OK;
}

static bool take_and_run(void)
{
	uint32_t phase = at_exchange_acq_rel_u32(&world->queued, 0);

	if (phase == 0)
		return false;
	run_lane(&world->lane->dpc, world->lane, NULL, NULL);
	(void)at_fetch_add_release_u32(&world->done[phase - 1], 1);
	return true;
}

static void run_empty(uint32_t phase)
{
	while (at_load_acquire_u32(&world->done[phase]) != at_load_relaxed_u32(&world->counted[phase]))
		port_relax();
}

enum dhp_status dhp_dpc_flush(struct dhp_engine *engine)
{
	uint32_t phase = at_load_relaxed_u32(&world->phase);

	(void)engine;
	run_empty(phase ^ 1);
	at_store_release_u32(&world->phase, phase ^ 1);
	run_empty(phase);
	return DHP_OK;
}

static bool all_ran(void)
{
	return at_load_acquire_u32(&world->ran) == world->expected;
}

/* A lost item leaves everybody asleep. */
static void work(void)
{
	while (!all_ran()) {
		uint32_t ticket = port_event_ticket(&world->event);

		if (!take_and_run() && !all_ran())
			port_event_wait(&world->event, ticket, 0);
	}
	(void)port_event_signal(&world->event);
}

static bool is_gone(void)
{
	return at_load_relaxed_u32(&world->gone) != 0;
}

static void work_until_gone(void)
{
	while (!is_gone()) {
		uint32_t ticket = port_event_ticket(&world->event);

		if (!take_and_run() && !is_gone())
			port_event_wait(&world->event, ticket, 0);
	}
}

/* ---- items ---- */

static void routine(void *context, void *const *items, uint32_t count)
{
	(void)context;
	for (uint32_t i = 0; i < count; i++) {
		struct item *item = items[i];

		MODEL_ASSERT(item->payload == 1);
		item->payload = 2; /* not again */
		item->place = ++world->count;
		(void)at_fetch_add_release_u32(&world->ran, 1);
	}
}

static void begin(uint32_t items, uint32_t capacity)
{
	world = model_alloc(sizeof(*world));
	world->expected = items;
	world->lanes.patience = 1;
	world->lanes.options = (struct dhp_lanes_options){ .routine = routine, .capacity = capacity };
	world->lane = model_alloc(sizeof(*world->lane));
	world->lane->cells = model_alloc(capacity * sizeof(struct at_ptr));
	for (uint32_t i = 0; i < ITEMS; i++)
		world->items[i] = model_alloc(sizeof(struct item));
	init_lane(world->lane, &world->lanes);
}

static void push(uint32_t which)
{
	world->items[which]->payload = 1;
	while (push_shared(world->lane, world->items[which]) == DHP_FULL)
		port_relax();
}

static void begin_with_one(void)
{
	begin(1, 2);
}

static void begin_with_two(void)
{
	begin(2, 2);
}

static void begin_with_three(void)
{
	begin(3, 2);
}

static void push_0(void)
{
	push(0);
}

static void push_1(void)
{
	push(1);
}

static void push_in_order(void)
{
	push(0);
	push(1);
}

static void push_three(void)
{
	push(0);
	push(1);
	push(2);
}

static void push_1_and_2(void)
{
	push(1);
	push(2);
}

static void in_order(void)
{
	for (uint32_t i = 0; i < world->expected; i++)
		MODEL_ASSERT(world->items[i]->place == i + 1);
}

static void all(void)
{
	MODEL_ASSERT(world->count == world->expected);
}

/* What the routine did is there after a flush. */
static void push_and_flush(void)
{
	push(0);
	wait_for_lane(world->lane, NULL, NULL);
	MODEL_ASSERT(world->items[0]->payload == 2);
	world->items[0]->payload = 3;
}

/* The second one's pusher is stopped before it looks whether to ring; by then one of the workers may have left the lane. */
static void flush_for_one_who_is_stopped(void)
{
	push(0);
	world->items[1]->payload = 1;
	at_store_release_ptr(cell_at(world->lane, 1), world->items[1]);
	move_tail(world->lane, 1);
	wait_for_lane(world->lane, NULL, NULL);
	MODEL_ASSERT(world->items[1]->payload == 2);
}

/* Whoever runs afterwards uses freed memory. */
static void push_and_destroy(void)
{
	push(0);
	wait_for_lane(world->lane, NULL, NULL);
	end_runs(&world->lanes);
	model_free(world->lane->cells, 2 * sizeof(struct at_ptr));
	model_free(world->lane, sizeof(*world->lane));
	at_store_relaxed_u32(&world->gone, 1);
	(void)port_event_signal(&world->event);
}

const struct model_world model_worlds[] = {
	{ "one_item", begin_with_one, { push_0, work }, all, 2 },
	{ "in_order", begin_with_two, { push_in_order, work }, in_order, 1 },
	{ "more_than_fit", begin_with_three, { push_three, work }, in_order, 1 },
	{ "two_pushers", begin_with_two, { push_0, push_1, work }, all, 1 },
	{ "two_workers", begin_with_two, { push_0, push_1, work, work }, all, 1 },
	{ "three_from_two", begin_with_three, { push_0, push_1_and_2, work }, all, 1 },
	{ "flush", begin_with_two, { push_and_flush, push_1, work }, all, 1 },
	{ "flush_rings", begin_with_two, { flush_for_one_who_is_stopped, work, work }, in_order, 1 },
	{ "ended", begin_with_one, { push_and_destroy, work_until_gone, work_until_gone }, all, 1 },
	{ .name = NULL },
};
