/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_affinity.c - on which processors may the watched thread run? The answer has affinity and cpuset in it, and leaves
 * out what is offline.
 *
 * While the library itself confines that thread, what counts is the affinity from before, until somebody else makes another
 * one of ours.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source.h"

#define WORD_BITS (8u * (uint32_t)sizeof(unsigned long))
#define WORDS ((DHP_CPU_LIMIT + WORD_BITS - 1) / WORD_BITS)

struct affinity {
	struct port_mutex confining; /* nobody reads the affinity while the library changes it */
	bool confined;               /* the rest under that: the library has set `ours` */
	struct dhpi_cpus ours, before;
	struct dhpi_cpulist before_list;
};

/* false: the kernel does not say. */
static bool read_affinity(int32_t thread, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	unsigned long words[WORDS];
	/* The bare call, unlike the C library's, tells how much it wrote. */
	long bytes = syscall(SYS_sched_getaffinity, thread, sizeof(words), words);

	*out_list = (struct dhpi_cpulist){ 0, 0 };
	dhpi_cpus_clear(cpus);
	if (bytes <= 0)
		return false;
	for (uint32_t word = 0; word < (uint32_t)bytes / sizeof(words[0]); word++) {
		for (unsigned long left = words[word]; left != 0; left &= left - 1) {
			uint32_t cpu = word * WORD_BITS + (uint32_t)__builtin_ctzl(left);

			if (cpu >= DHP_CPU_LIMIT)
				return true;
			dhpi_cpus_add(cpus, cpu);
			out_list->count++;
			out_list->limit = cpu + 1;
		}
	}
	return true;
}

static bool is_set_by_us(const struct affinity *affinity, const struct dhpi_cpus *cpus)
{
	return affinity->confined && memcmp(cpus, &affinity->ours, sizeof(*cpus)) == 0;
}

static bool is_watched(const struct dhpi_source *source)
{
	return source->in_use && syscall(SYS_gettid) == source->all->thread;
}

void dhpi_affinity_begins(struct dhpi_source *source)
{
	struct affinity *affinity = source->state;
	struct dhpi_cpulist list;
	struct dhpi_cpus now;

	if (!is_watched(source))
		return;
	port_mutex_lock(&affinity->confining);
	if (!read_affinity(source->all->thread, &now, &list) || is_set_by_us(affinity, &now))
		return;
	affinity->before = now;
	affinity->before_list = list;
}

void dhpi_affinity_ends(struct dhpi_source *source, bool confined)
{
	struct affinity *affinity = source->state;
	struct dhpi_cpulist list;

	if (!is_watched(source))
		return;
	affinity->confined = confined && read_affinity(source->all->thread, &affinity->ours, &list);
	port_mutex_unlock(&affinity->confining);
}

static bool find(struct affinity *affinity, int32_t thread, struct dhpi_known_cpus *found)
{
	bool says;

	port_mutex_lock(&affinity->confining);
	says = read_affinity(thread, &found->cpus, &found->list);
	if (says && is_set_by_us(affinity, &found->cpus)) {
		found->cpus = affinity->before;
		found->list = affinity->before_list;
	}
	port_mutex_unlock(&affinity->confining);
	return says;
}

static enum dhpi_look affinity_look(struct dhpi_source *source)
{
	if (!find(source->state, source->all->thread, &source->all->found)) {
		source->why = "the watched thread has ended, or the kernel does not tell of it";
		return DHPI_LOOK_GONE;
	}
	dhpi_learn_set(source, DHPI_AFFINITY);
	return DHPI_LOOK_FINE;
}

static const char *affinity_open(struct dhpi_source *source)
{
	struct affinity *affinity = source->state;

	port_mutex_init(&affinity->confining);
	if (affinity_look(source) == DHPI_LOOK_FINE)
		return NULL;
	port_mutex_fini(&affinity->confining);
	return "there is no such thread, or the kernel does not tell of it";
}

static void affinity_close(struct dhpi_source *source)
{
	port_mutex_fini(&((struct affinity *)source->state)->confining);
}

const struct dhpi_source_ops dhpi_source_affinity = {
	.name = "affinity",
	.sees = "the CPUs on which the watched thread may run and that are online; no sign is given, found by poll",
	.blind = "what others set for other threads; a change while the watched thread is confined by this library",
	.aspect = DHPI_OF_PROCESSORS,
	.every = DHPI_EVERY_LOOK,
	.state_bytes = sizeof(struct affinity),
	.open = affinity_open,
	.close = affinity_close,
	.look = affinity_look,
};
