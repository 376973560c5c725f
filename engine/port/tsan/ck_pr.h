/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck_pr.h for ThreadSanitizer: Concurrency Kit's operations on __atomic builtins.
 *
 * Problem   ck_pr is inline assembly, which ThreadSanitizer cannot see: every hand-over through CK looks like a race.
 *           CK_USE_CC_BUILTINS=1 is no way out: its loads and stores are plain accesses, and the double-width
 *           operations disappear.
 * Idea      be found before CK's ck_pr.h, define what gcc/ck_pr.h would define, and let CK build the rest on top.
 * Model     x86, for which CK is written here: a load acquires, a store releases, a read-modify-write does both,
 *           memory and store_load fences are real, the other fences stop the compiler only.
 * Checks    how WE use Concurrency Kit: is what we hand over through it handed over by it?
 * Not       a check of CK's own fences. A load acquires here even where CK has forgotten the fence that a weaker
 *           machine needs; that needs a model checker.
 *           ck_ec32_inc and the single_producer paths of ck_ec are assembly of their own and stay invisible: use
 *           ck_ec_add with single_producer = false.
 *
 * Used by the tsan preset alone (cmake/ck_tsan.cmake), which also compiles CK's own sources against this file.
 */
#ifndef DHP_PORT_TSAN_CK_PR_H
#define DHP_PORT_TSAN_CK_PR_H

#define CK_USE_CC_BUILTINS 1 /* no assembly */
#define CK_F_PR              /* nor the plain accesses of gcc/ck_pr.h: the operations below stand for them */

#include <ck_cc.h>
#include <ck_md.h>
#include <ck_stdbool.h>
#include <ck_stdint.h>
#include <gcc/ck_f_pr.h>

#ifndef CK_MD_TSO
#error "this file models x86; another machine needs its own"
#endif

CK_CC_INLINE static void
ck_pr_stall(void)
{
	__asm__ __volatile__("pause" ::: "memory");
}

#define CK_TSAN_FENCE(T, CODE)              \
	CK_CC_INLINE static void            \
	ck_pr_fence_strict_##T(void)        \
	{                                   \
		CODE;                       \
	}
#define CK_TSAN_FENCE_REAL(T)     CK_TSAN_FENCE(T, __sync_synchronize())
#define CK_TSAN_FENCE_COMPILER(T) CK_TSAN_FENCE(T, __asm__ __volatile__("" ::: "memory"))

CK_TSAN_FENCE_REAL(memory)
CK_TSAN_FENCE_REAL(store_load)
CK_TSAN_FENCE_COMPILER(atomic)
CK_TSAN_FENCE_COMPILER(atomic_load)
CK_TSAN_FENCE_COMPILER(atomic_store)
CK_TSAN_FENCE_COMPILER(store_atomic)
CK_TSAN_FENCE_COMPILER(load_atomic)
CK_TSAN_FENCE_COMPILER(load)
CK_TSAN_FENCE_COMPILER(load_store)
CK_TSAN_FENCE_COMPILER(store)
CK_TSAN_FENCE_COMPILER(acquire)
CK_TSAN_FENCE_COMPILER(release)
CK_TSAN_FENCE_COMPILER(acqrel)
CK_TSAN_FENCE_COMPILER(lock)
CK_TSAN_FENCE_COMPILER(unlock)

/*
 * One set of operations: S is CK's suffix, M the type a target is declared with, T the value's, I the integer that
 * arithmetic is done in (a pointer's builtin add would scale, CK's does not).
 */
#define CK_TSAN_BINARY(K, S, M, T, I)                                                       \
	CK_CC_INLINE static void                                                            \
	ck_pr_##K##_##S(M *target, I d)                                                     \
	{                                                                                   \
		(void)__atomic_fetch_##K((I *)(void *)target, d, __ATOMIC_ACQ_REL);         \
	}

#define CK_TSAN_OPERATIONS(S, M, T, I)                                                      \
	CK_CC_INLINE static T                                                               \
	ck_pr_md_load_##S(const M *target)                                                  \
	{                                                                                   \
		return __atomic_load_n((T const *)(const void *)target, __ATOMIC_ACQUIRE);  \
	}                                                                                   \
	CK_CC_INLINE static T                                                               \
	ck_pr_fas_##S(M *target, T v)                                                       \
	{                                                                                   \
		return __atomic_exchange_n((T *)(void *)target, v, __ATOMIC_ACQ_REL);       \
	}                                                                                   \
	CK_CC_INLINE static bool                                                            \
	ck_pr_cas_##S##_value(M *target, T compare, T set, M *v)                            \
	{                                                                                   \
		bool done = __atomic_compare_exchange_n((T *)(void *)target, &compare, set, \
			false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);                         \
		*(T *)(void *)v = compare;                                                  \
		return done;                                                                \
	}                                                                                   \
	CK_CC_INLINE static bool                                                            \
	ck_pr_cas_##S(M *target, T compare, T set)                                          \
	{                                                                                   \
		return __atomic_compare_exchange_n((T *)(void *)target, &compare, set,      \
			false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);                         \
	}                                                                                   \
	CK_CC_INLINE static I                                                               \
	ck_pr_faa_##S(M *target, I d)                                                       \
	{                                                                                   \
		return __atomic_fetch_add((I *)(void *)target, d, __ATOMIC_ACQ_REL);        \
	}                                                                                   \
	CK_TSAN_BINARY(add, S, M, T, I)                                                     \
	CK_TSAN_BINARY(sub, S, M, T, I)                                                     \
	CK_TSAN_BINARY(and, S, M, T, I)                                                     \
	CK_TSAN_BINARY(or, S, M, T, I)                                                      \
	CK_TSAN_BINARY(xor, S, M, T, I)                                                     \
	CK_CC_INLINE static void                                                            \
	ck_pr_inc_##S(M *target)                                                            \
	{                                                                                   \
		ck_pr_add_##S(target, 1);                                                   \
	}                                                                                   \
	CK_CC_INLINE static void                                                            \
	ck_pr_dec_##S(M *target)                                                            \
	{                                                                                   \
		ck_pr_sub_##S(target, 1);                                                   \
	}

