/* SPDX-License-Identifier: BSD-2-Clause */
#include "calls.h"

#include <stdlib.h>

#include <dhp/wdk.h>

#include "chronicle.h"

static void count_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(context);
}

static void count_items(void *context, void *const *items, uint32_t count)
{
	(void)context;
	for (uint32_t i = 0; i < count; i++)
		(void)bump(items[i]);
}

static void reclaim(struct dhp_deferred *deferred)
{
	poke(&((struct actors_deferred *)(void *)deferred)->waits, 0); /* its first member */
}

static void visit(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)slot;
	(void)processor;
	++*(uint64_t *)context;
}

static void pass(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)request;
	(void)context;
	(void)status;
}

/* ---- who waits for an event ---- */

struct windows {
	KEVENT event;
	KSEMAPHORE semaphore;
	uint64_t ends, woken;
	struct helper waiter;
};

static struct windows windows; /* one world at a time */

static void *wait_again_and_again(void *argument)
{
	struct windows *shared = argument;

	do {
		(void)KeWaitForSingleObject(&shared->event, Executive, KernelMode, FALSE, NULL);
		(void)bump(&shared->woken);
	} while (peek(&shared->ends) == 0);
	return NULL;
}

static void windows_begin(struct world *world)
{
	windows = (struct windows){ .ends = 0 };
	KeInitializeEvent(&windows.event, SynchronizationEvent, FALSE);
	KeInitializeSemaphore(&windows.semaphore, 0, INT32_MAX);
	world->windows = &windows;
	helper_start(&windows.waiter, wait_again_and_again, &windows);
}

static void windows_end(void)
{
	poke(&windows.ends, 1);
	(void)KeSetEvent(&windows.event, 0, FALSE);
	helper_join(&windows.waiter);
	assert_true(peek(&windows.woken) > 0);
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	(void)context;
	(void)change;
	(void)veto;
}

static enum dhp_status agree(void *context, const struct dhp_device_call *call)
{
	(void)context;
	(void)call;
	return DHP_OK;
}

/* ---- the calls ---- */

#define CALL(function) static void function(struct actor *actor)

CALL(names)
{
	actor->sink += (uintptr_t)dhp_status_name(DHP_NO_MEMORY) + (uintptr_t)dhp_status_text((enum dhp_status)-9999) +
		       (uintptr_t)dhp_memory_condition_name(DHP_MEMORY_LOW);
}

CALL(levels)
{
	enum dhp_level before = dhp_level_raise(DHP_DISPATCH);

	actor->sink += (uint64_t)dhp_level();
	dhp_level_lower(before);
}

CALL(change_query)
{
	uint64_t masks[4];
	struct dhp_snapshot snapshot = { .masks_capacity = 4, .active_masks = masks };

	actor->sink += (uint64_t)dhp_change_query(actor->world->engine, NULL, &snapshot);
}

CALL(counter_sum)
{
	actor->sink += dhp_counter_sum(actor->world->counter);
}

CALL(counter_add)
{
	dhp_counter_add(actor->world->counter, 1);
}

CALL(reader)
{
	struct dhp_reader *reader;

	if (dhp_reader_join(actor->world->engine, &reader) == DHP_OK)
		(void)dhp_reader_leave(reader);
}

/* Whoever was stopped often enough has none left. */
CALL(reader_leave)
{
	if (actor->spares_left > 0)
		(void)dhp_reader_leave(actor->spares[--actor->spares_left]);
}

CALL(section)
{
	dhp_epoch_enter(actor->reader);
	dhp_epoch_exit(actor->reader);
}

CALL(defer)
{
	struct actors_deferred *next = &actor->deferred[actor->deferred_next % ACTOR_DEFERRED];

	if (peek(&next->waits) != 0) /* all wait for one section */
		return;
	actor->deferred_next++;
	poke(&next->waits, 1);
	(void)dhp_epoch_defer(actor->world->engine, &next->deferred, reclaim);
}

/* Between two calls it is over: it completes in its call, and nothing is held. */
CALL(request_init)
{
	(void)dhp_request_init(&actor->request, actor->world->hold, 0);
}

CALL(request)
{
	if (dhp_request_submit(&actor->request) == DHP_OK)
		(void)dhp_request_complete(&actor->request);
}

CALL(memory_event_query)
{
	bool signalled;

	(void)dhp_memory_event_query(actor->world->event, &signalled);
}

