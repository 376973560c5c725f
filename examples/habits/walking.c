/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walking.c - packets are counted where they come, and summed over all processors when somebody asks.
 */
#include "habits.h"

static struct dhp_percpu *packets; /* a uint64_t for each processor */

/* ---- broken ---- */

static uint64_t sum_broken(void)
{
	uint64_t mask = dhp_active_mask(engine, 0), sum = 0;

	for (uint32_t bit = 0; bit < 64 && (mask >> bit & 1) != 0; bit++)
		sum += *(const uint64_t *)dhp_percpu_at(packets, bit);
	return sum;
}

/* ---- right ---- */

static uint64_t sum_right(void)
{
	uint32_t count = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);
	uint64_t sum = 0;

	for (uint32_t index = 0; index < count; index++)
		sum += *(const uint64_t *)dhp_percpu_at(packets, index);
	return sum;
}

/* ---- around both ---- */

static uint64_t before;

static bool load(void)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(uint64_t) };

	before = 0;
	return dhp_percpu_create(engine, &options, &packets) == DHP_OK;
}

static void interrupt(uint32_t index)
{
	uint64_t *here = dhp_percpu_here(packets);

	(void)index;
	*here += 1;
}

static void work_broken(void)
{
	before = sum_broken();
	on_each_processor(interrupt);
}

static void work_right(void)
{
	before = sum_right();
	on_each_processor(interrupt);
}

static uint32_t served_broken(void)
{
	return (uint32_t)(sum_broken() - before);
}

static uint32_t served_right(void)
{
	return (uint32_t)(sum_right() - before);
}

static void unload(void)
{
	(void)dhp_percpu_destroy(packets);
	packets = NULL;
}

const struct habit walking = {
	"walking", "nobody sees the packets of the others",
	{ load, work_broken, served_broken, unload },
	{ load, work_right, served_right, unload },
};
