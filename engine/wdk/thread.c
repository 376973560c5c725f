/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c - system threads, and the handles and references by which they are waited for.
 *
 * I1        an object is freed when its thread has ended and nobody refers to it; a thread cannot join itself, so that is
 *           done by whoever comes next: a creation, a close, a dereference, the unbind.
 * I2        a thread says `ended` before it signals its object: who waited for it finds it reapable.
 * I3        a handle is good while it is in the list: others are refused, not followed.
 */
#include "binding.h"

#define DEFAULT_PRIORITY 8

struct thread {
	struct dhpi_waitable waitable; /* first: what KeWaitForSingleObject takes */
	struct thread *next;           /* this and what follows: under the lock */
	uint32_t references;
	bool ended;
	KPRIORITY priority;
	PKSTART_ROUTINE routine; /* set once */
	PVOID context;           /* set once */
	struct port_thread thread;
};

struct handle {
	struct handle *next;
	struct thread *thread;
};

static struct {
	KSPIN_LOCK lock;
	struct thread *threads;
	struct handle *handles;
} objects;

static void lock(void)
{
	KeAcquireSpinLockAtDpcLevel(&objects.lock);
}

static void unlock(void)
{
	KeReleaseSpinLockFromDpcLevel(&objects.lock);
}

/* ---- the end of a thread ---- */

static struct thread *take_reapable(void)
{
	struct thread *thread;

	lock();
	for (struct thread **at = &objects.threads; (thread = *at) != NULL; at = &thread->next)
		if (thread->ended && thread->references == 0) {
			*at = thread->next;
			break;
		}
	unlock();
	return thread;
}

void dhpi_wdk_reap(void)
{
	struct thread *thread;

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
	lock();
	thread->ended = true; /* I2 */
	unlock();
	dhpi_wdk_release();
	(void)dhpi_waitable_set(&thread->waitable, 1);
}

/* ---- handles ---- */

/* With the lock held; NULL: no such handle. */
static struct handle **find(HANDLE handle)
{
	struct handle **at = &objects.handles;

	while (*at != NULL && *at != handle)
		at = &(*at)->next;
	return *at != NULL ? at : NULL;
}

static struct handle *take_handle(HANDLE handle)
{
	struct handle **at, *found = NULL;

	lock();
	at = find(handle);
	if (at != NULL) {
		found = *at;
		*at = found->next;
		found->thread->references--;
	}
	unlock();
	return found;
}

NTSTATUS ZwClose(HANDLE Handle)
{
	struct handle *handle = take_handle(Handle);

	if (handle == NULL)
		return STATUS_INVALID_HANDLE; /* I3 */
	port_free(handle, sizeof(*handle));
	dhpi_wdk_release();
	dhpi_wdk_reap();
	return STATUS_SUCCESS;
}

/* Two addresses that differ are all that a type is. */
POBJECT_TYPE *dhp_wdk_object_type(ULONG which)
{
	static char kinds[2];
	static POBJECT_TYPE types[2] = { (POBJECT_TYPE)&kinds[0], (POBJECT_TYPE)&kinds[1] };

	return which < 2 ? &types[which] : NULL;
}

NTSTATUS (ObReferenceObjectByHandle)(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType,
				     KPROCESSOR_MODE AccessMode, PVOID *Object,
				     POBJECT_HANDLE_INFORMATION HandleInformation)
{
	struct handle **at;
	struct thread *thread = NULL;

	(void)DesiredAccess;
	(void)AccessMode;
	(void)HandleInformation;
	if (Object == NULL)
		return STATUS_INVALID_PARAMETER;
	if (ObjectType != NULL && ObjectType != *PsThreadType)
		return STATUS_OBJECT_TYPE_MISMATCH;
	lock();
	at = find(Handle);
	if (at != NULL) {
		thread = (*at)->thread;
		thread->references++;
	}
	unlock();
	if (thread == NULL)
		return STATUS_INVALID_HANDLE; /* I3 */
	dhpi_wdk_hold();
	*Object = thread;
	return STATUS_SUCCESS;
}

VOID ObDereferenceObject(PVOID Object)
{
	struct thread *thread = Object;

	if (thread == NULL)
		return;
	lock();
	DHPI_CHECK(1, thread->references > 0, "one dereference for each reference");
	thread->references--;
	unlock();
	dhpi_wdk_release();
	dhpi_wdk_reap();
}

/* ---- creation ---- */

static struct thread *make_thread(PKSTART_ROUTINE routine, PVOID context)
{
	struct thread *thread = port_alloc(sizeof(*thread));

	if (thread == NULL)
		return NULL;
	dhpi_waitable_init(&thread->waitable, DHPI_WAIT_THREAD, 0);
	thread->routine = routine;
	thread->context = context;
	thread->priority = DEFAULT_PRIORITY;
	thread->references = 1; /* the handle's */
	return thread;
}

/* Listed before it runs: it may end at once. */
static void enlist(struct thread *thread, struct handle *handle)
{
	lock();
	thread->next = objects.threads;
	objects.threads = thread;
	handle->thread = thread;
	handle->next = objects.handles;
	objects.handles = handle;
	unlock();
	dhpi_wdk_hold(); /* the handle */
	dhpi_wdk_hold(); /* the thread, until it ends */
}

/* No thread came of it: the object is taken for one that has ended. */
static void give_up(struct thread *thread, struct handle *handle)
{
	lock();
	thread->ended = true;
	unlock();
	dhpi_wdk_release();
	(void)ZwClose(handle);
}

static NTSTATUS start(struct thread *thread, struct handle *handle, PHANDLE out_handle)
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
	struct handle *handle;

	(void)DesiredAccess;
	(void)ObjectAttributes;
	(void)ProcessHandle;
	(void)ClientId;
	if (ThreadHandle == NULL || StartRoutine == NULL)
		return STATUS_INVALID_PARAMETER;
	if (dhpi_at_dispatch()) {
		DHPI_CHECK(2, !dhpi_at_dispatch(), "S-041: a thread is created at passive level");
		return dhp_wdk_status(DHP_WRONG_LEVEL);
	}
	if (dhpi_wdk_engine() == NULL)
		return dhp_wdk_status(DHP_BAD_ENGINE);
	dhpi_wdk_reap();
	thread = make_thread(StartRoutine, StartContext);
	handle = port_alloc(sizeof(*handle));
	if (thread != NULL && handle != NULL)
		return start(thread, handle, ThreadHandle);
	port_free(thread, sizeof(*thread));
	port_free(handle, sizeof(*handle));
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
	lock();
	for (struct thread *at = objects.threads; at != NULL; at = at->next)
		if ((void *)at == (void *)Thread)
			before = exchange(&at->priority, Priority);
	unlock();
	return before;
}
