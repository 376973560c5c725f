/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What certification does to a driver, done to a client of the library: it starts with one processor, gets the others in the
 * middle of its I/O, is rebalanced by force, stopped and started alone, and exchanged under its feet. And the harness that
 * does it: every kind of trouble by script, the same in every run.
 */
#include "support.h"

#include <stdlib.h>

#include <dhp/hold.h>
#include <dhp/rebalance.h>

#include "picture.h"
#include "work_hold.h"

#define MAXIMUM 8u
#define BLOCK_BYTES 512u
#define JOBS 24u

/* ---- a disk: its driver's work is done by DPCs, and checked by sums ---- */

struct disk;

struct job {
	struct dhp_request request; /* first */
	struct dhp_dpc dpc;
	struct disk *disk;
	uint64_t busy;
	unsigned char data[BLOCK_BYTES];
	uint32_t sum; /* of the data, as its sender knows it */
};

struct disk {
	struct dhp_engine *engine;
	struct dhp_hold *hold;
	struct dhp_device *device;
	struct dhp_feed *feed;
	struct dhp_driver drivers[2];
	uint64_t stopped;      /* between STOP and START */
	uint64_t queries, stops, starts, cancels, asked;
	enum dhp_status query_answer;
	enum dhp_device_state asked_in;
	uint64_t ends, sent, done, held, wrong;
	struct dhp_counter *sums; /* of all blocks that were written */
	uint64_t expected;
	struct job jobs[JOBS];
	struct helper sender;
};