CALL(stats)
{
	struct dhp_processor_stats processor;
	struct dhp_engine_stats engine;
	struct dhp_notify_stats notify;
	struct dhp_rebalance_stats rebalance;

	(void)dhp_processor_stats_read(actor->world->engine, 0, &processor);
	(void)dhp_engine_stats_read(actor->world->engine, &engine);
	(void)dhp_notify_stats_read(actor->world->notify, &notify);
	(void)dhp_rebalance_stats_read(actor->world->engine, &rebalance);
}

CALL(counts_read)
{
	struct dhp_counts counts;

	actor->sink += (uint64_t)dhp_counts_read(actor->world->engine, &counts);
}

CALL(snapshot_take)
{
	uint64_t active[4], usable[4];
	struct dhp_snapshot snapshot = { .masks_capacity = 4, .active_masks = active, .usable_masks = usable };

	(void)dhp_snapshot_take(actor->world->engine, &snapshot);
}

CALL(processor_at)
{
	struct dhp_processor processor;
	uint32_t index;

	(void)dhp_processor_at(actor->world->engine, 1, &processor);
	(void)dhp_index_of_number(actor->world->engine, processor.number, &index);
	(void)dhp_index_of_cpu(actor->world->engine, processor.cpu, &index);
	actor->sink += dhp_index_here(actor->world->engine) + dhp_maximum_count(actor->world->engine, 0);
}

CALL(active)
{
	uint64_t mask;

	actor->sink += dhp_active_mask(actor->world->engine, 0) + dhp_active_count(actor->world->engine, 0, &mask) +
		       dhp_old_group(actor->world->engine);
}

CALL(nodes)
{
	uint64_t mask;

	actor->sink += dhp_node_active_count(actor->world->engine, 0, 0, &mask);
}

CALL(slots)
{
	actor->sink += (uintptr_t)dhp_percpu_at(actor->world->array, 0) + (uintptr_t)dhp_percpu_fallback(actor->world->array) +
		       (uintptr_t)dhp_percpu_here(actor->world->array);
}

CALL(percpu_each)
{
	(void)dhp_percpu_each(actor->world->array, visit, &actor->sink, NULL);
}

CALL(device)
{
	enum dhp_device_state state;

	(void)dhp_device_state_read(actor->world->device, &state);
	(void)dhp_device_set_policy(actor->world->device, DHP_POLICY_IN);
	(void)dhp_setup_class_set(actor->world->engine, DHP_SETUP_NETWORK, DHP_OPT_OUT_FALSE);
}

CALL(feed_pick)
{
	uint32_t index;

	(void)dhp_feed_pick(actor->world->feed, &index);
}

CALL(feed)
{
	actor->sink += dhp_feed_mask(actor->world->feed, 0);
	(void)dhp_feed_enable(actor->world->feed, true);
}

CALL(replay)
{
	struct dhp_replay *replay = NULL;

	if (dhp_replay_open(actor->world->tape->text, actor->world->tape->length, &replay, NULL) == DHP_OK)
		(void)dhp_replay_close(replay);
}

CALL(rundown)
{
	if (dhp_rundown_acquire(&actor->world->rundown, 2) == DHP_OK)
		(void)dhp_rundown_release(&actor->world->rundown, 2);
}

CALL(rundown_init)
{
	(void)dhp_rundown_init(&actor->rundown);
}

CALL(rundown_again)
{
	(void)dhp_rundown_wait(&actor->rundown); /* nobody has a reference */
	(void)dhp_rundown_completed(&actor->rundown);
	(void)dhp_rundown_reinit(&actor->rundown);
}

CALL(rundown_percpu)
{
	if (dhp_rundown_percpu_acquire(actor->world->rundown_percpu, 1) == DHP_OK)
		(void)dhp_rundown_percpu_release(actor->world->rundown_percpu, 1);
}

CALL(rundown_percpu_init)
{
	struct dhp_rundown_percpu *made;
	size_t bytes = dhp_rundown_percpu_bytes(actor->world->engine);

	(void)dhp_rundown_percpu_init(actor->world->engine, actor->memory, bytes, &made);
}

CALL(rundown_percpu_again)
{
	(void)dhp_rundown_percpu_wait(actor->rundown_done); /* likewise */
	(void)dhp_rundown_percpu_completed(actor->rundown_done);
	(void)dhp_rundown_percpu_reinit(actor->rundown_done);
}

