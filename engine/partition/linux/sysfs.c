/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sysfs.c - files under /sys, or under a root that stands for another machine.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "linux.h"

/* A file of sysfs is shorter than a page. */
#define TEXT_BYTES 4096u

#define NODES_LIMIT 1024u

static bool make_path(char *path, const char *root, const char *name)
{
	int length = snprintf(path, DHPI_PATH_BYTES, "%s%s", root, name);

	return length > 0 && (size_t)length < DHPI_PATH_BYTES;
}

/* -1: cannot be read, or longer than we take. */
static ssize_t read_text(const char *root, const char *name, char *text, size_t capacity)
{
	char path[DHPI_PATH_BYTES];
	ssize_t length;
	int file;

	if (!make_path(path, root, name))
		return -1;
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return -1;
	length = read(file, text, capacity);
	(void)close(file);
	return length == (ssize_t)capacity ? -1 : length;
}

long dhpi_sysfs_text(const char *root, const char *path, char *text, size_t capacity)
{
	return read_text(root, path, text, capacity);
}

bool dhpi_sysfs_list(const char *root, const char *path, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	char text[TEXT_BYTES];
	ssize_t length = read_text(root, path, text, sizeof(text));

	return length >= 0 && dhpi_cpulist_parse(text, (size_t)length, cpus, out_list);
}

bool dhpi_sysfs_number(const char *root, const char *path, uint32_t *out_number)
{
	char text[16];
	ssize_t length = read_text(root, path, text, sizeof(text));
	struct dhpi_cpulist list;

	/* A number is a list of one. */
	if (length <= 0 || !dhpi_cpulist_parse(text, (size_t)length, NULL, &list) || list.count != 1)
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
		char name[DHPI_PATH_BYTES], path[DHPI_PATH_BYTES];

		(void)snprintf(name, sizeof(name), "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
		if (make_path(path, root, name) && access(path, F_OK) == 0)
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
