/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and work sources through a rebalance: what is held, what is reported, and who feeds the newcomer.
 */
#include "rebalance_log.h"

#include <stdlib.h>

static struct dhp_engine *engine;
static struct probe a, b;
static struct dhp_hold *hold;

/* ---- requests ---- */

#define ITEMS 8u

struct item {
	struct dhp_request request; /* first */
	uint32_t number;
	enum dhp_status status;
};

static struct item items[ITEMS];
static uint32_t began[32], began_count; /* under the order that the test makes */
static uint32_t sent_when_first_began;
static bool completes, fails;

static void begin_item(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct item *item = (struct item *)(void *)request;

	(void)context;
	item->status = status;
	if (status != DHP_OK)
		return;
	if (began_count == 0)
		sent_when_first_began = sent_count;
	began[began_count++ % LENGTH(began)] = item->number;
	if (fails)
		item->status = DHP_NO_MEMORY; /* what a driver would complete it with */
	if (completes)
		(void)dhp_request_complete(request);
}

static void begin(uint32_t drivers)
{
	engine = make_sim_of(8, 1);
	assert_ok(dhp_hold_create(engine, begin_item, NULL, &hold));
	sent_count = 0;
	began_count = 0;
	completes = true;
	fails = false;
	for (uint32_t i = 0; i < ITEMS; i++) {
		items[i] = (struct item){ .number = i };
		assert_ok(dhp_request_init(&items[i].request, hold, 0));
	}
	probe_init(&a, 0, engine, drivers);
	probe_init(&b, 1, engine, drivers);
	a.options.hold = hold;
}

static void finish(void)
{
	assert_ok(dhp_hold_destroy(hold));
	end_engine(engine);
}

static void arrive(void)
{
	assert_ok(add_position(engine, active_count(engine)));
	assert_ok(dhp_rebalance_drain(engine));
}

/* In QUERY_STOP item 0, in STOP item 1 and in START item 2 is submitted; results 0 to 2. */
static void submit_in_each(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	uint32_t at = call->request == QUERY ? 0 : call->request == STOP ? 1 : call->request == START ? 2 : 3;

	if (driver == 0)
		probe->results[at] = dhp_request_submit(&items[at].request);
}

static void requests_are_held_from_the_query_to_the_end_of_start_in_order_S431_S441_S444(void **state)
{
	(void)state;
	begin(2);
	a.also = submit_in_each;
	probe_join(&a);
	assert_status(dhp_hold_destroy(hold), DHP_IN_USE);
	arrive();
	for (uint32_t i = 0; i < 3; i++) {
		assert_status(a.results[i], DHP_HELD);
		assert_int_equal(began[i], i);
	}
	assert_int_equal(began_count, 3);
	assert_int_equal(sent_when_first_began, 6); /* the last step: after all drivers */
	assert_ok(dhp_request_submit(&items[4].request));
	probe_leave(&a);
	finish();
}

static void a_device_may_hold_in_stop_instead_S441(void **state)
{
	(void)state;
	begin(1);
	a.options.hold_in_stop = true;
	a.also = submit_in_each;
	probe_join(&a);
	arrive();
	assert_status(a.results[0], DHP_OK);
	assert_status(a.results[1], DHP_HELD);
	assert_status(a.results[2], DHP_HELD);
	assert_int_equal(began_count, 3);
	probe_leave(&a);
	finish();
}

/* The end of another's hold begins the others, in order, and not what would make the stop impossible. */
static void what_blocks_a_stop_waits_through_a_pause_S449_S740(void **state)
{
	(void)state;
	begin(1);
	a.options.hold_in_stop = true;
	assert_ok(dhp_request_init(&items[1].request, hold, DHP_REQUEST_BLOCKS_STOP));
	probe_join(&a);
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_ok(dhp_pause_all(engine, 0));
	for (uint32_t i = 0; i < 3; i++)
		assert_status(dhp_request_submit(&items[i].request), DHP_HELD);
	assert_ok(dhp_resume_all(engine));
	assert_int_equal(began_count, 2);
	assert_int_equal(began[0], 0);
	assert_int_equal(began[1], 2);
	assert_ok(dhp_request_submit(&items[3].request)); /* the queue passes again */
	assert_ok(dhp_device_send(a.device, CANCEL));
	assert_int_equal(began_count, 4);
	assert_int_equal(began[3], 1);
	probe_leave(&a);
	finish();
}

