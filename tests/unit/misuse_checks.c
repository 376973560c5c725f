/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistakes that end a checked build by the check that names them, where no other test of the clause makes them.
 * tests/api/checks.py sees to it that no check of the library is without a test.
 */
#include "support.h"

#include "death.h"

#include <dhp/rundown.h>

static void exit_without_a_section(void)
{
	struct dhp_reader *reader;

	if (dhp_reader_join(make_sim_of(2, 1), &reader) == DHP_OK)
		dhp_epoch_exit(reader);
}

static void lower_to_a_higher_level(void)
{
	dhp_level_lower(DHP_DISPATCH);
}

static void reuse_before_run_down(void)
{
	struct dhp_rundown_percpu *rundown;

	if (dhp_rundown_percpu_create(make_sim_of(2, 1), &rundown) == DHP_OK)
		(void)dhp_rundown_percpu_reinit(rundown);
}

static const struct misuse mistakes[] = {
	{ 1, exit_without_a_section, "an exit closes a section" },
	{ 2, lower_to_a_higher_level, "S-040: lowered to a higher level" },
	{ 2, reuse_before_run_down, "S-725, S-726: only after run-down has finished" },
};

static void each_mistake_ends_in_the_check_that_names_it_S040_S725(void **state)
{
	(void)state;
	assert_each_stopped(mistakes, LENGTH(mistakes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_ends_in_the_check_that_names_it_S040_S725),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
