/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - dhp: look at a partition, watch it, see a processor arrive under load.
 *
 * The first argument names the command; a command is a row of the table and a file of its own.
 */
#include "commands.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argument_count, char **arguments);
	const char *about;
} commands[] = {
	{"info", info_command, "this machine as the library sees it"},
	{"monitor", monitor_command, "print every notification as it comes"},
	{"demo", demo_command, "processors arrive while items of work flow; nothing is lost"},
	{"record", record_command, "write every change to a file, to be played again elsewhere"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int main_help(FILE *file, int status)
{
	size_t at;

	fputs("Usage: dhp COMMAND [OPTIONS]\n\n"
	      "Programs whose processors can arrive while they run: libdhp at work.\n\nCommands:\n",
	      file);
	for (at = 0; at < COMMAND_COUNT; at++)
		fprintf(file, "  %-10s %s\n", commands[at].name, commands[at].about);
	fputs("\ndhp COMMAND --help tells more; dhp --version names the version.\n"
	      "Exit status: 0 fine, 1 what was asked for failed, 2 wrong usage, unusable input or no permission.\n",
	      file);
	return status;
}

static int main_version(void)
{
	printf("dhp %d.%d.%d\n", DHP_VERSION_MAJOR, DHP_VERSION_MINOR, DHP_VERSION_PATCH);
	return TOOL_FINE;
}

static int main_dispatch(int argument_count, char **arguments)
{
	size_t at;

	for (at = 0; at < COMMAND_COUNT; at++)
		if (strcmp(arguments[1], commands[at].name) == 0) {
			say_as(commands[at].name);
			return commands[at].run(argument_count - 2, arguments + 2);
		}
	return say_usage("unknown command %s: can be info, monitor, demo or record", arguments[1]);
}

int main(int argument_count, char **arguments)
{
	if (argument_count < 2)
		return main_help(stderr, TOOL_UNUSABLE);
	if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)
		return say_finished(main_help(stdout, TOOL_FINE));
	if (strcmp(arguments[1], "--version") == 0)
		return say_finished(main_version());
	return say_finished(main_dispatch(argument_count, arguments));
}
