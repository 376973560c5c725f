/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's messages in a network namespace of our own. Who owns one may have its kernel send any text there, in its own
 * name: so good, truncated and hostile messages come through the real socket, and no other program hears of them.
 */
#include "child.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

/* The kernel sends on what is shorter, and adds its own number: "SEQNUM=17". */
#define MESSAGE_BYTES_LIMIT 2000u

#define CPU_ADD "add@/devices/system/cpu/cpu1\0ACTION=add\0DEVPATH=/devices/system/cpu/cpu1\0SUBSYSTEM=cpu"

static enum { FORBIDDEN, OF_A_USER, OF_THE_MACHINE } namespace;

/* Messages of the kernel's own come only to those of the machine. Before there is any other thread. */
static void enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		namespace = OF_THE_MACHINE;
	else if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
		namespace = OF_A_USER;
}

static void need_namespace(bool of_the_machine)
{
	if (namespace == OF_THE_MACHINE || (namespace == OF_A_USER && !of_the_machine))
		return;
	print_message(namespace == FORBIDDEN ? "no network namespace can be made here: not permitted\n"
					     : "the kernel's own messages do not come to a namespace made without root\n");
	skip();
}

/* ---- sending ---- */

struct injection {
	struct nlmsghdr header;
	char text[MESSAGE_BYTES_LIMIT];
};

static int open_sender(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	assert_true(fd >= 0);
	return fd;
}

/* From the kernel to everybody in the namespace, our engine among them. */
static void inject(int sender, const char *text, size_t length)
{
	struct injection injection = { .header = { .nlmsg_type = NLMSG_MIN_TYPE, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK } };
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[MESSAGE_BYTES_LIMIT + 64];
	} answer;

	assert_true(length <= sizeof(injection.text));
	memcpy(injection.text, text, length);
	injection.header.nlmsg_len = (uint32_t)(sizeof(injection.header) + length);
	assert_int_equal(sendto(sender, &injection, injection.header.nlmsg_len, 0,
				(const struct sockaddr *)(const void *)&kernel, sizeof(kernel)),
			 injection.header.nlmsg_len);
	assert_true(recv(sender, &answer, sizeof(answer), 0) >= (ssize_t)(sizeof(answer.header) + sizeof(answer.error)));
	assert_int_equal(answer.header.nlmsg_type, NLMSG_ERROR);
	assert_int_equal(answer.error.error, 0);
}

/* In our own name; root may do so, and whoever owns the namespace. */
static void forge(int sender, const char *text, size_t length)
{
	const struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	assert_int_equal(sendto(sender, text, length, 0, (const struct sockaddr *)(const void *)&group, sizeof(group)), length);
}

/* ---- an engine that looks when it is told to ---- */

static struct dhp_engine *make_watching(const char *root)
{
	/* A poll that does not come: what is seen was seen by a message. */
	const struct dhp_engine_options options = { .size = sizeof(options), .poll_interval_ms = 600000, .root = root };
	struct dhp_engine *engine = NULL;

	assert_ok(dhp_engine_create(&options, &engine));
	return engine;
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
	uint32_t active;
};

static bool has_come(void *context)
{
	const struct wait *wait = context;
	struct dhp_engine_stats stats = stats_of(wait->engine);

	return stats.uevents_count >= wait->uevents && stats.uevents_refused_count >= wait->refused &&
	       stats.rescans_count >= wait->rescans && active_count(wait->engine) >= wait->active;
}

/* Messages keep their order: after this one all before it have been read. */
static struct dhp_engine_stats after_all(struct dhp_engine *engine, int sender, uint64_t uevents)
{
	struct wait wait = { .engine = engine, .uevents = uevents + 1 };

	inject(sender, CPU_ADD, sizeof(CPU_ADD));
	assert_true(wait_until(has_come, &wait));
	return stats_of(engine);
}

/* ---- what comes, and what becomes of it ---- */

#define TEXT(literal) literal, sizeof(literal)

