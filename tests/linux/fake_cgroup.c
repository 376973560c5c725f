/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control groups of both versions in a machine whose files are ours: cpuset, quota and memory limit, good, malformed,
 * unreadable, vanishing, and of a process that is moved.
 */
#include "child.h"
#include "tree.h"

#include <dhp/change.h>
#include <dhp/memory.h>

#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define CPU1 "/sys/fs/cgroup/cpu"
#define MEMORY1 "/sys/fs/cgroup/memory"
#define CPUSET1 "/sys/fs/cgroup/cpuset"
#define TWO "/sys/fs/cgroup"
#define SLOW_MS 3600000u
#define FAST_MS 1u

/* ---- trees ---- */

static void write_at(const struct tree *tree, const char *folder, const char *name, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	tree_write(tree, path, text);
}

static void delete_at(const struct tree *tree, const char *folder, const char *name)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	tree_delete(tree, path);
}

/* The processors of this process, and 1024 MiB of which 500 are available. */
static uint32_t make_machine(struct tree *tree, uint32_t *cpus)
{
	uint32_t count = usable_cpus(cpus, 8);
	char text[128];
	size_t length = 0;

	for (uint32_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u", i > 0 ? "," : "", cpus[i]);
	(void)snprintf(text + length, sizeof(text) - length, "\n");
	tree_make(tree);
	tree_write(tree, "/sys/devices/system/cpu/possible", "0-63\n");
	tree_write(tree, "/sys/devices/system/cpu/present", text);
	tree_write(tree, "/sys/devices/system/cpu/online", text);
	tree_write(tree, "/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 512000 kB\n");
	return count;
}

static void make_first(struct tree *tree, uint32_t *cpus)
{
	(void)make_machine(tree, cpus);
	tree_write(tree, "/proc/self/cgroup", "5:memory:/a/b\n4:cpu,cpuacct:/a/b\n3:cpuset:/a\n0::/\n");
	tree_write(tree, "/proc/self/mountinfo",
		   "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:1 / " CPU1 " rw - cgroup c rw,cpu,cpuacct\n"
		   "3 1 0:2 / " MEMORY1 " rw - cgroup c rw,memory\n4 1 0:3 / " CPUSET1 " rw - cgroup c rw,cpuset\n");
	write_at(tree, CPU1 "/a/b", "cpu.cfs_quota_us", "-1\n");
	write_at(tree, CPU1 "/a/b", "cpu.cfs_period_us", "100000\n");
	write_at(tree, MEMORY1 "/a/b", "memory.limit_in_bytes", "9223372036854771712\n");
	write_at(tree, CPUSET1 "/a", "cpuset.effective_cpus", "0-63\n");
}

static void make_second(struct tree *tree, uint32_t *cpus)
{
	(void)make_machine(tree, cpus);
	tree_write(tree, "/proc/self/cgroup", "0::/a/b\n");
	tree_write(tree, "/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:1 / " TWO " rw - cgroup2 c rw\n");
	write_at(tree, TWO "/a/b", "cpu.max", "max 100000\n");
	write_at(tree, TWO "/a/b", "memory.max", "max\n");
	write_at(tree, TWO "/a", "cpuset.cpus.effective", "0-63\n");
}

/* ---- what the hook heard ---- */

struct ears {
	uint64_t dropped, changes;
	char source[16], reason[96];
};

static void hear(void *context, const struct dhp_source_event *event)
{
	struct ears *ears = context;

	(void)bump(&ears->changes);
	if (event->kind != DHP_SOURCE_DROPPED)
		return;
	(void)snprintf(ears->source, sizeof(ears->source), "%s", event->source);
	(void)snprintf(ears->reason, sizeof(ears->reason), "%s", event->value);
	(void)bump(&ears->dropped);
}

static struct dhp_engine *make_at(const struct tree *tree, uint32_t poll_ms, struct ears *ears)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .root = tree->root, .poll_interval_ms = poll_ms,
		.flags = DHP_ENGINE_NO_WORKERS, .low_memory_mib = 10, .high_memory_mib = 20,
		.source_hook = ears != NULL ? hear : NULL, .source_context = ears };
	struct dhp_engine *engine = NULL;

	if (ears != NULL)
		*ears = (struct ears){ .dropped = 0 };
	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static struct dhp_memory_info memory_of(struct dhp_engine *engine)
{
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(engine, &info));
	return info;
}