static void what_blocks_a_stop_is_held_from_the_query_on_S449(void **state)
{
	(void)state;
	begin(1);
	a.options.hold_in_stop = true;
	assert_ok(dhp_request_init(&items[0].request, hold, DHP_REQUEST_BLOCKS_STOP));
	probe_join(&a);
	assert_ok(dhp_request_submit(&items[0].request)); /* started: it passes */
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_status(dhp_request_submit(&items[0].request), DHP_HELD);
	assert_ok(dhp_request_submit(&items[1].request));
	assert_ok(dhp_device_send(a.device, CANCEL));
	assert_int_equal(began_count, 3);
	assert_int_equal(began[2], 0);
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_status(dhp_request_submit(&items[0].request), DHP_HELD);
	assert_ok(dhp_device_send(a.device, STOP));
	assert_status(dhp_request_submit(&items[1].request), DHP_HELD);
	assert_ok(dhp_device_send(a.device, START));
	assert_int_equal(began[3], 0);
	assert_int_equal(began[4], 1);
	assert_ok(dhp_request_submit(&items[0].request));
	probe_leave(&a);
	finish();
}

static void a_cancelled_stop_lets_requests_go_on_S444(void **state)
{
	(void)state;
	begin(2);
	a.also = submit_in_each;
	a.mine[1].answers[place_of(QUERY)] = DHP_VETOED;
	probe_join(&a);
	arrive();
	assert_status(a.results[0], DHP_HELD);
	assert_status(a.results[3], DHP_HELD); /* in CANCEL_STOP */
	assert_int_equal(began_count, 2);
	assert_int_equal(sent_when_first_began, 4);
	assert_ok(dhp_request_submit(&items[5].request));
	probe_leave(&a);
	finish();
}

static void errors_of_held_requests_do_not_change_start_S445(void **state)
{
	(void)state;
	begin(1);
	a.also = submit_in_each;
	fails = true;
	probe_join(&a);
	arrive();
	assert_int_equal(began_count, 3);
	assert_status(items[0].status, DHP_NO_MEMORY);
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	assert_int_equal(rebalance_stats(engine).removed_count, 0);
	probe_leave(&a);
	finish();
}

static void a_removed_device_completes_what_it_holds_S430(void **state)
{
	(void)state;
	begin(1);
	a.also = submit_in_each;
	a.mine[0].answers[place_of(START)] = DHP_NO_MEMORY;
	probe_join(&a);
	arrive();
	assert_int_equal(state_of(&a), DHP_DEVICE_REMOVED);
	for (uint32_t i = 0; i < 3; i++)
		assert_status(items[i].status, DHP_DEVICE_GONE);
	assert_int_equal(began_count, 0);
	assert_status(dhp_request_submit(&items[5].request), DHP_DEVICE_GONE);
	probe_leave(&a);
	finish();
}

static void unregistration_lets_held_requests_begin(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_ok(dhp_device_send(a.device, STOP));
	assert_status(dhp_request_submit(&items[0].request), DHP_HELD);
	probe_leave(&a);
	assert_int_equal(began_count, 1);
	finish();
}

static void a_paused_device_goes_on_at_the_resume_whatever_a_rebalance_does_S740_S444(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_pause_all(engine, 0));
	assert_status(dhp_request_submit(&items[0].request), DHP_HELD);
	arrive();
	assert_int_equal(sent_count, 3);
	assert_int_equal(began_count, 0);
	assert_ok(dhp_resume_all(engine));
	assert_int_equal(began_count, 1);
	probe_leave(&a);
	finish();
}

/* ---- reports ---- */

static struct dhp_rebalance_event events[128];
static uint64_t events_count, late_events;

static void write_event(void *context, const struct dhp_rebalance_event *event)
{
	(void)context;
	events[peek(&events_count) % LENGTH(events)] = *event;
	(void)bump(&events_count);
	if (event->kind == DHP_REBALANCE_LATE)
		(void)bump(&late_events);
}

static void listen_with(uint64_t stop_limit_ns)
{
	const struct dhp_rebalance_options options = {
		.size = sizeof(options), .stop_limit_ns = stop_limit_ns, .hook = write_event };

	poke(&events_count, 0);
	poke(&late_events, 0);
	assert_ok(dhp_rebalance_configure(engine, &options));
}

