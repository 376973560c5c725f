/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h - one source of what is known about the machine, behind one interface.
 *
 * Problem   a dozen places say what the machine has. Some give a sign when it changes, most do not; each can be missing,
 *           unreadable, malformed or gone.
 * Idea      a source is a small table of functions over what all of them share: the facts. It is looked at when it is its
 *           turn, when any source gives a sign, and when somebody asks; what it finds it says by dhpi_learn_..., and nothing
 *           else. So a change of whatever kind passes one place (sources.c), where it is stored, counted and told.
 *
 * I1        a look that fails has changed no fact.
 * I2        a source that is gone is told once and left alone until somebody asks (dhp_engine_rescan); the facts stay.
 * I3        all below `lock` in struct dhpi_sources, and every function of a source, is under it; the counters are not.
 */
#ifndef DHPI_SOURCE_H
#define DHPI_SOURCE_H

#include "linux.h"

#define DHPI_SOURCES_LIMIT 16u
#define DHPI_SCRATCH_BYTES 65536u

/* ---- facts: what is known now ---- */

struct dhpi_source;

struct dhpi_known_cpus {
	bool known;
	const struct dhpi_source *by; /* who found it */
	struct dhpi_cpulist list;
	struct dhpi_cpus cpus;
};

enum dhpi_set_fact { DHPI_POSSIBLE, DHPI_PRESENT, DHPI_ONLINE, DHPI_AFFINITY, DHPI_CPUSET, DHPI_SET_FACTS };

enum dhpi_number_fact {
	DHPI_QUOTA,           /* processors' worth of time; 0: no limit */
	DHPI_TOTAL_BYTES,     /* of the machine */
	DHPI_AVAILABLE_BYTES, /* likewise */
	DHPI_LIMIT_BYTES,     /* of the control groups we are in; 0: no limit */
	DHPI_ROOM_BYTES,      /* what is left of that */
	DHPI_NUMBER_FACTS
};

struct dhpi_facts {
	struct dhpi_known_cpus sets[DHPI_SET_FACTS];
	struct {
		bool known;
		const struct dhpi_source *by;
		uint64_t value;
	} numbers[DHPI_NUMBER_FACTS];
};

/* ---- control groups: groups.c ---- */

enum dhpi_controller { DHPI_CONTROLLER_CPUSET, DHPI_CONTROLLER_CPU, DHPI_CONTROLLER_MEMORY, DHPI_CONTROLLERS };

struct dhpi_groups {
	bool known;
	size_t length;
	char text[4096]; /* of /proc/self/cgroup, for which the rest is true */
	enum dhpi_look looks[DHPI_CONTROLLERS];
	struct dhpi_cgroup found[DHPI_CONTROLLERS]; /* where that look is FINE */
};

/* ---- a source ---- */

/* Who wants to know: the backend's scan, memory or modules. */
enum dhpi_aspect { DHPI_OF_PROCESSORS, DHPI_OF_MEMORY, DHPI_OF_MODULES };

#define DHPI_EVERY_LOOK 1u
#define DHPI_SELDOM 10u /* at the default interval of the poll this is a second */

struct dhpi_source_ops {
	const char *name;
	const char *sees;  /* while it is in use */
	const char *blind; /* what it cannot see */
	const char *root;  /* what root adds; NULL: nothing */
	enum dhpi_aspect aspect;
	uint32_t every; /* so many looks of the aspect, without a sign */
	size_t state_bytes;

	/* NULL: in use from now on. Otherwise why it cannot be used here, and nothing is left to close. */
	const char *(*open)(struct dhpi_source *source);
	void (*close)(struct dhpi_source *source);  /* but for `file`; NULL: nothing to do */
	/* GONE: it is dropped; `why` may say more. NULL: it gives signs only. */
	enum dhpi_look (*look)(struct dhpi_source *source);
	/* Its file is ready. Takes away what made it so; *out_sign: look at everything. NULL: there is no file. */
	enum dhpi_look (*ready)(struct dhpi_source *source, short revents, bool *out_sign);
	/* More about what it sees. NULL: `sees` is all. */
	void (*describe)(struct dhpi_source *source, char *text, size_t capacity);
};

struct dhpi_source {
	const struct dhpi_source_ops *ops;
	struct dhpi_sources *all;
	void *state;     /* state_bytes, zeroed before the first open, otherwise the source's; costs only what is touched */
	int file;        /* to be polled; -1: none. Set by open, closed with the source */
	short events;    /* that wake it */
	uint64_t file_id;
	bool in_use;
	bool fresh;      /* opened, or not, and not looked at yet */
	enum dhpi_look last; /* how the last look went */
	const char *why; /* not in use: the reason; constant text */
	uint32_t looks;  /* since the last one */
	bool due;        /* a sign came */
	struct at_u64 changes, malformed; /* statistics */
};

