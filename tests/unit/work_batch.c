/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several objects at once: each goes where an insert would send it, in order, and whatever is in the way it is counted right.
 */
#include "work_order.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>

#define CHAIN 64u /* that many are pushed together */
#define HOUR_US 3600000000u

static void batches_and_single_objects_keep_their_order_S629(void **state)
{
	static const uint32_t counts[] = { 1, 2, CHAIN - 1, CHAIN, CHAIN + 1, 3 * CHAIN, DHPI_WINDOW - 1, DHPI_WINDOW + CHAIN };
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;

	(void)state;
	for (size_t i = 0; i < LENGTH(counts); i++) {
		init_all(engine, counts[i] + 4, 0);
		hold_processor(&hold, engine, 0);
		tick_insert(&ticks[0]);
		insert_some(1, counts[i]);
		tick_insert(&ticks[counts[i] + 1]);
		insert_some(counts[i] + 2, 2);
		hold_release(&hold);
		flush(engine);
		assert_ordered(counts[i] + 4);
	}
	end_engine(engine);
}

static void the_newest_High_runs_first_also_of_one_batch_S628(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	const uint32_t count = CHAIN + 6;
	struct hold hold;

	(void)state;
	poke(&ordered, 0);
	for (uint32_t i = 0; i < count; i++)
		init_at(i, engine, i % 2 == 0 ? 0 : DHP_NO_INDEX, DHP_IMPORTANCE_HIGH, false);
	hold_processor(&hold, engine, 0);
	insert_some(0, count);
	hold_release(&hold);
	flush(engine);
	assert_int_equal(peek(&ordered), count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(peek(&order[i]), count - 1 - i);
	end_engine(engine);
}

static void each_kind_runs_in_its_turn_S628_S629_S632(void **state)
{
	static const struct {
		enum dhp_importance importance;
		bool threaded;
	} kinds[] = { { DHP_IMPORTANCE_MEDIUM, false }, { DHP_IMPORTANCE_HIGH, false }, { DHP_IMPORTANCE_MEDIUM, true },
		      { DHP_IMPORTANCE_HIGH, false },   { DHP_IMPORTANCE_HIGH, true },  { DHP_IMPORTANCE_LOW, false },
		      { DHP_IMPORTANCE_MEDIUM_HIGH, false } };
	static const uint32_t expected[] = { 3, 1, 0, 5, 6, 4, 2 };
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;

	(void)state;
	poke(&ordered, 0);
	for (uint32_t i = 0; i < LENGTH(kinds); i++)
		init_at(i, engine, 0, kinds[i].importance, kinds[i].threaded);
	hold_processor(&hold, engine, 0);
	insert_some(0, LENGTH(kinds));
	hold_release(&hold);
	flush(engine);
	assert_int_equal(peek(&ordered), LENGTH(kinds));
	for (uint32_t i = 0; i < LENGTH(kinds); i++)
		assert_int_equal(peek(&order[i]), expected[i]);
	end_engine(engine);
}

/* ---- what arrives, and what is counted ---- */

static void assert_noted(const struct noted *noted, uint64_t runs, uintptr_t argument_1, uintptr_t argument_2)
{
	assert_int_equal(noted->runs, runs);
	assert_int_equal(noted->arguments[0], argument_1);
	assert_int_equal(noted->arguments[1], argument_2);
}

static void what_is_queued_is_passed_over_and_not_counted_S610_S611_S614(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhp_dpc *objects[5];
	struct noted noted[5];
	struct hold hold;
	size_t inserted;

	(void)state;
	memset(noted, 0, sizeof(noted));
	for (uint32_t i = 0; i < 5; i++) {
		assert_ok(dhp_dpc_init(&noted[i].dpc, engine, note_arguments, &noted[i]));
		objects[i] = &noted[i].dpc;
	}
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert(objects[0], (void *)1, (void *)2));
	assert_ok(dhp_dpc_insert(objects[2], (void *)1, (void *)2));
	assert_ok(dhp_dpc_insert_batch(objects, 4, (void *)3, (void *)4, &inserted));
	assert_int_equal(inserted, 2);
	assert_ok(dhp_dpc_insert_batch(objects, 4, (void *)5, (void *)6, &inserted));
	assert_int_equal(inserted, 0);
	assert_ok(dhp_dpc_insert_batch(objects, 5, (void *)7, (void *)8, NULL)); /* one of them */
	hold_release(&hold);
	flush(engine);
	for (uint32_t i = 0; i < 4; i++)
		assert_noted(&noted[i], 1, i % 2 == 0 ? 1 : 3, i % 2 == 0 ? 2 : 4);
	assert_noted(&noted[4], 1, 7, 8);
	end_engine(engine);
}

static void an_object_that_is_there_twice_is_queued_once_S611(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;
	size_t inserted;

	(void)state;
	init_all(engine, 2, 0);
	batch[2] = batch[4] = batch[0];
	batch[3] = batch[1];
	hold_processor(&hold, engine, 0);
	assert_ok(dhp_dpc_insert_batch(batch, 5, NULL, NULL, &inserted));
	assert_int_equal(inserted, 2);
	hold_release(&hold);
	flush(engine);
	assert_ordered(2);
	end_engine(engine);
}

