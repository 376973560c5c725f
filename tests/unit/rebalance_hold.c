/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The holding queue: one flag, one order, one count of what is in flight; and the pause of all queues.
 */
#include "support.h"

#include <stdlib.h>

#include <dhp/hold.h>

#define ITEMS 64u

/* A request that writes down when it began. Plain memory: the queue's order is what keeps it whole. */
struct item {
	struct dhp_request request; /* first */
	uint32_t number;
	enum dhp_status began_with;
	uint64_t calls;
};

static struct item items[ITEMS];
static uint32_t began[4 * ITEMS], began_count;
static bool completes; /* in the routine */
static struct dhp_hold *hold;
static struct dhp_engine *engine;
static void (*also)(struct item *item);

static void begin_item(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct item *item = (struct item *)(void *)request;

	(void)context;
	item->began_with = status;
	item->calls++;
	if (status != DHP_OK)
		return;
	began[began_count++ % LENGTH(began)] = item->number;
	if (completes)
		(void)dhp_request_complete(request);
	if (also != NULL)
		also(item);
}

static void begin(void)
{
	engine = make_sim_of(4, 1);
	assert_ok(dhp_hold_create(engine, begin_item, NULL, &hold));
	memset(items, 0, sizeof(items));
	for (uint32_t i = 0; i < ITEMS; i++) {
		items[i].number = i;
		assert_ok(dhp_request_init(&items[i].request, hold, 0));
	}
	began_count = 0;
	completes = true;
	also = NULL;
}

static void finish(void)
{
	assert_ok(dhp_hold_destroy(hold));
	end_engine(engine);
}

static struct dhp_hold_stats stats_of(struct dhp_hold *of)
{
	struct dhp_hold_stats stats;

	assert_ok(dhp_hold_stats_read(of, &stats));
	return stats;
}

static void submit_all(uint32_t from, uint32_t to, enum dhp_status expected)
{
	for (uint32_t i = from; i < to; i++)
		assert_status(dhp_request_submit(&items[i].request), expected);
}

static void assert_began(const uint32_t *numbers, uint32_t count)
{
	assert_int_equal(began_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(began[i], numbers[i]);
}

static void the_flag_is_clear_at_first_and_requests_pass_S440(void **state)
{
	(void)state;
	begin();
	submit_all(0, 4, DHP_OK);
	assert_began((const uint32_t[]){ 0, 1, 2, 3 }, 4);
	assert_int_equal(stats_of(hold).holding_since_ns, 0);
	assert_int_equal(stats_of(hold).held_count, 0);
	finish();
}

static void held_requests_keep_their_order_S442_S444(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_hold_begin(hold));
	submit_all(0, ITEMS, DHP_HELD);
	assert_int_equal(began_count, 0);
	assert_int_equal(stats_of(hold).waiting_count, ITEMS);
	assert_ok(dhp_hold_end(hold));
	assert_int_equal(began_count, ITEMS);
	for (uint32_t i = 0; i < ITEMS; i++)
		assert_int_equal(began[i], i);
	assert_int_equal(stats_of(hold).waiting_count, 0);
	submit_all(0, 1, DHP_OK); /* the flag is clear again */
	finish();
}

static void submit_another_while_draining(struct item *item)
{
	if (item->number < 4)
		(void)dhp_request_submit(&items[8 + item->number].request);
}

static void what_comes_while_the_queue_drains_joins_the_tail_S446(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_hold_begin(hold));
	submit_all(0, 6, DHP_HELD);
	also = submit_another_while_draining;
	assert_ok(dhp_hold_end(hold));
	assert_began((const uint32_t[]){ 0, 1, 2, 3, 4, 5, 8, 9, 10, 11 }, 10);
	assert_int_equal(stats_of(hold).held_count, 10);
	finish();
}

static void hold_again(struct item *item)
{
	if (item->number == 1)
		(void)dhp_hold_begin(hold);
}

static void a_hold_that_begins_while_the_queue_drains_keeps_the_rest_waiting_S444(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_hold_begin(hold));
	submit_all(0, 4, DHP_HELD);
	also = hold_again;
	assert_ok(dhp_hold_end(hold));
	assert_began((const uint32_t[]){ 0, 1 }, 2);
	also = NULL;
	submit_all(4, 5, DHP_HELD);
	assert_ok(dhp_hold_wait(hold, 0));
	assert_ok(dhp_hold_end(hold));
	assert_began((const uint32_t[]){ 0, 1, 2, 3, 4 }, 5);
	finish();
}

