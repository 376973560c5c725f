/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * condvar.c - what most programs have: a list under a mutex, workers that wait for a condition variable.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "all.h"
#include "pool.h"

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t some;
	struct job *first, *last;
	bool stop;
	unsigned workers;
	pthread_t thread[2];
} self;

static void submit_one(struct job *job)
{
	pthread_mutex_lock(&self.mutex);
	job->room[0] = NULL;
	if (self.first == NULL)
		self.first = job;
	else
		self.last->room[0] = job;
	self.last = job;
	pthread_cond_signal(&self.some);
	pthread_mutex_unlock(&self.mutex);
}

POOL_BODIES(condvar, submit_one)

static struct job *next_job(void)
{
	struct job *job;

	pthread_mutex_lock(&self.mutex);
	while (self.first == NULL && !self.stop)
		pthread_cond_wait(&self.some, &self.mutex);
	job = self.first;
	if (job != NULL)
		self.first = job->room[0];
	pthread_mutex_unlock(&self.mutex);
	return job;
}

static void *work(void *argument)
{
	struct job *job;

	(void)argument;
	while ((job = next_job()) != NULL)
		job->body(job);
	return NULL;
}

static void destroy(void *pool)
{
	(void)pool;
	pthread_mutex_lock(&self.mutex);
	self.stop = true;
	pthread_cond_broadcast(&self.some);
	pthread_mutex_unlock(&self.mutex);
	for (unsigned i = 0; i < self.workers; i++)
		pthread_join(self.thread[i], NULL);
}

static bool add_worker(void *pool)
{
	(void)pool;
	if (pthread_create(&self.thread[self.workers], NULL, work, NULL) != 0)
		return false;
	self.workers++;
	return true;
}

static void *create(unsigned workers)
{
	pthread_mutex_init(&self.mutex, NULL);
	pthread_cond_init(&self.some, NULL);
	self.first = NULL;
	self.stop = false;
	self.workers = 0;
	while (self.workers < workers) {
		if (!add_worker(&self)) {
			destroy(&self);
			return NULL;
		}
	}
	return &self;
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		submit_one(jobs[i]);
}

void rival_condvar(void)
{
	static const struct pool_ops pool = {.create = create, .destroy = destroy, .submit = submit, .add_worker = add_worker,
					     .chain = condvar_chain, .spawn = condvar_spawn, .workers = 2};

	bench_pool("condvar", &pool);
}
