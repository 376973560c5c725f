/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients that follow the contract's advice, and what becomes of those that do not: when to register, how to bear a second
 * report, tables that are too small, what is kept of a call.
 */
#include "notify_log.h"

#include <dhp/rebalance.h>

#include <stdlib.h>

#define MAXIMUM 12u

static struct dhp_engine *begin(uint32_t initial)
{
	static const uint8_t sizes[] = { 2, 3 };
	const struct sim_setup setup = {
		.maximum = MAXIMUM, .initial = initial, .group_sizes = sizes, .group_size_count = 2, .gap = 2, .seed = 11,
	};

	forget_calls();
	return make_sim(&setup);
}

static uint32_t calls_of(uint32_t who)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < calls_count; i++)
		count += calls[i].who == who;
	return count;
}

/* ---- when to register ---- */

static struct dhp_device *make_device(struct dhp_engine *engine)
{
	static const struct dhp_driver driver;
	const struct dhp_device_options options = {
		.size = sizeof(options), .drivers = &driver, .driver_count = 1, .policy = DHP_POLICY_OUT,
	};
	struct dhp_device *device = NULL;

	assert_ok(dhp_device_register(engine, &options, &device));
	return device;
}

/* In "driver entry", before any device; between arrivals, with one; after it has gone. Each hears all that come later. */
static void a_registration_belongs_to_no_device_and_may_come_at_any_time_S111(void **state)
{
	struct dhp_engine *engine = begin(1);
	struct registrant early = registrant_of(1, engine), between = registrant_of(2, engine), late = registrant_of(3, engine);
	struct dhp_device *device;

	(void)state;
	assert_ok(join_list(&early, 0));
	device = make_device(engine);
	add_positions(engine, 1, 3);
	assert_int_equal(calls_of(1), 4);
	assert_ok(join_list(&between, 0));
	add_positions(engine, 3, 5);
	assert_ok(dhp_device_unregister(device)); /* it takes no registration with it */
	assert_ok(join_list(&late, 0));
	forget_calls();
	for (uint32_t position = MAXIMUM; position-- > 5;)
		assert_ok(add_position(engine, position)); /* of all groups */
	assert_int_equal(calls_count, 3 * 2 * (MAXIMUM - 5));
	for (uint32_t i = 0; i < calls_count; i++)
		assert_call(i, 1 + i % 3, i / 3 % 2 == 0 ? DHP_CHANGE_START : DHP_CHANGE_COMPLETE, 5 + i / 6);
	leave_list(&early);
	leave_list(&between);
	leave_list(&late);
	end_engine(engine);
}

static struct dhp_notify *handles_seen[LOG_LENGTH];
static enum dhp_status leave_results[LOG_LENGTH];

static void leave_by_what_is_known(struct registrant *me, const struct dhp_processor_change *change)
{
	(void)change;
	handles_seen[calls_count - 1] = me->handle;
	leave_results[calls_count - 1] = dhp_notify_unregister(me->handle);
	me->handle = NULL;
}

static void the_handle_is_not_known_in_the_own_replay_S114(void **state)
{
	struct dhp_engine *engine = begin(3);
	struct registrant me = registrant_of(1, engine);

	(void)state;
	me.also = leave_by_what_is_known;
	assert_ok(join_list(&me, DHP_NOTIFY_EXISTING));
	assert_int_equal(calls_count, 6);
	for (uint32_t i = 0; i < calls_count; i++) {
		assert_null(handles_seen[i]);
		assert_ok(leave_results[i]); /* nothing, to no effect */
	}
	assert_non_null(me.handle); /* so it could not leave */
	assert_ok(add_position(engine, 3));
	assert_int_equal(calls_count, 7); /* there it knows its handle, and leaves */
	assert_non_null(handles_seen[6]);
	assert_ok(leave_results[6]);
	assert_ok(add_position(engine, 4));
	assert_int_equal(calls_count, 7);
	end_engine(engine);
}

/* ---- who enumerates by itself ---- */

struct table {
	struct dhp_engine *engine;
	struct dhp_notify *handle;
	uint64_t prepared[64]; /* by index */
	uint64_t again;        /* reports of what was prepared */
};