static void a_cancelled_request_leaves_the_others_in_order_S447(void **state)
{
	(void)state;
	begin();
	assert_status(dhp_request_cancel(&items[0].request), DHP_NOT_HELD);
	assert_ok(dhp_hold_begin(hold));
	submit_all(0, 5, DHP_HELD);
	assert_ok(dhp_request_cancel(&items[2].request));
	assert_status(items[2].began_with, DHP_CANCELLED);
	assert_int_equal(items[2].calls, 1);
	assert_status(dhp_request_cancel(&items[2].request), DHP_NOT_HELD);
	assert_int_equal(stats_of(hold).cancelled_count, 1);
	assert_int_equal(stats_of(hold).waiting_count, 4);
	submit_all(2, 3, DHP_HELD); /* idle again: it may be submitted, at the tail */
	assert_ok(dhp_hold_end(hold));
	assert_began((const uint32_t[]){ 0, 1, 3, 4, 2 }, 5);
	assert_status(dhp_request_cancel(&items[1].request), DHP_NOT_HELD);
	finish();
}

static void quiet_is_when_the_last_in_flight_is_over_S442_S448(void **state)
{
	(void)state;
	begin();
	completes = false;
	assert_status(dhp_hold_wait(hold, 0), DHP_INVALID_STATE);
	submit_all(0, 2, DHP_OK);
	assert_int_equal(stats_of(hold).in_flight_count, 2);
	assert_ok(dhp_hold_begin(hold));
	assert_int_equal(stats_of(hold).in_flight_count, 2);
	assert_status(dhp_hold_wait(hold, 1000000), DHP_NOT_QUIET);
	assert_ok(dhp_request_complete(&items[0].request));
	assert_status(dhp_hold_wait(hold, 1000000), DHP_NOT_QUIET);
	assert_ok(dhp_request_complete(&items[1].request));
	assert_status(dhp_request_complete(&items[1].request), DHP_INVALID_STATE);
	assert_ok(dhp_hold_wait(hold, 0));
	assert_int_equal(stats_of(hold).in_flight_count, 0);
	assert_ok(dhp_hold_end(hold));
	finish();
}

static void *complete_later(void *argument)
{
	struct item *item = argument;

	sleep_us(20000);
	item->number = 77; /* plain: the wait must order it */
	(void)dhp_request_complete(&item->request);
	return NULL;
}

static void who_waits_for_quiet_is_woken_and_sees_what_was_done_S442(void **state)
{
	struct helper helper;

	(void)state;
	begin();
	completes = false;
	submit_all(0, 1, DHP_OK);
	assert_ok(dhp_hold_begin(hold));
	helper_start(&helper, complete_later, &items[0]);
	assert_ok(dhp_hold_wait(hold, 0));
	assert_int_equal(items[0].number, 77);
	assert_ok(dhp_hold_end(hold));
	helper_join(&helper);
	finish();
}

static void pnp_and_power_requests_are_never_held_S443(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_request_init(&items[0].request, hold, DHP_REQUEST_NEVER_HELD));
	assert_ok(dhp_hold_begin(hold));
	completes = false;
	submit_all(1, 2, DHP_HELD);
	submit_all(0, 1, DHP_OK);
	assert_began((const uint32_t[]){ 0 }, 1);
	assert_ok(dhp_hold_wait(hold, 1000000)); /* it is not in the way of quiet */
	assert_ok(dhp_request_complete(&items[0].request));
	completes = true;
	assert_ok(dhp_hold_end(hold));
	assert_began((const uint32_t[]){ 0, 1 }, 2);
	finish();
}

