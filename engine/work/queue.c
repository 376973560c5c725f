/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - one processor's queue of DPCs.
 *
 * Problem   anybody inserts, a signal handler too; one worker runs; anybody may remove an object and free it at once;
 *           idle processors take a share. No insert may wait for anybody, and a list that holds an object cannot be
 *           left by that object without a lock.
 * Idea      four places, one after another:
 *
 *             inbox --------> taken --------> lists ---------> window ---> routine
 *             chains, pushed  chains, the     doubly linked,   cells; emptied by one
 *             by anybody,     oldest first    under a lock     compare and exchange
 *             taken whole         |                            of whoever comes first
 *                                 |                               ^    ^
 *                                 +- nothing waits on the lists --+    |
 *                                    the worker's own inserts, if nothing waits elsewhere
 *
 *           Inserting is one push, of one object or of a chain of them. The worker takes the whole inbox with one exchange, under
 *           the lock, and goes through it bit by bit, before each batch; between two routines it needs no lock. Removers and
 *           thieves hold the lock and can reach an object wherever it is: they unlink it from a list, or empty its cell before the
 *           worker does. Lists are for what does not fit into the window, and for what others found: who is not the worker moves
 *           all that was pushed there.
 *
 *           Only the worker fills cells, so what its routines insert needs no read-modify-write but the claim. It goes to the
 *           inbox like all others when something waits that is older: in the inbox, on a list, or on its way between them.
 *
 *           High objects have an inbox of their own, looked at between two routines, and no window: each is popped
 *           under the lock.
 *
 *           A threaded object comes in by the same inbox and waits in a lane of lists of its own (S-664): High at its head,
 *           others at its tail (S-632). It has no window: the owner pops one, under the lock, when no ordinary object waits, or
 *           after many batches: a DPC that inserts itself again keeps neither it nor a flush waiting for ever (S-649, S-655).
 *
 * Speed     An object in the inbox is in the cache of who pushed it, and a walk from one to the next would wait for each. So
 *           each has a link to one that comes some steps later in that walk: in a chain one behind it; from the first of a chain,
 *           since the newest is met first, the first of one that the same thread pushed some before. The queue has the addresses
 *           where the walk begins. Who walks prefetches by them. Such an address may be old: nothing is read there.
 *
 *           A chain that was taken is not looked into before its turn comes. What the walk has asked for arrives while what
 *           it has put into the window runs.
 *
 * I1        claim is 1 from a successful insert until the object was taken off for its run or its removal. It is only
 *           read-modify-written: so an insert that finds it queued happens before the run (S-616).
 * I2        a place of kind PENDING changes under the lock of the queue it names, and nowhere else. A place names its queue for
 *           ever: by the cpu, not by the index, which another processor may get when an attempt has failed.
 * I3        whoever changes a cell from an object to NULL has it: worker, remover or thief.
 * I4        an object is counted once in its home when it leaves what was taken or is put into the window, and done there once,
 *           when its routine has returned or it was removed. Moving it to another processor changes neither.
 * I5        only objects without target, and not High, change the queue (S-620), but for those of a processor that did not
 *           come up or is not usable (S-641).
 * I6        a closed inbox stays closed until its queue is opened again, so a late push finds out.
 * I7        what is in the window came before what is on the lists, that before what is taken, and that before what is in the
 *           inbox (S-629).
 * I8        what is still taken when the lock is given back has no object without target: thieves would not find it.
 *
 * Progress  push is lock-free. put and take are wait-free. refill, remove and steal hold a lock for a few instructions for
 *           each object they move, and each chain they take; the thief only tries it.
 */
#include "queue.h"

/* Most objects a thief takes at once. So long the victim waits for its lock, and while they are looked for in its window. */
#define STEAL_LIMIT 64u

/* Batches of ordinary objects in a row while a threaded one waits on its list. */
#define BATCHES_BEFORE_THREADED 16u

