/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * synchronous.c - Start, then exactly one of Complete and Failure.
 *
 * A transaction is one attempt to add one processor. Each phase goes over all registrants, in order of registration, before
 * the next begins (S-150, S-192). Every registrant gets Start, also after a veto (S-176); the first veto counts (S-177);
 * who got Start gets one second call, the vetoer too (S-178).
 *
 * I1        everything here runs under the partition's lock, so transactions, replays and registrations exclude each
 *           other (S-138, S-199). Unregistration does not take that lock.
 * I2        `heard_start` is set from Start to the second call, and says who is owed one (S-181).
 *
 * Two settings are for the tests of clients: the second calls come in a thread of their own, which holds serial in place
 * of the one that waits for it (S-159); the vetoer is not owed one (S-178).
 */
#include <dhp/observe.h>

#include "notify.h"

struct dhp_notify {
	struct dhpi_registrant registrant; /* first */
	struct dhpi_notify *notify;
	dhp_notify_callback *callback;
	void *context;
	bool heard_start; /* under serial */
	struct at_u64 calls, total_ns, longest_ns; /* statistics; written under serial */
};

static struct dhp_notify *notify_of(struct dhpi_registrant *registrant)
{
	return DHPI_CONTAINER(registrant, struct dhp_notify, registrant);
}

enum dhp_status dhpi_notify_init(struct dhpi_notify *notify, struct port_mutex *serial, struct dhpi_set *set)
{
	notify->serial = serial;
	notify->set = set;
	dhpi_registry_init(&notify->synchronous);
	dhpi_registry_init(&notify->changes);
	return dhpi_arrival_init(notify);
}

void dhpi_notify_fini(struct dhpi_notify *notify)
{
	dhpi_arrival_fini(notify);
	dhpi_registry_fini(&notify->changes);
	dhpi_registry_fini(&notify->synchronous);
}

uint32_t dhpi_notify_count(struct dhpi_notify *notify)
{
	uint32_t count = dhpi_registry_count(&notify->synchronous) + dhpi_registry_count(&notify->changes);

	for (uint32_t i = 0; i < DHPI_CLASSES; i++)
		count += dhpi_registry_count(&notify->asynchronous[i]);
	return count + dhpi_conditions_count(&notify->conditions);
}

/* Under serial. */
static void keep_longest(struct at_u64 *longest_ns, uint64_t ns)
{
	if (ns > at_load_relaxed_u64(longest_ns))       /* relaxed: own store */
		at_store_relaxed_u64(longest_ns, ns); /* relaxed: statistics only */
}

/* S-197: there is no limit, so it must be possible to find out who is slow. Under serial. */
static void record_time(struct dhp_notify *to, uint64_t ns)
{
	at_bump_u64(&to->notify->callbacks);
	keep_longest(&to->notify->longest_callback_ns, ns);
	at_bump_u64(&to->calls);
	at_store_relaxed_u64(&to->total_ns, at_load_relaxed_u64(&to->total_ns) + ns); /* relaxed: statistics only */
	keep_longest(&to->longest_ns, ns);
}

/* S-169: a copy for each call. The value on entry is `status`; what the callback leaves there is returned. */
static enum dhp_status call(struct dhp_notify *to, enum dhp_change_state state, const struct dhp_processor *processor,
			    enum dhp_status reason, enum dhp_status status)
{
	const struct dhp_processor_change change = {
		.state = state,
		.index = processor->index,
		.status = reason,
		.number = processor->number,
		.cpu = processor->cpu,
	};

	uint64_t began_ns = port_now_ns();

	to->callback(to->context, &change, &status);
	record_time(to, port_now_ns() - began_ns);
	return status;
}

/* ---- a transaction ---- */

enum dhp_status dhpi_notify_start(struct dhpi_notify *notify, const struct dhp_processor *processor)
{
	struct dhpi_registrant *at = NULL;
	enum dhp_status first = DHP_OK;

	while ((at = dhpi_registry_next(&notify->synchronous, at)) != NULL) {
		struct dhp_notify *to = notify_of(at);
		enum dhp_status status;

		to->heard_start = true;
		status = call(to, DHP_CHANGE_START, processor, DHP_OK, first);
		if (notify->vetoer_excluded && dhp_failed(status) && status != first)
			to->heard_start = false;
		if (!dhp_failed(first) && dhp_failed(status))
			first = status;
	}
	if (dhp_failed(first))
		dhpi_notify_failure(notify, processor, first);
	return first;
}

static void second_round(struct dhpi_notify *notify, enum dhp_change_state state, const struct dhp_processor *processor,
			 enum dhp_status reason)
{
	struct dhpi_registrant *at = NULL;

	while ((at = dhpi_registry_next(&notify->synchronous, at)) != NULL) {
		struct dhp_notify *to = notify_of(at);

		if (!to->heard_start)
			continue;
		to->heard_start = false;
		(void)call(to, state, processor, reason, reason); /* S-180: what it stores has no effect */
	}
}

