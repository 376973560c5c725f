/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - a partition that exists in memory only.
 *
 * All processors there could ever be are dealt out when the partition is opened: cpu ids ascending with random gaps, group
 * after group, node after node in blocks. From then on a processor is plugged by a call. Nothing depends on time or on
 * threads: the same options and calls give the same partition.
 */
#include "replay.h"

/* ---- dealing out ---- */

static uint32_t group_size(const struct dhp_engine_options *options, uint32_t group)
{
	const struct dhp_sim_options *sim = options->sim;

	return sim->group_sizes != NULL ? sim->group_sizes[group % sim->group_size_count] : options->group_limit;
}

static enum dhp_status check_groups(const struct dhp_sim_options *options)
{
	if ((options->group_sizes == NULL) != (options->group_size_count == 0))
		return DHP_BAD_GROUPS;
	for (uint32_t i = 0; i < options->group_size_count; i++)
		if (options->group_sizes[i] == 0 || options->group_sizes[i] > DHPI_GROUP_SIZE)
			return DHP_BAD_GROUPS;
	return DHP_OK;
}

static enum dhp_status check(const struct dhp_sim_options *options)
{
	if (options->maximum_count == 0)
		return DHP_BAD_OPTIONS;
	if (options->maximum_count > DHP_PROCESSORS_LIMIT || options->initial_count > options->maximum_count)
		return DHP_TOO_MANY;
	if (options->node_count > options->maximum_count)
		return DHP_BAD_OPTIONS;
	/* Even the largest gaps leave every id in range. */
	if (options->cpu_gap >= DHP_CPU_LIMIT / options->maximum_count)
		return DHP_BAD_CPU;
	return check_groups(options);
}

static void deal_out(struct dhpi_sim *sim, const struct dhp_engine_options *options)
{
	uint32_t nodes = options->sim->node_count != 0 ? options->sim->node_count : 1;
	uint32_t gap = options->sim->cpu_gap, cpu = 0, group = 0, number = 0;

	for (uint32_t position = 0; position < sim->count; position++) {
		struct dhpi_sim_unit *unit = &sim->units[position];

		if (number == group_size(options, group)) {
			group++;
			number = 0;
		}
		unit->cpu = cpu;
		unit->number = (struct dhp_number){ .group = (uint16_t)group, .number = (uint8_t)number++ };
		unit->group_size = group_size(options, group);
		unit->node = (uint32_t)((uint64_t)position * nodes / sim->count);
		unit->package = unit->node;
		unit->core = cpu;
		cpu += 1 + (gap != 0 ? (uint32_t)(dhpi_random(&sim->random) % (gap + 1)) : 0);
	}
	sim->groups = group + 1;
}

static void plug_initial(struct dhpi_sim *sim, uint32_t initial_count)
{
	sim->plugged_count = sim->online_count = initial_count != 0 ? initial_count : 1;
	for (uint32_t position = 0; position < sim->plugged_count; position++)
		sim->units[position].plugged = true;
}

/* ---- the backend ---- */

static size_t units_bytes(const struct dhpi_sim *sim)
{
	return sim->units_limit * sizeof(struct dhpi_sim_unit);
}

static size_t modules_bytes(const struct dhpi_sim *sim)
{
	return sim->modules_room * sizeof(uint32_t);
}

#define START_BYTES (DHP_PROCESSORS_LIMIT * sizeof(uint32_t))

void dhpi_sim_free(struct dhpi_sim *sim)
{
	if (sim->units != NULL)
		port_unreserve(sim->units, units_bytes(sim));
	if (sim->modules != NULL)
		port_unreserve(sim->modules, modules_bytes(sim));
	if (sim->start != NULL)
		port_unreserve(sim->start, START_BYTES);
	port_free(sim, sizeof(*sim));
}

/* Address space costs nothing until it is used. */
struct dhpi_sim *dhpi_sim_alloc(uint32_t units_limit, uint32_t modules_room)
{
	struct dhpi_sim *sim = port_alloc(sizeof(*sim));

	if (sim == NULL)
		return NULL;
	sim->units_limit = units_limit;
	sim->modules_room = modules_room;
	sim->units = port_reserve(units_bytes(sim));
	sim->modules = port_reserve(modules_bytes(sim));
	sim->start = port_reserve(START_BYTES);
	if (sim->units != NULL && sim->modules != NULL && sim->start != NULL)
		return sim;
	dhpi_sim_free(sim);
	return NULL;
}

static void sim_close(void *state)
{
	dhpi_sim_free(state);
}

DHPI_WRAPS("any seed will do")
static enum dhp_status open_dealt_out(const struct dhp_engine_options *options, void **out_state)
{
	enum dhp_status status = check(options->sim);
	struct dhpi_sim *sim;

	if (dhp_failed(status))
		return status;
	sim = dhpi_sim_alloc(options->sim->maximum_count, DHP_SIM_MODULES_LIMIT);
	if (sim == NULL)
		return DHP_NO_MEMORY;
	sim->count = sim->maximum = options->sim->maximum_count;
	sim->random = options->sim->seed * 2 + 1; /* never zero */
	sim->nodes = options->sim->node_count != 0 ? options->sim->node_count : 1;
	status = dhpi_sim_memory_open(sim, options->sim);
	if (dhp_failed(status)) {
		dhpi_sim_free(sim);
		return status;
	}
	deal_out(sim, options);
	plug_initial(sim, options->sim->initial_count);
	*out_state = sim;
	return DHP_OK;
}

