/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow.h - the work of the demo: a steady number of items in flight, each the checksum of one block.
 */
#ifndef TOOL_FLOW_H
#define TOOL_FLOW_H

#include "bytes.h"
#include "lane.h"
#include "ledger.h"

struct flow_item;

struct flow {
	/* set before flow_start */
	struct dhp_engine *engine;
	struct dhp_percpu *lanes;
	const struct bytes *bytes;
	const struct timeline *timeline;
	uint32_t item_count;

	/* of flow.c */
	struct ledger ledger;
	struct flow_item *items;
	uint64_t submitted_count; /* by flow_start; the rest is in the lanes */
	_Alignas(DHP_LINE_PAIR_BYTES) _Atomic uint64_t next_ticket; /* any processor */
	_Alignas(DHP_LINE_PAIR_BYTES) atomic_bool closing;          /* main thread to everybody: submit no more */
};

/* Memory for the items and for tickets_limit tickets. TOOL_FINE, or the error has been said. */
int flow_open(struct flow *flow, uint64_t tickets_limit);
int flow_start(struct flow *flow);

/* Submit no more, and wait until everything that was submitted has run. */
void flow_stop(struct flow *flow);
void flow_close(struct flow *flow);

/* Tickets handed out: the items 0 to this - 1 should have run. Exact after flow_stop. */
uint64_t flow_tickets(const struct flow *flow);

#endif
