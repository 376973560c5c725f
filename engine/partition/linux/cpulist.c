/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpulist.c - the kernel's way to write a set of processors: "0-3,8,10-11".
 *
 * The text may come from anywhere (a fake tree, a broken file system): every range is checked before it is walked, so that
 * an absurd number costs nothing.
 */
#include "linux.h"

struct cursor {
	const char *at;
	const char *end;
};

static bool read_number(struct cursor *cursor, uint32_t *out_number)
{
	const char *first = cursor->at;
	uint32_t number = 0;

	while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
		number = number * 10 + (uint32_t)(*cursor->at - '0');
		if (number >= DHP_CPU_LIMIT)
			return false;
		cursor->at++;
	}
	*out_number = number;
	return cursor->at != first;
}

static bool skip(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool read_range(struct cursor *cursor, struct dhpi_cpus *cpus, struct dhpi_cpulist *list)
{
	uint32_t first, last;

	if (!read_number(cursor, &first))
		return false;
	last = first;
	if (skip(cursor, '-') && (!read_number(cursor, &last) || last < first))
		return false;
	/* Ascending, as the kernel writes it: nothing is counted twice. */
	if (first < list->limit)
		return false;
	for (uint32_t cpu = first; cpus != NULL && cpu <= last; cpu++)
		dhpi_cpus_add(cpus, cpu);
	list->count += last - first + 1;
	list->limit = last + 1;
	return true;
}

bool dhpi_cpulist_parse(const char *text, size_t length, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	struct cursor cursor = { .at = text, .end = text + length };

	*out_list = (struct dhpi_cpulist){ 0, 0 };
	if (length > 0 && text[length - 1] == '\n')
		cursor.end--;
	if (cursor.at == cursor.end)
		return true;
	do {
		if (!read_range(&cursor, cpus, out_list))
			return false;
	} while (skip(&cursor, ','));
	return cursor.at == cursor.end;
}

/* ---- the other way ---- */

static char *print_number(char *at, uint32_t number)
{
	char digits[10];
	uint32_t count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

static char *print_range(char *at, const char *text, uint32_t first, uint32_t last)
{
	if (at != text)
		*at++ = ',';
	at = print_number(at, first);
	if (last == first)
		return at;
	*at++ = '-';
	return print_number(at, last);
}

void dhpi_cpulist_print(const struct dhpi_cpus *cpus, uint32_t limit, char *text)
{
	char *at = text;

	for (uint32_t cpu = 0; cpu < limit; cpu++) {
		uint32_t first = cpu;

		if (!dhpi_cpus_has(cpus, cpu))
			continue;
		while (cpu + 1 < limit && dhpi_cpus_has(cpus, cpu + 1))
			cpu++;
		at = print_range(at, text, first, cpu);
	}
	*at = '\0';
}
