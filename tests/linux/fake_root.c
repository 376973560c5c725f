/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine whose files are ours: what is possible, present and online is written by the test. Affinity stays the real one.
 */
#include "child.h"
#include "tree.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <dhp/change.h>
#include <dhp/record.h>

#define POSSIBLE "/sys/devices/system/cpu/possible"
#define PRESENT "/sys/devices/system/cpu/present"
#define ONLINE "/sys/devices/system/cpu/online"

static void write_list(const struct tree *tree, const char *path, const uint32_t *cpus, uint32_t count)
{
	char text[256];
	size_t length = 0;

	for (uint32_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u", i > 0 ? "," : "", cpus[i]);
	(void)snprintf(text + length, sizeof(text) - length, "\n");
	tree_write(tree, path, text);
}

static enum dhp_status create_at(const struct tree *tree, uint32_t flags, uint32_t group_limit,
				 struct dhp_engine **out_engine)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = flags, .poll_interval_ms = 5,
		.group_limit = group_limit, .root = tree->root };

	return dhp_engine_create(&options, out_engine);
}

/* A tree that agrees with the cpus this process may use. */
static uint32_t make_good_tree(struct tree *tree, uint32_t *cpus, uint32_t capacity)
{
	uint32_t count = usable_cpus(cpus, capacity);

	tree_make(tree);
	write_list(tree, POSSIBLE, cpus, count);
	write_list(tree, PRESENT, cpus, count);
	write_list(tree, ONLINE, cpus, count);
	return count;
}

static uint32_t need_two_cpus(struct tree *tree, uint32_t *cpus, uint32_t capacity)
{
	uint32_t count = make_good_tree(tree, cpus, capacity);

	if (count >= 2)
		return count;
	tree_remove(tree);
	print_message("this process may use one cpu only\n");
	skip();
	return 0;
}

static void topology_comes_from_the_files(void **state)
{
	struct tree tree;
	uint32_t cpus[8], count;
	char path[160];
	struct dhp_engine *engine = NULL;
	struct dhp_processor processor;

	(void)state;
	count = make_good_tree(&tree, cpus, 8);
	tree_write(&tree, PRESENT, "0-9\n");
	tree_write(&tree, POSSIBLE, "0-63\n");
	tree_write(&tree, "/sys/devices/system/node/possible", "0-9\n");
	for (uint32_t i = 0; i < count; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%u\n", 40 + i);
		(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpus[i]);
		tree_write(&tree, path, text);
		(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%u/x", cpus[i], i + 1);
		tree_write(&tree, path, "");
	}
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	assert_int_equal(counts_of(engine).maximum, 64);
	assert_int_equal(counts_of(engine).present, 10);
	assert_int_equal(counts_of(engine).active, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_ok(dhp_processor_at(engine, i, &processor));
		assert_int_equal(processor.cpu, cpus[i]);
		assert_int_equal(processor.package, 40 + i);
		assert_int_equal(processor.node, i + 1);
		assert_int_equal(processor.core, DHP_UNKNOWN);
	}
	end_engine(engine);
	tree_remove(&tree);
}

static void small_groups_are_possible_S558(void **state)
{
	struct tree tree;
	uint32_t cpus[8], count;
	struct dhp_engine *engine = NULL;

	(void)state;
	count = need_two_cpus(&tree, cpus, 8);
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 1, &engine));
	assert_int_equal(counts_of(engine).groups_active, count);
	for (uint32_t i = 0; i < count; i++) {
		struct dhp_processor processor;

		assert_ok(dhp_processor_at(engine, i, &processor));
		assert_int_equal(processor.number.group, cpus[i]);
		assert_int_equal(processor.number.number, 0);
		assert_true(dhp_active_mask(engine, cpus[i]) == 1);
	}
	end_engine(engine);
	tree_remove(&tree);
}

struct works {
	bool sysfs, seen;
};