static const struct dhp_rebalance_event *event_of(enum dhp_rebalance_kind kind)
{
	for (uint32_t i = 0; i < events_count; i++)
		if (events[i].kind == kind)
			return &events[i];
	return NULL;
}

/* The length that is reported is the device's own, though the queue holds on for the pause. */
static void during_a_pause_a_device_reports_its_own_hold_S451(void **state)
{
	struct dhp_hold_stats stats;

	(void)state;
	begin(1);
	listen_with(0);
	probe_join(&a);
	assert_ok(dhp_pause_all(engine, 0));
	arrive();
	assert_ok(dhp_hold_stats_read(hold, &stats));
	assert_true(stats.holding_since_ns != 0 && stats.last_hold_ns == 0);
	assert_true(event_of(DHP_REBALANCE_HELD)->ns > 0);
	assert_true(rebalance_stats(engine).longest_hold_ns == event_of(DHP_REBALANCE_HELD)->ns);
	assert_ok(dhp_resume_all(engine));
	probe_leave(&a);
	finish();
}

static void each_step_and_the_length_of_the_hold_are_reported_S451_S420(void **state)
{
	static const enum dhp_rebalance_kind expected[] = {
		DHP_REBALANCE_BEGAN, DHP_REBALANCE_ENTER, DHP_REBALANCE_LEAVE, DHP_REBALANCE_ENTER, DHP_REBALANCE_LEAVE,
		DHP_REBALANCE_ENTER, DHP_REBALANCE_LEAVE, DHP_REBALANCE_HELD, DHP_REBALANCE_ENDED };

	(void)state;
	begin(1);
	listen_with(0);
	probe_join(&a);
	arrive();
	assert_int_equal(events_count, LENGTH(expected));
	for (uint32_t i = 0; i < LENGTH(expected); i++)
		assert_int_equal(events[i].kind, expected[i]);
	assert_true(events[0].by_arrival);
	assert_true(event_of(DHP_REBALANCE_HELD)->ns > 0);
	assert_true(rebalance_stats(engine).longest_hold_ns == event_of(DHP_REBALANCE_HELD)->ns);
	listen_with(0);
	a.mine[0].answers[place_of(QUERY)] = DHP_VETOED;
	rebalance(engine);
	assert_false(events[0].by_arrival);
	assert_non_null(event_of(DHP_REBALANCE_REFUSED));
	assert_status(event_of(DHP_REBALANCE_REFUSED)->status, DHP_VETOED);
	assert_ptr_equal(event_of(DHP_REBALANCE_REFUSED)->device, a.device);
	probe_leave(&a);
	finish();
}

static void a_device_that_does_not_get_quiet_is_reported_and_left_as_it_was_S442_S418(void **state)
{
	struct dhp_feed *feed;

	(void)state;
	begin(1);
	completes = false;
	probe_join(&a);
	probe_join(&b);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &feed));
	assert_ok(dhp_request_submit(&items[0].request)); /* and never ends */
	listen_with(2000000);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 1, 0, QUERY }, { 0, 0, CANCEL }, { 1, 0, STOP }, { 1, 0, START });
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	assert_non_null(event_of(DHP_REBALANCE_NOT_QUIET));
	assert_ptr_equal(event_of(DHP_REBALANCE_NOT_QUIET)->device, a.device);
	assert_int_equal(rebalance_stats(engine).not_quiet_count, 1);
	assert_int_equal(dhp_feed_mask(feed, 0), 1); /* the old set */
	assert_ok(dhp_request_submit(&items[1].request));
	assert_ok(dhp_request_complete(&items[0].request));
	assert_ok(dhp_request_complete(&items[1].request));
	rebalance(engine); /* the next time it is quiet */
	assert_int_equal(dhp_feed_mask(feed, 0), 3);
	assert_ok(dhp_feed_destroy(feed));
	probe_leave(&a);
	probe_leave(&b);
	finish();
}

static void hang_in_stop(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	(void)driver;
	while (call->request == STOP && peek(&probe->go_on) == 0)
		sleep_us(200);
}

