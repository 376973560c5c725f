/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The extension channel: everybody who asked is told after the last change, in either direction; nothing is sent elsewhere.
 */
#include "support.h"

#include <dhp/change.h>

/* Written by one callback at a time; read after waiting for `last`. */
struct hearer {
	struct dhp_engine *engine;
	struct dhp_change_notify *registration;
	uint64_t calls, last, wrong;
	uint64_t slow; /* waits here while it is not zero */
	pthread_t thread;
};

static void hear(void *context, uint64_t generation)
{
	struct hearer *hearer = context;
	struct dhp_counts counts = { .generation = 0 };

	if (dhp_level() != DHP_PASSIVE || generation <= peek(&hearer->last) ||
	    dhp_counts_read(hearer->engine, &counts) != DHP_OK || counts.generation < generation)
		(void)bump(&hearer->wrong);
	hearer->thread = pthread_self();
	(void)bump(&hearer->calls);
	poke(&hearer->last, generation);
	while (peek(&hearer->slow) != 0)
		sleep_us(100);
}

static void register_now(struct hearer *hearer, struct dhp_engine *engine)
{
	*hearer = (struct hearer){ .engine = engine };
	assert_ok(dhp_change_register(engine, hear, hearer, NULL, &hearer->registration));
}

/* It has been told of everything there is now, and of nothing else. */
static void assert_told(struct hearer *hearer)
{
	uint64_t now = counts_of(hearer->engine).generation;

	assert_true(wait_for_count(&hearer->last, now));
	assert_int_equal(peek(&hearer->last), now);
	assert_int_equal(peek(&hearer->wrong), 0);
}

static enum dhp_status set_usable(struct dhp_engine *engine, uint32_t position, bool usable)
{
	return dhp_sim_set_usable(engine, dhp_sim_cpu(engine, position), usable);
}

static uint64_t usable_mask(struct dhp_engine *engine)
{
	uint64_t mask = 0;
	struct dhp_snapshot snapshot = { .masks_capacity = 1, .usable_masks = &mask };

	assert_ok(dhp_snapshot_take(engine, &snapshot));
	return mask;
}

/* ---- a registration by one who is being told ---- */

struct host {
	struct hearer guest;
	struct dhp_change_notify *registration;
	uint64_t status; /* of the guest's registration, and 1 */
	uint64_t told;   /* calls of the guest when it was registered */
};

static void invite(void *context, uint64_t generation)
{
	const uint64_t seen = generation - 1;
	struct host *host = context;

	if (peek(&host->status) != 0)
		return;
	poke(&host->status, 1 + (uint64_t)(dhp_change_register(host->guest.engine, hear, &host->guest, &seen,
							     &host->guest.registration) != DHP_OK));
	poke(&host->told, peek(&host->guest.calls));
}

/* It is told at once of what it has not seen, and of that once. */
static void who_is_told_may_register_another_S802(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	static struct host host;

	(void)state;
	host = (struct host){ .guest = { .engine = engine } };
	assert_ok(dhp_change_register(engine, invite, &host, NULL, &host.registration));
	add_positions(engine, 1, 2);
	assert_true(wait_for_count(&host.status, 1));
	assert_told(&host.guest);
	assert_ok(dhp_change_unregister(host.registration));
	assert_int_equal(peek(&host.status), 1);
	assert_int_equal(peek(&host.told), 1);
	assert_int_equal(peek(&host.guest.calls), 1);
	add_positions(engine, 2, 3);
	assert_told(&host.guest);
	assert_int_equal(peek(&host.guest.calls), 2);
	assert_ok(dhp_change_unregister(host.guest.registration));
	end_engine(engine);
}

/* ---- arguments ---- */

