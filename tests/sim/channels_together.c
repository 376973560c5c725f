/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All channels at once: which of them hears of what, and when. Every call of every channel goes into one log.
 */
#include "support.h"

#include <stdlib.h>

#include <dhp/change.h>
#include <dhp/hold.h>
#include <dhp/memory.h>
#include <dhp/rebalance.h>
#include <dhp/thread.h>

#include "picture.h"

#define MIB ((uint64_t)1 << 20)
#define MAXIMUM 12u

/* ---- the log ---- */

enum what { STARTED, COMPLETED, FAILED, PROCESSOR_CAME, MODULE_CAME, GONE, QUERIED, STOPPED, RESTARTED, CHANGED, WHATS };

struct line {
	enum what what;
	uint32_t who;
	uint32_t index;      /* of the processor, in the first three; active count in RESTARTED */
	uint64_t generation; /* CHANGED */
	enum dhp_status status;
	char name[48];
};

static struct line lines[4096];
static uint32_t lines_count;
static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;

static void write_line(struct line line)
{
	(void)pthread_mutex_lock(&lines_lock);
	lines[lines_count++ % LENGTH(lines)] = line;
	(void)pthread_mutex_unlock(&lines_lock);
}

static uint32_t count_of(enum what what)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < lines_count; i++)
		count += lines[i].what == what;
	return count;
}

/* ---- a client of all channels ---- */

struct client {
	uint32_t who;
	struct dhp_engine *engine;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrivals[2];
	struct dhp_change_notify *change;
	struct dhp_device *device;
	struct dhp_memory_event *events[2]; /* low, high */
	uint64_t told;                      /* last generation of `change` */
	uint32_t vetoes;                    /* this index; DHP_NO_INDEX: none */
};

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	static const enum what whats[] = { STARTED, COMPLETED, FAILED };
	struct client *me = context;
	bool known = (uint32_t)change->state < LENGTH(whats);

	write_line((struct line){ .what = known ? whats[change->state] : GONE, .who = me->who, .index = change->index,
		.status = change->status });
	if (change->state == DHP_CHANGE_START && change->index == me->vetoes)
		*status = DHP_VETOED;
}

static void on_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct client *me = context;
	struct line line = { .what = GONE, .who = me->who };

	if (arrival->event == DHP_EVENT_ARRIVAL)
		line.what = arrival->device_class == DHP_CLASS_MEMORY ? MODULE_CAME : PROCESSOR_CAME;
	(void)snprintf(line.name, sizeof(line.name), "%s", arrival->name);
	write_line(line);
}

static void on_set(void *context, uint64_t generation)
{
	struct client *me = context;

	write_line((struct line){ .what = CHANGED, .who = me->who, .generation = generation });
	poke(&me->told, generation);
}

static enum dhp_status on_request(void *context, const struct dhp_device_call *call)
{
	struct client *me = context;
	enum what what = call->request == DHP_REQUEST_QUERY_STOP ? QUERIED :
			 call->request == DHP_REQUEST_STOP	 ? STOPPED :
			 call->request == DHP_REQUEST_START	 ? RESTARTED :
								   GONE;

	write_line((struct line){ .what = what, .who = me->who, .index = call->active_count });
	return DHP_OK;
}

static void join_all(struct client *me, struct dhp_engine *engine, uint32_t who)
{
	const struct dhp_driver driver = { .query_stop = on_request, .stop = on_request, .start = on_request,
		.cancel_stop = on_request, .surprise_removal = on_request, .context = me };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	*me = (struct client){ .who = who, .engine = engine, .vetoes = DHP_NO_INDEX,
		.told = counts_of(engine).generation };
	assert_ok(dhp_notify_register(engine, on_change, me, 0, &me->notify));
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_arrival_register(engine, (enum dhp_device_class)i, on_arrival, me, 0, &me->arrivals[i]));
	assert_ok(dhp_change_register(engine, on_set, me, NULL, &me->change));
	assert_ok(dhp_device_register(engine, &options, &me->device));
	assert_ok(dhp_memory_event_open_condition(engine, DHP_MEMORY_LOW, &me->events[0]));
	assert_ok(dhp_memory_event_open_condition(engine, DHP_MEMORY_HIGH, &me->events[1]));
}

