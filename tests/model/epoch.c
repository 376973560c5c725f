/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoch.c - no object is freed while a section may have it; the reclaimer finds what is deferred, sleeps and stops.
 *
 * Objects are unlinked and found by relaxed operations: a grace period orders what it has to by itself.
 *
 * Edges: epoch-enter epoch-exit grace-start reader-record defer defer-sleep reclaimer-stop
 */
#include "model.h"

#include "sync/epoch.c"

struct object {
	struct dhp_deferred deferred;
	uint32_t payload;
};

static struct world {
	struct dhpi_epoch epoch;
	struct dhp_reader *readers[2];
	struct at_ptr link;
	struct object *objects[2];
	struct port_event reclaimed;
	uint32_t reclaimed_count; /* the reclaimer's */
	struct at_u32 hint, may_stop;
} *world;

static struct object *new_object(void)
{
	struct object *object = model_alloc(sizeof(*object));

	object->payload = 7;
	return object;
}

static void before(void)
{
	world = model_alloc(sizeof(*world));
	(void)dhpi_epoch_init(&world->epoch);
	for (uint32_t i = 0; i < 2; i++) {
		world->objects[i] = new_object();
		world->readers[i] = dhpi_reader_take(&world->epoch);
	}
	at_init_ptr(&world->link, world->objects[0]);
}

static void use_what_is_linked(void)
{
	struct object *object = at_load_relaxed_ptr(&world->link);

	if (object != NULL)
		MODEL_ASSERT(object->payload == 7);
}

/* ---- sections and grace periods ---- */

static void read_twice(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		dhp_epoch_enter(world->readers[0]);
		use_what_is_linked();
		dhp_epoch_exit(world->readers[0]);
	}
}

static void work_and_rest(void)
{
	struct dhp_reader *reader = world->readers[1];

	dhpi_reader_online(reader);
	for (uint32_t i = 0; i < 2; i++) {
		use_what_is_linked();
		dhpi_reader_quiescent(reader);
	}
	use_what_is_linked();
	dhpi_reader_offline(reader);
}

static void unlink_and_free(void)
{
	at_store_relaxed_ptr(&world->link, NULL);
	dhpi_epoch_synchronize(&world->epoch);
	model_free(world->objects[0], sizeof(struct object));
}

/* Two grace periods: the number of the first is old for the second. */
static void replace_and_free_twice(void)
{
	at_store_release_ptr(&world->link, world->objects[1]);
	dhpi_epoch_synchronize(&world->epoch);
	model_free(world->objects[0], sizeof(struct object));
	at_store_relaxed_ptr(&world->link, NULL);
	dhpi_epoch_synchronize(&world->epoch);
	model_free(world->objects[1], sizeof(struct object));
}

/* Two periods at once: neither waits for the other. */
static void take_and_free(struct object *instead)
{
	struct object *object = at_exchange_acq_rel_ptr(&world->link, instead);

	if (object == NULL)
		return;
	dhpi_epoch_synchronize(&world->epoch);
	model_free(object, sizeof(*object));
}

static void replace_one(void)
{
	take_and_free(world->objects[1]);
}

static void take_one(void)
{
	take_and_free(NULL);
}

/* ---- records ---- */

static void come_and_go(void)
{
	struct dhp_reader *reader = dhpi_reader_take(&world->epoch);

	dhp_epoch_enter(reader);
	use_what_is_linked();
	dhp_epoch_exit(reader);
	dhpi_reader_give(reader);
}

static void before_without_readers(void)
{
	world = model_alloc(sizeof(*world));
	(void)dhpi_epoch_init(&world->epoch);
	world->objects[0] = new_object();
	at_init_ptr(&world->link, world->objects[0]);
}

/* As a worker that comes up: its first section is online all the time. */
static void come_online_and_go(void)
{
	struct dhp_reader *reader = dhpi_reader_take(&world->epoch);

	dhpi_reader_online(reader);
	use_what_is_linked();
	dhpi_reader_give(reader);
}

static void come_and_go_twice(void)
{
	come_and_go();
	come_and_go();
}

/* ---- the reclaimer ---- */

static void reclaim(struct dhp_deferred *deferred)
{
	struct object *object = DHPI_CONTAINER(deferred, struct object, deferred);

	MODEL_ASSERT(object->payload == 8);
	world->reclaimed_count++;
	model_free(object, sizeof(*object));
	(void)port_event_signal(&world->reclaimed);
}

static void defer_object(struct object *object)
{
	object->payload = 8;
	object->deferred.reclaim = reclaim;
	dhpi_epoch_defer(&world->epoch, &object->deferred);
}

/* A wake-up that is lost would leave both asleep. */
static void defer_and_sleep(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t ticket = port_event_ticket(&world->reclaimed);

		defer_object(world->objects[i]);
		port_event_wait(&world->reclaimed, ticket, 0);
	}
	dhpi_epoch_fini(&world->epoch);
}

static void defer_and_drain(void)
{
	defer_object(world->objects[0]);
	dhpi_epoch_drain(&world->epoch);
	MODEL_ASSERT(world->reclaimed_count == 1);
	dhpi_epoch_fini(&world->epoch);
}

/* What somebody else deferred before, as a hint says, is drained too. */
static void defer_and_hint(void)
{
	defer_object(world->objects[0]);
	at_store_release_u32(&world->hint, 1);
}

static void drain_after_hint(void)
{
	uint32_t hint = at_load_acquire_u32(&world->hint);

	dhpi_epoch_drain(&world->epoch);
	if (hint != 0)
		MODEL_ASSERT(world->reclaimed_count == 1);
	while (at_load_acquire_u32(&world->hint) == 0)
		port_relax();
	dhpi_epoch_fini(&world->epoch);
}

static void defer_and_stop(void)
{
	defer_object(world->objects[0]);
	dhpi_epoch_fini(&world->epoch);
	MODEL_ASSERT(world->reclaimed_count == 1);
}

static void defer_first(void)
{
	defer_object(world->objects[0]);
	(void)at_fetch_add_release_u32(&world->may_stop, 1);
}

static void defer_second_and_stop(void)
{
	defer_object(world->objects[1]);
	while (at_load_acquire_u32(&world->may_stop) == 0)
		port_relax();
	dhpi_epoch_fini(&world->epoch);
	MODEL_ASSERT(world->reclaimed_count == 2);
}

const struct model_world model_worlds[] = {
	{ "section", before, { read_twice, unlink_and_free }, NULL, 1 },
	{ "worker", before, { work_and_rest, replace_and_free_twice }, NULL, 1 },
	{ "two_periods", before, { work_and_rest, replace_one, take_one }, NULL, 1 },
	{ "both", before, { read_twice, work_and_rest, unlink_and_free }, NULL, 1 },
	{ "record_comes_and_goes", before_without_readers, { come_and_go, come_and_go_twice, unlink_and_free }, NULL, 1 },
	{ "record_comes_online", before_without_readers, { come_and_go, come_online_and_go, unlink_and_free }, NULL, 1 },
	{ "defer_wakes", before, { defer_and_sleep, model_run_started }, NULL, 1 },
	{ "drain_waits", before, { defer_and_drain, model_run_started }, NULL, 1 },
	{ "drain_for_others", before, { defer_and_hint, drain_after_hint, model_run_started }, NULL, 1 },
	{ "stop_reclaims", before, { defer_and_stop, model_run_started }, NULL, 1 },
	{ "two_defer", before, { defer_first, defer_second_and_stop, model_run_started }, NULL, 1 },
	{ .name = NULL },
};