static void check_quota(struct dhp_engine *engine, uint32_t quota)
{
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(counts_of(engine).quota, quota);
}

static void check_memory(struct dhp_engine *engine, uint64_t total_mib, uint64_t available_mib)
{
	assert_ok(dhp_engine_rescan(engine));
	assert_int_equal(memory_of(engine).total_bytes / MIB, total_mib);
	assert_int_equal(memory_of(engine).available_bytes / MIB, available_mib);
}

struct row {
	const char *name;
	bool seen, works;
	uint64_t malformed;
	char detail[160];
};

static void find_row(const struct dhp_source *source, void *context)
{
	struct row *row = context;

	if (strcmp(source->name, row->name) != 0)
		return;
	row->seen = true;
	row->works = source->works;
	row->malformed = source->malformed_count;
	(void)snprintf(row->detail, sizeof(row->detail), "%s", source->detail);
}

static struct row row_of(struct dhp_engine *engine, const char *name)
{
	struct row row = { .name = name };

	assert_ok(dhp_sources(engine, find_row, &row));
	assert_true(row.seen);
	return row;
}

/* ---- quota ---- */

static void first_quota(const struct tree *tree, const char *group, const char *quota)
{
	char folder[96];

	(void)snprintf(folder, sizeof(folder), CPU1 "%s", group);
	write_at(tree, folder, "cpu.cfs_period_us", "100000\n");
	write_at(tree, folder, "cpu.cfs_quota_us", quota);
}

static void tightest_quota_on_the_way_up_wins_version_1(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_first(&tree, cpus);
	engine = make_at(&tree, SLOW_MS, NULL);
	check_quota(engine, 0);
	first_quota(&tree, "/a/b", "350000\n");
	check_quota(engine, 4); /* rounded up */
	first_quota(&tree, "/a", "150000\n");
	check_quota(engine, 2);
	first_quota(&tree, "", "10000\n");
	check_quota(engine, 1); /* at least one */
	first_quota(&tree, "", "-1\n");
	first_quota(&tree, "/a", "-1\n");
	check_quota(engine, 4);
	first_quota(&tree, "/a/b", "-1\n");
	check_quota(engine, 0);
	end_engine(engine);
	tree_remove(&tree);
}

static void tightest_quota_on_the_way_up_wins_version_2(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	engine = make_at(&tree, SLOW_MS, NULL);
	check_quota(engine, 0);
	write_at(&tree, TWO "/a", "cpu.max", "250000 100000\n");
	check_quota(engine, 3);
	write_at(&tree, TWO "/a/b", "cpu.max", "100000 100000\n");
	check_quota(engine, 1);
	write_at(&tree, TWO "/a/b", "cpu.max", "900000 100000\n");
	check_quota(engine, 3);
	assert_true(strstr(row_of(engine, "quota").detail, "3 processors") != NULL);
	end_engine(engine);
	tree_remove(&tree);
}

struct told {
	uint64_t calls, generation;
};

static void be_told(void *context, uint64_t generation)
{
	struct told *told = context;

	poke(&told->generation, generation);
	(void)bump(&told->calls);
}

static void new_quota_is_a_change_of_the_set_and_found_by_poll_S804_S808(void **state)
{
	struct dhp_change_notify *registration = NULL;
	struct told told = { 0, 0 };
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];
	uint64_t before;

	(void)state;
	make_second(&tree, cpus);
	engine = make_at(&tree, FAST_MS, NULL);
	before = counts_of(engine).generation;
	assert_ok(dhp_change_register(engine, be_told, &told, NULL, &registration));
	write_at(&tree, TWO "/a/b", "cpu.max", "100000 100000\n");
	assert_true(wait_for_count(&told.calls, 1));
	assert_true(peek(&told.generation) == before + 1);
	assert_int_equal(counts_of(engine).quota, 1);
	assert_ok(dhp_change_unregister(registration));
	end_engine(engine);
	tree_remove(&tree);
}

