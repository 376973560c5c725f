/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_line.c - one line of a recording: a time, a source, a key, and what the key says, to the end of the line.
 *
 * The lines of the source "engine" are what the engine was told and are played; those of all others are what the sources
 * said, and are checked for their form only, since each platform has its own.
 */
#include "replay.h"

#define WORD_BYTES 32u

static bool is_word(const struct dhpi_reader *word)
{
	if ((size_t)(word->end - word->at) > WORD_BYTES)
		return false;
	for (const char *at = word->at; at < word->end; at++)
		if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') && *at != '-' && *at != '_' && *at != '.')
			return false;
	return true;
}

static bool is_text(const struct dhpi_reader *value)
{
	for (const char *at = value->at; at < value->end; at++)
		if (*at < ' ' || *at > '~')
			return false;
	return value->at < value->end;
}

const char *dhpi_line_parse(struct dhpi_reader text, struct dhpi_line *out_line)
{
	struct dhpi_reader source, key;

	if (!dhpi_read_number(&text, UINT64_MAX, &out_line->time_ns) || !dhpi_read_char(&text, ' '))
		return "a line begins with a time in nanoseconds and a space";
	if (!dhpi_read_word(&text, &source) || !is_word(&source) || !dhpi_read_char(&text, ' '))
		return "after the time stand a source and a space";
	if (!dhpi_read_word(&text, &key) || !is_word(&key) || !dhpi_read_char(&text, ' '))
		return "after the source stand a key and a space";
	if (!is_text(&text))
		return "after the key stands printable text";
	out_line->value = text;
	out_line->kind = DHPI_LINE_SAID;
	out_line->take = NULL;
	if (dhpi_reads_as(&source, "engine") && !dhpi_line_find(&key, out_line))
		return "a key that is not known: perhaps a later version wrote it";
	return NULL;
}

const char *dhpi_line_take(struct dhpi_sim *sim, const struct dhpi_line *line)
{
	struct dhpi_reader value = line->value;
	const char *wrong;

	if (line->take == NULL)
		return NULL;
	wrong = line->take(sim, &value);
	if (wrong == NULL && value.at != value.end)
		return "there is more than the key asks for";
	return wrong;
}