_Static_assert((DHPI_WINDOW & (DHPI_WINDOW - 1)) == 0, "positions wrap");
_Static_assert(DHPI_WINDOW <= DHPI_PLACE_CELLS, "a place has room for the number of a cell");
_Static_assert(DHPI_WINDOW >= DHPI_WINDOW_RESIDENT, "what is made resident is there");
_Static_assert(DHPI_BITE > 0, "what is taken comes into the window");

/* ---- inbox ---- */

static bool nothing_pushed(const struct dhpi_queue *queue, const struct at_ptr *inbox)
{
	/* [queue-busy] either-or b: the worker has said "busy" before; so seq_cst */
	return queue->closed || at_load_seq_cst_ptr(inbox) == NULL;
}

/* What it holds: the chains, newest first. */
static void *take_inbox(struct dhpi_queue *queue, struct at_ptr *inbox)
{
	if (nothing_pushed(queue, inbox))
		return NULL;
	for (uint32_t i = 0; i < DHPI_TRAIL; i++)
		port_prefetch_write(at_load_relaxed_ptr(&queue->recent[i])); /* relaxed: a hint */
	return at_exchange_acq_rel_ptr(inbox, NULL); /* [dpc-push] acquire; [inbox-taken] release */
}

static void fetch(struct dhpi_dpc *dpc)
{
	port_prefetch_write(dpc);
	port_prefetch_read((const void *)((uintptr_t)dpc + offsetof(struct dhpi_dpc, work))); /* it may be NULL */
}

static void fetch_ahead(const struct dhpi_dpc *dpc)
{
	fetch((struct dhpi_dpc *)(void *)dpc->link.prev);
}

static void next_chain(struct dhpi_walk *walk)
{
	walk->next = walk->chain;
	walk->chain = walk->next == NULL ? NULL : walk->next->chain;
}

/* Only the first object of each chain is looked at. What it asks for is asked for once: later another inserter may have it. */
static struct dhpi_walk oldest_first(void *content)
{
	struct dhpi_walk walk = { .movable = dhpi_is_movable(content) };
	struct dhpi_dpc *newest = dhpi_object_in(content);

	while (newest != NULL) {
		struct dhpi_dpc *older = newest->chain;

		fetch_ahead(newest);
		newest->link.prev = &newest->link;
		newest->chain = walk.chain;
		walk.chain = newest;
		newest = older;
	}
	next_chain(&walk);
	return walk;
}

/* NULL: that was all. From then on the object and its links are the caller's. */
static struct dhpi_dpc *next_in(struct dhpi_walk *walk)
{
	struct dhpi_dpc *dpc = walk->next;

	if (dpc == NULL)
		return NULL;
	walk->next = dhpi_next_in_chain(dpc);
	if (walk->next == NULL)
		next_chain(walk);
	else
		fetch_ahead(dpc);
	return dpc;
}

/* ---- lists: under the lock ---- */

DHPI_WRAPS("to add the negative of a number takes it off")
static void adjust_u32(struct at_u32 *word, uint32_t amount)
{
	at_store_relaxed_u32(word, at_load_relaxed_u32(word) + amount); /* relaxed: one writer at a time; a hint */
}

/* Mostly it is where it was: not written, the line stays in both caches. */
static void set_home(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	if (dpc->home != queue)
		dpc->home = queue;
}

static void count_in(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	set_home(queue, dpc);
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
	adjust_u32(&queue->pending_count, UINT32_MAX);
	if (dpc->movable)
		adjust_u32(&lane_of(queue, dpc)->movable_count, UINT32_MAX);
}

static void unlink_high(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	dhpi_list_unlink(&dpc->link);
	adjust_u32(&queue->pending_count, UINT32_MAX);
	if (!dpc->threaded)
		adjust_u32(&queue->high_count, UINT32_MAX);
}

