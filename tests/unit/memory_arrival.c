/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The asynchronous channel's other class: memory modules that arrive, and nobody else who hears of it.
 */
#include "support.h"

#include <stdlib.h>

#include <dhp/memory.h>
#include <dhp/rebalance.h>

#include "partition.h"

#define MIB ((uint64_t)1 << 20)
#define NAMES 256u

/* Written by one call at a time, read after a drain: a race detector tells if that is not so. */
struct listener {
	struct dhp_engine *engine;
	struct dhp_arrival_notify *handle;
	uint32_t count;
	char names[NAMES][48];
	uint64_t totals[NAMES];
	uint32_t modules[NAMES];
	uint64_t strange; /* wrong event or class */
	bool adds;        /* the first call plugs another */
	enum dhp_status added;
	uint64_t entered, go_on;
	bool slow;
};

static void listen(void *context, const struct dhp_arrival *arrival)
{
	struct listener *me = context;
	uint32_t at = me->count++ % NAMES;
	struct dhp_memory_info info = { .total_bytes = 0 };

	me->strange += arrival->event != DHP_EVENT_ARRIVAL || arrival->device_class != DHP_CLASS_MEMORY;
	(void)dhp_memory_read(me->engine, &info);
	me->totals[at] = info.total_bytes;
	me->modules[at] = info.modules_count;
	(void)snprintf(me->names[at], sizeof(me->names[at]), "%s", arrival->name);
	if (me->adds) {
		me->adds = false;
		me->added = dhp_sim_memory_add(me->engine, MIB, 0);
	}
	(void)bump(&me->entered);
	while (me->slow && peek(&me->go_on) == 0)
		sleep_us(50);
}

static enum dhp_status join_class(struct listener *me, struct dhp_engine *engine, enum dhp_device_class device_class,
				  uint32_t flags)
{
	me->engine = engine;
	return dhp_arrival_register(engine, device_class, listen, me, flags, &me->handle);
}

static enum dhp_status join_list(struct listener *me, struct dhp_engine *engine, uint32_t flags)
{
	return join_class(me, engine, DHP_CLASS_MEMORY, flags);
}

static struct listener *make_listener(void)
{
	struct listener *me = calloc(1, sizeof(*me));

	assert_non_null(me);
	return me;
}

static void drain(struct dhp_engine *engine)
{
	assert_ok(dhp_arrival_drain(engine));
}

static struct dhp_engine *begin_with(uint32_t modules, dhp_trace_hook *trace, void *context)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 8, .initial_count = 2, .node_count = 2,
		.memory_module_bytes = 512 * MIB, .memory_module_count = modules };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .trace = trace,
		.trace_context = context };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static struct dhp_engine *begin(uint32_t modules)
{
	return begin_with(modules, NULL, NULL);
}

static struct dhp_memory_info info_of(struct dhp_engine *engine)
{
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(engine, &info));
	return info;
}

static void check_name(const char *name, uint32_t id)
{
	char expected[48];

	(void)snprintf(expected, sizeof(expected), "memory-%u", id);
	assert_string_equal(name, expected);
}

static void end_listener(struct listener *me)
{
	assert_ok(dhp_arrival_unregister(me->handle));
	free(me);
}

/* ---- what a module is ---- */

static void one_arrival_for_each_module_and_the_registration_stays_S202_S208_S237(void **state)
{
	struct dhp_engine *engine = begin(3);
	struct listener *me = make_listener();

	(void)state;
	/* Even right after the engine was made: what was there at the start is no arrival. */
	assert_ok(join_list(me, engine, 0));
	drain(engine);
	assert_int_equal(me->count, 0);
	for (uint32_t i = 0; i < 10; i++) {
		assert_ok(dhp_sim_memory_add(engine, (i + 1) * MIB, i % 2));
		drain(engine);
		assert_int_equal(me->count, i + 1);
		check_name(me->names[i], 3 + i);
	}
	assert_int_equal(me->strange, 0);
	end_listener(me);
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	end_engine(engine);
}

static void module_is_counted_when_its_arrival_is_heard_S223_S232_S745(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct listener *me = make_listener();
	struct dhp_memory_info before = info_of(engine), after;
	uint64_t total = 1024 * MIB;

	(void)state;
	assert_true(before.total_bytes == total && before.available_bytes == total);
	assert_int_equal(before.modules_count, 2);
	assert_ok(join_list(me, engine, 0));
	for (uint32_t i = 0; i < 5; i++) {
		assert_ok(dhp_sim_memory_add(engine, (i + 1) * 100 * MIB, 0));
		drain(engine);
		total += (i + 1) * 100 * MIB;
		assert_true(me->totals[i] == total);
		assert_int_equal(me->modules[i], 3 + i);
	}
	after = info_of(engine);
	assert_true(after.available_bytes == total && after.generation == before.generation + 5);
	assert_true(after.low_bytes == before.low_bytes && after.high_bytes == before.high_bytes);
	end_listener(me);
	end_engine(engine);
}

