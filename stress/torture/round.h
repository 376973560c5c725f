/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * round.h - one round of torture: see world.h for what happens in it.
 */
#ifndef TORTURE_ROUND_H
#define TORTURE_ROUND_H

#include "options.h"
#include "tally.h"

/* Once, before the first round. */
void round_prepare(const struct options *options);
void round_run(const struct options *options, struct tally *tally, uint64_t seed, uint32_t milliseconds);
/* What the round is doing, for the report of a hang. */
const char *round_phase(void);

#endif
