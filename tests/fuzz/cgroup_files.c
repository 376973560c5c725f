/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small files of a control group: what is taken prints the same, what is refused stores nothing, and a quota in processors
 * is the least number that covers it.
 */
#include "fuzz.h"

#include "linux.h"

#define UNTOUCHED UINT64_C(0x5a5a5a5a5a5a5a5a)
#define NUMBER_DIGITS 40

/* A number may have zeros in front; and the line ends. */
static bool same_number(const char *text, size_t size, const char *printed)
{
	while (size > 2 && text[0] == '0') {
		text++;
		size--;
	}
	return size == strlen(printed) + 1 && memcmp(text, printed, size - 1) == 0 && text[size - 1] == '\n';
}

static void check_bytes(const char *text, size_t size)
{
	uint64_t bytes = UNTOUCHED;
	char printed[NUMBER_DIGITS];

	if (!dhpi_cgroup_bytes_parse(text, size, &bytes)) {
		MUST(bytes == UNTOUCHED);
		return;
	}
	(void)snprintf(printed, sizeof(printed), "%llu", (unsigned long long)bytes);
	MUST(same_number(text, size, printed) || (bytes == UINT64_MAX && size == 4 && memcmp(text, "max\n", 4) == 0));
}

static void check_quota(const char *text, size_t size)
{
	uint64_t us = UNTOUCHED;
	char printed[NUMBER_DIGITS];

	if (!dhpi_cgroup_quota_parse(text, size, &us)) {
		MUST(us == UNTOUCHED);
		return;
	}
	(void)snprintf(printed, sizeof(printed), "%llu", (unsigned long long)us);
	MUST(same_number(text, size, printed) == (us != 0));
	MUST(us != 0 || (size == 3 && memcmp(text, "-1\n", 3) == 0));
}

static void check_processors(uint64_t us, uint64_t period_us)
{
	uint32_t processors = dhpi_quota_processors(us, period_us);
	uint64_t too_few = (us - 1) / period_us; /* the most that do not give all of it */

	MUST(processors >= 1 && processors - 1 <= too_few);
	MUST(processors > too_few || processors == UINT32_MAX);
}

static void check_cpu_max(const char *text, size_t size)
{
	uint64_t us = UNTOUCHED, period_us = UNTOUCHED, us_again, period_again;
	char printed[2 * NUMBER_DIGITS];
	int length;

	if (!dhpi_cgroup_cpu_max_parse(text, size, &us, &period_us)) {
		MUST(us == UNTOUCHED && period_us == UNTOUCHED);
		return;
	}
	MUST(period_us != 0);
	length = us != 0 ? snprintf(printed, sizeof(printed), "%llu %llu\n", (unsigned long long)us,
				    (unsigned long long)period_us)
			 : snprintf(printed, sizeof(printed), "max %llu\n", (unsigned long long)period_us);
	MUST(dhpi_cgroup_cpu_max_parse(printed, (size_t)length, &us_again, &period_again));
	MUST(us_again == us && period_again == period_us);
	if (us != 0)
		check_processors(us, period_us);
}

/* The first line of that name decides; what was cut off at the end says nothing. */
static void check_stat(const char *text, size_t size)
{
	static const char first[] = "inactive_file 4711\n";
	uint64_t value = UNTOUCHED, again = UNTOUCHED;
	char *longer = malloc(size + sizeof(first));
	bool good = dhpi_cgroup_stat_parse(text, size, "inactive_file", &value);

	MUST(longer != NULL && (good || value == UNTOUCHED));
	memcpy(longer, first, sizeof(first) - 1);
	memcpy(longer + sizeof(first) - 1, text, size);
	MUST(dhpi_cgroup_stat_parse(longer, size + sizeof(first) - 1, "inactive_file", &again) && again == 4711);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	uint64_t before = fuzz_allocated();
	uint64_t us = 1, period_us = 1;

	check_bytes(text, size);
	check_quota(text, size);
	check_cpu_max(text, size);
	MUST(fuzz_allocated() == before);
	check_stat(text, size);
	if (size >= sizeof(us) + sizeof(period_us)) {
		memcpy(&us, data, sizeof(us));
		memcpy(&period_us, data + sizeof(us), sizeof(period_us));
	}
	if (us != 0 && period_us != 0)
		check_processors(us, period_us);
	return 0;
}