static void nothing_is_a_batch_too(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	size_t inserted = 7;

	(void)state;
	init_all(engine, 1, 0);
	assert_ok(dhp_dpc_insert_batch(NULL, 0, NULL, NULL, &inserted));
	assert_int_equal(inserted, 0);
	assert_ok(dhp_dpc_insert_batch(batch, 0, NULL, NULL, NULL));
	inserted = 7;
	assert_status(dhp_dpc_insert_batch(NULL, 1, NULL, NULL, &inserted), DHP_BAD_OBJECT);
	assert_int_equal(inserted, 0);
	assert_status(dhp_dpc_insert_batch(NULL, 1, NULL, NULL, NULL), DHP_BAD_OBJECT);
	flush(engine);
	assert_int_equal(peek(&ordered), 0);
	end_engine(engine);
}

/* Those before it are queued, those behind it are not. */
static void it_ends_at_the_first_that_is_no_object(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct dhp_dpc unprepared = { .opaque = { 0 } };
	uint64_t misaligned[16] = { 0 };
	struct dhp_dpc *bad[] = { NULL, &unprepared, (struct dhp_dpc *)(void *)((char *)misaligned + 1) };
	struct hold hold;
	size_t inserted;

	(void)state;
	for (uint32_t i = 0; i < LENGTH(bad); i++)
		for (uint32_t at = 0; at < 4; at++) {
			init_all(engine, 4, 0);
			if (at == 2)
				assert_ok(dhp_dpc_set_target(batch[1], 1)); /* two ways */
			batch[at] = bad[i];
			hold_processor(&hold, engine, 0);
			assert_status(dhp_dpc_insert_batch(batch, 4, NULL, NULL, &inserted), DHP_BAD_OBJECT);
			assert_int_equal(inserted, at);
			assert_status(dhp_dpc_insert_batch(batch, 4, NULL, NULL, NULL), DHP_BAD_OBJECT);
			hold_release(&hold);
			flush(engine);
			for (uint32_t k = 0; k < 4; k++)
				assert_true(k < at ? peek(&ticks[k].runs) >= 1 : peek(&ticks[k].runs) == 0);
			assert_int_equal(ticks[0].runs, at > 0); /* it was held */
		}
	end_engine(engine);
}

/* ---- where each goes ---- */

static void each_goes_where_an_insert_would_send_it_S618_S637(void **state)
{
	static const struct {
		uint32_t engine, index;
		enum dhp_importance importance;
		bool threaded;
	} ways[] = { { 0, 1, DHP_IMPORTANCE_MEDIUM, false },  { 0, 1, DHP_IMPORTANCE_MEDIUM, false },
		     { 0, 2, DHP_IMPORTANCE_MEDIUM, false },  { 0, 2, DHP_IMPORTANCE_MEDIUM, true },
		     { 1, 2, DHP_IMPORTANCE_MEDIUM, true },   { 1, 2, DHP_IMPORTANCE_HIGH, true },
		     { 0, 0, DHP_IMPORTANCE_LOW, false },     { 0, DHP_NO_INDEX, DHP_IMPORTANCE_LOW, false },
		     { 1, DHP_NO_INDEX, DHP_IMPORTANCE_LOW, false }, { 1, 1, DHP_IMPORTANCE_LOW, false },
		     { 0, 1, DHP_IMPORTANCE_LOW, false } };
	const struct sim_setup with_gaps = { .maximum = 3, .initial = 3, .gap = 9, .seed = 3 };
	struct dhp_engine *engines[2] = { make_sim_of(3, 3), make_sim(&with_gaps) };
	struct hold holds[2][3];

	(void)state;
	assert_int_not_equal(dhp_sim_cpu(engines[0], 2), dhp_sim_cpu(engines[1], 2)); /* so that places tell which */
	poke(&ordered, 0);
	for (uint32_t i = 0; i < LENGTH(ways); i++)
		init_at(i, engines[ways[i].engine], ways[i].index, ways[i].importance, ways[i].threaded);
	for (uint32_t i = 0; i < 6; i++)
		hold_processor(&holds[i / 3][i % 3], engines[i / 3], i % 3);
	insert_some(0, LENGTH(ways));
	for (uint32_t i = 0; i < LENGTH(ways); i++) {
		uint32_t index = ways[i].index != DHP_NO_INDEX ? ways[i].index : 0; /* this thread is nowhere */

		assert_place(i, DHPI_PLACE_INBOX, dhpi_queue_of_index(engines[ways[i].engine]->work, index));
		assert_int_equal(dhpi_dpc(batch[i])->movable, ways[i].index == DHP_NO_INDEX);
	}
	for (uint32_t i = 0; i < 6; i++)
		hold_release(&holds[i / 3][i % 3]);
	for (uint32_t k = 0; k < 2; k++)
		flush(engines[k]);
	for (uint32_t i = 0; i < LENGTH(ways); i++) {
		assert_int_equal(ticks[i].runs, 1);
		assert_true(ways[i].index == DHP_NO_INDEX || peek(&ticks[i].index) == ways[i].index);
	}
	for (uint32_t k = 0; k < 2; k++)
		end_engine(engines[k]);
}

