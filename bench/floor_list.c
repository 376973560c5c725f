/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_list.c - see floor_list.h.
 *
 * The head is exchanged before the link is written, so the consumer may meet an item whose link still says "busy" and
 * then waits the few instructions that its producer needs.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "floor_list.h"

struct floor_list {
	_Alignas(128) _Atomic(struct floor_item *) head;
	_Alignas(128) atomic_bool stop;
	pthread_t thread;
	uint32_t cpu;
};

static struct floor_item idle, busy; /* only their addresses matter */

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

void floor_item_init(struct floor_item *item, floor_routine *routine, void *context)
{
	atomic_init(&item->link, &idle);
	item->routine = routine;
	item->context = context;
}

static bool claim(struct floor_item *item)
{
	struct floor_item *before = atomic_exchange_explicit(&item->link, &busy, memory_order_acq_rel);

	if (before == &idle)
		return true;
	/* the floor has no second claimant: it only pays for the question */
	atomic_store_explicit(&item->link, before, memory_order_release);
	return false;
}

bool floor_list_push(struct floor_list *list, struct floor_item *item)
{
	struct floor_item *before;

	if (!claim(item))
		return false;
	before = atomic_exchange_explicit(&list->head, item, memory_order_acq_rel);
	atomic_store_explicit(&item->link, before, memory_order_release);
	return true;
}

static void run(struct floor_item *item)
{
	atomic_store_explicit(&item->link, &idle, memory_order_release);
	item->routine(item, item->context);
}

static void run_all(struct floor_item *item)
{
	while (item != NULL) {
		struct floor_item *next;

		while ((next = atomic_load_explicit(&item->link, memory_order_acquire)) == &busy)
			relax();
		run(item);
		item = next;
	}
}

static void *consume(void *argument)
{
	struct floor_list *list = argument;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(list->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while (!atomic_load_explicit(&list->stop, memory_order_relaxed)) {
		if (atomic_load_explicit(&list->head, memory_order_relaxed) != NULL)
			run_all(atomic_exchange_explicit(&list->head, NULL, memory_order_acq_rel));
		else
			relax();
	}
	return NULL;
}

struct floor_list *floor_list_start(uint32_t cpu)
{
	struct floor_list *list = aligned_alloc(128, sizeof(*list));

	if (list == NULL || cpu >= CPU_SETSIZE) {
		free(list);
		return NULL;
	}
	atomic_init(&list->head, NULL);
	atomic_init(&list->stop, false);
	list->cpu = cpu;
	if (pthread_create(&list->thread, NULL, consume, list) != 0) {
		free(list);
		return NULL;
	}
	return list;
}

void floor_list_stop(struct floor_list *list)
{
	if (list == NULL)
		return;
	atomic_store_explicit(&list->stop, true, memory_order_relaxed);
	pthread_join(list->thread, NULL);
	free(list);
}

bool floor_local_push(struct floor_local *local, struct floor_item *item)
{
	if (!claim(item))
		return false;
	atomic_store_explicit(&item->link, local->first, memory_order_relaxed);
	local->first = item;
	return true;
}

void floor_local_run(struct floor_local *local)
{
	struct floor_item *item;

	while ((item = local->first) != NULL) {
		local->first = atomic_load_explicit(&item->link, memory_order_relaxed);
		run(item);
	}
}
