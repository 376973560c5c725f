/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h - a simulated partition: up to 4096 processors on any machine, with no root and no hardware.
 *
 * Groups may have any size and be unequal, cpu ids may have gaps, arrivals are made by calls or by a script, and every
 * step of an arrival can be told to fail. What happens, and in which order, depends on the calls and the seed only.
 * Each simulated processor has a real worker thread, not pinned.
 */
#ifndef DHP_SIM_H
#define DHP_SIM_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_replay;

/* Zero means the default in every field but the first two; with replay but the first. */
struct dhp_sim_options {
	size_t size;                /* sizeof(struct dhp_sim_options) */
	uint32_t maximum_count;     /* processors there could ever be: 1 to 4096 */
	uint32_t initial_count;     /* active from the start; 1 */
	uint32_t node_count;        /* NUMA nodes, dealt out in blocks; 1 */
	const uint8_t *group_sizes; /* sizes from 1 to 64, repeated until the maximum is reached; full groups of 64 */
	uint32_t group_size_count;
	uint32_t cpu_gap;           /* largest random gap between cpu ids; 0: ids 0, 1, 2 ... */
	uint64_t seed;              /* of gaps and of dhp_sim_script */
	uint64_t memory_module_bytes;  /* of each module there is at the start, all of it free; 1 GiB */
	uint32_t memory_module_count;  /* how many; one for each node */
	/*
	 * What record.h has written comes again, by dhp_replay_step and dhp_replay_run. It says all of the above but size and
	 * seed: those are zero then. The thresholds of the memory conditions are the recorded ones, unless the engine's options
	 * name others. It must outlive the engine. NULL: nothing is played.
	 */
	const struct dhp_replay *replay;
};

/* The steps that can fail; see engine/README.md. */
enum dhp_step {
	DHP_STEP_RESERVE = 0,
	DHP_STEP_PREPARE = 1,
	DHP_STEP_START = 2,
	DHP_STEP_BRING_UP = 3
};

/* One arrival of a script. */
struct dhp_sim_event {
	uint32_t position;           /* which processor: 0 to maximum_count-1 */
	uint32_t delay_us;           /* wait so long before */
	bool fails;                  /* this attempt fails at... */
	enum dhp_step failing_step;  /* ...this step */
};

DHP_BEGIN_DECLS

/*
 * dhp_sim_cpu - the cpu id of the processor at a position (0 to maximum_count-1), as the simulator dealt it out.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  constant
 * Returns   the id; DHP_NO_CPU when the engine is not simulated or has no such position
 */
DHP_API uint32_t dhp_sim_cpu(struct dhp_engine *engine, uint32_t position);

/*
 * dhp_sim_position - the position of the processor that has, or would have, this number.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  constant
 * Returns   the position; DHP_NO_INDEX when the engine is not simulated or has no such number
 */
DHP_API uint32_t dhp_sim_position(struct dhp_engine *engine, struct dhp_number number);

/*
 * dhp_sim_add - this processor arrives now, in the calling thread.
 *
 * Level     passive, not from a Start, Complete or Failure callback (S-196)
 * Blocks    for one arrival
 * Progress  blocking
 * Orders    at the return the processor is active
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_CPU, DHP_ALREADY_THERE, DHP_TOO_MANY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL,
 *           DHP_NOT_SUPPORTED (not simulated); what a registrant or constructor said; DHP_NO_MEMORY, DHP_NO_THREAD,
 *           DHP_INJECTED. On failure everything is as before (S-175).
 */
DHP_API enum dhp_status dhp_sim_add(struct dhp_engine *engine, uint32_t cpu);

