/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.h - a list of registrants that may go at any time, also while they are being called. See registry.c.
 */
#ifndef DHPI_REGISTRY_H
#define DHPI_REGISTRY_H

#include "level.h"
#include "list.h"

/* First member of each kind of registrant. */
struct dhpi_registrant {
	struct dhpi_link link;
	size_t bytes;                 /* of the whole registrant */
	struct port_self *running_in; /* the thread that calls it at the moment; NULL: none */
	struct port_self *waiter;     /* the thread that waits for the end of that call; NULL: none */
	bool removed;                 /* it is not called any more */
	bool orphan;                  /* nobody waits for its end: the caller frees it */
	uint32_t magic;               /* 0 once it has ended */
};

struct dhpi_registry {
	struct port_mutex lock; /* for a few instructions; never held during a call */
	struct port_event ended; /* a call to one that was removed has returned */
	struct dhpi_link list;   /* in order of registration */
	uint32_t count;          /* not removed */
	struct dhpi_link ended_list; /* oldest first; in a checked build only */
	uint32_t ended_count;
};

void dhpi_registry_init(struct dhpi_registry *registry);
void dhpi_registry_fini(struct dhpi_registry *registry);

/* NULL: no memory. It is on no list yet. */
void *dhpi_registrant_alloc(size_t bytes);
void dhpi_registrant_free(struct dhpi_registrant *registrant);
void dhpi_registry_add(struct dhpi_registry *registry, struct dhpi_registrant *registrant);
uint32_t dhpi_registry_count(struct dhpi_registry *registry);
/* Nobody is on the list, nor one whose removal waits and may be taken back (I4). Who comes later was added after this look. */
bool dhpi_registry_empty(struct dhpi_registry *registry);

/*
 * The one after `called`, marked as being called; NULL: that was the last. `called` is NULL at first, and may not be used
 * afterwards.
 */
struct dhpi_registrant *dhpi_registry_next(struct dhpi_registry *registry, struct dhpi_registrant *called);

/*
 * wait: until a call in another thread has returned. The registrant is freed, now or when its call returns. Gives DHP_OK;
 * DHP_BAD_OBJECT: it was removed before; DHP_IN_CALLBACK: that call waits for the caller, and the registrant stays.
 */
enum dhp_status dhpi_registry_remove(struct dhpi_registry *registry, struct dhpi_registrant *registrant, bool wait);

#endif
