/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - see pool.h: what all groups of this kind share, and the list of them.
 */
#include "pool.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool_contest.h"
#include "scatter.h"
#include "threads.h"

struct pool_meter pool_meter;
struct samples pool_time, pool_submit;

void pool_tick(struct job *job)
{
	(void)job;
	pool_count();
}

void pool_tick_shared(struct job *job)
{
	uint64_t goal = pool_meter.goal; /* before it counts: afterwards the next burst may begin */

	(void)job;
	if (__atomic_add_fetch(&pool_meter.tally, 1, __ATOMIC_ACQ_REL) == goal)
		__atomic_store_n(&pool_meter.done, goal, __ATOMIC_RELEASE);
}

/* ---- contest ---- */

static void return_ball(struct job *job)
{
	court_return(job->room[30]);
}

/* One more job, which plays with the submitter. */
static bool prepare_game(struct contest *contest)
{
	contest->court = court_make();
	contest->game = aligned_alloc(128, sizeof(*contest->game));
	if (contest->court == NULL || contest->game == NULL)
		return false;
	memset(contest->game, 0, sizeof(*contest->game));
	contest->game->room[30] = contest->court;
	contest->game->body = return_ball;
	contest_prepare(contest, contest->game);
	return true;
}

void contest_prepare(const struct contest *contest, struct job *job)
{
	if (contest->ops->prepare != NULL)
		contest->ops->prepare(contest->pool, job);
}

static bool prepare_jobs(struct contest *contest, size_t count, job_body *body)
{
	contest->memory = scatter((void ***)&contest->jobs, count, sizeof(struct job));
	if (contest->memory == NULL)
		return false;
	contest->jobs_count = count;
	for (size_t i = 0; i < count; i++) {
		contest->jobs[i]->body = body;
		contest_prepare(contest, contest->jobs[i]);
	}
	return true;
}

bool contest_renew(struct contest *contest, struct bench *bench)
{
	contest->ops->destroy(contest->pool);
	threads_pin(WHERE_SECOND);
	contest->pool = contest->ops->create(1);
	threads_pin(WHERE_FIRST);
	if (contest->pool == NULL) {
		bench_skip(bench, "the contestant cannot be made again");
		return false;
	}
	contest_prepare(contest, contest->game);
	for (size_t i = 0; i < contest->jobs_count; i++)
		contest_prepare(contest, contest->jobs[i]);
	return true;
}

bool contest_begin(struct contest *contest, struct bench *bench, const struct pool_ops *ops, unsigned workers)
{
	*contest = (struct contest){.ops = ops};
	if (!threads_need_two(bench))
		return false;
	threads_pin(workers == 1 ? WHERE_SECOND : WHERE_BOTH);
	contest->pool = ops->create(workers);
	threads_pin(WHERE_FIRST);
	if (contest->pool == NULL || !prepare_game(contest)) {
		bench_skip(bench, "the contestant cannot be made");
		return false;
	}
	memset(&pool_meter, 0, sizeof(pool_meter));
	samples_reset(&pool_time);
	samples_reset(&pool_submit);
	return true;
}

bool contest_jobs(struct contest *contest, struct bench *bench, size_t count, job_body *body)
{
	if (prepare_jobs(contest, count, body))
		return true;
	bench_skip(bench, "no memory");
	return false;
}

void contest_end(struct contest *contest)
{
	if (contest->pool != NULL)
		contest->ops->destroy(contest->pool);
	threads_pin(WHERE_ANYWHERE);
	free(contest->jobs);
	free(contest->memory);
	free(contest->game);
	court_free(contest->court);
}

enum place contest_play(const struct contest *contest)
{
	contest->ops->submit(contest->pool, &contest->game, 1);
	return court_play(contest->court, NULL);
}

void contest_aim(uint64_t count)
{
	__atomic_store_n(&pool_meter.done, 0, __ATOMIC_RELAXED);
	pool_meter.tally = 0;
	pool_meter.goal = count;
}

void contest_wait(void)
{
	while (__atomic_load_n(&pool_meter.done, __ATOMIC_ACQUIRE) == 0)
		relax();
}

void contest_wait_yielding(void)
{
	while (__atomic_load_n(&pool_meter.done, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
}

void contest_settle(const struct contest *contest)
{
	if (contest->ops->settle != NULL)
		contest->ops->settle(contest->pool);
}

/* ---- groups ---- */

static const int64_t no_range[] = {0}, idle_ns[] = {0, 5000}, cpus[] = {1, 2};

enum need { NOTHING, INSIDE, GROWTH, BY_NAME };

static const struct group {
	const char *name;
	bench_routine *routine;
	const int64_t *ranges;
	size_t range_count;
	int64_t iterations;
	unsigned workers;
	enum need need; /* jobs that submit jobs; workers added; bench_pool_in only */
} groups[] = {
	{"handover", pool_handover, no_range, 0, 128, 1, NOTHING},
	{"two_submitters", pool_two_submitters, no_range, 0, 64, 1, NOTHING},
	{"chain", pool_chain, no_range, 0, 64, 1, INSIDE},
	{"spawn", pool_spawn, no_range, 0, 64, 1, INSIDE},
	{"balanced_empty", pool_balanced_empty, no_range, 0, 16, 2, NOTHING},
	{"balanced_200ns", pool_balanced_200ns, no_range, 0, 16, 2, NOTHING},
	{"first_instruction", pool_first_instruction, idle_ns, 2, 512, 1, NOTHING},
	{"asleep", pool_asleep, no_range, 0, 128, 1, NOTHING},
	{"add_worker", pool_add_worker, cpus, 2, 32, 1, GROWTH},
	{"plain_queue", pool_plain_queue, no_range, 0, 128, 1, BY_NAME},
	{"add_stall", pool_add_stall, no_range, 0, 16, 1, GROWTH},
};

static void enter(const struct group *group, const char *variant, const struct pool_ops *ops)
{
	char name[96];

	snprintf(name, sizeof(name), "%s/%s", group->name, variant);
	bench_register(&(struct bench_spec){.name = name, .routine = group->routine, .argument = ops,
					    .ranges = group->ranges, .range_count = group->range_count,
					    .clock = BENCH_CLOCK_WALL,
					    .iterations = group->iterations / (ops->slow > 0 ? ops->slow : 1)});
}

#define GROUPS_COUNT (sizeof(groups) / sizeof(groups[0]))

void bench_pool_in(const char *name, const char *variant, const struct pool_ops *ops)
{
	for (size_t i = 0; i < GROUPS_COUNT; i++)
		if (strcmp(groups[i].name, name) == 0)
			enter(&groups[i], variant, ops);
}

static bool fits(const struct pool_ops *ops, const struct group *group)
{
	if (group->need == BY_NAME)
		return false;
	if ((group->need == INSIDE && ops->chain == NULL) || (group->need == GROWTH && ops->add_worker == NULL))
		return false;
	return ops->workers >= group->workers;
}

void bench_pool(const char *variant, const struct pool_ops *ops)
{
	for (size_t i = 0; i < GROUPS_COUNT; i++)
		if (fits(ops, &groups[i]))
			enter(&groups[i], variant, ops);
}
