/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - two processors' queues: what is inserted runs once, with its arguments, in its order; sleepers are woken.
 *
 * Edges: dpc-claim dpc-push inbox-taken window-fill dpc-done gate worker-sleep thief-sleep queue-busy queue-ready
 *        worker-go worker-stop work-tick spin grace-start epoch-exit
 * Sources: work/queue.c work/dpc.c work/insert.c work/flush.c work/work.c work/timers.c base/heap.c sync/epoch.c
 */
#include "queue_world.h"

/* ---- insert, sleep, wake ---- */

static void insert_one_then_stop(void)
{
	insert_and_wait(0, 5);
	stop(1);
}

static void once_with_five(void)
{
	MODEL_ASSERT(world->objects[0]->runs == 1 && world->objects[0]->argument == (void *)5);
}

/* The arguments of the second insert are written when those of the first have been copied. */
static void insert_again_and_again(void)
{
	uint32_t inserted = 0;

	while (inserted < 2) {
		if (dhp_dpc_insert(&world->objects[0]->dpc, &inserted, &inserted) == DHP_OK)
			inserted++;
		else
			port_relax();
	}
	(void)dhpi_work_flush(&world->work);
	MODEL_ASSERT(world->objects[0]->runs == 2);
	stop(1);
}

static void say_done(void)
{
	if (at_fetch_add_acq_rel_u32(&world->done, 1) == 1)
		stop(1);
}

static void insert_first(void)
{
	insert_and_wait(0, 1);
	say_done();
}

static void insert_high(void)
{
	(void)dhp_dpc_set_importance(&world->objects[1]->dpc, DHP_IMPORTANCE_HIGH);
	insert_and_wait(1, 1);
	say_done();
}

static void with_timers(void)
{
	one_processor();
	world->work.timers.thread.started = true;
}

static void insert_low(void)
{
	(void)dhp_dpc_set_importance(&world->objects[1]->dpc, DHP_IMPORTANCE_LOW);
	insert_and_wait(1, 1);
	stop(1);
	dhpi_timers_stop(&world->work.timers);
}

static void low_twice(void)
{
	(void)dhp_dpc_set_importance(&world->objects[1]->dpc, DHP_IMPORTANCE_LOW);
	insert_and_wait(1, 1);
	at_store_relaxed_u32(&world->objects[1]->ran, 0);
	insert_and_wait(1, 1);
}

static void insert_low_twice(void)
{
	low_twice();
	stop(1);
	dhpi_timers_stop(&world->work.timers);
}

/* The first of Low importance is run before its tick, with another; then the second relies on that tick. */
static void stop_all_when_both_have_ended(void)
{
	if (at_fetch_add_acq_rel_u32(&world->done, 1) != 1)
		return;
	stop(1);
	dhpi_timers_stop(&world->work.timers);
}

static void low_twice_and_end(void)
{
	low_twice();
	stop_all_when_both_have_ended();
}

static void another_and_end(void)
{
	insert_and_wait(0, 1);
	stop_all_when_both_have_ended();
}

/* S-616. The object is queued before; who is refused has written something that the run has to see. */
static void read_note(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)dpc, (void)context, (void)argument_1, (void)argument_2;
	world->objects[1]->number = at_load_relaxed_u32(&world->objects[1]->ran);
}

