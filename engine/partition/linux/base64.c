/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base64.c - bytes written as text, four letters for three of them.
 *
 * Only the one form that an encoder writes is taken: complete groups, padding at the end, and no bits that mean nothing.
 */
#include "linux.h"

#define NO_DIGIT 64u

static uint32_t digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : NO_DIGIT;
}

/* `count` letters, 2 to 4, are one byte less. */
static bool decode_group(const char *text, uint32_t count, char *out)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t next = i < count ? digit(text[i]) : 0;

		if (next == NO_DIGIT)
			return false;
		bits = bits << 6 | next;
	}
	if ((bits & ((1u << 8 * (4 - count)) - 1)) != 0)
		return false;
	for (uint32_t i = 0; i + 1 < count; i++)
		out[i] = (char)(bits >> (16 - 8 * i) & 255);
	return true;
}

bool dhpi_base64_parse(const char *text, size_t length, char *out, size_t capacity, size_t *out_length)
{
	size_t at = 0, made = 0;

	if (length % 4 != 0 || length / 4 * 3 > capacity)
		return false;
	for (; at < length; at += 4) {
		bool last = at + 4 == length;
		uint32_t count = last && text[at + 3] == '=' ? (text[at + 2] == '=' ? 2 : 3) : 4;

		if (!decode_group(text + at, count, out + made))
			return false;
		made += count - 1;
	}
	*out_length = made;
	return true;
}
