/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * player.h - a recording that is played: the file, the engine made from it, and the pace.
 */
#ifndef TOOL_PLAYER_H
#define TOOL_PLAYER_H

#include "options.h"

#include <dhp.h>

struct player {
	const char *name;  /* --replay; NULL: nothing is played */
	const char *speed; /* --speed; NULL: as it was recorded */
	struct dhp_replay *replay; /* the rest belongs to player.c */
	double factor;     /* 0: as fast as possible */
	bool by_hand;      /* a step for each line of the standard input */
	uint64_t started_ns;
};

/* Add --replay and --speed to a command. */
void player_options(struct player *player, struct command *command);

/* Check the speed, read the file and make the engine; TOOL_FINE, or the error has been said. */
int player_open(struct player *player, uint32_t flags, struct dhp_engine **out_engine);

/* Wait until the next change is due; false: there is none, or somebody asks to stop. */
bool player_wait(struct player *player, struct dhp_engine *engine, uint64_t *out_time_ns);

/* It happens, and all of it has been told at the return: first by the synchronous channel. */
void player_step(struct dhp_engine *engine);

/* After the engine. */
void player_close(struct player *player);

#endif
