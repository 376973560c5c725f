/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waker_stopped.c - a thread is stopped right before the system call that wakes somebody; who waits for that somebody wakes it.
 */
#include "support.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "port.h"

#define ROUNDS 20u

static struct dhp_engine *engine;
static struct at_u32 stopped, go_on, reclaimed;
static __thread bool stops;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

static void stop_here(void)
{
	stops = false;
	at_store_release_u32(&stopped, 1); /* to who waits in the test */
	while (at_load_acquire_u32(&go_on) == 0) /* from the test */
		port_yield();
}

long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list list;

	va_start(list, number);
	for (uint32_t i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE && stops)
		stop_here();
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void reclaim(struct dhp_deferred *deferred)
{
	free(deferred);
	(void)at_fetch_add_relaxed_u32(&reclaimed, 1); /* relaxed: the drain orders */
}

static void defer_one(void)
{
	struct dhp_deferred *deferred = calloc(1, sizeof(*deferred));

	if (deferred != NULL)
		(void)dhp_epoch_defer(engine, deferred, reclaim);
}

/* Until the reclaimer slept, so that there was somebody to wake. */
static void *defer_until_stopped(void *unused)
{
	(void)unused;
	stops = true;
	while (stops) {
		defer_one();
		port_sleep_ns(2000000);
	}
	return NULL;
}

static void a_drain_ends_though_who_defers_is_stopped(void **state)
{
	pthread_t thread;

	(void)state;
	engine = make_sim_of(1, 1);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		at_store_relaxed_u32(&stopped, 0); /* relaxed: the thread does not exist yet */
		at_store_relaxed_u32(&go_on, 0);   /* relaxed: likewise */
		assert_int_equal(pthread_create(&thread, NULL, defer_until_stopped, NULL), 0);
		while (at_load_acquire_u32(&stopped) == 0) /* by the thread */
			port_yield();
		(void)alarm(60); /* it would not end */
		assert_ok(dhp_epoch_drain(engine));
		(void)alarm(0);
		at_store_release_u32(&go_on, 1); /* to the thread */
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_true(at_load_relaxed_u32(&reclaimed) >= ROUNDS); /* relaxed: after the drain */
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_ends_though_who_defers_is_stopped),
	};

	return cmocka_run_group_tests_name("waker_stopped", tests, NULL, NULL);
}
