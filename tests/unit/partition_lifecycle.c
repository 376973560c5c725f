/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each step of an arrival is made to fail once, by injection, by a veto and by a constructor. Afterwards everything that
 * can be asked is as before, what was constructed is destructed, who got Start got one Failure, what was aimed at the
 * processor has run elsewhere, and the next attempt succeeds with the same index.
 */
#include "support.h"

#include "picture.h"

#define MAXIMUM 12u
#define INITIAL 5u
#define ARRAYS 3u
#define REGISTRANTS 3u
#define CALLS_KEPT 8u
#define NOBODY UINT32_MAX

static const uint8_t three_and_five[] = { 3, 5 };

/* ---- a world that keeps account of everything ---- */

struct world;

struct ledger {
	struct world *world;
	struct dhp_percpu *array;
	int32_t slots[PICTURE_CPUS + 1]; /* constructed minus destructed; the last one is the fallback slot */
	enum dhp_status refusal;         /* of the next construction for a processor */
};

struct call {
	struct dhp_processor_change change;
	enum dhp_status on_entry;
};

struct listener {
	struct world *world;
	struct dhp_notify *registration;
	enum dhp_status veto; /* in the next Start */
	struct call calls[CALLS_KEPT];
	uint32_t calls_count;
	bool aims; /* inserts the world's DPC in Start, aimed at the newcomer */
};

struct world {
	struct dhp_engine *engine;
	struct ledger ledgers[ARRAYS];
	struct listener listeners[REGISTRANTS];
	struct dhp_dpc dpc;
	uint64_t inserted, runs, ran_on;
	uint64_t faults;
};

static void note(struct world *world, bool right)
{
	if (!right)
		(void)bump(&world->faults);
}

static int32_t *entry_of(struct ledger *ledger, const struct dhp_processor *processor)
{
	return &ledger->slots[processor != NULL ? processor->cpu : PICTURE_CPUS];
}

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct ledger *ledger = context;
	enum dhp_status refusal = ledger->refusal;
	const unsigned char *bytes = slot;

	for (size_t i = 0; i < 24; i++)
		note(ledger->world, bytes[i] == 0);
	if (processor != NULL && dhp_failed(refusal)) {
		ledger->refusal = DHP_OK;
		memset(slot, 0xee, 24); /* what a failed attempt leaves must not be seen by the next */
		return refusal;
	}
	memset(slot, 0xdd, 24);
	++*entry_of(ledger, processor);
	return DHP_OK;
}

static void destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct ledger *ledger = context;
	const unsigned char *bytes = slot;

	note(ledger->world, bytes[0] == 0xdd);
	--*entry_of(ledger, processor);
}

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct world *world = context;

	(void)dpc;
	note(world, argument_1 == world && argument_2 == &world->runs);
	poke(&world->ran_on, dhp_index_here(world->engine));
	(void)bump(&world->runs);
}

static void listen(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct listener *listener = context;
	struct world *world = listener->world;

	if (listener->calls_count < CALLS_KEPT)
		listener->calls[listener->calls_count] = (struct call){ .change = *change, .on_entry = *status };
	listener->calls_count++;
	if (change->state != DHP_CHANGE_START)
		return;
	if (listener->aims) {
		note(world, dhp_dpc_set_target(&world->dpc, change->index) == DHP_OK); /* S-155 */
		note(world, dhp_dpc_insert(&world->dpc, world, &world->runs) == DHP_OK);
		world->inserted++;
	}
	if (dhp_failed(listener->veto))
		*status = listener->veto;
	listener->veto = DHP_OK;
}

static void make_world(struct world *world)
{
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = INITIAL, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 7, .seed = 5 };

	memset(world, 0, sizeof(*world));
	world->engine = make_sim(&setup);
	assert_ok(dhp_dpc_init(&world->dpc, world->engine, routine, world));
	for (uint32_t i = 0; i < ARRAYS; i++) {
		struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 24,
			.construct = construct, .destruct = destruct, .context = &world->ledgers[i] };

		world->ledgers[i].world = world;
		assert_ok(dhp_percpu_create(world->engine, &options, &world->ledgers[i].array));
	}
	for (uint32_t i = 0; i < REGISTRANTS; i++) {
		world->listeners[i].world = world;
		assert_ok(dhp_notify_register(world->engine, listen, &world->listeners[i], 0,
					      &world->listeners[i].registration));
	}
}

