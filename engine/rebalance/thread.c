/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c - the thread that rebalances, and how it is asked to.
 *
 * Who asks raises a number, at no greater cost: an arrival is not held up by devices. The thread takes the number, runs one
 * rebalance for all that it covers, and says that those are done; what was asked for meanwhile gets another. So several may be
 * merged, and one begins after the last (S-410).
 *
 * The thread starts with the first device: an engine without devices has none, and what it is asked for is done at once.
 *
 * I1        `running` before `asking`; neither is held while waiting, and `asking` not during a call of a driver.
 * I2        who waits looks at `done` under `asking`, in which the thread wrote it: the mutex orders what the drivers did.
 * I3        the partition's lock is not held while waiting for `running` or for the thread: a driver may flush, or make an
 *           array, and these wait for that lock.
 */
#include "rebalance.h"

/* ---- the thread ---- */

struct task {
	uint64_t wanted;
	bool by_arrival, by_other;
	struct dhpi_errand *errand;
	bool stopping;
};

static struct task take_task(struct dhpi_rebalance *rebalance)
{
	struct task task;

	port_mutex_lock(&rebalance->asking);
	task = (struct task){
		.wanted = rebalance->wanted,
		.by_arrival = rebalance->for_arrival,
		.by_other = rebalance->for_other,
		.errand = rebalance->errand,
		.stopping = rebalance->stopping,
	};
	rebalance->for_arrival = false;
	rebalance->for_other = false;
	port_mutex_unlock(&rebalance->asking);
	return task;
}

static void task_done(struct dhpi_rebalance *rebalance, const struct task *task)
{
	port_mutex_lock(&rebalance->asking);
	rebalance->done = task->wanted;
	if (task->errand != NULL)
		rebalance->errand = NULL;
	port_mutex_unlock(&rebalance->asking);
	(void)port_event_signal(&rebalance->ended);
}

static void perform(struct dhpi_rebalance *rebalance, const struct task *task)
{
	port_mutex_lock(&rebalance->running);
	dhpi_watch(rebalance, true);
	if (task->errand != NULL)
		task->errand->status = dhpi_device_send(task->errand->device, task->errand->request);
	if (task->by_arrival || task->by_other)
		dhpi_rebalance_run(rebalance, task->by_arrival, task->by_other);
	dhpi_watch(rebalance, false);
	port_mutex_unlock(&rebalance->running);
}

static void rebalance_thread(void *argument)
{
	struct dhpi_rebalance *rebalance = argument;

	for (;;) {
		uint32_t ticket = port_event_ticket(&rebalance->asked);
		struct task task = take_task(rebalance);

		if (task.errand != NULL || task.by_arrival || task.by_other) {
			perform(rebalance, &task);
			task_done(rebalance, &task);
		} else if (task.stopping) {
			return;
		} else {
			port_event_wait(&rebalance->asked, ticket, 0);
		}
	}
}

/* Under running. */
enum dhp_status dhpi_rebalance_threads(struct dhpi_rebalance *rebalance)
{
	enum dhp_status status;

	if (rebalance->thread.started)
		return DHP_OK;
	status = dhpi_watch_start(rebalance);
	if (dhp_failed(status))
		return status;
	status = port_thread_start(&rebalance->thread, rebalance_thread, rebalance, PORT_ANY_CPU, 0, "dhp-rebalance");
	if (dhp_failed(status)) {
		dhpi_watch_stop(rebalance);
		return status;
	}
	port_mutex_lock(&rebalance->asking);
	rebalance->started = true;
	port_mutex_unlock(&rebalance->asking);
	return DHP_OK;
}

static void end_thread(struct dhpi_rebalance *rebalance)
{
	port_mutex_lock(&rebalance->asking);
	rebalance->stopping = true;
	port_mutex_unlock(&rebalance->asking);
	(void)port_event_signal(&rebalance->asked);
	port_thread_join(&rebalance->thread);
	dhpi_watch_stop(rebalance);
}

/* ---- asking ---- */

void dhpi_rebalance_post(struct dhpi_rebalance *rebalance, bool by_arrival)
{
	port_mutex_lock(&rebalance->asking);
	rebalance->wanted++;
	(void)at_fetch_add_relaxed_u64(&rebalance->requested, 1); /* relaxed: statistics only */
	if (!rebalance->started)
		rebalance->done = rebalance->wanted;
	else if (by_arrival)
		rebalance->for_arrival = true;
	else
		rebalance->for_other = true;
	port_mutex_unlock(&rebalance->asking);
	(void)port_event_signal(&rebalance->asked);
}

bool dhpi_rebalance_in_callback(struct dhpi_rebalance *rebalance)
{
	return port_mutex_mine(&rebalance->running) || port_mutex_mine(&rebalance->reporting) ||
	       port_mutex_mine(&rebalance->holds.mutex) || port_mutex_mine(rebalance->serial); /* I3 */
}

enum dhp_status dhpi_rebalance_enter(struct dhpi_rebalance *rebalance)
{
	if (dhpi_rebalance_in_callback(rebalance))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&rebalance->running);
	return DHP_OK;
}

