/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * percpu.h - arrays with a slot for every processor, that grow while they are read.
 *
 * Address space for every processor there could ever be is reserved once; a slot is base + cpu * stride, its pages
 * are touched and its constructor has run before anybody can reach it. So a slot never moves, growth copies and
 * frees nothing, and a reader needs no section, no fence and no read-modify-write.
 *
 * A thread that runs on a processor the engine has not announced reaches the fallback slot: one more slot, owned by
 * no processor and made with the array (S-035). Several threads may be there at once, so what they change in it must
 * be changed atomically.
 */
#ifndef DHP_PERCPU_H
#define DHP_PERCPU_H

#include <dhp/base.h>
#include <dhp/partition.h>

#ifdef __KERNEL__
#include <linux/smp.h>
#define DHP_KERNEL_HERE 0   /* in the place of a distance: the cpu that runs this */
#define DHP_KERNEL_WORKER 2 /* likewise: the cpu for which the calling worker works */
uint32_t dhp_kernel_worker_cpu(void);
#endif

struct dhp_engine;

/* Instructions that the compiler does not see into, where there are some and no race detector has to see them. */
#if defined(__x86_64__) && defined(__LP64__) && !defined(__SANITIZE_THREAD__) && !defined(__KERNEL__)
#define DHP_INLINE_ASM 1
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef DHP_INLINE_ASM
#endif
#endif
#endif

#ifdef DHP_INLINE_ASM
/*
 * The frame of an rseq section, for dhp_counter_add and others. Operands: [word], and a register to begin with. From 2 to 3 it runs
 * without interruption on one processor, or again from 5: the kernel sends a thread that it found interrupted there to the
 * abort address 4, which the signature 0x53053053 in front marks as one. So the body begins by reading the cpu, which need not
 * be compared. The kernel's area: cpu id at the word, pointer to the section's descriptor four bytes on.
 *
 * The kernel reads that pointer at any later preemption. Code that may be in a plugin, which may have been unloaded by then,
 * clears it; a program's own code is there as long as the program.
 */
#define DHP_SECTION_BEGIN(at)                                                                                          \
	".pushsection __rseq_cs, \"aw?\"\n\t" /* "?": goes with its function, also an inline one of C++ */              \
	".balign 32\n\t"                                                                                               \
	"1: .long 0, 0\n\t"                                                                                            \
	".quad 2f, 3f - 2f, 4f\n\t"                                                                                    \
	".popsection\n\t"                                                                                              \
	"5: leaq 1b(%%rip), " at "\n\t"                                                                                \
	"movq " at ", %%fs:4(%[word])\n\t"                                                                             \
	"2: "
#define DHP_SECTION_END "3: " DHP_SECTION_CLEAR DHP_SECTION_ABORT
#define DHP_SECTION_ABORT                                                                                              \
	".pushsection __rseq_failure, \"ax?\"\n\t"                                                                     \
	".byte 0x0f, 0xb9, 0x3d\n\t"                                                                                   \
	".long 0x53053053\n\t"                                                                                         \
	"4: jmp 5b\n\t"                                                                                                \
	".popsection\n\t"
#if defined(__PIC__) && !defined(__PIE__)
#define DHP_SECTION_CLEAR "movq $0, %%fs:4(%[word])\n\t"
#else
#define DHP_SECTION_CLEAR
#endif
#endif

enum dhp_placement {
	/* Slots close together, at least two lines apart: quickest to walk. A page is shared by neighbours. */
	DHP_PLACE_DENSE = 0,
	/* Each slot on pages of its own, taken from the processor's NUMA node if it has room and the program no memory policy. */
	DHP_PLACE_NODE = 1
};

/*
 * Makes one slot. processor is NULL for the fallback slot. The slot is zeroed. A failing status vetoes the arrival
 * (or the creation of the array) and is what the caller of that sees. In an arrival all slots are made before anybody
 * hears of Start.
 *
 * Level     passive
 */
typedef enum dhp_status dhp_slot_construct(void *slot, const struct dhp_processor *processor, void *context);

/* Undoes dhp_slot_construct; called once for each slot that was constructed. Level: passive. */
typedef void dhp_slot_destruct(void *slot, const struct dhp_processor *processor, void *context);

