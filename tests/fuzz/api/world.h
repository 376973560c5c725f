/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - what the parts of the API fuzzer share: the program that is being read, the engine, the model, and a table of
 * operations for each part of the API.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "../fuzz.h"
#include "../model.h"

#include <dhp.h>

/* How the engine was built: at 2 and above misuse that a check names ends the process, so it is left out. */
#ifndef DHP_CHECKS
#define DHP_CHECKS 1
#endif
#define MISUSE_HAS_A_STATUS (DHP_CHECKS < 2)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One position more than there may be processors. */
#define POSITIONS (MODEL_PROCESSORS + 1)

struct world {
	const uint8_t *at, *end; /* the program */
	struct dhp_engine *engine;
	struct model model;
	uint64_t generation; /* the last that was seen */
	uint64_t changes;    /* of the model, then */
	bool in_section;     /* the thread of the program has a section open */
};

extern struct world world;

/* What there is still to read, then zeros. */
static inline uint32_t take(void)
{
	return world.at < world.end ? *world.at++ : 0;
}

static inline uint32_t take_below(uint32_t limit)
{
	return take() % limit;
}

/* The call says exactly that. */
#define SAYS(call, expected) check_says((call), (expected), #call, __FILE__, __LINE__)
void check_says(enum dhp_status actual, enum dhp_status expected, const char *call, const char *file, int line);

static inline bool has_workers(void)
{
	return (world.model.flags & DHP_ENGINE_NO_WORKERS) == 0;
}

/* ---- the parts ---- */

struct operation {
	const char *name;
	void (*run)(void);
	bool waits; /* for routines: nobody may keep a worker */
};

struct part {
	const struct operation *operations;
	uint32_t count;
	void (*begin)(void); /* after the engine has come; may be NULL */
	void (*check)(void); /* between two operations */
	bool (*holds_engine)(void); /* something of it keeps the engine from being destroyed */
	void (*end)(void);   /* everything is given back */
};

extern const struct part processors_part, work_part, timers_part, notify_part, arrays_part, blocks_part, protect_part, hold_part,
	memory_part, devices_part, misuse_part, lanes_part;

/* ---- what one part asks of another ---- */

uint32_t cpu_of(uint32_t position);
/* processors.c: one arrival, predicted and compared; the active processors of a group, or the usable ones. */
void arrive(uint32_t position);
uint64_t mask_of_group(uint32_t group, bool usable);
/* feed_set.c: the processors of each group that a feed may have now, of ONE_CLOSE one of them; gives their number. */
uint32_t feed_set(const struct dhp_feed_options *options, uint64_t masks[MODEL_PROCESSORS]);
/* affinity.c, queries.c: operations on processors. */
void affinity_confine(void);
void affinity_confine_by_mask(void);
void affinity_confine_to_groups(void);
void queries_begin(void);
void queries_nodes(void);
void queries_maxima(void);
void queries_stats(void);
void queries_sources(void);
/* arrays.c: what the constructors say to the next index; notify.c: what the registrants say. */
enum dhp_status arrays_would_say(uint32_t index);
enum dhp_status registrants_would_say(uint32_t index);
/* protect.c: no section is open any more. */
void protect_leave(void);
/* A processor has come: the others note it. */
void notify_arrived(void);
void work_newcomer(void);
/* work.c: one more DPC for this index, which may be about to come. */
void work_aim(uint32_t index);
void notify_module_arrived(void);
/* work.c: no routine is kept from running; then, nothing is queued and nothing runs. */
void work_release(void);
void work_settle(void);
/* hold.c: the program has paused everything. */
bool hold_is_paused(void);
/* neighbour.c: a second client, with a program of its own. */
void neighbour_begin(const uint8_t *program, size_t size);
void neighbour_end(void);
/* misuse.c: each of these calls is refused with that status. */
void refuse_in_callback(void);
void refuse_in_routine(void);

#endif
