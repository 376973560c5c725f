/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the command line of torture.
 */
#ifndef TORTURE_OPTIONS_H
#define TORTURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	uint32_t seconds;
	uint64_t seed;
	uint32_t threads;
	uint32_t processors; /* most of a simulated partition */
	bool simulated;
	bool shrink;         /* processors leave and come back */
	bool help;           /* it was printed; nothing else is to be done */
};

/* false: a clear error has been written to stderr. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
