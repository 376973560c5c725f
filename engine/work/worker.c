/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.c - one thread for each processor: runs its queue, takes work from others, sleeps.
 *
 * Problem   a worker that sleeps must be woken by whoever brings work, and by nobody else: a wake-up is a system call
 *           that costs a thousand inserts.
 * Idea      before it sleeps the worker says so (`asleep`) and then looks once more; who inserts pushes and then looks at
 *           `asleep`. One of them sees the other. Who turns `asleep` makes the call, so it is made once, unless that
 *           one is stopped before (sleeper.h).
 *
 * Work without target does not wait while somebody is idle:
 *   - who inserts it on a processor that runs a batch wakes a thief, unless one is on its way (`searching`);
 *   - a worker that finds more in its batch than it can run at once does the same;
 *   - a thief ends its search before it runs anything, and if there is more wakes the next one;
 *   - who drains an inbox that is not its own, to remove or to flush, hands on what came to light.
 * Two things do wait: High objects, which are not stolen, and the one object that a routine inserts on its own processor
 * when nothing waits there; a chain of DPCs would wander otherwise.
 *
 * S-625, S-631: work of low importance, and of medium importance from another processor, leaves a sleeping worker asleep until
 * some more has come or a tick is over. It is counted in `deferred`, and the timer thread is told once for each tick.
 * Who is awake looks into its queue before it sleeps, so a tick that finds it awake has nothing to do.
 *
 * What has no target was inserted on its processor, by a thread that wants the same cpu: after such work a worker that spins lets
 * others run between two looks. Who is only aimed at spins without: a yield is forfeited time where there are neighbours.
 *
 * S-662: a threaded DPC is run by the same thread, at passive level, when no ordinary one waits, or after many that did. One
 * thread is enough: its routine obeys the rules of dispatch level (S-661), so it neither blocks nor lasts.
 *
 * A worker whose processor is not usable for a while steals nothing: it ends what it has (S-641), wherever the system runs it.
 * When the processor is back it is pinned again by who found that (pin.c), and then woken, to look around.
 *
 * A newly published processor starts here too: its first look goes to its own queue, its second to the others', so it has
 * its share at once.
 *
 * I1        `asleep` leaves 0 by the worker only. The worker alone enters itself in the idle set before and takes
 *           itself out after: a waker that is preempted must not undo the worker's next sleep.
 *           `deferred` counts from the moment before `asleep` is set; what was counted before was pushed before, and is seen
 *           by the look after.
 * I2        a worker is online for the epoch, that is inside a section, unless it sleeps or waits to be published. Between two
 *           routines, and while it finds nothing, it says that it holds nothing.
 * I3        who is away is not in the idle set when it sleeps. It may have been woken as a thief before it went, or by one who
 *           read an old word of that set: so before each sleep it looks as a thief would, and hands on to another. When it
 *           goes and when it is back it is woken, and decides anew.
 */
#include "queue.h"
#include "watchdog.h"

/* Between two looks at other queues while it spins: a thief that looks all the time slows its victims down. */
#define RELAXES_BETWEEN_LOOKS 32u

/* Objects of the window that run one after another before the worker looks around. */
#define BATCH 32u

_Static_assert(2 * DHPI_BITE <= BATCH, "the window does not grow by what is taken");

/* An inbox that brings less, but more than one object, was taken too early; so long the worker waits before the next. */
#define POLITE_BATCH 32u
#define POLITE_RELAXES 4u

/* High objects that run one after another before the next one of the tail has its turn. */
#define HIGH_AT_ONCE 64u

/* ---- waking ---- */

/* false: it was awake. */
static bool wake(struct dhpi_queue *queue)
{
	uint32_t word = at_load_seq_cst_u32(&queue->asleep); /* [worker-sleep] either-or a: the push was before; so seq_cst */
	bool first;

	if (word == 0 || !dhpi_sleeper_wake(&queue->asleep, word, &queue->event, &first))
		return false;
	if (first)
		(void)at_fetch_add_relaxed_u64(&queue->work->wakes, 1); /* relaxed: statistics only */
	return true;
}

