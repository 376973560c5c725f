/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * partition.h - the set of processors of one engine, and the table of steps by which one arrives.
 */
#ifndef DHPI_PARTITION_H
#define DHPI_PARTITION_H

#include <dhp/partition.h>

#include "backend.h"
#include "notify.h"
#include "rebalance.h"
#include "work.h"

struct dhp_record;

/* Threads that stay where they were pinned. See pins.c. */
struct dhpi_pins {
	struct port_mutex lock;
	struct dhpi_link kept;    /* under lock: of the user's threads; the next to look at is the first */
	uint32_t kept_count;      /* under lock */
	uint32_t next_worker;     /* under serial: index of the next to look at */
	uint64_t generation_seen; /* under serial: of the set at the last look */
};

struct dhpi_partition {
	/* set once */
	const struct dhpi_backend *backend;
	void *state;
	struct dhp_engine *engine;
	dhp_trace_hook *trace;
	void *trace_context;
	uint32_t poll_interval_ms;
	bool last_group; /* DHP_ENGINE_LAST_GROUP */

	struct port_mutex serial;  /* transactions, replays and registrations exclude each other */
	struct dhpi_scan scan;     /* under serial */
	struct dhpi_cpus refused;   /* under serial: failed to arrive; tried again when asked, or when it came anew */
	struct dhpi_cpus postponed; /* under serial: the same for want of something; tried again after a while */
	uint32_t looks_since_retry, looks_before_retry; /* under serial */
	uint32_t looks_since_arrival; /* under serial */
	bool postponed_any;         /* under serial: at this look */
	bool first_look_over;       /* under serial: what comes from now on is announced */
	struct dhp_record *record;  /* written under serial and recording, read under either; NULL: nobody records */
	struct port_mutex recording; /* around a line of the recording */
	dhp_source_hook *source_hook; /* set once: the program's */
	void *source_context;
	struct at_u64 arrivals;    /* statistics; under serial */
	struct at_u64 failures;    /* likewise */
	struct at_u64 rescans;     /* likewise */

	struct dhpi_pins pins;

	struct port_thread control; /* watches the backend */
	struct at_u32 stopping;     /* edge control-stop */
};

/* Opens the backend: from then on its limits are known. */
enum dhp_status dhpi_partition_open(struct dhpi_partition *partition, const struct dhp_engine_options *options);
/* All parts are ready: brings up what is there, and starts to watch. */
enum dhp_status dhpi_partition_start(struct dhpi_partition *partition, struct dhp_engine *engine, bool watch);
/* No processor arrives any more. */
void dhpi_partition_stop(struct dhpi_partition *partition);
void dhpi_partition_close(struct dhpi_partition *partition);

/* Under serial. One arrival, all steps or none. lifecycle.c */
enum dhp_status dhpi_partition_add(struct dhpi_partition *partition, uint32_t cpu);

/* Under serial. Whether this process may use an active processor; what waits for one that it may not goes elsewhere. */
void dhpi_partition_usable(struct dhpi_partition *partition, uint32_t index, bool usable);

/* Under serial. Adds what the backend has gained; the status of the first that failed. */
enum dhp_status dhpi_partition_rescan(struct dhpi_partition *partition, bool retry_refused);

/* Under serial. Looks at the memory. all: at every module, not only when there is a sign of new ones. memory.c */
enum dhp_status dhpi_partition_memory(struct dhpi_partition *partition, bool all);

/* pins.c */
void dhpi_pins_init(struct dhpi_pins *pins);
void dhpi_pins_fini(struct dhpi_pins *pins);
/* Under serial. Pins what has lost its pin; all: whatever there is, and what was refused at once. */
void dhpi_pins_look(struct dhpi_partition *partition, bool all);
/* Under serial. The processor is usable again. true: its worker is pinned to it. */
bool dhpi_pins_return(struct dhpi_partition *partition, uint32_t index);
/* Pins that have not been dropped. */
uint32_t dhpi_pins_count(struct dhpi_pins *pins);
/* The calling thread runs where it did before it was kept, or anywhere. false: refused, or it is not kept. */
bool dhpi_pins_let_run(const struct port_pin *thread);
/* Around the time in which the calling thread has a system affinity: what keeps it on a processor steps back. */
void dhpi_pins_step_back(bool back);

/* thread.c: around a change of the calling thread's affinity by the library. */
void dhpi_thread_affinity_begins(struct dhp_engine *engine);
void dhpi_thread_affinity_ends(struct dhp_engine *engine);

#endif
