/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timers.h - the timers of an engine, and the thread that serves them and the ticks of waiting work. See timers.c.
 */
#ifndef DHPI_TIMERS_H
#define DHPI_TIMERS_H

#include <dhp/timer.h>

#include "heap.h"
#include "spin.h"

struct dhpi_work;

enum dhpi_clock { DHPI_MONOTONIC, DHPI_WALL, DHPI_CLOCKS };

/* What struct dhp_timer holds. Under the lock but for what is set once. */
struct dhpi_timer {
	struct dhpi_heap_node node; /* key: the latest time at which it may expire */
	struct dhpi_work *work;     /* set once */
	struct dhp_dpc *dpc;        /* NULL: none */
	uint64_t due_ns;            /* the earliest */
	uint32_t period_ms;
	uint32_t tolerance_ms;
	uint8_t clock;              /* enum dhpi_clock */
	bool set;                   /* in the heap of its clock */
	bool expired;               /* since it was last set */
	uint32_t magic;             /* set once */
};

_Static_assert(sizeof(struct dhpi_timer) <= sizeof(struct dhp_timer), "the public object is too small");
_Static_assert(_Alignof(struct dhpi_timer) <= _Alignof(struct dhp_timer), "the public object is aligned too little");

struct dhpi_timers {
	struct dhpi_spin lock;
	struct dhpi_heap heaps[DHPI_CLOCKS]; /* under the lock */
	uint32_t set_count;                  /* likewise */
	bool closed;                         /* likewise: no timer can be set any more */
	uint64_t (*wall_ns)(void *context);  /* likewise; a test may put another clock here */
	void *wall_context;
	struct at_u64 expiries, lost;        /* statistics; under the lock */

	DHPI_OWN_LINES struct at_u32 tick_wanted; /* a number and what was done about it, edge work-tick */
	uint64_t tick_due_ns;                /* the thread's; 0: no tick is under way */
	uint64_t tick_ns;                    /* set once */
	struct dhpi_work *work;              /* set once */
	struct at_u32 stopping;              /* edge timer-stop */
	struct port_alarm alarm;
	struct port_event expired;           /* counted up after each expiry */
	struct port_thread thread;
};

enum dhp_status dhpi_timers_init(struct dhpi_timers *timers, struct dhpi_work *work, uint64_t tick_ns);
/* Cancels all, ends the thread. Nobody expires any more, no tick comes any more. */
void dhpi_timers_stop(struct dhpi_timers *timers);
void dhpi_timers_fini(struct dhpi_timers *timers);

/* Any level, signal handlers too: workers that were left asleep are woken within a tick. */
void dhpi_timers_want_tick(struct dhpi_timers *timers);
/* Timers that are set. */
uint32_t dhpi_timers_count(struct dhpi_timers *timers);
/* Another wall clock, for tests; and: it was set. */
void dhpi_timers_use_wall(struct dhpi_timers *timers, uint64_t (*wall_ns)(void *context), void *context);
void dhpi_timers_wall_was_set(struct dhpi_timers *timers);

#endif
