/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_blocks.c - memory blocks, the unit in which Linux takes memory into service: a folder "memory37" with a file
 * "state".
 *
 * A module of the machine is one or several of them, and the kernel does not say which; so each counts as one module. One
 * that is not online has not started yet and is not visited (S-232). The file is read until then only: there may be
 * thousands. For the same reason they are listed when there is a sign: a message, or another total; and, since a block may
 * be counted before it calls itself online, every now and then.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "source.h"

#define FOLDER "/sys/devices/system/memory"

/* At the default interval of the poll this is five seconds. */
#define LOOKS_BETWEEN 50u

/* One bit for each block, by its number. */
struct blocks {
	uint8_t online[DHPI_MODULES_LIMIT / 8]; /* was, at some time */
	uint8_t taken[DHPI_MODULES_LIMIT / 8];  /* was visited and accepted */
	bool waiting;                           /* one that is online may not be taken */
	uint64_t total_bytes;                   /* of the machine, when they were listed */
};

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

static bool has(const uint8_t *bits, uint32_t id)
{
	return (bits[id / 8] >> id % 8 & 1) != 0;
}

static void set(uint8_t *bits, uint32_t id)
{
	bits[id / 8] = (uint8_t)(bits[id / 8] | 1u << id % 8);
}

static bool is_online(const char *root, uint32_t id)
{
	static const char online[] = "online\n";
	char path[DHPI_PATH_BYTES], text[32];
	size_t length = 0;

	(void)snprintf(path, sizeof(path), FOLDER "/memory%u/state", id);
	return dhpi_file_text(root, path, text, sizeof(text), &length) == DHPI_LOOK_FINE &&
	       length == sizeof(online) - 1 && memcmp(text, online, length) == 0;
}

static void see(struct dhpi_source *source, const char *name, uint32_t id)
{
	struct blocks *blocks = source->state;

	if (has(blocks->online, id) || !is_online(source->all->root, id))
		return;
	set(blocks->online, id);
	blocks->waiting = true;
	dhpi_learn_event(source, name, "online");
}

static enum dhpi_look blocks_look(struct dhpi_source *source)
{
	struct blocks *blocks = source->state;
	char path[DHPI_PATH_BYTES];
	struct dirent *entry;
	uint32_t id;
	DIR *folder;

	blocks->total_bytes = source->all->facts.numbers[DHPI_TOTAL_BYTES].value;
	(void)snprintf(path, sizeof(path), "%s" FOLDER, source->all->root);
	folder = opendir(path);
	if (folder == NULL)
		return dhpi_file_refused();
	while ((entry = readdir(folder)) != NULL) /* NOLINT(concurrency-mt-unsafe): nobody else has this stream */
		if (parse_name(entry->d_name, &id))
			see(source, entry->d_name, id);
	(void)closedir(folder);
	return DHPI_LOOK_FINE;
}

static const char *blocks_open(struct dhpi_source *source)
{
	return dhpi_file_exists(source->all->root, FOLDER) ? NULL : "this kernel shows none: no memory module arrives";
}

void dhpi_blocks_hint(struct dhpi_source *source)
{
	const struct blocks *blocks = source->state;

	if (source->in_use && source->all->facts.numbers[DHPI_TOTAL_BYTES].value != blocks->total_bytes)
		source->due = true;
}

void dhpi_blocks_visit(struct dhpi_source *source, dhpi_module_visit *visit, void *context)
{
	struct blocks *blocks = source->state;

	if (!source->in_use || !blocks->waiting)
		return;
	blocks->waiting = false;
	for (uint32_t id = 0; id < DHPI_MODULES_LIMIT; id++) {
		if (!has(blocks->online, id) || has(blocks->taken, id))
			continue;
		if (visit(context, id))
			set(blocks->taken, id);
		else
			blocks->waiting = true;
	}
}

const struct dhpi_source_ops dhpi_source_blocks = {
	.name = "blocks",
	.sees = "memory blocks that go online",
	.blind = "which blocks are one module; that a block goes offline, but for the kernel's message",
	.aspect = DHPI_OF_MODULES,
	.every = LOOKS_BETWEEN,
	.state_bytes = sizeof(struct blocks),
	.open = blocks_open,
	.look = blocks_look,
};