/* Two come before the first arrival is heard: after both the client's view is right. */
static void two_modules_before_the_first_call_S223(void **state)
{
	struct dhp_engine *engine = begin(1);
	struct listener *me = make_listener();

	(void)state;
	me->slow = true;
	assert_ok(join_list(me, engine, 0));
	assert_ok(dhp_sim_memory_add(engine, 8 * MIB, 0));
	assert_true(wait_for_count(&me->entered, 1));
	assert_ok(dhp_sim_memory_add(engine, 8 * MIB, 0));
	assert_ok(dhp_sim_memory_add(engine, 8 * MIB, 0));
	poke(&me->go_on, 1);
	drain(engine);
	assert_int_equal(me->count, 3);
	assert_true(me->totals[1] == 536 * MIB && me->totals[2] == 536 * MIB);
	end_listener(me);
	end_engine(engine);
}

static void include_existing_calls_before_the_return_with_the_same_names_S206_S211_S225(void **state)
{
	struct dhp_engine *engine = begin(3);
	struct listener *early = make_listener(), *late = make_listener();

	(void)state;
	assert_ok(join_list(early, engine, DHP_NOTIFY_EXISTING));
	assert_int_equal(early->count, 3);
	for (uint32_t i = 0; i < 4; i++)
		assert_ok(dhp_sim_memory_add(engine, MIB, 1));
	drain(engine);
	assert_int_equal(early->count, 7);
	assert_ok(join_list(late, engine, DHP_NOTIFY_EXISTING));
	assert_int_equal(late->count, 7);
	assert_int_equal(early->count, 7);
	for (uint32_t i = 0; i < 7; i++) {
		check_name(early->names[i], i);
		assert_string_equal(late->names[i], early->names[i]);
	}
	assert_int_equal(early->strange + late->strange, 0);
	end_listener(early);
	end_listener(late);
	end_engine(engine);
}

static void events_come_in_order_S231(void **state)
{
	struct dhp_engine *engine = begin(1);
	struct listener *me = make_listener();

	(void)state;
	me->slow = true;
	assert_ok(join_list(me, engine, 0));
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	assert_true(wait_for_count(&me->entered, 1));
	for (uint32_t i = 0; i < 50; i++)
		assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	poke(&me->go_on, 1);
	drain(engine);
	assert_int_equal(me->count, 51);
	for (uint32_t i = 0; i < 51; i++)
		check_name(me->names[i], 1 + i);
	end_listener(me);
	end_engine(engine);
}

static void callback_may_plug_another(void **state)
{
	struct dhp_engine *engine = begin(1);
	struct listener *me = make_listener();

	(void)state;
	me->adds = true;
	me->added = DHP_VETOED;
	assert_ok(join_list(me, engine, 0));
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	assert_true(wait_for_count(&me->entered, 1));
	drain(engine);
	assert_status(me->added, DHP_OK);
	assert_int_equal(me->count, 2);
	end_listener(me);
	end_engine(engine);
}

/* A backend whose module comes between the look at the amount and the look at the modules. White box. */
static uint64_t odd_total, odd_growth;
static uint32_t odd_id;

static void odd_memory(void *backend_state, bool all, struct dhpi_memory *out_memory)
{
	(void)backend_state;
	(void)all;
	*out_memory = (struct dhpi_memory){ .total_bytes = odd_total, .available_bytes = odd_total };
}

static void odd_modules(void *backend_state, bool all, dhpi_module_visit *visit, void *context)
{
	(void)backend_state;
	(void)all;
	odd_total += odd_growth;
	(void)visit(context, odd_id);
	(void)visit(context, DHPI_MODULES_LIMIT); /* no such thing: counted by its bytes at most */
	(void)visit(context, UINT32_MAX);
}