static void it_ends_at_an_engine_without_workers(void **state)
{
	const struct sim_setup lazy = { .maximum = 1, .initial = 1, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim_of(1, 1), *without = make_sim(&lazy);
	size_t inserted;

	(void)state;
	init_all(engine, 4, 0);
	init_at(2, without, 0, DHP_IMPORTANCE_MEDIUM, false);
	assert_status(dhp_dpc_insert_batch(batch, 4, NULL, NULL, &inserted), DHP_NOT_SUPPORTED);
	assert_int_equal(inserted, 2);
	assert_status(dhp_dpc_insert_batch(&batch[2], 2, NULL, NULL, &inserted), DHP_NOT_SUPPORTED);
	assert_int_equal(inserted, 0);
	flush(engine);
	assert_ordered(2);
	end_engine(without);
	end_engine(engine);
}

static uint64_t diverted_of(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	assert_ok(dhp_engine_stats_read(engine, &stats));
	return stats.diverted_count;
}

static void each_object_for_a_processor_that_is_away_runs_elsewhere_and_is_counted_S641(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	const uint32_t count = CHAIN + 10;

	(void)state;
	init_all(engine, count, 1);
	assert_ok(dhp_dpc_set_target(batch[0], 0));
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), false));
	insert_some(0, count);
	flush(engine);
	assert_int_equal(diverted_of(engine), count - 1);
	assert_int_equal(peek(&ticks[0].index), 0);
	for (uint32_t i = 1; i < count; i++)
		assert_int_equal(peek(&ticks[i].index), 2);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), true));
	insert_some(0, count);
	flush(engine);
	assert_int_equal(diverted_of(engine), count - 1);
	for (uint32_t i = 1; i < count; i++)
		assert_int_equal(peek(&ticks[i].index), 1);
	end_engine(engine);
}

/* As between the end of an attempt that failed and the look at the target: the whole list goes on to index 0. */
static void a_queue_that_is_closed_passes_the_batch_on_S654(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct dhpi_queue *queues[2] = { dhpi_queue_of_index(engine->work, 0), dhpi_queue_of_index(engine->work, 1) };
	struct hold holds[2];

	(void)state;
	init_all(engine, 9, 1);
	for (uint32_t i = 6; i < 9; i++)
		assert_ok(dhp_dpc_set_importance(batch[i], DHP_IMPORTANCE_HIGH));
	for (uint32_t i = 0; i < 2; i++)
		hold_processor(&holds[i], engine, i);
	at_store_relaxed_ptr(&queues[1]->inbox, DHPI_CLOSED); /* its worker does not look */
	at_store_relaxed_ptr(&queues[1]->high_inbox, DHPI_CLOSED);
	insert_some(0, 9);
	at_store_relaxed_ptr(&queues[1]->inbox, NULL);
	at_store_relaxed_ptr(&queues[1]->high_inbox, NULL);
	for (uint32_t i = 0; i < 9; i++)
		assert_place(i, DHPI_PLACE_INBOX, queues[0]);
	assert_ok(dhp_dpc_remove(batch[3]));
	for (uint32_t i = 0; i < 2; i++)
		hold_release(&holds[i]);
	flush(engine);
	for (uint32_t i = 0; i < 9; i++) {
		assert_int_equal(ticks[i].runs, i != 3);
		assert_int_equal(peek(&ticks[i].index), 0);
	}
	end_engine(engine);
}

struct late {
	struct gate gate;
	struct tick ticks[8];
	uint64_t over, queued, wrong;
};

static void *insert_to_those_that_come(void *argument)
{
	struct late *late = argument;
	struct dhp_dpc *objects[LENGTH(late->ticks)];

	for (uint32_t i = 0; i < LENGTH(objects); i++)
		objects[i] = &late->ticks[i].dpc;
	gate_pass(&late->gate);
	while (peek(&late->over) == 0) {
		size_t inserted;

		late->wrong += dhp_dpc_insert_batch(objects, LENGTH(objects), NULL, NULL, &inserted) != DHP_OK;
		late->queued += inserted;
	}
	return NULL;
}

static void aim_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct late *late = context;

	(void)status;
	if (change->state == DHP_CHANGE_START)
		for (uint32_t i = 0; i < LENGTH(late->ticks); i++)
			(void)dhp_dpc_set_target(&late->ticks[i].dpc, change->index);
}

static void batches_that_race_with_failing_arrivals_all_run_S155_S654(void **state)
{
	static struct late late;
	struct dhp_engine *engine = make_sim_of(16, 2);
	struct dhp_notify *registration;
	struct helper helper;

	(void)state;
	for (uint32_t i = 0; i < LENGTH(late.ticks); i++)
		tick_init(&late.ticks[i], engine, 1);
	assert_ok(dhp_notify_register(engine, aim_in_start, &late, 0, &registration));
	gate_init(&late.gate, 2);
	helper_start(&helper, insert_to_those_that_come, &late);
	gate_pass(&late.gate);
	for (uint32_t i = 0; i < TIMES(300); i++) {
		uint32_t position = 2 + i / 30 % 14;

		if (i % 30 != 29)
			assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, position), DHP_STEP_BRING_UP, DHP_INJECTED));
		assert_status(add_position(engine, position), i % 30 != 29 ? DHP_INJECTED : DHP_OK);
	}
	poke(&late.over, 1);
	helper_join(&helper);
	flush(engine);
	assert_int_equal(late.wrong, 0);
	assert_int_equal(ticks_run(late.ticks, LENGTH(late.ticks)), late.queued);
	dhp_notify_unregister(registration);
	end_engine(engine);
}

/* ---- when a sleeping processor is woken ---- */