/* The recording says all the rest, and whoever asks for something else would not get it. */
static bool only_replay(const struct dhp_sim_options *options)
{
	return options->maximum_count == 0 && options->initial_count == 0 && options->node_count == 0 &&
	       options->group_sizes == NULL && options->group_size_count == 0 && options->cpu_gap == 0 &&
	       options->memory_module_bytes == 0 && options->memory_module_count == 0;
}

static enum dhp_status open_replay(const struct dhp_sim_options *options, void **out_state)
{
	struct dhpi_sim *sim;

	if (!only_replay(options))
		return DHP_BAD_OPTIONS;
	sim = dhpi_sim_alloc(DHP_CPU_LIMIT, DHPI_MODULES_LIMIT);
	if (sim == NULL)
		return DHP_NO_MEMORY;
	sim->random = options->seed * 2 + 1;
	dhpi_replay_begin(sim, options->replay);
	*out_state = sim;
	return DHP_OK;
}

static enum dhp_status sim_open(const struct dhp_engine_options *options, void **out_state)
{
	if (options->sim->size != sizeof(*options->sim))
		return DHP_BAD_OPTIONS;
	if (options->sim->replay != NULL)
		return open_replay(options->sim, out_state);
	return open_dealt_out(options, out_state);
}

static void sim_limits(void *state, struct dhpi_limits *out_limits)
{
	const struct dhpi_sim *sim = state;

	out_limits->maximum = sim->maximum;
	out_limits->low_bytes = sim->low_bytes;
	out_limits->high_bytes = sim->high_bytes;
	out_limits->groups_maximum = sim->groups;
	out_limits->cpu_limit = sim->units[sim->count - 1].cpu + 1;
}

static enum dhp_status sim_scan(void *state, bool all, struct dhpi_scan *out_scan)
{
	struct dhpi_sim *sim = state;

	(void)all;
	if (dhp_failed(sim->scan_status))
		return sim->scan_status;
	dhpi_cpus_clear(&out_scan->usable);
	out_scan->usable_unknown = false;
	out_scan->limit = sim->units[sim->count - 1].cpu + 1;
	out_scan->present_count = sim->plugged_count;
	out_scan->online_count = sim->online_count;
	out_scan->quota = sim->quota;
	out_scan->more = sim->replay != NULL && dhpi_replay_scan(sim, out_scan);
	if (out_scan->more)
		return DHP_OK;
	for (uint32_t position = 0; position < sim->count; position++)
		if (sim->units[position].plugged && !sim->units[position].unusable)
			dhpi_cpus_add(&out_scan->usable, sim->units[position].cpu);
	return DHP_OK;
}

/* Ids ascend with the position. */
struct dhpi_sim_unit *dhpi_sim_unit(struct dhpi_sim *sim, uint32_t cpu)
{
	uint32_t low = 0, high = sim->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sim->units[middle].cpu == cpu)
			return &sim->units[middle];
		if (sim->units[middle].cpu < cpu)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static enum dhp_status sim_describe(void *state, uint32_t cpu, struct dhp_processor *out_processor)
{
	const struct dhpi_sim_unit *unit = dhpi_sim_unit(state, cpu);

	if (unit == NULL)
		return DHP_BAD_CPU;
	out_processor->cpu = cpu;
	out_processor->number = unit->number;
	out_processor->node = unit->node;
	out_processor->package = unit->package;
	out_processor->core = unit->core;
	out_processor->thread = unit->thread;
	return DHP_OK;
}

static enum dhp_status sim_fault(void *state, uint32_t cpu, enum dhp_step step)
{
	struct dhpi_sim_unit *unit = dhpi_sim_unit(state, cpu);
	enum dhp_status fault = unit->fault;

	if (unit->fault_at != step)
		return DHP_OK;
	unit->fault = DHP_OK;
	return fault;
}

static void sim_sources(void *state, dhp_source_visit *visit, void *context)
{
	static const struct dhp_source script = {
		.name = "script", .works = true, .detail = "dhp_sim_add and dhp_sim_play", .blind = "", .root = "nothing" };
	static const struct dhp_source replay = {
		.name = "replay", .works = true, .detail = "dhp_replay_step and dhp_replay_run", .blind = "", .root = "nothing" };

	visit(&script, context);
	if (((const struct dhpi_sim *)state)->replay != NULL)
		visit(&replay, context);
}

static void sim_counts(void *state, struct dhpi_source_counts *out_counts)
{
	(void)state;
	*out_counts = (struct dhpi_source_counts){ 0, 0 };
}

static uint32_t sim_group_size(void *state, uint32_t group)
{
	const struct dhpi_sim *sim = state;

	for (uint32_t position = 0; position < sim->count; position++)
		if (sim->units[position].number.group == group)
			return sim->units[position].group_size;
	return 0;
}

const struct dhpi_backend dhpi_backend_sim = {
	.name = "sim",
	.open = sim_open,
	.close = sim_close,
	.limits = sim_limits,
	.scan = sim_scan,
	.describe = sim_describe,
	.fault = sim_fault,
	.wait = NULL, /* nothing changes but by a call */
	.interrupt = NULL,
	.sources = sim_sources,
	.counts = sim_counts,
	.memory = dhpi_sim_memory,
	.modules = dhpi_sim_modules,
	.group_size = sim_group_size,
};

struct dhpi_sim *dhpi_sim_of(struct dhp_engine *engine)
{
	return engine->partition->backend == &dhpi_backend_sim ? engine->partition->state : NULL;
}
