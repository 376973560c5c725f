/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In which order the objects of one queue run: High newest first, all others in order of insertion.
 */
#include "work_hold.h"

#define LOG_LENGTH 1024u

/* Written by one worker, read after a flush. */
static uint32_t log_names[LOG_LENGTH];
static uint32_t log_count;

struct named {
	struct dhp_dpc dpc;
	uint32_t name;
};

static void note_name(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	const struct named *named = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	log_names[log_count++] = named->name;
}

static void prepare(struct named *named, struct dhp_engine *engine, uint32_t name, enum dhp_importance importance,
		    uint32_t index)
{
	named->name = name;
	assert_ok(dhp_dpc_init(&named->dpc, engine, note_name, named));
	assert_ok(dhp_dpc_set_importance(&named->dpc, importance));
	if (index != DHP_NO_INDEX)
		assert_ok(dhp_dpc_set_target(&named->dpc, index));
}

static void insert(struct named *named)
{
	assert_ok(dhp_dpc_insert(&named->dpc, NULL, NULL));
}

static void assert_order(const uint32_t *expected, uint32_t count)
{
	assert_int_equal(log_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(log_names[i], expected[i]);
}

/* One processor, so that nobody steals. */
static struct dhp_engine *begin(struct hold *hold)
{
	struct dhp_engine *engine = make_sim_of(1, 1);

	log_count = 0;
	hold_processor(hold, engine, 0);
	return engine;
}

static void finish(struct dhp_engine *engine, struct hold *hold)
{
	hold_release(hold);
	flush(engine);
}

static void high_runs_newest_first_S628(void **state)
{
	static const uint32_t expected[] = { 3, 2, 1, 10 };
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct named h1, h2, h3, m1;

	(void)state;
	prepare(&h1, engine, 1, DHP_IMPORTANCE_HIGH, 0);
	prepare(&h2, engine, 2, DHP_IMPORTANCE_HIGH, 0);
	prepare(&m1, engine, 10, DHP_IMPORTANCE_MEDIUM, 0);
	prepare(&h3, engine, 3, DHP_IMPORTANCE_HIGH, 0);
	insert(&h1);
	insert(&h2);
	insert(&m1);
	insert(&h3);
	finish(engine, &hold);
	assert_order(expected, LENGTH(expected));
	end_engine(engine);
}

/* Somebody looks into the inbox between the inserts: what comes later still goes in front. */
static void high_stays_newest_first_when_the_inbox_was_emptied_between_S628(void **state)
{
	static const uint32_t expected[] = { 4, 3, 2, 1 };
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct named high[4], other;

	(void)state;
	prepare(&other, engine, 99, DHP_IMPORTANCE_MEDIUM, 0);
	for (uint32_t i = 0; i < 4; i++) {
		prepare(&high[i], engine, i + 1, DHP_IMPORTANCE_HIGH, 0);
		insert(&high[i]);
		insert(&other);
		assert_ok(dhp_dpc_remove(&other.dpc));
	}
	finish(engine, &hold);
	assert_order(expected, LENGTH(expected));
	end_engine(engine);
}

static void medium_high_does_not_overtake_S629(void **state)
{
	static const uint32_t expected[] = { 1, 2, 3, 4 };
	static const enum dhp_importance importances[] = { DHP_IMPORTANCE_LOW, DHP_IMPORTANCE_MEDIUM,
							   DHP_IMPORTANCE_MEDIUM_HIGH, DHP_IMPORTANCE_LOW };
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct named tail[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		prepare(&tail[i], engine, i + 1, importances[i], 0);
		insert(&tail[i]);
	}
	finish(engine, &hold);
	assert_order(expected, LENGTH(expected));
	end_engine(engine);
}

/* With and without target, several windows full. */
static void tail_objects_keep_their_order_over_many_batches_S629(void **state)
{
	static struct named tail[300];
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	uint64_t dice = 77;

	(void)state;
	for (uint32_t i = 0; i < LENGTH(tail); i++) {
		enum dhp_importance importance = (enum dhp_importance)(roll(&dice) % 2 == 0 ? roll(&dice) % 2 : 3);

		prepare(&tail[i], engine, i, importance, roll(&dice) % 2 == 0 ? 0 : DHP_NO_INDEX);
		insert(&tail[i]);
	}
	finish(engine, &hold);
	assert_int_equal(log_count, LENGTH(tail));
	for (uint32_t i = 0; i < LENGTH(tail); i++)
		assert_int_equal(log_names[i], i);
	end_engine(engine);
}

/* The lists live through a removal that empties the inbox in the middle. */
static void tail_objects_keep_their_order_around_a_removal_S629(void **state)
{
	static const uint32_t expected[] = { 0, 1, 2, 4, 5, 6, 7 };
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct named tail[8];

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		prepare(&tail[i], engine, i, DHP_IMPORTANCE_MEDIUM, i % 2 == 0 ? 0 : DHP_NO_INDEX);
		insert(&tail[i]);
		if (i == 5)
			assert_ok(dhp_dpc_remove(&tail[3].dpc));
	}
	finish(engine, &hold);
	assert_order(expected, LENGTH(expected));
	end_engine(engine);
}

/* Between two objects of a batch that runs already. */
static void high_overtakes_a_batch_that_runs_S625(void **state)
{
	static const uint32_t expected[] = { 50, 1, 2, 3 };
	struct hold first, second;
	struct dhp_engine *engine = begin(&first);
	struct named tail[3], high;

	(void)state;
	hold_insert(&second, engine, 0, DHP_IMPORTANCE_MEDIUM);
	for (uint32_t i = 0; i < 3; i++) {
		prepare(&tail[i], engine, i + 1, DHP_IMPORTANCE_MEDIUM, 0);
		insert(&tail[i]);
	}
	hold_release(&first);
	hold_wait(&second); /* the others are in the same batch */
	prepare(&high, engine, 50, DHP_IMPORTANCE_HIGH, 0);
	insert(&high);
	finish(engine, &second);
	assert_order(expected, LENGTH(expected));
	end_engine(engine);
}

