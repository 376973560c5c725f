/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inbox.c - push against take: inserters, the owner, and a signal handler that interrupts it.
 */
#include "shop.h"

#define LIMIT 4u

struct item {
	struct dhp_dpc dpc;
	struct at_u32 runs;
};

static struct {
	struct shop *shop;
	struct item *items;
	uint32_t count;
	const struct item *order[LIMIT]; /* the owner's */
	uint32_t taken;
} inbox;

static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
}

static void open(uint32_t count, bool movable)
{
	inbox.shop = shop_open(1);
	inbox.items = port_alloc(LIMIT * sizeof(*inbox.items));
	inbox.count = count;
	inbox.taken = 0;
	for (uint32_t i = 0; i < count; i++) {
		(void)dhp_dpc_init(&inbox.items[i].dpc, &inbox.shop->engine, routine, NULL);
		if (!movable)
			(void)dhp_dpc_set_target(&inbox.items[i].dpc, 0);
	}
}

static void close(void)
{
	FIBRE_DEMAND(dhpi_queue_empty(inbox.shop->queues[0]));
	port_free(inbox.items, LIMIT * sizeof(*inbox.items));
	shop_close(inbox.shop);
}

static void insert(void *item)
{
	FIBRE_DEMAND(dhp_dpc_insert(&((struct item *)item)->dpc, item, NULL) == DHP_OK);
}

static void insert_two(void *items)
{
	insert(items);
	insert((struct item *)items + 1);
}

static void take(struct dhpi_dpc *dpc)
{
	const struct item *item = DHPI_CONTAINER(dpc, struct item, dpc);

	FIBRE_DEMAND(inbox.taken < inbox.count);
	FIBRE_DEMAND(dpc->arguments[0] == item); /* written before the push */
	for (uint32_t i = 0; i < inbox.taken; i++)
		FIBRE_DEMAND(inbox.order[i] != item);
	inbox.order[inbox.taken++] = item;
}

static void own(void *nothing)
{
	struct dhpi_queue *queue = inbox.shop->queues[0];
	struct dhpi_dpc *dpc;

	(void)nothing;
	while (inbox.taken < inbox.count) {
		if (dhpi_queue_window_length(queue) == 0 && dhpi_queue_looks_empty(queue)) {
			port_relax();
			continue;
		}
		(void)dhpi_queue_refill(queue);
		while ((dpc = dhpi_queue_has_high(queue) ? dhpi_queue_take_high(queue) : dhpi_queue_take(queue)) != NULL)
			take(dpc);
	}
}

/* S-629: who pushed both knows which came first. */
static void demand_order(uint32_t first, uint32_t second)
{
	uint32_t at = 0;

	while (inbox.order[at] != &inbox.items[first])
		FIBRE_DEMAND(inbox.order[at++] != &inbox.items[second]);
}

static void two_inserters(void)
{
	open(2, false);
	TOGETHER({ "owner", own, NULL }, { "inserter", insert, &inbox.items[0] }, { "inserter", insert, &inbox.items[1] });
	close();
}

static void two_in_order(void)
{
	open(2, false);
	TOGETHER({ "owner", own, NULL }, { "inserter", insert_two, &inbox.items[0] });
	demand_order(0, 1);
	close();
}

static void two_in_order_and_another(void)
{
	open(3, false);
	TOGETHER({ "owner", own, NULL }, { "inserter", insert_two, &inbox.items[0] },
		 { "inserter", insert, &inbox.items[2] });
	demand_order(0, 1);
	close();
}

static void high_and_ordinary(void)
{
	open(2, false);
	(void)dhp_dpc_set_importance(&inbox.items[0].dpc, DHP_IMPORTANCE_HIGH);
	TOGETHER({ "owner", own, NULL }, { "inserter", insert, &inbox.items[0] }, { "inserter", insert, &inbox.items[1] });
	close();
}

/* As between two routines of a batch: S-625 holds although somebody else has just taken the inbox. */
static void overtake(void *nothing)
{
	struct dhpi_queue *queue = inbox.shop->queues[0];

	insert(&inbox.items[0]);
	(void)dhpi_queue_refill(queue);
	insert(&inbox.items[1]);
	FIBRE_DEMAND(dhpi_queue_has_high(queue));
	take(dhpi_queue_take_high(queue));
	own(nothing);
}

