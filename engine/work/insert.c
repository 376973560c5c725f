/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insert.c - the public calls that queue objects: one, or several at once.
 *
 * Problem   an insert takes two read-modify-writes: the claim of the object, and the push, which moves the line of the inbox. Each
 *           waits for its line, and whatever comes behind it waits too.
 * Idea      what an insert looks up comes before its claim. Of several objects that go the same way each is claimed, but
 *           they are pushed together, as a chain; and the lines of those that follow are fetched meanwhile.
 *
 * I1        an object that was claimed and not pushed is out of everybody's reach, as in any insert that has not returned: a
 *           remover finds nothing, a flush does not wait for it. So the chain is nobody's but the inserter's until it is pushed.
 * I2        what a worker queues for itself goes into its window. From the first one on that finds no way there all go
 *           into the inbox, because the window would overtake the chain that is not pushed yet (S-629).
 */
#include "queue.h"

/*
 * Objects that are looked at between two pushes, at most, those that are passed over too: so the worker begins with the first while
 * the inserter is at the next.
 */
#define CHAIN 64u

/* Index 0 is always there: it came up with the engine and its queue is never closed. */
static struct dhpi_queue *queue_of_last_resort(struct dhpi_work *work)
{
	return dhpi_queue_of_index(work, 0);
}

static struct dhpi_queue *queue_here(struct dhpi_work *work)
{
	struct dhpi_queue *queue = dhp_percpu_here(work->queues);

	return DHPI_LIKELY(queue != dhp_percpu_fallback(work->queues)) ? queue : queue_of_last_resort(work);
}

uint32_t dhpi_work_index_here(struct dhpi_work *work)
{
	return dhpi_queue_index(queue_here(work));
}

/* Where objects go, and how. */
struct way {
	struct dhpi_work *work;
	struct dhpi_queue *queue;
	uint32_t target;
	uint8_t importance, phase;
	bool threaded, movable;
	bool diverted; /* elsewhere than where they were aimed at (S-641) */
};

static bool is_high(const struct way *way)
{
	return way->importance == DHP_IMPORTANCE_HIGH;
}

/* S-641. A call on all processors goes to each. */
static struct dhpi_queue *queue_instead_of(struct dhpi_queue *away, struct dhpi_dpc *dpc)
{
	struct dhpi_queue *queue = dpc == dhpi_dpc(&away->call) ? NULL : dhpi_queue_instead(away);

	return queue != NULL ? queue : away;
}

DHPI_INLINE struct dhpi_queue *choose_queue(struct dhpi_dpc *dpc, struct way *way)
{
	struct dhpi_queue *queue, *instead;

	way->diverted = false;
	if (way->target == DHPI_NO_TARGET)
		return queue_here(way->work);
	/* The target may have failed to come up after it was set: S-654. */
	queue = dhpi_queue_of_index(way->work, way->target);
	if (DHPI_UNLIKELY(queue == NULL))
		return queue_of_last_resort(way->work);
	if (DHPI_LIKELY(!dhpi_queue_is_away(queue)))
		return queue;
	instead = queue_instead_of(queue, dpc);
	way->diverted = instead != queue;
	return instead;
}

DHPI_INLINE enum dhp_status look_up(struct dhpi_dpc *dpc, struct way *way)
{
	struct dhpi_work *work = dpc->work;
	uint32_t gate = at_load_acquire_u32(&work->gate); /* [gate] acquire */

	if (DHPI_UNLIKELY((gate & DHPI_GATE_CLOSING) != 0))
		return DHP_CLOSED;
	if (DHPI_UNLIKELY(work->without_workers))
		return DHP_NOT_SUPPORTED;
	way->work = work;
	way->phase = (uint8_t)(gate & DHPI_GATE_PHASE);
	way->target = at_load_relaxed_u32(&dpc->target); /* relaxed: settings */
	way->importance = at_load_relaxed_u8(&dpc->importance);
	way->threaded = dpc->threaded;
	way->movable = way->target == DHPI_NO_TARGET && !is_high(way);
	way->queue = choose_queue(dpc, way);
	return DHP_OK;
}