static struct dhp_engine *make_ticking(uint32_t tick_us)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 2, .initial_count = 2 };
	const struct dhp_engine_options options = { .size = sizeof(options), .spin_ns = 1, .sim = &sim, .tick_us = tick_us };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static bool both_sleep(void *context)
{
	struct dhp_engine *engine = context;

	for (uint32_t index = 0; index < 2; index++)
		if (at_load_relaxed_u32(&dhpi_queue_of_index(engine->work, index)->asleep) == 0)
			return false;
	return true;
}

/* And go on sleeping: the last of several wake-ups may still be on its way. */
static void wait_until_both_sleep(struct dhp_engine *engine)
{
	uint64_t parks;

	do {
		assert_true(wait_until(both_sleep, engine));
		parks = stats_of(engine, 0).park_count + stats_of(engine, 1).park_count;
		sleep_us(10000);
	} while (!both_sleep(engine) || stats_of(engine, 0).park_count + stats_of(engine, 1).park_count != parks);
}

/* The main thread is where index 0 is. */
static void insert_asleep(struct dhp_engine *engine, uint32_t count, uint32_t index, enum dhp_importance importance, bool threaded)
{
	poke(&ordered, 0);
	for (uint32_t i = 0; i < count; i++)
		init_at(i, engine, index, importance, threaded);
	wait_until_both_sleep(engine);
	insert_some(0, count);
}

static void up_to_three_wait(enum dhp_importance importance, uint32_t index)
{
	for (uint32_t count = 1; count <= 3; count += 2) {
		struct dhp_engine *engine = make_ticking(HOUR_US);

		insert_asleep(engine, count, index, importance, false);
		sleep_us(4000);
		assert_int_equal(ticks_run(ticks, count), 0);
		assert_int_equal(deferred_of(engine), count);
		assert_int_equal(wakes_of(engine), 0);
		flush(engine); /* does not wait for the tick */
		assert_int_equal(ticks_run(ticks, count), count);
		end_engine(engine);
	}
}

static void up_to_three_that_may_wait_do_S625_S630(void **state)
{
	(void)state;
	up_to_three_wait(DHP_IMPORTANCE_LOW, 0);
	up_to_three_wait(DHP_IMPORTANCE_LOW, DHP_NO_INDEX);
	up_to_three_wait(DHP_IMPORTANCE_LOW, 1);
	up_to_three_wait(DHP_IMPORTANCE_MEDIUM, 1);
}

static void run_at_once(uint32_t count, uint32_t index, enum dhp_importance importance, bool threaded)
{
	struct dhp_engine *engine = make_ticking(HOUR_US);

	insert_asleep(engine, count, index, importance, threaded);
	assert_true(wait_for_ticks(ticks, count, count));
	assert_int_equal(deferred_of(engine), 0);
	flush(engine);
	end_engine(engine);
}

static void four_do_not_wait_S630(void **state)
{
	(void)state;
	run_at_once(4, 0, DHP_IMPORTANCE_LOW, false);
	run_at_once(4, 1, DHP_IMPORTANCE_LOW, false);
	run_at_once(4, 1, DHP_IMPORTANCE_MEDIUM, false);
	run_at_once(3 * CHAIN, 1, DHP_IMPORTANCE_MEDIUM, false);
}

static void what_does_not_wait_does_not_in_a_batch_S625_S632(void **state)
{
	(void)state;
	run_at_once(1, 0, DHP_IMPORTANCE_MEDIUM, false);
	run_at_once(2, 1, DHP_IMPORTANCE_MEDIUM_HIGH, false);
	run_at_once(2, 1, DHP_IMPORTANCE_HIGH, false);
	run_at_once(2, 1, DHP_IMPORTANCE_LOW, true);
}

static void batches_that_wait_add_up_S630(void **state)
{
	struct dhp_engine *engine = make_ticking(HOUR_US);

	(void)state;
	for (uint32_t round = 0; round < 3; round++) {
		insert_asleep(engine, 4, 1, DHP_IMPORTANCE_LOW, false);
		flush(engine);
		wait_until_both_sleep(engine);
		insert_some(0, 2);
		tick_insert(&ticks[2]);
		sleep_us(2000);
		assert_int_equal(ticks_run(ticks, 4), 4);
		insert_some(3, 1);
		assert_true(wait_for_ticks(ticks, 4, 8));
		flush(engine);
	}
	assert_int_equal(deferred_of(engine), 9);
	end_engine(engine);
}

/* So many are looked at, the first is pushed and waits; with those behind it there are four. */
static void what_is_passed_over_keeps_nobody_from_being_pushed_S630(void **state)
{
	struct dhp_engine *engine = make_ticking(HOUR_US);
	size_t inserted;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		init_at(i, engine, 1, DHP_IMPORTANCE_LOW, false);
	for (uint32_t i = 0; i < CHAIN + 3; i++)
		batch[i] = i < CHAIN ? &ticks[0].dpc : &ticks[1 + i - CHAIN].dpc;
	wait_until_both_sleep(engine);
	assert_ok(dhp_dpc_insert_batch(batch, CHAIN + 3, NULL, NULL, &inserted));
	assert_int_equal(inserted, 4);
	assert_true(wait_for_ticks(ticks, 4, 4));
	assert_int_equal(deferred_of(engine), 1);
	flush(engine);
	end_engine(engine);
}

