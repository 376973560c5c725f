/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_fibre.c - memory that is at the same address in each run, and is not given anew in the same run.
 *
 * One region from which blocks are cut off in order. A block that was freed stays free: whoever touches it by an atomic
 * access is found at once, and by any access where AddressSanitizer is. A byte for each sixteen says what they are.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "fibre.h"
#include "port.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, bytes) __asan_poison_memory_region(p, bytes)
#define UNPOISON(p, bytes) __asan_unpoison_memory_region(p, bytes)
#else
#define POISON(p, bytes) ((void)(p))
#define UNPOISON(p, bytes) ((void)(p))
#endif

#define REGION_BYTES ((size_t)64 << 20)
#define RANGES_BYTES ((size_t)8 << 30)
#define GRAIN 16u
#define BLOCKS_LIMIT 65536u
#define FREED_BYTE 0xdd

enum grain { UNUSED, LIVE, FREED };

static struct {
	unsigned char *region, *ranges;
	size_t used, ranges_used;
	struct {
		size_t begin, bytes;
		bool live;
	} blocks[BLOCKS_LIMIT];
	uint32_t count, live;
	unsigned char grains[REGION_BYTES / GRAIN];
} memory;

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void fibre_memory_reset(void)
{
	if (memory.region == NULL) {
		memory.region = map(REGION_BYTES);
		memory.ranges = map(RANGES_BYTES);
	}
	UNPOISON(memory.region, memory.used);
	memset(memory.region, 0, memory.used);
	memset(memory.grains, UNUSED, memory.used / GRAIN);
	if (memory.ranges_used != 0)
		(void)madvise(memory.ranges, memory.ranges_used, MADV_DONTNEED);
	memory.used = memory.ranges_used = 0;
	memory.count = memory.live = 0;
}

bool fibre_memory_leaks(void)
{
	return memory.live != 0;
}

static bool is_inside(uintptr_t at)
{
	return at - (uintptr_t)memory.region < memory.used;
}

bool fibre_memory_is_free(uintptr_t at)
{
	return is_inside(at) && memory.grains[(at - (uintptr_t)memory.region) / GRAIN] == FREED;
}

static uint32_t block_at(uintptr_t at)
{
	size_t offset = at - (uintptr_t)memory.region;
	uint32_t block = memory.count;

	while (block > 0 && memory.blocks[block - 1].begin > offset)
		block--;
	return block - 1;
}

bool fibre_block_of(uintptr_t at, uint32_t *out_block, size_t *out_offset)
{
	if (!is_inside(at))
		return false;
	*out_block = block_at(at);
	*out_offset = at - (uintptr_t)memory.region - memory.blocks[*out_block].begin;
	return true;
}

static void *cut_off(size_t bytes, size_t alignment)
{
	size_t begin = dhpi_round_up(memory.used, alignment), end = begin + dhpi_round_up(bytes + 1, GRAIN);

	if (bytes > REGION_BYTES || end > REGION_BYTES || memory.count == BLOCKS_LIMIT)
		return NULL;
	memory.blocks[memory.count].begin = begin;
	memory.blocks[memory.count].bytes = end - begin;
	memory.blocks[memory.count++].live = true;
	memory.live++;
	memset(memory.grains + begin / GRAIN, LIVE, (end - begin) / GRAIN);
	memory.used = end;
	return memory.region + begin;
}

/* Freeing is a step: whoever touches the memory may come before or after. */
static void give_back(void *p)
{
	uint32_t block;

	if (p == NULL)
		return;
	block = block_at((uintptr_t)p);
	if (fibre_on())
		fibre_point(&(struct fibre_op){ .kind = FIBRE_FREE, .name = "free", .where = __builtin_return_address(0),
						.at = (uintptr_t)p, .bytes = memory.blocks[block].bytes });
	if (!memory.blocks[block].live)
		fibre_fail("freed twice");
	memory.blocks[block].live = false;
	memory.live--;
	memset(p, FREED_BYTE, memory.blocks[block].bytes);
	memset(memory.grains + memory.blocks[block].begin / GRAIN, FREED, memory.blocks[block].bytes / GRAIN);
	POISON(p, memory.blocks[block].bytes);
	fibre_goes_on();
	fibre_changed((uintptr_t)p, memory.blocks[block].bytes);
}

void *port_alloc(size_t bytes)
{
	return cut_off(bytes, DHP_LINE_PAIR_BYTES);
}

void port_free(void *p, size_t bytes)
{
	(void)bytes;
	give_back(p);
}

void *port_block_alloc(size_t bytes)
{
	return cut_off(bytes, GRAIN);
}

void port_block_free(void *p)
{
	give_back(p);
}

/* ---- address space ---- */

void *port_reserve(size_t bytes)
{
	size_t rounded = bytes < RANGES_BYTES ? dhpi_round_up(bytes, port_page_bytes()) : RANGES_BYTES + 1;
	void *p = memory.ranges + memory.ranges_used;

	if (rounded > RANGES_BYTES - memory.ranges_used)
		return NULL;
	memory.ranges_used += rounded;
	return p;
}

void port_unreserve(void *p, size_t bytes)
{
	(void)madvise(p, bytes, MADV_DONTNEED);
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
	return 4096;
}