static void malformed_quota_is_counted_and_changes_nothing(void **state)
{
	static const char *const bad[] = { "", "max\n", "100000", "-5 100000\n", "100000 0\n", "99999999999999999999999 1\n" };
	struct dhp_engine *engine;
	struct tree tree;
	struct ears ears;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	write_at(&tree, TWO "/a/b", "cpu.max", "200000 100000\n");
	engine = make_at(&tree, SLOW_MS, &ears);
	check_quota(engine, 2);
	for (uint32_t i = 0; i < LENGTH(bad); i++) {
		write_at(&tree, TWO "/a/b", "cpu.max", bad[i]);
		check_quota(engine, 2);
		assert_int_equal(row_of(engine, "quota").malformed, i + 1);
	}
	assert_true(row_of(engine, "quota").works);
	write_at(&tree, TWO "/a/b", "cpu.max", "300000 100000\n");
	check_quota(engine, 3);
	assert_int_equal(peek(&ears.dropped), 0);
	end_engine(engine);
	tree_remove(&tree);
}

static void malformed_quota_of_version_1_is_counted_and_changes_nothing(void **state)
{
	static const char *const bad[][2] = { { "", "100000\n" }, { "max\n", "100000\n" }, { "300000\n", "" },
		{ "300000\n", "0\n" } };
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_first(&tree, cpus);
	first_quota(&tree, "/a/b", "200000\n");
	engine = make_at(&tree, SLOW_MS, NULL);
	check_quota(engine, 2);
	for (uint32_t i = 0; i < LENGTH(bad); i++) {
		write_at(&tree, CPU1 "/a/b", "cpu.cfs_quota_us", bad[i][0]);
		write_at(&tree, CPU1 "/a/b", "cpu.cfs_period_us", bad[i][1]);
		check_quota(engine, 2);
		assert_int_equal(row_of(engine, "quota").malformed, i + 1);
	}
	first_quota(&tree, "/a/b", "300000\n");
	check_quota(engine, 3);
	end_engine(engine);
	tree_remove(&tree);
}

static void group_that_vanishes_is_told_once_and_the_rest_goes_on(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	struct ears ears;
	uint32_t cpus[8];
	uint64_t changes;

	(void)state;
	make_second(&tree, cpus);
	write_at(&tree, TWO "/a/b", "cpu.max", "200000 100000\n");
	engine = make_at(&tree, FAST_MS, &ears);
	tree_write(&tree, "/proc/self/cgroup", "0::/gone\n");
	assert_true(wait_for_count(&ears.dropped, 3)); /* cpuset, quota, limit */
	assert_false(row_of(engine, "quota").works); /* under the lock under which the hook was called */
	assert_string_equal(ears.reason, "our control group is not visible here");
	assert_int_equal(counts_of(engine).quota, 2);
	changes = peek(&ears.changes);
	tree_write(&tree, "/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 102400 kB\n");
	assert_true(wait_for_count(&ears.changes, changes + 1));
	assert_int_equal(peek(&ears.dropped), 3);
	/* Who asks gets it back. */
	write_at(&tree, TWO "/gone", "cpu.max", "700000 100000\n");
	check_quota(engine, 7);
	assert_true(row_of(engine, "quota").works);
	end_engine(engine);
	tree_remove(&tree);
}

static void process_that_is_moved_has_the_quota_of_its_new_group(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	struct ears ears;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	write_at(&tree, TWO "/a/b", "cpu.max", "200000 100000\n");
	write_at(&tree, TWO "/c", "cpu.max", "500000 100000\n");
	write_at(&tree, TWO, "cpuset.cpus.effective", "0-63\n");
	engine = make_at(&tree, SLOW_MS, &ears);
	check_quota(engine, 2);
	tree_write(&tree, "/proc/self/cgroup", "0::/c\n");
	check_quota(engine, 5);
	tree_write(&tree, "/proc/self/cgroup", "0::/\n"); /* the root has no limit */
	check_quota(engine, 0);
	assert_int_equal(peek(&ears.dropped), 0);
	end_engine(engine);
	tree_remove(&tree);
}

