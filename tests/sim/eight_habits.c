/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The eight habits of docs/driver-guide.md (S-033), through ten arrivals: the broken driver serves all processors before the
 * first one, and fails after each in the way that the guide says; the right one serves all after each.
 */
#include "support.h"

#include <stdlib.h>

#include <dhp/rebalance.h>

#include "habits.h"

#define MAXIMUM 12u
#define INITIAL 2u
#define ARRIVALS (MAXIMUM - INITIAL)

/* After positions 0 and 1, in groups of three and of five: another group first, then holes in both. */
static const uint32_t order_of_arrival[ARRIVALS] = { 9, 4, 11, 2, 7, 3, 10, 5, 8, 6 };

/* ---- memory that is counted, and may be none ---- */

static void *live[2 * MAXIMUM];
static bool no_memory;

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void __real_free(void *memory);
void __wrap_free(void *memory);

/* The engine's threads free memory too. */
static bool exchange_live(void *old, void *with)
{
	for (uint32_t i = 0; i < LENGTH(live); i++) {
		void *expected = old;

		if (__atomic_compare_exchange_n(&live[i], &expected, with, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* Of the drivers: nobody else here calls it. In the main thread. */
void *__wrap_calloc(size_t count, size_t bytes)
{
	void *memory = no_memory ? NULL : __real_calloc(count, bytes);

	if (memory != NULL)
		assert_true(exchange_live(NULL, memory));
	return memory;
}

void __wrap_free(void *memory)
{
	if (memory != NULL)
		(void)exchange_live(memory, NULL);
	__real_free(memory);
}

static uint32_t live_count(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < LENGTH(live); i++)
		count += __atomic_load_n(&live[i], __ATOMIC_RELAXED) != NULL;
	return count;
}

/* ---- a driver through its life ---- */

static void begin(const struct driver *driver)
{
	static const uint8_t three_and_five[] = { 3, 5 };
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = INITIAL, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 6, .seed = 11 };

	engine = make_sim(&setup);
	assert_ok(dhp_rebalance_drain(engine));
	assert_true(driver->load());
}

static void end(const struct driver *driver)
{
	driver->unload();
	assert_int_equal(live_count(), 0);
	end_engine(engine);
}

static void arrive(uint32_t nth)
{
	assert_ok(add_position(engine, order_of_arrival[nth]));
	assert_ok(dhp_arrival_drain(engine));
	assert_ok(dhp_rebalance_drain(engine));
}

static uint32_t serve(const struct driver *driver)
{
	served_clear();
	driver->work();
	assert_ok(dhp_dpc_flush(engine));
	return driver->served();
}

static void assert_serves_all(const struct driver *driver)
{
	assert_int_equal(serve(driver), active_count(engine));
	assert_int_equal(crashes_count(), 0);
}

static void assert_right(const struct driver *driver)
{
	begin(driver);
	assert_serves_all(driver);
	for (uint32_t i = 0; i < ARRIVALS; i++) {
		arrive(i);
		assert_serves_all(driver);
	}
	end(driver);
}

/* served[i]: after i arrivals. Each of the others crashes, or none does. */
static void assert_broken(const struct driver *driver, const uint32_t served[1 + ARRIVALS], bool crash)
{
	begin(driver);
	for (uint32_t i = 0; i <= ARRIVALS; i++) {
		if (i > 0)
			arrive(i - 1);
		assert_int_equal(serve(driver), served[i]);
		assert_int_equal(crashes_count(), crash ? i : 0);
	}
	end(driver);
}

static const uint32_t those_of_the_start[1 + ARRIVALS] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 };

/* What the last work added to a processor's count of routines. */
static uint64_t run_count(uint32_t index)
{
	struct dhp_processor_stats stats;

	assert_ok(dhp_processor_stats_read(engine, index, &stats));
	return stats.run_count;
}

static void assert_newcomers_idle(void)
{
	for (uint32_t index = INITIAL; index < active_count(engine); index++)
		assert_int_equal(run_count(index), 0);
}

/* After all arrivals; the caller ends it. */
static void begin_with_all(const struct driver *driver)
{
	begin(driver);
	for (uint32_t i = 0; i < ARRIVALS; i++)
		arrive(i);
}

/* ---- 1 ---- */

static void sized_at_load_there_are_buffers_for_two_processors_S033(void **state)
{
	(void)state;
	assert_broken(&sizing.broken, those_of_the_start, false);
}

static void sized_again_in_complete_there_are_buffers_for_all_S033_S015_S031(void **state)
{
	(void)state;
	assert_right(&sizing.right);
}

/* ---- 2 ---- */

static void a_walk_over_bits_ends_at_the_first_gap_S033(void **state)
{
	/* The third processor of the first group is the fourth that comes. */
	static const uint32_t served[1 + ARRIVALS] = { 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3 };

	(void)state;
	assert_broken(&walking.broken, served, false);
}

static void a_walk_over_indexes_sees_all_S033(void **state)
{
	(void)state;
	assert_right(&walking.right);
}

/* ---- 3 ---- */

static void a_bit_says_whose_a_queue_is_and_two_groups_have_it_S033(void **state)
{
	/* Bits that come, after 0 and 1: 1 1 0 2 4 0 2 2 0 3. Served: those that stand there once. */
	static const uint32_t served[1 + ARRIVALS] = { 2, 1, 1, 0, 1, 2, 2, 1, 1, 1, 2 };

	(void)state;
	assert_broken(&assigning.broken, served, false);
}

static void an_index_says_whose_a_queue_is_S033_S032(void **state)
{
	(void)state;
	assert_right(&assigning.right);
}

/* ---- 4 ---- */

static void a_newcomer_finds_no_structure_S033(void **state)
{
	(void)state;
	assert_broken(&structures.broken, those_of_the_start, true);
}

static void structures_are_made_in_start_and_undone_in_failure_S033_S011_S015(void **state)
{
	(void)state;
	assert_right(&structures.right);
	begin(&structures.right);
	assert_int_equal(live_count(), INITIAL);
	/* Somebody else fails: what was made in Start goes again. */
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, order_of_arrival[0]), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, order_of_arrival[0]), DHP_NO_THREAD);
	assert_int_equal(live_count(), INITIAL);
	/* There is no memory: the processor does not come, and all goes on as before. */
	no_memory = true;
	assert_status(add_position(engine, order_of_arrival[0]), DHP_NO_MEMORY);
	no_memory = false;
	assert_int_equal(live_count(), INITIAL);
	assert_int_equal(active_count(engine), INITIAL);
	assert_serves_all(&structures.right);
	arrive(0);
	assert_int_equal(live_count(), INITIAL + 1);
	assert_serves_all(&structures.right);
	end(&structures.right);
}

