/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo.h - everything of one run of the demo, as its parts share it.
 */
#ifndef TOOL_DEMO_H
#define TOOL_DEMO_H

#include "arrivals.h"
#include "backend.h"
#include "bytes.h"
#include "controller.h"
#include "flow.h"
#include "lane.h"

#include <stdio.h>

struct demo_options {
	struct backend backend;
	double seconds;      /* 0: not given */
	double step_seconds; /* 0: not given */
	const char *svg;
	const char *json;
	bool plain;
	char **names;
	uint32_t name_count;
};

/* In the order in which it is built; what is zero has not been built. */
struct demo {
	struct demo_options options;
	FILE *svg;
	FILE *json;
	struct bytes bytes;
	struct plan plan;
	uint64_t length_ns;
	uint64_t grace_ns; /* at most so much longer, until the last newcomer has run */
	struct controller controller;
	struct dhp_engine *engine;
	struct timeline timeline;
	struct dhp_percpu *lanes;
	struct arrivals arrivals;
	struct flow flow;
	uint64_t stop_ns; /* when no more was submitted */
	bool interrupted;
};

/* OPTIONS_READ, or end. */
enum options_outcome demo_parse(struct demo_options *options, int argument_count, char **arguments);

/* Is the plan's step given, or does it follow from the length, or the length from it? TOOL_FINE or said. */
int demo_schedule(struct demo *demo);

/* Build and take down what runs. demo_close accepts what is half built. TOOL_FINE, or the error has been said. */
int demo_open(struct demo *demo);
void demo_close(struct demo *demo);

#endif
