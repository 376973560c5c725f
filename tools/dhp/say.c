/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.c - messages for people.
 *
 * Problem   an error far down must name the command, the argument and the remedy.
 * Idea      the command's name is said once, at the start; every message is one line on stderr; every function here
 *           returns the status to exit with, so that the error and the status cannot differ.
 */
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *say_command; /* set once, before any thread exists */

void say_as(const char *command)
{
	say_command = command;
}

static void say_name(void)
{
	fflush(stdout);
	fputs("dhp", stderr);
	if (say_command)
		fprintf(stderr, " %s", say_command);
	fputs(": ", stderr);
}

static void say_line(const char *format, va_list arguments)
{
	say_name();
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int say_failed(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_line(format, arguments);
	va_end(arguments);
	return TOOL_FAILED;
}

int say_unusable(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_line(format, arguments);
	va_end(arguments);
	return TOOL_UNUSABLE;
}

int say_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_line(format, arguments);
	va_end(arguments);
	fprintf(stderr, "Read: dhp %s%s--help\n", say_command ? say_command : "", say_command ? " " : "");
	return TOOL_UNUSABLE;
}

/* Is it the world's refusal (a permission, an input), which the person can change? */
static bool say_is_refusal(enum dhp_status status)
{
	return status == DHP_NO_AFFINITY || status == DHP_NO_PROCESSOR || status == DHP_CANNOT_READ ||
	       status == DHP_TOO_MANY || status == DHP_NOT_SUPPORTED || status == DHP_BAD_OPTIONS ||
	       status == DHP_BAD_GROUPS;
}

int say_status(const char *what, enum dhp_status status)
{
	int exit_status = say_is_refusal(status) ? TOOL_UNUSABLE : TOOL_FAILED;

	say_failed("%s: %s (%s)", what, dhp_status_text(status), dhp_status_name(status));
	return exit_status;
}

int say_finished(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return say_failed("cannot write the output: %s", strerror(errno));
}
