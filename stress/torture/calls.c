/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c - one function on all processors at once, while they arrive: it runs once on each, and nobody passes a meeting that
 * somebody has still to come to.
 */
#include <stdlib.h>

#include "world.h"

struct call {
	struct world *world;
	atomic_uint came, passed, last;
	atomic_uint *runs; /* by index */
	uint64_t brought;  /* plain: the caller, before; each run looks at it */
};

static uintptr_t called(void *argument)
{
	struct call *call = argument;
	struct world *world = call->world;
	uint32_t index = dhp_index_here(world->engine), came;

	stalls_welcome();
	tally_equal(world->tally, RULE_CALL, call->brought, (uint64_t)(uintptr_t)call);
	atomic_fetch_add_explicit(&call->runs[index], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&call->came, 1, memory_order_relaxed);
	if (dhp_call_meet(world->engine))
		atomic_fetch_add_explicit(&call->last, 1, memory_order_relaxed);
	came = atomic_load_explicit(&call->came, memory_order_relaxed);
	atomic_fetch_add_explicit(&call->passed, 1, memory_order_relaxed);
	return came;
}

static void check(struct world *world, struct call *call, uint32_t before, uint32_t after, uintptr_t result)
{
	uint32_t index, came = atomic_load_explicit(&call->came, memory_order_relaxed);

	deed(world, DEED_CALLS);
	tally_check(world->tally, RULE_CALL, came >= before && came <= after, came, after);
	tally_equal(world->tally, RULE_CALL, atomic_load_explicit(&call->passed, memory_order_relaxed), came);
	tally_equal(world->tally, RULE_CALL, atomic_load_explicit(&call->last, memory_order_relaxed), 1);
	tally_equal(world->tally, RULE_CALL, result, came); /* all had come when it passed */
	for (index = 0; index < world->maximum; index++)
		tally_equal(world->tally, RULE_CALL, atomic_exchange_explicit(&call->runs[index], 0, memory_order_relaxed),
			    index < came ? 1 : 0);
}

static uint32_t active(struct world *world)
{
	struct dhp_counts counts = {.active = 0};

	went_well(world, dhp_counts_read(world->engine, &counts));
	return counts.active;
}

static void call_all(struct world *world, struct dice *dice)
{
	struct call call = {.world = world, .runs = take(world->maximum * sizeof(*call.runs))};

	while (!stopping(world)) {
		uint32_t before = active(world);
		uintptr_t result = 0;

		atomic_store_explicit(&call.came, 0, memory_order_relaxed);
		atomic_store_explicit(&call.passed, 0, memory_order_relaxed);
		atomic_store_explicit(&call.last, 0, memory_order_relaxed);
		call.brought = (uint64_t)(uintptr_t)&call;
		if (went_well(world, dhp_call_all(world->engine, called, &call, &result)))
			check(world, &call, before, active(world), result);
		call.brought = 0;
		sleep_us(dice_below(dice, 5000));
	}
	free(call.runs);
}

const struct part part_calls = {.name = "calls", .group = GROUP_WORK, .acts = {call_all}};
