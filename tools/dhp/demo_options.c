/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo_options.c - the options of dhp demo, and the schedule that follows from them.
 *
 * With n processors to come the run has n+1 steps of equal length, so that every arrival has as much time before as
 * after it. Length or step, each gives the other; 15 seconds when neither is given.
 */
#include "demo.h"
#include "say.h"

#define DEMO_SECONDS    15.0
#define DEMO_STEP_LEAST 0.001 /* a bucket of the timeline */

/* Longer than the time in which a busy machine lets every thread run once. */
#define DEMO_GRACE_NS_LEAST (5 * (uint64_t)NS_PER_S)

static void demo_own_options(struct demo_options *options, struct command *command)
{
	const struct option own[] = {
		{.name = "seconds", .argument = "S", .kind = OPTION_SECONDS, .into.seconds = &options->seconds,
		 .least = 0.1, .most = 3600, .help = "length of the run; 15"},
		{.name = "step-seconds", .argument = "S", .kind = OPTION_SECONDS,
		 .into.seconds = &options->step_seconds, .least = DEMO_STEP_LEAST, .most = 3600,
		 .help = "time between arrivals; the length, divided evenly"},
		{.name = "svg", .argument = "FILE", .kind = OPTION_TEXT, .into.text = &options->svg,
		 .help = "write the timeline as a picture"},
		{.name = "json", .argument = "FILE", .kind = OPTION_TEXT, .into.text = &options->json,
		 .help = "write the numbers"},
		{.name = "plain", .kind = OPTION_FLAG, .into.flag = &options->plain,
		 .help = "a line a second, no bars, also on a terminal"},
	};
	size_t at;

	for (at = 0; at < sizeof(own) / sizeof(own[0]); at++)
		command_option(command, &own[at]);
}

enum options_outcome demo_parse(struct demo_options *options, int argument_count, char **arguments)
{
	struct command command = {
		.name = "demo",
		.operands = "[FILE...]",
		.about = "Checksum every 4 KiB block of the files, again and again, each block one item of work,\n"
			 "while processors arrive one by one. Then say whether anything was lost or doubled, what\n"
			 "each arrival brought, and whether the others paused. Without a file, a large shared\n"
			 "library of the system is read.",
		.notes = "linux: starts confined to the first CPU it may use; another process widens that.\n"
			 "sim: 4 processors without --processors; they share the CPUs of this machine, so many of them\n"
			 "need a longer run.\n"
			 "Exit status: 0 fine; 1 items lost or doubled, a wrong checksum or an idle processor;\n"
			 "2 wrong usage, a file that cannot be used, one CPU only, or an affinity that cannot be set.",
	};
	int operand_count;
	enum options_outcome outcome;

	demo_own_options(options, &command);
	backend_options(&options->backend, &command);
	outcome = options_parse(&command, argument_count, arguments, &operand_count);
	options->names = arguments;
	options->name_count = (uint32_t)operand_count;
	return outcome;
}

int demo_schedule(struct demo *demo)
{
	const struct demo_options *options = &demo->options;
	double step_count = demo->plan.count; /* one processor is there, so this is arrivals + 1 */
	double seconds = options->seconds, step = options->step_seconds;

	if (seconds <= 0)
		seconds = step > 0 ? step * step_count : DEMO_SECONDS;
	if (step <= 0)
		step = seconds / step_count;
	if (step < DEMO_STEP_LEAST)
		return say_usage("--seconds %g: too short for %u arrivals; at least %g", seconds,
				 (unsigned)demo->plan.count - 1, DEMO_STEP_LEAST * step_count);
	if (step * (step_count - 1) >= seconds)
		return say_usage("--step-seconds %g: %u arrivals do not fit into %g seconds; use --seconds %g", step,
				 (unsigned)demo->plan.count - 1, seconds, step * step_count);
	demo->length_ns = ns_of_seconds(seconds);
	demo->grace_ns = demo->length_ns > DEMO_GRACE_NS_LEAST ? demo->length_ns : DEMO_GRACE_NS_LEAST;
	demo->plan.step_ns = ns_of_seconds(step);
	return TOOL_FINE;
}