static void module_that_comes_during_a_look_is_counted_when_it_is_heard_S223_S745(void **state)
{
	struct dhp_engine *engine = begin(2);
	const struct dhpi_backend *usual = engine->partition->backend;
	struct dhpi_backend odd = *usual;
	struct listener *me = make_listener();
	uint64_t generation;

	(void)state;
	assert_ok(join_list(me, engine, 0));
	odd.memory = odd_memory;
	odd.modules = odd_modules;
	odd_total = 1024 * MIB;
	odd_growth = 8 * MIB;
	odd_id = 77;
	engine->partition->backend = &odd;
	assert_ok(dhp_engine_rescan(engine));
	drain(engine);
	assert_int_equal(me->count, 1);
	check_name(me->names[0], 77);
	assert_true(me->totals[0] == 1032 * MIB);
	/* One that brings nothing is something new all the same. */
	odd_growth = 0;
	odd_id = DHPI_MODULES_LIMIT - 1;
	generation = info_of(engine).generation;
	assert_ok(dhp_engine_rescan(engine));
	drain(engine);
	assert_int_equal(me->count, 2);
	assert_true(info_of(engine).generation == generation + 1);
	assert_ok(dhp_engine_rescan(engine));
	assert_true(info_of(engine).generation == generation + 1);
	assert_int_equal(info_of(engine).modules_count, 4);
	engine->partition->backend = usual;
	end_listener(me);
	end_engine(engine);
}

/* ---- what does not come ---- */

static void failed_add_delivers_nothing_and_changes_nothing_S236(void **state)
{
	static const enum dhp_status faults[] = { DHP_INJECTED, DHP_NO_MEMORY, (enum dhp_status)-1000 };
	struct dhp_engine *engine = begin(1);
	struct listener *me = make_listener();
	struct dhp_memory_info before = info_of(engine), after;

	(void)state;
	assert_ok(join_list(me, engine, 0));
	for (size_t i = 0; i < LENGTH(faults); i++) {
		assert_ok(dhp_sim_memory_fail(engine, faults[i]));
		assert_status(dhp_sim_memory_add(engine, MIB, 2), DHP_BAD_NODE); /* does not use it up */
		assert_status(dhp_sim_memory_add(engine, MIB, 0), faults[i]);
	}
	assert_status(dhp_sim_memory_add(NULL, MIB, 0), DHP_BAD_ENGINE);
	assert_status(dhp_sim_memory_fail(NULL, DHP_INJECTED), DHP_BAD_ENGINE);
	assert_status(dhp_sim_memory_add(engine, 0, 0), DHP_BAD_SIZE);
	assert_status(dhp_sim_memory_add(engine, UINT64_MAX, 0), DHP_BAD_SIZE);
	assert_status(dhp_sim_memory_add(engine, DHP_SIM_MEMORY_LIMIT - 512 * MIB + 1, 0), DHP_BAD_SIZE);
	assert_status(dhp_sim_memory_add(engine, MIB, UINT32_MAX), DHP_BAD_NODE);
	drain(engine);
	assert_int_equal(me->count, 0);
	after = info_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_ok(dhp_sim_memory_fail(engine, DHP_INJECTED));
	assert_ok(dhp_sim_memory_fail(engine, DHP_OK)); /* taken back */
	assert_ok(dhp_sim_memory_add(engine, DHP_SIM_MEMORY_LIMIT - 512 * MIB, 1));
	drain(engine);
	assert_int_equal(me->count, 1);
	check_name(me->names[0], 1); /* failures cost no name */
	assert_ok(dhp_sim_memory_set(engine, MIB, 0));
	assert_ok(dhp_sim_memory_fail(engine, DHP_INJECTED));
	assert_status(dhp_sim_memory_add(engine, MIB, 1), DHP_INJECTED);
	assert_ok(dhp_sim_memory_add(engine, MIB, 1)); /* once */
	drain(engine);
	assert_int_equal(me->count, 2);
	end_listener(me);
	end_engine(engine);
}

static void more_modules_than_the_limit_are_refused(void **state)
{
	struct dhp_engine *engine = begin(DHP_SIM_MODULES_LIMIT - 1);
	struct listener *me = make_listener();

	(void)state;
	assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	assert_status(dhp_sim_memory_add(engine, MIB, 0), DHP_TOO_MANY);
	drain(engine); /* else the last may be told twice (S-207) */
	assert_ok(join_list(me, engine, DHP_NOTIFY_EXISTING));
	assert_int_equal(me->count, DHP_SIM_MODULES_LIMIT);
	end_listener(me);
	end_engine(engine);
}

static void amount_that_changes_without_a_module_is_no_arrival(void **state)
{
	struct dhp_engine *engine = begin(1);
	struct listener *me = make_listener();

	(void)state;
	assert_ok(join_list(me, engine, 0));
	assert_ok(dhp_sim_memory_set(engine, 4096 * MIB, 4096 * MIB));
	assert_ok(dhp_engine_rescan(engine));
	drain(engine);
	assert_int_equal(me->count, 0);
	assert_int_equal(info_of(engine).modules_count, 1);
	end_listener(me);
	end_engine(engine);
}

