/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stdatomic.h - as much of C11's as c11/atomic.h uses, on the builtins that fibre_atomic.h makes scheduling points.
 *
 * All fibres are one thread of the system, so an atomic variable is an ordinary one.
 */
#ifndef DHP_FIBRE_STDATOMIC_H
#define DHP_FIBRE_STDATOMIC_H

#define _Atomic(type) type

#define memory_order_relaxed __ATOMIC_RELAXED
#define memory_order_acquire __ATOMIC_ACQUIRE
#define memory_order_release __ATOMIC_RELEASE
#define memory_order_acq_rel __ATOMIC_ACQ_REL
#define memory_order_seq_cst __ATOMIC_SEQ_CST

#define atomic_init(a, v) ((void)(*(a) = (v)))
#define atomic_load_explicit(a, order) __atomic_load_n(a, order)
#define atomic_store_explicit(a, v, order) __atomic_store_n(a, v, order)
#define atomic_exchange_explicit(a, v, order) __atomic_exchange_n(a, v, order)
#define atomic_fetch_add_explicit(a, v, order) __atomic_fetch_add(a, v, order)
#define atomic_fetch_sub_explicit(a, v, order) __atomic_fetch_sub(a, v, order)
#define atomic_compare_exchange_strong_explicit(a, expected, v, success, failure)                             \
	__atomic_compare_exchange_n(a, expected, v, false, success, failure)
#define atomic_thread_fence(order) ((void)(order))
#define atomic_signal_fence(order) ((void)(order))

#endif
