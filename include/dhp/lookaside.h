/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lookaside.h - blocks of one size, kept for the next who wants one.
 *
 * A block that is freed goes into the cache of the processor on which that happens, and is the first to be handed out there
 * (S-701: last in, first out). What a cache has too much goes to a depot that all processors share, and what the depot has
 * too much back to where it came from. A processor that arrives begins with an empty cache (S-705).
 */
#ifndef DHP_LOOKASIDE_H
#define DHP_LOOKASIDE_H

#include <dhp/base.h>
#include <dhp/percpu.h>

struct dhp_engine;

enum dhp_lookaside_flags {
	/* When there is no memory the process ends with a message: dhp_lookaside_allocate never gives NULL. */
	DHP_LOOKASIDE_RAISE = 1u << 0,
	/* The caller's allocate routine gives NULL and does not raise; only with one (S-703). */
	DHP_LOOKASIDE_FAIL_NO_RAISE = 1u << 1
};

/*
 * Makes a block of block_bytes or more; NULL: there is no memory. Aligned to a pointer at least: the cache links blocks
 * through their first word.
 *
 * Level     that of the caller of dhp_lookaside_allocate
 */
typedef void *dhp_block_allocate(size_t bytes, void *context);

/* Takes back what dhp_block_allocate made. Level: that of the caller of dhp_lookaside_free, flush or destroy. */
typedef void dhp_block_free(void *block, size_t bytes, void *context);

/* Zero means the default in every field but the first two. */
struct dhp_lookaside_options {
	size_t size;        /* sizeof(struct dhp_lookaside_options) */
	size_t block_bytes; /* 1 to 1 MiB */
	uint32_t flags;     /* enum dhp_lookaside_flags */
	uint32_t depth;     /* 0: how much is kept is the library's choice (S-702) */
	dhp_block_allocate *allocate; /* both or neither; NULL: the system's memory, aligned to 16 bytes */
	dhp_block_free *free;
	void *context;
};

/* Exact while nobody allocates or frees. */
struct dhp_lookaside_counts {
	uint64_t kept;     /* blocks in caches and depot now */
	uint64_t made;     /* blocks that allocate made, ever */
	uint64_t returned; /* blocks that free took back, ever */
};

/* Most blocks that a processor's cache and the depot keep; a quarter of it of blocks larger than 4096 bytes. */
#define DHP_LOOKASIDE_CACHE_LIMIT 120u
#define DHP_LOOKASIDE_DEPOT_LIMIT 256u

/*
 * What the inline halves need, and nothing else of the list, is public. Do not write it; use the functions.
 *
 * A cache is 1024 bytes, one for each cpu id, at a multiple of 1024. Its blocks are in its end, the newest first:
 *
 *	| 0 | ... | top | room | newest ... oldest |
 *
 * top is the address of the newest, written last by whoever takes or puts a block: a multiple of 1024 says that there is
 * none, the address behind top itself that there is no room. 0 says both: never opened, or the word in front, to which
 * `caches` leads while a flush is at it.
 */
struct dhp_lookaside {
	unsigned char *caches; /* top of cpu 0; two caches in front, for the word's -1 and -2, are closed for ever */
	intptr_t cpu_word;     /* as in struct dhp_percpu; where rseq sections do not work, a word of our own that is always -1 */
	uint32_t restartable;  /* caches are changed in rseq sections, of their own processor only */
};

DHP_BEGIN_DECLS

/*
 * dhp_lookaside_create - a list that keeps nothing yet (S-702).
 *
 * Level     passive, not from a notification callback
 * Blocks    while a processor arrives
 * Progress  blocking
 * Orders    -
 * Lifetime  until dhp_lookaside_destroy; context must live as long
 * Returns   DHP_OK; DHP_BAD_ENGINE, DHP_BAD_OPTIONS, DHP_BAD_SIZE, DHP_BAD_DEPTH, DHP_BAD_CALLBACK (one of the two
 *           routines without the other), DHP_BAD_FLAGS (an undefined bit, both flags, or FAIL_NO_RAISE without a
 *           routine), DHP_BAD_RESULT; DHP_NO_MEMORY, DHP_IN_CALLBACK, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_lookaside_create(struct dhp_engine *engine, const struct dhp_lookaside_options *options,
					     struct dhp_lookaside **out_list);

/*
 * dhp_lookaside_destroy - give all kept blocks back and release the list. NULL is accepted.
 *
 * Nobody may use the list any more (S-701). Blocks that are out remain the caller's.
 *
 * Level     passive, not from a notification callback, not in a section
 * Blocks    for a grace period, and while a processor arrives
 * Progress  blocking
 * Orders    as dhp_percpu_destroy
 * Lifetime  the list is gone at the return
 * Returns   DHP_OK, DHP_IN_CALLBACK, DHP_IN_SECTION, DHP_WRONG_LEVEL
 */
DHP_API enum dhp_status dhp_lookaside_destroy(struct dhp_lookaside *list);

/* The rare half of dhp_lookaside_allocate: the cache is empty or closed, or there are no rseq sections. Same contract. */
DHP_API void *dhp_lookaside_allocate_slow(struct dhp_lookaside *list);

/* The rare half of dhp_lookaside_free, likewise: the cache is full. Same contract. */
DHP_API void dhp_lookaside_free_slow(struct dhp_lookaside *list, void *block);

#ifdef DHP_INLINE_ASM
/*
 * Sequences on the cache of this processor: `at` is a register for where its top is. The body jumps to 6, where `otherwise` is,
 * if there is nothing to take, or no room. No look whether there is a cache: all that the word can say leads to 1024 bytes that
 * can be read, and a top of 0 is closed. `caches` is read in the sequence: a flush changes it and then has every sequence
 * aborted.
 */
