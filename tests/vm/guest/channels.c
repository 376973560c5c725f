/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channels.c - what is registered: the synchronous callback, arrivals of both classes, changes of the set, a device that
 * rebalances, and two threads that wait for the memory conditions.
 */
#include "channels.h"
#include "say.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define WAIT_NS 200000000u

struct waiter {
	struct dhp_memory_event *event;
	const char *name;
	pthread_t thread;
};

static struct {
	struct dhp_engine *engine;
	struct channels_options options;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *processors, *memory;
	struct dhp_change_notify *changes;
	struct dhp_device *device;
	struct waiter low, high;
	atomic_bool closing;
} channels = { .low.name = "low", .high.name = "high" };

static void hear_processor(void *context, const struct dhp_processor_change *change, enum dhp_status *operation_status)
{
	static const char *const names[] = { "start", "complete", "failure" };
	uint64_t time_ns = now_ns();

	(void)context;
	if (change->state == DHP_CHANGE_START && change->cpu == channels.options.veto_cpu)
		*operation_status = DHP_VETOED;
	say(time_ns, "%s cpu=%" PRIu32 " index=%" PRIu32 " group=%u number=%u status=%s", names[change->state], change->cpu,
	    change->index, change->number.group, change->number.number, dhp_status_name(change->status));
}

static void hear_arrival(void *context, const struct dhp_arrival *arrival)
{
	uint64_t time_ns = now_ns();
	struct dhp_memory_info info = { .total_bytes = 0 };

	(void)context;
	if (arrival->device_class == DHP_CLASS_PROCESSOR) {
		say(time_ns, "arrival %s", arrival->name);
		return;
	}
	(void)dhp_memory_read(channels.engine, &info);
	say(time_ns, "module %s modules=%" PRIu32 " total=%" PRIu64, arrival->name, info.modules_count, info.total_bytes);
}

static void hear_change(void *context, uint64_t generation)
{
	uint64_t time_ns = now_ns();
	struct dhp_counts counts;

	(void)context;
	if (!dhp_failed(dhp_counts_read(channels.engine, &counts)))
		say(time_ns, "change generation=%" PRIu64 " present=%" PRIu32 " active=%" PRIu32 " usable=%" PRIu32 " groups=%" PRIu32,
		    generation, counts.present, counts.active, counts.usable, counts.groups_active);
}

static enum dhp_status driver_start(void *context, const struct dhp_device_call *call)
{
	(void)context;
	say(now_ns(), "device active=%" PRIu32, call->active_count);
	return DHP_OK;
}

/* Said when the condition comes to hold; then asked until it has ceased to. */
static void *wait_for_condition(void *argument)
{
	struct waiter *waiter = argument;
	bool holds = false;

	while (!atomic_load(&channels.closing)) {
		if (!holds && dhp_memory_event_wait(waiter->event, WAIT_NS) != DHP_OK)
			continue;
		if (!holds)
			say(now_ns(), "memory %s begins", waiter->name);
		usleep(5000);
		if (dhp_failed(dhp_memory_event_query(waiter->event, &holds)))
			break;
		if (!holds)
			say(now_ns(), "memory %s ends", waiter->name);
	}
	return NULL;
}

static bool wait_begin(struct waiter *waiter, enum dhp_memory_condition condition)
{
	return !dhp_failed(dhp_memory_event_open_condition(channels.engine, condition, &waiter->event)) &&
	       pthread_create(&waiter->thread, NULL, wait_for_condition, waiter) == 0;
}

static void wait_end(struct waiter *waiter)
{
	(void)pthread_join(waiter->thread, NULL);
	(void)dhp_memory_event_close(waiter->event);
}

static bool device_open(void)
{
	const struct dhp_driver driver = { .start = driver_start };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	return !dhp_failed(dhp_device_register(channels.engine, &options, &channels.device));
}

bool channels_open(struct dhp_engine *engine, const struct channels_options *options)
{
	channels.engine = engine;
	channels.options = *options;
	if (dhp_failed(dhp_notify_register(engine, hear_processor, NULL, DHP_NOTIFY_EXISTING, &channels.notify)) ||
	    dhp_failed(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, hear_arrival, NULL, DHP_NOTIFY_EXISTING,
					    &channels.processors)) ||
	    dhp_failed(dhp_arrival_register(engine, DHP_CLASS_MEMORY, hear_arrival, NULL, 0, &channels.memory)) ||
	    dhp_failed(dhp_change_register(engine, hear_change, NULL, NULL, &channels.changes)))
		return false;
	return device_open() && wait_begin(&channels.low, DHP_MEMORY_LOW) && wait_begin(&channels.high, DHP_MEMORY_HIGH);
}

void channels_close(void)
{
	atomic_store(&channels.closing, true);
	wait_end(&channels.low);
	wait_end(&channels.high);
	(void)dhp_device_unregister(channels.device);
	(void)dhp_change_unregister(channels.changes);
	(void)dhp_arrival_unregister(channels.memory);
	(void)dhp_arrival_unregister(channels.processors);
	(void)dhp_notify_unregister(channels.notify);
}
