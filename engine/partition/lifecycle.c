/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lifecycle.c - the one place that knows in which order a processor arrives.
 *
 * A table of steps, each with its undo. A step that fails has undone itself; then the undo of those before it runs,
 * backwards, and the partition is as before: counts, masks, generation, slots, queues, registrants.
 *
 *       reserve -> prepare -> start -> bring-up -> publish -> complete -> announce
 *       <-release  <-free     <-Failure            |  from here it cannot fail
 *
 * Nothing here takes a lock that a reader, a submitter or a worker takes for more than a few instructions, waits for a
 * grace period, or changes the mapping of pages that others use: the old processors do not notice an arrival.
 */
#include "record.h"

struct arrival {
	struct dhpi_partition *partition;
	struct dhp_processor processor;
	bool asked; /* the registrants have heard Start */
	enum dhp_status reason; /* of the failure, for those who are told */
};

/* ---- reserve: a thread can be pinned there; index, number and mappings ---- */

/* At the first look there is nobody to hear of a failure. */
static enum dhp_status probe(const struct arrival *arrival)
{
	const struct dhpi_partition *partition = arrival->partition;

	if (!partition->backend->early || !partition->first_look_over)
		return DHP_OK;
	return dhpi_work_probe(partition->engine->work, arrival->processor.cpu);
}

static enum dhp_status reserve(struct arrival *arrival)
{
	struct dhpi_set *set = arrival->partition->engine->set;
	enum dhp_status status;

	arrival->processor.index = dhpi_set_active(set); /* S-152 */
	if (arrival->processor.index == set->maximum)
		return DHP_TOO_MANY;
	status = probe(arrival);
	if (dhp_failed(status))
		return status;
	dhpi_set_offer(set, &arrival->processor);
	return DHP_OK;
}

static void release(struct arrival *arrival)
{
	dhpi_set_withdraw(arrival->partition->engine->set);
}

/* ---- prepare: slots of every array, the queue, the record of the announcement ---- */

static enum dhp_status prepare(struct arrival *arrival)
{
	struct dhp_engine *engine = arrival->partition->engine;
	enum dhp_status status;

	if (!dhpi_arrival_prepare(engine->notify, &arrival->processor))
		return DHP_NO_MEMORY;
	status = dhpi_space_prepare(engine->space, &arrival->processor);
	if (!dhp_failed(status))
		dhpi_work_prepare(engine->work, &arrival->processor);
	return status;
}

static void unprepare(struct arrival *arrival)
{
	struct dhp_engine *engine = arrival->partition->engine;

	dhpi_work_unprepare(engine->work, &arrival->processor);
	dhpi_space_unprepare(engine->space, &arrival->processor);
}

/* ---- start: the registrants may say no ---- */

static enum dhp_status start(struct arrival *arrival)
{
	arrival->asked = true;
	return dhpi_notify_start(arrival->partition->engine->notify, &arrival->processor);
}

static void failure(struct arrival *arrival)
{
	dhpi_notify_failure(arrival->partition->engine->notify, &arrival->processor, arrival->reason);
}

/* ---- bring-up: the worker ---- */

static enum dhp_status bring_up(struct arrival *arrival)
{
	return dhpi_work_bring_up(arrival->partition->engine->work, &arrival->processor);
}

/*
 * ---- publish: active set and generation, then the slots, then the worker ----
 *
 * In this order: a thread that runs there already goes on to use the fallback slot until the processor is counted, and so
 * never learns of an index that is not below the active count.
 */

static enum dhp_status publish(struct arrival *arrival)
{
	struct dhp_engine *engine = arrival->partition->engine;

	dhpi_set_publish(engine->set, true);
	dhpi_set_announce(engine->set, arrival->processor.cpu);
	dhpi_work_publish(engine->work, &arrival->processor);
	return DHP_OK;
}

static enum dhp_status complete(struct arrival *arrival)
{
	dhpi_notify_complete(arrival->partition->engine->notify, &arrival->processor);
	return DHP_OK;
}

/*
 * S-017: after every registrant's Complete has returned; the rebalance is started after the arrival is queued. What is there
 * at the start is no arrival: nobody can be registered yet, and nobody later shall hear of it (S-208).
 */
static enum dhp_status announce(struct arrival *arrival)
{
	struct dhp_engine *engine = arrival->partition->engine;

