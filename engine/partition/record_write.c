/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record_write.c - the lines of a recording: a time, a source, a key and what follows.
 *
 * I1        a line is put together and sent under `recording`, which is taken inside serial and inside the lock of the sources:
 *           so times never go back, whoever writes.
 * I2        a line has room for its end, whatever is put into it: what does not fit is left out.
 * I3        after a write that failed none is tried.
 */
#include "record_write.h"

#define LIST_BYTES 160u /* of a line; what is longer goes on in the next */

void dhpi_record_send(struct dhp_record *record, const char *bytes, size_t length)
{
	if (!record->failed) /* I3 */
		record->failed = !record->write(record->context, bytes, length);
}

void dhpi_record_stamp(const struct dhp_record *record, struct dhpi_record_line *line)
{
	line->text = (struct dhpi_text){ .at = line->bytes, .end = line->bytes + DHPI_RECORD_LINE_BYTES - 1 }; /* I2 */
	dhpi_text_number(&line->text, port_now_ns() - record->started_ns);
	dhpi_text_char(&line->text, ' ');
}

void dhpi_record_send_line(struct dhp_record *record, struct dhpi_record_line *line)
{
	*line->text.at++ = '\n'; /* I2 */
	dhpi_record_send(record, line->bytes, (size_t)(line->text.at - line->bytes));
}

void dhpi_record_line_begin(const struct dhp_record *record, struct dhpi_record_line *line, const char *key)
{
	port_mutex_lock(&record->partition->recording);
	dhpi_record_stamp(record, line);
	dhpi_text_string(&line->text, "engine ");
	dhpi_text_string(&line->text, key);
}

void dhpi_record_line_end(struct dhp_record *record, struct dhpi_record_line *line)
{
	dhpi_record_send_line(record, line);
	port_mutex_unlock(&record->partition->recording);
	record->any = true;
}

void dhpi_record_put(struct dhpi_record_line *line, uint64_t number)
{
	dhpi_text_char(&line->text, ' ');
	dhpi_text_number(&line->text, number);
}

void dhpi_record_put_known(struct dhpi_record_line *line, uint32_t number)
{
	if (number != DHP_UNKNOWN)
		dhpi_record_put(line, number);
	else
		dhpi_text_string(&line->text, " -");
}

void dhpi_record_put_string(struct dhpi_record_line *line, const char *string)
{
	dhpi_text_char(&line->text, ' ');
	dhpi_text_string(&line->text, string);
}

void dhpi_record_put_status(struct dhpi_record_line *line, enum dhp_status status)
{
	if (dhp_status_name(status)[4] != '?') {
		dhpi_record_put_string(line, dhp_status_name(status));
		return;
	}
	dhpi_text_string(&line->text, (int)status < 0 ? " -" : " ");
	dhpi_text_number(&line->text, (uint64_t)((int64_t)status < 0 ? -(int64_t)status : (int64_t)status));
}

void dhpi_record_numbers(struct dhp_record *record, const char *key, const uint64_t *numbers, uint32_t count)
{
	struct dhpi_record_line line;

	dhpi_record_line_begin(record, &line, key);
	for (uint32_t i = 0; i < count; i++)
		dhpi_record_put(&line, numbers[i]);
	dhpi_record_line_end(record, &line);
}

void dhpi_record_number(struct dhp_record *record, const char *key, uint64_t number)
{
	dhpi_record_numbers(record, key, &number, 1);
}

/* ---- lists ---- */

static void write_run(struct dhpi_record_list *list)
{
	if (list->line.text.at[-1] != ' ')
		dhpi_text_char(&list->line.text, ',');
	dhpi_text_number(&list->line.text, list->first);
	if (list->first == list->last)
		return;
	dhpi_text_char(&list->line.text, '-');
	dhpi_text_number(&list->line.text, list->last);
}

void dhpi_record_list_end(struct dhpi_record_list *list)
{
	if (!list->open)
		return;
	write_run(list);
	dhpi_record_line_end(list->record, &list->line);
	list->open = false;
}

void dhpi_record_list_add(struct dhpi_record_list *list, uint32_t number)
{
	if (list->open && number == list->last + 1) {
		list->last = number;
		return;
	}
	if (list->open && list->line.text.at - list->line.bytes > (long)LIST_BYTES)
		dhpi_record_list_end(list);
	if (list->open) {
		write_run(list);
	} else {
		dhpi_record_line_begin(list->record, &list->line, list->key);
		dhpi_text_char(&list->line.text, ' ');
		list->open = true;
	}
	list->first = list->last = number;
}

struct dhpi_record_list dhpi_record_list(struct dhp_record *record, const char *key)
{
	return (struct dhpi_record_list){ .record = record, .key = key };
}
