/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system refuses memory to lookaside lists, run-down protection and registrations of the extension channel: each call
 * by which they ask is made to fail once. The call of the library says so, nothing remains, and the next attempt succeeds.
 */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <dhp/change.h>
#include <dhp/lanes.h>
#include <dhp/lookaside.h>
#include <dhp/rundown.h>
#include <dhp/thread.h>

enum kind { MEMORY, SPACE, TOUCH, KINDS };

/* Only calls of the thread that armed are counted and refused. */
static _Thread_local uint32_t countdown[KINDS]; /* 1: the next is refused; 0: none */
static _Thread_local bool hit;
static _Thread_local bool barrier_refused;
static uint64_t barriers_refused, barrier_refusals; /* to all threads, since */
static _Thread_local bool affinity_refused;
static _Thread_local bool read_refused; /* after the next write of the affinity */
static _Thread_local bool written;

static bool refused(enum kind kind)
{
	if (countdown[kind] == 0 || --countdown[kind] != 0)
		return false;
	hit = true;
	errno = ENOMEM;
	return true;
}

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return refused(MEMORY) ? NULL : __real_aligned_alloc(alignment, bytes);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
	return refused(SPACE) ? MAP_FAILED : __real_mmap(address, bytes, protection, flags, file, offset);
}

int __wrap_madvise(void *address, size_t bytes, int advice)
{
	return refused(TOUCH) ? -1 : __real_madvise(address, bytes, advice);
}

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (barrier_refused && number == SYS_membarrier) {
		errno = EPERM;
		return -1;
	}
	if (number == SYS_membarrier && peek(&barriers_refused) != 0) {
		(void)bump(&barrier_refusals);
		errno = EPERM;
		return -1;
	}
	if (affinity_refused && number == SYS_sched_setaffinity) {
		errno = EINVAL;
		return -1;
	}
	if (read_refused && written && number == SYS_sched_getaffinity) {
		read_refused = written = false;
		errno = EINVAL;
		return -1;
	}
	written = read_refused && number == SYS_sched_setaffinity;
	return __real_syscall(number, a, b, c, d, e, f);
}

static void hear(void *context, uint64_t generation)
{
	(void)context;
	(void)generation;
}

/* Each makes something, and unmakes it if that worked. */
static enum dhp_status make_list(struct dhp_engine *engine)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64 };
	struct dhp_lookaside *list = NULL;
	enum dhp_status status = dhp_lookaside_create(engine, &options, &list);

	assert_true((status == DHP_OK) == (list != NULL));
	assert_ok(dhp_lookaside_destroy(list));
	return status;
}

static void run_nothing(void *context, void *const *items, uint32_t count)
{
	(void)context;
	(void)items;
	(void)count;
}

static enum dhp_status make_lanes(struct dhp_engine *engine)
{
	const struct dhp_lanes_options options = { .size = sizeof(options), .routine = run_nothing, .capacity = 16 };
	struct dhp_lanes *lanes = NULL;
	enum dhp_status status = dhp_lanes_create(engine, &options, &lanes);

	assert_true((status == DHP_OK) == (lanes != NULL));
	assert_ok(dhp_lanes_destroy(lanes));
	return status;
}

static enum dhp_status make_rundown(struct dhp_engine *engine)
{
	struct dhp_rundown_percpu *rundown = NULL;
	enum dhp_status status = dhp_rundown_percpu_create(engine, &rundown);

	assert_true((status == DHP_OK) == (rundown != NULL));
	assert_ok(dhp_rundown_percpu_destroy(rundown));
	return status;
}

static enum dhp_status make_registration(struct dhp_engine *engine)
{
	struct dhp_change_notify *registration = NULL;
	enum dhp_status status = dhp_change_register(engine, hear, NULL, NULL, &registration);

	assert_true((status == DHP_OK) == (registration != NULL));
	assert_ok(dhp_change_unregister(registration));
	return status;
}

static void refuse_each(enum dhp_status (*make)(struct dhp_engine *engine), uint32_t at_least)
{
	struct dhp_engine *engine = make_sim_of(4, 3);
	uint32_t refusals = 0;

	for (uint32_t kind = 0; kind < KINDS; kind++) {
		for (uint32_t nth = 1;; nth++) {
			enum dhp_status status;

			countdown[kind] = nth;
			hit = false;
			status = make(engine);
			countdown[kind] = 0;
			if (!hit) {
				assert_ok(status);
				break;
			}
			refusals++;
			assert_status(status, DHP_NO_MEMORY);
			assert_ok(make(engine));
		}
	}
	assert_true(refusals >= at_least);
	end_engine(engine); /* nothing remained: it would be in use */
}

