/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_said.c - what the sources of the backend say, for people who read a recording; it is not played again.
 *
 * It may come from a thread that waits for the sources, under their lock and without serial. Texts come from the system and
 * from who can write there: what would be no line, or tells of more than processors and memory, is replaced.
 */
#include "record_write.h"

#define WORD_BYTES 32u

static bool is_in(char c, const char *characters)
{
	while (*characters != '\0' && *characters != c)
		characters++;
	return *characters != '\0';
}

static void put_word(struct dhpi_record_line *line, const char *word)
{
	for (uint32_t i = 0; i < WORD_BYTES && word[i] != '\0'; i++)
		dhpi_text_char(&line->text, is_in(word[i], "abcdefghijklmnopqrstuvwxyz0123456789-_.") ? word[i] : '-');
	dhpi_text_char(&line->text, ' ');
}

/* A path tells more of a machine than a bug report needs; what is no text would end the line. */
static void put_value(struct dhpi_record_line *line, const char *value)
{
	if (value == NULL || *value == '\0')
		value = "-";
	for (; *value != '\0'; value++)
		dhpi_text_char(&line->text, *value >= ' ' && *value <= '~' && *value != '/' ? *value : '?');
}

/* Changes at every look, and what counts of it stands in the lines with the memory. */
static bool is_restless(const char *key)
{
	const struct dhpi_reader reader = dhpi_reader_of(key);

	return dhpi_reads_as(&reader, "available") || dhpi_reads_as(&reader, "room");
}

/* Under recording. */
static void write_said(struct dhp_record *record, const struct dhp_source_event *event)
{
	struct dhpi_record_line line;

	dhpi_record_stamp(record, &line);
	put_word(&line, event->source);
	put_word(&line, event->key);
	put_value(&line, event->value);
	dhpi_record_send_line(record, &line);
}

void dhpi_record_said(struct dhpi_partition *partition, const struct dhp_source_event *event)
{
	if (is_restless(event->key))
		return;
	port_mutex_lock(&partition->recording);
	if (partition->record != NULL)
		write_said(partition->record, event);
	port_mutex_unlock(&partition->recording);
}

void dhpi_record_retold(void *context, const struct dhp_source_event *event)
{
	struct dhp_record *record = context;

	port_mutex_lock(&record->partition->recording);
	write_said(record, event);
	port_mutex_unlock(&record->partition->recording);
}