static void a_driver_that_does_not_return_is_reported_while_it_hangs_S418_S451(void **state)
{
	(void)state;
	begin(1);
	a.also = hang_in_stop;
	probe_join(&a);
	listen_with(2000000);
	assert_ok(dhp_rebalance_request(engine));
	assert_true(wait_for_count(&late_events, 1)); /* it is still in there */
	sleep_us(10000);
	assert_int_equal(peek(&late_events), 1); /* once */
	poke(&a.go_on, 1);
	assert_ok(dhp_rebalance_drain(engine));
	assert_int_equal(event_of(DHP_REBALANCE_LATE)->request, STOP);
	assert_ptr_equal(event_of(DHP_REBALANCE_LATE)->device, a.device);
	assert_int_equal(rebalance_stats(engine).late_count, 1);
	assert_int_equal(rebalance_stats(engine).moved_count, 1);
	probe_leave(&a);
	finish();
}

/* ---- feeds ---- */

/* The indices that so many picks give, as a mask. */
static uint64_t picked(struct dhp_feed *feed)
{
	uint64_t mask = 0;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t index;

		if (dhp_feed_pick(feed, &index) == DHP_OK)
			mask |= UINT64_C(1) << index;
	}
	return mask;
}

static struct dhp_feed *watched_feed;

static void look_at_feed(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	uint32_t index;

	(void)driver;
	probe->results[place_of(call->request)] = dhp_feed_pick(watched_feed, &index);
	probe->seen = dhp_feed_mask(watched_feed, 0);
}

static void a_feed_is_detached_at_stop_and_gets_the_newcomer_at_start_S455_S462_S463_S466(void **state)
{
	struct dhp_feed *feed, *second;

	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &feed));
	assert_ok(dhp_feed_create(engine, a.device, NULL, &second));
	watched_feed = feed;
	a.also = look_at_feed;
	for (uint32_t n = 1; n < 8; n++) {
		assert_int_equal(picked(feed), (1u << n) - 1);
		arrive();
		assert_ok(a.results[place_of(QUERY)]);
		assert_ok(a.results[place_of(STOP)]);  /* disconnected after the device was quiesced */
		assert_ok(a.results[place_of(START)]); /* the new set is there, before START returns: S-462 */
		assert_int_equal(a.seen, (1u << (n + 1)) - 1);
		assert_int_equal(picked(second), (1u << (n + 1)) - 1);
	}
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_ok(dhp_device_send(a.device, STOP));
	assert_int_equal(picked(feed), 0);
	assert_int_equal(dhp_feed_mask(feed, 0), 0);
	assert_ok(dhp_device_send(a.device, START));
	assert_int_equal(picked(feed), 0xFF);
	assert_status(dhp_device_unregister(a.device), DHP_IN_USE);
	assert_ok(dhp_feed_destroy(feed));
	assert_ok(dhp_feed_destroy(second));
	probe_leave(&a);
	finish();
}

static void a_feed_that_does_not_take_part_never_feeds_the_newcomer_S467_S409(void **state)
{
	struct dhp_feed *out, *alone, *in;

	(void)state;
	begin(1);
	a.options.policy = DHP_POLICY_OUT;
	probe_join(&a);
	probe_join(&b);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &out));
	assert_ok(dhp_feed_create(engine, NULL, NULL, &alone)); /* no device: nobody is told */
	assert_ok(dhp_feed_create(engine, b.device, NULL, &in));
	for (uint32_t n = 2; n <= 8; n++) {
		arrive();
		assert_int_equal(picked(out), 1);
		assert_int_equal(picked(alone), 1);
		assert_int_equal(picked(in), (1u << n) - 1);
	}
	assert_ok(dhp_device_set_policy(a.device, DHP_POLICY_IN));
	rebalance(engine);
	assert_int_equal(picked(out), 0xFF);
	assert_int_equal(picked(alone), 1);
	assert_ok(dhp_feed_destroy(out));
	assert_ok(dhp_feed_destroy(alone));
	assert_ok(dhp_feed_destroy(in));
	probe_leave(&a);
	probe_leave(&b);
	finish();
}

