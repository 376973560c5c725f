/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - contestants that run what they are given in threads of their own: thread pools, executors, queues of DPCs.
 *
 * A contestant fills in struct pool_ops and calls bench_pool with it once, which enters it in every group that it can take
 * part in, or bench_pool_in for one group. Its loops stand in its own file, so that a burst costs one indirect call. Groups:
 *
 *   handover           one worker on another processor, awake. time: submit to run, for one job of a burst; submit: what
 *                      the submitter paid.
 *   two_submitters     two threads submit at the same time, each on its own processor, while the one worker is held up
 *                      in a job: submit.
 *   chain, spawn       a job submits the next one; a job submits thousands: time for one of them. One worker.
 *   balanced_empty, balanced_200ns
 *                      two submitters and two workers on two processors: wall time for one job.
 *   first_instruction  from submit to the first instruction of the job, the worker idle for so many ns before.
 *   asleep             the same after it has been idle for long: time, time_p99, and submit, the submitter's share.
 *   add_worker         a second worker is added while the first is held up and a job waits: from the call to the job's
 *                      first instruction. Range 1: on its maker's CPU, 2: it may have another.
 *                      "floor_ahead" and "ours_ahead" have the thread of that worker already; it sleeps.
 *   add_stall          the longest submit while another thread adds a worker.
 *   plain_queue        by name only: a pool among the plain queues (queue.h).
 *
 * All jobs of a burst are different objects, scattered, and last touched by their worker. A contestant that claims, that
 * is refuses what is queued already, says so in its name or is ours.
 */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#define POOL_ALIGNED alignas(128)
#else
#define POOL_ALIGNED _Alignas(128)
#endif

#define POOL_SPAWN 4096u /* jobs that one job submits */
#define POOL_RING 64u    /* jobs that a chain goes through */
#define POOL_SETTLE_US 500u /* a worker that is made ahead and is about to sleep sleeps by then */

struct job;
typedef void job_body(struct job *job);

struct job {
	POOL_ALIGNED void *room[31]; /* the contestant's; NULL at first */
	job_body *body;
};

struct pool_ops {
	/* So many workers, 1 or 2. They inherit from the caller where to run. NULL: failed. */
	void *(*create)(unsigned workers);
	/* Nothing is queued or runs any more. */
	void (*destroy)(void *pool);
	/* Once for each job before it is first submitted, its body is set; NULL: nothing to prepare. */
	void (*prepare)(void *pool, struct job *job);
	/* All of them, in this order; from any thread but a worker. Each runs once: job->body(job). */
	void (*submit)(void *pool, struct job *const *jobs, size_t count);
	/* Between two bursts, not timed: all jobs have run, the next burst submits them again; NULL: nothing to do. */
	void (*settle)(void *pool);
	/* One more, while jobs are submitted and run; it inherits as in create. NULL: it cannot; false: failed. */
	bool (*add_worker)(void *pool);
	/* Bodies made by POOL_BODIES; NULL: not in these groups. */
	job_body *chain, *spawn;
	unsigned workers; /* most it can have at once: 1 or 2 */
	unsigned slow;    /* so many times fewer bursts than others, because each takes milliseconds; 0: as many */
};

/* ops: constant, for ever. */
void bench_pool(const char *variant, const struct pool_ops *ops);
void bench_pool_in(const char *group, const char *variant, const struct pool_ops *ops);

/* ---- for jobs: with one worker ---- */

struct pool_meter {
	POOL_ALIGNED uint64_t tally; /* worker only */
	uint64_t goal;               /* submitter, before the burst */
	struct job **jobs;
	POOL_ALIGNED uint64_t done;
};

extern struct pool_meter pool_meter;

static inline void pool_count(void)
{
	if (++pool_meter.tally == pool_meter.goal)
		__atomic_store_n(&pool_meter.done, pool_meter.tally, __ATOMIC_RELEASE);
}

/* The usual body: counts. A contestant may look for it and do the same in place. */
void pool_tick(struct job *job);
/* The same for several workers. */
void pool_tick_shared(struct job *job);

/* NULL: that was the last link. */
static inline struct job *pool_next(void)
{
	if (++pool_meter.tally != pool_meter.goal)
		return pool_meter.jobs[pool_meter.tally % POOL_RING];
	__atomic_store_n(&pool_meter.done, pool_meter.tally, __ATOMIC_RELEASE);
	return NULL;
}

/* The bodies of chain and spawn, prefix_chain and prefix_spawn; submit_one(job) submits from inside. */
#define POOL_BODIES(prefix, submit_one)                                                                                \
	static void prefix##_chain(struct job *job)                                                                    \
	{                                                                                                              \
		struct job *next = pool_next();                                                                        \
                                                                                                                       \
		(void)job;                                                                                             \
		if (next != NULL)                                                                                      \
			submit_one(next);                                                                              \
	}                                                                                                              \
	static void prefix##_spawn(struct job *job)                                                                    \
	{                                                                                                              \
		(void)job;                                                                                             \
		for (size_t i = 0; i < POOL_SPAWN; i++)                                                                \
			submit_one(pool_meter.jobs[i]);                                                                \
	}

#ifdef __cplusplus
}
#endif

#endif
