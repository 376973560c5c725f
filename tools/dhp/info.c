/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * info.c - dhp info: the partition at this moment, and what would tell us of a change.
 *
 * Counts and masks come from one snapshot, so that they agree; the rows of the table are the processors that it
 * counts as active, and what a processor is never changes. No workers are started: looking should cost nothing.
 */
#include "backend.h"
#include "commands.h"
#include "json.h"
#include "say.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

/* Each group holds at least one processor. */
#define INFO_GROUPS_LIMIT DHP_PROCESSORS_LIMIT

struct info {
	struct dhp_engine *engine;
	const char *backend;
	struct dhp_snapshot snapshot;
	uint64_t active[INFO_GROUPS_LIMIT];
	uint64_t usable[INFO_GROUPS_LIMIT];
	struct json json;
};

static bool info_usable(const struct info *info, const struct dhp_processor *processor)
{
	return info->usable[processor->number.group] >> processor->number.number & 1;
}

static void info_print_counts(const struct info *info)
{
	const struct dhp_counts *counts = &info->snapshot.counts;

	printf("libdhp %d.%d.%d, backend %s\n\n", DHP_VERSION_MAJOR, DHP_VERSION_MINOR, DHP_VERSION_PATCH,
	       info->backend);
	printf("Processors   maximum %" PRIu32 "   present %" PRIu32 "   online %" PRIu32 "   active %" PRIu32
	       "   usable %" PRIu32 "\n",
	       counts->maximum, counts->present, counts->online, counts->active, counts->usable);
	if (counts->quota != 0)
		printf("Quota        as much time as %" PRIu32 " of them have\n", counts->quota);
	printf("Groups       maximum %" PRIu32 "   active %" PRIu32 "\n", counts->groups_maximum,
	       counts->groups_active);
	printf("Generation   %" PRIu64 "\n\n", counts->generation);
}

static void info_print_processor(const struct info *info, const struct dhp_processor *processor)
{
	printf("%5" PRIu32 "  %5" PRIu32 "  %5u  %6u  %4s  %7s  %5s  %6s  %s\n", processor->index, processor->cpu,
	       (unsigned)processor->number.group, (unsigned)processor->number.number,
	       text_or_dash(processor->node).s, text_or_dash(processor->package).s, text_or_dash(processor->core).s,
	       text_or_dash(processor->thread).s, info_usable(info, processor) ? "active, usable" : "active");
}

static void info_print_source(const struct dhp_source *source, void *context)
{
	(void)context;
	printf("  %-9s %-4s %s\n", source->name, source->works ? "yes" : "no", source->detail);
	if (source->works && *source->blind)
		printf("%17s not seen: %s\n", "", source->blind);
	printf("%17s as root also: %s; changes %" PRIu64 ", malformed %" PRIu64 "\n", "", source->root,
	       source->changes_count, source->malformed_count);
}

typedef void info_visit(const struct info *info, const struct dhp_processor *processor);

static void info_each_processor(const struct info *info, info_visit *print)
{
	struct dhp_processor processor;
	uint32_t index;

	for (index = 0; index < info->snapshot.counts.active; index++)
		if (!dhp_failed(dhp_processor_at(info->engine, index, &processor)))
			print(info, &processor);
}

static void info_print(const struct info *info)
{
	info_print_counts(info);
	printf("Index    CPU  Group  Number  Node  Package   Core  Thread  State\n");
	info_each_processor(info, info_print_processor);
	printf("\nSources of change (seen here?)\n");
	dhp_sources(info->engine, info_print_source, NULL);
}

static void info_json_known(struct json *json, const char *key, uint32_t number)
{
	if (number == DHP_UNKNOWN)
		json_null(json, key);
	else
		json_count(json, key, number);
}

