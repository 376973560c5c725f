/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * controller.h - makes processors arrive, one after another, and notes when.
 *
 * Two kinds with one face: a process beside ours that widens our affinity (linux), a thread that adds simulated
 * processors (sim).
 */
#ifndef TOOL_CONTROLLER_H
#define TOOL_CONTROLLER_H

#include <dhp.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* What shall happen: cpus[0] is there at the start, the others come at start + step, start + 2 step ... */
struct plan {
	uint32_t *cpus;
	uint32_t count;
	uint64_t step_ns;
};

/* One arrival as the controller made it. Written by the controller, in memory that both processes see. */
struct controller_change {
	_Atomic uint64_t at_ns; /* just before it asked; 0: not yet */
	_Atomic int32_t error;  /* what it was told: 0, an errno (process) or a status (thread) */
};

struct controller {
	const struct plan *plan;
	struct controller_change *changes; /* plan->count - 1 of them */
	struct dhp_engine *engine;         /* thread only */
	uint64_t start_ns;                 /* thread only */
	pthread_t thread;
	bool thread_runs;
	atomic_bool stop;    /* main thread to controller thread */
	pid_t pid;           /* of the process; 0: none */
	int start_pipe;      /* the process waits here for the start time; writing end */
};

/* Fork a process that widens the caller's affinity. To be called while there is one thread. TOOL_FINE or said. */
int controller_fork(struct controller *controller, const struct plan *plan);

/* Send it the start time. */
int controller_begin(struct controller *controller, uint64_t start_ns);

/* The same with a thread, at once. */
int controller_simulate(struct controller *controller, const struct plan *plan, struct dhp_engine *engine,
			uint64_t start_ns);

/* End it, early if need be. Harmless for one that was never started. The changes stay readable... */
void controller_end(struct controller *controller);

/* ...until here. */
void controller_close(struct controller *controller);

#endif
