/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.h - workers that are made before their processors arrive. See ahead.c.
 */
#ifndef DHPI_AHEAD_H
#define DHPI_AHEAD_H

#include "list.h"
#include "spin.h"

struct dhpi_work;
struct dhpi_queue;

/* One of them: a thread that waits to be given a queue. */
struct dhpi_spare {
	struct dhpi_link link;   /* under the lock, while it is in the reserve */
	struct at_ptr queue;     /* NULL: it waits; or DHPI_NO_QUEUE. Edge worker-go */
	struct port_event event;
	struct port_thread thread;
};

/* An address that is no queue: the thread ends, unused. */
#define DHPI_NO_QUEUE ((void *)1)

struct dhpi_ahead {
	uint32_t limit;          /* set once: so many at most; 0: none ever */
	struct at_u32 asked;     /* 1: the timer thread shall look whether one is missing */
	struct dhpi_spin lock;
	struct dhpi_link reserve; /* under the lock; oldest first */
	struct at_u32 count;     /* likewise: its length; a hint without */
	struct at_u64 used;      /* statistics; under serial */
};

void dhpi_ahead_init(struct dhpi_ahead *ahead, uint32_t limit);
/* Each worker, once, when its first look is over: somebody fills the reserve up, soon. */
void dhpi_ahead_ask(struct dhpi_work *work);
/* The timer thread's part. */
void dhpi_ahead_fill(struct dhpi_work *work);

/* Under serial. Pins the worker that the next arrival would get, if there is one; false: there is none, or it is refused. */
bool dhpi_ahead_pin(struct dhpi_work *work, uint32_t cpu);
/* Under serial. One is the queue's from now on, pinned to its cpu, and waits. false: there is none, or it cannot be pinned. */
bool dhpi_ahead_take(struct dhpi_queue *queue);
/* It begins, for a queue that is published. */
void dhpi_ahead_go(struct dhpi_queue *queue);
/* Its thread has been joined. */
void dhpi_ahead_free(struct dhpi_spare *spare);

/* The timer thread has ended: so do those that were not used. */
void dhpi_ahead_stop(struct dhpi_work *work);

#endif
