/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * While a section stays open, what waits for its end is what was deferred, and the library has not a byte more.
 *
 * The linker puts a count around each function of the port that gives or takes memory, so it is of all that the engine has:
 * objects, blocks, address space, and pages of that which were asked for.
 */
#include "support.h"

#include <malloc.h>

#include <dhp/lanes.h>
#include <dhp/lookaside.h>
#include <dhp/memory.h>
#include <dhp/rebalance.h>
#include <dhp/timer.h>

/* ---- bytes ---- */

struct bytes {
	uint64_t live;    /* given and not taken back */
	uint64_t asked;   /* ever */
	uint64_t touched; /* ever, of address space */
};

static struct bytes bytes;

static void raise_by(uint64_t *counter, uint64_t by)
{
	(void)__atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

static struct bytes bytes_now(void)
{
	return (struct bytes){ peek(&bytes.live), peek(&bytes.asked), peek(&bytes.touched) };
}

static void *given(void *p, size_t count)
{
	if (p != NULL) {
		raise_by(&bytes.live, count);
		raise_by(&bytes.asked, count);
	}
	return p;
}

static void taken(const void *p, size_t count)
{
	if (p != NULL)
		(void)__atomic_fetch_sub(&bytes.live, count, __ATOMIC_RELAXED);
}

/* Declares both ends: what the engine calls, and what that calls. */
#define BETWEEN(type, name, parameters) \
	type __real_##name parameters;  \
	type __wrap_##name parameters;  \
	type __wrap_##name parameters

BETWEEN(void *, port_alloc, (size_t count))
{
	return given(__real_port_alloc(count), count);
}

BETWEEN(void, port_free, (void *p, size_t count))
{
	taken(p, count);
	__real_port_free(p, count);
}

BETWEEN(void *, port_block_alloc, (size_t count))
{
	void *p = __real_port_block_alloc(count);

	return given(p, malloc_usable_size(p));
}

BETWEEN(void, port_block_free, (void *p))
{
	taken(p, malloc_usable_size(p));
	__real_port_block_free(p);
}

BETWEEN(void *, port_reserve, (size_t count))
{
	return given(__real_port_reserve(count), count);
}

BETWEEN(void, port_unreserve, (void *p, size_t count))
{
	taken(p, count);
	__real_port_unreserve(p, count);
}

BETWEEN(bool, port_touch, (void *p, size_t count, uint32_t node))
{
	raise_by(&bytes.touched, count);
	return __real_port_touch(p, count, node);
}

/* ---- an engine whose reader stays in a section ---- */

#define MANY 2000u

static struct dhp_engine *engine;
static struct dhp_reader *reader;
static struct dhp_deferred many[MANY];
static uint64_t reclaimed;

static void reclaim(struct dhp_deferred *deferred)
{
	(void)deferred;
	(void)bump(&reclaimed);
}

static int begin(void **state)
{
	(void)state;
	poke(&reclaimed, 0);
	engine = make_sim_of(8, 2);
	assert_ok(dhp_reader_join(engine, &reader));
	return 0;
}

static void enter_and_defer(void)
{
	dhp_epoch_enter(reader);
	for (uint32_t i = 0; i < MANY; i++)
		assert_ok(dhp_epoch_defer(engine, &many[i], reclaim));
}

static void leave_and_drain(void)
{
	assert_true(peek(&reclaimed) == 0);
	dhp_epoch_exit(reader);
	assert_ok(dhp_epoch_drain(engine));
	assert_true(peek(&reclaimed) == MANY);
}

/* What the engine had before it has not after. */
static int end(void **state)
{
	(void)state;
	assert_ok(dhp_reader_leave(reader));
	end_engine(engine);
	return bytes_now().live == 0 ? 0 : -1;
}

static void assert_not_a_byte_more(const struct bytes *before)
{
	struct bytes after = bytes_now();

	if (after.live == before->live && after.touched == before->touched)
		return;
	fail_msg("%lld bytes more, %lld more touched", (long long)(after.live - before->live),
		 (long long)(after.touched - before->touched));
}

static void objects_that_wait_for_a_section_take_nothing_of_the_library(void **state)
{
	struct dhp_engine_stats stats;
	struct bytes before = bytes_now();

	(void)state;
	assert_true(before.live > 0);
	enter_and_defer();
	sleep_us(2000);
	assert_true(bytes_now().asked == before.asked);
	assert_not_a_byte_more(&before);
	assert_ok(dhp_engine_stats_read(engine, &stats));
	assert_true(stats.reclaimed_count == 0);
	leave_and_drain();
	assert_true(bytes_now().asked == before.asked);
}

/* ---- everybody else goes on ---- */

#define ROUNDS TIMES(40)
#define WARM 4u /* rounds until whatever is kept for the next is there */
#define DPCS 32u
#define BLOCKS 64u

static struct dhp_dpc dpcs[DPCS];
static struct dhp_timer timer;
static struct dhp_lookaside *list;
static struct dhp_lanes *lanes;
static uint64_t runs;

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(context);
}