static void leave_all(struct client *me)
{
	assert_ok(dhp_notify_unregister(me->notify));
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_arrival_unregister(me->arrivals[i]));
	assert_ok(dhp_change_unregister(me->change));
	assert_ok(dhp_device_unregister(me->device));
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_memory_event_close(me->events[i]));
}

/* Everything that was caused so far has been told. */
static void settle(struct client *me)
{
	assert_ok(dhp_arrival_drain(me->engine));
	assert_ok(dhp_rebalance_drain(me->engine));
	assert_true(wait_for_count(&me->told, counts_of(me->engine).generation));
	(void)pthread_mutex_lock(&lines_lock); /* what was written is visible from here on */
	(void)pthread_mutex_unlock(&lines_lock);
}

static bool holds(struct dhp_memory_event *event)
{
	bool signalled = false;

	assert_ok(dhp_memory_event_query(event, &signalled));
	return signalled;
}

static void forget(void)
{
	lines_count = 0;
}

/* Memory is neither short nor plentiful. */
static struct dhp_engine *begin_of(uint32_t initial)
{
	const uint8_t group_size = 4;
	const struct sim_setup setup = { .maximum = MAXIMUM, .initial = initial, .group_sizes = &group_size,
		.group_size_count = 1, .gap = 3, .seed = 7 };
	struct dhp_engine *engine = make_sim(&setup);
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(engine, &info));
	assert_ok(dhp_sim_memory_set(engine, info.total_bytes, info.low_bytes + 1));
	forget();
	return engine;
}

static struct dhp_engine *begin(void)
{
	return begin_of(1);
}

static uint64_t memory_generation(struct dhp_engine *engine)
{
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(engine, &info));
	return info.generation;
}

/* ---- which channel hears of what ---- */

#define assert_heard(synchronous, processors, modules, rebalance)                                       \
	do {                                                                                            \
		assert_int_equal(count_of(STARTED) + count_of(COMPLETED) + count_of(FAILED), synchronous); \
		assert_int_equal(count_of(PROCESSOR_CAME), processors);                                 \
		assert_int_equal(count_of(MODULE_CAME), modules);                                       \
		assert_int_equal(count_of(QUERIED) + count_of(STOPPED) + count_of(RESTARTED), rebalance); \
		assert_int_equal(count_of(GONE), 0);                                                    \
		forget();                                                                               \
	} while (0)

static void four_channels_and_what_each_covers_S001(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_memory_info info;
	struct client me;
	uint64_t memory;

	(void)state;
	join_all(&me, engine, 0);
	assert_false(holds(me.events[0]) || holds(me.events[1]));

	/* A processor: all but the memory event. */
	memory = memory_generation(engine);
	assert_ok(add_position(engine, 1));
	settle(&me);
	assert_int_equal(count_of(STARTED), 1);
	assert_int_equal(count_of(COMPLETED), 1);
	assert_heard(2, 1, 0, 3);
	assert_int_equal(memory_generation(engine), memory);
	assert_status(dhp_memory_event_wait(me.events[0], 0), DHP_TIMED_OUT);
	assert_status(dhp_memory_event_wait(me.events[1], 0), DHP_TIMED_OUT);

	/* A memory module: the asynchronous channel and the memory event. */
	assert_ok(dhp_sim_memory_add(engine, 256 * MIB, 0));
	settle(&me);
	assert_heard(0, 0, 1, 0);
	assert_ok(dhp_memory_event_wait(me.events[1], 0));
	assert_false(holds(me.events[0]));

	/* Memory runs short: the memory event only. */
	assert_ok(dhp_memory_read(engine, &info));
	assert_ok(dhp_sim_memory_set(engine, info.total_bytes, info.low_bytes));
	settle(&me);
	assert_heard(0, 0, 0, 0);
	assert_ok(dhp_memory_event_wait(me.events[0], 0));
	assert_false(holds(me.events[1]));

	/* A rebalance for another reason is no news of a processor. */
	assert_ok(dhp_rebalance_request(engine));
	settle(&me);
	assert_heard(0, 0, 0, 3);
	leave_all(&me);
	end_engine(engine);
}

struct began {
	uint64_t by_arrival, otherwise;
};

