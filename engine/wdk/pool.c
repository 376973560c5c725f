/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.c - memory with a tag, and what ends the process.
 *
 * In front of each block stand its size, its tag and a number that says "allocated": a block that is freed twice, or was
 * never allocated, is noticed where that can be noticed.
 */
#include "binding.h"

#define ALLOCATED 0x504f4f4cu

struct block {
	size_t bytes; /* with this header */
	ULONG tag;
	uint32_t magic;
};

_Static_assert(sizeof(struct block) == 16, "what follows is aligned to 16 bytes");

PVOID ExAllocatePoolZero(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
	struct block *block;

	(void)PoolType; /* all of it is resident */
	if (NumberOfBytes > SIZE_MAX / 2)
		return NULL;
	block = port_alloc(NumberOfBytes + sizeof(*block));
	if (block == NULL)
		return NULL;
	*block = (struct block){ .bytes = NumberOfBytes + sizeof(*block), .tag = Tag, .magic = ALLOCATED };
	return block + 1;
}

PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
	return ExAllocatePoolZero(PoolType, NumberOfBytes, Tag);
}

static void free_block(PVOID p)
{
	struct block *block = (struct block *)p - 1;

	DHPI_CHECK(1, block->magic == ALLOCATED, "a pool block is freed once");
	block->magic = 0;
	port_free(block, block->bytes);
}

VOID ExFreePoolWithTag(PVOID P, ULONG Tag)
{
	if (P == NULL)
		return;
	DHPI_CHECK(2, Tag == 0 || ((struct block *)P - 1)->tag == Tag, "a pool block is freed with its tag");
	(void)Tag;
	free_block(P);
}

VOID ExFreePool(PVOID P)
{
	if (P != NULL)
		free_block(P);
}

/* ---- what the macros stand for ---- */

void dhp_wdk_assert_failed(const char *where, const char *what)
{
	dhpi_check_failed(where, what, "ASSERT");
}

void dhp_wdk_fast_fail(ULONG code)
{
	(void)DbgPrintEx(DPFLTR_DEFAULT_ID, DPFLTR_ERROR_LEVEL, "fast fail %lu\n", code);
	dhpi_check_failed("__fastfail", "the program found itself corrupt", "it asked to be ended");
}

void dhp_wdk_paged_code(const char *where)
{
	if (DHP_CHECKS >= 2 && dhpi_at_dispatch())
		dhpi_check_failed(where, "PAGED_CODE()", "S-041: pageable code at dispatch level");
}
