/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port keeps what the algorithms rely on.
 */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "port.h"

static bool is_zero(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void allocations_are_zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = { 1, 7, 127, 128, 129, 4096, 100000 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < LENGTH(sizes); i++) {
			unsigned char *p = port_alloc(sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % DHP_LINE_PAIR_BYTES, 0);
			assert_true(is_zero(p, sizes[i]));
			memset(p, 0xff, sizes[i]);
			port_free(p, sizes[i]);
		}
	}
	port_free(NULL, 0);
}

static void reserved_ranges_are_zeroed_and_touching_keeps_contents(void **state)
{
	size_t page = port_page_bytes(), bytes = (size_t)1 << (sizeof(size_t) > 4 ? 32 : 30);
	unsigned char *p = port_reserve(bytes);

	(void)state;
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % page, 0);
	assert_int_equal(p[bytes / 2], 0);
	p[100] = 42;
	p[page] = 43;
	assert_true(port_touch(p + 50, 2 * page, DHP_NO_INDEX));
	assert_int_equal(p[100], 42);
	assert_int_equal(p[page], 43);
	assert_true(port_touch(p, page, 0));
	assert_int_equal(p[100], 42);
	assert_true(port_touch(p, page, 100000)); /* a node that does not exist is a wish that is not granted */
	port_unreserve(p, bytes);
	assert_null(port_reserve(SIZE_MAX / 16 * 15));
}

static void lock_knows_its_owner(void **state)
{
	struct port_mutex mutex;

	(void)state;
	port_mutex_init(&mutex);
	assert_false(port_mutex_mine(&mutex));
	port_mutex_lock(&mutex);
	assert_true(port_mutex_mine(&mutex));
	port_mutex_unlock(&mutex);
	assert_false(port_mutex_mine(&mutex));
	port_mutex_fini(&mutex);
}

struct contest {
	struct port_mutex mutex;
	struct gate gate;
	uint64_t plain, wrong;
};

static void *contend(void *argument)
{
	struct contest *contest = argument;

	gate_pass(&contest->gate);
	for (uint32_t i = 0; i < TIMES(20000u); i++) {
		if (port_mutex_mine(&contest->mutex))
			(void)bump(&contest->wrong);
		port_mutex_lock(&contest->mutex);
		contest->plain++;
		port_mutex_unlock(&contest->mutex);
	}
	return NULL;
}

static void lock_excludes(void **state)
{
	struct contest contest = { .plain = 0 };
	struct helper helpers[3];

	(void)state;
	port_mutex_init(&contest.mutex);
	gate_init(&contest.gate, 3);
	for (size_t i = 0; i < LENGTH(helpers); i++)
		helper_start(&helpers[i], contend, &contest);
	for (size_t i = 0; i < LENGTH(helpers); i++)
		helper_join(&helpers[i]);
	assert_true(contest.plain == 3 * TIMES(20000u));
	assert_true(contest.wrong == 0);
	port_mutex_fini(&contest.mutex);
}

/* ---- events ---- */

struct ping {
	struct port_event there, back;
	uint64_t sent, answered;
};

static void *answer(void *argument)
{
	struct ping *ping = argument;

	for (uint64_t i = 1; i <= TIMES(20000u); i++) {
		for (;;) {
			uint32_t ticket = port_event_ticket(&ping->there);

			if (peek(&ping->sent) >= i)
				break;
			port_event_wait(&ping->there, ticket, 0);
		}
		poke(&ping->answered, i);
		(void)port_event_signal(&ping->back);
	}
	return NULL;
}

static void no_signal_is_lost(void **state)
{
	struct ping ping = { .sent = 0 };
	struct helper helper;

	(void)state;
	port_event_init(&ping.there);
	port_event_init(&ping.back);
	helper_start(&helper, answer, &ping);
	for (uint64_t i = 1; i <= TIMES(20000u); i++) {
		poke(&ping.sent, i);
		(void)port_event_signal(&ping.there);
		for (;;) {
			uint32_t ticket = port_event_ticket(&ping.back);

			if (peek(&ping.answered) >= i)
				break;
			port_event_wait(&ping.back, ticket, 0);
		}
	}
	helper_join(&helper);
}

