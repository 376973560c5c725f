/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steal.c - what a thief takes runs once, there or here: from the window, the lists and the inbox, while the worker takes too.
 */
#include "worker.c"

#include "shop.h"

#define ITEMS 2u

static struct {
	struct shop *shop;
	struct dhp_dpc *items;
	struct at_u32 *runs; /* by item, then in all */
} market;

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct at_u32 *own = &market.runs[dpc - market.items];

	(void)context;
	FIBRE_DEMAND(argument_1 == dpc && argument_2 == NULL);
	FIBRE_DEMAND(at_fetch_add_relaxed_u32(own, 1) == 0); /* relaxed: worlds are sequentially consistent */
	(void)at_fetch_add_relaxed_u32(&market.runs[ITEMS], 1); /* relaxed: likewise */
}

static bool all_have_run(void)
{
	return at_load_relaxed_u32(&market.runs[ITEMS]) == ITEMS; /* relaxed: likewise */
}

static void insert(uint32_t item)
{
	port_cpu_pretend(0);
	FIBRE_DEMAND(dhp_dpc_insert(&market.items[item], &market.items[item], NULL) == DHP_OK);
}

static void insert_both(void *nothing)
{
	(void)nothing;
	insert(0);
	insert(1);
}

static void open(void)
{
	market.shop = shop_open(2);
	market.items = port_alloc(ITEMS * sizeof(*market.items));
	market.runs = port_alloc((ITEMS + 1) * sizeof(*market.runs));
	for (uint32_t index = 0; index < 2; index++)
		at_init_u64(&market.shop->queues[index]->first_run_ns, 1);
	for (uint32_t i = 0; i < ITEMS; i++)
		(void)dhp_dpc_init(&market.items[i], &market.shop->engine, routine, NULL);
}

static void close(void)
{
	for (uint32_t index = 0; index < 2; index++)
		FIBRE_DEMAND(dhpi_queue_empty(market.shop->queues[index]));
	port_free(market.items, ITEMS * sizeof(*market.items));
	port_free(market.runs, (ITEMS + 1) * sizeof(*market.runs));
	shop_close(market.shop);
}

static void begin(struct dhpi_queue *queue)
{
	port_self()->worker = queue;
	port_cpu_pretend((int32_t)dhpi_queue_cpu(queue));
}

static void work(void *queue)
{
	begin(queue);
	while (!all_have_run())
		if (!run_batch(queue))
			port_relax();
}

/* Tries once, and runs what it got. */
static void steal_once(void *queue)
{
	begin(queue);
	(void)dhpi_queue_steal(queue, market.shop->queues[0]);
	while (run_batch(queue))
		continue;
}

static void meet(void)
{
	TOGETHER({ "worker", work, market.shop->queues[0] }, { "thief", steal_once, market.shop->queues[1] });
	close();
}

static void from_the_inbox(void)
{
	open();
	insert_both(NULL);
	meet();
}

static void from_the_window(void)
{
	open();
	insert_both(NULL);
	(void)dhpi_queue_refill(market.shop->queues[0]);
	meet();
}

static void from_both(void)
{
	open();
	insert(0);
	(void)dhpi_queue_refill(market.shop->queues[0]);
	insert(1);
	meet();
}

static void while_others_insert(void)
{
	open();
	TOGETHER({ "worker", work, market.shop->queues[0] }, { "thief", steal_once, market.shop->queues[1] },
		 { "inserter", insert_both, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "a_thief_takes_from_the_inbox", .run = from_the_inbox },
	{ .name = "a_thief_takes_from_the_window", .run = from_the_window },
	{ .name = "a_thief_takes_from_the_window_and_the_inbox", .run = from_both },
	{ .name = "a_thief_takes_while_others_insert", .run = while_others_insert, .strategy = BOUNDED, .bound = 1 },
	{ .name = "a_thief_takes_while_others_insert_by_chance", .run = while_others_insert,
	  .strategy = RANDOM, .runs = 500, .long_runs = 20000 },
	{ .name = NULL },
};