static void end_world(struct world *world)
{
	for (uint32_t i = 0; i < REGISTRANTS; i++)
		dhp_notify_unregister(world->listeners[i].registration);
	for (uint32_t i = 0; i < ARRAYS; i++)
		assert_ok(dhp_percpu_destroy(world->ledgers[i].array));
	for (uint32_t i = 0; i < ARRAYS; i++)
		for (uint32_t cpu = 0; cpu <= PICTURE_CPUS; cpu++)
			assert_int_equal(world->ledgers[i].slots[cpu], 0);
	end_engine(world->engine);
	assert_true(peek(&world->faults) == 0);
}

/* ---- what must hold after a failed attempt, and after the next one ---- */

static void forget_calls(struct world *world)
{
	for (uint32_t i = 0; i < REGISTRANTS; i++)
		world->listeners[i].calls_count = 0;
}

static void assert_slots(struct world *world, uint32_t newcomer, int32_t expected)
{
	uint32_t index = active_count(world->engine) - (uint32_t)expected;

	for (uint32_t i = 0; i < ARRAYS; i++) {
		struct ledger *ledger = &world->ledgers[i];

		for (uint32_t other = 0; other < index; other++) {
			struct dhp_processor row;

			assert_ok(dhp_processor_at(world->engine, other, &row));
			assert_int_equal(ledger->slots[row.cpu], 1);
		}
		assert_int_equal(ledger->slots[PICTURE_CPUS], 1);
		assert_int_equal(ledger->slots[newcomer], expected);
		assert_ok(dhp_sim_enter(world->engine, newcomer));
		if (expected == 0) {
			assert_null(dhp_percpu_at(ledger->array, index));
			assert_ptr_equal(dhp_percpu_here(ledger->array), dhp_percpu_fallback(ledger->array)); /* S-035 */
		} else {
			assert_ptr_equal(dhp_percpu_at(ledger->array, index), dhp_percpu_here(ledger->array));
			assert_ptr_not_equal(dhp_percpu_here(ledger->array), dhp_percpu_fallback(ledger->array));
		}
		dhp_sim_exit();
	}
}

static void assert_call(const struct call *call, enum dhp_change_state expected, uint32_t index, uint32_t cpu,
			enum dhp_status reason, enum dhp_status on_entry)
{
	assert_int_equal(call->change.state, expected);
	assert_int_equal(call->change.index, index);
	assert_int_equal(call->change.cpu, cpu);
	assert_status(call->change.status, reason);
	assert_status(call->on_entry, on_entry);
}

/* S-145, S-147, S-176, S-178, S-179: Start and one Failure each, or nothing at all where Start was not reached. */
static void assert_heard_failure(struct world *world, uint32_t cpu, enum dhp_status reason, uint32_t vetoer)
{
	uint32_t index = active_count(world->engine);

	for (uint32_t i = 0; i < REGISTRANTS; i++) {
		const struct listener *listener = &world->listeners[i];

		assert_int_equal(listener->calls_count, 2);
		assert_call(&listener->calls[0], DHP_CHANGE_START, index, cpu, DHP_OK,
			    vetoer != NOBODY && i > vetoer ? reason : DHP_OK);
		assert_call(&listener->calls[1], DHP_CHANGE_FAILURE, index, cpu, reason, reason); /* S-174 */
		assert_memory_equal(&listener->calls[0].change.number, &listener->calls[1].change.number,
				    sizeof(struct dhp_number));
	}
}

static void assert_heard_nothing(struct world *world)
{
	for (uint32_t i = 0; i < REGISTRANTS; i++)
		assert_int_equal(world->listeners[i].calls_count, 0);
}

static void assert_dpc_ran_elsewhere(struct world *world)
{
	struct dhp_processor_stats stats;
	uint32_t index = active_count(world->engine);

	assert_ok(dhp_dpc_flush(world->engine));
	assert_true(peek(&world->runs) == world->inserted);
	if (world->inserted > 0)
		assert_true(peek(&world->ran_on) < index);
	assert_status(dhp_dpc_set_target(&world->dpc, index), DHP_BAD_INDEX);
	assert_status(dhp_processor_stats_read(world->engine, index, &stats), DHP_BAD_INDEX);
}

