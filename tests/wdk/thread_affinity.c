/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread's affinity by its Windows names: one group, any group, several at once.
 */
#include "bound.h"

static const uint8_t three_and_five[] = { 3, 5 };

/* Group 0 has the positions 0-2, group 1 has 3-7; six are there. */
static struct dhp_engine *bind_groups(void)
{
	const struct sim_setup setup = { .maximum = 8, .initial = 6, .group_sizes = three_and_five, .group_size_count = 2 };
	struct dhp_engine *engine = bind_sim(&setup);

	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
	return engine;
}

static void unbind_groups(struct dhp_engine *engine)
{
	dhp_sim_exit();
	unbind_sim(engine);
}

static GROUP_AFFINITY affinity(USHORT group, KAFFINITY mask)
{
	return (GROUP_AFFINITY){ .Mask = mask, .Group = group };
}

static ULONG here(void)
{
	return KeGetCurrentProcessorNumberEx(NULL);
}

static void the_older_calls_know_one_group_S540_S541(void **state)
{
	struct dhp_engine *engine = bind_groups();
	KAFFINITY outer, inner;

	(void)state;
	outer = KeSetSystemAffinityThreadEx(AFFINITY_MASK(2));
	assert_int_equal(outer, 0); /* it had the user's */
	assert_int_equal(here(), 2);
	inner = KeSetSystemAffinityThreadEx(AFFINITY_MASK(0) | AFFINITY_MASK(40));
	assert_int_equal(inner, AFFINITY_MASK(2));
	assert_int_equal(here(), 0);
	assert_int_equal(KeSetSystemAffinityThreadEx(AFFINITY_MASK(40)), 0); /* no active processor: no effect */
	assert_int_equal(here(), 0);
	KeRevertToUserAffinityThreadEx(inner);
	assert_int_equal(here(), 2);
	KeRevertToUserAffinityThreadEx(outer);
	assert_int_equal(here(), 1);
	KeSetSystemAffinityThread(AFFINITY_MASK(0));
	assert_int_equal(here(), 0);
	KeRevertToUserAffinityThread();
	assert_int_equal(here(), 1);
	KeRevertToUserAffinityThread(); /* nothing to revert */
	assert_int_equal(here(), 1);
	unbind_groups(engine);
}

static void a_group_is_chosen_and_reverted_S542_S543_S544_S546(void **state)
{
	struct dhp_engine *engine = bind_groups();
	GROUP_AFFINITY wanted = affinity(1, 0xF4), previous = affinity(9, 9), inner = affinity(9, 9);

	(void)state;
	KeSetSystemGroupAffinityThread(&wanted, &previous);
	assert_int_equal(here(), 5); /* at the return, on the one that is active */
	assert_int_equal(previous.Mask, 0);
	wanted = affinity(0, 4);
	KeSetSystemGroupAffinityThread(&wanted, &inner);
	assert_int_equal(here(), 2);
	assert_int_equal(inner.Group, 1);
	assert_int_equal(inner.Mask, 4); /* inactive bits were dropped */
	KeRevertToUserGroupAffinityThread(&inner);
	assert_int_equal(here(), 5);
	KeRevertToUserGroupAffinityThread(&previous);
	assert_int_equal(here(), 1);
	KeSetSystemGroupAffinityThread(&wanted, NULL);
	assert_int_equal(here(), 2);
	KeRevertToUserGroupAffinityThread(&previous);
	assert_int_equal(here(), 1);
	unbind_groups(engine);
}

static void bad_groups_and_masks_change_nothing_S542_S545(void **state)
{
	struct dhp_engine *engine = bind_groups();
	GROUP_AFFINITY bad[] = { affinity(7, 1), affinity(0, 0), affinity(1, 0x10), affinity(0, 1) };

	(void)state;
	bad[3].Reserved[1] = 1;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		GROUP_AFFINITY previous = affinity(9, 9);

		KeSetSystemGroupAffinityThread(&bad[i], &previous);
		assert_int_equal(here(), 1);
		assert_int_equal(previous.Mask, 0);
		KeRevertToUserGroupAffinityThread(&bad[i]);
		assert_int_equal(here(), 1);
	}
	KeSetSystemGroupAffinityThread(NULL, NULL);
	KeRevertToUserGroupAffinityThread(NULL);
	assert_int_equal(here(), 1);
	unbind_groups(engine);
}