static void an_importance_set_while_queued_counts_for_the_next_insertion_S626(void **state)
{
	static const uint32_t first[] = { 1, 2, 3 };
	static const uint32_t then[] = { 2, 1, 3 };
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct named objects[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		prepare(&objects[i], engine, i + 1, DHP_IMPORTANCE_MEDIUM, 0);
		insert(&objects[i]);
	}
	assert_ok(dhp_dpc_set_importance(&objects[1].dpc, DHP_IMPORTANCE_HIGH));
	finish(engine, &hold);
	assert_order(first, LENGTH(first));
	log_count = 0;
	hold_processor(&hold, engine, 0);
	for (uint32_t i = 0; i < 3; i++)
		insert(&objects[i]);
	finish(engine, &hold);
	assert_order(then, LENGTH(then));
	end_engine(engine);
}

/* S-602: what was never told an importance is Medium, neither in front nor behind. */
static void an_object_without_settings_keeps_its_place_S602(void **state)
{
	static const uint32_t expected[] = { 9, 1, 2, 3 };
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct named before, plain, after, high;

	(void)state;
	prepare(&before, engine, 1, DHP_IMPORTANCE_MEDIUM, 0);
	plain.name = 2;
	assert_ok(dhp_dpc_init(&plain.dpc, engine, note_name, &plain));
	prepare(&after, engine, 3, DHP_IMPORTANCE_MEDIUM, 0);
	prepare(&high, engine, 9, DHP_IMPORTANCE_HIGH, 0);
	insert(&before);
	insert(&plain);
	insert(&after);
	insert(&high);
	finish(engine, &hold);
	assert_order(expected, LENGTH(expected));
	end_engine(engine);
}

/* Whatever its importance, to a queue that does nothing: it needs no second insert to get going. */
static void every_importance_runs_on_an_idle_processor_here_and_elsewhere_S625(void **state)
{
	struct dhp_engine *engine = make_sim_spinning(2, 2, 1);
	struct tick tick;

	(void)state;
	for (uint32_t index = 0; index < 2; index++) {
		for (uint32_t importance = 0; importance <= 3; importance++) {
			tick_init(&tick, engine, index);
			assert_ok(dhp_dpc_set_importance(&tick.dpc, (enum dhp_importance)importance));
			sleep_us(300); /* long enough to fall asleep */
			tick_insert(&tick);
			assert_true(wait_for_count(&tick.runs, 1));
			flush(engine);
			assert_int_equal(peek(&tick.index), index);
		}
	}
	end_engine(engine);
}

/* ---- several inserters: each one's own objects keep their order ---- */

#define INSERTERS 3u
#define EACH 150u

static struct named many[INSERTERS][EACH];

struct inserter {
	struct gate *gate;
	uint32_t row;
	uint64_t refused;
};

static void *insert_row(void *argument)
{
	struct inserter *inserter = argument;

	gate_pass(inserter->gate);
	for (uint32_t i = 0; i < EACH; i++)
		if (dhp_dpc_insert(&many[inserter->row][i].dpc, NULL, NULL) != DHP_OK)
			inserter->refused++;
	return NULL;
}

static void objects_of_one_inserter_keep_their_order_among_many_S629(void **state)
{
	struct hold hold;
	struct dhp_engine *engine = begin(&hold);
	struct inserter inserters[INSERTERS];
	struct helper helpers[INSERTERS];
	uint32_t next[INSERTERS] = { 0 };
	struct gate gate;

	(void)state;
	gate_init(&gate, INSERTERS);
	for (uint32_t row = 0; row < INSERTERS; row++) {
		for (uint32_t i = 0; i < EACH; i++)
			prepare(&many[row][i], engine, row * EACH + i, DHP_IMPORTANCE_MEDIUM, 0);
		inserters[row] = (struct inserter){ .gate = &gate, .row = row };
		helper_start(&helpers[row], insert_row, &inserters[row]);
	}
	for (uint32_t row = 0; row < INSERTERS; row++) {
		helper_join(&helpers[row]);
		assert_int_equal(inserters[row].refused, 0);
	}
	finish(engine, &hold);
	assert_int_equal(log_count, INSERTERS * EACH);
	for (uint32_t i = 0; i < log_count; i++) {
		uint32_t row = log_names[i] / EACH;

		assert_int_equal(log_names[i] % EACH, next[row]);
		next[row]++;
	}
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(high_runs_newest_first_S628),
		cmocka_unit_test(high_stays_newest_first_when_the_inbox_was_emptied_between_S628),
		cmocka_unit_test(medium_high_does_not_overtake_S629),
		cmocka_unit_test(tail_objects_keep_their_order_over_many_batches_S629),
		cmocka_unit_test(tail_objects_keep_their_order_around_a_removal_S629),
		cmocka_unit_test(high_overtakes_a_batch_that_runs_S625),
		cmocka_unit_test(an_importance_set_while_queued_counts_for_the_next_insertion_S626),
		cmocka_unit_test(an_object_without_settings_keeps_its_place_S602),
		cmocka_unit_test(every_importance_runs_on_an_idle_processor_here_and_elsewhere_S625),
		cmocka_unit_test(objects_of_one_inserter_keep_their_order_among_many_S629),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
