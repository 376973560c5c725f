/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signs that memory is getting short: what is written to the kernel's file or to one that the environment names, and what
 * makes us look.
 */
#include "child.h"
#include "tree.h"

#include <dhp/memory.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "source.h"

#define MIB ((uint64_t)1 << 20)
#define SLOW_MS 60000u /* what is seen soon was seen by a sign */

static void name_file(const char *path, const char *text)
{
	if (path != NULL)
		assert_int_equal(setenv("MEMORY_PRESSURE_WATCH", path, 1), 0);
	else
		assert_int_equal(unsetenv("MEMORY_PRESSURE_WATCH"), 0);
	if (text != NULL)
		assert_int_equal(setenv("MEMORY_PRESSURE_WRITE", text, 1), 0);
	else
		assert_int_equal(unsetenv("MEMORY_PRESSURE_WRITE"), 0);
}

static void make_machine(struct tree *tree)
{
	tree_make(tree);
	tree_write(tree, "/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 512000 kB\n");
}

static void full_path(const struct tree *tree, const char *path, char *full, size_t capacity)
{
	assert_true((size_t)snprintf(full, capacity, "%s%s", tree->root, path) < capacity);
}

static size_t content_of(const struct tree *tree, const char *path, char *text, size_t capacity)
{
	char full[160];
	ssize_t length;
	int file;

	full_path(tree, path, full, sizeof(full));
	file = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(file >= 0);
	length = read(file, text, capacity);
	assert_int_equal(close(file), 0);
	assert_true(length >= 0);
	return (size_t)length;
}

static struct dhp_engine *make_at(const struct tree *tree)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .root = tree->root,
		.poll_interval_ms = SLOW_MS, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

struct row {
	bool works;
	uint64_t changes, malformed;
	char detail[128];
};

static void find_row(const struct dhp_source *source, void *context)
{
	struct row *row = context;

	if (strcmp(source->name, "pressure") != 0)
		return;
	row->works = source->works;
	row->changes = source->changes_count;
	row->malformed = source->malformed_count;
	(void)snprintf(row->detail, sizeof(row->detail), "%s", source->detail);
}

static struct row row_of(struct dhp_engine *engine)
{
	struct row row = { .works = false };

	assert_ok(dhp_sources(engine, find_row, &row));
	return row;
}

static void check_absent(const struct tree *tree, const char *why, uint64_t malformed)
{
	struct dhp_engine *engine = make_at(tree);
	struct row row = row_of(engine);

	assert_false(row.works);
	assert_string_equal(row.detail, why);
	assert_int_equal(row.malformed, malformed);
	end_engine(engine);
}

static bool has_less(void *context)
{
	struct dhp_memory_info info;

	return dhp_memory_read(context, &info) == DHP_OK && info.available_bytes == 100 * MIB;
}

/* The amounts change, and only a sign makes us see it. */
static void check_that_we_look(const struct tree *tree, struct dhp_engine *engine, int file)
{
	tree_write(tree, "/proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 102400 kB\n");
	assert_false(has_less(engine));
	assert_int_equal(write(file, "!", 1), 1);
	assert_true(wait_until(has_less, engine));
	assert_true(row_of(engine).changes >= 1);
}

/* ---- the kernel's file ---- */

static void trigger_is_written_to_the_kernels_file(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	char text[64];

	(void)state;
	name_file(NULL, NULL);
	make_machine(&tree);
	check_absent(&tree, "this kernel does not tell of pressure", 0);
	tree_write(&tree, "/proc/pressure/memory", "");
	engine = make_at(&tree);
	assert_true(row_of(engine).works);
	/* Without a privilege the window must be a multiple of two seconds. */
	assert_int_equal(content_of(&tree, "/proc/pressure/memory", text, sizeof(text)), 20);
	assert_memory_equal(text, "some 200000 2000000", 20);
	end_engine(engine);
	tree_remove(&tree);
}

static void file_that_takes_no_trigger_is_not_used(void **state)
{
	struct tree tree;

	(void)state;
	name_file(NULL, NULL);
	make_machine(&tree);
	tree_write(&tree, "/proc/pressure/memory/x", ""); /* a folder cannot be written, whoever we are */
	check_absent(&tree, "no trigger can be set here; before Linux 6.4 only root can", 0);
	tree_remove(&tree);
}

/* ---- what the environment names ---- */

