/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.h - on which cpu a thread runs, a machine whose files speak of one cpu only, and a thread without restartable sequences.
 */
#ifndef TESTS_MACHINE_H
#define TESTS_MACHINE_H

#include "support.h"
#include "tree.h"

#include <sched.h>

/* The last one; 0: an empty set. */
uint32_t largest_cpu(const cpu_set_t *set);
/* Asserts. */
void go_to_cpu(uint32_t cpu);
/*
 * To any cpu of `all`, where the caller may run: when the thread has ended the C library moves the caller, which is taken back.
 * Asserts.
 */
void move_thread(pthread_t thread, const cpu_set_t *all, uint64_t *dice);

/* The machine backend on a tree that is made for it: it knows cpu 0, whatever else there is. Asserts; see tree_remove. */
struct dhp_engine *make_machine_of_cpu_0(struct tree *tree, uint32_t flags);

/* Of the calling thread, for good. false: the kernel refuses. */
bool end_sequences(void);

#endif
