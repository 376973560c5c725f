/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_kernel.c - memory of the kernel.
 *
 * A module cannot have address space without memory in it, so a reserved range is there from the start: for all processors
 * that could come. Their number is small in a kernel; touching then has nothing left to do.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "kernel.h"

/* Objects of this many bytes and more come in whole pages, which are aligned enough; smaller ones in powers of two. */
static bool is_large(size_t bytes)
{
	return bytes >= PAGE_SIZE;
}

static void *taken(void *p)
{
	dhpi_kernel_taken(p);
	return p;
}

void *port_alloc(size_t bytes)
{
	size_t room = bytes < DHP_LINE_PAIR_BYTES ? DHP_LINE_PAIR_BYTES : bytes;

	if (dhpi_kernel_fault())
		return NULL;
	return taken(is_large(room) ? vzalloc(room) : kzalloc((size_t)1 << dhpi_shift_for(room), GFP_KERNEL));
}

void port_free(void *p, size_t bytes)
{
	(void)bytes;
	dhpi_kernel_given_back(p);
	kvfree(p);
}

void *port_block_alloc(size_t bytes)
{
	if (dhpi_kernel_fault())
		return NULL;
	return taken(kmalloc(bytes < 16 ? 16 : (size_t)1 << dhpi_shift_for(bytes), GFP_ATOMIC | __GFP_NOWARN));
}

void port_block_free(void *p)
{
	dhpi_kernel_given_back(p);
	kfree(p);
}

/* Much at once: it is refused rather than taken from others by force. */
void *port_reserve(size_t bytes)
{
	if (dhpi_kernel_fault() || bytes >= totalram_pages() << PAGE_SHIFT)
		return NULL;
	return taken(__vmalloc(bytes, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL));
}

void port_unreserve(void *p, size_t bytes)
{
	(void)bytes;
	dhpi_kernel_given_back(p);
	vfree(p);
}

bool port_touch(void *p, size_t bytes, uint32_t node)
{
	(void)p;
	(void)bytes;
	(void)node;
	return !dhpi_kernel_fault();
}

size_t port_page_bytes(void)
{
	return PAGE_SIZE;
}