/* S-629: the two tail lists are one queue. Orders wrap; their difference does not, within two thousand million. */
DHPI_WRAPS("orders wrap, their difference says which is older")
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
static void take_in(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	if (dpc->high)
		prepend_high(queue, dpc);
	else
		append(queue, dpc);
}

static bool anything_taken(const struct dhpi_queue *queue)
{
	return queue->taken.next != NULL;
}

/* Last of all: in between, nobody may think that nothing waits. */
static void note_taken(struct dhpi_queue *queue, bool before)
{
	bool now = anything_taken(queue);

	if (now != before)
		adjust_u32(&queue->pending_count, now ? 1 : UINT32_MAX);
}

static void drain_walk(struct dhpi_queue *queue, struct dhpi_walk *walk)
{
	struct dhpi_dpc *dpc;

	while ((dpc = next_in(walk)) != NULL) {
		count_in(queue, dpc);
		take_in(queue, dpc);
	}
}

static void drain_tail(struct dhpi_queue *queue)
{
	bool taken = anything_taken(queue);
	struct dhpi_walk walk;

	if (taken)
		drain_walk(queue, &queue->taken);
	walk = oldest_first(take_inbox(queue, &queue->inbox));
	drain_walk(queue, &walk);
	note_taken(queue, taken);
}

/* The worker looks without the lock: it must not miss what is on its way from the inbox to the list (S-625). */
static void drain_high(struct dhpi_queue *queue)
{
	struct dhpi_walk walk;

	if (nothing_pushed(queue, &queue->high_inbox))
		return;
	adjust_u32(&queue->high_count, 1);
	walk = oldest_first(take_inbox(queue, &queue->high_inbox));
	drain_walk(queue, &walk);
	adjust_u32(&queue->high_count, UINT32_MAX);
}

void dhpi_queue_drain(struct dhpi_queue *queue)
{
	drain_high(queue);
	drain_tail(queue);
}

/* ---- window ---- */

static struct at_ptr *cell_at(struct dhpi_queue *queue, uint32_t position)
{
	return &queue->window[position % DHPI_WINDOW];
}

/* Owner. There is room. */
static void fill_cell(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	uint32_t tail = at_load_relaxed_u32(&queue->window_tail); /* relaxed: own store */
	bool movable = dpc->movable;

	/* relaxed: who acts on the place looks into the cell */
	at_store_relaxed_u32(&dpc->place, dhpi_place(DHPI_PLACE_WINDOW, queue, tail % DHPI_WINDOW));
	/* [window-fill] release: the object as the worker left it, for who takes it out of the cell */
	at_store_release_ptr(cell_at(queue, tail), dhpi_tagged(dpc, movable));
	at_store_relaxed_u32(&queue->window_tail, tail + 1); /* relaxed: a hint for others */
	if (movable)
		at_bump_u32(&queue->movable_put);
}

static bool window_is_full(const struct dhpi_queue *queue)
{
	return dhpi_queue_window_length(queue) == DHPI_WINDOW;
}

static bool goes_on(const struct dhpi_queue *queue, uint32_t filled)
{
	return queue->taken.movable || (filled < DHPI_BITE && !window_is_full(queue)); /* I8 */
}

/*
 * The short way: it does not meet the lists, on which nothing ordinary is unless the window is full. A threaded object goes there,
 * and what a thief must find and has no room.
 */
static void fill_from_taken(struct dhpi_queue *queue)
{
	struct dhpi_dpc *dpc;
	uint32_t filled = 0;

	while (goes_on(queue, filled) && (dpc = next_in(&queue->taken)) != NULL) {
		count_in(queue, dpc);
		if (dpc->threaded || window_is_full(queue)) {
			take_in(queue, dpc);
		} else {
			fill_cell(queue, dpc);
			filled++;
		}
	}
	queue->refilled += filled;
}