static const struct {
	const char *text;
	size_t length;
} good[] = {
	{ TEXT(CPU_ADD) },
	{ TEXT("remove@/devices/system/cpu/cpu1\0ACTION=remove\0SUBSYSTEM=cpu") },
	{ TEXT("online@/devices/system/cpu/cpu1\0ACTION=online\0SUBSYSTEM=cpu") },
	{ TEXT("offline@/devices/system/cpu/cpu1\0ACTION=offline\0SUBSYSTEM=cpu") },
	{ TEXT("add@/devices/system/cpu/cpu4294967295\0ACTION=add\0SUBSYSTEM=cpu") }, /* only a sign to look */
	{ TEXT("online@/devices/system/memory/memory40\0ACTION=online\0SUBSYSTEM=memory") },
}, other[] = {
	{ TEXT("add@/devices/virtual/net/veth0\0ACTION=add\0SUBSYSTEM=net") },
	{ TEXT("add@/devices/system/cpu/cpu1\0ACTION=add\0SUBSYSTEM=cpuidle") },
	{ TEXT("add@/x\0ACTION=add\0SUBSYSTEM=memory\0SUBSYSTEM=net") },
}, bad[] = {
	{ TEXT("add@/devices/system/cpu/cpu1") },
	{ TEXT("add@/devices/system/cpu/cpu1\0ACTION=add") },
	{ TEXT("add@/devices/system/cpu/cpu1\0SUBSYSTEM=cpu") },
	{ TEXT("add@/devices/system/cpu/cpu1\0ACTION=add\0\0SUBSYSTEM=cpu") },
	{ TEXT("add@/devices/system/cpu/cpu1\0ACTION=add\0NOTHING\0SUBSYSTEM=cpu") },
	{ TEXT("@/devices\0ACTION=add\0SUBSYSTEM=cpu") },
	{ TEXT("add@devices\0ACTION=add\0SUBSYSTEM=cpu") },
	{ TEXT("libudev\0\xfe\xed\xca\xfe\0ACTION=add\0SUBSYSTEM=cpu") },
	{ TEXT("\0\0\0\0") },
	{ "add@/devices/system/cp", 22 }, /* cut off: what the kernel adds ends the header */
	{ "x", 1 },
};

static void good_messages_are_counted_and_make_us_look(void **state)
{
	struct dhp_engine *engine;
	struct dhp_engine_stats before, after;
	int sender;

	(void)state;
	need_namespace(false);
	engine = make_watching(NULL);
	sender = open_sender();
	before = stats_of(engine);
	for (size_t i = 0; i < LENGTH(good); i++)
		inject(sender, good[i].text, good[i].length);
	after = after_all(engine, sender, before.uevents_count + LENGTH(good));
	assert_true(after.uevents_count >= before.uevents_count + LENGTH(good) + 1);
	assert_true(after.uevents_refused_count == before.uevents_refused_count);
	assert_true(wait_until(has_come, &(struct wait){ .engine = engine, .rescans = before.rescans_count + 1 }));
	assert_int_equal(counts_of(engine).active, counts_of(engine).usable);
	assert_int_equal(close(sender), 0);
	end_engine(engine);
}

static void bad_messages_are_counted_and_change_nothing(void **state)
{
	struct dhp_engine *engine;
	struct dhp_engine_stats before, after;
	struct dhp_counts counts;
	int sender;

	(void)state;
	need_namespace(false);
	engine = make_watching(NULL);
	sender = open_sender();
	before = stats_of(engine);
	counts = counts_of(engine);
	for (size_t i = 0; i < LENGTH(bad); i++)
		inject(sender, bad[i].text, bad[i].length);
	for (size_t i = 0; i < LENGTH(other); i++)
		inject(sender, other[i].text, other[i].length);
	after = after_all(engine, sender, before.uevents_count);
	assert_true(after.uevents_refused_count == before.uevents_refused_count + LENGTH(bad));
	assert_true(counts_of(engine).generation == counts.generation);
	assert_int_equal(close(sender), 0);
	end_engine(engine);
}

