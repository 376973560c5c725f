/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_cpuset.c - the processors that our control group may use.
 *
 * On a machine the affinity has this in it already, and counts; the source says why it is as it is, and a fake root is
 * narrowed by it. In version 2 a group whose cpuset is not managed has no file, and uses what the next one above has.
 */
#include <stdio.h>

#include "source.h"

static const char *file_of(const struct dhpi_cgroup *group)
{
	return group->version == 1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective";
}

static enum dhpi_look cpuset_look(struct dhpi_source *source)
{
	struct dhpi_known_cpus *found = &source->all->found;
	struct dhpi_cgroup group;
	size_t length = 0;
	enum dhpi_look look = dhpi_groups_find(source, DHPI_CONTROLLER_CPUSET, !source->in_use);

	if (look != DHPI_LOOK_FINE)
		return look;
	group = source->all->groups.found[DHPI_CONTROLLER_CPUSET];
	while (!dhpi_group_has(source, &group, file_of(&group)))
		if (!dhpi_group_up(&group))
			break;
	look = dhpi_group_text(source, &group, file_of(&group), &length);
	if (look == DHPI_LOOK_GONE)
		source->why = "no visible control group has a cpuset";
	if (look != DHPI_LOOK_FINE)
		return look;
	dhpi_cpus_clear(&found->cpus);
	if (!dhpi_cpulist_parse(source->all->scratch, length, &found->cpus, &found->list))
		return DHPI_LOOK_MALFORMED;
	dhpi_learn_set(source, DHPI_CPUSET);
	return DHPI_LOOK_FINE;
}

static const char *cpuset_open(struct dhpi_source *source)
{
	return dhpi_source_first_look(source, "the file of our cpuset is malformed");
}

static void cpuset_describe(struct dhpi_source *source, char *text, size_t capacity)
{
	const struct dhpi_cgroup *group = &source->all->groups.found[DHPI_CONTROLLER_CPUSET];

	(void)snprintf(text, capacity, "the CPUs of %s (version %u), %u now; no sign is given, found by poll",
		       group->folder, group->version, source->all->facts.sets[DHPI_CPUSET].list.count);
}

const struct dhpi_source_ops dhpi_source_cpuset = {
	.name = "cpuset",
	.sees = "the CPUs that our control group may use; no sign is given, found by poll",
	.blind = "groups above the visible root, but for their effect",
	.aspect = DHPI_OF_PROCESSORS,
	.every = DHPI_SELDOM,
	.open = cpuset_open,
	.look = cpuset_look,
	.describe = cpuset_describe,
};
