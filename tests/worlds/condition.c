/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * condition.c - memory is short, memory is plentiful: a level that comes and goes at once releases who waits for it, nobody finds
 * both, and a descriptor that is made meanwhile shows the level (edge memory-level).
 */
#include "../../engine/notify/condition.c"

#include "shop.h"

#define TOTAL (100 * MIB)
#define SHORT (5 * MIB)
#define ENOUGH (15 * MIB)
#define PLENTY (50 * MIB)
#define LOW_MIB 10u
#define HIGH_MIB 20u

static struct {
	struct shop *shop;
	struct dhpi_notify *notify;
	struct dhp_memory_event *events[LEVELS]; /* by condition */
	struct at_u32 *counted[LEVELS];          /* waiters, before the level rose */
	struct at_u32 *released[LEVELS];
	uint32_t waiter; /* for Low: a fibre */
} town;

static struct dhpi_conditions *conditions(void)
{
	return &town.notify->conditions;
}

static void update(uint64_t available)
{
	port_mutex_lock(&town.shop->serial);
	dhpi_conditions_update(conditions(), TOTAL, available, 0);
	port_mutex_unlock(&town.shop->serial);
}

static void open_handle(enum dhp_memory_condition condition)
{
	FIBRE_DEMAND(dhp_memory_event_open_condition(&town.shop->engine, condition, &town.events[condition]) == DHP_OK);
}

static void open(void)
{
	town.shop = port_alloc(sizeof(*town.shop));
	shop_open_base(town.shop);
	town.notify = port_alloc(sizeof(*town.notify));
	town.shop->engine.notify = town.notify;
	dhpi_conditions_init(conditions(), &town.shop->serial, LOW_MIB, HIGH_MIB);
	update(ENOUGH);
	town.waiter = FIBRE_NONE;
	for (uint32_t i = 0; i < LEVELS; i++) {
		open_handle((enum dhp_memory_condition)i);
		town.counted[i] = port_alloc(sizeof(*town.counted[i]));
		town.released[i] = port_alloc(sizeof(*town.released[i]));
	}
}

static uint32_t value(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: worlds are sequentially consistent */
}

static void close(void)
{
	for (uint32_t i = 0; i < LEVELS; i++) {
		FIBRE_DEMAND(dhp_memory_event_close(town.events[i]) == DHP_OK);
		port_free(town.counted[i], sizeof(*town.counted[i]));
		port_free(town.released[i], sizeof(*town.released[i]));
	}
	FIBRE_DEMAND(dhpi_conditions_count(conditions()) == 0);
	dhpi_conditions_fini(conditions());
	port_free(town.notify, sizeof(*town.notify));
	shop_close_base(town.shop);
}

static void count_waiters(enum dhp_memory_condition condition)
{
	port_mutex_lock(&conditions()->lock);
	at_store_relaxed_u32(town.counted[condition], town.events[condition]->waiters); /* relaxed: likewise */
	port_mutex_unlock(&conditions()->lock);
}

/* S-302: who was counted before the rise is released, also when the level has fallen since. */
static void wait_until_released(enum dhp_memory_condition condition, uint32_t waiters)
{
	while (value(town.released[condition]) < waiters)
		port_relax();
}

/* The level is set and stays: who sleeps, and would be woken by the next signal only, has missed it. */
static void demand_awake(void)
{
	const struct fibre_op *op = town.waiter != FIBRE_NONE ? fibre_next_op(town.waiter) : NULL;

	FIBRE_DEMAND(op == NULL || op->kind != FIBRE_WAIT || op->ticket != conditions()->changed.count);
}

static void wait_on(enum dhp_memory_condition condition)
{
	FIBRE_DEMAND(dhp_memory_event_wait(town.events[condition], DHP_MEMORY_FOREVER) == DHP_OK);
	(void)at_fetch_add_relaxed_u32(town.released[condition], 1); /* relaxed: likewise */
}

static void wait_for_low(void *nothing)
{
	(void)nothing;
	town.waiter = fibre_self();
	wait_on(DHP_MEMORY_LOW);
}

static void wait_for_high(void *nothing)
{
	(void)nothing;
	wait_on(DHP_MEMORY_HIGH);
}

static void be_short_for_a_moment(void *nothing)
{
	(void)nothing;
	update(SHORT);
	update(ENOUGH);
}

/* Then who came late. */
static void release_twice(void *nothing)
{
	count_waiters(DHP_MEMORY_LOW);
	be_short_for_a_moment(nothing);
	wait_until_released(DHP_MEMORY_LOW, value(town.counted[DHP_MEMORY_LOW]));
	update(SHORT);
}

static void release_and_look(void *nothing)
{
	release_twice(nothing);
	while (value(town.released[DHP_MEMORY_LOW]) == 0) {
		demand_awake();
		port_relax();
	}
}

