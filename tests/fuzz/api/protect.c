/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What keeps an object alive: epoch sections and run-down references of both forms.
 */
#include "world.h"

#define DEFERRED 6u

/* ---- epochs ---- */

static struct dhp_reader *reader;
static uint32_t depth;

static struct deferred {
	struct dhp_deferred link; /* first */
	bool pending;
	bool in_section;  /* deferred in the section that is open */
	uint64_t number;  /* of the deferral, from 1 */
} deferred[DEFERRED];
static uint64_t deferrals, reclaimed, last_reclaimed;

static void reclaim(struct dhp_deferred *link)
{
	struct deferred *object = (struct deferred *)(void *)link;

	MUST(__atomic_load_n(&object->pending, __ATOMIC_SEQ_CST));
	MUST(!__atomic_load_n(&object->in_section, __ATOMIC_SEQ_CST));
	MUST(object->number == last_reclaimed + 1); /* one thread's are reclaimed in order */
	last_reclaimed = object->number;
	__atomic_store_n(&object->pending, false, __ATOMIC_SEQ_CST);
	(void)__atomic_fetch_add(&reclaimed, 1, __ATOMIC_SEQ_CST);
}

static void join(void)
{
	SAYS(dhp_reader_join(world.engine, NULL), DHP_BAD_RESULT);
	if (reader == NULL)
		SAYS(dhp_reader_join(world.engine, &reader), DHP_OK);
}

static void leave(void)
{
	SAYS(dhp_reader_leave(reader), depth > 0 ? DHP_IN_SECTION : DHP_OK);
	if (depth == 0)
		reader = NULL;
}

static void enter(void)
{
	if (reader == NULL)
		return;
	dhp_epoch_enter(reader);
	world.in_section = ++depth > 0;
}

static void leave_section(void)
{
	if (depth == 0)
		return;
	for (uint32_t i = 0; depth == 1 && i < DEFERRED; i++)
		__atomic_store_n(&deferred[i].in_section, false, __ATOMIC_SEQ_CST);
	dhp_epoch_exit(reader);
	world.in_section = --depth > 0;
}

static void defer(void)
{
	struct deferred *object = &deferred[take_below(DEFERRED)];

	if (__atomic_load_n(&object->pending, __ATOMIC_SEQ_CST))
		return;
	*object = (struct deferred){ .pending = true, .in_section = depth > 0, .number = ++deferrals };
	SAYS(dhp_epoch_defer(NULL, &object->link, reclaim), DHP_BAD_ENGINE);
	SAYS(dhp_epoch_defer(world.engine, NULL, reclaim), DHP_BAD_OBJECT);
	SAYS(dhp_epoch_defer(world.engine, &object->link, NULL), DHP_BAD_CALLBACK);
	SAYS(dhp_epoch_defer(world.engine, &object->link, reclaim), DHP_OK);
}

static void synchronize(void)
{
	SAYS(dhp_epoch_synchronize(world.engine), depth > 0 ? DHP_IN_SECTION : DHP_OK);
}

static void drain(void)
{
	SAYS(dhp_epoch_drain(world.engine), depth > 0 ? DHP_IN_SECTION : DHP_OK);
	MUST(depth > 0 || __atomic_load_n(&reclaimed, __ATOMIC_SEQ_CST) == deferrals);
}

/* ---- run-down ---- */

struct form {
	enum dhp_status (*acquire)(void *object, uint32_t count);
	enum dhp_status (*release)(void *object, uint32_t count);
	enum dhp_status (*wait)(void *object);
	enum dhp_status (*completed)(void *object);
	enum dhp_status (*reinit)(void *object);
};

