/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizing.c - a pool of buffers for all processors. An interrupt takes four, or is dropped.
 */
#include <stdatomic.h>

#include "habits.h"

#define BUFFERS 4u

/* Says how many buffers there are; the memory is left out. */
struct pool {
	atomic_int free;
	uint32_t all;
};

static struct dhp_notify *registration;
static struct pool pool;

static void pool_resize(struct pool *of, uint32_t all)
{
	(void)atomic_fetch_add(&of->free, (int)all - (int)of->all);
	of->all = all;
}

/* ---- broken ---- */

static bool load_broken(void)
{
	pool_resize(&pool, BUFFERS * dhp_active_count(engine, DHP_ALL_GROUPS, NULL));
	return true;
}

/* ---- right ---- */

static void resize(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)status; /* too few buffers are no reason to refuse a processor */
	if (change->state == DHP_CHANGE_COMPLETE)
		pool_resize(context, BUFFERS * dhp_active_count(engine, DHP_ALL_GROUPS, NULL));
}

static bool load_right(void)
{
	return dhp_notify_register(engine, resize, &pool, DHP_NOTIFY_EXISTING, &registration) == DHP_OK;
}

/* ---- around both ---- */

static void interrupt(uint32_t index)
{
	if (atomic_fetch_sub(&pool.free, BUFFERS) >= (int)BUFFERS)
		served_at(index);
	else
		(void)atomic_fetch_add(&pool.free, BUFFERS);
}

static void work(void)
{
	atomic_store(&pool.free, (int)pool.all); /* those of the last time are back */
	on_each_processor(interrupt);
}

static void unload(void)
{
	(void)dhp_notify_unregister(registration);
	registration = NULL;
	pool_resize(&pool, 0);
}

const struct habit sizing = {
	"sizing", "the others find no buffer",
	{ load_broken, work, served_count, unload },
	{ load_right, work, served_count, unload },
};
