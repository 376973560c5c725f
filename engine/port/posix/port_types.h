/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port_types.h - what the posix port's objects are made of.
 */
#ifndef DHPI_PORT_TYPES_H
#define DHPI_PORT_TYPES_H

#include <pthread.h>

#include <ck_ec.h>

#include "atomic.h"

struct port_thread {
	pthread_t handle;
	struct at_u32 id; /* the kernel's; 0: it has not run yet, or does not exist */
	void (*run)(void *);
	void *argument;
	const char *name; /* lives as long as the thread */
	bool started;
};

struct port_mutex {
	pthread_mutex_t mutex;
	struct at_ptr owner; /* the holder's struct port_self; others compare it with their own only */
};

/* See affinity_posix.c. */
struct port_life {
	pthread_mutex_t mutex; /* a robust one, locked by who lives */
	bool over;             /* it has been found that the thread has ended */
};

/* Concurrency Kit's event count. One variable, one regime: nothing else looks into it. */
struct port_event {
	struct ck_ec32 count;
};

/* See latch_posix.c. */
struct port_latch {
	int level;   /* an eventfd */
	int outside; /* an epoll that watches it */
};

/* Descriptors plus one, so that zeros are none. */
struct port_alarm {
	int signal; /* an eventfd */
	int clock;  /* a timerfd that is cancelled when the wall clock is set; none where the kernel has no such thing */
};

struct port_self;

/* initial-exec: a constant distance from the thread pointer, in every thread. */
extern _Thread_local struct port_self port_self_of_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline struct port_self *port_self(void)
{
	return &port_self_of_thread;
}

/* The line will be written: it comes as the writer's own. A hint; nothing happens where there is no memory. */
static inline void port_prefetch_write(const void *p)
{
#if defined(__x86_64__)
	__asm__ __volatile__("prefetchw (%0)" : : "r"(p));
#else
	__builtin_prefetch(p, 1);
#endif
}

/* The line will be read. Likewise. */
static inline void port_prefetch_read(const void *p)
{
	__builtin_prefetch(p);
}

/* Who is interrupted under a spin lock goes on when its waiters yield. */
static inline void port_hold_begin(void)
{
}

static inline void port_hold_end(void)
{
}

#endif