static void prepare(struct table *table, uint32_t index)
{
	if (__atomic_exchange_n(&table->prepared[index], 1, __ATOMIC_ACQ_REL) != 0)
		(void)bump(&table->again);
}

static void prepare_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status;
	if (change->state == DHP_CHANGE_START)
		prepare(context, change->index);
}

static uint32_t enumerate(struct table *table)
{
	uint32_t active = active_count(table->engine);

	for (uint32_t index = 0; index < active; index++)
		prepare(table, index);
	return active;
}

static uint32_t missing(const struct table *table)
{
	uint32_t count = 0;

	for (uint32_t index = 0; index < active_count(table->engine); index++)
		count += table->prepared[index] == 0;
	return count;
}

static enum dhp_status hear_starts(struct table *table)
{
	return dhp_notify_register(table->engine, prepare_in_start, table, 0, &table->handle);
}

static void who_registers_first_and_enumerates_after_misses_nobody_S140(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct table careful = { .engine = engine }, careless = { .engine = engine };

	(void)state;
	assert_int_equal(enumerate(&careless), 2);
	assert_ok(hear_starts(&careful));
	assert_ok(add_position(engine, 2)); /* in the window of both */
	assert_ok(hear_starts(&careless));
	assert_int_equal(enumerate(&careful), 3);
	assert_ok(add_position(engine, 3));
	assert_int_equal(missing(&careful), 0);
	assert_int_equal(careful.again, 1);     /* the second report, harmless */
	assert_int_equal(missing(&careless), 1); /* the window: the processor that came between the two */
	assert_int_equal(careless.prepared[2], 0);
	dhp_notify_unregister(careful.handle);
	dhp_notify_unregister(careless.handle);
	end_engine(engine);
}

struct adder {
	struct dhp_engine *engine;
	struct gate gate;
	uint64_t failed;
};

static void *add_all(void *argument)
{
	struct adder *adder = argument;

	gate_pass(&adder->gate);
	for (uint32_t position = 1; position < 48; position++)
		adder->failed += add_position(adder->engine, position) != DHP_OK;
	return NULL;
}

static void nor_does_it_while_processors_come_S140(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(40); round++) {
		struct dhp_engine *engine = make_sim_of(48, 1);
		struct adder adder = { .engine = engine };
		struct table tables[4];
		struct helper helper;

		gate_init(&adder.gate, 2);
		helper_start(&helper, add_all, &adder);
		gate_pass(&adder.gate);
		for (uint32_t i = 0; i < LENGTH(tables); i++) {
			tables[i] = (struct table){ .engine = engine };
			assert_ok(hear_starts(&tables[i]));
			(void)enumerate(&tables[i]);
		}
		helper_join(&helper);
		assert_int_equal(adder.failed, 0);
		for (uint32_t i = 0; i < LENGTH(tables); i++) {
			assert_int_equal(missing(&tables[i]), 0);
			dhp_notify_unregister(tables[i].handle);
		}
		end_engine(engine);
	}
}

/* ---- several processors in one package ---- */

static void a_package_is_a_series_of_transactions_one_for_each_processor_S151(void **state)
{
	static const struct dhp_sim_event package[] = {
		{ .position = 4 },
		{ .position = 5, .fails = true, .failing_step = DHP_STEP_BRING_UP },
		{ .position = 6 },
		{ .position = 7 },
	};
	static const enum dhp_change_state seconds[] = { DHP_CHANGE_COMPLETE, DHP_CHANGE_FAILURE, DHP_CHANGE_COMPLETE,
		DHP_CHANGE_COMPLETE };
	static const uint32_t indices[] = { 2, 3, 3, 4 }; /* the one that failed takes none with it */
	struct dhp_engine *engine = begin(2);
	struct registrant first = registrant_of(0, engine), second = registrant_of(1, engine);
	uint32_t added = 0;

	(void)state;
	assert_ok(join_list(&first, 0));
	assert_ok(join_list(&second, 0));
	assert_ok(dhp_sim_play(engine, package, LENGTH(package), &added));
	assert_int_equal(added, 3);
	assert_int_equal(calls_count, 4 * LENGTH(package));
	for (uint32_t i = 0; i < LENGTH(package); i++) {
		for (uint32_t who = 0; who < 2; who++) {
			assert_call(4 * i + who, who, DHP_CHANGE_START, indices[i]);
			assert_int_equal(calls[4 * i + who].active, indices[i]); /* the one before is there already */
			assert_call(4 * i + 2 + who, who, seconds[i], indices[i]);
			assert_int_equal(calls[4 * i + who].change.cpu, dhp_sim_cpu(engine, package[i].position));
		}
	}
	leave_list(&first);
	leave_list(&second);
	end_engine(engine);
}

