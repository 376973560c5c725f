/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices are sent in a rebalance, in which order, and what becomes of a device that refuses or fails.
 */
#include "rebalance_log.h"

#include "notify.h"

static struct dhp_engine *engine;
static struct probe a, b, c;

static void begin(uint32_t drivers)
{
	engine = make_sim_of(8, 1);
	sent_count = 0;
	probe_init(&a, 0, engine, drivers);
	probe_init(&b, 1, engine, drivers);
	probe_init(&c, 2, engine, drivers);
}

static void finish(void)
{
	end_engine(engine);
}

static void arrive(void)
{
	assert_ok(add_position(engine, active_count(engine)));
	assert_ok(dhp_rebalance_drain(engine));
}

/* ---- when, and who ---- */

static void an_arrival_starts_a_rebalance_S401(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	assert_int_equal(sent_count, 0);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	assert_int_equal(rebalance_stats(engine).run_count, 1);
	assert_int_equal(rebalance_stats(engine).moved_count, 1);
	probe_leave(&a);
	finish();
}

static void a_failed_arrival_starts_none_S401(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 1), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 1), DHP_INJECTED);
	assert_ok(dhp_rebalance_drain(engine));
	assert_int_equal(sent_count, 0);
	assert_int_equal(rebalance_stats(engine).requested_count, 1); /* of the first processor, at creation */
	probe_leave(&a);
	finish();
}

/* An arrival; does a device with this policy in this class take part? */
static bool part(uint32_t setup_class, int32_t policy, bool by_arrival)
{
	bool part;

	probe_init(&a, 0, engine, 1);
	a.options.setup_class = setup_class;
	a.options.policy = policy;
	probe_join(&a);
	sent_count = 0;
	if (by_arrival)
		arrive();
	else
		rebalance(engine);
	part = sent_count == 3;
	assert_true(part || sent_count == 0);
	probe_leave(&a);
	return part;
}

static void the_device_policy_decides_where_it_is_explicit_S402_S403_S406(void **state)
{
	(void)state;
	begin(1);
	assert_true(part(DHP_SETUP_OTHER, DHP_POLICY_ABSENT, true));
	assert_true(part(DHP_SETUP_OTHER, DHP_POLICY_EMPTY, true));
	assert_false(part(DHP_SETUP_OTHER, DHP_POLICY_OUT, true));
	assert_true(part(DHP_SETUP_OTHER, DHP_POLICY_IN, true));
	assert_true(part(DHP_SETUP_OTHER, 3, true));
	assert_true(part(DHP_SETUP_OTHER, -1, true));
	assert_ok(dhp_setup_class_set(engine, 5, DHP_OPT_OUT_TRUE));
	assert_true(part(5, DHP_POLICY_IN, true)); /* S-406: against the class */
	finish();
}

static void network_devices_stay_out_unless_told_S405_S406(void **state)
{
	(void)state;
	begin(1);
	assert_false(part(DHP_SETUP_NETWORK, DHP_POLICY_ABSENT, true));
	assert_false(part(DHP_SETUP_NETWORK, DHP_POLICY_EMPTY, true));
	assert_false(part(DHP_SETUP_NETWORK, 7, true)); /* S-403: as absent */
	assert_true(part(DHP_SETUP_NETWORK, DHP_POLICY_IN, true));
	assert_ok(dhp_setup_class_set(engine, DHP_SETUP_NETWORK, DHP_OPT_OUT_FALSE));
	assert_true(part(DHP_SETUP_NETWORK, DHP_POLICY_ABSENT, true));
	assert_false(part(DHP_SETUP_NETWORK, DHP_POLICY_OUT, true));
	finish();
}

static void a_class_is_out_only_when_its_property_is_true_S404(void **state)
{
	(void)state;
	begin(1);
	assert_ok(dhp_setup_class_set(engine, 9, DHP_OPT_OUT_TRUE));
	assert_false(part(9, DHP_POLICY_ABSENT, true));
	assert_true(part(8, DHP_POLICY_ABSENT, true));
	assert_ok(dhp_setup_class_set(engine, 9, DHP_OPT_OUT_FALSE));
	assert_true(part(9, DHP_POLICY_ABSENT, true));
	assert_ok(dhp_setup_class_set(engine, 9, DHP_OPT_OUT_EMPTY));
	assert_true(part(9, DHP_POLICY_ABSENT, true));
	assert_ok(dhp_setup_class_set(engine, 9, DHP_OPT_OUT_ABSENT));
	assert_true(part(9, DHP_POLICY_ABSENT, true));
	finish();
}

