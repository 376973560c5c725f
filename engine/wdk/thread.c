/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c - system threads.
 *
 * I1        an object is freed when its thread has ended and nobody refers to it; a thread cannot join itself, so that is
 *           done by whoever comes next: a creation, a close, a dereference, the unbind.
 * I2        a thread says `ended` before it signals its object: who waited for it finds it reapable.
 */
#include "binding.h"

#define DEFAULT_PRIORITY 8

struct thread {
	struct dhpi_object object; /* first: what a handle or reference means */
	struct thread *next;       /* this and what follows: under the lock of the objects */
	bool ended;
	KPRIORITY priority;
	PKSTART_ROUTINE routine; /* set once */
	PVOID context;           /* set once */
	struct port_thread thread;
};

static struct thread *threads; /* under the lock of the objects */

/* ---- the end of a thread ---- */

static struct thread *take_reapable(void)
{
	struct thread *thread;

	dhpi_objects_lock();
	for (struct thread **at = &threads; (thread = *at) != NULL; at = &thread->next)
		if (thread->ended && thread->object.references == 0) {
			*at = thread->next;
			break;
		}
	dhpi_objects_unlock();
	return thread;
}

void dhpi_wdk_reap(void)
{
	struct thread *thread;

	if (dhpi_in_routine())
		return;
	dhpi_named_reap();
	while ((thread = take_reapable()) != NULL) {
		port_thread_join(&thread->thread);
		port_free(thread, sizeof(*thread));
	}
}

static void run(void *argument)
{
	struct thread *thread = argument;

	port_self()->object = thread;
	thread->routine(thread->context);
	dhpi_objects_lock();
	thread->ended = true; /* I2 */
	dhpi_objects_unlock();
	dhpi_wdk_release();
	(void)dhpi_waitable_set(&thread->object.waitable, 1);
}

/* ---- creation ---- */

static struct thread *make_thread(PKSTART_ROUTINE routine, PVOID context)
{
	struct thread *thread = port_alloc(sizeof(*thread));

	if (thread == NULL)
		return NULL;
	dhpi_waitable_init(&thread->object.waitable, DHPI_WAIT_THREAD, 0);
	thread->routine = routine;
	thread->context = context;
	thread->priority = DEFAULT_PRIORITY;
	return thread;
}

/* Listed before it runs: it may end at once. */
static void enlist(struct thread *thread, struct dhpi_handle *handle)
{
	dhpi_handle_open(handle, &thread->object);
	dhpi_objects_lock();
	thread->next = threads;
	threads = thread;
	dhpi_objects_unlock();
	dhpi_wdk_hold(); /* until it ends */
}

/* No thread came of it: the object is taken for one that has ended. */
static void give_up(struct thread *thread, struct dhpi_handle *handle)
{
	dhpi_objects_lock();
	thread->ended = true;
	dhpi_objects_unlock();
	dhpi_wdk_release();
	(void)ZwClose(handle);
}

static NTSTATUS start(struct thread *thread, struct dhpi_handle *handle, PHANDLE out_handle)
{
	enum dhp_status status;

	enlist(thread, handle);
	status = port_thread_start(&thread->thread, run, thread, PORT_ANY_CPU, 0, "dhp-system");
	if (dhp_failed(status)) {
		give_up(thread, handle);
		return dhp_wdk_status(status);
	}
	*out_handle = handle;
	return STATUS_SUCCESS;
}

NTSTATUS PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
			      HANDLE ProcessHandle, PVOID ClientId, PKSTART_ROUTINE StartRoutine, PVOID StartContext)
{
	struct thread *thread;
	struct dhpi_handle *handle;

	(void)DesiredAccess;
	(void)ObjectAttributes;
	(void)ProcessHandle;
	(void)ClientId;
	if (ThreadHandle == NULL || StartRoutine == NULL)
		return STATUS_INVALID_PARAMETER;
	if (dhpi_in_routine()) {
		DHPI_CHECK(2, !dhpi_in_routine(), "S-041: a thread is created at passive level");
		return dhp_wdk_status(DHP_WRONG_LEVEL);
	}
	if (dhpi_wdk_engine() == NULL)
		return dhp_wdk_status(DHP_BAD_ENGINE);
	dhpi_wdk_reap();
	thread = make_thread(StartRoutine, StartContext);
	handle = dhpi_handle_make();
	if (thread != NULL && handle != NULL)
		return start(thread, handle, ThreadHandle);
	port_free(thread, sizeof(*thread));
	dhpi_handle_drop(handle);
	return STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- the calling thread ---- */

/* A thread that is not one of ours is known by its own record. */
PKTHREAD KeGetCurrentThread(void)
{
	struct port_self *self = port_self();

	return self->object != NULL ? self->object : (void *)self;
}

static KPRIORITY exchange(KPRIORITY *priority, KPRIORITY value)
{
	KPRIORITY before = *priority;

	*priority = value;
	return before;
}

/* A thread of somebody else's is left alone: its record is its own. */
KPRIORITY KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
	struct port_self *self = port_self();
	KPRIORITY before = DEFAULT_PRIORITY;

	if ((void *)Thread == (void *)self) {
		before = self->priority + DEFAULT_PRIORITY;
		self->priority = Priority - DEFAULT_PRIORITY;
		return before;
	}
	dhpi_objects_lock();
	for (struct thread *at = threads; at != NULL; at = at->next)
		if ((void *)at == (void *)Thread)
			before = exchange(&at->priority, Priority);
	dhpi_objects_unlock();
	return before;
}
