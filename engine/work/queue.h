/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h - one processor's queue. See queue.c for why it works.
 */
#ifndef DHPI_QUEUE_H
#define DHPI_QUEUE_H

#include "pin.h"
#include "sleeper.h"
#include "work.h"

#define DHPI_NO_TARGET UINT32_MAX
#define DHPI_DPC_MAGIC 0xD9Cu

/* Where a queued object is: kind, cell of the window and the cpu of the queue in one word, so that a look is consistent. */
enum dhpi_place_kind {
	DHPI_PLACE_NOWHERE = 0,
	DHPI_PLACE_INBOX = 1,   /* pushed, or about to be */
	DHPI_PLACE_PENDING = 2, /* on a list (cell 1: the High one); changes under the queue's lock only */
	DHPI_PLACE_WINDOW = 3   /* in a cell */
};

/*
 * What struct dhp_dpc holds. Each insertion moves the first 64 bytes from the worker to the inserter and back, if the object is
 * aligned to a cache line. The rest stays in the caches of both: so an inserter knows where to push before that line has come.
 */
struct dhpi_dpc {
	struct dhpi_link link;    /* in a chain: next is the one behind it, prev what to fetch; lists: under the queue's lock */
	struct at_u32 claim;      /* 1: queued. Read-modify-written only, edge dpc-claim */
	struct at_u32 place;      /* see dhpi_place; whoever owns the object at the moment writes */
	void *arguments[2];       /* who claimed the object writes */
	struct dhpi_queue *home;  /* the queue in whose counts it is; who counts it there writes */
	uint32_t order;           /* among the tail objects of its queue; under that queue's lock */
	uint8_t phase;            /* of flush; who claimed the object writes */
	bool movable;             /* no target, not High: may be stolen; who claimed the object writes */
	bool high;                /* at the head; who claimed the object writes */
	struct dhpi_dpc *chain;   /* of the first of a chain: the chain pushed before it, once taken the one pushed after */

	struct dhpi_work *work;   /* set once */
	dhp_dpc_routine *routine; /* set once */
	void *context;            /* set once */
	struct at_u32 target;     /* index, or DHPI_NO_TARGET; for the next insertion */
	struct at_u8 importance;  /* enum dhp_importance; for the next insertion */
	bool threaded;            /* runs at passive level; set once */
	uint16_t magic;           /* DHPI_DPC_MAGIC once initialised */
};

_Static_assert(sizeof(void *) != 8 || offsetof(struct dhpi_dpc, work) == 64, "what an insertion writes is one line");
_Static_assert(sizeof(struct dhpi_dpc) <= sizeof(struct dhp_dpc), "the public object is too small");
_Static_assert(_Alignof(struct dhpi_dpc) <= _Alignof(struct dhp_dpc), "the public object is aligned too little");

#define DHPI_TRAIL 8u /* objects: as long as a cache line takes from one processor to another */

/*
 * A power of two. The pages of the cells behind the first 256 are touched by queues that were long once; where address space is
 * memory, or a processor's share of it small, there are no more.
 */
#ifndef DHPI_WINDOW
#define DHPI_WINDOW (sizeof(void *) > 4 ? 4096u : 256u)
#endif
#ifndef DHPI_WINDOW_RESIDENT
#define DHPI_WINDOW_RESIDENT 256u
#endif
/* Objects of those taken that come into the window before a batch, or twice as many if all from before have. */
#ifndef DHPI_BITE
#define DHPI_BITE 16u
#endif
#define DHPI_WINDOW_FEW 32u /* objects that are moved rather than followed beyond those */

/* What waits on lists: ordinary objects in one lane, threaded ones in the other (S-664). Under the queue's lock. */
struct dhpi_lane {
	struct dhpi_link aimed;      /* Low, Medium, MediumHigh with a target, in order */
	struct dhpi_link movable;    /* the same without a target */
	struct dhpi_link high;       /* High, newest first */
	struct at_u32 movable_count; /* length of `movable`; a hint without the lock */
};

/* A way through chains, oldest first. */
struct dhpi_walk {
	struct dhpi_dpc *next;  /* NULL: the end */
	struct dhpi_dpc *chain; /* the first of the chain behind that of `next` */
	bool movable;           /* there are objects without target */
};

