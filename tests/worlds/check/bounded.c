/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bounded.c - every schedule with few pre-emptions, depth first.
 *
 * Most faults need one or two switches away from a fibre that could have gone on. Switches from one that cannot, or that pauses,
 * are free. Nothing is left out for being equivalent: with a bound that would leave out what is not.
 */
#include "check.h"

#include <stdlib.h>

struct choice_point {
	uint32_t chosen, left; /* `left`: not tried yet */
	uint32_t spent;        /* pre-emptions before this step */
	bool costs;            /* choosing another than the last one is a pre-emption */
};

struct search {
	struct choice_point stack[FIBRE_STEPS];
	uint32_t follow, depth, bound;
};

static uint32_t spent_after(const struct search *search, uint32_t step, uint32_t last)
{
	const struct choice_point *point = &search->stack[step];

	return point->spent + (point->costs && point->chosen != last ? 1 : 0);
}

/* Who pauses lets the next one round run: a loop that waits must not keep away whom it waits for. */
static uint32_t go_on_with(const struct fibre_choice *choice)
{
	uint32_t last = choice->last != FIBRE_NONE ? choice->last : 0;

	if ((choice->ready & ~choice->paused & 1u << last) != 0)
		return last;
	for (uint32_t i = 1; i < FIBRE_LIMIT; i++)
		if ((choice->ready & 1u << (last + i) % FIBRE_LIMIT) != 0)
			return (last + i) % FIBRE_LIMIT;
	return last;
}

static uint32_t choose(void *context, const struct fibre_choice *choice)
{
	struct search *search = context;
	struct choice_point *point = &search->stack[choice->step];
	uint32_t last_bit = choice->last != FIBRE_NONE ? 1u << choice->last : 0, steps;
	const struct fibre_event *trace = fibre_trace(&steps);

	if (choice->step < search->follow)
		return point->chosen;
	point->costs = (choice->ready & ~choice->paused & last_bit) != 0;
	point->spent = choice->step == 0 ? 0
			: spent_after(search, choice->step - 1, choice->step > 1 ? trace[choice->step - 2].fibre : FIBRE_NONE);
	point->chosen = go_on_with(choice);
	point->left = point->costs && point->spent >= search->bound ? 0 : choice->ready & ~(1u << point->chosen);
	search->depth = choice->step + 1;
	return point->chosen;
}

static bool go_back(struct search *search)
{
	for (; search->depth > 0; search->depth--) {
		struct choice_point *point = &search->stack[search->depth - 1];

		if (point->left == 0)
			continue;
		point->chosen = (uint32_t)__builtin_ctz(point->left);
		point->left &= point->left - 1;
		return true;
	}
	return false;
}

void explore_bounded(void (*run)(void), uint32_t preemptions, uint64_t limit, struct tally *tally)
{
	struct search *search = calloc(1, sizeof(*search));

	if (search == NULL)
		abort();
	search->bound = preemptions;
	for (bool more = true; more && !tally->failed;) {
		tally_run(tally, fibre_run(run, choose, search));
		more = !tally->failed && go_back(search);
		search->follow = search->depth;
		tally->complete = !more && !tally->failed;
		if (limit != 0 && tally->schedules >= limit)
			break;
	}
	free(search);
}
