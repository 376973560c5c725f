/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timers.c - timers of one thread: set, waited for, set again, cancelled while they expire, once or periodic. After a
 * cancellation, a removal and a flush everything must be accounted for, and the memory is the thread's again (S-653).
 */
#include <stdlib.h>

#include "object.h"

struct alarm {
	struct object object;
	struct dhp_timer timer;
	atomic_ullong due_ns; /* no expiry comes before */
};

static void expire(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct object *object = context;
	struct alarm *alarm = (struct alarm *)(void *)object;
	struct world *world = object->world;
	uint64_t now = now_ns(), due = atomic_load_explicit(&alarm->due_ns, memory_order_relaxed);

	(void)dpc;
	object_ran(object);
	deed(world, DEED_EXPIRED);
	tally_check(world->tally, RULE_TIMER, argument_1 == NULL && argument_2 == NULL, 1, 0);
	tally_check(world->tally, RULE_TIMER, now >= due, now, due);
	routine_checks(world, object->target, dice_mix(now));
}

static bool set(struct world *world, struct dice *dice, struct alarm *alarm, struct dhp_timer_setting *setting)
{
	enum dhp_status status;

	*setting = (struct dhp_timer_setting){.size = sizeof(*setting), .dpc = &alarm->object.dpc};
	setting->due_ns = dice_one_in(dice, 4) ? 0 : dice_below(dice, 3000000);
	setting->period_ms = dice_one_in(dice, 3) ? dice_between(dice, 1, 3) : 0;
	setting->tolerance_ms = dice_below(dice, 3);
	atomic_store_explicit(&alarm->due_ns, now_ns() + setting->due_ns, memory_order_relaxed);
	status = dhp_timer_set(&alarm->timer, setting);
	deed(world, DEED_TIMERS);
	return went_well(world, status);
}

static uint64_t runs(struct alarm *alarm)
{
	return atomic_load_explicit(&alarm->object.ran, memory_order_relaxed);
}

/* The timer inserts by itself, so insertions are not counted: what has run and what was removed is. */
static void end_setting(struct world *world, struct alarm *alarm, const struct dhp_timer_setting *setting)
{
	enum dhp_status cancelled = dhp_timer_cancel(&alarm->timer);
	uint64_t sum, removed = object_remove(&alarm->object);

	tally_check(world->tally, RULE_STATUS, cancelled == DHP_OK || (cancelled == DHP_NOT_SET && setting->period_ms == 0),
		    (uint64_t)(int64_t)cancelled, DHP_OK);
	if (!went_well(world, dhp_dpc_flush(world->engine)))
		return;
	sum = runs(alarm) + removed;
	if (setting->period_ms == 0)
		tally_equal(world->tally, RULE_TIMER, sum, cancelled == DHP_OK ? 0 : 1);
	tally_check(world->tally, RULE_TIMER, !dhp_timer_is_set(&alarm->timer), 1, 0);
}

static void use_timers(struct world *world, struct dice *dice)
{
	struct alarm *alarm = take(sizeof(*alarm));
	struct dhp_timer_setting setting;

	while (!stopping(world)) {
		uint32_t target = dice_one_in(dice, 3) ? any_index(world, dice) : DHP_NO_INDEX;
		uint64_t before;

		object_prepare(&alarm->object, world, expire, target, (enum dhp_importance)dice_below(dice, 4));
		atomic_store_explicit(&alarm->object.ran, 0, memory_order_relaxed);
		went_well(world, dhp_timer_init(&alarm->timer, world->engine));
		if (!set(world, dice, alarm, &setting))
			break;
		if (dice_one_in(dice, 4))
			dhp_timer_wait(&alarm->timer, dice_one_in(dice, 2), dice_below(dice, 4000000));
		else
			sleep_us(dice_below(dice, 5000));
		end_setting(world, alarm, &setting);
		before = runs(alarm);
		sleep_us(dice_below(dice, 1000));
		tally_equal(world->tally, RULE_TIMER, runs(alarm), before);
	}
	free(alarm);
}

const struct part part_timers = {.name = "timers", .group = GROUP_WORK, .acts = {use_timers}};
