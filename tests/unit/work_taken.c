/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker has taken from its inbox and not looked into yet is queued like everything else.
 */
#include "work_order.h"

#define COUNT 200u

/* Processor 0 runs the first object of a batch. Of the others some are in the window; the rest was taken. */
struct scene {
	struct dhp_engine *engine;
	struct dhpi_queue *queue;
	struct hold before, first;
	uint64_t insert, inserted; /* the first object's routine inserts ticks[COUNT] when it is told to */
};

static void first_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct scene *scene = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	(void)bump(&scene->first.entered);
	while (peek(&scene->first.released) == 0) {
		if (__atomic_load_n(&scene->insert, __ATOMIC_ACQUIRE) == 1 && peek(&scene->inserted) == 0)
			poke(&scene->inserted, dhp_dpc_insert(batch[COUNT], NULL, NULL) == DHP_OK ? 1 : 2);
		sleep_us(20);
	}
}

/* The first COUNT of the array; batch[0] is the one that keeps the processor. */
static void scene_begin(struct scene *scene, uint32_t processors)
{
	memset(scene, 0, sizeof(*scene));
	scene->engine = make_sim_of(processors, processors);
	scene->queue = dhpi_queue_of_index(scene->engine->work, 0);
	init_all(scene->engine, COUNT + 10, 0);
	assert_ok(dhp_dpc_init(&scene->first.dpc, scene->engine, first_routine, scene));
	assert_ok(dhp_dpc_set_target(&scene->first.dpc, 0));
	batch[0] = &scene->first.dpc;
	hold_processor(&scene->before, scene->engine, 0);
	insert_some(0, COUNT);
	hold_release(&scene->before);
	hold_wait(&scene->first);
	assert_int_equal(peek(&ordered), 0);
	assert_null(at_load_relaxed_ptr(&scene->queue->inbox));
	assert_place(DHPI_BITE - 1, DHPI_PLACE_WINDOW, scene->queue);
	assert_place(DHPI_BITE, DHPI_PLACE_INBOX, scene->queue);
	assert_place(COUNT - 1, DHPI_PLACE_INBOX, scene->queue);
}

static void tell_to_insert(struct scene *scene)
{
	__atomic_store_n(&scene->insert, 1, __ATOMIC_RELEASE);
	assert_true(wait_for_count(&scene->inserted, 1));
	assert_int_equal(peek(&scene->inserted), 1);
}

static bool looks_empty(void *context)
{
	return dhpi_queue_looks_empty(context);
}

/* It is the worker that goes through what is taken: a flush would move it to the lists. */
static void scene_end(struct scene *scene)
{
	hold_release(&scene->first);
	assert_true(wait_until(looks_empty, scene->queue));
	flush(scene->engine);
	end_engine(scene->engine);
}

static void it_runs_before_what_comes_later_S629(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 1);
	tick_insert(&ticks[COUNT]);
	insert_some(COUNT + 1, 9);
	scene_end(&scene);
	assert_ordered_from(1, COUNT + 9);
}

static void a_routines_insert_comes_behind_it_S629(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 1);
	tell_to_insert(&scene);
	assert_place(COUNT, DHPI_PLACE_INBOX, scene.queue);
	scene_end(&scene);
	assert_ordered_from(1, COUNT);
}

static void High_runs_before_it_S628(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 1);
	assert_ok(dhp_dpc_set_importance(batch[COUNT], DHP_IMPORTANCE_HIGH));
	tick_insert(&ticks[COUNT]);
	scene_end(&scene);
	assert_int_equal(peek(&ordered), COUNT);
	assert_int_equal(peek(&order[0]), COUNT);
	for (uint32_t i = 1; i < COUNT; i++)
		assert_int_equal(peek(&order[i]), i);
}

static void any_of_it_can_be_removed_S645_S647(void **state)
{
	static const uint32_t gone[] = { COUNT / 2, DHPI_BITE, DHPI_BITE - 1, 1, COUNT - 1 };
	struct scene scene;

	(void)state;
	for (size_t k = 0; k < LENGTH(gone); k++) {
		scene_begin(&scene, 1);
		assert_ok(dhp_dpc_remove(batch[gone[k]]));
		assert_status(dhp_dpc_remove(batch[gone[k]]), DHP_NOT_QUEUED);
		memset(batch[gone[k]], 0xff, sizeof(struct dhp_dpc)); /* it is its owner's again */
		assert_ok(dhp_dpc_remove(batch[2]));
		tick_insert(&ticks[COUNT]);
		scene_end(&scene);
		assert_int_equal(peek(&ordered), COUNT - 2);
		for (uint32_t i = 1, at = 0; i <= COUNT; i++)
			if (i != gone[k] && i != 2)
				assert_int_equal(peek(&order[at++]), i);
	}
}

struct flusher {
	struct dhp_engine *engine;
	uint64_t over, ran; /* when it was over */
};

static bool last_is_counted(void *context)
{
	(void)context;
	return dhpi_place_kind(place_of(COUNT - 1)) == DHPI_PLACE_PENDING;
}

