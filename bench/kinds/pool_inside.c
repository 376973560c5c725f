/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_inside.c - jobs that submit jobs: each the next one, or one thousands.
 */
#include "pool_contest.h"
#include "threads.h"

#define LINKS 4096u

static void burst(const struct contest *contest, struct job *first, uint64_t count)
{
	enum place place = contest_play(contest);
	uint64_t begin;

	pool_meter.jobs = contest->jobs;
	contest_aim(count);
	begin = now_ns();
	contest->ops->submit(contest->pool, &first, 1);
	contest_wait();
	samples_add(&pool_time, place, (double)(now_ns() - begin) / (double)count);
	contest_settle(contest);
}

static void bursts(struct bench *bench, const struct contest *contest, struct job *first, uint64_t count)
{
	burst(contest, first, count);
	samples_reset(&pool_time);
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		burst(contest, first, count);
	samples_report(&pool_time, bench, "time");
}

void pool_chain(struct bench *bench, const void *argument)
{
	const struct pool_ops *ops = argument;
	struct contest contest;

	if (contest_begin(&contest, bench, ops, 1) && contest_jobs(&contest, bench, POOL_RING, ops->chain))
		bursts(bench, &contest, contest.jobs[0], LINKS);
	contest_end(&contest);
}

void pool_spawn(struct bench *bench, const void *argument)
{
	const struct pool_ops *ops = argument;
	struct contest contest;

	if (contest_begin(&contest, bench, ops, 1) && contest_jobs(&contest, bench, POOL_SPAWN + 1, pool_tick)) {
		contest.jobs[POOL_SPAWN]->body = ops->spawn;
		contest_prepare(&contest, contest.jobs[POOL_SPAWN]);
		bursts(bench, &contest, contest.jobs[POOL_SPAWN], POOL_SPAWN);
	}
	contest_end(&contest);
}
