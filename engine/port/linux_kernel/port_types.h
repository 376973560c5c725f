/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_types.h - what the objects of the port to the Linux kernel are made of. Opaque here: the engine's sources see none of
 * the kernel's headers but its types.
 */
#ifndef DHPI_PORT_TYPES_H
#define DHPI_PORT_TYPES_H

#include "atomic.h"

struct port_thread {
	void *end[20]; /* struct completion; room for lockdep's part of it */
	void (*run)(void *);
	void *argument;
	void *record;       /* what the port keeps for this thread: self_kernel.c */
	int32_t stands_for; /* the cpu it works for; -1: none. Written by the thread */
	struct at_u32 id; /* the kernel's; 0: it has not run yet, or does not exist */
	bool started;
};

struct port_life {
	void *task; /* held */
};

struct port_mutex {
	void *mutex[24];     /* struct mutex; likewise */
	void *key[4];        /* of lockdep */
	struct at_ptr owner; /* the holder's struct port_self; others compare it with their own only */
};

struct port_event {
	struct at_u32 count;
	void *queue[16]; /* wait_queue_head_t, likewise */
};

struct port_latch {
	struct at_u32 level;
};

struct port_alarm {
	struct at_u32 signals;
	uint32_t seen; /* who waits: how many of them it knew at the end of its last wait */
	void *queue[16]; /* wait_queue_head_t, likewise */
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

void port_hold_begin(void);
void port_hold_end(void);

#endif
