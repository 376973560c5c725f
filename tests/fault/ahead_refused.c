/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers that are made ahead, where the system refuses: no thread or no memory for one, or it cannot be pinned. The arrival
 * makes its worker itself then, and the next one finds what there is.
 *
 * The linker puts the __wrap_ functions between the engine and the C library (--wrap, see CMakeLists.txt).
 */
#include "ahead.h"
#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

static _Thread_local bool is_test;      /* this thread is not refused */
static uint64_t no_threads, no_memory;  /* 1: refused to the others */
static uint64_t refused_threads, refused_memory;
static uint64_t pinned_threads;         /* that were created, pinned */
static uint64_t pin_refusals;           /* still to come */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

static bool pins(const pthread_attr_t *attributes)
{
	cpu_set_t affinity;

	return attributes != NULL && pthread_attr_getaffinity_np(attributes, sizeof(affinity), &affinity) == 0 &&
	       CPU_COUNT(&affinity) == 1;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	if (!is_test && peek(&no_threads) != 0) {
		(void)bump(&refused_threads);
		return EAGAIN;
	}
	if (pins(attributes))
		(void)bump(&pinned_threads);
	return __real_pthread_create(thread, attributes, run, argument);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	if (!is_test && peek(&no_memory) != 0) {
		(void)bump(&refused_memory);
		return NULL;
	}
	return __real_aligned_alloc(alignment, bytes);
}

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_sched_setaffinity && peek(&pin_refusals) != 0) {
		poke(&pin_refusals, peek(&pin_refusals) - 1);
		errno = EINVAL;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

/* ---- simulated: the timer thread is refused ---- */

static void arrives_all_the_same(const uint64_t *refusals)
{
	const struct sim_setup setup = { .maximum = 4, .initial = 1, .ready_ahead = 1 };
	struct dhp_engine *engine = make_sim(&setup);
	struct who who;
	uint32_t thread;

	assert_true(wait_for_count(refusals, 1));
	add_positions(engine, 1, 2);
	assert_int_equal(engine_stats(engine).ready_used_count, 0);
	assert_int_not_equal(worker_of(engine, 1, &who), 0);
	assert_true(wait_for_count(refusals, 2)); /* tried again after the arrival */
	poke(&no_threads, 0);
	poke(&no_memory, 0);
	add_positions(engine, 2, 3);
	assert_true(wait_for_ready(engine, 1));
	thread = next_ready(engine);
	add_positions(engine, 3, 4);
	assert_int_equal(worker_of(engine, 3, &who), thread);
	end_engine(engine);
}

static void without_a_thread_the_arrival_makes_its_own(void **state)
{
	(void)state;
	poke(&no_threads, 1);
	arrives_all_the_same(&refused_threads);
}

static void without_memory_the_arrival_makes_its_own(void **state)
{
	(void)state;
	poke(&no_memory, 1);
	arrives_all_the_same(&refused_memory);
}

/* ---- the machine: each story in a process of its own ---- */

struct machine {
	struct dhp_engine *engine;
	struct dhp_notify *notify;
	uint32_t cpus[2];
	uint64_t starts, completes, vetoes;
};

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct machine *machine = context;

	if (change->state == DHP_CHANGE_COMPLETE)
		(void)bump(&machine->completes);
	if (change->state != DHP_CHANGE_START)
		return;
	(void)bump(&machine->starts);
	if (peek(&machine->vetoes) != 0) {
		poke(&machine->vetoes, peek(&machine->vetoes) - 1);
		*status = DHP_VETOED;
	}
}

/* On one CPU, with a worker that waits; looks only when the test makes one. */
static void make_machine(struct machine *machine)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH, .ready_ahead = 1 };

	(void)usable_cpus(machine->cpus, 2);
	require(confine(0, machine->cpus, 1));
	require_ok(dhp_engine_create(&options, &machine->engine));
	require_ok(dhp_notify_register(machine->engine, hear, machine, 0, &machine->notify));
	require(wait_for_ready(machine->engine, 1));
	require(confine(0, machine->cpus, 2));
	poke(&pinned_threads, 0);
}

