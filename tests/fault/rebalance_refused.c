/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system refuses memory or a thread to a rebalance's objects: the call fails with the right status, nothing remains, and
 * the next attempt succeeds. The linker puts the two functions below in between (see CMakeLists.txt).
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>

#include <dhp/rebalance.h>

/* Calls by this thread until one is refused; 0: none is. */
static _Thread_local uint32_t memory_countdown, thread_countdown;
static uint64_t threads; /* that were created and not joined */

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	if (memory_countdown != 0 && --memory_countdown == 0)
		return NULL;
	return __real_aligned_alloc(alignment, bytes);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	if (thread_countdown != 0 && --thread_countdown == 0)
		return EAGAIN;
	(void)bump(&threads);
	return __real_pthread_create(thread, attributes, run, argument);
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	(void)__atomic_fetch_sub(&threads, 1, __ATOMIC_RELAXED);
	return __real_pthread_join(thread, result);
}

static const struct dhp_driver driver = { .context = NULL };
static const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

static void pass(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)context;
	(void)status;
	(void)dhp_request_complete(request);
}

static void no_memory_leaves_nothing_behind(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_hold *hold = NULL;
	struct dhp_device *device = NULL;
	struct dhp_feed *feed = NULL;

	(void)state;
	memory_countdown = 1;
	assert_status(dhp_hold_create(engine, pass, NULL, &hold), DHP_NO_MEMORY);
	assert_null(hold);
	assert_ok(dhp_hold_create(engine, pass, NULL, &hold));
	memory_countdown = 1;
	assert_status(dhp_device_register(engine, &options, &device), DHP_NO_MEMORY);
	assert_null(device);
	assert_ok(dhp_device_register(engine, &options, &device));
	memory_countdown = 1;
	assert_status(dhp_feed_create(engine, device, NULL, &feed), DHP_NO_MEMORY);
	assert_null(feed);
	assert_ok(dhp_feed_create(engine, device, NULL, &feed));
	assert_ok(dhp_feed_destroy(feed));
	assert_ok(dhp_device_unregister(device));
	assert_ok(dhp_hold_destroy(hold));
	end_engine(engine);
}

static void no_thread_leaves_nothing_behind(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	uint64_t before = peek(&threads);
	struct dhp_device *device = NULL;

	(void)state;
	for (uint32_t nth = 1; nth <= 2; nth++) {
		thread_countdown = nth;
		assert_status(dhp_device_register(engine, &options, &device), DHP_NO_THREAD);
		assert_null(device);
		assert_int_equal(peek(&threads), before);
		assert_ok(dhp_rebalance_request(engine)); /* nobody takes part: done at once */
		assert_ok(dhp_rebalance_drain(engine));
	}
	assert_ok(dhp_device_register(engine, &options, &device));
	assert_int_equal(peek(&threads), before + 2);
	add_positions(engine, 1, 2);
	assert_ok(dhp_rebalance_drain(engine));
	assert_ok(dhp_device_unregister(device));
	end_engine(engine);
	assert_int_equal(peek(&threads), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_leaves_nothing_behind),
		cmocka_unit_test(no_thread_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("rebalance_refused", tests, NULL, NULL);
}
