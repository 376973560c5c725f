/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.c - memory blocks, the unit in which Linux takes memory into service: a folder "memory37" with a file "state".
 *
 * A module of the machine is one or several of them, and the kernel does not say which; so each counts as one module. One
 * that is not online has not started yet and is not visited (S-232). The file is read until then only: there may be
 * thousands.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "linux.h"

#define FOLDER "/sys/devices/system/memory"

static const char prefix[] = "memory";

/* The kernel's own form only: digits without leading zeros, and in range. */
static bool parse_name(const char *name, uint32_t *out_id)
{
	const char *digits = name + sizeof(prefix) - 1;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || *digits < '0' || *digits > '9' ||
	    (digits[0] == '0' && digits[1] != '\0'))
		return false;
	*out_id = 0;
	for (; *digits >= '0' && *digits <= '9'; digits++) {
		*out_id = *out_id * 10 + (uint32_t)(*digits - '0');
		if (*out_id >= DHPI_MODULES_LIMIT)
			return false;
	}
	return *digits == '\0';
}

static bool is_online(const char *root, uint32_t id)
{
	static const char online[] = "online\n";
	char path[DHPI_PATH_BYTES], text[32];
	long length;

	(void)snprintf(path, sizeof(path), FOLDER "/memory%u/state", id);
	length = dhpi_sysfs_text(root, path, text, sizeof(text));
	return length == (long)(sizeof(online) - 1) && memcmp(text, online, sizeof(online) - 1) == 0;
}

static bool is_taken(const struct dhpi_blocks *blocks, uint32_t id)
{
	return (blocks->taken[id / 8] >> id % 8 & 1) != 0;
}

bool dhpi_blocks_visit(const char *root, struct dhpi_blocks *blocks, dhpi_module_visit *visit, void *context)
{
	char path[DHPI_PATH_BYTES];
	struct dirent *entry;
	uint32_t id;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "%s" FOLDER, root);
	folder = opendir(path);
	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL)
		if (parse_name(entry->d_name, &id) && !is_taken(blocks, id) && is_online(root, id) && visit(context, id))
			blocks->taken[id / 8] = (uint8_t)(blocks->taken[id / 8] | 1u << id % 8);
	(void)closedir(folder);
	return true;
}