static void bad_input_is_refused_S801_S805(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct dhp_change_notify *registration = NULL;
	struct hearer hearer = { .engine = engine };
	struct dhp_snapshot snapshot = { .masks_capacity = 0 };

	(void)state;
	assert_status(dhp_change_register(NULL, hear, &hearer, NULL, &registration), DHP_BAD_ENGINE);
	assert_status(dhp_change_register(engine, NULL, &hearer, NULL, &registration), DHP_BAD_CALLBACK);
	assert_status(dhp_change_register(engine, hear, &hearer, NULL, NULL), DHP_BAD_RESULT);
	assert_null(registration);
	assert_ok(dhp_change_unregister(NULL));
	assert_status(dhp_change_query(NULL, NULL, &snapshot), DHP_BAD_ENGINE);
	assert_status(dhp_change_query(engine, NULL, NULL), DHP_BAD_RESULT);
	assert_status(dhp_sim_set_usable(NULL, 0, false), DHP_BAD_ENGINE);
	assert_status(dhp_sim_set_usable(engine, DHP_NO_CPU, false), DHP_BAD_CPU);
	assert_status(set_usable(engine, 3, false), DHP_BAD_CPU); /* it has not arrived */
	end_engine(engine);
}

static void a_registration_holds_its_engine_S806(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct hearer hearer;

	(void)state;
	register_now(&hearer, engine);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

/* ---- both directions ---- */

static void count_one(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	(void)change;
	(void)veto;
	(void)bump(context);
}

static void count_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	(void)bump(context);
}

/* S-235: away and back is no removal and no arrival either. */
static void offline_keeps_index_slots_and_counts_and_the_other_channels_are_silent_S006_S235_S804(void **state)
{
	struct dhp_engine *engine = make_sim_of(8, 4);
	struct dhp_notify *synchronous;
	struct dhp_arrival_notify *asynchronous;
	struct dhp_counter *counter;
	struct dhp_counts before = counts_of(engine), after;
	struct hearer hearer;
	uint64_t told = 0;

	(void)state;
	assert_ok(dhp_counter_create(engine, &counter));
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 2)));
	dhp_counter_add(counter, 5);
	assert_ok(dhp_notify_register(engine, count_one, &told, 0, &synchronous));
	assert_ok(dhp_arrival_drain(engine)); /* those that came with the engine */
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, count_arrival, &told, 0, &asynchronous));
	register_now(&hearer, engine);
	for (uint32_t round = 0; round < 3; round++) {
		assert_ok(set_usable(engine, 2, false));
		after = counts_of(engine);
		assert_true(after.generation > before.generation);
		assert_int_equal(after.active, 4);
		assert_int_equal(after.usable, 3);
		assert_int_equal(dhp_active_mask(engine, 0), 0xF);
		assert_int_equal(usable_mask(engine), 0xB);
		assert_int_equal(dhp_index_here(engine), 2);
		assert_int_equal(dhp_counter_sum(counter), 5);
		assert_told(&hearer);
		assert_ok(dhp_engine_rescan(engine)); /* finds it away too: no change */
		assert_int_equal(counts_of(engine).generation, after.generation);
		before = after;
		assert_ok(set_usable(engine, 2, true));
		assert_true(counts_of(engine).generation > before.generation);
		assert_int_equal(usable_mask(engine), 0xF);
		before = counts_of(engine);
		assert_int_equal(before.usable, 4);
		assert_told(&hearer);
	}
	dhp_sim_exit();
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&told), 0);
	assert_ok(dhp_change_unregister(hearer.registration));
	assert_ok(dhp_arrival_unregister(asynchronous));
	assert_ok(dhp_notify_unregister(synchronous));
	assert_ok(dhp_counter_destroy(counter));
	end_engine(engine);
}

static void what_was_so_before_is_no_change_and_one_stays_usable_S804(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	uint64_t before = counts_of(engine).generation;
	struct hearer hearer;

	(void)state;
	register_now(&hearer, engine);
	assert_ok(set_usable(engine, 0, true));
	assert_int_equal(counts_of(engine).generation, before);
	assert_ok(set_usable(engine, 0, false));
	before = counts_of(engine).generation;
	assert_ok(set_usable(engine, 0, false));
	assert_status(set_usable(engine, 1, false), DHP_IN_USE);
	assert_int_equal(counts_of(engine).generation, before);
	assert_int_equal(counts_of(engine).usable, 1);
	assert_status(add_position(engine, 0), DHP_ALREADY_THERE);
	assert_told(&hearer);
	assert_int_equal(peek(&hearer.calls), 1);
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

static void an_arrival_is_a_change_and_a_failed_one_is_none_S804(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct hearer hearer;

	(void)state;
	register_now(&hearer, engine);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 1), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, 1), DHP_INJECTED);
	assert_int_equal(peek(&hearer.calls), 0);
	add_positions(engine, 1, 2);
	assert_told(&hearer);
	assert_int_equal(peek(&hearer.calls), 1);
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

