/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Texts about control groups, good, malformed and cut off.
 */
#include "support.h"

#include "linux.h"

#define OLD "9:name=systemd:/\n5:memory:/process/abc\n4:cpu,cpuacct:/a/b\n3:cpuset:/\n0::/two\n"
#define NEW "0::/user.slice/app.scope\n"

/* A copy of the exact length, so that a sanitizer sees a read beyond the end. */
static char *exactly(const char *text, size_t length)
{
	char *copy = test_malloc(length + (length == 0));

	memcpy(copy, text, length);
	return copy;
}

/* ---- which group ---- */

static enum dhpi_look path_of(const char *text, size_t length, const char *controller, char *path, uint32_t *version)
{
	char *copy = exactly(text, length);
	enum dhpi_look look = dhpi_cgroup_path_parse(copy, length, controller, path, 64, version);

	test_free(copy);
	return look;
}

static void check_path(const char *text, const char *controller, const char *path, uint32_t version)
{
	char found[64] = "?";
	uint32_t found_version = 0;

	assert_int_equal(path_of(text, strlen(text), controller, found, &found_version), DHPI_LOOK_FINE);
	assert_string_equal(found, path);
	assert_int_equal(found_version, version);
}

static void our_group_is_found_in_either_version(void **state)
{
	(void)state;
	check_path(OLD, "cpu", "/a/b", 1);
	check_path(OLD, "cpuset", "/", 1);
	check_path(OLD, "memory", "/process/abc", 1);
	check_path(OLD, "pids", "/two", 2);
	check_path(NEW, "cpu", "/user.slice/app.scope", 2);
	check_path("2:cpuacct,cpu:/x:y\n", "cpu", "/x:y", 1);
}

static void malformed_lists_of_groups_are_refused(void **state)
{
	static const char *const bad[] = { "0::/a", "x", "0:\n", "0:/a\n", "x:cpu:/a\n", ":cpu:/a\n", "1:cpu:\n", "1:cpu:a\n",
		"0::\n", "0::/a\n\n", "1:cpu:/a\n0::/b", "99999999999999999999:cpu:/a\n",
		"0::/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" };
	char path[64] = "same";
	uint32_t version = 0;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++)
		assert_int_equal(path_of(bad[i], strlen(bad[i]), "cpu", path, &version), DHPI_LOOK_MALFORMED);
	assert_int_equal(path_of("0::/a\0b\n", 8, "cpu", path, &version), DHPI_LOOK_MALFORMED);
	assert_int_equal(path_of("", 0, "cpu", path, &version), DHPI_LOOK_GONE);
	assert_int_equal(path_of("3:cpuset:/\n", 11, "cpu", path, &version), DHPI_LOOK_GONE);
	assert_int_equal(path_of("3:xcpu,cpux:/\n", 14, "cpu", path, &version), DHPI_LOOK_GONE);
	assert_string_equal(path, "same");
}

/* ---- where it is ---- */

#define MOUNTS                                                                                             \
	"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"                                                            \
	"30 22 0:26 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs ro,mode=755\n"                              \
	"32 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 master:1 - cgroup cgroup rw,cpu,cpuacct\n"   \
	"35 30 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                        \
	"41 30 0:38 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n"

static enum dhpi_look mount_of(const char *text, size_t length, const char *controller, const char *path, uint32_t version,
			       struct dhpi_cgroup *group)
{
	char *copy = exactly(text, length);
	enum dhpi_look look = dhpi_cgroup_mount_parse(copy, length, controller, path, version, group);

	test_free(copy);
	return look;
}

static void check_mount(const char *controller, const char *path, uint32_t version, const char *folder, const char *top)
{
	struct dhpi_cgroup group = { .version = 9 };

	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS), controller, path, version, &group), DHPI_LOOK_FINE);
	assert_string_equal(group.folder, folder);
	assert_int_equal(group.length, strlen(folder));
	assert_int_equal(group.top_length, strlen(top));
	assert_int_equal(group.version, version);
}

