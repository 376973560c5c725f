/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * affinity.c - affinity of the calling thread under its Windows names.
 */
#include <dhp/thread.h>

#include "binding.h"

/* A GROUP_AFFINITY is the native one under another name (S-520). */
_Static_assert(sizeof(GROUP_AFFINITY) == sizeof(struct dhp_affinity), "S-520");
_Static_assert(offsetof(GROUP_AFFINITY, Mask) == offsetof(struct dhp_affinity, mask), "S-520");
_Static_assert(offsetof(GROUP_AFFINITY, Group) == offsetof(struct dhp_affinity, group), "S-520");
_Static_assert(offsetof(GROUP_AFFINITY, Reserved) == offsetof(struct dhp_affinity, reserved), "S-520");

static struct dhp_affinity *native(PGROUP_AFFINITY affinity)
{
	return (struct dhp_affinity *)(void *)affinity;
}

/* ---- one group only ---- */

KAFFINITY KeSetSystemAffinityThreadEx(KAFFINITY Affinity)
{
	uint64_t previous = 0;

	(void)dhp_thread_mask_set(dhpi_wdk_engine(), Affinity, &previous);
	return (KAFFINITY)previous;
}

VOID KeRevertToUserAffinityThreadEx(KAFFINITY Affinity)
{
	(void)dhp_thread_mask_revert(dhpi_wdk_engine(), Affinity);
}

VOID KeSetSystemAffinityThread(KAFFINITY Affinity)
{
	(void)KeSetSystemAffinityThreadEx(Affinity);
}

VOID KeRevertToUserAffinityThread(void)
{
	KeRevertToUserAffinityThreadEx(0);
}

/* ---- any group ---- */

VOID KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity, PGROUP_AFFINITY PreviousAffinity)
{
	(void)dhp_thread_affinity_set(dhpi_wdk_engine(), native(Affinity), native(PreviousAffinity));
}

VOID KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity)
{
	(void)dhp_thread_affinity_revert(dhpi_wdk_engine(), native(PreviousAffinity));
}

/* ---- several groups at once ---- */

static struct dhp_affinity_token *native_token(PAFFINITY_TOKEN token)
{
	return (struct dhp_affinity_token *)token;
}

NTSTATUS PsAllocateAffinityToken(PAFFINITY_TOKEN *AffinityToken)
{
	struct dhp_affinity_token *token;
	enum dhp_status status;

	if (AffinityToken == NULL)
		return STATUS_INVALID_PARAMETER;
	status = dhp_affinity_token_create(dhpi_wdk_engine(), &token);
	if (dhp_failed(status))
		return dhp_wdk_status(status);
	*AffinityToken = (PAFFINITY_TOKEN)token;
	dhpi_wdk_hold();
	return STATUS_SUCCESS;
}

VOID PsFreeAffinityToken(PAFFINITY_TOKEN AffinityToken)
{
	if (AffinityToken != NULL && !dhp_failed(dhp_affinity_token_destroy(native_token(AffinityToken))))
		dhpi_wdk_release();
}

NTSTATUS PsSetSystemMultipleGroupAffinityThread(PGROUP_AFFINITY GroupAffinities, USHORT GroupCount,
						PAFFINITY_TOKEN AffinityToken)
{
	return dhp_wdk_status(
		dhp_thread_affinities_set(native_token(AffinityToken), native(GroupAffinities), GroupCount));
}

VOID PsRevertToUserMultipleGroupAffinityThread(PAFFINITY_TOKEN AffinityToken)
{
	(void)dhp_thread_affinities_revert(native_token(AffinityToken));
}
