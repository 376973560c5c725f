/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * monitor.c - dhp monitor: every notification of every channel, as it comes.
 *
 * Problem   four channels speak in several threads: synchronous callbacks in the thread that adds, asynchronous ones in
 *           the engine's, sources in the one that looks, and the counts, which change without a notification of their
 *           own (usable).
 * Idea      one lock around a line, nothing else shared. The main thread looks at the generation and prints the
 *           counts when it has grown; so what the counts say is never older than the interval of that look.
 * Not       a worker pool: the engine is made without workers, a monitor should cost nothing.
 */
#include "backend.h"
#include "clock.h"
#include "commands.h"
#include "json.h"
#include "player.h"
#include "say.h"
#include "script.h"
#include "stop.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#define MONITOR_LOOK_MS 20u

struct monitor {
	pthread_mutex_t line;    /* held while a line is written */
	struct dhp_engine *engine;
	struct dhp_notify *changes;
	struct dhp_arrival_notify *arrivals;
	uint64_t started_ns;     /* set once */
	struct dhp_arrival_notify *modules;
	uint64_t generation;     /* main thread only: of the counts printed last */
	uint64_t memory_generation; /* likewise, of the memory */
	bool as_json;            /* set once */
	pthread_t main_thread;   /* set once */
	struct player *player;   /* set once; NULL: nothing is played */
	bool watching;           /* main thread only: the registrations have been made */
	uint64_t played_ns;      /* under the lock: when what is played happened */
	struct json json;        /* under the lock */
};

/*
 * Is this a replay of what was there at registration? That runs in the thread that registers; an arrival in a thread of
 * the library or of the script, or later, when the main thread plays a recording.
 */
static bool monitor_replays(const struct monitor *monitor)
{
	return pthread_equal(monitor->main_thread, pthread_self()) && !monitor->watching;
}

static const char *const change_names[] = {
	[DHP_CHANGE_START] = "start",
	[DHP_CHANGE_COMPLETE] = "complete",
	[DHP_CHANGE_FAILURE] = "failure",
};

/* What is played has the time it had then, and no wall clock, which the recording does not know. */
static void monitor_begin(struct monitor *monitor, const char *channel, const char *event)
{
	struct wall_text wall;
	double seconds;

	pthread_mutex_lock(&monitor->line);
	wall = clock_wall();
	seconds = seconds_of_ns(monitor->player ? monitor->played_ns : clock_now_ns() - monitor->started_ns);
	if (!monitor->as_json) {
		if (!monitor->player)
			printf("%s  ", wall.s);
		printf("%11.6f s  %-12s  %-8s", seconds, channel, event);
		return;
	}
	json_object(&monitor->json, NULL);
	if (!monitor->player)
		json_text(&monitor->json, "time", wall.s);
	json_real(&monitor->json, "seconds", seconds);
	json_text(&monitor->json, "channel", channel);
	json_text(&monitor->json, "event", event);
}

/* A line leaves at once: whoever reads it through a pipe wants to act on it. */
static void monitor_end(struct monitor *monitor)
{
	if (monitor->as_json)
		json_object_end(&monitor->json);
	else
		putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&monitor->line);
}

static void monitor_change_json(struct monitor *monitor, const struct dhp_processor_change *change)
{
	json_count(&monitor->json, "index", change->index);
	json_count(&monitor->json, "cpu", change->cpu);
	json_count(&monitor->json, "group", change->number.group);
	json_count(&monitor->json, "number", change->number.number);
	json_bool(&monitor->json, "existing", monitor_replays(monitor));
	json_text(&monitor->json, "status", dhp_status_name(change->status));
}

static void monitor_change_text(struct monitor *monitor, const struct dhp_processor_change *change)
{
	printf("  index %" PRIu32 "  cpu %" PRIu32 "  number %u:%u", change->index, change->cpu,
	       (unsigned)change->number.group, (unsigned)change->number.number);
	if (change->status != DHP_OK)
		printf("  %s", dhp_status_name(change->status));
	if (monitor_replays(monitor))
		printf("  (was there)");
}

static void monitor_change(void *context, const struct dhp_processor_change *change,
			   enum dhp_status *operation_status)
{
	struct monitor *monitor = context;

	(void)operation_status;
	monitor_begin(monitor, "synchronous", change_names[change->state]);
	if (monitor->as_json)
		monitor_change_json(monitor, change);
	else
		monitor_change_text(monitor, change);
	monitor_end(monitor);
}

static void monitor_arrival(void *context, const struct dhp_arrival *arrival)
{
	struct monitor *monitor = context;
	const char *class_name = arrival->device_class == DHP_CLASS_PROCESSOR ? "processor" : "memory";

	monitor_begin(monitor, "asynchronous", arrival->event == DHP_EVENT_ARRIVAL ? "arrival" : "removal");
	if (monitor->as_json) {
		json_text(&monitor->json, "class", class_name);
		json_text(&monitor->json, "name", arrival->name);
		json_bool(&monitor->json, "existing", monitor_replays(monitor));
	} else {
		printf("  %s %s%s", class_name, arrival->name, monitor_replays(monitor) ? "  (was there)" : "");
	}
	monitor_end(monitor);
}

