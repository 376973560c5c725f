/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo_open.c - build what runs, in an order that matters.
 *
 * linux: the controller is forked before there is a second thread and before we confine ourselves, so that it may
 * run on any CPU; we confine ourselves before the engine looks, so that it finds one processor. sim: the engine comes
 * first, because it deals out the cpu ids and the order of arrival.
 */
#include "affinity.h"
#include "crc32c.h"
#include "demo.h"
#include "say.h"
#include "script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEMO_POLL_MS 5u

/* In flight at once: enough for a share of 64 each, and so many on one processor that a thief finds a choice. */
#define DEMO_ITEMS_LEAST         2048u
#define DEMO_ITEMS_PER_PROCESSOR 64u

/* No processor of today checksums so many blocks, not even of one byte. */
#define DEMO_ITEMS_PER_SECOND 16e6

static int demo_outputs(struct demo *demo)
{
	const char *names[] = {demo->options.svg, demo->options.json};
	FILE **files[] = {&demo->svg, &demo->json};
	int at;

	for (at = 0; at < 2; at++) {
		if (!names[at])
			continue;
		*files[at] = fopen(names[at], "we");
		if (!*files[at])
			return say_unusable("cannot write %s: %s", names[at], strerror(errno));
	}
	return TOOL_FINE;
}

static int demo_plan_linux(struct demo *demo)
{
	demo->plan.cpus = affinity_read(&demo->plan.count);
	if (!demo->plan.cpus)
		return say_unusable("cannot read which CPUs this process may use: %s", strerror(errno));
	if (demo->plan.count < 2)
		return say_unusable("this process may use one CPU only (cpu %u), so no processor can arrive; allow "
				    "it more (taskset, cpuset), or simulate them: --backend sim",
				    (unsigned)demo->plan.cpus[0]);
	return demo_schedule(demo);
}

static int demo_confine(const struct demo *demo)
{
	int error = affinity_write(0, demo->plan.cpus, 1);

	if (!error)
		return TOOL_FINE;
	return say_unusable("cannot confine this process to cpu %u: %s; allow sched_setaffinity, or use --backend sim",
			    (unsigned)demo->plan.cpus[0], strerror(error));
}

static int demo_engine_linux(struct demo *demo)
{
	int status = demo_plan_linux(demo);

	if (status == TOOL_FINE)
		status = controller_fork(&demo->controller, &demo->plan);
	if (status == TOOL_FINE)
		status = demo_confine(demo);
	if (status == TOOL_FINE)
		status = backend_create(&demo->options.backend, 0, 0, &demo->engine);
	return status;
}

/* The first processor is there; the others in the order of the seed's script. */
static int demo_plan_sim(struct demo *demo)
{
	struct dhp_processor first;
	struct dhp_sim_event *events;
	uint32_t count, at;

	events = script_make(demo->engine, 0, 0, &count);
	demo->plan.cpus = calloc((size_t)count + 1, sizeof(*demo->plan.cpus));
	if (!events || !demo->plan.cpus || dhp_failed(dhp_processor_at(demo->engine, 0, &first))) {
		free(events);
		return say_failed("cannot plan the arrivals");
	}
	demo->plan.cpus[0] = first.cpu;
	for (at = 0; at < count; at++)
		demo->plan.cpus[at + 1] = dhp_sim_cpu(demo->engine, events[at].position);
	demo->plan.count = count + 1;
	free(events);
	return demo_schedule(demo);
}

static int demo_engine_sim(struct demo *demo)
{
	int status;

	if (demo->options.backend.processors < 2)
		return say_usage("--processors 1: no processor could arrive; at least 2");
	status = backend_create(&demo->options.backend, 0, 1, &demo->engine);
	return status == TOOL_FINE ? demo_plan_sim(demo) : status;
}

static int demo_lanes(struct demo *demo)
{
	enum dhp_status status;

	demo->timeline = timeline_make(0, demo->length_ns + demo->grace_ns);
	status = lanes_create(demo->engine, &demo->timeline, &demo->lanes);
	return dhp_failed(status) ? say_status("cannot make the per-processor records", status) : TOOL_FINE;
}

static int demo_flow(struct demo *demo)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	double workers = online > 0 && online < (long)demo->plan.count ? (double)online : (double)demo->plan.count;
	double tickets = workers * DEMO_ITEMS_PER_SECOND * (seconds_of_ns(demo->length_ns + demo->grace_ns) + 1);
	uint32_t items = demo->plan.count * DEMO_ITEMS_PER_PROCESSOR;

	demo->flow.engine = demo->engine;
	demo->flow.lanes = demo->lanes;
	demo->flow.bytes = &demo->bytes;
	demo->flow.timeline = &demo->timeline;
	demo->flow.item_count = items > DEMO_ITEMS_LEAST ? items : DEMO_ITEMS_LEAST;
	return flow_open(&demo->flow, (uint64_t)tickets);
}

static int demo_check(struct demo *demo)
{
	struct backend *backend = &demo->options.backend;

	if (!crc32c_prepare())
		return say_failed("the CRC-32C of this build is wrong: it does not give the published check value");
	if (!backend->poll_ms)
		backend->poll_ms = DEMO_POLL_MS;
	return backend_check(backend, 4);
}

int demo_open(struct demo *demo)
{
	int status = demo_check(demo);

	if (status == TOOL_FINE)
		status = bytes_open(&demo->bytes, demo->options.names, demo->options.name_count);
	if (status == TOOL_FINE)
		status = demo->options.backend.simulated ? demo_engine_sim(demo) : demo_engine_linux(demo);
	if (status == TOOL_FINE)
		status = demo_outputs(demo);
	if (status == TOOL_FINE)
		status = demo_lanes(demo);
	if (status == TOOL_FINE)
		status = arrivals_open(&demo->arrivals, demo->engine, &demo->plan);
	if (status == TOOL_FINE)
		status = demo_flow(demo);
	return status;
}

void demo_close(struct demo *demo)
{
	controller_end(&demo->controller);
	if (demo->arrivals.list)
		arrivals_close(&demo->arrivals);
	if (demo->lanes)
		dhp_percpu_destroy(demo->lanes);
	dhp_engine_destroy(demo->engine);
	flow_close(&demo->flow);
	controller_close(&demo->controller);
	free(demo->plan.cpus);
	bytes_close(&demo->bytes);
	if (demo->svg)
		fclose(demo->svg);
	if (demo->json)
		fclose(demo->json);
}