enum dhpi_lane_kind { DHPI_LANE_ORDINARY, DHPI_LANE_THREADED, DHPI_LANES };

struct dhpi_queue {
	/* ---- any processor ---- */
	DHPI_OWN_LINES struct at_ptr inbox; /* newest first, edge dpc-push; lowest bit: some may be stolen; DHPI_CLOSED: go elsewhere */
	struct at_u32 asleep;               /* not 0: the worker sleeps and wants to be woken, edge worker-sleep; see sleeper.h */
	struct at_u32 deferred;             /* inserts since it fell asleep that did not wake it, edge work-tick */
	struct at_u32 busy;                 /* the worker sets it: it runs a batch, edge queue-busy */
	struct port_event event;            /* the worker sleeps there; who wakes it has this line already */
	struct at_ptr recent[DHPI_TRAIL];   /* some of what was pushed last; to be prefetched, nothing else */
	DHPI_OWN_LINES struct at_ptr high_inbox; /* the same for High, so that a look between items is cheap */
	struct at_u32 high_count;            /* length of the ordinary `high`, and one while some come; written under the lock */

	/* ---- under the lock ---- */
	DHPI_OWN_LINES struct dhpi_spin lock;
	struct at_u32 pending_count; /* length of all lists, and one if anything is taken; a hint without the lock */
	struct dhpi_walk taken;      /* from the inbox, and not looked into yet */
	struct at_u32 movable_lifted; /* objects without target that were taken out of the window by who holds the lock */
	bool closed;
	uint32_t next_order;
	struct dhpi_lane lanes[DHPI_LANES];
	struct at_u64 counted[2];     /* objects that came in here by an inbox or from elsewhere, by phase */

	/*
	 * ---- owner: the worker. Cells from head to tail are filled or were emptied: by the worker, or by a remover or thief
	 * that holds the lock, with one compare and exchange. The lowest bit of a cell says that the object has no target.
	 */
	DHPI_OWN_LINES struct at_u32 window_head; /* the next to be run; others read a hint where to look */
	struct at_u32 window_tail;                /* the next to be filled; likewise */
	struct at_u32 movable_put, movable_taken; /* objects without target: filled in, and taken out by the worker */
	struct at_u64 counted_own[2];             /* objects that came in by the worker's own hand, by phase */
	struct at_u8 putting; /* 1: the worker is filling a cell; a signal handler that interrupts it there uses the inbox */
	struct dhpi_dpc *threaded; /* taken off its list by the last refill, to be run; NULL: none */
	uint32_t refilled;         /* objects that came into the window since the inbox was taken last */
	uint32_t passed_over;      /* refills in a row that left a threaded object waiting */

	struct at_u64 done[2]; /* owner: objects counted here that ran here, edge dpc-done */
	struct dhp_reader *reader;            /* owner: announces between routines */
	struct at_u64 stolen, steals, refills, parks, first_run_ns; /* owner writes: statistics */
	struct at_u64 long_runs, long_sequences, longest_run_ns;          /* likewise, if the watchdog is on */
	uint64_t run_start_ns;                /* owner, if the watchdog is on; 0: no routine runs */
	uint64_t sequence_used_ns;            /* likewise; in routines at dispatch level since it last rested */
	uint64_t random;                      /* owner: state of its generator */
	uint32_t sleeps;                      /* owner: see sleeper.h */
	bool stole;                           /* owner: its last look elsewhere brought something */
	bool from_here;                       /* owner: its last batch began with objects without target */

	DHPI_OWN_LINES struct at_u64 done_elsewhere[2]; /* counted here, ran or was removed elsewhere, edge dpc-done */
	struct at_u64 removed;                /* statistics; under the lock */

	/* ---- set by the partition when the queue opens; an index of an attempt that failed may still be in use ---- */
	DHPI_OWN_LINES struct dhpi_work *work;
	struct at_u32 index;
	struct at_u32 away;     /* 1: its processor is not usable, what is aimed at it goes elsewhere (S-641) */
	struct at_u32 cpu;      /* the same in each attempt: a place names the queue by it */
	struct port_thread thread;
	struct dhpi_spare *spare; /* whose thread is the worker's instead, see ahead.c; NULL: none. Under the partition's lock */
	struct dhpi_pin pin; /* the worker's; under the partition's lock */
	struct dhp_dpc call; /* see call.c; under `calling` */
	struct at_u32 go;   /* the processor is published, edge worker-go */
	struct at_u32 stop; /* edge worker-stop */

