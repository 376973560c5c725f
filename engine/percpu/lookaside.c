/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.c - blocks of one size: a cache for each processor in front of a shared depot.
 *
 * Problem   blocks come and go on every processor, at both levels; a block must neither be lost nor handed out twice, also
 *           while a processor arrives and its cache appears, and a pair of allocate and free should cost little more than
 *           two loads and two stores.
 * Idea      a cache is a stack of pointers in a slot of a per-processor array. Where there are restartable sequences a block
 *           is taken or put by one that ends with storing the new top: no lock, no locked instruction, and the block itself
 *           is not touched. Elsewhere the cache has a lock that is tried and never waited for. Who finds the cache
 *           empty, full, closed or taken goes to the depot, a stack of pointers under a spin lock, with half a cache at a
 *           time. Locks are held for a few instructions, never while blocks are made or given back.
 * Picture   allocate  <-  cache of this processor  <-  depot  <-  the allocate routine
 *           free       ->  (up to 120)            ->  (256)  ->  the free routine
 *
 * I1        a block is in one stack, or out. A cache is changed either in sequences of its own processor while the list is
 *           open, or by its closer, or under its lock; never by two of these.
 * I2        a cache and the depot never hold more than their limits: how much memory lies idle is bounded by the number of
 *           processors. The top of a cache lies so far from its end that there is room for that many.
 * I3        a slot is made with a top of 0, which has nothing to take and no room, and opened by the first who comes the slow
 *           way on that processor once it is announced: a newcomer has nobody's blocks (S-705), and who runs there before
 *           finds it closed, without a look whether its processor is announced. A top is never 0 again.
 *
 * Closing   a flush has `caches` lead to words that are 0 for ever, one in each cache, then has the system abort every
 *           sequence that is in the middle [cache-close]: either a sequence sees that the list is closed, or it was aborted,
 *           or its top is there to be seen. Then the caches are the flush's until `caches` leads to their tops again.
 */
#include <dhp/lookaside.h>

#include "percpu.h"
#include "spin.h"

#define BLOCK_BYTES_LIMIT ((size_t)1 << 20)
#define LARGE_BLOCK_BYTES 4096u
#define BATCH (DHP_LOOKASIDE_CACHE_LIMIT / 2)
#define CACHE_BYTES 1024u

/* Its layout is that of dhp/lookaside.h. */
struct cache {
	void *closed;          /* NULL for ever */
	struct dhpi_spin lock; /* where there are no sequences */
	uint32_t unused;
	void *rest[(CACHE_BYTES - 8 - sizeof(void *)) / sizeof(void *)]; /* top, room, blocks: see top_of */
};

_Static_assert(sizeof(struct cache) == CACHE_BYTES, "dhp/lookaside.h knows the distance");
_Static_assert(sizeof(((struct cache *)NULL)->rest) >= (DHP_LOOKASIDE_CACHE_LIMIT + 1) * sizeof(void *), "I2");

/* Blocks that nobody has, linked through their first words, on their way out. */
struct block {
	struct block *next;
};

struct depot {
	struct dhpi_spin lock;
	struct at_u32 count;                     /* under lock; looked at before */
	void *blocks[DHP_LOOKASIDE_DEPOT_LIMIT]; /* under lock; the newest last */
};

struct list {
	struct dhp_lookaside view; /* what the inline halves have; first, so that the handle is a pointer to both */

	/* set once */
	struct dhp_percpu *caches; /* of struct cache */
	size_t block_bytes;
	uint32_t flags;
	uint32_t top_at; /* offset of a cache's top, edge cache-close: in sequences, by the closer, or under lock */
	dhp_block_allocate *allocate;
	dhp_block_free *free;
	void *context;

	DHPI_OWN_LINES struct depot depot;
	struct dhpi_spin closing; /* one flush at a time */
	struct at_u64 made, returned; /* statistics */
};

