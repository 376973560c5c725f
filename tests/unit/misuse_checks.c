/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistakes that end a checked build by the check that names them, where no other test of the clause makes them.
 * tests/api/checks.py sees to it that no check of the library is without a test.
 */
#include "support.h"

#include "death.h"

#include <dhp/hold.h>
#include <dhp/rebalance.h>
#include <dhp/rundown.h>
#include <dhp/timer.h>

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

static void leave_at_dispatch(void)
{
	(void)dhp_level_raise(DHP_DISPATCH);
	dhp_sim_exit();
}

static const struct misuse mistakes[] = {
	{ 1, exit_without_a_section, "an exit closes a section" },
	{ 2, lower_to_a_higher_level, "S-040: lowered to a higher level" },
	{ 2, leave_at_dispatch, "S-041: a call for passive level, from a DPC" },
	{ 2, reuse_before_run_down, "S-725, S-726: only after run-down has finished" },
};

static void each_mistake_ends_in_the_check_that_names_it_S040_S725(void **state)
{
	(void)state;
	assert_each_stopped(mistakes, LENGTH(mistakes));
}

/* ---- memory that is no object, and has a status ---- */

static void end_request(struct dhp_request *request, void *context, enum dhp_status status)
{
	(void)request, (void)context, (void)status;
}

static void what_was_never_made_is_refused(void **state)
{
	static _Alignas(DHP_LINE_PAIR_BYTES) unsigned char zeros[4096];
	void *nothing = zeros, *odd = zeros + 1;
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_feed *feed = NULL;
	struct dhp_hold *hold = NULL;
	uint32_t index = 7;

	(void)state;
	assert_ok(dhp_hold_create(engine, end_request, NULL, &hold));
	assert_status(dhp_device_send(nothing, DHP_REQUEST_QUERY_STOP), DHP_BAD_OBJECT);
	assert_status(dhp_feed_create(engine, nothing, NULL, &feed), DHP_BAD_OBJECT);
	assert_null(feed);
	assert_status(dhp_feed_pick(nothing, &index), DHP_BAD_OBJECT);
	assert_int_equal(index, 7);
	assert_status(dhp_hold_begin(nothing), DHP_BAD_OBJECT);
	assert_status(dhp_request_init(odd, hold, 0), DHP_BAD_OBJECT);
	assert_status(dhp_request_submit(odd), DHP_BAD_OBJECT);
	assert_status(dhp_request_submit(nothing), DHP_BAD_OBJECT);
	assert_status(dhp_timer_init(odd, engine), DHP_BAD_OBJECT);
	assert_status(dhp_timer_wait(odd, false, 0), DHP_BAD_OBJECT);
	assert_status(dhp_timer_wait(nothing, false, 0), DHP_BAD_OBJECT);
	for (size_t i = 0; i < sizeof(zeros); i++)
		assert_int_equal(zeros[i], 0);
	assert_ok(dhp_hold_destroy(hold));
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_ends_in_the_check_that_names_it_S040_S725),
		cmocka_unit_test(what_was_never_made_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
