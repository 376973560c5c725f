/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine's end at any moment ends: whatever is queued, on its way, deferred, asked for or just arriving.
 */
#include "child.h"

#include <unistd.h>

#include <dhp/hold.h>
#include <dhp/rebalance.h>
#include <dhp/record.h>
#include <dhp/timer.h>

#define ROUNDS TIMES(50)
#define DPCS 64u

static uint64_t seed = 0x9e3779b97f4a7c15;

struct round {
	struct dhp_engine *engine;
	struct dhp_dpc dpcs[DPCS];
	uint64_t inserted, runs, refused;
	struct dhp_deferred deferred[DPCS];
	uint64_t deferred_count, reclaimed;
};

static struct round now;

/* It goes on until the engine says that it is closed. */
static void again(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)argument_1;
	(void)argument_2;
	(void)context;
	(void)bump(&now.runs);
	if (dhp_dpc_insert(dpc, NULL, NULL) == DHP_OK)
		(void)bump(&now.inserted);
	else
		(void)bump(&now.refused);
}

static void reclaim(struct dhp_deferred *deferred)
{
	(void)deferred;
	(void)bump(&now.reclaimed);
}

static void begin_round(void)
{
	memset(&now, 0, sizeof(now));
	now.engine = make_sim_of(8, 2);
}

static void queue_work(void)
{
	uint32_t count = (uint32_t)(roll(&seed) % DPCS);

	for (uint32_t i = 0; i < count; i++) {
		assert_ok(dhp_dpc_init(&now.dpcs[i], now.engine, again, NULL));
		assert_ok(dhp_dpc_insert(&now.dpcs[i], NULL, NULL));
		(void)bump(&now.inserted);
		assert_ok(dhp_epoch_defer(now.engine, &now.deferred[i], reclaim));
		now.deferred_count++;
	}
}

static void end_round(void)
{
	if (roll(&seed) % 2 == 0)
		sleep_us((uint32_t)(roll(&seed) % 300));
	end_engine(now.engine);
	assert_true(peek(&now.runs) == peek(&now.inserted));
	assert_true(peek(&now.reclaimed) == now.deferred_count);
}

static void engine_ends_with_work_that_goes_on_for_ever(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		begin_round();
		queue_work();
		add_positions(now.engine, 2, 2 + (uint32_t)(roll(&seed) % 6));
		end_round();
	}
}

/* ---- in the middle of a rebalance, an arrival's news, a recording ---- */

static enum dhp_status take_some_time(void *context, const struct dhp_device_call *call)
{
	(void)context;
	(void)call;
	sleep_us(50);
	return DHP_OK;
}

static void hear(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	(void)arrival;
	sleep_us(20);
}

static bool keep(void *context, const char *line, size_t length)
{
	(void)context;
	(void)line;
	return length != 0;
}

static void engine_ends_in_the_middle_of_everything(void **state)
{
	const struct dhp_driver driver = { .query_stop = take_some_time, .stop = take_some_time, .start = take_some_time };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct dhp_device *device = NULL;
		struct dhp_arrival_notify *arrivals = NULL;
		struct dhp_record *record = NULL;

		begin_round();
		assert_ok(dhp_device_register(now.engine, &options, &device));
		assert_ok(dhp_arrival_register(now.engine, DHP_CLASS_PROCESSOR, hear, NULL, 0, &arrivals));
		assert_ok(dhp_record_begin(now.engine, keep, NULL, &record));
		queue_work();
		add_positions(now.engine, 2, 3 + (uint32_t)(roll(&seed) % 4));
		assert_ok(dhp_rebalance_request(now.engine));
		assert_status(dhp_engine_destroy(now.engine), DHP_IN_USE); /* and nothing has changed */
		sleep_us((uint32_t)(roll(&seed) % 200));
		assert_ok(dhp_record_end(record));
		assert_ok(dhp_arrival_unregister(arrivals));
		assert_ok(dhp_device_unregister(device));
		end_round();
	}
}

/* ---- while the machine gives another processor ---- */

struct widening {
	uint32_t cpus[2];
	pid_t watched;
	uint32_t delay_us;
};

static void *widen(void *argument)
{
	const struct widening *widening = argument;

	sleep_us(widening->delay_us);
	(void)confine(widening->watched, widening->cpus, 2);
	return NULL;
}

static void engine_ends_while_a_processor_arrives(void **state)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 1, .root = "/nowhere" };
	struct widening widening;

	(void)state;
	if (usable_cpus(widening.cpus, 2) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	widening.watched = getpid();
	for (uint32_t i = 0; i < ROUNDS / 3; i++) {
		struct dhp_engine *engine = NULL;
		struct helper helper;

		assert_true(confine(widening.watched, widening.cpus, 1));
		assert_ok(dhp_engine_create(&options, &engine));
		widening.delay_us = (uint32_t)(roll(&seed) % 1500);
		helper_start(&helper, widen, &widening);
		sleep_us((uint32_t)(roll(&seed) % 3000));
		end_engine(engine);
		helper_join(&helper);
	}
	assert_true(confine(widening.watched, widening.cpus, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engine_ends_with_work_that_goes_on_for_ever),
		cmocka_unit_test(engine_ends_in_the_middle_of_everything),
		cmocka_unit_test(engine_ends_while_a_processor_arrives),
	};

	return cmocka_run_group_tests_name("shutdown", tests, NULL, NULL);
}
