/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - plain items: a ring of pointers for each processor, emptied by a DPC.
 *
 * Problem   a full fence, or any locked operation, costs more than pushing a pointer. But who pushes must know whether somebody
 *           will come and look, and wake him otherwise: a store, then a load, which only a fence keeps in order.
 * Idea      the other side pays. A DPC that finds its lane empty looks again for a while, by queueing itself again. When nothing
 *           comes it says so (`watch` becomes even), has the system abort the sequences that are in the middle, and looks for the
 *           last time. Who pushes reads `watch` in the sequence that pushes: so it saw that it has to ring, or was aborted, or the
 *           last look finds its item. To ring is to make `watch` odd; who does inserts the DPC.
 *           A DPC that runs on the lane's own processor is no further away than a sequence of its own: it looks and says so
 *           in one, and waits for nobody, because who pushes there does not run meanwhile.
 * Picture   push here ->  | . . i i i i i . . |  ->  the lane's DPC, here or at a thief
 *                           head       tail  limit
 *           ring, when `watch` is even:  make it odd, insert the DPC
 *
 * I1        a lane is pushed to in one way only: by sequences of its own processor, or, where there are none and in the lane of
 *           the fallback slot, by compare and exchange of the cell and then of the tail. There an empty cell has a word that
 *           is different in each round, so that who was stopped for long fills none of a later one; and who finds the cell
 *           filled and the tail not moved moves it.
 * I2        who makes `watch` odd, and nobody else, inserts the DPC; it becomes even only by the DPC's run, which then touches the
 *           lane no more unless it is the one who makes it odd again. So the DPC is queued once and runs once at a time.
 * I3        an even number comes once: who saw it and rings late changes nothing, and need not, because it became odd after that.
 * I4        a lane of a processor that may still be vetoed takes nothing: its limit is 0 until the first who pushes there after
 *           the announcement opens it.
 *
 * Progress  pushing is lock-free. An item waits for the items before it in its lane, and for who rings.
 * Not       balance within a lane: what one processor pushes runs one after another.
 */
#include <dhp/lanes.h>

#include "rundown_wait.h"
#include "work.h"

#define LANE_BYTES 256u
#define FIRST_WATCH 2u /* 0 would say that nothing was pushed */

/* Items of one call: other DPCs wait for it. */
#define BATCH 256u
#define SHARED_BATCH 64u /* where they have to be copied */

/* Looks at an empty lane before it is left: about as long as it takes to interrupt the other processors. */
#define LOOKS 64u

/* After less than a batch: each look takes the lane's line away from who pushes. Not after one item: its sender may wait. */
#define POLITE_RELAXES 32u
#define IDLE_RELAXES 4u

/* Its layout is that of dhp/lanes.h. */
struct lane {
	/* ---- who pushes ---- */
	struct at_u64 tail;   /* edges lane-push, lane-watch */
	struct at_ptr *cells; /* set once */
	_Alignas(8) uint64_t mask; /* set once */
	struct at_u64 limit;  /* of sequences: what `head` allowed when it was looked at, edge lane-room; 0: closed, or none */
	struct at_u64 watch;  /* edge lane-watch, I2, I3 */

	/* ---- who has the lane, and who rings ---- */
	DHPI_OWN_LINES struct dhp_dpc dpc;
	struct at_u64 head;  /* edge lane-room */
	struct lanes *lanes; /* set once */
	uint32_t cpu;        /* set once */
	bool sequenced;      /* set once: I1 */
	uint32_t looks;      /* of the DPC, in vain, one after another */
};

_Static_assert(sizeof(struct lane) <= LANE_BYTES && sizeof(struct lane) > LANE_BYTES / 2, "dhp/lanes.h");
_Static_assert(offsetof(struct lane, tail) == 0 && offsetof(struct lane, cells) == sizeof(uint64_t), "dhp/lanes.h");
_Static_assert(offsetof(struct lane, limit) == offsetof(struct lane, mask) + 8, "dhp/lanes.h");
_Static_assert(offsetof(struct lane, watch) == offsetof(struct lane, limit) + 8, "dhp/lanes.h");

