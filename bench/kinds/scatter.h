/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scatter.h - things that lie in memory in another order than they are used in, so that no hardware guesses the next one.
 */
#ifndef BENCH_SCATTER_H
#define BENCH_SCATTER_H

#include <stddef.h>

/* Zeroed memory for so many, to be freed, and an array of pointers to them, shuffled, to be freed too. NULL: no memory. */
void *scatter(void ***out_order, size_t count, size_t bytes);

#endif
