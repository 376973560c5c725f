/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bad input: each argument of each public function that can be wrong, is; and nothing has changed afterwards. Those of
 * DPCs and of notification are in work_*.c and notify_*.c; here is what belongs to engine, set, arrays and epochs.
 */
#include "support.h"

#include "base.h"
#include "picture.h"

static struct dhp_engine *const untouched = (struct dhp_engine *)(uintptr_t)0x1000;

static void refuse_engine(const struct dhp_engine_options *options, enum dhp_status expected)
{
	struct dhp_engine *engine = untouched;

	assert_status(dhp_engine_create(options, &engine), expected);
	assert_ptr_equal(engine, untouched);
}

static void wrong_engine_options_are_refused(void **state)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 4 };
	const struct dhp_engine_options good = { .size = sizeof(good), .sim = &sim };
	struct dhp_engine_options bad;

	(void)state;
	bad = good;
	bad.size = 0;
	refuse_engine(&bad, DHP_BAD_OPTIONS);
	bad.size = sizeof(bad) - 1;
	refuse_engine(&bad, DHP_BAD_OPTIONS);
	bad.size = sizeof(bad) + 8;
	refuse_engine(&bad, DHP_BAD_OPTIONS);
	bad = good;
	bad.flags = 1u << 6;
	refuse_engine(&bad, DHP_BAD_FLAGS);
	bad.flags = UINT32_MAX;
	refuse_engine(&bad, DHP_BAD_FLAGS);
	bad = good;
	bad.group_limit = 65; /* S-558 */
	refuse_engine(&bad, DHP_BAD_OPTIONS);
	bad.group_limit = UINT32_MAX;
	refuse_engine(&bad, DHP_BAD_OPTIONS);
	assert_status(dhp_engine_create(&good, NULL), DHP_BAD_RESULT);
	assert_status(dhp_engine_create(NULL, NULL), DHP_BAD_RESULT);
}

static void refuse_sim(const struct dhp_sim_options *sim, enum dhp_status expected)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = sim };

	refuse_engine(&options, expected);
}

static void wrong_sim_options_are_refused(void **state)
{
	static const uint8_t sizes[] = { 3, 0, 5 }, large[] = { 64, 65 }, fine[] = { 3, 5 };
	const struct dhp_sim_options good = { .size = sizeof(good), .maximum_count = 4 };
	struct dhp_sim_options bad;

	(void)state;
	bad = good;
	bad.size = sizeof(bad) - 8;
	refuse_sim(&bad, DHP_BAD_OPTIONS);
	bad = good;
	bad.maximum_count = 0;
	refuse_sim(&bad, DHP_BAD_OPTIONS);
	bad.maximum_count = DHP_PROCESSORS_LIMIT + 1;
	refuse_sim(&bad, DHP_TOO_MANY);
	bad.maximum_count = UINT32_MAX;
	refuse_sim(&bad, DHP_TOO_MANY);
	bad = good;
	bad.initial_count = 5;
	refuse_sim(&bad, DHP_TOO_MANY);
	bad = good;
	bad.node_count = 5;
	refuse_sim(&bad, DHP_BAD_OPTIONS);
	bad = good;
	bad.cpu_gap = DHP_CPU_LIMIT;
	refuse_sim(&bad, DHP_BAD_CPU);
	bad.cpu_gap = UINT32_MAX;
	refuse_sim(&bad, DHP_BAD_CPU);
	bad = good;
	bad.group_sizes = fine;
	refuse_sim(&bad, DHP_BAD_GROUPS);
	bad.group_sizes = NULL;
	bad.group_size_count = 2;
	refuse_sim(&bad, DHP_BAD_GROUPS);
	bad.group_sizes = sizes;
	bad.group_size_count = 3;
	refuse_sim(&bad, DHP_BAD_GROUPS);
	bad.group_sizes = large;
	bad.group_size_count = 2;
	refuse_sim(&bad, DHP_BAD_GROUPS);
}

