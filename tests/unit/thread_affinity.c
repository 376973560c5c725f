/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calling thread's affinity on simulated processors: where a thread counts as running decides dhp_index_here.
 */
#include "support.h"

#include <dhp/thread.h>

static const uint8_t three_and_five[] = { 3, 5 };

/* Group 0 has the positions 0-2, group 1 has 3-7. */
static struct dhp_engine *make_groups(uint32_t initial, uint32_t flags)
{
	const struct sim_setup setup = { .maximum = 8, .initial = initial, .group_sizes = three_and_five,
		.group_size_count = 2, .gap = 3, .seed = 5, .flags = flags };

	return make_sim(&setup);
}

static struct dhp_affinity affinity(uint16_t group, uint64_t mask)
{
	return (struct dhp_affinity){ .group = group, .mask = mask };
}

static const struct dhp_affinity users = { .mask = 0 };

static void assert_zero(const struct dhp_affinity *actual)
{
	assert_true(actual->mask == 0 && actual->group == 0);
	assert_true(actual->reserved[0] == 0 && actual->reserved[1] == 0 && actual->reserved[2] == 0);
}

static void assert_is(const struct dhp_affinity *actual, uint16_t group, uint64_t mask)
{
	assert_int_equal(actual->group, group);
	assert_int_equal(actual->mask, mask);
	assert_true(actual->reserved[0] == 0 && actual->reserved[1] == 0 && actual->reserved[2] == 0);
}

static void stand_on(struct dhp_engine *engine, uint32_t position)
{
	assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, position)));
}

/* ---- one set, one revert ---- */

static void set_takes_effect_before_it_returns_and_drops_inactive_bits_S542_S543_S544(void **state)
{
	struct dhp_engine *engine = make_groups(5, 0);
	const struct dhp_affinity wanted = affinity(1, 0xFFFFFFFFFFFFFFF2ull);
	struct dhp_affinity previous = affinity(7, 7), second = previous;

	(void)state;
	stand_on(engine, 1);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, &previous));
	assert_int_equal(dhp_index_here(engine), 4); /* number 1 of group 1: the only active one */
	assert_zero(&previous);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, &second));
	assert_is(&second, 1, 2); /* the others were dropped */
	assert_ok(dhp_thread_affinity_revert(engine, &previous));
	assert_int_equal(dhp_index_here(engine), 1);
	dhp_sim_exit();
	end_engine(engine);
}

static void who_is_on_a_chosen_processor_stays_there_S542(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0);
	const struct dhp_affinity wanted = affinity(1, 0x1F);

	(void)state;
	stand_on(engine, 6);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	assert_int_equal(dhp_index_here(engine), 6);
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	dhp_sim_exit();
	end_engine(engine);
}

static void refused(struct dhp_engine *engine, struct dhp_affinity wanted, enum dhp_status status)
{
	struct dhp_affinity previous = affinity(9, 9);
	uint32_t before = dhp_index_here(engine);

	assert_status(dhp_thread_affinity_set(engine, &wanted, &previous), status);
	assert_zero(&previous);
	assert_int_equal(dhp_index_here(engine), before);
}

static void refuse_all(struct dhp_engine *engine)
{
	struct dhp_affinity odd = affinity(0, 1), previous = affinity(9, 9);

	refused(engine, affinity(2, 1), DHP_BAD_GROUP);
	refused(engine, affinity(UINT16_MAX, 1), DHP_BAD_GROUP);
	refused(engine, affinity(0, 0), DHP_BAD_MASK);
	refused(engine, affinity(0, 0xF8), DHP_BAD_MASK);
	refused(engine, affinity(1, 0x1E), DHP_BAD_MASK); /* none of them is active */
	odd.reserved[2] = 1;
	refused(engine, odd, DHP_BAD_MASK);
	assert_status(dhp_thread_affinity_set(NULL, &odd, &previous), DHP_BAD_ENGINE);
	assert_zero(&previous);
	previous = affinity(9, 9);
	assert_status(dhp_thread_affinity_set(engine, NULL, &previous), DHP_BAD_OBJECT);
	assert_zero(&previous);
	assert_status(dhp_thread_affinity_revert(NULL, &odd), DHP_BAD_ENGINE);
	assert_status(dhp_thread_affinity_revert(engine, NULL), DHP_BAD_OBJECT);
}

