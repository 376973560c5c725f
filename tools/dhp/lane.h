/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lane.h - one processor's record of the run: what it did, and when, millisecond by millisecond.
 */
#ifndef TOOL_LANE_H
#define TOOL_LANE_H

#include "clock.h"

#include <dhp.h>

#include <stdatomic.h>

/* The run's time, cut into buckets. Constant while items flow. */
struct timeline {
	uint64_t start_ns;
	uint64_t bucket_ns;
	uint32_t bucket_count;
};

struct bucket {
	_Atomic uint32_t count;  /* items completed in it */
	_Atomic uint32_t gap_us; /* longest time since the completion before, of those */
};

/* A slot of a dhp_percpu array. All fields: the owner processor writes, others read at any time. */
struct lane {
	_Atomic uint64_t run_count;
	_Atomic uint64_t submitted_count; /* insertions that were accepted */
	_Atomic uint64_t refused_count;   /* insertions that were refused */
	_Atomic uint64_t doubled_count;   /* runs of a ticket that had run before */
	_Atomic uint64_t checksum;
	_Atomic uint64_t first_ns; /* begin of the first item; 0: none yet */
	_Atomic uint64_t last_ns;  /* end of the last item; 0: none yet */
	struct bucket *buckets;    /* from construction to destruction */
};

struct timeline timeline_make(uint64_t start_ns, uint64_t length_ns);

/* The bucket of a moment; moments outside belong to the first and the last. */
uint32_t timeline_bucket(const struct timeline *timeline, uint64_t at_ns);

/* An array of lanes that gains one with every processor. The timeline must live as long. */
enum dhp_status lanes_create(struct dhp_engine *engine, struct timeline *timeline, struct dhp_percpu **out_lanes);

/* For the owner, in a DPC: before and after an item. */
void lane_begin(struct lane *lane);
void lane_end(struct lane *lane, const struct timeline *timeline, uint64_t checksum);
void lane_add(_Atomic uint64_t *count);

static inline uint64_t lane_read(const _Atomic uint64_t *value)
{
	/* relaxed: statistics, exact after the flush */
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* Items completed in the buckets from `first` to before `end`. */
uint64_t lane_count(const struct lane *lane, uint32_t first, uint32_t end);

/* Longest gap between completions that touches these times; it may begin before them or end after them. */
uint64_t lane_gap_ns(const struct lane *lane, const struct timeline *timeline, uint64_t from_ns, uint64_t to_ns,
		     uint64_t stop_ns);

#endif
