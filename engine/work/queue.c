/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - one processor's queue of DPCs.
 *
 * Problem   anybody inserts, a signal handler too; one worker runs; anybody may remove an object and free it at once;
 *           idle processors take a share. No insert may wait for anybody, and a list that holds an object cannot be
 *           left by that object without a lock.
 * Idea      three places, one after another:
 *
 *             inbox --------> lists -------------> window ---> routine
 *             pushed by       doubly linked,       cells; emptied by one
 *             anybody,        under a lock         compare and exchange
 *             taken whole                          of whoever comes first
 *
 *           Inserting is one push. The worker takes the whole inbox with one exchange, under the lock, once for each
 *           batch; between two routines it needs no lock. Removers and thieves hold the lock and can reach an object
 *           wherever it is: they unlink it from a list, or empty its cell before the worker does.
 *           High objects have an inbox of their own, looked at between two routines, and no window: each is popped
 *           under the lock.
 *
 *           A threaded object comes in by the same inbox and waits in a lane of lists of its own (S-664): High at its head,
 *           others at its tail (S-632). It has no window: the owner pops one, under the lock, when no ordinary object waits, or
 *           after many batches: a DPC that inserts itself again keeps neither it nor a flush waiting for ever (S-649, S-655).
 *
 * I1        claim is 1 from a successful insert until the object was taken off for its run or its removal. It is only
 *           read-modify-written: so an insert that finds it queued happens before the run (S-616).
 * I2        a place of kind PENDING changes under the lock of the queue it names, and nowhere else.
 * I3        whoever changes a cell from an object to NULL has it: worker, remover or thief.
 * I4        an object is counted once in its home when it leaves an inbox, and done there once, when its routine has
 *           returned or it was removed. Moving it to another processor changes neither.
 * I5        only objects without target, and not High, change the queue (S-620), but for those of a processor that did not
 *           come up or is not usable (S-641).
 * I6        a closed inbox stays closed until its queue is opened again, so a late push finds out.
 *
 * Progress  push is lock-free. take is wait-free. refill, remove and steal hold a lock for a few instructions for each
 *           object they move; the thief only tries it.
 */
#include "queue.h"

/* Most objects a thief takes at once: the victim waits so long for its lock at worst. */
#define STEAL_LIMIT 64u

/* Batches of ordinary objects in a row while a threaded one waits. */
#define BATCHES_BEFORE_THREADED 16u

_Static_assert(DHPI_WINDOW == 32, "window_movable has one bit for each cell");

/* ---- inbox ---- */

enum dhpi_pushed dhpi_queue_push(struct dhpi_queue *queue, struct dhpi_dpc *dpc, bool high)
{
	struct at_ptr *inbox = high ? &queue->high_inbox : &queue->inbox;
	void *newest = at_load_relaxed_ptr(inbox); /* relaxed: the exchange below decides */

	do {
		if (DHPI_UNLIKELY(newest == DHPI_CLOSED))
			return DHPI_PUSHED_NOWHERE;
		dpc->link.next = newest;
		/*
		 * [dpc-push] release: arguments and context.
		 * [worker-sleep] either-or a: the push comes before the look at `asleep`, so seq_cst.
		 */
	} while (!at_cas_seq_cst_ptr(inbox, &newest, &dpc->link));
	return newest == NULL ? DHPI_PUSHED_ALONE : DHPI_PUSHED_BEHIND;
}

static struct dhpi_link *take_inbox(struct dhpi_queue *queue, struct at_ptr *inbox)
{
	/* [queue-busy] either-or b: the worker has said "busy" before; so seq_cst */
	if (queue->closed || at_load_seq_cst_ptr(inbox) == NULL)
		return NULL;
	return at_exchange_acq_rel_ptr(inbox, NULL); /* [dpc-push] acquire */
}

static struct dhpi_link *oldest_first(struct dhpi_link *newest)
{
	struct dhpi_link *oldest = NULL;

