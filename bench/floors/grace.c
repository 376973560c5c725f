/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grace.c - floors for grace periods.
 *
 * synchronize   one reader that copies a number whenever it holds nothing, and one writer that raises the number and
 *               waits for the copy: two transfers of a line
 * defer         batches of 256, with one system-wide fence for each: readers that pay nothing would be safe
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

void floor_grace(void)
{
	static const struct grace_ops ops = {create, destroy, read_on, synchronize, update};

	bench_grace("floor", &ops);
}
