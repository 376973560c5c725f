/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assigning.c - each processor has a queue of the hardware for itself, and needs no lock for it.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "habits.h"

struct queue {
	atomic_uint users; /* to tell who is right; a real queue has no room for a second one */
};


/* ---- broken ---- */

static struct queue by_bit[64];

static struct queue *queue_broken(uint32_t index)
{
	struct dhp_processor processor;

	if (dhp_processor_at(engine, index, &processor) != DHP_OK)
		return NULL;
	return &by_bit[processor.number.number]; /* and whose is the same bit of another group? */
}

/* ---- right ---- */

static struct queue *by_index;

static bool load_right(void)
{
	by_index = calloc(dhp_maximum_count(engine, DHP_ALL_GROUPS), sizeof(*by_index));
	return by_index != NULL;
}

static struct queue *queue_right(uint32_t index)
{
	return &by_index[index];
}

/* ---- around both ---- */

static bool load_broken(void)
{
	return true; /* there is a queue for each bit already */
}

static void interrupt_broken(uint32_t index)
{
	(void)atomic_fetch_add(&queue_broken(index)->users, 1);
}

static void interrupt_right(uint32_t index)
{
	(void)atomic_fetch_add(&queue_right(index)->users, 1);
}

/* How many have a queue for themselves; and begin again. */
static uint32_t count_alone(struct queue *queues, uint32_t count)
{
	uint32_t alone = 0;

	for (uint32_t i = 0; i < count; i++)
		alone += atomic_exchange(&queues[i].users, 0) == 1;
	return alone;
}

static void work_broken(void)
{
	on_each_processor(interrupt_broken);
}

static void work_right(void)
{
	on_each_processor(interrupt_right);
}

static uint32_t served_broken(void)
{
	return count_alone(by_bit, 64);
}

static uint32_t served_right(void)
{
	return count_alone(by_index, dhp_maximum_count(engine, DHP_ALL_GROUPS));
}

static void unload(void)
{
	free(by_index);
	by_index = NULL;
}

const struct habit assigning = {
	"assigning", "the others share a queue without a lock",
	{ load_broken, work_broken, served_broken, unload },
	{ load_right, work_right, served_right, unload },
};
