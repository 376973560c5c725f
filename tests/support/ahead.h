/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ahead.h - what the tests of workers that are made ahead share: how many wait, which thread is the next, who ran a DPC.
 */
#ifndef TESTS_AHEAD_H
#define TESTS_AHEAD_H

#include "support.h"

#include <sched.h>

#include "partition.h"
#include "queue.h"

static inline struct dhp_engine_stats engine_stats(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats = { .arrivals_count = 0 };

	(void)dhp_engine_stats_read(engine, &stats);
	return stats;
}

/* The thread that the next arrival gets; 0: none waits, or not all that do have begun. */
static inline uint32_t next_ready(struct dhp_engine *engine)
{
	struct dhpi_ahead *ahead = &engine->work->ahead;
	uint32_t next = 0;
	bool all = true;

	dhpi_spin_lock(&ahead->lock);
	for (struct dhpi_link *at = ahead->reserve.prev; at != &ahead->reserve; at = at->prev) {
		next = at_load_relaxed_u32(&DHPI_CONTAINER(at, struct dhpi_spare, link)->thread.id);
		all = all && next != 0;
	}
	dhpi_spin_unlock(&ahead->lock);
	return all ? next : 0;
}

struct ready_wait {
	struct dhp_engine *engine;
	uint64_t count;
};

/* So many wait, all have begun, and the timer thread is not asked for more. */
static inline bool is_ready(void *context)
{
	const struct ready_wait *wait = context;

	return engine_stats(wait->engine).ready_count == wait->count && (wait->count == 0 || next_ready(wait->engine) != 0) &&
	       at_load_relaxed_u32(&wait->engine->work->ahead.asked) == 0;
}

static inline bool wait_for_ready(struct dhp_engine *engine, uint64_t count)
{
	struct ready_wait wait = { .engine = engine, .count = count };

	return wait_until(is_ready, &wait);
}

/* ---- which thread works for a processor ---- */

struct who {
	struct dhp_dpc dpc;
	uint64_t thread, cpu;
};

static inline void ask_who(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct who *who = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	poke(&who->cpu, (uint64_t)sched_getcpu());
	poke(&who->thread, (uint64_t)port_thread_id());
}

/* 0: it could not be asked. */
static inline uint64_t worker_of(struct dhp_engine *engine, uint32_t index, struct who *who)
{
	*who = (struct who){ .thread = 0 };
	if (dhp_dpc_init(&who->dpc, engine, ask_who, who) != DHP_OK || dhp_dpc_set_target(&who->dpc, index) != DHP_OK ||
	    dhp_dpc_insert(&who->dpc, NULL, NULL) != DHP_OK || dhp_dpc_flush(engine) != DHP_OK)
		return 0;
	return peek(&who->thread);
}

#endif
