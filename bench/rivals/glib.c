/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glib.c - GLib's thread pool, with threads of its own, and its asynchronous queue.
 */
#include <glib.h>

#include "all.h"
#include "pool.h"
#include "queue.h"

static GThreadPool *self;

static void run(gpointer data, gpointer context)
{
	struct job *job = data;

	(void)context;
	job->body(job);
}

static inline void submit_one(struct job *job)
{
	g_thread_pool_push(self, job, NULL);
}

POOL_BODIES(glib, submit_one)

static void *create(unsigned workers)
{
	self = g_thread_pool_new(run, NULL, (gint)workers, TRUE, NULL);
	return self;
}

static void destroy(void *pool)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		submit_one(jobs[i]);
}

static bool add_worker(void *pool)
{
	return g_thread_pool_set_max_threads(pool, g_thread_pool_get_max_threads(pool) + 1, NULL);
}

static void *make_queue(size_t capacity, unsigned producers)
{
	(void)capacity;
	(void)producers;
	return g_async_queue_new();
}

static void free_queue(void *queue)
{
	g_async_queue_unref(queue);
}

static void push_queue(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	(void)producer;
	for (size_t i = 0; i < count; i++)
		g_async_queue_push(queue, items[i]);
}

static size_t take_queue(void *queue)
{
	struct queue_item *item;
	size_t count = 0;

	for (; (item = g_async_queue_try_pop(queue)) != NULL; count++)
		queue_item_run(item);
	return count;
}

void rival_glib(void)
{
	static const struct pool_ops pool = {.create = create, .destroy = destroy, .submit = submit, .add_worker = add_worker,
					     .chain = glib_chain, .spawn = glib_spawn, .workers = 2};
	static const struct queue_ops queue = {make_queue, free_queue, push_queue, take_queue, QUEUE_PRODUCERS};

	bench_pool("glib_pool", &pool);
	bench_queue("glib_async_queue", &queue);
}
