/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * player.c - read a recording, and let its changes happen when they are due.
 *
 * The asynchronous channel is held while a step runs: so what is told has one order, and the output of two replays is the
 * same, whatever their speed.
 */
#include "player.h"
#include "clock.h"
#include "say.h"
#include "stop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAYER_PIECE 65536u
#define PLAYER_LIMIT (256u << 20) /* what never ends, such as a device, must not take all memory */

void player_options(struct player *player, struct command *command)
{
	command_option(command, &(struct option){.name = "replay", .argument = "FILE", .kind = OPTION_TEXT,
						 .into.text = &player->name,
						 .help = "play what `dhp record FILE` has written, in a simulation"});
	command_option(command, &(struct option){.name = "speed", .argument = "X|max|step", .kind = OPTION_TEXT,
						 .into.text = &player->speed,
						 .help = "replay: X times as fast, without waiting, or a change for\n"
							 "each line of the standard input; 1"});
}

static int player_parse_speed(struct player *player)
{
	char *end;

	player->factor = 1;
	if (!player->speed)
		return TOOL_FINE;
	player->factor = 0;
	player->by_hand = strcmp(player->speed, "step") == 0;
	if (player->by_hand || strcmp(player->speed, "max") == 0)
		return TOOL_FINE;
	errno = 0;
	player->factor = strtod(player->speed, &end);
	if (end != player->speed && !*end && !errno && player->factor >= 1e-3 && player->factor <= 1e6)
		return TOOL_FINE;
	return say_usage("--speed %s: not a number from 0.001 to 1000000, max or step", player->speed);
}

/* All of a file; NULL with errno set. */
static char *player_read(const char *name, size_t *out_length)
{
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
	char *text = NULL;
	size_t piece = PLAYER_PIECE, got = piece;

	*out_length = 0;
	while (file && got == piece) {
		char *more;

		piece = got = *out_length > 0 ? *out_length : PLAYER_PIECE; /* twice as much each time */
		more = *out_length < PLAYER_LIMIT ? realloc(text, *out_length + piece) : NULL;
		if (!more) {
			errno = *out_length < PLAYER_LIMIT ? ENOMEM : EFBIG;
			break;
		}
		text = more;
		errno = 0;
		got = fread(text + *out_length, 1, piece, file);
		*out_length += got;
	}
	if (file && got < piece && !ferror(file)) {
		if (file != stdin)
			fclose(file);
		return text;
	}
	if (file && file != stdin) {
		int error = errno;

		fclose(file);
		errno = error;
	}
	free(text);
	return NULL;
}

static int player_load(struct player *player)
{
	struct dhp_replay_note note;
	enum dhp_status status;
	size_t length;
	char *text;

	stop_let_through();
	text = player_read(player->name, &length);
	stop_hold_back();
	if (!text)
		return say_unusable("cannot read %s: %s", player->name, strerror(errno));
	status = dhp_replay_open(text, length, &player->replay, &note);
	free(text);
	if (status == DHP_BAD_RECORD)
		return say_unusable("%s: line %u: %s", player->name, (unsigned)note.line, note.text);
	if (dhp_failed(status))
		return say_status("cannot play the recording", status);
	if (note.text)
		fprintf(stderr, "dhp: note: %s: line %u: %s\n", player->name, (unsigned)note.line, note.text);
	return TOOL_FINE;
}

int player_open(struct player *player, uint32_t flags, struct dhp_engine **out_engine)
{
	struct dhp_sim_options sim = {.size = sizeof(sim)};
	struct dhp_engine_options options = {.size = sizeof(options), .flags = flags, .sim = &sim};
	int result = player_parse_speed(player);
	enum dhp_status status;

	if (result == TOOL_FINE && player->by_hand && strcmp(player->name, "-") == 0)
		result = say_usage("--speed step reads the standard input, and so would --replay -");
	if (result == TOOL_FINE)
		result = player_load(player);
	if (result != TOOL_FINE)
		return result;
	sim.replay = player->replay;
	status = dhp_engine_create(&options, out_engine);
	player->started_ns = clock_now_ns();
	if (!dhp_failed(status))
		return TOOL_FINE;
	player_close(player);
	return say_status("cannot bring up the recorded partition", status);
}

/* Also at the end of the input: then nobody can ask for more. */
static bool player_wait_line(void)
{
	int c;

	stop_let_through();
	do
		c = getchar();
	while (c != '\n' && c != EOF);
	stop_hold_back();
	return c == '\n';
}

bool player_wait(struct player *player, struct dhp_engine *engine, uint64_t *out_time_ns)
{
	if (dhp_replay_next(engine, out_time_ns) != DHP_OK)
		return false;
	if (player->by_hand)
		return player_wait_line();
	if (player->factor > 0)
		return !stop_wait_until(player->started_ns + (uint64_t)((double)*out_time_ns / player->factor));
	return !stop_wait_until(0);
}

void player_step(struct dhp_engine *engine)
{
	dhp_sim_arrivals_hold(engine, true);
	dhp_replay_step(engine);
	dhp_sim_arrivals_hold(engine, false);
	dhp_arrival_drain(engine);
}

void player_close(struct player *player)
{
	dhp_replay_close(player->replay);
	player->replay = NULL;
}
