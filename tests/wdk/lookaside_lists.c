/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookaside lists by their Windows names.
 */
#include "bound.h"

#include <dhp/lookaside.h>

#define TAG 0x4c6f6f6bu

static NTSTATUS init(PLOOKASIDE_LIST_EX list, POOL_TYPE type, ULONG flags)
{
	return ExInitializeLookasideListEx(list, NULL, NULL, type, flags, 64, TAG, 0);
}

static void a_block_that_was_freed_comes_first_S701_S702_S704(void **state)
{
	static const POOL_TYPE types[] = { NonPagedPool, PagedPool, NonPagedPoolNx };
	struct dhp_engine *engine = bind_sim_of(4, 2);

	(void)state;
	for (size_t i = 0; i < LENGTH(types); i++) {
		struct dhp_lookaside_counts counts;
		LOOKASIDE_LIST_EX list;
		PVOID blocks[2];
		KIRQL old;

		assert_int_equal(init(&list, types[i], 0), STATUS_SUCCESS);
		assert_status(dhp_wdk_unbind(), DHP_IN_USE);
		KeRaiseIrql(DISPATCH_LEVEL, &old);
		blocks[0] = ExAllocateFromLookasideListEx(&list);
		blocks[1] = ExAllocateFromLookasideListEx(&list);
		assert_non_null(blocks[0]);
		assert_non_null(blocks[1]);
		memset(blocks[0], 1, 64);
		memset(blocks[1], 2, 64);
		ExFreeToLookasideListEx(&list, blocks[0]);
		ExFreeToLookasideListEx(&list, blocks[1]);
		assert_ptr_equal(ExAllocateFromLookasideListEx(&list), blocks[1]); /* last in, first out */
		assert_ptr_equal(ExAllocateFromLookasideListEx(&list), blocks[0]);
		ExFreeToLookasideListEx(&list, blocks[0]);
		ExFreeToLookasideListEx(&list, blocks[1]);
		ExFlushLookasideListEx(&list);
		KeLowerIrql(old);
		assert_ok(dhp_lookaside_counts_read(list.List, &counts));
		assert_int_equal(counts.kept, 0);
		assert_int_equal(counts.returned, 2);
		ExDeleteLookasideListEx(&list);
		ExDeleteLookasideListEx(&list); /* nothing more to delete */
	}
	unbind_sim(engine);
}

/* ---- the caller's routines ---- */

static uint64_t made, given_back, told_wrong;
static bool refuse;
static ALLOCATE_FUNCTION_EX own_allocate;
static FREE_FUNCTION_EX own_free;
static LOOKASIDE_LIST_EX own_list;

static PVOID own_allocate(POOL_TYPE type, SIZE_T bytes, ULONG tag, PLOOKASIDE_LIST_EX list)
{
	if (type != PagedPool || bytes != 64 || tag != TAG || list != &own_list)
		(void)bump(&told_wrong);
	if (refuse)
		return NULL;
	(void)bump(&made);
	return ExAllocatePoolWithTag(type, bytes, tag);
}

static VOID own_free(PVOID block, PLOOKASIDE_LIST_EX list)
{
	if (list != &own_list)
		(void)bump(&told_wrong);
	(void)bump(&given_back);
	ExFreePool(block);
}

static void the_callers_routines_are_told_of_the_list_S703(void **state)
{
	struct dhp_engine *engine = bind_sim_of(4, 2);
	PVOID block;

	(void)state;
	/* both, or one of them and the pool's for the other */
	for (uint32_t which = 1; which <= 3; which++) {
		poke(&made, 0);
		poke(&given_back, 0);
		assert_int_equal(ExInitializeLookasideListEx(&own_list, (which & 1) != 0 ? own_allocate : NULL,
							     (which & 2) != 0 ? own_free : NULL, PagedPool, 0, 64, TAG, 0),
				 STATUS_SUCCESS);
		block = ExAllocateFromLookasideListEx(&own_list);
		assert_non_null(block);
		ExFreeToLookasideListEx(&own_list, block);
		ExDeleteLookasideListEx(&own_list);
		assert_int_equal(peek(&made), which & 1);
		assert_int_equal(peek(&given_back), (which & 2) >> 1);
	}
	assert_int_equal(ExInitializeLookasideListEx(&own_list, own_allocate, own_free, PagedPool,
						     EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE, 64, TAG, 0),
			 STATUS_SUCCESS);
	refuse = true;
	assert_null(ExAllocateFromLookasideListEx(&own_list));
	refuse = false;
	ExDeleteLookasideListEx(&own_list);
	assert_int_equal(peek(&told_wrong), 0);
	unbind_sim(engine);
}

/* S-703 */
static void bad_pool_and_bad_flags_have_their_own_codes_S702_S703(void **state)
{
	static const uint32_t no_pools[] = { 2, 3, 7, 511, 513, 0x7fffffff };
	const ULONG raise = EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL, no_raise = EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE;
	struct dhp_engine *engine = bind_sim_of(4, 2);
	LOOKASIDE_LIST_EX list;

	(void)state;
	for (size_t i = 0; i < LENGTH(no_pools); i++)
		assert_int_equal(init(&list, (POOL_TYPE)no_pools[i], 0), STATUS_INVALID_PARAMETER_4);
	assert_int_equal(init(&list, (POOL_TYPE)7, raise | no_raise), STATUS_INVALID_PARAMETER_4);
	assert_int_equal(init(&list, PagedPool, raise | no_raise), STATUS_INVALID_PARAMETER_5);
	assert_int_equal(init(&list, PagedPool, no_raise), STATUS_INVALID_PARAMETER_5); /* without an allocate routine */
	assert_int_equal(init(&list, PagedPool, 4), STATUS_INVALID_PARAMETER_5);
	assert_int_equal(ExInitializeLookasideListEx(&list, NULL, own_free, PagedPool, no_raise, 64, TAG, 0),
			 STATUS_INVALID_PARAMETER_5);
	assert_int_equal(ExInitializeLookasideListEx(&list, own_allocate, own_free, PagedPool, raise | no_raise, 64, TAG, 0),
			 STATUS_INVALID_PARAMETER_5);
	assert_int_equal(ExInitializeLookasideListEx(&list, NULL, NULL, PagedPool, 0, 64, TAG, 4),
			 STATUS_INVALID_PARAMETER); /* the depth is the system's */
	assert_int_equal(ExInitializeLookasideListEx(&list, NULL, NULL, PagedPool, 0, 0, TAG, 0), STATUS_INVALID_PARAMETER);
	assert_int_equal(init(NULL, PagedPool, 0), STATUS_INVALID_PARAMETER);
	assert_null(ExAllocateFromLookasideListEx(&list)); /* what was refused is no list */
	ExFreeToLookasideListEx(&list, NULL);
	ExFlushLookasideListEx(&list);
	ExDeleteLookasideListEx(&list);
	assert_int_equal(init(&list, PagedPool, raise), STATUS_SUCCESS);
	ExDeleteLookasideListEx(&list);
	unbind_sim(engine);
	assert_int_equal(init(&list, PagedPool, 0), STATUS_DEVICE_NOT_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_that_was_freed_comes_first_S701_S702_S704),
		cmocka_unit_test(the_callers_routines_are_told_of_the_list_S703),
		cmocka_unit_test(bad_pool_and_bad_flags_have_their_own_codes_S702_S703),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
