/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sysfs.c - numbers, lists and the topology, from files under /sys, or under a root that stands for another machine.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "linux.h"

#define NODES_LIMIT 1024u

bool dhpi_sysfs_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	return dhpi_file_list(root, path, cpus, out_list) == DHPI_LOOK_FINE;
}

bool dhpi_sysfs_number(const char *root, const char *path, uint32_t *out_number)
{
	struct dhpi_cpulist list;
	size_t length = 0;
	char text[16];

	/* A number is a list of one. */
	if (dhpi_file_text(root, path, text, sizeof(text), &length) != DHPI_LOOK_FINE ||
	    !dhpi_cpulist_parse(text, length, NULL, &list) || list.count != 1)
		return false;
	*out_number = list.limit - 1;
	return true;
}

static uint32_t topology_number(const char *root, uint32_t cpu, const char *name)
{
	char path[DHPI_PATH_BYTES];
	uint32_t number;

	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/%s", cpu, name);
	return dhpi_sysfs_number(root, path, &number) ? number : DHP_UNKNOWN;
}

/* The processor's directory has a link named after its node. */
static uint32_t node_of(const char *root, uint32_t cpu)
{
	struct dhpi_cpulist nodes;
	uint32_t limit = 0;

	if (dhpi_sysfs_list(root, "/sys/devices/system/node/possible", NULL, &nodes))
		limit = nodes.limit < NODES_LIMIT ? nodes.limit : NODES_LIMIT;
	for (uint32_t node = 0; node < limit; node++) {
		char name[DHPI_PATH_BYTES];

		(void)snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
		if (dhpi_file_exists(root, name))
			return node;
	}
	return 0;
}

void dhpi_sysfs_topology(const char *root, struct dhp_processor *processor)
{
	processor->package = topology_number(root, processor->cpu, "physical_package_id");
	processor->core = topology_number(root, processor->cpu, "core_id");
	processor->node = node_of(root, processor->cpu);
}
