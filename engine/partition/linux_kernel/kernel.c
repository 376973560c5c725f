/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.c - the machine, seen from inside the Linux kernel: its own steps by which a processor is brought up are ours.
 *
 *       whoever writes to `online`         the control thread
 *       -----------------------------      -----------------------------------------------
 *       prepare: names the newcomer,  ---> sees it as usable; reserve, prepare, Start
 *       and waits for the answer     <---  a veto: the answer is an error; all is rolled back on both sides
 *                                    <---  before bring-up: the answer is 0, and it waits in its turn
 *       online, or dead (it failed)  --->  bring-up, publish, Complete; or Failure to those who heard Start
 *
 * I1        `coming` is the cpu between its prepare and its online or dead. The kernel brings up one at a time.
 * I2        every prepare gets one answer: at bring-up, or when the control thread comes to wait again, or at the close.
 *
 * While prepare waits, its caller holds the kernel's lock of cpu hot-plug: a registrant's Start may not take that.
 * A processor that was here before has its slot and its worker still: it is only seen as usable again.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/wait.h>

#include "partition.h"

#define NOBODY UINT_MAX

struct machine {
	struct hlist_node prepare_node, online_node; /* in the kernel's lists of either state */
	enum cpuhp_state prepare_state, online_state;
	bool has_prepare, has_online, has_memory;
	uint32_t group_limit;
	struct notifier_block memory_change;

	wait_queue_head_t change; /* the control thread waits for `changed` */
	bool changed;

	spinlock_t lock; /* of the rest */
	unsigned int coming; /* I1 */
	bool fresh;          /* no look has begun since it was named */
	bool offered;        /* a look has shown it as usable */
	bool answered, closing;
	bool came;           /* how it was settled */
	int answer;
	struct completion answer_given, settling;
	struct dhpi_cpus arrived; /* had a Complete, or will have one */
	unsigned long *blocks;    /* one bit for each memory block that went online since */
};

static void tell(struct machine *machine)
{
	WRITE_ONCE(machine->changed, true);
	wake_up(&machine->change);
}

/* I2. Under the lock. */
static void answer(struct machine *machine, int error)
{
	if (machine->coming == NOBODY || machine->answered)
		return;
	machine->answered = true;
	machine->answer = error;
	complete(&machine->answer_given);
}

/* ---- what the kernel calls: preemptible, one at a time ---- */

/* false: there is nothing to wait for. */
static bool begin(struct machine *machine, unsigned int cpu)
{
	bool newcomer;

	spin_lock(&machine->lock);
	newcomer = !machine->closing && cpu < DHP_CPU_LIMIT && !dhpi_cpus_has(&machine->arrived, cpu);
	if (newcomer) {
		machine->coming = cpu;
		machine->fresh = true;
		machine->offered = machine->answered = machine->came = false;
		reinit_completion(&machine->answer_given);
		reinit_completion(&machine->settling);
	}
	spin_unlock(&machine->lock);
	return newcomer;
}

static void settle(struct machine *machine, bool came)
{
	spin_lock(&machine->lock);
	if (machine->coming != NOBODY) {
		if (came)
			dhpi_cpus_add(&machine->arrived, machine->coming);
		machine->came = came;
		machine->coming = NOBODY;
		complete(&machine->settling);
	}
	spin_unlock(&machine->lock);
	tell(machine);
}

static int cpu_prepare(unsigned int cpu, struct hlist_node *node)
{
	struct machine *machine = hlist_entry(node, struct machine, prepare_node);

	if (!begin(machine, cpu))
		return 0;
	tell(machine);
	wait_for_completion(&machine->answer_given);
	if (machine->answer != 0)
		settle(machine, false);
	return machine->answer;
}

static int cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	(void)cpu;
	settle(hlist_entry(node, struct machine, prepare_node), false);
	return 0;
}

static int cpu_online_now(unsigned int cpu, struct hlist_node *node)
{
	(void)cpu;
	settle(hlist_entry(node, struct machine, online_node), true);
	return 0;
}

static int cpu_going(unsigned int cpu, struct hlist_node *node)
{
	(void)cpu;
	tell(hlist_entry(node, struct machine, online_node));
	return 0;
}

static int memory_changed(struct notifier_block *block, unsigned long action, void *argument)
{
	struct machine *machine = container_of(block, struct machine, memory_change);
	const struct memory_notify *what = argument;

	if (action == MEM_ONLINE) {
		unsigned long first = what->start_pfn / (memory_block_size_bytes() >> PAGE_SHIFT);

		if (first < DHPI_MODULES_LIMIT)
			set_bit(first, machine->blocks);
	}
	tell(machine);
	return NOTIFY_OK;
}

/* ---- open and close ---- */