static void creation_fails_as_a_whole_S701_S728_S801(void **state)
{
	(void)state;
	refuse_each(make_list, 4);
	refuse_each(make_lanes, 7);
	refuse_each(make_rundown, 4);
	refuse_each(make_registration, 1);
}

/* The newcomer's lane is refused, then made: what waits there is not touched, and a later attempt has all (S-035). */
static void a_processor_whose_lane_finds_no_memory_does_not_arrive_S035(void **state)
{
	const struct dhp_lanes_options options = { .size = sizeof(options), .routine = run_nothing, .capacity = 16 };
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lanes *lanes = NULL;

	(void)state;
	assert_ok(dhp_lanes_create(engine, &options, &lanes));
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
	countdown[MEMORY] = 1;
	hit = false;
	assert_status(add_position(engine, 1), DHP_NO_MEMORY);
	assert_true(hit);
	assert_ok(dhp_lanes_push(lanes, engine));
	assert_ok(add_position(engine, 1));
	assert_ok(dhp_lanes_push(lanes, engine));
	assert_ok(dhp_lanes_flush(lanes));
	dhp_sim_exit();
	assert_ok(dhp_lanes_destroy(lanes));
	end_engine(engine);
}

/* The machine aborts nobody's sequences: lanes have none. */
static void lanes_do_without_what_the_system_refuses_S035(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };
	const struct dhp_lanes_options options = { .size = sizeof(options), .routine = run_nothing };
	struct dhp_engine *engine = NULL;
	struct dhp_lanes *lanes = NULL;

	(void)state;
	assert_ok(dhp_engine_create(&machine, &engine));
	barrier_refused = true;
	assert_ok(dhp_lanes_create(engine, &options, &lanes));
	barrier_refused = false;
	assert_int_equal(lanes->restartable, 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_ok(dhp_lanes_push(lanes, engine));
	assert_ok(dhp_lanes_flush(lanes));
	assert_ok(dhp_lanes_destroy(lanes));
	assert_ok(dhp_engine_destroy(engine));
}

static void count_items(void *context, void *const *items, uint32_t count)
{
	(void)items;
	for (uint32_t i = 0; i < count; i++)
		(void)bump(context);
}

/* It is looked at as long as the system does not let it be left: nobody who pushes has to ring. Then it is left. */
static void a_lane_that_the_system_does_not_let_go_is_kept(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };
	struct dhp_lanes_options options = { .size = sizeof(options), .routine = count_items, .flags = DHP_LANES_AIMED };
	struct dhp_engine *engine = NULL;
	struct dhp_lanes *lanes = NULL;
	cpu_set_t before, others;
	uint64_t ran = 0, so_far;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2)
		skip();
	others = before;
	CPU_CLR(largest_cpu(&before), &others);
	assert_ok(dhp_engine_create(&machine, &engine));
	go_to_cpu(largest_cpu(&others));
	options.context = &ran;
	assert_ok(dhp_index_of_cpu(engine, largest_cpu(&before), &options.target)); /* so that it is left from another processor */
	assert_ok(dhp_lanes_create(engine, &options, &lanes));
	if (lanes->restartable != 0) {
		poke(&barriers_refused, 1);
		for (uint64_t i = 1; i <= 3; i++) {
			so_far = peek(&barrier_refusals);
			assert_ok(dhp_lanes_push(lanes, engine));
			assert_true(wait_for_count(&ran, i));
			assert_true(wait_for_count(&barrier_refusals, so_far + 3)); /* it is asked for again and again */
		}
		poke(&barriers_refused, 0);
	}
	so_far = peek(&ran);
	assert_ok(dhp_lanes_push(lanes, engine));
	assert_ok(dhp_lanes_flush(lanes));
	assert_int_equal(peek(&ran), so_far + 1);
	assert_ok(dhp_lanes_destroy(lanes));
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	assert_ok(dhp_engine_destroy(engine));
}

static void a_block_that_the_system_refuses_is_null_S703(void **state)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64 };
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_lookaside *list = NULL;
	struct dhp_lookaside_counts counts;
	void *block;

	(void)state;
	assert_ok(dhp_lookaside_create(engine, &options, &list));
	countdown[MEMORY] = 1;
	assert_null(dhp_lookaside_allocate(list));
	block = dhp_lookaside_allocate(list);
	assert_non_null(block);
	dhp_lookaside_free(list, block);
	assert_ok(dhp_lookaside_counts_read(list, &counts));
	assert_int_equal(counts.made, 1);
	assert_ok(dhp_lookaside_destroy(list));
	end_engine(engine);
}

