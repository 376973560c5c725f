/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * current.c - an interrupt counts its packet where it runs.
 */
#include <stdlib.h>

#include "habits.h"

/* ---- broken ---- */

static uint64_t *packets;
static uint32_t length;

static bool load_broken(void)
{
	length = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);
	packets = calloc(length, sizeof(*packets));
	return packets != NULL;
}

static bool count_broken(void)
{
	uint32_t here = dhp_index_here(engine);

	if (crashes(here >= length))
		return false; /* only here; a driver does not look */
	packets[here]++;
	return true;
}

/* ---- right ---- */

static struct dhp_percpu *slots;

static bool load_right(void)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(uint64_t) };

	return dhp_percpu_create(engine, &options, &slots) == DHP_OK;
}

static void count_right(void)
{
	uint64_t *here = dhp_percpu_here(slots); /* in a DPC nobody else has it */

	*here += 1;
}

/* ---- around both ---- */

static void interrupt_broken(uint32_t index)
{
	if (count_broken())
		served_at(index);
}

static void interrupt_right(uint32_t index)
{
	count_right();
	if (dhp_percpu_here(slots) == dhp_percpu_at(slots, index))
		served_at(index);
}

static void work_broken(void)
{
	on_each_processor(interrupt_broken);
}

static void work_right(void)
{
	on_each_processor(interrupt_right);
}

static void unload(void)
{
	free(packets);
	packets = NULL;
	(void)dhp_percpu_destroy(slots);
	slots = NULL;
}

const struct habit current = {
	"current", "the others crash: beyond the array",
	{ load_broken, work_broken, served_count, unload },
	{ load_right, work_right, served_count, unload },
};
