/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_limit.c - how much memory our control groups may use, and what is left of it.
 *
 * Every group from ours up to the visible root may have a limit. The tightest is as if the machine had no more; and what is
 * left is the least that any of them leaves. What a group uses but could give back at once, file pages that nobody has used
 * lately, counts as left. In version 2 a group is slowed down almost to a halt above memory.high: that is a limit too.
 */
#include <stdio.h>

#include "source.h"

/* What the kernel writes for "no limit" in version 1 is near the largest number of pages. */
#define NO_LIMIT ((uint64_t)1 << 62)

static const struct names {
	const char *limit, *other_limit, *usage, *inactive;
} names[2] = {
	{ "memory.limit_in_bytes", NULL, "memory.usage_in_bytes", "total_inactive_file" },
	{ "memory.max", "memory.high", "memory.current", "inactive_file" },
};

struct sums {
	uint64_t limit; /* the tightest so far */
	uint64_t room;  /* the least so far */
};

static enum dhpi_look read_bytes(struct dhpi_source *source, const struct dhpi_cgroup *group, const char *name,
				 uint64_t *out_bytes)
{
	size_t length = 0;
	enum dhpi_look look = dhpi_group_text(source, group, name, &length);

	if (look == DHPI_LOOK_FINE && !dhpi_cgroup_bytes_parse(source->all->scratch, length, out_bytes))
		look = DHPI_LOOK_MALFORMED;
	return look;
}

/* A group without the file, such as the root of version 2, has no limit. */
static enum dhpi_look read_limit(struct dhpi_source *source, const struct dhpi_cgroup *group, const char *name,
				 uint64_t *limit)
{
	uint64_t bytes = UINT64_MAX;
	enum dhpi_look look = DHPI_LOOK_FINE;

	if (name != NULL && dhpi_group_has(source, group, name))
		look = read_bytes(source, group, name, &bytes);
	if (look == DHPI_LOOK_FINE && bytes < *limit)
		*limit = bytes;
	return look;
}

static enum dhpi_look read_room(struct dhpi_source *source, const struct dhpi_cgroup *group, uint64_t limit,
				uint64_t *out_room)
{
	const struct names *name = &names[group->version - 1];
	uint64_t usage = 0, inactive = 0;
	size_t length = 0;
	enum dhpi_look look = read_bytes(source, group, name->usage, &usage);

	if (look == DHPI_LOOK_FINE)
		look = dhpi_group_text(source, group, "memory.stat", &length);
	if (look != DHPI_LOOK_FINE)
		return look;
	if (!dhpi_cgroup_stat_parse(source->all->scratch, length, name->inactive, &inactive))
		return DHPI_LOOK_MALFORMED;
	usage -= inactive < usage ? inactive : usage;
	*out_room = usage < limit ? limit - usage : 0;
	return DHPI_LOOK_FINE;
}

static bool is_limit(const struct dhpi_source *source, uint64_t bytes)
{
	uint64_t total = source->all->facts.numbers[DHPI_TOTAL_BYTES].value;

	return bytes < NO_LIMIT && (total == 0 || bytes < total);
}

static enum dhpi_look add_group(struct dhpi_source *source, const struct dhpi_cgroup *group, struct sums *sums)
{
	const struct names *name = &names[group->version - 1];
	uint64_t limit = UINT64_MAX, room;
	enum dhpi_look look = read_limit(source, group, name->limit, &limit);

	if (look == DHPI_LOOK_FINE)
		look = read_limit(source, group, name->other_limit, &limit);
	if (look != DHPI_LOOK_FINE || !is_limit(source, limit))
		return look;
	look = read_room(source, group, limit, &room);
	if (look != DHPI_LOOK_FINE)
		return look;
	if (limit < sums->limit)
		sums->limit = limit;
	if (room < sums->room)
		sums->room = room;
	return DHPI_LOOK_FINE;
}

static enum dhpi_look limit_look(struct dhpi_source *source)
{
	enum dhpi_look look = dhpi_groups_find(source, DHPI_CONTROLLER_MEMORY, !source->in_use);
	struct dhpi_cgroup group = source->all->groups.found[DHPI_CONTROLLER_MEMORY];
	struct sums sums = { UINT64_MAX, UINT64_MAX };

	if (look != DHPI_LOOK_FINE)
		return look;
	do {
		look = add_group(source, &group, &sums);
		if (look == DHPI_LOOK_GONE)
			source->why = "the memory of a control group cannot be read";
		if (look != DHPI_LOOK_FINE)
			return look;
	} while (dhpi_group_up(&group));
	dhpi_learn_number(source, DHPI_LIMIT_BYTES, sums.limit != UINT64_MAX ? sums.limit : 0);
	dhpi_learn_number(source, DHPI_ROOM_BYTES, sums.limit != UINT64_MAX ? sums.room : 0);
	return DHPI_LOOK_FINE;
}

static const char *limit_open(struct dhpi_source *source)
{
	return dhpi_source_first_look(source, "the memory limit of a control group is malformed");
}

static void limit_describe(struct dhpi_source *source, char *text, size_t capacity)
{
	const struct dhpi_cgroup *group = &source->all->groups.found[DHPI_CONTROLLER_MEMORY];
	uint64_t bytes = source->all->facts.numbers[DHPI_LIMIT_BYTES].value;
	char limit[48] = "none";

	if (bytes != 0)
		(void)snprintf(limit, sizeof(limit), "%llu MiB", (unsigned long long)bytes >> 20);
	(void)snprintf(text, capacity, "memory limit of %s (version %u) and above: %s; no sign is given, found by poll",
		       group->folder, group->version, limit);
}

const struct dhpi_source_ops dhpi_source_limit = {
	.name = "limit",
	.sees = "the memory limit of our control groups; no sign is given, found by poll",
	.blind = "limits above the visible root; swap",
	.aspect = DHPI_OF_MEMORY,
	.every = DHPI_SELDOM,
	.open = limit_open,
	.look = limit_look,
	.describe = limit_describe,
};
