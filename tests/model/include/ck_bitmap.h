/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ck_bitmap.h - as much of Concurrency Kit's bitmap as the engine uses, with relaxed operations: nothing may rest on more.
 */
#ifndef MODEL_CK_BITMAP_H
#define MODEL_CK_BITMAP_H

#include <stddef.h>

#include "atomic.h"

typedef struct {
	struct at_u64 map;
} ck_bitmap_t;

typedef struct {
	uint64_t left;
} ck_bitmap_iterator_t;

static inline size_t ck_bitmap_size(unsigned int bits)
{
	(void)bits;
	return sizeof(ck_bitmap_t);
}

static inline void ck_bitmap_init(ck_bitmap_t *bitmap, unsigned int bits, bool set)
{
	(void)bits;
	at_init_u64(&bitmap->map, set ? ~0ull : 0);
}

static inline void ck_bitmap_set(ck_bitmap_t *bitmap, unsigned int bit)
{
	(void)at_fetch_add_relaxed_u64(&bitmap->map, 1ull << bit); /* its bit is set by its owner only */
}

static inline void ck_bitmap_reset(ck_bitmap_t *bitmap, unsigned int bit)
{
	(void)at_fetch_sub_relaxed_u64(&bitmap->map, 1ull << bit);
}

static inline bool ck_bitmap_test(const ck_bitmap_t *bitmap, unsigned int bit)
{
	return (at_load_relaxed_u64(&bitmap->map) >> bit & 1) != 0;
}

static inline void ck_bitmap_iterator_init(ck_bitmap_iterator_t *iterator, ck_bitmap_t *bitmap)
{
	iterator->left = at_load_relaxed_u64(&bitmap->map);
}

static inline bool ck_bitmap_next(ck_bitmap_t *bitmap, ck_bitmap_iterator_t *iterator, unsigned int *out_bit)
{
	(void)bitmap;
	if (iterator->left == 0)
		return false;
	*out_bit = (unsigned int)__builtin_ctzll(iterator->left);
	iterator->left &= iterator->left - 1;
	return true;
}

#endif
