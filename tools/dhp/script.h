/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.h - a thread that plays a seeded script of simulated arrivals.
 */
#ifndef TOOL_SCRIPT_H
#define TOOL_SCRIPT_H

#include <dhp.h>

#include <pthread.h>
#include <stdatomic.h>

struct script {
	uint32_t fail_one_in; /* set before script_begin; the rest belongs to script.c */
	struct dhp_engine *engine;
	struct dhp_sim_event *events;
	uint32_t count;
	pthread_t thread;
	bool runs;
	atomic_bool stop; /* main thread to player: play no more */
	atomic_bool over; /* player to main thread: everything has been played */
};

/* TOOL_FINE, or says what failed. */
int script_begin(struct script *script, struct dhp_engine *engine);
bool script_is_over(struct script *script);

/* Stop early if need be. Harmless for a script that was never begun. */
void script_end(struct script *script);

/* The events for which dhp_sim_script asks; NULL with the error said. Free with free(). */
struct dhp_sim_event *script_make(struct dhp_engine *engine, uint32_t delay_limit_us, uint32_t fail_one_in,
				  uint32_t *out_count);

#endif
