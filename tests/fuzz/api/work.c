/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DPCs: queued once, run once or removed once, wherever processors come and go.
 *
 * A program may keep every worker busy, with one DPC each that does not return. Until it releases them nothing runs that it
 * queues, so that it is known what each call must say. A newcomer ends that knowledge.
 */
#include "world.h"

#include <sched.h>

#define OBJECTS 6u

enum deed { DEED_NOTHING, DEED_AGAIN, DEED_NEXT, DEED_REMOVE_NEXT, DEED_MISUSE, DEEDS };

enum known { IDLE, QUEUED, UNKNOWN };

struct object {
	struct dhp_dpc dpc;
	bool ready;
	enum deed deed;
	enum known known;
	uint64_t left;                    /* how often the deed is still done */
	uint64_t inserted, removed, runs; /* by any thread */
};

static struct object objects[OBJECTS];

static struct {
	struct dhp_dpc dpc;
	uint64_t inserted, runs;
} aimed; /* from Start, at the one that comes or fails to */

static struct {
	struct dhp_dpc dpcs[MODEL_PROCESSORS];
	uint64_t came, may_go;
	bool busy;    /* every worker of the start of this is */
	bool certain; /* and no other has come */
} keep;

static uint64_t bump(uint64_t *counter)
{
	return __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

static uint64_t peek(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

/* ---- what routines do ---- */

static void insert_from_routine(struct object *object)
{
	enum dhp_status status = dhp_dpc_insert(&object->dpc, NULL, NULL);

	MUST(status == DHP_OK || status == DHP_ALREADY_QUEUED || (status == DHP_BAD_OBJECT && !object->ready));
	if (status == DHP_OK)
		(void)bump(&object->inserted);
}

static void remove_from_routine(struct object *object)
{
	enum dhp_status status = dhp_dpc_remove(&object->dpc);

	MUST(status == DHP_OK || status == DHP_NOT_QUEUED || (status == DHP_BAD_OBJECT && !object->ready));
	if (status == DHP_OK)
		(void)bump(&object->removed);
}

static void routine(struct dhp_dpc *dpc, void *context, void *first, void *second)
{
	struct object *object = context, *next = &objects[(uint32_t)(object - objects + 1) % OBJECTS];
	bool again = peek(&object->left) > 0;

	MUST(dpc == &object->dpc && first == NULL && second == NULL);
	MUST(dhp_level() == DHP_DISPATCH || (world.model.flags & DHP_ENGINE_NO_THREADED_DPCS) == 0);
	if (again)
		(void)__atomic_fetch_sub(&object->left, 1, __ATOMIC_SEQ_CST);
	if (again && object->deed == DEED_AGAIN)
		insert_from_routine(object);
	else if (again && object->deed == DEED_NEXT)
		insert_from_routine(next);
	else if (again && object->deed == DEED_REMOVE_NEXT)
		remove_from_routine(next);
	else if (object->deed == DEED_MISUSE)
		refuse_in_routine();
	(void)bump(&object->runs);
}

static void aimed_routine(struct dhp_dpc *dpc, void *context, void *first, void *second)
{
	(void)dpc, (void)context, (void)first, (void)second;
	(void)bump(&aimed.runs);
}

/* By one thread at a time. It may be queued for an earlier one: then the next insertion goes there (S-626). */
void work_aim(uint32_t index)
{
	enum dhp_status status;

	SAYS(dhp_dpc_set_target(&aimed.dpc, index), DHP_OK);
	status = dhp_dpc_insert(&aimed.dpc, NULL, NULL);
	MUST(status == DHP_OK || status == DHP_ALREADY_QUEUED || (status == DHP_NOT_SUPPORTED && !has_workers()));
	aimed.inserted += status == DHP_OK;
}

/* ---- quiet ---- */

static uint64_t all_inserted(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < OBJECTS; i++)
		sum += peek(&objects[i].inserted);
	return sum;
}

static void forget(void)
{
	for (uint32_t i = 0; i < OBJECTS; i++)
		if (objects[i].known == QUEUED)
			objects[i].known = UNKNOWN;
	keep.certain = false;
}

void work_newcomer(void)
{
	forget();
}

void work_release(void)
{
	if (!keep.busy)
		return;
	keep.busy = false;
	forget();
	(void)bump(&keep.may_go);
	SAYS(dhp_dpc_flush(world.engine), DHP_OK);
}

/* What routines insert meanwhile the flush need not wait for. */
void work_settle(void)
{
	uint64_t before;

	work_release();
	do {
		before = all_inserted();
		SAYS(dhp_dpc_flush(world.engine), DHP_OK);
	} while (all_inserted() != before);
	MUST(peek(&aimed.runs) == aimed.inserted);
	for (uint32_t i = 0; i < OBJECTS; i++) {
		MUST(peek(&objects[i].runs) == peek(&objects[i].inserted) - peek(&objects[i].removed));
		objects[i].known = IDLE;
	}
}

static void keep_one(struct dhp_dpc *dpc, void *context, void *first, void *second)
{
	(void)dpc, (void)context, (void)first, (void)second;
	(void)bump(&keep.came);
	while (peek(&keep.may_go) == 0)
		(void)sched_yield();
}

static void keep_workers(void)
{
	work_settle();
	if (!has_workers() || world.model.usable != world.model.active)
		return;
	keep.came = keep.may_go = 0;
	for (uint32_t index = 0; index < world.model.active; index++) {
		SAYS(dhp_dpc_init(&keep.dpcs[index], world.engine, keep_one, NULL), DHP_OK);
		SAYS(dhp_dpc_set_target(&keep.dpcs[index], index), DHP_OK);
		SAYS(dhp_dpc_insert(&keep.dpcs[index], NULL, NULL), DHP_OK);
	}
	while (peek(&keep.came) < world.model.active)
		(void)sched_yield();
	keep.busy = keep.certain = true;
}

/* ---- calls ---- */

/* Nobody but this thread can have changed it. */
static bool is_certain(const struct object *object)
{
	if (!object->ready || !has_workers())
		return true;
	if (keep.certain)
		return object->known != UNKNOWN;
	for (uint32_t i = 0; i < OBJECTS; i++)
		if (objects[i].known != IDLE)
			return false;
	return true;
}

static void init(void)
{
	struct object *object = &objects[take_below(OBJECTS)];
	uint32_t how = take();
	enum dhp_status (*call)(struct dhp_dpc *, struct dhp_engine *, dhp_dpc_routine *, void *) =
		(how & 8) != 0 ? dhp_dpc_init_threaded : dhp_dpc_init;

	work_settle();
	SAYS(call(&object->dpc, NULL, routine, object), DHP_BAD_ENGINE);
	SAYS(call(NULL, world.engine, routine, object), DHP_BAD_OBJECT);
	SAYS(call(&object->dpc, world.engine, NULL, object), DHP_BAD_CALLBACK);
	SAYS(call(&object->dpc, world.engine, routine, object), DHP_OK);
	object->ready = true;
	object->deed = (enum deed)(how % DEEDS);
	object->left = how >> 4 & 3;
}

static void set(void)
{
	struct object *object = &objects[take_below(OBJECTS)];
	uint32_t importance = take_below(5), index = take_below(MODEL_PROCESSORS);
	bool at = take_below(2) != 0;

	work_settle();
	SAYS(dhp_dpc_set_importance(&object->dpc, (enum dhp_importance)importance), !object->ready ? DHP_BAD_OBJECT :
	     importance > DHP_IMPORTANCE_MEDIUM_HIGH ? DHP_BAD_IMPORTANCE : DHP_OK);
	if (at)
		SAYS(dhp_dpc_set_target(&object->dpc, index), !object->ready ? DHP_BAD_OBJECT :
		     index >= world.model.active ? DHP_BAD_INDEX : DHP_OK);
}

static enum dhp_status expected_insert(const struct object *object)
{
	if (!object->ready)
		return DHP_BAD_OBJECT;
	if (!has_workers())
		return DHP_NOT_SUPPORTED;
	return object->known == IDLE ? DHP_OK : DHP_ALREADY_QUEUED;
}

static void insert(void)
{
	struct object *object = &objects[take_below(OBJECTS)];
	bool certain = is_certain(object);
	enum dhp_status status;

	/* Counted before: it may have run at the return. */
	status = dhp_dpc_insert(&object->dpc, NULL, NULL);
	if (certain)
		SAYS(status, expected_insert(object));
	MUST(status == DHP_OK || status == DHP_ALREADY_QUEUED || certain);
	if (status == DHP_OK) {
		(void)bump(&object->inserted);
		object->known = keep.certain && certain ? QUEUED : UNKNOWN;
	}
}

/* By itself, as a batch: nobody knows of several which was queued, unless all of them stay where they are. */
static void insert_as_batch(struct object *object)
{
	bool certain = is_certain(object);
	enum dhp_status expected = expected_insert(object);
	struct dhp_dpc *dpc = &object->dpc;
	size_t inserted = 2;

	SAYS(dhp_dpc_insert_batch(&dpc, 1, NULL, NULL, &inserted), expected == DHP_ALREADY_QUEUED ? DHP_OK : expected);
	MUST(certain ? inserted == (expected == DHP_OK) : inserted <= 1);
	if (inserted != 0) {
		(void)bump(&object->inserted);
		object->known = UNKNOWN;
	}
}

/* The object at `first` and those that follow, round and round; the one at `end` is NULL. */
static void insert_held(uint32_t first, uint32_t count, uint32_t end)
{
	struct dhp_dpc *dpcs[2 * OBJECTS] = { NULL };
	enum dhp_status expected = DHP_OK;
	size_t inserted = SIZE_MAX, queued = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct object *object = &objects[(first + i) % OBJECTS];

		dpcs[i] = i == end ? NULL : &object->dpc;
		if (expected == DHP_OK || expected == DHP_ALREADY_QUEUED)
			expected = i == end ? DHP_BAD_OBJECT : expected_insert(object);
		if (expected == DHP_OK) { /* its routine may not run before the workers are released */
			(void)bump(&object->inserted);
			object->known = QUEUED;
			queued++;
		}
	}
	SAYS(dhp_dpc_insert_batch(dpcs, count, NULL, NULL, &inserted), expected == DHP_ALREADY_QUEUED ? DHP_OK : expected);
	MUST(inserted == queued);
}

