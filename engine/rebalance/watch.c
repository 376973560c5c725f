/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - who hears of a rebalance, and who notices that a driver does not return.
 *
 * The thread that calls drivers cannot leave a call that hangs. So another looks at what it does every now and then while a
 * rebalance runs, and reports each call once that takes longer than the limit. Otherwise it sleeps.
 *
 * I1        the hook is called under `reporting`: one call at a time, and none of an earlier hook after a change.
 * I2        `reporting` is never held while a driver runs.
 */
#include "rebalance.h"

#define SHORTEST_LOOK_NS 1000000u
#define LOOKS_IN_LIMIT 4u

/* Under reporting. */
static void tell_hook(struct dhpi_rebalance *rebalance, struct dhp_rebalance_event event)
{
	if (rebalance->options.hook == NULL)
		return;
	event.time_ns = port_now_ns();
	rebalance->options.hook(rebalance->options.context, &event);
}

void dhpi_report(struct dhpi_rebalance *rebalance, struct dhp_rebalance_event event)
{
	port_mutex_lock(&rebalance->reporting);
	tell_hook(rebalance, event);
	port_mutex_unlock(&rebalance->reporting);
}

void dhpi_call_begins(struct dhp_device *device, uint32_t driver, enum dhp_device_request request)
{
	struct dhpi_rebalance *rebalance = device->rebalance;

	port_mutex_lock(&rebalance->reporting);
	tell_hook(rebalance, (struct dhp_rebalance_event){
		.kind = DHP_REBALANCE_ENTER, .device = device, .driver = driver, .request = request });
	rebalance->call = (struct dhpi_driver_call){
		.device = device, .driver = driver, .request = request, .began_ns = port_now_ns() };
	port_mutex_unlock(&rebalance->reporting);
}

void dhpi_call_ends(struct dhp_device *device, enum dhp_status status)
{
	struct dhpi_rebalance *rebalance = device->rebalance;

	port_mutex_lock(&rebalance->reporting);
	tell_hook(rebalance, (struct dhp_rebalance_event){
		.kind = DHP_REBALANCE_LEAVE, .device = device, .driver = rebalance->call.driver,
		.request = rebalance->call.request, .status = status,
		.ns = port_now_ns() - rebalance->call.began_ns });
	rebalance->call.began_ns = 0;
	port_mutex_unlock(&rebalance->reporting);
}

void dhpi_watch(struct dhpi_rebalance *rebalance, bool watched)
{
	port_mutex_lock(&rebalance->reporting);
	rebalance->watched = watched;
	port_mutex_unlock(&rebalance->reporting);
	if (watched)
		(void)port_event_signal(&rebalance->watch);
}

/* Under reporting. */
static void look(struct dhpi_rebalance *rebalance)
{
	struct dhpi_driver_call *call = &rebalance->call;
	uint64_t ns = call->began_ns != 0 ? port_now_ns() - call->began_ns : 0;

	if (call->began_ns == 0 || call->reported || ns < rebalance->options.stop_limit_ns)
		return;
	call->reported = true;
	at_bump_u64(&rebalance->late);
	tell_hook(rebalance, (struct dhp_rebalance_event){ .kind = DHP_REBALANCE_LATE, .device = call->device,
		.driver = call->driver, .request = call->request, .ns = ns });
}

static void watcher_thread(void *argument)
{
	struct dhpi_rebalance *rebalance = argument;

	for (;;) {
		uint32_t ticket = port_event_ticket(&rebalance->watch);
		uint64_t pause_ns;
		bool stopping, watched;

		port_mutex_lock(&rebalance->reporting);
		stopping = rebalance->watch_stopping;
		watched = rebalance->watched;
		look(rebalance);
		pause_ns = rebalance->options.stop_limit_ns / LOOKS_IN_LIMIT + SHORTEST_LOOK_NS;
		port_mutex_unlock(&rebalance->reporting);
		if (stopping)
			return;
		port_event_wait(&rebalance->watch, ticket, watched ? pause_ns : 0);
	}
}

enum dhp_status dhpi_watch_start(struct dhpi_rebalance *rebalance)
{
	return port_thread_start(&rebalance->watcher, watcher_thread, rebalance, PORT_ANY_CPU, 0, "dhp-rebal-watch");
}

void dhpi_watch_stop(struct dhpi_rebalance *rebalance)
{
	port_mutex_lock(&rebalance->reporting);
	rebalance->watch_stopping = true;
	port_mutex_unlock(&rebalance->reporting);
	(void)port_event_signal(&rebalance->watch);
	port_thread_join(&rebalance->watcher);
	rebalance->watch_stopping = false;
}
