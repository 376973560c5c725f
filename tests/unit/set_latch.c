/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The set by itself: one writer, several readers, and no picture that mixes two moments (S-509).
 */
#include "support.h"

#include "set.h"

#define MAXIMUM 2000u
#define GROUPS 32u
#define READERS 3u
#define MEETING 100u /* arrivals after which the writer waits for the readers */

struct scene {
	struct dhpi_set set;
	struct gate gate;
	uint64_t stop, torn, changes_seen;
	uint64_t pictures[READERS]; /* that each has finished */
	uint64_t readers;
	bool fixed_relation; /* every change was an arrival: generation == active */
};

static void init_set(struct dhpi_set *set)
{
	memset(set, 0, sizeof(*set));
	assert_ok(dhpi_set_init(set, MAXIMUM, GROUPS, MAXIMUM * 2));
}

static struct dhp_processor row_of(uint32_t index)
{
	/* Spread over the groups, so that each arrival touches another word. */
	return (struct dhp_processor){
		.index = index,
		.cpu = index * 2 + 1,
		.number = { .group = (uint16_t)(index % GROUPS), .number = (uint8_t)(index / GROUPS) },
		.node = index % 4,
	};
}

static void arrive(struct dhpi_set *set, uint32_t index)
{
	const struct dhp_processor row = row_of(index);

	dhpi_set_offer(set, &row);
	dhpi_set_publish(set, true);
	dhpi_set_announce(set, row.cpu);
}

static uint32_t bits_in(const uint64_t *masks)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < GROUPS; i++)
		bits += (uint32_t)__builtin_popcountll(masks[i]);
	return bits;
}

static bool picture_is_whole(struct scene *scene, uint64_t *generation)
{
	uint64_t active[GROUPS], usable[GROUPS];
	struct dhp_snapshot snapshot = { .masks_capacity = GROUPS, .active_masks = active, .usable_masks = usable };
	const struct dhp_counts *counts = &snapshot.counts;
	bool monotonic;

	if (dhpi_set_snapshot(&scene->set, &snapshot) != DHP_OK)
		return false;
	monotonic = counts->generation >= *generation;
	*generation = counts->generation;
	return monotonic && bits_in(active) == counts->active && bits_in(usable) == counts->usable &&
	       counts->present == counts->active && (!scene->fixed_relation || counts->generation == counts->active) &&
	       counts->groups_active == (counts->active < GROUPS ? counts->active : GROUPS);
}

/* Whoever reads active = n finds rows 0 to n-1 complete, and the mappings back. */
static bool newest_row_is_whole(struct scene *scene)
{
	struct dhp_counts counts;
	const struct dhp_processor *row;
	struct dhp_processor expected;

	dhpi_set_counts(&scene->set, &counts);
	if (counts.active == 0)
		return true;
	row = dhpi_set_row(&scene->set, counts.active - 1);
	expected = row_of(counts.active - 1);
	return row != NULL && row->cpu == expected.cpu && row->node == expected.node &&
	       dhpi_set_index_of_cpu(&scene->set, row->cpu) == row->index &&
	       dhpi_set_index_of_number(&scene->set, row->number) == row->index &&
	       (dhpi_set_active_mask(&scene->set, row->number.group) >> row->number.number & 1) != 0;
}

static void *look(void *argument)
{
	struct scene *scene = argument;
	uint64_t generation = 0, last = 0, changes = 0, *pictures = &scene->pictures[bump(&scene->readers)];

	gate_pass(&scene->gate);
	do {
		if (!picture_is_whole(scene, &generation) || !newest_row_is_whole(scene))
			(void)bump(&scene->torn);
		changes += generation != last;
		last = generation;
		poke(pictures, peek(pictures) + 1);
	} while (peek(&scene->stop) == 0);
	(void)__atomic_fetch_add(&scene->changes_seen, changes, __ATOMIC_RELAXED);
	return NULL;
}

static void start_looking(struct scene *scene, struct helper *helpers)
{
	init_set(&scene->set);
	gate_init(&scene->gate, READERS + 1);
	for (uint32_t i = 0; i < READERS; i++)
		helper_start(&helpers[i], look, scene);
	gate_pass(&scene->gate);
}

static void stop_looking(struct scene *scene, struct helper *helpers)
{
	poke(&scene->stop, 1);
	for (uint32_t i = 0; i < READERS; i++)
		helper_join(&helpers[i]);
	assert_true(peek(&scene->torn) == 0);
	for (uint32_t i = 0; i < READERS; i++)
		assert_true(peek(&scene->pictures[i]) > 0);
	dhpi_set_fini(&scene->set);
}

