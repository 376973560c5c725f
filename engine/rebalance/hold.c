/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - one flag, one queue and one count of what is in flight.
 *
 * Problem   requests pass by the million while nothing is held; yet who sets the flag must know when the last of them is over,
 *           and none may slip past it, nor past one that waits.
 * Idea      flag and count are one word: twice the references, plus one while it holds. The queue itself has a reference
 *           while it passes, the initial one of S-448, so that both change in one step:
 *
 *             passing, n in flight     2 * (n + 1)          begin: minus 1
 *             holding, n in flight     2 * n + 1            end:   plus 1
 *
 *           A request passes by one compare and exchange that finds the word even, and leaves by another. The word is shared
 *           by all processors, two read-modify-writes a request: a device's requests end at one device anyway. A count for
 *           each processor would take the line off that path, at the price of summing them in every wait.
 *
 * I1        the word changes its parity under the lock only; while it is odd it changes under the lock only.
 * I2        who drops a reference while the word is even does not touch the queue afterwards; while it is odd the lock's
 *           release is the last touch. So who finds quiet and takes the lock once may free the queue.
 * I3        the word becomes even in the critical section that finds the queue empty (S-446); while a request waits it is odd,
 *           but for those that block a stop (S-449), which look at the queue under the lock always.
 * I4        no routine is called under the lock.
 *
 * Progress  lock-free while it passes; the lock is held for a few instructions.
 */
#include "hold.h"

#define REQUEST_MAGIC 0x4E0E57u
#define HOLD_MAGIC 0x401Du
#define ALL_FLAGS ((uint32_t)DHP_REQUEST_NEVER_HELD | (uint32_t)DHP_REQUEST_BLOCKS_STOP)

#define HOLDING 1u
#define REFERENCE 2u

enum stage { STAGE_IDLE, STAGE_HELD, STAGE_BEGUN };

static struct dhpi_request *inside(struct dhp_request *request)
{
	return (struct dhpi_request *)(void *)request;
}

static struct dhp_request *outside(struct dhpi_request *request)
{
	return (struct dhp_request *)(void *)request;
}

static bool is_request(struct dhp_request *request)
{
	return request != NULL && dhpi_aligned(request, _Alignof(struct dhp_request)) &&
	       inside(request)->magic == REQUEST_MAGIC;
}

/* relaxed: who submits and who completes hand the object over by themselves; while held it changes under the lock */
static uint32_t stage_of(const struct dhpi_request *request)
{
	return at_load_relaxed_u32(&request->stage);
}

static void set_stage(struct dhpi_request *request, enum stage stage)
{
	at_store_relaxed_u32(&request->stage, stage); /* relaxed: as above */
}

static void call(struct dhpi_request *request, enum dhp_status status)
{
	struct dhp_hold *hold = request->hold;

	hold->routine(outside(request), hold->context, status);
}

bool dhpi_hold_valid(const struct dhp_hold *hold)
{
	return hold != NULL && hold->magic == HOLD_MAGIC;
}

/* ---- the word ---- */

/* Under the lock, or for statistics. */
static uint64_t word(const struct dhp_hold *hold)
{
	return at_load_relaxed_u64(&hold->state); /* relaxed: the lock orders; I1 */
}

/* Counts the request in, unless the queue holds. */
static bool pass(struct dhp_hold *hold)
{
	uint64_t seen = at_load_relaxed_u64(&hold->state); /* relaxed: the exchange decides */

	while ((seen & HOLDING) == 0)
		if (at_cas_acquire_u64(&hold->state, &seen, seen + REFERENCE)) /* [hold-pass] acquire */
			return true;
	return false;
}

/* Counts one out, unless the queue holds. */
static bool leave(struct dhp_hold *hold)
{
	uint64_t seen = at_load_relaxed_u64(&hold->state); /* relaxed: the exchange decides */

	while ((seen & HOLDING) == 0)
		if (at_cas_release_u64(&hold->state, &seen, seen - REFERENCE)) /* [hold-quiet] release */
			return true;
	return false;
}

/* Under the lock. */
static void count_out(struct dhp_hold *hold)
{
	uint64_t before = at_fetch_sub_acq_rel_u64(&hold->state, REFERENCE); /* [hold-quiet] release */

	if (before == REFERENCE + HOLDING)
		(void)port_event_signal(&hold->quiet);
}

