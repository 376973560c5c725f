/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set.h - the set of processors: a table that only grows, and counts and masks that are read together. See set.c.
 */
#ifndef DHPI_SET_H
#define DHPI_SET_H

#include <dhp/partition.h>

#include "port.h"

#define DHPI_CPU_IDS 65536u /* every value of a 16-bit cpu id; the highest two are never announced */
#define DHPI_GROUP_SIZE 64u
#define DHPI_ROW_WORDS (sizeof(struct dhp_processor) / sizeof(uint32_t))

/* One of two copies. Words are atomic because a reader may look while the writer changes this copy. */
struct dhpi_image {
	struct at_u64 generation;
	struct at_u32 present;
	struct at_u32 active;
	struct at_u32 usable;
	struct at_u32 groups_active;
	struct at_u32 online;
	struct at_u32 quota;
	struct at_u64 *active_masks; /* by group */
	struct at_u64 *usable_masks;
};

/* What the platform may know only after the arrival; each is one more than the number, 0: not known. */
struct dhpi_wiring {
	struct at_u32 package, core, thread;
};

struct dhpi_set {
	/* set once */
	uint32_t maximum;
	uint32_t groups_maximum;
	uint32_t cpu_limit; /* one more than the largest cpu id there can be */

	/* Written by the holder of the partition's lock. Only rows below `active` are read, and those never change. */
	struct dhp_processor *table;
	struct dhpi_wiring *wiring;     /* by index: what was unknown in the row */
	struct at_u32 *index_of_cpu;    /* index + 1; 0: none */
	struct at_u32 *index_of_number; /* by group * 64 + number; index + 1; 0: none */
	struct at_u8 *announced;        /* by cpu id; edge slot-publish */
	struct at_u32 active;           /* edge set-publish */
	struct at_u32 straight;         /* the first so many rows have a cpu id that is their index; stored before `active` */

	/* The processor being added: its row word by word, and the attempt (1, 2 ...) that it belongs to; 0: none. */
	struct at_u64 offered;
	struct at_u32 offer[DHPI_ROW_WORDS];
	uint64_t attempts; /* the writer's */

	struct at_u64 sequence; /* edge set-image */
	struct dhpi_image images[2];
};

/* The caller has checked maximum, groups and cpu_limit against the limits of dhp/base.h. */
enum dhp_status dhpi_set_init(struct dhpi_set *set, uint32_t maximum, uint32_t groups_maximum, uint32_t cpu_limit);
void dhpi_set_fini(struct dhpi_set *set);

/* The processor being added: its row and mappings are valid from now on (S-154), counts and masks are as before. */
void dhpi_set_offer(struct dhpi_set *set, const struct dhp_processor *processor);
void dhpi_set_withdraw(struct dhpi_set *set);
/* It is counted, and the generation grows. Then whoever runs there finds its slots. */
void dhpi_set_publish(struct dhpi_set *set, bool usable);
void dhpi_set_announce(struct dhpi_set *set, uint32_t cpu);

/* These may change at any time; the generation grows if they do. */
void dhpi_set_platform(struct dhpi_set *set, uint32_t present, uint32_t online, uint32_t quota);
void dhpi_set_usable(struct dhpi_set *set, uint32_t index, bool usable);

/* How an active processor is wired is known now: what was unknown in its row becomes that. */
void dhpi_set_wired(struct dhpi_set *set, const struct dhp_processor *processor);

/* The row of an active processor; NULL for any other. */
const struct dhp_processor *dhpi_set_row(const struct dhpi_set *set, uint32_t index);
/* A copy of the row of an active processor or of the one being added; false: neither. */
bool dhpi_set_read(const struct dhpi_set *set, uint32_t index, struct dhp_processor *out_processor);
/* A transaction is open. For the holder of the partition's lock. */
bool dhpi_set_offering(const struct dhpi_set *set);
static inline uint32_t dhpi_set_active(const struct dhpi_set *set)
{
	return at_load_acquire_u32(&set->active); /* [set-publish] acquire */
}

/* How many of the first `active` rows are known to have a cpu id that is their index. */
static inline uint32_t dhpi_set_straight(const struct dhpi_set *set, uint32_t active)
{
	uint32_t straight = at_load_relaxed_u32(&set->straight); /* relaxed: [set-publish] ordered what is below active */

	return straight < active ? straight : active;
}

uint32_t dhpi_set_index_of_cpu(const struct dhpi_set *set, uint32_t cpu);
uint32_t dhpi_set_index_of_number(const struct dhpi_set *set, struct dhp_number number);
void dhpi_set_counts(const struct dhpi_set *set, struct dhp_counts *out_counts);
enum dhp_status dhpi_set_snapshot(const struct dhpi_set *set, struct dhp_snapshot *snapshot);
uint64_t dhpi_set_active_mask(const struct dhpi_set *set, uint32_t group);
uint64_t dhpi_set_usable_mask(const struct dhpi_set *set, uint32_t group);

#endif