static void a_rebalance_for_another_reason_asks_everybody_S407(void **state)
{
	(void)state;
	begin(1);
	assert_true(part(DHP_SETUP_OTHER, DHP_POLICY_OUT, false));
	assert_true(part(DHP_SETUP_NETWORK, DHP_POLICY_ABSENT, false));
	finish();
}

static void set_policy_out(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	(void)driver;
	if (call->request == QUERY)
		(void)dhp_device_set_policy(probe->device, DHP_POLICY_OUT);
}

static void the_policy_is_read_at_the_start_of_each_rebalance_S408(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	probe_join(&b);
	a.also = set_policy_out; /* too late for this one */
	arrive();
	assert_sent({ 0, 0, QUERY }, { 1, 0, QUERY }, { 0, 0, STOP }, { 1, 0, STOP }, { 0, 0, START }, { 1, 0, START });
	arrive();
	assert_sent({ 1, 0, QUERY }, { 1, 0, STOP }, { 1, 0, START });
	assert_ok(dhp_device_set_policy(a.device, DHP_POLICY_ABSENT));
	a.also = NULL;
	assert_ok(dhp_device_set_policy(b.device, DHP_POLICY_OUT));
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	probe_leave(&a);
	probe_leave(&b);
	finish();
}

static void one_rebalance_may_serve_a_burst_and_one_begins_after_the_last_S410(void **state)
{
	struct dhp_rebalance_stats stats;

	(void)state;
	begin(1);
	probe_join(&a);
	add_positions(engine, 1, 8);
	assert_ok(dhp_rebalance_drain(engine));
	stats = rebalance_stats(engine);
	assert_int_equal(stats.requested_count, 8);
	assert_in_range(stats.run_count, 1, 7);
	assert_int_equal(sent_count, 3 * stats.run_count);
	assert_int_equal(sent[sent_count - 1].request, START);
	assert_int_equal(sent[sent_count - 1].active_count, 8);
	probe_leave(&a);
	finish();
}

static void hang_in_first_query(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	(void)driver;
	if (call->request != QUERY || bump(&probe->seen) != 0)
		return;
	while (peek(&probe->go_on) == 0)
		sleep_us(100);
}

static void what_is_asked_for_during_a_rebalance_is_merged_into_one_more_S410(void **state)
{
	(void)state;
	begin(1);
	a.also = hang_in_first_query;
	probe_join(&a);
	assert_ok(add_position(engine, 1));
	assert_true(wait_for_count(&a.seen, 1));
	add_positions(engine, 2, 8);
	poke(&a.go_on, 1);
	assert_ok(dhp_rebalance_drain(engine));
	assert_int_equal(rebalance_stats(engine).run_count, 2);
	assert_int_equal(sent[5].active_count, 8);
	probe_leave(&a);
	finish();
}

struct sender {
	enum dhp_device_request request;
	uint64_t begun, ended;
	enum dhp_status status;
};

static void *send_one(void *argument)
{
	struct sender *sender = argument;

	(void)bump(&sender->begun);
	sender->status = dhp_device_send(a.device, sender->request);
	(void)bump(&sender->ended);
	return NULL;
}

static void requests_of_two_threads_are_sent_one_after_the_other(void **state)
{
	struct sender first = { .request = QUERY }, second = { .request = CANCEL };
	struct helper helpers[2];

	(void)state;
	begin(1);
	a.also = hang_in_first_query;
	probe_join(&a);
	helper_start(&helpers[0], send_one, &first);
	assert_true(wait_for_count(&a.seen, 1));
	helper_start(&helpers[1], send_one, &second);
	assert_true(wait_for_count(&second.begun, 1));
	sleep_us(2000);
	assert_int_equal(peek(&second.ended), 0);
	poke(&a.go_on, 1);
	helper_join(&helpers[0]);
	helper_join(&helpers[1]);
	assert_ok(first.status);
	assert_ok(second.status);
	assert_sent({ 0, 0, QUERY }, { 0, 0, CANCEL });
	probe_leave(&a);
	finish();
}

/* ---- S-017 ---- */

static uint64_t completes_ended, arrivals_heard;

static void end_complete_slowly(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)status;
	if (change->state != DHP_CHANGE_COMPLETE)
		return;
	sleep_us(5000); /* a rebalance that did not wait would be faster */
	(void)bump(&completes_ended);
}

/* Counts the queries, and those before the Complete of both registrants for every newcomer, or before its arrival was queued. */
static void note_completes(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	(void)driver;
	if (call->request != QUERY)
		return;
	(void)bump(&probe->seen);
	if (peek(&completes_ended) < 2 * (call->active_count - 1) ||
	    at_load_relaxed_u64(&probe->engine->notify->posted) < call->active_count - 1)
		(void)bump(&probe->go_on);
}

