/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify_log.h - registrants that write down every call they get, and do what a test tells them.
 */
#ifndef TESTS_NOTIFY_LOG_H
#define TESTS_NOTIFY_LOG_H

#include "support.h"

#define LOG_LENGTH 2048u

struct logged {
	uint32_t who;
	struct dhp_processor_change change;
	enum dhp_status on_entry; /* the operation status */
	uint32_t active;          /* how many processors were active during the call */
	pthread_t thread;
};

/* Calls exclude each other (S-199), so that plain memory does: a race detector would tell. */
static struct logged calls[LOG_LENGTH];
static uint32_t calls_count;

struct registrant {
	uint32_t who;
	struct dhp_engine *engine;
	struct dhp_notify *handle;
	uint32_t veto_at; /* index whose Start it refuses; DHP_NO_INDEX: none */
	enum dhp_status veto;
	bool stores_in_start; /* `stored` goes to the status in every Start, ... */
	enum dhp_status stored;
	bool stores_later;    /* ... or in every second call */
	bool scribbles;       /* over the record it was given */
	void (*also)(struct registrant *me, const struct dhp_processor_change *change);
	enum dhp_status result; /* of what `also` did */
	void *other;
};

static inline void write_down(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct registrant *me = context;
	struct logged *call = &calls[calls_count++ % LOG_LENGTH];
	struct dhp_counts counts = { .active = 0 };

	(void)dhp_counts_read(me->engine, &counts);
	*call = (struct logged){
		.who = me->who,
		.change = *change,
		.on_entry = *status,
		.active = counts.active,
		.thread = pthread_self(),
	};
	if (change->state == DHP_CHANGE_START && change->index == me->veto_at)
		*status = me->veto;
	if (change->state == DHP_CHANGE_START ? me->stores_in_start : me->stores_later)
		*status = me->stored;
	if (me->also != NULL)
		me->also(me, &call->change);
	if (me->scribbles)
		memset((void *)(uintptr_t)change, 0x77, sizeof(*change));
}

static inline struct registrant registrant_of(uint32_t who, struct dhp_engine *engine)
{
	return (struct registrant){ .who = who, .engine = engine, .veto_at = DHP_NO_INDEX, .veto = DHP_NO_MEMORY };
}

static inline enum dhp_status join_list(struct registrant *me, uint32_t flags)
{
	return dhp_notify_register(me->engine, write_down, me, flags, &me->handle);
}

static inline void leave_list(struct registrant *me)
{
	dhp_notify_unregister(me->handle);
	me->handle = NULL;
}

static inline void assert_call(uint32_t at, uint32_t who, enum dhp_change_state state, uint32_t index)
{
	assert_true(at < calls_count);
	assert_int_equal(calls[at].who, who);
	assert_int_equal(calls[at].change.state, state);
	assert_int_equal(calls[at].change.index, index);
}

static inline void forget_calls(void)
{
	calls_count = 0;
}

#endif
