/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte string is a program of calls under their Windows names, in a process that is bound to a simulated engine. What each says
 * follows from the calls before it: states of events and semaphores, references, counts of processors. At the end all is given
 * back, and the binding and the engine go.
 *
 * What it is built on is fuzzed as sequences of the native calls (api.c); here one thread is enough.
 */
#include "wdk/wdk.h"

#include <sched.h>

#define PROGRAM_BYTES_LIMIT 512u
#define LOOKS_LIMIT 10000000u

struct program program;

static const struct part *const parts[] = { &processors_part, &objects_part, &work_part, &memory_part, &listeners_part };

static void bind(void)
{
	static const uint8_t sizes[] = { 2, 3 };
	uint32_t shape = take();
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = PROCESSORS, .initial_count = 1 + (shape & 1),
		.node_count = 1 + (shape >> 1 & 1), .group_sizes = (shape & 4) != 0 ? sizes : NULL,
		.group_size_count = (shape & 4) != 0 ? 2 : 0 };
	const struct dhp_engine_options options = { .size = sizeof(options), .sim = &sim };

	program.active = sim.initial_count;
	MUST(dhp_engine_create(&options, &program.engine) == DHP_OK);
	MUST(dhp_wdk_bind(NULL) == DHP_BAD_ENGINE && dhp_wdk_bind(program.engine) == DHP_OK);
	MUST(dhp_wdk_bind(program.engine) == DHP_IN_USE);
}

/* The routine of a work item may have said that it is done, and not have returned. */
static void unbind(void)
{
	enum dhp_status status = dhp_wdk_unbind();

	for (uint32_t i = 0; i < LOOKS_LIMIT && status == DHP_IN_USE; i++) {
		(void)sched_yield();
		status = dhp_wdk_unbind();
	}
	MUST(status == DHP_OK && dhp_wdk_unbind() == DHP_BAD_ENGINE);
	MUST(dhp_engine_destroy(program.engine) == DHP_OK);
}

static void run_operation(bool say)
{
	const struct part *part = parts[take_below(COUNT(parts))];
	uint32_t number = take_below(part->count);

	if (say)
		(void)fprintf(stderr, "  %s %u\n", part->name, number);
	part->operations[number]();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool say = getenv("FUZZ_SAY") != NULL;

	program = (struct program){ .at = data, .end = data + (size < PROGRAM_BYTES_LIMIT ? size : PROGRAM_BYTES_LIMIT) };
	bind();
	for (size_t i = 0; i < COUNT(parts); i++)
		parts[i]->begin();
	while (program.at < program.end)
		run_operation(say);
	for (size_t i = COUNT(parts); i-- > 0;)
		parts[i]->end();
	unbind();
	return 0;
}
