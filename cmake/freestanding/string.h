/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * string.h - all of it that a freestanding compiler calls by itself, and all that Concurrency Kit's headers want.
 */
#ifndef DHP_FREESTANDING_STRING_H
#define DHP_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