static uint32_t checksum(const unsigned char *data)
{
	uint32_t a = 1, b = 0;

	for (uint32_t i = 0; i < BLOCK_BYTES; i++) {
		a = (a + data[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void transfer(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct job *job = context;
	struct disk *disk = job->disk;
	uint32_t sum = checksum(job->data);

	(void)dpc;
	(void)argument_2;
	if (sum != job->sum || dhp_index_here(disk->engine) != (uint32_t)(uintptr_t)argument_1)
		(void)bump(&disk->wrong);
	dhp_counter_add(disk->sums, sum);
	(void)bump(&disk->done);
	if (dhp_request_complete(&job->request) != DHP_OK)
		(void)bump(&disk->wrong);
	__atomic_store_n(&job->busy, 0, __ATOMIC_RELEASE);
}

static void begin_job(struct dhp_request *request, void *context, enum dhp_status status)
{
	struct job *job = (struct job *)(void *)request;
	struct disk *disk = context;
	uint32_t index = 0;

	if (status != DHP_OK || peek(&disk->stopped) != 0 || dhp_feed_pick(disk->feed, &index) != DHP_OK ||
	    dhp_dpc_init(&job->dpc, disk->engine, transfer, job) != DHP_OK ||
	    dhp_dpc_set_target(&job->dpc, index) != DHP_OK ||
	    dhp_dpc_set_importance(&job->dpc, DHP_IMPORTANCE_MEDIUM_HIGH) != DHP_OK ||
	    dhp_dpc_insert(&job->dpc, (void *)(uintptr_t)index, NULL) != DHP_OK)
		(void)bump(&disk->wrong);
}

static enum dhp_status drive(void *context, const struct dhp_device_call *call)
{
	struct disk *disk = context;
	struct dhp_hold_stats stats;

	switch (call->request) {
	case DHP_REQUEST_QUERY_STOP:
		(void)bump(&disk->queries);
		return disk->query_answer;
	case DHP_REQUEST_STOP:
		(void)bump(&disk->stops);
		if (dhp_hold_stats_read(disk->hold, &stats) != DHP_OK || stats.in_flight_count != 0)
			(void)bump(&disk->wrong);
		poke(&disk->stopped, 1);
		break;
	case DHP_REQUEST_START:
		(void)bump(&disk->starts);
		poke(&disk->stopped, 0);
		break;
	case DHP_REQUEST_CANCEL_STOP:
		(void)bump(&disk->cancels);
		break;
	case DHP_REQUEST_SURPRISE_REMOVAL:
		(void)bump(&disk->wrong);
		break;
	}
	return DHP_OK;
}

static void require_more(void *context, struct dhp_device *device, struct dhp_requirements *requirements)
{
	struct disk *disk = context;

	(void)requirements;
	(void)bump(&disk->asked);
	(void)dhp_device_state_read(device, &disk->asked_in);
}

static void disk_make(struct disk *disk, struct dhp_engine *engine)
{
	struct dhp_device_options options = { .size = sizeof(options), .drivers = disk->drivers, .driver_count = 2 };

	memset(disk, 0, sizeof(*disk));
	disk->engine = engine;
	disk->drivers[1] = (struct dhp_driver){ .query_stop = drive, .stop = drive, .start = drive, .cancel_stop = drive,
		.surprise_removal = drive, .requirements = require_more, .context = disk };
	assert_ok(dhp_hold_create(engine, begin_job, disk, &disk->hold));
	options.hold = disk->hold;
	assert_ok(dhp_device_register(engine, &options, &disk->device));
	assert_ok(dhp_feed_create(engine, disk->device, NULL, &disk->feed));
	assert_ok(dhp_counter_create(engine, &disk->sums));
	for (uint32_t i = 0; i < JOBS; i++) {
		disk->jobs[i].disk = disk;
		assert_ok(dhp_request_init(&disk->jobs[i].request, disk->hold, 0));
	}
}

static void write_block(struct disk *disk, struct job *job)
{
	uint64_t dice = ++disk->sent * 2654435761u + 1;
	enum dhp_status status;

	for (uint32_t i = 0; i < BLOCK_BYTES; i++)
		job->data[i] = (unsigned char)roll(&dice);
	job->sum = checksum(job->data);
	disk->expected += job->sum;
	poke(&job->busy, 1);
	status = dhp_request_submit(&job->request);
	if (status == DHP_HELD)
		(void)bump(&disk->held);
	else if (status != DHP_OK)
		(void)bump(&disk->wrong);
}

static void *keep_writing(void *argument)
{
	struct disk *disk = argument;

	while (peek(&disk->ends) == 0) {
		for (uint32_t i = 0; i < JOBS; i++)
			if (__atomic_load_n(&disk->jobs[i].busy, __ATOMIC_ACQUIRE) == 0)
				write_block(disk, &disk->jobs[i]);
		sleep_us(20);
	}
	return NULL;
}

static void begin_io(struct disk *disk)
{
	poke(&disk->ends, 0);
	helper_start(&disk->sender, keep_writing, disk);
	assert_true(wait_for_count(&disk->done, peek(&disk->done) + 2 * JOBS));
}

/* Completions go on from here. */
static void more_io(struct disk *disk)
{
	assert_true(wait_for_count(&disk->done, peek(&disk->done) + 2 * JOBS));
}

/* Every block was written once, and arrived whole. */
static void end_io(struct disk *disk)
{
	poke(&disk->ends, 1);
	helper_join(&disk->sender);
	assert_ok(dhp_dpc_flush(disk->engine));
	assert_int_equal(peek(&disk->wrong), 0);
	assert_int_equal(peek(&disk->done), disk->sent);
	assert_int_equal(dhp_counter_sum(disk->sums), disk->expected);
}

static void disk_end(struct disk *disk)
{
	assert_ok(dhp_counter_destroy(disk->sums));
	assert_ok(dhp_feed_destroy(disk->feed));
	assert_ok(dhp_device_unregister(disk->device));
	assert_ok(dhp_hold_destroy(disk->hold));
}

/* ---- a witness of the channels ---- */

struct witness {
	struct dhp_engine *engine;
	uint64_t starts, completes, failures, arrivals;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrival;
};

static void see_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct witness *witness = context;

	(void)status;
	(void)bump(change->state == DHP_CHANGE_START	   ? &witness->starts :
		   change->state == DHP_CHANGE_COMPLETE ? &witness->completes :
							  &witness->failures);
}

static void see_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct witness *witness = context;

	(void)arrival;
	(void)bump(&witness->arrivals);
}

static void witness_join(struct witness *witness, struct dhp_engine *engine)
{
	*witness = (struct witness){ .engine = engine };
	assert_ok(dhp_arrival_drain(engine));
	assert_ok(dhp_notify_register(engine, see_change, witness, 0, &witness->notify));
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, see_arrival, witness, 0, &witness->arrival));
}

static void assert_saw(struct witness *witness, uint64_t added)
{
	assert_ok(dhp_arrival_drain(witness->engine));
	assert_ok(dhp_rebalance_drain(witness->engine));
	assert_int_equal(peek(&witness->starts), added);
	assert_int_equal(peek(&witness->completes), added);
	assert_int_equal(peek(&witness->failures), 0);
	assert_int_equal(peek(&witness->arrivals), added);
}

