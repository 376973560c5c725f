/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of processors: accepted exactly when a second reading of the form accepts it, and printed it reads the same.
 */
#include "fuzz.h"

#include "linux.h"

static struct dhpi_cpus cpus, again;
static char printed[DHPI_CPULIST_TEXT_BYTES];

/* ---- the second reading: one character at a time ---- */

struct reading {
	uint64_t number, first;
	bool has_digits, has_first;
	uint64_t count, limit;
};

static bool end_range(struct reading *reading)
{
	uint64_t first = reading->has_first ? reading->first : reading->number;

	if (!reading->has_digits || reading->number >= DHP_CPU_LIMIT || first >= DHP_CPU_LIMIT || first > reading->number ||
	    first < reading->limit)
		return false;
	reading->count += reading->number - first + 1;
	reading->limit = reading->number + 1;
	reading->has_digits = reading->has_first = false;
	reading->number = 0;
	return true;
}

static bool end_first(struct reading *reading)
{
	if (!reading->has_digits || reading->has_first)
		return false;
	reading->first = reading->number;
	reading->has_first = true;
	reading->has_digits = false;
	reading->number = 0;
	return true;
}

static bool read_one(struct reading *reading, char c)
{
	if (c == ',')
		return end_range(reading);
	if (c == '-')
		return end_first(reading);
	if (c < '0' || c > '9')
		return false;
	reading->has_digits = true;
	reading->number = reading->number > DHP_CPU_LIMIT ? reading->number : reading->number * 10 + (uint64_t)(c - '0');
	return true;
}

static bool read_all(struct reading *reading, const char *text, size_t length)
{
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length == 0)
		return true;
	for (size_t i = 0; i < length; i++)
		if (!read_one(reading, text[i]))
			return false;
	return end_range(reading);
}

/* ---- what was stored ---- */

static uint32_t count_bits(const struct dhpi_cpus *set)
{
	uint32_t count = 0;

	for (uint32_t cpu = 0; cpu < DHP_CPU_LIMIT; cpu++)
		count += dhpi_cpus_has(set, cpu);
	return count;
}

static void check_stored(const struct dhpi_cpulist *list)
{
	struct dhpi_cpulist list_again;

	MUST(count_bits(&cpus) == list->count);
	MUST(list->limit <= DHP_CPU_LIMIT && dhpi_cpus_has(&cpus, list->limit - 1) == (list->limit > 0));
	dhpi_cpus_clear(&again);
	dhpi_cpulist_print(&cpus, list->limit, printed);
	MUST(strlen(printed) < sizeof(printed));
	MUST(dhpi_cpulist_parse(printed, strlen(printed), &again, &list_again));
	MUST(memcmp(&again, &cpus, sizeof(cpus)) == 0);
	MUST(list_again.count == list->count && list_again.limit == list->limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct reading reading = { .number = 0 };
	struct dhpi_cpulist list, counted;
	uint64_t before = fuzz_allocated();
	bool good;

	dhpi_cpus_clear(&cpus);
	good = dhpi_cpulist_parse(text, size, &cpus, &list);
	MUST(dhpi_cpulist_parse(text, size, NULL, &counted) == good);
	MUST(fuzz_allocated() == before);
	MUST(counted.count == list.count && counted.limit == list.limit);
	MUST(good == read_all(&reading, text, size));
	if (!good)
		return 0;
	MUST(list.count == reading.count && list.limit == reading.limit);
	check_stored(&list);
	return 0;
}