static struct list *list_of(struct dhp_lookaside *view)
{
	return DHPI_CONTAINER(view, struct list, view);
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

static void *make(struct list *list)
{
	void *block = list->allocate(list->block_bytes, list->context);

	if (block != NULL)
		(void)at_fetch_add_relaxed_u64(&list->made, 1); /* relaxed: statistics only */
	else if ((list->flags & DHP_LOOKASIDE_RAISE) != 0)
		dhpi_check_failed("dhp_lookaside_allocate", "a block could be allocated", "DHP_LOOKASIDE_RAISE, S-703");
	return block;
}

static void give_back(struct list *list, void **blocks, uint32_t count)
{
	(void)at_fetch_add_relaxed_u64(&list->returned, count); /* relaxed: statistics only */
	for (uint32_t i = 0; i < count; i++)
		list->free(blocks[i], list->block_bytes, list->context);
}

static void give_back_all(struct list *list, struct block *first)
{
	while (first != NULL) {
		struct block *next = first->next;
		void *block = first;

		give_back(list, &block, 1);
		first = next;
	}
}

/* ---- the depot ---- */

/* Up to `limit` blocks; gives how many, the newest last. */
static uint32_t depot_take(struct list *list, void **blocks, uint32_t limit)
{
	struct depot *depot = &list->depot;
	uint32_t count, left;

	if (at_load_relaxed_u32(&depot->count) == 0) /* relaxed: a hint, so that an empty depot costs no lock */
		return 0;
	dhpi_spin_lock(&depot->lock);
	left = at_load_relaxed_u32(&depot->count); /* relaxed: under lock */
	count = left < limit ? left : limit;
	left -= count;
	for (uint32_t i = 0; i < count; i++)
		blocks[i] = depot->blocks[left + i];
	at_store_relaxed_u32(&depot->count, left); /* relaxed: under lock; atomic for those who look before */
	dhpi_spin_unlock(&depot->lock);
	return count;
}

/* What does not fit goes back to where it came from. */
static void depot_put(struct list *list, void **blocks, uint32_t count)
{
	struct depot *depot = &list->depot;
	uint32_t there, kept;

	dhpi_spin_lock(&depot->lock);
	there = at_load_relaxed_u32(&depot->count); /* relaxed: under lock */
	kept = DHP_LOOKASIDE_DEPOT_LIMIT - there < count ? DHP_LOOKASIDE_DEPOT_LIMIT - there : count;
	for (uint32_t i = 0; i < kept; i++)
		depot->blocks[there + i] = blocks[i];
	at_store_relaxed_u32(&depot->count, there + kept); /* relaxed: as in depot_take */
	dhpi_spin_unlock(&depot->lock);
	if (kept < count)
		give_back(list, &blocks[kept], count - kept);
}

/* ---- this processor's cache ---- */

/* An address: of the newest block's place. */
static struct at_ptr *top_of(const struct list *list, struct cache *cache)
{
	return (void *)((char *)cache + list->top_at);
}

static void **end_of(struct cache *cache)
{
	return (void **)(void *)(cache + 1);
}

/* Its top, when it has none yet the one that an empty cache has. The cache is the caller's, or it is about statistics. */
static void **first_in(const struct list *list, struct cache *cache)
{
	void **top = at_load_acquire_ptr(top_of(list, cache)); /* [cache-close] acquire */

	return top != NULL ? top : end_of(cache);
}

static void *take_locked(struct list *list)
{
	struct cache *cache = dhp_percpu_here(list->caches);
	void *block = NULL;
	void **top;

	if (!dhpi_spin_try(&cache->lock))
		return NULL;
	top = first_in(list, cache);
	if (top != end_of(cache)) {
		block = *top;
		at_store_relaxed_ptr(top_of(list, cache), top + 1); /* relaxed: under lock; atomic for those who read counts */
	}
	dhpi_spin_unlock(&cache->lock);
	return block;
}

static bool put_locked(struct list *list, void *block)
{
	struct cache *cache = dhp_percpu_here(list->caches);
	void **top;
	bool room;

	if (!dhpi_spin_try(&cache->lock))
		return false;
	top = first_in(list, cache) - 1;
	room = (void *)top != top_of(list, cache);
	if (room) {
		*top = block;
		at_store_relaxed_ptr(top_of(list, cache), top); /* relaxed: as in take_locked */
	}
	dhpi_spin_unlock(&cache->lock);
	return room;
}

/* I3: only on an announced processor, and once. */
static bool open_new(struct list *list)
{
	struct cache *cache = dhp_percpu_here(list->caches);
	void *not_opened = NULL;

	if (cache == dhp_percpu_fallback(list->caches))
		return false;
	/* relaxed: there is nothing in it that anybody could miss */
	return at_load_relaxed_ptr(top_of(list, cache)) == NULL &&
	       at_cas_relaxed_ptr(top_of(list, cache), &not_opened, end_of(cache));
}

static void *take_here(struct list *list)
{
	return list->view.restartable != 0 ? dhp_lookaside_take_here(&list->view) : take_locked(list);
}

static bool put_here(struct list *list, void *block)
{
	if (list->view.restartable == 0)
		return put_locked(list, block);
	return dhp_lookaside_put_here(&list->view, block) != 0 ||
	       (open_new(list) && dhp_lookaside_put_here(&list->view, block) != 0);
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

/* I2 */
static uint32_t top_at(uint32_t keep)
{
	return CACHE_BYTES - (keep + 1) * (uint32_t)sizeof(void *);
}

static struct list *list_alloc(const struct dhp_lookaside_options *options)
{
	struct list *list = port_alloc(sizeof(*list));
	size_t least = sizeof(struct block);

	if (list == NULL)
		return NULL;
	list->block_bytes = options->block_bytes > least ? options->block_bytes : least;
	list->top_at = top_at(DHP_LOOKASIDE_CACHE_LIMIT / (options->block_bytes > LARGE_BLOCK_BYTES ? 4 : 1));
	list->flags = options->flags;
	list->allocate = options->allocate != NULL ? options->allocate : default_allocate;
	list->free = options->free != NULL ? options->free : default_free;
	list->context = options->context;
	return list;
}

/* Where the inline halves come out without sequences; their word is -1 then. Never written. */
static const struct cache no_cache;

/* Where `caches` leads when the list is open, with sequences. */
static void *tops(const struct list *list)
{
	return list->caches->base + list->top_at;
}

/* Sequences only where a flush can abort them. */
static void set_view(struct list *list, const struct dhpi_space *space)
{
	const struct dhp_percpu *caches = list->caches;

	DHPI_CHECK(1, caches->stride == CACHE_BYTES, "dhp/lookaside.h knows the distance");
	list->view.restartable = caches->restartable != 0 && port_sequences_abort_open();
	list->view.cpu_word = list->view.restartable != 0 ? caches->cpu_word : space->cpu_word.none;
	list->view.caches = list->view.restartable != 0 ? tops(list) : (unsigned char *)(uintptr_t)(&no_cache + 1);
}

enum dhp_status dhp_lookaside_create(struct dhp_engine *engine, const struct dhp_lookaside_options *options,
				     struct dhp_lookaside **out_list)
{
	const struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = CACHE_BYTES };
	struct list *list;
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
	if (dhp_failed(status)) {
		port_free(list, sizeof(*list));
		return status;
	}
	set_view(list, engine->space);
	*out_list = &list->view;
	return DHP_OK;
}

/* ---- the public calls: all caches at once ---- */

struct emptying {
	struct list *list;
	struct block *first; /* what was in the caches */
};

/* Sequences read it as they begin. */
static struct at_ptr *view_of_caches(struct list *list)
{
	return (void *)&list->view.caches;
}

/* The cache is the caller's: closed, or locked, or nobody uses the list any more. */
static void empty_cache(void *slot, const struct dhp_processor *processor, void *context)
{
	struct emptying *emptying = context;
	struct cache *cache = slot;

	(void)processor;
	for (void **at = first_in(emptying->list, cache); at != end_of(cache); at++) {
		struct block *block = *at;

		block->next = emptying->first;
		emptying->first = block;
	}
	if (at_load_relaxed_ptr(top_of(emptying->list, cache)) != NULL)                   /* relaxed: the caller's. I3 */
		at_store_relaxed_ptr(top_of(emptying->list, cache), end_of(cache)); /* relaxed: the opening comes after */
}

static void empty_locked(void *slot, const struct dhp_processor *processor, void *context)
{
	struct cache *cache = slot;

	dhpi_spin_lock(&cache->lock);
	empty_cache(slot, processor, context);
	dhpi_spin_unlock(&cache->lock);
}

static bool empty_sequenced(struct emptying *emptying)
{
	struct list *list = emptying->list;
	bool aborted;

	dhpi_spin_lock(&list->closing);
	at_store_release_ptr(view_of_caches(list), list->caches->base); /* [cache-close] either-or b: before the abort */
	aborted = port_sequences_abort();                               /* [cache-close] either-or b */
	if (aborted)
		(void)dhp_percpu_each(list->caches, empty_cache, emptying, NULL);
	at_store_release_ptr(view_of_caches(list), tops(list)); /* [cache-close] release */
	dhpi_spin_unlock(&list->closing);
	return aborted;
}

static void empty_depot(struct list *list)
{
	void *blocks[BATCH];
	uint32_t count;

	do {
		count = depot_take(list, blocks, BATCH);
		give_back(list, blocks, count);
	} while (count == BATCH);
}

enum dhp_status dhp_lookaside_flush(struct dhp_lookaside *view)
{
	struct emptying emptying = { .first = NULL };
	bool all = true;