static void a_device_that_refuses_keeps_its_old_set_S467_S421(void **state)
{
	struct dhp_feed *feed;

	(void)state;
	begin(1);
	a.mine[0].answers[place_of(QUERY)] = DHP_VETOED;
	probe_join(&a);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &feed));
	arrive();
	assert_int_equal(picked(feed), 1);
	assert_ok(dhp_feed_destroy(feed));
	probe_leave(&a);
	finish();
}

static void a_failed_start_leaves_the_feed_detached_S430_S466(void **state)
{
	struct dhp_feed *feed, *late;

	(void)state;
	begin(1);
	a.mine[0].answers[place_of(START)] = DHP_NO_MEMORY;
	probe_join(&a);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &feed));
	arrive();
	assert_int_equal(picked(feed), 0);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &late));
	assert_int_equal(picked(late), 0);
	assert_ok(dhp_feed_destroy(feed));
	assert_ok(dhp_feed_destroy(late));
	probe_leave(&a);
	finish();
}

static uint64_t mask_with(const struct dhp_feed_options *options, uint32_t group)
{
	struct dhp_feed *feed;
	uint64_t mask;

	assert_ok(dhp_feed_create(engine, NULL, options, &feed));
	mask = dhp_feed_mask(feed, group);
	assert_ok(dhp_feed_destroy(feed));
	return mask;
}

#define FEED(...) ((const struct dhp_feed_options[]){ { .size = sizeof(struct dhp_feed_options), __VA_ARGS__ } })

static void the_policies_choose_the_set_S457_S458_S459_S461_S464(void **state)
{
	static const uint8_t sizes[] = { 4 };
	const struct sim_setup setup = {
		.maximum = 8, .initial = 8, .group_sizes = sizes, .group_size_count = 1, .nodes = 2 };
	struct dhp_feed *feed;
	struct dhp_processor first, fifth;

	(void)state;
	engine = make_sim(&setup);
	assert_ok(dhp_processor_at(engine, 0, &first));
	assert_ok(dhp_processor_at(engine, 4, &fifth));
	assert_int_not_equal(first.node, fifth.node);
	assert_int_equal(fifth.number.group, 1);
	for (uint32_t group = 0; group < 2; group++) {
		assert_int_equal(mask_with(NULL, group), 15);
		assert_int_equal(mask_with(FEED(.policy = DHP_FEED_ALL), group), 15);
		assert_int_equal(mask_with(FEED(.policy = DHP_FEED_SPREAD), group), 15);
		assert_int_equal(mask_with(FEED(.policy = DHP_FEED_ALL_CLOSE, .node = fifth.node), group), group * 15);
		assert_int_equal(mask_with(FEED(.policy = DHP_FEED_ONE_CLOSE, .node = fifth.node), group), group);
		assert_int_equal(mask_with(FEED(.policy = DHP_FEED_CHOSEN, .group = 1, .mask = 6), group), group * 6);
		/* one group, the first when none is said */
		assert_int_equal(mask_with(FEED(.one_group = true), group), (1 - group) * 15);
		assert_int_equal(mask_with(FEED(.one_group = true, .group = 1), group), group * 15);
	}
	assert_status(dhp_feed_create(engine, NULL, FEED(.policy = DHP_FEED_CHOSEN), &feed), DHP_NO_PROCESSOR);
	assert_status(dhp_feed_create(engine, NULL, FEED(.policy = DHP_FEED_ALL_CLOSE, .node = 9), &feed), DHP_NO_PROCESSOR);
	assert_int_equal(DHP_FEED_CHOSEN, 4);
	end_engine(engine);
}

static void a_chosen_set_never_grows_beyond_its_mask_S461_S466(void **state)
{
	struct dhp_feed *feed;

	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_feed_create(engine, a.device, FEED(.policy = DHP_FEED_CHOSEN, .mask = 0x15), &feed));
	for (uint32_t n = 2; n <= 8; n++) {
		arrive();
		assert_int_equal(picked(feed), 0x15u & ((1u << n) - 1));
	}
	assert_ok(dhp_feed_destroy(feed));
	probe_leave(&a);
	finish();
}

static void a_feed_can_be_switched_off_without_losing_its_set_S465(void **state)
{
	struct dhp_feed *feed;
	uint32_t index;

	(void)state;
	begin(1);
	assert_ok(dhp_feed_create(engine, NULL, NULL, &feed));
	assert_ok(dhp_feed_enable(feed, false));
	assert_status(dhp_feed_pick(feed, &index), DHP_DETACHED);
	assert_int_equal(dhp_feed_mask(feed, 0), 1);
	assert_ok(dhp_feed_enable(feed, true));
	assert_ok(dhp_feed_pick(feed, &index));
	assert_ok(dhp_feed_destroy(feed));
	finish();
}

