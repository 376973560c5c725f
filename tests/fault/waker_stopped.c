/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * waker_stopped.c - a thread is stopped right before the system call that wakes somebody: nobody else relies on it. And who need not
 * wake makes no call.
 */
#include "support.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parts.h"
#include "port.h"
#include "queue.h"

#define ROUNDS 20u

static struct dhp_engine *engine;
static struct at_u32 stopped, go_on, reclaimed;
static __thread bool stops;
static __thread uint32_t wake_calls;
static __thread bool (*at_alarm)(void); /* right before this thread tells the alarm. true: it was told */

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
	if (number == SYS_futex && (a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE) {
		wake_calls++;
		if (stops)
			stop_here();
	}
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

static void start_until_stopped(pthread_t *thread, void *(*run)(void *))
{
	at_store_relaxed_u32(&stopped, 0); /* relaxed: the thread does not exist yet */
	at_store_relaxed_u32(&go_on, 0);   /* relaxed: likewise */
	assert_int_equal(pthread_create(thread, NULL, run, NULL), 0);
	while (at_load_acquire_u32(&stopped) == 0) /* by the thread */
		port_yield();
}

static void let_go(pthread_t thread)
{
	at_store_release_u32(&go_on, 1); /* to the thread */
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_drain_ends_though_who_defers_is_stopped(void **state)
{
	pthread_t thread;

	(void)state;
	engine = make_sim_of(1, 1);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		start_until_stopped(&thread, defer_until_stopped);
		(void)alarm(60); /* it would not end */
		assert_ok(dhp_epoch_drain(engine));
		(void)alarm(0);
		let_go(thread);
	}
	assert_true(at_load_relaxed_u32(&reclaimed) >= ROUNDS); /* relaxed: after the drain */
	end_engine(engine);
}

/* ---- work ---- */

static struct dhp_dpc dpcs[3];
static struct at_u32 runs[3];

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)at_fetch_add_release_u32(context, 1); /* to who waits in the test */
}

static uint32_t runs_of(uint32_t i)
{
	return at_load_acquire_u32(&runs[i]); /* from the routine */
}

static void run_until_told(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	count_run(dpc, context, argument_1, argument_2);
	while (at_load_acquire_u32(&go_on) == 0) /* from the test */
		port_yield();
}

static void who_inserts_makes_no_call_for_a_worker_that_is_awake(void **state)
{
	(void)state;
	engine = make_sim_of(1, 1);
	at_store_relaxed_u32(&go_on, 0); /* relaxed: nobody looks yet */
	at_store_relaxed_u32(&runs[0], 0); /* relaxed: likewise */
	assert_ok(dhp_dpc_init(&dpcs[0], engine, run_until_told, &runs[0]));
	assert_ok(dhp_dpc_init(&dpcs[1], engine, count_run, &runs[1]));
	assert_ok(dhp_dpc_insert(&dpcs[0], NULL, NULL));
	while (runs_of(0) == 0)
		port_yield();
	wake_calls = 0;
	assert_ok(dhp_dpc_insert(&dpcs[1], NULL, NULL));
	assert_int_equal(wake_calls, 0);
	at_store_release_u32(&go_on, 1); /* to the routine */
	assert_ok(dhp_dpc_flush(engine));
	end_engine(engine);
}

/* Until the worker slept, so that there was somebody to wake. */
static void *insert_until_stopped(void *unused)
{
	(void)unused;
	stops = true;
	while (stops) {
		(void)dhp_dpc_insert(&dpcs[0], NULL, NULL);
		port_sleep_ns(2000000);
	}
	return NULL;
}

static void a_worker_wakes_though_who_wakes_it_first_is_stopped(void **state)
{
	pthread_t thread;

	(void)state;
	engine = make_sim_of(1, 1);
	for (uint32_t i = 0; i < 2; i++) {
		at_store_relaxed_u32(&runs[i], 0); /* relaxed: nobody looks yet */
		assert_ok(dhp_dpc_init(&dpcs[i], engine, count_run, &runs[i]));
		assert_ok(dhp_dpc_set_importance(&dpcs[i], DHP_IMPORTANCE_HIGH));
	}
	(void)alarm(60); /* it would not end */
	start_until_stopped(&thread, insert_until_stopped);
	assert_ok(dhp_dpc_insert(&dpcs[1], NULL, NULL));
	while (runs_of(1) == 0)
		port_yield();
	(void)alarm(0);
	let_go(thread);
	assert_ok(dhp_dpc_flush(engine));
	end_engine(engine);
}

/* ---- the tick ---- */

static struct at_u32 in_alarm[2], leave_alarm[2], asked_by_first;

void __real_port_alarm_signal(struct port_alarm *told);
void __wrap_port_alarm_signal(struct port_alarm *told);

void __wrap_port_alarm_signal(struct port_alarm *told)
{
	bool (*hook)(void) = at_alarm;

	at_alarm = NULL;
	if (hook == NULL || !hook())
		__real_port_alarm_signal(told);
}

static void wait_in_alarm(uint32_t who)
{
	at_store_release_u32(&in_alarm[who], 1);         /* to the test */
	while (at_load_acquire_u32(&leave_alarm[who]) == 0) /* from the test */
		port_yield();
}

