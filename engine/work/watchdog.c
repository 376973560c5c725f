/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watchdog.c - how long routines take.
 *
 * Problem   a routine that takes too long holds up everything behind it, and nobody sees it.
 * Idea      S-671 has two budgets: one for each run, and one for the sum of the runs at dispatch level from when the worker
 *           began until it found nothing to do or went down to passive level for a threaded DPC. The clock is read before
 *           and after each routine, and only if a budget was given (S-675): otherwise a run costs one branch more.
 *           Whoever goes over a budget is counted, not stopped. A routine may ask how much is left.
 *
 * I1        the fields are the worker's own: who asks inside a routine is on its thread.
 * Not       an interrupt: a routine that never returns is never counted.
 */
#include "watchdog.h"

void dhpi_watchdog_begin(struct dhpi_queue *queue)
{
	queue->run_start_ns = port_now_ns();
}

static uint64_t run_so_far(const struct dhpi_queue *queue)
{
	return port_now_ns() - queue->run_start_ns;
}

/* Once, when the sum goes over the limit. */
static void add_to_sequence(struct dhpi_queue *queue, uint64_t run_ns)
{
	uint64_t limit = queue->work->sequence_limit_ns, before = queue->sequence_used_ns;

	queue->sequence_used_ns = before + run_ns;
	if (limit != 0 && before <= limit && queue->sequence_used_ns > limit)
		at_bump_u64(&queue->long_sequences);
}

void dhpi_watchdog_end(struct dhpi_queue *queue)
{
	uint64_t limit = queue->work->run_limit_ns, run_ns = run_so_far(queue);

	if (queue->run_start_ns == 0)
		return;
	if (limit != 0 && run_ns > limit)
		at_bump_u64(&queue->long_runs);
	if (run_ns > at_load_relaxed_u64(&queue->longest_run_ns))        /* relaxed: own store */
		at_store_relaxed_u64(&queue->longest_run_ns, run_ns); /* relaxed: statistics only */
	if (dhpi_at_dispatch())
		add_to_sequence(queue, run_ns);
}

/* ---- inside a routine ---- */

static uint64_t left(uint64_t limit, uint64_t used)
{
	return used < limit ? limit - used : 0;
}

/* Not a DPC: NULL. */
static const struct dhpi_queue *queue_of_routine(void)
{
	return dhpi_in_routine() ? port_self()->worker : NULL;
}

static void read_budget(const struct dhpi_queue *queue, struct dhp_watchdog *budget)
{
	const struct dhpi_work *work = queue->work;
	uint64_t run_ns = work->watched ? run_so_far(queue) : 0;
	uint64_t sequence_ns = queue->sequence_used_ns + (dhpi_at_dispatch() ? run_ns : 0);

	*budget = (struct dhp_watchdog){
		.run_limit_ns = work->run_limit_ns,
		.run_left_ns = left(work->run_limit_ns, run_ns),
		.sequence_limit_ns = work->sequence_limit_ns,
		.sequence_left_ns = left(work->sequence_limit_ns, sequence_ns),
	};
}

enum dhp_status dhp_dpc_watchdog_read(struct dhp_watchdog *out_watchdog)
{
	const struct dhpi_queue *queue = queue_of_routine();

	if (out_watchdog == NULL)
		return DHP_BAD_RESULT;
	if (!dhpi_in_routine())
		return DHP_NOT_IN_DPC;
	if (queue == NULL)
		*out_watchdog = (struct dhp_watchdog){ .run_limit_ns = 0 }; /* raised: nobody watches it */
	else
		read_budget(queue, out_watchdog);
	return DHP_OK;
}

/* The last quarter of a budget has begun. */
static bool nearly_gone(uint64_t limit, uint64_t left_ns)
{
	return limit != 0 && left_ns <= limit / 4;
}

bool dhp_dpc_should_yield(void)
{
	const struct dhpi_queue *queue = queue_of_routine();
	struct dhp_watchdog budget;

	if (queue == NULL || !queue->work->watched)
		return false;
	read_budget(queue, &budget);
	return nearly_gone(budget.run_limit_ns, budget.run_left_ns) ||
	       nearly_gone(budget.sequence_limit_ns, budget.sequence_left_ns);
}
