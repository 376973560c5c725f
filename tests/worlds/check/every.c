/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * every.c - every schedule, but for those that differ from one that was tried in the order of independent steps only.
 *
 * Problem   ten steps each of three fibres have 10^12 orders; most say the same.
 * Idea      two steps are dependent when they are of one fibre, or touch the same bytes and one may write. After each run only
 *           races are turned round (dynamic partial-order reduction): for the next step of a fibre the last step that is
 *           dependent with it, could have come after it and is not ordered before it by others, is looked for; in the state
 *           before that one the fibre has to be tried as well. A fibre whose step was tried in a state sleeps there until a
 *           dependent step has been made (sleep sets).
 *
 *           run 1    a1 a2 [b1]          b1 races with a1: in the state before a1 try b as well
 *           run 2    b1 a1 a2
 *
 * I1        a state of the stack is that of the run so far, as long as the run follows the stack's choices.
 * I2        `clocks[f][g]`: all steps of g up to this one come before the next step of f in any equivalent order.
 *
 * A step that waits is not turned round with the one that ended the wait: it cannot come first.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

struct state {
	uint32_t ready, backtrack, done, sleep;
	uint32_t chosen;
};

struct clock {
	uint32_t of[FIBRE_LIMIT]; /* step number plus one */
};

struct explorer {
	struct state stack[FIBRE_STEPS];
	uint32_t follow;  /* so many choices of the stack are those of this run */
	uint32_t depth;   /* and so many states it has */
	struct clock clocks[FIBRE_LIMIT], of_step[FIBRE_STEPS];
	uint32_t known;   /* fibres */
	uint32_t interrupted[FIBRE_LIMIT];
};

static bool writes(const struct fibre_op *op)
{
	return op->kind != FIBRE_LOAD && op->kind != FIBRE_WAIT && op->kind != FIBRE_JOIN;
}

static bool conflict(const struct fibre_op *a, const struct fibre_op *b)
{
	return a->bytes != 0 && b->bytes != 0 && (writes(a) || writes(b)) && a->at < b->at + b->bytes &&
	       b->at < a->at + a->bytes;
}

static bool dependent(const struct explorer *explorer, const struct fibre_event *event, uint32_t fibre,
		      const struct fibre_op *op)
{
	return event->fibre == fibre || explorer->interrupted[event->fibre] == fibre ||
	       explorer->interrupted[fibre] == event->fibre || conflict(&event->op, op);
}

/* Whether there can be a state in which both could be next. */
static bool co_enabled(const struct fibre_op *a, const struct fibre_op *b)
{
	if (a->kind == FIBRE_LOCK || b->kind == FIBRE_LOCK)
		return a->kind != FIBRE_UNLOCK && b->kind != FIBRE_UNLOCK;
	return a->kind != FIBRE_JOIN && b->kind != FIBRE_JOIN;
}

/* ---- what comes before what ---- */

static void join_clocks(struct clock *to, const struct clock *from)
{
	for (uint32_t i = 0; i < FIBRE_LIMIT; i++)
		if (to->of[i] < from->of[i])
			to->of[i] = from->of[i];
}

static void meet_new_fibres(struct explorer *explorer)
{
	while (fibre_next_op(explorer->known) != NULL) {
		uint32_t fibre = explorer->known++, parent = fibre_parent(fibre);

		explorer->interrupted[fibre] = fibre_interrupted(fibre);
		if (parent == FIBRE_NONE)
			memset(&explorer->clocks[fibre], 0, sizeof(explorer->clocks[fibre]));
		else
			explorer->clocks[fibre] = explorer->clocks[parent];
	}
}

/* The step that is about to be made: number `step`, of this fibre. */
static void advance_clock(struct explorer *explorer, const struct fibre_event *trace, uint32_t step, uint32_t fibre)
{
	const struct fibre_op *op = fibre_next_op(fibre);
	struct clock *clock = &explorer->clocks[fibre];

	for (uint32_t i = step; i-- > 0;)
		if (clock->of[trace[i].fibre] < i + 1 && dependent(explorer, &trace[i], fibre, op))
			join_clocks(clock, &explorer->of_step[i]);
	if (op->kind == FIBRE_PAUSE && fibre_woken_at(fibre) != FIBRE_NONE)
		join_clocks(clock, &explorer->of_step[fibre_woken_at(fibre)]);
	clock->of[fibre] = step + 1;
	explorer->of_step[step] = *clock;
}

/* ---- races ---- */

/* Somebody who runs after the state and on whose step that of `fibre` depends; FIBRE_NONE: there is none. */
static uint32_t who_leads_to(const struct explorer *explorer, const struct fibre_event *trace, uint32_t step, uint32_t at,
			     uint32_t fibre)
{
	for (uint32_t i = at + 1; i < step; i++)
		if ((explorer->stack[at].ready & 1u << trace[i].fibre) != 0 &&
		    explorer->clocks[fibre].of[trace[i].fibre] >= i + 1)
			return trace[i].fibre;
	return FIBRE_NONE;
}