static void witness_leave(struct witness *witness)
{
	assert_ok(dhp_notify_unregister(witness->notify));
	assert_ok(dhp_arrival_unregister(witness->arrival));
}

/* ---- the kit's simulator ---- */

static uint32_t add_all_that_remain(struct dhp_engine *engine)
{
	struct dhp_sim_event events[MAXIMUM];
	uint32_t count = 0, added = 0;

	assert_ok(dhp_sim_script(engine, 100, 0, events, MAXIMUM, &count));
	assert_ok(dhp_sim_play(engine, events, count, &added));
	assert_int_equal(added, count);
	return added;
}

static void one_processor_and_then_once_all_the_others_S750(void **state)
{
	(void)state;
	for (uint32_t boot = 0; boot < 2; boot++) {
		struct dhp_engine *engine = make_sim_of(MAXIMUM, 1);
		struct dhp_counts counts = counts_of(engine);
		struct witness witness;
		struct disk *disk = calloc(1, sizeof(*disk));

		assert_non_null(disk);
		assert_int_equal(counts.active, 1);
		assert_int_equal(counts.present, 1); /* the others are not even present */
		assert_int_equal(counts.maximum, MAXIMUM);
		disk_make(disk, engine);
		witness_join(&witness, engine);
		assert_int_equal(add_all_that_remain(engine), MAXIMUM - 1);
		assert_saw(&witness, MAXIMUM - 1);
		assert_true(peek(&disk->starts) > 0); /* and the rebalance, merged over the burst */
		counts = counts_of(engine);
		assert_int_equal(counts.active, MAXIMUM);
		assert_int_equal(counts.present, MAXIMUM);
		/* Up to the limit, and once: without removal there is nothing left until the next boot. */
		assert_int_equal(dhp_sim_cpu(engine, MAXIMUM), DHP_NO_CPU);
		assert_int_equal(add_all_that_remain(engine), 0);
		for (uint32_t position = 0; position < MAXIMUM; position++)
			assert_status(add_position(engine, position), DHP_ALREADY_THERE);
		assert_saw(&witness, MAXIMUM - 1);
		witness_leave(&witness);
		disk_end(disk);
		end_engine(engine);
		free(disk);
	}
}

/* ---- support for hot-add ---- */

static bool all_processors_transfer(void *context)
{
	struct disk *disk = context;

	for (uint32_t index = 0; index < MAXIMUM; index++) {
		struct dhp_processor_stats stats;

		if (dhp_processor_stats_read(disk->engine, index, &stats) != DHP_OK || stats.run_count == 0)
			return false;
	}
	return true;
}

static void others_come_under_io_and_a_rebalance_is_forced_S752(void **state)
{
	static struct disk disk;
	struct dhp_engine *engine = make_sim_of(MAXIMUM, 1);
	struct dhp_rebalance_stats before, after;
	struct witness witness;

	(void)state;
	disk_make(&disk, engine);
	witness_join(&witness, engine);
	begin_io(&disk);
	for (uint32_t position = 1; position < MAXIMUM; position++) {
		assert_ok(add_position(engine, position));
		more_io(&disk);
	}
	assert_saw(&witness, MAXIMUM - 1);
	assert_int_equal(dhp_feed_mask(disk.feed, 0), ((uint64_t)1 << MAXIMUM) - 1);
	assert_true(wait_until(all_processors_transfer, &disk));
	assert_ok(dhp_rebalance_stats_read(engine, &before));
	for (uint32_t i = 0; i < 5; i++) {
		assert_ok(dhp_rebalance_request(engine));
		assert_ok(dhp_rebalance_drain(engine));
		more_io(&disk);
	}
	assert_ok(dhp_rebalance_stats_read(engine, &after));
	assert_int_equal(after.moved_count - before.moved_count, 5);
	assert_int_equal(after.broken_count + after.not_quiet_count + after.removed_count + after.refused_count, 0);
	assert_int_equal(peek(&disk.stops), peek(&disk.starts));
	assert_int_equal(dhp_feed_mask(disk.feed, 0), ((uint64_t)1 << MAXIMUM) - 1);
	end_io(&disk);
	assert_saw(&witness, MAXIMUM - 1); /* the forced ones told of no processor */
	witness_leave(&witness);
	disk_end(&disk);
	end_engine(engine);
}

/* ---- hot replace ---- */

static struct dhp_hold_stats hold_of(struct disk *disk)
{
	struct dhp_hold_stats stats;

