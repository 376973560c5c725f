/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread kept on a simulated processor: it counts as running there, and is told when the processor is not usable. What the
 * kernel does to pins is in tests/linux/pins_restored.c.
 */
#include "work_hold.h"

#include <dhp/thread.h>

static enum dhp_status status_of(struct dhp_engine *engine, struct dhp_pin *pin)
{
	struct dhp_pin_state state = { .status = DHP_INJECTED };

	assert_ok(dhp_pin_read(engine, pin, &state));
	assert_int_equal(state.restored_count, 0);
	assert_int_equal(state.refused_count, 0);
	return state.status;
}

static void set_usable(struct dhp_engine *engine, uint32_t index, bool usable)
{
	struct dhp_processor processor;

	assert_ok(dhp_processor_at(engine, index, &processor));
	assert_ok(dhp_sim_set_usable(engine, processor.cpu, usable));
}

static void a_thread_is_kept_on_a_simulated_processor(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 3);
	struct dhp_pin_state read;
	struct dhp_pin pin;

	(void)state;
	for (uint32_t index = 0; index < 3; index++) {
		assert_ok(dhp_sim_enter(engine, dhp_sim_cpu(engine, 1)));
		assert_ok(dhp_pin_keep(engine, &pin, index));
		assert_int_equal(dhp_index_here(engine), index);
		assert_status(status_of(engine, &pin), DHP_OK);
		assert_ok(dhp_pin_read(engine, &pin, &read));
		assert_int_equal(read.index, index);
		assert_ok(dhp_engine_rescan(engine));
		assert_ok(dhp_pin_drop(engine, &pin));
		assert_int_equal(dhp_index_here(engine), 1); /* where it was before */
	}
	dhp_sim_exit();
	end_engine(engine);
}

static void its_processor_goes_and_comes_back_S006(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	struct dhp_pin pin, other;

	(void)state;
	assert_ok(dhp_pin_keep(engine, &pin, 2));
	set_usable(engine, 2, false);
	assert_status(status_of(engine, &pin), DHP_NO_AFFINITY);
	assert_int_equal(dhp_index_here(engine), 2);
	set_usable(engine, 2, true);
	assert_status(status_of(engine, &pin), DHP_OK);
	assert_ok(dhp_pin_drop(engine, &pin));
	set_usable(engine, 1, false);
	assert_status(dhp_pin_keep(engine, &other, 1), DHP_NO_AFFINITY);
	assert_int_equal(dhp_index_here(engine), 0); /* nowhere, as before */
	assert_status(dhp_pin_read(engine, &other, &(struct dhp_pin_state){ .index = 0 }), DHP_BAD_OBJECT);
	end_engine(engine);
}

static void affinities_nest_inside(void **state)
{
	const struct dhp_affinity wanted = { .mask = 2 };
	struct dhp_engine *engine = make_sim_of(4, 4), *second = make_sim_of(4, 4);
	struct dhp_affinity previous;
	struct dhp_pin pin, other;

	(void)state;
	assert_ok(dhp_pin_keep(engine, &pin, 3));
	assert_ok(dhp_thread_affinity_set(engine, &wanted, &previous));
	assert_int_equal(previous.mask, 0);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_status(status_of(engine, &pin), DHP_IN_USE);
	assert_status(dhp_pin_drop(engine, &pin), DHP_IN_USE);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_thread_affinity_revert(engine, &previous));
	assert_int_equal(dhp_index_here(engine), 3);
	assert_status(status_of(engine, &pin), DHP_OK);
	/* Also those of another engine, and one that fails. */
	assert_ok(dhp_thread_affinity_set(second, &wanted, NULL));
	assert_status(status_of(engine, &pin), DHP_IN_USE);
	assert_ok(dhp_thread_affinity_revert(second, &(struct dhp_affinity){ .mask = 0 }));
	assert_status(status_of(engine, &pin), DHP_OK);
	set_usable(engine, 1, false);
	assert_status(dhp_thread_affinity_set(engine, &wanted, NULL), DHP_NO_AFFINITY);
	assert_status(status_of(engine, &pin), DHP_OK);
	set_usable(engine, 1, true);
	assert_ok(dhp_pin_drop(engine, &pin));
	/* Not the other way round. */
	assert_ok(dhp_thread_affinity_set(engine, &wanted, NULL));
	assert_status(dhp_pin_keep(engine, &other, 3), DHP_IN_USE);
	assert_status(dhp_pin_keep(second, &other, 3), DHP_IN_USE);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_thread_affinity_revert(engine, &(struct dhp_affinity){ .mask = 0 }));
	end_engine(second);
	end_engine(engine);
}

