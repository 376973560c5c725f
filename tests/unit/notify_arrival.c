/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The asynchronous channel: an arrival some time after a processor came, with no veto.
 */
#include "support.h"

#include <stdlib.h>

#define NAMES 512u

/* Written by one call at a time, read after a drain: a race detector tells if that is not so. */
struct listener {
	struct dhp_engine *engine;
	struct dhp_arrival_notify *handle;
	uint32_t count;
	char names[NAMES][48];
	uint32_t active[NAMES]; /* how many processors were active during the call */
	uint64_t strange;       /* wrong event or class */
	uint32_t who;
	void (*also)(struct listener *me);
	struct listener *other;
	enum dhp_status results[4];
	uint64_t entered, go_on;
	bool slow;
};

/* In which order registrants were called. */
static uint32_t order[1024];
static uint32_t order_count;

static void listen(void *context, const struct dhp_arrival *arrival)
{
	struct listener *me = context;
	uint32_t at = me->count++ % NAMES;
	struct dhp_counts counts = { .active = 0 };

	(void)dhp_counts_read(me->engine, &counts);
	me->active[at] = counts.active;
	(void)snprintf(me->names[at], sizeof(me->names[at]), "%s", arrival->name);
	me->strange += arrival->event != DHP_EVENT_ARRIVAL || arrival->device_class != DHP_CLASS_PROCESSOR;
	order[order_count++ % LENGTH(order)] = me->who;
	if (me->also != NULL)
		me->also(me);
	(void)bump(&me->entered);
	while (me->slow && peek(&me->go_on) == 0)
		sleep_us(50);
}

static enum dhp_status join_list(struct listener *me, struct dhp_engine *engine, uint32_t who, uint32_t flags)
{
	me->engine = engine;
	me->who = who;
	return dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, listen, me, flags, &me->handle);
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

static struct dhp_engine *begin(uint32_t maximum, uint32_t initial)
{
	struct dhp_engine *engine = make_sim_of(maximum, initial);

	order_count = 0;
	return engine;
}

/* ---- arguments ---- */

static void bad_arguments_are_named_S212_S213(void **state)
{
	struct dhp_engine *engine = begin(4, 2);
	struct dhp_arrival_notify *handle = NULL;
	struct listener *me = make_listener();

	(void)state;
	assert_status(dhp_arrival_register(NULL, DHP_CLASS_PROCESSOR, listen, me, 0, &handle), DHP_BAD_ENGINE);
	assert_status(dhp_arrival_register(engine, (enum dhp_device_class)2, listen, me, 0, &handle), DHP_BAD_CLASS);
	assert_status(dhp_arrival_register(engine, (enum dhp_device_class)UINT32_MAX, listen, me, 0, &handle),
		      DHP_BAD_CLASS);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, NULL, me, 0, &handle), DHP_BAD_CALLBACK);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, listen, me, 2, &handle), DHP_BAD_FLAGS);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, listen, me, 5, &handle), DHP_BAD_FLAGS);
	assert_status(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, listen, me, 0, NULL), DHP_BAD_RESULT);
	assert_status(dhp_arrival_drain(NULL), DHP_BAD_ENGINE);
	assert_null(handle);
	add_positions(engine, 2, 3);
	drain(engine);
	assert_int_equal(me->count, 0);
	end_engine(engine);
	free(me);
}

/* ---- delivery ---- */

static void one_arrival_for_each_processor_and_the_registration_stays_S208_S229_S237(void **state)
{
	struct dhp_engine *engine = begin(12, 2);
	struct listener *me = make_listener();

	(void)state;
	assert_ok(join_list(me, engine, 0, 0));
	assert_int_equal(me->count, 0);
	for (uint32_t position = 2; position < 12; position++) {
		assert_ok(add_position(engine, position));
		drain(engine);
		assert_int_equal(me->count, position - 1);
		/* S-223: by then the processor is there */
		assert_true(me->active[position - 2] >= position + 1);
	}
	assert_int_equal(me->strange, 0); /* S-222 */
	for (uint32_t i = 0; i < me->count; i++)
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(me->names[i], me->names[k]);
	dhp_arrival_unregister(me->handle);
	end_engine(engine);
	free(me);
}

