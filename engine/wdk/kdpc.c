/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kdpc.c - DPCs under their Windows names. The object and its routine have the native types, so nothing stands between.
 */
#include "binding.h"

/* The importances are numbered alike. */
_Static_assert((int)LowImportance == (int)DHP_IMPORTANCE_LOW, "S-627");
_Static_assert((int)MediumImportance == (int)DHP_IMPORTANCE_MEDIUM, "S-627");
_Static_assert((int)HighImportance == (int)DHP_IMPORTANCE_HIGH, "S-627");
_Static_assert((int)MediumHighImportance == (int)DHP_IMPORTANCE_MEDIUM_HIGH, "S-627");

VOID KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
	enum dhp_status status = dhp_dpc_init(Dpc, dhpi_wdk_engine(), DeferredRoutine, DeferredContext);

	DHPI_CHECK(2, !dhp_failed(status), "S-603: a routine, an object and a bound engine");
	(void)status; /* an object that was not initialised is refused by every other call */
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

/* S-636: group 0; a number that no processor has changes nothing, and nobody is told. */
VOID KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
	PROCESSOR_NUMBER number = { .Group = 0, .Number = (UCHAR)Number };

	(void)KeSetTargetProcessorDpcEx(Dpc, &number);
}

VOID KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
	(void)dhp_dpc_set_importance(Dpc, (enum dhp_importance)Importance);
}
