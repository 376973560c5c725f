/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sleep.c - park and wake: no wake-up of a worker or a thief is lost (edges worker-sleep, thief-sleep, queue-busy, work-tick).
 *
 * The workers are run_batch, steal and sleep_until_woken of worker.c without the spinning between them: whoever spins cannot
 * miss anything. A lost wake-up ends in a state in which nobody can go on.
 */
#include "worker.c"

#include "shop.h"

#define ITEMS 3u

struct item {
	struct dhp_dpc dpc;
	struct at_u32 runs;
};

static struct {
	struct shop *shop;
	struct item *items;
	struct at_u32 *total, *released; /* runs in all; a routine may return */
	uint32_t expected;
} bed;

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	FIBRE_DEMAND(at_fetch_add_relaxed_u32(&((struct item *)context)->runs, 1) == 0); /* relaxed: worlds are seq_cst */
	(void)at_fetch_add_relaxed_u32(bed.total, 1); /* relaxed: likewise */
}

static uint32_t total(void)
{
	return at_load_relaxed_u32(bed.total); /* relaxed: likewise */
}

static void open(uint32_t queues, uint32_t items, uint32_t target)
{
	bed.shop = shop_open(queues);
	bed.items = port_alloc(ITEMS * sizeof(*bed.items));
	bed.total = port_alloc(sizeof(*bed.total));
	bed.released = port_alloc(sizeof(*bed.released));
	bed.expected = items;
	for (uint32_t index = 0; index < queues; index++) {
		fibre_ignore(&bed.shop->queues[index]->parks, sizeof(struct at_u64));
		at_init_u64(&bed.shop->queues[index]->first_run_ns, 1);
	}
	for (uint32_t i = 0; i < ITEMS; i++) {
		(void)dhp_dpc_init(&bed.items[i].dpc, &bed.shop->engine, routine, &bed.items[i]);
		(void)dhp_dpc_set_importance(&bed.items[i].dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
		if (target != DHPI_NO_TARGET)
			(void)dhp_dpc_set_target(&bed.items[i].dpc, target);
	}
}

static void close(void)
{
	FIBRE_DEMAND(total() == bed.expected);
	port_free(bed.items, ITEMS * sizeof(*bed.items));
	port_free(bed.total, sizeof(*bed.total));
	port_free(bed.released, sizeof(*bed.released));
	shop_close(bed.shop);
}

static void insert(void *item)
{
	port_cpu_pretend(0);
	FIBRE_DEMAND(dhp_dpc_insert(&((struct item *)item)->dpc, item, NULL) == DHP_OK);
}

static void begin_worker(struct dhpi_queue *queue)
{
	port_self()->worker = queue;
	port_cpu_pretend((int32_t)dhpi_queue_cpu(queue));
}

/* Until all have run; then it says so to the other. */
static void be_worker(void *argument)
{
	struct dhpi_queue *queue = argument;

	begin_worker(queue);
	while (total() < bed.expected) {
		if (run_batch(queue) || steal(queue))
			continue;
		(void)end_search(queue->work);
		if (total() < bed.expected)
			sleep_until_woken(queue);
		port_yield(); /* it may have been kept awake: then by another that has to go on first */
	}
	for (uint32_t index = 0; index < dhpi_set_active(queue->work->set); index++) {
		at_store_release_u32(&bed.shop->queues[index]->stop, 1);
		(void)port_event_signal(&bed.shop->queues[index]->event);
	}
}

/* One that has nobody to steal from. */
static void be_lonely_worker(void *argument)
{
	struct dhpi_queue *queue = argument;

	begin_worker(queue);
	while (total() < bed.expected)
		if (!run_batch(queue))
			sleep_until_woken(queue);
}

/* ---- worker-sleep ---- */

static void one_inserter(void)
{
	open(1, 1, 0);
	TOGETHER({ "worker", be_lonely_worker, bed.shop->queues[0] }, { "inserter", insert, &bed.items[0] });
	close();
}

static void two_inserters(void)
{
	open(1, 2, 0);
	TOGETHER({ "worker", be_lonely_worker, bed.shop->queues[0] }, { "inserter", insert, &bed.items[0] },
		 { "inserter", insert, &bed.items[1] });
	close();
}

static void one_high(void)
{
	open(1, 1, 0);
	(void)dhp_dpc_set_importance(&bed.items[0].dpc, DHP_IMPORTANCE_HIGH);
	TOGETHER({ "worker", be_lonely_worker, bed.shop->queues[0] }, { "inserter", insert, &bed.items[0] });
	close();
}

/* ---- work-tick ---- */

/* The second when the first has run: the tick that woke for the first may not be over. */
static void insert_one_after_another(void *items)
{
	insert(items);
	while (total() == 0)
		port_relax();
	insert((struct item *)items + 1);
}

/* With the timer thread: what is of low importance leaves the worker asleep, for one tick. */
static void low_with_timers(uint32_t items)
{
	open(1, items, 0);
	FIBRE_DEMAND(dhpi_timers_init(&bed.shop->work.timers, &bed.shop->work, 1000) == DHP_OK);
	for (uint32_t i = 0; i < items; i++)
		(void)dhp_dpc_set_importance(&bed.items[i].dpc, DHP_IMPORTANCE_LOW);
	if (items == 1)
		TOGETHER({ "worker", be_lonely_worker, bed.shop->queues[0] }, { "inserter", insert, &bed.items[0] });
	else
		TOGETHER({ "worker", be_lonely_worker, bed.shop->queues[0] },
			 { "inserter", insert_one_after_another, bed.items });
	close();
}

static void one_of_low_importance(void)
{
	low_with_timers(1);
}

static void two_of_low_importance(void)
{
	low_with_timers(2);
}

/* ---- told to stop ---- */

static void work_until_stopped(void *argument)
{
	struct dhpi_queue *queue = argument;

	begin_worker(queue);
	for (;;) {
		if (run_batch(queue))
			continue;
		if (told_to_stop(queue) && dhpi_queue_empty(queue))
			return;
		sleep_until_woken(queue);
	}
}

static void insert_then_stop(void *argument)
{
	struct dhpi_queue *queue = argument;

	insert(&bed.items[0]);
	at_store_release_u32(&queue->stop, 1);
	(void)port_event_signal(&queue->event);
}

static void stopped(void)
{
	open(1, 1, 0);
	TOGETHER({ "worker", work_until_stopped, bed.shop->queues[0] }, { "stopper", insert_then_stop, bed.shop->queues[0] });
	close();
}

/* ---- a routine that waits for what another processor has to run ---- */

static void wait_for_release(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	while (at_load_relaxed_u32(bed.released) == 0) /* relaxed: worlds are sequentially consistent */
		port_relax();
	routine(dpc, context, argument_1, argument_2);
}

static void release(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	at_store_relaxed_u32(bed.released, 1); /* relaxed: likewise */
	routine(dpc, context, argument_1, argument_2);
}

static void open_for_thief(void)
{
	open(2, 2, DHPI_NO_TARGET);
	(void)dhp_dpc_init(&bed.items[0].dpc, &bed.shop->engine, wait_for_release, &bed.items[0]);
	(void)dhp_dpc_init(&bed.items[1].dpc, &bed.shop->engine, release, &bed.items[1]);
	(void)dhp_dpc_set_importance(&bed.items[0].dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
	(void)dhp_dpc_set_importance(&bed.items[1].dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
	(void)dhp_dpc_set_target(&bed.items[0].dpc, 0);
}

/* What comes while the worker is in a routine that does not end: only a thief can run it. */
static void thief_is_woken(void)
{
	open_for_thief();
	insert(&bed.items[0]);
	TOGETHER({ "worker", be_worker, bed.shop->queues[0] }, { "thief", be_worker, bed.shop->queues[1] },
		 { "inserter", insert, &bed.items[1] });
	close();
}

/* Both are there before: the worker finds more in its batch than it can run at once. */
static void worker_shares(void)
{
	open_for_thief();
	insert(&bed.items[0]);
	insert(&bed.items[1]);
	TOGETHER({ "worker", be_worker, bed.shop->queues[0] }, { "thief", be_worker, bed.shop->queues[1] });
	close();
}

/* What a routine inserts on its own processor before it waits. */
static void insert_and_wait(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	insert(&bed.items[1]);
	insert(&bed.items[2]); /* the first alone would stay */
	wait_for_release(dpc, context, argument_1, argument_2);
}

static void routine_shares(void)
{
	open_for_thief();
	bed.expected = 3;
	(void)dhp_dpc_init(&bed.items[0].dpc, &bed.shop->engine, insert_and_wait, &bed.items[0]);
	(void)dhp_dpc_set_importance(&bed.items[0].dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
	(void)dhp_dpc_set_target(&bed.items[0].dpc, 0);
	insert(&bed.items[0]);
	TOGETHER({ "worker", be_worker, bed.shop->queues[0] }, { "thief", be_worker, bed.shop->queues[1] });
	close();
}

/* ---- nothing before the processor is published ---- */

static struct at_u32 *said;

static void publish(void *queue)
{
	at_store_relaxed_u32(said, 1); /* relaxed: worlds are sequentially consistent */
	at_store_release_u32(&((struct dhpi_queue *)queue)->go, 1);
	(void)port_event_signal(&((struct dhpi_queue *)queue)->event);
}

static void begin_when_published(void *queue)
{
	wait_for_publication(queue);
	FIBRE_DEMAND(at_load_relaxed_u32(said) == 1); /* relaxed: likewise */
}

static void publication(void)
{
	struct shop *shop = shop_open(2);

	said = port_alloc(sizeof(*said));
	TOGETHER({ "worker", begin_when_published, shop->queues[1] }, { "publisher", publish, shop->queues[1] });
	port_free(said, sizeof(*said));
	shop_close(shop);
}

const struct world worlds[] = {
	{ .name = "a_worker_that_falls_asleep_hears_the_inserter", .run = one_inserter },
	{ .name = "a_worker_that_falls_asleep_hears_both_inserters", .run = two_inserters, .runs = 700, .long_runs = 100000 },
	{ .name = "a_worker_that_falls_asleep_hears_a_high_one", .run = one_high },
	{ .name = "low_work_waits_for_one_tick", .run = one_of_low_importance, .runs = 500, .long_runs = 20000 },
	{ .name = "low_work_that_comes_at_a_tick_waits_for_the_next", .run = two_of_low_importance,
	  .strategy = BOUNDED, .bound = 1 },
	{ .name = "low_work_that_comes_at_a_tick_by_chance", .run = two_of_low_importance,
	  .strategy = RANDOM, .runs = 500, .long_runs = 20000 },
	{ .name = "a_worker_that_is_stopped_has_run_what_came_before", .run = stopped },
	{ .name = "a_thief_is_woken_for_what_waits_behind_a_routine", .run = thief_is_woken,
	  .strategy = BOUNDED, .bound = 1, .runs = 2000, .long_runs = 50000 },
	{ .name = "a_thief_is_woken_at_random_moments", .run = thief_is_woken,
	  .strategy = RANDOM, .runs = 1000, .long_runs = 20000 },
	{ .name = "a_worker_shares_what_it_cannot_run_at_once", .run = worker_shares, .strategy = BOUNDED, .bound = 1 },
	{ .name = "a_worker_shares_by_priorities", .run = worker_shares,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 20000 },
	{ .name = "a_routine_shares_what_it_inserts", .run = routine_shares,
	  .strategy = BOUNDED, .bound = 1, .runs = 2000, .long_runs = 50000 },
	{ .name = "a_routine_shares_by_priorities", .run = routine_shares,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 20000 },
	{ .name = "a_worker_begins_when_it_is_published", .run = publication },
	{ .name = NULL },
};
