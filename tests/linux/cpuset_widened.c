/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cpuset is widened from outside: the processors arrive like those of an affinity. Needs a cgroup that may be written.
 */
#include "child.h"
#include "cpuset.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

/* Words shared with the child. */
enum { STAGE, READY };

/* ---- the child ---- */

struct aimed {
	struct dhp_engine *engine;
	uint64_t runs, elsewhere, starts, completes;
};

static void run_on(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct aimed *aimed = context;

	(void)dpc;
	(void)argument_2;
	if (sched_getcpu() != (int)(uintptr_t)argument_1)
		(void)bump(&aimed->elsewhere);
	(void)bump(&aimed->runs);
}

static void hear(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct aimed *aimed = context;

	(void)status;
	(void)bump(change->state == DHP_CHANGE_START ? &aimed->starts : &aimed->completes);
}

static void run_on_each(struct aimed *aimed)
{
	uint32_t count = active_count(aimed->engine);

	for (uint32_t index = 0; index < count; index++) {
		struct dhp_processor processor = { .cpu = 0 };
		struct dhp_dpc dpc;

		require_ok(dhp_processor_at(aimed->engine, index, &processor));
		require_ok(dhp_dpc_init(&dpc, aimed->engine, run_on, aimed));
		require_ok(dhp_dpc_set_target(&dpc, index));
		require_ok(dhp_dpc_insert(&dpc, (void *)(uintptr_t)processor.cpu, NULL));
		require_ok(dhp_dpc_flush(aimed->engine));
	}
	require(peek(&aimed->elsewhere) == 0);
}

static void live_in_a_cpuset(uint64_t *words, void *argument)
{
	static struct aimed aimed;
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 5 };
	struct dhp_notify *notify = NULL;

	(void)argument;
	require(wait_for_count(&words[READY], 1)); /* the parent has put this process into the group */
	require_ok(dhp_engine_create(&options, &aimed.engine));
	require(active_count(aimed.engine) == 1);
	require_ok(dhp_notify_register(aimed.engine, hear, &aimed, 0, &notify));
	poke(&words[STAGE], 1);
	require(wait_for_count(&aimed.completes, 1));
	require(peek(&aimed.starts) == 1);
	require(active_count(aimed.engine) == 2);
	run_on_each(&aimed);
	dhp_notify_unregister(notify);
	require_ok(dhp_engine_destroy(aimed.engine));
}

static void cpuset_widened_from_outside_S013(void **state)
{
	struct cpuset group;
	struct child child;
	uint32_t cpus[2];
	bool confined;

	(void)state;
	if (usable_cpus(cpus, 2) < 2 || !cpuset_make(&group, cpus[0])) {
		print_message("no cpuset can be made here\n");
		skip();
	}
	child_start(&child, live_in_a_cpuset, NULL);
	confined = cpuset_enter(&group, child.pid);
	if (!confined) {
		(void)kill(child.pid, SIGKILL);
		print_message("no process can be put into a cpuset here\n");
	}
	poke(&child.words[READY], 1);
	if (confined && child_reached(&child, STAGE, 1))
		assert_true(cpuset_write(&group, cpus, 2));
	if (confined)
		child_end(&child);
	cpuset_remove(&group);
	if (!confined)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpuset_widened_from_outside_S013),
	};

	return cmocka_run_group_tests_name("cpuset_widened", tests, NULL, NULL);
}
