/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenarios_machine.c - where the kernel is asked: engines on this machine, and on files that stand for a larger one.
 */
#include "scenarios.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "child.h"
#include "chronicle.h"

#define CPU "/sys/devices/system/cpu/"

/* ---- the files: made once, changed by the scenario that needs it, removed at the end of the program ---- */

static struct tree tree;
static uint32_t cpus[8], cpus_count;

static void remove_tree(void)
{
	tree_remove(&tree);
}

static void write_memory(uint32_t available_mib)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "MemTotal: 4194304 kB\nMemAvailable: %u kB\n", available_mib << 10);
	tree_write(&tree, "/proc/meminfo", text);
}

static void write_cpus(const char *path)
{
	char text[128];
	size_t length = 0;

	for (uint32_t i = 0; i < cpus_count; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u", i > 0 ? "," : "", cpus[i]);
	(void)snprintf(text + length, sizeof(text) - length, "\n");
	tree_write(&tree, path, text);
}

static void write_topology(uint32_t cpu)
{
	static const char *const names[] = { "physical_package_id", "core_id", "thread_siblings_list" };
	char path[128], text[16];

	(void)snprintf(text, sizeof(text), "%u\n", cpu);
	for (size_t i = 0; i < LENGTH(names); i++) {
		(void)snprintf(path, sizeof(path), CPU "cpu%u/topology/%s", cpu, names[i]);
		tree_write(&tree, path, text);
	}
}

static void make_tree(void)
{
	if (cpus_count != 0)
		return;
	cpus_count = usable_cpus(cpus, LENGTH(cpus));
	tree_make(&tree);
	(void)atexit(remove_tree);
	tree_write(&tree, CPU "possible", "0-63\n");
	write_cpus(CPU "present");
	write_cpus(CPU "online");
	for (uint32_t i = 0; i < cpus_count; i++)
		write_topology(cpus[i]);
	tree_write(&tree, "/sys/devices/system/node/possible", "0-1\n");
	tree_write(&tree, "/sys/devices/system/memory/memory1/state", "online\n");
	tree_write(&tree, "/sys/devices/system/memory/memory2/state", "offline\n");
	tree_write(&tree, "/proc/pressure/memory", "");
	tree_write(&tree, "/proc/self/uid_map", "0 0 4294967295\n");
	tree_write(&tree, "/proc/self/cgroup", "0::/a/b\n");
	tree_write(&tree, "/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	tree_write(&tree, "/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	tree_write(&tree, "/sys/fs/cgroup/a/b/cpuset.cpus.effective", "0-63\n");
	tree_write(&tree, "/sys/fs/cgroup/a/b/memory.max", "2147483648\n");
	tree_write(&tree, "/sys/fs/cgroup/a/b/memory.current", "1000000\n");
	tree_write(&tree, "/sys/fs/cgroup/a/b/memory.stat", "inactive_file 4096\n");
	tree_write(&tree, "/sys/fs/cgroup/a/cpu.max", "400000 100000\n");
	tree_write(&tree, "/sys/fs/cgroup/a/memory.max", "max\n");
	tree_write(&tree, "/sys/fs/cgroup/a/memory.current", "1000000\n");
	write_memory(2048);
}

static void hear_source(void *context, const struct dhp_source_event *event)
{
	(void)event;
	(void)bump(&((struct stage *)context)->changes);
}

static void world_of_files(struct stage *stage)
{
	(void)stage;
	(void)unsetenv("MEMORY_PRESSURE_WATCH");
	make_tree();
}

static enum dhp_status create_with(struct stage *stage, uint32_t flags, dhp_source_hook *hook)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .root = tree.root, .flags = flags,
		.poll_interval_ms = 1, .source_hook = hook, .source_context = stage };

	return dhp_engine_create(&options, &stage->engine);
}

static enum dhp_status create_watched(struct stage *stage)
{
	return create_with(stage, 0, NULL);
}

static enum dhp_status create_heard(struct stage *stage)
{
	return create_with(stage, DHP_ENGINE_NO_WATCH, hear_source);
}

static void machine(struct stage *stage)
{
	world_of_files(stage);
	assert_ok(create_with(stage, DHP_ENGINE_NO_WATCH, NULL));
}

static void watched_machine(struct stage *stage)
{
	world_of_files(stage);
	assert_ok(create_watched(stage));
}

static enum dhp_status destroy(struct stage *stage)
{
	enum dhp_status status = dhp_engine_destroy(stage->engine);

	if (!dhp_failed(status))
		stage->engine = NULL;
	return status;
}

/* ---- looking ---- */

static enum dhp_status rescan(struct stage *stage)
{
	return dhp_engine_rescan(stage->engine);
}

/* Those that were lost come back. */
static enum dhp_status rescan_twice(struct stage *stage)
{
	enum dhp_status status = dhp_engine_rescan(stage->engine);

	return dhp_failed(status) ? status : dhp_engine_rescan(stage->engine);
}

