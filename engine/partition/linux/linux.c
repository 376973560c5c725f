/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux.c - the machine: the processors that Linux lets this process use.
 *
 * Problem   a processor becomes ours in two ways, and only one of them gives a sign: the kernel sends a message when one
 *           is added or goes online, but says nothing when somebody widens our affinity or our cpuset.
 * Idea      one thread's affinity is the truth for both: it is the kernel's own intersection of the two with what is
 *           online. It costs 0.3 us to read, so it is read at every message and every poll.
 *
 * Which thread? Workers are pinned, and a thread that this library made keeps the affinity of its birth. The process's main
 * thread is the one that others address by the process id (taskset, a container runtime), so it is the default; a program
 * that pins its main thread names another. While the library itself confines the watched thread, what counts is the affinity
 * from before, until somebody else makes another one of ours.
 *
 * The files under /sys say what there could be and how it is wired. What is online is not taken from there: the affinity
 * leaves out what is offline, and in some containers the file counts from 0 whatever the cpuset is. A root that stands for
 * another machine has no affinity of its own; there the file narrows ours.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux.h"

struct machine {
	char root[DHPI_ROOT_BYTES];
	int32_t thread;
	uint32_t group_limit;
	struct dhpi_limits limits;
	int uevents;   /* -1: no messages here */
	int interrupt; /* an eventfd */
	bool has_sysfs;
	struct dhpi_cpus online; /* of the last scan; under the partition's lock */
	struct at_u64 uevents_count, refused_count;

	struct port_mutex confining;   /* nobody reads the affinity while the library changes it */
	bool confined;                 /* the rest under that: the library has set `ours` */
	struct dhpi_cpus ours, before;
	struct dhpi_cpulist before_list;

	bool message;                /* control thread only: one came, so blocks may have */
	uint64_t total_bytes;        /* the rest under the partition's lock: of the last look */
	uint64_t listed_total_bytes; /* of the look before the blocks were listed */
	uint32_t looks_since_list;
	struct dhpi_blocks blocks;
	struct at_u32 has_meminfo, has_blocks; /* whether the last look found them */
};

/* At the default interval of the poll this is five seconds. */
#define LOOKS_BEFORE_LIST 50u

static void machine_close(void *state)
{
	struct machine *machine = state;

	if (machine->uevents >= 0)
		(void)close(machine->uevents);
	if (machine->interrupt >= 0)
		(void)close(machine->interrupt);
	port_mutex_fini(&machine->confining);
	port_free(machine, sizeof(*machine));
}

static bool copy_root(char *to, const char *from)
{
	size_t i = 0;

	for (; from != NULL && from[i] != '\0'; i++) {
		if (i == DHPI_ROOT_BYTES - 1)
			return false;
		to[i] = from[i];
	}
	to[i] = '\0';
	return true;
}

/*
 * What there could ever be is what the kernel was started with. Without sysfs nobody says: then it is what the affinity
 * shows now, and no processor can arrive beyond that.
 */
static enum dhp_status find_limits(struct machine *machine)
{
	struct dhpi_cpus *possible = port_alloc(sizeof(*possible));
	struct dhpi_cpulist list;
	bool found;

	if (possible == NULL)
		return DHP_NO_MEMORY;
	dhpi_cpus_clear(possible);
	machine->has_sysfs = dhpi_sysfs_list(machine->root, "/sys/devices/system/cpu/possible", possible, &list);
	found = machine->has_sysfs || dhpi_affinity_read(machine->thread, possible, &list);
	port_free(possible, sizeof(*possible));
	if (!found)
		return DHP_CANNOT_READ;
	if (list.count == 0)
		return DHP_NO_PROCESSOR;
	machine->limits.maximum = list.count < DHP_PROCESSORS_LIMIT ? list.count : DHP_PROCESSORS_LIMIT;
	machine->limits.cpu_limit = list.limit;
	machine->limits.groups_maximum = (list.limit - 1) / machine->group_limit + 1;
	return DHP_OK;
}

static enum dhp_status machine_open(const struct dhp_engine_options *options, void **out_state)
{
	struct machine *machine = port_alloc(sizeof(*machine));
	enum dhp_status status = DHP_BAD_PATH;

	if (machine == NULL)
		return DHP_NO_MEMORY;
	machine->thread = options->watch_thread != 0 ? options->watch_thread : (int32_t)getpid();
	machine->group_limit = options->group_limit;
	port_mutex_init(&machine->confining);
	machine->uevents = dhpi_uevent_open();
	machine->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (copy_root(machine->root, options->root))
		status = machine->interrupt >= 0 ? find_limits(machine) : DHP_NO_MEMORY;
	if (dhp_failed(status))
		machine_close(machine);
	else
		*out_state = machine;
	return status;
}

