/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter.c - a counter with a cell for every processor and an exact sum.
 *
 * I1        a cell is changed in one way only. Where restartable sequences work, a processor's cell is changed by plain
 *           adds inside such a sequence on that processor, and by nothing else: an atomic add from elsewhere would
 *           tear into it. The fallback cell, and all cells where there are no such sequences, are changed atomically.
 *
 * Cells are read atomically while they are added to; a sum is statistics, so relaxed.
 */
#include <dhp/counter.h>

#include "percpu.h"

enum dhp_status dhp_counter_create(struct dhp_engine *engine, struct dhp_counter **out_counter)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(struct at_u64) };
	struct dhp_percpu *cells = NULL;
	enum dhp_status status;

	if (out_counter == NULL)
		return engine == NULL ? DHP_BAD_ENGINE : DHP_BAD_RESULT;
	status = dhp_percpu_create(engine, &options, &cells);
	if (status == DHP_OK)
		*out_counter = DHPI_CONTAINER(cells, struct dhp_counter, cells);
	return status;
}

enum dhp_status dhp_counter_destroy(struct dhp_counter *counter)
{
	return dhp_percpu_destroy(counter != NULL ? &counter->cells : NULL);
}

void dhp_counter_add_slow(struct dhp_counter *counter, uint64_t amount)
{
	/* I1: a processor's own cell is out of bounds here when restartable sequences change it. */
	struct at_u64 *cell = counter->cells.restartable ? dhp_percpu_fallback(&counter->cells)
							 : dhp_percpu_here(&counter->cells);

	(void)at_fetch_add_relaxed_u64(cell, amount); /* relaxed: statistics only */
}

static void add_cell(void *slot, const struct dhp_processor *processor, void *context)
{
	uint64_t *sum = context;

	(void)processor;
	*sum += at_load_relaxed_u64(slot); /* relaxed: statistics only */
}

uint64_t dhp_counter_sum(const struct dhp_counter *counter)
{
	uint64_t sum = 0;

	(void)dhp_percpu_each(&counter->cells, add_cell, &sum, NULL);
	return sum;
}
