/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registrants of all channels: Start and then one second call, each arrival told, each change told at last.
 */
#include "world.h"

#include <sched.h>

#define REGISTRANTS 3u
#define INDICES (MODEL_PROCESSORS + 1)

/* ---- before they come ---- */

enum deed { DEED_NOTHING, DEED_MISUSE, DEED_LEAVE_IN_START, DEED_LEAVE_IN_SECOND, DEED_AIM, DEEDS };

static struct registrant {
	struct dhp_notify *registration; /* NULL while it registers */
	bool registering, gone;
	enum deed deed;
	uint32_t vetoed_index; /* it refuses this index... */
	bool vetoes_all;       /* ...or every */
	bool owed[INDICES];    /* by index: got Start and not yet the second call */
	bool may_be_owed[INDICES];
	uint32_t completed;
	uint64_t starts, before; /* how often it heard Start, and of which attempt on */
} registrants[REGISTRANTS];
static uint32_t order[REGISTRANTS], order_count; /* of registration */

static enum dhp_status veto_of(const struct registrant *registrant, uint32_t index)
{
	if (registrant->deed == DEED_LEAVE_IN_START || registrant->deed == DEED_LEAVE_IN_SECOND)
		return DHP_OK;
	if (!registrant->vetoes_all && (registrant->vetoed_index == 0 || registrant->vetoed_index != index))
		return DHP_OK;
	return (enum dhp_status)(-200 - (int)(registrant - registrants));
}

enum dhp_status registrants_would_say(uint32_t index)
{
	for (uint32_t i = 0; i < order_count; i++)
		if (veto_of(&registrants[order[i]], index) != DHP_OK)
			return veto_of(&registrants[order[i]], index);
	return DHP_OK;
}

static void forget_registrant(struct registrant *registrant)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < order_count; i++)
		if (order[i] != (uint32_t)(registrant - registrants))
			order[count++] = order[i];
	order_count = count;
	*registrant = (struct registrant){ .gone = true };
}

static void leave_from_inside(struct registrant *registrant)
{
	SAYS(dhp_notify_unregister(registrant->registration), DHP_OK);
	forget_registrant(registrant);
}

static void on_start(struct registrant *registrant, const struct dhp_processor_change *change, enum dhp_status *status)
{
	enum dhp_status veto = veto_of(registrant, change->index);

	MUST(!registrant->owed[change->index] || registrant->may_be_owed[change->index]);
	MUST(change->status == DHP_OK);
	registrant->starts++;
	if (registrant->deed == DEED_AIM)
		work_aim(change->index);
	registrant->owed[change->index] = registrant->may_be_owed[change->index] = false;
	if (!registrant->registering)
		MUST(change->index == dhp_active_count(world.engine, DHP_ALL_GROUPS, NULL));
	if (registrant->registering && veto != DHP_OK) {
		*status = veto; /* and it is owed nothing for this one */
		return;
	}
	registrant->owed[change->index] = true;
	if (veto != DHP_OK) {
		registrant->may_be_owed[change->index] = (world.model.flags & DHP_ENGINE_VETOER_EXCLUDED) != 0 && veto != *status;
		*status = veto;
	}
	if (registrant->deed == DEED_LEAVE_IN_START && registrant->registration != NULL)
		leave_from_inside(registrant);
}

static void on_second(struct registrant *registrant, const struct dhp_processor_change *change, enum dhp_status *status)
{
	MUST(registrant->owed[change->index]);
	MUST(dhp_failed(change->status) == (change->state == DHP_CHANGE_FAILURE));
	registrant->owed[change->index] = registrant->may_be_owed[change->index] = false;
	registrant->completed += change->state == DHP_CHANGE_COMPLETE;
	*status = DHP_INJECTED; /* it changes nothing (S-180) */
	if (registrant->deed == DEED_LEAVE_IN_SECOND && registrant->registration != NULL)
		leave_from_inside(registrant);
}

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct registrant *registrant = context;
	struct dhp_processor row;

	MUST(!registrant->gone && change->index < INDICES);
	SAYS(dhp_processor_at(world.engine, change->index, &row), DHP_OK);
	MUST(row.cpu == change->cpu && row.number.group == change->number.group && row.number.number == change->number.number);
	if (registrant->deed == DEED_MISUSE)
		refuse_in_callback();
	if (change->state == DHP_CHANGE_START)
		on_start(registrant, change, status);
	else
		on_second(registrant, change, status);
}

static enum dhp_status first_veto(const struct registrant *registrant)
{
	for (uint32_t index = 0; index < world.model.active; index++)
		if (veto_of(registrant, index) != DHP_OK)
			return veto_of(registrant, index);
	return DHP_OK;
}

