/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extend.c - an array becomes larger by 64 slots, whose pages are ready, while a reader on the other processor uses it.
 *
 * time            for the 64, near and far
 * access          one of the reader's accesses meanwhile: the median of groups of 16
 * access_p99.9    the tail of the same: "alone" is what a reader sees when nothing grows
 *
 * floor        a directory of chunks of 64: one pointer is published
 * ours         the slots of 64 processors are prepared, cleared and announced one by one, as arrivals do it
 * ours_alone   a reader of ours, nothing grows
 */
#include <dhp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "all.h"
#include "bench.h"
#include "percpu.h"
#include "place.h"
#include "rseq.h"
#include "threads.h"

#define STEP 64u
#define STEPS 16u /* a burst: then the array is made anew */
#define BURSTS 480
#define ACCESSES 16u
#define SLOT_BYTES 64u
#define STOP UINT64_MAX

struct subject {
	void *(*create)(void);
	void (*destroy)(void *array);
	void (*grow)(void *array, uint32_t step); /* the next 64 */
	void (*access)(void *array); /* ACCESSES of them, among what is there */
};

struct contest {
	const struct subject *subject;
	void *_Atomic array;
	struct court *court;
	_Alignas(128) _Atomic(uint64_t) burst; /* the number of the burst that begins, or STOP */
	_Alignas(128) _Atomic(uint64_t) done;
	_Alignas(128) _Atomic(bool) over; /* the burst */
};

static struct samples time_of, access_of; /* of the run that is on; access_of: the reader's, read after it has ended */

static void read_on(struct contest *contest, enum place place)
{
	void *array = atomic_load_explicit(&contest->array, memory_order_acquire);

	while (!atomic_load_explicit(&contest->over, memory_order_acquire)) {
		uint64_t begin = now_ns();

		contest->subject->access(array);
		samples_add(&access_of, place, (double)(now_ns() - begin));
	}
}

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
		read_on(contest, PLACE_NEAR);
	}
}

/* Steps are apart, so that a reader's tail tells of one. */
static void one_burst(struct contest *contest, uint64_t number)
{
	void *array = contest->subject->create();
	enum place place;

	atomic_store_explicit(&contest->array, array, memory_order_relaxed);
	atomic_store_explicit(&contest->over, false, memory_order_relaxed);
	atomic_store_explicit(&contest->burst, number, memory_order_release);
	place = court_play(contest->court, NULL);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint64_t begin = now_ns();

		contest->subject->grow(array, step);
		samples_add(&time_of, place, (double)(now_ns() - begin));
		spin_ns(5000);
	}
	atomic_store_explicit(&contest->over, true, memory_order_release);
	while (atomic_load_explicit(&contest->done, memory_order_acquire) != number)
		relax();
	contest->subject->destroy(array);
}

static void extend(struct bench *bench, const void *argument)
{
	static struct contest contest;
	uint64_t number = 0;
	pthread_t other;

	if (!threads_need_two(bench))
		return;
	contest = (struct contest){.subject = argument, .court = court_make()};
	threads_pin(WHERE_SECOND);
	if (contest.court == NULL || pthread_create(&other, NULL, reader, &contest) != 0) {
		bench_skip(bench, "no memory, or no thread");
	} else {
		threads_pin(WHERE_FIRST);
		one_burst(&contest, ++number);
		samples_reset(&time_of);
		samples_reset(&access_of);
		for (uint64_t i = bench_begin(bench); i > 0 || bench_next(bench); --i)
			one_burst(&contest, ++number);
		atomic_store_explicit(&contest.burst, STOP, memory_order_release);
		pthread_join(other, NULL);
		samples_report(&time_of, bench, "time");
		samples_report(&access_of, bench, "access");
		samples_report_tail(&access_of, bench, "access", 99.9);
	}
	threads_pin(WHERE_ANYWHERE);
	court_free(contest.court);
}

/* ---- the floor: chunks ---- */

struct directory {
	unsigned char *_Atomic chunks[STEPS + 1];
	unsigned char *ready; /* touched */
	_Atomic(uint32_t) count;
};

static void *make_directory(void)
{
	struct directory *directory = calloc(1, sizeof(*directory));
	size_t bytes = (size_t)(STEPS + 1) * STEP * DHP_LINE_PAIR_BYTES;

	directory->ready = aligned_alloc(4096, bytes);
	memset(directory->ready, 0, bytes);
	atomic_init(&directory->chunks[0], directory->ready);
	atomic_init(&directory->count, STEP);
	return directory;
}

