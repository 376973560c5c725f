/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_list.h - the least that handing work to another processor can cost while an object may be queued only once.
 *
 * Two locked operations an item: the claim (exchange of the object's link, "idle" against "busy") and the hand-over
 * (exchange of the list's head). The consumer takes the whole list with one exchange and never sleeps.
 * Not: order, importance, removal, flush, stealing, sleeping, arrivals.
 */
#ifndef BENCH_FLOOR_LIST_H
#define BENCH_FLOOR_LIST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct floor_item;
typedef void floor_routine(struct floor_item *item, void *context);

struct floor_item {
	_Alignas(128) _Atomic(struct floor_item *) link; /* idle, busy (claimed, not linked yet), or the next one */
	floor_routine *routine;
	void *context;
};

/* One consumer thread, pinned to a cpu. */
struct floor_list;

struct floor_list *floor_list_start(uint32_t cpu);
void floor_list_stop(struct floor_list *list);

void floor_item_init(struct floor_item *item, floor_routine *routine, void *context);

/* false: it was queued already. */
bool floor_list_push(struct floor_list *list, struct floor_item *item);

/* The same onto a list that only the caller touches: the claim stays, the hand-over is two plain stores. */
struct floor_local {
	struct floor_item *first;
};

bool floor_local_push(struct floor_local *local, struct floor_item *item);
void floor_local_run(struct floor_local *local); /* until it is empty */

#endif