static void on_rebalance(void *context, const struct dhp_rebalance_event *event)
{
	struct began *began = context;

	if (event->kind == DHP_REBALANCE_BEGAN)
		(void)bump(event->by_arrival ? &began->by_arrival : &began->otherwise);
}

static void only_a_processor_starts_a_rebalance_S001(void **state)
{
	struct dhp_engine *engine = begin();
	struct began began = { 0, 0 };
	const struct dhp_rebalance_options options = { .size = sizeof(options), .hook = on_rebalance, .context = &began };
	struct client me;

	(void)state;
	join_all(&me, engine, 0);
	assert_ok(dhp_rebalance_configure(engine, &options));
	assert_ok(dhp_sim_memory_add(engine, 256 * MIB, 0));
	assert_ok(dhp_sim_memory_set(engine, 64 * MIB, 0));
	settle(&me);
	assert_int_equal(peek(&began.by_arrival) + peek(&began.otherwise), 0);
	assert_ok(add_position(engine, 5));
	settle(&me);
	assert_int_equal(peek(&began.by_arrival), 1);
	assert_int_equal(peek(&began.otherwise), 0);
	assert_ok(dhp_rebalance_configure(engine, NULL));
	leave_all(&me);
	end_engine(engine);
}

/* ---- units are devices ---- */

struct names {
	uint32_t count;
	char names[64][48];
};

static void note_name(void *context, const struct dhp_arrival *arrival)
{
	struct names *names = context;

	(void)snprintf(names->names[names->count++ % 64], 48, "%s", arrival->name);
}

/* Those that exist, in their order. */
static void names_of(struct dhp_engine *engine, enum dhp_device_class device_class, struct names *names)
{
	struct dhp_arrival_notify *handle;

	*names = (struct names){ .count = 0 };
	assert_ok(dhp_arrival_register(engine, device_class, note_name, names, DHP_NOTIFY_EXISTING, &handle));
	assert_ok(dhp_arrival_unregister(handle));
}

static void assert_all_differ(const struct names *a, const struct names *b)
{
	for (uint32_t i = 0; i < a->count; i++)
		for (uint32_t k = 0; k < b->count; k++)
			if (a != b || i != k)
				assert_string_not_equal(a->names[i], b->names[k]);
}

/* Each with a class and a name of its own, which it keeps. */
static void a_processor_and_a_module_are_each_a_device_S002(void **state)
{
	struct dhp_engine *engine = begin_of(3);
	struct names processors, modules, later;
	uint32_t modules_before;
	struct client me;

	(void)state;
	join_all(&me, engine, 0);
	names_of(engine, DHP_CLASS_MEMORY, &modules);
	modules_before = modules.count;
	assert_true(modules_before > 0);
	add_positions(engine, 3, 7);
	for (uint32_t i = 0; i < 3; i++)
		assert_ok(dhp_sim_memory_add(engine, MIB, 0));
	settle(&me);
	names_of(engine, DHP_CLASS_PROCESSOR, &processors);
	names_of(engine, DHP_CLASS_MEMORY, &modules);
	assert_int_equal(processors.count, 7);
	assert_int_equal(modules.count, modules_before + 3);
	assert_all_differ(&processors, &processors);
	assert_all_differ(&modules, &modules);
	assert_all_differ(&processors, &modules);
	assert_heard(8, 4, 3, count_of(QUERIED) + count_of(STOPPED) + count_of(RESTARTED));
	assert_ok(dhp_rebalance_request(engine));
	add_positions(engine, 7, 9);
	settle(&me);
	names_of(engine, DHP_CLASS_PROCESSOR, &later);
	for (uint32_t i = 0; i < processors.count; i++)
		assert_string_equal(later.names[i], processors.names[i]);
	leave_all(&me);
	end_engine(engine);
}

