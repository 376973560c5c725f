/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sysfs.c - numbers, lists and the topology, from files under /sys, or under a root that stands for another machine.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>

#include "linux.h"

#define NODES_LIMIT 1024u

bool dhpi_sysfs_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	return dhpi_file_list(root, path, cpus, out_list) == DHPI_LOOK_FINE;
}

/* A file of a processor's topology. "-1" is how some machines say that they do not know. */
static enum dhpi_look read_topology(const char *root, uint32_t cpu, const char *name, char *text, size_t capacity,
				    size_t *out_length)
{
	char path[DHPI_PATH_BYTES];
	enum dhpi_look look;

	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/%s", cpu, name);
	look = dhpi_file_text(root, path, text, capacity, out_length);
	if (look == DHPI_LOOK_FINE && *out_length >= 2 && memcmp(text, "-1", 2) == 0)
		look = DHPI_LOOK_GONE;
	return look;
}

/* A number is a list of one. */
static uint32_t topology_number(const char *root, uint32_t cpu, const char *name, uint32_t *malformed)
{
	struct dhpi_cpulist list = { 0, 0 };
	size_t length = 0;
	char text[16];
	enum dhpi_look look = read_topology(root, cpu, name, text, sizeof(text), &length);

	if (look == DHPI_LOOK_FINE && dhpi_cpulist_parse(text, length, NULL, &list) && list.count == 1)
		return list.limit - 1;
	*malformed += look == DHPI_LOOK_FINE || look == DHPI_LOOK_MALFORMED;
	return DHP_UNKNOWN;
}

static uint32_t count_below(const struct dhpi_cpus *cpus, uint32_t limit)
{
	uint32_t count = 0;

	for (uint32_t cpu = 0; cpu < limit; cpu++)
		count += dhpi_cpus_has(cpus, cpu);
	return count;
}

/* Its place among those that share its core. */
static uint32_t topology_thread(const char *root, uint32_t cpu, uint32_t *malformed)
{
	struct dhpi_cpulist list = { 0, 0 };
	struct dhpi_cpus cpus;
	size_t length = 0;
	char text[4096];
	enum dhpi_look look = read_topology(root, cpu, "thread_siblings_list", text, sizeof(text), &length);

	dhpi_cpus_clear(&cpus);
	if (look == DHPI_LOOK_FINE && dhpi_cpulist_parse(text, length, &cpus, &list) && dhpi_cpus_has(&cpus, cpu))
		return count_below(&cpus, cpu);
	*malformed += look == DHPI_LOOK_FINE || look == DHPI_LOOK_MALFORMED;
	return DHP_UNKNOWN;
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

uint32_t dhpi_sysfs_topology(const char *root, struct dhp_processor *processor)
{
	uint32_t malformed = 0;

	processor->package = topology_number(root, processor->cpu, "physical_package_id", &malformed);
	processor->core = topology_number(root, processor->cpu, "core_id", &malformed);
	processor->thread = topology_thread(root, processor->cpu, &malformed);
	processor->node = node_of(root, processor->cpu);
	return malformed;
}