/* The largest that is allowed, so that the limits above are not off by one. */
static void largest_options_are_accepted(void **state)
{
	static const uint8_t sizes[] = { 64, 1 };
	const struct dhp_sim_options sim = {
		.size = sizeof(sim),
		.maximum_count = DHP_PROCESSORS_LIMIT,
		.node_count = DHP_PROCESSORS_LIMIT,
		.group_sizes = sizes,
		.group_size_count = 2,
		.cpu_gap = DHP_CPU_LIMIT / DHP_PROCESSORS_LIMIT - 1,
		.seed = UINT64_MAX,
	};
	const struct dhp_engine_options options = { .size = sizeof(options),
		.flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_NO_WORKERS,
		.group_limit = 64,
		.sim = &sim };
	struct dhp_engine *engine = NULL;
	uint32_t last = DHP_PROCESSORS_LIMIT - 1;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_true(dhp_sim_cpu(engine, last) < DHP_CPU_LIMIT);
	assert_ok(add_position(engine, last));
	assert_int_equal(active_count(engine), 2);
	end_engine(engine);
}

static void ignore_source(const struct dhp_source *source, void *context)
{
	(void)source;
	(void)context;
}

static void ignore_slot(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)slot;
	(void)processor;
	(void)context;
}

static void ignore_deferred(struct dhp_deferred *deferred)
{
	(void)deferred;
}

