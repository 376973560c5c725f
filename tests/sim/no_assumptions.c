/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients that assume nothing about processors, through an arrival in the worst of places: unequal groups, gaps between cpu ids
 * and inside masks, numbers that come in no order. The habits that need change (S-033) stand in eight_habits.c, with drivers that
 * have them; here are the clients that have none, and what the library does about those that cannot be helped.
 */
#include "support.h"

#include <dhp/hold.h>
#include <dhp/rebalance.h>
#include <dhp/thread.h>

#include "picture.h"
#include "work_hold.h"

#define MAXIMUM 12u
#define INITIAL 2u
#define GROUPS 4u

static const uint8_t three_and_five[] = { 3, 5 };
/* After positions 0 and 1: another group first, then holes in both. */
static const uint32_t order_of_arrival[] = { 9, 4, 11, 2, 7, 3, 10, 5, 8, 6 };

static struct dhp_engine *begin_seeded(uint64_t seed)
{
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = INITIAL, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 6, .seed = seed };
	struct dhp_engine *engine = make_sim(&setup);

	assert_ok(dhp_arrival_drain(engine));
	return engine;
}

static struct dhp_engine *begin(void)
{
	return begin_seeded(11);
}

static void arrive(struct dhp_engine *engine, uint32_t nth)
{
	assert_ok(add_position(engine, order_of_arrival[nth]));
	assert_ok(dhp_arrival_drain(engine));
	assert_ok(dhp_rebalance_drain(engine));
}

static struct dhp_processor row_of(struct dhp_engine *engine, uint32_t index)
{
	struct dhp_processor row;

	assert_ok(dhp_processor_at(engine, index, &row));
	return row;
}

/* ---- nothing may be assumed ---- */

/* Every guess that a client could make about the newcomer, and how often it was wrong. */
struct guesses {
	uint32_t next_cpu, next_bit, same_group, cpu_is_index, bit_is_index, dense_mask, power_of_two;
};

static void guess(struct dhp_engine *engine, struct guesses *wrong)
{
	uint32_t active = active_count(engine);
	struct dhp_processor last = row_of(engine, active - 1), before = row_of(engine, active - 2);
	uint64_t mask = 0;
	uint32_t count = dhp_active_count(engine, last.number.group, &mask);

	wrong->next_cpu += last.cpu != before.cpu + 1;
	wrong->next_bit += last.number.number != count - 1;
	wrong->same_group += last.number.group != before.number.group;
	wrong->cpu_is_index += last.cpu != last.index;
	wrong->bit_is_index += last.number.number != last.index;
	wrong->dense_mask += (mask & (mask + 1)) != 0;
	wrong->power_of_two += (active & (active - 1)) != 0;
}

static void no_guess_about_a_newcomer_is_right_and_what_is_asked_is_S030(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct dhp_engine *engine = begin_seeded(seed);
		struct guesses wrong = { 0 };
		struct dhp_sim_event events[MAXIMUM];
		uint32_t count = 0, added = 0;

		assert_ok(dhp_sim_script(engine, 0, 0, events, MAXIMUM, &count));
		for (uint32_t i = 0; i < count; i++) {
			assert_ok(dhp_sim_play(engine, &events[i], 1, &added));
			assert_int_equal(added, 1);
			guess(engine, &wrong);
			assert_consistent(engine); /* a client that asks is told the same by every query */
		}
		assert_int_equal(active_count(engine), MAXIMUM);
		assert_true(wrong.next_cpu > 0 && wrong.next_bit > 0 && wrong.same_group > 0 && wrong.cpu_is_index > 0);
		assert_true(wrong.bit_is_index > 0 && wrong.dense_mask > 0 && wrong.power_of_two > 0);
		end_engine(engine);
	}
}

/* ---- what was kept is refreshed on each notification ---- */

struct kept {
	struct dhp_engine *engine;
	struct dhp_counts counts;
	uint64_t masks[GROUPS];
	uint32_t refreshed;
	uint64_t wrong;
};

static void refresh(struct kept *kept)
{
	struct dhp_snapshot snapshot = { .masks_capacity = GROUPS, .active_masks = kept->masks };

	kept->wrong += dhp_snapshot_take(kept->engine, &snapshot) != DHP_OK;
	kept->counts = snapshot.counts;
	kept->refreshed++;
}

