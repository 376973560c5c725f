/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - our plain items among the queues and pools, with default options: in plain_queue "ours" without a target and
 * "ours_aimed" at the second processor, in two_submitters "ours_no_claim" aimed at the one worker.
 *
 * What is counted by the nanosecond is pushed to the lanes. All else, such as the game before a burst and the job that holds the
 * worker up, is a DPC aimed at the second processor, and wakes it at once.
 */
#include <dhp.h>
#include <stdbool.h>

#include "all.h"
#include "body.h"
#include "engines.h"
#include "pool.h"
#include "threads.h"

static struct {
	struct dhp_engine *engine;
	struct dhp_lanes *lanes;
	uint32_t second; /* index of the second processor */
} self;

struct node {
	struct dhp_dpc dpc;
	uint64_t runs;
};

_Static_assert(sizeof(struct node) <= 30 * sizeof(void *), "a job has room for it");

static struct node *node_of(struct job *job)
{
	return (struct node *)(void *)job->room;
}

/* Each item is written, as the floor's; several workers may do so, one after another. */
static void run_items(void *context, void *const *items, uint32_t count)
{
	uint64_t goal = pool_meter.goal; /* before they count: afterwards the next burst may begin */

	(void)context;
	for (uint32_t i = 0; i < count; i++)
		((struct node *)items[i])->runs++;
	if (__atomic_add_fetch(&pool_meter.tally, count, __ATOMIC_ACQ_REL) == goal)
		__atomic_store_n(&pool_meter.done, goal, __ATOMIC_RELEASE);
}

static bool is_counted(const struct job *job)
{
	return job->body == pool_tick || job->body == pool_tick_shared;
}

static void prepare(void *pool, struct job *job)
{
	struct dhp_dpc *dpc = &node_of(job)->dpc;

	(void)pool;
	dhp_dpc_init(dpc, self.engine, run_body, job);
	dhp_dpc_set_target(dpc, self.second);
	dhp_dpc_set_importance(dpc, DHP_IMPORTANCE_MEDIUM_HIGH); /* S-630 */
}

/* Jobs of one kind. The items are not looked at, and there is room for them. */
static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	if (is_counted(jobs[0]))
		for (size_t i = 0; i < count; i++)
			dhp_lanes_push(self.lanes, node_of(jobs[i]));
	else
		for (size_t i = 0; i < count; i++)
			dhp_dpc_insert(&node_of(jobs[i])->dpc, NULL, NULL);
}

/* ---- the engine ---- */

static bool find_second(void)
{
	return dhp_index_of_cpu(self.engine, threads_cpu(WHERE_SECOND), &self.second) == DHP_OK;
}

static void destroy(void *pool)
{
	(void)pool;
	dhp_lanes_destroy(self.lanes);
	dhp_engine_destroy(self.engine);
}

static void *make(uint32_t flags)
{
	const struct dhp_engine_options options = {.size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH};
	struct dhp_lanes_options lanes = {.size = sizeof(lanes), .routine = run_items, .flags = flags};

	threads_pin(WHERE_ANYWHERE);
	self.engine = NULL;
	self.lanes = NULL;
	if (dhp_engine_create(&options, &self.engine) != DHP_OK)
		return NULL;
	if (find_second()) {
		lanes.target = flags != 0 ? self.second : 0;
		if (dhp_lanes_create(self.engine, &lanes, &self.lanes) == DHP_OK)
			return &self;
	}
	destroy(&self);
	return NULL;
}

static void *create(unsigned workers)
{
	(void)workers;
	return make(0);
}

static void *create_aimed(unsigned workers)
{
	(void)workers;
	return make(DHP_LANES_AIMED);
}

void ours_lanes(void)
{
	static const struct pool_ops balanced = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
						.workers = 1};
	static const struct pool_ops aimed = {.create = create_aimed, .destroy = destroy, .prepare = prepare, .submit = submit,
					     .workers = 1};

	bench_pool_in("plain_queue", "ours", &balanced);
	bench_pool_in("two_submitters", "ours_no_claim", &aimed);
	bench_pool_in("plain_queue", "ours_aimed", &aimed);
	bench_pool_in("handover", "ours_lanes", &aimed);
}