/* A bridge shows by the devices below it, which appear as every device does, and nobody is told. */
static void a_bridge_has_no_channel_and_its_devices_just_appear_S007_S002(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_arrival_notify *handle = NULL;
	struct client me, below;
	struct dhp_counts before;

	(void)state;
	join_all(&me, engine, 0);
	before = counts_of(engine);
	for (uint32_t other = DHP_CLASS_MEMORY + 1; other < 64; other++)
		assert_status(dhp_arrival_register(engine, (enum dhp_device_class)other, on_arrival, &me, 0, &handle),
			      DHP_BAD_CLASS);
	assert_null(handle);
	join_all(&below, engine, 1);
	settle(&me);
	assert_int_equal(lines_count, 0);
	assert_int_equal(counts_of(engine).generation, before.generation);
	/* From then on it is a device as the others are. */
	assert_ok(add_position(engine, 3));
	settle(&me);
	settle(&below);
	assert_int_equal(count_of(RESTARTED), 2);
	assert_int_equal(count_of(PROCESSOR_CAME), 2);
	leave_all(&below);
	leave_all(&me);
	end_engine(engine);
}

/* ---- add, replace, and no removal ---- */

static void begin_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	if (status == DHP_OK)
		(void)dhp_request_complete(request);
	(void)bump(context);
}

static void processors_and_modules_can_be_added_and_replaced_S003(void **state)
{
	static struct picture before, after;
	struct dhp_memory_info memory_before, memory_after;
	struct dhp_engine *engine = begin_of(2);
	struct dhp_hold *hold;
	struct dhp_request request;
	struct client me;
	uint64_t begun = 0;

	(void)state;
	join_all(&me, engine, 0);
	assert_ok(dhp_hold_create(engine, begin_request, &begun, &hold));
	assert_ok(dhp_request_init(&request, hold, 0));
	assert_ok(dhp_memory_read(engine, &memory_before));
	assert_ok(add_position(engine, 6));
	assert_ok(dhp_sim_memory_add(engine, 64 * MIB, 0));
	settle(&me);
	assert_int_equal(active_count(engine), 3);
	assert_ok(dhp_memory_read(engine, &memory_after));
	assert_true(memory_after.total_bytes == memory_before.total_bytes + 64 * MIB);
	assert_int_equal(memory_after.modules_count, memory_before.modules_count + 1);

	/* Replaced: the requests wait, and neither processors nor memory have changed. */
	forget();
	picture_take(engine, &before);
	memory_before = memory_after;
	assert_ok(dhp_pause_all(engine, 0));
	assert_status(dhp_request_submit(&request), DHP_HELD);
	assert_int_equal(peek(&begun), 0);
	assert_ok(dhp_resume_all(engine));
	assert_int_equal(peek(&begun), 1);
	settle(&me);
	picture_take(engine, &after);
	assert_same_picture(&before, &after);
	assert_ok(dhp_memory_read(engine, &memory_after));
	assert_memory_equal(&memory_after, &memory_before, sizeof(memory_before));
	assert_int_equal(lines_count, 0);
	assert_ok(dhp_hold_destroy(hold));
	leave_all(&me);
	end_engine(engine);
}

/* Whatever the platform does, nobody hears of a removal: not by a state, not by an event, not by a smaller count. */
static void nothing_is_ever_removed_S003(void **state)
{
	struct dhp_engine *engine = begin_of(2);
	struct dhp_memory_info before, after;
	struct client me;

	(void)state;
	join_all(&me, engine, 0);
	add_positions(engine, 2, 6);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 6), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, 6), DHP_NO_THREAD);
	assert_ok(dhp_sim_memory_add(engine, 64 * MIB, 0));
	settle(&me);
	assert_int_equal(count_of(STARTED), 5);
	assert_int_equal(count_of(COMPLETED), 4);
	assert_int_equal(count_of(FAILED), 1);
	assert_int_equal(count_of(GONE), 0);
	forget();
	assert_ok(dhp_memory_read(engine, &before));
	for (uint32_t position = 1; position < 6; position++) {
		uint32_t index = 0, cpu = dhp_sim_cpu(engine, position);

		assert_ok(dhp_sim_set_usable(engine, cpu, false));
		assert_int_equal(active_count(engine), 6);
		assert_ok(dhp_index_of_cpu(engine, cpu, &index));
		assert_int_equal(index, position);
	}
	assert_ok(dhp_sim_memory_set(engine, before.total_bytes / 2, 0));
	settle(&me);
	assert_int_equal(counts_of(engine).usable, 1);
	assert_ok(dhp_memory_read(engine, &after));
	assert_int_equal(after.modules_count, before.modules_count);
	assert_int_equal(lines_count, count_of(CHANGED)); /* the extension channel, which Windows has not for this */
	leave_all(&me);
	end_engine(engine);
}

