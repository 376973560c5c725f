/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h - a recording as the simulator plays it. See replay.c; docs/record-format.md has the lines.
 */
#ifndef DHPI_REPLAY_H
#define DHPI_REPLAY_H

#include <dhp/record.h>

#include "sim.h"
#include "text.h"

/* Checked as a whole by dhp_replay_open, then constant. */
struct dhp_replay {
	size_t begin; /* where the first line stands that is no part of the start */
	size_t end;   /* after the last act: what follows has no effect, and is not kept */
	char text[];
};

/* Where a line may stand, and what it is. */
enum dhpi_line_kind {
	DHPI_LINE_START, /* before `begin` */
	DHPI_LINE_BEGIN,
	DHPI_LINE_FACT,  /* on either side of it */
	DHPI_LINE_NEWS,  /* after it */
	DHPI_LINE_ACT,   /* after it, and the facts before it have their effect */
	DHPI_LINE_END,
	DHPI_LINE_SAID   /* of another source than the engine: for people */
};

struct dhpi_line {
	uint64_t time_ns;
	enum dhpi_line_kind kind;
	/* Puts what the line says into the simulation. NULL, or what is wrong. */
	const char *(*take)(struct dhpi_sim *sim, struct dhpi_reader *value);
	struct dhpi_reader value;
};

/* One line, without its end. NULL, or what is wrong. replay_line.c */
const char *dhpi_line_parse(struct dhpi_reader text, struct dhpi_line *out_line);
/* And what it says. */
const char *dhpi_line_take(struct dhpi_sim *sim, const struct dhpi_line *line);

/* The key of an engine's line. false: there is none of this name. replay_keys.c */
bool dhpi_line_find(const struct dhpi_reader *key, struct dhpi_line *line);

/* A simulation with all that a recording needs, and nothing in it. NULL: no memory. sim.c */
struct dhpi_sim *dhpi_sim_alloc(uint32_t units_limit, uint32_t modules_room);
void dhpi_sim_free(struct dhpi_sim *sim);
/* The start of a recording. */
void dhpi_replay_begin(struct dhpi_sim *sim, const struct dhp_replay *replay);

#endif
