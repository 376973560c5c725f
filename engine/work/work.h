/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work.h - queues and workers, as the partition sees them: prepare a processor's queue, bring up its worker, publish.
 */
#ifndef DHPI_WORK_H
#define DHPI_WORK_H

#include <dhp/observe.h>
#include <dhp/work.h>

#include <ck_bitmap.h>

#include "ahead.h"
#include "call.h"
#include "percpu.h"
#include "pin.h"
#include "spin.h"
#include "timers.h"

struct dhpi_queue;

/* Bits of the gate, which every insert reads. */
#define DHPI_GATE_PHASE 1u   /* of flush, see flush.c */
#define DHPI_GATE_CLOSING 2u /* nothing comes in any more */

struct dhpi_work {
	/* set once */
	struct dhpi_set *set;
	struct dhpi_epoch *epoch;
	struct dhpi_space *space;
	struct dhp_percpu *queues;      /* of struct dhpi_queue */
	struct at_ptr *queue_of_index;  /* edge queue-ready; NULL: no such processor */
	ck_bitmap_t *idle;              /* by index; a hint where to find a sleeper: `asleep` of the queue decides */
	size_t idle_bytes;
	bool simulated;
	bool without_workers;
	bool without_threaded; /* threaded DPCs are ordinary ones (S-660) */
	bool watched;          /* the watchdog is on */
	uint32_t spin_ns;
	uint32_t stack_bytes;
	uint64_t run_limit_ns, sequence_limit_ns; /* of the watchdog; 0: none */

	DHPI_OWN_LINES struct at_u32 gate; /* edge gate */
	DHPI_OWN_LINES struct at_u32 idle_count; /* sleepers, edge thief-sleep */
	struct at_u32 searching;           /* 1: a woken thief is on its way; nobody wakes another */
	/* Statistics, of who inserts: he waits for no line of who sleeps. */
	DHPI_OWN_LINES struct at_u64 wakes;
	struct at_u64 deferred_wakes, diverted;
	struct port_mutex flushing;        /* one flush at a time */
	struct dhpi_timers timers;
	struct dhpi_call call;
	struct dhpi_ahead ahead;
};

struct dhpi_work_options {
	bool simulated;
	bool without_workers;
	bool without_threaded;
	uint32_t spin_ns;
	uint32_t stack_bytes;
	uint32_t tick_us;
	uint64_t run_limit_ns, sequence_limit_ns;
	uint32_t ready_ahead;
};

/* Before the first processor. */
enum dhp_status dhpi_work_init(struct dhpi_work *work, struct dhpi_space *space,
			       const struct dhpi_work_options *options);
/* Runs what is queued, stops the workers. From here on routines that insert get DHP_CLOSED. */
void dhpi_work_stop(struct dhpi_work *work);
void dhpi_work_fini(struct dhpi_work *work);

/* Whether a worker could be created and pinned there now. */
enum dhp_status dhpi_work_probe(struct dhpi_work *work, uint32_t cpu);
/* Its slot is constructed: DPCs may be aimed at the processor from now on (S-155). */
void dhpi_work_prepare(struct dhpi_work *work, const struct dhp_processor *processor);
/* What was aimed at it meanwhile goes to another processor (S-654). */
void dhpi_work_unprepare(struct dhpi_work *work, const struct dhp_processor *processor);
/* Creates the worker, or takes one that was made ahead; it waits for the publication. */
enum dhp_status dhpi_work_bring_up(struct dhpi_work *work, const struct dhp_processor *processor);
void dhpi_work_publish(struct dhpi_work *work, const struct dhp_processor *processor);

/* Pins its worker again, if the system has taken the pin away; then, when it was away, it may be told that it is usable. */
enum dhpi_pin_found dhpi_work_pin(struct dhpi_work *work, uint32_t index, bool at_once);
bool dhpi_work_is_away(struct dhpi_work *work, uint32_t index);
/* Whether this process may use the processor; then what waits where it may not goes elsewhere (S-641). */
void dhpi_work_usable(struct dhpi_work *work, uint32_t index, bool usable);
void dhpi_work_leave(struct dhpi_work *work);

/* The processor whose queue an insert without target would choose. Any level. */
uint32_t dhpi_work_index_here(struct dhpi_work *work);
enum dhp_status dhpi_work_stats(struct dhpi_work *work, uint32_t index, struct dhp_processor_stats *out_stats);

#endif
