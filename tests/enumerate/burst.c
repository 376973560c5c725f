/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * burst.c - processors arrive one after another, and the memory runs out: from the n-th call that takes some on nobody gets any,
 * for each n until there is enough.
 *
 * While there is none: an arrival that fails leaves the set of processors as it was, whoever heard Start hears Failure, and what
 * was queued, before and meanwhile, runs. When there is some again the same processors arrive; at the end nothing is left.
 */
#include "points.h"

#include <sched.h>

#include "picture.h"

#define INITIAL 2u
#define MAXIMUM 6u
#define ITEMS 24u /* of each kind */

static struct stage stage;

/* In addition to what is in every full stage: what has a part of its own for each processor, or stops for an arrival. */
static struct {
	struct dhp_notify *notify;
	struct dhp_lanes *lanes;
	struct dhp_lookaside *list;
	struct dhp_rundown_percpu *rundown;
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_dpc keepers[INITIAL]; /* as long as they run the queues stay full */
	struct dhp_dpc dpcs[ITEMS];
	struct dhp_dpc aimed[MAXIMUM]; /* from Start, at who is coming */
	uint64_t kept, may_go;
	uint64_t inserted, runs, pushed, items_run;
	uint64_t starts, completes, failures;
	enum dhp_status told; /* with the last Failure */
} burst;

/* ---- routines ---- */

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&burst.runs);
}

static void keep(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&burst.kept);
	while (peek(&burst.may_go) == 0)
		(void)sched_yield();
}

static void count_items(void *context, void *const *items, uint32_t count)
{
	(void)context;
	(void)items;
	(void)__atomic_fetch_add(&burst.items_run, count, __ATOMIC_RELAXED);
}

static void insert(struct dhp_dpc *dpc)
{
	enum dhp_status status = dhp_dpc_insert(dpc, NULL, NULL);

	burst.inserted += status == DHP_OK;
	assert_true(status == DHP_OK || status == DHP_ALREADY_QUEUED);
}

/* By the thread of the test, as every call of a simulated engine's registrants: so it may assert. */
static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	(void)context;
	(void)veto;
	if (change->state == DHP_CHANGE_START) {
		burst.starts++;
		assert_ok(dhp_dpc_set_target(&burst.aimed[change->index], change->index));
		insert(&burst.aimed[change->index]);
	}
	burst.completes += change->state == DHP_CHANGE_COMPLETE;
	if (change->state == DHP_CHANGE_FAILURE) {
		burst.failures++;
		burst.told = change->status;
	}
}

/* ---- the world ---- */

static void make_objects(void)
{
	const struct dhp_lanes_options lanes = { .size = sizeof(lanes), .routine = count_items };
	const struct dhp_lookaside_options list = { .size = sizeof(list), .block_bytes = 64 };

	assert_ok(dhp_notify_register(stage.engine, hear, NULL, 0, &burst.notify));
	assert_ok(dhp_lanes_create(stage.engine, &lanes, &burst.lanes));
	assert_ok(dhp_lookaside_create(stage.engine, &list, &burst.list));
	assert_ok(dhp_rundown_percpu_create(stage.engine, &burst.rundown));
	assert_ok(make_hold(&stage, &burst.hold));
	assert_ok(make_device(&stage, burst.hold, &burst.device));
	assert_ok(dhp_feed_create(stage.engine, burst.device, NULL, &burst.feed));
}

static void destroy_objects(void)
{
	assert_ok(dhp_feed_destroy(burst.feed));
	assert_ok(dhp_device_unregister(burst.device));
	assert_ok(dhp_hold_destroy(burst.hold));
	assert_ok(dhp_rundown_percpu_destroy(burst.rundown));
	assert_ok(dhp_lookaside_destroy(burst.list));
	assert_ok(dhp_lanes_destroy(burst.lanes));
	assert_ok(dhp_notify_unregister(burst.notify));
}

static void fill_queues(void)
{
	for (uint32_t i = 0; i < ITEMS; i++) {
		insert(&burst.dpcs[i]);
		assert_ok(dhp_lanes_push(burst.lanes, &burst.dpcs[i]));
		burst.pushed++;
	}
}

/* Every second item to a processor that is there, the others to anybody. */
static void make_work(void)
{
	for (uint32_t i = 0; i < ITEMS; i++) {
		assert_ok(dhp_dpc_init(&burst.dpcs[i], stage.engine, count_run, NULL));
		if (i % 2 == 0)
			assert_ok(dhp_dpc_set_target(&burst.dpcs[i], i / 2 % INITIAL));
	}
	for (uint32_t i = 0; i < MAXIMUM; i++)
		assert_ok(dhp_dpc_init(&burst.aimed[i], stage.engine, count_run, NULL));
	for (uint32_t i = 0; i < INITIAL; i++) {
		assert_ok(dhp_dpc_init(&burst.keepers[i], stage.engine, keep, NULL));
		assert_ok(dhp_dpc_set_target(&burst.keepers[i], i));
		assert_ok(dhp_dpc_insert(&burst.keepers[i], NULL, NULL));
	}
	assert_true(wait_for_count(&burst.kept, INITIAL));
	fill_queues();
}

