/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/meminfo, good and bad.
 */
#include "support.h"

#include "linux.h"

#define GOOD "MemTotal:       24684084 kB\nMemFree:        22695640 kB\nMemAvailable:   24002980 kB\nBuffers: 45504 kB\n"

static bool parse(const char *text, size_t length, struct dhpi_memory *out_memory)
{
	/* A copy of the exact length, so that a sanitizer sees a read beyond the end. */
	char *exact = test_malloc(length + (length == 0));
	bool good;

	memcpy(exact, text, length);
	good = dhpi_meminfo_parse(exact, length, out_memory);
	test_free(exact);
	return good;
}

static void check_good(const char *text, uint64_t total_kib, uint64_t available_kib)
{
	struct dhpi_memory memory = { 0, 0 };

	assert_true(parse(text, strlen(text), &memory));
	assert_true(memory.total_bytes == total_kib << 10);
	assert_true(memory.available_bytes == available_kib << 10);
}

static void check_bad(const char *text)
{
	struct dhpi_memory memory = { 5, 6 };

	if (parse(text, strlen(text), &memory))
		fail_msg("accepted: %s", text);
	assert_true(memory.total_bytes == 5 && memory.available_bytes == 6);
}

static void good_texts_are_read(void **state)
{
	(void)state;
	check_good(GOOD, 24684084, 24002980);
	check_good("MemFree: 7 kB\nMemTotal: 8 kB\n", 8, 7);           /* a kernel without the estimate */
	check_good("MemAvailable: 9 kB\nMemFree: 1 kB\nMemTotal: 8 kB\n", 8, 8); /* never more than there is */
	check_good("MemTotal: 8 kB\nMemTotal: 9 kB\nMemAvailable: 0 kB\n", 8, 0);
	check_good("XMemTotal: 3 kB\nMemTotal:8 kB\nMemTotals: 4 kB\n\n\nMemAvailable:\t2 kB\nrubbish", 8, 2);
	check_good("MemTotal: 0008 kB\nMemAvailable: 1 kB\nMemFree: x\n", 8, 1);
}

static void bad_texts_are_refused(void **state)
{
	static const char *const bad[] = { "", "\n", "\n\n\n", "MemTotal:", "MemTotal:\n", "MemTotal: 8 kB\n",
		"MemAvailable: 8 kB\n", "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal: kB\nMemFree: 1 kB\n",
		"MemTotal: -8 kB\nMemFree: 1 kB\n", "MemTotal: 8 MB\nMemFree: 1 kB\n", "MemTotal: 8\nMemFree: 1 kB\n",
		"MemTotal: 8kB\nMemFree: 1 kB\n", "MemTotal: 8 kB \nMemFree: 1 kB\n", "MemTotal: 8 kBX\nMemFree: 1 kB\n",
		"MemTotal: 0x8 kB\nMemFree: 1 kB\n", "MemTotal: 8 9 kB\nMemFree: 1 kB\n", "MemTotal 8 kB\nMemFree: 1 kB\n",
		" MemTotal: 8 kB\nMemFree: 1 kB\n", "memtotal: 8 kB\nMemFree: 1 kB\n",
		"MemTotal: 18014398509481985 kB\nMemFree: 1 kB\n", /* 1 KiB, if it wrapped */
		"MemTotal: 18446744073709551616 kB\nMemFree: 1 kB\n", "MemTotal: 18446744073709551615 kB\nMemFree: 1 kB\n",
		"MemTotal: 18014398509481984 kB\nMemFree: 1 kB\n",
		"MemTotal: 99999999999999999999999999999999999999 kB\nMemFree: 1 kB\n",
		"MemTotal: 8 kB\nMemFree: 1 kB", /* the end is missing: perhaps it was 1000 kB */
		"MemTotal: 8 kB\r\nMemFree: 1 kB\r\n", "MemTotal: 8 kB\nMemAvailable: ?\n" };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++)
		check_bad(bad[i]);
}

static void zero_bytes_end_nothing(void **state)
{
	static const char text[] = "MemTotal: 8\0 kB\nMemFree: 1 kB\n", other[] = "\0\nMemTotal: 8 kB\n\0MemFree: 2 kB\nMemFree: 1 kB\n";
	struct dhpi_memory memory = { 0, 0 };

	(void)state;
	assert_false(parse(text, sizeof(text) - 1, &memory));
	assert_true(parse(other, sizeof(other) - 1, &memory));
	assert_true(memory.available_bytes == 1024);
}

/* Cut off anywhere it is refused, or complete enough to be right. */
static void truncated_texts_are_refused_or_right(void **state)
{
	uint32_t good = 0;

	(void)state;
	for (size_t length = 0; length < sizeof(GOOD); length++) {
		struct dhpi_memory memory = { 0, 0 };

		if (!parse(GOOD, length, &memory))
			continue;
		good++;
		assert_true(memory.total_bytes == (uint64_t)24684084 << 10);
		assert_true(memory.available_bytes == (uint64_t)24002980 << 10 ||
			    memory.available_bytes == (uint64_t)22695640 << 10);
	}
	assert_true(good > 0);
}

static void random_texts_are_safe(void **state)
{
	uint64_t dice = 5;
	uint32_t refused = 0;

	(void)state;
	for (int round = 0; round < TIMES(50000); round++) {
		struct dhpi_memory memory = { 1, 1 };
		char text[sizeof(GOOD)];

		memcpy(text, GOOD, sizeof(text));
		for (uint32_t i = 0; i < 3; i++)
			text[roll(&dice) % sizeof(text)] = (char)roll(&dice);
		refused += !parse(text, (size_t)(1 + roll(&dice) % sizeof(text)), &memory);
		assert_true(memory.total_bytes != 0 && memory.available_bytes <= memory.total_bytes);
	}
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_read),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(zero_bytes_end_nothing),
		cmocka_unit_test(truncated_texts_are_refused_or_right),
		cmocka_unit_test(random_texts_are_safe),
	};

	return cmocka_run_group_tests_name("meminfo_parse", tests, NULL, NULL);
}