static void refresh_in_complete(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct kept *kept = context;

	(void)status;
	if (change->state != DHP_CHANGE_COMPLETE)
		return;
	refresh(kept);
	kept->wrong += kept->counts.active != change->index + 1;
	kept->wrong += (kept->masks[change->number.group] >> change->number.number & 1) == 0;
}

static void refresh_in_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	refresh(context);
}

static enum dhp_status refresh_in_start(void *context, const struct dhp_device_call *call)
{
	struct kept *kept = context;

	refresh(kept);
	kept->wrong += kept->counts.active < call->active_count;
	return DHP_OK;
}

static void assert_fresh(const struct kept *kept, uint32_t refreshed)
{
	struct kept now = { .engine = kept->engine };

	refresh(&now);
	assert_int_equal(kept->wrong, 0);
	assert_int_equal(kept->refreshed, refreshed);
	assert_memory_equal(&kept->counts, &now.counts, sizeof(now.counts));
	assert_memory_equal(kept->masks, now.masks, sizeof(now.masks));
}

static void kept_counts_and_masks_are_right_again_after_each_notification_S031(void **state)
{
	struct dhp_engine *engine = begin();
	struct kept by_complete = { .engine = engine }, by_arrival = by_complete, by_start = by_complete;
	struct kept stale = by_complete, copy;
	const struct dhp_driver driver = { .start = refresh_in_start, .context = &by_start };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrival;
	struct dhp_device *device;

	(void)state;
	refresh(&stale);
	copy = stale;
	assert_ok(dhp_notify_register(engine, refresh_in_complete, &by_complete, 0, &notify));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, refresh_in_arrival, &by_arrival, 0, &arrival));
	assert_ok(dhp_device_register(engine, &options, &device));
	for (uint32_t i = 0; i < LENGTH(order_of_arrival); i++) {
		arrive(engine, i);
		assert_fresh(&by_complete, i + 1);
		assert_fresh(&by_arrival, i + 1);
		assert_fresh(&by_start, i + 1);
		/* Who does not ask again keeps what he was told: the library writes to no copy. */
		assert_memory_equal(&stale, &copy, sizeof(copy));
		assert_int_not_equal(stale.counts.active, by_complete.counts.active);
		assert_int_not_equal(stale.counts.generation, by_complete.counts.generation);
		assert_memory_not_equal(stale.masks, by_complete.masks, sizeof(stale.masks));
	}
	assert_ok(dhp_notify_unregister(notify));
	assert_ok(dhp_arrival_unregister(arrival));
	assert_ok(dhp_device_unregister(device));
	end_engine(engine);
}

/* ---- a DPC that says where it ran ---- */

struct post {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	void (*work)(struct post *post);
	uint32_t ran_at;
};

static void run_post(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct post *post = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	post->ran_at = dhp_index_here(post->engine);
	if (post->work != NULL)
		post->work(post);
}

/* ---- walking the affinity bits ---- */

/* The masks of all groups, taken together; one bit for each index that was reached. */
static uint64_t walk_all_groups(struct dhp_engine *engine)
{
	uint64_t masks[GROUPS] = { 0 }, reached = 0;
	struct dhp_snapshot snapshot = { .masks_capacity = GROUPS, .active_masks = masks };

	assert_ok(dhp_snapshot_take(engine, &snapshot));
	for (uint32_t group = 0; group < snapshot.masks_count; group++) {
		for (uint32_t bit = 0; bit < 64; bit++) {
			struct dhp_number number = { .group = (uint16_t)group, .number = (uint8_t)bit };
			uint32_t index = 0;

			if ((masks[group] >> bit & 1) == 0)
				continue;
			assert_ok(dhp_index_of_number(engine, number, &index));
			assert_true((reached >> index & 1) == 0);
			reached |= (uint64_t)1 << index;
		}
	}
	return reached;
}

static void walked_by_the_masks_of_all_groups_S033(void **state)
{
	struct dhp_engine *engine = begin();

	(void)state;
	assert_int_equal(walk_all_groups(engine), ((uint64_t)1 << INITIAL) - 1);
	for (uint32_t i = 0; i < LENGTH(order_of_arrival); i++) {
		arrive(engine, i);
		assert_int_equal(walk_all_groups(engine), ((uint64_t)1 << active_count(engine)) - 1);
	}
	end_engine(engine);
}

/* ---- placing DPCs and threads ---- */

