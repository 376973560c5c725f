/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c - whole engines on a simulated partition: created, grown, used and destroyed. Too large for every schedule.
 *
 * At the return of dhp_engine_destroy all memory has been given back, all threads have ended, and what was inserted has run once.
 */
#include <dhp/engine.h>
#include <dhp/notify.h>
#include <dhp/observe.h>
#include <dhp/sim.h>
#include <dhp/timer.h>
#include <dhp/work.h>

#include "atomic.h"
#include "port.h"
#include "world.h"

#define ITEMS 4u
#define MAXIMUM 3u

static struct {
	struct dhp_engine *engine;
	struct dhp_dpc *items;
	struct at_u32 *runs; /* by item */
	struct at_u32 *starts, *ends;
} whole;

static void count(struct at_u32 *word)
{
	(void)at_fetch_add_relaxed_u32(word, 1); /* relaxed: worlds are sequentially consistent */
}

static uint32_t counted(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: likewise */
}

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)context;
	(void)argument_1;
	(void)argument_2;
	count(&whole.runs[dpc - whole.items]);
}

static void open(uint32_t initial, uint32_t flags)
{
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = MAXIMUM, .initial_count = initial };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim, .spin_ns = 1, .flags = flags };

	FIBRE_DEMAND(dhp_engine_create(&options, &whole.engine) == DHP_OK);
	whole.items = port_alloc(ITEMS * sizeof(*whole.items));
	whole.runs = port_alloc(ITEMS * sizeof(*whole.runs));
	whole.starts = port_alloc(sizeof(*whole.starts));
	whole.ends = port_alloc(sizeof(*whole.ends));
	for (uint32_t i = 0; i < ITEMS; i++)
		FIBRE_DEMAND(dhp_dpc_init(&whole.items[i], whole.engine, routine, NULL) == DHP_OK);
}

static void close(void)
{
	FIBRE_DEMAND(dhp_engine_destroy(whole.engine) == DHP_OK);
	FIBRE_DEMAND(counted(whole.starts) == counted(whole.ends));
	port_free(whole.items, ITEMS * sizeof(*whole.items));
	port_free(whole.runs, ITEMS * sizeof(*whole.runs));
	port_free(whole.starts, sizeof(*whole.starts));
	port_free(whole.ends, sizeof(*whole.ends));
}

static void insert(void *item)
{
	FIBRE_DEMAND(dhp_dpc_insert(item, NULL, NULL) == DHP_OK);
}

static void insert_two(void *items)
{
	insert(items);
	insert((struct dhp_dpc *)items + 1);
}

static void flush(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_dpc_flush(whole.engine) == DHP_OK);
}

/* The last there can be, then it is complete. */
static void arrive(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_sim_add(whole.engine, dhp_sim_cpu(whole.engine, MAXIMUM - 1)) == DHP_OK);
}

static void create_and_destroy(void)
{
	open(2, 0);
	close();
}

/* Medium importance: it may wait for a tick, and no longer. */
static void inserted_and_flushed(void)
{
	open(2, DHP_ENGINE_NO_WATCH);
	insert(&whole.items[0]);
	flush(NULL);
	FIBRE_DEMAND(counted(&whole.runs[0]) == 1);
	close();
}

static void wait_for_runs(uint32_t count_wanted)
{
	for (uint32_t i = 0; i < count_wanted; i++)
		while (counted(&whole.runs[i]) == 0)
			port_sleep_ns(1000);
}

/* Nobody flushes: the inserters and the tick wake whoever sleeps. */
static void inserted_during_an_arrival(void)
{
	open(1, DHP_ENGINE_NO_WATCH);
	TOGETHER({ "inserter", insert_two, &whole.items[0] }, { "inserter", insert_two, &whole.items[2] },
		 { "arrival", arrive, NULL });
	wait_for_runs(ITEMS);
	for (uint32_t i = 0; i < ITEMS; i++)
		FIBRE_DEMAND(counted(&whole.runs[i]) == 1);
	close();
}

/* Low importance: who sleeps is left asleep, until a tick is over (edge work-tick). */
/* The worker has been asleep. */
static void insert_late(void *item)
{
	struct dhp_processor_stats stats;

	do {
		port_sleep_ns(1000);
		FIBRE_DEMAND(dhp_processor_stats_read(whole.engine, 0, &stats) == DHP_OK);
	} while (stats.park_count == 0);
	insert(item);
}

static void insert_two_late(void *items)
{
	insert_late(items);
	insert_late((struct dhp_dpc *)items + 1);
}

