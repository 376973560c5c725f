/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - what the partition tells a recording. Under serial but for the last, and nothing happens
 * while nobody records.
 */
#ifndef DHPI_RECORD_H
#define DHPI_RECORD_H

#include "partition.h"

/* Which call looked. The names stand in recordings. */
enum dhpi_cause {
	DHPI_BY_POLL = 0,   /* the control thread */
	DHPI_BY_RESCAN = 1, /* dhp_engine_rescan */
	DHPI_BY_MEMORY = 2, /* at the memory only */
	DHPI_CAUSES = 3
};

extern const char *const dhpi_cause_names[DHPI_CAUSES];

/* The memory has been looked at. */
void dhpi_record_memory(struct dhpi_partition *partition);
/* The processors have, with this result; what follows from it has not happened yet. */
void dhpi_record_scan(struct dhpi_partition *partition, enum dhp_status status);
/* A processor is about to arrive, or more is known of one than before. */
void dhpi_record_processor(struct dhpi_partition *partition, const struct dhp_processor *processor);
/* It failed at this step; "veto": in start, by a registrant. */
void dhpi_record_fault(struct dhpi_partition *partition, uint32_t cpu, const char *step, enum dhp_status status);

/* All that belongs to a look, or to a call of the simulator, has happened. */
void dhpi_record_look(struct dhpi_partition *partition, enum dhpi_cause cause);
void dhpi_record_add(struct dhpi_partition *partition, uint32_t cpu, bool added);
void dhpi_record_usable(struct dhpi_partition *partition, uint32_t cpu, bool usable);

/* What a source of the backend said, for people: it is not played again. Not under serial, or under it. */
void dhpi_record_said(struct dhpi_partition *partition, const struct dhp_source_event *event);

#endif