/* ---- the other channels ---- */

static void count_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)change;
	(void)status;
	++*(uint32_t *)context;
}

static void count_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	++*(uint32_t *)context;
}

static void count_step(void *context, const struct dhp_trace_event *event)
{
	(void)event;
	++*(uint32_t *)context;
}

static uint64_t rebalances_wanted(struct dhp_engine *engine)
{
	struct dhp_rebalance_stats stats;

	assert_ok(dhp_rebalance_stats_read(engine, &stats));
	return stats.requested_count;
}

static void memory_is_no_business_of_the_channels_of_processors_S018_S203(void **state)
{
	uint32_t changes = 0, arrivals = 0, steps = 0;
	struct dhp_engine *engine = begin_with(1, count_step, &steps);
	struct listener *me = make_listener();
	struct dhp_arrival_notify *arrival;
	struct dhp_counts before, after;
	struct dhp_notify *notify;
	uint64_t wanted;

	(void)state;
	assert_ok(dhp_notify_register(engine, count_change, &changes, 0, &notify));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, count_arrival, &arrivals, 0, &arrival));
	assert_ok(join_list(me, engine, 0));
	before = counts_of(engine);
	wanted = rebalances_wanted(engine);
	steps = 0;
	for (uint32_t i = 0; i < 5; i++)
		assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	drain(engine);
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(me->count, 5);
	assert_int_equal(changes + arrivals + steps, 0);
	assert_int_equal(rebalances_wanted(engine), wanted);
	/* And the other way round. */
	add_positions(engine, 2, 5);
	drain(engine);
	assert_int_equal(me->count, 5);
	assert_int_equal(arrivals, 3);
	assert_int_equal(changes, 6);
	assert_int_equal(rebalances_wanted(engine), wanted + 3);
	assert_ok(dhp_notify_unregister(notify));
	assert_ok(dhp_arrival_unregister(arrival));
	end_listener(me);
	end_engine(engine);
}

static void arguments_of_the_class_are_checked_as_for_processors_S212_S213(void **state)
{
	struct dhp_engine *engine = begin(1);
	struct listener *me = make_listener();
	struct dhp_arrival_notify *handle = NULL;

	(void)state;
	assert_status(dhp_arrival_register(NULL, DHP_CLASS_MEMORY, listen, me, 0, &handle), DHP_BAD_ENGINE);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_MEMORY, NULL, me, 0, &handle), DHP_BAD_CALLBACK);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_MEMORY, listen, me, 2, &handle), DHP_BAD_FLAGS);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_MEMORY, listen, me, 0, NULL), DHP_BAD_RESULT);
	assert_status(dhp_arrival_register(engine, (enum dhp_device_class)2, listen, me, 0, &handle), DHP_BAD_CLASS);
	assert_null(handle);
	assert_ok(join_list(me, engine, DHP_NOTIFY_EXISTING));
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	end_listener(me);
	end_engine(engine);
}

/* ---- registering while modules arrive: never missed, at most twice ---- */

struct adder {
	struct helper helper;
	struct dhp_engine *engine;
	struct gate *gate;
	uint64_t failed;
};

#define RACE_MODULES 20u

static void *add_modules(void *argument)
{
	struct adder *adder = argument;

	gate_pass(adder->gate);
	for (uint32_t i = 0; i < RACE_MODULES; i++)
		if (dhp_sim_memory_add(adder->engine, MIB, 0) != DHP_OK)
			(void)bump(&adder->failed);
	return NULL;
}

static void registration_in_the_middle_misses_none_and_hears_none_thrice_S207_S210(void **state)
{
	(void)state;
	for (int round = 0; round < TIMES(200); round++) {
		struct dhp_engine *engine = begin(2);
		struct listener *me = make_listener();
		struct adder adder = { .engine = engine };
		uint32_t heard[RACE_MODULES + 2] = { 0 };
		struct gate gate;

		gate_init(&gate, 2);
		adder.gate = &gate;
		helper_start(&adder.helper, add_modules, &adder);
		gate_pass(&gate);
		assert_ok(join_list(me, engine, DHP_NOTIFY_EXISTING));
		helper_join(&adder.helper);
		drain(engine);
		assert_int_equal(adder.failed, 0);
		for (uint32_t i = 0; i < me->count; i++) {
			unsigned long id = strtoul(me->names[i] + strlen("memory-"), NULL, 10);

			assert_true(id < LENGTH(heard));
			heard[id]++;
		}
		for (uint32_t id = 0; id < LENGTH(heard); id++)
			assert_true(heard[id] == 1 || heard[id] == 2);
		assert_int_equal(me->strange, 0);
		end_listener(me);
		end_engine(engine);
	}
}

