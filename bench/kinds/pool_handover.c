/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_handover.c - bursts for one worker: from one submitter, and from two while the worker is held up.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "pool_contest.h"
#include "queue.h"
#include "threads.h"

#define BURST 1024u

static void burst(const struct contest *contest, size_t count, void (*wait)(void))
{
	enum place place = contest_play(contest);
	uint64_t begin, submitted;

	contest_aim(count);
	begin = now_ns();
	contest->ops->submit(contest->pool, contest->jobs, count);
	submitted = now_ns();
	wait();
	samples_add(&pool_time, place, (double)(now_ns() - begin) / (double)count);
	samples_add(&pool_submit, place, (double)(submitted - begin) / (double)count);
	contest_settle(contest);
}

static void bursts(struct bench *bench, const struct pool_ops *ops, size_t count, job_body *body, const char *submit)
{
	void (*wait)(void) = body == pool_tick ? contest_wait : contest_wait_yielding;
	struct contest contest;

	if (contest_begin(&contest, bench, ops, 1) && contest_jobs(&contest, bench, count, body)) {
		burst(&contest, count, wait); /* everything is touched */
		samples_reset(&pool_time);
		samples_reset(&pool_submit);
		for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			burst(&contest, count, wait);
		samples_report(&pool_time, bench, "time");
		samples_report(&pool_submit, bench, submit);
	}
	contest_end(&contest);
}

void pool_handover(struct bench *bench, const void *argument)
{
	bursts(bench, argument, BURST, pool_tick, "submit");
}

/* Among plain queues: as many as there, and whoever is free may run them. */
void pool_plain_queue(struct bench *bench, const void *argument)
{
	bursts(bench, argument, QUEUE_BURST, pool_tick_shared, "push");
}

/* ---- two submitters ---- */

struct second {
	const struct contest *contest;
	struct court *court; /* between the two */
	pthread_t thread;
	sem_t go, over;
	bool stop;        /* ordered by go */
	double submit_ns; /* ordered by over */
};

static sem_t release; /* of the worker */

static void hold_up(struct job *job)
{
	(void)job;
	while (sem_wait(&release) != 0)
		;
	pool_count();
}

static double submit_half(const struct contest *contest, unsigned half)
{
	uint64_t begin = now_ns();

	contest->ops->submit(contest->pool, contest->jobs + (size_t)half * BURST, BURST);
	return (double)(now_ns() - begin);
}

static void *submit_second(void *argument)
{
	struct second *second = argument;

	for (;;) {
		while (sem_wait(&second->go) != 0)
			;
		if (second->stop)
			return NULL;
		court_return(second->court);
		second->submit_ns = submit_half(second->contest, 1);
		sem_post(&second->over);
	}
}

static void burst_of_two(const struct contest *contest, struct second *second, struct job *holding)
{
	enum place place;
	double submit_ns;

	contest_aim(2 * BURST + 1);
	contest->ops->submit(contest->pool, &holding, 1);
	sem_post(&second->go);
	place = court_play(second->court, NULL);
	submit_ns = submit_half(contest, 0);
	while (sem_wait(&second->over) != 0)
		;
	sem_post(&release);
	contest_wait();
	samples_add(&pool_submit, place, (submit_ns + second->submit_ns) / (2.0 * BURST));
	contest_settle(contest);
}

static void bursts_of_two(struct bench *bench, const struct contest *contest, struct second *second)
{
	struct job *holding = contest->jobs[(size_t)2 * BURST];

	burst_of_two(contest, second, holding);
	samples_reset(&pool_submit);
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		burst_of_two(contest, second, holding);
	samples_report(&pool_submit, bench, "submit");
	second->stop = true;
	sem_post(&second->go);
	pthread_join(second->thread, NULL);
}

static bool start_second(struct second *second, const struct contest *contest)
{
	bool made;

	second->contest = contest;
	second->stop = false;
	second->court = court_make();
	sem_init(&second->go, 0, 0);
	sem_init(&second->over, 0, 0);
	threads_pin(WHERE_SECOND);
	made = second->court != NULL && pthread_create(&second->thread, NULL, submit_second, second) == 0;
	threads_pin(WHERE_FIRST);
	return made;
}

void pool_two_submitters(struct bench *bench, const void *argument)
{
	struct second second = {.court = NULL};
	struct contest contest;

	sem_init(&release, 0, 0);
	if (contest_begin(&contest, bench, argument, 1) &&
	    contest_jobs(&contest, bench, (size_t)2 * BURST + 1, pool_tick)) {
		contest.jobs[(size_t)2 * BURST]->body = hold_up;
		contest_prepare(&contest, contest.jobs[(size_t)2 * BURST]);
		if (start_second(&second, &contest))
			bursts_of_two(bench, &contest, &second);
		else
			bench_skip(bench, "no second submitter");
	}
	contest_end(&contest);
	court_free(second.court);
}
