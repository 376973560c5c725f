/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU that is coming up can be seen before a thread can be pinned to it: the worker is refused a few times, and the
 * processor arrives all the same, after one look, two and four more.
 *
 * The linker puts __wrap_pthread_create between the engine and the C library (--wrap, see CMakeLists.txt).
 */
#include "child.h"

#include <errno.h>
#include <pthread.h>

#define TRIES 3u
/* A stack of our own size that is refused is followed by one of the system's size. */
#define CALLS_A_TRY 2u

static uint64_t refusals; /* still to come; threads are made one at a time then */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	if (peek(&refusals) == 0)
		return __real_pthread_create(thread, attributes, run, argument);
	poke(&refusals, peek(&refusals) - 1);
	return EINVAL; /* what the kernel says of such a CPU */
}

struct heard {
	struct dhp_engine *engine;
	uint64_t starts, failures, completes, wrong;
	uint64_t looks_at_first_failure, looks_at_complete;
};

static uint64_t looks(struct heard *heard)
{
	struct dhp_engine_stats stats = { .rescans_count = 0 };

	if (dhp_failed(dhp_engine_stats_read(heard->engine, &stats)))
		(void)bump(&heard->wrong);
	return stats.rescans_count;
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct heard *heard = context;

	(void)status;
	if (change->index != 1 || (change->state == DHP_CHANGE_FAILURE && change->status != DHP_NO_AFFINITY))
		(void)bump(&heard->wrong);
	if (change->state == DHP_CHANGE_START)
		(void)bump(&heard->starts);
	if (change->state == DHP_CHANGE_FAILURE && bump(&heard->failures) == 0)
		heard->looks_at_first_failure = looks(heard);
	if (change->state == DHP_CHANGE_COMPLETE) {
		heard->looks_at_complete = looks(heard);
		(void)bump(&heard->completes);
	}
}

static void pin_refused_at_first_is_tried_again_soon(void **state)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 5 };
	static struct heard heard;
	struct dhp_notify *notify = NULL;
	uint32_t cpus[2];

	(void)state;
	if (usable_cpus(cpus, 2) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	assert_true(confine(0, cpus, 1));
	assert_ok(dhp_engine_create(&options, &heard.engine));
	assert_ok(dhp_notify_register(heard.engine, hear, &heard, 0, &notify));
	poke(&refusals, TRIES * CALLS_A_TRY);
	assert_true(confine(0, cpus, 2));
	assert_true(wait_for_count(&heard.completes, 1));
	assert_ok(dhp_notify_unregister(notify)); /* from here on nobody else writes */
	assert_int_equal(heard.failures, TRIES);
	assert_int_equal(heard.starts, TRIES + 1);
	assert_int_equal(heard.looks_at_complete - heard.looks_at_first_failure, 1 + 2 + 4);
	assert_int_equal(heard.wrong, 0);
	assert_ok(dhp_engine_destroy(heard.engine));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pin_refused_at_first_is_tried_again_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
