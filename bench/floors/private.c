/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * private.c - the least that a job pays for the next job on its own worker: a list that nobody else can see.
 *
 * "floor" pays two plain stores; "floor_claim" also asks, with one locked operation, whether the job is queued already, as
 * ours has to since others may insert the same object. From outside jobs come through one exchanged word.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "all.h"
#include "pool.h"
#include "threads.h"

struct node {
	_Atomic(struct node *) link; /* not queued: itself */
	job_body *body;
};

static struct {
	_Alignas(128) _Atomic(struct node *) inbox; /* one job at a time */
	atomic_bool stop;
	pthread_t thread;
	_Alignas(128) struct node *first; /* worker only */
} self;

static struct node busy; /* only its address matters */

static struct node *node_of(struct job *job)
{
	return (struct node *)(void *)job->room;
}

static inline void push_private(struct job *job)
{
	struct node *node = node_of(job);

	atomic_store_explicit(&node->link, self.first, memory_order_relaxed);
	self.first = node;
}

static inline void push_claiming(struct job *job)
{
	struct node *node = node_of(job);

	if (atomic_exchange_explicit(&node->link, &busy, memory_order_acq_rel) == node)
		push_private(job);
}

POOL_BODIES(plain, push_private)
POOL_BODIES(claiming, push_claiming)

static void prepare(void *pool, struct job *job)
{
	struct node *node = node_of(job);

	(void)pool;
	atomic_init(&node->link, node);
	node->body = job->body;
}

static void run(struct node *node)
{
	atomic_store_explicit(&node->link, node, memory_order_release);
	node->body((struct job *)(void *)node);
}

static void *work(void *argument)
{
	struct node *node;

	(void)argument;
	while (!atomic_load_explicit(&self.stop, memory_order_relaxed)) {
		while ((node = self.first) != NULL) {
			self.first = atomic_load_explicit(&node->link, memory_order_relaxed);
			run(node);
		}
		if (atomic_load_explicit(&self.inbox, memory_order_relaxed) == NULL)
			relax();
		else
			run(atomic_exchange_explicit(&self.inbox, NULL, memory_order_acq_rel));
	}
	return NULL;
}

static void *create(unsigned workers)
{
	(void)workers;
	self.first = NULL;
	atomic_store(&self.inbox, NULL);
	atomic_store(&self.stop, false);
	return pthread_create(&self.thread, NULL, work, NULL) == 0 ? &self : NULL;
}

static void destroy(void *pool)
{
	(void)pool;
	atomic_store(&self.stop, true);
	pthread_join(self.thread, NULL);
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++) {
		while (atomic_load_explicit(&self.inbox, memory_order_relaxed) != NULL)
			relax();
		atomic_store_explicit(&self.inbox, node_of(jobs[i]), memory_order_release);
	}
}

void floor_private(void)
{
	static const struct pool_ops plain = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
					     .chain = plain_chain, .spawn = plain_spawn, .workers = 1};
	static const struct pool_ops claiming = {.create = create, .destroy = destroy, .prepare = prepare, .submit = submit,
					     .chain = claiming_chain, .spawn = claiming_spawn, .workers = 1};

	bench_pool_in("chain", "floor", &plain);
	bench_pool_in("spawn", "floor", &plain);
	bench_pool_in("chain", "floor_claim", &claiming);
	bench_pool_in("spawn", "floor_claim", &claiming);
}
