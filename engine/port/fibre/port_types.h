/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_types.h - what the fibre port's objects are made of.
 */
#ifndef DHPI_PORT_TYPES_H
#define DHPI_PORT_TYPES_H

#include "atomic.h"

struct port_thread {
	uint32_t fibre;
	struct at_u32 id;
	bool started;
};

struct port_life {
	uint32_t fibre;
	bool over;
};

struct port_mutex {
	uint32_t locked;
	void *owner; /* the holder's struct port_self */
};

struct port_event {
	uint32_t count;
};

struct port_latch {
	uint32_t level;
};

struct port_alarm {
	uint32_t count; /* signals that came */
	uint32_t seen;  /* so many ended a wait; the waiter's */
	bool open;
};

static inline void port_prefetch_write(const void *p)
{
	(void)p;
}

static inline void port_prefetch_read(const void *p)
{
	(void)p;
}

static inline void port_hold_begin(void)
{
}

static inline void port_hold_end(void)
{
}

#endif
