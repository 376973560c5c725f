/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random.c - schedules by chance, each from a seed that makes it again.
 *
 * Walk      each step by whoever is ready, with equal chance; now and then time passes although somebody is.
 * PCT       each fibre has a priority by chance, and the highest one runs; at a few steps, chosen by chance, who runs falls
 *           below all others, and so does who pauses. A fault that needs d orders of steps to be as they should not be is
 *           found with a chance of 1 in n * k^(d-1), for n fibres and k steps.
 */
#include "check.h"

#define CHANGES_LIMIT 16u
#define HIGHER (1u << 20)  /* priorities that fell are below */
#define SHORTEST 100u      /* of the runs whose change steps are dealt, up to 32 times as long */
#define IMPATIENCE 24u /* one step in so many may let time pass */

struct chance {
	uint64_t state;
	uint32_t priorities[FIBRE_LIMIT]; /* PCT; 0: not dealt yet */
	uint32_t lowest;
	uint32_t changes[CHANGES_LIMIT], change_count;
};

static uint64_t draw(struct chance *chance)
{
	uint64_t x = chance->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	chance->state = x;
	return x * 0x2545F4914F6CDD1Dull >> 16;
}

static void begin(struct chance *chance, uint64_t seed)
{
	*chance = (struct chance){ .state = seed * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull, .lowest = HIGHER };
	if (chance->state == 0)
		chance->state = 1;
	for (uint32_t i = 0; i < 4; i++)
		(void)draw(chance);
}

static uint32_t set_to_choose_from(struct chance *chance, const struct fibre_choice *choice)
{
	return choice->timed != 0 && draw(chance) % IMPATIENCE == 0 ? choice->ready | choice->timed : choice->ready;
}

static uint32_t choose_any(void *context, const struct fibre_choice *choice)
{
	struct chance *chance = context;
	uint32_t set = set_to_choose_from(chance, choice);
	uint32_t skip = (uint32_t)(draw(chance) % (uint32_t)__builtin_popcount(set));

	while (skip-- > 0)
		set &= set - 1;
	return (uint32_t)__builtin_ctz(set);
}

void explore_random(void (*run)(void), uint64_t seed, uint64_t limit, struct tally *tally)
{
	struct chance chance;

	for (uint64_t i = 0; i < limit && !tally->failed; i++) {
		tally->seed = seed + i;
		begin(&chance, tally->seed);
		tally_run(tally, fibre_run(run, choose_any, &chance));
	}
}

static uint32_t highest(const struct chance *chance, uint32_t set)
{
	uint32_t best = (uint32_t)__builtin_ctz(set);

	for (; set != 0; set &= set - 1) {
		uint32_t fibre = (uint32_t)__builtin_ctz(set);

		if (chance->priorities[fibre] > chance->priorities[best])
			best = fibre;
	}
	return best;
}

static bool is_change(const struct chance *chance, uint32_t step)
{
	for (uint32_t i = 0; i < chance->change_count; i++)
		if (chance->changes[i] == step)
			return true;
	return false;
}

static void deal_priorities(struct chance *chance, uint32_t set)
{
	for (; set != 0; set &= set - 1) {
		uint32_t fibre = (uint32_t)__builtin_ctz(set);

		if (chance->priorities[fibre] == 0)
			chance->priorities[fibre] = HIGHER + 1 + (uint32_t)(draw(chance) % HIGHER);
	}
}

static uint32_t choose_by_priority(void *context, const struct fibre_choice *choice)
{
	struct chance *chance = context;
	uint32_t set = set_to_choose_from(chance, choice), top;

	deal_priorities(chance, set);
	top = highest(chance, set);
	if (is_change(chance, choice->step) || (choice->paused & 1u << top) != 0) {
		chance->priorities[top] = --chance->lowest;
		top = highest(chance, set);
	}
	return top;
}

void explore_pct(void (*run)(void), uint32_t depth, uint64_t seed, uint64_t limit, struct tally *tally)
{
	struct chance chance;

	for (uint64_t i = 0; i < limit && !tally->failed; i++) {
		tally->seed = seed + i;
		begin(&chance, tally->seed);
		/* Early or late: how long a run will be is not known, and may not be taken from the run before. */
		chance.change_count = depth < CHANGES_LIMIT ? depth : CHANGES_LIMIT;
		for (uint32_t k = 0; k < chance.change_count; k++)
			chance.changes[k] = (uint32_t)(draw(&chance) % (SHORTEST << draw(&chance) % 6));
		tally_run(tally, fibre_run(run, choose_by_priority, &chance));
	}
}
