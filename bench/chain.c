/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain.c - a DPC that inserts the next one on its own processor: the cost of one link.
 *
 * One iteration is a chain of LINKS; the hand-over to the worker and back is paid once for all of them. The floor is a
 * list that belongs to the thread which runs it: the claim is left, everything else is plain loads and stores.
 */
#include <dhp.h>
#include <stdatomic.h>

#include "all.h"
#include "bench.h"
#include "engines.h"
#include "floor_list.h"

#define LINKS 4096u
#define OBJECTS 64u /* as many lines as stay near */
#define AWAKE_NS 2000000u

static struct {
	_Alignas(128) struct dhp_dpc dpc;
} objects[OBJECTS];

static struct floor_item floor_objects[OBJECTS];

static uint64_t position;                    /* the routine's; handed to and fro with the chain */
static _Alignas(128) atomic_bool chain_ended;

static void link_ours(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	if (++position % LINKS == 0)
		atomic_store_explicit(&chain_ended, true, memory_order_release);
	else
		dhp_dpc_insert(&objects[position % OBJECTS].dpc, NULL, NULL);
}

static void run_chain(void)
{
	atomic_store_explicit(&chain_ended, false, memory_order_relaxed);
	dhp_dpc_insert(&objects[0].dpc, NULL, NULL);
	while (!atomic_load_explicit(&chain_ended, memory_order_acquire))
#if defined(__x86_64__)
		__builtin_ia32_pause();
#else
		;
#endif
}

/* argument: not NULL for objects with a target */
static void ours(struct bench *bench, const void *argument)
{
	struct dhp_engine *engine = engine_of_machine(bench, 0, AWAKE_NS);
	uint64_t i;

	if (engine == NULL)
		return;
	bench_items(bench, LINKS);
	position = 0;
	for (i = 0; i < OBJECTS; i++) {
		dhp_dpc_init(&objects[i].dpc, engine, link_ours, NULL);
		if (argument != NULL && dhp_failed(dhp_dpc_set_target(&objects[i].dpc, 1)))
			bench_skip(bench, "needs two CPUs that this process may use");
	}
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		run_chain();
	engine_end(bench, engine);
}

static void link_floor(struct floor_item *item, void *context)
{
	(void)item;
	if (++position % LINKS != 0)
		floor_local_push(context, &floor_objects[position % OBJECTS]);
}

static void by_hand(struct bench *bench, const void *argument)
{
	struct floor_local local = {NULL};
	uint64_t i;

	(void)argument;
	bench_items(bench, LINKS);
	position = 0;
	for (i = 0; i < OBJECTS; i++)
		floor_item_init(&floor_objects[i], link_floor, &local);
	for (i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		floor_local_push(&local, &floor_objects[0]);
		floor_local_run(&local);
	}
}

void bench_chain(void)
{
	static const bool targeted = true;

	bench_register(&(struct bench_spec){
		.name = "insert_own/ours", .routine = ours, .argument = &targeted, .clock = BENCH_CLOCK_WALL});
	bench_register(&(struct bench_spec){
		.name = "insert_own/untargeted", .routine = ours, .clock = BENCH_CLOCK_WALL});
	bench_register(
		&(struct bench_spec){.name = "insert_own/floor", .routine = by_hand, .clock = BENCH_CLOCK_WALL});
}
