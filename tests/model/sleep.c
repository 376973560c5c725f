/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sleep.c - one look at a time: who brings something, and who is about to sleep, to end a search or to end a tick.
 *
 * Each world begins where two of them meet: others sleep already, run a long routine, or search. So a few hundred executions
 * notice what the worlds of queue.c need many thousands for.
 *
 * Edges: worker-sleep thief-sleep work-tick queue-ready
 * Sources: work/queue.c work/dpc.c work/insert.c work/flush.c work/work.c work/timers.c base/heap.c sync/epoch.c
 */
#include "queue_world.h"

#define SEARCH_IS_ON 1
#define TICK_ASKED_AND_TOLD 3 /* of timers.c */

/* ---- where the worlds begin ---- */

/* A processor that runs a long routine: nobody takes what is pushed there but thieves. */
static void make_busy(uint32_t index)
{
	at_init_u32(&queue_at(index)->busy, 1);
}

/* A worker that sleeps, as fall_asleep leaves it; its thread is sleep_then_work. */
static void make_sleeper(uint32_t index)
{
	queue_at(index)->asleep.value = DHPI_ASLEEP;
	ck_bitmap_set(world->work.idle, index);
	world->work.idle_count.value++;
}

static void make_search(void)
{
	at_init_u32(&world->work.searching, SEARCH_IS_ON);
}

