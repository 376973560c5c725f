/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.c - per-processor arrays. One lives for the whole round: the address of each of its slots is remembered and may
 * never change. Others come and go while threads and DPCs read them, with constructors that sometimes refuse.
 *
 * The fields that a constructor writes are plain memory: construction must happen before every read, and every read
 * before the destruction, which overwrites them.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define ALIVE 0x51075107u
#define DEAD 0xdeaddeadu
#define PASSING 2u /* arrays that come and go */
#define NOBODY DHP_NO_INDEX

struct slot {
	uint32_t magic;
	uint32_t index; /* NOBODY in the fallback slot */
	uint32_t cpu;
	uint32_t unused;
	atomic_ullong touched;
};

/* One array: what its constructor needs and what it counted. */
struct life {
	struct world *world;
	struct dhp_percpu *array;
	size_t slot_bytes;
	uint32_t fail_one_in; /* 0: never */
	atomic_ullong constructed, destructed;
};

struct slots {
	struct life lasting;
	_Atomic(void *) *addresses; /* of the lasting array, by index */
	_Atomic(struct life *) passing[PASSING];
};

static enum dhp_status construct(void *memory, const struct dhp_processor *processor, void *context)
{
	struct life *life = context;
	struct world *world = life->world;
	const unsigned char *bytes = memory;
	struct slot *slot = memory;
	uint64_t nth = atomic_fetch_add_explicit(&life->constructed, 1, memory_order_relaxed);
	size_t i = 0;

	while (i < life->slot_bytes && bytes[i] == 0)
		i++;
	tally_equal(world->tally, RULE_SLOT_WRONG, i, life->slot_bytes);
	if (life->fail_one_in != 0 && !calm(world) && dice_mix(world->seed + nth) % life->fail_one_in == 0) {
		atomic_fetch_sub_explicit(&life->constructed, 1, memory_order_relaxed);
		return DHP_VETOED;
	}
	slot->magic = ALIVE;
	slot->index = processor != NULL ? processor->index : NOBODY;
	slot->cpu = processor != NULL ? processor->cpu : DHP_NO_CPU;
	return DHP_OK;
}

static void destruct(void *memory, const struct dhp_processor *processor, void *context)
{
	struct life *life = context;
	struct slot *slot = memory;

	tally_equal(life->world->tally, RULE_SLOT_WRONG, slot->magic, ALIVE);
	tally_equal(life->world->tally, RULE_SLOT_WRONG, slot->index, processor != NULL ? processor->index : NOBODY);
	slot->magic = DEAD;
	atomic_fetch_add_explicit(&life->destructed, 1, memory_order_relaxed);
}

static enum dhp_status life_begin(struct life *life, struct world *world, struct dice *dice, uint32_t fail_one_in)
{
	static const size_t sizes[] = {sizeof(struct slot), 64, 200, 1000, 4096};
	struct dhp_percpu_options options = {.size = sizeof(options)};

	life->world = world;
	life->slot_bytes = sizes[dice_below(dice, sizeof(sizes) / sizeof(sizes[0]))];
	life->fail_one_in = fail_one_in;
	options.slot_bytes = life->slot_bytes;
	options.placement = dice_one_in(dice, 3) ? DHP_PLACE_NODE : DHP_PLACE_DENSE;
	options.construct = construct;
	options.destruct = destruct;
	options.context = life;
	return dhp_percpu_create(world->engine, &options, &life->array);
}

/* The array is gone, or never came to be. */
static void life_balance(struct life *life)
{
	tally_equal(life->world->tally, RULE_SLOT_COUNT, atomic_load_explicit(&life->destructed, memory_order_relaxed),
		    atomic_load_explicit(&life->constructed, memory_order_relaxed));
}

/* index: whose it must be, or NOBODY when that is not known. */
static void look(struct world *world, struct slot *slot, uint32_t index)
{
	tally_equal(world->tally, RULE_SLOT_WRONG, slot->magic, ALIVE);
	if (index != NOBODY)
		tally_equal(world->tally, RULE_SLOT_WRONG, slot->index, index);
	atomic_fetch_add_explicit(&slot->touched, 1, memory_order_relaxed);
	deed(world, DEED_SLOTS_READ);
}

static void look_lasting(struct world *world, uint64_t random)
{
	struct slots *slots = world->slots;
	uint32_t index = (uint32_t)(random % world->maximum);
	struct slot *slot = dhp_percpu_at(slots->lasting.array, index);
	void *known = NULL;

	if (slot == NULL)
		return;
	look(world, slot, index);
	if (!atomic_compare_exchange_strong_explicit(&slots->addresses[index], &known, slot, memory_order_relaxed,
						     memory_order_relaxed))
		tally_check(world->tally, RULE_SLOT_MOVED, known == (void *)slot, (uintptr_t)slot, (uintptr_t)known);
}

