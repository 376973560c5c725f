/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h - an engine: one partition, its workers and its registrants.
 *
 * Nothing is global: two engines in one process share no variable. An engine runs on a backend, that is where
 * processors come from: the machine (Linux: the CPUs this process may use) or a simulation (sim.h).
 */
#ifndef DHP_ENGINE_H
#define DHP_ENGINE_H

#include <dhp/base.h>
#include <dhp/observe.h>

struct dhp_engine;
struct dhp_sim_options;

enum dhp_engine_flags {
	/* Do not watch for changes; dhp_engine_rescan is then the only way by which a real processor arrives. */
	DHP_ENGINE_NO_WATCH = 1u << 0,
	/* Do not start workers: arrays, epochs and notification only. dhp_dpc_insert gives DHP_NOT_SUPPORTED. */
	DHP_ENGINE_NO_WORKERS = 1u << 1,
	/* Threaded DPCs are ordinary ones, at dispatch level (S-660). */
	DHP_ENGINE_NO_THREADED_DPCS = 1u << 2,
	/* A test setting: who knows of one group only sees the last one instead of group 0 (S-558). */
	DHP_ENGINE_LAST_GROUP = 1u << 3,
	/* A test setting: Complete and Failure of an arrival come in another thread than Start (S-159). */
	DHP_ENGINE_TWO_THREADS = 1u << 4,
	/* A test setting: who vetoes an arrival gets no Failure for it (S-178). */
	DHP_ENGINE_VETOER_EXCLUDED = 1u << 5
};

/* Zero means the default in every field but the first. */
struct dhp_engine_options {
	size_t size;                       /* sizeof(struct dhp_engine_options) */
	uint32_t flags;                    /* enum dhp_engine_flags */
	uint32_t poll_interval_ms;         /* longest time until a change that signals nothing is seen; 100 */
	uint32_t spin_ns;                  /* how long an idle worker looks for work before it sleeps; 10000 */
	uint32_t worker_stack_bytes;       /* 262144 */
	uint32_t group_limit;              /* most processors in a group, 1 to 64 (S-558); 64. Sim: see sim.h */
	int32_t watch_thread;              /* thread id whose affinity counts as the process's; the main thread */
	const char *root;                  /* prefix of every file read under /sys and /proc; "" */
	const struct dhp_sim_options *sim; /* simulate a partition; NULL: the machine */
	dhp_trace_hook *trace;             /* hears of every step of every arrival; NULL: nobody */
	void *trace_context;
	uint32_t tick_us;                  /* longest time a sleeping worker is left asleep over work (S-631); 1000 */
	uint64_t watchdog_run_ns;          /* longest run of one routine (S-671); 0: not watched (S-675) */
	uint64_t watchdog_sequence_ns;     /* longest sum of runs at dispatch level without a rest; 0: not watched */
	/*
	 * Thresholds of the memory conditions (memory.h), in MiB. Low: 4 MiB, above 128 MiB of memory and 1/32 of the
	 * rest, above 1 GiB 32 MiB and 1/128 of the rest, at most 64 MiB; of the memory there is at the start. High: three
	 * times low; one that is below low counts as low (S-316).
	 */
	uint32_t low_memory_mib;
	uint32_t high_memory_mib;
	dhp_source_hook *source_hook;      /* hears of every change of every source of the machine; NULL: nobody */
	void *source_context;
	/*
	 * So many workers are made before their processors arrive, no more than processors can; 0. An arrival is then quicker by
	 * the time that it takes to create a thread. Each costs a thread that sleeps, with its stack (worker_stack_bytes of address
	 * space, of which it has used a few pages), until the engine is destroyed. After an arrival another is made soon. None
	 * without workers.
	 */
	uint32_t ready_ahead;
};

DHP_BEGIN_DECLS

/*
 * dhp_engine_create - bring up a partition with the processors there are now.
 *
 * options may be NULL: the machine, with defaults. The processors that the backend has at this moment go through
 * the same steps as one that arrives later.
 *
 * Level     passive
 * Blocks    until every worker is created
 * Progress  blocking
 * Orders    everything the engine has done happens before the return
 * Lifetime  the options and what they point to may go after the return, but for the two contexts
 * Returns   DHP_OK; DHP_BAD_OPTIONS, DHP_BAD_FLAGS, DHP_BAD_RESULT, DHP_BAD_GROUPS, DHP_BAD_CPU, DHP_BAD_PATH;
 *           DHP_NO_MEMORY, DHP_NO_THREAD, DHP_NO_AFFINITY, DHP_NO_PROCESSOR, DHP_CANNOT_READ, DHP_TOO_MANY;
 *           DHP_WRONG_LEVEL. On failure nothing remains.
 */
DHP_API enum dhp_status dhp_engine_create(const struct dhp_engine_options *options, struct dhp_engine **out_engine);

/*
 * dhp_engine_destroy - run what is queued, stop the workers, release everything.
 *
 * Everything queued before the call runs. From the call on a DPC routine that inserts gets DHP_CLOSED and keeps its
 * object, so that nothing is dropped silently. Registrations, arrays, counters, readers and a recording would point
 * into the engine: the call refuses with DHP_IN_USE until they are gone. NULL is accepted.
 *
 * Level     passive, not from a notification or reclaim callback
 * Blocks    until every queued DPC has run to its end
 * Progress  blocking
 * Orders    every routine and callback happens before the return
 * Lifetime  no other thread may use the engine from the call on
 * Returns   DHP_OK, DHP_IN_USE, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_engine_destroy(struct dhp_engine *engine);

/*
 * dhp_engine_rescan - look for changes now instead of at the next event or poll.
 *
 * Processors that the backend has gained are added before the return, by the calling thread. One that was refused
 * earlier is tried again, and so is a source of change that was lost.
 *
 * Level     passive, not from a Start, Complete or Failure callback (S-196)
 * Blocks    for the length of the arrivals
 * Progress  blocking
 * Orders    an arrival seen by this call is complete at the return
 * Lifetime  -
 * Returns   DHP_OK, also when nothing changed; the status of the first arrival that failed; DHP_CANNOT_READ: which processors
 *           may be used cannot be read, and what is known of it holds on; DHP_BAD_ENGINE, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_engine_rescan(struct dhp_engine *engine);

DHP_END_DECLS

#endif
