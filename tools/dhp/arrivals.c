/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrivals.c - a registrant that notes the time of every call and accepts everything.
 *
 * A time is written after what belongs to it: who sees the time finds the index too.
 */
#include "arrivals.h"
#include "clock.h"
#include "say.h"

#include <stdlib.h>

static struct arrival *arrivals_find(struct arrivals *arrivals, uint32_t cpu)
{
	uint32_t at;

	for (at = 0; at < arrivals->count; at++)
		if (arrivals->list[at].cpu == cpu)
			return &arrivals->list[at];
	return NULL;
}

static void arrivals_note(void *context, const struct dhp_processor_change *change,
			  enum dhp_status *operation_status)
{
	struct arrival *arrival = arrivals_find(context, change->cpu);

	(void)operation_status;
	if (!arrival)
		return;
	switch (change->state) {
	case DHP_CHANGE_START:
		atomic_store(&arrival->index, change->index);
		atomic_store(&arrival->start_ns, clock_now_ns());
		break;
	case DHP_CHANGE_COMPLETE:
		atomic_store(&arrival->complete_ns, clock_now_ns());
		break;
	case DHP_CHANGE_FAILURE:
		atomic_store(&arrival->failure, (int32_t)change->status);
		break;
	}
}

int arrivals_open(struct arrivals *arrivals, struct dhp_engine *engine, const struct plan *plan)
{
	enum dhp_status status;
	uint32_t at;

	arrivals->list = calloc(plan->count, sizeof(*arrivals->list));
	if (!arrivals->list)
		return say_status("cannot watch arrivals", DHP_NO_MEMORY);
	arrivals->count = plan->count - 1;
	for (at = 0; at < arrivals->count; at++)
		arrivals->list[at].cpu = plan->cpus[at + 1];
	status = dhp_notify_register(engine, arrivals_note, arrivals, 0, &arrivals->registration);
	return dhp_failed(status) ? say_status("cannot watch arrivals", status) : TOOL_FINE;
}

void arrivals_close(struct arrivals *arrivals)
{
	dhp_notify_unregister(arrivals->registration);
	free(arrivals->list);
}
