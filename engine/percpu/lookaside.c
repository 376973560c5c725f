/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.c - blocks of one size: a cache for each processor in front of a shared depot.
 *
 * Problem   blocks come and go on every processor, at both levels; a block must neither be lost nor handed out twice, also
 *           while a processor arrives and its cache appears.
 * Idea      a cache is a stack in a slot of a per-processor array, under a lock that is tried and never waited for: who
 *           finds it taken (a thread that was moved away, a flush) goes to the depot, a stack under a spin lock. Locks are held
 *           for a few instructions, never while blocks are made or given back.
 * Picture   allocate  <-  cache of this processor  <-  depot  <-  the allocate routine
 *           free       ->  (up to 32)             ->  (256)  ->  the free routine
 *
 * I1        a block is in one chain, or out: chains change under their lock only, and a chain taken out belongs to its taker.
 * I2        a cache and the depot never hold more than their limits: how much memory lies idle is bounded by the number of
 *           processors.
 * I3        a slot begins as zeros, which is an empty cache: a newcomer has nobody's blocks (S-705).
 *
 * Not       lock-free yet. Only cache_take and cache_put know how a cache is guarded, and both run on the processor whose slot it
 *           is: there a restartable sequence can take the place of the lock, with a flush that visits each processor.
 */
#include <dhp/lookaside.h>

#include "percpu.h"
#include "spin.h"

#define BLOCK_BYTES_LIMIT ((size_t)1 << 20)
#define BATCH (DHP_LOOKASIDE_CACHE_LIMIT / 2)

/* A block that nobody has. */
struct block {
	struct block *next;
};

struct chain {
	struct dhpi_spin lock;
	uint32_t count;     /* under lock */
	struct block *head; /* under lock; the newest first */
};

struct dhp_lookaside {
	/* set once */
	struct dhp_percpu *caches; /* of struct chain */
	size_t block_bytes;
	uint32_t flags;
	dhp_block_allocate *allocate;
	dhp_block_free *free;
	void *context;

	DHPI_OWN_LINES struct chain depot;
	struct at_u64 made, returned; /* statistics */
};

/* ---- chains: under their lock, or owned ---- */

static void push(struct chain *chain, struct block *block)
{
	block->next = chain->head;
	chain->head = block;
	chain->count++;
}

static struct block *pop(struct chain *chain)
{
	struct block *block = chain->head;

	if (block != NULL) {
		chain->head = block->next;
		chain->count--;
	}
	return block;
}

/* Up to `count` blocks. */
static void move(struct chain *from, struct chain *to, uint32_t count)
{
	while (count-- > 0 && from->head != NULL)
		push(to, pop(from));
}

/* ---- where blocks come from and go to ---- */

static void *default_allocate(size_t bytes, void *context)
{
	(void)context;
	return port_block_alloc(bytes);
}

static void default_free(void *block, size_t bytes, void *context)
{
	(void)bytes;
	(void)context;
	port_block_free(block);
}

static struct block *make(struct dhp_lookaside *list)
{
	struct block *block = list->allocate(list->block_bytes, list->context);

	if (block != NULL)
		(void)at_fetch_add_relaxed_u64(&list->made, 1); /* relaxed: statistics only */
	else if ((list->flags & DHP_LOOKASIDE_RAISE) != 0)
		dhpi_check_failed("dhp_lookaside_allocate", "a block could be allocated", "DHP_LOOKASIDE_RAISE, S-703");
	return block;
}

static void give_back(struct dhp_lookaside *list, struct chain *chain)
{
	struct block *block;

	while ((block = pop(chain)) != NULL) {
		(void)at_fetch_add_relaxed_u64(&list->returned, 1); /* relaxed: statistics only */
		list->free(block, list->block_bytes, list->context);
	}
}

/* ---- the depot ---- */

/* Up to `count` blocks. */
static void depot_take(struct dhp_lookaside *list, struct chain *to, uint32_t count)
{
	dhpi_spin_lock(&list->depot.lock);
	move(&list->depot, to, count);
	dhpi_spin_unlock(&list->depot.lock);
}

/* What does not fit stays in `from`. */
static void depot_put(struct dhp_lookaside *list, struct chain *from)
{
	dhpi_spin_lock(&list->depot.lock);
	move(from, &list->depot, DHP_LOOKASIDE_DEPOT_LIMIT - list->depot.count);
	dhpi_spin_unlock(&list->depot.lock);
}

/* ---- this processor's cache ---- */

static struct block *cache_take(struct dhp_lookaside *list)
{
	struct chain *cache = dhp_percpu_here(list->caches);
	struct block *block;

	if (!dhpi_spin_try(&cache->lock))
		return NULL;
	block = pop(cache);
	dhpi_spin_unlock(&cache->lock);
	return block;
}

/* Puts as many as fit, and keeps the rest in `blocks`; a full cache hands half of its own to `blocks` first. */
static void cache_put(struct dhp_lookaside *list, struct chain *blocks)
{
	struct chain *cache = dhp_percpu_here(list->caches);
	struct chain rest = { .head = NULL };

	if (!dhpi_spin_try(&cache->lock))
		return;
	if (cache->count == DHP_LOOKASIDE_CACHE_LIMIT)
		move(cache, &rest, BATCH);
	move(blocks, cache, DHP_LOOKASIDE_CACHE_LIMIT - cache->count);
	dhpi_spin_unlock(&cache->lock);
	move(&rest, blocks, BATCH);
}