static void placed_on_chosen_processors_old_and_new_S033(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_processor chosen = row_of(engine, 1);
	struct post early = { .engine = engine };

	(void)state;
	assert_ok(dhp_dpc_init(&early.dpc, engine, run_post, &early));
	assert_ok(dhp_dpc_set_target(&early.dpc, chosen.index));
	for (uint32_t i = 0; i < LENGTH(order_of_arrival); i++) {
		uint32_t newest = INITIAL + i;
		struct post late = { .engine = engine };
		struct dhp_affinity affinity = { .mask = 0 }, previous;
		struct dhp_processor row;

		/* Not before it is there: nothing is queued where nobody would run it. */
		assert_ok(dhp_dpc_init(&late.dpc, engine, run_post, &late));
		assert_status(dhp_dpc_set_target(&late.dpc, newest), DHP_BAD_INDEX);
		arrive(engine, i);
		row = row_of(engine, newest);
		assert_ok(dhp_dpc_set_target(&late.dpc, row.index));
		early.ran_at = DHP_NO_INDEX;
		assert_ok(dhp_dpc_insert(&late.dpc, NULL, NULL));
		assert_ok(dhp_dpc_insert(&early.dpc, NULL, NULL));
		assert_ok(dhp_dpc_flush(engine));
		assert_int_equal(late.ran_at, newest);
		assert_int_equal(early.ran_at, chosen.index);
		affinity.mask = (uint64_t)1 << row.number.number;
		affinity.group = row.number.group;
		assert_ok(dhp_thread_affinity_set(engine, &affinity, &previous));
		assert_int_equal(dhp_index_here(engine), newest);
		assert_ok(dhp_thread_affinity_revert(engine, &previous));
	}
	end_engine(engine);
}

/* ---- not supporting rebalance ---- */

static enum dhp_status refuse(void *context, const struct dhp_device_call *call)
{
	(void)context;
	(void)call;
	return DHP_NOT_SUPPORTED;
}

struct source {
	struct dhp_device *device;
	struct dhp_hold *hold;
	struct dhp_feed *feed;
	uint64_t begun, held;
};

static void begin_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct source *source = context;

	if (status == DHP_OK && dhp_request_complete(request) == DHP_OK)
		(void)bump(&source->begun);
}

static void source_make(struct source *source, struct dhp_engine *engine, const struct dhp_driver *driver, int32_t policy)
{
	struct dhp_device_options options = { .size = sizeof(options), .drivers = driver, .driver_count = 1, .policy = policy };

	*source = (struct source){ .device = NULL };
	assert_ok(dhp_hold_create(engine, begin_request, source, &source->hold));
	options.hold = source->hold;
	assert_ok(dhp_device_register(engine, &options, &source->device));
	assert_ok(dhp_feed_create(engine, source->device, NULL, &source->feed));
}

static void source_end(struct source *source)
{
	assert_ok(dhp_feed_destroy(source->feed));
	assert_ok(dhp_device_unregister(source->device));
	assert_ok(dhp_hold_destroy(source->hold));
}

static uint64_t picked(struct source *source)
{
	uint64_t set = 0;

	for (uint32_t i = 0; i < 2 * MAXIMUM; i++) {
		uint32_t index = 0;

		assert_ok(dhp_feed_pick(source->feed, &index));
		set |= (uint64_t)1 << index;
	}
	return set;
}

/* Its I/O goes on as before, on the processors it had. */
static void assert_works_on(struct source *source, uint64_t set)
{
	struct dhp_request request;
	enum dhp_device_state device_state;

	assert_ok(dhp_request_init(&request, source->hold, 0));
	poke(&source->begun, 0);
	assert_ok(dhp_request_submit(&request));
	assert_int_equal(peek(&source->begun), 1);
	assert_ok(dhp_device_state_read(source->device, &device_state));
	assert_int_equal(device_state, DHP_DEVICE_STARTED);
	assert_int_equal(picked(source), set);
}

static void a_driver_without_rebalance_loses_newcomers_and_nothing_else_S033(void **state)
{
	static const struct dhp_driver agrees, refuses = { .query_stop = refuse };
	struct dhp_engine *engine = begin();
	const uint64_t old = ((uint64_t)1 << INITIAL) - 1;
	struct source right, out, against;
	struct dhp_rebalance_stats stats;

	(void)state;
	source_make(&right, engine, &agrees, DHP_POLICY_ABSENT);
	source_make(&out, engine, &agrees, DHP_POLICY_OUT);
	source_make(&against, engine, &refuses, DHP_POLICY_ABSENT);
	for (uint32_t i = 0; i < LENGTH(order_of_arrival); i++) {
		arrive(engine, i);
		assert_works_on(&right, ((uint64_t)1 << active_count(engine)) - 1);
		assert_works_on(&out, old);
		assert_works_on(&against, old);
	}
	assert_ok(dhp_rebalance_stats_read(engine, &stats));
	assert_int_equal(stats.moved_count, LENGTH(order_of_arrival));
	assert_int_equal(stats.refused_count, LENGTH(order_of_arrival));
	source_end(&right);
	source_end(&out);
	source_end(&against);
	end_engine(engine);
}

