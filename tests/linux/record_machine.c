/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine is recorded while its files and our affinity change, and a simulation plays it: registrants hear the same, with
 * indices, faults and memory.
 */
#include "chronicle.h"
#include "child.h"
#include "tree.h"

#include "partition.h"

#include <stdlib.h>

#define CPU "/sys/devices/system/cpu/"
#define MEMORY "/sys/devices/system/memory/"

/* The tree is that of a larger machine; what we may really run on decides. */
struct fake {
	struct tree tree;
	uint32_t cpus[8];
	struct dhp_engine *engine;
	struct chronicle *chronicle;
};

static void write_list(const struct tree *tree, const char *path, const uint32_t *cpus, uint32_t count)
{
	char text[128] = "";

	for (uint32_t i = 0; i < count; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", i > 0 ? "," : "", cpus[i]);
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "\n");
	tree_write(tree, path, text);
}

static void write_memory(const struct tree *tree, uint32_t total_mib, uint32_t available_mib)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "MemTotal: %u kB\nMemFree: 1 kB\nMemAvailable: %u kB\n", total_mib << 10,
		       available_mib << 10);
	tree_write(tree, "/proc/meminfo", text);
}

/* Two processors, the second of which is present and not online. */
static void make_fake(struct fake *fake)
{
	tree_make(&fake->tree);
	tree_write(&fake->tree, CPU "possible", "0-63\n");
	tree_write(&fake->tree, CPU "present", "0-15\n");
	write_list(&fake->tree, CPU "online", fake->cpus, 1);
	write_memory(&fake->tree, 4096, 2048);
	tree_write(&fake->tree, MEMORY "memory3/state", "online\n");
	tree_write(&fake->tree, MEMORY "memory4/state", "offline\n");
	tree_write(&fake->tree, "/proc/self/cgroup", "0::/a\n");
	tree_write(&fake->tree, "/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	tree_write(&fake->tree, "/sys/fs/cgroup/a/cpu.max", "max 100000\n");
}

/* Linux may say it some time after the arrival. */
static void write_topology(const struct tree *tree, uint32_t cpu)
{
	static const char *const names[] = { "physical_package_id", "core_id", "thread_siblings_list" };
	char path[128], text[16];

	for (size_t i = 0; i < LENGTH(names); i++) {
		(void)snprintf(path, sizeof(path), CPU "cpu%u/topology/%s", cpu, names[i]);
		(void)snprintf(text, sizeof(text), "%u\n", cpu);
		tree_write(tree, path, text);
	}
}

static void look(struct fake *fake, enum dhp_status expected)
{
	chronicle_hold(fake->chronicle);
	assert_status(dhp_engine_rescan(fake->engine), expected);
	chronicle_release(fake->chronicle);
}

/* What happens to the machine; each look is a step of the replay, but for those that find nothing. */
static void change_everything(struct fake *fake)
{
	look(fake, DHP_OK);
	write_memory(&fake->tree, 4096, 2040); /* too little to tell */
	look(fake, DHP_OK);
	fake->chronicle->veto_cpu = fake->cpus[1];
	fake->chronicle->veto = DHP_VETOED;
	write_list(&fake->tree, CPU "online", fake->cpus, 2);
	look(fake, DHP_VETOED);
	look(fake, DHP_VETOED); /* tried again because somebody asked */
	fake->chronicle->veto_cpu = DHP_NO_CPU;
	look(fake, DHP_OK);
	write_memory(&fake->tree, 4096, 10);
	look(fake, DHP_OK);
	write_topology(&fake->tree, fake->cpus[1]);
	look(fake, DHP_OK);
	tree_write(&fake->tree, "/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	look(fake, DHP_OK);
	tree_write(&fake->tree, CPU "present", "0-17\n");
	write_memory(&fake->tree, 8192, 5000);
	tree_write(&fake->tree, MEMORY "memory4/state", "online\n");
	look(fake, DHP_OK);
	write_list(&fake->tree, CPU "online", fake->cpus, 1);
	look(fake, DHP_OK);
	write_list(&fake->tree, CPU "online", fake->cpus, 2);
	look(fake, DHP_OK);
}

static struct chronicle first, second;
static struct tape tape;

static struct dhp_engine *engine_at(const char *root, uint32_t flags)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = flags, .root = root,
		.poll_interval_ms = 1, .group_limit = 4 };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

/* As the control thread does. */
static void poll_look(struct fake *fake)
{
	struct dhpi_partition *partition = fake->engine->partition;

	chronicle_hold(fake->chronicle);
	port_mutex_lock(&partition->serial);
	(void)dhpi_partition_rescan(partition, false);
	port_mutex_unlock(&partition->serial);
	chronicle_release(fake->chronicle);
}

static uint32_t looks_on_tape(void)
{
	uint32_t count = 0;

	for (const char *at = tape.text; (at = strstr(at, " engine look ")) != NULL; at++)
		count++;
	return count;
}

/* At least so many steps; the engine has gone through all that are on the tape. */
static struct dhp_engine *play_same_story(struct dhp_replay **out_replay, uint32_t at_least)
{
	struct dhp_engine *engine = tape_engine(&tape, out_replay);
	uint32_t played;

	chronicle_begin(&second, engine);
	played = tape_play(&second);
	if (first.length != second.length || memcmp(first.text, second.text, first.length) != 0)
		fail_msg("recorded:\n%s\nplayed:\n%s\nfrom:\n%s", first.text, second.text, tape.text);
	assert_int_equal(played, looks_on_tape());
	assert_true(played >= at_least);
	return engine;
}

static void end_replay(struct dhp_engine *engine, struct dhp_replay *replay)
{
	chronicle_end(&second);
	end_engine(engine);
	assert_ok(dhp_replay_close(replay));
}

static void need_two(uint32_t *cpus)
{
	if (usable_cpus(cpus, 8) >= 2)
		return;
	print_message("this process may use one cpu only\n");
	skip();
}

static void a_machine_is_played_by_a_simulation_S757(void **state)
{
	struct fake fake = { .chronicle = &first };
	struct dhp_record *record;
	struct dhp_replay *replay;
	struct dhp_engine *engine;

	(void)state;
	need_two(fake.cpus);
	make_fake(&fake);
	fake.engine = engine_at(fake.tree.root, DHP_ENGINE_NO_WATCH);
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(fake.engine, tape_write, &tape, &record));
	chronicle_begin(&first, fake.engine);
	change_everything(&fake);
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(fake.engine);

	engine = play_same_story(&replay, 9);
	assert_int_equal(counts_of(engine).maximum, 64);
	assert_int_equal(dhp_maximum_count(engine, 15), 4);
	assert_non_null(strstr(second.text, "arrival memory-4"));
	assert_non_null(strstr(second.text, "DHP_VETOED"));
	assert_non_null(strstr(second.text, "low 1"));
	assert_non_null(strstr(second.text, "quota 2"));
	assert_non_null(strstr(second.text, "thread 0"));
	end_replay(engine, replay);
	tree_remove(&fake.tree);
}