static void machine_close(void *state)
{
	struct machine *machine = state;

	spin_lock(&machine->lock);
	machine->closing = true;
	answer(machine, -ESHUTDOWN);
	spin_unlock(&machine->lock);
	if (machine->has_online) {
		(void)cpuhp_state_remove_instance_nocalls(machine->online_state, &machine->online_node);
		cpuhp_remove_multi_state(machine->online_state);
	}
	if (machine->has_prepare) {
		(void)cpuhp_state_remove_instance_nocalls(machine->prepare_state, &machine->prepare_node);
		cpuhp_remove_multi_state(machine->prepare_state);
	}
	if (machine->has_memory)
		unregister_memory_notifier(&machine->memory_change);
	bitmap_free(machine->blocks);
	kvfree(machine);
}

/* The state's number is the kernel's choice; its first instance is ours, and none is called for those that are here. */
static bool enter_state(enum cpuhp_state where, const char *name, int (*up)(unsigned int, struct hlist_node *),
			int (*down)(unsigned int, struct hlist_node *), struct hlist_node *node, enum cpuhp_state *out_state)
{
	int state = cpuhp_setup_state_multi(where, name, up, down);

	if (state < 0)
		return false;
	*out_state = (enum cpuhp_state)state;
	if (cpuhp_state_add_instance_nocalls(*out_state, node) == 0)
		return true;
	cpuhp_remove_multi_state(*out_state);
	return false;
}

static bool enter_states(struct machine *machine)
{
	machine->has_prepare = enter_state(CPUHP_BP_PREPARE_DYN, "dhp:prepare", cpu_prepare, cpu_dead,
					   &machine->prepare_node, &machine->prepare_state);
	if (!machine->has_prepare)
		return false;
	machine->has_online = enter_state(CPUHP_AP_ONLINE_DYN, "dhp:online", cpu_online_now, cpu_going,
					  &machine->online_node, &machine->online_state);
	machine->memory_change.notifier_call = memory_changed;
	machine->has_memory = register_memory_notifier(&machine->memory_change) == 0;
	return machine->has_online;
}

static enum dhp_status machine_open(const struct dhp_engine_options *options, void **out_state)
{
	struct machine *machine = kvzalloc(sizeof(*machine), GFP_KERNEL);
	unsigned int cpu;

	if (machine == NULL)
		return DHP_NO_MEMORY;
	machine->blocks = bitmap_zalloc(DHPI_MODULES_LIMIT, GFP_KERNEL);
	machine->group_limit = options->group_limit;
	machine->coming = NOBODY;
	init_waitqueue_head(&machine->change);
	spin_lock_init(&machine->lock);
	init_completion(&machine->answer_given);
	init_completion(&machine->settling);
	dhpi_cpus_clear(&machine->arrived);
	for_each_online_cpu(cpu)
		if (cpu < DHP_CPU_LIMIT)
			dhpi_cpus_add(&machine->arrived, cpu);
	if (machine->blocks == NULL || !enter_states(machine)) {
		machine_close(machine);
		return DHP_NO_MEMORY;
	}
	*out_state = machine;
	return DHP_OK;
}

/* ---- what there is ---- */

static void machine_limits(void *state, struct dhpi_limits *out_limits)
{
	const struct machine *machine = state;

	out_limits->cpu_limit = min_t(uint32_t, nr_cpu_ids, DHP_CPU_LIMIT);
	out_limits->maximum = min_t(uint32_t, num_possible_cpus(), DHP_PROCESSORS_LIMIT);
	out_limits->groups_maximum = (out_limits->cpu_limit - 1) / machine->group_limit + 1;
}

/* One that was refused and is named again at once must have been seen gone in between. */
static void show_newcomer(struct machine *machine, struct dhpi_scan *scan)
{
	spin_lock(&machine->lock);
	if (machine->coming != NOBODY && machine->fresh) {
		machine->fresh = false;
		WRITE_ONCE(machine->changed, true); /* look again */
	} else if (machine->coming != NOBODY) {
		machine->offered = true;
		dhpi_cpus_add(&scan->usable, machine->coming);
		scan->limit = max(scan->limit, (uint32_t)machine->coming + 1);
	}
	spin_unlock(&machine->lock);
}

static enum dhp_status machine_scan(void *state, bool all, struct dhpi_scan *out_scan)
{
	unsigned int cpu;

	(void)all;
	dhpi_cpus_clear(&out_scan->usable);
	out_scan->usable_unknown = false;
	out_scan->limit = 0;
	out_scan->present_count = num_present_cpus();
	out_scan->online_count = num_online_cpus();
	out_scan->quota = 0;
	for_each_online_cpu(cpu) {
		if (cpu >= DHP_CPU_LIMIT)
			break;
		dhpi_cpus_add(&out_scan->usable, cpu);
		out_scan->limit = cpu + 1;
	}
	show_newcomer(state, out_scan);
	return DHP_OK;
}

