/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * controller.c - what both kinds share, and the thread that adds simulated processors.
 *
 * The changes lie in a shared mapping for both kinds, so that whoever reads them need not know which kind it was.
 */
#define _GNU_SOURCE
#include "controller.h"
#include "clock.h"
#include "controller_process.h"
#include "say.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* A request to stop is heard after so long. */
#define CONTROLLER_NAP_NS (20 * (uint64_t)NS_PER_MS)

static size_t controller_bytes(const struct controller *controller)
{
	return controller->plan->count * sizeof(*controller->changes);
}

int controller_share(struct controller *controller, const struct plan *plan)
{
	void *changes;

	controller->plan = plan;
	changes = mmap(NULL, controller_bytes(controller), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (changes == MAP_FAILED)
		return say_failed("cannot share memory with the controller: %s", strerror(errno));
	controller->changes = changes;
	return TOOL_FINE;
}

static bool controller_waits(struct controller *controller, uint64_t until_ns)
{
	uint64_t now;

	while (!atomic_load(&controller->stop) && (now = clock_now_ns()) < until_ns)
		clock_sleep_until(until_ns - now < CONTROLLER_NAP_NS ? until_ns : now + CONTROLLER_NAP_NS);
	return !atomic_load(&controller->stop);
}

static void *controller_add(void *context)
{
	struct controller *controller = context;
	const struct plan *plan = controller->plan;
	uint32_t at;

	for (at = 1; at < plan->count; at++) {
		struct controller_change *change = &controller->changes[at - 1];

		if (!controller_waits(controller, controller->start_ns + at * plan->step_ns))
			break;
		atomic_store(&change->at_ns, clock_now_ns());
		atomic_store(&change->error, (int32_t)dhp_sim_add(controller->engine, plan->cpus[at]));
	}
	return NULL;
}

int controller_simulate(struct controller *controller, const struct plan *plan, struct dhp_engine *engine,
			uint64_t start_ns)
{
	if (controller_share(controller, plan) != TOOL_FINE)
		return TOOL_FAILED;
	controller->engine = engine;
	controller->start_ns = start_ns;
	if (pthread_create(&controller->thread, NULL, controller_add, controller))
		return say_status("cannot start the controller", DHP_NO_THREAD);
	controller->thread_runs = true;
	return TOOL_FINE;
}

void controller_end(struct controller *controller)
{
	atomic_store(&controller->stop, true);
	if (controller->thread_runs)
		pthread_join(controller->thread, NULL);
	controller->thread_runs = false;
	controller_end_process(controller);
}

void controller_close(struct controller *controller)
{
	if (controller->changes)
		munmap(controller->changes, controller_bytes(controller));
	controller->changes = NULL;
}
