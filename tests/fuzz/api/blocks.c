/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookaside lists: a block that is out is nobody else's, and none is lost.
 */
#include "world.h"

#define LISTS 2u
#define BLOCKS 8u

static struct list {
	struct dhp_lookaside *list;
	size_t bytes;
	bool own; /* its blocks are made here */
	int64_t made;
	unsigned char *blocks[BLOCKS];
} lists[LISTS];

static void *make(size_t bytes, void *context)
{
	((struct list *)context)->made++;
	return malloc(bytes < sizeof(void *) ? sizeof(void *) : bytes);
}

static void unmake(void *block, size_t bytes, void *context)
{
	MUST(bytes >= ((struct list *)context)->bytes);
	((struct list *)context)->made--;
	free(block);
}

static void create(void)
{
	struct list *list = &lists[take_below(LISTS)];
	uint32_t how = take();
	struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 1 + take() };
	enum dhp_status expected = DHP_OK;

	if (list->list != NULL)
		return;
	*list = (struct list){ .bytes = options.block_bytes, .own = (how & 1) != 0 };
	options.allocate = list->own ? make : NULL;
	options.free = list->own ? unmake : NULL;
	options.context = list;
	if ((how & 15) == 14) {
		options.allocate = make;
		options.free = NULL;
		expected = DHP_BAD_CALLBACK;
	} else if ((how & 15) == 12) {
		options.flags = 4;
		expected = DHP_BAD_FLAGS;
	} else if ((how & 15) == 8) {
		options.depth = how >> 4;
		expected = options.depth != 0 ? DHP_BAD_DEPTH : DHP_OK;
	} else if ((how & 15) == 10) {
		options.block_bytes = ((size_t)1 << 20) + 1;
		expected = DHP_BAD_SIZE;
	}
	SAYS(dhp_lookaside_create(world.engine, &options, &list->list), expected);
	MUST((list->list != NULL) == (expected == DHP_OK));
}

static void fill(unsigned char *block, const struct list *list, uint32_t at)
{
	memset(block, (int)(at * LISTS + (uint32_t)(list - lists) + 1), list->bytes);
}

static void check_block(const struct list *list, uint32_t at)
{
	for (size_t i = 0; i < list->bytes; i++)
		MUST(list->blocks[at][i] == at * LISTS + (uint32_t)(list - lists) + 1);
}

static void allocate(void)
{
	struct list *list = &lists[take_below(LISTS)];
	uint32_t at = take_below(BLOCKS);

	MUST(dhp_lookaside_allocate(NULL) == NULL);
	if (list->list == NULL || list->blocks[at] != NULL)
		return;
	list->blocks[at] = dhp_lookaside_allocate(list->list);
	MUST(list->blocks[at] != NULL);
	fill(list->blocks[at], list, at);
}

static void give_back_at(struct list *list, uint32_t at)
{
	if (list->list == NULL)
		return;
	if (list->blocks[at] != NULL)
		check_block(list, at);
	dhp_lookaside_free(list->list, list->blocks[at]);
	list->blocks[at] = NULL;
}

static void give_back(void)
{
	struct list *list = &lists[take_below(LISTS)];

	give_back_at(list, take_below(BLOCKS));
}

static void flush(void)
{
	struct list *list = &lists[take_below(LISTS)];

	SAYS(dhp_lookaside_flush(list->list), list->list != NULL ? DHP_OK : DHP_BAD_OBJECT);
}

static void destroy_list(struct list *list)
{
	for (uint32_t at = 0; at < BLOCKS; at++)
		give_back_at(list, at);
	SAYS(dhp_lookaside_destroy(list->list), list->list != NULL && world.in_section ? DHP_IN_SECTION : DHP_OK);
	if (world.in_section)
		return;
	MUST(list->made == 0);
	list->list = NULL;
}

static void destroy(void)
{
	destroy_list(&lists[take_below(LISTS)]);
}

static void begin(void)
{
	memset(lists, 0, sizeof(lists));
}

static void check_list(const struct list *list)
{
	struct dhp_lookaside_counts counts;
	uint64_t out = 0;

	for (uint32_t at = 0; at < BLOCKS; at++)
		out += list->blocks[at] != NULL;
	SAYS(dhp_lookaside_counts_read(list->list, &counts), DHP_OK);
	MUST(counts.made - counts.returned == counts.kept + out);
	MUST(!list->own || (uint64_t)list->made == counts.kept + out);
}

static void check(void)
{
	for (uint32_t i = 0; i < LISTS; i++)
		if (lists[i].list != NULL)
			check_list(&lists[i]);
}

static bool holds_engine(void)
{
	return lists[0].list != NULL || lists[1].list != NULL;
}

static void end(void)
{
	for (uint32_t i = 0; i < LISTS; i++)
		destroy_list(&lists[i]);
}

static const struct operation operations[] = {
	{ "list create", create, false }, { "block allocate", allocate, false }, { "block allocate", allocate, false },
	{ "block free", give_back, false }, { "list flush", flush, false }, { "list destroy", destroy, true },
};

const struct part blocks_part = { operations, COUNT(operations), begin, check, holds_engine, end };