static void bad_input_of_feeds_is_named(void **state)
{
	struct dhp_engine *other = make_sim_of(2, 1);
	struct dhp_feed *feed = NULL;
	uint32_t index;

	(void)state;
	begin(1);
	probe_join(&a);
	assert_status(dhp_feed_create(NULL, NULL, NULL, &feed), DHP_BAD_ENGINE);
	assert_status(dhp_feed_create(other, a.device, NULL, &feed), DHP_BAD_OBJECT);
	assert_status(dhp_feed_create(engine, NULL, (const struct dhp_feed_options[]){ { .size = 1 } }, &feed),
		      DHP_BAD_OPTIONS);
	assert_status(dhp_feed_create(engine, NULL, FEED(.policy = (enum dhp_feed_policy)6), &feed), DHP_BAD_OPTIONS);
	assert_status(dhp_feed_create(engine, NULL, NULL, NULL), DHP_BAD_RESULT);
	assert_null(feed);
	assert_status(dhp_feed_pick(NULL, &index), DHP_BAD_OBJECT);
	assert_int_equal(dhp_feed_mask(NULL, 0), 0);
	assert_status(dhp_feed_enable(NULL, true), DHP_BAD_OBJECT);
	assert_ok(dhp_feed_destroy(NULL));
	assert_ok(dhp_feed_create(engine, NULL, NULL, &feed));
	assert_status(dhp_feed_pick(feed, NULL), DHP_BAD_RESULT);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_feed_destroy(feed));
	probe_leave(&a);
	end_engine(other);
	finish();
}

/* ---- threads and DPCs submit while processors arrive ---- */

#define THREADS 2u
#define DPCS 4u
#define PER_SOURCE 16u

/* One source: a thread, or a DPC that inserts itself again. Its requests must begin in order. */
struct source {
	struct dhp_dpc dpc;
	struct source_item {
		struct dhp_request request; /* first */
		struct source *source;
		uint64_t number, busy;
	} items[PER_SOURCE];
	struct dhp_feed *feed;
	uint64_t limit, submitted, began, out_of_order, last, detached, ended;
};

static uint64_t stopped, began_while_stopped, arrivals_done;

static void begin_of_source(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct source_item *item = (struct source_item *)(void *)request;
	struct source *source = item->source;

	(void)context;
	(void)status;
	if (peek(&stopped) != 0)
		(void)bump(&began_while_stopped);
	if (item->number != source->last + 1) /* plain memory: the library orders them */
		source->out_of_order++;
	source->last = item->number;
	(void)bump(&source->began);
	(void)dhp_request_complete(request);
	__atomic_store_n(&item->busy, 0, __ATOMIC_RELEASE);
}

/* false: its next item is not free yet. */
static bool submit_next(struct source *source)
{
	struct source_item *item = &source->items[source->submitted % PER_SOURCE];

	if (__atomic_load_n(&item->busy, __ATOMIC_ACQUIRE) != 0)
		return false;
	item->number = ++source->submitted;
	poke(&item->busy, 1);
	(void)dhp_request_submit(&item->request);
	return true;
}

static void *source_thread(void *argument)
{
	struct source *source = argument;

	while (source->submitted < source->limit || peek(&arrivals_done) == 0)
		if (!submit_next(source))
			sleep_us(10);
	return NULL;
}

static void source_dpc(struct dhp_dpc *dpc, void *context, void *x, void *y)
{
	struct source *source = context;
	uint32_t index;

	(void)x, (void)y;
	if (!submit_next(source))
		sleep_us(10);
	if (source->submitted >= source->limit && peek(&arrivals_done) != 0) {
		poke(&source->ended, 1);
		return;
	}
	if (dhp_feed_pick(source->feed, &index) == DHP_OK)
		(void)dhp_dpc_set_target(dpc, index);
	else
		source->detached++;
	(void)dhp_dpc_insert(dpc, NULL, NULL);
}

