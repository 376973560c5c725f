/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - see world.h.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "world.h"

void *take(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (memory == NULL) {
		fprintf(stderr, "torture: no memory\n");
		exit(3);
	}
	return memory;
}

bool went_well(struct world *world, enum dhp_status status)
{
	if (is_excused(world, status))
		return false;
	return tally_check(world->tally, RULE_STATUS, status == DHP_OK, (uint64_t)(int64_t)status, DHP_OK);
}

void sleep_us(uint32_t us)
{
	struct timespec time = {(time_t)(us / 1000000u), (long)(us % 1000000u) * 1000};

	nanosleep(&time, NULL);
}

uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t now_ms(void)
{
	return now_ns() / 1000000u;
}

uint32_t any_index(struct world *world, struct dice *dice)
{
	struct dhp_counts counts;

	if (!went_well(world, dhp_counts_read(world->engine, &counts)))
		return 0;
	return dice_below(dice, counts.active);
}

void count(struct world *world, uint64_t amount)
{
	dhp_counter_add(world->counter, amount);
	atomic_fetch_add_explicit(&world->counted, amount, memory_order_relaxed);
}

uint64_t departures(struct world *world)
{
	struct dhp_counts counts = {.active = 0};

	went_well(world, dhp_counts_read(world->engine, &counts));
	return counts.generation - counts.active;
}

void placement_begins(struct world *world)
{
	world->quiet = departures(world);
}

/*
 * A processor that has left has its work done elsewhere, and each piece is counted. Whether somebody took cpus away shows in
 * the generation: an arrival alone raises it by one.
 */
void placement_checks(struct world *world)
{
	uint64_t elsewhere = atomic_load_explicit(&world->elsewhere, memory_order_relaxed);
	uint64_t displaced = atomic_load_explicit(&world->displaced, memory_order_relaxed);
	struct dhp_engine_stats stats;
	struct dhp_processor_stats one;
	struct dhp_counts counts;
	uint64_t disturbed;
	uint32_t index;

	if (!went_well(world, dhp_engine_stats_read(world->engine, &stats)) ||
	    !went_well(world, dhp_counts_read(world->engine, &counts)))
		return;
	tally_add(world->tally, DEED_ELSEWHERE, elsewhere);
	tally_check(world->tally, RULE_TARGET, elsewhere <= stats.diverted_count, elsewhere, stats.diverted_count);
	disturbed = departures(world) - world->quiet;
	for (index = 0; index < counts.active; index++)
		if (went_well(world, dhp_processor_stats_read(world->engine, index, &one)))
			disturbed += one.pin_restored_count + one.pin_refused_count;
	tally_check(world->tally, RULE_PLACE, displaced == 0 || disturbed != 0, displaced, 0);
}

static void count_place(struct world *world, uint32_t here)
{
	struct dhp_processor processor;

	if (!world->options->simulated && went_well(world, dhp_processor_at(world->engine, here, &processor)) &&
	    (int)processor.cpu != sched_getcpu())
		atomic_fetch_add_explicit(&world->displaced, 1, memory_order_relaxed);
}

void routine_checks(struct world *world, uint32_t target, uint64_t random)
{
	uint32_t here = dhp_index_here(world->engine);

	stalls_welcome();
	if (atomic_load_explicit(&world->bare, memory_order_acquire))
		return; /* what is counted from here on nobody looks at */
	if (target != DHP_NO_INDEX && here != target)
		atomic_fetch_add_explicit(&world->elsewhere, 1, memory_order_relaxed);
	count_place(world, here);
	count(world, 1);
	slots_glance(world, random);
	links_glance(world, random);
	ages_glance(world, random);
	(void)dhp_dpc_should_yield();
	blocks_glance(world, random);
	rundowns_glance(world, random);
	lanes_glance(world, random);
}
