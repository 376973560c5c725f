/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes: each item that is taken runs once, by the end of a flush, and one that is refused does not.
 */
#include "world.h"

#define SETS 2u
#define ITEMS 1024u /* of one set, between two flushes */

static struct set {
	struct dhp_lanes *lanes;
	uint32_t capacity; /* of a lane */
	uint32_t pushed;   /* since the last flush */
	uint32_t ran;      /* likewise, by any thread */
	uint16_t items[ITEMS]; /* how often each has run */
} sets[SETS];

static void routine(void *context, void *const *items, uint32_t count)
{
	struct set *set = context;

	MUST(count != 0 && dhp_level() == DHP_DISPATCH);
	for (uint32_t i = 0; i < count; i++)
		MUST(__atomic_fetch_add((uint16_t *)items[i], 1, __ATOMIC_SEQ_CST) == 0);
	(void)__atomic_fetch_add(&set->ran, count, __ATOMIC_SEQ_CST);
}

/* A bad argument is refused before it is asked whether there are workers. */
static enum dhp_status expected_creation(const struct dhp_lanes_options *options)
{
	bool aimed = (options->flags & DHP_LANES_AIMED) != 0;

	if (options->routine == NULL)
		return DHP_BAD_CALLBACK;
	if (options->capacity > DHP_LANES_CAPACITY_LIMIT)
		return DHP_BAD_COUNT;
	if (options->flags > DHP_LANES_AIMED || (!aimed && options->target != 0))
		return DHP_BAD_FLAGS;
	if (aimed && options->target >= world.model.active)
		return DHP_BAD_INDEX;
	return has_workers() ? DHP_OK : DHP_NOT_SUPPORTED;
}

static void create(void)
{
	struct set *set = &sets[take_below(SETS)];
	uint32_t how = take();
	const struct dhp_lanes_options options = { .size = sizeof(options), .routine = how % 16 == 15 ? NULL : routine, .context = set,
		.capacity = how % 16 == 14 ? DHP_LANES_CAPACITY_LIMIT + 1 : how >> 4, .flags = take_below(4) & ~2u,
		.target = take_below(MODEL_PROCESSORS) };
	enum dhp_status expected = expected_creation(&options);

	if (set->lanes != NULL)
		return;
	*set = (struct set){ .capacity = 2 };
	while (set->capacity < (options.capacity != 0 ? options.capacity : DHP_LANES_CAPACITY_DEFAULT))
		set->capacity *= 2;
	SAYS(dhp_lanes_create(NULL, &options, &set->lanes), DHP_BAD_ENGINE);
	SAYS(dhp_lanes_create(world.engine, NULL, &set->lanes), DHP_BAD_OPTIONS);
	SAYS(dhp_lanes_create(world.engine, &options, NULL), expected == DHP_NOT_SUPPORTED || expected == DHP_OK ? DHP_BAD_RESULT :
	     expected);
	SAYS(dhp_lanes_create(world.engine, &options, &set->lanes), expected);
	MUST((set->lanes != NULL) == (expected == DHP_OK));
}

/* Full only when the items of one lane could fill it: others may have run. */
static void push_one(struct set *set)
{
	enum dhp_status status;

	if (set->pushed == ITEMS)
		return;
	status = dhp_lanes_push(set->lanes, &set->items[set->pushed]);
	MUST(status == DHP_OK || (status == DHP_FULL && set->pushed >= set->capacity));
	set->pushed += status == DHP_OK;
}

static void push(void)
{
	struct set *set = &sets[take_below(SETS)];
	uint32_t count = 1 + take();

	SAYS(dhp_lanes_push(NULL, set->items), DHP_BAD_OBJECT);
	if (set->lanes == NULL)
		return;
	SAYS(dhp_lanes_push(set->lanes, NULL), DHP_BAD_OBJECT);
	SAYS(dhp_lanes_push(set->lanes, (char *)set->items + 1), DHP_BAD_OBJECT);
	while (count-- > 0)
		push_one(set);
}

static void forget(struct set *set)
{
	MUST(__atomic_load_n(&set->ran, __ATOMIC_SEQ_CST) == set->pushed);
	for (uint32_t i = 0; i < ITEMS; i++)
		MUST(set->items[i] == (i < set->pushed));
	memset(set->items, 0, sizeof(set->items));
	set->pushed = set->ran = 0;
}

static void flush(void)
{
	struct set *set = &sets[take_below(SETS)];

	SAYS(dhp_lanes_flush(set->lanes), set->lanes != NULL ? DHP_OK : DHP_BAD_OBJECT);
	forget(set);
}

static void destroy_set(struct set *set)
{
	bool refused = set->lanes != NULL && world.in_section;

	SAYS(dhp_lanes_destroy(set->lanes), refused ? DHP_IN_SECTION : DHP_OK);
	if (refused)
		return;
	forget(set);
	set->lanes = NULL;
}

static void destroy(void)
{
	destroy_set(&sets[take_below(SETS)]);
}

static void begin(void)
{
	memset(sets, 0, sizeof(sets));
}

static void check(void)
{
	for (uint32_t i = 0; i < SETS; i++)
		MUST(__atomic_load_n(&sets[i].ran, __ATOMIC_SEQ_CST) <= sets[i].pushed);
}

static bool holds_engine(void)
{
	return sets[0].lanes != NULL || sets[1].lanes != NULL;
}

static void end(void)
{
	for (uint32_t i = 0; i < SETS; i++)
		destroy_set(&sets[i]);
}

static const struct operation operations[] = {
	{ "lanes create", create, false }, { "lanes push", push, false }, { "lanes push", push, false },
	{ "lanes flush", flush, true }, { "lanes destroy", destroy, true },
};

const struct part lanes_part = { operations, COUNT(operations), begin, check, holds_engine, end };
