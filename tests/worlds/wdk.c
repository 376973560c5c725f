/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wdk.c - the Windows names that have words of their own: no waiter of an event or semaphore is forgotten, and who waited may free
 * it at once; locks; threads and work items are over when the engine is unbound (wait.c, irql.c, binding.c, object.c, thread.c,
 * workitem.c). What kdpc.c and ktimer.c do is a call of the engine each.
 */
#include <string.h>

#include "../../engine/wdk/binding.c"
#include "../../engine/wdk/wait.c"
#include "../../engine/wdk/irql.c"
#include "../../engine/wdk/object.c"
#define start start_thread
#include "../../engine/wdk/thread.c"
#undef start
#include "../../engine/wdk/workitem.c"
#include "../../engine/wdk/nt_status.c"

#include "world.h"

static struct {
	KEVENT *events;
	KSEMAPHORE *semaphore;
	KSPIN_LOCK *spin;
	EX_PUSH_LOCK *push;
	struct at_u32 *inside, *sum; /* holders of a lock; what they count */
	struct at_u32 *runs;
	struct dhp_engine *engine; /* nobody looks into it */
} box;

static uint32_t value(const struct at_u32 *word)
{
	return at_load_relaxed_u32(word); /* relaxed: worlds are sequentially consistent */
}

static void count(struct at_u32 *word)
{
	(void)at_fetch_add_relaxed_u32(word, 1); /* relaxed: likewise */
}

/* ---- what is not here ---- */

enum dhp_status dhp_arrival_drain(struct dhp_engine *engine)
{
	(void)engine;
	return DHP_OK;
}

enum dhp_status dhpi_timer_wait(struct dhpi_waitable *object, uint64_t limit_ns)
{
	(void)object;
	(void)limit_ns;
	return DHP_NOT_SUPPORTED;
}

enum dhp_status dhpi_named_wait(struct dhpi_waitable *object, uint64_t limit_ns)
{
	(void)object;
	(void)limit_ns;
	return DHP_NOT_SUPPORTED;
}

bool dhpi_named_signalled(const struct dhpi_waitable *object)
{
	(void)object;
	return false;
}

void dhpi_named_end(struct dhpi_object *object)
{
	(void)object;
}

void dhpi_named_reap(void)
{
}

void dhpi_callback_end(struct dhpi_object *object)
{
	(void)object;
}

void dhpi_callbacks_end_all(void)
{
}

void dhpi_wdk_bury_all(void)
{
}

/* ---- beginning and end ---- */

#define EVENTS 65u /* the first and the last of them share a place, or some others do */

/* What the process has once is as at its beginning. */
static void open(void)
{
	memset(&binding, 0, sizeof(binding));
	memset(places, 0, sizeof(places));
	memset(&objects, 0, sizeof(objects));
	memset(&pool, 0, sizeof(pool));
	threads = NULL;
	box.events = port_alloc(EVENTS * sizeof(*box.events));
	box.semaphore = port_alloc(sizeof(*box.semaphore));
	box.spin = port_alloc(sizeof(*box.spin));
	box.push = port_alloc(sizeof(*box.push));
	box.inside = port_alloc(sizeof(*box.inside));
	box.sum = port_alloc(sizeof(*box.sum));
	box.runs = port_alloc(sizeof(*box.runs));
	box.engine = (struct dhp_engine *)(void *)box.runs;
	KeInitializeSemaphore(box.semaphore, 0, 2);
}

static void close(void)
{
	port_free(box.events, EVENTS * sizeof(*box.events));
	port_free(box.semaphore, sizeof(*box.semaphore));
	port_free(box.spin, sizeof(*box.spin));
	port_free(box.push, sizeof(*box.push));
	port_free(box.inside, sizeof(*box.inside));
	port_free(box.sum, sizeof(*box.sum));
	port_free(box.runs, sizeof(*box.runs));
}

/* ---- events and semaphores ---- */