static void narrow_machine(struct stage *stage)
{
	world_of_files(stage);
	assert_true(confine(0, cpus, 1));
	assert_ok(create_with(stage, DHP_ENGINE_NO_WATCH, NULL));
	assert_true(confine(0, cpus, cpus_count));
}

static void count_source(const struct dhp_source *source, void *context)
{
	(void)bump(context);
	(void)source;
}

static enum dhp_status sources(struct stage *stage)
{
	return dhp_sources(stage->engine, count_source, &stage->changes);
}

/* ---- a machine that lives: everything changes, again and again, until the call that is to fail has been made ---- */

static int netlink = -1;

/* In a namespace of our own: no other program hears. */
void scenarios_prepare(void)
{
	const struct sockaddr_nl everybody = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return;
	netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (netlink < 0 || connect(netlink, (const struct sockaddr *)(const void *)&everybody, sizeof(everybody)) != 0)
		print_message("no messages can be sent here\n");
}

static void living_machine(struct stage *stage)
{
	world_of_files(stage);
	assert_ok(create_watched(stage));
}

#define ROUNDS 40u

static enum dhp_status live(struct stage *stage)
{
	static const char message[] = "add@/devices/system/cpu/cpu1\0ACTION=add\0DEVPATH=/devices/system/cpu/cpu1";

	for (uint32_t round = 0; round < ROUNDS && !refuse_fired(); round++) {
		write_memory(1024 + round % 2);
		tree_write(&tree, "/proc/self/cgroup", round % 2 == 0 ? "0::/a\n" : "0::/a/b\n");
		if (netlink >= 0)
			(void)send(netlink, message, sizeof(message), 0);
		sleep_us(1000);
	}
	tree_write(&tree, "/proc/self/cgroup", "0::/a/b\n");
	return active_count(stage->engine) == cpus_count ? dhp_engine_rescan(stage->engine) : DHP_NO_PROCESSOR;
}

/* Whoever was lost has been taken back, or never was there. */
static void end_living(struct stage *stage)
{
	assert_ok(dhp_engine_rescan(stage->engine));
	end_world(stage);
}

/* ---- pressure that somebody else tells of ---- */

enum { LISTENER, PEER };

static void socket_of_pressure(struct stage *stage)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	world_of_files(stage);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", tree.root);
	(void)unlink(address.sun_path);
	assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(setenv("MEMORY_PRESSURE_WATCH", "/socket", 1), 0);
	assert_int_equal(setenv("MEMORY_PRESSURE_WRITE", "aGVsbG8K", 1), 0);
	stage->others[LISTENER] = (void *)(intptr_t)listener;
}

static void living_socket(struct stage *stage)
{
	socket_of_pressure(stage);
	assert_ok(create_watched(stage));
}

static enum dhp_status press(struct stage *stage)
{
	int peer = accept4((int)(intptr_t)stage->others[LISTENER], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (uint32_t round = 0; round < ROUNDS && !refuse_fired(); round++) {
		if (peer >= 0)
			(void)send(peer, "!", 1, MSG_NOSIGNAL);
		sleep_us(1000);
	}
	if (peer >= 0)
		(void)close(peer);
	return dhp_engine_rescan(stage->engine);
}

static void end_socket(struct stage *stage)
{
	int peer;

	if (stage->engine != NULL)
		end_world(stage);
	while ((peer = accept((int)(intptr_t)stage->others[LISTENER], NULL, NULL)) >= 0)
		(void)close(peer);
	(void)close((int)(intptr_t)stage->others[LISTENER]);
	(void)unsetenv("MEMORY_PRESSURE_WATCH");
	(void)unsetenv("MEMORY_PRESSURE_WRITE");
}

/* ---- threads that stay ---- */

static struct dhp_pin kept;

static enum dhp_status pin(struct stage *stage)
{
	return dhp_pin_keep(stage->engine, &kept, 0);
}

static void pin_gone(struct stage *stage)
{
	assert_ok(dhp_pin_drop(stage->engine, &kept));
	assert_true(confine(0, cpus, cpus_count));
}

static void machine_with_pin(struct stage *stage)
{
	machine(stage);
	assert_ok(pin(stage));
}

static enum dhp_status drop_pin(struct stage *stage)
{
	return dhp_pin_drop(stage->engine, &kept);
}

static enum dhp_status look_at_pin(struct stage *stage)
{
	struct dhp_pin_state state;
	enum dhp_status status;

	if (!confine(0, cpus, cpus_count))
		return DHP_INVALID_STATE;
	status = dhp_engine_rescan(stage->engine);
	if (dhp_failed(status))
		return status;
	status = dhp_pin_read(stage->engine, &kept, &state);
	return dhp_failed(status) || state.restored_count + state.refused_count > 0 ? status : DHP_NOT_QUIET;
}

static enum dhp_status affinity(struct stage *stage)
{
	const struct dhp_affinity wanted = { .mask = 1ull << cpus[0] };

