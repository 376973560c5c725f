/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - a call on all processors: it begins when all have come, and what each did before a meeting is seen by all after it.
 *
 * An invitation is a flag here instead of an object in a queue.
 *
 * Edges: call-arrived call-go call-ended call-met
 */
#include "model.h"

#include "work/call.c"

#define PROCESSORS 2

static struct world {
	struct dhpi_work work;
	struct dhpi_set set;
	struct dhp_engine engine;
	struct dhpi_queue *queues[PROCESSORS];
	struct at_u32 invited[PROCESSORS];
	uint32_t before[PROCESSORS], in_it[PROCESSORS], after; /* each its processor's; the caller's */
	struct at_u32 here;
	uint32_t argument;
} *world;

enum dhp_status dhp_dpc_init(struct dhp_dpc *dpc, struct dhp_engine *engine, dhp_dpc_routine *routine, void *context)
{
	(void)dpc, (void)engine, (void)routine, (void)context;
	return DHP_OK;
}

enum dhp_status dhp_dpc_set_importance(struct dhp_dpc *dpc, enum dhp_importance importance)
{
	(void)dpc, (void)importance;
	return DHP_OK;
}

enum dhp_status dhp_dpc_set_target(struct dhp_dpc *dpc, uint32_t index)
{
	at_store_release_u32(&world->invited[index], 1);
	(void)dpc;
	return DHP_OK;
}

enum dhp_status dhp_dpc_insert(struct dhp_dpc *dpc, void *argument_1, void *argument_2)
{
	(void)dpc, (void)argument_1, (void)argument_2;
	return DHP_OK;
}

uint32_t dhpi_work_index_here(struct dhpi_work *work)
{
	(void)work;
	return 0;
}

void dhpi_watchdog_begin(struct dhpi_queue *queue)
{
	(void)queue;
}

static void before(void)
{
	world = model_alloc(sizeof(*world));
	at_init_u32(&world->set.active, PROCESSORS);
	world->work.queue_of_index = model_alloc(PROCESSORS * sizeof(struct at_ptr));
	port_mutex_init(&world->work.call.calling);
	world->engine = (struct dhp_engine){ .work = &world->work, .set = &world->set };
	world->work.set = &world->set;
	for (uint32_t i = 0; i < PROCESSORS; i++) {
		struct dhpi_queue *queue = world->queues[i] = model_alloc(sizeof(*queue));

		queue->work = &world->work;
		at_init_u32(&queue->index, i);
		at_init_ptr(&world->work.queue_of_index[i], queue);
	}
}

static uint32_t me(void)
{
	return model_thread() - 1;
}

static uintptr_t routine(void *argument)
{
	uint32_t i = me(), other = 1 - i;

	MODEL_ASSERT(*(uint32_t *)argument == 9);
	MODEL_ASSERT(world->before[other] == 1); /* it had come to the barrier */
	world->in_it[i]++;
	if (dhp_call_meet(&world->engine))
		MODEL_ASSERT(world->in_it[0] == 1);
	MODEL_ASSERT(world->in_it[other] == 1);
	(void)dhp_call_meet(&world->engine);
	world->in_it[i]++;
	(void)dhp_call_meet(&world->engine);
	MODEL_ASSERT(world->in_it[other] == 2);
	return i + 40;
}

static void call_all(void)
{
	uintptr_t result;

	world->argument = 9;
	MODEL_ASSERT(dhp_call_all(&world->engine, routine, &world->argument, &result) == DHP_OK);
	MODEL_ASSERT(result == 40);
	MODEL_ASSERT(world->in_it[0] == 2 && world->in_it[1] == 2);
}

static void come(void)
{
	uint32_t i = me();

	while (at_load_acquire_u32(&world->invited[i]) == 0)
		port_relax();
	world->before[i] = 1;
	take_part(NULL, world->queues[i], NULL, NULL);
}

const struct model_world model_worlds[] = {
	{ "call", before, { call_all, come, come }, NULL, 1 },
	{ .name = NULL },
};
