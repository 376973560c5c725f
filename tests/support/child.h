/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h - a process of its own for a story about affinity: the child has the engine, the parent changes the child's
 * world from outside.
 *
 * The child may not use cmocka's asserts (they would go on with the parent's tests): it requires, and its exit status says
 * which line was not satisfied.
 */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

#include "support.h"

#include <sys/types.h>

struct child {
	pid_t pid;
	uint64_t *words; /* shared with the child: 64 of them, zero at the start */
};

#define require(condition) require_at((condition), #condition, __FILE__, __LINE__)
#define require_ok(call) require_at((call) == DHP_OK, #call, __FILE__, __LINE__)

/* In the child: says what was wrong and ends the process. */
void require_at(bool condition, const char *what, const char *file, int line);

/* Asserts. In the child `run` is called, and the process ends when it returns. Call it before this process has threads. */
void child_start(struct child *child, void (*run)(uint64_t *words, void *argument), void *argument);
/* Waits for the end and asserts that nothing was wrong. */
void child_end(struct child *child);

/* The child has come that far; false if it has ended instead. */
bool child_reached(struct child *child, uint32_t word, uint64_t at_least);

/* The cpus this process may use; asserts that there is one. */
uint32_t usable_cpus(uint32_t *cpus, uint32_t capacity);
/* Confines a thread or process (0: the caller) to these; false: not permitted. */
bool confine(pid_t thread, const uint32_t *cpus, uint32_t count);

#endif