CALL(sim)
{
	struct dhp_engine *engine = actor->world->engine;
	const struct dhp_number number = { .group = 0, .number = 1 };

	actor->sink += dhp_sim_position(engine, number);
	(void)dhp_sim_enter(engine, dhp_sim_cpu(engine, 1));
	(void)dhp_index_here(engine);
	dhp_sim_exit();
}

CALL(token)
{
	struct dhp_affinity_token *made = NULL;

	if (dhp_affinity_token_create(actor->world->engine, &made) == DHP_OK)
		(void)dhp_affinity_token_destroy(made);
}

#if DHP_CHECKS < 2
CALL(timer_init)
{
	(void)dhp_timer_init(&actor->timer, actor->world->engine);
}
#endif

/* An object of its own, not in use. */
CALL(dpc)
{
	struct dhp_dpc dpc;
	struct dhp_watchdog watchdog;

	(void)dhp_dpc_init(&dpc, actor->world->engine, count_run, &actor->runs);
	(void)dhp_dpc_init_threaded(&dpc, actor->world->engine, count_run, &actor->runs);
	(void)dhp_dpc_set_importance(&dpc, DHP_IMPORTANCE_HIGH);
	(void)dhp_dpc_set_target(&dpc, 1);
	(void)dhp_dpc_watchdog_read(&watchdog);
	actor->sink += dhp_dpc_should_yield();
}

/* To each processor, at the head and at the tail, and to whoever is idle; and one object that both insert. */
CALL(dpc_insert)
{
	for (uint32_t i = 0; i < ACTOR_DPCS; i++)
		actor->inserted += dhp_dpc_insert(&actor->dpcs[i], NULL, NULL) == DHP_OK;
	(void)dhp_dpc_insert(&actor->world->dpc, NULL, NULL);
}

/* Of several ways; and the one that all insert. */
CALL(dpc_insert_batch)
{
	struct dhp_dpc *dpcs[ACTOR_DPCS], *shared = &actor->world->dpc;
	size_t inserted;

	for (uint32_t i = 0; i < ACTOR_DPCS; i++)
		dpcs[i] = &actor->dpcs[i];
	(void)dhp_dpc_insert_batch(dpcs, ACTOR_DPCS, NULL, NULL, &inserted);
	actor->inserted += inserted;
	(void)dhp_dpc_insert_batch(&shared, 1, NULL, NULL, NULL);
}

/* It runs when all go on: who was stopped may have been about to ring. */
CALL(lanes_push)
{
	if (dhp_lanes_push(actor->world->lanes, &actor->world->items_run) == DHP_OK)
		(void)bump(&actor->world->items_pushed);
}

/* One allocation after one free finds the block where that left it. */
CALL(lookaside)
{
	dhp_lookaside_free(actor->world->list, dhp_lookaside_allocate(actor->world->list));
}

/* ---- the Windows names that are more than another name ---- */

CALL(wdk_status)
{
	UNICODE_STRING text;

	actor->sink += (uint64_t)dhp_wdk_status(DHP_NO_MEMORY);
	RtlInitUnicodeString(&text, L"text");
}

CALL(wdk_numbers)
{
	PROCESSOR_NUMBER number;
	KAFFINITY mask;
	GROUP_AFFINITY affinity;
	USHORT count;

	actor->sink += KeQueryActiveProcessorCount(&mask) + KeQueryActiveProcessorCountEx(0) +
		       KeQueryMaximumProcessorCount() + KeQueryMaximumProcessorCountEx(0);
	actor->sink += KeQueryActiveProcessors() + KeQueryGroupAffinity(0) + KeQueryActiveGroupCount() +
		       KeQueryMaximumGroupCount();
	actor->sink += KeGetCurrentProcessorNumber() + KeGetCurrentProcessorNumberEx(&number) + KeGetCurrentProcessorIndex();
	(void)KeGetProcessorNumberFromIndex(1, &number);
	actor->sink += KeGetProcessorIndexFromNumber(&number) + KeQueryHighestNodeNumber();
	KeQueryNodeActiveAffinity(0, &affinity, &count);
	(void)KeQueryNodeActiveAffinity2(0, &affinity, 1, &count);
	actor->sink += KeQueryNodeActiveProcessorCount(0);
}

CALL(wdk_relations)
{
	static _Thread_local char room[4096];
	ULONG length = sizeof(room);

	actor->sink += (uint64_t)KeQueryLogicalProcessorRelationship(
		NULL, RelationAll, (PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX)(void *)room, &length);
}

