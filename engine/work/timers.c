/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timers.c - DPCs that are inserted when a time has come.
 *
 * Problem   one thread has to sleep until the earliest of many timers on two clocks, one of which may be set to anything;
 *           whoever sets a timer may be in a DPC.
 * Idea      a heap for each clock, under a lock for a few instructions. A timer may expire from `due` on and has to at
 *           `due + tolerance`, its key: the thread sleeps until the smallest key, and when it is awake takes everything
 *           from the top that is due already, so that timers whose windows overlap share a wake-up (S-685).
 *           Absolute times stay on the wall clock; at each look they are translated anew, and a change of that clock
 *           ends the sleep (S-691).
 *           The same thread keeps the tick of work that may wait (worker.c, S-631): told once, it sleeps a tick more and
 *           wakes who still sleeps. Without work that waits and without timers it never wakes.
 *           And it makes workers ahead of their processors, when it is told that one was used (ahead.c).
 *
 * I1        a timer is in the heap of its clock if and only if it is set.
 * I2        what expires has queued its DPC before the lock is released: who finds a timer not set and then flushes has
 *           seen the run. After that the timer is not touched: its routine may free it (S-689).
 *           A waiter looks under the lock too, so it may free the timer when it returns.
 * I3        a timer expires at a look whose clock was read after it was due: never early (S-690).
 *
 * Progress  O(log n) under the lock on average; the worker is woken after the lock was released.
 */
#include "queue.h"

#define NS_PER_MS 1000000u
/* tick_wanted: the low bits; asked for, and the alarm was told. */
#define TICK_ASKED 1u
#define TICK_TOLD 2u
#define TICK_STEP 4u

#define TIMER_MAGIC 0x71EAu

static struct dhpi_timer *timer_of(struct dhp_timer *timer)
{
	return (struct dhpi_timer *)(void *)timer;
}

static struct dhpi_timer *timer_of_node(struct dhpi_heap_node *node)
{
	return DHPI_CONTAINER(node, struct dhpi_timer, node);
}

static uint64_t add_without_wrap(uint64_t a, uint64_t b)
{
	return a + b >= a ? a + b : UINT64_MAX;
}

/* ---- under the lock ---- */

static uint64_t clock_now(const struct dhpi_timers *timers, uint32_t clock)
{
	return clock == DHPI_WALL ? timers->wall_ns(timers->wall_context) : port_now_ns();
}

static void put_in(struct dhpi_timers *timers, struct dhpi_timer *timer)
{
	timer->node.key = add_without_wrap(timer->due_ns, (uint64_t)timer->tolerance_ms * NS_PER_MS);
	dhpi_heap_insert(&timers->heaps[timer->clock], &timer->node);
	timer->set = true;
	timers->set_count++;
}

static void take_out(struct dhpi_timers *timers, struct dhpi_timer *timer)
{
	dhpi_heap_remove(&timers->heaps[timer->clock], &timer->node);
	timer->set = false;
	timers->set_count--;
}

/* S-684: from what was due, not from now, so that it keeps its pace; on the monotonic clock, whatever the first was on. */
static void set_again(struct dhpi_timers *timers, struct dhpi_timer *timer, uint64_t late_ns)
{
	uint64_t period_ns = (uint64_t)timer->period_ms * NS_PER_MS, missed = late_ns / period_ns;

	timer->clock = DHPI_MONOTONIC;
	timer->due_ns = port_now_ns() + period_ns - late_ns % period_ns;
	at_store_relaxed_u64(&timers->lost, at_load_relaxed_u64(&timers->lost) + missed); /* relaxed: under the lock */
	put_in(timers, timer);
}

/* true: its DPC was queued, and the trigger is to be pulled. A one-shot timer is its owner's at the return. */
static bool expire(struct dhpi_timers *timers, struct dhpi_timer *timer, uint64_t now_ns, struct dhpi_trigger *out_trigger)
{
	struct dhp_dpc *dpc = timer->dpc;

	at_bump_u64(&timers->expiries);
	take_out(timers, timer);
	timer->expired = true;
	if (timer->period_ms != 0)
		set_again(timers, timer, timer->clock == DHPI_WALL ? 0 : now_ns - timer->due_ns); /* that clock jumps */
	if (dpc == NULL)
		return false;
	if (dhpi_dpc_queue(dhpi_dpc(dpc), out_trigger) != DHP_OK) {
		at_bump_u64(&timers->lost); /* S-683 */
		return false;
	}
	out_trigger->patience = DHPI_AT_ONCE;
	return true;
}