/* What a source has found is in the counts and the memory; here is what it cannot find any more. */
static void monitor_source(void *context, const struct dhp_source_event *event)
{
	struct monitor *monitor = context;

	if (event->kind != DHP_SOURCE_DROPPED)
		return;
	monitor_begin(monitor, "source", "dropped");
	if (monitor->as_json) {
		json_text(&monitor->json, "source", event->source);
		json_text(&monitor->json, "reason", event->value);
	} else {
		printf("  %s: %s", event->source, event->value);
	}
	monitor_end(monitor);
}

static void monitor_counts_print(struct monitor *monitor, const struct dhp_counts *counts)
{
	monitor_begin(monitor, "counts", "changed");
	if (monitor->as_json) {
		json_count(&monitor->json, "generation", counts->generation);
		json_count(&monitor->json, "maximum", counts->maximum);
		json_count(&monitor->json, "present", counts->present);
		json_count(&monitor->json, "online", counts->online);
		json_count(&monitor->json, "quota", counts->quota);
		json_count(&monitor->json, "active", counts->active);
		json_count(&monitor->json, "usable", counts->usable);
	} else {
		printf("  maximum %" PRIu32 "  present %" PRIu32 "  online %" PRIu32 "  active %" PRIu32
		       "  usable %" PRIu32 "  quota %" PRIu32 "  generation %" PRIu64,
		       counts->maximum, counts->present, counts->online, counts->active, counts->usable, counts->quota,
		       counts->generation);
	}
	monitor_end(monitor);
}

static void monitor_counts(struct monitor *monitor)
{
	struct dhp_counts counts;

	if (dhp_failed(dhp_counts_read(monitor->engine, &counts)) || counts.generation == monitor->generation)
		return;
	monitor->generation = counts.generation;
	monitor_counts_print(monitor, &counts);
}

static const char *monitor_condition(const struct dhp_memory_info *memory)
{
	return memory->low ? "low" : memory->high ? "high" : "neither";
}

/* When a module has come, the total has changed or a condition has: what is available changes all the time. */
static void monitor_memory(struct monitor *monitor)
{
	struct dhp_memory_info memory;

	if (dhp_failed(dhp_memory_read(monitor->engine, &memory)) || memory.generation == monitor->memory_generation)
		return;
	monitor->memory_generation = memory.generation;
	monitor_begin(monitor, "memory", "changed");
	if (monitor->as_json) {
		json_count(&monitor->json, "total_bytes", memory.total_bytes);
		json_count(&monitor->json, "available_bytes", memory.available_bytes);
		json_count(&monitor->json, "modules", memory.modules_count);
		json_text(&monitor->json, "condition", monitor_condition(&memory));
	} else {
		printf("  total %" PRIu64 " MiB  available %" PRIu64 " MiB  modules %" PRIu32 "  condition %s",
		       memory.total_bytes >> 20, memory.available_bytes >> 20, memory.modules_count,
		       monitor_condition(&memory));
	}
	monitor_end(monitor);
}

/* Until the time is over, somebody asks to stop, or the script has been played and all of it has been delivered. */
static void monitor_watch(struct monitor *monitor, struct script *script, uint64_t until_ns)
{
	for (;;) {
		uint64_t next = clock_now_ns() + MONITOR_LOOK_MS * NS_PER_MS;
		bool over = script && !until_ns && script_is_over(script);
		bool stop = !over && stop_wait_until(until_ns && until_ns < next ? until_ns : next);

		if (over)
			dhp_arrival_drain(monitor->engine);
		monitor_counts(monitor);
		monitor_memory(monitor);
		if (over || stop || (until_ns && clock_now_ns() >= until_ns))
			return;
	}
}

static void monitor_play(struct monitor *monitor)
{
	uint64_t time_ns;

	while (player_wait(monitor->player, monitor->engine, &time_ns)) {
		pthread_mutex_lock(&monitor->line);
		monitor->played_ns = time_ns;
		pthread_mutex_unlock(&monitor->line);
		player_step(monitor->engine);
		monitor_counts(monitor);
		monitor_memory(monitor);
	}
}

static int monitor_register(struct monitor *monitor)
{
	enum dhp_status status;

	status = dhp_notify_register(monitor->engine, monitor_change, monitor, DHP_NOTIFY_EXISTING,
				     &monitor->changes);
	if (!dhp_failed(status))
		status = dhp_arrival_register(monitor->engine, DHP_CLASS_PROCESSOR, monitor_arrival, monitor,
					      DHP_NOTIFY_EXISTING, &monitor->arrivals);
	/* What is there may be thousands of blocks: only those that come. */
	if (!dhp_failed(status))
		status = dhp_arrival_register(monitor->engine, DHP_CLASS_MEMORY, monitor_arrival, monitor, 0,
					      &monitor->modules);
	return dhp_failed(status) ? say_status("cannot register for notifications", status) : TOOL_FINE;
}

