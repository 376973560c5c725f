/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.c - several objects inserted at once: a chain that is claimed and not pushed yet; and a window that begins anew.
 */
#include "worker.c"

#include "shop.h"

#define ITEMS 4u

enum { RUNS, REMOVALS, INSERTS, ENDED, WORDS };

static struct {
	struct shop *shop;
	struct dhp_dpc *items[ITEMS];
	struct at_u32 *words; /* outlive the items */
	uint32_t order[2 * ITEMS];
	uint32_t parts; /* that end before the worker does */
} press;

static uint32_t count(uint32_t word, uint32_t number)
{
	return at_fetch_add_relaxed_u32(&press.words[word], number); /* relaxed: worlds are sequentially consistent */
}

static uint32_t counted(uint32_t word)
{
	return at_load_relaxed_u32(&press.words[word]); /* relaxed: likewise */
}

/* The context is the item's number, the argument the same for all. */
static void routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc;
	FIBRE_DEMAND(argument_1 == press.words && argument_2 == press.shop);
	press.order[count(RUNS, 1)] = (uint32_t)(uintptr_t)context;
}

static void make(uint32_t item, dhp_dpc_routine *what, uint32_t target)
{
	(void)dhp_dpc_init(press.items[item], &press.shop->engine, what, (void *)(uintptr_t)item);
	(void)dhp_dpc_set_importance(press.items[item], DHP_IMPORTANCE_MEDIUM_HIGH);
	if (target != DHPI_NO_TARGET)
		(void)dhp_dpc_set_target(press.items[item], target);
}

static void open(uint32_t queues, uint32_t target)
{
	press.shop = shop_open(queues);
	press.words = port_alloc(WORDS * sizeof(*press.words));
	press.parts = 0;
	for (uint32_t index = 0; index < queues; index++) {
		fibre_ignore(&press.shop->queues[index]->parks, sizeof(struct at_u64));
		at_init_u64(&press.shop->queues[index]->first_run_ns, 1);
	}
	for (uint32_t i = 0; i < ITEMS; i++) {
		press.items[i] = port_alloc(sizeof(**press.items));
		make(i, routine, target);
	}
}

static void close(void)
{
	FIBRE_DEMAND(dhpi_queue_empty(press.shop->queues[0]));
	FIBRE_DEMAND(counted(RUNS) + counted(REMOVALS) == counted(INSERTS));
	for (uint32_t i = 0; i < ITEMS; i++)
		if (press.items[i] != NULL)
			port_free(press.items[i], sizeof(**press.items));
	port_free(press.words, WORDS * sizeof(*press.words));
	shop_close(press.shop);
}

/* ---- what each does ---- */

static size_t insert_items(uint32_t first, size_t number)
{
	size_t inserted;

	FIBRE_DEMAND(dhp_dpc_insert_batch(&press.items[first], number, press.words, press.shop, &inserted) == DHP_OK);
	(void)count(INSERTS, (uint32_t)inserted);
	return inserted;
}

static void insert_two(void *nothing)
{
	(void)nothing;
	port_cpu_pretend(0);
	(void)insert_items(0, 2);
	(void)count(ENDED, 1);
}

static void insert_four(void *nothing)
{
	(void)nothing;
	FIBRE_DEMAND(insert_items(0, 4) == 4);
}

static void insert_one(uint32_t item)
{
	if (dhp_dpc_insert(press.items[item], press.words, press.shop) == DHP_OK)
		(void)count(INSERTS, 1);
}

static void insert_another(void *nothing)
{
	(void)nothing;
	insert_one(2);
	(void)count(ENDED, 1);
}

static void insert_the_second_too(void *nothing)
{
	(void)nothing;
	insert_one(1);
	(void)count(ENDED, 1);
}

static bool remove_one(uint32_t item)
{
	if (dhp_dpc_remove(press.items[item]) != DHP_OK)
		return false;
	(void)count(REMOVALS, 1);
	return true;
}

static void remove_the_second(void *nothing)
{
	(void)nothing;
	(void)remove_one(1);
	(void)count(ENDED, 1);
}

/* It has been inserted before. */
static void remove_and_free(uint32_t item)
{
	if (remove_one(item)) {
		port_free(press.items[item], sizeof(**press.items));
		press.items[item] = NULL;
	}
	(void)count(ENDED, 1);
}

/* Once in all: by who tried before, or now. */
static void demand_removed(uint32_t item)
{
	uint32_t before = counted(REMOVALS);

	FIBRE_DEMAND(remove_one(item) == (before == 0));
}