/* As long as the kernel sends them, of any bytes: none is taken for one about a processor, and none is lost in the count. */
static void random_messages_are_refused(void **state)
{
	struct dhp_engine *engine;
	struct dhp_engine_stats before, after;
	uint64_t dice = 11;
	int sender;

	(void)state;
	need_namespace(false);
	engine = make_watching(NULL);
	sender = open_sender();
	before = stats_of(engine);
	for (uint32_t i = 0; i < 64; i++) {
		char text[MESSAGE_BYTES_LIMIT];

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = (char)roll(&dice);
		inject(sender, text, (size_t)(1 + roll(&dice) % sizeof(text)));
	}
	after = after_all(engine, sender, before.uevents_count);
	assert_true(after.uevents_refused_count == before.uevents_refused_count + 64);
	assert_int_equal(close(sender), 0);
	end_engine(engine);
}

static void forged_messages_are_refused_whatever_they_say(void **state)
{
	struct dhp_engine *engine;
	struct dhp_engine_stats before, after;
	static char oversize[65536];
	int sender;

	(void)state;
	need_namespace(false);
	engine = make_watching(NULL);
	sender = open_sender();
	before = stats_of(engine);
	for (size_t i = 0; i < LENGTH(good); i++)
		forge(sender, good[i].text, good[i].length);
	for (size_t i = 0; i < LENGTH(bad); i++)
		forge(sender, bad[i].text, bad[i].length);
	forge(sender, other[0].text, other[0].length);
	memcpy(oversize, CPU_ADD, sizeof(CPU_ADD));
	memset(oversize + sizeof(CPU_ADD), '=', sizeof(oversize) - sizeof(CPU_ADD) - 1);
	forge(sender, oversize, sizeof(oversize));
	after = after_all(engine, sender, before.uevents_count);
	assert_true(after.uevents_refused_count == before.uevents_refused_count + LENGTH(good) + LENGTH(bad) + 2);
	assert_int_equal(close(sender), 0);
	end_engine(engine);
}

