/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_types.h - what the objects of the models' port are made of. See port_model.c.
 */
#ifndef DHPI_PORT_TYPES_H
#define DHPI_PORT_TYPES_H

#include "atomic.h"

struct port_thread {
	struct at_u32 id;
	bool started;
	uint32_t number; /* of the model's thread that runs it */
};

struct port_life {
	bool over;
};

struct port_mutex {
	void *lock; /* Relacy's; made at the first use */
	void *owner;
};

struct port_event {
	uint32_t count;
	uint32_t channel; /* plus one; 0: none yet */
};

struct port_latch {
	bool level;
};

struct port_alarm {
	struct port_event event;
	bool signalled;
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
