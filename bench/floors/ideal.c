/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ideal.c - the floor of jobs that do something: nobody hands anything over, each of the two submitters runs its own half.
 */
#include "all.h"
#include "pool.h"

static void *create(unsigned workers)
{
	static char nothing;

	(void)workers;
	return &nothing;
}

static void destroy(void *pool)
{
	(void)pool;
}

static void run_here(void *pool, struct job *const *jobs, size_t count)
{
	(void)pool;
	for (size_t i = 0; i < count; i++)
		jobs[i]->body(jobs[i]);
}

void floor_ideal(void)
{
	static const struct pool_ops ideal = {.create = create, .destroy = destroy, .submit = run_here,
					     .workers = 2};

	bench_pool_in("balanced_200ns", "floor", &ideal);
}