void dhpi_worker_wake(struct dhpi_queue *queue)
{
	(void)wake(queue);
}

/* S-630: so much waits at most for a worker that sleeps. */
#define DEFERRED_LIMIT 4u

void dhpi_worker_wake_later(struct dhpi_queue *queue, uint32_t count)
{
	/* [work-tick] either-or a: counted, then the look whether the tick is asked for; so seq_cst */
	uint32_t waiting = at_fetch_add_seq_cst_u32(&queue->deferred, count) + count;

	if (waiting >= DEFERRED_LIMIT) {
		dhpi_worker_wake(queue);
		return;
	}
	(void)at_fetch_add_relaxed_u64(&queue->work->deferred_wakes, count); /* relaxed: statistics only */
	dhpi_timers_want_tick(&queue->work->timers);
}

void dhpi_worker_wake_overdue(struct dhpi_work *work)
{
	uint32_t count = dhpi_set_active(work->set);

	for (uint32_t index = 0; index < count; index++) {
		struct dhpi_queue *queue = dhpi_queue_of_index(work, index);

		if (at_load_seq_cst_u32(&queue->deferred) != 0) /* [work-tick] either-or b */
			dhpi_worker_wake(queue);
	}
}

/* false: nobody sleeps whose bit is set. The bits of whom the caller has seen counted are seen too. */
static bool wake_one_sleeper(struct dhpi_work *work)
{
	ck_bitmap_iterator_t iterator;
	unsigned int index;

	ck_bitmap_iterator_init(&iterator, work->idle);
	while (ck_bitmap_next(work->idle, &iterator, &index)) {
		struct dhpi_queue *queue = dhpi_queue_of_index(work, index);

		if (queue != NULL && !dhpi_queue_is_away(queue) && wake(queue))
			return true;
	}
	return false;
}

void dhpi_worker_wake_thief(struct dhpi_work *work)
{
	/* [thief-sleep] either-or a: the push was before; so seq_cst */
	if (at_load_seq_cst_u32(&work->idle_count) == 0 || at_load_seq_cst_u32(&work->searching) != 0)
		return;
	if (at_exchange_seq_cst_u32(&work->searching, 1) != 0 || wake_one_sleeper(work)) /* [thief-sleep] either-or a */
		return;
	at_store_seq_cst_u32(&work->searching, 0); /* [thief-sleep] either-or b */
	/* Who pushed meanwhile relied on us; who was just going to sleep is asleep by now, or will see it. [thief-sleep] either-or b */
	if (at_load_seq_cst_u32(&work->idle_count) != 0)
		(void)wake_one_sleeper(work);
}

void dhpi_worker_hand_on(struct dhpi_queue *queue)
{
	if (!dhpi_queue_has_movable(queue)) /* the caller stored it, or it is another's care */
		return;
	dhpi_queue_show(queue);
	dhpi_worker_wake_thief(queue->work);
}

/* ---- looking for work elsewhere ---- */

static struct dhpi_queue *neighbour(struct dhpi_queue *queue, uint32_t first, uint32_t step, uint32_t count)
{
	uint32_t index = first + step < count ? first + step : first + step - count;

	return index == dhpi_queue_index(queue) ? NULL : dhpi_queue_of_index(queue->work, index);
}

/* From a random start, so that thieves spread over their victims. */
static bool steal(struct dhpi_queue *queue)
{
	uint32_t count = dhpi_set_active(queue->work->set);
	uint32_t first = (uint32_t)(dhpi_random(&queue->random) % count);

	if (DHPI_UNLIKELY(dhpi_queue_is_away(queue)))
		return false;
	for (uint32_t step = 0; step < count; step++) {
		struct dhpi_queue *victim = neighbour(queue, first, step, count);

		if (victim != NULL && dhpi_queue_steal(queue, victim) != 0) {
			at_bump_u64(&queue->steals);
			queue->stole = true;
			return true;
		}
	}
	return false;
}