static void wait_with_limit_and_with_old_ticket_returns(void **state)
{
	struct port_event event;
	uint32_t ticket;

	(void)state;
	port_event_init(&event);
	ticket = port_event_ticket(&event);
	port_event_wait(&event, ticket, 100000);
	(void)port_event_signal(&event);
	assert_int_not_equal(port_event_ticket(&event), ticket);
	port_event_wait(&event, ticket, 0);
}

/* ---- threads ---- */

struct birth {
	uint32_t expected;
	uint64_t looks, elsewhere;
	uint64_t signals_open;
};

static void note_birth(void *argument)
{
	struct birth *birth = argument;
	sigset_t mask;

	for (int i = 0; i < 100; i++) {
		if (birth->expected != PORT_ANY_CPU && sched_getcpu() != (int)birth->expected)
			(void)bump(&birth->elsewhere);
		(void)bump(&birth->looks);
	}
	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (!sigismember(&mask, SIGUSR1) || !sigismember(&mask, SIGINT) || sigismember(&mask, SIGSEGV))
		(void)bump(&birth->signals_open);
}

static void threads_start_pinned_and_take_no_signals(void **state)
{
	cpu_set_t set;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		struct birth birth = { .expected = cpu };
		struct port_thread thread = { .started = false };

		if (!CPU_ISSET(cpu, &set))
			continue;
		assert_ok(port_thread_start(&thread, note_birth, &birth, cpu, 0, "test"));
		port_thread_join(&thread);
		assert_false(thread.started);
		assert_true(birth.looks == 100);
		assert_true(birth.elsewhere == 0);
		assert_true(birth.signals_open == 0);
		port_thread_join(&thread); /* once more does nothing */
	}
}

/* What the engine does to signals it does to its own threads. */
static void who_starts_a_thread_keeps_its_signals(void **state)
{
	struct birth birth = { .expected = PORT_ANY_CPU };
	struct port_thread thread = { .started = false };
	sigset_t own, before, after;

	(void)state;
	(void)sigemptyset(&own);
	(void)sigaddset(&own, SIGUSR2);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &own, &before), 0);
	assert_ok(port_thread_start(&thread, note_birth, &birth, PORT_ANY_CPU, 0, "test"));
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, &after), 0);
	port_thread_join(&thread);
	assert_true(sigismember(&after, SIGUSR2) == 1 && sigismember(&after, SIGUSR1) == 0 && sigismember(&after, SIGINT) == 0);
}

/* A signal handler may insert work: errno is that of what it interrupted. */
static void a_signal_to_a_sleeper_keeps_errno(void **state)
{
	struct port_alarm alarm = { 0 };
	struct port_event event;

	(void)state;
	port_event_init(&event);
	assert_ok(port_alarm_open(&alarm));
	errno = EDOM;
	(void)port_event_signal(&event);
	assert_int_equal(errno, EDOM);
	port_alarm_signal(&alarm);
	assert_int_equal(errno, EDOM);
	port_alarm_close(&alarm);
}

static void interrupt(int number)
{
	(void)number;
}

/* Interrupted every millisecond it does not end early. One signal may be on its way when the timer has stopped: it is ignored. */
static void a_sleep_is_not_cut_short_by_signals(void **state)
{
	const struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	const struct sigaction action = { .sa_handler = interrupt }, after = { .sa_handler = SIG_IGN };
	uint64_t began_ns = port_now_ns();

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
	port_sleep_ns(30000000);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &after, NULL), 0);
	assert_true(port_now_ns() - began_ns >= 30000000);
}

static void thread_on_a_cpu_that_is_not_there_is_refused(void **state)
{
	struct birth birth = { .expected = 0 };
	struct port_thread thread = { .started = false };

	(void)state;
	assert_status(port_thread_start(&thread, note_birth, &birth, 60000, 0, "test"), DHP_NO_AFFINITY);
	assert_false(thread.started);
	port_thread_join(&thread);
	assert_true(birth.looks == 0);
}

static void each_thread_has_its_own_self(void **state)
{
	(void)state;
	assert_ptr_equal(port_self(), port_self());
	assert_null(port_self()->worker);
	assert_int_equal(port_self()->dispatch, 0);
	assert_int_equal(port_self()->sections, 0);
}

