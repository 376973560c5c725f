/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * condition.h - the levels Low and High of one engine's memory. See condition.c.
 */
#ifndef DHPI_CONDITION_H
#define DHPI_CONDITION_H

#include <dhp/memory.h>

#include "level.h"
#include "list.h"
#include "spin.h"

struct dhpi_conditions {
	/* set once */
	struct port_mutex *serial; /* the partition's lock: updates exclude each other */
	uint32_t low_mib, high_mib; /* as asked for; 0: the default */

	struct dhpi_spin spin;       /* for a few instructions */
	struct dhp_memory_info info; /* under spin; a total of 0: nobody has said anything yet */
	struct at_u64 levels;        /* written under serial; edge memory-level */
	struct port_event changed;   /* a level has risen */
	struct port_mutex lock;      /* of the list and of its latches; taken inside serial */
	struct dhpi_link events;     /* the handles */
	uint32_t events_count;
	uint32_t waiters_count;      /* threads that wait, on any of them */
};

void dhpi_conditions_init(struct dhpi_conditions *conditions, struct port_mutex *serial, uint32_t low_mib,
			  uint32_t high_mib);
void dhpi_conditions_fini(struct dhpi_conditions *conditions);
/* Handles that are open. */
uint32_t dhpi_conditions_count(struct dhpi_conditions *conditions);

/*
 * Before the first update: these are the thresholds, unless others were asked for. A machine that is played may have had them
 * from memory that it does not have any more.
 */
void dhpi_conditions_preset(struct dhpi_conditions *conditions, uint64_t low_bytes, uint64_t high_bytes);

/* Under serial. total_bytes 0: the backend does not say, and what it said last stays. */
void dhpi_conditions_update(struct dhpi_conditions *conditions, uint64_t total_bytes, uint64_t available_bytes,
			    uint32_t modules_count);

/* S-316: for so much memory, with what was asked for. Pure. */
void dhpi_conditions_thresholds(uint64_t total_bytes, uint32_t low_mib, uint32_t high_mib, uint64_t *out_low,
				uint64_t *out_high);

#endif