static void a_batch_that_waits_runs_when_the_tick_is_over_S631(void **state)
{
	struct dhp_engine *engine = make_ticking(2000);

	(void)state;
	for (uint32_t count = 1; count <= 3; count++) {
		insert_asleep(engine, count, 1, DHP_IMPORTANCE_MEDIUM, false);
		assert_true(wait_for_ticks(ticks, count, count));
		flush(engine);
	}
	assert_int_equal(deferred_of(engine), 6);
	end_engine(engine);
}

/* ---- removal and flush ---- */

static void each_of_a_batch_can_be_removed_S645_S647(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct hold hold;

	(void)state;
	init_all(engine, 9, 0);
	hold_processor(&hold, engine, 0);
	insert_some(0, 9);
	for (uint32_t i = 0; i < 9; i += 2) {
		assert_ok(dhp_dpc_remove(batch[i]));
		assert_status(dhp_dpc_remove(batch[i]), DHP_NOT_QUEUED);
		memset(batch[i], 0xff, sizeof(*batch[i])); /* it is its owner's again */
	}
	hold_release(&hold);
	flush(engine);
	assert_int_equal(peek(&ordered), 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(peek(&order[i]), 2 * i + 1);
	assert_int_equal(stats_of(engine, 0).removed_count, 5);
	end_engine(engine);
}

static void a_flush_waits_for_all_of_a_batch_S648(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	const uint32_t count = 200;

	(void)state;
	poke(&ordered, 0);
	for (uint32_t i = 0; i < count; i++)
		init_at(i, engine, i / 10 % 4 == 3 ? DHP_NO_INDEX : i / 10 % 4, (enum dhp_importance)(i / 40 % 4), i >= 180);
	for (uint32_t round = 1; round <= TIMES(200); round++) {
		insert_some(0, count);
		flush(engine);
		assert_int_equal(ticks_run(ticks, count), count * round);
	}
	end_engine(engine);
}

/* ---- from a routine ---- */

/* It inserts one batch, and goes on until it is let go. */
struct parent {
	struct hold hold;
	uint32_t count;
	size_t inserted;
	enum dhp_status status;
	uint64_t go, done;
};

static void parent_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct parent *parent = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&parent->hold.entered);
	while (peek(&parent->go) == 0)
		sleep_us(20);
	parent->status = dhp_dpc_insert_batch(batch, parent->count, NULL, NULL, &parent->inserted);
	__atomic_store_n(&parent->done, 1, __ATOMIC_RELEASE);
	while (peek(&parent->hold.released) == 0)
		sleep_us(20);
}

static void parent_start(struct parent *parent, struct dhp_engine *engine, uint32_t count)
{
	memset(parent, 0, sizeof(*parent));
	parent->count = count;
	assert_ok(dhp_dpc_init(&parent->hold.dpc, engine, parent_routine, parent));
	assert_ok(dhp_dpc_set_target(&parent->hold.dpc, 0));
	assert_ok(dhp_dpc_insert(&parent->hold.dpc, NULL, NULL));
	hold_wait(&parent->hold);
}

static void parent_go(struct parent *parent)
{
	poke(&parent->go, 1);
	assert_true(wait_for_count(&parent->done, 1));
	(void)__atomic_load_n(&parent->done, __ATOMIC_ACQUIRE);
	assert_ok(parent->status);
	assert_int_equal(parent->inserted, parent->count);
}

static void more_than_the_window_holds_runs_in_order_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, 0);
	struct parent parent;

	(void)state;
	for (uint32_t round = 0; round < 2; round++) {
		init_all(engine, MANY, 0);
		parent_start(&parent, engine, MANY);
		parent_go(&parent);
		assert_place(0, DHPI_PLACE_WINDOW, queue);
		assert_place(DHPI_WINDOW - 1, DHPI_PLACE_WINDOW, queue);
		assert_place(DHPI_WINDOW, DHPI_PLACE_INBOX, queue);
		assert_place(MANY - 1, DHPI_PLACE_INBOX, queue);
		hold_release(&parent.hold);
		flush(engine);
		assert_ordered(MANY);
	}
	end_engine(engine);
}

static void a_routines_batch_comes_behind_what_waits_in_the_inbox_S629(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct parent parent;

	(void)state;
	init_all(engine, 6, 0);
	parent_start(&parent, engine, 5);
	tick_insert(&ticks[5]);
	parent_go(&parent);
	hold_release(&parent.hold);
	flush(engine);
	assert_int_equal(peek(&ordered), 6);
	assert_int_equal(peek(&order[0]), 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(peek(&order[i + 1]), i);
	end_engine(engine);
}

static void what_is_threaded_does_not_go_into_the_window_S662_S664(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, 0);
	struct parent parent;

	(void)state;
	poke(&ordered, 0);
	for (uint32_t i = 0; i < 4; i++)
		init_at(i, engine, 0, DHP_IMPORTANCE_MEDIUM, i == 1);
	parent_start(&parent, engine, 4);
	parent_go(&parent);
	assert_place(0, DHPI_PLACE_WINDOW, queue);
	for (uint32_t i = 1; i < 4; i++)
		assert_place(i, DHPI_PLACE_INBOX, queue);
	hold_release(&parent.hold);
	flush(engine);
	assert_int_equal(peek(&ordered), 4);
	assert_int_equal(peek(&order[0]), 0);
	assert_int_equal(peek(&order[1]), 2);
	assert_int_equal(peek(&order[2]), 3);
	assert_int_equal(peek(&order[3]), 1);
	end_engine(engine);
}

