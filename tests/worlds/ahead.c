/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.c - workers that are made before their processors arrive: each queue gets one worker, which runs when it is published;
 * none is forgotten or left behind, whoever fills the reserve up, is refused a thread or ends the engine meanwhile (ahead.c,
 * the steps of work.c and the timer thread).
 *
 * A worker here asks for the next one and waits for its end, as one does that finds nothing to run.
 */
#include "queue.h"

static void be_worker(void *argument);
static enum dhp_status start_or_refuse(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				       size_t stack_bytes, const char *name);

#define dhpi_worker_run be_worker
#define port_thread_start start_or_refuse
#include "../../engine/work/ahead.c"
#include "work.c"
#undef port_thread_start

#define SHOP_QUEUES 4u /* two arrive, and two could */
#include "shop.h"

static struct {
	struct shop *shop;
	struct at_u32 *refusals; /* workers ahead that the system still refuses */
	struct at_u32 *made;     /* of them */
	struct at_u32 *runs;     /* of the worker, by processor */
} yard;

static uint32_t value(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: worlds are sequentially consistent */
}

static void count(struct at_u32 *word)
{
	(void)at_fetch_add_relaxed_u32(word, 1); /* relaxed: likewise */
}

static enum dhp_status start_or_refuse(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				       size_t stack_bytes, const char *name)
{
	if (run == run_spare && value(yard.refusals) != 0) {
		(void)at_fetch_sub_relaxed_u32(yard.refusals, 1); /* relaxed: likewise */
		return DHP_NO_THREAD;
	}
	if (run == run_spare)
		count(yard.made);
	return port_thread_start(thread, run, argument, cpu, stack_bytes, name);
}

static void wait_for(const struct at_u32 *word, struct port_event *event)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(event);

		if (at_load_acquire_u32(word) != 0)
			return;
		port_event_wait(event, ticket, 0);
	}
}

static void be_worker(void *argument)
{
	struct dhpi_queue *queue = argument;

	wait_for(&queue->go, &queue->event);
	FIBRE_DEMAND(dhpi_queue_index(queue) < dhpi_set_active(queue->work->set)); /* it is published */
	count(&yard.runs[dhpi_queue_index(queue)]);
	dhpi_ahead_ask(queue->work);
	wait_for(&queue->stop, &queue->event);
}

static void open_yard(uint32_t ready_ahead, uint32_t refusals)
{
	yard.refusals = port_alloc(sizeof(*yard.refusals));
	yard.made = port_alloc(sizeof(*yard.made));
	yard.runs = port_alloc(SHOP_QUEUES * sizeof(*yard.runs));
	at_init_u32(yard.refusals, refusals);
	yard.shop = shop_open(0);
	dhpi_ahead_init(&yard.shop->work.ahead, ready_ahead);
}

/* Each processor's worker has run, and none is left without one. */
static void close_yard(uint32_t processors)
{
	FIBRE_DEMAND(value(&yard.shop->work.ahead.count) == 0);
	for (uint32_t i = 0; i < SHOP_QUEUES; i++)
		FIBRE_DEMAND(value(&yard.runs[i]) == (i < processors));
	shop_close(yard.shop);
	port_free(yard.refusals, sizeof(*yard.refusals));
	port_free(yard.made, sizeof(*yard.made));
	port_free(yard.runs, SHOP_QUEUES * sizeof(*yard.runs));
}

/* Somebody has asked for it, or will. */
static void wait_until_full(uint32_t ready)
{
	while (value(&yard.shop->work.ahead.count) != ready)
		port_sleep_ns(1000);
}

/* ---- steps of an arrival ---- */

static void prepare(uint32_t index)
{
	shop_add_row(yard.shop, index);
	dhpi_work_prepare(&yard.shop->work, &yard.shop->rows[index]);
}

static void arrive_at(uint32_t index)
{
	prepare(index);
	FIBRE_DEMAND(dhpi_work_bring_up(&yard.shop->work, &yard.shop->rows[index]) == DHP_OK);
	shop_publish(yard.shop, index);
	dhpi_work_publish(&yard.shop->work, &yard.shop->rows[index]);
}

/* At the step before bring-up. */
static void fail_at(uint32_t index)
{
	FIBRE_DEMAND(dhpi_work_probe(&yard.shop->work, index) == DHP_OK);
	prepare(index);
	dhpi_work_unprepare(&yard.shop->work, &yard.shop->rows[index]);
	dhpi_space_unprepare(&yard.shop->space, &yard.shop->rows[index]);
}

/* ---- the whole: the timer thread, and the steps of an arrival ---- */

/* The first worker of all is made where there is no reserve, and asks for one. */
static void open(uint32_t ready_ahead, uint32_t refusals)
{
	open_yard(ready_ahead, refusals);
	FIBRE_DEMAND(dhpi_timers_init(&yard.shop->work.timers, &yard.shop->work, 1000) == DHP_OK);
	arrive_at(0);
}

