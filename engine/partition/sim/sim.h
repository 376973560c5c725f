/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h - the simulated partition's own state, shared by its files.
 */
#ifndef DHPI_SIM_H
#define DHPI_SIM_H

#include "record.h"

/* One processor that could be there. */
struct dhpi_sim_unit {
	uint32_t cpu;
	struct dhp_number number;
	uint32_t node, package, core, thread;
	uint32_t group_size;     /* of its group, when full */
	bool plugged;            /* the platform has it */
	bool unusable;           /* it has, but it is offline or the process may not run there */
	enum dhp_step fault_at;  /* the next arrival fails at this step ... */
	enum dhp_status fault;   /* ... with this status; DHP_OK: it does not */
};

/* What a recording says was done. */
enum dhpi_act_kind {
	DHPI_ACT_LOOK,
	DHPI_ACT_ADD,  /* dhp_sim_add */
	DHPI_ACT_AWAY, /* dhp_sim_set_usable */
	DHPI_ACT_BACK
};

struct dhpi_act {
	enum dhpi_act_kind kind;
	enum dhpi_cause cause; /* of a look */
	uint32_t cpu;          /* of the others */
	uint64_t idle_looks;   /* that found nothing came before it */
};

struct dhp_replay;

struct dhpi_sim {
	uint32_t units_limit;
	uint32_t count;
	uint32_t maximum; /* processors there could ever be; below the count in a recording of a machine with gaps */
	uint32_t plugged_count, online_count;
	uint32_t quota; /* of a recording; 0: no limit */
	uint32_t groups;
	uint64_t random;
	struct dhpi_sim_unit *units; /* by position, so by ascending cpu id */
	uint32_t nodes;

	/* under the partition's serial; sim_memory.c */
	struct dhpi_memory memory;
	uint32_t *modules;       /* ids, in the order in which they came */
	uint32_t modules_room, modules_count;
	uint32_t modules_limit;  /* one more than the largest id */
	enum dhp_status memory_fault; /* of the next module; DHP_OK: it does not fail */

	/* likewise; replay.c */
	const struct dhp_replay *replay; /* NULL: no recording is played */
	size_t at;                       /* where its next line stands */
	bool begun;                      /* its start has been taken in */
	uint32_t *start;                 /* cpu ids of those who are active at the start, in the order of their indices */
	uint32_t start_count, started;   /* how many; those the first looks have shown */
	uint64_t low_bytes, high_bytes;  /* thresholds of the memory conditions; 0: the engine's own */
	enum dhp_status scan_status;     /* of the next looks */
	struct dhpi_act act;             /* the last line that was one */
};

/* The modules of the start. */
enum dhp_status dhpi_sim_memory_open(struct dhpi_sim *sim, const struct dhp_sim_options *options);
void dhpi_sim_memory(void *state, bool all, struct dhpi_memory *out_memory);
void dhpi_sim_modules(void *state, bool all, dhpi_module_visit *visit, void *context);
/* false: there are too many. */
bool dhpi_sim_module_add(struct dhpi_sim *sim, uint32_t id);

/* Under serial: what dhp_sim_add and dhp_sim_set_usable do. sim_api.c */
enum dhp_status dhpi_sim_plug(struct dhp_engine *engine, struct dhpi_sim *sim, uint32_t cpu);
enum dhp_status dhpi_sim_set_usable(struct dhp_engine *engine, struct dhpi_sim_unit *unit, bool usable);
/* The first looks of an engine that is made from a recording: false when all has been shown. replay.c */
bool dhpi_replay_scan(struct dhpi_sim *sim, struct dhpi_scan *out_scan);

/* NULL: no such processor. */
struct dhpi_sim_unit *dhpi_sim_unit(struct dhpi_sim *sim, uint32_t cpu);
/* The simulator of an engine; NULL when it runs on something else. */
struct dhpi_sim *dhpi_sim_of(struct dhp_engine *engine);

#endif