static void hear(void)
{
	uint32_t at = take_below(REGISTRANTS), how = take(), flags = take_below(3);
	struct registrant *registrant = &registrants[at];
	enum dhp_status expected = DHP_OK;

	if (registrant->registration != NULL)
		return;
	*registrant = (struct registrant){ .registering = true, .deed = (enum deed)(how % DEEDS), .vetoed_index = how >> 2 & 7,
		.vetoes_all = how >> 5 == 7 };
	if (flags == 2)
		expected = DHP_BAD_FLAGS;
	else if (flags == 1)
		expected = first_veto(registrant);
	SAYS(dhp_notify_register(world.engine, on_change, registrant, flags, &registrant->registration), expected);
	for (uint32_t index = 0; index < INDICES; index++)
		MUST(!registrant->owed[index]);
	if (expected == DHP_OK) {
		MUST(registrant->completed == (flags == 1 ? world.model.active : 0));
		order[order_count++] = at;
	}
	registrant->registering = false;
	registrant->completed = 0;
	registrant->starts = 0;
	registrant->before = world.model.started;
	if (expected != DHP_OK)
		MUST(registrant->registration == NULL);
}

static void hear_no_more(void)
{
	struct registrant *registrant = &registrants[take_below(REGISTRANTS)];

	SAYS(dhp_notify_unregister(registrant->registration), DHP_OK);
	if (registrant->registration != NULL)
		forget_registrant(registrant);
}

static void ask_how_long(void)
{
	struct registrant *registrant = &registrants[take_below(REGISTRANTS)];
	struct dhp_notify_stats stats;

	SAYS(dhp_notify_stats_read(registrant->registration, &stats), registrant->registration != NULL ? DHP_OK : DHP_BAD_OBJECT);
	if (registrant->registration != NULL)
		MUST(stats.calls_count >= registrant->completed && stats.longest_ns <= stats.total_ns);
}

static void check_registrant(struct registrant *registrant)
{
	for (uint32_t index = 0; index < INDICES; index++) {
		MUST(!registrant->owed[index] || registrant->may_be_owed[index]);
		registrant->owed[index] = registrant->may_be_owed[index] = false;
	}
	if (registrant->registration != NULL)
		MUST(registrant->starts == world.model.started - registrant->before);
}

static void check_owed(void)
{
	for (uint32_t i = 0; i < REGISTRANTS; i++)
		check_registrant(&registrants[i]);
}

/* ---- after they came ---- */

static struct listener {
	struct dhp_arrival_notify *registration;
	enum dhp_device_class device_class;
	uint64_t told;            /* by any thread */
	uint64_t expected, twice; /* so many; so many of them perhaps once more (S-207) */
} listeners[REGISTRANTS];
static bool held;
static uint64_t waiting[2]; /* by class: posted while held */

static void on_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct listener *listener = context;

	struct dhp_memory_info memory;

	MUST(arrival->event == DHP_EVENT_ARRIVAL && arrival->device_class == listener->device_class);
	if (arrival->device_class == DHP_CLASS_MEMORY) { /* it is counted already (S-745); names end in the module's number */
		SAYS(dhp_memory_read(world.engine, &memory), DHP_OK);
		MUST(strtoul(strrchr(arrival->name, '-') + 1, NULL, 10) < memory.modules_count);
	}
	SAYS(dhp_engine_destroy(world.engine), DHP_IN_CALLBACK);
	SAYS(dhp_arrival_drain(world.engine), DHP_IN_CALLBACK);
	(void)__atomic_fetch_add(&listener->told, 1, __ATOMIC_SEQ_CST);
}

static void device_arrived(enum dhp_device_class device_class)
{
	waiting[device_class] += held;
	for (uint32_t i = 0; i < REGISTRANTS; i++)
		if (listeners[i].registration != NULL && listeners[i].device_class == device_class)
			listeners[i].expected++;
}

void notify_module_arrived(void)
{
	device_arrived(DHP_CLASS_MEMORY);
}

void notify_arrived(void)
{
	device_arrived(DHP_CLASS_PROCESSOR);
}

static void drain(void)
{
	if (held)
		return; /* it would wait for ever */
	waiting[0] = waiting[1] = 0;
	SAYS(dhp_arrival_drain(world.engine), DHP_OK);
	for (uint32_t i = 0; i < REGISTRANTS; i++) {
		const struct listener *listener = &listeners[i];
		uint64_t told = __atomic_load_n(&listener->told, __ATOMIC_SEQ_CST);

		if (listener->registration != NULL)
			MUST(told >= listener->expected && told <= listener->expected + listener->twice);
	}
}

static void listen(void)
{
	struct listener *listener = &listeners[take_below(REGISTRANTS)];
	uint32_t device_class = take_below(3), flags = take_below(3);

	if (listener->registration != NULL)
		return;
	drain();
	*listener = (struct listener){ .device_class = (enum dhp_device_class)device_class };
	SAYS(dhp_arrival_register(world.engine, (enum dhp_device_class)device_class, on_arrival, listener, flags,
				  &listener->registration),
	     device_class == 2 ? DHP_BAD_CLASS : flags == 2 ? DHP_BAD_FLAGS : DHP_OK);
	if (device_class == 2 || flags != 1)
		return;
	listener->expected = device_class == DHP_CLASS_MEMORY ? world.model.modules : world.model.active;
	MUST(listener->told == listener->expected);
	listener->twice = held ? waiting[device_class] : 0;
}