	DHPI_OWN_LINES struct at_ptr window[DHPI_WINDOW]; /* the owner's, see above; last, because of its size */
};

/* An address that is no object: the inbox takes nothing any more. */
#define DHPI_CLOSED ((void *)2)

static inline struct dhpi_dpc *dhpi_dpc(struct dhp_dpc *dpc)
{
	return (struct dhpi_dpc *)(void *)dpc;
}

static inline bool dhpi_dpc_is_aligned(const struct dhp_dpc *dpc)
{
	return dpc != NULL && dhpi_aligned(dpc, _Alignof(struct dhp_dpc));
}

static inline bool dhpi_dpc_is_initialised(struct dhp_dpc *dpc)
{
	return dhpi_dpc_is_aligned(dpc) && dhpi_dpc(dpc)->magic == DHPI_DPC_MAGIC;
}

static inline struct dhpi_dpc *dhpi_dpc_of(struct dhpi_link *link)
{
	return DHPI_CONTAINER(link, struct dhpi_dpc, link);
}

/* Objects that are pushed together are a chain, the oldest first. NULL: this is its newest. */
static inline struct dhpi_dpc *dhpi_next_in_chain(const struct dhpi_dpc *dpc)
{
	return dpc->link.next == NULL ? NULL : dhpi_dpc_of(dpc->link.next);
}

static inline uint32_t dhpi_queue_index(const struct dhpi_queue *queue)
{
	return at_load_relaxed_u32(&queue->index); /* relaxed: published by queue-ready */
}

static inline uint32_t dhpi_queue_cpu(const struct dhpi_queue *queue)
{
	return at_load_relaxed_u32(&queue->cpu); /* relaxed: it never changes; published by queue-ready */
}

static inline bool dhpi_queue_is_away(const struct dhpi_queue *queue)
{
	return at_load_relaxed_u32(&queue->away) != 0; /* relaxed: who does not see it is run by the queue's own worker */
}

#define DHPI_PLACE_CELLS 0x4000u /* what the bits between kind and cpu can say */

static inline uint32_t dhpi_place(enum dhpi_place_kind kind, const struct dhpi_queue *queue, uint32_t cell)
{
	return (uint32_t)kind | cell << 2 | dhpi_queue_cpu(queue) << 16;
}

static inline enum dhpi_place_kind dhpi_place_kind(uint32_t place)
{
	return (enum dhpi_place_kind)(place & 3);
}

static inline uint32_t dhpi_place_cell(uint32_t place)
{
	return place >> 2 & (DHPI_PLACE_CELLS - 1);
}

static inline uint32_t dhpi_place_cpu(uint32_t place)
{
	return place >> 16;
}

static inline struct dhpi_queue *dhpi_queue_of_index(struct dhpi_work *work, uint32_t index)
{
	return at_load_acquire_ptr(&work->queue_of_index[index]); /* [queue-ready] acquire */
}

/* There is room for it, whether or not its processor has come up. */
static inline struct dhpi_queue *dhpi_queue_at_cpu(struct dhpi_work *work, uint32_t cpu)
{
	return dhpi_percpu_slot(work->queues, cpu);
}

/* Objects without target in the window; a hint without the lock. */
DHPI_WRAPS("counts that are read while others change them; then it may be any number")
static inline uint32_t dhpi_queue_window_movable(const struct dhpi_queue *queue)
{
	/* relaxed: hints, or the reader wrote them itself, or holds the lock */
	return at_load_relaxed_u32(&queue->movable_put) - at_load_relaxed_u32(&queue->movable_taken) -
	       at_load_relaxed_u32(&queue->movable_lifted);
}

/* Owner: cells from head to tail. */
static inline uint32_t dhpi_queue_window_length(const struct dhpi_queue *queue)
{
	return at_load_relaxed_u32(&queue->window_tail) - at_load_relaxed_u32(&queue->window_head); /* relaxed: own stores */
}

/* Owner. Little is in the window, and behind its first cells. */
static inline bool dhpi_queue_wanders(const struct dhpi_queue *queue)
{
	return at_load_relaxed_u32(&queue->window_tail) >= DHPI_WINDOW_RESIDENT && /* relaxed: own stores */
	       dhpi_queue_window_length(queue) <= DHPI_WINDOW_FEW;
}