/* ---- tables of a fixed size ---- */

struct fixed {
	uint32_t length;
	uint32_t used[MAXIMUM];
	uint32_t beyond; /* Starts for an index that it has no room for */
};

static void use_row(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct fixed *fixed = context;

	if (change->index < fixed->length) {
		fixed->used[change->index] = change->state != DHP_CHANGE_FAILURE;
	} else if (change->state == DHP_CHANGE_START) {
		fixed->beyond++;
		*status = DHP_TOO_SMALL;
	}
}

static void with_a_row_for_each_possible_processor_no_index_is_too_large_S162(void **state)
{
	struct dhp_engine *engine = begin(3);
	struct fixed fixed = { .length = counts_of(engine).maximum };
	struct dhp_notify *handle;

	(void)state;
	assert_int_equal(fixed.length, MAXIMUM);
	assert_ok(dhp_notify_register(engine, use_row, &fixed, DHP_NOTIFY_EXISTING, &handle));
	add_positions(engine, 3, MAXIMUM);
	for (uint32_t i = 0; i < MAXIMUM; i++)
		assert_true(dhp_failed(dhp_sim_add(engine, dhp_sim_cpu(engine, i)))); /* there are no more */
	for (uint32_t i = 0; i < MAXIMUM; i++)
		assert_int_equal(fixed.used[i], 1);
	assert_int_equal(fixed.beyond, 0);
	dhp_notify_unregister(handle);
	end_engine(engine);
}

static void with_fewer_the_client_says_no_and_all_stays_in_its_table_S162_S172(void **state)
{
	struct dhp_engine *engine = begin(3);
	struct fixed fixed = { .length = 5 };
	struct dhp_notify *handle;

	(void)state;
	assert_ok(dhp_notify_register(engine, use_row, &fixed, DHP_NOTIFY_EXISTING, &handle));
	add_positions(engine, 3, 5);
	for (uint32_t position = 5; position < MAXIMUM; position++)
		assert_status(add_position(engine, position), DHP_TOO_SMALL);
	assert_int_equal(active_count(engine), 5);
	assert_int_equal(fixed.beyond, MAXIMUM - 5);
	dhp_notify_unregister(handle);
	assert_ok(add_position(engine, 5)); /* without it there is nobody to say no */
	end_engine(engine);
}

/* ---- Start for what is prepared, Failure for what is not ---- */

struct steady {
	void *memory[MAXIMUM];
	uint32_t starts_again;   /* Start for an index that was prepared */
	uint32_t empty_failures; /* Failure for one that was not */
	uint32_t made, freed;
};

static void make_once(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct steady *steady = context;
	void **memory = &steady->memory[change->index];

	(void)status;
	if (change->state == DHP_CHANGE_START && *memory != NULL) {
		steady->starts_again++;
	} else if (change->state == DHP_CHANGE_START) {
		*memory = malloc(64);
		steady->made++;
	} else if (change->state == DHP_CHANGE_FAILURE && *memory == NULL) {
		steady->empty_failures++;
	} else if (change->state == DHP_CHANGE_FAILURE) {
		free(*memory);
		*memory = NULL;
		steady->freed++;
	}
}

