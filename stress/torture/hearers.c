/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hearers.c - synchronous registrants. Three stay for the whole round; others come and go: with and without a replay,
 * vetoing it or an arrival, unregistered by their thread, by their own callback or by somebody else's.
 *
 * Callbacks never overlap (S-199), so what they keep is plain memory, and ThreadSanitizer checks that promise too. After
 * unregistering, the thread reads that memory: every call must have happened before.
 */
#include <stdlib.h>

#include "object.h"

#define LASTING 3u
#define PATIENCE_MS 30000u

struct hearer {
	struct world *world;
	_Atomic(struct dhp_notify *) handle; /* who exchanges it for NULL unregisters */
	atomic_bool closed;                  /* unregister has returned: nobody may be called */
	atomic_bool inside;                  /* a call is in progress */
	_Atomic(struct hearer *) before;     /* registered just before, and has heard as much so far; or NULL */
	bool stays;                          /* for the whole round */
	struct dice dice;
	bool vetoes;                         /* arrivals, now and then */
	uint32_t veto_at;                    /* the replay, at this Start; or DHP_NO_INDEX */
	/* callbacks only, until unregistered */
	uint32_t calls;
	uint32_t starts, completes, failures; /* of the replay */
	bool open;                           /* a Start waits for its second call */
	uint32_t open_index;
	uint32_t heard;                      /* processors completed, replay included */
	struct object *early;                /* inserted in Start for the processor that is being added */
	struct hearer *next;                 /* of those to be freed at the end */
};

struct hearers {
	struct hearer lasting[LASTING];
	atomic_bool calling;              /* any callback of anybody */
	_Atomic(struct hearer *) victim;  /* one whom others may unregister */
	_Atomic(struct hearer *) retired; /* freed at the end: somebody may hold a pointer */
	struct early *early;              /* callbacks only */
};

/* A DPC for a processor to come; freed at the end of the round. */
struct early {
	struct object object;
	struct early *next;
};

static _Thread_local struct hearer *registering; /* the hearer whose replay this thread waits for */

static void early_routine(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	object_ran(object);
	routine_checks(object->world, DHP_NO_INDEX, object->target);
}

/* Start: work for the newcomer, to run after its bring-up (S-155). */
static void early_insert(struct hearer *hearer, uint32_t index)
{
	struct world *world = hearer->world;
	struct early *early = take(sizeof(*early));

	early->next = world->hearers->early;
	world->hearers->early = early;
	object_prepare(&early->object, world, early_routine, index, DHP_IMPORTANCE_MEDIUM);
	object_insert(&early->object, index);
	deed(world, DEED_EARLY);
	hearer->early = &early->object;
}

/* Complete: it runs while this callback waits (S-157). */
static void early_await(struct hearer *hearer)
{
	struct object *early = hearer->early;
	uint64_t limit = now_ms() + PATIENCE_MS;

	while (atomic_load_explicit(&early->ran, memory_order_relaxed) == 0 && now_ms() < limit)
		sleep_us(50);
	tally_check(hearer->world->tally, RULE_HUNG, atomic_load_explicit(&early->ran, memory_order_relaxed) == 1,
		    early->target, early->target);
	hearer->early = NULL;
}

static void unregister(struct hearer *hearer)
{
	struct dhp_notify *handle = atomic_exchange_explicit(&hearer->handle, NULL, memory_order_acq_rel);

	if (handle == NULL)
		return;
	dhp_notify_unregister(handle);
	atomic_store_explicit(&hearer->closed, true, memory_order_release);
	deed(hearer->world, DEED_UNREGISTERED_INSIDE);
}

static void check_named(struct world *world, const struct dhp_processor_change *change)
{
	struct dhp_processor processor;
	uint32_t index;

	if (!went_well(world, dhp_processor_at(world->engine, change->index, &processor)))
		return;
	tally_equal(world->tally, RULE_PAIRED, processor.cpu, change->cpu);
	tally_equal(world->tally, RULE_PAIRED, processor.number.group, change->number.group);
	tally_equal(world->tally, RULE_PAIRED, processor.number.number, change->number.number);
	if (went_well(world, dhp_index_of_cpu(world->engine, change->cpu, &index)))
		tally_equal(world->tally, RULE_PAIRED, index, change->index);
}

static uint32_t active(struct world *world)
{
	struct dhp_counts counts = {.active = 0};

	went_well(world, dhp_counts_read(world->engine, &counts));
	return counts.active;
}

static void replay_call(struct hearer *hearer, const struct dhp_processor_change *change,
			enum dhp_status *operation_status)
{
	struct tally *tally = hearer->world->tally;