/* From the user affinity and from a system affinity. */
static void bad_input_changes_nothing_and_zeroes_the_previous_S520_S542_S545(void **state)
{
	struct dhp_engine *engine = make_groups(4, 0);
	struct dhp_affinity wanted = affinity(0, 4), odd = affinity(0, 0), previous;

	(void)state;
	refuse_all(engine);
	assert_status(dhp_thread_affinity_revert(engine, &users), DHP_NO_EFFECT);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	refuse_all(engine);
	wanted = affinity(5, 1);
	assert_status(dhp_thread_affinity_revert(engine, &wanted), DHP_BAD_GROUP);
	wanted = affinity(0, 0x80);
	assert_status(dhp_thread_affinity_revert(engine, &wanted), DHP_BAD_MASK);
	odd.reserved[0] = 1;
	assert_status(dhp_thread_affinity_revert(engine, &odd), DHP_BAD_MASK);
	assert_int_equal(dhp_index_here(engine), 2);
	wanted = affinity(0, 1);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, &previous));
	assert_is(&previous, 0, 4); /* the refused calls left it in force */
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	end_engine(engine);
}

static void affinity_may_be_where_the_previous_one_goes_S542(void **state)
{
	struct dhp_engine *engine = make_groups(3, 0);
	struct dhp_affinity both = affinity(0, 2);

	(void)state;
	assert_ok(dhp_thread_affinity_set(engine, &both, &both));
	assert_int_equal(dhp_index_here(engine), 1);
	assert_zero(&both);
	assert_ok(dhp_thread_affinity_revert(engine, &both));
	end_engine(engine);
}

/* ---- nesting ---- */

static void pairs_nest_S546(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0);
	struct dhp_affinity wanted[3] = { affinity(0, 1), affinity(1, 2), affinity(0, 4) }, previous[3];

	(void)state;
	stand_on(engine, 7);
	for (uint32_t i = 0; i < 3; i++)
		assert_ok(dhp_thread_affinity_set(engine, &wanted[i], &previous[i]));
	assert_zero(&previous[0]);
	assert_is(&previous[1], 0, 1);
	assert_is(&previous[2], 1, 2);
	assert_int_equal(dhp_index_here(engine), 2);
	assert_ok(dhp_thread_affinity_revert(engine, &previous[2]));
	assert_int_equal(dhp_index_here(engine), 4);
	assert_ok(dhp_thread_affinity_revert(engine, &previous[1])); /* a second revert takes effect */
	assert_int_equal(dhp_index_here(engine), 0);
	assert_ok(dhp_thread_affinity_revert(engine, &previous[0]));
	assert_int_equal(dhp_index_here(engine), 7);
	dhp_sim_exit();
	end_engine(engine);
}

static void several_sets_and_one_revert_S546(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0);
	struct dhp_affinity first = affinity(0, 1), second = affinity(1, 1), third = affinity(1, 16), previous;

	(void)state;
	stand_on(engine, 2);
	assert_ok(dhp_thread_affinity_set(engine, &first, &previous));
	assert_ok(dhp_thread_affinity_set(engine, &second, NULL));
	assert_ok(dhp_thread_affinity_set(engine, &third, NULL));
	assert_int_equal(dhp_index_here(engine), 7);
	assert_ok(dhp_thread_affinity_revert(engine, &previous));
	assert_int_equal(dhp_index_here(engine), 2);
	assert_status(dhp_thread_affinity_revert(engine, &previous), DHP_NO_EFFECT);
	assert_status(dhp_thread_affinity_revert(engine, &second), DHP_NO_EFFECT); /* without an earlier set */
	assert_int_equal(dhp_index_here(engine), 2);
	dhp_sim_exit();
	end_engine(engine);
}

