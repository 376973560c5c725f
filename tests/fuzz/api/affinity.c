/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread confined to processors of one group or of several, in pairs that nest; the user's affinity is then what it was.
 */
#include "world.h"

#define LIST_LIMIT 3u

static uint32_t old_group(void)
{
	uint32_t last = 0;

	for (uint32_t group = 0; group < world.model.groups; group++)
		if (mask_of_group(group, false) != 0)
			last = group;
	return (world.model.flags & DHP_ENGINE_LAST_GROUP) != 0 ? last : 0;
}

static bool is_among(const struct dhp_affinity *list, uint32_t count)
{
	struct dhp_processor row;

	SAYS(dhp_processor_at(world.engine, dhp_index_here(world.engine), &row), DHP_OK);
	for (uint32_t i = 0; i < count; i++)
		if (list[i].group == row.number.group && (list[i].mask >> row.number.number & 1) != 0)
			return true;
	return false;
}

/* Groups of which nobody chosen is active are left out, if there are others (S-550). */
static enum dhp_status expected_set(const struct dhp_affinity *list, uint32_t count)
{
	enum dhp_status status = DHP_BAD_COUNT;
	uint64_t active = 0, usable = 0;

	for (uint32_t i = 0; i < count; i++) {
		status = DHP_BAD_MASK;
		if (list[i].group >= world.model.groups)
			return DHP_BAD_GROUP;
		if (list[i].reserved[1] != 0)
			return DHP_BAD_MASK;
		active |= list[i].mask & mask_of_group(list[i].group, false);
		usable |= list[i].mask & mask_of_group(list[i].group, true);
	}
	if (active == 0)
		return status;
	return usable != 0 ? DHP_OK : DHP_NO_AFFINITY;
}

/* ---- one group ---- */

/* Inside of such a pair another one, for the same group. */
static void confine_again(const struct dhp_affinity *outer)
{
	const struct dhp_affinity inner = { .mask = mask_of_group(outer->group, true) & (~outer->mask | take()),
		.group = outer->group };
	uint64_t in_force = outer->mask & mask_of_group(outer->group, false);
	struct dhp_affinity previous = { .mask = 99 };
	enum dhp_status expected = inner.mask != 0 ? DHP_OK : DHP_BAD_MASK;

	SAYS(dhp_thread_affinity_set(world.engine, &inner, &previous), expected);
	MUST(previous.mask == (expected == DHP_OK ? in_force : 0));
	if (expected == DHP_OK)
		SAYS(dhp_thread_affinity_revert(world.engine, &previous), DHP_OK);
}

void affinity_confine(void)
{
	const struct dhp_affinity wanted = { .mask = take(), .group = (uint16_t)take_below(5),
		.reserved = { 0, (uint16_t)(take_below(8) == 7), 0 } };
	struct dhp_affinity previous = { .mask = 99 };
	uint32_t here = dhp_index_here(world.engine);
	enum dhp_status expected = expected_set(&wanted, 1);

	SAYS(dhp_thread_affinity_set(world.engine, &wanted, &previous), expected);
	MUST(previous.mask == 0);
	if (expected != DHP_OK)
		return;
	MUST(is_among(&wanted, 1));
	confine_again(&wanted);
	SAYS(dhp_thread_affinity_revert(world.engine, &previous), DHP_OK);
	MUST(dhp_index_here(world.engine) == here);
	SAYS(dhp_thread_affinity_revert(world.engine, &previous), DHP_NO_EFFECT);
}

/* Who knows of one group only. */
void affinity_confine_by_mask(void)
{
	const struct dhp_affinity wanted = { .mask = take(), .group = (uint16_t)old_group() };
	enum dhp_status expected = expected_set(&wanted, 1);
	uint32_t here = dhp_index_here(world.engine);
	uint64_t previous = 99;

	MUST(dhp_old_group(world.engine) == wanted.group);
	SAYS(dhp_thread_mask_set(world.engine, wanted.mask, &previous), expected);
	MUST(previous == 0);
	if (expected == DHP_OK) {
		MUST(is_among(&wanted, 1));
		SAYS(dhp_thread_mask_set(world.engine, wanted.mask, &previous), DHP_OK);
		MUST(previous == (wanted.mask & mask_of_group(wanted.group, false)));
		SAYS(dhp_thread_mask_revert(world.engine, previous), DHP_OK);
		SAYS(dhp_thread_mask_revert(world.engine, 0), DHP_OK);
	}
	SAYS(dhp_thread_mask_revert(world.engine, 0), DHP_NO_EFFECT);
	MUST(dhp_index_here(world.engine) == here);
}

