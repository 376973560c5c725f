/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each call for passive level, from a thread that has raised itself (S-040): a checked build ends in the check that says so,
 * any other refuses it, stores nothing and changes nothing. tests/api/checks.py sees to it that no such call is missing here.
 */
#include "chronicle.h"
#include "death.h"

#include <dhp/call.h>
#include <dhp/change.h>
#include <dhp/hold.h>
#include <dhp/lanes.h>
#include <dhp/lookaside.h>
#include <dhp/memory.h>
#include <dhp/rebalance.h>
#include <dhp/rundown.h>
#include <dhp/thread.h>
#include <dhp/timer.h>

/* ---- routines of which none is called at the raised level ---- */

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context, (void)change, (void)status;
}

static void hear_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)context, (void)arrival;
}

static void hear_number(void *context, uint64_t generation)
{
	(void)context, (void)generation;
}

static void run_items(void *context, void *const *items, uint32_t count)
{
	(void)context, (void)items, (void)count;
}

static uintptr_t called(void *argument)
{
	return (uintptr_t)argument;
}

static void visit(const struct dhp_source *source, void *context)
{
	(void)source, (void)context;
}

static void end_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)request, (void)context, (void)status;
}

static enum dhp_status drive(void *context, const struct dhp_device_call *call)
{
	(void)context, (void)call;
	return DHP_OK;
}

static const struct dhp_driver driver = { .query_stop = drive, .stop = drive, .start = drive, .cancel_stop = drive };
static const struct dhp_device_options device_options = { .size = sizeof(device_options), .drivers = &driver, .driver_count = 1 };
static const struct dhp_lanes_options lanes_options = { .size = sizeof(lanes_options), .routine = run_items };
static const struct dhp_lookaside_options list_options = { .size = sizeof(list_options), .block_bytes = 8 };
static const struct dhp_percpu_options array_options = { .size = sizeof(array_options), .slot_bytes = 8 };
static const struct dhp_rebalance_options rebalance_options = { .size = sizeof(rebalance_options) };
static const struct dhp_affinity all = { .mask = 1 };

/* ---- one of each object ---- */

static struct scene {
	struct dhp_engine *engine, *replayed;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrival;
	struct dhp_change_notify *change;
	struct dhp_memory_event *event;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_hold *hold;
	struct dhp_lanes *lanes;
	struct dhp_lookaside *list;
	struct dhp_percpu *array;
	struct dhp_rundown rundown;
	struct dhp_rundown_percpu *rundown_percpu;
	struct dhp_timer timer;
	struct dhp_pin pin;
	struct dhp_affinity_token *token;
	struct dhp_record *record;
	struct dhp_replay *replay;
	struct tape tape;
} scene;

/* What nobody may store to. */
static struct dhp_affinity no_affinity;
static void *none;
#define NONE(type) ((struct type **)(void *)&none)

static void open_notification(void)
{
	assert_ok(dhp_notify_register(scene.engine, hear, NULL, 0, &scene.notify));
	assert_ok(dhp_arrival_register(scene.engine, DHP_CLASS_PROCESSOR, hear_arrival, NULL, 0, &scene.arrival));
	assert_ok(dhp_change_register(scene.engine, hear_number, NULL, NULL, &scene.change));
	assert_ok(dhp_memory_event_open_condition(scene.engine, DHP_MEMORY_LOW, &scene.event));
}

static void open_rebalance(void)
{
	assert_ok(dhp_device_register(scene.engine, &device_options, &scene.device));
	assert_ok(dhp_feed_create(scene.engine, NULL, NULL, &scene.feed));
	assert_ok(dhp_hold_create(scene.engine, end_request, NULL, &scene.hold));
}

static void open_data(void)
{
	assert_ok(dhp_lanes_create(scene.engine, &lanes_options, &scene.lanes));
	assert_ok(dhp_lookaside_create(scene.engine, &list_options, &scene.list));
	assert_ok(dhp_percpu_create(scene.engine, &array_options, &scene.array));
	dhp_rundown_init(&scene.rundown);
	assert_ok(dhp_rundown_percpu_create(scene.engine, &scene.rundown_percpu));
	assert_ok(dhp_timer_init(&scene.timer, scene.engine));
	assert_ok(dhp_affinity_token_create(scene.engine, &scene.token));
}

