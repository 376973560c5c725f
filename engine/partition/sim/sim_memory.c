/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_memory.c - the memory of a simulated partition: two numbers, and which modules have come.
 *
 * The modules count for nothing but their announcements: the total is a number of its own, so that it can also change
 * without one, as it does under a balloon.
 */
#include "sim.h"

#define DEFAULT_MODULE_BYTES ((uint64_t)1 << 30)

enum dhp_status dhpi_sim_memory_open(struct dhpi_sim *sim, const struct dhp_sim_options *options)
{
	uint64_t bytes = options->memory_module_bytes != 0 ? options->memory_module_bytes : DEFAULT_MODULE_BYTES;
	uint32_t count = options->memory_module_count != 0 ? options->memory_module_count : sim->nodes;

	if (count > DHP_SIM_MODULES_LIMIT && options->memory_module_count != 0)
		return DHP_TOO_MANY;
	if (count > DHP_SIM_MODULES_LIMIT)
		count = DHP_SIM_MODULES_LIMIT;
	if (bytes > DHP_SIM_MEMORY_LIMIT / count)
		return DHP_BAD_OPTIONS;
	for (uint32_t id = 0; id < count; id++)
		(void)dhpi_sim_module_add(sim, id);
	sim->memory.total_bytes = sim->memory.available_bytes = bytes * count;
	return DHP_OK;
}

void dhpi_sim_memory(void *state, bool all, struct dhpi_memory *out_memory)
{
	(void)all;
	*out_memory = ((const struct dhpi_sim *)state)->memory;
}

void dhpi_sim_modules(void *state, bool all, dhpi_module_visit *visit, void *context)
{
	const struct dhpi_sim *sim = state;

	(void)all;
	for (uint32_t at = 0; at < sim->modules_count; at++)
		(void)visit(context, sim->modules[at]);
}

bool dhpi_sim_module_add(struct dhpi_sim *sim, uint32_t id)
{
	if (sim->modules_count == sim->modules_room)
		return false;
	sim->modules[sim->modules_count++] = id;
	if (id >= sim->modules_limit)
		sim->modules_limit = id + 1;
	return true;
}

/* ---- the public calls ---- */

/* On DHP_OK the simulator is stored and serial is held. */
static enum dhp_status enter(struct dhp_engine *engine, struct dhpi_sim **out_sim)
{
	*out_sim = dhpi_sim_of(engine);
	if (*out_sim == NULL)
		return DHP_NOT_SUPPORTED;
	DHPI_REQUIRE_PASSIVE();
	if (port_mutex_mine(&engine->partition->serial))
		return DHP_IN_CALLBACK;
	port_mutex_lock(&engine->partition->serial);
	return DHP_OK;
}

/* Under serial. Every module has a row already: it cannot fail. */
static void look(struct dhp_engine *engine)
{
	enum dhp_status status = dhpi_partition_memory(engine->partition, true);

	DHPI_CHECK(1, status == DHP_OK, "the rows of all modules are ready");
	dhpi_record_look(engine->partition, DHPI_BY_MEMORY);
}

enum dhp_status dhp_sim_memory_set(struct dhp_engine *engine, uint64_t total_bytes, uint64_t free_bytes)
{
	struct dhpi_sim *sim;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	if (total_bytes == 0 || total_bytes > DHP_SIM_MEMORY_LIMIT || free_bytes > total_bytes)
		return DHP_BAD_SIZE;
	status = enter(engine, &sim);
	if (dhp_failed(status))
		return status;
	sim->memory = (struct dhpi_memory){ .total_bytes = total_bytes, .available_bytes = free_bytes };
	look(engine);
	port_mutex_unlock(&engine->partition->serial);
	return DHP_OK;
}

/* Under serial. */
static enum dhp_status plug(struct dhp_engine *engine, struct dhpi_sim *sim, uint64_t bytes, uint32_t node)
{
	enum dhp_status fault = sim->memory_fault;

	if (node >= sim->nodes)
		return DHP_BAD_NODE;
	if (bytes == 0 || bytes > DHP_SIM_MEMORY_LIMIT - sim->memory.total_bytes)
		return DHP_BAD_SIZE;
	if (sim->modules_count >= DHP_SIM_MODULES_LIMIT || sim->modules_limit == DHPI_MODULES_LIMIT)
		return DHP_TOO_MANY;
	sim->memory_fault = DHP_OK;
	if (dhp_failed(fault))
		return fault;
	if (!dhpi_module_prepare(engine->notify, sim->modules_limit))
		return DHP_NO_MEMORY;
	(void)dhpi_sim_module_add(sim, sim->modules_limit);
	sim->memory.total_bytes += bytes;
	sim->memory.available_bytes += bytes;
	look(engine);
	return DHP_OK;
}

enum dhp_status dhp_sim_memory_add(struct dhp_engine *engine, uint64_t bytes, uint32_t node)
{
	struct dhpi_sim *sim;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = enter(engine, &sim);
	if (dhp_failed(status))
		return status;
	status = plug(engine, sim, bytes, node);
	port_mutex_unlock(&engine->partition->serial);
	return status;
}

enum dhp_status dhp_sim_memory_fail(struct dhp_engine *engine, enum dhp_status fault)
{
	struct dhpi_sim *sim;
	enum dhp_status status;

	if (engine == NULL)
		return DHP_BAD_ENGINE;
	status = enter(engine, &sim);
	if (dhp_failed(status))
		return status;
	sim->memory_fault = fault;
	port_mutex_unlock(&engine->partition->serial);
	return DHP_OK;
}