/* ---- the thread ---- */

static bool told_to_stop(struct dhpi_timers *timers)
{
	return at_load_acquire_u32(&timers->stopping) != 0; /* [timer-stop] acquire */
}

/* One timer that is due on this clock. false: there is none. */
static bool expire_one(struct dhpi_timers *timers, uint32_t clock)
{
	struct dhpi_trigger trigger;
	struct dhpi_heap_node *root;
	bool queued = false, found;
	uint64_t now_ns;

	dhpi_spin_lock(&timers->lock);
	root = timers->heaps[clock].root;
	now_ns = root != NULL ? clock_now(timers, clock) : 0;
	found = root != NULL && timer_of_node(root)->due_ns <= now_ns; /* I3 */
	if (found)
		queued = expire(timers, timer_of_node(root), now_ns, &trigger);
	dhpi_spin_unlock(&timers->lock);
	if (queued)
		dhpi_dpc_trigger(&trigger);
	if (found)
		(void)port_event_signal(&timers->expired);
	return found;
}

/* The monotonic time at which the thread has to look again. */
static uint64_t next_look(struct dhpi_timers *timers)
{
	uint64_t earliest = UINT64_MAX, now_ns = port_now_ns();

	dhpi_spin_lock(&timers->lock);
	for (uint32_t clock = 0; clock < DHPI_CLOCKS; clock++) {
		const struct dhpi_heap_node *root = timers->heaps[clock].root;
		uint64_t clock_ns, look;

		if (root == NULL)
			continue;
		clock_ns = clock_now(timers, clock);
		look = root->key > clock_ns ? add_without_wrap(now_ns, root->key - clock_ns) : now_ns;
		earliest = look < earliest ? look : earliest;
	}
	dhpi_spin_unlock(&timers->lock);
	return earliest;
}

/* Under another number: who is about to say that the alarm was told of the last wish says nothing of the next. */
static void take_tick_back(struct dhpi_timers *timers)
{
	uint32_t word = at_load_relaxed_u32(&timers->tick_wanted); /* relaxed: the compare decides */

	/* [work-tick] either-or b: then the scan */
	while (!at_cas_seq_cst_u32(&timers->tick_wanted, &word, (word & ~(TICK_ASKED | TICK_TOLD)) + TICK_STEP))
		continue;
}

/* Who is told between the look and the end of the tick has the same tick: it is over sooner for them. */
static uint64_t next_tick(struct dhpi_timers *timers)
{
	uint64_t now_ns = port_now_ns();

	/* relaxed: the alarm is told behind each wish */
	if (timers->tick_due_ns == 0 && (at_load_relaxed_u32(&timers->tick_wanted) & TICK_ASKED) != 0)
		timers->tick_due_ns = now_ns + timers->tick_ns;
	if (timers->tick_due_ns == 0)
		return UINT64_MAX;
	if (now_ns < timers->tick_due_ns)
		return timers->tick_due_ns;
	timers->tick_due_ns = 0;
	take_tick_back(timers);
	dhpi_worker_wake_overdue(timers->work);
	return UINT64_MAX;
}

static void timer_thread(void *argument)
{
	struct dhpi_timers *timers = argument;

	while (!told_to_stop(timers)) {
		uint64_t look, tick;

		for (uint32_t clock = 0; clock < DHPI_CLOCKS; clock++)
			while (expire_one(timers, clock))
				continue;
		dhpi_ahead_fill(timers->work);
		tick = next_tick(timers);
		look = next_look(timers);
		port_alarm_wait(&timers->alarm, look < tick ? look : tick);
	}
}

/* Who has asked may be stopped before the alarm is told: until that was done each who asks tells it. */
void dhpi_timers_want_tick(struct dhpi_timers *timers)
{
	/* [work-tick] either-or a: the work was counted before; so seq_cst. The look first: most find that it is done. */
	uint32_t word = at_load_seq_cst_u32(&timers->tick_wanted), asked;

	do {
		if ((word & TICK_TOLD) != 0)
			return;
		asked = word | TICK_ASKED;
	} while (!at_cas_seq_cst_u32(&timers->tick_wanted, &word, asked)); /* [work-tick] either-or a */
	port_alarm_signal(&timers->alarm);
	(void)at_cas_relaxed_u32(&timers->tick_wanted, &asked, asked | TICK_TOLD); /* relaxed: the alarm tells by itself */
}

