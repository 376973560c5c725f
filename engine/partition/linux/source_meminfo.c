/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_meminfo.c - how much memory the machine has, and how much of it is available.
 */
#include "source.h"

#define MEMINFO "/proc/meminfo"
#define TEXT_BYTES 8192u

static enum dhpi_look meminfo_look(struct dhpi_source *source)
{
	struct dhpi_sources *all = source->all;
	struct dhpi_memory memory;
	size_t length = 0;
	enum dhpi_look look = dhpi_file_text(all->root, MEMINFO, all->scratch, TEXT_BYTES, &length);

	if (look != DHPI_LOOK_FINE)
		return look;
	if (!dhpi_meminfo_parse(all->scratch, length, &memory))
		return DHPI_LOOK_MALFORMED;
	dhpi_learn_number(source, DHPI_TOTAL_BYTES, memory.total_bytes);
	dhpi_learn_number(source, DHPI_AVAILABLE_BYTES, memory.available_bytes);
	return DHPI_LOOK_FINE;
}

static const char *meminfo_open(struct dhpi_source *source)
{
	return dhpi_source_first_look(source, "it is malformed: no memory conditions");
}

const struct dhpi_source_ops dhpi_source_meminfo = {
	.name = "meminfo",
	.sees = "total and available memory of the machine; no sign is given, found by poll",
	.blind = "what a control group leaves of it: see limit",
	.aspect = DHPI_OF_MEMORY,
	.every = DHPI_EVERY_LOOK,
	.open = meminfo_open,
	.look = meminfo_look,
};
