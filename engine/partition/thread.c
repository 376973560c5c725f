/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c - the calling thread confined to processors of a group, and back.
 *
 * What is in force is kept for each thread by the port, and only that thread looks at it. A set or revert replaces it as a
 * whole, so nesting is the caller's: each previous value is a complete description, and zero is "the user's".
 *
 * I1        `user` is what a revert to zero restores. It is taken at the first set; and whatever differs from what we have set
 *           when we look again was the user's doing since, so it becomes `user` (S-545: the most recent).
 * I2        a call that fails leaves thread and record as they were.
 */
#include <dhp/thread.h>

#include "partition.h"

/* ---- what was chosen ---- */

/* S-542: what is not active is dropped. */
static enum dhp_status choose(struct dhp_engine *engine, const struct dhp_affinity *affinity, uint64_t *out_mask)
{
	uint64_t mask;

	if (affinity->group >= engine->set->groups_maximum)
		return DHP_BAD_GROUP;
	if ((affinity->reserved[0] | affinity->reserved[1] | affinity->reserved[2]) != 0)
		return DHP_BAD_MASK;
	mask = affinity->mask & dhpi_set_active_mask(engine->set, affinity->group);
	if (mask == 0)
		return DHP_BAD_MASK;
	*out_mask = mask;
	return DHP_OK;
}

static uint32_t cpu_of(struct dhp_engine *engine, uint32_t group, uint32_t number)
{
	const struct dhp_number full = { .group = (uint16_t)group, .number = (uint8_t)number };

	return dhpi_set_row(engine->set, dhpi_set_index_of_number(engine->set, full))->cpu;
}

/* ---- simulated: the thread counts as running on one of them ---- */

static enum dhp_status confine_simulated(struct dhp_engine *engine, uint32_t group, uint64_t mask, struct port_pin *pin)
{
	int32_t now = port_cpu_pretended();

	mask &= dhpi_set_usable_mask(engine->set, group);
	if (mask == 0)
		return DHP_NO_AFFINITY;
	pin->set_cpu = (int32_t)cpu_of(engine, group, (uint32_t)__builtin_ctzll(mask));
	for (uint64_t left = mask; left != 0; left &= left - 1)
		if ((int32_t)cpu_of(engine, group, (uint32_t)__builtin_ctzll(left)) == now)
			pin->set_cpu = now; /* it may stay where it is */
	port_cpu_pretend(pin->set_cpu);
	return DHP_OK;
}

/* ---- the machine: the kernel confines it ---- */

static void add_cpu(struct port_affinity *affinity, uint32_t cpu)
{
	if (cpu < PORT_AFFINITY_CPUS)
		affinity->words[cpu / 64] |= 1ull << cpu % 64;
}

static bool same(const struct port_affinity *a, const struct port_affinity *b)
{
	uint64_t difference = 0;

	for (size_t i = 0; i < sizeof(a->words) / sizeof(a->words[0]); i++)
		difference |= a->words[i] ^ b->words[i];
	return difference == 0;
}

static enum dhp_status confine_real(struct dhp_engine *engine, uint32_t group, uint64_t mask, struct port_pin *pin)
{
	struct port_affinity wanted = { { 0 } };

	for (; mask != 0; mask &= mask - 1)
		add_cpu(&wanted, cpu_of(engine, group, (uint32_t)__builtin_ctzll(mask)));
	if (!port_affinity_write(&wanted) || !port_affinity_read(&pin->set))
		return DHP_NO_AFFINITY;
	return DHP_OK;
}

/* ---- the user's affinity: I1 ---- */

static enum dhp_status note_user(struct port_pin *pin)
{
	struct port_affinity now;

	if (pin->simulated) {
		if (pin->owner == NULL || port_cpu_pretended() != pin->set_cpu)
			pin->user_cpu = port_cpu_pretended();
		return DHP_OK;
	}
	if (!port_affinity_read(&now))
		return DHP_NO_AFFINITY;
	if (pin->owner == NULL || !same(&now, &pin->set))
		pin->user = now;
	return DHP_OK;
}

static enum dhp_status restore_user(struct port_pin *pin)
{
	enum dhp_status status = note_user(pin);

	if (dhp_failed(status))
		return status;
	if (pin->simulated)
		port_cpu_pretend(pin->user_cpu);
	else if (!port_affinity_write(&pin->user))
		return DHP_NO_AFFINITY;
	pin->owner = NULL;
	return DHP_OK;
}

/* ---- set and revert ---- */

static enum dhp_status confine(struct dhp_engine *engine, const struct dhp_affinity *affinity)
{
	struct port_pin *pin = port_pin();
	enum dhp_status status;
	uint64_t mask;

	if (pin->owner != NULL && pin->owner != engine)
		return DHP_IN_USE;
	status = choose(engine, affinity, &mask);
	if (dhp_failed(status))
		return status;
	pin->simulated = engine->work->simulated;
	status = note_user(pin);
	if (!dhp_failed(status))
		status = pin->simulated ? confine_simulated(engine, affinity->group, mask, pin)
					: confine_real(engine, affinity->group, mask, pin);
	if (dhp_failed(status))
		return status;
	pin->owner = engine;
	pin->group = affinity->group;
	pin->mask = mask;
	return DHP_OK;
}

enum dhp_status dhp_thread_affinity_set(struct dhp_engine *engine, const struct dhp_affinity *affinity,
					struct dhp_affinity *out_previous)
{
	struct dhp_affinity previous = { .mask = 0 }, wanted = { .mask = 0 };
	enum dhp_status status;

	if (affinity != NULL)
		wanted = *affinity; /* it may be where the previous one goes */
	if (out_previous != NULL)
		*out_previous = previous;
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (affinity == NULL)
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	if (port_pin()->owner != NULL)
		previous = (struct dhp_affinity){ .mask = port_pin()->mask, .group = (uint16_t)port_pin()->group };
	status = confine(engine, &wanted);
	if (!dhp_failed(status) && out_previous != NULL)
		*out_previous = previous;
	return status;
}

enum dhp_status dhp_thread_affinity_revert(struct dhp_engine *engine, const struct dhp_affinity *previous)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (previous == NULL)
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	if (port_pin()->owner == NULL)
		return DHP_NO_EFFECT;
	if (previous->mask != 0)
		return confine(engine, previous);
	if ((previous->reserved[0] | previous->reserved[1] | previous->reserved[2]) != 0)
		return DHP_BAD_MASK;
	return restore_user(port_pin());
}

/* ---- for those who know of one group ---- */

static struct dhp_affinity of_old_group(struct dhp_engine *engine, uint64_t mask)
{
	return (struct dhp_affinity){ .mask = mask, .group = (uint16_t)dhp_old_group(engine) };
}

enum dhp_status dhp_thread_mask_set(struct dhp_engine *engine, uint64_t mask, uint64_t *out_previous)
{
	const struct dhp_affinity wanted = of_old_group(engine, mask);
	struct dhp_affinity previous;
	enum dhp_status status = dhp_thread_affinity_set(engine, &wanted, &previous);

	if (out_previous != NULL)
		*out_previous = previous.group == wanted.group ? previous.mask : 0;
	return status;
}

enum dhp_status dhp_thread_mask_revert(struct dhp_engine *engine, uint64_t previous)
{
	const struct dhp_affinity wanted = of_old_group(engine, previous);

	return dhp_thread_affinity_revert(engine, &wanted);
}