static void the_length_of_a_hold_is_measured_S451(void **state)
{
	struct dhp_hold_stats stats;

	(void)state;
	begin();
	assert_ok(dhp_hold_begin(hold));
	assert_true(stats_of(hold).holding_since_ns != 0);
	sleep_us(2000);
	assert_ok(dhp_hold_end(hold));
	stats = stats_of(hold);
	assert_true(stats.last_hold_ns >= 2000000);
	assert_true(stats.longest_hold_ns == stats.last_hold_ns);
	assert_int_equal(stats.holds_count, 1);
	assert_int_equal(stats.holding_since_ns, 0);
	assert_ok(dhp_hold_begin(hold));
	assert_ok(dhp_hold_end(hold));
	assert_int_equal(stats_of(hold).holds_count, 2);
	assert_true(stats_of(hold).longest_hold_ns >= stats.longest_hold_ns);
	finish();
}

static void two_holders_hold_until_both_have_ended_S440(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_hold_begin(hold));
	assert_ok(dhp_hold_begin(hold));
	submit_all(0, 2, DHP_HELD);
	assert_ok(dhp_hold_end(hold));
	assert_int_equal(began_count, 0);
	assert_ok(dhp_hold_end(hold));
	assert_int_equal(began_count, 2);
	assert_status(dhp_hold_end(hold), DHP_INVALID_STATE);
	finish();
}

