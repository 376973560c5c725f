/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pause.c - all the queues of an engine: they come and go, and hold together while the engine is paused (S-740).
 *
 * First every queue begins to hold, then the last request in flight of each is waited for: a request of one that waits for a
 * request of another would otherwise keep the pause from ending.
 *
 * I1        the mutex is held through a pause and through a resume; routines run under it in a resume only, and what they
 *           may not call says DHP_IN_CALLBACK.
 * I2        who holds the partition's lock does not wait for the mutex: a routine may wait for that lock.
 */
#include "hold.h"
#include "rebalance.h"

void dhpi_holds_init(struct dhpi_holds *holds, struct port_mutex *serial)
{
	holds->serial = serial;
	port_mutex_init(&holds->mutex);
	dhpi_list_init(&holds->list);
}

void dhpi_holds_fini(struct dhpi_holds *holds)
{
	port_mutex_fini(&holds->mutex);
}

uint32_t dhpi_holds_count(struct dhpi_holds *holds)
{
	uint32_t count;

	port_mutex_lock(&holds->mutex);
	count = holds->count;
	port_mutex_unlock(&holds->mutex);
	return count;
}

static enum dhp_status enter(struct dhpi_holds *holds)
{
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&holds->mutex) || port_mutex_mine(holds->serial)) /* I2 */
		return DHP_IN_CALLBACK;
	port_mutex_lock(&holds->mutex);
	return DHP_OK;
}

static struct dhp_hold *hold_at(struct dhpi_link *link)
{
	return DHPI_CONTAINER(link, struct dhp_hold, link);
}

enum dhp_status dhp_hold_create(struct dhp_engine *engine, dhp_request_routine *routine, void *context,
				struct dhp_hold **out_hold)
{
	struct dhpi_holds *holds;
	struct dhp_hold *hold;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (routine == NULL)
		return DHP_BAD_CALLBACK;
	if (out_hold == NULL)
		return DHP_BAD_RESULT;
	holds = &engine->rebalance->holds;
	status = enter(holds);
	if (dhp_failed(status))
		return status;
	hold = dhpi_hold_alloc(routine, context);
	if (hold != NULL) {
		hold->holds = holds;
		dhpi_list_push_tail(&holds->list, &hold->link);
		holds->count++;
		if (holds->paused)
			dhpi_hold_begin(hold);
		*out_hold = hold;
	}
	port_mutex_unlock(&holds->mutex);
	return hold != NULL ? DHP_OK : DHP_NO_MEMORY;
}

enum dhp_status dhp_hold_destroy(struct dhp_hold *hold)
{
	struct dhpi_holds *holds;
	enum dhp_status status;

	if (hold == NULL)
		return DHP_OK;
	holds = hold->holds;
	status = enter(holds);
	if (dhp_failed(status))
		return status;
	dhpi_list_unlink(&hold->link);
	if (dhpi_hold_free(hold)) {
		holds->count--;
	} else {
		dhpi_list_push_tail(&holds->list, &hold->link);
		status = DHP_IN_USE;
	}
	port_mutex_unlock(&holds->mutex);
	return status;
}

/* ---- pause and resume ---- */

static enum dhp_status wait_for_all(struct dhpi_holds *holds, uint64_t limit_ns)
{
	uint64_t began_ns = port_now_ns();
	enum dhp_status status = DHP_OK;

	for (struct dhpi_link *at = holds->list.next; at != &holds->list && status == DHP_OK; at = at->next) {
		uint64_t passed_ns = port_now_ns() - began_ns;
		uint64_t left_ns = passed_ns < limit_ns ? limit_ns - passed_ns : 1;

		status = dhpi_hold_wait(hold_at(at), limit_ns == 0 ? 0 : left_ns);
	}
	return status;
}

static void end_all(struct dhpi_holds *holds)
{
	holds->paused = false;
	for (struct dhpi_link *at = holds->list.next; at != &holds->list; at = at->next)
		dhpi_hold_end(hold_at(at));
}

static enum dhp_status pause_all(struct dhpi_holds *holds, uint64_t limit_ns)
{
	enum dhp_status status;

	if (holds->paused)
		return DHP_INVALID_STATE;
	holds->paused = true;
	for (struct dhpi_link *at = holds->list.next; at != &holds->list; at = at->next)
		dhpi_hold_begin(hold_at(at));
	status = wait_for_all(holds, limit_ns);
	if (dhp_failed(status))
		end_all(holds);
	return status;
}

enum dhp_status dhp_pause_all(struct dhp_engine *engine, uint64_t limit_ns)
{
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = enter(&engine->rebalance->holds);
	if (dhp_failed(status))
		return status;
	status = pause_all(&engine->rebalance->holds, limit_ns);
	port_mutex_unlock(&engine->rebalance->holds.mutex);
	return status;
}

enum dhp_status dhp_resume_all(struct dhp_engine *engine)
{
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = enter(&engine->rebalance->holds);
	if (dhp_failed(status))
		return status;
	if (engine->rebalance->holds.paused)
		end_all(&engine->rebalance->holds);
	else
		status = DHP_INVALID_STATE;
	port_mutex_unlock(&engine->rebalance->holds.mutex);
	return status;
}
