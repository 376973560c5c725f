/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * meminfo.c - how much memory there is, from lines such as "MemTotal:       24684084 kB".
 *
 * Available is what the kernel estimates it could give without swapping; where it is older than that estimate, what is free.
 * A line counts only with its end: a text that was cut off in the middle of a number is not believed.
 */
#include <string.h>

#include "linux.h"

static const char unit[] = " kB";

/* The number before the unit and the end of the line; false: it is not of this form, or too large in bytes. */
static bool parse_bytes(const char *at, const char *end, uint64_t *out_bytes)
{
	uint64_t kib = 0;
	const char *digits;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	digits = at;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (kib > (UINT64_MAX >> 10) / 10 - 1)
			return false;
		kib = kib * 10 + (uint64_t)(*at - '0');
	}
	if (at == digits || (size_t)(end - at) != sizeof(unit) - 1 || memcmp(at, unit, sizeof(unit) - 1) != 0)
		return false;
	*out_bytes = kib << 10;
	return true;
}

/* The first line of that name decides. */
static bool find(const char *text, size_t length, const char *name, uint64_t *out_bytes)
{
	size_t name_length = strlen(name);
	const char *end;

	for (; (end = memchr(text, '\n', length)) != NULL; text = end + 1) {
		if ((size_t)(end - text) > name_length && memcmp(text, name, name_length) == 0)
			return parse_bytes(text + name_length, end, out_bytes);
		length -= (size_t)(end - text) + 1;
	}
	return false;
}

bool dhpi_meminfo_parse(const char *text, size_t length, struct dhpi_memory *out_memory)
{
	uint64_t total, available;

	if (!find(text, length, "MemTotal:", &total) || total == 0)
		return false;
	if (!find(text, length, "MemAvailable:", &available) && !find(text, length, "MemFree:", &available))
		return false;
	out_memory->total_bytes = total;
	out_memory->available_bytes = available < total ? available : total;
	return true;
}
