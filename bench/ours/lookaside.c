/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.c - blocks of 64 bytes from a lookaside list.
 */
#include <dhp.h>

#include "all.h"
#include "blocks.h"

static struct dhp_engine *engine; /* of the run that is on */

static void destroy(void *blocks)
{
	dhp_lookaside_destroy(blocks);
	dhp_engine_destroy(engine);
}

static void *create(void)
{
	struct dhp_engine_options machine = {
		.size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_NO_WORKERS};
	struct dhp_lookaside_options options = {.size = sizeof(options), .block_bytes = BLOCK_BYTES};
	struct dhp_lookaside *list = NULL;

	if (dhp_failed(dhp_engine_create(&machine, &engine)))
		return NULL;
	if (dhp_failed(dhp_lookaside_create(engine, &options, &list)))
		dhp_engine_destroy(engine);
	return list;
}

BLOCK_LOOPS(list, dhp_lookaside_allocate(blocks), dhp_lookaside_free(blocks, block))

void ours_lookaside(void)
{
	static const struct blocks_ops ops = {create, destroy, BLOCK_OPS(list)};

	bench_blocks("ours", &ops);
}
