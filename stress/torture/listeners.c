/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listeners.c - asynchronous registrants. One stays for the whole round and must hear of every processor; others come
 * and go by all three ways: waiting, not waiting, and from their own callback.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define NAME_BYTES 128u

/* What one heard, by name. */
struct heard {
	char name[NAME_BYTES];
	uint32_t times;
};

struct listener {
	struct world *world;
	_Atomic(struct dhp_arrival_notify *) handle; /* who exchanges it for NULL unregisters */
	atomic_bool closed;
	atomic_uint inside;
	bool hasty;           /* unregisters itself in a callback */
	struct heard *heard;  /* of the one that stays: the registering thread, then the notification thread */
	uint32_t heard_count;
};

struct listeners {
	struct listener lasting;
};

static void note(struct listener *listener, const char *name)
{
	uint32_t i = 0;

	while (i < listener->heard_count && strcmp(listener->heard[i].name, name) != 0)
		i++;
	if (i == listener->heard_count) {
		if (!tally_check(listener->world->tally, RULE_HEARD, i < listener->world->maximum, i + 1,
				 listener->world->maximum))
			return;
		strncpy(listener->heard[i].name, name, NAME_BYTES - 1);
		listener->heard_count++;
	}
	listener->heard[i].times++;
}

static void callback(void *context, const struct dhp_arrival *arrival)
{
	struct listener *listener = context;
	struct world *world = listener->world;
	struct dhp_arrival_notify *handle;

	stalls_welcome();
	deed(world, DEED_EVENTS);
	tally_check(world->tally, RULE_LATE_CALL, !atomic_load_explicit(&listener->closed, memory_order_acquire), 1, 0);
	atomic_fetch_add_explicit(&listener->inside, 1, memory_order_relaxed);
	tally_check(world->tally, RULE_HEARD,
		    arrival->event == DHP_EVENT_ARRIVAL && arrival->device_class == DHP_CLASS_PROCESSOR &&
			    arrival->name != NULL,
		    arrival->event, DHP_EVENT_ARRIVAL);
	if (listener->heard != NULL)
		note(listener, arrival->name);
	if (listener->hasty) {
		handle = atomic_exchange_explicit(&listener->handle, NULL, memory_order_acq_rel);
		if (handle != NULL) {
			dhp_arrival_unregister(handle);
			atomic_store_explicit(&listener->closed, true, memory_order_release);
			deed(world, DEED_UNREGISTERED_INSIDE);
		}
	}
	atomic_fetch_sub_explicit(&listener->inside, 1, memory_order_relaxed);
}

static bool listener_register(struct listener *listener, uint32_t flags)
{
	struct world *world = listener->world;
	struct dhp_arrival_notify *handle = NULL;

	if (!went_well(world, dhp_arrival_register(world->engine, DHP_CLASS_PROCESSOR, callback, listener, flags,
						   &handle)))
		return false;
	deed(world, DEED_LISTENED);
	atomic_store_explicit(&listener->handle, handle, memory_order_release);
	return true;
}

/* Without waiting a call may still come, but not after a drain; a hasty one may be unregistering itself just now. */
static void leave(struct listener *listener, struct dice *dice)
{
	struct world *world = listener->world;
	struct dhp_arrival_notify *handle =
		atomic_exchange_explicit(&listener->handle, NULL, memory_order_acq_rel);
	bool waits = dice_one_in(dice, 2);

	if (handle != NULL && waits)
		dhp_arrival_unregister(handle);
	else if (handle != NULL)
		dhp_arrival_unregister_nowait(handle);
	if (handle == NULL || !waits)
		went_well(world, dhp_arrival_drain(world->engine));
	atomic_store_explicit(&listener->closed, true, memory_order_release);
	tally_equal(world->tally, RULE_LATE_CALL, atomic_load_explicit(&listener->inside, memory_order_relaxed), 0);
}

static void come_and_go(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		struct listener *listener = take(sizeof(*listener));

		listener->world = world;
		listener->hasty = dice_one_in(dice, 3);
		if (listener_register(listener, dice_one_in(dice, 2) ? DHP_NOTIFY_EXISTING : 0)) {
			sleep_us(dice_below(dice, 5000));
			leave(listener, dice);
		}
		free(listener);
	}
}

static void begin(struct world *world)
{
	struct listener *lasting;

	world->listeners = take(sizeof(*world->listeners));
	lasting = &world->listeners->lasting;
	lasting->world = world;
	lasting->heard = take(world->maximum * sizeof(*lasting->heard));
	listener_register(lasting, DHP_NOTIFY_EXISTING);
}

static void end(struct world *world)
{
	struct listener *lasting = &world->listeners->lasting;
	struct dhp_counts counts = {.active = 0};
	uint32_t i;

	went_well(world, dhp_arrival_drain(world->engine));
	dhp_arrival_unregister(atomic_load_explicit(&lasting->handle, memory_order_relaxed));
	went_well(world, dhp_counts_read(world->engine, &counts));
	tally_equal(world->tally, RULE_HEARD, lasting->heard_count, counts.active);
	for (i = 0; i < lasting->heard_count; i++)
		tally_check(world->tally, RULE_HEARD, lasting->heard[i].times <= 2, lasting->heard[i].times, 2);
	free(lasting->heard);
	free(world->listeners);
}

const struct part part_listeners = {
	.name = "listeners", .group = GROUP_NOTIFICATION, .begin = begin, .acts = {come_and_go}, .end = end};
