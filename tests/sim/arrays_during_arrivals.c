/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays and counters come and go in other threads while processors arrive: each slot is made and unmade once, and an
 * array never lacks the slot of a processor that it can be asked for.
 */
#include "support.h"

#define MAXIMUM 120u
#define MAKERS 3u

struct ledger {
	uint64_t made, unmade, wrong;
};

struct scene {
	struct dhp_engine *engine;
	struct gate gate;
	uint64_t stop, wrong, arrays, refused;
	uint64_t seeds;
};

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct ledger *ledger = context;
	uint64_t *word = slot;

	if (*word != 0)
		(void)bump(&ledger->wrong);
	*word = processor != NULL ? processor->index + 1 : UINT64_MAX;
	(void)bump(&ledger->made);
	return DHP_OK;
}

static void destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	struct ledger *ledger = context;
	uint64_t *word = slot;

	if (*word != (processor != NULL ? processor->index + 1 : UINT64_MAX))
		(void)bump(&ledger->wrong);
	(void)bump(&ledger->unmade);
}

static bool slots_are_right(struct dhp_engine *engine, struct dhp_percpu *array)
{
	uint32_t active = active_count(engine);

	for (uint32_t index = 0; index < active; index++) {
		const uint64_t *slot = dhp_percpu_at(array, index);

		if (slot == NULL || *slot != index + 1)
			return false;
	}
	return *(const uint64_t *)dhp_percpu_fallback(array) == UINT64_MAX;
}

static void make_and_unmake(struct scene *scene, uint64_t *dice)
{
	struct ledger ledger = { .made = 0 };
	const struct dhp_percpu_options options = { .size = sizeof(options),
		.slot_bytes = sizeof(uint64_t),
		.placement = roll(dice) % 2 == 0 ? DHP_PLACE_DENSE : DHP_PLACE_NODE,
		.construct = construct,
		.destruct = destruct,
		.context = &ledger };
	struct dhp_percpu *array = NULL;

	if (dhp_percpu_create(scene->engine, &options, &array) != DHP_OK) {
		(void)bump(&scene->wrong);
		return;
	}
	for (uint64_t looks = roll(dice) % 8; looks > 0; looks--)
		if (!slots_are_right(scene->engine, array))
			(void)bump(&scene->wrong);
	if (dhp_percpu_destroy(array) != DHP_OK || peek(&ledger.made) != peek(&ledger.unmade) || peek(&ledger.wrong) != 0)
		(void)bump(&scene->wrong);
	(void)bump(&scene->arrays);
}

static void count_a_little(struct scene *scene)
{
	struct dhp_counter *counter = NULL;

	if (dhp_counter_create(scene->engine, &counter) != DHP_OK) {
		(void)bump(&scene->wrong);
		return;
	}
	dhp_counter_add(counter, 7);
	dhp_counter_add(counter, 8);
	if (dhp_counter_sum(counter) != 15 || dhp_counter_destroy(counter) != DHP_OK)
		(void)bump(&scene->wrong);
}

static void *keep_making(void *argument)
{
	struct scene *scene = argument;
	uint64_t dice = bump(&scene->seeds) * 31 + 1;

	gate_pass(&scene->gate);
	while (peek(&scene->stop) == 0) {
		make_and_unmake(scene, &dice);
		count_a_little(scene);
	}
	return NULL;
}

static void arrays_come_and_go_while_processors_arrive(void **state)
{
	uint64_t arrays = 0;

	(void)state;
	for (uint64_t round = 0; round < TIMES(5u); round++) {
		const struct sim_setup setup = { .maximum = MAXIMUM, .initial = 1, .gap = 6, .seed = round };
		struct scene scene = { .engine = make_sim(&setup) };
		struct dhp_sim_event events[2 * MAXIMUM];
		struct helper helpers[MAKERS];
		uint32_t count = 0, added = 0;

		gate_init(&scene.gate, MAKERS + 1);
		assert_ok(dhp_sim_script(scene.engine, 50, 6, events, LENGTH(events), &count));
		for (uint32_t i = 0; i < MAKERS; i++)
			helper_start(&helpers[i], keep_making, &scene);
		gate_pass(&scene.gate);
		assert_ok(dhp_sim_play(scene.engine, events, count, &added));
		assert_true(wait_for_count(&scene.arrays, MAKERS + 1));
		poke(&scene.stop, 1);
		for (uint32_t i = 0; i < MAKERS; i++)
			helper_join(&helpers[i]);
		assert_int_equal(added, MAXIMUM - 1);
		assert_true(peek(&scene.wrong) == 0);
		arrays += peek(&scene.arrays);
		end_engine(scene.engine);
	}
	print_message("arrays made and unmade: %llu\n", (unsigned long long)arrays);
	assert_true(arrays > MAKERS);
}

/* ---- a slot's address is the same for a reader during all the growth ---- */

struct watch {
	struct dhp_engine *engine;
	struct dhp_percpu *array;
	struct gate gate;
	uint64_t stop, moved, looks;
};

static void *watch_addresses(void *argument)
{
	struct watch *watch = argument;
	void *known[MAXIMUM] = { NULL };

	gate_pass(&watch->gate);
	while (peek(&watch->stop) == 0) {
		for (uint32_t index = 0; index < MAXIMUM; index++) {
			void *slot = dhp_percpu_at(watch->array, index);

			if (known[index] != NULL && slot != known[index])
				(void)bump(&watch->moved);
			if (slot != NULL && *(uint64_t *)slot != index + 1)
				(void)bump(&watch->moved);
			known[index] = slot;
		}
		(void)bump(&watch->looks);
	}
	return NULL;
}

static void grow_under_readers_that_keep_addresses(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < TIMES(20u); round++) {
		struct ledger ledger = { .made = 0 };
		const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(uint64_t),
			.construct = construct, .destruct = destruct, .context = &ledger };
		const struct sim_setup setup = { .maximum = MAXIMUM, .initial = 1, .gap = 6, .seed = round,
			.flags = DHP_ENGINE_NO_WORKERS };
		struct watch watch = { .engine = make_sim(&setup) };
		struct helper helpers[2];

		gate_init(&watch.gate, 3);
		assert_ok(dhp_percpu_create(watch.engine, &options, &watch.array));
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_start(&helpers[i], watch_addresses, &watch);
		gate_pass(&watch.gate);
		add_positions(watch.engine, 1, MAXIMUM);
		assert_true(wait_for_count(&watch.looks, 1));
		poke(&watch.stop, 1);
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_join(&helpers[i]);
		assert_true(peek(&watch.moved) == 0);
		assert_ok(dhp_percpu_destroy(watch.array));
		end_engine(watch.engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_come_and_go_while_processors_arrive),
		cmocka_unit_test(grow_under_readers_that_keep_addresses),
	};

	return cmocka_run_group_tests_name("arrays_during_arrivals", tests, NULL, NULL);
}
