/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backend.c - from options to an engine.
 *
 * An option that has no meaning for the chosen backend is refused, not ignored: who asks for groups of three on the
 * real machine would otherwise believe to have got them.
 */
#include "backend.h"
#include "say.h"

#include <stdlib.h>
#include <sys/stat.h>

#define BACKEND_GROUPS_LIMIT 64

static const char *const backend_names[] = {"linux", "sim", NULL};

const char *backend_name(const struct backend *backend)
{
	return backend_names[backend->simulated];
}

static void backend_options_sim(struct backend *backend, struct command *command)
{
	const struct option options[] = {
		{.name = "groups", .argument = "SIZES", .kind = OPTION_TEXT, .into.text = &backend->groups,
		 .help = "sim: sizes of the groups, such as 3,5 (repeated); groups of 64"},
		{.name = "nodes", .argument = "N", .kind = OPTION_COUNT, .into.count = &backend->nodes, .least = 1,
		 .most = 64, .help = "sim: NUMA nodes; 1"},
		{.name = "gap", .argument = "N", .kind = OPTION_COUNT, .into.count = &backend->cpu_gap, .least = 0,
		 .most = 15, .help = "sim: largest gap between cpu ids; 0"},
		{.name = "seed", .argument = "N", .kind = OPTION_SEED, .into.seed = &backend->seed,
		 .help = "sim: order, gaps and delays follow from it; 1"},
	};
	size_t at;

	for (at = 0; at < sizeof(options) / sizeof(options[0]); at++)
		command_option(command, &options[at]);
}

void backend_options(struct backend *backend, struct command *command)
{
	const struct option options[] = {
		{.name = "backend", .argument = "linux|sim", .kind = OPTION_CHOICE, .into.count = &backend->simulated,
		 .choices = backend_names, .help = "where processors come from: this machine, or a simulation; linux"},
		{.name = "processors", .argument = "N", .kind = OPTION_COUNT, .into.count = &backend->processors,
		 .least = 1, .most = DHP_PROCESSORS_LIMIT, .help = "sim: how many there can ever be"},
		{.name = "poll-ms", .argument = "N", .kind = OPTION_COUNT, .into.count = &backend->poll_ms,
		 .least = 1, .most = 60000,
		 .help = "linux: longest time until a change that signals nothing is seen"},
		{.name = "root", .argument = "DIR", .kind = OPTION_TEXT, .into.text = &backend->root,
		 .help = "linux: read the files of /proc and /sys below this folder"},
	};
	size_t at;

	for (at = 0; at < sizeof(options) / sizeof(options[0]); at++)
		command_option(command, &options[at]);
	backend_options_sim(backend, command);
	backend->seed = 1;
}

static bool is_folder(const char *path)
{
	struct stat what;

	return *path == '\0' || (stat(path, &what) == 0 && S_ISDIR(what.st_mode));
}

int backend_check(struct backend *backend, uint32_t processors)
{
	if (backend->simulated && backend->root)
		return say_usage("--root is about the files of a machine: leave out --backend sim");
	if (backend->root && !is_folder(backend->root))
		return say_usage("--root %s: there is no such folder", backend->root);
	if (backend->simulated) {
		if (!backend->processors)
			backend->processors = processors;
		return TOOL_FINE;
	}
	if (backend->processors || backend->groups || backend->nodes || backend->cpu_gap)
		return say_usage("--processors, --groups, --nodes and --gap describe a simulation: add --backend sim");
	return TOOL_FINE;
}

/* "3,5" to two sizes. */
static int backend_groups(const char *text, uint8_t *sizes, uint32_t *out_count)
{
	const char *rest = text;

	for (*out_count = 0; *out_count < BACKEND_GROUPS_LIMIT; rest++) {
		char *end;
		unsigned long size = *rest >= '0' && *rest <= '9' ? strtoul(rest, &end, 10) : 0;

		if (size < 1 || size > 64 || (*end && *end != ','))
			break;
		sizes[(*out_count)++] = (uint8_t)size;
		rest = end;
		if (!*end)
			return TOOL_FINE;
	}
	return say_usage("--groups %s: not a list of at most %d sizes from 1 to 64, such as 3,5", text,
			 BACKEND_GROUPS_LIMIT);
}

static int backend_make(const struct dhp_engine_options *options, struct dhp_engine **out_engine)
{
	enum dhp_status status = dhp_engine_create(options, out_engine);

	return dhp_failed(status) ? say_status("cannot bring up the partition", status) : TOOL_FINE;
}

static int backend_create_sim(const struct backend *backend, struct dhp_engine_options *options, uint32_t initial,
			      struct dhp_engine **out_engine)
{
	uint8_t sizes[BACKEND_GROUPS_LIMIT];
	struct dhp_sim_options sim = {
		.size = sizeof(sim),
		.maximum_count = backend->processors,
		.initial_count = initial ? initial : backend->processors,
		.node_count = backend->nodes,
		.cpu_gap = backend->cpu_gap,
		.seed = backend->seed,
	};
	int status;

	if (backend->groups) {
		status = backend_groups(backend->groups, sizes, &sim.group_size_count);
		if (status != TOOL_FINE)
			return status;
		sim.group_sizes = sizes;
	}
	options->sim = &sim;
	return backend_make(options, out_engine);
}

int backend_create(const struct backend *backend, uint32_t flags, uint32_t initial, struct dhp_engine **out_engine)
{
	struct dhp_engine_options options = {
		.size = sizeof(options),
		.flags = flags,
		.poll_interval_ms = backend->poll_ms,
		.root = backend->root,
		.source_hook = backend->source_hook,
		.source_context = backend->source_context,
	};

	if (backend->simulated)
		return backend_create_sim(backend, &options, initial, out_engine);
	return backend_make(&options, out_engine);
}
