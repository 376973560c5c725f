/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin.c - the lock of the engine.
 *
 * Edges: spin
 */
#include "model.h"
#include "spin.h"

static struct world {
	struct dhpi_spin lock;
	uint32_t payload; /* under the lock */
	struct at_u32 looked;
} *world;

static void before(void)
{
	world = model_alloc(sizeof(*world));
}

static void lock_and_add(void)
{
	dhpi_spin_lock(&world->lock);
	world->payload++;
	dhpi_spin_unlock(&world->lock);
}

static void try_and_add(void)
{
	while (!dhpi_spin_try(&world->lock))
		port_relax();
	world->payload++;
	dhpi_spin_unlock(&world->lock);
}

static void both_were_there(void)
{
	MODEL_ASSERT(world->payload == 2);
}

/* What the last holder did is visible to who finds the lock free after it knows that it was held. */
static void hold_and_say(void)
{
	dhpi_spin_lock(&world->lock);
	at_store_release_u32(&world->looked, 1);
	world->payload = 1;
	dhpi_spin_unlock(&world->lock);
}

static void look(void)
{
	if (at_load_acquire_u32(&world->looked) == 0)
		return;
	while (dhpi_spin_is_held(&world->lock))
		port_relax();
	MODEL_ASSERT(world->payload == 1);
}

const struct model_world model_worlds[] = {
	{ "two_holders", before, { lock_and_add, try_and_add }, both_were_there, 1 },
	{ "found_free", before, { hold_and_say, look }, NULL, 1 },
	{ .name = NULL },
};
