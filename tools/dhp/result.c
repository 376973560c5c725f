/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * result.c - from lanes, ledger and notifications to the numbers of the report.
 *
 * Exactly once  the ledger has a bit for each ticket: one that is clear was lost, one that was set twice was counted as
 *               doubled when it happened. The two are counted apart, so that they cannot hide each other.
 * Checksum      tickets 0 to n-1 are whole rounds and the beginning of one more, so how often each block should have
 *               been read follows from n; a plain loop over the same bytes gives what the sum should be.
 * Windows       half a window is 100 ms, or a quarter of a step if that is shorter. The quiet window is as long and
 *               lies half a step before the arrival: the two never overlap each other or another arrival.
 * Throughput    whole buckets between the arrival before and the one after, without the half window that follows an
 *               arrival, in which the newcomer's caches are cold.
 */
#include "result.h"

#include <stdlib.h>

#define RESULT_WINDOW_NS (100 * (uint64_t)NS_PER_MS)

static void result_account(struct result *result)
{
	const struct flow *flow = &result->demo->flow;
	uint64_t marked = ledger_count(&flow->ledger, flow_tickets(flow));

	result->submitted += flow->submitted_count;
	result->lost = flow_tickets(flow) - result->refused - marked;
}

static void result_lane(void *slot, const struct dhp_processor *processor, void *context)
{
	struct result *result = context;
	const struct lane *lane = slot;

	(void)processor;
	result->submitted += lane_read(&lane->submitted_count);
	result->refused += lane_read(&lane->refused_count);
	result->doubled += lane_read(&lane->doubled_count);
	result->run += lane_read(&lane->run_count);
	result->checksum += lane_read(&lane->checksum);
}

/* The plain loop, timed. */
static void result_sequential(struct result *result)
{
	const struct bytes *bytes = &result->demo->bytes;
	uint64_t tickets = flow_tickets(&result->demo->flow);
	uint64_t rounds = tickets / bytes->block_count, rest = tickets % bytes->block_count;
	uint64_t end = rounds ? bytes->block_count : rest;
	uint64_t begun_ns = clock_now_ns();
	uint64_t length = 0, block;

	for (block = 0; block < end; block++) {
		result->expected_checksum += bytes_checksum(bytes, block) * (rounds + (block < rest));
		length += bytes_length(bytes, block);
	}
	result->sequential_bytes_per_second = (double)length / seconds_of_ns(clock_now_ns() - begun_ns + 1);
}

static bool result_processors(struct result *result)
{
	const struct demo *demo = result->demo;
	struct dhp_counts counts = {.active = 0};
	uint32_t at;

	dhp_counts_read(demo->engine, &counts);
	result->processors = calloc((size_t)counts.active + 1, sizeof(*result->processors));
	if (!result->processors)
		return false;
	for (at = 0; at < counts.active; at++) {
		struct result_processor *one = &result->processors[at];
		struct dhp_processor_stats stats = {.run_count = 0};

		dhp_processor_at(demo->engine, at, &one->processor);
		dhp_processor_stats_read(demo->engine, at, &stats);
		one->lane = dhp_percpu_at(demo->lanes, at);
		one->run_count = lane_read(&one->lane->run_count);
		one->stolen_count = stats.stolen_count;
	}
	result->processor_count = counts.active;
	return true;
}

static void result_missing(struct result *result)
{
	uint32_t at;

	result->missing_count = result->demo->plan.count;
	for (at = 0; at < result->processor_count; at++)
		result->missing_count -= result->processors[at].run_count != 0;
}

static uint64_t after_change(uint64_t moment_ns, uint64_t change_ns)
{
	return moment_ns && change_ns && moment_ns > change_ns ? moment_ns - change_ns : RESULT_UNKNOWN;
}

static uint64_t change_ns_of(const struct result *result, uint32_t at)
{
	return lane_read(&result->demo->controller.changes[at].at_ns);
}

/* Items a second in whole buckets between two moments; 0 when there is none. */
static double result_rate(const struct result *result, uint64_t from_ns, uint64_t to_ns)
{
	const struct timeline *timeline = &result->demo->timeline;
	uint32_t first = timeline_bucket(timeline, from_ns) + 1, end = timeline_bucket(timeline, to_ns);
	uint64_t count = 0;
	uint32_t at;

	if (first >= end)
		return 0;
	for (at = 0; at < result->processor_count; at++)
		count += lane_count(result->processors[at].lane, first, end);
	return (double)count / seconds_of_ns((end - first) * timeline->bucket_ns);
}

static void arrival_throughput(const struct result *result, uint32_t at)
{
	const struct demo *demo = result->demo;
	struct result_arrival *arrival = &result->arrivals[at];
	uint64_t began_ns = demo->timeline.start_ns, ends_ns = demo->stop_ns;
	uint64_t complete_ns = lane_read(&demo->arrivals.list[at].complete_ns);

	if (at)
		began_ns = lane_read(&demo->arrivals.list[at - 1].complete_ns);
	if (at + 1 < result->arrival_count && change_ns_of(result, at + 1))
		ends_ns = change_ns_of(result, at + 1);
	if (began_ns)
		arrival->before = result_rate(result, began_ns + result->window_ns, change_ns_of(result, at));
	if (complete_ns)
		arrival->after = result_rate(result, complete_ns + result->window_ns, ends_ns);
}

