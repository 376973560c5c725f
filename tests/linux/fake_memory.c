/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a machine whose files are ours: what /proc/meminfo says and which blocks are online.
 */
#include "child.h"
#include "tree.h"

#include <dhp/memory.h>

#define MEMINFO "/proc/meminfo"
#define MIB ((uint64_t)1 << 20)
#define SLOW_MS 3600000u
#define FAST_MS 2u
#define SIGN_MS 1500u /* so few looks that without a sign nothing is found while a test waits */

static void write_meminfo(const struct tree *tree, uint64_t total_mib, uint64_t available_mib)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "MemTotal: %8llu kB\nMemFree: 1 kB\nMemAvailable: %8llu kB\nBuffers: 3 kB\n",
		       (unsigned long long)total_mib * 1024, (unsigned long long)available_mib * 1024);
	tree_write(tree, MEMINFO, text);
}

static void write_block(const struct tree *tree, const char *name, const char *state)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/sys/devices/system/memory/%s/state", name);
	tree_write(tree, path, state);
}

static struct dhp_engine *make_at(const struct tree *tree, uint32_t poll_ms)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .root = tree->root, .poll_interval_ms = poll_ms,
		.low_memory_mib = 100, .high_memory_mib = 200, .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

/* 1 GiB of which 500 MiB are available, in the blocks 0 and 7. */
static void make_good_tree(struct tree *tree)
{
	tree_make(tree);
	write_meminfo(tree, 1024, 500);
	write_block(tree, "memory0", "online\n");
	write_block(tree, "memory7", "online\n");
}

static struct dhp_memory_info info_of(struct dhp_engine *engine)
{
	struct dhp_memory_info info;

	assert_ok(dhp_memory_read(engine, &info));
	return info;
}

struct names {
	uint64_t count; /* the last to be written */
	char names[16][48];
};

static void note_name(void *context, const struct dhp_arrival *arrival)
{
	struct names *names = context;
	uint64_t at = peek(&names->count);

	(void)snprintf(names->names[at % 16], sizeof(names->names[0]), "%s", arrival->name);
	(void)bump(&names->count);
}

static struct dhp_arrival_notify *listen(struct dhp_engine *engine, struct names *names, uint32_t flags)
{
	struct dhp_arrival_notify *registration;

	*names = (struct names){ .count = 0 };
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_MEMORY, note_name, names, flags, &registration));
	return registration;
}

static void drain(struct dhp_engine *engine)
{
	assert_ok(dhp_arrival_drain(engine));
}

static void amounts_come_from_meminfo_and_are_the_machines_S314(void **state)
{
	struct dhp_engine *engines[2];
	struct tree tree;

	(void)state;
	make_good_tree(&tree);
	for (uint32_t i = 0; i < 2; i++)
		engines[i] = make_at(&tree, SLOW_MS);
	for (uint32_t i = 0; i < 2; i++) {
		struct dhp_memory_info info = info_of(engines[i]);

		assert_true(info.total_bytes == 1024 * MIB && info.available_bytes == 500 * MIB);
		assert_true(info.low_bytes == 100 * MIB && info.high_bytes == 200 * MIB);
		assert_true(info.high && !info.low);
		assert_int_equal(info.modules_count, 2);
	}
	write_meminfo(&tree, 1024, 90);
	for (uint32_t i = 0; i < 2; i++) {
		assert_ok(dhp_engine_rescan(engines[i]));
		assert_true(info_of(engines[i]).low && !info_of(engines[i]).high);
		end_engine(engines[i]);
	}
	tree_remove(&tree);
}

static void poll_wakes_who_waits_S302_S317(void **state)
{
	struct dhp_memory_event *low = NULL, *high = NULL;
	struct dhp_engine *engine;
	struct tree tree;
	bool signalled = true;

	(void)state;
	make_good_tree(&tree);
	engine = make_at(&tree, FAST_MS);
	assert_ok(dhp_memory_event_open(engine, "LowMemoryCondition", &low));
	assert_ok(dhp_memory_event_open(engine, "\\KernelObjects\\HighMemoryCondition", &high));
	assert_ok(dhp_memory_event_wait(high, DHP_MEMORY_FOREVER));
	write_meminfo(&tree, 1024, 100);
	assert_ok(dhp_memory_event_wait(low, DHP_MEMORY_FOREVER));
	assert_ok(dhp_memory_event_query(high, &signalled));
	assert_false(signalled);
	write_meminfo(&tree, 1024, 200);
	assert_ok(dhp_memory_event_wait(high, DHP_MEMORY_FOREVER));
	assert_ok(dhp_memory_event_close(low));
	assert_ok(dhp_memory_event_close(high));
	end_engine(engine);
	tree_remove(&tree);
}