/*
 * dhp_sim_fail - the next arrival of this processor fails at that step, once, with that status.
 *
 * Level     passive
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    -
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_CPU, DHP_BAD_STEP, DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_fail(struct dhp_engine *engine, uint32_t cpu, enum dhp_step step,
				     enum dhp_status status);

/*
 * dhp_sim_arrivals_hold - the asynchronous channel waits, or goes on.
 *
 * An arrival may come any time after the threads of its processor have begun to run (S-014); a test chooses the time. Held
 * arrivals keep their order. Who registers with DHP_NOTIFY_EXISTING meanwhile is told of the device at once, and once more
 * afterwards (S-207). The other channels go on.
 *
 * Level     passive, not from a synchronous callback
 * Blocks    for a delivery in progress
 * Progress  blocking
 * Orders    from the return of a hold on nothing is delivered; called in an arrival callback, after that arrival
 * Lifetime  until it is taken back, or the engine ends; dhp_arrival_drain waits as long
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_arrivals_hold(struct dhp_engine *engine, bool hold);

/*
 * dhp_sim_set_usable - an active processor goes offline, or out of the process's affinity; or it comes back.
 *
 * It stays active, and keeps index, slots and worker (S-006): only the usable count, the usable mask and the generation
 * change, and the channel of change.h tells of it. DPCs that wait for it, or are aimed at it meanwhile, run elsewhere
 * (S-641). Nothing happens when it was so before.
 *
 * Level     passive, not from a callback of dhp_notify_register
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    the change is visible at the return
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE; DHP_BAD_CPU (not active); DHP_IN_USE (the last usable one); DHP_NOT_SUPPORTED,
 *           DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_set_usable(struct dhp_engine *engine, uint32_t cpu, bool usable);

/*
 * dhp_sim_script - make a script from the engine's seed: every processor that has not arrived, in random order, with
 * random delays up to delay_limit_us; about one in fail_one_in attempts fails at a random step and is repeated later
 * (0: none fails). The same seed and options give the same script.
 *
 * Level     passive, not from a Start, Complete or Failure callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    nothing
 * Lifetime  events is the caller's
 * Returns   DHP_OK; DHP_TOO_SMALL with the needed length in *out_count; DHP_BAD_ENGINE, DHP_BAD_RESULT,
 *           DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_script(struct dhp_engine *engine, uint32_t delay_limit_us, uint32_t fail_one_in,
				       struct dhp_sim_event *events, uint32_t capacity, uint32_t *out_count);

/*
 * dhp_sim_play - play a script in the calling thread. A failing attempt does not end it.
 *
 * Level     passive, not from a Start, Complete or Failure callback
 * Blocks    for the delays and the arrivals
 * Progress  blocking
 * Orders    as dhp_sim_add, one after another
 * Lifetime  -
 * Returns   DHP_OK, with the number of processors added in *out_added (which may be NULL); DHP_BAD_ENGINE,
 *           DHP_BAD_OPTIONS (a position that does not exist), DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_play(struct dhp_engine *engine, const struct dhp_sim_event *events, uint32_t count,
				     uint32_t *out_added);

/*
 * dhp_sim_enter - from now on the calling thread counts as running on this simulated processor, announced or not.
 *
 * Level     passive
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  until dhp_sim_exit
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_CPU, DHP_NOT_SUPPORTED, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_enter(struct dhp_engine *engine, uint32_t cpu);

/*
 * dhp_sim_exit - the calling thread counts as running on no simulated processor again.
 *
 * Level     passive
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  -
 * Returns   nothing; cannot fail
 */
DHP_API void dhp_sim_exit(void);

/* Most memory modules of a simulation, and most bytes of all of them together. */
#define DHP_SIM_MODULES_LIMIT 1024u
#define DHP_SIM_MEMORY_LIMIT ((uint64_t)1 << 56)

/*
 * dhp_sim_memory_set - from now on the partition has so much memory, and so much of it is free.
 *
 * This is what other programs or a balloon do: the conditions follow at once (memory.h), and no module arrives.
 *
 * Level     passive, not from a synchronous callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    at the return the conditions are those of the new numbers [memory-level]
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_SIZE (no memory at all, too much, or more free than there is),
 *           DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_memory_set(struct dhp_engine *engine, uint64_t total_bytes, uint64_t free_bytes);

/*
 * dhp_sim_memory_add - a module of so many bytes arrives on a node now, all of it free.
 *
 * Who registered for DHP_CLASS_MEMORY hears of it, nobody else (S-018). What is on which node is not asked by anybody yet.
 *
 * Level     passive, not from a synchronous callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    at the return the memory is counted and its arrival queued; delivery comes some time later
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_SIZE, DHP_BAD_NODE, DHP_TOO_MANY, DHP_NO_MEMORY, DHP_NOT_SUPPORTED,
 *           DHP_IN_CALLBACK, DHP_WRONG_LEVEL; the status of dhp_sim_memory_fail. On failure everything is as before
 *           and nobody hears of it (S-236).
 */
DHP_API enum dhp_status dhp_sim_memory_add(struct dhp_engine *engine, uint64_t bytes, uint32_t node);

/*
 * dhp_sim_memory_fail - the next module fails to arrive, once, with that status; DHP_OK takes that back.
 *
 * Level     passive, not from a synchronous callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    -
 * Lifetime  -
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_NOT_SUPPORTED, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sim_memory_fail(struct dhp_engine *engine, enum dhp_status status);

DHP_END_DECLS

#endif
