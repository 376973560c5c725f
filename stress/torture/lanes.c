/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - plain items that everybody pushes into two sets of lanes, one of them aimed: threads that may be moved, threads
 * that are kept on a processor, DPCs, a signal handler, and the routine of the lanes itself. The lanes are small, so that some
 * are full now and then. Others make lanes of their own and destroy them with items in them.
 *
 * An item belongs to who claimed it until it is pushed, then to the lanes, and is free again when it has run. Who counts
 * its own items does so in a sender; those of a sender that stays on its processor run in the order of their numbers.
 */
#include <stdlib.h>

#include "world.h"

#define ITEMS 2048u
#define CLAIM_TRIES 4u
#define CAPACITY 64u
#define SENDERS 512u
#define LEFT_OVER 48u

enum { FREE, CLAIMED, PUSHED, RUNNING };

struct sender {
	atomic_ullong ran;
	uint64_t pushed;   /* by the one who pushes */
	uint64_t last;     /* by the lane; plain on purpose, as one call runs at a time */
	bool is_ordered;   /* constant */
};

struct item {
	atomic_uint state;
	struct lane_set *set;
	struct sender *sender; /* NULL: nobody counts */
	uint64_t number;
};

struct lane_set {
	struct world *world;
	struct dhp_lanes *lanes;
	uint32_t target;       /* DHP_NO_INDEX: none */
	atomic_ullong taken, ran;
	atomic_bool gone;
};

struct lanes {
	struct lane_set sets[2];
	struct item items[ITEMS];
	struct sender senders[SENDERS];
	atomic_uint senders_used;
};

/* ---- running ---- */

static void check_order(struct world *world, struct sender *sender, uint64_t number)
{
	/* on the machine somebody takes cpus away, and threads with them */
	if (world->options->simulated || !world->shrinks)
		tally_check(world->tally, RULE_LANE_ORDER, number > sender->last, number, sender->last);
	sender->last = number;
}

static void run_item(struct lane_set *set, struct item *item)
{
	struct tally *tally = set->world->tally;
	struct sender *sender = item->sender;

	tally_equal(tally, RULE_ITEM, atomic_exchange_explicit(&item->state, RUNNING, memory_order_relaxed), PUSHED);
	tally_check(tally, RULE_HANDED, item->set == set, 0, 0);
	if (sender != NULL && sender->is_ordered)
		check_order(set->world, sender, item->number);
	if (sender != NULL)
		atomic_fetch_add_explicit(&sender->ran, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&set->ran, 1, memory_order_relaxed);
	atomic_store_explicit(&item->state, FREE, memory_order_release);
}

/* It may push by what it looks at, with a chance that lets chains die out. */
static void run_items(void *context, void *const *items, uint32_t count)
{
	static atomic_ullong rolls;
	struct lane_set *set = context;

	tally_check(set->world->tally, RULE_ITEM, !atomic_load_explicit(&set->gone, memory_order_relaxed), 0, 0);
	for (uint32_t i = 0; i < count; i++)
		run_item(set, items[i]);
	tally_add(set->world->tally, DEED_ITEMS, count);
	routine_checks(set->world, set->target, dice_mix(atomic_fetch_add_explicit(&rolls, 1, memory_order_relaxed)));
}

/* ---- pushing ---- */

/* NULL: those that were tried are under way. */
static struct item *claim(struct lanes *lanes, uint64_t random)
{
	for (uint32_t i = 0; i < CLAIM_TRIES; i++) {
		struct item *item = &lanes->items[(random + i) % ITEMS];
		unsigned int expected = FREE;

		if (atomic_compare_exchange_strong_explicit(&item->state, &expected, CLAIMED, memory_order_acquire,
							    memory_order_relaxed))
			return item;
	}
	return NULL;
}

/* A refused item is still its pusher's. */
static void take_back(struct world *world, struct item *item, enum dhp_status status)
{
	unsigned int state = atomic_exchange_explicit(&item->state, FREE, memory_order_release);

	tally_equal(world->tally, RULE_ITEM, state, PUSHED);
	if (status == DHP_FULL)
		deed(world, DEED_ITEMS_REFUSED);
	else
		went_well(world, status);
}

/* Any level. */
static void push(struct lane_set *set, struct sender *sender, uint64_t random)
{
	struct item *item = claim(set->world->lanes, random >> 8);
	enum dhp_status status;

	if (item == NULL)
		return;
	item->set = set;
	item->sender = sender;
	item->number = sender != NULL ? sender->pushed + 1 : 0;
	atomic_store_explicit(&item->state, PUSHED, memory_order_relaxed);
	status = dhp_lanes_push(set->lanes, item);
	if (status != DHP_OK) {
		take_back(set->world, item, status);
		return;
	}
	atomic_fetch_add_explicit(&set->taken, 1, memory_order_relaxed);
	if (sender != NULL)
		sender->pushed++;
}

void lanes_glance(struct world *world, uint64_t random)
{
	if ((random >> 40) % 4 == 0)
		push(&world->lanes->sets[random >> 48 & 1], NULL, random);
}

static struct sender *sender_make(struct world *world, bool is_ordered)
{
	uint32_t number = atomic_fetch_add_explicit(&world->lanes->senders_used, 1, memory_order_relaxed);
	struct sender *sender = &world->lanes->senders[number % SENDERS];