static void null_engine_is_refused_everywhere(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	const struct dhp_number number = { 0, 0, 0 };
	union {
		struct dhp_counts counts;
		struct dhp_snapshot snapshot;
		struct dhp_processor processor;
		struct dhp_processor_stats stats;
		struct dhp_engine_stats engine_stats;
	} result = { .counts = { .generation = 0 } };
	struct dhp_percpu *array = NULL;
	struct dhp_counter *counter = NULL;
	struct dhp_reader *reader = NULL;
	struct dhp_deferred deferred;
	uint32_t word = 0;

	(void)state;
	assert_ok(dhp_engine_destroy(NULL));
	assert_status(dhp_engine_rescan(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_counts_read(NULL, &result.counts), DHP_BAD_ENGINE);
	assert_status(dhp_snapshot_take(NULL, &result.snapshot), DHP_BAD_ENGINE);
	assert_status(dhp_processor_at(NULL, 0, &result.processor), DHP_BAD_ENGINE);
	assert_status(dhp_index_of_number(NULL, number, &word), DHP_BAD_ENGINE);
	assert_status(dhp_index_of_cpu(NULL, 0, &word), DHP_BAD_ENGINE);
	assert_status(dhp_processor_stats_read(NULL, 0, &result.stats), DHP_BAD_ENGINE);
	assert_status(dhp_engine_stats_read(NULL, &result.engine_stats), DHP_BAD_ENGINE);
	assert_status(dhp_sources(NULL, ignore_source, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_percpu_create(NULL, &options, &array), DHP_BAD_ENGINE);
	assert_status(dhp_counter_create(NULL, &counter), DHP_BAD_ENGINE);
	assert_status(dhp_counter_create(NULL, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_reader_join(NULL, &reader), DHP_BAD_ENGINE);
	assert_status(dhp_epoch_synchronize(NULL), DHP_BAD_ENGINE);
	assert_status(dhp_epoch_defer(NULL, &deferred, ignore_deferred), DHP_BAD_ENGINE);
	assert_status(dhp_epoch_drain(NULL), DHP_BAD_ENGINE);
	assert_int_equal(dhp_sim_cpu(NULL, 0), DHP_NO_CPU);
	assert_status(dhp_sim_add(NULL, 0), DHP_BAD_ENGINE);
	assert_status(dhp_sim_fail(NULL, 0, DHP_STEP_START, DHP_INJECTED), DHP_BAD_ENGINE);
	assert_status(dhp_sim_script(NULL, 0, 0, NULL, 0, &word), DHP_BAD_ENGINE);
	assert_status(dhp_sim_play(NULL, NULL, 0, NULL), DHP_BAD_ENGINE);
	assert_status(dhp_sim_enter(NULL, 0), DHP_BAD_ENGINE);
	assert_null(array);
	assert_null(counter);
	assert_null(reader);
	/* What may be gone already is accepted. */
	assert_ok(dhp_percpu_destroy(NULL));
	assert_ok(dhp_counter_destroy(NULL));
	assert_ok(dhp_reader_leave(NULL));
	dhp_notify_unregister(NULL);
	dhp_arrival_unregister(NULL);
	dhp_arrival_unregister_nowait(NULL);
}

static void null_results_and_callbacks_are_refused(void **state)
{
	static struct picture before, after;
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	const struct dhp_number number = { 0, 0, 0 };
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct dhp_percpu *array = NULL;
	struct dhp_deferred deferred;

	(void)state;
	picture_take(engine, &before);
	assert_status(dhp_counts_read(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_snapshot_take(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_processor_at(engine, 0, NULL), DHP_BAD_RESULT);
	assert_status(dhp_index_of_number(engine, number, NULL), DHP_BAD_RESULT);
	assert_status(dhp_index_of_cpu(engine, 0, NULL), DHP_BAD_RESULT);
	assert_status(dhp_processor_stats_read(engine, 0, NULL), DHP_BAD_RESULT);
	assert_status(dhp_engine_stats_read(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_sources(engine, NULL, NULL), DHP_BAD_CALLBACK);
	assert_status(dhp_percpu_create(engine, NULL, &array), DHP_BAD_OPTIONS);
	assert_status(dhp_percpu_create(engine, &options, NULL), DHP_BAD_RESULT);
	assert_status(dhp_counter_create(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_percpu_each(NULL, ignore_slot, NULL, NULL), DHP_BAD_OBJECT);
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_status(dhp_percpu_each(array, NULL, NULL, NULL), DHP_BAD_CALLBACK);
	assert_ok(dhp_percpu_destroy(array));
	assert_status(dhp_reader_join(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_epoch_defer(engine, NULL, ignore_deferred), DHP_BAD_OBJECT);
	assert_status(dhp_epoch_defer(engine, &deferred, NULL), DHP_BAD_CALLBACK);
	assert_status(dhp_sim_script(engine, 0, 0, NULL, 0, NULL), DHP_BAD_RESULT);
	picture_take(engine, &after);
	assert_same_picture(&before, &after);
	end_engine(engine);
}

static void misaligned_deferred_object_is_refused(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	_Alignas(16) unsigned char bytes[64];

	(void)state;
	for (uintptr_t off = 1; off < _Alignof(struct dhp_deferred); off++)
		assert_status(dhp_epoch_defer(engine, (struct dhp_deferred *)((uintptr_t)bytes + off), ignore_deferred),
			      DHP_BAD_OBJECT);
	end_engine(engine);
}

/* ---- simulated arrivals ---- */

static void wrong_arrivals_change_nothing(void **state)
{
	static struct picture before, after;
	static const uint8_t sizes[] = { 3, 5 };
	const struct sim_setup setup = { .maximum = 8, .initial = 3, .group_sizes = sizes, .group_size_count = 2,
		.gap = 5, .seed = 3 };
	struct dhp_engine *engine = make_sim(&setup);
	uint32_t gap_cpu = 0;

	(void)state;
	while (gap_cpu == dhp_sim_cpu(engine, 0) || gap_cpu == dhp_sim_cpu(engine, 1) ||
	       gap_cpu == dhp_sim_cpu(engine, 2) || gap_cpu == dhp_sim_cpu(engine, 3) ||
	       gap_cpu == dhp_sim_cpu(engine, 4))
		gap_cpu++;
	picture_take(engine, &before);
	for (uint32_t position = 0; position < 3; position++)
		assert_status(add_position(engine, position), DHP_ALREADY_THERE);
	assert_true(gap_cpu < dhp_sim_cpu(engine, 5));
	assert_status(dhp_sim_add(engine, gap_cpu), DHP_BAD_CPU);
	assert_status(dhp_sim_add(engine, dhp_sim_cpu(engine, 7) + 1), DHP_BAD_CPU);
	assert_status(dhp_sim_add(engine, DHP_CPU_LIMIT), DHP_BAD_CPU);
	assert_status(dhp_sim_add(engine, DHP_NO_CPU), DHP_BAD_CPU);
	assert_int_equal(dhp_sim_cpu(engine, 8), DHP_NO_CPU);
	assert_int_equal(dhp_sim_cpu(engine, UINT32_MAX), DHP_NO_CPU);
	assert_status(dhp_sim_fail(engine, gap_cpu, DHP_STEP_START, DHP_INJECTED), DHP_BAD_CPU);
	assert_status(dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), (enum dhp_step)4, DHP_INJECTED), DHP_BAD_STEP);
	assert_status(dhp_sim_enter(engine, gap_cpu), DHP_BAD_CPU);
	picture_take(engine, &after);
	assert_same_picture(&before, &after);
	add_positions(engine, 3, 8);
	assert_int_equal(active_count(engine), counts_of(engine).maximum);
	end_engine(engine);
}

static void wrong_scripts_are_refused_before_they_are_played(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct dhp_sim_event events[6] = { { .position = 1 }, { .position = 4 } };
	uint32_t count = 0, added = 77;

	(void)state;
	assert_status(dhp_sim_play(engine, events, 2, &added), DHP_BAD_OPTIONS);
	assert_status(dhp_sim_play(engine, NULL, 2, &added), DHP_BAD_OPTIONS);
	events[1].position = 2;
	events[1].fails = true;
	events[1].failing_step = (enum dhp_step)4;
	assert_status(dhp_sim_play(engine, events, 2, &added), DHP_BAD_OPTIONS);
	assert_int_equal(added, 77);
	assert_int_equal(active_count(engine), 1);
	assert_status(dhp_sim_script(engine, 0, 0, NULL, 0, &count), DHP_TOO_SMALL);
	assert_int_equal(count, 3);
	assert_status(dhp_sim_script(engine, 0, 0, NULL, 3, &count), DHP_BAD_RESULT);
	assert_status(dhp_sim_script(engine, 0, 2, events, 3, &count), DHP_TOO_SMALL);
	assert_true(count > 3 && count <= 6);
	assert_ok(dhp_sim_script(engine, 0, 0, events, 6, &count));
	assert_int_equal(count, 3);
	assert_ok(dhp_sim_play(engine, NULL, 0, NULL));
	assert_ok(dhp_sim_play(engine, events, count, &added));
	assert_int_equal(added, 3);
	end_engine(engine);
}

/* ---- calls that depend on the backend ---- */

static void simulation_calls_need_a_simulation(void **state)
{
	const struct dhp_engine_options options = { .size = sizeof(options),
		.flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;
	uint32_t count;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_int_equal(dhp_sim_cpu(engine, 0), DHP_NO_CPU);
	assert_status(dhp_sim_add(engine, 0), DHP_NOT_SUPPORTED);
	assert_status(dhp_sim_fail(engine, 0, DHP_STEP_START, DHP_INJECTED), DHP_NOT_SUPPORTED);
	assert_status(dhp_sim_script(engine, 0, 0, NULL, 0, &count), DHP_NOT_SUPPORTED);
	assert_status(dhp_sim_play(engine, NULL, 0, NULL), DHP_NOT_SUPPORTED);
	assert_status(dhp_sim_enter(engine, 0), DHP_NOT_SUPPORTED);
	end_engine(engine);
}

/* ---- destroying ---- */

static void ignore_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)change;
	(void)status;
}

static void ignore_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)context;
	(void)arrival;
}

static void engine_in_use_is_not_destroyed(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct dhp_percpu *array = NULL;
	struct dhp_counter *counter = NULL;
	struct dhp_reader *reader = NULL;
	struct dhp_notify *notify = NULL;
	struct dhp_arrival_notify *arrival = NULL;

	(void)state;
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_percpu_destroy(array));
	assert_ok(dhp_counter_create(engine, &counter));
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_counter_destroy(counter));
	assert_ok(dhp_reader_join(engine, &reader));
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_reader_leave(reader));
	assert_ok(dhp_notify_register(engine, ignore_change, NULL, 0, &notify));
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	dhp_notify_unregister(notify);
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, ignore_arrival, NULL, 0, &arrival));
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	dhp_arrival_unregister(arrival);
	add_positions(engine, 1, 4); /* a refused destruction has stopped nothing */
	end_engine(engine);
}