/* The recording tells why it is refused still. */
static void who_was_refused_before_is_tried_again_S757(void **state)
{
	struct fake fake = { .chronicle = &first };
	struct dhp_record *record;
	struct dhp_replay *replay;
	struct dhp_engine *engine;

	(void)state;
	need_two(fake.cpus);
	make_fake(&fake);
	fake.engine = engine_at(fake.tree.root, DHP_ENGINE_NO_WATCH);
	chronicle_begin(&first, fake.engine);
	first.veto_cpu = fake.cpus[1];
	first.veto = DHP_VETOED;
	write_list(&fake.tree, CPU "online", fake.cpus, 2);
	look(&fake, DHP_VETOED);
	chronicle_end(&first);
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(fake.engine, tape_write, &tape, &record));
	chronicle_begin(&first, fake.engine);
	first.veto_cpu = fake.cpus[1];
	first.veto = (enum dhp_status)-99;
	for (uint32_t looks = 0; looks < 3; looks++)
		poll_look(&fake);
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(fake.engine);

	engine = play_same_story(&replay, 1);
	assert_non_null(strstr(second.text, "failure"));
	assert_int_equal(active_count(engine), 1);
	end_replay(engine, replay);
	tree_remove(&fake.tree);
}

/* After 1, 2, 4 ... looks: which of them try, and which do not, follows from how many there were. */
static void who_is_postponed_is_tried_at_the_same_looks_S757(void **state)
{
	struct fake fake = { .chronicle = &first };
	struct dhp_record *record;
	struct dhp_replay *replay;
	struct dhp_engine *engine;

	(void)state;
	need_two(fake.cpus);
	make_fake(&fake);
	fake.engine = engine_at(fake.tree.root, DHP_ENGINE_NO_WATCH);
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(fake.engine, tape_write, &tape, &record));
	chronicle_begin(&first, fake.engine);
	first.veto_cpu = fake.cpus[1];
	first.veto = DHP_NO_MEMORY; /* it may pass */
	write_list(&fake.tree, CPU "online", fake.cpus, 2);
	for (uint32_t looks = 0; looks < 40; looks++) {
		if (looks == 20)
			first.veto_cpu = DHP_NO_CPU;
		poll_look(&fake);
	}
	assert_int_equal(active_count(fake.engine), 2);
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(fake.engine);

	engine = play_same_story(&replay, 4);
	assert_int_equal(active_count(engine), 2);
	end_replay(engine, replay);
	tree_remove(&fake.tree);
}

