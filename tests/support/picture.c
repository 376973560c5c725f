/* SPDX-License-Identifier: BSD-2-Clause */
#include "picture.h"

static uint32_t index_of_cpu(struct dhp_engine *engine, uint32_t cpu)
{
	uint32_t index = DHP_NO_INDEX;
	enum dhp_status status = dhp_index_of_cpu(engine, cpu, &index);

	assert_true(status == DHP_OK || (status == DHP_BAD_CPU && index == DHP_NO_INDEX));
	return index;
}

static uint32_t index_of_number(struct dhp_engine *engine, uint32_t group, uint32_t number)
{
	const struct dhp_number pair = { .group = (uint16_t)group, .number = (uint8_t)number };
	uint32_t index = DHP_NO_INDEX;
	enum dhp_status status = dhp_index_of_number(engine, pair, &index);

	assert_true(status == DHP_OK || (status == DHP_BAD_NUMBER && index == DHP_NO_INDEX));
	return index;
}

void picture_take(struct dhp_engine *engine, struct picture *picture)
{
	struct dhp_snapshot snapshot;

	memset(picture, 0, sizeof(*picture));
	snapshot = (struct dhp_snapshot){
		.masks_capacity = PICTURE_GROUPS,
		.active_masks = picture->active_masks,
		.usable_masks = picture->usable_masks,
	};
	assert_ok(dhp_snapshot_take(engine, &snapshot));
	picture->counts = snapshot.counts;
	for (uint32_t index = 0; index < PICTURE_ROWS; index++)
		picture->row_statuses[index] = dhp_processor_at(engine, index, &picture->rows[index]);
	for (uint32_t cpu = 0; cpu < PICTURE_CPUS; cpu++)
		picture->index_of_cpu[cpu] = index_of_cpu(engine, cpu);
	for (uint32_t group = 0; group < PICTURE_GROUPS; group++)
		for (uint32_t number = 0; number < 64; number++)
			picture->index_of_number[group][number] = index_of_number(engine, group, number);
}

void assert_same_picture(const struct picture *a, const struct picture *b)
{
	assert_memory_equal(&a->counts, &b->counts, sizeof(a->counts));
	assert_memory_equal(a->active_masks, b->active_masks, sizeof(a->active_masks));
	assert_memory_equal(a->usable_masks, b->usable_masks, sizeof(a->usable_masks));
	assert_memory_equal(a->row_statuses, b->row_statuses, sizeof(a->row_statuses));
	assert_memory_equal(a->rows, b->rows, sizeof(a->rows));
	assert_memory_equal(a->index_of_cpu, b->index_of_cpu, sizeof(a->index_of_cpu));
	assert_memory_equal(a->index_of_number, b->index_of_number, sizeof(a->index_of_number));
}

static uint32_t bits_in(const uint64_t *masks, uint32_t count)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < count; i++)
		bits += (uint32_t)__builtin_popcountll(masks[i]);
	return bits;
}

static uint32_t groups_in(const uint64_t *masks, uint32_t count)
{
	uint32_t groups = 0;

	for (uint32_t i = 0; i < count; i++)
		groups += masks[i] != 0;
	return groups;
}

static uint32_t valid_in(const uint32_t *indices, size_t count)
{
	uint32_t valid = 0;

	for (size_t i = 0; i < count; i++)
		valid += indices[i] != DHP_NO_INDEX;
	return valid;
}

static void assert_row_consistent(struct dhp_engine *engine, const struct picture *picture, uint32_t index)
{
	const struct dhp_processor *row = &picture->rows[index];

	assert_int_equal(row->index, index);
	assert_int_equal(row->number.reserved, 0);
	assert_true(row->cpu < PICTURE_CPUS && row->number.group < PICTURE_GROUPS && row->number.number < 64);
	assert_int_equal(picture->index_of_cpu[row->cpu], index);
	assert_int_equal(picture->index_of_number[row->number.group][row->number.number], index);
	assert_true((picture->active_masks[row->number.group] >> row->number.number & 1) != 0);
	assert_true(dhp_active_mask(engine, row->number.group) == picture->active_masks[row->number.group]);
}

void assert_consistent(struct dhp_engine *engine)
{
	static struct picture picture;
	const struct dhp_counts *counts = &picture.counts;

	picture_take(engine, &picture);
	assert_true(counts->usable <= counts->active && counts->active <= counts->present);
	assert_true(counts->present <= counts->maximum && counts->active <= PICTURE_ROWS);
	assert_int_equal(bits_in(picture.active_masks, PICTURE_GROUPS), counts->active);
	assert_int_equal(bits_in(picture.usable_masks, PICTURE_GROUPS), counts->usable);
	assert_int_equal(groups_in(picture.active_masks, PICTURE_GROUPS), counts->groups_active);
	for (uint32_t group = 0; group < PICTURE_GROUPS; group++)
		assert_true((picture.usable_masks[group] & ~picture.active_masks[group]) == 0);
	for (uint32_t index = 0; index < PICTURE_ROWS; index++) {
		assert_status(picture.row_statuses[index], index < counts->active ? DHP_OK : DHP_BAD_INDEX);
		if (index < counts->active)
			assert_row_consistent(engine, &picture, index);
	}
	assert_int_equal(valid_in(picture.index_of_cpu, PICTURE_CPUS), counts->active);
	assert_int_equal(valid_in(&picture.index_of_number[0][0], PICTURE_GROUPS * 64), counts->active);
}