static void bad_input_is_named_and_changes_nothing(void **state)
{
	struct dhp_request never;
	struct dhp_hold *other = NULL;
	struct dhp_hold_stats stats;

	(void)state;
	begin();
	memset(&never, 0, sizeof(never));
	assert_status(dhp_hold_create(NULL, begin_item, NULL, &other), DHP_BAD_ENGINE);
	assert_status(dhp_hold_create(engine, NULL, NULL, &other), DHP_BAD_CALLBACK);
	assert_status(dhp_hold_create(engine, begin_item, NULL, NULL), DHP_BAD_RESULT);
	assert_null(other);
	assert_status(dhp_request_init(NULL, hold, 0), DHP_BAD_OBJECT);
	assert_status(dhp_request_init((struct dhp_request *)((uintptr_t)&never + 1), hold, 0), DHP_BAD_OBJECT);
	assert_status(dhp_request_init(&never, NULL, 0), DHP_BAD_OBJECT);
	assert_status(dhp_request_init(&never, hold, 4), DHP_BAD_FLAGS);
	assert_status(dhp_request_submit(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_request_submit(&never), DHP_BAD_OBJECT);
	assert_status(dhp_request_complete(&never), DHP_BAD_OBJECT);
	assert_status(dhp_request_cancel(&never), DHP_BAD_OBJECT);
	assert_status(dhp_request_complete(&items[0].request), DHP_INVALID_STATE);
	assert_status(dhp_hold_begin(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_hold_end(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_hold_end(hold), DHP_INVALID_STATE);
	assert_status(dhp_hold_wait(NULL, 0), DHP_BAD_OBJECT);
	assert_status(dhp_hold_stats_read(NULL, &stats), DHP_BAD_OBJECT);
	assert_status(dhp_hold_stats_read(hold, NULL), DHP_BAD_RESULT);
	assert_status(dhp_pause_all(NULL, 0), DHP_BAD_ENGINE);
	assert_status(dhp_resume_all(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_resume_all(engine), DHP_INVALID_STATE);
	assert_ok(dhp_hold_destroy(NULL));
	finish();
}

static void a_queue_in_use_is_not_destroyed_and_keeps_the_engine(void **state)
{
	(void)state;
	begin();
	completes = false;
	submit_all(0, 1, DHP_OK);
	assert_status(dhp_request_submit(&items[0].request), DHP_IN_USE);
	assert_status(dhp_hold_destroy(hold), DHP_IN_USE);
	assert_ok(dhp_request_complete(&items[0].request));
	assert_ok(dhp_hold_begin(hold));
	assert_status(dhp_hold_destroy(hold), DHP_IN_USE);
	submit_all(1, 2, DHP_HELD);
	assert_status(dhp_hold_destroy(hold), DHP_IN_USE);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	completes = true;
	assert_ok(dhp_hold_end(hold));
	finish();
}

/* ---- pause and resume ---- */

static uint64_t changes;

static void count_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)change;
	(void)status;
	changes++;
}

static void a_pause_holds_every_queue_until_the_resume_S736_S737_S740(void **state)
{
	struct dhp_hold *other;
	struct dhp_request request;

	(void)state;
	begin();
	assert_ok(dhp_hold_create(engine, begin_item, NULL, &other));
	assert_ok(dhp_request_init(&request, other, 0));
	assert_ok(dhp_pause_all(engine, 0));
	assert_status(dhp_pause_all(engine, 0), DHP_INVALID_STATE);
	submit_all(0, 3, DHP_HELD);
	assert_ok(dhp_request_init(&items[9].request, other, 0));
	submit_all(9, 10, DHP_HELD);
	assert_int_equal(began_count, 0);
	assert_ok(dhp_resume_all(engine));
	assert_began((const uint32_t[]){ 0, 1, 2, 9 }, 4);
	assert_status(dhp_resume_all(engine), DHP_INVALID_STATE);
	assert_ok(dhp_hold_destroy(other));
	finish();
}

static void a_queue_made_during_a_pause_holds_S740(void **state)
{
	struct dhp_hold *late;

	(void)state;
	begin();
	assert_ok(dhp_pause_all(engine, 0));
	assert_ok(dhp_hold_create(engine, begin_item, NULL, &late));
	assert_ok(dhp_request_init(&items[5].request, late, 0));
	submit_all(5, 6, DHP_HELD);
	assert_ok(dhp_resume_all(engine));
	assert_began((const uint32_t[]){ 5 }, 1);
	assert_ok(dhp_hold_destroy(late));
	finish();
}

static void an_end_without_a_begin_does_not_end_a_pause_S740(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_pause_all(engine, 0));
	assert_status(dhp_hold_end(hold), DHP_INVALID_STATE);
	submit_all(0, 2, DHP_HELD);
	assert_ok(dhp_hold_begin(hold));
	assert_ok(dhp_hold_end(hold));
	assert_int_equal(began_count, 0);
	assert_ok(dhp_resume_all(engine));
	assert_began((const uint32_t[]){ 0, 1 }, 2);
	assert_status(dhp_hold_end(hold), DHP_INVALID_STATE);
	finish();
}

static void a_pause_that_does_not_get_quiet_leaves_everything_as_it_was_S740(void **state)
{
	(void)state;
	begin();
	completes = false;
	submit_all(0, 1, DHP_OK);
	assert_status(dhp_pause_all(engine, 2000000), DHP_NOT_QUIET);
	submit_all(1, 2, DHP_OK);
	assert_ok(dhp_request_complete(&items[0].request));
	assert_ok(dhp_request_complete(&items[1].request));
	assert_ok(dhp_pause_all(engine, 0)); /* nobody is asked, and nobody refuses */
	assert_ok(dhp_resume_all(engine));
	finish();
}

static enum dhp_status in_resume[4];

static void call_what_a_resume_forbids(struct item *item)
{
	struct dhp_hold *none;

	(void)item;
	in_resume[0] = dhp_pause_all(engine, 0);
	in_resume[1] = dhp_resume_all(engine);
	in_resume[2] = dhp_hold_create(engine, begin_item, NULL, &none);
	in_resume[3] = dhp_hold_destroy(hold);
}

static void calls_from_inside_a_resume_are_refused(void **state)
{
	(void)state;
	begin();
	assert_ok(dhp_pause_all(engine, 0));
	submit_all(0, 1, DHP_HELD);
	also = call_what_a_resume_forbids;
	assert_ok(dhp_resume_all(engine));
	for (size_t i = 0; i < LENGTH(in_resume); i++)
		assert_status(in_resume[i], DHP_IN_CALLBACK);
	finish();
}

/* The partition's lock is held there, and a request that a resume begins may want it. */
static void forbidden_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)status;
	if (change->state == DHP_CHANGE_START)
		call_what_a_resume_forbids(NULL);
}

static void calls_from_a_synchronous_callback_are_refused_S195(void **state)
{
	struct dhp_notify *registration;

	(void)state;
	begin();
	assert_ok(dhp_notify_register(engine, forbidden_in_start, NULL, 0, &registration));
	add_positions(engine, 1, 2);
	for (size_t i = 0; i < LENGTH(in_resume); i++)
		assert_status(in_resume[i], DHP_IN_CALLBACK);
	assert_ok(dhp_pause_all(engine, 0)); /* nothing was paused */
	assert_ok(dhp_resume_all(engine));
	assert_ok(dhp_notify_unregister(registration));
	finish();
}