/* Registered twice, it hears everything twice; and once more by a replay of what it has. */
static void a_steady_client_bears_a_second_start_and_an_empty_failure_S163_S148(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct steady steady = { .made = 0 };
	struct dhp_notify *first, *second;

	(void)state;
	assert_ok(dhp_notify_register(engine, make_once, &steady, DHP_NOTIFY_EXISTING, &first));
	assert_int_equal(steady.made, 2);
	assert_ok(dhp_notify_register(engine, make_once, &steady, DHP_NOTIFY_EXISTING, &second));
	assert_int_equal(steady.starts_again, 2);
	assert_ok(add_position(engine, 2));
	assert_int_equal(steady.made, 3);
	assert_int_equal(steady.starts_again, 3);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 3), DHP_INJECTED);
	assert_int_equal(steady.starts_again, 4);
	assert_int_equal(steady.empty_failures, 1);
	assert_int_equal(steady.freed, 1);
	assert_ok(add_position(engine, 3)); /* and the index is prepared anew */
	assert_int_equal(steady.made - steady.freed, active_count(engine));
	dhp_notify_unregister(first);
	dhp_notify_unregister(second);
	for (uint32_t index = 0; index < MAXIMUM; index++) {
		assert_int_equal(steady.memory[index] != NULL, index < 4);
		free(steady.memory[index]);
	}
	end_engine(engine);
}

/* ---- tables per group ---- */

struct groups {
	struct dhp_engine *engine;
	uint32_t maximum;
	uint32_t active_in_start[MAXIMUM]; /* groups, by index of the newcomer */
	uint32_t full[MAXIMUM];            /* a table with a row for each group there can be */
	uint32_t *grown;                   /* one that grows in Start */
	uint32_t grown_count, growths, beyond;
};

static bool grow(struct groups *groups, uint32_t count)
{
	uint32_t *larger = realloc(groups->grown, count * sizeof(*larger));

	if (larger == NULL)
		return false;
	for (uint32_t i = groups->grown_count; i < count; i++)
		larger[i] = 0;
	groups->grown = larger;
	groups->grown_count = count;
	groups->growths++;
	return true;
}

static void count_in_groups(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct groups *groups = context;
	uint32_t group = change->number.group;
	struct dhp_counts counts = { .active = 0 };

	if (change->state != DHP_CHANGE_START)
		return;
	groups->beyond += group >= groups->maximum;
	if (dhp_counts_read(groups->engine, &counts) == DHP_OK)
		groups->active_in_start[change->index] = counts.groups_active;
	if (group >= groups->grown_count && !grow(groups, group + 1)) {
		*status = DHP_NO_MEMORY;
		return;
	}
	groups->full[group % MAXIMUM]++;
	groups->grown[group]++;
}

/* Groups of 2, 3, 2, 3 and 2. */
static void the_group_of_a_newcomer_may_have_been_empty_S164_S005(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 2, 3, 2 };
	struct dhp_engine *engine = begin(2);
	struct groups groups = { .engine = engine, .maximum = counts_of(engine).groups_maximum };
	struct dhp_notify *handle;

	(void)state;
	assert_int_equal(groups.maximum, LENGTH(sizes));
	assert_ok(dhp_notify_register(engine, count_in_groups, &groups, DHP_NOTIFY_EXISTING, &handle));
	assert_int_equal(groups.grown_count, 1);
	assert_ok(add_position(engine, 2));
	assert_int_equal(groups.active_in_start[2], 1); /* nothing was active in the newcomer's group */
	assert_int_equal(groups.full[1], 1);
	assert_int_equal(groups.grown_count, 2);
	assert_int_equal(counts_of(engine).groups_active, 2);
	assert_ok(add_position(engine, 3)); /* its group has one now */
	assert_int_equal(groups.active_in_start[3], 2);
	add_positions(engine, 4, MAXIMUM);
	assert_int_equal(groups.growths, LENGTH(sizes));
	assert_int_equal(groups.beyond, 0);
	for (uint32_t group = 0; group < LENGTH(sizes); group++) {
		assert_int_equal(groups.full[group], sizes[group]);
		assert_int_equal(groups.grown[group], sizes[group]);
	}
	dhp_notify_unregister(handle);
	free(groups.grown);
	end_engine(engine);
}

/* ---- record and status ---- */

struct keeper {
	struct dhp_notify *handle, *other;
	struct dhp_processor_change copy; /* taken in Start */
	uint64_t calls, wrong;
	bool leaves;
};

