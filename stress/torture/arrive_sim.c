/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrive_sim.c - a simulated partition of random shape, and a script made from its seed: random order, delays that
 * spread the arrivals over the round, failures at every step. Beside the script an actor adds processors out of turn.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arrive.h"

#define SHAPES 8u
#define TRIES 4u
#define EVENTS_AT_ONCE 2u

static void create(struct world *world, struct dice *dice)
{
	uint8_t sizes[SHAPES];
	uint32_t i, most = world->options->processors;
	struct dhp_sim_options sim = {.size = sizeof(sim)};
	struct dhp_engine_options options = {.size = sizeof(options), .sim = &sim};
	enum dhp_status status;

	sim.maximum_count = dice_between(dice, 2, most);
	sim.initial_count = dice_between(dice, 1, (sim.maximum_count + 1) / 2);
	sim.node_count = dice_between(dice, 1, 4);
	sim.cpu_gap = dice_below(dice, 6);
	sim.seed = dice_roll(dice);
	sim.group_size_count = dice_between(dice, 1, SHAPES);
	for (i = 0; i < sim.group_size_count; i++)
		sizes[i] = (uint8_t)(dice_one_in(dice, 4) ? dice_between(dice, 1, 64) : dice_between(dice, 1, 5));
	sim.group_sizes = sizes;
	options.spin_ns = dice_one_in(dice, 2) ? 1 : 0;
	options.flags = dice_one_in(dice, 4) ? DHP_ENGINE_TWO_THREADS : 0;
	options.watchdog_run_ns = dice_one_in(dice, 2) ? 100000 : 0;
	options.watchdog_sequence_ns = dice_one_in(dice, 2) ? 1000000 : 0;
	options.ready_ahead = dice_below(dice, 3);
	if (sim.node_count > sim.maximum_count)
		sim.node_count = sim.maximum_count;
	world->maximum = sim.maximum_count;
	status = dhp_engine_create(&options, &world->engine);
	if (dhp_failed(status)) {
		fprintf(stderr, "torture: no simulated partition of %u processors: %s\n", (unsigned)world->maximum,
			dhp_status_text(status));
		exit(3);
	}
}

static struct dhp_sim_event *write_script(struct world *world, uint32_t *out_count)
{
	struct dhp_sim_event *events;
	uint32_t capacity = 0, delay_limit_us = world->milliseconds * 2000u / world->maximum;
	enum dhp_status status = dhp_sim_script(world->engine, delay_limit_us, 5, NULL, 0, &capacity);

	if (status != DHP_TOO_SMALL) {
		went_well(world, status);
		return NULL;
	}
	events = take(capacity * sizeof(*events));
	if (went_well(world, dhp_sim_script(world->engine, delay_limit_us, 5, events, capacity, out_count)))
		return events;
	free(events);
	return NULL;
}

static void play(struct world *world, struct dice *dice)
{
	uint32_t count = 0, done, added, chunk;
	struct dhp_sim_event *events = write_script(world, &count);

	(void)dice;
	for (done = 0; done < count; done += chunk) {
		chunk = count - done < EVENTS_AT_ONCE ? count - done : EVENTS_AT_ONCE;
		added = 0;
		went_well(world, dhp_sim_play(world->engine, events + done, chunk, &added));
		tally_add(world->tally, DEED_ARRIVALS, added);
		tally_add(world->tally, DEED_ARRIVALS_FAILED, chunk - added);
	}
	free(events);
}

static bool refusal_is_known(enum dhp_status status)
{
	return status == DHP_VETOED || status == DHP_INJECTED || status == DHP_NO_MEMORY || status == DHP_NO_THREAD ||
	       status == DHP_ALREADY_THERE;
}

static void add(struct world *world, uint32_t position)
{
	enum dhp_status status = dhp_sim_add(world->engine, dhp_sim_cpu(world->engine, position));

	if (status == DHP_OK)
		deed(world, DEED_ARRIVALS);
	else if (tally_check(world->tally, RULE_STATUS, refusal_is_known(status), (uint64_t)(int64_t)status, 0) &&
		 status != DHP_ALREADY_THERE)
		deed(world, DEED_ARRIVALS_FAILED);
}

/* The last one that is usable stays. */
static void leave_or_come_back(struct world *world, uint32_t position, bool usable)
{
	enum dhp_status status = dhp_sim_set_usable(world->engine, dhp_sim_cpu(world->engine, position), usable);

	if (status == DHP_OK && !usable)
		deed(world, DEED_LEFT);
	tally_check(world->tally, RULE_STATUS,
		    status == DHP_OK || status == DHP_BAD_CPU || (status == DHP_IN_USE && !usable),
		    (uint64_t)(int64_t)status, 0);
}

static void add_out_of_turn(struct world *world, struct dice *dice)
{
	static const enum dhp_status reasons[] = {DHP_INJECTED, DHP_NO_MEMORY, DHP_NO_THREAD};

	while (!stopping(world)) {
		uint32_t position = dice_below(dice, world->maximum);

		if (!world->options->simulated) {
			sleep_us(10000);
			continue;
		}
		if (!calm(world) && dice_one_in(dice, 2))
			went_well(world, dhp_sim_fail(world->engine, dhp_sim_cpu(world->engine, position),
						      (enum dhp_step)dice_below(dice, DHP_STEP_BRING_UP + 1),
						      reasons[dice_below(dice, 3)]));
		if (!world->shrinks || dice_one_in(dice, 4))
			add(world, position);
		else
			leave_or_come_back(world, position, dice_one_in(dice, 2));
		sleep_us(dice_below(dice, world->shrinks ? 2000u
								  : world->milliseconds * 4000u / world->maximum + 1));
	}
}

/* A failure asked for earlier may still be waiting; it comes once. */
static void finish(struct world *world)
{
	struct dhp_counts counts = {.active = 0};
	uint32_t position, tries;

	for (tries = 0; tries < TRIES; tries++) {
		went_well(world, dhp_counts_read(world->engine, &counts));
		for (position = 0; position < world->maximum && counts.active < world->maximum; position++)
			add(world, position);
	}
	for (position = 0; position < world->maximum && world->shrinks; position++)
		leave_or_come_back(world, position, true);
	went_well(world, dhp_counts_read(world->engine, &counts));
	tally_equal(world->tally, RULE_ARRIVED, counts.active, world->maximum);
	tally_equal(world->tally, RULE_ARRIVED, counts.usable, world->maximum);
}

static void nothing(void)
{
}

static void over(struct world *world)
{
	(void)world;
}

const struct arrivals arrivals_simulated = {
	.prepare = nothing, .create = create, .play = play, .finish = finish, .over = over};

const struct part part_adder = {.name = "adder", .group = GROUPS, .acts = {add_out_of_turn}};