static void wait_for_it(void *object)
{
	FIBRE_DEMAND(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
	count(box.runs);
}

static void set_it(void *event)
{
	(void)KeSetEvent(event, 0, FALSE);
}

/* As one that stands on the waiter's stack. */
static void freed_by_who_waited(void)
{
	KEVENT *event;
	uint32_t setter;

	open();
	event = port_alloc(sizeof(*event));
	KeInitializeEvent(event, NotificationEvent, FALSE);
	setter = fibre_start(set_it, event, "setter");
	wait_for_it(event);
	port_free(event, sizeof(*event));
	fibre_join(setter);
	close();
}

/* Each passes it on. */
static void wait_and_set(void *event)
{
	wait_for_it(event);
	set_it(event);
}

static void passed_on(void)
{
	open();
	KeInitializeEvent(&box.events[0], SynchronizationEvent, FALSE);
	TOGETHER({ "waiter", wait_and_set, box.events }, { "another", wait_and_set, box.events }, { "setter", set_it, box.events });
	FIBRE_DEMAND(value(box.runs) == 2 && KeReadStateEvent(&box.events[0]) == 1);
	close();
}

static void notified(void)
{
	open();
	KeInitializeEvent(&box.events[0], NotificationEvent, FALSE);
	TOGETHER({ "waiter", wait_for_it, box.events }, { "another", wait_for_it, box.events }, { "setter", set_it, box.events });
	close();
}

/* Whose waiters sleep in one place with those of the first. */
static KEVENT *neighbour(void)
{
	uint32_t at = 1;

	while (at + 1 < EVENTS && place_of(&box.events[at]) != place_of(&box.events[0]))
		at++;
	FIBRE_DEMAND(place_of(&box.events[at]) == place_of(&box.events[0]));
	return &box.events[at];
}

static void set_first_then_neighbour(void *nothing)
{
	(void)nothing;
	set_it(&box.events[0]);
	set_it(neighbour());
}

static void share_a_place(void)
{
	open();
	KeInitializeEvent(&box.events[0], SynchronizationEvent, FALSE);
	KeInitializeEvent(neighbour(), SynchronizationEvent, FALSE);
	TOGETHER({ "waiter", wait_for_it, box.events }, { "neighbour", wait_for_it, neighbour() },
		 { "setter", set_first_then_neighbour, NULL });
	close();
}

static void release_two(void *semaphore)
{
	FIBRE_DEMAND(KeReleaseSemaphore(semaphore, 0, 1, FALSE) <= 1);
	FIBRE_DEMAND(KeReleaseSemaphore(semaphore, 0, 1, FALSE) <= 1);
}

static void counted(void)
{
	open();
	TOGETHER({ "waiter", wait_for_it, box.semaphore }, { "another", wait_for_it, box.semaphore },
		 { "releaser", release_two, box.semaphore });
	FIBRE_DEMAND(KeReadStateSemaphore(box.semaphore) == 0);
	close();
}

/* ---- locks ---- */

static void add_alone(void)
{
	FIBRE_DEMAND(at_exchange_acq_rel_u32(box.inside, 1) == 0);
	at_store_relaxed_u32(box.sum, value(box.sum) + 1); /* relaxed: likewise */
	at_store_relaxed_u32(box.inside, 0);               /* relaxed: likewise */
}

static void spin(void *nothing)
{
	KIRQL before = KeAcquireSpinLockRaiseToDpc(box.spin);

	(void)nothing;
	add_alone();
	KeReleaseSpinLock(box.spin, before);
}

static void push_alone(void *nothing)
{
	(void)nothing;
	ExAcquirePushLockExclusive(box.push);
	add_alone();
	ExReleasePushLockExclusive(box.push);
}

static void push_shared(void *nothing)
{
	(void)nothing;
	ExAcquirePushLockShared(box.push);
	FIBRE_DEMAND(value(box.inside) == 0);
	ExReleasePushLockShared(box.push);
}

static void three_spin(void)
{
	open();
	TOGETHER({ "one", spin, NULL }, { "two", spin, NULL }, { "three", spin, NULL });
	FIBRE_DEMAND(value(box.sum) == 3);
	close();
}

static void two_push(void)
{
	open();
	TOGETHER({ "writer", push_alone, NULL }, { "another", push_alone, NULL });
	FIBRE_DEMAND(value(box.sum) == 2);
	close();
}

static void push_and_read(void)
{
	open();
	TOGETHER({ "writer", push_alone, NULL }, { "reader", push_shared, NULL }, { "another", push_shared, NULL });
	FIBRE_DEMAND(value(box.sum) == 1);
	close();
}

static void push_push_and_read(void)
{
	open();
	TOGETHER({ "writer", push_alone, NULL }, { "another", push_alone, NULL }, { "reader", push_shared, NULL });
	FIBRE_DEMAND(value(box.sum) == 2);
	close();
}

/* ---- the binding ---- */

/* Whoever else binds and unbinds. */
static void unbind(void)
{
	while (dhp_wdk_unbind() == DHP_IN_USE)
		port_relax();
	FIBRE_DEMAND(dhpi_wdk_engine() == NULL && value(&binding.held) == 0);
}

static void bind_and_unbind(void *nothing)
{
	(void)nothing;
	if (dhp_wdk_bind(box.engine) != DHP_OK)
		return;
	FIBRE_DEMAND(at_exchange_acq_rel_u32(box.inside, 1) == 0);
	FIBRE_DEMAND(dhpi_wdk_engine() == box.engine);
	at_store_relaxed_u32(box.inside, 0); /* relaxed: likewise */
	FIBRE_DEMAND(dhp_wdk_unbind() == DHP_OK);
}

static void two_bind(void)
{
	open();
	TOGETHER({ "one", bind_and_unbind, NULL }, { "two", bind_and_unbind, NULL });
	close();
}

/* ---- threads ---- */

static VOID thread_routine(PVOID nothing)
{
	(void)nothing;
	FIBRE_DEMAND(dhpi_wdk_engine() == box.engine); /* bound until it has ended */
	count(box.runs);
}

/* The thread ends sooner or later than its handle. */
static void thread_and_unbind(void)
{
	HANDLE handle;

	open();
	FIBRE_DEMAND(dhp_wdk_bind(box.engine) == DHP_OK);
	FIBRE_DEMAND(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, thread_routine, NULL) == STATUS_SUCCESS);
	FIBRE_DEMAND(ZwClose(handle) == STATUS_SUCCESS);
	unbind();
	FIBRE_DEMAND(value(box.runs) == 1);
	close();
}