static void free_the_second(void *nothing)
{
	(void)nothing;
	remove_and_free(1);
}

static void free_the_third(void *nothing)
{
	(void)nothing;
	remove_and_free(2);
}

static void begin_worker(struct dhpi_queue *queue)
{
	port_self()->worker = queue;
	port_cpu_pretend((int32_t)dhpi_queue_cpu(queue));
}

/* Without its sleep, until the others have ended. */
static void work(void *queue)
{
	begin_worker(queue);
	while (counted(ENDED) < press.parts || !dhpi_queue_empty(queue)) {
		if (dhpi_queue_looks_empty(queue) && dhpi_queue_window_length(queue) == 0)
			port_relax();
		else
			(void)run_batch(queue);
	}
}

/* What is in the window first; then the next comes into its first cell again. */
static void work_to_the_end_and_on(void *queue)
{
	struct port_self *self = port_self();
	struct dhpi_dpc *dpc;

	begin_worker(queue);
	while ((dpc = dhpi_queue_take(queue)) != NULL)
		run(queue, self, dpc);
	work(queue);
}

/* As `work`, when the others are gone. */
static void work_now(void)
{
	press.parts = 0;
	work(press.shop->queues[0]);
	port_self()->worker = NULL;
}

static uint32_t place_of(uint32_t item)
{
	uint32_t at = 0;

	while (at < counted(RUNS) && press.order[at] != item)
		at++;
	return at;
}

/* S-629: of those that have run. */
static void demand_order(uint32_t first, uint32_t second)
{
	if (place_of(second) < counted(RUNS))
		FIBRE_DEMAND(place_of(first) < place_of(second));
}

/* ---- a list that is being made ---- */

static void taken_in_order(void)
{
	open(1, 0);
	press.parts = 1;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "inserter", insert_two, NULL });
	demand_order(0, 1);
	FIBRE_DEMAND(counted(RUNS) == 2);
	close();
}

static void with_another_inserter(void)
{
	open(1, 0);
	press.parts = 2;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "inserter", insert_two, NULL },
		 { "another", insert_another, NULL });
	demand_order(0, 1);
	FIBRE_DEMAND(counted(RUNS) == 3);
	close();
}

static void one_object_twice(void)
{
	open(1, 0);
	TOGETHER({ "inserter", insert_two, NULL }, { "another", insert_the_second_too, NULL });
	FIBRE_DEMAND(counted(INSERTS) == 2);
	work_now();
	close();
}

static void one_object_twice_while_it_runs(void)
{
	open(1, 0);
	press.parts = 2;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "inserter", insert_two, NULL },
		 { "another", insert_the_second_too, NULL });
	close();
}

static void high_ones(void)
{
	open(1, 0);
	for (uint32_t i = 0; i < 2; i++)
		(void)dhp_dpc_set_importance(press.items[i], DHP_IMPORTANCE_HIGH);
	press.parts = 1;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "inserter", insert_two, NULL });
	demand_order(1, 0);
	FIBRE_DEMAND(counted(RUNS) == 2);
	close();
}

/* ---- removal ---- */

/* Not pushed yet: that insert has not returned. */
static void removed_meanwhile(void)
{
	open(1, 0);
	TOGETHER({ "inserter", insert_two, NULL }, { "remover", remove_the_second, NULL });
	demand_removed(1);
	work_now();
	FIBRE_DEMAND(counted(RUNS) == 1);
	close();
}

static void run_or_freed(void)
{
	open(1, 0);
	insert_two(NULL);
	press.parts = 2;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "remover", free_the_second, NULL });
	close();
}

static void run_or_removed_meanwhile(void)
{
	open(1, 0);
	press.parts = 2;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "inserter", insert_two, NULL },
		 { "remover", remove_the_second, NULL });
	close();
}

/* ---- sleep ---- */

static void work_and_sleep(void *queue)
{
	begin_worker(queue);
	while (counted(RUNS) < press.parts) {
		if (run_batch(queue))
			continue;
		sleep_until_woken(queue);
		port_yield(); /* it may have been kept awake by who holds its lock */
	}
}

static void worker_parks(void)
{
	open(1, 0);
	press.parts = 2;
	TOGETHER({ "worker", work_and_sleep, press.shop->queues[0] }, { "inserter", insert_two, NULL });
	close();
}