static bool anything_to_steal(struct dhpi_queue *queue)
{
	uint32_t count = dhpi_set_active(queue->work->set);

	for (uint32_t step = 0; step < count; step++) {
		struct dhpi_queue *victim = neighbour(queue, 0, step, count);

		if (victim != NULL && dhpi_queue_worth_stealing(victim))
			return true;
	}
	return false;
}

/* The search that a wake-up was for is over: the next insert may wake the next thief. true: there was one. */
static bool end_search(struct dhpi_work *work)
{
	if (at_load_relaxed_u32(&work->searching) == 0) /* relaxed: a look before the store */
		return false;
	at_store_seq_cst_u32(&work->searching, 0); /* [thief-sleep] either-or b */
	return true;
}

/* ---- running ---- */

static void account(struct dhpi_queue *queue, struct dhpi_queue *home, uint32_t phase)
{
	if (home == queue) {
		uint64_t done = at_load_relaxed_u64(&queue->done[phase]); /* relaxed: own store */

		at_store_release_u64(&queue->done[phase], done + 1); /* [dpc-done] release */
	} else {
		dhpi_queue_done_elsewhere(home, phase);
		at_bump_u64(&queue->stolen);
	}
}

/* S-612: idle again, its arguments copied, before the routine runs. From then on it is its owner's. */
static void run(struct dhpi_queue *queue, struct port_self *self, struct dhpi_dpc *dpc)
{
	dhp_dpc_routine *routine = dpc->routine;
	void *context = dpc->context, *argument_1 = dpc->arguments[0], *argument_2 = dpc->arguments[1];
	struct dhpi_queue *home = dpc->home;
	uint32_t phase = dpc->phase, dispatch = self->dispatch;

	at_store_relaxed_u32(&dpc->place, DHPI_PLACE_NOWHERE); /* relaxed: ordered by the exchange */
	/*
	 * [dpc-claim] acquire: an insert that found it queued happens before the routine (S-616).
	 * [dpc-claim] release: the next insert writes the arguments after they were copied.
	 */
	(void)at_exchange_acq_rel_u32(&dpc->claim, 0);
	if (DHPI_UNLIKELY(queue->work->watched))
		dhpi_watchdog_begin(queue);
	routine((struct dhp_dpc *)(void *)dpc, context, argument_1, argument_2);
	if (DHPI_UNLIKELY(self->dispatch != dispatch)) {
		DHPI_CHECK(2, self->dispatch == dispatch, "S-617: a routine returned at another level");
		self->dispatch = dispatch;
	}
	if (DHPI_UNLIKELY(queue->work->watched))
		dhpi_watchdog_end(queue);
	account(queue, home, phase);
	dhpi_reader_quiescent(queue->reader); /* I2: between two routines it holds nothing */
}

/* Not without end: a High DPC that inserts itself again does not hold up the others. */
static void run_high(struct dhpi_queue *queue, struct port_self *self)
{
	for (uint32_t i = 0; i < HIGH_AT_ONCE && dhpi_queue_has_high(queue); i++) {
		struct dhpi_dpc *dpc = dhpi_queue_take_high(queue);

		if (dpc == NULL)
			return;
		run(queue, self, dpc);
	}
}

static void note_first_run(struct dhpi_queue *queue)
{
	if (at_load_relaxed_u64(&queue->first_run_ns) == 0)               /* relaxed: own store */
		at_store_relaxed_u64(&queue->first_run_ns, port_now_ns()); /* relaxed: statistics only */
}

/* Objects without target that this worker cannot run at once. */
static bool has_to_share(struct dhpi_queue *queue)
{
	/* relaxed: the worker stored them, or they are hints */
	if (dhpi_queue_has_movable(queue))
		return true;
	return dhpi_queue_window_movable(queue) != 0 &&
	       (dhpi_queue_window_length(queue) > 1 || at_load_relaxed_u32(&queue->high_count) != 0);
}

/* Its own inbox too: what was pushed there after the drain, while the search was on. */
static bool anything_left(struct dhpi_queue *queue)
{
	return dhpi_is_movable(at_load_seq_cst_ptr(&queue->inbox)) || anything_to_steal(queue); /* [thief-sleep] either-or b */
}

