/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_posix.c - small objects from the C library, address space from the kernel.
 *
 * A reserved range is readable and writable from the start: mprotect on pages that others use would interrupt every
 * processor that runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#include "port.h"

void *port_alloc(size_t bytes)
{
	size_t rounded = dhpi_round_up(bytes, DHP_LINE_PAIR_BYTES);
	void *p = aligned_alloc(DHP_LINE_PAIR_BYTES, rounded);

	if (p != NULL)
		memset(p, 0, rounded);
	return p;
}

void port_free(void *p, size_t bytes)
{
	(void)bytes;
	free(p);
}

void *port_block_alloc(size_t bytes)
{
	return aligned_alloc(16, dhpi_round_up(bytes, 16));
}

void port_block_free(void *p)
{
	free(p);
}

void *port_reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void port_unreserve(void *p, size_t bytes)
{
	(void)munmap(p, bytes);
}

size_t port_page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Pages come from the node of who touches them first, unless the program has asked for something else. */
static bool is_here(uint32_t node)
{
	unsigned cpu, here;

	return getcpu(&cpu, &here) == 0 && here == node;
}

/* A wish, not a demand: a full node gives its pages from elsewhere. */
static void prefer_node(void *p, size_t bytes, uint32_t node)
{
	unsigned long mask[16] = { 0 };
	const unsigned long bits = 8 * sizeof(mask[0]);

	if (node >= sizeof(mask) * 8 || is_here(node))
		return;
	mask[node / bits] = 1ul << (node % bits);
	(void)syscall(SYS_mbind, p, bytes, MPOL_PREFERRED, mask, sizeof(mask) * 8, 0ul);
}

/*
 * MADV_POPULATE_WRITE (Linux 5.14) reports a lack of memory, where a plain write would be killed. On older kernels one
 * byte of the object in each page is written, with what it holds: others may use the rest of the page.
 */
bool port_touch(void *p, size_t bytes, uint32_t node)
{
	const size_t page = port_page_bytes();
	char *first = (char *)((uintptr_t)p & ~(uintptr_t)(page - 1));
	char *end = (char *)dhpi_round_up((uintptr_t)p + bytes, page);

	if (node != DHP_NO_INDEX)
		prefer_node(first, (size_t)(end - first), node);
#ifdef MADV_POPULATE_WRITE
	if (madvise(first, (size_t)(end - first), MADV_POPULATE_WRITE) == 0)
		return true;
	if (errno != EINVAL)
		return false;
#endif
	for (char *at = p; at < (char *)p + bytes; at = (char *)dhpi_round_up((uintptr_t)at + 1, page))
		(void)__atomic_fetch_add(at, 0, __ATOMIC_RELAXED);
	return true;
}
