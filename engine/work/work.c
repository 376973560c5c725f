/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work.c - the life of a queue: made with its slot, opened before Start, given a worker, published; and the end of all.
 */
#include "queue.h"

/* ---- slots ---- */

static enum dhp_status construct_queue(void *slot, const struct dhp_processor *processor, void *context)
{
	struct dhpi_work *work = context;
	struct dhpi_queue *queue = slot;

	if (processor == NULL)
		return DHP_OK; /* the fallback slot has no queue: index 0 stands in */
	queue->reader = dhpi_reader_take(work->epoch);
	if (queue->reader == NULL)
		return DHP_NO_MEMORY;
	port_event_init(&queue->event);
	queue->random = processor->cpu + 1;
	return DHP_OK;
}

static void destruct_queue(void *slot, const struct dhp_processor *processor, void *context)
{
	struct dhpi_queue *queue = slot;

	(void)context;
	if (processor != NULL)
		dhpi_reader_give(queue->reader);
}

/* ---- beginning and end ---- */

static size_t table_bytes(const struct dhpi_work *work)
{
	return work->set->maximum * sizeof(struct at_ptr);
}

static enum dhp_status make_idle_set(struct dhpi_work *work)
{
	work->idle_bytes = ck_bitmap_size(work->set->maximum);
	work->idle = port_alloc(work->idle_bytes);
	if (work->idle == NULL)
		return DHP_NO_MEMORY;
	ck_bitmap_init(work->idle, work->set->maximum, false);
	return DHP_OK;
}

enum dhp_status dhpi_work_init(struct dhpi_work *work, struct dhpi_space *space,
			       const struct dhpi_work_options *options)
{
	const struct dhp_percpu_options slots = {
		.size = sizeof(slots),
		.slot_bytes = sizeof(struct dhpi_queue),
		.placement = DHP_PLACE_NODE, /* a worker's queue is its own memory */
		.construct = construct_queue,
		.destruct = destruct_queue,
		.context = work,
	};
	enum dhp_status status;

	work->set = space->set;
	work->epoch = space->epoch;
	work->space = space;
	work->simulated = options->simulated;
	work->without_workers = options->without_workers;
	work->spin_ns = options->spin_ns;
	work->stack_bytes = options->stack_bytes;
	work->without_threaded = options->without_threaded;
	work->run_limit_ns = options->run_limit_ns;
	work->sequence_limit_ns = options->sequence_limit_ns;
	work->watched = options->run_limit_ns != 0 || options->sequence_limit_ns != 0;
	port_mutex_init(&work->flushing);
	port_mutex_init(&work->call.calling);
	port_event_init(&work->call.event);
	dhpi_ahead_init(&work->ahead, work->without_workers ? 0 : options->ready_ahead);
	work->queue_of_index = port_reserve(table_bytes(work));
	if (work->queue_of_index == NULL || dhp_failed(make_idle_set(work)))
		return DHP_NO_MEMORY;
	status = dhpi_percpu_create(space, &slots, offsetof(struct dhpi_queue, window[DHPI_WINDOW_RESIDENT]), &work->queues);
	if (dhp_failed(status) || work->without_workers)
		return status;
	return dhpi_timers_init(&work->timers, work, (uint64_t)options->tick_us * 1000);
}

static struct port_thread *thread_of(struct dhpi_queue *queue)
{
	return queue->spare != NULL ? &queue->spare->thread : &queue->thread;
}

/* The worker runs what is in its queue, and ends. */
static void stop_worker(struct dhpi_queue *queue)
{
	at_store_release_u32(&queue->stop, 1); /* [worker-stop] release */
	(void)port_event_signal(&queue->event);
	port_thread_join(thread_of(queue));
	if (queue->spare != NULL)
		dhpi_ahead_free(queue->spare);
}

/*
 * The first flush ends the routines that may have read the gate before it was closed, the second what those inserted.
 * Routines that start later find it closed. Who inserts from elsewhere has ended: the engine is being destroyed.
 */
void dhpi_work_stop(struct dhpi_work *work)
{
	uint32_t count = dhpi_set_active(work->set);

	at_store_release_u32(&work->gate, at_load_relaxed_u32(&work->gate) | DHPI_GATE_CLOSING); /* [gate] release */
	dhpi_timers_stop(&work->timers);
	dhpi_ahead_stop(work);
	dhpi_work_flush(work);
	dhpi_work_flush(work);
	for (uint32_t index = 0; index < count; index++)
		stop_worker(dhpi_queue_of_index(work, index));
	for (uint32_t index = 0; index < count; index++)
		DHPI_CHECK(1, dhpi_queue_empty(dhpi_queue_of_index(work, index)), "nothing queued is ever dropped");
}

void dhpi_work_fini(struct dhpi_work *work)
{
	dhpi_timers_fini(&work->timers);
	if (work->queues != NULL)
		dhpi_percpu_destroy(work->queues);
	if (work->idle != NULL)
		port_free(work->idle, work->idle_bytes);
	if (work->queue_of_index != NULL)
		port_unreserve(work->queue_of_index, table_bytes(work));
	port_mutex_fini(&work->call.calling);
	port_mutex_fini(&work->flushing);
}

/* ---- steps of an arrival ---- */

static void do_nothing(void *argument)
{
	(void)argument;
}

enum dhp_status dhpi_work_probe(struct dhpi_work *work, uint32_t cpu)
{
	struct port_thread thread = { .started = false };
	enum dhp_status status;

	if (work->without_workers || dhpi_ahead_pin(work, cpu))
		return DHP_OK;
	status = port_thread_start(&thread, do_nothing, NULL, cpu, work->stack_bytes, "dhp-probe");
	port_thread_join(&thread);
	return status;
}