DHPI_INLINE bool claim(struct dhpi_dpc *dpc, const struct way *way, void *argument_1, void *argument_2)
{
	/* [dpc-claim] acquire: the arguments were copied; [dpc-claim] release: a refused insert comes before the run */
	if (at_exchange_acq_rel_u32(&dpc->claim, 1) != 0)
		return false;
	dpc->high = is_high(way);
	dpc->arguments[0] = argument_1;
	dpc->arguments[1] = argument_2;
	dpc->movable = way->movable;
	dpc->phase = way->phase;
	return true;
}

/* A worker has a way of its own into its queue's tail. */
static bool leads_home(const struct way *way, const struct port_self *self)
{
	return self->worker == way->queue && !is_high(way) && !way->threaded;
}

static void set_place(struct dhpi_dpc *dpc, const struct dhpi_queue *queue)
{
	/* relaxed: who removes looks again under the lock */
	at_store_relaxed_u32(&dpc->place, dhpi_place(DHPI_PLACE_INBOX, queue, 0));
}

/*
 * A chain to be pushed, of one object so far. Who takes the inbox walks from the newest chain to the oldest, and prefetches: so it
 * has an address of one that the same thread pushed some before. Where in the trail it is itself.
 */
DHPI_INLINE uint32_t start_chain(struct port_self *self, const struct dhpi_queue *queue, struct dhpi_dpc *dpc)
{
	uint32_t next = self->trail_next++ % DHPI_TRAIL;

	dpc->link.next = NULL;
	dpc->link.prev = self->trail[next];
	self->trail[next] = dpc;
	set_place(dpc, queue);
	return next;
}

static struct dhpi_queue *go_elsewhere(struct dhpi_work *work, struct dhpi_dpc *chain)
{
	struct dhpi_queue *queue = queue_of_last_resort(work);

	for (; chain != NULL; chain = dhpi_next_in_chain(chain))
		set_place(chain, queue);
	return queue;
}

/* Where they went is stored in the way: a closed queue passes them on. */
DHPI_INLINE enum dhpi_pushed push(struct way *way, struct dhpi_dpc *chain)
{
	struct port_self *self = port_self();
	enum dhpi_pushed pushed;

	while (DHPI_UNLIKELY((pushed = dhpi_queue_push(way->queue, chain, is_high(way) && !way->threaded,
						       self->pushed_alone)) == DHPI_PUSHED_NOWHERE))
		way->queue = go_elsewhere(way->work, chain);
	self->pushed_alone = pushed == DHPI_PUSHED_ALONE;
	return pushed;
}

/* After the push: they may have run and be gone. */
static void hint(struct dhpi_queue *queue, uint32_t at, struct dhpi_dpc *dpc)
{
	at_store_relaxed_ptr(&queue->recent[at % DHPI_TRAIL], dpc); /* relaxed: a hint; an address, no more */
}

/*
 * The table of S-625: Low may wait wherever it is, Medium only elsewhere. Importance says nothing about when a threaded
 * object runs (S-632).
 */
static enum dhpi_patience patience_of(const struct way *way)
{
	if (way->threaded || is_high(way) || way->importance == DHP_IMPORTANCE_MEDIUM_HIGH)
		return DHPI_AT_ONCE;
	return way->importance == DHP_IMPORTANCE_LOW ? DHPI_LATER : DHPI_LATER_ELSEWHERE;
}

DHPI_INLINE struct dhpi_trigger trigger_of(const struct way *way, enum dhpi_pushed pushed, uint32_t count)
{
	if (DHPI_UNLIKELY(way->diverted))
		(void)at_fetch_add_relaxed_u64(&way->work->diverted, count); /* relaxed: statistics only */
	return (struct dhpi_trigger){ .queue = way->queue, .pushed = pushed, .patience = patience_of(way), .count = count,
				      .movable = way->movable };
}