/* Each has begun and ended a picture since: it shows what was published before. */
static void meet_readers(struct scene *scene)
{
	for (uint32_t i = 0; i < READERS; i++)
		assert_true(wait_for_count(&scene->pictures[i], peek(&scene->pictures[i]) + 2));
}

static void pictures_are_whole_while_processors_arrive_S509(void **state)
{
	struct budget budget = budget_begin();
	uint64_t changes = 0, meetings = 0;

	(void)state;
	for (uint32_t round = 0; round < TIMES(30) && (round == 0 || budget_left(&budget)); round++) {
		struct scene scene = { .fixed_relation = true };
		struct helper helpers[READERS];

		start_looking(&scene, helpers);
		for (uint32_t index = 0; index < MAXIMUM; index++) {
			arrive(&scene.set, index);
			if (index % MEETING == 0) {
				meet_readers(&scene);
				meetings++;
			}
		}
		stop_looking(&scene, helpers);
		changes += peek(&scene.changes_seen);
	}
	print_message("changes seen by readers: %llu\n", (unsigned long long)changes);
	assert_true(changes >= meetings * READERS);
}

static void pictures_are_whole_while_usable_changes_S509(void **state)
{
	struct scene scene = { .fixed_relation = false };
	struct helper helpers[READERS];
	uint64_t dice = 3;

	(void)state;
	start_looking(&scene, helpers);
	for (uint32_t index = 0; index < 500; index++)
		arrive(&scene.set, index);
	for (uint32_t i = 0; i < TIMES(2000000u); i++)
		(void)dhpi_set_usable(&scene.set, (uint32_t)(roll(&dice) % 500), (roll(&dice) & 1) != 0);
	stop_looking(&scene, helpers);
}

