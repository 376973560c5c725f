/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux.c - the machine: the list of sources, and what is made of what they know together.
 *
 * Problem   a processor becomes ours in two ways, and only one of them gives a sign: the kernel sends a message when one
 *           is added or goes online, but says nothing when somebody widens our affinity or our cpuset.
 * Idea      one thread's affinity is the truth for both: it is the kernel's own intersection of the two with what is
 *           online. It costs 0.3 us to read, so it is read at every message and every poll.
 *
 * Which thread? Workers are pinned, and a thread that this library made keeps the affinity of its birth. The process's main
 * thread is the one that others address by the process id (taskset, a container runtime), so it is the default; a program
 * that pins its main thread names another.
 *
 * The files under /sys say what there could be and how it is wired. What may be used is not taken from there: the affinity
 * leaves out what is offline, and in some containers the file counts from 0 whatever the cpuset is. A root that stands for
 * another machine has no affinity of its own; there the files narrow ours.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "source.h"

/* In the order in which they are looked at. */
enum { UEVENT, AFFINITY, SYSFS, CPUSET, QUOTA, TOPOLOGY, MEMINFO, LIMIT, PRESSURE, BLOCKS, SOURCES };

static const struct dhpi_source_ops *const table[SOURCES] = {
	[UEVENT] = &dhpi_source_uevent,
	[AFFINITY] = &dhpi_source_affinity,
	[SYSFS] = &dhpi_source_sysfs,
	[CPUSET] = &dhpi_source_cpuset,
	[QUOTA] = &dhpi_source_quota,
	[TOPOLOGY] = &dhpi_source_topology,
	[MEMINFO] = &dhpi_source_meminfo,
	[LIMIT] = &dhpi_source_limit,
	[PRESSURE] = &dhpi_source_pressure,
	[BLOCKS] = &dhpi_source_blocks,
};

_Static_assert(SOURCES <= DHPI_SOURCES_LIMIT, "there is room for all");

struct machine {
	struct dhpi_sources sources;
	uint32_t group_limit;
	struct dhpi_limits limits;
};

static const struct dhpi_known_cpus *known_set(const struct machine *machine, enum dhpi_set_fact fact)
{
	return &machine->sources.facts.sets[fact];
}

/* 0 while it is not known. */
static uint64_t known_number(const struct machine *machine, enum dhpi_number_fact fact)
{
	return machine->sources.facts.numbers[fact].value;
}

/* ---- opened and closed ---- */

static void machine_close(void *state)
{
	struct machine *machine = state;

	dhpi_sources_close(&machine->sources);
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
	const struct dhpi_known_cpus *could_be = known_set(machine, DHPI_POSSIBLE);

	if (!could_be->known)
		could_be = known_set(machine, DHPI_AFFINITY);
	if (!could_be->known)
		return DHP_CANNOT_READ;
	if (could_be->list.count == 0)
		return DHP_NO_PROCESSOR;
	machine->limits.maximum =
		could_be->list.count < DHP_PROCESSORS_LIMIT ? could_be->list.count : DHP_PROCESSORS_LIMIT;
	machine->limits.cpu_limit = could_be->list.limit;
	machine->limits.groups_maximum = (could_be->list.limit - 1) / machine->group_limit + 1;
	return DHP_OK;
}

static enum dhp_status machine_open(const struct dhp_engine_options *options, void **out_state)
{
	struct machine *machine = port_alloc(sizeof(*machine));
	enum dhp_status status;

	if (machine == NULL)
		return DHP_NO_MEMORY;
	if (!copy_root(machine->sources.root, options->root)) {
		port_free(machine, sizeof(*machine));
		return DHP_BAD_PATH;
	}
	machine->sources.thread = options->watch_thread != 0 ? options->watch_thread : (int32_t)getpid();
	machine->sources.hook = options->source_hook;
	machine->sources.hook_context = options->source_context;
	machine->group_limit = options->group_limit;
	status = dhpi_sources_open(&machine->sources, table, SOURCES) ? find_limits(machine) : DHP_NO_MEMORY;
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

/* ---- processors ---- */

static void machine_affinity_begins(void *state)
{
	dhpi_affinity_begins(&((struct machine *)state)->sources.list[AFFINITY]);
}

static void machine_affinity_ends(void *state, bool confined)
{
	dhpi_affinity_ends(&((struct machine *)state)->sources.list[AFFINITY], confined);
}

/* A root of its own that says what could be online must say what is. */
static bool files_count(const struct machine *machine)
{
	return machine->sources.root[0] != '\0' && known_set(machine, DHPI_POSSIBLE)->known;
}

static void keep(struct dhpi_scan *scan, const struct dhpi_known_cpus *others)
{
	for (uint32_t cpu = 0; others->known && cpu < scan->limit; cpu++)
		if (dhpi_cpus_has(&scan->usable, cpu) && !dhpi_cpus_has(&others->cpus, cpu))
			dhpi_cpus_remove(&scan->usable, cpu);
}

static void merge_processors(const struct machine *machine, struct dhpi_scan *scan)
{
	const struct dhpi_known_cpus *affinity = known_set(machine, DHPI_AFFINITY);
	const struct dhpi_known_cpus *present = known_set(machine, DHPI_PRESENT), *online = known_set(machine, DHPI_ONLINE);

	scan->usable = affinity->cpus;
	scan->limit = affinity->list.limit;
	scan->present_count = present->known ? present->list.count : affinity->list.count;
	scan->online_count = online->known ? online->list.count : affinity->list.count;
	scan->quota = (uint32_t)known_number(machine, DHPI_QUOTA);
	if (!files_count(machine))
		return;
	keep(scan, known_set(machine, DHPI_ONLINE));
	keep(scan, known_set(machine, DHPI_CPUSET));
}

/* A process can run somewhere always: a thread that sleeps on a cpu that went offline has an empty mask until it wakes. */
static bool is_empty(const struct dhpi_scan *scan)
{
	uint32_t cpu = 0;

	while (cpu < scan->limit && !dhpi_cpus_has(&scan->usable, cpu))
		cpu++;
	return cpu >= scan->limit;
}

static bool is_complete(const struct machine *machine)
{
	return known_set(machine, DHPI_AFFINITY)->known &&
	       (!files_count(machine) || known_set(machine, DHPI_ONLINE)->known);
}

static bool failed(const struct dhpi_source *source)
{
	return !source->in_use || source->last != DHPI_LOOK_FINE;
}

/* Who asks is told when what cannot be done without could not be read; what is known of it holds on. */
static enum dhp_status machine_scan(void *state, bool all, struct dhpi_scan *out_scan)
{
	struct machine *machine = state;
	const struct dhpi_source *list = machine->sources.list;
	enum dhp_status status = DHP_CANNOT_READ;