static void fifo_makes_us_look(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	char full[160], text[8];
	int file;

	(void)state;
	make_machine(&tree);
	full_path(&tree, "/fifo", full, sizeof(full));
	assert_int_equal(mkfifo(full, 0600), 0);
	name_file("/fifo", NULL);
	engine = make_at(&tree);
	assert_true(row_of(engine).works);
	file = open(full, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(file >= 0);
	check_that_we_look(&tree, engine, file);
	assert_int_equal(close(file), 0);
	assert_true(row_of(engine).works); /* whoever leaves: we hold it open */
	end_engine(engine);
	file = open(full, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(read(file, text, sizeof(text)), 0); /* nothing was written to it */
	assert_int_equal(close(file), 0);
	tree_remove(&tree);
}

static bool is_dropped(void *context)
{
	return !row_of(context).works;
}

static void socket_is_told_what_the_environment_says_and_makes_us_look(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct dhp_engine *engine;
	struct tree tree;
	int listener, peer;
	char text[64];

	(void)state;
	make_machine(&tree);
	full_path(&tree, "/socket", address.sun_path, sizeof(address.sun_path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
	name_file("/socket", "Zm9vYg==");
	check_absent(&tree, "what MEMORY_PRESSURE_WATCH names cannot be watched", 0); /* nobody listens */
	assert_int_equal(listen(listener, 4), 0);
	engine = make_at(&tree);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(recv(peer, text, sizeof(text), 0), 4);
	assert_memory_equal(text, "foob", 4);
	check_that_we_look(&tree, engine, peer);
	assert_int_equal(close(peer), 0);
	assert_true(wait_until(is_dropped, engine));
	assert_string_equal(row_of(engine).detail, "it has disappeared");
	end_engine(engine);
	assert_int_equal(close(listener), 0);
	tree_remove(&tree);
}

static void file_of_the_environment_gets_its_text(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;
	char text[64];

	(void)state;
	make_machine(&tree);
	tree_write(&tree, "/group/memory.pressure", "");
	name_file("/group/memory.pressure", "c29tZSAyMDAwMDAgMjAwMDAwMA==");
	engine = make_at(&tree);
	assert_true(row_of(engine).works);
	assert_int_equal(content_of(&tree, "/group/memory.pressure", text, sizeof(text)), 19);
	end_engine(engine);
	tree_remove(&tree);
}

static void unusable_environment_is_said_to_be_so(void **state)
{
	static char long_path[1100];
	struct tree tree;

	(void)state;
	make_machine(&tree);
	tree_write(&tree, "/proc/pressure/memory", "");
	tree_write(&tree, "/file", "");
	name_file("/dev/null", NULL);
	check_absent(&tree, "MEMORY_PRESSURE_WATCH says that nothing shall be watched", 0);
	name_file("file", NULL);
	check_absent(&tree, "MEMORY_PRESSURE_WATCH is no path of a file", 1);
	name_file("", NULL);
	check_absent(&tree, "MEMORY_PRESSURE_WATCH is no path of a file", 1);
	memset(long_path, '/', sizeof(long_path) - 1);
	name_file(long_path, NULL);
	check_absent(&tree, "MEMORY_PRESSURE_WATCH is no path of a file", 1);
	name_file("/none", NULL);
	check_absent(&tree, "what MEMORY_PRESSURE_WATCH names cannot be watched", 0);
	name_file("/file", "Zm9vYg");
	check_absent(&tree, "MEMORY_PRESSURE_WRITE is malformed", 1);
	tree_remove(&tree);
}

/* ---- what wakes us, by itself ---- */

/* White box: the kernel says by an error that the group has gone. */
static void trigger_without_its_group_is_gone(void **state)
{
	struct dhpi_source source = { .events = POLLPRI };
	bool sign = false;

	(void)state;
	assert_int_equal(dhpi_source_pressure.ready(&source, POLLPRI | POLLERR, &sign), DHPI_LOOK_GONE);
	assert_int_equal(dhpi_source_pressure.ready(&source, POLLHUP, &sign), DHPI_LOOK_GONE);
	assert_false(sign);
}

static int clear_environment(void **state)
{
	(void)state;
	name_file(NULL, NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(trigger_is_written_to_the_kernels_file, clear_environment),
		cmocka_unit_test_teardown(file_that_takes_no_trigger_is_not_used, clear_environment),
		cmocka_unit_test_teardown(fifo_makes_us_look, clear_environment),
		cmocka_unit_test_teardown(socket_is_told_what_the_environment_says_and_makes_us_look, clear_environment),
		cmocka_unit_test_teardown(file_of_the_environment_gets_its_text, clear_environment),
		cmocka_unit_test_teardown(unusable_environment_is_said_to_be_so, clear_environment),
		cmocka_unit_test_teardown(trigger_without_its_group_is_gone, clear_environment),
	};

	return cmocka_run_group_tests_name("fake_pressure", tests, NULL, NULL);
}
