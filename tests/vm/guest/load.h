/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.h - work that never ends, and an account of every item of it.
 *
 * Circulating items have no target and insert themselves again, or are inserted by a feeder that rests in between. Aimed
 * items, one for each processor, are inserted all the time for their processor and note whether they ran on its CPU.
 */
#ifndef VM_LOAD_H
#define VM_LOAD_H

#include <dhp.h>

struct load_options {
	uint32_t items;   /* that circulate */
	uint32_t spin_us; /* length of one run */
	uint32_t rest_us; /* of the feeder; 0: items insert themselves */
};

bool load_begin(struct dhp_engine *engine, const struct load_options *options);
/* One line for each processor, one with the sums so far. */
void load_report(void);
/* Nothing is inserted any more; waits until all has run. One line with the account: what was lost, what ran twice. */
void load_end(void);

#endif
