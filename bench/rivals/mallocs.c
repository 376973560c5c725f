/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mallocs.c - the C library's malloc, and others beside it in the same process: each is loaded under its own names and
 * serves only who asks for it.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "all.h"
#include "blocks.h"

struct malloc_ops {
	void *(*allocate)(size_t bytes);
	void (*release)(void *block);
};

static const struct malloc_ops glibc = {malloc, free};

static inline void *call_allocate(const struct malloc_ops *ops)
{
	return ops->allocate(BLOCK_BYTES);
}

BLOCK_LOOPS(called, call_allocate(blocks), ((const struct malloc_ops *)blocks)->release(block))

/* ISO C has no cast from an object pointer to a function pointer. */
static int function(void *library, const char *name, void *out_function)
{
	void *found = library != NULL ? dlsym(library, name) : NULL;

	memcpy(out_function, &found, sizeof(found));
	return found != NULL;
}

static void *load(const char *file, const char *allocate, const char *release)
{
	struct malloc_ops *ops = calloc(1, sizeof(*ops));
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);

	if (ops != NULL && function(library, allocate, &ops->allocate) && function(library, release, &ops->release))
		return ops;
	free(ops);
	return NULL; /* its thread-local memory may have found no room beside that of others */
}

static void *make_glibc(void)
{
	return (void *)(uintptr_t)&glibc;
}

static void *make_jemalloc(void)
{
	return load("libjemalloc.so.2", "malloc", "free");
}

static void *make_tcmalloc(void)
{
	return load("libtcmalloc_minimal.so.4", "tc_malloc", "tc_free");
}

static void *make_mimalloc(void)
{
	return load("libmimalloc.so.2.0", "mi_malloc", "mi_free");
}

/* Libraries stay loaded: threads may have ended in them. */
static void destroy(void *blocks)
{
	if (blocks != &glibc)
		free(blocks);
}

void rival_mallocs(void)
{
	static const struct blocks_ops ops[] = {
		{make_glibc, destroy, BLOCK_OPS(called)},
		{make_jemalloc, destroy, BLOCK_OPS(called)},
		{make_tcmalloc, destroy, BLOCK_OPS(called)},
		{make_mimalloc, destroy, BLOCK_OPS(called)},
	};

	bench_blocks("glibc", &ops[0]);
	bench_blocks("jemalloc", &ops[1]);
	bench_blocks("tcmalloc", &ops[2]);
	bench_blocks("mimalloc", &ops[3]);
}
