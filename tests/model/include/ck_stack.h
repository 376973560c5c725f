/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck_stack.h - as much of Concurrency Kit's stack as the engine uses: a push is a release, and to take all is an acquire.
 */
#ifndef MODEL_CK_STACK_H
#define MODEL_CK_STACK_H

#include <stddef.h>

#include "atomic.h"

struct ck_stack_entry {
	struct ck_stack_entry *next;
};
typedef struct ck_stack_entry ck_stack_entry_t;

struct ck_stack {
	struct at_ptr head;
};
typedef struct ck_stack ck_stack_t;

#define CK_STACK_CONTAINER(type, member, name)                                                                \
	static inline type *name(ck_stack_entry_t *entry)                                                     \
	{                                                                                                     \
		return (type *)((char *)entry - offsetof(type, member));                                      \
	}

static inline void ck_stack_init(struct ck_stack *stack)
{
	at_init_ptr(&stack->head, NULL);
}

static inline void ck_stack_push_upmc(struct ck_stack *stack, struct ck_stack_entry *entry)
{
	void *head = at_load_relaxed_ptr(&stack->head);

	do
		entry->next = head;
	while (!at_cas_release_ptr(&stack->head, &head, entry));
}

static inline struct ck_stack_entry *ck_stack_batch_pop_upmc(struct ck_stack *stack)
{
	return at_exchange_acquire_ptr(&stack->head, NULL);
}

#endif
