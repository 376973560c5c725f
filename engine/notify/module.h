/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * module.h - the memory modules that have come, by order of arrival. See module.c.
 */
#ifndef DHPI_MODULE_H
#define DHPI_MODULE_H

#include <dhp/notify.h>

#include <ck_stack.h>

#include "port.h"

/*
 * One more than the largest id of a module, and most modules. The ids of Linux grow with the address: 16 TiB in blocks of
 * 128 MiB, 256 TiB in those of 2 GiB.
 */
#define DHPI_MODULES_LIMIT 131072u

struct dhpi_device_name {
	char text[44];
};

/* One device that arrived. Part of its row, so that announcing needs no memory. */
struct dhpi_arrival_event {
	ck_stack_entry_t entry;
	enum dhp_device_class device_class;
	struct dhpi_device_name name;
	uint32_t id;       /* of a memory module */
	uint64_t sequence; /* its place among all that were posted, from 1; written when it is posted */
};

struct dhpi_modules {
	struct dhpi_arrival_event *rows; /* by order of arrival */
	uint8_t *known;                  /* under serial; by id, one bit each: it has a row */
	uint32_t ready;                  /* under serial: rows that are filled in */
	struct at_u32 posted;            /* written under serial; edge module-publish */
};

bool dhpi_modules_init(struct dhpi_modules *modules);
void dhpi_modules_fini(struct dhpi_modules *modules);
/* Those whose rows may be read. */
uint32_t dhpi_modules_count(const struct dhpi_modules *modules);

#endif