/* A folder in the place of the file: reading fails, whoever we are. */
static void unreadable_quota_is_dropped(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	struct ears ears;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	engine = make_at(&tree, SLOW_MS, &ears);
	delete_at(&tree, TWO "/a/b", "cpu.max");
	write_at(&tree, TWO "/a/b/cpu.max", "x", "");
	check_quota(engine, 0);
	assert_int_equal(peek(&ears.dropped), 1);
	assert_string_equal(ears.source, "quota");
	assert_string_equal(ears.reason, "the quota of a control group cannot be read");
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- memory ---- */

static void second_group(const struct tree *tree, const char *folder, const char *limit, const char *usage, const char *stat)
{
	write_at(tree, folder, "memory.current", usage);
	write_at(tree, folder, "memory.stat", stat);
	write_at(tree, folder, "memory.max", limit);
}

static void tightest_memory_limit_is_the_machines_memory_S303_S317(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	engine = make_at(&tree, SLOW_MS, NULL);
	check_memory(engine, 1024, 500);
	/* 300 MiB of which 200 are used, 50 of those could be given back */
	second_group(&tree, TWO "/a/b", "314572800\n", "209715200\n", "anon 1\ninactive_file 52428800\n");
	check_memory(engine, 300, 150);
	/* A group above has less left, but a larger limit. */
	second_group(&tree, TWO "/a", "524288000\n", "515899392\n", "inactive_file 0\n");
	check_memory(engine, 300, 8);
	assert_true(memory_of(engine).low && !memory_of(engine).high);
	second_group(&tree, TWO "/a", "524288000\n", "600000000\n", "inactive_file 0\n"); /* above its limit */
	check_memory(engine, 300, 0);
	second_group(&tree, TWO "/a", "1073741824\n", "x\n", ""); /* not below the machine's: no limit, and not read */
	check_memory(engine, 300, 150);
	/* Above `high` a group is slowed down. */
	write_at(&tree, TWO "/a/b", "memory.high", "262144000\n");
	check_memory(engine, 250, 100);
	write_at(&tree, TWO "/a/b", "memory.high", "max\n");
	second_group(&tree, TWO "/a/b", "314572800\n", "1048576\n", "inactive_file 2097152\n"); /* more than is used */
	check_memory(engine, 300, 300);
	tree_write(&tree, "/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 20480 kB\n");
	check_memory(engine, 300, 20); /* the machine has no more */
	second_group(&tree, TWO "/a/b", "max\n", "1\n", "");
	check_memory(engine, 1024, 20);
	assert_int_equal(row_of(engine, "limit").malformed, 0);
	end_engine(engine);
	tree_remove(&tree);
}

static void memory_limit_of_version_1(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_first(&tree, cpus);
	engine = make_at(&tree, SLOW_MS, NULL);
	check_memory(engine, 1024, 500);
	write_at(&tree, MEMORY1 "/a", "memory.usage_in_bytes", "104857600\n");
	write_at(&tree, MEMORY1 "/a", "memory.stat", "inactive_file 52428800\ntotal_inactive_file 10485760\n");
	write_at(&tree, MEMORY1 "/a", "memory.limit_in_bytes", "209715200\n");
	check_memory(engine, 200, 110);
	end_engine(engine);
	tree_remove(&tree);
}

static void limit_without_meminfo_is_all_that_is_known(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	tree_delete(&tree, "/proc/meminfo");
	second_group(&tree, TWO "/a/b", "314572800\n", "209715200\n", "inactive_file 0\n");
	engine = make_at(&tree, SLOW_MS, NULL);
	check_memory(engine, 300, 100);
	end_engine(engine);
	tree_remove(&tree);
}

static void malformed_memory_files_change_nothing(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	make_second(&tree, cpus);
	second_group(&tree, TWO "/a/b", "314572800\n", "209715200\n", "inactive_file 0\n");
	engine = make_at(&tree, SLOW_MS, NULL);
	check_memory(engine, 300, 100);
	second_group(&tree, TWO "/a/b", "-1\n", "209715200\n", "inactive_file 0\n");
	check_memory(engine, 300, 100);
	second_group(&tree, TWO "/a/b", "104857600\n", "none\n", "inactive_file 0\n");
	check_memory(engine, 300, 100);
	second_group(&tree, TWO "/a/b", "104857600\n", "1048576\n", "inactive_anon 0\n");
	check_memory(engine, 300, 100);
	assert_int_equal(row_of(engine, "limit").malformed, 3);
	delete_at(&tree, TWO "/a/b", "memory.stat");
	check_memory(engine, 300, 100);
	assert_false(row_of(engine, "limit").works);
	end_engine(engine);
	tree_remove(&tree);
}

/* ---- cpuset ---- */

static void cpuset_narrows_a_machine_of_files_S006(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];
	char first[16];

	(void)state;
	for (int version = 1; version <= 2; version++) {
		const char *folder = version == 1 ? CPUSET1 "/a" : TWO "/a";
		const char *name = version == 1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective";

		if (version == 1)
			make_first(&tree, cpus);
		else
			make_second(&tree, cpus);
		(void)snprintf(first, sizeof(first), "%u\n", cpus[0]);
		write_at(&tree, folder, name, first);
		engine = make_at(&tree, SLOW_MS, NULL);
		assert_int_equal(counts_of(engine).usable, 1);
		write_at(&tree, folder, name, "0-63\n");
		assert_ok(dhp_engine_rescan(engine));
		assert_int_equal(counts_of(engine).usable, usable_cpus(cpus, 8));
		write_at(&tree, folder, name, first);
		assert_ok(dhp_engine_rescan(engine));
		assert_int_equal(counts_of(engine).usable, 1);
		assert_int_equal(counts_of(engine).active, usable_cpus(cpus, 8));
		write_at(&tree, folder, name, "0-63\n");
		assert_ok(dhp_engine_rescan(engine));
		/* Absurd numbers change nothing, and cost nothing. */
		write_at(&tree, folder, name, "0-4294967295\n");
		assert_ok(dhp_engine_rescan(engine));
		write_at(&tree, folder, name, "0-18446744073709551615\n");
		assert_ok(dhp_engine_rescan(engine));
		assert_int_equal(counts_of(engine).usable, usable_cpus(cpus, 8));
		assert_int_equal(row_of(engine, "cpuset").malformed, 2);
		delete_at(&tree, folder, name);
		assert_ok(dhp_engine_rescan(engine));
		assert_false(row_of(engine, "cpuset").works);
		assert_string_equal(row_of(engine, "cpuset").detail, "no visible control group has a cpuset");
		end_engine(engine);
		tree_remove(&tree);
	}
}

