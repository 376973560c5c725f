/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grace.c - our grace periods. "ours" waits for a worker that runs one DPC after another, each of which inserts itself
 * again: as busy as a worker can be. "ours_reader" waits for a thread that opens and closes explicit sections.
 */
#include <dhp.h>
#include <semaphore.h>
#include <stdlib.h>

#include "all.h"
#include "grace.h"
#include "threads.h"

#define BATCH 256u /* replaced, then freed, as in the floor */

struct grace {
	struct dhp_engine *engine;
	_Alignas(128) struct dhp_dpc dpc; /* its worker writes there all the time, and who waits reads `engine` */
	_Alignas(128) sem_t ended;
	_Alignas(128) _Atomic(void *) published;
};

struct object {
	struct dhp_deferred deferred;
	char rest[64 - sizeof(struct dhp_deferred)];
};

static void turn(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct grace *grace = context;
	struct grace_turns *turns = argument_1;

	grace_turn(turns);
	if (grace_stopped(turns))
		sem_post(&grace->ended);
	else
		dhp_dpc_insert(dpc, argument_1, argument_2);
}

static void *create(void)
{
	struct dhp_engine_options options = {.size = sizeof(options), .flags = DHP_ENGINE_NO_WATCH};
	struct grace *grace = aligned_alloc(128, sizeof(*grace));

	if (grace == NULL)
		return NULL;
	*grace = (struct grace){.engine = NULL};
	sem_init(&grace->ended, 0, 0);
	if (dhp_failed(dhp_engine_create(&options, &grace->engine))) {
		free(grace);
		return NULL;
	}
	dhp_dpc_init(&grace->dpc, grace->engine, turn, grace);
	return grace;
}

static void destroy(void *argument)
{
	struct grace *grace = argument;

	dhp_dpc_flush(grace->engine);
	dhp_engine_destroy(grace->engine);
	free(atomic_load(&grace->published));
	free(grace);
}

static void by_worker(void *argument, struct grace_turns *turns)
{
	struct grace *grace = argument;
	uint32_t index;

	if (dhp_index_of_cpu(grace->engine, threads_cpu(WHERE_SECOND), &index) == DHP_OK)
		dhp_dpc_set_target(&grace->dpc, index);
	dhp_dpc_insert(&grace->dpc, turns, NULL);
	while (sem_wait(&grace->ended) != 0)
		;
	dhp_dpc_flush(grace->engine);
}

static void by_reader(void *argument, struct grace_turns *turns)
{
	struct grace *grace = argument;
	struct dhp_reader *reader;

	if (dhp_failed(dhp_reader_join(grace->engine, &reader)))
		return;
	while (!grace_stopped(turns)) {
		dhp_epoch_enter(reader);
		grace_turn(turns);
		dhp_epoch_exit(reader);
	}
	dhp_reader_leave(reader);
}

static void synchronize(void *argument)
{
	struct grace *grace = argument;

	dhp_epoch_synchronize(grace->engine);
}

static void reclaim(struct dhp_deferred *deferred)
{
	free(deferred); /* its first member */
}

static void update(void *argument, size_t count)
{
	struct grace *grace = argument;

	while (count-- > 0) {
		struct object *old =
			atomic_exchange_explicit(&grace->published, malloc(sizeof(*old)), memory_order_acq_rel);

		if (old != NULL)
			dhp_epoch_defer(grace->engine, &old->deferred, reclaim);
		if (count % BATCH == 0) /* at the end too */
			dhp_epoch_drain(grace->engine);
	}
}

/* The same by a thread that may wait, and keeps what it replaced to itself. */
static void update_waiting(void *argument, size_t count)
{
	struct grace *grace = argument;
	void *old[BATCH];

	for (size_t batch = 0; batch < count / BATCH; batch++) {
		for (unsigned i = 0; i < BATCH; i++)
			old[i] = atomic_exchange_explicit(&grace->published, malloc(sizeof(struct object)),
							  memory_order_acq_rel);
		dhp_epoch_synchronize(grace->engine);
		for (unsigned i = 0; i < BATCH; i++)
			free(old[i]);
	}
}

/* The same with blocks of a lookaside list, as a program of ours would. */
static struct dhp_lookaside *list; /* of the run that is on */

static void *create_listed(void)
{
	struct dhp_lookaside_options options = {.size = sizeof(options), .block_bytes = sizeof(struct object)};
	struct grace *grace = create();

	if (grace != NULL && dhp_failed(dhp_lookaside_create(grace->engine, &options, &list))) {
		destroy(grace);
		return NULL;
	}
	return grace;
}

static void destroy_listed(void *argument)
{
	struct grace *grace = argument;

	dhp_lookaside_free(list, atomic_exchange(&grace->published, NULL));
	dhp_lookaside_destroy(list);
	destroy(grace);
}

static void reclaim_listed(struct dhp_deferred *deferred)
{
	dhp_lookaside_free(list, deferred);
}

static void update_listed(void *argument, size_t count)
{
	struct grace *grace = argument;

	while (count-- > 0) {
		struct object *old = atomic_exchange_explicit(&grace->published, dhp_lookaside_allocate(list),
							      memory_order_acq_rel);

		if (old != NULL)
			dhp_epoch_defer(grace->engine, &old->deferred, reclaim_listed);
		if (count % BATCH == 0) /* at the end too */
			dhp_epoch_drain(grace->engine);
	}
}

void ours_grace(void)
{
	static const struct grace_ops listed = {create_listed, destroy_listed, NULL, NULL, update_listed};
	static const struct grace_ops waiting = {create, destroy, NULL, NULL, update_waiting};
	static const struct grace_ops worker = {create, destroy, by_worker, synchronize, update},
				      reader = {create, destroy, by_reader, synchronize, NULL};

	bench_grace("ours", &worker);
	bench_grace("ours_reader", &reader);
	bench_grace("ours_lookaside", &listed);
	bench_grace("ours_waiting", &waiting);
}
