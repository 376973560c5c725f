/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_contest.h - inside of the kind pool: one contestant during one run, and the groups. See pool.c.
 */
#ifndef BENCH_POOL_CONTEST_H
#define BENCH_POOL_CONTEST_H

#include <stdbool.h>

#include "place.h"
#include "pool.h"

struct contest {
	const struct pool_ops *ops;
	void *pool;
	struct court *court;
	struct job *game; /* plays in the worker's thread */
	struct job **jobs;
	size_t jobs_count;
	void *memory;
};

/* The metrics time and submit of the run that is on. */
extern struct samples pool_time, pool_submit;

/* The pool, workers on the second CPU or, two of them, on both; the caller on the first. false: skipped. End it anyhow. */
bool contest_begin(struct contest *contest, struct bench *bench, const struct pool_ops *ops, unsigned workers);
bool contest_jobs(struct contest *contest, struct bench *bench, size_t count, job_body *body);
/* Another pool with one worker, for the same jobs; false: skipped, it has none. */
bool contest_renew(struct contest *contest, struct bench *bench);
void contest_prepare(const struct contest *contest, struct job *job);
void contest_end(struct contest *contest);

/* With one worker: it is awake afterwards, and this near. */
enum place contest_play(const struct contest *contest);

/* So many jobs are going to count; wait until they have. With one worker. */
void contest_aim(uint64_t count);
void contest_wait(void);
void contest_wait_yielding(void); /* where a worker may need the caller's CPU */
void contest_settle(const struct contest *contest);

bench_routine pool_handover, pool_two_submitters, pool_chain, pool_spawn, pool_balanced_empty, pool_balanced_200ns,
	pool_first_instruction, pool_asleep, pool_add_worker, pool_add_stall, pool_plain_queue;

#endif
