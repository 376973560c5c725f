/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundown.c - run-down protection in one word.
 *
 *           63 ................................. 2 | 1        | 0
 *           references that are out                | finished | begun
 *
 * I1        a reference is counted only by an exchange of a word without `begun`; so once that bit is set the count falls
 *           only, and zero is final.
 * I2        a word that is `begun` with no reference is run down, whether or not anybody said that it is finished.
 *
 * Who waits looks again and again, with pauses that grow: the word has no room for a sleeper, and a run-down is rare.
 */
#include <dhp/rundown.h>

#include "level.h"
#include "percpu.h"
#include "rundown_wait.h"

#define BEGUN 1u
#define FINISHED 2u
#define ONE_REFERENCE 4u
#define MOST_REFERENCES ((uint64_t)1 << 61)

_Static_assert(sizeof(struct dhp_rundown) == sizeof(struct at_u64), "one word");

static struct at_u64 *word_of(struct dhp_rundown *rundown)
{
	return (struct at_u64 *)(void *)rundown;
}

static bool usable(const struct dhp_rundown *rundown)
{
	return rundown != NULL && dhpi_aligned(rundown, _Alignof(struct at_u64));
}

static bool is_run_down(uint64_t word)
{
	return (word & BEGUN) != 0 && word < ONE_REFERENCE;
}

enum dhp_status dhp_rundown_init(struct dhp_rundown *rundown)
{
	if (!usable(rundown))
		return DHP_BAD_OBJECT;
	at_init_u64(word_of(rundown), 0);
	return DHP_OK;
}

enum dhp_status dhp_rundown_acquire(struct dhp_rundown *rundown, uint32_t count)
{
	uint64_t word;

	if (!usable(rundown))
		return DHP_BAD_OBJECT;
	if (count == 0 || count > DHP_RUNDOWN_COUNT_LIMIT)
		return DHP_BAD_COUNT;
	word = at_load_relaxed_u64(word_of(rundown)); /* relaxed: the exchange confirms it */
	do {
		if ((word & BEGUN) != 0)
			return DHP_RUN_DOWN;
		if (word / ONE_REFERENCE + count > MOST_REFERENCES)
			return DHP_BAD_COUNT;
		/* [rundown-again] acquire */
	} while (!at_cas_acquire_u64(word_of(rundown), &word, word + (uint64_t)count * ONE_REFERENCE));
	return DHP_OK;
}

enum dhp_status dhp_rundown_release(struct dhp_rundown *rundown, uint32_t count)
{
	uint64_t word;

	if (!usable(rundown))
		return DHP_BAD_OBJECT;
	if (count == 0 || count > DHP_RUNDOWN_COUNT_LIMIT)
		return DHP_BAD_COUNT;
	word = at_load_relaxed_u64(word_of(rundown)); /* relaxed: the exchange confirms it */
	do {
		if (word / ONE_REFERENCE < count) {
			DHPI_CHECK(2, word / ONE_REFERENCE >= count, "S-723: a release for each reference acquired");
			return DHP_BAD_COUNT;
		}
		/* [rundown-last] release; the decrements between keep the release sequence going */
	} while (!at_cas_release_u64(word_of(rundown), &word, word - (uint64_t)count * ONE_REFERENCE));
	return DHP_OK;
}

static void begin(struct at_u64 *at)
{
	uint64_t word = at_load_relaxed_u64(at); /* relaxed: the exchange confirms it */

	while ((word & BEGUN) == 0 && !at_cas_relaxed_u64(at, &word, word | BEGUN))
		continue; /* relaxed: holders are ordered by their releases */
}

enum dhp_status dhp_rundown_wait(struct dhp_rundown *rundown)
{
	struct dhpi_pause pause = DHPI_PAUSE_FIRST;

	if (!usable(rundown))
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	begin(word_of(rundown));
	while (!is_run_down(at_load_acquire_u64(word_of(rundown)))) /* [rundown-last] acquire */
		dhpi_pause(&pause);
	return DHP_OK;
}

static enum dhp_status leave_run_down(struct at_u64 *at, uint64_t to)
{
	uint64_t word = at_load_relaxed_u64(at); /* relaxed: the exchange confirms it */

	do {
		if (!is_run_down(word)) {
			DHPI_CHECK(2, is_run_down(word), "S-725, S-726: only after run-down has finished");
			return DHP_NOT_RUN_DOWN;
		}
	} while (!at_cas_release_u64(at, &word, to)); /* [rundown-again] release */
	return DHP_OK;
}

enum dhp_status dhp_rundown_completed(struct dhp_rundown *rundown)
{
	return usable(rundown) ? leave_run_down(word_of(rundown), BEGUN | FINISHED) : DHP_BAD_OBJECT;
}

enum dhp_status dhp_rundown_reinit(struct dhp_rundown *rundown)
{
	return usable(rundown) ? leave_run_down(word_of(rundown), 0) : DHP_BAD_OBJECT;
}
