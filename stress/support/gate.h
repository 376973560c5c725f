/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate.h - nobody starts before everybody is there. Without it the first threads are done before the last exist, and
 * nothing overlaps. Relaxed on purpose: a barrier would order everything before it and hide races from the tools.
 */
#ifndef STRESS_GATE_H
#define STRESS_GATE_H

#include <sched.h>
#include <stdatomic.h>

struct gate {
	atomic_uint arrived;
	unsigned int expected;
};

static inline void gate_pass(struct gate *gate)
{
	atomic_fetch_add_explicit(&gate->arrived, 1, memory_order_relaxed);
	while (atomic_load_explicit(&gate->arrived, memory_order_relaxed) < gate->expected)
		sched_yield();
}

#endif