static void revert_to_zero_restores_the_most_recent_user_affinity_S545(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0);
	struct dhp_affinity wanted = affinity(0, 1);

	(void)state;
	stand_on(engine, 2);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	stand_on(engine, 5); /* the user's doing, while the system affinity is in force */
	wanted = affinity(1, 1);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	assert_int_equal(dhp_index_here(engine), 3);
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	assert_int_equal(dhp_index_here(engine), 5);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	stand_on(engine, 6); /* and once more, with no set in between */
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	assert_int_equal(dhp_index_here(engine), 6);
	stand_on(engine, 3); /* where the system affinity had it, but now the user wants it */
	wanted = affinity(0, 2);
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	assert_int_equal(dhp_index_here(engine), 3);
	dhp_sim_exit();
	end_engine(engine);
}

/* The user affinity belongs to no group: it may be nowhere, and is so again afterwards. */
static void the_user_affinity_spans_all_groups_S549(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0);

	(void)state;
	for (uint16_t group = 0; group < 2; group++) {
		const struct dhp_affinity wanted = affinity(group, 2);

		assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
		assert_int_equal(dhp_index_here(engine), group == 0 ? 1 : 4);
		assert_ok(dhp_thread_affinity_revert(engine, &users));
		stand_on(engine, 7);
		assert_int_equal(dhp_index_here(engine), 7);
		dhp_sim_exit();
	}
	end_engine(engine);
}

/* ---- who knows of one group ---- */

static void old_calls_know_one_group_S534_S540_S541_S558(void **state)
{
	static const uint32_t flags[] = { 0, DHP_ENGINE_LAST_GROUP };

	(void)state;
	for (uint32_t i = 0; i < LENGTH(flags); i++) {
		struct dhp_engine *engine = make_groups(8, flags[i]);
		const uint32_t first = i == 0 ? 0 : 3; /* index of number 0 of the group they see */
		const struct dhp_affinity other = affinity(i == 0 ? 1 : 0, 1);
		uint64_t previous = 77, second = 77;

		stand_on(engine, 6);
		assert_ok(dhp_thread_mask_set(engine, 2, &previous));
		assert_int_equal(previous, 0); /* it was the user's */
		assert_int_equal(dhp_index_here(engine), first + 1);
		assert_ok(dhp_thread_mask_set(engine, 4, &second));
		assert_int_equal(second, 2);
		second = 77;
		assert_status(dhp_thread_mask_set(engine, 1ull << 40, &second), DHP_BAD_MASK);
		assert_int_equal(second, 0);
		assert_int_equal(dhp_index_here(engine), first + 2);
		assert_ok(dhp_thread_mask_revert(engine, 2));
		assert_int_equal(dhp_index_here(engine), first + 1);
		assert_ok(dhp_thread_affinity_set(engine, &other, NULL));
		assert_ok(dhp_thread_mask_set(engine, 1, &second));
		assert_int_equal(second, 0); /* it was of another group */
		assert_ok(dhp_thread_mask_set(engine, 1, NULL));
		assert_ok(dhp_thread_mask_revert(engine, previous));
		assert_int_equal(dhp_index_here(engine), 6);
		assert_status(dhp_thread_mask_revert(engine, 0), DHP_NO_EFFECT);
		assert_status(dhp_thread_mask_set(NULL, 1, &second), DHP_BAD_ENGINE);
		assert_status(dhp_thread_mask_revert(NULL, 1), DHP_BAD_ENGINE);
		dhp_sim_exit();
		end_engine(engine);
	}
}

/* ---- arrivals ---- */

