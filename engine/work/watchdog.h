/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.h - how long routines take, if somebody asked. See watchdog.c.
 */
#ifndef DHPI_WATCHDOG_H
#define DHPI_WATCHDOG_H

#include "queue.h"

/* Owner, around a routine, if the watchdog is on. */
void dhpi_watchdog_begin(struct dhpi_queue *queue);
void dhpi_watchdog_end(struct dhpi_queue *queue);

/* Owner, inside a routine: it is the engine's own, or waited for others, and does not count. */
static inline void dhpi_watchdog_leave_out(struct dhpi_queue *queue)
{
	queue->run_start_ns = 0;
}

/* Owner: the level was low for a moment. */
static inline void dhpi_watchdog_rest(struct dhpi_queue *queue)
{
	queue->sequence_used_ns = 0;
}

#endif
