/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uv.c - libuv's work queue. Its threads are made once, as many as the environment says; jobs are submitted by the loop's
 * thread only, which has to hear of each that has run before it may submit it again.
 */
#include <stdlib.h>
#include <uv.h>

#include "all.h"
#include "pool.h"

static uv_loop_t loop;

static void run(uv_work_t *request)
{
	struct job *job = (struct job *)(void *)request;

	job->body(job);
}

static void heard(uv_work_t *request, int status)
{
	(void)request;
	(void)status;
}

static void settle(void *pool)
{
	uv_run(pool, UV_RUN_DEFAULT);
}

static void run_nothing(uv_work_t *request)
{
	(void)request;
}

/* The thread is made with the first job, and runs where its maker may run then. */
static void *create(unsigned workers)
{
	static uv_work_t first;

	(void)workers;
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	if (uv_loop_init(&loop) != 0)
		return NULL;
	uv_queue_work(&loop, &first, run_nothing, heard);
	settle(&loop);
	return &loop;
}

static void destroy(void *pool)
{
	settle(pool);
	uv_loop_close(pool);
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		uv_queue_work(pool, (uv_work_t *)(void *)jobs[i]->room, run, heard);
}

void rival_uv(void)
{
	static const struct pool_ops pool = {
		.create = create, .destroy = destroy, .submit = submit, .settle = settle, .workers = 1};

	_Static_assert(sizeof(uv_work_t) <= sizeof(((struct job *)NULL)->room) - sizeof(void *), "a job has room for it");
	bench_pool_in("handover", "libuv", &pool);
	bench_pool_in("first_instruction", "libuv", &pool);
	bench_pool_in("asleep", "libuv", &pool);
}
