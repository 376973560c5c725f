/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transaction.c - Start, then exactly one of Complete and Failure, while registrants come and go (registry.c, synchronous.c).
 *
 * The context of a registration is freed as soon as that is over: who is called afterwards uses freed memory.
 */
#include "notify.h"
#include "world.h"

#include "shop.h"

enum { STARTS, COMPLETES, FAILURES, COUNTS };

struct client {
	struct at_u32 counts[COUNTS];
	struct dhp_notify *registration;
	bool veto;
	bool leaves; /* in its own first Start */
};

static struct {
	struct shop *shop;
	struct dhpi_notify *notify;
	struct client *clients[2];
} hall;

static uint32_t counted(const struct client *client, uint32_t what)
{
	return at_load_relaxed_u32(&client->counts[what]); /* relaxed: worlds are sequentially consistent */
}

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct client *client = context;
	uint32_t what = change->state == DHP_CHANGE_START ? STARTS : change->state == DHP_CHANGE_COMPLETE ? COMPLETES : FAILURES;

	(void)at_fetch_add_relaxed_u32(&client->counts[what], 1); /* relaxed: likewise */
	FIBRE_DEMAND(counted(client, COMPLETES) + counted(client, FAILURES) <= counted(client, STARTS));
	if (what == STARTS && client->veto)
		*status = DHP_VETOED;
	if (what == STARTS && client->leaves) {
		FIBRE_DEMAND(dhp_notify_unregister(client->registration) == DHP_OK);
		client->registration = NULL;
	}
}

static void enter(void *argument)
{
	struct client *client = argument;

	FIBRE_DEMAND(dhp_notify_register(&hall.shop->engine, on_change, client, 0, &client->registration) == DHP_OK);
}

static void enter_with_replay(void *argument)
{
	struct client *client = argument;

	FIBRE_DEMAND(dhp_notify_register(&hall.shop->engine, on_change, client, DHP_NOTIFY_EXISTING, &client->registration) ==
		     DHP_OK);
}

static void leave(void *argument)
{
	struct client **client = argument;

	if ((*client)->registration != NULL)
		FIBRE_DEMAND(dhp_notify_unregister((*client)->registration) == DHP_OK);
	port_free(*client, sizeof(**client));
	*client = NULL;
}

static void open(uint32_t entered)
{
	hall.shop = port_alloc(sizeof(*hall.shop));
	shop_open_base(hall.shop);
	hall.notify = port_alloc(sizeof(*hall.notify));
	hall.notify->serial = &hall.shop->serial;
	hall.notify->set = &hall.shop->set;
	hall.shop->engine.notify = hall.notify;
	dhpi_registry_init(&hall.notify->synchronous);
	shop_add_row(hall.shop, 0);
	shop_publish(hall.shop, 0);
	for (uint32_t i = 0; i < 2; i++)
		hall.clients[i] = port_alloc(sizeof(*hall.clients[i]));
	for (uint32_t i = 0; i < entered; i++)
		enter(hall.clients[i]);
}

static void close(void)
{
	for (uint32_t i = 0; i < 2; i++)
		if (hall.clients[i] != NULL) {
			FIBRE_DEMAND(counted(hall.clients[i], STARTS) ==
				     counted(hall.clients[i], COMPLETES) + counted(hall.clients[i], FAILURES) +
					     (hall.clients[i]->leaves ? 1 : 0));
			leave(&hall.clients[i]);
		}
	dhpi_registry_fini(&hall.notify->synchronous);
	port_free(hall.notify, sizeof(*hall.notify));
	shop_close_base(hall.shop);
}

/* An arrival, in the order of lifecycle.c. */
static void arrive(void *nothing)
{
	(void)nothing;
	port_mutex_lock(&hall.shop->serial);
	shop_add_row(hall.shop, 1);
	if (dhp_failed(dhpi_notify_start(hall.notify, &hall.shop->rows[1]))) {
		dhpi_space_unprepare(&hall.shop->space, &hall.shop->rows[1]);
		dhpi_set_withdraw(&hall.shop->set);
	} else {
		shop_publish(hall.shop, 1);
		dhpi_notify_complete(hall.notify, &hall.shop->rows[1]);
	}
	port_mutex_unlock(&hall.shop->serial);
}

static void registered_during_arrival(void)
{
	open(1);
	TOGETHER({ "arrival", arrive, NULL }, { "client", enter, hall.clients[1] });
	FIBRE_DEMAND(counted(hall.clients[0], COMPLETES) == 1);
	close();
}

/* S-122: each processor is heard of once, by the replay or by its transaction. */
static void replay_during_arrival(void)
{
	open(0);
	TOGETHER({ "arrival", arrive, NULL }, { "client", enter_with_replay, hall.clients[0] });
	FIBRE_DEMAND(counted(hall.clients[0], STARTS) == 2 && counted(hall.clients[0], COMPLETES) == 2);
	close();
}

static void unregistered_during_arrival(void)
{
	open(2);
	TOGETHER({ "arrival", arrive, NULL }, { "client", leave, &hall.clients[0] });
	FIBRE_DEMAND(counted(hall.clients[1], COMPLETES) == 1);
	close();
}

static void both_leave_during_arrival(void)
{
	open(2);
	TOGETHER({ "arrival", arrive, NULL }, { "client", leave, &hall.clients[0] }, { "client", leave, &hall.clients[1] });
	close();
}

static void one_vetoes_and_one_leaves(void)
{
	open(2);
	hall.clients[1]->veto = true;
	TOGETHER({ "arrival", arrive, NULL }, { "client", leave, &hall.clients[0] });
	FIBRE_DEMAND(counted(hall.clients[1], FAILURES) == 1);
	FIBRE_DEMAND(dhpi_set_active(&hall.shop->set) == 1);
	close();
}

static void one_leaves_in_its_call(void)
{
	open(2);
	hall.clients[0]->leaves = true;
	TOGETHER({ "arrival", arrive, NULL }, { "client", leave, &hall.clients[1] });
	FIBRE_DEMAND(counted(hall.clients[0], STARTS) == 1 && counted(hall.clients[0], COMPLETES) == 0);
	close();
}

const struct world worlds[] = {
	{ .name = "a_registration_comes_before_or_after_an_arrival", .run = registered_during_arrival },
	{ .name = "a_replay_and_an_arrival_tell_of_each_processor_once", .run = replay_during_arrival },
	{ .name = "a_registrant_that_left_is_not_called", .run = unregistered_during_arrival },
	{ .name = "two_registrants_leave_during_an_arrival", .run = both_leave_during_arrival },
	{ .name = "a_registrant_leaves_while_another_vetoes", .run = one_vetoes_and_one_leaves },
	{ .name = "a_registrant_leaves_inside_its_own_call", .run = one_leaves_in_its_call },
	{ .name = NULL },
};
