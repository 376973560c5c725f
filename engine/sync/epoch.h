/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoch.h - grace periods for what goes away. See epoch.c for why it works.
 */
#ifndef DHPI_EPOCH_H
#define DHPI_EPOCH_H

#include <dhp/epoch.h>

#include "port.h"

struct dhpi_epoch;

/* One reader. A record is used again after its reader left, and freed with the epoch only. */
struct dhp_reader {
	DHPI_OWN_LINES struct at_u64 seen; /* the reader writes, edge epoch-exit; 0: outside */
	uint32_t depth;                    /* reader only: open sections */
	struct at_u32 taken;               /* by compare and exchange, edge reader-record */
	struct dhp_reader *next;           /* set once before it is linked */
	struct dhpi_epoch *epoch;          /* set once */
};

struct dhpi_epoch {
	DHPI_OWN_LINES struct at_u64 now; /* one more than grace periods have begun */
	struct at_ptr readers;            /* all records ever; pushed by anybody, edge reader-record */
	DHPI_OWN_LINES struct at_ptr deferred; /* newest first; pushed by anybody, edge defer */
	struct at_u32 asleep;             /* not 0: the reclaimer sleeps, and a defer wakes it, edge defer-sleep */
	uint32_t sleeps;                  /* reclaimer only: see sleeper.h */
	struct port_event event;
	struct port_mutex round;          /* from the taking of the list to the last callback */
	struct port_thread reclaimer;
	struct at_u32 stopping;
	struct at_u32 free_count;         /* records given back, as a hint */
	struct at_u32 readers_count;      /* explicit readers that joined and have not left */
	struct at_u64 reclaimed;          /* statistics */
};

enum dhp_status dhpi_epoch_init(struct dhpi_epoch *epoch);
/* Reclaims what is left. No reader may be in a section. */
void dhpi_epoch_fini(struct dhpi_epoch *epoch);

/* A record for a worker or an explicit reader; NULL when there is no memory. */
struct dhp_reader *dhpi_reader_take(struct dhpi_epoch *epoch);
void dhpi_reader_give(struct dhp_reader *reader);

/* A worker is inside a section all the time it is online, and says between two DPCs that it holds nothing. */
static inline void dhpi_reader_quiescent(struct dhp_reader *reader)
{
	/* [grace-start] acquire: from here on the worker sees what was unlinked before that period began */
	uint64_t now = at_load_acquire_u64(&reader->epoch->now);

	/*
	 * Nobody waits for a number that was announced before, so the line stays unwritten while no grace period
	 * runs.
	 */
	if (at_load_relaxed_u64(&reader->seen) != now) /* relaxed: its own store */
		at_store_release_u64(&reader->seen, now); /* [epoch-exit] release */
}

void dhpi_reader_online(struct dhp_reader *reader);
void dhpi_reader_offline(struct dhp_reader *reader);

void dhpi_epoch_synchronize(struct dhpi_epoch *epoch);
void dhpi_epoch_defer(struct dhpi_epoch *epoch, struct dhp_deferred *deferred);
void dhpi_epoch_drain(struct dhpi_epoch *epoch);
/* The caller is in one of its callbacks. */
bool dhpi_epoch_in_callback(struct dhpi_epoch *epoch);

#endif
