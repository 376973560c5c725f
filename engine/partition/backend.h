/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backend.h - where processors come from. A backend knows what there is; it does not know what an arrival does.
 */
#ifndef DHPI_BACKEND_H
#define DHPI_BACKEND_H

#include <dhp/engine.h>
#include <dhp/sim.h>

#include "cpus.h"

/* What there could ever be: constant. */
struct dhpi_limits {
	uint32_t maximum;
	uint32_t groups_maximum;
	uint32_t cpu_limit; /* one more than the largest cpu id */
	uint64_t low_bytes, high_bytes; /* thresholds of the memory conditions in a recording; 0: the engine's own */
};

/* What there is now. */
struct dhpi_scan {
	struct dhpi_cpus usable; /* online, and this process may run there */
	bool usable_unknown;     /* `usable` says nothing: what was known holds on */
	uint32_t present_count;
	uint32_t online_count; /* of those present */
	uint32_t quota;        /* processors' worth of time; 0: no limit */
	uint32_t limit; /* no id at or above it is in `usable` */
	bool more;      /* of the first processors some are left for another look, at once */
};

/* How many messages of the kernel about processors came, and how many were refused. */
struct dhpi_source_counts {
	uint64_t uevents;
	uint64_t refused;
};

/* Of the whole machine. */
struct dhpi_memory {
	uint64_t total_bytes;     /* 0: the backend does not say */
	uint64_t available_bytes; /* not above the total */
};

/* false: ask again, there was no memory for it. */
typedef bool dhpi_module_visit(void *context, uint32_t id);

struct dhpi_backend {
	const char *name;
	bool early; /* a cpu may be seen as usable a moment before a thread can be pinned to it; that is tried then, before Start */

	/* Level of all: passive. The state is the backend's own; NULL on failure. */
	enum dhp_status (*open)(const struct dhp_engine_options *options, void **out_state);
	void (*close)(void *state);
	void (*limits)(void *state, struct dhpi_limits *out_limits);
	/* all: also at what is looked at seldom, and what could not be read before. Not DHP_OK: *out_scan may be as it was. */
	enum dhp_status (*scan)(void *state, bool all, struct dhpi_scan *out_scan);

	/* Fills all but the index. DHP_BAD_CPU: there is no such processor. */
	enum dhp_status (*describe)(void *state, uint32_t cpu, struct dhp_processor *out_processor);

	/* A failure that was asked for at this step of this processor's arrival; taken once. */
	enum dhp_status (*fault)(void *state, uint32_t cpu, enum dhp_step step);

	/* Waits for a sign of change, or so long at most, or until interrupt. NULL: nothing ever changes by itself. */
	void (*wait)(void *state, uint32_t limit_ms);
	void (*interrupt)(void *state);

	/* Around a change of the calling thread's affinity by the library. NULL: it is nothing to the backend. */
	void (*affinity_begins)(void *state);
	void (*affinity_ends)(void *state, bool confined);

	void (*sources)(void *state, dhp_source_visit *visit, void *context);
	/* Tells the hook all that the sources have said so far. NULL: they never say anything. */
	void (*retell)(void *state, dhp_source_hook *hook, void *context);
	void (*counts)(void *state, struct dhpi_source_counts *out_counts);

	void (*memory)(void *state, bool all, struct dhpi_memory *out_memory);
	/*
	 * Visits the memory modules in service; those that were taken already may be left out. Not `all`: only if there is
	 * a sign of new ones since the last time.
	 */
	void (*modules)(void *state, bool all, dhpi_module_visit *visit, void *context);
	/* Most processors that this group, which exists, could have. */
	uint32_t (*group_size)(void *state, uint32_t group);
};

extern const struct dhpi_backend dhpi_backend_sim;
extern const struct dhpi_backend dhpi_backend_machine;

#endif