/* ---- query and late registration ---- */

static void an_unchanged_set_is_not_written_S805(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	uint64_t mask = 0, seen;
	struct dhp_snapshot snapshot = { .masks_capacity = 1, .usable_masks = &mask };

	(void)state;
	assert_ok(dhp_change_query(engine, NULL, &snapshot));
	assert_int_equal(mask, 3);
	seen = snapshot.counts.generation;
	assert_int_equal(seen, counts_of(engine).generation);
	memset(&snapshot.counts, 0, sizeof(snapshot.counts));
	snapshot.masks_count = 77;
	mask = 77;
	assert_status(dhp_change_query(engine, &seen, &snapshot), DHP_UNCHANGED);
	assert_true(mask == 77 && snapshot.masks_count == 77 && snapshot.counts.active == 0);
	assert_false(dhp_failed(DHP_UNCHANGED));
	assert_ok(set_usable(engine, 1, false));
	assert_ok(dhp_change_query(engine, &seen, &snapshot));
	assert_int_equal(mask, 1);
	assert_int_equal(snapshot.counts.usable, 1);
	snapshot.masks_capacity = 0;
	mask = 77;
	assert_status(dhp_change_query(engine, &seen, &snapshot), DHP_TOO_SMALL);
	assert_int_equal(snapshot.masks_count, 1);
	assert_int_equal(mask, 77);
	end_engine(engine);
}

static void who_registers_late_is_called_at_once_S802(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct hearer late = { .engine = engine }, on_time = { .engine = engine }, mad = { .engine = engine };
	uint64_t seen = counts_of(engine).generation, future = UINT64_MAX;

	(void)state;
	assert_ok(set_usable(engine, 1, false));
	assert_ok(dhp_change_register(engine, hear, &late, &seen, &late.registration));
	assert_int_equal(peek(&late.calls), 1); /* before the return, in this thread */
	assert_true(pthread_equal(late.thread, pthread_self()));
	assert_int_equal(peek(&late.last), counts_of(engine).generation);
	seen = counts_of(engine).generation;
	assert_ok(dhp_change_register(engine, hear, &on_time, &seen, &on_time.registration));
	assert_ok(dhp_change_register(engine, hear, &mad, &future, &mad.registration));
	assert_int_equal(peek(&on_time.calls), 0);
	assert_ok(set_usable(engine, 1, true));
	assert_told(&late);
	assert_told(&on_time);
	assert_told(&mad); /* a number that never was counts as the present one */
	assert_int_equal(peek(&late.calls), 2);
	assert_int_equal(peek(&on_time.calls), 1);
	assert_ok(dhp_change_unregister(late.registration));
	assert_ok(dhp_change_unregister(on_time.registration));
	assert_ok(dhp_change_unregister(mad.registration));
	assert_false(pthread_equal(on_time.thread, pthread_self()));
	end_engine(engine);
}

/* ---- merging and unregistration ---- */

