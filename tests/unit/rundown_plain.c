/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run-down protection in one word.
 */
#include "support.h"

#include <dhp/rundown.h>

#include "death.h"

#define HOLDERS 3u

static void starts_without_references_S720(void **state)
{
	struct dhp_rundown rundown = { .opaque = UINT64_MAX };

	(void)state;
	assert_ok(dhp_rundown_init(&rundown));
	assert_ok(dhp_rundown_wait(&rundown)); /* returns at once: the count is zero */
	assert_ok(dhp_rundown_init(&rundown));
	assert_ok(dhp_rundown_acquire(&rundown, 1));
	assert_ok(dhp_rundown_release(&rundown, 1));
}

static void bad_objects_and_counts_are_refused_S722(void **state)
{
	union {
		struct dhp_rundown rundown[2];
		char bytes[2 * sizeof(struct dhp_rundown)];
	} memory = { .rundown = { { 0 }, { 0 } } };
	struct dhp_rundown *askew = (struct dhp_rundown *)(void *)(memory.bytes + 1);
	struct dhp_rundown *rundown = &memory.rundown[0];

	(void)state;
	assert_status(dhp_rundown_init(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_init(askew), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_acquire(askew, 1), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_acquire(NULL, 1), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_release(NULL, 1), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_wait(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_completed(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_rundown_reinit(NULL), DHP_BAD_OBJECT);
	assert_ok(dhp_rundown_init(rundown));
	assert_status(dhp_rundown_acquire(rundown, 0), DHP_BAD_COUNT);
	assert_status(dhp_rundown_acquire(rundown, DHP_RUNDOWN_COUNT_LIMIT + 1), DHP_BAD_COUNT);
	assert_status(dhp_rundown_release(rundown, 0), DHP_BAD_COUNT);
	assert_int_equal(rundown->opaque, 0);
}

static void several_references_at_once_all_or_none_S722(void **state)
{
	struct dhp_rundown rundown;

	(void)state;
	assert_ok(dhp_rundown_init(&rundown));
	assert_ok(dhp_rundown_acquire(&rundown, DHP_RUNDOWN_COUNT_LIMIT));
	assert_ok(dhp_rundown_acquire(&rundown, 5));
	assert_ok(dhp_rundown_release(&rundown, 3));
	assert_ok(dhp_rundown_release(&rundown, 2));
	assert_ok(dhp_rundown_release(&rundown, DHP_RUNDOWN_COUNT_LIMIT));
	assert_ok(dhp_rundown_wait(&rundown));
	assert_status(dhp_rundown_acquire(&rundown, 5), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_wait(&rundown)); /* nothing was taken */
}

static void a_word_that_is_full_gives_none_S722(void **state)
{
	struct dhp_rundown rundown;
	uint64_t before;

	(void)state;
	assert_ok(dhp_rundown_init(&rundown));
	assert_ok(dhp_rundown_acquire(&rundown, 1));
	rundown.opaque *= (uint64_t)1 << 61; /* as if 2^61 calls had been made */
	before = rundown.opaque;
	assert_status(dhp_rundown_acquire(&rundown, 1), DHP_BAD_COUNT);
	assert_int_equal(rundown.opaque, before);
}

static void after_run_down_nothing_is_given_until_reinit_S724_S725_S726(void **state)
{
	struct dhp_rundown rundown;

	(void)state;
	assert_ok(dhp_rundown_init(&rundown));
	assert_ok(dhp_rundown_acquire(&rundown, 1));
	assert_ok(dhp_rundown_release(&rundown, 1));
	assert_ok(dhp_rundown_wait(&rundown));
	assert_ok(dhp_rundown_wait(&rundown)); /* does nothing */
	assert_status(dhp_rundown_acquire(&rundown, 1), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_completed(&rundown));
	assert_status(dhp_rundown_acquire(&rundown, 1), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_wait(&rundown));
	assert_ok(dhp_rundown_completed(&rundown));
	assert_ok(dhp_rundown_reinit(&rundown));
	assert_ok(dhp_rundown_acquire(&rundown, 2));
	assert_ok(dhp_rundown_release(&rundown, 2));
	assert_ok(dhp_rundown_wait(&rundown));
	assert_ok(dhp_rundown_reinit(&rundown)); /* without completed */
	assert_ok(dhp_rundown_acquire(&rundown, 1));
}

#if DHP_CHECKS < 2
static void misuse_is_refused_and_changes_nothing_S723_S725_S726(void **state)
{
	struct dhp_rundown rundown;

	(void)state;
	assert_ok(dhp_rundown_init(&rundown));
	assert_status(dhp_rundown_release(&rundown, 1), DHP_BAD_COUNT);
	assert_status(dhp_rundown_completed(&rundown), DHP_NOT_RUN_DOWN);
	assert_status(dhp_rundown_reinit(&rundown), DHP_NOT_RUN_DOWN);
	assert_ok(dhp_rundown_acquire(&rundown, 2));
	assert_status(dhp_rundown_release(&rundown, 3), DHP_BAD_COUNT);
	assert_status(dhp_rundown_reinit(&rundown), DHP_NOT_RUN_DOWN);
	assert_ok(dhp_rundown_release(&rundown, 2));
	assert_ok(dhp_rundown_wait(&rundown));
	assert_status(dhp_rundown_release(&rundown, 1), DHP_BAD_COUNT);
	assert_ok(dhp_rundown_completed(&rundown));
}
#endif

/* ---- what a checked build does about it ---- */

#if DHP_CHECKS >= 2
static void release_without_acquire(void *rundown)
{
	(void)dhp_rundown_release(rundown, 1);
}

static void completed_without_wait(void *rundown)
{
	(void)dhp_rundown_completed(rundown);
}

static void reinit_without_wait(void *rundown)
{
	(void)dhp_rundown_reinit(rundown);
}

static void misuse_stops_a_checked_build_S723_S725_S726(void **state)
{
	static void (*const misuses[])(void *rundown) = { release_without_acquire, completed_without_wait,
		reinit_without_wait };
	static const char *const clauses[] = { "S-723", "S-725", "S-726" };
	struct dhp_rundown rundown;

	(void)state;
	assert_ok(dhp_rundown_init(&rundown));
	for (uint32_t i = 0; i < LENGTH(misuses); i++)
		assert_stopped(misuses[i], &rundown, clauses[i], (uintptr_t)misuses[i]);
}
#endif

/* ---- the owner waits for holders ---- */

struct scene {
	struct dhp_rundown rundown;
	struct gate gate;
	uint64_t waiting, returned, holding, most, stop, given, refused, wrong;
	uint64_t gone; /* plain on purpose: written by the owner after the wait, read by holders */
};

static void *wait_for_it(void *argument)
{
	struct scene *scene = argument;

	(void)bump(&scene->waiting);
	if (dhp_rundown_wait(&scene->rundown) != DHP_OK)
		(void)bump(&scene->wrong);
	(void)bump(&scene->returned);
	return NULL;
}

static bool refuses(void *context)
{
	struct scene *scene = context;

	if (dhp_rundown_acquire(&scene->rundown, 1) == DHP_RUN_DOWN)
		return true;
	(void)dhp_rundown_release(&scene->rundown, 1);
	return false;
}

/* From the wait's start on no acquire succeeds, although it has not returned. All that wait return. */
static void wait_refuses_at_once_and_returns_at_the_last_release_S721_S724(void **state)
{
	struct scene scene = { .gone = 0 };
	struct helper waiters[2];

	(void)state;
	assert_ok(dhp_rundown_init(&scene.rundown));
	assert_ok(dhp_rundown_acquire(&scene.rundown, 2));
	for (uint32_t i = 0; i < 2; i++)
		helper_start(&waiters[i], wait_for_it, &scene);
	assert_true(wait_until(refuses, &scene));
	assert_true(wait_for_count(&scene.waiting, 2));
	assert_ok(dhp_rundown_release(&scene.rundown, 1));
	sleep_us(5000);
	assert_int_equal(peek(&scene.returned), 0);
	assert_status(dhp_rundown_acquire(&scene.rundown, 1), DHP_RUN_DOWN);
	assert_ok(dhp_rundown_release(&scene.rundown, 1));
	for (uint32_t i = 0; i < 2; i++)
		helper_join(&waiters[i]);
	assert_int_equal(peek(&scene.returned), 2);
	assert_int_equal(peek(&scene.wrong), 0);
}

static void *hold_again_and_again(void *argument)
{
	struct scene *scene = argument;

	gate_pass(&scene->gate);
	while (peek(&scene->stop) == 0) {
		if (dhp_rundown_acquire(&scene->rundown, 1) != DHP_OK) {
			(void)bump(&scene->refused);
			continue;
		}
		if (scene->gone != 0)
			(void)bump(&scene->wrong);
		(void)bump(&scene->given);
		if (dhp_rundown_release(&scene->rundown, 1) != DHP_OK)
			(void)bump(&scene->wrong);
	}
	return NULL;
}

/* The owner takes the object away and brings it back; no holder ever sees it gone. ThreadSanitizer watches `gone`. */
static void no_holder_sees_what_the_owner_does_after_the_wait_S724_S726_S727(void **state)
{
	struct scene scene = { .gone = 0 };
	struct helper holders[HOLDERS];

	(void)state;
	assert_ok(dhp_rundown_init(&scene.rundown));
	gate_init(&scene.gate, HOLDERS + 1);
	for (uint32_t i = 0; i < HOLDERS; i++)
		helper_start(&holders[i], hold_again_and_again, &scene);
	gate_pass(&scene.gate);
	for (uint32_t round = 0; round < TIMES(200); round++) {
		uint64_t given = peek(&scene.given);

		assert_ok(dhp_rundown_wait(&scene.rundown));
		scene.gone = 1;
		assert_ok(dhp_rundown_completed(&scene.rundown));
		scene.gone = 0;
		assert_ok(dhp_rundown_reinit(&scene.rundown));
		assert_true(wait_for_count(&scene.given, given + 1));
	}
	poke(&scene.stop, 1);
	for (uint32_t i = 0; i < HOLDERS; i++)
		helper_join(&holders[i]);
	assert_int_equal(peek(&scene.wrong), 0);
	assert_true(peek(&scene.given) > 0);
	assert_ok(dhp_rundown_wait(&scene.rundown));
}

/* ---- levels ---- */

static void acquire_in_a_routine(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct scene *scene = context;

	(void)dpc, (void)a, (void)b;
	if (dhp_rundown_acquire(&scene->rundown, 1) != DHP_OK || dhp_rundown_release(&scene->rundown, 1) != DHP_OK)
		(void)bump(&scene->wrong);
#if DHP_CHECKS < 2
	if (dhp_rundown_wait(&scene->rundown) != DHP_WRONG_LEVEL)
		(void)bump(&scene->wrong);
#endif
	(void)bump(&scene->given);
}

static void routines_acquire_but_do_not_wait_S721_S724(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct scene scene = { .gone = 0 };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_rundown_init(&scene.rundown));
	assert_ok(dhp_dpc_init(&dpc, engine, acquire_in_a_routine, &scene));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	assert_int_equal(peek(&scene.given), 1);
	assert_int_equal(peek(&scene.wrong), 0);
	assert_ok(dhp_rundown_acquire(&scene.rundown, 1)); /* the refused wait has not begun run-down */
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#if DHP_CHECKS >= 2
		/* First: before it forks, this process should have no threads. */
		cmocka_unit_test(misuse_stops_a_checked_build_S723_S725_S726),
#endif
		cmocka_unit_test(starts_without_references_S720),
		cmocka_unit_test(bad_objects_and_counts_are_refused_S722),
		cmocka_unit_test(several_references_at_once_all_or_none_S722),
		cmocka_unit_test(a_word_that_is_full_gives_none_S722),
		cmocka_unit_test(after_run_down_nothing_is_given_until_reinit_S724_S725_S726),
#if DHP_CHECKS < 2
		cmocka_unit_test(misuse_is_refused_and_changes_nothing_S723_S725_S726),
#endif
		cmocka_unit_test(wait_refuses_at_once_and_returns_at_the_last_release_S721_S724),
		cmocka_unit_test(no_holder_sees_what_the_owner_does_after_the_wait_S724_S726_S727),
		cmocka_unit_test(routines_acquire_but_do_not_wait_S721_S724),
	};

	return cmocka_run_group_tests_name("rundown_plain", tests, NULL, NULL);
}
