/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - see pool.h: what all groups of this kind share, and the list of them.
 */
#include "pool.h"

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
	for (size_t i = 0; i < count; i++) {
		contest->jobs[i]->body = body;
		contest_prepare(contest, contest->jobs[i]);
	}
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

void contest_settle(const struct contest *contest)
{
	if (contest->ops->settle != NULL)
		contest->ops->settle(contest->pool);
}

/* ---- groups ---- */

static const int64_t no_range[] = {0}, idle_ns[] = {0, 5000};

static const struct group {
	const char *name;
	bench_routine *routine;
	const int64_t *ranges;
	size_t range_count;
	int64_t iterations;
	unsigned workers;
	bool inside; /* jobs submit jobs */
} groups[] = {
	{"handover", pool_handover, no_range, 0, 128, 1, false},
	{"two_submitters", pool_two_submitters, no_range, 0, 64, 1, false},
	{"chain", pool_chain, no_range, 0, 64, 1, true},
	{"spawn", pool_spawn, no_range, 0, 64, 1, true},
	{"balanced_empty", pool_balanced_empty, no_range, 0, 16, 2, false},
	{"balanced_200ns", pool_balanced_200ns, no_range, 0, 16, 2, false},
	{"first_instruction", pool_first_instruction, idle_ns, 2, 512, 1, false},
	{"asleep", pool_asleep, no_range, 0, 128, 1, false},
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

void bench_pool(const char *variant, const struct pool_ops *ops)
{
	for (size_t i = 0; i < GROUPS_COUNT; i++)
		if (ops->workers >= groups[i].workers && (!groups[i].inside || ops->chain != NULL))
			enter(&groups[i], variant, ops);
}
