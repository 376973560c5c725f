/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backend.h - the options that say where processors come from, and the engine made from them.
 */
#ifndef TOOL_BACKEND_H
#define TOOL_BACKEND_H

#include "options.h"

#include <dhp.h>

struct backend {
	uint32_t simulated; /* --backend: 0 linux, 1 sim */
	uint32_t processors; /* 0: not given */
	uint32_t nodes;
	uint32_t cpu_gap;
	uint32_t poll_ms; /* 0: the library's default */
	uint64_t seed;
	const char *groups;
	const char *root;            /* of the files of the machine; NULL: / */
	dhp_source_hook *source_hook; /* not an option: who hears of the sources; NULL: nobody */
	void *source_context;
};

/* Add --backend, --processors and so on to a command. */
void backend_options(struct backend *backend, struct command *command);

/* Check what was given; a simulation without --processors has `processors` of them. Says what is wrong. */
int backend_check(struct backend *backend, uint32_t processors);

/*
 * Make the engine: `initial` simulated processors active at the start, or all when it is 0. Returns TOOL_FINE, or
 * says what is wrong and returns the status to end with.
 */
int backend_create(const struct backend *backend, uint32_t flags, uint32_t initial, struct dhp_engine **out_engine);

const char *backend_name(const struct backend *backend);

#endif