static void try_before(struct explorer *explorer, const struct fibre_event *trace, uint32_t step, uint32_t at, uint32_t fibre)
{
	struct state *state = &explorer->stack[at];
	uint32_t leader;

	if ((state->ready & 1u << fibre) != 0) {
		state->backtrack |= 1u << fibre;
		return;
	}
	leader = who_leads_to(explorer, trace, step, at, fibre);
	state->backtrack |= leader != FIBRE_NONE ? 1u << leader : state->ready;
}

static bool is_race(const struct explorer *explorer, const struct fibre_event *event, uint32_t at, uint32_t fibre,
		    const struct fibre_op *op)
{
	return event->fibre != fibre && explorer->clocks[fibre].of[event->fibre] < at + 1 &&
	       dependent(explorer, event, fibre, op) && co_enabled(&event->op, op);
}

/* The fibre that made the last step has a new one; the others' are looked at against that last step only. */
static void find_races(struct explorer *explorer, const struct fibre_event *trace, uint32_t step)
{
	uint32_t last = step - 1, mover = trace[last].fibre;
	const struct fibre_op *op;

	for (uint32_t fibre = 0; fibre < explorer->known; fibre++) {
		op = fibre_next_op(fibre);
		if (fibre != mover && op != NULL && is_race(explorer, &trace[last], last, fibre, op) &&
		    (explorer->stack[last].ready & 1u << fibre) != 0)
			try_before(explorer, trace, step, last, fibre);
	}
	op = fibre_next_op(mover);
	if (op == NULL || (op->bytes == 0 && explorer->interrupted[mover] == FIBRE_NONE))
		return;
	for (uint32_t at = step; at-- > 0;)
		if (is_race(explorer, &trace[at], at, mover, op)) {
			try_before(explorer, trace, step, at, mover);
			return;
		}
}

/* ---- choosing ---- */

static uint32_t asleep(const struct explorer *explorer, const struct fibre_event *trace, uint32_t step)
{
	const struct state *before = &explorer->stack[step - 1];
	uint32_t sleep = 0;

	for (uint32_t fibre = 0; fibre < explorer->known; fibre++)
		if (((before->sleep | before->done) & 1u << fibre) != 0 && fibre != before->chosen &&
		    fibre_next_op(fibre) != NULL &&
		    !dependent(explorer, &trace[step - 1], fibre, fibre_next_op(fibre)))
			sleep |= 1u << fibre;
	return sleep;
}

static uint32_t first_of(uint32_t set)
{
	return (uint32_t)__builtin_ctz(set);
}

static uint32_t choose_anew(struct explorer *explorer, const struct fibre_event *trace, const struct fibre_choice *choice)
{
	struct state *state = &explorer->stack[choice->step];
	uint32_t awake;

	*state = (struct state){ .ready = choice->ready };
	state->sleep = choice->step != 0 ? asleep(explorer, trace, choice->step) : 0;
	awake = state->ready & ~state->sleep;
	explorer->depth = choice->step + 1;
	if (awake == 0) {
		state->chosen = FIBRE_NONE;
		return FIBRE_NONE;
	}
	state->chosen = choice->last != FIBRE_NONE && (awake & 1u << choice->last) != 0 ? choice->last : first_of(awake);
	state->backtrack = 1u << state->chosen;
	return state->chosen;
}

static uint32_t choose(void *context, const struct fibre_choice *choice)
{
	struct explorer *explorer = context;
	uint32_t steps, chosen;
	const struct fibre_event *trace = fibre_trace(&steps);

	meet_new_fibres(explorer);
	if (choice->step != 0)
		find_races(explorer, trace, choice->step);
	if (choice->step < explorer->follow) {
		chosen = explorer->stack[choice->step].chosen;
		if (explorer->stack[choice->step].ready != choice->ready)
			fibre_fail("the world is not the same in each run");
	} else {
		chosen = choose_anew(explorer, trace, choice);
	}
	if (chosen != FIBRE_NONE)
		advance_clock(explorer, trace, choice->step, chosen);
	return chosen;
}

/* The deepest state that has something left to try. false: all is done. */
static bool go_back(struct explorer *explorer)
{
	while (explorer->depth > 0) {
		struct state *state = &explorer->stack[explorer->depth - 1];
		uint32_t left;

		if (state->chosen != FIBRE_NONE)
			state->done |= 1u << state->chosen;
		left = state->backtrack & ~state->done & ~state->sleep;
		if (left != 0) {
			state->chosen = first_of(left);
			return true;
		}
		explorer->depth--;
	}
	return false;
}

void explore_all(void (*run)(void), uint64_t limit, struct tally *tally)
{
	struct explorer *explorer = calloc(1, sizeof(*explorer));

	if (explorer == NULL)
		abort();
	for (bool more = true; more && !tally->failed;) {
		explorer->known = 0;
		tally_run(tally, fibre_run(run, choose, explorer));
		more = !tally->failed && go_back(explorer);
		explorer->follow = explorer->depth;
		tally->complete = !more && !tally->failed;
		if (limit != 0 && tally->schedules >= limit)
			break;
	}
	free(explorer);
}
