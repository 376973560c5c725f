/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * schedule.c - a schedule as text, made again, and made simpler.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHRINK_RUNS 3000u

void schedule_of_trace(struct schedule *schedule)
{
	const struct fibre_event *trace = fibre_trace(&schedule->length);

	for (uint32_t i = 0; i < schedule->length; i++)
		schedule->fibres[i] = (uint8_t)trace[i].fibre;
}

bool schedule_parse(const char *text, struct schedule *schedule)
{
	schedule->length = 0;
	while (*text != '\0') {
		uint32_t fibre = (uint32_t)(*text - 'a');
		char *end;
		unsigned long count = strtoul(text + 1, &end, 10);

		if (fibre >= FIBRE_LIMIT || end == text + 1 || count == 0 || count > FIBRE_STEPS - schedule->length)
			return false;
		memset(schedule->fibres + schedule->length, (int)fibre, count);
		schedule->length += (uint32_t)count;
		text = end;
	}
	return schedule->length != 0;
}

/* From a step to behind those that follow by the same fibre. */
static uint32_t end_of_block(const struct schedule *schedule, uint32_t at)
{
	uint32_t end = at;

	while (end < schedule->length && schedule->fibres[end] == schedule->fibres[at])
		end++;
	return end;
}

void schedule_print(const struct schedule *schedule)
{
	for (uint32_t at = 0; at < schedule->length; at = end_of_block(schedule, at))
		printf("%c%u", 'a' + schedule->fibres[at], end_of_block(schedule, at) - at);
}

/* ---- again ---- */

struct follower {
	const struct schedule *schedule;
	uint32_t at;
};

static uint32_t choose(void *context, const struct fibre_choice *choice)
{
	struct follower *follower = context;
	const struct schedule *schedule = follower->schedule;

	while (follower->at < schedule->length) {
		uint32_t fibre = schedule->fibres[follower->at++];

		if (((choice->ready | choice->timed) & 1u << fibre) != 0)
			return fibre;
	}
	if (choice->last != FIBRE_NONE && (choice->ready & ~choice->paused & 1u << choice->last) != 0)
		return choice->last;
	for (uint32_t i = 1; i <= FIBRE_LIMIT; i++) { /* the next one round: who pauses lets the others run */
		uint32_t fibre = ((choice->last == FIBRE_NONE ? 0 : choice->last) + i) % FIBRE_LIMIT;

		if ((choice->ready & 1u << fibre) != 0)
			return fibre;
	}
	return FIBRE_NONE;
}

enum fibre_outcome schedule_run(void (*run)(void), const struct schedule *schedule)
{
	struct follower follower = { .schedule = schedule };

	return fibre_run(run, choose, &follower);
}

/* ---- simpler ---- */

static uint32_t switches_of(const struct schedule *schedule)
{
	uint32_t switches = 0;

	for (uint32_t at = 0; at < schedule->length; at = end_of_block(schedule, at))
		switches++;
	return switches;
}

/* Puts the block at `at` behind the one that follows it. false: there is none. */
static bool swap_blocks(struct schedule *schedule, uint32_t at)
{
	uint32_t middle = end_of_block(schedule, at), end = end_of_block(schedule, middle);
	uint8_t first = schedule->fibres[at];

	if (middle == schedule->length)
		return false;
	memset(schedule->fibres + at, schedule->fibres[middle], end - middle);
	memset(schedule->fibres + at + (end - middle), first, middle - at);
	return true;
}

/* Its steps come when everybody else is done. */
static bool drop_block(struct schedule *schedule, uint32_t at)
{
	uint32_t end = end_of_block(schedule, at);

	memmove(schedule->fibres + at, schedule->fibres + end, schedule->length - end);
	schedule->length -= end - at;
	return schedule->length != 0;
}

static bool is_simpler(const struct schedule *a, const struct schedule *b)
{
	uint32_t a_switches = switches_of(a), b_switches = switches_of(b);

	return a_switches < b_switches || (a_switches == b_switches && a->length < b->length);
}

/* One attempt. true: it fails in the same way, and is the schedule from now on. */
static bool attempt(void (*run)(void), struct schedule *schedule, struct schedule *candidate, const char *why)
{
	if (schedule_run(run, candidate) != FIBRE_FAILED || strcmp(fibre_why(), why) != 0)
		return false;
	schedule_of_trace(candidate);
	if (!is_simpler(candidate, schedule))
		return false;
	*schedule = *candidate;
	return true;
}

uint32_t schedule_shrink(void (*run)(void), struct schedule *schedule)
{
	bool (*const changes[])(struct schedule *, uint32_t) = { drop_block, swap_blocks };
	struct schedule *candidate = malloc(sizeof(*candidate));
	const char *why = fibre_why();
	uint32_t runs = 0;
	bool simpler = candidate != NULL;

	while (simpler && runs < SHRINK_RUNS) {
		simpler = false;
		for (uint32_t k = 0; k < 2; k++)
			for (uint32_t at = 0; at < schedule->length && runs < SHRINK_RUNS; at = end_of_block(schedule, at)) {
				*candidate = *schedule;
				if (!changes[k](candidate, at))
					continue;
				runs++;
				simpler = attempt(run, schedule, candidate, why) || simpler;
			}
	}
	free(candidate);
	(void)schedule_run(run, schedule);
	return runs;
}