static void insert_batch(void)
{
	uint32_t how = take();

	if (keep.certain)
		insert_held(how % OBJECTS, how / OBJECTS % (2 * OBJECTS), how >> 4);
	else
		insert_as_batch(&objects[how % OBJECTS]);
}

static void take_out(void)
{
	struct object *object = &objects[take_below(OBJECTS)];
	bool certain = is_certain(object);
	enum dhp_status status = dhp_dpc_remove(&object->dpc);

	if (certain)
		SAYS(status, !object->ready ? DHP_BAD_OBJECT : object->known == QUEUED ? DHP_OK : DHP_NOT_QUEUED);
	MUST(status == DHP_OK || status == DHP_NOT_QUEUED || certain);
	if (status == DHP_OK) {
		(void)bump(&object->removed);
		object->known = object->known == QUEUED ? IDLE : object->known;
	}
}

static void flush(void)
{
	SAYS(dhp_dpc_flush(world.engine), DHP_OK);
}

static uint64_t calls;

static uintptr_t called(void *argument)
{
	(void)bump(&calls);
	MUST(dhp_level() == DHP_DISPATCH);
	(void)dhp_call_meet(world.engine);
	return (uintptr_t)argument + 1;
}

static void call_all(void)
{
	uintptr_t result = 0;
	uint32_t argument = take();

	calls = 0;
	SAYS(dhp_call_all(world.engine, called, (void *)(uintptr_t)argument, &result), has_workers() ? DHP_OK : DHP_NOT_SUPPORTED);
	MUST(peek(&calls) == (has_workers() ? world.model.active : 0));
	MUST(result == (has_workers() ? argument + 1 : 0));
}

static void begin(void)
{
	memset(objects, 0, sizeof(objects));
	memset(&keep, 0, sizeof(keep));
	memset(&aimed, 0, sizeof(aimed));
	SAYS(dhp_dpc_init(&aimed.dpc, world.engine, aimed_routine, NULL), DHP_OK);
}

static void check(void)
{
}

static bool holds_engine(void)
{
	return false;
}

/* What is queued runs before the engine goes: not settled here every time. */
static void end(void)
{
	work_settle();
}

static const struct operation operations[] = {
	{ "dpc init", init, true }, { "dpc init", init, true }, { "dpc set", set, true }, { "dpc insert", insert, false },
	{ "dpc insert", insert, false }, { "dpc insert batch", insert_batch, false }, { "dpc remove", take_out, false },
	{ "dpc remove", take_out, false }, { "dpc flush", flush, true }, { "settle", work_settle, true },
	{ "keep workers", keep_workers, true }, { "keep workers", keep_workers, true }, { "release workers", work_release, false },
	{ "call all", call_all, true },
};

const struct part work_part = { operations, COUNT(operations), begin, check, holds_engine, end };
