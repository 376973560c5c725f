/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibre.c - a run of a small program all of whose threads are fibres, each step of which somebody chooses.
 *
 * Problem   an interleaving that breaks an algorithm comes once in a million runs, and cannot be made to come again.
 * Idea      all threads are fibres of one thread of the system. A fibre stops before each access to a shared word and each
 *           call of the port; who runs next is asked of a chooser. The same choices give the same run: memory is at the
 *           same addresses, time is counted and not read.
 *
 *           step    a fibre's pending access, and what it does by itself up to the next one
 *           ready   a fibre whose step can be made. One that waits for an event, a lock or the end of another is not, until
 *                   that has come. When nobody is ready time passes, up to the earliest time that somebody waits for; if
 *                   nobody waits for a time either, the run has failed: a wake-up was lost, or locks are taken crosswise.
 *
 * I1        a step touches one word that others see, at its beginning; so the order of steps is all there is to choose.
 * I2        a loop that waits is not run in vain: a fibre that pauses for the second time having read the same from the same
 *           words, and left all as it was, is not ready until another fibre has changed one of them, since it read that one.
 *           It would read the same.
 * I3        time passes when nobody is ready, or because the chooser says so; and a little with each look at the clock.
 * I4        where no other fibre is, and each that was has been joined, there is nothing to choose: a world is set up and taken
 *           down without steps. One that has ended and was not joined could be slower, and come after what this one does.
 *
 * Not       weak memory: each access is done at once. Nor plain accesses: those that race are ThreadSanitizer's to find.
 *
 * One run at a time: this environment alone of all has variables of its own, because it stands for the whole machine.
 */
#define _GNU_SOURCE
#include "fibre.h"

#include <string.h>
#include <sys/mman.h>

#include "port.h"
#include "switch_fibre.h"

#define READS_LIMIT 128u
#define QUIET_LIMIT 60u /* times that nothing but time passes, each longer than the one before */
#define IGNORED_LIMIT 16u

struct read {
	uintptr_t at;
	size_t bytes;
	uint64_t value;
};

/* What a fibre has read since it last paused, and what was in the words that it wrote. */
struct reads {
	struct read reads[READS_LIMIT], before[READS_LIMIT];
	uint32_t count, before_count;
	bool too_much; /* to remember, or not to be undone */
};

struct fibre {
	struct stack stack;
	void (*run)(void *argument);
	void *argument;
	const char *name;
	struct fibre_op op;
	struct port_self self;
	struct port_pin pin;
	int32_t cpu[3]; /* pretended, worked for, none */
	struct reads since_pause, before_pause;
	bool in_vain;       /* I2: its pause is not ready */
	uint32_t woken_at;
	uint32_t parent, interrupts;
	uint32_t ended;     /* what a join reads */
	bool begun, joined;
};

static struct {
	struct fibre fibres[FIBRE_LIMIT];
	uint32_t count, current;
	uint32_t alive; /* not ended */
	uint32_t loose; /* started, and not joined */
	struct fibre_event trace[FIBRE_STEPS];
	uint32_t steps, last;
	uint64_t now_ns;
	uint32_t quiet, quiet_since; /* and the step at which that began */
	fibre_chooser *chooser;
	void *context;
	enum fibre_outcome outcome;
	const char *why;
	char *stacks;
	struct stack host, *ran_before;
	struct {
		uintptr_t at, bytes;
	} ignored[IGNORED_LIMIT];
	uint32_t ignored_count;
	struct read store; /* under way: what was there before */
} now = { .current = FIBRE_NONE };

/* Where inline code looks for the cpu: three words, each with the room that port.h asks for behind the last. */
static _Thread_local struct {
	int32_t cpu[3];
	int32_t room[2];
} words __attribute__((tls_model("initial-exec"))) = { .cpu = { -1, -1, -1 } };

static struct fibre *current(void)
{
	return &now.fibres[now.current];
}

bool fibre_on(void)
{
	return now.current != FIBRE_NONE;
}

/* A handler is part of the thread that it interrupts. */
static struct fibre *thread_of(struct fibre *fibre)
{
	while (fibre->interrupts != FIBRE_NONE)
		fibre = &now.fibres[fibre->interrupts];
	return fibre;
}

/* ---- from one fibre to another ---- */

static void words_to(const struct fibre *fibre)
{
	memcpy(words.cpu, fibre->cpu, sizeof(words.cpu));
}