/* ---- load balancing ---- */

static struct post items[64];
static uint64_t items_done;

static void finish_item(struct post *post)
{
	(void)post;
	(void)bump(&items_done);
}

/* Work without a target needs no count at all: the newcomer takes its share of what waits already. */
static void balanced_by_the_library_instead_of_over_an_old_count_S033(void **state)
{
	struct dhp_engine *engine = begin();
	struct hold holds[INITIAL];

	(void)state;
	poke(&items_done, 0);
	for (uint32_t index = 0; index < INITIAL; index++)
		hold_processor(&holds[index], engine, index);
	for (uint32_t i = 0; i < LENGTH(items); i++) {
		items[i] = (struct post){ .engine = engine, .work = finish_item };
		assert_ok(dhp_dpc_init(&items[i].dpc, engine, run_post, &items[i]));
		assert_ok(dhp_dpc_insert(&items[i].dpc, NULL, NULL));
	}
	assert_int_equal(peek(&items_done), 0);
	arrive(engine, 0);
	assert_true(wait_for_count(&items_done, LENGTH(items)));
	for (uint32_t index = 0; index < INITIAL; index++)
		hold_release(&holds[index]);
	assert_ok(dhp_dpc_flush(engine));
	for (uint32_t i = 0; i < LENGTH(items); i++)
		assert_int_equal(items[i].ran_at, INITIAL);
	end_engine(engine);
}

/* ---- a client that registers nothing ---- */

struct job {
	struct dhp_request request; /* first */
	struct dhp_dpc dpc;
	struct plain *plain;
	uint64_t busy, value;
};

/* It handles rebalance and assumes nothing; it knows of no notification. */
struct plain {
	struct dhp_engine *engine;
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_counter *done;
	struct dhp_percpu *sums;
	uint64_t stop, submitted, wrong, stops, starts;
	struct job jobs[32];
};

static void compute(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct job *job = context;
	uint64_t *sum = dhp_percpu_here(job->plain->sums);

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	*sum += job->value;
	dhp_counter_add(job->plain->done, 1);
	if (dhp_request_complete(&job->request) != DHP_OK)
		(void)bump(&job->plain->wrong);
	__atomic_store_n(&job->busy, 0, __ATOMIC_RELEASE);
}

static void begin_job(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct job *job = (struct job *)(void *)request;
	struct plain *plain = context;
	uint32_t index = 0;

	if (status == DHP_OK && dhp_feed_pick(plain->feed, &index) == DHP_OK &&
	    dhp_dpc_init(&job->dpc, plain->engine, compute, job) == DHP_OK &&
	    dhp_dpc_set_target(&job->dpc, index) == DHP_OK &&
	    dhp_dpc_set_importance(&job->dpc, DHP_IMPORTANCE_MEDIUM_HIGH) == DHP_OK &&
	    dhp_dpc_insert(&job->dpc, NULL, NULL) == DHP_OK)
		return;
	(void)bump(&plain->wrong);
	(void)dhp_request_complete(request);
	__atomic_store_n(&job->busy, 0, __ATOMIC_RELEASE); /* the load goes on, so that the test comes to its end */
}

static enum dhp_status count_stop(void *context, const struct dhp_device_call *call)
{
	struct plain *plain = context;

	(void)bump(call->request == DHP_REQUEST_STOP ? &plain->stops : &plain->starts);
	return DHP_OK;
}

static void *keep_submitting(void *argument)
{
	struct plain *plain = argument;

	while (peek(&plain->stop) == 0) {
		for (uint32_t i = 0; i < LENGTH(plain->jobs); i++) {
			struct job *job = &plain->jobs[i];
			enum dhp_status status;

			if (__atomic_load_n(&job->busy, __ATOMIC_ACQUIRE) != 0)
				continue;
			poke(&job->busy, 1);
			job->value = peek(&plain->submitted) + 1;
			status = dhp_request_submit(&job->request);
			if (status != DHP_OK && status != DHP_HELD)
				(void)bump(&plain->wrong);
			(void)bump(&plain->submitted);
		}
		sleep_us(20);
	}
	return NULL;
}