static void *flush_it(void *argument)
{
	struct flusher *flusher = argument;

	flush(flusher->engine);
	poke(&flusher->ran, peek(&ordered));
	poke(&flusher->over, 1);
	return NULL;
}

static void a_flush_waits_for_it_S648(void **state)
{
	struct flusher flusher = { .over = 0 };
	struct helper helper;
	struct scene scene;

	(void)state;
	scene_begin(&scene, 1);
	flusher.engine = scene.engine;
	helper_start(&helper, flush_it, &flusher);
	assert_true(wait_until(last_is_counted, NULL)); /* so that nothing depends on what the first alone would do */
	assert_int_equal(peek(&flusher.over), 0);
	hold_release(&scene.first);
	helper_join(&helper);
	assert_int_equal(peek(&flusher.ran), COUNT - 1);
	scene_end(&scene);
	assert_ordered_from(1, COUNT - 1);
}

static void it_runs_elsewhere_when_its_processor_goes_S641(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 2);
	assert_ok(dhp_sim_set_usable(scene.engine, dhp_sim_cpu(scene.engine, 0), false));
	assert_true(wait_for_ticks(ticks, COUNT, COUNT - 1)); /* the first is not let go */
	for (uint32_t i = 1; i < COUNT; i++)
		assert_int_equal(peek(&ticks[i].index), 1);
	assert_ordered_from(1, COUNT - 1);
	scene_end(&scene);
}

static void an_engine_that_ends_runs_it(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 2);
	hold_release(&scene.first);
	end_engine(scene.engine);
	assert_ordered_from(1, COUNT - 1);
}

/* They come last, behind more than the worker looks at before a batch; it is held up by the first of all. */
static void nothing_without_target_is_taken_and_left_S620(void **state)
{
	struct dhp_engine *engine = make_sim_of(2, 2);
	struct hold holds[2], first;

	(void)state;
	init_all(engine, COUNT, 0);
	for (uint32_t i = COUNT - 20; i < COUNT; i++)
		init_at(i, engine, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM, false); /* this thread is nowhere: to index 0 */
	hold_init(&first, engine, 0, DHP_IMPORTANCE_MEDIUM);
	batch[0] = &first.dpc;
	for (uint32_t i = 0; i < 2; i++)
		hold_processor(&holds[i], engine, i);
	insert_some(0, COUNT);
	hold_release(&holds[0]);
	hold_wait(&first);
	for (uint32_t i = 1; i < COUNT; i++)
		assert_place(i, DHPI_PLACE_WINDOW, dhpi_queue_of_index(engine->work, 0));
	hold_release(&holds[1]);
	assert_true(wait_for_ticks(&ticks[COUNT - 20], 20, 20));
	assert_int_equal(peek(&ordered), 20);
	hold_release(&first);
	flush(engine);
	assert_int_equal(peek(&ordered), COUNT - 1);
	end_engine(engine);
}

/* Who has run something looks around before it sleeps. */
static void look_around(struct scene *scene, struct tick *other)
{
	uint64_t parks = stats_of(scene->engine, 1).park_count;

	tick_init(other, scene->engine, 1);
	tick_insert(other);
	assert_true(wait_for_ticks(other, 1, 1));
	for (uint64_t looks = 0; stats_of(scene->engine, 1).park_count == parks; looks++) {
		assert_true(looks < 100000);
		sleep_us(100);
	}
}

static void a_thief_leaves_alone_what_it_may_not_have_S620(void **state)
{
	struct scene scene;
	struct tick other;

	(void)state;
	scene_begin(&scene, 2);
	insert_some(COUNT, 10);
	look_around(&scene, &other);
	assert_non_null(at_load_relaxed_ptr(&scene.queue->inbox));
	assert_place(COUNT - 1, DHPI_PLACE_INBOX, scene.queue);
	assert_place(COUNT + 9, DHPI_PLACE_INBOX, scene.queue);
	scene_end(&scene);
	assert_ordered_from(1, COUNT + 9);
}

/* One that it may have, between others: what it meets goes to the lists, and keeps its order. */
static void a_thief_takes_its_share_and_keeps_the_order_S620_S629(void **state)
{
	struct scene scene;
	struct hold second;

	(void)state;
	scene_begin(&scene, 2);
	init_at(COUNT + 4, scene.engine, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM, false); /* this thread is nowhere: to index 0 */
	hold_processor(&second, scene.engine, 1);
	insert_some(COUNT, 10);
	hold_release(&second);
	assert_true(wait_for_ticks(&ticks[COUNT + 4], 1, 1));
	assert_int_equal(peek(&ticks[COUNT + 4].index), 1);
	assert_null(at_load_relaxed_ptr(&scene.queue->inbox));
	assert_place(COUNT + 9, DHPI_PLACE_PENDING, scene.queue);
	assert_place(COUNT - 1, DHPI_PLACE_PENDING, scene.queue);
	scene_end(&scene);
	assert_int_equal(peek(&order[0]), COUNT + 4);
	for (uint32_t i = 1, at = 1; i < COUNT + 10; i++)
		if (i != COUNT + 4)
			assert_int_equal(peek(&order[at++]), i);
}