	assert_ok(dhp_hold_stats_read(disk->hold, &stats));
	return stats;
}

static bool all_wait(void *context)
{
	struct disk *disk = context;
	struct dhp_hold_stats stats;

	return dhp_hold_stats_read(disk->hold, &stats) == DHP_OK && stats.waiting_count == JOBS;
}

struct pauser {
	struct dhp_engine *engine;
	uint64_t paused, failed; /* how often a pause has returned */
};

static void *pause_it(void *argument)
{
	struct pauser *me = argument;

	if (dhp_pause_all(me->engine, 0) != DHP_OK)
		(void)bump(&me->failed);
	(void)bump(&me->paused);
	return NULL;
}

static bool all_in_flight(void *context)
{
	struct dhp_hold_stats stats;
	struct disk *disk = context;

	return dhp_hold_stats_read(disk->hold, &stats) == DHP_OK && stats.in_flight_count == JOBS;
}

static bool holds_now(void *context)
{
	struct dhp_hold_stats stats;
	struct disk *disk = context;

	return dhp_hold_stats_read(disk->hold, &stats) == DHP_OK && stats.holding_since_ns != 0;
}

/* All requests are stuck on one processor, and the pause with them. */
static void pause_over_stuck_io(struct disk *disk)
{
	struct pauser pauser = { .engine = disk->engine };
	struct helper helper;
	struct hold first;

	hold_insert(&first, disk->engine, 0, DHP_IMPORTANCE_HIGH);
	assert_true(wait_until(all_in_flight, disk));
	helper_start(&helper, pause_it, &pauser);
	assert_true(wait_until(holds_now, disk));
	sleep_us(20000);
	assert_int_equal(peek(&pauser.paused), 0); /* it cannot return, however long this takes */
	hold_release(&first);
	helper_join(&helper);
	assert_int_equal(peek(&pauser.failed), 0);
	assert_int_equal(hold_of(disk).in_flight_count, 0);
	assert_ok(dhp_resume_all(disk->engine));
	assert_ok(dhp_dpc_flush(disk->engine));
	more_io(disk);
}

/* What the sleep that replaces hardware does: nobody is asked, all I/O stops, and goes on afterwards on the same processors. */
static void the_path_of_replacing_stops_all_io_and_loses_none_S753(void **state)
{
	static struct picture before, after;
	static struct disk disk;
	struct dhp_engine *engine = make_sim_of(MAXIMUM, 4);
	struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(uint64_t) };
	struct dhp_percpu *array;
	struct witness witness;
	void *slots[4];

	(void)state;
	disk_make(&disk, engine);
	witness_join(&witness, engine);
	assert_ok(dhp_percpu_create(engine, &options, &array));
	for (uint32_t index = 0; index < 4; index++)
		slots[index] = dhp_percpu_at(array, index);
	picture_take(engine, &before);
	begin_io(&disk);
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t done;

		assert_ok(dhp_pause_all(engine, 0));
		assert_int_equal(hold_of(&disk).in_flight_count, 0);
		done = peek(&disk.done);
		assert_true(wait_until(all_wait, &disk)); /* the sender goes on: everything it has waits */
		assert_int_equal(peek(&disk.done), done);
		assert_ok(dhp_resume_all(engine));
		assert_int_equal(hold_of(&disk).waiting_count, 0);
		more_io(&disk);
	}
	pause_over_stuck_io(&disk);
	end_io(&disk);
	assert_true(peek(&disk.held) >= 3 * JOBS);
	assert_int_equal(peek(&disk.queries) + peek(&disk.stops) + peek(&disk.starts), 0);
	assert_saw(&witness, 0);
	picture_take(engine, &after);
	assert_same_picture(&before, &after);
	for (uint32_t index = 0; index < 4; index++)
		assert_ptr_equal(dhp_percpu_at(array, index), slots[index]);
	assert_ok(dhp_percpu_destroy(array));
	witness_leave(&witness);
	disk_end(&disk);
	end_engine(engine);
}

/* ---- one device, and no processor ---- */