/* S-630: so many do not wait for a tick, and there is none. */
static void worker_parks_with_low_ones(void)
{
	open(1, 0);
	for (uint32_t i = 0; i < ITEMS; i++)
		(void)dhp_dpc_set_importance(press.items[i], DHP_IMPORTANCE_LOW);
	press.parts = ITEMS;
	TOGETHER({ "worker", work_and_sleep, press.shop->queues[0] }, { "inserter", insert_four, NULL });
	close();
}

/* ---- a processor that does not come up ---- */

/* Offered, and not in the active set. */
static void open_with_second(void)
{
	open(1, 0);
	shop_add_row(press.shop, 1);
	dhpi_work_prepare(&press.shop->work, &press.shop->rows[1]);
	press.shop->queues[1] = dhpi_queue_of_index(&press.shop->work, 1);
	fibre_ignore(press.shop->queues[1]->recent, sizeof(press.shop->queues[1]->recent));
	for (uint32_t i = 0; i < 2; i++)
		FIBRE_DEMAND(dhp_dpc_set_target(press.items[i], 1) == DHP_OK);
}

static void close_second(void *nothing)
{
	(void)nothing;
	dhpi_queue_close(press.shop->queues[1], press.shop->queues[0]);
}

static void queue_closes(void)
{
	open_with_second();
	TOGETHER({ "inserter", insert_two, NULL }, { "closer", close_second, NULL });
	work_now();
	demand_order(0, 1);
	FIBRE_DEMAND(counted(RUNS) == 2);
	close();
}

static void queue_closes_for_a_worker_that_parks(void)
{
	open_with_second();
	press.parts = 2;
	TOGETHER({ "worker", work_and_sleep, press.shop->queues[0] }, { "inserter", insert_two, NULL },
		 { "closer", close_second, NULL });
	demand_order(0, 1);
	close();
}

/* Wherever the list has gone, each object of it is there. */
static void removed_when_its_queue_closed(void)
{
	open_with_second();
	TOGETHER({ "inserter", insert_two, NULL }, { "closer", close_second, NULL });
	FIBRE_DEMAND(remove_one(0) && remove_one(1));
	close();
}

static void removed_while_its_queue_closes(void)
{
	open_with_second();
	TOGETHER({ "inserter", insert_two, NULL }, { "closer", close_second, NULL }, { "remover", remove_the_second, NULL });
	demand_removed(1);
	work_now();
	FIBRE_DEMAND(counted(RUNS) == 1);
	close();
}

/* ---- from a routine ---- */

static void inserts_two(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	routine(dpc, context, argument_1, argument_2);
	(void)insert_items(0, 2);
}

static void open_with_routine(uint32_t target)
{
	open(1, target);
	make(3, inserts_two, 0);
	insert_one(3);
	press.parts = 1;
}

static void routine_while_another_inserts(void)
{
	open_with_routine(0);
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "another", insert_another, NULL });
	demand_order(0, 1);
	FIBRE_DEMAND(counted(RUNS) == 4);
	close();
}

/* The first finds the inbox used, and the way into the window is open again for the second (I2). */
static void routine_while_another_removes(void)
{
	open_with_routine(0);
	(void)dhpi_queue_refill(press.shop->queues[0]);
	insert_one(2);
	TOGETHER({ "worker", work_to_the_end_and_on, press.shop->queues[0] }, { "remover", free_the_third, NULL });
	demand_order(0, 1);
	close();
}

static void routine_interrupted(void)
{
	uint32_t worker, handler;

	open_with_routine(DHPI_NO_TARGET);
	worker = fibre_start(work, press.shop->queues[0], "worker");
	handler = fibre_start_handler(insert_another, NULL, "handler", worker);
	fibre_join(worker);
	fibre_join(handler);
	demand_order(0, 1);
	FIBRE_DEMAND(counted(RUNS) == 4);
	close();
}

/* ---- a window that begins anew ---- */

static void open_with_window(uint32_t queues, uint32_t target)
{
	open(queues, target);
	insert_two(NULL);
	(void)dhpi_queue_refill(press.shop->queues[0]);
	insert_one(2);
	press.parts = 2;
}

static void removed_from_behind(void)
{
	open_with_window(1, 0);
	TOGETHER({ "worker", work_to_the_end_and_on, press.shop->queues[0] }, { "remover", free_the_second, NULL });
	close();
}

static void removed_from_the_beginning(void)
{
	open_with_window(1, 0);
	TOGETHER({ "worker", work_to_the_end_and_on, press.shop->queues[0] }, { "remover", free_the_third, NULL });
	close();
}