static int monitor_run(struct monitor *monitor, struct script *script, double seconds)
{
	uint64_t until_ns = seconds > 0 ? monitor->started_ns + ns_of_seconds(seconds) : 0;
	int status;

	monitor_counts(monitor);
	monitor_memory(monitor);
	status = monitor_register(monitor);
	monitor->watching = true;
	if (status == TOOL_FINE && script)
		status = script_begin(script, monitor->engine);
	if (status == TOOL_FINE && monitor->player)
		monitor_play(monitor);
	else if (status == TOOL_FINE)
		monitor_watch(monitor, script, until_ns);
	if (script)
		script_end(script);
	dhp_arrival_unregister(monitor->modules);
	dhp_arrival_unregister(monitor->arrivals);
	dhp_notify_unregister(monitor->changes);
	return status;
}

struct monitor_options {
	struct backend backend;
	struct player player;
	uint32_t fail_one_in;
	double seconds; /* 0: no end */
	bool json;
};

static enum options_outcome monitor_parse(struct monitor_options *options, int argument_count, char **arguments)
{
	struct command command = {
		.name = "monitor",
		.about = "Print every notification of every channel as it comes, with the wall clock and the seconds\n"
			 "since the start: synchronous (start, complete, failure), asynchronous (arrival),\n"
			 "changes of the counts and of the memory, and sources of change that are lost.",
		.notes = "Ctrl-C or SIGTERM ends it with status 0. With --backend sim a script from the seed makes\n"
			 "all processors arrive (8 without --processors); without --seconds the last one ends it.\n"
			 "With --replay the seconds are those of the recording, and its last change ends it; while it waits\n"
			 "for the file or for a line, the signals end it at once.",
	};
	int operand_count;

	command_option(&command, &(struct option){.name = "json", .kind = OPTION_FLAG, .into.flag = &options->json,
						  .help = "print one JSON object a line"});
	command_option(&command, &(struct option){.name = "seconds", .argument = "S", .kind = OPTION_SECONDS,
						  .into.seconds = &options->seconds, .least = 0.01, .most = 1e9,
						  .help = "end after so long"});
	backend_options(&options->backend, &command);
	command_option(&command, &(struct option){.name = "fail-one-in", .argument = "N", .kind = OPTION_COUNT,
						  .into.count = &options->fail_one_in, .least = 0, .most = 1000000,
						  .help = "sim: one in so many attempts fails; 0: none"});
	player_options(&options->player, &command);
	return options_parse(&command, argument_count, arguments, &operand_count);
}

static int monitor_create(struct monitor *monitor, struct monitor_options *options)
{
	struct backend backend = options->backend;

	if (options->player.name)
		return player_open(&options->player, DHP_ENGINE_NO_WORKERS, &monitor->engine);
	backend.source_hook = monitor_source;
	backend.source_context = monitor;
	return backend_create(&backend, DHP_ENGINE_NO_WORKERS, 1, &monitor->engine);
}

static int monitor_open(struct monitor_options *options)
{
	struct script script = {.fail_one_in = options->fail_one_in};
	struct monitor monitor = {
		.line = PTHREAD_MUTEX_INITIALIZER,
		.main_thread = pthread_self(),
		.as_json = options->json,
		.player = options->player.name ? &options->player : NULL,
		.json = {.file = stdout, .compact = true},
	};
	int status;

	monitor.started_ns = clock_now_ns();
	status = monitor_create(&monitor, options);
	if (status != TOOL_FINE)
		return status;
	status = monitor_run(&monitor, options->backend.simulated ? &script : NULL, options->seconds);
	dhp_engine_destroy(monitor.engine);
	if (monitor.player)
		player_close(monitor.player);
	return status;
}

/* A recording says what there is, and when it ends. */
static int monitor_check(struct monitor_options *options)
{
	const struct backend *backend = &options->backend;

	if (!options->player.name && options->player.speed)
		return say_usage("--speed is that of a recording: add --replay FILE");
	if (options->player.name && (backend->simulated || backend->processors || backend->groups || backend->nodes ||
				     backend->cpu_gap || options->fail_one_in || options->seconds > 0))
		return say_usage("--replay says itself what there is and when it ends: leave out --backend and what follows "
				 "from it, --fail-one-in and --seconds");
	if (options->fail_one_in && !backend->simulated)
		return say_usage("--fail-one-in makes simulated arrivals fail: add --backend sim");
	return TOOL_FINE;
}

int monitor_command(int argument_count, char **arguments)
{
	struct monitor_options options = {.seconds = 0};
	int status;

	switch (monitor_parse(&options, argument_count, arguments)) {
	case OPTIONS_HELPED:
		return TOOL_FINE;
	case OPTIONS_WRONG:
		return TOOL_UNUSABLE;
	case OPTIONS_READ:
		break;
	}
	status = backend_check(&options.backend, 8);
	if (status == TOOL_FINE)
		status = monitor_check(&options);
	if (status != TOOL_FINE)
		return status;
	stop_prepare();
	return monitor_open(&options);
}
