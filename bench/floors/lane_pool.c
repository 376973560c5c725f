/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lane_pool.c - the least that two submitters to one worker can pay: each has a lane of its own (lanes.h), so they meet
 * nowhere. "floor" claims each job first, with one locked operation on the job; "floor_no_claim" does not.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "all.h"
#include "lanes.h"
#include "pool.h"
#include "threads.h"

#define CAPACITY 4096u /* more than any group of one worker submits at once */
#define SHORT_BATCH 16u
#define POLITE_NS 500u

struct node {
	atomic_uint queued;
	job_body *body;
};

static struct {
	struct lanes *lanes;
	atomic_bool stop;
	pthread_t thread;
} self;

static void prepare(void *pool, struct job *job)
{
	struct node *node = (struct node *)(void *)job->room;

	(void)pool;
	atomic_init(&node->queued, 0);
	node->body = job->body;
}

static inline void run(struct node *node)
{
	atomic_store_explicit(&node->queued, 0, memory_order_release);
	node->body((struct job *)(void *)node);
}

static void *work(void *argument)
{
	(void)argument;
	while (!atomic_load_explicit(&self.stop, memory_order_relaxed)) {
		size_t taken = LANES_TAKE(self.lanes, run);

		if (taken == 0)
			relax();
		else if (taken < SHORT_BATCH)
			spin_ns(POLITE_NS);
	}
	return NULL;
}

static void *create(unsigned workers)
{
	(void)workers;
	self.lanes = lanes_make_here(CAPACITY);
	atomic_store(&self.stop, false);
	if (self.lanes == NULL)
		return NULL;
	if (pthread_create(&self.thread, NULL, work, NULL) == 0)
		return &self;
	lanes_free(self.lanes);
	return NULL;
}

static void destroy(void *pool)
{
	(void)pool;
	atomic_store(&self.stop, true);
	pthread_join(self.thread, NULL);
	lanes_free(self.lanes);
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		lanes_append_here(self.lanes, (void *)jobs[i]->room);
}

static void submit_claiming(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++) {
		struct node *node = (struct node *)(void *)jobs[i]->room;

		if (atomic_exchange_explicit(&node->queued, 1, memory_order_acq_rel) == 0)
			lanes_append_here(self.lanes, node);
	}
}

void floor_lane_pool(void)
{
	static const struct pool_ops plain = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
					     .workers = 1};
	static const struct pool_ops claiming = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit_claiming,
					     .workers = 1};

	bench_pool_in("handover", "floor_lanes", &claiming);
	bench_pool_in("two_submitters", "floor", &claiming);
	bench_pool_in("two_submitters", "floor_no_claim", &plain);
}
