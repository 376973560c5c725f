/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kdpc.c - DPCs under their Windows names. The object and its routine have the native types, so nothing stands between.
 */
#include <dhp/call.h>
#include <dhp/partition.h>

#include "binding.h"

/* The importances are numbered alike. */
_Static_assert((int)LowImportance == (int)DHP_IMPORTANCE_LOW, "S-627");
_Static_assert((int)MediumImportance == (int)DHP_IMPORTANCE_MEDIUM, "S-627");
_Static_assert((int)HighImportance == (int)DHP_IMPORTANCE_HIGH, "S-627");
_Static_assert((int)MediumHighImportance == (int)DHP_IMPORTANCE_MEDIUM_HIGH, "S-627");

/* An object that was not initialised is refused by every other call. */
static void expect_initialised(enum dhp_status status)
{
	DHPI_CHECK(2, !dhp_failed(status), "S-603: a routine, an object and a bound engine");
	(void)status;
}

VOID KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
	expect_initialised(dhp_dpc_init(Dpc, dhpi_wdk_engine(), DeferredRoutine, DeferredContext));
}

VOID KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
	expect_initialised(dhp_dpc_init_threaded(Dpc, dhpi_wdk_engine(), DeferredRoutine, DeferredContext));
}

BOOLEAN KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
	return dhp_dpc_insert(Dpc, SystemArgument1, SystemArgument2) == DHP_OK;
}

BOOLEAN KeRemoveQueueDpc(PRKDPC Dpc)
{
	return dhp_dpc_remove(Dpc) == DHP_OK;
}

VOID KeFlushQueuedDpcs(void)
{
	(void)dhp_dpc_flush(dhpi_wdk_engine());
}

NTSTATUS KeSetTargetProcessorDpcEx(PRKDPC Dpc, PPROCESSOR_NUMBER ProcNumber)
{
	return dhp_wdk_status(dhp_dpc_set_target(Dpc, KeGetProcessorIndexFromNumber(ProcNumber)));
}

/* S-636: the group of dhp_old_group; a number that no processor has changes nothing, and nobody is told. */
VOID KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
	PROCESSOR_NUMBER number = { .Group = (USHORT)dhp_old_group(dhpi_wdk_engine()), .Number = (UCHAR)Number };

	(void)KeSetTargetProcessorDpcEx(Dpc, &number);
}

VOID KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
	(void)dhp_dpc_set_importance(Dpc, (enum dhp_importance)Importance);
}

/* ---- time budget ---- */

LOGICAL KeIsExecutingDpc(void)
{
	return dhpi_in_routine() && port_self()->worker != NULL;
}

BOOLEAN KeShouldYieldProcessor(void)
{
	return dhp_dpc_should_yield();
}

/* A limit that is not zero stays so. */
static ULONG microseconds(uint64_t ns)
{
	uint64_t us = ns / 1000 + (ns % 1000 != 0);

	return us < UINT32_MAX ? (ULONG)us : UINT32_MAX;
}

NTSTATUS KeQueryDpcWatchdogInformation(PKDPC_WATCHDOG_INFORMATION WatchdogInformation)
{
	struct dhp_watchdog watchdog;

	if (WatchdogInformation == NULL)
		return STATUS_INVALID_PARAMETER;
	if (dhp_failed(dhp_dpc_watchdog_read(&watchdog)))
		return STATUS_UNSUCCESSFUL; /* S-672 */
	*WatchdogInformation = (KDPC_WATCHDOG_INFORMATION){
		.DpcTimeLimit = microseconds(watchdog.run_limit_ns),
		.DpcTimeCount = microseconds(watchdog.run_left_ns),
		.DpcWatchdogLimit = microseconds(watchdog.sequence_limit_ns),
		.DpcWatchdogCount = microseconds(watchdog.sequence_left_ns),
	};
	return STATUS_SUCCESS;
}

/* ---- all processors together ---- */

struct broadcast {
	PKIPI_BROADCAST_WORKER function;
	ULONG_PTR context;
};

static uintptr_t run_broadcast(void *argument)
{
	const struct broadcast *broadcast = argument;

	return broadcast->function(broadcast->context);
}

ULONG_PTR KeIpiGenericCall(PKIPI_BROADCAST_WORKER BroadcastFunction, ULONG_PTR Context)
{
	struct broadcast broadcast = { .function = BroadcastFunction, .context = Context };
	uintptr_t result = 0;

	if (BroadcastFunction != NULL)
		(void)dhp_call_all(dhpi_wdk_engine(), run_broadcast, &broadcast, &result);
	return result;
}

struct generic_call {
	KDPC dpc; /* for the routine to look at; it is never queued */
	struct dhp_engine *engine;
	PKDEFERRED_ROUTINE routine;
	PVOID context;
	struct at_u32 begun, done; /* a check of the routine's manners only */
};

static uintptr_t run_generic(void *argument)
{
	struct generic_call *call = argument;

	(void)at_fetch_add_relaxed_u32(&call->begun, 1); /* relaxed: read after the call has ended */
	call->routine(&call->dpc, call->context, call, call);
	return 0;
}

VOID KeGenericCallDpc(PKDEFERRED_ROUTINE Routine, PVOID Context)
{
	struct generic_call call = { .engine = dhpi_wdk_engine(), .routine = Routine, .context = Context };

	KeInitializeDpc(&call.dpc, Routine, Context);
	if (Routine == NULL || dhp_failed(dhp_call_all(call.engine, run_generic, &call, NULL)))
		return;
	/* relaxed: the call has ended */
	DHPI_CHECK(2, at_load_relaxed_u32(&call.done) == at_load_relaxed_u32(&call.begun),
		   "each routine of KeGenericCallDpc calls KeSignalCallDpcDone once");
}

VOID KeSignalCallDpcDone(PVOID SystemArgument1)
{
	struct generic_call *call = SystemArgument1;

	(void)at_fetch_add_relaxed_u32(&call->done, 1); /* relaxed: read after the call has ended */
}

LOGICAL KeSignalCallDpcSynchronize(PVOID SystemArgument2)
{
	const struct generic_call *call = SystemArgument2;

	return dhp_call_meet(call->engine);
}