/* ---- beginning what was held ---- */

/* Under the lock. */
static struct dhpi_request *take_first(struct dhp_hold *hold)
{
	struct dhpi_request *first = DHPI_CONTAINER(hold->waiting.next, struct dhpi_request, link);

	dhpi_list_unlink(&first->link);
	hold->waiting_count--;
	return first;
}

/* Under the lock. The oldest that may begin now: who blocks a stop waits for the end of that (S-449). NULL: there is none. */
static struct dhpi_request *take_next(struct dhp_hold *hold)
{
	for (struct dhpi_link *at = hold->waiting.next; at != &hold->waiting; at = at->next) {
		struct dhpi_request *request = DHPI_CONTAINER(at, struct dhpi_request, link);

		if (hold->stops_pending != 0 && (request->flags & DHP_REQUEST_BLOCKS_STOP) != 0)
			continue;
		dhpi_list_unlink(at);
		hold->waiting_count--;
		return request;
	}
	return NULL;
}

/* Under the lock. The flag and the initial reference change in one step. */
static void pass_again(struct dhp_hold *hold)
{
	hold->last_ns = port_now_ns() - hold->since_ns;
	if (hold->last_ns > hold->longest_ns)
		hold->longest_ns = hold->last_ns;
	hold->since_ns = 0;
	(void)at_fetch_add_release_u64(&hold->state, 1); /* [hold-pass] release */
}

/*
 * Under the lock, which is given up during each routine. Stops when somebody wants it to hold again: then the end of that
 * hold goes on from here.
 */
static void drain(struct dhp_hold *hold)
{
	struct dhpi_request *request;

	hold->draining = true;
	while (hold->holders == 0 && (request = take_next(hold)) != NULL) {
		(void)at_fetch_add_relaxed_u64(&hold->state, REFERENCE); /* relaxed: under the lock */
		set_stage(request, STAGE_BEGUN);
		dhpi_spin_unlock(&hold->lock);
		call(request, DHP_OK);
		dhpi_spin_lock(&hold->lock);
	}
	hold->draining = false;
	if (hold->holders == 0 && (word(hold) & HOLDING) != 0)
		pass_again(hold);
}

/* Under the lock. */
static void begin(struct dhp_hold *hold)
{
	hold->holders++;
	if ((word(hold) & HOLDING) != 0)
		return;
	hold->since_ns = port_now_ns();
	hold->holds_count++;
	/* relaxed: nothing is handed over; a request that passes still is counted in the same word */
	(void)at_fetch_sub_relaxed_u64(&hold->state, 1);
}

/* Under the lock. */
static void end(struct dhp_hold *hold)
{
	hold->holders--;
	if (hold->holders == 0 && !hold->draining)
		drain(hold);
}

void dhpi_hold_begin(struct dhp_hold *hold)
{
	dhpi_spin_lock(&hold->lock);
	begin(hold);
	dhpi_spin_unlock(&hold->lock);
}

void dhpi_hold_end(struct dhp_hold *hold)
{
	dhpi_spin_lock(&hold->lock);
	end(hold);
	dhpi_spin_unlock(&hold->lock);
}

void dhpi_hold_pend(struct dhp_hold *hold)
{
	dhpi_spin_lock(&hold->lock);
	hold->stops_pending++;
	dhpi_spin_unlock(&hold->lock);
}

void dhpi_hold_pend_end(struct dhp_hold *hold)
{
	dhpi_spin_lock(&hold->lock);
	hold->stops_pending--;
	if (hold->holders == 0 && hold->stops_pending == 0 && !hold->draining)
		drain(hold);
	dhpi_spin_unlock(&hold->lock);
}

enum dhp_status dhpi_hold_wait(struct dhp_hold *hold, uint64_t limit_ns)
{
	uint64_t began_ns = port_now_ns();

	for (;;) {
		uint32_t ticket = port_event_ticket(&hold->quiet);
		uint64_t seen = at_load_acquire_u64(&hold->state); /* [hold-quiet] acquire */
		uint64_t passed_ns = port_now_ns() - began_ns;

		if ((seen & HOLDING) == 0)
			return DHP_INVALID_STATE;
		if (seen == HOLDING)
			return DHP_OK;
		if (limit_ns != 0 && passed_ns >= limit_ns)
			return DHP_NOT_QUIET;
		port_event_wait(&hold->quiet, ticket, limit_ns == 0 ? 0 : limit_ns - passed_ns);
	}
}