/* Much happens during the call, and both are still good at its end; what is left in them is in no later call. */
static void keep_a_copy(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct keeper *keeper = context;
	const struct dhp_processor_change on_entry = *change;

	(void)bump(&keeper->calls);
	keeper->wrong += *status != DHP_OK || on_entry.status != DHP_OK || on_entry.index != 2;
	if (on_entry.state == DHP_CHANGE_START)
		keeper->copy = on_entry;
	if (keeper->leaves) {
		keeper->wrong += dhp_notify_unregister(keeper->other) != DHP_OK;
		keeper->wrong += dhp_notify_unregister(keeper->handle) != DHP_OK;
	}
	sleep_us(1000);
	keeper->wrong += memcmp(change, &on_entry, sizeof(on_entry)) != 0;
	keeper->wrong += *status != DHP_OK;
	memset((void *)(uintptr_t)change, 0x55, sizeof(*change));
	*status = DHP_TIMED_OUT; /* the last moment; no failure */
}

static void record_and_status_are_good_for_the_call_and_for_no_longer_S170(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct keeper keeper = { .calls = 0 };
	struct registrant after = registrant_of(1, engine);

	(void)state;
	assert_ok(dhp_notify_register(engine, keep_a_copy, &keeper, 0, &keeper.handle));
	assert_ok(join_list(&after, 0));
	assert_ok(add_position(engine, 2));
	assert_int_equal(keeper.calls, 2);
	assert_int_equal(keeper.wrong, 0); /* each call began afresh */
	assert_int_equal(keeper.copy.state, DHP_CHANGE_START); /* a copy outlives the call */
	assert_int_equal(keeper.copy.index, 2);
	assert_int_equal(keeper.copy.cpu, dhp_sim_cpu(engine, 2));
	assert_int_equal(calls_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_call(i, 1, i == 0 ? DHP_CHANGE_START : DHP_CHANGE_COMPLETE, 2);
		assert_ok(calls[i].on_entry);
	}
	dhp_notify_unregister(keeper.handle);
	leave_list(&after);
	end_engine(engine);
}

static void they_are_good_to_the_end_of_a_call_that_ends_its_registration_S170_S185(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct keeper keeper = { .leaves = true };
	struct registrant next = registrant_of(1, engine);

	(void)state;
	assert_ok(dhp_notify_register(engine, keep_a_copy, &keeper, 0, &keeper.handle));
	assert_ok(join_list(&next, 0));
	keeper.other = next.handle;
	assert_ok(add_position(engine, 2));
	assert_int_equal(keeper.calls, 1);
	assert_int_equal(keeper.wrong, 0);
	assert_int_equal(calls_count, 0);
	end_engine(engine);
}

struct careful {
	uint32_t calls[3];  /* by state */
	uint32_t missing;   /* calls without a status to write to */
	uint32_t unclean;   /* on entry, where nobody had failed */
	uint32_t refuse_at; /* index */
	bool writes_late;
};

static void look_at_status(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct careful *careful = context;

	careful->calls[change->state]++;
	if (status == NULL) {
		careful->missing++;
		return;
	}
	if (change->state != DHP_CHANGE_FAILURE)
		careful->unclean += *status != DHP_OK;
	if (change->state == DHP_CHANGE_START && change->index == careful->refuse_at)
		*status = DHP_NO_MEMORY; /* the one time a client writes */
	if (change->state != DHP_CHANGE_START && careful->writes_late)
		*status = DHP_NO_MEMORY;
}

