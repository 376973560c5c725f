/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_types.h - what a port's objects are made of. Of a new port, the first file to write: see docs/porting.md.
 */
#ifndef DHPI_PORT_TYPES_H
#define DHPI_PORT_TYPES_H

#include "atomic.h"

struct port_thread {
	void *handle;
	struct at_u32 id; /* the engine reads it: what port_thread_id says in the thread; 0: that has not run yet */
	bool started; /* the engine reads it: from the start that went well to the end of the join */
};

struct port_life {
	bool over;
};

struct port_mutex {
	struct at_ptr owner; /* the holder's struct port_self; others compare it with their own only */
};

struct port_event {
	struct at_u32 count;
};

struct port_latch {
	bool level;
};

/* Made of zeros it is one that was not opened. */
struct port_alarm {
	struct at_u32 signals;
};

/* The line will be written: it comes as the writer's own. A hint; nothing happens where there is no memory. */
static inline void port_prefetch_write(const void *p)
{
	__builtin_prefetch(p, 1);
}

/* The line will be read. Likewise. */
static inline void port_prefetch_read(const void *p)
{
	__builtin_prefetch(p);
}

/* Where threads are all there is, nothing has to be done. */
static inline void port_hold_begin(void)
{
}

static inline void port_hold_end(void)
{
}

#endif
