/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - requests pass or are held; who waits for quiet finds what they did, and may free the queue.
 *
 * Edges: hold-pass hold-quiet spin
 */
#include "model.h"

#include "rebalance/hold.c"

static struct world {
	struct dhp_hold *hold;
	struct dhp_request requests[2];
	uint32_t device;  /* a request in flight reads it; who found quiet writes it */
	uint32_t served[2];
	struct at_u32 released;
	uint32_t order;   /* 1: the first request was served */
	bool held_first;  /* it was held from the beginning */
	bool long_request; /* another thread completes it */
} *world;

static void serve(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)context;
	if (status == DHP_OK) {
		MODEL_ASSERT(world->device == 0);
		world->served[request - world->requests]++;
		if (world->held_first && request == &world->requests[0])
			world->order = 1;
		else if (world->held_first)
			MODEL_ASSERT(world->order == 1);
		if (!world->long_request)
			MODEL_ASSERT(dhp_request_complete(request) == DHP_OK);
	}
}

static void before(void)
{
	world = model_alloc(sizeof(*world));
	world->hold = dhpi_hold_alloc(serve, NULL);
	for (uint32_t i = 0; i < 2; i++)
		MODEL_ASSERT(dhp_request_init(&world->requests[i], world->hold, 0) == DHP_OK);
}

static void before_with_a_stop(void)
{
	before();
	MODEL_ASSERT(dhp_request_init(&world->requests[1], world->hold, DHP_REQUEST_BLOCKS_STOP) == DHP_OK);
}

static void submit_0(void)
{
	enum dhp_status status = dhp_request_submit(&world->requests[0]);

	MODEL_ASSERT(status == DHP_OK || status == DHP_HELD);
}

static void submit_1(void)
{
	enum dhp_status status = dhp_request_submit(&world->requests[1]);

	MODEL_ASSERT(status == DHP_OK || status == DHP_HELD);
}

static void use_device(void)
{
	world->device = 1;
	world->device = 0;
}

static void hold_use_pass(void)
{
	dhpi_hold_begin(world->hold);
	MODEL_ASSERT(dhpi_hold_wait(world->hold, 0) == DHP_OK);
	use_device();
	dhpi_hold_end(world->hold);
}

static void stop_use_go_on(void)
{
	dhpi_hold_pend(world->hold);
	dhpi_hold_begin(world->hold);
	MODEL_ASSERT(dhpi_hold_wait(world->hold, 0) == DHP_OK);
	use_device();
	dhpi_hold_end(world->hold);
	dhpi_hold_pend_end(world->hold);
}

/* Holds nest; the device is nobody's. */
static void hold_and_pass(void)
{
	dhpi_hold_begin(world->hold);
	MODEL_ASSERT(dhpi_hold_wait(world->hold, 0) == DHP_OK);
	dhpi_hold_end(world->hold);
}

static void both_served_once(void)
{
	MODEL_ASSERT(world->served[0] == 1 && world->served[1] == 1);
}

/* The queue goes when nothing is in flight. Who frees it knows of the submission, not of the completion. */
static void before_long_request(void)
{
	before();
	world->long_request = true;
}

static void submit_and_say(void)
{
	submit_0();
	at_store_release_u32(&world->released, 1);
}

static void complete_it(void)
{
	while (at_load_acquire_u32(&world->released) == 0)
		port_relax();
	MODEL_ASSERT(world->device == 0);
	MODEL_ASSERT(dhp_request_complete(&world->requests[0]) == DHP_OK);
}

static void free_when_idle(void)
{
	while (at_load_acquire_u32(&world->released) == 0)
		port_relax();
	while (!dhpi_hold_free(world->hold))
		port_relax();
	use_device();
}

static void hold_and_say(void)
{
	dhpi_hold_begin(world->hold);
	MODEL_ASSERT(dhpi_hold_wait(world->hold, 0) == DHP_OK);
	use_device();
	dhpi_hold_close(world->hold);
	while (at_load_relaxed_u32(&world->released) == 0)
		port_relax();
	while (!dhpi_hold_free(world->hold))
		port_relax();
}

static void submit_or_gone(void)
{
	(void)dhp_request_submit(&world->requests[0]);
	at_store_relaxed_u32(&world->released, 1);
}

/* A held request is taken back, or is served. */
static void submit_and_cancel(void)
{
	submit_0();
	if (dhp_request_cancel(&world->requests[0]) == DHP_OK)
		world->served[0]++;
}

/* Who passes comes after what the held ones did in their routines. */
static void submit_held_first(void)
{
	before();
	dhpi_hold_begin(world->hold);
	MODEL_ASSERT(dhp_request_submit(&world->requests[0]) == DHP_HELD);
	world->held_first = true;
}

static void end_it(void)
{
	dhpi_hold_end(world->hold);
}

const struct model_world model_worlds[] = {
	{ "held_or_served", before, { submit_0, submit_1, hold_use_pass }, both_served_once, 1 },
	{ "stop", before_with_a_stop, { submit_0, submit_1, stop_use_go_on }, both_served_once, 1 },
	{ "two_hold", before, { submit_0, hold_and_pass, hold_and_pass }, NULL, 1 },
	{ "freed_when_idle", before_long_request, { submit_and_say, complete_it, free_when_idle }, NULL, 1 },
	{ "freed_when_closed", before, { submit_or_gone, hold_and_say }, NULL, 1 },
	{ "cancelled", before, { submit_and_cancel, submit_1, hold_use_pass }, both_served_once, 1 },
	{ "after_the_held", submit_held_first, { end_it, submit_1 }, NULL, 1 },
	{ .name = NULL },
};
