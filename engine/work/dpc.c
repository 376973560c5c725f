/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dpc.c - the public calls on one object: its settings, and removal. Insertion is in insert.c.
 */
#include "queue.h"

static enum dhp_status init(struct dhp_dpc *object, struct dhp_engine *engine, dhp_dpc_routine *routine,
			    void *context, bool threaded)
{
	struct dhpi_dpc *dpc = dhpi_dpc(object);

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (!dhpi_dpc_is_aligned(object))
		return DHP_BAD_OBJECT;
	if (routine == NULL)
		return DHP_BAD_CALLBACK;
	DHPI_CHECK(2, dpc->magic != DHPI_DPC_MAGIC || dpc->work != engine->work ||
			      at_load_relaxed_u32(&dpc->claim) != 1, /* relaxed: its owner's last insert is its own; else what malloc left */
		   "S-604: a queued object is not initialised again");
	*dpc = (struct dhpi_dpc){ .routine = routine, .context = context, .work = engine->work };
	at_init_u32(&dpc->target, DHPI_NO_TARGET);
	at_init_u8(&dpc->importance, DHP_IMPORTANCE_MEDIUM);
	dpc->threaded = threaded && !engine->work->without_threaded; /* S-660 */
	dpc->magic = DHPI_DPC_MAGIC;
	return DHP_OK;
}

enum dhp_status dhp_dpc_init(struct dhp_dpc *object, struct dhp_engine *engine, dhp_dpc_routine *routine,
			     void *context)
{
	return init(object, engine, routine, context, false);
}

enum dhp_status dhp_dpc_init_threaded(struct dhp_dpc *object, struct dhp_engine *engine, dhp_dpc_routine *routine,
				      void *context)
{
	return init(object, engine, routine, context, true);
}

enum dhp_status dhp_dpc_set_importance(struct dhp_dpc *object, enum dhp_importance importance)
{
	if (!dhpi_dpc_is_initialised(object))
		return DHP_BAD_OBJECT;
	if ((uint32_t)importance > DHP_IMPORTANCE_MEDIUM_HIGH)
		return DHP_BAD_IMPORTANCE;
	/* relaxed: a setting; who sets and inserts from two threads orders them */
	at_store_relaxed_u8(&dhpi_dpc(object)->importance, (uint8_t)importance);
	return DHP_OK;
}

enum dhp_status dhp_dpc_set_target(struct dhp_dpc *object, uint32_t index)
{
	struct dhpi_dpc *dpc = dhpi_dpc(object);
	struct dhp_processor row;

	if (!dhpi_dpc_is_initialised(object))
		return DHP_BAD_OBJECT;
	if (!dhpi_set_read(dpc->work->set, index, &row))
		return DHP_BAD_INDEX;
	at_store_relaxed_u32(&dpc->target, index); /* relaxed: as importance */
	return DHP_OK;
}

enum dhp_status dhp_dpc_remove(struct dhp_dpc *object)
{
	struct dhpi_dpc *dpc = dhpi_dpc(object);

	if (!dhpi_dpc_is_initialised(object))
		return DHP_BAD_OBJECT;
	return dhpi_queue_remove(dpc->work, dpc) ? DHP_OK : DHP_NOT_QUEUED;
}
