/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wdk.c - the Windows names: one engine is bound at a time, locks order what they protect, signals what came before.
 *
 * Edges: wdk-phase wdk-bind wdk-held wdk-spin wdk-push wdk-signal
 * Sources: wdk/irql.c
 */
#include <string.h>

#include "model.h"
#include "parts.h"

#include "wdk/binding.c"
#include "wdk/wait.c"

static struct world {
	KSPIN_LOCK spin;
	EX_PUSH_LOCK push;
	KEVENT event;
	KSEMAPHORE semaphore;
	uint32_t payload, served, bound;
	struct at_u32 said;
	struct dhp_engine *engine;
} *world;

enum dhp_level dhp_level_raise(enum dhp_level level)
{
	(void)level;
	return DHP_PASSIVE;
}

void dhp_level_lower(enum dhp_level level)
{
	(void)level;
}

enum dhp_status dhpi_wdk_workers_start(void)
{
	world->bound++;
	return DHP_OK;
}

void dhpi_wdk_workers_stop(void)
{
	world->bound--;
}

enum dhp_status dhp_arrival_drain(struct dhp_engine *engine)
{
	(void)engine;
	return DHP_OK;
}

NTSTATUS dhp_wdk_status(enum dhp_status status)
{
	return status == DHP_OK ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

void dhpi_wdk_reap(void)
{
}

void dhpi_wdk_bury_all(void)
{
}

void dhpi_callbacks_end_all(void)
{
}

static void before(void)
{
	memset(&binding, 0, sizeof(binding));
	memset(places, 0, sizeof(places));
	world = model_alloc(sizeof(*world));
	world->engine = model_alloc(sizeof(*world->engine));
	KeInitializeSpinLock(&world->spin);
	ExInitializePushLock(&world->push);
	KeInitializeEvent(&world->event, SynchronizationEvent, FALSE);
	KeInitializeSemaphore(&world->semaphore, 0, 2);
}

static void notification_event(void)
{
	before();
	KeInitializeEvent(&world->event, NotificationEvent, FALSE);
}

static void bound(void)
{
	before();
	MODEL_ASSERT(dhp_wdk_bind(world->engine) == DHP_OK);
}

/* ---- the binding ---- */

static void bind_and_unbind(void)
{
	if (dhp_wdk_bind(world->engine) == DHP_OK)
		MODEL_ASSERT(dhp_wdk_unbind() == DHP_OK);
}

/* The driver entry sees what its engine is. */
static void make_and_bind(void)
{
	world->engine->set = (void *)world;
	MODEL_ASSERT(dhp_wdk_bind(world->engine) == DHP_OK);
}

static void use_engine(void)
{
	struct dhp_engine *engine = dhpi_wdk_engine();

	if (engine != NULL)
		MODEL_ASSERT(engine->set == (void *)world);
}

static void one_is_held(void)
{
	bound();
	dhpi_wdk_hold();
}

static void use_and_release(void)
{
	world->payload = 1;
	dhpi_wdk_release();
}

static void unbind_and_look(void)
{
	if (dhp_wdk_unbind() == DHP_OK)
		MODEL_ASSERT(world->payload == 1);
}

/* ---- locks ---- */

static void spin(void)
{
	KIRQL before_it = KeAcquireSpinLockRaiseToDpc(&world->spin);

	world->payload++;
	KeReleaseSpinLock(&world->spin, before_it);
}

static void push_exclusive(void)
{
	ExAcquirePushLockExclusive(&world->push);
	world->payload++;
	ExReleasePushLockExclusive(&world->push);
}

static void push_shared(void)
{
	uint32_t value;

	ExAcquirePushLockShared(&world->push);
	value = world->payload;
	MODEL_ASSERT(value <= 2);
	ExReleasePushLockShared(&world->push);
}

static void two_steps(void)
{
	MODEL_ASSERT(world->payload == 2);
}

/* ---- signals ---- */

static void set_event(void)
{
	world->payload = 1;
	(void)KeSetEvent(&world->event, 0, FALSE);
}

static void wait_for_event(void)
{
	MODEL_ASSERT(KeWaitForSingleObject(&world->event, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
	MODEL_ASSERT(world->payload == 1);
}

/* Who takes the state back, and finds it set, comes after who set it. */
static void reset_event(void)
{
	if (dhpi_waitable_set(waitable_of(&world->event), 0) != 0)
		MODEL_ASSERT(world->payload == 1);
}

static void release_one(void)
{
	world->payload = 1;
	(void)KeReleaseSemaphore(&world->semaphore, 0, 1, FALSE);
}

static void release_another(void)
{
	(void)KeReleaseSemaphore(&world->semaphore, 0, 1, FALSE);
}

static void wait_for_two(void)
{
	for (uint32_t i = 0; i < 2; i++)
		MODEL_ASSERT(KeWaitForSingleObject(&world->semaphore, Executive, KernelMode, FALSE, NULL) == STATUS_SUCCESS);
	MODEL_ASSERT(world->payload == 1);
}

static void look_at_semaphore(void)
{
	if (KeReadStateSemaphore(&world->semaphore) == 1)
		MODEL_ASSERT(world->payload == 1);
}

static void release_and_look(void)
{
	if (KeReleaseSemaphore(&world->semaphore, 0, 1, FALSE) == 1)
		MODEL_ASSERT(world->payload == 1);
}

const struct model_world model_worlds[] = {
	{ "two_bind", before, { bind_and_unbind, bind_and_unbind }, NULL, 1 },
	{ "bound_engine", before, { make_and_bind, use_engine }, NULL, 1 },
	{ "held", one_is_held, { use_and_release, unbind_and_look }, NULL, 1 },
	{ "spin", before, { spin, spin }, two_steps, 1 },
	{ "push", before, { push_exclusive, push_shared, push_exclusive }, two_steps, 1 },
	{ "event", before, { set_event, wait_for_event }, NULL, 1 },
	{ "event_stays", notification_event, { set_event, wait_for_event, wait_for_event }, NULL, 1 },
	{ "event_reset", before, { set_event, reset_event }, NULL, 1 },
	{ "semaphore", before, { release_one, release_another, wait_for_two }, NULL, 1 },
	{ "semaphore_state", before, { release_one, look_at_semaphore }, NULL, 1 },
	{ "semaphore_release", before, { release_one, release_and_look }, NULL, 1 },
	{ .name = NULL },
};
