/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibre.h - a run of a small program all of whose threads are fibres, each step of which somebody chooses. See fibre.c.
 */
#ifndef DHPI_FIBRE_H
#define DHPI_FIBRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fibre_atomic.h"

#define FIBRE_LIMIT 26u     /* as many as there are letters to write a schedule with */
#define FIBRE_STEPS 100000u /* of one run, at most */
#define FIBRE_NONE UINT32_MAX

enum fibre_kind {
	FIBRE_LOAD,
	FIBRE_STORE,  /* or may store */
	FIBRE_FREE,   /* of memory: as if all of it were stored to */
	FIBRE_LOCK,
	FIBRE_UNLOCK,
	FIBRE_WAIT,   /* until a 32-bit word is not `ticket` */
	FIBRE_JOIN,   /* until another fibre has ended */
	FIBRE_PAUSE,  /* in a loop that waits for another fibre */
	FIBRE_BEGIN,
	FIBRE_END
};

/* What a fibre is about to do. */
struct fibre_op {
	enum fibre_kind kind;
	const char *name;
	const void *where; /* in the program */
	uintptr_t at;      /* what it reads or writes; `bytes` 0: nothing that others can see */
	size_t bytes;
	uint32_t ticket;
	uint64_t until_ns; /* FIBRE_WAIT, FIBRE_PAUSE: then it goes on anyhow; 0: never */
};

struct fibre_event {
	uint32_t fibre;
	struct fibre_op op;
};

/* What a choice can be made from: sets of fibres, bit by bit. */
struct fibre_choice {
	uint32_t step;
	uint32_t last;   /* who made the last step; FIBRE_NONE: nobody yet */
	uint32_t ready;  /* can make a step. When nobody can, the one whose time comes first */
	uint32_t timed;  /* could if time passed; never empty sets both */
	uint32_t paused; /* of `ready`: in a pause */
};

/* Gives a member of ready or timed, or FIBRE_NONE: the rest of this run is of no interest. */
typedef uint32_t fibre_chooser(void *context, const struct fibre_choice *choice);

enum fibre_outcome { FIBRE_PASSED, FIBRE_FAILED, FIBRE_ABANDONED };

/* Runs the program from its beginning, as fibre 0, until all fibres have ended. */
enum fibre_outcome fibre_run(void (*program)(void), fibre_chooser *chooser, void *context);
/* Of the last run, also inside of a chooser: its steps, why it failed; what a fibre does next, how it is called. */
const struct fibre_event *fibre_trace(uint32_t *out_steps);
const char *fibre_why(void);
uint32_t fibre_quiet_since(void); /* the step from which on nothing but time passed */
const struct fibre_op *fibre_next_op(uint32_t fibre);
const char *fibre_name(uint32_t fibre);
uint32_t fibre_parent(uint32_t fibre); /* FIBRE_NONE: it has none */
uint32_t fibre_interrupted(uint32_t fibre); /* by this one; FIBRE_NONE: none */
/* Clocks: the step at which the fibre was woken last by another's store; FIBRE_NONE: it was not. */
uint32_t fibre_woken_at(uint32_t fibre);
/* A number of the memory block, and the offset in it: the same in each run. */
bool fibre_block_of(uintptr_t at, uint32_t *out_block, size_t *out_offset);

/* For programs. */
uint32_t fibre_start(void (*run)(void *), void *argument, const char *name);
/* A signal handler: begins at any moment of that fibre, which stands still until it has ended. */
uint32_t fibre_start_handler(void (*run)(void *), void *argument, const char *name, uint32_t interrupted);
void fibre_join(uint32_t fibre);
uint32_t fibre_self(void);
bool fibre_ended(uint32_t fibre);
_Noreturn void fibre_fail(const char *why);
/* Accesses there are no steps: statistics, of which nothing depends. */
void fibre_ignore(const void *at, size_t bytes);

#define FIBRE_DEMAND(condition)                                                                               \
	do {                                                                                                  \
		if (!(condition))                                                                             \
			fibre_fail(#condition);                                                               \
	} while (0)

/* For the port. */
struct port_self;
struct port_pin;
struct port_self *fibre_port_self(void);
struct port_pin *fibre_port_pin(void);
void fibre_point(const struct fibre_op *op);
void fibre_changed(uintptr_t at, size_t bytes);
void fibre_goes_on(void); /* it has done something that it does not undo: no loop in vain */
bool fibre_on(void); /* a fibre runs, not its surroundings */
uint64_t fibre_now_ns(void);
void fibre_time_is(uint64_t at_least_ns);
intptr_t fibre_cpu_distance(uint32_t word); /* 0 pretended, 1 worked for, 2 none */
int32_t *fibre_cpu(uint32_t word);

/* memory_fibre.c */
void fibre_memory_reset(void);
bool fibre_memory_is_free(uintptr_t at);
bool fibre_memory_leaks(void);

#endif
