/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU that is coming up can be seen before a thread can be pinned to it: that is tried before anybody hears Start, and the
 * processor arrives after one look, two and four more. If its worker is refused all the same, the registrants hear Failure.
 *
 * The linker puts __wrap_pthread_create between the engine and the C library (--wrap, see CMakeLists.txt).
 */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define TRIES 3u
/* A stack of our own size that is refused is followed by one of the system's size. */
#define CALLS_A_TRY 2u

static uint64_t grants, refusals; /* still to come, in this order; threads are made one at a time then */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

static bool pins(const pthread_attr_t *attributes)
{
	cpu_set_t affinity;

	return attributes != NULL && pthread_attr_getaffinity_np(attributes, sizeof(affinity), &affinity) == 0 &&
	       CPU_COUNT(&affinity) == 1;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	uint64_t *next = peek(&grants) != 0 ? &grants : &refusals;

	if (peek(next) == 0 || !pins(attributes))
		return __real_pthread_create(thread, attributes, run, argument);
	poke(next, peek(next) - 1);
	return next == &grants ? __real_pthread_create(thread, attributes, run, argument)
			       : EINVAL; /* what the kernel says of such a CPU */
}

struct heard {
	struct dhp_engine *engine;
	uint32_t newcomer;
	uint64_t starts, failures, completes, wrong;
	uint64_t tries, failed, looks_at_first_try, looks_at_complete;
};

static struct dhp_engine_stats stats_of(struct heard *heard)
{
	struct dhp_engine_stats stats = { .rescans_count = 0 };

	if (dhp_failed(dhp_engine_stats_read(heard->engine, &stats)))
		(void)bump(&heard->wrong);
	return stats;
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct heard *heard = context;

	(void)status;
	if (change->index != 1 || (change->state == DHP_CHANGE_FAILURE && change->status != DHP_NO_AFFINITY))
		(void)bump(&heard->wrong);
	if (change->state == DHP_CHANGE_START)
		(void)bump(&heard->starts);
	if (change->state == DHP_CHANGE_FAILURE)
		(void)bump(&heard->failures);
	if (change->state == DHP_CHANGE_COMPLETE) {
		heard->looks_at_complete = stats_of(heard).rescans_count;
		heard->failed = stats_of(heard).arrivals_failed_count;
		(void)bump(&heard->completes);
	}
}

/* Under the partition's lock, like the callback. */
static void trace(void *context, const struct dhp_trace_event *event)
{
	struct heard *heard = context;

	if (event->kind == DHP_TRACE_ENTER && event->cpu == heard->newcomer && strcmp(event->step, "reserve") == 0 &&
	    heard->tries++ == 0)
		heard->looks_at_first_try = stats_of(heard).rescans_count;
}

/* An engine on one CPU whose process is given a second one, while threads are granted and then refused. */
static void widen(struct heard *heard, uint64_t granted, uint64_t refused)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 5, .trace = trace,
		.trace_context = heard };
	struct dhp_notify *notify = NULL;
	uint32_t cpus[2];

	if (usable_cpus(cpus, 2) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	heard->newcomer = cpus[1];
	assert_true(confine(0, cpus, 1));
	assert_ok(dhp_engine_create(&options, &heard->engine));
	assert_ok(dhp_notify_register(heard->engine, hear, heard, 0, &notify));
	poke(&grants, granted);
	poke(&refusals, refused);
	assert_true(confine(0, cpus, 2));
	assert_true(wait_for_count(&heard->completes, 1));
	assert_ok(dhp_notify_unregister(notify)); /* from here on nobody else writes */
	assert_int_equal(heard->wrong, 0);
	assert_ok(dhp_engine_destroy(heard->engine));
}

static void nobody_hears_of_a_processor_that_cannot_be_pinned_to_yet_S145(void **state)
{
	static struct heard heard;

	(void)state;
	widen(&heard, 0, TRIES * CALLS_A_TRY);
	assert_int_equal(heard.starts, 1);
	assert_int_equal(heard.failures, 0);
	assert_int_equal(heard.tries, TRIES + 1);
	assert_int_equal(heard.failed, TRIES);
	assert_int_equal(heard.looks_at_complete - heard.looks_at_first_try, 1 + 2 + 4);
}

static void worker_that_is_refused_all_the_same_means_Failure_and_another_try_S147(void **state)
{
	static struct heard heard;

	(void)state;
	widen(&heard, 1, CALLS_A_TRY);
	assert_int_equal(heard.starts, 2);
	assert_int_equal(heard.failures, 1);
	assert_int_equal(heard.tries, 2);
	assert_int_equal(heard.looks_at_complete - heard.looks_at_first_try, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_hears_of_a_processor_that_cannot_be_pinned_to_yet_S145),
		cmocka_unit_test(worker_that_is_refused_all_the_same_means_Failure_and_another_try_S147),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