/* Who shares its core is known once it is online: it is asked for again. */
static uint32_t thread_of(unsigned int cpu)
{
	uint32_t thread = 0;
	unsigned int other;

	if (!cpu_online(cpu))
		return DHP_UNKNOWN;
	for_each_cpu(other, topology_sibling_cpumask(cpu))
		thread += other < cpu;
	return thread;
}

static enum dhp_status machine_describe(void *state, uint32_t cpu, struct dhp_processor *out_processor)
{
	const struct machine *machine = state;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return DHP_BAD_CPU;
	out_processor->cpu = cpu;
	out_processor->number = (struct dhp_number){
		.group = (uint16_t)(cpu / machine->group_limit),
		.number = (uint8_t)(cpu % machine->group_limit),
	};
	out_processor->node = cpu_to_node((int)cpu) >= 0 ? (uint32_t)cpu_to_node((int)cpu) : 0;
	out_processor->package = (uint32_t)topology_physical_package_id(cpu);
	out_processor->core = (uint32_t)topology_core_id(cpu);
	out_processor->thread = thread_of(cpu);
	return DHP_OK;
}

/* Start is over and nobody refused: now the kernel may go on, and the worker waits for its processor. */
static enum dhp_status machine_step(void *state, uint32_t cpu, enum dhp_step step)
{
	struct machine *machine = state;
	bool ours;

	if (step != DHP_STEP_BRING_UP)
		return DHP_OK;
	spin_lock(&machine->lock);
	ours = machine->coming == cpu && !machine->answered;
	if (ours)
		answer(machine, 0);
	spin_unlock(&machine->lock);
	if (!ours)
		return cpu_online(cpu) ? DHP_OK : DHP_NO_PROCESSOR;
	wait_for_completion(&machine->settling);
	return machine->came ? DHP_OK : DHP_NO_PROCESSOR;
}

static uint32_t machine_group_size(void *state, uint32_t group)
{
	(void)group;
	return ((const struct machine *)state)->group_limit;
}

/* ---- memory ---- */

static void machine_memory(void *state, bool all, struct dhpi_memory *out_memory)
{
	struct sysinfo info;
	long available = si_mem_available();

	(void)state, (void)all;
	si_meminfo(&info);
	out_memory->total_bytes = (uint64_t)info.totalram * info.mem_unit;
	out_memory->available_bytes = min(out_memory->total_bytes, (uint64_t)max(available, 0l) << PAGE_SHIFT);
}

/* Those that were online at the start are nobody's news. */
static void machine_modules(void *state, bool all, dhpi_module_visit *visit, void *context)
{
	struct machine *machine = state;
	unsigned long block;

	(void)all;
	for_each_set_bit(block, machine->blocks, DHPI_MODULES_LIMIT)
		if (visit(context, (uint32_t)block))
			clear_bit((long)block, machine->blocks);
}

/* ---- signs of change ---- */

/* Whoever calls this has looked: one that it did not take has failed before bring-up. */
static void machine_wait(void *state, uint32_t limit_ms)
{
	struct machine *machine = state;

	spin_lock(&machine->lock);
	if (machine->offered)
		answer(machine, -EBUSY);
	spin_unlock(&machine->lock);
	(void)wait_event_idle_timeout(machine->change, READ_ONCE(machine->changed), msecs_to_jiffies(limit_ms));
	WRITE_ONCE(machine->changed, false);
}

static void machine_interrupt(void *state)
{
	tell(state);
}

static void machine_counts(void *state, struct dhpi_source_counts *out_counts)
{
	(void)state;
	*out_counts = (struct dhpi_source_counts){ 0 };
}

static void machine_sources(void *state, dhp_source_visit *visit, void *context)
{
	const struct machine *machine = state;
	const struct dhp_source sources[] = {
		{ .name = "hotplug", .works = true, .detail = "the kernel's own steps: a veto refuses the processor",
		  .blind = "nothing", .root = "nothing" },
		{ .name = "memory", .works = machine->has_memory,
		  .detail = machine->has_memory ? "blocks that go online" : "the kernel's notifier could not be had",
		  .blind = "blocks that were online at the start", .root = "nothing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		visit(&sources[i], context);
}

const struct dhpi_backend dhpi_backend_machine = {
	.name = "linux-kernel",
	.open = machine_open,
	.close = machine_close,
	.limits = machine_limits,
	.scan = machine_scan,
	.describe = machine_describe,
	.fault = machine_step,
	.wait = machine_wait,
	.interrupt = machine_interrupt,
	.sources = machine_sources,
	.counts = machine_counts,
	.memory = machine_memory,
	.modules = machine_modules,
	.group_size = machine_group_size,
};