CALL(wdk_levels)
{
	KDPC_WATCHDOG_INFORMATION watchdog;
	KIRQL old, older;

	(void)KeQueryDpcWatchdogInformation(&watchdog);
	actor->sink += KeShouldYieldProcessor() + (uint64_t)KeIsExecutingDpc();
	KeEnterCriticalRegion();
	KeRaiseIrql(APC_LEVEL, &old);
	older = KfRaiseIrql(DISPATCH_LEVEL);
	KeLowerIrql(KeRaiseIrqlToDpcLevel());
	actor->sink += KeGetCurrentIrql();
	KeLowerIrql(older);
	KeLowerIrql(old);
	KeLeaveCriticalRegion();
}

/* Of the world's event there is always a waiter, asleep or about to be. */
CALL(wdk_events)
{
	struct windows *shared = actor->world->windows;
	KEVENT event;
	KSEMAPHORE semaphore;

	KeInitializeEvent(&event, NotificationEvent, FALSE);
	KeInitializeSemaphore(&semaphore, 1, 2);
	actor->sink += (uint64_t)KeReadStateSemaphore(&semaphore) + (uint64_t)KeReadStateSemaphore(&shared->semaphore);
	actor->sink += (uint64_t)KeSetEvent(&shared->event, 0, FALSE) + (uint64_t)KeReadStateEvent(&shared->event);
	KeClearEvent(&event);
}

CALL(wdk_semaphore)
{
	(void)KeReleaseSemaphore(&actor->world->windows->semaphore, 0, 1, FALSE);
}

CALL(wdk_times)
{
	ULONG64 stamp;
	LARGE_INTEGER time;

	actor->sink += KeQueryInterruptTime() + KeQueryUnbiasedInterruptTimePrecise(&stamp);
	KeQueryTickCount(&time);
	KeQuerySystemTime(&time);
}