static void the_place_of_our_group_is_found(void **state)
{
	(void)state;
	check_mount("cpu", "/a/b", 1, "/sys/fs/cgroup/cpu,cpuacct/a/b", "/sys/fs/cgroup/cpu,cpuacct");
	check_mount("cpu", "/", 1, "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct");
	/* What is mounted is part of a hierarchy: a container whose groups have no namespace of their own. */
	check_mount("memory", "/docker/1", 1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory");
	check_mount("memory", "/docker/1/deep", 1, "/sys/fs/cgroup/memory/deep", "/sys/fs/cgroup/memory");
	check_mount("", "/x", 2, "/sys/fs/cgroup/uni fied/x", "/sys/fs/cgroup/uni fied");
	check_mount("", "/..x", 2, "/sys/fs/cgroup/uni fied/..x", "/sys/fs/cgroup/uni fied"); /* a name like any other */
}

static void group_that_no_mount_shows_is_not_found(void **state)
{
	struct dhpi_cgroup group = { .version = 9 };

	(void)state;
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS), "memory", "/docker/12", 1, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS), "memory", "/other", 1, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS), "cpuset", "/", 1, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS), "", "/../outside", 2, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS), "", "/..", 2, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of("", 0, "cpu", "/", 1, &group), DHPI_LOOK_GONE);
	/* A list that was cut off: its complete lines count. */
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS) - 1, "", "/x", 2, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of(MOUNTS, strlen(MOUNTS) - 1, "cpu", "/", 1, &group), DHPI_LOOK_FINE);
	assert_int_equal(group.version, 1);
}

#define ODD_MOUNT "1 2 3 / /a\\400\\0a0\\08\\\\04040\\00:\\/040\\040\\04 rw - cgroup2 c rw\n"

static void malformed_mounts_are_refused(void **state)
{
	static const char *const bad[] = { "\n", "1 2 3\n", "1 2 3 / /x rw\n", "1 2 3 / /x rw shared:1\n", "1 2 3 / /x rw -\n",
		"1 2 3 / /x rw - cgroup2\n", "1 2 3 / /x rw - cgroup2 \n" };
	static const char *const unusable[] = { "1 2 3 x /x rw - cgroup2 c rw\n", "1 2 3 / x rw - cgroup2 c rw\n",
		"1 2 3 / \\000 rw - cgroup2 c rw\n" };
	struct dhpi_cgroup group = { .version = 9 };
	char long_line[2000];

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++)
		assert_int_equal(mount_of(bad[i], strlen(bad[i]), "cpu", "/", 2, &group), DHPI_LOOK_MALFORMED);
	for (size_t i = 0; i < LENGTH(unusable); i++)
		assert_int_equal(mount_of(unusable[i], strlen(unusable[i]), "cpu", "/", 2, &group), DHPI_LOOK_GONE);
	(void)snprintf(long_line, sizeof(long_line), "1 2 3 / /%0900d rw - cgroup2 c rw\n", 0);
	assert_int_equal(mount_of(long_line, strlen(long_line), "cpu", "/", 2, &group), DHPI_LOOK_GONE);
	(void)snprintf(long_line, sizeof(long_line), "1 2 3 / /%0630d rw - cgroup2 c rw\n", 0);
	assert_int_equal(mount_of(long_line, strlen(long_line), "cpu", "/", 2, &group), DHPI_LOOK_FINE);
	assert_int_equal(mount_of(long_line, strlen(long_line), "cpu", "/123456789", 2, &group), DHPI_LOOK_GONE);
	assert_int_equal(mount_of(long_line, strlen(long_line), "cpu", "/1234567", 2, &group), DHPI_LOOK_FINE);
	assert_int_equal(group.length, 639);
	/* A backslash before anything but three digits of a byte stands for itself. */
	assert_int_equal(mount_of(ODD_MOUNT, strlen(ODD_MOUNT), "", "/x", 2, &group), DHPI_LOOK_FINE);
	assert_string_equal(group.folder, "/a\\400\\0a0\\08\\ 40\\00:\\/040 \\04/x");
}

/* ---- the files ---- */

static void amounts_are_read(void **state)
{
	static const char *const bad[] = { "", "\n", "5", "max", "-1\n", " 5\n", "5 \n", "5\n5\n", "0x5\n", "maximum\n",
		"18446744073709551616\n", "99999999999999999999999\n" };
	uint64_t bytes = 7;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		char *copy = exactly(bad[i], strlen(bad[i]));

		assert_false(dhpi_cgroup_bytes_parse(copy, strlen(bad[i]), &bytes));
		test_free(copy);
	}
	assert_true(bytes == 7);
	assert_true(dhpi_cgroup_bytes_parse("max\n", 4, &bytes) && bytes == UINT64_MAX);
	assert_true(dhpi_cgroup_bytes_parse("0\n", 2, &bytes) && bytes == 0);
	assert_true(dhpi_cgroup_bytes_parse("9223372036854771712\n", 20, &bytes) && bytes == 9223372036854771712u);
}

