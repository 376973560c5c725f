/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - our DPCs among the pools, with default options: "ours" aimed at the worker's processor, or without target
 * where two workers share; "ours_untargeted" without target where there is one submitter.
 *
 * The engine has a worker on every CPU. Those that nobody hands anything sleep.
 */
#include <dhp.h>

#include "all.h"
#include "engines.h"
#include "pool.h"
#include "threads.h"

_Static_assert(sizeof(struct dhp_dpc) <= sizeof(((struct job *)NULL)->room), "a job has room for a DPC");

static struct {
	struct dhp_engine *engine;
	uint32_t target; /* index of the worker's processor, or DHP_NO_INDEX */
} self;

static struct dhp_dpc *dpc_of(struct job *job)
{
	return (struct dhp_dpc *)(void *)job->room;
}

static inline void submit_one(struct job *job)
{
	dhp_dpc_insert(dpc_of(job), NULL, NULL);
}

POOL_BODIES(ours, submit_one)

/* ---- routines: one for each body that is measured by the nanosecond, and one for all others ---- */

static void run_tick(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	pool_count();
}

static void run_chain(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	ours_chain(context);
}

static void run_body(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct job *job = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	job->body(job);
}

static void prepare(void *pool, struct job *job)
{
	dhp_dpc_routine *routine = job->body == pool_tick ? run_tick : job->body == ours_chain ? run_chain : run_body;

	(void)pool;
	dhp_dpc_init(dpc_of(job), self.engine, routine, job);
	if (self.target != DHP_NO_INDEX)
		dhp_dpc_set_target(dpc_of(job), self.target);
	if (self.target != DHP_NO_INDEX && routine == run_body) /* at once, also where the worker sleeps (S-630) */
		dhp_dpc_set_importance(dpc_of(job), DHP_IMPORTANCE_MEDIUM_HIGH);
}

/* ---- the engine ---- */

static uint32_t index_of_cpu(uint32_t cpu)
{
	struct dhp_processor processor;
	struct dhp_counts counts;

	if (dhp_failed(dhp_counts_read(self.engine, &counts)))
		return DHP_NO_INDEX;
	for (uint32_t index = 0; index < counts.active; index++)
		if (dhp_processor_at(self.engine, index, &processor) == DHP_OK && processor.cpu == cpu)
			return index;
	return DHP_NO_INDEX;
}

static void *create_untargeted(unsigned workers)
{
	struct dhp_engine_options options = {.size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH};

	(void)workers;
	threads_pin(WHERE_ANYWHERE);
	self.engine = NULL;
	self.target = DHP_NO_INDEX;
	return dhp_engine_create(&options, &self.engine) == DHP_OK ? &self : NULL;
}

static void destroy(void *pool)
{
	(void)pool;
	dhp_engine_destroy(self.engine);
}

static void *create(unsigned workers)
{
	void *made = create_untargeted(workers);

	if (made == NULL || workers > 1)
		return made;
	self.target = index_of_cpu(threads_cpu(WHERE_SECOND));
	if (self.target != DHP_NO_INDEX)
		return made;
	destroy(made);
	return NULL;
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		submit_one(jobs[i]);
}

void ours_engine(void)
{
	static const struct pool_ops aimed = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
					     .chain = ours_chain, .spawn = ours_spawn, .workers = 2};

	bench_pool("ours", &aimed);
}
