/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lane.c - recording completions at the price of one clock reading.
 *
 * Problem   the longest gap around an arrival must be known on every processor, but writing each completion down would
 *           cost more memory bandwidth than the work itself.
 * Idea      time is cut into buckets of a millisecond. A lane keeps for each the number of completions and the longest
 *           gap that ended there. Sums over buckets give throughput; a walk over them gives the longest gap.
 * I1        only the owner writes a lane: plain loads and stores, atomic so that others may look.
 * I2        a gap is kept in the bucket in which it ended, with its whole length; so a window must also look at the
 *           first completion after its end.
 * The array grows by the library: a processor that arrives gets a lane before its first item.
 */
#include "lane.h"

#include <stdlib.h>

/* Finer than a frame of video and than any pause a person would notice. */
#define BUCKET_NS_LEAST NS_PER_MS

/* At most a mebibyte a lane; a run of more than two minutes gets longer buckets. */
#define BUCKETS_LIMIT 131072u

struct timeline timeline_make(uint64_t start_ns, uint64_t length_ns)
{
	struct timeline timeline = {.start_ns = start_ns, .bucket_ns = BUCKET_NS_LEAST};

	while (length_ns / timeline.bucket_ns >= BUCKETS_LIMIT)
		timeline.bucket_ns += BUCKET_NS_LEAST;
	timeline.bucket_count = (uint32_t)(length_ns / timeline.bucket_ns) + 1;
	return timeline;
}

uint32_t timeline_bucket(const struct timeline *timeline, uint64_t at_ns)
{
	uint64_t bucket;

	if (at_ns < timeline->start_ns)
		return 0;
	bucket = (at_ns - timeline->start_ns) / timeline->bucket_ns;
	return bucket < timeline->bucket_count ? (uint32_t)bucket : timeline->bucket_count - 1;
}

static enum dhp_status lane_construct(void *slot, const struct dhp_processor *processor, void *context)
{
	const struct timeline *timeline = context;
	struct lane *lane = slot;

	(void)processor;
	lane->buckets = calloc(timeline->bucket_count, sizeof(*lane->buckets));
	return lane->buckets ? DHP_OK : DHP_NO_MEMORY;
}

static void lane_destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct lane *lane = slot;

	(void)processor;
	(void)context;
	free(lane->buckets);
}

enum dhp_status lanes_create(struct dhp_engine *engine, struct timeline *timeline, struct dhp_percpu **out_lanes)
{
	const struct dhp_percpu_options options = {
		.size = sizeof(options),
		.slot_bytes = sizeof(struct lane),
		.placement = DHP_PLACE_NODE,
		.construct = lane_construct,
		.destruct = lane_destruct,
		.context = timeline,
	};

	return dhp_percpu_create(engine, &options, out_lanes);
}

/* relaxed, here and below: the owner re-reads its own stores (I1) */
static void lane_add_to(_Atomic uint64_t *count, uint64_t amount)
{
	uint64_t value = atomic_load_explicit(count, memory_order_relaxed);

	atomic_store_explicit(count, value + amount, memory_order_relaxed);
}

void lane_add(_Atomic uint64_t *count)
{
	lane_add_to(count, 1);
}

void lane_begin(struct lane *lane)
{
	if (!lane_read(&lane->first_ns))
		atomic_store_explicit(&lane->first_ns, clock_now_ns(), memory_order_relaxed);
}

static uint32_t bucket_count(const struct bucket *bucket)
{
	return atomic_load_explicit(&bucket->count, memory_order_relaxed);
}

static uint32_t bucket_gap_us(const struct bucket *bucket)
{
	return atomic_load_explicit(&bucket->gap_us, memory_order_relaxed);
}

static void bucket_note(struct bucket *bucket, uint64_t gap_ns)
{
	uint32_t gap_us = (uint32_t)(gap_ns / NS_PER_US);

	atomic_store_explicit(&bucket->count, bucket_count(bucket) + 1, memory_order_relaxed);
	if (gap_us > bucket_gap_us(bucket))
		atomic_store_explicit(&bucket->gap_us, gap_us, memory_order_relaxed);
}

void lane_end(struct lane *lane, const struct timeline *timeline, uint64_t checksum)
{
	uint64_t now = clock_now_ns();
	uint64_t last = lane_read(&lane->last_ns);

	bucket_note(&lane->buckets[timeline_bucket(timeline, now)], last ? now - last : 0);
	atomic_store_explicit(&lane->last_ns, now, memory_order_relaxed);
	lane_add_to(&lane->checksum, checksum);
	lane_add_to(&lane->run_count, 1);
}

uint64_t lane_count(const struct lane *lane, uint32_t first, uint32_t end)
{
	uint64_t count = 0;

	for (; first < end; first++)
		count += bucket_count(&lane->buckets[first]);
	return count;
}

/* The gap that was open at `to_ns`: it ended in the first later bucket with a completion, or never (I2). */
static uint64_t lane_gap_after(const struct lane *lane, const struct timeline *timeline, uint32_t bucket,
			       uint64_t to_ns, uint64_t stop_ns)
{
	uint64_t last = lane_read(&lane->last_ns);
	uint64_t gap_ns, end_ns;

	while (bucket < timeline->bucket_count && !bucket_count(&lane->buckets[bucket]))
		bucket++;
	if (bucket == timeline->bucket_count)
		return last && last < to_ns && stop_ns > last ? stop_ns - last : 0;
	gap_ns = (uint64_t)bucket_gap_us(&lane->buckets[bucket]) * NS_PER_US;
	end_ns = timeline->start_ns + bucket * timeline->bucket_ns;
	return end_ns < to_ns + gap_ns ? gap_ns : 0;
}

uint64_t lane_gap_ns(const struct lane *lane, const struct timeline *timeline, uint64_t from_ns, uint64_t to_ns,
		     uint64_t stop_ns)
{
	uint32_t bucket = timeline_bucket(timeline, from_ns), last = timeline_bucket(timeline, to_ns);
	uint64_t longest = 0;
	uint64_t after;

	for (; bucket <= last; bucket++) {
		uint64_t gap_ns = (uint64_t)bucket_gap_us(&lane->buckets[bucket]) * NS_PER_US;

		longest = gap_ns > longest ? gap_ns : longest;
	}
	after = lane_gap_after(lane, timeline, bucket, to_ns, stop_ns);
	return after > longest ? after : longest;
}
