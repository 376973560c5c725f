/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenarios_objects.c - what is made in a simulated engine, used once, and taken away.
 */
#include "scenarios.h"

#include <dhp/call.h>

#include "chronicle.h"

/* ---- arrays and what is built on them ---- */

static enum dhp_status percpu(struct stage *stage)
{
	return make_array(stage, (struct dhp_percpu **)&stage->object);
}

static void percpu_gone(struct stage *stage)
{
	assert_ok(dhp_percpu_destroy(stage->object));
}

static enum dhp_status counter(struct stage *stage)
{
	return dhp_counter_create(stage->engine, (struct dhp_counter **)&stage->object);
}

static void counter_gone(struct stage *stage)
{
	assert_ok(dhp_counter_destroy(stage->object));
}

static enum dhp_status rundown(struct stage *stage)
{
	return dhp_rundown_percpu_create(stage->engine, (struct dhp_rundown_percpu **)&stage->object);
}

static void rundown_gone(struct stage *stage)
{
	assert_ok(dhp_rundown_percpu_destroy(stage->object));
}

static void *block_made(size_t bytes, void *context)
{
	static char block[64];

	(void)bytes;
	if (dhp_failed(callback_status()))
		return NULL;
	((struct stage *)context)->blocks++;
	return block;
}

static void block_freed(void *block, size_t bytes, void *context)
{
	(void)block;
	(void)bytes;
	((struct stage *)context)->blocks--;
}

static void sim_with_list(struct stage *stage)
{
	small_sim(stage);
	assert_ok(make_list(stage));
}

static void sim_with_list_of_ours(struct stage *stage)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64, .allocate = block_made,
		.free = block_freed, .context = stage };

	small_sim(stage);
	assert_ok(dhp_lookaside_create(stage->engine, &options, (struct dhp_lookaside **)&stage->object));
}

static enum dhp_status block(struct stage *stage)
{
	stage->others[0] = dhp_lookaside_allocate(stage->object);
	return stage->others[0] != NULL ? DHP_OK : DHP_NO_MEMORY;
}

static void block_gone(struct stage *stage)
{
	dhp_lookaside_free(stage->object, stage->others[0]);
	assert_ok(dhp_lookaside_flush(stage->object));
}

/* ---- who wants to know ---- */

/* In a replay a veto is followed by Failure for those before it (S-128). */
static enum dhp_status registration(struct stage *stage)
{
	stage->vetoer_untold = true;
	return make_registration(stage, DHP_NOTIFY_EXISTING, (struct dhp_notify **)&stage->object);
}

static void registration_gone(struct stage *stage)
{
	assert_ok(dhp_notify_unregister(stage->object));
}

static enum dhp_status arrival_registration(struct stage *stage)
{
	return make_arrival_registration(stage, (struct dhp_arrival_notify **)&stage->object);
}

static void arrival_registration_gone(struct stage *stage)
{
	assert_ok(dhp_arrival_unregister(stage->object));
}

static enum dhp_status change_registration(struct stage *stage)
{
	return make_change_registration(stage, (struct dhp_change_notify **)&stage->object);
}

static void change_registration_gone(struct stage *stage)
{
	assert_ok(dhp_change_unregister(stage->object));
}

static enum dhp_status memory_event(struct stage *stage)
{
	return dhp_memory_event_open(stage->engine, "LowMemoryCondition", (struct dhp_memory_event **)&stage->object);
}

static void memory_event_gone(struct stage *stage)
{
	assert_ok(dhp_memory_event_close(stage->object));
}

static void sim_with_event(struct stage *stage)
{
	small_sim(stage);
	assert_ok(memory_event(stage));
}

static enum dhp_status descriptor(struct stage *stage)
{
	int file = -1;
	enum dhp_status status = dhp_memory_event_descriptor(stage->object, &file);

	return dhp_failed(status) || file >= 0 ? status : DHP_INVALID_STATE;
}

static void end_with_event(struct stage *stage)
{
	memory_event_gone(stage);
	end_world(stage);
}

/* Low, and no longer: who polls the descriptor is told, and who waits. */
static enum dhp_status level(struct stage *stage)
{
	bool low = false;
	enum dhp_status status = dhp_sim_memory_set(stage->engine, 1ull << 30, 0);

