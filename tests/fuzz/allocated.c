/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * allocated.c - stands between the program and the system (the linker's --wrap), and counts what is asked for: a number in a
 * text must not make it grow.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "fuzz.h"

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset);

static _Thread_local uint64_t allocated;

uint64_t fuzz_allocated(void)
{
	return allocated;
}

void *__wrap_malloc(size_t bytes)
{
	allocated += bytes;
	return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	allocated += count * bytes;
	return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
	allocated += bytes;
	return __real_realloc(memory, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	allocated += bytes;
	return __real_aligned_alloc(alignment, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
	allocated += bytes;
	return __real_mmap(at, bytes, protection, flags, file, offset);
}