static void hear_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	(void)arrival;
	(void)bump(&arrivals_heard);
}

static void a_rebalance_starts_after_complete_and_arrival_S017(void **state)
{
	struct dhp_notify *registrations[2];
	struct dhp_arrival_notify *arrivals;

	(void)state;
	begin(1);
	poke(&completes_ended, 0);
	poke(&arrivals_heard, 0);
	a.also = note_completes;
	probe_join(&a);
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_notify_register(engine, end_complete_slowly, NULL, 0, &registrations[i]));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, hear_arrival, NULL, 0, &arrivals));
	for (uint64_t n = 1; n < 6; n++) {
		arrive();
		assert_int_equal(peek(&a.seen), n);
		assert_int_equal(peek(&a.go_on), 0);
		assert_ok(dhp_arrival_drain(engine));
		assert_int_equal(peek(&arrivals_heard), n);
	}
	dhp_arrival_unregister(arrivals);
	for (uint32_t i = 0; i < 2; i++)
		dhp_notify_unregister(registrations[i]);
	probe_leave(&a);
	finish();
}

/* ---- order ---- */

static void requests_go_down_and_up_the_stack_S415_S416(void **state)
{
	(void)state;
	begin(3);
	probe_join(&a);
	arrive();
	for (uint32_t i = 0; i < sent_count; i++) {
		assert_int_equal(sent[i].level, DHP_PASSIVE);
		assert_false(pthread_equal(sent[i].thread, pthread_self()));
		assert_true(pthread_equal(sent[i].thread, sent[0].thread));
	}
	assert_sent({ 0, 0, QUERY }, { 0, 1, QUERY }, { 0, 2, QUERY }, { 0, 0, STOP }, { 0, 1, STOP }, { 0, 2, STOP },
		    { 0, 2, START }, { 0, 1, START }, { 0, 0, START });
	assert_int_equal(START, 0x00);
	assert_int_equal(STOP, 0x04);
	assert_int_equal(QUERY, 0x05);
	assert_int_equal(CANCEL, 0x06);
	probe_leave(&a);
	finish();
}

static void a_cancel_goes_up_the_stack_S416_S424(void **state)
{
	(void)state;
	begin(3);
	a.options.nothing_to_move = true;
	probe_join(&a);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 1, QUERY }, { 0, 2, QUERY },
		    { 0, 2, CANCEL }, { 0, 1, CANCEL }, { 0, 0, CANCEL });
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	probe_leave(&a);
	finish();
}

static void all_queries_before_stops_and_stops_before_starts_S433(void **state)
{
	(void)state;
	begin(1);
	b.options.nothing_to_move = true;
	probe_join(&a);
	probe_join(&b);
	probe_join(&c);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 1, 0, QUERY }, { 2, 0, QUERY }, { 1, 0, CANCEL },
		    { 0, 0, STOP }, { 2, 0, STOP }, { 0, 0, START }, { 2, 0, START });
	probe_leave(&a);
	probe_leave(&b);
	probe_leave(&c);
	finish();
}

static void drivers_without_routines_agree_S450(void **state)
{
	const struct dhp_driver nothing = { .context = NULL };

	(void)state;
	begin(1);
	a.options.drivers = &nothing;
	probe_join(&a);
	arrive();
	assert_int_equal(rebalance_stats(engine).moved_count, 1);
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	probe_leave(&a);
	finish();
}

static void start_tells_the_new_processors_and_each_state_is_as_the_table_says_S429(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	for (uint32_t n = 2; n < 5; n++) {
		struct dhp_counts counts;

		arrive();
		counts = counts_of(engine);
		assert_int_equal(sent[0].state, DHP_DEVICE_STARTED);
		assert_int_equal(sent[1].state, DHP_DEVICE_STOP_PENDING);
		assert_int_equal(sent[2].state, DHP_DEVICE_STOPPED);
		assert_int_equal(sent[2].active_count, n);
		assert_true(sent[2].generation == counts.generation);
		sent_count = 0;
	}
	probe_leave(&a);
	finish();
}

/* ---- refusals ---- */

static void a_refusal_is_counted_and_the_others_go_on_S419_S420_S421_S422_S426_S417(void **state)
{
	(void)state;
	begin(3);
	b.options.driver_count = 1;
	a.mine[1].answers[place_of(QUERY)] = DHP_NOT_SUPPORTED;
	probe_join(&a);
	probe_join(&b);
	arrive();
	/* The lowest driver was not asked, and gets CANCEL_STOP like the others: it simply succeeds. */
	assert_sent({ 0, 0, QUERY }, { 0, 1, QUERY }, { 0, 2, CANCEL }, { 0, 1, CANCEL }, { 0, 0, CANCEL },
		    { 1, 0, QUERY }, { 1, 0, STOP }, { 1, 0, START });
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	assert_int_equal(rebalance_stats(engine).refused_count, 1);
	assert_int_equal(rebalance_stats(engine).moved_count, 1);
	probe_leave(&a);
	probe_leave(&b);
	finish();
}