static void assert_retry_succeeds(struct world *world, uint32_t cpu)
{
	struct dhp_counts before = counts_of(world->engine), after;
	uint32_t index = DHP_NO_INDEX;

	forget_calls(world);
	assert_ok(dhp_sim_add(world->engine, cpu)); /* S-160, S-182 */
	after = counts_of(world->engine);
	assert_int_equal(after.active, before.active + 1);
	assert_int_equal(after.present, before.present + 1);
	assert_true(after.generation > before.generation);
	assert_ok(dhp_index_of_cpu(world->engine, cpu, &index));
	assert_int_equal(index, before.active);
	for (uint32_t i = 0; i < REGISTRANTS; i++) {
		assert_int_equal(world->listeners[i].calls_count, 2);
		assert_call(&world->listeners[i].calls[0], DHP_CHANGE_START, index, cpu, DHP_OK, DHP_OK);
		assert_call(&world->listeners[i].calls[1], DHP_CHANGE_COMPLETE, index, cpu, DHP_OK, DHP_OK);
	}
	assert_slots(world, cpu, 1);
	assert_ok(dhp_dpc_flush(world->engine));
	assert_true(peek(&world->runs) == world->inserted);
	if (world->inserted > 0)
		assert_true(peek(&world->ran_on) == index); /* this time where it was aimed */
	assert_consistent(world->engine);
}

/* Makes the position's arrival fail, in the way that was prepared, and checks all of the above. */
static void fail_and_retry(struct world *world, uint32_t position, enum dhp_status reason, bool started, uint32_t vetoer)
{
	static struct picture before, after;
	uint32_t cpu = dhp_sim_cpu(world->engine, position);

	forget_calls(world);
	picture_take(world->engine, &before);
	assert_status(dhp_sim_add(world->engine, cpu), reason);
	picture_take(world->engine, &after);
	assert_same_picture(&before, &after); /* S-175 */
	if (started)
		assert_heard_failure(world, cpu, reason, vetoer);
	else
		assert_heard_nothing(world); /* S-181 */
	assert_slots(world, cpu, 0);
	assert_dpc_ran_elsewhere(world);
	assert_retry_succeeds(world, cpu);
}

/* ---- the tests ---- */

static void each_step_fails_once_S147_S160_S175(void **state)
{
	static struct world world;
	static const enum dhp_status reasons[] = { DHP_INJECTED, DHP_NO_MEMORY, DHP_VETOED, DHP_NO_THREAD };

	(void)state;
	make_world(&world);
	world.listeners[1].aims = true;
	for (uint32_t step = DHP_STEP_RESERVE; step <= DHP_STEP_BRING_UP; step++) {
		uint32_t position = MAXIMUM - 1 - step;
		uint32_t cpu = dhp_sim_cpu(world.engine, position);

		assert_ok(dhp_sim_fail(world.engine, cpu, (enum dhp_step)step, reasons[step]));
		fail_and_retry(&world, position, reasons[step], step == DHP_STEP_BRING_UP, NOBODY);
	}
	assert_true(world.inserted == 5); /* four retries, and the Start before the bring-up that failed */
	end_world(&world);
}

static void refused_by(uint32_t vetoer)
{
	static struct world world;

	make_world(&world);
	world.listeners[0].aims = true;
	world.listeners[vetoer].veto = DHP_NO_MEMORY;
	fail_and_retry(&world, 7, DHP_NO_MEMORY, true, vetoer);
	world.listeners[vetoer].veto = DHP_VETOED;
	fail_and_retry(&world, 6, DHP_VETOED, true, vetoer);
	end_world(&world);
}

static void add_refused_by_first_S178(void **state)
{
	(void)state;
	refused_by(0);
}

static void add_refused_by_second_S176(void **state)
{
	(void)state;
	refused_by(1);
}

static void add_refused_by_last_S175(void **state)
{
	(void)state;
	refused_by(REGISTRANTS - 1);
}

static void first_of_two_vetoes_counts_S177(void **state)
{
	static struct world world;

	(void)state;
	make_world(&world);
	world.listeners[0].veto = DHP_BAD_SIZE;
	world.listeners[2].veto = DHP_NO_MEMORY;
	fail_and_retry(&world, 9, DHP_BAD_SIZE, true, 0);
	end_world(&world);
}

static void constructor_refuses_in_each_array(void **state)
{
	static struct world world;

	(void)state;
	make_world(&world);
	world.listeners[2].aims = true;
	for (uint32_t i = 0; i < ARRAYS; i++) {
		world.ledgers[i].refusal = DHP_NO_MEMORY;
		fail_and_retry(&world, INITIAL + i, DHP_NO_MEMORY, false, NOBODY);
	}
	end_world(&world);
}

