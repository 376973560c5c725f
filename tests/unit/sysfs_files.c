/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of a machine that is a directory: good, missing, empty, malformed, longer than we take.
 */
#include "support.h"

#include <errno.h>

#include "linux.h"
#include "tree.h"

static void lists_are_read_from_files(void **state)
{
	struct tree tree;
	static struct dhpi_cpus cpus;
	struct dhpi_cpulist list;

	(void)state;
	tree_make(&tree);
	tree_write(&tree, "/sys/devices/system/cpu/online", "0-2,5\n");
	dhpi_cpus_clear(&cpus);
	assert_true(dhpi_sysfs_list(tree.root, "/sys/devices/system/cpu/online", &cpus, &list));
	assert_int_equal(list.count, 4);
	assert_int_equal(list.limit, 6);
	assert_true(dhpi_cpus_has(&cpus, 5) && !dhpi_cpus_has(&cpus, 3));
	tree_write(&tree, "/sys/devices/system/cpu/offline", "\n");
	assert_true(dhpi_sysfs_list(tree.root, "/sys/devices/system/cpu/offline", NULL, &list));
	assert_int_equal(list.count, 0);
	tree_remove(&tree);
}

static void unusable_files_are_refused(void **state)
{
	struct tree tree;
	struct dhpi_cpulist list;
	static char text[8192];

	(void)state;
	tree_make(&tree);
	assert_false(dhpi_sysfs_list(tree.root, "/sys/none", NULL, &list));
	tree_write(&tree, "/sys/bad", "0-3,oops\n");
	assert_false(dhpi_sysfs_list(tree.root, "/sys/bad", NULL, &list));
	assert_false(dhpi_sysfs_list(tree.root, "/sys", NULL, &list)); /* a directory */
	/* Longer than is read at once: a list that was cut off must not pass for a shorter one. */
	for (uint32_t cpu = 0, length = 0; length < 5000; cpu += 2)
		length += (uint32_t)snprintf(text + length, sizeof(text) - length, "%s%u", cpu ? "," : "", cpu);
	tree_write(&tree, "/sys/long", text);
	assert_false(dhpi_sysfs_list(tree.root, "/sys/long", NULL, &list));
	tree_remove(&tree);
}

/* What fills the room may have been longer. */
static void a_text_that_fills_the_room_is_refused(void **state)
{
	struct tree tree;
	char text[16];
	size_t length = 0;

	(void)state;
	tree_make(&tree);
	tree_write(&tree, "/sys/four", "0-3\n");
	assert_int_equal(dhpi_file_text(tree.root, "/sys/four", text, 4, &length), DHPI_LOOK_MALFORMED);
	assert_int_equal(dhpi_file_text(tree.root, "/sys/four", text, 5, &length), DHPI_LOOK_FINE);
	assert_int_equal(length, 4);
	tree_remove(&tree);
}

/* A program that has used up its descriptors may have one again at the next look. */
static void only_what_may_pass_is_tried_again(void **state)
{
	static const int passing[] = { EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN }, lasting[] = { ENOENT, EACCES, EIO, ENODEV };

	(void)state;
	for (size_t i = 0; i < LENGTH(passing); i++) {
		errno = passing[i];
		assert_int_equal(dhpi_file_refused(), DHPI_LOOK_LATER);
	}
	for (size_t i = 0; i < LENGTH(lasting); i++) {
		errno = lasting[i];
		assert_int_equal(dhpi_file_refused(), DHPI_LOOK_GONE);
	}
}

static void path_longer_than_the_limit_is_refused(void **state)
{
	static char root[600];
	struct dhpi_cpulist list;

	(void)state;
	memset(root, 'x', sizeof(root) - 1);
	assert_false(dhpi_sysfs_list(root, "/sys/devices/system/cpu/online", NULL, &list));
}

static void numbers_are_read_from_files(void **state)
{
	static const char *const bad[] = { "", "\n", "-\n", "x\n", "1-2\n", "1,2\n", "99999999999\n", "1234567890123456\n" };
	static const char core[] = "/sys/devices/system/cpu/cpu3/topology/core_id";
	struct dhp_processor processor = { .cpu = 3 };
	struct tree tree;

	(void)state;
	tree_make(&tree);
	tree_write(&tree, core, "42\n");
	assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 0);
	assert_int_equal(processor.core, 42);
	tree_write(&tree, core, "0");
	assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 0);
	assert_int_equal(processor.core, 0);
	for (size_t i = 0; i < LENGTH(bad); i++) {
		tree_write(&tree, core, bad[i]);
		assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 1);
		assert_int_equal(processor.core, DHP_UNKNOWN);
	}
	tree_delete(&tree, core);
	assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 0);
	tree_remove(&tree);
}

static void topology_is_found_or_unknown(void **state)
{
	struct tree tree;
	struct dhp_processor processor = { .cpu = 3 };

	(void)state;
	tree_make(&tree);
	dhpi_sysfs_topology(tree.root, &processor);
	assert_int_equal(processor.package, DHP_UNKNOWN);
	assert_int_equal(processor.core, DHP_UNKNOWN);
	assert_int_equal(processor.node, 0);
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/physical_package_id", "1\n");
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/core_id", "6\n");
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3,7\n");
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/node2/x", "");
	tree_write(&tree, "/sys/devices/system/node/possible", "0-3\n");
	assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 0);
	assert_int_equal(processor.thread, 1);
	assert_int_equal(processor.package, 1);
	assert_int_equal(processor.core, 6);
	assert_int_equal(processor.node, 2);
	/* -1 is what some virtual machines say. */
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/physical_package_id", "-1\n");
	assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 0);
	assert_int_equal(processor.package, DHP_UNKNOWN);
	/* What is malformed is counted, and so is a list without the processor itself. */
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/physical_package_id", "one\n");
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/core_id", "4294967295\n");
	tree_write(&tree, "/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,7\n");
	assert_int_equal(dhpi_sysfs_topology(tree.root, &processor), 3);
	assert_int_equal(processor.package, DHP_UNKNOWN);
	assert_int_equal(processor.core, DHP_UNKNOWN);
	assert_int_equal(processor.thread, DHP_UNKNOWN);
	tree_remove(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_from_files),
		cmocka_unit_test(unusable_files_are_refused),
		cmocka_unit_test(a_text_that_fills_the_room_is_refused),
		cmocka_unit_test(only_what_may_pass_is_tried_again),
		cmocka_unit_test(path_longer_than_the_limit_is_refused),
		cmocka_unit_test(numbers_are_read_from_files),
		cmocka_unit_test(topology_is_found_or_unknown),
	};

	return cmocka_run_group_tests_name("sysfs_files", tests, NULL, NULL);
}
