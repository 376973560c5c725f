/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu_posix.c - which thread is this, and on which cpu.
 *
 * Problem   a reader must learn its cpu in one load, whether the processor is real or simulated.
 * Idea      both are a 32-bit word at a constant distance from the thread pointer: the kernel's restartable-sequences
 *           area, which the C library registers for every thread, or a variable of ours. An array keeps the distance
 *           and need not know which it is.
 *           A worker has a third word that says for which cpu it works: the kernel's changes when it moves the thread.
 * Not       a place for other thread-local state: that is struct port_self, and the engine's algorithms get it
 *           through the port only.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include <dhp/percpu.h>

#include "port.h"

#define FIXED_DISTANCE __attribute__((tls_model("initial-exec")))

_Thread_local struct port_self port_self_of_thread;
static _Thread_local int32_t pretended_cpu FIXED_DISTANCE = -1;
static _Thread_local int32_t worker_cpu FIXED_DISTANCE = -1;

/* Laid out like the kernel's area, for inline code that need not ask whether there is one. */
static _Thread_local struct {
	int32_t cpu;
	int32_t section[2];
} no_area FIXED_DISTANCE = { .cpu = -1 };

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

/* ThreadSanitizer cannot see inside a restartable sequence, so there we have none and use atomics. Ours are of x86-64. */
static bool restartable_sequences_visible(void)
{
#if defined(__SANITIZE_THREAD__) || !defined(__x86_64__) || !defined(__LP64__)
	return false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return false;
#endif
#endif
	return true;
}

/* What the kernel was made for, whatever the files say that a container shows: the size of its masks. */
static uint32_t kernels_limit(void)
{
	unsigned long mask[DHP_CPU_LIMIT / 8 / sizeof(unsigned long)];
	long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);

	return bytes > 0 ? 8 * (uint32_t)bytes : DHP_CPU_LIMIT;
}

struct port_cpu_word port_cpu_word(bool simulated)
{
	struct port_cpu_word word = { .distance = (char *)&pretended_cpu - thread_pointer(), .ask = !simulated,
		.none = (char *)&no_area.cpu - thread_pointer() };
	const struct rseq *area = (const struct rseq *)(void *)(thread_pointer() + __rseq_offset);

	word.worker_distance = simulated ? word.distance : (char *)&worker_cpu - thread_pointer();
	/* Registration fails under some emulators and tools, and can be switched off: then cpu_id is negative. */
	if (!simulated && __rseq_size != 0 && (int32_t)area->cpu_id >= 0) {
		word.distance = (const char *)&area->cpu_id - thread_pointer();
		word.restartable = restartable_sequences_visible();
		word.limit = kernels_limit();
	}
	return word;
}

bool port_sequences_abort_open(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0;
}

bool port_sequences_abort(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0;
}

bool port_sequence_store(uint32_t cpu, const struct at_u64 *there, uint64_t expected, struct at_u64 *to, uint64_t value)
{
	uint32_t stored = 0;
#ifdef DHP_INLINE_ASM
	uint64_t at;

	__asm__ __volatile__(DHP_SECTION_BEGIN("%[at]")
			     "xorl %[stored], %[stored]\n\t"
			     "cmpl %[cpu], %%fs:(%[word])\n\t"
			     "jne 3f\n\t"
			     "cmpq %[expected], (%[there])\n\t"
			     "jne 3f\n\t"
			     "movl $1, %[stored]\n\t"
			     "movq %[value], (%[to])\n\t" DHP_SECTION_END
			     : [at] "=&r"(at), [stored] "=&r"(stored)
			     : [word] "r"(__rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id)), [cpu] "r"(cpu),
			       [there] "r"(there), [expected] "r"(expected), [to] "r"(to), [value] "r"(value)
			     : "memory", "cc");
#else
	(void)cpu;
	(void)there;
	(void)expected;
	(void)to;
	(void)value;
#endif
	return stored != 0;
}

uint32_t port_cpu_ask(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? DHP_NO_CPU : (uint32_t)cpu;
}

void port_cpu_stand_for(int32_t cpu)
{
	worker_cpu = cpu;
}

void port_cpu_pretend(int32_t cpu)
{
	pretended_cpu = cpu;
}

int32_t port_cpu_pretended(void)
{
	return pretended_cpu;
}
