/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.c - one lookaside list for everybody: threads and DPCs take blocks, write who has them, look whether that still
 * stands there, and give them back elsewhere. Blocks are plain memory: ThreadSanitizer looks at who had one before.
 */
#include <stdlib.h>

#include "world.h"

#define HELD 24u
#define WORDS 6u

struct block {
	uint64_t words[WORDS];
};

struct blocks {
	struct dhp_lookaside *list;
	atomic_ullong marks;
};

static struct block *take_block(struct world *world)
{
	struct block *block = dhp_lookaside_allocate(world->blocks->list);
	uint64_t mark = atomic_fetch_add_explicit(&world->blocks->marks, 1, memory_order_relaxed);
	uint32_t i;

	for (i = 0; block != NULL && i < WORDS; i++)
		block->words[i] = mark;
	deed(world, DEED_BLOCKS);
	return block;
}

static void give_block(struct world *world, struct block *block)
{
	uint32_t i;

	for (i = 1; i < WORDS; i++)
		tally_equal(world->tally, RULE_BLOCK, block->words[i], block->words[0]);
	for (i = 0; i < WORDS; i++)
		block->words[i] = ~(uint64_t)i;
	dhp_lookaside_free(world->blocks->list, block);
}

void blocks_glance(struct world *world, uint64_t random)
{
	struct block *block = random % 4 == 0 && world->blocks->list != NULL ? take_block(world) : NULL;

	if (block != NULL)
		give_block(world, block);
}

static void flush(struct world *world)
{
	enum dhp_status status = dhp_lookaside_flush(world->blocks->list);

	if (status != DHP_NOT_SUPPORTED)
		went_well(world, status);
}

static void use_blocks(struct world *world, struct dice *dice)
{
	struct block *held[HELD] = {NULL};
	uint32_t i;

	while (!stopping(world)) {
		i = dice_below(dice, HELD);
		if (held[i] == NULL) {
			held[i] = take_block(world);
		} else {
			give_block(world, held[i]);
			held[i] = NULL;
		}
		if (dice_one_in(dice, 500))
			flush(world);
		if (dice_one_in(dice, 64))
			sleep_us(dice_below(dice, 200));
	}
	for (i = 0; i < HELD; i++)
		if (held[i] != NULL)
			give_block(world, held[i]);
}

static void begin(struct world *world)
{
	struct dhp_lookaside_options options = {.size = sizeof(options), .block_bytes = sizeof(struct block)};

	world->blocks = take(sizeof(*world->blocks));
	went_well(world, dhp_lookaside_create(world->engine, &options, &world->blocks->list));
}

static void end(struct world *world)
{
	struct dhp_lookaside *list = world->blocks->list;
	struct dhp_lookaside_counts counts = {.made = 0};
	bool flushed = dhp_lookaside_flush(list) == DHP_OK;

	went_well(world, dhp_lookaside_counts_read(list, &counts));
	tally_equal(world->tally, RULE_BLOCK, counts.made - counts.returned, counts.kept);
	if (flushed)
		tally_equal(world->tally, RULE_BLOCK, counts.kept, 0);
	went_well(world, dhp_lookaside_destroy(list));
	free(world->blocks);
}

const struct part part_blocks = {
	.name = "blocks", .group = GROUP_ARRAYS, .begin = begin, .acts = {use_blocks}, .end = end};