/* ---- several groups ---- */

static uint32_t take_list(struct dhp_affinity *list)
{
	uint32_t count = take_below(LIST_LIMIT + 1);

	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct dhp_affinity){ .mask = take(), .group = (uint16_t)take_below(5),
			.reserved = { 0, (uint16_t)(take_below(16) == 15), 0 } };
	return count;
}

/* While several are in force. */
static void refuse_others(struct dhp_affinity_token *token, const struct dhp_affinity *list, uint32_t count)
{
	struct dhp_affinity previous = { .mask = 0 };
	struct dhp_pin pin;

	SAYS(dhp_affinity_token_destroy(token), DHP_IN_USE);
	SAYS(dhp_thread_affinities_set(token, list, count), DHP_IN_USE);
	SAYS(dhp_thread_affinity_set(world.engine, list, &previous), DHP_IN_USE);
	SAYS(dhp_thread_affinity_revert(world.engine, &previous), DHP_IN_USE);
	memset(&pin, 0, sizeof(pin));
	SAYS(dhp_pin_keep(world.engine, &pin, 0), DHP_IN_USE);
}

static void confine_to_groups_again(struct dhp_affinity_token *outer)
{
	struct dhp_affinity list[LIST_LIMIT];
	struct dhp_affinity_token *token = NULL;
	uint32_t count = take_list(list);
	enum dhp_status expected = expected_set(list, count);

	SAYS(dhp_affinity_token_create(world.engine, &token), DHP_OK);
	SAYS(dhp_thread_affinities_set(token, list, count), expected);
	if (expected == DHP_OK) {
		MUST(is_among(list, count));
		SAYS(dhp_thread_affinities_revert(outer), DHP_NO_EFFECT);
		SAYS(dhp_thread_affinities_revert(token), DHP_OK);
	}
	SAYS(dhp_thread_affinities_revert(token), DHP_NO_EFFECT);
	SAYS(dhp_affinity_token_destroy(token), DHP_OK);
}

static void confine_to_groups(struct dhp_affinity_token *token)
{
	struct dhp_affinity list[LIST_LIMIT];
	uint32_t count = take_list(list);
	enum dhp_status expected = expected_set(list, count);

	SAYS(dhp_thread_affinities_revert(token), DHP_NO_EFFECT);
	SAYS(dhp_thread_affinities_set(token, NULL, count), DHP_BAD_OBJECT);
	SAYS(dhp_thread_affinities_set(token, list, count), expected);
	if (expected != DHP_OK)
		return;
	MUST(is_among(list, count));
	refuse_others(token, list, count);
	confine_to_groups_again(token);
	MUST(is_among(list, count));
	SAYS(dhp_thread_affinities_revert(token), DHP_OK);
}

void affinity_confine_to_groups(void)
{
	struct dhp_affinity_token *token = NULL;
	uint32_t here = dhp_index_here(world.engine);

	SAYS(dhp_affinity_token_create(NULL, &token), DHP_BAD_ENGINE);
	SAYS(dhp_affinity_token_create(world.engine, NULL), DHP_BAD_RESULT);
	SAYS(dhp_thread_affinities_revert(NULL), DHP_BAD_OBJECT);
	SAYS(dhp_affinity_token_destroy(NULL), DHP_OK);
	SAYS(dhp_affinity_token_create(world.engine, &token), DHP_OK);
	confine_to_groups(token);
	SAYS(dhp_affinity_token_destroy(token), DHP_OK);
	MUST(dhp_index_here(world.engine) == here);
}