static void simulated_word_is_what_was_pretended(void **state)
{
	struct port_cpu_word word = port_cpu_word(true);

	(void)state;
	assert_int_equal(word.restartable, 0);
	assert_false(word.ask);
	assert_int_equal(dhp_cpu_word_read(word.distance), UINT32_MAX);
	port_cpu_pretend(17);
	assert_int_equal(dhp_cpu_word_read(word.distance), 17);
	port_cpu_pretend(-1);
	assert_int_equal(dhp_cpu_word_read(word.distance), UINT32_MAX);
}

static void machine_word_is_the_cpu_of_the_caller(void **state)
{
	struct port_cpu_word word = port_cpu_word(false);
	cpu_set_t before, one;
	uint32_t cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_true(word.ask);
	assert_int_equal(port_cpu_ask(), cpu);
	if (word.restartable)
		assert_int_equal(dhp_cpu_word_read(word.distance), cpu);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

/* A level that others can poll; what it was asked for counts, not how often. */
static void a_worker_has_a_word_of_its_own(void **state)
{
	struct port_cpu_word word = port_cpu_word(false), simulated = port_cpu_word(true);

	(void)state;
	assert_int_equal(simulated.worker_distance, simulated.distance);
	assert_int_equal(dhp_cpu_word_read(word.worker_distance), UINT32_MAX);
	port_cpu_stand_for(17);
	assert_int_equal(dhp_cpu_word_read(word.worker_distance), 17);
	assert_int_equal(dhp_cpu_word_read(simulated.distance), UINT32_MAX);
	port_cpu_stand_for(-1);
	assert_int_equal(dhp_cpu_word_read(word.worker_distance), UINT32_MAX);
}

/* ---- pins of other threads ---- */

struct pinned {
	uint64_t ready, told;
	struct port_mutex mutex; /* orders the rest */
	int32_t id;
	struct port_life life;
	bool begun, ends_life;
};

static void be_pinned(void *argument)
{
	struct pinned *me = argument;

	port_mutex_lock(&me->mutex);
	me->begun = port_life_begin(&me->life);
	me->id = port_thread_id();
	port_mutex_unlock(&me->mutex);
	poke(&me->ready, 1);
	(void)wait_for_count(&me->told, 1);
	if (me->ends_life)
		port_life_end(&me->life);
}

static void start_pinned(struct pinned *pinned, struct port_thread *thread)
{
	port_mutex_init(&pinned->mutex);
	assert_ok(port_thread_start(thread, be_pinned, pinned, PORT_ANY_CPU, 0, "test"));
	assert_true(wait_for_count(&pinned->ready, 1));
	port_mutex_lock(&pinned->mutex);
	port_mutex_unlock(&pinned->mutex);
	assert_true(pinned->begun);
	assert_int_equal(at_load_relaxed_u32(&thread->id), pinned->id);
}

static bool has_gone(void *context)
{
	return port_pin_look(*(const int32_t *)context, 0) == PORT_NO_THREAD;
}

static void a_thread_is_pinned_from_outside(void **state)
{
	struct port_thread thread = { .started = false };
	struct pinned pinned = { .ends_life = true };
	cpu_set_t set;
	int32_t id;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	start_pinned(&pinned, &thread);
	id = pinned.id;
	assert_int_not_equal(id, port_thread_id());
	for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		assert_int_equal(port_pin_look(id, cpu), CPU_COUNT(&set) == 1 ? PORT_PINNED : PORT_NOT_PINNED);
		assert_true(port_pin_write(id, cpu));
		assert_int_equal(port_pin_look(id, cpu), PORT_PINNED);
		assert_int_equal(port_pin_look(id, cpu + 64), PORT_NOT_PINNED);
		assert_int_equal(sched_setaffinity(id, sizeof(set), &set), 0);
	}
	assert_false(port_pin_write(id, PORT_AFFINITY_CPUS - 1));
	assert_false(port_pin_write(id, PORT_AFFINITY_CPUS));
	assert_int_equal(port_pin_look(id, PORT_AFFINITY_CPUS), PORT_NOT_PINNED);
	poke(&pinned.told, 1);
	port_thread_join(&thread);
	assert_int_equal(at_load_relaxed_u32(&thread.id), 0);
	assert_true(wait_until(has_gone, &id)); /* the system may be a moment behind the join */
	assert_false(port_pin_write(id, 0));
	port_mutex_fini(&pinned.mutex);
}

