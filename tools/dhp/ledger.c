/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger.c - one bit for each item that was ever submitted.
 *
 * Problem   sums of what was submitted and what ran agree when one item is lost and another runs twice.
 * Idea      every submission carries a ticket that is never used again: ticket t is block t mod blocks in round
 *           t / blocks. A run sets the ticket's bit; who finds it set has run an item twice, and a bit that is clear
 *           at the end is an item that was lost.
 * Cost      one atomic or on memory that is never read back; 1 MiB for eight million items.
 */
#define _GNU_SOURCE
#include "ledger.h"

#include <stddef.h>
#include <sys/mman.h>

#define WORD_BITS 64u

static size_t ledger_bytes(uint64_t capacity)
{
	return (size_t)((capacity + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t));
}

bool ledger_open(struct ledger *ledger, uint64_t capacity)
{
	void *words = mmap(NULL, ledger_bytes(capacity), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (words == MAP_FAILED)
		return false;
	ledger->words = words;
	ledger->capacity = capacity;
	return true;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->words)
		munmap(ledger->words, ledger_bytes(ledger->capacity));
}

bool ledger_mark(struct ledger *ledger, uint64_t ticket)
{
	uint64_t bit = UINT64_C(1) << ticket % WORD_BITS;

	/* relaxed: only this word is decided here, and the count waits for every run to end */
	return !(atomic_fetch_or_explicit(&ledger->words[ticket / WORD_BITS], bit, memory_order_relaxed) & bit);
}

static uint64_t ledger_word(const struct ledger *ledger, uint64_t word)
{
	/* relaxed: after the flush, nobody writes any more */
	return atomic_load_explicit(&ledger->words[word], memory_order_relaxed);
}

uint64_t ledger_count(const struct ledger *ledger, uint64_t count)
{
	uint64_t whole = count / WORD_BITS, rest = count % WORD_BITS;
	uint64_t marked = 0, word;

	for (word = 0; word < whole; word++)
		marked += (uint64_t)__builtin_popcountll(ledger_word(ledger, word));
	if (rest)
		marked += (uint64_t)__builtin_popcountll(ledger_word(ledger, whole) & ((UINT64_C(1) << rest) - 1));
	return marked;
}
