/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grace.h - contestants that wait until readers have let go. Groups:
 *
 *   synchronize   one grace period while a reader is busy on the other processor: it opens and closes sections all the
 *                 time, or says between two jobs that it holds nothing
 *   defer         allocate 64 bytes, publish them, have what they replace freed once nobody can have it: time for one,
 *                 until all are freed, nobody reading. Floors and ours free 256 at a time, liburcu all at the end, ck_epoch
 *                 when it finds that it may
 */
#ifndef BENCH_GRACE_H
#define BENCH_GRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#define GRACE_UPDATES 4096u

struct grace_turns {
	_Alignas(128) _Atomic(uint64_t) count; /* the reader's; it grows while the reader is at it */
	_Alignas(128) _Atomic(bool) stop;      /* the other's */
};

/* The reader's job: some ten ns in which it looks at nothing that others write. */
static inline void grace_turn(struct grace_turns *turns)
{
	uint64_t dice = 1;

	for (unsigned i = 0; i < 8; i++) {
		dice *= 6364136223846793005u;
		__asm__ __volatile__("" : "+r"(dice));
	}
	/* relaxed: it only shows that the reader runs */
	atomic_store_explicit(&turns->count, atomic_load_explicit(&turns->count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static inline bool grace_stopped(struct grace_turns *turns)
{
	return atomic_load_explicit(&turns->stop, memory_order_acquire);
}

struct grace_ops {
	void *(*create)(void); /* in the thread that measures; NULL: it cannot, or no memory */
	void (*destroy)(void *grace);
	void (*read)(void *grace, struct grace_turns *turns); /* in the other thread: grace_turn until grace_stopped */
	void (*synchronize)(void *grace);
	void (*update)(void *grace, size_t count); /* at the return all is freed; NULL: not for defer */
};

/* ops: constant, for ever. */
void bench_grace(const char *variant, const struct grace_ops *ops);

#endif