/* ---- when ---- */

/* The index a line speaks of, or DHP_NO_INDEX. */
static uint32_t subject(const struct line *line, const struct names *names, uint64_t generation_minus_active)
{
	switch (line->what) {
	case STARTED:
	case COMPLETED:
	case FAILED:
		return line->index;
	case PROCESSOR_CAME:
		for (uint32_t i = 0; i < names->count; i++)
			if (strcmp(names->names[i], line->name) == 0)
				return i;
		return DHP_NO_INDEX;
	case RESTARTED:
		return line->index - 1; /* the newest it knows of */
	case CHANGED:
		return (uint32_t)(line->generation - generation_minus_active) - 1;
	case MODULE_CAME:
	case GONE:
	case QUERIED:
	case STOPPED:
	case WHATS:
		break;
	}
	return DHP_NO_INDEX;
}

static void start_is_the_first_news_on_any_channel_S010(void **state)
{
	struct dhp_engine *engine = begin();
	struct dhp_counts counts = counts_of(engine);
	struct client clients[3];
	struct names names;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		join_all(&clients[i], engine, i);
	add_positions(engine, 1, MAXIMUM);
	for (uint32_t i = 0; i < 3; i++)
		settle(&clients[i]);
	names_of(engine, DHP_CLASS_PROCESSOR, &names);
	for (uint32_t index = 1; index < MAXIMUM; index++) {
		uint32_t about = 0;

		/* All three have had Start before anybody hears anything else about the processor. */
		for (uint32_t i = 0; i < lines_count; i++) {
			if (subject(&lines[i], &names, counts.generation - counts.active) != index)
				continue;
			assert_true((lines[i].what == STARTED) == (about < 3));
			about++;
		}
		assert_true(about >= 9); /* Start, Complete and arrival of each */
	}
	for (uint32_t i = 0; i < 3; i++)
		leave_all(&clients[i]);
	end_engine(engine);
}

/* Of a processor that does not come nobody hears but by Start and Failure. */
static void a_processor_that_fails_is_news_of_one_channel_S010_S021(void **state)
{
	struct dhp_engine *engine = begin();
	struct client me;

	(void)state;
	join_all(&me, engine, 0);
	assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 4), DHP_STEP_BRING_UP, DHP_NO_THREAD));
	assert_status(add_position(engine, 4), DHP_NO_THREAD);
	settle(&me);
	assert_int_equal(lines_count, 2);
	assert_int_equal(lines[0].what, STARTED);
	assert_int_equal(lines[1].what, FAILED);
	assert_int_equal(lines[1].status, DHP_NO_THREAD);
	leave_all(&me);
	end_engine(engine);
}

/* ---- failures after which the system goes on ---- */

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(context);
}

static void assert_goes_on(struct dhp_engine *engine)
{
	struct dhp_dpc dpc;
	uint64_t runs = 0;

	for (uint32_t index = 0; index < active_count(engine); index++) {
		assert_ok(dhp_dpc_init(&dpc, engine, count_run, &runs));
		assert_ok(dhp_dpc_set_target(&dpc, index));
		assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
		assert_ok(dhp_dpc_flush(engine));
		assert_int_equal(peek(&runs), index + 1);
	}
	assert_consistent(engine);
}

static void assert_failure_told(enum dhp_status reason, uint32_t index)
{
	assert_int_equal(lines_count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		assert_int_equal(lines[i].what, i < 3 ? STARTED : FAILED);
		assert_int_equal(lines[i].who, i % 3);
		assert_int_equal(lines[i].index, index);
		assert_int_equal(lines[i].status, i < 3 ? DHP_OK : reason);
	}
	forget();
}

