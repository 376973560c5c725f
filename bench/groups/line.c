/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * line.c - how far two processors are from each other just now: one cache line, to and fro (place.h).
 *
 * Everything that hands work over changes with it. A spread here explains a spread there.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "all.h"
#include "bench.h"
#include "place.h"
#include "threads.h"

#define GAMES 64
#define UNKNOWN UINT64_MAX

struct game {
	struct court *court;
	atomic_ullong games; /* set when the benchmark knows how many iterations there are */
};

static void *other_side(void *argument)
{
	struct game *game = argument;
	uint64_t games;

	while ((games = atomic_load(&game->games)) == UNKNOWN)
		relax();
	for (; games > 0; games--)
		court_return(game->court);
	return NULL;
}

static void play(struct bench *bench, struct game *game)
{
	static struct samples samples;
	uint64_t i = bench_begin(bench);
	double ns;

	atomic_store(&game->games, i);
	samples_reset(&samples);
	for (; i > 0 || bench_next(bench); --i) {
		enum place place = court_play(game->court, &ns);

		samples_add(&samples, place, ns);
	}
	samples_report(&samples, bench, "time");
}

static void there_and_back(struct bench *bench, const void *argument)
{
	struct game game = {court_make(), UNKNOWN};
	pthread_t thread;

	(void)argument;
	if (threads_need_two(bench) && game.court != NULL) {
		threads_pin(WHERE_SECOND);
		if (pthread_create(&thread, NULL, other_side, &game) == 0) {
			threads_pin(WHERE_FIRST);
			play(bench, &game);
			pthread_join(thread, NULL);
		} else {
			bench_skip(bench, "no thread");
		}
		threads_pin(WHERE_ANYWHERE);
	}
	court_free(game.court);
}

void group_line(void)
{
	bench_register(&(struct bench_spec){.name = "line_one_way/floor", .routine = there_and_back,
					    .clock = BENCH_CLOCK_WALL, .iterations = GAMES});
}
