/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger.h - what ran, one bit for each item: lost and doubled are seen one by one.
 */
#ifndef TOOL_LEDGER_H
#define TOOL_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ledger {
	_Atomic uint64_t *words; /* any processor sets bits */
	uint64_t capacity;       /* set once */
};

/* Address space only, until a page is written. False with errno set. */
bool ledger_open(struct ledger *ledger, uint64_t capacity);
void ledger_close(struct ledger *ledger);

/* False when this ticket was marked before: it has run twice. */
bool ledger_mark(struct ledger *ledger, uint64_t ticket);

/* How many of the tickets 0 to count-1 are marked. */
uint64_t ledger_count(const struct ledger *ledger, uint64_t count);

#endif