static bool tell_then_wait(void)
{
	struct dhpi_timers *timers = &engine->work->timers;

	at_store_relaxed_u32(&asked_by_first, at_load_relaxed_u32(&timers->tick_wanted)); /* relaxed: released below */
	__real_port_alarm_signal(&timers->alarm);
	wait_in_alarm(0);
	return true;
}

static bool wait_then_tell(void)
{
	wait_in_alarm(1);
	return false;
}

static void make_low(void)
{
	engine = make_sim_of(1, 1);
	for (uint32_t i = 0; i < LENGTH(dpcs); i++) {
		at_store_relaxed_u32(&runs[i], 0); /* relaxed: nobody looks yet */
		assert_ok(dhp_dpc_init(&dpcs[i], engine, count_run, &runs[i]));
		assert_ok(dhp_dpc_set_importance(&dpcs[i], DHP_IMPORTANCE_LOW));
	}
	for (uint32_t i = 0; i < LENGTH(in_alarm); i++) {
		at_store_relaxed_u32(&in_alarm[i], 0);    /* relaxed: likewise */
		at_store_relaxed_u32(&leave_alarm[i], 0); /* relaxed: likewise */
	}
}

/* Until the worker slept, so that there was a tick to ask for. */
static uint32_t insert_until_asked(uint32_t who, bool (*hook)(void))
{
	uint32_t inserted = 0;

	at_alarm = hook;
	while (at_alarm != NULL) {
		inserted += dhp_dpc_insert(&dpcs[who], NULL, NULL) == DHP_OK;
		port_sleep_ns(2000000);
	}
	return inserted;
}

static void *first_asks(void *unused)
{
	(void)unused;
	(void)insert_until_asked(0, tell_then_wait);
	return NULL;
}

static void *second_asks(void *unused)
{
	(void)unused;
	(void)insert_until_asked(1, wait_then_tell);
	return NULL;
}

static void start_until_in_alarm(pthread_t *thread, void *(*run)(void *), uint32_t who)
{
	assert_int_equal(pthread_create(thread, NULL, run, NULL), 0);
	while (at_load_acquire_u32(&in_alarm[who]) == 0) /* by the thread */
		port_yield();
}

static bool tell(void)
{
	return false;
}

static uint32_t tick_wanted(void)
{
	return at_load_acquire_u32(&engine->work->timers.tick_wanted); /* by the tick */
}

/* Then the timer thread looks again only when it is told. */
static void wait_for_one_tick(uint32_t who)
{
	uint32_t inserted = insert_until_asked(who, tell);

	while (tick_wanted() % 4 != 0 || runs_of(who) != inserted) /* 4: asked, and told */
		port_yield();
}

/* It has asked for the tick and stands right before it tells the alarm: who asks next tells it. */
static void a_tick_comes_though_who_asked_for_it_first_is_stopped(void **state)
{
	pthread_t asker;

	(void)state;
	make_low();
	(void)alarm(60); /* it would not end */
	wait_for_one_tick(2);
	start_until_in_alarm(&asker, second_asks, 1);
	assert_ok(dhp_dpc_insert(&dpcs[0], NULL, NULL));
	while (runs_of(0) == 0 || runs_of(1) == 0) /* what the stopped one inserted too */
		port_yield();
	(void)alarm(0);
	at_store_release_u32(&leave_alarm[1], 1); /* to the asker */
	assert_int_equal(pthread_join(asker, NULL), 0);
	assert_ok(dhp_dpc_flush(engine));
	end_engine(engine);
}

/* The first has told the alarm, its tick is over; it comes back when the second has asked for the next and stands still. */
static void who_says_late_that_the_tick_was_told_says_it_of_no_later_one(void **state)
{
	pthread_t first, second;
	uint32_t asked;

	(void)state;
	make_low();
	(void)alarm(60); /* it would not end */
	start_until_in_alarm(&first, first_asks, 0);
	asked = at_load_acquire_u32(&asked_by_first); /* stored by the first */
	while (tick_wanted() == asked)
		port_yield();
	start_until_in_alarm(&second, second_asks, 1);
	at_store_release_u32(&leave_alarm[0], 1); /* to the first */
	assert_int_equal(pthread_join(first, NULL), 0);
	assert_ok(dhp_dpc_insert(&dpcs[2], NULL, NULL));
	while (runs_of(2) == 0)
		port_yield();
	(void)alarm(0);
	at_store_release_u32(&leave_alarm[1], 1); /* to the second */
	assert_int_equal(pthread_join(second, NULL), 0);
	assert_ok(dhp_dpc_flush(engine));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drain_ends_though_who_defers_is_stopped),
		cmocka_unit_test(who_inserts_makes_no_call_for_a_worker_that_is_awake),
		cmocka_unit_test(a_worker_wakes_though_who_wakes_it_first_is_stopped),
		cmocka_unit_test(a_tick_comes_though_who_asked_for_it_first_is_stopped),
		cmocka_unit_test(who_says_late_that_the_tick_was_told_says_it_of_no_later_one),
	};

	return cmocka_run_group_tests_name("waker_stopped", tests, NULL, NULL);
}