/* The machine: the kernel aborts nobody's sequences. */
static void a_list_does_without_restartable_sequences_that_nobody_can_abort_S701(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64 };
	struct dhp_engine *engine = NULL;
	struct dhp_lookaside *list = NULL;
	struct dhp_lookaside_counts counts;

	(void)state;
	assert_ok(dhp_engine_create(&machine, &engine));
	barrier_refused = true;
	assert_ok(dhp_lookaside_create(engine, &options, &list));
	barrier_refused = false;
	assert_int_equal(list->restartable, 0);
	dhp_lookaside_free(list, dhp_lookaside_allocate(list));
	assert_ok(dhp_lookaside_flush(list));
	assert_ok(dhp_lookaside_counts_read(list, &counts));
	assert_int_equal(counts.kept, 0);
	assert_ok(dhp_lookaside_destroy(list));
	assert_ok(dhp_engine_destroy(engine));
}

static void a_flush_says_what_the_system_refused_and_blocks_stay_S704(void **state)
{
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64 };
	struct dhp_engine *engine = NULL;
	struct dhp_lookaside *list = NULL;
	struct dhp_lookaside_counts counts;

	(void)state;
	assert_ok(dhp_engine_create(&machine, &engine));
	assert_ok(dhp_lookaside_create(engine, &options, &list));
	dhp_lookaside_free(list, dhp_lookaside_allocate(list));
	barrier_refused = true;
	assert_status(dhp_lookaside_flush(list), list->restartable != 0 ? DHP_NOT_SUPPORTED : DHP_OK);
	barrier_refused = false;
	assert_ok(dhp_lookaside_counts_read(list, &counts));
	assert_int_equal(counts.kept, list->restartable != 0);
	dhp_lookaside_free(list, dhp_lookaside_allocate(list)); /* its cache is open again */
	assert_ok(dhp_lookaside_flush(list));
	assert_ok(dhp_lookaside_counts_read(list, &counts));
	assert_int_equal(counts.kept, 0);
	assert_ok(dhp_lookaside_destroy(list));
	assert_ok(dhp_engine_destroy(engine));
}

/* The machine: the kernel says no. */
static void an_affinity_that_the_system_refuses_changes_nothing_S542(void **state)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH };
	struct dhp_affinity wanted = { .mask = UINT64_MAX }, previous = { .mask = 7 }, one = { .mask = 0 };
	cpu_set_t before, after;
	const struct dhp_affinity users = { .mask = 0 };
	struct dhp_engine *engine = NULL;
	struct dhp_processor first;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	assert_ok(dhp_processor_at(engine, 0, &first));
	wanted.group = first.number.group;
	affinity_refused = true;
	assert_status(dhp_thread_affinity_set(engine, &wanted, &previous), DHP_NO_AFFINITY);
	assert_int_equal(previous.mask, 0);
	affinity_refused = false;
	assert_status(dhp_thread_affinity_revert(engine, &users), DHP_NO_EFFECT);
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	read_refused = true; /* the system has done it, and does not say what */
	one.group = first.number.group;
	one.mask = 1ull << first.number.number;
	assert_status(dhp_thread_affinity_set(engine, &one, &previous), DHP_NO_AFFINITY);
	assert_false(read_refused);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_status(dhp_thread_affinity_revert(engine, &users), DHP_NO_EFFECT);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, &previous));
	affinity_refused = true;
	assert_status(dhp_thread_affinity_revert(engine, &users), DHP_NO_AFFINITY);
	affinity_refused = false;
	assert_ok(dhp_thread_affinity_revert(engine, &users)); /* it was still in force */
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creation_fails_as_a_whole_S701_S728_S801),
		cmocka_unit_test(a_processor_whose_lane_finds_no_memory_does_not_arrive_S035),
		cmocka_unit_test(lanes_do_without_what_the_system_refuses_S035),
		cmocka_unit_test(a_lane_that_the_system_does_not_let_go_is_kept),
		cmocka_unit_test(a_block_that_the_system_refuses_is_null_S703),
		cmocka_unit_test(a_list_does_without_restartable_sequences_that_nobody_can_abort_S701),
		cmocka_unit_test(a_flush_says_what_the_system_refused_and_blocks_stay_S704),
		cmocka_unit_test(an_affinity_that_the_system_refuses_changes_nothing_S542),
	};

	return cmocka_run_group_tests_name("refused_facilities", tests, NULL, NULL);
}