/* ---- afterwards: the objects may have run and be gone, only the queue is looked at ---- */

/* Only who finds the worker asleep asks where it is itself. */
DHPI_INLINE void wake_for(const struct dhpi_trigger *trigger)
{
	struct dhpi_queue *queue = trigger->queue;

	/* [worker-sleep] either-or a: the push was before; so seq_cst */
	if (at_load_seq_cst_u32(&queue->asleep) == 0)
		return;
	if (trigger->patience == DHPI_LATER ||
	    (trigger->patience == DHPI_LATER_ELSEWHERE && queue != queue_here(queue->work)))
		dhpi_worker_wake_later(queue, trigger->count);
	else
		dhpi_worker_wake(queue);
}

/* By a routine, on its own processor, where nothing waits. */
static bool runs_next(const struct dhpi_trigger *trigger)
{
	return trigger->pushed == DHPI_PUSHED_ALONE && port_self()->worker == trigger->queue &&
	       at_load_relaxed_u32(&trigger->queue->pending_count) == 0; /* relaxed: it takes itself, and who drains hands on */
}

DHPI_INLINE void pull_trigger(const struct dhpi_trigger *trigger)
{
	struct dhpi_queue *queue = trigger->queue;

	wake_for(trigger);
	if (!trigger->movable || runs_next(trigger))
		return;
	/* [queue-busy] either-or a: the push was before; so seq_cst */
	if (at_load_seq_cst_u32(&queue->busy) != 0)
		dhpi_worker_wake_thief(queue->work);
}

void dhpi_dpc_trigger(const struct dhpi_trigger *trigger)
{
	pull_trigger(trigger);
}

/* ---- one object ---- */

DHPI_INLINE enum dhp_status queue_object(struct dhpi_dpc *dpc, void *argument_1, void *argument_2,
					 struct dhpi_trigger *trigger)
{
	struct port_self *self = port_self();
	enum dhpi_pushed pushed = DHPI_PUSHED_NOWHERE;
	struct way way;
	enum dhp_status status = look_up(dpc, &way);

	if (DHPI_UNLIKELY(status != DHP_OK))
		return status;
	if (!claim(dpc, &way, argument_1, argument_2))
		return DHP_ALREADY_QUEUED;
	if (leads_home(&way, self))
		pushed = dhpi_queue_put(way.queue, dpc);
	if (pushed == DHPI_PUSHED_NOWHERE) {
		uint32_t next = start_chain(self, way.queue, dpc);

		pushed = push(&way, dpc);
		hint(way.queue, next, dpc);
	}
	*trigger = trigger_of(&way, pushed, 1);
	return DHP_OK;
}

enum dhp_status dhpi_dpc_queue(struct dhpi_dpc *dpc, struct dhpi_trigger *out_trigger)
{
	return queue_object(dpc, NULL, NULL, out_trigger);
}

enum dhp_status dhp_dpc_insert(struct dhp_dpc *object, void *argument_1, void *argument_2)
{
	struct dhpi_trigger trigger;
	enum dhp_status status;

	port_prefetch_write(object);
	if (DHPI_UNLIKELY(!dhpi_dpc_is_initialised(object)))
		return DHP_BAD_OBJECT;
	status = queue_object(dhpi_dpc(object), argument_1, argument_2, &trigger);
	if (DHPI_LIKELY(status == DHP_OK))
		pull_trigger(&trigger);
	return status;
}

/* ---- several objects ---- */

/* Objects that go the same way; those that found their way into the window are counted only. */
struct chain {
	struct way way;
	struct dhpi_dpc *begin[DHPI_TRAIL]; /* the oldest that are to be pushed: who takes them fetches them at once */
	struct dhpi_dpc *newest;
	uint32_t length; /* of those to be pushed */
	uint32_t trail;  /* where in it the first one is */
	uint32_t count;
	enum dhpi_pushed pushed; /* what the last one found */
	bool home;
};