static void several_groups_at_once_S550(void **state)
{
	struct dhp_engine *engine = bind_groups();
	GROUP_AFFINITY groups[] = { affinity(0, AFFINITY_MASK(2)), affinity(1, AFFINITY_MASK(1) | AFFINITY_MASK(4)) };
	PAFFINITY_TOKEN token = NULL;
	KAFFINITY single;

	(void)state;
	assert_int_equal(PsAllocateAffinityToken(&token), STATUS_SUCCESS);
	assert_status(dhp_wdk_unbind(), DHP_IN_USE);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 2, token), STATUS_SUCCESS);
	assert_int_equal(here(), 2);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 2, token), STATUS_INVALID_DEVICE_STATE); /* in use */
	PsFreeAffinityToken(token); /* nor is it freed */
	PsRevertToUserMultipleGroupAffinityThread(token);
	assert_int_equal(here(), 1);
	PsRevertToUserMultipleGroupAffinityThread(token); /* nothing to revert */

	/* Who is on a processor of either group stays there. */
	for (uint32_t position = 2; position <= 4; position += 2) {
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
		assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 2, token), STATUS_SUCCESS);
		assert_int_equal(here(), position);
		PsRevertToUserMultipleGroupAffinityThread(token);
	}
	single = KeSetSystemAffinityThreadEx(AFFINITY_MASK(0)); /* inside a pair of the older kind */
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(&groups[1], 1, token), STATUS_SUCCESS);
	assert_int_equal(here(), 4);
	PsRevertToUserMultipleGroupAffinityThread(token);
	assert_int_equal(here(), 0);
	KeRevertToUserAffinityThreadEx(single);
	PsFreeAffinityToken(token);
	unbind_groups(engine);
}

static void bad_sets_of_groups_change_nothing_S550(void **state)
{
	struct dhp_engine *engine = bind_groups();
	GROUP_AFFINITY groups[] = { affinity(0, 4), affinity(1, 1), affinity(7, 1) };
	PAFFINITY_TOKEN token = NULL;

	(void)state;
	assert_int_equal(PsAllocateAffinityToken(NULL), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsAllocateAffinityToken(&token), STATUS_SUCCESS);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 3, token), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 0, token), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(NULL, 1, token), STATUS_INVALID_PARAMETER);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 2, NULL), STATUS_INVALID_PARAMETER);
	groups[1].Mask = 0x10; /* not there yet: left out, as there are others */
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(&groups[1], 1, token), STATUS_INVALID_PARAMETER);
	assert_int_equal(here(), 1);
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 2, token), STATUS_SUCCESS);
	assert_int_equal(here(), 2);
	PsRevertToUserMultipleGroupAffinityThread(token);
	groups[1].Reserved[2] = 1;
	assert_int_equal(PsSetSystemMultipleGroupAffinityThread(groups, 2, token), STATUS_INVALID_PARAMETER);
	PsRevertToUserMultipleGroupAffinityThread(NULL);
	assert_int_equal(here(), 1);
	PsFreeAffinityToken(token);
	PsFreeAffinityToken(NULL);
	unbind_groups(engine);
	assert_int_equal(PsAllocateAffinityToken(&token), STATUS_DEVICE_NOT_READY);
	assert_int_equal(KeSetSystemAffinityThreadEx(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_older_calls_know_one_group_S540_S541),
		cmocka_unit_test(a_group_is_chosen_and_reverted_S542_S543_S544_S546),
		cmocka_unit_test(bad_groups_and_masks_change_nothing_S542_S545),
		cmocka_unit_test(several_groups_at_once_S550),
		cmocka_unit_test(bad_sets_of_groups_change_nothing_S550),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
