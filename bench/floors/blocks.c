/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * blocks.c - floors for blocks of 64 bytes.
 *
 * floor          block_pair, block_batch: a list for each cpu, in restartable sequences (rseq_list.h)
 * floor_thread   a list for each thread, which no preemption endangers
 * floor          block_remote: two lists that exchange chains of 64. The one who frees pushes full chains onto a shared
 *                stack, the one who allocates takes the whole stack when its own chain is empty.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "all.h"
#include "blocks.h"
#include "rseq_list.h"

struct floor_node {
	struct floor_node *next;
	struct floor_node *chain; /* in the first of a chain: the next chain */
};

static struct floor_node *fresh(void)
{
	return aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
}

/* ---- per cpu ---- */

#if FLOOR_RSEQ_LIST
static void *new_block(struct floor_head *heads)
{
	(void)heads;
	return fresh();
}

static inline void *pop_or_make(struct floor_head *heads)
{
	struct floor_block *block = floor_list_pop(heads);

	return block != NULL ? block : new_block(heads);
}

BLOCK_LOOPS(cpu, pop_or_make(blocks), floor_list_push(blocks, block))

static void *make_cpu(void)
{
	struct floor_head *heads = floor_rseq_works() ? aligned_alloc(128, FLOOR_CPUS * sizeof(*heads)) : NULL;

	for (unsigned i = 0; heads != NULL && i < FLOOR_CPUS; i++)
		heads[i].first = NULL;
	return heads;
}

static void free_cpu(void *blocks)
{
	struct floor_head *heads = blocks;

	for (unsigned i = 0; i < FLOOR_CPUS; i++)
		while (heads[i].first != NULL) {
			struct floor_block *block = heads[i].first;

			heads[i].first = block->next;
			free(block);
		}
	free(heads);
}
#endif

/* ---- per thread ---- */

static _Thread_local struct floor_node *own;

static inline void *pop_own(void)
{
	struct floor_node *node = own;

	if (node == NULL)
		return fresh();
	own = node->next;
	return node;
}

static inline void push_own(struct floor_node *node)
{
	node->next = own;
	own = node;
}

BLOCK_LOOPS(thread, pop_own(), push_own(block))

static void *make_thread(void)
{
	return &own;
}

static void free_thread(void *blocks)
{
	(void)blocks;
	while (own != NULL)
		free(pop_own());
}

/* ---- chains ---- */

struct chains {
	_Alignas(128) _Atomic(struct floor_node *) full; /* stack of chains */
	_Alignas(128) struct floor_node *taken, *more;   /* the allocating thread's */
	_Alignas(128) struct floor_node *given;          /* the freeing thread's */
	unsigned count;
};

static inline void *take_chained(struct chains *chains)
{
	struct floor_node *node = chains->taken;

	if (node == NULL) {
		if (chains->more == NULL)
			chains->more = atomic_exchange_explicit(&chains->full, NULL, memory_order_acquire);
		node = chains->more;
		if (node == NULL)
			return fresh();
		chains->more = node->chain;
	}
	chains->taken = node->next;
	return node;
}

static inline void give_chained(struct chains *chains, struct floor_node *node)
{
	node->next = chains->given;
	chains->given = node;
	if (++chains->count < BLOCK_BATCH)
		return;
	node->chain = atomic_load_explicit(&chains->full, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&chains->full, &node->chain, node, memory_order_release,
						      memory_order_relaxed))
		;
	chains->given = NULL;
	chains->count = 0;
}

BLOCK_LOOPS(chain, take_chained(blocks), give_chained(blocks, block))

static void *make_chains(void)
{
	return calloc(1, sizeof(struct chains) + 128); /* what it keeps is small, and goes with the program */
}

static void free_chains(void *blocks)
{
	(void)blocks;
}

void floor_blocks(void)
{
	static const struct blocks_ops thread = {make_thread, free_thread, BLOCK_OPS(thread), .one_thread = 1};
	static const struct blocks_ops chains = {make_chains, free_chains, BLOCK_OPS(chain)};
#if FLOOR_RSEQ_LIST
	static const struct blocks_ops cpu = {make_cpu, free_cpu, BLOCK_OPS(cpu), .one_thread = 1};

	bench_blocks("floor", &cpu);
#endif
	bench_blocks("floor_thread", &thread);
	bench_blocks_remote("floor", &chains);
}