	if (!dhp_failed(status))
		status = dhp_memory_event_query(stage->object, &low);
	if (!dhp_failed(status))
		status = dhp_sim_memory_set(stage->engine, 1ull << 30, 1ull << 30);
	return dhp_failed(status) || low ? status : DHP_INVALID_STATE;
}

static void sim_with_descriptor(struct stage *stage)
{
	sim_with_event(stage);
	assert_ok(descriptor(stage));
}

static enum dhp_status reader(struct stage *stage)
{
	return dhp_reader_join(stage->engine, (struct dhp_reader **)&stage->object);
}

static void reader_gone(struct stage *stage)
{
	assert_ok(dhp_reader_leave(stage->object));
}

static enum dhp_status token(struct stage *stage)
{
	return dhp_affinity_token_create(stage->engine, (struct dhp_affinity_token **)&stage->object);
}

static void token_gone(struct stage *stage)
{
	assert_ok(dhp_affinity_token_destroy(stage->object));
}

static struct dhp_pin kept;

static enum dhp_status pin(struct stage *stage)
{
	return dhp_pin_keep(stage->engine, &kept, 1);
}

static void pin_gone(struct stage *stage)
{
	assert_ok(dhp_pin_drop(stage->engine, &kept));
}

/* ---- devices ---- */

static enum dhp_status hold(struct stage *stage)
{
	return make_hold(stage, (struct dhp_hold **)&stage->object);
}

static void hold_gone(struct stage *stage)
{
	assert_ok(dhp_hold_destroy(stage->object));
	stage->object = NULL;
}

static enum dhp_status device(struct stage *stage)
{
	return make_device(stage, NULL, (struct dhp_device **)&stage->object);
}

static void device_gone(struct stage *stage)
{
	assert_ok(dhp_device_unregister(stage->object));
}

enum { HOLD, DEVICE, FEED };

static void sim_with_device(struct stage *stage)
{
	small_sim(stage);
	assert_ok(make_hold(stage, (struct dhp_hold **)&stage->others[HOLD]));
	assert_ok(make_device(stage, stage->others[HOLD], (struct dhp_device **)&stage->others[DEVICE]));
}

static void end_with_device(struct stage *stage)
{
	assert_ok(dhp_device_unregister(stage->others[DEVICE]));
	assert_ok(dhp_hold_destroy(stage->others[HOLD]));
	end_world(stage);
}

static enum dhp_status feed(struct stage *stage)
{
	const struct dhp_feed_options options = { .size = sizeof(options) };

	return dhp_feed_create(stage->engine, stage->others[DEVICE], &options, (struct dhp_feed **)&stage->object);
}

static void feed_gone(struct stage *stage)
{
	assert_ok(dhp_feed_destroy(stage->object));
}

/* A processor arrives, its drivers are asked, stopped and started; requests go in meanwhile, and all end. */
static enum dhp_status rebalance(struct stage *stage)
{
	struct dhp_request request;
	struct dhp_hold_stats stats;
	enum dhp_device_state state;

	if (dhp_failed(add_position(stage->engine, 2)) && dhp_failed(add_position(stage->engine, 2)))
		return DHP_INVALID_STATE;
	if (dhp_failed(dhp_rebalance_drain(stage->engine)) ||
	    dhp_failed(dhp_device_state_read(stage->others[DEVICE], &state)) ||
	    dhp_failed(dhp_request_init(&request, stage->others[HOLD], 0)))
		return DHP_INVALID_STATE;
	if (dhp_request_submit(&request) != (state == DHP_DEVICE_REMOVED ? DHP_DEVICE_GONE : DHP_OK))
		return DHP_NOT_QUIET;
	if (dhp_failed(dhp_hold_stats_read(stage->others[HOLD], &stats)) || stats.waiting_count != 0)
		return DHP_IN_USE;
	return DHP_OK;
}

static enum dhp_status send_requests(struct stage *stage)
{
	static const enum dhp_device_request requests[] = { DHP_REQUEST_QUERY_STOP, DHP_REQUEST_CANCEL_STOP,
		DHP_REQUEST_QUERY_STOP, DHP_REQUEST_STOP, DHP_REQUEST_START };
	enum dhp_device_state state = DHP_DEVICE_STARTED;