	port_mutex_lock(&machine->sources.lock);
	dhpi_sources_look(&machine->sources, DHPI_OF_PROCESSORS, all);
	if (is_complete(machine)) {
		merge_processors(machine, out_scan);
		out_scan->usable_unknown = is_empty(out_scan);
		if (!all || (!failed(&list[AFFINITY]) && !(files_count(machine) && failed(&list[SYSFS]))))
			status = DHP_OK;
	}
	port_mutex_unlock(&machine->sources.lock);
	return status;
}

static enum dhp_status machine_describe(void *state, uint32_t cpu, struct dhp_processor *out_processor)
{
	struct machine *machine = state;

	if (cpu >= machine->limits.cpu_limit)
		return DHP_BAD_CPU;
	out_processor->cpu = cpu;
	out_processor->number = (struct dhp_number){
		.group = (uint16_t)(cpu / machine->group_limit),
		.number = (uint8_t)(cpu % machine->group_limit),
	};
	port_mutex_lock(&machine->sources.lock);
	dhpi_topology_read(&machine->sources.list[TOPOLOGY], out_processor);
	port_mutex_unlock(&machine->sources.lock);
	return DHP_OK;
}

static enum dhp_status machine_fault(void *state, uint32_t cpu, enum dhp_step step)
{
	(void)state;
	(void)cpu;
	(void)step;
	return DHP_OK;
}

static uint32_t machine_group_size(void *state, uint32_t group)
{
	(void)group;
	return ((const struct machine *)state)->group_limit;
}

/* ---- memory ---- */

/* What the control groups leave of the machine is as if it had no more. */
static void merge_memory(const struct machine *machine, struct dhpi_memory *memory)
{
	uint64_t limit = known_number(machine, DHPI_LIMIT_BYTES), room = known_number(machine, DHPI_ROOM_BYTES);

	memory->total_bytes = known_number(machine, DHPI_TOTAL_BYTES);
	memory->available_bytes = known_number(machine, DHPI_AVAILABLE_BYTES);
	if (limit == 0)
		return;
	if (memory->total_bytes == 0 || room < memory->available_bytes)
		memory->available_bytes = room;
	if (memory->total_bytes == 0 || limit < memory->total_bytes)
		memory->total_bytes = limit;
	if (memory->available_bytes > memory->total_bytes)
		memory->available_bytes = memory->total_bytes;
}

static void machine_memory(void *state, bool all, struct dhpi_memory *out_memory)
{
	struct machine *machine = state;

	port_mutex_lock(&machine->sources.lock);
	dhpi_sources_look(&machine->sources, DHPI_OF_MEMORY, all);
	merge_memory(machine, out_memory);
	port_mutex_unlock(&machine->sources.lock);
}

static void machine_modules(void *state, bool all, dhpi_module_visit *visit, void *context)
{
	struct machine *machine = state;
	struct dhpi_source *blocks = &machine->sources.list[BLOCKS];

	port_mutex_lock(&machine->sources.lock);
	dhpi_blocks_hint(blocks);
	dhpi_sources_look(&machine->sources, DHPI_OF_MODULES, all);
	dhpi_blocks_visit(blocks, visit, context);
	port_mutex_unlock(&machine->sources.lock);
}

/* ---- signs of change, and questions ---- */

static void machine_wait(void *state, uint32_t limit_ms)
{
	dhpi_sources_wait(&((struct machine *)state)->sources, limit_ms);
}

static void machine_interrupt(void *state)
{
	dhpi_sources_interrupt(&((struct machine *)state)->sources);
}

static void machine_counts(void *state, struct dhpi_source_counts *out_counts)
{
	const struct dhpi_source *uevent = &((struct machine *)state)->sources.list[UEVENT];

	out_counts->uevents = at_load_relaxed_u64(&uevent->changes);   /* relaxed: statistics only */
	out_counts->refused = at_load_relaxed_u64(&uevent->malformed); /* likewise */
}

static void machine_sources(void *state, dhp_source_visit *visit, void *context)
{
	dhpi_sources_visit(&((struct machine *)state)->sources, visit, context);
}

static void machine_retell(void *state, dhp_source_hook *hook, void *context)
{
	dhpi_sources_retell(&((struct machine *)state)->sources, hook, context);
}

const struct dhpi_backend dhpi_backend_machine = {
	.name = "linux",
	.early = true,
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
	.retell = machine_retell,
	.counts = machine_counts,
	.memory = machine_memory,
	.modules = machine_modules,
	.group_size = machine_group_size,
};