struct seen {
	struct dhp_engine *engine;
	uint64_t starts, completes, wrong;
};

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *veto)
{
	const struct dhp_affinity wanted = affinity(change->number.group, 1ull << change->number.number);
	struct seen *seen = context;
	struct dhp_affinity previous = affinity(9, 9);
	enum dhp_status status = dhp_thread_affinity_set(seen->engine, &wanted, &previous);

	(void)veto;
	if (previous.mask != 0 || previous.group != 0)
		(void)bump(&seen->wrong);
	if (change->state == DHP_CHANGE_START) {
		(void)bump(&seen->starts);
		if (status != DHP_BAD_MASK || dhp_index_here(seen->engine) != 0)
			(void)bump(&seen->wrong);
		return;
	}
	(void)bump(&seen->completes);
	if (status != DHP_OK || dhp_index_here(seen->engine) != change->index)
		(void)bump(&seen->wrong);
	(void)dhp_thread_affinity_revert(seen->engine, &users);
	if (dhp_index_here(seen->engine) != 0)
		(void)bump(&seen->wrong);
}

static void no_effect_in_start_and_at_once_in_complete_S547_S548(void **state)
{
	struct dhp_engine *engine = make_groups(1, 0);
	struct seen seen = { .engine = engine };
	struct dhp_notify *registration;

	(void)state;
	assert_ok(dhp_notify_register(engine, on_change, &seen, 0, &registration));
	add_positions(engine, 1, 8);
	assert_int_equal(seen.starts, 7);
	assert_int_equal(seen.completes, 7);
	assert_int_equal(seen.wrong, 0);
	assert_ok(dhp_notify_unregister(registration));
	end_engine(engine);
}

static void unusable_processors_are_passed_over_S542(void **state)
{
	struct dhp_engine *engine = make_groups(3, 0);
	struct dhp_affinity wanted = affinity(0, 3), previous;

	(void)state;
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 0), false));
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	assert_int_equal(dhp_index_here(engine), 1);
	wanted = affinity(0, 1);
	assert_status(dhp_thread_affinity_set(engine, &wanted, &previous), DHP_NO_AFFINITY);
	assert_zero(&previous);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	end_engine(engine);
}

/* ---- threads, engines, levels ---- */

static void *other_thread(void *argument)
{
	struct seen *seen = argument;

	if (dhp_index_here(seen->engine) != 0 || dhp_thread_affinity_revert(seen->engine, &users) != DHP_NO_EFFECT)
		(void)bump(&seen->wrong);
	return NULL;
}

static void affinity_is_the_calling_threads_own_S542(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0), *other = make_sim_of(4, 4);
	const struct dhp_affinity wanted = affinity(0, 4);
	struct seen seen = { .engine = engine };
	struct helper helper;

	(void)state;
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	helper_start(&helper, other_thread, &seen);
	helper_join(&helper);
	assert_int_equal(seen.wrong, 0);
	assert_status(dhp_thread_affinity_set(other, &wanted, NULL), DHP_IN_USE);
	assert_status(dhp_thread_affinity_revert(other, &wanted), DHP_IN_USE);
	assert_int_equal(dhp_index_here(engine), 2);
	assert_ok(dhp_thread_affinity_revert(engine, &users));
	assert_ok(dhp_thread_affinity_set(other, &wanted, NULL));
	assert_ok(dhp_thread_affinity_revert(other, &users));
	end_engine(engine);
	end_engine(other);
}

#if DHP_CHECKS < 2
static void set_in_a_routine(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	const struct dhp_affinity wanted = affinity(0, 1);
	struct dhp_affinity previous = affinity(9, 9);
	struct seen *seen = context;

	(void)dpc, (void)a, (void)b;
	if (dhp_thread_affinity_set(seen->engine, &wanted, &previous) != DHP_WRONG_LEVEL || previous.mask != 0 ||
	    dhp_thread_affinity_revert(seen->engine, &users) != DHP_WRONG_LEVEL)
		(void)bump(&seen->wrong);
	(void)bump(&seen->starts);
}