/* Under the lock. */
static bool lift(struct dhpi_queue *queue, struct at_ptr *cell, void *content)
{
	if (!dhpi_queue_empty_cell(cell, content))
		return false;
	if (dhpi_is_movable(content))
		at_bump_u32(&queue->movable_lifted);
	return true;
}

/*
 * When the first cells are used up, a window that holds little begins anew: so a queue that is never long stays in them, and in the
 * first cache. What is left goes to cells before its own, the oldest first; so it may not lie around the end.
 */
static void rewind_window(struct dhpi_queue *queue)
{
	uint32_t head = at_load_relaxed_u32(&queue->window_head); /* relaxed: own stores */
	uint32_t tail = at_load_relaxed_u32(&queue->window_tail);

	if (!dhpi_queue_wanders(queue) || head % DHPI_WINDOW > tail % DHPI_WINDOW)
		return;
	at_store_relaxed_u32(&queue->window_head, 0); /* relaxed: hints for others, who hold the lock as this does */
	at_store_relaxed_u32(&queue->window_tail, 0);
	for (uint32_t at = head; at != tail; at++) {
		struct at_ptr *cell = cell_at(queue, at);
		void *content = at_load_relaxed_ptr(cell); /* relaxed: the worker filled the cell itself */

		if (content != NULL && lift(queue, cell, content))
			fill_cell(queue, dhpi_object_in(content));
	}
}

static void fill_window(struct dhpi_queue *queue)
{
	struct dhpi_lane *lane = &queue->lanes[DHPI_LANE_ORDINARY];
	bool taken = anything_taken(queue);
	struct dhpi_dpc *dpc;

	while (!window_is_full(queue) && (dpc = pop_tail(queue, lane)) != NULL)
		fill_cell(queue, dpc);
	fill_from_taken(queue);
	if (!anything_taken(queue)) {
		queue->taken = oldest_first(take_inbox(queue, &queue->inbox));
		queue->refilled = 0;
		fill_from_taken(queue);
	}
	note_taken(queue, taken);
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
	rewind_window(queue);
	drain_high(queue);
	fill_window(queue);
	if (queue->passed_over < BATCHES_BEFORE_THREADED || !threaded_waits(queue))
		ordinary = dhpi_queue_window_length(queue) != 0 ||
			   !dhpi_list_empty(&queue->lanes[DHPI_LANE_ORDINARY].high);
	else
		drain_tail(queue); /* a threaded High one may be there (S-632) */
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
	 * Whoever has taken an inbox may still be on the way to the lists: then the lock is held, or it counts as pending. The lock
	 * is not taken here: with many workers on few cpus a preempted one that only looks would keep others awake.
	 */
	return !dhpi_spin_is_held(&queue->lock) && at_load_relaxed_u32(&queue->pending_count) == 0 && /* [spin] acquire */
	       dhpi_queue_window_length(queue) == 0;
}

/* ---- the owner's own hand ---- */

/* I7. Who has taken the inbox may still be on the way to the lists: then the lock is held, or it counts as pending. */
static bool nothing_waits_outside(const struct dhpi_queue *queue)
{
	return at_load_acquire_ptr(&queue->inbox) == NULL && /* [inbox-taken] acquire */
	       !dhpi_spin_is_held(&queue->lock) && at_load_relaxed_u32(&queue->pending_count) == 0; /* [spin] acquire */
}

static enum dhpi_pushed put(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	bool alone = dhpi_queue_window_length(queue) == 0, movable = dpc->movable;

	if (window_is_full(queue) || !nothing_waits_outside(queue))
		return DHPI_PUSHED_NOWHERE;
	set_home(queue, dpc);
	at_bump_u64(&queue->counted_own[dpc->phase]); /* I4 */
	fill_cell(queue, dpc);
	if (alone)
		return DHPI_PUSHED_ALONE;
	if (movable) /* [thief-sleep] either-or a: in reach of thieves before the look at the idle set */
		(void)at_exchange_seq_cst_u32(&queue->busy, 1);
	return DHPI_PUSHED_BEHIND;
}

