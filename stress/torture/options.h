/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the command line of torture.
 */
#ifndef TORTURE_OPTIONS_H
#define TORTURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Programs: what is tortured. Parts of no group act in each of them. */
enum group { GROUP_ARRAYS, GROUP_EPOCHS, GROUP_WORK, GROUP_NOTIFICATION, GROUP_DEVICES, GROUPS };

struct options {
	uint32_t seconds;
	uint64_t seed;
	uint32_t threads;
	uint32_t patience;   /* seconds without any progress: a hang */
	uint32_t processors; /* most of a simulated partition */
	bool simulated;
	uint32_t groups;     /* of parts that act: bits of enum group, or all */
	bool help;           /* it was printed; nothing else is to be done */
};

/* The name of the only group, or "all". */
const char *options_only(const struct options *options);
/* false: a clear error has been written to stderr. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
