/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insert.c - handing work to another processor that is awake.
 *
 * One iteration is a burst of so many items: the submitter inserts them all, then waits until the last has run. Time
 * divided by items is the cost end to end; push_ns is what the submitter paid for one insert. A burst of one is a round
 * trip between two processors.
 *
 * The same meter stands on both sides. Its tally belongs to the consumer; the submitter looks at nothing but `done`, and
 * only after its last insert, so that it does not pull lines away from the consumer meanwhile.
 */
#include <dhp.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "all.h"
#include "bench.h"
#include "engines.h"
#include "floor_list.h"

#define AWAKE_NS 2000000u /* a worker that has run something stays awake for longer than the pause between bursts */

struct meter {
	_Alignas(128) uint64_t tally; /* consumer only */
	_Alignas(128) uint64_t goal;  /* submitter, before the burst */
	_Alignas(128) atomic_ullong done;
};

struct item {
	_Alignas(128) struct dhp_dpc dpc;
};

static struct meter meter;

static inline void tick(void)
{
	if (++meter.tally == meter.goal)
		atomic_store_explicit(&meter.done, meter.tally, memory_order_release);
}

static void dpc_ran(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	tick();
}

static void item_ran(struct floor_item *item, void *context)
{
	(void)item;
	(void)context;
	tick();
}

static void wait_done(void)
{
	while (atomic_load_explicit(&meter.done, memory_order_acquire) != meter.goal)
#if defined(__x86_64__)
		__builtin_ia32_pause();
#else
		;
#endif
}

static void meter_reset(void)
{
	meter.tally = 0;
	meter.goal = 0;
	atomic_store_explicit(&meter.done, 0, memory_order_relaxed);
}

/* The two loops differ in one line, which must not become a call: so one macro writes both. k counts the burst. */
#define BURSTS(bench, count, insert_one)                                                                               \
	do {                                                                                                           \
		uint64_t i_, push_ns = 0, bursts = 0, begin;                                                           \
		for (i_ = bench_begin(bench); i_ > 0 || bench_next(bench); --i_) {                                     \
			meter.goal += (count);                                                                         \
			begin = now_ns();                                                                              \
			for (k = 0; k < (count); k++)                                                                  \
				insert_one;                                                                            \
			push_ns += now_ns() - begin;                                                                   \
			wait_done();                                                                                   \
			bursts++;                                                                                      \
		}                                                                                                      \
		if (bursts > 0 && (count) > 1)                                                                         \
			bench_counter(bench, "push_ns", (double)push_ns / (double)(bursts * (count)));                 \
	} while (0)

static bool prepare(struct bench *bench, struct dhp_engine *engine, struct item *items, uint64_t count)
{
	enum dhp_status status = DHP_OK;
	uint64_t k;

	for (k = 0; k < count && status == DHP_OK; k++) {
		status = dhp_dpc_init(&items[k].dpc, engine, dpc_ran, NULL);
		if (status == DHP_OK)
			status = dhp_dpc_set_target(&items[k].dpc, 1);
	}
	if (status != DHP_OK)
		bench_skip(bench, dhp_status_text(status));
	return status == DHP_OK;
}

static void ours(struct bench *bench, const void *argument)
{
	uint64_t k, count = (uint64_t)bench_range(bench);
	struct item *items = aligned_alloc(128, count * sizeof(*items));
	struct dhp_engine *engine = engine_of_machine(bench, 0, AWAKE_NS);

	(void)argument;
	bench_items(bench, count);
	meter_reset();
	if (engine != NULL && items != NULL && pin_to_first(bench, engine)) {
		if (prepare(bench, engine, items, count)) {
			meter.goal = 1; /* wake it */
			dhp_dpc_insert(&items[0].dpc, NULL, NULL);
			wait_done();
			BURSTS(bench, count, dhp_dpc_insert(&items[k].dpc, NULL, NULL));
		}
		unpin();
	}
	if (engine != NULL)
		engine_end(bench, engine);
	free(items);
}

static void by_hand(struct bench *bench, const void *argument)
{
	uint64_t k, count = (uint64_t)bench_range(bench);
	struct floor_item *items = aligned_alloc(128, count * sizeof(*items));
	struct dhp_engine *engine = engine_of_machine(bench, DHP_ENGINE_NO_WORKERS, 0);
	struct floor_list *list = NULL;
	struct dhp_processor second;

	(void)argument;
	bench_items(bench, count);
	meter_reset();
	if (engine != NULL && items != NULL && pin_to_first(bench, engine)) {
		for (k = 0; k < count; k++)
			floor_item_init(&items[k], item_ran, NULL);
		if (!dhp_failed(dhp_processor_at(engine, 1, &second)))
			list = floor_list_start(second.cpu);
		if (list == NULL)
			bench_skip(bench, "no consumer thread");
		else
			BURSTS(bench, count, floor_list_push(list, &items[k]));
		floor_list_stop(list);
		unpin();
	}
	if (engine != NULL)
		engine_end(bench, engine);
	free(items);
}

void bench_insert(void)
{
	static const int64_t bursts[] = {1, 64, 1024};

	bench_register(&(struct bench_spec){.name = "insert_remote/ours", .routine = ours, .ranges = bursts,
					    .range_count = 3, .clock = BENCH_CLOCK_WALL});
	bench_register(&(struct bench_spec){.name = "insert_remote/floor", .routine = by_hand, .ranges = bursts,
					    .range_count = 3, .clock = BENCH_CLOCK_WALL});
}