/* ---- inside a callback ---- */

struct intruder {
	struct dhp_engine *engine;
	struct dhp_percpu *array;
	uint32_t faults, calls;
};

static void expect_refusal(struct intruder *intruder, enum dhp_status status)
{
	intruder->faults += status != DHP_IN_CALLBACK;
}

static void try_everything(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	const struct dhp_sim_event event = { .position = 3 };
	struct intruder *intruder = context;
	struct dhp_percpu *array = NULL;
	struct dhp_counter *counter = NULL;
	struct dhp_notify *notify = NULL;
	struct dhp_arrival_notify *arrival = NULL;
	struct dhp_engine *engine = intruder->engine;

	(void)status;
	intruder->calls++;
	expect_refusal(intruder, dhp_percpu_create(engine, &options, &array));
	expect_refusal(intruder, dhp_counter_create(engine, &counter));
	expect_refusal(intruder, dhp_percpu_destroy(intruder->array));
	expect_refusal(intruder, dhp_notify_register(engine, ignore_change, NULL, 0, &notify)); /* S-193 */
	expect_refusal(intruder, dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, ignore_arrival, NULL, 0, &arrival));
	expect_refusal(intruder, dhp_arrival_drain(engine));
	expect_refusal(intruder, dhp_sim_add(engine, dhp_sim_cpu(engine, 3))); /* S-196 */
	expect_refusal(intruder, dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), DHP_STEP_START, DHP_INJECTED));
	expect_refusal(intruder, dhp_sim_play(engine, &event, 1, NULL));
	expect_refusal(intruder, dhp_engine_rescan(engine));
	expect_refusal(intruder, dhp_engine_destroy(engine));
	/* S-156: it could wait for the caller. The replay and Complete have nobody to wait for: S-157. */
	if (change->index < active_count(engine))
		intruder->faults += dhp_dpc_flush(engine) != DHP_OK;
	else
		expect_refusal(intruder, dhp_dpc_flush(engine));
	intruder->faults += array != NULL || counter != NULL || notify != NULL || arrival != NULL;
}

