/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_kernel.c - threads of the kernel, and a lock that knows its owner.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "kernel.h"

static struct completion *end_of(struct port_thread *thread)
{
	BUILD_BUG_ON(sizeof(struct completion) > sizeof(thread->end));
	return (struct completion *)thread->end;
}

/* The end is told by the kernel's code, not by ours: whoever waits for it may unload the module. */
static int trampoline(void *argument)
{
	struct port_thread *thread = argument;

	at_store_relaxed_u32(&thread->id, (uint32_t)port_thread_id()); /* relaxed: a number; who sees 0 looks again later */
	thread->run(thread->argument);
	kthread_complete_and_exit(end_of(thread), 0);
}

/* The kernel keeps for each of its threads what it was started with. */
struct port_thread *dhpi_kernel_thread(void)
{
	if (!in_task() || (current->flags & PF_KTHREAD) == 0 || kthread_func(current) != trampoline)
		return NULL;
	return kthread_data(current);
}

static struct task_struct *create(struct port_thread *thread, uint32_t cpu, const char *name)
{
	int node = cpu != PORT_ANY_CPU ? cpu_to_node((int)cpu) : NUMA_NO_NODE;

	if (dhpi_kernel_fault())
		return ERR_PTR(-EAGAIN);
	return kthread_create_on_node(trampoline, thread, node, "%s", name);
}

/* The kernel gives every thread a stack of the same size. */
enum dhp_status port_thread_start(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				  size_t stack_bytes, const char *name)
{
	struct task_struct *task;

	(void)stack_bytes;
	thread->run = run;
	thread->argument = argument;
	thread->started = false;
	thread->stands_for = -1;
	at_store_relaxed_u32(&thread->id, 0); /* relaxed: it does not exist yet */
	if (cpu != PORT_ANY_CPU && (cpu >= nr_cpu_ids || !cpu_online(cpu)))
		return DHP_NO_AFFINITY;
	thread->record = dhpi_kernel_record_alloc();
	if (thread->record == NULL)
		return DHP_NO_MEMORY;
	task = create(thread, cpu, name);
	if (IS_ERR(task)) {
		dhpi_kernel_record_free(thread->record);
		return PTR_ERR(task) == -ENOMEM ? DHP_NO_MEMORY : DHP_NO_THREAD;
	}
	if (cpu != PORT_ANY_CPU)
		kthread_bind(task, cpu);
	init_completion(end_of(thread));
	thread->started = true;
	wake_up_process(task);
	return DHP_OK;
}

/* Not by kthread_stop: a thread that has not begun by then never would. */
void port_thread_join(struct port_thread *thread)
{
	if (!thread->started)
		return;
	wait_for_completion(end_of(thread)); /* from then on none of our code runs there */
	dhpi_kernel_record_free(thread->record);
	at_store_relaxed_u32(&thread->id, 0); /* relaxed: nobody looks at a thread that is joined */
	thread->started = false;
}

/* ---- lock ---- */

static struct mutex *of(struct port_mutex *mutex)
{
	BUILD_BUG_ON(sizeof(struct mutex) > sizeof(mutex->mutex));
	return (struct mutex *)mutex->mutex;
}

/* Each is of a class of its own: lockdep then knows in which order they nest. Without lockdep a key is nothing. */
static struct lock_class_key *key_of(struct port_mutex *mutex)
{
	BUILD_BUG_ON(sizeof(struct lock_class_key) > sizeof(mutex->key));
	return (struct lock_class_key *)mutex->key;
}

void port_mutex_init(struct port_mutex *mutex)
{
	lockdep_register_key(key_of(mutex));
	__mutex_init(of(mutex), "dhp", key_of(mutex));
	at_init_ptr(&mutex->owner, NULL);
}

void port_mutex_fini(struct port_mutex *mutex)
{
	mutex_destroy(of(mutex));
	lockdep_unregister_key(key_of(mutex));
}

void port_mutex_lock(struct port_mutex *mutex)
{
	DHPI_CHECK(1, !port_mutex_mine(mutex), "a thread takes a lock once");
	mutex_lock(of(mutex));
	at_store_relaxed_ptr(&mutex->owner, dhpi_kernel_own_self()); /* relaxed: only its own writer compares equal */
}

void port_mutex_unlock(struct port_mutex *mutex)
{
	at_store_relaxed_ptr(&mutex->owner, NULL); /* relaxed: as above */
	mutex_unlock(of(mutex));
}

void port_mutex_hand_to(struct port_mutex *mutex, struct port_self *holder)
{
	at_store_relaxed_ptr(&mutex->owner, holder); /* relaxed: as above; only the two concerned compare equal */
}

bool port_mutex_mine(struct port_mutex *mutex)
{
	return at_load_relaxed_ptr(&mutex->owner) == port_self(); /* relaxed: a thread sees its own store */
}
