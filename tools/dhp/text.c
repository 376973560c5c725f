/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c - numbers as people like to read them: three digits that matter, and the unit that fits.
 */
#include "text.h"
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text text_count(uint64_t count)
{
	struct text text = {{0}};
	char digits[24];
	size_t length, in, out = 0;

	snprintf(digits, sizeof(digits), "%" PRIu64, count);
	length = strlen(digits);
	for (in = 0; in < length; in++) {
		if (in && (length - in) % 3 == 0)
			text.s[out++] = ',';
		text.s[out++] = digits[in];
	}
	return text;
}

/* Three digits: 3.42, 34.2, 342. */
static struct text text_scaled(double value, const char *unit)
{
	struct text text;
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(text.s, sizeof(text.s), "%.*f %s", decimals, value, unit);
	return text;
}

struct text text_duration(uint64_t ns)
{
	if (ns < NS_PER_US)
		return text_scaled((double)ns, "ns");
	if (ns < NS_PER_MS)
		return text_scaled((double)ns / NS_PER_US, "us");
	if (ns < NS_PER_S)
		return text_scaled((double)ns / NS_PER_MS, "ms");
	return text_scaled((double)ns / NS_PER_S, "s");
}

struct text text_bytes(double bytes)
{
	if (bytes < 1e3)
		return text_scaled(bytes, "B");
	if (bytes < 1e6)
		return text_scaled(bytes / 1e3, "kB");
	if (bytes < 1e9)
		return text_scaled(bytes / 1e6, "MB");
	return text_scaled(bytes / 1e9, "GB");
}

struct text text_ratio(double ratio)
{
	struct text text = {"-"};

	if (ratio > 0)
		snprintf(text.s, sizeof(text.s), "%.2f", ratio);
	return text;
}

struct text text_or_dash(uint32_t number)
{
	struct text text = {"-"};

	if (number != UINT32_MAX)
		snprintf(text.s, sizeof(text.s), "%" PRIu32, number);
	return text;
}
