/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * paths.c - the hot paths, one after another, for callgrind to count (see compare.py).
 *
 * Nothing here depends on the machine: processors are simulated, one thread works at a time, and a path is done so often
 * that what surrounds it does not matter.
 *
 * Under valgrind the kernel's restartable sequences do not work, so the library would go the ways that it has without them.
 * The sequences are counted all the same: a copy of what the inline code reads says that they work, and points to words of
 * our own in place of the kernel's. No thread is moved here, so nothing needs to be restarted.
 */
#define _GNU_SOURCE
#include <dhp.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "port.h"

#define TIMES 1000u
#define PROCESSORS 64u
#define SPAWNED 1000u

#define KEEP(value) __asm__ __volatile__("" : : "r"(value) : "memory")

/* Counted is what happens in this thread between the two. */
#define COUNT(name, statement)                                                                                         \
	do {                                                                                                           \
		CALLGRIND_ZERO_STATS;                                                                                  \
		for (uint32_t turn = 0; turn < TIMES; turn++)                                                          \
			statement;                                                                                     \
		CALLGRIND_DUMP_STATS_AT(name);                                                                         \
	} while (0)

static struct dhp_engine *engine;

/* The kernel's area as far as sections use it: the cpu id, and the pointer to the section four bytes on. */
static _Thread_local struct {
	int32_t unused;
	int32_t cpu;
	uint64_t section;
} area __attribute__((tls_model("initial-exec"), aligned(16)));

static intptr_t area_word(void)
{
	char *thread_pointer;

#if defined(__x86_64__)
	__asm__("movq %%fs:0, %0" : "=r"(thread_pointer));
#else
	thread_pointer = __builtin_thread_pointer();
#endif
	return (char *)&area.cpu - thread_pointer;
}

static void need(enum dhp_status status, const char *what)
{
	if (!dhp_failed(status))
		return;
	(void)fprintf(stderr, "count_paths: %s: %s\n", what, dhp_status_text(status));
	exit(1);
}

static void make_engine(uint32_t flags)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = PROCESSORS, .initial_count = PROCESSORS };
	const struct dhp_engine_options options = {
		.size = sizeof(options), .sim = &sim, .flags = flags | DHP_ENGINE_NO_WATCH
	};

	need(dhp_engine_create(&options, &engine), "engine");
}

static void arrays(void)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = 64 };
	struct dhp_percpu *array = NULL;

	need(dhp_percpu_create(engine, &options, &array), "array");
	COUNT("slot_here", KEEP(dhp_percpu_here(array)));
	COUNT("slot_at", KEEP(dhp_percpu_at(array, 5)));
	need(dhp_percpu_destroy(array), "array");
}

static void counters(void)
{
	struct dhp_counter *counter = NULL, sequenced;

	need(dhp_counter_create(engine, &counter), "counter");
	sequenced = *counter;
	sequenced.cells.restartable = 1;
	sequenced.cells.cpu_word = area_word();
	COUNT("counter_add", dhp_counter_add(&sequenced, 1));
	COUNT("counter_add_without_rseq", dhp_counter_add(counter, 1));
	COUNT("counter_sum_64", KEEP(dhp_counter_sum(counter)));
	if (dhp_counter_sum(counter) != 2 * TIMES)
		exit(1);
	need(dhp_counter_destroy(counter), "counter");
}

static void lists(void)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 64 };
	static struct {
		_Alignas(1024) void *rest[128];
	} cache;
	void **const top = &cache.rest[127 - DHP_LOOKASIDE_CACHE_LIMIT];
	struct dhp_lookaside *list = NULL, sequenced;
	void *blocks[4];

	need(dhp_lookaside_create(engine, &options, &list), "lookaside list");
	for (uint32_t i = 0; i < 4; i++)
		blocks[i] = dhp_lookaside_allocate(list);
	for (uint32_t i = 0; i < 4; i++)
		dhp_lookaside_free(list, blocks[i]);
	sequenced = *list;
	sequenced.restartable = 1;
	sequenced.cpu_word = area_word();
	sequenced.caches = (unsigned char *)top;
	cache.rest[127] = &cache;
	*top = &cache.rest[127];
	COUNT("block_pair", dhp_lookaside_free(&sequenced, dhp_lookaside_allocate(&sequenced)));
	COUNT("block_pair_without_rseq", dhp_lookaside_free(list, dhp_lookaside_allocate(list)));
	need(dhp_lookaside_destroy(list), "lookaside list");
}

/* A lane of our own, at which somebody looks. */
static void items(void)
{
	static void *cells[2 * TIMES];
	static struct {
		uint64_t tail;
		void **cells;
		uint64_t mask, limit, watch;
	} lane = { .cells = cells, .mask = 1023, .limit = TIMES, .watch = 1 };
	struct dhp_lanes lanes = { .lanes = (unsigned char *)&lane, .cpu_word = area_word(), .restartable = 1 };

	COUNT("item_push", (void)dhp_lanes_push(&lanes, &lane));
	if (lane.tail != TIMES)
		exit(1);
}

