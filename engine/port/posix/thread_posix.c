/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_posix.c - threads that are pinned before their first instruction, and a lock that knows its owner.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "port.h"

/* It names itself: naming another thread goes through a file. */
static void *trampoline(void *argument)
{
	struct port_thread *thread = argument;

	at_store_relaxed_u32(&thread->id, (uint32_t)port_thread_id()); /* relaxed: a number; who sees 0 looks again later */
	(void)pthread_setname_np(pthread_self(), thread->name);
	thread->run(thread->argument);
	return NULL;
}

/* A mask large enough for any cpu id we accept. */
static int set_cpu(pthread_attr_t *attributes, uint32_t cpu)
{
	cpu_set_t *mask = CPU_ALLOC(cpu + 1);
	size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
	int error;

	if (mask == NULL)
		return ENOMEM;
	CPU_ZERO_S(bytes, mask);
	CPU_SET_S(cpu, bytes, mask);
	error = pthread_attr_setaffinity_np(attributes, bytes, mask);
	CPU_FREE(mask);
	return error;
}

static enum dhp_status status_of(int error, uint32_t cpu)
{
	if (error == 0)
		return DHP_OK;
	if (error == ENOMEM)
		return DHP_NO_MEMORY;
	/* EINVAL is what the kernel says of a cpu that is offline or outside the cpuset. */
	if (cpu != PORT_ANY_CPU && error == EINVAL)
		return DHP_NO_AFFINITY;
	return DHP_NO_THREAD;
}

/* The program's signals belong to the program's threads: ours take none but those the hardware raises in them. */
static int create_without_signals(struct port_thread *thread, const pthread_attr_t *attributes)
{
	sigset_t all, before;
	int error;

	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGSEGV);
	(void)sigdelset(&all, SIGBUS);
	(void)sigdelset(&all, SIGILL);
	(void)sigdelset(&all, SIGFPE);
	(void)sigdelset(&all, SIGTRAP);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread->handle, attributes, trampoline, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* stack_bytes 0: as large as the system makes it for any thread. */
static int create(struct port_thread *thread, uint32_t cpu, size_t stack_bytes)
{
	pthread_attr_t attributes;
	int error = pthread_attr_init(&attributes);

	if (error != 0)
		return error;
	if (stack_bytes != 0)
		error = pthread_attr_setstacksize(&attributes, dhpi_round_up(stack_bytes, port_page_bytes()));
	if (error == 0 && cpu != PORT_ANY_CPU)
		error = set_cpu(&attributes, cpu);
	if (error == 0)
		error = create_without_signals(thread, &attributes);
	(void)pthread_attr_destroy(&attributes);
	return error;
}

enum dhp_status port_thread_start(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				  size_t stack_bytes, const char *name)
{
	int error;

	at_store_relaxed_u32(&thread->id, 0); /* relaxed: it does not exist yet */
	thread->run = run;
	thread->argument = argument;
	thread->name = name;
	error = create(thread, cpu, stack_bytes);
	/* The program's thread-local storage is taken out of the stack; where that is too small, as large as any. */
	if (error == EINVAL && stack_bytes != 0)
		error = create(thread, cpu, 0);
	thread->started = error == 0;
	return status_of(error, cpu);
}

void port_thread_join(struct port_thread *thread)
{
	if (thread->started)
		(void)pthread_join(thread->handle, NULL);
	at_store_relaxed_u32(&thread->id, 0); /* relaxed: nobody looks at a thread that is joined */
	thread->started = false;
}

void port_mutex_init(struct port_mutex *mutex)
{
	(void)pthread_mutex_init(&mutex->mutex, NULL);
	at_init_ptr(&mutex->owner, NULL);
}

void port_mutex_fini(struct port_mutex *mutex)
{
	(void)pthread_mutex_destroy(&mutex->mutex);
}

void port_mutex_lock(struct port_mutex *mutex)
{
	DHPI_CHECK(1, !port_mutex_mine(mutex), "a thread takes a lock once");
	(void)pthread_mutex_lock(&mutex->mutex);
	at_store_relaxed_ptr(&mutex->owner, port_self()); /* relaxed: only its own writer compares equal */
}

void port_mutex_unlock(struct port_mutex *mutex)
{
	at_store_relaxed_ptr(&mutex->owner, NULL); /* relaxed: as above */
	(void)pthread_mutex_unlock(&mutex->mutex);
}

void port_mutex_hand_to(struct port_mutex *mutex, struct port_self *holder)
{
	at_store_relaxed_ptr(&mutex->owner, holder); /* relaxed: as above; only the two concerned compare equal */
}

bool port_mutex_mine(struct port_mutex *mutex)
{
	return at_load_relaxed_ptr(&mutex->owner) == port_self(); /* relaxed: a thread sees its own store */
}
