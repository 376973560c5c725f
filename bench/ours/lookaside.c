/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.c - blocks of 64 bytes from a lookaside list.
 */
#include <dhp.h>
#include <stdlib.h>

#include "all.h"
#include "blocks.h"

struct blocks {
	struct dhp_engine *engine;
	struct dhp_lookaside *list;
};

static void destroy(void *blocks)
{
	struct blocks *ours = blocks;

	dhp_lookaside_destroy(ours->list);
	dhp_engine_destroy(ours->engine);
	free(ours);
}

static void *create(void)
{
	struct dhp_engine_options machine = {
		.size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_NO_WORKERS};
	struct dhp_lookaside_options options = {.size = sizeof(options), .block_bytes = BLOCK_BYTES};
	struct blocks *ours = calloc(1, sizeof(*ours));

	if (ours == NULL)
		return NULL;
	if (dhp_failed(dhp_engine_create(&machine, &ours->engine)) ||
	    dhp_failed(dhp_lookaside_create(ours->engine, &options, &ours->list))) {
		destroy(ours);
		return NULL;
	}
	return ours;
}

BLOCK_LOOPS(list, dhp_lookaside_allocate(((struct blocks *)blocks)->list),
	    dhp_lookaside_free(((struct blocks *)blocks)->list, block))

void ours_lookaside(void)
{
	static const struct blocks_ops ops = {create, destroy, BLOCK_OPS(list)};

	bench_blocks("ours", &ops);
}