static void callback_may_not_change_the_engine_S156_S193_S196(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct intruder intruder = { .engine = engine };
	struct dhp_notify *notify = NULL;

	(void)state;
	assert_ok(dhp_percpu_create(engine, &options, &intruder.array));
	assert_ok(dhp_notify_register(engine, try_everything, &intruder, DHP_NOTIFY_EXISTING, &notify));
	assert_int_equal(intruder.calls, 2);
	add_positions(engine, 1, 2);
	assert_int_equal(intruder.calls, 4);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, 2), DHP_NO_THREAD);
	assert_int_equal(intruder.calls, 6);
	assert_int_equal(intruder.faults, 0);
	dhp_notify_unregister(notify);
	assert_ok(dhp_percpu_destroy(intruder.array));
	end_engine(engine);
}

/* ---- inside a DPC: a checked build stops the program there, see S-041 ---- */

struct level_probe {
	struct dhp_engine *engine;
	struct dhp_percpu *array;
	struct dhp_reader *reader;
	uint64_t faults;
	uint64_t done;
};

static void expect_level(struct level_probe *probe, enum dhp_status status)
{
	if (status != DHP_WRONG_LEVEL)
		(void)bump(&probe->faults);
}

static void call_what_is_passive(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 2 };
	const struct dhp_engine_options machine = { .size = sizeof(machine), .sim = &sim };
	struct level_probe *probe = context;
	struct dhp_engine *engine = probe->engine, *other = NULL;
	struct dhp_percpu *array = NULL;
	struct dhp_counter *counter = NULL;
	struct dhp_reader *reader = NULL;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	if (dhp_level() != DHP_DISPATCH)
		(void)bump(&probe->faults);
	expect_level(probe, dhp_engine_create(&machine, &other));
	expect_level(probe, dhp_engine_destroy(engine));
	expect_level(probe, dhp_engine_rescan(engine));
	expect_level(probe, dhp_percpu_create(engine, &options, &array));
	expect_level(probe, dhp_percpu_destroy(probe->array));
	expect_level(probe, dhp_counter_create(engine, &counter));
	expect_level(probe, dhp_reader_join(engine, &reader));
	expect_level(probe, dhp_epoch_synchronize(engine));
	expect_level(probe, dhp_epoch_drain(engine));
	expect_level(probe, dhp_sim_add(engine, dhp_sim_cpu(engine, 3)));
	expect_level(probe, dhp_sim_play(engine, NULL, 0, NULL));
	expect_level(probe, dhp_sim_enter(engine, dhp_sim_cpu(engine, 0)));
	(void)bump(&probe->done);
}

