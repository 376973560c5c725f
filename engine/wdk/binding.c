/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binding.c - which engine the Windows names mean.
 *
 * Problem   the documented routines take no handle to a partition: there is one.
 * Idea      one process-wide variable, set before the driver entry and taken back after the unload. The engine below
 *           knows nothing of it; this layer uses the engine's public headers and the port, so that two engines in one
 *           process still share nothing, and one of them may be bound.
 * I1        `phase` goes unbound, changing, bound, changing, unbound; only who made it `changing` writes the rest.
 * I2        `held` counts what would point into the engine; the binding ends at zero only.
 */
#include <dhp/notify.h>

#include "binding.h"

enum phase { UNBOUND = 0, CHANGING = 1, BOUND = 2 };

static struct {
	struct at_u32 phase;  /* enum phase */
	struct at_u32 held;   /* I2 */
	struct at_ptr engine; /* edge wdk-bind */
} binding;

struct dhp_engine *dhpi_wdk_engine(void)
{
	return at_load_acquire_ptr(&binding.engine); /* [wdk-bind] acquire */
}

void dhpi_wdk_hold(void)
{
	(void)at_fetch_add_relaxed_u32(&binding.held, 1); /* relaxed: no other thread is in a routine at the unbind */
}

void dhpi_wdk_release(void)
{
	(void)at_fetch_sub_acq_rel_u32(&binding.held, 1); /* [wdk-held] release; what came before is over at the unbind */
}

static bool change_from(enum phase phase)
{
	uint32_t expected = phase;

	return at_cas_acquire_u32(&binding.phase, &expected, CHANGING); /* [wdk-phase] acquire */
}

static void change_to(enum phase phase)
{
	at_store_release_u32(&binding.phase, phase); /* [wdk-phase] release */
}

enum dhp_status dhp_wdk_bind(struct dhp_engine *engine)
{
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	if (!change_from(UNBOUND))
		return DHP_IN_USE;
	status = dhpi_wdk_workers_start();
	if (!dhp_failed(status))
		at_store_release_ptr(&binding.engine, engine); /* [wdk-bind] release */
	change_to(dhp_failed(status) ? UNBOUND : BOUND);
	return status;
}

enum dhp_status dhp_wdk_unbind(void)
{
	enum dhp_status status;

	DHPI_REQUIRE_PASSIVE();
	if (!change_from(BOUND))
		return DHP_BAD_ENGINE;
	if (at_load_acquire_u32(&binding.held) != 0) { /* [wdk-held] acquire */
		change_to(BOUND);
		return DHP_IN_USE;
	}
	status = dhp_arrival_drain(dhpi_wdk_engine()); /* from a callback it fails; those may still read what is buried */
	if (dhp_failed(status)) {
		change_to(BOUND);
		return status;
	}
	dhpi_wdk_reap();
	dhpi_wdk_workers_stop();
	dhpi_wdk_bury_all();
	dhpi_callbacks_end_all();
	at_store_relaxed_ptr(&binding.engine, NULL); /* relaxed: hands nothing over */
	change_to(UNBOUND);
	return DHP_OK;
}