static void attempts_leave_nothing_behind_S182(void **state)
{
	static struct world world;
	static struct picture before, after;
	uint32_t cpu;

	(void)state;
	make_world(&world);
	world.listeners[0].aims = true;
	cpu = dhp_sim_cpu(world.engine, MAXIMUM - 1);
	picture_take(world.engine, &before);
	for (uint32_t attempt = 0; attempt < (uint32_t)TIMES(400); attempt++) {
		if (attempt % 6 < 4)
			assert_ok(dhp_sim_fail(world.engine, cpu, (enum dhp_step)(attempt % 6), DHP_INJECTED));
		else if (attempt % 6 == 4)
			world.listeners[attempt % REGISTRANTS].veto = DHP_INJECTED;
		else
			world.ledgers[attempt % ARRAYS].refusal = DHP_INJECTED;
		assert_status(dhp_sim_add(world.engine, cpu), DHP_INJECTED);
		assert_ok(dhp_dpc_flush(world.engine)); /* the DPC is idle again for the next attempt */
	}
	picture_take(world.engine, &after);
	assert_same_picture(&before, &after);
	assert_slots(&world, cpu, 0);
	assert_dpc_ran_elsewhere(&world);
	assert_retry_succeeds(&world, cpu);
	end_world(&world);
}

/* An injected failure is used up by one attempt, and belongs to one processor. */
static void failure_is_taken_once_by_its_own_processor(void **state)
{
	struct dhp_engine *engine = make_sim_of(8, 1);

	(void)state;
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 5), DHP_STEP_START, DHP_INJECTED));
	assert_ok(add_position(engine, 4));
	assert_status(add_position(engine, 5), DHP_INJECTED);
	assert_ok(add_position(engine, 5));
	assert_ok(add_position(engine, 6));
	end_engine(engine);
}

/* ---- in which order ---- */

struct log {
	char text[1024];
	size_t length;
	uint64_t last_ns;
	bool backwards;
};

static void write_down(void *context, const struct dhp_trace_event *event)
{
	static const char *const kinds[] = { "+", "-", "undo " };
	struct log *log = context;

	log->backwards = log->backwards || event->time_ns < log->last_ns;
	log->last_ns = event->time_ns;
	log->length += (size_t)snprintf(log->text + log->length, sizeof(log->text) - log->length, "%s%s%s ",
					kinds[event->kind], event->step, dhp_failed(event->status) ? "!" : "");
}

static void steps_run_in_order_and_are_undone_backwards(void **state)
{
	static const char *const expected[] = {
		"+reserve -reserve! ",
		"+reserve -reserve +prepare -prepare! undo reserve! ",
		"+reserve -reserve +prepare -prepare +start -start! undo prepare! undo reserve! ",
		"+reserve -reserve +prepare -prepare +start -start +bring-up -bring-up! undo start! undo prepare! "
		"undo reserve! ",
		"+reserve -reserve +prepare -prepare +start -start +bring-up -bring-up +publish -publish +complete "
		"-complete +announce -announce ",
	};
	struct log log = { .length = 0 };
	const struct sim_setup setup = { .maximum = 4, .initial = 1, .trace = write_down, .trace_context = &log };
	struct dhp_engine *engine = make_sim(&setup);

	(void)state;
	assert_string_equal(log.text, expected[4]);
	for (uint32_t step = 0; step < LENGTH(expected); step++) {
		log.length = 0;
		if (step <= DHP_STEP_BRING_UP)
			assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), (enum dhp_step)step, DHP_INJECTED));
		(void)add_position(engine, 2);
		assert_string_equal(log.text, expected[step]);
	}
	assert_false(log.backwards);
	end_engine(engine);
}

/* More than there could ever be. A simulated partition has no such processor, so the full set says it by the id. */
static void full_partition_takes_nobody(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 3);
	uint64_t generation = counts_of(engine).generation;

	(void)state;
	assert_status(dhp_sim_add(engine, dhp_sim_cpu(engine, 2) + 1), DHP_BAD_CPU);
	assert_status(add_position(engine, 2), DHP_ALREADY_THERE);
	assert_true(counts_of(engine).generation == generation);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_fails_once_S147_S160_S175),
		cmocka_unit_test(add_refused_by_first_S178),
		cmocka_unit_test(add_refused_by_second_S176),
		cmocka_unit_test(add_refused_by_last_S175),
		cmocka_unit_test(first_of_two_vetoes_counts_S177),
		cmocka_unit_test(constructor_refuses_in_each_array),
		cmocka_unit_test(attempts_leave_nothing_behind_S182),
		cmocka_unit_test(failure_is_taken_once_by_its_own_processor),
		cmocka_unit_test(steps_run_in_order_and_are_undone_backwards),
		cmocka_unit_test(full_partition_takes_nobody),
	};

	return cmocka_run_group_tests_name("partition_lifecycle", tests, NULL, NULL);
}
