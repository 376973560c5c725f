/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.c - arrivals, changes, modules and levels: what was written before is seen by whoever is told.
 *
 * Edges: notify-drain notify-stop change-post module-publish memory-level
 * Sources: notify/arrival.c notify/change.c notify/module.c notify/registry.c
 */
#include "model.h"

#include "notify/condition.c"

#include <dhp/change.h>

#include "notify.h"

static struct world {
	struct port_mutex serial;
	struct dhpi_set set;
	struct dhpi_notify notify;
	struct dhp_engine engine;
	struct dhp_arrival_notify *arrivals;
	struct dhp_change_notify *changes;
	uint32_t payload, told;
} *world;

static uint64_t generation;

/* The set says its generation. */
void dhpi_set_counts(const struct dhpi_set *set, struct dhp_counts *out_counts)
{
	(void)set;
	*out_counts = (struct dhp_counts){ .generation = generation };
}

static void arrived(void *context, const struct dhp_arrival *arrival)
{
	(void)context, (void)arrival;
	MODEL_ASSERT(world->payload == 1);
	world->told++;
}

static void changed(void *context, uint64_t to)
{
	(void)context, (void)to;
	MODEL_ASSERT(world->payload == 1);
	world->told++;
}

static void make(void)
{
	const struct dhp_processor processor = { .index = 0, .cpu = 3 };

	world = model_alloc(sizeof(*world));
	generation = 0;
	port_mutex_init(&world->serial);
	world->set.maximum = 2;
	world->notify.serial = &world->serial;
	world->notify.set = &world->set;
	world->engine = (struct dhp_engine){ .notify = &world->notify, .set = &world->set };
	dhpi_registry_init(&world->notify.changes);
	dhpi_conditions_init(&world->notify.conditions, &world->serial, 0, 0);
	MODEL_ASSERT(dhpi_arrival_init(&world->notify) == DHP_OK);
	(void)dhpi_arrival_prepare(&world->notify, &processor);
}

static void for_arrivals(void)
{
	make();
	MODEL_ASSERT(dhp_arrival_register(&world->engine, DHP_CLASS_PROCESSOR, arrived, NULL, 0, &world->arrivals) == DHP_OK);
}

static void for_changes(void)
{
	uint64_t last_seen = 0;

	make();
	MODEL_ASSERT(dhp_change_register(&world->engine, changed, NULL, &last_seen, &world->changes) == DHP_OK);
}

static void post(void)
{
	const struct dhp_processor processor = { .index = 0, .cpu = 3 };

	world->payload = 1;
	dhpi_arrival_post(&world->notify, &processor);
}

static void post_and_drain(void)
{
	post();
	MODEL_ASSERT(dhp_arrival_drain(&world->engine) == DHP_OK);
	MODEL_ASSERT(world->told == 1);
	dhpi_arrival_fini(&world->notify);
}

static void post_and_end(void)
{
	post();
	dhpi_arrival_fini(&world->notify);
	MODEL_ASSERT(world->told == 1);
}

static void change_and_end(void)
{
	world->payload = 1;
	generation = 1;
	dhpi_change_post(&world->notify);
	dhpi_arrival_fini(&world->notify);
	MODEL_ASSERT(world->told == 1);
}

/* The notification thread's look alone: nothing but the edge orders it. */
static void change(void)
{
	world->payload = 1;
	generation = 1;
	dhpi_change_post(&world->notify);
}

static void deliver_change(void)
{
	(void)dhpi_change_deliver(&world->notify);
}

static void prepare_module(void)
{
	MODEL_ASSERT(dhpi_module_prepare(&world->notify, 5));
	dhpi_modules_post(&world->notify, false);
}

static void read_modules(void)
{
	uint32_t count = dhpi_modules_count(&world->notify.modules);

	for (uint32_t i = 0; i < count; i++)
		MODEL_ASSERT(world->notify.modules.rows[i].id == 5);
}

static void fall_low(void)
{
	world->payload = 1;
	dhpi_conditions_update(&world->notify.conditions, 1ull << 32, 0, 0);
}

static void look_whether_low(void)
{
	if (is_set(read_levels(&world->notify.conditions), DHP_MEMORY_LOW))
		MODEL_ASSERT(world->payload == 1);
}

const struct model_world model_worlds[] = {
	{ "drain", for_arrivals, { post_and_drain, model_run_started }, NULL, 1 },
	{ "end", for_arrivals, { post_and_end, model_run_started }, NULL, 1 },
	{ "change", for_changes, { change_and_end, model_run_started }, NULL, 1 },
	{ "change_alone", for_changes, { change, deliver_change }, NULL, 1 },
	{ "modules", make, { prepare_module, read_modules }, NULL, 1 },
	{ "low", make, { fall_low, look_whether_low }, NULL, 1 },
	{ .name = NULL },
};