/* Sees one slot; processor is NULL for the fallback slot. Level: that of the caller of dhp_percpu_each. */
typedef void dhp_slot_visit(void *slot, const struct dhp_processor *processor, void *context);

struct dhp_percpu_options {
	size_t size;                /* sizeof(struct dhp_percpu_options) */
	size_t slot_bytes;          /* 1 to 1 MiB */
	size_t slot_alignment;      /* power of two up to 4096; 0: two cache lines */
	uint32_t placement;         /* enum dhp_placement */
	uint32_t flags;             /* none yet: 0 */
	dhp_slot_construct *construct; /* NULL: a zeroed slot is ready */
	dhp_slot_destruct *destruct;   /* NULL: nothing to undo */
	void *context;
};

/*
 * What a reader needs, and nothing else of the array, is public: a call for each read would cost more than the read.
 * Constant from creation to destruction. Do not write it; use the functions.
 */
struct dhp_percpu {
	unsigned char *base;      /* slot of cpu c: base + c * stride */
	const uint8_t *announced; /* one byte a cpu id, 65536 of them; non-zero: the slot is ready */
	intptr_t cpu_word;        /* where a thread finds its cpu id (32 bits), counted from its thread pointer */
	uint32_t stride;
	uint32_t restartable; /* that word is the kernel's: rseq sections work */
	intptr_t worker_word; /* where a worker finds the cpu id of its processor; negative in other threads */
};

DHP_BEGIN_DECLS

/*
 * dhp_percpu_create - an array with a slot for every processor, present and to come.
 *
 * Level     passive, not from a notification callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    construction of every slot happens before its first use [slot-publish]
 * Lifetime  until dhp_percpu_destroy; context must live as long
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_OPTIONS, DHP_BAD_SIZE, DHP_BAD_ALIGNMENT, DHP_BAD_FLAGS, DHP_BAD_RESULT;
 *           DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL, or what a constructor returned
 */
DHP_API enum dhp_status dhp_percpu_create(struct dhp_engine *engine, const struct dhp_percpu_options *options,
					  struct dhp_percpu **out_array);

/*
 * dhp_percpu_destroy - destruct every slot and release the array.
 *
 * Waits for a grace period first: a DPC, or a reader in a section, may go on using a slot that it has. NULL is
 * accepted.
 *
 * Level     passive, not from a notification callback, not in a section
 * Blocks    for a grace period, and while a processor arrives
 * Progress  blocking
 * Orders    every section that could hold a slot happens before the destructors
 * Lifetime  the array is gone at the return
 * Returns   DHP_OK, DHP_IN_CALLBACK, DHP_IN_SECTION, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_percpu_destroy(struct dhp_percpu *array);

/*
 * dhp_percpu_at - the slot of the processor with this index.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    the slot's construction happens before the return [slot-publish]
 * Lifetime  as long as the array; the address never changes
 * Returns   the slot; NULL for an index that is not active. During Start and in the constructors of later arrays
 *           the slot of the processor being added is not reachable yet.
 */
DHP_API void *dhp_percpu_at(const struct dhp_percpu *array, uint32_t index);

/*
 * dhp_percpu_fallback - the slot that belongs to no processor.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    nothing
 * Lifetime  as long as the array
 * Returns   never NULL
 */
DHP_API void *dhp_percpu_fallback(const struct dhp_percpu *array);

/*
 * dhp_percpu_each - visit the fallback slot and then, by ascending index, every slot that is active now.
 *
 * Which slots are visited is decided once, at the start: those of the generation stored in out_generation (which may
 * be NULL). Owners go on changing their slots meanwhile.
 *
 * Level     any
 * Blocks    never by itself
 * Progress  lock-free by itself: the count is read as by dhp_counts_read
 * Orders    as dhp_percpu_at
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_CALLBACK
 */
DHP_API enum dhp_status dhp_percpu_each(const struct dhp_percpu *array, dhp_slot_visit *visit, void *context,
					uint64_t *out_generation);

/*
 * The rare half of dhp_percpu_here: no rseq, or a processor that is not announced. Same contract. Pure: it changes
 * nothing, so that the compiler need not read the array's constants again for the common half.
 */
