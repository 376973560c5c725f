/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.c - the machine, seen from inside the Linux kernel: its own steps by which a processor is brought up are ours.
 *
 *       whoever writes to `online`         who looks, under the partition's lock
 *       -----------------------------      ------------------------------------------------
 *       prepare: names the newcomer,  ---> one look without it, the next one shows it: reserve, prepare, Start
 *       and waits for the answer     <---  before bring-up: the answer is 0, and it waits in its turn
 *                                    <---  the look after: it was not taken. The answer is REFUSED; all is rolled back
 *       online, or dead (it failed)  --->  bring-up, publish, Complete; or Failure to those who heard Start
 *
 * I1        `coming` is the cpu between its prepare and its online or dead. The kernel brings up one at a time.
 * I2        every prepare gets one answer: at bring-up, at the look after the one that showed it, or at the close.
 * I3        each of the two who wait prepares the completion it will wait for itself, before the other can know of it: the
 *           kernel may name the next newcomer before who waited for the last one runs.
 * I4        who is in `known` has passed bring-up's step once. It has its slot and its worker, unless there was no thread for
 *           it, and is not asked for again when it returns: it is only seen as usable.
 *
 * While prepare waits, its caller holds the kernel's lock of cpu hot-plug. So a registrant's Start may not take that, and who
 * holds it may not call what waits while a processor arrives. Nor does this file between the moment when prepare can be
 * called and the first look: the steps are entered last to first, and without anybody who looks by himself not at all.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/wait.h>

#include "kernel.h"
#include "partition.h"

#define NOBODY UINT_MAX
#define REFUSED (-ECANCELED) /* at -EBUSY newer kernels try five times more before they tell who writes to `online` */

enum stage {
	NAMED,   /* no look has begun since */
	PASSED,  /* a look went without it: who was refused, and is named again at once, was seen gone in between */
	SHOWN,   /* a look has it as usable */
	ANSWERED
};

struct machine {
	struct hlist_node prepare_node, online_node; /* in the kernel's lists of either state */
	enum cpuhp_state prepare_state, online_state;
	bool has_prepare, has_online, has_memory;
	uint32_t group_limit;
	struct notifier_block memory_change;

	wait_queue_head_t change; /* the control thread waits for `changed` */
	bool changed;

	spinlock_t lock; /* of the rest, but for what completions order */
	unsigned int coming; /* I1 */
	enum stage stage;    /* of the one that is coming */
	bool closing;
	int answer;                    /* read after answer_given */
	bool came;                     /* read after settled: how it ended */
	struct completion answer_given; /* prepare waits, I3 */
	struct completion settled;      /* bring-up waits, I3 */
	struct dhpi_cpus known;         /* I4 */
	unsigned long *blocks; /* one bit for each memory block that went online since */
};

static void tell(struct machine *machine)
{
	WRITE_ONCE(machine->changed, true);
	wake_up(&machine->change);
}

/* I2. Under the lock. */
static void answer(struct machine *machine, int error)
{
	machine->stage = ANSWERED;
	machine->answer = error;
	complete(&machine->answer_given);
}

static bool is_waiting(const struct machine *machine)
{
	return machine->coming != NOBODY && machine->stage != ANSWERED;
}

/* ---- what the kernel calls: preemptible, one at a time ---- */

/* false: there is nothing to wait for. */
static bool begin(struct machine *machine, unsigned int cpu)
{
	bool newcomer;

	spin_lock(&machine->lock);
	newcomer = !machine->closing && cpu < DHP_CPU_LIMIT && !dhpi_cpus_has(&machine->known, cpu);
	if (newcomer) {
		machine->coming = cpu;
		machine->stage = NAMED;
		reinit_completion(&machine->answer_given);
	}
	spin_unlock(&machine->lock);
	return newcomer;
}

static void settle(struct machine *machine, bool came)
{
	spin_lock(&machine->lock);
	if (machine->coming != NOBODY) {
		machine->came = came;
		machine->coming = NOBODY;
		complete(&machine->settled);
	}
	spin_unlock(&machine->lock);
	tell(machine);
}

