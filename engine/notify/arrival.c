/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrival.c - the asynchronous channel: one thread that tells who asked, some time after a device came.
 *
 * The inbox is a stack of Concurrency Kit: pushed by the partition, taken whole by the notification thread and turned
 * round. Its entries are rows made ready before, so that announcing neither allocates nor fails.
 *
 * I1        `delivering` is held during each delivery and during the replay of a registration: a registrant is called by
 *           one thread at a time, and sees the events of a class in order (S-231).
 * I2        a registrant is on the list before its replay ends: a device that comes meanwhile may be reported twice, and
 *           never not at all (S-207, S-210).
 * I3        `arrivals_held` is looked at under `delivering`: from the return of a hold on nothing is delivered.
 * I4        a registrant without replay hears nothing that was posted before it came, also if that is not delivered yet
 *           (S-208).
 * I5        what nobody is on the list for is not posted, so an arrival wakes nobody to tell nobody. It is in the set, or among the
 *           modules, by then: who comes to the list later finds it in the replay (S-206), or came after it (S-208).
 */
#include "notify.h"

struct dhp_arrival_notify {
	struct dhpi_registrant registrant; /* first */
	struct dhpi_notify *notify;
	enum dhp_device_class device_class;
	dhp_arrival_callback *callback;
	void *context;
	uint64_t after;                /* I4: the last that was posted before, or 0; set once */
	struct dhpi_device_name name; /* its own, and empty but during a call (S-224); under delivering */
};

#define LONGEST_SLEEP_NS 1000000u

CK_STACK_CONTAINER(struct dhpi_arrival_event, entry, event_of)

static struct dhp_arrival_notify *arrival_notify_of(struct dhpi_registrant *registrant)
{
	return DHPI_CONTAINER(registrant, struct dhp_arrival_notify, registrant);
}

/* ---- events ---- */

static size_t events_bytes(const struct dhpi_notify *notify)
{
	return notify->set->maximum * sizeof(struct dhpi_arrival_event);
}

/* Without the C library's formatting, which the engine's algorithms do not have. */
void dhpi_arrival_name(char *name, const char *prefix, uint32_t number)
{
	char digits[10];
	uint32_t count = 0, at = 0;

	for (; prefix[at] != '\0'; at++)
		name[at] = prefix[at];
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (count > 0)
		name[at++] = digits[--count];
	name[at] = '\0';
}

bool dhpi_arrival_prepare(struct dhpi_notify *notify, const struct dhp_processor *processor)
{
	struct dhpi_arrival_event *event = &notify->processors[processor->index];
	size_t end = (size_t)(processor->index + 1) * sizeof(*event);

	if (end > notify->processors_touched) {
		if (!port_touch(event, sizeof(*event), DHP_NO_INDEX))
			return false;
		notify->processors_touched = dhpi_round_up(end, port_page_bytes());
	}
	event->device_class = DHP_CLASS_PROCESSOR;
	dhpi_arrival_name(event->name.text, "processor-", processor->cpu);
	return true;
}

void dhpi_arrival_push(struct dhpi_notify *notify, struct dhpi_arrival_event *event)
{
	if (dhpi_registry_empty(&notify->asynchronous[event->device_class])) /* I5 */
		return;
	/* relaxed: who drains or registers asks later, and the event's own push is what carries the data */
	event->sequence = at_fetch_add_relaxed_u64(&notify->posted, 1) + 1;
	ck_stack_push_upmc(&notify->inbox, &event->entry);
	(void)port_event_signal(&notify->event);
}

void dhpi_arrival_post(struct dhpi_notify *notify, const struct dhp_processor *processor)
{
	dhpi_arrival_push(notify, &notify->processors[processor->index]);
}

/* ---- delivery ---- */

static void tell(struct dhp_arrival_notify *to, const struct dhpi_arrival_event *event)
{
	const struct dhp_arrival arrival = {
		.event = DHP_EVENT_ARRIVAL,
		.device_class = event->device_class,
		.name = to->name.text,
	};

	to->name = event->name;
	to->callback(to->context, &arrival);
	to->name = (struct dhpi_device_name){ .text = "" };
}

/* false: arrivals are held. */
static bool deliver(struct dhpi_notify *notify, const struct dhpi_arrival_event *event)
{
	struct dhpi_registrant *at = NULL;
	bool held;

	port_mutex_lock(&notify->delivering);
	held = notify->arrivals_held;
	while (!held && (at = dhpi_registry_next(&notify->asynchronous[event->device_class], at)) != NULL)
		if (event->sequence > arrival_notify_of(at)->after) /* I4 */
			tell(arrival_notify_of(at), event);
	port_mutex_unlock(&notify->delivering);
	return !held;
}

