/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * urcu_call.c - liburcu's call_rcu with a worker of its own: the nearest that it has to a queue of work. The worker looks
 * for work every ten milliseconds, and waits for a grace period before it runs any.
 */
#include <urcu/urcu-memb.h>

#include "all.h"
#include "pool.h"
#include "threads.h"

static struct call_rcu_data *worker;

static void run(struct rcu_head *head)
{
	struct job *job = (struct job *)(void *)head;

	job->body(job);
}

static void *create(unsigned workers)
{
	(void)workers;
	urcu_memb_register_thread();
	worker = urcu_memb_create_call_rcu_data(0, (int)threads_cpu(WHERE_SECOND));
	if (worker == NULL) {
		urcu_memb_unregister_thread();
		return NULL;
	}
	urcu_memb_set_thread_call_rcu_data(worker);
	return worker;
}

static void destroy(void *pool)
{
	urcu_memb_set_thread_call_rcu_data(NULL);
	urcu_memb_call_rcu_data_free(pool);
	urcu_memb_unregister_thread();
}

static void submit(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		urcu_memb_call_rcu((struct rcu_head *)(void *)jobs[i]->room, run);
}

void rival_urcu_call(void)
{
	static const struct pool_ops pool = {
		.create = create, .destroy = destroy, .submit = submit, .workers = 1, .slow = 16};

	bench_pool_in("handover", "urcu_call_rcu", &pool);
}
