/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A container that is widened from one cpu to two and back, many times, under load: nothing is lost, no two routines have a
 * slot at the same time, and after each change one look has put all pins in order.
 *
 * The container is a cpuset of the first kind or of the second; where none can be made, every thread is confined from
 * outside, as `taskset -a` does. The test says which. The second story does so anyhow: it takes pins away, which of the
 * kernels only some do when a cpuset changes.
 */
#include "child.h"
#include "cpuset.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <dhp/thread.h>

#include "queue.h"

#define TOGGLES 100u
#define INSERTERS 2u
#define ITEMS 64u

/* Words shared with the child. */
enum { READY, CHANGES, SEEN, CONFINES };

struct story {
	uint32_t cpus[2];
};

/* ---- the child's load ---- */

struct load {
	struct dhp_engine *engine;
	struct dhp_percpu *slots;
	struct dhp_counter *counter;
	uint64_t inserted, ran, wrong, over;
};

struct item {
	struct dhp_dpc dpc;
	struct load *load;
	uint64_t runs, inserted;
};

struct inserter {
	struct load *load;
	struct item items[ITEMS];
	struct helper helper;
};

/* What a routine has while it runs, and no other at the same time. */
struct slot {
	uint64_t owner;
};

static void run_item(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct item *item = context;
	struct load *load = item->load;
	uint32_t index = dhp_index_here(load->engine);
	struct slot *slot = dhp_percpu_here(load->slots);

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	if (__atomic_exchange_n(&slot->owner, 1, __ATOMIC_RELAXED) != 0)
		(void)bump(&load->wrong);
	for (uint32_t i = 0; i < 200; i++)
		dhp_counter_add(load->counter, 1);
	if (dhp_percpu_here(load->slots) != slot || dhp_index_here(load->engine) != index ||
	    dhp_percpu_at(load->slots, index) != slot)
		(void)bump(&load->wrong);
	__atomic_store_n(&slot->owner, 0, __ATOMIC_RELAXED);
	(void)bump(&item->runs);
	(void)bump(&load->ran);
}

static void *insert_items(void *argument)
{
	struct inserter *me = argument;

	for (uint32_t i = 0; peek(&me->load->over) == 0; i++) {
		struct item *item = &me->items[i % ITEMS];

		if (dhp_dpc_insert(&item->dpc, NULL, NULL) == DHP_OK) {
			item->inserted++;
			(void)bump(&me->load->inserted);
		}
		if (i % 32 == 0)
			sleep_us(200);
	}
	return NULL;
}

/* A third without target, the others for either processor; some at once, some soon. */
static void start_inserter(struct inserter *me, struct load *load)
{
	memset(me, 0, sizeof(*me));
	me->load = load;
	for (uint32_t i = 0; i < ITEMS; i++) {
		me->items[i].load = load;
		require_ok(dhp_dpc_init(&me->items[i].dpc, load->engine, run_item, &me->items[i]));
		require_ok(dhp_dpc_set_importance(&me->items[i].dpc, (enum dhp_importance)(i % 4)));
		if (i % 3 != 0)
			require_ok(dhp_dpc_set_target(&me->items[i].dpc, i % 3 - 1));
	}
	helper_start(&me->helper, insert_items, me);
}

static void end_inserter(struct inserter *me)
{
	helper_join(&me->helper);
	require_ok(dhp_dpc_flush(me->load->engine));
	for (uint32_t i = 0; i < ITEMS; i++)
		require(me->items[i].runs == me->items[i].inserted);
}

/* ---- the child's pins ---- */

struct kept {
	struct dhp_engine *engine;
	struct dhp_pin pin;
	struct helper helper;
	uint64_t id, over, wrong;
};

static void *stay_on_the_second(void *argument)
{
	struct kept *me = argument;

	me->wrong += dhp_pin_keep(me->engine, &me->pin, 1) != DHP_OK;
	poke(&me->id, (uint64_t)port_thread_id());
	while (peek(&me->over) == 0)
		sleep_us(500);
	me->wrong += dhp_pin_drop(me->engine, &me->pin) != DHP_OK;
	return NULL;
}

static bool is_pinned(const uint64_t thread, uint32_t cpu)
{
	return port_pin_look((int32_t)thread, cpu) == PORT_PINNED;
}

static uint32_t worker_of(struct dhp_engine *engine, uint32_t index)
{
	return at_load_relaxed_u32(&dhpi_queue_of_index(engine->work, index)->thread.id);
}

static uint64_t looks(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats = { .rescans_count = 0 };

	require_ok(dhp_engine_stats_read(engine, &stats));
	return stats.rescans_count;
}

/*
 * One look is counted in its middle: the first of the counts that follow may be of a look that began before the change, the
 * second is of one that has seen it, and the third says that this one is over.
 */
static void wait_for_a_look(struct dhp_engine *engine)
{
	uint64_t before = looks(engine);

	while (looks(engine) < before + 3)
		sleep_us(200);
}

/*
 * confines: nobody can be where the container ends. An affinity does not: a look that began before it was narrowed may pin a
 * thread again afterwards, which then stays.
 */