static ck_stack_entry_t *oldest_first(ck_stack_entry_t *newest)
{
	ck_stack_entry_t *oldest = NULL;

	while (newest != NULL) {
		ck_stack_entry_t *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* What comes meanwhile is for the next time. */
static bool deliver_all(struct dhpi_notify *notify)
{
	bool any = false;

	if (notify->waiting == NULL)
		notify->waiting = oldest_first(ck_stack_batch_pop_upmc(&notify->inbox));
	while (notify->waiting != NULL) {
		ck_stack_entry_t *next = notify->waiting->next;

		if (!deliver(notify, event_of(notify->waiting)))
			break;
		notify->waiting = next;
		(void)at_fetch_add_release_u64(&notify->delivered, 1); /* [notify-drain] release */
		any = true;
	}
	return any;
}

void dhpi_arrival_hold(struct dhpi_notify *notify, bool hold)
{
	bool in_callback = port_mutex_mine(&notify->delivering);

	if (!in_callback)
		port_mutex_lock(&notify->delivering);
	notify->arrivals_held = hold;
	if (!in_callback)
		port_mutex_unlock(&notify->delivering);
	(void)port_event_signal(&notify->event);
}

static void notification_thread(void *argument)
{
	struct dhpi_notify *notify = argument;

	for (;;) {
		uint32_t ticket = port_event_ticket(&notify->event);
		bool stopping = at_load_acquire_u32(&notify->stopping) != 0; /* [notify-stop] acquire */
		bool arrivals = deliver_all(notify);

		if (dhpi_change_deliver(notify) || arrivals)
			continue;
		if (stopping)
			return;
		port_event_wait(&notify->event, ticket, 0);
	}
}

enum dhp_status dhpi_arrival_init(struct dhpi_notify *notify)
{
	for (uint32_t i = 0; i < DHPI_CLASSES; i++)
		dhpi_registry_init(&notify->asynchronous[i]);
	port_mutex_init(&notify->delivering);
	port_event_init(&notify->event);
	ck_stack_init(&notify->inbox);
	notify->processors = port_reserve(events_bytes(notify));
	if (notify->processors == NULL || !dhpi_modules_init(&notify->modules))
		return DHP_NO_MEMORY;
	return port_thread_start(&notify->thread, notification_thread, notify, PORT_ANY_CPU, 0, "dhp-notify");
}

/* What was posted before is delivered first. */
void dhpi_arrival_fini(struct dhpi_notify *notify)
{
	dhpi_arrival_hold(notify, false);
	at_store_release_u32(&notify->stopping, 1); /* [notify-stop] release */
	(void)port_event_signal(&notify->event);
	port_thread_join(&notify->thread);
	if (notify->processors != NULL)
		port_unreserve(notify->processors, events_bytes(notify));
	dhpi_modules_fini(&notify->modules);
	for (uint32_t i = 0; i < DHPI_CLASSES; i++)
		dhpi_registry_fini(&notify->asynchronous[i]);
	port_mutex_fini(&notify->delivering);
}

/* ---- the public calls ---- */

static void replay(struct dhp_arrival_notify *to)
{
	struct dhpi_notify *notify = to->notify;
	bool memory = to->device_class == DHP_CLASS_MEMORY;
	uint32_t count = memory ? dhpi_modules_count(&notify->modules) : dhpi_set_active(notify->set);

	for (uint32_t index = 0; index < count; index++)
		tell(to, memory ? &notify->modules.rows[index] : &notify->processors[index]);
}

static void add(struct dhp_arrival_notify *to, uint32_t flags)
{
	struct dhpi_notify *notify = to->notify;
	bool in_callback = port_mutex_mine(&notify->delivering);

	if (!in_callback)
		port_mutex_lock(&notify->delivering);
	if ((flags & DHP_NOTIFY_EXISTING) == 0)
		to->after = at_load_relaxed_u64(&notify->posted); /* relaxed: what the caller knows of was counted */
	dhpi_registry_add(&notify->asynchronous[to->device_class], &to->registrant);
	if ((flags & DHP_NOTIFY_EXISTING) != 0)
		replay(to);
	if (!in_callback)
		port_mutex_unlock(&notify->delivering);
}

static enum dhp_status check_arguments(struct dhp_engine *engine, enum dhp_device_class device_class,
				       dhp_arrival_callback *callback, uint32_t flags,
				       struct dhp_arrival_notify **out_registration)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if ((uint32_t)device_class >= DHPI_CLASSES)
		return DHP_BAD_CLASS;
	if (callback == NULL)
		return DHP_BAD_CALLBACK;
	if ((flags & ~DHP_NOTIFY_EXISTING) != 0)
		return DHP_BAD_FLAGS;
	return out_registration == NULL ? DHP_BAD_RESULT : DHP_OK;
}

enum dhp_status dhp_arrival_register(struct dhp_engine *engine, enum dhp_device_class device_class,
				     dhp_arrival_callback *callback, void *context, uint32_t flags,
				     struct dhp_arrival_notify **out_registration)
{
	enum dhp_status status = check_arguments(engine, device_class, callback, flags, out_registration);
	struct dhp_arrival_notify *to;

	if (dhp_failed(status))
		return status;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(engine->notify->serial))
		return DHP_IN_CALLBACK;
	to = dhpi_registrant_alloc(sizeof(*to));
	if (to == NULL)
		return DHP_NO_MEMORY;
	to->notify = engine->notify;
	to->device_class = device_class;
	to->callback = callback;
	to->context = context;
	add(to, flags);
	*out_registration = to;
	return DHP_OK;
}

static enum dhp_status unregister(struct dhp_arrival_notify *registration, bool wait)
{
	DHPI_REQUIRE_PASSIVE();
	if (registration == NULL)
		return DHP_OK;
	return dhpi_registry_remove(&registration->notify->asynchronous[registration->device_class],
				    &registration->registrant, wait);
}

enum dhp_status dhp_arrival_unregister(struct dhp_arrival_notify *registration)
{
	return unregister(registration, true);
}

enum dhp_status dhp_arrival_unregister_nowait(struct dhp_arrival_notify *registration)
{
	return unregister(registration, false);
}

enum dhp_status dhp_arrival_drain(struct dhp_engine *engine)
{
	uint64_t sleep_ns = 10000, posted;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->notify->delivering) || port_mutex_mine(engine->notify->serial))
		return DHP_IN_CALLBACK;
	posted = at_load_relaxed_u64(&engine->notify->posted); /* relaxed: what the caller knows of was counted */
	while (at_load_acquire_u64(&engine->notify->delivered) < posted) { /* [notify-drain] acquire */
		port_sleep_ns(sleep_ns);
		sleep_ns = sleep_ns < LONGEST_SLEEP_NS ? 2 * sleep_ns : sleep_ns;
	}
	return DHP_OK;
}
