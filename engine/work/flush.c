/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flush.c - wait until everything queued so far has run.
 *
 * Problem   objects move between processors, High ones overtake, and a flush must not wait for what comes later: no
 *           marker in a queue can tell when the older ones have gone.
 * Idea      every object carries the phase (0 or 1) of its insertion, and its home counts by phase what came in and what
 *           is done. A flush turns the phase and waits until in every home all of the old phase is done. What comes
 *           later has the new phase and is not waited for.
 *
 *           Before it turns, it waits for stragglers: an inserter that was preempted after it had read the phase may push
 *           when a whole flush has gone by, with the phase that is then the other one.
 *
 * I1        one flush at a time. The phase is turned to one that has run empty.
 * I2        done is read before counted; both only grow. If they are equal, all that was counted at the first reading
 *           was done then.
 */
#include "queue.h"

#define LONGEST_SLEEP_NS 1000000u

/* What was to wait for a tick does not wait any longer. When an engine ends there is none. */
static void hurry(struct dhpi_queue *queue)
{
	if (!dhpi_queue_looks_empty(queue))
		dhpi_worker_wake(queue);
}

/* What is still in an inbox, or only taken, is not counted yet. */
static void drain(struct dhpi_queue *queue)
{
	dhpi_spin_lock(&queue->lock);
	dhpi_queue_drain(queue);
	dhpi_spin_unlock(&queue->lock);
	dhpi_worker_hand_on(queue);
	hurry(queue);
}

static bool phase_done(struct dhpi_queue *queue, uint32_t phase)
{
	uint64_t done = at_load_acquire_u64(&queue->done[phase]) +           /* [dpc-done] acquire */
			at_load_acquire_u64(&queue->done_elsewhere[phase]); /* [dpc-done] acquire */
	uint64_t counted;

	dhpi_spin_lock(&queue->lock);
	counted = at_load_relaxed_u64(&queue->counted[phase]); /* relaxed: under the lock */
	dhpi_spin_unlock(&queue->lock);
	return done == counted + at_load_relaxed_u64(&queue->counted_own[phase]); /* relaxed: counted before it is done */
}

/* A straggler may come when its queue was drained, and leave the worker asleep. */
static void wait_for_phase(struct dhpi_queue *queue, uint32_t phase)
{
	uint64_t sleep_ns = 2000;

	while (!phase_done(queue, phase)) {
		hurry(queue);
		port_sleep_ns(sleep_ns);
		sleep_ns = sleep_ns < LONGEST_SLEEP_NS ? 2 * sleep_ns : sleep_ns;
	}
}

/* A processor that arrives meanwhile holds only what was inserted after the call. */
static void run_empty(struct dhpi_work *work, uint32_t phase)
{
	uint32_t count = dhpi_set_active(work->set);

	for (uint32_t index = 0; index < count; index++)
		drain(dhpi_queue_of_index(work, index));
	for (uint32_t index = 0; index < count; index++)
		wait_for_phase(dhpi_queue_of_index(work, index), phase);
}

void dhpi_work_flush(struct dhpi_work *work)
{
	uint32_t gate, phase;

	port_mutex_lock(&work->flushing);
	gate = at_load_relaxed_u32(&work->gate); /* relaxed: under `flushing` */
	phase = gate & DHPI_GATE_PHASE;
	run_empty(work, phase ^ DHPI_GATE_PHASE);
	at_store_release_u32(&work->gate, gate ^ DHPI_GATE_PHASE); /* [gate] release */
	run_empty(work, phase);
	port_mutex_unlock(&work->flushing);
}

enum dhp_status dhp_dpc_flush(struct dhp_engine *engine)
{
	struct port_mutex *serial;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE(); /* S-652 */
	serial = engine->work->space->serial;
	if (!port_mutex_mine(serial)) {
		/* S-654: an open transaction ends first, so that what was aimed at its processor is in some queue. */
		port_mutex_lock(serial);
		port_mutex_unlock(serial);
	} else if (dhpi_set_offering(engine->set)) {
		return DHP_IN_CALLBACK; /* S-156 */
	}
	dhpi_work_flush(engine->work);
	return DHP_OK;
}
