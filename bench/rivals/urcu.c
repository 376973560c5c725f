/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * urcu.c - liburcu: readers by membarrier (memb), without registration (bp), and by quiescent states (qsbr).
 */
#define _LGPL_SOURCE
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-bp.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

#include <stdlib.h>

#include "all.h"
#include "bench.h"
#include "grace.h"
#include "rseq.h"

/* The header for these can be included for one flavour only. */
void urcu_memb_call_rcu(struct rcu_head *head, void (*reclaim)(struct rcu_head *head));
void urcu_memb_barrier(void);
void urcu_qsbr_call_rcu(struct rcu_head *head, void (*reclaim)(struct rcu_head *head));
void urcu_qsbr_barrier(void);

static _Atomic(void *) published;

struct object {
	struct rcu_head head;
	char rest[64 - sizeof(struct rcu_head)];
};

static void reclaim(struct rcu_head *head)
{
	free(head); /* the object's first member */
}

static void *create(void)
{
	return &published;
}

static void destroy(void *grace)
{
	(void)grace;
	free(atomic_exchange(&published, NULL));
}

/* The three differ in names only; REGISTER and LEAVE: what a thread does before and after it reads. */
#define FLAVOUR(flavour, REGISTER, LEAVE, QUIET)                                                                       \
	static void flavour##_read(void *grace, struct grace_turns *turns)                                             \
	{                                                                                                              \
		(void)grace;                                                                                           \
		REGISTER;                                                                                              \
		while (!grace_stopped(turns)) {                                                                        \
			urcu_##flavour##_read_lock();                                                                  \
			grace_turn(turns);                                                                             \
			urcu_##flavour##_read_unlock();                                                                \
			QUIET;                                                                                         \
		}                                                                                                      \
		LEAVE;                                                                                                 \
	}                                                                                                              \
	static void flavour##_synchronize(void *grace)                                                                 \
	{                                                                                                              \
		(void)grace;                                                                                           \
		urcu_##flavour##_synchronize_rcu();                                                                    \
	}                                                                                                              \
	static void flavour##_update(void *grace, size_t count)                                                        \
	{                                                                                                              \
		(void)grace;                                                                                           \
		REGISTER;                                                                                              \
		while (count-- > 0) {                                                                                  \
			struct object *old =                                                                           \
				atomic_exchange_explicit(&published, malloc(sizeof(*old)), memory_order_acq_rel);      \
			if (old != NULL)                                                                               \
				urcu_##flavour##_call_rcu(&old->head, reclaim);                                        \
			QUIET;                                                                                         \
		}                                                                                                      \
		LEAVE;                                                                                                 \
		urcu_##flavour##_barrier();                                                                            \
	}                                                                                                              \
	static void flavour##_slot(struct bench *bench, const void *argument)                                          \
	{                                                                                                              \
		uint64_t i;                                                                                            \
		(void)argument;                                                                                        \
		bench_items(bench, BENCH_UNROLLED);                                                                    \
		REGISTER;                                                                                              \
		for (i = bench_begin(bench); i > 0 || bench_next(bench); --i)                                          \
			BENCH_UNROLL(urcu_##flavour##_read_lock();                                                     \
				     bench_keep(*(volatile uint64_t *)&floor_cells[0].value);                          \
				     urcu_##flavour##_read_unlock());                                                  \
		LEAVE;                                                                                                 \
	}

FLAVOUR(memb, urcu_memb_register_thread(), urcu_memb_unregister_thread(), (void)0)
FLAVOUR(bp, (void)0, (void)0, (void)0)
FLAVOUR(qsbr, urcu_qsbr_register_thread(), urcu_qsbr_unregister_thread(), urcu_qsbr_quiescent_state())

void rival_urcu(void)
{
	static const struct grace_ops memb = {create, destroy, memb_read, memb_synchronize, memb_update},
				      bp = {create, destroy, bp_read, bp_synchronize, bp_update},
				      qsbr = {create, destroy, qsbr_read, qsbr_synchronize, qsbr_update};

	bench_grace("urcu_memb", &memb);
	bench_grace("urcu_bp", &bp);
	bench_grace("urcu_qsbr", &qsbr);
	bench_register(&(struct bench_spec){.name = "slot_read/urcu_memb", .routine = memb_slot});
	bench_register(&(struct bench_spec){.name = "slot_read/urcu_bp", .routine = bp_slot});
	bench_register(&(struct bench_spec){.name = "slot_read/urcu_qsbr", .routine = qsbr_slot});
}
