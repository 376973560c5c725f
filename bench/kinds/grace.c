/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grace.c - see grace.h. A burst begins with a game between the two threads, and with the reader in full swing.
 */
#include "grace.h"

#include <pthread.h>
#include <stdio.h>

#include "place.h"
#include "threads.h"

#define PERIODS 128u /* a burst */
#define BURSTS 64
#define STOP UINT64_MAX

struct contest {
	const struct grace_ops *ops;
	void *grace;
	struct court *court;
	struct grace_turns turns;
	_Alignas(128) _Atomic(uint64_t) burst; /* the number of the burst that begins, or STOP */
	_Alignas(128) _Atomic(uint64_t) done;
};

static struct samples time_of;

static void *reader(void *argument)
{
	struct contest *contest = argument;
	uint64_t seen = 0, next;

	for (;; atomic_store_explicit(&contest->done, seen, memory_order_release)) {
		while ((next = atomic_load_explicit(&contest->burst, memory_order_acquire)) == seen)
			relax();
		if (next == STOP)
			return NULL;
		seen = next;
		court_return(contest->court);
		contest->ops->read(contest->grace, &contest->turns);
	}
}

static void one_burst(struct contest *contest, uint64_t number)
{
	uint64_t turns = atomic_load_explicit(&contest->turns.count, memory_order_relaxed), begin;
	enum place place;

	atomic_store_explicit(&contest->turns.stop, false, memory_order_relaxed);
	atomic_store_explicit(&contest->burst, number, memory_order_release);
	place = court_play(contest->court, NULL);
	while (atomic_load_explicit(&contest->turns.count, memory_order_relaxed) == turns)
		relax();
	begin = now_ns();
	for (unsigned i = 0; i < PERIODS; i++)
		contest->ops->synchronize(contest->grace);
	samples_add(&time_of, place, (double)(now_ns() - begin) / PERIODS);
	atomic_store_explicit(&contest->turns.stop, true, memory_order_release);
	while (atomic_load_explicit(&contest->done, memory_order_acquire) != number)
		relax();
}

static void synchronize(struct bench *bench, const void *argument)
{
	static struct contest contest;
	uint64_t number = 0;
	pthread_t other;

	if (!threads_need_two(bench))
		return;
	threads_pin(WHERE_ANYWHERE);
	contest = (struct contest){.ops = argument, .court = court_make()};
	contest.grace = contest.ops->create();
	threads_pin(WHERE_SECOND);
	if (contest.court == NULL || contest.grace == NULL || pthread_create(&other, NULL, reader, &contest) != 0) {
		bench_skip(bench, "it cannot be made here");
	} else {
		threads_pin(WHERE_FIRST);
		one_burst(&contest, ++number);
		samples_reset(&time_of);
		for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			one_burst(&contest, ++number);
		samples_report(&time_of, bench, "time");
		atomic_store_explicit(&contest.burst, STOP, memory_order_release);
		pthread_join(other, NULL);
	}
	if (contest.grace != NULL)
		contest.ops->destroy(contest.grace);
	threads_pin(WHERE_ANYWHERE);
	court_free(contest.court);
}

static void *no_more(void *nothing)
{
	return nothing;
}

/* The C library's malloc takes no lock before a process's first thread: whoever happens to be first would have it cheaper. */
static void have_had_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, no_more, NULL) == 0)
		pthread_join(thread, NULL);
}

static void defer(struct bench *bench, const void *argument)
{
	const struct grace_ops *ops = argument;
	void *grace;

	have_had_threads();
	grace = ops->create();
	bench_items(bench, GRACE_UPDATES);
	if (grace == NULL)
		bench_skip(bench, "it cannot be made here");
	else
		ops->update(grace, GRACE_UPDATES);
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		ops->update(grace, GRACE_UPDATES);
	if (grace != NULL)
		ops->destroy(grace);
}

void bench_grace(const char *variant, const struct grace_ops *ops)
{
	struct bench_spec spec = {
		.routine = synchronize, .argument = ops, .clock = BENCH_CLOCK_WALL, .iterations = BURSTS};
	char name[96];

	spec.name = name;
	if (ops->synchronize != NULL) {
		snprintf(name, sizeof(name), "synchronize/%s", variant);
		bench_register(&spec);
	}
	if (ops->update == NULL)
		return;
	snprintf(name, sizeof(name), "defer/%s", variant);
	spec.routine = defer;
	spec.iterations = 0;
	bench_register(&spec);
}
