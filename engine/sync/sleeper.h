/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sleeper.h - a thread says that it sleeps, and whoever has work for it wakes it.
 *
 * Problem   one of many wakers should make the system call, once; but the one who took that on may be stopped before the call,
 *           and then the others must not rely on it.
 * Idea      a word: 0 is awake; 4n+1 is asleep, with a number that is new after each sleep that a waker has touched; 4n+3 is
 *           asleep, and somebody is about to wake it. Who finds 4n+3 makes the call too. It becomes 0 only after a call, so 0
 *           means that nobody has to be relied on.
 *
 * I1        the sleeper alone begins a sleep, with a number of its own: a waker that was stopped for long ends no later one.
 * I2        from a number to 0 the event was roused for that number, or the sleeper has woken by itself.
 * I3        a number comes again after 2^30 sleeps that were touched: only a waker who is stopped for exactly so many does harm, if
 *           another is stopped then.
 * I4        a signal alone (port_event_signal) trusts whoever took back that somebody waits. So whoever else wakes this sleeper,
 *           and must not wait for a waker, rouses too.
 * I5        the sleeper sees what happened before each wake-up that ended this sleep: each waker has written the word before
 *           the sleeper takes it back. So a thief knows that it was woken to search.
 */
#ifndef DHPI_SLEEPER_H
#define DHPI_SLEEPER_H

#include "port.h"

#define DHPI_ASLEEP 1u
#define DHPI_BEING_WOKEN 2u
#define DHPI_SLEEP_STEP 4u

/* The sleeper; `sleeps` is its own. Then it looks once more. */
static inline void dhpi_sleeper_begin(struct at_u32 *asleep, const uint32_t *sleeps)
{
	/* [worker-sleep] either-or b, [defer-sleep] either-or b */
	(void)at_exchange_seq_cst_u32(asleep, *sleeps | DHPI_ASLEEP);
}

/* The next sleep has the same number if nobody has touched this one. */
static inline void dhpi_sleeper_end(struct at_u32 *asleep, uint32_t *sleeps)
{
	/* I5. [worker-sleep] acquire, [defer-sleep] acquire */
	if (at_exchange_acquire_u32(asleep, 0) != (*sleeps | DHPI_ASLEEP))
		*sleeps += DHPI_SLEEP_STEP;
}

/* `word`: what was found, not 0. false: it has woken meanwhile, and looks again. *out_first: of those who rouse it. */
static inline bool dhpi_sleeper_wake(struct at_u32 *asleep, uint32_t word, struct port_event *event, bool *out_first)
{
	uint32_t turned = word | DHPI_BEING_WOKEN;

	/*
	 * [worker-sleep] release, [defer-sleep] release: I5.
	 * [worker-sleep] acquire, [defer-sleep] acquire: the sleeper has its ticket before it is roused.
	 */
	while (!at_cas_acq_rel_u32(asleep, &word, turned))
		if (word != turned)
			return false;
	*out_first = port_event_rouse(event);
	(void)at_cas_release_u32(asleep, &turned, 0); /* I2. [worker-sleep] release, [defer-sleep] release */
	return true;
}

#endif