static void queued_before(void)
{
	one_processor();
	make_object(0, read_note, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void be_refused(void)
{
	at_store_relaxed_u32(&world->objects[1]->ran, 9);
	world->refused = dhp_dpc_insert(&world->objects[0]->dpc, NULL, NULL) == DHP_ALREADY_QUEUED;
	stop(1);
}

static void saw_the_note(void)
{
	if (world->refused)
		MODEL_ASSERT(world->objects[1]->number == 9);
}

/* ---- several at once ---- */

static void insert_three_then_stop(void)
{
	MODEL_ASSERT(insert_batch(0, 3, 5) == 3);
	for (uint32_t i = 0; i < 3; i++)
		wait_for(world->objects[i]);
	stop(1);
}

static void each_once_with_five_in_order(void)
{
	for (uint32_t i = 0; i < 3; i++)
		MODEL_ASSERT(world->objects[i]->runs == 1 && world->objects[i]->argument == (void *)5 &&
			     world->objects[i]->number == i);
}

static void insert_two_and_flush(void)
{
	MODEL_ASSERT(insert_batch(0, 2, 5) == 2);
	dhpi_work_flush(&world->work);
	MODEL_ASSERT(world->objects[0]->runs == 1 && world->objects[1]->runs == 1);
	stop(1);
}

/* S-616 of one in a list that is claimed, pushed or not. Object 2 has the note. */
static void read_note_of_second(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	routine(dpc, context, argument_1, argument_2);
	world->objects[3]->number = at_load_relaxed_u32(&world->objects[2]->ran);
}

static void second_reads_note(void)
{
	one_processor();
	make_object(1, read_note_of_second, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void insert_two_then_end(void)
{
	(void)insert_batch(0, 2, 5);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	say_done();
}

static void be_refused_by_a_batch(void)
{
	at_store_relaxed_u32(&world->objects[2]->ran, 9);
	world->refused = dhp_dpc_insert(&world->objects[1]->dpc, NULL, NULL) == DHP_ALREADY_QUEUED;
	say_done();
}

static void second_saw_the_note(void)
{
	if (world->refused)
		MODEL_ASSERT(world->objects[3]->number == 9);
}

/* Its arguments are the remover's after the removal. */
static void insert_two_remove_second(void)
{
	struct object *object = world->objects[1];

	MODEL_ASSERT(insert_batch(0, 2, 5) == 2);
	if (dhp_dpc_remove(&object->dpc) == DHP_OK)
		model_free(object, sizeof(*object));
	else
		wait_for(object);
	wait_for(world->objects[0]);
	stop(1);
}

/* Of three without target, inserted on its own processor, one runs elsewhere. */
static void inserts_batch(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	uint32_t ticket;

	routine(dpc, context, argument_1, argument_2);
	MODEL_ASSERT(insert_batch(1, OBJECTS - 1, 1) == OBJECTS - 1);
	while (ticket = port_event_ticket(&world->ran), at_load_relaxed_u32(&world->objects[1]->ran) == 0 &&
	       at_load_relaxed_u32(&world->objects[2]->ran) == 0 && at_load_relaxed_u32(&world->objects[3]->ran) == 0)
		port_event_wait(&world->ran, ticket, 0);
}

static void routine_that_inserts_batch(void)
{
	make_processors(2);
	make_object(0, inserts_batch, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	for (uint32_t i = 1; i < OBJECTS; i++)
		make_object(i, routine, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void wait_for_all(void)
{
	for (uint32_t i = 0; i < OBJECTS; i++)
		wait_for(world->objects[i]);
	stop(2);
}

/* I2 of insert.c: in their order, though the inbox is taken from another and given back meanwhile. */
static void inserts_two_behind(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	MODEL_ASSERT(insert_batch(1, 2, 1) == 2);
	routine(dpc, context, argument_1, argument_2);
}

static void before_two_behind(void)
{
	one_processor();
	make_object(0, inserts_two_behind, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void insert_and_remove_another(void)
{
	insert(3, 1);
	(void)dhp_dpc_remove(&world->objects[3]->dpc);
	for (uint32_t i = 0; i < 3; i++)
		wait_for(world->objects[i]);
	stop(1);
}

static void two_in_order(void)
{
	MODEL_ASSERT(world->objects[1]->number < world->objects[2]->number);
}

/* ---- removal ---- */

static void insert_remove_free(void)
{
	struct object *object = world->objects[0];

	insert(0, 5);
	if (dhp_dpc_remove(&object->dpc) == DHP_OK)
		model_free(object, sizeof(*object));
	else
		wait_for(object);
	stop(1);
}

static void insert_two_remove_one(void)
{
	struct object *object = world->objects[1];

	insert(0, 5);
	insert(1, 5);
	if (dhp_dpc_remove(&object->dpc) == DHP_OK) {
		object->dpc = (struct dhp_dpc){ .opaque = { 0 } };
		model_free(object, sizeof(*object));
	} else {
		wait_for(object);
	}
	wait_for(world->objects[0]);
	stop(1);
}

static void insert_for_others(void)
{
	insert(0, 5);
	at_store_release_u32(&world->inserted, 1);
}

/* An object inserted by somebody else: its arguments are the remover's after the removal. */
static void remove_of_others(void)
{
	struct object *object = world->objects[0];

	while (at_load_acquire_u32(&world->inserted) == 0)
		port_relax();
	if (dhp_dpc_remove(&object->dpc) == DHP_OK)
		model_free(object, sizeof(*object));
	else
		wait_for(object);
	stop(1);
}

/* One inserts again what another takes off: of two inserts each is run or removed. */
static void insert_twice(void)
{
	for (uint32_t inserted = 0; inserted < 2;)
		if (dhp_dpc_insert(&world->objects[0]->dpc, &inserted, &inserted) == DHP_OK)
			inserted++;
		else
			port_relax();
	say_done();
}

static void remove_twice(void)
{
	for (uint32_t i = 0; i < 2; i++)
		world->removed += dhp_dpc_remove(&world->objects[0]->dpc) == DHP_OK;
	say_done();
}

static void run_or_removed(void)
{
	MODEL_ASSERT(world->objects[0]->runs + world->removed == 2);
}

/* ---- work without target ---- */

/* Each waits for the other: both processors have to run one. */
static void needs_another(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;

	routine(dpc, context, argument_1, argument_2);
	wait_for(world->objects[object == world->objects[0] ? 1 : 0]);
}

static void two_processors(void)
{
	make_processors(2);
	for (uint32_t i = 0; i < 2; i++)
		make_object(i, needs_another, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void insert_two_that_need_each_other(void)
{
	port_cpu_pretend(0);
	insert(0, 1);
	insert(1, 1);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(2);
}

/* A High object is not stolen; what it waits for is. It came by another inbox, so nothing but `busy` says that a batch runs. */
static void needs_the_second(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	routine(dpc, context, argument_1, argument_2);
	wait_for(world->objects[1]);
}

static void high_that_needs_another(void)
{
	make_processors(2);
	make_object(0, needs_the_second, 0, DHP_IMPORTANCE_HIGH);
	make_object(1, routine, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void insert_the_second(void)
{
	port_cpu_pretend(0);
	insert(1, 1);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(2);
}

static bool any_ran(uint32_t first)
{
	for (uint32_t i = first; i < OBJECTS; i++)
		if (at_load_relaxed_u32(&world->objects[i]->ran) != 0)
			return true;
	return false;
}

/*
 * A routine inserts on its own processor. One may wait for it in the window, and one in the inbox if the lock was held at that
 * moment; of three one runs elsewhere.
 */
static void inserts_three(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	uint32_t ticket;

	routine(dpc, context, argument_1, argument_2);
	for (uint32_t i = 1; i < OBJECTS; i++)
		insert(i, 1);
	while (ticket = port_event_ticket(&world->ran), !any_ran(1))
		port_event_wait(&world->ran, ticket, 0);
}

static void routine_that_inserts(void)
{
	make_processors(2);
	make_object(0, inserts_three, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	for (uint32_t i = 1; i < OBJECTS; i++)
		make_object(i, routine, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void insert_one_that_inserts(void)
{
	port_cpu_pretend(0);
	insert(0, 1);
	for (uint32_t i = 0; i < OBJECTS; i++)
		wait_for(world->objects[i]);
	stop(2);
}

/* Two in the window: the second is in reach of a thief. If the lock was held, it is in the inbox, where it may wait. */
static void inserts_two(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	uint32_t ticket;

	routine(dpc, context, argument_1, argument_2);
	insert(1, 1);
	insert(2, 1);
	while (dhpi_queue_window_length(queue_at(0)) == 2 && (ticket = port_event_ticket(&world->ran), !any_ran(1)))
		port_event_wait(&world->ran, ticket, 0);
}

static void routine_that_inserts_two(void)
{
	make_processors(2);
	make_object(0, inserts_two, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	for (uint32_t i = 1; i < OBJECTS; i++)
		make_object(i, routine, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void wait_for_three(void)
{
	for (uint32_t i = 0; i < 3; i++)
		wait_for(world->objects[i]);
	stop(2);
}

/* A thief that ends its search looks for what came meanwhile: all three have to be run at a time. */
static void needs_all_three(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	routine(dpc, context, argument_1, argument_2);
	for (uint32_t i = 0; i < 3; i++)
		wait_for(world->objects[i]);
}

static void three_processors(void)
{
	make_processors(3);
	for (uint32_t i = 0; i < 3; i++)
		make_object(i, needs_all_three, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void insert_three_that_need_each_other(void)
{
	port_cpu_pretend(0);
	for (uint32_t i = 0; i < 3; i++)
		insert(i, 1);
	for (uint32_t i = 0; i < 3; i++)
		wait_for(world->objects[i]);
	stop(3);
}

/* Two look for a thief at a time, while the processor where they push is kept busy until both objects ran. */
static void busy_until_both_ran(void)
{
	make_processors(2);
	make_object(0, needs_all_three, 0, DHP_IMPORTANCE_HIGH);
	for (uint32_t i = 1; i < 3; i++)
		make_object(i, routine, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void push_one_of_two(uint32_t number)
{
	port_cpu_pretend(0);
	insert_and_wait(number, 1);
	if (at_fetch_add_acq_rel_u32(&world->done, 1) == 1)
		stop(2);
}

static void push_first(void)
{
	push_one_of_two(1);
}

static void push_second(void)
{
	push_one_of_two(2);
}

/* The same seen from a flush, by which what ran elsewhere has happened. */
static void insert_and_flush(void)
{
	port_cpu_pretend(0);
	insert(0, 5);
	insert(1, 5);
	dhpi_work_flush(&world->work);
	MODEL_ASSERT(world->objects[0]->runs == 1 && world->objects[1]->runs == 1);
	MODEL_ASSERT(world->objects[0]->argument == (void *)5);
	stop(2);
}

static void movable_ones(void)
{
	make_processors(2);
	for (uint32_t i = 0; i < 2; i++)
		make_object(i, routine, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
}

/* One is thrown away when a remover was quicker; the flush waits for it all the same. */
static void remove_then_flush(void)
{
	uint32_t removed;

	insert(0, 5);
	removed = dhp_dpc_remove(&world->objects[0]->dpc) == DHP_OK;
	dhpi_work_flush(&world->work);
	MODEL_ASSERT(world->objects[0]->runs + removed == 1);
	stop(1);
}

/* ---- order ---- */

/* What was pushed before comes first, though another takes the inbox meanwhile (I7 of the queue). No pause: it would refresh. */
static void inserts_behind(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	if (at_load_acquire_u32(&world->inserted) != 0)
		insert(2, 1);
	else
		at_store_relaxed_u32(&world->objects[2]->ran, 1);
	routine(dpc, context, argument_1, argument_2);
}

static void before_order(void)
{
	one_processor();
	make_object(0, inserts_behind, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void insert_before(void)
{
	insert(1, 1);
	at_store_release_u32(&world->inserted, 1);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	wait_for(world->objects[2]);
	stop(1);
}

/* Takes the inbox, as a remover does. */
static void take_the_inbox(void)
{
	struct dhpi_queue *queue = queue_at(0);

	dhpi_spin_lock(&queue->lock);
	dhpi_queue_drain(queue);
	dhpi_spin_unlock(&queue->lock);
	dhpi_worker_wake(queue);
}

/* Between two routines: a High object that was there before is not missed while it comes from the inbox to the list. */
static void before_high(void)
{
	one_processor();
	make_object(0, routine, 0, DHP_IMPORTANCE_HIGH);
	insert(0, 1);
}

static void look_for_high(void)
{
	MODEL_ASSERT(dhpi_queue_has_high(queue_at(0)));
}

/* Likewise a worker that would put something behind what waited before: there is no way into the window for it. */
static void before_tail(void)
{
	one_processor();
	make_object(0, routine, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	make_object(1, routine, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void put_behind(void)
{
	MODEL_ASSERT(dhpi_queue_put(queue_at(0), dhpi_dpc(&world->objects[1]->dpc)) == DHPI_PUSHED_NOWHERE);
}

static void in_order(void)
{
	if (world->objects[2]->runs != 0)
		MODEL_ASSERT(world->objects[1]->number < world->objects[2]->number);
}

/* ---- a processor that does not come up; the life of a worker ---- */

static void second_is_prepared(void)
{
	make_processors(1);
	world->rows[1] = (struct dhp_processor){ .index = 1, .cpu = 1 };
	at_init_u32(&world->set.active, 2);
	make_object(0, routine, 1, DHP_IMPORTANCE_MEDIUM_HIGH);
	make_object(1, routine, 1, DHP_IMPORTANCE_MEDIUM_HIGH);
	at_init_u32(&world->set.active, 1);
}

static void prepare_and_take_back(void)
{
	dhpi_work_prepare(&world->work, &world->rows[1]);
	dhpi_work_unprepare(&world->work, &world->rows[1]);
	dhpi_work_prepare(&world->work, &world->rows[1]);
	dhpi_work_unprepare(&world->work, &world->rows[1]);
}

static void insert_batch_at_second(void)
{
	MODEL_ASSERT(insert_batch(0, 2, 5) == 2);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(1);
}

/* Nobody runs anything: each of the list is there to be removed. */
static void remove_batch_for_certain(void)
{
	MODEL_ASSERT(insert_batch(0, 2, 5) == 2);
	MODEL_ASSERT(dhp_dpc_remove(&world->objects[1]->dpc) == DHP_OK);
	MODEL_ASSERT(dhp_dpc_remove(&world->objects[0]->dpc) == DHP_OK);
}

static void insert_at_second(void)
{
	insert_and_wait(0, 5);
	stop(1);
}

/* Published by its opener: who finds the queue of an index finds it open. */
static void remove_at_second(void)
{
	insert(0, 5);
	if (dhp_dpc_remove(&world->objects[0]->dpc) != DHP_OK)
		wait_for(world->objects[0]);
	stop(1);
}

/* Nobody runs anything: wherever the object has moved, it is there to be removed. */
static void remove_for_certain(void)
{
	if (model_choose(2) == 1)
		(void)dhp_dpc_set_importance(&world->objects[0]->dpc, DHP_IMPORTANCE_HIGH);
	insert(0, 5);
	MODEL_ASSERT(dhp_dpc_remove(&world->objects[0]->dpc) == DHP_OK);
}

/* The same while two attempts fail and another processor gets the index: the queue is open again under another one. */
static void second_is_open(void)
{
	second_is_prepared();
	world->rows[2] = (struct dhp_processor){ .index = 1, .cpu = 2 };
	dhpi_work_prepare(&world->work, &world->rows[1]);
}

static void fail_and_come_under_another_index(void)
{
	dhpi_work_unprepare(&world->work, &world->rows[1]);
	dhpi_work_prepare(&world->work, &world->rows[2]);
	world->rows[1].index = 2;
	dhpi_work_prepare(&world->work, &world->rows[1]);
}

/* The worker looks at what its publisher wrote, before it does anything. */
static void go_and_look(void)
{
	wait_for_publication(queue_at(0));
	if (!told_to_stop(queue_at(0)))
		MODEL_ASSERT(world->objects[1]->number == 3);
}

static void publish(void)
{
	world->objects[1]->number = 3;
	dhpi_work_publish(&world->work, &world->rows[0]);
}

/* The same of a worker that was there before. */
static struct dhpi_spare *spare;

static void with_a_spare(void)
{
	one_processor();
	spare = model_alloc(sizeof(*spare));
	queue_at(0)->spare = spare;
}

static void wait_and_look(void)
{
	MODEL_ASSERT(wait_for_queue(spare) == queue_at(0));
	MODEL_ASSERT(world->objects[1]->number == 3);
}

static void look_whether_told_to_stop(void)
{
	while (!told_to_stop(queue_at(0)))
		port_relax();
	MODEL_ASSERT(world->objects[1]->number == 4);
}

static void write_and_stop(void)
{
	struct port_thread *thread = &queue_at(0)->thread;

	world->objects[1]->number = 4;
	thread->started = false;
	dhpi_work_stop(&world->work);
}

/* A worker that is told that nobody inserts any more. */
static void prepared(void)
{
	one_processor();
	at_init_u32(&world->set.active, 1);
}

/* ---- the gate ---- */

/* Only routines insert while the engine is being destroyed. The one that is refused comes after what who closed wrote. */
static void inserts_itself(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	(void)context, (void)argument_1, (void)argument_2;
	if (dhp_dpc_insert(dpc, NULL, NULL) == DHP_CLOSED)
		MODEL_ASSERT(world->objects[1]->number == 4);
}

static void one_inserts_itself(void)
{
	one_processor();
	make_object(0, inserts_itself, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	insert(0, 1);
}

static void write_and_close(void)
{
	world->objects[1]->number = 4;
	dhpi_work_stop(&world->work);
}

/* Two flushes in a row, with inserts between: each waits for what came before it. */
static void insert_flush_twice(void)
{
	for (uint32_t i = 1; i <= 2; i++) {
		insert(0, i);
		dhpi_work_flush(&world->work);
		MODEL_ASSERT(world->objects[0]->runs == i);
	}
	say_done();
}

static void insert_meanwhile(void)
{
	insert_and_wait(1, 1);
	say_done();
}

/* ---- not usable for a while ---- */

static void two_processors_plain(void)
{
	make_processors(2);
	make_object(0, routine, 0, DHP_IMPORTANCE_MEDIUM_HIGH);
	make_object(1, needs_another, DHPI_NO_TARGET, DHP_IMPORTANCE_MEDIUM_HIGH);
}

static void go_away(void)
{
	dhpi_work_usable(&world->work, 0, false);
	dhpi_work_leave(&world->work);
	insert_and_wait(0, 1);
	dhpi_work_usable(&world->work, 0, true);
	stop(2);
}

/* A processor that is back takes its share again. */
static void first_is_away(void)
{
	two_processors();
	at_init_u32(&queue_at(0)->away, 1);
}

static void come_back_and_insert(void)
{
	dhpi_work_usable(&world->work, 0, true);
	port_cpu_pretend(1);
	insert(0, 1);
	insert(1, 1);
	wait_for(world->objects[0]);
	wait_for(world->objects[1]);
	stop(2);
}

const struct model_world model_worlds[] = {
	{ "insert_wakes", one_processor, { insert_one_then_stop, work_0 }, once_with_five, 1 },
	{ "insert_again", one_processor, { insert_again_and_again, work_0 }, NULL, 1 },
	{ "two_insert", one_processor, { insert_first, insert_high, work_0 }, NULL, 1 },
	{ "low_waits_for_a_tick", with_timers, { insert_low, work_0, model_run_started }, NULL, 1 },
	{ "low_again", with_timers, { insert_low_twice, work_0, model_run_started }, NULL, 1 },
	{ "refused_before_the_run", queued_before, { be_refused, work_0 }, saw_the_note, 3 },
	{ "remove_and_free", one_processor, { insert_remove_free, work_0 }, NULL, 1 },
	{ "remove_one_of_two", one_processor, { insert_two_remove_one, work_0 }, NULL, 1 },
	{ "remove_of_others", one_processor, { insert_for_others, remove_of_others, work_0 }, NULL, 1 },
	{ "inserted_again_and_removed", one_processor, { insert_twice, remove_twice, work_0 }, run_or_removed, 1 },
	{ "two_that_need_each_other", two_processors, { insert_two_that_need_each_other, work_0, work_1 }, NULL, 1 },
	{ "high_needs_another", high_that_needs_another, { insert_the_second, work_0, work_1 }, NULL, 1 },
	{ "routine_inserts", routine_that_inserts, { insert_one_that_inserts, work_0, work_1 }, NULL, 1 },
	{ "flush_over_two", movable_ones, { insert_and_flush, work_0, work_1 }, NULL, 1 },
	{ "remove_then_flush", one_processor, { remove_then_flush, work_0 }, NULL, 1 },
	{ "order_of_put", before_order, { insert_before, take_the_inbox, work_0 }, in_order, 1 },
	{ "high_on_its_way", before_high, { look_for_high, take_the_inbox }, NULL, 1 },
	{ "tail_on_its_way", before_tail, { put_behind, take_the_inbox }, NULL, 1 },
	{ "does_not_come_up", second_is_prepared, { insert_at_second, prepare_and_take_back, work_0 }, NULL, 1 },
	{ "removed_while_it_does_not", second_is_prepared, { remove_at_second, prepare_and_take_back, work_0 }, NULL, 1 },
	{ "publication", one_processor, { publish, go_and_look }, NULL, 1 },
	{ "publication_to_one_made_ahead", with_a_spare, { publish, wait_and_look }, NULL, 1 },
	{ "stop", prepared, { write_and_stop, look_whether_told_to_stop }, NULL, 1 },
	{ "closing", one_inserts_itself, { write_and_close, work_0 }, NULL, 1 },
	{ "two_flushes", one_processor, { insert_flush_twice, insert_meanwhile, work_0 }, NULL, 1 },
	{ "away", two_processors_plain, { go_away, work_0, work_1 }, NULL, 1 },
	{ "low_meanwhile", with_timers, { low_twice_and_end, another_and_end, work_0, model_run_started }, NULL, 2 },
	{ "put_is_stolen", routine_that_inserts_two, { wait_for_three, work_0, work_1 }, NULL, 2 },
	{ "three_that_need_each_other", three_processors,
	  { insert_three_that_need_each_other, work_0, work_1, work_2 }, NULL, 1 },
	{ "two_look_for_a_thief", busy_until_both_ran, { push_first, push_second, work_0, work_1 }, NULL, 2 },
	{ "removed_for_certain", second_is_prepared, { remove_for_certain, prepare_and_take_back }, NULL, 2 },
	{ "removed_from_another_index", second_is_open, { remove_for_certain, fail_and_come_under_another_index }, NULL, 2 },
	{ "batch", one_processor, { insert_three_then_stop, work_0 }, each_once_with_five_in_order, 1 },
	{ "batch_and_flush", one_processor, { insert_two_and_flush, work_0 }, NULL, 1 },
	{ "refused_by_a_batch", second_reads_note, { insert_two_then_end, be_refused_by_a_batch, work_0 }, second_saw_the_note, 1 },
	{ "remove_one_of_a_batch", one_processor, { insert_two_remove_second, work_0 }, NULL, 1 },
	{ "routine_inserts_a_batch", routine_that_inserts_batch, { wait_for_all, work_0, work_1 }, NULL, 1 },
	{ "order_of_a_batch", before_two_behind, { insert_and_remove_another, work_0 }, two_in_order, 1 },
	{ "batch_does_not_come_up", second_is_prepared, { insert_batch_at_second, prepare_and_take_back, work_0 }, NULL, 1 },
	{ "batch_removed_for_certain", second_is_prepared, { remove_batch_for_certain, prepare_and_take_back }, NULL, 1 },
	{ "back_again", first_is_away, { come_back_and_insert, work_0, work_1 }, NULL, 2 },
	{ .name = NULL },
};