	switch (change->state) {
	case DHP_CHANGE_START:
		tally_equal(tally, RULE_REPLAY, change->index, hearer->starts++);
		if (change->index == hearer->veto_at)
			*operation_status = DHP_VETOED;
		break;
	case DHP_CHANGE_COMPLETE:
		tally_equal(tally, RULE_REPLAY, change->index, hearer->completes++);
		hearer->heard++;
		break;
	case DHP_CHANGE_FAILURE:
		tally_equal(tally, RULE_REPLAY, change->index, hearer->failures++);
		tally_equal(tally, RULE_REPLAY, (uint64_t)(int64_t)change->status, (uint64_t)(int64_t)DHP_VETOED);
		break;
	}
}

static void arrival_call(struct hearer *hearer, const struct dhp_processor_change *change,
			 enum dhp_status *operation_status)
{
	struct world *world = hearer->world;

	if (change->state == DHP_CHANGE_START) {
		tally_check(world->tally, RULE_PAIRED, !hearer->open, change->index, hearer->open_index);
		tally_equal(world->tally, RULE_START_ORDER, change->index, active(world));
		hearer->open = true;
		hearer->open_index = change->index;
		if (dice_one_in(&hearer->dice, 4))
			early_insert(hearer, change->index);
		if (hearer->vetoes && !calm(world) && dice_one_in(&hearer->dice, 12)) {
			*operation_status = DHP_VETOED;
			deed(world, DEED_VETOED);
		}
		return;
	}
	tally_check(world->tally, RULE_PAIRED, hearer->open && hearer->open_index == change->index, change->index,
		    hearer->open_index);
	hearer->open = false;
	if (change->state == DHP_CHANGE_COMPLETE) {
		hearer->heard++;
		tally_equal(world->tally, RULE_START_ORDER, active(world), change->index + 1);
		if (hearer->early != NULL)
			early_await(hearer);
		return;
	}
	tally_equal(world->tally, RULE_START_ORDER, active(world), change->index);
	tally_check(world->tally, RULE_PAIRED, dhp_failed(change->status), (uint64_t)(int64_t)change->status, 0);
	if (hearer->early != NULL)
		object_remove(hearer->early);
	hearer->early = NULL;
}

static void callback(void *context, const struct dhp_processor_change *change, enum dhp_status *operation_status)
{
	struct hearer *hearer = context, *victim, *before = atomic_load_explicit(&hearer->before, memory_order_acquire);
	struct world *world = hearer->world;
	struct hearers *all = world->hearers;

	stalls_welcome();
	deed(world, DEED_CHANGES);
	tally_check(world->tally, RULE_LATE_CALL, !atomic_load_explicit(&hearer->closed, memory_order_acquire),
		    change->index, 0);
	atomic_store_explicit(&hearer->inside, true, memory_order_relaxed);
	tally_check(world->tally, RULE_OVERLAP,
		    !atomic_exchange_explicit(&all->calling, true, memory_order_relaxed), change->index, 0);
	hearer->calls++;
	if (registering != hearer && before != NULL)
		tally_equal(world->tally, RULE_START_ORDER, hearer->calls, before->calls);
	check_named(world, change);
	if (registering == hearer)
		replay_call(hearer, change, operation_status);
	else
		arrival_call(hearer, change, operation_status);
	atomic_store_explicit(&all->calling, false, memory_order_relaxed);
	if (dice_one_in(&hearer->dice, 32)) {
		victim = atomic_load_explicit(&all->victim, memory_order_acquire);
		if (victim != NULL && victim != hearer)
			unregister(victim);
	}
	if (!hearer->stays && dice_one_in(&hearer->dice, 16))
		unregister(hearer);
	atomic_store_explicit(&hearer->inside, false, memory_order_relaxed);
}

static struct hearer *hearer_make(struct world *world, struct dice *dice)
{
	struct hearer *hearer = take(sizeof(*hearer));

	hearer->world = world;
	hearer->dice = dice_make(dice_roll(dice), 0);
	hearer->vetoes = dice_one_in(dice, 2);
	hearer->veto_at = DHP_NO_INDEX;
	return hearer;
}

/* false: it vetoed its replay, and nothing remains. */
static bool hearer_register(struct hearer *hearer, uint32_t flags)
{
	struct tally *tally = hearer->world->tally;
	struct dhp_notify *handle = NULL;
	enum dhp_status status;

	registering = hearer;
	status = dhp_notify_register(hearer->world->engine, callback, hearer, flags, &handle);
	registering = NULL;
	if (is_excused(hearer->world, status))
		return false;
	if (hearer->veto_at != DHP_NO_INDEX) {
		/* S-128 to S-132; nobody is registered, so nobody else reads these */
		tally_equal(tally, RULE_REPLAY, (uint64_t)(int64_t)status, (uint64_t)(int64_t)DHP_VETOED);
		tally_equal(tally, RULE_REPLAY, hearer->calls, 2 * (uint64_t)hearer->veto_at + 1);
		atomic_store_explicit(&hearer->closed, true, memory_order_release);
		deed(hearer->world, DEED_REGISTER_VETOED);
		return false;
	}
	if (!went_well(hearer->world, status))
		return false;
	deed(hearer->world, DEED_REGISTERED);
	atomic_store_explicit(&hearer->handle, handle, memory_order_release);
	return true;
}