struct lanes {
	struct dhp_lanes view; /* what the inline half has; first, so that the handle is a pointer to both */
	struct dhp_percpu *array; /* of struct lane */
	struct dhp_engine *engine;
	struct dhp_lanes_options options; /* the capacity is a power of two */
	uint32_t patience;                /* LOOKS; a model has fewer */
	struct at_u32 ending;             /* destruction has begun: nothing is left */
};

static struct lanes *lanes_of(struct dhp_lanes *view)
{
	return DHPI_CONTAINER(view, struct lanes, view);
}

/* ---- empty cells, where several may fill them: I1 ---- */

static void *empty_word(const struct lane *lane, uint64_t position)
{
	return (void *)(uintptr_t)((position & ~lane->mask) | 1); /* odd, as no item is */
}

static struct at_ptr *cell_at(const struct lane *lane, uint64_t position)
{
	return &lane->cells[position & lane->mask];
}

/* ---- emptying ---- */

static uint32_t batch_of(const struct lane *lane)
{
	return lane->sequenced ? BATCH : SHARED_BATCH;
}

/* The routine has them where they are. */
static void run_sequenced(struct lane *lane, uint64_t head, uint32_t count)
{
	const struct dhp_lanes_options *options = &lane->lanes->options;

	options->routine(options->context, (void *const *)(const void *)cell_at(lane, head), count);
}

/* Others may still look at the cells, which are emptied for the next round. */
static void run_shared(struct lane *lane, uint64_t head, uint32_t count)
{
	const struct dhp_lanes_options *options = &lane->lanes->options;
	void *items[SHARED_BATCH] = { NULL };

	for (uint32_t i = 0; i < count; i++) /* relaxed: ordered by `tail` */
		items[i] = at_load_relaxed_ptr(cell_at(lane, head + i));
	options->routine(options->context, items, count);
	for (uint32_t i = 0; i < count; i++) /* relaxed: ordered by `head` */
		at_store_relaxed_ptr(cell_at(lane, head + i), empty_word(lane, head + i + lane->mask + 1));
}

/* Those that lie one after another. */
static uint32_t run_some(struct lane *lane)
{
	uint64_t head = at_load_relaxed_u64(&lane->head); /* relaxed: that of the last run, I2 */
	uint64_t count = at_load_acquire_u64(&lane->tail) - head; /* [lane-push] acquire */
	uint64_t batch = batch_of(lane), straight = lane->mask + 1 - (head & lane->mask);

	if (count > straight)
		count = straight;
	if (count > batch)
		count = batch;
	if (count == 0)
		return 0;
	if (lane->sequenced)
		run_sequenced(lane, head, (uint32_t)count);
	else
		run_shared(lane, head, (uint32_t)count);
	at_store_release_u64(&lane->head, head + count); /* [lane-room] release */
	return (uint32_t)count;
}

/* ---- the end of watching ---- */

/* I3: a number that nobody has seen. */
static uint64_t watch_after(const struct lane *lane)
{
	return at_load_relaxed_u64(&lane->watch) + 1; /* relaxed: odd, and so the run's own */
}

/* On the lane's own processor; elsewhere, or if it is not empty, false. */
static bool leave_here(struct lane *lane)
{
	/* relaxed: own store */
	return lane->sequenced &&
	       port_sequence_store(lane->cpu, &lane->tail, at_load_relaxed_u64(&lane->head), &lane->watch, watch_after(lane));
}

/* I2: by one who saw an even number, and acquired what the last run left. true: nobody else was before. */
static bool take_watch(struct lane *lane, uint64_t seen)
{
	return at_cas_relaxed_u64(&lane->watch, &seen, seen + 1); /* relaxed: the insertion orders what the run has to see */
}

/* From any processor. false: something has come, or the system refused, and the lane is this run's again. */
static bool leave(struct lane *lane)
{
	uint64_t head = at_load_relaxed_u64(&lane->head), watch = watch_after(lane); /* relaxed: own store */
	bool aborted;

	(void)at_exchange_seq_cst_u64(&lane->watch, watch); /* [lane-watch] either-or b */
	aborted = !lane->sequenced || port_sequences_abort();
	if (aborted && at_load_seq_cst_u64(&lane->tail) == head) /* [lane-watch] either-or b: so seq_cst */
		return true;
	return !take_watch(lane, watch);
}