static void include_existing_calls_before_the_return_with_the_same_names_S206_S211_S225(void **state)
{
	struct dhp_engine *engine = begin(8, 1);
	struct listener *early = make_listener(), *late = make_listener();

	(void)state;
	assert_ok(join_list(early, engine, 0, DHP_NOTIFY_EXISTING));
	assert_int_equal(early->count, 1);
	add_positions(engine, 1, 6);
	drain(engine);
	assert_int_equal(early->count, 6);
	assert_ok(join_list(late, engine, 1, DHP_NOTIFY_EXISTING));
	assert_int_equal(late->count, 6);
	assert_int_equal(late->strange, 0);
	for (uint32_t i = 0; i < 6; i++)
		assert_string_equal(late->names[i], early->names[i]);
	assert_int_equal(early->count, 6); /* the replay is for the new one only */
	add_positions(engine, 6, 7);
	drain(engine);
	assert_int_equal(late->count, 7);
	assert_string_equal(late->names[6], early->names[6]);
	dhp_arrival_unregister(early->handle);
	dhp_arrival_unregister(late->handle);
	end_engine(engine);
	free(early);
	free(late);
}

static void registrants_are_called_in_order_of_registration_and_events_in_order_S230_S231(void **state)
{
	struct dhp_engine *engine = begin(40, 1);
	struct listener *listeners[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		listeners[i] = make_listener();
		assert_ok(join_list(listeners[i], engine, i, 0));
	}
	/* The first call holds the others up, so that several events wait together. */
	listeners[0]->slow = true;
	add_positions(engine, 1, 2);
	assert_true(wait_for_count(&listeners[0]->entered, 1));
	add_positions(engine, 2, 40);
	poke(&listeners[0]->go_on, 1);
	drain(engine);
	assert_int_equal(order_count, 3 * 39);
	for (uint32_t i = 0; i < order_count; i++)
		assert_int_equal(order[i], i % 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(listeners[i]->count, 39);
		for (uint32_t k = 0; k < 39; k++) {
			char name[48];

			(void)snprintf(name, sizeof(name), "processor-%u", dhp_sim_cpu(engine, k + 1));
			assert_string_equal(listeners[i]->names[k], name);
		}
		dhp_arrival_unregister(listeners[i]->handle);
		free(listeners[i]);
	}
	end_engine(engine);
}

static void a_failed_add_produces_no_arrival_S236(void **state)
{
	struct dhp_engine *engine = begin(4, 1);
	struct listener *me = make_listener();

	(void)state;
	assert_ok(join_list(me, engine, 0, 0));
	for (uint32_t step = DHP_STEP_RESERVE; step <= DHP_STEP_BRING_UP; step++) {
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 1), (enum dhp_step)step, DHP_INJECTED));
		assert_status(add_position(engine, 1), DHP_INJECTED);
	}
	drain(engine);
	assert_int_equal(me->count, 0);
	assert_ok(add_position(engine, 1));
	drain(engine);
	assert_int_equal(me->count, 1);
	dhp_arrival_unregister(me->handle);
	end_engine(engine);
	free(me);
}

/* ---- against the synchronous channel: S-014, S-017 ---- */

struct completes {
	uint64_t returned;
	uint64_t early; /* an arrival came before the Complete of the same processor had returned everywhere */
};

static void complete_slowly(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct completes *completes = context;

	(void)status;
	if (change->state != DHP_CHANGE_COMPLETE)
		return;
	sleep_us(300);
	(void)bump(&completes->returned);
}

static uint64_t arrivals_seen;

static void compare(void *context, const struct dhp_arrival *arrival)
{
	struct completes *completes = context;

	(void)arrival;
	/* Two registrants of the other channel: two Completes for each processor. */
	completes->early += peek(&completes->returned) < 2 * (bump(&arrivals_seen) + 1);
}

static void an_arrival_comes_after_every_complete_has_returned_S014_S017(void **state)
{
	struct dhp_engine *engine = begin(40, 1);
	struct completes completes = { .returned = 0 };
	struct dhp_arrival_notify *arrival;
	struct dhp_notify *notify[2];

	(void)state;
	poke(&arrivals_seen, 0);
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, compare, &completes, 0, &arrival));
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_notify_register(engine, complete_slowly, &completes, 0, &notify[i]));
	add_positions(engine, 1, 40);
	drain(engine);
	assert_int_equal(peek(&arrivals_seen), 39);
	assert_int_equal(completes.early, 0);
	dhp_arrival_unregister(arrival);
	for (uint32_t i = 0; i < 2; i++)
		dhp_notify_unregister(notify[i]);
	end_engine(engine);
}

/* ---- registering while processors arrive: never missed, at most twice ---- */

struct adder {
	struct dhp_engine *engine;
	struct gate *gate;
	uint32_t last;
	uint64_t failed;
};

