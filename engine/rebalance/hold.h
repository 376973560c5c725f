/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.h - the holding queue as devices see it. See hold.c.
 */
#ifndef DHPI_HOLD_H
#define DHPI_HOLD_H

#include <dhp/hold.h>

#include "level.h"
#include "list.h"
#include "parts.h"
#include "spin.h"

struct dhpi_request {
	struct dhpi_link link;  /* under the queue's lock, while held */
	struct dhp_hold *hold;  /* set once */
	struct at_u32 stage;    /* enum stage; its owner's, and under the lock while held */
	uint32_t flags;         /* set once */
	uint32_t magic;         /* set once */
};

_Static_assert(sizeof(struct dhpi_request) <= sizeof(struct dhp_request), "the public object has room for ours");

struct dhp_hold {
	struct at_u64 state; /* 2 * references + (holding ? 1 : 0): see hold.c */

	/* under lock */
	DHPI_OWN_LINES struct dhpi_spin lock;
	bool draining;          /* a thread is beginning the held requests */
	bool taken;             /* a device has this queue */
	bool closed;            /* the device is gone: what would be held is refused */
	uint32_t holders;       /* who wants it to hold */
	uint32_t caller_holds;  /* of those, dhp_hold_begin */
	uint32_t stops_pending; /* devices whose stop has been asked about, and that hold the rest at STOP only */
	uint32_t waiting_count;
	struct dhpi_link waiting; /* oldest first */
	uint64_t since_ns;
	uint64_t holds_count, held_count, cancelled_count, last_ns, longest_ns;

	struct port_event quiet; /* the last request in flight is over */

	/* set once */
	dhp_request_routine *routine;
	void *context;
	struct dhpi_holds *holds;
	struct dhpi_link link; /* under the mutex of holds */
	uint32_t magic;
};

/* All queues of one engine. */
struct dhpi_holds {
	struct port_mutex mutex; /* passive; queues come and go, pause and resume */
	struct port_mutex *serial; /* set once: the partition's lock, see pause.c I2 */
	struct dhpi_link list;   /* oldest first */
	uint32_t count;
	bool paused;
};

void dhpi_holds_init(struct dhpi_holds *holds, struct port_mutex *serial);
void dhpi_holds_fini(struct dhpi_holds *holds);
uint32_t dhpi_holds_count(struct dhpi_holds *holds);

/* NULL: no memory. */
struct dhp_hold *dhpi_hold_alloc(dhp_request_routine *routine, void *context);
/* false: it is in use, and nothing was done. */
bool dhpi_hold_free(struct dhp_hold *hold);
bool dhpi_hold_valid(const struct dhp_hold *hold);

void dhpi_hold_begin(struct dhp_hold *hold);
void dhpi_hold_end(struct dhp_hold *hold);
enum dhp_status dhpi_hold_wait(struct dhp_hold *hold, uint64_t limit_ns);
/* S-449: from now on those that block a stop are held. Ended by pend_end, which begins them. */
void dhpi_hold_pend(struct dhp_hold *hold);
void dhpi_hold_pend_end(struct dhp_hold *hold);
/* The queue holds: what waits is over with DHP_DEVICE_GONE, and so is what comes. */
void dhpi_hold_close(struct dhp_hold *hold);
/* A device has a queue of its own: when it is gone, so are its requests. false: another one has it, or had it and is gone. */
bool dhpi_hold_take(struct dhp_hold *hold);
void dhpi_hold_give(struct dhp_hold *hold);

#endif
