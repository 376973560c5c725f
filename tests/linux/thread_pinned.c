/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread confined to processors of this machine, in a process of its own.
 */
#include "child.h"

#include <sched.h>
#include <unistd.h>

#include <dhp/change.h>
#include <dhp/thread.h>

#define CPUS 64u

static const struct dhp_affinity users = { .mask = 0 };

static uint32_t need_two_cpus(uint32_t *cpus)
{
	uint32_t count = usable_cpus(cpus, CPUS);

	if (count < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	return count;
}

static bool is_exactly(const uint32_t *cpus, uint32_t count)
{
	uint32_t now[CPUS];
	uint32_t have = usable_cpus(now, CPUS);
	bool same = have == count;

	for (uint32_t i = 0; same && i < count; i++)
		same = now[i] == cpus[i];
	return same;
}

static struct dhp_affinity only(struct dhp_engine *engine, uint32_t index)
{
	struct dhp_processor processor;

	require_ok(dhp_processor_at(engine, index, &processor));
	return (struct dhp_affinity){ .group = processor.number.group, .mask = 1ull << processor.number.number };
}

static uint32_t cpu_at(struct dhp_engine *engine, uint32_t index)
{
	struct dhp_processor processor;

	require_ok(dhp_processor_at(engine, index, &processor));
	return processor.cpu;
}

/* watch_thread is another thread: the one that is pinned here must not count as the process. */
struct script {
	uint32_t cpus[CPUS];
	uint32_t count;
};

/* Each processor is a group here: two groups at once are two cpus. S-550 */
static void pin_to_both(struct dhp_engine *engine, const struct script *script, const struct dhp_affinity *first,
			const struct dhp_affinity *second)
{
	const struct dhp_affinity both[2] = { *first, *second };
	uint32_t pair[2] = { script->cpus[0], script->cpus[script->count - 1] };
	struct dhp_affinity_token *token = NULL;

	require_ok(dhp_affinity_token_create(engine, &token));
	require_ok(dhp_thread_affinities_set(token, both, 2));
	require(is_exactly(pair, 2));
	require_ok(dhp_thread_affinities_revert(token));
	require(is_exactly(script->cpus, script->count));
	require_ok(dhp_affinity_token_destroy(token));
}

static void *pin_and_revert(void *argument)
{
	const struct script *script = argument;
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH,
		.group_limit = 1 };
	struct dhp_affinity first, second, previous[2];
	struct dhp_engine *engine = NULL;
	uint32_t pair[2], last;

	require_ok(dhp_engine_create(&options, &engine));
	last = active_count(engine) - 1;
	require(dhp_maximum_count(engine, only(engine, 0).group) == 1);
	require(dhp_maximum_count(engine, DHP_ALL_GROUPS) > last);
	require(dhp_node_maximum_count(engine, DHP_NO_INDEX) == 0);
	first = only(engine, 0);
	second = only(engine, last);
	for (uint32_t round = 0; round < 50; round++) {
		require_ok(dhp_thread_affinity_set(engine, &first, &previous[0]));
		require(sched_getcpu() == (int)cpu_at(engine, 0) && dhp_index_here(engine) == 0);
		require(previous[0].mask == 0);
		require_ok(dhp_thread_affinity_set(engine, &second, &previous[1]));
		require(sched_getcpu() == (int)cpu_at(engine, last) && dhp_index_here(engine) == last);
		require(previous[1].mask == first.mask && previous[1].group == first.group);
		require_ok(dhp_thread_affinity_revert(engine, &previous[1]));
		require(sched_getcpu() == (int)cpu_at(engine, 0));
		require_ok(dhp_thread_affinity_revert(engine, &previous[0]));
		require(is_exactly(script->cpus, script->count));
		require(dhp_thread_affinity_revert(engine, &users) == DHP_NO_EFFECT);
	}
	pin_to_both(engine, script, &first, &second);
	/* The user changes his mind while a system affinity is in force. */
	pair[0] = script->cpus[1];
	require_ok(dhp_thread_affinity_set(engine, &first, NULL));
	require(confine(0, pair, 1));
	require_ok(dhp_thread_affinity_set(engine, &first, NULL));
	require(sched_getcpu() == (int)cpu_at(engine, 0));
	require_ok(dhp_thread_affinity_revert(engine, &users));
	require(is_exactly(pair, 1));
	require_ok(dhp_engine_destroy(engine));
	return NULL;
}

static void run_pinned(uint64_t *words, void *argument)
{
	pthread_t thread;

	(void)words;
	require(pthread_create(&thread, NULL, pin_and_revert, argument) == 0);
	require(pthread_join(thread, NULL) == 0);
}

