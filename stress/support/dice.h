/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dice.h - random numbers from a seed (splitmix64). Each thread has its own, made from the seed of the round and the
 * thread's place, so that what a thread tries does not depend on the others. What they meet, does.
 */
#ifndef STRESS_DICE_H
#define STRESS_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t dice_mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15u;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

static inline struct dice dice_make(uint64_t seed, uint64_t place)
{
	return (struct dice){dice_mix(seed ^ dice_mix(place))};
}

static inline uint64_t dice_roll(struct dice *dice)
{
	dice->state += 0x9e3779b97f4a7c15u;
	return dice_mix(dice->state);
}

/* 0 to limit-1; limit is not zero */
static inline uint32_t dice_below(struct dice *dice, uint32_t limit)
{
	return (uint32_t)(((dice_roll(dice) >> 32) * limit) >> 32);
}

/* low to high, both included */
static inline uint32_t dice_between(struct dice *dice, uint32_t low, uint32_t high)
{
	return low + dice_below(dice, high - low + 1);
}

static inline bool dice_one_in(struct dice *dice, uint32_t count)
{
	return dice_below(dice, count) == 0;
}

#endif