/* ---- beginning and end ---- */

static uint64_t real_wall(void *context)
{
	(void)context;
	return port_wall_ns();
}

enum dhp_status dhpi_timers_init(struct dhpi_timers *timers, struct dhpi_work *work, uint64_t tick_ns)
{
	enum dhp_status status;

	timers->work = work;
	timers->tick_ns = tick_ns;
	timers->wall_ns = real_wall;
	port_event_init(&timers->expired);
	status = port_alarm_open(&timers->alarm);
	if (dhp_failed(status))
		return status;
	return port_thread_start(&timers->thread, timer_thread, timers, PORT_ANY_CPU, 0, "dhp-timer");
}

void dhpi_timers_stop(struct dhpi_timers *timers)
{
	dhpi_spin_lock(&timers->lock);
	timers->closed = true;
	for (uint32_t clock = 0; clock < DHPI_CLOCKS; clock++)
		while (timers->heaps[clock].root != NULL)
			take_out(timers, timer_of_node(timers->heaps[clock].root));
	dhpi_spin_unlock(&timers->lock);
	if (!timers->thread.started)
		return;
	at_store_release_u32(&timers->stopping, 1); /* [timer-stop] release */
	port_alarm_signal(&timers->alarm);
	port_thread_join(&timers->thread);
}

void dhpi_timers_fini(struct dhpi_timers *timers)
{
	dhpi_timers_stop(timers);
	port_alarm_close(&timers->alarm);
}

uint32_t dhpi_timers_count(struct dhpi_timers *timers)
{
	uint32_t count;

	dhpi_spin_lock(&timers->lock);
	count = timers->set_count;
	dhpi_spin_unlock(&timers->lock);
	return count;
}

void dhpi_timers_use_wall(struct dhpi_timers *timers, uint64_t (*wall_ns)(void *context), void *context)
{
	dhpi_spin_lock(&timers->lock);
	timers->wall_ns = wall_ns;
	timers->wall_context = context;
	dhpi_spin_unlock(&timers->lock);
	dhpi_timers_wall_was_set(timers);
}

void dhpi_timers_wall_was_set(struct dhpi_timers *timers)
{
	port_alarm_signal(&timers->alarm);
}

/* ---- the public calls ---- */

static bool is_timer(struct dhp_timer *timer)
{
	return timer != NULL && dhpi_aligned(timer, _Alignof(struct dhp_timer)) &&
	       timer_of(timer)->magic == TIMER_MAGIC;
}

enum dhp_status dhp_timer_init(struct dhp_timer *object, struct dhp_engine *engine)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (object == NULL || !dhpi_aligned(object, _Alignof(struct dhp_timer)))
		return DHP_BAD_OBJECT;
	DHPI_CHECK(2, !is_timer(object) || timer_of(object)->work != engine->work || !dhp_timer_is_set(object),
		   "S-604: a timer that is set is not initialised again");
	*timer_of(object) = (struct dhpi_timer){ .work = engine->work, .magic = TIMER_MAGIC };
	return DHP_OK;
}

static bool is_setting(const struct dhpi_timer *timer, const struct dhp_timer_setting *setting)
{
	if (setting == NULL || setting->size != sizeof(*setting))
		return false;
	return setting->dpc == NULL ||
	       (dhpi_dpc_is_initialised(setting->dpc) && dhpi_dpc(setting->dpc)->work == timer->work);
}

static void adopt(const struct dhpi_timers *timers, struct dhpi_timer *timer, const struct dhp_timer_setting *setting)
{
	timer->clock = setting->absolute ? DHPI_WALL : DHPI_MONOTONIC;
	timer->due_ns = setting->absolute ? setting->due_ns
					  : add_without_wrap(clock_now(timers, DHPI_MONOTONIC), setting->due_ns);
	timer->period_ms = setting->period_ms;
	timer->tolerance_ms = setting->tolerance_ms;
	timer->dpc = setting->dpc;
	timer->expired = false;
}

/* What a setting leaves to be done when the lock is released. */
struct to_do {
	struct dhpi_trigger trigger;
	bool expired; /* it was due already: tell who waits */
	bool queued;  /* and its DPC was queued: pull the trigger */
	bool sooner;  /* the thread sleeps too long now */
};