	while (newest != NULL) {
		struct dhpi_link *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

/* ---- lists: under the lock ---- */

static void adjust_u32(struct at_u32 *word, uint32_t amount)
{
	at_store_relaxed_u32(word, at_load_relaxed_u32(word) + amount); /* relaxed: one writer at a time; a hint */
}

static void count_in(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	dpc->home = queue;
	at_bump_u64(&queue->counted[dpc->phase]); /* I4 */
}

static void set_pending(struct dhpi_queue *queue, struct dhpi_dpc *dpc, bool high)
{
	/* relaxed: the lock orders it for those who act on it */
	at_store_relaxed_u32(&dpc->place, dhpi_place(DHPI_PLACE_PENDING, queue, high));
}

static struct dhpi_lane *lane_of(struct dhpi_queue *queue, const struct dhpi_dpc *dpc)
{
	return &queue->lanes[dpc->threaded ? DHPI_LANE_THREADED : DHPI_LANE_ORDINARY];
}

static void append(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	struct dhpi_lane *lane = lane_of(queue, dpc);

	set_pending(queue, dpc, false);
	adjust_u32(&queue->pending_count, 1);
	dpc->order = queue->next_order++;
	dhpi_list_push_tail(dpc->movable ? &lane->movable : &lane->aimed, &dpc->link);
	if (dpc->movable)
		adjust_u32(&lane->movable_count, 1);
}

/* Newest first is the order of the list: what comes later goes in front of what is there (S-628). */
static void prepend_high(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	set_pending(queue, dpc, true);
	adjust_u32(&queue->pending_count, 1);
	dhpi_list_push_head(&lane_of(queue, dpc)->high, &dpc->link);
	if (!dpc->threaded)
		adjust_u32(&queue->high_count, 1);
}

static void unlink_tail(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	dhpi_list_unlink(&dpc->link);
	adjust_u32(&queue->pending_count, -1u);
	if (dpc->movable)
		adjust_u32(&lane_of(queue, dpc)->movable_count, -1u);
}

static void unlink_high(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	dhpi_list_unlink(&dpc->link);
	adjust_u32(&queue->pending_count, -1u);
	if (!dpc->threaded)
		adjust_u32(&queue->high_count, -1u);
}

/* S-629: the two tail lists are one queue. Orders wrap; their difference does not, within two thousand million. */
static struct dhpi_dpc *oldest_tail(struct dhpi_lane *lane)
{
	struct dhpi_dpc *aimed, *movable;

	if (dhpi_list_empty(&lane->movable))
		return dhpi_list_empty(&lane->aimed) ? NULL : dhpi_dpc_of(lane->aimed.next);
	movable = dhpi_dpc_of(lane->movable.next);
	if (dhpi_list_empty(&lane->aimed))
		return movable;
	aimed = dhpi_dpc_of(lane->aimed.next);
	return (int32_t)(aimed->order - movable->order) < 0 ? aimed : movable;
}

static struct dhpi_dpc *pop_high(struct dhpi_queue *queue, struct dhpi_lane *lane)
{
	struct dhpi_dpc *dpc;

	if (dhpi_list_empty(&lane->high))
		return NULL;
	dpc = dhpi_dpc_of(lane->high.next);
	unlink_high(queue, dpc);
	return dpc;
}

static struct dhpi_dpc *pop_tail(struct dhpi_queue *queue, struct dhpi_lane *lane)
{
	struct dhpi_dpc *dpc = oldest_tail(lane);

	if (dpc != NULL)
		unlink_tail(queue, dpc);
	return dpc;
}

/* A threaded object of High importance comes this way too: nobody looks for it between two routines. */
static void drain_tail(struct dhpi_queue *queue)
{
	struct dhpi_link *at = oldest_first(take_inbox(queue, &queue->inbox));

	while (at != NULL) {
		struct dhpi_link *next = at->next;
		struct dhpi_dpc *dpc = dhpi_dpc_of(at);

		count_in(queue, dpc);
		if (dpc->high)
			prepend_high(queue, dpc);
		else
			append(queue, dpc);
		at = next;
	}
}

static void drain_high(struct dhpi_queue *queue)
{
	struct dhpi_link *at = oldest_first(take_inbox(queue, &queue->high_inbox));

	while (at != NULL) {
		struct dhpi_link *next = at->next;
		struct dhpi_dpc *dpc = dhpi_dpc_of(at);

		count_in(queue, dpc);
		prepend_high(queue, dpc);
		at = next;
	}
}

void dhpi_queue_drain(struct dhpi_queue *queue)
{
	drain_high(queue);
	drain_tail(queue);
}

/* ---- window ---- */

static void fill_window(struct dhpi_queue *queue)
{
	uint32_t count = 0, movable = 0;
	struct dhpi_dpc *dpc;

	while (count < DHPI_WINDOW && (dpc = pop_tail(queue, &queue->lanes[DHPI_LANE_ORDINARY])) != NULL) {
		/* relaxed: readers of both hold the lock, or are the worker itself */
		at_store_relaxed_u32(&dpc->place, dhpi_place(DHPI_PLACE_WINDOW, queue, count));
		at_store_relaxed_ptr(&queue->window[count], dpc);
		movable |= (uint32_t)dpc->movable << count;
		count++;
	}
	at_store_relaxed_u32(&queue->window_movable, movable); /* relaxed: a hint */
	queue->window_next = 0;
	queue->window_count = count;
}

static struct dhpi_dpc *pop_threaded(struct dhpi_queue *queue)
{
	struct dhpi_lane *lane = &queue->lanes[DHPI_LANE_THREADED];
	struct dhpi_dpc *dpc = pop_high(queue, lane);

	if (dpc == NULL)
		dpc = pop_tail(queue, lane);
	if (dpc != NULL) /* relaxed: I2. A remover that comes next must not find it on a list. */
		at_store_relaxed_u32(&dpc->place, DHPI_PLACE_NOWHERE);
	return dpc;
}

static bool threaded_waits(const struct dhpi_queue *queue)
{
	const struct dhpi_lane *lane = &queue->lanes[DHPI_LANE_THREADED];

	return !dhpi_list_empty(&lane->high) || !dhpi_list_empty(&lane->aimed) || !dhpi_list_empty(&lane->movable);
}

bool dhpi_queue_refill(struct dhpi_queue *queue)
{
	bool ordinary = false;

	dhpi_spin_lock(&queue->lock);
	dhpi_queue_drain(queue);
	if (queue->passed_over < BATCHES_BEFORE_THREADED || !threaded_waits(queue)) {
		fill_window(queue);
		ordinary = queue->window_count != 0 || !dhpi_list_empty(&queue->lanes[DHPI_LANE_ORDINARY].high);
	}
	queue->threaded = ordinary ? NULL : pop_threaded(queue);
	queue->passed_over = ordinary && threaded_waits(queue) ? queue->passed_over + 1 : 0;
	dhpi_spin_unlock(&queue->lock);
	return ordinary || queue->threaded != NULL;
}

bool dhpi_queue_empty(struct dhpi_queue *queue)
{
	/* [worker-sleep] either-or b: the worker has said "asleep" before; so seq_cst */
	if (at_load_seq_cst_ptr(&queue->inbox) != NULL || at_load_seq_cst_ptr(&queue->high_inbox) != NULL)
		return false;
	/*
	 * Whoever has taken an inbox may still be on the way to the lists: then the lock is held. Not taken here: with
	 * many workers on few cpus a preempted one that only looks would keep others awake.
	 */
	return !dhpi_spin_is_held(&queue->lock) && at_load_relaxed_u32(&queue->pending_count) == 0; /* [spin] acquire */
}

/* I3. relaxed: whatever was done to the object before was done under the lock, or by the worker itself */
static bool empty_cell(struct at_ptr *cell, struct dhpi_dpc *dpc)
{
	void *expected = dpc;

	return at_cas_relaxed_ptr(cell, &expected, NULL);
}

struct dhpi_dpc *dhpi_queue_take(struct dhpi_queue *queue)
{
	while (queue->window_next < queue->window_count) {
		struct at_ptr *cell = &queue->window[queue->window_next++];
		struct dhpi_dpc *dpc = at_load_relaxed_ptr(cell); /* relaxed: the worker filled the cell itself */

		if (dpc != NULL && empty_cell(cell, dpc))
			return dpc;
	}
	return NULL;
}

struct dhpi_dpc *dhpi_queue_take_high(struct dhpi_queue *queue)
{
	struct dhpi_dpc *dpc;

	dhpi_spin_lock(&queue->lock);
	drain_high(queue);
	dpc = pop_high(queue, &queue->lanes[DHPI_LANE_ORDINARY]);
	if (dpc != NULL) /* relaxed: I2. A remover that comes next must not find it on a list. */
		at_store_relaxed_u32(&dpc->place, DHPI_PLACE_NOWHERE);
	dhpi_spin_unlock(&queue->lock);
	return dpc;
}

/* ---- removal ---- */

void dhpi_queue_done_elsewhere(struct dhpi_queue *home, uint32_t phase)
{
	(void)at_fetch_add_release_u64(&home->done_elsewhere[phase], 1); /* [dpc-done] release */
}

/* Under the lock of the queue that the place named before. */
static bool take_off(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	uint32_t place = at_load_relaxed_u32(&dpc->place); /* relaxed: I2, or harmless */

	if (dhpi_place_kind(place) == DHPI_PLACE_INBOX) {
		dhpi_queue_drain(queue);
		place = at_load_relaxed_u32(&dpc->place);
	}
	if (dhpi_place_index(place) != dhpi_queue_index(queue))
		return false;
	if (dhpi_place_kind(place) == DHPI_PLACE_WINDOW)
		return empty_cell(&queue->window[dhpi_place_cell(place)], dpc);
	/* Still on its way into the inbox: that insert has not returned, and this call came before it. */
	if (dhpi_place_kind(place) != DHPI_PLACE_PENDING)
		return false;
	if (dhpi_place_cell(place) != 0)
		unlink_high(queue, dpc);
	else
		unlink_tail(queue, dpc);
	return true;
}

static void become_idle(struct dhpi_dpc *dpc)
{
	dhpi_queue_done_elsewhere(dpc->home, dpc->phase);
	at_store_relaxed_u32(&dpc->place, DHPI_PLACE_NOWHERE); /* relaxed: ordered by the exchange */
	(void)at_exchange_acq_rel_u32(&dpc->claim, 0);         /* [dpc-claim] release */
}

/* What became of an attempt to remove. */
enum removal { REMOVED, NOT_THERE, MOVED };

static enum removal try_remove(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	enum removal result = NOT_THERE;

	dhpi_spin_lock(&queue->lock);
	if (take_off(queue, dpc)) {
		at_bump_u64(&queue->removed);
		become_idle(dpc);
		result = REMOVED;
	} else {
		uint32_t place = at_load_relaxed_u32(&dpc->place); /* relaxed: I2 */

		if (dhpi_place_kind(place) != DHPI_PLACE_NOWHERE &&
		    dhpi_place_index(place) != dhpi_queue_index(queue))
			result = MOVED;
	}
	dhpi_spin_unlock(&queue->lock);
	dhpi_worker_hand_on(queue);
	return result;
}

bool dhpi_queue_remove(struct dhpi_work *work, struct dhpi_dpc *dpc)
{
	enum removal result;

	do {
		uint32_t place = at_load_relaxed_u32(&dpc->place); /* relaxed: looked at again under the lock */
		struct dhpi_queue *queue;

		if (dhpi_place_kind(place) == DHPI_PLACE_NOWHERE)
			return false;
		queue = dhpi_queue_of_index(work, dhpi_place_index(place));
		if (queue != NULL)
			result = try_remove(queue, dpc);
		else /* a processor that did not come up: its objects have moved, or a late insert has not returned */
			result = at_load_relaxed_u32(&dpc->place) != place || dhpi_place_kind(place) != DHPI_PLACE_INBOX
					 ? MOVED : NOT_THERE; /* relaxed: queue-ready orders it */
	} while (result == MOVED);
	return result == REMOVED;
}

/* ---- moving: under the locks of both ---- */

static uint32_t half(uint32_t count)
{
	uint32_t share = (count + 1) / 2;

	return share < STEAL_LIMIT ? share : STEAL_LIMIT;
}

static uint32_t steal_from_lane(struct dhpi_queue *thief, struct dhpi_queue *victim, enum dhpi_lane_kind kind)
{
	struct dhpi_lane *lane = &victim->lanes[kind];
	uint32_t share = half(at_load_relaxed_u32(&lane->movable_count)); /* relaxed: under the lock */

	for (uint32_t moved = 0; moved < share; moved++) {
		struct dhpi_dpc *dpc = dhpi_dpc_of(lane->movable.next);

		unlink_tail(victim, dpc);
		append(thief, dpc);
	}
	return share;
}

/*
 * From the far end, where the worker comes last. What a cell holds is looked into only once it is the thief's: until then
 * the worker may run it and its owner free it. The cells are not refilled meanwhile, that needs the lock.
 */
static uint32_t steal_from_window(struct dhpi_queue *thief, struct dhpi_queue *victim)
{
	uint32_t movable = at_load_relaxed_u32(&victim->window_movable); /* relaxed: under the lock */
	uint32_t share = half(dhpi_count_bits(movable));
	struct dhpi_dpc *taken[DHPI_WINDOW];
	uint32_t moved = 0;

	while (movable != 0 && moved < share) {
		uint32_t cell = 31u - (uint32_t)__builtin_clz(movable);
		struct dhpi_dpc *dpc = at_load_relaxed_ptr(&victim->window[cell]); /* relaxed: I3 decides */

		movable &= ~(1u << cell);
		if (dpc != NULL && empty_cell(&victim->window[cell], dpc))
			taken[moved++] = dpc;
	}
	at_store_relaxed_u32(&victim->window_movable, movable); /* relaxed: under the lock */
	for (uint32_t i = moved; i-- > 0;)
		append(thief, taken[i]);
	return moved;
}

bool dhpi_queue_worth_stealing(const struct dhpi_queue *victim)
{
	/*
	 * After saying "asleep" a thief looks once more. Who drained the inbox looks at the idle set afterwards: the victim
	 * after an exchange of `busy`, which orders the two relaxed words, anybody else in dhpi_worker_hand_on.
	 * [thief-sleep] either-or b: so seq_cst
	 */
	(void)at_load_seq_cst_u32(&victim->busy);
	return at_load_seq_cst_ptr(&victim->inbox) != NULL || dhpi_queue_has_movable(victim) ||
	       at_load_relaxed_u32(&victim->window_movable) != 0;
}

uint32_t dhpi_queue_steal(struct dhpi_queue *thief, struct dhpi_queue *victim)
{
	uint32_t moved = 0;

	if (!dhpi_queue_worth_stealing(victim) || !dhpi_spin_try(&victim->lock))
		return 0;
	drain_tail(victim);
	if (dhpi_spin_try(&thief->lock)) {
		moved = steal_from_lane(thief, victim, DHPI_LANE_ORDINARY);
		if (moved == 0 && at_load_relaxed_u32(&victim->window_movable) != 0) /* relaxed: under the lock */
			moved = steal_from_window(thief, victim);
		if (moved == 0)
			moved = steal_from_lane(thief, victim, DHPI_LANE_THREADED);
		dhpi_spin_unlock(&thief->lock);
	}
	dhpi_spin_unlock(&victim->lock);
	return moved;
}

/* ---- open and close ---- */

void dhpi_queue_open(struct dhpi_queue *queue, struct dhpi_work *work, const struct dhp_processor *processor)
{
	/*
	 * Who was told of an attempt that failed may be looking here. An insert that chose this queue in that attempt and
	 * has not pushed yet pushes into this one: it is not lost, but its target's index may be another processor's now.
	 */
	dhpi_spin_lock(&queue->lock);
	queue->work = work;
	queue->cpu = processor->cpu;
	at_store_relaxed_u32(&queue->index, processor->index); /* relaxed: published by queue-ready */
	queue->closed = false;
	for (uint32_t lane = 0; lane < DHPI_LANES; lane++) {
		dhpi_list_init(&queue->lanes[lane].aimed);
		dhpi_list_init(&queue->lanes[lane].movable);
		dhpi_list_init(&queue->lanes[lane].high);
	}
	at_store_relaxed_u32(&queue->asleep, 0); /* relaxed: published by queue-ready */
	at_store_relaxed_u32(&queue->away, 0);     /* relaxed: likewise */
	queue->pin = (struct dhpi_pin){ .cpu = processor->cpu };
	at_store_release_ptr(&queue->high_inbox, NULL); /* [queue-ready] release: a late push may find it open again */
	at_store_release_ptr(&queue->inbox, NULL);      /* [queue-ready] release */
	dhpi_spin_unlock(&queue->lock);
}

/* High objects lose their place at the head: the heir's own come first. */
static void hand_over(struct dhpi_queue *heir, struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	dhpi_queue_done_elsewhere(queue, dpc->phase);
	count_in(heir, dpc);
	append(heir, dpc);
}

static void hand_over_lane(struct dhpi_queue *heir, struct dhpi_queue *queue, struct dhpi_lane *lane)
{
	struct dhpi_dpc *dpc;

	while ((dpc = pop_high(queue, lane)) != NULL || (dpc = pop_tail(queue, lane)) != NULL)
		hand_over(heir, queue, dpc);
}

/* Closes when nothing is left in it; what was pushed until then is on the lists. */
static void close_inbox(struct dhpi_queue *queue, struct at_ptr *inbox, void (*drain)(struct dhpi_queue *))
{
	void *empty;

	do {
		drain(queue);
		empty = NULL;
	} while (!at_cas_acq_rel_ptr(inbox, &empty, DHPI_CLOSED)); /* [queue-ready] release: a push goes elsewhere */
}

/*
 * A processor that did not come up. Nobody ran anything here, so nothing is in the window. Objects that are counted again
 * in the heir were inserted during the transaction, for which no flush that is going on waits.
 */
void dhpi_queue_close(struct dhpi_queue *queue, struct dhpi_queue *heir)
{
	dhpi_spin_lock(&heir->lock);
	dhpi_spin_lock(&queue->lock);
	close_inbox(queue, &queue->high_inbox, drain_high);
	close_inbox(queue, &queue->inbox, drain_tail);
	queue->closed = true;
	for (uint32_t lane = 0; lane < DHPI_LANES; lane++)
		hand_over_lane(heir, queue, &queue->lanes[lane]);
	dhpi_spin_unlock(&queue->lock);
	dhpi_spin_unlock(&heir->lock);
	dhpi_worker_wake(heir);
}

/* ---- leaving (S-641): under the locks of both ---- */

static uint32_t leave_window(struct dhpi_queue *queue, struct dhpi_queue *heir)
{
	uint32_t moved = 0;

	for (uint32_t cell = 0; cell < DHPI_WINDOW; cell++) {
		struct dhpi_dpc *dpc = at_load_relaxed_ptr(&queue->window[cell]); /* relaxed: I3 decides */

		if (dpc == NULL || !empty_cell(&queue->window[cell], dpc))
			continue;
		append(heir, dpc);
		moved++;
	}
	at_store_relaxed_u32(&queue->window_movable, 0); /* relaxed: under the lock */
	return moved;
}

/* Oldest first, so that the newest is at the head there too. A call on all processors is for this one: it stays. */
static uint32_t leave_high(struct dhpi_queue *queue, struct dhpi_queue *heir, struct dhpi_lane *lane)
{
	struct dhpi_link *before;
	uint32_t moved = 0;

	for (struct dhpi_link *at = lane->high.prev; at != &lane->high; at = before) {
		struct dhpi_dpc *dpc = dhpi_dpc_of(at);

		before = at->prev;
		if (dpc == dhpi_dpc(&queue->call))
			continue;
		unlink_high(queue, dpc);
		prepend_high(heir, dpc);
		moved++;
	}
	return moved;
}

static uint32_t leave_lane(struct dhpi_queue *queue, struct dhpi_queue *heir, struct dhpi_lane *lane)
{
	uint32_t moved = leave_high(queue, heir, lane);
	struct dhpi_dpc *dpc;

	while ((dpc = pop_tail(queue, lane)) != NULL) {
		append(heir, dpc);
		moved++;
	}
	return moved;
}

/*
 * The worker goes on to run what it has in its hand, and what comes in late. Homes stay (I4), so a flush finds all.
 * Two locks: as dhpi_queue_close, under the partition's lock; all others that take two only try.
 */
uint32_t dhpi_queue_leave(struct dhpi_queue *queue, struct dhpi_queue *heir)
{
	uint32_t moved;

	dhpi_spin_lock(&heir->lock);
	dhpi_spin_lock(&queue->lock);
	dhpi_queue_drain(queue);
	moved = leave_window(queue, heir);
	for (uint32_t lane = 0; lane < DHPI_LANES; lane++)
		moved += leave_lane(queue, heir, &queue->lanes[lane]);
	dhpi_spin_unlock(&queue->lock);
	dhpi_spin_unlock(&heir->lock);
	if (moved != 0) {
		dhpi_worker_wake(heir);
		dhpi_worker_hand_on(heir);
	}
	return moved;
}
