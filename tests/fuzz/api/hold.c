/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that wait: what begins, in which order, and what each call says. One thread does all, so everything is known.
 */
#include "world.h"

#define HOLDS 2u
#define REQUESTS 6u
#define QUEUE (2 * REQUESTS)

enum stage { NOT_READY, IDLE, HELD, BEGUN };

struct request {
	struct dhp_request request;
	enum stage stage;
	uint32_t hold;
	bool never_held;
	bool completes_at_once;
};

struct call {
	uint32_t request;
	enum dhp_status status;
};

static struct hold {
	struct dhp_hold *hold;
	uint32_t begins; /* of the program; a pause is one more */
	uint32_t waiting[REQUESTS], waiting_count;
	uint32_t in_flight;
	struct call calls[QUEUE]; /* of the routine, that must come next */
	uint32_t calls_count, calls_done;
} holds[HOLDS];
static struct request requests[REQUESTS];
static bool paused;

static bool is_holding(const struct hold *hold)
{
	return hold->begins > 0 || paused;
}

bool hold_is_paused(void)
{
	return paused;
}

/* ---- what the routine must see ---- */

static void expect(struct hold *hold, uint32_t request, enum dhp_status status)
{
	MUST(hold->calls_count < QUEUE);
	hold->calls[hold->calls_count++] = (struct call){ request, status };
}

static void expect_no_more(void)
{
	for (uint32_t i = 0; i < HOLDS; i++) {
		MUST(holds[i].calls_done == holds[i].calls_count);
		holds[i].calls_done = holds[i].calls_count = 0;
	}
}

static void begun(struct hold *hold, uint32_t at)
{
	requests[at].stage = requests[at].completes_at_once ? IDLE : BEGUN;
	hold->in_flight += !requests[at].never_held && !requests[at].completes_at_once;
}

static void expect_begin(struct hold *hold, uint32_t at)
{
	expect(hold, at, DHP_OK);
	begun(hold, at);
}

/* The hold has ended: those that wait begin, in order (S-444). */
static void expect_all(struct hold *hold)
{
	if (is_holding(hold))
		return;
	for (uint32_t i = 0; i < hold->waiting_count; i++)
		expect_begin(hold, hold->waiting[i]);
	hold->waiting_count = 0;
}

static void routine(struct dhp_request *object, void *context, enum dhp_status status)
{
	struct hold *hold = context;
	const struct call *call = &hold->calls[hold->calls_done];
	struct request *request;

	MUST(hold->calls_done < hold->calls_count);
	hold->calls_done++;
	request = &requests[call->request];
	MUST(object == &request->request && status == call->status);
	if (status == DHP_OK && request->completes_at_once)
		SAYS(dhp_request_complete(object), DHP_OK);
}

/* ---- requests ---- */

static void init(void)
{
	uint32_t at = take_below(REQUESTS), how = take();
	struct request *request = &requests[at];
	struct hold *hold = &holds[how & 1];
	uint32_t flags = how >> 1 & 3;

	if (request->stage == HELD || request->stage == BEGUN)
		return;
	if (hold->hold == NULL) {
		SAYS(dhp_request_init(&request->request, hold->hold, flags), DHP_BAD_OBJECT);
		return;
	}
	SAYS(dhp_request_init(&request->request, hold->hold, flags | 4), DHP_BAD_FLAGS);
	SAYS(dhp_request_init(NULL, hold->hold, flags), DHP_BAD_OBJECT);
	SAYS(dhp_request_init(&request->request, hold->hold, flags), DHP_OK);
	request->stage = IDLE;
	request->hold = how & 1;
	request->never_held = (flags & DHP_REQUEST_NEVER_HELD) != 0;
	request->completes_at_once = (how >> 3 & 1) != 0;
}

static void submit(void)
{
	uint32_t at = take_below(REQUESTS);
	struct request *request = &requests[at];
	struct hold *hold = &holds[request->hold];
	enum dhp_status expected = DHP_OK;

	if (request->stage == NOT_READY) {
		expected = DHP_BAD_OBJECT;
	} else if (request->stage != IDLE) {
		expected = DHP_IN_USE;
	} else if (is_holding(hold) && !request->never_held) {
		expected = DHP_HELD;
		request->stage = HELD;
		hold->waiting[hold->waiting_count++] = at;
	} else {
		expect_begin(hold, at);
	}
	SAYS(dhp_request_submit(&request->request), expected);
}

static void complete_at(uint32_t at)
{
	struct request *request = &requests[at];
	bool can = request->stage == BEGUN;

	SAYS(dhp_request_complete(&request->request),
	     request->stage == NOT_READY ? DHP_BAD_OBJECT : can ? DHP_OK : DHP_INVALID_STATE);
	if (!can)
		return;
	request->stage = IDLE;
	holds[request->hold].in_flight -= !request->never_held;
}

static void complete(void)
{
	complete_at(take_below(REQUESTS));
}

static void cancel_at(uint32_t at)
{
	struct request *request = &requests[at];
	struct hold *hold = &holds[request->hold];
	uint32_t count = 0;

	if (request->stage == HELD) {
		for (uint32_t i = 0; i < hold->waiting_count; i++)
			if (hold->waiting[i] != at)
				hold->waiting[count++] = hold->waiting[i];
		hold->waiting_count = count;
		expect(hold, at, DHP_CANCELLED);
		request->stage = IDLE;
		SAYS(dhp_request_cancel(&request->request), DHP_OK);
		return;
	}
	SAYS(dhp_request_cancel(&request->request), request->stage == NOT_READY ? DHP_BAD_OBJECT : DHP_NOT_HELD);
}