void dhpi_hold_close(struct dhp_hold *hold)
{
	dhpi_spin_lock(&hold->lock);
	hold->closed = true;
	while (!dhpi_list_empty(&hold->waiting)) {
		struct dhpi_request *request = take_first(hold);

		set_stage(request, STAGE_IDLE);
		dhpi_spin_unlock(&hold->lock);
		call(request, DHP_DEVICE_GONE);
		dhpi_spin_lock(&hold->lock);
	}
	dhpi_spin_unlock(&hold->lock);
}

bool dhpi_hold_take(struct dhp_hold *hold)
{
	bool taken;

	dhpi_spin_lock(&hold->lock);
	taken = !hold->taken && !hold->closed;
	hold->taken = hold->taken || taken;
	dhpi_spin_unlock(&hold->lock);
	return taken;
}

void dhpi_hold_give(struct dhp_hold *hold)
{
	dhpi_spin_lock(&hold->lock);
	hold->taken = false;
	dhpi_spin_unlock(&hold->lock);
}

/* ---- requests ---- */

enum dhp_status dhp_request_init(struct dhp_request *object, struct dhp_hold *hold, uint32_t flags)
{
	if (object == NULL || !dhpi_aligned(object, _Alignof(struct dhp_request)) || !dhpi_hold_valid(hold))
		return DHP_BAD_OBJECT;
	if ((flags & ~ALL_FLAGS) != 0)
		return DHP_BAD_FLAGS;
	*inside(object) = (struct dhpi_request){ .hold = hold, .flags = flags, .magic = REQUEST_MAGIC };
	return DHP_OK;
}

/* Under the lock. */
static bool must_wait(const struct dhp_hold *hold, const struct dhpi_request *request)
{
	if ((word(hold) & HOLDING) != 0)
		return true;
	return (request->flags & DHP_REQUEST_BLOCKS_STOP) != 0 && (hold->stops_pending != 0 || hold->draining);
}

/* Under the lock. DHP_OK: it has been counted in. */
static enum dhp_status enter(struct dhp_hold *hold, struct dhpi_request *request)
{
	if (!must_wait(hold, request)) {
		(void)at_fetch_add_acq_rel_u64(&hold->state, REFERENCE); /* [hold-pass] acquire */
		set_stage(request, STAGE_BEGUN);
		return DHP_OK;
	}
	if (hold->closed)
		return DHP_DEVICE_GONE;
	set_stage(request, STAGE_HELD);
	dhpi_list_push_tail(&hold->waiting, &request->link);
	hold->waiting_count++;
	hold->held_count++;
	return DHP_HELD;
}

enum dhp_status dhp_request_submit(struct dhp_request *object)
{
	struct dhpi_request *request = inside(object);
	enum dhp_status status = DHP_OK;

	if (!is_request(object))
		return DHP_BAD_OBJECT;
	if (stage_of(request) != STAGE_IDLE)
		return DHP_IN_USE;
	if ((request->flags & DHP_REQUEST_NEVER_HELD) != 0 ||
	    ((request->flags & DHP_REQUEST_BLOCKS_STOP) == 0 && pass(request->hold))) {
		set_stage(request, STAGE_BEGUN);
	} else {
		struct dhp_hold *hold = request->hold;

		dhpi_spin_lock(&hold->lock);
		status = enter(hold, request);
		dhpi_spin_unlock(&hold->lock);
	}
	if (status == DHP_OK)
		call(request, DHP_OK);
	return status;
}

enum dhp_status dhp_request_complete(struct dhp_request *object)
{
	struct dhpi_request *request = inside(object);
	struct dhp_hold *hold;

	if (!is_request(object))
		return DHP_BAD_OBJECT;
	if (stage_of(request) != STAGE_BEGUN)
		return DHP_INVALID_STATE;
	hold = request->hold;
	set_stage(request, STAGE_IDLE);
	if ((request->flags & DHP_REQUEST_NEVER_HELD) != 0 || leave(hold))
		return DHP_OK;
	dhpi_spin_lock(&hold->lock);
	count_out(hold);
	dhpi_spin_unlock(&hold->lock);
	return DHP_OK;
}

