/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handle that is used twice stops a checked build, which says what clause was broken and where it was called from.
 */
#include "death.h"

#if DHP_CHECKS >= 2

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)change;
	(void)status;
}

static volatile uint32_t after; /* no mistake is the last thing that a function does */

static __attribute__((noinline)) void use_twice(void *none)
{
	struct dhp_notify *handle;

	(void)none;
	(void)dhp_notify_register(make_sim_of(2, 1), hear, NULL, 0, &handle);
	(void)dhp_notify_unregister(handle);
	(void)dhp_notify_unregister(handle);
	after = 1;
}

/* Others come and go in between. */
static __attribute__((noinline)) void use_again_later(void *none)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct dhp_notify *handle, *others[16];

	(void)none;
	(void)dhp_notify_register(engine, hear, NULL, 0, &handle);
	(void)dhp_notify_unregister(handle);
	for (uint32_t i = 0; i < LENGTH(others); i++)
		(void)dhp_notify_register(engine, hear, NULL, 0, &others[i]);
	for (uint32_t i = 0; i < LENGTH(others); i++)
		(void)dhp_notify_unregister(others[i]);
	(void)dhp_notify_unregister(handle);
	after = 1;
}

struct own {
	struct dhp_notify *handle;
};

static __attribute__((noinline)) void leave_twice(void *context, const struct dhp_processor_change *change,
						  enum dhp_status *status)
{
	const struct own *own = context;

	(void)change;
	(void)status;
	(void)dhp_notify_unregister(own->handle);
	(void)dhp_notify_unregister(own->handle);
	after = 1;
}

static void use_twice_in_the_own_call(void *none)
{
	struct dhp_engine *engine = make_sim_of(2, 1);
	struct own own;

	(void)none;
	(void)dhp_notify_register(engine, leave_twice, &own, 0, &own.handle);
	(void)add_position(engine, 1);
}

static void a_handle_used_twice_stops_a_checked_build_S190(void **state)
{
	(void)state;
	assert_stopped(use_twice, NULL, "S-190", DEATH_SITE(use_twice));
	assert_stopped(use_again_later, NULL, "S-190", DEATH_SITE(use_again_later));
	assert_stopped(use_twice_in_the_own_call, NULL, "S-190", DEATH_SITE(leave_twice));
}

#endif

static void no_handle_is_used_as_often_as_one_likes_S189(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_ok(dhp_notify_unregister(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(a_handle_used_twice_stops_a_checked_build_S190),
#endif
		cmocka_unit_test(no_handle_is_used_as_often_as_one_likes_S189),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