static void go_to(uint32_t next)
{
	struct stack *from = fibre_on() ? &current()->stack : &now.host;

	if (next == now.current)
		return;
	now.current = next;
	if (next != FIBRE_NONE)
		words_to(thread_of(current()));
	stack_switch(from, next != FIBRE_NONE ? &current()->stack : &now.host, &now.ran_before);
}

static void finish(enum fibre_outcome outcome, const char *why)
{
	now.outcome = outcome;
	now.why = why;
	go_to(FIBRE_NONE);
}

_Noreturn void fibre_fail(const char *why)
{
	finish(FIBRE_FAILED, why);
	__builtin_trap(); /* nobody comes back to a run that is over */
}

/* ---- whose turn can it be ---- */

static uint32_t word_at(uintptr_t at)
{
	uint32_t word;

	memcpy(&word, (const void *)at, sizeof(word));
	return word;
}

static bool stands_still(uint32_t number)
{
	for (uint32_t i = 0; i < now.count; i++)
		if (now.fibres[i].interrupts == number && now.fibres[i].begun && now.fibres[i].ended == 0)
			return true;
	return false;
}

static bool is_ready(const struct fibre *fibre)
{
	switch (fibre->op.kind) {
	case FIBRE_LOCK:
		return word_at(fibre->op.at) == 0;
	case FIBRE_WAIT:
		return word_at(fibre->op.at) != fibre->op.ticket;
	case FIBRE_JOIN:
		return word_at(fibre->op.at) != 0;
	case FIBRE_PAUSE:
		return !fibre->in_vain;
	case FIBRE_BEGIN:
		return fibre->interrupts == FIBRE_NONE || now.fibres[fibre->interrupts].begun;
	case FIBRE_LOAD:
	case FIBRE_STORE:
	case FIBRE_FREE:
	case FIBRE_UNLOCK:
	case FIBRE_END:
		break;
	}
	return true;
}

static struct fibre_choice look(uint32_t *out_left)
{
	struct fibre_choice choice = { .step = now.steps, .last = now.last };

	*out_left = 0;
	for (uint32_t i = 0; i < now.count; i++) {
		const struct fibre *fibre = &now.fibres[i];

		if (fibre->ended != 0)
			continue;
		*out_left |= 1u << i;
		if (stands_still(i))
			continue;
		if (is_ready(fibre))
			choice.ready |= 1u << i;
		else if (fibre->op.until_ns != 0)
			choice.timed |= 1u << i;
		if (fibre->op.kind == FIBRE_PAUSE)
			choice.paused |= 1u << i;
	}
	return choice;
}

/* Who pauses in a loop has no time of its own: twice as long each time, so that those who have one are reached. */
static uint64_t due_ns(const struct fibre *fibre)
{
	uint64_t later_ns = now.now_ns + ((uint64_t)1 << (now.quiet < 40 ? now.quiet : 40));

	return fibre->op.kind == FIBRE_PAUSE && fibre->op.until_ns < later_ns ? later_ns : fibre->op.until_ns;
}

static uint32_t earliest(uint32_t timed)
{
	uint32_t first = FIBRE_NONE;

	for (uint32_t i = 0; i < now.count; i++)
		if ((timed & 1u << i) != 0 &&
		    (first == FIBRE_NONE || due_ns(&now.fibres[i]) < due_ns(&now.fibres[first])))
			first = i;
	return first;
}

/* I3 */
static void let_time_pass(struct fibre_choice *choice)
{
	if (choice->ready != 0)
		return;
	if (choice->timed == 0)
		fibre_fail("nobody can go on: a wake-up was lost, or locks are taken crosswise");
	if (now.quiet == 0)
		now.quiet_since = now.steps;
	if (++now.quiet > QUIET_LIMIT)
		fibre_fail("nothing but time passes: who waits for the others waits for ever");
	choice->ready = 1u << earliest(choice->timed);
	choice->timed &= ~choice->ready;
}

