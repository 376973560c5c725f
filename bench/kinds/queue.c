/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - see queue.h.
 *
 * The consumer's thread lives as long as one run. Each burst begins with a game between the two threads (place.h), so
 * both run when it starts. The consumer counts for itself and says once that all have run; the producer looks at nothing
 * but that, and only after its last push.
 */
#include "queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "place.h"
#include "scatter.h"
#include "threads.h"

#define BURSTS 128
#define STOP UINT64_MAX
#define SHORT_BATCH 256u
#define POLITE_NS 500u

struct contest {
	const struct queue_ops *ops;
	void *queue;
	struct court *court;
	struct queue_item **items; /* QUEUE_BURST for each producer */
	_Alignas(128) atomic_ullong burst; /* the producer's: number of the burst that begins, or STOP */
	_Alignas(128) atomic_ullong done;  /* the other's: number of the burst that is over */
	double pushed_ns;                  /* by the second producer; ordered by done */
};

static struct samples time_of, push_of; /* of the run that is on */

/* ---- the other thread ---- */

static void take_all(const struct contest *contest, size_t count)
{
	while (count > 0) {
		size_t taken = contest->ops->take(contest->queue);

		count -= taken;
		if (taken < SHORT_BATCH)
			spin_ns(POLITE_NS);
	}
}

static void consume_burst(struct contest *contest)
{
	court_return(contest->court);
	take_all(contest, QUEUE_BURST);
}

static void produce_burst(struct contest *contest)
{
	uint64_t begin;

	court_return(contest->court);
	begin = now_ns();
	contest->ops->push(contest->queue, 1, contest->items + QUEUE_BURST, QUEUE_BURST);
	contest->pushed_ns = (double)(now_ns() - begin);
}

static void follow(struct contest *contest, void (*burst)(struct contest *contest))
{
	uint64_t seen = 0, next;

	for (;;) {
		while ((next = atomic_load_explicit(&contest->burst, memory_order_acquire)) == seen)
			relax();
		if (next == STOP)
			return;
		seen = next;
		burst(contest);
		atomic_store_explicit(&contest->done, seen, memory_order_release);
	}
}

static void *consumer(void *argument)
{
	follow(argument, consume_burst);
	return NULL;
}

static void *second_producer(void *argument)
{
	follow(argument, produce_burst);
	return NULL;
}

/* ---- the benchmark's thread ---- */

static enum place begin_burst(struct contest *contest, uint64_t number)
{
	atomic_store_explicit(&contest->burst, number, memory_order_release);
	return court_play(contest->court, NULL);
}

static void wait_done(struct contest *contest, uint64_t number)
{
	while (atomic_load_explicit(&contest->done, memory_order_acquire) != number)
		relax();
}

static void one_producer(struct contest *contest, uint64_t number)
{
	enum place place = begin_burst(contest, number);
	uint64_t begin = now_ns(), pushed;

	contest->ops->push(contest->queue, 0, contest->items, QUEUE_BURST);
	pushed = now_ns();
	wait_done(contest, number);
	samples_add(&time_of, place, (double)(now_ns() - begin) / QUEUE_BURST);
	samples_add(&push_of, place, (double)(pushed - begin) / QUEUE_BURST);
}

static void two_producers(struct contest *contest, uint64_t number)
{
	enum place place = begin_burst(contest, number);
	uint64_t begin = now_ns();
	double pushed_ns;

	contest->ops->push(contest->queue, 0, contest->items, QUEUE_BURST);
	pushed_ns = (double)(now_ns() - begin);
	wait_done(contest, number);
	samples_add(&push_of, place, (pushed_ns + contest->pushed_ns) / (2.0 * QUEUE_BURST));
	take_all(contest, (size_t)2 * QUEUE_BURST);
}

static void bursts(struct bench *bench, struct contest *contest, void (*one)(struct contest *contest, uint64_t number))
{
	uint64_t number = 0;

	samples_reset(&time_of);
	samples_reset(&push_of);
	one(contest, ++number); /* memory is touched, caches are warm */
	samples_reset(&time_of);
	samples_reset(&push_of);
	for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
		one(contest, ++number);
	samples_report(&time_of, bench, "time");
	samples_report(&push_of, bench, "push");
}

static void run_contest(struct bench *bench, const struct queue_ops *ops, unsigned producers)
{
	struct contest contest = {.ops = ops, .court = court_make()};
	struct queue_item *memory = scatter((void ***)&contest.items, (size_t)QUEUE_BURST * producers, sizeof(*memory));
	pthread_t other;

	contest.queue = ops->create((size_t)QUEUE_BURST * producers, producers);
	threads_pin(WHERE_SECOND);
	if (contest.court == NULL || memory == NULL || contest.queue == NULL ||
	    pthread_create(&other, NULL, producers > 1 ? second_producer : consumer, &contest) != 0) {
		bench_skip(bench, "no memory, or no thread");
	} else {
		threads_pin(WHERE_FIRST);
		bursts(bench, &contest, producers > 1 ? two_producers : one_producer);
		atomic_store_explicit(&contest.burst, STOP, memory_order_release);
		pthread_join(other, NULL);
	}
	threads_pin(WHERE_ANYWHERE);
	if (contest.queue != NULL)
		ops->destroy(contest.queue);
	free(contest.items);
	free(memory);
	court_free(contest.court);
}

static void with_one(struct bench *bench, const void *argument)
{
	if (threads_need_two(bench))
		run_contest(bench, argument, 1);
}

static void with_two(struct bench *bench, const void *argument)
{
	if (threads_need_two(bench))
		run_contest(bench, argument, QUEUE_PRODUCERS);
}

void bench_queue(const char *variant, const struct queue_ops *ops)
{
	struct bench_spec spec = {.argument = ops, .clock = BENCH_CLOCK_WALL, .iterations = BURSTS};
	char name[96];

	spec.name = name;
	snprintf(name, sizeof(name), "plain_queue/%s", variant);
	spec.routine = with_one;
	bench_register(&spec);
	if (ops->producers < QUEUE_PRODUCERS)
		return;
	snprintf(name, sizeof(name), "two_producers/%s", variant);
	spec.routine = with_two;
	bench_register(&spec);
}
