/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DPCs, calls on all processors and work items: what was queued and not taken off has run after a flush.
 */
#include "wdk.h"

#define OBJECTS 4u

static struct {
	KDPC dpc;
	bool ready;
	uint64_t inserted, removed, runs; /* the last by any thread */
} dpcs[OBJECTS];

static uint64_t calls; /* by any thread */

static uint64_t peek(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static VOID routine(PKDPC dpc, PVOID context, PVOID first, PVOID second)
{
	(void)dpc, (void)first, (void)second;
	(void)__atomic_fetch_add((uint64_t *)context, 1, __ATOMIC_SEQ_CST);
}

static void flush(void)
{
	KeFlushQueuedDpcs();
	for (uint32_t i = 0; i < OBJECTS; i++)
		MUST(peek(&dpcs[i].runs) + dpcs[i].removed == dpcs[i].inserted);
}

static void make(void)
{
	uint32_t at = take_below(OBJECTS), how = take();

	flush();
	if ((how & 1) != 0)
		KeInitializeThreadedDpc(&dpcs[at].dpc, routine, &dpcs[at].runs);
	else
		KeInitializeDpc(&dpcs[at].dpc, routine, &dpcs[at].runs);
	KeSetImportanceDpc(&dpcs[at].dpc, (KDPC_IMPORTANCE)(how >> 1 & 3));
	dpcs[at].ready = true;
}

static void aim(void)
{
	uint32_t at = take_below(OBJECTS), index = take_below(PROCESSORS);
	PROCESSOR_NUMBER number;

	if (dpcs[at].ready && index == 0)
		KeSetTargetProcessorDpc(&dpcs[at].dpc, 0);
	if (!dpcs[at].ready || KeGetProcessorNumberFromIndex(index, &number) != STATUS_SUCCESS)
		return;
	MUST(KeSetTargetProcessorDpcEx(&dpcs[at].dpc, &number) == STATUS_SUCCESS);
	number.Reserved = 1;
	MUST(KeSetTargetProcessorDpcEx(&dpcs[at].dpc, &number) == STATUS_INVALID_PARAMETER);
}

static void insert(void)
{
	uint32_t at = take_below(OBJECTS);

	if (dpcs[at].ready)
		dpcs[at].inserted += KeInsertQueueDpc(&dpcs[at].dpc, NULL, NULL) != FALSE;
}

static void take_off(void)
{
	uint32_t at = take_below(OBJECTS);

	if (dpcs[at].ready)
		dpcs[at].removed += KeRemoveQueueDpc(&dpcs[at].dpc) != FALSE;
}

static ULONG_PTR called(ULONG_PTR argument)
{
	(void)__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
	return argument + 1;
}

static VOID called_generic(PKDPC dpc, PVOID context, PVOID first, PVOID second)
{
	(void)dpc, (void)context;
	(void)__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
	(void)KeSignalCallDpcSynchronize(second);
	KeSignalCallDpcDone(first);
}

static void call_all(void)
{
	ULONG_PTR argument = take();

	calls = 0;
	if (take_below(2) != 0)
		MUST(KeIpiGenericCall(called, argument) == argument + 1);
	else
		KeGenericCallDpc(called_generic, NULL);
	MUST(peek(&calls) == program.active);
}

static VOID item_routine(PVOID object, PVOID context, PIO_WORKITEM item)
{
	(void)object;
	IoUninitializeWorkItem(item);
	(void)KeSetEvent(context, IO_NO_INCREMENT, FALSE);
}

static void work_item(void)
{
	PIO_WORKITEM item = malloc(IoSizeofWorkItem());
	KEVENT done;

	MUST(item != NULL);
	KeInitializeEvent(&done, NotificationEvent, FALSE);
	IoInitializeWorkItem(&program, item);
	IoQueueWorkItemEx(item, item_routine, take_below(2) != 0 ? CriticalWorkQueue : DelayedWorkQueue, &done);
	MUST(KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
	free(item);
}

static VOID allocated_routine(PDEVICE_OBJECT device, PVOID context)
{
	MUST((PVOID)device == &program);
	(void)KeSetEvent(context, IO_NO_INCREMENT, FALSE);
}

static void allocated_item(void)
{
	PIO_WORKITEM item = IoAllocateWorkItem((PDEVICE_OBJECT)(PVOID)&program);
	KEVENT done;

	MUST(item != NULL);
	KeInitializeEvent(&done, NotificationEvent, FALSE);
	IoQueueWorkItem(item, allocated_routine, DelayedWorkQueue, &done);
	MUST(KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
	IoFreeWorkItem(item); /* its routine has begun: it is ours */
}

static void begin(void)
{
	memset(dpcs, 0, sizeof(dpcs));
}

static void (*const operations[])(void) = { make, make, aim, insert, insert, insert, take_off, flush, call_all, work_item,
	allocated_item };

const struct part work_part = { "work", operations, COUNT(operations), begin, flush };