static void there_is_always_a_status_and_only_start_with_an_error_has_a_say_S171(void **state)
{
	struct dhp_engine *engine = begin(3);
	struct careful good = { .refuse_at = DHP_NO_INDEX }, late = { .refuse_at = DHP_NO_INDEX, .writes_late = true },
		       refuses = { .refuse_at = 1 };
	struct dhp_notify *handles[2], *none;

	(void)state;
	/* In the replay: Start, Complete; Start, Failure. */
	assert_ok(dhp_notify_register(engine, look_at_status, &good, DHP_NOTIFY_EXISTING, &handles[0]));
	assert_ok(dhp_notify_register(engine, look_at_status, &late, DHP_NOTIFY_EXISTING, &handles[1]));
	assert_status(dhp_notify_register(engine, look_at_status, &refuses, DHP_NOTIFY_EXISTING, &none), DHP_NO_MEMORY);
	assert_int_equal(refuses.calls[DHP_CHANGE_FAILURE], 1);
	/* In an arrival: left alone it succeeds, whatever is written later. */
	assert_ok(add_position(engine, 3));
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 4), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 4), DHP_INJECTED);
	good.refuse_at = 4;
	assert_status(add_position(engine, 4), DHP_NO_MEMORY); /* written in Start it does not */
	assert_int_equal(good.unclean, 0);
	assert_int_equal(late.calls[DHP_CHANGE_START], 3 + 3);
	assert_int_equal(late.calls[DHP_CHANGE_COMPLETE], 3 + 1);
	assert_int_equal(late.calls[DHP_CHANGE_FAILURE], 2);
	assert_int_equal(good.calls[DHP_CHANGE_START], 3 + 3);
	assert_int_equal(good.calls[DHP_CHANGE_COMPLETE], 3 + 1);
	assert_int_equal(good.calls[DHP_CHANGE_FAILURE], test_mode() == DHP_ENGINE_VETOER_EXCLUDED ? 1 : 2);
	assert_int_equal(good.missing + late.missing + refuses.missing, 0);
	dhp_notify_unregister(handles[0]);
	dhp_notify_unregister(handles[1]);
	end_engine(engine);
}

/* ---- a lock that the callback wants ---- */

struct locked {
	struct dhp_engine *engine;
	struct dhp_notify *handle;
	pthread_mutex_t lock;
	uint64_t wanting, got, gave_up, give_up; /* of the callback */
	uint64_t leaving, left, failed;
	bool releases; /* before it unregisters */
};

/* A lock that can be given up, so that the test ends. */
static void want_the_lock(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct locked *locked = context;

	(void)change;
	(void)status;
	(void)bump(&locked->wanting);
	while (peek(&locked->give_up) == 0) {
		if (pthread_mutex_trylock(&locked->lock) == 0) {
			(void)bump(&locked->got);
			(void)pthread_mutex_unlock(&locked->lock);
			return;
		}
		sleep_us(50);
	}
	(void)bump(&locked->gave_up);
}

static void *leave_with_the_lock(void *argument)
{
	struct locked *locked = argument;

	(void)pthread_mutex_lock(&locked->lock);
	(void)bump(&locked->leaving);
	if (!wait_for_count(&locked->wanting, 1))
		(void)bump(&locked->failed);
	if (locked->releases)
		(void)pthread_mutex_unlock(&locked->lock);
	if (dhp_notify_unregister(locked->handle) != DHP_OK)
		(void)bump(&locked->failed);
	(void)bump(&locked->left);
	if (!locked->releases)
		(void)pthread_mutex_unlock(&locked->lock);
	return NULL;
}

static void *add_one(void *argument)
{
	struct locked *locked = argument;

	if (add_position(locked->engine, 1) != DHP_OK)
		(void)bump(&locked->failed);
	return NULL;
}

static void leave_while_it_wants_the_lock(struct locked *locked, bool releases)
{
	struct helper leaver, adder;

	*locked = (struct locked){ .engine = make_sim_of(4, 1), .releases = releases };
	(void)pthread_mutex_init(&locked->lock, NULL);
	assert_ok(dhp_notify_register(locked->engine, want_the_lock, locked, 0, &locked->handle));
	helper_start(&leaver, leave_with_the_lock, locked);
	assert_true(wait_for_count(&locked->leaving, 1));
	helper_start(&adder, add_one, locked);
	assert_true(wait_for_count(&locked->wanting, 1));
	if (!releases) {
		sleep_us(20000);
		assert_int_equal(peek(&locked->left), 0); /* neither goes on, however long this takes */
		assert_int_equal(peek(&locked->got), 0);
		poke(&locked->give_up, 1);
	}
	helper_join(&leaver);
	helper_join(&adder);
	(void)pthread_mutex_destroy(&locked->lock);
	assert_int_equal(locked->failed, 0);
	assert_int_equal(active_count(locked->engine), 2);
	end_engine(locked->engine);
}