static void open_scene(void)
{
	scene.engine = make_sim_of(4, 1);
	assert_ok(dhp_record_begin(scene.engine, tape_write, &scene.tape, &scene.record));
	scene.replayed = tape_engine(&scene.tape, &scene.replay);
	open_notification();
	open_rebalance();
	open_data();
}

/* ---- the calls ---- */

#define EACH_CALL(CALL) \
	CALL(dhp_engine_create, NULL, NONE(dhp_engine)) \
	CALL(dhp_engine_destroy, scene.engine) \
	CALL(dhp_engine_rescan, scene.engine) \
	CALL(dhp_sources, scene.engine, visit, NULL) \
	CALL(dhp_record_begin, scene.engine, tape_write, &scene.tape, NONE(dhp_record)) \
	CALL(dhp_record_end, scene.record) \
	CALL(dhp_replay_open, scene.tape.text, scene.tape.length, NONE(dhp_replay), NULL) \
	CALL(dhp_replay_close, scene.replay) \
	CALL(dhp_replay_step, scene.replayed) \
	CALL(dhp_replay_run, scene.replayed, DHP_REPLAY_AT_ONCE) \
	CALL(dhp_notify_register, scene.engine, hear, NULL, 0, NONE(dhp_notify)) \
	CALL(dhp_notify_unregister, scene.notify) \
	CALL(dhp_arrival_register, scene.engine, DHP_CLASS_PROCESSOR, hear_arrival, NULL, 0, NONE(dhp_arrival_notify)) \
	CALL(dhp_arrival_unregister, scene.arrival) \
	CALL(dhp_arrival_unregister_nowait, scene.arrival) \
	CALL(dhp_arrival_drain, scene.engine) \
	CALL(dhp_change_register, scene.engine, hear_number, NULL, NULL, NONE(dhp_change_notify)) \
	CALL(dhp_change_unregister, scene.change) \
	CALL(dhp_memory_event_open, scene.engine, "LowMemoryCondition", NONE(dhp_memory_event)) \
	CALL(dhp_memory_event_open_condition, scene.engine, DHP_MEMORY_LOW, NONE(dhp_memory_event)) \
	CALL(dhp_memory_event_close, scene.event) \
	CALL(dhp_memory_event_wait, scene.event, 1) \
	CALL(dhp_memory_event_descriptor, scene.event, &no_descriptor) \
	CALL(dhp_device_register, scene.engine, &device_options, NONE(dhp_device)) \
	CALL(dhp_device_unregister, scene.device) \
	CALL(dhp_device_send, scene.device, DHP_REQUEST_SURPRISE_REMOVAL) \
	CALL(dhp_feed_create, scene.engine, NULL, NULL, NONE(dhp_feed)) \
	CALL(dhp_feed_destroy, scene.feed) \
	CALL(dhp_rebalance_request, scene.engine) \
	CALL(dhp_rebalance_drain, scene.engine) \
	CALL(dhp_rebalance_configure, scene.engine, &rebalance_options) \
	CALL(dhp_hold_create, scene.engine, end_request, NULL, NONE(dhp_hold)) \
	CALL(dhp_hold_destroy, scene.hold) \
	CALL(dhp_hold_wait, scene.hold, 1) \
	CALL(dhp_pause_all, scene.engine, 1) \
	CALL(dhp_resume_all, scene.engine) \
	CALL(dhp_lanes_create, scene.engine, &lanes_options, NONE(dhp_lanes)) \
	CALL(dhp_lanes_destroy, scene.lanes) \
	CALL(dhp_lanes_flush, scene.lanes) \
	CALL(dhp_lookaside_create, scene.engine, &list_options, NONE(dhp_lookaside)) \
	CALL(dhp_lookaside_destroy, scene.list) \
	CALL(dhp_percpu_create, scene.engine, &array_options, NONE(dhp_percpu)) \
	CALL(dhp_percpu_destroy, scene.array) \
	CALL(dhp_rundown_wait, &scene.rundown) \
	CALL(dhp_rundown_percpu_wait, scene.rundown_percpu) \
	CALL(dhp_reader_join, scene.engine, NONE(dhp_reader)) \
	CALL(dhp_epoch_synchronize, scene.engine) \
	CALL(dhp_epoch_drain, scene.engine) \
	CALL(dhp_dpc_flush, scene.engine) \
	CALL(dhp_call_all, scene.engine, called, NULL, NULL) \
	CALL(dhp_timer_wait, &scene.timer, false, 1) \
	CALL(dhp_thread_affinity_set, scene.engine, &all, &no_affinity) \
	CALL(dhp_thread_affinity_revert, scene.engine, &all) \
	CALL(dhp_affinity_token_create, scene.engine, NONE(dhp_affinity_token)) \
	CALL(dhp_affinity_token_destroy, scene.token) \
	CALL(dhp_thread_affinities_set, scene.token, &all, 1) \
	CALL(dhp_thread_affinities_revert, scene.token) \
	CALL(dhp_pin_keep, scene.engine, &scene.pin, 0) \
	CALL(dhp_pin_drop, scene.engine, &scene.pin) \
	CALL(dhp_pin_read, scene.engine, &scene.pin, &pin_state) \
	CALL(dhp_sim_add, scene.engine, 1) \
	CALL(dhp_sim_arrivals_hold, scene.engine, true) \
	CALL(dhp_sim_play, scene.engine, NULL, 0, NULL) \
	CALL(dhp_sim_enter, scene.engine, 0) \
	CALL(dhp_sim_memory_set, scene.engine, 1, 1)

