/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work_order.h - DPCs that note the order in which they run, and where each is: a program has one array of them.
 */
#ifndef TESTS_WORK_ORDER_H
#define TESTS_WORK_ORDER_H

#include "work_hold.h"

#include "queue.h"

#define MANY (3 * DHPI_WINDOW)

static struct tick ticks[MANY];
static struct dhp_dpc *batch[MANY]; /* the same, for dhp_dpc_insert_batch */
static uint64_t order[MANY];        /* which one ran then */
static uint64_t ordered;

static inline void note_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	poke(&order[bump(&ordered) % MANY], (uint64_t)((struct tick *)context - ticks));
	tick_routine(dpc, context, argument_1, argument_2);
}

static inline void init_at(uint32_t at, struct dhp_engine *engine, uint32_t index, enum dhp_importance importance, bool threaded)
{
	struct tick *tick = &ticks[at];

	tick_init(tick, engine, index);
	assert_ok(threaded ? dhp_dpc_init_threaded(&tick->dpc, engine, note_routine, tick)
			   : dhp_dpc_init(&tick->dpc, engine, note_routine, tick));
	assert_ok(dhp_dpc_set_importance(&tick->dpc, importance));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&tick->dpc, index));
	batch[at] = &tick->dpc;
}

static inline void init_all(struct dhp_engine *engine, uint32_t count, uint32_t index)
{
	poke(&ordered, 0);
	for (uint32_t i = 0; i < count; i++)
		init_at(i, engine, index, DHP_IMPORTANCE_MEDIUM, false);
}

static inline void insert_some(uint32_t first, uint32_t count)
{
	size_t inserted = SIZE_MAX;

	assert_ok(dhp_dpc_insert_batch(&batch[first], count, NULL, NULL, &inserted));
	assert_int_equal(inserted, count);
}

/* In the order of the array, from `first` on. */
static inline void assert_ordered_from(uint32_t first, uint32_t count)
{
	assert_int_equal(peek(&ordered), count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(peek(&order[i]), first + i);
}

static inline void assert_ordered(uint32_t count)
{
	assert_ordered_from(0, count);
}

static inline uint32_t place_of(uint32_t at)
{
	return at_load_relaxed_u32(&dhpi_dpc(&ticks[at].dpc)->place);
}

static inline void assert_place(uint32_t at, enum dhpi_place_kind kind, const struct dhpi_queue *queue)
{
	assert_int_equal(dhpi_place_kind(place_of(at)), kind);
	assert_int_equal(dhpi_place_cpu(place_of(at)), dhpi_queue_cpu(queue));
}

#endif