static void info_json_processor(const struct info *info, const struct dhp_processor *processor)
{
	struct json json = info->json; /* inside the array: the same place for each but the first */

	json.follows = processor->index != 0;
	json_object(&json, NULL);
	json_count(&json, "index", processor->index);
	json_count(&json, "cpu", processor->cpu);
	json_count(&json, "group", processor->number.group);
	json_count(&json, "number", processor->number.number);
	json_count(&json, "node", processor->node);
	info_json_known(&json, "package", processor->package);
	info_json_known(&json, "core", processor->core);
	info_json_known(&json, "thread", processor->thread);
	json_bool(&json, "active", true);
	json_bool(&json, "usable", info_usable(info, processor));
	json_object_end(&json);
}

static void info_json_source(const struct dhp_source *source, void *context)
{
	struct info *info = context;

	json_object(&info->json, NULL);
	json_text(&info->json, "name", source->name);
	json_bool(&info->json, "works", source->works);
	json_text(&info->json, "detail", source->detail);
	json_text(&info->json, "blind", source->blind);
	json_text(&info->json, "root", source->root);
	json_count(&info->json, "changes", source->changes_count);
	json_count(&info->json, "malformed", source->malformed_count);
	json_object_end(&info->json);
}

static void info_json_counts(struct info *info)
{
	const struct dhp_counts *counts = &info->snapshot.counts;

	json_count(&info->json, "generation", counts->generation);
	json_count(&info->json, "maximum", counts->maximum);
	json_count(&info->json, "present", counts->present);
	json_count(&info->json, "online", counts->online);
	json_count(&info->json, "quota", counts->quota);
	json_count(&info->json, "active", counts->active);
	json_count(&info->json, "usable", counts->usable);
	json_count(&info->json, "groups_maximum", counts->groups_maximum);
	json_count(&info->json, "groups_active", counts->groups_active);
}

static void info_json(struct info *info)
{
	info->json = (struct json){.file = stdout};
	json_object(&info->json, NULL);
	json_text(&info->json, "backend", info->backend);
	info_json_counts(info);
	json_array(&info->json, "processors");
	info_each_processor(info, info_json_processor);
	info->json.follows = true;
	json_array_end(&info->json);
	json_array(&info->json, "sources");
	dhp_sources(info->engine, info_json_source, info);
	json_array_end(&info->json);
	json_object_end(&info->json);
}

static int info_show(struct dhp_engine *engine, const struct backend *backend, bool json)
{
	static struct info info; /* 64 KiB of masks: not for the stack */
	enum dhp_status status;

	info.engine = engine;
	info.backend = backend_name(backend);
	info.snapshot.masks_capacity = INFO_GROUPS_LIMIT;
	info.snapshot.active_masks = info.active;
	info.snapshot.usable_masks = info.usable;
	status = dhp_snapshot_take(engine, &info.snapshot);
	if (dhp_failed(status))
		return say_status("cannot look at the partition", status);
	if (json)
		info_json(&info);
	else
		info_print(&info);
	return TOOL_FINE;
}

int info_command(int argument_count, char **arguments)
{
	struct backend backend = {.processors = 0};
	bool json = false;
	struct command command = {
		.name = "info",
		.about = "Print this machine as the library sees it: how many processors there are, which, and which\n"
			 "sources of change can be seen here.",
		.notes = "With --backend sim all processors are active; without --processors there are 8.",
	};
	struct dhp_engine *engine;
	int operand_count, status;

	command_option(&command, &(struct option){.name = "json", .kind = OPTION_FLAG, .into.flag = &json,
						  .help = "print one JSON object"});
	backend_options(&backend, &command);
	switch (options_parse(&command, argument_count, arguments, &operand_count)) {
	case OPTIONS_HELPED:
		return TOOL_FINE;
	case OPTIONS_WRONG:
		return TOOL_UNUSABLE;
	case OPTIONS_READ:
		break;
	}
	status = backend_check(&backend, 8);
	if (status == TOOL_FINE)
		status = backend_create(&backend, DHP_ENGINE_NO_WORKERS, 0, &engine);
	if (status != TOOL_FINE)
		return status;
	status = info_show(engine, &backend, json);
	dhp_engine_destroy(engine);
	return status;
}
