/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * structures.c - each processor has a block of its own. The table of pointers is long enough for all there could ever be.
 */
#include <stdlib.h>

#include "habits.h"

struct block {
	uint64_t packets;
};

static struct dhp_notify *registration;
static struct block *blocks[MOST];

/* ---- broken ---- */

static bool load_broken(void)
{
	uint32_t count = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);

	for (uint32_t index = 0; index < count; index++) {
		blocks[index] = calloc(1, sizeof(*blocks[index]));
		if (blocks[index] == NULL)
			return false;
	}
	return true;
}

/* ---- right ---- */

static void prepare(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct block **block = &blocks[change->index];

	(void)context;
	if (change->state == DHP_CHANGE_START && *block == NULL) {
		*block = calloc(1, sizeof(**block));
		if (*block == NULL)
			*status = DHP_NO_MEMORY; /* the veto: this processor does not come */
	} else if (change->state == DHP_CHANGE_FAILURE) {
		free(*block); /* NULL when it was we who refused */
		*block = NULL;
	}
}

static bool load_right(void)
{
	return dhp_notify_register(engine, prepare, NULL, DHP_NOTIFY_EXISTING, &registration) == DHP_OK;
}

/* ---- around both ---- */

static void interrupt(uint32_t index)
{
	struct block *block = blocks[index];

	if (crashes(block == NULL))
		return;
	block->packets++;
	served_at(index);
}

static void work(void)
{
	on_each_processor(interrupt);
}

static void unload(void)
{
	(void)dhp_notify_unregister(registration);
	registration = NULL;
	for (uint32_t index = 0; index < MOST; index++) {
		free(blocks[index]);
		blocks[index] = NULL;
	}
}

const struct habit structures = {
	"structures", "the others crash: no block",
	{ load_broken, work, served_count, unload },
	{ load_right, work, served_count, unload },
};
