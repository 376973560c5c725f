/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * balancing.c - items of work that may run anywhere are spread over the processors.
 */
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "habits.h"

static uint32_t next;

/* ---- broken ---- */

static uint32_t count; /* of the processors at load */

static void submit_broken(struct dhp_dpc *item)
{
	(void)dhp_dpc_set_target(item, next++ % count);
	(void)dhp_dpc_insert(item, NULL, NULL);
}

/* ---- right ---- */

/* No target at all: who has nothing to do takes it, a newcomer at once. */
static void submit_right(struct dhp_dpc *item)
{
	(void)dhp_dpc_insert(item, NULL, NULL);
}

/* If it has to be in turn: the count of this moment. Each index below it has its queue. */
static void submit_in_turn(struct dhp_dpc *item)
{
	(void)dhp_dpc_set_target(item, next++ % dhp_active_count(engine, DHP_ALL_GROUPS, NULL));
	(void)dhp_dpc_insert(item, NULL, NULL);
}

/* ---- around both ---- */

#define LIMIT_S 30 /* only a failure waits so long */

static struct dhp_dpc items[MOST];
static void (*submit)(struct dhp_dpc *item);
static atomic_uint begun, expected;

/* With nobody's choice, a processor that has an item keeps it until all have begun: so each gets one. */
static void run(struct dhp_dpc *item, void *context, void *a, void *b)
{
	time_t end = time(NULL) + LIMIT_S;

	(void)item, (void)context, (void)a, (void)b;
	(void)atomic_fetch_add(&begun, 1);
	while (atomic_load(&begun) < atomic_load(&expected) && time(NULL) < end)
		(void)sched_yield();
	served_at(dhp_index_here(engine));
}

static bool load(void (*which)(struct dhp_dpc *item))
{
	submit = which;
	next = 0;
	count = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);
	return true;
}

static bool load_broken(void)
{
	return load(submit_broken);
}

static bool load_right(void)
{
	return load(submit_right);
}

static bool load_in_turn(void)
{
	return load(submit_in_turn);
}

static void work(void)
{
	uint32_t active = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);

	atomic_store(&begun, 0);
	atomic_store(&expected, submit == submit_right ? active : 0);
	for (uint32_t i = 0; i < active; i++) {
		(void)dhp_dpc_init(&items[i], engine, run, NULL);
		submit(&items[i]);
	}
}

static void unload(void)
{
}

const struct habit balancing = {
	"balancing", "the others get no work",
	{ load_broken, work, served_count, unload },
	{ load_right, work, served_count, unload },
};

const struct driver balancing_in_turn = { load_in_turn, work, served_count, unload };
