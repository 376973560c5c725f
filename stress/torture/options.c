/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - see options.h. Every option has a value and may be written --name=value or --name value.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "options.h"

static const char help[] =
	"usage: torture [--seconds N] [--seed N] [--threads N] [--backend sim|linux] [--processors N]\n"
	"               [--only WHAT] [--patience N]\n"
	"\n"
	"Use everything of libdhp at once while processors arrive, leave and come back, in rounds, and count what goes wrong.\n"
	"\n"
	"  --seconds N     how long, 1 to 86400 (60)\n"
	"  --seed N        of every random choice; printed at the start (the time)\n"
	"  --threads N     threads that act beside the workers, 1 to 256 (16)\n"
	"  --backend WHAT  sim: simulated processors; linux: this machine, confined to one CPU and widened\n"
	"                  from outside while it runs (sim)\n"
	"  --processors N  most processors of a simulated partition, 2 to 4096 (24)\n"
	"  --only WHAT     arrays, epochs, work, notification, devices: the threads do nothing else; all (all)\n"
	"  --patience N    seconds without any progress that count as a hang, 2 to 3600 (120)\n"
	"  --help          this text\n"
	"\n"
	"Ends with 0 when every rule held, 1 when one was broken, 2 for a bad option, 3 when it cannot run here.\n"
	"The same seed makes the same choices; what they meet depends on the machine.\n";

/* A number's option. */
struct number {
	const char *name;
	uint64_t least;
	uint64_t most;
};

enum { SECONDS, SEED, THREADS, PROCESSORS, PATIENCE, NUMBERS };

static const struct number numbers[NUMBERS] = {
	[SECONDS] = {"--seconds", 1, 86400},
	[SEED] = {"--seed", 0, UINT64_MAX},
	[THREADS] = {"--threads", 1, 256},
	[PROCESSORS] = {"--processors", 2, 4096},
	[PATIENCE] = {"--patience", 2, 3600},
};

static bool parse_number(const struct number *number, const char *text, uint64_t *out_value)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < number->least ||
	    value > number->most) {
		fprintf(stderr, "torture: %s wants a number from %" PRIu64 " to %" PRIu64 ", not '%s'\n", number->name,
			number->least, number->most, text);
		return false;
	}
	*out_value = value;
	return true;
}

static bool parse_backend(const char *text, bool *out_simulated)
{
	if (strcmp(text, "sim") != 0 && strcmp(text, "linux") != 0) {
		fprintf(stderr, "torture: --backend wants sim or linux, not '%s'\n", text);
		return false;
	}
	*out_simulated = strcmp(text, "sim") == 0;
	return true;
}

static const char *const groups[GROUPS] = {
	[GROUP_ARRAYS] = "arrays",
	[GROUP_EPOCHS] = "epochs",
	[GROUP_WORK] = "work",
	[GROUP_NOTIFICATION] = "notification",
	[GROUP_DEVICES] = "devices",
};

#define ALL_GROUPS ((1u << GROUPS) - 1)

const char *options_only(const struct options *options)
{
	return options->groups == ALL_GROUPS ? "all" : groups[__builtin_ctz(options->groups)];
}

static bool parse_only(const char *text, uint32_t *out_groups)
{
	uint32_t group = 0;

	*out_groups = ALL_GROUPS;
	if (strcmp(text, "all") == 0)
		return true;
	while (group < GROUPS && strcmp(text, groups[group]) != 0)
		group++;
	*out_groups = 1u << group;
	if (group == GROUPS)
		fprintf(stderr, "torture: --only wants arrays, epochs, work, notification, devices or all, not '%s'\n", text);
	return group < GROUPS;
}

/* The value of the option called name at argv[*place], or NULL; moves *place over a value that stands alone. */
static const char *value_of(const char *name, int argc, char **argv, int *place)
{
	size_t length = strlen(name);
	const char *text = argv[*place];

	if (strncmp(text, name, length) != 0 || (text[length] != '=' && text[length] != '\0'))
		return NULL;
	if (text[length] == '=')
		return text + length + 1;
	if (*place + 1 < argc)
		return argv[++*place];
	return "";
}

static bool parse_one(struct options *options, uint64_t *values, int argc, char **argv, int *place)
{
	const char *argument = argv[*place], *text;
	unsigned int i;

	if (strcmp(argument, "--help") == 0) {
		options->help = true;
		return true;
	}
	text = value_of("--backend", argc, argv, place);
	if (text != NULL)
		return parse_backend(text, &options->simulated);
	text = value_of("--only", argc, argv, place);
	if (text != NULL)
		return parse_only(text, &options->groups);
	for (i = 0; i < NUMBERS; i++) {
		text = value_of(numbers[i].name, argc, argv, place);
		if (text != NULL)
			return parse_number(&numbers[i], text, &values[i]);
	}
	fprintf(stderr, "torture: unknown option '%s'; try --help\n", argument);
	return false;
}

bool options_parse(struct options *options, int argc, char **argv)
{
	uint64_t values[NUMBERS] = {
		[SECONDS] = 60, [SEED] = (uint64_t)time(NULL), [THREADS] = 16, [PROCESSORS] = 24, [PATIENCE] = 120};
	int place;

	*options = (struct options){.simulated = true, .groups = ALL_GROUPS};
	for (place = 1; place < argc; place++)
		if (!parse_one(options, values, argc, argv, &place))
			return false;
	options->seconds = (uint32_t)values[SECONDS];
	options->seed = values[SEED];
	options->threads = (uint32_t)values[THREADS];
	options->processors = (uint32_t)values[PROCESSORS];
	options->patience = (uint32_t)values[PATIENCE];
	if (options->help)
		fputs(help, stdout);
	return true;
}
