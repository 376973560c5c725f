/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conformance.c - the contract of a port as a program that needs nothing but a port.
 */
#include "conformance.h"

#include "port.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS 1000u
#define THREADS 3u

/* The fault is the text of what was demanded. */
#define DEMAND(condition)                                                                                     \
	do {                                                                                                  \
		if (!(condition))                                                                             \
			return #condition;                                                                    \
	} while (0)

static bool is_zero(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* ---- memory ---- */

static const char *allocations(void)
{
	static const size_t sizes[] = { 1, 7, 127, 128, 129, 4095, 4096, 4097, 100000 };

	for (size_t i = 0; i < LENGTH(sizes); i++) {
		unsigned char *p = port_alloc(sizes[i]);
		bool aligned = (uintptr_t)p % DHP_LINE_PAIR_BYTES == 0, zero = p != NULL && is_zero(p, sizes[i]);

		port_free(p, sizes[i]);
		DEMAND(p != NULL);
		DEMAND(aligned);
		DEMAND(zero);
	}
	port_free(NULL, 0);
	return NULL;
}

static const char *blocks(void)
{
	static const size_t sizes[] = { 1, 16, 17, 4096 };

	for (size_t i = 0; i < LENGTH(sizes); i++) {
		void *p = port_block_alloc(sizes[i]);
		bool aligned = (uintptr_t)p % 16 == 0;

		port_block_free(p);
		DEMAND(p != NULL);
		DEMAND(aligned);
	}
	port_block_free(NULL);
	return NULL;
}

static const char *ranges(void)
{
	const size_t page = port_page_bytes(), bytes = 16 * page;
	unsigned char *p = port_reserve(bytes);
	bool zero, touched, kept, aligned = (uintptr_t)p % page == 0;

	DEMAND(p != NULL);
	zero = is_zero(p, bytes);
	p[100] = 42;
	touched = port_touch(p + 50, 2 * page, DHP_NO_INDEX) && port_touch(p, page, 0);
	kept = p[100] == 42;
	port_unreserve(p, bytes);
	DEMAND(aligned);
	DEMAND(zero);
	DEMAND(touched);
	DEMAND(kept);
	DEMAND(port_reserve(SIZE_MAX / 8 * 7) == NULL); /* half of it is there for a 32-bit program */
	return NULL;
}

/* ---- threads ---- */

struct birth {
	struct port_self *self;
	bool clean;
	struct at_u32 cpu;
};

static void be_born(void *argument)
{
	struct birth *birth = argument;
	const struct port_self *self = port_self();

	birth->self = port_self();
	birth->clean = self->worker == NULL && self->dispatch == 0 && self->sections == 0;
	port_self()->sections = 1;
	birth->clean = birth->clean && port_self()->sections == 1;
	port_self()->sections = 0;
	port_cpu_pretend(7);
	birth->clean = birth->clean && port_cpu_pretended() == 7;
}

static const char *selves(void)
{
	struct port_thread thread = { .started = false };
	struct birth birth = { .clean = false };
	const struct port_self *own = port_self();

	port_thread_join(&thread); /* of one that was not started */
	DEMAND(port_thread_start(&thread, be_born, &birth, PORT_ANY_CPU, 0, "port-test") == DHP_OK);
	DEMAND(thread.started);
	port_thread_join(&thread);
	DEMAND(!thread.started);
	DEMAND(birth.clean);
	DEMAND(birth.self != own);
	DEMAND(port_self() == own);
	DEMAND(port_cpu_pretended() == -1);
	DEMAND(port_thread_start(&thread, be_born, &birth, DHP_CPU_LIMIT - 1, 0, "port-test") == DHP_NO_AFFINITY);
	DEMAND(!thread.started);
	return NULL;
}

/* ---- locks ---- */

struct contest {
	struct port_mutex mutex;
	uint32_t count;
	bool strange; /* somebody else's lock looked like one's own */
};

static void contend(void *argument)
{
	struct contest *contest = argument;
	bool strange = false;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		strange |= port_mutex_mine(&contest->mutex);
		port_mutex_lock(&contest->mutex);
		strange |= !port_mutex_mine(&contest->mutex);
		contest->strange |= strange;
		contest->count++;
		port_mutex_unlock(&contest->mutex);
	}
}

static const char *locks(void)
{
	struct port_thread threads[THREADS];
	struct contest *contest = port_alloc(sizeof(*contest));
	uint32_t started = 0, count;
	bool strange;

	DEMAND(contest != NULL);
	port_mutex_init(&contest->mutex);
	while (started < THREADS && port_thread_start(&threads[started], contend, contest, PORT_ANY_CPU, 0, "port-test") == DHP_OK)
		started++;
	for (uint32_t i = 0; i < started; i++)
		port_thread_join(&threads[i]);
	count = contest->count;
	strange = contest->strange;
	port_mutex_fini(&contest->mutex);
	port_free(contest, sizeof(*contest));
	DEMAND(started == THREADS);
	DEMAND(count == THREADS * ROUNDS);
	DEMAND(!strange);
	return NULL;
}

