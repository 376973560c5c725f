/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remove.c - claim and removal: who is told that an object is off its queue may free it at once.
 */
#include "worker.c"

#include "shop.h"

struct item {
	struct dhp_dpc dpc;
	struct at_u32 *runs;
};

static struct {
	struct shop *shop;
	struct at_u32 *words; /* runs, removals, ended: outlive the item */
	struct item *item;
	uint32_t inserts;
} removal;

enum { RUNS, REMOVALS, ENDED, WORDS };

static void count(uint32_t word)
{
	(void)at_fetch_add_relaxed_u32(&removal.words[word], 1); /* relaxed: worlds are sequentially consistent */
}

static uint32_t counted(uint32_t word)
{
	return at_load_relaxed_u32(&removal.words[word]); /* relaxed: likewise */
}

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)argument_2;
	FIBRE_DEMAND(argument_1 == context);
	count(RUNS);
}

static void open(uint32_t queues, bool movable)
{
	removal.shop = shop_open(queues);
	removal.words = port_alloc(WORDS * sizeof(*removal.words));
	removal.item = port_alloc(sizeof(*removal.item));
	(void)dhp_dpc_init(&removal.item->dpc, &removal.shop->engine, routine, removal.item);
	if (!movable)
		(void)dhp_dpc_set_target(&removal.item->dpc, 0);
	removal.inserts = 0;
}

static void close(void)
{
	port_free(removal.words, WORDS * sizeof(*removal.words));
	shop_close(removal.shop);
}

static void insert(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	if (dhp_dpc_insert(&removal.item->dpc, removal.item, NULL) == DHP_OK)
		removal.inserts++;
}

static void insert_in_part(void *nothing)
{
	insert(nothing);
	count(ENDED);
}

/* The worker without its sleep. */
static void work(void *queue)
{
	port_self()->worker = queue;
	while (counted(ENDED) == 0 || !dhpi_queue_empty(queue)) {
		if (dhpi_queue_looks_empty(queue) && dhpi_queue_window_length(queue) == 0)
			port_relax();
		else
			(void)run_batch(queue);
	}
}

/* It has been inserted before. */
static void remove_and_free(void *nothing)
{
	(void)nothing;
	if (dhp_dpc_remove(&removal.item->dpc) == DHP_OK) {
		count(REMOVALS);
		port_free(removal.item, sizeof(*removal.item));
		removal.item = NULL;
	}
	count(ENDED);
}

static void remove_it(void *nothing)
{
	(void)nothing;
	if (dhp_dpc_remove(&removal.item->dpc) == DHP_OK)
		count(REMOVALS);
	count(ENDED);
}

static void finish(void)
{
	FIBRE_DEMAND(counted(RUNS) + counted(REMOVALS) == removal.inserts);
	if (removal.item != NULL)
		port_free(removal.item, sizeof(*removal.item));
	close();
}

/* In the inbox, or on its way through the window. */
static void removed_while_it_is_run(void)
{
	open(1, false);
	insert(NULL);
	TOGETHER({ "worker", work, removal.shop->queues[0] }, { "remover", remove_and_free, NULL });
	finish();
}

/* In the window before the remover comes. */
static void removed_from_the_window(void)
{
	open(1, true);
	insert(NULL);
	(void)dhpi_queue_refill(removal.shop->queues[0]);
	TOGETHER({ "worker", work, removal.shop->queues[0] }, { "remover", remove_and_free, NULL });
	finish();
}

static void remove_and_insert_again(void *nothing)
{
	if (dhp_dpc_remove(&removal.item->dpc) == DHP_OK) {
		count(REMOVALS);
		insert(nothing);
	}
	count(ENDED);
}

static void removed_and_inserted_again(void)
{
	open(1, false);
	insert(NULL);
	TOGETHER({ "worker", work, removal.shop->queues[0] }, { "remover", remove_and_insert_again, NULL });
	finish();
}

static void two_removers(void)
{
	open(1, false);
	insert(NULL);
	TOGETHER({ "remover", remove_it, NULL }, { "remover", remove_it, NULL });
	FIBRE_DEMAND(counted(REMOVALS) == 1);
	finish();
}

/* The insert may not have pushed yet, or the object has run. */
static void removed_while_it_is_inserted(void)
{
	open(1, false);
	TOGETHER({ "inserter", insert_in_part, NULL }, { "remover", remove_it, NULL });
	if (counted(REMOVALS) == 0)
		FIBRE_DEMAND(dhp_dpc_remove(&removal.item->dpc) == DHP_OK);
	else
		FIBRE_DEMAND(dhp_dpc_remove(&removal.item->dpc) == DHP_NOT_QUEUED);
	removal.inserts = counted(REMOVALS);
	finish();
}

/* A thief takes it away while the remover looks for it. */
static void steal_once(void *nothing)
{
	(void)nothing;
	(void)dhpi_queue_steal(removal.shop->queues[1], removal.shop->queues[0]);
	count(ENDED);
}

static void removed_while_it_is_stolen(bool from_window)
{
	open(2, true);
	insert(NULL);
	if (from_window)
		(void)dhpi_queue_refill(removal.shop->queues[0]);
	TOGETHER({ "thief", steal_once, NULL }, { "remover", remove_and_free, NULL });
	FIBRE_DEMAND(counted(REMOVALS) == 1);
	finish();
}

static void removed_while_it_is_stolen_from_the_inbox(void)
{
	removed_while_it_is_stolen(false);
}

static void removed_while_it_is_stolen_from_the_window(void)
{
	removed_while_it_is_stolen(true);
}

/* All three. */
static void run_stolen_or_removed(void)
{
	open(2, true);
	insert(NULL);
	(void)dhpi_queue_refill(removal.shop->queues[0]);
	TOGETHER({ "worker", work, removal.shop->queues[0] }, { "thief", steal_once, NULL },
		 { "remover", remove_and_free, NULL });
	FIBRE_DEMAND(counted(RUNS) + counted(REMOVALS) <= 1);
	if (counted(RUNS) + counted(REMOVALS) == 0) /* the thief has it */
		FIBRE_DEMAND(dhp_dpc_remove(&removal.item->dpc) == DHP_OK);
	removal.inserts = counted(RUNS) + counted(REMOVALS);
	finish();
}

const struct world worlds[] = {
	{ .name = "an_object_is_run_or_removed_and_freed", .run = removed_while_it_is_run },
	{ .name = "an_object_in_the_window_is_run_or_removed_and_freed", .run = removed_from_the_window },
	{ .name = "an_object_is_removed_and_inserted_again_while_it_runs", .run = removed_and_inserted_again },
	{ .name = "two_removers_remove_once", .run = two_removers },
	{ .name = "an_object_that_is_being_inserted_is_removed_or_not", .run = removed_while_it_is_inserted },
	{ .name = "a_remover_follows_a_thief_from_the_inbox", .run = removed_while_it_is_stolen_from_the_inbox },
	{ .name = "a_remover_follows_a_thief_from_the_window", .run = removed_while_it_is_stolen_from_the_window },
	{ .name = "worker_thief_and_remover_want_one_object", .run = run_stolen_or_removed,
	  .runs = 700, .long_runs = 100000 },
	{ .name = NULL },
};
