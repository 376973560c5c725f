/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - requests that wait while a device holds: none is lost, none begins while it holds and is quiet, and who finds it
 * quiet may free it (edges hold-pass, hold-quiet).
 */
#include "hold.h"
#include "world.h"

#define REQUESTS 3u

static struct {
	struct dhp_hold *hold;
	struct dhp_request *requests;
	struct at_u32 *begun, *cancelled, *over, *quiet; /* counts; the device is at rest */
	struct at_u32 *order;
	bool completes; /* a routine completes its request by itself */
} device;

static void count(struct at_u32 *word)
{
	(void)at_fetch_add_relaxed_u32(word, 1); /* relaxed: worlds are sequentially consistent */
}

static uint32_t counted(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: likewise */
}

static void complete(struct dhp_request *request)
{
	FIBRE_DEMAND(counted(device.quiet) == 0); /* in flight until now: nobody may have found it quiet */
	count(device.over);
	FIBRE_DEMAND(dhp_request_complete(request) == DHP_OK);
}

static void routine(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)context;
	if (status != DHP_OK) {
		count(device.cancelled);
		return;
	}
	FIBRE_DEMAND(counted(device.quiet) == 0);
	at_store_relaxed_u32(&device.order[request - device.requests], counted(device.begun)); /* relaxed: likewise */
	count(device.begun);
	if (device.completes)
		complete(request);
}

static void open(void)
{
	device.hold = dhpi_hold_alloc(routine, NULL);
	device.requests = port_alloc(REQUESTS * sizeof(*device.requests));
	device.begun = port_alloc(sizeof(struct at_u32));
	device.cancelled = port_alloc(sizeof(struct at_u32));
	device.over = port_alloc(sizeof(struct at_u32));
	device.quiet = port_alloc(sizeof(struct at_u32));
	device.order = port_alloc(REQUESTS * sizeof(struct at_u32));
	device.completes = true;
	fibre_ignore(device.over, sizeof(struct at_u32)); /* looked at when all have ended */
	fibre_ignore(device.cancelled, sizeof(struct at_u32));
	for (uint32_t i = 0; i < REQUESTS; i++)
		(void)dhp_request_init(&device.requests[i], device.hold, 0);
}

static void close(uint32_t requests)
{
	FIBRE_DEMAND(counted(device.over) + counted(device.cancelled) == requests);
	if (device.hold != NULL)
		FIBRE_DEMAND(dhpi_hold_free(device.hold));
	port_free(device.requests, REQUESTS * sizeof(*device.requests));
	port_free(device.begun, sizeof(struct at_u32));
	port_free(device.cancelled, sizeof(struct at_u32));
	port_free(device.over, sizeof(struct at_u32));
	port_free(device.quiet, sizeof(struct at_u32));
	port_free(device.order, REQUESTS * sizeof(struct at_u32));
}

static void submit(void *request)
{
	enum dhp_status status = dhp_request_submit(request);

	FIBRE_DEMAND(status == DHP_OK || status == DHP_HELD);
}

static void submit_two(void *requests)
{
	submit(requests);
	submit((struct dhp_request *)requests + 1);
}

/* The device stands still between the wait and the end. */
static void hold_for_a_while(void *nothing)
{
	(void)nothing;
	dhpi_hold_begin(device.hold);
	FIBRE_DEMAND(dhpi_hold_wait(device.hold, 0) == DHP_OK);
	at_store_relaxed_u32(device.quiet, 1); /* relaxed: worlds are sequentially consistent */
	at_store_relaxed_u32(device.quiet, 0); /* relaxed: likewise */
	dhpi_hold_end(device.hold);
}

static void end_hold(void *nothing)
{
	(void)nothing;
	dhpi_hold_end(device.hold);
}

static void one_request(void)
{
	open();
	TOGETHER({ "device", hold_for_a_while, NULL }, { "submitter", submit, &device.requests[0] });
	close(1);
}

static void two_submitters(void (*device_does)(void *nothing))
{
	TOGETHER({ "device", device_does, NULL }, { "submitter", submit, &device.requests[0] },
		 { "submitter", submit, &device.requests[1] });
}

static void two_requests(void)
{
	open();
	two_submitters(hold_for_a_while);
	close(2);
}

/* Two requests meet its beginning, or its end: with both there are more schedules than can be tried. */
static void open_for_half(void)
{
	open();
	fibre_ignore(device.begun, sizeof(struct at_u32)); /* neither is before the other */
}

static void hold_until_quiet(void *nothing)
{
	(void)nothing;
	dhpi_hold_begin(device.hold);
	FIBRE_DEMAND(dhpi_hold_wait(device.hold, 0) == DHP_OK);
	at_store_relaxed_u32(device.quiet, 1); /* relaxed: worlds are sequentially consistent */
}

static void held_while_two_come(void)
{
	open_for_half();
	two_submitters(hold_until_quiet);
	at_store_relaxed_u32(device.quiet, 0); /* relaxed: likewise */
	dhpi_hold_end(device.hold);
	close(2);
}