DHP_API void *dhp_percpu_here_slow(const struct dhp_percpu *array) __attribute__((pure));

/*
 * dhp_cpu_word_read - the 32 bits at a distance from the thread pointer. For dhp_percpu_here.
 *
 * volatile: the thread may have been moved since the last look.
 */
static inline uint32_t dhp_cpu_word_read(intptr_t cpu_word)
{
#if defined(__KERNEL__)
	if (cpu_word == DHP_KERNEL_HERE)
		return (uint32_t)raw_smp_processor_id();
	return cpu_word == DHP_KERNEL_WORKER ? dhp_kernel_worker_cpu() : DHP_NO_CPU;
#elif defined(__x86_64__)
	uint32_t cpu;
	__asm__ __volatile__("movl %%fs:(%1), %0" : "=r"(cpu) : "r"(cpu_word));
	return cpu;
#else
	return *(const volatile uint32_t *)((const char *)__builtin_thread_pointer() + cpu_word);
#endif
}

/* Its lower 16 bits, in one instruction where there is one. */
static inline size_t dhp_cpu_word_low(intptr_t cpu_word)
{
#if defined(__x86_64__) && !defined(__KERNEL__)
	size_t cpu;
	__asm__ __volatile__("movzwl %%fs:(%1), %k0" : "=r"(cpu) : "r"(cpu_word));
	return cpu;
#else
	return (uint16_t)dhp_cpu_word_read(cpu_word);
#endif
}

/*
 * dhp_cpu_announced - look at a cpu's byte; what follows may use *slot. For dhp_percpu_here.
 *
 * The acquire half of slot-publish. On x86-64 every load acquires, so that only the compiler must be told, and only of
 * *slot: an acquire load in C would have it read the array's constants again for each slot.
 */
static inline int dhp_cpu_announced(const uint8_t *announced, unsigned char **slot)
{
#ifdef DHP_INLINE_ASM
	uint32_t byte;
	__asm__ __volatile__("movzbl %2, %0" : "=r"(byte), "+r"(*slot) : "m"(*announced));
	return byte != 0;
#else
	(void)slot;
	return __atomic_load_n(announced, __ATOMIC_ACQUIRE) != 0;
#endif
}

/*
 * The cpu whose slot the caller gets, or none. For dhp_percpu_here.
 *
 * A worker reads one word as any other thread does, but its own: the system may move it while a routine runs, when its cpu
 * goes offline or leaves the cpuset.
 */
static inline uint32_t dhp_percpu_cpu_here(const struct dhp_percpu *array)
{
	uint32_t cpu = dhp_cpu_word_read(array->worker_word);

	return (int32_t)cpu >= 0 ? cpu : dhp_cpu_word_read(array->cpu_word);
}

/*
 * dhp_percpu_here - the slot of the processor on which the caller runs.
 *
 * In a DPC that is the processor whose queue it came from or was stolen by, for the whole routine and also if the system
 * moves the thread meanwhile (S-006): no other routine has the slot at the same time. Stable in a pinned thread too;
 * elsewhere the caller may be moved at any time, so that another thread may use the slot at once.
 *
 * Level     any
 * Blocks    never
 * Progress  wait-free
 * Orders    the slot's construction happens before the return [slot-publish]
 * Lifetime  as long as the array
 * Returns   never NULL: the fallback slot on a processor that is not announced (S-035)
 */
static inline void *dhp_percpu_here(const struct dhp_percpu *array)
{
	/* 16 bits: a cpu id is below 65534, and "none" (-1, -2) becomes an id that is never announced. */
	size_t own = dhp_cpu_word_read(array->worker_word), here = dhp_cpu_word_low(array->cpu_word);
	size_t cpu = (int32_t)own >= 0 ? own : here; /* both are read: cheaper than a jump for one of the two */
	unsigned char *slot = array->base + cpu * array->stride;

	if (__builtin_expect(dhp_cpu_announced(&array->announced[cpu], &slot), 1))
		return slot;
	return dhp_percpu_here_slow(array);
}

DHP_END_DECLS

#endif
