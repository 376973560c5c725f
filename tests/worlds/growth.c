/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * growth.c - an array that grows while it is read, and the set that says so (edges slot-publish, set-publish, set-offer,
 * set-image).
 */
#include "shop.h"

#define COMPLETE 7u

static struct {
	struct shop *shop;
	struct dhp_percpu *array;
	struct at_u32 *seen;
} growth;

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor;
	(void)context;
	at_store_relaxed_u32(slot, 1); /* relaxed: published by slot-publish */
	at_store_relaxed_u32(slot, COMPLETE);
	return DHP_OK;
}

static void open(void)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(struct at_u32),
						     .construct = construct };

	growth.shop = port_alloc(sizeof(*growth.shop));
	shop_open_base(growth.shop);
	FIBRE_DEMAND(dhpi_percpu_create(&growth.shop->space, &options, 0, &growth.array) == DHP_OK);
	shop_add_row(growth.shop, 0);
	shop_publish(growth.shop, 0);
}

static void close(void)
{
	dhpi_percpu_destroy(growth.array);
	shop_close_base(growth.shop);
}

static void demand_complete(const void *slot)
{
	FIBRE_DEMAND(slot == NULL || at_load_relaxed_u32(slot) == COMPLETE); /* relaxed: worlds are sequentially consistent */
}

/* An arrival, in the order of lifecycle.c. */
static void arrive(void *nothing)
{
	(void)nothing;
	shop_add_row(growth.shop, 1);
	shop_publish(growth.shop, 1);
}

/* One that fails, and then one that does not. */
static void fail_and_arrive(void *nothing)
{
	growth.shop->rows[1] = (struct dhp_processor){ .index = 1, .cpu = 1, .number = { .number = 1 }, .node = 9,
							    .thread = 9 };
	dhpi_set_offer(&growth.shop->set, &growth.shop->rows[1]);
	dhpi_set_withdraw(&growth.shop->set);
	arrive(nothing);
}

static void read_here(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(1);
	demand_complete(dhp_percpu_here(growth.array));
	demand_complete(dhp_percpu_here(growth.array));
}

static void read_at_index(void *nothing)
{
	uint32_t active = dhpi_set_active(&growth.shop->set);

	(void)nothing;
	demand_complete(dhp_percpu_at(growth.array, 1));
	FIBRE_DEMAND(dhp_percpu_at(growth.array, active - 1) != NULL);
}

static void see(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor;
	demand_complete(slot);
	++*(uint32_t *)context;
}

static void read_each(void *nothing)
{
	uint32_t count = 0;
	uint64_t generation;

	(void)nothing;
	FIBRE_DEMAND(dhp_percpu_each(growth.array, see, &count, &generation) == DHP_OK);
	FIBRE_DEMAND(count == 2 || count == 3); /* with the fallback */
}

/* Counts and masks are of one moment. */
static void read_snapshot(void *nothing)
{
	uint64_t active_mask = 0, usable_mask = 0;
	struct dhp_snapshot snapshot = { .active_masks = &active_mask, .usable_masks = &usable_mask, .masks_capacity = 1 };

	(void)nothing;
	FIBRE_DEMAND(dhpi_set_snapshot(&growth.shop->set, &snapshot) == DHP_OK);
	FIBRE_DEMAND(active_mask == ((uint64_t)1 << snapshot.counts.active) - 1);
	FIBRE_DEMAND(usable_mask == active_mask && snapshot.counts.usable == snapshot.counts.active);
}

static void read_mapping(void *nothing)
{
	struct dhp_processor row;

	(void)nothing;
	if (dhpi_set_read(&growth.shop->set, 1, &row))
		FIBRE_DEMAND(row.index == 1 && row.cpu == 1 && row.node == row.thread);
}

static void here_during_arrival(void)
{
	open();
	TOGETHER({ "arrival", arrive, NULL }, { "reader", read_here, NULL });
	close();
}

static void index_during_arrival(void)
{
	open();
	TOGETHER({ "arrival", arrive, NULL }, { "reader", read_at_index, NULL });
	close();
}

static void each_during_arrival(void)
{
	open();
	TOGETHER({ "arrival", arrive, NULL }, { "reader", read_each, NULL });
	close();
}

static void snapshot_during_arrival(void)
{
	open();
	TOGETHER({ "arrival", arrive, NULL }, { "reader", read_snapshot, NULL });
	close();
}

static void mapping_during_arrival(void)
{
	open();
	TOGETHER({ "arrival", fail_and_arrive, NULL }, { "reader", read_mapping, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "a_reader_there_finds_a_complete_slot", .run = here_during_arrival },
	{ .name = "a_reader_by_index_finds_a_complete_slot", .run = index_during_arrival },
	{ .name = "a_walk_finds_complete_slots", .run = each_during_arrival, .runs = 2000, .long_runs = 100000 },
	{ .name = "a_walk_interrupted_twice_finds_complete_slots", .run = each_during_arrival,
	  .strategy = BOUNDED, .bound = 2 },
	{ .name = "a_snapshot_is_of_one_moment", .run = snapshot_during_arrival, .runs = 1000, .long_runs = 500000 },
	{ .name = "a_snapshot_interrupted_twice_is_of_one_moment", .run = snapshot_during_arrival,
	  .strategy = BOUNDED, .bound = 2 },
	{ .name = "a_row_is_of_one_attempt", .run = mapping_during_arrival },
	{ .name = NULL },
};