/* ---- where the groups are ---- */

static void without_control_groups_nothing_is_limited(void **state)
{
	static const char *const groups[] = { NULL, "", "garbage\n", "0::/a/b\n" };
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];

	(void)state;
	for (uint32_t i = 0; i < LENGTH(groups); i++) {
		(void)make_machine(&tree, cpus);
		if (groups[i] != NULL)
			tree_write(&tree, "/proc/self/cgroup", groups[i]);
		engine = make_at(&tree, SLOW_MS, NULL);
		check_quota(engine, 0);
		check_memory(engine, 1024, 500);
		assert_false(row_of(engine, "cpuset").works);
		assert_false(row_of(engine, "quota").works);
		assert_false(row_of(engine, "limit").works);
		end_engine(engine);
		tree_remove(&tree);
	}
}

static void mounts_longer_than_we_take_are_believed_as_far_as_they_go(void **state)
{
	static char text[70000];
	struct dhp_engine *engine;
	struct tree tree;
	uint32_t cpus[8];
	size_t length;

	(void)state;
	make_second(&tree, cpus);
	write_at(&tree, TWO "/a/b", "cpu.max", "200000 100000\n");
	length = (size_t)snprintf(text, sizeof(text), "2 1 0:1 / " TWO " rw - cgroup2 c rw\n");
	while (length < 69000)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "9 1 0:9 / /mnt/%zu rw - tmpfs t rw\n", length);
	tree_write(&tree, "/proc/self/mountinfo", text);
	engine = make_at(&tree, SLOW_MS, NULL);
	check_quota(engine, 2);
	end_engine(engine);
	tree_remove(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tightest_quota_on_the_way_up_wins_version_1),
		cmocka_unit_test(tightest_quota_on_the_way_up_wins_version_2),
		cmocka_unit_test(new_quota_is_a_change_of_the_set_and_found_by_poll_S804_S808),
		cmocka_unit_test(malformed_quota_is_counted_and_changes_nothing),
		cmocka_unit_test(malformed_quota_of_version_1_is_counted_and_changes_nothing),
		cmocka_unit_test(group_that_vanishes_is_told_once_and_the_rest_goes_on),
		cmocka_unit_test(process_that_is_moved_has_the_quota_of_its_new_group),
		cmocka_unit_test(unreadable_quota_is_dropped),
		cmocka_unit_test(tightest_memory_limit_is_the_machines_memory_S303_S317),
		cmocka_unit_test(memory_limit_of_version_1),
		cmocka_unit_test(limit_without_meminfo_is_all_that_is_known),
		cmocka_unit_test(malformed_memory_files_change_nothing),
		cmocka_unit_test(cpuset_narrows_a_machine_of_files_S006),
		cmocka_unit_test(without_control_groups_nothing_is_limited),
		cmocka_unit_test(mounts_longer_than_we_take_are_believed_as_far_as_they_go),
	};

	return cmocka_run_group_tests_name("fake_cgroup", tests, NULL, NULL);
}
