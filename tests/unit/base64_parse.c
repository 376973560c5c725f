/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes written as text, good and bad.
 */
#include "support.h"

#include "linux.h"

static bool parse(const char *text, char *out, size_t capacity, size_t *out_length)
{
	size_t length = strlen(text);
	char *exact = test_malloc(length + (length == 0));
	bool good;

	memcpy(exact, text, length);
	good = dhpi_base64_parse(exact, length, out, capacity, out_length);
	test_free(exact);
	return good;
}

static void check(const char *text, const char *bytes, size_t length)
{
	char out[48];
	size_t made = 99;

	assert_true(parse(text, out, sizeof(out), &made));
	assert_int_equal(made, length);
	assert_memory_equal(out, bytes, length);
}

static void good_texts_are_decoded(void **state)
{
	(void)state;
	check("", "", 0);
	check("AA==", "\0", 1);
	check("/w==", "\xff", 1);
	check("Zm8=", "fo", 2);
	check("Zm9v", "foo", 3);
	check("Zm9vYg==", "foob", 4);
	check("c29tZSAyMDAwMDAgMjAwMDAwMA==", "some 200000 2000000", 19);
	check("c29tZSAyMDAwMDAgMjAwMDAwMAA=", "some 200000 2000000", 20);
	check("+/+/", "\xfb\xff\xbf", 3);
}

static void bad_texts_are_refused(void **state)
{
	static const char *const bad[] = { "A", "AA", "AAA", "AA=", "A===", "====", "AAA=AAAA", "AA==AAAA", "AB==", "AAB=", "AA=A",
		"AA A", "AAAA\n", "AA-_", "AAA{", "AAA[", "AAAA=", "\xff\xff\xff\xff" };
	char out[48] = "same";
	size_t made = 99;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++)
		if (parse(bad[i], out, sizeof(out), &made))
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(made, 99);
	assert_false(parse("AAAAAAAA", out, 5, &made));
	assert_true(parse("AAAAAAAA", out, 6, &made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_decoded),
		cmocka_unit_test(bad_texts_are_refused),
	};

	return cmocka_run_group_tests_name("base64_parse", tests, NULL, NULL);
}
