/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.c - see place.h.
 *
 * The least of several short games counts: one of them may have been interrupted. The ball is even when the player has
 * it; it only grows, so one court serves for ever.
 */
#include "place.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "threads.h"

#define GAMES 4u
#define ROUNDS 16u

#define FAR_NS 120.0   /* one way: 50 within a cache, 250 between two */
#define LOST_NS 2000.0 /* nobody is so far away */

struct court {
	_Alignas(128) atomic_ullong ball;
};

struct court *court_make(void)
{
	struct court *court = aligned_alloc(128, sizeof(*court));

	if (court != NULL)
		atomic_init(&court->ball, 0);
	return court;
}

void court_free(struct court *court)
{
	free(court);
}

static unsigned long long play_game(struct court *court, unsigned long long ball)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		atomic_store_explicit(&court->ball, ball + 1, memory_order_release);
		ball += 2;
		while (atomic_load_explicit(&court->ball, memory_order_acquire) != ball)
			relax();
	}
	return ball;
}

enum place court_play(struct court *court, double *out_ns)
{
	unsigned long long ball = atomic_load_explicit(&court->ball, memory_order_relaxed);
	uint64_t least = UINT64_MAX;
	double ns;

	for (unsigned game = 0; game < GAMES; game++) {
		uint64_t begin = now_ns(), took;

		ball = play_game(court, ball);
		took = now_ns() - begin;
		least = took < least ? took : least;
	}
	ns = (double)least / (2.0 * ROUNDS);
	if (out_ns != NULL)
		*out_ns = ns;
	return ns > LOST_NS ? PLACE_LOST : ns > FAR_NS ? PLACE_FAR : PLACE_NEAR;
}

void court_return(struct court *court)
{
	unsigned long long ball;

	for (unsigned round = 0; round < GAMES * ROUNDS; round++) {
		while ((ball = atomic_load_explicit(&court->ball, memory_order_acquire)) % 2 == 0)
			relax();
		atomic_store_explicit(&court->ball, ball + 1, memory_order_release);
	}
}

/* ---- samples ---- */

void samples_reset(struct samples *samples)
{
	for (unsigned place = 0; place < PLACES; place++)
		samples->count[place] = 0;
}

void samples_add(struct samples *samples, enum place place, double ns)
{
	if (samples->count[place] < SAMPLES_LIMIT)
		samples->ns[place][samples->count[place]++] = ns;
}

static int ascending(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double quantile(double *ns, size_t count, double percent)
{
	size_t rank = (size_t)((double)count * percent / 100.0);

	qsort(ns, count, sizeof(*ns), ascending);
	return ns[rank < count ? rank : count - 1];
}

static const char *const place_names[] = {[PLACE_NEAR] = "near", [PLACE_FAR] = "far", [PLACE_LOST] = "lost"};

static void count_as(struct bench *bench, const char *metric, const char *suffix, unsigned place, double value)
{
	char name[96];

	snprintf(name, sizeof(name), "%s%s@%s", metric, suffix, place_names[place]);
	bench_counter(bench, name, value);
}

void samples_report(struct samples *samples, struct bench *bench, const char *metric)
{
	for (unsigned place = 0; place < PLACES; place++) {
		size_t count = samples->count[place];

		if (count == 0)
			continue;
		count_as(bench, metric, "_bursts", place, (double)count);
		if (place != PLACE_LOST)
			count_as(bench, metric, "", place, quantile(samples->ns[place], count, 50));
	}
}

void samples_report_tail(struct samples *samples, struct bench *bench, const char *metric, double percent)
{
	char suffix[16];

	snprintf(suffix, sizeof(suffix), "_p%g", percent);
	for (unsigned place = 0; place < PLACE_LOST; place++)
		if (samples->count[place] != 0)
			count_as(bench, metric, suffix, place,
				 quantile(samples->ns[place], samples->count[place], percent));
}