static int cpu_prepare(unsigned int cpu, struct hlist_node *node)
{
	struct machine *machine = hlist_entry(node, struct machine, prepare_node);
	int error;

	if (!begin(machine, cpu))
		return 0;
	tell(machine);
	wait_for_completion(&machine->answer_given);
	error = machine->answer;
	if (error != 0)
		settle(machine, false);
	return error;
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

static void leave_state(enum cpuhp_state state, struct hlist_node *node)
{
	(void)cpuhp_state_remove_instance_nocalls(state, node);
	cpuhp_remove_multi_state(state);
}

/* Nobody looks any more. Who was not shown yet comes without us. */
static void machine_close(void *state)
{
	struct machine *machine = state;

	spin_lock(&machine->lock);
	machine->closing = true;
	if (is_waiting(machine))
		answer(machine, machine->stage == SHOWN ? REFUSED : 0);
	spin_unlock(&machine->lock);
	if (machine->has_prepare)
		leave_state(machine->prepare_state, &machine->prepare_node);
	if (machine->has_online)
		leave_state(machine->online_state, &machine->online_node);
	if (machine->has_memory)
		unregister_memory_notifier(&machine->memory_change);
	bitmap_free(machine->blocks);
	kvfree(machine);
}

/* The state's number is the kernel's choice; its first instance is ours, and none is called for those that are here. */
static bool enter_state(enum cpuhp_state where, const char *name, int (*up)(unsigned int, struct hlist_node *),
			int (*down)(unsigned int, struct hlist_node *), struct hlist_node *node, enum cpuhp_state *out_state)
{
	int state = dhpi_kernel_fault() ? -ENOMEM : cpuhp_setup_state_multi(where, name, up, down);

	if (state < 0)
		return false;
	*out_state = (enum cpuhp_state)state;
	if (!dhpi_kernel_fault() && cpuhp_state_add_instance_nocalls(*out_state, node) == 0)
		return true;
	cpuhp_remove_multi_state(*out_state);
	return false;
}

/* Prepare last: from then on somebody may wait for an answer, with the kernel's lock of hot-plug. */
static bool enter_states(struct machine *machine)
{
	machine->has_online = enter_state(CPUHP_AP_ONLINE_DYN, "dhp:online", cpu_online_now, cpu_going,
					  &machine->online_node, &machine->online_state);
	machine->has_prepare = machine->has_online &&
			       enter_state(CPUHP_BP_PREPARE_DYN, "dhp:prepare", cpu_prepare, cpu_dead,
					   &machine->prepare_node, &machine->prepare_state);
	return machine->has_prepare;
}

static void listen_to_memory(struct machine *machine)
{
	machine->memory_change.notifier_call = memory_changed;
	machine->has_memory = register_memory_notifier(&machine->memory_change) == 0;
}

static void machine_init(struct machine *machine)
{
	machine->coming = NOBODY;
	init_waitqueue_head(&machine->change);
	spin_lock_init(&machine->lock);
	init_completion(&machine->answer_given);
	init_completion(&machine->settled);
	dhpi_cpus_clear(&machine->known);
}

static enum dhp_status machine_open(const struct dhp_engine_options *options, void **out_state)
{
	struct machine *machine = dhpi_kernel_fault() ? NULL : kvzalloc(sizeof(*machine), GFP_KERNEL);
	bool watched = (options->flags & DHP_ENGINE_NO_WATCH) == 0;

	if (machine == NULL)
		return DHP_NO_MEMORY;
	machine_init(machine);
	machine->group_limit = options->group_limit;
	machine->blocks = dhpi_kernel_fault() ? NULL : bitmap_zalloc(DHPI_MODULES_LIMIT, GFP_KERNEL);
	if (machine->blocks != NULL)
		listen_to_memory(machine);
	if (machine->blocks == NULL || (watched && !enter_states(machine))) {
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

/* I2. As long as somebody waits, the next look follows at once. */
static void show_newcomer(struct machine *machine, struct dhpi_scan *scan)
{
	bool again;

	spin_lock(&machine->lock);
	again = is_waiting(machine);
	if (again && machine->stage == SHOWN) {
		answer(machine, REFUSED); /* the look that showed it is over, and did not take it */
	} else if (again && machine->stage++ == PASSED) {
		dhpi_cpus_add(&scan->usable, machine->coming);
		scan->limit = max(scan->limit, (uint32_t)machine->coming + 1);
	}
	spin_unlock(&machine->lock);
	if (again)
		tell(machine);
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

static uint32_t thread_of(unsigned int cpu)
{
	uint32_t thread = 0;
	unsigned int other;

	for_each_cpu(other, topology_sibling_cpumask(cpu))
		thread += other < cpu;
	return thread;
}

static enum dhp_status machine_describe(void *state, uint32_t cpu, struct dhp_processor *out_processor)
{
	const struct machine *machine = state;
	bool wired;

	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return DHP_BAD_CPU;
	out_processor->cpu = cpu;
	out_processor->number = (struct dhp_number){
		.group = (uint16_t)(cpu / machine->group_limit),
		.number = (uint8_t)(cpu % machine->group_limit),
	};
	out_processor->node = cpu_to_node((int)cpu) >= 0 ? (uint32_t)cpu_to_node((int)cpu) : 0;
	/* How it is wired the kernel learns when it is online: it is asked for again. */
	wired = cpu_online(cpu);
	out_processor->package = wired ? (uint32_t)topology_physical_package_id(cpu) : DHP_UNKNOWN;
	out_processor->core = wired ? (uint32_t)topology_core_id(cpu) : DHP_UNKNOWN;
	out_processor->thread = wired ? thread_of(cpu) : DHP_UNKNOWN;
	return DHP_OK;
}

/* true: it is the one that is coming, and the kernel goes on with it. */
static bool let_come(struct machine *machine, uint32_t cpu)
{
	bool ours;

	spin_lock(&machine->lock);
	ours = is_waiting(machine) && machine->coming == cpu;
	if (ours) {
		reinit_completion(&machine->settled);
		answer(machine, 0);
	}
	spin_unlock(&machine->lock);
	return ours;
}

static bool is_there(struct machine *machine, uint32_t cpu)
{
	if (!let_come(machine, cpu))
		return cpu_online(cpu);
	wait_for_completion(&machine->settled);
	return machine->came;
}

/* Start is over and nobody refused: now the kernel may go on, and the worker waits for its processor. */
static enum dhp_status machine_step(void *state, uint32_t cpu, enum dhp_step step)
{
	struct machine *machine = state;

	if (step != DHP_STEP_BRING_UP)
		return DHP_OK;
	if (!is_there(machine, cpu))
		return DHP_NO_PROCESSOR;
	spin_lock(&machine->lock);
	dhpi_cpus_add(&machine->known, cpu);
	spin_unlock(&machine->lock);
	return DHP_OK;
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

static void machine_wait(void *state, uint32_t limit_ms)
{
	struct machine *machine = state;

	(void)wait_event_idle_timeout(machine->change, READ_ONCE(machine->changed), msecs_to_jiffies(limit_ms));
	smp_store_mb(machine->changed, false); /* before the look: what is told from now on is looked at again */
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
		{ .name = "hotplug", .works = machine->has_prepare,
		  .detail = machine->has_prepare ? "the kernel's own steps: a veto refuses the processor" : "looked at on request",
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
