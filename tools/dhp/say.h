/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * say.h - how the tool ends, and what it says when it cannot go on.
 */
#ifndef TOOL_SAY_H
#define TOOL_SAY_H

#include <dhp/base.h>

enum tool_exit {
	TOOL_FINE = 0,
	TOOL_FAILED = 1,  /* the thing asked for failed: items lost, a processor that never ran */
	TOOL_UNUSABLE = 2 /* wrong usage, input that cannot be used, a permission that is missing */
};

/* From now on messages begin with "dhp COMMAND: ". */
void say_as(const char *command);

/* One line on stderr; the result is the status to exit with, so that a caller can return it. */
int say_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
int say_unusable(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As say_unusable, and names the help to read. */
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the library said, in words. */
int say_status(const char *what, enum dhp_status status);

/* Was all of stdout written? To be called last. */
int say_finished(int status);

#endif