static void drained_while_two_come(void)
{
	open_for_half();
	dhpi_hold_begin(device.hold);
	two_submitters(end_hold);
	close(2);
}

/* Requests that wait are begun while others come (S-446). */
static void drained_while_others_come(void)
{
	open();
	dhpi_hold_begin(device.hold);
	submit(&device.requests[0]);
	TOGETHER({ "device", end_hold, NULL }, { "submitter", submit_two, &device.requests[1] });
	FIBRE_DEMAND(counted(&device.order[0]) < counted(&device.order[1]));
	FIBRE_DEMAND(counted(&device.order[1]) < counted(&device.order[2]));
	close(3);
}

/* The smallest of these: one waits, one comes. */
static void drained_while_one_comes(void)
{
	open();
	dhpi_hold_begin(device.hold);
	submit(&device.requests[0]);
	TOGETHER({ "device", end_hold, NULL }, { "submitter", submit, &device.requests[1] });
	FIBRE_DEMAND(counted(&device.order[0]) < counted(&device.order[1]));
	close(2);
}

static void drained_while_held_again(void)
{
	open();
	dhpi_hold_begin(device.hold);
	submit(&device.requests[0]);
	TOGETHER({ "device", end_hold, NULL }, { "another device", hold_for_a_while, NULL });
	close(1);
}

/* ---- completed by another than who submitted ---- */

static void complete_begun(void *request)
{
	while (counted(device.begun) == 0)
		port_relax();
	complete(request);
}

static void completed_elsewhere(void)
{
	open();
	device.completes = false;
	TOGETHER({ "device", hold_for_a_while, NULL }, { "submitter", submit, &device.requests[0] },
		 { "completer", complete_begun, &device.requests[0] });
	close(1);
}

/* I2: quiet, then the lock once: then it may go. */
static void hold_and_free(void *nothing)
{
	(void)nothing;
	dhpi_hold_begin(device.hold);
	FIBRE_DEMAND(dhpi_hold_wait(device.hold, 0) == DHP_OK);
	dhpi_hold_close(device.hold);
	FIBRE_DEMAND(dhpi_hold_free(device.hold));
	device.hold = NULL;
}

static void complete_now(void *request)
{
	complete(request);
}

static void freed_when_quiet(void)
{
	open();
	device.completes = false;
	submit(&device.requests[0]);
	TOGETHER({ "device", hold_and_free, NULL }, { "completer", complete_now, &device.requests[0] });
	close(1);
}

/* ---- cancelled while it is begun ---- */

static void cancel(void *request)
{
	(void)dhp_request_cancel(request);
}

static void cancelled_while_drained(void)
{
	open();
	dhpi_hold_begin(device.hold);
	submit(&device.requests[0]);
	TOGETHER({ "device", end_hold, NULL }, { "canceller", cancel, &device.requests[0] });
	close(1);
}

/* ---- what blocks a stop ---- */

static void pend_for_a_while(void *nothing)
{
	(void)nothing;
	dhpi_hold_pend(device.hold);
	dhpi_hold_pend_end(device.hold);
}

static void stop_is_asked_about(void)
{
	open();
	(void)dhp_request_init(&device.requests[0], device.hold, DHP_REQUEST_BLOCKS_STOP);
	TOGETHER({ "device", pend_for_a_while, NULL }, { "submitter", submit, &device.requests[0] });
	close(1);
}

const struct world worlds[] = {
	{ .name = "a_request_passes_or_waits", .run = one_request },
	{ .name = "two_requests_come_while_a_hold_begins", .run = held_while_two_come, .runs = 2000, .long_runs = 1000000 },
	{ .name = "two_requests_come_while_a_hold_ends", .run = drained_while_two_come, .runs = 2000, .long_runs = 1000000 },
	{ .name = "two_requests_interrupted_twice_pass_or_wait", .run = two_requests,
	  .strategy = BOUNDED, .bound = 2, .runs = 2000, .long_runs = 200000 },
	{ .name = "two_requests_pass_or_wait_by_chance", .run = two_requests,
	  .strategy = RANDOM, .runs = 2000, .long_runs = 100000 },
	{ .name = "requests_begin_in_order_while_others_come", .run = drained_while_others_come,
	  .runs = 2000, .long_runs = 2000000 },
	{ .name = "a_request_comes_while_another_is_drained", .run = drained_while_one_comes },
	{ .name = "a_drain_meets_another_hold", .run = drained_while_held_again, .runs = 2000, .long_runs = 100000 },
	{ .name = "a_request_is_completed_by_another_thread", .run = completed_elsewhere, .runs = 2000, .long_runs = 100000 },
	{ .name = "who_finds_it_quiet_frees_it", .run = freed_when_quiet, .runs = 2000, .long_runs = 100000 },
	{ .name = "a_request_is_begun_or_cancelled", .run = cancelled_while_drained, .runs = 2000, .long_runs = 100000 },
	{ .name = "a_request_that_blocks_a_stop_is_not_forgotten", .run = stop_is_asked_about,
	  .runs = 2000, .long_runs = 100000 },
	{ .name = NULL },
};