static void find_sysfs(const struct dhp_source *source, void *context)
{
	struct works *works = context;

	if (strcmp(source->name, "sysfs") == 0) {
		works->seen = true;
		works->sysfs = source->works;
	}
}

static void without_a_list_of_possible_ones_the_affinity_is_all_there_is(void **state)
{
	static const char *const unusable[] = { NULL, "garbage\n", "3-1\n", "0-70000\n" };
	uint32_t cpus[8], count = usable_cpus(cpus, 8);

	(void)state;
	assert_true(confine(0, cpus, count)); /* there may be more */
	for (size_t i = 0; i < LENGTH(unusable); i++) {
		struct works works = { true, false };
		struct dhp_engine *engine = NULL;
		struct tree tree;

		tree_make(&tree);
		write_list(&tree, ONLINE, cpus, count);
		if (unusable[i] != NULL)
			tree_write(&tree, POSSIBLE, unusable[i]);
		assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
		assert_int_equal(counts_of(engine).maximum, count);
		assert_int_equal(counts_of(engine).active, count);
		assert_int_equal(counts_of(engine).present, count);
		assert_ok(dhp_sources(engine, find_sysfs, &works));
		assert_true(works.seen && !works.sysfs);
		end_engine(engine);
		tree_remove(&tree);
	}
}

static void unusable_files_make_no_engine(void **state)
{
	struct dhp_engine *engine = NULL;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	tree_delete(&tree, ONLINE);
	assert_status(create_at(&tree, 0, 0, &engine), DHP_CANNOT_READ);
	tree_write(&tree, ONLINE, "oops\n");
	assert_status(create_at(&tree, 0, 0, &engine), DHP_CANNOT_READ);
	tree_write(&tree, ONLINE, "\n");
	assert_status(create_at(&tree, 0, 0, &engine), DHP_NO_PROCESSOR);
	tree_write(&tree, POSSIBLE, "0-9000\n");
	tree_write(&tree, ONLINE, "9000\n"); /* nobody we may use */
	assert_status(create_at(&tree, 0, 0, &engine), DHP_NO_PROCESSOR);
	tree_write(&tree, POSSIBLE, "\n");
	assert_status(create_at(&tree, 0, 0, &engine), DHP_NO_PROCESSOR);
	assert_null(engine);
	tree_remove(&tree);
}

static void unusable_options_make_no_engine(void **state)
{
	static char root[300];
	struct dhp_engine_options options = { .size = sizeof(options), .root = root };
	struct dhp_engine *engine = NULL;

	(void)state;
	memset(root, '/', sizeof(root) - 1);
	assert_status(dhp_engine_create(&options, &engine), DHP_BAD_PATH);
	root[256] = '\0';
	assert_status(dhp_engine_create(&options, &engine), DHP_BAD_PATH);
	root[255] = '\0'; /* the longest: many slashes are one */
	assert_ok(dhp_engine_create(&options, &engine));
	end_engine(engine);
	engine = NULL;
	options.root = NULL;
	options.watch_thread = INT32_MAX; /* no such thread */
	assert_status(dhp_engine_create(&options, &engine), DHP_CANNOT_READ);
	assert_null(engine);
}

/* Files that contradict each other: an online processor beyond what is possible. */
static void impossible_processor_is_left_out(void **state)
{
	struct dhp_engine *engine = NULL;
	struct tree tree;
	uint32_t cpus[8], count;

	(void)state;
	count = need_two_cpus(&tree, cpus, 8);
	write_list(&tree, POSSIBLE, cpus, count - 1);
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	assert_int_equal(counts_of(engine).active, count - 1);
	assert_int_equal(counts_of(engine).maximum, count - 1);
	assert_ok(dhp_engine_rescan(engine));
	end_engine(engine);
	tree_remove(&tree);
}

