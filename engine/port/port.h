/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * port.h - everything the engine asks of the environment it runs in.
 *
 * A port is where we run; it is chosen when linking. (A backend, partition/backend.h, is where processors come from; it
 * is chosen at run time.) The algorithms see this header and atomic.h and nothing else of the system.
 */
#ifndef DHPI_PORT_H
#define DHPI_PORT_H

#include "atomic.h"
#include "base.h"
#include "port_types.h" /* struct port_thread, port_mutex, port_event: chosen with the port */

/* ---- the calling thread ---- */

/*
 * One for each thread, made of zeros. `worker` is set by the engine in the threads it made.
 */
struct port_self {
	void *worker;           /* the queue whose worker this is; NULL in other threads */
	uint32_t dispatch;      /* above zero: inside a DPC routine at dispatch level, or raised to it */
	uint32_t threaded;      /* above zero: inside a threaded DPC routine */
	uint32_t sections;      /* open epoch sections of explicit readers; a check only */
	uint32_t apc;           /* above zero: raised to the level between passive and dispatch */
	void *object;           /* what a layer above says this thread is; NULL: nothing */
	int32_t priority;       /* kept for a layer above */
	uint32_t error;         /* likewise */
	const void *call;       /* the call on all processors whose function runs here; NULL: none */
	void *trail[8];         /* what it pushed last, of a chain the first, in a ring; for prefetches */
	uint32_t trail_next;
	bool pushed_alone;      /* its last push found an empty inbox: so may the next */
	struct at_ptr waits_for; /* without limit: the record or object of a thread that must go on first; NULL: none known */
};

/* A port may have it in its port_types.h, static and inline. */
struct port_self *port_self(void);

/* Where a thread finds the cpu on which it runs. */
struct port_cpu_word {
	intptr_t distance;    /* from the thread pointer to 32 bits: the cpu id, or -1, -2 for none */
	uint32_t restartable; /* kept by the kernel: rseq sections work */
	bool ask;             /* where the word says none, port_cpu_ask knows */
	uint32_t limit;       /* above every cpu id that the word can say; 0: those of the backend are all */
	intptr_t worker_distance; /* to what port_cpu_stand_for has set; simulated: to the same word as `distance` */
	intptr_t none;        /* such a word that says none for ever; the eight bytes behind it may be written */
};

/* simulated: the word that port_cpu_pretend sets, otherwise the machine's, if it has one. */
struct port_cpu_word port_cpu_word(bool simulated);

/* For machines without such a word: the cpu, by asking the system. */
uint32_t port_cpu_ask(void);

/* The calling thread works for this cpu from now on, wherever the system runs it. Without the call: -1. */
void port_cpu_stand_for(int32_t cpu);

/*
 * Aborts what is in the middle of an rseq section, in any thread of the process: at the return it has begun again, or will. The
 * first prepares for it, passive level, once or more. false: the system cannot.
 */
bool port_sequences_abort_open(void);
bool port_sequences_abort(void);

/* In one sequence: the caller is on that cpu, finds `expected` there, and stores. false: it is elsewhere, or finds another word. */
bool port_sequence_store(uint32_t cpu, const struct at_u64 *there, uint64_t expected, struct at_u64 *to, uint64_t value);

/* Sets the calling thread's simulated cpu; -1: none. */
void port_cpu_pretend(int32_t cpu);
int32_t port_cpu_pretended(void);

/* ---- the calling thread's affinity: passive level ---- */

#define PORT_AFFINITY_CPUS 8192u

struct port_affinity {
	uint64_t words[PORT_AFFINITY_CPUS / 64];
};

/* false: the system does not say, or knows of more cpus than fit. */
bool port_affinity_read(struct port_affinity *out_affinity);
/* At the return the thread runs on one of them. false: refused, nothing changed. */
bool port_affinity_write(const struct port_affinity *affinity);

/* ---- the pin of any thread of this process, by its id: passive level ---- */

/* Of the calling thread; never 0. Given anew to another thread after the end of this one. */
int32_t port_thread_id(void);

enum port_pinned {
	PORT_PINNED,     /* to that cpu and no other */
	PORT_NOT_PINNED,
	PORT_NO_THREAD   /* no thread has this id */
};

enum port_pinned port_pin_look(int32_t thread, uint32_t cpu);
/* false: the system refuses. */
bool port_pin_write(int32_t thread, uint32_t cpu);

/* From begin to end, by one thread; the end of the thread ends it too, and others can see that. */
bool port_life_begin(struct port_life *life); /* false: the system cannot */
void port_life_end(struct port_life *life);
/* By one thread at a time. false: the thread has ended, and port_life_bury is due. */
bool port_life_goes_on(struct port_life *life);
void port_life_bury(struct port_life *life);

