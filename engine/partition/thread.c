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
 * I3        while `several` is set that token is in force, holds what it replaced, and only its revert ends it: a single
 *           affinity could not describe it.
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

#define NOWHERE (-1)

/* `now` if it is among them, otherwise the first, or what was found before. */
static int32_t find_cpu(struct dhp_engine *engine, const struct dhp_affinity *affinity, int32_t found, int32_t now)
{
	uint64_t mask = affinity->mask & dhpi_set_usable_mask(engine->set, affinity->group);

	for (; mask != 0; mask &= mask - 1) {
		int32_t cpu = (int32_t)cpu_of(engine, affinity->group, (uint32_t)__builtin_ctzll(mask));

		if (found == NOWHERE || cpu == now)
			found = cpu; /* it may stay where it is */
	}
	return found;
}

static enum dhp_status confine_simulated(struct dhp_engine *engine, const struct dhp_affinity *list, uint32_t count,
					 struct port_pin *pin)
{
	int32_t now = port_cpu_pretended(), found = NOWHERE;

	for (uint32_t i = 0; i < count; i++)
		found = find_cpu(engine, &list[i], found, now);
	if (found == NOWHERE)
		return DHP_NO_AFFINITY;
	pin->set_cpu = found;
	port_cpu_pretend(found);
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

static enum dhp_status confine_real(struct dhp_engine *engine, const struct dhp_affinity *list, uint32_t count,
				    struct port_pin *pin)
{
	struct port_affinity wanted = { { 0 } }, before;

	for (uint32_t i = 0; i < count; i++)
		for (uint64_t mask = list[i].mask; mask != 0; mask &= mask - 1)
			add_cpu(&wanted, cpu_of(engine, list[i].group, (uint32_t)__builtin_ctzll(mask)));
	if (!port_affinity_read(&before) || !port_affinity_write(&wanted))
		return DHP_NO_AFFINITY;
	if (port_affinity_read(&pin->set))
		return DHP_OK;
	(void)port_affinity_write(&before); /* I2 */
	return DHP_NO_AFFINITY;
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

static enum dhp_status write_user(struct port_pin *pin)
{
	enum dhp_status status = note_user(pin);

	if (dhp_failed(status))
		return status;
	if (pin->simulated)
		port_cpu_pretend(pin->user_cpu);
	else if (!port_affinity_write(&pin->user) && !dhpi_pins_let_run(pin))
		return DHP_NO_AFFINITY;
	pin->owner = NULL;
	return DHP_OK;
}

/* ---- set and revert ---- */

/* The backend may watch this thread: it is told, so that it does not take our affinity for the user's. */
void dhpi_thread_affinity_begins(struct dhp_engine *engine)
{
	if (engine->partition->backend->affinity_begins != NULL)
		engine->partition->backend->affinity_begins(engine->partition->state);
}

void dhpi_thread_affinity_ends(struct dhp_engine *engine)
{
	if (engine->partition->backend->affinity_ends != NULL)
		engine->partition->backend->affinity_ends(engine->partition->state,
							  port_pin()->owner != NULL || port_pin()->kept != NULL);
}

static enum dhp_status restore_user(struct dhp_engine *engine)
{
	enum dhp_status status;

	dhpi_thread_affinity_begins(engine);
	status = write_user(port_pin());
	dhpi_thread_affinity_ends(engine);
	dhpi_pins_step_back(port_pin()->owner != NULL);
	return status;
}

static enum dhp_status confine_to(struct dhp_engine *engine, const struct dhp_affinity *list, uint32_t count)
{
	struct port_pin *pin = port_pin();
	enum dhp_status status;

	dhpi_pins_step_back(true);
	dhpi_thread_affinity_begins(engine);
	pin->simulated = engine->work->simulated;
	status = note_user(pin);
	if (!dhp_failed(status))
		status = pin->simulated ? confine_simulated(engine, list, count, pin)
					: confine_real(engine, list, count, pin);
	if (!dhp_failed(status))
		pin->owner = engine;
	dhpi_thread_affinity_ends(engine);
	dhpi_pins_step_back(pin->owner != NULL);
	return status;
}

static enum dhp_status confine(struct dhp_engine *engine, const struct dhp_affinity *affinity)
{
	struct dhp_affinity chosen = { .group = affinity->group };
	struct port_pin *pin = port_pin();
	enum dhp_status status;