static void bad_arguments_are_named_and_change_nothing(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 2), *second = make_sim_of(4, 2);
	struct dhp_pin pins[2];
	struct dhp_pin *crooked = (struct dhp_pin *)(void *)((char *)pins + 1);
	struct dhp_pin_state read = { .index = 7 };

	(void)state;
	memset(pins, 0xff, sizeof(pins));
	assert_status(dhp_pin_keep(NULL, &pins[0], 0), DHP_BAD_ENGINE);
	assert_status(dhp_pin_keep(engine, NULL, 0), DHP_BAD_OBJECT);
	assert_status(dhp_pin_keep(engine, crooked, 0), DHP_BAD_OBJECT);
	assert_status(dhp_pin_keep(engine, &pins[0], 2), DHP_BAD_INDEX);
	assert_status(dhp_pin_keep(engine, &pins[0], DHP_NO_INDEX), DHP_BAD_INDEX);
	assert_status(dhp_pin_drop(NULL, &pins[0]), DHP_BAD_ENGINE);
	assert_status(dhp_pin_drop(engine, NULL), DHP_BAD_OBJECT);
	assert_status(dhp_pin_drop(engine, crooked), DHP_BAD_OBJECT);
	assert_status(dhp_pin_drop(engine, &pins[0]), DHP_BAD_OBJECT);
	assert_status(dhp_pin_read(NULL, &pins[0], &read), DHP_BAD_ENGINE);
	assert_status(dhp_pin_read(engine, NULL, &read), DHP_BAD_OBJECT);
	assert_status(dhp_pin_read(engine, &pins[0], NULL), DHP_BAD_RESULT);
	assert_status(dhp_pin_read(engine, &pins[0], &read), DHP_BAD_OBJECT);
	assert_int_equal(read.index, 7);
	assert_ok(dhp_pin_keep(engine, &pins[0], 1));
	assert_status(dhp_pin_keep(engine, &pins[0], 0), DHP_IN_USE);
	assert_status(dhp_pin_keep(engine, &pins[1], 0), DHP_IN_USE); /* a thread is kept once */
	assert_status(dhp_pin_keep(second, &pins[1], 0), DHP_IN_USE);
	assert_status(dhp_pin_drop(second, &pins[0]), DHP_BAD_OBJECT);
	assert_status(dhp_pin_read(second, &pins[0], &read), DHP_BAD_OBJECT);
	assert_status(dhp_engine_destroy(engine), DHP_IN_USE);
	assert_int_equal(dhp_index_here(engine), 1);
	assert_ok(dhp_pin_drop(engine, &pins[0]));
	assert_status(dhp_pin_drop(engine, &pins[0]), DHP_BAD_OBJECT);
	end_engine(second);
	end_engine(engine);
}

/* ---- other threads ---- */

struct kept {
	struct dhp_engine *engine;
	struct dhp_pin pin;
	uint64_t kept, over, wrong;
	uint32_t index;
};

static void *keep_and_wait(void *argument)
{
	struct kept *me = argument;

	me->wrong += dhp_pin_keep(me->engine, &me->pin, me->index) != DHP_OK;
	(void)bump(&me->kept);
	me->wrong += !wait_for_count(&me->over, 1);
	return NULL;
}

static void a_thread_that_has_ended_is_dropped_by_anybody(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct kept kept = { .engine = engine, .index = 1 };
	struct helper helper;

	(void)state;
	helper_start(&helper, keep_and_wait, &kept);
	assert_true(wait_for_count(&kept.kept, 1));
	assert_status(dhp_pin_drop(engine, &kept.pin), DHP_IN_USE);
	assert_status(dhp_pin_keep(engine, &kept.pin, 0), DHP_IN_USE);
	assert_status(status_of(engine, &kept.pin), DHP_OK);
	poke(&kept.over, 1);
	helper_join(&helper);
	assert_int_equal(kept.wrong, 0);
	assert_status(status_of(engine, &kept.pin), DHP_ENDED);
	assert_ok(dhp_engine_rescan(engine));
	assert_status(status_of(engine, &kept.pin), DHP_ENDED);
	assert_ok(dhp_pin_drop(engine, &kept.pin));
	assert_ok(dhp_pin_keep(engine, &kept.pin, 0)); /* the object serves another thread */
	assert_ok(dhp_pin_drop(engine, &kept.pin));
	end_engine(engine);
}

