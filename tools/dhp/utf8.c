/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * utf8.c - recognise one UTF-8 character.
 *
 * Long forms, surrogates and what lies above U+10FFFF are refused: a strict parser of our output would refuse them.
 */
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>

static size_t utf8_announced(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/* The second byte of these leads has a narrower range. */
static bool utf8_second_fits(uint8_t lead, uint8_t second)
{
	switch (lead) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second < 0xa0;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second < 0x90;
	default:
		return true;
	}
}

size_t utf8_length(const char *text)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t length = utf8_announced(bytes[0]);
	size_t at;

	for (at = 1; at < length; at++)
		if ((bytes[at] & 0xc0) != 0x80)
			return 0;
	return length > 1 && !utf8_second_fits(bytes[0], bytes[1]) ? 0 : length;
}