static void passive_calls_fail_in_a_dpc_S041(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct level_probe probe = { .faults = 0 };
	struct dhp_dpc dpc;

	(void)state;
	if (DHP_CHECKS >= 2) {
		print_message("a checked build stops the program here\n");
		skip();
	}
	probe.engine = make_sim_of(4, 1);
	assert_ok(dhp_percpu_create(probe.engine, &options, &probe.array));
	assert_ok(dhp_dpc_init(&dpc, probe.engine, call_what_is_passive, &probe));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_true(wait_for_count(&probe.done, 1));
	assert_ok(dhp_dpc_flush(probe.engine));
	assert_true(peek(&probe.faults) == 0);
	assert_int_equal(active_count(probe.engine), 1);
	assert_ok(dhp_percpu_destroy(probe.array));
	end_engine(probe.engine);
}

/* ---- inside a section ---- */

static void section_may_not_wait_for_itself(void **state)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 8 };
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_reader *reader = NULL;
	struct dhp_percpu *array = NULL;

	(void)state;
	assert_ok(dhp_percpu_create(engine, &options, &array));
	assert_ok(dhp_reader_join(engine, &reader));
	dhp_epoch_enter(reader);
	dhp_epoch_enter(reader);
	assert_status(dhp_epoch_synchronize(engine), DHP_IN_SECTION);
	assert_status(dhp_epoch_drain(engine), DHP_IN_SECTION);
	assert_status(dhp_percpu_destroy(array), DHP_IN_SECTION);
	assert_status(dhp_reader_leave(reader), DHP_IN_SECTION);
	dhp_epoch_exit(reader);
	assert_status(dhp_epoch_synchronize(engine), DHP_IN_SECTION);
	assert_status(dhp_reader_leave(reader), DHP_IN_SECTION);
	dhp_epoch_exit(reader);
	assert_ok(dhp_epoch_synchronize(engine));
	assert_ok(dhp_percpu_destroy(array));
	assert_ok(dhp_reader_leave(reader));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_engine_options_are_refused),
		cmocka_unit_test(wrong_sim_options_are_refused),
		cmocka_unit_test(largest_options_are_accepted),
		cmocka_unit_test(null_engine_is_refused_everywhere),
		cmocka_unit_test(null_results_and_callbacks_are_refused),
		cmocka_unit_test(misaligned_deferred_object_is_refused),
		cmocka_unit_test(wrong_arrivals_change_nothing),
		cmocka_unit_test(wrong_scripts_are_refused_before_they_are_played),
		cmocka_unit_test(simulation_calls_need_a_simulation),
		cmocka_unit_test(engine_in_use_is_not_destroyed),
		cmocka_unit_test(callback_may_not_change_the_engine_S156_S193_S196),
		cmocka_unit_test(passive_calls_fail_in_a_dpc_S041),
		cmocka_unit_test(section_may_not_wait_for_itself),
	};

	return cmocka_run_group_tests_name("partition_bad_input", tests, NULL, NULL);
}