static void who_unregisters_with_a_lock_that_the_callback_wants_waits_for_ever_S191(void **state)
{
	struct locked locked;

	(void)state;
	leave_while_it_wants_the_lock(&locked, false);
	assert_true(locked.gave_up > 0); /* that alone ended it */
	assert_int_equal(locked.got, 0);
	leave_while_it_wants_the_lock(&locked, true);
	assert_int_equal(locked.gave_up, 0);
	assert_true(locked.got > 0);
}

/* ---- how long a callback takes ---- */

#define SLOW_US 3000u

static void be_slow(struct registrant *me, const struct dhp_processor_change *change)
{
	(void)me;
	(void)change;
	sleep_us(SLOW_US);
}

static struct dhp_notify_stats stats_of(const struct registrant *registrant)
{
	struct dhp_notify_stats stats;

	assert_ok(dhp_notify_stats_read(registrant->handle, &stats));
	return stats;
}

static void a_callback_may_take_long_and_its_time_is_recorded_S197(void **state)
{
	struct dhp_engine *engine = begin(2);
	struct registrant quick = registrant_of(1, engine), slow = registrant_of(2, engine);
	struct dhp_engine_stats all;
	struct dhp_notify_stats stats;

	(void)state;
	assert_ok(join_list(&quick, 0));
	assert_int_equal(stats_of(&quick).calls_count, 0);
	assert_int_equal(stats_of(&quick).total_ns, 0);
	slow.also = be_slow;
	assert_ok(join_list(&slow, DHP_NOTIFY_EXISTING)); /* four calls */
	assert_ok(add_position(engine, 2));               /* waits for two */
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 3), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 3), DHP_INJECTED); /* two more */
	stats = stats_of(&slow);
	assert_int_equal(stats.calls_count, 8);
	assert_true(stats.longest_ns >= SLOW_US * UINT64_C(1000));
	assert_true(stats.total_ns >= 8 * SLOW_US * UINT64_C(1000));
	assert_true(stats.total_ns <= 8 * stats.longest_ns);
	stats = stats_of(&quick);
	assert_int_equal(stats.calls_count, 4);
	assert_true(stats.longest_ns <= stats.total_ns);
	assert_ok(dhp_engine_stats_read(engine, &all));
	assert_int_equal(all.callbacks_count, 12);
	assert_int_equal(all.longest_callback_ns, stats_of(&slow).longest_ns > stats.longest_ns ?
						  stats_of(&slow).longest_ns : stats.longest_ns);
	assert_status(dhp_notify_stats_read(NULL, &stats), DHP_BAD_OBJECT);
	assert_status(dhp_notify_stats_read(quick.handle, NULL), DHP_BAD_RESULT);
	leave_list(&quick);
	leave_list(&slow);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_belongs_to_no_device_and_may_come_at_any_time_S111),
		cmocka_unit_test(the_handle_is_not_known_in_the_own_replay_S114),
		cmocka_unit_test(who_registers_first_and_enumerates_after_misses_nobody_S140),
		cmocka_unit_test(nor_does_it_while_processors_come_S140),
		cmocka_unit_test(a_package_is_a_series_of_transactions_one_for_each_processor_S151),
		cmocka_unit_test(with_a_row_for_each_possible_processor_no_index_is_too_large_S162),
		cmocka_unit_test(with_fewer_the_client_says_no_and_all_stays_in_its_table_S162_S172),
		cmocka_unit_test(a_steady_client_bears_a_second_start_and_an_empty_failure_S163_S148),
		cmocka_unit_test(the_group_of_a_newcomer_may_have_been_empty_S164_S005),
		cmocka_unit_test(record_and_status_are_good_for_the_call_and_for_no_longer_S170),
		cmocka_unit_test(they_are_good_to_the_end_of_a_call_that_ends_its_registration_S170_S185),
		cmocka_unit_test(there_is_always_a_status_and_only_start_with_an_error_has_a_say_S171),
		cmocka_unit_test(who_unregisters_with_a_lock_that_the_callback_wants_waits_for_ever_S191),
		cmocka_unit_test(a_callback_may_take_long_and_its_time_is_recorded_S197),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
