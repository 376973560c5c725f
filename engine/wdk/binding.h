/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binding.h - what the files of the Windows names share. See binding.c.
 */
#ifndef DHPI_WDK_BINDING_H
#define DHPI_WDK_BINDING_H

#include <dhp/wdk.h>

#include "level.h"

/* ---- the engine ---- */

/* NULL: none is bound. */
struct dhp_engine *dhpi_wdk_engine(void);

/* One more, or one less, thing that keeps the engine bound: a registration, a thread, a handle, a work item. */
void dhpi_wdk_hold(void);
void dhpi_wdk_release(void);

/* ---- waiting: see wait.c ---- */

enum dhpi_waitable_kind {
	DHPI_WAIT_NOTIFICATION = 0x4e4f5449, /* stays signalled */
	DHPI_WAIT_SYNCHRONIZATION = 0x53594e43, /* lets one waiter go */
	DHPI_WAIT_SEMAPHORE = 0x53454d41,
	DHPI_WAIT_THREAD = 0x54485244 /* stays signalled */
};

/* What KeWaitForSingleObject takes: the beginning of each object. */
struct dhpi_waitable {
	uint32_t kind; /* set once */
	struct at_u32 state;
	uint32_t limit; /* semaphores; set once */
	uint32_t unused;
};

void dhpi_waitable_init(struct dhpi_waitable *object, enum dhpi_waitable_kind kind, uint32_t state);
/* Stores the state; from then on the object belongs to whoever it let go. Gives the state before. */
uint32_t dhpi_waitable_set(struct dhpi_waitable *object, uint32_t state);

/* Sleeps in a place that is found by the address until attempt(object) gives true; false: the time is over. */
#define DHPI_NO_LIMIT UINT64_MAX
bool dhpi_park(void *object, bool (*attempt)(void *object), uint64_t limit_ns);
void dhpi_unpark(const void *object);

/* ---- threads that ended: see thread.c ---- */

void dhpi_wdk_reap(void);

/* ---- work items: see workitem.c ---- */

enum dhp_status dhpi_wdk_workers_start(void);
void dhpi_wdk_workers_stop(void);

/* ---- entries that may still be called: see change.c ---- */

void dhpi_wdk_bury_all(void);

#endif