static void machine_limits(void *state, struct dhpi_limits *out_limits)
{
	*out_limits = ((struct machine *)state)->limits;
}

/* ---- what there is now ---- */

static bool is_watched(const struct machine *machine)
{
	return syscall(SYS_gettid) == machine->thread;
}

static bool is_ours(const struct machine *machine, const struct dhpi_cpus *cpus)
{
	return machine->confined && memcmp(cpus, &machine->ours, sizeof(*cpus)) == 0;
}

static void machine_affinity_begins(void *state)
{
	struct machine *machine = state;
	struct dhpi_cpulist list;
	struct dhpi_cpus now;

	if (!is_watched(machine))
		return;
	port_mutex_lock(&machine->confining);
	dhpi_cpus_clear(&now);
	if (!dhpi_affinity_read(machine->thread, &now, &list) || is_ours(machine, &now))
		return;
	machine->before = now;
	machine->before_list = list;
}

static void machine_affinity_ends(void *state, bool confined)
{
	struct machine *machine = state;
	struct dhpi_cpulist list;

	if (!is_watched(machine))
		return;
	dhpi_cpus_clear(&machine->ours);
	machine->confined = confined && dhpi_affinity_read(machine->thread, &machine->ours, &list);
	port_mutex_unlock(&machine->confining);
}

static bool read_affinity(struct machine *machine, struct dhpi_cpus *cpus, struct dhpi_cpulist *out_list)
{
	bool found;

	port_mutex_lock(&machine->confining);
	dhpi_cpus_clear(cpus);
	found = dhpi_affinity_read(machine->thread, cpus, out_list);
	if (found && is_ours(machine, cpus)) {
		*cpus = machine->before;
		*out_list = machine->before_list;
	}
	port_mutex_unlock(&machine->confining);
	return found;
}

static void keep_online(struct dhpi_scan *scan, const struct dhpi_cpus *online)
{
	for (uint32_t cpu = 0; cpu < scan->limit; cpu++)
		if (dhpi_cpus_has(&scan->usable, cpu) && !dhpi_cpus_has(online, cpu))
			dhpi_cpus_remove(&scan->usable, cpu);
}

static enum dhp_status machine_scan(void *state, struct dhpi_scan *out_scan)
{
	struct machine *machine = state;
	struct dhpi_cpulist affinity, online, present;

	if (!read_affinity(machine, &out_scan->usable, &affinity))
		return DHP_CANNOT_READ;
	out_scan->limit = affinity.limit;
	out_scan->present_count = affinity.count;
	if (!machine->has_sysfs)
		return DHP_OK;
	if (machine->root[0] != '\0') {
		dhpi_cpus_clear(&machine->online);
		if (!dhpi_sysfs_list(machine->root, "/sys/devices/system/cpu/online", &machine->online, &online))
			return DHP_CANNOT_READ;
		keep_online(out_scan, &machine->online);
	}
	if (dhpi_sysfs_list(machine->root, "/sys/devices/system/cpu/present", NULL, &present))
		out_scan->present_count = present.count;
	return DHP_OK;
}

static enum dhp_status machine_describe(void *state, uint32_t cpu, struct dhp_processor *out_processor)
{
	const struct machine *machine = state;

	if (cpu >= machine->limits.cpu_limit)
		return DHP_BAD_CPU;
	out_processor->cpu = cpu;
	out_processor->number = (struct dhp_number){
		.group = (uint16_t)(cpu / machine->group_limit),
		.number = (uint8_t)(cpu % machine->group_limit),
	};
	dhpi_sysfs_topology(machine->root, out_processor);
	return DHP_OK;
}

static enum dhp_status machine_fault(void *state, uint32_t cpu, enum dhp_step step)
{
	(void)state;
	(void)cpu;
	(void)step;
	return DHP_OK;
}

/* ---- memory ---- */

static void machine_memory(void *state, struct dhpi_memory *out_memory)
{
	struct machine *machine = state;
	bool found = dhpi_meminfo_read(machine->root, out_memory);

	at_store_relaxed_u32(&machine->has_meminfo, found); /* relaxed: a hint for those who ask */
	if (found)
		machine->total_bytes = out_memory->total_bytes;
}

/*
 * There may be thousands of blocks, so they are listed when there is a sign: a message, or another total. A block may be
 * counted before it calls itself online, and where no messages come that would be the only sign: so also every now and then.
 */