/* Waits until `is_over`, which is asked under asking. */
static void wait_for(struct dhpi_rebalance *rebalance, bool (*is_over)(struct dhpi_rebalance *, const void *),
		     const void *what)
{
	for (;;) {
		uint32_t ticket = port_event_ticket(&rebalance->ended);
		bool over;

		port_mutex_lock(&rebalance->asking);
		over = is_over(rebalance, what);
		port_mutex_unlock(&rebalance->asking);
		if (over)
			return;
		port_event_wait(&rebalance->ended, ticket, 0);
	}
}

static bool is_done(struct dhpi_rebalance *rebalance, const void *wanted)
{
	return rebalance->done >= *(const uint64_t *)wanted;
}

static bool is_mine_over(struct dhpi_rebalance *rebalance, const void *errand)
{
	return rebalance->errand != errand;
}

static bool try_errand(struct dhpi_rebalance *rebalance, const void *errand)
{
	if (rebalance->errand != NULL)
		return false;
	rebalance->errand = (struct dhpi_errand *)(uintptr_t)errand;
	return true;
}

static bool is_request(enum dhp_device_request request)
{
	switch (request) {
	case DHP_REQUEST_START:
	case DHP_REQUEST_STOP:
	case DHP_REQUEST_QUERY_STOP:
	case DHP_REQUEST_CANCEL_STOP:
	case DHP_REQUEST_SURPRISE_REMOVAL:
		return true;
	}
	return false;
}

enum dhp_status dhp_device_send(struct dhp_device *device, enum dhp_device_request request)
{
	struct dhpi_errand errand = { .device = device, .request = request };
	struct dhpi_rebalance *rebalance;

	if (!dhpi_device_valid(device))
		return DHP_BAD_OBJECT;
	if (!is_request(request))
		return DHP_BAD_REQUEST;
	DHPI_REQUIRE_PASSIVE();
	rebalance = device->rebalance;
	if (dhpi_rebalance_in_callback(rebalance))
		return DHP_IN_CALLBACK;
	wait_for(rebalance, try_errand, &errand); /* one at a time */
	(void)port_event_signal(&rebalance->asked);
	wait_for(rebalance, is_mine_over, &errand);
	return errand.status;
}

enum dhp_status dhp_rebalance_request(struct dhp_engine *engine)
{
	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	dhpi_rebalance_post(engine->rebalance, false);
	return DHP_OK;
}

enum dhp_status dhp_rebalance_drain(struct dhp_engine *engine)
{
	uint64_t wanted;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	DHPI_REQUIRE_PASSIVE();
	if (dhpi_rebalance_in_callback(engine->rebalance))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&engine->rebalance->asking);
	wanted = engine->rebalance->wanted;
	port_mutex_unlock(&engine->rebalance->asking);
	wait_for(engine->rebalance, is_done, &wanted);
	return DHP_OK;
}

/* ---- life ---- */

#define DEFAULT_STOP_LIMIT_NS 5000000000u

void dhpi_rebalance_init(struct dhpi_rebalance *rebalance, struct dhpi_set *set, struct port_mutex *serial)
{
	rebalance->set = set;
	rebalance->serial = serial;
	dhpi_holds_init(&rebalance->holds, serial);
	port_mutex_init(&rebalance->running);
	port_mutex_init(&rebalance->asking);
	port_mutex_init(&rebalance->reporting);
	dhpi_list_init(&rebalance->devices);
	dhpi_list_init(&rebalance->free_feeds);
	port_event_init(&rebalance->asked);
	port_event_init(&rebalance->ended);
	port_event_init(&rebalance->watch);
	rebalance->options.stop_limit_ns = DEFAULT_STOP_LIMIT_NS;
	at_init_u32(&rebalance->opt_out[DHP_SETUP_NETWORK], DHP_OPT_OUT_TRUE); /* S-405 */
}

void dhpi_rebalance_fini(struct dhpi_rebalance *rebalance)
{
	if (rebalance->set == NULL)
		return;
	if (rebalance->thread.started)
		end_thread(rebalance);
	port_mutex_fini(&rebalance->reporting);
	port_mutex_fini(&rebalance->asking);
	port_mutex_fini(&rebalance->running);
	dhpi_holds_fini(&rebalance->holds);
}

uint32_t dhpi_rebalance_count(struct dhpi_rebalance *rebalance)
{
	uint32_t count;

	port_mutex_lock(&rebalance->running);
	count = rebalance->devices_count + rebalance->feeds_count;
	port_mutex_unlock(&rebalance->running);
	return count + dhpi_holds_count(&rebalance->holds);
}

enum dhp_status dhp_rebalance_configure(struct dhp_engine *engine, const struct dhp_rebalance_options *options)
{
	struct dhp_rebalance_options complete = { .size = sizeof(complete) };
	struct dhpi_rebalance *rebalance;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (options != NULL && options->size != sizeof(*options))
		return DHP_BAD_OPTIONS;
	DHPI_REQUIRE_PASSIVE();
	if (options != NULL)
		complete = *options;
	if (complete.stop_limit_ns == 0)
		complete.stop_limit_ns = DEFAULT_STOP_LIMIT_NS;
	rebalance = engine->rebalance;
	status = dhpi_rebalance_enter(rebalance);
	if (dhp_failed(status))
		return status;
	port_mutex_lock(&rebalance->reporting);
	rebalance->options = complete;
	port_mutex_unlock(&rebalance->reporting);
	port_mutex_unlock(&rebalance->running);
	return DHP_OK;
}