static void low_work(void)
{
	open(1, DHP_ENGINE_NO_WATCH);
	for (uint32_t i = 0; i < 3; i++)
		(void)dhp_dpc_set_importance(&whole.items[i], DHP_IMPORTANCE_LOW);
	TOGETHER({ "inserter", insert_two_late, &whole.items[0] }, { "inserter", insert_late, &whole.items[2] });
	wait_for_runs(3);
	close();
}

static void two_flushes(void)
{
	open(2, DHP_ENGINE_NO_WATCH);
	TOGETHER({ "inserter", insert_two, &whole.items[0] }, { "flusher", flush, NULL }, { "flusher", flush, NULL });
	flush(NULL);
	FIBRE_DEMAND(counted(&whole.runs[0]) == 1 && counted(&whole.runs[1]) == 1);
	close();
}

/* What was inserted before the flush has run after it, whoever else inserts. */
static void insert_and_flush(void *item)
{
	insert(item);
	flush(NULL);
	FIBRE_DEMAND(counted(&whole.runs[(struct dhp_dpc *)item - whole.items]) == 1);
}

static void flush_covers(void)
{
	open(2, DHP_ENGINE_NO_WATCH);
	TOGETHER({ "one", insert_and_flush, &whole.items[0] }, { "two", insert_and_flush, &whole.items[1] },
		 { "arrival", arrive, NULL });
	close();
}

/* ---- registrants ---- */

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)status;
	count(change->state == DHP_CHANGE_START ? whole.starts : whole.ends);
}

static void register_and_leave(void *nothing)
{
	struct dhp_notify *registration;

	(void)nothing;
	FIBRE_DEMAND(dhp_notify_register(whole.engine, on_change, NULL, DHP_NOTIFY_EXISTING, &registration) == DHP_OK);
	/* Between two phases of an arrival it may be gone: then Start alone was heard. So only when none goes on. */
	FIBRE_DEMAND(dhp_notify_unregister(registration) == DHP_OK);
}

static void register_leave_arrive(void *nothing)
{
	register_and_leave(nothing);
	arrive(nothing);
	register_and_leave(nothing);
}

static void registrants_and_inserters(void)
{
	open(1, DHP_ENGINE_NO_WATCH);
	TOGETHER({ "arrival", register_leave_arrive, NULL }, { "inserter", insert_two, &whole.items[0] });
	wait_for_runs(2);
	close();
}

/* ---- a timer ---- */

static void set_timer(void)
{
	struct dhp_timer *timer;
	struct dhp_timer_setting setting = { .size = sizeof(setting), .due_ns = 1000000 };

	open(1, DHP_ENGINE_NO_WATCH);
	timer = port_alloc(sizeof(*timer));
	FIBRE_DEMAND(dhp_timer_init(timer, whole.engine) == DHP_OK);
	setting.dpc = &whole.items[0];
	FIBRE_DEMAND(dhp_timer_set(timer, &setting) == DHP_OK);
	FIBRE_DEMAND(dhp_timer_wait(timer, false, DHP_TIMER_FOREVER) == DHP_OK);
	port_free(timer, sizeof(*timer));
	wait_for_runs(1);
	close();
}

const struct world worlds[] = {
	{ .name = "an_engine_comes_and_goes", .run = create_and_destroy, .strategy = RANDOM, .runs = 300, .long_runs = 5000 },
	{ .name = "what_is_inserted_runs_before_the_flush_ends", .run = inserted_and_flushed,
	  .strategy = RANDOM, .runs = 300, .long_runs = 5000 },
	{ .name = "work_comes_while_a_processor_arrives", .run = inserted_during_an_arrival,
	  .strategy = RANDOM, .runs = 300, .long_runs = 5000 },
	{ .name = "work_comes_while_a_processor_arrives_by_priorities", .run = inserted_during_an_arrival,
	  .strategy = PCT, .bound = 3, .runs = 300, .long_runs = 5000 },
	{ .name = "low_work_waits_for_a_tick_and_no_longer", .run = low_work,
	  .strategy = RANDOM, .runs = 1000, .long_runs = 5000 },
	{ .name = "low_work_waits_for_a_tick_by_priorities", .run = low_work,
	  .strategy = PCT, .bound = 4, .runs = 1000, .long_runs = 5000 },
	{ .name = "two_flushes_end", .run = two_flushes, .strategy = PCT, .bound = 3, .runs = 300, .long_runs = 5000 },
	{ .name = "a_flush_covers_what_came_before", .run = flush_covers,
	  .strategy = RANDOM, .runs = 300, .long_runs = 5000 },
	{ .name = "registrants_come_and_go", .run = registrants_and_inserters,
	  .strategy = PCT, .bound = 3, .runs = 300, .long_runs = 5000 },
	{ .name = "a_timer_expires_and_is_freed", .run = set_timer, .strategy = RANDOM, .runs = 300, .long_runs = 5000 },
	{ .name = NULL },
};