static void *add_all(void *argument)
{
	struct adder *adder = argument;

	gate_pass(adder->gate);
	for (uint32_t position = 1; position < adder->last; position++)
		adder->failed += add_position(adder->engine, position) != DHP_OK;
	return NULL;
}

static uint32_t times_named(const struct listener *me, const char *name)
{
	uint32_t times = 0;

	for (uint32_t i = 0; i < me->count; i++)
		times += strcmp(me->names[i], name) == 0;
	return times;
}

static void a_device_is_reported_once_or_twice_never_more_and_never_missed_S207_S210(void **state)
{
	enum { MOST = 60, LISTENERS = 6 };

	(void)state;
	for (uint32_t round = 0; round < TIMES(20); round++) {
		struct dhp_engine *engine = make_sim_of(MOST, 1);
		struct listener *listeners[LISTENERS];
		struct helper helper;
		struct gate gate;
		struct adder adder = { .engine = engine, .gate = &gate, .last = MOST };

		gate_init(&gate, 2);
		helper_start(&helper, add_all, &adder);
		gate_pass(&gate);
		for (uint32_t i = 0; i < LISTENERS; i++) {
			listeners[i] = make_listener();
			sleep_us((round * 37 + i * 11) % 100);
			assert_ok(join_list(listeners[i], engine, i, DHP_NOTIFY_EXISTING));
		}
		helper_join(&helper);
		assert_int_equal(adder.failed, 0);
		drain(engine);
		for (uint32_t i = 0; i < LISTENERS; i++) {
			for (uint32_t position = 0; position < MOST; position++) {
				char name[48];
				uint32_t times;

				(void)snprintf(name, sizeof(name), "processor-%u", dhp_sim_cpu(engine, position));
				times = times_named(listeners[i], name);
				assert_in_range(times, 1, 2);
			}
			dhp_arrival_unregister(listeners[i]->handle);
			free(listeners[i]);
		}
		end_engine(engine);
	}
}

/* ---- unregistering ---- */

static void leave(struct listener *me)
{
	dhp_arrival_unregister(me->handle);
	me->handle = NULL;
	me->also = NULL;
}

static void from_its_own_callback_it_does_not_wait_and_hears_no_more_S242(void **state)
{
	struct dhp_engine *engine = begin(6, 1);
	struct listener *me = make_listener(), *after = make_listener();

	(void)state;
	me->also = leave;
	assert_ok(join_list(me, engine, 0, 0));
	assert_ok(join_list(after, engine, 1, 0));
	add_positions(engine, 1, 3);
	drain(engine);
	assert_int_equal(me->count, 1);
	assert_int_equal(after->count, 2); /* the round went on */
	dhp_arrival_unregister(after->handle);
	end_engine(engine);
	free(me);
	free(after);
}

static void remove_the_other(struct listener *me)
{
	if (me->other != NULL)
		dhp_arrival_unregister(me->other->handle);
	me->other = NULL;
}

static void removed_by_another_before_its_turn_it_is_skipped_S230(void **state)
{
	struct dhp_engine *engine = begin(6, 1);
	struct listener *first = make_listener(), *second = make_listener(), *third = make_listener();

	(void)state;
	first->also = remove_the_other;
	first->other = second;
	assert_ok(join_list(first, engine, 0, 0));
	assert_ok(join_list(second, engine, 1, 0));
	assert_ok(join_list(third, engine, 2, 0));
	add_positions(engine, 1, 2);
	drain(engine);
	assert_int_equal(first->count, 1);
	assert_int_equal(second->count, 0);
	assert_int_equal(third->count, 1);
	dhp_arrival_unregister(first->handle);
	dhp_arrival_unregister(third->handle);
	end_engine(engine);
	free(first);
	free(second);
	free(third);
}

struct leaver {
	struct listener *listener;
	uint64_t begun;
	uint64_t returned;
};

static void *unregister_it(void *argument)
{
	struct leaver *leaver = argument;

	(void)bump(&leaver->begun);
	dhp_arrival_unregister(leaver->listener->handle);
	(void)bump(&leaver->returned);
	return NULL;
}

static void the_waiting_form_waits_for_a_call_in_progress_S241(void **state)
{
	struct dhp_engine *engine = begin(6, 1);
	struct listener *me = make_listener();
	struct leaver leaver = { .listener = me };
	struct helper helper;

	(void)state;
	me->slow = true;
	assert_ok(join_list(me, engine, 0, 0));
	add_positions(engine, 1, 2);
	assert_true(wait_for_count(&me->entered, 1));
	helper_start(&helper, unregister_it, &leaver);
	assert_true(wait_for_count(&leaver.begun, 1));
	sleep_us(20000);
	assert_int_equal(peek(&leaver.returned), 0); /* it cannot return, however long this takes */
	poke(&me->go_on, 1);
	helper_join(&helper);
	free(me);
	add_positions(engine, 2, 4);
	drain(engine);
	end_engine(engine);
}