/*
 * Before the batch runs. Whoever inserted while a search was on relied on it, so its end means to look for all of them; so
 * does a theft, because another worker may have ended the search that this one was woken for.
 */
static void share(struct dhpi_queue *queue)
{
	struct dhpi_work *work = queue->work;
	bool searched = end_search(work) || queue->stole, more = has_to_share(queue);

	queue->stole = false;
	if (!more && !searched)
		return;
	/* [thief-sleep] either-or a: what was drained is in reach of thieves before the look at the idle set */
	(void)at_exchange_seq_cst_u32(&queue->busy, 1);
	if (at_load_seq_cst_u32(&work->idle_count) != 0 && (more || anything_left(queue))) /* [thief-sleep] either-or a */
		dhpi_worker_wake_thief(work);
}

static void set_busy(struct dhpi_queue *queue, uint32_t busy)
{
	if (at_load_relaxed_u32(&queue->busy) != busy) /* relaxed: own store */
		(void)at_exchange_seq_cst_u32(&queue->busy, busy); /* [queue-busy] either-or b: before the drain */
}

static void run_ordinary(struct dhpi_queue *queue)
{
	struct port_self *self = port_self();
	struct dhpi_dpc *dpc;

	self->dispatch = 1;
	for (uint32_t i = 0; i < BATCH; i++) {
		run_high(queue, self);
		dpc = dhpi_queue_take(queue);
		if (dpc == NULL)
			break;
		run(queue, self, dpc);
	}
	self->dispatch = 0;
	self->apc = 0; /* a routine that did not lower again */
}

/* S-660: at passive level. */
static void run_threaded(struct dhpi_queue *queue)
{
	struct port_self *self = port_self();

	dhpi_watchdog_rest(queue);
	self->threaded = 1;
	run(queue, self, queue->threaded);
	queue->threaded = NULL;
	self->threaded = 0;
	self->apc = 0;
	dhpi_watchdog_rest(queue);
}

/*
 * A stream comes in and the worker keeps up with it: each look takes the inbox away from who pushes. So the next batch gets
 * time to become longer. Who sends one object and waits for it is not kept waiting.
 */
static void be_polite(struct dhpi_queue *queue)
{
	/* relaxed: what waits already is not taken away from anybody */
	if (queue->refilled < 2 || queue->refilled >= POLITE_BATCH || at_load_relaxed_u32(&queue->pending_count) != 0)
		return;
	queue->refilled = 0;
	for (uint32_t i = 0; i < POLITE_RELAXES; i++)
		port_relax();
}

/* One threaded object or some of the window. false: there was nothing. */
static bool run_batch(struct dhpi_queue *queue)
{
	bool found = dhpi_queue_window_length(queue) != 0;

	if (!found)
		be_polite(queue);
	if (!dhpi_queue_looks_empty(queue) || dhpi_queue_wanders(queue)) {
		set_busy(queue, 1);
		found = dhpi_queue_refill(queue);
	}
	if (!found) {
		set_busy(queue, 0);
		dhpi_watchdog_rest(queue);
		return false;
	}
	note_first_run(queue);
	queue->from_here = dhpi_queue_window_movable(queue) != 0;
	share(queue);
	at_bump_u64(&queue->refills);
	if (queue->threaded != NULL)
		run_threaded(queue);
	else
		run_ordinary(queue);
	return true;
}

/* ---- idling ---- */

static bool told_to_stop(struct dhpi_queue *queue)
{
	return at_load_acquire_u32(&queue->stop) != 0; /* [worker-stop] acquire */
}

static void fall_asleep(struct dhpi_queue *queue, bool idle)
{
	at_store_relaxed_u32(&queue->deferred, 0); /* relaxed: ordered by the exchange below, I1 */
	if (idle) {
		ck_bitmap_set(queue->work->idle, dhpi_queue_index(queue));
		(void)at_fetch_add_seq_cst_u32(&queue->work->idle_count, 1); /* [thief-sleep] either-or b */
	}
	dhpi_sleeper_begin(&queue->asleep, &queue->sleeps);
}