/* ---- the public calls: the list itself ---- */

static enum dhp_status check_flags(const struct dhp_lookaside_options *options)
{
	const uint32_t both = DHP_LOOKASIDE_RAISE | DHP_LOOKASIDE_FAIL_NO_RAISE;

	if ((options->flags & ~both) != 0 || (options->flags & both) == both)
		return DHP_BAD_FLAGS;
	return (options->flags & DHP_LOOKASIDE_FAIL_NO_RAISE) != 0 && options->allocate == NULL ? DHP_BAD_FLAGS : DHP_OK;
}

static enum dhp_status check_options(const struct dhp_lookaside_options *options)
{
	if (options == NULL || options->size != sizeof(*options))
		return DHP_BAD_OPTIONS;
	if (options->block_bytes == 0 || options->block_bytes > BLOCK_BYTES_LIMIT)
		return DHP_BAD_SIZE;
	if (options->depth != 0)
		return DHP_BAD_DEPTH;
	if ((options->allocate == NULL) != (options->free == NULL))
		return DHP_BAD_CALLBACK;
	return check_flags(options);
}

static struct dhp_lookaside *list_alloc(const struct dhp_lookaside_options *options)
{
	struct dhp_lookaside *list = port_alloc(sizeof(*list));
	size_t least = sizeof(struct block);

	if (list == NULL)
		return NULL;
	list->block_bytes = options->block_bytes > least ? options->block_bytes : least;
	list->flags = options->flags;
	list->allocate = options->allocate != NULL ? options->allocate : default_allocate;
	list->free = options->free != NULL ? options->free : default_free;
	list->context = options->context;
	return list;
}

enum dhp_status dhp_lookaside_create(struct dhp_engine *engine, const struct dhp_lookaside_options *options,
				     struct dhp_lookaside **out_list)
{
	const struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = sizeof(struct chain) };
	struct dhp_lookaside *list;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = check_options(options);
	if (dhp_failed(status))
		return status;
	if (out_list == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	list = list_alloc(options);
	if (list == NULL)
		return DHP_NO_MEMORY;
	status = dhp_percpu_create(engine, &slots, &list->caches);
	if (dhp_failed(status))
		port_free(list, sizeof(*list));
	else
		*out_list = list;
	return status;
}

static void flush_cache(void *slot, const struct dhp_processor *processor, void *context)
{
	struct chain *cache = slot, taken = { .head = NULL };

	(void)processor;
	dhpi_spin_lock(&cache->lock);
	move(cache, &taken, cache->count);
	dhpi_spin_unlock(&cache->lock);
	give_back(context, &taken);
}

enum dhp_status dhp_lookaside_flush(struct dhp_lookaside *list)
{
	if (list == NULL)
		return DHP_BAD_OBJECT;
	(void)dhp_percpu_each(list->caches, flush_cache, list, NULL);
	/* The depot last: what a cache passes on meanwhile goes there. */
	flush_cache(&list->depot, NULL, list);
	return DHP_OK;
}

enum dhp_status dhp_lookaside_destroy(struct dhp_lookaside *list)
{
	enum dhp_status status;

	if (list == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	(void)dhp_lookaside_flush(list);
	status = dhp_percpu_destroy(list->caches);
	if (!dhp_failed(status))
		port_free(list, sizeof(*list));
	return status;
}

static void count_cache(void *slot, const struct dhp_processor *processor, void *context)
{
	struct chain *cache = slot;
	uint64_t *sum = context;

	(void)processor;
	dhpi_spin_lock(&cache->lock);
	*sum += cache->count;
	dhpi_spin_unlock(&cache->lock);
}

enum dhp_status dhp_lookaside_counts_read(struct dhp_lookaside *list, struct dhp_lookaside_counts *out_counts)
{
	uint64_t kept = 0;

	if (list == NULL)
		return DHP_BAD_OBJECT;
	if (out_counts == NULL)
		return DHP_BAD_RESULT;
	(void)dhp_percpu_each(list->caches, count_cache, &kept, NULL);
	count_cache(&list->depot, NULL, &kept);
	*out_counts = (struct dhp_lookaside_counts){ /* relaxed: statistics only */
		.kept = kept,
		.made = at_load_relaxed_u64(&list->made),
		.returned = at_load_relaxed_u64(&list->returned),
	};
	return DHP_OK;
}

/* ---- the public calls: blocks ---- */

/* From the depot as many as a few more calls will want, since its lock was taken anyway. */
static struct block *allocate_from_depot(struct dhp_lookaside *list)
{
	struct chain blocks = { .head = NULL };
	struct block *block;

	depot_take(list, &blocks, BATCH);
	block = pop(&blocks);
	if (blocks.head != NULL)
		cache_put(list, &blocks);
	if (blocks.head != NULL)
		depot_put(list, &blocks);
	give_back(list, &blocks);
	return block;
}

void *dhp_lookaside_allocate(struct dhp_lookaside *list)
{
	struct block *block;

	if (list == NULL)
		return NULL;
	block = cache_take(list);
	if (block == NULL)
		block = allocate_from_depot(list);
	return block != NULL ? block : make(list);
}

void dhp_lookaside_free(struct dhp_lookaside *list, void *block)
{
	struct chain blocks = { .head = NULL };

	if (list == NULL || block == NULL)
		return;
	push(&blocks, block);
	cache_put(list, &blocks);
	if (blocks.head == NULL)
		return;
	depot_put(list, &blocks);
	give_back(list, &blocks);
}
