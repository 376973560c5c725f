/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity_posix.c - on which cpus the calling thread may run, and whether another one is still pinned.
 *
 * The bare calls, unlike the C library's, work with any number of cpus. The kernel leaves out of a mask what the cpuset
 * does not have, refuses one of which nothing is left, and has moved the thread when the call returns.
 *
 * A thread's id is given anew after its end, so whoever sets another thread's mask has to know that it lives. A robust mutex
 * says so: the kernel marks it when the thread that holds it ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "port.h"

/* Large and hardly ever used: not among the variables that are at a constant distance. */
static _Thread_local struct port_pin pin;

struct port_pin *port_pin(void)
{
	return &pin;
}

bool port_affinity_read(struct port_affinity *out_affinity)
{
	struct port_affinity read = { { 0 } };

	if (syscall(SYS_sched_getaffinity, 0, sizeof(read), &read) <= 0)
		return false;
	*out_affinity = read;
	return true;
}

bool port_affinity_write(const struct port_affinity *affinity)
{
	return syscall(SYS_sched_setaffinity, 0, sizeof(*affinity), affinity) == 0;
}

/* ---- other threads ---- */

#define WORD_BITS 64u

int32_t port_thread_id(void)
{
	return (int32_t)syscall(SYS_gettid);
}

static bool is_only(const uint64_t *words, size_t count, uint32_t cpu)
{
	uint64_t others = 0;

	for (size_t i = 0; i < count; i++)
		others |= i == cpu / WORD_BITS ? words[i] ^ 1ull << cpu % WORD_BITS : words[i];
	return others == 0 && cpu / WORD_BITS < count;
}

enum port_pinned port_pin_look(int32_t thread, uint32_t cpu)
{
	struct port_affinity now; /* the system writes as many words as it tells */
	long bytes = syscall(SYS_sched_getaffinity, thread, sizeof(now), &now);

	if (bytes <= 0)
		return errno == ESRCH ? PORT_NO_THREAD : PORT_NOT_PINNED;
	return is_only(now.words, (size_t)bytes / sizeof(now.words[0]), cpu) ? PORT_PINNED : PORT_NOT_PINNED;
}

bool port_pin_write(int32_t thread, uint32_t cpu)
{
	struct port_affinity wanted = { { 0 } };
	uint32_t word = cpu / WORD_BITS;

	if (cpu >= PORT_AFFINITY_CPUS)
		return false;
	wanted.words[word] = 1ull << cpu % WORD_BITS;
	return syscall(SYS_sched_setaffinity, thread, (word + 1) * sizeof(wanted.words[0]), &wanted) == 0;
}

/* Tried, which succeeds: ThreadSanitizer would take it for a lock inside of which others are taken, and outside. */
bool port_life_begin(struct port_life *life)
{
	pthread_mutexattr_t attributes;
	bool begun = pthread_mutexattr_init(&attributes) == 0;

	if (!begun)
		return false;
	life->over = false;
	begun = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
		pthread_mutex_init(&life->mutex, &attributes) == 0;
	(void)pthread_mutexattr_destroy(&attributes);
	return begun && pthread_mutex_trylock(&life->mutex) == 0;
}

void port_life_end(struct port_life *life)
{
	(void)pthread_mutex_unlock(&life->mutex);
	(void)pthread_mutex_destroy(&life->mutex);
}

/* The mutex is asked once after the end: it says so to one only, and it must not stay with this thread. */
bool port_life_goes_on(struct port_life *life)
{
	int error;

	if (life->over)
		return false;
	error = pthread_mutex_trylock(&life->mutex);
	if (error == EBUSY)
		return true;
	(void)pthread_mutex_unlock(&life->mutex);
	life->over = true;
	return false;
}

void port_life_bury(struct port_life *life)
{
	(void)pthread_mutex_destroy(&life->mutex);
}
