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

/* A file of a processor's topology. Not there: unknown. "-1" is how some machines say that they do not know. */
static bool read_topology(const char *root, uint32_t cpu, const char *name, char *text, size_t capacity, size_t *out_length)
{
	char path[DHPI_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/%s", cpu, name);
	return dhpi_file_text(root, path, text, capacity, out_length) == DHPI_LOOK_FINE &&
	       !(*out_length >= 2 && memcmp(text, "-1", 2) == 0);
}

static uint32_t topology_number(const char *root, uint32_t cpu, const char *name, uint32_t *malformed)
{
	struct dhpi_cpulist list = { 0, 0 };
	size_t length = 0;
	char text[16];

	if (!read_topology(root, cpu, name, text, sizeof(text), &length))
		return DHP_UNKNOWN;
	if (dhpi_cpulist_parse(text, length, NULL, &list) && list.count == 1)
		return list.limit - 1;
	(*malformed)++;
	return DHP_UNKNOWN;
}

/* Its place among those that share its core. */
static uint32_t topology_thread(const char *root, uint32_t cpu, uint32_t *malformed)
{
	struct dhpi_cpulist list = { 0, 0 };
	struct dhpi_cpus cpus;
	size_t length = 0;
	uint32_t thread = 0;
	char text[4096];

	if (!read_topology(root, cpu, "thread_siblings_list", text, sizeof(text), &length))
		return DHP_UNKNOWN;
	dhpi_cpus_clear(&cpus);
	if (!dhpi_cpulist_parse(text, length, &cpus, &list) || !dhpi_cpus_has(&cpus, cpu)) {
		(*malformed)++;
		return DHP_UNKNOWN;
	}
	for (uint32_t other = 0; other < cpu; other++)
		thread += dhpi_cpus_has(&cpus, other);
	return thread;
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
