/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set.c - one writer adds processors, fails to, and changes counts; readers find rows that are complete, attempts that are
 * not mixed, and copies of one moment.
 *
 * Edges: set-publish set-offer set-image slot-publish
 * Sources: percpu/array.c
 */
#include "model.h"
#include "percpu.h"

#include "sync/set.c"

static struct world {
	struct dhpi_set set;
	struct dhpi_space space;
	struct dhp_percpu *array;
	struct port_mutex serial;
	struct dhp_engine engine;
} *world;

/* The lower levels of array.c. */
void dhpi_epoch_synchronize(struct dhpi_epoch *epoch)
{
	(void)epoch;
}

struct port_cpu_word port_cpu_word(bool simulated)
{
	(void)simulated;
	return (struct port_cpu_word){ .ask = false };
}

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor, (void)context;
	*(uint32_t *)slot = 11;
	return DHP_OK;
}

static struct dhp_processor row_of(uint32_t index, uint32_t flavour)
{
	return (struct dhp_processor){
		.index = index, .cpu = index, .number = { .group = 0, .number = (uint8_t)index },
		.package = flavour, .core = flavour, .thread = flavour, .node = flavour,
	};
}

static void add(uint32_t index, uint32_t flavour)
{
	struct dhp_processor row = row_of(index, flavour);

	dhpi_set_offer(&world->set, &row);
	dhpi_set_publish(&world->set, true);
	dhpi_set_announce(&world->set, index);
}

static void before(void)
{
	world = model_alloc(sizeof(*world));
	world->set.maximum = 3;
	world->set.groups_maximum = 1;
	world->set.cpu_limit = 3;
	world->set.table = model_alloc(3 * sizeof(struct dhp_processor));
	world->set.wiring = model_alloc(3 * sizeof(struct dhpi_wiring));
	world->set.index_of_cpu = model_alloc(3 * sizeof(struct at_u32));
	world->set.index_of_number = model_alloc(64 * sizeof(struct at_u32));
	world->set.announced = model_alloc(3);
	for (uint32_t i = 0; i < 2; i++) {
		world->set.images[i].active_masks = model_alloc(sizeof(struct at_u64));
		world->set.images[i].usable_masks = model_alloc(sizeof(struct at_u64));
	}
	add(0, 1);
}

/* ---- rows ---- */

static void add_one(void)
{
	add(1, 5);
}

static void use_rows(void)
{
	uint32_t active = dhpi_set_active(&world->set);

	for (uint32_t index = 0; index < active; index++)
		MODEL_ASSERT(dhpi_set_row(&world->set, index)->package == (index == 0 ? 1 : 5));
	MODEL_ASSERT(dhpi_set_straight(&world->set, active) == active);
}

static void look_up(void)
{
	struct dhp_number number = { .group = 0, .number = 1 };
	uint32_t index = dhpi_set_index_of_cpu(&world->set, 1);

	MODEL_ASSERT(index == 1 || index == DHP_NO_INDEX);
	index = dhpi_set_index_of_number(&world->set, number);
	MODEL_ASSERT(index == 1 || index == DHP_NO_INDEX);
}

/* ---- attempts ---- */

/* The first fails; the second is another processor. */
static void fail_then_offer(void)
{
	struct dhp_processor row = row_of(1, 5);

	dhpi_set_offer(&world->set, &row);
	dhpi_set_withdraw(&world->set);
	row = row_of(1, 6);
	dhpi_set_offer(&world->set, &row);
}

static void read_an_attempt(void)
{
	struct dhp_processor row;

	if (!dhpi_set_read(&world->set, 1, &row))
		return;
	MODEL_ASSERT(row.package == 5 || row.package == 6);
	MODEL_ASSERT(row.core == row.package && row.thread == row.package && row.node == row.package);
}

static void fail_fail_offer(void)
{
	struct dhp_processor row = row_of(1, 5);

	dhpi_set_offer(&world->set, &row);
	dhpi_set_withdraw(&world->set);
	fail_then_offer();
}

static void read_twice(void)
{
	read_an_attempt();
	read_an_attempt();
}

/* ---- copies ---- */

static void add_two(void)
{
	add(1, 5);
	add(2, 5);
}

static void change_all(void)
{
	dhpi_set_platform(&world->set, 7, 7, 7);
	dhpi_set_usable(&world->set, 0, false);
	dhpi_set_platform(&world->set, 8, 8, 8);
}

static void expect_one_moment(const struct dhp_snapshot *snapshot)
{
	const struct dhp_counts *counts = &snapshot->counts;

	MODEL_ASSERT(counts->active == counts->generation);
	MODEL_ASSERT(counts->usable == counts->active && counts->present == counts->active && counts->online == counts->active);
	MODEL_ASSERT(counts->groups_active == 1);
	MODEL_ASSERT(snapshot->active_masks[0] == (1ull << counts->active) - 1);
	MODEL_ASSERT(snapshot->usable_masks[0] == snapshot->active_masks[0]);
}

static void take_snapshot(void)
{
	uint64_t active_mask, usable_mask;
	struct dhp_snapshot snapshot = {
		.active_masks = &active_mask, .usable_masks = &usable_mask, .masks_capacity = 1,
	};

	MODEL_ASSERT(dhpi_set_snapshot(&world->set, &snapshot) == DHP_OK);
	expect_one_moment(&snapshot);
}

static void take_counts(void)
{
	struct dhp_counts counts;

	dhpi_set_counts(&world->set, &counts);
	/* Generations 1 to 4: one processor; then 7 of each; then it is not usable; then 8 of each. */
	MODEL_ASSERT(counts.usable == (counts.generation >= 3 ? 0 : 1));
	MODEL_ASSERT(counts.quota == (counts.generation == 4 ? 8 : counts.generation >= 2 ? 7 : 0));
	MODEL_ASSERT(counts.quota == 0 || counts.online == counts.quota);
	MODEL_ASSERT(counts.quota == 0 || counts.present == counts.quota);
}