static void arrival_delays(const struct result *result, uint32_t at)
{
	const struct arrival *heard = &result->demo->arrivals.list[at];
	struct result_arrival *arrival = &result->arrivals[at];
	uint64_t change_ns = change_ns_of(result, at);

	arrival->to_start_ns = after_change(lane_read(&heard->start_ns), change_ns);
	arrival->to_complete_ns = after_change(lane_read(&heard->complete_ns), change_ns);
	if (arrival->index < result->processor_count)
		arrival->to_first_ns =
			after_change(lane_read(&result->processors[arrival->index].lane->first_ns), change_ns);
}

static struct result_gap arrival_gap(const struct result *result, uint32_t at, uint32_t old)
{
	const struct demo *demo = result->demo;
	const struct lane *lane = result->processors[old].lane;
	uint64_t change_ns = change_ns_of(result, at), half = result->window_ns;
	uint64_t quiet_ns = change_ns - demo->plan.step_ns / 2;

	return (struct result_gap){
		.index = old,
		.around_ns = lane_gap_ns(lane, &demo->timeline, change_ns - half, change_ns + half, demo->stop_ns),
		.quiet_ns = lane_gap_ns(lane, &demo->timeline, quiet_ns - half, quiet_ns + half, demo->stop_ns),
	};
}

static void gap_worse(struct result_gap *worst, const struct result_gap *gap)
{
	if (gap->around_ns > worst->around_ns) {
		worst->around_ns = gap->around_ns;
		worst->index = gap->index;
	}
	if (gap->quiet_ns > worst->quiet_ns)
		worst->quiet_ns = gap->quiet_ns;
}

static bool arrival_gaps(const struct result *result, uint32_t at)
{
	struct result_arrival *arrival = &result->arrivals[at];
	uint32_t old;

	arrival->gaps = calloc(RESULT_GAPS_LIMIT, sizeof(*arrival->gaps));
	if (!arrival->gaps)
		return false;
	for (old = 0; old < arrival->index && old < result->processor_count; old++) {
		struct result_gap gap = arrival_gap(result, at, old);

		gap_worse(&arrival->worst, &gap);
		if (arrival->gap_count < RESULT_GAPS_LIMIT)
			arrival->gaps[arrival->gap_count++] = gap;
	}
	return true;
}

static bool result_arrival(const struct result *result, uint32_t at)
{
	const struct demo *demo = result->demo;
	const struct arrival *heard = &demo->arrivals.list[at];
	struct result_arrival *arrival = &result->arrivals[at];
	uint64_t change_ns = change_ns_of(result, at);

	arrival->cpu = heard->cpu;
	arrival->asked = change_ns != 0;
	arrival->error = atomic_load(&demo->controller.changes[at].error);
	arrival->failure = atomic_load(&heard->failure);
	arrival->index = lane_read(&heard->complete_ns) ? atomic_load(&heard->index) : DHP_NO_INDEX;
	arrival->to_first_ns = RESULT_UNKNOWN;
	arrival_delays(result, at);
	if (!change_ns || arrival->index == DHP_NO_INDEX)
		return true;
	arrival->at_seconds = seconds_of_ns(change_ns - demo->timeline.start_ns);
	arrival_throughput(result, at);
	return arrival_gaps(result, at);
}

bool result_make(struct result *result)
{
	const struct demo *demo = result->demo;
	uint32_t at;

	result->seconds = seconds_of_ns(demo->stop_ns - demo->timeline.start_ns);
	result->window_ns = demo->plan.step_ns / 4 < RESULT_WINDOW_NS ? demo->plan.step_ns / 4 : RESULT_WINDOW_NS;
	dhp_percpu_each(demo->lanes, result_lane, result, NULL);
	result_account(result);
	result_sequential(result);
	if (!result_processors(result))
		return false;
	result_missing(result);
	result->arrivals = calloc(demo->plan.count, sizeof(*result->arrivals));
	if (!result->arrivals)
		return false;
	result->arrival_count = demo->plan.count - 1;
	for (at = 0; at < result->arrival_count; at++)
		if (!result_arrival(result, at))
			return false;
	return true;
}

void result_free(struct result *result)
{
	uint32_t at;

	for (at = 0; at < result->arrival_count; at++)
		free(result->arrivals[at].gaps);
	free(result->arrivals);
	free(result->processors);
}

bool result_is_fine(const struct result *result)
{
	return !result->lost && !result->doubled && !result->refused && !result->missing_count &&
	       result->checksum == result->expected_checksum && !result->demo->interrupted;
}

double result_bytes_per_item(const struct result *result)
{
	return (double)result->demo->bytes.size / (double)result->demo->bytes.block_count;
}