static void routines_are_refused_S544(void **state)
{
	struct dhp_engine *engine = make_groups(2, 0);
	struct seen seen = { .engine = engine };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_dpc_init(&dpc, engine, set_in_a_routine, &seen));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	assert_int_equal(peek(&seen.starts), 1);
	assert_int_equal(peek(&seen.wrong), 0);
	end_engine(engine);
}
#endif

/* ---- several groups at once ---- */

static struct dhp_affinity_token *make_token(struct dhp_engine *engine)
{
	struct dhp_affinity_token *token = NULL;

	assert_ok(dhp_affinity_token_create(engine, &token));
	return token;
}

static void several_groups_at_once_S550(void **state)
{
	struct dhp_engine *engine = make_groups(7, 0);
	const struct dhp_affinity both[] = { affinity(1, 0x1C), affinity(0, 4), affinity(1, 2) };
	struct dhp_affinity_token *token = make_token(engine);

	(void)state;
	for (uint32_t position = 0; position < 7; position++) {
		bool chosen = position == 2 || position >= 4;

		stand_on(engine, position);
		assert_ok(dhp_thread_affinities_set(token, both, 3));
		if (chosen)
			assert_int_equal(dhp_index_here(engine), position); /* it may stay */
		else
			assert_int_equal(dhp_index_here(engine), 4); /* the first of the first group named: masks are united */
		assert_status(dhp_thread_affinities_set(token, both, 3), DHP_IN_USE);
		assert_status(dhp_affinity_token_destroy(token), DHP_IN_USE);
		assert_ok(dhp_thread_affinities_revert(token));
		assert_int_equal(dhp_index_here(engine), position);
		assert_status(dhp_thread_affinities_revert(token), DHP_NO_EFFECT);
	}
	assert_ok(dhp_affinity_token_destroy(token));
	assert_ok(dhp_affinity_token_destroy(NULL));
	dhp_sim_exit();
	end_engine(engine);
}

static void pairs_over_several_groups_nest_S550(void **state)
{
	struct dhp_engine *engine = make_groups(8, 0);
	const struct dhp_affinity outer[] = { affinity(0, 1), affinity(1, 1) }, inner[] = { affinity(1, 0x10) };
	const struct dhp_affinity single = affinity(0, 4);
	struct dhp_affinity_token *tokens[] = { make_token(engine), make_token(engine) };
	struct dhp_affinity previous, refused_previous = affinity(9, 9);

	(void)state;
	stand_on(engine, 1);
	assert_ok(dhp_thread_affinity_set(engine, &single, &previous));
	assert_int_equal(dhp_index_here(engine), 2);
	assert_ok(dhp_thread_affinities_set(tokens[0], outer, 2));
	assert_int_equal(dhp_index_here(engine), 0);
	assert_status(dhp_thread_affinity_set(engine, &single, &refused_previous), DHP_IN_USE);
	assert_zero(&refused_previous);
	assert_status(dhp_thread_affinity_revert(engine, &previous), DHP_IN_USE);
	assert_ok(dhp_thread_affinities_set(tokens[1], inner, 1));
	assert_int_equal(dhp_index_here(engine), 7);
	assert_status(dhp_thread_affinities_revert(tokens[0]), DHP_NO_EFFECT); /* the inner one first */
	assert_ok(dhp_thread_affinities_revert(tokens[1]));
	assert_int_equal(dhp_index_here(engine), 0);
	assert_ok(dhp_thread_affinities_revert(tokens[0]));
	assert_int_equal(dhp_index_here(engine), 2);
	assert_ok(dhp_thread_affinity_revert(engine, &previous));
	assert_int_equal(dhp_index_here(engine), 1);
	for (size_t i = 0; i < LENGTH(tokens); i++)
		assert_ok(dhp_affinity_token_destroy(tokens[i]));
	dhp_sim_exit();
	end_engine(engine);
}

