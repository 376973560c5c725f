/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundowns.c - objects that whoever has a reference may use, and that their owner takes away and brings back: with one word, or
 * with counts kept per processor. What they hold is plain memory, which the owner overwrites when the wait has returned.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "world.h"

#define OBJECTS 4u /* half of each form */
#define ALIVE 0xa11fe000a11feu

struct guarded {
	struct dhp_rundown plain;
	struct dhp_rundown_percpu *percpu; /* NULL: the plain one guards it */
	pthread_mutex_t owner;
	uint64_t state;
};

struct rundowns {
	struct guarded objects[OBJECTS];
};

static enum dhp_status acquire(struct guarded *object, uint32_t count)
{
	return object->percpu != NULL ? dhp_rundown_percpu_acquire(object->percpu, count)
				      : dhp_rundown_acquire(&object->plain, count);
}

static enum dhp_status release(struct guarded *object, uint32_t count)
{
	return object->percpu != NULL ? dhp_rundown_percpu_release(object->percpu, count)
				      : dhp_rundown_release(&object->plain, count);
}

static enum dhp_status wait(struct guarded *object)
{
	return object->percpu != NULL ? dhp_rundown_percpu_wait(object->percpu) : dhp_rundown_wait(&object->plain);
}

static enum dhp_status reinit(struct guarded *object)
{
	return object->percpu != NULL ? dhp_rundown_percpu_reinit(object->percpu) : dhp_rundown_reinit(&object->plain);
}

static void hold(struct world *world, uint64_t random, uint32_t turns, bool yields)
{
	struct guarded *object = &world->rundowns->objects[random % OBJECTS];
	uint32_t count = 1 + (uint32_t)(random >> 8) % 3;
	enum dhp_status status = acquire(object, count);

	if (status == DHP_RUN_DOWN || !went_well(world, status))
		return;
	tally_equal(world->tally, RULE_RUNDOWN, object->state, ALIVE);
	while (turns-- > 0)
		__asm__ __volatile__("" ::: "memory");
	if (yields)
		sched_yield();
	tally_equal(world->tally, RULE_RUNDOWN, object->state, ALIVE);
	went_well(world, release(object, count));
}

void rundowns_glance(struct world *world, uint64_t random)
{
	hold(world, random >> 3, (uint32_t)(random >> 16) % 32, false);
}

static void use_objects(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		hold(world, dice_roll(dice), dice_below(dice, 500), dice_one_in(dice, 32));
		if (dice_one_in(dice, 256))
			sleep_us(dice_below(dice, 200));
	}
}

/* An owner at a time. */
static void take_away(struct world *world, struct guarded *object, uint32_t pause_us)
{
	if (pthread_mutex_trylock(&object->owner) != 0)
		return;
	if (went_well(world, wait(object))) {
		object->state = ~object->state;
		deed(world, DEED_RUN_DOWNS);
		if (pause_us != 0)
			sleep_us(pause_us); /* so that who should not be there has time to see it */
		tally_equal(world->tally, RULE_RUNDOWN, (uint64_t)(int64_t)acquire(object, 1), (uint64_t)(int64_t)DHP_RUN_DOWN);
		object->state = ALIVE;
		went_well(world, reinit(object));
	}
	pthread_mutex_unlock(&object->owner);
}

static void own(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		take_away(world, &world->rundowns->objects[dice_below(dice, OBJECTS)],
			  dice_one_in(dice, 2) ? dice_below(dice, 200) : 0);
		sleep_us(dice_below(dice, 500));
	}
}

static void begin(struct world *world)
{
	uint32_t i;

	world->rundowns = take(sizeof(*world->rundowns));
	for (i = 0; i < OBJECTS; i++) {
		struct guarded *object = &world->rundowns->objects[i];

		object->state = ALIVE;
		pthread_mutex_init(&object->owner, NULL);
		went_well(world, dhp_rundown_init(&object->plain));
		if (i % 2 == 1)
			went_well(world, dhp_rundown_percpu_create(world->engine, &object->percpu));
	}
}

static void end(struct world *world)
{
	uint32_t i;

	for (i = 0; i < OBJECTS; i++) {
		struct guarded *object = &world->rundowns->objects[i];

		went_well(world, wait(object));
		if (object->percpu != NULL)
			went_well(world, dhp_rundown_percpu_destroy(object->percpu));
		pthread_mutex_destroy(&object->owner);
	}
	free(world->rundowns);
}

const struct part part_rundowns = {
	.name = "rundowns", .group = GROUP_EPOCHS, .begin = begin, .acts = {use_objects, own}, .end = end};