#define KEEPERS 4u

static void *keep_and_drop(void *argument)
{
	struct kept *me = argument;
	uint32_t index = me->index;

	while (peek(&me->over) == 0) {
		struct dhp_pin_state read;
		enum dhp_status status = dhp_pin_keep(me->engine, &me->pin, index);

		if (status == DHP_OK)
			me->wrong += dhp_index_here(me->engine) != index ||
				     dhp_pin_read(me->engine, &me->pin, &read) != DHP_OK || read.index != index ||
				     dhp_pin_drop(me->engine, &me->pin) != DHP_OK;
		else
			me->wrong += status != DHP_NO_AFFINITY;
		if (status == DHP_OK)
			(void)bump(&me->kept);
		index = (index + 1) % 4;
	}
	return NULL;
}

static bool each_was_kept(const struct kept *kept)
{
	bool each = true;

	for (uint32_t i = 0; i < KEEPERS; i++)
		each = each && peek(&kept[i].kept) != 0;
	return each;
}

static void threads_are_kept_and_dropped_while_processors_come_and_go(void **state)
{
	struct dhp_engine *engine = make_sim_of(4, 4);
	static struct kept kept[KEEPERS];
	struct helper helpers[KEEPERS];
	uint64_t dice = 5;

	(void)state;
	for (uint32_t i = 0; i < KEEPERS; i++) {
		kept[i] = (struct kept){ .engine = engine, .index = i };
		helper_start(&helpers[i], keep_and_drop, &kept[i]);
	}
	for (uint32_t i = 0; i < TIMES(5000) || !each_was_kept(kept); i++) { /* they may be slow to start */
		set_usable(engine, 1 + (uint32_t)(roll(&dice) % 3), roll(&dice) % 2 == 0);
		if (i % 8 == 0)
			assert_ok(dhp_engine_rescan(engine));
	}
	for (uint32_t i = 0; i < KEEPERS; i++)
		poke(&kept[i].over, 1);
	for (uint32_t i = 0; i < KEEPERS; i++) {
		helper_join(&helpers[i]);
		assert_int_equal(kept[i].wrong, 0);
	}
	end_engine(engine);
}

/* ---- levels ---- */

#if DHP_CHECKS < 2
static void keep_in_a_routine(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	struct kept *me = context;
	struct dhp_pin_state read;
	struct dhp_pin pin;

	(void)dpc, (void)a, (void)b;
	if (dhp_pin_keep(me->engine, &pin, 0) != DHP_WRONG_LEVEL ||
	    dhp_pin_drop(me->engine, &me->pin) != DHP_WRONG_LEVEL ||
	    dhp_pin_read(me->engine, &me->pin, &read) != DHP_WRONG_LEVEL)
		(void)bump(&me->wrong);
	(void)bump(&me->over);
}

static void a_routine_is_not_kept_S041(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct kept me = { .engine = engine };
	struct dhp_dpc dpc;

	(void)state;
	assert_ok(dhp_pin_keep(engine, &me.pin, 1));
	assert_ok(dhp_dpc_init(&dpc, engine, keep_in_a_routine, &me));
	assert_ok(dhp_dpc_insert(&dpc, NULL, NULL));
	assert_ok(dhp_dpc_flush(engine));
	assert_int_equal(me.over, 1);
	assert_int_equal(me.wrong, 0);
	assert_ok(dhp_pin_drop(engine, &me.pin));
	end_engine(engine);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_is_kept_on_a_simulated_processor),
		cmocka_unit_test(its_processor_goes_and_comes_back_S006),
		cmocka_unit_test(affinities_nest_inside),
		cmocka_unit_test(bad_arguments_are_named_and_change_nothing),
		cmocka_unit_test(a_thread_that_has_ended_is_dropped_by_anybody),
		cmocka_unit_test(threads_are_kept_and_dropped_while_processors_come_and_go),
#if DHP_CHECKS < 2
		cmocka_unit_test(a_routine_is_not_kept_S041),
#endif
	};

	return cmocka_run_group_tests_name("pin_keep", tests, NULL, NULL);
}
