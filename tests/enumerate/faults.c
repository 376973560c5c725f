/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every call of the library that can fail, fails once, in each way in which it can, in every scenario that makes it. See
 * points.h for what is asserted; the report (the first argument) is for sites.py, which knows every call there is.
 * The second, "whole": with every error of each call, otherwise they take turns. The third: only the scenarios of this name.
 */
#include "scenarios.h"

#include <stdlib.h>

#define TESTS_LIMIT 256u

static struct CMUnitTest tests[TESTS_LIMIT];
static size_t tests_count;

static void take(const struct scenarios *scenarios)
{
	for (uint32_t i = 0; i < scenarios->count && tests_count < TESTS_LIMIT; i++) {
		const struct CMUnitTest test = points_of(&scenarios->list[i]);

		tests[tests_count++] = test;
	}
}

int main(int argc, char **argv)
{
	int failed;

	if (!points_open(argc > 1 ? argv[1] : "faults.report", argc > 2 && strcmp(argv[2], "whole") == 0))
		return 1;
	if (argc > 3)
		cmocka_set_test_filter(argv[3]);
	scenarios_prepare();
	take(&engine_scenarios);
	take(&object_scenarios);
	take(&machine_scenarios);
	take(&wdk_scenarios);
	failed = _cmocka_run_group_tests("faults", tests, tests_count, NULL, NULL);
	points_close();
	return failed;
}