static void offer_is_taken_back_without_a_trace_S154_S175(void **state)
{
	struct dhpi_set set;
	struct dhp_counts before, after;
	struct dhp_processor copy;

	(void)state;
	init_set(&set);
	arrive(&set, 0);
	dhpi_set_counts(&set, &before);
	for (uint32_t attempt = 0; attempt < 10; attempt++) {
		struct dhp_processor row = row_of(1);

		row.cpu = 100 + attempt; /* another processor each time */
		dhpi_set_offer(&set, &row);
		assert_true(dhpi_set_offering(&set));
		assert_true(dhpi_set_read(&set, 1, &copy));
		assert_memory_equal(&copy, &row, sizeof(row));
		assert_false(dhpi_set_read(&set, 2, &copy));
		assert_null(dhpi_set_row(&set, 1));
		assert_int_equal(dhpi_set_index_of_cpu(&set, row.cpu), 1);
		assert_int_equal(dhpi_set_index_of_number(&set, row.number), 1);
		assert_int_equal(dhpi_set_active(&set), 1);
		dhpi_set_withdraw(&set);
		assert_false(dhpi_set_offering(&set));
		assert_false(dhpi_set_read(&set, 1, &copy));
		assert_int_equal(dhpi_set_index_of_cpu(&set, row.cpu), DHP_NO_INDEX);
		assert_int_equal(dhpi_set_index_of_number(&set, row.number), DHP_NO_INDEX);
	}
	dhpi_set_counts(&set, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	dhpi_set_fini(&set);
}

static void change_that_changes_nothing_leaves_the_generation(void **state)
{
	struct dhpi_set set;
	struct dhp_counts counts;

	(void)state;
	init_set(&set);
	arrive(&set, 0);
	arrive(&set, 1);
	dhpi_set_usable(&set, 1, true);
	dhpi_set_platform(&set, 2, 2, 0);
	dhpi_set_counts(&set, &counts);
	assert_true(counts.generation == 2);
	dhpi_set_usable(&set, 1, false);
	dhpi_set_platform(&set, 5, 5, 0);
	dhpi_set_counts(&set, &counts);
	assert_true(counts.generation == 4);
	assert_int_equal(counts.usable, 1);
	assert_int_equal(counts.active, 2);
	assert_int_equal(counts.present, 5);
	assert_true(dhpi_set_active_mask(&set, 1) == 1);
	dhpi_set_fini(&set);
}

static void check_platform(const struct dhpi_set *set, uint64_t generation, uint32_t present, uint32_t online, uint32_t quota)
{
	struct dhp_counts counts;

	dhpi_set_counts(set, &counts);
	assert_true(counts.generation == generation);
	assert_int_equal(counts.present, present);
	assert_int_equal(counts.online, online);
	assert_int_equal(counts.quota, quota);
}

static void each_count_of_the_platform_is_a_change(void **state)
{
	struct dhpi_set set;

	(void)state;
	init_set(&set);
	arrive(&set, 0);
	arrive(&set, 1);
	check_platform(&set, 2, 2, 2, 0);
	dhpi_set_platform(&set, 9, 5, 0);
	check_platform(&set, 3, 9, 5, 0);
	dhpi_set_platform(&set, 9, 6, 0);
	check_platform(&set, 4, 9, 6, 0);
	dhpi_set_platform(&set, 9, 6, 3);
	check_platform(&set, 5, 9, 6, 3);
	dhpi_set_platform(&set, 9, 6, 3);
	check_platform(&set, 5, 9, 6, 3);
	dhpi_set_platform(&set, 9, 6, 0);
	check_platform(&set, 6, 9, 6, 0);
	dhpi_set_fini(&set);
}

/* What is usable is online, what is active or online is present, whatever the platform says. */
static void counts_of_the_platform_never_contradict_the_set(void **state)
{
	struct dhpi_set set;

	(void)state;
	init_set(&set);
	arrive(&set, 0);
	arrive(&set, 1);
	dhpi_set_platform(&set, 0, 0, 0);
	check_platform(&set, 2, 2, 2, 0);
	dhpi_set_usable(&set, 1, false);
	dhpi_set_platform(&set, 0, 0, 0);
	check_platform(&set, 4, 2, 1, 0);
	dhpi_set_usable(&set, 1, true);
	check_platform(&set, 5, 2, 2, 0);
	dhpi_set_platform(&set, 0, 7, 0);
	check_platform(&set, 6, 7, 7, 0);
	arrive(&set, 2);
	check_platform(&set, 7, 7, 7, 0);
	dhpi_set_fini(&set);
}

static void wiring_that_becomes_known_stands_in_every_copy(void **state)
{
	struct dhpi_set set;
	struct dhp_processor row = row_of(0), copy, now;

	(void)state;
	init_set(&set);
	row.package = 3;
	row.core = row.thread = DHP_UNKNOWN;
	dhpi_set_offer(&set, &row);
	dhpi_set_publish(&set, true);
	dhpi_set_announce(&set, row.cpu);
	assert_true(dhpi_set_read(&set, 0, &copy));
	assert_int_equal(copy.core, DHP_UNKNOWN);
	now = row;
	now.package = 9;
	now.core = 0;
	dhpi_set_wired(&set, &now);
	assert_true(dhpi_set_read(&set, 0, &copy));
	assert_int_equal(copy.package, 3); /* was known */
	assert_int_equal(copy.core, 0);
	assert_int_equal(copy.thread, DHP_UNKNOWN);
	check_platform(&set, 2, 1, 1, 0);
	now.thread = 1;
	dhpi_set_wired(&set, &now);
	assert_true(dhpi_set_read(&set, 0, &copy));
	assert_int_equal(copy.thread, 1);
	assert_memory_equal(&dhpi_set_row(&set, 0)->core, &row.core, sizeof(row.core)); /* I1: the row itself stays */
	dhpi_set_fini(&set);
}

/* Not usable from the start: counted as active only. */
static void arrival_may_be_unusable(void **state)
{
	struct dhpi_set set;
	struct dhp_counts counts;
	const struct dhp_processor row = row_of(0);

	(void)state;
	init_set(&set);
	dhpi_set_offer(&set, &row);
	dhpi_set_publish(&set, false);
	dhpi_set_announce(&set, row.cpu);
	dhpi_set_counts(&set, &counts);
	assert_int_equal(counts.active, 1);
	assert_int_equal(counts.usable, 0);
	dhpi_set_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_are_whole_while_processors_arrive_S509),
		cmocka_unit_test(pictures_are_whole_while_usable_changes_S509),
		cmocka_unit_test(offer_is_taken_back_without_a_trace_S154_S175),
		cmocka_unit_test(change_that_changes_nothing_leaves_the_generation),
		cmocka_unit_test(each_count_of_the_platform_is_a_change),
		cmocka_unit_test(counts_of_the_platform_never_contradict_the_set),
		cmocka_unit_test(wiring_that_becomes_known_stands_in_every_copy),
		cmocka_unit_test(arrival_may_be_unusable),
	};

	return cmocka_run_group_tests_name("set_latch", tests, NULL, NULL);
}
