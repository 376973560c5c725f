/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * round.c - see round.h. The order at the end matters: actors go first, then whoever has not arrived does, then every
 * part checks with nothing going on, then the engine is destroyed with work still queued.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "arrive.h"
#include "round.h"

/* Checked and destroyed from the first to the last: work before what its routines use. */
static const struct part *const parts[] = {
	&part_stalls, &part_refusals, &part_adder,     &part_watch,    &part_work,    &part_lanes,   &part_batch,  &part_heap,
	&part_alarm,  &part_order,    &part_timers,    &part_calls,    &part_pins,    &part_slots,   &part_sums,
	&part_blocks, &part_links,    &part_ages,      &part_rundowns, &part_hearers, &part_listeners,
	&part_changes, &part_modules, &part_records,   &part_devices};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

struct actor {
	pthread_t thread;
	struct world *world;
	act *act;
	struct dice dice;
};

static _Atomic(const char *) phase;

static void enter(const char *name)
{
	atomic_store_explicit(&phase, name, memory_order_relaxed);
}

const char *round_phase(void)
{
	return atomic_load_explicit(&phase, memory_order_relaxed);
}

static const struct arrivals *arrivals_of(const struct options *options)
{
	return options->simulated ? &arrivals_simulated : &arrivals_of_machine;
}

void round_prepare(const struct options *options)
{
	enter("preparation");
	arrivals_of(options)->prepare();
}

static void *actor_main(void *argument)
{
	struct actor *actor = argument;
	cpu_set_t everywhere;
	size_t cpu;

	/* half of the threads may also be where the engine does not expect them */
	if (!actor->world->options->simulated && dice_one_in(&actor->dice, 2)) {
		CPU_ZERO(&everywhere);
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, &everywhere);
		sched_setaffinity(0, sizeof(everywhere), &everywhere);
	}
	stalls_welcome();
	gate_pass(&actor->world->gate);
	actor->act(actor->world, &actor->dice);
	return NULL;
}

static bool plays(const struct part *part, const struct options *options)
{
	return part->group == GROUPS || (options->groups >> part->group & 1) != 0;
}

/* Deal the acts out: each once in random order, then again, until every thread has one. */
static void cast(const struct options *options, struct actor *actors, uint32_t count, struct dice *dice)
{
	act *acts[PARTS * PART_ACTS];
	uint32_t i, k, known = 0;

	for (i = 0; i < PARTS; i++)
		for (k = 0; plays(parts[i], options) && k < PART_ACTS && parts[i]->acts[k] != NULL; k++)
			acts[known++] = parts[i]->acts[k];
	for (i = 0; i < count; i++) {
		if (i % known == 0)
			for (k = known - 1; k > 0; k--) {
				uint32_t other = dice_below(dice, k + 1);
				act *kept = acts[k];

				acts[k] = acts[other];
				acts[other] = kept;
			}
		actors[i].act = acts[i % known];
	}
}

static struct actor *start_actors(struct world *world, struct dice *dice)
{
	uint32_t i, count = world->options->threads;
	struct actor *actors = take(count * sizeof(*actors));

	world->gate.expected = count + 1;
	cast(world->options, actors, count, dice);
	for (i = 0; i < count; i++) {
		actors[i].world = world;
		actors[i].dice = dice_make(world->seed, i);
		if (pthread_create(&actors[i].thread, NULL, actor_main, &actors[i]) != 0) {
			fprintf(stderr, "torture: no thread: use fewer --threads\n");
			exit(3);
		}
	}
	return actors;
}

static void stop_actors(struct world *world, struct actor *actors)
{
	uint32_t i;

	atomic_store_explicit(&world->stop, true, memory_order_relaxed);
	for (i = 0; i < world->options->threads; i++)
		pthread_join(actors[i].thread, NULL);
	free(actors);
}

static void begin_parts(struct world *world)
{
	uint32_t i;

	placement_begins(world);
	went_well(world, dhp_counter_create(world->engine, &world->counter));
	for (i = 0; i < PARTS; i++)
		if (parts[i]->begin != NULL)
			parts[i]->begin(world);
}

static void end_parts(struct world *world)
{
	uint32_t i;

	for (i = 0; i < PARTS; i++)
		if (parts[i]->end != NULL) {
			enter(parts[i]->name);
			parts[i]->end(world);
		}
	placement_checks(world);
	tally_equal(world->tally, RULE_SUM, dhp_counter_sum(world->counter),
		    atomic_load_explicit(&world->counted, memory_order_relaxed));
	went_well(world, dhp_counter_destroy(world->counter));
}

static void act_while_arriving(struct world *world, const struct arrivals *arrivals, struct dice *dice)
{
	struct actor *actors = start_actors(world, dice);
	uint64_t until = now_ms() + world->milliseconds;

	gate_pass(&world->gate);
	enter("arrivals");
	arrivals->play(world, dice);
	while (now_ms() < until)
		sleep_us(1000);
	atomic_store_explicit(&world->calm, true, memory_order_relaxed);
	refusals_end();
	enter("stopping the actors");
	stop_actors(world, actors);
	enter("last arrivals");
	arrivals->finish(world);
}

void round_run(const struct options *options, struct tally *tally, uint64_t seed, uint32_t milliseconds)
{
	const struct arrivals *arrivals = arrivals_of(options);
	struct dice dice = dice_make(seed, 4000);
	struct world *world = take(sizeof(*world));
	uint32_t i;

	world->options = options;
	world->tally = tally;
	world->seed = seed;
	world->milliseconds = milliseconds;
	world->shrinks = dice_one_in(&dice, 2);
	refusals_end();
	enter("creation");
	arrivals->create(world, &dice);
	begin_parts(world);
	act_while_arriving(world, arrivals, &dice);
	end_parts(world);
	enter("destruction");
	for (i = 0; i < PARTS; i++)
		if (parts[i]->leave != NULL)
			parts[i]->leave(world);
	went_well(world, dhp_engine_destroy(world->engine));
	for (i = 0; i < PARTS; i++)
		if (parts[i]->after != NULL)
			parts[i]->after(world);
	arrivals->over(world);
	deed(world, DEED_ROUNDS);
	free(world);
}