static void wait_for_thread(void)
{
	HANDLE handle;
	PVOID thread;

	open();
	FIBRE_DEMAND(dhp_wdk_bind(box.engine) == DHP_OK);
	FIBRE_DEMAND(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, thread_routine, NULL) == STATUS_SUCCESS);
	FIBRE_DEMAND(ObReferenceObjectByHandle(handle, 0, *PsThreadType, KernelMode, &thread, NULL) == STATUS_SUCCESS);
	FIBRE_DEMAND(ZwClose(handle) == STATUS_SUCCESS);
	wait_for_it(thread);
	FIBRE_DEMAND(value(box.runs) == 2);
	ObDereferenceObject(thread);
	FIBRE_DEMAND(dhp_wdk_unbind() == DHP_OK); /* at once: the thread has given the binding back */
	close();
}

/* ---- work items ---- */

static VOID free_itself(PVOID object, PVOID context, PIO_WORKITEM item)
{
	(void)object;
	(void)context;
	count(box.runs);
	IoFreeWorkItem(item); /* I2 */
}

static void queue_item(void *nothing)
{
	PIO_WORKITEM item = IoAllocateWorkItem(NULL);

	(void)nothing;
	IoQueueWorkItemEx(item, free_itself, DelayedWorkQueue, NULL);
}

static void item_and_unbind(void)
{
	open();
	FIBRE_DEMAND(dhp_wdk_bind(box.engine) == DHP_OK);
	queue_item(NULL);
	unbind();
	FIBRE_DEMAND(value(box.runs) == 1);
	close();
}

static VOID wait_in_item(PVOID object, PVOID event, PIO_WORKITEM item)
{
	(void)object;
	(void)item;
	wait_for_it(event);
}

static VOID set_in_item(PVOID object, PVOID event, PIO_WORKITEM item)
{
	(void)object;
	(void)item;
	set_it(event);
}

/* I1 of workitem.c. */
static void one_waits_for_another(void)
{
	PIO_WORKITEM first, second;

	open();
	FIBRE_DEMAND(dhp_wdk_bind(box.engine) == DHP_OK);
	first = IoAllocateWorkItem(NULL);
	second = IoAllocateWorkItem(NULL);
	KeInitializeEvent(&box.events[0], NotificationEvent, FALSE);
	IoQueueWorkItemEx(first, wait_in_item, DelayedWorkQueue, &box.events[0]);
	IoQueueWorkItemEx(second, set_in_item, DelayedWorkQueue, &box.events[0]);
	wait_for_it(&box.events[0]);
	unbind();
	IoFreeWorkItem(first);
	IoFreeWorkItem(second);
	close();
}

const struct world worlds[] = {
	{ .name = "an_event_is_freed_by_who_waited", .run = freed_by_who_waited },
	{ .name = "an_event_is_passed_on", .run = passed_on, .runs = 10000 },
	{ .name = "an_event_lets_all_go", .run = notified, .runs = 10000 },
	{ .name = "two_events_share_a_place", .run = share_a_place, .runs = 10000 },
	{ .name = "a_semaphore_lets_so_many_go", .run = counted, .runs = 10000 },
	{ .name = "a_spin_lock_has_one_holder", .run = three_spin, .runs = 10000 },
	{ .name = "a_push_lock_has_one_writer", .run = two_push, .runs = 10000 },
	{ .name = "a_push_lock_has_a_writer_or_readers", .run = push_and_read, .runs = 10000 },
	{ .name = "two_writers_and_a_reader_take_turns", .run = push_push_and_read, .runs = 10000 },
	{ .name = "two_bind", .run = two_bind, .runs = 10000 },
	{ .name = "an_unbind_waits_for_a_thread", .run = thread_and_unbind, .runs = 10000 },
	{ .name = "a_thread_is_over_when_it_was_waited_for", .run = wait_for_thread, .strategy = BOUNDED, .bound = 2 },
	{ .name = "an_unbind_waits_for_an_item_that_frees_itself", .run = item_and_unbind,
	  .strategy = BOUNDED, .bound = 2, .runs = 2000, .long_runs = 200000 },
	{ .name = "an_item_waits_for_another", .run = one_waits_for_another,
	  .strategy = PCT, .bound = 3, .runs = 500, .long_runs = 10000 },
	{ .name = NULL },
};