static void destroy_directory(void *array)
{
	struct directory *directory = array;

	free(directory->ready);
	free(directory);
}

static void grow_directory(void *array, uint32_t step)
{
	struct directory *directory = array;
	unsigned char *chunk = directory->ready + (size_t)(step + 1) * STEP * DHP_LINE_PAIR_BYTES;

	for (uint32_t slot = 0; slot < STEP; slot++)
		memset(chunk + (size_t)slot * DHP_LINE_PAIR_BYTES, 0, SLOT_BYTES);
	atomic_store_explicit(&directory->chunks[step + 1], chunk, memory_order_release);
	atomic_store_explicit(&directory->count, (step + 2) * STEP, memory_order_release);
}

static void access_directory(void *array)
{
	struct directory *directory = array;

	for (uint32_t i = 0; i < ACCESSES; i++) {
		uint32_t index = i % atomic_load_explicit(&directory->count, memory_order_acquire);
		unsigned char *chunk = atomic_load_explicit(&directory->chunks[index / STEP], memory_order_acquire);

		bench_keep(*(volatile uint64_t *)(chunk + (size_t)(index % STEP) * DHP_LINE_PAIR_BYTES));
	}
}

/* ---- ours: a space by itself, without an engine around it ---- */

struct growing {
	struct port_mutex serial;
	struct dhpi_set set;
	struct dhpi_epoch epoch;
	struct dhpi_space space;
	struct dhp_percpu *array;
};

static void grow_ours(void *array, uint32_t step)
{
	struct growing *growing = array;
	struct dhp_processor processor = {.index = 0};

	for (uint32_t cpu = (step + 1) * STEP; cpu < (step + 2) * STEP; cpu++) {
		processor.index = processor.cpu = cpu;
		if (dhp_failed(dhpi_space_prepare(&growing->space, &processor)))
			abort();
		dhpi_set_announce(&growing->set, cpu);
	}
}

static void *make_ours(void)
{
	const struct dhp_percpu_options options = {.size = sizeof(options), .slot_bytes = SLOT_BYTES};
	struct growing *growing = aligned_alloc(128, (sizeof(*growing) + 127) & ~(size_t)127);

	memset(growing, 0, sizeof(*growing));
	port_mutex_init(&growing->serial);
	if (dhp_failed(dhpi_set_init(&growing->set, (STEPS + 1) * STEP, STEPS + 1, (STEPS + 1) * STEP)))
		abort();
	dhpi_space_init(&growing->space, &growing->serial, &growing->set, &growing->epoch, false);
	if (dhp_failed(dhpi_percpu_create(&growing->space, &options, 0, &growing->array)))
		abort();
	for (uint32_t step = 0; step < STEPS + 1; step++) /* pages are ready; then it begins again with the first 64 */
		grow_ours(growing, step - 1);
	memset((void *)(uintptr_t)growing->set.announced, 0, (STEPS + 1) * STEP);
	grow_ours(growing, UINT32_MAX);
	return growing;
}

static void destroy_ours(void *array)
{
	struct growing *growing = array;

	dhpi_percpu_destroy(growing->array);
	dhpi_set_fini(&growing->set);
	port_mutex_fini(&growing->serial);
	free(growing);
}

static void access_ours(void *array)
{
	struct growing *growing = array;

	for (uint32_t i = 0; i < ACCESSES; i++)
		bench_keep(*(volatile uint64_t *)dhp_percpu_here(growing->array));
}

static void stay(void *array, uint32_t step)
{
	(void)array;
	(void)step;
}

void group_extend(void)
{
	static const struct subject floor = {make_directory, destroy_directory, grow_directory, access_directory},
				    floor_alone = {make_directory, destroy_directory, stay, access_directory},
				    ours = {make_ours, destroy_ours, grow_ours, access_ours},
				    ours_alone = {make_ours, destroy_ours, stay, access_ours};
	struct bench_spec spec = {.routine = extend, .clock = BENCH_CLOCK_WALL, .iterations = BURSTS};

	spec.name = "extend/floor";
	spec.argument = &floor;
	bench_register(&spec);
	spec.name = "extend/ours";
	spec.argument = &ours;
	bench_register(&spec);
	spec.name = "extend_alone/floor";
	spec.argument = &floor_alone;
	bench_register(&spec);
	spec.name = "extend_alone/ours";
	spec.argument = &ours_alone;
	bench_register(&spec);
}
