/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c - objects that are freed as early as the contract allows: by the remover as soon as the removal has succeeded,
 * or by the routine. A memory checker then sees whether the library still touches them.
 *
 * The thread may remove an object only while it exists, so it holds it together with the run: who lets go last frees.
 */
#include <stdlib.h>
#include <string.h>

#include "object.h"

#define HELD 64u
#define GONE 0xa5

struct heap {
	atomic_ullong inserted, ran, removed;
};

struct loose {
	struct dhp_dpc dpc;
	struct world *world;
	uint32_t target;
	atomic_uint holders; /* the thread, the run */
};

static void let_go(struct loose *loose, uint32_t holds)
{
	if (atomic_fetch_sub_explicit(&loose->holders, holds, memory_order_acq_rel) != holds)
		return;
	memset((void *)loose, GONE, sizeof(*loose));
	free(loose);
}

static void loose_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct loose *loose = context;
	struct world *world = loose->world;
	uint32_t target = loose->target;

	(void)dpc;
	(void)argument_2;
	tally_equal(world->tally, RULE_TARGET, dhp_level(), DHP_DISPATCH);
	atomic_fetch_add_explicit(&world->heap->ran, 1, memory_order_relaxed);
	deed(world, DEED_RAN);
	let_go(loose, 1);
	routine_checks(world, target, (uint64_t)(uintptr_t)argument_1);
}

static struct loose *send(struct world *world, struct dice *dice)
{
	struct loose *loose = take(sizeof(*loose));

	loose->world = world;
	loose->target = dice_one_in(dice, 2) ? DHP_NO_INDEX : any_index(world, dice);
	atomic_init(&loose->holders, 2);
	went_well(world, dhp_dpc_init(&loose->dpc, world->engine, loose_routine, loose));
	went_well(world, dhp_dpc_set_importance(&loose->dpc, (enum dhp_importance)dice_below(dice, 4)));
	if (loose->target != DHP_NO_INDEX)
		went_well(world, dhp_dpc_set_target(&loose->dpc, loose->target));
	atomic_fetch_add_explicit(&world->heap->inserted, 1, memory_order_relaxed);
	deed(world, DEED_INSERTED);
	went_well(world, dhp_dpc_insert(&loose->dpc, (void *)(uintptr_t)dice_roll(dice), NULL));
	return loose;
}

static void take_back(struct world *world, struct loose *loose)
{
	enum dhp_status status = dhp_dpc_remove(&loose->dpc);

	if (status == DHP_OK) {
		atomic_fetch_add_explicit(&world->heap->removed, 1, memory_order_relaxed);
		deed(world, DEED_REMOVED);
		let_go(loose, 2);
		return;
	}
	tally_equal(world->tally, RULE_STATUS, (uint64_t)(int64_t)status, DHP_NOT_QUEUED);
	deed(world, DEED_REMOVED_NOT);
	let_go(loose, 1);
}

static void send_and_take_back(struct world *world, struct dice *dice)
{
	struct loose *held[HELD] = {NULL};
	uint32_t i;

	while (!stopping(world)) {
		i = dice_below(dice, HELD);
		if (held[i] == NULL) {
			held[i] = send(world, dice);
			continue;
		}
		if (dice_one_in(dice, 2))
			take_back(world, held[i]);
		else
			let_go(held[i], 1);
		held[i] = NULL;
		if (dice_one_in(dice, 32))
			sleep_us(dice_below(dice, 200));
	}
	for (i = 0; i < HELD; i++)
		if (held[i] != NULL)
			take_back(world, held[i]);
}

static void begin(struct world *world)
{
	world->heap = take(sizeof(*world->heap));
}

static void end(struct world *world)
{
	struct heap *heap = world->heap;
	uint64_t inserted, left;

	went_well(world, dhp_dpc_flush(world->engine));
	inserted = atomic_load_explicit(&heap->inserted, memory_order_relaxed);
	left = atomic_load_explicit(&heap->ran, memory_order_relaxed) +
	       atomic_load_explicit(&heap->removed, memory_order_relaxed);
	tally_check(world->tally, RULE_LOST, left >= inserted, left, inserted);
	tally_check(world->tally, RULE_DOUBLED, left <= inserted, left, inserted);
	free(heap);
}

const struct part part_heap = {.name = "heap", .group = GROUP_WORK, .begin = begin, .acts = {send_and_take_back}, .end = end};
