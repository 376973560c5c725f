/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * switch_fibre.h - from one stack to another. By hand where that is written, since swapcontext makes two system calls.
 */
#ifndef DHPI_SWITCH_FIBRE_H
#define DHPI_SWITCH_FIBRE_H

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES ((size_t)512 << 10)
#else
#define STACK_BYTES ((size_t)128 << 10)
#endif

struct stack {
	void *pointer;       /* of a stack that does not run */
	ucontext_t context;  /* instead, where it is not written by hand */
	const void *bottom;  /* for AddressSanitizer */
	size_t bytes;
};

#if defined(__x86_64__)
/* Callee-saved registers on the stack; its address where the first argument says; the other one's back. */
void fibre_jump(void **from, void *to);
__asm__(".text\n"
	".hidden fibre_jump\n"
	".globl fibre_jump\n"
	".type fibre_jump, @function\n"
	"fibre_jump:\n\t"
	"pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
	"movq %rsp, (%rdi)\n\t"
	"movq %rsi, %rsp\n\t"
	"popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\t"
	"ret\n"
	".size fibre_jump, . - fibre_jump\n");
#endif

static inline void stack_make(struct stack *stack, char *bottom, void (*entry)(void))
{
	stack->bottom = bottom;
	stack->bytes = STACK_BYTES;
#if defined(__x86_64__)
	/* As if called: six registers, where to go, and no return. */
	uintptr_t *top = (uintptr_t *)(void *)(bottom + STACK_BYTES) - 10;

	for (int i = 0; i < 10; i++)
		top[i] = 0;
	top[6] = (uintptr_t)entry;
	stack->pointer = top;
#else
	(void)getcontext(&stack->context);
	stack->context.uc_stack.ss_sp = bottom;
	stack->context.uc_stack.ss_size = STACK_BYTES;
	stack->context.uc_link = NULL;
	makecontext(&stack->context, entry, 0);
#endif
}

/* What a stack does first when it runs. `from` is the one that ran before. */
static inline void stack_arrived(void *kept, struct stack *from)
{
#if defined(__SANITIZE_ADDRESS__)
	const void *bottom;
	size_t bytes;

	__sanitizer_finish_switch_fiber(kept, &bottom, &bytes);
	if (from->bottom == NULL) { /* the program's own */
		from->bottom = bottom;
		from->bytes = bytes;
	}
#else
	(void)kept;
	(void)from;
#endif
}

static inline void stack_switch(struct stack *from, struct stack *to, struct stack **ran_before)
{
	void *kept = NULL;

	*ran_before = from;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&kept, to->bottom, to->bytes);
#endif
#if defined(__x86_64__)
	fibre_jump(&from->pointer, to->pointer);
#else
	(void)swapcontext(&from->context, &to->context);
#endif
	stack_arrived(kept, *ran_before);
}

#endif