static void a_thread_is_pinned_and_restored_S542_S544_S545_S546_S549_S550(void **state)
{
	struct script script;
	struct child child;

	(void)state;
	script.count = need_two_cpus(script.cpus);
	child_start(&child, run_pinned, &script);
	child_end(&child);
}

/* ---- the process's affinity is narrowed and widened from outside: the extension channel tells ---- */

struct hearer {
	struct dhp_engine *engine;
	uint64_t last;
};

static void hear(void *context, uint64_t generation)
{
	poke(&((struct hearer *)context)->last, generation);
}

static uint32_t usable_count(struct dhp_engine *engine)
{
	struct dhp_counts counts;

	require_ok(dhp_counts_read(engine, &counts));
	return counts.usable;
}

static bool was_told_of(struct hearer *hearer, uint32_t usable)
{
	struct dhp_counts counts;

	for (uint32_t i = 0; i < 20000; i++) {
		require_ok(dhp_counts_read(hearer->engine, &counts));
		if (counts.usable == usable && peek(&hearer->last) == counts.generation)
			return true;
		sleep_us(1000);
	}
	return false;
}

static void hear_of_affinity(uint64_t *words, void *argument)
{
	const struct script *script = argument;
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 5 };
	struct dhp_change_notify *registration;
	struct hearer hearer = { .last = 0 };
	uint32_t active;

	(void)words;
	require_ok(dhp_engine_create(&options, &hearer.engine));
	active = active_count(hearer.engine);
	require_ok(dhp_change_register(hearer.engine, hear, &hearer, NULL, &registration));
	require(usable_count(hearer.engine) == active);
	for (uint32_t round = 0; round < 3; round++) {
		require(confine(getpid(), script->cpus, 1));
		require(was_told_of(&hearer, 1));
		require(active_count(hearer.engine) == active);
		require(confine(getpid(), script->cpus, script->count));
		require(was_told_of(&hearer, active));
	}
	require_ok(dhp_change_unregister(registration));
	require_ok(dhp_engine_destroy(hearer.engine));
}

static void changes_of_the_process_affinity_are_told_in_both_directions_S804_S807(void **state)
{
	struct script script;
	struct child child;

	(void)state;
	script.count = need_two_cpus(script.cpus);
	child_start(&child, hear_of_affinity, &script);
	child_end(&child);
}

/* ---- the watched thread confines itself: that says nothing about the process ---- */

static void look(struct dhp_engine *engine, uint32_t usable)
{
	require_ok(dhp_engine_rescan(engine));
	require(usable_count(engine) == usable);
}

static void confine_the_main_thread(uint64_t *words, void *argument)
{
	const struct script *script = argument;
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 5 };
	struct dhp_affinity first, second, previous[2];
	struct dhp_engine *engine = NULL;
	uint32_t active;

	(void)words;
	require_ok(dhp_engine_create(&options, &engine));
	active = active_count(engine);
	first = only(engine, 0);
	second = only(engine, active - 1);
	for (uint32_t round = 0; round < 20; round++) {
		require_ok(dhp_thread_affinity_set(engine, &first, &previous[0]));
		look(engine, active);
		require_ok(dhp_thread_affinity_set(engine, &second, &previous[1]));
		look(engine, active);
		require_ok(dhp_thread_affinity_revert(engine, &previous[1]));
		look(engine, active);
		require_ok(dhp_thread_affinity_revert(engine, &previous[0]));
		look(engine, active);
	}
	/* Somebody else's change is the process's, then as before; and it is what the revert restores. */
	require_ok(dhp_thread_affinity_set(engine, &first, &previous[0]));
	require(confine(getpid(), &script->cpus[script->count - 1], 1));
	look(engine, 1);
	require_ok(dhp_thread_affinity_set(engine, &first, &previous[1]));
	look(engine, 1);
	require_ok(dhp_thread_affinity_revert(engine, &previous[0]));
	look(engine, 1);
	require(confine(getpid(), script->cpus, script->count));
	look(engine, active);
	require_ok(dhp_engine_destroy(engine));
}

static void a_main_thread_that_confines_itself_takes_no_processor_away_S545(void **state)
{
	struct script script;
	struct child child;

	(void)state;
	script.count = need_two_cpus(script.cpus);
	child_start(&child, confine_the_main_thread, &script);
	child_end(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_is_pinned_and_restored_S542_S544_S545_S546_S549_S550),
		cmocka_unit_test(a_main_thread_that_confines_itself_takes_no_processor_away_S545),
		cmocka_unit_test(changes_of_the_process_affinity_are_told_in_both_directions_S804_S807),
	};

	return cmocka_run_group_tests_name("thread_pinned", tests, NULL, NULL);
}
