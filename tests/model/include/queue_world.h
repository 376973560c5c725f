/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue_world.h - some processors' queues, as the library makes them, for the models of queues.
 *
 * The workers leave out the pause in which they spin before they sleep: it only makes runs longer.
 */
#ifndef QUEUE_WORLD_H
#define QUEUE_WORLD_H

#include "model.h"

#include "work/worker.c"
#include "work/ahead.c"

#define OBJECTS 4
#define PROCESSORS 3

struct object {
	struct dhp_dpc dpc;
	uint32_t runs;    /* its routine's */
	void *argument;   /* likewise: what it got */
	uint32_t number;  /* likewise: the how many-th it was */
	struct at_u32 ran;
};

static struct world {
	struct dhpi_work work;
	struct dhpi_set set;
	struct dhpi_epoch epoch;
	struct dhpi_space space;
	struct port_mutex serial;
	struct dhp_percpu queues;
	struct dhp_engine engine;
	struct dhp_processor rows[PROCESSORS];
	struct object *objects[OBJECTS];
	struct port_event ran;
	struct at_u32 count, inserted, done;
	bool refused;
	uint32_t removed; /* the remover's */
} *world;

/* ---- what is below and beside ---- */

void *dhp_percpu_here_slow(const struct dhp_percpu *array)
{
	int32_t cpu = port_cpu_pretended();

	return cpu < 0 ? NULL : dhpi_percpu_slot(array, (uint32_t)cpu);
}

void *dhp_percpu_fallback(const struct dhp_percpu *array)
{
	(void)array;
	return NULL;
}

bool dhpi_set_read(const struct dhpi_set *set, uint32_t index, struct dhp_processor *out_processor)
{
	*out_processor = (struct dhp_processor){ .index = index };
	return index < dhpi_set_active(set);
}

bool dhpi_set_offering(const struct dhpi_set *set)
{
	(void)set;
	return false;
}

enum dhp_status dhpi_percpu_create(struct dhpi_space *space, const struct dhp_percpu_options *options, size_t resident,
				   struct dhp_percpu **out_array)
{
	(void)space, (void)options, (void)resident;
	*out_array = &world->queues;
	return DHP_OK;
}

void dhpi_percpu_destroy(struct dhp_percpu *array)
{
	(void)array;
}

enum dhpi_pin_found dhpi_pin_look(struct dhpi_pin *pin, int32_t thread, bool at_once)
{
	(void)pin, (void)thread, (void)at_once;
	return DHPI_PIN_HOLDS;
}

void dhpi_pin_forget(struct dhpi_pin *pin)
{
	(void)pin;
}

void dhpi_watchdog_begin(struct dhpi_queue *queue)
{
	(void)queue;
}

void dhpi_watchdog_end(struct dhpi_queue *queue)
{
	(void)queue;
}

/* ---- worlds ---- */

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;

	(void)dpc;
	MODEL_ASSERT(argument_1 == argument_2);
	object->argument = argument_1;
	object->runs++;
	object->number = at_fetch_add_relaxed_u32(&world->count, 1);
	at_store_relaxed_u32(&object->ran, 1);
	(void)port_event_signal(&world->ran);
}

static struct dhpi_queue *queue_at(uint32_t index)
{
	return dhpi_percpu_slot(&world->queues, index);
}

static void make_object(uint32_t number, dhp_dpc_routine *run, uint32_t target, enum dhp_importance importance)
{
	struct object *object = model_alloc(sizeof(*object));

	world->objects[number] = object;
	(void)dhp_dpc_init(&object->dpc, &world->engine, run, object);
	if (target != DHPI_NO_TARGET)
		(void)dhp_dpc_set_target(&object->dpc, target);
	(void)dhp_dpc_set_importance(&object->dpc, importance);
}

static void make_processors(uint32_t count)
{
	const struct dhpi_work_options options = { .simulated = true, .tick_us = 1 };

	world = model_alloc(sizeof(*world));
	world->set.maximum = PROCESSORS;
	at_init_u32(&world->set.active, count);
	at_init_u64(&world->epoch.now, 1);
	port_mutex_init(&world->serial);
	world->space = (struct dhpi_space){ .serial = &world->serial, .set = &world->set, .epoch = &world->epoch };
	world->engine = (struct dhp_engine){ .work = &world->work, .set = &world->set, .space = &world->space };
	world->queues.stride = (uint32_t)dhpi_round_up(sizeof(struct dhpi_queue), 128);
	world->queues.base = model_alloc(PROCESSORS * world->queues.stride);
	(void)dhpi_work_init(&world->work, &world->space, &options);
	world->work.timers.thread.started = false; /* but in the world that has its thread */
	for (uint32_t i = 0; i < count; i++) {
		world->rows[i] = (struct dhp_processor){ .index = i, .cpu = i };
		queue_at(i)->random = i + 1;
		queue_at(i)->reader = dhpi_reader_take(&world->epoch);
		dhpi_work_prepare(&world->work, &world->rows[i]);
	}
	for (uint32_t i = 0; i < OBJECTS; i++)
		make_object(i, routine, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void one_processor(void)
{
	make_processors(1);
}

static void wait_for(struct object *object)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(&world->ran);

		if (at_load_relaxed_u32(&object->ran) != 0)
			return;
		port_event_wait(&world->ran, ticket, 0);
	}
}

/* As dhpi_worker_run, without the spinning. */
static void work_online(struct dhpi_queue *queue)
{
	for (;;) {
		bool found = run_batch(queue) || steal(queue);

		dhpi_reader_quiescent(queue->reader);
		if (found)
			continue;
		(void)end_search(queue->work);
		if (told_to_stop(queue) && dhpi_queue_empty(queue))
			break;
		sleep_until_woken(queue);
	}
	dhpi_reader_offline(queue->reader);
}

static struct dhpi_queue *be_worker(uint32_t index)
{
	struct dhpi_queue *queue = queue_at(index);

	port_self()->worker = queue;
	port_cpu_pretend((int32_t)index);
	return queue;
}

static void work(uint32_t index)
{
	struct dhpi_queue *queue = be_worker(index);

	dhpi_reader_online(queue->reader);
	work_online(queue);
}

static void work_0(void)
{
	work(0);
}

static void work_1(void)
{
	work(1);
}

static void work_2(void)
{
	work(2);
}

static void stop(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		at_store_release_u32(&queue_at(i)->stop, 1);
		(void)port_event_signal(&queue_at(i)->event);
	}
}

static void insert(uint32_t number, uintptr_t argument)
{
	MODEL_ASSERT(dhp_dpc_insert(&world->objects[number]->dpc, (void *)argument, (void *)argument) == DHP_OK);
}

/* So many from the first on. */
static size_t insert_batch(uint32_t first, size_t count, uintptr_t argument)
{
	struct dhp_dpc *dpcs[OBJECTS];
	size_t inserted;

	for (size_t i = 0; i < count; i++)
		dpcs[i] = &world->objects[first + i]->dpc;
	MODEL_ASSERT(dhp_dpc_insert_batch(dpcs, count, (void *)argument, (void *)argument, &inserted) == DHP_OK);
	return inserted;
}

static void insert_and_wait(uint32_t number, uintptr_t argument)
{
	insert(number, argument);
	wait_for(world->objects[number]);
}

#endif
