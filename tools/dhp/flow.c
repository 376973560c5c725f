/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.c - items that keep themselves in flow.
 *
 * Problem   a thread that submits needs a processor of its own, and on the one CPU of the start it would take half of
 *           what is to be measured.
 * Idea      the main thread submits each item once. An item that has run takes the next ticket, that is the next
 *           block, and inserts itself again, without a target: it stays on the processor that ran it until an idle one
 *           takes it over. So the number in flight is constant, nobody submits from outside, and a processor that
 *           arrives finds its share in the queues of the others.
 * I1        a ticket is handed out once and belongs to one insertion.
 * I2        after the insertion the item is not touched: it may run on another processor at once.
 * I3        after `closing` a routine inserts no more. One flush waits for the routines that had not seen it yet, a
 *           second one for what those inserted.
 */
#include "flow.h"
#include "say.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* On lines of its own: two processors often run neighbours. */
struct flow_item {
	_Alignas(DHP_LINE_PAIR_BYTES) struct dhp_dpc dpc;
};

static bool flow_take(struct flow *flow, uint64_t *out_ticket)
{
	/* relaxed: a missed `closing` is seen one item later (I3); the ticket itself is all that is handed out */
	if (atomic_load_explicit(&flow->closing, memory_order_relaxed))
		return false;
	*out_ticket = atomic_fetch_add_explicit(&flow->next_ticket, 1, memory_order_relaxed);
	return *out_ticket < flow->ledger.capacity;
}

static bool flow_insert(struct dhp_dpc *dpc, uint64_t ticket)
{
	return !dhp_failed(dhp_dpc_insert(dpc, (void *)(uintptr_t)ticket, NULL));
}

static void flow_again(struct flow *flow, struct lane *lane, struct dhp_dpc *dpc)
{
	uint64_t ticket;

	if (flow_take(flow, &ticket))
		lane_add(flow_insert(dpc, ticket) ? &lane->submitted_count : &lane->refused_count);
}

static void flow_run(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct flow *flow = context;
	struct lane *lane = dhp_percpu_here(flow->lanes);
	uint64_t ticket = (uintptr_t)argument_1;

	(void)argument_2;
	lane_begin(lane);
	if (!ledger_mark(&flow->ledger, ticket))
		lane_add(&lane->doubled_count);
	lane_end(lane, flow->timeline, bytes_checksum(flow->bytes, ticket % flow->bytes->block_count));
	flow_again(flow, lane, dpc);
}

int flow_open(struct flow *flow, uint64_t tickets_limit)
{
	flow->items = aligned_alloc(_Alignof(struct flow_item), flow->item_count * sizeof(*flow->items));
	if (!flow->items)
		return say_status("cannot make the items", DHP_NO_MEMORY);
	memset(flow->items, 0, flow->item_count * sizeof(*flow->items));
	if (!ledger_open(&flow->ledger, tickets_limit))
		return say_failed("cannot keep account of so long a run: %s; use a smaller --seconds", strerror(errno));
	return TOOL_FINE;
}

int flow_start(struct flow *flow)
{
	uint32_t at;

	for (at = 0; at < flow->item_count; at++) {
		struct dhp_dpc *dpc = &flow->items[at].dpc;
		enum dhp_status status = dhp_dpc_init(dpc, flow->engine, flow_run, flow);
		uint64_t ticket;

		if (dhp_failed(status))
			return say_status("cannot make an item", status);
		if (!flow_take(flow, &ticket))
			return TOOL_FINE;
		if (!flow_insert(dpc, ticket))
			return say_failed("cannot insert item %u", (unsigned)at);
		flow->submitted_count++;
	}
	return TOOL_FINE;
}

void flow_stop(struct flow *flow)
{
	atomic_store(&flow->closing, true);
	dhp_dpc_flush(flow->engine);
	dhp_dpc_flush(flow->engine);
}

void flow_close(struct flow *flow)
{
	ledger_close(&flow->ledger);
	free(flow->items);
}

uint64_t flow_tickets(const struct flow *flow)
{
	uint64_t tickets = lane_read(&flow->next_ticket);

	return tickets < flow->ledger.capacity ? tickets : flow->ledger.capacity;
}