static void what_is_threaded_waits_for_what_is_taken_S662(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	const uint32_t ordinary = DHPI_BITE, threaded = 2 * DHPI_BITE, count = ordinary + threaded + 1;
	struct hold hold;

	(void)state;
	init_all(engine, count, 0);
	for (uint32_t i = ordinary; i < ordinary + threaded; i++)
		init_at(i, engine, 0, DHP_IMPORTANCE_MEDIUM, true);
	hold_processor(&hold, engine, 0);
	insert_some(0, count);
	hold_release(&hold);
	assert_true(wait_for_ticks(ticks, count, count));
	flush(engine);
	assert_int_equal(peek(&ordered), count);
	for (uint32_t i = 0; i < ordinary; i++)
		assert_int_equal(peek(&order[i]), i);
	assert_int_equal(peek(&order[ordinary]), count - 1);
	for (uint32_t i = 0; i < threaded; i++)
		assert_int_equal(peek(&order[ordinary + 1 + i]), ordinary + i);
	end_engine(engine);
}

/* Of what is taken only a threaded one is left, while others have come. */
static void what_is_threaded_waits_for_what_comes_meanwhile_S662(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	const uint32_t threaded = DHPI_BITE;
	struct hold hold, first;

	(void)state;
	init_all(engine, threaded + 6, 0);
	init_at(threaded, engine, 0, DHP_IMPORTANCE_MEDIUM, true);
	hold_init(&first, engine, 0, DHP_IMPORTANCE_MEDIUM);
	batch[0] = &first.dpc;
	hold_processor(&hold, engine, 0);
	insert_some(0, threaded + 1);
	hold_release(&hold);
	hold_wait(&first);
	insert_some(threaded + 1, 5);
	hold_release(&first);
	assert_true(wait_for_ticks(ticks, threaded + 6, threaded + 5));
	flush(engine);
	for (uint32_t i = 1, at = 0; i < threaded + 6; i++)
		if (i != threaded)
			assert_int_equal(peek(&order[at++]), i);
	assert_int_equal(peek(&order[threaded + 4]), threaded);
	end_engine(engine);
}

/* The Medium one waits on its list for many batches. The High one, behind even more, comes before it. */
static void a_threaded_High_one_among_it_is_the_first_of_these_S632(void **state)
{
	struct dhp_engine *engine = make_sim_of(1, 1);
	const uint32_t count = 700;
	struct hold hold;

	(void)state;
	init_all(engine, count, 0);
	init_at(1, engine, 0, DHP_IMPORTANCE_MEDIUM, true);
	init_at(count - 1, engine, 0, DHP_IMPORTANCE_HIGH, true);
	hold_processor(&hold, engine, 0);
	insert_some(0, count);
	hold_release(&hold);
	assert_true(wait_for_ticks(ticks, count, count));
	flush(engine);
	for (uint32_t i = 0; peek(&order[i]) != count - 1; i++)
		assert_int_not_equal(peek(&order[i]), 1);
	end_engine(engine);
}

/* A routine cannot put into the window what it inserts while something is taken; nor does it wait for all of that. */
static void what_a_routine_inserts_meanwhile_is_stolen_S620(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, 2);
	init_at(COUNT, scene.engine, DHP_NO_INDEX, DHP_IMPORTANCE_MEDIUM, false);
	tell_to_insert(&scene);
	assert_true(wait_for_ticks(&ticks[COUNT], 1, 1)); /* the first is not let go */
	assert_int_equal(peek(&ticks[COUNT].index), 1);
	scene_end(&scene);
	assert_int_equal(peek(&ordered), COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_runs_before_what_comes_later_S629),
		cmocka_unit_test(a_routines_insert_comes_behind_it_S629),
		cmocka_unit_test(High_runs_before_it_S628),
		cmocka_unit_test(any_of_it_can_be_removed_S645_S647),
		cmocka_unit_test(a_flush_waits_for_it_S648),
		cmocka_unit_test(it_runs_elsewhere_when_its_processor_goes_S641),
		cmocka_unit_test(an_engine_that_ends_runs_it),
		cmocka_unit_test(nothing_without_target_is_taken_and_left_S620),
		cmocka_unit_test(a_thief_leaves_alone_what_it_may_not_have_S620),
		cmocka_unit_test(a_thief_takes_its_share_and_keeps_the_order_S620_S629),
		cmocka_unit_test(what_a_routine_inserts_meanwhile_is_stolen_S620),
		cmocka_unit_test(what_is_threaded_waits_for_what_is_taken_S662),
		cmocka_unit_test(what_is_threaded_waits_for_what_comes_meanwhile_S662),
		cmocka_unit_test(a_threaded_High_one_among_it_is_the_first_of_these_S632),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