void dhpi_work_prepare(struct dhpi_work *work, const struct dhp_processor *processor)
{
	dhpi_queue_open(dhpi_queue_at_cpu(work, processor->cpu), work, processor);
}

void dhpi_work_unprepare(struct dhpi_work *work, const struct dhp_processor *processor)
{
	struct dhpi_queue *queue = dhpi_queue_at_cpu(work, processor->cpu);

	/* The first processor of all has no heir, and nobody who could have inserted. */
	if (processor->index != 0)
		dhpi_queue_close(queue, dhpi_queue_of_index(work, 0));
	at_store_relaxed_ptr(&work->queue_of_index[processor->index], NULL); /* relaxed: who finds nothing reads nothing */
}

enum dhp_status dhpi_work_bring_up(struct dhpi_work *work, const struct dhp_processor *processor)
{
	struct dhpi_queue *queue = dhpi_queue_at_cpu(work, processor->cpu);
	uint32_t cpu = work->simulated ? PORT_ANY_CPU : processor->cpu;

	if (work->without_workers)
		return DHP_OK;
	at_store_relaxed_u32(&queue->go, 0);   /* relaxed: the thread does not exist yet, or sleeps */
	at_store_relaxed_u32(&queue->stop, 0); /* relaxed: likewise */
	if (dhpi_ahead_take(queue))
		return DHP_OK;
	return port_thread_start(&queue->thread, dhpi_worker_run, queue, cpu, work->stack_bytes, "dhp-worker");
}

void dhpi_work_publish(struct dhpi_work *work, const struct dhp_processor *processor)
{
	struct dhpi_queue *queue = dhpi_queue_at_cpu(work, processor->cpu);

	at_store_release_u32(&queue->go, 1); /* [worker-go] release */
	if (queue->spare != NULL)
		dhpi_ahead_go(queue);
	else
		(void)port_event_signal(&queue->event);
}

/* ---- a processor that is not usable for a while; under the partition's lock ---- */

struct dhpi_queue *dhpi_queue_instead(const struct dhpi_queue *queue)
{
	uint32_t count = dhpi_set_active(queue->work->set), index = dhpi_queue_index(queue);

	for (uint32_t step = 1; step < count; step++) {
		struct dhpi_queue *other = dhpi_queue_of_index(queue->work, (index + step) % count);

		if (!dhpi_queue_is_away(other))
			return other;
	}
	return NULL;
}

/* A thread that has not run yet was pinned when it was made. */
enum dhpi_pin_found dhpi_work_pin(struct dhpi_work *work, uint32_t index, bool at_once)
{
	struct dhpi_queue *queue = dhpi_queue_of_index(work, index);
	uint32_t thread = at_load_relaxed_u32(&thread_of(queue)->id); /* relaxed: as where it is stored */

	return work->simulated || thread == 0 ? DHPI_PIN_HOLDS : dhpi_pin_look(&queue->pin, (int32_t)thread, at_once);
}

bool dhpi_work_is_away(struct dhpi_work *work, uint32_t index)
{
	return dhpi_queue_is_away(dhpi_queue_of_index(work, index));
}

void dhpi_work_usable(struct dhpi_work *work, uint32_t index, bool usable)
{
	struct dhpi_queue *queue = dhpi_queue_of_index(work, index);

	if (dhpi_queue_is_away(queue) != usable)
		return;
	dhpi_pin_forget(&queue->pin);
	/* [worker-sleep] either-or a: as a push, then the look at `asleep`; who sleeps decides anew (worker.c, I3) */
	(void)at_exchange_seq_cst_u32(&queue->away, !usable);
	dhpi_worker_wake(queue);
}

void dhpi_work_leave(struct dhpi_work *work)
{
	uint32_t count = dhpi_set_active(work->set);

	for (uint32_t index = 0; index < count; index++) {
		struct dhpi_queue *queue = dhpi_queue_of_index(work, index);
		struct dhpi_queue *heir = dhpi_queue_is_away(queue) ? dhpi_queue_instead(queue) : NULL;

		if (heir != NULL)
			(void)at_fetch_add_relaxed_u64(&work->diverted, dhpi_queue_leave(queue, heir)); /* relaxed: statistics */
	}
}

/* ---- statistics ---- */

enum dhp_status dhpi_work_stats(struct dhpi_work *work, uint32_t index, struct dhp_processor_stats *out_stats)
{
	const struct dhpi_queue *queue;

	if (index >= dhpi_set_active(work->set))
		return DHP_BAD_INDEX;
	queue = dhpi_queue_of_index(work, index);
	*out_stats = (struct dhp_processor_stats){ /* relaxed: statistics only */
		.run_count = at_load_relaxed_u64(&queue->done[0]) + at_load_relaxed_u64(&queue->done[1]) +
			     at_load_relaxed_u64(&queue->stolen),
		.stolen_count = at_load_relaxed_u64(&queue->stolen),
		.steal_count = at_load_relaxed_u64(&queue->steals),
		.refill_count = at_load_relaxed_u64(&queue->refills),
		.park_count = at_load_relaxed_u64(&queue->parks),
		.removed_count = at_load_relaxed_u64(&queue->removed),
		.first_run_ns = at_load_relaxed_u64(&queue->first_run_ns),
		.long_run_count = at_load_relaxed_u64(&queue->long_runs),
		.long_sequence_count = at_load_relaxed_u64(&queue->long_sequences),
		.longest_run_ns = at_load_relaxed_u64(&queue->longest_run_ns),
		.pin_restored_count = at_load_relaxed_u64(&queue->pin.restored),
		.pin_refused_count = at_load_relaxed_u64(&queue->pin.refused),
	};
	return DHP_OK;
}