/* S-021: a failure need not be told if it stops the machine; here none does. */
static void whenever_the_system_goes_on_failure_is_told_S021(void **state)
{
	static const enum dhp_status reasons[] = { DHP_NO_THREAD, DHP_NO_MEMORY, DHP_NO_AFFINITY, DHP_INJECTED };
	struct dhp_engine *engine = begin_of(2);
	struct client clients[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		join_all(&clients[i], engine, i);
	for (uint32_t i = 0; i < LENGTH(reasons); i++) {
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), DHP_STEP_BRING_UP, reasons[i]));
		assert_status(add_position(engine, 2), reasons[i]);
		settle(&clients[0]);
		assert_failure_told(reasons[i], 2);
		assert_goes_on(engine);
	}
	clients[1].vetoes = 2;
	assert_status(add_position(engine, 2), DHP_VETOED);
	settle(&clients[0]);
	assert_failure_told(DHP_VETOED, 2);
	assert_goes_on(engine);
	clients[1].vetoes = DHP_NO_INDEX;
	/* Who has not had Start need not hear of the end. */
	for (uint32_t step = DHP_STEP_RESERVE; step <= DHP_STEP_START; step++) {
		assert_ok(dhp_sim_fail(engine, dhp_sim_cpu(engine, 2), (enum dhp_step)step, DHP_INJECTED));
		assert_status(add_position(engine, 2), DHP_INJECTED);
		settle(&clients[0]);
		assert_int_equal(lines_count, 0);
		assert_goes_on(engine);
	}
	assert_ok(add_position(engine, 2));
	assert_goes_on(engine);
	for (uint32_t i = 0; i < 3; i++)
		leave_all(&clients[i]);
	end_engine(engine);
}

/* ---- a processor that is told of on several channels ---- */

enum { BY_COMPLETE, BY_ARRIVAL, BY_REBALANCE, BY_CHANGE, WAYS };

/* Does the same in each handler: whatever is there and not yet attended to. */
struct greeter {
	struct dhp_engine *engine;
	pthread_mutex_t lock;
	bool attended[MAXIMUM];
	uint32_t attended_by[WAYS];  /* who came first */
	uint32_t called[WAYS];
	uint32_t found_done[WAYS];   /* calls that found nothing left to do */
	uint32_t wrong;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrival;
	struct dhp_change_notify *change;
	struct dhp_device *device;
};

static void attend(struct greeter *me, uint32_t way)
{
	uint32_t active = active_count(me->engine), fresh = 0;

	(void)pthread_mutex_lock(&me->lock);
	me->wrong += active > MAXIMUM;
	for (uint32_t index = 0; index < active && index < MAXIMUM; index++) {
		fresh += !me->attended[index];
		me->attended[index] = true;
	}
	me->called[way]++;
	me->attended_by[way] += fresh;
	me->found_done[way] += fresh == 0;
	(void)pthread_mutex_unlock(&me->lock);
}

static void greet_complete(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status;
	if (change->state == DHP_CHANGE_COMPLETE)
		attend(context, BY_COMPLETE);
}

static void greet_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	attend(context, BY_ARRIVAL);
}

static enum dhp_status greet_start(void *context, const struct dhp_device_call *call)
{
	(void)call;
	attend(context, BY_REBALANCE);
	return DHP_OK;
}

static void greet_change(void *context, uint64_t generation)
{
	(void)generation;
	attend(context, BY_CHANGE);
}

static void greeter_join(struct greeter *me, struct dhp_engine *engine, bool synchronous, bool changes)
{
	const struct dhp_driver driver = { .start = greet_start, .context = me };
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	memset(me, 0, sizeof(*me));
	me->engine = engine;
	(void)pthread_mutex_init(&me->lock, NULL);
	me->attended[0] = true;
	if (synchronous)
		assert_ok(dhp_notify_register(engine, greet_complete, me, 0, &me->notify));
	if (changes)
		assert_ok(dhp_change_register(engine, greet_change, me, NULL, &me->change));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, greet_arrival, me, 0, &me->arrival));
	assert_ok(dhp_device_register(engine, &options, &me->device));
}

static void greeter_leave(struct greeter *me)
{
	assert_ok(dhp_notify_unregister(me->notify));
	assert_ok(dhp_arrival_unregister(me->arrival));
	assert_ok(dhp_change_unregister(me->change));
	assert_ok(dhp_device_unregister(me->device));
	assert_int_equal(me->wrong, 0);
	(void)pthread_mutex_destroy(&me->lock);
}

