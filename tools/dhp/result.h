/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * result.h - the numbers of a run, computed once; the reports only print them.
 */
#ifndef TOOL_RESULT_H
#define TOOL_RESULT_H

#include "demo.h"

#define RESULT_UNKNOWN UINT64_MAX

/* 4096 arrivals with a row for each older processor would be eight million rows. */
#define RESULT_GAPS_LIMIT 256u

/* Longest gaps between completions of one processor that was there before an arrival. */
struct result_gap {
	uint32_t index;
	uint64_t around_ns; /* in the window around the arrival */
	uint64_t quiet_ns;  /* in an equal window without one */
};

struct result_arrival {
	uint32_t cpu;
	uint32_t index;           /* DHP_NO_INDEX: it did not come */
	bool asked;               /* the controller got as far as this one */
	double at_seconds;        /* of the change, since the start */
	double before, after;     /* items a second; 0: unknown */
	uint64_t to_start_ns;     /* from the change; RESULT_UNKNOWN: never */
	uint64_t to_complete_ns;
	uint64_t to_first_ns;
	int32_t error;            /* what the controller was told */
	int32_t failure;          /* what registrants were told */
	struct result_gap *gaps;  /* of the first RESULT_GAPS_LIMIT old processors */
	uint32_t gap_count;
	struct result_gap worst;  /* of all of them: the longest of each kind, and who had the one around */
};

struct result_processor {
	struct dhp_processor processor;
	const struct lane *lane;
	uint64_t run_count;
	uint64_t stolen_count;
};

struct result {
	const struct demo *demo;
	double seconds;
	uint64_t submitted, refused, run, lost, doubled;
	uint64_t checksum, expected_checksum;
	double sequential_bytes_per_second;
	uint64_t window_ns; /* half of a window */
	struct result_processor *processors;
	uint32_t processor_count;
	uint32_t missing_count; /* processors of the plan that ran nothing */
	struct result_arrival *arrivals;
	uint32_t arrival_count;
};

/* After the flow has stopped. False when there is no memory; result_free is then due too. */
bool result_make(struct result *result);
void result_free(struct result *result);

/* Nothing lost, nothing doubled, the right checksum, every processor ran, nobody interrupted. */
bool result_is_fine(const struct result *result);

double result_bytes_per_item(const struct result *result);

static inline double ratio_of(double after, double before)
{
	return before > 0 ? after / before : 0;
}

#endif