static void count_items(void *context, void *const *items, uint32_t count)
{
	(void)items;
	raise_by(context, count);
}

static void make_objects(void)
{
	const struct dhp_lookaside_options blocks = { .size = sizeof(blocks), .block_bytes = 100 };
	const struct dhp_lanes_options options = { .size = sizeof(options), .routine = count_items, .context = &runs };

	poke(&runs, 0);
	for (uint32_t i = 0; i < DPCS; i++)
		assert_ok(dhp_dpc_init(&dpcs[i], engine, count_run, &runs));
	assert_ok(dhp_timer_init(&timer, engine));
	assert_ok(dhp_lookaside_create(engine, &blocks, &list));
	assert_ok(dhp_lanes_create(engine, &options, &lanes));
}

static void objects_gone(void)
{
	assert_ok(dhp_lanes_destroy(lanes));
	assert_ok(dhp_lookaside_destroy(list));
}

static void use_work(void)
{
	const struct dhp_timer_setting soon = { .size = sizeof(soon), .due_ns = 1000 };

	for (uint32_t i = 0; i < DPCS; i++)
		assert_ok(dhp_dpc_insert(&dpcs[i], NULL, NULL));
	for (uint32_t i = 0; i < DPCS; i++)
		assert_ok(dhp_lanes_push(lanes, &dpcs[i]));
	assert_ok(dhp_timer_set(&timer, &soon));
	assert_ok(dhp_timer_wait(&timer, false, DHP_TIMER_FOREVER));
	assert_ok(dhp_dpc_flush(engine));
	assert_ok(dhp_lanes_flush(lanes));
}

static void use_blocks(void)
{
	void *blocks[BLOCKS];

	for (uint32_t i = 0; i < BLOCKS; i++) {
		blocks[i] = dhp_lookaside_allocate(list);
		assert_non_null(blocks[i]);
	}
	for (uint32_t i = 0; i < BLOCKS; i++)
		dhp_lookaside_free(list, blocks[i]);
	assert_ok(dhp_lookaside_flush(list)); /* so that none is kept by chance */
}

static void come_and_go(void)
{
	struct dhp_reader *readers[3];
	struct dhp_memory_event *event = NULL;

	for (uint32_t i = 0; i < LENGTH(readers); i++)
		assert_ok(dhp_reader_join(engine, &readers[i]));
	for (uint32_t i = 0; i < LENGTH(readers); i++)
		assert_ok(dhp_reader_leave(readers[i]));
	assert_ok(dhp_memory_event_open_condition(engine, DHP_MEMORY_LOW, &event));
	assert_ok(dhp_memory_event_close(event));
	assert_ok(dhp_pause_all(engine, 1000000));
	assert_ok(dhp_resume_all(engine));
}

static void one_round(void)
{
	use_work();
	use_blocks();
	come_and_go();
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), false));
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 1), true));
	assert_ok(dhp_rebalance_request(engine));
	assert_ok(dhp_rebalance_drain(engine));
	assert_ok(dhp_arrival_drain(engine));
}

static void everybody_goes_on_beside_an_open_section_in_the_memory_that_there_is(void **state)
{
	struct bytes before;

	(void)state;
	make_objects();
	enter_and_defer();
	for (uint32_t i = 0; i < WARM; i++)
		one_round();
	before = bytes_now();
	for (uint32_t i = 0; i < ROUNDS; i++)
		one_round();
	assert_not_a_byte_more(&before);
	assert_true(peek(&runs) == 2 * (WARM + ROUNDS) * (uint64_t)DPCS);
	leave_and_drain();
	objects_gone();
}

/* An arrival waits for no grace period, and takes what it takes without one. */
static uint64_t bytes_of_arrivals(bool in_section)
{
	struct bytes before = bytes_now();

	if (in_section)
		enter_and_defer();
	add_positions(engine, 2, 8);
	assert_ok(dhp_arrival_drain(engine));
	return bytes_now().live - before.live;
}

static void processors_that_arrive_beside_an_open_section_take_what_they_always_take(void **state)
{
	uint64_t beside, alone;

	beside = bytes_of_arrivals(true);
	leave_and_drain();
	assert_int_equal(end(state), 0);
	(void)begin(state);
	alone = bytes_of_arrivals(false);
	assert_true(alone > 0 && beside == alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects_that_wait_for_a_section_take_nothing_of_the_library, begin, end),
		cmocka_unit_test_setup_teardown(everybody_goes_on_beside_an_open_section_in_the_memory_that_there_is, begin, end),
		cmocka_unit_test_setup_teardown(processors_that_arrive_beside_an_open_section_take_what_they_always_take, begin, end),
	};

	return cmocka_run_group_tests_name("memory_bound", tests, NULL, NULL);
}
