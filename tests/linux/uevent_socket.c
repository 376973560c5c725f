/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's messages through its own socket: real ones are counted, made-up ones are refused and counted as that.
 */
#include "child.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "source.h"

static struct dhp_engine *make_watching(void)
{
	/* A long poll: what is seen soon was seen by a message. */
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 60000,
		.flags = DHP_ENGINE_NO_WORKERS };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
}

static void find_uevent(const struct dhp_source *source, void *context)
{
	bool *works = context;

	if (strcmp(source->name, "uevent") == 0)
		*works = source->works;
}

static void need_messages(struct dhp_engine *engine)
{
	bool works = false;

	assert_ok(dhp_sources(engine, find_uevent, &works));
	if (works)
		return;
	end_engine(engine);
	print_message("the kernel's socket cannot be opened here\n");
	skip();
}

static struct dhp_engine_stats stats_of(struct dhp_engine *engine)
{
	struct dhp_engine_stats stats;

	assert_ok(dhp_engine_stats_read(engine, &stats));
	return stats;
}

struct wait {
	struct dhp_engine *engine;
	uint64_t uevents, refused, rescans;
};

static bool has_come(void *context)
{
	const struct wait *wait = context;
	struct dhp_engine_stats stats = stats_of(wait->engine);

	return stats.uevents_count >= wait->uevents && stats.uevents_refused_count >= wait->refused &&
	       stats.rescans_count >= wait->rescans;
}

/* Asks the kernel to send a message about a processor once more. */
static bool ask_for_message(uint32_t cpu)
{
	char path[96];
	bool written;
	int file;

	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/uevent", cpu);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	written = write(file, "change", 6) == 6;
	(void)close(file);
	return written;
}

static void message_of_the_kernel_makes_us_look(void **state)
{
	struct dhp_engine *engine = make_watching();
	struct dhp_engine_stats before = stats_of(engine);
	struct wait wait = { .engine = engine, .uevents = before.uevents_count + 1, .rescans = before.rescans_count + 1 };
	uint32_t cpus[1];

	(void)state;
	need_messages(engine);
	(void)usable_cpus(cpus, 1);
	if (!ask_for_message(cpus[0])) {
		end_engine(engine);
		print_message("no message can be asked for here: not permitted\n");
		skip();
	}
	assert_true(wait_until(has_come, &wait));
	assert_true(stats_of(engine).uevents_refused_count == before.uevents_refused_count);
	assert_int_equal(counts_of(engine).active, counts_of(engine).usable);
	end_engine(engine);
}

/* From user space only root may send to the group, and to itself anybody may: both are not the kernel. */
static bool forge(uint32_t groups, uint32_t port)
{
	static const char message[] = "add@/devices/system/cpu/cpu1\0ACTION=add\0DEVPATH=/devices/system/cpu/cpu1\0"
				      "SUBSYSTEM=cpu\0SEQNUM=1";
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = groups, .nl_pid = port };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	bool sent;

	assert_true(fd >= 0);
	sent = sendto(fd, message, sizeof(message), 0, (const struct sockaddr *)(const void *)&to, sizeof(to)) ==
	       (ssize_t)sizeof(message);
	(void)close(fd);
	return sent;
}

static void forged_message_is_refused(void **state)
{
	struct dhp_engine *engine = make_watching();
	struct dhp_engine_stats before = stats_of(engine);
	struct wait wait = { .engine = engine, .refused = before.uevents_refused_count + 3 };

	(void)state;
	need_messages(engine);
	for (int i = 0; i < 3; i++) {
		if (forge(1, 0))
			continue;
		end_engine(engine);
		print_message("nobody may send to the kernel's group here: not permitted\n");
		skip();
	}
	assert_true(wait_until(has_come, &wait));
	assert_true(stats_of(engine).uevents_count == before.uevents_count);
	end_engine(engine);
}

static void note_detail(const struct dhp_source *source, void *context)
{
	if (strcmp(source->name, "uevent") == 0)
		(void)snprintf(context, 256, "%s", source->detail);
}

/* There the socket can be opened, and stays silent when the network namespace is of the same making. */
static void user_namespace_is_said_to_be_one(void **state)
{
	static const char *const maps[] = { "         0          0 4294967295\n", "0 1000 1\n", "0 100000 65536\n1 4294967295 1\n" };
	struct dhp_engine *probe = make_watching();
	struct tree tree;

	(void)state;
	need_messages(probe);
	end_engine(probe);
	for (size_t i = 0; i < LENGTH(maps); i++) {
		struct dhp_engine_options options = { .size = sizeof(options), .flags = DHP_ENGINE_NO_WORKERS };
		struct dhp_engine *engine = NULL;
		char detail[256] = "";

		tree_make(&tree);
		options.root = tree.root;
		tree_write(&tree, "/proc/self/uid_map", maps[i]);
		assert_ok(dhp_engine_create(&options, &engine));
		assert_ok(dhp_sources(engine, note_detail, detail));
		assert_int_equal(strstr(detail, "user namespace") != NULL, i > 0);
		end_engine(engine);
		tree_remove(&tree);
	}
}

/* White box: the source by itself. */
static void socket_is_read_until_empty(void **state)
{
	static const struct dhpi_source_ops *const table[] = { &dhpi_source_uevent };
	static struct dhpi_sources sources;
	struct dhpi_source *source = &sources.list[0];
	struct sockaddr_nl address = { .nl_family = 0 }, sender = { .nl_pid = 0 };
	socklen_t length = sizeof(address), sender_length = sizeof(sender);
	bool sign = false;
	uint64_t sent = 0;
	char byte;

	(void)state;
	memset(&sources, 0, sizeof(sources));
	assert_true(dhpi_sources_open(&sources, table, 1));
	if (!source->in_use) {
		dhpi_sources_close(&sources);
		print_message("the kernel's socket cannot be opened here\n");
		skip();
	}
	assert_int_equal(getsockname(source->file, (struct sockaddr *)(void *)&address, &length), 0);
	while (sent < 10 && forge(0, address.nl_pid))
		sent++;
	/* A real message may come at any time: then, and only then, there is something to look for. */
	assert_int_equal(source->ops->ready(source, 0, &sign), DHPI_LOOK_FINE);
	assert_int_equal(sign, source->changes.value > 0);
	assert_true(source->malformed.value >= sent);
	/* Nothing is left; or what the kernel has said since then, about anybody's devices. */
	assert_true(recvfrom(source->file, &byte, 1, MSG_PEEK | MSG_DONTWAIT, (struct sockaddr *)(void *)&sender,
			     &sender_length) < 0 || sender.nl_pid == 0);
	dhpi_sources_close(&sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_of_the_kernel_makes_us_look),
		cmocka_unit_test(forged_message_is_refused),
		cmocka_unit_test(user_namespace_is_said_to_be_one),
		cmocka_unit_test(socket_is_read_until_empty),
	};

	return cmocka_run_group_tests_name("uevent_socket", tests, NULL, NULL);
}