/* ---- the lane's DPC ---- */

static void be_polite(const struct lane *lane, uint32_t count)
{
	uint32_t relaxes = count == batch_of(lane) ? 0 : count > 1 ? POLITE_RELAXES : IDLE_RELAXES;

	for (uint32_t i = 0; i < relaxes; i++)
		port_relax();
}

/* Whether the DPC is to look again; if not, the lane is not its own any more. */
static bool looks_again(struct lane *lane, uint32_t count)
{
	lane->looks = count == 0 ? lane->looks + 1 : 0;
	if (leave_here(lane))
		return false;
	if (lane->looks >= lane->lanes->patience) {
		lane->looks = 0;
		return !leave(lane);
	}
	be_polite(lane, count);
	return true;
}

static void run_lane(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct lane *lane = context;

	(void)argument_1;
	(void)argument_2;
	if (looks_again(lane, run_some(lane)) &&
	    at_load_acquire_u32(&lane->lanes->ending) == 0) /* [lane-end] acquire */
		(void)dhp_dpc_insert(dpc, NULL, NULL);
}

/* ---- pushing ---- */

enum dhp_status dhp_lanes_ring(void *pushed_to, uint64_t watch)
{
	struct lane *lane = pushed_to;

	if (take_watch(lane, watch))
		(void)dhp_dpc_insert(&lane->dpc, NULL, NULL);
	return DHP_OK;
}

/* Of the machine's own word, as a sequence reads it: a worker that the system has moved is where it is. */
static struct lane *sequenced_lane_here(const struct lanes *lanes)
{
	const struct dhpi_set *set = dhpi_percpu_set(lanes->array);
	uint32_t cpu = dhp_cpu_word_read(lanes->array->cpu_word);

	if (cpu < set->cpu_limit && at_load_acquire_u8(&set->announced[cpu]) != 0) /* [slot-publish] acquire */
		return dhpi_percpu_slot(lanes->array, cpu);
	return dhp_percpu_fallback(lanes->array);
}

static struct lane *lane_here(const struct lanes *lanes)
{
	return lanes->view.restartable != 0 ? sequenced_lane_here(lanes) : dhp_percpu_here(lanes->array);
}

/* Looks how far the lane has been emptied; I4. true: there is room, or the thread is elsewhere by now. */
static bool may_have_room(struct lane *lane)
{
	uint64_t limit = at_load_relaxed_u64(&lane->limit); /* relaxed: the exchange confirms it */
	uint64_t room = at_load_acquire_u64(&lane->head) + lane->mask + 1; /* [lane-room] acquire */

	if (room > limit)
		(void)at_cas_release_u64(&lane->limit, &limit, room); /* [lane-room] release: for sequences of other threads */
	return at_load_relaxed_u64(&lane->tail) < room; /* relaxed: the sequence looks again */
}

static void move_tail(struct lane *lane, uint64_t from)
{
	uint64_t tail = from;

	/* [lane-push] release: of the cell, also of another's that was found filled; [lane-watch] either-or a */
	if (!at_cas_seq_cst_u64(&lane->tail, &tail, from + 1))
		(void)at_load_acquire_u64(&lane->tail); /* [lane-push] acquire: the look at `watch` comes after who moved it */
}

/* I1, the other way. */
static enum dhp_status push_shared(struct lane *lane, void *item)
{
	uint64_t watch;

	for (;;) {
		uint64_t tail = at_load_relaxed_u64(&lane->tail); /* relaxed: the cell confirms it */
		struct at_ptr *cell = cell_at(lane, tail);
		void *content;

		if (tail > at_load_acquire_u64(&lane->head) + lane->mask) /* [lane-room] acquire */
			return DHP_FULL;
		content = at_load_acquire_ptr(cell); /* [lane-push] acquire */
		if (content != empty_word(lane, tail)) {
			move_tail(lane, tail);
			continue;
		}
		if (!at_cas_release_ptr(cell, &content, item)) /* [lane-push] release */
			continue;
		move_tail(lane, tail);
		break;
	}
	watch = at_load_seq_cst_u64(&lane->watch); /* [lane-watch] either-or a: the push was before; so seq_cst */
	return (watch & 1) != 0 ? DHP_OK : dhp_lanes_ring(lane, watch);
}