static void each_handler_copes_with_work_done_by_another_S019(void **state)
{
	struct dhp_engine *engine = begin();
	struct greeter me;

	(void)state;
	greeter_join(&me, engine, true, false);
	for (uint32_t position = 1; position < 5; position++) {
		assert_ok(add_position(engine, position));
		assert_ok(dhp_arrival_drain(engine));
		assert_ok(dhp_rebalance_drain(engine));
		assert_true(me.attended[position]);
	}
	/* Complete comes first, and the others find its work done. */
	assert_int_equal(me.attended_by[BY_COMPLETE], 4);
	for (uint32_t way = BY_COMPLETE; way <= BY_REBALANCE; way++)
		assert_int_equal(me.called[way], 4);
	assert_int_equal(me.found_done[BY_ARRIVAL], 4);
	assert_int_equal(me.found_done[BY_REBALANCE], 4);
	greeter_leave(&me);
	end_engine(engine);
}

/* Between arrival and rebalance either may be the first (S-017): here the rebalance is. */
static void the_rebalance_may_come_before_the_arrival_S019(void **state)
{
	struct dhp_engine *engine = begin();
	struct greeter me;

	(void)state;
	greeter_join(&me, engine, false, false);
	assert_ok(dhp_sim_arrivals_hold(engine, true));
	assert_ok(add_position(engine, 7));
	assert_ok(dhp_rebalance_drain(engine));
	assert_int_equal(me.called[BY_ARRIVAL], 0);
	assert_int_equal(me.attended_by[BY_REBALANCE], 1);
	assert_ok(dhp_sim_arrivals_hold(engine, false));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(me.called[BY_ARRIVAL], 1);
	assert_int_equal(me.found_done[BY_ARRIVAL], 1);
	greeter_leave(&me);
	end_engine(engine);
}

static void a_burst_is_attended_to_whichever_channel_is_first_S019(void **state)
{
	struct dhp_engine *engine = begin();
	struct greeter me;
	uint32_t sum = 0;

	(void)state;
	greeter_join(&me, engine, true, true);
	add_positions(engine, 1, MAXIMUM);
	assert_ok(dhp_arrival_drain(engine));
	assert_ok(dhp_rebalance_drain(engine));
	greeter_leave(&me);
	for (uint32_t index = 0; index < MAXIMUM; index++)
		assert_true(me.attended[index]);
	for (uint32_t way = 0; way < WAYS; way++)
		sum += me.attended_by[way];
	assert_int_equal(sum, MAXIMUM - 1);
	assert_int_equal(me.called[BY_COMPLETE], MAXIMUM - 1);
	assert_int_equal(me.called[BY_ARRIVAL], MAXIMUM - 1);
	assert_true(me.called[BY_REBALANCE] > 0); /* merged over a burst */
	assert_true(me.called[BY_CHANGE] > 0);
	end_engine(engine);
}

/* ---- Complete or arrival ---- */

/* What a driver does about a processor that is up. */
struct settler {
	struct dhp_engine *engine;
	bool in_arrival; /* else in Complete */
	uint32_t known;  /* processors it has dealt with */
	uint32_t *buffers;
	uint64_t runs, elsewhere, refused, visited;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrival;
	struct dhp_counter *counter;
};

static void run_there(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct settler *me = context;

	(void)dpc;
	(void)argument_2;
	if (dhp_index_here(me->engine) != (uint32_t)(uintptr_t)argument_1)
		(void)bump(&me->elsewhere);
	dhp_counter_add(me->counter, 1);
	(void)__atomic_fetch_add(&me->runs, 1, __ATOMIC_RELEASE); /* the object goes with the frame of who waits */
}

/* A larger buffer, a DPC that is waited for, a thread that goes there. */
static void settle_in(struct settler *me, uint32_t index)
{
	uint32_t *larger = realloc(me->buffers, (index + 1) * sizeof(*larger));
	uint64_t runs = peek(&me->runs);
	struct dhp_affinity affinity = { .mask = 0 }, previous;
	struct dhp_processor row = { .index = 0 };
	struct dhp_dpc dpc;

	me->refused += larger == NULL;
	if (larger != NULL)
		me->buffers = larger;
	me->buffers[index] = index;
	me->refused += dhp_dpc_init(&dpc, me->engine, run_there, me) != DHP_OK;
	me->refused += dhp_dpc_set_target(&dpc, index) != DHP_OK;
	me->refused += dhp_dpc_set_importance(&dpc, DHP_IMPORTANCE_MEDIUM_HIGH) != DHP_OK;
	me->refused += dhp_dpc_insert(&dpc, (void *)(uintptr_t)index, NULL) != DHP_OK;
	me->refused += !wait_for_count(&me->runs, runs + 1) || __atomic_load_n(&me->runs, __ATOMIC_ACQUIRE) <= runs;
	me->refused += dhp_processor_at(me->engine, index, &row) != DHP_OK;
	affinity.mask = (uint64_t)1 << row.number.number;
	affinity.group = row.number.group;
	me->refused += dhp_thread_affinity_set(me->engine, &affinity, &previous) != DHP_OK;
	me->visited += dhp_index_here(me->engine) == index;
	me->refused += dhp_thread_affinity_revert(me->engine, &previous) != DHP_OK;
}

