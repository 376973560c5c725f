/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.h - what is seen while items flow: bars on a terminal, a line a second elsewhere.
 */
#ifndef TOOL_VIEW_H
#define TOOL_VIEW_H

#include "demo.h"

/* Main thread only. */
struct view {
	const struct demo *demo;
	bool bars;
	uint64_t looked_ns;
	uint64_t *run_counts;  /* of each index, at the last look */
	double *rates;         /* items a second since then */
	uint32_t active_count;
	double total;
	double peak;           /* largest rate of one processor so far: the length of a full bar */
	uint32_t drawn;        /* bars: lines on the screen that belong to us */
	bool *told;            /* plain: arrivals that have had their line */
};

bool view_open(struct view *view, const struct demo *demo);
void view_look(struct view *view);
void view_close(struct view *view);

#endif
