/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity_kernel.c - the calling thread's affinity, and the pins of others.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "port.h"

bool port_affinity_read(struct port_affinity *out_affinity)
{
	unsigned int cpu;

	*out_affinity = (struct port_affinity){ { 0 } };
	for_each_cpu(cpu, current->cpus_ptr) {
		if (cpu >= PORT_AFFINITY_CPUS)
			return false;
		out_affinity->words[cpu / 64] |= 1ull << cpu % 64;
	}
	return true;
}

bool port_affinity_write(const struct port_affinity *affinity)
{
	cpumask_var_t mask;
	bool done;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return false;
	for (unsigned int cpu = 0; cpu < nr_cpu_ids && cpu < PORT_AFFINITY_CPUS; cpu++)
		if (affinity->words[cpu / 64] >> cpu % 64 & 1)
			cpumask_set_cpu(cpu, mask);
	done = set_cpus_allowed_ptr(current, mask) == 0;
	free_cpumask_var(mask);
	return done;
}

/* ---- other threads ---- */

int32_t port_thread_id(void)
{
	return task_pid_nr(current);
}

/* NULL, or held. */
static struct task_struct *find(int32_t thread)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(find_pid_ns(thread, &init_pid_ns), PIDTYPE_PID); /* task_pid_nr counts there, whoever calls */
	if (task != NULL)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

enum port_pinned port_pin_look(int32_t thread, uint32_t cpu)
{
	struct task_struct *task = find(thread);
	bool pinned;

	if (task == NULL)
		return PORT_NO_THREAD;
	pinned = cpu < nr_cpu_ids && cpumask_equal(task->cpus_ptr, cpumask_of(cpu));
	put_task_struct(task);
	return pinned ? PORT_PINNED : PORT_NOT_PINNED;
}

/*
 * Not while a processor goes or comes: the kernel would move a thread that waits to run to one that has been vacated to go. Who
 * comes may be waiting for the caller, so the caller does not wait for it.
 */
static bool pin(struct task_struct *task, uint32_t cpu)
{
	bool done;

	if (!cpus_read_trylock())
		return false;
	done = cpu_online(cpu) && set_cpus_allowed_ptr(task, cpumask_of(cpu)) == 0;
	cpus_read_unlock();
	return done;
}

bool port_pin_write(int32_t thread, uint32_t cpu)
{
	struct task_struct *task = cpu < nr_cpu_ids ? find(thread) : NULL;
	bool done;

	if (task == NULL)
		return false;
	done = pin(task, cpu);
	put_task_struct(task);
	return done;
}

bool port_life_begin(struct port_life *life)
{
	life->task = get_task_struct(current);
	return true;
}

void port_life_end(struct port_life *life)
{
	put_task_struct(life->task);
}

bool port_life_goes_on(struct port_life *life)
{
	return READ_ONCE(((struct task_struct *)life->task)->exit_state) == 0;
}

void port_life_bury(struct port_life *life)
{
	put_task_struct(life->task);
}
