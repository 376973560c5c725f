/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dpc.c - the public calls: an object, its settings, insertion and removal.
 */
#include "queue.h"

static bool is_object(const struct dhp_dpc *dpc)
{
	return dpc != NULL && dhpi_aligned(dpc, _Alignof(struct dhp_dpc));
}

bool dhpi_dpc_is_initialised(struct dhp_dpc *dpc)
{
	return is_object(dpc) && dhpi_dpc(dpc)->magic == DHPI_DPC_MAGIC;
}

static enum dhp_status init(struct dhp_dpc *object, struct dhp_engine *engine, dhp_dpc_routine *routine,
			    void *context, bool threaded)
{
	struct dhpi_dpc *dpc = dhpi_dpc(object);

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (!is_object(object))
		return DHP_BAD_OBJECT;
	if (routine == NULL)
		return DHP_BAD_CALLBACK;
	DHPI_CHECK(2, dpc->magic != DHPI_DPC_MAGIC || dpc->work != engine->work ||
			      at_load_relaxed_u32(&dpc->claim) != 1, /* relaxed: its owner's last insert is its own; else what malloc left */
		   "S-604: a queued object is not initialised again");
	*dpc = (struct dhpi_dpc){ .routine = routine, .context = context, .work = engine->work };
	at_init_u32(&dpc->target, DHPI_NO_TARGET);
	at_init_u8(&dpc->importance, DHP_IMPORTANCE_MEDIUM);
	dpc->threaded = threaded && !engine->work->without_threaded; /* S-660 */
	dpc->magic = DHPI_DPC_MAGIC;
	return DHP_OK;
}

enum dhp_status dhp_dpc_init(struct dhp_dpc *object, struct dhp_engine *engine, dhp_dpc_routine *routine,
			     void *context)
{
	return init(object, engine, routine, context, false);
}

enum dhp_status dhp_dpc_init_threaded(struct dhp_dpc *object, struct dhp_engine *engine, dhp_dpc_routine *routine,
				      void *context)
{
	return init(object, engine, routine, context, true);
}

enum dhp_status dhp_dpc_set_importance(struct dhp_dpc *object, enum dhp_importance importance)
{
	if (!dhpi_dpc_is_initialised(object))
		return DHP_BAD_OBJECT;
	if ((uint32_t)importance > DHP_IMPORTANCE_MEDIUM_HIGH)
		return DHP_BAD_IMPORTANCE;
	/* relaxed: a setting; who sets and inserts from two threads orders them */
	at_store_relaxed_u8(&dhpi_dpc(object)->importance, (uint8_t)importance);
	return DHP_OK;
}

enum dhp_status dhp_dpc_set_target(struct dhp_dpc *object, uint32_t index)
{
	struct dhpi_dpc *dpc = dhpi_dpc(object);
	struct dhp_processor row;

	if (!dhpi_dpc_is_initialised(object))
		return DHP_BAD_OBJECT;
	if (!dhpi_set_read(dpc->work->set, index, &row))
		return DHP_BAD_INDEX;
	at_store_relaxed_u32(&dpc->target, index); /* relaxed: as importance */
	return DHP_OK;
}

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

/* S-641. A call on all processors goes to each. */
static struct dhpi_queue *queue_instead_of(struct dhpi_queue *away, struct dhpi_dpc *dpc)
{
	struct dhpi_queue *queue = dpc == dhpi_dpc(&away->call) ? NULL : dhpi_queue_instead(away);

	if (queue == NULL)
		return away;
	(void)at_fetch_add_relaxed_u64(&dpc->work->diverted, 1); /* relaxed: statistics only */
	return queue;
}

DHPI_INLINE struct dhpi_queue *choose_queue(struct dhpi_work *work, struct dhpi_dpc *dpc, uint32_t target)
{
	struct dhpi_queue *queue;

	if (target == DHPI_NO_TARGET)
		return queue_here(work);
	/* The target may have failed to come up after it was set: S-654. */
	queue = dhpi_queue_of_index(work, target);
	if (DHPI_UNLIKELY(queue == NULL))
		return queue_of_last_resort(work);
	return DHPI_LIKELY(!dhpi_queue_is_away(queue)) ? queue : queue_instead_of(queue, dpc);
}

/* Links the object to one that the same thread pushed some before: who takes the inbox walks that way, and prefetches. */
static uint32_t leave_trail(struct port_self *self, struct dhpi_dpc *dpc)
{
	uint32_t next = self->trail_next++ % DHPI_TRAIL;

	dpc->link.prev = self->trail[next];
	self->trail[next] = dpc;
	return next;
}