static void changes_during_a_call_are_merged_and_the_last_is_told_S803_S808(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct hearer hearer;

	(void)state;
	register_now(&hearer, engine);
	poke(&hearer.slow, 1);
	assert_ok(set_usable(engine, 3, false));
	assert_true(wait_for_count(&hearer.calls, 1));
	for (uint32_t i = 0; i < 20; i++)
		assert_ok(set_usable(engine, 1 + i % 2, i % 4 >= 2));
	assert_int_equal(peek(&hearer.calls), 1);
	poke(&hearer.slow, 0);
	assert_told(&hearer);
	assert_int_equal(peek(&hearer.calls), 2);
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

struct leaver {
	struct hearer *hearer;
	uint64_t began, done, wrong;
};

static void *leave(void *argument)
{
	struct leaver *leaver = argument;

	(void)bump(&leaver->began);
	if (dhp_change_unregister(leaver->hearer->registration) != DHP_OK)
		(void)bump(&leaver->wrong);
	(void)bump(&leaver->done);
	return NULL;
}

static void unregistration_waits_for_a_running_call_S806(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct leaver leaver = { .began = 0 };
	struct hearer hearer;
	struct helper helper;

	(void)state;
	register_now(&hearer, engine);
	leaver.hearer = &hearer;
	poke(&hearer.slow, 1);
	assert_ok(set_usable(engine, 3, false));
	assert_true(wait_for_count(&hearer.calls, 1));
	helper_start(&helper, leave, &leaver);
	assert_true(wait_for_count(&leaver.began, 1));
	sleep_us(5000);
	assert_int_equal(peek(&leaver.done), 0);
	poke(&hearer.slow, 0);
	helper_join(&helper);
	assert_int_equal(peek(&leaver.wrong), 0);
	assert_ok(set_usable(engine, 3, true));
	register_now(&hearer, engine); /* a call later it is certain that the old one is silent */
	assert_ok(set_usable(engine, 3, false));
	assert_told(&hearer);
	assert_int_equal(peek(&hearer.calls), 1);
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

static void hear_once(void *context, uint64_t generation)
{
	struct hearer *hearer = context;

	(void)generation;
	(void)bump(&hearer->calls);
	if (dhp_change_unregister(hearer->registration) != DHP_OK)
		(void)bump(&hearer->wrong);
}

static void a_call_may_be_the_last_by_its_own_doing_S806(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct hearer once = { .engine = engine }, other;

	(void)state;
	assert_ok(dhp_change_register(engine, hear_once, &once, NULL, &once.registration));
	register_now(&other, engine);
	assert_ok(set_usable(engine, 1, false));
	assert_told(&other);
	assert_ok(set_usable(engine, 1, true));
	assert_told(&other);
	assert_int_equal(peek(&once.calls), 1);
	assert_int_equal(peek(&once.wrong), 0);
	assert_ok(dhp_change_unregister(other.registration));
	end_engine(engine);
}

static void register_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	struct hearer *hearer = context;

	(void)change;
	(void)veto;
	if (dhp_change_register(hearer->engine, hear, hearer, NULL, &hearer->registration) != DHP_IN_CALLBACK ||
	    set_usable(hearer->engine, 0, false) != DHP_IN_CALLBACK)
		(void)bump(&hearer->wrong);
	(void)bump(&hearer->calls);
}

static void a_synchronous_callback_may_not_register_S801(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct hearer hearer = { .engine = engine };
	struct dhp_notify *registration;

	(void)state;
	assert_ok(dhp_notify_register(engine, register_in_start, &hearer, 0, &registration));
	add_positions(engine, 2, 3);
	assert_int_equal(hearer.calls, 2);
	assert_int_equal(hearer.wrong, 0);
	assert_ok(dhp_notify_unregister(registration));
	end_engine(engine);
}

/* ---- race: query and registration against changes of all kinds ---- */

#define MAXIMUM 24u

struct race {
	struct dhp_engine *engine;
	struct gate gate;
	uint64_t stop, wrong, registered;
};

static void *come_and_go(void *argument)
{
	struct race *race = argument;

	gate_pass(&race->gate);
	while (peek(&race->stop) == 0) {
		struct dhp_snapshot snapshot = { .masks_capacity = 0 };
		struct hearer hearer = { .engine = race->engine };
		struct dhp_counts counts = { .generation = 0 };
		uint64_t seen;

		if (dhp_change_query(race->engine, NULL, &snapshot) != DHP_OK)
			(void)bump(&race->wrong);
		seen = snapshot.counts.generation;
		poke(&hearer.last, seen);
		if (dhp_change_register(race->engine, hear, &hearer, &seen, &hearer.registration) != DHP_OK) {
			(void)bump(&race->wrong);
			continue;
		}
		/* What has changed by now is told in the end. */
		if (dhp_counts_read(race->engine, &counts) != DHP_OK ||
		    !wait_for_count(&hearer.last, counts.generation))
			(void)bump(&race->wrong);
		if (dhp_change_unregister(hearer.registration) != DHP_OK)
			(void)bump(&race->wrong);
		(void)__atomic_fetch_add(&race->wrong, peek(&hearer.wrong), __ATOMIC_RELAXED);
		(void)bump(&race->registered);
	}
	return NULL;
}

static void an_arrival_while_another_is_away_is_told_to_its_last_number_S808(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct hearer hearer;

	(void)state;
	register_now(&hearer, engine);
	assert_ok(set_usable(engine, 0, false));
	assert_told(&hearer);
	for (uint32_t position = 2; position < 4; position++) {
		assert_ok(dhp_sim_add(engine, dhp_sim_cpu(engine, position)));
		assert_told(&hearer);
	}
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

static void no_number_is_lost_while_processors_come_and_go_S802_S808(void **state)
{
	struct dhp_engine *engine = make_sim_of(MAXIMUM, 2);
	struct race race = { .engine = engine };
	struct helper helpers[2];
	struct hearer hearer;

	(void)state;
	register_now(&hearer, engine);
	gate_init(&race.gate, 3);
	for (uint32_t i = 0; i < 2; i++)
		helper_start(&helpers[i], come_and_go, &race);
	gate_pass(&race.gate);
	for (uint32_t position = 2; position < MAXIMUM; position++) {
		add_positions(engine, position, position + 1);
		for (uint32_t i = 0; i < 10; i++)
			assert_ok(set_usable(engine, position - 1, i % 2 != 0));
		sleep_us(500);
	}
	poke(&race.stop, 1);
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&helpers[i]);
	assert_told(&hearer);
	assert_int_equal(peek(&race.wrong), 0);
	assert_true(peek(&race.registered) > 0);
	assert_int_equal(counts_of(engine).usable, MAXIMUM);
	assert_ok(dhp_change_unregister(hearer.registration));
	end_engine(engine);
}

/* ---- work of a processor that is away ---- */

static void count_run(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	(void)dpc, (void)a, (void)b;
	(void)bump(context);
}

static void work_aimed_at_a_processor_that_is_away_runs_S006(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct dhp_dpc dpc;
	uint64_t runs = 0;

	(void)state;
	assert_ok(set_usable(engine, 2, false));
	assert_ok(dhp_dpc_init(&dpc, engine, count_run, &runs));
	assert_ok(dhp_dpc_set_target(&dpc, 2));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	assert_int_equal(peek(&runs), 1);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_input_is_refused_S801_S805),
		cmocka_unit_test(a_registration_holds_its_engine_S806),
		cmocka_unit_test(offline_keeps_index_slots_and_counts_and_the_other_channels_are_silent_S006_S235_S804),
		cmocka_unit_test(what_was_so_before_is_no_change_and_one_stays_usable_S804),
		cmocka_unit_test(an_arrival_is_a_change_and_a_failed_one_is_none_S804),
		cmocka_unit_test(an_unchanged_set_is_not_written_S805),
		cmocka_unit_test(who_registers_late_is_called_at_once_S802),
		cmocka_unit_test(changes_during_a_call_are_merged_and_the_last_is_told_S803_S808),
		cmocka_unit_test(unregistration_waits_for_a_running_call_S806),
		cmocka_unit_test(a_call_may_be_the_last_by_its_own_doing_S806),
		cmocka_unit_test(who_is_told_may_register_another_S802),
		cmocka_unit_test(a_synchronous_callback_may_not_register_S801),
		cmocka_unit_test(an_arrival_while_another_is_away_is_told_to_its_last_number_S808),
		cmocka_unit_test(no_number_is_lost_while_processors_come_and_go_S802_S808),
		cmocka_unit_test(work_aimed_at_a_processor_that_is_away_runs_S006),
	};

	return cmocka_run_group_tests_name("change_notify", tests, NULL, NULL);
}
