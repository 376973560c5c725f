/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_quota.c - how many processors' worth of time our control groups may use.
 *
 * Every group from ours up to the visible root may have a limit: so much time in each period. The tightest wins. It is told
 * as a number of processors, rounded up, so at least one: 150 ms in each 100 ms are two.
 */
#include <stdio.h>

#include "source.h"

/* One group's limit, in processors; 0: none. */
static enum dhpi_look read_second(struct dhpi_source *source, const struct dhpi_cgroup *group, uint32_t *out_quota)
{
	uint64_t us, period_us;
	size_t length = 0;
	enum dhpi_look look = dhpi_group_text(source, group, "cpu.max", &length);

	if (look == DHPI_LOOK_FINE && !dhpi_cgroup_cpu_max_parse(source->all->scratch, length, &us, &period_us))
		look = DHPI_LOOK_MALFORMED;
	if (look == DHPI_LOOK_FINE)
		*out_quota = us != 0 ? dhpi_quota_processors(us, period_us) : 0;
	return look;
}

static enum dhpi_look read_first(struct dhpi_source *source, const struct dhpi_cgroup *group, uint32_t *out_quota)
{
	const char *text = source->all->scratch;
	uint64_t us = 0, period_us = 0;
	size_t length = 0;
	enum dhpi_look look = dhpi_group_text(source, group, "cpu.cfs_quota_us", &length);

	if (look == DHPI_LOOK_FINE && !dhpi_cgroup_quota_parse(text, length, &us))
		look = DHPI_LOOK_MALFORMED;
	if (look == DHPI_LOOK_FINE)
		look = dhpi_group_text(source, group, "cpu.cfs_period_us", &length);
	if (look == DHPI_LOOK_FINE && (!dhpi_cgroup_bytes_parse(text, length, &period_us) || period_us == 0))
		look = DHPI_LOOK_MALFORMED;
	if (look == DHPI_LOOK_FINE)
		*out_quota = us != 0 ? dhpi_quota_processors(us, period_us) : 0;
	return look;
}

/* A group without the file, such as the root of version 2, has no limit. */
static enum dhpi_look read_quota(struct dhpi_source *source, const struct dhpi_cgroup *group, uint32_t *out_quota)
{
	*out_quota = 0;
	if (!dhpi_group_has(source, group, group->version == 1 ? "cpu.cfs_quota_us" : "cpu.max"))
		return DHPI_LOOK_FINE;
	return group->version == 1 ? read_first(source, group, out_quota) : read_second(source, group, out_quota);
}

static enum dhpi_look quota_look(struct dhpi_source *source)
{
	enum dhpi_look look = dhpi_groups_find(source, DHPI_CONTROLLER_CPU, !source->in_use);
	struct dhpi_cgroup group = source->all->groups.found[DHPI_CONTROLLER_CPU];
	uint32_t tightest = 0, quota = 0;

	if (look != DHPI_LOOK_FINE)
		return look;
	do {
		look = read_quota(source, &group, &quota);
		if (look == DHPI_LOOK_GONE)
			source->why = "the quota of a control group cannot be read";
		if (look != DHPI_LOOK_FINE)
			return look;
		if (quota != 0 && (tightest == 0 || quota < tightest))
			tightest = quota;
	} while (dhpi_group_up(&group));
	dhpi_learn_number(source, DHPI_QUOTA, tightest);
	return DHPI_LOOK_FINE;
}

static const char *quota_open(struct dhpi_source *source)
{
	return dhpi_source_first_look(source, "the quota of a control group is malformed");
}

static void quota_describe(struct dhpi_source *source, char *text, size_t capacity)
{
	const struct dhpi_cgroup *group = &source->all->groups.found[DHPI_CONTROLLER_CPU];
	uint64_t quota = source->all->facts.numbers[DHPI_QUOTA].value;
	char limit[48] = "none";

	if (quota != 0)
		(void)snprintf(limit, sizeof(limit), "%llu processors' worth", (unsigned long long)quota);
	(void)snprintf(text, capacity, "limit of CPU time of %s (version %u) and above: %s; no sign is given, found by poll",
		       group->folder, group->version, limit);
}

const struct dhpi_source_ops dhpi_source_quota = {
	.name = "quota",
	.sees = "the limit of CPU time of our control groups; no sign is given, found by poll",
	.blind = "limits above the visible root; shares and weights",
	.aspect = DHPI_OF_PROCESSORS,
	.every = DHPI_SELDOM,
	.open = quota_open,
	.look = quota_look,
	.describe = quota_describe,
};