static enum dhp_status begin_chain(struct chain *chain, struct dhpi_dpc *dpc)
{
	enum dhp_status status = look_up(dpc, &chain->way);

	chain->home = leads_home(&chain->way, port_self());
	return status;
}

static void push_chain(struct chain *chain)
{
	chain->pushed = push(&chain->way, chain->begin[0]);
	for (uint32_t i = 0; i < chain->length && i < DHPI_TRAIL; i++)
		hint(chain->way.queue, chain->trail + i, chain->begin[i]);
	chain->length = 0;
}

static void end_chain(struct chain *chain)
{
	struct dhpi_trigger trigger;

	if (chain->count == 0)
		return;
	if (chain->length != 0)
		push_chain(chain);
	trigger = trigger_of(&chain->way, chain->count > 1 ? DHPI_PUSHED_BEHIND : chain->pushed, chain->count);
	pull_trigger(&trigger);
	chain->count = 0;
}

static bool goes_the_same_way(const struct way *way, const struct dhpi_dpc *dpc)
{
	/* relaxed: settings */
	return dpc->work == way->work && at_load_relaxed_u32(&dpc->target) == way->target &&
	       at_load_relaxed_u8(&dpc->importance) == way->importance && dpc->threaded == way->threaded;
}

DHPI_INLINE void link_behind(struct chain *chain, struct dhpi_dpc *dpc, void *ahead)
{
	dpc->link.next = NULL;
	dpc->link.prev = ahead;
	set_place(dpc, chain->way.queue);
	chain->newest->link.next = &dpc->link;
}

/* `ahead` is some steps behind it in the batch, and so probably in this chain or the next: an address, no more. */
DHPI_INLINE void add_claimed(struct chain *chain, struct dhpi_dpc *dpc, void *ahead)
{
	chain->count++;
	chain->pushed = chain->home ? dhpi_queue_put(chain->way.queue, dpc) : DHPI_PUSHED_NOWHERE;
	if (chain->pushed != DHPI_PUSHED_NOWHERE)
		return;
	chain->home = false; /* I2 */
	if (chain->length == 0)
		chain->trail = start_chain(port_self(), chain->way.queue, dpc);
	else
		link_behind(chain, dpc, ahead);
	if (chain->length < DHPI_TRAIL)
		chain->begin[chain->length] = dpc;
	chain->newest = dpc;
	chain->length++;
}

DHPI_INLINE enum dhp_status add(struct chain *chain, struct dhpi_dpc *dpc, void *ahead, bool anew, void *argument_1,
				void *argument_2, size_t *inserted)
{
	enum dhp_status status = DHP_OK;

	if (DHPI_UNLIKELY(anew || !goes_the_same_way(&chain->way, dpc))) {
		end_chain(chain);
		status = begin_chain(chain, dpc);
	}
	if (DHPI_LIKELY(status == DHP_OK) && claim(dpc, &chain->way, argument_1, argument_2)) {
		add_claimed(chain, dpc, ahead);
		++*inserted;
	}
	return status;
}

enum dhp_status dhp_dpc_insert_batch(struct dhp_dpc *const *objects, size_t count, void *argument_1, void *argument_2,
				     size_t *out_inserted)
{
	struct chain chain = { .count = 0 };
	enum dhp_status status = objects != NULL || count == 0 ? DHP_OK : DHP_BAD_OBJECT;
	size_t inserted = 0;

	for (size_t i = 0; i < count && status == DHP_OK; i++) {
		struct dhp_dpc *ahead = objects[count - i > DHPI_TRAIL ? i + DHPI_TRAIL : count - 1];

		port_prefetch_write(ahead);
		status = DHPI_UNLIKELY(!dhpi_dpc_is_initialised(objects[i])) ?
				 DHP_BAD_OBJECT :
				 add(&chain, dhpi_dpc(objects[i]), ahead, i % CHAIN == 0, argument_1, argument_2, &inserted);
	}
	end_chain(&chain);
	if (out_inserted != NULL)
		*out_inserted = inserted;
	return status;
}
