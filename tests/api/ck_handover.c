/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does ThreadSanitizer see what Concurrency Kit orders? One thread hands plain memory to another through each part of CK
 * that the engine uses. The program must be quiet, and its twin (-DSEED_BUG, which writes after it has handed over) must
 * be reported: a quiet program alone would also be had from a sanitizer that sees nothing.
 */
#define _GNU_SOURCE
#include <time.h>

#include <ck_barrier.h>
#include <ck_bitmap.h>
#include <ck_ec.h>
#include <ck_queue.h>
#include <ck_ring.h>
#include <ck_stack.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define ITEMS 5000
#define RING 256
#define BITS 64

struct item {
	ck_stack_entry_t on_stack;
	CK_LIST_ENTRY(item) on_list;
	unsigned value;
};

static struct item stacked[ITEMS], ringed[ITEMS], listed[ITEMS];
static ck_stack_t stack;
static ck_ring_t ring;
static ck_ring_buffer_t cells[RING];
static CK_LIST_HEAD(, item) list = CK_LIST_HEAD_INITIALIZER(list);
static CK_BITMAP_INSTANCE(BITS) bitmap;
static ck_barrier_centralized_t barrier = CK_BARRIER_CENTRALIZED_INITIALIZER;
static struct ck_ec32 count;
static unsigned by_barrier, by_bitmap, by_count;

static int now(const struct ck_ec_ops *ops, struct timespec *out)
{
	(void)ops;
	return clock_gettime(CLOCK_MONOTONIC, out);
}

/* A waiter that only yields is a correct one. */
static void wait32(const struct ck_ec_wait_state *state, const uint32_t *word, uint32_t expected,
	const struct timespec *deadline)
{
	(void)state, (void)word, (void)expected, (void)deadline;
	sched_yield();
}

static void wake32(const struct ck_ec_ops *ops, const uint32_t *word)
{
	(void)ops, (void)word;
}

static const struct ck_ec_ops ops = {.gettime = now, .wait32 = wait32, .wake32 = wake32};
static const struct ck_ec_mode mode = {.ops = &ops, .single_producer = false};

static void cross(void)
{
	ck_barrier_centralized_state_t state = CK_BARRIER_CENTRALIZED_STATE_INITIALIZER;

	ck_barrier_centralized(&barrier, &state, 2);
}

static void *give(void *unused)
{
	unsigned i;

	by_barrier = 1;
	cross();
	for (i = 0; i < ITEMS; i++) {
		stacked[i].value = i;
		ck_stack_push_upmc(&stack, &stacked[i].on_stack);
		ringed[i].value = i;
		while (!ck_ring_enqueue_mpsc(&ring, cells, &ringed[i]))
			sched_yield();
		listed[i].value = i;
		CK_LIST_INSERT_HEAD(&list, &listed[i], on_list);
	}
	by_bitmap = 1;
	ck_bitmap_set(&bitmap.bitmap, 3);
#ifdef SEED_BUG
	ck_ec_add(&count, &mode, 1);
	by_count = 1;
#else
	by_count = 1;
	ck_ec_add(&count, &mode, 1);
#endif
	return unused;
}

static unsigned take(void)
{
	unsigned long sum = 0, newest = 0;
	unsigned taken = 0;
	struct item *item;
	void *cell;

	while (taken < 2 * ITEMS) {
		ck_stack_entry_t *entry = ck_stack_batch_pop_upmc(&stack);

		for (; entry != NULL; entry = CK_STACK_NEXT(entry), taken++)
			sum += ((struct item *)(void *)entry)->value;
		for (; ck_ring_dequeue_mpsc(&ring, cells, &cell); taken++)
			sum += ((struct item *)cell)->value;
		item = CK_LIST_FIRST(&list);
		if (item != NULL)
			newest = item->value;
		sched_yield();
	}
	return sum == (unsigned long)ITEMS * (ITEMS - 1) && newest < ITEMS;
}

int main(void)
{
	pthread_t giver;
	bool good;

	ck_stack_init(&stack);
	ck_ring_init(&ring, RING);
	ck_bitmap_init(&bitmap.bitmap, BITS, false);
	ck_ec_init(&count, 0);
	if (pthread_create(&giver, NULL, give, NULL) != 0)
		return 2;

	cross();
	good = by_barrier == 1 && take();
	while (!ck_bitmap_test(&bitmap.bitmap, 3))
		sched_yield();
	good = good && by_bitmap == 1;
	while (ck_ec_value(&count) == 0)
		ck_ec_wait(&count, &mode, 0, NULL);
	good = good && by_count == 1;
	pthread_join(giver, NULL);
	puts(good ? "all handed over" : "something is lost");
	return good ? 0 : 1;
}