static void anything_but_plain_success_refuses_S421(void **state)
{
	static const enum dhp_status others[] = { DHP_ALREADY_QUEUED, DHP_HELD, DHP_INVALID_STATE, DHP_VETOED };

	(void)state;
	begin(1);
	probe_join(&a);
	for (size_t i = 0; i < LENGTH(others); i++) {
		a.mine[0].answers[place_of(QUERY)] = others[i];
		rebalance(engine);
		assert_sent({ 0, 0, QUERY }, { 0, 0, CANCEL });
		assert_int_equal(rebalance_stats(engine).refused_count, i + 1);
	}
	probe_leave(&a);
	finish();
}

static void one_refusal_abandons_all_where_the_options_say_so_S422(void **state)
{
	const struct dhp_rebalance_options options = { .size = sizeof(options), .abandon_on_refusal = true };

	(void)state;
	begin(1);
	assert_ok(dhp_rebalance_configure(engine, &options));
	b.mine[0].answers[place_of(QUERY)] = DHP_VETOED;
	probe_join(&a);
	probe_join(&b);
	probe_join(&c);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 1, 0, QUERY }, { 1, 0, CANCEL }, { 2, 0, QUERY }, { 0, 0, CANCEL }, { 2, 0, CANCEL });
	assert_int_equal(rebalance_stats(engine).moved_count, 0);
	assert_int_equal(rebalance_stats(engine).cancelled_count, 3);
	assert_ok(dhp_rebalance_configure(engine, NULL));
	arrive();
	assert_int_equal(rebalance_stats(engine).moved_count, 2);
	probe_leave(&a);
	probe_leave(&b);
	probe_leave(&c);
	finish();
}

static void changed_requirements_are_asked_for_before_the_stop_S423_S428(void **state)
{
	(void)state;
	begin(2);
	probe_join(&a);
	arrive();
	assert_int_equal(a.mine[0].asked + a.mine[1].asked, 0);
	sent_count = 0;
	a.mine[1].answers[place_of(QUERY)] = DHP_REQUIREMENTS_CHANGED;
	arrive();
	assert_int_equal(a.mine[0].asked, 1);
	assert_int_equal(a.mine[1].asked, 1);
	assert_int_equal(a.mine[0].asked_in, DHP_DEVICE_STOP_PENDING);
	assert_sent({ 0, 0, QUERY }, { 0, 1, QUERY }, { 0, 0, STOP }, { 0, 1, STOP }, { 0, 1, START }, { 0, 0, START });
	a.mine[0].nothing_to_move = true; /* S-424 */
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 1, QUERY }, { 0, 1, CANCEL }, { 0, 0, CANCEL });
	assert_int_equal(rebalance_stats(engine).refused_count, 0);
	probe_leave(&a);
	finish();
}

static void stop_and_cancel_cannot_fail_S418_S425(void **state)
{
	(void)state;
	begin(1);
	a.mine[0].answers[place_of(STOP)] = DHP_NO_MEMORY;
	a.mine[0].answers[place_of(CANCEL)] = DHP_NO_MEMORY;
	probe_join(&a);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	assert_int_equal(rebalance_stats(engine).broken_count, 1);
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_ok(dhp_device_send(a.device, CANCEL));
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	assert_int_equal(rebalance_stats(engine).broken_count, 2);
	probe_leave(&a);
	finish();
}

static void a_device_that_fails_to_start_is_removed_S430(void **state)
{
	(void)state;
	begin(3);
	a.mine[1].answers[place_of(START)] = DHP_NO_MEMORY;
	probe_join(&a);
	b.options.driver_count = 1;
	probe_join(&b);
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 1, QUERY }, { 0, 2, QUERY }, { 1, 0, QUERY },
		    { 0, 0, STOP }, { 0, 1, STOP }, { 0, 2, STOP }, { 1, 0, STOP },
		    { 0, 2, START }, { 0, 1, START }, { 0, 0, REMOVAL }, { 0, 1, REMOVAL }, { 0, 2, REMOVAL },
		    { 1, 0, START });
	assert_int_equal(state_of(&a), DHP_DEVICE_REMOVED);
	assert_int_equal(state_of(&b), DHP_DEVICE_STARTED);
	assert_int_equal(rebalance_stats(engine).removed_count, 1);
	arrive();
	assert_sent({ 1, 0, QUERY }, { 1, 0, STOP }, { 1, 0, START }); /* and hears nothing more */
	probe_leave(&a);
	probe_leave(&b);
	finish();
}

