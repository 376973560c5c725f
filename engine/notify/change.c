/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.c - the extension channel: one number that only grows, and registrants that know up to where they were told.
 *
 * There is no queue of events: whoever changes the set stores its new generation and wakes the notification thread, which
 * tells everybody who has been told less. Changes that come meanwhile are one call later on; the thread looks at the number
 * again before it sleeps, so that the last one is never missed.
 *
 * I1        `seen` of a registrant only grows, and is changed under `delivering`.
 * I2        a change is committed before its number is posted: who is told a number finds that set, or a later one.
 */
#include <dhp/change.h>

#include "notify.h"

struct dhp_change_notify {
	struct dhpi_registrant registrant; /* first */
	struct dhpi_notify *notify;
	dhp_change_callback *callback;
	void *context;
	uint64_t seen; /* under delivering */
};

static struct dhp_change_notify *change_notify_of(struct dhpi_registrant *registrant)
{
	return DHPI_CONTAINER(registrant, struct dhp_change_notify, registrant);
}

static uint64_t generation_now(const struct dhpi_notify *notify)
{
	struct dhp_counts counts;

	dhpi_set_counts(notify->set, &counts);
	return counts.generation;
}

void dhpi_change_post(struct dhpi_notify *notify)
{
	uint64_t generation = generation_now(notify);

	if (at_load_relaxed_u64(&notify->changed) == generation) /* relaxed: own store, under serial */
		return;
	at_store_release_u64(&notify->changed, generation); /* [change-post] release */
	if (!dhpi_registry_empty(&notify->changes)) /* who comes to the list later looks at the set then */
		(void)port_event_signal(&notify->event);
}

/* Under delivering. */
static void tell(struct dhp_change_notify *to, uint64_t generation)
{
	if (to->seen >= generation)
		return;
	to->seen = generation;
	to->callback(to->context, generation);
}

bool dhpi_change_deliver(struct dhpi_notify *notify)
{
	uint64_t generation = at_load_acquire_u64(&notify->changed); /* [change-post] acquire */
	struct dhpi_registrant *at = NULL;

	if (generation == notify->told)
		return false;
	notify->told = generation;
	port_mutex_lock(&notify->delivering);
	while ((at = dhpi_registry_next(&notify->changes, at)) != NULL)
		tell(change_notify_of(at), generation);
	port_mutex_unlock(&notify->delivering);
	return true;
}

/* ---- the public calls ---- */

/* On the list before the look at the set: what comes later is told by the thread. */
static void add(struct dhp_change_notify *to, const uint64_t *last_seen)
{
	struct dhpi_notify *notify = to->notify;
	bool in_callback = port_mutex_mine(&notify->delivering);
	uint64_t now;

	if (!in_callback)
		port_mutex_lock(&notify->delivering);
	dhpi_registry_add(&notify->changes, &to->registrant);
	now = generation_now(notify);
	to->seen = last_seen != NULL && *last_seen < now ? *last_seen : now;
	tell(to, now);
	if (!in_callback)
		port_mutex_unlock(&notify->delivering);
}

enum dhp_status dhp_change_register(struct dhp_engine *engine, dhp_change_callback *callback, void *context,
				    const uint64_t *last_seen, struct dhp_change_notify **out_registration)
{
	struct dhp_change_notify *to;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (callback == NULL)
		return DHP_BAD_CALLBACK;
	if (out_registration == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(engine->notify->serial))
		return DHP_IN_CALLBACK;
	to = dhpi_registrant_alloc(sizeof(*to));
	if (to == NULL)
		return DHP_NO_MEMORY;
	to->notify = engine->notify;
	to->callback = callback;
	to->context = context;
	add(to, last_seen);
	*out_registration = to;
	return DHP_OK;
}

enum dhp_status dhp_change_unregister(struct dhp_change_notify *registration)
{
	DHPI_REQUIRE_PASSIVE();
	if (registration == NULL)
		return DHP_OK;
	return dhpi_registry_remove(&registration->notify->changes, &registration->registrant, true);
}

enum dhp_status dhp_change_query(struct dhp_engine *engine, const uint64_t *last_seen, struct dhp_snapshot *snapshot)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (snapshot == NULL)
		return DHP_BAD_RESULT;
	if (last_seen != NULL && *last_seen == generation_now(engine->notify))
		return DHP_UNCHANGED;
	return dhpi_set_snapshot(engine->set, snapshot);
}