	for (size_t i = 0; i < LENGTH(requests); i++) {
		enum dhp_status status = dhp_device_send(stage->others[DEVICE], requests[i]);

		(void)dhp_device_state_read(stage->others[DEVICE], &state);
		if (dhp_failed(status))
			return state == DHP_DEVICE_STARTED || state == DHP_DEVICE_REMOVED ? DHP_OK : status;
	}
	return DHP_OK;
}

/* ---- requests of everybody ---- */

static enum dhp_status pause_all(struct stage *stage)
{
	enum dhp_status status = dhp_pause_all(stage->engine, 1000000000);

	return dhp_failed(status) ? status : dhp_resume_all(stage->engine);
}

static uintptr_t meet(void *argument)
{
	(void)dhp_call_meet(argument);
	return 1;
}

static enum dhp_status call(struct stage *stage)
{
	uintptr_t result = 0;
	enum dhp_status status = dhp_call_all(stage->engine, meet, stage->engine, &result);

	return dhp_failed(status) || result == 1 ? status : DHP_INVALID_STATE;
}

static void timed(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&((struct stage *)context)->runs);
}

static enum dhp_status timer(struct stage *stage)
{
	const struct dhp_timer_setting setting = { .size = sizeof(setting), .due_ns = 2000000, .dpc = NULL };
	struct dhp_timer_setting with_dpc = setting;
	struct dhp_timer timers[2];
	struct dhp_dpc dpc;
	enum dhp_status status = dhp_dpc_init_threaded(&dpc, stage->engine, timed, stage);

	with_dpc.dpc = &dpc;
	if (!dhp_failed(status))
		status = dhp_timer_init(&timers[0], stage->engine);
	if (!dhp_failed(status))
		status = dhp_timer_init(&timers[1], stage->engine);
	if (!dhp_failed(status))
		status = dhp_timer_set(&timers[0], &setting);
	if (!dhp_failed(status))
		status = dhp_timer_set(&timers[1], &with_dpc);
	for (size_t i = 0; i < 2 && !dhp_failed(status); i++)
		status = dhp_timer_wait(&timers[i], false, DHP_TIMER_FOREVER);
	return dhp_failed(status) ? status : dhp_dpc_flush(stage->engine);
}

static enum dhp_status synchronize(struct stage *stage)
{
	enum dhp_status status = dhp_epoch_synchronize(stage->engine);

	return dhp_failed(status) ? status : dhp_epoch_drain(stage->engine);
}

static enum dhp_status affinity(struct stage *stage)
{
	const struct dhp_affinity wanted = { .mask = 2 };
	struct dhp_affinity previous;
	enum dhp_status status = dhp_thread_affinity_set(stage->engine, &wanted, &previous);

	return dhp_failed(status) ? status : dhp_thread_affinity_revert(stage->engine, &previous);
}

static enum dhp_status rescan(struct stage *stage)
{
	return dhp_engine_rescan(stage->engine);
}

/* ---- recordings ---- */

static struct tape tape;

static bool keep_line(void *context, const char *line, size_t length)
{
	return !dhp_failed(callback_status()) && tape_write(context, line, length);
}

static enum dhp_status record(struct stage *stage)
{
	tape.length = 0;
	return dhp_record_begin(stage->engine, keep_line, &tape, (struct dhp_record **)&stage->object);
}

static void record_gone(struct stage *stage)
{
	assert_ok(add_position(stage->engine, 2));
	assert_ok(dhp_record_end(stage->object));
}

static void make_tape(struct stage *stage)
{
	small_sim(stage);
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(stage->engine, tape_write, &tape, (struct dhp_record **)&stage->object));
	add_positions(stage->engine, 2, 4);
	assert_ok(dhp_sim_memory_add(stage->engine, 1 << 20, 0));
	assert_ok(dhp_record_end(stage->object));
	stage->object = NULL;
	end_world(stage);
}

static enum dhp_status replay(struct stage *stage)
{
	struct dhp_replay_note note;