	sender->is_ordered = is_ordered;
	return sender;
}

static void push_burst(struct lane_set *set, struct sender *sender, struct dice *dice)
{
	uint32_t burst = dice_between(dice, 1, 2 * CAPACITY);

	while (burst-- > 0)
		push(set, sender, dice_roll(dice));
}

static void flush(struct lane_set *set, struct sender *sender)
{
	if (went_well(set->world, dhp_lanes_flush(set->lanes)))
		tally_equal(set->world->tally, RULE_FLUSHED, atomic_load_explicit(&sender->ran, memory_order_relaxed),
			    sender->pushed);
}

/* ---- actors ---- */

static void push_anywhere(struct world *world, struct dice *dice)
{
	struct sender *senders[] = {sender_make(world, false), sender_make(world, false)};

	while (!stopping(world)) {
		uint32_t which = dice_below(dice, 2);

		push_burst(&world->lanes->sets[which], senders[which], dice);
		if (dice_one_in(dice, 8))
			flush(&world->lanes->sets[which], senders[which]);
		if (dice_one_in(dice, 4))
			sleep_us(dice_below(dice, 300));
	}
}

/* A processor that is being published has its lane a moment after it is active. */
static void push_here(struct lane_set *set, struct sender *sender, uint32_t index, struct dice *dice)
{
	struct world *world = set->world;
	uint32_t bursts = dice_between(dice, 1, 4);

	if (dhp_index_here(world->engine) != index)
		return;
	deed(world, DEED_ORDERED);
	while (bursts-- > 0)
		push_burst(set, sender, dice);
}

static void push_kept(struct world *world, struct dice *dice)
{
	struct sender *senders[] = {sender_make(world, true), sender_make(world, true)};
	struct dhp_pin pin;

	while (!stopping(world)) {
		uint32_t index = any_index(world, dice), which = dice_below(dice, 2);
		enum dhp_status status = dhp_pin_keep(world->engine, &pin, index);

		if (status != DHP_NO_AFFINITY && went_well(world, status)) {
			push_here(&world->lanes->sets[which], senders[which], index, dice);
			went_well(world, dhp_pin_drop(world->engine, &pin));
			flush(&world->lanes->sets[which], senders[which]);
		}
		if (dice_one_in(dice, 4))
			sleep_us(dice_below(dice, 300));
	}
}

static bool set_open(struct world *world, struct lane_set *set, uint32_t capacity, uint32_t target)
{
	struct dhp_lanes_options options = {.size = sizeof(options), .routine = run_items, .context = set, .capacity = capacity};

	if (target != DHP_NO_INDEX) {
		options.flags = DHP_LANES_AIMED;
		options.target = target;
	}
	set->world = world;
	set->target = target;
	return went_well(world, dhp_lanes_create(world->engine, &options, &set->lanes));
}

/* What is left in them runs now, and nothing later. */
static void set_close(struct lane_set *set)
{
	struct world *world = set->world;

	if (!went_well(world, dhp_lanes_destroy(set->lanes)))
		return;
	atomic_store_explicit(&set->gone, true, memory_order_relaxed);
	tally_equal(world->tally, RULE_ITEM, atomic_load_explicit(&set->ran, memory_order_relaxed),
		    atomic_load_explicit(&set->taken, memory_order_relaxed));
}

static void come_and_go(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		struct lane_set *set = take(sizeof(*set));
		uint32_t target = dice_one_in(dice, 2) ? any_index(world, dice) : DHP_NO_INDEX;

		if (set_open(world, set, dice_between(dice, 1, CAPACITY), target)) {
			deed(world, DEED_LANES);
			push_burst(set, NULL, dice);
			if (dice_one_in(dice, 2))
				sleep_us(dice_below(dice, 500));
			set_close(set);
		}
		free(set);
		sleep_us(dice_below(dice, 2000));
	}
}

static void begin(struct world *world)
{
	struct dice dice = dice_make(world->seed, 1002);
	struct lanes *lanes = world->lanes = take(sizeof(*lanes));

	(void)set_open(world, &lanes->sets[0], CAPACITY, DHP_NO_INDEX);
	(void)set_open(world, &lanes->sets[1], CAPACITY, any_index(world, &dice));
}

/* Right after the world became bare: routines look at nothing and push nothing, once those have ended that began before. */
static void end(struct world *world)
{
	struct lanes *lanes = world->lanes;
	uint32_t i, k;

	for (i = 0; i < 4; i++)
		went_well(world, dhp_lanes_flush(lanes->sets[i % 2].lanes));
	for (i = 0; i < 2; i++)
		for (k = 0; k < LEFT_OVER; k++)
			push(&lanes->sets[i], NULL, (uint64_t)(i * LEFT_OVER + k) << 8);
	for (i = 0; i < 2; i++)
		set_close(&lanes->sets[i]);
	for (i = 0; i < ITEMS; i++)
		tally_equal(world->tally, RULE_ITEM, atomic_load_explicit(&lanes->items[i].state, memory_order_relaxed), FREE);
	free(lanes);
}

const struct part part_lanes = {.name = "lanes", .group = GROUP_WORK, .begin = begin,
	.acts = {push_anywhere, push_kept, come_and_go}, .end = end};