enum dhp_status dhp_request_cancel(struct dhp_request *object)
{
	struct dhpi_request *request = inside(object);
	struct dhp_hold *hold;
	bool held;

	if (!is_request(object))
		return DHP_BAD_OBJECT;
	hold = request->hold;
	dhpi_spin_lock(&hold->lock);
	held = stage_of(request) == STAGE_HELD;
	if (held) {
		dhpi_list_unlink(&request->link);
		hold->waiting_count--;
		hold->cancelled_count++;
		set_stage(request, STAGE_IDLE);
	}
	dhpi_spin_unlock(&hold->lock);
	if (!held)
		return DHP_NOT_HELD;
	call(request, DHP_CANCELLED);
	return DHP_OK;
}

/* ---- a queue's life ---- */

struct dhp_hold *dhpi_hold_alloc(dhp_request_routine *routine, void *context)
{
	struct dhp_hold *hold = port_alloc(sizeof(*hold));

	if (hold == NULL)
		return NULL;
	at_init_u64(&hold->state, REFERENCE); /* S-448: the initial reference */
	dhpi_list_init(&hold->waiting);
	port_event_init(&hold->quiet);
	hold->routine = routine;
	hold->context = context;
	hold->magic = HOLD_MAGIC;
	return hold;
}

bool dhpi_hold_free(struct dhp_hold *hold)
{
	bool free, alone;

	dhpi_spin_lock(&hold->lock);
	alone = !hold->taken && !hold->draining && dhpi_list_empty(&hold->waiting);
	/* [hold-quiet] acquire: what the requests did comes before the free */
	free = alone && at_load_acquire_u64(&hold->state) == (hold->closed ? HOLDING : REFERENCE);
	dhpi_spin_unlock(&hold->lock);
	if (!free)
		return false;
	hold->magic = 0;
	port_free(hold, sizeof(*hold));
	return true;
}

/* ---- the public calls ---- */

enum dhp_status dhp_hold_begin(struct dhp_hold *hold)
{
	if (!dhpi_hold_valid(hold))
		return DHP_BAD_OBJECT;
	dhpi_spin_lock(&hold->lock);
	hold->caller_holds++;
	begin(hold);
	dhpi_spin_unlock(&hold->lock);
	return DHP_OK;
}

/* Only what dhp_hold_begin began: a pause and a device end theirs themselves. */
enum dhp_status dhp_hold_end(struct dhp_hold *hold)
{
	enum dhp_status status = DHP_INVALID_STATE;

	if (!dhpi_hold_valid(hold))
		return DHP_BAD_OBJECT;
	dhpi_spin_lock(&hold->lock);
	if (hold->caller_holds != 0) {
		hold->caller_holds--;
		end(hold);
		status = DHP_OK;
	}
	dhpi_spin_unlock(&hold->lock);
	return status;
}

enum dhp_status dhp_hold_wait(struct dhp_hold *hold, uint64_t limit_ns)
{
	if (!dhpi_hold_valid(hold))
		return DHP_BAD_OBJECT;
	DHPI_REQUIRE_PASSIVE();
	return dhpi_hold_wait(hold, limit_ns);
}

enum dhp_status dhp_hold_stats_read(struct dhp_hold *hold, struct dhp_hold_stats *out_stats)
{
	uint64_t seen;

	if (!dhpi_hold_valid(hold))
		return DHP_BAD_OBJECT;
	if (out_stats == NULL)
		return DHP_BAD_RESULT;
	dhpi_spin_lock(&hold->lock);
	seen = word(hold);
	*out_stats = (struct dhp_hold_stats){
		.holds_count = hold->holds_count,
		.held_count = hold->held_count,
		.cancelled_count = hold->cancelled_count,
		.last_hold_ns = hold->last_ns,
		.longest_hold_ns = hold->longest_ns,
		.holding_since_ns = hold->since_ns,
		.waiting_count = hold->waiting_count,
		.in_flight_count = (uint32_t)(seen / REFERENCE) - ((seen & HOLDING) == 0 ? 1 : 0),
	};
	dhpi_spin_unlock(&hold->lock);
	return DHP_OK;
}
