/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.c - workers that are made before their processors arrive.
 *
 * Problem   to create a thread takes most of the time from an arrival to the first object that runs on the newcomer.
 * Idea      so many as the program wishes are there before. Each is a thread that sleeps until it is given a queue, and then is
 *           that queue's worker. The step bring-up takes one, pins it from outside and leaves it asleep; publish wakes it.
 *           The newcomer asks for the next one, when it has run something or found nothing: the timer thread makes it. That one
 *           runs nobody's code, holds no lock of the partition and has the affinity of whoever created the engine, which the new
 *           thread inherits. Its queue's page is touched too, of the cpu that comes next if they come in order.
 *
 * I1        nothing depends on the reserve: an arrival that finds none, or one that cannot be pinned, makes its worker itself.
 * I2        one leaves the reserve by bring-up, which nothing follows that fails, or at the engine's end. So an arrival that
 *           fails leaves it to the next; at most it is pinned already, to a processor that did not come.
 * I3        only the timer thread puts in; only who holds the partition's lock takes out, or he who has joined the timer thread.
 * I4        a thread that has not run yet has no number to pin it by: it counts as not there.
 */
#include "queue.h"

/* ---- the thread ---- */

static struct dhpi_queue *wait_for_queue(struct dhpi_spare *spare)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(&spare->event);
		struct dhpi_queue *queue = at_load_acquire_ptr(&spare->queue); /* [worker-go] acquire */

		if (queue != NULL)
			return queue;
		port_event_wait(&spare->event, ticket, 0);
	}
}

static void run_spare(void *argument)
{
	struct dhpi_queue *queue = wait_for_queue(argument);

	if (queue != DHPI_NO_QUEUE)
		dhpi_worker_run(queue);
}

static void give(struct dhpi_spare *spare, void *queue)
{
	at_store_release_ptr(&spare->queue, queue); /* [worker-go] release */
	(void)port_event_signal(&spare->event);
}

void dhpi_ahead_free(struct dhpi_spare *spare)
{
	port_free(spare, sizeof(*spare));
}

/* ---- filling up ---- */

void dhpi_ahead_init(struct dhpi_ahead *ahead, uint32_t limit)
{
	ahead->limit = limit;
	dhpi_list_init(&ahead->reserve);
}

/* No more than could ever be used. */
static uint32_t wanted(const struct dhpi_work *work)
{
	uint32_t absent = work->set->maximum - dhpi_set_active(work->set);

	return absent < work->ahead.limit ? absent : work->ahead.limit;
}

void dhpi_ahead_ask(struct dhpi_work *work)
{
	if (at_load_relaxed_u32(&work->ahead.count) >= wanted(work)) /* relaxed: what this worker left was there before it began */
		return;
	at_store_relaxed_u32(&work->ahead.asked, 1); /* relaxed: nothing goes with it, and the alarm is told after */
	port_alarm_signal(&work->timers.alarm);
}

static void put_in(struct dhpi_ahead *ahead, struct dhpi_spare *spare)
{
	dhpi_spin_lock(&ahead->lock);
	dhpi_list_push_tail(&ahead->reserve, &spare->link);
	at_bump_u32(&ahead->count);
	dhpi_spin_unlock(&ahead->lock);
}

/* It may be the wrong one, or of another node: then a page lies idle until its processor comes, or is far from it. */
static void touch_queue(struct dhpi_work *work)
{
	const struct dhp_processor *last = dhpi_set_row(work->set, dhpi_set_active(work->set) - 1);
	uint32_t cpu = last->cpu + 1 + at_load_relaxed_u32(&work->ahead.count); /* relaxed: a guess */

	if (cpu < work->set->cpu_limit)
		(void)dhpi_percpu_touch(work->queues, cpu, last->node);
}

/* false: I1; it is tried again after the next arrival. */
static bool make_one(struct dhpi_work *work)
{
	struct dhpi_spare *spare = port_alloc(sizeof(*spare));
	enum dhp_status status;

	if (spare == NULL)
		return false;
	touch_queue(work);
	port_event_init(&spare->event);
	status = port_thread_start(&spare->thread, run_spare, spare, PORT_ANY_CPU, work->stack_bytes, "dhp-worker");
	if (dhp_failed(status))
		dhpi_ahead_free(spare);
	else
		put_in(&work->ahead, spare);
	return !dhp_failed(status);
}

void dhpi_ahead_fill(struct dhpi_work *work)
{
	struct dhpi_ahead *ahead = &work->ahead;

	if (at_load_relaxed_u32(&ahead->asked) == 0) /* relaxed: who asks tells the alarm after */
		return;
	at_store_relaxed_u32(&ahead->asked, 0); /* relaxed: before the look at what is there */
	/* relaxed: one too many, or too few for a while, is no harm. One for each turn of the thread, which has timers to look at */
	if (at_load_relaxed_u32(&ahead->count) < wanted(work) && make_one(work))
		dhpi_ahead_ask(work);
}

/* ---- using one ---- */

/* It stays there: I3. NULL: there is none. */
static struct dhpi_spare *first_of(struct dhpi_ahead *ahead)
{
	struct dhpi_link *first;

	if (ahead->limit == 0)
		return NULL;
	dhpi_spin_lock(&ahead->lock);
	first = ahead->reserve.next;
	dhpi_spin_unlock(&ahead->lock);
	return first != &ahead->reserve ? DHPI_CONTAINER(first, struct dhpi_spare, link) : NULL;
}

static void take_out(struct dhpi_ahead *ahead, struct dhpi_spare *spare)
{
	dhpi_spin_lock(&ahead->lock);
	dhpi_list_unlink(&spare->link);
	at_store_relaxed_u32(&ahead->count, at_load_relaxed_u32(&ahead->count) - 1); /* relaxed: under the lock */
	dhpi_spin_unlock(&ahead->lock);
}

/* I4 */
static bool pin(const struct dhpi_work *work, struct dhpi_spare *spare, uint32_t cpu)
{
	uint32_t thread = at_load_relaxed_u32(&spare->thread.id); /* relaxed: a number */

	return thread != 0 && (work->simulated || port_pin_write((int32_t)thread, cpu));
}

bool dhpi_ahead_pin(struct dhpi_work *work, uint32_t cpu)
{
	struct dhpi_spare *spare = first_of(&work->ahead);

	return spare != NULL && pin(work, spare, cpu);
}

bool dhpi_ahead_take(struct dhpi_queue *queue)
{
	struct dhpi_ahead *ahead = &queue->work->ahead;
	struct dhpi_spare *spare = first_of(ahead);

	if (spare == NULL || !pin(queue->work, spare, dhpi_queue_cpu(queue)))
		return false;
	take_out(ahead, spare);
	at_bump_u64(&ahead->used);
	queue->spare = spare;
	return true;
}

void dhpi_ahead_go(struct dhpi_queue *queue)
{
	give(queue->spare, queue);
}

/* ---- the end ---- */

void dhpi_ahead_stop(struct dhpi_work *work)
{
	struct dhpi_spare *spare;

	while ((spare = first_of(&work->ahead)) != NULL) {
		take_out(&work->ahead, spare);
		give(spare, DHPI_NO_QUEUE);
		port_thread_join(&spare->thread);
		dhpi_ahead_free(spare);
	}
}
