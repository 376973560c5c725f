/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * skeleton.c - the port that refuses everything: the whole library links on it, and what cannot be is said, not crashed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dhp.h>

static void an_engine_is_refused(void **state)
{
	struct dhp_engine *engine = NULL;

	(void)state;
	assert_int_equal(dhp_engine_create(NULL, &engine), DHP_NO_MEMORY);
	assert_null(engine);
}

static void what_needs_no_engine_works(void **state)
{
	struct dhp_rundown rundown;

	(void)state;
	assert_string_equal(dhp_status_name(DHP_NO_MEMORY), "DHP_NO_MEMORY");
	assert_int_equal(dhp_rundown_init(&rundown), DHP_OK);
	assert_int_equal(dhp_rundown_acquire(&rundown, 1), DHP_OK);
	assert_int_equal(dhp_rundown_release(&rundown, 1), DHP_OK);
	assert_int_equal(dhp_level(), DHP_PASSIVE);
	assert_int_equal(dhp_level_raise(DHP_DISPATCH), DHP_PASSIVE);
	assert_int_equal(dhp_level(), DHP_DISPATCH);
	dhp_level_lower(DHP_PASSIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_engine_is_refused),
		cmocka_unit_test(what_needs_no_engine_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