/* The way into the window is barred now and then, and open again: what did not go there is not overtaken. */
struct disturber {
	struct tick tick;
	uint64_t over, wrong;
};

static void *insert_and_remove(void *argument)
{
	struct disturber *disturber = argument;
	uint64_t state = 1;

	while (peek(&disturber->over) == 0) {
		enum dhp_status status = dhp_dpc_insert(&disturber->tick.dpc, NULL, NULL);

		disturber->wrong += dhp_failed(status);
		status = dhp_dpc_remove(&disturber->tick.dpc);
		disturber->wrong += dhp_failed(status);
		/* A machine that runs one thread at a time, always for as long, would stop it in the lock each time. */
		for (uint64_t relaxes = roll(&state) % 64; relaxes > 0; relaxes--)
			port_relax();
	}
	return NULL;
}

/* A routine that inserts a list, looks where it went, and takes it back, again and again. */
struct looking {
	struct dhp_dpc dpc;
	struct dhpi_queue *queue;
	uint64_t done;
	uint32_t parted, overtaken, wrong; /* lists of which some went into the window; and then some more; what should not be */
};

static void note_places(struct looking *looking)
{
	uint32_t turns = 0;
	bool before = true;

	for (uint32_t i = 0; i < CHAIN; i++) {
		bool inside = dhpi_place_kind(place_of(i)) == DHPI_PLACE_WINDOW;

		turns += inside != before;
		looking->overtaken += inside && !before;
		before = inside;
	}
	looking->parted += turns != 0 && dhpi_place_kind(place_of(0)) == DHPI_PLACE_WINDOW;
}

static void look_where_they_go(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct looking *looking = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	for (uint32_t i = 0; i < 20 && looking->parted < 100; i++) {
		size_t inserted = 0;

		looking->wrong += dhp_dpc_insert_batch(batch, CHAIN, NULL, NULL, &inserted) != DHP_OK || inserted != CHAIN;
		note_places(looking);
		for (uint32_t k = 0; k < CHAIN; k++)
			looking->wrong += dhp_dpc_remove(batch[k]) != DHP_OK;
		if (dhpi_queue_window_length(looking->queue) + CHAIN > DHPI_WINDOW)
			break; /* cells are filled again when the routine has returned */
	}
	__atomic_store_n(&looking->done, 1, __ATOMIC_RELEASE);
}

static void a_routines_batch_keeps_its_order_while_others_come_and_go_S629(void **state)
{
	static struct disturber disturber;
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct looking looking = { .queue = dhpi_queue_of_index(engine->work, 0) };
	const struct budget budget = budget_begin();
	struct helper helper;

	(void)state;
	memset(&disturber, 0, sizeof(disturber));
	tick_init(&disturber.tick, engine, 0);
	init_all(engine, CHAIN, 0);
	helper_start(&helper, insert_and_remove, &disturber);
	assert_ok(dhp_dpc_init(&looking.dpc, engine, look_where_they_go, &looking));
	for (uint32_t i = 0; i < TIMES(60000) && looking.parted < 100 && budget_left(&budget); i++) {
		looking.done = 0;
		assert_ok(dhp_dpc_insert(&looking.dpc, NULL, NULL));
		while (__atomic_load_n(&looking.done, __ATOMIC_ACQUIRE) == 0) /* for as long as a slow machine takes */
			sleep_us(10);
	}
	poke(&disturber.over, 1);
	helper_join(&helper);
	flush(engine);
	assert_int_equal(looking.overtaken, 0);
	assert_int_equal(looking.wrong + disturber.wrong, 0);
	assert_int_equal(peek(&ordered), 0);
	end_engine(engine);
}

static void what_a_routine_inserts_at_once_is_taken_over_S620(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	struct parent parent;

	(void)state;
	init_all(engine, 9, DHP_NO_INDEX);
	for (uint32_t round = 1; round <= 20; round++) {
		parent_start(&parent, engine, 9);
		sleep_us(round * 100); /* the other worker sleeps by now, or it is about to */
		parent_go(&parent);
		assert_true(wait_for_ticks(ticks, 9, 9 * round));
		for (uint32_t i = 0; i < 9; i++)
			assert_int_equal(peek(&ticks[i].index), 1);
		hold_release(&parent.hold);
		flush(engine);
	}
	end_engine(engine);
}

static bool sleeps(void *context)
{
	return at_load_relaxed_u32(&((struct dhpi_queue *)context)->asleep) != 0;
}

/* A chain of DPCs would wander otherwise. */
static void one_object_where_nothing_else_is_wakes_nobody(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	struct parent parent;
	uint64_t before;

	(void)state;
	for (uint32_t count = 1; count <= 2; count++) {
		init_all(engine, count, DHP_NO_INDEX);
		parent_start(&parent, engine, count);
		assert_true(wait_until(sleeps, dhpi_queue_of_index(engine->work, 1)));
		before = wakes_of(engine);
		parent_go(&parent);
		if (count == 1)
			assert_int_equal(wakes_of(engine), before);
		else
			assert_true(wakes_of(engine) > before);
		hold_release(&parent.hold);
		flush(engine);
	}
	end_engine(engine);
}

