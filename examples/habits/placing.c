/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placing.c - each processor has a queue, and a DPC that has to handle it there and nowhere else.
 */
#include "habits.h"

struct queue {
	struct dhp_dpc dpc;
	uint32_t index; /* of its processor */
};

static struct dhp_notify *registration;
static struct queue queues[MOST];

static enum dhp_status (*aim)(struct queue *queue); /* one of the two below */
static dhp_dpc_routine handle;

/* ---- broken ---- */

static enum dhp_status aim_broken(struct queue *queue)
{
	struct dhp_number number = { .group = 0, .number = (uint8_t)queue->index };
	uint32_t target = 0;

	(void)dhp_index_of_number(engine, number, &target); /* there is no such number: it stays 0 */
	return dhp_dpc_set_target(&queue->dpc, target);
}

/* ---- right ---- */

static enum dhp_status aim_right(struct queue *queue)
{
	return dhp_dpc_set_target(&queue->dpc, queue->index);
}

static void place(void *context, const struct dhp_processor_change *change, enum dhp_status *status)
{
	struct queue *queue = &queues[change->index];
	enum dhp_status aimed;

	(void)context;
	if (change->state != DHP_CHANGE_START)
		return;
	queue->index = change->index;
	(void)dhp_dpc_init(&queue->dpc, engine, handle, queue);
	aimed = aim(queue); /* the newcomer can be a target already */
	if (dhp_failed(aimed))
		*status = aimed; /* a veto */
}

/* ---- around both ---- */

static void handle(struct dhp_dpc *dpc, void *context, void *a, void *b)
{
	const struct queue *queue = context;

	(void)dpc, (void)a, (void)b;
	if (dhp_index_here(engine) == queue->index)
		served_at(queue->index);
}

static bool load(enum dhp_status (*which)(struct queue *queue))
{
	aim = which;
	return dhp_notify_register(engine, place, NULL, DHP_NOTIFY_EXISTING, &registration) == DHP_OK;
}

static bool load_broken(void)
{
	return load(aim_broken);
}

static bool load_right(void)
{
	return load(aim_right);
}

static void work(void)
{
	uint32_t count = dhp_active_count(engine, DHP_ALL_GROUPS, NULL);

	for (uint32_t index = 0; index < count; index++)
		(void)dhp_dpc_insert(&queues[index].dpc, NULL, NULL);
}

static void unload(void)
{
	(void)dhp_notify_unregister(registration);
	registration = NULL;
}

const struct habit placing = {
	"placing", "processor 0 handles the queues of the others",
	{ load_broken, work, served_count, unload },
	{ load_right, work, served_count, unload },
};
