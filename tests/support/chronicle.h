/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chronicle.h - everything that an engine tells, on all channels, as one text; and what it writes while that happens.
 *
 * Two engines that went through the same have the same text. Generations are told as differences, since an engine that plays
 * a recording begins anew.
 */
#ifndef TESTS_CHRONICLE_H
#define TESTS_CHRONICLE_H

#include "support.h"

#include <dhp/memory.h>
#include <dhp/record.h>

#define CHRONICLE_BYTES (1u << 19)

struct chronicle {
	struct dhp_engine *engine;
	char text[CHRONICLE_BYTES];
	size_t length;
	uint32_t veto_cpu; /* whose Start is refused; DHP_NO_CPU: nobody's */
	enum dhp_status veto;
	bool counts_memory; /* its available bytes too */

	struct dhp_notify *changes;
	struct dhp_arrival_notify *processors, *modules;
	struct dhp_counts counts;
	struct dhp_memory_info memory;
};

/* These assert. From the begin on, what is there already included. */
void chronicle_begin(struct chronicle *chronicle, struct dhp_engine *engine);
void chronicle_end(struct chronicle *chronicle);
/* What happens between the two stands in one order, whatever the threads do. */
void chronicle_hold(struct chronicle *chronicle);
void chronicle_release(struct chronicle *chronicle);

/* Without a hold: the counts and the memory if they have changed. */
void chronicle_look(struct chronicle *chronicle);

/* ---- a recording in memory ---- */

struct tape {
	char text[1u << 20];
	size_t length;
	uint64_t lines;
	uint64_t room; /* lines until it says that it is full; 0: no limit */
	uint64_t refused; /* lines after that */
};

/* A dhp_record_write; the context is the tape. */
bool tape_write(void *context, const char *line, size_t length);
/* The same without the times, in place: two recordings of one story differ in nothing else. */
void tape_forget_times(struct tape *tape);

/* Asserts that it can be played, and plays it with a chronicle; gives the number of steps. */
struct dhp_engine *tape_engine(const struct tape *tape, struct dhp_replay **out_replay);
uint32_t tape_play(struct chronicle *chronicle);

#endif