static void add_sum(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor;
	*(uint64_t *)context += *(const uint64_t *)slot;
}

static void plain_make(struct plain *plain, struct dhp_engine *engine)
{
	const struct dhp_driver driver = { .stop = count_stop, .start = count_stop, .context = plain };
	const struct dhp_percpu_options sums = { .size = sizeof(sums), .slot_bytes = sizeof(uint64_t) };
	struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	memset(plain, 0, sizeof(*plain));
	plain->engine = engine;
	assert_ok(dhp_hold_create(engine, begin_job, plain, &plain->hold));
	options.hold = plain->hold;
	assert_ok(dhp_device_register(engine, &options, &plain->device));
	assert_ok(dhp_feed_create(engine, plain->device, NULL, &plain->feed));
	assert_ok(dhp_counter_create(engine, &plain->done));
	assert_ok(dhp_percpu_create(engine, &sums, &plain->sums));
	for (uint32_t i = 0; i < LENGTH(plain->jobs); i++) {
		plain->jobs[i].plain = plain;
		assert_ok(dhp_request_init(&plain->jobs[i].request, plain->hold, 0));
	}
}

static void plain_end(struct plain *plain)
{
	assert_ok(dhp_percpu_destroy(plain->sums));
	assert_ok(dhp_counter_destroy(plain->done));
	assert_ok(dhp_feed_destroy(plain->feed));
	assert_ok(dhp_device_unregister(plain->device));
	assert_ok(dhp_hold_destroy(plain->hold));
}

static bool newcomers_have_run(void *context)
{
	struct plain *plain = context;

	for (uint32_t index = INITIAL; index < MAXIMUM; index++) {
		struct dhp_processor_stats stats;

		if (dhp_processor_stats_read(plain->engine, index, &stats) != DHP_OK || stats.run_count == 0)
			return false;
	}
	return true;
}

static void who_handles_rebalance_and_assumes_nothing_registers_nothing_S034(void **state)
{
	static struct plain plain;
	struct dhp_engine *engine = begin();
	struct helper helper;
	uint64_t submitted, sum = 0;

	(void)state;
	plain_make(&plain, engine);
	helper_start(&helper, keep_submitting, &plain);
	assert_true(wait_for_count(&plain.submitted, 100));
	for (uint32_t i = 0; i < LENGTH(order_of_arrival); i++) {
		arrive(engine, i);
		assert_true(wait_for_count(&plain.submitted, peek(&plain.submitted) + 10)); /* it goes on */
	}
	for (uint32_t group = 0; group < GROUPS; group++)
		assert_int_equal(dhp_feed_mask(plain.feed, group), dhp_active_mask(engine, group));
	assert_true(wait_until(newcomers_have_run, &plain));
	poke(&plain.stop, 1);
	helper_join(&helper);
	assert_ok(dhp_dpc_flush(engine));
	submitted = peek(&plain.submitted);
	assert_int_equal(peek(&plain.wrong), 0);
	assert_int_equal(dhp_counter_sum(plain.done), submitted);
	assert_ok(dhp_percpu_each(plain.sums, add_sum, &sum, NULL));
	assert_int_equal(sum, submitted * (submitted + 1) / 2);
	assert_int_equal(peek(&plain.stops), LENGTH(order_of_arrival));
	assert_int_equal(peek(&plain.starts), LENGTH(order_of_arrival));
	plain_end(&plain);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_guess_about_a_newcomer_is_right_and_what_is_asked_is_S030),
		cmocka_unit_test(kept_counts_and_masks_are_right_again_after_each_notification_S031),
		cmocka_unit_test(walked_by_the_masks_of_all_groups_S033),
		cmocka_unit_test(placed_on_chosen_processors_old_and_new_S033),
		cmocka_unit_test(a_driver_without_rebalance_loses_newcomers_and_nothing_else_S033),
		cmocka_unit_test(balanced_by_the_library_instead_of_over_an_old_count_S033),
		cmocka_unit_test(who_handles_rebalance_and_assumes_nothing_registers_nothing_S034),
	};

	return cmocka_run_group_tests_name("no_assumptions", tests, NULL, NULL);
}
