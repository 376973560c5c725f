/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No add is lost: threads are shoved from cpu to cpu by somebody else, so in the middle of an add, and a timer's handler
 * adds on top. This file is compiled twice, the second time with a delay inside the restartable sequence, and run with
 * and without the kernel's restartable sequences.
 */
#include "machine.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

#define ADDERS 3u

static struct dhp_engine *make_machine(void)
{
	const struct dhp_engine_options options = { .size = sizeof(options),
		.flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static bool without_rseq(void)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

	return tunables != NULL && strstr(tunables, "glibc.pthread.rseq=0") != NULL;
}

static void adds_from_one_thread(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2);
	struct dhp_counter *counter = NULL;

	(void)state;
	assert_ok(dhp_counter_create(engine, &counter));
	assert_true(dhp_counter_sum(counter) == 0);
	for (uint32_t position = 0; position < 4; position++) {
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
		dhp_counter_add(counter, 10);
		dhp_counter_add_slow(counter, 1);
	}
	dhp_sim_exit();
	dhp_counter_add(counter, 1000);
	assert_true(dhp_counter_sum(counter) == 1044);
	add_positions(engine, 2, 4);
	assert_true(dhp_counter_sum(counter) == 1044);
	dhp_counter_add(counter, UINT64_MAX); /* wraps */
	assert_true(dhp_counter_sum(counter) == 1043);
	assert_ok(dhp_counter_destroy(counter));
	end_engine(engine);
}

