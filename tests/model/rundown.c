/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown.c - run-down in one word, and counted per processor: after the wait nobody has a reference, and what the holders did
 * has happened.
 *
 * Edges: rundown-last rundown-again rundown-begin
 * Sources: percpu/rundown.c
 */
#include "model.h"

#include "percpu/rundown_percpu.c"

static struct world {
	struct dhp_rundown one;
	struct dhp_rundown_percpu *each;
	struct dhpi_set set;
	struct dhpi_space space;
	struct dhp_engine engine;
	struct object {
		uint32_t payload;
	} *object;
	uint32_t used[3]; /* each by its thread */
} *world;

/* The counts lie in the caller's memory, one for each index: index and cpu are the same. */
uint32_t dhpi_set_index_of_cpu(const struct dhpi_set *set, uint32_t cpu)
{
	(void)set;
	return cpu;
}

void *dhp_percpu_here_slow(const struct dhp_percpu *array)
{
	(void)array;
	return NULL;
}

enum dhp_status dhp_percpu_create(struct dhp_engine *engine, const struct dhp_percpu_options *options,
				  struct dhp_percpu **out_array)
{
	(void)engine, (void)options, (void)out_array;
	return DHP_NO_MEMORY;
}

enum dhp_status dhp_percpu_destroy(struct dhp_percpu *array)
{
	(void)array;
	return DHP_OK;
}

enum dhp_status dhp_percpu_each(const struct dhp_percpu *array, dhp_slot_visit *see, void *context, uint64_t *out_generation)
{
	(void)array, (void)see, (void)context, (void)out_generation;
	return DHP_OK;
}

static void before(void)
{
	void *memory;

	world = model_alloc(sizeof(*world));
	(void)dhp_rundown_init(&world->one);
	world->set.maximum = 2;
	world->space.set = &world->set;
	world->engine = (struct dhp_engine){ .space = &world->space, .set = &world->set };
	memory = model_alloc(dhp_rundown_percpu_bytes(&world->engine));
	MODEL_ASSERT(dhp_rundown_percpu_init(&world->engine, memory, dhp_rundown_percpu_bytes(&world->engine), &world->each) ==
		     DHP_OK);
	world->object = model_alloc(sizeof(*world->object));
	world->object->payload = 3;
}

static void use_one(void)
{
	if (dhp_rundown_acquire(&world->one, 1) != DHP_OK)
		return;
	MODEL_ASSERT(world->object->payload == 3);
	MODEL_ASSERT(dhp_rundown_release(&world->one, 1) == DHP_OK);
}

static void run_one_down(void)
{
	MODEL_ASSERT(dhp_rundown_wait(&world->one) == DHP_OK);
	model_free(world->object, sizeof(*world->object));
}

/* The next life of the object: who acquires again finds it. */
static void run_one_down_and_again(void)
{
	MODEL_ASSERT(dhp_rundown_wait(&world->one) == DHP_OK);
	world->object->payload = 4;
	world->object->payload = 3;
	MODEL_ASSERT(dhp_rundown_reinit(&world->one) == DHP_OK);
}

/* Whoever waits too, and finds it finished, comes after the owner. */
static void complete_one(void)
{
	MODEL_ASSERT(dhp_rundown_wait(&world->one) == DHP_OK);
	world->object->payload = 4;
	MODEL_ASSERT(dhp_rundown_completed(&world->one) == DHP_OK);
	world->object->payload = 3;
	MODEL_ASSERT(dhp_rundown_reinit(&world->one) == DHP_OK);
}

static void use_each(void)
{
	port_cpu_pretend((int32_t)model_thread() % 2);
	if (dhp_rundown_percpu_acquire(world->each, 1) != DHP_OK)
		return;
	MODEL_ASSERT(world->object->payload == 3);
	port_cpu_pretend((int32_t)(model_thread() + 1) % 2);
	MODEL_ASSERT(dhp_rundown_percpu_release(world->each, 1) == DHP_OK);
}

static void run_each_down(void)
{
	MODEL_ASSERT(dhp_rundown_percpu_wait(world->each) == DHP_OK);
	model_free(world->object, sizeof(*world->object));
}

/* Of two who wait the second may come by what the first has found. */
static struct at_u32 *noted(void)
{
	return &world->set.active;
}

static void hold_note_release(void)
{
	port_cpu_pretend(0);
	if (dhp_rundown_percpu_acquire(world->each, 1) != DHP_OK)
		return;
	world->used[0] = 1;
	at_store_relaxed_u32(noted(), 1);
	MODEL_ASSERT(dhp_rundown_percpu_release(world->each, 1) == DHP_OK);
}

static void wait_and_read_note(void)
{
	MODEL_ASSERT(dhp_rundown_percpu_wait(world->each) == DHP_OK);
	if (at_load_relaxed_u32(noted()) != 0)
		MODEL_ASSERT(world->used[0] == 1);
}

static void run_each_down_and_again(void)
{
	MODEL_ASSERT(dhp_rundown_percpu_wait(world->each) == DHP_OK);
	world->object->payload = 4;
	world->object->payload = 3;
	MODEL_ASSERT(dhp_rundown_percpu_reinit(world->each) == DHP_OK);
}

static void use_one_twice(void)
{
	use_one();
	use_one();
}

static void use_each_twice(void)
{
	use_each();
	use_each();
}

const struct model_world model_worlds[] = {
	{ "one_word", before, { use_one, use_one, run_one_down }, NULL, 1 },
	{ "one_word_again", before, { use_one_twice, run_one_down_and_again }, NULL, 1 },
	{ "one_word_completed", before, { use_one_twice, complete_one }, NULL, 1 },
	{ "each", before, { use_each, use_each, run_each_down }, NULL, 1 },
	{ "each_again", before, { use_each_twice, run_each_down_and_again }, NULL, 1 },
	{ "two_wait", before, { hold_note_release, wait_and_read_note, wait_and_read_note }, NULL, 1 },
	{ .name = NULL },
};