/* ---- 5 ---- */

static void a_newcomer_indexes_beyond_the_array_S033(void **state)
{
	(void)state;
	assert_broken(&current.broken, those_of_the_start, true);
}

static void the_slot_of_the_current_processor_is_always_there_S033(void **state)
{
	(void)state;
	assert_right(&current.right);
}

/* ---- 6 ---- */

static void aimed_by_number_the_dpcs_of_newcomers_pile_up_on_processor_0_S033(void **state)
{
	uint64_t before;

	(void)state;
	assert_broken(&placing.broken, those_of_the_start, false);
	begin_with_all(&placing.broken);
	before = run_count(0);
	assert_int_equal(serve(&placing.broken), INITIAL);
	assert_int_equal(run_count(0) - before, 1 + ARRIVALS);
	assert_newcomers_idle();
	end(&placing.broken);
}

static void aimed_by_index_in_start_each_dpc_runs_where_it_has_to_S033_S155(void **state)
{
	(void)state;
	assert_right(&placing.right);
}

/* ---- 7 ---- */

static void who_refuses_to_stop_gets_no_newcomer_S033_S421(void **state)
{
	struct dhp_rebalance_stats stats;

	(void)state;
	assert_broken(&rebalance.broken, those_of_the_start, false);
	begin_with_all(&rebalance.broken);
	assert_int_equal(serve(&rebalance.broken), INITIAL);
	assert_newcomers_idle();
	assert_ok(dhp_rebalance_stats_read(engine, &stats));
	assert_int_equal(stats.refused_count, ARRIVALS);
	assert_int_equal(stats.moved_count, 0);
	end(&rebalance.broken);
}

static void who_agrees_to_stop_starts_with_the_newcomer_S033_S466(void **state)
{
	(void)state;
	assert_right(&rebalance.right);
}

/* ---- 8 ---- */

static void turns_over_an_old_count_pass_newcomers_by_S033(void **state)
{
	(void)state;
	assert_broken(&balancing.broken, those_of_the_start, false);
	begin_with_all(&balancing.broken);
	assert_int_equal(serve(&balancing.broken), INITIAL);
	assert_newcomers_idle();
	end(&balancing.broken);
}

static void without_a_target_newcomers_take_their_share_S033_S620(void **state)
{
	(void)state;
	assert_right(&balancing.right);
}

static void turns_over_the_count_of_the_moment_reach_all_S033_S031(void **state)
{
	(void)state;
	assert_right(&balancing_in_turn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sized_at_load_there_are_buffers_for_two_processors_S033),
		cmocka_unit_test(sized_again_in_complete_there_are_buffers_for_all_S033_S015_S031),
		cmocka_unit_test(a_walk_over_bits_ends_at_the_first_gap_S033),
		cmocka_unit_test(a_walk_over_indexes_sees_all_S033),
		cmocka_unit_test(a_bit_says_whose_a_queue_is_and_two_groups_have_it_S033),
		cmocka_unit_test(an_index_says_whose_a_queue_is_S033_S032),
		cmocka_unit_test(a_newcomer_finds_no_structure_S033),
		cmocka_unit_test(structures_are_made_in_start_and_undone_in_failure_S033_S011_S015),
		cmocka_unit_test(a_newcomer_indexes_beyond_the_array_S033),
		cmocka_unit_test(the_slot_of_the_current_processor_is_always_there_S033),
		cmocka_unit_test(aimed_by_number_the_dpcs_of_newcomers_pile_up_on_processor_0_S033),
		cmocka_unit_test(aimed_by_index_in_start_each_dpc_runs_where_it_has_to_S033_S155),
		cmocka_unit_test(who_refuses_to_stop_gets_no_newcomer_S033_S421),
		cmocka_unit_test(who_agrees_to_stop_starts_with_the_newcomer_S033_S466),
		cmocka_unit_test(turns_over_an_old_count_pass_newcomers_by_S033),
		cmocka_unit_test(without_a_target_newcomers_take_their_share_S033_S620),
		cmocka_unit_test(turns_over_the_count_of_the_moment_reach_all_S033_S031),
	};

	return cmocka_run_group_tests_name("eight_habits", tests, NULL, NULL);
}