static void make_movable(uint32_t number, dhp_dpc_routine *run)
{
	make_object(number, run, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void push_before(uint32_t number, int32_t cpu)
{
	port_cpu_pretend(cpu);
	insert(number, 1);
	port_cpu_pretend(-1);
}

/* ---- what threads do ---- */

static void sleep_then_work(uint32_t index)
{
	struct dhpi_queue *queue = be_worker(index);

	port_event_wait(&queue->event, 0, 0);
	dhpi_reader_online(queue->reader);
	wake_up(queue, true);
	work_online(queue);
}

/* The same when its sleep has ended, and it has not taken back its word. */
static void wakes_1(void)
{
	struct dhpi_queue *queue = be_worker(1);

	dhpi_reader_online(queue->reader);
	wake_up(queue, true);
	work_online(queue);
}

static void sleeping_0(void)
{
	sleep_then_work(0);
}

static void sleeping_1(void)
{
	sleep_then_work(1);
}

static void sleeping_2(void)
{
	sleep_then_work(2);
}

/* A worker that has looked everywhere, and looks once more. */
static void fall_asleep_then_work(uint32_t index)
{
	struct dhpi_queue *queue = be_worker(index);

	dhpi_reader_online(queue->reader);
	sleep_until_woken(queue);
	work_online(queue);
}

static void falls_asleep_1(void)
{
	fall_asleep_then_work(1);
}

static void falls_asleep_2(void)
{
	fall_asleep_then_work(2);
}

static void push_at_0(void)
{
	port_cpu_pretend(0);
	insert_and_wait(0, 1);
	stop(3);
}

static void push_at_1(void)
{
	port_cpu_pretend(1);
	insert_and_wait(0, 1);
	stop(3);
}

/* The first processor's worker has found something: its search is over, and a long routine follows. */
static void share_at_1(void)
{
	share(queue_at(1));
}

/* ---- a push, and a thief that falls asleep ---- */

static void busy_and_movable(void)
{
	make_processors(2);
	make_busy(0);
	make_movable(0, routine);
}

static void push_or_thief(void)
{
	port_cpu_pretend(0);
	insert_and_wait(0, 1);
	stop(2);
}

/* The same from a routine: the first object is its processor's own, the second is in reach of thieves. */
static void busy_with_its_own(void)
{
	busy_and_movable();
	make_movable(1, routine);
	make_object(0, routine, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void put_two(void)
{
	(void)be_worker(0);
	insert(0, 1);
	insert(1, 1);
	wait_for(world->objects[1]);
	stop(2);
}

/* The same for a batch: the first waits in its routine for the second. */
static void waits_for_the_second(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	routine(dpc, context, argument_1, argument_2);
	wait_for(world->objects[1]);
}

static void batch_of_two(void)
{
	make_processors(2);
	make_object(0, waits_for_the_second, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	make_movable(1, routine);
	push_before(0, 0);
	push_before(1, 0);
}

static void run_the_batch(void)
{
	(void)run_batch(be_worker(0));
	wait_for(world->objects[1]);
	stop(2);
}

/* A thief leaves what it does not take on the lists of its victim, which runs a long routine. */
static void two_in_an_inbox(void)
{
	make_processors(3);
	make_movable(0, waits_for_the_second);
	make_movable(1, routine);
	push_before(0, 0);
	push_before(1, 0);
	make_busy(0);
}

static void wait_for_two(void)
{
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(3);
}

/* ---- a push that relies on a search, and its end ---- */

static void search_and_sleeper(void)
{
	make_processors(3);
	make_movable(0, routine);
	make_busy(0);
	make_busy(1);
	make_search();
	make_sleeper(2);
}

/* The object comes to light by a removal of another. */
static void search_and_two_in_an_inbox(void)
{
	make_processors(3);
	make_movable(0, routine);
	make_object(1, routine, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	push_before(0, 0);
	push_before(1, 0);
	make_busy(0);
	make_busy(1);
	make_search();
	make_sleeper(2);
}

static void remove_and_wait(void)
{
	(void)dhp_dpc_remove(&world->objects[1]->dpc);
	wait_for(world->objects[0]);
	stop(3);
}

/*
 * Two that have woken are still counted: who wakes a thief looks at them and finds nobody. Another who pushes relies on it, and
 * a worker falls asleep.
 */
static void two_are_counted(void)
{
	make_processors(3);
	make_busy(0);
	make_movable(0, routine);
	make_sleeper(0);
	make_sleeper(2);
	queue_at(0)->asleep.value = 0;
	queue_at(2)->asleep.value = 0;
}

static void look_for_a_thief(void)
{
	dhpi_worker_wake_thief(&world->work);
}

/* ---- a thief ends the search that it was woken for, before a long routine ---- */

static void two_sleepers(void)
{
	make_processors(3);
	make_movable(0, waits_for_the_second);
	make_movable(1, routine);
	make_busy(0);
	make_sleeper(1);
	make_sleeper(2);
}

static void push_two(void)
{
	port_cpu_pretend(0);
	insert(0, 1);
	insert(1, 1);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(3);
}

/* It is woken by two at a time, one of which does not search. */
static void two_sleepers_and_an_object(void)
{
	make_processors(3);
	make_movable(0, waits_for_the_second);
	make_movable(1, routine);
	push_before(0, 0);
	make_busy(0);
	make_sleeper(1);
	make_sleeper(2);
}

static void wake_the_first(void)
{
	dhpi_worker_wake(queue_at(1));
}

static void look_for_a_thief_and_push(void)
{
	dhpi_worker_wake_thief(&world->work);
	port_cpu_pretend(0);
	insert(1, 1);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(3);
}

/* ---- a processor comes back while its worker falls asleep ---- */

static void away_and_one_waits_elsewhere(void)
{
	make_processors(2);
	make_movable(0, routine);
	push_before(0, 1);
	make_busy(1);
	at_init_u32(&queue_at(0)->away, 1);
}

static void is_usable_again(void)
{
	dhpi_work_usable(&world->work, 0, true);
	wait_for(world->objects[0]);
	stop(2);
}

/* ---- a queue closes, and what it held goes to another, whose worker falls asleep ---- */

static void closes_with_one(void)
{
	make_processors(1);
	world->rows[1] = (struct dhp_processor){ .index = 1, .cpu = 1 };
	at_init_u32(&world->set.active, 2);
	make_object(0, routine, 1, DHP_IMPORTANCE_MEDIUM_HIGH);
	at_init_u32(&world->set.active, 1);
	dhpi_work_prepare(&world->work, &world->rows[1]);
	insert(0, 1);
}

static void close_and_wait(void)
{
	dhpi_work_unprepare(&world->work, &world->rows[1]);
	wait_for(world->objects[0]);
	stop(1);
}

/* ---- an insert that has found a queue by its index reads the queue's fields ---- */

static void second_is_to_come(void)
{
	make_processors(1);
	world->rows[1] = (struct dhp_processor){ .index = 1, .cpu = 1 };
	at_init_u32(&world->set.active, 2);
	make_object(0, routine, 1, DHP_IMPORTANCE_MEDIUM_HIGH);
	at_init_u32(&world->set.active, 1);
}

static void come_and_go_away(void)
{
	dhpi_work_prepare(&world->work, &world->rows[1]);
	at_store_release_u32(&world->set.active, 2);
	dhpi_work_usable(&world->work, 1, false);
}

static void insert_there(void)
{
	insert(0, 1);
}

/* ---- a tick ends, and somebody relies on it ---- */

static void tick_is_over(void)
{
	make_processors(1);
	(void)dhp_dpc_set_importance(&world->objects[0]->dpc, DHP_IMPORTANCE_LOW);
	make_sleeper(0);
	world->work.timers.thread.started = true;
	world->work.timers.tick_due_ns = 1;
	at_init_u32(&world->work.timers.tick_wanted, TICK_ASKED_AND_TOLD);
}

static void insert_low(void)
{
	insert_and_wait(0, 1);
	stop(1);
	dhpi_timers_stop(&world->work.timers);
}

const struct model_world model_worlds[] = {
	{ "push_or_thief", busy_and_movable, { push_or_thief, falls_asleep_1 }, NULL, 1 },
	{ "put_or_thief", busy_with_its_own, { put_two, falls_asleep_1 }, NULL, 1 },
	{ "batch_or_thief", batch_of_two, { run_the_batch, falls_asleep_1 }, NULL, 1 },
	{ "left_by_a_thief", two_in_an_inbox, { wait_for_two, work_1, falls_asleep_2 }, NULL, 1 },
	{ "end_of_a_search", search_and_sleeper, { push_at_0, share_at_1, sleeping_2 }, NULL, 1 },
	{ "left_in_its_own_inbox", search_and_sleeper, { push_at_1, share_at_1, sleeping_2 }, NULL, 1 },
	{ "came_to_light", search_and_two_in_an_inbox, { remove_and_wait, share_at_1, sleeping_2 }, NULL, 3 },
	{ "nobody_was_found", two_are_counted, { push_or_thief, look_for_a_thief, falls_asleep_1 }, NULL, 1 },
	{ "woken_to_search", two_sleepers, { push_two, wakes_1, sleeping_2 }, NULL, 1 },
	{ "woken_by_two", two_sleepers_and_an_object,
	  { look_for_a_thief_and_push, wake_the_first, sleeping_1, sleeping_2 }, NULL, 3 },
	{ "usable_again", away_and_one_waits_elsewhere, { is_usable_again, work_0 }, NULL, 1 },
	{ "closes_for_its_heir", closes_with_one, { close_and_wait, work_0 }, NULL, 1 },
	{ "found_by_its_index", second_is_to_come, { come_and_go_away, insert_there }, NULL, 1 },
	{ "end_of_a_tick", tick_is_over, { insert_low, sleeping_0, model_run_started }, NULL, 1 },
	{ .name = NULL },
};