/* S-680: what is due is not left to the thread. */
static enum dhp_status set(struct dhpi_timers *timers, struct dhpi_timer *timer, const struct dhp_timer_setting *setting,
			   struct to_do *to_do)
{
	enum dhp_status status = timer->set ? DHP_REPLACED : DHP_OK;
	uint64_t now_ns;

	if (timers->closed)
		return DHP_CLOSED;
	if (timer->set)
		take_out(timers, timer);
	adopt(timers, timer, setting);
	put_in(timers, timer);
	to_do->sooner = timers->heaps[timer->clock].root == &timer->node;
	now_ns = clock_now(timers, timer->clock);
	if (timer->due_ns <= now_ns) {
		to_do->sooner = timer->period_ms != 0;
		to_do->expired = true;
		to_do->queued = expire(timers, timer, now_ns, &to_do->trigger);
	}
	return status;
}

enum dhp_status dhp_timer_set(struct dhp_timer *object, const struct dhp_timer_setting *setting)
{
	struct dhpi_timer *timer = timer_of(object);
	struct to_do to_do = { .queued = false };
	struct dhpi_timers *timers;
	enum dhp_status status;

	if (!is_timer(object))
		return DHP_BAD_OBJECT;
	if (!is_setting(timer, setting))
		return DHP_BAD_OPTIONS;
	if (timer->work->without_workers)
		return DHP_NOT_SUPPORTED;
	timers = &timer->work->timers;
	dhpi_spin_lock(&timers->lock);
	status = set(timers, timer, setting, &to_do);
	dhpi_spin_unlock(&timers->lock);
	if (to_do.queued)
		dhpi_dpc_trigger(&to_do.trigger);
	if (to_do.expired)
		(void)port_event_signal(&timers->expired);
	if (to_do.sooner)
		port_alarm_signal(&timers->alarm);
	return status;
}

enum dhp_status dhp_timer_cancel(struct dhp_timer *object)
{
	struct dhpi_timer *timer = timer_of(object);
	struct dhpi_timers *timers;
	bool was_set;

	if (!is_timer(object))
		return DHP_BAD_OBJECT;
	timers = &timer->work->timers;
	dhpi_spin_lock(&timers->lock);
	was_set = timer->set;
	if (was_set)
		take_out(timers, timer);
	dhpi_spin_unlock(&timers->lock);
	return was_set ? DHP_OK : DHP_NOT_SET;
}

static bool read_flag(struct dhp_timer *object, const bool *flag)
{
	struct dhpi_timers *timers = &timer_of(object)->work->timers;
	bool value;

	dhpi_spin_lock(&timers->lock);
	value = *flag;
	dhpi_spin_unlock(&timers->lock);
	return value;
}

bool dhp_timer_is_set(struct dhp_timer *object)
{
	return is_timer(object) && read_flag(object, &timer_of(object)->set);
}

bool dhp_timer_has_expired(struct dhp_timer *object)
{
	return is_timer(object) && read_flag(object, &timer_of(object)->expired);
}

/* ---- waiting ---- */

/* A ticket is taken before the look, and all timers share one count of expiries: who finds nothing looks again. */
static bool look(struct dhpi_timers *timers, struct dhpi_timer *timer, bool take)
{
	bool expired;

	dhpi_spin_lock(&timers->lock);
	expired = timer->expired;
	if (take)
		timer->expired = false;
	dhpi_spin_unlock(&timers->lock);
	return expired;
}

enum dhp_status dhp_timer_wait(struct dhp_timer *object, bool take, uint64_t timeout_ns)
{
	struct dhpi_timer *timer = timer_of(object);
	struct dhpi_timers *timers;
	uint64_t began_ns;

	if (!is_timer(object))
		return DHP_BAD_OBJECT;
	if (timeout_ns != 0)
		DHPI_REQUIRE_PASSIVE();
	timers = &timer->work->timers;
	began_ns = port_now_ns();
	for (;;) {
		uint32_t ticket = port_event_ticket(&timers->expired);
		uint64_t passed_ns;

		if (look(timers, timer, take))
			return DHP_OK;
		passed_ns = port_now_ns() - began_ns;
		if (passed_ns >= timeout_ns)
			return DHP_TIMED_OUT;
		port_event_wait(&timers->expired, ticket, timeout_ns == DHP_TIMER_FOREVER ? 0 : timeout_ns - passed_ns);
	}
}
