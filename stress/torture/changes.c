/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * changes.c - the extension channel. One registrant stays: what it is told only grows, and in the end it knows the last
 * generation. Others come late, with a generation they knew, and go again in both ways.
 */
#include <stdlib.h>

#include "world.h"

struct told {
	struct world *world;
	_Atomic(struct dhp_change_notify *) handle; /* who exchanges it for NULL unregisters */
	atomic_bool closed;
	atomic_ullong generation; /* the last that was told */
	bool hasty;               /* unregisters itself in a call */
	struct told *next;        /* of those to be freed at the end */
};

struct changes {
	struct told lasting;
	_Atomic(struct told *) retired;
};

static void leave(struct told *told)
{
	struct dhp_change_notify *handle = atomic_exchange_explicit(&told->handle, NULL, memory_order_acq_rel);

	if (handle == NULL)
		return;
	went_well(told->world, dhp_change_unregister(handle));
	atomic_store_explicit(&told->closed, true, memory_order_release);
}

static void callback(void *context, uint64_t generation)
{
	struct told *told = context;
	struct tally *tally = told->world->tally;
	uint64_t before = atomic_load_explicit(&told->generation, memory_order_relaxed);

	stalls_welcome();
	deed(told->world, DEED_TOLD);
	tally_check(tally, RULE_LATE_CALL, !atomic_load_explicit(&told->closed, memory_order_acquire), generation, 0);
	tally_check(tally, RULE_CHANGE, generation > before, generation, before);
	atomic_store_explicit(&told->generation, generation, memory_order_relaxed);
	if (told->hasty)
		leave(told);
}

static uint64_t generation_now(struct world *world)
{
	struct dhp_counts counts = {.generation = 0};

	went_well(world, dhp_counts_read(world->engine, &counts));
	return counts.generation;
}

static bool enter(struct told *told, const uint64_t *last_seen)
{
	struct dhp_change_notify *handle;

	if (!went_well(told->world, dhp_change_register(told->world->engine, callback, told, last_seen, &handle)))
		return false;
	atomic_store_explicit(&told->handle, handle, memory_order_release);
	return true;
}

/* The set, unless it is the one that is known (S-805). */
static void query(struct world *world)
{
	struct dhp_snapshot snapshot = {.masks_capacity = 0};
	uint64_t seen = generation_now(world), masks[2 * 64];
	enum dhp_status status;

	snapshot.masks_capacity = 64;
	snapshot.active_masks = masks;
	snapshot.usable_masks = masks + 64;
	status = dhp_change_query(world->engine, &seen, &snapshot);
	if (status == DHP_OK)
		tally_check(world->tally, RULE_CHANGE, snapshot.counts.generation > seen, snapshot.counts.generation, seen);
	else if (status != DHP_UNCHANGED && status != DHP_TOO_SMALL)
		went_well(world, status);
}

/* A hasty one may be in its last call still. */
static void retire(struct world *world, struct told *told)
{
	told->next = atomic_load_explicit(&world->changes->retired, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&world->changes->retired, &told->next, told, memory_order_acq_rel,
						      memory_order_relaxed))
		;
}

static void come_and_go(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		struct told *told = take(sizeof(*told));
		uint64_t seen = generation_now(world), known = seen - dice_below(dice, 2);

		told->world = world;
		told->hasty = dice_one_in(dice, 4);
		if (enter(told, dice_one_in(dice, 2) ? &known : NULL)) {
			sleep_us(dice_below(dice, 3000));
			leave(told);
		}
		if (told->hasty)
			retire(world, told);
		else
			free(told);
		query(world);
	}
}

static void begin(struct world *world)
{
	uint64_t none = 0;

	world->changes = take(sizeof(*world->changes));
	world->changes->lasting.world = world;
	enter(&world->changes->lasting, &none);
}

static void end(struct world *world)
{
	struct told *lasting = &world->changes->lasting;
	uint64_t limit = now_ms() + world->options->patience * 500u;

	while (atomic_load_explicit(&lasting->generation, memory_order_relaxed) < generation_now(world) && now_ms() < limit)
		sleep_us(200);
	tally_equal(world->tally, RULE_CHANGE, atomic_load_explicit(&lasting->generation, memory_order_relaxed),
		    generation_now(world));
	leave(lasting);
}

static void after(struct world *world)
{
	struct told *told = atomic_load_explicit(&world->changes->retired, memory_order_acquire);

	while (told != NULL) {
		struct told *next = told->next;

		free(told);
		told = next;
	}
	free(world->changes);
}

const struct part part_changes = {
	.name = "changes", .group = GROUP_NOTIFICATION, .begin = begin, .acts = {come_and_go}, .end = end, .after = after};
