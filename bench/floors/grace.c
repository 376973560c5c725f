/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grace.c - floors for grace periods.
 *
 * synchronize   one reader that copies a number whenever it holds nothing, and one writer that raises the number and
 *               waits for the copy: two transfers of a line
 * defer         batches of 256, with one system-wide fence for each: readers that pay nothing would be safe. The floor has its
 *               batch to itself; floor_shared pushes each object on a list that any thread and signal handler may push on
 *               without waiting, and frees in order
 */
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "all.h"
#include "grace.h"
#include "threads.h"

#define BATCH 256u

struct number {
	_Alignas(128) _Atomic(uint64_t) now;
	_Alignas(128) _Atomic(uint64_t) seen;
	_Alignas(128) _Atomic(void *) published;
	_Alignas(128) _Atomic(void *) list; /* of floor_shared; newest first */
};

static void *create(void)
{
	struct number *number = aligned_alloc(128, sizeof(*number));

	if (number != NULL)
		*number = (struct number){.now = 1};
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	return number;
}

static void destroy(void *grace)
{
	struct number *number = grace;

	free(atomic_load(&number->published));
	free(number);
}

static void read_on(void *grace, struct grace_turns *turns)
{
	struct number *number = grace;

	while (!grace_stopped(turns)) {
		uint64_t now = atomic_load_explicit(&number->now, memory_order_acquire);

		if (atomic_load_explicit(&number->seen, memory_order_relaxed) != now)
			atomic_store_explicit(&number->seen, now, memory_order_release);
		grace_turn(turns);
	}
}

static void synchronize(void *grace)
{
	struct number *number = grace;
	uint64_t target = atomic_fetch_add(&number->now, 1) + 1;

	while (atomic_load_explicit(&number->seen, memory_order_acquire) < target)
		relax();
}

static void update(void *grace, size_t count)
{
	struct number *number = grace;
	void *old[BATCH];

	for (size_t batch = 0; batch < count / BATCH; batch++) {
		for (unsigned i = 0; i < BATCH; i++)
			old[i] = atomic_exchange_explicit(&number->published, malloc(64), memory_order_acq_rel);
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		for (unsigned i = 0; i < BATCH; i++)
			free(old[i]);
	}
}

struct object {
	struct object *next;
	char rest[64 - sizeof(struct object *)];
};

static void push(struct number *number, struct object *object)
{
	void *newest = atomic_load_explicit(&number->list, memory_order_relaxed);

	do
		object->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&number->list, &newest, object, memory_order_release,
						      memory_order_relaxed));
}

static void free_all(struct object *newest)
{
	struct object *oldest = NULL;

	while (newest != NULL) {
		struct object *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct object *next = oldest->next;

		free(oldest);
		oldest = next;
	}
}

static void update_shared(void *grace, size_t count)
{
	struct number *number = grace;

	for (size_t batch = 0; batch < count / BATCH; batch++) {
		struct object *list;

		for (unsigned i = 0; i < BATCH; i++) {
			struct object *old = atomic_exchange_explicit(&number->published, malloc(sizeof(*old)),
								      memory_order_acq_rel);

			if (old != NULL)
				push(number, old);
		}
		list = atomic_exchange_explicit(&number->list, NULL, memory_order_acquire);
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		free_all(list);
	}
}

void floor_grace(void)
{
	static const struct grace_ops ops = {create, destroy, read_on, synchronize, update},
				      shared = {create, destroy, NULL, NULL, update_shared};

	bench_grace("floor", &ops);
	bench_grace("floor_shared", &shared);
}
