/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stepper.h - a thread that runs a function instruction by instruction, and stands still where it is told to.
 *
 * The processor's trap flag raises SIGTRAP behind each instruction; the handler counts, and at the chosen one it waits. So a
 * thread is stopped at any point of any call, the C library's part of it included, as if the system had taken its processor
 * away. x86-64 only. A restartable sequence is never left that way: it begins again with each trap (engines that are simulated
 * have none).
 */
#ifndef TESTS_STEPPER_H
#define TESTS_STEPPER_H

#include "support.h"

#if defined(__x86_64__) && !UNDER_TSAN
#define CAN_STEP 1
#else
#define CAN_STEP 0
#endif

struct stepped {
	bool stopped;         /* it came that far */
	uint64_t steps;       /* instructions so far; of all when it did not */
	uintptr_t address;    /* where it stands */
};

/* One for each program. They assert. */
void stepper_start(void);
void stepper_end(void);

/* Runs there, without steps, and waits for the end. */
void stepper_run(void (*function)(void *argument), void *argument);
/*
 * Begins to run, and gives where it stands: in front of the nth instruction, from 1; ours_only: of those in this program, not
 * in a library. Or it has ended before.
 */
struct stepped stepper_stop_at(void (*function)(void *argument), void *argument, uint64_t nth, bool ours_only);
/* So many instructions more, and stops again. */
struct stepped stepper_next(uint64_t more);
/* On to the end. */
void stepper_release(void);

/* In any thread: from the return of the function that calls on, as above; it stands still until stepper_release. */
void stepper_arm_here(uint64_t nth);
/* It goes on, and has no end that could be waited for. */
void stepper_let_go(void);
/* Whether it stands, and where. */
struct stepped stepper_look(void);

/* From now on a hang ends the program, and says so with these words. */
void stepper_watch(const char *what, const char *name);

#endif