static void sections(void)
{
	struct dhp_reader *reader = NULL;

	need(dhp_reader_join(engine, &reader), "reader");
	COUNT("section", (dhp_epoch_enter(reader), dhp_epoch_exit(reader)));
	need(dhp_reader_leave(reader), "reader");
	COUNT("synchronize_nobody", (void)dhp_epoch_synchronize(engine));
}

static void arrival(void)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = TIMES + 1 };
	const struct dhp_engine_options options = {
		.size = sizeof(options), .sim = &sim, .flags = DHP_ENGINE_NO_WORKERS | DHP_ENGINE_NO_WATCH
	};
	struct dhp_engine *growing = NULL;

	need(dhp_engine_create(&options, &growing), "engine");
	COUNT("arrival_without_worker", need(dhp_sim_add(growing, dhp_sim_cpu(growing, turn + 1)), "arrival"));
	need(dhp_engine_destroy(growing), "engine");
}

/* ---- for a worker ---- */

static void nothing(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc, (void)context, (void)argument_1, (void)argument_2;
}

static void aim(struct dhp_dpc *dpc, dhp_dpc_routine *routine, void *context)
{
	need(dhp_dpc_init(dpc, engine, routine, context), "DPC");
	need(dhp_dpc_set_target(dpc, 0), "target");
}

/* A worker that is in a routine need not be woken. */
struct hold_up {
	struct dhp_dpc dpc;
	sem_t begun, over;
};

static void hold_up(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct hold_up *held = context;

	(void)dpc, (void)argument_1, (void)argument_2;
	(void)sem_post(&held->begun);
	while (sem_wait(&held->over) != 0)
		;
}

/* For each of a thousand. */
static void insert_batch(void)
{
	static struct dhp_dpc many[TIMES], *pointers[TIMES];

	for (uint32_t i = 0; i < TIMES; i++) {
		pointers[i] = &many[i];
		aim(pointers[i], nothing, NULL);
	}
	CALLGRIND_ZERO_STATS;
	need(dhp_dpc_insert_batch(pointers, TIMES, NULL, NULL, NULL), "batch");
	CALLGRIND_DUMP_STATS_AT("insert_batch");
}

static void inserter(void)
{
	static struct hold_up held;
	struct dhp_dpc dpc;

	(void)sem_init(&held.begun, 0, 0);
	(void)sem_init(&held.over, 0, 0);
	aim(&held.dpc, hold_up, &held);
	need(dhp_dpc_insert(&held.dpc, NULL, NULL), "insert");
	while (sem_wait(&held.begun) != 0)
		;
	aim(&dpc, nothing, NULL);
	COUNT("insert_and_remove", (need(dhp_dpc_insert(&dpc, NULL, NULL), "insert"), need(dhp_dpc_remove(&dpc), "removal")));
	insert_batch();
	(void)sem_post(&held.over);
	need(dhp_dpc_flush(engine), "flush");
}

/* ---- in a worker ---- */

static sem_t ended;
static uint32_t left;

static void chain(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)context, (void)argument_1, (void)argument_2;
	if (left == TIMES)
		CALLGRIND_ZERO_STATS;
	if (left-- > 0) {
		(void)dhp_dpc_insert(dpc, NULL, NULL);
		return;
	}
	CALLGRIND_DUMP_STATS_AT("chain");
	(void)sem_post(&ended);
}

static struct dhp_dpc spawned[SPAWNED];

static void count_down(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc, (void)context, (void)argument_1, (void)argument_2;
	if (--left > 0)
		return;
	CALLGRIND_DUMP_STATS_AT("spawn");
	(void)sem_post(&ended);
}

static void spawn(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc, (void)context, (void)argument_1, (void)argument_2;
	CALLGRIND_ZERO_STATS;
	for (uint32_t i = 0; i < SPAWNED; i++)
		(void)dhp_dpc_insert(&spawned[i], NULL, NULL);
}

static void run(dhp_dpc_routine *routine, uint32_t count)
{
	struct dhp_dpc dpc;

	left = count;
	aim(&dpc, routine, NULL);
	need(dhp_dpc_insert(&dpc, NULL, NULL), "insert");
	while (sem_wait(&ended) != 0)
		;
	need(dhp_dpc_flush(engine), "flush");
}

static void worker(void)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = 1 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .flags = DHP_ENGINE_NO_WATCH };

	need(dhp_engine_create(&options, &engine), "engine");
	(void)sem_init(&ended, 0, 0);
	inserter();
	for (uint32_t i = 0; i < SPAWNED; i++)
		aim(&spawned[i], count_down, NULL);
	run(chain, TIMES);
	run(spawn, SPAWNED);
	need(dhp_engine_destroy(engine), "engine");
}

int main(void)
{
	make_engine(DHP_ENGINE_NO_WORKERS);
	need(dhp_sim_enter(engine, dhp_sim_cpu(engine, 0)), "processor");
	COUNT("loop", KEEP(turn));
	arrays();
	counters();
	lists();
	items();
	sections();
	dhp_sim_exit();
	need(dhp_engine_destroy(engine), "engine");
	arrival();
	worker();
	return 0;
}
