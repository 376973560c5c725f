/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin.h - a lock for a few instructions at any level: who removes, steals or refills holds it; who inserts never does.
 *
 * A holder may be preempted, so a waiter gives up its processor after a while. Where a waiter cannot do that, in an interrupt,
 * the port sees to it that no holder is interrupted: port_hold_begin. Who waits is not in such a section.
 */
#ifndef DHPI_SPIN_H
#define DHPI_SPIN_H

#include "port.h"

struct dhpi_spin {
	struct at_u32 held;
};

#define DHPI_SPINS_BEFORE_YIELD 64

static inline bool dhpi_spin_try(struct dhpi_spin *spin)
{
	port_hold_begin();
	/* relaxed look first: a failing exchange would pull the line away from the holder */
	if (at_load_relaxed_u32(&spin->held) == 0 && at_exchange_acquire_u32(&spin->held, 1) == 0) /* [spin] acquire */
		return true;
	port_hold_end();
	return false;
}

static inline void dhpi_spin_lock(struct dhpi_spin *spin)
{
	for (uint32_t spins = 0; !dhpi_spin_try(spin); spins++) {
		if (spins < DHPI_SPINS_BEFORE_YIELD)
			port_relax();
		else
			port_yield();
	}
}

/* false: what the last holder did is visible. */
static inline bool dhpi_spin_is_held(const struct dhpi_spin *spin)
{
	return at_load_acquire_u32(&spin->held) != 0; /* [spin] acquire */
}

static inline void dhpi_spin_unlock(struct dhpi_spin *spin)
{
	at_store_release_u32(&spin->held, 0); /* [spin] release */
	port_hold_end();
}

#endif