static void drain(void *nothing)
{
	struct dhpi_queue *queue = inbox.shop->queues[0];

	(void)nothing;
	dhpi_spin_lock(&queue->lock);
	dhpi_queue_drain(queue);
	dhpi_spin_unlock(&queue->lock);
}

static void high_and_who_drains(void)
{
	open(2, false);
	(void)dhp_dpc_set_importance(&inbox.items[1].dpc, DHP_IMPORTANCE_HIGH);
	TOGETHER({ "owner", overtake, NULL }, { "drainer", drain, NULL });
	FIBRE_DEMAND(inbox.order[0] == &inbox.items[1]);
	close();
}

/* ---- two who insert one object ---- */

static struct at_u32 *queued;

static void insert_same(void *item)
{
	if (dhp_dpc_insert(&((struct item *)item)->dpc, item, NULL) == DHP_OK)
		(void)at_fetch_add_relaxed_u32(queued, 1); /* relaxed: worlds are sequentially consistent */
}

static void one_object_twice(void)
{
	open(1, false);
	queued = port_alloc(sizeof(*queued));
	TOGETHER({ "owner", own, NULL }, { "inserter", insert_same, &inbox.items[0] },
		 { "inserter", insert_same, &inbox.items[0] });
	FIBRE_DEMAND(at_load_relaxed_u32(queued) == 1); /* relaxed: all have ended */
	port_free(queued, sizeof(*queued));
	close();
}

/* ---- the owner's own hand, interrupted ---- */

/* As in a routine: the object behind all others, by the short way if that is open. */
static void put_and_own(void *nothing)
{
	port_self()->worker = inbox.shop->queues[0];
	port_cpu_pretend(0);
	insert(&inbox.items[0]);
	insert(&inbox.items[1]);
	own(nothing);
}

static void handler_while_putting(void)
{
	uint32_t owner, handler;

	open(3, false);
	owner = fibre_start(put_and_own, NULL, "owner");
	handler = fibre_start_handler(insert, &inbox.items[2], "handler", owner);
	fibre_join(owner);
	fibre_join(handler);
	demand_order(0, 1);
	close();
}

static void putting_while_pushed_to(void)
{
	open(3, false);
	TOGETHER({ "owner", put_and_own, NULL }, { "inserter", insert, &inbox.items[2] });
	demand_order(0, 1);
	close();
}

/* I7: what was inserted before the owner's own insert began. */
static bool seen_before;

static void insert_and_say_so(void *item)
{
	insert(item);
	at_store_release_u32(queued, 1);
}

static void look_and_put(void *nothing)
{
	port_self()->worker = inbox.shop->queues[0];
	port_cpu_pretend(0);
	seen_before = at_load_acquire_u32(queued) != 0;
	insert(&inbox.items[0]);
	own(nothing);
}

static void putting_after_a_push(void)
{
	open(2, false);
	queued = port_alloc(sizeof(*queued));
	TOGETHER({ "owner", look_and_put, NULL }, { "inserter", insert_and_say_so, &inbox.items[1] });
	if (seen_before)
		demand_order(1, 0);
	port_free(queued, sizeof(*queued));
	close();
}

const struct world worlds[] = {
	{ .name = "two_inserters_and_the_owner_lose_nothing", .run = two_inserters },
	{ .name = "what_one_inserter_pushed_is_taken_in_order", .run = two_in_order },
	{ .name = "another_inserter_does_not_change_that", .run = two_in_order_and_another,
	  .runs = 700, .long_runs = 30000 },
	{ .name = "high_and_ordinary_objects_are_taken_once", .run = high_and_ordinary },
	{ .name = "a_high_one_overtakes_while_somebody_drains", .run = high_and_who_drains },
	{ .name = "one_object_inserted_by_two_is_queued_once", .run = one_object_twice },
	{ .name = "a_handler_inserts_while_the_owner_puts", .run = handler_while_putting },
	{ .name = "the_owner_puts_while_another_pushes", .run = putting_while_pushed_to },
	{ .name = "the_owner_does_not_overtake_what_came_before", .run = putting_after_a_push },
	{ .name = NULL },
};