/* Found by the look that follows: another total is the sign, no message comes from a fake root. */
static void block_that_goes_online_arrives_when_the_total_grows_S206_S225_S237(void **state)
{
	struct dhp_arrival_notify *registrations[2];
	struct names fresh, existing;
	struct dhp_engine *engine;
	struct tree tree;

	(void)state;
	make_good_tree(&tree);
	write_block(&tree, "memory8", "offline\n");
	engine = make_at(&tree, SIGN_MS);
	registrations[0] = listen(engine, &fresh, 0);
	drain(engine);
	assert_int_equal(peek(&fresh.count), 0);
	write_block(&tree, "memory9", "online\n");
	write_meminfo(&tree, 1152, 600);
	assert_true(wait_for_count(&fresh.count, 1));
	drain(engine);
	assert_string_equal(fresh.names[0], "memory-9");
	assert_true(info_of(engine).total_bytes == 1152 * MIB);
	write_block(&tree, "memory8", "online\n");
	assert_ok(dhp_engine_rescan(engine)); /* without a sign, for who asks */
	drain(engine);
	assert_int_equal(peek(&fresh.count), 2);
	assert_string_equal(fresh.names[1], "memory-8");
	registrations[1] = listen(engine, &existing, DHP_NOTIFY_EXISTING);
	assert_int_equal(peek(&existing.count), 4);
	assert_string_equal(existing.names[2], "memory-9");
	assert_string_equal(existing.names[3], "memory-8");
	assert_int_equal(info_of(engine).modules_count, 4);
	for (uint32_t i = 0; i < 2; i++)
		assert_ok(dhp_arrival_unregister(registrations[i]));
	end_engine(engine);
	tree_remove(&tree);
}

/* The total was seen before the block called itself online, and no message comes: every now and then is often enough. */
static void late_block_is_found_without_a_sign(void **state)
{
	struct dhp_arrival_notify *registration;
	struct dhp_engine *engine;
	struct names names;
	struct tree tree;

	(void)state;
	make_good_tree(&tree);
	engine = make_at(&tree, FAST_MS);
	registration = listen(engine, &names, 0);
	write_block(&tree, "memory20", "online\n");
	assert_true(wait_for_count(&names.count, 1));
	drain(engine);
	assert_string_equal(names.names[0], "memory-20");
	assert_ok(dhp_arrival_unregister(registration));
	end_engine(engine);
	tree_remove(&tree);
}

/* S-235: nothing goes away on this channel, and what comes back is no news. */
static void block_that_goes_and_comes_back_is_no_news_S235(void **state)
{
	struct dhp_arrival_notify *registration;
	struct dhp_engine *engine;
	struct names names;
	struct tree tree;

	(void)state;
	make_good_tree(&tree);
	engine = make_at(&tree, SLOW_MS);
	registration = listen(engine, &names, 0);
	for (int i = 0; i < 2; i++) {
		write_block(&tree, "memory7", i == 0 ? "offline\n" : "online\n");
		write_meminfo(&tree, i == 0 ? 896 : 1024, 300);
		assert_ok(dhp_engine_rescan(engine));
		drain(engine);
		assert_int_equal(peek(&names.count), 0);
		assert_true(info_of(engine).total_bytes == (i == 0 ? 896 : 1024) * MIB);
		assert_int_equal(info_of(engine).modules_count, 2);
	}
	assert_ok(dhp_arrival_unregister(registration));
	end_engine(engine);
	tree_remove(&tree);
}

static void names_and_states_that_are_not_the_kernels_are_passed_over(void **state)
{
	static const char *const names[] = { "memory", "memory01", "memoryx", "memory1x", "memory-1", "memory 1", "xmemory1",
		"Memory1", "memory131072", "memory4294967296", "memory99999999999999999999", "memory0x1", "power" };
	static const char *const states[] = { "", "online", "offline\n", "going-offline\n", "online\nx", "ONLINE\n",
		"online online online online online online\n" };
	struct dhp_engine *engine;
	struct tree tree;

	(void)state;
	make_good_tree(&tree);
	for (size_t i = 0; i < LENGTH(names); i++)
		write_block(&tree, names[i], "online\n");
	for (uint32_t i = 0; i < LENGTH(states); i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "memory%u", 100 + i);
		write_block(&tree, name, states[i]);
	}
	tree_write(&tree, "/sys/devices/system/memory/memory50", "a file\n");
	tree_write(&tree, "/sys/devices/system/memory/memory51/other", "no state\n");
	write_block(&tree, "memory131071", "online\n"); /* the last one */
	engine = make_at(&tree, SLOW_MS);
	assert_int_equal(info_of(engine).modules_count, 3);
	end_engine(engine);
	tree_remove(&tree);
}