/* A system affinity, from the first set to the last revert. One for each thread, made of zeros; the engine's to use. */
struct port_pin {
	const void *owner;         /* NULL: the thread has the user's affinity */
	void *several;             /* what was set over several groups; NULL: `mask` of `group` */
	uint64_t mask;             /* of `group`: what was set */
	uint32_t group;
	bool simulated;
	int32_t user_cpu;          /* simulated: what was pretended before */
	int32_t set_cpu;           /* simulated: what is pretended since */
	void *kept;                /* what keeps this thread on a processor, see partition/pins.c; NULL: nothing */
	struct port_affinity before_kept; /* what it was before that */
	int32_t before_kept_cpu;          /* simulated: likewise */
	struct port_affinity user; /* otherwise: what it was before, or what the user made of it since */
	struct port_affinity set;  /* otherwise: what the system made of ours */
};

struct port_pin *port_pin(void);

/* ---- memory: passive level ---- */

void *port_alloc(size_t bytes); /* zeroed, aligned to DHP_LINE_PAIR_BYTES; NULL when there is none */
void port_free(void *p, size_t bytes);

/* At dispatch level too. Not zeroed, aligned to 16 bytes; NULL when there is none. */
void *port_block_alloc(size_t bytes);
void port_block_free(void *p);

/* Address space that costs nothing until it is touched, zeroed. Readable and writable at once; never moves. */
void *port_reserve(size_t bytes);
void port_unreserve(void *p, size_t bytes);

/* Makes these bytes resident, on the node if the port can. false: no memory. Nobody else uses them yet or cares. */
bool port_touch(void *p, size_t bytes, uint32_t node);
size_t port_page_bytes(void);

/* ---- threads: passive level ---- */

#define PORT_ANY_CPU UINT32_MAX

/*
 * cpu: pinned there from its first instruction. stack_bytes: at least; 0: what the system gives any thread. Gives
 * DHP_NO_THREAD, DHP_NO_AFFINITY or DHP_NO_MEMORY.
 */
enum dhp_status port_thread_start(struct port_thread *thread, void (*run)(void *), void *argument, uint32_t cpu,
				  size_t stack_bytes, const char *name);
void port_thread_join(struct port_thread *thread);

/* ---- a lock of passive level; knows its owner ---- */

void port_mutex_init(struct port_mutex *mutex);
void port_mutex_fini(struct port_mutex *mutex);
void port_mutex_lock(struct port_mutex *mutex);
void port_mutex_unlock(struct port_mutex *mutex);
bool port_mutex_mine(struct port_mutex *mutex);
/* That thread counts as the holder from now on. The one that locked it waits meanwhile, and gets it back to unlock it. */
void port_mutex_hand_to(struct port_mutex *mutex, struct port_self *holder);

/* ---- event count: sleep until something was signalled after the ticket was taken ---- */

void port_event_init(struct port_event *event);
uint32_t port_event_ticket(struct port_event *event);
/* Async-signal-safe. Gives true when a system call was made. */
bool port_event_signal(struct port_event *event);
/*
 * The same, and the system call in any case: for who knows of a sleeper, and that another who signals may be stopped. true:
 * somebody slept whom nobody had roused yet; several at once may each say so.
 */
bool port_event_rouse(struct port_event *event);
/* limit_ns: longest sleep; 0: no limit. May return early. */
void port_event_wait(struct port_event *event, uint32_t ticket, uint64_t limit_ns);

/* ---- a level that the outside can poll: not by itself safe against several threads ---- */

/* false: the system refuses. Not set at first. */
bool port_latch_open(struct port_latch *latch);
void port_latch_close(struct port_latch *latch);
void port_latch_set(struct port_latch *latch, bool level);
/* A file descriptor, readable while the level is set; can be polled only. */
int port_latch_file(const struct port_latch *latch);

/* ---- text for people ---- */

void port_write(const char *text, size_t bytes); /* to the standard error; may be lost */

/* ---- time ---- */

uint64_t port_now_ns(void); /* monotonic */
void port_sleep_ns(uint64_t ns);
void port_relax(void); /* one pause in a spin */
/*
 * In port_types.h, static and inline: void port_prefetch_write(const void *p), the line will be written, and
 * void port_prefetch_read(const void *p), it will be read; any address, or none, because nothing is read now.
 */
void port_yield(void); /* let another thread run */

/*
 * In port_types.h: void port_hold_begin(void) and void port_hold_end(void), around what runs under a spin lock: a few
 * instructions to a few per object. Where the caller can be interrupted by one that spins for the same lock and would never let
 * it go on, nobody interrupts it there; elsewhere nothing. They nest.
 */

uint64_t port_wall_ns(void); /* since 1970; may be set to anything at any moment */

/* ---- alarm: one thread sleeps until a time, a signal, or a change of the wall clock ---- */

/* DHP_NO_MEMORY: the system has no descriptor left. */
enum dhp_status port_alarm_open(struct port_alarm *alarm);
void port_alarm_close(struct port_alarm *alarm); /* also one that was not opened, if it is made of zeros */
/* Async-signal-safe. A signal that comes while nobody waits ends the next wait. */
void port_alarm_signal(struct port_alarm *alarm);
/* until_ns: monotonic; UINT64_MAX: no time. May return early. Where the system cannot tell, a set clock does not end it. */
void port_alarm_wait(struct port_alarm *alarm, uint64_t until_ns);

#endif