/* Gives the processor to who is chosen; returns when this fibre is. */
static void step(void)
{
	uint32_t left, next;
	struct fibre_choice choice = look(&left);
	struct fibre *fibre;

	if (left == 0)
		finish(FIBRE_PASSED, NULL);
	let_time_pass(&choice);
	if (now.steps == FIBRE_STEPS)
		fibre_fail("no end: too many steps");
	next = now.chooser(now.context, &choice);
	if (next == FIBRE_NONE)
		finish(FIBRE_ABANDONED, NULL);
	fibre = &now.fibres[next];
	now.trace[now.steps++] = (struct fibre_event){ .fibre = next, .op = fibre->op };
	now.last = next;
	if (!is_ready(fibre))
		fibre_time_is(due_ns(fibre));
	go_to(next);
}

/* ---- what is read and changed ---- */

static uint64_t value_at(uintptr_t at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)at, bytes < sizeof(value) ? bytes : sizeof(value));
	return value;
}

static void note_read(struct fibre *fibre, uintptr_t at, size_t bytes)
{
	struct reads *reads = &fibre->since_pause;

	if (reads->count == READS_LIMIT)
		reads->too_much = true;
	else
		reads->reads[reads->count++] = (struct read){ .at = at, .bytes = bytes, .value = value_at(at, bytes) };
}