	return dhp_thread_affinity_set(stage->engine, &wanted, NULL);
}

static const struct dhp_affinity users = { .mask = 0 };

static void affinity_gone(struct stage *stage)
{
	assert_ok(dhp_thread_affinity_revert(stage->engine, &users));
}

static void confined_machine(struct stage *stage)
{
	machine(stage);
	assert_ok(affinity(stage));
}

static enum dhp_status revert(struct stage *stage)
{
	return dhp_thread_affinity_revert(stage->engine, &users);
}

static void machine_with_token(struct stage *stage)
{
	machine(stage);
	assert_ok(dhp_affinity_token_create(stage->engine, (struct dhp_affinity_token **)&stage->others[0]));
}

static enum dhp_status affinities(struct stage *stage)
{
	const struct dhp_affinity wanted = { .mask = 1ull << cpus[0] };

	return dhp_thread_affinities_set(stage->others[0], &wanted, 1);
}

static void affinities_gone(struct stage *stage)
{
	assert_ok(dhp_thread_affinities_revert(stage->others[0]));
}

static void end_token(struct stage *stage)
{
	assert_ok(dhp_affinity_token_destroy(stage->others[0]));
	end_world(stage);
}

/* ---- what the kernel helps with ---- */

static void machine_with_list(struct stage *stage)
{
	machine(stage);
	assert_ok(make_list(stage));
	dhp_lookaside_free(stage->object, dhp_lookaside_allocate(stage->object));
}

static enum dhp_status flush(struct stage *stage)
{
	return dhp_lookaside_flush(stage->object);
}

static void run_nothing(void *context, void *const *items, uint32_t count)
{
	(void)context;
	(void)items;
	(void)count;
}

static enum dhp_status lanes(struct stage *stage)
{
	const struct dhp_lanes_options options = { .size = sizeof(options), .routine = run_nothing, .capacity = 16 };

	return dhp_lanes_create(stage->engine, &options, (struct dhp_lanes **)&stage->object);
}

/* What was pushed runs whatever is refused, when the lane is left too. */
static void lanes_gone(struct stage *stage)
{
	assert_ok(dhp_lanes_push(stage->object, stage));
	assert_ok(dhp_lanes_destroy(stage->object));
	stage->object = NULL;
}

static struct tape tape;

static enum dhp_status record(struct stage *stage)
{
	tape.length = 0;
	return dhp_record_begin(stage->engine, tape_write, &tape, (struct dhp_record **)&stage->object);
}

static void record_gone(struct stage *stage)
{
	assert_ok(dhp_engine_rescan(stage->engine));
	assert_ok(dhp_record_end(stage->object));
}

static enum dhp_status here(struct stage *stage)
{
	struct dhp_counter *counter = NULL;
	enum dhp_status status = dhp_counter_create(stage->engine, &counter);

	if (dhp_failed(status))
		return status;
	(void)dhp_index_here(stage->engine);
	dhp_counter_add_slow(counter, 1);
	return dhp_counter_destroy(counter);
}

static const struct scenario list[] = {
	{ "dhp_engine_create", world_of_files, create_watched, end_world, clear_nothing, POINT_OTHERS },
	{ "dhp_engine_create", world_of_files, create_heard, end_world, clear_nothing, 0 },
	{ "dhp_engine_create", socket_of_pressure, create_heard, end_world, end_socket, 0 },
	{ "dhp_engine_destroy", watched_machine, destroy, NULL, clear_nothing, POINT_MUST_SUCCEED | POINT_OTHERS },
	{ "dhp_engine_rescan", machine, rescan_twice, NULL, end_world, 0 },
	{ "dhp_engine_rescan", narrow_machine, rescan, NULL, end_world, POINT_KEEPS | POINT_MOVES },
	{ "dhp_sources", machine, sources, NULL, end_world, POINT_MUST_SUCCEED },
	{ "lives", living_machine, live, NULL, end_living, POINT_OTHERS_ONLY | POINT_MOVES | POINT_LIVES },
	{ "lives", living_socket, press, NULL, end_socket, POINT_OTHERS_ONLY | POINT_MOVES | POINT_LIVES },
	{ "dhp_pin_keep", machine, pin, pin_gone, end_world, POINT_KEEPS },
	{ "dhp_pin_drop", machine_with_pin, drop_pin, NULL, end_world, POINT_KEEPS },
	{ "dhp_engine_rescan", machine_with_pin, look_at_pin, pin_gone, end_world, POINT_KEEPS },
	{ "dhp_thread_affinity_set", machine, affinity, affinity_gone, end_world, POINT_KEEPS },
	{ "dhp_thread_affinity_revert", confined_machine, revert, NULL, end_world, POINT_KEEPS },
	{ "dhp_thread_affinities_set", machine_with_token, affinities, affinities_gone, end_token, POINT_KEEPS },
	{ "dhp_lookaside_create", machine, make_list, list_gone, end_world, 0 },
	{ "dhp_lookaside_flush", machine_with_list, flush, NULL, end_list, 0 },
	{ "dhp_lanes_create", machine, lanes, lanes_gone, end_world, 0 },
	{ "dhp_record_begin", machine, record, record_gone, end_world, 0 },
	{ "dhp_counter_create", machine, here, NULL, end_world, 0 },
};

SCENARIOS(machine_scenarios, list);