static void stop_and_start(struct disk *disk)
{
	uint32_t index = 0;
	uint64_t done;

	assert_ok(dhp_device_send(disk->device, DHP_REQUEST_QUERY_STOP));
	assert_true(wait_until(all_wait, disk));
	assert_ok(dhp_device_send(disk->device, DHP_REQUEST_STOP));
	assert_int_equal(hold_of(disk).in_flight_count, 0);
	done = peek(&disk->done);
	assert_status(dhp_feed_pick(disk->feed, &index), DHP_DETACHED);
	assert_int_equal(peek(&disk->done), done);
	assert_ok(dhp_device_send(disk->device, DHP_REQUEST_START));
	assert_ok(dhp_feed_pick(disk->feed, &index));
	more_io(disk);
}

static void one_device_is_stopped_and_started_without_any_add_S754(void **state)
{
	static struct disk disk, bystander;
	struct dhp_engine *engine = make_sim_of(MAXIMUM, 3);
	struct dhp_counts counts = counts_of(engine);
	struct witness witness;

	(void)state;
	disk_make(&disk, engine);
	disk_make(&bystander, engine);
	witness_join(&witness, engine);
	begin_io(&disk);
	begin_io(&bystander);
	for (uint32_t i = 0; i < 3; i++)
		stop_and_start(&disk);
	assert_int_equal(peek(&disk.asked), 0);
	/* With other requirements, asked for between the query and the stop. */
	disk.query_answer = DHP_REQUIREMENTS_CHANGED;
	for (uint32_t i = 0; i < 3; i++) {
		stop_and_start(&disk);
		assert_int_equal(peek(&disk.asked), i + 1);
		assert_int_equal(disk.asked_in, DHP_DEVICE_STOP_PENDING);
	}
	/* In a rebalance they are asked for once as well. */
	assert_ok(dhp_rebalance_request(engine));
	assert_ok(dhp_rebalance_drain(engine));
	assert_int_equal(peek(&disk.asked), 4);
	disk.query_answer = DHP_OK;
	assert_ok(dhp_device_send(disk.device, DHP_REQUEST_QUERY_STOP));
	assert_ok(dhp_device_send(disk.device, DHP_REQUEST_CANCEL_STOP));
	more_io(&disk);
	more_io(&bystander);
	end_io(&disk);
	end_io(&bystander);
	assert_int_equal(peek(&disk.queries), 8);
	assert_int_equal(peek(&disk.stops), 7);
	assert_int_equal(peek(&disk.starts), 7);
	assert_int_equal(peek(&disk.cancels), 1);
	assert_int_equal(peek(&bystander.stops), 1); /* of the rebalance */
	assert_saw(&witness, 0);
	assert_int_equal(counts_of(engine).generation, counts.generation);
	witness_leave(&witness);
	disk_end(&disk);
	disk_end(&bystander);
	end_engine(engine);
}

/* ---- groups by options of the start ---- */

static void note_index(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct dhp_engine *engine = argument_1;

	(void)dpc;
	(void)argument_2;
	poke(context, dhp_index_here(engine));
}

/* A client of groups reaches each processor by its number in its group. */
static uint32_t run_on_each_number(struct dhp_engine *engine)
{
	uint32_t reached = 0;

	for (uint32_t group = 0; group < counts_of(engine).groups_maximum; group++) {
		uint64_t mask = dhp_active_mask(engine, group), ran_at = DHP_NO_INDEX;

		for (uint32_t number = 0; number < 64; number++) {
			struct dhp_number at = { .group = (uint16_t)group, .number = (uint8_t)number };
			uint32_t index = 0;
			struct dhp_dpc dpc;

			if ((mask >> number & 1) == 0)
				continue;
			assert_ok(dhp_index_of_number(engine, at, &index));
			assert_ok(dhp_dpc_init(&dpc, engine, note_index, &ran_at));
			assert_ok(dhp_dpc_set_target(&dpc, index));
			assert_ok(dhp_dpc_insert(&dpc, engine, NULL));
			assert_ok(dhp_dpc_flush(engine));
			assert_int_equal(peek(&ran_at), index);
			reached++;
		}
	}
	return reached;
}

enum { TEN = 10 };