/* Where it went is stored in *queue: a closed queue passes it on. A worker has a way of its own into its queue's tail. */
DHPI_INLINE enum dhpi_pushed push(struct dhpi_work *work, struct dhpi_dpc *dpc, struct dhpi_queue **queue, bool high)
{
	struct port_self *self = port_self();
	uint32_t next;

	if (self->worker == *queue && !dpc->high && !dpc->threaded) {
		enum dhpi_pushed pushed = dhpi_queue_put(*queue, dpc);

		if (pushed != DHPI_PUSHED_NOWHERE)
			return pushed;
	}
	next = leave_trail(self, dpc);
	for (;;) {
		enum dhpi_pushed pushed;

		/* relaxed: who removes looks again under the lock */
		at_store_relaxed_u32(&dpc->place, dhpi_place(DHPI_PLACE_INBOX, *queue, 0));
		pushed = dhpi_queue_push(*queue, dpc, high);
		if (DHPI_LIKELY(pushed != DHPI_PUSHED_NOWHERE)) {
			at_store_relaxed_ptr(&(*queue)->recent[next], dpc); /* relaxed: a hint; an address, no more */
			return pushed;
		}
		*queue = queue_of_last_resort(work);
	}
}

/*
 * The table of S-625: Low may wait wherever it is, Medium only elsewhere. Importance says nothing about when a threaded
 * object runs (S-632).
 */
static enum dhpi_patience patience_of(const struct dhpi_dpc *dpc, uint8_t importance)
{
	if (dpc->threaded || importance == DHP_IMPORTANCE_HIGH || importance == DHP_IMPORTANCE_MEDIUM_HIGH)
		return DHPI_AT_ONCE;
	return importance == DHP_IMPORTANCE_LOW ? DHPI_LATER : DHPI_LATER_ELSEWHERE;
}

/* What an insert looks up comes before its claim: a read-modify-write waits for all before it, and all after it waits. */
DHPI_INLINE enum dhp_status queue_object(struct dhpi_dpc *dpc, void *argument_1, void *argument_2,
					 struct dhpi_trigger *trigger)
{
	struct dhpi_work *work = dpc->work;
	uint32_t gate = at_load_acquire_u32(&work->gate); /* [gate] acquire */
	uint32_t target = at_load_relaxed_u32(&dpc->target); /* relaxed: settings */
	uint8_t importance = at_load_relaxed_u8(&dpc->importance);
	bool high = importance == DHP_IMPORTANCE_HIGH;
	bool movable = target == DHPI_NO_TARGET && !high;
	struct dhpi_queue *queue;

	if (DHPI_UNLIKELY((gate & DHPI_GATE_CLOSING) != 0))
		return DHP_CLOSED;
	if (DHPI_UNLIKELY(work->without_workers))
		return DHP_NOT_SUPPORTED;
	queue = choose_queue(work, dpc, target);
	/* [dpc-claim] acquire: the arguments were copied; [dpc-claim] release: a refused insert comes before the run */
	if (at_exchange_acq_rel_u32(&dpc->claim, 1) != 0)
		return DHP_ALREADY_QUEUED;
	dpc->high = high;
	dpc->arguments[0] = argument_1;
	dpc->arguments[1] = argument_2;
	dpc->movable = movable;
	dpc->phase = (uint8_t)(gate & DHPI_GATE_PHASE);
	trigger->movable = movable;
	trigger->patience = patience_of(dpc, importance);
	trigger->queue = queue;
	trigger->pushed = push(work, dpc, &trigger->queue, high && !dpc->threaded);
	return DHP_OK;
}

/* Only who finds the worker asleep asks where it is itself. */
DHPI_INLINE void wake_for(const struct dhpi_trigger *trigger)
{
	struct dhpi_queue *queue = trigger->queue;

	/* [worker-sleep] either-or a: the push was before; so seq_cst */
	if (at_load_seq_cst_u32(&queue->asleep) == 0)
		return;
	if (trigger->patience == DHPI_LATER ||
	    (trigger->patience == DHPI_LATER_ELSEWHERE && queue != queue_here(queue->work)))
		dhpi_worker_wake_later(queue);
	else
		dhpi_worker_wake(queue);
}

/* The object may have run and be gone: only the queue is looked at. */
DHPI_INLINE void pull_trigger(const struct dhpi_trigger *trigger)
{
	struct dhpi_queue *queue = trigger->queue;

	wake_for(trigger);
	if (!trigger->movable || (trigger->pushed == DHPI_PUSHED_ALONE && port_self()->worker == queue))
		return;
	/* [queue-busy] either-or a: the push was before; so seq_cst */
	if (at_load_seq_cst_u32(&queue->busy) != 0)
		dhpi_worker_wake_thief(queue->work);
}

enum dhp_status dhpi_dpc_queue(struct dhpi_dpc *dpc, struct dhpi_trigger *out_trigger)
{
	return queue_object(dpc, NULL, NULL, out_trigger);
}

void dhpi_dpc_trigger(const struct dhpi_trigger *trigger)
{
	pull_trigger(trigger);
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

enum dhp_status dhp_dpc_remove(struct dhp_dpc *object)
{
	struct dhpi_dpc *dpc = dhpi_dpc(object);

	if (!dhpi_dpc_is_initialised(object))
		return DHP_BAD_OBJECT;
	return dhpi_queue_remove(dpc->work, dpc) ? DHP_OK : DHP_NOT_QUEUED;
}