static void large_machine_with_few_processors(void **state)
{
	struct dhp_engine *engine = NULL;
	struct tree tree;
	uint32_t cpus[8], count, index = DHP_NO_INDEX;

	(void)state;
	count = make_good_tree(&tree, cpus, 8);
	tree_write(&tree, POSSIBLE, "0-65533\n");
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	assert_int_equal(counts_of(engine).maximum, DHP_PROCESSORS_LIMIT);
	assert_int_equal(counts_of(engine).groups_maximum, 1024);
	assert_int_equal(counts_of(engine).active, count);
	assert_status(dhp_index_of_cpu(engine, 65533, &index), DHP_BAD_CPU);
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- going online and offline ---- */

struct active_wait {
	struct dhp_engine *engine;
	uint32_t active, usable;
};

static bool is_so(void *context)
{
	const struct active_wait *wait = context;
	struct dhp_counts counts = counts_of(wait->engine);

	return counts.active == wait->active && counts.usable == wait->usable;
}

static void wait_for(struct dhp_engine *engine, uint32_t active, uint32_t usable)
{
	struct active_wait wait = { .engine = engine, .active = active, .usable = usable };

	assert_true(wait_until(is_so, &wait));
}

static void processor_goes_online_offline_and_online_S006(void **state)
{
	struct dhp_engine *engine = NULL;
	struct dhp_counts before;
	struct tree tree;
	uint32_t cpus[8], count;

	(void)state;
	count = need_two_cpus(&tree, cpus, 8);
	write_list(&tree, ONLINE, cpus, 1);
	assert_ok(create_at(&tree, 0, 0, &engine));
	before = counts_of(engine);
	assert_int_equal(before.active, 1);
	write_list(&tree, ONLINE, cpus, count);
	wait_for(engine, count, count);
	assert_true(counts_of(engine).generation > before.generation);
	before = counts_of(engine);
	write_list(&tree, ONLINE, cpus, 1);
	wait_for(engine, count, 1);
	assert_true(counts_of(engine).generation > before.generation);
	before = counts_of(engine);
	write_list(&tree, ONLINE, cpus, count);
	wait_for(engine, count, count);
	assert_true(counts_of(engine).generation > before.generation);
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- work for one that is offline ---- */

struct worker {
	struct dhp_dpc dpc;
	struct dhp_engine *engine;
	uint64_t runs, index, thread, cpus, cpu;
};

static void look_around(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct worker *worker = context;
	cpu_set_t set;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	worker->index = dhp_index_here(worker->engine);
	worker->thread = (uint64_t)syscall(SYS_gettid);
	worker->cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 0;
	worker->cpu = (uint64_t)sched_getcpu();
	(void)bump(&worker->runs);
}

static void look_around_at_1(struct worker *worker, uint64_t runs)
{
	assert_ok(dhp_dpc_insert(&worker->dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(worker->engine));
	assert_int_equal(worker->runs, runs);
}

static uint64_t diverted_of(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	assert_ok(dhp_engine_stats_read(engine, &stats));
	return stats.diverted_count;
}

/* The kernel gives a thread whose cpu goes offline all others, and leaves it so; here the test does. */
static void work_for_an_offline_processor_runs_elsewhere_and_at_home_when_it_is_back_S641_S006(void **state)
{
	struct dhp_engine *engine = NULL;
	struct worker worker;
	struct tree tree;
	uint32_t cpus[8], count;

	(void)state;
	count = need_two_cpus(&tree, cpus, 8);
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	memset(&worker, 0, sizeof(worker));
	worker.engine = engine;
	assert_ok(dhp_dpc_init(&worker.dpc, engine, look_around, &worker));
	assert_ok(dhp_dpc_set_target(&worker.dpc, 1));
	look_around_at_1(&worker, 1);
	assert_int_equal(worker.index, 1);
	for (uint64_t round = 0; round < 3; round++) {
		pid_t thread = (pid_t)worker.thread;

		write_list(&tree, ONLINE, cpus, 1);
		assert_ok(dhp_engine_rescan(engine));
		look_around_at_1(&worker, 2 * round + 2);
		assert_int_equal(worker.index, 0);
		assert_int_equal(worker.cpu, cpus[0]);
		assert_int_equal(diverted_of(engine), round + 1);
		assert_true(confine(thread, cpus, count));
		write_list(&tree, ONLINE, cpus, count);
		assert_ok(dhp_engine_rescan(engine));
		look_around_at_1(&worker, 2 * round + 3);
		assert_int_equal(worker.index, 1);
		assert_int_equal(worker.thread, (uint64_t)thread);
		assert_int_equal(worker.cpus, 1);
		assert_int_equal(worker.cpu, cpus[1]);
		assert_int_equal(diverted_of(engine), round + 1);
	}
	end_engine(engine);
	tree_remove(&tree);
}

static void file_that_goes_away_changes_nothing(void **state)
{
	struct dhp_engine *engine = NULL;
	struct dhp_counts before, after;
	struct tree tree;
	uint32_t cpus[8], count;

	(void)state;
	count = make_good_tree(&tree, cpus, 8);
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	before = counts_of(engine);
	tree_delete(&tree, ONLINE);
	assert_status(dhp_engine_rescan(engine), DHP_CANNOT_READ);
	tree_write(&tree, ONLINE, "what?\n");
	assert_status(dhp_engine_rescan(engine), DHP_CANNOT_READ);
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	write_list(&tree, ONLINE, cpus, count);
	assert_ok(dhp_engine_rescan(engine));
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	end_engine(engine);
	tree_remove(&tree);
}

static void present_follows_its_file(void **state)
{
	struct dhp_engine *engine = NULL;
	struct dhp_counts before;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	tree_write(&tree, POSSIBLE, "0-63\n");
	tree_write(&tree, PRESENT, "0-31\n");
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	before = counts_of(engine);
	assert_int_equal(before.present, 32);
	tree_write(&tree, PRESENT, "0-47\n");
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(counts_of(engine).present, 48);
	assert_int_equal(counts_of(engine).active, before.active);
	assert_true(counts_of(engine).generation == before.generation + 1);
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- a newcomer is a change ---- */

static void be_told(void *context, uint64_t generation)
{
	poke(context, generation);
}

static void an_arrival_is_told_to_its_last_number_S804_S808(void **state)
{
	struct dhp_change_notify *registration = NULL;
	struct dhp_engine *engine = NULL;
	uint64_t before, told = 0;
	struct tree tree;
	uint32_t cpus[8], count;

	(void)state;
	count = need_two_cpus(&tree, cpus, 8);
	assert_true(confine(0, cpus, 1));
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	before = counts_of(engine).generation;
	assert_ok(dhp_change_register(engine, be_told, &told, NULL, &registration));
	assert_true(confine(0, cpus, count));
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(active_count(engine), count);
	assert_true(counts_of(engine).generation > before);
	assert_true(wait_for_count(&told, counts_of(engine).generation));
	assert_ok(dhp_change_unregister(registration));
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- present and not online ---- */

static void present_and_not_online_is_a_count_of_its_own_S006(void **state)
{
	struct dhp_engine *engine = NULL;
	struct dhp_counts before;
	struct tree tree;
	uint32_t cpus[8], count;

	(void)state;
	count = need_two_cpus(&tree, cpus, 8);
	tree_write(&tree, POSSIBLE, "0-63\n");
	tree_write(&tree, PRESENT, "0-31\n");
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	before = counts_of(engine);
	assert_int_equal(before.present, 32);
	assert_int_equal(before.online, count);
	tree_write(&tree, ONLINE, "0-15\n");
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(counts_of(engine).online, 16);
	assert_true(counts_of(engine).generation == before.generation + 1);
	write_list(&tree, ONLINE, cpus, 1);
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(counts_of(engine).online, 1);
	assert_int_equal(counts_of(engine).present, 32);
	assert_int_equal(counts_of(engine).active, count);
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- how a newcomer is wired ---- */

static void write_topology(const struct tree *tree, uint32_t cpu, const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/%s", cpu, name);
	tree_write(tree, path, text);
}

struct wiring_wait {
	struct dhp_engine *engine;
	struct dhp_processor row;
};

static bool is_wired(void *context)
{
	struct wiring_wait *wait = context;

	return dhp_processor_at(wait->engine, 0, &wait->row) == DHP_OK && wait->row.package != DHP_UNKNOWN &&
	       wait->row.core != DHP_UNKNOWN && wait->row.thread != DHP_UNKNOWN;
}

static void topology_is_completed_after_the_arrival(void **state)
{
	/* 64 looks are three seconds: time enough to write the files. */
	struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 50 };
	struct wiring_wait wait = { .engine = NULL };
	struct tree tree;
	uint32_t cpus[8];
	char siblings[32];
	uint64_t generation;

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	options.root = tree.root;
	assert_ok(dhp_engine_create(&options, &wait.engine));
	assert_ok(dhp_processor_at(wait.engine, 0, &wait.row));
	assert_int_equal(wait.row.package, DHP_UNKNOWN);
	generation = counts_of(wait.engine).generation;
	(void)snprintf(siblings, sizeof(siblings), "%u,%u\n", cpus[0], cpus[0] + 8);
	write_topology(&tree, cpus[0], "physical_package_id", "3\n");
	write_topology(&tree, cpus[0], "core_id", "5\n");
	write_topology(&tree, cpus[0], "thread_siblings_list", siblings);
	assert_true(wait_until(is_wired, &wait));
	assert_int_equal(wait.row.package, 3);
	assert_int_equal(wait.row.core, 5);
	assert_int_equal(wait.row.thread, 0);
	assert_int_equal(wait.row.cpu, cpus[0]);
	assert_true(counts_of(wait.engine).generation > generation);
	/* What is known stays. */
	write_topology(&tree, cpus[0], "physical_package_id", "9\n");
	assert_ok(dhp_engine_rescan(wait.engine));
	assert_ok(dhp_processor_at(wait.engine, 0, &wait.row));
	assert_int_equal(wait.row.package, 3);
	end_engine(wait.engine);
	tree_remove(&tree);
}

static void half_known_wiring_is_completed_piece_by_piece(void **state)
{
	struct dhp_engine *engine = NULL;
	struct dhp_processor row;
	struct tree tree;
	uint32_t cpus[8];
	char path[128];

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	assert_ok(create_at(&tree, DHP_ENGINE_NO_WATCH, 0, &engine));
	write_topology(&tree, cpus[0], "core_id", "5\n");
	assert_ok(dhp_engine_rescan(engine));
	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/core_id", cpus[0]);
	tree_delete(&tree, path);
	write_topology(&tree, cpus[0], "physical_package_id", "3\n");
	assert_ok(dhp_engine_rescan(engine));
	assert_ok(dhp_processor_at(engine, 0, &row));
	assert_int_equal(row.core, 5);
	assert_int_equal(row.package, 3);
	assert_int_equal(row.thread, DHP_UNKNOWN);
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- sources that are lost, and those that lie ---- */

struct ears {
	uint64_t dropped;
	char source[16], reason[96];
	char facts[16][64];
	uint64_t fact_count;
};

static void hear(void *context, const struct dhp_source_event *event)
{
	struct ears *ears = context;

	if (event->kind == DHP_SOURCE_CHANGE && ears->fact_count < LENGTH(ears->facts))
		(void)snprintf(ears->facts[ears->fact_count++], sizeof(ears->facts[0]), "%s %s=%s", event->source,
			       event->key, event->value);
	if (event->kind != DHP_SOURCE_DROPPED)
		return;
	(void)snprintf(ears->source, sizeof(ears->source), "%s", event->source);
	(void)snprintf(ears->reason, sizeof(ears->reason), "%s", event->value);
	(void)bump(&ears->dropped);
}

static enum dhp_status create_heard(const struct tree *tree, uint32_t flags, struct ears *ears, struct dhp_engine **out_engine)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = flags, .poll_interval_ms = 2,
		.root = tree->root, .source_hook = hear, .source_context = ears };

	return dhp_engine_create(&options, out_engine);
}

static void ignore_row(const struct dhp_source *source, void *context)
{
	(void)source;
	(void)context;
}

/* The texts are written by the hook, which is called under the lock that this takes. */
static void wait_for_loss(struct dhp_engine *engine, struct ears *ears)
{
	assert_true(wait_for_count(&ears->dropped, 1));
	assert_ok(dhp_sources(engine, ignore_row, NULL));
}

static bool heard_fact(const struct ears *ears, const char *fact)
{
	for (uint64_t i = 0; i < ears->fact_count; i++)
		if (strcmp(ears->facts[i], fact) == 0)
			return true;
	return false;
}

static void hook_hears_what_there_was_at_the_start_and_what_changed(void **state)
{
	struct dhp_engine *engine = NULL;
	struct ears ears = { .dropped = 0 };
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	tree_write(&tree, POSSIBLE, "0-63\n");
	tree_write(&tree, PRESENT, "0-3,5\n");
	assert_ok(create_heard(&tree, DHP_ENGINE_NO_WATCH, &ears, &engine));
	assert_true(heard_fact(&ears, "sysfs possible=0-63"));
	assert_true(heard_fact(&ears, "sysfs present=0-3,5"));
	ears.fact_count = 0;
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(ears.fact_count, 0);
	tree_write(&tree, PRESENT, "0-5\n");
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(ears.fact_count, 1);
	assert_true(heard_fact(&ears, "sysfs present=0-5"));
	end_engine(engine);
	tree_remove(&tree);
}

struct seen_lines {
	uint64_t possible, totals;
};

static bool see_line(void *context, const char *line, size_t length)
{
	struct seen_lines *seen = context;

	seen->possible += memmem(line, length, " sysfs possible 0-63", 20) != NULL;
	seen->totals += memmem(line, length, " total ", 7) != NULL;
	return true;
}

/* There is no file that says how much memory there is. */
static void a_recording_is_told_of_what_is_known_only(void **state)
{
	struct seen_lines seen = { .totals = 0 };
	struct dhp_engine *engine = NULL;
	struct dhp_record *record;
	struct ears ears = { .dropped = 0 };
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	tree_write(&tree, POSSIBLE, "0-63\n");
	assert_ok(create_heard(&tree, DHP_ENGINE_NO_WATCH, &ears, &engine));
	assert_ok(dhp_record_begin(engine, see_line, &seen, &record));
	assert_ok(dhp_record_end(record));
	assert_int_equal(seen.possible, 1);
	assert_int_equal(seen.totals, 0);
	end_engine(engine);
	tree_remove(&tree);
}

static void lists_that_are_lost_are_told_once_while_the_watch_goes_on(void **state)
{
	struct dhp_engine *engine = NULL;
	struct ears ears = { .dropped = 0 };
	struct dhp_engine_stats stats;
	struct dhp_counts before, after;
	struct tree tree;
	uint32_t cpus[8];
	uint64_t rescans;

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	assert_ok(create_heard(&tree, 0, &ears, &engine));
	before = counts_of(engine);
	tree_delete(&tree, ONLINE);
	wait_for_loss(engine, &ears);
	assert_string_equal(ears.source, "sysfs");
	assert_string_equal(ears.reason, "the list of CPUs that are online cannot be read any more");
	assert_ok(dhp_engine_stats_read(engine, &stats));
	rescans = stats.rescans_count;
	while (stats.rescans_count < rescans + 30) {
		sleep_us(1000);
		assert_ok(dhp_engine_stats_read(engine, &stats));
	}
	assert_int_equal(peek(&ears.dropped), 1);
	after = counts_of(engine);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_status(dhp_engine_rescan(engine), DHP_CANNOT_READ);
	write_list(&tree, ONLINE, cpus, 1);
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(counts_of(engine).usable, 1);
	end_engine(engine);
	tree_remove(&tree);
}

static void *be_watched(void *argument)
{
	uint64_t *words = argument;

	poke(&words[0], (uint64_t)syscall(SYS_gettid));
	while (peek(&words[1]) == 0)
		sleep_us(500);
	return NULL;
}

static void watched_thread_that_ends_is_a_source_that_is_lost(void **state)
{
	struct dhp_engine *engine = NULL;
	struct ears ears = { .dropped = 0 };
	struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 2, .source_hook = hear,
		.source_context = &ears };
	struct helper helper;
	uint64_t words[2] = { 0, 0 };
	uint32_t active;

	(void)state;
	helper_start(&helper, be_watched, words);
	assert_true(wait_for_count(&words[0], 1));
	options.watch_thread = (int32_t)peek(&words[0]);
	assert_ok(dhp_engine_create(&options, &engine));
	active = active_count(engine);
	poke(&words[1], 1);
	helper_join(&helper);
	wait_for_loss(engine, &ears);
	assert_string_equal(ears.source, "affinity");
	assert_int_equal(counts_of(engine).usable, active);
	assert_status(dhp_engine_rescan(engine), DHP_CANNOT_READ);
	assert_int_equal(peek(&ears.dropped), 1);
	assert_int_equal(counts_of(engine).usable, active);
	end_engine(engine);
}

static void absurd_numbers_change_nothing(void **state)
{
	static const char *const absurd[] = { "0-4294967295\n", "0-65534\n", "4294967296\n", "0-99999999999999999999\n", "65534\n" };
	struct dhp_engine *engine = NULL;
	struct ears ears = { .dropped = 0 };
	struct dhp_counts before, after;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	(void)make_good_tree(&tree, cpus, 8);
	assert_ok(create_heard(&tree, DHP_ENGINE_NO_WATCH, &ears, &engine));
	before = counts_of(engine);
	for (size_t i = 0; i < LENGTH(absurd); i++) {
		tree_write(&tree, PRESENT, absurd[i]);
		assert_status(dhp_engine_rescan(engine), DHP_CANNOT_READ);
		after = counts_of(engine);
		assert_memory_equal(&before, &after, sizeof(before));
	}
	assert_int_equal(peek(&ears.dropped), 0);
	end_engine(engine);
	tree_remove(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topology_comes_from_the_files),
		cmocka_unit_test(small_groups_are_possible_S558),
		cmocka_unit_test(without_a_list_of_possible_ones_the_affinity_is_all_there_is),
		cmocka_unit_test(unusable_files_make_no_engine),
		cmocka_unit_test(unusable_options_make_no_engine),
		cmocka_unit_test(impossible_processor_is_left_out),
		cmocka_unit_test(large_machine_with_few_processors),
		cmocka_unit_test(processor_goes_online_offline_and_online_S006),
		cmocka_unit_test(work_for_an_offline_processor_runs_elsewhere_and_at_home_when_it_is_back_S641_S006),
		cmocka_unit_test(file_that_goes_away_changes_nothing),
		cmocka_unit_test(present_follows_its_file),
		cmocka_unit_test(an_arrival_is_told_to_its_last_number_S804_S808),
		cmocka_unit_test(present_and_not_online_is_a_count_of_its_own_S006),
		cmocka_unit_test(topology_is_completed_after_the_arrival),
		cmocka_unit_test(half_known_wiring_is_completed_piece_by_piece),
		cmocka_unit_test(hook_hears_what_there_was_at_the_start_and_what_changed),
		cmocka_unit_test(a_recording_is_told_of_what_is_known_only),
		cmocka_unit_test(lists_that_are_lost_are_told_once_while_the_watch_goes_on),
		cmocka_unit_test(watched_thread_that_ends_is_a_source_that_is_lost),
		cmocka_unit_test(absurd_numbers_change_nothing),
	};

	return cmocka_run_group_tests_name("fake_root", tests, NULL, NULL);
}
