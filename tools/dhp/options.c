/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - one small parser for every command.
 *
 * Problem   help texts and parsers drift apart, and errors that do not name the argument help nobody.
 * Idea      a table says what an option is called, what it takes and where it goes. The parser, the limits it
 *           checks and the help all read the same row.
 * Accepts   --name VALUE, --name=VALUE, operands between options, and -- after which everything is an operand.
 */
#include "options.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void command_option(struct command *command, const struct option *option)
{
	command->options[command->option_count++] = *option;
}

static const struct option *option_find(const struct command *command, const char *name, size_t length)
{
	uint32_t at;

	for (at = 0; at < command->option_count; at++)
		if (strncmp(command->options[at].name, name, length) == 0 && !command->options[at].name[length])
			return &command->options[at];
	return NULL;
}

static bool option_number(const struct option *option, const char *value, double *out_number)
{
	char *end;

	errno = 0;
	*out_number = strtod(value, &end);
	return end != value && !*end && !errno && *out_number >= option->least && *out_number <= option->most;
}

static bool option_seconds(const struct option *option, const char *value)
{
	double number;

	if (!option_number(option, value, &number)) {
		say_usage("--%s %s: not a number of seconds from %g to %g", option->name, value, option->least,
			  option->most);
		return false;
	}
	*option->into.seconds = number;
	return true;
}

static bool option_count(const struct option *option, const char *value)
{
	double number;

	if (strspn(value, "0123456789") != strlen(value) || !option_number(option, value, &number)) {
		say_usage("--%s %s: not a whole number from %.0f to %.0f", option->name, value, option->least,
			  option->most);
		return false;
	}
	*option->into.count = (uint32_t)number;
	return true;
}

static bool option_seed(const struct option *option, const char *value)
{
	char *end;

	errno = 0;
	*option->into.seed = strtoull(value, &end, 0);
	if (end != value && !*end && !errno && *value != '-')
		return true;
	say_usage("--%s %s: not a number that fits 64 bits", option->name, value);
	return false;
}

static bool option_choice(const struct option *option, const char *value)
{
	uint32_t at;

	for (at = 0; option->choices[at]; at++)
		if (strcmp(option->choices[at], value) == 0) {
			*option->into.count = at;
			return true;
		}
	say_usage("--%s %s: can be %s", option->name, value, option->argument);
	return false;
}

static bool option_store(const struct option *option, const char *value)
{
	switch (option->kind) {
	case OPTION_FLAG:
		*option->into.flag = true;
		return true;
	case OPTION_COUNT:
		return option_count(option, value);
	case OPTION_SEED:
		return option_seed(option, value);
	case OPTION_SECONDS:
		return option_seconds(option, value);
	case OPTION_TEXT:
		*option->into.text = value;
		return true;
	case OPTION_CHOICE:
		return option_choice(option, value);
	}
	return false;
}

/* One argument that begins with two dashes. *next is the place of the one after it. */
static bool option_take(const struct command *command, int argument_count, char **arguments, int *next)
{
	const char *name = arguments[*next - 1] + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = option_find(command, name, length);
	const char *value = equals ? equals + 1 : NULL;

	if (!option) {
		say_usage("unknown option --%.*s", (int)length, name);
		return false;
	}
	if (option->kind == OPTION_FLAG && value) {
		say_usage("--%s takes no value", option->name);
		return false;
	}
	if (option->kind != OPTION_FLAG && !value) {
		if (*next == argument_count) {
			say_usage("--%s needs a value: --%s %s", option->name, option->name, option->argument);
			return false;
		}
		value = arguments[(*next)++];
	}
	return option_store(option, value);
}

static void help_option(const char *name, const char *argument, const char *help)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
	printf("  %-24s ", left);
	for (; *help; help++) {
		putchar(*help);
		if (*help == '\n')
			printf("%27s", "");
	}
	putchar('\n');
}

static void command_help(const struct command *command)
{
	uint32_t at;

	printf("Usage: dhp %s [OPTIONS]%s%s\n\n%s\n\nOptions:\n", command->name, command->operands ? " " : "",
	       command->operands ? command->operands : "", command->about);
	for (at = 0; at < command->option_count; at++)
		help_option(command->options[at].name, command->options[at].argument, command->options[at].help);
	help_option("help", NULL, "print this");
	if (command->notes)
		printf("\n%s\n", command->notes);
}

static bool is_help(const char *argument)
{
	return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static bool operand_take(const struct command *command, char **arguments, char *operand, int *operand_count)
{
	if (!command->operands) {
		say_usage("unexpected argument %s: this command takes options only", operand);
		return false;
	}
	arguments[(*operand_count)++] = operand;
	return true;
}

enum options_outcome options_parse(const struct command *command, int argument_count, char **arguments,
				   int *out_operand_count)
{
	bool options_over = false;
	int next = 0;

	*out_operand_count = 0;
	while (next < argument_count) {
		char *argument = arguments[next++];
		bool fine;

		if (!options_over && is_help(argument)) {
			command_help(command);
			return OPTIONS_HELPED;
		}
		if (!options_over && strcmp(argument, "--") == 0) {
			options_over = true;
			continue;
		}
		if (!options_over && strncmp(argument, "--", 2) == 0)
			fine = option_take(command, argument_count, arguments, &next);
		else if (!options_over && argument[0] == '-' && argument[1])
			fine = (say_usage("unknown option %s", argument), false);
		else
			fine = operand_take(command, arguments, argument, out_operand_count);
		if (!fine)
			return OPTIONS_WRONG;
	}
	return OPTIONS_READ;
}