const struct call calls[] = {
	{ "dhp_status_name dhp_status_text dhp_memory_condition_name", WAIT_FREE, NOTHING, names },
	{ "dhp_level dhp_level_raise dhp_level_lower", WAIT_FREE, NOTHING, levels },
	{ "dhp_change_query", LOCK_FREE, NOTHING, change_query },
	{ "dhp_counter_sum", LOCK_FREE, NOTHING, counter_sum },
	{ "dhp_counter_add", LOCK_FREE, NOTHING, counter_add },
	{ "dhp_reader_join", LOCK_FREE, MEMORY, reader },
	{ "dhp_reader_leave", WAIT_FREE, NOTHING, reader_leave },
	{ "dhp_epoch_enter dhp_epoch_exit", WAIT_FREE, NOTHING, section },
	{ "dhp_epoch_defer", LOCK_FREE, NOTHING, defer },
	{ "dhp_request_init", WAIT_FREE, NOTHING, request_init },
	{ "dhp_request_submit dhp_request_complete", LOCK_FREE, NO_HOLD, request },
	{ "dhp_memory_event_query", WAIT_FREE, NOTHING, memory_event_query },
	{ "dhp_processor_stats_read dhp_engine_stats_read dhp_notify_stats_read dhp_rebalance_stats_read", WAIT_FREE, NOTHING,
	  stats },
	{ "dhp_counts_read", LOCK_FREE, NOTHING, counts_read },
	{ "dhp_snapshot_take", LOCK_FREE, NOTHING, snapshot_take },
	{ "dhp_processor_at dhp_index_of_number dhp_index_of_cpu dhp_index_here dhp_maximum_count", WAIT_FREE, NOTHING,
	  processor_at },
	{ "dhp_active_mask dhp_active_count dhp_old_group", LOCK_FREE, NOTHING, active },
	{ "dhp_node_active_count", WAIT_FREE, NOTHING, nodes },
	{ "dhp_percpu_at dhp_percpu_fallback dhp_percpu_here", WAIT_FREE, NOTHING, slots },
	{ "dhp_percpu_each", LOCK_FREE, NOTHING, percpu_each },
	{ "dhp_device_state_read dhp_device_set_policy dhp_setup_class_set", WAIT_FREE, NOTHING, device },
	{ "dhp_feed_pick", LOCK_FREE, NOTHING, feed_pick },
	{ "dhp_feed_mask dhp_feed_enable", WAIT_FREE, NOTHING, feed },
	{ "dhp_replay_open dhp_replay_close", WAIT_FREE, MEMORY, replay },
	{ "dhp_rundown_init", WAIT_FREE, NOTHING, rundown_init },
	{ "dhp_rundown_acquire dhp_rundown_release", LOCK_FREE, NOTHING, rundown },
	{ "dhp_rundown_completed dhp_rundown_reinit", LOCK_FREE, NOTHING, rundown_again },
	{ "dhp_rundown_percpu_acquire dhp_rundown_percpu_release", WAIT_FREE, NOTHING, rundown_percpu },
	{ "dhp_rundown_percpu_bytes dhp_rundown_percpu_init", WAIT_FREE, NOTHING, rundown_percpu_init },
	{ "dhp_rundown_percpu_completed dhp_rundown_percpu_reinit", LOCK_FREE, NOTHING, rundown_percpu_again },
	{ "dhp_sim_cpu dhp_sim_position dhp_sim_enter dhp_sim_exit", WAIT_FREE, NOTHING, sim },
	{ "dhp_affinity_token_create dhp_affinity_token_destroy", WAIT_FREE, MEMORY, token },
	#if DHP_CHECKS < 2 /* otherwise it asks, under a lock, whether the timer is set */
	{ "dhp_timer_init", WAIT_FREE, NOTHING, timer_init },
#endif
	{ "dhp_dpc_init dhp_dpc_init_threaded dhp_dpc_set_importance dhp_dpc_set_target dhp_dpc_watchdog_read "
	  "dhp_dpc_should_yield", WAIT_FREE, NOTHING, dpc },
	{ "dhp_dpc_insert", LOCK_FREE, NOTHING, dpc_insert },
	{ "dhp_dpc_insert_batch", LOCK_FREE, NOTHING, dpc_insert_batch },
	{ "dhp_lookaside_allocate dhp_lookaside_free", LOCK_FREE, MEMORY, lookaside },
	{ "dhp_lanes_push", LOCK_FREE, NOTHING, lanes_push },
	{ "dhp_wdk_status RtlInitUnicodeString", WAIT_FREE, NOTHING, wdk_status },
	{ "KeQueryActiveProcessorCount KeQueryActiveProcessorCountEx KeQueryMaximumProcessorCount "
	  "KeQueryMaximumProcessorCountEx KeQueryActiveProcessors KeQueryGroupAffinity KeQueryActiveGroupCount "
	  "KeQueryMaximumGroupCount KeGetCurrentProcessorNumber KeGetCurrentProcessorNumberEx KeGetCurrentProcessorIndex "
	  "KeGetProcessorNumberFromIndex KeGetProcessorIndexFromNumber KeQueryHighestNodeNumber KeQueryNodeActiveAffinity "
	  "KeQueryNodeActiveAffinity2 KeQueryNodeActiveProcessorCount", LOCK_FREE, NOTHING,
	  wdk_numbers },
	{ "KeQueryLogicalProcessorRelationship", LOCK_FREE, NOTHING, wdk_relations },
	{ "KeQueryDpcWatchdogInformation KeShouldYieldProcessor KeIsExecutingDpc KeEnterCriticalRegion KeRaiseIrql KfRaiseIrql "
	  "KeRaiseIrqlToDpcLevel KeGetCurrentIrql KeLowerIrql KeLeaveCriticalRegion", WAIT_FREE, NOTHING, wdk_levels },
	{ "KeInitializeEvent KeSetEvent KeClearEvent KeReadStateEvent KeInitializeSemaphore KeReadStateSemaphore", WAIT_FREE, NOTHING,
	  wdk_events },
	{ "KeReleaseSemaphore", LOCK_FREE, NOTHING, wdk_semaphore },
	{ "KeQueryInterruptTime KeQueryUnbiasedInterruptTimePrecise KeQueryTickCount KeQuerySystemTime", WAIT_FREE, CLOCK,
	  wdk_times },
};

const uint32_t calls_count = (uint32_t)LENGTH(calls);

/* ---- the world ---- */

static struct tape tape;

static void make_tape(void)
{
	struct dhp_engine *engine = make_sim_of(4, 1);
	struct dhp_record *record = NULL;

	tape.length = 0;
	assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
	assert_ok(dhp_record_end(record));
	end_engine(engine);
}

