/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * support.h - what the tests share: simulated engines, threads that start together, and waiting with an end.
 *
 * Include it first. cmocka's asserts work in the main thread only: a helper thread counts, the main thread asserts.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include <dhp/base.h>
#include <dhp/counter.h>
#include <dhp/engine.h>
#include <dhp/epoch.h>
#include <dhp/notify.h>
#include <dhp/observe.h>
#include <dhp/partition.h>
#include <dhp/percpu.h>
#include <dhp/sim.h>
#include <dhp/work.h>

/* ---- how this program was built ---- */

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

/* How often to repeat: n, fewer under a sanitizer, which is several times slower. */
#define TIMES(n) (UNDER_TSAN ? ((n) + 9) / 10 : UNDER_ASAN ? ((n) + 3) / 4 : (n))

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* ---- statuses by name ---- */

#define assert_status(actual, expected) check_status((actual), (expected), #actual, __FILE__, __LINE__)
#define assert_ok(actual) assert_status(actual, DHP_OK)

void check_status(enum dhp_status actual, enum dhp_status expected, const char *what, const char *file, int line);

/* ---- simulated engines ---- */

/* Zero: the library's default. */
struct sim_setup {
	uint32_t maximum; /* 0: 8 */
	uint32_t initial;
	const uint8_t *group_sizes;
	uint32_t group_size_count;
	uint32_t gap;
	uint64_t seed;
	uint32_t nodes;
	uint32_t flags; /* enum dhp_engine_flags */
	uint32_t spin_ns;
	uint32_t ready_ahead;
	dhp_trace_hook *trace;
	void *trace_context;
};

/*
 * The environment's DHP_TEST_MODE, "two-threads" or "vetoer-excluded", runs a program in a mode by which the contract lets
 * clients be called too (S-159, S-178). Gives its flag of enum dhp_engine_flags, which every simulated engine gets; 0: none.
 */
uint32_t test_mode(void);

enum dhp_status try_sim(const struct sim_setup *setup, struct dhp_engine **out_engine);
/* These assert. */
struct dhp_engine *make_sim(const struct sim_setup *setup);
struct dhp_engine *make_sim_of(uint32_t maximum, uint32_t initial);
void end_engine(struct dhp_engine *engine);

/* The processors at positions first to last-1 arrive; asserts that each does. */
void add_positions(struct dhp_engine *engine, uint32_t first, uint32_t last);
enum dhp_status add_position(struct dhp_engine *engine, uint32_t position);

struct dhp_counts counts_of(struct dhp_engine *engine);
uint32_t active_count(struct dhp_engine *engine);

/* ---- counters that say nothing about order: they hide no race from a race detector ---- */

#ifdef __i386__
typedef uint32_t __attribute__((may_alias)) bumped;
#else
typedef uint64_t bumped;
#endif

/*
 * Where a uint64_t is aligned to four bytes it may lie across two cache lines, and Linux makes who locks both sleep. The
 * lower half lies in one, and no test counts further.
 */
static inline uint64_t bump(uint64_t *counter)
{
	return __atomic_fetch_add((bumped *)counter, 1, __ATOMIC_RELAXED);
}

static inline uint64_t peek(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline void poke(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

/* ---- a start gate: nobody passes before `expected` threads have come ---- */

struct gate {
	uint64_t expected;
	uint64_t come;
};

void gate_init(struct gate *gate, uint32_t expected);
void gate_pass(struct gate *gate);

/* ---- threads ---- */

struct helper {
	pthread_t thread;
	void *(*run)(void *argument);
	void *argument;
};

/* These assert. */
void helper_start(struct helper *helper, void *(*run)(void *argument), void *argument);
void helper_join(struct helper *helper);

/* ---- waiting, with a limit that only a hang reaches ---- */

/* false: it did not come true in a minute, nor in as many looks as take ten seconds on a machine at rest. */
bool wait_until(bool (*condition)(void *context), void *context);
bool wait_for_count(const uint64_t *counter, uint64_t at_least);
void sleep_us(uint32_t us);

/*
 * How long a race may be repeated: TIMES(n) times, fewer where others want the machine so much that it would take for ever. To
 * be asked before each repetition but the first.
 */
struct budget {
	uint64_t end_s;
};

struct budget budget_begin(void);
bool budget_left(const struct budget *budget);

/* ---- a small generator of pseudo-random numbers; the state must not be zero ---- */

static inline uint64_t roll(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

#endif
