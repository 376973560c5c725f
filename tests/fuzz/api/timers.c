/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: far ones stay set, those that are due expire, a cancelled one does not.
 */
#include "world.h"

#define TIMERS 3u
#define FAR_NS UINT64_C(1000000000000000)

enum setting { NOT_SET, IS_FAR, IS_DUE, IS_PERIODIC };

static struct timer {
	struct dhp_timer timer;
	struct dhp_dpc dpc;
	bool ready;
	enum setting setting;
	bool expired; /* not for one that is due */
	uint64_t runs;
} timers[TIMERS];

static void routine(struct dhp_dpc *dpc, void *context, void *first, void *second)
{
	(void)dpc, (void)first, (void)second;
	(void)__atomic_fetch_add(&((struct timer *)context)->runs, 1, __ATOMIC_SEQ_CST);
}

/* One that is due becomes one that has expired. */
static void settle(struct timer *timer)
{
	if (timer->setting != IS_DUE)
		return;
	SAYS(dhp_timer_wait(&timer->timer, false, DHP_TIMER_FOREVER), DHP_OK);
	timer->setting = NOT_SET;
	timer->expired = true;
}

static bool is_set(const struct timer *timer)
{
	return timer->setting == IS_FAR || timer->setting == IS_PERIODIC;
}

/* The DPC may still be queued or run. */
static void quiet(struct timer *timer)
{
	enum dhp_status status;

	settle(timer);
	SAYS(dhp_timer_cancel(&timer->timer), is_set(timer) ? DHP_OK : DHP_NOT_SET);
	timer->setting = NOT_SET;
	status = dhp_dpc_remove(&timer->dpc);
	MUST(status == DHP_OK || status == DHP_NOT_QUEUED);
	SAYS(dhp_dpc_flush(world.engine), DHP_OK);
}

static void init(void)
{
	struct timer *timer = &timers[take_below(TIMERS)];

	if (timer->ready)
		quiet(timer);
	SAYS(dhp_timer_init(&timer->timer, NULL), DHP_BAD_ENGINE);
	SAYS(dhp_timer_init(NULL, world.engine), DHP_BAD_OBJECT);
	SAYS(dhp_timer_init(&timer->timer, world.engine), DHP_OK);
	SAYS(dhp_dpc_init(&timer->dpc, world.engine, routine, timer), DHP_OK);
	timer->ready = true;
	timer->expired = false;
}

static void set(void)
{
	struct timer *timer = &timers[take_below(TIMERS)];
	uint32_t how = take();
	enum setting kind = how % 3 == 0 ? IS_FAR : how % 3 == 1 ? IS_DUE : IS_PERIODIC;
	struct dhp_timer_setting setting = { .size = sizeof(setting), .absolute = kind == IS_DUE && (how & 8) != 0,
		.due_ns = kind == IS_FAR ? FAR_NS : kind == IS_DUE ? how >> 4 : 1000, .period_ms = kind == IS_PERIODIC,
		.tolerance_ms = how >> 7, .dpc = (how & 16) != 0 ? &timer->dpc : NULL };
	enum dhp_status expected = is_set(timer) ? DHP_REPLACED : DHP_OK, status;

	if (timer->ready && how == 255) {
		setting.size--;
		SAYS(dhp_timer_set(&timer->timer, &setting), DHP_BAD_OPTIONS);
		SAYS(dhp_timer_set(&timer->timer, NULL), DHP_BAD_OPTIONS);
		return;
	}
	if (!timer->ready)
		expected = DHP_BAD_OBJECT;
	else if (!has_workers())
		expected = DHP_NOT_SUPPORTED;
	status = dhp_timer_set(&timer->timer, &setting);
	if (timer->setting != IS_DUE)
		SAYS(status, expected);
	MUST(status == expected || (status == DHP_REPLACED && timer->setting == IS_DUE));
	if (expected != DHP_OK && expected != DHP_REPLACED)
		return;
	timer->setting = kind;
	timer->expired = false;
}

static void cancel(void)
{
	struct timer *timer = &timers[take_below(TIMERS)];
	enum dhp_status expected = !timer->ready ? DHP_BAD_OBJECT : is_set(timer) ? DHP_OK : DHP_NOT_SET;
	enum dhp_status status = dhp_timer_cancel(&timer->timer);

	if (timer->setting == IS_DUE)
		timer->expired = status == DHP_NOT_SET;
	else if (timer->setting == IS_PERIODIC)
		timer->expired = dhp_timer_has_expired(&timer->timer);
	MUST(status == expected || (timer->setting == IS_DUE && status == DHP_OK));
	timer->setting = NOT_SET;
}

static void ask(void)
{
	struct timer *timer = &timers[take_below(TIMERS)];
	bool take_it = take_below(2) != 0;

	if (!timer->ready) {
		MUST(!dhp_timer_is_set(&timer->timer) && !dhp_timer_has_expired(&timer->timer));
		SAYS(dhp_timer_wait(&timer->timer, take_it, 0), DHP_BAD_OBJECT);
		return;
	}
	settle(timer);
	MUST(dhp_timer_is_set(&timer->timer) == is_set(timer));
	if (timer->setting == IS_PERIODIC) {
		SAYS(dhp_timer_wait(&timer->timer, take_it, DHP_TIMER_FOREVER), DHP_OK);
		return;
	}
	MUST(dhp_timer_has_expired(&timer->timer) == timer->expired);
	SAYS(dhp_timer_wait(&timer->timer, take_it, take()), timer->expired ? DHP_OK : DHP_TIMED_OUT);
	timer->expired = timer->expired && !take_it;
}

static void begin(void)
{
	memset(timers, 0, sizeof(timers));
}

static void check(void)
{
}

static bool holds_engine(void)
{
	for (uint32_t i = 0; i < TIMERS; i++)
		if (is_set(&timers[i]))
			return true;
	return false;
}

static void end(void)
{
	work_release();
	for (uint32_t i = 0; i < TIMERS; i++)
		if (timers[i].ready)
			quiet(&timers[i]);
}

static const struct operation operations[] = {
	{ "timer init", init, true }, { "timer set", set, false }, { "timer set", set, false }, { "timer cancel", cancel, false },
	{ "timer ask", ask, false },
};

const struct part timers_part = { operations, COUNT(operations), begin, check, holds_engine, end };
