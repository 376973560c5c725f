/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - numbers and words to text and back, without the C library and without memory of their own. See text.c.
 */
#ifndef DHPI_TEXT_H
#define DHPI_TEXT_H

#include "base.h"

/* Where the next character goes. What does not fit is left out. */
struct dhpi_text {
	char *at;
	char *end;
};

void dhpi_text_char(struct dhpi_text *text, char c);
void dhpi_text_string(struct dhpi_text *text, const char *string);
void dhpi_text_number(struct dhpi_text *text, uint64_t number);

/* What is still to be read. The functions below take what they accept off its front, and nothing when they give false. */
struct dhpi_reader {
	const char *at;
	const char *end;
};

struct dhpi_reader dhpi_reader_of(const char *string);

bool dhpi_read_char(struct dhpi_reader *reader, char c);
/* Decimal digits only; not above most. */
bool dhpi_read_number(struct dhpi_reader *reader, uint64_t most, uint64_t *out_number);
/* What stands before the next space or the end: at least one character. */
bool dhpi_read_word(struct dhpi_reader *reader, struct dhpi_reader *out_word);
/* Is all that is left this string? */
bool dhpi_reads_as(const struct dhpi_reader *reader, const char *string);

/* The status of that name, or of that number. */
bool dhpi_read_status(struct dhpi_reader *reader, enum dhp_status *out_status);

#endif