#define FORM(name, type, prefix)                                                                                  \
	static enum dhp_status name##_acquire(void *o, uint32_t n) { return prefix##_acquire((type *)o, n); }     \
	static enum dhp_status name##_release(void *o, uint32_t n) { return prefix##_release((type *)o, n); }     \
	static enum dhp_status name##_wait(void *o) { return prefix##_wait((type *)o); }                          \
	static enum dhp_status name##_completed(void *o) { return prefix##_completed((type *)o); }                \
	static enum dhp_status name##_reinit(void *o) { return prefix##_reinit((type *)o); }                      \
	static const struct form name = { name##_acquire, name##_release, name##_wait, name##_completed, name##_reinit };

FORM(plain_form, struct dhp_rundown, dhp_rundown)
FORM(percpu_form, struct dhp_rundown_percpu, dhp_rundown_percpu)

enum { PLAIN, PERCPU, OWN, RUNDOWNS }; /* OWN: like PERCPU, in the caller's memory */

static struct dhp_rundown plain;
static struct dhp_rundown_percpu *percpu;
static char *own_memory;

static struct {
	const struct form *form;
	void *object; /* NULL: not there */
	uint64_t references;
	bool begun;
} rundowns[RUNDOWNS];

static void rundown_create(void)
{
	if (rundowns[PERCPU].object != NULL)
		return;
	SAYS(dhp_rundown_percpu_create(world.engine, &percpu), DHP_OK);
	rundowns[PERCPU].object = percpu;
	rundowns[PERCPU].references = 0;
	rundowns[PERCPU].begun = false;
}

/* Nothing has to be undone: with references, too, it is simply another one. */
static void rundown_init(void)
{
	struct dhp_rundown_percpu *made = NULL;
	size_t bytes = dhp_rundown_percpu_bytes(world.engine);

	if (own_memory == NULL)
		own_memory = aligned_alloc(DHP_LINE_PAIR_BYTES, (bytes / DHP_LINE_PAIR_BYTES + 1) * DHP_LINE_PAIR_BYTES);
	MUST(own_memory != NULL && dhp_rundown_percpu_bytes(NULL) == 0);
	SAYS(dhp_rundown_percpu_init(NULL, own_memory, bytes, &made), DHP_BAD_ENGINE);
	SAYS(dhp_rundown_percpu_init(world.engine, NULL, bytes, &made), DHP_BAD_OBJECT);
	SAYS(dhp_rundown_percpu_init(world.engine, own_memory + 64, bytes, &made), DHP_BAD_ALIGNMENT);
	SAYS(dhp_rundown_percpu_init(world.engine, own_memory, bytes - 1, &made), DHP_BAD_SIZE);
	SAYS(dhp_rundown_percpu_init(world.engine, own_memory, bytes, NULL), DHP_BAD_RESULT);
	MUST(made == NULL);
	SAYS(dhp_rundown_percpu_init(world.engine, own_memory, bytes, &made), DHP_OK);
	SAYS(dhp_rundown_percpu_destroy(made), DHP_BAD_OBJECT);
	rundowns[OWN].object = made;
	rundowns[OWN].references = 0;
	rundowns[OWN].begun = false;
}

static void rundown_destroy(void)
{
	enum dhp_status expected = DHP_OK;

	if (percpu != NULL && rundowns[PERCPU].references > 0)
		expected = DHP_IN_USE;
	else if (percpu != NULL && world.in_section)
		expected = DHP_IN_SECTION;
	SAYS(dhp_rundown_percpu_destroy(percpu), expected);
	if (expected == DHP_OK)
		percpu = rundowns[PERCPU].object = NULL;
}

static void acquire(void)
{
	uint32_t at = take_below(RUNDOWNS), count = take_below(8) * take();
	enum dhp_status expected = DHP_OK;

	if (count == 7 * 255)
		count = DHP_RUNDOWN_COUNT_LIMIT + 1;
	if (rundowns[at].object == NULL)
		expected = DHP_BAD_OBJECT;
	else if (count == 0 || count > DHP_RUNDOWN_COUNT_LIMIT)
		expected = DHP_BAD_COUNT;
	else if (rundowns[at].begun)
		expected = DHP_RUN_DOWN;
	SAYS(rundowns[at].form->acquire(rundowns[at].object, count), expected);
	if (expected == DHP_OK)
		rundowns[at].references += count;
}

static void release(void)
{
	uint32_t at = take_below(RUNDOWNS), count = take();

	if (rundowns[at].object != NULL && count > rundowns[at].references) {
		if (at == PLAIN && MISUSE_HAS_A_STATUS)
			SAYS(rundowns[at].form->release(rundowns[at].object, count), DHP_BAD_COUNT);
		count = (uint32_t)rundowns[at].references;
	}
	SAYS(rundowns[at].form->release(rundowns[at].object, count),
	     rundowns[at].object == NULL ? DHP_BAD_OBJECT : count == 0 ? DHP_BAD_COUNT : DHP_OK);
	if (rundowns[at].object != NULL)
		rundowns[at].references -= count;
}

static void wait(void)
{
	uint32_t at = take_below(RUNDOWNS);

	if (rundowns[at].object != NULL && rundowns[at].references > 0)
		return;
	SAYS(rundowns[at].form->wait(rundowns[at].object), rundowns[at].object != NULL ? DHP_OK : DHP_BAD_OBJECT);
	rundowns[at].begun = true;
}

static void again(void)
{
	uint32_t at = take_below(RUNDOWNS);
	bool completes = take_below(2) != 0;
	enum dhp_status expected = rundowns[at].object == NULL ? DHP_BAD_OBJECT : rundowns[at].begun ? DHP_OK : DHP_NOT_RUN_DOWN;

	if (expected == DHP_NOT_RUN_DOWN && !MISUSE_HAS_A_STATUS)
		return;
	SAYS((completes ? rundowns[at].form->completed : rundowns[at].form->reinit)(rundowns[at].object), expected);
	rundowns[at].begun = rundowns[at].begun && (completes || expected != DHP_OK);
}

/* Before the end: nobody waits for this section any more. */
void protect_leave(void)
{
	while (depth > 0)
		leave_section();
}

/* ---- the part ---- */

static void begin(void)
{
	memset(deferred, 0, sizeof(deferred));
	memset(rundowns, 0, sizeof(rundowns));
	deferrals = reclaimed = last_reclaimed = 0;
	reader = NULL;
	depth = 0;
	percpu = NULL;
	SAYS(dhp_rundown_init(&plain), DHP_OK);
	rundowns[PLAIN].form = &plain_form;
	rundowns[PLAIN].object = &plain;
	rundowns[PERCPU].form = rundowns[OWN].form = &percpu_form;
	own_memory = NULL;
}

static void check(void)
{
}

static bool holds_engine(void)
{
	return reader != NULL || percpu != NULL;
}

static void end(void)
{
	protect_leave();
	SAYS(dhp_reader_leave(reader), DHP_OK);
	reader = NULL;
	if (rundowns[PERCPU].references > 0)
		SAYS(dhp_rundown_percpu_release(percpu, (uint32_t)rundowns[PERCPU].references), DHP_OK);
	rundowns[PERCPU].references = 0;
	rundown_destroy();
	free(own_memory);
	drain();
}

static const struct operation operations[] = {
	{ "reader join", join, false }, { "reader leave", leave, false }, { "section enter", enter, false },
	{ "section exit", leave_section, false }, { "defer", defer, false }, { "synchronize", synchronize, true },
	{ "epoch drain", drain, true }, { "rundown create", rundown_create, false }, { "rundown destroy", rundown_destroy, true },
	{ "acquire", acquire, false }, { "release", release, false }, { "rundown wait", wait, false },
	{ "rundown again", again, false }, { "rundown init", rundown_init, false },
};

const struct part protect_part = { operations, COUNT(operations), begin, check, holds_engine, end };
