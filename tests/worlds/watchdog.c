/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.c - a routine that takes too long is counted once, one that waits for the others of a call is not, and who reads the
 * counts meanwhile sees them grow.
 */
#include "worker.c"

#include "shop.h"

#define LIMIT_NS 500u
#define LONG_NS 1000u

static struct {
	struct shop *shop;
	struct dhp_dpc *items; /* 0 is slow */
	struct at_u32 *left;   /* of what the workers are there for */
	struct at_u32 *slow_began;
} yard;

static uint32_t left(void)
{
	return at_load_relaxed_u32(yard.left); /* relaxed: worlds are sequentially consistent */
}

static void leave(void)
{
	(void)at_fetch_sub_relaxed_u32(yard.left, 1); /* relaxed: likewise */
}

static void slow(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct dhp_watchdog budget;

	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	port_sleep_ns(LONG_NS);
	FIBRE_DEMAND(dhp_dpc_watchdog_read(&budget) == DHP_OK && budget.run_left_ns == 0);
	FIBRE_DEMAND(dhp_dpc_should_yield());
	leave();
}

/* Goes on when another waits for it at the barrier. */
static void slow_for_others(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	at_store_relaxed_u32(yard.slow_began, 1); /* relaxed: likewise */
	while (at_load_relaxed_u32(&yard.shop->work.call.arrived) == 0) /* relaxed: likewise */
		port_relax();
	slow(dpc, context, argument_1, argument_2);
}

static void quick(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	(void)context;
	(void)argument_1;
	(void)argument_2;
	leave();
}

static void open(uint32_t queues, uint32_t to_wait_for, dhp_dpc_routine *first)
{
	yard.shop = shop_open(queues);
	yard.shop->work.watched = true;
	yard.shop->work.run_limit_ns = LIMIT_NS;
	yard.shop->work.sequence_limit_ns = LIMIT_NS;
	yard.items = port_alloc(2 * sizeof(*yard.items));
	yard.left = port_alloc(sizeof(*yard.left));
	yard.slow_began = port_alloc(sizeof(*yard.slow_began));
	at_init_u32(yard.left, to_wait_for);
	for (uint32_t i = 0; i < 2; i++) {
		(void)dhp_dpc_init(&yard.items[i], &yard.shop->engine, i == 0 ? first : quick, NULL);
		(void)dhp_dpc_set_importance(&yard.items[i], DHP_IMPORTANCE_HIGH);
		(void)dhp_dpc_set_target(&yard.items[i], queues - 1);
	}
}

static void demand_counts(uint32_t index, uint64_t long_runs)
{
	struct dhp_processor_stats stats;

	FIBRE_DEMAND(dhpi_work_stats(&yard.shop->work, index, &stats) == DHP_OK);
	FIBRE_DEMAND(stats.long_run_count == long_runs && stats.long_sequence_count == long_runs);
	FIBRE_DEMAND((stats.longest_run_ns >= LONG_NS) == (long_runs != 0));
}

static void close(void)
{
	port_free(yard.items, 2 * sizeof(*yard.items));
	port_free(yard.left, sizeof(*yard.left));
	port_free(yard.slow_began, sizeof(*yard.slow_began));
	shop_close(yard.shop);
}

static void be_worker(void *argument)
{
	struct dhpi_queue *queue = argument;
	struct port_self *self = port_self();

	self->worker = queue;
	port_cpu_pretend((int32_t)dhpi_queue_cpu(queue));
	while (left() != 0) {
		self->dispatch = 1;
		run_high(queue, self);
		self->dispatch = 0;
		port_relax();
	}
}

static void insert(uint32_t item)
{
	FIBRE_DEMAND(dhp_dpc_insert(&yard.items[item], NULL, NULL) == DHP_OK);
}

static void insert_both(void *nothing)
{
	(void)nothing;
	insert(0);
	insert(1);
}

static void read_twice(void *nothing)
{
	struct dhp_processor_stats first, second;

	(void)nothing;
	FIBRE_DEMAND(dhpi_work_stats(&yard.shop->work, 0, &first) == DHP_OK);
	FIBRE_DEMAND(dhpi_work_stats(&yard.shop->work, 0, &second) == DHP_OK);
	FIBRE_DEMAND(first.long_run_count <= second.long_run_count && second.long_run_count <= 1);
	FIBRE_DEMAND(first.long_sequence_count <= second.long_sequence_count && second.long_sequence_count <= 1);
	FIBRE_DEMAND(first.longest_run_ns <= second.longest_run_ns);
}

static void counted_once(void)
{
	open(1, 2, slow);
	TOGETHER({ "worker", be_worker, yard.shop->queues[0] }, { "inserter", insert_both, NULL });
	demand_counts(0, 1);
	close();
}

static void read_meanwhile(void)
{
	open(1, 2, slow);
	insert_both(NULL);
	TOGETHER({ "worker", be_worker, yard.shop->queues[0] }, { "reader", read_twice, NULL });
	demand_counts(0, 1);
	close();
}

/* Who came first has its budget all the same: it has waited for the slow one. */
static uintptr_t look_at_budget(void *argument)
{
	struct dhp_watchdog budget;

	FIBRE_DEMAND(dhp_dpc_watchdog_read(&budget) == DHP_OK && budget.run_left_ns > LIMIT_NS / 2);
	return (uintptr_t)argument;
}

static void call_when_slow(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	while (at_load_relaxed_u32(yard.slow_began) == 0) /* relaxed: likewise */
		port_relax();
	FIBRE_DEMAND(dhp_call_all(&yard.shop->engine, look_at_budget, NULL, NULL) == DHP_OK);
	leave();
}

static void called_while_slow(void)
{
	open(2, 2, slow_for_others);
	insert(0);
	TOGETHER({ "caller", call_when_slow, NULL }, { "worker", be_worker, yard.shop->queues[0] },
		 { "slow worker", be_worker, yard.shop->queues[1] });
	demand_counts(0, 0);
	demand_counts(1, 1);
	close();
}

const struct world worlds[] = {
	{ .name = "a_long_run_is_counted_once", .run = counted_once },
	{ .name = "counts_grow_while_they_are_read", .run = read_meanwhile },
	{ .name = "to_wait_for_the_others_of_a_call_is_no_long_run", .run = called_while_slow, .runs = 1000, .long_runs = 10000 },
	{ .name = NULL },
};
