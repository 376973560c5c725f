/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of processors as the kernel writes them, and as a broken or hostile file might.
 */
#include "support.h"

#include "linux.h"

static bool parse(const char *text, struct dhpi_cpus *cpus, struct dhpi_cpulist *list)
{
	/* A copy of the exact length, so that a sanitizer sees a read beyond the end. */
	size_t length = strlen(text);
	char *exact = test_malloc(length + (length == 0));
	bool good;

	memcpy(exact, text, length);
	if (cpus != NULL)
		dhpi_cpus_clear(cpus);
	good = dhpi_cpulist_parse(exact, length, cpus, list);
	test_free(exact);
	return good;
}

static void expect_list(const char *text, const uint32_t *cpus, uint32_t count)
{
	static struct dhpi_cpus set;
	struct dhpi_cpulist list = { 99, 99 };
	uint32_t found = 0;

	assert_true(parse(text, &set, &list));
	assert_int_equal(list.count, count);
	assert_int_equal(list.limit, count > 0 ? cpus[count - 1] + 1 : 0);
	for (uint32_t cpu = 0; cpu < DHP_CPU_LIMIT; cpu++)
		found += dhpi_cpus_has(&set, cpu);
	assert_int_equal(found, count);
	for (uint32_t i = 0; i < count; i++)
		assert_true(dhpi_cpus_has(&set, cpus[i]));
	assert_true(parse(text, NULL, &list)); /* counted without being kept */
	assert_int_equal(list.count, count);
}

#define EXPECT(text, ...) expect_list(text, (const uint32_t[]){ __VA_ARGS__ }, LENGTH(((const uint32_t[]){ __VA_ARGS__ })))

static void good_lists(void **state)
{
	(void)state;
	EXPECT("0", 0);
	EXPECT("0\n", 0);
	EXPECT("7\n", 7);
	EXPECT("0-3", 0, 1, 2, 3);
	EXPECT("0-3,8,10-11\n", 0, 1, 2, 3, 8, 10, 11);
	EXPECT("5-5", 5);
	EXPECT("0,1,2", 0, 1, 2);
	EXPECT("65533", 65533);
	EXPECT("65532-65533\n", 65532, 65533);
	EXPECT("007", 7);
}

static void empty_list_has_nobody(void **state)
{
	static struct dhpi_cpus set;
	struct dhpi_cpulist list = { 99, 99 };

	(void)state;
	assert_true(parse("", &set, &list));
	assert_int_equal(list.count, 0);
	assert_int_equal(list.limit, 0);
	list.count = 99;
	assert_true(parse("\n", &set, &list));
	assert_int_equal(list.count, 0);
}

