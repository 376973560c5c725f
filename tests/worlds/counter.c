/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counter.c - no add is lost and none is counted twice: in the cell that several threads share, in a processor's own, and while a
 * processor arrives, so that one thread's adds go to both.
 */
#include <dhp/counter.h>

#include "shop.h"

#define AMOUNT 1u
#define NO_PROCESSOR (-1)

static struct {
	struct shop *shop;
	struct dhp_counter *counter;
} till;

static void open(void)
{
	till.shop = port_alloc(sizeof(*till.shop));
	shop_open_base(till.shop);
	shop_add_row(till.shop, 0);
	shop_publish(till.shop, 0);
	FIBRE_DEMAND(dhp_counter_create(&till.shop->engine, &till.counter) == DHP_OK);
}

static uint64_t sum(void)
{
	return dhp_counter_sum(till.counter);
}

static void close(uint64_t adds)
{
	FIBRE_DEMAND(sum() == adds * AMOUNT);
	FIBRE_DEMAND(dhp_counter_destroy(till.counter) == DHP_OK);
	shop_close_base(till.shop);
}

static void *cpu(intptr_t number)
{
	return (void *)number;
}

static void add_twice(void *cpu)
{
	port_cpu_pretend((int32_t)(intptr_t)cpu);
	dhp_counter_add(till.counter, AMOUNT);
	dhp_counter_add(till.counter, AMOUNT);
}

/* What it added itself is in its own sum, wherever it went. */
static void add_and_sum(void *cpu)
{
	port_cpu_pretend((int32_t)(intptr_t)cpu);
	for (uint32_t adds = 1; adds <= 2; adds++) {
		dhp_counter_add(till.counter, AMOUNT);
		FIBRE_DEMAND(sum() >= adds * AMOUNT);
	}
}

static void sum_twice(void *nothing)
{
	uint64_t first = sum(), second = sum();

	(void)nothing;
	FIBRE_DEMAND(first <= second);
}

static void arrive(void *nothing)
{
	(void)nothing;
	shop_add_row(till.shop, 1);
	shop_publish(till.shop, 1);
}

static void two_in_the_fallback_cell(void)
{
	open();
	TOGETHER({ "adder", add_twice, cpu(NO_PROCESSOR) }, { "adder", add_twice, cpu(NO_PROCESSOR) });
	close(4);
}

static void fallback_and_own(void)
{
	open();
	TOGETHER({ "adder", add_and_sum, cpu(NO_PROCESSOR) }, { "adder", add_and_sum, cpu(0) });
	close(4);
}

static void during_an_arrival(void)
{
	open();
	TOGETHER({ "adder", add_and_sum, cpu(1) }, { "arrival", arrive, NULL });
	close(2);
}

static void two_during_an_arrival(void)
{
	open();
	TOGETHER({ "adder", add_twice, cpu(1) }, { "adder", add_twice, cpu(NO_PROCESSOR) }, { "arrival", arrive, NULL });
	close(4);
}

static void summed_during_an_arrival(void)
{
	open();
	TOGETHER({ "adder", add_twice, cpu(1) }, { "reader", sum_twice, NULL }, { "arrival", arrive, NULL });
	close(2);
}

/* A signal handler adds where its thread does. */
static void handler(void *nothing)
{
	(void)nothing;
	dhp_counter_add(till.counter, AMOUNT);
}

static void interrupted(void)
{
	uint32_t adder, interruption;

	open();
	adder = fibre_start(add_twice, cpu(0), "adder");
	interruption = fibre_start_handler(handler, NULL, "handler", adder);
	fibre_join(adder);
	fibre_join(interruption);
	FIBRE_DEMAND(sum() == 2 * AMOUNT || sum() == 3 * AMOUNT); /* it may come too late */
	close(sum() / AMOUNT);
}

const struct world worlds[] = {
	{ .name = "two_adders_share_the_fallback_cell", .run = two_in_the_fallback_cell },
	{ .name = "an_adder_finds_its_own_adds", .run = fallback_and_own },
	{ .name = "an_adder_meets_an_arrival", .run = during_an_arrival },
	{ .name = "two_adders_meet_an_arrival", .run = two_during_an_arrival },
	{ .name = "a_sum_meets_an_adder_and_an_arrival", .run = summed_during_an_arrival },
	{ .name = "a_handler_adds_where_its_thread_does", .run = interrupted },
	{ .name = NULL },
};