static void from_short_to_plenty(void *nothing)
{
	(void)nothing;
	update(SHORT);
	update(PLENTY);
}

static void release_both_twice(void *nothing)
{
	count_waiters(DHP_MEMORY_LOW);
	count_waiters(DHP_MEMORY_HIGH);
	from_short_to_plenty(nothing);
	wait_until_released(DHP_MEMORY_LOW, value(town.counted[DHP_MEMORY_LOW]));
	wait_until_released(DHP_MEMORY_HIGH, value(town.counted[DHP_MEMORY_HIGH]));
	update(SHORT);
	wait_until_released(DHP_MEMORY_LOW, 1);
	update(PLENTY);
}

/* S-304 */
static void look(void *nothing)
{
	struct dhp_memory_info info;
	uint64_t levels = read_levels(conditions());

	(void)nothing;
	FIBRE_DEMAND(!is_set(levels, DHP_MEMORY_LOW) || !is_set(levels, DHP_MEMORY_HIGH));
	FIBRE_DEMAND(dhp_memory_read(&town.shop->engine, &info) == DHP_OK);
	FIBRE_DEMAND(info.low == (info.available_bytes == SHORT) && info.high == (info.available_bytes == PLENTY));
}

static void make_descriptor(void *nothing)
{
	int descriptor;

	(void)nothing;
	FIBRE_DEMAND(dhp_memory_event_descriptor(town.events[DHP_MEMORY_LOW], &descriptor) == DHP_OK);
}

static void be_short(void *nothing)
{
	(void)nothing;
	update(SHORT);
}

/* Opened, looked at, closed. */
static void come_and_go(void *nothing)
{
	struct dhp_memory_event *event;
	bool now, later;

	(void)nothing;
	FIBRE_DEMAND(dhp_memory_event_open_condition(&town.shop->engine, DHP_MEMORY_LOW, &event) == DHP_OK);
	FIBRE_DEMAND(dhp_memory_event_query(event, &now) == DHP_OK);
	FIBRE_DEMAND(dhp_memory_event_query(event, &later) == DHP_OK && (later || !now));
	FIBRE_DEMAND(dhp_memory_event_close(event) == DHP_OK);
}

static void one_waiter(void)
{
	open();
	TOGETHER({ "memory", release_and_look, NULL }, { "waiter", wait_for_low, NULL });
	close();
}

static void two_waiters(void)
{
	open();
	TOGETHER({ "memory", release_twice, NULL }, { "waiter", wait_for_low, NULL }, { "waiter", wait_for_low, NULL });
	close();
}

static void two_conditions(void)
{
	open();
	TOGETHER({ "memory", release_both_twice, NULL }, { "waiter", wait_for_low, NULL }, { "waiter", wait_for_high, NULL });
	close();
}

static void looked_at(void)
{
	open();
	TOGETHER({ "memory", from_short_to_plenty, NULL }, { "reader", look, NULL });
	close();
}

/* I3 */
static void descriptor_meanwhile(void)
{
	open();
	TOGETHER({ "memory", be_short_for_a_moment, NULL }, { "client", make_descriptor, NULL });
	FIBRE_DEMAND(town.events[DHP_MEMORY_LOW]->latch.level == 0);
	TOGETHER({ "memory", be_short, NULL }, { "client", make_descriptor, NULL });
	FIBRE_DEMAND(town.events[DHP_MEMORY_LOW]->latch.level == 1);
	close();
}

static void first_descriptor_meanwhile(void)
{
	open();
	TOGETHER({ "memory", be_short, NULL }, { "client", make_descriptor, NULL });
	FIBRE_DEMAND(town.events[DHP_MEMORY_LOW]->latch.level == 1);
	close();
}

static void opened_meanwhile(void)
{
	open();
	TOGETHER({ "memory", be_short, NULL }, { "client", come_and_go, NULL }, { "client", come_and_go, NULL });
	close();
}

const struct world worlds[] = {
	{ .name = "a_waiter_hears_a_level_that_falls_at_once", .run = one_waiter },
	{ .name = "two_waiters_hear_a_level_that_falls_at_once", .run = two_waiters, .runs = 2000, .long_runs = 200000 },
	{ .name = "waiters_hear_one_level_after_the_other", .run = two_conditions, .runs = 2000, .long_runs = 20000 },
	{ .name = "nobody_finds_both_levels", .run = looked_at },
	{ .name = "a_descriptor_shows_the_level", .run = first_descriptor_meanwhile },
	{ .name = "a_descriptor_shows_a_level_that_falls_at_once", .run = descriptor_meanwhile },
	{ .name = "handles_come_and_go_while_a_level_rises", .run = opened_meanwhile, .runs = 2000, .long_runs = 50000 },
	{ .name = NULL },
};
