/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_topology.c - how a processor is wired: package, core, thread of the core, node.
 *
 * It is read when the partition asks, which it does again while something is unknown: the kernel shows a CPU that comes up
 * before it knows all of that. Each processor is told once for each answer.
 */
#include <stdio.h>

#include "source.h"

#define FOLDER "/sys/devices/system/cpu"

/* Each is one more than the number; 0: unknown. */
struct wiring {
	uint32_t package, core, thread, node;
};

struct topology {
	struct wiring told[DHP_CPU_LIMIT]; /* by cpu id */
};

static bool same(const struct wiring *a, const struct wiring *b)
{
	return a->package == b->package && a->core == b->core && a->thread == b->thread && a->node == b->node;
}

DHPI_WRAPS("a number that is not known is the largest, and 0 here")
static void tell(struct dhpi_source *source, const struct dhp_processor *row)
{
	struct wiring *told = &((struct topology *)source->state)->told[row->cpu];
	const struct wiring now = { row->package + 1, row->core + 1, row->thread + 1, row->node + 1 };
	char key[24], value[96];

	if (same(told, &now) || (now.package | now.core | now.thread) == 0)
		return;
	*told = now;
	(void)snprintf(key, sizeof(key), "cpu%u", row->cpu);
	(void)snprintf(value, sizeof(value), "package=%d core=%d thread=%d node=%d", (int)row->package, (int)row->core,
		       (int)row->thread, (int)row->node);
	dhpi_learn_event(source, key, value);
}

void dhpi_topology_read(struct dhpi_source *source, struct dhp_processor *processor)
{
	processor->package = processor->core = processor->thread = DHP_UNKNOWN;
	processor->node = 0;
	if (!source->in_use)
		return;
	for (uint32_t malformed = dhpi_sysfs_topology(source->all->root, processor); malformed > 0; malformed--)
		dhpi_source_refuse(source);
	tell(source, processor);
}

static enum dhpi_look topology_look(struct dhpi_source *source)
{
	return dhpi_file_exists(source->all->root, FOLDER) ? DHPI_LOOK_FINE : DHPI_LOOK_GONE;
}

static const char *topology_open(struct dhpi_source *source)
{
	return topology_look(source) == DHPI_LOOK_FINE
		       ? NULL
		       : "there is no " FOLDER ": package, core, thread and node are not known";
}

const struct dhpi_source_ops dhpi_source_topology = {
	.name = "topology",
	.sees = "package, core, thread and node of each CPU, read when it arrives and again until they are known",
	.blind = "wiring that changes later",
	.aspect = DHPI_OF_PROCESSORS,
	.every = DHPI_SELDOM,
	.state_bytes = sizeof(struct topology),
	.open = topology_open,
	.look = topology_look,
};
