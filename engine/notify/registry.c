/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.c - a list of registrants that may go at any time, also while they are being called.
 *
 * Problem   after unregistration returns, no call may run; yet a callback may unregister itself, or another one, in the
 *           middle of a round over the list.
 * Idea      the round holds no lock during a call, but marks the registrant with the thread that calls it. A marked one
 *           stays on the list until its call has returned, so that the round can go on from it.
 *             - removed by another thread: that thread waits for the mark to go, then unlinks and frees;
 *             - removed inside its own call, or without waiting: the round unlinks and frees it when it moves on.
 *
 * I1        a registrant that is removed is not called again.
 * I2        a registrant is called by one thread at a time (S-199): rounds over one registry exclude each other.
 */
#include "registry.h"

#define MAGIC 0x4E074Fu

/* A checked build keeps so many of those that ended, to know a handle that is used twice (S-190). */
#define ENDED_LIMIT (DHP_CHECKS >= 2 ? 1024u : 0u)

static struct dhpi_registrant *registrant_at(struct dhpi_link *link)
{
	return DHPI_CONTAINER(link, struct dhpi_registrant, link);
}

void dhpi_registry_init(struct dhpi_registry *registry)
{
	port_mutex_init(&registry->lock);
	port_event_init(&registry->ended);
	dhpi_list_init(&registry->list);
	dhpi_list_init(&registry->ended_list);
}

static void free_oldest_ended(struct dhpi_registry *registry)
{
	struct dhpi_registrant *oldest = registrant_at(registry->ended_list.next);

	dhpi_list_unlink(&oldest->link);
	registry->ended_count--;
	dhpi_registrant_free(oldest);
}

void dhpi_registry_fini(struct dhpi_registry *registry)
{
	while (registry->ended_count > 0)
		free_oldest_ended(registry);
	port_mutex_fini(&registry->lock);
}

void *dhpi_registrant_alloc(size_t bytes)
{
	struct dhpi_registrant *registrant = port_alloc(bytes);

	if (registrant != NULL) {
		registrant->bytes = bytes;
		registrant->magic = MAGIC;
	}
	return registrant;
}

void dhpi_registrant_free(struct dhpi_registrant *registrant)
{
	registrant->magic = 0;
	port_free(registrant, registrant->bytes);
}

void dhpi_registry_add(struct dhpi_registry *registry, struct dhpi_registrant *registrant)
{
	port_mutex_lock(&registry->lock);
	dhpi_list_push_tail(&registry->list, &registrant->link);
	registry->count++;
	port_mutex_unlock(&registry->lock);
}

uint32_t dhpi_registry_count(struct dhpi_registry *registry)
{
	uint32_t count;

	port_mutex_lock(&registry->lock);
	count = registry->count;
	port_mutex_unlock(&registry->lock);
	return count;
}

/* Under the lock. */
static void take_out(struct dhpi_registry *registry, struct dhpi_registrant *registrant)
{
	dhpi_list_unlink(&registrant->link);
	registrant->magic = 0;
	dhpi_list_push_tail(&registry->ended_list, &registrant->link);
	registry->ended_count++;
	while (registry->ended_count > ENDED_LIMIT)
		free_oldest_ended(registry);
}

/* Under the lock. */
static void call_returned(struct dhpi_registry *registry, struct dhpi_registrant *registrant)
{
	registrant->running_in = NULL;
	if (registrant->orphan)
		take_out(registry, registrant);
	else if (registrant->removed)
		(void)port_event_signal(&registry->ended);
}

struct dhpi_registrant *dhpi_registry_next(struct dhpi_registry *registry, struct dhpi_registrant *called)
{
	struct dhpi_registrant *next = NULL;
	struct dhpi_link *at;

	port_mutex_lock(&registry->lock);
	at = called != NULL ? called->link.next : registry->list.next;
	while (at != &registry->list && registrant_at(at)->removed)
		at = at->next;
	if (at != &registry->list) {
		next = registrant_at(at);
		next->running_in = port_self();
	}
	if (called != NULL)
		call_returned(registry, called);
	port_mutex_unlock(&registry->lock);
	return next;
}

void dhpi_registry_remove(struct dhpi_registry *registry, struct dhpi_registrant *registrant, bool wait)
{
	port_mutex_lock(&registry->lock);
	DHPI_CHECK(1, registrant->magic == MAGIC && !registrant->removed, "S-190: a handle is used once");
	registrant->removed = true;
	registry->count--;
	if (registrant->running_in == port_self() || (!wait && registrant->running_in != NULL)) {
		registrant->orphan = true;
		port_mutex_unlock(&registry->lock);
		return;
	}
	while (registrant->running_in != NULL) {
		uint32_t ticket = port_event_ticket(&registry->ended);

		port_mutex_unlock(&registry->lock);
		port_event_wait(&registry->ended, ticket, 0);
		port_mutex_lock(&registry->lock);
	}
	take_out(registry, registrant);
	port_mutex_unlock(&registry->lock);
}