struct round {
	struct dhpi_notify *notify;
	enum dhp_change_state state;
	const struct dhp_processor *processor;
	enum dhp_status reason;
	struct port_self *waiter;
};

static void run_round(void *argument)
{
	const struct round *round = argument;

	port_mutex_hand_to(round->notify->serial, port_self());
	second_round(round->notify, round->state, round->processor, round->reason);
	port_mutex_hand_to(round->notify->serial, round->waiter);
}

/* With two threads, unless there is no second one. */
static void second_call(struct dhpi_notify *notify, enum dhp_change_state state, const struct dhp_processor *processor,
			enum dhp_status reason)
{
	struct round round = { .notify = notify, .state = state, .processor = processor, .reason = reason,
			       .waiter = port_self() };
	struct port_thread thread;

	if (!notify->two_threads ||
	    dhp_failed(port_thread_start(&thread, run_round, &round, PORT_ANY_CPU, 0, "dhp-second"))) {
		second_round(notify, state, processor, reason);
		return;
	}
	port_thread_join(&thread);
}

void dhpi_notify_complete(struct dhpi_notify *notify, const struct dhp_processor *processor)
{
	second_call(notify, DHP_CHANGE_COMPLETE, processor, DHP_OK);
}

void dhpi_notify_failure(struct dhpi_notify *notify, const struct dhp_processor *processor, enum dhp_status reason)
{
	second_call(notify, DHP_CHANGE_FAILURE, processor, reason);
}

/* ---- a replay ---- */

static void replay_pass(struct dhp_notify *to, enum dhp_change_state state, uint32_t count, enum dhp_status reason)
{
	for (uint32_t index = 0; index < count; index++)
		(void)call(to, state, dhpi_set_row(to->notify->set, index), reason, reason);
}

/* S-121, S-122; after a veto for index k S-128 to S-131: Failure for those before k, ascending, and none for k. */
static enum dhp_status replay(struct dhp_notify *to)
{
	uint32_t active = dhpi_set_active(to->notify->set);

	for (uint32_t index = 0; index < active; index++) {
		const struct dhp_processor *row = dhpi_set_row(to->notify->set, index);
		enum dhp_status status = call(to, DHP_CHANGE_START, row, DHP_OK, DHP_OK);

		if (dhp_failed(status)) {
			replay_pass(to, DHP_CHANGE_FAILURE, index, status);
			return status;
		}
	}
	replay_pass(to, DHP_CHANGE_COMPLETE, active, DHP_OK);
	return DHP_OK;
}

/* ---- the public calls ---- */

static enum dhp_status add(struct dhp_notify *to, uint32_t flags)
{
	struct dhpi_notify *notify = to->notify;
	enum dhp_status status = DHP_OK;

	port_mutex_lock(notify->serial);
	if ((flags & DHP_NOTIFY_EXISTING) != 0)
		status = replay(to);
	if (!dhp_failed(status))
		dhpi_registry_add(&notify->synchronous, &to->registrant);
	port_mutex_unlock(notify->serial);
	return status;
}

enum dhp_status dhp_notify_register(struct dhp_engine *engine, dhp_notify_callback *callback, void *context,
				    uint32_t flags, struct dhp_notify **out_registration)
{
	struct dhp_notify *to;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (callback == NULL)
		return DHP_BAD_CALLBACK;
	if ((flags & ~DHP_NOTIFY_EXISTING) != 0)
		return DHP_BAD_FLAGS;
	if (out_registration == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(engine->notify->serial))
		return DHP_IN_CALLBACK; /* S-193 */
	to = dhpi_registrant_alloc(sizeof(*to)); /* S-109: before the replay */
	if (to == NULL)
		return DHP_NO_MEMORY;
	to->notify = engine->notify;
	to->callback = callback;
	to->context = context;
	status = add(to, flags);
	if (dhp_failed(status))
		dhpi_registrant_free(&to->registrant);
	else
		*out_registration = to;
	return status;
}

enum dhp_status dhp_notify_unregister(struct dhp_notify *registration)
{
	DHPI_REQUIRE_PASSIVE();
	if (registration == NULL)
		return DHP_OK;
	return dhpi_registry_remove(&registration->notify->synchronous, &registration->registrant, true);
}

enum dhp_status dhp_notify_stats_read(const struct dhp_notify *registration, struct dhp_notify_stats *out_stats)
{
	if (registration == NULL)
		return DHP_BAD_OBJECT;
	if (out_stats == NULL)
		return DHP_BAD_RESULT;
	*out_stats = (struct dhp_notify_stats){ /* relaxed: statistics only */
		.calls_count = at_load_relaxed_u64(&registration->calls),
		.total_ns = at_load_relaxed_u64(&registration->total_ns),
		.longest_ns = at_load_relaxed_u64(&registration->longest_ns),
	};
	return DHP_OK;
}
