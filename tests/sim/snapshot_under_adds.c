/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever looks while processors arrive sees one moment: the masks have as many bits as the count says, the generation is
 * that of this count, and nothing ever goes back. Race stories are repeated with a start gate, so that they overlap.
 */
#include "support.h"

#define MAXIMUM 160u
#define READERS 3u
#define ENOUGH 50u /* changes that readers saw happen */
#define GROUPS 48u

static const uint8_t three_and_five[] = { 3, 5 };

struct scene {
	struct dhp_engine *engine;
	struct gate gate;
	uint64_t stop, torn, changes;
	uint64_t offset; /* generation minus active: constant, since nothing changes but by arrivals */
};

static uint32_t bits_in(const uint64_t *masks)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < GROUPS; i++)
		bits += (uint32_t)__builtin_popcountll(masks[i]);
	return bits;
}

static uint32_t look_once(struct scene *scene, uint32_t last)
{
	uint64_t active[GROUPS] = { 0 }, usable[GROUPS] = { 0 };
	struct dhp_snapshot snapshot = { .masks_capacity = GROUPS, .active_masks = active, .usable_masks = usable };
	const struct dhp_counts *counts = &snapshot.counts;
	struct dhp_counts again = { .generation = 0 };
	struct dhp_processor newest = { .index = DHP_NO_INDEX };
	bool whole = dhp_snapshot_take(scene->engine, &snapshot) == DHP_OK && bits_in(active) == counts->active &&
		     bits_in(usable) == counts->usable && counts->usable == counts->active &&
		     counts->present == counts->active && counts->generation - counts->active == scene->offset &&
		     counts->active >= last && counts->maximum == MAXIMUM;

	whole = whole && dhp_processor_at(scene->engine, counts->active - 1, &newest) == DHP_OK;
	whole = whole && (active[newest.number.group] >> newest.number.number & 1) != 0;
	whole = whole && (dhp_active_mask(scene->engine, newest.number.group) & active[newest.number.group]) ==
				 active[newest.number.group];
	whole = whole && dhp_counts_read(scene->engine, &again) == DHP_OK && again.active >= counts->active &&
		again.generation - again.active == scene->offset;
	if (!whole)
		(void)bump(&scene->torn);
	return counts->active;
}

static void *keep_looking(void *argument)
{
	struct scene *scene = argument;
	uint32_t last = 0;

	gate_pass(&scene->gate);
	while (peek(&scene->stop) == 0) {
		uint32_t active = look_once(scene, last);

		if (active != last)
			(void)bump(&scene->changes);
		last = active;
	}
	return NULL;
}

static void grow_under_readers_S004_S509(void **state)
{
	uint64_t changes = 0;

	(void)state;
	/* On a busy machine more rounds are needed until readers and writer overlapped often enough. */
	for (uint64_t round = 0; round < TIMES(30u) || (changes < ENOUGH && round < 3000); round++) {
		struct sim_setup setup = { .maximum = MAXIMUM, .initial = 1, .group_sizes = three_and_five,
			.group_size_count = 2, .seed = round, .flags = DHP_ENGINE_NO_WORKERS };
		struct scene scene = { .engine = make_sim(&setup) };
		struct helper helpers[READERS];
		struct dhp_counts counts = counts_of(scene.engine);

		scene.offset = counts.generation - counts.active;
		gate_init(&scene.gate, READERS + 1);
		for (uint32_t i = 0; i < READERS; i++)
			helper_start(&helpers[i], keep_looking, &scene);
		gate_pass(&scene.gate);
		/* Odd positions first: masks get gaps, and groups fill in turns. */
		for (uint32_t position = 1; position < MAXIMUM; position += 2)
			add_positions(scene.engine, position, position + 1);
		for (uint32_t position = 2; position < MAXIMUM; position += 2)
			add_positions(scene.engine, position, position + 1);
		poke(&scene.stop, 1);
		for (uint32_t i = 0; i < READERS; i++)
			helper_join(&helpers[i]);
		assert_true(peek(&scene.torn) == 0);
		changes += peek(&scene.changes);
		end_engine(scene.engine);
	}
	print_message("changes seen by readers: %llu\n", (unsigned long long)changes);
	assert_true(changes >= ENOUGH);
}

/* ---- several threads add at once ---- */

struct adders {
	struct dhp_engine *engine;
	struct gate gate;
	uint64_t next, added, there, wrong;
};

static void *keep_adding(void *argument)
{
	struct adders *adders = argument;

	gate_pass(&adders->gate);
	for (;;) {
		/* Two threads are sent to each position: one of them adds, the other is told. */
		uint64_t position = 1 + bump(&adders->next) / 2;
		enum dhp_status status;

		if (position >= MAXIMUM)
			return NULL;
		status = add_position(adders->engine, (uint32_t)position);
		if (status == DHP_OK)
			(void)bump(&adders->added);
		else
			(void)bump(status == DHP_ALREADY_THERE ? &adders->there : &adders->wrong);
	}
}

static void each_processor_arrives_once_whoever_adds_it_S149(void **state)
{
	(void)state;
	for (int round = 0; round < TIMES(10); round++) {
		struct adders adders = { .engine = make_sim_of(MAXIMUM, 1) };
		struct helper helpers[4];

		gate_init(&adders.gate, LENGTH(helpers));
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_start(&helpers[i], keep_adding, &adders);
		for (size_t i = 0; i < LENGTH(helpers); i++)
			helper_join(&helpers[i]);
		assert_true(peek(&adders.added) == MAXIMUM - 1);
		assert_true(peek(&adders.there) == MAXIMUM - 1);
		assert_true(peek(&adders.wrong) == 0);
		assert_int_equal(active_count(adders.engine), MAXIMUM);
		end_engine(adders.engine);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grow_under_readers_S004_S509),
		cmocka_unit_test(each_processor_arrives_once_whoever_adds_it_S149),
	};

	return cmocka_run_group_tests_name("snapshot_under_adds", tests, NULL, NULL);
}