static void quotas_are_read(void **state)
{
	static const char *const bad_max[] = { "", "max\n", "max \n", "100 0\n", "0 100\n", "100 100", "-1 100\n", "100  100\n",
		"100 100 100\n", "max max\n", "100\n" };
	static const char *const bad_quota[] = { "", "-1", "-2\n", "0\n", "max\n", "1 \n", "--1\n" };
	uint64_t us = 7, period = 8;

	(void)state;
	for (size_t i = 0; i < LENGTH(bad_max); i++)
		assert_false(dhpi_cgroup_cpu_max_parse(bad_max[i], strlen(bad_max[i]), &us, &period));
	for (size_t i = 0; i < LENGTH(bad_quota); i++)
		assert_false(dhpi_cgroup_quota_parse(bad_quota[i], strlen(bad_quota[i]), &us));
	assert_true(us == 7 && period == 8);
	assert_true(dhpi_cgroup_cpu_max_parse("max 100000\n", 11, &us, &period) && us == 0 && period == 100000);
	assert_true(dhpi_cgroup_cpu_max_parse("150000 100000\n", 14, &us, &period) && us == 150000);
	assert_true(dhpi_cgroup_quota_parse("-1\n", 3, &us) && us == 0);
	assert_true(dhpi_cgroup_quota_parse("25000\n", 6, &us) && us == 25000);
}

static void quota_is_rounded_up_to_at_least_one(void **state)
{
	(void)state;
	assert_int_equal(dhpi_quota_processors(1, 100000), 1);
	assert_int_equal(dhpi_quota_processors(100000, 100000), 1);
	assert_int_equal(dhpi_quota_processors(100001, 100000), 2);
	assert_int_equal(dhpi_quota_processors(200000, 100000), 2);
	assert_int_equal(dhpi_quota_processors(UINT64_MAX, 1), UINT32_MAX);
}

static void statistics_are_found_by_key(void **state)
{
	static const char text[] = "anon 5\ninactive_file 4096\nactive_file 7\nbroken\nlast 9";
	uint64_t value = 1;

	(void)state;
	assert_false(dhpi_cgroup_stat_parse(text, sizeof(text) - 1, "file", &value));
	assert_false(dhpi_cgroup_stat_parse(text, sizeof(text) - 1, "broken", &value));
	assert_false(dhpi_cgroup_stat_parse(text, sizeof(text) - 1, "last", &value)); /* its end is missing */
	assert_false(dhpi_cgroup_stat_parse("anon x\n", 7, "anon", &value));
	assert_true(value == 1);
	assert_true(dhpi_cgroup_stat_parse(text, sizeof(text) - 1, "inactive_file", &value) && value == 4096);
	assert_true(dhpi_cgroup_stat_parse(text, sizeof(text) - 1, "anon", &value) && value == 5);
}

/* ---- whatever comes ---- */

static void random_texts_are_safe(void **state)
{
	static const char seed[] = MOUNTS OLD;
	uint64_t dice = 11;
	uint32_t refused = 0;

	(void)state;
	for (int round = 0; round < TIMES(30000); round++) {
		char text[sizeof(seed)], path[64];
		struct dhpi_cgroup group;
		uint32_t version;
		size_t length = (size_t)(roll(&dice) % sizeof(text)), from = (size_t)(roll(&dice) % (sizeof(text) - length));

		memcpy(text, seed, sizeof(text));
		for (uint32_t i = 0; i < 4; i++)
			text[roll(&dice) % sizeof(text)] = (char)roll(&dice);
		refused += path_of(text + from, length, "cpu", path, &version) != DHPI_LOOK_FINE;
		refused += mount_of(text + from, length, "cpu", "/a", 1, &group) != DHPI_LOOK_FINE;
	}
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_group_is_found_in_either_version),
		cmocka_unit_test(malformed_lists_of_groups_are_refused),
		cmocka_unit_test(the_place_of_our_group_is_found),
		cmocka_unit_test(group_that_no_mount_shows_is_not_found),
		cmocka_unit_test(malformed_mounts_are_refused),
		cmocka_unit_test(amounts_are_read),
		cmocka_unit_test(quotas_are_read),
		cmocka_unit_test(quota_is_rounded_up_to_at_least_one),
		cmocka_unit_test(statistics_are_found_by_key),
		cmocka_unit_test(random_texts_are_safe),
	};

	return cmocka_run_group_tests_name("cgroup_parse", tests, NULL, NULL);
}