	/* Not before the newcomer runs: it would wait for the notification thread, where both are on one cpu. */
	dhpi_change_post(engine->notify);
	if (arrival->partition->first_look_over)
		dhpi_arrival_post(engine->notify, &arrival->processor);
	dhpi_rebalance_post(arrival->partition->engine->rebalance, true);
	return DHP_OK;
}

/* ---- the table ---- */

enum { STEP_PUBLISH = DHP_STEP_BRING_UP + 1, STEP_COMPLETE, STEP_ANNOUNCE, STEP_COUNT };

static const struct step {
	const char *name;
	enum dhp_status (*run)(struct arrival *arrival);
	void (*undo)(struct arrival *arrival); /* NULL: no later step can fail */
} steps[STEP_COUNT] = {
	[DHP_STEP_RESERVE] = { .name = "reserve", .run = reserve, .undo = release },
	[DHP_STEP_PREPARE] = { .name = "prepare", .run = prepare, .undo = unprepare },
	[DHP_STEP_START] = { .name = "start", .run = start, .undo = failure },
	[DHP_STEP_BRING_UP] = { .name = "bring-up", .run = bring_up, .undo = NULL },
	[STEP_PUBLISH] = { .name = "publish", .run = publish, .undo = NULL },
	[STEP_COMPLETE] = { .name = "complete", .run = complete, .undo = NULL },
	[STEP_ANNOUNCE] = { .name = "announce", .run = announce, .undo = NULL },
};

static void trace(const struct arrival *arrival, uint32_t step, enum dhp_trace_kind kind, enum dhp_status status)
{
	const struct dhpi_partition *partition = arrival->partition;
	const struct dhp_trace_event event = {
		.time_ns = partition->trace != NULL ? port_now_ns() : 0,
		.kind = kind,
		.cpu = arrival->processor.cpu,
		.index = arrival->processor.index,
		.step = steps[step].name,
		.status = status,
	};

	if (partition->trace != NULL)
		partition->trace(partition->trace_context, &event);
}

static enum dhp_status run_step(struct arrival *arrival, uint32_t step)
{
	struct dhpi_partition *partition = arrival->partition;
	enum dhp_status status = DHP_OK;

	trace(arrival, step, DHP_TRACE_ENTER, DHP_OK);
	if (step <= DHP_STEP_BRING_UP)
		status = partition->backend->fault(partition->state, arrival->processor.cpu, (enum dhp_step)step);
	if (!dhp_failed(status))
		status = steps[step].run(arrival);
	trace(arrival, step, DHP_TRACE_LEAVE, status);
	return status;
}

DHPI_WRAPS("a count that runs down goes past zero once")
static void undo_before(struct arrival *arrival, uint32_t step)
{
	while (step-- > 0) {
		steps[step].undo(arrival);
		trace(arrival, step, DHP_TRACE_UNDO, arrival->reason);
	}
}

/* Backwards; the partition is as before. */
static void give_up(struct arrival *arrival, uint32_t step, enum dhp_status reason)
{
	bool vetoed = step == DHP_STEP_START && arrival->asked;

	arrival->reason = reason;
	undo_before(arrival, step);
	dhpi_record_fault(arrival->partition, arrival->processor.cpu, vetoed ? "veto" : steps[step].name, reason);
	at_bump_u64(&arrival->partition->failures);
}

enum dhp_status dhpi_partition_add(struct dhpi_partition *partition, uint32_t cpu)
{
	struct arrival arrival = { .partition = partition, .processor.index = DHP_NO_INDEX };
	enum dhp_status status = partition->backend->describe(partition->state, cpu, &arrival.processor);

	if (dhp_failed(status))
		return status;
	if (dhpi_set_index_of_cpu(partition->engine->set, cpu) != DHP_NO_INDEX)
		return DHP_ALREADY_THERE;
	dhpi_record_processor(partition, &arrival.processor);
	for (uint32_t step = 0; step < STEP_COUNT; step++) {
		status = run_step(&arrival, step);
		if (dhp_failed(status)) {
			give_up(&arrival, step, status);
			return status;
		}
	}
	partition->looks_since_arrival = 0;
	at_bump_u64(&partition->arrivals);
	return DHP_OK;
}