static void listen_no_more(void)
{
	struct listener *listener = &listeners[take_below(REGISTRANTS)];
	uint64_t told;

	if (take_below(2) != 0) {
		SAYS(dhp_arrival_unregister_nowait(listener->registration), DHP_OK);
		listener->registration = NULL;
		if (held)
			SAYS(dhp_sim_arrivals_hold(world.engine, held = false), DHP_OK);
		drain();
	} else {
		SAYS(dhp_arrival_unregister(listener->registration), DHP_OK);
		listener->registration = NULL;
	}
	told = __atomic_load_n(&listener->told, __ATOMIC_SEQ_CST);
	(void)sched_yield();
	MUST(__atomic_load_n(&listener->told, __ATOMIC_SEQ_CST) == told);
}

static void hold_arrivals(void)
{
	drain();
	held = take_below(2) != 0;
	SAYS(dhp_sim_arrivals_hold(world.engine, held), DHP_OK);
	drain();
}

/* ---- in either direction ---- */

static struct watcher {
	struct dhp_change_notify *registration;
	uint64_t told; /* by any thread */
} watchers[REGISTRANTS];

static void on_set_change(void *context, uint64_t generation)
{
	struct watcher *watcher = context;
	uint64_t before = __atomic_exchange_n(&watcher->told, generation, __ATOMIC_SEQ_CST);

	MUST(generation > before);
}

static void watch(void)
{
	struct watcher *watcher = &watchers[take_below(REGISTRANTS)];
	uint64_t seen = take() & 1 ? 0 : world.generation;

	if (watcher->registration != NULL)
		return;
	watcher->told = 0;
	SAYS(dhp_change_register(world.engine, on_set_change, watcher, &seen, &watcher->registration), DHP_OK);
	MUST(watcher->told == (seen < world.generation ? world.generation : 0));
	watcher->told = world.generation;
}

static void expect_told(const struct watcher *watcher)
{
	while (watcher->registration != NULL && __atomic_load_n(&watcher->told, __ATOMIC_SEQ_CST) < world.generation)
		(void)sched_yield(); /* at least one call after the last change (S-808); else it hangs here */
}

static void watch_no_more(void)
{
	struct watcher *watcher = &watchers[take_below(REGISTRANTS)];

	expect_told(watcher);
	SAYS(dhp_change_unregister(watcher->registration), DHP_OK);
	watcher->registration = NULL;
}

static void query(void)
{
	uint64_t seen = world.generation, other = seen + 1;
	struct dhp_snapshot snapshot = { .masks_capacity = 0 };

	SAYS(dhp_change_query(world.engine, &seen, &snapshot), DHP_UNCHANGED);
	SAYS(dhp_change_query(world.engine, &other, &snapshot), DHP_OK);
	MUST(snapshot.counts.generation == seen);
}

/* At dispatch level: refused, and it goes on. */
static void refuse_to_go(void)
{
	uint32_t at = take_below(REGISTRANTS);
	enum dhp_level before;

	if (!MISUSE_HAS_A_STATUS)
		return;
	before = dhp_level_raise(DHP_DISPATCH);
	SAYS(dhp_notify_unregister(registrants[at].registration), DHP_WRONG_LEVEL);
	SAYS(dhp_arrival_unregister(listeners[at].registration), DHP_WRONG_LEVEL);
	SAYS(dhp_arrival_unregister_nowait(listeners[at].registration), DHP_WRONG_LEVEL);
	SAYS(dhp_change_unregister(watchers[at].registration), DHP_WRONG_LEVEL);
	dhp_level_lower(before);
}

/* ---- the part ---- */

static void begin(void)
{
	memset(registrants, 0, sizeof(registrants));
	memset(listeners, 0, sizeof(listeners));
	memset(watchers, 0, sizeof(watchers));
	order_count = 0;
	held = false;
	waiting[0] = waiting[1] = 0;
}

static bool holds_engine(void)
{
	for (uint32_t i = 0; i < REGISTRANTS; i++)
		if (registrants[i].registration != NULL || listeners[i].registration != NULL || watchers[i].registration != NULL)
			return true;
	return false;
}

static void end(void)
{
	SAYS(dhp_sim_arrivals_hold(world.engine, held = false), DHP_OK);
	drain();
	for (uint32_t i = 0; i < REGISTRANTS; i++) {
		SAYS(dhp_notify_unregister(registrants[i].registration), DHP_OK);
		SAYS(dhp_arrival_unregister(listeners[i].registration), DHP_OK);
		expect_told(&watchers[i]);
		SAYS(dhp_change_unregister(watchers[i].registration), DHP_OK);
	}
}

static const struct operation operations[] = {
	{ "hear", hear, false }, { "hear", hear, false }, { "hear no more", hear_no_more, false },
	{ "ask how long", ask_how_long, false }, { "listen", listen, false }, { "listen no more", listen_no_more, false },
	{ "drain", drain, false }, { "hold arrivals", hold_arrivals, false }, { "watch", watch, false },
	{ "watch no more", watch_no_more, false }, { "query", query, false }, { "refuse to go", refuse_to_go, false },
};

const struct part notify_part = { operations, COUNT(operations), begin, check_owed, holds_engine, end };
