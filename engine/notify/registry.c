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
 * Two that wait for each other would do so for ever (S-243). A thread says for which thread it waits (`waits_for`); who is
 * about to wait for one that waits for itself gives up instead. Only waits that the library knows of are seen.
 *
 * I1        a registrant that is removed is not called again.
 * I2        a registrant is called by one thread at a time (S-199): rounds over one registry exclude each other.
 * I3        `waits_for` of a thread that waits here ends with the call it waits for, in the thread that made the call: that
 *           one never takes a wait that is over for one that goes on.
 * I4        while a registrant is being called no round over its registry goes on: a removal taken back meanwhile was seen
 *           by nobody. Who asks whether there is anybody to call finds it on the list all the time.
 */
#include "registry.h"

#define MAGIC 0x4E074Fu
#define LOOK_AGAIN_NS 5000000u /* the other wait may begin second */

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

bool dhpi_registry_empty(struct dhpi_registry *registry)
{
	bool empty;

	port_mutex_lock(&registry->lock);
	empty = dhpi_list_empty(&registry->list);
	port_mutex_unlock(&registry->lock);
	return empty;
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
	if (registrant->waiter != NULL)
		at_store_relaxed_ptr(&registrant->waiter->waits_for, NULL); /* relaxed: I3, own store */
	registrant->waiter = NULL;
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

/* Under the lock, with the call in progress: its thread is there. */
static bool waits_for_us(struct port_self *them)
{
	const struct port_self *self = port_self();
	const void *whom = at_load_relaxed_ptr(&them->waits_for); /* relaxed: looked at again, and I3 */

	return whom != NULL && (whom == self || whom == self->object);
}

/* Under the lock, which is given up meanwhile. false: nothing would ever end this (S-243). */
static bool wait_for_end(struct dhpi_registry *registry, struct dhpi_registrant *registrant)
{
	struct port_self *self = port_self();

	while (registrant->running_in != NULL) {
		uint32_t ticket = port_event_ticket(&registry->ended);

		if (waits_for_us(registrant->running_in)) {
			at_store_relaxed_ptr(&self->waits_for, NULL); /* relaxed: a hint */
			registrant->waiter = NULL;
			return false;
		}
		registrant->waiter = self;
		at_store_relaxed_ptr(&self->waits_for, registrant->running_in); /* relaxed: looked at again */
		port_mutex_unlock(&registry->lock);
		port_event_wait(&registry->ended, ticket, LOOK_AGAIN_NS);
		port_mutex_lock(&registry->lock);
	}
	return true;
}

/* Under the lock. */
DHPI_WRAPS("to add the negative of a number takes it off")
static void mark(struct dhpi_registry *registry, struct dhpi_registrant *registrant, bool removed)
{
	registrant->removed = removed;
	registry->count += removed ? UINT32_MAX : 1;
}

static enum dhp_status remove_locked(struct dhpi_registry *registry, struct dhpi_registrant *registrant, bool wait)
{
	if (registrant->removed)
		return DHP_BAD_OBJECT;
	mark(registry, registrant, true);
	if (registrant->running_in == port_self() || (!wait && registrant->running_in != NULL)) {
		registrant->orphan = true;
		return DHP_OK;
	}
	if (!wait_for_end(registry, registrant)) {
		mark(registry, registrant, false); /* I4 */
		return DHP_IN_CALLBACK;
	}
	take_out(registry, registrant);
	return DHP_OK;
}

enum dhp_status dhpi_registry_remove(struct dhpi_registry *registry, struct dhpi_registrant *registrant, bool wait)
{
	enum dhp_status status;

	port_mutex_lock(&registry->lock);
	DHPI_CHECK(1, registrant->magic == MAGIC, "S-190, S-246: a handle is used once");
	status = remove_locked(registry, registrant, wait);
	port_mutex_unlock(&registry->lock);
	DHPI_CHECK(2, status != DHP_BAD_OBJECT, "S-190, S-246: a handle is used once");
	DHPI_CHECK(2, status != DHP_IN_CALLBACK, "S-243: the callback waits for who unregisters it");
	return status;
}