static void a_replacement_sends_no_start_and_moves_no_slot_S739(void **state)
{
	struct dhp_notify *registration;
	struct dhp_percpu *array;
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct dhp_processor before[3], after[3];
	void *slots[3];

	(void)state;
	begin();
	add_positions(engine, 1, 3);
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_ok(dhp_notify_register(engine, count_change, NULL, 0, &registration));
	changes = 0;
	memset(before, 0, sizeof(before));
	memset(after, 0, sizeof(after));
	for (uint32_t i = 0; i < 3; i++) {
		slots[i] = dhp_percpu_at(array, i);
		assert_ok(dhp_processor_at(engine, i, &before[i]));
	}
	assert_ok(dhp_pause_all(engine, 0));
	assert_ok(dhp_engine_rescan(engine)); /* the platform after the exchange: the same processors */
	assert_ok(dhp_resume_all(engine));
	assert_int_equal(changes, 0);
	assert_int_equal(active_count(engine), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_ptr_equal(dhp_percpu_at(array, i), slots[i]);
		assert_ok(dhp_processor_at(engine, i, &after[i]));
	}
	assert_memory_equal(before, after, sizeof(before));
	dhp_notify_unregister(registration);
	dhp_percpu_destroy(array);
	finish();
}

/* ---- races ---- */

#define THREADS 3u
#define PER_THREAD 32u

struct racer {
	struct racing_item {
		struct dhp_request request; /* first */
		struct racer *racer;
		uint64_t number;
		uint64_t busy; /* until it is completed or cancelled */
	} items[PER_THREAD];
	struct gate *gate;
	uint64_t submitted, began, cancelled, out_of_order, last;
	uint64_t rounds;
	bool cancels;
};

static uint64_t in_flight_while_quiet, in_flight;

static void begin_racing(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct racing_item *item = (struct racing_item *)(void *)request;

	(void)context;
	if (status == DHP_CANCELLED) {
		(void)bump(&item->racer->cancelled);
		poke(&item->busy, 0);
		return;
	}
	(void)bump(&in_flight);
	if (item->number < item->racer->last) /* plain memory: one source's requests begin one after another */
		item->racer->out_of_order++;
	item->racer->last = item->number;
	(void)bump(&item->racer->began);
	(void)__atomic_fetch_sub(&in_flight, 1, __ATOMIC_RELAXED);
	(void)dhp_request_complete(request);
	__atomic_store_n(&item->busy, 0, __ATOMIC_RELEASE);
}

static void *race(void *argument)
{
	struct racer *racer = argument;
	uint64_t dice = 77 + (uintptr_t)racer % 1000;

	gate_pass(racer->gate);
	for (uint64_t n = 1; n <= racer->rounds; n++) {
		struct racing_item *item = &racer->items[n % PER_THREAD];

		while (__atomic_load_n(&item->busy, __ATOMIC_ACQUIRE) != 0)
			sleep_us(10);
		item->number = n;
		poke(&item->busy, 1);
		racer->submitted++;
		if (dhp_request_submit(&item->request) == DHP_HELD && racer->cancels && roll(&dice) % 3 == 0)
			(void)dhp_request_cancel(&item->request);
	}
	return NULL;
}

/* Threads submit, and cancel, while the main thread holds and lets go. */
static void race_with_holds(bool cancels)
{
	struct racer *racers = calloc(THREADS, sizeof(*racers));
	struct helper helpers[THREADS];
	struct dhp_hold *raced;
	struct gate gate;
	uint64_t rounds = TIMES(20000);

	begin();
	assert_non_null(racers);
	assert_ok(dhp_hold_create(engine, begin_racing, NULL, &raced));
	in_flight_while_quiet = 0;
	gate_init(&gate, THREADS + 1);
	for (uint32_t t = 0; t < THREADS; t++) {
		racers[t] = (struct racer){ .gate = &gate, .rounds = rounds, .cancels = cancels };
		for (uint32_t i = 0; i < PER_THREAD; i++) {
			racers[t].items[i].racer = &racers[t];
			assert_ok(dhp_request_init(&racers[t].items[i].request, raced, 0));
		}
		helper_start(&helpers[t], race, &racers[t]);
	}
	gate_pass(&gate);
	for (uint32_t i = 0; i < TIMES(400); i++) {
		assert_ok(dhp_hold_begin(raced));
		assert_ok(dhp_hold_wait(raced, 0));
		in_flight_while_quiet += peek(&in_flight);
		sleep_us(20);
		in_flight_while_quiet += peek(&in_flight);
		assert_ok(dhp_hold_end(raced));
		sleep_us(20);
	}
	for (uint32_t t = 0; t < THREADS; t++) {
		helper_join(&helpers[t]);
		assert_int_equal(racers[t].out_of_order, 0);
		assert_int_equal(racers[t].submitted, rounds);
		assert_int_equal(peek(&racers[t].began) + peek(&racers[t].cancelled), rounds);
	}
	assert_int_equal(in_flight_while_quiet, 0);
	assert_ok(dhp_hold_destroy(raced));
	free(racers);
	finish();
}

