/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model_atomic.h - atomic operations on any aligned word of memory, as Relacy executes them. See relacy.cpp.
 */
#ifndef MODEL_ATOMIC_H
#define MODEL_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum model_order { MODEL_RELAXED, MODEL_ACQUIRE, MODEL_RELEASE, MODEL_ACQ_REL, MODEL_SEQ_CST };

uint64_t model_load(const void *word, uint32_t bytes, enum model_order order);
void model_store(void *word, uint32_t bytes, uint64_t value, enum model_order order);
uint64_t model_exchange(void *word, uint32_t bytes, uint64_t value, enum model_order order);
uint64_t model_add(void *word, uint32_t bytes, uint64_t amount, enum model_order order);
/* On failure *expected is what was found, read relaxed. */
bool model_cas(void *word, uint32_t bytes, uint64_t *expected, uint64_t value, enum model_order order);
void model_fence_seq_cst(void);
/* The word was initialised by a plain store. */
void model_forget(void *word);

#ifdef __cplusplus
}
#endif

#endif