static void what_a_routine_inserted_at_once_is_removed_while_it_goes_on_S645(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, 0);
	struct parent parent;

	(void)state;
	init_all(engine, 5, DHP_NO_INDEX);
	parent_start(&parent, engine, 5);
	parent_go(&parent);
	for (uint32_t i = 1; i < 5; i++) {
		assert_place(i, DHPI_PLACE_WINDOW, queue);
		assert_ok(dhp_dpc_remove(batch[i]));
		assert_status(dhp_dpc_remove(batch[i]), DHP_NOT_QUEUED);
	}
	hold_release(&parent.hold);
	flush(engine);
	assert_ordered(1);
	end_engine(engine);
}

/* ---- the window is short where the queue is ---- */

static void a_window_that_holds_little_begins_anew(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, 0);
	struct hold hold;

	(void)state;
	for (uint32_t round = 0; round < 200; round++) {
		uint32_t count = round == 100 ? DHPI_WINDOW + 7 : 5; /* and after a long queue, again */

		init_all(engine, count, 0);
		hold_processor(&hold, engine, 0);
		insert_some(0, count);
		hold_release(&hold);
		flush(engine);
		assert_ordered(count);
		assert_true(round == 100 || at_load_relaxed_u32(&queue->window_tail) <= DHPI_WINDOW_RESIDENT + 6);
		assert_true(at_load_relaxed_u32(&queue->window_head) <= at_load_relaxed_u32(&queue->window_tail));
	}
	end_engine(engine);
}

/* Where one touch gives memory to much more than a page, there is nothing to be seen. */
static bool pages_are_small(void)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[64] = "";

	if (file != NULL && fgets(line, sizeof(line), file) == NULL)
		line[0] = 0;
	if (file != NULL)
		(void)fclose(file);
	return strstr(line, "[always]") == NULL && port_page_bytes() <= 4096;
}

/* Of the whole pages behind the first cells. */
static uint32_t resident_pages(struct dhpi_queue *queue)
{
	const size_t page = port_page_bytes();
	uintptr_t at = dhpi_round_up((uintptr_t)&queue->window[DHPI_WINDOW_RESIDENT], page);
	uint32_t count = 0;

	for (; at + page <= (uintptr_t)(queue->window + DHPI_WINDOW); at += page) {
		unsigned char resident = 0;

		assert_int_equal(mincore((void *)at, page, &resident), 0);
		count += resident & 1;
	}
	return count;
}

static void only_long_queues_have_memory_for_a_long_window(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhpi_queue *queues[2];
	struct parent parent;

	(void)state;
	add_positions(engine, 1, 2);
	for (uint32_t index = 0; index < 2; index++)
		queues[index] = dhpi_queue_of_index(engine->work, index);
	if (DHPI_WINDOW == DHPI_WINDOW_RESIDENT || !pages_are_small()) {
		end_engine(engine);
		skip();
	}
	for (uint32_t round = 0; round < 300; round++) { /* together more than the window has cells */
		init_all(engine, CHAIN, round % 2);
		insert_some(0, CHAIN);
		flush(engine);
	}
	assert_int_equal(resident_pages(queues[0]), 0);
	assert_int_equal(resident_pages(queues[1]), 0);
	init_all(engine, MANY, 0);
	parent_start(&parent, engine, MANY);
	parent_go(&parent);
	hold_release(&parent.hold);
	flush(engine);
	assert_true(resident_pages(queues[0]) > 0);
	assert_int_equal(resident_pages(queues[1]), 0);
	end_engine(engine);
}

/* ---- from a signal handler, while threads insert the same objects ---- */

#define STORM 24u

static uint64_t storm_queued, storm_wrong, storm_signals, storm_over;

static void insert_storm(uint64_t first, uint64_t count)
{
	size_t inserted;

	if (dhp_dpc_insert_batch(&batch[first % STORM], (size_t)count, NULL, NULL, &inserted) != DHP_OK)
		(void)bump(&storm_wrong);
	while (inserted-- > 0)
		(void)bump(&storm_queued);
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
	insert_storm(bump(&storm_signals) * 7, 5);
}

static void *insert_until_over(void *argument)
{
	uint64_t dice = 1 + (uint64_t)(uintptr_t)argument;

	while (peek(&storm_over) == 0)
		insert_storm(roll(&dice), roll(&dice) % STORM);
	return NULL;
}

static void a_signal_handler_inserts_batches_while_threads_do_S610(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
	struct dhp_engine *engine = make_sim_spinning(3, 3, 1);
	struct sigaction before;
	struct helper helpers[2];

	(void)state;
	poke(&storm_over, 0);
	for (uint32_t i = 0; i < 2 * STORM; i++) {
		if (i < STORM)
			init_at(i, engine, i / 2 % 4 == 3 ? DHP_NO_INDEX : i / 2 % 4, (enum dhp_importance)(i / 6), i % 7 == 6);
		batch[i] = batch[i % STORM];
	}
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	for (uintptr_t i = 0; i < 2; i++)
		helper_start(&helpers[i], insert_until_over, (void *)i);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_true(wait_for_count(&storm_signals, TIMES(1500)));
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	poke(&storm_over, 1);
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&helpers[i]);
	sleep_us(1000); /* a signal that is on its way */
	flush(engine);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_int_equal(peek(&storm_wrong), 0);
	assert_int_equal(ticks_run(ticks, STORM), peek(&storm_queued));
	end_engine(engine);
}

/* A handler that interrupts the worker while it fills a cell. */
struct handling {
	struct dhp_dpc dpc;
	uint32_t places[3];
	size_t inserted;
};

