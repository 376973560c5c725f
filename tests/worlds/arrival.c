/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrival.c - the asynchronous channel and the channel of changes: a processor arrives while registrants come, go, wait for what
 * was posted, or hold it back (edges notify-drain, notify-stop, change-post).
 *
 * With the notification thread, whole. The context of a registration is freed as soon as that is over: who is called afterwards
 * uses freed memory.
 */
#include <dhp/change.h>

#include "notify.h"

#include "shop.h"

struct client {
	struct at_u32 heard[SHOP_QUEUES]; /* by processor */
	struct at_u64 told;               /* the last generation */
	struct dhp_arrival_notify *arrivals;
	struct dhp_change_notify *changes;
};

static struct {
	struct shop *shop;
	struct dhpi_notify *notify;
	struct client *clients[2];
} house;

static uint32_t heard(const struct client *client, uint32_t index)
{
	return at_load_relaxed_u32(&client->heard[index]); /* relaxed: worlds are sequentially consistent */
}

static uint64_t told(const struct client *client)
{
	return at_load_relaxed_u64(&client->told); /* relaxed: likewise */
}

static uint64_t generation(void)
{
	struct dhp_counts counts;

	dhpi_set_counts(&house.shop->set, &counts);
	return counts.generation;
}

static void on_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct client *client = context;
	const char *at = arrival->name;

	while (at[1] != '\0')
		at++;
	FIBRE_DEMAND(*at == '0' || *at == '1');
	(void)at_fetch_add_relaxed_u32(&client->heard[*at - '0'], 1); /* relaxed: likewise */
}

/* I2 of change.c: who is told a number finds that set, or a later one. */
static void on_change(void *context, uint64_t number)
{
	struct client *client = context;

	FIBRE_DEMAND(number > told(client) && number <= generation());
	at_store_relaxed_u64(&client->told, number); /* relaxed: likewise */
}

static void enter_with(struct client *client, uint32_t flags)
{
	FIBRE_DEMAND(dhp_arrival_register(&house.shop->engine, DHP_CLASS_PROCESSOR, on_arrival, client, flags,
					  &client->arrivals) == DHP_OK);
}

static void enter(void *client)
{
	enter_with(client, 0);
}

static void enter_with_replay(void *client)
{
	enter_with(client, DHP_NOTIFY_EXISTING);
}

static void enter_for_changes(void *argument)
{
	struct client *client = argument;
	const uint64_t nothing_seen = 0;

	FIBRE_DEMAND(dhp_change_register(&house.shop->engine, on_change, client, &nothing_seen, &client->changes) == DHP_OK);
}

static void leave(void *argument)
{
	struct client **client = argument;

	FIBRE_DEMAND(dhp_arrival_unregister((*client)->arrivals) == DHP_OK);
	FIBRE_DEMAND(dhp_change_unregister((*client)->changes) == DHP_OK);
	port_free(*client, sizeof(**client));
	*client = NULL;
}

static void add_processor(uint32_t index)
{
	shop_add_row(house.shop, index);
	FIBRE_DEMAND(dhpi_arrival_prepare(house.notify, &house.shop->rows[index]));
	shop_publish(house.shop, index);
}

static void open(void)
{
	house.shop = port_alloc(sizeof(*house.shop));
	shop_open_base(house.shop);
	house.notify = port_alloc(sizeof(*house.notify));
	house.shop->engine.notify = house.notify;
	FIBRE_DEMAND(dhpi_notify_init(house.notify, &house.shop->serial, &house.shop->set) == DHP_OK);
	add_processor(0);
	for (uint32_t i = 0; i < 2; i++)
		house.clients[i] = port_alloc(sizeof(*house.clients[i]));
}

static void close(void)
{
	for (uint32_t i = 0; i < 2; i++)
		if (house.clients[i] != NULL)
			leave(&house.clients[i]);
	dhpi_notify_fini(house.notify);
	port_free(house.notify, sizeof(*house.notify));
	shop_close_base(house.shop);
}

static void drain(void)
{
	FIBRE_DEMAND(dhp_arrival_drain(&house.shop->engine) == DHP_OK);
}

/* An arrival, in the order of lifecycle.c. */
static void arrive(void *nothing)
{
	(void)nothing;
	port_mutex_lock(&house.shop->serial);
	add_processor(1);
	dhpi_arrival_post(house.notify, &house.shop->rows[1]);
	port_mutex_unlock(&house.shop->serial);
}

static void change(void *nothing)
{
	(void)nothing;
	port_mutex_lock(&house.shop->serial);
	dhpi_set_usable(&house.shop->set, 0, false);
	dhpi_change_post(house.notify);
	port_mutex_unlock(&house.shop->serial);
}

