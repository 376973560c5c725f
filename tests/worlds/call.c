/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - one function on all processors: nobody begins before all have come, all have ended before the call returns, also
 * when a processor arrives meanwhile and when two call (edges call-arrived, call-go, call-ended, call-met).
 *
 * The workers run what is High and look again when something has come: how they sleep is for the worlds of sleep.c.
 */
#include "worker.c"

#include "shop.h"

static struct {
	struct shop *shop;
	struct at_u32 *began, *ended, *last; /* counts, of all calls; who were told to be the last of a meeting */
	struct at_u32 *callers;              /* that have not ended */
} hall;

static uint32_t counted(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: worlds are sequentially consistent */
}

static void count(struct at_u32 *word)
{
	(void)at_fetch_add_relaxed_u32(word, 1); /* relaxed: likewise */
}

static void open(uint32_t queues, uint32_t callers)
{
	hall.shop = shop_open(queues);
	hall.began = port_alloc(sizeof(*hall.began));
	hall.ended = port_alloc(sizeof(*hall.ended));
	hall.last = port_alloc(sizeof(*hall.last));
	hall.callers = port_alloc(sizeof(*hall.callers));
	at_init_u32(hall.callers, callers);
	for (uint32_t index = 0; index < queues; index++)
		fibre_ignore(&hall.shop->queues[index]->first_run_ns, sizeof(struct at_u64));
}

static void close(uint32_t least, uint32_t most)
{
	FIBRE_DEMAND(counted(hall.ended) >= least && counted(hall.ended) <= most);
	port_free(hall.began, sizeof(*hall.began));
	port_free(hall.ended, sizeof(*hall.ended));
	port_free(hall.last, sizeof(*hall.last));
	port_free(hall.callers, sizeof(*hall.callers));
	shop_close(hall.shop);
}

/* Until no caller is left. */
static void be_worker(void *argument)
{
	struct dhpi_queue *queue = argument;
	struct port_self *self = port_self();

	self->worker = queue;
	port_cpu_pretend((int32_t)dhpi_queue_cpu(queue));
	while (counted(hall.callers) != 0) {
		self->dispatch = 1;
		run_high(queue, self);
		self->dispatch = 0;
		port_relax();
	}
}

/* S-711: nobody begins before all have come. */
static uintptr_t routine(void *argument)
{
	const struct dhpi_call *call = &hall.shop->work.call;

	FIBRE_DEMAND(counted(&call->arrived) == call->count);
	count(hall.began);
	count(hall.ended);
	return (uintptr_t)argument + dhpi_queue_index(port_self()->worker);
}

/* Before the meeting all have begun. */
static uintptr_t meeting(void *argument)
{
	uint32_t all = hall.shop->work.call.count;

	count(hall.began);
	if (dhp_call_meet(&hall.shop->engine))
		count(hall.last);
	FIBRE_DEMAND(counted(hall.began) == all);
	if (dhp_call_meet(&hall.shop->engine))
		count(hall.last);
	FIBRE_DEMAND(counted(hall.last) >= 1); /* of the first meeting, said by now */
	count(hall.ended);
	return (uintptr_t)argument;
}

/* S-712: the result is that of the caller's processor. */
static void call(dhp_call_routine *what)
{
	uintptr_t result = 0;

	FIBRE_DEMAND(dhp_call_all(&hall.shop->engine, what, (void *)(uintptr_t)7, &result) == DHP_OK);
	FIBRE_DEMAND(result == 7);
}

static void leave(void)
{
	(void)at_fetch_sub_relaxed_u32(hall.callers, 1); /* relaxed: likewise */
}

static void call_once(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	call(routine);
	FIBRE_DEMAND(counted(hall.began) == counted(hall.ended));
	leave();
}

static void call_with_others(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	call(routine);
	leave();
}

static void call_twice(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	call(routine);
	FIBRE_DEMAND(counted(hall.ended) == dhpi_set_active(&hall.shop->set));
	call(routine);
	FIBRE_DEMAND(counted(hall.ended) == 2 * dhpi_set_active(&hall.shop->set));
	leave();
}

static void call_to_meet(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	call(meeting);
	FIBRE_DEMAND(counted(hall.ended) == counted(hall.began) && counted(hall.last) == 2);
	leave();
}

/* An arrival, in the order of lifecycle.c. */
static void arrive(void *nothing)
{
	struct dhpi_queue *queue;
	uint32_t worker;

	(void)nothing;
	shop_add_row(hall.shop, 1);
	dhpi_work_prepare(&hall.shop->work, &hall.shop->rows[1]);
	queue = dhpi_queue_of_index(&hall.shop->work, 1);
	fibre_ignore(queue->recent, sizeof(queue->recent));
	worker = fibre_start(be_worker, queue, "newcomer");
	shop_publish(hall.shop, 1);
	fibre_join(worker);
}

static void one_processor(void)
{
	open(1, 1);
	TOGETHER({ "caller", call_once, NULL }, { "worker", be_worker, hall.shop->queues[0] });
	close(1, 1);
}

static void two_processors(void)
{
	open(2, 1);
	TOGETHER({ "caller", call_once, NULL }, { "worker", be_worker, hall.shop->queues[0] },
		 { "worker", be_worker, hall.shop->queues[1] });
	close(2, 2);
}

static void two_calls(void)
{
	open(2, 1);
	TOGETHER({ "caller", call_twice, NULL }, { "worker", be_worker, hall.shop->queues[0] },
		 { "worker", be_worker, hall.shop->queues[1] });
	close(4, 4);
}

static void two_callers(void)
{
	open(1, 2);
	TOGETHER({ "caller", call_with_others, NULL }, { "caller", call_with_others, NULL },
		 { "worker", be_worker, hall.shop->queues[0] });
	close(2, 2);
}

static void two_meet(void)
{
	open(2, 1);
	TOGETHER({ "caller", call_to_meet, NULL }, { "worker", be_worker, hall.shop->queues[0] },
		 { "worker", be_worker, hall.shop->queues[1] });
	close(2, 2);
}

/* S-715: the set is that of the barrier. */
static void during_an_arrival(void)
{
	open(1, 1);
	TOGETHER({ "caller", call_once, NULL }, { "worker", be_worker, hall.shop->queues[0] }, { "arrival", arrive, NULL });
	close(1, 2);
}

static void meeting_during_an_arrival(void)
{
	open(1, 1);
	TOGETHER({ "caller", call_to_meet, NULL }, { "worker", be_worker, hall.shop->queues[0] }, { "arrival", arrive, NULL });
	close(1, 2);
}

const struct world worlds[] = {
	{ .name = "a_call_has_run_when_it_returns", .run = one_processor },
	{ .name = "nobody_begins_before_all_have_come", .run = two_processors, .runs = 1000, .long_runs = 10000 },
	{ .name = "the_barrier_is_closed_for_the_next_call", .run = two_calls, .runs = 1000, .long_runs = 10000 },
	{ .name = "two_callers_take_turns", .run = two_callers, .runs = 1000, .long_runs = 10000 },
	{ .name = "two_processors_meet_twice", .run = two_meet, .runs = 1000, .long_runs = 10000 },
	{ .name = "a_call_meets_an_arrival", .run = during_an_arrival, .runs = 1000, .long_runs = 10000 },
	{ .name = "a_meeting_meets_an_arrival", .run = meeting_during_an_arrival, .runs = 1000, .long_runs = 10000 },
	{ .name = "a_meeting_meets_an_arrival_by_priorities", .run = meeting_during_an_arrival,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 10000 },
	{ .name = NULL },
};
