/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - our DPCs among the pools, with default options: "ours" aimed at the worker's processor, or without target
 * where two workers share; "ours_untargeted" without target although one worker would do. Several jobs are inserted as batches,
 * "ours_singly" by one call for each.
 *
 * The engine has a worker on every CPU. Those that nobody hands anything sleep. Whatever is not counted by the nanosecond,
 * such as the game before a burst, is aimed at the second processor in any case, and wakes it at once.
 */
#include <dhp.h>
#include <stdbool.h>

#include "all.h"
#include "body.h"
#include "engines.h"
#include "pool.h"
#include "threads.h"

_Static_assert(sizeof(struct dhp_dpc) <= sizeof(((struct job *)NULL)->room), "a job has room for a DPC");
_Static_assert(offsetof(struct job, room) == 0, "pointers to jobs are pointers to their DPCs");

static struct {
	struct dhp_engine *engine;
	uint32_t target; /* index of the second processor; DHP_NO_INDEX: nothing has a target */
	bool aimed;      /* counted jobs too */
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

static dhp_dpc_routine *routine_of(const struct job *job)
{
	return job->body == pool_tick ? run_tick : job->body == ours_chain ? run_chain : run_body;
}

static bool is_counted(const struct job *job)
{
	return job->body == pool_tick || job->body == pool_tick_shared || job->body == ours_chain;
}

static void prepare(void *pool, struct job *job)
{
	(void)pool;
	dhp_dpc_init(dpc_of(job), self.engine, routine_of(job), job);
	if (self.target == DHP_NO_INDEX || (is_counted(job) && !self.aimed))
		return;
	dhp_dpc_set_target(dpc_of(job), self.target);
	if (!is_counted(job))
		dhp_dpc_set_importance(dpc_of(job), DHP_IMPORTANCE_MEDIUM_HIGH); /* S-630 */
}

/* ---- the engine ---- */

static void destroy(void *pool)
{
	(void)pool;
	dhp_engine_destroy(self.engine);
}

static void *make(bool aimed, bool balanced)
{
	struct dhp_engine_options options = {.size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH};

	threads_pin(WHERE_ANYWHERE);
	self.engine = NULL;
	self.aimed = aimed;
	self.target = DHP_NO_INDEX;
	if (dhp_engine_create(&options, &self.engine) != DHP_OK)
		return NULL;
	if (balanced)
		return &self;
	if (dhp_index_of_cpu(self.engine, threads_cpu(WHERE_SECOND), &self.target) == DHP_OK)
		return &self;
	destroy(&self);
	return NULL;
}

static void *create(unsigned workers)
{
	return make(true, workers > 1);
}

static void *create_untargeted(unsigned workers)
{
	return make(false, workers > 1);
}

/* A job begins with its DPC. */
static void submit_together(struct job *const *jobs, size_t count)
{
	dhp_dpc_insert_batch((struct dhp_dpc *const *)(const void *)jobs, count, NULL, NULL, NULL);
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	if (count == 1)
		submit_one(jobs[0]);
	else
		submit_together(jobs, count);
}

static void submit_singly(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		submit_one(jobs[i]);
}

static void spawn_together(struct job *job)
{
	(void)job;
	submit_together(pool_meter.jobs, POOL_SPAWN);
}

void ours_engine(void)
{
	static const struct pool_ops aimed = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
					     .chain = ours_chain, .spawn = spawn_together, .workers = 2};

	static const struct pool_ops singly = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit_singly,
					      .spawn = ours_spawn, .workers = 2};

	static const struct pool_ops untargeted = {.create = create_untargeted, .destroy = destroy, .prepare = prepare,
						   .submit = submit, .chain = ours_chain, .workers = 1};

	bench_pool("ours", &aimed);
	bench_pool_in("handover", "ours_singly", &singly);
	bench_pool_in("two_submitters", "ours_singly", &singly);
	bench_pool_in("spawn", "ours_singly", &singly);
	bench_pool_in("balanced_empty", "ours_singly", &singly);
	bench_pool_in("plain_queue", "ours_dpc", &untargeted);
	bench_pool_in("chain", "ours_untargeted", &untargeted);
}
