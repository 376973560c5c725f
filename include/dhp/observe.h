/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * observe.h - what the engine did: one counter for each decision, one trace event for each step, one line for each
 * source of change.
 */
#ifndef DHP_OBSERVE_H
#define DHP_OBSERVE_H

#include <dhp/base.h>

struct dhp_engine;
struct dhp_notify;

enum dhp_trace_kind {
	DHP_TRACE_ENTER = 0, /* a step begins */
	DHP_TRACE_LEAVE = 1, /* it has ended, with its status */
	DHP_TRACE_UNDO = 2   /* it has been undone */
};

/* Valid during the call. */
struct dhp_trace_event {
	uint64_t time_ns; /* monotonic clock */
	enum dhp_trace_kind kind;
	uint32_t cpu;
	uint32_t index;
	/*
	 * "reserve", "prepare", "start", "bring-up", "publish", "complete", "announce". Or "pin", which is left without being
	 * entered: a worker, or a thread of dhp_pin_keep, was pinned again (DHP_OK), could not be (DHP_NO_AFFINITY, told
	 * once), or has ended without dhp_pin_drop (DHP_ENDED).
	 */
	const char *step;
	enum dhp_status status;
};

/* Level: passive, in the thread that performs the add or the look; one call at a time. It may not call into the engine. */
typedef void dhp_trace_hook(void *context, const struct dhp_trace_event *event);

/* Of one processor, since it arrived. Each is exact once the processor is idle. */
struct dhp_processor_stats {
	uint64_t run_count;      /* routines that ran here, also those that empty lanes (lanes.h) */
	uint64_t stolen_count;   /* of those, taken over from other processors */
	uint64_t steal_count;    /* times this processor took over work */
	uint64_t refill_count;   /* times it fetched a batch from its own inbox */
	uint64_t park_count;     /* times it went to sleep */
	uint64_t removed_count;  /* taken off its queue by dhp_dpc_remove */
	uint64_t first_run_ns;   /* monotonic time of the first routine; 0: none yet */
	uint64_t long_run_count; /* routines longer than the watchdog allows (S-671); this and the next two: if it is on */
	uint64_t long_sequence_count; /* sequences of routines longer than it allows */
	uint64_t longest_run_ns;
	uint64_t pin_restored_count; /* times its worker was found unpinned and pinned again */
	uint64_t pin_refused_count;  /* times the system refused that; it is tried again after 1, 2, 4 ... looks */
};

/* Of the whole engine. */
struct dhp_engine_stats {
	uint64_t arrivals_count;
	uint64_t arrivals_failed_count;
	uint64_t wakes_count;          /* system calls made to wake a sleeping worker */
	uint64_t rescans_count;        /* looks at the sources */
	uint64_t uevents_count;        /* messages from the kernel about processors and memory */
	uint64_t uevents_refused_count; /* malformed, or not sent by the kernel */
	uint64_t grace_periods_count;  /* that have begun */
	uint64_t reclaimed_count;
	uint64_t callbacks_count;      /* calls of synchronous callbacks */
	uint64_t longest_callback_ns;  /* the slowest of them (S-197) */
	uint64_t deferred_wakes_count; /* inserts that left a sleeping worker asleep for a while (S-625) */
	uint64_t timer_expiries_count;
	uint64_t timer_lost_count;     /* expiries whose DPC was still queued, and periods that went by unseen (S-683) */
	uint64_t diverted_count;       /* DPCs that went elsewhere because their processor was not usable (S-641) */
	uint64_t ready_count;          /* workers that wait for a processor to arrive (engine.h, ready_ahead) */
	uint64_t ready_used_count;     /* arrivals whose worker was there already */
};

/* Of one registration of dhp_notify_register (S-197). */
struct dhp_notify_stats {
	uint64_t calls_count;
	uint64_t total_ns;   /* of all calls that have returned */
	uint64_t longest_ns; /* of them */
};

/* A source of change, for `dhp info`. */
struct dhp_source {
	const char *name;         /* "uevent", "affinity", "sysfs" ...; "script" in a simulation */
	bool works;               /* it is in use here */
	const char *detail;       /* what it sees, or why it is not in use */
	const char *blind;        /* what it cannot see */
	const char *root;         /* what it could see in addition as root; "nothing" */
	uint64_t changes_count;   /* that were found */
	uint64_t malformed_count; /* messages and texts that were not believed */
};

/* Valid during the call, with its texts. */
typedef void dhp_source_visit(const struct dhp_source *source, void *context);

enum dhp_source_event_kind {
	DHP_SOURCE_CHANGE = 0,  /* key and value: what is so now, or what happened */
	DHP_SOURCE_OPENED = 1,  /* the source is in use */
	DHP_SOURCE_ABSENT = 2,  /* at the start: it cannot be used here; the value says why */
	DHP_SOURCE_DROPPED = 3  /* it has failed or disappeared, and is left alone until dhp_engine_rescan; likewise */
};

/* Valid during the call, with its texts. */
struct dhp_source_event {
	uint64_t time_ns; /* monotonic clock */
	enum dhp_source_event_kind kind;
	const char *source; /* its name */
	const char *key;    /* such as "online"; unique among the facts of all sources */
	const char *value;  /* such as "0-3" */
};

/*
 * Hears every change of every source, those of the start included. Level: passive, in the thread that looks or waits, under
 * the sources' lock: one call at a time, in order. It may not call into the engine.
 */
typedef void dhp_source_hook(void *context, const struct dhp_source_event *event);

DHP_BEGIN_DECLS

/*
 * dhp_processor_stats_read, dhp_engine_stats_read - read the counters.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing: statistics only
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_INDEX, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_processor_stats_read(struct dhp_engine *engine, uint32_t index,
					    struct dhp_processor_stats *out_stats);
DHP_API enum dhp_status dhp_engine_stats_read(struct dhp_engine *engine, struct dhp_engine_stats *out_stats);

/*
 * dhp_notify_stats_read - read how long a registration's callback took.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing: statistics only
 * Lifetime  a copy; the registration must not end meanwhile
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_notify_stats_read(const struct dhp_notify *registration, struct dhp_notify_stats *out_stats);

/*
 * dhp_sources - name every source of change, whether it works here, and what it has seen.
 *
 * Level     passive
 * Blocks    while a source is looked at, and as long as visit
 * Progress  blocking
 * Orders    nothing
 * Lifetime  row and texts are valid during the visit
 * Returns   DHP_OK, DHP_BAD_ENGINE, DHP_BAD_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_sources(struct dhp_engine *engine, dhp_source_visit *visit, void *context);

DHP_END_DECLS

#endif
