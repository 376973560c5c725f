/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refusals.c - the system has no memory and no threads, now and then, for some milliseconds. The linker puts the functions below
 * between the engine and the C library (--wrap); the torture itself allocates by other calls. What fails has to say so and
 * leave nothing behind: everything that is counted must come out as before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "world.h"

static atomic_uint one_in;        /* is refused; 0: nothing */
static atomic_ullong rolls;
static atomic_ullong refused;     /* in this round */

static bool is_refused(void)
{
	uint32_t odds = atomic_load_explicit(&one_in, memory_order_relaxed);

	if (odds == 0 || dice_mix(atomic_fetch_add_explicit(&rolls, 1, memory_order_relaxed)) % odds != 0)
		return false;
	atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
	return true;
}

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return is_refused() ? NULL : __real_aligned_alloc(alignment, bytes);
}

void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset)
{
	if (!is_refused())
		return __real_mmap(address, bytes, protection, flags, file, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

int __wrap_madvise(void *address, size_t bytes, int advice)
{
	if (!is_refused())
		return __real_madvise(address, bytes, advice);
	errno = ENOMEM;
	return -1;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	return is_refused() ? EAGAIN : __real_pthread_create(thread, attributes, run, argument);
}

bool is_excused(struct world *world, enum dhp_status status)
{
	if ((status != DHP_NO_MEMORY && status != DHP_NO_THREAD) ||
	    atomic_load_explicit(&refused, memory_order_relaxed) == 0)
		return false;
	deed(world, DEED_EXCUSED);
	return true;
}

void refusals_end(void)
{
	atomic_store_explicit(&one_in, 0, memory_order_relaxed);
}

bool refusals_happen(void)
{
	return atomic_load_explicit(&refused, memory_order_relaxed) != 0;
}

static void refuse(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		sleep_us(dice_below(dice, 20000));
		if (!calm(world))
			atomic_store_explicit(&one_in, dice_between(dice, 2, 40), memory_order_relaxed);
		sleep_us(dice_below(dice, 4000));
		refusals_end();
	}
}

static void begin(struct world *world)
{
	(void)world;
	atomic_store_explicit(&refused, 0, memory_order_relaxed);
}

static void end(struct world *world)
{
	tally_add(world->tally, DEED_REFUSED, atomic_load_explicit(&refused, memory_order_relaxed));
}

const struct part part_refusals = {.name = "refusals", .group = GROUPS, .begin = begin, .acts = {refuse}, .end = end};