static void small_groups_by_an_option_and_not_by_an_add_S756(void **state)
{
	(void)state;
	for (uint32_t limit = 1; limit <= 64; limit *= 2) {
		for (uint32_t last = 0; last < 2; last++) {
			const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = TEN, .initial_count = TEN };
			const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim,
				.group_limit = limit, .flags = last != 0 ? DHP_ENGINE_LAST_GROUP : 0 };
			uint32_t groups = (TEN + limit - 1) / limit, old;
			struct dhp_engine *engine = NULL;
			struct witness witness;
			struct dhp_counts counts;

			assert_ok(dhp_engine_create(&options, &engine));
			witness_join(&witness, engine);
			counts = counts_of(engine);
			assert_int_equal(counts.groups_active, groups);
			for (uint32_t group = 0; group < groups; group++)
				assert_true(limit == 64 || dhp_active_mask(engine, group) >> limit == 0);
			assert_int_equal(run_on_each_number(engine), TEN);
			/* Who knows of one group only sees some, and never all unless there is one. */
			old = dhp_old_group(engine);
			assert_int_equal(old, last != 0 ? groups - 1 : 0);
			assert_true((dhp_active_count(engine, old, NULL) == TEN) == (groups == 1));
			assert_saw(&witness, 0);
			assert_int_equal(counts_of(engine).generation, counts.generation);
			witness_leave(&witness);
			end_engine(engine);
		}
	}
}

/* On whatever machine this is, however small. */
static void this_machine_has_groups_of_one_if_asked_S756(void **state)
{
	const struct dhp_engine_options options = { .size = sizeof(options), .group_limit = 1,
		.flags = DHP_ENGINE_NO_WATCH | DHP_ENGINE_LAST_GROUP };
	struct dhp_engine *engine = NULL;
	struct dhp_counts counts;

	(void)state;
	assert_ok(dhp_engine_create(&options, &engine));
	counts = counts_of(engine);
	assert_int_equal(counts.groups_active, counts.active);
	assert_int_equal(run_on_each_number(engine), counts.active);
	assert_int_equal(dhp_active_count(engine, dhp_old_group(engine), NULL), 1);
	end_engine(engine);
}

/* ---- the harness itself ---- */

#define STORY_MAXIMUM 12u
#define STORY_BYTES 8192u

/* What everybody heard, in words. The two texts belong to one thread each; read after a drain. */
struct story {
	struct dhp_engine *engine;
	char heard[STORY_BYTES], arrived[STORY_BYTES];
	size_t heard_length, arrived_length;
	uint64_t reserved_at[32]; /* times at which an arrival began */
	uint32_t reserved_count;
	uint64_t arrivals;
};

struct hearer {
	struct story *story;
	char name;
	bool vetoes;
	struct dhp_notify *notify;
	struct dhp_arrival_notify *arrival;
};

static void hear_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	static const char *const states[] = { "start", "complete", "failure" };
	struct hearer *me = context;
	struct story *story = me->story;
	size_t room = STORY_BYTES - story->heard_length;
	int length = snprintf(story->heard + story->heard_length, room, "%c %s %u (%u,%u) %s\n", me->name,
			      states[change->state], change->index, change->number.group, change->number.number,
			      dhp_status_name(change->status));

	if (length > 0 && (size_t)length < room)
		story->heard_length += (size_t)length;
	if (change->state == DHP_CHANGE_START && me->vetoes)
		*status = DHP_NO_MEMORY;
}

static void hear_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct hearer *me = context;
	struct story *story = me->story;
	size_t room = STORY_BYTES - story->arrived_length;
	int length = snprintf(story->arrived + story->arrived_length, room, "%c %s\n", me->name, arrival->name);

	if (length > 0 && (size_t)length < room)
		story->arrived_length += (size_t)length;
	(void)bump(&story->arrivals);
}

static void note_time(void *context, const struct dhp_trace_event *event)
{
	struct story *story = context;

	if (event->kind == DHP_TRACE_ENTER && strcmp(event->step, "reserve") == 0)
		story->reserved_at[story->reserved_count++ % 32] = event->time_ns;
}

static struct dhp_sim_event add_of(struct dhp_engine *engine, uint32_t group, uint32_t number, uint32_t delay_us)
{
	struct dhp_number chosen = { .group = (uint16_t)group, .number = (uint8_t)number };
	uint32_t position = dhp_sim_position(engine, chosen);

	assert_true(position < STORY_MAXIMUM);
	return (struct dhp_sim_event){ .position = position, .delay_us = delay_us };
}

static void assert_number(struct dhp_engine *engine, uint32_t index, uint32_t group, uint32_t number)
{
	struct dhp_processor row;

	assert_ok(dhp_processor_at(engine, index, &row));
	assert_int_equal(row.number.group, group);
	assert_int_equal(row.number.number, number);
}