static void the_other_form_does_not_wait_and_the_call_is_the_last_S240_S245(void **state)
{
	struct dhp_engine *engine = begin(6, 1);
	struct listener *me = make_listener();

	(void)state;
	me->slow = true;
	assert_ok(join_list(me, engine, 0, 0));
	add_positions(engine, 1, 2);
	assert_true(wait_for_count(&me->entered, 1));
	dhp_arrival_unregister_nowait(me->handle); /* the call still runs: it waits for us */
	poke(&me->go_on, 1);
	add_positions(engine, 2, 4);
	drain(engine);
	assert_int_equal(me->count, 1);
	free(me); /* after the drain */
	end_engine(engine);
}

static void the_other_form_removes_an_idle_registration_at_once_S240(void **state)
{
	struct dhp_engine *engine = begin(6, 1);
	struct listener *me = make_listener();

	(void)state;
	assert_ok(join_list(me, engine, 0, 0));
	dhp_arrival_unregister_nowait(me->handle);
	add_positions(engine, 1, 3);
	drain(engine);
	assert_int_equal(me->count, 0);
	free(me);
	end_engine(engine);
}

/* ---- the context is freed right after the waiting form, under load ---- */

struct comer {
	struct dhp_engine *engine;
	struct gate *gate;
	uint64_t over;
	uint64_t times;
	uint64_t wrong;
};

static void count_call(void *context, const struct dhp_arrival *arrival)
{
	uint64_t *count = context;

	(void)arrival;
	(*count)++;
}

static void *come_and_go(void *argument)
{
	struct comer *comer = argument;

	gate_pass(comer->gate);
	for (uint32_t i = 0; peek(&comer->over) == 0; i++) {
		uint64_t *count = calloc(1, sizeof(*count));
		struct dhp_arrival_notify *handle = NULL;

		if (count == NULL)
			break;
		comer->wrong += dhp_arrival_register(comer->engine, DHP_CLASS_PROCESSOR, count_call, count, i & 1,
						     &handle) != DHP_OK;
		dhp_arrival_unregister(handle);
		*count = UINT64_MAX;
		free(count);
		(void)bump(&comer->times);
	}
	return NULL;
}

static void contexts_are_freed_right_after_unregister_under_load_S241_S244_S245(void **state)
{
	enum { MOST = 250 };
	struct dhp_engine *engine = make_sim_of(MOST, 1);
	struct comer comers[2];
	struct helper helpers[2];
	struct gate gate;

	(void)state;
	gate_init(&gate, 3);
	for (uint32_t i = 0; i < 2; i++) {
		comers[i] = (struct comer){ .engine = engine, .gate = &gate };
		helper_start(&helpers[i], come_and_go, &comers[i]);
	}
	gate_pass(&gate);
	add_positions(engine, 1, MOST);
	drain(engine);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(wait_for_count(&comers[i].times, 1)); /* a busy machine may have kept it from coming */
		poke(&comers[i].over, 1);
		helper_join(&helpers[i]);
		assert_int_equal(comers[i].wrong, 0);
	}
	end_engine(engine);
}

/* ---- what a callback may not do, and the drain ---- */

static void try_calls(struct listener *me)
{
	me->results[0] = dhp_arrival_drain(me->engine);
	me->results[1] = dhp_engine_destroy(me->engine);
}

static void a_callback_may_neither_drain_nor_destroy(void **state)
{
	struct dhp_engine *engine = begin(6, 1);
	struct listener *me = make_listener();

	(void)state;
	me->also = try_calls;
	assert_ok(join_list(me, engine, 0, 0));
	add_positions(engine, 1, 2);
	drain(engine);
	assert_status(me->results[0], DHP_IN_CALLBACK);
	assert_status(me->results[1], DHP_IN_CALLBACK);
	memset(me->results, 0, sizeof(me->results));
	dhp_arrival_unregister(me->handle);
	assert_ok(join_list(me, engine, 0, DHP_NOTIFY_EXISTING));
	assert_status(me->results[0], DHP_IN_CALLBACK); /* in the replay too */
	assert_status(me->results[1], DHP_IN_CALLBACK);
	dhp_arrival_unregister(me->handle);
	end_engine(engine);
	free(me);
}