/* What one has seen of a mask is not older for another who was told; nor after one more change. */
static struct at_u32 *told(void)
{
	return &world->set.index_of_number[63];
}

static void add_two_and_change(void)
{
	add_two();
	dhpi_set_platform(&world->set, 7, 7, 7);
}

static void see_active_and_tell(void)
{
	while (dhpi_set_active_mask(&world->set, 0) != 7)
		port_relax();
	at_store_release_u32(told(), 1);
}

static void wait_until_told(void)
{
	while (at_load_acquire_u32(told()) == 0)
		port_relax();
}

/* Several looks: the next change begins meanwhile, and whoever looks then is sent to the other copy. */
static void be_told_of_active(void)
{
	wait_until_told();
	for (uint32_t look = 0; look < 4; look++)
		MODEL_ASSERT(dhpi_set_active_mask(&world->set, 0) == 7);
}

static void see_usable_and_tell(void)
{
	while (dhpi_set_usable_mask(&world->set, 0) != 7)
		port_relax();
	at_store_release_u32(told(), 1);
}

static void be_told_of_usable(void)
{
	wait_until_told();
	for (uint32_t look = 0; look < 4; look++)
		MODEL_ASSERT(dhpi_set_usable_mask(&world->set, 0) == 7);
}

/* A second group comes with the second processor. */
static void two_groups(void)
{
	before();
	world->set.groups_maximum = 2;
	world->set.index_of_number = model_alloc(2 * 64 * sizeof(struct at_u32));
	for (uint32_t i = 0; i < 2; i++) {
		world->set.images[i].active_masks = model_alloc(2 * sizeof(struct at_u64));
		world->set.images[i].usable_masks = model_alloc(2 * sizeof(struct at_u64));
	}
}

static void add_group(void)
{
	struct dhp_processor row = row_of(1, 5);

	row.number = (struct dhp_number){ .group = 1, .number = 0 };
	dhpi_set_offer(&world->set, &row);
	dhpi_set_publish(&world->set, true);
}

static void count_groups(void)
{
	struct dhp_counts counts;

	dhpi_set_counts(&world->set, &counts);
	MODEL_ASSERT(counts.groups_active == counts.generation);
}

/* A mask that has a processor's bit says that its row is there. */
static void expect_rows(uint64_t mask)
{
	for (uint32_t index = 0; index < 3; index++)
		if ((mask >> index & 1) != 0) {
			const struct dhp_processor *row = dhpi_set_row(&world->set, index);

			MODEL_ASSERT(row != NULL && row->index == index);
		}
}

static void rows_of_active(void)
{
	expect_rows(dhpi_set_active_mask(&world->set, 0));
}

static void rows_of_usable(void)
{
	expect_rows(dhpi_set_usable_mask(&world->set, 0));
}

/* ---- slots ---- */

static void before_slots(void)
{
	const struct dhp_percpu_options options = {
		.size = sizeof(options), .slot_bytes = sizeof(uint32_t), .construct = construct,
	};

	before();
	port_mutex_init(&world->serial);
	dhpi_space_init(&world->space, &world->serial, &world->set, NULL, true);
	MODEL_ASSERT(dhpi_percpu_create(&world->space, &options, 0, &world->array) == DHP_OK);
}

static void prepare_and_add(void)
{
	struct dhp_processor row = row_of(1, 5);

	dhpi_set_offer(&world->set, &row);
	MODEL_ASSERT(dhpi_space_prepare(&world->space, &row) == DHP_OK);
	dhpi_set_publish(&world->set, true);
	dhpi_set_announce(&world->set, 1);
}

static void use_the_slot_here(void)
{
	port_cpu_pretend(1);
	MODEL_ASSERT(*(uint32_t *)dhp_percpu_here_slow(world->array) == 11);
}

static void visit(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor, (void)context;
	MODEL_ASSERT(*(uint32_t *)slot == 11);
}

static void use_each_slot(void)
{
	uint32_t *slot = dhp_percpu_at(world->array, 1);

	MODEL_ASSERT(slot == NULL || *slot == 11);
	(void)dhp_percpu_each(world->array, visit, NULL, NULL);
}

const struct model_world model_worlds[] = {
	{ "rows", before, { add_one, use_rows }, NULL, 1 },
	{ "look_up", before, { add_one, look_up }, NULL, 1 },
	{ "attempts", before, { fail_then_offer, read_an_attempt }, NULL, 1 },
	{ "three_attempts", before, { fail_fail_offer, read_twice }, NULL, 1 },
	{ "snapshots", before, { add_two, take_snapshot, take_snapshot }, NULL, 1 },
	{ "counts", before, { change_all, take_counts }, NULL, 1 },
	{ "told_of_active", before, { add_two_and_change, see_active_and_tell, be_told_of_active }, NULL, 2 },
	{ "told_of_usable", before, { add_two_and_change, see_usable_and_tell, be_told_of_usable }, NULL, 2 },
	{ "groups", two_groups, { add_group, count_groups }, NULL, 2 },
	{ "rows_of_active", before, { add_two, rows_of_active, rows_of_active }, NULL, 1 },
	{ "rows_of_usable", before, { add_two, rows_of_usable, rows_of_usable }, NULL, 1 },
	{ "slot_here", before_slots, { prepare_and_add, use_the_slot_here }, NULL, 1 },
	{ "each_slot", before_slots, { prepare_and_add, use_each_slot }, NULL, 1 },
	{ .name = NULL },
};