/* Chosen numbers come after chosen delays, and one attempt fails to come up. */
static void play_script(struct story *story)
{
	struct dhp_engine *engine = story->engine;
	struct dhp_sim_event events[] = { add_of(engine, 2, 3, 2000), add_of(engine, 0, 2, 0), add_of(engine, 0, 2, 1000),
		add_of(engine, 2, 1, 500) };
	uint32_t added = 0;

	events[1].fails = true;
	events[1].failing_step = DHP_STEP_BRING_UP;
	story->reserved_count = 0;
	assert_ok(dhp_sim_play(engine, events, LENGTH(events), &added));
	assert_int_equal(added, 3);
	assert_int_equal(story->reserved_count, LENGTH(events));
	for (uint32_t i = 1; i < LENGTH(events); i++)
		assert_true(story->reserved_at[i] - story->reserved_at[i - 1] >= events[i].delay_us * (uint64_t)1000);
	assert_number(engine, 1, 2, 3); /* the index follows */
	assert_number(engine, 2, 0, 2);
	assert_number(engine, 3, 2, 1);
	/* Gaps in the masks, and a group in between that has nobody. */
	assert_int_equal(dhp_active_mask(engine, 0), 0x5);
	assert_int_equal(dhp_active_mask(engine, 1), 0);
	assert_int_equal(dhp_active_mask(engine, 2), 0xa);
}

static void veto_by(struct story *story, struct hearer *chosen)
{
	struct dhp_sim_event event = add_of(story->engine, 1, 0, 0);
	uint32_t added = 7;

	chosen->vetoes = true;
	assert_ok(dhp_sim_play(story->engine, &event, 1, &added));
	assert_int_equal(added, 0);
	chosen->vetoes = false;
	assert_ok(dhp_sim_play(story->engine, &event, 1, &added));
	assert_int_equal(added, 1);
	assert_number(story->engine, 4, 1, 0);
}

static uint32_t lines_that_say(const char *text, const char *line)
{
	uint32_t count = 0;

	for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line))
		count++;
	return count;
}

/* The arrival waits while the processor works (S-014), and is told twice to one who registers meanwhile (S-207). */
static void delay_and_double(struct story *story, struct hearer *late)
{
	struct dhp_engine *engine = story->engine;
	uint64_t before, ran_at = DHP_NO_INDEX;
	struct dhp_sim_event event = add_of(engine, 1, 3, 0);
	struct dhp_processor row;
	struct dhp_dpc dpc;
	char line[64];

	assert_ok(dhp_arrival_drain(engine));
	before = peek(&story->arrivals);
	assert_ok(dhp_sim_arrivals_hold(engine, true));
	assert_ok(dhp_sim_play(engine, &event, 1, NULL));
	for (uint32_t i = 0; i < 10; i++) {
		assert_ok(dhp_dpc_init(&dpc, engine, note_index, &ran_at));
		assert_ok(dhp_dpc_set_target(&dpc, 5));
		assert_ok(dhp_dpc_insert(&dpc, engine, NULL));
		assert_ok(dhp_dpc_flush(engine));
		assert_int_equal(peek(&ran_at), 5);
	}
	assert_int_equal(peek(&story->arrivals), before);
	assert_ok(dhp_arrival_register(engine, DHP_CLASS_PROCESSOR, hear_arrival, late, DHP_NOTIFY_EXISTING,
				       &late->arrival));
	assert_int_equal(peek(&story->arrivals), before + 6);
	assert_ok(dhp_sim_arrivals_hold(engine, false));
	assert_ok(dhp_arrival_drain(engine));
	assert_int_equal(peek(&story->arrivals), before + 6 + 2); /* to the early one, and again to the late one */
	assert_ok(dhp_processor_at(engine, 5, &row));
	(void)snprintf(line, sizeof(line), "%c processor-%u\n", late->name, row.cpu);
	assert_int_equal(lines_that_say(story->arrived, line), 2);
	assert_ok(dhp_processor_at(engine, 4, &row));
	(void)snprintf(line, sizeof(line), "%c processor-%u\n", late->name, row.cpu);
	assert_int_equal(lines_that_say(story->arrived, line), 1);
}

