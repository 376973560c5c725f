/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c - which port a station is at: one shared table, and before it a cache for each processor.
 *
 * Problem   every frame asks, on all processors at once; stations come and move while they do.
 * Idea      the shared table has pointers to entries that never change. Who learns puts a new entry in its place by one compare
 *           and exchange and defers the old one: a DPC is always in a section, so it is freed when no DPC can have it.
 *           A cache is an array of words that explain themselves: station, port, and the generation they were true in.
 * I1        a cached word of an older generation is a miss; the generation grows with every entry that is replaced: its station
 *           has moved, or may from now on without anybody seeing that it was known elsewhere.
 * I2        a word is read and written whole: START handles frames too, in a thread that is on no processor of its own.
 *
 * What is full is overwritten: a station that was forgotten is learned again from its next frame.
 */
#include <stdlib.h>

#include "tapnic.h"

#define SLOTS 1024u
#define CACHE_SLOTS 64u

/* Generations in a word; one that is not asked for during so many replacements could be believed again, until the next. */
#define GENERATIONS 0x7fffu

struct entry {
	struct dhp_deferred deferred; /* first: what the library hands back is the entry */
	struct table *table;
	uint64_t station;
	uint32_t port;
};

struct table {
	struct dhp_engine *engine;
	struct dhp_lookaside *entries;
	struct dhp_percpu *caches;
	_Atomic uint32_t generation;
	struct entry *_Atomic slots[SLOTS];
};

struct cache {
	_Atomic uint64_t words[CACHE_SLOTS];
};

static uint64_t station_of(const uint8_t *mac)
{
	uint64_t station = 0;

	for (uint32_t i = 0; i < FRAME_MAC_BYTES; i++)
		station = station << 8 | mac[i];
	return station;
}

static uint32_t hash(uint64_t station)
{
	return (uint32_t)(station * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* 48 bits of station, 15 of generation, 1 of port. */
static uint64_t word_of(uint64_t station, uint32_t generation, uint32_t port)
{
	return station << 16 | (uint64_t)(generation & GENERATIONS) << 1 | port;
}

enum dhp_status table_create(struct dhp_engine *engine, struct table **out_table)
{
	const struct dhp_lookaside_options entries = { .size = sizeof(entries), .block_bytes = sizeof(struct entry) };
	const struct dhp_percpu_options caches = { .size = sizeof(caches), .slot_bytes = sizeof(struct cache) };
	struct table *table = calloc(1, sizeof(*table));
	enum dhp_status status;

	if (table == NULL)
		return DHP_NO_MEMORY;
	table->engine = engine;
	status = dhp_lookaside_create(engine, &entries, &table->entries);
	if (status == DHP_OK)
		status = dhp_percpu_create(engine, &caches, &table->caches);
	if (status != DHP_OK) {
		table_destroy(table);
		return status;
	}
	*out_table = table;
	return DHP_OK;
}

static void reclaim(struct dhp_deferred *deferred)
{
	struct entry *entry = (struct entry *)(void *)deferred;

	dhp_lookaside_free(entry->table->entries, entry);
}

void table_destroy(struct table *table)
{
	if (table == NULL)
		return;
	(void)dhp_epoch_drain(table->engine);
	for (uint32_t i = 0; i < SLOTS && table->entries != NULL; i++)
		dhp_lookaside_free(table->entries, atomic_load(&table->slots[i]));
	(void)dhp_percpu_destroy(table->caches);
	(void)dhp_lookaside_destroy(table->entries);
	free(table);
}

static void replace(struct table *table, uint64_t station, uint32_t port, struct entry *old)
{
	struct entry *entry = dhp_lookaside_allocate(table->entries);

	if (entry == NULL)
		return;
	*entry = (struct entry){ .table = table, .station = station, .port = port };
	if (!atomic_compare_exchange_strong(&table->slots[hash(station) % SLOTS], &old, entry)) {
		dhp_lookaside_free(table->entries, entry); /* somebody else was first: the next frame tries again */
		return;
	}
	if (old == NULL)
		return;
	(void)atomic_fetch_add(&table->generation, 1);
	(void)dhp_epoch_defer(table->engine, &old->deferred, reclaim);
}

void table_learn(struct table *table, const uint8_t *mac, uint32_t port)
{
	uint64_t station = station_of(mac);
	struct entry *entry = atomic_load(&table->slots[hash(station) % SLOTS]);

	if (entry == NULL || entry->station != station || entry->port != port)
		replace(table, station, port, entry);
}

uint32_t table_port(struct table *table, const uint8_t *mac)
{
	uint64_t station = station_of(mac);
	struct cache *cache = dhp_percpu_here(table->caches);
	_Atomic uint64_t *word = &cache->words[hash(station) % CACHE_SLOTS];
	uint32_t generation = atomic_load(&table->generation); /* before the table is asked (I1) */
	uint64_t cached = atomic_load_explicit(word, memory_order_relaxed);
	struct entry *entry;

	if ((cached | 1) == word_of(station, generation, 1))
		return cached & 1;
	entry = atomic_load(&table->slots[hash(station) % SLOTS]);
	if (entry == NULL || entry->station != station)
		return NO_PORT;
	atomic_store_explicit(word, word_of(station, generation, entry->port), memory_order_relaxed);
	return entry->port;
}
