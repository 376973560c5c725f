/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * atomic.h - the operations of engine/port/c11/atomic.h, executed by Relacy. Chosen by include path; the engine's files are
 * compiled as they are.
 *
 * The types have the size they have in the library. Each operation exists in every order, not only in those that the engine
 * uses: tests/model/weaken.py replaces one name by the next weaker one.
 */
#ifndef DHPI_ATOMIC_H
#define DHPI_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "model_atomic.h"

struct at_u8 { uint8_t value; };
struct at_u32 { uint32_t value; };
struct at_u64 { uint64_t value; };
struct at_ptr { void *value; };

#define AT_INLINE static inline __attribute__((always_inline, unused))

#define AT_LOAD(suffix, type, name, order)                                                                    \
	AT_INLINE type at_load_##name##_##suffix(const struct at_##suffix *a)                                 \
	{                                                                                                     \
		return (type)model_load(a, sizeof(*a), order);                                                \
	}
#define AT_STORE(suffix, type, name, order)                                                                   \
	AT_INLINE void at_store_##name##_##suffix(struct at_##suffix *a, type v)                              \
	{                                                                                                     \
		model_store(a, sizeof(*a), (uintptr_t)v, order);                                              \
	}
#define AT_EXCHANGE(suffix, type, name, order)                                                                \
	AT_INLINE type at_exchange_##name##_##suffix(struct at_##suffix *a, type v)                           \
	{                                                                                                     \
		return (type)model_exchange(a, sizeof(*a), (uintptr_t)v, order);                              \
	}
#define AT_CAS(suffix, type, name, order)                                                                     \
	AT_INLINE bool at_cas_##name##_##suffix(struct at_##suffix *a, type *expected, type v)                \
	{                                                                                                     \
		uint64_t found = (uintptr_t)*expected;                                                        \
		bool swapped = model_cas(a, sizeof(*a), &found, (uintptr_t)v, order);                         \
                                                                                                              \
		if (!swapped)                                                                                 \
			*expected = (type)found;                                                              \
		return swapped;                                                                               \
	}
#define AT_FETCH(suffix, type, name, order)                                                                   \
	AT_INLINE type at_fetch_add_##name##_##suffix(struct at_##suffix *a, type v)                          \
	{                                                                                                     \
		return (type)model_add(a, sizeof(*a), v, order);                                              \
	}                                                                                                     \
	AT_INLINE type at_fetch_sub_##name##_##suffix(struct at_##suffix *a, type v)                          \
	{                                                                                                     \
		return (type)model_add(a, sizeof(*a), -(uint64_t)v, order);                                   \
	}

#define AT_READ_MODIFY_WRITE(operation, suffix, type)                                                         \
	operation(suffix, type, relaxed, MODEL_RELAXED)                                                       \
	operation(suffix, type, acquire, MODEL_ACQUIRE)                                                       \
	operation(suffix, type, release, MODEL_RELEASE)                                                       \
	operation(suffix, type, acq_rel, MODEL_ACQ_REL)                                                       \
	operation(suffix, type, seq_cst, MODEL_SEQ_CST)

#define AT_TYPE(suffix, type)                                                                                 \
	AT_INLINE void at_init_##suffix(struct at_##suffix *a, type v)                                        \
	{                                                                                                     \
		a->value = v;                                                                                 \
		model_forget(a);                                                                              \
	}                                                                                                     \
	AT_LOAD(suffix, type, relaxed, MODEL_RELAXED)                                                         \
	AT_LOAD(suffix, type, acquire, MODEL_ACQUIRE)                                                         \
	AT_LOAD(suffix, type, seq_cst, MODEL_SEQ_CST)                                                         \
	AT_STORE(suffix, type, relaxed, MODEL_RELAXED)                                                        \
	AT_STORE(suffix, type, release, MODEL_RELEASE)                                                        \
	AT_STORE(suffix, type, seq_cst, MODEL_SEQ_CST)                                                        \
	AT_READ_MODIFY_WRITE(AT_EXCHANGE, suffix, type)                                                       \
	AT_READ_MODIFY_WRITE(AT_CAS, suffix, type)

AT_TYPE(u8, uint8_t)
AT_TYPE(u32, uint32_t)
AT_TYPE(u64, uint64_t)
AT_TYPE(ptr, void *)
AT_READ_MODIFY_WRITE(AT_FETCH, u8, uint8_t)
AT_READ_MODIFY_WRITE(AT_FETCH, u32, uint32_t)
AT_READ_MODIFY_WRITE(AT_FETCH, u64, uint64_t)

AT_INLINE void at_store_fence_seq_cst_u64(struct at_u64 *a, uint64_t v)
{
	at_store_release_u64(a, v);
	model_fence_seq_cst();
}

/* What weaken.py writes instead of it, one of them; the other is the store alone. */
AT_INLINE void at_store_fence_relaxed_u64(struct at_u64 *a, uint64_t v)
{
	at_store_relaxed_u64(a, v);
	model_fence_seq_cst();
}

AT_INLINE void at_fence_seq_cst(void)
{
	model_fence_seq_cst();
}

/* What weaken.py writes instead of it. */
AT_INLINE void at_fence_none(void)
{
}

AT_INLINE void at_signal_fence(void)
{
}

AT_INLINE void at_bump_u64(struct at_u64 *a)
{
	at_store_relaxed_u64(a, at_load_relaxed_u64(a) + 1);
}

AT_INLINE void at_bump_u32(struct at_u32 *a)
{
	at_store_relaxed_u32(a, at_load_relaxed_u32(a) + 1);
}

#endif