static void a_device_configured_at_boot_can_be_stopped_before_its_first_start_S427(void **state)
{
	(void)state;
	begin(1);
	a.options.boot_configured = true;
	probe_join(&a);
	assert_int_equal(state_of(&a), DHP_DEVICE_NOT_STARTED);
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_int_equal(state_of(&a), DHP_DEVICE_NOT_STARTED_PENDING);
	assert_ok(dhp_device_send(a.device, CANCEL));
	assert_int_equal(state_of(&a), DHP_DEVICE_NOT_STARTED);
	sent_count = 0;
	arrive();
	assert_int_equal(sent[0].state, DHP_DEVICE_NOT_STARTED);
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	assert_int_equal(state_of(&a), DHP_DEVICE_STARTED);
	probe_leave(&a);
	b.options.boot_configured = true;
	probe_join(&b);
	assert_ok(dhp_device_send(b.device, START));
	assert_int_equal(state_of(&b), DHP_DEVICE_STARTED);
	probe_leave(&b);
	finish();
}

/* ---- the table ---- */

#define NO DHP_INVALID_STATE

/* By state, then start, stop, query-stop, cancel-stop, surprise removal. */
static const struct expected {
	enum dhp_status result;
	enum dhp_device_state next;
} expected[6][5] = {
	[DHP_DEVICE_STARTED] = { { NO, 0 }, { NO, 0 }, { DHP_OK, DHP_DEVICE_STOP_PENDING }, { DHP_OK, DHP_DEVICE_STARTED },
				 { NO, 0 } },
	[DHP_DEVICE_STOP_PENDING] = { { NO, 1 }, { DHP_OK, DHP_DEVICE_STOPPED }, { NO, 1 }, { DHP_OK, DHP_DEVICE_STARTED },
				      { NO, 1 } },
	[DHP_DEVICE_STOPPED] = { { DHP_OK, DHP_DEVICE_STARTED }, { NO, 2 }, { NO, 2 }, { NO, 2 },
				 { DHP_OK, DHP_DEVICE_REMOVED } },
	[DHP_DEVICE_REMOVED] = { { NO, 3 }, { NO, 3 }, { NO, 3 }, { NO, 3 }, { NO, 3 } },
	[DHP_DEVICE_NOT_STARTED] = { { DHP_OK, DHP_DEVICE_STARTED }, { NO, 4 }, { DHP_OK, DHP_DEVICE_NOT_STARTED_PENDING },
				     { DHP_OK, DHP_DEVICE_NOT_STARTED }, { NO, 4 } },
	[DHP_DEVICE_NOT_STARTED_PENDING] = { { NO, 5 }, { DHP_OK, DHP_DEVICE_STOPPED }, { NO, 5 },
					     { DHP_OK, DHP_DEVICE_NOT_STARTED }, { NO, 5 } },
};

static const enum dhp_device_request requests[] = { START, STOP, QUERY, CANCEL, REMOVAL };

static void bring_to(enum dhp_device_state wanted)
{
	a.options.boot_configured = wanted >= DHP_DEVICE_NOT_STARTED;
	probe_join(&a);
	if (wanted == DHP_DEVICE_STARTED || wanted == DHP_DEVICE_NOT_STARTED)
		return;
	assert_ok(dhp_device_send(a.device, QUERY));
	if (wanted == DHP_DEVICE_STOP_PENDING || wanted == DHP_DEVICE_NOT_STARTED_PENDING)
		return;
	assert_ok(dhp_device_send(a.device, STOP));
	if (wanted == DHP_DEVICE_REMOVED)
		assert_ok(dhp_device_send(a.device, REMOVAL));
}

static void what_is_not_in_the_table_is_refused_and_not_delivered_S438_S439_S426(void **state)
{
	(void)state;
	begin(1);
	for (uint32_t from = 0; from < 6; from++) {
		for (uint32_t r = 0; r < LENGTH(requests); r++) {
			const struct expected *e = &expected[from][r];

			bring_to((enum dhp_device_state)from);
			assert_int_equal(state_of(&a), from);
			sent_count = 0;
			assert_status(dhp_device_send(a.device, requests[r]), e->result);
			assert_int_equal(state_of(&a), e->next);
			assert_int_equal(sent_count, e->result == DHP_OK ? 1 : 0);
			probe_leave(&a);
		}
	}
	finish();
}

