/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * percpu.h - the arrays of one engine, as the partition sees them: prepare a processor's slots, or take that back.
 */
#ifndef DHPI_PERCPU_H
#define DHPI_PERCPU_H

#include <dhp/percpu.h>

#include "epoch.h"
#include "level.h"
#include "list.h"
#include "parts.h"
#include "set.h"

struct dhpi_space {
	struct port_mutex *serial; /* the partition's lock: arrays come and go between arrivals */
	struct dhpi_set *set;
	struct dhpi_epoch *epoch;
	struct port_cpu_word cpu_word;
	struct dhpi_link arrays;     /* under serial; oldest first */
	struct at_u32 user_arrays;   /* those that an outside caller made */
	uint32_t arrays_made;        /* under serial */
};

void dhpi_space_init(struct dhpi_space *space, struct port_mutex *serial, struct dhpi_set *set,
		     struct dhpi_epoch *epoch, bool simulated);

/* Under serial. Constructs the processor's slot in every array, or in none. */
enum dhp_status dhpi_space_prepare(struct dhpi_space *space, const struct dhp_processor *processor);
void dhpi_space_unprepare(struct dhpi_space *space, const struct dhp_processor *processor);

/*
 * An array of the engine's own; options are trusted. Under serial, or before the engine is used. Only the first `resident` bytes of a
 * slot are made resident before its processor comes, all if 0: the rest is as any memory that a program touches first.
 */
enum dhp_status dhpi_percpu_create(struct dhpi_space *space, const struct dhp_percpu_options *options, size_t resident,
				   struct dhp_percpu **out_array);
/* Any thread, while the array lives: makes resident what the slot of a processor that may come will need. false: no memory. */
bool dhpi_percpu_touch(struct dhp_percpu *view, uint32_t cpu, uint32_t node);
/* No grace period: nobody is left. */
void dhpi_percpu_destroy(struct dhp_percpu *view);

const struct dhpi_set *dhpi_percpu_set(const struct dhp_percpu *array);

/* The slot of a processor, announced or not: for those who prepare it. */
static inline void *dhpi_percpu_slot(const struct dhp_percpu *array, uint32_t cpu)
{
	return array->base + (size_t)cpu * array->stride;
}

#endif
