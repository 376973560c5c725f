/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * call.c - one function on all active processors at once (S-710).
 *
 * Problem   all processors run it together, none before all have come, and processors may arrive meanwhile.
 * Idea      every queue has a DPC of its own for this, High and with its processor as target. Its routine says that it has
 *           come and spins until it may go on. When all have come, the caller looks whether there are more processors now:
 *           then it waits for those too, otherwise it opens the barrier. So the set is that of the barrier (S-715), and a
 *           processor of which the transaction is open is not in it. No memory is needed for a call.
 *
 * I1        one call at a time: the DPC of a queue is idle and its fields are the caller's until it is inserted.
 * I2        `go` is closed again only when all of the call before have ended, so nobody looks at it.
 *
 * Progress  blocking: a processor that runs a long routine keeps all others waiting.
 */
#include "watchdog.h"

#define SPINS_BEFORE_YIELD 64u

/* There may be more workers than processors of the machine, so a waiter lets others run after a while. */
static void pause_in_spin(uint32_t spins)
{
	if (spins < SPINS_BEFORE_YIELD)
		port_relax();
	else
		port_yield();
}

static void wait_at_barrier(struct dhpi_call *call)
{
	(void)at_fetch_add_release_u32(&call->arrived, 1); /* [call-arrived] release */
	(void)port_event_signal(&call->event);
	for (uint32_t spins = 0; at_load_acquire_u32(&call->go) == 0; spins++) /* [call-go] acquire */
		pause_in_spin(spins);
}

static void take_part(struct dhp_dpc *dpc, void *context, void *argument_1, void *argument_2)
{
	struct dhpi_queue *queue = context;
	struct dhpi_call *call = &queue->work->call;
	uintptr_t result;

	(void)dpc;
	(void)argument_1;
	(void)argument_2;
	wait_at_barrier(call);
	dhpi_watchdog_begin(queue);
	port_self()->call = call;
	result = call->routine(call->argument);
	port_self()->call = NULL;
	if (dhpi_queue_index(queue) == call->index)
		call->result = result;
	dhpi_watchdog_leave_out(queue);
	(void)at_fetch_add_release_u32(&call->ended, 1); /* [call-ended] release */
	(void)port_event_signal(&call->event);
}

static void invite(struct dhp_engine *engine, uint32_t index)
{
	struct dhpi_queue *queue = dhpi_queue_of_index(engine->work, index);
	enum dhp_status status = dhp_dpc_init(&queue->call, engine, take_part, queue);

	if (status == DHP_OK)
		status = dhp_dpc_set_importance(&queue->call, DHP_IMPORTANCE_HIGH);
	if (status == DHP_OK)
		status = dhp_dpc_set_target(&queue->call, index);
	if (status == DHP_OK)
		status = dhp_dpc_insert(&queue->call, NULL, NULL);
	DHPI_CHECK(1, status == DHP_OK, "I1");
}

static void wait_for_arrivals(struct dhpi_call *call, uint32_t count)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(&call->event);

		if (at_load_acquire_u32(&call->arrived) == count) /* [call-arrived] acquire */
			return;
		port_event_wait(&call->event, ticket, 0);
	}
}

static void wait_for_ends(struct dhpi_call *call, uint32_t count)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(&call->event);

		if (at_load_acquire_u32(&call->ended) == count) /* [call-ended] acquire */
			return;
		port_event_wait(&call->event, ticket, 0);
	}
}

/* Gives the number of processors that wait at the barrier: all there are. */
static uint32_t gather(struct dhp_engine *engine)
{
	uint32_t count = 0;

	while (count < dhpi_set_active(engine->set)) {
		uint32_t active = dhpi_set_active(engine->set);

		while (count < active)
			invite(engine, count++);
		wait_for_arrivals(&engine->work->call, count);
	}
	return count;
}

static uintptr_t call_on_all(struct dhp_engine *engine, dhp_call_routine *routine, void *argument)
{
	struct dhpi_call *call = &engine->work->call;
	uintptr_t result;
	uint32_t count;

	port_mutex_lock(&call->calling);
	call->routine = routine;
	call->argument = argument;
	call->index = dhpi_work_index_here(engine->work);
	at_store_relaxed_u32(&call->arrived, 0); /* relaxed: the pushes order it */
	at_store_relaxed_u32(&call->ended, 0);   /* relaxed: likewise */
	at_store_relaxed_u32(&call->met, 0);     /* relaxed: likewise */
	at_store_relaxed_u32(&call->go, 0);      /* relaxed: likewise, I2 */
	count = gather(engine);
	call->count = count;
	at_store_release_u32(&call->go, 1); /* [call-go] release */
	wait_for_ends(call, count);
	result = call->result;
	port_mutex_unlock(&call->calling);
	return result;
}

enum dhp_status dhp_call_all(struct dhp_engine *engine, dhp_call_routine *routine, void *argument,
			     uintptr_t *out_result)
{
	uintptr_t result;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (routine == NULL)
		return DHP_BAD_CALLBACK;
	DHPI_REQUIRE_PASSIVE();
	if (engine->work->without_workers)
		return DHP_NOT_SUPPORTED;
	result = call_on_all(engine, routine, argument);
	if (out_result != NULL)
		*out_result = result;
	return DHP_OK;
}

/* Meetings of one call are told apart by the count of all who ever came: nobody comes to the next before all are here. */
bool dhp_call_meet(struct dhp_engine *engine)
{
	struct dhpi_call *call;
	uint32_t before, all;

	if (engine == NULL)
		return false;
	call = &engine->work->call;
	if (port_self()->call != call)
		return false; /* nobody else would come */
	before = at_fetch_add_release_u32(&call->met, 1); /* [call-met] release */
	all = (before / call->count + 1) * call->count;

	for (uint32_t spins = 0; at_load_acquire_u32(&call->met) < all; spins++) /* [call-met] acquire */
		pause_in_spin(spins);
	return before + 1 == all;
}
