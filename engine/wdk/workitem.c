/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workitem.c - routines that run at passive level, one after another or side by side.
 *
 * I1        while fewer than the most workers exist, one of them is idle or about to be: who takes an item and leaves
 *           nobody idle makes another worker before it runs the item. So an item that waits for another one does not keep
 *           that one from running. Nothing is created when an item is queued: that may happen in a DPC.
 * I2        an item is the caller's again when its routine starts: it is read before and not afterwards.
 */
#include "binding.h"

#define WORKERS_LIMIT 16u
#define QUEUES 2u

struct _IO_WORKITEM {
	struct _IO_WORKITEM *next; /* this and `queued`: under the lock */
	bool queued;
	PVOID object; /* set once */
	PIO_WORKITEM_ROUTINE routine; /* this and what follows: written by who queues it */
	PIO_WORKITEM_ROUTINE_EX routine_ex;
	PVOID context;
};

struct worker {
	struct port_thread thread;
	bool used; /* under the lock */
};

static struct {
	KSPIN_LOCK lock;
	struct _IO_WORKITEM *first[QUEUES]; /* this and what follows: under the lock */
	struct _IO_WORKITEM *last[QUEUES];
	uint32_t idle;
	bool stopping;
	struct worker workers[WORKERS_LIMIT];
	struct port_event event; /* of zeros: no signal so far */
} pool;

static void run_worker(void *argument);

static void lock(void)
{
	KeAcquireSpinLockAtDpcLevel(&pool.lock);
}

static void unlock(void)
{
	KeReleaseSpinLockFromDpcLevel(&pool.lock);
}

/* ---- the queues, with the lock held ---- */

static void put(struct _IO_WORKITEM *item, uint32_t queue)
{
	item->next = NULL;
	item->queued = true;
	if (pool.first[queue] == NULL)
		pool.first[queue] = item;
	else
		pool.last[queue]->next = item;
	pool.last[queue] = item;
}

static struct _IO_WORKITEM *take(void)
{
	for (uint32_t queue = 0; queue < QUEUES; queue++) {
		struct _IO_WORKITEM *item = pool.first[queue];

		if (item != NULL) {
			pool.first[queue] = item->next;
			return item;
		}
	}
	return NULL;
}

/* ---- workers ---- */

/* With the lock held. A new worker counts as idle from here on (I1). NULL: there are as many as there may be. */
static struct worker *reserve(void)
{
	for (uint32_t i = 0; i < WORKERS_LIMIT; i++)
		if (!pool.workers[i].used) {
			pool.workers[i].used = true;
			pool.idle++;
			return &pool.workers[i];
		}
	return NULL;
}

static enum dhp_status start(struct worker *worker)
{
	enum dhp_status status =
		port_thread_start(&worker->thread, run_worker, worker, PORT_ANY_CPU, 0, "dhp-work-item");

	if (dhp_failed(status)) {
		lock();
		worker->used = false;
		pool.idle--;
		unlock();
	}
	return status;
}

static void run_item(struct _IO_WORKITEM *item)
{
	PIO_WORKITEM_ROUTINE_EX routine_ex = item->routine_ex;
	PIO_WORKITEM_ROUTINE routine = item->routine;
	PVOID object = item->object, context = item->context;

	lock();
	item->queued = false; /* I2 */
	unlock();
	if (routine_ex != NULL)
		routine_ex(object, context, item);
	else
		routine(object, context);
}

/* true: an item was run. */
static bool run_one(void)
{
	struct _IO_WORKITEM *item;
	struct worker *another = NULL;

	lock();
	item = take();
	if (item != NULL && --pool.idle == 0 && !pool.stopping)
		another = reserve();
	unlock();
	if (item == NULL)
		return false;
	if (another != NULL)
		(void)start(another); /* without it the item runs all the same */
	run_item(item);
	lock();
	pool.idle++;
	unlock();
	dhpi_wdk_release();
	return true;
}

static bool told_to_stop(void)
{
	bool stopping;

	lock();
	stopping = pool.stopping;
	unlock();
	return stopping;
}

static void run_worker(void *argument)
{
	(void)argument;
	for (;;) {
		uint32_t ticket = port_event_ticket(&pool.event);
		bool stopping = told_to_stop();

		if (run_one())
			continue;
		if (stopping)
			return;
		port_event_wait(&pool.event, ticket, 0);
	}
}

enum dhp_status dhpi_wdk_workers_start(void)
{
	struct worker *worker;

	lock();
	pool.stopping = false;
	pool.idle = 0;
	worker = reserve();
	unlock();
	return start(worker);
}

/* The binding holds no item any more (binding.c I2), so nobody makes another worker. */
void dhpi_wdk_workers_stop(void)
{
	lock();
	pool.stopping = true;
	unlock();
	(void)port_event_signal(&pool.event);
	for (uint32_t i = 0; i < WORKERS_LIMIT; i++) {
		port_thread_join(&pool.workers[i].thread);
		pool.workers[i].used = false;
	}
}

/* ---- items ---- */

static void queue(struct _IO_WORKITEM *item, PIO_WORKITEM_ROUTINE routine, PIO_WORKITEM_ROUTINE_EX routine_ex,
		  WORK_QUEUE_TYPE type, PVOID context)
{
	bool again;

	DHPI_CHECK(1, routine != NULL || routine_ex != NULL, "a work item needs a routine");
	dhpi_wdk_hold();
	lock();
	again = item->queued;
	if (!again) {
		item->routine = routine;
		item->routine_ex = routine_ex;
		item->context = context;
		put(item, type == CriticalWorkQueue ? 0 : 1);
	}
	unlock();
	DHPI_CHECK(2, !again, "a work item is queued once");
	if (again)
		dhpi_wdk_release();
	(void)port_event_signal(&pool.event);
}

ULONG IoSizeofWorkItem(void)
{
	return sizeof(struct _IO_WORKITEM);
}

VOID IoInitializeWorkItem(PVOID IoObject, PIO_WORKITEM IoWorkItem)
{
	*IoWorkItem = (struct _IO_WORKITEM){ .object = IoObject };
}

VOID IoUninitializeWorkItem(PIO_WORKITEM IoWorkItem)
{
	DHPI_CHECK(1, !IoWorkItem->queued, "a queued work item may not go");
	IoWorkItem->object = NULL;
}

VOID IoQueueWorkItemEx(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE_EX WorkerRoutine, WORK_QUEUE_TYPE QueueType,
		       PVOID Context)
{
	queue(IoWorkItem, NULL, WorkerRoutine, QueueType, Context);
}

VOID IoQueueWorkItem(PIO_WORKITEM IoWorkItem, PIO_WORKITEM_ROUTINE WorkerRoutine, WORK_QUEUE_TYPE QueueType, PVOID Context)
{
	queue(IoWorkItem, WorkerRoutine, NULL, QueueType, Context);
}

PIO_WORKITEM IoAllocateWorkItem(PDEVICE_OBJECT DeviceObject)
{
	struct _IO_WORKITEM *item = port_alloc(sizeof(*item));

	if (item != NULL)
		IoInitializeWorkItem(DeviceObject, item);
	return item;
}

VOID IoFreeWorkItem(PIO_WORKITEM IoWorkItem)
{
	if (IoWorkItem == NULL)
		return;
	IoUninitializeWorkItem(IoWorkItem);
	port_free(IoWorkItem, sizeof(*IoWorkItem));
}
