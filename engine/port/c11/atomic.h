/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atomic.h - the C11 atomics of the engine, with the order in the name and no default.
 *
 * Every variable that two processors share is one of the at_ types, so that a plain access does not compile. Other
 * environments (a model checker, a kernel) supply a header of this name with the same operations.
 */
#ifndef DHPI_ATOMIC_H
#define DHPI_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct at_u8 { _Atomic(uint8_t) value; };
struct at_u32 { _Atomic(uint32_t) value; };
struct at_u64 { _Alignas(8) _Atomic(uint64_t) value; }; /* 32-bit compilers align it to four bytes, across cache lines */
struct at_ptr { _Atomic(void *) value; };

#define AT_LOAD(suffix, type, name, order)                                                                    \
	static inline type at_load_##name##_##suffix(const struct at_##suffix *a)                             \
	{                                                                                                     \
		return atomic_load_explicit(&a->value, order);                                                \
	}
#define AT_STORE(suffix, type, name, order)                                                                   \
	static inline void at_store_##name##_##suffix(struct at_##suffix *a, type v)                          \
	{                                                                                                     \
		atomic_store_explicit(&a->value, v, order);                                                   \
	}
#define AT_EXCHANGE(suffix, type, name, order)                                                                \
	static inline type at_exchange_##name##_##suffix(struct at_##suffix *a, type v)                       \
	{                                                                                                     \
		return atomic_exchange_explicit(&a->value, v, order);                                         \
	}
#define AT_FETCH(suffix, type, op, name, order)                                                               \
	static inline type at_fetch_##op##_##name##_##suffix(struct at_##suffix *a, type v)                   \
	{                                                                                                     \
		return atomic_fetch_##op##_explicit(&a->value, v, order);                                     \
	}
/* On failure *expected is what was found, read relaxed. */
#define AT_CAS(suffix, type, name, order)                                                                     \
	static inline bool at_cas_##name##_##suffix(struct at_##suffix *a, type *expected, type v)            \
	{                                                                                                     \
		return atomic_compare_exchange_strong_explicit(&a->value, expected, v, order,                 \
							       memory_order_relaxed);                         \
	}

#define AT_TYPE(suffix, type)                                                                                 \
	static inline void at_init_##suffix(struct at_##suffix *a, type v)                                    \
	{                                                                                                     \
		atomic_init(&a->value, v);                                                                    \
	}                                                                                                     \
	AT_LOAD(suffix, type, relaxed, memory_order_relaxed)                                                  \
	AT_LOAD(suffix, type, acquire, memory_order_acquire)                                                  \
	AT_LOAD(suffix, type, seq_cst, memory_order_seq_cst)                                                  \
	AT_STORE(suffix, type, relaxed, memory_order_relaxed)                                                 \
	AT_STORE(suffix, type, release, memory_order_release)                                                 \
	AT_STORE(suffix, type, seq_cst, memory_order_seq_cst)                                                 \
	AT_EXCHANGE(suffix, type, relaxed, memory_order_relaxed)                                              \
	AT_EXCHANGE(suffix, type, acquire, memory_order_acquire)                                              \
	AT_EXCHANGE(suffix, type, acq_rel, memory_order_acq_rel)                                              \
	AT_EXCHANGE(suffix, type, seq_cst, memory_order_seq_cst)                                              \
	AT_CAS(suffix, type, relaxed, memory_order_relaxed)                                                   \
	AT_CAS(suffix, type, acquire, memory_order_acquire)                                                   \
	AT_CAS(suffix, type, release, memory_order_release)                                                   \
	AT_CAS(suffix, type, acq_rel, memory_order_acq_rel)                                                   \
	AT_CAS(suffix, type, seq_cst, memory_order_seq_cst)

#define AT_INTEGER(suffix, type)                                                                              \
	AT_TYPE(suffix, type)                                                                                 \
	AT_FETCH(suffix, type, add, relaxed, memory_order_relaxed)                                            \
	AT_FETCH(suffix, type, add, release, memory_order_release)                                            \
	AT_FETCH(suffix, type, add, acq_rel, memory_order_acq_rel)                                            \
	AT_FETCH(suffix, type, add, seq_cst, memory_order_seq_cst)                                            \
	AT_FETCH(suffix, type, sub, relaxed, memory_order_relaxed)                                            \
	AT_FETCH(suffix, type, sub, acq_rel, memory_order_acq_rel)                                            \
	AT_FETCH(suffix, type, sub, seq_cst, memory_order_seq_cst)

AT_INTEGER(u8, uint8_t)
AT_INTEGER(u32, uint32_t)
AT_INTEGER(u64, uint64_t)
AT_TYPE(ptr, void *)

/*
 * A release, then a full fence: what comes later in the program is done later, for everybody. And the fence of the other side.
 * ThreadSanitizer knows no fences; there an exchange stands for the one and nothing for the other, which comes after a
 * read-modify-write.
 */
#if defined(__SANITIZE_THREAD__)
#define AT_NO_FENCES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AT_NO_FENCES 1
#endif
#endif

#ifdef AT_NO_FENCES
static inline void at_store_fence_seq_cst_u64(struct at_u64 *a, uint64_t v)
{
	(void)atomic_exchange_explicit(&a->value, v, memory_order_seq_cst);
}

static inline void at_fence_seq_cst(void)
{
}
#else
static inline void at_store_fence_seq_cst_u64(struct at_u64 *a, uint64_t v)
{
	atomic_store_explicit(&a->value, v, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
}

static inline void at_fence_seq_cst(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}
#endif

/* For a signal handler in the same thread: it finds what comes before done, and nothing of what comes after. */
static inline void at_signal_fence(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* A counter with one writer: no read-modify-write is needed. Relaxed: statistics and hints, or something else orders it. */
static inline void at_bump_u64(struct at_u64 *a)
{
	at_store_relaxed_u64(a, at_load_relaxed_u64(a) + 1);
}

static inline void at_bump_u32(struct at_u32 *a)
{
	at_store_relaxed_u32(a, at_load_relaxed_u32(a) + 1);
}

#endif