static void assert_all_has_run(void)
{
	assert_ok(dhp_dpc_flush(stage.engine));
	assert_ok(dhp_lanes_flush(burst.lanes));
	assert_true(peek(&burst.runs) == burst.inserted);
	assert_true(peek(&burst.items_run) == burst.pushed);
}

/* ---- a burst ---- */

static struct picture before, after;

/* true: it failed, and nothing shows that it tried. */
static bool fails_to_arrive(uint32_t position)
{
	struct balance balance = balance_now(), left;
	int64_t slots = stage.slots;
	uint64_t failures = burst.failures;
	enum dhp_status status;

	picture_take(stage.engine, &before);
	status = add_position(stage.engine, position);
	if (status == DHP_OK)
		return false;
	assert_true(refuse_fired() && dhp_failed(status));
	assert_true(burst.failures == failures || burst.told == status); /* S-179 */
	picture_take(stage.engine, &after);
	assert_same_picture(&before, &after);
	assert_true(stage.slots == slots);
	left = balance_now();
	assert_true(left.ranges == balance.ranges && left.files == balance.files && left.folders == balance.folders);
	return true;
}

static uint32_t arrive_all(void)
{
	uint32_t failed = 0;

	for (uint32_t position = INITIAL; position < MAXIMUM; position++)
		failed += fails_to_arrive(position);
	return failed;
}

static void assert_each_start_was_answered(void)
{
	assert_true(burst.starts == burst.completes + burst.failures);
	assert_true(burst.completes == active_count(stage.engine) - INITIAL);
	assert_true(peek(&stage.starts) == peek(&stage.seconds));
	assert_true(stage.slots == (int64_t)active_count(stage.engine) + 1); /* and that of nobody */
}

static void assert_the_same_arrive_now(void)
{
	for (uint32_t position = INITIAL; position < MAXIMUM; position++) {
		enum dhp_status status = add_position(stage.engine, position);

		assert_true(status == DHP_OK || status == DHP_ALREADY_THERE);
	}
	assert_int_equal(active_count(stage.engine), MAXIMUM);
	assert_ok(dhp_arrival_drain(stage.engine));
	assert_ok(dhp_rebalance_drain(stage.engine));
	assert_true(peek(&stage.arrivals) >= MAXIMUM); /* each once; what was on its way at registration, twice (S-207) */
	fill_queues();
	for (uint32_t i = 0; i < MAXIMUM; i++) {
		assert_ok(dhp_dpc_set_target(&burst.aimed[i], i));
		insert(&burst.aimed[i]);
	}
	assert_all_has_run();
	assert_each_start_was_answered();
}

/* false: the memory was enough. */
static bool burst_with_memory_for(uint32_t calls, uint64_t *out_failures)
{
	const struct refusal refusal = { .nth = calls + 1, .memory = true };
	uint32_t failed;

	make_objects();
	make_work();
	refuse_arm(&refusal);
	failed = arrive_all();
	poke(&burst.may_go, 1);
	assert_all_has_run();
	assert_each_start_was_answered();
	assert_true(refuse_disarm().hit || failed == 0);
	*out_failures += burst.failures;
	assert_the_same_arrive_now();
	destroy_objects();
	return failed > 0;
}

/* Gives how often somebody heard Failure. */
static uint64_t burst_in(void (*make)(struct stage *stage), void (*end)(struct stage *stage))
{
	uint64_t failures = 0;
	uint32_t calls = 0;
	bool fails;

	do {
		struct balance nothing = balance_now(), left;

		memset(&stage, 0, sizeof(stage));
		memset(&burst, 0, sizeof(burst));
		make(&stage);
		fails = burst_with_memory_for(calls, &failures);
		calls += UNDER_TSAN ? 5 : 1; /* a sample is enough where each run is that slow */
		end(&stage);
		left = balance_now();
		if (!balance_same(&nothing, &left))
			balance_say(&nothing, &left);
		assert_true(balance_same(&nothing, &left));
	} while (fails);
	print_message("enough for %u calls is enough; %llu times somebody heard Failure\n", calls, (unsigned long long)failures);
	assert_true(calls > MAXIMUM - INITIAL);
	return failures;
}

static void burst_without_memory_rolls_back_and_loses_nothing_S175_S179(void **state)
{
	(void)state;
	assert_true(burst_in(full_sim, end_full) > 0);
}

/* A thread of the engine asks, too, and is refused. */
static void full_sim_with_workers_ahead(struct stage *made)
{
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = INITIAL, .ready_ahead = 2 };

	made->engine = make_sim(&setup);
	furnish(made);
}

static void burst_without_memory_and_with_workers_ahead_S175_S179(void **state)
{
	(void)state;
	(void)burst_in(full_sim_with_workers_ahead, end_full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_without_memory_rolls_back_and_loses_nothing_S175_S179),
		cmocka_unit_test(burst_without_memory_and_with_workers_ahead_S175_S179),
	};

	return cmocka_run_group_tests_name("burst", tests, NULL, NULL);
}
