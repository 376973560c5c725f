/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool_balanced.c - two submitters and two workers on two processors, jobs for whoever is free.
 *
 * Problem   completion has to be counted without a word that all workers write, and without a thread that looks all the
 *           time: there are four threads on two processors already.
 * Idea      each worker counts in a cell of its own. Now and then it adds up all cells, the more often the fewer jobs are
 *           left, and who finds that all have run notes the time and wakes the submitter.
 * I1        who counts a job while few are left looks afterwards, and both workers' looks are ordered (seq_cst): so one of
 *           two that end together sees both. A worker whose next look is far off had many left then; should it be the
 *           last all the same, the submitter's own look after a while finds the burst over, and it does not count.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "pool_contest.h"
#include "threads.h"

#define BURST 4096u /* of each submitter */
#define TOTAL ((uint64_t)2 * BURST)
#define CELLS 64u
#define WORK_NS 200.0
#define PATIENCE_NS 5000000
#define CALIBRATION_TURNS 16384u

/* ---- counting ---- */

struct cell {
	_Alignas(128) atomic_ullong runs;
};

static struct {
	struct cell cells[CELLS];
	_Alignas(128) atomic_uint taken;
	_Alignas(128) atomic_uint number; /* of the burst; a worker that meets a new one takes a cell */
	_Alignas(128) atomic_uint ended;  /* number of the last one that is over */
	uint64_t end_ns;                  /* ordered by over */
	sem_t over;
} count;

static _Thread_local struct {
	unsigned number;
	struct cell *cell;
	uint64_t runs, next_look;
} mine;

static void take_cell(unsigned number)
{
	mine.number = number;
	mine.runs = mine.next_look = 0;
	mine.cell = &count.cells[atomic_fetch_add(&count.taken, 1) % CELLS];
}

static uint64_t sum(void)
{
	unsigned taken = atomic_load(&count.taken);
	uint64_t runs = 0;

	for (unsigned i = 0; i < taken && i < CELLS; i++)
		runs += atomic_load(&count.cells[i].runs);
	return runs;
}

/* Of all that find it over one says so, even if the next burst has begun meanwhile. */
static bool end_burst(unsigned number)
{
	unsigned before = number - 1;

	return atomic_compare_exchange_strong(&count.ended, &before, number);
}

static void look(void)
{
	uint64_t left;

	atomic_fetch_add(&mine.cell->runs, 0); /* I1: between the count and the look, as a fence would be */
	left = TOTAL - sum();
	mine.next_look = mine.runs + 1 + left / 8;
	if (left == 0 && end_burst(mine.number)) {
		count.end_ns = now_ns();
		sem_post(&count.over);
	}
}

static void count_one(void)
{
	unsigned number = atomic_load_explicit(&count.number, memory_order_relaxed); /* set before the submit */

	if (mine.number != number)
		take_cell(number);
	atomic_store_explicit(&mine.cell->runs, ++mine.runs, memory_order_release);
	if (mine.runs >= mine.next_look)
		look();
}

static void count_reset(void)
{
	for (unsigned i = 0; i < CELLS; i++)
		atomic_store(&count.cells[i].runs, 0);
	atomic_store(&count.taken, 0);
	atomic_fetch_add(&count.number, 1);
}

/* ---- jobs ---- */

static uint64_t work_turns; /* that take WORK_NS */

/* Each turn needs the one before, also that of the job before: a processor would begin with the next job otherwise. */
static _Thread_local uint64_t worked;

__attribute__((noinline)) static void turn(uint64_t turns)
{
	uint64_t value = worked;

	for (; turns > 0; turns--) {
		value = value * 3 + 1;
		__asm__ __volatile__("" : "+r"(value));
	}
	worked = value;
}

static void calibrate(void)
{
	double least = 1e9;

	for (unsigned i = 0; i < 256; i++) {
		uint64_t begin = now_ns();
		double took;

		turn(CALIBRATION_TURNS);
		took = (double)(now_ns() - begin);
		least = took < least ? took : least;
	}
	work_turns = (uint64_t)(CALIBRATION_TURNS * WORK_NS / least);
}

static void run_empty(struct job *job)
{
	(void)job;
	count_one();
}

static void run_200ns(struct job *job)
{
	(void)job;
	turn(work_turns);
	count_one();
}

/* ---- submitters ---- */

struct second {
	const struct contest *contest;
	struct court *court;
	pthread_t thread;
	sem_t go;
	bool stop; /* ordered by go */
};

static void *submit_second(void *argument)
{
	struct second *second = argument;

	for (;;) {
		while (sem_wait(&second->go) != 0)
			;
		if (second->stop)
			return NULL;
		court_return(second->court);
		second->contest->ops->submit(second->contest->pool, second->contest->jobs + BURST, BURST);
	}
}

/* false: the burst ended without anybody noticing. */
static bool wait_over(void)
{
	struct timespec until;
	bool noticed = true;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += PATIENCE_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (sem_timedwait(&count.over, &until) == 0)
			return noticed;
		if (errno == ETIMEDOUT && sum() == TOTAL && end_burst(atomic_load(&count.number)))
			return false;
	}
}

static void burst(const struct contest *contest, struct second *second)
{
	enum place place;
	uint64_t begin;

	count_reset();
	sem_post(&second->go);
	place = court_play(second->court, NULL);
	begin = now_ns();
	contest->ops->submit(contest->pool, contest->jobs, BURST);
	if (wait_over())
		samples_add(&pool_time, place, (double)(count.end_ns - begin) / (double)TOTAL);
	else
		samples_add(&pool_time, PLACE_LOST, 0);
	contest_settle(contest);
}

static void bursts(struct bench *bench, const struct contest *contest, struct second *second)
{
	burst(contest, second);
	samples_reset(&pool_time);
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		burst(contest, second);
	samples_report(&pool_time, bench, "time");
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
	threads_pin(WHERE_SECOND);
	made = second->court != NULL && pthread_create(&second->thread, NULL, submit_second, second) == 0;
	threads_pin(WHERE_FIRST);
	return made;
}

static void balanced(struct bench *bench, const struct pool_ops *ops, job_body *body)
{
	struct second second = {.court = NULL};
	struct contest contest;

	sem_init(&count.over, 0, 0);
	if (contest_begin(&contest, bench, ops, 2) && contest_jobs(&contest, bench, (size_t)TOTAL, body)) {
		if (start_second(&second, &contest))
			bursts(bench, &contest, &second);
		else
			bench_skip(bench, "no second submitter");
	}
	contest_end(&contest);
	court_free(second.court);
}

void pool_balanced_empty(struct bench *bench, const void *argument)
{
	balanced(bench, argument, run_empty);
}

void pool_balanced_200ns(struct bench *bench, const void *argument)
{
	if (work_turns == 0)
		calibrate();
	balanced(bench, argument, run_200ns);
}
