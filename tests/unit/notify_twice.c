/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A handle that is used twice stops a checked build, which says what clause was broken and where it was called from.
 */
#include "support.h"

#if DHP_CHECKS >= 2

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context;
	(void)change;
	(void)status;
}

static void use_twice(struct dhp_engine *engine)
{
	struct dhp_notify *handle;

	(void)dhp_notify_register(engine, hear, NULL, 0, &handle);
	(void)dhp_notify_unregister(handle);
	(void)dhp_notify_unregister(handle);
}

/* Others come and go in between. */
static void use_again_later(struct dhp_engine *engine)
{
	struct dhp_notify *handle, *others[16];

	(void)dhp_notify_register(engine, hear, NULL, 0, &handle);
	(void)dhp_notify_unregister(handle);
	for (uint32_t i = 0; i < LENGTH(others); i++)
		(void)dhp_notify_register(engine, hear, NULL, 0, &others[i]);
	for (uint32_t i = 0; i < LENGTH(others); i++)
		(void)dhp_notify_unregister(others[i]);
	(void)dhp_notify_unregister(handle);
}

struct own {
	struct dhp_notify *handle;
};

static void leave_twice(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	const struct own *own = context;

	(void)change;
	(void)status;
	(void)dhp_notify_unregister(own->handle);
	(void)dhp_notify_unregister(own->handle);
}

static void use_twice_in_the_own_call(struct dhp_engine *engine)
{
	struct own own;

	(void)dhp_notify_register(engine, leave_twice, &own, 0, &own.handle);
	(void)add_position(engine, 1);
}

static void once_and_nothing(struct dhp_engine *engine)
{
	struct dhp_notify *handle;

	(void)dhp_notify_register(engine, hear, NULL, 0, &handle);
	(void)dhp_notify_unregister(handle);
	(void)dhp_notify_unregister(NULL);
}

/* In a process of its own. Gives how it ended; what it said goes to `text`. */
static int end_of(void (*misuse)(struct dhp_engine *engine), char *text, size_t length)
{
	const struct rlimit none = { 0, 0 };
	int status = 0, said[2];
	size_t used = 0;
	pid_t child;

	assert_int_equal(pipe(said), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)dup2(said[1], STDERR_FILENO);
		misuse(make_sim_of(2, 1));
		_exit(0);
	}
	(void)close(said[1]);
	for (ssize_t got = 1; got > 0 && used < length - 1; used += (size_t)got) {
		got = read(said[0], text + used, length - 1 - used);
		assert_true(got >= 0);
	}
	text[used] = '\0';
	(void)close(said[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_handle_used_twice_stops_a_checked_build_S190(void **state)
{
	static void (*const misuses[])(struct dhp_engine *engine) = { use_twice, use_again_later, use_twice_in_the_own_call };
	static char text[65536];

	(void)state;
	for (uint32_t i = 0; i < LENGTH(misuses); i++) {
		int status = end_of(misuses[i], text, sizeof(text));

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_non_null(strstr(text, "S-190"));
		assert_non_null(strstr(text, program_invocation_short_name)); /* the callers, this program among them */
	}
	assert_int_equal(end_of(once_and_nothing, text, sizeof(text)), 0);
	assert_null(strstr(text, "S-190"));
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