#define DHP_CACHE_SECTION(at, body, top, otherwise)                                                                    \
	DHP_SECTION_BEGIN(at)                                                                                          \
	"movslq %%fs:(%[word]), " at "\n\t"                                                                            \
	"shlq $10, " at "\n\t"                                                                                         \
	"addq %[caches], " at "\n\t" body "movq " top ", (" at ")\n\t" DHP_SECTION_END                                 \
	".pushsection __rseq_failure, \"ax?\"\n\t"                                                                     \
	"6: " otherwise ".popsection\n\t"

/* A block from the cache of this processor; NULL: there is none. Not the public call: dhp_lookaside_allocate is. */
static inline void *dhp_lookaside_take_here(const struct dhp_lookaside *list)
{
	uint64_t at, top;
	void *block;

	__asm__ __volatile__(DHP_CACHE_SECTION("%[at]",
					       "movq (%[at]), %[top]\n\t"
					       "testl $0x3f8, %k[top]\n\t"
					       "jz 6f\n\t"
					       "movq (%[top]), %[result]\n\t"
					       "addq $8, %[top]\n\t",
					       "%[top]", "xorl %k[result], %k[result]\n\tjmp 3b\n\t")
			     : [at] "=&r"(at), [top] "=&r"(top), [result] "=&r"(block)
			     : [word] "r"(list->cpu_word), [caches] "m"(list->caches)
			     : "memory", "cc");
	return block;
}

/* Puts it into the cache of this processor; 0: there is no room. Not the public call: dhp_lookaside_free is. */
static inline int dhp_lookaside_put_here(const struct dhp_lookaside *list, void *block)
{
	__asm__ __volatile__ goto(DHP_CACHE_SECTION("%%rax",
						    "movq (%%rax), %%rcx\n\t"
						    "subq $8, %%rcx\n\t"
						    "cmpq %%rax, %%rcx\n\t"
						    "jle 6f\n\t" /* signed: -8 too */
						    "movq %[block], (%%rcx)\n\t",
						    "%%rcx", DHP_SECTION_CLEAR "jmp %l[full]\n\t")
				  :
				  : [word] "r"(list->cpu_word), [caches] "m"(list->caches), [block] "r"(block)
				  : "rax", "rcx", "memory", "cc"
				  : full);
	return 1;
full:
	return 0;
}
#else
static inline void *dhp_lookaside_take_here(const struct dhp_lookaside *list)
{
	(void)list;
	return NULL;
}

static inline int dhp_lookaside_put_here(const struct dhp_lookaside *list, void *block)
{
	(void)list;
	(void)block;
	return 0;
}
#endif

/*
 * dhp_lookaside_allocate - a block: from this processor's cache, else from the depot, else a new one.
 *
 * Level     passive, dispatch (S-704); the caller's allocate routine must be made for the levels it is called at
 * Blocks    never, but for what the allocate routine does; the depot is a lock for a few instructions
 * Progress  of a cache: no lock is waited for; of the depot: blocking
 * Orders    what was done to the block before it was freed happens before the return [spin]
 * Lifetime  the caller's until dhp_lookaside_free; its contents are undefined
 * Returns   the block; NULL for a NULL list or when there is no memory
 */
static inline void *dhp_lookaside_allocate(struct dhp_lookaside *list)
{
	void *block = __builtin_expect(list != NULL, 1) ? dhp_lookaside_take_here(list) : NULL;

	if (__builtin_expect(block != NULL, 1))
		return block;
	return dhp_lookaside_allocate_slow(list);
}

/*
 * dhp_lookaside_free - a block is not wanted any more. Any thread, any processor. A NULL block is accepted.
 *
 * Level     passive, dispatch; the caller's free routine must be made for the levels it is called at
 * Blocks    as dhp_lookaside_allocate
 * Progress  as dhp_lookaside_allocate
 * Orders    as dhp_lookaside_allocate
 * Lifetime  the block is the list's, and may be overwritten
 * Returns   nothing; cannot fail
 */
static inline void dhp_lookaside_free(struct dhp_lookaside *list, void *block)
{
	if (__builtin_expect(list != NULL && block != NULL, 1) &&
	    __builtin_expect(dhp_lookaside_put_here(list, block) != 0, 1))
		return;
	dhp_lookaside_free_slow(list, block);
}

/*
 * dhp_lookaside_flush - give every kept block back (S-704).
 *
 * Every block that was kept at the time of the call and is not handed out meanwhile. Where caches are changed in
 * restartable sequences it closes them all and has the system interrupt every processor on which the process runs
 * (membarrier), so that no sequence is in the middle: this is a rare call.
 *
 * Level     passive, dispatch; as dhp_lookaside_free
 * Blocks    for the length of an allocate or free of others, and of another flush
 * Progress  blocking
 * Orders    as dhp_lookaside_free [cache-close]
 * Lifetime  -
 * Returns   DHP_OK, DHP_BAD_OBJECT; DHP_NOT_SUPPORTED: the system refused, only the depot is empty
 */
DHP_API enum dhp_status dhp_lookaside_flush(struct dhp_lookaside *list);

/*
 * dhp_lookaside_counts_read - how many blocks are kept, were made and were returned.
 *
 * Level     passive, dispatch
 * Blocks    for the length of an allocate or free of others
 * Progress  blocking
 * Orders    nothing: statistics only
 * Lifetime  a copy
 * Returns   DHP_OK, DHP_BAD_OBJECT, DHP_BAD_RESULT
 */
DHP_API enum dhp_status dhp_lookaside_counts_read(struct dhp_lookaside *list,
						  struct dhp_lookaside_counts *out_counts);

DHP_END_DECLS

#endif