static bool ask_for_message(uint32_t cpu, const char *action)
{
	char path[96];
	bool written;
	int file;

	(void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/uevent", cpu);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	written = write(file, action, strlen(action)) == (ssize_t)strlen(action);
	(void)close(file);
	return written;
}

/* What the kernel itself writes about each processor there is, long ones too, is well formed to us. */
static void messages_of_the_kernel_are_seen(void **state)
{
	struct dhp_engine *engine;
	struct dhp_engine_stats before;
	uint32_t cpus[8], count;

	(void)state;
	need_namespace(true);
	engine = make_watching(NULL);
	before = stats_of(engine);
	count = usable_cpus(cpus, LENGTH(cpus));
	for (uint32_t i = 0; i < count; i++) {
		if (ask_for_message(cpus[i], "add") && ask_for_message(cpus[i], "online"))
			continue;
		end_engine(engine);
		print_message("no message can be asked for here: not permitted\n");
		skip();
	}
	assert_true(wait_until(has_come, &(struct wait){ .engine = engine, .uevents = before.uevents_count + 2 * count,
						.rescans = before.rescans_count + 1 }));
	assert_true(stats_of(engine).uevents_refused_count == before.uevents_refused_count);
	end_engine(engine);
}

/* ---- many at once ---- */

/* A machine with two processors, of which the second comes online; whoever looks then waits in its Start. */
struct newcomer {
	struct tree tree;
	char one[16], both[32];
	struct dhp_engine *engine;
	struct dhp_notify *registration;
	int sender;
	uint64_t started, may_go;
};

static void wait_in_start(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct newcomer *newcomer = context;

	(void)status;
	if (change->state != DHP_CHANGE_START)
		return;
	(void)bump(&newcomer->started);
	while (peek(&newcomer->may_go) == 0)
		sleep_us(100);
}

static void set_online(const struct newcomer *newcomer, const char *online)
{
	tree_write(&newcomer->tree, "/sys/devices/system/cpu/online", online);
}

static void newcomer_starts(struct newcomer *newcomer)
{
	uint32_t cpus[8];

	need_namespace(false);
	if (usable_cpus(cpus, LENGTH(cpus)) < 2) {
		print_message("this process may use one cpu only\n");
		skip();
	}
	*newcomer = (struct newcomer){ .sender = open_sender() };
	(void)snprintf(newcomer->one, sizeof(newcomer->one), "%u\n", cpus[0]);
	(void)snprintf(newcomer->both, sizeof(newcomer->both), "%u,%u\n", cpus[0], cpus[1]);
	tree_make(&newcomer->tree);
	tree_write(&newcomer->tree, "/sys/devices/system/cpu/possible", newcomer->both);
	tree_write(&newcomer->tree, "/sys/devices/system/cpu/present", newcomer->both);
	set_online(newcomer, newcomer->one);
	newcomer->engine = make_watching(newcomer->tree.root);
	assert_int_equal(active_count(newcomer->engine), 1);
	assert_ok(dhp_notify_register(newcomer->engine, wait_in_start, newcomer, 0, &newcomer->registration));
	set_online(newcomer, newcomer->both);
	inject(newcomer->sender, CPU_ADD, sizeof(CPU_ADD));
	assert_true(wait_for_count(&newcomer->started, 1));
}

static void newcomer_ends(struct newcomer *newcomer)
{
	assert_ok(dhp_notify_unregister(newcomer->registration));
	assert_int_equal(close(newcomer->sender), 0);
	end_engine(newcomer->engine);
	tree_remove(&newcomer->tree);
}

static void burst_of_a_thousand_becomes_few_looks(void **state)
{
	struct newcomer newcomer;
	struct dhp_engine_stats before;

	(void)state;
	newcomer_starts(&newcomer);
	before = stats_of(newcomer.engine);
	for (uint32_t i = 0; i < 1000; i++)
		inject(newcomer.sender, CPU_ADD, sizeof(CPU_ADD));
	poke(&newcomer.may_go, 1);
	/* Of the thousand some may not have fitted in; this one comes after all that have. */
	assert_true(wait_until(has_come, &(struct wait){ .engine = newcomer.engine, .active = 2,
						.rescans = before.rescans_count + 1 }));
	inject(newcomer.sender, bad[0].text, bad[0].length);
	assert_true(wait_until(has_come, &(struct wait){ .engine = newcomer.engine,
						.refused = before.uevents_refused_count + 1 }));
	assert_true(stats_of(newcomer.engine).rescans_count <= before.rescans_count + 12);
	newcomer_ends(&newcomer);
}

/* More than any receive buffer takes, and about nothing that we look for. */
static void overrun(int sender)
{
	static const char head[] = "add@/x\0ACTION=add\0SUBSYSTEM=net\0FILLER=";
	char text[MESSAGE_BYTES_LIMIT];

	memset(text, 'x', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	text[sizeof(text) - 1] = '\0';
	for (uint32_t i = 0; i < 3000; i++)
		inject(sender, text, sizeof(text));
}

static bool second_has_left(void *context)
{
	struct dhp_counts counts = counts_of(((const struct newcomer *)context)->engine);

	return counts.active == 2 && counts.usable == 1;
}

/* The newcomer goes offline again, and the message about that finds no room. */
static void dropped_messages_make_us_look(void **state)
{
	struct newcomer newcomer;
	struct dhp_engine_stats before;

	(void)state;
	newcomer_starts(&newcomer);
	before = stats_of(newcomer.engine);
	overrun(newcomer.sender);
	set_online(&newcomer, newcomer.one);
	inject(newcomer.sender, CPU_ADD, sizeof(CPU_ADD));
	poke(&newcomer.may_go, 1);
	assert_true(wait_until(second_has_left, &newcomer));
	assert_true(stats_of(newcomer.engine).uevents_refused_count == before.uevents_refused_count);
	newcomer_ends(&newcomer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_messages_are_counted_and_make_us_look),
		cmocka_unit_test(bad_messages_are_counted_and_change_nothing),
		cmocka_unit_test(random_messages_are_refused),
		cmocka_unit_test(forged_messages_are_refused_whatever_they_say),
		cmocka_unit_test(messages_of_the_kernel_are_seen),
		cmocka_unit_test(burst_of_a_thousand_becomes_few_looks),
		cmocka_unit_test(dropped_messages_make_us_look),
	};

	enter_namespace();
	return cmocka_run_group_tests_name("uevent_injected", tests, NULL, NULL);
}
