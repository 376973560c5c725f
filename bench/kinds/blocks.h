/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.h - contestants that hand out blocks of 64 bytes. Groups:
 *
 *   block_pair     allocate one, free it
 *   block_batch    allocate 64, free them: for one pair
 *   block_remote   one processor allocates and writes, the other reads and frees: time for one block, until all are freed
 *
 * A contestant defines its loops with BLOCK_LOOPS, so that calls that can be inlined are, and calls bench_blocks once.
 */
#ifndef BENCH_BLOCKS_H
#define BENCH_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BLOCK_BYTES 64u
#define BLOCK_BATCH 64u

struct blocks_ops {
	/* In the thread that measures; NULL: it cannot, or no memory. The other thread joins and leaves, if it must. */
	void *(*create)(void);
	void (*destroy)(void *blocks);
	void (*join)(void *blocks);
	void (*leave)(void *blocks);
	void (*pair)(void *blocks, uint64_t count);
	/* So many, written to; read and freed. */
	void (*take)(void *blocks, void **into, size_t count);
	void (*give)(void *blocks, void **from, size_t count);
	int one_thread; /* not for block_remote */
};

/* allocate and free: expressions in `blocks` and `block`. */
#define BLOCK_LOOPS(name, allocate, free_it)                                                                           \
	static void name##_pair(void *blocks, uint64_t count)                                                          \
	{                                                                                                              \
		(void)blocks;                                                                                          \
		while (count-- > 0) {                                                                                  \
			void *block = allocate;                                                                        \
			bench_keep(block);                                                                             \
			free_it;                                                                                       \
		}                                                                                                      \
	}                                                                                                              \
	static void name##_take(void *blocks, void **into, size_t count)                                               \
	{                                                                                                              \
		(void)blocks;                                                                                          \
		for (size_t i = 0; i < count; i++) {                                                                   \
			void *block = allocate;                                                                        \
			*(volatile uint64_t *)block = i;                                                               \
			into[i] = block;                                                                               \
		}                                                                                                      \
	}                                                                                                              \
	static void name##_give(void *blocks, void **from, size_t count)                                               \
	{                                                                                                              \
		(void)blocks;                                                                                          \
		for (size_t i = 0; i < count; i++) {                                                                   \
			void *block = from[i];                                                                         \
			bench_keep(*(volatile uint64_t *)block);                                                       \
			free_it;                                                                                       \
		}                                                                                                      \
	}
#define BLOCK_OPS(name) .pair = name##_pair, .take = name##_take, .give = name##_give

/* ops: constant, for ever. */
void bench_blocks(const char *variant, const struct blocks_ops *ops);
/* block_remote alone. */
void bench_blocks_remote(const char *variant, const struct blocks_ops *ops);

#ifdef __cplusplus
}
#endif

#endif