static void a_device_left_stopped_or_pending_is_not_asked_again_S439(void **state)
{
	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_device_send(a.device, QUERY));
	sent_count = 0;
	arrive();
	assert_int_equal(sent_count, 0);
	assert_ok(dhp_device_send(a.device, STOP));
	arrive();
	assert_int_equal(sent_count, 1);
	assert_ok(dhp_device_send(a.device, START));
	sent_count = 0;
	arrive();
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	probe_leave(&a);
	finish();
}

/* ---- arrivals go on ---- */

static uint64_t removals_heard;

static void hear_both(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	(void)bump(arrival->event == DHP_EVENT_REMOVAL ? &removals_heard : &arrivals_heard);
}

static void a_stopped_device_disables_no_interface_S435(void **state)
{
	struct dhp_arrival_notify *arrivals;

	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_device_send(a.device, QUERY));
	assert_ok(dhp_device_send(a.device, STOP));
	assert_ok(dhp_arrival_drain(engine));
	poke(&arrivals_heard, 0);
	poke(&removals_heard, 0);
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, hear_both, NULL, DHP_NOTIFY_EXISTING, &arrivals));
	assert_int_equal(peek(&arrivals_heard), 1);
	arrive();
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&arrivals_heard), 2);
	assert_int_equal(peek(&removals_heard), 0);
	assert_int_equal(state_of(&a), DHP_DEVICE_STOPPED);
	dhp_arrival_unregister(arrivals);
	probe_leave(&a);
	finish();
}

/* ---- bad input ---- */

static struct dhp_feed *outside; /* of a driver */

static void call_what_a_driver_may_not(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	struct dhp_device *device;
	struct dhp_feed *feed;

	(void)driver;
	if (call->request != QUERY)
		return;
	probe->results[0] = dhp_device_send(probe->device, STOP);
	probe->results[1] = dhp_device_register(probe->engine, &probe->options, &device);
	probe->results[2] = dhp_device_unregister(probe->device);
	probe->results[3] = dhp_rebalance_drain(probe->engine);
	probe->results[4] = dhp_rebalance_configure(probe->engine, NULL);
	probe->results[5] = dhp_feed_create(probe->engine, NULL, NULL, &feed);
	probe->results[6] = dhp_engine_destroy(probe->engine);
	probe->results[7] = dhp_feed_destroy(outside);
}

static void calls_from_a_driver_are_refused_S415(void **state)
{
	(void)state;
	begin(1);
	a.also = call_what_a_driver_may_not;
	assert_ok(dhp_feed_create(engine, NULL, NULL, &outside));
	probe_join(&a);
	rebalance(engine);
	for (uint32_t i = 0; i < 8; i++)
		assert_status(a.results[i], DHP_IN_CALLBACK);
	assert_ok(dhp_feed_destroy(outside));
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	probe_leave(&a);
	finish();
}

/* In Start and Complete. The partition's lock is held there, which a driver may want. */
static void call_what_a_registrant_may_not(void *context, const struct dhp_processor_change *change,
					   enum dhp_status *status)
{
	struct probe *probe = context;
	struct dhp_device *device;
	struct dhp_feed *feed;
	uint32_t at = change->state == DHP_CHANGE_START ? 0 : 6;

	(void)status;
	probe->results[at++] = dhp_device_send(probe->device, STOP);
	probe->results[at++] = dhp_device_register(probe->engine, &probe->options, &device);
	probe->results[at++] = dhp_device_unregister(probe->device);
	probe->results[at++] = dhp_rebalance_drain(probe->engine);
	probe->results[at++] = dhp_rebalance_configure(probe->engine, NULL);
	probe->results[at] = dhp_feed_create(probe->engine, NULL, NULL, &feed);
}

static void calls_from_a_synchronous_callback_are_refused_S195(void **state)
{
	struct dhp_notify *registration;

	(void)state;
	begin(1);
	probe_join(&a);
	assert_ok(dhp_notify_register(a.engine, call_what_a_registrant_may_not, &a, 0, &registration));
	assert_ok(add_position(a.engine, 1));
	assert_ok(dhp_rebalance_drain(a.engine));
	for (uint32_t i = 0; i < 12; i++)
		assert_status(a.results[i], DHP_IN_CALLBACK);
	assert_sent({ 0, 0, QUERY }, { 0, 0, STOP }, { 0, 0, START });
	assert_ok(dhp_notify_unregister(registration));
	probe_leave(&a);
	finish();
}

/* It waits for the partition's lock; the transaction that has it goes on. */
static void flush_in_stop(struct probe *probe, uint32_t driver, const struct dhp_device_call *call)
{
	(void)driver;
	if (call->request != STOP)
		return;
	poke(&probe->seen, 1);
	probe->results[0] = dhp_dpc_flush(probe->engine);
}

