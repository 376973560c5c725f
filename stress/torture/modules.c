/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modules.c - memory: the numbers change, modules arrive or fail to, threads wait for the two conditions, and a registrant hears
 * of each module. Only a simulated partition can be told all that; on the machine there is somebody who waits.
 */
#include <pthread.h>
#include <stdlib.h>

#include "world.h"

#define MODULES_LIMIT 300u
#define MIB ((uint64_t)1 << 20)

struct modules {
	pthread_mutex_t numbers; /* one thread changes them */
	struct dhp_arrival_notify *handle;
	atomic_ullong heard;
};

static void callback(void *context, const struct dhp_arrival *arrival)
{
	struct world *world = context;

	stalls_welcome();
	tally_check(world->tally, RULE_MEMORY, arrival->device_class == DHP_CLASS_MEMORY && arrival->name != NULL,
		    arrival->device_class, DHP_CLASS_MEMORY);
	atomic_fetch_add_explicit(&world->modules->heard, 1, memory_order_relaxed);
}

/* By whoever has the lock: nobody else changes the numbers. */
static void check(struct world *world)
{
	struct dhp_memory_info info;
	struct dhp_memory_event *low;
	bool holds = false;

	deed(world, DEED_MEMORY);
	if (!went_well(world, dhp_memory_read(world->engine, &info)))
		return;
	tally_equal(world->tally, RULE_MEMORY, info.low, info.available_bytes <= info.low_bytes);
	tally_equal(world->tally, RULE_MEMORY, info.high, !info.low && info.available_bytes >= info.high_bytes);
	if (!went_well(world, dhp_memory_event_open(world->engine, "LowMemoryCondition", &low)))
		return;
	went_well(world, dhp_memory_event_query(low, &holds));
	tally_equal(world->tally, RULE_MEMORY, holds, info.low);
	went_well(world, dhp_memory_event_close(low));
}

static void add_module(struct world *world, struct dice *dice)
{
	bool fails = dice_one_in(dice, 4);
	enum dhp_status status;

	if (fails)
		went_well(world, dhp_sim_memory_fail(world->engine, DHP_INJECTED));
	status = dhp_sim_memory_add(world->engine, MIB, 0);
	if (fails && status != DHP_INJECTED) /* there was no memory before it came to that */
		went_well(world, dhp_sim_memory_fail(world->engine, DHP_OK));
	if (!fails || status != DHP_INJECTED)
		went_well(world, status);
}

static void change(struct world *world, struct dice *dice)
{
	uint32_t added = 0;

	while (!stopping(world)) {
		if (!world->options->simulated || pthread_mutex_trylock(&world->modules->numbers) != 0) {
			sleep_us(5000);
			continue;
		}
		if (dice_one_in(dice, 8) && added++ < MODULES_LIMIT)
			add_module(world, dice);
		else
			went_well(world, dhp_sim_memory_set(world->engine, 8192 * MIB, dice_below(dice, 1024) * MIB));
		check(world);
		pthread_mutex_unlock(&world->modules->numbers);
		sleep_us(dice_below(dice, 2000));
	}
}

static void await(struct world *world, struct dice *dice)
{
	struct dhp_memory_event *event;

	while (!stopping(world)) {
		enum dhp_memory_condition condition = dice_one_in(dice, 2) ? DHP_MEMORY_LOW : DHP_MEMORY_HIGH;
		enum dhp_status status = dhp_memory_event_open_condition(world->engine, condition, &event);

		if (status == DHP_NOT_SUPPORTED || !went_well(world, status)) {
			sleep_us(5000);
			continue;
		}
		status = dhp_memory_event_wait(event, dice_below(dice, 4000000));
		if (status != DHP_TIMED_OUT)
			went_well(world, status);
		went_well(world, dhp_memory_event_close(event));
		sleep_us(dice_below(dice, 500));
	}
}

static void begin(struct world *world)
{
	struct modules *modules = world->modules = take(sizeof(*modules));

	pthread_mutex_init(&modules->numbers, NULL);
	went_well(world, dhp_arrival_register(world->engine, DHP_CLASS_MEMORY, callback, world, DHP_NOTIFY_EXISTING,
					      &modules->handle));
}

static void end(struct world *world)
{
	struct modules *modules = world->modules;
	struct dhp_memory_info info = {.modules_count = 0};
	uint64_t heard;

	went_well(world, dhp_arrival_drain(world->engine));
	dhp_arrival_unregister(modules->handle);
	heard = atomic_load_explicit(&modules->heard, memory_order_relaxed);
	if (world->options->simulated && went_well(world, dhp_memory_read(world->engine, &info)))
		tally_check(world->tally, RULE_MEMORY, heard >= info.modules_count && heard <= 2 * (uint64_t)info.modules_count,
			    heard, info.modules_count);
	pthread_mutex_destroy(&modules->numbers);
	free(modules);
}

const struct part part_modules = {
	.name = "modules", .group = GROUP_NOTIFICATION, .begin = begin, .acts = {change, await}, .end = end};