struct dhpi_sources {
	/* set once */
	char root[DHPI_ROOT_BYTES];
	int32_t thread; /* whose affinity counts */
	dhp_source_hook *hook;
	void *hook_context;
	int interrupt; /* an eventfd */
	uint64_t interrupt_id;

	struct port_mutex lock;
	struct dhpi_facts facts;
	struct dhpi_groups groups;
	struct dhpi_known_cpus found;     /* a source's scratch, for dhpi_learn_set */
	char scratch[DHPI_SCRATCH_BYTES]; /* likewise: the text of a file */
	char *value;                      /* text of a set, for the hook */
	uint32_t count;
	struct dhpi_source list[DHPI_SOURCES_LIMIT];
};

/* ---- for a source: what it has found ---- */

/* `found` of the source's collection, which may be changed. Nothing happens if it is known already. */
void dhpi_learn_set(struct dhpi_source *source, enum dhpi_set_fact fact);
void dhpi_learn_number(struct dhpi_source *source, enum dhpi_number_fact fact, uint64_t value);
/* What happened, and is no lasting fact. */
void dhpi_learn_event(struct dhpi_source *source, const char *key, const char *value);
/* A message, a text that is not believed. */
void dhpi_source_refuse(struct dhpi_source *source);

/* For an `open` that is a first look: NULL, or why not. */
const char *dhpi_source_first_look(struct dhpi_source *source, const char *if_malformed);

/* Where our group of that controller is now, in `groups`. anew: the mounts may have changed. */
enum dhpi_look dhpi_groups_find(struct dhpi_source *source, enum dhpi_controller controller, bool anew);
/* To the group above; false: that is not visible. */
bool dhpi_group_up(struct dhpi_cgroup *group);
bool dhpi_group_has(const struct dhpi_source *source, const struct dhpi_cgroup *group, const char *name);
/* The text of a group's file, in the scratch. */
enum dhpi_look dhpi_group_text(struct dhpi_source *source, const struct dhpi_cgroup *group, const char *name,
			       size_t *out_length);

/* ---- for the backend ---- */

/* Opens those that can be used here. The collection is zeroed but for root, thread and hook. false: the system refuses. */
bool dhpi_sources_open(struct dhpi_sources *sources, const struct dhpi_source_ops *const *table, uint32_t count);
/* Also one that was not opened. */
void dhpi_sources_close(struct dhpi_sources *sources);
/* Waits for a sign, or so long at most, or until interrupted. A burst of signs is one. */
void dhpi_sources_wait(struct dhpi_sources *sources, uint32_t limit_ms);
void dhpi_sources_interrupt(struct dhpi_sources *sources);
/* Under lock. Looks at those of the aspect whose turn it is; all: at all, those that are not in use too. */
void dhpi_sources_look(struct dhpi_sources *sources, enum dhpi_aspect aspect, bool all);
/* Tells the hook what is in use, and every fact, as if it had just been found. Takes the lock. */
void dhpi_sources_retell(struct dhpi_sources *sources, dhp_source_hook *hook, void *context);
/* Visits without the lock. */
void dhpi_sources_visit(struct dhpi_sources *sources, dhp_source_visit *visit, void *context);

/* ---- the sources ---- */

extern const struct dhpi_source_ops dhpi_source_uevent;
extern const struct dhpi_source_ops dhpi_source_affinity;
extern const struct dhpi_source_ops dhpi_source_sysfs;
extern const struct dhpi_source_ops dhpi_source_cpuset;
extern const struct dhpi_source_ops dhpi_source_quota;
extern const struct dhpi_source_ops dhpi_source_topology;
extern const struct dhpi_source_ops dhpi_source_meminfo;
extern const struct dhpi_source_ops dhpi_source_limit;
extern const struct dhpi_source_ops dhpi_source_pressure;
extern const struct dhpi_source_ops dhpi_source_blocks;

/* source_affinity.c: around a change of the calling thread's affinity by the library. */
void dhpi_affinity_begins(struct dhpi_source *source);
void dhpi_affinity_ends(struct dhpi_source *source, bool confined);

/* source_topology.c: of the processor with that cpu id; unknown while the source is not in use. */
void dhpi_topology_read(struct dhpi_source *source, struct dhp_processor *processor);

/* source_blocks.c: its turn comes when there is another total; visits what is in service and was not taken before. */
void dhpi_blocks_hint(struct dhpi_source *source);
void dhpi_blocks_visit(struct dhpi_source *source, dhpi_module_visit *visit, void *context);

#endif
