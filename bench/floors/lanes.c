/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lanes.c - the least that handing a pointer to another processor can cost: a ring for each source, so that no producer
 * meets another, and no locked operation.
 *
 * "floor" has a ring for each producing CPU, appended to in a restartable sequence: any thread may push. "floor_spsc" has
 * one for each producer and belongs to it. The consumer is polite.
 * Not: order between sources, a limit (who pushes knows that there is room), sleeping, claims.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "all.h"
#include "queue.h"
#include "rseq.h"

#define LANES 64u /* CPUs that may push here */

struct lane {
	_Alignas(128) atomic_ullong tail; /* producer */
	struct queue_item **cells;
	uint64_t mask;
	_Alignas(128) uint64_t head; /* consumer */
};

struct lanes {
	unsigned count;
	struct lane lane[];
};

static void lanes_free(void *queue)
{
	struct lanes *lanes = queue;

	if (lanes == NULL)
		return;
	for (unsigned i = 0; i < lanes->count; i++)
		free(lanes->lane[i].cells);
	free(lanes);
}

static struct lanes *lanes_make(size_t capacity, unsigned count)
{
	struct lanes *lanes = aligned_alloc(128, sizeof(*lanes) + count * sizeof(struct lane));
	bool made = lanes != NULL;

	if (!made)
		return NULL;
	lanes->count = count;
	for (unsigned i = 0; i < count; i++) {
		struct lane *lane = &lanes->lane[i];

		atomic_init(&lane->tail, 0);
		lane->head = 0;
		lane->mask = capacity - 1;
		lane->cells = calloc(capacity, sizeof(struct queue_item *));
		made = made && lane->cells != NULL;
	}
	if (made)
		return lanes;
	lanes_free(lanes);
	return NULL;
}

static size_t take_lane(struct lane *lane)
{
	uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_acquire), head = lane->head;
	size_t count = (size_t)(tail - head);

	for (; head != tail; head++)
		queue_item_run(lane->cells[head & lane->mask]);
	lane->head = head;
	return count;
}

static size_t take(void *queue)
{
	struct lanes *lanes = queue;
	size_t count = 0;

	for (unsigned i = 0; i < lanes->count; i++)
		count += take_lane(&lanes->lane[i]);
	return count;
}

static void append(struct lane *lane, struct queue_item *item)
{
	uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);

	lane->cells[tail & lane->mask] = item;
	atomic_store_explicit(&lane->tail, tail + 1, memory_order_release);
}

static void *make_spsc(size_t capacity, unsigned producers)
{
	return lanes_make(capacity, producers);
}

static void push_spsc(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	struct lane *lane = &((struct lanes *)queue)->lane[producer];

	for (size_t i = 0; i < count; i++)
		append(lane, items[i]);
}

#if defined(__x86_64__)

/* As floor_rseq_add in rseq.h; the last store, that of the tail, makes it visible. */
static inline void append_here(struct lanes *lanes, struct queue_item *item)
{
	ptrdiff_t section = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, rseq_cs);
	ptrdiff_t word = __rseq_offset + (ptrdiff_t)offsetof(struct rseq, cpu_id);

	for (;;) {
		uint32_t cpu = floor_cpu();
		struct lane *lane = &lanes->lane[cpu];

		__asm__ __volatile__ goto(
			".pushsection __rseq_cs, \"aw\"\n\t"
			".balign 32\n\t"
			"1: .long 0, 0\n\t"
			".quad 2f, 3f - 2f, 4f\n\t"
			".popsection\n\t"
			"leaq 1b(%%rip), %%rax\n\t"
			"movq %%rax, %%fs:(%[section])\n\t"
			"2: cmpl %[cpu], %%fs:(%[word])\n\t"
			"jnz %l[again]\n\t"
			"movq (%[tail]), %%rax\n\t"
			"movq %%rax, %%rcx\n\t"
			"andq %[mask], %%rcx\n\t"
			"movq %[item], (%[cells], %%rcx, 8)\n\t"
			"incq %%rax\n\t"
			"movq %%rax, (%[tail])\n\t"
			"3:\n\t"
			".pushsection __rseq_failure, \"ax\"\n\t"
			".byte 0x0f, 0xb9, 0x3d\n\t"
			".long 0x53053053\n\t"
			"4: jmp %l[again]\n\t"
			".popsection\n\t"
			:
			: [cpu] "r"(cpu), [word] "r"(word), [section] "r"(section), [tail] "r"(&lane->tail),
			  [cells] "r"(lane->cells), [mask] "r"(lane->mask), [item] "r"(item)
			: "rax", "rcx", "memory", "cc"
			: again);
		return;
again:;
	}
}

/* How many CPU numbers there are up to those that the contest uses. */
static void *make_here(size_t capacity, unsigned producers)
{
	uint32_t first = floor_cpu();

	(void)producers;
	return floor_rseq_works() && first < LANES ? lanes_make(capacity, LANES) : NULL;
}

static void push_here(void *queue, unsigned producer, struct queue_item *const *items, size_t count)
{
	(void)producer;
	for (size_t i = 0; i < count; i++)
		append_here(queue, items[i]);
}

#else
#define make_here make_spsc
#define push_here push_spsc
#endif

void floor_lanes(void)
{
	static const struct queue_ops here = {make_here, lanes_free, push_here, take, QUEUE_PRODUCERS, true};
	static const struct queue_ops spsc = {make_spsc, lanes_free, push_spsc, take, QUEUE_PRODUCERS, true};

	bench_queue("floor", &here);
	bench_queue("floor_spsc", &spsc);
}
