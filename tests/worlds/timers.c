/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timers.c - a timer expires or is cancelled, once; who waits for it hears of it, and may free it at once; the end meets a setting
 * (timers.c). With its thread; a DPC is what the other worlds are about.
 */
#include <dhp/timer.h>

#include "shop.h"

#define SOON_NS 8u /* a look at the clock takes one */

static struct {
	struct shop *shop;
	struct dhp_timer *timer;
	struct at_u32 *waits; /* that ended with the timer */
} yard;

static struct dhpi_timers *timers(void)
{
	return &yard.shop->work.timers;
}

static void open(void)
{
	yard.shop = shop_open(1);
	yard.timer = port_alloc(sizeof(*yard.timer));
	yard.waits = port_alloc(sizeof(*yard.waits));
	FIBRE_DEMAND(dhpi_timers_init(timers(), &yard.shop->work, 1000) == DHP_OK);
	FIBRE_DEMAND(dhp_timer_init(yard.timer, &yard.shop->engine) == DHP_OK);
}

static void close(void)
{
	dhpi_timers_stop(timers());
	FIBRE_DEMAND(dhpi_timers_count(timers()) == 0);
	if (yard.timer != NULL)
		port_free(yard.timer, sizeof(*yard.timer));
	port_free(yard.waits, sizeof(*yard.waits));
	shop_close(yard.shop);
}

static uint32_t waits(void)
{
	return at_load_relaxed_u32(yard.waits); /* relaxed: worlds are sequentially consistent */
}

static enum dhp_status set_to(uint64_t due_ns)
{
	const struct dhp_timer_setting setting = { .size = sizeof(setting), .due_ns = due_ns };

	return dhp_timer_set(yard.timer, &setting);
}

static void set(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(set_to(SOON_NS) == DHP_OK);
}

static void wait_for_it(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhp_timer_wait(yard.timer, false, DHP_TIMER_FOREVER) == DHP_OK);
	(void)at_fetch_add_relaxed_u32(yard.waits, 1); /* relaxed: likewise */
}

static void take_it(void *nothing)
{
	enum dhp_status status = dhp_timer_wait(yard.timer, true, 100 * SOON_NS);

	(void)nothing;
	FIBRE_DEMAND(status == DHP_OK || status == DHP_TIMED_OUT);
	if (status == DHP_OK)
		(void)at_fetch_add_relaxed_u32(yard.waits, 1); /* relaxed: likewise */
}

static void expire_and_free(void)
{
	open();
	set(NULL);
	wait_for_it(NULL);
	port_free(yard.timer, sizeof(*yard.timer));
	yard.timer = NULL;
	close();
}

static void set_while_waited_for(void)
{
	open();
	TOGETHER({ "setter", set, NULL }, { "waiter", wait_for_it, NULL });
	close();
}

/* Each expiry lets one go. */
static void taken_once(void)
{
	open();
	set(NULL);
	TOGETHER({ "taker", take_it, NULL }, { "another", take_it, NULL });
	/* Or both were there too early. */
	FIBRE_DEMAND(waits() + (dhp_timer_is_set(yard.timer) || dhp_timer_has_expired(yard.timer)) == 1);
	close();
}

static void cancel(void *nothing)
{
	enum dhp_status status = dhp_timer_cancel(yard.timer);

	(void)nothing;
	FIBRE_DEMAND(status == DHP_OK || status == DHP_NOT_SET);
	FIBRE_DEMAND(dhp_timer_has_expired(yard.timer) == (status == DHP_NOT_SET));
}

static void cancelled_or_expired(void)
{
	open();
	set(NULL);
	TOGETHER({ "canceller", cancel, NULL });
	close();
}

/* The thread sleeps for the later one. */
static void set_sooner(void)
{
	open();
	FIBRE_DEMAND(set_to(UINT64_MAX / 2) == DHP_OK);
	FIBRE_DEMAND(set_to(SOON_NS) == DHP_REPLACED);
	wait_for_it(NULL);
	close();
}

static void set_if_open(void *nothing)
{
	enum dhp_status status = set_to(SOON_NS);

	(void)nothing;
	FIBRE_DEMAND(status == DHP_OK || status == DHP_CLOSED);
}

static void stop(void *nothing)
{
	(void)nothing;
	dhpi_timers_stop(timers());
}

static void ended_while_set(void)
{
	open();
	TOGETHER({ "setter", set_if_open, NULL }, { "end", stop, NULL });
	FIBRE_DEMAND(dhpi_timers_count(timers()) == 0);
	close();
}

const struct world worlds[] = {
	{ .name = "a_timer_is_freed_by_who_waited", .run = expire_and_free, .strategy = BOUNDED, .bound = 2 },
	{ .name = "a_timer_is_set_while_somebody_waits", .run = set_while_waited_for,
	  .strategy = BOUNDED, .bound = 1, .runs = 10000 },
	{ .name = "an_expiry_is_taken_once", .run = taken_once, .strategy = BOUNDED, .bound = 1, .runs = 10000 },
	{ .name = "an_expiry_is_taken_once_by_priorities", .run = taken_once,
	  .strategy = PCT, .bound = 3, .runs = 1000, .long_runs = 10000 },
	{ .name = "a_timer_is_cancelled_or_expires", .run = cancelled_or_expired,
	  .strategy = BOUNDED, .bound = 2, .runs = 10000 },
	{ .name = "a_timer_that_is_set_sooner_is_not_late", .run = set_sooner,
	  .strategy = BOUNDED, .bound = 2, .runs = 10000 },
	{ .name = "an_end_meets_a_setting", .run = ended_while_set, .strategy = BOUNDED, .bound = 1, .runs = 10000 },
	{ .name = NULL },
};
