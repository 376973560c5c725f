/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.c - lookaside lists under their Windows names. A routine of the caller's is told of the list, its pool and its
 * tag; one that is missing is the pool's.
 */
#include <dhp/lookaside.h>

#include "binding.h"

static void *make(size_t bytes, void *context)
{
	PLOOKASIDE_LIST_EX list = context;

	if (list->Allocate != NULL)
		return list->Allocate(list->Type, bytes, list->Tag, list);
	return ExAllocatePoolWithTag(list->Type, bytes, list->Tag);
}

static void give_back(void *block, size_t bytes, void *context)
{
	PLOOKASIDE_LIST_EX list = context;

	(void)bytes;
	if (list->Free != NULL)
		list->Free(block, list);
	else
		ExFreePool(block);
}

static bool is_pool(POOL_TYPE type)
{
	switch (type) {
	case NonPagedPool:
	case PagedPool:
	case NonPagedPoolNx:
		return true;
	}
	return false;
}

/* S-703. The flags of both are numbered alike. */
_Static_assert(EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL == DHP_LOOKASIDE_RAISE, "S-703");
_Static_assert(EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE == DHP_LOOKASIDE_FAIL_NO_RAISE, "S-703");

static NTSTATUS create(PLOOKASIDE_LIST_EX list, ULONG flags, SIZE_T size, USHORT depth)
{
	struct dhp_lookaside_options options = {
		.size = sizeof(options), .block_bytes = size, .flags = flags, .depth = depth, .context = list
	};
	struct dhp_lookaside *native = NULL;
	enum dhp_status status;

	if (list->Allocate != NULL || list->Free != NULL) { /* otherwise the engine's own, which are cheaper */
		options.allocate = make;
		options.free = give_back;
	}
	status = dhp_lookaside_create(dhpi_wdk_engine(), &options, &native);
	if (dhp_failed(status))
		return status == DHP_BAD_FLAGS ? STATUS_INVALID_PARAMETER_5 : dhp_wdk_status(status);
	list->List = native;
	dhpi_wdk_hold();
	return STATUS_SUCCESS;
}

NTSTATUS ExInitializeLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PALLOCATE_FUNCTION_EX Allocate, PFREE_FUNCTION_EX Free,
				     POOL_TYPE PoolType, ULONG Flags, SIZE_T Size, ULONG Tag, USHORT Depth)
{
	if (Lookaside == NULL)
		return STATUS_INVALID_PARAMETER;
	*Lookaside = (LOOKASIDE_LIST_EX){ .Allocate = Allocate, .Free = Free, .Type = PoolType, .Tag = Tag };
	if (!is_pool(PoolType))
		return STATUS_INVALID_PARAMETER_4;
	if ((Flags & EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE) != 0 && Allocate == NULL)
		return STATUS_INVALID_PARAMETER_5;
	return create(Lookaside, Flags, Size, Depth);
}

VOID ExDeleteLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
	if (Lookaside->List == NULL || dhp_failed(dhp_lookaside_destroy(Lookaside->List)))
		return;
	Lookaside->List = NULL;
	dhpi_wdk_release();
}

VOID ExFlushLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
	(void)dhp_lookaside_flush(Lookaside->List);
}

PVOID ExAllocateFromLookasideListEx(PLOOKASIDE_LIST_EX Lookaside)
{
	return dhp_lookaside_allocate(Lookaside->List);
}

VOID ExFreeToLookasideListEx(PLOOKASIDE_LIST_EX Lookaside, PVOID Entry)
{
	dhp_lookaside_free(Lookaside->List, Entry);
}
