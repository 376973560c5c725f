/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * self_kernel.c - which thread is this, and on which cpu.
 *
 * Problem   a module may put nothing into struct task_struct.
 * Idea      threads of the port have their record from their start: the kernel keeps what a thread was started with. For others
 *           there is a hash table by task. A record is made when its task first asks, and it holds the task, so that no
 *           other gets the same address meanwhile; whoever makes a record frees those of tasks that have ended, one bucket at a
 *           time.
 *
 * I1        only a task looks for its own record, so none that is found can go. The walk passes others' records, which can:
 *           they are freed after a grace period of the kernel's RCU.
 * I2        an interrupt is no thread. It has a record of its own processor's, which says dispatch level: it may insert, and
 *           what it does is not taken for the worker's that it interrupted.
 * I3        the engine's own threads have a record or are not started; who takes a lock waits for one. Another task shares one
 *           with all others as long as there is no memory: its level is not kept then.
 */
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>

#include <dhp/percpu.h>

#include "kernel.h"

struct record {
	struct hlist_node node;
	struct rcu_head rcu;
	struct task_struct *task;
	struct port_self self;
	int32_t pretended_cpu;
	struct port_pin pin;
};

#define BUCKETS_SHIFT 8

static DEFINE_HASHTABLE(records, BUCKETS_SHIFT);
static DEFINE_SPINLOCK(changing);
static DEFINE_PER_CPU(struct port_self, in_interrupt_self);
static struct record nobodys = { .pretended_cpu = -1 };

static struct record *find(struct task_struct *task)
{
	struct record *record, *found = NULL;

	rcu_read_lock();
	hash_for_each_possible_rcu(records, record, node, (unsigned long)task)
		if (record->task == task) {
			found = record;
			break;
		}
	rcu_read_unlock(); /* I1 */
	return found;
}

static void drop(struct record *record)
{
	hash_del_rcu(&record->node);
	put_task_struct(record->task);
	kfree_rcu(record, rcu);
}

/* Under `changing`. */
static void drop_ended(unsigned long key)
{
	struct hlist_node *next;
	struct record *record;

	hash_for_each_possible_safe(records, record, next, node, key)
		if (READ_ONCE(record->task->exit_state) != 0)
			drop(record);
}

static struct record *alloc(gfp_t how)
{
	struct record *record = kzalloc(sizeof(*record), how);

	if (record != NULL)
		record->pretended_cpu = -1;
	return record;
}

static struct record *make(struct task_struct *task, gfp_t how)
{
	struct record *record = alloc(how);
	unsigned long flags;

	if (record == NULL)
		return &nobodys;
	record->task = get_task_struct(task);
	spin_lock_irqsave(&changing, flags);
	drop_ended((unsigned long)task);
	hash_add_rcu(records, &record->node, (unsigned long)task);
	spin_unlock_irqrestore(&changing, flags);
	return record;
}

static struct record *mine(gfp_t how)
{
	struct port_thread *thread = dhpi_kernel_thread();
	struct record *record = thread != NULL ? thread->record : find(current);

	return record != NULL ? record : make(current, how);
}

/* Anybody may ask, wherever it is. */
#define ANYWHERE (GFP_ATOMIC | __GFP_NOWARN)

void *dhpi_kernel_record_alloc(void)
{
	struct record *record = dhpi_kernel_fault() ? NULL : alloc(GFP_KERNEL);

	dhpi_kernel_taken(record);
	return record;
}

void dhpi_kernel_record_free(void *record)
{
	dhpi_kernel_given_back(record);
	kfree(record);
}

struct port_self *dhpi_kernel_own_self(void)
{
	return &mine(GFP_KERNEL | __GFP_NOFAIL)->self;
}

void dhpi_kernel_forget_all(void)
{
	struct hlist_node *next;
	struct record *record;
	unsigned long flags;
	int bucket;

	spin_lock_irqsave(&changing, flags);
	hash_for_each_safe(records, bucket, next, record, node)
		drop(record);
	spin_unlock_irqrestore(&changing, flags);
	dhpi_kernel_tell_what_is_left();
}

struct port_self *port_self(void)
{
	struct port_self *self;

	if (likely(in_task()))
		return &mine(ANYWHERE)->self;
	self = this_cpu_ptr(&in_interrupt_self);
	self->dispatch = 1; /* I2 */
	return self;
}

struct port_pin *port_pin(void)
{
	return &mine(ANYWHERE)->pin;
}

#define NOWHERE 1 /* a distance at which dhp/percpu.h finds none */

/* dhp/percpu.h asks the kernel itself where the word is 0; simulated processors are asked for. */
struct port_cpu_word port_cpu_word(bool simulated)
{
	return (struct port_cpu_word){
		.distance = simulated ? NOWHERE : DHP_KERNEL_HERE,
		.ask = simulated,
		.worker_distance = simulated ? NOWHERE : DHP_KERNEL_WORKER,
	};
}

uint32_t dhp_kernel_worker_cpu(void)
{
	const struct port_thread *thread = dhpi_kernel_thread();

	return thread != NULL ? (uint32_t)thread->stands_for : DHP_NO_CPU;
}

void port_cpu_stand_for(int32_t cpu)
{
	struct port_thread *thread = dhpi_kernel_thread();

	if (thread != NULL)
		thread->stands_for = cpu;
}

/* The kernel has no restartable sequences of its own. */
bool port_sequences_abort_open(void)
{
	return false;
}

bool port_sequences_abort(void)
{
	return false;
}

bool port_sequence_store(uint32_t cpu, const struct at_u64 *there, uint64_t expected, struct at_u64 *to, uint64_t value)
{
	(void)cpu;
	(void)there;
	(void)expected;
	(void)to;
	(void)value;
	return false;
}

uint32_t port_cpu_ask(void)
{
	int32_t cpu = port_cpu_pretended();

	return cpu < 0 ? DHP_NO_CPU : (uint32_t)cpu;
}

void port_cpu_pretend(int32_t cpu)
{
	mine(ANYWHERE)->pretended_cpu = cpu;
}

int32_t port_cpu_pretended(void)
{
	return in_task() ? mine(ANYWHERE)->pretended_cpu : -1;
}
