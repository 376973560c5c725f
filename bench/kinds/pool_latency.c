/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_latency.c - one job at a time: when its first instruction runs, after the worker was idle for so long.
 */
#include "pool_contest.h"
#include "threads.h"

#define ASLEEP_NS 200000u

static _Alignas(128) uint64_t ran_ns; /* the worker's, 0 before */

static void stamp(struct job *job)
{
	(void)job;
	__atomic_store_n(&ran_ns, now_ns(), __ATOMIC_RELEASE);
}

static void event(const struct contest *contest, uint64_t idle_ns)
{
	enum place place = contest_play(contest);
	uint64_t begin, submitted, ran;

	__atomic_store_n(&ran_ns, 0, __ATOMIC_RELAXED);
	if (idle_ns > 0)
		spin_ns(idle_ns);
	begin = now_ns();
	contest->ops->submit(contest->pool, contest->jobs, 1);
	submitted = now_ns();
	while ((ran = __atomic_load_n(&ran_ns, __ATOMIC_ACQUIRE)) == 0)
		relax();
	samples_add(&pool_time, place, ran > begin ? (double)(ran - begin) : 0);
	samples_add(&pool_submit, place, (double)(submitted - begin));
	contest_settle(contest);
}

static void events(struct bench *bench, const struct pool_ops *ops, uint64_t idle_ns)
{
	struct contest contest;

	if (contest_begin(&contest, bench, ops, 1) && contest_jobs(&contest, bench, 1, stamp)) {
		for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			event(&contest, idle_ns);
		samples_report_tail(&pool_time, bench, "time", 99);
		samples_report(&pool_time, bench, "time");
		samples_report(&pool_submit, bench, "submit");
	}
	contest_end(&contest);
}

void pool_first_instruction(struct bench *bench, const void *argument)
{
	events(bench, argument, (uint64_t)bench_range(bench));
}

void pool_asleep(struct bench *bench, const void *argument)
{
	events(bench, argument, ASLEEP_NS);
}