static bool overlap(uintptr_t a, size_t a_bytes, uintptr_t b, size_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

void fibre_goes_on(void)
{
	if (fibre_on())
		current()->since_pause.too_much = true;
}

/* Wakes who pauses in vain and has read it. */
void fibre_changed(uintptr_t at, size_t bytes)
{
	now.quiet = 0;
	if (!fibre_on())
		return;
	for (uint32_t i = 0; i < now.count; i++) {
		struct fibre *fibre = &now.fibres[i];

		for (uint32_t k = 0; fibre->in_vain && k < fibre->before_pause.count; k++)
			if (overlap(at, bytes, fibre->before_pause.reads[k].at, fibre->before_pause.reads[k].bytes)) {
				fibre->in_vain = false;
				fibre->woken_at = now.steps - 1;
			}
	}
}

static void note_before(struct fibre *fibre, const struct read *store)
{
	struct reads *reads = &fibre->since_pause;

	for (uint32_t i = 0; i < reads->before_count; i++)
		if (reads->before[i].at == store->at && reads->before[i].bytes == store->bytes)
			return;
	if (reads->before_count == READS_LIMIT)
		reads->too_much = true;
	else
		reads->before[reads->before_count++] = *store;
}

/* What it changed is as it was. */
static bool is_undone(const struct reads *reads)
{
	for (uint32_t i = 0; !reads->too_much && i < reads->before_count; i++)
		if (fibre_memory_is_free(reads->before[i].at) ||
		    value_at(reads->before[i].at, reads->before[i].bytes) != reads->before[i].value)
			return false;
	return !reads->too_much;
}

static bool same_reads(const struct reads *a, const struct reads *b)
{
	return a->count == b->count && memcmp(a->reads, b->reads, a->count * sizeof(a->reads[0])) == 0;
}

static bool is_read_again(const struct reads *reads, uint32_t which)
{
	for (uint32_t i = 0; i < which; i++)
		if (reads->reads[i].at == reads->reads[which].at && reads->reads[i].bytes == reads->reads[which].bytes)
			return true;
	return false;
}

/* Nor has another changed it between the look and the pause. What it wrote itself is undone: so as at the first look. */
static bool is_still_so(const struct reads *reads)
{
	for (uint32_t i = 0; i < reads->count; i++) {
		const struct read *read = &reads->reads[i];

		if (!is_read_again(reads, i) &&
		    (fibre_memory_is_free(read->at) || value_at(read->at, read->bytes) != read->value))
			return false;
	}
	return true;
}

/* I2. Nothing read at all: it does not wait for anybody. */
static bool pauses_in_vain(struct fibre *fibre)
{
	struct reads *since = &fibre->since_pause, *before = &fibre->before_pause;
	bool in_vain = since->count != 0 && is_undone(since) && same_reads(since, before) && is_still_so(since);

	before->count = since->count;
	memcpy(before->reads, since->reads, since->count * sizeof(since->reads[0]));
	since->count = since->before_count = 0;
	since->too_much = false;
	return in_vain;
}

/* ---- steps ---- */

static bool is_ignored(uintptr_t at)
{
	for (uint32_t i = 0; i < now.ignored_count; i++)
		if (at - now.ignored[i].at < now.ignored[i].bytes)
			return true;
	return false;
}

void fibre_ignore(const void *at, size_t bytes)
{
	if (now.ignored_count < IGNORED_LIMIT) {
		now.ignored[now.ignored_count].at = (uintptr_t)at;
		now.ignored[now.ignored_count++].bytes = bytes;
	}
}

static void check_memory(const struct fibre_op *op)
{
	if (op->bytes != 0 && op->kind != FIBRE_FREE && fibre_memory_is_free(op->at))
		fibre_fail("used after it was freed");
}

/* I4 */
static bool is_alone(const struct fibre_op *op)
{
	return now.alive == 1 && now.loose == 0 && op->kind != FIBRE_PAUSE && op->kind != FIBRE_END;
}

void fibre_point(const struct fibre_op *op)
{
	struct fibre *self = current();

	self->op = *op;
	if (is_alone(op) && is_ready(self)) {
		check_memory(op);
		return;
	}
	if (op->kind == FIBRE_PAUSE) {
		self->in_vain = pauses_in_vain(self);
		self->woken_at = FIBRE_NONE;
	}
	step();
	self->in_vain = false;
	check_memory(op);
}

void fibre_load(const volatile void *at, size_t bytes, const char *name)
{
	if (!fibre_on() || is_ignored((uintptr_t)at))
		return;
	fibre_point(&(struct fibre_op){ .kind = FIBRE_LOAD, .name = name, .where = __builtin_return_address(0),
					.at = (uintptr_t)at, .bytes = bytes });
	note_read(current(), (uintptr_t)at, bytes);
}

void fibre_store(const volatile void *at, size_t bytes, const char *name)
{
	now.store = (struct read){ .bytes = 0 };
	if (!fibre_on() || is_ignored((uintptr_t)at))
		return;
	fibre_point(&(struct fibre_op){ .kind = FIBRE_STORE, .name = name, .where = __builtin_return_address(0),
					.at = (uintptr_t)at, .bytes = bytes });
	note_read(current(), (uintptr_t)at, bytes);
	now.store = (struct read){ .at = (uintptr_t)at, .bytes = bytes, .value = value_at((uintptr_t)at, bytes) };
}

void fibre_stored(void)
{
	if (now.store.bytes == 0 || value_at(now.store.at, now.store.bytes) == now.store.value)
		return;
	note_before(current(), &now.store);
	fibre_changed(now.store.at, now.store.bytes);
}

/* ---- the life of a fibre ---- */

/* A handler that has not begun by then never will. */
static void end_with_handlers(struct fibre *self)
{
	uint32_t number = (uint32_t)(self - now.fibres);

	self->ended = 1;
	now.alive--;
	for (uint32_t i = 0; i < now.count; i++)
		if (now.fibres[i].interrupts == number && !now.fibres[i].begun) {
			now.fibres[i].ended = 1;
			now.alive--;
		}
}

static void entry(void)
{
	struct fibre *self = current();
	void *kept = NULL;

	stack_arrived(kept, now.ran_before);
	self->begun = true;
	self->run(self->argument);
	fibre_point(&(struct fibre_op){ .kind = FIBRE_END, .name = "end", .at = (uintptr_t)&self->ended,
					.bytes = sizeof(self->ended) });
	end_with_handlers(self);
	fibre_changed((uintptr_t)&self->ended, sizeof(self->ended));
	step();
}

static uint32_t make(void (*run)(void *), void *argument, const char *name, uint32_t interrupts)
{
	struct fibre *fibre = &now.fibres[now.count];

	if (now.count == FIBRE_LIMIT)
		fibre_fail("too many fibres");
	memset(fibre, 0, offsetof(struct fibre, since_pause));
	fibre->since_pause.count = fibre->since_pause.before_count = fibre->before_pause.count = 0;
	fibre->since_pause.too_much = fibre->in_vain = fibre->begun = fibre->joined = false;
	fibre->ended = 0;
	fibre->woken_at = FIBRE_NONE;
	fibre->parent = now.current;
	fibre->interrupts = interrupts;
	fibre->run = run;
	fibre->argument = argument;
	fibre->name = name;
	fibre->cpu[0] = fibre->cpu[1] = fibre->cpu[2] = -1;
	fibre->op = (struct fibre_op){ .kind = FIBRE_BEGIN, .name = "begin" };
	now.alive++;
	stack_make(&fibre->stack, now.stacks + now.count * STACK_BYTES, entry);
	return now.count++;
}

uint32_t fibre_start(void (*run)(void *), void *argument, const char *name)
{
	now.loose++;
	return make(run, argument, name, FIBRE_NONE);
}

uint32_t fibre_start_handler(void (*run)(void *), void *argument, const char *name, uint32_t interrupted)
{
	now.loose++;
	return make(run, argument, name, interrupted);
}

static void note_join(uint32_t fibre)
{
	if (now.fibres[fibre].joined)
		return;
	now.fibres[fibre].joined = true;
	now.loose--;
	for (uint32_t i = 0; i < now.count; i++)
		if (now.fibres[i].interrupts == fibre)
			note_join(i);
}

/* With those that interrupted it. */
void fibre_join(uint32_t fibre)
{
	fibre_point(&(struct fibre_op){ .kind = FIBRE_JOIN, .name = "join", .where = __builtin_return_address(0),
					.at = (uintptr_t)&now.fibres[fibre].ended, .bytes = sizeof(now.fibres[fibre].ended) });
	note_join(fibre);
}

uint32_t fibre_self(void)
{
	return now.current;
}

bool fibre_ended(uint32_t fibre)
{
	return now.fibres[fibre].ended != 0;
}

static void call_program(void *argument)
{
	void (*program)(void);

	memcpy(&program, argument, sizeof(program));
	program();
}

/* Abandoned stacks are used again; AddressSanitizer has to forget what was on them. */
static void reset(void)
{
	if (now.stacks == NULL)
		now.stacks = mmap(NULL, FIBRE_LIMIT * STACK_BYTES, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
#if defined(__SANITIZE_ADDRESS__)
	extern void __asan_unpoison_memory_region(void const volatile *p, size_t bytes);

	__asan_unpoison_memory_region(now.stacks, now.count * STACK_BYTES);
#endif
	fibre_memory_reset();
	now.count = now.alive = now.loose = now.steps = now.quiet = now.ignored_count = 0;
	now.last = FIBRE_NONE;
	now.now_ns = 1;
	now.why = NULL;
}

enum fibre_outcome fibre_run(void (*program)(void), fibre_chooser *chooser, void *context)
{
	reset();
	now.chooser = chooser;
	now.context = context;
	(void)make(call_program, &program, "main", FIBRE_NONE);
	step();
	if (now.outcome == FIBRE_PASSED && fibre_memory_leaks()) {
		now.outcome = FIBRE_FAILED;
		now.why = "memory was left";
	}
	return now.outcome;
}

/* ---- questions ---- */

const struct fibre_event *fibre_trace(uint32_t *out_steps)
{
	*out_steps = now.steps;
	return now.trace;
}

uint32_t fibre_quiet_since(void)
{
	return now.quiet != 0 ? now.quiet_since : now.steps;
}

const char *fibre_why(void)
{
	return now.why;
}

const struct fibre_op *fibre_next_op(uint32_t fibre)
{
	return fibre < now.count && now.fibres[fibre].ended == 0 ? &now.fibres[fibre].op : NULL;
}

const char *fibre_name(uint32_t fibre)
{
	return now.fibres[fibre].name;
}

uint32_t fibre_parent(uint32_t fibre)
{
	return now.fibres[fibre].parent;
}

uint32_t fibre_interrupted(uint32_t fibre)
{
	return now.fibres[fibre].interrupts;
}

uint32_t fibre_woken_at(uint32_t fibre)
{
	return now.fibres[fibre].woken_at;
}

/* ---- for the port ---- */

struct port_self *fibre_port_self(void)
{
	return &thread_of(current())->self;
}

struct port_pin *fibre_port_pin(void)
{
	return &thread_of(current())->pin;
}

uint64_t fibre_now_ns(void)
{
	return ++now.now_ns;
}

void fibre_time_is(uint64_t at_least_ns)
{
	if (now.now_ns < at_least_ns)
		now.now_ns = at_least_ns;
}

int32_t *fibre_cpu(uint32_t word)
{
	return &thread_of(current())->cpu[word];
}

static char *thread_pointer(void)
{
#if defined(__x86_64__)
	char *p;
	__asm__("movq %%fs:0, %0" : "=r"(p));
	return p;
#else
	return (char *)__builtin_thread_pointer();
#endif
}

intptr_t fibre_cpu_distance(uint32_t word)
{
	return (char *)&words.cpu[word] - thread_pointer();
}