/* After unregister has returned, in the thread that called it. */
static void check_silent(struct hearer *hearer)
{
	tally_check(hearer->world->tally, RULE_LATE_CALL,
		    !atomic_load_explicit(&hearer->inside, memory_order_relaxed), hearer->calls, 0);
	tally_check(hearer->world->tally, RULE_REPLAY, hearer->starts == hearer->completes, hearer->starts,
		    hearer->completes);
}

static void retire(struct world *world, struct hearer *hearer)
{
	struct hearer *head = atomic_load_explicit(&world->hearers->retired, memory_order_relaxed);

	do
		hearer->next = head;
	while (!atomic_compare_exchange_weak_explicit(&world->hearers->retired, &head, hearer, memory_order_acq_rel,
						      memory_order_relaxed));
}

/* Comes, stays a while, goes. The context of one that nobody else knows is freed at once. */
static void come_and_go(struct world *world, struct dice *dice)
{
	while (!stopping(world)) {
		struct hearer *hearer = hearer_make(world, dice);
		uint32_t flags = dice_one_in(dice, 2) ? DHP_NOTIFY_EXISTING : 0;
		bool known = dice_one_in(dice, 2);
		struct dhp_notify *handle;

		if (flags != 0 && dice_one_in(dice, 4))
			hearer->veto_at = any_index(world, dice);
		if (!hearer_register(hearer, flags)) {
			free(hearer);
			continue;
		}
		if (known)
			atomic_store_explicit(&world->hearers->victim, hearer, memory_order_release);
		sleep_us(dice_below(dice, 5000));
		handle = atomic_exchange_explicit(&hearer->handle, NULL, memory_order_acq_rel);
		if (handle != NULL) {
			dhp_notify_unregister(handle);
			atomic_store_explicit(&hearer->closed, true, memory_order_release);
			check_silent(hearer);
		}
		if (handle == NULL || known)
			retire(world, hearer);
		else
			free(hearer);
	}
}

static void begin(struct world *world)
{
	struct dice dice = dice_make(world->seed, 3000);
	struct hearers *all = world->hearers = take(sizeof(*all));
	struct dhp_engine_stats stats;
	uint32_t i;

	for (i = 0; i < LASTING; i++) {
		struct hearer *hearer = &all->lasting[i];

		hearer->world = world;
		hearer->dice = dice_make(dice_roll(&dice), i);
		hearer->veto_at = DHP_NO_INDEX;
		hearer->vetoes = i == 1;
		hearer->stays = true;
		hearer_register(hearer, DHP_NOTIFY_EXISTING);
	}
	/* Only now, since in the replays each stands alone; and unless an arrival came between that only some have heard. */
	if (!went_well(world, dhp_engine_stats_read(world->engine, &stats)) ||
	    stats.callbacks_count != (uint64_t)LASTING * 2 * active(world))
		return;
	for (i = 1; i < LASTING; i++)
		atomic_store_explicit(&all->lasting[i].before, &all->lasting[i - 1], memory_order_release);
}

static void end(struct world *world)
{
	struct hearers *all = world->hearers;
	uint32_t i;

	for (i = 0; i < LASTING; i++) {
		struct hearer *hearer = &all->lasting[i];

		dhp_notify_unregister(atomic_load_explicit(&hearer->handle, memory_order_relaxed));
		tally_equal(world->tally, RULE_PAIRED, hearer->heard, active(world));
		tally_check(world->tally, RULE_PAIRED, !hearer->open, hearer->open_index, 0);
		check_silent(hearer);
	}
}

static void after(struct world *world)
{
	struct hearers *all = world->hearers;
	struct hearer *hearer = atomic_load_explicit(&all->retired, memory_order_acquire);

	while (hearer != NULL) {
		struct hearer *next = hearer->next;

		free(hearer);
		hearer = next;
	}
	while (all->early != NULL) {
		struct early *next = all->early->next;

		object_balance(&all->early->object);
		free(all->early);
		all->early = next;
	}
	free(all);
}

const struct part part_hearers = {
	.name = "hearers", .group = GROUP_NOTIFICATION, .begin = begin, .acts = {come_and_go}, .end = end, .after = after};