	return dhp_replay_open(tape.text, tape.length, (struct dhp_replay **)&stage->object, &note);
}

static void replay_gone(struct stage *stage)
{
	assert_ok(dhp_replay_close(stage->object));
	stage->object = NULL;
}

static void open_tape(struct stage *stage)
{
	make_tape(stage);
	assert_ok(replay(stage));
}

static enum dhp_status engine_of_replay(struct stage *stage)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .replay = stage->object };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };

	return dhp_engine_create(&options, &stage->engine);
}

static void tape_in_engine(struct stage *stage)
{
	open_tape(stage);
	assert_ok(engine_of_replay(stage));
}

/* An arrival that is refused is one more line of the story. */
static enum dhp_status run_replay(struct stage *stage)
{
	return dhp_replay_run(stage->engine, DHP_REPLAY_AT_ONCE);
}

static void end_replay(struct stage *stage)
{
	end_world(stage);
	replay_gone(stage);
}

static const struct scenario list[] = {
	{ "dhp_percpu_create", small_sim, percpu, percpu_gone, end_world, 0 },
	{ "dhp_counter_create", small_sim, counter, counter_gone, end_world, 0 },
	{ "dhp_rundown_percpu_create", small_sim, rundown, rundown_gone, end_world, 0 },
	{ "dhp_lookaside_create", small_sim, make_list, list_gone, end_world, 0 },
	{ "blocks", sim_with_list, block, block_gone, end_list, 0 },
	{ "blocks", sim_with_list_of_ours, block, block_gone, end_list, 0 },
	{ "dhp_notify_register", small_sim, registration, registration_gone, end_world, POINT_LEAVES },
	{ "dhp_arrival_register", small_sim, arrival_registration, arrival_registration_gone, end_world, POINT_LEAVES },
	{ "dhp_change_register", small_sim, change_registration, change_registration_gone, end_world, POINT_LEAVES },
	{ "dhp_memory_event_open", small_sim, memory_event, memory_event_gone, end_world, 0 },
	{ "dhp_memory_event_descriptor", sim_with_event, descriptor, NULL, end_with_event, 0 },
	{ "dhp_sim_memory_set", sim_with_descriptor, level, NULL, end_with_event, 0 },
	{ "dhp_reader_join", small_sim, reader, reader_gone, end_world, POINT_KEEPS },
	{ "dhp_affinity_token_create", small_sim, token, token_gone, end_world, 0 },
	{ "dhp_pin_keep", small_sim, pin, pin_gone, end_world, 0 },
	{ "dhp_hold_create", small_sim, hold, hold_gone, end_world, 0 },
	{ "dhp_device_register", small_sim, device, device_gone, end_world, POINT_KEEPS },
	{ "dhp_feed_create", sim_with_device, feed, feed_gone, end_with_device, 0 },
	{ "rebalance", sim_with_device, rebalance, NULL, end_with_device, POINT_OTHERS | POINT_MUST_SUCCEED },
	{ "requests", sim_with_device, send_requests, NULL, end_with_device, POINT_OTHERS },
	{ "dhp_pause_all", sim_with_device, pause_all, NULL, end_with_device, POINT_OTHERS },
	{ "dhp_call_all", small_sim, call, NULL, end_world, POINT_OTHERS },
	{ "dhp_timer_wait", small_sim, timer, NULL, end_world, POINT_OTHERS },
	{ "dhp_epoch_synchronize", small_sim, synchronize, NULL, end_world, POINT_OTHERS },
	{ "dhp_thread_affinity_set", small_sim, affinity, NULL, end_world, 0 },
	{ "dhp_engine_rescan", small_sim, rescan, NULL, end_world, 0 },
	{ "dhp_record_begin", small_sim, record, record_gone, end_world, POINT_KEEPS },
	{ "dhp_replay_open", make_tape, replay, replay_gone, clear_nothing, 0 },
	{ "dhp_engine_create", open_tape, engine_of_replay, end_world, replay_gone, 0 },
	{ "replay", tape_in_engine, run_replay, NULL, end_replay, POINT_KEEPS | POINT_MOVES },
};

SCENARIOS(object_scenarios, list);
