/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.c - a block has one owner, and none is lost: caches under their locks, the depot, a flush and an arrival (where there
 * are restartable sequences the system decides who goes on, and unit.lookaside_machine looks).
 *
 * Blocks come from port_block_alloc: one that a flush gave back while somebody has it is used after it was freed.
 */
#include "../../engine/percpu/lookaside.c"

#include "shop.h"

/* The first word is the list's while nobody has the block. */
struct thing {
	void *link;
	struct at_u32 out;
};

static struct {
	struct shop *shop;
	struct dhp_lookaside *list;
} store;

static void take(struct thing *thing)
{
	FIBRE_DEMAND(thing != NULL);
	FIBRE_DEMAND(at_exchange_acq_rel_u32(&thing->out, 1) == 0); /* nobody else has it */
}

static void give(struct thing *thing)
{
	FIBRE_DEMAND(at_exchange_acq_rel_u32(&thing->out, 0) == 1);
	dhp_lookaside_free(store.list, thing);
}

static void *make_thing(size_t bytes, void *context)
{
	struct thing *thing = port_block_alloc(bytes);

	(void)context;
	at_init_u32(&thing->out, 0);
	return thing;
}

static void destroy_thing(void *block, size_t bytes, void *context)
{
	(void)bytes;
	(void)context;
	FIBRE_DEMAND(at_load_relaxed_u32(&((struct thing *)block)->out) == 0); /* relaxed: worlds are sequentially consistent */
	port_block_free(block);
}

/* With so many blocks in the cache of processor 0. */
static void open(uint32_t blocks)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = sizeof(struct thing),
							.allocate = make_thing, .free = destroy_thing };
	void *all[2];

	store.shop = port_alloc(sizeof(*store.shop));
	shop_open_base(store.shop);
	shop_add_row(store.shop, 0);
	shop_publish(store.shop, 0);
	FIBRE_DEMAND(dhp_lookaside_create(&store.shop->engine, &options, &store.list) == DHP_OK);
	fibre_ignore(&list_of(store.list)->made, 2 * sizeof(struct at_u64));
	port_cpu_pretend(0);
	for (uint32_t i = 0; i < blocks; i++)
		all[i] = dhp_lookaside_allocate(store.list);
	for (uint32_t i = 0; i < blocks; i++)
		dhp_lookaside_free(store.list, all[i]);
}

static void close(void)
{
	struct dhp_lookaside_counts counts;

	FIBRE_DEMAND(dhp_lookaside_counts_read(store.list, &counts) == DHP_OK);
	FIBRE_DEMAND(counts.kept == counts.made - counts.returned);
	FIBRE_DEMAND(dhp_lookaside_flush(store.list) == DHP_OK);
	FIBRE_DEMAND(dhp_lookaside_counts_read(store.list, &counts) == DHP_OK && counts.kept == 0);
	FIBRE_DEMAND(dhp_lookaside_destroy(store.list) == DHP_OK);
	shop_close_base(store.shop);
}

static void *cpu(intptr_t number)
{
	return (void *)number;
}

static void use_one(void *cpu)
{
	struct thing *thing;

	port_cpu_pretend((int32_t)(intptr_t)cpu);
	thing = dhp_lookaside_allocate(store.list);
	take(thing);
	give(thing);
}

/* Two at once; given back on another processor. */
static void use_two(void *cpu)
{
	struct thing *one, *other;

	port_cpu_pretend((int32_t)(intptr_t)cpu);
	one = dhp_lookaside_allocate(store.list);
	take(one);
	other = dhp_lookaside_allocate(store.list);
	take(other);
	port_cpu_pretend(1 - (int32_t)(intptr_t)cpu);
	give(one);
	give(other);
}

static void flush(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_lookaside_flush(store.list) == DHP_OK);
}

static void arrive(void *nothing)
{
	(void)nothing;
	shop_add_row(store.shop, 1);
	shop_publish(store.shop, 1);
}

static void one_cache(void)
{
	open(1);
	TOGETHER({ "one", use_one, cpu(0) }, { "other", use_one, cpu(0) });
	close();
}

static void two_blocks(void)
{
	open(2);
	TOGETHER({ "one", use_two, cpu(0) }, { "other", use_one, cpu(0) });
	close();
}

static void flushed(void)
{
	open(2);
	TOGETHER({ "user", use_one, cpu(0) }, { "flusher", flush, NULL });
	close();
}

static void two_users_flushed(void)
{
	open(1);
	TOGETHER({ "user", use_one, cpu(0) }, { "user", use_one, cpu(0) }, { "flusher", flush, NULL });
	close();
}

static void during_an_arrival(void)
{
	open(1);
	TOGETHER({ "user", use_two, cpu(1) }, { "arrival", arrive, NULL });
	close();
}

/* S-705: a newcomer has nobody's blocks. */
static void flushed_during_an_arrival(void)
{
	open(1);
	TOGETHER({ "user", use_one, cpu(1) }, { "flusher", flush, NULL }, { "arrival", arrive, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "two_users_of_a_cache_never_have_one_block", .run = one_cache },
	{ .name = "a_block_is_freed_on_another_processor", .run = two_blocks },
	{ .name = "a_flush_takes_what_nobody_has", .run = flushed },
	{ .name = "a_flush_meets_two_users", .run = two_users_flushed, .runs = 2000, .long_runs = 30000 },
	{ .name = "a_user_meets_an_arrival", .run = during_an_arrival },
	{ .name = "a_flush_meets_a_user_and_an_arrival", .run = flushed_during_an_arrival, .runs = 2000, .long_runs = 20000 },
	{ .name = NULL },
};