static void handler_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct dhpi_queue *queue = port_self()->worker;
	struct handling *handling = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	at_store_relaxed_u8(&queue->putting, 1);
	(void)dhp_dpc_insert_batch(batch, 3, NULL, NULL, &handling->inserted);
	for (uint32_t i = 0; i < 3; i++)
		handling->places[i] = place_of(i);
	at_store_relaxed_u8(&queue->putting, 0);
}

static void a_batch_inside_an_insert_uses_the_inbox_S610(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	struct handling handling = { .inserted = 0 };

	(void)state;
	init_all(engine, 3, 0);
	assert_ok(dhp_dpc_init(&handling.dpc, engine, handler_routine, &handling));
	assert_ok(dhp_dpc_insert(&handling.dpc, NULL, NULL));
	assert_true(wait_for_ticks(ticks, 3, 3)); /* a flush need not wait for what is inserted meanwhile */
	flush(engine);
	assert_ordered(3);
	assert_int_equal(handling.inserted, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(dhpi_place_kind(handling.places[i]), DHPI_PLACE_INBOX);
	end_engine(engine);
}

/* ---- the end ---- */

struct until_closed {
	struct dhp_dpc dpc;
	uint64_t entered, queued;
	size_t last;
};

static void insert_until_closed(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct until_closed *me = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&me->entered);
	while (dhp_dpc_insert_batch(batch, 6, NULL, NULL, &me->last) != DHP_CLOSED)
		me->queued += me->last;
	me->queued += me->last; /* those before it was closed */
	(void)dhp_dpc_insert_batch(batch, 6, NULL, NULL, &me->last);
}

static void an_engine_that_ends_takes_no_batch_and_runs_what_it_took(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(40); round++) {
		struct dhp_engine *engine = make_sim_of(2, 2);
		struct until_closed me = { .queued = 0 };

		poke(&ordered, 0);
		for (uint32_t i = 0; i < 6; i++)
			init_at(i, engine, i / 2 % 2, i < 5 ? DHP_IMPORTANCE_MEDIUM : DHP_IMPORTANCE_HIGH, false);
		assert_ok(dhp_dpc_init(&me.dpc, engine, insert_until_closed, &me));
		assert_ok(dhp_dpc_set_target(&me.dpc, 0));
		assert_ok(dhp_dpc_insert(&me.dpc, NULL, NULL));
		assert_true(wait_for_count(&me.entered, 1));
		end_engine(engine);
		assert_int_equal(me.last, 0);
		assert_int_equal(ticks_run(ticks, 6), me.queued);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_and_single_objects_keep_their_order_S629),
		cmocka_unit_test(the_newest_High_runs_first_also_of_one_batch_S628),
		cmocka_unit_test(each_kind_runs_in_its_turn_S628_S629_S632),
		cmocka_unit_test(what_is_queued_is_passed_over_and_not_counted_S610_S611_S614),
		cmocka_unit_test(an_object_that_is_there_twice_is_queued_once_S611),
		cmocka_unit_test(nothing_is_a_batch_too),
		cmocka_unit_test(it_ends_at_the_first_that_is_no_object),
		cmocka_unit_test(each_goes_where_an_insert_would_send_it_S618_S637),
		cmocka_unit_test(it_ends_at_an_engine_without_workers),
		cmocka_unit_test(each_object_for_a_processor_that_is_away_runs_elsewhere_and_is_counted_S641),
		cmocka_unit_test(a_queue_that_is_closed_passes_the_batch_on_S654),
		cmocka_unit_test(batches_that_race_with_failing_arrivals_all_run_S155_S654),
		cmocka_unit_test(up_to_three_that_may_wait_do_S625_S630),
		cmocka_unit_test(four_do_not_wait_S630),
		cmocka_unit_test(what_does_not_wait_does_not_in_a_batch_S625_S632),
		cmocka_unit_test(batches_that_wait_add_up_S630),
		cmocka_unit_test(what_is_passed_over_keeps_nobody_from_being_pushed_S630),
		cmocka_unit_test(a_batch_that_waits_runs_when_the_tick_is_over_S631),
		cmocka_unit_test(each_of_a_batch_can_be_removed_S645_S647),
		cmocka_unit_test(a_flush_waits_for_all_of_a_batch_S648),
		cmocka_unit_test(more_than_the_window_holds_runs_in_order_S629),
		cmocka_unit_test(a_routines_batch_comes_behind_what_waits_in_the_inbox_S629),
		cmocka_unit_test(what_is_threaded_does_not_go_into_the_window_S662_S664),
		cmocka_unit_test(a_routines_batch_keeps_its_order_while_others_come_and_go_S629),
		cmocka_unit_test(what_a_routine_inserts_at_once_is_taken_over_S620),
		cmocka_unit_test(one_object_where_nothing_else_is_wakes_nobody),
		cmocka_unit_test(what_a_routine_inserted_at_once_is_removed_while_it_goes_on_S645),
		cmocka_unit_test(a_window_that_holds_little_begins_anew),
		cmocka_unit_test(only_long_queues_have_memory_for_a_long_window),
		cmocka_unit_test(a_signal_handler_inserts_batches_while_threads_do_S610),
		cmocka_unit_test(a_batch_inside_an_insert_uses_the_inbox_S610),
		cmocka_unit_test(an_engine_that_ends_takes_no_batch_and_runs_what_it_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
