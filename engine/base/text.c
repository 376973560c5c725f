/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - numbers and words to text and back.
 *
 * A reader never looks beyond its end and a writer never writes there, so that neither needs a final zero; a number is
 * compared with its limit before each digit, so that an absurd one costs nothing and cannot wrap.
 */
#include "text.h"

#define LOWEST_STATUS_WITH_A_NAME (-1024)

void dhpi_text_char(struct dhpi_text *text, char c)
{
	if (text->at < text->end)
		*text->at++ = c;
}

void dhpi_text_string(struct dhpi_text *text, const char *string)
{
	for (; *string != '\0'; string++)
		dhpi_text_char(text, *string);
}

void dhpi_text_number(struct dhpi_text *text, uint64_t number)
{
	char digits[20];
	uint32_t count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (count > 0)
		dhpi_text_char(text, digits[--count]);
}

struct dhpi_reader dhpi_reader_of(const char *string)
{
	struct dhpi_reader reader = { .at = string, .end = string };

	while (*reader.end != '\0')
		reader.end++;
	return reader;
}

bool dhpi_read_char(struct dhpi_reader *reader, char c)
{
	if (reader->at == reader->end || *reader->at != c)
		return false;
	reader->at++;
	return true;
}

bool dhpi_read_number(struct dhpi_reader *reader, uint64_t most, uint64_t *out_number)
{
	const char *at = reader->at;
	uint64_t number = 0;

	for (; at < reader->end && *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (number > most / 10 || digit > most - number * 10)
			return false;
		number = number * 10 + digit;
	}
	if (at == reader->at)
		return false;
	reader->at = at;
	*out_number = number;
	return true;
}

bool dhpi_read_word(struct dhpi_reader *reader, struct dhpi_reader *out_word)
{
	const char *at = reader->at;

	while (at < reader->end && *at != ' ')
		at++;
	if (at == reader->at)
		return false;
	*out_word = (struct dhpi_reader){ .at = reader->at, .end = at };
	reader->at = at;
	return true;
}

bool dhpi_reads_as(const struct dhpi_reader *reader, const char *string)
{
	const char *at = reader->at;

	for (; at < reader->end; at++, string++)
		if (*string == '\0' || *at != *string)
			return false;
	return *string == '\0';
}

static bool read_status_number(struct dhpi_reader *reader, enum dhp_status *out_status)
{
	bool negative = dhpi_read_char(reader, '-');
	uint64_t number;

	if (!dhpi_read_number(reader, INT32_MAX, &number))
		return false;
	*out_status = (enum dhp_status)(negative ? -(int32_t)number : (int32_t)number);
	return true;
}

bool dhpi_read_status(struct dhpi_reader *reader, enum dhp_status *out_status)
{
	struct dhpi_reader rest = *reader, word;

	if (!dhpi_read_word(&rest, &word))
		return false;
	for (int status = 0; status > LOWEST_STATUS_WITH_A_NAME; status--) {
		if (dhpi_reads_as(&word, dhp_status_name((enum dhp_status)status)) && !dhpi_reads_as(&word, "DHP_?")) {
			*out_status = (enum dhp_status)status;
			*reader = rest;
			return true;
		}
	}
	if (!read_status_number(&word, out_status) || word.at != word.end)
		return false;
	*reader = rest;
	return true;
}