static void machine_modules(void *state, bool all, dhpi_module_visit *visit, void *context)
{
	struct machine *machine = state;

	if (!all && !machine->message && machine->total_bytes == machine->listed_total_bytes &&
	    ++machine->looks_since_list < LOOKS_BEFORE_LIST)
		return;
	if (!all) /* else the caller may be another thread than the one whose field that is */
		machine->message = false;
	machine->listed_total_bytes = machine->total_bytes;
	machine->looks_since_list = 0;
	at_store_relaxed_u32(&machine->has_blocks, /* relaxed: a hint for those who ask */
			     dhpi_blocks_visit(machine->root, &machine->blocks, visit, context));
}

/* ---- signs of change ---- */

/* Messages about other devices are read away without a look. */
static void machine_wait(void *state, uint32_t limit_ms)
{
	struct machine *machine = state;
	uint64_t end = port_now_ns() + (uint64_t)limit_ms * 1000000;
	struct pollfd files[2] = {
		{ .fd = machine->interrupt, .events = POLLIN },
		{ .fd = machine->uevents, .events = POLLIN }, /* -1 is passed over by poll */
	};

	for (;;) {
		uint64_t now = port_now_ns();
		uint64_t left_ms = now < end ? (end - now + 999999) / 1000000 : 0;

		files[0].revents = files[1].revents = 0;
		(void)poll(files, 2, (int)(left_ms < INT32_MAX ? left_ms : INT32_MAX));
		if ((files[0].revents & POLLIN) != 0)
			return;
		/* The program has closed descriptors that are not its own: what is left is to look every now and then. */
		if ((files[0].revents | files[1].revents) & POLLNVAL) {
			port_sleep_ns(left_ms * 1000000);
			return;
		}
		if (files[1].revents != 0 &&
		    dhpi_uevent_read(machine->uevents, &machine->uevents_count, &machine->refused_count)) {
			machine->message = true;
			return;
		}
		if (left_ms == 0)
			return;
	}
}

static void machine_interrupt(void *state)
{
	const uint64_t one = 1;

	/* It fails only when the event is pending already. */
	if (write(((struct machine *)state)->interrupt, &one, sizeof(one)) < 0)
		return;
}

static void machine_counts(void *state, struct dhpi_source_counts *out_counts)
{
	const struct machine *machine = state;

	out_counts->uevents = at_load_relaxed_u64(&machine->uevents_count); /* relaxed: statistics only */
	out_counts->refused = at_load_relaxed_u64(&machine->refused_count); /* likewise */
}

static void machine_sources(void *state, dhp_source_visit *visit, void *context)
{
	const struct machine *machine = state;
	bool has_meminfo = at_load_relaxed_u32(&machine->has_meminfo) != 0; /* relaxed: of the last look, as a hint */
	bool has_blocks = at_load_relaxed_u32(&machine->has_blocks) != 0;   /* likewise */
	const struct dhp_source sources[] = {
		{ "affinity", true, "what others set for the watched thread; no sign is given, found by poll" },
		{ "cpuset", true, "seen through the affinity; no sign is given, found by poll" },
		{ "uevent", machine->uevents >= 0,
		  machine->uevents >= 0 ? "processors and memory added, removed, online, offline; none arrive in a network "
					  "namespace of a user namespace (rootless container)"
					: "the kernel's socket cannot be opened here; found by poll" },
		{ "sysfs", machine->has_sysfs,
		  machine->has_sysfs ? "possible, present and online processors, topology"
				     : "not mounted: nothing beyond today's affinity can arrive, no topology" },
		{ "meminfo", has_meminfo,
		  has_meminfo ? "total and available memory; no sign is given, found by poll"
			      : "cannot be read: no memory conditions" },
		{ "blocks", has_blocks,
		  has_blocks ? "memory blocks that go online" : "this kernel shows none: no memory module arrives" },
		{ "poll", true, "finds at last what gives no sign" },
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		visit(&sources[i], context);
}

static uint32_t machine_group_size(void *state, uint32_t group)
{
	(void)group;
	return ((const struct machine *)state)->group_limit;
}

const struct dhpi_backend dhpi_backend_machine = {
	.name = "linux",
	.open = machine_open,
	.close = machine_close,
	.limits = machine_limits,
	.scan = machine_scan,
	.describe = machine_describe,
	.fault = machine_fault,
	.wait = machine_wait,
	.interrupt = machine_interrupt,
	.affinity_begins = machine_affinity_begins,
	.affinity_ends = machine_affinity_ends,
	.sources = machine_sources,
	.counts = machine_counts,
	.memory = machine_memory,
	.modules = machine_modules,
	.group_size = machine_group_size,
};