/* A root has a path, and a path may tell a name. */
static void nothing_of_the_place_is_in_a_recording(void **state)
{
	struct fake fake = { .chronicle = &first };
	struct dhp_record *record;

	(void)state;
	need_two(fake.cpus);
	make_fake(&fake);
	fake.engine = engine_at(fake.tree.root, DHP_ENGINE_NO_WATCH);
	tape = (struct tape){ .length = 0 };
	assert_ok(dhp_record_begin(fake.engine, tape_write, &tape, &record));
	chronicle_begin(&first, fake.engine);
	change_everything(&fake);
	assert_ok(dhp_record_end(record));
	chronicle_end(&first);
	end_engine(fake.engine);
	assert_null(memchr(tape.text, '/', tape.length));
	assert_non_null(strstr(tape.text, " sysfs online "));
	tree_remove(&fake.tree);
}

/* The control thread looks all the while. */
static void recordings_begin_and_end_while_affinity_changes(void **state)
{
	struct dhp_engine *engine;
	uint32_t cpus[8];

	(void)state;
	need_two(cpus);
	assert_true(confine(0, cpus, 1));
	engine = engine_at(NULL, 0);
	for (uint32_t round = 0; round < TIMES(60); round++) {
		struct dhp_record *record;
		struct dhp_replay *replay;
		struct dhp_engine *again;

		tape = (struct tape){ .length = 0 };
		assert_true(confine(0, cpus, 1 + round % 2));
		assert_ok(dhp_record_begin(engine, tape_write, &tape, &record));
		sleep_us(2000);
		assert_true(confine(0, cpus, 2 - round % 2));
		sleep_us(2000);
		assert_ok(dhp_record_end(record));
		again = tape_engine(&tape, &replay);
		assert_ok(dhp_replay_run(again, DHP_REPLAY_AT_ONCE));
		end_engine(again);
		assert_ok(dhp_replay_close(replay));
	}
	end_engine(engine);
	assert_true(confine(0, cpus, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_played_by_a_simulation_S757),
		cmocka_unit_test(who_was_refused_before_is_tried_again_S757),
		cmocka_unit_test(who_is_postponed_is_tried_at_the_same_looks_S757),
		cmocka_unit_test(nothing_of_the_place_is_in_a_recording),
		cmocka_unit_test(recordings_begin_and_end_while_affinity_changes),
	};

	return cmocka_run_group_tests_name("record_machine", tests, NULL, NULL);
}
