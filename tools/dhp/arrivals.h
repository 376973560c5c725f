/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrivals.h - what the engine said about each processor that was to arrive, and when.
 */
#ifndef TOOL_ARRIVALS_H
#define TOOL_ARRIVALS_H

#include "controller.h"

/* The engine's thread writes, others read at any time. */
struct arrival {
	uint32_t cpu;                 /* set once */
	_Atomic uint32_t index;       /* valid once start_ns is set */
	_Atomic uint64_t start_ns;    /* of the Start notification; 0: not yet */
	_Atomic uint64_t complete_ns; /* of Complete; 0: not yet */
	_Atomic int32_t failure;      /* status of the last Failure; DHP_OK: none */
};

struct arrivals {
	struct arrival *list; /* in the order of the plan, without its first processor */
	uint32_t count;
	struct dhp_notify *registration;
};

/* Listen for the processors of the plan. TOOL_FINE, or the error has been said. */
int arrivals_open(struct arrivals *arrivals, struct dhp_engine *engine, const struct plan *plan);
void arrivals_close(struct arrivals *arrivals);

#endif
