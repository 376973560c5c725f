/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo.c - dhp demo: a real workload, processors that arrive under it, and an account of every item.
 *
 * The main thread starts the flow and the controller, draws, and at the end stops the flow and judges. It is also the
 * thread whose affinity the controller widens: it has nothing else to do, and the workers are pinned by the engine.
 */
#include "demo.h"
#include "commands.h"
#include "report.h"
#include "result.h"
#include "say.h"
#include "stop.h"
#include "view.h"

#include <errno.h>
#include <string.h>

#define DEMO_LOOK_NS (100 * (uint64_t)NS_PER_MS)

static int demo_start(struct demo *demo)
{
	int status;

	demo->timeline.start_ns = clock_now_ns();
	status = flow_start(&demo->flow);
	if (status != TOOL_FINE)
		return status;
	if (demo->options.backend.simulated)
		return controller_simulate(&demo->controller, &demo->plan, demo->engine, demo->timeline.start_ns);
	return controller_begin(&demo->controller, demo->timeline.start_ns);
}

/* Has every processor of the plan run an item? Not to be hoped for when the controller was refused a change. */
static bool demo_is_complete(const struct demo *demo)
{
	uint32_t at;

	for (at = 0; at + 1 < demo->plan.count; at++)
		if (atomic_load(&demo->controller.changes[at].error))
			return true;
	for (at = 0; at < demo->plan.count; at++) {
		const struct lane *lane = dhp_percpu_at(demo->lanes, at);

		if (!lane || !lane_read(&lane->first_ns))
			return false;
	}
	return true;
}

/* For the length of the run, and on a machine with too much to do until the last newcomer has had its turn. */
static void demo_watch(struct demo *demo, struct view *view)
{
	uint64_t end_ns = demo->timeline.start_ns + demo->length_ns;
	uint64_t now_ns = clock_now_ns();

	while (!demo->interrupted && (now_ns < end_ns || !demo_is_complete(demo))) {
		uint64_t next_ns = now_ns + DEMO_LOOK_NS;

		demo->interrupted = stop_wait_until(now_ns < end_ns && end_ns < next_ns ? end_ns : next_ns);
		view_look(view);
		now_ns = clock_now_ns();
		if (now_ns >= end_ns + demo->grace_ns)
			break;
	}
}

static int demo_run(struct demo *demo)
{
	struct view view;
	int status;

	if (!view_open(&view, demo))
		return say_status("cannot show the run", DHP_NO_MEMORY);
	status = demo_start(demo);
	if (status == TOOL_FINE)
		demo_watch(demo, &view);
	demo->stop_ns = clock_now_ns();
	controller_end(&demo->controller);
	flow_stop(&demo->flow);
	view_close(&view);
	return status;
}

static int demo_written(FILE **file, const char *name)
{
	bool bad = ferror(*file) != 0;

	bad |= fclose(*file) != 0;
	*file = NULL;
	return bad ? say_failed("cannot write %s: %s", name, strerror(errno)) : TOOL_FINE;
}

/* A change that the system refused to the controller is a permission that is missing, not work that was lost. */
static int demo_refusal(const struct demo *demo)
{
	uint32_t at;

	if (demo->options.backend.simulated || !demo->controller.changes)
		return TOOL_FINE;
	for (at = 0; at + 1 < demo->plan.count; at++) {
		int error = atomic_load(&demo->controller.changes[at].error);

		if (error)
			return say_unusable("cpu %u could not be allowed to this process from outside: %s; allow "
					    "sched_setaffinity, or use --backend sim",
					    (unsigned)demo->plan.cpus[at + 1], strerror(error));
	}
	return TOOL_FINE;
}

static int demo_report(struct demo *demo)
{
	struct result result = {.demo = demo};
	int status;

	if (!result_make(&result))
		return say_status("cannot make the report", DHP_NO_MEMORY);
	report_print(&result);
	status = result_is_fine(&result) ? TOOL_FINE : TOOL_FAILED;
	if (demo->json) {
		report_json(&result, demo->json);
		status |= demo_written(&demo->json, demo->options.json);
	}
	if (demo->svg) {
		report_svg(&result, demo->svg);
		status |= demo_written(&demo->svg, demo->options.svg);
	}
	result_free(&result);
	return status;
}

int demo_command(int argument_count, char **arguments)
{
	static struct demo demo; /* its flow wants an alignment that not every stack gives */
	int status;

	switch (demo_parse(&demo.options, argument_count, arguments)) {
	case OPTIONS_HELPED:
		return TOOL_FINE;
	case OPTIONS_WRONG:
		return TOOL_UNUSABLE;
	case OPTIONS_READ:
		break;
	}
	stop_prepare();
	status = demo_open(&demo);
	if (status == TOOL_FINE)
		status = demo_run(&demo);
	if (status == TOOL_FINE)
		status = demo_report(&demo);
	if (demo_refusal(&demo) != TOOL_FINE)
		status = TOOL_UNUSABLE;
	demo_close(&demo);
	return status;
}
