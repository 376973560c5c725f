/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_sysfs.c - which processors the machine could have, has, and has switched on.
 *
 * What could be is what the kernel was started with, and is read once. A kernel or a fake root that lacks one of the other
 * files at the start is taken as it is; one that loses it later has lost the source.
 */
#include "source.h"

#define POSSIBLE "/sys/devices/system/cpu/possible"

static const struct file {
	enum dhpi_set_fact fact;
	const char *path;
	const char *why;
} files[] = {
	{ DHPI_PRESENT, "/sys/devices/system/cpu/present", "the list of present CPUs cannot be read any more" },
	{ DHPI_ONLINE, "/sys/devices/system/cpu/online", "the list of CPUs that are online cannot be read any more" },
};

static enum dhpi_look read_list(struct dhpi_source *source, enum dhpi_set_fact fact, const char *path)
{
	struct dhpi_known_cpus *found = &source->all->found;
	enum dhpi_look look;

	dhpi_cpus_clear(&found->cpus);
	look = dhpi_file_list(source->all->root, path, &found->cpus, &found->list);
	if (look == DHPI_LOOK_FINE)
		dhpi_learn_set(source, fact);
	return look;
}

static const char *sysfs_open(struct dhpi_source *source)
{
	enum dhpi_look look = read_list(source, DHPI_POSSIBLE, POSSIBLE);

	if (look == DHPI_LOOK_MALFORMED)
		dhpi_source_refuse(source);
	return look == DHPI_LOOK_FINE ? NULL : "not readable: nothing beyond today's affinity can arrive, no topology";
}

/* Both are read, and the worse result counts. */
static enum dhpi_look sysfs_look(struct dhpi_source *source)
{
	enum dhpi_look worst = DHPI_LOOK_FINE;

	for (uint32_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		enum dhpi_look look = read_list(source, files[i].fact, files[i].path);

		if (look == DHPI_LOOK_GONE && !source->all->facts.sets[files[i].fact].known)
			continue;
		if (look == DHPI_LOOK_GONE)
			source->why = files[i].why;
		if (look > worst)
			worst = look;
	}
	return worst;
}

const struct dhpi_source_ops dhpi_source_sysfs = {
	.name = "sysfs",
	.sees = "possible, present and online CPUs; no sign is given, found by poll where no uevents come",
	.blind = "the real list, where a container manager shows one of its own",
	.aspect = DHPI_OF_PROCESSORS,
	.every = DHPI_SELDOM,
	.open = sysfs_open,
	.look = sysfs_look,
};