static void change_twice(void *nothing)
{
	change(nothing);
	port_mutex_lock(&house.shop->serial);
	dhpi_set_usable(&house.shop->set, 0, true);
	dhpi_change_post(house.notify);
	port_mutex_unlock(&house.shop->serial);
}

/* ---- arrivals ---- */

/* S-208: nothing that was posted before. */
static void registered_meanwhile(void)
{
	open();
	TOGETHER({ "arrival", arrive, NULL }, { "client", enter, house.clients[0] });
	drain();
	FIBRE_DEMAND(heard(house.clients[0], 0) == 0 && heard(house.clients[0], 1) <= 1);
	close();
}

static void enter_arrive_and_drain(void *client)
{
	enter(client);
	arrive(NULL);
	drain();
	FIBRE_DEMAND(heard(client, 1) == 1);
}

/* Who is registered hears of what is posted then, once a drain has returned. */
static void posted_by_the_registrant(void)
{
	open();
	TOGETHER({ "client", enter_arrive_and_drain, house.clients[0] }, { "other client", enter, house.clients[1] });
	close();
}

/* S-207, S-210: each at least once, one that comes meanwhile perhaps twice. */
static void replay_meanwhile(void)
{
	open();
	TOGETHER({ "arrival", arrive, NULL }, { "client", enter_with_replay, house.clients[0] });
	drain();
	FIBRE_DEMAND(heard(house.clients[0], 0) == 1);
	FIBRE_DEMAND(heard(house.clients[0], 1) == 1 || heard(house.clients[0], 1) == 2);
	close();
}

static void unregistered_meanwhile(void)
{
	open();
	enter(house.clients[0]);
	enter(house.clients[1]);
	TOGETHER({ "arrival", arrive, NULL }, { "client", leave, &house.clients[0] });
	drain();
	FIBRE_DEMAND(heard(house.clients[1], 1) == 1);
	close();
}

static void arrive_and_drain(void *client)
{
	arrive(NULL);
	drain();
	FIBRE_DEMAND(heard(client, 1) == 1);
}

static void drained(void)
{
	open();
	enter(house.clients[0]);
	TOGETHER({ "arrival", arrive_and_drain, house.clients[0] }, { "client", enter_with_replay, house.clients[1] });
	close();
}

/* I3 of arrival.c */
static void hold_for_a_while(void *client)
{
	uint32_t before;

	dhpi_arrival_hold(house.notify, true);
	before = heard(client, 1);
	FIBRE_DEMAND(heard(client, 1) == before);
	dhpi_arrival_hold(house.notify, false);
}

static void held(void)
{
	open();
	enter(house.clients[0]);
	TOGETHER({ "arrival", arrive, NULL }, { "test", hold_for_a_while, house.clients[0] });
	drain();
	FIBRE_DEMAND(heard(house.clients[0], 1) == 1);
	close();
}

/* ---- changes ---- */

/* Nothing is posted any more: what was posted last has to come. */
static void wait_until_told(const struct client *client)
{
	while (told(client) != generation())
		port_relax();
}

static void change_meanwhile(void)
{
	open();
	TOGETHER({ "partition", change, NULL }, { "client", enter_for_changes, house.clients[0] });
	wait_until_told(house.clients[0]);
	close();
}

static void two_changes(void)
{
	open();
	enter_for_changes(house.clients[0]);
	TOGETHER({ "partition", change_twice, NULL });
	wait_until_told(house.clients[0]);
	close();
}

static void unregistered_during_changes(void)
{
	open();
	enter_for_changes(house.clients[0]);
	enter_for_changes(house.clients[1]);
	TOGETHER({ "partition", change, NULL }, { "client", leave, &house.clients[0] });
	wait_until_told(house.clients[1]);
	close();
}

const struct world worlds[] = {
	{ .name = "a_registrant_hears_nothing_of_what_was_before", .run = registered_meanwhile },
	{ .name = "a_registrant_hears_what_is_posted_then", .run = posted_by_the_registrant },
	{ .name = "a_replay_leaves_no_arrival_out", .run = replay_meanwhile },
	{ .name = "a_registrant_that_left_hears_nothing", .run = unregistered_meanwhile },
	{ .name = "a_drain_covers_what_was_posted", .run = drained },
	{ .name = "while_arrivals_are_held_none_is_told", .run = held, .runs = 1000, .long_runs = 50000 },
	{ .name = "a_change_is_told_to_who_registers_meanwhile", .run = change_meanwhile, .runs = 1000, .long_runs = 10000 },
	{ .name = "the_last_of_two_changes_is_told", .run = two_changes,
	  .strategy = BOUNDED, .bound = 2, .runs = 1000, .long_runs = 200000 },
	{ .name = "the_last_of_two_changes_is_told_by_priorities", .run = two_changes,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 10000 },
	{ .name = "changes_are_not_told_to_who_left", .run = unregistered_during_changes },
	{ .name = NULL },
};
