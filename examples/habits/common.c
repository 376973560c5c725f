/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * common.c - interrupts on all processors, and a record of where they were dealt with.
 */
#include <stdatomic.h>

#include "habits.h"

struct dhp_engine *engine;

static struct interrupt {
	struct dhp_dpc dpc;
	void (*routine)(uint32_t index);
	uint32_t index;
} interrupts[MOST];

static atomic_bool served[MOST];
static atomic_uint crash_count;

static void run(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct interrupt *interrupt = context;

	(void)dpc, (void)a, (void)b;
	interrupt->routine(interrupt->index);
}

void on_each_processor(void (*routine)(uint32_t index))
{
	uint32_t count = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);

	for (uint32_t index = 0; index < count; index++) {
		struct interrupt *interrupt = &interrupts[index];

		interrupt->routine = routine;
		interrupt->index = index;
		(void)dhp_dpc_init(&interrupt->dpc, engine, run, interrupt);
		(void)dhp_dpc_set_target(&interrupt->dpc, index);
		(void)dhp_dpc_insert(&interrupt->dpc, NULL, NULL);
	}
}

void served_at(uint32_t index)
{
	atomic_store(&served[index], true);
}

uint32_t served_count(void)
{
	uint32_t count = 0;

	for (uint32_t index = 0; index < MOST; index++)
		count += atomic_load(&served[index]);
	return count;
}

void served_clear(void)
{
	atomic_store(&crash_count, 0);
	for (uint32_t index = 0; index < MOST; index++)
		atomic_store(&served[index], false);
}

bool crashes(bool certain)
{
	if (certain)
		(void)atomic_fetch_add(&crash_count, 1);
	return certain;
}

uint32_t crashes_count(void)
{
	return atomic_load(&crash_count);
}
