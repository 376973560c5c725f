/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte string is a program of public calls. The model says what each must answer; between two calls everything that can be
 * asked is compared with it; at the end all is given back and the engine goes. Nothing may crash, hang, leak or disagree.
 *
 * One thread reads the program, or two: the last bytes may be the program of a second client (neighbour.c). The engine's own
 * threads run beside them. So what their timing decides is not predicted: a
 * program can keep all workers busy (work.c), and as long as it does the state of every DPC is known.
 *
 * FUZZ_SAY=1 in the environment prints the calls of a program.
 */
#include "api/world.h"

#include <pthread.h>

#define PROGRAM_BYTES_LIMIT 512u

struct world world;

static const struct part *const parts[] = { &processors_part, &work_part, &timers_part, &notify_part, &arrays_part, &blocks_part,
	&protect_part, &devices_part, &hold_part, &memory_part, &misuse_part, &lanes_part };

void check_says(enum dhp_status actual, enum dhp_status expected, const char *call, const char *file, int line)
{
	if (actual == expected)
		return;
	(void)fprintf(stderr, "%s:%d: %s says %s (%d), the model %s (%d)\n", file, line, call, dhp_status_name(actual), actual,
		      dhp_status_name(expected), expected);
	abort();
}

/* ---- an engine ---- */

static enum dhp_status expected_creation(const struct dhp_engine_options *options, const struct dhp_sim_options *sim)
{
	if ((options->flags & ~63u) != 0)
		return DHP_BAD_FLAGS;
	if (sim->maximum_count == 0)
		return DHP_BAD_OPTIONS;
	if (sim->initial_count > sim->maximum_count)
		return DHP_TOO_MANY;
	if (sim->node_count > sim->maximum_count)
		return DHP_BAD_OPTIONS;
	for (uint32_t i = 0; i < sim->group_size_count; i++)
		if (sim->group_sizes[i] == 0)
			return DHP_BAD_GROUPS;
	return DHP_OK;
}

static void model_begin(const struct dhp_engine_options *options, const struct dhp_sim_options *sim)
{
	struct model *model = &world.model;
	uint32_t initial = sim->initial_count != 0 ? sim->initial_count : 1;

	*model = (struct model){ .flags = options->flags, .maximum = sim->maximum_count,
		.nodes = sim->node_count != 0 ? sim->node_count : 1 };
	for (uint32_t i = 0; i < initial; i++)
		model->position_of[i] = i;
	model->active = model->usable = initial;
	model->modules = sim->memory_module_count != 0 ? sim->memory_module_count : model->nodes;
	model->total_bytes = model->free_bytes = (uint64_t)model->modules << 30;
	model_thresholds(model, options->low_memory_mib, options->high_memory_mib);
}

/* false: it was refused, as it had to be. */
static bool create_engine(void)
{
	uint32_t shape = take(), groups = take(), thresholds = take();
	const uint8_t sizes[] = { (uint8_t)(groups & 3), (uint8_t)(groups >> 2 & 3) };
	const struct dhp_sim_options sim = { .size = sizeof(sim), .maximum_count = shape & 15 ? (shape & 15) % 9 : 8,
		.initial_count = shape >> 4 & 3, .node_count = groups >> 4 & 3, .group_sizes = groups & 15 ? sizes : NULL,
		.group_size_count = groups & 15 ? 2 : 0, .cpu_gap = shape >> 6, .seed = groups, .memory_module_count = groups >> 6 };
	const struct dhp_engine_options options = { .size = sizeof(options), .flags = take() & 127, .sim = &sim,
		.low_memory_mib = thresholds & 15, .high_memory_mib = thresholds >> 4 };
	enum dhp_status expected = expected_creation(&options, &sim);

	world.engine = NULL;
	SAYS(dhp_engine_create(&options, &world.engine), expected);
	MUST((world.engine != NULL) == (expected == DHP_OK));
	if (world.engine == NULL)
		return false;
	model_begin(&options, &sim);
	return true;
}

static void destroy_engine(void)
{
	bool is_used = false;

	work_release();
	if (world.in_section)
		protect_leave();
	neighbour_end();
	for (size_t i = 0; i < COUNT(parts); i++)
		is_used = is_used || parts[i]->holds_engine();
	if (is_used)
		SAYS(dhp_engine_destroy(world.engine), DHP_IN_USE);
	for (size_t i = COUNT(parts); i-- > 0;)
		parts[i]->end();
	SAYS(dhp_engine_destroy(world.engine), DHP_OK);
}

/* ---- a program ---- */

/* Few parts at a time go deeper than all of them together. */
static bool is_chosen(uint32_t mask, size_t part)
{
	return mask == 0 || (mask >> part & 1) != 0;
}

static const struct operation *operation_at(uint32_t mask, uint32_t number)
{
	for (;;)
		for (size_t i = 0; i < COUNT(parts); i++) {
			if (!is_chosen(mask, i))
				continue;
			if (number < parts[i]->count)
				return &parts[i]->operations[number];
			number -= parts[i]->count;
		}
}

static void run_operation(uint32_t mask, bool say)
{
	const struct operation *operation = operation_at(mask, take());

	if (say)
		(void)fprintf(stderr, "  %s\n", operation->name);
	if (operation->waits)
		work_release();
	operation->run();
	for (size_t i = 0; i < COUNT(parts); i++)
		parts[i]->check();
}

/* Sixteen bytes for each unit, of those that come last. */
static void settle_neighbour(uint32_t units)
{
	size_t left = (size_t)(world.end - world.at), size = units * (size_t)16 < left ? units * (size_t)16 : left;

	world.end -= size;
	neighbour_begin(world.end, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int say = -1;
	uint32_t mask;

	if (say < 0)
		say = getenv("FUZZ_SAY") != NULL;
	world = (struct world){ .at = data, .end = data + (size < PROGRAM_BYTES_LIMIT ? size : PROGRAM_BYTES_LIMIT) };
	if (!create_engine())
		return 0;
	for (size_t i = 0; i < COUNT(parts); i++)
		parts[i]->begin();
	mask = take();
	mask |= take() << 8;
	settle_neighbour(mask >> COUNT(parts));
	mask &= (1u << COUNT(parts)) - 1;
	while (world.at < world.end)
		run_operation(mask, say);
	destroy_engine();
	return 0;
}
