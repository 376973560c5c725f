/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - our DPCs where a processor arrives: a simulated partition of one, whose workers run where their maker may run.
 *
 * "ours" aims the jobs of a stream at the first processor, "ours_untargeted" leaves it to whoever is free; a
 * job that waits while the first one is held up has no target in both. "ours_ahead" keeps a worker ready.
 */
#include <dhp.h>
#include <sched.h>
#include <unistd.h>

#include "all.h"
#include "bench.h"
#include "body.h"
#include "pool.h"

#define PROCESSORS 3u /* the last is only there to be expected */

static struct {
	struct dhp_engine *engine;
	bool aimed;
} self;

static void prepare(void *pool, struct job *job)
{
	struct dhp_dpc *dpc = (struct dhp_dpc *)(void *)job->room;

	(void)pool;
	dhp_dpc_init(dpc, self.engine, run_body, job);
	dhp_dpc_set_importance(dpc, DHP_IMPORTANCE_MEDIUM_HIGH); /* at once, also where the worker sleeps (S-630) */
	if (self.aimed && job->body == pool_tick_shared)
		dhp_dpc_set_target(dpc, 0);
}

static void *make(unsigned workers, bool aimed, uint32_t ready_ahead)
{
	struct dhp_sim_options sim = {.size = sizeof(sim), .maximum_count = PROCESSORS, .initial_count = workers};
	struct dhp_engine_options options = {.size = sizeof(options), .sim = &sim, .ready_ahead = ready_ahead};

	self.aimed = aimed;
	return dhp_engine_create(&options, &self.engine) == DHP_OK ? &self : NULL;
}

static void *create_untargeted(unsigned workers)
{
	return make(workers, false, 0);
}

static void *create(unsigned workers)
{
	return make(workers, true, 0);
}

/* Made soon after the engine: what is measured is an arrival that finds it. */
static void *create_ahead(unsigned workers)
{
	void *made = make(workers, true, 1);
	struct dhp_engine_stats stats = {.ready_count = 0};

	while (made != NULL && stats.ready_count == 0 && dhp_engine_stats_read(self.engine, &stats) == DHP_OK)
		sched_yield();
	usleep(POOL_SETTLE_US);
	return made;
}

static void destroy(void *pool)
{
	(void)pool;
	dhp_engine_destroy(self.engine);
}

static bool add_worker(void *pool)
{
	(void)pool;
	return dhp_sim_add(self.engine, dhp_sim_cpu(self.engine, 1)) == DHP_OK;
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		dhp_dpc_insert((struct dhp_dpc *)(void *)jobs[i]->room, NULL, NULL);
}

void ours_sim(void)
{
	static const struct pool_ops aimed = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
					      .add_worker = add_worker, .workers = 1};
	static const struct pool_ops untargeted = {.create = create_untargeted, .destroy = destroy, .prepare = prepare,
						   .submit = submit, .add_worker = add_worker, .workers = 1};

	static const struct pool_ops ahead = {.create = create_ahead, .destroy = destroy, .prepare = prepare, .submit = submit,
					      .add_worker = add_worker, .workers = 1};

	bench_pool_in("add_worker", "ours", &aimed);
	bench_pool_in("add_worker", "ours_ahead", &ahead);
	bench_pool_in("add_stall", "ours", &aimed);
	bench_pool_in("add_stall", "ours_untargeted", &untargeted);
}