static void wake_up(struct dhpi_queue *queue, bool idle)
{
	dhpi_sleeper_end(&queue->asleep, &queue->sleeps);
	if (!idle)
		return;
	ck_bitmap_reset(queue->work->idle, dhpi_queue_index(queue));
	(void)at_fetch_sub_relaxed_u32(&queue->work->idle_count, 1); /* relaxed: too high costs a look, no more */
}

/* After the worker has said "asleep". */
static bool may_sleep(struct dhpi_queue *queue, bool idle)
{
	bool away = at_load_seq_cst_u32(&queue->away) != 0; /* [worker-sleep] either-or b: so seq_cst */

	return dhpi_queue_empty(queue) && away != idle && !(idle && anything_to_steal(queue)) && !told_to_stop(queue);
}

/* I3 */
static void sleep_until_woken(struct dhpi_queue *queue)
{
	uint32_t ticket = port_event_ticket(&queue->event);
	bool idle = !dhpi_queue_is_away(queue);

	if (!idle && anything_to_steal(queue))
		dhpi_worker_wake_thief(queue->work);
	fall_asleep(queue, idle);
	if (may_sleep(queue, idle)) {
		at_bump_u64(&queue->parks);
		dhpi_reader_offline(queue->reader);
		port_event_wait(&queue->event, ticket, 0);
		dhpi_reader_online(queue->reader);
	}
	wake_up(queue, idle);
}

/* Looks for a while before it sleeps: most pauses are short, and a wake-up costs the inserter a system call. */
static bool find_work_spinning(struct dhpi_queue *queue)
{
	uint64_t end = port_now_ns() + queue->work->spin_ns;

	do {
		for (uint32_t i = 0; i < RELAXES_BETWEEN_LOOKS && dhpi_queue_looks_empty(queue); i++)
			port_relax();
		if (run_batch(queue) || steal(queue))
			return true;
		dhpi_reader_quiescent(queue->reader);
		if (queue->from_here) /* its inserter cannot go on while this one spins */
			port_yield();
	} while (port_now_ns() < end && !told_to_stop(queue));
	return false;
}

/* ---- the worker ---- */

static bool is_published(struct dhpi_queue *queue)
{
	return at_load_acquire_u32(&queue->go) != 0 || told_to_stop(queue); /* [worker-go] acquire */
}

/* Publication follows the creation of the thread at once: a sleep and a wake-up would cost more than all else. */
static void wait_for_publication(struct dhpi_queue *queue)
{
	uint64_t end = port_now_ns() + queue->work->spin_ns;

	while (!is_published(queue) && port_now_ns() < end)
		port_relax();
	for (;;) {
		uint32_t ticket = port_event_ticket(&queue->event);

		if (is_published(queue))
			return;
		port_event_wait(&queue->event, ticket, 0);
	}
}

void dhpi_worker_run(void *argument)
{
	struct dhpi_queue *queue = argument;
	uint32_t rounds = 2; /* until it asks for the next worker: what it steals in the first runs in the second */

	port_self()->worker = queue;
	port_cpu_pretend((int32_t)dhpi_queue_cpu(queue));
	if (!queue->work->simulated)
		port_cpu_stand_for((int32_t)dhpi_queue_cpu(queue));
	wait_for_publication(queue);
	dhpi_reader_online(queue->reader);
	for (;;) {
		bool found = run_batch(queue) || steal(queue) || find_work_spinning(queue);

		if (rounds > 0 && (--rounds == 0 || !found)) {
			rounds = 0;
			dhpi_ahead_ask(queue->work);
		}
		dhpi_reader_quiescent(queue->reader);
		if (found)
			continue;
		(void)end_search(queue->work);
		if (told_to_stop(queue) && dhpi_queue_empty(queue))
			break;
		sleep_until_woken(queue);
	}
	dhpi_reader_offline(queue->reader);
}