static void check_pins(const struct story *story, struct dhp_engine *engine, const struct kept *kept, bool wide,
		       bool confines)
{
	struct dhp_counts counts = { .usable = 0 };

	require_ok(dhp_counts_read(engine, &counts));
	require(counts.active == 2 && counts.usable == (wide ? 2 : 1));
	require(is_pinned(worker_of(engine, 0), story->cpus[0]));
	if (!wide && !confines)
		return;
	require(is_pinned(worker_of(engine, 1), story->cpus[1]) == wide);
	require(is_pinned(peek(&kept->id), story->cpus[1]) == wide);
}

static void live_in_a_container(uint64_t *words, void *argument)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 3 };
	const struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = sizeof(struct slot) };
	static struct inserter inserters[INSERTERS];
	static struct load load;
	static struct kept kept;
	const struct story *story = argument;
	struct dhp_engine_stats stats;

	require(wait_for_count(&words[READY], 1)); /* the parent has put this process into the container */
	require_ok(dhp_engine_create(&options, &load.engine));
	require(active_count(load.engine) == 1);
	require_ok(dhp_percpu_create(load.engine, &slots, &load.slots));
	require_ok(dhp_counter_create(load.engine, &load.counter));
	poke(&words[SEEN], 1);
	require(wait_for_count(&words[CHANGES], 1));
	while (active_count(load.engine) < 2)
		sleep_us(200);
	kept.engine = load.engine;
	helper_start(&kept.helper, stay_on_the_second, &kept);
	require(wait_for_count(&kept.id, 1));
	for (uint32_t i = 0; i < INSERTERS; i++)
		start_inserter(&inserters[i], &load);
	for (uint64_t change = 1;; change++) {
		require(wait_for_count(&words[CHANGES], change));
		wait_for_a_look(load.engine);
		check_pins(story, load.engine, &kept, change % 2 == 1, peek(&words[CONFINES]) != 0);
		poke(&words[SEEN], change + 1);
		if (change > 2 * TOGGLES)
			break;
	}
	poke(&load.over, 1);
	for (uint32_t i = 0; i < INSERTERS; i++)
		end_inserter(&inserters[i]);
	poke(&kept.over, 1);
	helper_join(&kept.helper);
	require(load.ran == load.inserted && load.ran > 0 && load.wrong == 0 && kept.wrong == 0);
	require(dhp_counter_sum(load.counter) == 200 * load.ran);
	require_ok(dhp_engine_stats_read(load.engine, &stats));
	(void)fprintf(stdout, "%llu items ran, %llu of them elsewhere; %u times narrower and wider\n",
		      (unsigned long long)load.ran, (unsigned long long)stats.diverted_count, TOGGLES);
	require(stats.diverted_count > 0);
	require_ok(dhp_counter_destroy(load.counter));
	require_ok(dhp_percpu_destroy(load.slots));
	require_ok(dhp_engine_destroy(load.engine));
}

/* ---- the parent ---- */

struct container {
	struct cpuset set;
	bool is_cpuset;
	pid_t process;
};

/* Threads come and go meanwhile; who is missed was made by one that is confined already. */
static bool confine_all(pid_t process, const uint32_t *cpus, uint32_t count)
{
	char path[64];
	struct dirent *entry;
	bool done = true;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
	folder = opendir(path);
	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			done = confine((pid_t)strtol(entry->d_name, NULL, 10), cpus, count) && done;
	(void)closedir(folder);
	return done;
}

static bool set_cpus(const struct container *container, const uint32_t *cpus, uint32_t count)
{
	return container->is_cpuset ? cpuset_write(&container->set, cpus, count)
				    : confine_all(container->process, cpus, count);
}

static void enclose(struct container *container, pid_t process, uint32_t cpu, bool try_cpuset)
{
	container->process = process;
	container->is_cpuset = try_cpuset && cpuset_make(&container->set, cpu);
	if (container->is_cpuset && !cpuset_enter(&container->set, process)) {
		cpuset_remove(&container->set);
		container->is_cpuset = false;
	}
	if (!container->is_cpuset)
		assert_true(confine(process, &cpu, 1));
	print_message("the container is %s\n", !container->is_cpuset ? "an affinity, set from outside" :
		      container->set.second_version ? "a cpuset of cgroup v2" : "a cpuset of cgroup v1");
}

static void toggle(bool try_cpuset)
{
	struct container container;
	struct story story;
	struct child child;
	bool written = true;

	if (usable_cpus(story.cpus, 2) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	child_start(&child, live_in_a_container, &story);
	enclose(&container, child.pid, story.cpus[0], try_cpuset);
	poke(&child.words[CONFINES], container.is_cpuset);
	poke(&child.words[READY], 1);
	for (uint64_t change = 1; written && change <= 2 * TOGGLES + 1; change++) {
		if (!child_reached(&child, SEEN, change))
			break;
		written = set_cpus(&container, story.cpus, change % 2 == 1 ? 2 : 1);
		poke(&child.words[CHANGES], change);
	}
	if (!written)
		(void)kill(child.pid, SIGKILL);
	child_end(&child);
	if (container.is_cpuset)
		cpuset_remove(&container.set);
}

static void a_container_changes_under_load_and_nothing_is_lost_S006_S641(void **state)
{
	(void)state;
	toggle(true);
}

static void somebody_confines_every_thread_and_nothing_is_lost_S006_S641(void **state)
{
	(void)state;
	toggle(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_changes_under_load_and_nothing_is_lost_S006_S641),
		cmocka_unit_test(somebody_confines_every_thread_and_nothing_is_lost_S006_S641),
	};

	return cmocka_run_group_tests_name("cpuset_toggled", tests, NULL, NULL);
}
