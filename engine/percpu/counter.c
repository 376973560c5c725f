/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter.c - a counter with a cell for every processor and an exact sum.
 *
 * I1        a cell is changed in one way only. Where restartable sequences work, a processor's cell is changed by plain
 *           loads and stores inside such a sequence on that processor, and by nothing else: an atomic add from elsewhere would
 *           tear into it. The fallback cell, and all cells where there are no such sequences, are changed atomically.
 *
 * Cells are read atomically while they are added to; a sum is statistics, so relaxed.
 */
#include <dhp/counter.h>

#include "percpu.h"

enum dhp_status dhp_counter_create(struct dhp_engine *engine, struct dhp_counter **out_counter)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = DHP_CELL_BYTES };
	struct dhp_percpu *cells = NULL;
	enum dhp_status status;

	if (out_counter == NULL)
		return engine == NULL ? DHP_BAD_ENGINE : DHP_BAD_RESULT;
	status = dhp_percpu_create(engine, &options, &cells);
	if (status == DHP_OK)
		DHPI_CHECK(1, cells->stride == DHP_CELL_BYTES, "dhp_counter_add knows the distance");
	if (status == DHP_OK)
		*out_counter = DHPI_CONTAINER(cells, struct dhp_counter, cells);
	return status;
}

enum dhp_status dhp_counter_destroy(struct dhp_counter *counter)
{
	return dhp_percpu_destroy(counter != NULL ? &counter->cells : NULL);
}

/* I1: a processor's own cell is out of bounds for an atomic add when restartable sequences change it. */
uint64_t *dhp_counter_cell_slow(const struct dhp_counter *counter)
{
	return counter->cells.restartable != 0 ? dhp_percpu_fallback(&counter->cells) : dhp_percpu_here(&counter->cells);
}

void dhp_counter_add_slow(struct dhp_counter *counter, uint64_t amount)
{
	struct at_u64 *cell = (void *)dhp_counter_cell_slow(counter);

	(void)at_fetch_add_relaxed_u64(cell, amount); /* relaxed: statistics only */
}

static uint64_t value_of(const void *cell)
{
	return at_load_relaxed_u64(cell); /* relaxed: statistics only */
}

static uint64_t value_at(const struct dhp_percpu *cells, size_t cpu)
{
	return value_of(cells->base + cpu * DHP_CELL_BYTES);
}

/*
 * Not by dhp_percpu_each: a call for each cell would cost more than the cell. Nor by the rows where index and cpu id are the
 * same: they would take the cache from the cells. Who adds on a processor found it active.
 */
uint64_t dhp_counter_sum(const struct dhp_counter *counter)
{
	const struct dhp_percpu *cells = &counter->cells;
	const struct dhpi_set *set = dhpi_percpu_set(cells);
	uint32_t active = dhpi_set_active(set), index, straight = dhpi_set_straight(set, active);
	uint64_t sum = value_of(cells->base - DHP_CELL_BYTES), other = 0; /* the fallback cell lies in front of cpu 0 */

	for (index = 0; index + 2 <= straight; index += 2) {
		sum += value_at(cells, index);
		other += value_at(cells, (size_t)index + 1);
	}
	for (; index < active; index++)
		sum += value_at(cells, set->table[index].cpu);
	return sum + other;
}