static void malformed_lists_are_refused(void **state)
{
	static const char *const bad[] = {
		"x", " ", " 0", "0 ", "0 \n", "0\n\n", "\n0", "-", "-1", "1-", "1-\n", "1--2", "1-2-3", ",", ",1", "1,",
		"1,\n", "1,,2", "0x1", "1;2", "+1", "1-x", "0-3,a", "1.5", "0-3/1", "0-7:2/4", "all", "0\r\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct dhpi_cpulist list;

		if (parse(bad[i], NULL, &list))
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void descending_and_overlapping_lists_are_refused(void **state)
{
	static const char *const bad[] = { "3-1", "1-0", "2,1", "0-3,2", "0-3,3-5", "5,5", "1,0-3", "8-10,0-3" };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct dhpi_cpulist list;

		if (parse(bad[i], NULL, &list))
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void absurd_numbers_are_refused(void **state)
{
	static const char *const bad[] = { "65534", "65535", "65536", "0-65534", "4294967295", "4294967296", "4294967297",
		"18446744073709551616", "0-4294967295", "0-99999999999999999999999999999999",
		"99999999999999999999999999999999999999", "65533,65534" };

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		static struct dhpi_cpus set;
		struct dhpi_cpulist list;

		if (parse(bad[i], &set, &list))
			fail_msg("accepted \"%s\"", bad[i]);
	}
}

static void whole_range_is_read(void **state)
{
	static struct dhpi_cpus set;
	struct dhpi_cpulist list;

	(void)state;
	assert_true(parse("0-65533\n", &set, &list));
	assert_int_equal(list.count, 65534);
	assert_int_equal(list.limit, 65534);
	assert_true(dhpi_cpus_has(&set, 0) && dhpi_cpus_has(&set, 65533));
	assert_false(dhpi_cpus_has(&set, 65534));
	assert_false(dhpi_cpus_has(&set, UINT32_MAX));
}

/* Whatever is cut off, what is accepted is a prefix's own meaning and never a read beyond the end. */
static void truncated_lists_are_safe(void **state)
{
	static const char text[] = "0-3,8,10-11,100-200,65533";

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		char prefix[sizeof(text)] = { 0 };
		struct dhpi_cpulist list;

		memcpy(prefix, text, length);
		/* A text that ends in the middle of a number is a smaller number; one that ends in a sign is none. */
		if (length > 0 && (prefix[length - 1] == ',' || prefix[length - 1] == '-'))
			assert_false(parse(prefix, NULL, &list));
		else if (parse(prefix, NULL, &list))
			assert_true(list.count <= 109);
	}
}

static void embedded_zero_byte_is_refused(void **state)
{
	static const char text[] = { '0', '\0', '1' };
	struct dhpi_cpulist list;

	(void)state;
	assert_false(dhpi_cpulist_parse(text, sizeof(text), NULL, &list));
	assert_false(dhpi_cpulist_parse(text, 2, NULL, &list));
}

/* Random texts over the alphabet of a list: counts and limits are right or the text is refused. */
static void random_texts_are_never_misread(void **state)
{
	static const char alphabet[] = "0123456789-,,--\n 12";
	static struct dhpi_cpus set;
	uint64_t dice = 1;

	(void)state;
	for (int round = 0; round < TIMES(3000); round++) {
		char text[12] = { 0 };
		struct dhpi_cpulist list;
		size_t length = (size_t)(roll(&dice) % sizeof(text));
		uint32_t found = 0;

		for (size_t i = 0; i < length; i++)
			text[i] = alphabet[roll(&dice) % (sizeof(alphabet) - 1)];
		if (!parse(text, &set, &list))
			continue;
		for (uint32_t cpu = 0; cpu < DHP_CPU_LIMIT; cpu++)
			found += dhpi_cpus_has(&set, cpu);
		assert_int_equal(found, list.count);
		assert_true(list.limit == 0 || dhpi_cpus_has(&set, list.limit - 1));
	}
}

static void check_print(const char *text)
{
	static struct dhpi_cpus cpus;
	static char printed[DHPI_CPULIST_TEXT_BYTES];
	struct dhpi_cpulist list;

	dhpi_cpus_clear(&cpus);
	assert_true(dhpi_cpulist_parse(text, strlen(text), &cpus, &list));
	dhpi_cpulist_print(&cpus, list.limit, printed);
	assert_string_equal(printed, text);
}

static void what_is_printed_is_what_was_read(void **state)
{
	(void)state;
	check_print("");
	check_print("0");
	check_print("0-3,8,10-11");
	check_print("65533");
	check_print("0-65533");
	check_print("1,3,5,7-8,100-4095");
}

/* The longest text: every second id. */
static void longest_text_fits(void **state)
{
	static struct dhpi_cpus cpus;
	char *printed = test_malloc(DHPI_CPULIST_TEXT_BYTES);
	struct dhpi_cpulist list;

	(void)state;
	dhpi_cpus_clear(&cpus);
	for (uint32_t cpu = 1; cpu < DHP_CPU_LIMIT; cpu += 2)
		dhpi_cpus_add(&cpus, cpu);
	dhpi_cpulist_print(&cpus, DHP_CPU_LIMIT, printed);
	assert_true(dhpi_cpulist_parse(printed, strlen(printed), NULL, &list));
	assert_int_equal(list.count, DHP_CPU_LIMIT / 2);
	test_free(printed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lists),
		cmocka_unit_test(empty_list_has_nobody),
		cmocka_unit_test(malformed_lists_are_refused),
		cmocka_unit_test(descending_and_overlapping_lists_are_refused),
		cmocka_unit_test(absurd_numbers_are_refused),
		cmocka_unit_test(whole_range_is_read),
		cmocka_unit_test(truncated_lists_are_safe),
		cmocka_unit_test(embedded_zero_byte_is_refused),
		cmocka_unit_test(random_texts_are_never_misread),
		cmocka_unit_test(what_is_printed_is_what_was_read),
		cmocka_unit_test(longest_text_fits),
	};

	return cmocka_run_group_tests_name("cpulist_parse", tests, NULL, NULL);
}