enum dhp_status dhp_lanes_push_slow(struct dhp_lanes *view, void *item)
{
	if (view == NULL || item == NULL || !dhpi_aligned(item, 2))
		return DHP_BAD_OBJECT;
	for (;;) {
		void *pushed_to = NULL;
		uint64_t watch = dhp_lanes_append_here(view, item, &pushed_to);
		struct lane *lane;

		if (watch != 0)
			return (watch & 1) != 0 ? DHP_OK : dhp_lanes_ring(pushed_to, watch);
		lane = lane_here(lanes_of(view));
		if (!lane->sequenced)
			return push_shared(lane, item);
		if (!may_have_room(lane))
			return DHP_FULL;
	}
}

/* ---- waiting ---- */

static void wait_for_lane(void *slot, const struct dhp_processor *processor, void *context)
{
	struct lane *lane = slot;
	struct dhpi_pause pause = DHPI_PAUSE_FIRST;
	uint64_t tail = at_load_relaxed_u64(&lane->tail); /* relaxed: what was pushed before is in it */

	(void)processor;
	(void)context;
	while (at_load_acquire_u64(&lane->head) < tail) { /* [lane-room] acquire */
		uint64_t watch = at_load_acquire_u64(&lane->watch); /* [lane-watch] acquire: what the last run left, I2 */

		if ((watch & 1) == 0) /* who pushed has not rung yet, and may be stopped: I3 */
			(void)dhp_lanes_ring(lane, watch);
		dhpi_pause(&pause);
	}
}

enum dhp_status dhp_lanes_flush(struct dhp_lanes *view)
{
	if (view == NULL)
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	return dhp_percpu_each(lanes_of(view)->array, wait_for_lane, NULL, NULL);
}

/* ---- a lane's life ---- */

static size_t cells_bytes(const struct lanes *lanes)
{
	return lanes->options.capacity * sizeof(struct at_ptr);
}

static void init_lane(struct lane *lane, struct lanes *lanes)
{
	lane->lanes = lanes;
	lane->mask = (uint64_t)lanes->options.capacity - 1;
	at_init_u64(&lane->watch, FIRST_WATCH);
	for (uint32_t i = 0; i < lanes->options.capacity && !lane->sequenced; i++)
		at_init_ptr(&lane->cells[i], empty_word(lane, i));
	(void)dhp_dpc_init(&lane->dpc, lanes->engine, run_lane, lane);
	/* S-630: it wakes at once. What is small is in one item, not in the number of them. */
	(void)dhp_dpc_set_importance(&lane->dpc, DHP_IMPORTANCE_MEDIUM_HIGH);
	if ((lanes->options.flags & DHP_LANES_AIMED) != 0)
		(void)dhp_dpc_set_target(&lane->dpc, lanes->options.target);
}

static enum dhp_status construct_lane(void *slot, const struct dhp_processor *processor, void *context)
{
	struct lanes *lanes = context;
	struct lane *lane = slot;

	lane->cells = port_alloc(cells_bytes(lanes));
	if (lane->cells == NULL)
		return DHP_NO_MEMORY;
	lane->cpu = processor != NULL ? processor->cpu : DHP_NO_CPU;
	lane->sequenced = lanes->view.restartable != 0 && processor != NULL;
	init_lane(lane, lanes);
	return DHP_OK;
}

static void destruct_lane(void *slot, const struct dhp_processor *processor, void *context)
{
	(void)processor;
	port_free(((struct lane *)slot)->cells, cells_bytes(context));
}

/* ---- the public calls ---- */

static enum dhp_status check_options(const struct dhp_engine *engine, const struct dhp_lanes_options *options)
{
	bool aimed;

