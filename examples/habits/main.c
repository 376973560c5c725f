/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - each driver, broken and right, with two processors and with the twelve they become while it is loaded.
 *
 * The simulated partition is as awkward as a real one may be: groups of three and of five processors, gaps between the cpu ids,
 * and newcomers in any order. Status 1: something ended otherwise than docs/driver-guide.md says.
 */
#include <stdio.h>

#include "habits.h"

#define PROCESSORS 12u
#define AT_FIRST 2u

static const uint32_t order_of_arrival[PROCESSORS - AT_FIRST] = { 9, 4, 11, 2, 7, 3, 10, 5, 8, 6 };

static bool begin(void)
{
	static const uint8_t group_sizes[] = { 3, 5 };
	const struct dhp_sim_options simulated = { .size = sizeof(simulated), .maximum_count = PROCESSORS,
		.initial_count = AT_FIRST, .group_sizes = group_sizes, .group_size_count = 2, .cpu_gap = 6, .seed = 11 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &simulated };

	return dhp_engine_create(&options, &engine) == DHP_OK && dhp_rebalance_drain(engine) == DHP_OK;
}

static bool arrive(void)
{
	for (uint32_t i = 0; i < PROCESSORS - AT_FIRST; i++)
		if (dhp_sim_add(engine, dhp_sim_cpu(engine, order_of_arrival[i])) != DHP_OK)
			return false;
	return dhp_rebalance_drain(engine) == DHP_OK;
}

static uint32_t serve(const struct driver *driver)
{
	served_clear();
	driver->work();
	return dhp_dpc_flush(engine) == DHP_OK ? driver->served() : 0;
}

/* How many processors it serves before and after; false: it could not be tried. */
static bool run(const struct driver *driver, uint32_t *out_before, uint32_t *out_after)
{
	bool tried = begin() && driver->load();

	if (tried) {
		*out_before = serve(driver);
		tried = arrive();
		*out_after = serve(driver);
	}
	driver->unload();
	return dhp_engine_destroy(engine) == DHP_OK && tried;
}

static bool show(const struct habit *habit)
{
	uint32_t before = 0, broken = 0, right_before = 0, right = 0;

	if (!run(&habit->broken, &before, &broken) || !run(&habit->right, &right_before, &right))
		return false;
	(void)printf("%-11s %u of %u   %2u of %u: %-46s %2u of %u\n", habit->name, before, AT_FIRST, broken, PROCESSORS,
		     habit->symptom, right, PROCESSORS);
	return before == AT_FIRST && right_before == AT_FIRST && broken < PROCESSORS && right == PROCESSORS;
}

int main(void)
{
	static const struct habit *const habits[] = { &sizing, &walking, &assigning, &structures, &current, &placing,
		&rebalance, &balancing };
	bool as_said = true;

	(void)printf("            before   broken, after ten arrivals                               right\n");
	for (uint32_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		as_said = show(habits[i]) && as_said;
	return as_said ? 0 : 1;
}