static void tell(struct story *story)
{
	const uint8_t group_size = 4;
	const struct sim_setup setup = { .maximum = STORY_MAXIMUM, .initial = 1, .group_sizes = &group_size,
		.group_size_count = 1, .gap = 5, .seed = 3, .trace = note_time, .trace_context = story };
	struct hearer hearers[4];

	memset(story, 0, sizeof(*story));
	story->engine = make_sim(&setup);
	assert_ok(dhp_arrival_drain(story->engine));
	assert_int_equal(counts_of(story->engine).groups_maximum, STORY_MAXIMUM / group_size);
	for (uint32_t i = 0; i < 4; i++)
		hearers[i] = (struct hearer){ .story = story, .name = (char)('a' + i) };
	for (uint32_t i = 0; i < 3; i++)
		assert_ok(dhp_notify_register(story->engine, hear_change, &hearers[i], 0, &hearers[i].notify));
	assert_ok(dhp_arrival_register(story->engine, DHP_CLASS_PROCESSOR, hear_arrival, &hearers[0], 0,
				       &hearers[0].arrival));
	play_script(story);
	veto_by(story, &hearers[1]);
	delay_and_double(story, &hearers[3]);
	for (uint32_t i = 0; i < 4; i++) {
		assert_ok(dhp_notify_unregister(hearers[i].notify));
		assert_ok(dhp_arrival_unregister(hearers[i].arrival));
	}
	end_engine(story->engine);
}

static void every_trouble_by_script_and_the_same_each_time_S757(void **state)
{
	static const char beginning[] = "a start 1 (2,3) DHP_OK\n"
					"b start 1 (2,3) DHP_OK\n"
					"c start 1 (2,3) DHP_OK\n"
					"a complete 1 (2,3) DHP_OK\n"
					"b complete 1 (2,3) DHP_OK\n"
					"c complete 1 (2,3) DHP_OK\n"
					"a start 2 (0,2) DHP_OK\n"
					"b start 2 (0,2) DHP_OK\n"
					"c start 2 (0,2) DHP_OK\n"
					"a failure 2 (0,2) DHP_INJECTED\n"
					"b failure 2 (0,2) DHP_INJECTED\n"
					"c failure 2 (0,2) DHP_INJECTED\n"
					"a start 2 (0,2) DHP_OK\n";
	static struct story first, again;

	(void)state;
	tell(&first);
	assert_memory_equal(first.heard, beginning, sizeof(beginning) - 1);
	assert_int_equal(lines_that_say(first.heard, "failure 4 (1,0) DHP_NO_MEMORY\n"), 3);
	assert_int_equal(lines_that_say(first.heard, "complete 4 (1,0) DHP_OK\n"), 3);
	for (uint32_t i = 0; i < 20; i++) {
		tell(&again);
		assert_string_equal(again.heard, first.heard);
		assert_string_equal(again.arrived, first.arrived);
	}
}

static void a_number_that_is_not_there_has_no_position(void **state)
{
	struct dhp_engine *engine = make_sim_of(3, 1), *real = NULL;
	const struct dhp_engine_options machine = { .size = sizeof(machine), .flags = DHP_ENGINE_NO_WATCH };

	(void)state;
	for (uint32_t number = 0; number < 5; number++) {
		struct dhp_number at = { .group = 0, .number = (uint8_t)number };

		assert_int_equal(dhp_sim_position(engine, at), number < 3 ? number : DHP_NO_INDEX);
		at.reserved = 1;
		assert_int_equal(dhp_sim_position(engine, at), DHP_NO_INDEX);
	}
	assert_int_equal(dhp_sim_position(engine, (struct dhp_number){ .group = 1 }), DHP_NO_INDEX);
	assert_int_equal(dhp_sim_position(NULL, (struct dhp_number){ .group = 0 }), DHP_NO_INDEX);
	assert_ok(dhp_engine_create(&machine, &real));
	assert_int_equal(dhp_sim_position(real, (struct dhp_number){ .group = 0 }), DHP_NO_INDEX);
	end_engine(real);
	end_engine(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_processor_and_then_once_all_the_others_S750),
		cmocka_unit_test(others_come_under_io_and_a_rebalance_is_forced_S752),
		cmocka_unit_test(the_path_of_replacing_stops_all_io_and_loses_none_S753),
		cmocka_unit_test(one_device_is_stopped_and_started_without_any_add_S754),
		cmocka_unit_test(small_groups_by_an_option_and_not_by_an_add_S756),
		cmocka_unit_test(this_machine_has_groups_of_one_if_asked_S756),
		cmocka_unit_test(every_trouble_by_script_and_the_same_each_time_S757),
		cmocka_unit_test(a_number_that_is_not_there_has_no_position),
	};

	return cmocka_run_group_tests_name("certification_story", tests, NULL, NULL);
}