#define CK_TSAN_STORE(S, M, T, V)                                                           \
	CK_CC_INLINE static void                                                            \
	ck_pr_md_store_##S(M *target, V v)                                                  \
	{                                                                                   \
		__atomic_store_n((T *)(void *)target, (T)v, __ATOMIC_RELEASE);              \
	}

#define CK_TSAN_ALL(S, T)              \
	CK_TSAN_OPERATIONS(S, T, T, T) \
	CK_TSAN_STORE(S, T, T, T)

CK_TSAN_OPERATIONS(ptr, void, void *, uintptr_t)
CK_TSAN_STORE(ptr, void, uintptr_t, const void *)
CK_TSAN_ALL(char, char)
CK_TSAN_ALL(int, int)
CK_TSAN_ALL(uint, unsigned int)
CK_TSAN_ALL(64, uint64_t)
CK_TSAN_ALL(32, uint32_t)
CK_TSAN_ALL(16, uint16_t)
CK_TSAN_ALL(8, uint8_t)

/* gcc/ck_f_pr.h lists all of the above but these */
#define CK_F_PR_FAS_CHAR
#define CK_F_PR_FAS_INT
#define CK_F_PR_FAS_UINT
#define CK_F_PR_FAS_PTR
#define CK_F_PR_FAS_64
#define CK_F_PR_FAS_32
#define CK_F_PR_FAS_16
#define CK_F_PR_FAS_8

/* two words at once, 16-byte aligned: what the mpmc rivals in bench/ and stress/ stand on */
CK_CC_INLINE static bool
ck_pr_cas_64_2_value(uint64_t target[2], uint64_t compare[2], uint64_t set[2], uint64_t v[2])
{
	unsigned __int128 expected = (unsigned __int128)compare[1] << 64 | compare[0];
	unsigned __int128 desired = (unsigned __int128)set[1] << 64 | set[0];
	bool done = __atomic_compare_exchange_n((unsigned __int128 *)(void *)target, &expected,
		desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);

	v[0] = (uint64_t)expected;
	v[1] = (uint64_t)(expected >> 64);
	return done;
}

CK_CC_INLINE static bool
ck_pr_cas_64_2(uint64_t target[2], uint64_t compare[2], uint64_t set[2])
{
	uint64_t seen[2];

	return ck_pr_cas_64_2_value(target, compare, set, seen);
}

CK_CC_INLINE static void
ck_pr_load_64_2(const uint64_t target[2], uint64_t v[2])
{
	unsigned __int128 r =
		__atomic_load_n((const unsigned __int128 *)(const void *)target, __ATOMIC_ACQUIRE);

	v[0] = (uint64_t)r;
	v[1] = (uint64_t)(r >> 64);
}

CK_CC_INLINE static bool
ck_pr_cas_ptr_2_value(void *t, void *c, void *s, void *v)
{
	return ck_pr_cas_64_2_value((uint64_t *)t, (uint64_t *)c, (uint64_t *)s, (uint64_t *)v);
}

CK_CC_INLINE static bool
ck_pr_cas_ptr_2(void *t, void *c, void *s)
{
	return ck_pr_cas_64_2((uint64_t *)t, (uint64_t *)c, (uint64_t *)s);
}

CK_CC_INLINE static void
ck_pr_load_ptr_2(const void *t, void *v)
{
	ck_pr_load_64_2((const uint64_t *)t, (uint64_t *)v);
}

#define CK_F_PR_CAS_64_2
#define CK_F_PR_CAS_64_2_VALUE
#define CK_F_PR_CAS_PTR_2
#define CK_F_PR_CAS_PTR_2_VALUE
#define CK_F_PR_LOAD_64_2
#define CK_F_PR_LOAD_PTR_2

#undef CK_TSAN_ALL
#undef CK_TSAN_STORE
#undef CK_TSAN_OPERATIONS
#undef CK_TSAN_BINARY
#undef CK_TSAN_FENCE_COMPILER
#undef CK_TSAN_FENCE_REAL
#undef CK_TSAN_FENCE

#include_next <ck_pr.h>

#endif