static void settle_all(struct settler *me)
{
	uint32_t active = active_count(me->engine);

	while (me->known < active)
		settle_in(me, me->known++);
}

static void settle_in_complete(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct settler *me = context;

	(void)status;
	if (change->state == DHP_CHANGE_COMPLETE && !me->in_arrival)
		settle_all(me);
}

static void settle_in_arrival(void *context, const struct dhp_arrival *arrival)
{
	(void)arrival;
	settle_all(context);
}

static void settler_join(struct settler *me, struct dhp_engine *engine, bool in_arrival)
{
	*me = (struct settler){ .engine = engine, .in_arrival = in_arrival };
	assert_ok(dhp_counter_create(engine, &me->counter));
	settle_all(me);
	assert_ok(dhp_notify_register(engine, settle_in_complete, me, 0, &me->notify));
	if (in_arrival)
		assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, settle_in_arrival, me, 0, &me->arrival));
}

static void settler_leave(struct settler *me)
{
	assert_ok(dhp_notify_unregister(me->notify));
	assert_ok(dhp_arrival_unregister(me->arrival));
	assert_ok(dhp_counter_destroy(me->counter));
	free(me->buffers);
}

static void assert_settled(const struct settler *me, uint32_t active)
{
	assert_int_equal(me->known, active);
	assert_int_equal(me->runs, active);
	assert_int_equal(me->visited, active);
	assert_int_equal(me->elsewhere, 0);
	assert_int_equal(me->refused, 0);
	assert_int_equal(dhp_counter_sum(me->counter), active);
	for (uint32_t index = 0; index < active; index++)
		assert_int_equal(me->buffers[index], index);
}

static void what_is_for_complete_may_be_done_in_the_arrival_S016(void **state)
{
	struct dhp_engine *engine = begin();
	struct settler early, late;

	(void)state;
	settler_join(&early, engine, false);
	settler_join(&late, engine, true);
	assert_ok(dhp_sim_arrivals_hold(engine, true));
	add_positions(engine, 1, 9);
	assert_settled(&early, 9);
	assert_settled(&late, 1); /* its Complete did nothing, which nobody minds */
	assert_goes_on(engine);
	assert_ok(dhp_sim_arrivals_hold(engine, false));
	assert_ok(dhp_arrival_drain(engine));
	assert_settled(&late, 9);
	settler_leave(&late);
	settler_leave(&early);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_channels_and_what_each_covers_S001),
		cmocka_unit_test(only_a_processor_starts_a_rebalance_S001),
		cmocka_unit_test(a_processor_and_a_module_are_each_a_device_S002),
		cmocka_unit_test(a_bridge_has_no_channel_and_its_devices_just_appear_S007_S002),
		cmocka_unit_test(processors_and_modules_can_be_added_and_replaced_S003),
		cmocka_unit_test(nothing_is_ever_removed_S003),
		cmocka_unit_test(start_is_the_first_news_on_any_channel_S010),
		cmocka_unit_test(a_processor_that_fails_is_news_of_one_channel_S010_S021),
		cmocka_unit_test(whenever_the_system_goes_on_failure_is_told_S021),
		cmocka_unit_test(each_handler_copes_with_work_done_by_another_S019),
		cmocka_unit_test(the_rebalance_may_come_before_the_arrival_S019),
		cmocka_unit_test(a_burst_is_attended_to_whichever_channel_is_first_S019),
		cmocka_unit_test(what_is_for_complete_may_be_done_in_the_arrival_S016),
	};

	return cmocka_run_group_tests_name("channels_together", tests, NULL, NULL);
}