static enum dhp_status drained_in_start;

static void drain_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status;
	if (change->state == DHP_CHANGE_START)
		drained_in_start = dhp_arrival_drain(context);
}

static void the_drain_is_refused_in_a_synchronous_callback(void **state)
{
	struct dhp_engine *engine = begin(4, 1);
	struct dhp_notify *handle;

	(void)state;
	drained_in_start = DHP_OK;
	assert_ok(dhp_notify_register(engine, drain_in_start, engine, 0, &handle));
	add_positions(engine, 1, 2);
	assert_status(drained_in_start, DHP_IN_CALLBACK);
	dhp_notify_unregister(handle);
	end_engine(engine);
}

static void a_drain_waits_for_all_that_happened_before(void **state)
{
	struct dhp_engine *engine = begin(200, 1);
	struct listener *me = make_listener();

	(void)state;
	assert_ok(join_list(me, engine, 0, 0));
	for (uint32_t position = 1; position < 200; position++) {
		assert_ok(add_position(engine, position));
		if (position % 7 == 0) {
			drain(engine);
			assert_int_equal(me->count, position);
		}
	}
	dhp_arrival_unregister(me->handle);
	end_engine(engine);
	free(me);
}

static void what_is_on_its_way_when_the_engine_ends_disturbs_nobody(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < TIMES(50); round++) {
		struct dhp_engine *engine = make_sim_of(8, 1);
		struct listener *me = make_listener();

		assert_ok(join_list(me, engine, 0, 0));
		add_positions(engine, 1, 8);
		dhp_arrival_unregister(me->handle);
		free(me);
		end_engine(engine);
	}
}

/* I5 of arrival.c: held, so that what is posted would still be on its way. */
static void what_came_before_anybody_listened_is_heard_once_S206_S208(void **state)
{
	struct dhp_engine *engine = begin(8, 1);
	struct listener *me = make_listener(), *later = make_listener();

	(void)state;
	assert_ok(dhp_sim_arrivals_hold(engine, true));
	add_positions(engine, 1, 4);
	drain(engine); /* nothing is posted that nobody is told of */
	assert_ok(join_list(me, engine, 0, DHP_NOTIFY_EXISTING));
	assert_ok(join_list(later, engine, 1, 0));
	assert_int_equal(me->count, 4);
	add_positions(engine, 4, 6);
	assert_ok(dhp_sim_arrivals_hold(engine, false));
	drain(engine);
	assert_int_equal(me->count, 6);
	assert_int_equal(later->count, 2);
	assert_int_equal(me->strange + later->strange, 0);
	dhp_arrival_unregister(me->handle);
	dhp_arrival_unregister(later->handle);
	add_positions(engine, 6, 7);
	drain(engine);
	assert_int_equal(me->count, 6);
	end_engine(engine);
	free(me);
	free(later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_before_anybody_listened_is_heard_once_S206_S208),
		cmocka_unit_test(bad_arguments_are_named_S212_S213),
		cmocka_unit_test(one_arrival_for_each_processor_and_the_registration_stays_S208_S229_S237),
		cmocka_unit_test(include_existing_calls_before_the_return_with_the_same_names_S206_S211_S225),
		cmocka_unit_test(registrants_are_called_in_order_of_registration_and_events_in_order_S230_S231),
		cmocka_unit_test(a_failed_add_produces_no_arrival_S236),
		cmocka_unit_test(an_arrival_comes_after_every_complete_has_returned_S014_S017),
		cmocka_unit_test(a_device_is_reported_once_or_twice_never_more_and_never_missed_S207_S210),
		cmocka_unit_test(from_its_own_callback_it_does_not_wait_and_hears_no_more_S242),
		cmocka_unit_test(removed_by_another_before_its_turn_it_is_skipped_S230),
		cmocka_unit_test(the_waiting_form_waits_for_a_call_in_progress_S241),
		cmocka_unit_test(the_other_form_does_not_wait_and_the_call_is_the_last_S240_S245),
		cmocka_unit_test(the_other_form_removes_an_idle_registration_at_once_S240),
		cmocka_unit_test(contexts_are_freed_right_after_unregister_under_load_S241_S244_S245),
		cmocka_unit_test(a_callback_may_neither_drain_nor_destroy),
		cmocka_unit_test(the_drain_is_refused_in_a_synchronous_callback),
		cmocka_unit_test(a_drain_waits_for_all_that_happened_before),
		cmocka_unit_test(what_is_on_its_way_when_the_engine_ends_disturbs_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