static void mark_stopped(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	(void)probe;
	(void)driver;
	if (call->request == STOP)
		poke(&stopped, 1);
	if (call->request == START)
		poke(&stopped, 0);
	sleep_us(200);
}

static void source_init(struct source *source, struct dhp_hold *of)
{
	for (uint32_t i = 0; i < PER_SOURCE; i++) {
		source->items[i].source = source;
		assert_ok(dhp_request_init(&source->items[i].request, of, 0));
	}
	source->limit = TIMES(20000);
}

static bool dpcs_have_ended(void *context)
{
	struct source *sources = context;
	uint32_t ended = 0;

	for (uint32_t at = THREADS; at < THREADS + DPCS; at++)
		ended += peek(&sources[at].ended) != 0;
	return ended == DPCS;
}

static void wait_for_dpcs(struct source *sources)
{
	assert_true(wait_until(dpcs_have_ended, sources));
	assert_ok(dhp_dpc_flush(engine));
}

static void sources_race_with_arrivals(struct source *sources)
{
	struct helper helpers[THREADS];
	struct dhp_hold *raced;
	struct dhp_feed *feed;
	uint32_t at;

	assert_ok(dhp_hold_create(engine, begin_of_source, NULL, &raced));
	a.options.hold = raced;
	a.also = mark_stopped;
	probe_join(&a);
	assert_ok(dhp_feed_create(engine, a.device, NULL, &feed));
	for (at = 0; at < THREADS + DPCS; at++)
		source_init(&sources[at], raced);
	for (at = 0; at < THREADS; at++)
		helper_start(&helpers[at], source_thread, &sources[at]);
	for (; at < THREADS + DPCS; at++) {
		sources[at].feed = feed;
		assert_ok(dhp_dpc_init(&sources[at].dpc, engine, source_dpc, &sources[at]));
		assert_ok(dhp_dpc_insert(&sources[at].dpc, NULL, NULL));
	}
	for (uint32_t position = 1; position < 8; position++) {
		assert_ok(add_position(engine, position));
		sleep_us(1000);
		if (position % 2 == 0)
			rebalance(engine);
	}
	assert_ok(dhp_rebalance_drain(engine));
	poke(&arrivals_done, 1);
	for (at = 0; at < THREADS; at++)
		helper_join(&helpers[at]);
	wait_for_dpcs(sources);
	assert_int_equal(picked(feed), 0xFF);
	assert_ok(dhp_feed_destroy(feed));
	probe_leave(&a);
	assert_ok(dhp_hold_destroy(raced));
}

static void none_is_lost_and_each_source_keeps_its_order_during_arrivals_S431_S444_S446_S466(void **state)
{
	struct source *sources = calloc(THREADS + DPCS, sizeof(*sources));

	(void)state;
	assert_non_null(sources);
	begin(1);
	poke(&stopped, 0);
	poke(&began_while_stopped, 0);
	poke(&arrivals_done, 0);
	sources_race_with_arrivals(sources);
	for (uint32_t i = 0; i < THREADS + DPCS; i++) {
		assert_int_equal(sources[i].out_of_order, 0);
		assert_int_equal(peek(&sources[i].began), sources[i].submitted);
		assert_true(sources[i].submitted >= sources[i].limit);
	}
	assert_int_equal(peek(&began_while_stopped), 0);
	assert_true(rebalance_stats(engine).moved_count >= 4);
	assert_int_equal(rebalance_stats(engine).not_quiet_count, 0);
	finish();
	free(sources);
}

static void set_usable(uint32_t index, bool usable)
{
	struct dhp_processor processor;

	assert_ok(dhp_processor_at(engine, index, &processor));
	assert_ok(dhp_sim_set_usable(engine, processor.cpu, usable));
}

