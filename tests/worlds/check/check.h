/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - which schedules of a world are tried, and what is said of one that fails.
 */
#ifndef CHECK_H
#define CHECK_H

#include "fibre.h"
#include "world.h"

/* What was tried. */
struct tally {
	uint64_t schedules; /* run to their end */
	uint64_t cut_short; /* given up: their rest was seen before, in another order of independent steps */
	uint64_t steps;
	uint32_t longest;
	bool complete; /* there is no other schedule within the bound */
	bool failed;   /* the last run has */
	uint64_t seed; /* of the one that failed */
};

/* Each gives up after so many schedules, or when one fails. 0: never. */
void explore_all(void (*run)(void), uint64_t limit, struct tally *tally);
void explore_bounded(void (*run)(void), uint32_t preemptions, uint64_t limit, struct tally *tally);
void explore_random(void (*run)(void), uint64_t seed, uint64_t limit, struct tally *tally);
void explore_pct(void (*run)(void), uint32_t depth, uint64_t seed, uint64_t limit, struct tally *tally);

void tally_run(struct tally *tally, enum fibre_outcome outcome);

/* ---- schedules ---- */

struct schedule {
	uint8_t fibres[FIBRE_STEPS];
	uint32_t length;
};

void schedule_of_trace(struct schedule *schedule);
/* As text: a letter for each fibre, and for how many steps: "a12b3". false: it is none. */
bool schedule_parse(const char *text, struct schedule *schedule);
void schedule_print(const struct schedule *schedule);
/* Follows it as far as possible: who cannot run is passed over, and behind its end everybody runs as long as possible. */
enum fibre_outcome schedule_run(void (*run)(void), const struct schedule *schedule);
/* Fewer switches, and still a failure of the same kind. How many runs that took. */
uint32_t schedule_shrink(void (*run)(void), struct schedule *schedule);

/* The steps of the last run, with their places in the sources. */
void report_trace(void);

#endif
