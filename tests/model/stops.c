/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stops.c - threads that are told to stop: what was done before is theirs to see.
 *
 * Edges: timer-stop control-stop
 */
#include "model.h"

#define told_to_stop timers_told_to_stop
#define look timers_look
#include "work/timers.c"
#undef look
#undef told_to_stop

#define told_to_stop partition_told_to_stop
#include "partition/partition.c"
#undef told_to_stop

static struct world {
	struct dhpi_timers timers;
	struct dhpi_partition partition;
	struct dhpi_backend backend;
	uint32_t payload;
} *world;

static void interrupt(void *state)
{
	(void)state;
}

static void look_at_timers(void *argument)
{
	while (!timers_told_to_stop(argument))
		port_relax();
	MODEL_ASSERT(world->payload == 1);
}

static void look_at_partition(void *argument)
{
	while (!partition_told_to_stop(argument))
		port_relax();
	MODEL_ASSERT(world->payload == 1);
}

static void before_timers(void)
{
	world = model_alloc(sizeof(*world));
	(void)port_thread_start(&world->timers.thread, look_at_timers, &world->timers, PORT_ANY_CPU, 0, "");
}

static void before_partition(void)
{
	world = model_alloc(sizeof(*world));
	world->backend.interrupt = interrupt;
	world->partition.backend = &world->backend;
	(void)port_thread_start(&world->partition.control, look_at_partition, &world->partition, PORT_ANY_CPU, 0, "");
}

static void stop_timers(void)
{
	world->payload = 1;
	dhpi_timers_stop(&world->timers);
}

static void stop_partition(void)
{
	world->payload = 1;
	dhpi_partition_stop(&world->partition);
}

const struct model_world model_worlds[] = {
	{ "timers", before_timers, { stop_timers, model_run_started }, NULL, 1 },
	{ "partition", before_partition, { stop_partition, model_run_started }, NULL, 1 },
	{ .name = NULL },
};
