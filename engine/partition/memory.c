/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - a look at the memory: how much there is, and which modules have come.
 *
 * It belongs to the look for processors and has nothing to do with an arrival of one: no step of lifecycle.c comes by here,
 * and a module that comes is no business of theirs (S-018, S-308).
 */
#include "record.h"

struct look {
	struct dhpi_partition *partition;
	enum dhp_status status;
};

static bool see_module(void *context, uint32_t id)
{
	struct look *look = context;

	if (dhpi_module_prepare(look->partition->engine->notify, id))
		return true;
	look->status = DHP_NO_MEMORY;
	return false;
}

/*
 * The amount is read before the modules, since its change may be the sign of them, and again after: who is told of one finds
 * it counted. One for which there is no memory for a row is seen again at a later look.
 */
enum dhp_status dhpi_partition_memory(struct dhpi_partition *partition, bool all)
{
	struct dhpi_notify *notify = partition->engine->notify;
	struct look look = { .partition = partition, .status = DHP_OK };
	struct dhpi_memory memory = { .total_bytes = 0 };
	uint32_t ready = notify->modules.ready;

	partition->backend->memory(partition->state, all, &memory);
	partition->backend->modules(partition->state, all, see_module, &look);
	if (notify->modules.ready != ready)
		partition->backend->memory(partition->state, false, &memory);
	dhpi_conditions_update(&notify->conditions, memory.total_bytes, memory.available_bytes, notify->modules.ready);
	dhpi_record_memory(partition);
	dhpi_modules_post(notify, partition->first_look_over);
	return look.status;
}