/* What a cell or an inbox holds: an object, with the lowest bit set if it, or one behind it, has no target; or NULL. */
static inline void *dhpi_tagged(struct dhpi_dpc *dpc, bool movable)
{
	return (void *)((uintptr_t)dpc | movable);
}

static inline struct dhpi_dpc *dhpi_object_in(void *content)
{
	return (struct dhpi_dpc *)((uintptr_t)content & ~(uintptr_t)1);
}

static inline bool dhpi_is_movable(void *content)
{
	return ((uintptr_t)content & 1) != 0;
}

/* A look that disturbs nobody, at what is not in the window: false may be wrong, true may be wrong for a moment only. */
static inline bool dhpi_queue_looks_empty(const struct dhpi_queue *queue)
{
	/* relaxed: who must not miss anything looks again, see dhpi_queue_empty */
	return at_load_relaxed_ptr(&queue->inbox) == NULL && at_load_relaxed_ptr(&queue->high_inbox) == NULL &&
	       at_load_relaxed_u32(&queue->pending_count) == 0;
}

/* Objects without target on the lists; a hint without the lock. */
static inline bool dhpi_queue_has_movable(const struct dhpi_queue *queue)
{
	/* relaxed: hints */
	return at_load_relaxed_u32(&queue->lanes[DHPI_LANE_ORDINARY].movable_count) != 0 ||
	       at_load_relaxed_u32(&queue->lanes[DHPI_LANE_THREADED].movable_count) != 0;
}

/* After objects without target came to its lists otherwise than by its worker, which stores `busy` itself. */
static inline void dhpi_queue_show(struct dhpi_queue *queue)
{
	(void)at_fetch_add_seq_cst_u32(&queue->busy, 0); /* [thief-sleep] either-or a: before the look at the idle set */
}

static inline bool dhpi_queue_has_high(const struct dhpi_queue *queue)
{
	/* relaxed: whoever pushed wakes the worker or is seen at the next look */
	return at_load_acquire_ptr(&queue->high_inbox) != NULL || /* [inbox-taken] acquire */
	       at_load_relaxed_u32(&queue->high_count) != 0;
}

/* What a push found. */
enum dhpi_pushed {
	DHPI_PUSHED_ALONE, /* nothing else where it went */
	DHPI_PUSHED_BEHIND,
	DHPI_PUSHED_NOWHERE /* the queue is closed, or this is no way into it */
};

/* Whether a sleeping processor may be left asleep for a while. */
enum dhpi_patience { DHPI_AT_ONCE, DHPI_LATER_ELSEWHERE, DHPI_LATER };

/* What an insert that has pushed still has to do: request that the queue is processed. Looks at the queue only. */
struct dhpi_trigger {
	struct dhpi_queue *queue;
	enum dhpi_pushed pushed;
	enum dhpi_patience patience;
	uint32_t count; /* of objects */
	bool movable;
};

/* insert.c: an insert in two halves, for who holds a lock during the first. */
enum dhp_status dhpi_dpc_queue(struct dhpi_dpc *dpc, struct dhpi_trigger *out_trigger);
void dhpi_dpc_trigger(const struct dhpi_trigger *trigger);

/* I3 of queue.c. Who is not the worker has to see what the worker wrote. */
static inline bool dhpi_queue_empty_cell(struct at_ptr *cell, void *content)
{
	return at_cas_acquire_ptr(cell, &content, NULL); /* [window-fill] acquire */
}

/* Any level, any thread: a chain, by its oldest object. */
DHPI_INLINE enum dhpi_pushed dhpi_queue_push(struct dhpi_queue *queue, struct dhpi_dpc *chain, bool high, bool alone)
{
	struct at_ptr *inbox = high ? &queue->high_inbox : &queue->inbox;
	void *before = alone ? NULL : at_load_relaxed_ptr(inbox); /* relaxed: the exchange below decides */
	bool movable = chain->movable;

	do {
		if (DHPI_UNLIKELY(before == DHPI_CLOSED))
			return DHPI_PUSHED_NOWHERE;
		chain->chain = dhpi_object_in(before);
		/*
		 * [dpc-push] release: arguments and context.
		 * [worker-sleep] either-or a: the push comes before the look at `asleep`, so seq_cst.
		 */
	} while (!at_cas_seq_cst_ptr(inbox, &before, dhpi_tagged(chain, movable | dhpi_is_movable(before))));
	return before == NULL ? DHPI_PUSHED_ALONE : DHPI_PUSHED_BEHIND;
}

