/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/meminfo: what is refused stores nothing; what is accepted makes sense, and printed it reads the same.
 */
#include "fuzz.h"

#include "linux.h"

#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)

static bool equal(const struct dhpi_memory *a, const struct dhpi_memory *b)
{
	return a->total_bytes == b->total_bytes && a->available_bytes == b->available_bytes;
}

static void check_printed(const struct dhpi_memory *memory)
{
	struct dhpi_memory again = { 0, 0 };
	char text[128];
	int length = snprintf(text, sizeof(text), "MemTotal: %llu kB\nMemAvailable: %llu kB\n",
			      (unsigned long long)(memory->total_bytes >> 10),
			      (unsigned long long)(memory->available_bytes >> 10));

	MUST(dhpi_meminfo_parse(text, (size_t)length, &again));
	MUST(equal(&again, memory));
}

/* A line that was cut off says nothing. */
static void check_longer(const uint8_t *data, size_t size, const struct dhpi_memory *memory)
{
	static const char rest[] = "\nMemTotal: 1";
	char *longer = malloc(size + sizeof(rest) - 1);
	struct dhpi_memory again = { 0, 0 };

	MUST(longer != NULL);
	memcpy(longer, data, size);
	memcpy(longer + size, rest, sizeof(rest) - 1);
	if (size > 0 && data[size - 1] == '\n')
		MUST(dhpi_meminfo_parse(longer, size + sizeof(rest) - 1, &again) && equal(&again, memory));
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhpi_memory memory = { UNTOUCHED, UNTOUCHED };
	uint64_t before = fuzz_allocated();
	bool good = dhpi_meminfo_parse((const char *)data, size, &memory);

	MUST(fuzz_allocated() == before);
	if (!good) {
		MUST(memory.total_bytes == UNTOUCHED && memory.available_bytes == UNTOUCHED);
		return 0;
	}
	MUST(memory.total_bytes > 0 && memory.available_bytes <= memory.total_bytes);
	MUST(memory.total_bytes % 1024 == 0 && memory.available_bytes % 1024 == 0);
	check_printed(&memory);
	check_longer(data, size, &memory);
	return 0;
}