	if (pin->owner != NULL && pin->owner != engine)
		return DHP_IN_USE;
	status = choose(engine, affinity, &chosen.mask);
	if (!dhp_failed(status))
		status = confine_to(engine, &chosen, 1);
	if (dhp_failed(status))
		return status;
	pin->group = chosen.group;
	pin->mask = chosen.mask;
	return DHP_OK;
}

static struct dhp_affinity in_force(const struct port_pin *pin)
{
	return (struct dhp_affinity){ .mask = pin->mask, .group = (uint16_t)pin->group };
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
		previous = in_force(port_pin());
	status = port_pin()->several == NULL ? confine(engine, &wanted) : DHP_IN_USE; /* I3 */
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
	if (port_pin()->several != NULL)
		return DHP_IN_USE; /* I3 */
	if (previous->mask != 0)
		return confine(engine, previous);
	if ((previous->reserved[0] | previous->reserved[1] | previous->reserved[2]) != 0)
		return DHP_BAD_MASK;
	return restore_user(engine);
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

/* ---- several groups at once ---- */

struct dhp_affinity_token {
	/* set once */
	struct dhp_engine *engine;
	size_t bytes;
	uint32_t capacity; /* groups there could ever be */

	/* the thread's that set it */
	bool in_force;
	uint32_t count;
	struct dhp_affinity_token *previous_several; /* what it replaced: a token, */
	struct dhp_affinity previous;                /* or one group; a zero mask: the user's affinity */
	struct dhp_affinity list[];                  /* one for each group chosen */
};

enum dhp_status dhp_affinity_token_create(struct dhp_engine *engine, struct dhp_affinity_token **out_token)
{
	struct dhp_affinity_token *token;
	size_t bytes;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (out_token == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	bytes = sizeof(*token) + engine->set->groups_maximum * sizeof(token->list[0]);
	token = port_alloc(bytes);
	if (token == NULL)
		return DHP_NO_MEMORY;
	token->engine = engine;
	token->bytes = bytes;
	token->capacity = engine->set->groups_maximum;
	*out_token = token;
	return DHP_OK;
}

enum dhp_status dhp_affinity_token_destroy(struct dhp_affinity_token *token)
{
	if (token == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	if (token->in_force)
		return DHP_IN_USE;
	port_free(token, token->bytes);
	return DHP_OK;
}

/* One entry for each group, so that there is always room. */
static void add_to_list(struct dhp_affinity_token *token, uint16_t group, uint64_t mask)
{
	uint32_t at = 0;

	while (at < token->count && token->list[at].group != group)
		at++;
	if (at == token->count)
		token->list[token->count++] = (struct dhp_affinity){ .group = group };
	token->list[at].mask |= mask;
}

/* A group of which no chosen processor is active is left out, if there are others. */
static enum dhp_status choose_several(struct dhp_affinity_token *token, const struct dhp_affinity *affinities,
				      uint32_t count)
{
	enum dhp_status status = DHP_BAD_COUNT;

	token->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const uint16_t *reserved = affinities[i].reserved;
		uint64_t mask;

		status = choose(token->engine, &affinities[i], &mask);
		if (status == DHP_OK)
			add_to_list(token, affinities[i].group, mask);
		else if (status != DHP_BAD_MASK || (reserved[0] | reserved[1] | reserved[2]) != 0)
			return status;
	}
	return token->count != 0 ? DHP_OK : status;
}

enum dhp_status dhp_thread_affinities_set(struct dhp_affinity_token *token, const struct dhp_affinity *affinities,
					  uint32_t count)
{
	struct port_pin *pin = port_pin();
	enum dhp_status status;

	if (token == NULL || affinities == NULL)
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	if (token->in_force || (pin->owner != NULL && pin->owner != token->engine))
		return DHP_IN_USE;
	status = choose_several(token, affinities, count);
	if (dhp_failed(status))
		return status;
	token->previous_several = pin->several;
	token->previous = pin->owner != NULL ? in_force(pin) : (struct dhp_affinity){ .mask = 0 };
	status = confine_to(token->engine, token->list, token->count);
	if (dhp_failed(status))
		return status;
	token->in_force = true;
	pin->several = token;
	return DHP_OK;
}

static enum dhp_status go_back(const struct dhp_affinity_token *token)
{
	const struct dhp_affinity_token *several = token->previous_several;

	if (several != NULL)
		return confine_to(several->engine, several->list, several->count);
	return token->previous.mask != 0 ? confine(token->engine, &token->previous) : restore_user(token->engine);
}

enum dhp_status dhp_thread_affinities_revert(struct dhp_affinity_token *token)
{
	enum dhp_status status;

	if (token == NULL)
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	if (!token->in_force || port_pin()->several != token)
		return DHP_NO_EFFECT;
	status = go_back(token);
	if (dhp_failed(status))
		return status;
	port_pin()->several = token->previous_several;
	token->in_force = false;
	return DHP_OK;
}
