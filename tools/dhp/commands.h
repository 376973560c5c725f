/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.h - the commands. Each gets what follows its name and returns the status to end with.
 */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

int info_command(int argument_count, char **arguments);
int monitor_command(int argument_count, char **arguments);
int demo_command(int argument_count, char **arguments);
int record_command(int argument_count, char **arguments);

#endif
