/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h - the simulated partition's own state, shared by its files.
 */
#ifndef DHPI_SIM_H
#define DHPI_SIM_H

#include "partition.h"

/* One processor that could be there. */
struct dhpi_sim_unit {
	uint32_t cpu;
	struct dhp_number number;
	uint32_t node;
	uint32_t group_size;     /* of its group, when full */
	bool plugged;            /* the platform has it */
	bool unusable;           /* it has, but it is offline or the process may not run there */
	enum dhp_step fault_at;  /* the next arrival fails at this step ... */
	enum dhp_status fault;   /* ... with this status; DHP_OK: it does not */
};

struct dhpi_sim {
	uint32_t count;
	uint32_t plugged_count;
	uint32_t groups;
	uint64_t random;
	struct dhpi_sim_unit *units; /* by position, so by ascending cpu id */
	uint32_t nodes;

	/* under the partition's serial; sim_memory.c */
	struct dhpi_memory memory;
	uint32_t modules;               /* with the ids 0 to modules-1 */
	enum dhp_status memory_fault; /* of the next module; DHP_OK: it does not fail */
};

/* The modules of the start. */
enum dhp_status dhpi_sim_memory_open(struct dhpi_sim *sim, const struct dhp_sim_options *options);
void dhpi_sim_memory(void *state, bool all, struct dhpi_memory *out_memory);
void dhpi_sim_modules(void *state, bool all, dhpi_module_visit *visit, void *context);

/* NULL: no such processor. */
struct dhpi_sim_unit *dhpi_sim_unit(struct dhpi_sim *sim, uint32_t cpu);
/* The simulator of an engine; NULL when it runs on something else. */
struct dhpi_sim *dhpi_sim_of(struct dhp_engine *engine);

#endif