/* ---- what a client does with it ---- */

struct client {
	struct dhp_engine *engine;
	uint64_t buffer_bytes; /* an eighth of the memory */
	bool refuses;
};

static void enlarge(void *context, const struct dhp_arrival *arrival)
{
	struct client *client = context;
	struct dhp_memory_info info;

	if (arrival->event != DHP_EVENT_ARRIVAL || client->refuses) /* S-235, S-746 */
		return;
	if (dhp_memory_read(client->engine, &info) == DHP_OK)
		client->buffer_bytes = info.total_bytes / 8;
}

static void client_enlarges_its_buffers_or_does_not_S315_S745_S746(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct client willing = { .engine = engine }, unwilling = { .engine = engine, .refuses = true };
	struct dhp_arrival_notify *handles[2];
	struct dhp_counts before = counts_of(engine), after;

	(void)state;
	willing.buffer_bytes = unwilling.buffer_bytes = info_of(engine).total_bytes / 8;
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_MEMORY, enlarge, &willing, 0, &handles[0]));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_MEMORY, enlarge, &unwilling, 0, &handles[1]));
	assert_ok(dhp_sim_memory_add(engine, 1024 * MIB, 0));
	drain(engine);
	assert_true(willing.buffer_bytes == 256 * MIB && unwilling.buffer_bytes == 128 * MIB);
	/* Nothing else has grown, and all goes on. */
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	add_positions(engine, 2, 4);
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_arrival_unregister(handles[i]));
	end_engine(engine);
}

/* A level that was high stays high, and one that stays low stays low: an arrival need not raise anything. */
static void event_is_a_hint_and_not_an_arrival_S307_S319(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct dhp_memory_event *high = NULL;
	struct listener *me = make_listener();
	bool signalled = false;

	(void)state;
	assert_ok(dhp_memory_event_open(engine, "HighMemoryCondition", &high));
	assert_ok(join_list(me, engine, 0));
	assert_ok(dhp_sim_memory_add(engine, MIB, 0)); /* already high */
	assert_ok(dhp_memory_event_query(high, &signalled));
	assert_true(signalled);
	assert_ok(dhp_sim_memory_set(engine, 1024 * MIB, 0));
	assert_ok(dhp_sim_memory_add(engine, MIB, 0)); /* still too low */
	assert_ok(dhp_memory_event_query(high, &signalled));
	assert_false(signalled);
	drain(engine);
	assert_int_equal(me->count, 2);
	assert_ok(dhp_sim_memory_set(engine, 1024 * MIB, 1024 * MIB)); /* somebody has released memory */
	assert_ok(dhp_memory_event_query(high, &signalled));
	assert_true(signalled);
	assert_ok(dhp_sim_memory_set(engine, 1024 * MIB, 0));
	assert_ok(dhp_sim_memory_add(engine, 1024 * MIB, 0)); /* and this module does raise it, before the return */
	assert_ok(dhp_memory_event_query(high, &signalled));
	assert_true(signalled);
	drain(engine);
	assert_int_equal(me->count, 3);
	assert_ok(dhp_memory_event_close(high));
	end_listener(me);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_arrival_for_each_module_and_the_registration_stays_S202_S208_S237),
		cmocka_unit_test(module_is_counted_when_its_arrival_is_heard_S223_S232_S745),
		cmocka_unit_test(two_modules_before_the_first_call_S223),
		cmocka_unit_test(module_that_comes_during_a_look_is_counted_when_it_is_heard_S223_S745),
		cmocka_unit_test(include_existing_calls_before_the_return_with_the_same_names_S206_S211_S225),
		cmocka_unit_test(events_come_in_order_S231),
		cmocka_unit_test(callback_may_plug_another),
		cmocka_unit_test(failed_add_delivers_nothing_and_changes_nothing_S236),
		cmocka_unit_test(more_modules_than_the_limit_are_refused),
		cmocka_unit_test(amount_that_changes_without_a_module_is_no_arrival),
		cmocka_unit_test(memory_is_no_business_of_the_channels_of_processors_S018_S203),
		cmocka_unit_test(arguments_of_the_class_are_checked_as_for_processors_S212_S213),
		cmocka_unit_test(registration_in_the_middle_misses_none_and_hears_none_thrice_S207_S210),
		cmocka_unit_test(client_enlarges_its_buffers_or_does_not_S315_S745_S746),
		cmocka_unit_test(event_is_a_hint_and_not_an_arrival_S307_S319),
	};

	return cmocka_run_group_tests_name("memory_arrival", tests, NULL, NULL);
}