	if (view == NULL)
		return DHP_BAD_OBJECT;
	emptying.list = list_of(view);
	if (view->restartable != 0)
		all = empty_sequenced(&emptying);
	else
		(void)dhp_percpu_each(emptying.list->caches, empty_locked, &emptying, NULL);
	give_back_all(emptying.list, emptying.first);
	/* The depot last: what a cache passes on meanwhile goes there. */
	empty_depot(emptying.list);
	return all ? DHP_OK : DHP_NOT_SUPPORTED;
}

/* Nobody uses the list any more: nothing needs to be closed or interrupted. */
enum dhp_status dhp_lookaside_destroy(struct dhp_lookaside *view)
{
	struct emptying emptying = { .first = NULL };
	enum dhp_status status;

	if (view == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	emptying.list = list_of(view);
	(void)dhp_percpu_each(emptying.list->caches, empty_cache, &emptying, NULL);
	give_back_all(emptying.list, emptying.first);
	empty_depot(emptying.list);
	status = dhp_percpu_destroy(emptying.list->caches);
	if (!dhp_failed(status))
		port_free(emptying.list, sizeof(*emptying.list));
	return status;
}

struct counting {
	const struct list *list;
	uint64_t kept;
};

static void count_cache(void *slot, const struct dhp_processor *processor, void *context)
{
	struct counting *counting = context;

	(void)processor;
	counting->kept += (uint64_t)(end_of(slot) - first_in(counting->list, slot));
}

enum dhp_status dhp_lookaside_counts_read(struct dhp_lookaside *view, struct dhp_lookaside_counts *out_counts)
{
	struct counting counting = { .kept = 0 };
	struct list *list;

