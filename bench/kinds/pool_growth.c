/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_growth.c - a worker is added to a pool of one: how soon it runs something, and whether submitters notice.
 *
 * Each addition needs a pool of its own, made outside the measured time.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "pool_contest.h"
#include "threads.h"

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) != 0)
		;
}

/* ---- how soon ---- */

enum { HOLDING, WAITING, JOBS };

static sem_t holds, release, ran;
static uint64_t ran_ns; /* ordered by ran */

static void hold_up(struct job *job)
{
	(void)job;
	sem_post(&holds);
	wait_for(&release);
	pool_count();
}

static void stamp(struct job *job)
{
	(void)job;
	ran_ns = now_ns();
	sem_post(&ran);
}

static bool addition(const struct contest *contest, enum where newcomer)
{
	enum place place = contest_play(contest);
	uint64_t begin;
	bool added;

	contest_aim(1);
	contest->ops->submit(contest->pool, &contest->jobs[HOLDING], 1);
	wait_for(&holds);
	contest->ops->submit(contest->pool, &contest->jobs[WAITING], 1);
	threads_pin(newcomer);
	begin = now_ns();
	added = contest->ops->add_worker(contest->pool);
	if (added)
		wait_for(&ran);
	threads_pin(WHERE_FIRST);
	sem_post(&release);
	contest_wait();
	if (added)
		samples_add(&pool_time, place, (double)(ran_ns - begin));
	else
		wait_for(&ran);
	return added;
}

void pool_add_worker(struct bench *bench, const void *argument)
{
	enum where newcomer = bench_range(bench) == 1 ? WHERE_SECOND : WHERE_BOTH;
	struct contest contest;
	bool works;

	sem_init(&holds, 0, 0);
	sem_init(&release, 0, 0);
	sem_init(&ran, 0, 0);
	works = contest_begin(&contest, bench, argument, 1) && contest_jobs(&contest, bench, JOBS, stamp);
	if (works)
		contest.jobs[HOLDING]->body = hold_up;
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		works = works && contest_renew(&contest, bench);
		if (works && !addition(&contest, newcomer)) {
			bench_skip(bench, "no worker can be added");
			works = false;
		}
	}
	samples_report(&pool_time, bench, "time");
	contest_end(&contest);
}

/* ---- whether submitters notice ---- */

#define STREAM 8192u
#define PACE_NS 400u /* more than a job takes: there is no backlog */

struct adder {
	const struct contest *contest;
	pthread_t thread;
	sem_t go;
	bool stop; /* ordered by go */
	_Alignas(128) atomic_uint done; /* additions */
};

static void *add_workers(void *argument)
{
	struct adder *adder = argument;

	for (;;) {
		wait_for(&adder->go);
		if (adder->stop)
			return NULL;
		adder->contest->ops->add_worker(adder->contest->pool);
		atomic_fetch_add(&adder->done, 1);
	}
}

/* Submits them all; the addition begins after some, and is over before the last, or the event does not count. */
static void stream(const struct contest *contest, struct adder *adder, enum place place)
{
	unsigned before = atomic_load(&adder->done);
	uint64_t longest = 0;
	bool in_time = false;

	contest_aim(STREAM);
	for (unsigned i = 0; i < STREAM; i++) {
		uint64_t begin, took;

		if (i == STREAM / 8)
			sem_post(&adder->go);
		begin = now_ns();
		contest->ops->submit(contest->pool, &contest->jobs[i], 1);
		took = now_ns() - begin;
		longest = took > longest && i > STREAM / 8 && !in_time ? took : longest;
		in_time = atomic_load_explicit(&adder->done, memory_order_relaxed) != before;
		spin_ns(PACE_NS);
	}
	contest_wait();
	while (atomic_load(&adder->done) == before)
		relax();
	samples_add(&pool_submit, in_time ? place : PLACE_LOST, (double)longest);
}

static bool start_adder(struct adder *adder, const struct contest *contest)
{
	bool made;

	adder->contest = contest;
	adder->stop = false;
	atomic_store(&adder->done, 0);
	sem_init(&adder->go, 0, 0);
	threads_pin(WHERE_SECOND);
	made = pthread_create(&adder->thread, NULL, add_workers, adder) == 0;
	threads_pin(WHERE_FIRST);
	return made;
}

void pool_add_stall(struct bench *bench, const void *argument)
{
	struct contest contest;
	struct adder adder;
	bool works, started = false;

	works = contest_begin(&contest, bench, argument, 1) && contest_jobs(&contest, bench, STREAM, pool_tick_shared);
	if (works)
		works = started = start_adder(&adder, &contest);
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i) {
		works = works && contest_renew(&contest, bench);
		if (works)
			stream(&contest, &adder, contest_play(&contest));
	}
	samples_report(&pool_submit, bench, "longest");
	if (started) {
		adder.stop = true;
		sem_post(&adder.go);
		pthread_join(adder.thread, NULL);
	}
	contest_end(&contest);
}
