/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second client: a thread with a program of its own, which it reads again and again as long as the first goes on, so that the
 * calls of both meet in any order.
 *
 * They share the engine and its processors, and no object. So what either must hear follows from its own calls alone, whatever
 * the order, and the model of the first stays as it is. What the neighbour has to know of the first is one thing: processors
 * come and do not go. It keeps nobody waiting: it neither pauses nor vetoes, and its routines return.
 */
#include "world.h"

#include <pthread.h>
#include <sched.h>

#define OBJECTS 3u
#define SLOT_MARK 0x6e656967u

static struct {
	pthread_t thread;
	bool running;
	const uint8_t *program, *end, *at;
	uint64_t stop;
	uint32_t active; /* the least that there are */
} neighbour;

static uint32_t take_own(void)
{
	return neighbour.at < neighbour.end ? *neighbour.at++ : 0;
}

static uint64_t peek(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static void bump(uint64_t *counter)
{
	(void)__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

/* ---- the processors of both ---- */

static void look_at_processors(void)
{
	struct dhp_counts counts;
	struct dhp_processor row;
	uint32_t index = DHP_NO_INDEX;

	SAYS(dhp_counts_read(world.engine, &counts), DHP_OK);
	MUST(counts.active >= neighbour.active && counts.active <= counts.maximum && counts.usable <= counts.active);
	neighbour.active = counts.active;
	SAYS(dhp_processor_at(world.engine, counts.active - 1, &row), DHP_OK);
	SAYS(dhp_index_of_cpu(world.engine, row.cpu, &index), DHP_OK);
	MUST(index == counts.active - 1 && (dhp_active_mask(world.engine, row.number.group) >> row.number.number & 1) != 0);
}

/* ---- DPCs ---- */

static struct {
	struct dhp_dpc dpc;
	uint64_t inserted, removed, runs;
} objects[OBJECTS];

static void routine(struct dhp_dpc *dpc, void *context, void *first, void *second)
{
	(void)dpc, (void)first, (void)second;
	bump(context);
}

static void init_objects(void)
{
	for (uint32_t i = 0; i < OBJECTS; i++) {
		memset(&objects[i], 0, sizeof(objects[i]));
		SAYS(dhp_dpc_init(&objects[i].dpc, world.engine, routine, &objects[i].runs), DHP_OK);
		SAYS(dhp_dpc_set_importance(&objects[i].dpc, (enum dhp_importance)i), DHP_OK);
		if (i == 0)
			SAYS(dhp_dpc_set_target(&objects[i].dpc, neighbour.active - 1), DHP_OK);
	}
}

static void insert(void)
{
	uint32_t at = take_own() % OBJECTS;
	enum dhp_status status = dhp_dpc_insert(&objects[at].dpc, NULL, NULL);

	MUST(status == (has_workers() ? DHP_OK : DHP_NOT_SUPPORTED) || status == DHP_ALREADY_QUEUED);
	objects[at].inserted += status == DHP_OK;
}

static void take_out(void)
{
	uint32_t at = take_own() % OBJECTS;
	enum dhp_status status = dhp_dpc_remove(&objects[at].dpc);

	MUST(status == DHP_OK || status == DHP_NOT_QUEUED);
	MUST(status == DHP_NOT_QUEUED || objects[at].inserted > objects[at].removed);
	objects[at].removed += status == DHP_OK;
}

static void flush(void)
{
	SAYS(dhp_dpc_flush(world.engine), DHP_OK);
	for (uint32_t i = 0; i < OBJECTS; i++)
		MUST(peek(&objects[i].runs) + objects[i].removed == objects[i].inserted);
}

/* ---- arrays and blocks ---- */

static struct {
	struct dhp_percpu *view;
	uint64_t constructed, destructed;
} array;

static struct dhp_lookaside *list;

static enum dhp_status construct(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)context;
	MUST(*(uint32_t *)slot == 0);
	*(uint32_t *)slot = SLOT_MARK + (processor != NULL ? processor->index + 1 : 0);
	bump(&array.constructed);
	return DHP_OK;
}

static void destruct(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)context;
	MUST(*(uint32_t *)slot == SLOT_MARK + (processor != NULL ? processor->index + 1 : 0));
	bump(&array.destructed);
}

static void create_or_look(void)
{
	const struct dhp_percpu_options options = { .size = sizeof(options), .slot_bytes = sizeof(uint32_t),
		.construct = construct, .destruct = destruct };

	if (array.view == NULL) {
		array.constructed = array.destructed = 0;
		SAYS(dhp_percpu_create(world.engine, &options, &array.view), DHP_OK);
	}
	for (uint32_t index = 0; index < neighbour.active; index++) {
		const uint32_t *slot = dhp_percpu_at(array.view, index);

		MUST(slot != NULL && *slot == SLOT_MARK + index + 1);
	}
}