static void none_is_lost_and_each_source_keeps_its_order_under_holds_S431_S442_S446(void **state)
{
	(void)state;
	race_with_holds(false);
}

static void each_held_request_begins_or_is_cancelled_under_holds_S447(void **state)
{
	(void)state;
	race_with_holds(true);
}

/* ---- level ---- */

static uint64_t dpc_done;
static enum dhp_status in_dpc[5];

static void submit_in_dpc(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	(void)dpc, (void)context, (void)a, (void)b;
	in_dpc[0] = dhp_hold_begin(hold);
	in_dpc[1] = dhp_request_submit(&items[0].request);
	in_dpc[2] = dhp_request_submit(&items[1].request);
	in_dpc[3] = dhp_request_cancel(&items[1].request);
	in_dpc[4] = dhp_hold_end(hold);
	(void)bump(&dpc_done);
}

static void all_but_waiting_works_at_dispatch_level(void **state)
{
	static const enum dhp_status expected[] = { DHP_OK, DHP_HELD, DHP_HELD, DHP_OK, DHP_OK };
	struct dhp_dpc dpc;

	(void)state;
	begin();
	assert_ok(dhp_dpc_init(&dpc, engine, submit_in_dpc, NULL));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	for (size_t i = 0; i < LENGTH(expected); i++)
		assert_status(in_dpc[i], expected[i]);
	assert_began((const uint32_t[]){ 0 }, 1);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_flag_is_clear_at_first_and_requests_pass_S440),
		cmocka_unit_test(held_requests_keep_their_order_S442_S444),
		cmocka_unit_test(what_comes_while_the_queue_drains_joins_the_tail_S446),
		cmocka_unit_test(a_hold_that_begins_while_the_queue_drains_keeps_the_rest_waiting_S444),
		cmocka_unit_test(a_cancelled_request_leaves_the_others_in_order_S447),
		cmocka_unit_test(quiet_is_when_the_last_in_flight_is_over_S442_S448),
		cmocka_unit_test(who_waits_for_quiet_is_woken_and_sees_what_was_done_S442),
		cmocka_unit_test(pnp_and_power_requests_are_never_held_S443),
		cmocka_unit_test(the_length_of_a_hold_is_measured_S451),
		cmocka_unit_test(two_holders_hold_until_both_have_ended_S440),
		cmocka_unit_test(bad_input_is_named_and_changes_nothing),
		cmocka_unit_test(a_queue_in_use_is_not_destroyed_and_keeps_the_engine),
		cmocka_unit_test(a_pause_holds_every_queue_until_the_resume_S736_S737_S740),
		cmocka_unit_test(a_queue_made_during_a_pause_holds_S740),
		cmocka_unit_test(an_end_without_a_begin_does_not_end_a_pause_S740),
		cmocka_unit_test(a_pause_that_does_not_get_quiet_leaves_everything_as_it_was_S740),
		cmocka_unit_test(calls_from_inside_a_resume_are_refused),
		cmocka_unit_test(calls_from_a_synchronous_callback_are_refused_S195),
		cmocka_unit_test(a_replacement_sends_no_start_and_moves_no_slot_S739),
		cmocka_unit_test(none_is_lost_and_each_source_keeps_its_order_under_holds_S431_S442_S446),
		cmocka_unit_test(each_held_request_begins_or_is_cancelled_under_holds_S447),
		cmocka_unit_test(all_but_waiting_works_at_dispatch_level),
	};

	return cmocka_run_group_tests_name("rebalance_hold", tests, NULL, NULL);
}