/* No device is stopped for it, and it stays in the set. */
static void picks_pass_over_processors_that_are_not_usable_S466(void **state)
{
	struct dhp_feed *feed, *one, *chosen;

	(void)state;
	begin(1);
	add_positions(engine, 1, 4);
	probe_join(&a);
	assert_ok(dhp_rebalance_drain(engine));
	assert_ok(dhp_feed_create(engine, a.device, NULL, &feed));
	assert_ok(dhp_feed_create(engine, NULL, FEED(.policy = DHP_FEED_CHOSEN, .mask = 8), &chosen));
	assert_int_equal(picked(feed), 15);
	set_usable(3, false);
	set_usable(0, false);
	assert_int_equal(picked(feed), 6);
	assert_int_equal(dhp_feed_mask(feed, 0), 15);
	assert_int_equal(picked(chosen), 8); /* there is no other: the work runs elsewhere */
	assert_ok(dhp_feed_create(engine, NULL, FEED(.policy = DHP_FEED_ONE_CLOSE), &one));
	assert_int_equal(dhp_feed_mask(one, 0), 2);
	set_usable(0, true);
	assert_int_equal(picked(feed), 7);
	set_usable(3, true);
	assert_int_equal(picked(feed), 15);
	assert_int_equal(sent_count, 0);
	assert_ok(dhp_feed_destroy(feed));
	assert_ok(dhp_feed_destroy(one));
	assert_ok(dhp_feed_destroy(chosen));
	probe_leave(&a);
	finish();
}

/* When it is gone its requests are refused: they must not be another's. */
static void a_queue_is_of_one_device_S430(void **state)
{
	(void)state;
	begin(1);
	b.options.hold = hold;
	probe_join(&a);
	assert_status(dhp_device_register(engine, &b.options, &b.device), DHP_IN_USE);
	probe_leave(&a);
	probe_join(&b);
	probe_leave(&b);
	a.mine[0].answers[place_of(START)] = DHP_NO_MEMORY;
	probe_join(&a);
	arrive();
	assert_int_equal(state_of(&a), DHP_DEVICE_REMOVED);
	assert_status(dhp_device_register(engine, &b.options, &b.device), DHP_IN_USE);
	probe_leave(&a);
	assert_status(dhp_device_register(engine, &b.options, &b.device), DHP_IN_USE);
	assert_status(dhp_request_submit(&items[0].request), DHP_DEVICE_GONE);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_held_from_the_query_to_the_end_of_start_in_order_S431_S441_S444),
		cmocka_unit_test(a_device_may_hold_in_stop_instead_S441),
		cmocka_unit_test(what_blocks_a_stop_is_held_from_the_query_on_S449),
		cmocka_unit_test(what_blocks_a_stop_waits_through_a_pause_S449_S740),
		cmocka_unit_test(a_cancelled_stop_lets_requests_go_on_S444),
		cmocka_unit_test(errors_of_held_requests_do_not_change_start_S445),
		cmocka_unit_test(a_removed_device_completes_what_it_holds_S430),
		cmocka_unit_test(unregistration_lets_held_requests_begin),
		cmocka_unit_test(a_paused_device_goes_on_at_the_resume_whatever_a_rebalance_does_S740_S444),
		cmocka_unit_test(during_a_pause_a_device_reports_its_own_hold_S451),
		cmocka_unit_test(a_queue_is_of_one_device_S430),
		cmocka_unit_test(picks_pass_over_processors_that_are_not_usable_S466),
		cmocka_unit_test(each_step_and_the_length_of_the_hold_are_reported_S451_S420),
		cmocka_unit_test(a_device_that_does_not_get_quiet_is_reported_and_left_as_it_was_S442_S418),
		cmocka_unit_test(a_driver_that_does_not_return_is_reported_while_it_hangs_S418_S451),
		cmocka_unit_test(a_feed_is_detached_at_stop_and_gets_the_newcomer_at_start_S455_S462_S463_S466),
		cmocka_unit_test(a_feed_that_does_not_take_part_never_feeds_the_newcomer_S467_S409),
		cmocka_unit_test(a_device_that_refuses_keeps_its_old_set_S467_S421),
		cmocka_unit_test(a_failed_start_leaves_the_feed_detached_S430_S466),
		cmocka_unit_test(the_policies_choose_the_set_S457_S458_S459_S461_S464),
		cmocka_unit_test(a_chosen_set_never_grows_beyond_its_mask_S461_S466),
		cmocka_unit_test(a_feed_can_be_switched_off_without_losing_its_set_S465),
		cmocka_unit_test(bad_input_of_feeds_is_named),
		cmocka_unit_test(none_is_lost_and_each_source_keeps_its_order_during_arrivals_S431_S444_S446_S466),
	};

	return cmocka_run_group_tests_name("rebalance_io", tests, NULL, NULL);
}