/* Rows are walked where cpu ids are not the indices. */
static void sum_finds_the_cells_beside_gaps(void **state)
{
	const struct sim_setup setup = { .maximum = 40, .initial = 5, .gap = 4, .seed = 3, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_counter *counter = NULL;
	uint64_t expected = 0;

	(void)state;
	assert_ok(dhp_counter_create(engine, &counter));
	for (uint32_t position = 0; position < 40; position++) {
		if (position >= 5)
			add_positions(engine, position, position + 1);
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
		dhp_counter_add(counter, 1ull << position);
		expected |= 1ull << position;
		assert_true(dhp_counter_sum(counter) == expected);
	}
	dhp_sim_exit();
	assert_ok(dhp_counter_destroy(counter));
	end_engine(engine);
}

static void machine_without_restartable_sequences_uses_atomics(void **state)
{
	struct dhp_engine *engine = make_machine();
	struct dhp_counter *counter = NULL;

	(void)state;
	assert_ok(dhp_counter_create(engine, &counter));
	print_message("restartable sequences: %s\n", counter->cells.restartable ? "yes" : "no");
	if (without_rseq() || UNDER_TSAN)
		assert_int_equal(counter->cells.restartable, 0);
	for (uint32_t i = 0; i < 1000; i++)
		dhp_counter_add(counter, i % 2 == 0 ? 3 : 5);
	assert_true(dhp_counter_sum(counter) == 4000);
	assert_ok(dhp_counter_destroy(counter));
	end_engine(engine);
}

/* An atomic add from elsewhere would tear into the plain adds of the processor that owns the cell. */
static void rare_half_leaves_restartable_cells_alone(void **state)
{
	struct dhp_engine *engine = make_machine();
	struct dhp_counter *counter = NULL;
	const uint64_t *fallback;

	(void)state;
	assert_ok(dhp_counter_create(engine, &counter));
	fallback = dhp_percpu_fallback(&counter->cells);
	assert_true((dhp_counter_cell_slow(counter) == fallback) == (counter->cells.restartable != 0));
	assert_ok(dhp_counter_destroy(counter));
	end_engine(engine);
}

/* ---- threads that are moved ---- */

struct adders {
	struct dhp_counter *counter;
	struct dhp_engine *simulated; /* NULL: on the machine */
	struct gate gate;
	uint64_t adds;
	uint64_t done;
	uint64_t seed;
};

static struct dhp_counter *counter_of_handler;
static uint64_t handler_adds;

static void add_in_handler(int signal)
{
	int saved = errno;

	(void)signal;
	dhp_counter_add(counter_of_handler, 1);
	(void)bump(&handler_adds);
	errno = saved;
}

static void set_timer(suseconds_t interval_us)
{
	const struct itimerval timer = { .it_interval = { 0, interval_us }, .it_value = { 0, interval_us } };

	assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* Only the adders take the signal: the main thread blocks it. */
static void let_signal_in(bool in)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)pthread_sigmask(in ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static void *keep_adding(void *argument)
{
	struct adders *adders = argument;
	uint64_t dice = bump(&adders->seed) * 2 + 1;

	let_signal_in(true);
	gate_pass(&adders->gate);
	for (uint64_t i = 0; i < adders->adds; i++) {
		if (adders->simulated != NULL && i % 16 == 0)
			(void)dhp_sim_enter(adders->simulated, dhp_sim_cpu(adders->simulated, (uint32_t)(roll(&dice) % 8)));
		dhp_counter_add(adders->counter, 1);
	}
	let_signal_in(false);
	(void)bump(&adders->done);
	return NULL;
}

/* Moves one thread after another until all are done. */
static void shove(struct helper *helpers, struct adders *adders)
{
	uint64_t dice = 99;
	cpu_set_t all;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (peek(&adders->done) < ADDERS) {
		move_thread(helpers[roll(&dice) % ADDERS].thread, &all, &dice);
		if (roll(&dice) % 8 == 0)
			sleep_us(50);
	}
}

static void add_while_moved(struct dhp_engine *engine, bool simulated, uint64_t adds)
{
	const struct sigaction action = { .sa_handler = add_in_handler, .sa_flags = SA_RESTART };
	struct adders adders = { .simulated = simulated ? engine : NULL, .adds = adds, .seed = 1 };
	struct helper helpers[ADDERS];
	struct sigaction before;

	assert_ok(dhp_counter_create(engine, &adders.counter));
	counter_of_handler = adders.counter;
	poke(&handler_adds, 0);
	gate_init(&adders.gate, ADDERS + 1);
	let_signal_in(false);
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	for (uint32_t i = 0; i < ADDERS; i++)
		helper_start(&helpers[i], keep_adding, &adders);
	gate_pass(&adders.gate);
	set_timer(200);
	shove(helpers, &adders);
	set_timer(0);
	for (uint32_t i = 0; i < ADDERS; i++)
		helper_join(&helpers[i]);
	/* A signal may be pending for nobody: it goes with the old action. */
	(void)signal(SIGALRM, SIG_IGN);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	let_signal_in(true);
	print_message("%llu adds in %llu signals\n", (unsigned long long)(ADDERS * adds),
		      (unsigned long long)peek(&handler_adds));
	assert_true(dhp_counter_sum(adders.counter) == ADDERS * adds + peek(&handler_adds));
	assert_ok(dhp_counter_destroy(adders.counter));
}

#ifdef ADD_IS_DELAYED
#define MACHINE_ADDS 200000u
#else
#define MACHINE_ADDS 10000000u
#endif

static void sum_is_exact_while_threads_are_moved_on_the_machine(void **state)
{
	struct dhp_engine *engine = make_machine();

	(void)state;
	add_while_moved(engine, false, TIMES(MACHINE_ADDS));
	end_engine(engine);
}

static void sum_is_exact_while_threads_hop_between_simulated_processors(void **state)
{
	struct dhp_engine *engine = make_sim_of(8, 6); /* and two that are not announced */

	(void)state;
	add_while_moved(engine, true, TIMES(1000000u));
	end_engine(engine);
}

/* ---- a sum while processors arrive ---- */

static void sum_is_exact_while_processors_arrive(void **state)
{
	struct dhp_engine *engine = make_sim_of(200, 1);
	struct adders adders = { .simulated = engine, .adds = TIMES(400000u), .seed = 1 };
	struct helper helpers[ADDERS];
	uint32_t next = 1;
	uint64_t last = 0;

	(void)state;
	assert_ok(dhp_counter_create(engine, &adders.counter));
	gate_init(&adders.gate, ADDERS + 1);
	for (uint32_t i = 0; i < ADDERS; i++)
		helper_start(&helpers[i], keep_adding, &adders);
	gate_pass(&adders.gate);
	while (peek(&adders.done) < ADDERS) {
		uint64_t sum = dhp_counter_sum(adders.counter);

		assert_true(sum >= last); /* cells only grow, so what was seen once stays */
		last = sum;
		if (next < 200)
			add_positions(engine, next, next + 1);
		next++;
	}
	for (uint32_t i = 0; i < ADDERS; i++)
		helper_join(&helpers[i]);
	assert_true(dhp_counter_sum(adders.counter) == ADDERS * adders.adds);
	assert_ok(dhp_counter_destroy(adders.counter));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_from_one_thread),
		cmocka_unit_test(sum_finds_the_cells_beside_gaps),
		cmocka_unit_test(machine_without_restartable_sequences_uses_atomics),
		cmocka_unit_test(rare_half_leaves_restartable_cells_alone),
		cmocka_unit_test(sum_is_exact_while_threads_are_moved_on_the_machine),
		cmocka_unit_test(sum_is_exact_while_threads_hop_between_simulated_processors),
		cmocka_unit_test(sum_is_exact_while_processors_arrive),
	};

	return cmocka_run_group_tests_name("counter_sum", tests, NULL, NULL);
}