static void make_a_feed(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct probe *probe = context;
	struct dhp_feed *feed;

	(void)status;
	if (change->index != 2 || change->state != DHP_CHANGE_COMPLETE)
		return;
	probe->results[1] = wait_for_count(&probe->seen, 1) ? DHP_OK : DHP_TIMED_OUT;
	probe->results[2] = dhp_feed_create(probe->engine, probe->device, NULL, &feed);
}

static void a_driver_that_flushes_meets_a_callback_that_wants_a_feed_S195_S418(void **state)
{
	struct dhp_notify *registration;

	(void)state;
	begin(1);
	a.also = flush_in_stop;
	probe_join(&a);
	assert_ok(dhp_notify_register(a.engine, make_a_feed, &a, 0, &registration));
	assert_ok(add_position(a.engine, 1)); /* its rebalance runs while the next one arrives, or together with that one's */
	assert_ok(add_position(a.engine, 2));
	assert_ok(dhp_rebalance_drain(a.engine));
	assert_ok(a.results[0]);
	assert_ok(a.results[1]);
	assert_status(a.results[2], DHP_IN_CALLBACK);
	assert_ok(dhp_notify_unregister(registration));
	probe_leave(&a);
	finish();
}

static void bad_input_is_named_and_changes_nothing(void **state)
{
	struct dhp_device_options options;
	struct dhp_rebalance_options wrong = { .size = 1 };
	struct dhp_device *device = NULL;
	enum dhp_device_state device_state;

	(void)state;
	begin(1);
	options = a.options;
	assert_status(dhp_device_register(NULL, &options, &device), DHP_BAD_ENGINE);
	assert_status(dhp_device_register(engine, NULL, &device), DHP_BAD_OPTIONS);
	assert_status(dhp_device_register(engine, &options, NULL), DHP_BAD_RESULT);
	options.size--;
	assert_status(dhp_device_register(engine, &options, &device), DHP_BAD_OPTIONS);
	options = a.options;
	options.driver_count = 0;
	assert_status(dhp_device_register(engine, &options, &device), DHP_BAD_OPTIONS);
	options.driver_count = DHP_DRIVERS_LIMIT + 1;
	assert_status(dhp_device_register(engine, &options, &device), DHP_BAD_OPTIONS);
	options = a.options;
	options.drivers = NULL;
	assert_status(dhp_device_register(engine, &options, &device), DHP_BAD_OPTIONS);
	options = a.options;
	options.setup_class = DHP_SETUP_CLASSES;
	assert_status(dhp_device_register(engine, &options, &device), DHP_BAD_CLASS);
	assert_null(device);
	assert_ok(dhp_device_unregister(NULL));
	assert_status(dhp_device_send(NULL, START), DHP_BAD_OBJECT);
	assert_status(dhp_device_state_read(NULL, &device_state), DHP_BAD_OBJECT);
	assert_status(dhp_device_set_policy(NULL, 1), DHP_BAD_OBJECT);
	assert_status(dhp_setup_class_set(NULL, 0, DHP_OPT_OUT_TRUE), DHP_BAD_ENGINE);
	assert_status(dhp_setup_class_set(engine, DHP_SETUP_CLASSES, DHP_OPT_OUT_TRUE), DHP_BAD_CLASS);
	assert_status(dhp_setup_class_set(engine, 0, (enum dhp_opt_out)4), DHP_BAD_POLICY);
	assert_status(dhp_rebalance_configure(NULL, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_rebalance_configure(engine, &wrong), DHP_BAD_OPTIONS);
	assert_status(dhp_rebalance_request(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_rebalance_drain(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_rebalance_stats_read(NULL, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_rebalance_stats_read(engine, NULL), DHP_BAD_RESULT);
	rebalance(engine); /* without a device it is done at once */
	probe_join(&a);
	assert_status(dhp_device_send(a.device, (enum dhp_device_request)1), DHP_BAD_REQUEST);
	assert_status(dhp_device_state_read(a.device, NULL), DHP_BAD_RESULT);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_int_equal(sent_count, 0);
	probe_leave(&a);
	finish();
}

/* ---- inside a DPC: a checked build stops the program there, see S-041 ---- */

static enum dhp_status from_dpc[13];

static void ignore_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)request, (void)context, (void)status;
}

static void call_passive_ones(struct dhp_dpc *dpc, void *context, void *x, void *y)
{
	struct dhp_hold *hold = context, *none;
	struct dhp_device *device;
	struct dhp_feed *feed;
	uint32_t at = 0;

	(void)dpc, (void)x, (void)y;
	from_dpc[at++] = dhp_device_register(engine, &a.options, &device);
	from_dpc[at++] = dhp_device_unregister(a.device);
	from_dpc[at++] = dhp_device_send(a.device, QUERY);
	from_dpc[at++] = dhp_feed_create(engine, NULL, NULL, &feed);
	from_dpc[at++] = dhp_rebalance_configure(engine, NULL);
	from_dpc[at++] = dhp_rebalance_request(engine);
	from_dpc[at++] = dhp_rebalance_drain(engine);
	from_dpc[at++] = dhp_hold_create(engine, ignore_request, NULL, &none);
	from_dpc[at++] = dhp_hold_destroy(hold);
	from_dpc[at++] = dhp_hold_wait(hold, 0);
	from_dpc[at++] = dhp_pause_all(engine, 0);
	from_dpc[at++] = dhp_resume_all(engine);
	from_dpc[at++] = dhp_feed_destroy(y);
}

static void calls_for_passive_level_are_refused_in_a_dpc_S041_S415(void **state)
{
	struct dhp_hold *hold;
	struct dhp_feed *feed;
	struct dhp_dpc dpc;

	(void)state;
	if (DHP_CHECKS >= 2)
		skip();
	begin(1);
	probe_join(&a);
	assert_ok(dhp_hold_create(engine, ignore_request, NULL, &hold));
	assert_ok(dhp_feed_create(engine, NULL, NULL, &feed));
	assert_ok(dhp_dpc_init(&dpc, engine, call_passive_ones, hold));
	assert_ok(dhp_dpc_insert(&dpc, NULL, feed));
	assert_ok(dhp_dpc_flush(engine));
	for (uint32_t i = 0; i < LENGTH(from_dpc); i++)
		assert_status(from_dpc[i], DHP_WRONG_LEVEL);
	assert_int_equal(sent_count, 0);
	assert_ok(dhp_feed_destroy(feed));
	assert_ok(dhp_hold_destroy(hold));
	probe_leave(&a);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_arrival_starts_a_rebalance_S401),
		cmocka_unit_test(a_failed_arrival_starts_none_S401),
		cmocka_unit_test(the_device_policy_decides_where_it_is_explicit_S402_S403_S406),
		cmocka_unit_test(network_devices_stay_out_unless_told_S405_S406),
		cmocka_unit_test(a_class_is_out_only_when_its_property_is_true_S404),
		cmocka_unit_test(requests_of_two_threads_are_sent_one_after_the_other),
		cmocka_unit_test(a_rebalance_for_another_reason_asks_everybody_S407),
		cmocka_unit_test(the_policy_is_read_at_the_start_of_each_rebalance_S408),
		cmocka_unit_test(one_rebalance_may_serve_a_burst_and_one_begins_after_the_last_S410),
		cmocka_unit_test(what_is_asked_for_during_a_rebalance_is_merged_into_one_more_S410),
		cmocka_unit_test(a_rebalance_starts_after_complete_and_arrival_S017),
		cmocka_unit_test(requests_go_down_and_up_the_stack_S415_S416),
		cmocka_unit_test(a_cancel_goes_up_the_stack_S416_S424),
		cmocka_unit_test(all_queries_before_stops_and_stops_before_starts_S433),
		cmocka_unit_test(drivers_without_routines_agree_S450),
		cmocka_unit_test(start_tells_the_new_processors_and_each_state_is_as_the_table_says_S429),
		cmocka_unit_test(a_refusal_is_counted_and_the_others_go_on_S419_S420_S421_S422_S426_S417),
		cmocka_unit_test(anything_but_plain_success_refuses_S421),
		cmocka_unit_test(one_refusal_abandons_all_where_the_options_say_so_S422),
		cmocka_unit_test(changed_requirements_are_asked_for_before_the_stop_S423_S428),
		cmocka_unit_test(stop_and_cancel_cannot_fail_S418_S425),
		cmocka_unit_test(a_device_that_fails_to_start_is_removed_S430),
		cmocka_unit_test(a_device_configured_at_boot_can_be_stopped_before_its_first_start_S427),
		cmocka_unit_test(what_is_not_in_the_table_is_refused_and_not_delivered_S438_S439_S426),
		cmocka_unit_test(a_device_left_stopped_or_pending_is_not_asked_again_S439),
		cmocka_unit_test(a_stopped_device_disables_no_interface_S435),
		cmocka_unit_test(calls_from_a_driver_are_refused_S415),
		cmocka_unit_test(calls_from_a_synchronous_callback_are_refused_S195),
		cmocka_unit_test(a_driver_that_flushes_meets_a_callback_that_wants_a_feed_S195_S418),
		cmocka_unit_test(calls_for_passive_level_are_refused_in_a_dpc_S041_S415),
		cmocka_unit_test(bad_input_is_named_and_changes_nothing),
	};

	return cmocka_run_group_tests_name("rebalance_devices", tests, NULL, NULL);
}