void world_make(struct world *world, uint32_t maximum, uint32_t workers)
{
	const struct dhp_percpu_options array = { .size = sizeof(array), .slot_bytes = 64 };
	const struct dhp_lookaside_options list = { .size = sizeof(list), .block_bytes = 64 };
	const struct dhp_lanes_options lanes = { .size = sizeof(lanes), .routine = count_items, .context = world };
	const struct dhp_feed_options feed_options = { .size = sizeof(feed_options) };
	const struct dhp_driver driver = { .query_stop = agree };
	/* The queue is not the device's: a request that is stopped is in flight, and a rebalance waits for that. */
	const struct dhp_device_options options = { .size = sizeof(options), .drivers = &driver, .driver_count = 1 };

	if (tape.length == 0)
		make_tape();
	memset(world, 0, sizeof(*world));
	world->tape = &tape;
	world->workers = workers;
	world->engine = make_sim_of(maximum, workers);
	assert_ok(dhp_wdk_bind(world->engine));
	assert_ok(dhp_percpu_create(world->engine, &array, &world->array));
	assert_ok(dhp_counter_create(world->engine, &world->counter));
	assert_ok(dhp_notify_register(world->engine, hear, NULL, 0, &world->notify));
	assert_ok(dhp_hold_create(world->engine, pass, NULL, &world->hold));
	assert_ok(dhp_device_register(world->engine, &options, &world->device));
	assert_ok(dhp_feed_create(world->engine, world->device, &feed_options, &world->feed));
	assert_ok(dhp_lookaside_create(world->engine, &list, &world->list));
	assert_ok(dhp_lanes_create(world->engine, &lanes, &world->lanes));
	assert_ok(dhp_rundown_init(&world->rundown));
	assert_ok(dhp_rundown_percpu_create(world->engine, &world->rundown_percpu));
	assert_ok(dhp_memory_event_open(world->engine, "LowMemoryCondition", &world->event));
	assert_ok(dhp_dpc_init(&world->dpc, world->engine, count_run, &world->dpc_runs));
	windows_begin(world);
}

void world_end(struct world *world)
{
	windows_end();
	assert_ok(dhp_dpc_flush(world->engine));
	assert_ok(dhp_rebalance_drain(world->engine));
	assert_ok(dhp_memory_event_close(world->event));
	assert_ok(dhp_rundown_percpu_destroy(world->rundown_percpu));
	assert_ok(dhp_lanes_destroy(world->lanes));
	assert_true(peek(&world->items_run) == peek(&world->items_pushed));
	assert_ok(dhp_lookaside_destroy(world->list));
	assert_ok(dhp_feed_destroy(world->feed));
	assert_ok(dhp_device_unregister(world->device));
	assert_ok(dhp_hold_destroy(world->hold));
	assert_ok(dhp_notify_unregister(world->notify));
	assert_ok(dhp_counter_destroy(world->counter));
	assert_ok(dhp_percpu_destroy(world->array));
	assert_ok(dhp_wdk_unbind());
	end_engine(world->engine);
}

/* The last is whoever's is idle, the others are aimed; every second goes to the head. */
static void make_dpc(struct actor *actor, uint32_t i)
{
	assert_ok(dhp_dpc_init(&actor->dpcs[i], actor->world->engine, count_run, &actor->runs));
	if (i + 1 < ACTOR_DPCS)
		assert_ok(dhp_dpc_set_target(&actor->dpcs[i], i / 2 % actor->world->workers));
	if (i % 2 == 0)
		assert_ok(dhp_dpc_set_importance(&actor->dpcs[i], DHP_IMPORTANCE_HIGH));
}

void actor_make(struct actor *actor, struct world *world)
{
	memset(actor, 0, sizeof(*actor));
	actor->world = world;
	for (uint32_t i = 0; i < ACTOR_DPCS; i++)
		make_dpc(actor, i);
	assert_ok(dhp_reader_join(world->engine, &actor->reader));
	for (; actor->spares_left < ACTOR_SPARES; actor->spares_left++)
		assert_ok(dhp_reader_join(world->engine, &actor->spares[actor->spares_left]));
	assert_ok(dhp_rundown_init(&actor->rundown));
	assert_ok(dhp_rundown_percpu_create(world->engine, &actor->rundown_done));
	actor->memory = aligned_alloc(4096, (dhp_rundown_percpu_bytes(world->engine) + 4095) / 4096 * 4096);
	assert_non_null(actor->memory);
}

void actor_end(struct actor *actor)
{
	assert_ok(dhp_dpc_flush(actor->world->engine));
	assert_true(peek(&actor->runs) == actor->inserted);
	assert_ok(dhp_epoch_drain(actor->world->engine));
	assert_ok(dhp_reader_leave(actor->reader));
	while (actor->spares_left > 0)
		assert_ok(dhp_reader_leave(actor->spares[--actor->spares_left]));
	assert_ok(dhp_rundown_percpu_destroy(actor->rundown_done));
	free(actor->memory);
}