static void a_life_ends_with_its_thread(void **state)
{
	struct port_thread thread = { .started = false };
	struct pinned pinned = { .ends_life = false };

	(void)state;
	start_pinned(&pinned, &thread);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(port_life_goes_on(&pinned.life));
	poke(&pinned.told, 1);
	port_thread_join(&thread);
	for (uint32_t i = 0; i < 3; i++)
		assert_false(port_life_goes_on(&pinned.life));
	port_life_bury(&pinned.life);
	assert_true(port_life_begin(&pinned.life)); /* the memory is as good as new */
	assert_true(port_life_goes_on(&pinned.life));
	port_life_end(&pinned.life);
	port_mutex_fini(&pinned.mutex);
}

static void latch_is_a_level(void **state)
{
	struct port_latch latch;

	(void)state;
	assert_true(port_latch_open(&latch));
	for (int round = 0; round < 3; round++) {
		struct pollfd outside = { .fd = port_latch_file(&latch), .events = POLLIN };

		assert_int_equal(poll(&outside, 1, 0), 0);
		port_latch_set(&latch, true);
		port_latch_set(&latch, true);
		assert_int_equal(poll(&outside, 1, 0), 1);
		assert_int_equal(poll(&outside, 1, 0), 1);
		port_latch_set(&latch, false);
		port_latch_set(&latch, false);
	}
	port_latch_close(&latch);
}

/* No time is asserted: with waits of a second each, which Concurrency Kit would make of them, the test's limit is reached. */
/* The program has closed all descriptors: the waits last until the time, or a millisecond, and never no time at all. */
static void an_alarm_without_descriptors_does_not_spin(void **state)
{
	struct port_alarm alarm = { 0, 0 };
	uint64_t began_ns, until_ns, waits = 0;

	(void)state;
	assert_ok(port_alarm_open(&alarm));
	(void)close(alarm.signal - 1);
	if (alarm.clock != 0)
		(void)close(alarm.clock - 1);
	began_ns = port_now_ns();
	until_ns = began_ns + 30000000;
	for (; port_now_ns() < until_ns; waits++)
		port_alarm_wait(&alarm, until_ns);
	assert_true(waits <= (port_now_ns() - began_ns) / 1000000 + 2);
	port_alarm_wait(&alarm, UINT64_MAX); /* it returns */
	port_alarm_signal(&alarm);           /* nobody hears it */
}

static void many_short_waits_are_short(void **state)
{
	struct port_event event;

	(void)state;
	port_event_init(&event);
	for (int i = 0; i < 200; i++)
		port_event_wait(&event, port_event_ticket(&event), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_zeroed_and_aligned),
		cmocka_unit_test(reserved_ranges_are_zeroed_and_touching_keeps_contents),
		cmocka_unit_test(lock_knows_its_owner),
		cmocka_unit_test(lock_excludes),
		cmocka_unit_test(no_signal_is_lost),
		cmocka_unit_test(wait_with_limit_and_with_old_ticket_returns),
		cmocka_unit_test(threads_start_pinned_and_take_no_signals),
		cmocka_unit_test(who_starts_a_thread_keeps_its_signals),
		cmocka_unit_test(a_signal_to_a_sleeper_keeps_errno),
		cmocka_unit_test(a_sleep_is_not_cut_short_by_signals),
		cmocka_unit_test(thread_on_a_cpu_that_is_not_there_is_refused),
		cmocka_unit_test(each_thread_has_its_own_self),
		cmocka_unit_test(simulated_word_is_what_was_pretended),
		cmocka_unit_test(machine_word_is_the_cpu_of_the_caller),
		cmocka_unit_test(an_alarm_without_descriptors_does_not_spin),
		cmocka_unit_test(many_short_waits_are_short),
		cmocka_unit_test(a_worker_has_a_word_of_its_own),
		cmocka_unit_test(a_thread_is_pinned_from_outside),
		cmocka_unit_test(a_life_ends_with_its_thread),
		cmocka_unit_test(latch_is_a_level),
	};

	return cmocka_run_group_tests_name("port_posix", tests, NULL, NULL);
}