static void destroy(void)
{
	bool was_there = array.view != NULL;

	SAYS(dhp_percpu_destroy(array.view), DHP_OK);
	array.view = NULL;
	MUST(!was_there || peek(&array.constructed) == peek(&array.destructed));
}

static void use_blocks(void)
{
	const struct dhp_lookaside_options options = { .size = sizeof(options), .block_bytes = 40 };
	uint64_t *block;

	if (list == NULL)
		SAYS(dhp_lookaside_create(world.engine, &options, &list), DHP_OK);
	block = dhp_lookaside_allocate(list);
	MUST(block != NULL);
	*block = take_own();
	dhp_lookaside_free(list, block);
	SAYS(dhp_lookaside_flush(list), DHP_OK);
}

static void drop_blocks(void)
{
	SAYS(dhp_lookaside_destroy(list), DHP_OK);
	list = NULL;
}

/* ---- sections ---- */

static struct {
	struct dhp_reader *reader;
	struct dhp_deferred deferred;
	uint64_t deferrals, reclaimed, inside;
} section;

static void reclaim(struct dhp_deferred *deferred)
{
	(void)deferred;
	MUST(peek(&section.inside) == 0);
	bump(&section.reclaimed);
}

/* What is deferred in a section is not reclaimed before its end. */
static void defer_in_section(void)
{
	if (section.deferrals != peek(&section.reclaimed))
		return;
	SAYS(dhp_reader_join(world.engine, &section.reader), DHP_OK);
	dhp_epoch_enter(section.reader);
	__atomic_store_n(&section.inside, 1, __ATOMIC_SEQ_CST);
	section.deferrals++;
	SAYS(dhp_epoch_defer(world.engine, &section.deferred, reclaim), DHP_OK);
	SAYS(dhp_epoch_synchronize(world.engine), DHP_IN_SECTION);
	for (uint32_t i = take_own() % 8; i > 0; i--)
		(void)sched_yield();
	__atomic_store_n(&section.inside, 0, __ATOMIC_SEQ_CST);
	dhp_epoch_exit(section.reader);
	SAYS(dhp_reader_leave(section.reader), DHP_OK);
}

static void drain(void)
{
	SAYS(dhp_epoch_drain(world.engine), DHP_OK);
	MUST(section.deferrals == peek(&section.reclaimed));
}

/* ---- registration ---- */

static struct {
	struct dhp_notify *handle;
	uint64_t open;      /* Starts that wait for their second call */
	uint64_t completed;
	uint64_t closed;    /* unregistering has returned */
} registrant;

static void on_change(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	(void)context, (void)status;
	MUST(peek(&registrant.closed) == 0);
	if (change->state == DHP_CHANGE_START) {
		bump(&registrant.open);
		return;
	}
	MUST(peek(&registrant.open) > 0);
	(void)__atomic_fetch_sub(&registrant.open, 1, __ATOMIC_SEQ_CST);
	registrant.completed += change->state == DHP_CHANGE_COMPLETE;
}

static void enter_or_leave(void)
{
	if (registrant.handle == NULL) {
		memset(&registrant, 0, sizeof(registrant));
		SAYS(dhp_notify_register(world.engine, on_change, NULL, DHP_NOTIFY_EXISTING, &registrant.handle), DHP_OK);
		return;
	}
	SAYS(dhp_notify_unregister(registrant.handle), DHP_OK);
	__atomic_store_n(&registrant.closed, 1, __ATOMIC_SEQ_CST);
	registrant.handle = NULL;
	MUST(registrant.completed >= neighbour.active);
}

/* ---- the program ---- */

static void (*const calls[])(void) = { look_at_processors, insert, take_out, flush, create_or_look, destroy, use_blocks,
	defer_in_section, drain, enter_or_leave, insert, take_out };

static void *live_next_door(void *argument)
{
	(void)argument;
	look_at_processors();
	init_objects();
	do {
		for (neighbour.at = neighbour.program; neighbour.at < neighbour.end && peek(&neighbour.stop) == 0;)
			calls[take_own() % COUNT(calls)]();
	} while (peek(&neighbour.stop) == 0);
	flush();
	drain();
	destroy();
	drop_blocks();
	if (registrant.handle != NULL)
		enter_or_leave();
	return NULL;
}

/* No bytes: nobody lives there. */
void neighbour_begin(const uint8_t *program, size_t size)
{
	memset(&neighbour, 0, sizeof(neighbour));
	memset(&registrant, 0, sizeof(registrant));
	memset(&section, 0, sizeof(section));
	if (size == 0)
		return;
	neighbour.program = program;
	neighbour.end = program + size;
	MUST(pthread_create(&neighbour.thread, NULL, live_next_door, NULL) == 0);
	neighbour.running = true;
}

void neighbour_end(void)
{
	__atomic_store_n(&neighbour.stop, 1, __ATOMIC_SEQ_CST);
	if (neighbour.running)
		(void)pthread_join(neighbour.thread, NULL);
	neighbour.running = false;
}