static int no_descriptor;
static struct dhp_pin_state pin_state;

struct call {
	const char *name;
	enum dhp_status (*make)(void);
};

#define CALL_FUNCTION(function, ...)                 \
	static enum dhp_status call_##function(void) \
	{                                            \
		return function(__VA_ARGS__);        \
	}
EACH_CALL(CALL_FUNCTION)

#define CALL_ROW(function, ...) { #function, call_##function },
static const struct call calls[] = { EACH_CALL(CALL_ROW) };

#if DHP_CHECKS >= 2

static void call_at_dispatch(void *call)
{
	open_scene();
	(void)dhp_level_raise(DHP_DISPATCH);
	(void)((const struct call *)call)->make();
}

static void each_call_for_passive_level_stops_a_thread_at_dispatch_S040_S041(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(calls); i++)
		assert_stopped(call_at_dispatch, (void *)(uintptr_t)&calls[i], "S-041", (uintptr_t)calls[i].make);
}

#else

/* Each call is still possible once. */
static void close_scene(void)
{
	assert_ok(dhp_affinity_token_destroy(scene.token));
	assert_ok(dhp_rundown_wait(&scene.rundown));
	assert_ok(dhp_rundown_percpu_wait(scene.rundown_percpu));
	assert_ok(dhp_rundown_percpu_destroy(scene.rundown_percpu));
	assert_ok(dhp_percpu_destroy(scene.array));
	assert_ok(dhp_lookaside_destroy(scene.list));
	assert_ok(dhp_lanes_destroy(scene.lanes));
	assert_ok(dhp_hold_destroy(scene.hold));
	assert_ok(dhp_feed_destroy(scene.feed));
	assert_ok(dhp_device_unregister(scene.device));
	assert_ok(dhp_memory_event_close(scene.event));
	assert_ok(dhp_change_unregister(scene.change));
	assert_ok(dhp_arrival_unregister(scene.arrival));
	assert_ok(dhp_notify_unregister(scene.notify));
	assert_ok(dhp_record_end(scene.record));
	end_engine(scene.replayed);
	assert_ok(dhp_replay_close(scene.replay));
	end_engine(scene.engine);
}

static void each_call_for_passive_level_is_refused_at_dispatch_without_effect_S040_S041(void **state)
{
	(void)state;
	open_scene();
	for (size_t i = 0; i < LENGTH(calls); i++) {
		enum dhp_level before = dhp_level_raise(DHP_DISPATCH);
		enum dhp_status status = calls[i].make();

		dhp_level_lower(before);
		check_status(status, DHP_WRONG_LEVEL, calls[i].name, __FILE__, __LINE__);
		assert_null(none);
		assert_int_equal(no_affinity.mask, 0);
		assert_int_equal(active_count(scene.engine), 1);
	}
	close_scene();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		cmocka_unit_test(each_call_for_passive_level_stops_a_thread_at_dispatch_S040_S041),
#else
		cmocka_unit_test(each_call_for_passive_level_is_refused_at_dispatch_without_effect_S040_S041),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