/* A signal handler that interrupts the worker here uses the inbox. */
enum dhpi_pushed dhpi_queue_put(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	enum dhpi_pushed pushed;

	if (DHPI_UNLIKELY(at_load_relaxed_u8(&queue->putting) != 0)) /* relaxed: written by this thread */
		return DHPI_PUSHED_NOWHERE;
	at_store_relaxed_u8(&queue->putting, 1); /* relaxed: likewise */
	at_signal_fence();
	pushed = put(queue, dpc);
	at_signal_fence();
	at_store_relaxed_u8(&queue->putting, 0); /* relaxed: likewise */
	return pushed;
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

static bool take_out(struct dhpi_queue *queue, struct dhpi_dpc *dpc, uint32_t number)
{
	struct at_ptr *cell = &queue->window[number];
	void *content = at_load_relaxed_ptr(cell); /* relaxed: I3 decides */

	return dhpi_object_in(content) == dpc && lift(queue, cell, content);
}

/* Under the lock of the queue that the place named before. */
static bool take_off(struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	uint32_t place = at_load_relaxed_u32(&dpc->place); /* relaxed: I2, or harmless */

	if (dhpi_place_kind(place) == DHPI_PLACE_INBOX) {
		dhpi_queue_drain(queue);
		place = at_load_relaxed_u32(&dpc->place);
	}
	if (dhpi_place_cpu(place) != dhpi_queue_cpu(queue))
		return false;
	if (dhpi_place_kind(place) == DHPI_PLACE_WINDOW)
		return take_out(queue, dpc, dhpi_place_cell(place));
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

		if (dhpi_place_kind(place) != DHPI_PLACE_NOWHERE && dhpi_place_cpu(place) != dhpi_queue_cpu(queue))
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

		if (dhpi_place_kind(place) == DHPI_PLACE_NOWHERE)
			return false;
		result = try_remove(dhpi_queue_at_cpu(work, dhpi_place_cpu(place)), dpc);
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
 * the worker may run it and its owner free it. Head and tail may be old: a cell outside of them holds what came later, or
 * nothing.
 */
DHPI_WRAPS("a count that runs down goes past zero once; indices of the window are modulo 2^32")
static uint32_t steal_from_window(struct dhpi_queue *thief, struct dhpi_queue *victim)
{
	uint32_t head = at_load_relaxed_u32(&victim->window_head), at = at_load_relaxed_u32(&victim->window_tail);
	uint32_t share = half(dhpi_queue_window_movable(victim)), moved = 0;
	void *taken[STEAL_LIMIT];

	if (at - head > DHPI_WINDOW)
		head = at - DHPI_WINDOW;
	while (at != head && moved < share) {
		struct at_ptr *cell = cell_at(victim, --at);
		void *content = at_load_relaxed_ptr(cell); /* relaxed: I3 decides */

		if (dhpi_is_movable(content) && lift(victim, cell, content))
			taken[moved++] = content;
	}
	for (uint32_t i = moved; i-- > 0;)
		append(thief, dhpi_object_in(taken[i]));
	return moved;
}

bool dhpi_queue_worth_stealing(const struct dhpi_queue *victim)
{
	/*
	 * After saying "asleep" a thief looks once more. Who drained the inbox has read-modify-written `busy` before its look at
	 * the idle set: that orders the two relaxed words.
	 * [thief-sleep] either-or b: so seq_cst
	 */
	(void)at_load_seq_cst_u32(&victim->busy);
	return dhpi_is_movable(at_load_seq_cst_ptr(&victim->inbox)) || dhpi_queue_has_movable(victim) ||
	       dhpi_queue_window_movable(victim) != 0;
}

uint32_t dhpi_queue_steal(struct dhpi_queue *thief, struct dhpi_queue *victim)
{
	uint32_t moved = 0;

	if (!dhpi_queue_worth_stealing(victim) || !dhpi_spin_try(&victim->lock))
		return 0;
	drain_tail(victim);
	if (dhpi_spin_try(&thief->lock)) {
		moved = steal_from_lane(thief, victim, DHPI_LANE_ORDINARY);
		if (moved == 0)
			moved = steal_from_window(thief, victim);
		if (moved == 0)
			moved = steal_from_lane(thief, victim, DHPI_LANE_THREADED);
		dhpi_spin_unlock(&thief->lock);
	}
	dhpi_spin_unlock(&victim->lock);
	if (dhpi_queue_has_movable(victim)) /* the thief will look for another one */
		dhpi_queue_show(victim);
	return moved;
}

/* After objects came to the lists of a queue otherwise than by its inbox. */
static void wake_heir(struct dhpi_queue *heir)
{
	/*
	 * [worker-sleep] either-or a: a read-modify-write of the word that its worker read-modify-writes too. Who comes second
	 * sees the other: the worker finds the lists, or this finds it asleep.
	 */
	if (at_fetch_add_release_u32(&heir->asleep, 0) != 0)
		dhpi_worker_wake(heir);
}

/* ---- open and close ---- */

void dhpi_queue_open(struct dhpi_queue *queue, struct dhpi_work *work, const struct dhp_processor *processor)
{
	bool closed;

	/*
	 * Who was told of an attempt that failed may be looking here. An insert that chose this queue in that attempt and
	 * has not pushed yet pushes into this one: it is neither lost nor out of a remover's reach, but its target's index may
	 * be another processor's now.
	 */
	dhpi_spin_lock(&queue->lock);
	closed = queue->closed;
	queue->work = work;
	at_store_relaxed_u32(&queue->index, processor->index); /* relaxed: published by queue-ready */
	at_store_relaxed_u32(&queue->cpu, processor->cpu);     /* relaxed: likewise, and it was the same before */
	queue->closed = false;
	for (uint32_t lane = 0; lane < DHPI_LANES; lane++) {
		dhpi_list_init(&queue->lanes[lane].aimed);
		dhpi_list_init(&queue->lanes[lane].movable);
		dhpi_list_init(&queue->lanes[lane].high);
	}
	at_store_relaxed_u32(&queue->asleep, 0); /* relaxed: published by queue-ready */
	at_store_relaxed_u32(&queue->away, 0);     /* relaxed: likewise */
	queue->pin = (struct dhpi_pin){ .cpu = processor->cpu };
	at_store_release_ptr(&work->queue_of_index[processor->index], queue); /* [queue-ready] release */
	/*
	 * The index comes first: who pushes late finds its object again. From now on others push, so nothing is stored into
	 * inboxes that were never closed.
	 */
	if (closed) {
		at_store_relaxed_ptr(&queue->high_inbox, NULL); /* relaxed: a late push reads no field but `asleep` */
		at_store_relaxed_ptr(&queue->inbox, NULL);
	}
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
	} while (!at_cas_relaxed_ptr(inbox, &empty, DHPI_CLOSED)); /* relaxed: a push goes elsewhere, and nothing is handed over */
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
	wake_heir(heir);
}

/* ---- leaving (S-641): under the locks of both ---- */

static uint32_t leave_window(struct dhpi_queue *queue, struct dhpi_queue *heir)
{
	uint32_t head = at_load_relaxed_u32(&queue->window_head), moved = 0; /* relaxed: a hint where the oldest is */

	for (uint32_t at = head; at != head + DHPI_WINDOW; at++) {
		struct at_ptr *cell = cell_at(queue, at);
		void *content = at_load_relaxed_ptr(cell); /* relaxed: I3 decides */

		if (content == NULL || !lift(queue, cell, content))
			continue;
		append(heir, dhpi_object_in(content));
		moved++;
	}
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
		wake_heir(heir);
		dhpi_worker_hand_on(heir);
	}
	return moved;
}