	if (view == NULL)
		return DHP_BAD_OBJECT;
	if (out_counts == NULL)
		return DHP_BAD_RESULT;
	list = list_of(view);
	counting.list = list;
	(void)dhp_percpu_each(list->caches, count_cache, &counting, NULL);
	dhpi_spin_lock(&list->depot.lock);
	counting.kept += at_load_relaxed_u32(&list->depot.count); /* relaxed: under lock */
	dhpi_spin_unlock(&list->depot.lock);
	*out_counts = (struct dhp_lookaside_counts){ /* relaxed: statistics only */
		.kept = counting.kept,
		.made = at_load_relaxed_u64(&list->made),
		.returned = at_load_relaxed_u64(&list->returned),
	};
	return DHP_OK;
}

/* ---- the public calls: blocks ---- */

/* From the depot as many as a few more calls will want, since its lock was taken anyway. */
static void *allocate_from_depot(struct list *list)
{
	void *blocks[BATCH];
	uint32_t count = depot_take(list, blocks, BATCH), put = 0;

	if (count == 0)
		return NULL;
	while (put < count - 1 && put_here(list, blocks[put]))
		put++;
	if (put < count - 1)
		depot_put(list, &blocks[put], count - 1 - put);
	return blocks[count - 1];
}

void *dhp_lookaside_allocate_slow(struct dhp_lookaside *view)
{
	void *block;

	if (view == NULL)
		return NULL;
	block = take_here(list_of(view));
	if (block == NULL)
		block = allocate_from_depot(list_of(view));
	return block != NULL ? block : make(list_of(view));
}

/* A full cache passes the newer half on, so that the block in hand can be the first to be handed out. */
void dhp_lookaside_free_slow(struct dhp_lookaside *view, void *block)
{
	void *blocks[BATCH];
	uint32_t count = BATCH;
	struct list *list;

	if (view == NULL || block == NULL)
		return;
	list = list_of(view);
	if (put_here(list, block))
		return;
	while (count > 0 && (blocks[count - 1] = take_here(list)) != NULL)
		count--;
	if (count < BATCH)
		depot_put(list, &blocks[count], BATCH - count);
	if (!put_here(list, block))
		depot_put(list, &block, 1);
}