/* ---- sleeping ---- */

struct game {
	struct port_event there, back;
	struct at_u32 ball;
};

static void wait_for(struct port_event *event, struct at_u32 *ball, uint32_t odd)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(event);

		if ((at_load_seq_cst_u32(ball) & 1) == odd)
			return;
		port_event_wait(event, ticket, 0);
	}
}

static void answer(void *argument)
{
	struct game *game = argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		wait_for(&game->there, &game->ball, 1);
		(void)at_fetch_add_seq_cst_u32(&game->ball, 1);
		(void)port_event_rouse(&game->back);
	}
}

/* A signal that is lost never ends this. */
static const char *events(void)
{
	struct game *game = port_alloc(sizeof(*game));
	struct port_thread thread;
	uint32_t ticket;

	DEMAND(game != NULL);
	port_event_init(&game->there);
	port_event_init(&game->back);
	at_init_u32(&game->ball, 0);
	DEMAND(port_thread_start(&thread, answer, game, PORT_ANY_CPU, 0, "port-test") == DHP_OK);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		(void)at_fetch_add_seq_cst_u32(&game->ball, 1);
		(void)port_event_signal(&game->there);
		wait_for(&game->back, &game->ball, 0);
	}
	port_thread_join(&thread);
	ticket = port_event_ticket(&game->there);
	(void)port_event_signal(&game->there);
	port_event_wait(&game->there, ticket, 0);          /* an old ticket does not sleep */
	port_event_wait(&game->back, port_event_ticket(&game->back), 1000000); /* nor one with a limit for ever */
	port_free(game, sizeof(*game));
	return NULL;
}

static const char *alarms(void)
{
	struct port_alarm alarm = { 0 };
	uint64_t before = port_now_ns();

	port_alarm_close(&alarm); /* of one that was not opened */
	DEMAND(port_alarm_open(&alarm) == DHP_OK);
	port_alarm_wait(&alarm, before + 2000000);
	port_alarm_signal(&alarm);
	port_alarm_wait(&alarm, UINT64_MAX); /* a signal that came while nobody waited ends it */
	port_alarm_close(&alarm);
	return NULL;
}

/* ---- time ---- */

static const char *clocks(void)
{
	uint64_t before = port_now_ns(), after;

	port_sleep_ns(1000000);
	after = port_now_ns();
	DEMAND(after >= before + 1000000);
	port_relax();
	port_yield();
	DEMAND(port_now_ns() >= after);
	DEMAND(port_wall_ns() > (uint64_t)1000000000);
	return NULL;
}

static const char *affinity(void)
{
	struct port_affinity *now = port_alloc(sizeof(*now));
	bool kept;

	DEMAND(now != NULL);
	kept = port_affinity_read(now) && !is_zero((unsigned char *)now, sizeof(*now)) && port_affinity_write(now);
	port_free(now, sizeof(*now));
	DEMAND(kept);
	return NULL;
}

/* ---- other threads ---- */

struct brief {
	struct port_life life;
	int32_t id;
	bool begun;
};

static void be_brief(void *argument)
{
	struct brief *brief = argument;

	brief->begun = port_life_begin(&brief->life);
	brief->id = port_thread_id();
}

/* A thread may be joined a moment before its end. */
static bool ends(struct port_life *life)
{
	for (uint32_t i = 0; i < 1000 && port_life_goes_on(life); i++)
		port_sleep_ns(1000000);
	return !port_life_goes_on(life);
}

static const char *lives(void)
{
	struct port_thread thread = { .started = false };
	struct brief brief = { .begun = false };
	struct port_life own;

	DEMAND(port_thread_start(&thread, be_brief, &brief, PORT_ANY_CPU, 0, "port-test") == DHP_OK);
	port_thread_join(&thread);
	DEMAND(brief.begun);
	DEMAND(brief.id != 0 && brief.id != port_thread_id());
	DEMAND(ends(&brief.life));
	port_life_bury(&brief.life);
	DEMAND(port_life_begin(&own));
	DEMAND(port_life_goes_on(&own));
	port_life_end(&own);
	DEMAND(port_pin_look(port_thread_id(), DHP_CPU_LIMIT - 1) == PORT_NOT_PINNED);
	DEMAND(!port_pin_write(port_thread_id(), DHP_CPU_LIMIT - 1));
	return NULL;
}

const char *port_conformance(void)
{
	static const char *(*const parts[])(void) = { allocations, blocks, ranges, selves, locks, events, alarms, clocks,
						      affinity, lives };
	const char *fault = NULL;

	for (size_t i = 0; fault == NULL && i < LENGTH(parts); i++)
		fault = parts[i]();
	return fault;
}
