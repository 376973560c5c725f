/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture.h - all that can be asked about a set of processors, taken at once, to be compared with another such picture.
 */
#ifndef TESTS_PICTURE_H
#define TESTS_PICTURE_H

#include "support.h"

#define PICTURE_ROWS 320u
#define PICTURE_CPUS 2048u
#define PICTURE_GROUPS 96u

struct picture {
	struct dhp_counts counts;
	uint64_t active_masks[PICTURE_GROUPS];
	uint64_t usable_masks[PICTURE_GROUPS];
	struct dhp_processor rows[PICTURE_ROWS]; /* zeros where there is none */
	enum dhp_status row_statuses[PICTURE_ROWS];
	uint32_t index_of_cpu[PICTURE_CPUS];
	uint32_t index_of_number[PICTURE_GROUPS][64];
};

/* Assert. Nothing may change meanwhile. */
void picture_take(struct dhp_engine *engine, struct picture *picture);
void assert_same_picture(const struct picture *a, const struct picture *b);

/* Asserts that everything the engine says about its processors agrees with the rest. */
void assert_consistent(struct dhp_engine *engine);

#endif
