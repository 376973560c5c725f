/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object.h - a DPC that counts: how often it was inserted, run and removed. When nothing is queued,
 * inserted = ran + removed, for each object by itself.
 */
#ifndef TORTURE_OBJECT_H
#define TORTURE_OBJECT_H

#include "world.h"

struct object {
	struct dhp_dpc dpc;
	struct world *world;
	uint32_t target; /* DHP_NO_INDEX: none; changed only while nobody may insert */
	bool threaded;   /* likewise */
	atomic_ullong inserted;
	atomic_ullong ran;
	atomic_ullong removed;
};

/* Prepare it (again): nobody may insert, and nothing of it may run. Counts are kept. */
static inline void object_prepare(struct object *object, struct world *world, dhp_dpc_routine *routine, uint32_t target,
				  enum dhp_importance importance)
{
	object->world = world;
	object->target = target;
	object->threaded = false;
	went_well(world, dhp_dpc_init(&object->dpc, world->engine, routine, object));
	went_well(world, dhp_dpc_set_importance(&object->dpc, importance));
	if (target != DHP_NO_INDEX)
		went_well(world, dhp_dpc_set_target(&object->dpc, target));
}

/* After object_prepare: its routine runs at passive level. */
static inline void object_make_threaded(struct object *object, dhp_dpc_routine *routine, enum dhp_importance importance)
{
	struct world *world = object->world;

	object->threaded = true;
	went_well(world, dhp_dpc_init_threaded(&object->dpc, world->engine, routine, object));
	went_well(world, dhp_dpc_set_importance(&object->dpc, importance));
	if (object->target != DHP_NO_INDEX)
		went_well(world, dhp_dpc_set_target(&object->dpc, object->target));
}

/* Some by themselves, some as a batch of one. */
static inline enum dhp_status object_queue(struct object *object, uint64_t argument)
{
	struct dhp_dpc *dpc = &object->dpc;
	enum dhp_status status;
	size_t inserted;

	if (argument % 4 != 3)
		return dhp_dpc_insert(dpc, (void *)(uintptr_t)argument, object);
	status = dhp_dpc_insert_batch(&dpc, 1, (void *)(uintptr_t)argument, object, &inserted);
	return status == DHP_OK && inserted == 0 ? DHP_ALREADY_QUEUED : status;
}

/* true: queued by this call. Any level. */
static inline bool object_insert(struct object *object, uint64_t argument)
{
	struct world *world = object->world;
	enum dhp_status status = object_queue(object, argument);

	switch ((int)status) {
	case DHP_OK:
		atomic_fetch_add_explicit(&object->inserted, 1, memory_order_relaxed);
		deed(world, DEED_INSERTED);
		return true;
	case DHP_ALREADY_QUEUED:
		deed(world, DEED_ALREADY);
		return false;
	case DHP_CLOSED:
		deed(world, DEED_CLOSED);
		return false;
	default:
		went_well(world, status);
		return false;
	}
}

#define OBJECTS_AT_ONCE 32u

/* Several in this order, none of which is queued or inserted by anybody else. */
static inline void object_insert_idle(struct object *const *objects, uint32_t count, uint64_t argument)
{
	struct dhp_dpc *dpcs[OBJECTS_AT_ONCE];
	struct world *world = objects[0]->world;
	enum dhp_status status;
	size_t inserted;
	uint32_t i;

	for (i = 0; i < count; i++)
		dpcs[i] = &objects[i]->dpc;
	status = dhp_dpc_insert_batch(dpcs, count, (void *)(uintptr_t)argument, NULL, &inserted);
	for (i = 0; i < inserted; i++) {
		atomic_fetch_add_explicit(&objects[i]->inserted, 1, memory_order_relaxed);
		deed(world, DEED_INSERTED);
	}
	if (status == DHP_CLOSED)
		deed(world, DEED_CLOSED);
	else if (went_well(world, status))
		tally_equal(world->tally, RULE_STATUS, inserted, count);
}

/* true: this call took it off its queue. */
static inline bool object_remove(struct object *object)
{
	enum dhp_status status = dhp_dpc_remove(&object->dpc);

	if (status == DHP_OK) {
		atomic_fetch_add_explicit(&object->removed, 1, memory_order_relaxed);
		deed(object->world, DEED_REMOVED);
		return true;
	}
	if (status == DHP_NOT_QUEUED)
		deed(object->world, DEED_REMOVED_NOT);
	else
		went_well(object->world, status);
	return false;
}

/* First thing in each routine. */
static inline void object_ran(struct object *object)
{
	uint64_t times = 1;

#if SEED_BUG == 1
	if (atomic_load_explicit(&object->world->tally->deeds[DEED_RAN], memory_order_relaxed) % 1000 == 999)
		times = 2;
#endif
	tally_equal(object->world->tally, RULE_TARGET, dhp_level(), object->threaded ? DHP_PASSIVE : DHP_DISPATCH);
	if (object->threaded)
		deed(object->world, DEED_THREADED);
	atomic_fetch_add_explicit(&object->ran, times, memory_order_relaxed);
	tally_add(object->world->tally, DEED_RAN, times);
}

/* Nothing of it is queued or runs. */
static inline void object_balance(struct object *object)
{
	struct tally *tally = object->world->tally;
	uint64_t inserted = atomic_load_explicit(&object->inserted, memory_order_relaxed);
	uint64_t left = atomic_load_explicit(&object->ran, memory_order_relaxed) +
			atomic_load_explicit(&object->removed, memory_order_relaxed);

	tally_check(tally, RULE_LOST, left >= inserted, left, inserted);
	tally_check(tally, RULE_DOUBLED, left <= inserted, left, inserted);
}

#endif