	if (options == NULL || options->size != sizeof(*options))
		return DHP_BAD_OPTIONS;
	if (options->routine == NULL)
		return DHP_BAD_CALLBACK;
	if (options->capacity > DHP_LANES_CAPACITY_LIMIT)
		return DHP_BAD_COUNT;
	aimed = (options->flags & DHP_LANES_AIMED) != 0;
	if ((options->flags & ~(uint32_t)DHP_LANES_AIMED) != 0 || (!aimed && options->target != 0))
		return DHP_BAD_FLAGS;
	return aimed && options->target >= dhpi_set_active(engine->set) ? DHP_BAD_INDEX : DHP_OK;
}

/* Where the inline half comes out without sequences; its word is -1 then. Never written. */
static const struct {
	_Alignas(LANE_BYTES) unsigned char bytes[LANE_BYTES];
} no_lane;

/* Sequences only where a lane can be left. */
static void set_view(struct lanes *lanes, const struct dhpi_space *space)
{
	struct port_cpu_word word = space->cpu_word;

	lanes->view.restartable = word.restartable && port_sequences_abort_open();
	lanes->view.cpu_word = lanes->view.restartable != 0 ? word.distance : word.none;
}

static void set_first_lane(struct lanes *lanes)
{
	DHPI_CHECK(1, lanes->array->stride == LANE_BYTES, "dhp/lanes.h knows the distance");
	lanes->view.lanes = lanes->view.restartable != 0 ? lanes->array->base
							   : (unsigned char *)(uintptr_t)(&no_lane + 1);
}

static struct lanes *lanes_alloc(struct dhp_engine *engine, const struct dhp_lanes_options *options)
{
	struct lanes *lanes = port_alloc(sizeof(*lanes));
	uint32_t capacity = options->capacity != 0 ? options->capacity : DHP_LANES_CAPACITY_DEFAULT;

	if (lanes == NULL)
		return NULL;
	lanes->engine = engine;
	lanes->patience = LOOKS;
	lanes->options = *options;
	lanes->options.capacity = 1u << dhpi_shift_for(capacity > 2 ? capacity : 2); /* two: rounds must differ above bit 0 */
	set_view(lanes, engine->space);
	return lanes;
}

enum dhp_status dhp_lanes_create(struct dhp_engine *engine, const struct dhp_lanes_options *options,
				 struct dhp_lanes **out_lanes)
{
	struct dhp_percpu_options slots = { .size = sizeof(slots), .slot_bytes = sizeof(struct lane),
					    .construct = construct_lane, .destruct = destruct_lane };
	struct lanes *lanes;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = check_options(engine, options);
	if (dhp_failed(status))
		return status;
	if (out_lanes == NULL)
		return DHP_BAD_RESULT;
	DHPI_REQUIRE_PASSIVE();
	if (engine->work->without_workers)
		return DHP_NOT_SUPPORTED;
	lanes = lanes_alloc(engine, options);
	if (lanes == NULL)
		return DHP_NO_MEMORY;
	slots.context = lanes;
	status = dhp_percpu_create(engine, &slots, &lanes->array);
	if (dhp_failed(status)) {
		port_free(lanes, sizeof(*lanes));
		return status;
	}
	set_first_lane(lanes);
	*out_lanes = &lanes->view;
	return DHP_OK;
}

/* As dhpi_work_stop: the first flush ends the runs that may have missed `ending`, the second what those inserted. */
static void end_runs(struct lanes *lanes)
{
	at_store_release_u32(&lanes->ending, 1); /* [lane-end] release */
	(void)dhp_dpc_flush(lanes->engine);
	(void)dhp_dpc_flush(lanes->engine);
}

enum dhp_status dhp_lanes_destroy(struct dhp_lanes *view)
{
	struct lanes *lanes;

	if (view == NULL)
		return DHP_OK;
	lanes = lanes_of(view);
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(lanes->engine->space->serial))
		return DHP_IN_CALLBACK;
	if (port_self()->sections != 0)
		return DHP_IN_SECTION;
	(void)dhp_lanes_flush(view);
	end_runs(lanes);
	(void)dhp_percpu_destroy(lanes->array);
	port_free(lanes, sizeof(*lanes));
	return DHP_OK;
}
