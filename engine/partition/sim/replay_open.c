/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_open.c - checks a recording by taking all of it into a simulation that nobody uses.
 *
 * What a killed recorder leaves behind is accepted: a last line without its end, and facts without an act. Both are left
 * out, for they have had no effect. A start that is not complete is worth nothing.
 */
#include "replay.h"

struct check {
	struct dhpi_sim *sim;
	struct dhpi_reader rest;
	const char *text;
	uint32_t line; /* the last one read, from 1 */
	uint64_t time_ns;
	bool ended;
	size_t begin, end;
};

/* false: there is no further line that is complete. */
static bool next_line(struct check *check, struct dhpi_reader *out_line)
{
	const char *at = check->rest.at;

	while (at < check->rest.end && *at != '\n')
		at++;
	if (at == check->rest.end)
		return false;
	*out_line = (struct dhpi_reader){ .at = check->rest.at, .end = at };
	check->rest.at = at + 1;
	check->line++;
	return true;
}

static const char *check_header(struct check *check)
{
	struct dhpi_reader line, word;

	if (!next_line(check, &line))
		return "this is no recording: there is no line";
	if (dhpi_reads_as(&line, "dhp-record 1"))
		return NULL;
	if (dhpi_read_word(&line, &word) && dhpi_reads_as(&word, "dhp-record"))
		return "a later version wrote this recording: this one knows dhp-record 1";
	return "this is no recording: its first line is not dhp-record 1";
}

static const char *check_place(const struct check *check, const struct dhpi_line *line)
{
	bool begun = check->sim->begun;

	if (check->ended)
		return "there is a line after the end";
	if (line->time_ns < check->time_ns)
		return "time goes back";
	switch (line->kind) {
	case DHPI_LINE_START:
	case DHPI_LINE_BEGIN:
		return begun ? "the start is over" : NULL;
	case DHPI_LINE_NEWS:
	case DHPI_LINE_ACT:
	case DHPI_LINE_END:
		return begun ? NULL : "the start is not over";
	case DHPI_LINE_FACT:
	case DHPI_LINE_SAID:
		break;
	}
	return NULL;
}

static const char *check_line(struct check *check, struct dhpi_reader text)
{
	struct dhpi_line line = { .take = NULL };
	const char *wrong = dhpi_line_parse(text, &line);

	if (wrong == NULL)
		wrong = check_place(check, &line);
	if (wrong == NULL)
		wrong = dhpi_line_take(check->sim, &line);
	if (wrong != NULL)
		return wrong;
	check->time_ns = line.time_ns;
	check->ended = line.kind == DHPI_LINE_END;
	if (line.kind == DHPI_LINE_BEGIN)
		check->begin = check->end = (size_t)(check->rest.at - check->text);
	if (line.kind == DHPI_LINE_ACT)
		check->end = (size_t)(check->rest.at - check->text);
	return NULL;
}

/* NULL, or what is wrong with the line. */
static const char *check_all(struct check *check)
{
	const char *wrong = check_header(check);
	struct dhpi_reader line;

	while (wrong == NULL && next_line(check, &line))
		wrong = check_line(check, line);
	if (wrong == NULL && !check->sim->begun)
		return "the recording breaks off before its start is complete";
	return wrong;
}

/* What a reader should know of a recording that can be played. */
static const char *remark(struct check *check)
{
	if (check->rest.at != check->rest.end) {
		check->line++;
		return "the last line is not complete and left out: the program that wrote it was killed, or its disk was full";
	}
	if (!check->ended)
		return "there is no line for the end: the program that wrote it was killed, or its disk was full";
	check->line = 0;
	return NULL;
}

static struct dhp_replay *copy(const struct check *check)
{
	struct dhp_replay *replay = port_alloc(sizeof(*replay) + check->end);

	if (replay == NULL)
		return NULL;
	replay->begin = check->begin;
	replay->end = check->end;
	for (size_t at = 0; at < check->end; at++)
		replay->text[at] = check->text[at];
	return replay;
}

static enum dhp_status read_checked(struct check *check, struct dhp_replay **out_replay, struct dhp_replay_note *note)
{
	struct dhp_replay *replay;

	note->text = check_all(check);
	note->line = check->line;
	if (note->text != NULL)
		return DHP_BAD_RECORD;
	replay = copy(check);
	if (replay == NULL)
		return DHP_NO_MEMORY;
	note->text = remark(check);
	note->line = check->line;
	*out_replay = replay;
	return DHP_OK;
}

enum dhp_status dhp_replay_open(const char *text, size_t length, struct dhp_replay **out_replay,
				struct dhp_replay_note *out_note)
{
	struct dhp_replay_note note = { .line = 0 };
	struct check check = { .text = text, .rest = { .at = text } };
	enum dhp_status status;

	if (out_note != NULL)
		*out_note = note;
	if (out_replay == NULL)
		return DHP_BAD_RESULT;
	if (text == NULL)
		return DHP_BAD_RECORD;
	check.rest.end = text + length;
	DHPI_REQUIRE_PASSIVE();
	check.sim = dhpi_sim_alloc(DHP_CPU_LIMIT, DHPI_MODULES_LIMIT);
	if (check.sim == NULL)
		return DHP_NO_MEMORY;
	status = read_checked(&check, out_replay, &note);
	dhpi_sim_free(check.sim);
	if (out_note != NULL)
		*out_note = note;
	return status;
}

enum dhp_status dhp_replay_close(struct dhp_replay *replay)
{
	if (replay == NULL)
		return DHP_OK;
	DHPI_REQUIRE_PASSIVE();
	port_free(replay, sizeof(*replay) + replay->end);
	return DHP_OK;
}