static void look_here(struct world *world, const struct dhp_percpu *array)
{
	/* in a DPC "here" is stable; elsewhere the thread may be moved between two looks */
	bool stable = dhp_level() == DHP_DISPATCH;
	struct slot *slot = dhp_percpu_here(array);

	/* a processor that has not come up has the fallback slot */
	if (stable)
		tally_check(world->tally, RULE_BEFORE_START, (void *)slot != dhp_percpu_fallback(array), slot->index, 0);
	look(world, slot, stable ? dhp_index_here(world->engine) : NOBODY);
}

void slots_glance(struct world *world, uint64_t random)
{
	struct slots *slots = world->slots;
	struct life *life;

	look_lasting(world, random);
	look_here(world, slots->lasting.array);
	life = atomic_load_explicit(&slots->passing[random % PASSING], memory_order_acquire);
	if (life != NULL)
		look_here(world, life->array);
}

static void visit(void *memory, const struct dhp_processor *processor, void *context)
{
	look(context, memory, processor != NULL ? processor->index : NOBODY);
}

/* Read from a thread, which says where it is: on a processor that has arrived, or on one that has not. */
static void read_slots(struct world *world, struct dice *dice)
{
	struct dhp_reader *reader;
	bool entered = false;

	while (!went_well(world, dhp_reader_join(world->engine, &reader)))
		if (stopping(world))
			return;
	while (!stopping(world)) {
		struct life *life;

		if (world->options->simulated && dice_one_in(dice, 8)) {
			uint32_t cpu = dhp_sim_cpu(world->engine, dice_below(dice, world->maximum));

			if (entered)
				dhp_sim_exit();
			entered = went_well(world, dhp_sim_enter(world->engine, cpu));
		}
		dhp_epoch_enter(reader);
		slots_glance(world, dice_roll(dice));
		life = atomic_load_explicit(&world->slots->passing[dice_below(dice, PASSING)], memory_order_acquire);
		if (life != NULL && dice_one_in(dice, 4))
			went_well(world, dhp_percpu_each(life->array, visit, world, NULL));
		dhp_epoch_exit(reader);
		deed(world, DEED_SECTIONS);
		if (dice_one_in(dice, 64))
			sleep_us(dice_below(dice, 200));
	}
	if (entered)
		dhp_sim_exit();
	went_well(world, dhp_reader_leave(reader));
}

/* Publish a new array, take the one before it away. Several threads may do so: each owns what its exchange gave it. */
static void come_and_go(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		struct life *life = take(sizeof(*life)), *before;
		enum dhp_status status = life_begin(life, world, dice, dice_one_in(dice, 2) ? 40 : 0);

		if (status == DHP_OK) {
			deed(world, DEED_ARRAYS);
			before = atomic_exchange_explicit(&world->slots->passing[dice_below(dice, PASSING)], life,
							  memory_order_acq_rel);
			life = before;
			if (life != NULL)
				went_well(world, dhp_percpu_destroy(life->array));
		} else {
			if (!is_excused(world, status))
				tally_equal(world->tally, RULE_STATUS, (uint64_t)(int64_t)status,
					    (uint64_t)(int64_t)DHP_VETOED);
			deed(world, DEED_ARRAYS_REFUSED);
		}
		if (life != NULL) {
			life_balance(life);
			free(life);
		}
		sleep_us(dice_below(dice, 2000));
	}
}

static void begin(struct world *world)
{
	struct dice dice = dice_make(world->seed, 2000);

	world->slots = take(sizeof(*world->slots));
	world->slots->addresses = take(world->maximum * sizeof(*world->slots->addresses));
	went_well(world, life_begin(&world->slots->lasting, world, &dice, 0));
}

static void end(struct world *world)
{
	struct slots *slots = world->slots;
	uint32_t i;

	for (i = 0; i < world->maximum; i++)
		look_lasting(world, i);
	for (i = 0; i < PASSING; i++) {
		struct life *life = atomic_load_explicit(&slots->passing[i], memory_order_relaxed);

		if (life == NULL)
			continue;
		went_well(world, dhp_percpu_destroy(life->array));
		life_balance(life);
		free(life);
	}
	went_well(world, dhp_percpu_destroy(slots->lasting.array));
	life_balance(&slots->lasting);
	free(slots->addresses);
	free(slots);
}

const struct part part_slots = {
	.name = "slots", .group = GROUP_ARRAYS, .begin = begin, .acts = {come_and_go, read_slots}, .end = end};