static void cancel(void)
{
	cancel_at(take_below(REQUESTS));
}

/* ---- queues ---- */

static void create(void)
{
	struct hold *hold = &holds[take_below(HOLDS)];

	SAYS(dhp_hold_create(world.engine, NULL, hold, &hold->hold), DHP_BAD_CALLBACK);
	SAYS(dhp_hold_create(world.engine, routine, hold, NULL), DHP_BAD_RESULT);
	if (hold->hold == NULL)
		SAYS(dhp_hold_create(world.engine, routine, hold, &hold->hold), DHP_OK);
}

static void destroy_at(uint32_t at)
{
	struct hold *hold = &holds[at];
	bool is_used = is_holding(hold) || hold->in_flight > 0 || hold->waiting_count > 0;

	for (uint32_t i = 0; i < REQUESTS; i++)
		if (requests[i].stage == BEGUN && requests[i].hold == at && requests[i].never_held)
			complete_at(i); /* not counted, and yet of this queue */
	SAYS(dhp_hold_destroy(hold->hold), hold->hold != NULL && is_used ? DHP_IN_USE : DHP_OK);
	if (hold->hold == NULL || is_used)
		return;
	*hold = (struct hold){ .hold = NULL };
	for (uint32_t i = 0; i < REQUESTS; i++)
		if (requests[i].hold == at)
			requests[i] = (struct request){ .stage = NOT_READY };
}

static void destroy(void)
{
	destroy_at(take_below(HOLDS));
}

static void hold_begin(void)
{
	struct hold *hold = &holds[take_below(HOLDS)];

	SAYS(dhp_hold_begin(hold->hold), hold->hold != NULL ? DHP_OK : DHP_BAD_OBJECT);
	hold->begins += hold->hold != NULL;
}

static void end_at(uint32_t at)
{
	struct hold *hold = &holds[at];
	enum dhp_status expected = hold->hold == NULL ? DHP_BAD_OBJECT : hold->begins == 0 ? DHP_INVALID_STATE : DHP_OK;

	if (expected == DHP_OK) {
		hold->begins--;
		expect_all(hold);
	}
	SAYS(dhp_hold_end(hold->hold), expected);
}

static void hold_end(void)
{
	end_at(take_below(HOLDS));
}

static void hold_wait(void)
{
	struct hold *hold = &holds[take_below(HOLDS)];
	enum dhp_status expected = DHP_OK;

	if (hold->hold == NULL)
		expected = DHP_BAD_OBJECT;
	else if (!is_holding(hold))
		expected = DHP_INVALID_STATE;
	else if (hold->in_flight > 0)
		expected = DHP_NOT_QUIET;
	SAYS(dhp_hold_wait(hold->hold, 1), expected);
}

static void pause_all(void)
{
	bool quiet = true;
	enum dhp_status expected = DHP_OK;

	for (uint32_t i = 0; i < HOLDS; i++)
		quiet = quiet && holds[i].in_flight == 0;
	if (paused)
		expected = DHP_INVALID_STATE;
	else if (!quiet)
		expected = DHP_NOT_QUIET;
	SAYS(dhp_pause_all(world.engine, 1), expected);
	paused = paused || expected == DHP_OK;
}

static void resume_all(void)
{
	bool was = paused;

	paused = false;
	for (uint32_t i = 0; i < HOLDS && was; i++)
		expect_all(&holds[i]);
	SAYS(dhp_resume_all(world.engine), was ? DHP_OK : DHP_INVALID_STATE);
}

/* ---- the part ---- */

static void begin(void)
{
	memset(holds, 0, sizeof(holds));
	memset(requests, 0, sizeof(requests));
	paused = false;
}

static void check(void)
{
	expect_no_more();
	for (uint32_t i = 0; i < HOLDS; i++) {
		struct dhp_hold_stats stats;

		SAYS(dhp_hold_stats_read(holds[i].hold, &stats), holds[i].hold != NULL ? DHP_OK : DHP_BAD_OBJECT);
		if (holds[i].hold == NULL)
			continue;
		MUST(stats.waiting_count == holds[i].waiting_count && stats.in_flight_count == holds[i].in_flight);
		MUST((stats.holding_since_ns != 0) == is_holding(&holds[i]));
	}
}

static bool holds_engine(void)
{
	return holds[0].hold != NULL || holds[1].hold != NULL;
}

static void end(void)
{
	for (uint32_t at = 0; at < REQUESTS; at++) {
		if (requests[at].stage == HELD)
			cancel_at(at);
		if (requests[at].stage == BEGUN)
			complete_at(at);
	}
	if (paused)
		resume_all();
	for (uint32_t at = 0; at < HOLDS; at++) {
		while (holds[at].begins > 0)
			end_at(at);
		expect_no_more();
		destroy_at(at);
	}
}

static const struct operation operations[] = {
	{ "hold create", create, false }, { "hold destroy", destroy, false }, { "request init", init, false },
	{ "request init", init, false }, { "submit", submit, false }, { "submit", submit, false }, { "submit", submit, false },
	{ "complete", complete, false }, { "cancel", cancel, false }, { "hold begin", hold_begin, false },
	{ "hold end", hold_end, false }, { "hold wait", hold_wait, false }, { "pause all", pause_all, false },
	{ "resume all", resume_all, false },
};

const struct part hold_part = { operations, COUNT(operations), begin, check, holds_engine, end };
