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

#include "port.h"

/* Objects of this many bytes and more come in whole pages, which are aligned enough; smaller ones in powers of two. */
static bool is_large(size_t bytes)
{
	return bytes >= PAGE_SIZE;
}

void *port_alloc(size_t bytes)
{
	size_t room = bytes < DHP_LINE_PAIR_BYTES ? DHP_LINE_PAIR_BYTES : bytes;

	return is_large(room) ? vzalloc(room) : kzalloc((size_t)1 << dhpi_shift_for(room), GFP_KERNEL);
}

void port_free(void *p, size_t bytes)
{
	(void)bytes;
	kvfree(p);
}

void *port_block_alloc(size_t bytes)
{
	return kmalloc(bytes < 16 ? 16 : (size_t)1 << dhpi_shift_for(bytes), GFP_ATOMIC | __GFP_NOWARN);
}

void port_block_free(void *p)
{
	kfree(p);
}

void *port_reserve(size_t bytes)
{
	return bytes < totalram_pages() << PAGE_SHIFT ? __vmalloc(bytes, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN) : NULL;
}

void port_unreserve(void *p, size_t bytes)
{
	(void)bytes;
	vfree(p);
}

bool port_touch(void *p, size_t bytes, uint32_t node)
{
	(void)p;
	(void)bytes;
	(void)node;
	return true;
}

size_t port_page_bytes(void)
{
	return PAGE_SIZE;
}