/*
 * Owner, in a routine: behind everything in the window, if nothing waits elsewhere that came before. DHPI_PUSHED_NOWHERE: it
 * has to be pushed.
 */
enum dhpi_pushed dhpi_queue_put(struct dhpi_queue *queue, struct dhpi_dpc *dpc);

/* Under the lock: everything that was pushed goes to the lists, and is counted. */
void dhpi_queue_drain(struct dhpi_queue *queue);

/* Owner. Whether anything waits, wherever it waits. */
bool dhpi_queue_empty(struct dhpi_queue *queue);
/*
 * Owner. Brings some objects into the window, if any wait; or, if there is no ordinary object at all, not even High (S-662), or
 * a threaded one was passed over for long, stores the next threaded one in `threaded`. false: there is nothing.
 */
bool dhpi_queue_refill(struct dhpi_queue *queue);
/* Owner. The next object is the caller's: off the queue, not yet idle. NULL: the window or the High list is empty. */
DHPI_INLINE struct dhpi_dpc *dhpi_queue_take(struct dhpi_queue *queue)
{
	uint32_t head = at_load_relaxed_u32(&queue->window_head); /* relaxed: own stores */
	uint32_t tail = at_load_relaxed_u32(&queue->window_tail);
	void *content = NULL;

	while (content == NULL && head != tail) {
		struct at_ptr *cell = &queue->window[head++ % DHPI_WINDOW];

		content = at_load_relaxed_ptr(cell); /* relaxed: the worker filled the cell itself */
		if (content != NULL && !dhpi_queue_empty_cell(cell, content))
			content = NULL;
	}
	at_store_relaxed_u32(&queue->window_head, head); /* relaxed: a hint for others */
	if (dhpi_is_movable(content))
		at_bump_u32(&queue->movable_taken);
	return dhpi_object_in(content);
}

struct dhpi_dpc *dhpi_queue_take_high(struct dhpi_queue *queue);

/* Any thread. true: the object is off its queue and idle. */
bool dhpi_queue_remove(struct dhpi_work *work, struct dhpi_dpc *dpc);

/* Owner of `thief`. How many objects came over. */
uint32_t dhpi_queue_steal(struct dhpi_queue *thief, struct dhpi_queue *victim);
bool dhpi_queue_worth_stealing(const struct dhpi_queue *victim);

/* Opens a queue for its processor; closes it and moves what it holds to another one. */
void dhpi_queue_open(struct dhpi_queue *queue, struct dhpi_work *work, const struct dhp_processor *processor);
void dhpi_queue_close(struct dhpi_queue *queue, struct dhpi_queue *heir);
/* What waits in an open queue goes to another one. How many objects did. */
uint32_t dhpi_queue_leave(struct dhpi_queue *queue, struct dhpi_queue *heir);

/* work.c: where to go instead of a queue whose processor is away, the next one that is usable; NULL: there is none. */
struct dhpi_queue *dhpi_queue_instead(const struct dhpi_queue *queue);

/* A count of one by who is not the owner. */
void dhpi_queue_done_elsewhere(struct dhpi_queue *home, uint32_t phase);

/* worker.c */
void dhpi_worker_run(void *argument);
/* After a push: the target's worker is woken if it sleeps; for work without target perhaps a thief. */
void dhpi_worker_wake(struct dhpi_queue *queue);
/* The same for so many objects that may wait: within a tick, or when enough of them wait. */
void dhpi_worker_wake_later(struct dhpi_queue *queue, uint32_t count);
/* For each sleeper that was left asleep: the tick is over. */
void dhpi_worker_wake_overdue(struct dhpi_work *work);
void dhpi_worker_wake_thief(struct dhpi_work *work);
/* After somebody else than its worker drained the inbox: what came to light there may be stolen. */
void dhpi_worker_hand_on(struct dhpi_queue *queue);

/* flush.c */
void dhpi_work_flush(struct dhpi_work *work);

#endif
