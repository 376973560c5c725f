/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the contract leaves open, shown to clients both ways: the second call in the thread of the first or in another one;
 * Failure for the vetoer, or none.
 */
#include "notify_log.h"

#include <errno.h>

#define LISTENERS 3u

static struct registrant listeners[LISTENERS];

static struct dhp_engine *begin(uint32_t flags)
{
	const struct sim_setup setup = { .maximum = 8, .initial = 2, .flags = flags };
	struct dhp_engine *engine = make_sim(&setup);

	forget_calls();
	for (uint32_t i = 0; i < LISTENERS; i++) {
		listeners[i] = registrant_of(i, engine);
		assert_ok(join_list(&listeners[i], 0));
	}
	return engine;
}

static void finish(struct dhp_engine *engine)
{
	for (uint32_t i = 0; i < LISTENERS; i++)
		leave_list(&listeners[i]);
	end_engine(engine);
}

static void fail_bring_up(struct dhp_engine *engine, uint32_t position)
{
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, position), DHP_STEP_BRING_UP, DHP_INJECTED));
	assert_status(add_position(engine, position), DHP_INJECTED);
}

/* ---- two threads ---- */

static void assert_two_threads(enum dhp_change_state second)
{
	assert_int_equal(calls_count, 2 * LISTENERS);
	for (uint32_t i = 0; i < LISTENERS; i++) {
		assert_call(i, i, DHP_CHANGE_START, 2);
		assert_true(pthread_equal(calls[i].thread, pthread_self()));
		assert_call(LISTENERS + i, i, second, 2);
		assert_false(pthread_equal(calls[LISTENERS + i].thread, pthread_self()));
		assert_true(pthread_equal(calls[LISTENERS + i].thread, calls[LISTENERS].thread)); /* one for all */
	}
}

static void with_two_threads_the_second_call_comes_elsewhere_S159(void **state)
{
	struct dhp_engine *engine = begin(DHP_ENGINE_TWO_THREADS);

	(void)state;
	listeners[1].veto_at = 2;
	assert_status(add_position(engine, 2), DHP_NO_MEMORY);
	assert_two_threads(DHP_CHANGE_FAILURE); /* after a veto */
	listeners[1].veto_at = DHP_NO_INDEX;
	forget_calls();
	fail_bring_up(engine, 2);
	assert_two_threads(DHP_CHANGE_FAILURE);
	forget_calls();
	assert_ok(add_position(engine, 2));
	assert_two_threads(DHP_CHANGE_COMPLETE);
	finish(engine);
}

/* A client that leans on one thread: it gives back in the second call the lock that it took in Start. */
struct leaning {
	pthread_mutex_t lock; /* knows its owner */
	int given_back;       /* what that gave */
};

static void lean(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct leaning *leaning = context;

	(void)status;
	if (change->state == DHP_CHANGE_START)
		(void)pthread_mutex_lock(&leaning->lock);
	else
		leaning->given_back = pthread_mutex_unlock(&leaning->lock);
}