static void without_meminfo_there_are_no_conditions_and_no_harm_S301(void **state)
{
	static const char *const unusable[] = { NULL, "", "garbage\n", "MemTotal: 0 kB\nMemFree: 0 kB\n", "MemTotal: 5 kB\n" };

	(void)state;
	for (size_t i = 0; i < LENGTH(unusable); i++) {
		struct dhp_memory_info info = { .total_bytes = 77 };
		struct dhp_memory_event *event = NULL;
		struct dhp_arrival_notify *registration;
		struct dhp_engine *engine;
		struct names names;
		struct tree tree;

		tree_make(&tree);
		if (unusable[i] != NULL)
			tree_write(&tree, MEMINFO, unusable[i]);
		engine = make_at(&tree, SLOW_MS);
		assert_status(dhp_memory_read(engine, &info), DHP_NOT_SUPPORTED);
		assert_true(info.total_bytes == 77);
		assert_status(dhp_memory_event_open(engine, "LowMemoryCondition", &event), DHP_NOT_SUPPORTED);
		assert_status(dhp_memory_event_open(engine, "HighMemoryCondition", &event), DHP_NOT_SUPPORTED);
		assert_status(dhp_memory_event_open(engine, "NoSuchCondition", &event), DHP_BAD_NAME);
		assert_null(event);
		registration = listen(engine, &names, DHP_NOTIFY_EXISTING);
		assert_int_equal(peek(&names.count), 0);
		write_meminfo(&tree, 1024, 500); /* it is there now */
		assert_ok(dhp_engine_rescan(engine));
		assert_ok(dhp_memory_event_open(engine, "HighMemoryCondition", &event));
		assert_ok(dhp_memory_event_wait(event, 0));
		/* And gone again: what was said last stays. */
		tree_delete(&tree, MEMINFO);
		assert_ok(dhp_engine_rescan(engine));
		assert_true(info_of(engine).total_bytes == 1024 * MIB && info_of(engine).high);
		assert_ok(dhp_memory_event_wait(event, 0));
		assert_ok(dhp_memory_event_close(event));
		assert_ok(dhp_arrival_unregister(registration));
		end_engine(engine);
		tree_remove(&tree);
	}
}

static void text_longer_than_we_take_is_not_believed(void **state)
{
	static char text[8300];
	struct dhp_engine *engine;
	struct dhp_memory_info info;
	struct tree tree;

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	memcpy(text, "MemTotal: 8 kB\nMemFree: 1 kB\n", 29);
	tree_make(&tree);
	tree_write(&tree, MEMINFO, text);
	engine = make_at(&tree, SLOW_MS);
	assert_status(dhp_memory_read(engine, &info), DHP_NOT_SUPPORTED);
	text[8191] = '\0';
	tree_write(&tree, MEMINFO, text);
	assert_ok(dhp_engine_rescan(engine));
	assert_true(info_of(engine).total_bytes == 8192);
	end_engine(engine);
	tree_remove(&tree);
}

struct found {
	bool meminfo, blocks;
};

static void find_sources(const struct dhp_source *source, void *context)
{
	struct found *found = context;

	if (strcmp(source->name, "meminfo") == 0)
		found->meminfo = source->works;
	if (strcmp(source->name, "blocks") == 0)
		found->blocks = source->works;
}

static void sources_say_what_works(void **state)
{
	struct dhp_engine *engine;
	struct tree tree;

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct found found = { !with, !with };

		if (with)
			make_good_tree(&tree);
		else
			tree_make(&tree);
		engine = make_at(&tree, SLOW_MS);
		assert_ok(dhp_sources(engine, find_sources, &found));
		assert_int_equal(found.meminfo, with);
		assert_int_equal(found.blocks, with);
		end_engine(engine);
		tree_remove(&tree);
	}
}

/* This machine, whatever it is. */
static void real_machine_has_memory(void **state)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;
	struct dhp_memory_info info;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	if (dhp_memory_read(engine, &info) == DHP_OK) {
		assert_true(info.total_bytes > 0 && info.available_bytes <= info.total_bytes);
		assert_true(info.low_bytes >= 4 * MIB && info.low_bytes <= 64 * MIB && info.high_bytes == 3 * info.low_bytes);
		assert_false(info.low && info.high);
	}
	assert_status(dhp_sim_memory_add(engine, MIB, 0), DHP_NOT_SUPPORTED);
	assert_status(dhp_sim_memory_set(engine, MIB, 0), DHP_NOT_SUPPORTED);
	assert_status(dhp_sim_memory_fail(engine, DHP_INJECTED), DHP_NOT_SUPPORTED);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_come_from_meminfo_and_are_the_machines_S314),
		cmocka_unit_test(poll_wakes_who_waits_S302_S317),
		cmocka_unit_test(block_that_goes_online_arrives_when_the_total_grows_S206_S225_S237),
		cmocka_unit_test(late_block_is_found_without_a_sign),
		cmocka_unit_test(block_that_goes_and_comes_back_is_no_news_S235),
		cmocka_unit_test(names_and_states_that_are_not_the_kernels_are_passed_over),
		cmocka_unit_test(without_meminfo_there_are_no_conditions_and_no_harm_S301),
		cmocka_unit_test(text_longer_than_we_take_is_not_believed),
		cmocka_unit_test(sources_say_what_works),
		cmocka_unit_test(real_machine_has_memory),
	};

	return cmocka_run_group_tests_name("fake_memory", tests, NULL, NULL);
}