static void bad_sets_of_groups_change_nothing_S550(void **state)
{
	struct dhp_engine *engine = make_groups(5, 0), *other = make_groups(5, 0);
	struct dhp_affinity groups[] = { affinity(0, 4), affinity(1, 0x10) }, absent[] = { affinity(0, 4), affinity(2, 1) };
	struct dhp_affinity_token *token = make_token(engine), *others = make_token(other);
	struct dhp_affinity_token *none = NULL;

	(void)state;
	stand_on(engine, 1);
	assert_status(dhp_affinity_token_create(NULL, &none), DHP_BAD_ENGINE);
	assert_status(dhp_affinity_token_create(engine, NULL), DHP_BAD_RESULT);
	assert_status(dhp_thread_affinities_set(NULL, groups, 2), DHP_BAD_OBJECT);
	assert_status(dhp_thread_affinities_set(token, NULL, 2), DHP_BAD_OBJECT);
	assert_status(dhp_thread_affinities_set(token, groups, 0), DHP_BAD_COUNT);
	assert_status(dhp_thread_affinities_set(token, absent, 2), DHP_BAD_GROUP);
	assert_status(dhp_thread_affinities_set(token, &groups[1], 1), DHP_BAD_MASK); /* not active */
	assert_status(dhp_thread_affinities_revert(NULL), DHP_BAD_OBJECT);
	assert_status(dhp_thread_affinities_revert(token), DHP_NO_EFFECT);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 2), false));
	assert_status(dhp_thread_affinities_set(token, groups, 2), DHP_NO_AFFINITY);
	assert_ok(dhp_sim_set_usable(engine, dhp_sim_cpu(engine, 2), true));
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_thread_affinities_set(token, groups, 2)); /* the other group is left out */
	assert_int_equal(dhp_index_here(engine), 2);
	assert_status(dhp_thread_affinities_set(others, groups, 1), DHP_IN_USE); /* another engine's is in force */
	assert_ok(dhp_thread_affinities_revert(token));
	groups[1].reserved[0] = 1;
	assert_status(dhp_thread_affinities_set(token, groups, 2), DHP_BAD_MASK);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_affinity_token_destroy(token));
	assert_ok(dhp_affinity_token_destroy(others));
	dhp_sim_exit();
	end_engine(other);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_takes_effect_before_it_returns_and_drops_inactive_bits_S542_S543_S544),
		cmocka_unit_test(who_is_on_a_chosen_processor_stays_there_S542),
		cmocka_unit_test(bad_input_changes_nothing_and_zeroes_the_previous_S520_S542_S545),
		cmocka_unit_test(affinity_may_be_where_the_previous_one_goes_S542),
		cmocka_unit_test(pairs_nest_S546),
		cmocka_unit_test(several_sets_and_one_revert_S546),
		cmocka_unit_test(revert_to_zero_restores_the_most_recent_user_affinity_S545),
		cmocka_unit_test(the_user_affinity_spans_all_groups_S549),
		cmocka_unit_test(old_calls_know_one_group_S534_S540_S541_S558),
		cmocka_unit_test(no_effect_in_start_and_at_once_in_complete_S547_S548),
		cmocka_unit_test(unusable_processors_are_passed_over_S542),
		cmocka_unit_test(affinity_is_the_calling_threads_own_S542),
		cmocka_unit_test(several_groups_at_once_S550),
		cmocka_unit_test(pairs_over_several_groups_nest_S550),
		cmocka_unit_test(bad_sets_of_groups_change_nothing_S550),
#if DHP_CHECKS < 2
		cmocka_unit_test(routines_are_refused_S544),
#endif
	};

	return cmocka_run_group_tests_name("thread_affinity", tests, NULL, NULL);
}