static int lean_in(uint32_t flags)
{
	const struct sim_setup setup = { .maximum = 2, .initial = 1, .flags = flags };
	struct dhp_engine *engine = make_sim(&setup);
	struct leaning leaning = { .given_back = -1 };
	struct dhp_notify *handle;
	pthread_mutexattr_t attributes;

	(void)pthread_mutexattr_init(&attributes);
	(void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	(void)pthread_mutex_init(&leaning.lock, &attributes);
	assert_ok(dhp_notify_register(engine, lean, &leaning, 0, &handle));
	assert_ok(add_position(engine, 1));
	assert_ok(dhp_notify_unregister(handle));
	if (leaning.given_back != 0)
		assert_int_equal(pthread_mutex_unlock(&leaning.lock), 0);
	(void)pthread_mutex_destroy(&leaning.lock);
	(void)pthread_mutexattr_destroy(&attributes);
	end_engine(engine);
	return leaning.given_back;
}

static void a_client_that_leans_on_one_thread_works_and_is_found_with_two_S159(void **state)
{
	(void)state;
	assert_int_equal(lean_in(0), 0);
#if !UNDER_TSAN
	assert_int_equal(lean_in(DHP_ENGINE_TWO_THREADS), EPERM); /* a race detector would call it an error itself */
#endif
}

static enum dhp_status refused[2];
static enum dhp_level level;

static void try_what_is_refused(struct registrant *me, const struct dhp_processor_change *change)
{
	struct registrant another = registrant_of(99, me->engine);

	if (change->state == DHP_CHANGE_START)
		return;
	level = dhp_level();
	refused[0] = join_list(&another, 0);
	refused[1] = add_position(me->engine, 5);
	leave_list(me); /* it does not wait for itself */
}

static void the_second_thread_counts_as_the_one_that_adds_S159_S193_S196_S185(void **state)
{
	struct dhp_engine *engine = begin(DHP_ENGINE_TWO_THREADS);

	(void)state;
	refused[0] = refused[1] = DHP_OK;
	level = DHP_DISPATCH;
	listeners[1].also = try_what_is_refused;
	assert_ok(add_position(engine, 2));
	assert_status(refused[0], DHP_IN_CALLBACK);
	assert_status(refused[1], DHP_IN_CALLBACK);
	assert_int_equal(level, DHP_PASSIVE);
	forget_calls();
	assert_ok(add_position(engine, 3)); /* and the one that adds holds what it held */
	assert_int_equal(calls_count, 2 * (LISTENERS - 1));
	finish(engine);
}

static enum dhp_status in_destructor;

static void register_in_destructor(void *slot, const struct dhp_processor *processor, void *context)
{
	struct registrant another = registrant_of(99, context);

	(void)slot;
	(void)processor;
	in_destructor = join_list(&another, 0);
}

/* After Failure the thread that adds goes on undoing, and would wait for itself if it did not count any more. */
static void and_after_that_the_one_that_adds_counts_again_S159(void **state)
{
	struct dhp_engine *engine = begin(DHP_ENGINE_TWO_THREADS);
	const struct dhp_percpu_options options = {
		.size = sizeof(options), .slot_bytes = 64, .destruct = register_in_destructor, .context = engine,
	};
	struct dhp_percpu *array;

	(void)state;
	in_destructor = DHP_OK;
	assert_ok(dhp_percpu_create(engine, &options, &array));
	fail_bring_up(engine, 2);
	assert_status(in_destructor, DHP_IN_CALLBACK);
	assert_ok(dhp_percpu_destroy(array));
	finish(engine);
}

/* ---- no Failure for the vetoer ---- */

static void the_vetoer_excluded_the_others_hear_failure_S178(void **state)
{
	struct dhp_engine *engine = begin(DHP_ENGINE_VETOER_EXCLUDED);

	(void)state;
	for (uint32_t vetoer = 0; vetoer < LISTENERS; vetoer++) {
		uint32_t at = LISTENERS;

		forget_calls();
		listeners[vetoer].veto_at = 2;
		assert_status(add_position(engine, 2), DHP_NO_MEMORY);
		assert_int_equal(calls_count, 2 * LISTENERS - 1);
		for (uint32_t i = 0; i < LISTENERS; i++) {
			assert_call(i, i, DHP_CHANGE_START, 2);
			if (i == vetoer)
				continue;
			assert_call(at, i, DHP_CHANGE_FAILURE, 2);
			assert_status(calls[at].change.status, DHP_NO_MEMORY);
			assert_status(calls[at++].on_entry, DHP_NO_MEMORY);
		}
		listeners[vetoer].veto_at = DHP_NO_INDEX;
	}
	forget_calls();
	fail_bring_up(engine, 2); /* nobody vetoed: all hear of it */
	assert_int_equal(calls_count, 2 * LISTENERS);
	forget_calls();
	assert_ok(add_position(engine, 2));
	assert_int_equal(calls_count, 2 * LISTENERS);
	finish(engine);
}

static void of_two_vetoers_both_are_excluded_S178_S177(void **state)
{
	struct dhp_engine *engine = begin(DHP_ENGINE_VETOER_EXCLUDED | DHP_ENGINE_TWO_THREADS);

	(void)state;
	listeners[0].veto_at = listeners[2].veto_at = 2;
	listeners[2].veto = DHP_TOO_SMALL;
	assert_status(add_position(engine, 2), DHP_NO_MEMORY);
	assert_int_equal(calls_count, LISTENERS + 1);
	assert_call(LISTENERS, 1, DHP_CHANGE_FAILURE, 2);
	assert_status(calls[LISTENERS].change.status, DHP_NO_MEMORY);
	finish(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_two_threads_the_second_call_comes_elsewhere_S159),
		cmocka_unit_test(a_client_that_leans_on_one_thread_works_and_is_found_with_two_S159),
		cmocka_unit_test(the_second_thread_counts_as_the_one_that_adds_S159_S193_S196_S185),
		cmocka_unit_test(and_after_that_the_one_that_adds_counts_again_S159),
		cmocka_unit_test(the_vetoer_excluded_the_others_hear_failure_S178),
		cmocka_unit_test(of_two_vetoers_both_are_excluded_S178_S177),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