/* In the cell where it was before. */
static void insert_the_first_again(void *nothing)
{
	(void)nothing;
	insert_one(0);
	(void)count(ENDED, 1);
}

static void remove_the_first(void *nothing)
{
	(void)nothing;
	(void)remove_one(0);
	(void)count(ENDED, 1);
}

static void removed_where_it_was_before(void)
{
	open(1, 0);
	insert_one(0);
	(void)dhpi_queue_refill(press.shop->queues[0]);
	press.parts = 2;
	TOGETHER({ "worker", work, press.shop->queues[0] }, { "inserter", insert_the_first_again, NULL },
		 { "remover", remove_the_first, NULL });
	close();
}

/* What it took it runs, when the worker has ended. */
static void steal_once(void *queue)
{
	(void)dhpi_queue_steal(queue, press.shop->queues[0]);
	(void)count(ENDED, 1);
}

static void run_stolen(void)
{
	begin_worker(press.shop->queues[1]);
	while (run_batch(press.shop->queues[1]))
		continue;
	port_self()->worker = NULL;
}

static void stolen_from(void)
{
	open_with_window(2, DHPI_NO_TARGET);
	TOGETHER({ "worker", work_to_the_end_and_on, press.shop->queues[0] }, { "thief", steal_once, press.shop->queues[1] });
	run_stolen();
	FIBRE_DEMAND(counted(RUNS) == 3);
	close();
}

static void stolen_or_removed(void)
{
	open_with_window(2, DHPI_NO_TARGET);
	press.parts = 3;
	TOGETHER({ "worker", work_to_the_end_and_on, press.shop->queues[0] }, { "thief", steal_once, press.shop->queues[1] },
		 { "remover", free_the_third, NULL });
	run_stolen();
	close();
}

const struct world worlds[] = {
	{ .name = "a_batch_is_taken_in_order", .run = taken_in_order },
	{ .name = "another_inserter_does_not_part_a_batch", .run = with_another_inserter,
	  .runs = 700, .long_runs = 130000 },
	{ .name = "one_object_of_a_batch_is_queued_once", .run = one_object_twice },
	{ .name = "one_object_of_a_batch_runs_and_is_queued_again", .run = one_object_twice_while_it_runs,
	  .runs = 700, .long_runs = 60000 },
	{ .name = "high_ones_run_newest_first", .run = high_ones },
	{ .name = "one_of_a_batch_that_is_being_inserted_is_removed_or_not", .run = removed_meanwhile },
	{ .name = "one_of_a_batch_is_run_or_removed_and_freed", .run = run_or_freed },
	{ .name = "one_of_a_batch_is_run_or_removed_meanwhile", .run = run_or_removed_meanwhile,
	  .runs = 700, .long_runs = 130000 },
	{ .name = "a_worker_that_falls_asleep_hears_a_batch", .run = worker_parks },
	{ .name = "a_worker_that_falls_asleep_hears_four_low_ones", .run = worker_parks_with_low_ones },
	{ .name = "a_batch_meets_the_end_of_its_queue", .run = queue_closes },
	{ .name = "a_worker_that_falls_asleep_hears_what_went_elsewhere", .run = queue_closes_for_a_worker_that_parks,
	  .runs = 700, .long_runs = 20000 },
	{ .name = "what_went_elsewhere_is_found_there", .run = removed_when_its_queue_closed },
	{ .name = "what_goes_elsewhere_is_removed_or_not", .run = removed_while_its_queue_closes },
	{ .name = "a_routine_inserts_a_batch_while_another_inserts", .run = routine_while_another_inserts },
	{ .name = "a_routine_inserts_a_batch_in_order_while_another_removes", .run = routine_while_another_removes },
	{ .name = "a_routine_that_inserts_a_batch_is_interrupted", .run = routine_interrupted },
	{ .name = "what_is_removed_was_behind_where_the_window_begins", .run = removed_from_behind },
	{ .name = "what_is_removed_is_where_the_window_begins", .run = removed_from_the_beginning },
	{ .name = "what_is_removed_is_where_it_was_before", .run = removed_where_it_was_before,
	  .runs = 700, .long_runs = 60000 },
	{ .name = "a_thief_takes_while_the_window_begins_anew", .run = stolen_from },
	{ .name = "a_thief_and_a_remover_take_while_it_begins_anew", .run = stolen_or_removed,
	  .runs = 700, .long_runs = 100000 },
	{ .name = NULL },
};