static void close(uint32_t processors)
{
	dhpi_work_stop(&yard.shop->work);
	close_yard(processors);
}

/* Whether it finds the first one or not, there is one at the end. */
static void taken_while_filled(void)
{
	open(1, 0);
	arrive_at(1);
	wait_until_full(1);
	close(2);
}

/* What nobody used is not made again. */
static void left_by_a_failure(void)
{
	open(1, 0);
	fail_at(1);
	arrive_at(1);
	wait_until_full(1);
	FIBRE_DEMAND(value(yard.made) == 1 + at_load_relaxed_u64(&yard.shop->work.ahead.used)); /* relaxed: likewise */
	close(2);
}

static void ended_while_filled(void)
{
	open(2, 1);
	close(1);
}

/* ---- ahead.c alone: its part of the timer thread, of bring-up and publish, and of the end ---- */

static void fill(void *nothing)
{
	struct dhpi_timers *timers = &yard.shop->work.timers;

	(void)nothing;
	while (at_load_acquire_u32(&timers->stopping) == 0) {
		dhpi_ahead_fill(&yard.shop->work);
		port_alarm_wait(&timers->alarm, UINT64_MAX);
	}
}

/* `there`: made before. */
static void open_alone(uint32_t ready_ahead, uint32_t refusals, uint32_t there)
{
	open_yard(ready_ahead, refusals);
	FIBRE_DEMAND(port_alarm_open(&yard.shop->work.timers.alarm) == DHP_OK);
	for (uint32_t index = 0; index < 2; index++) {
		prepare(index);
		shop_publish(yard.shop, index);
		at_init_u32(&dhpi_queue_of_index(&yard.shop->work, index)->go, 1);
		at_init_u32(&dhpi_queue_of_index(&yard.shop->work, index)->stop, 1);
	}
	dhpi_ahead_ask(&yard.shop->work);
	for (uint32_t i = 0; i < there; i++)
		dhpi_ahead_fill(&yard.shop->work);
	FIBRE_DEMAND(port_thread_start(&yard.shop->work.timers.thread, fill, NULL, PORT_ANY_CPU, 0, "timer") == DHP_OK);
}

static void close_alone(uint32_t processors)
{
	struct dhpi_queue *queue;

	at_store_release_u32(&yard.shop->work.timers.stopping, 1);
	port_alarm_signal(&yard.shop->work.timers.alarm);
	port_thread_join(&yard.shop->work.timers.thread);
	dhpi_ahead_stop(&yard.shop->work);
	for (uint32_t index = 0; index < 2; index++) {
		queue = dhpi_queue_of_index(&yard.shop->work, index);
		if (queue->spare == NULL)
			continue;
		port_thread_join(&queue->spare->thread);
		dhpi_ahead_free(queue->spare);
	}
	close_yard(processors);
}

static void take_or_make(uint32_t index)
{
	struct dhpi_queue *queue = dhpi_queue_of_index(&yard.shop->work, index);

	if (dhpi_ahead_take(queue))
		dhpi_ahead_go(queue);
	else
		be_worker(queue);
}

static void one_arrives(void)
{
	open_alone(1, 0, 0);
	take_or_make(0);
	wait_until_full(1);
	close_alone(1);
}

static void one_of_two_is_taken(void)
{
	open_alone(2, 0, 1);
	take_or_make(0);
	close_alone(1);
}

static void two_arrive(void)
{
	open_alone(1, 0, 0);
	take_or_make(0);
	take_or_make(1);
	wait_until_full(1);
	close_alone(2);
}

static void refused(void)
{
	open_alone(1, 1, 0);
	while (value(yard.refusals) != 0)
		port_sleep_ns(1000);
	take_or_make(0);
	wait_until_full(1);
	close_alone(1);
}

static void ended(void)
{
	open_alone(2, 0, 0);
	close_alone(0);
}

static void ended_and_refused(void)
{
	open_alone(2, 1, 0);
	close_alone(0);
}

const struct world worlds[] = {
	{ .name = "an_arrival_takes_the_reserve_while_it_is_filled", .run = one_arrives, .runs = 2000, .long_runs = 50000 },
	{ .name = "one_of_two_is_taken_while_the_other_is_made", .run = one_of_two_is_taken, .strategy = BOUNDED, .bound = 1 },
	{ .name = "two_arrivals_take_the_reserve_while_it_is_filled", .run = two_arrive, .strategy = BOUNDED, .bound = 1 },
	{ .name = "a_worker_that_was_refused_is_made_later", .run = refused },
	{ .name = "an_end_meets_the_making", .run = ended },
	{ .name = "an_end_meets_a_refusal", .run = ended_and_refused },
	{ .name = "an_arrival_and_all_its_threads", .run = taken_while_filled,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 5000 },
	{ .name = "an_arrival_that_fails_leaves_it_to_the_next", .run = left_by_a_failure,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 5000 },
	{ .name = "an_engine_ends_while_workers_are_made", .run = ended_while_filled,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 5000 },
	{ .name = NULL },
};