static void end_machine(struct machine *machine)
{
	require_ok(dhp_notify_unregister(machine->notify));
	require_ok(dhp_engine_destroy(machine->engine));
}

/* The second processor works, and its worker is pinned there. */
static uint64_t require_second(struct machine *machine)
{
	struct who who;
	uint64_t thread = worker_of(machine->engine, 1, &who);

	require(active_count(machine->engine) == 2 && peek(&machine->completes) == 1);
	require(thread != 0 && peek(&who.cpu) == machine->cpus[1]);
	require(port_pin_look((int32_t)thread, machine->cpus[1]) == PORT_PINNED);
	return thread;
}

static void uses_it(uint64_t *words, void *argument)
{
	static struct machine machine;
	struct port_affinity creators, its;
	uint32_t thread;

	(void)words, (void)argument;
	is_test = true;
	make_machine(&machine);
	thread = next_ready(machine.engine);
	memset(&creators, 0, sizeof(creators));
	memset(&its, 0, sizeof(its));
	creators.words[machine.cpus[0] / 64] = 1ull << machine.cpus[0] % 64;
	require(__real_syscall(SYS_sched_getaffinity, (long)thread, sizeof(its), (long)&its, 0, 0, 0) > 0);
	require(memcmp(&creators, &its, sizeof(its)) == 0);
	require_ok(dhp_engine_rescan(machine.engine));
	require(require_second(&machine) == thread);
	require(peek(&pinned_threads) == 0); /* not even to try whether one can be */
	require(engine_stats(machine.engine).ready_used_count == 1);
	end_machine(&machine);
}

/* To try whether a thread can be pinned, and then in earnest. */
static void one_that_cannot_be_pinned_is_not_used(uint64_t *words, void *argument)
{
	static struct machine machine;
	uint32_t thread;

	(void)words, (void)argument;
	is_test = true;
	make_machine(&machine);
	thread = next_ready(machine.engine);
	poke(&pin_refusals, 2);
	require_ok(dhp_engine_rescan(machine.engine));
	require(require_second(&machine) != thread);
	require(peek(&pinned_threads) == 2);
	require(engine_stats(machine.engine).ready_used_count == 0 && next_ready(machine.engine) == thread);
	end_machine(&machine);
}

static void after_a_veto_it_is_used(uint64_t *words, void *argument)
{
	static struct machine machine = { .vetoes = 1 };
	uint32_t thread;

	(void)words, (void)argument;
	is_test = true;
	make_machine(&machine);
	thread = next_ready(machine.engine);
	require(dhp_engine_rescan(machine.engine) == DHP_VETOED);
	require(active_count(machine.engine) == 1 && next_ready(machine.engine) == thread);
	require_ok(dhp_engine_rescan(machine.engine));
	require(require_second(&machine) == thread);
	end_machine(&machine);
}

static void in_child(void (*story)(uint64_t *words, void *argument))
{
	struct child child;
	uint32_t cpus[2];

	if (usable_cpus(cpus, 2) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	child_start(&child, story, NULL);
	child_end(&child);
}

static void on_the_machine_it_is_pinned_to_its_processor(void **state)
{
	(void)state;
	in_child(uses_it);
}

static void where_it_cannot_be_pinned_the_arrival_makes_its_own(void **state)
{
	(void)state;
	in_child(one_that_cannot_be_pinned_is_not_used);
}

static void on_the_machine_a_veto_leaves_it_to_the_next(void **state)
{
	(void)state;
	in_child(after_a_veto_it_is_used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_the_machine_it_is_pinned_to_its_processor), /* before this process has threads */
		cmocka_unit_test(where_it_cannot_be_pinned_the_arrival_makes_its_own),
		cmocka_unit_test(on_the_machine_a_veto_leaves_it_to_the_next),
		cmocka_unit_test(without_a_thread_the_arrival_makes_its_own),
		cmocka_unit_test(without_memory_the_arrival_makes_its_own),
	};

	is_test = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
